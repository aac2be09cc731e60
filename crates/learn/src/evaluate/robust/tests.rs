use pointsman_encode::StaticTable;

use super::*;
use crate::evaluate::{EvalReport, evaluate};
use crate::train::tests::table;

fn judged(robust: RobustOptions) -> Result<EvalReport, EvalError> {
    let (_folder, table) = table(240, false, 21);
    let options = EvalOptions { resamples: 50, seed: 3, robust: Some(robust), ..EvalOptions::default() };
    evaluate(&table, None, StaticTable::embedded(), &options, &mut |_| {})
}

fn attacked(target: Option<&str>) -> RobustOptions {
    let target = target.map(str::to_owned);
    let attack = AttackOptions { target, tokens: 6, tries: 40, prompts: 12 };
    RobustOptions { stability: true, attack: Some(attack), ..RobustOptions::default() }
}

#[test]
fn figures_are_the_same_for_a_seed_and_the_defence_helps() {
    // Nearly every prompt of this table gets the dearest model: the way that is open leads to the cheap one.
    let towards = || judged(attacked(Some("cheap"))).unwrap();
    let (first, second) = (towards(), towards());
    let without_times = |report: &EvalReport| {
        let mut json = serde_json::to_value(report.robust.as_ref().unwrap()).unwrap();
        for way in ["plain", "robust"] {
            json["unattacked"][way]["decision_us"].take();
        }
        json
    };
    assert_eq!(without_times(&first), without_times(&second));
    let robust = first.robust.as_ref().unwrap();
    let stability = robust.stability.as_ref().unwrap();
    assert!(stability.edits > 10 * robust.prompts, "{stability:?}");
    assert_eq!(stability.by_edit.len(), edits::KINDS.len());
    assert!(stability.same.plain.share > 0.5 && stability.same.plain.share <= 1.0, "{stability:?}");
    let attack = robust.attack.as_ref().unwrap();
    assert!(attack.prompts > 0 && attack.prompts <= 12, "{attack:?}");
    assert!(attack.success.robust.share <= attack.success.plain.share, "{attack:?}");
    assert!(first.to_string().lines().all(|line| line.chars().count() <= 100), "{first}");
}

#[test]
fn a_target_outside_the_pool_is_refused_by_name() {
    let fault = judged(attacked(Some("nobody"))).unwrap_err().to_string();
    assert!(fault.contains("`nobody`") && fault.contains("dear"), "{fault}");
    let named = judged(attacked(Some("dear"))).unwrap().robust.unwrap();
    assert_eq!(named.attack.unwrap().target.as_deref(), Some("dear"));
}

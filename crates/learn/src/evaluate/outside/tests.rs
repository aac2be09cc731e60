use super::*;
use crate::train::tests::table;

fn options() -> EvalOptions {
    EvalOptions { resamples: 100, ..EvalOptions::default() }
}

fn judged(said: impl Fn(usize) -> Said) -> OutsideReport {
    let (_folder, table) = table(240, false, 11);
    let rows = rows_to_ask(&table, &options()).unwrap();
    let said: Vec<(usize, Said)> = rows.iter().enumerate().map(|(at, row)| (*row, said(at))).collect();
    outside(&table, "http://elsewhere/v1", &said, &options()).unwrap()
}

#[test]
fn a_router_that_always_names_the_best_single_is_the_best_single() {
    let report = judged(|_| Said::Served("dear".to_owned()));
    let own = report.figures.unwrap();
    assert_eq!((report.prompts, report.best_single.as_str()), (60, "dear"));
    assert!(own.quality_over_best.abs() < 1e-6 && (own.cost_share - 1.0).abs() < 1e-6, "{own:?}");
    assert!(own.above_zero_hull <= 1e-6, "{own:?}");
    assert_eq!(report.chosen["dear"], 60);
    assert!(own.quality_ci[0] <= own.quality && own.quality <= own.quality_ci[1]);
}

#[test]
fn what_cannot_be_looked_up_is_left_out_and_counted() {
    let report = judged(|at| match at % 4 {
        0 => Said::Served("someone-else".to_owned()),
        1 => Said::Nobody,
        2 => Said::Failed("timeout".to_owned()),
        _ => Said::Served("provider/DEAR-2024-08-06".to_owned()),
    });
    assert_eq!((report.asked, report.prompts, report.unnamed), (60, 15, 15));
    assert_eq!(report.unknown["someone-else"], 15);
    assert_eq!(report.failed["timeout"], 15);
    let text = report.to_string();
    assert!(text.contains("15 went to `someone-else`, which is not in the pool"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["above_zero_hull_ci"][1].is_number(), "{json}");
    let nobody = judged(|_| Said::Nobody);
    assert!(nobody.figures.is_none() && nobody.prompts == 0);
}

#[test]
fn names_find_their_model_and_never_one_of_two() {
    let models = ["gpt-4o-2024-08-06", "gpt-4o-mini", "openai/o1", "claude-3-20240307", "claude-3-20240620"];
    let models = models.map(str::to_owned);
    assert_eq!(known_as(&models, "gpt-4o-2024-08-06"), Some(0));
    assert_eq!(known_as(&models, "openai/GPT-4o"), Some(0));
    assert_eq!(known_as(&models, "gpt-4o-2024-05-13"), None);
    assert_eq!(known_as(&models, "gpt-4o-mini-2024-07-18"), Some(1));
    assert_eq!(known_as(&models, "o1"), Some(2));
    assert_eq!(known_as(&models, "claude-3"), None);
}

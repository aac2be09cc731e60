use proptest::prelude::*;

use super::*;
use crate::estimates::{Source, Spread, Usual};
use crate::goal::{CostScale, Preference};
use crate::rng::Rng;
use crate::select::do_no_harm::DoNoHarm;
use crate::select::tests::facts;
use crate::select::utility::Utility;

const NAMES: [&str; 3] = ["cheap", "middle", "dear"];
const COSTS: [f64; 3] = [1e5, 1e6, 1e7];

fn estimates(qualities: [f64; 3]) -> Estimates {
    let one = |at: usize| Estimate {
        target: NAMES[at].into(),
        quality: Spread { mean: qualities[at], sd: 0.01 },
        output_tokens: Spread::default(),
        cost: Some(Spread { mean: COSTS[at], sd: 0.0 }),
        latency_ms: None,
        usual: Some(Usual { quality: 0.5 + 0.1 * at as f64, cost: Some(COSTS[at]), doubt: 0.01 }),
        source: Source::learned("test"),
    };
    Estimates { list: (0..3).map(one).collect(), ..Estimates::default() }
}

fn goal(prefer: f64) -> Goal {
    let scale = CostScale { low: 1e5, high: 1e7 };
    Goal { prefer: Preference::new(prefer).unwrap(), ..Goal::balanced(scale) }
}

fn chosen(selector: &dyn Selector, estimates: &Estimates, prefer: f64) -> TargetId {
    let facts = facts();
    let ranking = selector.rank(estimates, &facts, &goal(prefer), &mut Rng::new(1));
    ranking.chosen().unwrap().target.clone()
}

fn robust(guarded: &[&str]) -> Robust {
    Robust::over(
        Arc::new(Utility { worth: None }),
        guarded.iter().map(|name| TargetId::from(*name)).collect(),
    )
}

#[test]
fn a_reading_that_asks_less_is_taken_and_the_reason_says_so() {
    let (hard, easy) = (estimates([0.1, 0.2, 0.9]), estimates([0.9, 0.9, 0.9]));
    let both = Estimates { readings: vec![easy.clone()], ..hard.clone() };
    assert_eq!(chosen(&robust(&[]), &hard, 1.0), "dear".into());
    let facts = facts();
    let ranking = robust(&[]).rank(&both, &facts, &goal(1.0), &mut Rng::new(1));
    let first = ranking.chosen().unwrap();
    assert_eq!(first.target, "cheap".into());
    assert_eq!(first.reason, Reason::LeastReading { instead_of: "dear".into() });
    // The other way round the prompt as it stands asks least already.
    let both = Estimates { readings: vec![hard], ..easy };
    assert_eq!(chosen(&robust(&[]), &both, 1.0), "cheap".into());
}

#[test]
fn a_guarded_target_is_chosen_only_where_all_readings_agree() {
    let (to_cheap, to_dear) = (estimates([0.9, 0.1, 0.1]), estimates([0.1, 0.2, 0.9]));
    let mixed = Estimates { readings: vec![to_dear], ..to_cheap.clone() };
    assert_eq!(chosen(&robust(&[]), &mixed, 1.0), "cheap".into());
    assert_eq!(chosen(&robust(&["cheap"]), &mixed, 1.0), "dear".into());
    let agreed = Estimates { readings: vec![to_cheap.clone()], ..to_cheap };
    assert_eq!(chosen(&robust(&["cheap"]), &agreed, 1.0), "cheap".into());
}

#[test]
fn a_target_that_a_limit_left_out_does_not_come_back_by_a_reading() {
    let mut whole = estimates([0.1, 0.2, 0.9]);
    whole.list.remove(0);
    let both = Estimates { readings: vec![estimates([0.9, 0.1, 0.1])], ..whole };
    assert_ne!(chosen(&robust(&[]), &both, 1.0), "cheap".into());
}

proptest! {
    #[test]
    fn no_reading_asks_less_than_what_is_chosen(
        qualities in prop::collection::vec(prop::array::uniform3(0.0..1.0_f64), 1..4), prefer in 0.0..=1.0_f64
    ) {
        let selector = Robust::over(Arc::new(DoNoHarm::default()), Vec::new());
        let readings: Vec<Estimates> = qualities.into_iter().map(estimates).collect();
        let (first, others) = readings.split_first().unwrap();
        let all = Estimates { readings: others.to_vec(), ..first.clone() };
        let own = chosen(&selector, &all, prefer);
        let place = |target: &TargetId| NAMES.iter().position(|name| target == &TargetId::from(*name)).unwrap();
        for reading in &readings {
            prop_assert!(place(&own) <= place(&chosen(&DoNoHarm::default(), reading, prefer)));
        }
    }
}

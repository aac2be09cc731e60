use proptest::prelude::*;

use super::*;
use crate::decide::{Route, again, decide};
use crate::estimates::{Estimator, Usual};
use crate::goal::Preference;
use crate::plan::{InOrder, Patience};
use crate::rng::Rng;
use crate::select::tests::{estimate, facts, goal};
use crate::session::Switching;
use crate::signals::Signals;
use crate::target::Target;

/// Usual quality and cost, this prompt's predicted quality, and the doubt.
fn known(name: &str, usual: f64, cost: f64, predicted: f64, doubt: f64) -> Estimate {
    Estimate {
        usual: Some(Usual { quality: usual, cost: Some(cost), doubt }),
        ..estimate(name, predicted, cost)
    }
}

fn rank(list: &[Estimate], unlike: Option<f64>, goal: &Goal, z: f64) -> Ranking {
    let estimates = Estimates { list: list.to_vec(), unlike, ..Estimates::default() };
    DoNoHarm::over(Arc::new(Topsis), z).rank(&estimates, &facts(), goal, &mut Rng::new(0))
}

fn first(list: &[Estimate], goal: &Goal) -> (String, Reason) {
    let ranking = rank(list, None, goal, 1.0);
    (ranking.0[0].target.to_string(), ranking.0[0].reason.clone())
}

#[test]
fn without_evidence_the_best_constant_choice_stays() {
    let pool = [known("best", 0.80, 60.0, 0.75, 0.10), known("lucky", 0.70, 50.0, 0.85, 0.10)];
    assert_eq!(first(&pool, &goal(1.0)), ("best".into(), Reason::Constant));
    let ranking = rank(&pool, None, &goal(1.0), 1.0);
    let Reason::Unproven { gain_at_least } = ranking.0[1].reason else { panic!("{:?}", ranking.0[1]) };
    assert!((gain_at_least - (0.10 - 0.10 * 2.0_f64.sqrt())).abs() < 1e-12);
}

#[test]
fn with_evidence_it_is_left() {
    let pool = [known("best", 0.80, 60.0, 0.60, 0.05), known("expert", 0.70, 60.0, 0.85, 0.05)];
    let (chosen, reason) = first(&pool, &goal(1.0));
    assert_eq!(chosen, "expert");
    let Reason::Departure { from, gain_at_least } = reason else { panic!("{reason:?}") };
    assert!(from.as_str() == "best" && (gain_at_least - (0.25 - 0.05 * 2.0_f64.sqrt())).abs() < 1e-12);
}

#[test]
fn what_is_unlike_the_training_data_pulls_back_to_the_constant() {
    let pool = [known("best", 0.80, 60.0, 0.60, 0.05), known("expert", 0.70, 60.0, 0.85, 0.05)];
    let at = |unlike| rank(&pool, Some(unlike), &goal(1.0), 1.0).0[0].target.to_string();
    assert_eq!(
        (at(0.0), at(0.3), at(0.9), at(1.0)),
        ("expert".into(), "expert".into(), "best".into(), "best".into())
    );
}

#[test]
fn going_cheaper_takes_evidence_that_the_floor_is_kept() {
    let pool = |doubt| [known("best", 0.80, 60.0, 0.90, doubt), known("cheap", 0.60, 1.0, 0.90, doubt)];
    assert_eq!(first(&pool(0.005), &goal(0.5)).0, "cheap", "an easy prompt, and surely so");
    assert_eq!(first(&pool(0.10), &goal(0.5)), ("best".into(), Reason::Constant));
    assert_eq!(first(&pool(0.10), &goal(0.0)).0, "cheap", "no floor at `cost`");
}

#[test]
fn going_dearer_takes_evidence_of_the_gain() {
    let pool = |doubt| [known("cheap", 0.80, 1.0, 0.40, doubt), known("dear", 0.81, 60.0, 0.70, doubt)];
    assert_eq!(
        first(&pool(0.05), &goal(0.5)).0,
        "dear",
        "a hard prompt: the cheap one falls below the floor"
    );
    assert_eq!(first(&pool(0.30), &goal(0.5)), ("cheap".into(), Reason::Constant));
}

#[test]
fn strangers_alone_are_routed_by_difficulty_and_in_a_mix_their_spread_counts() {
    let strangers = [estimate("big", 0.9, 60.0), estimate("small", 0.89, 1.0)];
    assert_eq!(first(&strangers, &goal(0.5)), ("small".into(), Reason::Best));
    let mix = |sd: f64| {
        let mut stranger = estimate("stranger", 0.9, 60.0);
        stranger.quality.sd = sd;
        first(&[known("known", 0.7, 60.0, 0.7, 0.05), stranger], &goal(1.0)).0
    };
    assert_eq!((mix(0.30), mix(0.05)), ("known".into(), "stranger".into()));
}

#[test]
fn odd_doubts_keep_the_constant() {
    for doubt in [f64::NAN, f64::INFINITY] {
        let pool = [known("best", 0.80, 60.0, 0.60, doubt), known("other", 0.70, 60.0, 0.99, 0.0)];
        assert_eq!(first(&pool, &goal(1.0)).0, "best");
    }
    let pool = [known("a", 0.5, 1.0, f64::NAN, 0.1), known("b", f64::NAN, 1.0, 0.9, 0.1)];
    assert_eq!(rank(&pool, Some(f64::NAN), &goal(1.0), f64::NAN).0.len(), 2);
}

fn pool() -> impl Strategy<Value = Vec<Estimate>> {
    let one = (0.0f64..=1.0, 0.0f64..200.0, 0.0f64..=1.0, 0.0f64..0.3, 0.0f64..200.0);
    prop::collection::vec(one, 1..8).prop_map(|pool| {
        let each = |(at, (usual, cost, predicted, doubt, here)): (usize, (f64, f64, f64, f64, f64))| {
            let mut estimate = known(&format!("m{at}"), usual, cost, predicted, doubt);
            estimate.cost = Some(Spread { mean: here, sd: 0.0 });
            estimate
        };
        pool.into_iter().enumerate().map(each).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn at_quality_a_departure_gains_and_at_any_preference_it_gains_or_keeps_the_floor(pool in pool(), w in 0.0f64..=1.0, unlike in 0.0f64..=1.0, z in 0.0f64..2.0) {
        let goal = goal(w);
        let estimates = Estimates { list: pool, unlike: Some(unlike), ..Estimates::default() };
        let policy = DoNoHarm::over(Arc::new(Topsis), z);
        let belief = Belief::of(&estimates, z);
        let at = |w: &Goal| {
            let ranking = policy.rank(&estimates, &facts(), w, &mut Rng::new(0));
            ranking.0[0].clone()
        };
        if let Reason::Departure { gain_at_least, .. } = at(&Goal { prefer: Preference::QUALITY, ..goal.clone() }).reason {
            prop_assert!(gain_at_least >= 0.0);
        }
        let chosen = at(&goal);
        if let Reason::Departure { gain_at_least, .. } = chosen.reason {
            let own = estimates.list.iter().position(|e| e.target == chosen.target).unwrap();
            prop_assert!(gain_at_least >= 0.0 || belief.keeps_floor(own, &goal));
        }
    }

    #[test]
    fn wholly_unlike_prompts_all_get_the_constant_at_quality(pool in pool(), z in 0.01f64..2.0) {
        let estimates = Estimates { list: pool, unlike: Some(1.0), ..Estimates::default() };
        let ranking = DoNoHarm::over(Arc::new(Topsis), z).rank(&estimates, &facts(), &goal(1.0), &mut Rng::new(0));
        let best = estimates.list.iter().map(|e| e.usual.unwrap().quality).fold(0.0, f64::max);
        let chosen = estimates.of(&ranking.0[0].target).unwrap().usual.unwrap().quality;
        prop_assert_eq!(chosen, best);
    }

    #[test]
    fn the_order_of_the_pool_does_not_matter(pool in pool(), w in 0.0f64..=1.0) {
        let backward: Vec<_> = pool.iter().rev().cloned().collect();
        prop_assert_eq!(rank(&pool, None, &goal(w), 0.5), rank(&backward, None, &goal(w), 0.5));
    }

    #[test]
    fn it_is_replayed_to_the_same_bytes(pool in pool(), w in 0.0f64..=1.0, seed in any::<u64>()) {
        let targets = pool.iter().map(|e| Arc::new(Target::named(e.target.as_str()))).collect();
        let route = Route {
            id: "auto".into(),
            targets,
            goal: Goal { explore: 0.5, ..goal(w) },
            selector: Arc::new(DoNoHarm::default()),
            planner: Arc::new(InOrder),
            patience: Patience::default(),
            switching: Switching::default(),
        };
        let estimates = Estimates { list: pool, unlike: Some(0.2), ..Estimates::default() };
        let facts = Facts { seed, ..facts() };
        let estimator: &dyn Estimator = &estimates;
        let decision = decide(&route, route.goal.clone(), Signals::default(), facts, estimator);
        let bytes = serde_json::to_vec(&decision).unwrap();
        let read = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_vec(&again(&route, &read)).unwrap(), bytes);
    }
}

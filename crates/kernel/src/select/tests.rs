//! What every selector promises, over all of them.

use std::sync::Arc;

use proptest::prelude::*;

use super::chebyshev::Chebyshev;
use super::constraints::Constraints;
use super::do_no_harm::DoNoHarm;
use super::ladder::Ladder;
use super::threshold::Threshold;
use super::topsis::Topsis;
use super::utility::Utility;
use super::*;
use crate::estimates::{Estimate, Source, Spread};
use crate::facts::{Scope, Timestamp, Versions};
use crate::flags::Flags;
use crate::goal::{CostScale, Preference};
use crate::money::Money;
use crate::rng::Rng;

pub(super) fn facts() -> Facts {
    Facts {
        decision: "d".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "t".into(),
        scope: Scope::default(),
        session: None,
        targets: vec![],
        versions: Versions::default(),
    }
}

pub(super) fn estimate(name: &str, quality: f64, cost: f64) -> Estimate {
    Estimate {
        target: name.into(),
        quality: Spread { mean: quality, sd: 0.1 },
        output_tokens: Spread { mean: 100.0, sd: 1.0 },
        cost: Some(Spread { mean: cost, sd: 0.0 }),
        latency_ms: None,
        usual: None,
        source: Source::learned("test"),
    }
}

pub(super) fn goal(weight: f64) -> Goal {
    let scale = CostScale { low: 1.0, high: 100.0 };
    Goal { prefer: Preference::new(weight).unwrap(), ..Goal::balanced(scale) }
}

pub(super) fn rank(selector: &dyn Selector, list: &[Estimate], goal: &Goal) -> Ranking {
    let estimates = Estimates { list: list.to_vec(), ..Estimates::default() };
    selector.rank(&estimates, &facts(), goal, &mut Rng::new(0))
}

pub(super) fn chosen(selector: &dyn Selector, list: &[Estimate], goal: &Goal) -> String {
    rank(selector, list, goal).0[0].target.to_string()
}

/// Every selector there is, with and without its settings. Among candidates that nobody has outcomes of, one kept from
/// harm chooses as the one within.
fn all() -> Vec<Arc<dyn Selector>> {
    let named = Threshold { strong: Some("m0".into()), weak: Some("m1".into()), at: Some(0.2) };
    vec![
        Arc::new(Topsis),
        Arc::new(Utility::default()),
        Arc::new(Utility { worth: Some(Money(50)) }),
        Arc::new(Chebyshev),
        Arc::new(Ladder::default()),
        Arc::new(Ladder { gamma: 2.0 }),
        Arc::new(Threshold::default()),
        Arc::new(named),
        Arc::new(Constraints),
        Arc::new(DoNoHarm::default()),
    ]
}

#[derive(Clone, Debug)]
struct Case {
    list: Vec<Estimate>,
    goal: Goal,
}

fn case() -> impl Strategy<Value = Case> {
    // Few values, so that ties and equals come up.
    let grid = |most: u32| (0..=most).prop_map(move |at| f64::from(at) / f64::from(most));
    let one = (grid(20), grid(12), grid(3), prop::option::of(grid(3)));
    let flags = (0u8..3, 0u8..3, 0u8..3);
    (prop::collection::vec(one, 1..9), grid(10), grid(10), flags).prop_map(|(pool, w, floor, (a, b, c))| {
        let offer = |(at, (q, c, tokens, latency)): (usize, (f64, f64, f64, Option<f64>))| {
            let mut estimate = estimate(&format!("m{at}"), q, 150.0 * c);
            estimate.output_tokens.mean = 5_000.0 * tokens;
            estimate.latency_ms = latency.map(|share| Spread { mean: 12_000.0 * share, sd: 0.0 });
            estimate
        };
        let (cheap, fast, concise) = (f64::from(a), f64::from(b), f64::from(c));
        let flags = Flags { cheap, fast, concise, ..Flags::default() };
        Case {
            list: pool.into_iter().enumerate().map(offer).collect(),
            goal: Goal { floor, flags, ..goal(w) },
        }
    })
}

fn cost(estimate: &Estimate) -> f64 {
    estimate.cost.map_or(f64::INFINITY, |cost| cost.mean)
}

/// Better in nothing that the goal's flags weigh, and worse or equal in quality and cost.
fn dominates(a: &Estimate, b: &Estimate, flags: &Flags) -> bool {
    let slow = |e: &Estimate| e.latency_ms.map_or(1.0, |l| (l.mean / 10_000.0).min(1.0));
    let long = |e: &Estimate| (e.output_tokens.mean / 4_096.0).min(1.0);
    let mut pairs = vec![(-a.quality.mean, -b.quality.mean), (cost(a), cost(b))];
    if flags.fast > 0.0 {
        pairs.push((slow(a), slow(b)));
    }
    if flags.concise > 0.0 {
        pairs.push((long(a), long(b)));
    }
    pairs.iter().all(|(a, b)| a <= b) && pairs.iter().any(|(a, b)| a < b)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn everybody_is_ranked_once_and_one_is_chosen(case in case()) {
        for selector in all() {
            let ranking = rank(&*selector, &case.list, &case.goal);
            let mut ranked: Vec<_> = ranking.0.iter().map(|r| r.target.clone()).collect();
            ranked.sort();
            let mut given: Vec<_> = case.list.iter().map(|e| e.target.clone()).collect();
            given.sort();
            prop_assert_eq!(ranked, given, "{}", selector.name());
            let propensities: Vec<f64> = ranking.0.iter().map(|r| r.propensity).collect();
            prop_assert_eq!(propensities[0], 1.0);
            prop_assert_eq!(propensities.iter().sum::<f64>(), 1.0);
            prop_assert!(ranking.0.iter().all(|r| (0.0..=1.0).contains(&r.score)), "{}", selector.name());
        }
    }

    #[test]
    fn nobody_dominated_is_chosen_and_the_floor_is_kept(case in case()) {
        let best = case.list.iter().map(|e| e.quality.mean).fold(0.0, f64::max);
        for selector in all() {
            let first = chosen(&*selector, &case.list, &case.goal);
            let first = case.list.iter().find(|e| e.target.as_str() == first).unwrap();
            let flags = if selector.name() == "constraints" { case.goal.flags.clone() } else { Flags::default() };
            let by = case.list.iter().find(|other| dominates(other, first, &flags));
            prop_assert!(by.is_none(), "{}: {first:?} by {by:?}", selector.name());
            prop_assert!(first.quality.mean >= case.goal.floor_share() * best, "{}", selector.name());
        }
    }

    #[test]
    fn the_chosen_one_stays_when_it_gets_better_or_cheaper(case in case(), more in 0.0f64..0.5, less in 0.0f64..1.0) {
        for selector in all() {
            let first = chosen(&*selector, &case.list, &case.goal);
            for (quality, cost) in [(more, 1.0), (0.0, less), (more, less)] {
                let mut list = case.list.clone();
                let own = list.iter_mut().find(|e| e.target.as_str() == first).unwrap();
                own.quality.mean = (own.quality.mean + quality).min(1.0);
                own.cost.as_mut().unwrap().mean *= cost;
                prop_assert_eq!(&chosen(&*selector, &list, &case.goal), &first, "{}", selector.name());
            }
        }
    }

    #[test]
    fn the_order_of_the_pool_does_not_matter_and_equals_go_by_cost_then_id(case in case()) {
        for selector in all() {
            let backward: Vec<_> = case.list.iter().rev().cloned().collect();
            prop_assert_eq!(rank(&*selector, &case.list, &case.goal), rank(&*selector, &backward, &case.goal));
            let twins = [estimate("b", 0.5, 9.0), estimate("a", 0.5, 9.0), estimate("c", 0.5, 10.0)];
            prop_assert_eq!(chosen(&*selector, &twins, &case.goal), "a", "{}", selector.name());
        }
    }

    #[test]
    fn more_weight_on_quality_never_brings_less_of_it(case in case(), more in 0.0f64..=1.0) {
        let weight = case.goal.prefer.weight();
        // With a third burden the preference is no longer the only trade.
        let case = Case { goal: Goal { flags: Flags::default(), ..case.goal }, ..case };
        let heavier = Goal { prefer: Preference::new(weight + (1.0 - weight) * more).unwrap(), ..case.goal.clone() };
        for selector in all() {
            let quality = |goal: &Goal| {
                let first = chosen(&*selector, &case.list, goal);
                case.list.iter().find(|e| e.target.as_str() == first).unwrap().quality.mean
            };
            prop_assert!(quality(&heavier) >= quality(&case.goal), "{}", selector.name());
        }
    }
}

#[test]
fn odd_numbers_are_ranked_and_not_trusted() {
    for selector in all() {
        let unpriced = Estimate { cost: None, ..estimate("unpriced", 0.5, 0.0) };
        let pool = [estimate("nan", f64::NAN, f64::NAN), unpriced, estimate("ok", 0.5, 50.0)];
        let goal = Goal { floor: 1.0, ..goal(0.5) };
        assert_eq!(chosen(&*selector, &pool, &goal), "ok", "{}", selector.name());
        assert!(rank(&*selector, &[], &goal).0.is_empty());
    }
}

#[test]
fn utility_trades_money_for_right_answers() {
    let pool = [estimate("big", 0.9, 60.0), estimate("small", 0.6, 1.0)];
    let goal = Goal { floor: 0.0, ..goal(0.5) };
    // A right answer is worth 100: three tenths of one are not worth 59 more, at 300 they are.
    assert_eq!(chosen(&Utility::default(), &pool, &goal), "small");
    assert_eq!(chosen(&Utility { worth: Some(Money(300)) }, &pool, &goal), "big");
}

#[test]
fn the_ladder_stops_at_the_first_rung_that_is_sure_enough() {
    let pool = [estimate("big", 0.95, 60.0), estimate("mid", 0.75, 10.0), estimate("small", 0.6, 1.0)];
    let at = |w: f64| chosen(&Ladder::default(), &pool, &Goal { floor: 0.0, ..goal(w) });
    // The paper's thresholds: 0.894, 0.707, 0.447.
    assert_eq!((at(0.8), at(0.5), at(0.2)), ("big".into(), "mid".into(), "small".into()));
    assert_eq!(at(1.0), "big", "nobody is sure enough: the last answers");
    let ranking = rank(&Ladder::default(), &pool, &Goal { floor: 0.0, ..goal(0.5) });
    let order: Vec<_> = ranking.0.iter().map(|r| r.target.as_str()).collect();
    assert_eq!(order, ["mid", "big", "small"], "up the ladder first");
    assert!(matches!(ranking.0[2].reason, Reason::Unsure { .. }));
}

#[test]
fn the_strong_one_answers_where_it_is_likely_to_win() {
    let selector = Threshold { strong: Some("s".into()), weak: Some("w".into()), at: Some(0.3) };
    let goal = Goal { floor: 0.0, ..goal(0.5) };
    let at = |weak: f64| {
        chosen(
            &selector,
            &[estimate("s", 0.9, 60.0), estimate("w", weak, 1.0), estimate("x", 0.5, 30.0)],
            &goal,
        )
    };
    assert_eq!((at(0.6), at(0.7)), ("s".into(), "w".into()));
    assert_eq!(chosen(&selector, &[estimate("w", 0.1, 1.0), estimate("x", 0.9, 30.0)], &goal), "w");
    let better = [estimate("s", 0.9, 60.0), estimate("w", 0.2, 1.0), estimate("y", 0.95, 50.0)];
    assert_eq!(chosen(&selector, &better, &goal), "y", "whoever dominates the strong one plays its part");
}

#[test]
fn chebyshev_reaches_the_hollow_that_a_weighted_sum_jumps_over() {
    let pool = [estimate("big", 1.0, 100.0), estimate("mid", 0.55, 12.0), estimate("small", 0.2, 1.0)];
    let weights = || (0..=50).map(|at| Goal { floor: 0.0, ..goal(f64::from(at) / 50.0) });
    let reached = |selector: &dyn Selector| weights().any(|goal| chosen(selector, &pool, &goal) == "mid");
    assert!(reached(&Chebyshev));
    let worth = Utility { worth: Some(Money(100)) };
    let straight = [estimate("big", 1.0, 100.0), estimate("mid", 0.55, 60.0), estimate("small", 0.2, 1.0)];
    assert!(!weights().any(|goal| chosen(&worth, &straight, &goal) == "mid"));
    assert!(weights().any(|goal| chosen(&Chebyshev, &straight, &goal) != "big"));
}

#[test]
fn flags_weigh_what_the_preference_does_not() {
    let slow =
        Estimate { latency_ms: Some(Spread { mean: 9_000.0, sd: 0.0 }), ..estimate("slow", 0.80, 5.0) };
    let fast = Estimate { latency_ms: Some(Spread { mean: 500.0, sd: 0.0 }), ..estimate("fast", 0.79, 6.0) };
    let pool = [slow, fast];
    let asked = |flags: &str| Goal { flags: Flags::parse(flags).unwrap(), ..goal(0.5) };
    assert_eq!(chosen(&Constraints, &pool, &asked("")), "slow");
    assert_eq!(chosen(&Constraints, &pool, &asked("fastest")), "fast");
    let quality = Goal { prefer: Preference::QUALITY, ..asked("fastest") };
    assert_eq!(chosen(&Constraints, &pool, &quality), "slow", "flags never move the floor");
}

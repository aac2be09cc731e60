use proptest::prelude::*;

use super::*;
use crate::estimates::{Estimate, Source, Spread};
use crate::facts::{Facts, Scope, Timestamp, Versions};
use crate::goal::{CostScale, Preference};
use crate::rng::Rng;
use crate::select::Reason;

fn facts() -> Facts {
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

fn estimate(name: &str, quality: f64, cost: Option<f64>) -> Estimate {
    Estimate {
        target: name.into(),
        quality: Spread { mean: quality, sd: 0.0 },
        output_tokens: Spread::default(),
        cost: cost.map(|mean| Spread { mean, sd: 0.0 }),
        latency_ms: None,
        usual: None,
        source: Source::learned("test"),
    }
}

fn goal(w: f64, floor: f64, low: f64, high: f64) -> Goal {
    Goal { prefer: Preference::new(w).unwrap(), floor, ..Goal::balanced(CostScale { low, high }) }
}

fn rank(list: &[Estimate], goal: &Goal) -> Ranking {
    let estimates = Estimates { list: list.to_vec(), ..Estimates::default() };
    Topsis.rank(&estimates, &facts(), goal, &mut Rng::new(0))
}

fn chosen(list: &[(&str, f64, f64)], goal: &Goal) -> String {
    let list: Vec<_> = list.iter().map(|(n, q, c)| estimate(n, *q, Some(*c))).collect();
    rank(&list, goal).0[0].target.to_string()
}

fn score(quality: f64, cost: f64, w: f64) -> f64 {
    closeness(quality, CostScale { low: 0.5, high: 20.0 }.goodness(cost), w)
}

#[test]
fn a_point_of_quality_is_not_worth_ten_times_the_price() {
    assert!((score(0.81, 10.0, 0.6) - 0.588).abs() < 1e-3);
    assert!((score(0.80, 1.0, 0.6) - 0.804).abs() < 1e-3);
    let goal = goal(0.6, 0.9, 0.5, 20.0);
    assert_eq!(chosen(&[("dear", 0.81, 10.0), ("cheap", 0.80, 1.0)], &goal), "cheap");
}

#[test]
fn a_fifth_saved_is_not_worth_a_bad_answer() {
    assert!((score(0.95, 1.2, 0.4) - 0.805).abs() < 2e-3);
    assert!((score(0.20, 1.0, 0.4) - 0.593).abs() < 2e-3);
    let goal = goal(0.4, 0.0, 0.5, 20.0);
    assert_eq!(chosen(&[("good", 0.95, 1.2), ("bad", 0.20, 1.0)], &goal), "good");
}

#[test]
fn the_three_model_example_moves_from_the_cheapest_to_the_best() {
    let models = [("big", 0.9, 10.0), ("mid", 0.8, 3.0), ("small", 0.6, 1.0)];
    let at = |w| chosen(&models, &goal(w, 0.0, 0.5, 20.0));
    assert_eq!((at(0.2).as_str(), at(0.5).as_str()), ("small", "small"));
    assert_eq!(at(0.8), "big");
}

#[test]
fn a_dominated_target_never_flips_the_choice() {
    let goal = goal(0.5, 0.0, 0.5, 20.0);
    let models = [("big", 0.9, 10.0), ("mid", 0.8, 3.0), ("small", 0.6, 1.0)];
    let mut with_bad = models.to_vec();
    with_bad.push(("bad", 0.55, 30.0));
    assert_eq!(chosen(&models, &goal), chosen(&with_bad, &goal));
}

#[test]
fn balanced_keeps_the_floor_even_where_cheap_is_close_to_ideal() {
    let models = [("big", 0.90, 10.0), ("near", 0.885, 2.0), ("small", 0.85, 0.1)];
    assert_eq!(chosen(&models, &goal(0.5, 0.98, 0.1, 10.0)), "near");
    let ranking = rank(&models.map(|(n, q, c)| estimate(n, q, Some(c))), &goal(0.5, 0.98, 0.1, 10.0));
    assert!(matches!(ranking.0[2].reason, Reason::BelowFloor { .. }));
}

#[test]
fn whoever_keeps_the_floor_stands_in_before_the_cheap_ones_that_do_not() {
    let models = [("big", 0.90, 10.0), ("also", 0.89, 12.0), ("worst", 0.30, 0.1), ("bad", 0.50, 0.2)];
    let ranking = rank(&models.map(|(n, q, c)| estimate(n, q, Some(c))), &goal(0.5, 0.98, 0.1, 20.0));
    let order: Vec<_> = ranking.0.iter().map(|ranked| ranked.target.as_str()).collect();
    assert_eq!(order, ["big", "also", "bad", "worst"]);
}

#[test]
fn odd_numbers_are_ranked_not_trusted() {
    let goal = goal(0.5, 0.98, 1.0, 100.0);
    assert_eq!(chosen(&[("nan", f64::NAN, 1.0), ("ok", 0.5, 50.0)], &goal), "ok");
    assert_eq!(chosen(&[("minus", -3.0, 1.0), ("ok", 0.5, 50.0)], &goal), "ok");
    assert_eq!(chosen(&[("free", 0.5, 0.0), ("paid", 0.5, 1.0)], &goal), "free");
    assert_eq!(chosen(&[("b", 0.5, 1.0), ("a", 0.5, 1.0)], &goal), "a");
    assert_eq!(chosen(&[("only", 0.0, 1e12)], &goal), "only");
    let unpriced = [estimate("unpriced", 0.5, None), estimate("priced", 0.5, Some(99.0))];
    assert_eq!(rank(&unpriced, &goal).0[0].target.as_str(), "priced");
    assert!(rank(&[], &goal).0.is_empty());
}

fn pool() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((0.0f64..=1.0, 0.0f64..200.0), 1..12)
}

fn named(pool: &[(f64, f64)]) -> Vec<Estimate> {
    pool.iter().enumerate().map(|(i, (q, c))| estimate(&format!("m{i:02}"), *q, Some(*c))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn closeness_never_falls_with_quality_nor_rises_with_cost(q in 0.0f64..=1.0, dq in 0.0f64..=1.0, g in 0.0f64..=1.0, dg in 0.0f64..=1.0, w in 0.0f64..=1.0) {
        let better = closeness((q + dq).min(1.0), g, w);
        let cheaper = closeness(q, (g + dg).min(1.0), w);
        let here = closeness(q, g, w);
        prop_assert!((0.0..=1.0).contains(&here));
        prop_assert!(better >= here - 1e-12 && cheaper >= here - 1e-12);
    }

    #[test]
    fn the_choice_is_never_dominated_and_keeps_the_floor(pool in pool(), w in 0.0f64..=1.0, floor in 0.0f64..=1.0) {
        let goal = goal(w, floor, 1.0, 100.0);
        let list = named(&pool);
        let ranking = rank(&list, &goal);
        prop_assert_eq!(ranking.0.len(), list.len());
        let estimates = Estimates { list, ..Estimates::default() };
        let first = estimates.of(&ranking.0[0].target).unwrap();
        let (q, c) = (first.quality.mean, first.cost.unwrap().mean);
        let best = pool.iter().map(|p| p.0).fold(0.0, f64::max);
        prop_assert!(q >= goal.floor_share() * best);
        prop_assert!(!pool.iter().any(|&(oq, oc)| oq >= q && oc <= c && (oq > q || oc < c)));
    }

    #[test]
    fn one_targets_score_depends_on_it_alone(pool in pool(), w in 0.0f64..=1.0) {
        let goal = goal(w, 0.5, 1.0, 100.0);
        let all = rank(&named(&pool), &goal);
        let alone = rank(&named(&pool[..1]), &goal);
        let same = all.0.iter().find(|r| r.target.as_str() == "m00").unwrap();
        prop_assert_eq!(same.score, alone.0[0].score);
    }

    #[test]
    fn the_order_of_the_pool_does_not_matter(pool in pool(), w in 0.0f64..=1.0) {
        let goal = goal(w, 0.9, 1.0, 100.0);
        let forward = named(&pool);
        let backward: Vec<_> = forward.iter().rev().cloned().collect();
        prop_assert_eq!(rank(&forward, &goal), rank(&backward, &goal));
    }

    #[test]
    fn quality_takes_the_best_and_cost_the_cheapest(pool in pool()) {
        let first = |w: f64| {
            let list = named(&pool);
            let chosen = rank(&list, &goal(w, 0.98, 1e-3, 1e3)).0[0].target.clone();
            list.into_iter().find(|e| e.target == chosen).unwrap()
        };
        let best = pool.iter().map(|p| p.0).fold(0.0, f64::max);
        prop_assert_eq!(first(1.0).quality.mean, best);
        let cheapest = pool.iter().map(|p| p.1).fold(f64::INFINITY, f64::min).max(1e-3);
        prop_assert!(first(0.0).cost.unwrap().mean <= cheapest);
    }
}

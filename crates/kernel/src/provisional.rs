//! A model that few answers placed gets a small share until more is known of it.
//!
//! The rule: a target whose outcomes are known from few answers alone ([`Source::provisional`] with a [`Usual`]) competes
//! in one auto decision of five, drawn by the decision's seed. In the others it sits out: it is ranked behind everybody, where
//! it still stands in when all others fail. So it never leads more than a fifth of the decisions, whatever its few answers
//! promise, and it gathers outcomes all the while. A pool of such targets alone is ranked as it is.
//!
//! Targets without any outcomes are not meant: they have no promise to be limited, and what may be done with them is the
//! selector's business.
//!
//! [`Source::provisional`]: crate::estimates::Source::provisional
//! [`Usual`]: crate::estimates::Usual

use crate::estimates::{Estimate, Estimates};
use crate::facts::Facts;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::{Ranked, Ranking, Reason, Selector};

/// The share of the decisions in which such a target competes.
pub const SHARE: f64 = 0.2;
/// Sets this draw apart from those that selectors make of the same seed.
const STREAM: u64 = 0x5052_4F42_4154_494F;

/// The selector's order, with the rule kept. Propensities say with which probability the draw led to the choice.
#[must_use]
pub fn rank(
    selector: &dyn Selector,
    estimates: &Estimates,
    facts: &Facts,
    goal: &Goal,
    rng: &mut Rng,
) -> Ranking {
    if !estimates.list.iter().any(is_meant) || estimates.list.iter().all(is_meant) {
        return selector.rank(estimates, facts, goal, rng);
    }
    let open = if goal.explore > 0.0 { SHARE } else { 0.0 };
    let competes = Rng::new(facts.seed ^ STREAM).uniform() < open;
    let mut alone = estimates.clone();
    alone.list.retain(|estimate| !is_meant(estimate));
    let with = selector.rank(estimates, facts, goal, &mut rng.clone());
    let mut without = selector.rank(&alone, facts, goal, rng);
    for estimate in estimates.list.iter().filter(|estimate| is_meant(estimate)) {
        let target = estimate.target.clone();
        without.0.push(Ranked {
            target,
            score: 0.0,
            propensity: 0.0,
            reason: Reason::Provisional { share: SHARE },
        });
    }
    let chances: Vec<f64> = {
        let (drawn, other) = if competes { (&with, &without) } else { (&without, &with) };
        let share = if competes { open } else { 1.0 - open };
        let chance = |ranked: &Ranked| {
            let there = other.0.iter().find(|of| of.target == ranked.target);
            share * ranked.propensity + (1.0 - share) * there.map_or(0.0, |of| of.propensity)
        };
        drawn.0.iter().map(chance).collect()
    };
    let mut drawn = if competes { with } else { without };
    for (ranked, chance) in drawn.0.iter_mut().zip(chances) {
        ranked.propensity = chance;
    }
    drawn
}

fn is_meant(estimate: &Estimate) -> bool {
    estimate.source.provisional && estimate.usual.is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decide::{Route, again, decide};
    use crate::estimates::{Source, Spread, Usual};
    use crate::facts::{Scope, Timestamp, Versions};
    use crate::goal::{CostScale, Preference};
    use crate::id::Tenant;
    use crate::money::Money;
    use crate::plan::{InOrder, Patience};
    use crate::select::topsis::Topsis;
    use crate::session::Switching;
    use crate::signals::Signals;
    use crate::target::Target;

    fn estimate(target: &str, quality: f64, provisional: bool) -> Estimate {
        let source = if provisional { Source::provisional("stack") } else { Source::learned("stack") };
        Estimate {
            target: target.into(),
            quality: Spread { mean: quality, sd: 0.1 },
            output_tokens: Spread { mean: 100.0, sd: 10.0 },
            cost: Some(Spread { mean: 1e6, sd: 0.0 }),
            latency_ms: None,
            usual: Some(Usual { quality, cost: Some(1e6), doubt: 0.1 }),
            source,
        }
    }

    fn facts(seed: u64) -> Facts {
        Facts {
            decision: "d".into(),
            now: Timestamp(0),
            seed,
            tenant: Tenant::from("t"),
            scope: Scope::default(),
            session: None,
            targets: Vec::new(),
            versions: Versions::default(),
        }
    }

    fn goal() -> Goal {
        Goal {
            prefer: Preference::new(1.0).unwrap(),
            explore: 0.01,
            ..Goal::balanced(CostScale::of([Money(1), Money(10_000_000)]))
        }
    }

    fn ranked(estimates: &Estimates, seed: u64) -> Ranking {
        rank(&Topsis, estimates, &facts(seed), &goal(), &mut Rng::new(seed))
    }

    fn pool(newcomer: bool) -> Estimates {
        let list =
            vec![estimate("old", 0.8, false), estimate("new", 0.9, newcomer), estimate("weak", 0.3, false)];
        Estimates { list, ..Estimates::default() }
    }

    #[test]
    fn it_leads_a_fifth_of_what_it_would_win_and_stands_behind_all_in_the_rest() {
        let estimates = pool(true);
        let mut led = 0;
        for seed in 0..5_000 {
            let ranking = ranked(&estimates, seed);
            assert_eq!(ranking.0.len(), 3);
            let chosen = ranking.chosen().unwrap();
            if chosen.target.as_str() == "new" {
                led += 1;
                assert!((chosen.propensity - SHARE).abs() < 1e-9);
            } else {
                assert_eq!(chosen.target.as_str(), "old");
                assert!((chosen.propensity - (1.0 - SHARE)).abs() < 1e-9);
                let last = ranking.0.last().unwrap();
                assert_eq!(
                    (last.target.as_str(), &last.reason),
                    ("new", &Reason::Provisional { share: SHARE })
                );
            }
        }
        let share = f64::from(led) / 5_000.0;
        assert!((share - SHARE).abs() < 0.02, "{share}");
        assert_eq!(ranked(&estimates, 7), ranked(&estimates, 7));
    }

    #[test]
    fn those_that_are_known_and_pools_of_newcomers_are_ranked_as_they_are() {
        let mut newcomers = pool(true);
        newcomers.list.retain(|estimate| estimate.source.provisional);
        for seed in 0..50 {
            assert_eq!(ranked(&pool(false), seed).chosen().unwrap().target.as_str(), "new");
            assert_eq!(ranked(&newcomers, seed).chosen().unwrap().target.as_str(), "new");
        }
    }
    #[test]
    fn where_nothing_may_be_drawn_it_sits_out_every_time() {
        let goal = Goal { explore: 0.0, ..goal() };
        for seed in 0..200 {
            let ranking = rank(&Topsis, &pool(true), &facts(seed), &goal, &mut Rng::new(seed));
            let chosen = ranking.chosen().unwrap();
            assert_eq!((chosen.target.as_str(), chosen.propensity), ("old", 1.0));
        }
    }

    /// What is logged is what happens, and it happens again.
    #[test]
    fn in_a_decision_with_its_slice_the_share_is_kept_logged_and_replayed() {
        let targets = ["old", "new", "weak"].map(|name| Arc::new(Target::named(name)));
        let route = Route {
            id: "auto".into(),
            targets: targets.to_vec(),
            goal: Goal { explore: 0.1, ..goal() },
            selector: Arc::new(Topsis),
            planner: Arc::new(InOrder),
            patience: Patience::default(),
            switching: Switching::Never,
        };
        let decided = |seed| decide(&route, route.goal.clone(), Signals::default(), facts(seed), &pool(true));
        let (mut led, runs) = (0_u32, 20_000_u32);
        for seed in 0..u64::from(runs) {
            let decision = decided(seed);
            let sum: f64 = decision.ranking.0.iter().map(|ranked| ranked.propensity).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
            let new = decision.ranking.0.iter().find(|ranked| ranked.target.as_str() == "new").unwrap();
            assert!((new.propensity - (0.9 * SHARE + 0.1 / 3.0)).abs() < 1e-9, "{new:?}");
            led += u32::from(decision.chosen().unwrap().as_str() == "new");
            assert_eq!(again(&route, &decision), decision);
        }
        let share = f64::from(led) / f64::from(runs);
        assert!((share - (0.9 * SHARE + 0.1 / 3.0)).abs() < 0.01, "{share}");
    }
}

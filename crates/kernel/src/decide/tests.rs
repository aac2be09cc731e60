use proptest::prelude::*;

use super::*;
use crate::estimates::{Estimate, Source, Spread};
use crate::facts::{Scope, SessionFacts, TargetState, Timestamp, Versions};
use crate::flags::Flags;
use crate::goal::{CostScale, Preference};
use crate::health::Availability;
use crate::plan::InOrder;
use crate::select::topsis::Topsis;

/// Quality and cost by the target's position and the prompt's length: enough to vary.
struct ByLength;

impl Estimator for ByLength {
    fn estimate(&self, signals: &Signals, _: &Facts, candidates: &Candidates, out: &mut Estimates) {
        out.list = candidates
            .kept
            .iter()
            .map(|target| {
                let size = target.id.as_str().len() as f64;
                let hard = f64::from(signals.input_tokens % 97) / 97.0;
                Estimate {
                    target: target.id.clone(),
                    quality: Spread { mean: 1.0 - hard / size, sd: 0.1 / 3.0 },
                    output_tokens: Spread { mean: 100.0 / 7.0, sd: 1.0 },
                    cost: Some(Spread { mean: size * size * 1e4 / 3.0, sd: 1.0 }),
                    latency_ms: None,
                    usual: None,
                    source: Source::learned("length"),
                }
            })
            .collect();
    }
}

fn route(weight: f64) -> Route {
    let scale = CostScale { low: 1e4, high: 1e6 };
    Route {
        id: "auto".into(),
        targets: ["a", "bb", "cccc", "dddddddd"].iter().map(|n| Arc::new(Target::named(n))).collect(),
        goal: Goal { prefer: Preference::new(weight).unwrap(), floor: 0.9, ..Goal::balanced(scale) },
        selector: Arc::new(Topsis),
        planner: Arc::new(InOrder),
        patience: Patience::default(),
        switching: Switching::Never,
    }
}

fn facts() -> Facts {
    Facts {
        decision: "d".into(),
        now: Timestamp(1),
        seed: 7,
        tenant: "t".into(),
        scope: Scope::default(),
        session: None,
        targets: vec![],
        versions: Versions::default(),
    }
}

fn run(route: &Route, signals: Signals, facts: Facts) -> Decision {
    decide(route, route.goal.clone(), signals, facts, &ByLength)
}

fn in_session(target: &str) -> Facts {
    Facts {
        session: Some(SessionFacts { id: "s".into(), target: Some(target.into()), agents: None }),
        ..facts()
    }
}

#[test]
fn a_conversation_keeps_its_target_while_it_can_answer() {
    let easy = Signals { turns: 2, ..Signals::default() };
    assert_eq!(run(&route(0.5), easy.clone(), facts()).chosen().unwrap().as_str(), "a");
    let kept = run(&route(0.5), easy.clone(), in_session("cccc"));
    assert_eq!(kept.ranking.0[0].reason, Reason::Session);
    assert_eq!(kept.chosen().unwrap().as_str(), "cccc");
    let mut down = in_session("cccc");
    down.targets = vec![TargetState { id: "cccc".into(), availability: Availability::Probing, in_flight: 0 }];
    assert_eq!(run(&route(0.5), easy, down).chosen().unwrap().as_str(), "a");
}

#[test]
fn a_route_may_switch_between_turns_but_not_under_a_tool_call() {
    let route = Route { switching: Switching::EachTurn, ..route(0.5) };
    let turn = Signals { turns: 3, ..Signals::default() };
    assert_eq!(run(&route, turn.clone(), in_session("cccc")).chosen().unwrap().as_str(), "a");
    let result = Signals { tool_result: true, ..turn };
    assert_eq!(run(&route, result, in_session("cccc")).chosen().unwrap().as_str(), "cccc");
}

#[test]
fn nobody_allowed_means_no_plan_and_every_reason() {
    let facts = Facts { scope: Scope { targets: Some(vec![]), ..Scope::default() }, ..facts() };
    let decision = run(&route(0.5), Signals::default(), facts);
    assert!(decision.plan.is_none() && decision.chosen().is_none());
    assert_eq!(decision.dropped.len(), 4);
}

#[test]
fn the_others_stand_by_in_order() {
    let decision = run(&route(0.5), Signals::default(), facts());
    let ranked: Vec<_> = decision.ranking.0.iter().take(3).map(|r| r.target.clone()).collect();
    let planned: Vec<_> = decision.plan.unwrap().calls().iter().map(|c| c.target.clone()).collect();
    assert_eq!(ranked, planned);
}

#[test]
fn a_slice_is_drawn_by_chance_with_its_propensities_but_not_in_a_conversation() {
    let goal = Goal { explore: 0.2, ..route(0.5).goal };
    let route = Route { goal, ..route(0.5) };
    let policy = run(
        &Route { goal: Goal { explore: 0.0, ..route.goal.clone() }, ..self::route(0.5) },
        Signals::default(),
        facts(),
    );
    let policy = policy.chosen().unwrap().clone();
    let mut times = std::collections::BTreeMap::new();
    let draws = 20_000;
    for seed in 0..draws {
        let decision = run(&route, Signals::default(), Facts { seed, ..facts() });
        let first = &decision.ranking.0[0];
        assert!(first.reason == Reason::Explored || first.target == policy);
        assert!((decision.ranking.0.iter().map(|r| r.propensity).sum::<f64>() - 1.0).abs() < 1e-12);
        for ranked in &decision.ranking.0 {
            let expected = 0.05 + if ranked.target == policy { 0.8 } else { 0.0 };
            assert!((ranked.propensity - expected).abs() < 1e-12, "{ranked:?}");
        }
        *times.entry(first.target.clone()).or_insert(0u64) += 1;
    }
    for (target, times) in times {
        let expected = if target == policy { 0.85 } else { 0.05 };
        assert!((times as f64 / draws as f64 - expected).abs() < 0.01, "{target}: {times}");
    }
    let bound = |signals: Signals, facts: Facts| {
        (0..200).all(|seed| {
            let decision = run(&route, signals.clone(), Facts { seed, ..facts.clone() });
            let sure = decision.ranking.0.iter().all(|r| r.propensity == 0.0 || r.propensity == 1.0);
            sure && decision.ranking.0[0].reason != Reason::Explored
        })
    };
    assert!(bound(Signals { turns: 2, ..Signals::default() }, in_session("cccc")), "a conversation stays");
    assert!(
        bound(Signals { tool_result: true, ..Signals::default() }, facts()),
        "a tool's result is no experiment"
    );
}

#[test]
fn limits_leave_out_and_are_replayed() {
    let mut route = route(0.5);
    let mut tagged = Target::named("dddddddd");
    tagged.tags = vec!["eu".into()];
    route.targets[3] = Arc::new(tagged);
    let asked = |flags: &str| Goal { flags: Flags::parse(flags).unwrap(), ..route.goal.clone() };
    let decided = |flags: &str| {
        let decision = decide(&route, asked(flags), Signals::default(), facts(), &ByLength);
        let bytes = serde_json::to_vec(&decision).unwrap();
        let read: Decision = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&again(&route, &read)).unwrap(), bytes);
        decision
    };
    let eu = decided("tag=eu");
    assert_eq!((eu.chosen().unwrap().as_str(), eu.dropped.len()), ("dddddddd", 3));
    // 16 * 1e4 / 3 nano-dollars for `cccc`, four times as much for `dddddddd`.
    let cheap = decided("max_cost_usd=0.00006");
    assert_eq!(cheap.dropped.iter().map(|d| d.target.as_str()).collect::<Vec<_>>(), ["dddddddd"]);
    assert_eq!(cheap.estimates.list.len(), 4, "what was expected of it is still told");
    assert!(decided("max_latency_ms=10").plan.is_none(), "nobody is known to be that fast");
}

proptest! {
    #[test]
    fn a_logged_decision_is_made_again_to_the_same_bytes(tokens in 0u32..100_000, weight in 0.0f64..=1.0, turns in 0u32..5, pinned in any::<bool>()) {
        let facts = if pinned { in_session("bb") } else { facts() };
        let signals = Signals { input_tokens: tokens, turns, ..Signals::default() };
        let bytes = serde_json::to_vec(&run(&route(weight), signals, facts)).unwrap();
        let read: Decision = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_vec(&again(&route(weight), &read)).unwrap(), bytes);
    }
}

use proptest::prelude::*;

use super::*;
use crate::agents::{Agent, Stage};
use crate::facts::{Scope, TargetState, Timestamp, Versions};
use crate::health::Availability;

/// Wants these agents, in this order, whatever the mask says.
struct Wants(Vec<&'static str>);

impl Chooser for Wants {
    fn choose(&self, _: &Registry, mask: &Mask) -> Choosing {
        let _ = mask;
        let choice = match self.0.first() {
            Some(id) => Choice::Agent { id: (*id).into(), missing: Vec::new() },
            None => Choice::None,
        };
        choosing(choice)
    }
}

/// Wants the first agent that the mask holds.
struct WantsAny;

impl Chooser for WantsAny {
    fn choose(&self, registry: &Registry, mask: &Mask) -> Choosing {
        let first = mask.places().next().and_then(|place| registry.agents().get(place));
        choosing(
            first.map_or(Choice::None, |agent| Choice::Agent { id: agent.id().clone(), missing: Vec::new() }),
        )
    }
}

fn choosing(choice: Choice) -> Choosing {
    Choosing { choice, scores: Vec::new(), belongs: None, threshold: None, why: Why::Fits, by: "test".into() }
}

fn registry(names: &[&str]) -> Registry {
    Registry::new(names.iter().map(|name| Agent::named(name, "x")).collect()).unwrap()
}

fn facts(scope: Option<Vec<String>>, unwell: &[&str]) -> Facts {
    let unwell = unwell.iter().map(|id| TargetState {
        id: (*id).into(),
        availability: Availability::Open { until: Timestamp(1) },
        in_flight: 0,
    });
    Facts {
        decision: "d".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "t".into(),
        scope: Scope { targets: scope, ..Scope::default() },
        session: None,
        targets: unwell.collect(),
        versions: Versions::default(),
    }
}

fn run(registry: &Registry, facts: &Facts, chooser: &dyn Chooser) -> FirstStage {
    let context = Context::new(registry, facts);
    FirstStage::run(&Course::default(), &context, &Limits::default(), chooser)
}

#[test]
fn a_turn_is_one_plan_and_ends_with_the_models() {
    let (registry, facts) = (registry(&["a", "b", "c"]), facts(None, &[]));
    let stage = run(&registry, &facts, &WantsAny);
    // Two may fail within one turn.
    assert_eq!(stage.agents().map(TargetId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(stage.legs.last().unwrap().effect, Effect::Models);
    let (limits, a, b) = (Limits::default(), TargetId::from("a"), TargetId::from("b"));
    let after = |answered: Option<&TargetId>, failed: &[TargetId]| {
        stage.after(answered, failed, &facts, &limits).unwrap().state
    };
    assert_eq!(after(Some(&a), &[]), State::Done(a.clone()));
    assert_eq!(after(Some(&b), std::slice::from_ref(&a)), State::Done(b.clone()));
    assert_eq!(after(Some(&"model".into()), &[a.clone(), b.clone()]), State::General);
    assert_eq!(after(None, std::slice::from_ref(&a)), State::Failed(a.clone()));
    // The client left while the agent was at work: the next turn finds it there.
    assert_eq!(after(None, &[]), State::Running(a));
    let json = serde_json::to_string(&stage).unwrap();
    assert_eq!(serde_json::from_str::<FirstStage>(&json).unwrap(), stage);
}

#[test]
fn who_is_masked_is_named_with_the_rule_and_never_called() {
    let registry = registry(&["a", "b", "c"]);
    let facts = facts(Some(vec!["a".into(), "b".into()]), &["b"]);
    let stage = run(&registry, &facts, &Wants(vec!["c"]));
    let leg = &stage.legs[0];
    let masked: Vec<(&str, Excluded)> =
        leg.masked.iter().map(|masked| (masked.agent.as_str(), masked.why)).collect();
    assert_eq!(masked, [("b", Excluded::Unhealthy), ("c", Excluded::Scope)]);
    assert_eq!((leg.allowed, &leg.effect), (1, &Effect::Models));
    assert_eq!(leg.refused, Some(Masked { agent: "c".into(), why: Excluded::Scope }));
    assert_eq!(leg.path, [Stage::Idle, Stage::General]);
    assert_eq!(stage.agents().count(), 0);
}

#[test]
fn of_many_masked_agents_some_are_named_and_all_are_counted() {
    let names: Vec<String> = (0..100).map(|at| format!("agent-{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stage = run(&registry(&names), &facts(Some(Vec::new()), &[]), &WantsAny);
    assert_eq!((stage.legs[0].masked.len(), stage.legs[0].masked_besides), (NAMED_AT_MOST, 68));
}

proptest! {
    #[test]
    fn no_agent_is_called_that_the_mask_of_its_moment_excludes(
        wanted in prop::collection::vec(0_usize..6, 1..3),
        scope in prop::collection::vec(any::<bool>(), 5),
        unwell in prop::collection::vec(any::<bool>(), 5),
        turns in 1_usize..6,
        luck in prop::collection::vec(0_usize..3, 6),
    ) {
        const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "nobody"];
        let registry = registry(&NAMES[..5]);
        let named = |on: &[bool]| NAMES.iter().zip(on).filter(|(_, on)| **on).map(|(name, _)| *name).collect::<Vec<_>>();
        let allowed = named(&scope);
        let facts = facts(Some(allowed.iter().map(|name| (*name).to_owned()).collect()), &named(&unwell));
        let context = Context::new(&registry, &facts);
        let limits = Limits::default();
        let chooser = Wants(wanted.iter().map(|at| NAMES[*at]).collect());
        let mut course = Course::default();
        for (turn, luck) in luck.iter().enumerate().take(turns) {
            let stage = if turn % 2 == 0 {
                FirstStage::run(&course, &context, &limits, &chooser)
            } else {
                FirstStage::run(&course, &context, &limits, &WantsAny)
            };
            let mut seen = Vec::new();
            for leg in &stage.legs {
                prop_assert!(leg.effect != Effect::Choose);
                if let Some(agent) = leg.agent() {
                    prop_assert!(allowed.contains(&agent.as_str()));
                    prop_assert!(facts.state(agent).is_none());
                    prop_assert!(!seen.contains(agent), "twice in one turn");
                    seen.push(agent.clone());
                }
            }
            let answered = match *luck {
                0 => seen.first().cloned(),
                1 => Some(TargetId::from("model")),
                _ => None,
            };
            let failed: Vec<TargetId> = if *luck == 0 { Vec::new() } else { seen };
            let conversation = stage.after(answered.as_ref(), &failed, &facts, &limits).unwrap();
            let to = answered.filter(|id| registry.get(id).is_some());
            course = course.after(conversation, to.as_ref());
        }
    }
}

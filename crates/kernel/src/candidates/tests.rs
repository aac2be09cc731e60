use super::*;
use crate::facts::{Scope, TargetState, Timestamp, Versions};
use crate::target::Limits;

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

fn pool() -> Vec<Arc<Target>> {
    let mut small = Target::named("small");
    small.limits = Limits { context_tokens: Some(1_000), output_tokens: None };
    small.capabilities.tools = Support::No;
    let mut blind = Target::named("blind");
    blind.capabilities.images = Support::No;
    blind.capabilities.json_schema = Support::No;
    vec![Arc::new(small), Arc::new(blind), Arc::new(Target::named("all"))]
}

fn kept(candidates: &Candidates) -> Vec<&str> {
    candidates.kept.iter().map(|t| t.id.as_str()).collect()
}

fn open(name: &str) -> TargetState {
    let until = Timestamp(9);
    TargetState { id: name.into(), availability: Availability::Open { until }, in_flight: 0 }
}

#[test]
fn each_target_left_out_has_its_reason() {
    let signals = Signals { tools: 1, images: 1, ..Signals::default() };
    let candidates = Candidates::of(&pool(), &signals, &facts());
    assert_eq!(kept(&candidates), ["all"]);
    let why: Vec<_> = candidates.dropped.iter().map(|d| d.why.clone()).collect();
    assert_eq!(why, [Drop::Tools, Drop::Images]);
}

#[test]
fn a_prompt_with_its_answer_must_fit() {
    let signals = Signals { input_tokens: 900, max_output_tokens: Some(101), ..Signals::default() };
    let candidates = Candidates::of(&pool(), &signals, &facts());
    assert_eq!(
        candidates.dropped,
        [Dropped { target: "small".into(), why: Drop::Context { needed: 1_001, limit: 1_000 } }]
    );
}

#[test]
fn health_yields_when_nobody_else_is_left_and_the_scope_never_does() {
    let mut facts = Facts { targets: vec![open("small"), open("blind")], ..facts() };
    let candidates = Candidates::of(&pool(), &Signals::default(), &facts);
    assert_eq!(kept(&candidates), ["all"]);
    facts.scope.targets = Some(vec!["small".into(), "blind".into()]);
    let candidates = Candidates::of(&pool(), &Signals::default(), &facts);
    assert_eq!(kept(&candidates), ["small", "blind"]);
    assert!(candidates.health_ignored);
    facts.scope.targets = Some(vec![]);
    assert!(Candidates::of(&pool(), &Signals::default(), &facts).kept.is_empty());
}

#[test]
fn a_name_bypasses_everything_but_the_scope() {
    let signals =
        Signals { asked: Asked::Named("small".into()), tools: 3, input_tokens: 9_999, ..Signals::default() };
    let mut facts = Facts { targets: vec![open("small")], ..facts() };
    assert_eq!(kept(&Candidates::of(&pool(), &signals, &facts)), ["small"]);
    facts.scope.targets = Some(vec!["all".into()]);
    let candidates = Candidates::of(&pool(), &signals, &facts);
    assert!(candidates.kept.is_empty());
    assert_eq!(candidates.dropped[0].why, Drop::Scope);
}

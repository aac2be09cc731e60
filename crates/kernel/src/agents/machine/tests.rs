use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::agents::{Agent, Mask, Registry};
use crate::facts::{Facts, Scope, TargetState, Timestamp, Versions};
use crate::health::Availability;
use crate::rng::Rng;
use crate::target::Support;

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "unknown"];

fn facts() -> Facts {
    Facts {
        decision: "d".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "t".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    }
}

/// Six agents, each handing over to some, one behind a scope, one blind.
fn registry(rng: &mut Rng) -> Registry {
    let agents = NAMES.iter().take(6).map(|name| {
        let mut agent = Agent::named(name, "does something");
        agent.handoffs =
            NAMES.iter().filter(|_| rng.uniform() < 0.4).map(|name| TargetId::from(*name)).collect();
        if rng.uniform() < 0.2 {
            agent.scopes.push("staff".to_owned());
        }
        if rng.uniform() < 0.2 {
            Arc::make_mut(&mut agent.target).capabilities.images = Support::No;
        }
        agent
    });
    Registry::new(agents.collect()).unwrap()
}

/// The world as it may change between two steps.
struct World {
    facts: Facts,
    granted: Vec<String>,
    images: bool,
}

impl World {
    fn drawn(rng: &mut Rng) -> Self {
        let mut facts = facts();
        let down = |rng: &mut Rng| rng.uniform() < 0.15;
        for name in NAMES.iter().filter(|_| down(rng)) {
            let availability = Availability::Open { until: Timestamp(1) };
            facts.targets.push(TargetState { id: (*name).into(), availability, in_flight: 0 });
        }
        if rng.uniform() < 0.3 {
            let names = NAMES.iter().filter(|_| rng.uniform() < 0.6).map(|name| (*name).to_owned());
            facts.scope.targets = Some(names.collect());
        }
        let granted = if rng.uniform() < 0.5 { vec!["staff".to_owned()] } else { Vec::new() };
        Self { facts, granted, images: rng.uniform() < 0.2 }
    }

    fn context<'a>(&'a self, registry: &'a Registry) -> Context<'a> {
        let mut context = Context::new(registry, &self.facts);
        context.granted = &self.granted;
        context.images = self.images;
        context
    }

    /// Said again in other words than the machine's: may this agent be called at all.
    fn permits(&self, agent: &Agent) -> bool {
        let named = self
            .facts
            .scope
            .targets
            .as_ref()
            .is_none_or(|names| names.iter().any(|n| n == agent.id().as_str()));
        let well = !self.facts.targets.iter().any(|state| state.id == *agent.id());
        let sees = !self.images || agent.target.capabilities.images != Support::No;
        named && well && sees && (agent.scopes.is_empty() || self.granted.iter().any(|g| g == "staff"))
    }
}

fn name(rng: &mut Rng) -> TargetId {
    NAMES.get((rng.next_u64() % 7) as usize).copied().unwrap_or("a").into()
}

fn choice(rng: &mut Rng) -> Choice {
    match rng.next_u64() % 8 {
        0 => Choice::None,
        1 => Choice::Cancel,
        2 | 3 => Choice::Unclear((0..rng.next_u64() % 4).map(|_| name(rng)).collect()),
        4 => Choice::Agent { id: name(rng), missing: vec!["city".to_owned()] },
        _ => Choice::Agent { id: name(rng), missing: Vec::new() },
    }
}

fn event(rng: &mut Rng) -> Event {
    match rng.next_u64() % 8 {
        0 => Event::Turn,
        1 => Event::Answered,
        2 => Event::Failed,
        3 => Event::HandsOff(name(rng)),
        _ => Event::Chosen(choice(rng)),
    }
}

/// What somebody does who answers each effect in a way of their own choosing.
fn answer(effect: &Effect, rng: &mut Rng) -> Option<Event> {
    match effect {
        Effect::Choose => Some(Event::Chosen(choice(rng))),
        Effect::Dispatch(_) => Some(match rng.next_u64() % 4 {
            0 => Event::Answered,
            1 => Event::Failed,
            _ => Event::HandsOff(name(rng)),
        }),
        Effect::Ask(_) | Effect::Collect { .. } | Effect::Models | Effect::Finish | Effect::Nothing => None,
    }
}

/// Every promise about one step, checked against the conversation before it.
fn check(before: &Conversation, event: &Event, step: &Step, world: &World, registry: &Registry) {
    let context = world.context(registry);
    let after = &step.conversation;
    assert!(!Mask::of(after, &context).is_empty(), "an empty mask in {after:?}");
    assert!(after.hops <= Limits::default().hops && after.questions <= Limits::default().questions);
    if let Effect::Dispatch(id) = &step.effect {
        let agent = registry.get(id).expect("dispatched agents are registered");
        assert!(world.permits(agent), "{id} dispatched from {before:?} by {event:?}");
        assert!(!after.visited.contains(id), "{id} was there before");
        assert_eq!(after.state, State::Running(id.clone()));
        if let State::Handoff { .. } | State::Running(_) = &before.state {
            assert!(registry.get(before.state.agent().unwrap()).unwrap().handoffs.contains(id));
        } else {
            let place = registry.place(id).unwrap();
            assert!(Mask::of(before, &context).allows(place), "{id} is outside the mask of {before:?}");
        }
    }
    let mut from = before.state.stage();
    for to in &step.path {
        let anew = *event == Event::Turn && *to == Stage::Idle;
        let arrow = from.row().leads_to.contains(to);
        let interrupted = *event == Event::Turn && from == Stage::Running && *to == Stage::Done;
        assert!(arrow || anew || interrupted, "no arrow leads from {from:?} to {to:?} ({event:?})");
        from = *to;
    }
    assert_eq!(from, after.state.stage());
    if step.effect == Effect::Nothing {
        assert_eq!(before, after, "an event that means nothing changes nothing");
    }
}

/// Random events, expected or not, in a world that changes under them.
#[test]
fn no_event_leads_outside_the_mask() {
    let events = if cfg!(debug_assertions) { 200_000 } else { 4_000_000 };
    let mut rng = Rng::new(7);
    let mut agents = registry(&mut rng);
    let mut conversation = Conversation::default();
    let mut seen = [0_u32; 11];
    for at in 0..events {
        if at % 500 == 0 {
            agents = registry(&mut rng);
        }
        let world = World::drawn(&mut rng);
        let event = event(&mut rng);
        let before = conversation.clone();
        let step = conversation.step(event.clone(), &world.context(&agents), &Limits::default());
        check(&before, &event, &step, &world, &agents);
        conversation = step.conversation;
        let stage = Stage::ALL.iter().position(|stage| *stage == conversation.state.stage()).unwrap();
        seen[stage] += 1;
    }
    // A handed-over conversation and a chosen one go on at once: nobody rests there.
    for (stage, count) in Stage::ALL.iter().zip(seen) {
        let passes = matches!(stage, Stage::Matched | Stage::Handoff);
        assert!(count > 0 || passes, "{stage:?} was never reached");
    }
}

/// Whoever answers every effect ends, or waits for the user, soon; and no turn calls an agent twice.
#[test]
fn every_turn_ends_after_bounded_steps() {
    let turns = if cfg!(debug_assertions) { 30_000 } else { 600_000 };
    let limits = Limits::default();
    let mut rng = Rng::new(11);
    let mut agents = registry(&mut rng);
    let mut conversation = Conversation::default();
    for at in 0..turns {
        if at % 100 == 0 {
            agents = registry(&mut rng);
        }
        let (mut event, mut steps, mut called) = (Event::Turn, 0, Vec::new());
        loop {
            let world = World::drawn(&mut rng);
            let before = conversation.clone();
            let step = conversation.step(event.clone(), &world.context(&agents), &limits);
            check(&before, &event, &step, &world, &agents);
            conversation = step.conversation;
            if let Effect::Dispatch(id) = &step.effect {
                assert!(!called.contains(id), "{id} called twice in one turn");
                called.push(id.clone());
            }
            steps += 1;
            assert!(steps <= limits.steps(), "still going after {steps} steps in {conversation:?}");
            match answer(&step.effect, &mut rng) {
                Some(next) => event = next,
                None => break,
            }
        }
        assert!(conversation.state.stage().rests(), "stopped in {conversation:?}");
    }
}

/// Nobody can keep a conversation waiting for ever: questions are counted.
#[test]
fn a_user_who_never_answers_is_asked_once() {
    let agents = Registry::new(vec![Agent::named("a", "x"), Agent::named("b", "x")]).unwrap();
    let facts = facts();
    let context = Context::new(&agents, &facts);
    let unclear = || Event::Chosen(Choice::Unclear(vec!["a".into(), "b".into()]));
    let limits = Limits::default();
    let step = Conversation::default().step(unclear(), &context, &limits);
    assert_eq!((step.effect, step.conversation.state.stage()), (Effect::Choose, Stage::Ambiguous));
    let step = step.conversation.step(unclear(), &context, &limits);
    assert_eq!(step.effect, Effect::Ask(vec!["a".into(), "b".into()]));
    let step = step.conversation.step(Event::Turn, &context, &limits);
    assert_eq!((step.effect, step.conversation.state.stage()), (Effect::Choose, Stage::Clarify));
    let step = step.conversation.step(unclear(), &context, &limits);
    assert_eq!((step.effect, step.conversation.state), (Effect::Models, State::General));
}

#[test]
fn a_failure_goes_on_with_another_agent_and_two_with_the_models() {
    let agents = NAMES.iter().take(3).map(|name| Agent::named(name, "x")).collect();
    let agents = Registry::new(agents).unwrap();
    let facts = facts();
    let context = Context::new(&agents, &facts);
    let limits = Limits::default();
    let choose = |name: &str| Event::Chosen(Choice::Agent { id: name.into(), missing: vec![] });
    let step = Conversation::default().step(choose("a"), &context, &limits);
    assert_eq!(step.effect, Effect::Dispatch("a".into()));
    assert_eq!(step.path, [Stage::Matched, Stage::Running]);
    let step = step.conversation.step(Event::Failed, &context, &limits);
    assert_eq!((step.effect, step.path), (Effect::Choose, vec![Stage::Failed]));
    let again = step.conversation.clone().step(choose("a"), &context, &limits);
    assert_eq!(again.refused, Some(("a".into(), Excluded::Visited)));
    assert_eq!(again.effect, Effect::Models);
    let step = step.conversation.step(choose("b"), &context, &limits);
    assert_eq!(step.path, [Stage::Ambiguous, Stage::Matched, Stage::Running]);
    let step = step.conversation.step(Event::Failed, &context, &limits);
    assert_eq!((step.effect, step.path), (Effect::Models, vec![Stage::Failed, Stage::General]));
}

#[test]
fn hand_overs_are_declared_counted_and_make_no_circle() {
    let names = ["a", "b", "c", "d", "e"];
    let agents = names.iter().map(|name| {
        let mut agent = Agent::named(name, "x");
        agent.handoffs = names.iter().map(|name| TargetId::from(*name)).collect();
        agent
    });
    let agents = Registry::new(agents.collect()).unwrap();
    let facts = facts();
    let context = Context::new(&agents, &facts);
    let limits = Limits::default();
    let choose = Event::Chosen(Choice::Agent { id: "a".into(), missing: vec![] });
    let mut conversation = Conversation::default().step(choose, &context, &limits).conversation;
    let circle = conversation.clone().step(Event::HandsOff("b".into()), &context, &limits).conversation;
    let circle = circle.step(Event::HandsOff("a".into()), &context, &limits);
    assert_eq!(circle.refused, Some(("a".into(), Excluded::Visited)));
    for name in ["b", "c", "d"] {
        let step = conversation.step(Event::HandsOff(name.into()), &context, &limits);
        assert_eq!(step.effect, Effect::Dispatch(name.into()));
        conversation = step.conversation;
    }
    let step = conversation.step(Event::HandsOff("e".into()), &context, &limits);
    assert_eq!((step.effect, step.conversation.state), (Effect::Models, State::General));
}

#[test]
fn missing_values_are_asked_for_once_and_what_was_begun_can_be_left() {
    let agents = Registry::new(vec![Agent::named("a", "x")]).unwrap();
    let facts = facts();
    let context = Context::new(&agents, &facts);
    let limits = Limits::default();
    let choose = || Event::Chosen(Choice::Agent { id: "a".into(), missing: vec!["city".into()] });
    let step = Conversation::default().step(choose(), &context, &limits);
    assert_eq!(step.effect, Effect::Collect { agent: "a".into(), slots: vec!["city".into()] });
    let mask = Mask::of(&step.conversation, &context);
    assert!(mask.cancel && !mask.none && mask.count() == 1);
    let waiting = step.conversation.step(Event::Turn, &context, &limits).conversation;
    let run = waiting.clone().step(choose(), &context, &limits);
    assert_eq!(run.effect, Effect::Dispatch("a".into()));
    let left = waiting.step(Event::Chosen(Choice::Cancel), &context, &limits);
    assert_eq!((left.effect, left.conversation.state), (Effect::Choose, State::Idle));
}

#[test]
fn every_stage_has_a_row_of_its_own_a_way_out_and_a_way_in() {
    for stage in Stage::ALL {
        let row = stage.row();
        assert_eq!(row.stage, stage);
        assert!(row.none != row.cancel, "one way out");
        assert!(!row.leads_to.is_empty());
        assert!(Stage::ALL.iter().any(|other| other.row().leads_to.contains(&stage)));
    }
}

proptest! {
    /// What a session keeps comes back from the store as it went in.
    #[test]
    fn a_conversation_survives_the_store(seed in any::<u64>(), events in 1_usize..40) {
        let mut rng = Rng::new(seed);
        let agents = registry(&mut rng);
        let mut conversation = Conversation::default();
        for _ in 0..events {
            let world = World::drawn(&mut rng);
            let next = event(&mut rng);
            conversation = conversation.step(next, &world.context(&agents), &Limits::default()).conversation;
            let text = serde_json::to_string(&conversation).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Conversation>(&text).unwrap(), &conversation);
        }
    }
}

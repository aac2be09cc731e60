//! The agent stage on labelled dialogues: every turn goes through the state machine and its mask, as when it is served.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation over vectors whose sizes are fixed where they are made"
)]

mod figures;
mod leave_out;

use std::collections::HashSet;
use std::time::Instant;

use pointsman_encode::{EncodeError, Encoder};
use pointsman_kernel::agents::{Context, Conversation, Effect, Event, Limits, Mask, State};
use pointsman_kernel::facts::{Timestamp, Versions};
use pointsman_kernel::{Facts, Scope, TargetId};

use super::dialogues::{Dialogue, Said};
use super::evidence::Standing;
use super::index::Index;
use super::scorer::Scratch;
use super::turn::Turn;
use crate::train::Progress;

pub use figures::{AgentReport, Microseconds};
pub use leave_out::{LeaveOut, leave_out};

/// How to evaluate.
#[derive(Clone, Debug, Default)]
pub struct AgentEvalOptions {
    /// Each dialogue sees only the agents that it is about, by the mask.
    pub own_agents: bool,
    /// Each turn is decided after the labels' own history instead of after the choices made.
    pub given_history: bool,
}

/// One turn's judgement.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) dialogue: usize,
    pub(crate) gold: Vec<usize>,
    pub(crate) chosen: Option<usize>,
    pub(crate) begins: bool,
    pub(crate) first: bool,
    pub(crate) right: bool,
    pub(crate) category: bool,
    pub(crate) unseen: bool,
    pub(crate) masked: bool,
    pub(crate) belongs: f32,
    /// What would be chosen were NONE no candidate.
    pub(crate) best_right: bool,
    pub(crate) micros: f64,
}

/// Judges a registry, with its model if it has one, on dialogues.
///
/// # Errors
/// The encoder failed.
pub fn evaluate_agents(
    index: &Index,
    dialogues: &[Dialogue],
    encoder: &dyn Encoder,
    options: &AgentEvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<AgentReport, EncodeError> {
    let judged = judge(index, dialogues, encoder, options, progress)?;
    Ok(AgentReport::of(&judged, index, dialogues.len(), encoder))
}

pub(crate) fn judge(
    index: &Index,
    dialogues: &[Dialogue],
    encoder: &dyn Encoder,
    options: &AgentEvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Judged>, EncodeError> {
    let mut out = Vec::new();
    let mut run = Run { index, encoder, options, scratch: Scratch::default(), seen: seen(index) };
    for (at, dialogue) in dialogues.iter().enumerate() {
        if at % 32 == 0 {
            progress(Progress { stage: "evaluating", done: at as u64, total: dialogues.len() as u64 });
        }
        run.dialogue(at, dialogue, &mut out)?;
    }
    Ok(out)
}

/// Agents of the model's training, by place.
fn seen(index: &Index) -> HashSet<usize> {
    let known = index.model.iter().flat_map(|model| model.agents());
    known.filter_map(|agent| index.registry.place(&agent.into())).collect()
}

struct Run<'a> {
    index: &'a Index,
    encoder: &'a dyn Encoder,
    options: &'a AgentEvalOptions,
    scratch: Scratch,
    seen: HashSet<usize>,
}

impl Run<'_> {
    fn dialogue(&mut self, at: usize, dialogue: &Dialogue, out: &mut Vec<Judged>) -> Result<(), EncodeError> {
        let facts = facts(self.options.own_agents.then_some(&dialogue.agents[..]));
        let context = Context::new(&self.index.registry, &facts);
        let mut conversation = Conversation::default();
        let mut standing = Standing::default();
        let mut before: Option<Vec<usize>> = None;
        for said in &dialogue.turns {
            let start = Instant::now();
            let turn = Turn::read(self.encoder, &said.user, &said.system)?;
            let step = conversation.step(Event::Turn, &context, &Limits::default());
            let mask = Mask::of(&step.conversation, &context);
            let chosen = self.index.choose(&turn, &standing, &mask, &mut self.scratch);
            let choice = Event::Chosen(chosen.choice(self.index));
            let step = step.conversation.step(choice, &context, &Limits::default());
            let micros = start.elapsed().as_secs_f64() * 1e6;
            let dispatched = match &step.effect {
                Effect::Dispatch(id) => self.index.registry.place(id),
                _ => None,
            };
            let gold = self.gold(said);
            let begins = before.as_ref() != Some(&gold);
            let best = chosen.ranked.first().map(|ranked| ranked.place);
            out.push(Judged {
                dialogue: at,
                chosen: dispatched,
                right: right(dispatched, &gold),
                category: self.same_category(dispatched, &gold),
                unseen: gold.iter().any(|place| !self.seen.contains(place)),
                masked: dispatched.is_some_and(|place| !mask.allows(place)),
                belongs: chosen.belongs,
                best_right: right(best, &gold),
                first: before.is_none(),
                begins,
                gold: gold.clone(),
                micros,
            });
            conversation = step.conversation.step(Event::Answered, &context, &Limits::default()).conversation;
            let mut next = dispatched;
            if self.options.given_history {
                let last = said
                    .labels
                    .last()
                    .and_then(|(agent, _)| self.index.registry.place(&agent.as_str().into()));
                next = last;
                conversation.state = last.map_or(State::General, |place| State::Done(self.id(place)));
            }
            standing.go(next);
            standing.lately.hear(&turn);
            before = Some(gold);
        }
        Ok(())
    }

    fn gold(&self, said: &Said) -> Vec<usize> {
        let places =
            said.labels.iter().filter_map(|(agent, _)| self.index.registry.place(&agent.as_str().into()));
        let mut gold: Vec<usize> = places.collect();
        gold.sort_unstable();
        gold.dedup();
        gold
    }

    fn id(&self, place: usize) -> TargetId {
        self.index.registry.agents().get(place).map_or_else(|| "".into(), |agent| agent.id().clone())
    }

    /// The registry's own word for a category, or the known one that an agent was placed in.
    fn same_category(&self, chosen: Option<usize>, gold: &[usize]) -> bool {
        let of = |place: usize| {
            let own = self.index.registry.agents().get(place).and_then(|agent| agent.categories.first());
            own.map(String::as_str).or_else(|| self.index.category(place))
        };
        match chosen {
            None => gold.is_empty(),
            Some(chosen) => {
                gold.contains(&chosen)
                    || of(chosen).is_some_and(|own| gold.iter().any(|gold| of(*gold) == Some(own)))
            }
        }
    }
}

fn right(chosen: Option<usize>, gold: &[usize]) -> bool {
    match chosen {
        None => gold.is_empty(),
        Some(place) => gold.contains(&place),
    }
}

/// The facts of an evaluation: nothing is wrong anywhere.
pub(crate) fn facts(only: Option<&[String]>) -> Facts {
    Facts {
        decision: "evaluation".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "evaluation".into(),
        scope: Scope { targets: only.map(<[String]>::to_vec), ..Scope::default() },
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    }
}

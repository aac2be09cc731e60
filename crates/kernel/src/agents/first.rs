//! The first stage on one turn, as data: who might be chosen, who was, and who is asked next should that one fail.
//!
//! The state machine is run to the end before anybody is called: a [`Leg`] ends with an agent to be called, or with the models;
//! each further leg is what follows should the agent of the one before fail. So a turn is one plan, its calls in order, and
//! where the conversation stands afterwards follows from who answered ([`FirstStage::after`]).
//!
//! Promises: deterministic in its arguments; every agent of a leg was in the mask of that leg; whoever chooses is asked a
//! bounded number of times.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::course::Course;
use super::machine::{Choice, Conversation, Effect, Event, Limits, State, Step};
use super::mask::{Context, Excluded, Mask};
use super::registry::Registry;
use crate::facts::Facts;
use crate::id::TargetId;

/// Agents left out that a decision names; of a large registry the others are counted.
const NAMED_AT_MOST: usize = 32;

/// Chooses on one turn.
///
/// A chooser MUST be deterministic. It is given the mask and SHOULD keep to it; what lies outside is refused all the same.
pub trait Chooser: Send + Sync {
    /// The choice among what the mask holds.
    fn choose(&self, registry: &Registry, mask: &Mask) -> Choosing;
}

/// A choice, and what it was made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choosing {
    /// What was chosen.
    pub choice: Choice,
    /// The best agents, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<AgentScore>,
    /// How much the turn looks like any agent's, NONE's own score; comparable with `threshold` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub belongs: Option<f64>,
    /// What `belongs` has to pass for an agent to be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Why.
    pub why: Why,
    /// Who chose: `texts` (descriptions, skills, examples), or `heads` (learned from dialogues).
    pub by: Cow<'static, str>,
}

/// An agent's score. Only differences within one choice mean something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentScore {
    /// Which agent.
    pub agent: TargetId,
    /// Its score.
    pub score: f64,
}

/// Why a choice fell as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The turn fits this agent best.
    Fits,
    /// The conversation is with this agent, and the turn does not lead away.
    Stays,
    /// The turn fits no agent well enough.
    FitsNone,
    /// Nobody could be chosen: the mask holds no agent.
    NobodyLeft,
}

/// Why there is no first stage on a turn of a route that has agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skipped {
    /// The turn is a tool's result, which goes back to whoever called the tool.
    ToolResult,
    /// The turn could not be read.
    Unreadable,
}

/// What the first stage decided on one turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FirstStage {
    /// Why it decided nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// The choice, and what follows should the agent chosen fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
}

/// From a turn, or a failure, to whom to call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Where the conversation stood when it was chosen for the first time.
    pub at: State,
    /// Agents that might be chosen there.
    pub allowed: u32,
    /// Agents that might not, and by which rule; not all of very many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<Masked>,
    /// How many more might not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub masked_besides: u32,
    /// The choices made, one after another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choosing>,
    /// A choice that the mask excluded and that was not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Masked>,
    /// The stages it went through.
    pub path: Vec<super::Stage>,
    /// What is to be done.
    pub effect: Effect,
    /// The conversation while that is done.
    pub conversation: Conversation,
}

/// An agent that may not be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masked {
    /// Which one.
    pub agent: TargetId,
    /// By which rule.
    pub why: Excluded,
}

impl FirstStage {
    /// Takes the user's turn as far as somebody to call, and what follows should they fail.
    #[must_use]
    pub fn run(course: &Course, context: &Context<'_>, limits: &Limits, chooser: &dyn Chooser) -> Self {
        let mut legs: Vec<Leg> = Vec::new();
        let mut step = course.conversation.clone().step(Event::Turn, context, limits);
        // A machine that kept its promises ends sooner.
        for _ in 0..limits.steps() {
            let leg = Leg::walk(step, context, limits, chooser);
            let dispatched = matches!(leg.effect, Effect::Dispatch(_));
            let conversation = leg.conversation.clone();
            legs.push(leg);
            if !dispatched {
                break;
            }
            step = conversation.step(Event::Failed, context, limits);
        }
        Self { skipped: None, legs }
    }

    /// A turn on which there was nothing to decide.
    #[must_use]
    pub fn skipped(why: Skipped) -> Self {
        Self { skipped: Some(why), legs: Vec::new() }
    }

    /// The agents to call, one after another.
    pub fn agents(&self) -> impl Iterator<Item = &TargetId> {
        self.legs.iter().filter_map(Leg::agent)
    }

    /// The agent chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&TargetId> {
        self.legs.first().and_then(Leg::agent)
    }

    /// The conversation while the turn is on its way.
    #[must_use]
    pub fn underway(&self) -> Option<&Conversation> {
        self.legs.first().map(|leg| &leg.conversation)
    }

    /// The conversation after the turn: `answered` is who did, `failed` who did not, in their order.
    #[must_use]
    pub fn after(
        &self,
        answered: Option<&TargetId>,
        failed: &[TargetId],
        facts: &Facts,
        limits: &Limits,
    ) -> Option<Conversation> {
        // Neither an answer nor a failure asks who there is.
        let nobody = Registry::default();
        let context = Context::new(&nobody, facts);
        let of = |id: &TargetId| self.legs.iter().find(|leg| leg.agent() == Some(id));
        if let Some(leg) = answered.and_then(of) {
            return Some(leg.conversation.clone().step(Event::Answered, &context, limits).conversation);
        }
        if answered.is_some() {
            return self.legs.last().map(|leg| leg.conversation.clone());
        }
        let last = failed.iter().rev().find_map(of);
        match last {
            Some(leg) => Some(leg.conversation.clone().step(Event::Failed, &context, limits).conversation),
            None => self.underway().cloned(),
        }
    }
}

impl Leg {
    fn walk(step: Step, context: &Context<'_>, limits: &Limits, chooser: &dyn Chooser) -> Self {
        let (mut path, at) = (step.path, step.conversation.state.clone());
        let (mut conversation, mut effect, mut refused) = (step.conversation, step.effect, step.refused);
        let (masked, masked_besides) = masked(&conversation, context);
        let allowed = Mask::of(&conversation, context).count();
        let mut choices = Vec::new();
        for _ in 0..limits.steps() {
            if effect != Effect::Choose {
                break;
            }
            let mask = Mask::of(&conversation, context);
            let choosing = chooser.choose(context.registry, &mask);
            let step = conversation.step(Event::Chosen(choosing.choice.clone()), context, limits);
            choices.push(choosing);
            path.extend(step.path);
            (conversation, effect) = (step.conversation, step.effect);
            refused = step.refused.or(refused);
        }
        Self {
            at,
            allowed: u32::try_from(allowed).unwrap_or(u32::MAX),
            masked,
            masked_besides,
            choices,
            refused: refused.map(|(agent, why)| Masked { agent, why }),
            path,
            effect,
            conversation,
        }
    }

    /// The agent it leads to.
    #[must_use]
    pub fn agent(&self) -> Option<&TargetId> {
        match &self.effect {
            Effect::Dispatch(agent) => Some(agent),
            _ => None,
        }
    }

    /// Why it leads there: the last choice's reason.
    #[must_use]
    pub fn why(&self) -> Option<Why> {
        self.choices.last().map(|choosing| choosing.why)
    }
}

/// Who may not be chosen now, and by which rule.
fn masked(conversation: &Conversation, context: &Context<'_>) -> (Vec<Masked>, u32) {
    let mask = Mask::of(conversation, context);
    let left_out = context.registry.agents().iter().enumerate().filter(|(place, _)| !mask.allows(*place));
    let mut named = Vec::new();
    let mut besides = 0_u32;
    for (_, agent) in left_out {
        if named.len() == NAMED_AT_MOST {
            besides = besides.saturating_add(1);
            continue;
        }
        let why = conversation.excludes(agent.id(), context).unwrap_or(Excluded::State);
        named.push(Masked { agent: agent.id().clone(), why });
    }
    (named, besides)
}

/// A choice made before, made again: what a replay decides by.
impl Chooser for Choosing {
    fn choose(&self, _: &Registry, _: &Mask) -> Choosing {
        self.clone()
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fits => "the turn fits it best",
            Self::Stays => "the conversation is with it, and the turn does not lead away",
            Self::FitsNone => "the turn fits no agent well enough",
            Self::NobodyLeft => "no agent may be chosen now",
        })
    }
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ToolResult => "a tool's result goes back to whoever called the tool",
            Self::Unreadable => "the turn could not be read",
        })
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;

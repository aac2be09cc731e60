//! A conversation's place, and where each event takes it: the context-aware state machine.
//!
//! The table ([`Row`], one a [`Stage`]) is data: what a stage allows and where it leads. [`Conversation::step`] is the only
//! thing that moves a conversation, and it moves along the table's arrows alone. The picture in the documentation is drawn
//! from the same table.
//!
//! Invariants: an agent is dispatched only where the mask of that moment holds it; a turn sees no agent twice, so hand-offs
//! make no circle; hand-offs, failures and questions are counted, so every turn ends in [`Stage::Done`] or
//! [`Stage::General`], or waits for the user, after a bounded number of steps. An event that the stage does not expect (a late
//! answer) changes nothing.

mod step;
mod table;

use serde::{Deserialize, Serialize};

pub use step::{Choice, Effect, Event, Step};
pub use table::{Allowed, Row};

use super::mask::{Context, Excluded};
use crate::id::TargetId;

/// The stages by name, without whom they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A new session, or another topic.
    Idle,
    /// Several agents are as good as each other.
    Ambiguous,
    /// The user is asked which.
    Clarify,
    /// An agent is chosen.
    Matched,
    /// Values it needs are missing.
    Collecting,
    /// It is at work.
    Running,
    /// It has answered.
    Done,
    /// It has answered, and the next turn is here.
    FollowUp,
    /// It names another agent.
    Handoff,
    /// It failed.
    Failed,
    /// No agent: the models answer.
    General,
}

/// A conversation's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A new session, or another topic.
    #[default]
    Idle,
    /// These are as good as each other.
    Ambiguous(Vec<TargetId>),
    /// The user is asked which of these.
    Clarify(Vec<TargetId>),
    /// This one is chosen.
    Matched(TargetId),
    /// Values that this one needs are missing.
    Collecting(TargetId),
    /// This one is at work.
    Running(TargetId),
    /// This one has answered.
    Done(TargetId),
    /// This one has answered, and the next turn is here.
    FollowUp(TargetId),
    /// The first names the second.
    Handoff {
        /// Who hands over.
        from: TargetId,
        /// To whom.
        to: TargetId,
    },
    /// This one failed.
    Failed(TargetId),
    /// No agent: the models answer.
    General,
}

/// What is kept of a conversation between two steps. A store adds key, time to live and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Where it is.
    pub state: State,
    /// Agents that this turn has left: those that failed or handed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visited: Vec<TargetId>,
    /// Hand-offs in this turn.
    #[serde(default)]
    pub hops: u8,
    /// Failures in this turn.
    #[serde(default)]
    pub failures: u8,
    /// Questions asked since the user last began something.
    #[serde(default)]
    pub questions: u8,
}

/// How far a turn may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Hand-offs within one turn.
    pub hops: u8,
    /// Agents that may fail within one turn before the models answer.
    pub failures: u8,
    /// Questions to the user for one matter: which agent is meant, which values are missing.
    pub questions: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hops: 3, failures: 2, questions: 1 }
    }
}

impl Limits {
    /// The steps within one turn after which it has ended or waits for the user.
    #[must_use]
    pub fn steps(&self) -> usize {
        // Each failure costs at most a failed stage, a choice, a match and a dispatch; each hop a stage and a dispatch.
        8 + 5 * (usize::from(self.failures) + 1) + 3 * (usize::from(self.hops) + 1)
    }
}

impl Stage {
    /// All of them, in the table's order.
    pub const ALL: [Self; 11] = [
        Self::Idle,
        Self::Ambiguous,
        Self::Clarify,
        Self::Matched,
        Self::Collecting,
        Self::Running,
        Self::Done,
        Self::FollowUp,
        Self::Handoff,
        Self::Failed,
        Self::General,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Ambiguous => "Ambiguous",
            Self::Clarify => "Clarify",
            Self::Matched => "Matched",
            Self::Collecting => "Collecting",
            Self::Running => "Running",
            Self::Done => "Done",
            Self::FollowUp => "FollowUp",
            Self::Handoff => "Handoff",
            Self::Failed => "Failed",
            Self::General => "General",
        }
    }
}

impl State {
    /// Its stage.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Idle => Stage::Idle,
            Self::Ambiguous(_) => Stage::Ambiguous,
            Self::Clarify(_) => Stage::Clarify,
            Self::Matched(_) => Stage::Matched,
            Self::Collecting(_) => Stage::Collecting,
            Self::Running(_) => Stage::Running,
            Self::Done(_) => Stage::Done,
            Self::FollowUp(_) => Stage::FollowUp,
            Self::Handoff { .. } => Stage::Handoff,
            Self::Failed(_) => Stage::Failed,
            Self::General => Stage::General,
        }
    }

    /// The agent it is about; of a hand-over the one that hands over.
    #[must_use]
    pub fn agent(&self) -> Option<&TargetId> {
        match self {
            Self::Matched(id)
            | Self::Collecting(id)
            | Self::Running(id)
            | Self::Done(id)
            | Self::FollowUp(id)
            | Self::Failed(id)
            | Self::Handoff { from: id, .. } => Some(id),
            Self::Idle | Self::Ambiguous(_) | Self::Clarify(_) | Self::General => None,
        }
    }

    /// The agents it hangs between.
    #[must_use]
    pub fn candidates(&self) -> &[TargetId] {
        match self {
            Self::Ambiguous(candidates) | Self::Clarify(candidates) => candidates,
            _ => &[],
        }
    }
}

impl Conversation {
    /// Why this agent may not be chosen now, the state's own set apart.
    #[must_use]
    pub fn excludes(&self, id: &TargetId, context: &Context<'_>) -> Option<Excluded> {
        let Some(agent) = context.registry.get(id) else { return Some(Excluded::State) };
        if self.visited.contains(id) {
            return Some(Excluded::Visited);
        }
        context.excludes(agent)
    }

    /// Whom a hand-over leads to, where it was declared.
    pub(super) fn named_handoff(&self, context: &Context<'_>) -> Option<&TargetId> {
        let State::Handoff { from, to } = &self.state else { return None };
        let declared = context.registry.get(from).is_some_and(|agent| agent.handoffs.contains(to));
        (declared && from != to).then_some(to)
    }
}

#[cfg(test)]
mod tests;

//! A conversation keeps its model.
//!
//! Among models, a turn that answers a tool call, or follows in a session, stays with the target that answered before:
//! its prompt cache is warm, and signatures and tool ids in the history are its own. A route may switch between
//! turns; a tool's result always goes back to whoever called the tool.

use serde::{Deserialize, Serialize};

use crate::candidates::Candidates;
use crate::facts::Facts;
use crate::id::TargetId;
use crate::signals::Signals;

/// When a conversation may change its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switching {
    /// Only when its target cannot answer.
    #[default]
    Never,
    /// At every turn that is not a tool's result.
    EachTurn,
}

/// The target this turn must stay with: the session's, where it is still a candidate.
#[must_use]
pub fn stays_with(
    switching: Switching,
    signals: &Signals,
    facts: &Facts,
    candidates: &Candidates,
) -> Option<TargetId> {
    let target = facts.session.as_ref()?.target.as_ref()?;
    let bound = signals.tool_result || switching == Switching::Never;
    (bound && candidates.kept.iter().any(|kept| kept.id == *target)).then(|| target.clone())
}

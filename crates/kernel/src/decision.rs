//! One request's decision: everything it was made from and everything it led to.
//!
//! A decision holds its own inputs, so it can be explained without the program that made it and made again to the same
//! bytes: [`crate::decide::again`].

use serde::{Deserialize, Serialize};

use crate::candidates::{Candidates, Dropped};
use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::{RouteId, TargetId};
use crate::plan::Plan;
use crate::select::Ranking;
use crate::signals::Signals;

/// What was decided, and from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The route that decided.
    pub route: RouteId,
    /// The selector that ranked.
    pub selector: String,
    /// The algorithm of the random generator seeded with `facts.seed`.
    pub generator: String,
    /// What was known of the world.
    pub facts: Facts,
    /// What was known of the prompt.
    pub signals: Signals,
    /// Targets left out, with the rule that did it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// Nobody was healthy, so health was set aside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub health_ignored: bool,
    /// What was expected of each candidate.
    pub estimates: Estimates,
    /// What the choice was for.
    pub goal: Goal,
    /// The candidates in order.
    pub ranking: Ranking,
    /// What is to be called; nothing where nobody may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

impl Decision {
    /// Who was chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&TargetId> {
        self.ranking.chosen().map(|ranked| &ranked.target)
    }

    pub(crate) fn drop_all(&mut self, candidates: Candidates) {
        self.dropped = candidates.dropped;
        self.health_ignored = candidates.health_ignored;
    }
}

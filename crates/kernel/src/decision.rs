//! One request's decision: everything it was made from and everything it led to.
//!
//! A decision holds its own inputs, so it can be explained without the program that made it and made again to the same
//! bytes: [`crate::decide::again`].

use serde::{Deserialize, Serialize};

use crate::agents::FirstStage;
use crate::candidates::{Candidates, Dropped};
use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::{RouteId, TargetId};
use crate::plan::{Call, Patience, Plan};
use crate::select::{Ranked, Ranking, Reason};
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
    /// What the first stage decided, where the route has agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<FirstStage>,
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

    /// Puts the first stage before the second: its agents are asked one after another, and then whoever the second chose.
    #[must_use]
    pub(crate) fn led_by(mut self, stage: FirstStage, patience: Patience) -> Self {
        let agents: Vec<TargetId> = stage.agents().cloned().collect();
        self.agents = Some(stage);
        if agents.is_empty() {
            return self;
        }
        for (at, agent) in agents.iter().enumerate().rev() {
            let reason = match at.checked_sub(1).and_then(|before| agents.get(before)) {
                Some(before) => Reason::AfterAgent { before: before.clone() },
                None => Reason::Agent,
            };
            self.ranking.lead(Ranked { target: agent.clone(), score: 1.0, propensity: 0.0, reason });
        }
        let call = |target: TargetId| Call {
            target,
            retries: patience.retries,
            wait_at_most_ms: patience.wait_at_most_ms,
        };
        let models = self.plan.iter().flat_map(|plan| plan.calls().iter().cloned());
        let calls: Vec<Call> = agents.into_iter().map(call).chain(models).collect();
        self.plan = match <[Call; 1]>::try_from(calls) {
            Ok([only]) => Some(Plan::Call(only)),
            Err(calls) => Some(Plan::Fallback(calls)),
        };
        self
    }

    pub(crate) fn drop_all(&mut self, candidates: Candidates) {
        self.dropped = candidates.dropped;
        self.health_ignored = candidates.health_ignored;
    }
}

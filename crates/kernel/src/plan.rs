//! What is to be called, as data; [`run::PlanRun`] is its only interpreter.
//!
//! A plan names targets and limits and nothing else. The gateway drives its run with sockets, evaluation with a table,
//! a test with a script.

pub mod run;

pub use run::{Action, Actions, Ended, Event, PlanRun, TimerId};

use serde::{Deserialize, Serialize};

use crate::id::TargetId;
use crate::select::Ranking;

/// What is to be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Plan {
    /// One target.
    Call(Call),
    /// One after another until one answers.
    Fallback(Vec<Call>),
}

/// One target and how patient to be with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who is asked.
    pub target: TargetId,
    /// How often it is asked again after a failure that allows it.
    pub retries: u8,
    /// The longest wait before asking again, in milliseconds. A target that asks for more is not asked again.
    pub wait_at_most_ms: u64,
}

/// How many targets and how patiently: a route's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// Targets asked at most.
    pub targets: u8,
    /// Retries of each.
    pub retries: u8,
    /// The longest wait before a retry, in milliseconds.
    pub wait_at_most_ms: u64,
}

/// Makes a plan of a ranking.
pub trait Planner: Send + Sync {
    /// The plan, or nothing where nobody is ranked.
    fn plan(&self, ranking: &Ranking, patience: Patience) -> Option<Plan>;
}

/// The chosen target, then the others in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl Planner for InOrder {
    fn plan(&self, ranking: &Ranking, patience: Patience) -> Option<Plan> {
        let mut calls: Vec<Call> = ranking
            .0
            .iter()
            .take(usize::from(patience.targets.max(1)))
            .map(|ranked| Call {
                target: ranked.target.clone(),
                retries: patience.retries,
                wait_at_most_ms: patience.wait_at_most_ms,
            })
            .collect();
        match calls.len() {
            0 => None,
            1 => calls.pop().map(Plan::Call),
            _ => Some(Plan::Fallback(calls)),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self { targets: 3, retries: 1, wait_at_most_ms: 10_000 }
    }
}

impl Plan {
    /// The calls in the order they may be made.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        match self {
            Self::Call(call) => std::slice::from_ref(call),
            Self::Fallback(calls) => calls,
        }
    }
}

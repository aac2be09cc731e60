//! What is kept of a request, and how it is read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{
    Attempt, Decision, DecisionId, Money, Outcome, RouteId, SessionId, Status, TargetId, Tenant, UsageSource,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::feedback::Feedback;

/// What is known of a request when it begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Unique in a ledger. Ids that grow with time keep its index small to write; any unique text works.
    pub id: DecisionId,
    /// When it arrived.
    pub started: Timestamp,
    /// Whose it is.
    pub tenant: Tenant,
    /// The client key's id or name; never its secret.
    pub key: Option<Arc<str>>,
    /// The model asked for, as the client spelt it.
    pub model: Arc<str>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The conversation it belongs to.
    pub session: Option<SessionId>,
    /// What was asked; dropped at once unless the operator keeps prompts.
    pub prompt: Option<String>,
}

/// One request's record. Its JSON is what `/v1/decisions/{id}` answers.
#[derive(Clone, Debug, Serialize)]
pub struct StoredRecord {
    /// Which one.
    pub id: DecisionId,
    /// When it arrived.
    pub started: Timestamp,
    /// Whose it is: whoever shows the record must compare.
    pub tenant: Tenant,
    /// The client key.
    pub key: Option<Arc<str>>,
    /// The model asked for.
    pub model: Arc<str>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The conversation.
    pub session: Option<SessionId>,
    /// What was asked, where the operator keeps prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The decision as it was logged; nothing before one was made, or where it was dropped for room.
    pub decision: Option<Box<RawValue>>,
    /// The calls made.
    pub attempts: Vec<Attempt>,
    /// What came of it; nothing while it runs.
    pub outcome: Option<Outcome>,
    /// What was said of the answer since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
}

/// Which records to read. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Those that arrived then or later.
    pub since: Option<Timestamp>,
    /// Those that arrived before.
    pub until: Option<Timestamp>,
    /// One tenant's.
    pub tenant: Option<Tenant>,
}

/// One line about a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Which one.
    pub id: DecisionId,
    /// When it arrived.
    pub started: Timestamp,
    /// Whose it is.
    pub tenant: Tenant,
    /// The client key.
    pub key: Option<Arc<str>>,
    /// The model asked for.
    pub model: Arc<str>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The conversation.
    pub session: Option<SessionId>,
    /// The route that decided.
    pub route: Option<RouteId>,
    /// Who answered.
    pub target: Option<TargetId>,
    /// How it ended; nothing while it runs.
    pub status: Option<Status>,
    /// What it cost, where that is known.
    pub cost: Option<Money>,
    /// What the same tokens would have cost at the baseline target.
    pub baseline_cost: Option<Money>,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Who counted them.
    pub usage_source: UsageSource,
    /// Microseconds from arrival to end.
    pub total_us: u64,
    /// Microseconds of that spent deciding.
    pub overhead_us: u64,
}

/// A request that ended, as far as choices are judged by it.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Which one.
    pub id: DecisionId,
    /// The route that decided.
    pub route: Option<RouteId>,
    /// How it ended.
    pub status: Status,
    /// What it cost, where that is known.
    pub cost: Option<Money>,
    /// What the same tokens would have cost at the baseline target.
    pub baseline_cost: Option<Money>,
    /// The score that was given for it.
    pub score: Option<f64>,
    /// The decision as it was logged; nothing where it was dropped for room.
    pub decision: Option<String>,
}

/// Sums over the records of a query, one group for each route, target and status.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// The groups, in no particular order.
    pub groups: Vec<Group>,
}

/// The records of one route, target and status.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The route; nothing where none decided.
    pub route: Option<RouteId>,
    /// Who answered; nothing where nobody did.
    pub target: Option<TargetId>,
    /// How they ended; nothing for those that run.
    pub status: Option<Status>,
    /// Their sums.
    pub sums: Sums,
}

/// Sums over records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// How many.
    pub requests: u64,
    /// What they cost, where that is known.
    pub cost: Money,
    /// How many ended without a known cost.
    pub unpriced: u64,
    /// What the baseline would have cost, over those where both costs are known.
    pub baseline_cost: Money,
    /// What was paid for those same requests.
    pub compared_cost: Money,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// Who answered a conversation last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionPin {
    /// Whose conversation.
    pub tenant: Tenant,
    /// Which one.
    pub session: SessionId,
    /// Who answered.
    pub target: TargetId,
    /// When that request arrived.
    pub at: Timestamp,
}

impl StoredRecord {
    /// The decision, to be explained or made again.
    ///
    /// # Errors
    /// When it is not of a form this program knows.
    pub fn decision(&self) -> Result<Option<Decision>, StoreError> {
        read_decision(&self.id, self.decision.as_ref().map(|raw| raw.get()))
    }
}

impl Choice {
    /// The decision.
    ///
    /// # Errors
    /// When it is not of a form this program knows.
    pub fn decision(&self) -> Result<Option<Decision>, StoreError> {
        read_decision(&self.id, self.decision.as_deref())
    }
}

fn read_decision(id: &DecisionId, json: Option<&str>) -> Result<Option<Decision>, StoreError> {
    json.map(serde_json::from_str).transpose().map_err(|source| StoreError::Record {
        id: id.to_string(),
        part: "decision",
        source,
    })
}

impl Totals {
    /// Over everything.
    #[must_use]
    pub fn all(&self) -> Sums {
        self.groups.iter().fold(Sums::default(), |sums, group| sums.plus(group.sums))
    }

    /// For each target, those that nobody answered under `None`.
    #[must_use]
    pub fn by_target(&self) -> BTreeMap<Option<TargetId>, Sums> {
        let mut out = BTreeMap::new();
        for group in &self.groups {
            let sums: &mut Sums = out.entry(group.target.clone()).or_default();
            *sums = sums.plus(group.sums);
        }
        out
    }

    /// For each status, those that run under `None`.
    #[must_use]
    pub fn by_status(&self) -> Vec<(Option<Status>, Sums)> {
        let mut out: Vec<(Option<Status>, Sums)> = Vec::new();
        for group in &self.groups {
            match out.iter_mut().find(|(status, _)| *status == group.status) {
                Some((_, sums)) => *sums = sums.plus(group.sums),
                None => out.push((group.status, group.sums)),
            }
        }
        out
    }
}

impl Sums {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            cost: self.cost + other.cost,
            unpriced: self.unpriced + other.unpriced,
            baseline_cost: self.baseline_cost + other.baseline_cost,
            compared_cost: self.compared_cost + other.compared_cost,
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }

    /// Nano-dollars saved against the baseline, an estimate; below zero where routing cost more.
    #[must_use]
    pub fn saved_nano(&self) -> i64 {
        let signed = |money: Money| i64::try_from(money.0).unwrap_or(i64::MAX);
        signed(self.baseline_cost).saturating_sub(signed(self.compared_cost))
    }
}

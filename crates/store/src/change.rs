//! What the ledger's writer hands to a store: rows to be made or added to, already serialised.

use pointsman_kernel::{Attempt, Decision, Money, Outcome, RouteId, Status, TargetId, UsageSource};

use serde::Serialize;

use crate::record::Opening;

/// A record to be made, or what became known of one since.
#[derive(Debug)]
pub struct Change<'a> {
    /// The request.
    pub opening: &'a Opening,
    /// The store has no row of it yet.
    pub is_new: bool,
    /// What was asked, where that is kept.
    pub prompt: Option<std::sync::Arc<str>>,
    /// The decision, where it is new to the store.
    pub decision: Option<DecisionText>,
    /// The end, where it is new to the store.
    pub end: Option<End>,
}

/// A decision as it is stored.
#[derive(Debug)]
pub struct DecisionText {
    /// The route that decided.
    pub route: RouteId,
    /// All of it, as JSON.
    pub json: String,
}

/// A request's end as it is stored: in full, and the parts that are summed.
#[derive(Debug)]
pub struct End {
    /// How it ended.
    pub status: Status,
    /// Who answered.
    pub target: Option<TargetId>,
    /// What it cost.
    pub cost: Option<Money>,
    /// What the baseline would have cost.
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
    /// The calls, as JSON.
    pub attempts: String,
    /// The outcome, as JSON.
    pub outcome: String,
}

impl DecisionText {
    /// The decision, without what could give the prompt's text away unless that is kept.
    pub(crate) fn of(decision: &Decision, keep_text: bool) -> Result<Self, serde_json::Error> {
        let signals = &decision.signals;
        let room = 1_024 + 512 * decision.estimates.list.len() + 12 * signals.features.len();
        let json = if keep_text || !signals.tells_text() {
            text(decision, room + 12 * (signals.vector.len() + signals.words.len()))?
        } else {
            text(&Decision { signals: signals.without_text(), ..decision.clone() }, room)?
        };
        Ok(Self { route: decision.route.clone(), json })
    }
}

impl End {
    pub(crate) fn of(attempts: &[Attempt], outcome: &Outcome) -> Result<Self, serde_json::Error> {
        Ok(Self {
            status: outcome.status,
            target: outcome.target.clone(),
            cost: outcome.cost,
            baseline_cost: outcome.baseline_cost,
            input_tokens: outcome.usage.input,
            output_tokens: outcome.usage.output,
            usage_source: outcome.usage.source,
            total_us: outcome.total_us,
            overhead_us: outcome.overhead_us,
            attempts: text(attempts, 256 + 256 * attempts.len())?,
            outcome: text(outcome, 512)?,
        })
    }
}

/// JSON, into a string that need not grow as a rule.
fn text<T: Serialize + ?Sized>(value: &T, room: usize) -> Result<String, serde_json::Error> {
    let mut json = Vec::with_capacity(room);
    serde_json::to_writer(&mut json, value)?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

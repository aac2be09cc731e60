//! What came of a request: exactly one outcome each, whatever happened.

use serde::{Deserialize, Serialize};

use crate::call_error::CallError;
use crate::facts::Timestamp;
use crate::id::{AttemptId, TargetId};
use crate::money::Money;

/// Where token counts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The target said so.
    Reported,
    /// Counted by us, since the target did not say.
    Estimated,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read, cached ones included.
    pub input: u64,
    /// Written, reasoning included.
    pub output: u64,
    /// Of those read, from the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached: u64,
    /// Of those read, written to the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_written: u64,
    /// Of those written, reasoning.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// Who counted.
    pub source: UsageSource,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Answered to the end.
    Ok,
    /// No target answered, or none could be asked.
    Failed,
    /// The answer broke off after bytes had been passed on.
    Cut,
    /// The client left before the end.
    Aborted,
    /// The gateway died with the request in flight; found at the next start.
    Lost,
}

/// Why an answer ended, in OpenAI's words.
pub type Finish = String;

/// One call to one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number in the request.
    pub id: AttemptId,
    /// Who was asked.
    pub target: TargetId,
    /// When it was started.
    pub started: Timestamp,
    /// Microseconds from its start to the answer's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_us: Option<u64>,
    /// Microseconds from its start to its end.
    pub ended_us: u64,
    /// What went wrong, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallError>,
    /// Its tokens.
    #[serde(default)]
    pub usage: Usage,
    /// What it cost; `None` when its price or its tokens are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetId>,
    /// Calls made.
    pub attempts: u16,
    /// Tokens over all calls.
    pub usage: Usage,
    /// Cost over all calls; `None` when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// What the same tokens would have cost at the baseline target: an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_cost: Option<Money>,
    /// Date of the price list the cost was computed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_as_of: Option<String>,
    /// Why the answer ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// Microseconds from the request's arrival to the answer's first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// Microseconds from the request's arrival to its end.
    pub total_us: u64,
    /// Microseconds of that spent deciding, before the first call.
    pub overhead_us: u64,
    /// Fields a translation dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lossy: Vec<String>,
    /// What went wrong, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallError>,
}

impl Usage {
    /// The two together; the source is the less certain of them.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            cache_written: self.cache_written.saturating_add(other.cache_written),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            source: match (self.source, other.source) {
                (UsageSource::Unknown, source) | (source, UsageSource::Unknown) => source,
                (UsageSource::Reported, UsageSource::Reported) => UsageSource::Reported,
                _ => UsageSource::Estimated,
            },
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

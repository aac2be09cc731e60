//! What somebody says of an answer afterwards: a score, given once, by the key that asked.

use std::sync::Arc;

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{DecisionId, Tenant};
use serde::Serialize;

/// What was said of one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feedback {
    /// When.
    pub at: Timestamp,
    /// How good the answer was, in [0, 1].
    pub score: f64,
    /// The word it was said by, where it was not a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<Arc<str>>,
}

/// Feedback on its way: of which decision, and from whom.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// The decision.
    pub id: &'a DecisionId,
    /// Who says it: must be who asked.
    pub tenant: &'a Tenant,
    /// With which key; must be the one that asked with, or none if that was none.
    pub key: Option<&'a str>,
    /// What is said.
    pub feedback: &'a Feedback,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    Kept,
    /// There is no such decision, or it is somebody else's: the two are not told apart.
    Unknown,
    /// Something was said of it before, and that stands.
    Again,
}

//! What went wrong with one call, as data: whose fault, how far it got, and what may be done about it.
//!
//! Retry logic reads only `retry` and `phase`. The kind is for people, metrics and the wire. `backends` makes these
//! from sockets and statuses; here they are only decided on and logged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct CallError {
    /// What happened.
    pub kind: ErrorKind,
    /// Who caused it.
    pub origin: Origin,
    /// How far the call had got.
    pub phase: Phase,
    /// What may be done about it.
    pub retry: Retry,
    /// The target's HTTP status, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// For people: names the thing and says what to do. Never holds a secret or a prompt.
    pub detail: String,
    /// The target's own error code, such as `context_length_exceeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// No connection: refused, unresolved, TLS.
    Connect,
    /// No answer within a deadline.
    Timeout,
    /// The target is busy (429, 529).
    RateLimited,
    /// The target failed (5xx).
    Upstream,
    /// The target refused the gateway's credentials (401, 403).
    Credentials,
    /// The target refused the request (other 4xx).
    Rejected,
    /// The answer is not what the protocol says: HTML, broken JSON, a stream without an end.
    Protocol,
    /// The connection broke in the middle of an answer.
    Cut,
    /// The client left.
    ClientGone,
    /// A translation would lose something and the route is strict.
    Lossy,
    /// The gateway itself.
    Internal,
}

/// Who caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Whoever sent the request.
    Client,
    /// Us.
    Gateway,
    /// Whoever was to answer.
    Target,
}

/// How far a call had got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing was sent: trying again costs nothing.
    BeforeSend,
    /// Sent, and no byte of an answer was passed on: it may have been billed.
    BeforeByte,
    /// Bytes were passed on: nobody else can continue them.
    MidStream,
}

/// What may be done about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It would fail again, there and elsewhere.
    Never,
    /// The same target may do better, not before this long; another may too.
    Same {
        /// How long to wait at least.
        after_ms: u64,
    },
    /// Another target may do better; this one is not to be asked again, since it may have done something already.
    Elsewhere,
    /// Another target should be asked now. Where there is none, the same not before this long.
    Other {
        /// How long the target asked to be left alone.
        after_ms: u64,
    },
}

impl Retry {
    /// How long the target is to be left alone.
    #[must_use]
    pub fn wait(self) -> Duration {
        match self {
            Self::Never | Self::Elsewhere => Duration::ZERO,
            Self::Same { after_ms } | Self::Other { after_ms } => Duration::from_millis(after_ms),
        }
    }
}

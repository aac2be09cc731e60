//! How the ledger fares, for health checks and metrics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::Serialize;

use crate::sqlite::lock;

/// Whether records reach the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// They do.
    Good,
    /// The last attempt to write failed; it will be tried again.
    Failing,
    /// The ledger is closed.
    Closed,
}

/// How the ledger fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerHealth {
    /// Whether records reach the store.
    pub state: LedgerState,
    /// Records written so far, each counted once.
    pub written: u64,
    /// Decisions and prompts dropped for want of room.
    pub dropped_detail: u64,
    /// Records dropped for want of room, or refused by the store.
    pub dropped: u64,
    /// Batches that could not be written at the first attempt or a later one.
    pub write_errors: u64,
    /// What the last of them said. It stays after writing succeeds again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Records waiting to be written.
    pub pending: usize,
}

/// What is counted, readable at any time.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) written: AtomicU64,
    pub(super) dropped_detail: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) write_errors: AtomicU64,
    pub(super) failing: AtomicBool,
    pub(super) last_error: Mutex<Option<String>>,
}

impl LedgerState {
    /// Its word, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failing => "failing",
            Self::Closed => "closed",
        }
    }
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn says(&self, error: String) {
        *lock(&self.last_error) = Some(error);
    }

    pub(super) fn read(&self, closed: bool, pending: usize) -> LedgerHealth {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let state = match (closed, self.failing.load(Ordering::Relaxed)) {
            (true, _) => LedgerState::Closed,
            (false, true) => LedgerState::Failing,
            (false, false) => LedgerState::Good,
        };
        LedgerHealth {
            state,
            written: of(&self.written),
            dropped_detail: of(&self.dropped_detail),
            dropped: of(&self.dropped),
            write_errors: of(&self.write_errors),
            last_error: lock(&self.last_error).clone(),
            pending,
        }
    }
}

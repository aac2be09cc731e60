//! What outlives a request: its record (decision, attempts, outcome) and the client keys, on SQLite.
//!
//! [`Ledger`] takes one record a request without making the request wait: it never fails one, whatever happens to the
//! disk, and counts what it could not keep. [`Keys`] and [`KeyRing`] say who may come in. The two are separate files,
//! so that a ledger can be copied for analysis or deleted for room without touching who has access. [`Courses`] keeps where
//! conversations with agents stand, in a third.
//!
//! Everything here blocks except what a request calls ([`Ledger::begin`], [`Entry`], [`KeyRing::check`]).
//!
//! Left out: where the files live (the caller passes paths), isolation between tenants when records are read (the
//! caller compares [`StoredRecord::tenant`]).
#![forbid(unsafe_code)]

mod change;
mod courses;
mod error;
mod feedback;
#[cfg(test)]
mod fixtures;
mod keys;
mod ledger;
mod record;
mod sqlite;
mod store;

pub use change::{Change, DecisionText, End};
pub use courses::{Courses, Outdated};
pub use error::StoreError;
pub use feedback::{Feedback, Given, Taken};
pub use keys::{KeyRecord, KeyRing, Keys};
pub use ledger::{Entry, Ledger, LedgerHealth, LedgerOptions, LedgerState};
pub use record::{Choice, Group, Opening, Query, SessionPin, StoredRecord, Summary, Sums, Totals};
pub use sqlite::SqliteStore;
pub use store::Store;

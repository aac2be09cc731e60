//! What a ledger needs of a database: one way in, a few ways out.
//!
//! SQLite is the one implementation so far. The trait is here so that buffering, retries and dropping are written once,
//! and tested against a store that fails on command.

use pointsman_kernel::DecisionId;
use pointsman_kernel::facts::Timestamp;

use crate::change::Change;
use crate::error::StoreError;
use crate::feedback::{Given, Taken};
use crate::record::{Choice, Query, SessionPin, StoredRecord, Summary, Totals};

/// Keeps records.
///
/// Methods block. `append` is called by one thread at a time, the others from any.
pub trait Store: Send + Sync {
    /// Writes a batch, all of it or nothing, and returns the positions of changes it refuses for good: a new record
    /// whose id it has, or a change to a record it does not have or that has its outcome. A record that has an outcome
    /// MUST NOT change.
    ///
    /// # Errors
    /// When nothing was written. The same batch will come again, perhaps with more known of its records.
    fn append(&self, batch: &[Change<'_>]) -> Result<Vec<usize>, StoreError>;

    /// Keeps feedback of a record that it has, at once: when this returns it is written.
    ///
    /// # Errors
    /// When it cannot be written; nothing of it was.
    fn give(&self, given: &Given<'_>) -> Result<Taken, StoreError>;

    /// Closes every record without an outcome as lost, and says how many there were. Called once, before any append.
    ///
    /// # Errors
    /// When it cannot be written.
    fn close_lost(&self) -> Result<u64, StoreError>;

    /// One record.
    ///
    /// # Errors
    /// When it cannot be read.
    fn record(&self, id: &DecisionId) -> Result<Option<StoredRecord>, StoreError>;

    /// The newest records, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn recent(&self, query: &Query, limit: usize) -> Result<Vec<Summary>, StoreError>;

    /// Sums.
    ///
    /// # Errors
    /// When they cannot be read.
    fn totals(&self, query: &Query) -> Result<Totals, StoreError>;

    /// Who answered each conversation last, among requests that arrived at `since` or later and were answered.
    ///
    /// # Errors
    /// When they cannot be read.
    fn sessions_since(&self, since: Timestamp) -> Result<Vec<SessionPin>, StoreError>;

    /// Hands over each record of a query that ended, oldest first, as one state of the store. What `take` does must not
    /// use the store.
    ///
    /// # Errors
    /// When they cannot be read; some may have been handed over.
    fn choices(&self, query: &Query, take: &mut dyn FnMut(Choice)) -> Result<(), StoreError>;

    /// Deletes ended records that arrived before, and says how many there were.
    ///
    /// # Errors
    /// When they cannot be deleted; some may have been.
    fn prune(&self, before: Timestamp) -> Result<u64, StoreError>;
}

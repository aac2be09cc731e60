//! One record a request, taken without making the request wait.
//!
//! A request gets a reserved place when it begins ([`Ledger::begin`]) and fills it as it goes; one thread writes what
//! has gathered, a transaction a batch. Promises:
//!
//! - Exactly one outcome a request. `finish` consumes the place, and a place that is dropped without one (a panic, a
//!   cancelled task) records a failure.
//! - A request is never failed or held up by the disk. When writing fails, the batch is kept and tried again; when
//!   memory for that runs out, details go first (the decision and the prompt), then records, and both are counted.
//! - A request that runs for longer than a batch is in the store without an outcome. If the process dies it is closed
//!   as lost at the next start.
//! - [`Ledger::record`] sees what is not written yet.
//!
//! Left out: what a record says (the gateway and `kernel` decide), and how a batch is written ([`Store`]).

mod entry;
mod health;
mod queue;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pointsman_kernel::DecisionId;
use pointsman_kernel::facts::Timestamp;

pub use entry::Entry;
pub use health::{LedgerHealth, LedgerState};

use crate::error::StoreError;
use crate::feedback::{Given, Taken};
use crate::ledger::entry::Peek;
use crate::ledger::queue::Shared;
use crate::record::{Opening, Query, SessionPin, StoredRecord, Summary, Totals};
use crate::sqlite::{SqliteStore, lock};
use crate::store::Store;

/// How a ledger gathers and what it keeps.
#[derive(Clone, Debug)]
pub struct LedgerOptions {
    /// Keep prompts and prompt vectors. Off, neither reaches the disk.
    pub keep_prompts: bool,
    /// The longest a request is known in memory alone: it is in the store, running or ended, by then. Writing takes
    /// place at half of it.
    pub batch: Duration,
    /// Records that may wait to be written. Beyond, new ones are dropped and counted.
    pub capacity: usize,
    /// Bytes that waiting decisions and prompts may hold, roughly. Beyond, new ones are dropped and counted, and
    /// their records stay.
    pub detail_bytes: usize,
}

/// The ledger. Cloning gives another handle to the same; dropping the last one closes it.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    recovered: u64,
}

/// Ends the writing thread when the last handle goes.
struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How long dropping the last handle waits for what has gathered.
const LAST_CHANCE: Duration = Duration::from_secs(2);

/// How long feedback waits for the record it belongs to.
const GIVE_WAIT: Duration = Duration::from_secs(2);

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            keep_prompts: false,
            batch: Duration::from_millis(50),
            capacity: 65_536,
            detail_bytes: 64 << 20,
        }
    }
}

impl Ledger {
    /// Opens or makes the ledger at `path`, becomes its only writer, and closes what a process before left running.
    ///
    /// # Errors
    /// When another process writes to it, or it cannot be opened, or it is no ledger of this version.
    pub fn open(path: &Path, options: LedgerOptions) -> Result<Self, StoreError> {
        Self::over(Arc::new(SqliteStore::open(path)?), options)
    }

    /// A ledger that ends with the process.
    ///
    /// # Errors
    /// When there is no memory or thread for it.
    pub fn in_memory(options: LedgerOptions) -> Result<Self, StoreError> {
        Self::over(Arc::new(SqliteStore::in_memory()?), options)
    }

    /// A ledger over any store, which must have no other writer.
    ///
    /// # Errors
    /// When the store cannot be written at all.
    pub fn over(store: Arc<dyn Store>, options: LedgerOptions) -> Result<Self, StoreError> {
        let recovered = store.close_lost()?;
        let shared = Arc::new(Shared::new(store, options));
        let thread = writer::start(Arc::clone(&shared))?;
        let writer = Writer { shared: Arc::clone(&shared), thread: Mutex::new(Some(thread)) };
        Ok(Self { shared, writer: Arc::new(writer), recovered })
    }

    /// How many requests of the process before were closed as lost.
    #[must_use]
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Reserves a request's place. Takes well under a microsecond and never fails.
    #[must_use = "dropping the entry records a failed request"]
    pub fn begin(&self, opening: Opening) -> Entry {
        Entry::begin(&self.shared, opening)
    }

    /// How it fares. Cheap.
    #[must_use]
    pub fn health(&self) -> LedgerHealth {
        self.shared.health()
    }

    /// Writes what was begun or finished before this call, and says whether that was done in time. Blocks.
    #[must_use = "what was not written in time is still in memory only"]
    pub fn flush(&self, within: Duration) -> bool {
        self.shared.flush(Instant::now() + within)
    }

    /// Writes what has gathered and ends the writing thread; says whether all was written. Requests that still run
    /// stay without an outcome and are lost. Blocks; what begins afterwards is dropped and counted.
    pub fn close(&self, within: Duration) -> bool {
        self.writer.close(within)
    }

    /// One record, as of now: with what is not written yet. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn record(&self, id: &DecisionId) -> Result<Option<StoredRecord>, StoreError> {
        let keep = self.shared.options.keep_prompts;
        match self.shared.find(id).map(|slot| slot.peek(keep)).transpose()?.flatten() {
            None => self.shared.store.record(id),
            Some(Peek { record, in_store: false }) => Ok(Some(record)),
            Some(Peek { record: newer, in_store: true }) => {
                let Some(mut record) = self.shared.store.record(id)? else { return Ok(Some(newer)) };
                record.decision = newer.decision.or(record.decision);
                if newer.outcome.is_some() {
                    record.attempts = newer.attempts;
                    record.outcome = newer.outcome;
                }
                Ok(Some(record))
            }
        }
    }

    /// Keeps feedback of a decision, also of one that is not written yet: that is written first. Blocks.
    ///
    /// # Errors
    /// When the record or the feedback cannot be written in time.
    pub fn give(&self, given: &Given<'_>) -> Result<Taken, StoreError> {
        if let Some(slot) = self.shared.find(given.id) {
            let of_asker = slot.opening.tenant == *given.tenant && slot.opening.key.as_deref() == given.key;
            if !of_asker {
                return Ok(Taken::Unknown);
            }
            if !self.flush(GIVE_WAIT) {
                return Err(StoreError::Behind);
            }
        }
        self.shared.store.give(given)
    }

    /// The newest records, newest first, as written: at most a batch behind. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recent(&self, query: &Query, limit: usize) -> Result<Vec<Summary>, StoreError> {
        self.shared.store.recent(query, limit)
    }

    /// Sums, as written: at most a batch behind. Blocks, for long on a large ledger.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn totals(&self, query: &Query) -> Result<Totals, StoreError> {
        self.shared.store.totals(query)
    }

    /// Who answered each conversation last, among requests that arrived at `since` or later: what a new process knows
    /// of conversations. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sessions_since(&self, since: Timestamp) -> Result<Vec<SessionPin>, StoreError> {
        self.shared.store.sessions_since(since)
    }

    /// Deletes ended records that arrived before. The file keeps its size and the room is used again. Blocks.
    ///
    /// # Errors
    /// When they cannot be deleted; some may have been.
    pub fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.shared.store.prune(before)
    }
}

impl Writer {
    fn close(&self, within: Duration) -> bool {
        let all = self.shared.close(Instant::now() + within);
        if let Some(thread) = lock(&self.thread).take() {
            // It has nothing left to do; a panic in it has already been counted as what it left unwritten.
            let _ = thread.join();
        }
        all
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close(LAST_CHANCE);
    }
}

#[cfg(test)]
mod tests;

//! A ledger in one SQLite file: WAL, one writing connection, one reading one.
//!
//! `requests` is small and summed over, `decisions` and `outcomes` hold the JSON and are read by id, `feedback` what
//! was said of an answer since. A request that outlives its batch is a row without a status first; its end adds to `outcomes` and never rewrites the
//! decision. A transaction is not flushed to the platter one by one (`synchronous=NORMAL`): a killed process loses
//! nothing that was committed, a power cut may lose the last moments but never the file.
//!
//! Invariants: one process writes (a lock on a file beside it, which the system drops when the process dies); a row
//! with a status never changes.

mod append;
mod open;
mod reads;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pointsman_kernel::call_error::{CallError, ErrorKind, Origin, Phase, Retry};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{DecisionId, Outcome, Status, Usage};
use rusqlite::{Connection, TransactionBehavior};

pub(crate) use open::{Access, Schema, connect};

use crate::change::Change;
use crate::error::StoreError;
use crate::feedback::{Given, Taken};
use crate::record::{Choice, Query, SessionPin, StoredRecord, Summary, Totals};
use crate::store::Store;

/// A ledger file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Option<Mutex<Connection>>,
    /// Nothing in memory, where the writing connection reads as well.
    reader: Option<Mutex<Connection>>,
    _owner: Option<File>,
}

const SCHEMA: Schema = Schema {
    what: "ledger",
    application_id: 0x706d_6c64, // "pmld"
    migrations: &[include_str!("sqlite/ledger-1.sql"), include_str!("sqlite/ledger-2.sql")],
};

/// How long a write waits for somebody else's lock before it counts as failed and is tried again later.
const WRITE_WAIT: Duration = Duration::from_millis(250);
const READ_WAIT: Duration = Duration::from_secs(2);
/// Rows deleted in one transaction, so that pruning a large ledger never holds the writer up for long.
const PRUNE_STEP: u32 = 1_000;

impl SqliteStore {
    /// Opens or makes a ledger and becomes its owner.
    ///
    /// # Errors
    /// When another process owns it, or it cannot be opened, or it is no ledger of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let owner = open::own(path)?;
        let writer = connect(path, &SCHEMA, Access::Write, WRITE_WAIT)?;
        let reader = connect(path, &SCHEMA, Access::Read, READ_WAIT)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(Mutex::new(writer)),
            reader: Some(Mutex::new(reader)),
            _owner: Some(owner),
        })
    }

    /// Opens a ledger that another process may be writing to. It must exist.
    ///
    /// # Errors
    /// When it cannot be opened, or is no ledger of this version.
    pub fn read_only(path: &Path) -> Result<Self, StoreError> {
        let reader = connect(path, &SCHEMA, Access::Read, READ_WAIT)?;
        Ok(Self { path: path.to_owned(), writer: None, reader: Some(Mutex::new(reader)), _owner: None })
    }

    /// A ledger that ends with the process.
    ///
    /// # Errors
    /// When SQLite gives none.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from("the ledger in memory");
        let fail = |source| StoreError::of(&path, SCHEMA.what, source);
        let mut writer = Connection::open_in_memory().map_err(fail)?;
        open::migrate(&mut writer, &path, &SCHEMA)?;
        Ok(Self { path, writer: Some(Mutex::new(writer)), reader: None, _owner: None })
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(|| StoreError::ReadOnly { path: self.path.clone() })?;
        Ok(lock(writer))
    }

    fn reader(&self) -> Result<MutexGuard<'_, Connection>, StoreError> {
        match &self.reader {
            Some(reader) => Ok(lock(reader)),
            None => self.writer(),
        }
    }

    /// Stands in for a disk of so many pages.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, most: i64) {
        let writer = self.writer().unwrap();
        writer.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
    }

    fn fail(&self, source: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, SCHEMA.what, source)
    }
}

impl Store for SqliteStore {
    fn append(&self, batch: &[Change<'_>]) -> Result<Vec<usize>, StoreError> {
        append::append(&mut *self.writer()?, batch).map_err(|e| self.fail(e))
    }

    fn give(&self, given: &Given<'_>) -> Result<Taken, StoreError> {
        append::give(&mut *self.writer()?, given).map_err(|e| self.fail(e))
    }

    fn close_lost(&self) -> Result<u64, StoreError> {
        let outcome = serde_json::to_string(&lost()).map_err(|source| StoreError::Record {
            id: "every open one".to_owned(),
            part: "outcome",
            source,
        })?;
        append::close_lost(&mut *self.writer()?, &outcome).map_err(|e| self.fail(e))
    }

    fn record(&self, id: &DecisionId) -> Result<Option<StoredRecord>, StoreError> {
        let row = reads::record(&*self.reader()?, id).map_err(|e| self.fail(e))?;
        row.map(reads::Row::into_record).transpose()
    }

    fn recent(&self, query: &Query, limit: usize) -> Result<Vec<Summary>, StoreError> {
        reads::recent(&*self.reader()?, query, limit).map_err(|e| self.fail(e))
    }

    fn totals(&self, query: &Query) -> Result<Totals, StoreError> {
        reads::totals(&*self.reader()?, query).map_err(|e| self.fail(e))
    }

    fn sessions_since(&self, since: Timestamp) -> Result<Vec<SessionPin>, StoreError> {
        reads::sessions_since(&*self.reader()?, since).map_err(|e| self.fail(e))
    }

    fn choices(&self, query: &Query, take: &mut dyn FnMut(Choice)) -> Result<(), StoreError> {
        reads::choices(&*self.reader()?, query, take).map_err(|e| self.fail(e))
    }

    fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut pruned = 0;
        loop {
            let step = append::prune(&mut *self.writer()?, before, PRUNE_STEP).map_err(|e| self.fail(e))?;
            pruned += step;
            if step < u64::from(PRUNE_STEP) {
                return Ok(pruned);
            }
        }
    }
}

/// What is known of a request that was running when the process died.
fn lost() -> Outcome {
    Outcome {
        status: Status::Lost,
        target: None,
        attempts: 0,
        usage: Usage::default(),
        cost: None,
        baseline_cost: None,
        prices_as_of: None,
        finish: None,
        first_byte_us: None,
        total_us: 0,
        overhead_us: 0,
        lossy: Vec::new(),
        error: Some(CallError {
            kind: ErrorKind::Internal,
            origin: Origin::Gateway,
            phase: Phase::BeforeByte,
            retry: Retry::Never,
            status: None,
            detail: "the gateway stopped while this request was running; send it again".to_owned(),
            code: None,
        }),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn immediate(conn: &mut Connection) -> rusqlite::Result<rusqlite::Transaction<'_>> {
    conn.transaction_with_behavior(TransactionBehavior::Immediate)
}

#[cfg(test)]
mod tests;

//! A disk that does not take what it is given.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pointsman_kernel::Status;
use rusqlite::Connection;

use super::*;
use crate::change::Change;
use crate::record::Choice;

/// A store that fails on command.
struct Flaky {
    inner: SqliteStore,
    broken: AtomicBool,
    tries: AtomicUsize,
}

impl Flaky {
    fn new() -> Arc<Self> {
        let inner = SqliteStore::in_memory().unwrap();
        Arc::new(Self { inner, broken: AtomicBool::new(false), tries: AtomicUsize::new(0) })
    }

    fn breaks(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

impl Store for Flaky {
    fn append(&self, batch: &[Change<'_>]) -> Result<Vec<usize>, StoreError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Full { path: "ledger.db".into() });
        }
        self.inner.append(batch)
    }
    fn give(&self, given: &Given<'_>) -> Result<Taken, StoreError> {
        self.inner.give(given)
    }
    fn close_lost(&self) -> Result<u64, StoreError> {
        self.inner.close_lost()
    }
    fn choices(&self, query: &Query, take: &mut dyn FnMut(Choice)) -> Result<(), StoreError> {
        self.inner.choices(query, take)
    }
    fn record(&self, id: &DecisionId) -> Result<Option<StoredRecord>, StoreError> {
        self.inner.record(id)
    }
    fn recent(&self, query: &Query, limit: usize) -> Result<Vec<Summary>, StoreError> {
        self.inner.recent(query, limit)
    }
    fn totals(&self, query: &Query) -> Result<Totals, StoreError> {
        self.inner.totals(query)
    }
    fn sessions_since(&self, since: Timestamp) -> Result<Vec<SessionPin>, StoreError> {
        self.inner.sessions_since(since)
    }
    fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.inner.prune(before)
    }
}

fn request(ledger: &Ledger, n: usize) {
    let entry = ledger.begin(opening(n));
    entry.decided(decision(n));
    entry.finish(attempts(), outcome(Status::Ok));
}

#[test]
fn a_failed_batch_is_kept_readable_and_written_later_once() {
    let store = Flaky::new();
    let ledger = Ledger::over(Arc::clone(&store) as Arc<dyn Store>, quick()).unwrap();
    let long = ledger.begin(opening(1_000));
    assert!(ledger.flush(LONG));
    store.breaks(true);
    for n in 0..100 {
        request(&ledger, n);
    }
    long.finish(attempts(), outcome(Status::Ok));
    eventually("two attempts", || ledger.health().write_errors >= 2);
    let health = ledger.health();
    assert_eq!(health.state, LedgerState::Failing);
    assert!(health.last_error.unwrap().contains("disk is full; make room"));
    assert_eq!((status(&ledger, 50), status(&ledger, 1_000)), (Some(Status::Ok), Some(Status::Ok)));
    assert!(!ledger.flush(Duration::from_millis(20)), "a flush says that nothing was written");
    assert_eq!(ledger.totals(&Query::default()).unwrap().by_status().len(), 1, "only the running one");
    store.breaks(false);
    eventually("all written", || ledger.health().written == 101 && ledger.health().pending == 0);
    let health = ledger.health();
    assert_eq!((health.state, health.dropped, health.dropped_detail), (LedgerState::Good, 0, 0));
    let totals = ledger.totals(&Query::default()).unwrap();
    assert_eq!((totals.all().requests, totals.by_status().len()), (101, 1));
    assert_eq!(ledger.shared.reserved(), 0);
}

#[test]
fn details_are_dropped_first_then_records_and_both_are_counted() {
    let store = Flaky::new();
    store.breaks(true);
    let room = 10 * (size_of::<pointsman_kernel::Decision>() + 2_000);
    let options = LedgerOptions { capacity: 200, detail_bytes: room, ..quick() };
    let ledger = Ledger::over(Arc::clone(&store) as Arc<dyn Store>, options).unwrap();
    for n in 0..500 {
        request(&ledger, n);
    }
    let health = ledger.health();
    assert_eq!(health.dropped, 300);
    assert!((150..=195).contains(&health.dropped_detail), "{health:?}");
    assert_eq!(health.pending, 200);
    let kept = 200 - health.dropped_detail;
    store.breaks(false);
    assert!(ledger.flush(LONG));
    let with_decision =
        (0..200).filter(|n| ledger.record(&id(*n)).unwrap().unwrap().decision.is_some()).count();
    assert_eq!(with_decision as u64, kept);
    assert!((0..200).all(|n| status(&ledger, n) == Some(Status::Ok)), "no outcome is lost with its details");
    assert!(ledger.record(&id(200)).unwrap().is_none());
    request(&ledger, 500);
    assert!(ledger.flush(LONG));
    assert!(ledger.record(&id(500)).unwrap().unwrap().decision.is_some(), "it recovers");
    assert_eq!(ledger.shared.reserved(), 0);
}

#[test]
fn prompts_count_against_the_room_for_details() {
    let options = LedgerOptions { keep_prompts: true, detail_bytes: PROMPT.len() + 10, ..slow() };
    let ledger = Ledger::in_memory(options).unwrap();
    let entries = [ledger.begin(opening(0)), ledger.begin(opening(1))];
    assert_eq!(ledger.health().dropped_detail, 1);
    drop(entries);
    assert!(ledger.flush(LONG));
    let prompt = |n| ledger.record(&id(n)).unwrap().unwrap().prompt;
    assert_eq!((prompt(0).as_deref(), prompt(1)), (Some(PROMPT), None));
}

#[test]
fn closing_gives_a_broken_store_up_in_time_and_counts_what_was_left() {
    let store = Flaky::new();
    store.breaks(true);
    let ledger = Ledger::over(Arc::clone(&store) as Arc<dyn Store>, quick()).unwrap();
    for n in 0..3_000 {
        request(&ledger, n);
    }
    let began = Instant::now();
    assert!(!ledger.close(Duration::from_millis(100)));
    assert!(began.elapsed() < LONG / 2);
    let health = ledger.health();
    assert_eq!((health.state, health.written, health.dropped), (LedgerState::Closed, 0, 3_000));
}

#[test]
fn a_locked_file_delays_records_and_fails_no_request() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let ledger = Ledger::open(&path, quick()).unwrap();
    request(&ledger, 0);
    assert!(ledger.flush(LONG));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    for n in 1..200 {
        request(&ledger, n);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "requests waited for the disk");
    eventually("it is noticed", || ledger.health().state == LedgerState::Failing);
    assert!(ledger.health().last_error.unwrap().contains("locked by another program"));
    assert_eq!((status(&ledger, 0), status(&ledger, 199)), (Some(Status::Ok), Some(Status::Ok)));
    other.execute_batch("COMMIT").unwrap();
    eventually("all written", || ledger.health().written == 200);
    assert_eq!(ledger.health().state, LedgerState::Good);
    assert_eq!(ledger.totals(&Query::default()).unwrap().all().requests, 200);
}

#[test]
fn a_full_disk_delays_records_and_fails_no_request() {
    let home = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&home.path().join("ledger.db")).unwrap());
    let ledger = Ledger::over(Arc::clone(&store) as Arc<dyn Store>, quick()).unwrap();
    request(&ledger, 0);
    assert!(ledger.flush(LONG));
    let pages = |most: i64| store.limit_pages(most);
    pages(1); // SQLite raises this to the pages it has: not one more.
    for n in 1..400 {
        request(&ledger, n);
    }
    eventually("it is noticed", || ledger.health().state == LedgerState::Failing);
    assert!(ledger.health().last_error.unwrap().contains("disk is full"));
    assert_eq!((ledger.health().dropped, status(&ledger, 399)), (0, Some(Status::Ok)));
    pages(1_000_000);
    eventually("all written", || ledger.health().written == 400);
    assert_eq!(ledger.totals(&Query::default()).unwrap().all().requests, 400);
}

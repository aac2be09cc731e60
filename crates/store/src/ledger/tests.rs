//! The ledger's promises, over SQLite.

mod adverse;
mod foreign;
mod laws;
mod restart;

use std::time::Duration;

use pointsman_kernel::Status;

use super::*;
use crate::feedback::Feedback;
use crate::fixtures::{PROMPT, attempts, bytes, decision, holds, id, opening, outcome};

const LONG: Duration = Duration::from_secs(20);

/// A batch long enough that nothing is written unless a test asks for it.
fn slow() -> LedgerOptions {
    LedgerOptions { batch: Duration::from_secs(3_600), ..LedgerOptions::default() }
}

fn quick() -> LedgerOptions {
    LedgerOptions { batch: Duration::from_millis(4), ..LedgerOptions::default() }
}

fn status(ledger: &Ledger, n: usize) -> Option<Status> {
    ledger.record(&id(n)).unwrap().unwrap().outcome.map(|outcome| outcome.status)
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_record_is_readable_at_once_and_the_same_when_written() {
    let home = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&home.path().join("ledger.db"), slow()).unwrap();
    let json = || serde_json::to_string(&ledger.record(&id(1)).unwrap().unwrap()).unwrap();
    let entry = ledger.begin(opening(1));
    let begun = json();
    assert!(begun.contains(r#""decision":null,"attempts":[],"outcome":null"#), "{begun}");
    assert!(ledger.flush(LONG));
    assert_eq!(json(), begun);
    entry.decided(decision(1));
    let decided = json();
    assert!(decided.contains(r#""selector":"topsis""#));
    assert!(ledger.flush(LONG));
    assert_eq!(json(), decided);
    entry.finish(attempts(), outcome(Status::Ok));
    let ended = json();
    assert!(ended.contains(r#""status":"ok""#) && ended.contains(r#""selector":"topsis""#));
    assert!(ledger.flush(LONG));
    assert_eq!(json(), ended);
    assert_eq!((ledger.health().written, ledger.health().pending), (1, 0));
}

#[test]
fn a_short_request_is_written_once_and_a_long_one_while_it_runs() {
    let ledger = Ledger::in_memory(quick()).unwrap();
    let long = ledger.begin(opening(0));
    eventually("the running request is in the store", || {
        let lines = ledger.recent(&Query::default(), 10).unwrap();
        lines.first().is_some_and(|line| line.status.is_none())
    });
    long.finish(attempts(), outcome(Status::Cut));
    eventually("its end is in the store", || {
        ledger.recent(&Query::default(), 10).unwrap().iter().any(|line| line.status == Some(Status::Cut))
    });
}

#[test]
fn an_entry_that_is_dropped_records_a_failure() {
    let ledger = Ledger::in_memory(slow()).unwrap();
    drop(ledger.begin(opening(0)));
    let entry = ledger.begin(opening(1));
    let panicked = std::thread::spawn(move || {
        let _entry = entry;
        panic!("as a handler might");
    });
    assert!(panicked.join().is_err());
    assert!(ledger.flush(LONG));
    for n in [0, 1] {
        assert_eq!(status(&ledger, n), Some(Status::Failed));
        let record = ledger.record(&id(n)).unwrap().unwrap();
        assert!(record.outcome.unwrap().error.unwrap().detail.contains("without an outcome"));
    }
    assert_eq!(ledger.totals(&Query::default()).unwrap().all().requests, 2);
}

#[test]
fn prompts_and_vectors_reach_the_disk_only_when_asked_for() {
    for keep_prompts in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let ledger = Ledger::open(&path, LedgerOptions { keep_prompts, ..slow() }).unwrap();
        let entry = ledger.begin(opening(0));
        entry.decided(decision(0));
        entry.finish(attempts(), outcome(Status::Ok));
        let before = serde_json::to_string(&ledger.record(&id(0)).unwrap().unwrap()).unwrap();
        assert!(ledger.flush(LONG));
        let written = bytes(&path);
        assert!(holds(&written, "topsis"), "the decision is there");
        for text in [PROMPT, "0.07654321", r#""features""#] {
            assert_eq!(holds(&written, text), keep_prompts, "{text}");
            assert_eq!(before.contains(text), keep_prompts, "{text} before it is written");
        }
    }
}

#[test]
fn an_id_used_twice_keeps_its_first_record() {
    let ledger = Ledger::in_memory(slow()).unwrap();
    ledger.begin(opening(0)).finish(attempts(), outcome(Status::Ok));
    assert!(ledger.flush(LONG));
    ledger.begin(opening(0)).finish(vec![], outcome(Status::Failed));
    assert!(ledger.flush(LONG));
    assert_eq!(status(&ledger, 0), Some(Status::Ok));
    let health = ledger.health();
    assert_eq!((health.written, health.dropped, health.state), (1, 1, LedgerState::Good));
    assert!(health.last_error.unwrap().contains("ids must be unique"));
}

#[test]
fn after_closing_nothing_is_taken_and_everything_before_is_written() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let ledger = Ledger::open(&path, slow()).unwrap();
    let running = ledger.begin(opening(0));
    ledger.begin(opening(1)).finish(attempts(), outcome(Status::Ok));
    assert!(ledger.close(LONG));
    running.finish(attempts(), outcome(Status::Ok));
    ledger.begin(opening(2)).finish(attempts(), outcome(Status::Ok));
    let health = ledger.health();
    assert_eq!((health.state, health.dropped, health.written), (LedgerState::Closed, 1, 2));
    drop(ledger);
    let again = Ledger::open(&path, slow()).unwrap();
    assert_eq!(again.recovered(), 1);
    assert_eq!((status(&again, 0), status(&again, 1)), (Some(Status::Lost), Some(Status::Ok)));
}

#[test]
fn dropping_the_last_handle_writes_what_has_gathered() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let ledger = Ledger::open(&path, slow()).unwrap();
    let other = ledger.clone();
    other.begin(opening(0)).finish(attempts(), outcome(Status::Ok));
    drop(ledger);
    drop(other);
    assert_eq!(status(&Ledger::open(&path, slow()).unwrap(), 0), Some(Status::Ok));
}

#[test]
fn feedback_before_the_batch_is_written_is_kept_once() {
    let ledger = Ledger::in_memory(slow()).unwrap();
    let entry = ledger.begin(opening(1));
    entry.decided(decision(1));
    entry.finish(attempts(), outcome(Status::Ok));
    assert_eq!(ledger.health().written, 0);
    let feedback = Feedback { at: Timestamp(5_000), score: 0.5, label: None };
    let give = |tenant: &str| {
        let (id, tenant) = (id(1), pointsman_kernel::Tenant::from(tenant));
        ledger.give(&Given { id: &id, tenant: &tenant, key: Some("ci"), feedback: &feedback }).unwrap()
    };
    assert_eq!(give("other"), Taken::Unknown);
    assert_eq!((give("acme"), give("acme")), (Taken::Kept, Taken::Again));
    assert_eq!(ledger.record(&id(1)).unwrap().unwrap().feedback, Some(feedback.clone()));
    // And of a request that still runs: what it adds later leaves the feedback alone.
    let running = ledger.begin(opening(2));
    let (two, acme) = (id(2), pointsman_kernel::Tenant::from("acme"));
    let given = Given { id: &two, tenant: &acme, key: Some("ci"), feedback: &feedback };
    assert_eq!(ledger.give(&given).unwrap(), Taken::Kept);
    running.finish(attempts(), outcome(Status::Ok));
    assert_eq!(ledger.record(&two).unwrap().unwrap().feedback, Some(feedback.clone()));
    assert!(ledger.flush(LONG));
    let record = ledger.record(&two).unwrap().unwrap();
    assert!(record.feedback.is_some() && record.outcome.is_some());
}

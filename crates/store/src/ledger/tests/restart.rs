//! What a killed process leaves behind.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use pointsman_kernel::Status;

use super::*;

const FILE: &str = "POINTSMAN_TEST_LEDGER";
const CHILD: &str = "ledger::tests::restart::child_that_is_killed";

/// Not a test by itself: the process that the test below kills.
#[test]
#[ignore = "run by a_killed_process_leaves_each_request_with_one_outcome"]
fn child_that_is_killed() {
    let path = std::env::var_os(FILE).expect("the ledger to write to");
    let ledger = Ledger::open(Path::new(&path), LedgerOptions::default()).unwrap();
    let mut running = Vec::new();
    for n in 0..30 {
        let entry = ledger.begin(opening(n));
        match n % 3 {
            0 => {
                entry.decided(decision(n));
                entry.finish(attempts(), outcome(Status::Ok));
            }
            1 => {
                entry.decided(decision(n));
                running.push(entry);
            }
            _ => running.push(entry),
        }
    }
    // Longer than a batch and its writing, on a busy machine.
    std::thread::sleep(Duration::from_millis(400));
    println!("\nready");
    std::io::stdout().flush().unwrap();
    std::thread::sleep(LONG);
    drop(running);
}

#[test]
fn a_killed_process_leaves_each_request_with_one_outcome() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--ignored", "--nocapture"])
        .env(FILE, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line == "ready");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready, "the child ended early");

    let ledger = Ledger::open(&path, slow()).unwrap();
    assert_eq!(ledger.recovered(), 20);
    for n in 0..30 {
        let record = ledger.record(&id(n)).unwrap().unwrap();
        let expected = if n % 3 == 0 { Status::Ok } else { Status::Lost };
        assert_eq!(record.outcome.as_ref().map(|outcome| outcome.status), Some(expected), "request {n}");
        assert_eq!(record.decision.is_some(), n % 3 != 2, "what was decided before the end is kept: {n}");
    }
    assert_eq!(ledger.totals(&Query::default()).unwrap().all().requests, 30);
    drop(ledger);
    assert_eq!(Ledger::open(&path, slow()).unwrap().recovered(), 0, "they are closed once");
}

#[test]
fn conversations_and_sums_survive_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let first = Ledger::open(&path, slow()).unwrap();
    for n in 0..9 {
        first.begin(opening(n)).finish(attempts(), outcome(Status::Ok));
    }
    assert!(first.close(LONG));
    let before = first.totals(&Query::default()).unwrap();
    drop(first);
    let second = Ledger::open(&path, slow()).unwrap();
    assert_eq!(second.totals(&Query::default()).unwrap(), before);
    let pins = second.sessions_since(Timestamp(0)).unwrap();
    let pins: Vec<_> = pins.iter().map(|pin| (pin.session.as_str(), pin.at.0)).collect();
    assert_eq!(pins, [("s0", 1_006), ("s1", 1_007), ("s2", 1_008)]);
}

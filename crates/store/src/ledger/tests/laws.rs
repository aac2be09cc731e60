//! Whatever requests do and however batches fall, each has one row with one outcome.

use std::collections::BTreeMap;

use pointsman_kernel::Status;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Decide(usize),
    Finish(usize),
    Drop(usize),
    /// Everything so far is written, running requests too.
    Flush,
    /// The writer's own turn passes.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Begin),
        4 => (0..8usize).prop_map(Step::Decide),
        4 => (0..8usize).prop_map(Step::Finish),
        2 => (0..8usize).prop_map(Step::Drop),
        2 => Just(Step::Flush),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_leaves_one_row_with_one_outcome_a_request(steps in steps()) {
        let options = LedgerOptions { batch: Duration::from_millis(2), ..LedgerOptions::default() };
        let ledger = Ledger::in_memory(options).unwrap();
        let mut running: Vec<(usize, Entry)> = Vec::new();
        // What is known of each request: whether it was decided, and how it ended.
        let mut known: BTreeMap<usize, (bool, Option<Status>)> = BTreeMap::new();
        for step in steps {
            let pick = |n: usize| (!running.is_empty()).then(|| n % running.len());
            match step {
                Step::Begin => {
                    let n = known.len();
                    running.push((n, ledger.begin(opening(n))));
                    known.insert(n, (false, None));
                }
                Step::Decide(n) => {
                    if let Some((n, entry)) = pick(n).map(|at| &running[at]) {
                        entry.decided(decision(*n));
                        known.get_mut(n).unwrap().0 = true;
                    }
                }
                Step::Finish(n) => {
                    if let Some((n, entry)) = pick(n).map(|at| running.remove(at)) {
                        let status = if n % 2 == 0 { Status::Ok } else { Status::Aborted };
                        entry.finish(attempts(), outcome(status));
                        known.get_mut(&n).unwrap().1 = Some(status);
                    }
                }
                Step::Drop(n) => {
                    if let Some((n, entry)) = pick(n).map(|at| running.remove(at)) {
                        drop(entry);
                        known.get_mut(&n).unwrap().1 = Some(Status::Failed);
                    }
                }
                Step::Flush => prop_assert!(ledger.flush(LONG)),
                Step::Wait => std::thread::sleep(Duration::from_millis(2)),
            }
            for (n, (decided, ended)) in &known {
                let record = ledger.record(&id(*n)).unwrap().unwrap();
                prop_assert_eq!(record.decision.is_some(), *decided, "decision of {}", n);
                prop_assert_eq!(record.outcome.map(|outcome| outcome.status), *ended, "outcome of {}", n);
            }
        }
        for (n, _) in &running {
            known.get_mut(n).unwrap().1 = Some(Status::Failed);
        }
        drop(running);
        prop_assert!(ledger.close(LONG));
        let lines = ledger.recent(&Query::default(), usize::MAX).unwrap();
        let rows: BTreeMap<_, _> = lines.iter().map(|line| (line.id.clone(), line.status)).collect();
        let expected: BTreeMap<_, _> = known.iter().map(|(n, (_, ended))| (id(*n), *ended)).collect();
        prop_assert_eq!(lines.len(), known.len());
        prop_assert_eq!(rows, expected);
        let health = ledger.health();
        prop_assert_eq!((health.written, health.dropped, health.dropped_detail), (known.len() as u64, 0, 0));
    }
}

#[test]
fn eight_threads_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&home.path().join("ledger.db"), quick()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let ledger = ledger.clone();
            scope.spawn(move || {
                let mut held = Vec::new();
                for i in 0..1_250 {
                    let n = thread * 1_250 + i;
                    let entry = ledger.begin(opening(n));
                    entry.decided(decision(n));
                    // Some end at once, some outlive batches, some are given up.
                    held.push((n, entry));
                    if i % 3 != 0 {
                        let (n, entry) = held.swap_remove(i % held.len());
                        if n % 10 == 0 {
                            drop(entry);
                        } else {
                            entry.finish(attempts(), outcome(Status::Ok));
                        }
                    }
                }
            });
        }
    });
    assert!(ledger.flush(LONG));
    let all = ledger.totals(&Query::default()).unwrap();
    assert_eq!(all.all().requests, 10_000);
    let statuses: Vec<_> = all.by_status().into_iter().map(|(status, _)| status).collect();
    assert!(statuses.iter().all(|s| matches!(s, Some(Status::Ok | Status::Failed))), "{statuses:?}");
    let health = ledger.health();
    assert_eq!((health.written, health.dropped, health.dropped_detail), (10_000, 0, 0));
    assert_eq!(ledger.shared.reserved(), 0, "all room for details is given back");
}

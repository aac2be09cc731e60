//! The one thread that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::change::Change;
use crate::error::StoreError;
use crate::ledger::entry::{Slot, Step};
use crate::ledger::health::Counters;
use crate::ledger::queue::{Item, Shared};

/// Records of one transaction at most: what a backlog holds serialised at a time.
const CHUNK: usize = 1_024;
/// The wait before a failed batch is tried again, doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Closes the queue when the thread ends, however it does, so that nobody waits for it in vain.
struct Ended(Arc<Shared>);

pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name("ledger".to_owned())
        .spawn(move || {
            let ended = Ended(shared);
            run(&ended.0);
        })
        .map_err(|source| StoreError::Thread { what: "the ledger", source })
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended();
    }
}

fn run(shared: &Shared) {
    loop {
        let work = shared.take();
        let mut later = Vec::new();
        let mut all = true;
        for chunk in work.items.chunks(CHUNK) {
            if all {
                all = write(shared, chunk, work.young, &mut later);
            } else {
                // The time to close has run out.
                drop_all(shared, chunk.len());
            }
        }
        if !shared.finish(work, later, all) {
            return;
        }
    }
}

/// Writes a chunk, however often that has to be tried. False when there was no time left for it.
fn write(shared: &Shared, chunk: &[Item], young: u64, later: &mut Vec<Item>) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        // Each attempt looks anew: requests may have ended since.
        let mut slots: Vec<&Slot> = Vec::with_capacity(chunk.len());
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(chunk.len());
        let mut waiting = Vec::new();
        for item in chunk {
            match item.slot.step(item.tick >= young, shared.options.keep_prompts) {
                Ok(Step::Write(change)) => {
                    slots.push(&item.slot);
                    changes.push(change);
                }
                Ok(Step::Later) => waiting.push(item.clone()),
                Ok(Step::Nothing) => {}
                Err(error) => refuse(shared, &item.slot, &error.to_string()),
            }
        }
        let result = if changes.is_empty() { Ok(Vec::new()) } else { shared.store.append(&changes) };
        match result {
            Ok(refused) => {
                if !changes.is_empty() {
                    shared.counters.failing.store(false, Ordering::Relaxed);
                }
                settle(shared, &slots, &changes, &refused);
                later.append(&mut waiting);
                return true;
            }
            Err(error) => {
                Counters::count(&shared.counters.write_errors);
                shared.counters.failing.store(true, Ordering::Relaxed);
                shared.counters.says(error.to_string());
                if !shared.back_off(pause) {
                    drop_all(shared, changes.len());
                    return false;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn settle(shared: &Shared, slots: &[&Slot], changes: &[Change<'_>], refused: &[usize]) {
    for (at, (slot, change)) in slots.iter().zip(changes).enumerate() {
        if refused.contains(&at) {
            refuse(shared, slot, "its id is in the ledger already, or its row is gone; ids must be unique");
        } else if slot.settle(change, shared) {
            Counters::count(&shared.counters.written);
        }
    }
}

fn refuse(shared: &Shared, slot: &Slot, why: &str) {
    Counters::count(&shared.counters.dropped);
    shared.counters.says(format!("record {} was refused: {why}", slot.opening.id));
    slot.refuse(shared);
}

fn drop_all(shared: &Shared, records: usize) {
    shared.counters.dropped.fetch_add(u64::try_from(records).unwrap_or(u64::MAX), Ordering::Relaxed);
}

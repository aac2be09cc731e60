//! What waits to be written, shared by requests and the writer.
//!
//! A request that begins puts its slot into the queue, and so does one that learns something after its slot was taken
//! out; in between it only touches its own slot. The writer is woken when the queue stops being empty and then sleeps
//! for half a batch, so a busy gateway wakes it some forty times a second, not once a request.
//!
//! Bounds: new records beyond `capacity` are dropped. What running requests add to records that are in the store is
//! taken beyond it: there are no more of those than requests that run.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pointsman_kernel::DecisionId;

use crate::ledger::LedgerOptions;
use crate::ledger::entry::Slot;
use crate::ledger::health::{Counters, LedgerHealth};
use crate::sqlite::lock;
use crate::store::Store;

pub(super) struct Shared {
    pub(super) options: LedgerOptions,
    pub(super) store: Arc<dyn Store>,
    pub(super) counters: Counters,
    hashes: RandomState,
    detail: AtomicUsize,
    queue: Mutex<Queue>,
    /// Wakes the writer.
    due: Condvar,
    /// Wakes those who wait for the writer.
    done: Condvar,
}

struct Queue {
    waiting: Vec<Item>,
    /// What the writer is at work on: no longer waiting, not surely written.
    taken: Arc<Vec<Item>>,
    /// Counts what the writer has taken; tells how old a slot is without reading a clock.
    tick: u64,
    /// The writer sleeps until something comes.
    idle: bool,
    /// Flushes asked for and done.
    flush_asked: u64,
    flush_done: u64,
    /// When the writer must have ended.
    closing: Option<Instant>,
    closed: bool,
}

/// A slot with what is needed to find it without touching it.
#[derive(Clone)]
pub(super) struct Item {
    hash: u64,
    /// The writer's tick when its request began; 0 when it has been taken before.
    pub(super) tick: u64,
    pub(super) slot: Arc<Slot>,
}

/// What the writer has to do next.
pub(super) struct Work {
    pub(super) items: Arc<Vec<Item>>,
    /// Slots that began at this tick or later may wait for the next one while their requests run.
    pub(super) young: u64,
    flush: u64,
    last: bool,
}

impl Shared {
    pub(super) fn new(store: Arc<dyn Store>, options: LedgerOptions) -> Self {
        Self {
            options,
            store,
            counters: Counters::default(),
            hashes: RandomState::new(),
            detail: AtomicUsize::new(0),
            queue: Mutex::new(Queue {
                waiting: Vec::new(),
                taken: Arc::default(),
                tick: 1,
                idle: false,
                flush_asked: 0,
                flush_done: 0,
                closing: None,
                closed: false,
            }),
            due: Condvar::new(),
            done: Condvar::new(),
        }
    }

    pub(super) fn hash(&self, id: &DecisionId) -> u64 {
        self.hashes.hash_one(id.as_str())
    }

    /// Takes in a new slot, where there is room.
    pub(super) fn admit(&self, slot: &Arc<Slot>) -> bool {
        let mut queue = lock(&self.queue);
        if queue.closed || queue.waiting.len() + queue.taken.len() >= self.options.capacity {
            return false;
        }
        let tick = queue.tick;
        queue.waiting.push(Item { hash: slot.hash, tick, slot: Arc::clone(slot) });
        self.wake(queue);
        true
    }

    /// Takes in a slot that was taken out before and has news.
    pub(super) fn again(&self, slot: &Arc<Slot>) {
        let mut queue = lock(&self.queue);
        if !queue.closed {
            queue.waiting.push(Item { hash: slot.hash, tick: 0, slot: Arc::clone(slot) });
            self.wake(queue);
        }
    }

    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let idle = std::mem::take(&mut queue.idle);
        drop(queue);
        if idle {
            self.due.notify_all();
        }
    }

    /// Makes room for so many bytes of detail, if there is.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        let before = self.detail.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.options.detail_bytes {
            return true;
        }
        self.release(bytes);
        false
    }

    pub(super) fn release(&self, bytes: usize) {
        self.detail.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        self.detail.load(Ordering::Relaxed)
    }

    /// The slot of `id`, where it has something that may not be written yet.
    pub(super) fn find(&self, id: &DecisionId) -> Option<Arc<Slot>> {
        let hash = self.hash(id);
        let queue = lock(&self.queue);
        queue
            .waiting
            .iter()
            .chain(queue.taken.iter())
            .find(|item| item.hash == hash && item.slot.opening.id == *id)
            .map(|item| Arc::clone(&item.slot))
    }

    pub(super) fn health(&self) -> LedgerHealth {
        let (closed, pending) = {
            let queue = lock(&self.queue);
            (queue.closed, queue.waiting.len() + queue.taken.len())
        };
        self.counters.read(closed, pending)
    }

    pub(super) fn flush(&self, deadline: Instant) -> bool {
        let mut queue = lock(&self.queue);
        queue.flush_asked += 1;
        let ticket = queue.flush_asked;
        self.due.notify_all();
        while queue.flush_done < ticket && !queue.closed {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            queue = wait(&self.done, queue, left);
        }
        queue.flush_done >= ticket
    }

    /// Asks the writer to end and waits until it has. Says whether everything was written.
    pub(super) fn close(&self, deadline: Instant) -> bool {
        let mut queue = lock(&self.queue);
        queue.closing = Some(queue.closing.map_or(deadline, |before| before.min(deadline)));
        queue.flush_asked += 1;
        let ticket = queue.flush_asked;
        self.due.notify_all();
        while !queue.closed {
            queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.flush_done >= ticket
    }

    /// For the writer: waits until there is something to do and half a batch has passed, and takes it.
    pub(super) fn take(&self) -> Work {
        let mut queue = lock(&self.queue);
        while queue.waiting.is_empty() && !queue.is_urgent() {
            queue.idle = true;
            queue = self.due.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.idle = false;
        let until = Instant::now() + self.options.batch / 2;
        while !queue.is_urgent() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            queue = wait(&self.due, queue, left);
        }
        let young = if queue.is_urgent() { u64::MAX } else { queue.tick };
        queue.tick += 1;
        let room = Vec::with_capacity(queue.waiting.len());
        queue.taken = Arc::new(std::mem::replace(&mut queue.waiting, room));
        Work {
            items: Arc::clone(&queue.taken),
            young,
            flush: queue.flush_asked,
            last: queue.closing.is_some(),
        }
    }

    /// For the writer: the work is done, all of it or not; `later` waits for the next turn. Says whether to go on.
    pub(super) fn finish(&self, work: Work, later: Vec<Item>, all: bool) -> bool {
        let mut queue = lock(&self.queue);
        queue.waiting.extend(later);
        queue.taken = Arc::default();
        if all {
            queue.flush_done = work.flush;
        }
        queue.closed = work.last;
        if queue.closed {
            // What came while the last batch was being written.
            let late = u64::try_from(queue.waiting.len()).unwrap_or(u64::MAX);
            self.counters.dropped.fetch_add(late, Ordering::Relaxed);
            queue.waiting = Vec::new();
        }
        self.done.notify_all();
        !queue.closed
    }

    /// For the writer, as its last word.
    pub(super) fn ended(&self) {
        lock(&self.queue).closed = true;
        self.done.notify_all();
    }

    /// For the writer: waits before another attempt. Says whether there may be one.
    pub(super) fn back_off(&self, pause: Duration) -> bool {
        let mut queue = lock(&self.queue);
        let until = Instant::now() + pause;
        loop {
            let now = Instant::now();
            if queue.closing.is_some_and(|closing| now >= closing) {
                return false;
            }
            let until = queue.closing.map_or(until, |closing| closing.min(until));
            let Some(left) = until.checked_duration_since(now).filter(|left| !left.is_zero()) else {
                return true;
            };
            queue = wait(&self.due, queue, left);
        }
    }
}

impl Queue {
    fn is_urgent(&self) -> bool {
        self.closing.is_some() || self.flush_asked > self.flush_done
    }
}

fn wait<'q>(condvar: &Condvar, queue: MutexGuard<'q, Queue>, at_most: Duration) -> MutexGuard<'q, Queue> {
    condvar.wait_timeout(queue, at_most).unwrap_or_else(PoisonError::into_inner).0
}

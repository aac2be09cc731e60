//! Ids and seeds: unique, growing with time, made without a lock.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use pointsman_kernel::DecisionId;
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::rng::Rng;

/// Makes ids. Two processes that start in the same microsecond differ by the operating system's randomness.
#[derive(Debug)]
pub struct Ids {
    start: u64,
    count: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        // `RandomState` is keyed by the operating system; hashing nothing gives a number of it.
        Self { start: RandomState::new().hash_one(0u8), count: AtomicU64::new(0) }
    }
}

impl Ids {
    /// The id of a decision made at `now`: `dec_`, the time in microseconds, and 48 random bits.
    pub fn decision(&self, now: Timestamp) -> DecisionId {
        DecisionId::from(self.fresh("dec", now))
    }

    /// The id of a request that no decision was made for, nor the client gave one: `req_` and the same.
    pub fn request(&self, now: Timestamp) -> String {
        self.fresh("req", now)
    }

    fn fresh(&self, kind: &str, now: Timestamp) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let random = Rng::new(self.start ^ count.rotate_left(32)).next_u64() >> 16;
        format!("{kind}_{:014x}{random:012x}", now.0)
    }

    /// The seed of a decision's generator: a function of its id.
    pub fn seed(&self, id: &DecisionId) -> u64 {
        pointsman_encode::stable_hash(id.as_str().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_grow_with_time() {
        let ids = Ids::default();
        let made: std::collections::BTreeSet<_> = (0..10_000).map(|_| ids.decision(Timestamp(5))).collect();
        assert_eq!(made.len(), 10_000);
        assert!(ids.decision(Timestamp(6)) > *made.last().unwrap());
        assert_ne!(Ids::default().decision(Timestamp(5)), Ids::default().decision(Timestamp(5)));
    }
}

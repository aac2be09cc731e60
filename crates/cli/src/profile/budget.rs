//! What may be spent. The worst case of a call is set aside before it starts and settled when it ends, so the cap holds
//! whatever the calls in flight turn out to cost.

use std::sync::{Mutex, PoisonError};

use pointsman_kernel::Money;
use tokio::sync::Notify;

/// The purse.
pub(crate) struct Budget {
    cap: Option<Money>,
    purse: Mutex<Purse>,
    settled: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Purse {
    spent: Money,
    set_aside: Money,
    calls: usize,
}

impl Budget {
    /// With what was spent before.
    pub(crate) fn new(cap: Option<Money>, spent: Money) -> Self {
        let purse = Purse { spent, ..Purse::default() };
        Self { cap, purse: Mutex::new(purse), settled: Notify::new() }
    }

    /// Sets the worst case of a call aside; waits while calls in flight may give back what is missing. False when there is
    /// nothing left that could.
    pub(crate) async fn set_aside(&self, at_most: Money) -> bool {
        loop {
            // Made before the look, so that no settling in between is missed.
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            {
                let mut purse = self.purse();
                let fits = self.cap.is_none_or(|cap| purse.spent + purse.set_aside + at_most <= cap);
                if fits {
                    purse.set_aside += at_most;
                    purse.calls += 1;
                    return true;
                }
                if purse.calls == 0 {
                    return false;
                }
            }
            settled.await;
        }
    }

    /// Ends a call: what it cost in place of its worst case.
    pub(crate) fn settle(&self, at_most: Money, cost: Money) {
        let mut purse = self.purse();
        purse.set_aside = purse.set_aside.saturating_sub(at_most);
        purse.calls = purse.calls.saturating_sub(1);
        purse.spent += cost;
        drop(purse);
        self.settled.notify_waiters();
    }

    /// What was spent.
    pub(crate) fn spent(&self) -> Money {
        self.purse().spent
    }

    fn purse(&self) -> std::sync::MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_cap_holds_with_calls_in_flight_and_what_they_give_back_is_used() {
        let budget = Arc::new(Budget::new(Some(Money(100)), Money(20)));
        assert!(budget.set_aside(Money(50)).await);
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.set_aside(Money(50)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "20 + 50 + 50 is above the cap");
        budget.settle(Money(50), Money(10));
        assert!(waiting.await.unwrap());
        budget.settle(Money(50), Money(50));
        assert_eq!(budget.spent(), Money(80));
        assert!(!budget.set_aside(Money(21)).await, "nothing in flight could give more back");
        assert!(budget.set_aside(Money(20)).await);
    }
}

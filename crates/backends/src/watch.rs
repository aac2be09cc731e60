//! One timer for all deadlines of a call.
//!
//! Moving a deadline back costs nothing: the timer runs out at the old one, sees that there is time left, and is set
//! again. So a stream of thousands of pieces sets a timer a few times.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) struct Watch {
    sleep: Pin<Box<Sleep>>,
    until: Instant,
    total: Option<Instant>,
}

/// A deadline has passed.
#[derive(Debug)]
pub(crate) struct Over;

impl Watch {
    /// A watch that gives `wait` now, and `total` in all.
    pub(crate) fn new(wait: Duration, total: Option<Duration>) -> Self {
        let now = Instant::now();
        let total = total.map(|total| now + total);
        let until = total.map_or(now + wait, |total| total.min(now + wait));
        Self { sleep: Box::pin(sleep_until(until)), until, total }
    }

    /// Gives `wait` from now.
    pub(crate) fn allow(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        self.until = self.total.map_or(until, |total| total.min(until));
        if self.until < self.sleep.deadline() {
            self.sleep.as_mut().reset(self.until);
        }
    }

    /// Ready when time is up.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline() >= self.until {
                return Poll::Ready(Over);
            }
            self.sleep.as_mut().reset(self.until);
        }
    }

    /// Runs `work` until it is done or time is up.
    pub(crate) async fn race<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Over> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_over(cx).map(Err),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_moves_both_ways_but_not_beyond_the_total() {
        let start = Instant::now();
        let mut watch = Watch::new(Duration::from_secs(5), Some(Duration::from_secs(20)));
        watch.allow(Duration::from_secs(9));
        assert!(watch.race(std::future::pending::<()>()).await.is_err());
        assert_eq!(start.elapsed().as_secs(), 9);
        watch.allow(Duration::from_secs(1));
        assert!(watch.race(std::future::pending::<()>()).await.is_err());
        assert_eq!(start.elapsed().as_secs(), 10);
        watch.allow(Duration::from_secs(100));
        assert!(watch.race(std::future::pending::<()>()).await.is_err());
        assert_eq!(start.elapsed().as_secs(), 20);
    }
}

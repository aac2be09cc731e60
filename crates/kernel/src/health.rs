//! A breaker per target, as a pure function: state and event in, state out.
//!
//! After `failures` failures in a row it opens for `open_for`, twice as long each time up to `open_at_most`; then one
//! call goes through as a probe, and its result decides. A target that asks to be left alone (Retry-After) is left
//! alone for that long at once. What counts as a failure is decided by [`counts`]: a request that the target refused
//! says nothing about its health.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call_error::{CallError, ErrorKind};
use crate::facts::Timestamp;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long the first time.
    pub open_for: Duration,
    /// How long at most, a target's own Retry-After included.
    pub open_at_most: Duration,
}

/// One target's breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    times_opened: u32,
    open_until: Option<Timestamp>,
    probing_since: Option<Timestamp>,
}

/// What came of a call, as far as health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answered.
    Alive,
    /// It failed.
    Failed,
    /// It asked to be left alone.
    Busy(Duration),
    /// The call says nothing of its health.
    Nothing,
}

/// Whether a call may go through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Yes.
    Ready,
    /// Not before this time.
    Open {
        /// When a probe may go through.
        until: Timestamp,
    },
    /// A probe is on its way.
    Probing,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(5), open_at_most: Duration::from_secs(300) }
    }
}

impl Breaker {
    /// Whether a call may go through at `now`. A probe that gave no sign for `open_at_most` is forgotten.
    #[must_use]
    pub fn availability(&self, policy: &BreakerPolicy, now: Timestamp) -> Availability {
        match self.open_until {
            None => Availability::Ready,
            Some(until) if now < until => Availability::Open { until },
            Some(_) => match self.probing_since {
                Some(since) if now < later(since, policy.open_at_most) => Availability::Probing,
                _ => Availability::Ready,
            },
        }
    }

    /// A call starts: the first one after an open time is the probe.
    #[must_use]
    pub fn started(mut self, now: Timestamp) -> Self {
        if self.open_until.is_some_and(|until| now >= until) {
            self.probing_since = Some(now);
        }
        self
    }

    /// A call ended.
    #[must_use]
    pub fn ended(mut self, policy: &BreakerPolicy, now: Timestamp, sign: Sign) -> Self {
        match sign {
            Sign::Alive => Self::default(),
            Sign::Nothing => Self { probing_since: None, ..self },
            Sign::Busy(wait) => {
                let wait = wait.min(policy.open_at_most);
                self.probing_since = None;
                self.open_until = self.open_until.max(Some(later(now, wait)));
                self
            }
            Sign::Failed => {
                self.failures = self.failures.saturating_add(1);
                let was_probe = self.probing_since.take().is_some();
                if was_probe || self.failures >= policy.failures {
                    let doubled = policy.open_for.saturating_mul(1 << self.times_opened.min(16));
                    self.open_until = Some(later(now, doubled.min(policy.open_at_most)));
                    self.times_opened = self.times_opened.saturating_add(1);
                    self.failures = 0;
                }
                self
            }
        }
    }
}

/// What a failed call says of its target's health.
#[must_use]
pub fn counts(error: &CallError) -> Sign {
    match error.kind {
        ErrorKind::Connect
        | ErrorKind::Timeout
        | ErrorKind::Upstream
        | ErrorKind::Protocol
        | ErrorKind::Cut => Sign::Failed,
        ErrorKind::RateLimited if error.retry.wait().is_zero() => Sign::Failed,
        ErrorKind::RateLimited => Sign::Busy(error.retry.wait()),
        ErrorKind::Credentials
        | ErrorKind::Rejected
        | ErrorKind::ClientGone
        | ErrorKind::Lossy
        | ErrorKind::Internal => Sign::Nothing,
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn policy() -> BreakerPolicy {
        BreakerPolicy { failures: 3, open_for: Duration::from_secs(5), open_at_most: Duration::from_secs(15) }
    }

    fn fail(breaker: Breaker, times: u32, at: u64) -> Breaker {
        (0..times).fold(breaker, |b, _| b.ended(&policy(), Timestamp(at), Sign::Failed))
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_an_answer_starts_the_count_anew() {
        let two = fail(Breaker::default(), 2, 0);
        assert_eq!(two.availability(&policy(), Timestamp(0)), Availability::Ready);
        let reset = fail(two.ended(&policy(), Timestamp(0), Sign::Alive), 2, 0);
        assert_eq!(reset.availability(&policy(), Timestamp(0)), Availability::Ready);
        let open = fail(two, 1, 0);
        assert_eq!(
            open.availability(&policy(), Timestamp(1)),
            Availability::Open { until: Timestamp(5 * SECOND) }
        );
    }

    #[test]
    fn one_probe_goes_through_and_decides() {
        let open = fail(Breaker::default(), 3, 0);
        let probing = open.started(Timestamp(5 * SECOND));
        assert_eq!(probing.availability(&policy(), Timestamp(5 * SECOND)), Availability::Probing);
        let again = probing.ended(&policy(), Timestamp(5 * SECOND), Sign::Failed);
        assert_eq!(
            again.availability(&policy(), Timestamp(5 * SECOND)),
            Availability::Open { until: Timestamp(15 * SECOND) }
        );
        let well = probing.ended(&policy(), Timestamp(5 * SECOND), Sign::Alive);
        assert_eq!(well, Breaker::default());
    }

    #[test]
    fn open_times_double_up_to_the_limit_and_a_lost_probe_is_forgotten() {
        let mut breaker = fail(Breaker::default(), 3, 0);
        for _ in 0..40 {
            breaker = breaker.started(Timestamp(1_000 * SECOND)).ended(
                &policy(),
                Timestamp(1_000 * SECOND),
                Sign::Failed,
            );
        }
        let until = Timestamp(1_015 * SECOND);
        assert_eq!(breaker.availability(&policy(), Timestamp(1_000 * SECOND)), Availability::Open { until });
        let lost = breaker.started(until);
        assert_eq!(lost.availability(&policy(), Timestamp(1_031 * SECOND)), Availability::Ready);
    }

    #[test]
    fn retry_after_is_obeyed_at_once_and_within_the_limit() {
        let busy = Breaker::default().ended(&policy(), Timestamp(0), Sign::Busy(Duration::from_secs(7)));
        assert_eq!(
            busy.availability(&policy(), Timestamp(SECOND)),
            Availability::Open { until: Timestamp(7 * SECOND) }
        );
        let long = Breaker::default().ended(&policy(), Timestamp(0), Sign::Busy(Duration::from_secs(7_000)));
        assert_eq!(
            long.availability(&policy(), Timestamp(SECOND)),
            Availability::Open { until: Timestamp(15 * SECOND) }
        );
    }
}

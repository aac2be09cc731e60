//! A breaker per target, as a pure function: state and event in, state out.
//!
//! After `failures` failures in a row it opens for `open_for`, twice as long each time up to `open_at_most`; then one
//! call goes through as a probe, and its result decides. A target that asks to be left alone (Retry-After) is left
//! alone for that long at once. What counts as a failure is decided by [`counts`]: a request that the target refused
//! says nothing about its health.
//!
//! Refused credentials stand between the two. A 401 is the gateway's own key, since nothing of a client's account goes
//! on: the next request would be refused too, so it opens at once. A 403 or 402 may be that (no permission, a region, no
//! money) or one request's own doing (its content was flagged, it asks for more than is left). It counts like a failure,
//! but only while the target has answered nobody for [`DENIED_AFTER`], so that nobody can shut a target that serves
//! others. Either opens for [`REFUSED_AT_MOST`] at most: a key that was mended is tried soon. The price: a permission
//! lost in full service is noticed a minute late.

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
    /// It refused the gateway's key.
    KeyRefused,
    /// It forbids the request or the gateway; which of them, others' answers tell.
    Denied,
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

/// How long without an answer to anybody before a denial counts.
pub const DENIED_AFTER: Duration = Duration::from_secs(60);
/// How long refused credentials open a breaker at most.
pub const REFUSED_AT_MOST: Duration = Duration::from_secs(60);

impl Sign {
    /// What a sign says at `now` of a target that last answered at `answered`: a denial nothing, where it does answer.
    #[must_use]
    pub fn beside_answers(self, answered: Option<Timestamp>, now: Timestamp) -> Self {
        let answers = answered.is_some_and(|at| now < later(at, DENIED_AFTER));
        if self == Self::Denied && answers { Self::Nothing } else { self }
    }
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
            Sign::Failed => self.failed(policy, now, policy.failures, policy.open_at_most),
            Sign::KeyRefused => self.failed(policy, now, 1, policy.open_at_most.min(REFUSED_AT_MOST)),
            Sign::Denied => {
                self.failed(policy, now, policy.failures, policy.open_at_most.min(REFUSED_AT_MOST))
            }
        }
    }

    /// One more failure: opens after `enough` in a row, or where it was the probe's.
    fn failed(mut self, policy: &BreakerPolicy, now: Timestamp, enough: u32, at_most: Duration) -> Self {
        self.failures = self.failures.saturating_add(1);
        let was_probe = self.probing_since.take().is_some();
        if was_probe || self.failures >= enough {
            let doubled = policy.open_for.saturating_mul(1 << self.times_opened.min(16));
            self.open_until = Some(later(now, doubled.min(at_most)));
            self.times_opened = self.times_opened.saturating_add(1);
            self.failures = 0;
        }
        self
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
        ErrorKind::Credentials if error.status == Some(401) => Sign::KeyRefused,
        ErrorKind::Credentials => Sign::Denied,
        ErrorKind::Rejected | ErrorKind::ClientGone | ErrorKind::Lossy | ErrorKind::Internal => Sign::Nothing,
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

    #[test]
    fn a_refused_key_opens_at_once_and_longer_each_time_until_it_is_taken() {
        let refused = |breaker: Breaker, at| breaker.ended(&policy(), Timestamp(at), Sign::KeyRefused);
        let open = refused(Breaker::default(), 0);
        let until = Availability::Open { until: Timestamp(5 * SECOND) };
        assert_eq!(open.availability(&policy(), Timestamp(1)), until);
        let again = refused(open.started(Timestamp(5 * SECOND)), 5 * SECOND);
        let until = Availability::Open { until: Timestamp(15 * SECOND) };
        assert_eq!(again.availability(&policy(), Timestamp(6 * SECOND)), until);
        assert_eq!(again.ended(&policy(), Timestamp(20 * SECOND), Sign::Alive), Breaker::default());
    }

    #[test]
    fn denials_count_only_of_a_target_that_answers_nobody_and_never_open_for_long() {
        let policy = BreakerPolicy { open_at_most: Duration::from_secs(3_600), ..policy() };
        let answered = Some(Timestamp(10 * SECOND));
        let of = |at| Sign::Denied.beside_answers(answered, Timestamp(at));
        assert_eq!((of(11 * SECOND), of(69 * SECOND)), (Sign::Nothing, Sign::Nothing));
        assert_eq!(of(70 * SECOND), Sign::Denied);
        assert_eq!(Sign::Denied.beside_answers(None, Timestamp(0)), Sign::Denied);
        for sign in [Sign::KeyRefused, Sign::Failed] {
            assert_eq!(sign.beside_answers(answered, Timestamp(11 * SECOND)), sign);
        }
        let denied = |breaker: Breaker, at| breaker.ended(&policy, Timestamp(at), Sign::Denied);
        let mut breaker = denied(denied(Breaker::default(), 0), 0);
        assert_eq!(breaker.availability(&policy, Timestamp(0)), Availability::Ready);
        breaker = denied(breaker, 0);
        assert_eq!(
            breaker.availability(&policy, Timestamp(1)),
            Availability::Open { until: Timestamp(5 * SECOND) }
        );
        for _ in 0..20 {
            breaker = denied(breaker.started(Timestamp(1_000 * SECOND)), 1_000 * SECOND);
        }
        let until = Timestamp(1_060 * SECOND);
        assert_eq!(breaker.availability(&policy, Timestamp(1_000 * SECOND)), Availability::Open { until });
    }

    #[test]
    fn a_401_is_the_key_and_a_403_or_402_may_be_the_request() {
        let error = |kind, status| CallError {
            kind,
            origin: crate::Origin::Target,
            phase: crate::Phase::BeforeByte,
            retry: crate::Retry::Never,
            status: Some(status),
            detail: String::new(),
            code: None,
        };
        assert_eq!(counts(&error(ErrorKind::Credentials, 401)), Sign::KeyRefused);
        // An error told in an answer of status 200 does not say which it would have been.
        for status in [402, 403, 200] {
            assert_eq!(counts(&error(ErrorKind::Credentials, status)), Sign::Denied);
        }
        assert_eq!(counts(&error(ErrorKind::Rejected, 400)), Sign::Nothing);
    }
}

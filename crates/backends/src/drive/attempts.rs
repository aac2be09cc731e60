//! The account of each call that was started: one attempt, written once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::health::{Sign, counts};
use pointsman_kernel::{
    Attempt, AttemptId, CallError, ErrorKind, Money, Origin, Phase, Price, Retry, TargetId, Usage,
    UsageSource,
};

use crate::clock::Clock;
use crate::exchange::micros;
use crate::health::InFlight;

/// The attempts of one request that have ended. Clones share it: keep one where it outlives the drive and the stream.
#[derive(Clone, Debug, Default)]
pub struct AttemptLog(Arc<Mutex<Vec<Attempt>>>);

/// A call that has been started. It is settled once; a drop settles it as left by the client.
pub(super) struct Running {
    pub(super) id: AttemptId,
    pub(super) target: TargetId,
    started: Timestamp,
    since: Instant,
    head_us: Option<u64>,
    price: Option<Price>,
    in_flight: Option<InFlight>,
    clock: Arc<dyn Clock>,
    log: AttemptLog,
}

impl AttemptLog {
    /// A log without attempts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The attempts so far, in the order they were started.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Attempt> {
        let mut attempts = self.attempts().clone();
        attempts.sort_by_key(|attempt| attempt.id);
        attempts
    }

    /// Takes the attempts out.
    #[must_use]
    pub fn take(&self) -> Vec<Attempt> {
        let mut attempts = std::mem::take(&mut *self.attempts());
        attempts.sort_by_key(|attempt| attempt.id);
        attempts
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Vec<Attempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    pub(super) fn new(
        id: AttemptId,
        started: Timestamp,
        price: Option<Price>,
        in_flight: InFlight,
        (clock, log): (Arc<dyn Clock>, AttemptLog),
        target: TargetId,
    ) -> Self {
        let since = Instant::now();
        Self { id, target, started, since, head_us: None, price, in_flight: Some(in_flight), clock, log }
    }

    pub(super) fn head(&mut self, head_us: u64) {
        self.head_us = Some(head_us);
        if let Some(in_flight) = &self.in_flight {
            in_flight.head(head_us);
        }
    }

    /// It answered to the end.
    pub(super) fn answered(&mut self, usage: Usage) {
        self.settle(None, usage, Sign::Alive);
    }

    /// It failed before anything of it was passed on.
    pub(super) fn failed(&mut self, error: &CallError) {
        self.settle(Some(error.clone()), Usage::default(), counts(error));
    }

    /// It broke in the middle.
    pub(super) fn broke(&mut self, error: &CallError, usage: Usage) {
        self.settle(Some(error.clone()), usage, counts(error));
    }

    /// Nobody wants the rest of its answer.
    pub(super) fn left(&mut self, usage: Usage) {
        // It had begun to answer, so it is alive.
        self.settle(Some(gone(Phase::MidStream)), usage, Sign::Alive);
    }

    fn settle(&mut self, error: Option<CallError>, usage: Usage, sign: Sign) {
        let Some(in_flight) = self.in_flight.take() else { return };
        in_flight.ended(self.clock.now(), sign);
        let cost = cost(self.price.as_ref(), &usage, error.as_ref());
        self.log.attempts().push(Attempt {
            id: self.id,
            target: self.target.clone(),
            started: self.started,
            head_us: self.head_us,
            ended_us: micros(self.since.elapsed()),
            error,
            usage,
            cost,
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.settle(Some(gone(Phase::BeforeByte)), Usage::default(), Sign::Nothing);
    }
}

/// What an attempt cost; nothing where it surely was not billed: not sent, or refused by a status.
fn cost(price: Option<&Price>, usage: &Usage, error: Option<&CallError>) -> Option<Money> {
    if usage.source != UsageSource::Unknown {
        return price.map(|price| price.cost(usage.input, usage.cached, usage.cache_written, usage.output));
    }
    let unbilled = |error: &CallError| {
        error.phase == Phase::BeforeSend || error.status.is_some_and(|status| status >= 300)
    };
    error.is_some_and(unbilled).then_some(Money::ZERO)
}

fn gone(phase: Phase) -> CallError {
    CallError {
        kind: ErrorKind::ClientGone,
        origin: Origin::Client,
        phase,
        retry: Retry::Never,
        status: None,
        detail: "the answer was no longer wanted: the client left, or the call was cancelled".into(),
        code: None,
    }
}

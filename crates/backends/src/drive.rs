//! Driving a plan with real calls and real timers.
//!
//! The plan's run decides ([`pointsman_kernel::plan::run`]); here its actions are carried out and what happens is told
//! to it. Promises:
//! - every call that was started leaves exactly one attempt in the [`AttemptLog`], however it ended: answered, failed,
//!   cancelled, or dropped together with the drive or the stream;
//! - dropping the drive, or the stream it gave, ends every call at the upstream at once;
//! - after a commit bytes go from target to client without the plan; it hears only of the end.

mod attempts;
mod committed;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pointsman_kernel::plan::{Action, Ended, Event, Plan, PlanRun, TimerId};
use pointsman_kernel::{AttemptId, ErrorKind, Phase, Price, Retry, TargetId};
use tokio::time::Sleep;

use crate::call::{Reply, ReplyBody};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::health::HealthBoard;

pub use attempts::AttemptLog;
use attempts::Running;
pub use committed::{Committed, CommittedBody, CommittedStream};

/// The targets of one request, as its plan names them.
pub trait Targets: Send + Sync {
    /// Calls `target`; `None` if there is no such target any more.
    fn start<'a>(&'a self, target: &TargetId) -> Option<BoxFuture<'a, Result<Reply, Failure>>>;

    /// What `target` charges.
    fn price(&self, target: &TargetId) -> Option<Price>;
}

/// Carries out `plan` until somebody answers or nobody can.
///
/// A whole answer is complete when this returns, its attempt in the log. A stream has its first event, and its attempt
/// comes into the log when the stream ends or is dropped.
///
/// # Errors
/// The failure that the plan says is to be shown.
pub async fn drive(
    plan: &Plan,
    targets: &dyn Targets,
    health: &Arc<HealthBoard>,
    clock: &Arc<dyn Clock>,
    log: &AttemptLog,
) -> Result<Committed, Failure> {
    let mut driver = Driver {
        run: PlanRun::new(plan),
        targets,
        health,
        clock,
        log,
        events: VecDeque::from([Event::Begin]),
        calls: Vec::new(),
        timers: Vec::new(),
        answered: Vec::new(),
        failed: Vec::new(),
    };
    loop {
        let event = match driver.events.pop_front() {
            Some(event) => event,
            None => std::future::poll_fn(|cx| driver.poll_event(cx)).await,
        };
        if let Some(result) = driver.take(&event) {
            return result;
        }
    }
}

struct Driver<'a> {
    run: PlanRun,
    targets: &'a dyn Targets,
    health: &'a Arc<HealthBoard>,
    clock: &'a Arc<dyn Clock>,
    log: &'a AttemptLog,
    events: VecDeque<Event>,
    calls: Vec<Calling<'a>>,
    timers: Vec<(TimerId, Pin<Box<Sleep>>)>,
    /// Answers that are not committed.
    answered: Vec<(Running, Reply)>,
    failed: Vec<(AttemptId, Failure)>,
}

/// A call on its way. Fields are dropped in order: first the connection, then the account of it.
struct Calling<'a> {
    future: BoxFuture<'a, Result<Reply, Failure>>,
    running: Running,
}

impl Driver<'_> {
    fn take(&mut self, event: &Event) -> Option<Result<Committed, Failure>> {
        for action in self.run.step(event) {
            match action {
                Action::Start { attempt, target } => self.start(attempt, target),
                Action::Cancel(attempt) => {
                    self.calls.retain(|call| call.running.id != attempt);
                    self.answered.retain(|(running, _)| running.id != attempt);
                }
                Action::Timer { timer, after_ms } => {
                    let sleep = Box::pin(tokio::time::sleep(Duration::from_millis(after_ms)));
                    self.timers.push((timer, sleep));
                }
                Action::Commit(attempt) => {
                    if let Some(committed) = self.commit(attempt) {
                        return Some(Ok(committed));
                    }
                }
                Action::Finish(ended) => return Some(Err(self.shown(ended))),
            }
        }
        None
    }

    fn start(&mut self, attempt: AttemptId, target: TargetId) {
        let now = self.clock.now();
        let mut running = Running::new(
            attempt,
            now,
            self.targets.price(&target),
            self.health.started(&target, now),
            (self.clock.clone(), self.log.clone()),
            target,
        );
        match self.targets.start(&running.target) {
            Some(future) => self.calls.push(Calling { future, running }),
            None => {
                let detail = format!("{} is not configured any more: ask again", running.target);
                let mut failure = Failure::internal(detail);
                failure.error.retry = Retry::Other { after_ms: 0 };
                running.failed(&failure.error);
                self.note(attempt, failure);
            }
        }
    }

    /// Waits for a call or a timer.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut done = None;
        for (index, call) in self.calls.iter_mut().enumerate() {
            if let Poll::Ready(result) = call.future.as_mut().poll(cx) {
                done = Some((index, result));
                break;
            }
        }
        if let Some((index, result)) = done {
            let mut running = self.calls.swap_remove(index).running;
            let id = running.id;
            match result {
                Ok(reply) => {
                    running.head(reply.head_us);
                    self.answered.push((running, reply));
                    self.events.push_back(Event::FirstByte(id));
                    return Poll::Ready(Event::Head(id));
                }
                Err(failure) => {
                    running.failed(&failure.error);
                    self.note(id, failure);
                    return self.events.pop_front().map_or(Poll::Pending, Poll::Ready);
                }
            }
        }
        let over = self.timers.iter_mut().position(|(_, sleep)| sleep.as_mut().poll(cx).is_ready());
        match over {
            Some(index) => Poll::Ready(Event::Timer(self.timers.swap_remove(index).0)),
            None => Poll::Pending,
        }
    }

    fn note(&mut self, attempt: AttemptId, failure: Failure) {
        let (phase, retry) = (failure.error.phase, failure.error.retry);
        self.failed.push((attempt, failure));
        self.events.push_back(Event::Error { attempt, phase, retry });
    }

    fn commit(&mut self, attempt: AttemptId) -> Option<Committed> {
        let index = self.answered.iter().position(|(running, _)| running.id == attempt)?;
        let (mut running, reply) = self.answered.swap_remove(index);
        let target = running.target.clone();
        let body = match reply.body {
            ReplyBody::Full(body, tally) => {
                running.answered(tally.usage);
                self.run.step(&Event::End(attempt));
                CommittedBody::Full(body, tally)
            }
            ReplyBody::Stream(stream) => {
                CommittedBody::Stream(CommittedStream::new(stream, self.run.clone(), running))
            }
        };
        Some(Committed {
            target,
            attempt,
            status: reply.status,
            headers: reply.headers,
            lossy: reply.lossy,
            head_us: reply.head_us,
            body,
        })
    }

    /// The failure to show when the run is over without an answer.
    fn shown(&mut self, ended: Ended) -> Failure {
        let index = match ended {
            Ended::Failed(attempt) | Ended::Cut(attempt) | Ended::Answered(attempt) => {
                self.failed.iter().position(|(id, _)| *id == attempt)
            }
            Ended::GivenUp => None,
        };
        match index.map(|index| self.failed.swap_remove(index)) {
            Some((_, failure)) => failure,
            None => Failure::new(
                ErrorKind::Internal,
                Phase::BeforeSend,
                Retry::Never,
                "the plan names nobody to ask: look at the decision",
            ),
        }
    }
}

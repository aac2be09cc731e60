//! The interpreter of plans: events in, actions out.
//!
//! Promises, whatever the events:
//! - every run ends in exactly one [`Action::Finish`], after which it answers nothing;
//! - at most one attempt is committed, nothing is started after that, and only targets of the plan are ever started;
//! - an attempt that is still running when another is committed, or when the run is given up, is cancelled;
//! - what is retried, where and when depends on an error's `retry` and `phase` alone.
//!
//! A driver starts with [`Event::Begin`], carries out each action in order and reports what happened. `Commit` is
//! answered by passing the attempt's bytes on; from then on the plan only waits for the end. Several attempts may run
//! at once (a hedge will), so every event names its attempt. The hedge, cascade and agent turn drawn on these types
//! are in `docs/decisions`.

use std::collections::VecDeque;

use crate::call_error::{Phase, Retry};
use crate::id::{AttemptId, TargetId};
use crate::plan::{Call, Plan};

/// A timer a run asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(pub u16);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run may start.
    Begin,
    /// An attempt's head has arrived: it is answering.
    Head(AttemptId),
    /// An attempt has something to pass on.
    FirstByte(AttemptId),
    /// An attempt's answer is complete.
    End(AttemptId),
    /// An attempt failed.
    Error {
        /// Which one.
        attempt: AttemptId,
        /// How far it had got.
        phase: Phase,
        /// What may be done about it.
        retry: Retry,
    },
    /// A timer has run out.
    Timer(TimerId),
    /// The client left, or the request's time is up.
    GiveUp,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call `target` as `attempt`.
    Start {
        /// The attempt's number, never used before.
        attempt: AttemptId,
        /// Who is asked.
        target: TargetId,
    },
    /// Stop an attempt; its result is not wanted.
    Cancel(AttemptId),
    /// Pass this attempt's bytes on from now.
    Commit(AttemptId),
    /// Report [`Event::Timer`] in so many milliseconds.
    Timer {
        /// Which timer.
        timer: TimerId,
        /// In how many milliseconds.
        after_ms: u64,
    },
    /// The run is over.
    Finish(Ended),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The committed attempt answered to its end.
    Answered(AttemptId),
    /// The committed attempt broke off.
    Cut(AttemptId),
    /// Nobody answered; this attempt's error is the one to show.
    Failed(AttemptId),
    /// Given up from outside.
    GivenUp,
}

/// Actions in the order they are to be carried out.
pub type Actions = Vec<Action>;

/// One run of one plan. See the module.
#[derive(Clone, Debug)]
pub struct PlanRun {
    waiting: VecDeque<Call>,
    current: Option<Call>,
    state: State,
    attempts: u16,
    timers: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Calling(AttemptId),
    /// Waiting to ask the current target again after this attempt failed.
    Pausing(TimerId),
    Committed(AttemptId),
    Over,
}

/// The wait before the first retry of a target that named none; it doubles with each attempt.
const FIRST_PAUSE_MS: u64 = 100;

impl PlanRun {
    /// A run of `plan`, not yet begun.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            waiting: plan.calls().iter().cloned().collect(),
            current: None,
            state: State::New,
            attempts: 0,
            timers: 0,
        }
    }

    /// Takes one event and says what is to be done. Events about attempts that are no longer wanted are ignored.
    pub fn step(&mut self, event: &Event) -> Actions {
        match (self.state, event) {
            (State::Over, _) => Vec::new(),
            (State::New, Event::Begin) => self.next_target().unwrap_or_else(|| self.finish(Ended::GivenUp)),
            (_, Event::GiveUp) => self.give_up(),
            (State::Calling(running), Event::FirstByte(attempt)) if running == *attempt => {
                self.state = State::Committed(running);
                vec![Action::Commit(running)]
            }
            (State::Calling(running), Event::End(attempt)) if running == *attempt => {
                // An answer without a byte is still an answer.
                let mut actions = vec![Action::Commit(running)];
                actions.extend(self.finish(Ended::Answered(running)));
                actions
            }
            (State::Calling(running), Event::Error { attempt, phase, retry }) if running == *attempt => {
                self.failed(running, *phase, *retry)
            }
            (State::Pausing(waited), Event::Timer(timer)) if waited == *timer => self.ask_again(),
            (State::Committed(chosen), Event::End(attempt)) if chosen == *attempt => {
                self.finish(Ended::Answered(chosen))
            }
            (State::Committed(chosen), Event::Error { attempt, .. }) if chosen == *attempt => {
                self.finish(Ended::Cut(chosen))
            }
            _ => Vec::new(),
        }
    }

    /// Whether the run has finished.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn failed(&mut self, attempt: AttemptId, phase: Phase, retry: Retry) -> Actions {
        if phase == Phase::MidStream || retry == Retry::Never {
            return self.finish(Ended::Failed(attempt));
        }
        let pause = if retry == Retry::Elsewhere { None } else { self.pause(retry) };
        let other_first = matches!(retry, Retry::Other { .. });
        match pause {
            Some(after_ms) if !other_first || self.waiting.is_empty() => {
                self.timers = self.timers.saturating_add(1);
                let timer = TimerId(self.timers);
                self.state = State::Pausing(timer);
                vec![Action::Timer { timer, after_ms }]
            }
            _ => self.next_target().unwrap_or_else(|| self.finish(Ended::Failed(attempt))),
        }
    }

    /// How long to wait before asking the current target again; `None` when it is not to be asked.
    fn pause(&mut self, retry: Retry) -> Option<u64> {
        let call = self.current.as_mut()?;
        let asked = u64::try_from(retry.wait().as_millis()).unwrap_or(u64::MAX);
        if call.retries == 0 || asked > call.wait_at_most_ms {
            return None;
        }
        call.retries -= 1;
        let backoff = FIRST_PAUSE_MS << self.attempts.saturating_sub(1).min(6);
        Some(asked.max(backoff.min(call.wait_at_most_ms)))
    }

    fn ask_again(&mut self) -> Actions {
        match self.current.as_ref().map(|call| call.target.clone()) {
            Some(target) => self.start(target),
            None => self.finish(Ended::GivenUp),
        }
    }

    fn next_target(&mut self) -> Option<Actions> {
        let call = self.waiting.pop_front()?;
        let target = call.target.clone();
        self.current = Some(call);
        Some(self.start(target))
    }

    fn start(&mut self, target: TargetId) -> Actions {
        let attempt = AttemptId(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        self.state = State::Calling(attempt);
        vec![Action::Start { attempt, target }]
    }

    fn give_up(&mut self) -> Actions {
        let mut actions = Vec::new();
        if let State::Calling(running) | State::Committed(running) = self.state {
            actions.push(Action::Cancel(running));
        }
        actions.extend(self.finish(Ended::GivenUp));
        actions
    }

    fn finish(&mut self, ended: Ended) -> Actions {
        self.state = State::Over;
        vec![Action::Finish(ended)]
    }
}

#[cfg(test)]
mod tests;

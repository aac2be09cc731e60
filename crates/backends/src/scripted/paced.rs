//! A scripted answer, word by word.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use pointsman_kernel::Phase;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::Text;
use super::{Fault, Script};
use crate::call::{Call, Tally};
use crate::failure::Failure;

/// A stream of events at a set pace. The first word is due at once.
pub(crate) struct Paced {
    name: String,
    text: Text,
    said: u32,
    /// When the next word is due.
    due: Instant,
    per_token: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    fault: Option<Fault>,
    idle: Duration,
    usage: bool,
    stalled: bool,
    done: bool,
    over: bool,
}

impl Paced {
    pub(super) fn new(name: &str, text: Text, script: &Script, fault: Option<Fault>, call: &Call) -> Self {
        Self {
            name: name.to_owned(),
            text,
            said: 0,
            due: Instant::now(),
            per_token: script.per_token,
            timer: None,
            fault,
            idle: call.deadlines.idle,
            usage: call.head.include_usage == Some(true),
            stalled: false,
            done: false,
            over: false,
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            usage: self.text.usage(self.said),
            finish: self.done.then(|| self.text.finish().to_owned()),
            done: self.done,
            text_events: u64::from(self.said),
        }
    }

    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut out = String::new();
        while !self.over {
            if let Some(failure) = self.broken() {
                if out.is_empty() {
                    self.over = true;
                    return Poll::Ready(Some(Err(failure)));
                }
                break;
            }
            if self.said == self.text.words() {
                if self.fault != Some(Fault::NoFinish) {
                    out.push_str(&self.text.ending(self.usage));
                    (self.done, self.over) = (true, true);
                }
                continue;
            }
            if !self.is_due(cx) {
                break;
            }
            if self.stalls() {
                self.stalled = true;
                continue;
            }
            out.push_str(&self.text.word(self.said));
            self.said += 1;
            let next = if self.stalls() { self.idle } else { self.per_token };
            self.due = self.due.max(Instant::now()) + next;
        }
        match (out.is_empty(), self.over) {
            (false, _) => Poll::Ready(Some(Ok(out.into()))),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }

    /// The failure that is due now.
    fn broken(&self) -> Option<Failure> {
        let phase = Phase::MidStream;
        match self.fault {
            Some(Fault::CutAfter(tokens)) if self.said >= tokens => {
                Some(Failure::cut(&self.name, phase, "broke the connection in the middle of an answer"))
            }
            Some(Fault::StallAfter(_)) if self.stalled => {
                Some(Failure::timeout(&self.name, phase, "stopped in the middle of an answer"))
            }
            Some(Fault::NoFinish) if self.said == self.text.words() => {
                Some(Failure::cut(&self.name, phase, "ended a stream before its answer was whole"))
            }
            _ => None,
        }
    }

    fn stalls(&self) -> bool {
        matches!(self.fault, Some(Fault::StallAfter(tokens)) if self.said >= tokens)
    }

    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        if self.due <= Instant::now() {
            return true;
        }
        let due = self.due;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx).is_ready()
    }
}

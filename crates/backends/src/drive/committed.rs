//! The answer that was committed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use pointsman_kernel::plan::{Action, Ended, Event, PlanRun};
use pointsman_kernel::{AttemptId, TargetId};

use super::Running;
use crate::call::Tally;
use crate::failure::Failure;
use crate::stream::ReplyStream;

/// An answer to pass on.
#[derive(Debug)]
pub struct Committed {
    /// Who answers.
    pub target: TargetId,
    /// Which attempt that is; the ones before it failed.
    pub attempt: AttemptId,
    /// The answer's status.
    pub status: StatusCode,
    /// The headers the client may see.
    pub headers: HeaderMap,
    /// Fields that a translation dropped.
    pub lossy: Vec<String>,
    /// Microseconds from the start of the attempt to the answer's head.
    pub head_us: u64,
    /// The answer itself.
    pub body: CommittedBody,
}

/// A committed answer's body.
pub enum CommittedBody {
    /// All of it. Its attempt is in the log.
    Full(Bytes, Tally),
    /// As it comes. Its attempt comes into the log at the end.
    Stream(CommittedStream),
}

/// A committed stream. An error is its last item; after it, or after the end, its attempt is in the log. A drop before
/// that settles the attempt too: as answered where the answer was already whole, else as left.
pub struct CommittedStream {
    // In this order: the connection is closed before the account of it.
    stream: ReplyStream,
    running: Running,
    run: PlanRun,
    ended: Option<Ended>,
}

impl CommittedStream {
    pub(super) fn new(stream: ReplyStream, run: PlanRun, running: Running) -> Self {
        Self { stream, running, run, ended: None }
    }

    /// What is known of the answer so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.stream.tally()
    }

    /// How the run ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn end(&mut self, event: &Event) {
        for action in self.run.step(event) {
            if let Action::Finish(ended) = action {
                self.ended = Some(ended);
            }
        }
    }

    fn answered(&mut self, usage: pointsman_kernel::Usage) {
        self.running.answered(usage);
        self.end(&Event::End(self.running.id));
    }
}

impl Stream for CommittedStream {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        let piece = std::task::ready!(Pin::new(&mut self.stream).poll_next(cx));
        match &piece {
            Some(Ok(_)) => {}
            Some(Err(failure)) => {
                let usage = self.tally().usage;
                self.running.broke(&failure.error, usage);
                let attempt = self.running.id;
                let (phase, retry) = (failure.error.phase, failure.error.retry);
                self.end(&Event::Error { attempt, phase, retry });
            }
            None => {
                let usage = self.tally().usage;
                self.answered(usage);
            }
        }
        Poll::Ready(piece)
    }
}

impl Drop for CommittedStream {
    fn drop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let tally = self.tally();
        if tally.done {
            self.answered(tally.usage);
        } else {
            self.running.left(tally.usage);
            self.end(&Event::GiveUp);
        }
    }
}

/// Without the text.
impl std::fmt::Debug for CommittedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(body, tally) => f.debug_tuple("Full").field(&body.len()).field(tally).finish(),
            Self::Stream(stream) => f.debug_tuple("Stream").field(&stream.tally()).finish(),
        }
    }
}

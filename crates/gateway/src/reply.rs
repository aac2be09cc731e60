//! What goes back: headers, and the body of a stream that settles its request when it ends or is dropped.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::{Body, Frame};
use pointsman_backends::{CommittedStream, Failure, Tally};
use pointsman_kernel::{Attempt, Decision, DecisionId, ErrorKind, Status, TargetId};
use pointsman_wire::a2a::rpc::Id;

use crate::a2a;
use crate::agents::first;
use crate::error::broken_stream_event;
use crate::headers;
use crate::ticket::{Bill, Ticket};

/// A stream on its way to the client. When it breaks it ends in an error event, never in a clean end; when the client
/// leaves, its drop ends the call and settles the request.
pub struct StreamBody {
    stream: Option<CommittedStream>,
    target: TargetId,
    ticket: Ticket,
    envelope: Envelope,
}

/// What an error stands in, by what the client speaks.
pub enum Envelope {
    /// OpenAI's.
    OpenAi,
    /// JSON-RPC's, under the request's id.
    Rpc(Id),
}

impl Envelope {
    /// The event a broken stream ends in.
    fn broken(&self, failure: &Failure, decision: &DecisionId) -> Vec<u8> {
        match self {
            Self::OpenAi => broken_stream_event(failure, decision),
            Self::Rpc(id) => a2a::of_failure(failure, decision).to_event(id),
        }
    }
}

impl StreamBody {
    /// Passes `stream` on under `ticket`.
    pub fn new(stream: CommittedStream, target: TargetId, ticket: Ticket, envelope: Envelope) -> Self {
        Self { stream: Some(stream), target, ticket, envelope }
    }

    /// Drops the stream, which settles its attempt, and settles the request.
    fn settle(&mut self, failure: Option<&Failure>) {
        let Some(stream) = self.stream.take() else { return };
        let tally: Tally = stream.tally();
        let over = stream.ended().is_some() || tally.done;
        drop(stream);
        let status = match failure {
            Some(failure) if failure.error.kind == ErrorKind::ClientGone => Status::Aborted,
            Some(_) => Status::Cut,
            None if over => Status::Ok,
            None => Status::Aborted,
        };
        self.ticket.settle(
            status,
            Some(&self.target),
            Some(&tally),
            failure.map(|failure| failure.error.clone()),
        );
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(None) };
        match ready!(Pin::new(stream).poll_next(cx)) {
            Some(Ok(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Err(failure)) => {
                self.settle(Some(&failure));
                if failure.shown {
                    return Poll::Ready(None);
                }
                let event = self.envelope.broken(&failure, &self.ticket.decision().facts.decision);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
            }
            None => {
                self.settle(None);
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.settle(None);
    }
}

/// The headers known before the answer's end.
pub fn head(ticket: &Ticket, target: &TargetId, sent: HeaderMap, lossy: &[String]) -> HeaderMap {
    let mut head = sent;
    head.reserve(8);
    text(&mut head, headers::DECISION, ticket.decision().facts.decision.as_str());
    text(&mut head, headers::TARGET, target.as_str());
    number(&mut head, headers::OVERHEAD, ticket.overhead_us());
    agents(&mut head, ticket.decision(), &ticket.log.snapshot(), Some(target));
    if !lossy.is_empty() {
        text(&mut head, headers::LOSSY, &lossy.join(","));
    }
    if head.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        head.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    }
    head
}

/// What the answer cost and saved.
pub fn bill(head: &mut HeaderMap, bill: Bill) {
    let Some(cost) = bill.cost else { return };
    text(head, headers::COST, &cost.to_string());
    if let Some(baseline) = bill.baseline {
        let saved = if baseline >= cost {
            baseline.saturating_sub(cost).to_string()
        } else {
            format!("-{}", cost.saturating_sub(baseline))
        };
        text(head, headers::SAVED, &saved);
    }
}

/// What the first stage did, where the route has agents.
pub fn agents(head: &mut HeaderMap, decision: &Decision, attempts: &[Attempt], target: Option<&TargetId>) {
    if let Some(told) = first::told(decision, attempts, target) {
        text(head, headers::AGENT, &told);
    }
}

/// A header with a number.
pub fn number(head: &mut HeaderMap, name: HeaderName, value: u64) {
    head.insert(name, HeaderValue::from(value));
}

/// A target's name or a field's may hold what a header cannot; then the header is left out.
fn text(head: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        head.insert(name, value);
    }
}

//! A streamed answer on its way to the client, in OpenAI's form.
//!
//! Promises:
//! - a stream exists only once its first event has come and is none of an error;
//! - whatever is there goes out at once, and all that is there goes out together: a burst of tokens is one piece;
//! - an answer that breaks off, or ends before it is whole, yields an error as its last item, at an event's border;
//! - nothing is made up: no `[DONE]`, no `finish_reason`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use pointsman_kernel::Phase;
use pointsman_wire::anthropic::messages::MessageStream;
use pointsman_wire::openai::chat::{ChatStream, StreamEnd, StreamFault};
use pointsman_wire::{ApiError, sse};

use crate::a2a::{Following, Passing};
use crate::call::Tally;
use crate::exchange::{Incoming, Joined};
use crate::failure::Failure;
use crate::scripted::Paced;
use crate::tally::{finish_name, tokens};

/// A streamed answer. An error is its last item.
pub struct ReplyStream(Source);

enum Source {
    Relay(Box<Relay>),
    Paced(Box<Paced>),
}

/// An upstream's events, read and passed on.
pub(crate) struct Relay {
    incoming: Incoming,
    splitter: sse::Splitter,
    reader: Reader,
    name: String,
    input_tokens: Option<u64>,
    /// What has been read and not yet handed out.
    ready: Joined,
    failure: Option<Failure>,
    over: bool,
}

/// Who reads the events, by the upstream's format.
pub(crate) enum Reader {
    Chat(Box<ChatStream>),
    Messages(Box<MessageStream>),
    Task(Box<Following>),
    Passage(Box<Passing>),
}

/// What an upstream did wrong.
enum Wrong {
    Told(ApiError),
    Broke(StreamFault),
}

/// Pieces are put together up to about this size.
const PIECE: usize = 32 << 10;
/// So long the end of a body is waited for behind `[DONE]`, to use the connection again.
const LINGER: Duration = Duration::from_millis(250);

impl ReplyStream {
    /// What is known of the answer so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        match &self.0 {
            Source::Relay(relay) => relay.tally(),
            Source::Paced(paced) => paced.tally(),
        }
    }

    pub(crate) fn relay(relay: Relay) -> Self {
        Self(Source::Relay(Box::new(relay)))
    }

    pub(crate) fn paced(paced: Paced) -> Self {
        Self(Source::Paced(Box::new(paced)))
    }
}

impl Stream for ReplyStream {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::Relay(relay) => relay.poll_piece(cx),
            Source::Paced(paced) => paced.poll_piece(cx),
        }
    }
}

impl Relay {
    /// Reads up to the first event. Whatever is wrong until then is a failure before the first byte.
    pub(crate) async fn begin(
        incoming: Incoming,
        reader: Reader,
        name: &str,
        input_tokens: Option<u64>,
    ) -> Result<Self, Failure> {
        if no_stream(&incoming.media_type()) {
            return Err(incoming.explained(name, Bytes::new()).await);
        }
        let mut relay = Self {
            incoming,
            splitter: sse::Splitter::default(),
            reader,
            name: name.to_owned(),
            input_tokens,
            ready: Joined::default(),
            failure: None,
            over: false,
        };
        let mut first = true;
        loop {
            let piece =
                std::future::poll_fn(|cx| relay.incoming.poll_piece(cx, name, Phase::BeforeByte)).await;
            let Some(piece) = piece.transpose()? else {
                return match relay.end_of_body() {
                    true => Ok(relay),
                    false => Err(relay.before_byte("ended a stream before it began an answer")),
                };
            };
            let start = piece.trim_ascii_start().first();
            if std::mem::take(&mut first) && matches!(start, Some(b'<' | b'{' | b'[')) {
                return Err(relay.incoming.explained(name, piece).await);
            }
            if relay.take(piece) {
                if relay.failure.is_some() {
                    return Err(relay.before_byte("sent an event that cannot be read"));
                }
                if !relay.reader.waits_for_text() || !relay.ready.is_empty() || relay.reader.done() {
                    return Ok(relay);
                }
            }
            if relay.failure.is_some() {
                return Err(relay.before_byte("sent what is no stream of events"));
            }
        }
    }

    /// The reader, of a stream that has ended.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn tally(&self) -> Tally {
        let reader = &self.reader;
        let (reported, finish) = (reader.usage(), reader.finish().map(finish_name));
        let whole = finish.is_some();
        Tally {
            usage: tokens(reported, whole, self.input_tokens, reader.text_bytes()),
            finish,
            done: reader.done(),
            text_events: reader.text_events() as u64,
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        while !self.over && self.ready.len() < PIECE {
            match self.incoming.poll_piece(cx, &self.name, Phase::MidStream) {
                Poll::Pending if self.ready.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Some(Ok(piece))) => {
                    self.take(piece);
                }
                // Nothing is missing: how the connection ends does not matter any more.
                Poll::Ready(Some(Err(_))) if self.reader.done() => self.over = true,
                Poll::Ready(Some(Err(failure))) => self.fail(failure),
                Poll::Ready(None) => {
                    self.end_of_body();
                }
            }
        }
        if !self.ready.is_empty() {
            return Poll::Ready(Some(Ok(self.ready.take())));
        }
        Poll::Ready(self.failure.take().map(Err))
    }

    /// Takes what came off the wire; says whether there was an event in it.
    fn take(&mut self, piece: Bytes) -> bool {
        let mut any = false;
        for block in self.splitter.push(piece) {
            match block {
                Ok(block) => any |= self.observe(block),
                Err(fault) => {
                    let failure = Failure::protocol(&self.name, Phase::MidStream, &fault.to_string());
                    self.fail(failure);
                }
            }
        }
        any
    }

    fn observe(&mut self, block: Bytes) -> bool {
        if self.over {
            return false;
        }
        let any = sse::events(&block).next().is_some();
        let out = self.reader.observe(block);
        if !out.is_empty() {
            self.ready.push(out);
        }
        if let Some(wrong) = self.reader.wrong() {
            let failure = self.failed_by(wrong);
            self.fail(failure);
        } else if self.reader.done() {
            self.incoming.hurry(LINGER);
        }
        any
    }

    /// The body has ended; says whether the answer is whole.
    fn end_of_body(&mut self) -> bool {
        let rest = std::mem::take(&mut self.splitter).finish();
        let unfinished = rest.is_some();
        if let Some(rest) = rest {
            self.observe(rest);
        }
        if !self.over {
            self.over = true;
            if let StreamEnd::Broken(fault) = self.reader.end() {
                self.failure = Some(self.failed_by(Wrong::Broke(fault)));
            }
        }
        if unfinished && self.failure.is_some() {
            // What comes next, an error event, must not be taken for a part of what came last.
            self.ready.push(Bytes::from_static(b"\n\n"));
        }
        self.failure.is_none()
    }

    fn fail(&mut self, failure: Failure) {
        self.over = true;
        self.failure = Some(failure);
    }

    fn failed_by(&self, wrong: Wrong) -> Failure {
        match wrong {
            Wrong::Told(said) => {
                let mut failure = Failure::told(&self.name, said, Phase::MidStream);
                failure.shown = true;
                failure
            }
            Wrong::Broke(StreamFault::Cut) => {
                Failure::cut(&self.name, Phase::MidStream, "ended a stream before its answer was whole")
            }
            Wrong::Broke(fault) => Failure::protocol(&self.name, Phase::MidStream, &fault.to_string()),
        }
    }

    /// The failure at hand, which nobody has seen a byte of.
    fn before_byte(&mut self, otherwise: &str) -> Failure {
        let failure = self.failure.take();
        let mut failure =
            failure.unwrap_or_else(|| Failure::protocol(&self.name, Phase::BeforeByte, otherwise));
        failure.error.phase = Phase::BeforeByte;
        failure.shown = false;
        if let Some(said) = failure.said.take() {
            failure.said = Some(Box::new(self.incoming.scrubbed(*said)));
        }
        failure
    }
}

impl Reader {
    /// Whether an event alone is no beginning: an agent says at once that it has a task, and may fail it later, when
    /// another could still be asked.
    fn waits_for_text(&self) -> bool {
        matches!(self, Self::Task(_))
    }

    fn observe(&mut self, block: Bytes) -> Bytes {
        match self {
            Self::Chat(reader) => reader.observe(block),
            Self::Messages(reader) => reader.observe(block),
            Self::Task(reader) => reader.observe(block),
            Self::Passage(reader) => reader.observe(block),
        }
    }

    fn end(&self) -> StreamEnd {
        match self {
            Self::Chat(reader) => reader.end(),
            Self::Messages(reader) => reader.end(),
            Self::Task(reader) => reader.stream().end(),
            Self::Passage(reader) => reader.stream().end(),
        }
    }

    /// What is wrong already, before the end.
    fn wrong(&self) -> Option<Wrong> {
        let stopped = match self {
            Self::Chat(reader) => reader.stopped(),
            Self::Messages(reader) => reader.stopped(),
            Self::Task(reader) => reader.stream().stopped(),
            Self::Passage(reader) => reader.stream().stopped(),
        };
        match self.end() {
            StreamEnd::Error(said) => Some(Wrong::Told(said)),
            StreamEnd::Broken(fault) if stopped => Some(Wrong::Broke(fault)),
            _ => None,
        }
    }

    fn usage(&self) -> Option<pointsman_wire::Usage> {
        match self {
            Self::Chat(reader) => reader.usage(),
            Self::Messages(reader) => reader.usage(),
            // Agents do not count tokens.
            Self::Task(_) | Self::Passage(_) => None,
        }
    }

    fn finish(&self) -> Option<&pointsman_wire::Finish> {
        match self {
            Self::Chat(reader) => reader.finish(),
            Self::Messages(reader) => reader.finish(),
            Self::Task(reader) => reader.stream().finish(),
            Self::Passage(reader) => reader.finish(),
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::Chat(reader) => reader.text_bytes(),
            Self::Messages(reader) => reader.text_bytes(),
            Self::Task(reader) => reader.stream().text_bytes(),
            Self::Passage(reader) => reader.stream().text_bytes(),
        }
    }

    fn text_events(&self) -> usize {
        match self {
            Self::Chat(reader) => reader.text_events(),
            Self::Messages(reader) => reader.text_events(),
            Self::Task(reader) => reader.stream().text_events(),
            Self::Passage(reader) => reader.stream().text_events(),
        }
    }

    fn done(&self) -> bool {
        match self {
            Self::Chat(reader) => reader.done(),
            Self::Messages(reader) => reader.done(),
            Self::Task(reader) => reader.stream().done(),
            Self::Passage(reader) => reader.stream().done(),
        }
    }
}

/// Content types of what is surely no stream of events.
fn no_stream(media_type: &str) -> bool {
    matches!(media_type, "text/html" | "application/json" | "application/problem+json" | "application/xml")
}

impl std::fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplyStream").field("tally", &self.tally()).finish_non_exhaustive()
    }
}

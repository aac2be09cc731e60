//! What a backend is asked, and what it answers.
//!
//! A [`Backend`] answers one call, once: retries, fallbacks and health are the plan's. It MUST return a [`Reply`] only
//! when there is something good to pass on: for a whole answer when all of it has come and makes sense, for a stream
//! when its first event has. Until then everything that goes wrong is a [`Failure`] before the first byte, and another
//! target may be asked. Dropping the future, or the stream, MUST end the call at the target too.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use pointsman_kernel as kernel;
use pointsman_wire::RequestHead;

use crate::failure::Failure;
use crate::stream::ReplyStream;

/// Something that can be called.
pub trait Backend: Send + Sync {
    /// Makes one call. See the module for what is promised.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, Failure>>;
}

/// One call, as the client asked for it. Cheap to clone.
#[derive(Clone)]
pub struct Call {
    /// What is asked for.
    pub task: Task,
    /// The client's body, as it was sent.
    pub body: Bytes,
    /// The head of exactly these bytes.
    pub head: Arc<RequestHead>,
    /// How many tokens the prompt is thought to have; used where the target does not report them.
    pub input_tokens: Option<u64>,
    /// Refuse rather than drop a field in translation.
    pub strict: bool,
    /// How long to wait for what.
    pub deadlines: Deadlines,
    /// What of the client's headers the target may see.
    pub headers: Forwarded,
    /// The conversation it belongs to, where the target may have to know.
    pub conversation: Option<Conversation>,
}

/// Which conversation a call belongs to, and whose that is. What an agent calls a conversation, and the tasks in it, are
/// kept under both: nobody continues another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Whose.
    pub tenant: Arc<str>,
    /// Which.
    pub session: Arc<str>,
    /// The tenant is known by a key: there are others.
    pub keyed: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A chat completion, streamed or not.
    Chat,
    /// Embeddings.
    Embeddings,
    /// A request of A2A, in either version, to be passed to an agent as it is.
    Agent,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the first byte of an answer. Where an answer is not streamed that is nearly all of its time.
    pub head: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For all of it.
    pub total: Option<Duration>,
}

/// Headers that go on to the target: those for tracing, the extensions of A2A a client wants, and a request id. Never credentials, cookies, or what names an
/// account (`openai-organization`): the account is the gateway's own.
#[derive(Clone, Debug, Default)]
pub struct Forwarded(Arc<[(HeaderName, HeaderValue)]>);

/// A good answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status, always a success.
    pub status: StatusCode,
    /// The headers the client may see.
    pub headers: HeaderMap,
    /// The answer itself.
    pub body: ReplyBody,
    /// Fields that a translation dropped.
    pub lossy: Vec<String>,
    /// Microseconds from the start of the call to the answer's head.
    pub head_us: u64,
}

/// An answer's body.
pub enum ReplyBody {
    /// All of it, checked.
    Full(Bytes, Tally),
    /// As it comes. Its first event is there already.
    Stream(ReplyStream),
}

/// What is known of an answer's size and end, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tokens: as reported, else estimated.
    pub usage: kernel::Usage,
    /// Why it ended, once that is known.
    pub finish: Option<kernel::Finish>,
    /// Whether it is complete. For a stream: whether its `[DONE]` was passed on.
    pub done: bool,
    /// Events that carried text.
    pub text_events: u64,
}

/// The only headers of a client's request that go on.
const FORWARDED: [&str; 4] = ["traceparent", "tracestate", "baggage", "a2a-extensions"];

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(300),
            idle: Duration::from_secs(120),
            total: None,
        }
    }
}

impl Forwarded {
    /// Takes what may go on from a client's headers.
    #[must_use]
    pub fn from_client(headers: &HeaderMap) -> Self {
        let take = |name: &&'static str| {
            headers.get(*name).map(|value| (HeaderName::from_static(name), value.clone()))
        };
        let taken: Vec<_> = FORWARDED.iter().filter_map(take).collect();
        if taken.is_empty() { Self::default() } else { Self(taken.into()) }
    }

    /// The same with an `x-request-id`; left as it is if the id cannot stand in a header.
    #[must_use]
    pub fn with_request_id(self, id: &str) -> Self {
        let Ok(id) = HeaderValue::from_str(id) else { return self };
        let own = self.0.iter().cloned().chain([(HeaderName::from_static("x-request-id"), id)]);
        Self(own.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }
}

impl Reply {
    /// A reply with this content type.
    pub(crate) fn new(content_type: HeaderValue, body: ReplyBody, head_us: u64) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, content_type);
        Self { status: StatusCode::OK, headers, body, lossy: Vec::new(), head_us }
    }
}

/// Without the body: it holds the prompt.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("task", &self.task)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Without the text.
impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(body, tally) => f.debug_tuple("Full").field(&body.len()).field(tally).finish(),
            Self::Stream(stream) => f.debug_tuple("Stream").field(stream).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_a_client_or_an_account_does_not_go_on() {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "x-api-key", "cookie", "openai-organization", "traceparent"] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        let forwarded = Forwarded::from_client(&headers).with_request_id("r1");
        let names: Vec<_> = forwarded.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["traceparent", "x-request-id"]);
        assert_eq!(Forwarded::default().with_request_id("a\nb").iter().count(), 0);
    }
}

//! Targets that are agents and speak A2A: a chat completion becomes a message, a task its answer; what is A2A already
//! passes through.
//!
//! An agent that streams is followed by a stream also where the client wants its answer whole: so its task is known, and
//! is cancelled when the client leaves. One that does not stream is asked again how its task stands until that ends.
//!
//! Nothing is sent to an agent twice once it may have been read: it may have done something.

mod card;
mod follow;
mod pass;
mod threads;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method as HttpMethod};
use pointsman_kernel::{ErrorKind, Phase, Retry, TargetId};
use pointsman_wire::a2a::{self, Method, TaskStream, Thread, Version, rpc};
use pointsman_wire::openai::chat::StreamEnd;
use pointsman_wire::{ApiError, Lossy};

use crate::call::{Backend, Call, Reply, ReplyBody, Tally, Task};
use crate::endpoint::{Dialect, Endpoint, EndpointError};
use crate::exchange::{Incoming, Outgoing};
use crate::failure::Failure;
use crate::stream::{Reader, Relay, ReplyStream};
use crate::tally::{finish_name, tokens};

pub use card::{CardSource, Found, fetch};
pub(crate) use follow::Following;
pub(crate) use pass::Passing;
pub use threads::Threads;

/// How an agent is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The version it speaks.
    pub version: Version,
    /// It streams.
    pub streams: bool,
    /// What each request has to say it is for.
    pub tenant: Option<String>,
    /// Earlier turns are sent as text where it does not know them.
    pub transcript: bool,
}

/// An agent.
pub struct Agent {
    line: Arc<Line>,
    served: TargetId,
    threads: Arc<Threads>,
}

/// Where an agent is and how it is spoken to.
#[derive(Debug)]
pub(crate) struct Line {
    endpoint: Endpoint,
    terms: Terms,
}

/// A task that goes on is looked at again after this, then less often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const LOOK_AGAIN_AT_MOST: Duration = Duration::from_secs(2);

impl Agent {
    /// The agent at `endpoint`, whom clients call `served`. `threads` outlives it, so that a conversation does too.
    ///
    /// # Errors
    /// If the endpoint is no agent's.
    pub fn new(
        endpoint: Endpoint,
        served: TargetId,
        terms: Terms,
        threads: Arc<Threads>,
    ) -> Result<Self, EndpointError> {
        endpoint.speaks(Dialect::A2a)?;
        let mut endpoint = endpoint;
        let version = HeaderName::from_static(a2a::VERSION_HEADER);
        endpoint.headers.insert(version, HeaderValue::from_static(terms.version.name()));
        Ok(Self { line: Arc::new(Line { endpoint, terms }), served, threads })
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        match call.task {
            Task::Chat => self.chat(call).await.map_err(once),
            Task::Agent => self.pass(call).await.map_err(once),
            Task::Embeddings => {
                let detail =
                    format!("{} is an agent and has no embeddings: ask a model", self.served.as_str());
                Err(Failure::unfit(ErrorKind::Rejected, detail, None))
            }
        }
    }

    async fn chat(&self, call: Call) -> Result<Reply, Failure> {
        let conversation = call.conversation.as_ref();
        let thread = conversation.map(|own| self.threads.thread(own)).unwrap_or_default();
        let known = thread != Thread::default();
        match self.turn(&call, &thread).await {
            // The agent has forgotten the conversation, or the task in it is over: the turn begins another.
            Err(failure) if known && forgotten(&failure) => {
                if let Some(own) = conversation {
                    self.threads.forget(own);
                }
                self.turn(&call, &Thread::default()).await
            }
            other => other,
        }
    }

    async fn turn(&self, call: &Call, thread: &Thread) -> Result<Reply, Failure> {
        let (name, terms) = (self.served.as_str(), &self.line.terms);
        let id = a2a::fresh_id();
        let options = a2a::Options {
            version: terms.version,
            stream: terms.streams,
            message_id: &id,
            thread,
            tenant: terms.tenant.as_deref(),
            transcript: terms.transcript,
        };
        let request = a2a::request(&call.body, &call.head, &options).map_err(|fault| {
            let said = ApiError {
                message: fault.to_string(),
                kind: "invalid_request_error".into(),
                param: Some("messages".to_owned()),
                ..ApiError::default()
            };
            let mut failure = Failure::unfit(ErrorKind::Rejected, fault.to_string(), Some(said));
            failure.error.status = Some(400);
            failure
        })?;
        if call.strict && !request.lossy.is_empty() {
            return Err(too_lossy(name, &request.lossy));
        }
        let usage = call.head.include_usage == Some(true);
        let stream = TaskStream::new(terms.version, name, &format!("chatcmpl-{id}"), now(), usage);
        let stream = if call.head.stream { stream } else { stream.keep() };
        let keeps = call.conversation.clone().map(|own| (Arc::clone(&self.threads), own));
        let following = Following::new(stream, Arc::clone(&self.line), name, keeps);
        let mut reply = match terms.streams {
            true => self.followed(call, request.body.into(), following).await?,
            false => self.asked(call, request.body.into(), following).await?,
        };
        let mut lossy = request.lossy;
        lossy.extend(reply.1);
        reply.0.lossy = lossy.fields().map(ToOwned::to_owned).collect();
        Ok(reply.0)
    }

    /// By a stream of events.
    async fn followed(
        &self,
        call: &Call,
        body: Bytes,
        following: Following,
    ) -> Result<(Reply, Lossy), Failure> {
        let name = self.served.as_str();
        let incoming = self.send(call, body).await?;
        let head_us = incoming.head_us;
        let reader = Reader::Task(Box::new(following));
        let relay = Relay::begin(incoming, reader, name, call.input_tokens).await?;
        if call.head.stream {
            let body = ReplyBody::Stream(ReplyStream::relay(relay));
            return Ok((Reply::new(EVENTS, body, head_us), Lossy::new()));
        }
        let Reader::Task(following) = relay.reader() else {
            return Err(Failure::internal("an agent's stream was read by another's reader"));
        };
        let stream = following.stream();
        let whole = stream.whole().ok_or_else(|| {
            Failure::cut(name, Phase::BeforeByte, "ended a stream before its answer was whole")
        })?;
        let reply = Reply::new(JSON, ReplyBody::Full(whole.into(), relay.tally()), head_us);
        Ok((reply, stream.lossy().clone()))
    }

    /// By one answer, and by looking at the task again where that is not the end of it.
    async fn asked(
        &self,
        call: &Call,
        body: Bytes,
        mut following: Following,
    ) -> Result<(Reply, Lossy), Failure> {
        let name = self.served.as_str();
        let began = Instant::now();
        let patience =
            call.deadlines.total.map_or(call.deadlines.head, |total| total.min(call.deadlines.head));
        let mut incoming = self.send(call, body).await?;
        let head_us = incoming.head_us;
        let answer = incoming.all(name).await?;
        let mut out = following.observe_whole(Method::Send, &answer).to_vec();
        let mut wait = LOOK_AGAIN;
        while let (StreamEnd::Broken(_), false, Some(task)) =
            (following.stream().end(), following.stream().stopped(), following.stream().open_task())
        {
            if began.elapsed() + wait > patience {
                let what = "did not come to the end of its task in time";
                return Err(Failure::timeout(name, Phase::BeforeByte, what));
            }
            let look = a2a::about_task(
                Method::Get,
                self.line.terms.version,
                task,
                self.line.terms.tenant.as_deref(),
            );
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LOOK_AGAIN_AT_MOST);
            incoming = self.send(call, look.into()).await?;
            let answer = incoming.all(name).await?;
            out.extend_from_slice(&following.observe_whole(Method::Get, &answer));
        }
        let stream = following.stream();
        match stream.end() {
            StreamEnd::Complete { .. } => {}
            StreamEnd::Error(said) => {
                return Err(Failure::told(name, incoming.scrubbed(said), Phase::BeforeByte));
            }
            StreamEnd::Broken(fault) => {
                let what = format!("sent an answer that is none of A2A's ({fault})");
                return Err(Failure::protocol(name, Phase::BeforeByte, &what));
            }
        }
        let tally = Tally {
            usage: tokens(None, true, call.input_tokens, stream.text_bytes()),
            finish: stream.finish().map(finish_name),
            done: true,
            text_events: stream.text_events() as u64,
        };
        let (kind, body) = match stream.whole() {
            Some(whole) => (JSON, whole),
            None => (EVENTS, out),
        };
        Ok((Reply::new(kind, ReplyBody::Full(body.into(), tally), head_us), stream.lossy().clone()))
    }

    async fn send(&self, call: &Call, body: Bytes) -> Result<Incoming, Failure> {
        self.line.send(call, body, self.served.as_str()).await
    }
}

impl Line {
    async fn send(&self, call: &Call, body: Bytes, name: &str) -> Result<Incoming, Failure> {
        let outgoing = Outgoing {
            method: HttpMethod::POST,
            uri: &self.endpoint.paths.chat,
            body,
            headers: &call.headers,
            deadlines: call.deadlines,
            name,
            read_error: rpc::error,
        };
        self.endpoint.exchange(outgoing).await
    }
}

impl Backend for Agent {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, Failure>> {
        self.answer(call).boxed()
    }
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What may have been read is not sent again. An agent that refuses speaks for itself alone, be it the task, the request or
/// our key: another may take it.
fn once(mut failure: Failure) -> Failure {
    let error = &mut failure.error;
    let refused = error.retry == Retry::Never && error.phase != Phase::MidStream;
    // Who is too busy has done nothing.
    let unread = error.phase == Phase::BeforeSend || error.kind == ErrorKind::RateLimited;
    let again = error.retry != Retry::Never && !unread;
    if again || refused {
        error.retry = Retry::Elsewhere;
    }
    failure
}

/// Whether an agent says that it does not know the task or context, or that the task takes no more messages.
fn forgotten(failure: &Failure) -> bool {
    let code = failure.error.code.as_deref().and_then(|code| code.parse::<i32>().ok());
    matches!(code, Some(rpc::code::TASK_NOT_FOUND | rpc::code::UNSUPPORTED_OPERATION))
}

fn too_lossy(name: &str, lossy: &Lossy) -> Failure {
    let detail = format!("{name} cannot be given {lossy}: leave it out or allow losses on the route");
    let said = ApiError {
        message: detail.clone(),
        kind: "invalid_request_error".into(),
        param: lossy.fields().next().map(ToOwned::to_owned),
        ..ApiError::default()
    };
    let mut failure = Failure::unfit(ErrorKind::Lossy, detail, Some(said));
    failure.error.status = Some(400);
    // Another target may lose nothing.
    failure.error.retry = Retry::Other { after_ms: 0 };
    failure
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("served", &self.served)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

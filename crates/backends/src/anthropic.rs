//! Targets that speak Anthropic's Messages API. Requests, answers and streams are translated; what that loses is in
//! [`Reply::lossy`], and a strict call is refused before it is sent.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method};
use pointsman_kernel::{ErrorKind, Phase, Retry, TargetId};
use pointsman_wire::anthropic::error;
use pointsman_wire::anthropic::messages::{self, AnswerError, MessageStream, Options, TranslateError};
use pointsman_wire::{ApiError, Lossy};

use crate::call::{Backend, Call, Reply, ReplyBody, Tally, Task};
use crate::endpoint::{Dialect, Endpoint, EndpointError};
use crate::exchange::Outgoing;
use crate::failure::Failure;
use crate::stream::{Reader, Relay, ReplyStream};
use crate::tally::{finish_name, tokens};

/// A model behind Anthropic's API.
#[derive(Debug)]
pub struct Anthropic {
    endpoint: Arc<Endpoint>,
    served: TargetId,
    model: String,
    max_tokens: u64,
    json_schema: bool,
}

/// `max_tokens` is mandatory there; this is what every model of the last years can write.
const MAX_TOKENS: u64 = 4096;

impl Anthropic {
    /// The model that `endpoint` calls `model` and clients call `served`.
    ///
    /// # Errors
    /// If the endpoint speaks another dialect.
    pub fn new(endpoint: Arc<Endpoint>, served: TargetId, model: &str) -> Result<Self, EndpointError> {
        endpoint.speaks(Dialect::Anthropic)?;
        Ok(Self { endpoint, served, model: model.to_owned(), max_tokens: MAX_TOKENS, json_schema: false })
    }

    /// `max_tokens` for a client that gives none.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u64) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// Whether the model takes a JSON schema for its answer. If not, one is dropped, and the reply says so.
    #[must_use]
    pub fn json_schema(mut self, takes: bool) -> Self {
        self.json_schema = takes;
        self
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let name = self.served.as_str();
        if call.task == Task::Agent {
            return Err(Failure::no_agent(name));
        }
        if call.task != Task::Chat {
            return Err(unfit(
                ErrorKind::Rejected,
                format!("{name} has no embeddings: ask another model"),
                None,
            ));
        }
        let request = self.translated(&call)?;
        let mut lossy = request.lossy;
        if call.strict && !lossy.is_empty() {
            let detail = format!("{name} cannot be given {lossy}: leave it out or allow losses on the route");
            let param = lossy.fields().next().map(ToOwned::to_owned);
            let mut failure = unfit(ErrorKind::Lossy, detail, param);
            // Another target may lose nothing.
            failure.error.retry = Retry::Other { after_ms: 0 };
            return Err(failure);
        }
        let outgoing = Outgoing {
            method: Method::POST,
            uri: &self.endpoint.paths.chat,
            body: Bytes::from(request.body),
            headers: &call.headers,
            deadlines: call.deadlines,
            name,
            read_error: error::parse,
        };
        let mut incoming = self.endpoint.exchange(outgoing).await?;
        let (created, head_us) = (seconds_since_1970(), incoming.head_us);
        let (kind, body) = if call.head.stream {
            let reader = MessageStream::new(name, created, call.head.include_usage == Some(true));
            let reader = Reader::Messages(Box::new(reader));
            let relay = Relay::begin(incoming, reader, name, call.input_tokens).await?;
            ("text/event-stream", ReplyBody::Stream(ReplyStream::relay(relay)))
        } else {
            let body = incoming.all(name).await?;
            let answer = messages::answer(&body, name, created).map_err(|fault| match fault {
                AnswerError::Upstream(said) => {
                    Failure::told(name, incoming.scrubbed(said), Phase::BeforeByte)
                }
                fault => Failure::protocol(name, Phase::BeforeByte, &format!("gave no answer: {fault}")),
            })?;
            let tally = Tally {
                usage: tokens(answer.usage, true, call.input_tokens, answer.text_bytes),
                finish: Some(finish_name(&answer.finish)),
                done: true,
                text_events: 1,
            };
            lossy.extend(answer.lossy);
            ("application/json", ReplyBody::Full(Bytes::from(answer.body), tally))
        };
        let mut reply = Reply::new(HeaderValue::from_static(kind), body, head_us);
        reply.lossy = names(&lossy);
        Ok(reply)
    }

    fn translated(&self, call: &Call) -> Result<messages::Request, Failure> {
        let options = Options {
            model: &self.model,
            default_max_tokens: self.max_tokens,
            json_schema: self.json_schema,
        };
        messages::request(&call.body, &call.head, &options).map_err(|fault: TranslateError| {
            unfit(ErrorKind::Rejected, fault.to_string(), Some(fault.param().to_owned()))
        })
    }
}

impl Backend for Anthropic {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, Failure>> {
        self.answer(call).boxed()
    }
}

/// A request this target cannot be given.
fn unfit(kind: ErrorKind, detail: String, param: Option<String>) -> Failure {
    let said = ApiError {
        message: detail.clone(),
        kind: "invalid_request_error".into(),
        code: None,
        param,
        decision_id: None,
    };
    let mut failure = Failure::unfit(kind, detail, Some(said));
    failure.error.status = Some(400);
    failure
}

fn names(lossy: &Lossy) -> Vec<String> {
    lossy.fields().map(ToOwned::to_owned).collect()
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

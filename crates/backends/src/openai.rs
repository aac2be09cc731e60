//! Targets that speak OpenAI's API: OpenAI itself and the many engines and providers like it.
//!
//! Client and target speak the same format, so bytes are kept both ways. In a request only `model` (where the target
//! has another name for it), the gateway's own member, and `stream_options.include_usage` (where the target is set to
//! be asked for usage) change; in an answer only `model`, where it differs from the public id.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use pointsman_kernel::{Phase, TargetId};
use pointsman_wire::openai::chat::{AnswerScan, ChatStream, rewrite_model};
use pointsman_wire::{Edits, openai, splice};

use crate::call::{Backend, Call, Reply, ReplyBody, Tally, Task};
use crate::endpoint::{Dialect, Endpoint, EndpointError};
use crate::exchange::{Incoming, Outgoing};
use crate::failure::Failure;
use crate::stream::{Reader, Relay, ReplyStream};
use crate::tally::{finish_name, tokens};

/// A model behind an OpenAI-like API.
#[derive(Debug)]
pub struct OpenAi {
    endpoint: Arc<Endpoint>,
    served: TargetId,
    model: String,
    ask_for_usage: bool,
}

impl OpenAi {
    /// The model that `endpoint` calls `model` and clients call `served`.
    ///
    /// # Errors
    /// If the endpoint speaks another dialect.
    pub fn new(endpoint: Arc<Endpoint>, served: TargetId, model: &str) -> Result<Self, EndpointError> {
        endpoint.speaks(Dialect::OpenAi)?;
        Ok(Self { endpoint, served, model: model.to_owned(), ask_for_usage: false })
    }

    /// Whether a stream's usage is asked for when the client did not; the event that tells it is then left out of what
    /// the client gets. Off by default: bytes are kept, and usage is estimated and marked so.
    #[must_use]
    pub fn ask_for_usage(mut self, ask: bool) -> Self {
        self.ask_for_usage = ask;
        self
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let name = self.served.as_str();
        if call.task == Task::Agent {
            return Err(Failure::no_agent(name));
        }
        let stream = call.head.stream && call.task == Task::Chat;
        let hide_usage = stream && self.ask_for_usage && call.head.include_usage != Some(true);
        let edits = Edits { model: Some(&self.model), cut_pointsman: true, include_usage: hide_usage };
        let outgoing = Outgoing {
            method: Method::POST,
            uri: match call.task {
                Task::Chat => &self.endpoint.paths.chat,
                Task::Embeddings | Task::Agent => &self.endpoint.paths.embeddings,
            },
            body: splice(&call.body, &call.head, &edits),
            headers: &call.headers,
            deadlines: call.deadlines,
            name,
            read_error: openai::error::parse,
        };
        let incoming = self.endpoint.exchange(outgoing).await?;
        if !stream {
            return self.whole(incoming, &call).await;
        }
        let reader = ChatStream::served_as(name);
        let reader = if hide_usage { reader.hide_usage() } else { reader };
        let (kind, head_us) = (incoming.content_type("text/event-stream"), incoming.head_us);
        let relay = Relay::begin(incoming, Reader::Chat(Box::new(reader)), name, call.input_tokens).await?;
        Ok(Reply::new(kind, ReplyBody::Stream(ReplyStream::relay(relay)), head_us))
    }

    async fn whole(&self, mut incoming: Incoming, call: &Call) -> Result<Reply, Failure> {
        let name = self.served.as_str();
        let body = incoming.all(name).await?;
        let scan = AnswerScan::scan(&body).map_err(|fault| {
            let what = format!("answered in something else than JSON ({fault})");
            Failure::protocol(name, Phase::BeforeByte, &what)
        })?;
        if let Some(said) = scan.error {
            return Err(Failure::told(name, incoming.scrubbed(said), Phase::BeforeByte));
        }
        if call.task == Task::Chat && scan.finishes.is_empty() {
            return Err(Failure::protocol(name, Phase::BeforeByte, "answered without any choice"));
        }
        let tally = Tally {
            usage: tokens(scan.usage, true, call.input_tokens, scan.text_bytes),
            finish: scan.finishes.iter().flatten().next().map(finish_name),
            done: true,
            text_events: 1,
        };
        let body: Bytes = rewrite_model(&body, scan.model, name);
        let kind = incoming.content_type("application/json");
        Ok(Reply::new(kind, ReplyBody::Full(body, tally), incoming.head_us))
    }
}

impl Backend for OpenAi {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, Failure>> {
        self.answer(call).boxed()
    }
}

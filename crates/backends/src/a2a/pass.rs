//! A request of A2A passed to an agent, in whichever version each side speaks.

use std::sync::Arc;

use bytes::Bytes;
use pointsman_kernel::{ErrorKind, Phase};
use pointsman_wire::a2a::rpc::{self, Fault, code};
use pointsman_wire::a2a::{self, Method, Passage, Version};
use pointsman_wire::{ApiError, Finish, View};

use super::{Agent, EVENTS, JSON, Threads};
use crate::call::{Call, Conversation, Reply, ReplyBody, Tally};
use crate::failure::Failure;
use crate::stream::{Reader, Relay, ReplyStream};
use crate::tally::{finish_name, tokens};

/// A stream that passes, and the tasks it tells of.
pub(crate) struct Passing {
    stream: Passage,
    owner: Option<(Arc<Threads>, Conversation)>,
    noted: bool,
    finish: Finish,
}

/// A request as it goes on, under the client's id, so that what comes back bears it too.
struct Onward {
    id: rpc::Id,
    method: Method,
    versions: (Version, Version),
    body: Bytes,
}

impl Agent {
    pub(super) async fn pass(&self, call: Call) -> Result<Reply, Failure> {
        let name = self.served.as_str();
        let onward = self.onward(&call)?;
        let mut incoming = self.send(&call, onward.body.clone()).await?;
        let head_us = incoming.head_us;
        let owner = call.conversation.clone().map(|own| (Arc::clone(&self.threads), own));
        if onward.method.streams() {
            let stream = Passage::new(onward.versions, onward.id, true);
            let passing = Passing { stream, owner, noted: false, finish: Finish::Stop };
            let relay = Relay::begin(incoming, Reader::Passage(Box::new(passing)), name, call.input_tokens);
            let body = ReplyBody::Stream(ReplyStream::relay(relay.await?));
            return Ok(Reply::new(EVENTS, body, head_us));
        }
        let answer = incoming.all(name).await?;
        let passed = a2a::whole(&answer, onward.method, onward.versions, &onward.id, true);
        let passed = passed.map_err(|fault| match fault {
            Fault::Told(said) => Failure::told(name, incoming.scrubbed(said), Phase::BeforeByte),
            fault => {
                let what = format!("sent an answer that is none of A2A's ({fault})");
                Failure::protocol(name, Phase::BeforeByte, &what)
            }
        })?;
        if let Some((threads, own)) = &owner {
            for name in [&passed.context, &passed.task].into_iter().flatten() {
                threads.own(name, &own.tenant);
            }
        }
        let tally = Tally {
            usage: tokens(None, true, call.input_tokens, passed.text_bytes),
            finish: Some(finish_name(&Finish::Stop)),
            done: true,
            text_events: 1,
        };
        Ok(Reply::new(JSON, ReplyBody::Full(passed.body, tally), head_us))
    }

    /// What goes to the agent: the client's own bytes where both speak one version and nothing is to be added.
    fn onward(&self, call: &Call) -> Result<Onward, Failure> {
        let terms = &self.line.terms;
        let request = rpc::Call::parse(&call.body).map_err(|refused| refuse(refused.error))?;
        let (method, version) = Method::parse(&request.method)
            .ok_or_else(|| refuse(rpc::Error::new(code::METHOD_NOT_FOUND, "there is no such method")))?;
        if method.streams() && !terms.streams {
            let message = format!("{} does not stream: call SendMessage", self.served.as_str());
            return Err(refuse(rpc::Error::new(code::UNSUPPORTED_OPERATION, message)));
        }
        self.check_owner(method, request.params, call)?;
        let versions = (terms.version, version);
        if version == terms.version && terms.tenant.is_none() {
            let (id, body) = (request.id, call.body.clone());
            return Ok(Onward { id, method, versions, body });
        }
        let unreadable = |fault: Fault| {
            refuse(rpc::Error::new(code::INVALID_PARAMS, format!("`params` cannot be read: {fault}")))
        };
        let mut params = a2a::params(request.params, version, terms.version).map_err(unreadable)?;
        if let Some(tenant) = &terms.tenant {
            params = with_tenant(&params, tenant);
        }
        let body = rpc::call(&request.id, method.name(terms.version), &params).into();
        Ok(Onward { id: request.id, method, versions, body })
    }

    /// Another tenant's task is not there, as the protocol wants it said.
    fn check_owner(&self, method: Method, params: View<'_>, call: &Call) -> Result<(), Failure> {
        let Some(own) = &call.conversation else { return Ok(()) };
        let message = params.get("message");
        let text = |view: Option<View<'_>>| view.and_then(|view| Some(view.str()?.into_owned()));
        let task = match method {
            Method::Send | Method::Stream => text(message.and_then(|message| message.get("taskId"))),
            _ => text(params.get("id")),
        };
        let context = text(message.and_then(|message| message.get("contextId")));
        let task = task.filter(|task| !task.is_empty());
        let foreign = task.as_deref().is_some_and(|task| !self.threads.may_name(task, own))
            || context.as_deref().is_some_and(|context| !self.threads.may_enter(context, own));
        match foreign {
            false => Ok(()),
            true => {
                let message = "there is no such task here: send a message without `taskId` and `contextId` to begin one";
                Err(refuse(rpc::Error::new(code::TASK_NOT_FOUND, message)))
            }
        }
    }
}

impl Passing {
    pub(crate) fn stream(&self) -> &Passage {
        &self.stream
    }

    pub(crate) fn finish(&self) -> Option<&Finish> {
        self.stream.done().then_some(&self.finish)
    }

    pub(crate) fn observe(&mut self, block: Bytes) -> Bytes {
        let out = self.stream.observe(block);
        if !self.noted
            && let Some((threads, own)) = &self.owner
        {
            let (context, task) = self.stream.task();
            for name in [context, task].into_iter().flatten() {
                threads.own(name, &own.tenant);
            }
            self.noted = task.is_some();
        }
        out
    }
}

/// A refusal of the gateway's own, in the protocol's words.
fn refuse(error: rpc::Error) -> Failure {
    let said = ApiError {
        message: error.message.clone(),
        kind: "invalid_request_error".into(),
        code: Some(error.code.to_string().into()),
        ..ApiError::default()
    };
    Failure::unfit(ErrorKind::Rejected, error.message, Some(said))
}

fn with_tenant(params: &[u8], tenant: &str) -> Vec<u8> {
    let mut out = b"{\"tenant\":".to_vec();
    pointsman_wire::json::write_string(tenant, &mut out);
    for (name, value) in View::trusted(params).members() {
        if name == "tenant" {
            continue;
        }
        out.push(b',');
        pointsman_wire::json::write_string(&name, &mut out);
        out.push(b':');
        out.extend_from_slice(value.raw());
    }
    out.push(b'}');
    out
}

//! `POST /v1/chat/completions`: decide, call, pass on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use pointsman_backends::{Call, Committed, CommittedBody, Failure, Forwarded, Reply, Targets, Task, drive};
use pointsman_kernel::{Price, Status, TargetId};
use pointsman_store::Outdated;

use crate::agents::first;
use crate::app::App;
use crate::ask::{Request, decide_chat};
use crate::auth::{Caller, caller};
use crate::error::Refusal;
use crate::headers;
use crate::reply::{self, Envelope};
use crate::snapshot::Snapshot;
use crate::ticket::{Arrival, Ticket};

/// How long a request may wait for the first discovery of models after a start without a configuration.
const DISCOVERY_WAIT: Duration = Duration::from_secs(5);

/// How often a turn is decided anew because another of its conversation came first.
const DECIDED_ANEW: u32 = 3;

/// The targets of one request: what the driver calls and prices by.
pub(crate) struct RequestTargets<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) call: Call,
}

impl Targets for RequestTargets<'_> {
    fn start<'a>(&'a self, target: &TargetId) -> Option<BoxFuture<'a, Result<Reply, Failure>>> {
        let served = self.snapshot.targets.get(target)?;
        Some(served.backend.call(self.call.clone()))
    }

    fn price(&self, target: &TargetId) -> Option<Price> {
        self.snapshot.targets.get(target)?.target.price
    }
}

/// The handler.
pub async fn completions(State(app): State<Arc<App>>, request: http::Request<Body>) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    answer(&app, arrived, &parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: &Arc<App>, arrived: Instant, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let caller = known_caller(app, &parts.headers)?;
    let mut request = counted(app, read(app, parts, body).await)?;
    let snapshot = snapshot_with(app, &request.model).await;
    let at = app.clock.now();
    let arrival = Arrival { arrived, at, id: app.ids.decision(at) };
    let mut version = None;
    let mut tries = 0;
    let decided = loop {
        let id = arrival.id.clone();
        let decided = decide_chat(app, &snapshot, &caller, &mut request, &parts.headers, id, at).await;
        let decided = counted(app, decided)?;
        match first::set_out(&app.courses, &decided.decision) {
            Ok(set_out) => version = set_out,
            // Another turn of the conversation came first; this one goes on from where that leaves it.
            Err(Outdated) if tries < DECIDED_ANEW => {
                tries += 1;
                continue;
            }
            Err(Outdated) => {}
        }
        break decided;
    };
    let prompt = snapshot.keep_prompts.then(|| String::from_utf8_lossy(&request.body).into_owned());
    let opening = (Arc::clone(&request.model), request.head.stream, prompt);
    let strict = decided.route.strict;
    let ticket = Ticket::draw(app, &snapshot, &caller, &arrival, decided, opening).on_course(version);
    let call = Call {
        task: Task::Chat,
        strict,
        input_tokens: Some(u64::from(ticket.decision().signals.input_tokens)),
        deadlines: snapshot.deadlines,
        headers: Forwarded::from_client(&parts.headers),
        conversation: ticket.conversation(),
        body: request.body,
        head: request.head,
    };
    carry_out(app, &snapshot, ticket, call).await
}

/// Carries a decision's plan out and passes on what it brings.
pub(crate) async fn carry_out(
    app: &Arc<App>,
    snapshot: &Snapshot,
    mut ticket: Ticket,
    call: Call,
) -> Result<Response, Refusal> {
    let decision = Arc::clone(ticket.decision());
    let id = &decision.facts.decision;
    let Some(plan) = &decision.plan else {
        ticket.settle(Status::Failed, None, None, None);
        return Err(Refusal::nobody(&decision, snapshot).of(id));
    };
    let targets = RequestTargets { snapshot, call };
    let log = ticket.log.clone();
    match drive(plan, &targets, &app.health, &app.clock, &log).await {
        Ok(committed) => Ok(pass_on(ticket, committed, Envelope::OpenAi)),
        Err(failure) => {
            let refusal = Refusal::of_call(&failure).of(id);
            let attempts = log.snapshot();
            ticket.settle(Status::Failed, None, None, Some(failure.error));
            let mut response = refusal.into_response();
            reply::number(response.headers_mut(), headers::ATTEMPTS, attempts.len() as u64);
            reply::agents(response.headers_mut(), &decision, &attempts, None);
            Ok(response)
        }
    }
}

/// Passes an answer on. `envelope` is what an error stands in if its stream breaks.
pub(crate) fn pass_on(mut ticket: Ticket, committed: Committed, envelope: Envelope) -> Response {
    let Committed { target, status, headers: sent, lossy, body, .. } = committed;
    ticket.first_byte();
    ticket.lossy.clone_from(&lossy);
    let mut head = reply::head(&ticket, &target, sent, &lossy);
    match body {
        CommittedBody::Full(bytes, tally) => {
            reply::number(&mut head, headers::ATTEMPTS, ticket.log.snapshot().len() as u64);
            let bill = ticket.settle(Status::Ok, Some(&target), Some(&tally), None);
            reply::bill(&mut head, bill);
            respond(status, head, Body::from(bytes))
        }
        CommittedBody::Stream(stream) => {
            reply::number(&mut head, headers::ATTEMPTS, ticket.log.snapshot().len() as u64 + 1);
            respond(status, head, Body::new(reply::StreamBody::new(stream, target, ticket, envelope)))
        }
    }
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Reads and parses a body within the limit.
pub(crate) async fn read(app: &App, parts: &Parts, body: Body) -> Result<Request, Refusal> {
    let bytes = read_body(app.live.load().limits.body_bytes, parts, body).await?;
    Request::parse(bytes)
}

/// Reads a body of no more than `limit` bytes.
pub(crate) async fn read_body(limit: usize, parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is larger than {limit} bytes; shorten it or raise `limits.body`"),
        )
    };
    let declared =
        parts.headers.get(http::header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match axum::body::to_bytes(body, limit).await {
        Ok(bytes) => Ok(bytes),
        Err(fault) if is_over_limit(&fault) => Err(too_large()),
        Err(fault) => {
            Err(Refusal::bad_request("body_unreadable", format!("the body could not be read: {fault}"), None))
        }
    }
}

fn is_over_limit(fault: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(fault);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// The snapshot in force. Right after a start without a configuration the models are not known yet: a request for one
/// that is missing waits for them a while instead of failing. Where a provider could not be asked, it is asked again.
pub(crate) async fn snapshot_with(app: &App, model: &str) -> Arc<Snapshot> {
    let deadline = Instant::now() + DISCOVERY_WAIT;
    loop {
        let snapshot = app.live.snapshot();
        let served = match snapshot.routes.get(model) {
            Some(route) => !route.route.targets.is_empty() || route.agents.is_some(),
            None => snapshot.target(model).is_some(),
        };
        if served {
            return snapshot;
        }
        if !snapshot.discovering || Instant::now() >= deadline {
            app.live.ask_again();
            return snapshot;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Counts a refusal that comes before any decision.
pub(crate) fn counted<T>(app: &App, result: Result<T, Refusal>) -> Result<T, Refusal> {
    if let Err(refusal) = &result {
        app.telemetry.refused(refusal.error.code.as_deref().unwrap_or("other"));
    }
    result
}

/// Who sent a request.
pub(crate) fn known_caller(app: &App, sent: &HeaderMap) -> Result<Caller, Refusal> {
    counted(app, caller(&app.keys, app.live.load().keys_required, sent))
}

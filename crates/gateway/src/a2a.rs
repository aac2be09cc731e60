//! `/a2a/{agent}`: agents behind this gateway, for clients that speak A2A themselves.
//!
//! Each agent's card stands below its path, written anew so that calls come back through here; calls are passed on in
//! whichever version each side speaks. Every call is checked against the client's key, decided, and has one outcome, as a
//! chat completion has. Errors are JSON-RPC's.
//!
//! Left out, and refused in the protocol's words: push notifications, lists of tasks, extended cards.

mod decide;
mod refuse;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pointsman_backends::{Call as Outgoing, Conversation, Forwarded, Task, drive};
use pointsman_kernel::{Status, TargetId};
use pointsman_wire::a2a::rpc::{self, Call, Id, code};
use pointsman_wire::a2a::{self, Method, Version};
use pointsman_wire::{RequestHead, View};

use crate::agents::ServedAgent;
use crate::app::App;
use crate::auth::Caller;
use crate::chat::{RequestTargets, counted, known_caller, pass_on, read_body, snapshot_with};
use crate::error::Refusal;
use crate::headers;
use crate::reply::{self, Envelope};
use crate::snapshot::Snapshot;
use crate::ticket::Ticket;

use refuse::Refused;
pub(crate) use refuse::of_failure;

/// A card may be kept for so long: it changes seldom, and a client that asks again is answered at once.
const CARD_AGE: HeaderValue = HeaderValue::from_static("max-age=60");

/// `GET /a2a/{agent}/.well-known/agent-card.json`, and the older `agent.json`.
pub async fn card(State(app): State<Arc<App>>, Path(name): Path<String>, sent: HeaderMap) -> Response {
    let id = Id::null();
    let answer = async {
        let caller = known_caller(&app, &sent).map_err(|refusal| Refused::of(refusal, &id))?;
        let snapshot = snapshot_with(&app, &name).await;
        let agent = agent(&app, &snapshot, &caller, &name, &id)?;
        let Some(card) = &agent.card else { return Err(Refused::missing(agent, &id)) };
        let url = own_url(&sent, &name).ok_or_else(|| Refused::bad_host(&id))?;
        Ok(card.served_at(&url, caller.key.is_some()))
    };
    match answer.await {
        Ok(card) => {
            let mut response = Response::new(Body::from(card));
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
            response.headers_mut().insert(header::CACHE_CONTROL, CARD_AGE);
            response
        }
        Err(refused) => refused.into(),
    }
}

/// `POST /a2a/{agent}`.
pub async fn call(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: http::Request<Body>,
) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    answer(&app, arrived, &name, &parts, body).await.unwrap_or_else(Into::into)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

async fn answer(
    app: &Arc<App>,
    arrived: Instant,
    name: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refused> {
    let unread = Id::null();
    let caller = known_caller(app, &parts.headers).map_err(|refusal| Refused::of(refusal, &unread))?;
    let body = read_body(app.live.load().limits.body_bytes, parts, body).await;
    let body = counted(app, body).map_err(|refusal| Refused::of(refusal, &unread))?;
    let request = Call::parse(&body).map_err(|refused| {
        app.telemetry.refused("invalid_body");
        Refused { status: StatusCode::OK, error: refused.error, id: refused.id }
    })?;
    let snapshot = snapshot_with(app, name).await;
    let agent = agent(app, &snapshot, &caller, name, &request.id)?;
    if agent.entry.is_none() {
        return Err(Refused::missing(agent, &request.id));
    }
    let method = method(&request, parts).map_err(|error| {
        app.telemetry.refused("a2a_refused");
        Refused { status: StatusCode::OK, error, id: request.id.clone() }
    })?;
    let decided = decide::decide(app, &snapshot, &caller, (name, &request), method, arrived);
    let prompt = snapshot.keep_prompts.then(|| String::from_utf8_lossy(&body).into_owned());
    let opening = (Arc::from(name), method.streams(), prompt);
    let ticket = Ticket::draw(app, &snapshot, &caller, &decided.arrival, decided.decided, opening);
    let call = Outgoing {
        task: Task::Agent,
        strict: false,
        input_tokens: Some(u64::from(ticket.decision().signals.input_tokens)),
        deadlines: snapshot.deadlines,
        headers: Forwarded::from_client(&parts.headers),
        conversation: Some(Conversation {
            tenant: caller.tenant.as_str().into(),
            session: decided.context.as_deref().unwrap_or_default().into(),
            keyed: caller.key.is_some(),
        }),
        head: Arc::new(RequestHead::default()),
        body: body.clone(),
    };
    Ok(carry_out(app, &snapshot, ticket, call, request.id).await)
}

/// Makes the call and passes on what it brings.
async fn carry_out(
    app: &Arc<App>,
    snapshot: &Snapshot,
    mut ticket: Ticket,
    call: Outgoing,
    id: Id,
) -> Response {
    let decision = Arc::clone(ticket.decision());
    let decision_id = &decision.facts.decision;
    let Some(plan) = &decision.plan else {
        ticket.settle(Status::Failed, None, None, None);
        return Refused::of(Refusal::nobody(&decision, snapshot).of(decision_id), &id).into();
    };
    let targets = RequestTargets { snapshot, call };
    let log = ticket.log.clone();
    match drive(plan, &targets, &app.health, &app.clock, &log).await {
        Ok(committed) => pass_on(ticket, committed, Envelope::Rpc(id)),
        Err(failure) => {
            let error = of_failure(&failure, decision_id);
            let attempts = log.snapshot().len();
            ticket.settle(Status::Failed, None, None, Some(failure.error));
            let mut response: Response = Refused { status: StatusCode::OK, error, id }.into();
            let head = response.headers_mut();
            if let Ok(value) = HeaderValue::from_str(decision_id.as_str()) {
                head.insert(headers::DECISION, value);
            }
            reply::number(head, headers::ATTEMPTS, attempts as u64);
            response
        }
    }
}

/// The agent of a path, if there is one and the key may use it.
fn agent<'a>(
    app: &App,
    snapshot: &'a Snapshot,
    caller: &Caller,
    name: &str,
    id: &Id,
) -> Result<&'a ServedAgent, Refused> {
    let refused = |refusal: Refusal| {
        app.telemetry.refused(refusal.error.code.as_deref().unwrap_or("other"));
        Refused::of(refusal, id)
    };
    // Who may not use it is not told whether it is there.
    if !caller.may_name(snapshot, &TargetId::from(name)) {
        let message = format!("the key may not use agent `{name}`: GET /v1/models lists what it may use");
        return Err(refused(Refusal::new(StatusCode::FORBIDDEN, "model_not_allowed", message)));
    }
    snapshot.agents.get(name).map(AsRef::as_ref).ok_or_else(|| {
        let message =
            format!("no agent `{name}` is registered here: add it under `agents` in the configuration");
        refused(Refusal::new(StatusCode::NOT_FOUND, "agent_not_found", message))
    })
}

/// What is asked for, if it can be had here.
fn method(request: &Call<'_>, parts: &Parts) -> Result<Method, rpc::Error> {
    if let Some(stated) = stated_version(parts)
        && Version::parse(&stated).is_none()
    {
        let message = "this version of A2A is not spoken here: 1.0 and 0.3 are";
        return Err(rpc::Error::new(code::VERSION_NOT_SUPPORTED, message));
    }
    let unknown = || {
        let message = "there is no such method: SendMessage, SendStreamingMessage, GetTask, CancelTask and \
                       SubscribeToTask are taken, and what 0.3 calls them";
        rpc::Error::new(code::METHOD_NOT_FOUND, message)
    };
    let (method, _) = Method::parse(&request.method).ok_or_else(unknown)?;
    let pushes = |configuration: View<'_>| {
        ["taskPushNotificationConfig", "pushNotificationConfig"]
            .iter()
            .any(|name| configuration.get(name).is_some_and(|wanted| !wanted.is_null()))
    };
    match method {
        Method::Push => Err(no_push()),
        Method::Send | Method::Stream if request.params.get("configuration").is_some_and(pushes) => {
            Err(no_push())
        }
        Method::List => {
            let message = "tasks are not listed here: ask for one by its id with GetTask";
            Err(rpc::Error::new(code::UNSUPPORTED_OPERATION, message))
        }
        Method::ExtendedCard => {
            let message = "there is no extended card here: the public one is all there is";
            Err(rpc::Error::new(code::UNSUPPORTED_OPERATION, message))
        }
        taken => Ok(taken),
    }
}

fn no_push() -> rpc::Error {
    let message = "push notifications are not passed on here: follow the task with SendStreamingMessage or \
                   SubscribeToTask, or ask with GetTask";
    rpc::Error::new(code::PUSH_NOTIFICATION_NOT_SUPPORTED, message)
}

/// The version a client says it speaks, in the header or the query.
fn stated_version(parts: &Parts) -> Option<String> {
    let header =
        parts.headers.get(a2a::VERSION_HEADER).map(|value| value.to_str().unwrap_or("?").trim().to_owned());
    let query = || {
        let pairs = parts.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .clone()
            .find(|(name, _)| name.eq_ignore_ascii_case(a2a::VERSION_HEADER))
            .map(|(_, value)| value.to_owned())
    };
    header.or_else(query).filter(|version| !version.is_empty())
}

/// Where clients call an agent: where this one has found its card.
fn own_url(sent: &HeaderMap, name: &str) -> Option<String> {
    let host: Authority = sent.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    if host.as_str().contains('@') {
        return None;
    }
    let secure = sent.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    Some(format!("{}://{host}/a2a/{name}", if secure { "https" } else { "http" }))
}

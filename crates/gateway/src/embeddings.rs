//! `POST /v1/embeddings`: passed to the target that is named. Vectors of two models cannot be compared, so nothing is
//! chosen here.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use pointsman_backends::{Call, Forwarded, Task};
use pointsman_kernel::{Asked, Facts, Goal, Signals, TargetId, decide};
use pointsman_wire::openai::embeddings::input_size;

use crate::app::App;
use crate::ask::{Decided, Resolved};
use crate::auth::Caller;
use crate::chat::{carry_out, counted, known_caller, read, snapshot_with};
use crate::error::Refusal;
use crate::snapshot::{Mode, Snapshot};
use crate::ticket::{Arrival, Ticket};

/// The handler.
pub async fn create(State(app): State<Arc<App>>, request: http::Request<Body>) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    answer(&app, arrived, &parts, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: &Arc<App>, arrived: Instant, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let caller = known_caller(app, &parts.headers)?;
    let request = counted(app, read(app, parts, body).await)?;
    let snapshot = snapshot_with(app, &request.model).await;
    let target = match counted(app, request.resolve(&snapshot, &caller))? {
        Resolved::Target(target) => target,
        Resolved::Route(route) => {
            let message = format!(
                "route `{}` cannot embed: vectors of two models cannot be compared; name one embedding model",
                route.route.id
            );
            return counted(app, Err(Refusal::bad_request("not_routable", message, Some("model"))));
        }
    };
    counted(app, makes_vectors(&snapshot, &caller, &target))?;
    let size = input_size(&request.head, &request.body);
    let tokens = u32::try_from(size.tokens + size.text_bytes / 4).unwrap_or(u32::MAX);
    let at = app.clock.now();
    let id = app.ids.decision(at);
    let arrival = Arrival { arrived, at, id: id.clone() };
    let facts = Facts {
        seed: app.ids.seed(&id),
        decision: id,
        now: at,
        tenant: caller.tenant.clone(),
        scope: caller.scope.clone(),
        session: None,
        targets: app.health.states(at),
        versions: snapshot.versions.clone(),
    };
    let route = Arc::clone(&snapshot.by_name);
    let signals = Signals { asked: Asked::Named(target), input_tokens: tokens, ..Signals::default() };
    // Nothing was chosen, so nothing was saved; least of all against a chat model.
    let goal = Goal { baseline: None, ..route.route.goal.clone() };
    let decision = decide(&route.route, goal, signals, facts, snapshot.estimator.as_ref());
    let decided = Decided { decision: Arc::new(decision), route };
    let prompt = snapshot.keep_prompts.then(|| String::from_utf8_lossy(&request.body).into_owned());
    let opening = (Arc::clone(&request.model), false, prompt);
    let ticket = Ticket::draw(app, &snapshot, &caller, &arrival, decided, opening);
    let call = Call {
        task: Task::Embeddings,
        strict: false,
        input_tokens: Some(u64::from(tokens)),
        deadlines: snapshot.deadlines,
        headers: Forwarded::from_client(&parts.headers),
        conversation: None,
        body: request.body,
        head: request.head,
    };
    carry_out(app, &snapshot, ticket, call).await
}

/// Refuses a target that is known to chat. One whose name alone speaks for it is passed on: many an engine makes vectors
/// with whatever it has loaded.
fn makes_vectors(snapshot: &Snapshot, caller: &Caller, target: &TargetId) -> Result<(), Refusal> {
    let served = snapshot.targets.get(target);
    if served.is_none_or(|served| served.mode != Mode::Chat || !served.mode_stated) {
        return Ok(());
    }
    let others = snapshot.order.iter().filter_map(|id| snapshot.targets.get(id));
    let others = others.filter(|served| served.mode == Mode::Embedding).map(|served| &served.target.id);
    let others: Vec<String> =
        others.filter(|id| caller.may_name(snapshot, id)).take(4).map(|id| format!("`{id}`")).collect();
    let instead = match others.is_empty() {
        true => "no embedding model is served here".to_owned(),
        false => format!("name an embedding model, such as {}", others.join(", ")),
    };
    let message = format!(
        "model `{target}` chats and does not make vectors: {instead} (if it does, say `mode: embedding` of it in the \
         configuration)"
    );
    Err(Refusal::bad_request("wrong_kind_of_model", message, Some("model")))
}

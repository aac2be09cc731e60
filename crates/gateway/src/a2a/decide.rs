//! The decision for a call of A2A: the agent is named by its path, so nothing is chosen, and all else is as for a model
//! that is named.

use std::sync::Arc;
use std::time::Instant;

use pointsman_encode::estimate_tokens;
use pointsman_kernel::facts::SessionFacts;
use pointsman_kernel::prompt::Prompt;
use pointsman_kernel::{Asked, Facts, Goal, TargetId, decide as choose};
use pointsman_wire::a2a::Method;
use pointsman_wire::a2a::rpc::Call;

use crate::app::App;
use crate::ask::Decided;
use crate::auth::Caller;
use crate::prompt::shape_of;
use crate::snapshot::Snapshot;
use crate::ticket::Arrival;

/// A decision, when its request came, and the conversation it names.
pub(super) struct DecidedCall {
    pub(super) decided: Decided,
    pub(super) arrival: Arrival,
    pub(super) context: Option<String>,
}

pub(super) fn decide(
    app: &App,
    snapshot: &Snapshot,
    caller: &Caller,
    (name, request): (&str, &Call<'_>),
    method: Method,
    arrived: Instant,
) -> DecidedCall {
    let now = app.clock.now();
    let id = app.ids.decision(now);
    let message = request.params.get("message");
    let parts = message.and_then(|message| message.get("parts"));
    let texts = parts.iter().flat_map(|parts| parts.elements()).filter_map(|part| part.get("text")?.str());
    let text = texts.collect::<Vec<_>>().join("\n");
    let context = message.and_then(|message| Some(message.get("contextId")?.str()?.into_owned()));
    let context = context.filter(|context| !context.is_empty());
    let tokens = match method {
        Method::Send | Method::Stream => estimate_tokens(&text),
        _ => 0,
    };
    let signals = shape_of(&Prompt::single(&text, tokens), Asked::Named(TargetId::from(name)));
    let facts = Facts {
        seed: app.ids.seed(&id),
        decision: id.clone(),
        now,
        tenant: caller.tenant.clone(),
        scope: caller.scope.clone(),
        session: context.as_deref().map(|context| SessionFacts {
            id: context.into(),
            target: None,
            agents: None,
        }),
        targets: app.health.states(now),
        versions: snapshot.versions.clone(),
    };
    let route = Arc::clone(&snapshot.by_name);
    // Nothing was chosen, so nothing was saved.
    let goal = Goal { baseline: None, ..route.route.goal.clone() };
    let decision = choose(&route.route, goal, signals, facts, snapshot.estimator.as_ref());
    let decided = Decided { decision: Arc::new(decision), route };
    DecidedCall { decided, arrival: Arrival { arrived, at: now, id }, context }
}

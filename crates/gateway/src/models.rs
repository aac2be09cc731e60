//! `GET /v1/models`: what the key may ask for, `auto` first.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use pointsman_wire::json::write_string;
use pointsman_wire::openai::models::{ModelEntry, to_json};

use crate::app::App;
use crate::auth::Caller;
use crate::chat::known_caller;
use crate::error::Refusal;
use crate::snapshot::Snapshot;

/// The list.
pub async fn list(State(app): State<Arc<App>>, sent: HeaderMap) -> Response {
    match known_caller(&app, &sent) {
        Ok(caller) => json(to_json(&entries(&app.live.snapshot(), &caller))),
        Err(refusal) => refusal.into_response(),
    }
}

/// One of them.
pub async fn one(State(app): State<Arc<App>>, Path(id): Path<String>, sent: HeaderMap) -> Response {
    let caller = match known_caller(&app, &sent) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let snapshot = app.live.snapshot();
    match entries(&snapshot, &caller).into_iter().find(|entry| entry.id == id) {
        Some(entry) => {
            let mut out = b"{\"id\":".to_vec();
            write_string(&entry.id, &mut out);
            out.extend_from_slice(b",\"object\":\"model\",\"created\":0,\"owned_by\":");
            write_string(entry.owned_by.as_deref().unwrap_or(""), &mut out);
            out.push(b'}');
            json(out)
        }
        None => {
            app.live.ask_again();
            Refusal::unknown_model(&id, &snapshot).into_response()
        }
    }
}

fn entries(snapshot: &Snapshot, caller: &Caller) -> Vec<ModelEntry> {
    let mut names: Vec<&String> =
        snapshot.routes.keys().filter(|name| caller.scope.allows_route(name)).collect();
    names.sort_by_key(|name| (name.as_str() != "auto", name.as_str()));
    let routes = names.into_iter().map(|name| ModelEntry {
        id: name.clone(),
        owned_by: Some("pointsman".to_owned()),
        ..ModelEntry::default()
    });
    let allowed = snapshot.order.iter().filter(|id| caller.may_name(snapshot, id));
    let targets = allowed.filter_map(|id| snapshot.targets.get(id)).map(|served| ModelEntry {
        id: served.target.id.to_string(),
        owned_by: Some(served.provider.to_string()),
        context_tokens: served.target.limits.context_tokens.map(u64::from),
        ..ModelEntry::default()
    });
    routes.chain(targets).collect()
}

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

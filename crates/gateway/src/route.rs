//! `POST /v1/route`: the decision for a chat body. Calls nothing, writes nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::ask::decide_chat;
use crate::chat::{counted, known_caller, read, snapshot_with};
use crate::error::Refusal;
use crate::explain::Explained;

/// The handler.
pub async fn dry_run(State(app): State<Arc<App>>, request: http::Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let explained = async {
        let caller = known_caller(&app, &parts.headers)?;
        let mut request = counted(&app, read(&app, &parts, body).await)?;
        // It shows what the policy would do; a draw would show what it does once in a hundred times.
        request.own.explore = Some(false);
        let snapshot = snapshot_with(&app, &request.model).await;
        let at = app.clock.now();
        let id = app.ids.decision(at);
        let decided = decide_chat(&app, &snapshot, &caller, &mut request, &parts.headers, id, at).await;
        let decided = counted(&app, decided)?;
        Ok::<_, Refusal>(Explained::of(&decided.decision))
    };
    match explained.await {
        Ok(explained) => Json(explained).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

//! `GET /v1/decisions/{id}`: one request's record, readable at once, by its own tenant.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::chat::known_caller;
use crate::error::Refusal;

/// The handler.
pub async fn one(State(app): State<Arc<App>>, Path(id): Path<String>, sent: HeaderMap) -> Response {
    let caller = match known_caller(&app, &sent) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let ledger = app.ledger.clone();
    let wanted = pointsman_kernel::DecisionId::from(id.as_str());
    let found = tokio::task::spawn_blocking(move || ledger.record(&wanted)).await;
    let unreadable = |why: String| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ledger_unreadable", why);
    match found {
        // Another tenant's decision is answered like one that does not exist.
        Ok(Ok(Some(record))) if caller.key.is_none() || record.tenant == caller.tenant => {
            Json(record).into_response()
        }
        Ok(Ok(_)) => Refusal::new(
            StatusCode::NOT_FOUND,
            "decision_not_found",
            format!("decision `{id}` is not in the ledger; its id stands in the header x-pointsman-decision"),
        )
        .into_response(),
        Ok(Err(fault)) => unreadable(fault.to_string()).into_response(),
        Err(_) => unreadable("the ledger's reader stopped; try again".to_owned()).into_response(),
    }
}

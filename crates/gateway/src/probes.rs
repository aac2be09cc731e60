//! `/healthz`, `/readyz`, `/metrics`: for whoever keeps the process running.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::app::App;

/// What `/readyz` says.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    targets: usize,
    unready_targets: usize,
    discovering: bool,
    ledger: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_error: Option<String>,
}

/// The process lives.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// There is somebody to send a request to. A ledger that fails and a configuration that was refused are told and do
/// not make the process unready: requests are answered all the same.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let snapshot = app.live.snapshot();
    let readiness = Readiness {
        ready: !snapshot.targets.is_empty(),
        targets: snapshot.targets.len(),
        unready_targets: app.health.states(app.clock.now()).len(),
        discovering: snapshot.discovering,
        ledger: app.ledger.health().state.as_str(),
        config_error: app.live.status().last_error.as_ref().map(ToString::to_string),
    };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Prometheus text.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    let gauges = &app.telemetry.scraped;
    let ledger = app.ledger.health();
    let config = app.live.status();
    let set = |gauge: &prometheus_client::metrics::gauge::Gauge, value: u64| {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    };
    set(&gauges.targets_unready, app.health.states(app.clock.now()).len() as u64);
    set(&gauges.ledger_pending, ledger.pending as u64);
    set(&gauges.ledger_written, ledger.written);
    set(&gauges.ledger_dropped, ledger.dropped);
    set(&gauges.ledger_dropped_detail, ledger.dropped_detail);
    set(&gauges.ledger_write_errors, ledger.write_errors);
    set(&gauges.config_generation, config.generation);
    set(&gauges.config_good, u64::from(config.last_error.is_none()));
    let mut response = app.telemetry.text().into_response();
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

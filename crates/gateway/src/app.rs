//! What every request shares: the snapshot in force, the ledger, keys, health, sessions, metrics.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use pointsman_backends::{Clock, HealthBoard};
use pointsman_encode::StaticTable;
use pointsman_kernel::TargetId;
use pointsman_store::{Courses, KeyRing, Ledger};

use crate::config::KeysRule;
use crate::error::Refusal;
use crate::ids::Ids;
use crate::reload::Live;
use crate::sessions::Sessions;
use crate::telemetry::Telemetry;
use crate::{a2a, chat, decisions, embeddings, feedback, ingress, models, probes, route};

/// What every request shares.
pub struct App {
    /// Configuration, artifacts and targets in force.
    pub live: Arc<Live>,
    /// Decisions and outcomes.
    pub ledger: Ledger,
    /// Client keys.
    pub keys: KeyRing,
    /// Breakers; they outlive a reload.
    pub health: Arc<HealthBoard>,
    /// Conversations and who answers them.
    pub sessions: Sessions,
    /// Conversations and their ways among the agents.
    pub courses: Courses,
    /// Metrics.
    pub telemetry: Telemetry,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and seeds.
    pub ids: Ids,
    /// The encoder prompts are embedded by.
    pub encoder: &'static StaticTable,
}

impl App {
    /// Puts the parts together and takes up the conversations the ledger remembers.
    pub fn new(
        live: Arc<Live>,
        ledger: Ledger,
        keys: KeyRing,
        health: Arc<HealthBoard>,
        courses: Courses,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let sessions = Sessions::default();
        let since = clock.now().0.saturating_sub(crate::sessions::REMEMBERED.as_micros() as u64);
        match ledger.sessions_since(pointsman_kernel::facts::Timestamp(since)) {
            Ok(pins) => {
                for pin in pins {
                    sessions.answered(pin.tenant, pin.session, pin.target);
                }
            }
            Err(fault) => tracing::warn!(%fault, "conversations of the last run are not known"),
        }
        Self {
            live,
            ledger,
            keys,
            health,
            sessions,
            courses,
            telemetry: Telemetry::default(),
            clock,
            ids: Ids::default(),
            encoder: StaticTable::embedded(),
        }
    }

    /// Takes over what a new configuration says of health: when breakers open, and which targets there are at all.
    pub fn follow_configuration(&self) {
        let snapshot = self.live.snapshot();
        self.health.set_policy(snapshot.breaker);
        self.health.retain(|id: &TargetId| snapshot.targets.contains_key(id));
        if snapshot.keys_required == KeysRule::Always && !self.keys.any_active() {
            tracing::warn!(
                "`keys.required` is `always` and no client key is in force: every request is refused until `pointsman keys create NAME`"
            );
        }
    }
}

/// The paths.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/embeddings", post(embeddings::create))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1/route", post(route::dry_run))
        .route("/v1/decisions/{id}", get(decisions::one))
        .route("/a2a/{agent}", post(a2a::call))
        .route("/a2a/{agent}/", post(a2a::call))
        .route("/a2a/{agent}/.well-known/agent-card.json", get(a2a::card))
        .route("/a2a/{agent}/.well-known/agent.json", get(a2a::card))
        .route("/v1/feedback", post(feedback::give))
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready))
        .route("/metrics", get(probes::metrics))
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes another method; see docs/reference",
            )
        })
        .fallback(|| async {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "no such path here; the base URL ends in /v1, chat is POST /v1/chat/completions",
            )
        })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), ingress::pass))
        .with_state(app)
}

//! The one place where what went wrong becomes an answer: status, stable code, envelope, decision id.
//!
//! A target's own code and message go through (clients branch on `context_length_exceeded`), its credentials errors do
//! not: a client must not think its own key is wrong, nor see anything of the provider's.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use pointsman_backends::Failure;
use pointsman_kernel::{Decision, DecisionId, Drop, ErrorKind};
use pointsman_wire::neutral::ApiError;
use pointsman_wire::openai;

use crate::discover::AT_A_REQUEST;
use crate::headers;
use crate::snapshot::Snapshot;

/// A request that is not answered by a target.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the envelope says.
    pub error: Box<ApiError>,
    /// When it may be worth trying again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with a stable code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let kind = match status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        let error = ApiError {
            message: message.into(),
            kind: Cow::Borrowed(kind),
            code: Some(Cow::Borrowed(code)),
            ..ApiError::default()
        };
        Self { status, error: Box::new(error), retry_after: None }
    }

    /// The request's own fault, in `param`.
    pub fn bad_request(code: &'static str, message: impl Into<String>, param: Option<&str>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, code, message);
        refusal.error.param = param.map(str::to_owned);
        refusal
    }

    /// With the decision it belongs to.
    #[must_use]
    pub fn of(mut self, decision: &DecisionId) -> Self {
        self.error.decision_id = Some(decision.to_string());
        self
    }

    /// With a hint when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// No model of that name: as far as is known, where a provider could not be asked.
    pub fn unknown_model(name: &str, snapshot: &Snapshot) -> Self {
        let unlisted = snapshot.unlisted();
        let mut refusal = if unlisted.is_empty() {
            let message = format!(
                "model `{name}` is not known here; GET /v1/models lists those that are, `auto` chooses among them"
            );
            Self::new(StatusCode::NOT_FOUND, "model_not_found", message)
        } else {
            let message = format!("model `{name}` is not known here; {}", asked_again(&unlisted));
            // Where nothing is served the name says nothing of the request: it is the gateway that is not ready.
            let (status, code) = match snapshot.targets.is_empty() {
                true => (StatusCode::SERVICE_UNAVAILABLE, "no_target"),
                false => (StatusCode::NOT_FOUND, "model_not_found"),
            };
            Self::new(status, code, message).retry_after(AT_A_REQUEST)
        };
        refusal.error.param = Some("model".to_owned());
        refusal
    }

    /// Every target is left out; says which rule did it, or why there are none.
    pub fn nobody(decision: &Decision, snapshot: &Snapshot) -> Self {
        let refused =
            |list: &str| format!("no target of route `{}` may answer this request ({list})", decision.route);
        if decision.dropped.is_empty() {
            let unlisted = snapshot.unlisted();
            let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "no_target");
            return match unlisted.is_empty() {
                true => Self::new(status, code, refused("the route has no targets")),
                false => {
                    let list = format!("the route has no targets; {}", asked_again(&unlisted));
                    Self::new(status, code, refused(&list)).retry_after(AT_A_REQUEST)
                }
            };
        }
        let reasons: Vec<String> =
            decision.dropped.iter().take(8).map(|d| format!("{}: {}", d.target, d.why)).collect();
        let all = |fits: fn(&Drop) -> bool| decision.dropped.iter().all(|d| fits(&d.why));
        let (status, code) = if all(|why| *why == Drop::Scope) {
            (StatusCode::FORBIDDEN, "model_not_allowed")
        } else if all(|why| matches!(why, Drop::Context { .. })) {
            (StatusCode::BAD_REQUEST, "context_length_exceeded")
        } else if all(|why| matches!(why, Drop::Tag { .. } | Drop::OverCost | Drop::OverTime)) {
            (StatusCode::BAD_REQUEST, "flags_leave_nobody")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "no_target")
        };
        Self::new(status, code, refused(&reasons.join("; ")))
    }

    /// What a call's failure looks like to the client: the target's own words where it had any.
    pub fn of_call(failure: &Failure) -> Self {
        let error = &failure.error;
        let (status, code) = match error.kind {
            ErrorKind::Connect => (StatusCode::BAD_GATEWAY, "upstream_unreachable"),
            ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            ErrorKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            ErrorKind::Upstream => (StatusCode::BAD_GATEWAY, "upstream_error"),
            // The target's own status, so that a client's library does not try again what cannot succeed.
            ErrorKind::Credentials => (status_or(error.status, 401), "upstream_credentials"),
            ErrorKind::Rejected => (status_or(error.status, 400), "upstream_rejected"),
            ErrorKind::Protocol => (StatusCode::BAD_GATEWAY, "upstream_protocol"),
            ErrorKind::Cut => (StatusCode::BAD_GATEWAY, "upstream_cut"),
            ErrorKind::ClientGone => {
                (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), "client_gone")
            }
            ErrorKind::Lossy => (StatusCode::BAD_REQUEST, "lossy_translation"),
            ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        let mut refusal = Self::new(status, code, error.detail.clone());
        if let Some(said) = &failure.said {
            refusal.error.message.clone_from(&said.message);
            refusal.error.param.clone_from(&said.param);
            // A target that failed has no code worth branching on; one that refused has.
            if error.kind != ErrorKind::Upstream {
                refusal.error.code = said.code.clone().or(refusal.error.code);
                if !said.kind.is_empty() {
                    refusal.error.kind.clone_from(&said.kind);
                }
            }
        }
        let wait = error.retry.wait();
        if !wait.is_zero() {
            refusal.retry_after = Some(wait);
        }
        refusal
    }
}

/// The event a broken stream ends in.
pub fn broken_stream_event(failure: &Failure, decision: &DecisionId) -> Vec<u8> {
    openai::error::to_event(&Refusal::of_call(failure).of(decision).error)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(openai::error::to_json(&self.error)));
        *response.status_mut() = self.status;
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                out.insert(header::RETRY_AFTER, value);
            }
        }
        if let Some(Ok(id)) = self.error.decision_id.as_deref().map(HeaderValue::from_str) {
            out.insert(headers::DECISION, id);
        }
        response
    }
}

/// What is in the way of a provider's models, and that something is done about it.
fn asked_again(unlisted: &[String]) -> String {
    format!("{}; asked again now: try again in a moment", unlisted.join("; "))
}

fn status_or(status: Option<u16>, otherwise: u16) -> StatusCode {
    status
        .and_then(|code| StatusCode::from_u16(code).ok())
        .filter(|code| code.is_client_error())
        .or_else(|| StatusCode::from_u16(otherwise).ok())
        .unwrap_or(StatusCode::BAD_REQUEST)
}

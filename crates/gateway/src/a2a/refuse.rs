//! What went wrong with a call of A2A, in JSON-RPC's envelope.
//!
//! Who may call and what is there is told by the status too, as the protocol wants it over HTTP; all else is JSON-RPC's
//! own business and has status 200. An agent's own error goes through with its code.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use pointsman_backends::Failure;
use pointsman_kernel::{DecisionId, ErrorKind};
use pointsman_wire::a2a::rpc::{self, Id, code};

use crate::agents::ServedAgent;
use crate::error::Refusal;
use crate::headers;

/// A call that is not answered by an agent.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) error: rpc::Error,
    pub(super) id: Id,
}

impl Refused {
    /// A refusal of the gateway's.
    pub(super) fn of(refusal: Refusal, id: &Id) -> Self {
        let reason = match refusal.status.as_u16() {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            413 => "PAYLOAD_TOO_LARGE",
            503 => "UNAVAILABLE",
            _ => "INVALID_REQUEST",
        };
        let code =
            if refusal.status.is_server_error() { code::INTERNAL_ERROR } else { code::INVALID_REQUEST };
        let mut error = rpc::Error::new(code, refusal.error.message);
        error.reason = Some(reason);
        error.decision_id = refusal.error.decision_id;
        Self { status: refusal.status, error, id: id.clone() }
    }

    /// An agent that is registered and whose card has never come.
    pub(super) fn missing(agent: &ServedAgent, id: &Id) -> Self {
        let why = agent.trouble().unwrap_or_else(|| format!("agent `{}` is not served", agent.name));
        Self::of(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no_target", why), id)
    }

    /// A request that does not say whom it was sent to.
    pub(super) fn bad_host(id: &Id) -> Self {
        let message = "the request has no `host` header that an address can be made of";
        Self::of(Refusal::bad_request("bad_host", message, None), id)
    }
}

/// A call that failed.
pub(crate) fn of_failure(failure: &Failure, decision: &DecisionId) -> rpc::Error {
    let said = failure.said.as_ref();
    let own = said.and_then(|said| said.code.as_deref()?.parse::<i32>().ok()).filter(|code| *code < 0);
    let (code, reason) = match failure.error.kind {
        _ if own.is_some() => (own.unwrap_or(code::INTERNAL_ERROR), None),
        ErrorKind::Protocol => (code::INVALID_AGENT_RESPONSE, None),
        ErrorKind::Connect => (code::INTERNAL_ERROR, Some("AGENT_UNREACHABLE")),
        ErrorKind::Timeout => (code::INTERNAL_ERROR, Some("AGENT_TIMEOUT")),
        ErrorKind::RateLimited => (code::INTERNAL_ERROR, Some("RATE_LIMITED")),
        ErrorKind::Cut => (code::INTERNAL_ERROR, Some("AGENT_BROKE_OFF")),
        ErrorKind::Credentials => (code::INTERNAL_ERROR, Some("AGENT_CREDENTIALS")),
        _ => (code::INTERNAL_ERROR, Some("AGENT_FAILED")),
    };
    let message = said.map_or_else(|| failure.error.detail.clone(), |said| said.message.clone());
    let mut error = rpc::Error::new(code, message);
    error.reason = reason;
    error.decision_id = Some(decision.to_string());
    error
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        let mut response = Response::new(Body::from(refused.error.to_json(&refused.id)));
        *response.status_mut() = refused.status;
        let head = response.headers_mut();
        head.insert(header::CONTENT_TYPE, super::JSON);
        if refused.status == StatusCode::UNAUTHORIZED {
            head.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(Ok(id)) = refused.error.decision_id.as_deref().map(HeaderValue::from_str) {
            head.insert(headers::DECISION, id);
        }
        response
    }
}

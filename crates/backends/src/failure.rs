//! What went wrong with a call, in two parts: a [`CallError`] for plans, metrics and the ledger, which holds nothing an
//! upstream wrote, and the upstream's own words for the client that asked, which may quote its prompt and are
//! therefore never logged. The gateway's key for the upstream is in neither.

mod retry_after;

use http::{HeaderMap, StatusCode};
use pointsman_kernel::{CallError, ErrorKind, Origin, Phase, Retry};
use pointsman_wire::ApiError;

pub(crate) use retry_after::retry_after_ms;

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What happened and what may be done about it.
    pub error: CallError,
    /// The upstream's own words, for the client's envelope only.
    pub said: Option<Box<ApiError>>,
    /// The client has already been passed an error event that says so.
    pub shown: bool,
}

/// At most this much of an upstream's message is passed on.
const SAID_AT_MOST: usize = 4096;

impl Failure {
    /// A failure that is the target's doing.
    pub(crate) fn new(kind: ErrorKind, phase: Phase, retry: Retry, detail: impl Into<String>) -> Self {
        let error = CallError {
            kind,
            origin: Origin::Target,
            phase,
            retry,
            status: None,
            detail: detail.into(),
            code: None,
        };
        Self { error, said: None, shown: false }
    }

    /// No connection.
    pub(crate) fn connect(name: &str, reason: &str) -> Self {
        let detail = format!("cannot connect to {name}: {reason}: check its base_url and that it is up");
        Self::new(ErrorKind::Connect, Phase::BeforeSend, OTHER, detail)
    }

    /// A deadline passed.
    pub(crate) fn timeout(name: &str, phase: Phase, what: &str) -> Self {
        let kind = ErrorKind::Timeout;
        Self::new(
            kind,
            phase,
            OTHER,
            format!("{name} {what}: raise the deadline or look at the target's load"),
        )
    }

    /// The answer is not what the protocol says.
    pub(crate) fn protocol(name: &str, phase: Phase, what: &str) -> Self {
        let detail = format!("{name} {what}: check that its base_url is the right API");
        Self::new(ErrorKind::Protocol, phase, OTHER, detail)
    }

    /// The answer broke off.
    pub(crate) fn cut(name: &str, phase: Phase, what: &str) -> Self {
        Self::new(ErrorKind::Cut, phase, OTHER, format!("{name} {what}"))
    }

    /// The request cannot be made of this target.
    pub(crate) fn unfit(kind: ErrorKind, detail: impl Into<String>, said: Option<ApiError>) -> Self {
        let mut failure = Self::new(kind, Phase::BeforeSend, Retry::Never, detail);
        failure.error.origin = Origin::Client;
        failure.said = said.map(Box::new);
        failure
    }

    /// A request of A2A to a target that is no agent.
    pub(crate) fn no_agent(name: &str) -> Self {
        let detail = format!("{name} is a model and speaks no A2A: ask it by /v1/chat/completions");
        Self::unfit(ErrorKind::Rejected, detail, None)
    }

    /// The gateway's own fault.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        let mut failure = Self::new(ErrorKind::Internal, Phase::BeforeSend, Retry::Never, detail);
        failure.error.origin = Origin::Gateway;
        failure
    }

    /// A status that is no success, with what the upstream said.
    pub(crate) fn status(
        name: &str,
        status: StatusCode,
        headers: &HeaderMap,
        said: Option<ApiError>,
    ) -> Self {
        let after_ms = retry_after_ms(headers).unwrap_or(0);
        let other = Retry::Other { after_ms };
        let code = said.as_ref().and_then(|said| said.code.as_deref()).unwrap_or_default();
        let kind = said.as_ref().map(|said| said.kind.as_ref()).unwrap_or_default();
        let (kind, retry, advice) = match status.as_u16() {
            429 if code == "insufficient_quota" || kind == "insufficient_quota" => {
                (ErrorKind::RateLimited, other, "has no quota left: look at its billing")
            }
            429 | 529 => (ErrorKind::RateLimited, other, "is busy: ask for less or raise its limits"),
            402 => (ErrorKind::Credentials, other, "wants payment: look at its billing"),
            401 | 403 => {
                (ErrorKind::Credentials, Retry::Never, "refused the gateway's key: check its api_key")
            }
            408 | 409 | 425 | 500..=599 => {
                (ErrorKind::Upstream, Retry::Same { after_ms }, "failed: look at its own log")
            }
            300..=399 => {
                (ErrorKind::Rejected, Retry::Never, "answered with a redirect: correct its base_url")
            }
            _ => (ErrorKind::Rejected, Retry::Never, "refused the request: correct the request"),
        };
        let detail = format!("{name} {advice} (status {})", status.as_u16());
        Self::new(kind, Phase::BeforeByte, retry, detail).saying(status, said)
    }

    /// An error told with status 200: in the body, or as a stream's first event.
    pub(crate) fn told(name: &str, said: ApiError, phase: Phase) -> Self {
        let status = told_status(&said);
        let mut failure = Self::status(name, status, &HeaderMap::new(), Some(said));
        failure.error.phase = phase;
        failure.error.status = Some(200);
        failure
    }

    fn saying(mut self, status: StatusCode, said: Option<ApiError>) -> Self {
        self.error.status = Some(status.as_u16());
        self.error.code = said.as_ref().and_then(|said| said.code.as_deref()).and_then(plain_code);
        if self.error.kind != ErrorKind::Credentials {
            self.said = said.map(|mut said| {
                if said.message.len() > SAID_AT_MOST {
                    said.message.truncate(said.message.floor_char_boundary(SAID_AT_MOST));
                }
                Box::new(said)
            });
        }
        self
    }
}

const OTHER: Retry = Retry::Other { after_ms: 0 };

/// Removes every occurrence of the gateway's key from what an upstream said.
pub(crate) fn scrub(mut said: ApiError, key: Option<&str>) -> ApiError {
    let Some(key) = key.filter(|key| !key.is_empty()) else { return said };
    let clean = |text: &mut String| {
        if text.contains(key) {
            *text = text.replace(key, "[key]");
        }
    };
    clean(&mut said.message);
    for field in [&mut said.param, &mut said.decision_id].into_iter().flatten() {
        clean(field);
    }
    if said.kind.contains(key) {
        clean(said.kind.to_mut());
    }
    if let Some(code) = &mut said.code
        && code.contains(key)
    {
        clean(code.to_mut());
    }
    said
}

/// A code that is surely a code: short, and of letters that codes are made of.
pub(crate) fn plain_code(code: &str) -> Option<String> {
    let fits = code.len() <= 64
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    fits.then(|| code.to_owned())
}

/// The status an error would have had, by its class (OpenAI's and Anthropic's names).
fn told_status(said: &ApiError) -> StatusCode {
    let code = said.code.as_deref().unwrap_or_default();
    if let Ok(status) = code.parse::<u16>()
        && let Ok(status) = StatusCode::from_u16(status)
        && (status.is_client_error() || status.is_server_error())
    {
        return status;
    }
    match said.kind.as_ref() {
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" => StatusCode::TOO_MANY_REQUESTS,
        "authentication_error" | "permission_error" => StatusCode::UNAUTHORIZED,
        "invalid_request_error" | "BadRequestError" | "not_found_error" | "request_too_large" => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::BAD_GATEWAY,
    }
}

#[cfg(test)]
mod tests;

//! JSON-RPC 2.0 as A2A uses it: requests read from strangers, answers told apart from errors, errors written.

use a2a_types::errordetails::{ERROR_INFO_TYPE, PROTOCOL_DOMAIN};
use serde_json::Value;

use crate::json::{JsonError, Kind, Object, View};
use crate::neutral::ApiError;
use crate::sse;

pub use a2a_types::error_code as code;

/// A request's id as it was sent, to be sent back: a string, a number or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(Vec<u8>);

/// A request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Its id.
    pub id: Id,
    /// The method's name.
    pub method: String,
    /// What it is called with; `null` when left out.
    pub params: View<'a>,
}

/// An error as JSON-RPC tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// One of [`code`].
    pub code: i32,
    /// For people.
    pub message: String,
    /// For programs: such as `TASK_NOT_FOUND`. Default: the code's own.
    pub reason: Option<&'static str>,
    /// The decision it belongs to.
    pub decision_id: Option<String>,
}

/// Why a body is no request, with the id to answer under where one could be read.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The id.
    pub id: Id,
    /// What is wrong.
    pub error: Error,
}

/// Why what an agent sent is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not JSON.
    #[error("it is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// It is JSON, but no answer of JSON-RPC.
    #[error("it is no JSON-RPC answer: it has neither `result` nor `error`")]
    NotAnAnswer,
    /// The result is not what the method promises.
    #[error("the result is none of A2A's: {0}")]
    Shape(String),
    /// It is an error.
    #[error("the agent answered with an error: {}", .0.message)]
    Told(ApiError),
}

impl Id {
    /// The id of whoever gave none.
    #[must_use]
    pub fn null() -> Self {
        Self(b"null".to_vec())
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.0
    }
}

impl Error {
    /// An error.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), reason: None, decision_id: None }
    }

    /// The answer that tells it.
    #[must_use]
    pub fn to_json(&self, id: &Id) -> Vec<u8> {
        let reason = self.reason.unwrap_or_else(|| a2a_types::error_reason(self.code));
        let mut out = Vec::with_capacity(self.message.len() + 256);
        let mut answer = Object::new(&mut out);
        answer.string("jsonrpc", "2.0").raw("id", id.json());
        let mut error = Object::new(answer.key("error"));
        error.raw("code", self.code.to_string().as_bytes()).string("message", &self.message);
        let details = error.key("data");
        details.push(b'[');
        let mut info = Object::new(details);
        info.string("@type", ERROR_INFO_TYPE).string("reason", reason).string("domain", PROTOCOL_DOMAIN);
        let mut metadata = Object::new(info.key("metadata"));
        if let Some(decision) = &self.decision_id {
            metadata.string("decision_id", decision);
        }
        metadata.end();
        info.end();
        details.push(b']');
        error.end();
        answer.end();
        out
    }

    /// The same as the last event of a stream.
    #[must_use]
    pub fn to_event(&self, id: &Id) -> Vec<u8> {
        let mut out = Vec::new();
        sse::write_event(None, &self.to_json(id), &mut out);
        out
    }
}

impl<'a> Call<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// It is no JSON, a batch, or no request of JSON-RPC 2.0.
    pub fn parse(body: &'a [u8]) -> Result<Self, Box<Refused>> {
        let refused =
            |id: Id, code, message: String| Box::new(Refused { id, error: Error::new(code, message) });
        if let Err(fault) = std::str::from_utf8(body) {
            let message =
                format!("the body is not UTF-8 at byte {}: send JSON as UTF-8", fault.valid_up_to());
            return Err(refused(Id::null(), code::PARSE_ERROR, message));
        }
        let view = View::parse(body).map_err(|fault| {
            refused(Id::null(), code::PARSE_ERROR, format!("the body is not valid JSON: {fault}"))
        })?;
        let invalid = |id: &Id, message: &str| refused(id.clone(), code::INVALID_REQUEST, message.to_owned());
        if view.kind() != Kind::Object {
            let message = "send one JSON-RPC 2.0 request as an object; batches are not taken";
            return Err(invalid(&Id::null(), message));
        }
        let id = match view.get("id") {
            None => return Err(invalid(&Id::null(), "`id` is missing: every method here has an answer")),
            Some(id) if matches!(id.kind(), Kind::String | Kind::Number) || id.raw() == b"null" => {
                Id(id.raw().to_vec())
            }
            Some(_) => return Err(invalid(&Id::null(), "`id` must be a string or a number")),
        };
        if !view.get("jsonrpc").is_some_and(|version| version.is_str("2.0")) {
            return Err(invalid(&id, "`jsonrpc` must be \"2.0\""));
        }
        let Some(method) = view.get("method").and_then(|method| method.str()) else {
            return Err(invalid(&id, "`method` must be a string, such as SendMessage"));
        };
        let params = view.get("params").unwrap_or(View::trusted(b"null"));
        if !matches!(params.kind(), Kind::Object | Kind::Null) {
            return Err(refused(id, code::INVALID_PARAMS, "`params` must be an object".to_owned()));
        }
        Ok(Self { id, method: method.into_owned(), params })
    }
}

/// The bytes of a request.
#[must_use]
pub fn call(id: &Id, method: &str, params: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(params.len() + 96);
    let mut request = Object::new(&mut out);
    request
        .string("jsonrpc", "2.0")
        .raw("id", id.json())
        .string("method", method)
        .raw("params", params)
        .end();
    out
}

/// An id that a gateway gives to what it asks itself.
#[must_use]
pub fn own_id(text: &str) -> Id {
    let mut out = Vec::new();
    crate::json::write_string(text, &mut out);
    Id(out)
}

/// The result of an answer, or the event of a stream, as it was sent.
///
/// # Errors
/// See [`Fault`].
pub(crate) fn result(body: &[u8]) -> Result<View<'_>, Fault> {
    let view = View::parse(body)?;
    if let Some(error) = view.get("error").filter(|error| !error.is_null()) {
        return Err(Fault::Told(told(error)));
    }
    view.get("result").filter(|result| result.kind() == Kind::Object).ok_or(Fault::NotAnAnswer)
}

/// A value of the protocol's, read by serde: its depth is bounded by the check before.
pub(crate) fn value(view: View<'_>) -> Result<Value, Fault> {
    serde_json::from_slice(view.raw()).map_err(|fault| Fault::Shape(fault.to_string()))
}

/// An error an agent told in an answer: reads the body of a refusal too.
#[must_use]
pub fn error(body: &[u8]) -> Option<ApiError> {
    let view = View::parse(body).ok()?;
    match view.get("error").filter(|error| error.kind() == Kind::Object && error.get("code").is_some()) {
        Some(error) => Some(told(error)),
        None => crate::openai::error::parse(body),
    }
}

/// The class follows from the code: whose fault it is decides what may be tried next.
fn told(error: View<'_>) -> ApiError {
    let number = error.get("code").and_then(|code| std::str::from_utf8(code.raw()).ok()?.parse::<i32>().ok());
    let kind = match number {
        Some(
            code::INVALID_REQUEST
            | code::METHOD_NOT_FOUND
            | code::INVALID_PARAMS
            | code::TASK_NOT_FOUND
            | code::TASK_NOT_CANCELABLE
            | code::PUSH_NOTIFICATION_NOT_SUPPORTED
            | code::UNSUPPORTED_OPERATION
            | code::CONTENT_TYPE_NOT_SUPPORTED
            | code::EXTENSION_SUPPORT_REQUIRED
            | code::VERSION_NOT_SUPPORTED
            | code::EXTENDED_CARD_NOT_CONFIGURED,
        ) => "invalid_request_error",
        _ => "api_error",
    };
    let message = error.get("message").and_then(|message| message.str()).filter(|text| !text.is_empty());
    ApiError {
        message: message.map_or_else(|| "the agent gave no reason".to_owned(), |text| text.into_owned()),
        kind: kind.into(),
        code: number.map(|number| number.to_string().into()),
        ..ApiError::default()
    }
}

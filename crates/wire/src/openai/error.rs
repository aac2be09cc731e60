//! The error envelope: `{"error":{"message","type","param","code"}}`, with this gateway's `decision_id` beside them.

use std::borrow::Cow;

use crate::json::{Kind, View, write_string};
use crate::neutral::ApiError;
use crate::sse;

/// Reads an error body in OpenAI's form or one of those that OpenAI-like servers send: `{"error": "text"}`, the object
/// inside an array (Gemini), `{"object":"error","message":...}` (vLLM), `{"detail": ...}` (FastAPI), `{"message": ...}`.
/// `None` if it is no JSON or holds no message in any of these places.
pub fn parse(body: &[u8]) -> Option<ApiError> {
    let mut view = View::parse(body).ok()?;
    if view.kind() == Kind::Array {
        view = view.elements().next()?;
    }
    let error = view.get("error").filter(|error| !error.is_null());
    if let Some(message) = error.and_then(|error| error.str()) {
        return Some(ApiError { message: message.into_owned(), ..ApiError::default() });
    }
    let error = error.filter(|error| error.kind() == Kind::Object).unwrap_or(view);
    let text = |name| error.get(name).and_then(|value: View<'_>| scalar(value));
    let message = text("message").or_else(|| {
        let detail = view.get("detail")?;
        detail.str().map(Cow::into_owned).or_else(|| Some(raw_text(detail)))
    })?;
    Some(ApiError {
        message,
        kind: text("type").or_else(|| text("status")).map_or(Cow::Borrowed(""), Cow::Owned),
        code: text("code").map(Cow::Owned),
        param: text("param"),
        decision_id: text("decision_id"),
    })
}

/// The envelope. `param` and `code` are always there, `null` when not known, as OpenAI sends them.
pub fn to_json(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::with_capacity(error.message.len() + 128);
    let nullable = |value: Option<&str>, out: &mut Vec<u8>| match value {
        Some(text) => write_string(text, out),
        None => out.extend_from_slice(b"null"),
    };
    out.extend_from_slice(b"{\"error\":{\"message\":");
    write_string(&error.message, &mut out);
    out.extend_from_slice(b",\"type\":");
    write_string(&error.kind, &mut out);
    out.extend_from_slice(b",\"param\":");
    nullable(error.param.as_deref(), &mut out);
    out.extend_from_slice(b",\"code\":");
    nullable(error.code.as_deref(), &mut out);
    if let Some(id) = &error.decision_id {
        out.extend_from_slice(b",\"decision_id\":");
        write_string(id, &mut out);
    }
    out.extend_from_slice(b"}}");
    out
}

/// The envelope as the last event of a stream that broke.
pub fn to_event(error: &ApiError) -> Vec<u8> {
    let mut out = Vec::new();
    sse::write_event(None, &to_json(error), &mut out);
    out
}

/// A string, or a number or boolean as it is written.
fn scalar(value: View<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.str().map(Cow::into_owned),
        Kind::Number | Kind::Bool => Some(raw_text(value)),
        _ => None,
    }
}

fn raw_text(value: View<'_>) -> String {
    String::from_utf8_lossy(value.raw()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Option<String> {
        parse(body.as_bytes()).map(|error| error.message)
    }

    #[test]
    fn the_envelope_survives_a_round_trip() {
        let error = ApiError {
            message: "no \"such\" model\n".into(),
            kind: "invalid_request_error".into(),
            code: Some("model_not_found".into()),
            param: Some("model".into()),
            decision_id: Some("d1".into()),
        };
        assert_eq!(parse(&to_json(&error)), Some(error));
    }

    #[test]
    fn missing_code_and_param_are_written_as_null() {
        let error = ApiError { message: "m".into(), kind: "t".into(), ..ApiError::default() };
        let json = r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#;
        assert_eq!(String::from_utf8(to_json(&error)).unwrap(), json);
        assert_eq!(parse(json.as_bytes()), Some(error));
    }

    #[test]
    fn errors_of_other_servers_are_understood() {
        assert_eq!(message(r#"{"error":"plain"}"#).as_deref(), Some("plain"));
        assert_eq!(message(r#"[{"error":{"code":400,"message":"m","status":"X"}}]"#).as_deref(), Some("m"));
        assert_eq!(message(r#"{"object":"error","message":"vllm","code":40303}"#).as_deref(), Some("vllm"));
        assert_eq!(message(r#"{"detail":"not found"}"#).as_deref(), Some("not found"));
        assert_eq!(message(r#"{"detail":[{"loc":["body"]}]}"#).as_deref(), Some(r#"[{"loc":["body"]}]"#));
        assert_eq!(message(r#"{"id":"x"}"#), None);
        assert_eq!(message("<html>"), None);
    }

    #[test]
    fn a_numeric_code_is_kept_as_text() {
        let error = parse(br#"{"error":{"message":"m","code":429}}"#).unwrap();
        assert_eq!(error.code.as_deref(), Some("429"));
    }
}

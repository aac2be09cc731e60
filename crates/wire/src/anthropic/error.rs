//! The error envelope: `{"type":"error","error":{"type","message"}}`.

use std::borrow::Cow;

use crate::json::View;
use crate::neutral::ApiError;
use crate::openai;

/// Reads an error body. The type stays Anthropic's; `code` is the one OpenAI's clients branch on, where there is one.
/// Bodies in OpenAI's form, which proxies before Anthropic send, are understood too.
pub fn parse(body: &[u8]) -> Option<ApiError> {
    let view = View::parse(body).ok()?;
    let error = view.get("error").filter(|error| {
        view.get("type").is_some_and(|kind| kind.is_str("error")) || error.get("message").is_some()
    });
    let Some(error) = error else { return openai::error::parse(body) };
    let text = |name| error.get(name).and_then(|value: View<'_>| value.str()).map(Cow::into_owned);
    let message = text("message").unwrap_or_default();
    let kind = text("type").unwrap_or_default();
    let code = text("code").map(Cow::Owned).or_else(|| code(&kind, &message).map(Cow::Borrowed));
    Some(ApiError { message, kind: Cow::Owned(kind), code, param: text("param"), decision_id: None })
}

fn code(kind: &str, message: &str) -> Option<&'static str> {
    match kind {
        "invalid_request_error" if message.starts_with("prompt is too long") => {
            Some("context_length_exceeded")
        }
        "invalid_request_error" if message.contains("credit balance is too low") => {
            Some("insufficient_quota")
        }
        "authentication_error" => Some("invalid_api_key"),
        "billing_error" => Some("insufficient_quota"),
        "not_found_error" if message.starts_with("model") => Some("model_not_found"),
        "rate_limit_error" => Some("rate_limit_exceeded"),
        "overloaded_error" => Some("overloaded"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_carry_the_code_that_clients_branch_on() {
        let code = |kind: &str, message: &str| {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"r"}}"#
            );
            let error = parse(body.as_bytes()).unwrap();
            assert_eq!((error.kind.as_ref(), error.message.as_str()), (kind, message));
            error.code.map(Cow::into_owned)
        };
        let long = "prompt is too long: 210000 tokens > 200000 maximum";
        assert_eq!(code("invalid_request_error", long).as_deref(), Some("context_length_exceeded"));
        assert_eq!(code("invalid_request_error", "max_tokens: must be positive"), None);
        assert_eq!(code("rate_limit_error", "slow down").as_deref(), Some("rate_limit_exceeded"));
        assert_eq!(code("not_found_error", "model: claude-9").as_deref(), Some("model_not_found"));
    }

    #[test]
    fn errors_of_proxies_in_between_are_understood() {
        assert_eq!(parse(br#"{"error":"upstream gone"}"#).unwrap().message, "upstream gone");
        assert_eq!(parse(br#"{"detail":"no route"}"#).unwrap().message, "no route");
        assert_eq!(parse(b"<html>502</html>"), None);
    }
}

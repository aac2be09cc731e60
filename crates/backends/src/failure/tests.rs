use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn of(status: u16, code: &'static str) -> Failure {
    let said = ApiError { message: "m".into(), code: Some(code.into()), ..ApiError::default() };
    Failure::status("t", StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), Some(said))
}

#[test]
fn each_status_has_its_kind_and_what_may_be_done() {
    let same = Retry::Same { after_ms: 0 };
    let table = [
        (400, ErrorKind::Rejected, Retry::Never),
        (401, ErrorKind::Credentials, Retry::Never),
        (402, ErrorKind::Credentials, OTHER),
        (403, ErrorKind::Credentials, Retry::Never),
        (404, ErrorKind::Rejected, Retry::Never),
        (408, ErrorKind::Upstream, same),
        (409, ErrorKind::Upstream, same),
        (413, ErrorKind::Rejected, Retry::Never),
        (422, ErrorKind::Rejected, Retry::Never),
        (429, ErrorKind::RateLimited, OTHER),
        (500, ErrorKind::Upstream, same),
        (503, ErrorKind::Upstream, same),
        (504, ErrorKind::Upstream, same),
        (529, ErrorKind::RateLimited, OTHER),
        (302, ErrorKind::Rejected, Retry::Never),
    ];
    for (status, kind, retry) in table {
        let error = of(status, "c").error;
        assert_eq!((error.kind, error.retry), (kind, retry), "{status}");
        assert_eq!(error.status, Some(status));
    }
}

#[test]
fn a_wish_to_be_left_alone_is_kept() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("3"));
    let busy = Failure::status("t", StatusCode::SERVICE_UNAVAILABLE, &headers, None);
    assert_eq!(busy.error.retry, Retry::Same { after_ms: 3_000 });
    let limited = Failure::status("t", StatusCode::TOO_MANY_REQUESTS, &headers, None);
    assert_eq!(limited.error.retry, Retry::Other { after_ms: 3_000 });
}

#[test]
fn a_refused_key_is_never_quoted_and_a_code_must_look_like_one() {
    assert!(of(401, "invalid_api_key").said.is_none());
    assert_eq!(of(400, "context_length_exceeded").error.code.as_deref(), Some("context_length_exceeded"));
    assert_eq!(of(400, "my prompt was: hello").error.code, None);
    assert_eq!(of(400, "c").said.unwrap().message, "m");
}

#[test]
fn an_error_with_status_200_is_read_by_its_class() {
    let told = |kind: &'static str, code: Option<&'static str>| {
        let said = ApiError { kind: kind.into(), code: code.map(Into::into), ..ApiError::default() };
        Failure::told("t", said, Phase::BeforeByte).error.kind
    };
    assert_eq!(told("overloaded_error", None), ErrorKind::Upstream);
    assert_eq!(told("rate_limit_error", None), ErrorKind::RateLimited);
    assert_eq!(told("", Some("429")), ErrorKind::RateLimited);
    assert_eq!(told("invalid_request_error", None), ErrorKind::Rejected);
    assert_eq!(told("", None), ErrorKind::Upstream);
}

proptest! {
    #[test]
    fn a_key_never_survives_scrubbing(before in ".{0,40}", after in ".{0,40}", key in "[a-zA-Z0-9_-]{8,40}") {
        let text = format!("{before}{key}{after}");
        let said = ApiError {
            message: text.clone(),
            kind: text.clone().into(),
            code: Some(text.clone().into()),
            param: Some(text),
            decision_id: None,
        };
        let clean = scrub(said, Some(&key));
        let shown = format!("{clean:?}");
        prop_assert!(!shown.contains(&key));
    }
}

use bytes::Bytes;

use super::*;
use crate::neutral::{Finish, Usage};

#[test]
fn an_answer_is_scanned_where_it_lies() {
    let body = br#"{"id":"x","model":"up\/m","choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9",
        "tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"},
        {"index":1,"message":{"content":"b"},"finish_reason":null}],
        "usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3},
        "completion_tokens_details":{"reasoning_tokens":2}}}"#;
    let scan = AnswerScan::scan(body).unwrap();
    assert_eq!(scan.model.unwrap().text(body), "up/m");
    assert_eq!(scan.finishes, [Some(Finish::ToolCalls), None]);
    assert_eq!(scan.text_bytes, 3 + 1 + 7 + 1);
    let usage = Usage {
        prompt_tokens: 9,
        completion_tokens: 4,
        cached_tokens: Some(3),
        cache_write_tokens: None,
        reasoning_tokens: Some(2),
    };
    assert_eq!(scan.usage, Some(usage));
    assert_eq!(scan.error, None);
}

#[test]
fn only_a_model_that_differs_is_replaced() {
    let body = Bytes::from_static(b"{ \"x\": 1.0,\"model\" : \"a\\u0062\" , \"y\":[]}\n");
    let scan = AnswerScan::scan(&body).unwrap();
    assert_eq!(rewrite_model(&body, scan.model, "ab").as_ptr(), body.as_ptr());
    assert_eq!(
        rewrite_model(&body, scan.model, "c\"").as_ref(),
        b"{ \"x\": 1.0,\"model\" : \"c\\\"\" , \"y\":[]}\n"
    );
    assert_eq!(rewrite_model(&body, None, "c").as_ptr(), body.as_ptr());
}

#[test]
fn an_error_with_status_200_is_seen() {
    for body in [
        r#"{"error":{"message":"m","type":"t"}}"#,
        r#"{"object":"error","message":"m","type":"t"}"#,
        r#"[{"error":{"message":"m","status":"t"}}]"#,
    ] {
        let error = AnswerScan::scan(body.as_bytes()).unwrap().error.unwrap();
        assert_eq!((error.message.as_str(), error.kind.as_ref()), ("m", "t"), "{body}");
    }
    assert_eq!(AnswerScan::scan(br#"{"error":null,"choices":[]}"#).unwrap().error, None);
}

#[test]
fn what_is_no_json_is_refused() {
    for body in ["", "<html></html>", "{\"id\":\"x\"", "{\"id\":1} trailing"] {
        assert!(AnswerScan::scan(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn zero_usage_is_reported_usage_and_null_is_none() {
    let usage = |usage: &str| AnswerScan::scan(format!(r#"{{"usage":{usage}}}"#).as_bytes()).unwrap().usage;
    assert_eq!(usage(r#"{"prompt_tokens":0,"completion_tokens":0}"#), Some(Usage::default()));
    assert_eq!(usage("null"), None);
    assert_eq!(usage("{}"), None);
    assert_eq!(usage(r#"{"prompt_tokens":8,"total_tokens":8}"#).unwrap().prompt_tokens, 8);
    assert_eq!(usage(r#"{"prompt_tokens":8,"prompt_cache_hit_tokens":5}"#).unwrap().cached_tokens, Some(5));
}

#[test]
fn usage_is_found_where_some_providers_put_it() {
    let usage = |data: &str| scan_chunk(data.as_bytes()).unwrap().usage.unwrap().completion_tokens;
    assert_eq!(usage(r#"{"choices":[],"x_groq":{"usage":{"completion_tokens":3}}}"#), 3);
    assert_eq!(usage(r#"{"choices":[{"index":0,"usage":{"completion_tokens":4}}]}"#), 4);
}

#[test]
fn a_block_with_nothing_to_change_is_passed_on_itself() {
    let block = Bytes::from_static(
        b"data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    );
    let out = ChatStream::served_as("m").observe(block.clone());
    assert_eq!((out.as_ptr(), out.len()), (block.as_ptr(), block.len()));
}

#[test]
fn from_an_unearned_done_on_nothing_is_passed() {
    let mut stream = ChatStream::new();
    let block = Bytes::from_static(b": c\n\ndata: [DONE]\n\ndata: {\"choices\":[]}\n\n");
    assert_eq!(stream.observe(block).as_ref(), b": c\n\n");
    assert!(stream.stopped());
    assert!(stream.observe(Bytes::from_static(b"data: {}\n\n")).is_empty());
    assert_eq!(stream.end(), StreamEnd::Broken(StreamFault::Cut));
}

#[test]
fn an_event_that_is_no_json_is_not_passed() {
    let mut stream = ChatStream::new();
    let out = stream.observe(Bytes::from_static(b"data: {\"choices\":[]}\n\ndata: {oops}\n\n"));
    assert_eq!(out.as_ref(), b"data: {\"choices\":[]}\n\n");
    assert!(matches!(stream.end(), StreamEnd::Broken(StreamFault::Malformed(_))));
}

#[test]
fn an_error_named_by_its_event_is_an_error() {
    let mut stream = ChatStream::new();
    let block = Bytes::from_static(b"event: error\ndata: {\"message\":\"m\"}\n\ndata: [DONE]\n\n");
    assert_eq!(stream.observe(block).as_ref(), b"event: error\ndata: {\"message\":\"m\"}\n\n");
    assert!(matches!(stream.end(), StreamEnd::Error(error) if error.message == "m"));
}

use bytes::Bytes;
use serde_json::{Value, json};

use super::card::{Card, CardError};
use super::rpc::{Call, Error, code};
use super::*;
use crate::head::RequestHead;
use crate::openai::chat::{StreamEnd, StreamFault};

fn ask(body: &Value, thread: &Thread, version: Version, transcript: bool) -> (Value, Vec<String>) {
    let body = body.to_string();
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    let options = Options { version, stream: false, message_id: "m1", thread, tenant: None, transcript };
    let request = request(body.as_bytes(), &head, &options).unwrap();
    let lossy = request.lossy.fields().map(ToOwned::to_owned).collect();
    (serde_json::from_slice(&request.body).unwrap(), lossy)
}

#[test]
fn the_turn_at_hand_goes_over_and_what_stays_behind_is_named() {
    let body = json!({"model": "x", "temperature": 0.2, "user": "u", "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "said"},
        {"role": "user", "content": "second"}]});
    let (sent, lossy) = ask(&body, &Thread::default(), Version::V1, false);
    assert_eq!(sent["method"], "SendMessage");
    assert_eq!(sent["params"]["message"]["parts"], json!([{"text": "second"}]));
    assert_eq!(sent["params"]["message"]["role"], "ROLE_USER");
    assert_eq!(lossy, ["messages[0]", "messages[1]", "messages[2]", "temperature"]);
    // The agent knows the conversation: nothing of it is lost.
    let thread = Thread { context: Some("c".into()), task: Some("t".into()) };
    let (sent, lossy) = ask(&body, &thread, Version::V03, false);
    assert_eq!(sent["method"], "message/send");
    assert_eq!(sent["params"]["message"]["contextId"], "c");
    assert_eq!(sent["params"]["message"]["taskId"], "t");
    assert_eq!(sent["params"]["message"]["parts"], json!([{"kind": "text", "text": "second"}]));
    assert_eq!(sent["params"]["configuration"]["blocking"], true);
    assert_eq!(lossy, ["messages[0]", "temperature"]);
    let (sent, _) = ask(&body, &Thread::default(), Version::V1, true);
    let said = sent["params"]["message"]["parts"][0]["text"].as_str().unwrap();
    assert!(said.ends_with("User: first\nAssistant: said"), "{said}");
}

#[test]
fn files_go_as_parts_and_tool_results_say_whose_they_are() {
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://h/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAEC"}},
        {"type": "file", "file": {"file_id": "f"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"}]});
    let (sent, lossy) = ask(&body, &Thread::default(), Version::V1, false);
    assert_eq!(
        sent["params"]["message"]["parts"],
        json!([{"url": "https://h/a.png"}, {"raw": "AAEC", "mediaType": "image/png"},
               {"raw": "AAEC", "mediaType": "application/pdf", "filename": "a.pdf"},
               {"text": "42", "metadata": {"toolCallId": "1"}}])
    );
    assert_eq!(lossy, ["messages[0].content[3]"]);
    let (sent, _) = ask(&body, &Thread::default(), Version::V03, false);
    assert_eq!(
        sent["params"]["message"]["parts"][1],
        json!({"kind": "file", "file": {"bytes": "AAEC", "mimeType": "image/png"}})
    );
}

#[test]
fn a_turn_of_the_agents_own_is_nothing_to_answer() {
    let body = br#"{"messages": [{"role": "assistant", "content": "hm"}]}"#;
    let head = RequestHead::parse(body).unwrap();
    let thread = Thread::default();
    let options = Options {
        version: Version::V1,
        stream: false,
        message_id: "m",
        thread: &thread,
        tenant: None,
        transcript: false,
    };
    assert_eq!(request(body, &head, &options), Err(NothingToSay));
}

fn whole(method: Method, version: Version, result: &Value) -> TaskStream {
    let mut stream = TaskStream::new(version, "agent", "id", 1, false).keep();
    let body = json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
    stream.observe_whole(method, body.as_bytes());
    stream
}

fn content(stream: &TaskStream) -> String {
    let body: Value = serde_json::from_slice(&stream.whole().expect("an answer")).unwrap();
    body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn both_versions_read_alike() {
    let old = json!({"kind": "task", "id": "t", "contextId": "c", "status": {"state": "completed", "timestamp": "noon"},
        "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "Hel"}, {"kind": "text", "text": "lo"}]}]});
    let new = json!({"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"},
        "artifacts": [{"artifactId": "a", "parts": [{"text": "Hel"}, {"text": "lo"}]}]}});
    for (version, result) in [(Version::V03, old), (Version::V1, new)] {
        let stream = whole(Method::Send, version, &result);
        assert_eq!(content(&stream), "Hello");
        assert_eq!(stream.task().0, Some("c"));
        assert_eq!(stream.open_task(), None);
    }
    let message = json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "hi"}, {"data": {"a": 1}}]}});
    assert_eq!(content(&whole(Method::Send, Version::V1, &message)), "hi\n```json\n{\"a\":1}\n```");
}

#[test]
fn a_question_is_an_answer_and_a_failed_task_is_none() {
    let task = |state: &str| {
        json!({"task": {"id": "t", "contextId": "c", "status": {"state": state,
        "message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "which city?"}]}}}})
    };
    for state in ["TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"] {
        let stream = whole(Method::Send, Version::V1, &task(state));
        assert_eq!(content(&stream), "which city?");
        assert!(matches!(stream.task_end(), Some(End::Waits(_))));
    }
    for state in ["TASK_STATE_FAILED", "TASK_STATE_REJECTED", "TASK_STATE_CANCELED"] {
        let stream = whole(Method::Send, Version::V1, &task(state));
        assert!(matches!(stream.end(), StreamEnd::Error(error) if error.message == "which city?"));
    }
    // One that goes on has not ended, and can be cancelled.
    let stream = whole(Method::Send, Version::V1, &task("TASK_STATE_WORKING"));
    assert_eq!(stream.end(), StreamEnd::Broken(StreamFault::Cut));
    assert_eq!(stream.open_task(), Some("t"));
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let stream = whole(Method::Send, Version::V1, &json!({"task": {"id": 7}}));
    assert_eq!(stream.end(), StreamEnd::Broken(StreamFault::Foreign));
    let mut stream = TaskStream::new(Version::V1, "agent", "id", 1, false);
    let body = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no such task"}}"#;
    stream.observe_whole(Method::Send, body);
    let StreamEnd::Error(error) = stream.end() else { panic!("no error") };
    assert_eq!((error.code.as_deref(), &*error.kind), (Some("-32001"), "invalid_request_error"));
}

#[test]
fn a_stream_of_one_version_passes_as_it_is_and_of_the_other_in_its_form() {
    let event = |result: Value| format!("data: {}\n\n", json!({"jsonrpc": "2.0", "id": 7, "result": result}));
    let new = event(
        json!({"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}}),
    );
    let call = Call::parse(br#"{"jsonrpc":"2.0","id":"mine","method":"message/stream"}"#).unwrap();
    let mut same = Passage::new((Version::V1, Version::V1), call.id.clone(), true);
    assert_eq!(same.observe(Bytes::from(new.clone())), new);
    assert!(same.done());
    let mut other = Passage::new((Version::V1, Version::V03), call.id, false);
    let out = other.observe(Bytes::from(new));
    let data: Value = serde_json::from_slice(out.strip_prefix(b"data: ").unwrap()).unwrap();
    assert_eq!(
        data,
        json!({"jsonrpc": "2.0", "id": "mine", "result": {"kind": "status-update", "final": true, "taskId": "t",
               "contextId": "c", "status": {"state": "completed"}}})
    );
}

#[test]
fn requests_of_strangers_are_refused_with_the_protocols_codes() {
    for (body, expected) in [
        ("nonsense", code::PARSE_ERROR),
        ("[]", code::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","method":"x"}"#, code::INVALID_REQUEST),
        (r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#, code::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#, code::INVALID_PARAMS),
    ] {
        assert_eq!(Call::parse(body.as_bytes()).unwrap_err().error.code, expected, "{body}");
    }
    let call = Call::parse(br#"{"jsonrpc":"2.0","id":1.50,"method":"SendMessage"}"#).unwrap();
    let error: Value =
        serde_json::from_slice(&Error::new(code::TASK_NOT_FOUND, "gone").to_json(&call.id)).unwrap();
    assert_eq!(error["error"]["data"][0]["reason"], "TASK_NOT_FOUND");
    assert_eq!(call.id.json(), b"1.50");
    assert_eq!(Method::parse("tasks/cancel"), Some((Method::Cancel, Version::V03)));
    assert_eq!(Version::parse("0.3.0"), Some(Version::V03));
    assert_eq!(Version::parse("0.2"), None);
}

#[test]
fn cards_of_both_versions_are_read_and_written_anew() {
    let new = json!({"name": "A", "description": "does a", "version": "2", "capabilities": {"streaming": true},
        "skills": [{"id": "s", "name": "S"}],
        "supportedInterfaces": [{"url": "https://h/grpc", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            {"url": "https://h/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "signatures": [{"protected": "x", "signature": "y"}]});
    let card = Card::parse(new.to_string().as_bytes()).unwrap();
    assert_eq!(card.interface().unwrap().url, "https://h/rpc");
    assert_eq!(card.signatures(), 1);
    let old = json!({"name": "B", "description": "does b", "version": "1", "protocolVersion": "0.3.0", "url": "http://h/",
        "capabilities": {}, "skills": [], "defaultInputModes": [], "defaultOutputModes": [],
        "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "x"}}});
    let card = Card::parse(old.to_string().as_bytes()).unwrap();
    assert_eq!(card.interface().unwrap().version, Version::V03);
    let served: Value = serde_json::from_slice(&card.served_at("http://gw/a2a/b", true)).unwrap();
    assert!(!served.to_string().contains("http://h/"), "{served}");
    assert_eq!(served["supportedInterfaces"][1]["protocolVersion"], "0.3");
    let again = Card::parse(served.to_string().as_bytes()).unwrap();
    assert_eq!(again.interface().unwrap().url, "http://gw/a2a/b");
}

#[test]
fn a_lying_card_is_refused_without_being_quoted() {
    let cases = [
        ("7".to_owned(), "none of A2A's"),
        (json!({"name": 7}).to_string(), "none of A2A's"),
        (json!({"name": "x", "supportedInterfaces": "https://evil"}).to_string(), "none of A2A's"),
        (json!({"name": "", "url": "http://h"}).to_string(), "`name`"),
        (
            json!({"name": "x", "url": "http://h", "preferredTransport": "GRPC"}).to_string(),
            "no JSON-RPC interface",
        ),
        (
            json!({"name": "x", "url": "http://h", "protocolVersion": "9.1"}).to_string(),
            "no JSON-RPC interface",
        ),
        ("[".repeat(100_000), "JSON"),
    ];
    for (body, expected) in cases {
        let error: CardError = Card::parse(body.as_bytes()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(expected) && !said.contains("evil"), "{said}");
    }
}

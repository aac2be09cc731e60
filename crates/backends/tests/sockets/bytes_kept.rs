//! What stays as it is, both ways, between a client and a target of the same format.

use pointsman_backends::Forwarded;
use pointsman_kernel::UsageSource;
use pointsman_testkit::{Act, Upstream};

use crate::rig::{KEY, Rig, streamed};

const ODD: &str = r#"{ "id":"c1" ,"model" : "up-t","weird":1.50e+03,"n\u0061me":[ ],"choices":[{"index":0,"message":
 {"role":"assistant","content":"h\u00e9\/"},"finish_reason":"stop","logprobs" :null}],"usage":{"prompt_tokens":3,"completion_tokens":1.0}}  "#;

#[tokio::test]
async fn of_a_request_only_the_model_changes_and_the_gateways_own_member_goes() {
    let up = Upstream::start(Act::say("x")).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let body = r#"{"messages":[{"role":"user","content":"caf\u00e9"}] , "model":"auto","pointsman":{"prefer":0.7},"temperature":1.0e0,"x_own":[1,{}],"seed":12345678901234567890}"#;
    rig.see(body).await;
    let sent = r#"{"messages":[{"role":"user","content":"caf\u00e9"}] , "model":"up-t","temperature":1.0e0,"x_own":[1,{}],"seed":12345678901234567890}"#;
    assert_eq!(up.last().body, sent.as_bytes());
}

#[tokio::test]
async fn of_a_whole_answer_only_the_model_changes() {
    let up = Upstream::start(Act::body(200, "application/json", ODD)).await;
    let seen = Rig::new().openai("t", &up.openai_url()).see(r#"{"messages":[]}"#).await;
    assert_eq!(seen.body, ODD.replace("\"up-t\"", "\"t\"").as_bytes());
    let usage = seen.attempts[0].usage;
    assert_eq!((usage.input, usage.output, usage.source), (3, 1, UsageSource::Reported));
}

#[tokio::test]
async fn of_a_stream_only_the_model_changes_wherever_it_is_cut() {
    let stream = ": hello\r\n\r\ndata:{ \"model\": \"up-t\",\"x\":1e2,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\u{e9}\"}}]}\r\n\r\n\
        event: message\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\n\
        data: \"finish_reason\":\"stop\"}],\"model\":\"up-t\"}\n\nid: 7\ndata: [DONE]\n\n";
    let expected = stream.replace("\"up-t\"", "\"t\"");
    for size in [1, 2, 3, 7, 50, 1000] {
        let chunks: Vec<Vec<u8>> = stream.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let up = Upstream::start(Act::chunks(chunks)).await;
        let seen = Rig::new().openai("t", &up.openai_url()).see(&streamed("")).await;
        assert!(seen.failure.is_none(), "{seen:?}");
        assert_eq!(String::from_utf8_lossy(&seen.body), expected, "in pieces of {size}");
        assert!(seen.tally.unwrap().done);
    }
}

#[tokio::test]
async fn a_stream_may_end_without_done_once_it_has_said_how() {
    let stream =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    let up = Upstream::start(Act::chunks([stream])).await;
    let seen = Rig::new().openai("t", &up.openai_url()).see(&streamed("")).await;
    assert!(seen.failure.is_none());
    assert_eq!(seen.body, stream.as_bytes());
    assert_eq!(seen.tally.unwrap().finish.as_deref(), Some("stop"));
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_only_where_the_target_is_set_to_and_the_client_did_not_ask() {
    let up = Upstream::start(Act::words(8)).await;
    let plain = Rig::new().openai("t", &up.openai_url());
    let seen = plain.see(&streamed("")).await;
    assert!(up.last().json()["stream_options"].is_null());
    assert_eq!(seen.attempts[0].usage.source, UsageSource::Estimated);

    let asking = Rig::new().openai_with("t", &up.openai_url(), |target| target.ask_for_usage(true));
    let hidden = asking.see(&streamed("")).await;
    assert_eq!(up.last().json()["stream_options"]["include_usage"], true);
    assert_eq!(hidden.body, seen.body);
    let usage = hidden.attempts[0].usage;
    assert_eq!((usage.input, usage.output, usage.source), (11, 8, UsageSource::Reported));

    let asked = asking.see(&streamed(r#", "stream_options": {"include_usage": true}"#)).await;
    assert!(String::from_utf8_lossy(&asked.body).contains("\"completion_tokens\":8"));
}

#[tokio::test]
async fn embeddings_pass_through() {
    let body = r#"{"object":"list","model":"up-e","data":[{"embedding":[1.0e-3,-0.50]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    let up = Upstream::start(Act::body(200, "application/json", body)).await;
    let seen = Rig::new().openai("e", &up.openai_url()).see(r#"{"model":"e","input":["a"]}"#).await;
    assert_eq!(seen.body, body.replace("up-e", "e").as_bytes());
    assert_eq!(up.last().path, "/v1/embeddings");
    assert_eq!(seen.attempts[0].usage.input, 4);
}

#[tokio::test]
async fn the_target_sees_the_gateways_key_and_what_is_meant_for_tracing_and_nothing_else() {
    let up = Upstream::start(Act::say("x")).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let mut client = http::HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer client-key"),
        ("cookie", "c=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("traceparent", "00-a-b-01"),
    ] {
        client.insert(name, http::HeaderValue::from_static(value));
    }
    let headers = Forwarded::from_client(&client).with_request_id("req-1");
    rig.ask(&streamed("")).headers(headers).see().await;
    let got = up.last();
    assert_eq!(got.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(got.header("traceparent"), Some("00-a-b-01"));
    assert_eq!(got.header("x-request-id"), Some("req-1"));
    let mut names: Vec<_> = got.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let expected = [
        "authorization",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "user-agent",
        "x-request-id",
    ];
    assert_eq!(names, expected);
}

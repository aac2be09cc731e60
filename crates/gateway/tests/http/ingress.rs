//! What holds for every request, whatever its path: an id, and an answer that arrives though the body was not wanted.

use crate::common::{Gateway, ask, stream, two_models};
use pointsman_kernel::Scope;
use pointsman_store::Keys;
use pointsman_testkit::{Act, Upstream};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_and_the_clients_own_where_it_sent_one() {
    let up = Upstream::start(Act::say("ok")).await;
    let yaml = two_models(&up.openai_url()) + "limits: {body: 64KiB}\n";
    let gateway = Gateway::start(&yaml).await;
    let chat = "/v1/chat/completions";
    let cases = [
        ("POST", chat, ask("auto").to_string(), 200),
        ("POST", chat, stream("auto").to_string(), 200),
        ("POST", chat, "{".to_owned(), 400),
        ("POST", chat, ask("nope").to_string(), 404),
        ("POST", chat, "x".repeat(70_000), 413),
        ("GET", chat, String::new(), 405),
        ("POST", "/v1/embeddings", json!({"model": "small", "input": "a"}).to_string(), 200),
        ("POST", "/v1/embeddings", "{}".to_owned(), 400),
        ("GET", "/v1/models", String::new(), 200),
        ("GET", "/v1/models/nope", String::new(), 404),
        ("POST", "/v1/route", ask("auto").to_string(), 200),
        ("GET", "/v1/decisions/nope", String::new(), 404),
        ("GET", "/nowhere", String::new(), 404),
        ("GET", "/healthz", String::new(), 200),
    ];
    for (method, path, body, status) in cases {
        let made = gateway.send(method, path, &[], body.clone()).await;
        assert_eq!(made.status, status, "{method} {path}: {}", made.text());
        let id = made.header("x-request-id").unwrap_or_default();
        assert!(id.len() > 10, "{method} {path} {status}: `{id}`");
        if let Some(decision) = made.header("x-pointsman-decision") {
            assert_eq!(id, decision);
        }
        let own = gateway.send(method, path, &[("x-request-id", "mine-1")], body).await;
        assert_eq!(own.header("x-request-id"), Some("mine-1"), "{method} {path} {status}");
        let values = own.headers.iter().filter(|(name, _)| name == "x-request-id").count();
        assert_eq!(values, 1, "{method} {path} {status}");
    }
    let keys = Keys::open(&pointsman_gateway::launch::keys_path(&gateway.home)).unwrap();
    keys.create("a", None, Scope::default()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    let refused = gateway.chat(&ask("auto")).await;
    assert_eq!((refused.status, refused.header("x-request-id").is_some()), (401, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_before_it_reads_gets_the_refusal_and_not_a_reset() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::start(&(two_models(&up.openai_url()) + "limits: {body: 64KiB}\n")).await;
    // More than the buffers between two sockets hold.
    let large = vec![b'x'; 24 << 20];
    for (path, status) in
        [("/v1/chat/completions", 413), ("/v1/embeddings", 413), ("/v1/route", 413), ("/v1/nothing", 404)]
    {
        let answer = gateway.send("POST", path, &[], large.clone()).await;
        assert_eq!((answer.status, answer.complete), (status, true), "{path}");
    }
    let keys = Keys::open(&pointsman_gateway::launch::keys_path(&gateway.home)).unwrap();
    keys.create("a", None, Scope::default()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    assert_eq!(gateway.send("POST", "/v1/chat/completions", &[], large).await.status, 401);
}

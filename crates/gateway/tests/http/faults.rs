//! Upstreams that fail, each in its own way: what the client sees, how often the upstream was called, what is recorded.

use std::time::{Duration, Instant};

use crate::common::{Gateway, ask, stream, two_models};
use pointsman_testkit::{Act, Script, Upstream, post_partly, refused_url, sse};
use serde_json::Value;

async fn with(acts: impl IntoIterator<Item = Act>) -> (Upstream, Gateway) {
    let up = Upstream::start(Script::new(acts)).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    (up, gateway)
}

fn code(answer: &pointsman_testkit::Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_is_tried_again_and_then_elsewhere() {
    let (up, gateway) = with([Act::status(500), Act::status(500), Act::say("at last")]).await;
    let answer = gateway.chat(&ask("auto")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-pointsman-attempts"), Some("3"));
    assert_eq!(up.calls(), 3);
    let record = gateway.record(&answer).await;
    let attempts = record["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[0]["error"]["kind"], "upstream");
    assert_ne!(attempts[0]["target"], attempts[2]["target"]);
    assert_eq!(
        (record["outcome"]["status"].as_str(), record["outcome"]["attempts"].as_u64()),
        (Some("ok"), Some(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_model_is_tried_again_but_nobody_answers_in_its_place() {
    let (up, gateway) = with([Act::status(500)]).await;
    let answer = gateway.chat(&ask("large")).await;
    assert_eq!((answer.status, code(&answer).as_str()), (502, "upstream_error"));
    assert_eq!(up.calls(), 2);
    assert!(up.received().iter().all(|sent| sent.json()["model"] == "large"));
    assert_eq!(gateway.record(&answer).await["outcome"]["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_obeyed_where_nobody_else_can_answer() {
    let (up, gateway) = with([Act::status(429).with_header("retry-after", "1"), Act::say("now")]).await;
    let began = Instant::now();
    let answer = gateway.chat(&ask("small")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(began.elapsed() >= Duration::from_millis(990));
    assert_eq!(up.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_target_is_left_alone_and_another_answers_at_once() {
    let (up, gateway) = with([Act::status(429).with_header("retry-after", "30"), Act::say("here")]).await;
    let began = Instant::now();
    let first = gateway.chat(&ask("auto")).await;
    assert_eq!((first.status, up.calls()), (200, 2));
    assert!(began.elapsed() < Duration::from_millis(900));
    let second = gateway.chat(&ask("auto")).await;
    assert_eq!((second.header("x-pointsman-attempts"), up.calls()), (Some("1"), 3));
    assert_eq!(second.header("x-pointsman-target"), first.header("x-pointsman-target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_too_long_is_passed_on_to_the_client() {
    let (up, gateway) = with([Act::status(429).with_header("retry-after", "30")]).await;
    let answer = gateway.chat(&ask("small")).await;
    assert_eq!((answer.status, up.calls()), (429, 1));
    assert_eq!(answer.header("retry-after"), Some("30"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_or_the_operator_got_wrong_is_never_tried_again() {
    for status in [400u16, 401, 403, 404, 422] {
        let (up, gateway) =
            with([Act::error(status, "no such thing sk-upstream-secret", "context_length_exceeded")]).await;
        let answer = gateway.chat(&ask("auto")).await;
        assert_eq!((answer.status, up.calls()), (status, 1));
        assert!(!answer.text().contains("sk-upstream-secret"), "{}", answer.text());
        let credentials = matches!(status, 401 | 403);
        assert_eq!(
            code(&answer),
            if credentials { "upstream_credentials" } else { "context_length_exceeded" }
        );
        assert!(answer.json()["error"]["decision_id"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listening_falls_back_and_then_says_so() {
    let up = Upstream::start(Act::say("second")).await;
    let yaml = two_models(&refused_url()).replace(
        "targets:\n",
        &format!("  good: {{kind: openai, base_url: '{}'}}\ntargets:\n", up.openai_url()),
    );
    let yaml = yaml.replace("{id: large, provider: up,", "{id: large, provider: good,");
    let gateway = Gateway::start(&yaml).await;
    let mut body = ask("auto");
    body["pointsman"] = serde_json::json!({"prefer": "cost"});
    let answer = gateway.chat(&body).await;
    assert_eq!(
        (answer.status, answer.header("x-pointsman-target")),
        (200, Some("large")),
        "{}",
        answer.text()
    );
    let named = gateway.chat(&ask("small")).await;
    assert_eq!((named.status, code(&named).as_str()), (502, "upstream_unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_at_the_deadline() {
    let (up, gateway) = with([Act::hang(), Act::say("awake")]).await;
    let answer = gateway.chat(&ask("auto")).await;
    assert_eq!((answer.status, up.calls()), (200, 2));
    up.follow(Act::hang());
    let lost = gateway.chat(&ask("auto")).await;
    assert_eq!((lost.status, code(&lost).as_str()), (504, "upstream_timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_or_half_an_object_with_status_200_is_no_answer() {
    for act in [Act::html(), Act::broken_json(), Act::garbage(), Act::close()] {
        for streamed in [false, true] {
            let (up, gateway) = with([act.clone(), Act::say("good")]).await;
            let answer = gateway.chat(&if streamed { stream("auto") } else { ask("auto") }).await;
            assert_eq!((answer.status, up.calls()), (200, 2), "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_ends_in_an_error_event_and_never_in_done() {
    for act in [Act::cut_after(2), Act::no_finish("half an answer")] {
        let (up, gateway) = with([act]).await;
        let answer = gateway.chat(&stream("auto")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.complete, "the client's own connection ends well");
        assert!(!sse::is_done(&answer.body), "{}", answer.text());
        assert!(sse::error(&answer.body).is_some(), "{}", answer.text());
        assert!(!sse::text(&answer.body).is_empty());
        assert_eq!(up.calls(), 1, "what was begun is not begun again");
        let record = gateway.record(&answer).await;
        assert_eq!(record["outcome"]["status"], "cut");
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_the_call_and_has_one_outcome() {
    let (up, gateway) = with([Act::words(400).pace(Duration::from_millis(10))]).await;
    let url = format!("{}/v1/chat/completions", gateway.url);
    post_partly(&url, stream("auto").to_string(), 400).await;
    assert!(up.hung_up(1).await, "the upstream call goes on without a reader");
    let record = gateway.last_record().await;
    assert_eq!(record["outcome"]["status"], "aborted");
    assert_eq!(record["outcome"]["usage"]["source"], "estimated");
    assert!(record["outcome"]["usage"]["output"].as_u64().unwrap() > 0);
    assert_eq!(gateway.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_before_the_head_has_one_outcome_too() {
    let (up, gateway) = with([Act::hang()]).await;
    let url = format!("{}/v1/chat/completions", gateway.url);
    let left = tokio::time::timeout(
        Duration::from_millis(200),
        pointsman_testkit::post(&url, ask("auto").to_string()),
    )
    .await;
    assert!(left.is_err());
    assert!(up.hung_up(1).await);
    let record: Value = gateway.last_record().await;
    assert_eq!(record["outcome"]["status"], "aborted");
    assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
}

/// Where `auto` goes when the cheap one is as good as any, and with which status.
async fn cheap(gateway: &Gateway) -> (u16, Option<String>) {
    let mut body = ask("auto");
    body["pointsman"] = serde_json::json!({"prefer": "cost"});
    let answer = gateway.chat(&body).await;
    (answer.status, answer.header("x-pointsman-target").map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_key_is_refused_is_left_alone_from_the_next_request_on() {
    let (up, gateway) = with([Act::status(401), Act::say("another key")]).await;
    assert_eq!(cheap(&gateway).await, (401, None));
    assert_eq!(up.calls(), 1, "not tried again within the request");
    assert_eq!(cheap(&gateway).await, (200, Some("large".into())));
    // Who names it gets it, and an answer opens it to everybody again.
    assert_eq!(gateway.chat(&ask("small")).await.status, 200);
    assert_eq!(cheap(&gateway).await, (200, Some("small".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_forbids_everything_is_left_alone_and_one_that_forbids_a_request_is_not() {
    let (up, gateway) = with([Act::status(403)]).await;
    for _ in 0..5 {
        assert_eq!(gateway.chat(&ask("small")).await.status, 403);
    }
    up.follow(Act::say("elsewhere"));
    assert_eq!(cheap(&gateway).await, (200, Some("large".into())));

    let (up, gateway) = with([Act::say("ok"), Act::status(403)]).await;
    assert_eq!(gateway.chat(&ask("small")).await.status, 200);
    for _ in 0..20 {
        assert_eq!(gateway.chat(&ask("small")).await.status, 403);
    }
    up.follow(Act::say("still here"));
    assert_eq!(cheap(&gateway).await, (200, Some("small".into())), "it answers others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_is_counted_at_the_target_that_failed_it() {
    let (_up, gateway) = with([Act::status(500)]).await;
    gateway.chat(&ask("large")).await;
    let metrics = gateway.send("GET", "/metrics", &[], "").await.text();
    let line = "pointsman_requests_total{route=\"named\",target=\"large\",status=\"failed\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(!metrics.contains("target=\"\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_target_is_left_alone_after_its_failures() {
    let (up, gateway) = with([Act::status(500)]).await;
    for _ in 0..4 {
        gateway.chat(&ask("small")).await;
    }
    up.follow(Act::say("well again"));
    let mut body = ask("auto");
    body["pointsman"] = serde_json::json!({"prefer": "cost"});
    let answer = gateway.chat(&body).await;
    assert_eq!(answer.header("x-pointsman-target"), Some("large"));
    let record = gateway.record(&answer).await;
    assert_eq!(record["decision"]["dropped"][0]["why"], "unhealthy");
    let metrics = gateway.send("GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("pointsman_targets_unready 1"), "{metrics}");
}

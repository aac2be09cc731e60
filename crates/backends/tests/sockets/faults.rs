//! Every way an upstream can fail, and what comes of it: who is asked next, how often, and what the client is shown.

use std::time::Duration;

use pointsman_backends::Failure;
use pointsman_kernel::health::Availability;
use pointsman_kernel::{ErrorKind, Money, Phase, Retry, UsageSource};
use pointsman_testkit::{Act, Script, Upstream, refused_url, sse};

use crate::rig::{KEY, Rig, Seen, chat, streamed};

/// Asks a failing target and behind it a good one; once for a whole answer and once for a stream. Each time the good
/// one answers and the failing one was called `calls` times.
async fn falls_back(fault: impl Into<Script>, calls: usize, kind: ErrorKind, phase: Phase) {
    let fault = fault.into();
    let (bad, good) = (Upstream::start(fault.clone()).await, Upstream::start(Act::say("all good")).await);
    let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    for body in [chat(""), streamed("")] {
        bad.follow(fault.clone());
        good.follow(Act::say("all good"));
        let seen = rig.see(&body).await;
        assert!(seen.failure.is_none(), "{seen:?}");
        assert_eq!(seen.target, Some("good".into()), "{seen:?}");
        assert_eq!((bad.calls(), good.calls()), (calls, 1), "{seen:?}");
        assert_eq!(seen.attempts.len(), calls + 1);
        let error = seen.attempts[0].error.as_ref().unwrap();
        assert_eq!((error.kind, error.phase), (kind, phase), "{error:?}");
        assert!(seen.attempts[calls].error.is_none());
    }
}

/// Asks a failing target and behind it a good one, which must not be asked.
async fn is_final(fault: Act) -> Failure {
    let (bad, good) = (Upstream::start(fault).await, Upstream::start(Act::say("all good")).await);
    let rig = Rig::new().retries(3).openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    let seen = rig.see(&streamed("")).await;
    assert_eq!((bad.calls(), good.calls()), (1, 0), "{seen:?}");
    assert_eq!(seen.attempts.len(), 1);
    assert_eq!(seen.attempts[0].cost, Some(Money::ZERO));
    seen.failure.unwrap()
}

/// A stream that breaks after it has begun.
async fn breaks(fault: Act, kind: ErrorKind) -> Seen {
    let (bad, good) = (Upstream::start(fault).await, Upstream::start(Act::say("all good")).await);
    let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    let seen = rig.see(&streamed("")).await;
    let error = &seen.failure.as_ref().unwrap().error;
    assert_eq!((error.kind, error.phase), (kind, Phase::MidStream), "{seen:?}");
    assert_eq!((bad.calls(), good.calls()), (1, 0), "nobody can go on with another's answer");
    assert!(!String::from_utf8_lossy(&seen.body).contains("[DONE]"));
    assert_eq!(seen.attempts.len(), 1);
    assert_eq!(seen.attempts[0].error.as_ref(), Some(error));
    seen
}

#[tokio::test]
async fn a_server_error_is_tried_again_there_and_then_elsewhere() {
    falls_back(Act::status(500), 2, ErrorKind::Upstream, Phase::BeforeByte).await;
}

#[tokio::test]
async fn a_server_error_that_passes_costs_one_retry() {
    let up = Upstream::start(Script::new([Act::status(503), Act::say("again")])).await;
    let seen = Rig::new().openai("t", &up.openai_url()).see(&chat("")).await;
    assert!(seen.failure.is_none());
    assert_eq!((up.calls(), seen.attempts.len()), (2, 2));
}

#[tokio::test]
async fn a_busy_target_is_left_alone_for_as_long_as_it_asks() {
    let busy = Act::status(429).with_header("retry-after", "30");
    falls_back(busy.clone(), 1, ErrorKind::RateLimited, Phase::BeforeByte).await;
    let up = Upstream::start(busy).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let seen = rig.see(&chat("")).await;
    assert_eq!(seen.failure.unwrap().error.retry, Retry::Other { after_ms: 30_000 });
    assert_eq!(up.calls(), 1, "a wait of 30 s is not waited for");
    let now = pointsman_backends::Clock::now(&pointsman_backends::SystemClock);
    assert!(matches!(rig.health.states(now)[0].availability, Availability::Open { .. }));
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_waited_for() {
    let busy = Act::status(429).with_header("retry-after-ms", "250");
    let up = Upstream::start(Script::new([busy, Act::say("now")])).await;
    let start = std::time::Instant::now();
    let seen = Rig::new().openai("t", &up.openai_url()).see(&chat("")).await;
    assert!(seen.failure.is_none() && up.calls() == 2);
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_refused_connection_goes_elsewhere_at_once_and_costs_nothing() {
    let good = Upstream::start(Act::say("all good")).await;
    let rig = Rig::new().openai("bad", &refused_url()).openai("good", &good.openai_url());
    let seen = rig.see(&chat("")).await;
    assert!(seen.failure.is_none() && good.calls() == 1);
    let error = seen.attempts[0].error.as_ref().unwrap();
    assert_eq!((error.kind, error.phase), (ErrorKind::Connect, Phase::BeforeSend));
    assert_eq!(seen.attempts[0].cost, Some(Money::ZERO));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_said_plainly() {
    let seen = Rig::new().openai("t", "http://no-such-host.invalid/v1").see(&chat("")).await;
    let error = seen.failure.unwrap().error;
    assert_eq!((error.kind, error.phase), (ErrorKind::Connect, Phase::BeforeSend));
    assert!(error.detail.contains("cannot connect to t"), "{}", error.detail);
}

#[tokio::test]
async fn a_hanging_target_is_left_at_the_deadline_and_its_connection_closed() {
    let (bad, good) = (Upstream::start(Act::hang()).await, Upstream::start(Act::say("all good")).await);
    let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    let seen = rig.see(&streamed("")).await;
    assert!(seen.failure.is_none());
    assert_eq!((bad.calls(), good.calls()), (1, 1));
    let attempt = &seen.attempts[0];
    assert_eq!(attempt.error.as_ref().unwrap().kind, ErrorKind::Timeout);
    assert_eq!(attempt.cost, None, "it may have been billed");
    assert!(bad.hung_up(1).await);
}

#[tokio::test]
async fn a_slow_head_within_the_deadline_is_waited_for() {
    let up = Upstream::start(Act::say("late").head_after(Duration::from_millis(150))).await;
    let seen = Rig::new().openai("t", &up.openai_url()).see(&streamed("")).await;
    assert!(seen.failure.is_none());
    assert!(seen.attempts[0].head_us.unwrap() >= 150_000);
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_goes_elsewhere() {
    falls_back(Act::close(), 1, ErrorKind::Cut, Phase::BeforeByte).await;
}

#[tokio::test]
async fn what_is_not_http_goes_elsewhere() {
    falls_back(Act::garbage(), 1, ErrorKind::Protocol, Phase::BeforeByte).await;
}

#[tokio::test]
async fn a_page_of_html_with_status_200_is_no_answer() {
    falls_back(Act::html(), 1, ErrorKind::Protocol, Phase::BeforeByte).await;
}

#[tokio::test]
async fn broken_json_with_status_200_is_no_answer() {
    falls_back(Act::broken_json(), 1, ErrorKind::Protocol, Phase::BeforeByte).await;
}

#[tokio::test]
async fn json_that_is_no_answer_is_none() {
    falls_back(Act::body(200, "application/json", "{}"), 1, ErrorKind::Protocol, Phase::BeforeByte).await;
}

#[tokio::test]
async fn a_compressed_answer_nobody_asked_for_is_no_answer() {
    let act = Act::say("x").with_header("content-encoding", "br");
    falls_back(act, 1, ErrorKind::Protocol, Phase::BeforeByte).await;
}

#[tokio::test]
async fn an_error_told_with_status_200_is_an_error() {
    let body = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;
    falls_back(Act::body(200, "application/json", body), 2, ErrorKind::Upstream, Phase::BeforeByte).await;
}

#[tokio::test]
async fn a_stream_whose_first_event_is_an_error_falls_back() {
    let event = "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}\n\n";
    let (bad, good) = (Upstream::start(Act::chunks([event])).await, Upstream::start(Act::say("good")).await);
    let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    let seen = rig.see(&streamed("")).await;
    assert!(seen.failure.is_none() && good.calls() == 1);
    assert_eq!(seen.attempts[0].error.as_ref().unwrap().kind, ErrorKind::RateLimited);
}

#[tokio::test]
async fn a_stream_that_ends_or_breaks_before_its_first_event_falls_back() {
    for act in [
        Act::chunks(["", ": hello\n\n"]),
        Act::chunks(["data: [DONE]\n\n"]),
        Act::chunks_cut(["data: {\"choices\":"]),
        Act::chunks(["data: {\"choi\n\n"]),
        Act::chunks(["<html>"]),
    ] {
        let (bad, good) = (Upstream::start(act.clone()).await, Upstream::start(Act::say("good")).await);
        let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
        let seen = rig.see(&streamed("")).await;
        assert!(seen.failure.is_none(), "{act:?}: {seen:?}");
        assert_eq!((bad.calls(), good.calls()), (1, 1), "{act:?}");
        assert_eq!(seen.attempts[0].error.as_ref().unwrap().phase, Phase::BeforeByte);
    }
}

#[tokio::test]
async fn a_whole_answer_that_is_cut_falls_back() {
    let (bad, good) = (Upstream::start(Act::cut_after(3)).await, Upstream::start(Act::say("good")).await);
    let rig = Rig::new().openai("bad", &bad.openai_url()).openai("good", &good.openai_url());
    let seen = rig.see(&chat("")).await;
    assert!(seen.failure.is_none() && good.calls() == 1);
    let error = seen.attempts[0].error.as_ref().unwrap();
    assert_eq!((error.kind, error.phase), (ErrorKind::Cut, Phase::BeforeByte));
}

#[tokio::test]
async fn a_stream_that_is_cut_ends_in_an_error_with_what_was_said_and_what_it_cost() {
    let seen = breaks(Act::cut_after(4), ErrorKind::Cut).await;
    assert_eq!(sse::text(&seen.body), "w0 w1 w2 w3 ");
    let usage = seen.attempts[0].usage;
    assert_eq!((usage.input, usage.source), (5, UsageSource::Estimated));
    assert!(usage.output > 0 && seen.attempts[0].cost.is_some_and(|cost| cost > Money::ZERO));
}

#[tokio::test]
async fn a_stream_that_ends_cleanly_without_a_finish_reason_is_cut() {
    breaks(Act::no_finish("half an answer"), ErrorKind::Cut).await;
}

#[tokio::test]
async fn a_done_that_was_not_earned_is_withheld() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let seen = breaks(Act::chunks([chunk, "data: [DONE]\n\n"]), ErrorKind::Cut).await;
    assert_eq!(seen.body, chunk.as_bytes());
}

#[tokio::test]
async fn a_stream_that_stops_in_the_middle_is_left_at_the_idle_deadline() {
    let act = Act::say("one two three").pace(Duration::from_secs(5));
    let seen = breaks(act, ErrorKind::Timeout).await;
    assert_eq!(sse::text(&seen.body), "one ");
}

#[tokio::test]
async fn an_event_that_is_no_json_ends_the_stream_and_is_not_passed_on() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let seen = breaks(Act::chunks([chunk, "data: {\"choices\":[oops\n\n", chunk]), ErrorKind::Protocol).await;
    assert_eq!(seen.body, chunk.as_bytes());
}

#[tokio::test]
async fn an_error_event_in_mid_stream_is_passed_on_and_not_told_twice() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let error = "data: {\"error\":{\"message\":\"server fell over\",\"type\":\"server_error\"}}\n\n";
    let seen = breaks(Act::chunks([chunk, error]), ErrorKind::Upstream).await;
    assert_eq!(seen.body, [chunk, error].concat().as_bytes());
    assert!(seen.failure.unwrap().shown);
}

#[tokio::test]
async fn an_error_behind_a_half_event_stands_apart_from_it() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let seen = breaks(Act::chunks([chunk, "data: {\"choi"]), ErrorKind::Cut).await;
    assert_eq!(seen.body, [chunk, "\n\n"].concat().as_bytes());
}

#[tokio::test]
async fn a_refused_request_is_final_and_the_upstreams_words_reach_the_client() {
    for status in [400, 404, 413, 422] {
        let failure = is_final(Act::error(status, "too long", "context_length_exceeded")).await;
        assert_eq!(failure.error.kind, ErrorKind::Rejected);
        assert_eq!(failure.error.status, Some(status));
        assert_eq!(failure.error.code.as_deref(), Some("context_length_exceeded"));
        assert!(!failure.error.detail.contains("too long"), "the ledger holds no upstream text");
        let said = failure.said.unwrap();
        assert_eq!((said.message.as_str(), said.kind.as_ref()), ("too long", "error_type"));
        assert_eq!(said.param.as_deref(), Some("messages"));
    }
}

#[tokio::test]
async fn refused_credentials_are_final_and_never_quoted() {
    for status in [401, 403] {
        let failure = is_final(Act::error(status, &format!("bad key {KEY}"), "invalid_api_key")).await;
        assert_eq!(failure.error.kind, ErrorKind::Credentials);
        assert!(failure.said.is_none());
        assert!(!format!("{failure:?}").contains(KEY));
    }
}

#[tokio::test]
async fn a_key_that_an_upstream_quotes_is_taken_out() {
    let failure = is_final(Act::error(400, &format!("with {KEY} you sent nonsense"), "c")).await;
    assert_eq!(failure.said.as_ref().unwrap().message, "with [key] you sent nonsense");
    assert!(!format!("{failure:?}").contains(KEY));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let failure =
        is_final(Act::body(307, "text/plain", "").with_header("location", "http://elsewhere/")).await;
    assert_eq!(failure.error.kind, ErrorKind::Rejected);
    assert!(failure.error.detail.contains("redirect"));
}

#[tokio::test]
async fn without_quota_another_target_is_asked() {
    let act = Act::error(429, "no quota", "insufficient_quota");
    falls_back(act, 1, ErrorKind::RateLimited, Phase::BeforeByte).await;
}

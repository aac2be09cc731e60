//! Anthropic behind OpenAI's format, end to end.

use pointsman_kernel::{ErrorKind, Phase, UsageSource};
use pointsman_testkit::{Act, Upstream, sse};

use crate::rig::{KEY, Rig, chat, streamed};

#[tokio::test]
async fn a_whole_answer_is_translated_and_its_usage_kept() {
    let up = Upstream::start(Act::say("hello from there")).await;
    let rig = Rig::new().anthropic("c", &up);
    let seen = rig.see(&chat(r#", "max_tokens": 77, "temperature": 0.50"#)).await;
    let answer: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "hello from there");
    assert_eq!(answer["model"], "c");
    let got = up.last();
    assert_eq!((got.path.as_str(), got.header("x-api-key")), ("/v1/messages", Some(KEY)));
    assert!(got.header("anthropic-version").is_some() && got.header("authorization").is_none());
    assert_eq!((got.json()["max_tokens"].as_u64(), &got.json()["model"]), (Some(77), &"up-c".into()));
    let usage = seen.attempts[0].usage;
    assert_eq!((usage.input, usage.output, usage.source), (11, 3, UsageSource::Reported));
}

#[tokio::test]
async fn a_stream_is_translated_to_its_end() {
    let up = Upstream::start(Act::say("hello from there")).await;
    let seen = Rig::new().anthropic("c", &up).see(&streamed("")).await;
    assert!(seen.failure.is_none(), "{seen:?}");
    assert_eq!(sse::text(&seen.body), "hello from there");
    assert!(sse::is_done(&seen.body));
    assert_eq!(seen.tally.unwrap().finish.as_deref(), Some("stop"));
    assert_eq!(seen.attempts[0].usage.output, 3);
    assert_eq!(up.last().json()["max_tokens"], 4096);
}

#[tokio::test]
async fn broken_streams_end_in_an_error() {
    for act in [Act::cut_after(2), Act::no_finish("half of it")] {
        let up = Upstream::start(act).await;
        let seen = Rig::new().anthropic("c", &up).see(&streamed("")).await;
        let error = seen.failure.unwrap().error;
        assert_eq!((error.kind, error.phase), (ErrorKind::Cut, Phase::MidStream));
        assert!(!sse::is_done(&seen.body));
        let usage = seen.attempts[0].usage;
        assert_eq!(
            (usage.input, usage.source),
            (11, UsageSource::Estimated),
            "what was reported is a lower bound"
        );
    }
}

#[tokio::test]
async fn an_overloaded_upstream_is_busy_and_its_words_are_understood() {
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let up = Upstream::start(Act::body(529, "application/json", body)).await;
    let seen = Rig::new().retries(0).anthropic("c", &up).see(&chat("")).await;
    let failure = seen.failure.unwrap();
    assert_eq!(failure.error.kind, ErrorKind::RateLimited);
    assert_eq!(failure.said.unwrap().message, "Overloaded");
}

#[tokio::test]
async fn a_loss_is_told_and_a_strict_call_goes_to_a_target_that_loses_nothing() {
    let (anthropic, openai) = (Upstream::start(Act::say("a")).await, Upstream::start(Act::say("o")).await);
    let rig = Rig::new().anthropic("c", &anthropic).openai("o", &openai.openai_url());
    let body = chat(r#", "logit_bias": {"50256": -100}"#);
    let seen = rig.see(&body).await;
    assert_eq!(seen.target, Some("c".into()));
    assert_eq!(seen.lossy, ["logit_bias"]);
    let strict = rig.ask(&body).strict().see().await;
    assert_eq!(strict.target, Some("o".into()));
    assert_eq!((anthropic.calls(), openai.calls()), (1, 1));
    let error = strict.attempts[0].error.as_ref().unwrap();
    assert_eq!((error.kind, error.phase), (ErrorKind::Lossy, Phase::BeforeSend));
    assert!(error.detail.contains("logit_bias"));
}

#[tokio::test]
async fn what_cannot_be_translated_is_refused_before_it_is_sent() {
    let up = Upstream::start(Act::say("a")).await;
    let rig = Rig::new().anthropic("c", &up);
    let failure = rig.see(r#"{"model":"c","messages":[]}"#).await.failure.unwrap();
    assert_eq!((failure.error.kind, failure.error.status), (ErrorKind::Rejected, Some(400)));
    assert_eq!(failure.said.unwrap().param.as_deref(), Some("messages"));
    let failure = rig.see(r#"{"model":"c","input":"a"}"#).await.failure.unwrap();
    assert!(failure.error.detail.contains("embeddings"));
    assert_eq!(up.calls(), 0);
}

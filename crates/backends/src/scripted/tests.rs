use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use pointsman_kernel::{Retry, UsageSource};
use pointsman_wire::RequestHead;
use pointsman_wire::openai::chat::AnswerScan;

use super::*;
use crate::call::{Deadlines, Forwarded};

fn call(prompt: &str, more: &str) -> Call {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}}]{more}}}"#);
    Call {
        task: Task::Chat,
        head: Arc::new(RequestHead::parse(body.as_bytes()).unwrap()),
        body: body.into(),
        input_tokens: Some(7),
        strict: false,
        deadlines: Deadlines { idle: Duration::from_secs(3), ..Deadlines::default() },
        headers: Forwarded::default(),
        conversation: None,
    }
}

async fn whole(target: &Scripted, prompt: &str) -> (Bytes, Tally) {
    match target.call(call(prompt, "")).await.unwrap().body {
        ReplyBody::Full(body, tally) => (body, tally),
        ReplyBody::Stream(_) => panic!("a stream nobody asked for"),
    }
}

/// All bytes of a stream, its error if it had one, and its tally.
async fn streamed(target: &Scripted, more: &str) -> (String, Option<Failure>, Tally) {
    let reply = target.call(call("p", &format!(r#","stream":true{more}"#))).await.unwrap();
    let ReplyBody::Stream(mut stream) = reply.body else { panic!("no stream") };
    let (mut text, mut failure) = (String::new(), None);
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => text.push_str(std::str::from_utf8(&piece).unwrap()),
            Err(error) => failure = Some(error),
        }
    }
    (text, failure, stream.tally())
}

fn failing(fault: Fault, when: When) -> Scripted {
    Scripted::new("s".into(), Script { faults: vec![FaultRule { when, fault }], ..Script::default() })
}

#[tokio::test]
async fn the_answer_depends_on_prompt_and_seed_alone_and_says_it_is_simulated() {
    let target = Scripted::new("s".into(), Script::default());
    let other_seed = Scripted::new("s".into(), Script { seed: 1, ..Script::default() });
    let content = |body: &Bytes| body.split(|byte| *byte == b'[').nth(1).map(<[u8]>::to_vec);
    let (first, tally) = whole(&target, "a").await;
    assert_eq!(content(&first), content(&whole(&target, "a").await.0));
    assert_ne!(content(&first), content(&whole(&target, "b").await.0));
    assert_ne!(content(&first), content(&whole(&other_seed, "a").await.0));
    assert!(String::from_utf8_lossy(&first).contains("simulated"));
    let scan = AnswerScan::scan(&first).unwrap();
    assert_eq!(scan.usage.unwrap().completion_tokens, tally.usage.output);
    assert_eq!((tally.usage.input, tally.usage.source), (7, UsageSource::Reported));
}

#[tokio::test]
async fn a_stream_is_whole_and_its_usage_is_told_only_when_asked_for() {
    let target = Scripted::new("s".into(), Script::default());
    let (plain, failure, tally) = streamed(&target, "").await;
    assert!(failure.is_none() && tally.done && plain.ends_with("data: [DONE]\n\n"));
    assert!(!plain.contains("\"usage\""));
    let (with, ..) = streamed(&target, r#","stream_options":{"include_usage":true}"#).await;
    assert!(with.contains(&format!("\"completion_tokens\":{}", tally.usage.output)));
    let (short, _, tally) = streamed(&target, r#","max_tokens":3"#).await;
    assert!(short.contains("\"length\""));
    assert_eq!((tally.usage.output, tally.finish.as_deref()), (3, Some("length")));
}

#[tokio::test(start_paused = true)]
async fn tokens_keep_their_pace_and_the_first_comes_at_its_time() {
    let script = Script {
        first_token: Duration::from_millis(200),
        per_token: Duration::from_millis(10),
        answer: Answer::Fixed("a b c d".into()),
        ..Script::default()
    };
    let target = Scripted::new("s".into(), script);
    let start = tokio::time::Instant::now();
    let reply = target.call(call("p", r#","stream":true"#)).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 200);
    let ReplyBody::Stream(stream) = reply.body else { panic!("no stream") };
    let times: Vec<_> = stream.map(|_| start.elapsed().as_millis()).collect().await;
    let pace = [times[0], times[1], times[2], times[3]];
    for (at, due) in pace.into_iter().zip([200, 210, 220, 230]) {
        assert!((due..=due + 3).contains(&at), "{times:?}");
    }
}

#[tokio::test]
async fn faults_befall_the_calls_they_name() {
    let target = failing(Fault::Status { status: 429, retry_after_ms: Some(1500) }, When::First(2));
    for _ in 0..2 {
        let failure = target.call(call("p", "")).await.unwrap_err();
        assert_eq!(failure.error.retry, Retry::Other { after_ms: 1500 });
    }
    assert!(target.call(call("p", "")).await.is_ok());
    let target = failing(Fault::Refuse, When::Every(2));
    let mut ok = Vec::new();
    for _ in 0..4 {
        ok.push(target.call(call("p", "")).await.is_ok());
    }
    assert_eq!(ok, [true, false, true, false]);
    assert_eq!(target.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn broken_streams_end_in_an_error_and_never_in_done() {
    for (fault, kind) in [
        (Fault::CutAfter(3), ErrorKind::Cut),
        (Fault::StallAfter(3), ErrorKind::Timeout),
        (Fault::NoFinish, ErrorKind::Cut),
    ] {
        let (text, failure, tally) = streamed(&failing(fault, When::Always), "").await;
        let error = failure.unwrap().error;
        assert_eq!((error.kind, error.phase), (kind, Phase::MidStream), "{fault:?}");
        assert!(!text.contains("[DONE]") && !tally.done && tally.usage.output > 0, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_target_is_left_at_the_head_deadline() {
    let start = tokio::time::Instant::now();
    let failure = failing(Fault::Hang, When::Always).call(call("p", "")).await.unwrap_err();
    assert_eq!(failure.error.kind, ErrorKind::Timeout);
    assert_eq!(start.elapsed(), Deadlines::default().head);
}

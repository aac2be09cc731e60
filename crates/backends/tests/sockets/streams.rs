//! Streams in time: the first token at once, bursts together, hundreds side by side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use pointsman_backends::{AttemptLog, CommittedBody};
use pointsman_testkit::{Act, Upstream, sse};

use crate::rig::{Rig, streamed};

#[tokio::test]
async fn the_first_token_does_not_wait_for_the_second() {
    let up = Upstream::start(Act::say("one two three").pace(Duration::from_millis(150))).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let ask = rig.ask(&streamed(""));
    let (log, start) = (AttemptLog::new(), Instant::now());
    let CommittedBody::Stream(mut stream) = ask.drive(&log).await.unwrap().body else { panic!("no stream") };
    let first = stream.next().await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_millis(120), "{:?}", start.elapsed());
    assert_eq!(sse::text(&first), "one ");
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!(sse::text(&second), "two ");
    assert!(start.elapsed() < Duration::from_millis(270), "{:?}", start.elapsed());
    assert_eq!(stream.tally().text_events, 2);
}

#[tokio::test]
async fn a_burst_of_tokens_is_few_pieces() {
    let up = Upstream::start(Act::words(400)).await;
    let seen = Rig::new().openai("t", &up.openai_url()).see(&streamed("")).await;
    assert!(seen.failure.is_none());
    assert_eq!(sse::json(&seen.body).len(), 401);
    assert!(seen.pieces <= 40, "{} pieces for 402 events", seen.pieces);
}

#[tokio::test]
async fn an_answer_that_said_done_is_whole_however_its_connection_ends() {
    let events = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ];
    for act in [Act::chunks(events).then_hang(), Act::chunks_cut(events)] {
        let up = Upstream::start(act).await;
        let mut rig = Rig::new().openai("t", &up.openai_url());
        rig.deadlines.idle = Duration::from_secs(30);
        let start = Instant::now();
        let seen = rig.see(&streamed("")).await;
        assert!(seen.failure.is_none(), "{seen:?}");
        assert_eq!(seen.body, events.concat().as_bytes());
        assert!(seen.attempts[0].error.is_none());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn three_hundred_streams_run_side_by_side_and_their_connections_are_used_again() {
    let up = Upstream::start(Act::words(5).pace(Duration::from_millis(40))).await;
    let rig = Arc::new(Rig::new().openai("t", &up.openai_url()));
    for _ in 0..2 {
        let start = Instant::now();
        let streams = (0..300).map(|_| {
            let rig = rig.clone();
            tokio::spawn(async move {
                let seen = rig.see(&streamed("")).await;
                seen.failure.is_none() && sse::is_done(&seen.body)
            })
        });
        let whole = futures_util::future::join_all(streams).await;
        assert!(whole.into_iter().all(|stream| stream.unwrap()));
        // One after the other they would take a minute.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    assert!(up.accepted() <= 310, "{} connections", up.accepted());
    assert_eq!(up.calls(), 600);
}

//! Clients that leave, at any moment: the upstream is left too, and the books stay right.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use pointsman_backends::{AttemptLog, CommittedBody};
use pointsman_kernel::{ErrorKind, UsageSource};
use pointsman_testkit::{Act, Script, Upstream};

use crate::rig::{Rig, streamed};

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_ends_the_call() {
    let up = Upstream::start(Act::hang()).await;
    let mut rig = Rig::new().openai("t", &up.openai_url());
    rig.deadlines.head = Duration::from_secs(30);
    let log = AttemptLog::new();
    let ask = rig.ask(&streamed(""));
    assert!(tokio::time::timeout(Duration::from_millis(100), ask.drive(&log)).await.is_err());
    assert!(up.hung_up(1).await, "the upstream still works for nobody");
    let attempts = log.take();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].error.as_ref().unwrap().kind, ErrorKind::ClientGone);
    assert_eq!(attempts[0].cost, None, "it may be billed");
    assert_eq!(rig.health.in_flight(&"t".into()), 0);
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_stream_ends_the_call_and_pays_for_what_was_said() {
    let up = Upstream::start(Act::words(50).pace(Duration::from_millis(20))).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let log = AttemptLog::new();
    let ask = rig.ask(&streamed(""));
    let CommittedBody::Stream(mut stream) = ask.drive(&log).await.unwrap().body else { panic!("no stream") };
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!(rig.health.in_flight(&"t".into()), 1);
    drop(stream);
    assert!(up.hung_up(1).await);
    let attempts = log.take();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].usage.source, UsageSource::Estimated);
    assert!(attempts[0].usage.output >= 3 && attempts[0].cost.is_some());
    assert_eq!(rig.health.in_flight(&"t".into()), 0);
}

#[tokio::test]
async fn a_client_that_leaves_when_all_was_said_has_been_answered() {
    let up = Upstream::start(Act::words(3)).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    let log = AttemptLog::new();
    let ask = rig.ask(&streamed(""));
    let CommittedBody::Stream(mut stream) = ask.drive(&log).await.unwrap().body else { panic!("no stream") };
    while !stream.tally().done {
        stream.next().await.unwrap().unwrap();
    }
    drop(stream);
    assert!(log.take()[0].error.is_none());
}

/// Drops drives and streams at points all over their lives. However that falls, as many attempts are in the log as
/// calls were started, none twice, and nothing stays in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_leaves_one_attempt_whenever_the_client_leaves() {
    let acts = [
        Act::status(500).head_after(Duration::from_millis(2)),
        Act::words(4).pace(Duration::from_millis(2)),
        Act::cut_after(2).pace(Duration::from_millis(1)),
        Act::status(429),
        Act::no_finish("a b").head_after(Duration::from_millis(1)),
        Act::close(),
        Act::words(2),
    ];
    let cycle: Vec<_> = acts.iter().cloned().cycle().take(2_000).collect();
    let one = Upstream::start(Script::new(cycle.clone())).await;
    let two = Upstream::start(Script::new(cycle.into_iter().skip(3).collect::<Vec<_>>())).await;
    let rig = Arc::new(Rig::new().openai("one", &one.openai_url()).openai("two", &two.openai_url()));
    let mut tasks = Vec::new();
    for round in 0..200u64 {
        let rig = rig.clone();
        tasks.push(tokio::spawn(async move {
            let log = AttemptLog::new();
            // Between nothing and the end of nearly all of them; a retry waits 100 ms.
            let patience =
                Duration::from_micros((round * 7919) % 9_000 + if round % 5 == 0 { 120_000 } else { 0 });
            let ask = rig.ask(&streamed(""));
            let living = async {
                let committed = ask.drive(&log).await;
                if let Ok(committed) = committed
                    && let CommittedBody::Stream(mut stream) = committed.body
                {
                    while stream.next().await.is_some() {}
                }
            };
            let finished = tokio::time::timeout(patience, living).await.is_ok();
            (finished, log.take())
        }));
    }
    let (mut finished, mut attempts) = (0, 0);
    for task in tasks {
        let (done, log) = task.await.unwrap();
        finished += usize::from(done);
        attempts += log.len();
        let ids: Vec<_> = log.iter().map(|attempt| attempt.id.0).collect();
        assert_eq!(ids, (0..log.len() as u16).collect::<Vec<_>>(), "each attempt once and none left out");
        let gone = log.iter().filter(|attempt| {
            attempt.error.as_ref().is_some_and(|error| error.kind == ErrorKind::ClientGone)
        });
        assert!(gone.count() <= usize::from(!done), "{log:?}");
    }
    assert!(finished > 10 && finished < 190, "{finished} of 200 finished: the points are not spread");
    assert!(attempts >= one.calls() + two.calls(), "a call without an attempt");
    assert_eq!(rig.health.in_flight(&"one".into()) + rig.health.in_flight(&"two".into()), 0);
}

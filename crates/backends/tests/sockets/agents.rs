//! Agents behind chat completions, and A2A through to them, over real sockets.

use std::time::Duration;

use futures_util::StreamExt;
use pointsman_backends::a2a::{CardSource, fetch};
use pointsman_backends::{AttemptLog, CommittedBody, Pool, PoolConfig, Reach};
use pointsman_kernel::{ErrorKind, Phase};
use pointsman_testkit::{Act, Agent, Deed, Manner, Upstream, refused_url, sse};
use pointsman_wire::a2a::Version;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::rig::{KEY, Rig, chat, streamed};

/// An agent in each manner it may be spoken to, with the rig that does.
async fn each(deed: Deed) -> Vec<(Agent, Rig)> {
    let mut out = Vec::new();
    for (version, streams) in
        [(Version::V1, true), (Version::V1, false), (Version::V03, true), (Version::V03, false)]
    {
        let mut manner = Manner::from(deed.clone());
        manner.streams = streams;
        manner.old = version == Version::V03;
        let agent = Agent::start(manner).await;
        let rig = Rig::new().retries(0).agent("a", &agent.url(), version, streams);
        out.push((agent, rig));
    }
    out
}

fn content(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_agents_work_is_the_answer_whole_and_streamed_in_both_versions() {
    for deed in [Deed::work("sunny with a breeze"), Deed::Say("sunny with a breeze".to_owned())] {
        for (agent, rig) in each(deed).await {
            let seen = rig.see(&chat("")).await;
            assert_eq!(content(&seen.body), "sunny with a breeze", "{seen:?}");
            assert_eq!(seen.attempts.len(), 1);
            let seen = rig.see(&streamed("")).await;
            assert!(seen.failure.is_none() && sse::is_done(&seen.body), "{seen:?}");
            assert_eq!(sse::text(&seen.body), "sunny with a breeze");
            drop(agent);
        }
    }
}

#[tokio::test]
async fn an_agent_is_given_its_own_key_and_the_version() {
    let agent = Agent::start(Deed::work("x")).await;
    let rig = Rig::new().agent("a", &agent.url(), Version::V1, true);
    rig.see(&chat(r#", "temperature": 0.3"#)).await;
    let got = &agent.calls("SendStreamingMessage")[0];
    assert_eq!((got.path.as_str(), got.header("a2a-version")), ("/rpc", Some("1.0")));
    assert_eq!(got.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(got.json()["params"]["message"]["parts"], json!([{"text": "hello there"}]));
    let seen = rig.ask(&chat(r#", "temperature": 0.3"#)).strict().see().await;
    assert_eq!(seen.failure.unwrap().error.kind, ErrorKind::Lossy);
    let seen = rig.see(&chat(r#", "temperature": 0.3"#)).await;
    assert_eq!(seen.lossy, ["temperature"]);
}

#[tokio::test]
async fn a_question_is_answered_in_the_next_turn_of_the_same_conversation_only() {
    for (agent, rig) in each(Deed::Ask("which city?".to_owned())).await {
        let seen = rig.ask(&chat("")).of("t", "s").see().await;
        assert_eq!(content(&seen.body), "which city?");
        let seen = rig.ask(&streamed("")).of("t", "s").see().await;
        assert_eq!(sse::text(&seen.body), "got: hello there", "{seen:?}");
        // Another conversation, and another tenant's of the same name, begin anew.
        for (tenant, session) in [("t", "other"), ("u", "s")] {
            let seen = rig.ask(&chat("")).of(tenant, session).see().await;
            assert_eq!(content(&seen.body), "which city?");
        }
        drop(agent);
    }
}

#[tokio::test]
async fn an_agent_that_forgot_the_task_is_asked_anew() {
    for (agent, rig) in each(Deed::Ask("which city?".to_owned())).await {
        rig.ask(&chat("")).of("t", "s").see().await;
        agent.forget();
        let seen = rig.ask(&chat("")).of("t", "s").see().await;
        assert_eq!(content(&seen.body), "which city?", "{seen:?}");
        assert_eq!(seen.attempts.len(), 1);
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_once_and_not_tried_twice() {
    let cases = [
        (Deed::Fail("out of paper".to_owned()), ErrorKind::Upstream, Some("out of paper")),
        (Deed::Reject("not my job".to_owned()), ErrorKind::Rejected, Some("not my job")),
        (Deed::Error(-32603, "broke".to_owned()), ErrorKind::Upstream, Some("broke")),
        (Deed::Error(-32602, "bad params".to_owned()), ErrorKind::Rejected, Some("bad params")),
        (Deed::Garbage, ErrorKind::Protocol, None),
        (Deed::Silent, ErrorKind::Timeout, None),
        (Deed::Hang, ErrorKind::Timeout, None),
    ];
    for (deed, kind, said) in cases {
        for (agent, rig) in each(deed.clone()).await {
            let rig = rig.retries(2);
            for body in [chat(""), streamed("")] {
                let seen = rig.see(&body).await;
                let failure = seen.failure.unwrap_or_else(|| panic!("{deed:?} answered"));
                assert_eq!(failure.error.kind, kind, "{deed:?}: {failure:?}");
                assert_eq!(failure.error.phase, Phase::BeforeByte, "{deed:?}");
                assert_eq!(failure.said.map(|said| said.message).as_deref(), said, "{deed:?}");
                assert_eq!(seen.attempts.len(), 1, "{deed:?} was tried again");
            }
            drop(agent);
        }
    }
}

#[tokio::test]
async fn an_agent_that_is_down_or_breaks_off_fails_clearly() {
    let url = refused_url();
    let rig = Rig::new().retries(0).agent("a", url.trim_end_matches("/v1"), Version::V1, true);
    let failure = rig.see(&chat("")).await.failure.unwrap();
    assert_eq!(failure.error.kind, ErrorKind::Connect);
    let agent = Agent::start(Deed::Cut).await;
    let rig = Rig::new().retries(0).agent("a", &agent.url(), Version::V1, true);
    let seen = rig.see(&streamed("")).await;
    assert_eq!(sse::text(&seen.body), "half");
    assert_eq!(seen.failure.unwrap().error.phase, Phase::MidStream);
    assert!(!sse::is_done(&seen.body));
}

#[tokio::test]
async fn another_target_takes_over_before_the_first_word() {
    let agent = Agent::start(Deed::Fail("no".to_owned())).await;
    let up = Upstream::start(Act::say("instead")).await;
    let rig = Rig::new().agent("a", &agent.url(), Version::V1, true).openai("b", &up.openai_url());
    let seen = rig.see(&streamed("")).await;
    assert_eq!(sse::text(&seen.body), "instead");
    assert_eq!(seen.attempts.len(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_has_the_task_cancelled() {
    // In the middle of a stream, and while a whole answer is waited for.
    let slow = Deed::Work(vec!["one ".into(), "two ".into(), "three".into()], Duration::from_millis(200));
    let agent = Agent::start(slow).await;
    let rig = Rig::new().agent("a", &agent.url(), Version::V1, true);
    let log = AttemptLog::new();
    let committed = rig.ask(&streamed("")).drive(&log).await.unwrap();
    let CommittedBody::Stream(mut stream) = committed.body else { panic!("no stream") };
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert!(agent.called("CancelTask", 1).await);
    assert_eq!(agent.calls("CancelTask")[0].json()["params"]["id"], "task-1");

    let agent = Agent::start(Deed::Hang).await;
    let mut rig = Rig::new().agent("a", &agent.url(), Version::V1, true);
    rig.deadlines.idle = Duration::from_secs(60);
    let ask = rig.ask(&chat(""));
    let asking = tokio::time::timeout(Duration::from_millis(200), ask.drive(&log)).await;
    assert!(asking.is_err());
    drop(asking);
    assert!(agent.called("CancelTask", 1).await);
}

#[tokio::test]
async fn a_task_that_goes_on_is_looked_at_until_it_ends() {
    for old in [false, true] {
        let mut manner = Manner::from(Deed::Later(2)).whole();
        manner.old = old;
        let agent = Agent::start(manner).await;
        let version = if old { Version::V03 } else { Version::V1 };
        let mut rig = Rig::new().agent("a", &agent.url(), version, false);
        rig.deadlines.head = Duration::from_secs(5);
        let seen = rig.see(&chat("")).await;
        assert_eq!(content(&seen.body), "done at last", "{seen:?}");
        let looks = if old { "tasks/get" } else { "GetTask" };
        assert_eq!(agent.calls(looks).len(), 2);
        assert!(agent.calls("CancelTask").is_empty() && agent.calls("tasks/cancel").is_empty());
    }
    // One that does not end in time is cancelled.
    let agent = Agent::start(Manner::from(Deed::Later(1000)).whole()).await;
    let rig = Rig::new().retries(0).agent("a", &agent.url(), Version::V1, false);
    let seen = rig.see(&chat("")).await;
    assert_eq!(seen.failure.unwrap().error.kind, ErrorKind::Timeout);
    assert!(agent.called("CancelTask", 1).await);
}

fn send(method: &str, version: Version, more: Value) -> String {
    let text = json!({"text": "hi"});
    let mut message = match version {
        Version::V1 => json!({"messageId": "m", "role": "ROLE_USER", "parts": [text]}),
        Version::V03 => {
            json!({"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]})
        }
    };
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"jsonrpc": "2.0", "id": "client-7", "method": method, "params": {"message": message}}).to_string()
}

#[tokio::test]
async fn a2a_passes_in_whichever_version_each_side_speaks() {
    for (agent, rig) in each(Deed::work("sunny today")).await {
        for (method, version) in [("SendMessage", Version::V1), ("message/send", Version::V03)] {
            let seen = rig.ask(&send(method, version, json!({}))).a2a().of("t", "s").see().await;
            let answer: Value = serde_json::from_slice(&seen.body).unwrap_or_else(|_| panic!("{seen:?}"));
            assert_eq!(answer["id"], "client-7");
            let task = if version == Version::V1 { &answer["result"]["task"] } else { &answer["result"] };
            let part = &task["artifacts"][0]["parts"][0];
            assert_eq!(part["text"], "sunny today", "{answer}");
            assert_eq!(part["kind"] == "text", version == Version::V03);
        }
        let before = agent.calls("SendMessage").len() + agent.calls("message/send").len();
        assert_eq!(before, 2);
    }
}

#[tokio::test]
async fn a2a_streams_pass_with_their_events() {
    for (_agent, rig) in each(Deed::work("sunny today")).await {
        for (method, version) in [("SendStreamingMessage", Version::V1), ("message/stream", Version::V03)] {
            let seen = rig.ask(&send(method, version, json!({}))).a2a().see().await;
            if let Some(failure) = seen.failure {
                // The agents that do not stream are not asked to.
                assert_eq!(
                    failure.error.code.as_deref().or(failure.said.as_ref().and_then(|s| s.code.as_deref())),
                    Some("-32004")
                );
                continue;
            }
            let text = String::from_utf8(seen.body).unwrap();
            let events: Vec<Value> = text
                .split("\n\n")
                .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
                .collect();
            assert_eq!(events.len(), 4, "{text}");
            assert!(events.iter().all(|event| event["id"] == "client-7"));
            let last = &events[3]["result"];
            match version {
                Version::V1 => assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED"),
                Version::V03 => assert_eq!(
                    (&last["status"]["state"], &last["final"]),
                    (&json!("completed"), &json!(true))
                ),
            }
        }
    }
}

#[tokio::test]
async fn another_tenants_task_is_not_there() {
    let agent = Agent::start(Deed::Ask("which city?".to_owned())).await;
    let rig = Rig::new().agent("a", &agent.url(), Version::V1, true);
    rig.ask(&send("SendMessage", Version::V1, json!({}))).a2a().of("t", "s").see().await;
    let about = |method: &str| {
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"id": "task-1"}}).to_string()
    };
    for body in [
        about("GetTask"),
        about("tasks/cancel"),
        about("SubscribeToTask"),
        send("SendMessage", Version::V1, json!({"taskId": "task-1"})),
        send("SendMessage", Version::V1, json!({"contextId": "context-1"})),
    ] {
        let seen = rig.ask(&body).a2a().of("u", "s").see().await;
        let said = seen.failure.unwrap_or_else(|| panic!("{body} was answered")).said.unwrap();
        assert_eq!(said.code.as_deref(), Some("-32001"), "{body}");
    }
    let seen = rig.ask(&about("GetTask")).a2a().of("t", "s").see().await;
    let task: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(task["result"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let seen = rig.ask(&about("CancelTask")).a2a().of("t", "s").see().await;
    assert!(seen.failure.is_none(), "{seen:?}");
}

fn source(url: &str) -> CardSource {
    CardSource { name: "a".into(), url: url.to_owned(), key: None, headers: Vec::new(), trusted: false }
}

async fn refused(agent: &Agent, source: &CardSource) -> String {
    let _ = agent;
    fetch(&Pool::new(PoolConfig::default()).unwrap(), source).await.unwrap_err().to_string()
}

#[tokio::test]
async fn cards_are_found_at_both_places_and_by_their_own_address() {
    let pool = Pool::new(PoolConfig::default()).unwrap();
    for old in [false, true] {
        let mut manner = Manner::from(Deed::work("x"));
        manner.old = old;
        let agent = Agent::start(manner).await;
        let found = fetch(&pool, &source(&agent.url())).await.unwrap();
        assert_eq!(found.card.card().name, "Test agent");
        assert_eq!(found.reach, Reach::Anywhere);
        let place = if old { "agent" } else { "agent-card" };
        let whole = format!("{}/.well-known/{place}.json", agent.url());
        assert_eq!(fetch(&pool, &source(&whole)).await.unwrap().card, found.card);
    }
}

#[tokio::test]
async fn cards_that_are_none_or_lie_are_refused() {
    let agent = Agent::start(Deed::work("x")).await;
    let at = source(&agent.url());
    let cases = [
        (200, "[1, 2]".to_owned(), "none of A2A's"),
        (200, format!(r#"{{"name": "x", "junk": "{}"}}"#, "y".repeat(10 << 20)), "more than 1 MiB"),
        (200, "not json".to_owned(), "not valid JSON"),
        (302, String::new(), "redirect"),
        (500, String::new(), "status 500"),
        (404, String::new(), "status 404"),
        (200, r#"{"name": "x", "url": "ftp://h/"}"#.to_owned(), "no http or https address"),
        (200, r#"{"name": "x", "url": "http://u:p@127.0.0.1/"}"#.to_owned(), "no http or https address"),
    ];
    for (status, card, expected) in cases {
        agent.become_(Manner::from(Deed::work("x")).with_card(status, card));
        let said = refused(&agent, &at).await;
        assert!(said.contains(expected), "{said}");
    }
    // A key is not taken to another host.
    agent.become_(
        Manner::from(Deed::work("x")).with_card(200, r#"{"name": "x", "url": "http://localhost:1/"}"#),
    );
    let keyed = CardSource { key: Some(SecretString::from(KEY)), ..at.clone() };
    assert!(refused(&agent, &keyed).await.contains("another host"));
    let trusted = CardSource { trusted: true, ..keyed };
    assert!(fetch(&Pool::new(PoolConfig::default()).unwrap(), &trusted).await.is_ok());
}

#[tokio::test]
async fn a_pool_for_the_public_network_does_not_reach_this_machine() {
    let agent = Agent::start(Deed::work("x")).await;
    for reach in [Reach::Public, Reach::Private] {
        let rig = Rig::with_pool(PoolConfig { reach, ..PoolConfig::default() }).retries(0);
        let seen = rig.agent("a", &agent.url(), Version::V1, true).see(&chat("")).await;
        let failure = seen.failure.unwrap();
        assert_eq!(failure.error.kind, ErrorKind::Connect);
        assert!(failure.error.detail.contains("not given by the operator"), "{failure}");
    }
    assert!(agent.calls("SendStreamingMessage").is_empty());
}

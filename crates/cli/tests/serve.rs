//! The gateway as a process: its start, its keys, its death.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::{Gateway, err, out, pointsman, run};
use pointsman_kernel::Status;
use pointsman_store::{Query, SqliteStore, Store};
use pointsman_testkit::{Act, Upstream, get, post, request};
use serde_json::json;

fn ask(model: &str) -> Vec<u8> {
    json!({"model": model, "messages": [{"role": "user", "content": "how far is the moon"}]})
        .to_string()
        .into_bytes()
}

/// `serve` over an upstream, from the environment alone.
fn over(upstream: &Upstream, home: &std::path::Path) -> Gateway {
    let mut command = pointsman(home);
    command.env("OPENAI_BASE_URL", upstream.openai_url()).env("OPENAI_API_KEY", "sk-provider");
    Gateway::start(&mut command, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_the_first_request_to_auto_is_answered() {
    let upstream = Upstream::start(Act::say("about a light second")).await;
    let home = tempfile::tempdir().unwrap();
    let gateway = over(&upstream, home.path());
    let answer = post(&gateway.url("/v1/chat/completions"), ask("auto")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "about a light second");
    assert_eq!(get(&gateway.url("/healthz")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_the_door_and_a_revoked_one_does_not_within_a_second_or_so() {
    let upstream = Upstream::start(Act::say("yes")).await;
    let home = tempfile::tempdir().unwrap();
    let made = run(home.path(), &["keys", "create", "laptop", "--tenant", "lab", "--routes", "auto"]);
    assert!(made.status.success(), "{}", err(&made));
    let secret = out(&made).trim().to_owned();
    assert!(secret.starts_with("pm-") && !err(&made).contains(&secret));
    let listed = run(home.path(), &["keys", "list", "--json"]);
    let records: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&records[0]["name"], &records[0]["tenant"]), (&json!("laptop"), &json!("lab")));
    assert!(!out(&listed).contains(&secret));

    let gateway = over(&upstream, home.path());
    let url = gateway.url("/v1/chat/completions");
    let bearer = format!("Bearer {secret}");
    let keyed = || async { request("POST", &url, &[("authorization", &bearer)], &ask("auto")).await.status };
    assert_eq!(post(&url, ask("auto")).await.status, 401);
    assert_eq!(keyed().await, 200);
    assert!(
        upstream.received().iter().all(|call| call.headers.iter().all(|(_, value)| !value.contains(&secret)))
    );

    assert!(run(home.path(), &["keys", "revoke", "laptop"]).status.success());
    let revoked = Instant::now();
    while keyed().await != 401 {
        assert!(revoked.elapsed() < Duration::from_secs(3), "a revoked key still works");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let again = run(home.path(), &["keys", "revoke", "laptop"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("laptop"), "{}", err(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_at_a_kill_is_lost_at_the_next_start() {
    let upstream = Upstream::start(Act::hang()).await;
    let home = tempfile::tempdir().unwrap();
    let mut gateway = over(&upstream, home.path());
    let url = gateway.url("/v1/chat/completions");
    let pending = tokio::spawn(async move { post(&url, ask("model-a")).await });
    let asked = Instant::now();
    while upstream.calls() == 0 {
        assert!(asked.elapsed() < common::AT_MOST, "the upstream was never called");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Longer than a batch of the ledger.
    tokio::time::sleep(Duration::from_millis(200)).await;
    gateway.kill();
    pending.abort();
    drop(over(&upstream, home.path()));
    let store = SqliteStore::read_only(&home.path().join("ledger.db")).unwrap();
    let records = store.recent(&Query::default(), 10).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].status, Some(Status::Lost));
}

#[test]
fn a_port_in_use_is_said_plainly() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = pointsman(home.path());
    command.env("OPENAI_API_KEY", "sk-x").env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    let ended = command.args(["serve", "--listen", &address]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("in use") && err(&ended).contains("--listen"), "{}", err(&ended));
}

#[test]
fn beyond_loopback_it_does_not_start_without_a_key() {
    let home = tempfile::tempdir().unwrap();
    let mut command = pointsman(home.path());
    command.env("OPENAI_API_KEY", "sk-x").env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
    let ended = command.args(["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("pointsman keys create"), "{}", err(&ended));
}

#[test]
fn a_faulty_configuration_is_not_served() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("bad.yaml");
    std::fs::write(&path, "providers:\n  x: {kind: opnai}\n").unwrap();
    let ended = run(home.path(), &["serve", "--config", path.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("bad.yaml:2:") && err(&ended).contains("openai"), "{}", err(&ended));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_size_of_files_stops_the_ledger_and_not_the_gateway() {
    let upstream = Upstream::start(Act::say("yes")).await;
    let home = tempfile::tempdir().unwrap();
    drop(over(&upstream, home.path()));
    let known = pointsman(home.path());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -f 512 && exec \"$@\"", "sh"]).arg(known.get_program()).env_clear();
    command.envs(known.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("OPENAI_BASE_URL", upstream.openai_url()).env("OPENAI_API_KEY", "sk-provider");
    let mut gateway = Gateway::start(command.stdin(std::process::Stdio::null()), &[]);
    let asked = Instant::now();
    loop {
        for _ in 0..20 {
            assert_eq!(post(&gateway.url("/v1/chat/completions"), ask("auto")).await.status, 200);
        }
        assert_eq!(gateway.child.try_wait().unwrap(), None, "it died of the limit");
        let metrics = get(&gateway.url("/metrics")).await.text();
        let errors = metrics.lines().find_map(|line| line.strip_prefix("pointsman_ledger_write_errors "));
        if errors.is_some_and(|count| count != "0") {
            break;
        }
        assert!(asked.elapsed() < common::AT_MOST, "the limit was never met: {metrics}");
    }
    assert_eq!(get(&gateway.url("/readyz")).await.json()["ledger"], "failing");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_lets_a_running_stream_end() {
    let upstream = Upstream::start(Act::words(12).pace(Duration::from_millis(60))).await;
    let home = tempfile::tempdir().unwrap();
    let mut gateway = over(&upstream, home.path());
    let url = gateway.url("/v1/chat/completions");
    let body =
        json!({"model": "model-a", "stream": true, "messages": [{"role": "user", "content": "count"}]})
            .to_string();
    let stream = tokio::spawn(async move { post(&url, body).await });
    let asked = Instant::now();
    while upstream.calls() == 0 {
        assert!(asked.elapsed() < common::AT_MOST, "the upstream was never called");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let id = gateway.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let answer = stream.await.unwrap();
    assert!(answer.complete && answer.text().contains("[DONE]"), "{}", answer.text());
    let told = Instant::now();
    let code = loop {
        if let Some(status) = gateway.child.try_wait().unwrap() {
            break status.code();
        }
        assert!(told.elapsed() < common::AT_MOST, "it does not stop");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(code, Some(0));
}

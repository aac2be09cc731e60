//! Who may ask for what, and what is said to those who may not or who send nonsense.

use std::time::Duration;

use crate::common::{Gateway, ask, two_models};
use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::launch::{self, LaunchError, keys_path};
use pointsman_gateway::reload::Live;
use pointsman_kernel::Scope;
use pointsman_store::Keys;
use pointsman_testkit::{Act, Upstream};
use secrecy::ExposeSecret;

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_key_on_every_request_needs_one_and_it_stays_here() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    assert_eq!(gateway.chat(&ask("auto")).await.status, 200);
    let keys = Keys::open(&keys_path(&gateway.home)).unwrap();
    let scope = Scope { routes: Some(vec![]), targets: Some(vec!["small".into()]), ..Scope::default() };
    let (record, secret) = keys.create("app", None, scope).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(gateway.chat(&ask("auto")).await.status, 401);

    let bearer = format!("Bearer {}", secret.expose_secret());
    let with_key = [("authorization", bearer.as_str())];
    let send = |body: String| gateway.send("POST", "/v1/chat/completions", &with_key, body);
    let allowed = send(ask("small").to_string()).await;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    let sent = format!("{:?}", up.last().headers);
    assert!(sent.contains("sk-upstream-secret") && !sent.contains(secret.expose_secret()), "{sent}");
    assert_eq!(send(ask("large").to_string()).await.status, 403);
    assert_eq!(send(ask("auto").to_string()).await.status, 403);
    let list = gateway.send("GET", "/v1/models", &with_key, "").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let (_, other) = keys.create("other", None, Scope::default()).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let id = allowed.header("x-pointsman-decision").unwrap();
    let path = format!("/v1/decisions/{id}");
    assert_eq!(gateway.send("GET", &path, &with_key, "").await.status, 200);
    let foreign = format!("Bearer {}", other.expose_secret());
    assert_eq!(gateway.send("GET", &path, &[("authorization", &foreign)], "").await.status, 404);

    keys.revoke(&record.id).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(send(ask("small").to_string()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_it_does_not_start_without_a_key() {
    let config =
        Config::parse("t.yaml", &two_models("http://127.0.0.1:9/v1"), &Env::from([("UPSTREAM_KEY", "k")]))
            .unwrap();
    let live = Live::from_config(config).unwrap();
    let home = tempfile::tempdir().unwrap();
    let open = "0.0.0.0:0".parse().unwrap();
    let refused = launch::start(live.clone(), home.path(), open).await.err().unwrap();
    assert!(matches!(refused, LaunchError::Open(_)));
    assert!(refused.to_string().contains("pointsman keys create"));
    Keys::open(&keys_path(home.path())).unwrap().create("a", None, Scope::default()).unwrap();
    assert!(launch::start(live, home.path(), open).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_routes_names_only_what_they_choose_among_unless_its_targets_say_more() {
    let up = Upstream::start(Act::say("ok")).await;
    let yaml = two_models(&up.openai_url()) + "  fancy: {targets: [large]}\n";
    let gateway = Gateway::start(&yaml).await;
    let keys = Keys::open(&keys_path(&gateway.home)).unwrap();
    let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let bearer = |name: &str, routes, targets| {
        let (_, secret) = keys.create(name, None, Scope { routes, targets, ..Scope::default() }).unwrap();
        format!("Bearer {}", secret.expose_secret())
    };
    let routes = bearer("routes", some(&["fancy"]), None);
    let both = bearer("both", some(&["fancy"]), some(&["small", "large"]));
    let none = bearer("none", some(&[]), None);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let ask_with = async |key: &str, model: &str| {
        gateway.send("POST", "/v1/chat/completions", &[("authorization", key)], ask(model).to_string()).await
    };
    for (key, model, status) in [
        (&routes, "fancy", 200),
        (&routes, "large", 200),
        (&routes, "up/large", 200),
        (&routes, "small", 403),
        (&routes, "auto", 403),
        (&both, "small", 200),
        (&both, "auto", 403),
        (&none, "small", 403),
        (&none, "large", 403),
    ] {
        let answer = ask_with(key, model).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
    let refused = ask_with(&routes, "small").await;
    assert_eq!(refused.json()["error"]["code"], "model_not_allowed");
    assert!(refused.text().contains("fancy") && refused.text().contains("--targets"), "{}", refused.text());
    let embed = serde_json::json!({"model": "small", "input": "a"}).to_string();
    let answer = gateway.send("POST", "/v1/embeddings", &[("authorization", &routes)], embed).await;
    assert_eq!(answer.status, 403);
    let list = gateway.send("GET", "/v1/models", &[("authorization", &routes)], "").await.json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(ids, ["fancy", "large"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_made_necessary_while_it_runs_are_asked_for_at_once() {
    let up = Upstream::start(Act::say("ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pointsman.yaml");
    let open = two_models(&up.openai_url());
    std::fs::write(&file, &open).unwrap();
    let live = Live::from_file(&file, Env::from([("UPSTREAM_KEY", "k")])).unwrap();
    let running = launch::start(live.clone(), folder.path(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let base = format!("http://{}", running.address);
    tokio::spawn(running.until(std::future::pending(), Duration::ZERO));
    let chat = format!("{base}/v1/chat/completions");
    let ask = || pointsman_testkit::post(&chat, ask("small").to_string());
    assert_eq!(ask().await.status, 200);

    std::fs::write(&file, format!("{open}keys: {{required: always}}\n")).unwrap();
    live.reload().unwrap();
    let refused = ask().await;
    assert_eq!((refused.status, up.calls()), (401, 1), "{}", refused.text());
    assert!(refused.text().contains("pointsman keys create"), "{}", refused.text());
    assert_eq!(pointsman_testkit::get(&format!("{base}/v1/models")).await.status, 401);
    for open in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(pointsman_testkit::get(&format!("{base}{open}")).await.status, 200, "{open}");
    }

    std::fs::write(&file, &open).unwrap();
    live.reload().unwrap();
    assert_eq!(ask().await.status, 200, "no key was ever made, and none is asked for any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_with_its_place_and_the_process_lives() {
    let up = Upstream::start(Act::say("ok")).await;
    let yaml = two_models(&up.openai_url()) + "limits: {body: 64KiB}\n";
    let gateway = Gateway::start(&yaml).await;
    let deep = format!("{{\"model\":\"auto\",\"messages\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"model\":\"auto\",\"messages\":[\"{}\"]}}", "x".repeat(70_000));
    let cases: [(&str, u16, &str, &str); 8] = [
        ("{\"model\":\"auto\",\n\"messages\":[}", 400, "invalid_body", "line 2"),
        (deep.as_str(), 400, "invalid_body", "deep"),
        (large.as_str(), 413, "body_too_large", "limits.body"),
        ("", 400, "invalid_body", "empty"),
        ("[]", 400, "invalid_body", "object"),
        ("{\"messages\":[]}", 400, "missing_model", "model"),
        ("{\"model\":\"nope\",\"messages\":[]}", 404, "model_not_found", "nope"),
        ("{\"model\":\"auto\",\"pointsman\":{\"prefer\":9},\"messages\":[]}", 400, "invalid_pointsman", "9"),
    ];
    for (body, status, code, word) in cases {
        let answer = gateway.send("POST", "/v1/chat/completions", &[], body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{}", answer.text());
        assert!(error["message"].as_str().unwrap().contains(word), "{}", answer.text());
        assert!(error["type"].is_string());
    }
    let header = [("x-pointsman-prefer", "best")];
    let answer = gateway.send("POST", "/v1/chat/completions", &header, ask("auto").to_string()).await;
    assert_eq!(answer.json()["error"]["code"], "invalid_preference");
    assert_eq!(gateway.send("GET", "/v1/nothing", &[], "").await.json()["error"]["code"], "not_found");
    assert_eq!(gateway.send("GET", "/v1/chat/completions", &[], "").await.status, 405);
    assert_eq!(gateway.send("GET", "/v1/decisions/dec_none", &[], "").await.status, 404);
    assert_eq!(gateway.chat(&ask("auto")).await.status, 200);
    assert_eq!((up.calls(), gateway.requests()), (1, 1));
    let metrics = gateway.send("GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("pointsman_refused_total{code=\"invalid_body\"} 4"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_without_messages_is_refused_and_nobody_is_asked() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    for model in ["auto", "small"] {
        for messages in ["", ",\"messages\":[]", ",\"messages\": [ ]"] {
            let body = format!("{{\"model\":\"{model}\"{messages}}}");
            for path in ["/v1/chat/completions", "/v1/route"] {
                let answer = gateway.send("POST", path, &[], body.as_str()).await;
                let error = &answer.json()["error"];
                assert_eq!(
                    (answer.status, error["param"].as_str()),
                    (400, Some("messages")),
                    "{path} {body}"
                );
                assert_eq!(error["code"], "missing_messages");
            }
        }
    }
    assert_eq!((up.calls(), gateway.requests()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_when_breakers_open_and_keeps_a_bad_file_out() {
    let up = Upstream::start(Act::status(500)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pointsman.yaml");
    let patient = two_models(&up.openai_url()) + "breaker: {failures: 1000}\n";
    std::fs::write(&file, &patient).unwrap();
    let live = Live::from_file(&file, Env::from([("UPSTREAM_KEY", "k")])).unwrap();
    let running = launch::start(live.clone(), folder.path(), "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (url, app) = (format!("http://{}", running.address), running.app.clone());
    tokio::spawn(running.until(std::future::pending(), Duration::ZERO));
    let url = format!("{url}/v1/chat/completions");
    let fail = || pointsman_testkit::post(&url, ask("small").to_string());
    fail().await;
    assert!(app.health.states(app.clock.now()).is_empty());

    std::fs::write(&file, patient.replace("failures: 1000", "failures: one")).unwrap();
    assert!(live.reload().unwrap_err().to_string().contains("pointsman.yaml:"));
    fail().await;
    assert!(app.health.states(app.clock.now()).is_empty(), "the last good file is in force");

    std::fs::write(&file, patient.replace("failures: 1000", "failures: 1")).unwrap();
    live.reload().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    fail().await;
    assert_eq!(app.health.states(app.clock.now()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_tell_the_truth() {
    let up = Upstream::start(Act::say("ok")).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    assert_eq!(gateway.send("GET", "/healthz", &[], "").await.status, 200);
    let ready = gateway.send("GET", "/readyz", &[], "").await;
    assert_eq!((ready.status, ready.json()["targets"].as_u64()), (200, Some(2)));
    assert_eq!(ready.json()["ledger"], gateway.app.ledger.health().state.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_lets_a_running_stream_end() {
    let up = Upstream::start(Act::words(20).pace(Duration::from_millis(20))).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let url = format!("{}/v1/chat/completions", gateway.url);
    let running = tokio::spawn(async move {
        pointsman_testkit::post(&url, crate::common::stream("auto").to_string()).await
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(gateway.stop().await);
    let answer = running.await.unwrap();
    assert!(answer.complete && pointsman_testkit::sse::is_done(&answer.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_streams_at_once_all_end_well() {
    let up = Upstream::start(Act::words(10).pace(Duration::from_millis(30))).await;
    let gateway = Gateway::over(&up.openai_url()).await;
    let url = format!("{}/v1/chat/completions", gateway.url);
    let streams: Vec<_> = (0..300)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                pointsman_testkit::post(&url, crate::common::stream("small").to_string()).await
            })
        })
        .collect();
    for stream in streams {
        let answer = stream.await.unwrap();
        assert!(answer.complete && pointsman_testkit::sse::is_done(&answer.body), "{}", answer.text());
    }
    assert_eq!(gateway.requests(), 300);
}

use std::time::Instant as Clock;

use pointsman_testkit::{Script, Upstream, refused_url};

use super::*;
use crate::config::Env;

fn config(text: &str) -> Config {
    Config::parse("test.yaml", text, &Env::from([("KEY", "sk-x")]))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

fn of(urls: &[(&str, String)]) -> Config {
    let providers: Vec<String> =
        urls.iter().map(|(name, url)| format!("  {name}: {{base_url: '{url}'}}\n")).collect();
    config(&format!("providers:\n{}", providers.concat()))
}

/// Waits for a snapshot that `fits`.
async fn until(live: &Arc<Live>, fits: impl Fn(&crate::snapshot::Snapshot) -> bool) {
    let wait = async {
        let mut changed = live.subscribe();
        while !fits(&live.snapshot()) {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("a snapshot in time");
}

fn ids(live: &Live) -> Vec<String> {
    live.snapshot().order.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn models_are_there_as_soon_as_each_provider_lists_them_and_none_holds_up_another() {
    let quick = Upstream::start(Script::new([]).models(&["gpt-4o-mini", "house-8b"])).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/v1", silent.local_addr().unwrap());
    let begun = Clock::now();
    let live = Live::from_config(of(&[("silent", silent_url), ("quick", quick.openai_url())])).unwrap();
    let asking = spawn(&live, None);
    assert!(live.snapshot().discovering && live.snapshot().order.is_empty());
    assert!(begun.elapsed() < Duration::from_millis(200), "the start waited for a provider");
    until(&live, |snapshot| snapshot.route("auto").is_some()).await;
    assert_eq!(ids(&live), ["gpt-4o-mini", "house-8b"]);
    assert!(live.snapshot().discovering, "the silent one has not answered");
    assert_eq!(quick.received().len(), 1);
    asking.abort();
}

#[tokio::test]
async fn a_failure_is_shown_and_takes_nothing_away() {
    let upstream = Upstream::start(Script::new([]).models(&["a"])).await;
    let live = Live::from_config(of(&[("box", upstream.openai_url()), ("gone", refused_url())])).unwrap();
    let asking = spawn(&live, None);
    until(&live, |snapshot| !snapshot.discovering && !snapshot.order.is_empty()).await;
    asking.abort();
    let snapshot = live.snapshot();
    let errors: Vec<bool> = snapshot.providers.iter().map(|provider| provider.error.is_some()).collect();
    assert_eq!((ids(&live), errors), (vec!["a".to_owned()], vec![false, true]));
    let config = live.config();
    let provider = config.provider("box").unwrap();
    live.found(&provider.name, &Identity::of(provider), Err("no more".into()));
    assert_eq!(ids(&live), ["a"]);
    assert_eq!(live.snapshot().providers[0].error.as_deref(), Some("no more"));
    // A list that changed is taken over, and the same one again makes no new snapshot.
    let listed = vec![Listed { id: "b".to_owned(), context: Some(1_000), chat: None }];
    live.found(&provider.name, &Identity::of(provider), Ok(listed.clone()));
    let generation = live.status().generation;
    live.found(&provider.name, &Identity::of(provider), Ok(listed));
    assert_eq!((ids(&live), live.status().generation), (vec!["b".to_owned()], generation));
    assert_eq!(live.snapshot().target("b").unwrap().target.limits.context_tokens, Some(1_000));
}

#[test]
fn failures_are_followed_sooner_and_then_less_often_but_never_far_apart_while_nothing_is_known() {
    let waits = |known| -> Vec<u64> {
        (0..10).map(|failures| wait_after(false, false, known, failures).as_secs()).collect()
    };
    assert_eq!(waits(false), [2, 4, 8, 10, 10, 10, 10, 10, 10, 10]);
    assert_eq!(waits(true), [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(wait_after(true, false, false, 9), Duration::from_secs(600));
    assert_eq!(wait_after(false, true, false, 50), Duration::from_secs(30));
}

/// Answers every request with `body`, in JSON.
async fn answer_all(listener: tokio::net::TcpListener, status: &'static str, body: &'static str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    while let Ok((mut socket, _)) = listener.accept().await {
        let _ = socket.read(&mut [0; 4096]).await;
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

#[tokio::test]
async fn a_provider_that_comes_up_later_is_found() {
    let url = refused_url();
    let live = Live::from_config(of(&[("late", url.clone())])).unwrap();
    let asking = spawn(&live, None);
    until(&live, |snapshot| !snapshot.discovering).await;
    assert!(live.snapshot().providers[0].error.is_some());
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(answer_all(listener, "200 OK", r#"{"object":"list","data":[{"id":"m"}]}"#));
    until(&live, |snapshot| !snapshot.order.is_empty()).await;
    asking.abort();
    assert_eq!((ids(&live), live.snapshot().providers[0].error.is_none()), (vec!["m".to_owned()], true));
}

#[tokio::test]
async fn a_new_provider_in_the_file_is_asked_at_once() {
    let upstream = Upstream::start(Script::new([]).models(&["m"])).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    std::fs::write(&file, "providers: {local: {kind: scripted}}\n").unwrap();
    let live = Live::from_file(&file, Env::default()).unwrap();
    let asking = spawn(&live, None);
    tokio::task::yield_now().await;
    std::fs::write(&file, format!("providers: {{box: {{base_url: '{}'}}}}\n", upstream.openai_url()))
        .unwrap();
    live.reload().unwrap();
    until(&live, |snapshot| !snapshot.order.is_empty()).await;
    asking.abort();
    assert_eq!(ids(&live), ["m"]);
}

#[tokio::test]
async fn the_gateways_own_address_is_not_asked() {
    let own = Upstream::start(Script::new([]).models(&["auto"])).await;
    let address: SocketAddr = own.url().trim_start_matches("http://").parse().unwrap();
    let url = format!("http://localhost:{}/v1", address.port());
    let live = Live::from_config(of(&[("self", url)])).unwrap();
    let asking = spawn(&live, Some(address));
    until(&live, |snapshot| !snapshot.discovering).await;
    asking.abort();
    assert_eq!(own.calls(), 0);
    assert!(own.received().is_empty());
    assert!(live.snapshot().providers[0].error.as_deref().is_some_and(|error| error.contains("own address")));
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_no_error_and_one_that_is_is_free() {
    let engine = Upstream::start(Script::new([]).models(&["llama3:8b"])).await;
    let mut config = of(&[("ollama", engine.openai_url()), ("vllm", refused_url())]);
    for provider in &mut config.providers {
        provider.sought = true;
    }
    let answering = answering(&config, None).await;
    assert_eq!(answering, BTreeSet::from(["ollama".to_owned()]));
    let live = Live::from_config(config).unwrap();
    let asking = spawn(&live, None);
    until(&live, |snapshot| !snapshot.discovering).await;
    asking.abort();
    let snapshot = live.snapshot();
    assert!(snapshot.providers.iter().all(|provider| provider.error.is_none()), "{:?}", snapshot.providers);
    assert_eq!(snapshot.target("llama3:8b").unwrap().target.price, Some(pointsman_kernel::Price::default()));
}

#[tokio::test]
async fn a_refusal_names_its_reason_and_not_the_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(answer_all(listener, "401 No", r#"{"error":{"message":"no such key sk-x"}}"#));
    let live =
        Live::from_config(config(&format!("providers: {{box: {{base_url: '{url}', api_key: 'env:KEY'}}}}")))
            .unwrap();
    let asking = spawn(&live, None);
    until(&live, |snapshot| !snapshot.discovering).await;
    asking.abort();
    let snapshot = live.snapshot();
    let status = &snapshot.providers[0];
    let error = status.error.as_deref().unwrap_or_default();
    assert!(status.targets == 0 && !error.is_empty() && !error.contains("sk-x"), "{status:?}");
}

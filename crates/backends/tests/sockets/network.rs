//! Connections: reuse, staleness, proxies, certificates, keys on the way.

use std::sync::Arc;
use std::time::Duration;

use pointsman_backends::{Endpoint, Pool, PoolConfig, Proxies, list_models};
use pointsman_kernel::{ErrorKind, Phase};
use pointsman_testkit::{Act, Authority, Proxy, Script, Upstream, sse};

use crate::rig::{KEY, Rig, SHORT, chat, streamed};

#[tokio::test]
async fn one_connection_serves_one_call_after_the_other() {
    let up = Upstream::start(Act::words(20)).await;
    let rig = Rig::new().openai("a", &up.openai_url());
    for index in 0..20 {
        let seen = rig.see(&if index % 2 == 0 { chat("") } else { streamed("") }).await;
        assert!(seen.failure.is_none(), "{seen:?}");
    }
    assert_eq!((up.calls(), up.accepted()), (20, 1));
}

#[tokio::test]
async fn an_error_status_leaves_the_connection_usable() {
    let up = Upstream::start(Act::status(400)).await;
    let rig = Rig::new().openai("a", &up.openai_url());
    for _ in 0..5 {
        rig.see(&chat("")).await;
    }
    assert_eq!((up.calls(), up.accepted()), (5, 1));
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_while_it_rested_costs_no_attempt() {
    let up = Upstream::start(Act::say("x").then_close()).await;
    let rig = Rig::new().retries(0).openai("t", &up.openai_url());
    for _ in 0..3 {
        let seen = rig.see(&chat("")).await;
        assert!(seen.failure.is_none(), "{seen:?}");
        assert_eq!(seen.attempts.len(), 1);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!((up.calls(), up.accepted()), (3, 3));
}

#[tokio::test]
async fn a_rested_connection_that_closes_as_the_request_goes_out_is_worth_another_try_there() {
    let up = Upstream::start(Script::new([Act::say("a"), Act::close(), Act::say("b")])).await;
    let rig = Rig::new().openai("t", &up.openai_url());
    rig.see(&chat("")).await;
    let seen = rig.see(&chat("")).await;
    assert!(seen.failure.is_none(), "{seen:?}");
    assert_eq!((up.calls(), seen.attempts.len()), (3, 2));
    assert_eq!(seen.attempts[0].error.as_ref().unwrap().kind, ErrorKind::Cut);
}

#[tokio::test]
async fn rested_connections_are_closed_in_time() {
    let up = Upstream::start(Act::say("x")).await;
    let config = PoolConfig { idle_for: Duration::from_millis(100), ..PoolConfig::default() };
    let rig = Rig::with_pool(config).openai("t", &up.openai_url());
    rig.see(&chat("")).await;
    assert_eq!(up.open(), 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(up.open(), 0);
    assert!(rig.see(&chat("")).await.failure.is_none());
    assert_eq!(up.accepted(), 2);
}

#[tokio::test]
async fn https_goes_through_the_proxys_tunnel_and_http_names_the_whole_url() {
    let authority = Authority::new();
    let secure = Upstream::start_tls(Act::say("secure answer"), &authority).await;
    let plain = Upstream::start(Act::say("plain answer")).await;
    let proxy = Proxy::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let config = PoolConfig {
        ca_file: Some(file.path().to_owned()),
        proxies: Proxies::all(&proxy.url(), ""),
        ..PoolConfig::default()
    };
    let rig = Rig::with_pool(config).openai("s", &secure.openai_url());
    let seen = rig.see(&streamed("")).await;
    assert_eq!(sse::text(&seen.body), "secure answer");
    let rig = rig_with(&proxy, "").openai("p", &plain.openai_url());
    assert!(rig.see(&chat("")).await.failure.is_none());

    let asked = proxy.asked();
    let port = secure.url().rsplit(':').next().unwrap().to_owned();
    assert_eq!(asked[0].0, format!("CONNECT localhost:{port}"));
    assert_eq!(asked[1].0, format!("POST {}/chat/completions", plain.openai_url()));
    assert!(asked.iter().all(|(_, auth)| auth.as_deref() == Some("Basic dXNlcjpzZWNyZXQ=")), "{asked:?}");
    assert_eq!(secure.last().header("proxy-authorization"), None);
}

#[tokio::test]
async fn what_is_excepted_from_the_proxy_is_reached_directly() {
    let up = Upstream::start(Act::say("x")).await;
    let proxy = Proxy::start().await;
    let rig = rig_with(&proxy, "127.0.0.1").openai("t", &up.openai_url());
    assert!(rig.see(&chat("")).await.failure.is_none());
    assert!(proxy.asked().is_empty());
}

fn rig_with(proxy: &Proxy, except: &str) -> Rig {
    Rig::with_pool(PoolConfig { proxies: Proxies::all(&proxy.url(), except), ..PoolConfig::default() })
}

#[tokio::test]
async fn a_proxy_of_another_kind_is_refused_at_the_start() {
    let config = PoolConfig { proxies: Proxies::all("socks5://127.0.0.1:1", ""), ..PoolConfig::default() };
    let pool = Pool::new(config).unwrap();
    let error = Endpoint::open_ai(&pool, "t", "http://h/v1", None).unwrap_err().to_string();
    assert!(error.contains("socks5") && error.contains("HTTPS_PROXY"), "{error}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_an_own_one_is_trusted_when_named() {
    let authority = Authority::new();
    let up = Upstream::start_tls(Act::say("x"), &authority).await;
    let seen = Rig::new().retries(0).openai("t", &up.openai_url()).see(&chat("")).await;
    let error = seen.failure.unwrap().error;
    assert_eq!((error.kind, error.phase), (ErrorKind::Connect, Phase::BeforeSend));
    assert!(error.detail.contains("TLS") && error.detail.contains("certificate"), "{}", error.detail);
    assert_eq!(up.calls(), 0);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    let config = PoolConfig { ca_file: Some(file.path().to_owned()), ..PoolConfig::default() };
    let rig = Rig::with_pool(config).openai("t", &up.openai_url());
    for _ in 0..3 {
        assert!(rig.see(&streamed("")).await.failure.is_none());
    }
    assert_eq!(up.accepted(), 2, "one was refused, one is used again");
}

#[test]
fn a_file_without_certificates_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config =
        |path: &std::path::Path| PoolConfig { ca_file: Some(path.to_owned()), ..PoolConfig::default() };
    let error = Pool::new(config(file.path())).unwrap_err().to_string();
    assert!(error.contains("no certificate"), "{error}");
    let missing = Pool::new(config(std::path::Path::new("/no/such.pem"))).unwrap_err().to_string();
    assert!(missing.contains("/no/such.pem"), "{missing}");
}

#[tokio::test]
async fn models_are_listed_over_all_pages() {
    let up = Upstream::start(Script::new([Act::status(500)]).models(&["a", "b", "c", "d", "e"])).await;
    let pool = Pool::new(PoolConfig::default()).unwrap();
    let ids = |models: Vec<pointsman_wire::openai::models::ModelEntry>| -> Vec<String> {
        models.into_iter().map(|model| model.id).collect()
    };
    let openai = Arc::new(Endpoint::open_ai(&pool, "o", &up.openai_url(), Some(KEY.into())).unwrap());
    assert_eq!(ids(list_models(&openai, SHORT).await.unwrap()), ["a", "b", "c", "d", "e"]);
    assert_eq!(up.last().path, "/v1/models");
    let anthropic = Arc::new(Endpoint::anthropic(&pool, "a", &up.url(), Some(KEY.into())).unwrap());
    assert_eq!(ids(list_models(&anthropic, SHORT).await.unwrap()), ["a", "b", "c", "d", "e"]);
    assert_eq!(up.last().header("x-api-key"), Some(KEY));
    assert_eq!(up.received().len(), 4);
}

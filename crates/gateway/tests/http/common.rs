//! A gateway on loopback over a configuration, for tests that speak HTTP to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::launch::{self, Running};
use pointsman_gateway::reload::Live;
use pointsman_testkit::{Answer, request};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running gateway; it is told to stop when dropped.
pub(crate) struct Gateway {
    pub(crate) url: String,
    pub(crate) app: Arc<pointsman_gateway::app::App>,
    pub(crate) home: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<bool>,
    _folder: Option<tempfile::TempDir>,
}

impl Gateway {
    /// Over this configuration, with its state in a new folder.
    pub(crate) async fn start(yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        Self::start_in(yaml, home, Some(folder)).await
    }

    /// The same in a folder that stays.
    pub(crate) async fn start_in(yaml: &str, home: PathBuf, folder: Option<tempfile::TempDir>) -> Self {
        let env = Env::from([("UPSTREAM_KEY", "sk-upstream-secret")]);
        let config = Config::parse("test.yaml", yaml, &env).unwrap_or_else(|faults| panic!("{faults}"));
        let live = Live::from_config(config).unwrap_or_else(|faults| panic!("{faults}"));
        let running: Running = launch::start(live, &home, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let url = format!("http://{}", running.address);
        let app = Arc::clone(&running.app);
        let shutdown = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(running.until(shutdown, Duration::from_secs(5)));
        Self { url, app, home, stop: Some(stop), served, _folder: folder }
    }

    /// One upstream with two models, `small` and `large`, both priced.
    pub(crate) async fn over(base_url: &str) -> Self {
        Self::start(&two_models(base_url)).await
    }

    pub(crate) async fn chat(&self, body: &Value) -> Answer {
        self.send("POST", "/v1/chat/completions", &[], body.to_string()).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        request(method, &format!("{}{path}", self.url), headers, &body.into()).await
    }

    /// The record of an answer's decision, once its outcome is there.
    pub(crate) async fn record(&self, answer: &Answer) -> Value {
        let id = answer.header("x-pointsman-decision").expect("a decision id").to_owned();
        self.record_of(&id).await
    }

    pub(crate) async fn record_of(&self, id: &str) -> Value {
        let began = Instant::now();
        loop {
            let record = self.send("GET", &format!("/v1/decisions/{id}"), &[], "").await.json();
            if record["outcome"].is_object() || began.elapsed() > Duration::from_secs(5) {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The newest record, once it has its outcome: for requests whose answer's head never came.
    pub(crate) async fn last_record(&self) -> Value {
        let began = Instant::now();
        loop {
            let ledger = self.app.ledger.clone();
            assert!(ledger.flush(Duration::from_secs(2)));
            let newest = ledger.recent(&pointsman_store::Query::default(), 1).unwrap().pop();
            if let Some(row) = newest.filter(|row| row.status.is_some()) {
                return self.record_of(row.id.as_str()).await;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "no record with an outcome");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Requests in the ledger.
    pub(crate) fn requests(&self) -> u64 {
        assert!(self.app.ledger.flush(Duration::from_secs(2)));
        self.app.ledger.totals(&pointsman_store::Query::default()).unwrap().all().requests
    }

    /// Stops and says whether all requests came to their end.
    pub(crate) async fn stop(mut self) -> bool {
        drop(self.stop.take());
        self.served.await.unwrap()
    }
}

pub(crate) fn two_models(base_url: &str) -> String {
    format!(
        "providers:
  up: {{kind: openai, base_url: '{base_url}', api_key: 'env:UPSTREAM_KEY'}}
targets:
  - {{id: small, provider: up, price: {{input: 0.1, output: 0.4}}}}
  - {{id: large, provider: up, price: {{input: 2.5, output: 10}}}}
timeouts: {{connect: 1s, head: 1s, idle: 1s}}
routes:
  auto: {{explore: 0, patience: {{targets: 2, retries: 1, wait: 2s}}}}
"
    )
}

pub(crate) fn ask(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "What is the capital of France?"}]})
}

pub(crate) fn stream(model: &str) -> Value {
    let mut body = ask(model);
    body["stream"] = json!(true);
    body
}

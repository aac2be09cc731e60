//! Plans over upstreams, in a few lines.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use pointsman_backends::a2a::{Agent, Terms};
use pointsman_backends::{
    Anthropic, AttemptLog, Backend, Call, Clock, Committed, CommittedBody, Conversation, Deadlines, Endpoint,
    Failure, Forwarded, HealthBoard, OpenAi, Pool, PoolConfig, Reply, SystemClock, Tally, Targets, Task,
    drive,
};
use pointsman_kernel::plan::{Call as PlannedCall, Plan};
use pointsman_kernel::{Attempt, Price, TargetId};
use pointsman_testkit::Upstream;
use pointsman_wire::RequestHead;
use pointsman_wire::a2a::Version;
use secrecy::SecretString;

pub(crate) const KEY: &str = "sk-gateway-secret-0123456789";

/// Deadlines short enough for a test.
pub(crate) const SHORT: Deadlines = Deadlines {
    connect: Duration::from_millis(500),
    head: Duration::from_millis(300),
    idle: Duration::from_millis(300),
    total: None,
};

pub(crate) struct Rig {
    pub(crate) pool: Pool,
    pub(crate) health: Arc<HealthBoard>,
    pub(crate) deadlines: Deadlines,
    targets: HashMap<TargetId, Arc<dyn Backend>>,
    order: Vec<TargetId>,
    retries: u8,
}

/// One request's view of a rig.
pub(crate) struct Ask<'a> {
    rig: &'a Rig,
    call: Call,
}

/// What a client would have seen, and the books.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) body: Vec<u8>,
    pub(crate) pieces: usize,
    pub(crate) failure: Option<Failure>,
    pub(crate) target: Option<TargetId>,
    pub(crate) tally: Option<Tally>,
    pub(crate) lossy: Vec<String>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with_pool(PoolConfig::default())
    }

    pub(crate) fn with_pool(config: PoolConfig) -> Self {
        Self {
            pool: Pool::new(config).unwrap(),
            health: HealthBoard::new(pointsman_kernel::health::BreakerPolicy::default()),
            deadlines: SHORT,
            targets: HashMap::new(),
            order: Vec::new(),
            retries: 1,
        }
    }

    pub(crate) fn retries(mut self, retries: u8) -> Self {
        self.retries = retries;
        self
    }

    /// Adds an OpenAI-like target; the upstream knows it as `up-<id>`.
    pub(crate) fn openai(self, id: &str, base_url: &str) -> Self {
        self.openai_with(id, base_url, |target| target)
    }

    pub(crate) fn openai_with(self, id: &str, base_url: &str, set: impl FnOnce(OpenAi) -> OpenAi) -> Self {
        let key = Some(SecretString::from(KEY));
        let endpoint = Arc::new(Endpoint::open_ai(&self.pool, id, base_url, key).unwrap());
        let target = OpenAi::new(endpoint, id.into(), &format!("up-{id}")).unwrap();
        self.target(id, Arc::new(set(target)))
    }

    pub(crate) fn anthropic(self, id: &str, upstream: &Upstream) -> Self {
        let key = Some(SecretString::from(KEY));
        let endpoint = Arc::new(Endpoint::anthropic(&self.pool, id, &upstream.url(), key).unwrap());
        let target = Anthropic::new(endpoint, id.into(), &format!("up-{id}")).unwrap();
        self.target(id, Arc::new(target))
    }

    /// Adds an agent by its address, on the terms its card would give.
    pub(crate) fn agent(self, id: &str, url: &str, version: Version, streams: bool) -> Self {
        let key = Some(SecretString::from(KEY));
        let endpoint = Endpoint::agent(&self.pool, id, &format!("{url}/rpc"), key).unwrap();
        let terms = Terms { version, streams, tenant: None, transcript: false };
        let agent = Agent::new(endpoint, id.into(), terms, Arc::default()).unwrap();
        self.target(id, Arc::new(agent))
    }

    pub(crate) fn target(mut self, id: &str, backend: Arc<dyn Backend>) -> Self {
        self.targets.insert(id.into(), backend);
        self.order.push(id.into());
        self
    }

    pub(crate) fn ask(&self, body: &str) -> Ask<'_> {
        let head = RequestHead::parse(body.as_bytes()).unwrap();
        let call = Call {
            task: if head.input.is_some() { Task::Embeddings } else { Task::Chat },
            head: Arc::new(head),
            body: body.to_owned().into(),
            input_tokens: Some(5),
            strict: false,
            deadlines: self.deadlines,
            headers: Forwarded::default(),
            conversation: None,
        };
        Ask { rig: self, call }
    }

    /// Asks the targets in order and reads all there is.
    pub(crate) async fn see(&self, body: &str) -> Seen {
        self.ask(body).see().await
    }
}

impl Ask<'_> {
    pub(crate) fn strict(mut self) -> Self {
        self.call.strict = true;
        self
    }

    /// As a turn of a tenant's conversation.
    pub(crate) fn of(mut self, tenant: &str, session: &str) -> Self {
        self.call.conversation =
            Some(Conversation { tenant: tenant.into(), session: session.into(), keyed: tenant != "local" });
        self
    }

    /// As a request of A2A.
    pub(crate) fn a2a(mut self) -> Self {
        self.call.task = Task::Agent;
        self
    }

    pub(crate) fn headers(mut self, headers: Forwarded) -> Self {
        self.call.headers = headers;
        self
    }

    pub(crate) async fn drive(&self, log: &AttemptLog) -> Result<Committed, Failure> {
        let calls = self.rig.order.iter().map(|target| PlannedCall {
            target: target.clone(),
            retries: self.rig.retries,
            wait_at_most_ms: 2_000,
        });
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        drive(&Plan::Fallback(calls.collect()), self, &self.rig.health, &clock, log).await
    }

    pub(crate) async fn see(self) -> Seen {
        let log = AttemptLog::new();
        let all = async {
            let mut seen = Seen {
                body: Vec::new(),
                pieces: 0,
                failure: None,
                target: None,
                tally: None,
                lossy: Vec::new(),
                attempts: Vec::new(),
            };
            match self.drive(&log).await {
                Err(failure) => seen.failure = Some(failure),
                Ok(committed) => {
                    seen.target = Some(committed.target);
                    seen.lossy = committed.lossy;
                    match committed.body {
                        CommittedBody::Full(body, tally) => {
                            seen.body = body.to_vec();
                            seen.tally = Some(tally);
                        }
                        CommittedBody::Stream(mut stream) => {
                            while let Some(piece) = stream.next().await {
                                match piece {
                                    Ok(piece) => seen.body.extend_from_slice(&piece),
                                    Err(failure) => seen.failure = Some(failure),
                                }
                                seen.pieces += 1;
                            }
                            seen.tally = Some(stream.tally());
                        }
                    }
                }
            }
            seen
        };
        let mut seen = tokio::time::timeout(Duration::from_secs(20), all).await.expect("a bounded time");
        seen.attempts = log.take();
        seen
    }
}

impl Targets for Ask<'_> {
    fn start<'a>(&'a self, target: &TargetId) -> Option<BoxFuture<'a, Result<Reply, Failure>>> {
        Some(self.rig.targets.get(target)?.call(self.call.clone()))
    }

    fn price(&self, _: &TargetId) -> Option<Price> {
        Some(Price::per_million_usd(1.0, 2.0))
    }
}

/// A chat request. `more` stands behind the messages.
pub(crate) fn chat(more: &str) -> String {
    format!(r#"{{"model": "auto", "messages": [{{"role": "user", "content": "hello there"}}]{more}}}"#)
}

/// The same, streamed.
pub(crate) fn streamed(more: &str) -> String {
    chat(&format!(r#", "stream": true{more}"#))
}

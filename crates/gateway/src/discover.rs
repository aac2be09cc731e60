//! Asks providers for their models, beside the serving and never before it.
//!
//! Each provider is asked on its own, with a deadline, and each answer makes a new snapshot at once: a slow one holds
//! up nobody. Asked again every ten minutes; after a failure sooner, then less often, though never far apart while
//! nothing is known of it; and at once when a request comes that only it may be able to serve. A failure never takes
//! away what was known. An address that is the gateway's own is not asked, or it would list itself to itself.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use pointsman_backends::{Deadlines, Endpoint, list_models};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::config::{Config, Provider, is_loopback};
use crate::reload::{Identity, Live};
use crate::snapshot::{Connections, Listed};

/// How often a provider is asked that has answered.
pub const EVERY: Duration = Duration::from_secs(600);
/// How often an engine is looked for that is not there.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// The first wait after a failure; it doubles with each.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// The longest, of one whose models are known from before.
const AFTER_FAILURES: Duration = Duration::from_secs(300);
/// The longest, of one that has never answered: until it does, nothing of it is served.
const WHILE_UNKNOWN: Duration = Duration::from_secs(10);
/// The least between two failures, however many requests come for what a provider may have.
pub const AT_A_REQUEST: Duration = Duration::from_secs(1);
/// For an engine on this machine: it answers at once or is not there.
const NEAR: Duration = Duration::from_millis(300);
/// For a provider elsewhere.
const FAR: Duration = Duration::from_secs(15);

/// Starts asking. `own` is the address the gateway listens on.
pub fn spawn(live: &Arc<Live>, own: Option<SocketAddr>) -> JoinHandle<()> {
    tokio::spawn(run(Arc::clone(live), own))
}

/// The names of the providers that answer now.
pub(crate) async fn answering(config: &Config, own: Option<SocketAddr>) -> BTreeSet<String> {
    let mut connections = Connections::default();
    let mut asked = JoinSet::new();
    for provider in config.providers.iter().filter(|provider| provider.discover && !is_own(provider, own)) {
        if let Ok(Some(endpoint)) = connections.endpoint(provider, config) {
            let (name, sought) = (provider.name.to_string(), provider.sought);
            asked.spawn(async move { ask(endpoint, sought).await.is_ok().then_some(name) });
        }
    }
    asked.join_all().await.into_iter().flatten().collect()
}

/// When a provider is asked next.
struct Turn {
    identity: Identity,
    at: Instant,
    failures: u32,
    failed_at: Option<Instant>,
    /// It has listed its models at least once.
    known: bool,
    /// The failure that was last told, so that none is told again at each turn.
    told: Option<Arc<str>>,
    asked: bool,
}

type Answer = (Arc<str>, Identity, Result<Vec<Listed>, Arc<str>>);

async fn run(live: Arc<Live>, own: Option<SocketAddr>) {
    let mut changed = live.subscribe();
    let mut turns: HashMap<Arc<str>, Turn> = HashMap::new();
    let mut asked: JoinSet<Answer> = JoinSet::new();
    loop {
        let config = live.config();
        follow(&config, &mut turns);
        for provider in config.providers.iter().filter(|provider| provider.discover) {
            let Some(turn) = turns.get_mut(&provider.name) else { continue };
            if turn.asked || turn.at > Instant::now() {
                continue;
            }
            turn.asked = true;
            start(&live, provider, turn.identity.clone(), own, &mut asked);
        }
        let next = turns.values().filter(|turn| !turn.asked).map(|turn| turn.at).min();
        let next = next.unwrap_or_else(|| Instant::now() + EVERY);
        tokio::select! {
            Some(answer) = asked.join_next() => if let Ok(answer) = answer {
                took(&live, &config, &mut turns, answer);
            },
            () = tokio::time::sleep_until(next) => {}
            () = live.asked_for() => turns.values_mut().for_each(Turn::sooner),
            still = changed.changed() => if still.is_err() { return },
        }
    }
}

/// Takes up new and changed providers, drops those that are gone.
fn follow(config: &Config, turns: &mut HashMap<Arc<str>, Turn>) {
    turns.retain(|name, turn| {
        config
            .provider(name)
            .is_some_and(|provider| provider.discover && Identity::of(provider) == turn.identity)
    });
    for provider in config.providers.iter().filter(|provider| provider.discover) {
        turns.entry(Arc::clone(&provider.name)).or_insert_with(|| Turn {
            identity: Identity::of(provider),
            at: Instant::now(),
            failures: 0,
            failed_at: None,
            known: false,
            told: None,
            asked: false,
        });
    }
}

impl Turn {
    /// Somebody waits for what the provider may have: after a failure it is asked again now.
    fn sooner(&mut self) {
        if let Some(failed_at) = self.failed_at {
            self.at = self.at.min(failed_at + AT_A_REQUEST);
        }
    }
}

fn start(
    live: &Arc<Live>,
    provider: &Provider,
    identity: Identity,
    own: Option<SocketAddr>,
    asked: &mut JoinSet<Answer>,
) {
    let (name, sought) = (Arc::clone(&provider.name), provider.sought);
    if is_own(provider, own) {
        asked.spawn(async move {
            (name, identity, Err("that is this gateway's own address: give another".into()))
        });
        return;
    }
    let endpoint = live.endpoint(provider);
    asked.spawn(async move {
        let said = match endpoint {
            Some(endpoint) => ask(endpoint, sought).await,
            None => Err("cannot be reached as configured".into()),
        };
        (name, identity, said)
    });
}

fn took(live: &Live, config: &Config, turns: &mut HashMap<Arc<str>, Turn>, (name, identity, said): Answer) {
    // A provider that was changed meanwhile is asked anew under its new identity.
    let Some(turn) = turns.get_mut(&name).filter(|turn| turn.identity == identity) else { return };
    let sought = config.provider(&name).is_some_and(|provider| provider.sought);
    turn.asked = false;
    let wait = wait_after(said.is_ok(), sought, turn.known, turn.failures);
    let now = Instant::now();
    turn.at = now + wait;
    match &said {
        Ok(models) => {
            tracing::info!(provider = %name, models = models.len(), "provider listed its models");
            (turn.failures, turn.failed_at, turn.known, turn.told) = (0, None, true, None);
        }
        Err(error) => {
            turn.failures = turn.failures.saturating_add(1);
            turn.failed_at = Some(now);
            if !sought && turn.told.as_ref() != Some(error) {
                tracing::warn!(provider = %name, %error, "provider did not list its models; it is asked again");
                turn.told = Some(Arc::clone(error));
            }
        }
    }
    live.found(&name, &identity, said);
}

/// How long until a provider is asked again. `known`: it has answered before.
fn wait_after(answered: bool, sought: bool, known: bool, failures_before: u32) -> Duration {
    let longest = if known { AFTER_FAILURES } else { WHILE_UNKNOWN };
    match (answered, sought) {
        (true, _) => EVERY,
        (false, true) => LOOK_AGAIN,
        (false, false) => AFTER_FAILURE.saturating_mul(1 << failures_before.min(10)).min(longest),
    }
}

async fn ask(endpoint: Arc<Endpoint>, near: bool) -> Result<Vec<Listed>, Arc<str>> {
    let within = if near { NEAR } else { FAR };
    let deadlines = Deadlines { connect: within, head: within, idle: within, total: Some(within) };
    match tokio::time::timeout(within, list_models(&endpoint, deadlines)).await {
        Err(_) => Err("did not answer in time".into()),
        Ok(Err(failure)) => Err(failure.error.detail.as_str().into()),
        Ok(Ok(models)) => {
            let listed = models.into_iter().filter(|model| !model.id.is_empty()).map(|model| Listed {
                context: model.context_tokens.and_then(|tokens| u32::try_from(tokens).ok()),
                chat: model.chat,
                id: model.id,
            });
            Ok(listed.collect())
        }
    }
}

/// Whether a provider's address is the gateway's own.
fn is_own(provider: &Provider, own: Option<SocketAddr>) -> bool {
    let (Some(own), Ok(uri)) = (own, provider.base_url.parse::<Uri>()) else { return false };
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    if port != own.port() {
        return false;
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let same = host.parse::<IpAddr>().is_ok_and(|ip| ip == own.ip() || ip.is_unspecified());
    same || (is_loopback(&provider.base_url) && (own.ip().is_loopback() || own.ip().is_unspecified()))
}

#[cfg(test)]
mod tests;

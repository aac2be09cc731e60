//! The one place where what serves is swapped: a changed file, or a provider that said what it has.
//!
//! Promises: a swap is atomic and a request never sees half of one; a file with a fault changes nothing, and says why
//! in the log and in [`ReloadStatus`]; breakers and conversations, which live elsewhere, do not notice.

mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::{ArcSwap, Guard};
use pointsman_backends::a2a::{CardSource, Found};
use pointsman_backends::{Endpoint, Pool};
use secrecy::ExposeSecret;

use crate::agents::{self, CardState, Cards};
use crate::config::{Config, DeclaredAgent, Env, Fault, Faults, Kind, Provider, Proxy};
use crate::snapshot::{Connections, Discovered, Listed, Snapshot};

pub use watch::{WatchGuard, watch};

/// What serves now, and what it came from.
pub struct Live {
    snapshot: ArcSwap<Snapshot>,
    config: ArcSwap<Config>,
    status: ArcSwap<ReloadStatus>,
    source: Option<(PathBuf, Env)>,
    /// Held while a snapshot is made, so that none is made of what another has just replaced.
    making: Mutex<Making>,
    generation: tokio::sync::watch::Sender<u64>,
    wanted: tokio::sync::Notify,
    agent_wanted: tokio::sync::Notify,
}

/// How the last reload went.
#[derive(Clone, Debug)]
pub struct ReloadStatus {
    /// Counts swaps, from 1 for the first snapshot.
    pub generation: u64,
    /// When the configuration in force was read.
    pub loaded_at: SystemTime,
    /// Why the newest one is not in force.
    pub last_error: Option<Arc<Faults>>,
}

/// What makes a provider another one, so that what it once listed counts no more.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    kind: Kind,
    base_url: String,
    key: Option<String>,
    proxy: Proxy,
    ca_file: Option<PathBuf>,
}

#[derive(Default)]
struct Making {
    discovered: Discovered,
    cards: Cards,
    connections: Connections,
}

impl Live {
    /// Reads a file and serves by it. Asks no provider anything.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn from_file(path: &Path, env: Env) -> Result<Arc<Self>, Faults> {
        let config = Config::load(path, &env)?;
        Self::new(config, Some((path.to_owned(), env)))
    }

    /// Serves by a configuration without a file.
    ///
    /// # Errors
    /// An address, certificate or header that turns out not to be usable.
    pub fn from_config(config: Config) -> Result<Arc<Self>, Faults> {
        Self::new(config, None)
    }

    fn new(config: Config, source: Option<(PathBuf, Env)>) -> Result<Arc<Self>, Faults> {
        let mut making = Making::default();
        let snapshot =
            Snapshot::compile(&config, &making.discovered, &making.cards, &mut making.connections)?;
        say(&config.warnings);
        Ok(Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            config: ArcSwap::from_pointee(config),
            status: ArcSwap::from_pointee(ReloadStatus {
                generation: 1,
                loaded_at: SystemTime::now(),
                last_error: None,
            }),
            source,
            making: Mutex::new(making),
            generation: tokio::sync::watch::Sender::new(1),
            wanted: tokio::sync::Notify::new(),
            agent_wanted: tokio::sync::Notify::new(),
        }))
    }

    /// What serves now, without counting a reference: for a look, not to be held across waiting.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// What serves now, to be kept for a request.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// How the last reload went.
    pub fn status(&self) -> Arc<ReloadStatus> {
        self.status.load_full()
    }

    /// Tells of every swap by its number.
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<&Path> {
        self.source.as_ref().map(|(path, _)| path.as_path())
    }

    /// Reads the file again. Without a file nothing happens. Reads files, so not for a thread that serves.
    ///
    /// # Errors
    /// All that is wrong with the file; then what served before goes on serving.
    pub fn reload(&self) -> Result<(), Arc<Faults>> {
        let Some((path, env)) = &self.source else { return Ok(()) };
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.config();
        let made = Config::load(path, env).and_then(|config| {
            making.discovered.retain(|name, _| {
                let same = |provider: &Provider| {
                    before.provider(name).map(Identity::of) == Some(Identity::of(provider))
                };
                config.provider(name).is_some_and(same)
            });
            making.cards.retain(|name, _| {
                let same = |agent: &DeclaredAgent| {
                    before.agent(name).map(agents::Identity::of) == Some(agents::Identity::of(agent))
                };
                config.agent(name).is_some_and(same)
            });
            let Making { discovered, cards, connections } = &mut *making;
            Snapshot::compile(&config, discovered, cards, connections).map(|snapshot| (config, snapshot))
        });
        match made {
            Ok((config, snapshot)) => {
                say(&config.warnings);
                if config.listen != before.listen {
                    tracing::warn!("`listen` was changed, which takes effect at the next start");
                }
                if config.ledger.keep_prompts != before.ledger.keep_prompts {
                    tracing::warn!(
                        "`ledger.keep_prompts` was changed, which takes effect for all of a record at the next start"
                    );
                }
                tracing::info!(file = %path.display(), targets = snapshot.order.len(), "configuration reloaded");
                self.config.store(Arc::new(config));
                self.swap(snapshot, Some(SystemTime::now()));
                Ok(())
            }
            Err(faults) => {
                for fault in &faults.0 {
                    tracing::error!(
                        file = fault.file,
                        line = fault.line,
                        column = fault.column,
                        hint = fault.hint,
                        "configuration not reloaded: {}",
                        fault.message
                    );
                }
                let faults = Arc::new(faults);
                let status =
                    ReloadStatus { last_error: Some(Arc::clone(&faults)), ..(*self.status()).clone() };
                self.status.store(Arc::new(status));
                Err(faults)
            }
        }
    }

    /// A provider was asked for its models: makes a new snapshot if that changes anything.
    pub(crate) fn found(&self, name: &Arc<str>, identity: &Identity, said: Result<Vec<Listed>, Arc<str>>) {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.config();
        let Some(provider) = config.provider(name).filter(|provider| Identity::of(provider) == *identity)
        else {
            return;
        };
        let before = making.discovered.get(name).cloned();
        let mut now = before.clone().unwrap_or_default();
        match said {
            Ok(models) => {
                now.models = models;
                now.error = None;
                now.answered = true;
            }
            // What is looked for and not there is nothing to complain of.
            Err(error) => now.error = Some(error).filter(|_| !provider.sought || now.answered),
        }
        if before.as_ref() == Some(&now) {
            return;
        }
        making.discovered.insert(Arc::clone(name), now);
        let Making { discovered, cards, connections } = &mut *making;
        match Snapshot::compile(&config, discovered, cards, connections) {
            Ok(snapshot) => self.swap(snapshot, None),
            Err(faults) => tracing::error!(%faults, provider = %name, "the models listed cannot be served"),
        }
    }

    /// An agent's card was fetched, or could not be: makes a new snapshot if that changes anything. A card that cannot be
    /// served counts as one that did not come.
    pub(crate) fn card_came(
        &self,
        name: &Arc<str>,
        identity: &agents::Identity,
        said: Result<Found, Arc<str>>,
    ) {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let config = self.config();
        if config.agent(name).is_none_or(|agent| agents::Identity::of(agent) != *identity) {
            return;
        }
        let before = making.cards.get(name).cloned();
        let mut now = before.clone().unwrap_or_default();
        match said {
            Ok(found) => (now.found, now.error) = (Some(Arc::new(found)), None),
            Err(error) => now.error = Some(error),
        }
        if before.as_ref() == Some(&now) {
            return;
        }
        making.cards.insert(Arc::clone(name), now);
        let Making { discovered, cards, connections } = &mut *making;
        let faults = match Snapshot::compile(&config, discovered, cards, connections) {
            Ok(snapshot) => return self.swap(snapshot, None),
            Err(faults) => faults,
        };
        tracing::error!(%faults, agent = %name, "the agent's card cannot be served; the last one counts on");
        let kept = CardState {
            error: Some("its card cannot be served as it stands".into()),
            ..before.unwrap_or_default()
        };
        cards.insert(Arc::clone(name), kept);
        if let Ok(snapshot) = Snapshot::compile(&config, discovered, cards, connections) {
            self.swap(snapshot, None);
        }
    }

    /// How an agent's card is fetched, by the connections that serve.
    pub(crate) fn card_source(&self, agent: &DeclaredAgent) -> Option<(Pool, CardSource)> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.connections.card_source(agent)
    }

    /// Waits for [`Self::ask_again`], as whoever fetches cards does.
    pub(crate) async fn agent_asked_for(&self) {
        self.agent_wanted.notified().await;
    }

    /// A request came for what a provider may have that could not be asked: has it asked again.
    pub(crate) fn ask_again(&self) {
        self.wanted.notify_one();
        self.agent_wanted.notify_one();
    }

    /// Waits for [`Self::ask_again`].
    pub(crate) async fn asked_for(&self) {
        self.wanted.notified().await;
    }

    /// How a provider is reached, by the connections that serve.
    pub(crate) fn endpoint(&self, provider: &Provider) -> Option<Arc<Endpoint>> {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        making.connections.endpoint(provider, &self.config()).ok().flatten()
    }

    fn swap(&self, snapshot: Snapshot, loaded_at: Option<SystemTime>) {
        if !snapshot.discovering && snapshot.notes != self.load().notes {
            for note in &snapshot.notes {
                tracing::warn!("{note}");
            }
        }
        let before = self.status();
        let status = match loaded_at {
            Some(loaded_at) => {
                ReloadStatus { generation: before.generation + 1, loaded_at, last_error: None }
            }
            None => ReloadStatus { generation: before.generation + 1, ..(*before).clone() },
        };
        let generation = status.generation;
        self.snapshot.store(Arc::new(snapshot));
        self.status.store(Arc::new(status));
        self.generation.send_replace(generation);
    }
}

impl Identity {
    pub(crate) fn of(provider: &Provider) -> Self {
        Self {
            kind: provider.kind,
            base_url: provider.base_url.clone(),
            key: provider.key.as_ref().map(|key| key.expose_secret().to_owned()),
            proxy: provider.proxy.clone(),
            ca_file: provider.ca_file.clone(),
        }
    }
}

fn say(warnings: &[Fault]) {
    for warning in warnings {
        tracing::warn!(
            file = warning.file,
            line = warning.line,
            column = warning.column,
            "{}",
            warning.message
        );
    }
}

#[cfg(test)]
mod tests;

//! What serves: one immutable value, made of a configuration, an artifact and what providers were found to have.
//!
//! A request takes it once and keeps it, so nothing changes under it. What does change (breakers, conversations) is
//! keyed by target id and lives elsewhere; it survives any swap.

mod compile;
mod connect;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pointsman_backends::{Backend, Deadlines};
use pointsman_kernel::agents::Registry;
use pointsman_kernel::health::BreakerPolicy;
use pointsman_kernel::{Estimator, Route, Target, TargetId, Versions};
use pointsman_learn::Artifact;

use crate::agents::{RouteAgents, ServedAgent};
use crate::embed::SlowEncoder;

pub use crate::catalogue::Mode;
pub use crate::config::{KeysRule, Limits};
pub use compile::{Discovered, Listed, Listing, MAX_UNASKED_USD};
pub use connect::Connections;

/// What serves.
pub struct Snapshot {
    /// Hashes of what is in force.
    pub versions: Versions,
    /// Everything that can answer, by public id.
    pub targets: HashMap<TargetId, Arc<Served>>,
    /// Their ids, in the configuration's order, discovered ones after their provider's own.
    pub order: Vec<TargetId>,
    /// `provider/model` to the id it is served under.
    pub aliases: HashMap<String, TargetId>,
    /// Agents by name, those too whose card has not come.
    pub agents: BTreeMap<Arc<str>, Arc<ServedAgent>>,
    /// The agents that are served, as the first stage knows them.
    pub registry: Registry,
    /// Routes by name; `auto` is there as soon as a chat target is.
    pub routes: HashMap<String, Arc<ServedRoute>>,
    /// The route of a request that names its target: all targets, no choice.
    pub by_name: Arc<ServedRoute>,
    /// Who predicts.
    pub estimator: Arc<dyn Estimator>,
    /// What it is part of.
    pub artifact: Artifact,
    /// The encoder that the artifact was trained with, where that is not the table in the program.
    pub slow_encoder: Option<SlowEncoder>,
    /// How long to wait for an upstream.
    pub deadlines: Deadlines,
    /// What a client may send.
    pub limits: Limits,
    /// When a target is left alone.
    pub breaker: BreakerPolicy,
    /// Keep prompts with decisions.
    pub keep_prompts: bool,
    /// When a client needs a key.
    pub keys_required: KeysRule,
    /// Some provider has not said yet what it has, or some agent's card has not come.
    pub discovering: bool,
    /// The providers, in the configuration's order.
    pub providers: Vec<ProviderStatus>,
    /// What works, but hardly as meant: names that no target bears, for one.
    pub notes: Vec<String>,
}

/// A target and who answers for it.
pub struct Served {
    /// What the kernel knows of it.
    pub target: Arc<Target>,
    /// Who calls it.
    pub backend: Arc<dyn Backend>,
    /// Its provider's name.
    pub provider: Arc<str>,
    /// The provider's name for the model.
    pub model: Arc<str>,
    /// What it answers with.
    pub mode: Mode,
    /// Somebody says so: the configuration, the provider or the catalogue. Else it is read off the name, and a name that
    /// tells nothing is taken for a chat model's.
    pub mode_stated: bool,
    /// Whose word the price is: `config`, or `catalogue` and its day. None where no price is known.
    pub prices_as_of: Option<Arc<str>>,
    /// Not in routes that do not name it: dearer than [`MAX_UNASKED_USD`], or its price is not known where prices are
    /// asked.
    pub by_name_only: bool,
}

/// A route, compiled.
pub struct ServedRoute {
    /// What the kernel decides by.
    pub route: Route,
    /// Agents that are asked first.
    pub agents: Option<Arc<RouteAgents>>,
    /// Refuse what a translation would lose something of.
    pub strict: bool,
    /// Weights among flags mean something to its selector.
    pub reads_flags: bool,
    /// Weights may be read from the prompt.
    pub flags_in_prompt: bool,
    /// Words that a second reading of the prompt leaves out, where it is read more than once.
    pub strip_words: Option<usize>,
}

/// How a provider is doing as far as its models go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is; empty for scripted ones.
    pub base_url: String,
    /// Targets it serves.
    pub targets: usize,
    /// It has not said yet what it has.
    pub discovering: bool,
    /// What went wrong when it was last asked.
    pub error: Option<Arc<str>>,
    /// It was looked for on loopback and is there only if it has targets.
    pub sought: bool,
}

impl ServedRoute {
    /// Whether an agent of this id may be asked first.
    #[must_use]
    pub fn asks_first(&self, id: &TargetId) -> bool {
        self.agents.as_ref().is_some_and(|agents| agents.registry().place(id).is_some())
    }
}

impl Snapshot {
    /// The target of this id, or the one that a `provider/model` stands for.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Arc<Served>> {
        self.targets.get(name).or_else(|| self.targets.get(self.aliases.get(name)?))
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Arc<ServedRoute>> {
        self.routes.get(name)
    }

    /// Why a model or an agent may be missing that is configured: for each of whom nothing is known, or nothing of late, what is in
    /// the way. Nothing an upstream wrote is in it.
    #[must_use]
    pub fn unlisted(&self) -> Vec<String> {
        let why = |provider: &ProviderStatus| match &provider.error {
            Some(error) => {
                Some(format!("provider `{}` could not be asked for its models: {error}", provider.name))
            }
            None if provider.discovering && !provider.sought => {
                Some(format!("provider `{}` has not said yet which models it has", provider.name))
            }
            None => None,
        };
        let agents = self.agents.values().filter_map(|agent| agent.trouble());
        self.providers.iter().filter_map(why).chain(agents).collect()
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("versions", &self.versions)
            .field("order", &self.order)
            .field("discovering", &self.discovering)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

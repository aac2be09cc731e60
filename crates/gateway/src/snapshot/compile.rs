//! A configuration, and what providers were found to have, to a [`Snapshot`]. No I/O but certificates the configuration
//! names; the same input gives the same snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use pointsman_kernel::target::Lineage;
use pointsman_kernel::{
    Capabilities, Limits, Money, Price, RouteId, Support, Target, TargetId, TokenPrice, Versions,
};
use sha2::{Digest, Sha256};

use super::connect::{Connections, Reach};
use super::{ProviderStatus, Served, ServedRoute, Snapshot};
use crate::agents::Cards;
use crate::catalogue::{self, Catalogue, Entry, Mode, Prices};
use crate::config::{self, Config, Declared, Fault, Faults, Provider};

mod agents;
mod routes;

/// Models dearer than this for a million tokens of output, in USD, are not in a route that does not name them: a prompt
/// sent to `auto` must not cost a hundred times what the others ask because a provider listed one more model.
pub const MAX_UNASKED_USD: f64 = 50.0;

/// What providers were found to have, by provider.
pub type Discovered = BTreeMap<Arc<str>, Listing>;

/// What one provider said when it was asked for its models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The models of the last answer; kept when a later one fails.
    pub models: Vec<Listed>,
    /// What went wrong with the latest.
    pub error: Option<Arc<str>>,
    /// It has answered at least once.
    pub answered: bool,
}

/// A model that a provider lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The provider's name for it.
    pub id: String,
    /// Tokens it takes, where the provider says.
    pub context: Option<u32>,
    /// Whether it answers chat requests, where the provider says.
    pub chat: Option<bool>,
}

impl Snapshot {
    /// Compiles. `connections` are those of the snapshot before, so that what is warm stays so.
    ///
    /// # Errors
    /// An address, certificate or header that turns out not to be usable.
    pub fn compile(
        config: &Config,
        discovered: &Discovered,
        cards: &Cards,
        connections: &mut Connections,
    ) -> Result<Self, Faults> {
        let mut build = Build::new(config, connections);
        build.agents(cards);
        for (index, declared) in config.targets.iter().enumerate() {
            build.declared(index, declared);
        }
        for provider in &config.providers {
            for model in &provider.models {
                build.implicit(provider, &Listed { id: model.clone(), context: None, chat: None }, true);
            }
        }
        for provider in config.providers.iter().filter(|provider| provider.discover) {
            for listed in discovered.get(&provider.name).into_iter().flat_map(|listing| &listing.models) {
                build.implicit(provider, listed, false);
            }
        }
        build.finish(discovered)
    }
}

/// The id under which a discovered model is served where nobody has taken it: the provider's, without the folder that
/// some put before it.
fn served_id(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

struct Build<'a> {
    config: &'a Config,
    connections: &'a mut Connections,
    prices: Prices,
    reach: HashMap<Arc<str>, Option<Reach>>,
    targets: HashMap<TargetId, Arc<Served>>,
    order: Vec<TargetId>,
    aliases: HashMap<String, TargetId>,
    agents: agents::Agents,
    faults: Vec<Fault>,
    notes: Vec<String>,
}

impl<'a> Build<'a> {
    fn new(config: &'a Config, connections: &'a mut Connections) -> Self {
        Self {
            config,
            connections,
            prices: Catalogue::embedded().with_overrides(config.prices.clone()),
            reach: HashMap::new(),
            targets: HashMap::new(),
            order: Vec::new(),
            aliases: HashMap::new(),
            agents: agents::Agents::new(),
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn declared(&mut self, index: usize, declared: &Declared) {
        // The check has refused targets without a provider.
        let Some(provider) = self.config.provider(&declared.provider) else { return };
        let entry = entry(provider, &declared.model);
        let id = TargetId::from(declared.id.as_str());
        let known = self.price(provider, &declared.model);
        let (price, as_of) = match declared.price {
            Some(price) => (Some(price), Some(Arc::from("config"))),
            None => known,
        };
        let support = |stated: Option<bool>, listed: Option<bool>| match stated.or(listed) {
            Some(true) => Support::Yes,
            Some(false) => Support::No,
            None => Support::Unknown,
        };
        let target = Target {
            profile: declared.profile.clone().unwrap_or_else(|| served_id(&declared.model).to_owned()),
            capabilities: Capabilities {
                tools: support(declared.tools, entry.and_then(|entry| entry.tools)),
                images: support(declared.images, entry.and_then(|entry| entry.vision)),
                json_schema: support(declared.json_schema, of_kind(provider)),
            },
            limits: Limits {
                context_tokens: declared.context.or(entry.and_then(|entry| entry.context)),
                output_tokens: declared.max_output.or(entry.and_then(|entry| entry.max_output)),
            },
            price,
            requires: Vec::new(),
            tags: declared.tags.clone(),
            lineage: Lineage {
                family: declared
                    .family
                    .clone()
                    .or_else(|| catalogue::family(&declared.model).map(ToOwned::to_owned)),
                parameters_b: declared
                    .parameters_b
                    .or_else(|| catalogue::parameters_b(&declared.model).map(|billions| billions as f32)),
            },
            id,
        };
        let mode = match declared.mode {
            Some(config::Mode::Chat) => Mode::Chat,
            Some(config::Mode::Embedding) => Mode::Embedding,
            Some(config::Mode::Other) => Mode::Other,
            None => mode(entry, &declared.model),
        };
        let mode = (mode, declared.mode.is_some() || entry.is_some());
        self.serve(provider, &declared.model, target, mode, as_of, false, Some((index, declared)));
    }

    /// A model that only its name describes. `stated`: the configuration lists it, so somebody wants it.
    fn implicit(&mut self, provider: &Provider, listed: &Listed, stated: bool) {
        let public = served_id(&listed.id);
        let qualified = format!("{}/{public}", provider.name);
        if self.aliases.contains_key(&qualified) {
            return;
        }
        let entry = entry(provider, public);
        let mode = match listed.chat {
            Some(true) => Mode::Chat,
            _ => mode(entry, public),
        };
        // Speech, images and the like cannot be asked for here; listing them would promise it.
        if !stated && (mode == Mode::Other || (listed.chat == Some(false) && mode == Mode::Chat)) {
            return;
        }
        let taken = self.targets.contains_key(&TargetId::from(public)) || self.is_route(public);
        let id = if taken { qualified.as_str() } else { public };
        if self.targets.contains_key(&TargetId::from(id)) {
            return;
        }
        let (price, as_of) = self.price(provider, public);
        let yes_or_no = |known: Option<bool>| match known {
            Some(true) => Support::Yes,
            Some(false) => Support::No,
            None => Support::Unknown,
        };
        let target = Target {
            id: id.into(),
            profile: public.to_owned(),
            capabilities: Capabilities {
                tools: yes_or_no(entry.and_then(|entry| entry.tools)),
                images: yes_or_no(entry.and_then(|entry| entry.vision)),
                json_schema: yes_or_no(of_kind(provider)),
            },
            limits: Limits {
                context_tokens: listed.context.or(entry.and_then(|entry| entry.context)),
                output_tokens: entry.and_then(|entry| entry.max_output),
            },
            price,
            requires: Vec::new(),
            tags: Vec::new(),
            lineage: Lineage {
                family: catalogue::family(public).map(ToOwned::to_owned),
                parameters_b: catalogue::parameters_b(public).map(|billions| billions as f32),
            },
        };
        let unasked = !stated && (is_router_or_trial(public) || (provider.vendor && target.price.is_none()));
        let mode = (mode, listed.chat == Some(true) || entry.is_some());
        self.serve(provider, &listed.id, target, mode, as_of, unasked, None);
    }

    #[allow(clippy::too_many_arguments, reason = "one caller each for what is declared and what is not")]
    fn serve(
        &mut self,
        provider: &Provider,
        model: &str,
        target: Target,
        (mode, mode_stated): (Mode, bool),
        prices_as_of: Option<Arc<str>>,
        unasked: bool,
        declared: Option<(usize, &Declared)>,
    ) {
        let Some(reach) = self.reach(provider) else { return };
        let script = declared.and_then(|(_, declared)| declared.script.clone()).unwrap_or_default();
        let (id, connections) = (target.id.clone(), &mut *self.connections);
        let takes_schema = target.capabilities.json_schema == Support::Yes;
        let backend = reach.backend(provider, &id, model, target.limits.output_tokens, takes_schema, || {
            connections.scripted(&id, &script)
        });
        let backend = match backend {
            Ok(backend) => backend,
            Err(error) => {
                let path = declared.map_or_else(Vec::new, |(index, _)| vec!["targets".into(), index.into()]);
                self.faults.push(self.config.origin.fault(&path, error.to_string()));
                return;
            }
        };
        let ceiling = TokenPrice::from_usd_per_million(MAX_UNASKED_USD);
        let dear = target.price.is_some_and(|price| price.output > ceiling);
        let qualified = format!("{}/{}", provider.name, served_id(model));
        // The first to bear a name keeps it: what is declared comes before what is found.
        self.aliases.entry(qualified).or_insert_with(|| id.clone());
        self.order.push(id.clone());
        let served = Served {
            target: Arc::new(target),
            backend,
            provider: Arc::clone(&provider.name),
            model: Arc::from(model),
            mode,
            mode_stated,
            prices_as_of,
            by_name_only: dear || unasked,
        };
        self.targets.insert(id, Arc::new(served));
    }

    /// The provider's connection, made at its first target; nothing where it cannot be, which is told once.
    fn reach(&mut self, provider: &Provider) -> Option<Reach> {
        if let Some(reach) = self.reach.get(&provider.name) {
            return reach.clone();
        }
        let reach = match self.connections.reach(provider, &self.config.origin) {
            Ok(reach) => Some(reach),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        };
        self.reach.insert(Arc::clone(&provider.name), reach.clone());
        reach
    }

    /// What a model costs at a provider, and whose word that is.
    fn price(&self, provider: &Provider, model: &str) -> (Option<Price>, Option<Arc<str>>) {
        let model = served_id(model);
        let stated = self.prices.lookup(Some(&provider.name), model);
        let stated = stated.filter(|answer| answer.origin == catalogue::Origin::Config);
        if stated.is_none() && provider.free {
            return (Some(Price::default()), Some(Arc::from("config")));
        }
        match stated.or_else(|| self.prices.lookup(provider.catalogue, model)) {
            Some(answer) => (Some(kernel_price(&answer.price)), Some(Arc::from(answer.origin.to_string()))),
            None => (None, None),
        }
    }

    fn is_route(&self, name: &str) -> bool {
        name == "auto" || self.config.routes.contains_key(name)
    }

    fn finish(mut self, discovered: &Discovered) -> Result<Snapshot, Faults> {
        for provider in &self.config.providers {
            // Also of providers that serve nothing yet, so that a bad address shows at once.
            self.reach(provider);
        }
        let discovering = |provider: &Provider| is_discovering(provider, discovered.get(&provider.name));
        let waiting = self.agents.values().any(|agent| agent.waiting);
        let (routes, by_name) = self.routes(waiting || self.config.providers.iter().any(discovering));
        let registry = self.registry();
        let providers: Vec<ProviderStatus> = self
            .config
            .providers
            .iter()
            .map(|provider| self.status(provider, discovered.get(&provider.name)))
            .collect();
        if let Some(faults) = Faults::of(self.faults) {
            return Err(faults);
        }
        let config = self.config;
        Ok(Snapshot {
            versions: Versions {
                config: version(config, &self.order).into(),
                artifact: config.artifact.hash().into(),
                encoder: config.artifact.encoder().into(),
            },
            targets: self.targets,
            order: self.order,
            aliases: self.aliases,
            routes,
            by_name,
            estimator: Arc::clone(&config.estimator),
            artifact: config.artifact.clone(),
            slow_encoder: config.slow_encoder.clone(),
            deadlines: config.timeouts,
            limits: config.limits,
            breaker: config.breaker,
            keep_prompts: config.ledger.keep_prompts,
            keys_required: config.keys,
            discovering: waiting || providers.iter().any(|provider| provider.discovering),
            agents: self.agents,
            registry,
            providers,
            notes: self.notes,
        })
    }

    fn status(&self, provider: &Provider, listing: Option<&Listing>) -> ProviderStatus {
        ProviderStatus {
            name: Arc::clone(&provider.name),
            base_url: provider.base_url.clone(),
            targets: self.targets.values().filter(|served| served.provider == provider.name).count(),
            discovering: is_discovering(provider, listing),
            error: listing.and_then(|listing| listing.error.clone()).filter(|_| provider.discover),
            sought: provider.sought,
        }
    }

    /// What a model's thousand tokens out for three thousand in cost: how targets are told dear or cheap.
    fn weight(price: &Price) -> Money {
        price.cost(3_000, 0, 0, 1_000)
    }
}

fn is_discovering(provider: &Provider, listing: Option<&Listing>) -> bool {
    provider.discover && listing.is_none()
}

fn entry(provider: &Provider, model: &str) -> Option<&'static Entry> {
    Catalogue::embedded().lookup(provider.catalogue, served_id(model)).map(|found| found.entry)
}

fn mode(entry: Option<&Entry>, model: &str) -> Mode {
    entry.map_or_else(|| catalogue::mode_of_name(model), |entry| entry.mode)
}

/// What is known of all models of a kind: Anthropic's API takes a schema from its newer models only, and where it is
/// not taken a translation would drop it.
fn of_kind(provider: &Provider) -> Option<bool> {
    (provider.kind == config::Kind::Anthropic).then_some(false)
}

/// Names at aggregators that stand for a choice of their own or for a trial with its own tight limits.
fn is_router_or_trial(model: &str) -> bool {
    model.starts_with("openrouter/") || model.ends_with(":free") || model == "auto"
}

fn kernel_price(price: &catalogue::Price) -> Price {
    Price {
        input: TokenPrice(price.input),
        output: TokenPrice(price.output),
        cached_input: price.cached_input.map(TokenPrice),
        cache_write: price.cache_write.map(TokenPrice),
        per_call: Money::ZERO,
    }
}

/// A short hash of the configuration as written and of the targets it came to.
fn version(config: &Config, order: &[TargetId]) -> String {
    let mut hash = Sha256::new();
    hash.update(config.origin.json.as_bytes());
    hash.update(config.agent_model.as_ref().map_or("", |heads| heads.hash.as_str()).as_bytes());
    let ids: BTreeSet<&str> = order.iter().map(TargetId::as_str).collect();
    for id in ids {
        hash.update([0]);
        hash.update(id.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

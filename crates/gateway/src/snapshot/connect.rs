//! Connections to providers, kept across snapshots: a reload must not close what is warm.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_backends::a2a::{Agent, CardSource, Terms, Threads};
use pointsman_backends::scripted::{Script, Scripted};
use pointsman_backends::{
    Anthropic, Backend, Endpoint, EndpointError, OpenAi, Pool, PoolConfig, Proxies, Reach as Network,
};
use pointsman_kernel::TargetId;
use secrecy::ExposeSecret;

use crate::config::{Config, DeclaredAgent, Fault, Kind, Origin, Provider, Proxy};

/// Pools by how they connect, and scripted targets with the calls they have counted.
#[derive(Default)]
pub struct Connections {
    pools: HashMap<(Option<PathBuf>, Proxy, Network), Pool>,
    scripted: HashMap<TargetId, (Script, Arc<Scripted>)>,
    /// What agents call their conversations, by their names and where they are.
    threads: HashMap<Arc<str>, (String, Arc<Threads>)>,
}

/// The most a client gets who sets no limit where one must be set. More would be reserved against the account's rate
/// limit with each call; less would cut long answers short.
const UNASKED_OUTPUT: u32 = 16_384;

/// What a provider is reached by.
#[derive(Clone)]
pub(crate) enum Reach {
    /// An API.
    Endpoint(Arc<Endpoint>),
    /// Nothing needs reaching.
    Scripted,
}

impl Connections {
    /// How `provider` is reached.
    pub(crate) fn reach(&mut self, provider: &Provider, origin: &Origin) -> Result<Reach, Fault> {
        if provider.kind == Kind::Scripted {
            return Ok(Reach::Scripted);
        }
        let at = |key: &str| ["providers".into(), (*provider.name).into(), key.into()];
        let pool = self.pool(&provider.ca_file, &provider.proxy, Network::Anywhere).map_err(|error| {
            let key = if provider.ca_file.is_some() { "ca_file" } else { "proxy" };
            origin.fault(&at(key), error.to_string())
        })?;
        let made = match provider.kind {
            Kind::Anthropic => {
                Endpoint::anthropic(&pool, &provider.name, &provider.base_url, provider.key.clone())
            }
            _ => Endpoint::open_ai(&pool, &provider.name, &provider.base_url, provider.key.clone()),
        };
        let mut endpoint = made.map_err(|error| {
            let key = if matches!(error, EndpointError::Key(_)) { "api_key" } else { "base_url" };
            origin.fault(&at(key), error.to_string())
        })?;
        for (header, value) in &provider.headers {
            endpoint = endpoint
                .with_header(header, value.expose_secret())
                .map_err(|error| origin.fault(&at("headers"), error.to_string()))?;
        }
        Ok(Reach::Endpoint(Arc::new(endpoint)))
    }

    /// The API of `provider`; nothing for scripted ones.
    pub(crate) fn endpoint(
        &mut self,
        provider: &Provider,
        config: &Config,
    ) -> Result<Option<Arc<Endpoint>>, Fault> {
        Ok(match self.reach(provider, &config.origin)? {
            Reach::Endpoint(endpoint) => Some(endpoint),
            Reach::Scripted => None,
        })
    }

    /// Who calls the agent at `url`.
    pub(crate) fn agent(
        &mut self,
        agent: &DeclaredAgent,
        url: &str,
        reach: Network,
        terms: Terms,
    ) -> Result<Arc<dyn Backend>, String> {
        let pool = self.pool(&agent.ca_file, &agent.proxy, reach).map_err(|error| error.to_string())?;
        let made = Endpoint::agent(&pool, &agent.name, url, agent.key.clone());
        let mut endpoint = made.map_err(|error| error.to_string())?;
        for (header, value) in &agent.headers {
            let with = endpoint.with_header(header, value.expose_secret());
            endpoint = with.map_err(|error| error.to_string())?;
        }
        let threads = self.threads(&agent.name, url);
        let made = Agent::new(endpoint, TargetId::from(&*agent.name), terms, threads);
        Ok(Arc::new(made.map_err(|error| error.to_string())?))
    }

    /// How the card of `agent` is fetched: its address is the operator's own, so it may be anywhere.
    pub(crate) fn card_source(&mut self, agent: &DeclaredAgent) -> Option<(Pool, CardSource)> {
        let pool = self.pool(&agent.ca_file, &agent.proxy, Network::Anywhere).ok()?;
        let source = CardSource {
            name: Arc::clone(&agent.name),
            url: agent.card.clone()?,
            key: agent.key.clone(),
            headers: agent.headers.clone(),
            trusted: agent.allow_private || agent.url.is_some(),
        };
        Some((pool, source))
    }

    /// The conversations with an agent. At another address it is another agent, which knows none of them.
    fn threads(&mut self, name: &Arc<str>, url: &str) -> Arc<Threads> {
        if let Some((at, threads)) = self.threads.get(name)
            && at == url
        {
            return Arc::clone(threads);
        }
        let threads = Arc::new(Threads::default());
        self.threads.insert(Arc::clone(name), (url.to_owned(), Arc::clone(&threads)));
        threads
    }

    fn pool(
        &mut self,
        ca_file: &Option<PathBuf>,
        proxy: &Proxy,
        reach: Network,
    ) -> Result<Pool, pointsman_backends::PoolError> {
        let key = (ca_file.clone(), proxy.clone(), reach);
        if let Some(pool) = self.pools.get(&key) {
            return Ok(pool.clone());
        }
        let proxies = match proxy {
            Proxy::Environment => Proxies::from_env(),
            Proxy::None => Proxies::none(),
            Proxy::At(url) => Proxies::all(url, ""),
        };
        let pool =
            Pool::new(PoolConfig { ca_file: ca_file.clone(), proxies, reach, ..PoolConfig::default() })?;
        self.pools.insert(key, pool.clone());
        Ok(pool)
    }

    /// The scripted target `id`: the one there was, if its script is the same.
    pub(crate) fn scripted(&mut self, id: &TargetId, script: &Script) -> Arc<dyn Backend> {
        if let Some((known, target)) = self.scripted.get(id)
            && known == script
        {
            return Arc::clone(target) as Arc<dyn Backend>;
        }
        let target = Arc::new(Scripted::new(id.clone(), script.clone()));
        self.scripted.insert(id.clone(), (script.clone(), Arc::clone(&target)));
        target
    }
}

impl Reach {
    /// Who calls `model`, which clients know as `id`.
    pub(crate) fn backend(
        &self,
        provider: &Provider,
        id: &TargetId,
        model: &str,
        max_output: Option<u32>,
        json_schema: bool,
        scripted: impl FnOnce() -> Arc<dyn Backend>,
    ) -> Result<Arc<dyn Backend>, EndpointError> {
        let endpoint = match self {
            Self::Scripted => return Ok(scripted()),
            Self::Endpoint(endpoint) => Arc::clone(endpoint),
        };
        Ok(match provider.kind {
            Kind::Anthropic => {
                let target = Anthropic::new(endpoint, id.clone(), model)?.json_schema(json_schema);
                match max_output {
                    Some(tokens) => Arc::new(target.max_tokens(u64::from(tokens.min(UNASKED_OUTPUT)))),
                    None => Arc::new(target),
                }
            }
            _ => Arc::new(OpenAi::new(endpoint, id.clone(), model)?.ask_for_usage(provider.ask_for_usage)),
        })
    }
}

//! Connections to upstreams: opened, kept and reused.
//!
//! A [`Pool`] holds one [`Host`] per origin (scheme, name, port), shared by every target there and kept across reloads
//! of the configuration. Each call has a connection to itself while it runs: ALPN offers `http/1.1` alone, since one
//! HTTP/2 connection would cap a host at about a hundred streams. The one used last is reused first, so that spare
//! ones grow old and are closed.
//!
//! A connection is driven by the task that uses it, not by one of its own: no hop between tasks for a chunk, no buffer
//! between upstream and client, and dropping a call closes its socket at once. While it rests, whether the upstream
//! has closed it is seen when it is next taken; a sweeper closes what nobody takes.
//!
//! Left out: HTTP/2, SOCKS proxies, client certificates.

mod connect;
mod io;
mod link;
mod reach;
mod trust;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::{HeaderValue, Uri};

pub(crate) use connect::{ConnectError, Connector};
pub use connect::{Proxies, ProxyError};
pub(crate) use link::{Body, Link, SendError};
pub use reach::Reach;
pub use trust::TrustError;

/// How connections are kept.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// A PEM file with certificates of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may rest before it is closed.
    pub idle_for: Duration,
    /// How many may rest, per host.
    pub idle_per_host: usize,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// Where connections may lead. What a proxy connects to is the proxy's to judge.
    pub reach: Reach,
}

/// All connections. Cloning shares them.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

/// Why a pool or a host cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The certificates cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The proxy cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A base URL without scheme or host.
    #[error("`{0}` is no base URL: give scheme and host, such as https://api.example.com/v1")]
    NoOrigin(String),
}

/// One origin and its resting connections.
pub(crate) struct Host {
    connector: Connector,
    idle_for: Duration,
    idle_at_most: usize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Oldest first; taken from the end.
    links: Vec<(Instant, Box<Link>)>,
    swept: bool,
}

struct Shared {
    config: PoolConfig,
    trust: trust::Trust,
    hosts: Mutex<HashMap<String, Weak<Host>>>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            ca_file: None,
            idle_for: Duration::from_secs(60),
            idle_per_host: 1024,
            proxies: Proxies::none(),
            reach: Reach::Anywhere,
        }
    }
}

impl Pool {
    /// A pool without connections.
    ///
    /// # Errors
    /// If the file of certificates cannot be read.
    pub fn new(config: PoolConfig) -> Result<Self, PoolError> {
        let trust = trust::Trust::new(config.ca_file.as_deref())?;
        Ok(Self { shared: Arc::new(Shared { config, trust, hosts: Mutex::default() }) })
    }

    /// The host that `base` names.
    pub(crate) fn host(&self, base: &Uri) -> Result<Arc<Host>, PoolError> {
        let origin = match (base.scheme_str(), base.authority()) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}").to_ascii_lowercase(),
            _ => return Err(PoolError::NoOrigin(base.to_string())),
        };
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get(&origin).and_then(Weak::upgrade) {
            return Ok(host);
        }
        let host = Arc::new(Host {
            connector: Connector::new(base, &self.shared.config, &self.shared.trust)?,
            idle_for: self.shared.config.idle_for,
            idle_at_most: self.shared.config.idle_per_host,
            idle: Mutex::default(),
        });
        hosts.retain(|_, host| host.strong_count() > 0);
        hosts.insert(origin, Arc::downgrade(&host));
        Ok(host)
    }
}

impl Host {
    /// A rested connection that is still open, if there is one.
    pub(crate) fn rested(&self) -> Option<Box<Link>> {
        loop {
            let (since, mut link) = self.idle().links.pop()?;
            if since.elapsed() < self.idle_for && link.is_open() {
                return Some(link);
            }
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Box<Link>, ConnectError> {
        Link::start(self.connector.connect().await?).await
    }

    /// Takes back a connection whose exchange is over.
    pub(crate) fn rest(self: &Arc<Self>, link: Box<Link>) {
        let mut idle = self.idle();
        if idle.links.len() >= self.idle_at_most {
            return;
        }
        idle.links.push((Instant::now(), link));
        if !idle.swept {
            idle.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), self.idle_for / 2));
        }
    }

    /// Whether requests name the whole URL, as a plain HTTP proxy wants it.
    pub(crate) fn absolute_form(&self) -> bool {
        self.connector.absolute_form()
    }

    /// What a plain HTTP proxy wants to see with each request.
    pub(crate) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.connector.proxy_authorization()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that rested too long or were closed at the other end, until none is left.
async fn sweep(host: Weak<Host>, pause: Duration) {
    loop {
        tokio::time::sleep(pause.max(Duration::from_millis(10))).await;
        let Some(host) = host.upgrade() else { return };
        let mut idle = host.idle();
        idle.links.retain_mut(|(since, link)| since.elapsed() < host.idle_for && link.is_open());
        if idle.links.is_empty() {
            idle.swept = false;
            idle.links.shrink_to_fit();
            return;
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

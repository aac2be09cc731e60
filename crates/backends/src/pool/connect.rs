//! Opening a connection: directly, through a tunnel (`CONNECT`, for `https` upstreams), or to a proxy that is sent
//! whole URLs (for `http` ones), as `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::io::Io;
use super::reach::Reach;
use super::trust::Trust;
use super::{PoolConfig, PoolError};

/// Which proxies to go through.
#[derive(Clone, Debug)]
pub struct Proxies(Arc<Matcher>);

/// Why a proxy cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the proxy {0} cannot be used: only http:// proxies are supported; set HTTP_PROXY and HTTPS_PROXY to one"
)]
pub struct ProxyError(String);

/// Why there is no connection. The text names no secret: proxy credentials are not part of any of these.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectError(pub(crate) String);

/// How to reach one origin.
pub(crate) struct Connector {
    route: Route,
    destination: Uri,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    reach: Reach,
}

enum Route {
    Direct(HttpConnector),
    Tunnel(Tunnel<HttpConnector>),
    /// Connects to the proxy; requests name the whole URL.
    Forward {
        proxy: Uri,
        connector: HttpConnector,
        authorization: Option<HeaderValue>,
    },
}

impl Proxies {
    /// No proxy.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Matcher::builder().build()))
    }

    /// As the environment says, by curl's rules.
    #[must_use]
    pub fn from_env() -> Self {
        Self(Arc::new(Matcher::from_env()))
    }

    /// One proxy for everything but the hosts in `except` (a list with commas, as in `NO_PROXY`).
    #[must_use]
    pub fn all(proxy: &str, except: &str) -> Self {
        Self(Arc::new(Matcher::builder().all(proxy.to_owned()).no(except.to_owned()).build()))
    }
}

impl Connector {
    pub(crate) fn new(base: &Uri, config: &PoolConfig, trust: &Trust) -> Result<Self, PoolError> {
        let no_origin = || PoolError::NoOrigin(base.to_string());
        let secure = match base.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(no_origin()),
        };
        let host = base.host().ok_or_else(no_origin)?;
        let tls = if secure {
            let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(name).map_err(|_| no_origin())?;
            Some((TlsConnector::from(trust.config()?), name))
        } else {
            None
        };
        let route = Route::new(base, secure, &config.proxies)?;
        Ok(Self { route, destination: base.clone(), tls, reach: config.reach })
    }

    pub(crate) async fn connect(&self) -> Result<Io, ConnectError> {
        let socket = match &self.route {
            Route::Direct(connector) => {
                let socket = dial(connector.clone(), &self.destination).await?;
                // Judged by where the connection leads, before a byte goes out: a name may be resolved anew each time.
                match socket.peer_addr() {
                    Ok(peer) if self.reach.allows(peer.ip()) => socket,
                    _ => return Err(ConnectError(self.reach.refusal().to_owned())),
                }
            }
            Route::Tunnel(tunnel) => dial(tunnel.clone(), &self.destination).await?,
            Route::Forward { proxy, connector, .. } => dial(connector.clone(), proxy).await?,
        };
        match &self.tls {
            None => Ok(Io::Plain(socket)),
            Some((tls, name)) => match tls.connect(name.clone(), socket).await {
                Ok(stream) => Ok(Io::Tls(Box::new(stream))),
                Err(error) => Err(ConnectError(format!("TLS failed: {}", whole(&error)))),
            },
        }
    }

    pub(crate) fn absolute_form(&self) -> bool {
        matches!(self.route, Route::Forward { .. })
    }

    pub(crate) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        match &self.route {
            Route::Forward { authorization, .. } => authorization.as_ref(),
            _ => None,
        }
    }
}

impl Route {
    fn new(base: &Uri, secure: bool, proxies: &Proxies) -> Result<Self, ProxyError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        // A peer that vanished without a word is noticed while a long answer is awaited.
        connector.set_keepalive(Some(Duration::from_secs(60)));
        let Some(proxy) = proxies.0.intercept(base) else { return Ok(Self::Direct(connector)) };
        if proxy.uri().scheme_str() != Some("http") {
            return Err(ProxyError(proxy.uri().to_string()));
        }
        let authorization = proxy.basic_auth().cloned();
        if !secure {
            return Ok(Self::Forward { proxy: proxy.uri().clone(), connector, authorization });
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), connector);
        Ok(Self::Tunnel(match authorization {
            Some(authorization) => tunnel.with_auth(authorization),
            None => tunnel,
        }))
    }
}

async fn dial<C>(mut connector: C, to: &Uri) -> Result<TcpStream, ConnectError>
where
    C: Service<Uri, Response = hyper_util::rt::TokioIo<TcpStream>>,
    C::Error: std::error::Error,
{
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(|error| ConnectError(whole(&error)))?;
    match connector.call(to.clone()).await {
        Ok(socket) => Ok(socket.into_inner()),
        Err(error) => Err(ConnectError(whole(&error))),
    }
}

/// An error with its causes.
pub(super) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

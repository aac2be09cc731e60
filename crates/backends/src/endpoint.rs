//! One provider's API at one base URL with one key: what its targets share.
//!
//! Base URLs are joined as the official SDKs join them: OpenAI's holds the version (`https://host/v1`), Anthropic's
//! does not. A query in a base URL stays behind the path. The key is in one header value, marked as sensitive, and
//! nowhere else.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};

use crate::pool::{Host, Pool, PoolError};

/// A provider's API. Share it among its targets.
pub struct Endpoint {
    name: String,
    pub(crate) host: Arc<Host>,
    pub(crate) dialect: Dialect,
    pub(crate) paths: Paths,
    pub(crate) headers: HeaderMap,
    pub(crate) key: Option<Arc<SecretString>>,
}

/// Which API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
    A2a,
}

/// Where the requests go, in the form they are sent in.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) chat: Uri,
    pub(crate) embeddings: Uri,
    pub(crate) models: Uri,
}

/// Why an endpoint cannot be set up. The text never holds the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The base URL is none.
    #[error("the base_url of {0} is no URL: give scheme and host, such as https://api.example.com/v1")]
    Url(String),
    /// The base URL holds a user name or password.
    #[error("the base_url of {0} holds credentials: take them out and give an api_key")]
    Credentials(String),
    /// The endpoint speaks another dialect than the target.
    #[error("{name} speaks {speaks}: set up its targets for that")]
    Dialect {
        /// Whose.
        name: String,
        /// What it speaks.
        speaks: &'static str,
    },
    /// The key cannot stand in a header.
    #[error("the api_key of {0} cannot be sent: it must be visible ASCII without line breaks")]
    Key(String),
    /// A header cannot be sent.
    #[error("the header `{header}` of {name} cannot be sent: check its name and value")]
    Header {
        /// Whose.
        name: String,
        /// Which.
        header: String,
    },
    /// No connection can be made this way.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

const AGENT: &str = concat!("pointsman/", env!("CARGO_PKG_VERSION"));
const ANTHROPIC_VERSION: &str = "2023-06-01";

impl Endpoint {
    /// An API in OpenAI's dialect. `base_url` includes the version.
    ///
    /// # Errors
    /// If URL, key or proxy cannot be used.
    pub fn open_ai(
        pool: &Pool,
        name: &str,
        base_url: &str,
        key: Option<SecretString>,
    ) -> Result<Self, EndpointError> {
        let own = key.as_ref().map(|key| (AUTHORIZATION, format!("Bearer {}", key.expose_secret())));
        let endpoint = Self::new(pool, name, base_url, Dialect::OpenAi, own)?;
        Ok(Self { key: key.map(Arc::new), ..endpoint })
    }

    /// Anthropic's API, or one like it. `base_url` is without the version; one that ends in `/v1` is understood.
    ///
    /// # Errors
    /// If URL, key or proxy cannot be used.
    pub fn anthropic(
        pool: &Pool,
        name: &str,
        base_url: &str,
        key: Option<SecretString>,
    ) -> Result<Self, EndpointError> {
        let header = HeaderName::from_static("x-api-key");
        let own = key.as_ref().map(|key| (header, key.expose_secret().to_owned()));
        let mut endpoint = Self::new(pool, name, base_url, Dialect::Anthropic, own)?;
        let version = HeaderName::from_static("anthropic-version");
        endpoint.headers.insert(version, HeaderValue::from_static(ANTHROPIC_VERSION));
        Ok(Self { key: key.map(Arc::new), ..endpoint })
    }

    /// Where an agent takes calls, or has its card: the address as it is, nothing is joined to it.
    ///
    /// # Errors
    /// If URL, key or proxy cannot be used.
    pub fn agent(
        pool: &Pool,
        name: &str,
        url: &str,
        key: Option<SecretString>,
    ) -> Result<Self, EndpointError> {
        let own = key.as_ref().map(|key| (AUTHORIZATION, format!("Bearer {}", key.expose_secret())));
        let mut endpoint = Self::new(pool, name, url, Dialect::A2a, own)?;
        endpoint.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        Ok(Self { key: key.map(Arc::new), ..endpoint })
    }

    /// The same with a header on every request. It replaces one of that name, so it can carry other credentials.
    ///
    /// # Errors
    /// If it cannot stand in a request.
    pub fn with_header(mut self, header: &str, value: &str) -> Result<Self, EndpointError> {
        let fault = || EndpointError::Header { name: self.name.clone(), header: header.to_owned() };
        let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| fault())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| fault())?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// What it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn speaks(&self, dialect: Dialect) -> Result<(), EndpointError> {
        let speaks = match self.dialect {
            _ if self.dialect == dialect => return Ok(()),
            Dialect::OpenAi => "OpenAI's API",
            Dialect::Anthropic => "Anthropic's API",
            Dialect::A2a => "A2A",
        };
        Err(EndpointError::Dialect { name: self.name.clone(), speaks })
    }

    fn new(
        pool: &Pool,
        name: &str,
        base_url: &str,
        dialect: Dialect,
        own: Option<(HeaderName, String)>,
    ) -> Result<Self, EndpointError> {
        let base: Uri = base_url.trim().parse().map_err(|_| EndpointError::Url(name.to_owned()))?;
        let Some(authority) = base.authority() else { return Err(EndpointError::Url(name.to_owned())) };
        if authority.as_str().contains('@') {
            return Err(EndpointError::Credentials(name.to_owned()));
        }
        let host = pool.host(&base)?;
        let paths = Paths::new(&base, dialect, host.absolute_form())
            .ok_or_else(|| EndpointError::Url(name.to_owned()))?;
        let mut headers = HeaderMap::with_capacity(12);
        let authority =
            HeaderValue::from_str(&authority_sent(&base)).map_err(|_| EndpointError::Url(name.to_owned()))?;
        headers.insert(HOST, authority);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(authorization) = host.proxy_authorization() {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        if let Some((header, value)) = own {
            let mut value = HeaderValue::from_str(&value).map_err(|_| EndpointError::Key(name.to_owned()))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        Ok(Self { name: name.to_owned(), host, dialect, paths, headers, key: None })
    }
}

impl Paths {
    fn new(base: &Uri, dialect: Dialect, absolute: bool) -> Option<Self> {
        let mut prefix = base.path().trim_end_matches('/');
        if dialect == Dialect::Anthropic {
            prefix = prefix.strip_suffix("/v1").unwrap_or(prefix);
        }
        let query = base.query().map(|query| format!("?{query}")).unwrap_or_default();
        let origin =
            if absolute { format!("{}://{}", base.scheme_str()?, base.authority()?) } else { String::new() };
        let join = |path: &str| format!("{origin}{prefix}{path}{query}").parse().ok();
        Some(match dialect {
            Dialect::A2a => {
                let path = base.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
                let whole: Uri = format!("{origin}{path}").parse().ok()?;
                Self { chat: whole.clone(), embeddings: whole.clone(), models: whole }
            }
            Dialect::OpenAi => Self {
                chat: join("/chat/completions")?,
                embeddings: join("/embeddings")?,
                models: join("/models")?,
            },
            Dialect::Anthropic => Self {
                chat: join("/v1/messages")?,
                embeddings: join("/v1/embeddings")?,
                models: join("/v1/models")?,
            },
        })
    }
}

/// The `Host` header: without the port where it is the scheme's own.
fn authority_sent(base: &Uri) -> String {
    let host = base.host().unwrap_or_default();
    match (base.port_u16(), base.scheme_str()) {
        (None, _) | (Some(443), Some("https")) | (Some(80), Some("http")) => host.to_owned(),
        (Some(port), _) => format!("{host}:{port}"),
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("chat", &self.paths.chat)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::PoolConfig;

    fn pool() -> Pool {
        Pool::new(PoolConfig::default()).unwrap()
    }

    #[test]
    fn base_urls_are_joined_as_the_sdks_join_them() {
        let openai = |base: &str| Endpoint::open_ai(&pool(), "p", base, None).unwrap().paths.chat.to_string();
        assert_eq!(openai("http://h:1/v1"), "/v1/chat/completions");
        assert_eq!(openai("http://h:1/v1/"), "/v1/chat/completions");
        assert_eq!(openai("http://h:1"), "/chat/completions");
        assert_eq!(openai("http://h/x?api-version=1"), "/x/chat/completions?api-version=1");
        let anthropic =
            |base: &str| Endpoint::anthropic(&pool(), "p", base, None).unwrap().paths.chat.to_string();
        assert_eq!(anthropic("http://h"), "/v1/messages");
        assert_eq!(anthropic("http://h/v1/"), "/v1/messages");
        assert_eq!(anthropic("http://h/proxy"), "/proxy/v1/messages");
    }

    #[test]
    fn what_cannot_be_reached_is_refused_by_name() {
        for base in ["", "h/v1", "ftp://h", "http://", "http://u:p@h/v1"] {
            let error = Endpoint::open_ai(&pool(), "prov", base, None).unwrap_err().to_string();
            assert!(!error.contains("u:p"), "{error}");
        }
        let key = SecretString::from("sk-abc\nx");
        let error = Endpoint::open_ai(&pool(), "prov", "http://h", Some(key)).unwrap_err().to_string();
        assert!(error.contains("prov") && !error.contains("sk-abc"), "{error}");
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = SecretString::from("sk-secret");
        let endpoint = Endpoint::open_ai(&pool(), "p", "http://h/v1", Some(key)).unwrap();
        assert!(!format!("{endpoint:?} {:?}", endpoint.headers).contains("sk-secret"));
    }
}

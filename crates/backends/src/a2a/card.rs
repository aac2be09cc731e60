//! Fetching an agent's card, and judging where it sends calls.
//!
//! The operator has given the card's address; what the card says is a stranger's word. It is read up to a size and a
//! time, redirects are not followed, and an address in it that leads deeper into the operator's network than the card's
//! own, drops TLS, or would take a key elsewhere, is refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Uri};
use pointsman_kernel::Phase;
use pointsman_wire::a2a::card::{Card, WELL_KNOWN};
use pointsman_wire::a2a::rpc;
use secrecy::{ExposeSecret, SecretString};

use crate::call::{Deadlines, Forwarded};
use crate::endpoint::Endpoint;
use crate::exchange::Outgoing;
use crate::failure::Failure;
use crate::pool::{Pool, Reach};

/// Where a card is, and what is sent along.
#[derive(Clone, Debug)]
pub struct CardSource {
    /// The agent's name here.
    pub name: Arc<str>,
    /// The card's address, or the agent's, below which it is looked for.
    pub url: String,
    /// The agent's key.
    pub key: Option<SecretString>,
    /// Headers to send besides.
    pub headers: Vec<(String, SecretString)>,
    /// What the card says of addresses counts wherever they lead.
    pub trusted: bool,
}

/// A card and how far its addresses may lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The card.
    pub card: Card,
    /// How far.
    pub reach: Reach,
}

/// A card beyond this is none.
const CARD_AT_MOST: usize = 1 << 20;
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    head: Duration::from_secs(10),
    idle: Duration::from_secs(5),
    total: Some(Duration::from_secs(15)),
};

/// Fetches and judges a card.
///
/// # Errors
/// Why there is none, in words that quote nothing of it.
pub async fn fetch(pool: &Pool, source: &CardSource) -> Result<Found, Arc<str>> {
    let at = addresses(&source.url);
    let mut failed = None;
    for url in &at {
        match get(pool, source, url).await {
            Ok(body) => {
                let card = Card::parse(&body).map_err(|fault| Arc::from(fault.to_string()))?;
                let reach = judge(&card, url, source).await?;
                return Ok(Found { card, reach });
            }
            Err(failure) => {
                let missing = failure.error.status == Some(404);
                failed.get_or_insert(failure);
                if !missing {
                    break;
                }
            }
        }
    }
    let why = failed.map_or_else(|| "its address is no URL".to_owned(), |failure| said(&failure));
    Err(why.into())
}

/// The address itself if it names a file, else the well-known places below it.
fn addresses(url: &str) -> Vec<String> {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    match path.ends_with(".json") {
        true => vec![url.to_owned()],
        false => WELL_KNOWN.iter().map(|known| format!("{}{known}", path.trim_end_matches('/'))).collect(),
    }
}

async fn get(pool: &Pool, source: &CardSource, url: &str) -> Result<bytes::Bytes, Failure> {
    let name = &*source.name;
    let unusable = |error: crate::endpoint::EndpointError| Failure::internal(error.to_string());
    let mut endpoint = Endpoint::agent(pool, name, url, source.key.clone()).map_err(unusable)?;
    for (header, value) in &source.headers {
        endpoint = endpoint.with_header(header, value.expose_secret()).map_err(unusable)?;
    }
    let outgoing = Outgoing {
        method: Method::GET,
        uri: &endpoint.paths.chat,
        body: bytes::Bytes::new(),
        headers: &Forwarded::default(),
        deadlines: DEADLINES,
        name,
        read_error: rpc::error,
    };
    let mut incoming = endpoint.exchange(outgoing).await?;
    if incoming.media_type() == "text/html" {
        return Err(Failure::protocol(
            name,
            Phase::BeforeByte,
            "answered with a page where its card should be",
        ));
    }
    incoming.at_most(CARD_AT_MOST, name).await
}

/// How far the card's own address leads, if where it sends calls leads no farther.
async fn judge(card: &Card, at: &str, source: &CardSource) -> Result<Reach, Arc<str>> {
    if source.trusted {
        return Ok(Reach::Anywhere);
    }
    let refused = |why: String| Err(Arc::from(why));
    let Some(interface) = card.interface() else { return refused("its card names no interface".to_owned()) };
    let (Some(own), Some(to)) = (parsed(at), parsed(&interface.url)) else {
        return refused("its card sends calls to what is no http or https address".to_owned());
    };
    let same_host = own.host().map(str::to_ascii_lowercase) == to.host().map(str::to_ascii_lowercase);
    if !same_host && (source.key.is_some() || !source.headers.is_empty()) {
        return refused(
            "its card sends calls to another host than its own, which would be given the agent's key: name that address \
             as `url` if it is meant"
                .to_owned(),
        );
    }
    let near = reach_of(&own).await;
    if own.scheme_str() == Some("https") && to.scheme_str() == Some("http") && near == Some(Reach::Public) {
        return refused(
            "its card came by https and sends calls to http: name the address as `url` if it is meant".into(),
        );
    }
    // A name that cannot be resolved now is judged when it is connected to.
    let near = near.unwrap_or(Reach::Public);
    match reach_of(&to).await {
        Some(far) if far > near => refused(
            "its card sends calls to a private address or to this machine, and is not from there itself: set \
             `allow_private: true` if it is meant"
                .to_owned(),
        ),
        _ => Ok(near),
    }
}

fn parsed(url: &str) -> Option<Uri> {
    let uri: Uri = url.trim().parse().ok()?;
    let good = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    good.then_some(uri)
}

/// How far a host leads, by the deepest of its addresses; nothing where it has none.
async fn reach_of(uri: &Uri) -> Option<Reach> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(Reach::of(address));
    }
    let port = uri.port_u16().unwrap_or(443);
    let found = tokio::time::timeout(DEADLINES.connect, tokio::net::lookup_host((host, port))).await;
    found.ok()?.ok()?.map(|address| Reach::of(address.ip())).max()
}

fn said(failure: &Failure) -> String {
    match failure.error.status {
        Some(status) if (300..400).contains(&status) => {
            "its address answers with a redirect, which is not followed: give the address it leads to"
                .to_owned()
        }
        _ => failure.error.detail.clone(),
    }
}

//! Asking a provider which models it has.

use std::sync::Arc;

use http::{Method, Uri};
use pointsman_kernel::Phase;
use pointsman_wire::openai::models::{self, ModelEntry};
use pointsman_wire::{anthropic, openai};

use crate::call::{Deadlines, Forwarded};
use crate::endpoint::{Dialect, Endpoint};
use crate::exchange::Outgoing;
use crate::failure::Failure;

/// More pages than this are a server that turns in circles.
const PAGES_AT_MOST: usize = 50;

/// The models of an endpoint in its own order, all pages of them.
///
/// # Errors
/// As for a call; what cannot be read as a list is a failure of the protocol.
pub async fn list_models(endpoint: &Arc<Endpoint>, deadlines: Deadlines) -> Result<Vec<ModelEntry>, Failure> {
    let name = endpoint.name();
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..PAGES_AT_MOST {
        let uri = page(endpoint, after.as_deref()).ok_or_else(|| {
            Failure::protocol(name, Phase::BeforeByte, "named a page that cannot be asked for")
        })?;
        let outgoing = Outgoing {
            method: Method::GET,
            uri: &uri,
            body: bytes::Bytes::new(),
            headers: &Forwarded::default(),
            deadlines,
            name,
            read_error: match endpoint.dialect {
                Dialect::OpenAi | Dialect::A2a => openai::error::parse,
                Dialect::Anthropic => anthropic::error::parse,
            },
        };
        let body = endpoint.exchange(outgoing).await?.all(name).await?;
        let page = models::parse(&body).map_err(|fault| {
            Failure::protocol(
                name,
                Phase::BeforeByte,
                &format!("sent a list of models that is no JSON ({fault})"),
            )
        })?;
        found.extend(page.models);
        match page.next {
            Some(next) if after.as_deref() != Some(&*next) => after = Some(next),
            _ => break,
        }
    }
    Ok(found)
}

/// The list's address, from behind `after` where it is not the first page (Anthropic's paging).
fn page(endpoint: &Endpoint, after: Option<&str>) -> Option<Uri> {
    let base = &endpoint.paths.models;
    let wish = match (endpoint.dialect, after) {
        (Dialect::OpenAi | Dialect::A2a, None) => return Some(base.clone()),
        (Dialect::OpenAi | Dialect::A2a, Some(after)) => format!("after={}", escaped(after)),
        (Dialect::Anthropic, None) => "limit=1000".to_owned(),
        (Dialect::Anthropic, Some(after)) => format!("limit=1000&after_id={}", escaped(after)),
    };
    let joint = if base.query().is_some() { '&' } else { '?' };
    format!("{base}{joint}{wish}").parse().ok()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

//! Asking a router that is not ours whom it sends a request to.
//!
//! Unlike a call to a target, the answer is not made over for a client: the name that the router gives is what is asked for.

use bytes::Bytes;
use http::{HeaderName, Method};
use pointsman_kernel::Phase;
use pointsman_wire::openai;
use pointsman_wire::openai::chat::AnswerScan;

use crate::call::{Deadlines, Forwarded};
use crate::endpoint::{Dialect, Endpoint};
use crate::exchange::Outgoing;
use crate::failure::Failure;

/// The header in which this gateway names the target that served.
const TARGET: HeaderName = HeaderName::from_static("x-pointsman-target");

/// Sends a chat body and gives the name of who served it: of the header `x-pointsman-target` where there is one, else the
/// answer's `model`; nothing where the answer names nobody.
///
/// # Errors
/// As for a call; an answer without a choice is a failure of the protocol.
pub async fn ask_who_serves(
    endpoint: &Endpoint,
    body: Bytes,
    deadlines: Deadlines,
) -> Result<Option<String>, Failure> {
    let name = endpoint.name();
    if endpoint.speaks(Dialect::OpenAi).is_err() {
        return Err(Failure::protocol(name, Phase::BeforeSend, "does not speak OpenAI's dialect"));
    }
    let outgoing = Outgoing {
        method: Method::POST,
        uri: &endpoint.paths.chat,
        body,
        headers: &Forwarded::default(),
        deadlines,
        name,
        read_error: openai::error::parse,
    };
    let mut incoming = endpoint.exchange(outgoing).await?;
    let target = incoming.headers.get(TARGET).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = incoming.all(name).await?;
    let scan = AnswerScan::scan(&body).map_err(|fault| {
        Failure::protocol(name, Phase::BeforeByte, &format!("answered in something else than JSON ({fault})"))
    })?;
    if let Some(said) = scan.error {
        return Err(Failure::told(name, incoming.scrubbed(said), Phase::BeforeByte));
    }
    if scan.finishes.is_empty() {
        return Err(Failure::protocol(name, Phase::BeforeByte, "answered without any choice"));
    }
    Ok(target.or_else(|| scan.model.map(|model| model.text(&body).into_owned())))
}

//! Agent cards: what an agent says of itself, in either version's form, read with distrust and written anew.
//!
//! A card is read strictly where it matters (kinds of values, where calls go) and mildly where agents differ: fields that
//! the protocol's own serialiser leaves out when they are empty may be missing. Left out: whether its addresses may be
//! called, which whoever fetches it judges.

use a2a_types::AgentCard;
use serde_json::{Map, Value, json};

use super::Version;
use crate::json::View;

pub use a2a_types::AgentSkill as Skill;

/// Where a card is looked for below an agent's address, in this order.
pub const WELL_KNOWN: [&str; 2] = ["/.well-known/agent-card.json", "/.well-known/agent.json"];

/// A card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    raw: Map<String, Value>,
    card: AgentCard,
    signatures: usize,
}

/// Where an agent takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The address.
    pub url: String,
    /// What is spoken there.
    pub version: Version,
    /// What each request has to say it is for.
    pub tenant: Option<String>,
}

/// Why something is no card. Nothing a stranger wrote is in it but the names of fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// It is not JSON.
    #[error("the card is not valid JSON: {0}")]
    Json(#[from] crate::json::JsonError),
    /// A field is missing or has a value of the wrong kind.
    #[error("the card is none of A2A's: {0}")]
    Shape(String),
    /// It takes calls in ways that are not spoken here alone.
    #[error("the card names no JSON-RPC interface of version 1.0 or 0.3, and no other is spoken here")]
    NoInterface,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// See [`CardError`].
    pub fn parse(body: &[u8]) -> Result<Self, CardError> {
        View::parse(body)?;
        let shape = |fault: serde_json::Error| CardError::Shape(without_values(&fault.to_string()));
        let raw: Map<String, Value> = serde_json::from_slice(body).map_err(shape)?;
        let signatures = raw.get("signatures").and_then(Value::as_array).map_or(0, Vec::len);
        let card: AgentCard = serde_json::from_value(Value::Object(readable(&raw))).map_err(shape)?;
        if card.name.trim().is_empty() {
            return Err(CardError::Shape("`name` is missing or empty".to_owned()));
        }
        let found = Self { raw, card, signatures };
        match found.interface() {
            Some(_) => Ok(found),
            None => Err(CardError::NoInterface),
        }
    }

    /// What the card says, in the form of 1.0.
    #[must_use]
    pub fn card(&self) -> &AgentCard {
        &self.card
    }

    /// The first interface that is spoken here.
    #[must_use]
    pub fn interface(&self) -> Option<Interface> {
        self.card.supported_interfaces.iter().find_map(|interface| {
            let version = Version::parse(&interface.protocol_version)?;
            interface.protocol_binding.eq_ignore_ascii_case("JSONRPC").then(|| Interface {
                url: interface.url.clone(),
                version,
                tenant: interface.tenant.clone().filter(|tenant| !tenant.is_empty()),
            })
        })
    }

    /// Whether the agent streams.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.card.capabilities.streaming.unwrap_or(false)
    }

    /// How many signatures it bears. They are counted here and not checked.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.signatures
    }

    /// The card of the same agent for clients that call it at `url`, through whoever serves that: both versions, no push
    /// notifications, no signatures, since it is another card now. `keyed`: a bearer token is wanted there.
    #[must_use]
    pub fn served_at(&self, url: &str, keyed: bool) -> Vec<u8> {
        let mut card = self.raw.clone();
        for name in ["signatures", "additionalInterfaces", "supportsAuthenticatedExtendedCard"] {
            card.remove(name);
        }
        for name in ["securitySchemes", "securityRequirements", "security"] {
            card.remove(name);
        }
        for skill in card.get_mut("skills").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(skill) = skill.as_object_mut() {
                skill.remove("security");
                skill.remove("securityRequirements");
            }
        }
        let interface = |version: Version| json!({"url": url, "protocolBinding": "JSONRPC", "protocolVersion": version.name()});
        let more = json!({
            "supportedInterfaces": [interface(Version::V1), interface(Version::V03)],
            "url": url,
            "preferredTransport": "JSONRPC",
            "protocolVersion": "0.3.0",
            "version": self.card.version,
        });
        card.extend(more.as_object().cloned().unwrap_or_default());
        let capabilities = card.entry("capabilities").or_insert_with(|| json!({}));
        if let Some(capabilities) = capabilities.as_object_mut() {
            capabilities.insert("pushNotifications".into(), false.into());
            capabilities.insert("streaming".into(), self.streams().into());
            capabilities.remove("extendedAgentCard");
        }
        if keyed {
            let scheme =
                json!({"httpAuthSecurityScheme": {"scheme": "Bearer"}, "type": "http", "scheme": "bearer"});
            card.insert("securitySchemes".into(), json!({ "key": scheme }));
            card.insert("securityRequirements".into(), json!([{"schemes": {"key": {"list": []}}}]));
            card.insert("security".into(), json!([{"key": []}]));
        }
        serde_json::to_vec(&card).unwrap_or_else(|_| b"{}".to_vec())
    }

    /// A card for an agent that is described by hand: its name, what it does, where it takes calls.
    #[must_use]
    pub fn described(name: &str, description: &str, interface: &Interface, streams: bool) -> Option<Self> {
        let card = json!({
            "name": name,
            "description": description,
            "version": "1",
            "capabilities": {"streaming": streams},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [],
            "supportedInterfaces": [{
                "url": interface.url,
                "protocolBinding": "JSONRPC",
                "protocolVersion": interface.version.name(),
            }],
        });
        Self::parse(&serde_json::to_vec(&card).ok()?).ok()
    }
}

/// The card in the form of 1.0, with what an empty field stands for where it was left out.
fn readable(raw: &Map<String, Value>) -> Map<String, Value> {
    let mut card = raw.clone();
    if !card.contains_key("supportedInterfaces") {
        let mut interfaces = Vec::new();
        let interface = |url: &Value, binding: Value| {
            let version = raw.get("protocolVersion").cloned().unwrap_or_else(|| "0.3.0".into());
            json!({"url": url, "protocolBinding": binding, "protocolVersion": version})
        };
        if let Some(url) = raw.get("url") {
            let binding = raw.get("preferredTransport").filter(|transport| !transport.is_null()).cloned();
            interfaces.push(interface(url, binding.unwrap_or_else(|| "JSONRPC".into())));
        }
        for more in raw.get("additionalInterfaces").and_then(Value::as_array).into_iter().flatten() {
            if let (Some(url), Some(transport)) = (more.get("url"), more.get("transport")) {
                interfaces.push(interface(url, transport.clone()));
            }
        }
        card.insert("supportedInterfaces".into(), Value::Array(interfaces));
    }
    // Who may call is settled by the operator; the two versions spell it too differently to read one as the other.
    for name in ["securitySchemes", "securityRequirements", "security", "signatures"] {
        card.remove(name);
    }
    card.entry("version").or_insert_with(|| "".into());
    card.entry("capabilities").or_insert_with(|| json!({}));
    for skill in card.get_mut("skills").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(skill) = skill.as_object_mut() {
            skill.remove("securityRequirements");
            skill.entry("description").or_insert_with(|| "".into());
            skill.entry("tags").or_insert_with(|| json!([]));
        }
    }
    card
}

/// A reader's complaint without what it quotes of the card, which goes to logs.
fn without_values(complaint: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for character in complaint.chars().take(300) {
        match character {
            '"' => {
                quoted = !quoted;
                if quoted {
                    out.push_str("a text");
                }
            }
            _ if quoted => {}
            other => out.push(other),
        }
    }
    out
}

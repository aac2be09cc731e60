//! Agents, as the file describes them.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::scalar::{SecretRef, Time};

/// One agent that speaks A2A. It is a target of the name it has here.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// Where its card is: its address, below which the card is looked for at `/.well-known/agent-card.json` and the older
    /// `agent.json`, or the address of the card itself, which ends in `.json`. May contain `${NAME}`. Default: no card
    /// is fetched, and `url` is needed.
    pub card: Option<String>,
    /// Where it takes calls, by JSON-RPC. Goes before what its card says. Default: as the card says.
    pub url: Option<String>,
    /// The version of A2A it speaks. Default: as the card says, else `v1`.
    pub protocol: Option<Protocol>,
    /// Whether it streams. Default: as the card says, else no.
    pub streams: Option<bool>,
    /// Where its key is, sent as a bearer token: `env:NAME`, `${NAME}` or `file:PATH`; never the key itself.
    pub api_key: Option<SecretRef>,
    /// Headers to send besides; values may be `env:NAME` or `file:PATH`.
    pub headers: BTreeMap<String, String>,
    /// File of certificates (PEM) to trust besides the public ones.
    pub ca_file: Option<String>,
    /// Proxy to reach it through; `none` for none. Default: HTTPS_PROXY and its kin, but never to loopback.
    pub proxy: Option<String>,
    /// Take its card's word for addresses that lead deeper into your network than the card's own.
    pub allow_private: bool,
    /// How often its card is fetched again. A failure keeps the last one.
    pub refresh: Time,
    /// Send earlier turns as text where it joins a conversation that it does not know.
    pub transcript: bool,
    /// What it charges. Default: not known.
    pub price: Option<AgentPrice>,
    /// What it does. Default: as the card says.
    pub description: Option<String>,
    /// What it can be asked for, besides what its card names.
    pub skills: Vec<AgentSkill>,
    /// What people say to it, besides its card's examples.
    pub examples: Vec<String>,
    /// Where it belongs. Default: its card's tags.
    pub categories: Vec<String>,
    /// What must be known before it is asked.
    pub slots: Vec<AgentSlot>,
    /// What a caller must have been granted, all of them.
    pub scopes: Vec<String>,
    /// Agents it may hand a conversation to.
    pub handoffs: Vec<String>,
    /// Labels that routes choose by.
    pub tags: Vec<String>,
}

/// A version of A2A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// 1.0.
    #[serde(rename = "v1")]
    V1,
    /// 0.3.
    #[serde(rename = "v0.3")]
    V03,
}

/// What an agent charges, in USD.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentPrice {
    /// For each call.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub per_call: f64,
    /// For a million tokens read; agents do not count, so they are estimated.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub input: f64,
    /// For a million tokens written.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub output: f64,
}

/// One thing an agent can do.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSkill {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// How it does it: the text behind the description.
    #[serde(default)]
    pub body: String,
}

/// A value an agent works with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSlot {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(default)]
    pub description: String,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            card: None,
            url: None,
            protocol: None,
            streams: None,
            api_key: None,
            headers: BTreeMap::new(),
            ca_file: None,
            proxy: None,
            allow_private: false,
            refresh: Duration::from_secs(600).into(),
            transcript: false,
            price: None,
            description: None,
            skills: Vec::new(),
            examples: Vec::new(),
            categories: Vec::new(),
            slots: Vec::new(),
            scopes: Vec::new(),
            handoffs: Vec::new(),
            tags: Vec::new(),
        }
    }
}

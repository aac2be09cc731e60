//! Everything that can answer is a target: a model deployment, an agent, a tool server, a pool, another route.
//!
//! The kernel never asks for the kind. What it reads is what a target can do, what it may be given, and what it costs.

use serde::{Deserialize, Serialize};

use crate::id::TargetId;
use crate::money::Price;

/// Whether a target can do something. `Unknown` is treated as yes: a target is left out for what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It can.
    Yes,
    /// It cannot; requests that need it are not sent there.
    No,
    /// Nobody said.
    #[default]
    Unknown,
}

/// What a target can do beyond text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Calling tools.
    pub tools: Support,
    /// Reading images.
    pub images: Support,
    /// Answering by a JSON schema.
    pub json_schema: Support,
}

/// What a target may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Tokens of input and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Tokens of output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
}

/// What a prior may go by when no estimator has seen a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// Such as `gpt`, `claude`, `llama`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Billions of parameters, where the name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_b: Option<f32>,
}

/// Something that can answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its public name, unique in a configuration.
    pub id: TargetId,
    /// The name under which learned estimators know it; its id where they are the same.
    pub profile: String,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// What it may be given.
    #[serde(default)]
    pub limits: Limits,
    /// What it charges; `None` when nobody said, which is not free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What a key must have been granted to use it, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Labels that routes select by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What a prior may go by.
    #[serde(default)]
    pub lineage: Lineage,
}

impl Target {
    /// A target known by nothing but its name.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self {
            id: id.into(),
            profile: id.to_owned(),
            capabilities: Capabilities::default(),
            limits: Limits::default(),
            price: None,
            requires: Vec::new(),
            tags: Vec::new(),
            lineage: Lineage::default(),
        }
    }

    /// The same at a price in dollars per million tokens.
    #[must_use]
    pub fn priced(mut self, input: f64, output: f64) -> Self {
        self.price = Some(Price::per_million_usd(input, output));
        self
    }
}

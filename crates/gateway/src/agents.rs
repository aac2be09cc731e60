//! Agents: what is known of each, and how their cards are kept fresh.
//!
//! Promises: an agent whose card cannot be fetched, or is none, keeps the last good one and says why; a failure never
//! takes an agent out of the registry. An agent is a target like any other; nothing here decides.

pub(crate) mod first;
mod refresh;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_backends::a2a::Found;
use pointsman_kernel::agents::Agent;
use pointsman_wire::a2a::card::Card;
use secrecy::ExposeSecret;

use crate::config::{DeclaredAgent, Proxy};

pub use first::RouteAgents;
pub use refresh::spawn;

/// What is known of agents' cards, by the agents' names.
pub type Cards = BTreeMap<Arc<str>, CardState>;

/// What fetching an agent's card has brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardState {
    /// The last good card; kept when a later fetch fails.
    pub found: Option<Arc<Found>>,
    /// What went wrong with the latest fetch.
    pub error: Option<Arc<str>>,
}

/// An agent that is served, or would be if its card were known.
#[derive(Debug)]
pub struct ServedAgent {
    /// Its name.
    pub name: Arc<str>,
    /// Its card; a made one where it is described by hand. None until it has been fetched.
    pub card: Option<Card>,
    /// What the first stage knows of it. None where there is no card.
    pub entry: Option<Agent>,
    /// Whether anybody has signed the card.
    pub signature: Signature,
    /// What went wrong when its card was last fetched.
    pub error: Option<Arc<str>>,
    /// Its card has not been asked for yet.
    pub waiting: bool,
}

/// Whether anybody has signed a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// There is no card of its own.
    None,
    /// Nobody.
    Unsigned,
    /// Somebody, which was not checked: no key is trusted here to check it by.
    Unchecked,
}

/// What makes an agent's card another one, so that what was fetched before counts no more.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    card: Option<String>,
    url: Option<String>,
    key: Option<String>,
    headers: Vec<(String, String)>,
    proxy: Proxy,
    ca_file: Option<PathBuf>,
    allow_private: bool,
}

impl Identity {
    pub(crate) fn of(agent: &DeclaredAgent) -> Self {
        let shown = |(name, value): &(String, secrecy::SecretString)| {
            (name.clone(), value.expose_secret().to_owned())
        };
        Self {
            card: agent.card.clone(),
            url: agent.url.clone(),
            key: agent.key.as_ref().map(|key| key.expose_secret().to_owned()),
            headers: agent.headers.iter().map(shown).collect(),
            proxy: agent.proxy.clone(),
            ca_file: agent.ca_file.clone(),
            allow_private: agent.allow_private,
        }
    }
}

impl ServedAgent {
    /// What is in the way of it, where something is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match &self.error {
            Some(error) if self.card.is_none() => {
                Some(format!("agent `{}` is not served, its card could not be had: {error}", self.name))
            }
            Some(error) => Some(format!("agent `{}` goes by an older card: {error}", self.name)),
            None if self.waiting => Some(format!("the card of agent `{}` has not come yet", self.name)),
            None => None,
        }
    }
}

impl Signature {
    /// Of a card.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        if card.signatures() == 0 { Self::Unsigned } else { Self::Unchecked }
    }

    /// As a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unsigned => "unsigned",
            Self::Unchecked => "unchecked",
        }
    }
}

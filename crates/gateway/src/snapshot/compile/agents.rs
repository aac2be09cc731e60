//! Agents of a snapshot: each with a card is a target, and an entry of the registry the first stage chooses from.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_backends::Reach;
use pointsman_backends::a2a::{Found, Terms};
use pointsman_kernel::agents::{Agent, Registry, Skill};
use pointsman_kernel::{Support, Target, TargetId};
use pointsman_wire::a2a::Version;
use pointsman_wire::a2a::card::{Card, Interface};

use super::{Build, Mode, Served};
use crate::agents::{CardState, Cards, ServedAgent, Signature};
use crate::config::DeclaredAgent;

/// The provider's name that agents' targets bear.
const AGENTS: &str = "a2a";

impl Build<'_> {
    /// Takes up the agents, before any model of their names is found.
    pub(super) fn agents(&mut self, cards: &Cards) {
        for agent in &self.config.agents {
            let state = cards.get(&agent.name).cloned().unwrap_or_default();
            let served = self.agent(agent, &state);
            self.agents.insert(Arc::clone(&agent.name), Arc::new(served));
        }
    }

    /// The registry, in the order of the agents' names.
    pub(super) fn registry(&self) -> Registry {
        let entries = self.agents.values().filter_map(|agent| agent.entry.clone());
        // Names are the configuration's keys, and the reserved ones were refused there.
        Registry::new(entries.collect()).unwrap_or_default()
    }

    fn agent(&mut self, agent: &DeclaredAgent, state: &CardState) -> ServedAgent {
        let found = state.found.as_deref();
        let card = match found {
            Some(found) => Some(found.card.clone()),
            None if agent.card.is_none() => by_hand(agent),
            None => None,
        };
        let entry = card.as_ref().and_then(|card| self.agent_target(agent, card, found));
        ServedAgent {
            name: Arc::clone(&agent.name),
            signature: found.map_or(Signature::None, |found| Signature::of(&found.card)),
            entry,
            card,
            error: state.error.clone(),
            waiting: agent.card.is_some() && state.found.is_none() && state.error.is_none(),
        }
    }

    fn agent_target(&mut self, agent: &DeclaredAgent, card: &Card, found: Option<&Found>) -> Option<Agent> {
        let interface = card.interface()?;
        let reach = match found {
            // What the operator wrote is meant.
            Some(found) if agent.url.is_none() && !agent.allow_private => found.reach,
            _ => Reach::Anywhere,
        };
        let terms = Terms {
            version: agent.version.unwrap_or(interface.version),
            streams: agent.streams.unwrap_or_else(|| card.streams()),
            tenant: interface.tenant,
            transcript: agent.transcript,
        };
        let url = agent.url.clone().unwrap_or(interface.url);
        let backend = match self.connections.agent(agent, &url, reach, terms) {
            Ok(backend) => backend,
            Err(error) => {
                let path = ["agents".into(), (*agent.name).into()];
                self.faults.push(self.config.origin.fault(&path, error));
                return None;
            }
        };
        let id = TargetId::from(&*agent.name);
        let mut target = Target::named(&agent.name);
        target.price = agent.price;
        target.tags.clone_from(&agent.tags);
        target.requires.clone_from(&agent.scopes);
        target.capabilities.images = images(&card.card().default_input_modes);
        // An agent has tools of its own and is given none.
        target.capabilities.tools = Support::No;
        let target = Arc::new(target);
        let served = Served {
            target: Arc::clone(&target),
            backend,
            provider: Arc::from(AGENTS),
            model: Arc::clone(&agent.name),
            mode: Mode::Chat,
            mode_stated: true,
            prices_as_of: agent.price.map(|_| Arc::from("config")),
            // A route among models has no estimate of it; a route that names it, or its tag, does as it is told.
            by_name_only: true,
        };
        self.order.push(id.clone());
        self.targets.insert(id, Arc::new(served));
        Some(entry(agent, card, target))
    }
}

/// Whether an agent reads images, by the kinds of content that its card names; one that names none may read anything.
fn images(modes: &[String]) -> Support {
    let reads = |mode: &String| mode.starts_with("image/") || mode.starts_with('*');
    match modes {
        [] => Support::Unknown,
        modes if modes.iter().any(reads) => Support::Yes,
        _ => Support::No,
    }
}

/// What the first stage knows: the operator's words, then the card's.
fn entry(agent: &DeclaredAgent, card: &Card, target: Arc<Target>) -> Agent {
    let said = card.card();
    let mut skills = agent.skills.clone();
    let mut examples = agent.examples.clone();
    let mut tags: Vec<String> = Vec::new();
    for skill in &said.skills {
        if !skills.iter().any(|own| own.name == skill.name) {
            let description = skill.description.clone();
            skills.push(Skill { name: skill.name.clone(), description, body: String::new() });
        }
        examples
            .extend(skill.examples.iter().flatten().filter(|example| !example.trim().is_empty()).cloned());
        tags.extend(skill.tags.iter().cloned());
    }
    tags.sort_unstable();
    tags.dedup();
    Agent {
        target,
        description: agent.description.clone().unwrap_or_else(|| said.description.clone()),
        skills,
        examples,
        categories: if agent.categories.is_empty() { tags } else { agent.categories.clone() },
        required_slots: agent.slots.clone(),
        scopes: agent.scopes.clone(),
        handoffs: agent.handoffs.iter().map(|other| TargetId::from(other.as_str())).collect(),
    }
}

/// A card for an agent of which the configuration says all there is.
fn by_hand(agent: &DeclaredAgent) -> Option<Card> {
    let version = agent.version.unwrap_or(Version::V1);
    let interface = Interface { url: agent.url.clone()?, version, tenant: None };
    let description = agent.description.as_deref().unwrap_or_default();
    Card::described(&agent.name, description, &interface, agent.streams.unwrap_or(false))
}

/// Agents by name.
pub(super) type Agents = BTreeMap<Arc<str>, Arc<ServedAgent>>;

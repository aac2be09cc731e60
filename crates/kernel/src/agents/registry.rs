//! The agents there are: targets with a description of what they do.
//!
//! A registry is immutable; adding an agent makes another one. Positions are stable within one registry only, so whatever
//! outlives it (a session) names agents by id.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::TargetId;
use crate::target::Target;

/// An agent as the first stage knows it. Price and abilities stand on its target; its health comes with the facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// What answers.
    pub target: Arc<Target>,
    /// What it does, in a sentence or two.
    pub description: String,
    /// What it can be asked for.
    #[serde(default)]
    pub skills: Vec<Skill>,
    /// What people say to it.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Where it belongs, by the names of the category system or its own.
    #[serde(default)]
    pub categories: Vec<String>,
    /// What must be known before it is dispatched.
    #[serde(default)]
    pub required_slots: Vec<Slot>,
    /// What a caller must have been granted, all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Agents it may hand a conversation to.
    #[serde(default)]
    pub handoffs: Vec<TargetId>,
}

/// One thing an agent can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// How it does it, where that is known: the text behind the description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// A value an agent works with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(default)]
    pub description: String,
}

/// Agents by position and by id. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    agents: Arc<[Agent]>,
    places: Arc<HashMap<TargetId, usize>>,
}

/// Agents that make no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two of one name.
    #[error("the agent `{0}` is registered twice; give one of them another name")]
    Twice(TargetId),
    /// An agent without a name.
    #[error("the agent at position {0} has no name; give it one")]
    Unnamed(usize),
}

impl Agent {
    /// An agent known by its name and description.
    #[must_use]
    pub fn named(id: &str, description: &str) -> Self {
        Self {
            target: Arc::new(Target::named(id)),
            description: description.to_owned(),
            skills: Vec::new(),
            examples: Vec::new(),
            categories: Vec::new(),
            required_slots: Vec::new(),
            scopes: Vec::new(),
            handoffs: Vec::new(),
        }
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> &TargetId {
        &self.target.id
    }
}

impl Registry {
    /// A registry of these agents, in their order.
    ///
    /// # Errors
    /// Two agents have one name, or one has none.
    pub fn new(agents: Vec<Agent>) -> Result<Self, RegistryError> {
        let mut places = HashMap::with_capacity(agents.len());
        for (at, agent) in agents.iter().enumerate() {
            let id = agent.id();
            if id.as_str().trim().is_empty() {
                return Err(RegistryError::Unnamed(at));
            }
            if places.insert(id.clone(), at).is_some() {
                return Err(RegistryError::Twice(id.clone()));
            }
        }
        Ok(Self { agents: agents.into(), places: Arc::new(places) })
    }

    /// All of them, by position.
    #[must_use]
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// The position of an agent.
    #[must_use]
    pub fn place(&self, id: &TargetId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// An agent by id.
    #[must_use]
    pub fn get(&self, id: &TargetId) -> Option<&Agent> {
        self.agents.get(self.place(id)?)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_and_unique() {
        let two = vec![Agent::named("a", "x"), Agent::named("a", "y")];
        assert_eq!(Registry::new(two).unwrap_err(), RegistryError::Twice("a".into()));
        let unnamed = vec![Agent::named("a", "x"), Agent::named(" ", "x")];
        assert_eq!(Registry::new(unnamed).unwrap_err(), RegistryError::Unnamed(1));
        // A choice is a place in the registry or a word of its own, so a name that sounds like one takes nothing away.
        assert!(Registry::new(vec![Agent::named("none", "x"), Agent::named("cancel", "x")]).is_ok());
    }

    #[test]
    fn an_agent_is_found_by_id() {
        let registry = Registry::new(vec![Agent::named("a", "x"), Agent::named("b", "y")]).unwrap();
        assert_eq!(registry.place(&"b".into()), Some(1));
        assert_eq!(registry.get(&"a".into()).unwrap().description, "x");
        assert!(registry.get(&"c".into()).is_none());
    }
}

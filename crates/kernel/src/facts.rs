//! The only way the world reaches the kernel: one immutable value, logged with the decision.

use serde::{Deserialize, Serialize};

use crate::agents::Course;
use crate::health::Availability;
use crate::id::{DecisionId, SessionId, TargetId, Tenant};

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// What the world looks like at the moment of one decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The decision these belong to.
    pub decision: DecisionId,
    /// When it is made.
    pub now: Timestamp,
    /// Seed of the decision's random generator ([`crate::rng::ALGORITHM`]).
    pub seed: u64,
    /// Whose request it is.
    pub tenant: Tenant,
    /// What the caller's key may use.
    #[serde(default, skip_serializing_if = "Scope::is_everything")]
    pub scope: Scope,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionFacts>,
    /// Targets that are anything but ready, by id. A target that is not listed is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetState>,
    /// What was in force.
    pub versions: Versions,
}

/// A conversation as far as routing knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// Which one.
    pub id: SessionId,
    /// Who answered its last turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetId>,
    /// Its way through the agents, where the route has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<CourseAt>,
}

/// A conversation's way through the agents, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseAt {
    /// The way.
    pub course: Course,
    /// The version it had; who writes the next one says which it read.
    pub version: u64,
}

/// One target's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetState {
    /// Which one.
    pub id: TargetId,
    /// Whether its breaker lets a call through.
    pub availability: Availability,
    /// Calls running now.
    #[serde(default)]
    pub in_flight: u32,
}

/// Versions of everything a decision depends on, as short hashes or names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The configuration's hash.
    pub config: std::sync::Arc<str>,
    /// The artifact's hash.
    pub artifact: std::sync::Arc<str>,
    /// The encoder's fingerprint.
    pub encoder: std::sync::Arc<str>,
}

/// What a key may use. `None` is everything; a name may end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Routes by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<String>>,
    /// Targets by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// What it was granted besides, for targets that require it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
}

impl Facts {
    /// The state of `target` where it is anything but ready.
    #[must_use]
    pub fn state(&self, target: &TargetId) -> Option<&TargetState> {
        self.targets.iter().find(|state| state.id == *target)
    }
}

impl Scope {
    /// Whether the key may use this route.
    #[must_use]
    pub fn allows_route(&self, name: &str) -> bool {
        allows(self.routes.as_deref(), name)
    }

    /// Whether the key may use this target.
    #[must_use]
    pub fn allows_target(&self, name: &str) -> bool {
        allows(self.targets.as_deref(), name)
    }

    /// Whether the key was granted all of these.
    #[must_use]
    pub fn grants(&self, required: &[String]) -> bool {
        required.iter().all(|grant| self.grants.contains(grant))
    }

    fn is_everything(&self) -> bool {
        self.routes.is_none() && self.targets.is_none() && self.grants.is_empty()
    }
}

fn allows(names: Option<&[String]>, name: &str) -> bool {
    let matches = |pattern: &String| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    };
    names.is_none_or(|names| names.iter().any(matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_without_names_allows_all_and_an_empty_one_nothing() {
        assert!(Scope::default().allows_target("a"));
        let none = Scope { targets: Some(vec![]), ..Scope::default() };
        assert!(!none.allows_target("a"));
        let some = Scope { targets: Some(vec!["gpt-4o*".into(), "b".into()]), ..Scope::default() };
        assert!(some.allows_target("gpt-4o-mini") && some.allows_target("b"));
        assert!(!some.allows_target("bb") && !some.allows_target("gpt-4"));
    }
}

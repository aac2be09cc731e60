//! Which target a conversation stays with, by tenant and session.
//!
//! Held in memory, bounded in number and age, and warmed from the ledger at the start. A conversation that names itself
//! is known from its first turn; one that does not is known by its opening turns, and since two may open alike, only
//! from its second turn on.

use std::time::Duration;

use http::HeaderMap;
use moka::sync::Cache;
use pointsman_kernel::facts::SessionFacts;
use pointsman_kernel::{SessionId, TargetId, Tenant};

use crate::headers;

/// Conversations remembered at most.
const CAPACITY: u64 = 200_000;
/// How long one is remembered after its last turn.
pub const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The longest session id that is taken from a header, in bytes.
const LONGEST_ID: usize = 256;

/// Conversations and who answers them.
#[derive(Clone)]
pub struct Sessions {
    targets: Cache<(Tenant, SessionId), TargetId>,
}

/// A request's place in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The conversation.
    pub id: SessionId,
    /// It named itself.
    pub named: bool,
}

impl Place {
    /// By the headers clients send, else by the opening turns.
    pub fn of(request: &HeaderMap, opening: u64) -> Self {
        let header = headers::SESSIONS.iter().find_map(|name| {
            let value = request.get(*name)?.to_str().ok()?.trim();
            (!value.is_empty() && value.len() <= LONGEST_ID).then_some(value)
        });
        match header {
            Some(id) => Self { id: id.into(), named: true },
            None => Self { id: format!("opening-{opening:016x}").into(), named: false },
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self { targets: Cache::builder().max_capacity(CAPACITY).time_to_idle(REMEMBERED).build() }
    }
}

impl Sessions {
    /// What is known of a conversation at its `turns`-th turn.
    pub fn facts(&self, tenant: &Tenant, place: &Place, turns: u32) -> SessionFacts {
        let known = place.named || turns > 1;
        let target = known.then(|| self.targets.get(&(tenant.clone(), place.id.clone()))).flatten();
        SessionFacts { id: place.id.clone(), target, agents: None }
    }

    /// A conversation was answered by `target`.
    pub fn answered(&self, tenant: Tenant, session: SessionId, target: TargetId) {
        let key = (tenant, session);
        if self.targets.get(&key).as_ref() != Some(&target) {
            self.targets.insert(key, target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_counts_from_the_second_turn_and_a_name_from_the_first() {
        let sessions = Sessions::default();
        let tenant = Tenant::from("t");
        let opening = Place::of(&HeaderMap::new(), 7);
        sessions.answered(tenant.clone(), opening.id.clone(), "a".into());
        assert_eq!(sessions.facts(&tenant, &opening, 1).target, None);
        assert_eq!(sessions.facts(&tenant, &opening, 3).target, Some("a".into()));
        let mut headers = HeaderMap::new();
        headers.insert("x-claude-code-session-id", "abc".parse().unwrap());
        let named = Place::of(&headers, 7);
        assert_eq!(named.id.as_str(), "abc");
        sessions.answered(tenant.clone(), named.id.clone(), "b".into());
        assert_eq!(sessions.facts(&tenant, &named, 1).target, Some("b".into()));
    }

    #[test]
    fn another_tenant_never_shares_a_session() {
        let sessions = Sessions::default();
        let place = Place::of(&HeaderMap::new(), 7);
        sessions.answered("t".into(), place.id.clone(), "a".into());
        assert_eq!(sessions.facts(&"u".into(), &place, 5).target, None);
    }
}

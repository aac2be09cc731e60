//! What an agent calls its conversations and tasks, and whose they are.
//!
//! Held in memory, bounded in number and age; an agent that is asked under a name it has forgotten begins anew. Promises:
//! what was said under one tenant's name is never given to another, and of tasks whose owner is not known a tenant that is
//! known by a key sees none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pointsman_wire::a2a::Thread;

use crate::call::Conversation;

/// Conversations with one agent, and the owners of its tasks and contexts.
#[derive(Debug, Default)]
pub struct Threads {
    threads: Mutex<Aged<Place, Thread>>,
    owners: Mutex<Aged<String, Arc<str>>>,
}

/// Tenant and session.
type Place = (Arc<str>, Arc<str>);

/// Values that are forgotten when nobody has asked for them for long.
#[derive(Debug)]
struct Aged<K, V> {
    held: HashMap<K, (V, Instant)>,
}

/// So many are held at most.
const AT_MOST: usize = 50_000;
/// So long is one held after it was last used.
const HELD_FOR: Duration = Duration::from_secs(60 * 60);

impl Threads {
    /// What the agent knows of a conversation.
    pub(super) fn thread(&self, own: &Conversation) -> Thread {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.get(&key(own)).unwrap_or_default()
    }

    pub(super) fn keep(&self, own: &Conversation, thread: Thread) {
        for name in [&thread.context, &thread.task].into_iter().flatten() {
            self.own(name, &own.tenant);
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.put(key(own), thread);
    }

    pub(super) fn forget(&self, own: &Conversation) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.held.remove(&key(own));
    }

    /// A task or context is a tenant's; the first to have it keeps it.
    pub(super) fn own(&self, name: &str, tenant: &Arc<str>) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name.to_owned();
        if owners.get(&name).is_none() {
            owners.put(name, Arc::clone(tenant));
        }
    }

    /// Whether a client may speak of a task.
    pub(super) fn may_name(&self, name: &str, own: &Conversation) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&name.to_owned()) {
            Some(owner) => owner == own.tenant,
            None => !own.keyed,
        }
    }

    /// Whether a client may speak of a context: its own, or a new one, which agents let clients name.
    pub(super) fn may_enter(&self, name: &str, own: &Conversation) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(&name.to_owned()).is_none_or(|owner| owner == own.tenant)
    }
}

fn key(own: &Conversation) -> Place {
    (Arc::clone(&own.tenant), Arc::clone(&own.session))
}

impl<K, V> Default for Aged<K, V> {
    fn default() -> Self {
        Self { held: HashMap::new() }
    }
}

impl<K: std::hash::Hash + Eq + Clone, V: Clone> Aged<K, V> {
    fn get(&mut self, key: &K) -> Option<V> {
        let (value, used) = self.held.get_mut(key)?;
        if used.elapsed() > HELD_FOR {
            self.held.remove(key);
            return None;
        }
        *used = Instant::now();
        Some(value.clone())
    }

    fn put(&mut self, key: K, value: V) {
        if self.held.len() >= AT_MOST && !self.held.contains_key(&key) {
            self.make_room();
        }
        self.held.insert(key, (value, Instant::now()));
    }

    /// Drops what is old, or, where nothing is, the older half.
    fn make_room(&mut self) {
        self.held.retain(|_, (_, used)| used.elapsed() <= HELD_FOR);
        if self.held.len() >= AT_MOST {
            let mut times: Vec<Instant> = self.held.values().map(|(_, used)| *used).collect();
            times.sort_unstable();
            if let Some(middle) = times.get(times.len() / 2).copied() {
                self.held.retain(|_, (_, used)| *used > middle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(tenant: &str, keyed: bool) -> Conversation {
        Conversation { tenant: tenant.into(), session: "s".into(), keyed }
    }

    #[test]
    fn a_conversation_and_its_tasks_are_one_tenants() {
        let threads = Threads::default();
        let thread = Thread { context: Some("c".into()), task: Some("t".into()) };
        threads.keep(&own("a", true), thread.clone());
        assert_eq!(threads.thread(&own("a", true)), thread);
        assert_eq!(threads.thread(&own("b", true)), Thread::default());
        assert!(threads.may_name("t", &own("a", true)) && threads.may_enter("c", &own("a", true)));
        assert!(!threads.may_name("t", &own("b", true)) && !threads.may_enter("c", &own("b", true)));
        // Whose it is cannot be taken over.
        threads.own("t", &"b".into());
        assert!(!threads.may_name("t", &own("b", true)));
        assert!(
            !threads.may_name("unknown", &own("a", true))
                && threads.may_name("unknown", &own("local", false))
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut aged = Aged::default();
        for number in 0..AT_MOST + 10 {
            aged.put(number, ());
        }
        assert!(aged.held.len() <= AT_MOST);
        assert!(aged.held.contains_key(&(AT_MOST + 9)));
    }
}

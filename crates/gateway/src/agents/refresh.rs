//! Fetches agents' cards, beside the serving and never before it.
//!
//! Each agent on its own, again at its own interval; after a failure sooner, then less often, though never far apart
//! while nothing is known of it; and at once when a request comes for an agent that is not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_backends::a2a::{Found, fetch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::Identity;
use crate::config::{Config, DeclaredAgent};
use crate::discover::AT_A_REQUEST;
use crate::reload::Live;

/// The first wait after a failure; it doubles with each.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// The longest, of one whose card is known from before.
const AFTER_FAILURES: Duration = Duration::from_secs(300);
/// The longest, of one whose card has never come.
const WHILE_UNKNOWN: Duration = Duration::from_secs(10);
/// Where no agent has a card to fetch, a change of the configuration is waited for.
const NOTHING_TO_DO: Duration = Duration::from_secs(3600);

/// When a card is fetched next.
struct Turn {
    identity: Identity,
    at: Instant,
    failures: u32,
    failed_at: Option<Instant>,
    known: bool,
    /// The failure that was last told, so that none is told again at each turn.
    told: Option<Arc<str>>,
    asked: bool,
}

type Answer = (Arc<str>, Identity, Result<Found, Arc<str>>);

/// Starts fetching.
pub fn spawn(live: &Arc<Live>) -> JoinHandle<()> {
    tokio::spawn(run(Arc::clone(live)))
}

async fn run(live: Arc<Live>) {
    let mut changed = live.subscribe();
    let mut turns: HashMap<Arc<str>, Turn> = HashMap::new();
    let mut asked: JoinSet<Answer> = JoinSet::new();
    loop {
        let config = live.config();
        follow(&config, &mut turns);
        for agent in config.agents.iter().filter(|agent| agent.card.is_some()) {
            let Some(turn) = turns.get_mut(&agent.name) else { continue };
            if turn.asked || turn.at > Instant::now() {
                continue;
            }
            turn.asked = true;
            start(&live, agent, turn.identity.clone(), &mut asked);
        }
        let next = turns.values().filter(|turn| !turn.asked).map(|turn| turn.at).min();
        let next = next.unwrap_or_else(|| Instant::now() + NOTHING_TO_DO);
        tokio::select! {
            Some(answer) = asked.join_next() => if let Ok(answer) = answer {
                took(&live, &config, &mut turns, answer);
            },
            () = tokio::time::sleep_until(next) => {}
            () = live.agent_asked_for() => turns.values_mut().for_each(Turn::sooner),
            still = changed.changed() => if still.is_err() { return },
        }
    }
}

/// Takes up new and changed agents, drops those that are gone.
fn follow(config: &Config, turns: &mut HashMap<Arc<str>, Turn>) {
    let fetched = |agent: &&DeclaredAgent| agent.card.is_some();
    turns.retain(|name, turn| {
        config.agent(name).filter(fetched).is_some_and(|agent| Identity::of(agent) == turn.identity)
    });
    for agent in config.agents.iter().filter(fetched) {
        turns.entry(Arc::clone(&agent.name)).or_insert_with(|| Turn {
            identity: Identity::of(agent),
            at: Instant::now(),
            failures: 0,
            failed_at: None,
            known: false,
            told: None,
            asked: false,
        });
    }
}

impl Turn {
    /// Somebody waits for it: after a failure it is tried again now.
    fn sooner(&mut self) {
        if let Some(failed_at) = self.failed_at {
            self.at = self.at.min(failed_at + AT_A_REQUEST);
        }
    }

    fn wait(&self, refresh: Duration) -> Duration {
        let longest = if self.known { AFTER_FAILURES.min(refresh.max(AFTER_FAILURE)) } else { WHILE_UNKNOWN };
        AFTER_FAILURE.saturating_mul(1 << self.failures.min(10)).min(longest)
    }
}

fn start(live: &Arc<Live>, agent: &DeclaredAgent, identity: Identity, asked: &mut JoinSet<Answer>) {
    let name = Arc::clone(&agent.name);
    let source = live.card_source(agent);
    asked.spawn(async move {
        let said = match source {
            Some((pool, source)) => fetch(&pool, &source).await,
            None => Err("it cannot be reached as configured".into()),
        };
        (name, identity, said)
    });
}

fn took(live: &Live, config: &Config, turns: &mut HashMap<Arc<str>, Turn>, (name, identity, said): Answer) {
    // An agent that was changed meanwhile is asked anew under its new identity.
    let Some(turn) = turns.get_mut(&name).filter(|turn| turn.identity == identity) else { return };
    let refresh = config.agent(&name).map_or(NOTHING_TO_DO, |agent| agent.refresh);
    turn.asked = false;
    let now = Instant::now();
    match &said {
        Ok(found) => {
            if !turn.known || turn.told.is_some() {
                let signature = super::Signature::of(&found.card).name();
                tracing::info!(agent = %name, signature, "the agent's card is there");
            }
            (turn.failures, turn.failed_at, turn.known, turn.told) = (0, None, true, None);
            turn.at = now + refresh;
        }
        Err(error) => {
            turn.at = now + turn.wait(refresh);
            turn.failures = turn.failures.saturating_add(1);
            turn.failed_at = Some(now);
            if turn.told.as_ref() != Some(error) {
                let kept = if turn.known { "the last one counts on" } else { "it is tried again" };
                tracing::warn!(agent = %name, %error, "the agent's card could not be had; {kept}");
                turn.told = Some(Arc::clone(error));
            }
        }
    }
    live.card_came(&name, &identity, said);
}

//! Who may be chosen now: the state's set, and scope, health, modality, budget and what was visited within this turn.
//!
//! Invariant: a mask is never empty. Every state's set holds NONE or CANCEL, and no rule takes these away. Health is a hard
//! rule here, other than among models: whoever finds no agent has the models to go to.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::machine::{Allowed, Conversation};
use super::registry::{Agent, Registry};
use crate::facts::{Facts, TargetState};
use crate::health::Availability;
use crate::id::TargetId;
use crate::money::Money;
use crate::target::Support;

/// What a mask reads besides the conversation.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The agents there are.
    pub registry: &'a Registry,
    /// The key's scope and the targets' health.
    pub facts: &'a Facts,
    /// Scopes the caller was granted.
    pub granted: &'a [String],
    /// The turn holds images.
    pub images: bool,
    /// The request offers tools for the answer to call.
    pub tools: bool,
    /// Tokens the turn brings along, for what an agent would charge.
    pub input_tokens: u32,
    /// What may still be spent; `None` is no limit.
    pub budget: Option<Money>,
}

/// A set of agents by position, with NONE and CANCEL beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    words: Vec<u64>,
    /// The models may be asked.
    pub none: bool,
    /// What was begun may be left.
    pub cancel: bool,
}

/// Why an agent is not in the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excluded {
    /// The key may not use it, or lacks one of its scopes.
    Scope,
    /// Its breaker is open.
    Unhealthy,
    /// It cannot read what the turn holds.
    Modality,
    /// It cannot call the tools that the request offers.
    Tools,
    /// It would cost more than is left.
    Budget,
    /// This turn was there already.
    Visited,
    /// The conversation's state does not lead there.
    State,
}

impl<'a> Context<'a> {
    /// A context in which nothing is withheld but what the facts say.
    #[must_use]
    pub fn new(registry: &'a Registry, facts: &'a Facts) -> Self {
        Self { registry, facts, granted: &[], images: false, tools: false, input_tokens: 0, budget: None }
    }

    /// The rule, apart from state and visits, that leaves an agent out.
    #[must_use]
    pub fn excludes(&self, agent: &Agent) -> Option<Excluded> {
        self.excludes_if(agent, |agent| self.facts.state(agent.id()).is_some_and(is_away))
    }

    /// The same where health was looked up before. A target is looked into only where a rule asks for it: among thousands
    /// of agents that is most of the work.
    fn excludes_if(&self, agent: &Agent, away: impl Fn(&Agent) -> bool) -> Option<Excluded> {
        let target = &agent.target;
        if (self.facts.scope.targets.is_some() && !self.facts.scope.allows_target(target.id.as_str()))
            || !agent.scopes.iter().all(|scope| self.granted.contains(scope))
        {
            return Some(Excluded::Scope);
        }
        if away(agent) {
            return Some(Excluded::Unhealthy);
        }
        if self.images && target.capabilities.images == Support::No {
            return Some(Excluded::Modality);
        }
        if self.tools && target.capabilities.tools == Support::No {
            return Some(Excluded::Tools);
        }
        let dear = |left: Money| {
            target.price.is_some_and(|price| price.cost(u64::from(self.input_tokens), 0, 0, 0) > left)
        };
        self.budget.is_some_and(dear).then_some(Excluded::Budget)
    }
}

fn is_away(state: &TargetState) -> bool {
    state.availability != Availability::Ready
}

impl Mask {
    /// Who may be chosen in this conversation now.
    #[must_use]
    pub fn of(conversation: &Conversation, context: &Context<'_>) -> Self {
        let row = conversation.state.stage().row();
        let agents = context.registry.agents();
        let mut mask = Self { words: vec![0; agents.len().div_ceil(64)], none: row.none, cancel: row.cancel };
        let named: Vec<&TargetId> = match row.allows {
            Allowed::Everyone | Allowed::AllButActive => {
                let away: HashSet<&TargetId> = context
                    .facts
                    .targets
                    .iter()
                    .filter(|state| is_away(state))
                    .map(|state| &state.id)
                    .collect();
                let gone = |agent: &Agent| !away.is_empty() && away.contains(agent.id());
                for (at, agent) in agents.iter().enumerate() {
                    if context.excludes_if(agent, gone).is_none() {
                        mask.set(at, true);
                    }
                }
                let without = conversation.state.agent().filter(|_| row.allows == Allowed::AllButActive);
                for id in conversation.visited.iter().chain(without) {
                    if let Some(at) = context.registry.place(id) {
                        mask.set(at, false);
                    }
                }
                return mask;
            }
            Allowed::Nobody => Vec::new(),
            Allowed::Candidates => conversation.state.candidates().iter().collect(),
            Allowed::Active => conversation.state.agent().into_iter().collect(),
            Allowed::ActiveAndHandoffs => {
                let active = conversation.state.agent();
                let onward = active.and_then(|id| context.registry.get(id)).map(|agent| &agent.handoffs);
                active.into_iter().chain(onward.into_iter().flatten()).collect()
            }
            Allowed::Named => conversation.named_handoff(context).into_iter().collect(),
        };
        for id in named {
            if let Some(at) = context.registry.place(id)
                && conversation.excludes(id, context).is_none()
            {
                mask.set(at, true);
            }
        }
        mask
    }

    /// Whether the agent at this position may be chosen.
    #[must_use]
    pub fn allows(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// How many agents may be chosen.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether nothing at all may be chosen; never so for a mask of [`Mask::of`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.none && !self.cancel && self.count() == 0
    }

    /// Positions of the agents that may be chosen.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }

    fn set(&mut self, place: usize, on: bool) {
        if let Some(word) = self.words.get_mut(place / 64) {
            let bit = 1_u64 << (place % 64);
            *word = if on { *word | bit } else { *word & !bit };
        }
    }
}

impl std::fmt::Display for Excluded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scope => "the key may not use it",
            Self::Unhealthy => "its breaker is open",
            Self::Modality => "cannot read what the turn holds",
            Self::Tools => "cannot call the tools that the request offers",
            Self::Budget => "would cost more than is left",
            Self::Visited => "was asked in this turn already",
            Self::State => "the conversation does not lead there now",
        })
    }
}

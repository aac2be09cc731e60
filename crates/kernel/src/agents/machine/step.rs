//! The one function that moves a conversation.

use serde::{Deserialize, Serialize};

use super::{Conversation, Limits, Stage, State};
use crate::agents::mask::{Context, Excluded, Mask};
use crate::id::TargetId;

/// What happens to a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The user's next turn is here.
    Turn,
    /// Whoever was asked to choose has chosen.
    Chosen(Choice),
    /// The agent answered; with a question of its own it stays in its place.
    Answered,
    /// The agent failed, timed out, or could not be reached.
    Failed,
    /// The agent names another.
    HandsOff(TargetId),
}

/// What a chooser says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// This agent.
    Agent {
        /// Which.
        id: TargetId,
        /// Required values that are not known yet.
        missing: Vec<String>,
    },
    /// One of these; more would have to be known.
    Unclear(Vec<TargetId>),
    /// No agent.
    None,
    /// Leave what was begun.
    Cancel,
}

/// What is to be done next. Exactly one of these follows each step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Choose within the mask of the new state, and come back with [`Event::Chosen`].
    Choose,
    /// Ask the user which of these is meant; the next event is [`Event::Turn`].
    Ask(Vec<TargetId>),
    /// Ask the user for these values; the next event is [`Event::Turn`].
    Collect {
        /// Who needs them.
        agent: TargetId,
        /// Their names.
        slots: Vec<String>,
    },
    /// Call this agent, and come back with how it went.
    Dispatch(TargetId),
    /// The models answer.
    Models,
    /// The turn has ended.
    Finish,
    /// The event meant nothing here.
    Nothing,
}

/// What came of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The conversation after it.
    pub conversation: Conversation,
    /// What is to be done.
    pub effect: Effect,
    /// The stages it went through, the last one included.
    pub path: Vec<Stage>,
    /// A choice that the mask excluded, and by which rule. The choice was not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<(TargetId, Excluded)>,
}

impl Conversation {
    /// Takes the conversation one event further.
    #[must_use]
    pub fn step(self, event: Event, context: &Context<'_>, limits: &Limits) -> Step {
        let mut step = Walk { conversation: self, context, limits, path: Vec::new(), refused: None };
        let effect = step.take(event);
        let Walk { conversation, path, refused, .. } = step;
        Step { conversation, effect, path, refused }
    }
}

/// A step on its way.
struct Walk<'a> {
    conversation: Conversation,
    context: &'a Context<'a>,
    limits: &'a Limits,
    path: Vec<Stage>,
    refused: Option<(TargetId, Excluded)>,
}

impl Walk<'_> {
    fn take(&mut self, event: Event) -> Effect {
        match (self.conversation.state.clone(), event) {
            (state, Event::Turn) => self.turn(state),
            (State::Running(_), Event::Chosen(_)) => Effect::Nothing,
            (state, Event::Chosen(choice)) => self.chosen(&state, choice),
            (State::Running(agent), Event::Answered) => {
                self.enter(State::Done(agent));
                Effect::Finish
            }
            (State::Running(agent), Event::Failed) => self.failed(agent),
            (State::Running(from), Event::HandsOff(to)) => {
                self.enter(State::Handoff { from, to });
                self.hand_over()
            }
            (_, Event::Answered | Event::Failed | Event::HandsOff(_)) => Effect::Nothing,
        }
    }

    /// A new turn forgets where the last one went. What waits for the user's answer goes on waiting for a choice.
    fn turn(&mut self, state: State) -> Effect {
        self.conversation.visited.clear();
        self.conversation.hops = 0;
        self.conversation.failures = 0;
        match state {
            State::Clarify(_) | State::Collecting(_) => {}
            State::Done(agent) | State::Running(agent) => {
                // A turn that comes while an agent is at work finds that agent still in its place.
                self.conversation.questions = 0;
                if self.conversation.state.stage() == Stage::Running {
                    self.enter(State::Done(agent.clone()));
                }
                self.enter(State::FollowUp(agent));
            }
            State::FollowUp(_) => {}
            // A new matter; a turn that was broken off on its way begins anew, too.
            _ => {
                self.conversation.questions = 0;
                self.enter(State::Idle);
            }
        }
        Effect::Choose
    }

    fn chosen(&mut self, state: &State, choice: Choice) -> Effect {
        let mask = Mask::of(&self.conversation, self.context);
        match (state, choice) {
            (State::General | State::Done(_), _) => Effect::Nothing,
            (_, Choice::None) if mask.none => self.general(),
            (_, Choice::None) => self.dispatch_active(),
            (State::Collecting(_), Choice::Cancel) => {
                self.conversation.questions = 0;
                self.enter(State::Idle);
                Effect::Choose
            }
            (_, Choice::Cancel) => self.general(),
            (_, Choice::Agent { id, missing }) => {
                if self.context.registry.place(&id).is_some_and(|place| mask.allows(place)) {
                    self.agent(state, id, missing)
                } else {
                    let why = self.conversation.excludes(&id, self.context).unwrap_or(Excluded::State);
                    self.refused = Some((id, why));
                    self.general()
                }
            }
            (_, Choice::Unclear(ids)) => {
                let allowed =
                    |id: &TargetId| self.context.registry.place(id).is_some_and(|at| mask.allows(at));
                let candidates: Vec<TargetId> = ids.into_iter().filter(allowed).collect();
                self.unclear(state, candidates)
            }
        }
    }

    /// An agent that the mask holds was chosen.
    fn agent(&mut self, state: &State, id: TargetId, missing: Vec<String>) -> Effect {
        match state {
            State::FollowUp(active) if *active == id => self.dispatch(id),
            State::FollowUp(_) => {
                self.enter(State::Idle);
                self.agent(&State::Idle, id, missing)
            }
            State::Failed(_) => {
                self.enter(State::Ambiguous(vec![id.clone()]));
                self.agent(&State::Idle, id, missing)
            }
            State::Collecting(_) => self.collect_or_run(id, missing),
            _ => {
                self.enter(State::Matched(id.clone()));
                self.collect_or_run(id, missing)
            }
        }
    }

    fn collect_or_run(&mut self, agent: TargetId, missing: Vec<String>) -> Effect {
        if missing.is_empty() || self.conversation.questions >= self.limits.questions {
            return self.dispatch(agent);
        }
        self.conversation.questions = self.conversation.questions.saturating_add(1);
        if self.conversation.state.stage() != Stage::Collecting {
            self.enter(State::Collecting(agent.clone()));
        }
        Effect::Collect { agent, slots: missing }
    }

    fn unclear(&mut self, state: &State, candidates: Vec<TargetId>) -> Effect {
        let left = self.conversation.questions < self.limits.questions;
        match state {
            _ if candidates.is_empty() => self.general(),
            State::Idle | State::Failed(_) => {
                self.enter(State::Ambiguous(candidates));
                Effect::Choose
            }
            State::FollowUp(_) => {
                self.enter(State::Idle);
                self.enter(State::Ambiguous(candidates));
                Effect::Choose
            }
            State::Ambiguous(_) if left => {
                self.conversation.questions = self.conversation.questions.saturating_add(1);
                self.enter(State::Clarify(candidates.clone()));
                Effect::Ask(candidates)
            }
            State::Collecting(_) => self.dispatch_active(),
            _ => self.general(),
        }
    }

    /// The last look at the mask before a call: time may have passed since the choice.
    fn dispatch(&mut self, agent: TargetId) -> Effect {
        if let Some(why) = self.conversation.excludes(&agent, self.context) {
            self.refused = Some((agent, why));
            return self.general();
        }
        self.enter(State::Running(agent.clone()));
        Effect::Dispatch(agent)
    }

    fn dispatch_active(&mut self) -> Effect {
        match self.conversation.state.agent().cloned() {
            Some(agent) => self.dispatch(agent),
            None => self.general(),
        }
    }

    fn hand_over(&mut self) -> Effect {
        let State::Handoff { from, to } = self.conversation.state.clone() else { return self.general() };
        let declared = self.conversation.named_handoff(self.context).is_some();
        self.conversation.visited.push(from);
        if !declared || self.conversation.hops >= self.limits.hops {
            self.refused = Some((to, Excluded::State));
            return self.general();
        }
        self.conversation.hops = self.conversation.hops.saturating_add(1);
        self.dispatch(to)
    }

    fn failed(&mut self, agent: TargetId) -> Effect {
        self.conversation.visited.push(agent.clone());
        self.conversation.failures = self.conversation.failures.saturating_add(1);
        self.enter(State::Failed(agent));
        if self.conversation.failures >= self.limits.failures { self.general() } else { Effect::Choose }
    }

    fn general(&mut self) -> Effect {
        self.enter(State::General);
        Effect::Models
    }

    fn enter(&mut self, state: State) {
        self.path.push(state.stage());
        self.conversation.state = state;
    }
}

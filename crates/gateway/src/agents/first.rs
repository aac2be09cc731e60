//! The first stage where it is served: a route's agents, what a turn says to them, and where the conversation stands before
//! and after.
//!
//! Promises: of two turns of one conversation that come at once, the second is decided on what the first left behind; whom
//! the mask excludes is never called, and were one called it would be counted.

use std::sync::Arc;

use pointsman_encode::{EncodeError, StaticTable};
use pointsman_kernel::agents::{Agent, Context, FirstStage, Limits, Registry, Skipped};
use pointsman_kernel::facts::{CourseAt, Timestamp};
use pointsman_kernel::{Attempt, Decision, ErrorKind, Facts, Signals, TargetId};
use pointsman_learn::agents::{AgentModel, Index, Turn, TurnChooser};
use pointsman_store::{Courses, Outdated};

use crate::prompt::ChatPrompt;

/// How far a turn may go among agents.
pub(crate) const LIMITS: Limits = Limits { hops: 3, failures: 2, questions: 1 };

/// The agents that a route asks first.
#[derive(Debug)]
pub struct RouteAgents {
    index: Index,
}

impl RouteAgents {
    /// Makes these agents ready to be chosen among.
    ///
    /// # Errors
    /// Their texts cannot be encoded.
    pub fn new(registry: &Registry, model: Option<Arc<AgentModel>>) -> Result<Self, EncodeError> {
        Ok(Self { index: Index::new(registry, model, StaticTable::embedded())? })
    }

    /// Who they are.
    pub fn registry(&self) -> &Registry {
        self.index.registry()
    }

    /// Which agent a turn belongs to, and who follows should it fail.
    pub(crate) fn decide(&self, read: &ChatPrompt<'_>, signals: &Signals, facts: &Facts) -> FirstStage {
        if signals.tool_result {
            return FirstStage::skipped(Skipped::ToolResult);
        }
        let turns = read.turns.iter().map(|(user, said)| Turn::read(StaticTable::embedded(), user, said));
        let Ok(mut turns) = turns.collect::<Result<Vec<_>, _>>() else {
            return FirstStage::skipped(Skipped::Unreadable);
        };
        let Some(turn) = turns.pop() else { return FirstStage::skipped(Skipped::Unreadable) };
        let anew = CourseAt::default();
        let at = facts.session.as_ref().and_then(|session| session.agents.as_ref()).unwrap_or(&anew);
        let chooser = TurnChooser::new(&self.index, &turn, &turns, &at.course);
        FirstStage::run(&at.course, &context(self.registry(), signals, facts), &LIMITS, &chooser)
    }

    /// Whether a call to this agent is one that the mask excluded. Told apart from how it came to be called.
    fn excludes(&self, agent: &Agent, decision: &Decision) -> bool {
        let context = context(self.registry(), &decision.signals, &decision.facts);
        let leads =
            decision.agents.iter().flat_map(|stage| &stage.legs).find(|leg| leg.agent() == Some(agent.id()));
        let masked = leads.is_none_or(|leg| leg.masked.iter().any(|masked| masked.agent == *agent.id()));
        masked || context.excludes(agent).is_some()
    }

    /// How many of these calls went to an agent that the mask excluded.
    pub(crate) fn masked_dispatches(&self, decision: &Decision, attempts: &[Attempt]) -> u64 {
        let called = attempts.iter().filter_map(|attempt| self.registry().get(&attempt.target));
        called.filter(|agent| self.excludes(agent, decision)).count() as u64
    }
}

fn context<'a>(registry: &'a Registry, signals: &Signals, facts: &'a Facts) -> Context<'a> {
    Context {
        granted: &facts.scope.grants,
        images: signals.images > 0,
        tools: signals.tools > 0,
        input_tokens: signals.input_tokens,
        ..Context::new(registry, facts)
    }
}

/// Writes down that a turn is on its way to whom was decided, and gives the version to go on from; nothing where there is no
/// conversation to keep.
///
/// # Errors
/// Another turn of the same conversation was faster: this one is to be decided again.
pub(crate) fn set_out(courses: &Courses, decision: &Decision) -> Result<Option<u64>, Outdated> {
    let facts = &decision.facts;
    let underway = decision.agents.as_ref().and_then(FirstStage::underway);
    let Some((session, at, underway)) = kept(facts).zip(underway).map(|((s, at), u)| (s, at, u)) else {
        return Ok(None);
    };
    let course = pointsman_kernel::agents::Course { conversation: underway.clone(), ..at.course.clone() };
    courses.put(&facts.tenant, session, at.version, course, facts.now).map(Some)
}

/// Writes down where the conversation stands after the turn. One that another turn has taken further stays there.
pub(crate) fn arrive(
    courses: &Courses,
    decision: &Decision,
    version: u64,
    answered: Option<&TargetId>,
    attempts: &[Attempt],
    now: Timestamp,
) {
    let facts = &decision.facts;
    let (Some(stage), Some((session, at))) = (&decision.agents, kept(facts)) else { return };
    let failed: Vec<TargetId> = attempts
        .iter()
        .filter(|attempt| attempt.error.as_ref().is_some_and(|error| error.kind != ErrorKind::ClientGone))
        .map(|attempt| attempt.target.clone())
        .collect();
    let Some(conversation) = stage.after(answered, &failed, facts, &LIMITS) else { return };
    // Whoever was left in the middle of its work still has the conversation.
    let left = stage.chosen().filter(|_| answered.is_none() && failed.is_empty());
    let to = answered.filter(|id| stage.agents().any(|agent| agent == *id)).or(left);
    let course = at.course.clone().after(conversation, to);
    // Outdated: the other turn was decided later, and counts.
    let _ = courses.put(&facts.tenant, session, version, course, now);
}

fn kept(facts: &Facts) -> Option<(&pointsman_kernel::SessionId, &CourseAt)> {
    let session = facts.session.as_ref()?;
    Some((&session.id, session.agents.as_ref()?))
}

/// What the first stage did, in a line: who failed and how, and who answers.
pub(crate) fn told(decision: &Decision, attempts: &[Attempt], target: Option<&TargetId>) -> Option<String> {
    let stage = decision.agents.as_ref().filter(|stage| stage.skipped.is_none())?;
    let ours = |id: &TargetId| stage.agents().any(|agent| agent == id);
    let mut line = Vec::new();
    for attempt in attempts.iter().filter(|attempt| ours(&attempt.target)) {
        if let Some(error) = &attempt.error {
            line.push(format!("{} failed ({})", attempt.target, crate::telemetry::kind_name(error.kind)));
        }
    }
    match target {
        Some(target) if ours(target) => line.push(target.to_string()),
        Some(_) => line.push("none".to_owned()),
        None => {}
    }
    Some(line.join(", "))
}

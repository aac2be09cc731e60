//! The one function: a prompt's signals and the facts to a ranking and a plan.
//!
//! Whatever serves, replays, evaluates or simulates calls [`decide`]; there is no second implementation.

use std::sync::Arc;

use crate::agents::FirstStage;
use crate::candidates::Candidates;
use crate::decision::Decision;
use crate::estimates::{Estimates, Estimator};
use crate::explore;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::RouteId;
use crate::plan::{Patience, Planner};
use crate::provisional;
use crate::rng::{ALGORITHM, Rng};
use crate::select::{Ranked, Ranking, Reason, Selector};
use crate::session::{Switching, stays_with};
use crate::signals::{Asked, Signals};
use crate::target::Target;

/// What a route decides by: compiled from configuration, never changed.
pub struct Route {
    /// Its name.
    pub id: RouteId,
    /// Who may answer, in the configuration's order.
    pub targets: Vec<Arc<Target>>,
    /// What the choice is for; a request may ask for another preference.
    pub goal: Goal,
    /// Who orders the candidates.
    pub selector: Arc<dyn Selector>,
    /// Who makes the plan.
    pub planner: Arc<dyn Planner>,
    /// How many are asked and how patiently.
    pub patience: Patience,
    /// When a conversation may change its target.
    pub switching: Switching,
}

/// Decides for one request. Deterministic in its arguments; the estimator is asked once, for the kept candidates.
#[must_use]
pub fn decide(
    route: &Route,
    goal: Goal,
    signals: Signals,
    facts: Facts,
    estimator: &dyn Estimator,
) -> Decision {
    let mut candidates = Candidates::of(&route.targets, &signals, &facts);
    let mut estimates = Estimates::default();
    let ranking = match &signals.asked {
        Asked::Named(_) => named(&candidates),
        Asked::Auto => {
            candidates.require(&goal.flags.tags);
            estimator.estimate(&signals, &facts, &candidates, &mut estimates);
            let within = candidates.limit(&goal.flags, &estimates);
            let mut rng = Rng::new(facts.seed);
            let mut ranking = provisional::rank(&*route.selector, &within, &facts, &goal, &mut rng);
            match stays_with(route.switching, &signals, &facts, &candidates) {
                Some(target) => ranking.put_first(&target, Reason::Session),
                // A tool's result goes to whoever the policy thinks fit; where nobody is healthy chance measures nothing.
                None if signals.tool_result || candidates.health_ignored => {}
                None => explore::mix(&mut ranking, goal.explore, &mut rng),
            }
            ranking
        }
    };
    let plan = route.planner.plan(&ranking, route.patience);
    let mut decision = Decision {
        route: route.id.clone(),
        selector: route.selector.name().to_owned(),
        generator: ALGORITHM.to_owned(),
        facts,
        signals,
        agents: None,
        dropped: Vec::new(),
        health_ignored: false,
        estimates,
        goal,
        ranking,
        plan,
    };
    decision.drop_all(candidates);
    decision
}

/// Decides in two stages: the agents of `stage` are asked first, in its order, and then whoever the models' stage chooses,
/// which is decided all the same: it is what follows should the agents fail.
#[must_use]
pub fn decide_after(
    stage: FirstStage,
    route: &Route,
    goal: Goal,
    signals: Signals,
    facts: Facts,
    estimator: &dyn Estimator,
) -> Decision {
    decide(route, goal, signals, facts, estimator).led_by(stage, route.patience)
}

/// Decides again from a logged decision's own facts, signals and estimates. With the same route it gives the same
/// decision; with another it says what that one would have done. What the first stage decided is taken as it was.
#[must_use]
pub fn again(route: &Route, logged: &Decision) -> Decision {
    let Decision { goal, signals, facts, .. } = logged.clone();
    match logged.agents.clone() {
        Some(stage) => decide_after(stage, route, goal, signals, facts, &logged.estimates),
        None => decide(route, goal, signals, facts, &logged.estimates),
    }
}

fn named(candidates: &Candidates) -> Ranking {
    let only = |target: &Arc<Target>| Ranked {
        target: target.id.clone(),
        score: 1.0,
        propensity: 1.0,
        reason: Reason::Named,
    };
    Ranking(candidates.kept.iter().map(only).collect())
}

#[cfg(test)]
mod tests;

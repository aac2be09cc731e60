//! One router over the rows: what it predicts, whom the served selector chooses, and how long that takes.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use pointsman_encode::Encoder;
use pointsman_kernel::decide::{Route, decide};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::plan::{InOrder, Patience};
use pointsman_kernel::select::do_no_harm::DoNoHarm;
use pointsman_kernel::session::Switching;
use pointsman_kernel::{
    Candidates, CostScale, Estimates, Estimator, Facts, Goal, Preference, Scope, Signals, Tenant, Versions,
};

use super::pool::Pool;
use super::scene::{Picks, Predicted, preferences};
use super::{EvalError, input_tokens};
use crate::artifact::Artifact;
use crate::table::Table;
use crate::train::rows::{Encoded, encode_one};

/// Decisions that are timed.
const TIMED: usize = 400;

/// A router's predictions and choices, in the order of the rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) predicted: Predicted,
    /// For each preference.
    pub(super) served: Vec<Picks>,
    /// Microseconds from text to ranking, of some rows.
    pub(super) decision_us: Vec<f64>,
}

/// The runs of all routers, by name.
pub(super) type Runs = BTreeMap<String, Run>;

impl Run {
    /// Puts another fold's rows after these.
    pub(super) fn append(&mut self, mut other: Self) {
        self.predicted.quality.append(&mut other.predicted.quality);
        self.predicted.cost.append(&mut other.predicted.cost);
        self.served.resize(other.served.len(), Picks::new());
        for (own, other) in self.served.iter_mut().zip(&mut other.served) {
            own.append(other);
        }
        self.decision_us.append(&mut other.decision_us);
    }
}

/// Asks one estimator of an artifact about every row.
pub(super) fn run(
    artifact: &Artifact,
    name: &str,
    table: &Table,
    encoded: &[Encoded],
    encoder: &dyn Encoder,
    pool: &Pool,
    rows: &[usize],
) -> Result<Run, EvalError> {
    let estimator = artifact.estimator(Some(name))?;
    let scale = artifact.cost_scale(&pool.targets);
    let route = route(pool, scale);
    let goals: Vec<Goal> = preferences()
        .iter()
        .filter_map(|weight| Preference::new(*weight).ok())
        .map(|prefer| Goal { prefer, ..Goal::balanced(scale) })
        .collect();
    let mut run = Run { served: vec![Picks::with_capacity(rows.len()); goals.len()], ..Run::default() };
    let facts = facts(artifact.hash(), artifact.encoder());
    for row in rows {
        let of = &encoded[*row];
        let signals = signals(of, input_tokens(table, *row, &pool.columns, of.tokens));
        let candidates = Candidates::of(&route.targets, &signals, &facts);
        let mut estimates = Estimates::default();
        estimator.estimate(&signals, &facts, &candidates, &mut estimates);
        for estimate in &estimates.list {
            run.predicted.quality.push(estimate.quality.mean as f32);
            run.predicted.cost.push(estimate.cost.map_or(f64::INFINITY, |cost| cost.mean / 1e9));
        }
        let signals = signals.without_text();
        for (picks, goal) in run.served.iter_mut().zip(&goals) {
            picks.push(chosen(&route, goal.clone(), &signals, &facts, &estimates, pool));
        }
    }
    let stride = rows.len().div_ceil(TIMED).max(1);
    for row in rows.iter().step_by(stride) {
        let start = Instant::now();
        let of = encode_one(&table.prompts[*row], encoder)?;
        let signals = signals(&of, of.tokens);
        let decision = decide(&route, route.goal.clone(), signals, facts.clone(), &*estimator);
        run.decision_us.push(start.elapsed().as_secs_f64() * 1e6);
        drop(decision);
    }
    Ok(run)
}

fn chosen(
    route: &Route,
    goal: Goal,
    signals: &Signals,
    facts: &Facts,
    estimates: &dyn Estimator,
    pool: &Pool,
) -> u16 {
    let decision = decide(route, goal, signals.clone(), facts.clone(), estimates);
    let target = decision.chosen();
    let position = pool.targets.iter().position(|known| Some(&known.id) == target);
    position.unwrap_or(pool.best) as u16
}

pub(crate) fn signals(encoded: &Encoded, input_tokens: u32) -> Signals {
    Signals {
        input_tokens,
        turns: 1,
        features: encoded.features.to_vec(),
        vector: encoded.vector.to_vec(),
        words: encoded.words.to_vec(),
        ..Signals::default()
    }
}

/// The route that serves by default, over the pool.
pub(super) fn route(pool: &Pool, scale: CostScale) -> Route {
    Route {
        id: "auto".into(),
        targets: pool.targets.clone(),
        goal: Goal::balanced(scale),
        selector: Arc::new(DoNoHarm::default()),
        planner: Arc::new(InOrder),
        patience: Patience::default(),
        switching: Switching::default(),
    }
}

pub(crate) fn facts(artifact: &str, encoder: &str) -> Facts {
    Facts {
        decision: "eval".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: Tenant::from("eval"),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions { config: "eval".into(), artifact: artifact.into(), encoder: encoder.into() },
    }
}

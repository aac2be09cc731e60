//! From a text to a choice, as it is served: with and without the defence.

use std::sync::Arc;
use std::time::Instant;

use pointsman_encode::readings::{OTHERS, normalised, readings};
use pointsman_encode::{Encoder, Features, Text, Words, estimate_tokens};
use pointsman_kernel::select::robust::Robust;
use pointsman_kernel::{
    Candidates, Decision, Estimates, Estimator, Facts, Readings, Route, Signals, TargetId, decide,
};

use super::{Both, RobustOptions};
use crate::artifact::Artifact;
use crate::evaluate::EvalError;
use crate::evaluate::pool::Pool;
use crate::evaluate::run::{facts, route};
use crate::table::PromptRow;

/// Asks the default estimator of an artifact, and the policy that serves.
pub(super) struct Asker<'a> {
    plain: Route,
    robust: Route,
    estimator: Arc<dyn Estimator>,
    encoder: &'a dyn Encoder,
    facts: Facts,
    strip_words: usize,
    /// For each model what it usually costs.
    dearness: Vec<f64>,
    /// The one that prompts are not to be moved to, where it is named.
    guarded: Option<usize>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        artifact: &Artifact,
        encoder: &'a dyn Encoder,
        pool: &Pool,
        options: &RobustOptions,
    ) -> Result<Self, EvalError> {
        let scale = artifact.cost_scale(&pool.targets);
        let plain = route(pool, scale);
        let named = options.attack.as_ref().and_then(|attack| attack.target.as_ref());
        let guarded: Vec<TargetId> = named.map(|name| TargetId::from(name.as_str())).into_iter().collect();
        let at = |id: &TargetId| pool.targets.iter().position(|target| target.id == *id);
        if let (Some(name), None) = (named, guarded.first().and_then(at)) {
            let known = pool.targets.iter().map(|target| target.id.as_str()).collect::<Vec<_>>().join(", ");
            return Err(EvalError::UnknownTarget { name: name.clone(), known });
        }
        let robust = Robust::over(Arc::clone(&plain.selector), guarded.clone());
        let robust = Route { selector: Arc::new(robust), ..route(pool, scale) };
        let mut asker = Self {
            plain,
            robust,
            estimator: artifact.estimator(None)?,
            encoder,
            facts: facts(artifact.hash(), artifact.encoder()),
            strip_words: options.strip_words,
            dearness: Vec::new(),
            guarded: guarded.first().and_then(at),
        };
        let usual = asker.estimates("")?.list;
        let cost = |estimate: &pointsman_kernel::Estimate| {
            let usual = estimate.usual.and_then(|usual| usual.cost);
            usual.or(estimate.cost.map(|cost| cost.mean)).unwrap_or(f64::INFINITY)
        };
        asker.dearness = usual.iter().map(cost).collect();
        Ok(asker)
    }

    /// The model that a prompt is given to, as its place in the pool.
    pub(super) fn choice(
        &self,
        text: &str,
        system: Option<&str>,
        defended: bool,
    ) -> Result<usize, EvalError> {
        Ok(self.place(&self.decision(text, system, defended)?))
    }

    /// Where an attack would move a prompt that is given to this model.
    pub(super) fn wanted(&self, own: usize) -> Vec<usize> {
        match self.guarded {
            Some(target) => [target].into_iter().filter(|target| *target != own).collect(),
            None => (0..self.dearness.len()).filter(|at| self.dearness[*at] > self.dearness[own]).collect(),
        }
    }

    /// Whether there is anywhere to move it, with and without the defence.
    pub(super) fn can_move(&self, own: Both<usize>) -> bool {
        !self.wanted(own.plain).is_empty() && !self.wanted(own.robust).is_empty()
    }

    /// Who was chosen.
    pub(super) fn place(&self, decision: &Decision) -> usize {
        let chosen = decision.chosen();
        self.plain.targets.iter().position(|target| Some(&target.id) == chosen).unwrap_or(0)
    }

    pub(super) fn decision(
        &self,
        text: &str,
        system: Option<&str>,
        defended: bool,
    ) -> Result<Decision, EvalError> {
        let (route, facts) = (if defended { &self.robust } else { &self.plain }, self.facts.clone());
        if !defended {
            let signals = self.signals(text, system)?;
            return Ok(decide(route, route.goal.clone(), signals, facts, &*self.estimator));
        }
        let text = normalised(text);
        let signals = self.signals(&text, system)?;
        let mut others = Vec::with_capacity(OTHERS);
        for reading in readings(&text, self.strip_words) {
            let of = self.signals(reading, system)?;
            others.push(Signals { input_tokens: signals.input_tokens, ..of });
        }
        let estimator = Readings { inner: &*self.estimator, others: &others };
        Ok(decide(route, route.goal.clone(), signals, facts, &estimator))
    }

    /// Models there are.
    pub(super) fn models(&self) -> usize {
        self.dearness.len()
    }

    /// What is expected of each model.
    pub(super) fn estimates(&self, text: &str) -> Result<Estimates, EvalError> {
        let signals = self.signals(text, None)?;
        let candidates = Candidates::of(&self.plain.targets, &signals, &self.facts);
        let mut estimates = Estimates::default();
        self.estimator.estimate(&signals, &self.facts, &candidates, &mut estimates);
        Ok(estimates)
    }

    /// Times one choice of each kind.
    pub(super) fn time(&self, prompt: &PromptRow, times: &mut Both<Vec<f64>>) -> Result<(), EvalError> {
        for (defended, times) in [(false, &mut times.plain), (true, &mut times.robust)] {
            let start = Instant::now();
            let decision = self.decision(&prompt.text, prompt.system.as_deref(), defended)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            drop(decision);
        }
        Ok(())
    }

    fn signals(&self, text: &str, system: Option<&str>) -> Result<Signals, EvalError> {
        let view = Text::new(text, system);
        Ok(Signals {
            input_tokens: estimate_tokens(text) + system.map_or(0, estimate_tokens),
            turns: 1,
            features: Features::of(&view).as_slice().to_vec(),
            words: Words::of(&view).into_inner(),
            vector: self.encoder.encode(&view)?.into_inner().into_vec(),
            ..Signals::default()
        })
    }
}

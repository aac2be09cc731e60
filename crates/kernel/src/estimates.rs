//! What each candidate is expected to bring and to cost, with how sure that is and who says so.

mod readings;

use serde::{Deserialize, Serialize};

use crate::candidates::Candidates;
use crate::facts::Facts;
use crate::id::TargetId;
use crate::signals::Signals;

pub use readings::Readings;

/// A prediction and its standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The expected value.
    pub mean: f64,
    /// How far off it tends to be (one standard deviation).
    pub sd: f64,
}

/// What a target brings over the prompts it was learnt from, whatever the prompt: what a constant choice goes by, and
/// what a choice by prompt has to beat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// Mean quality, in [0, 1].
    pub quality: f64,
    /// Mean cost of a call in nano-dollars; `None` when neither a price nor a prior is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// One standard deviation of the error of the predicted departure from that quality: how far
    /// `(Estimate::quality - quality)` tends to be from the departure of the prompt's true expectation, in quality.
    pub doubt: f64,
}

/// One reason of a prediction: a readable feature, and what it adds to the quality of the average prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The feature's name.
    pub feature: std::borrow::Cow<'static, str>,
    /// Added to the predicted quality; below zero where it takes away.
    pub quality: f64,
}

/// Who made an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The estimator's name, such as `moma` or `prior`.
    pub estimator: std::borrow::Cow<'static, str>,
    /// The target was not in the training data: a stated prior stands in, and the spread is wide.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// The learned model that stands in for the target's own: the newest dated one of an undated name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_in: Option<std::sync::Arc<str>>,
    /// What moved the predicted quality most, from the largest; empty where the estimator cannot tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Contribution>,
}

impl Source {
    /// What an estimator says of a target that it has learned.
    #[must_use]
    pub fn learned(estimator: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { estimator: estimator.into(), provisional: false, stands_in: None, because: Vec::new() }
    }

    /// What it says of one that it has not.
    #[must_use]
    pub fn provisional(estimator: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self { provisional: true, ..Self::learned(estimator) }
    }
}

/// What one candidate is expected to bring and to cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Which candidate.
    pub target: TargetId,
    /// Probability of a right answer, or expected grade, in [0, 1].
    pub quality: Spread,
    /// Tokens it will write.
    pub output_tokens: Spread,
    /// Cost of the call in nano-dollars; `None` when neither a price nor a prior is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Spread>,
    /// Milliseconds to the end of the answer, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Spread>,
    /// What it brings whatever the prompt; `None` for a target that nobody has outcomes of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
    /// Who says so.
    pub source: Source,
}

/// Estimates for the candidates of one decision, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// How hard the prompt looks, in [0, 1]: one minus the mean predicted quality over the models of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// How unlike the training data the prompt is, in [0, 1]: 0 for one like those learnt from, 1 for one on which
    /// nothing learnt should be believed. `None` when nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlike: Option<f64>,
    /// One for each candidate.
    pub list: Vec<Estimate>,
    /// The same of other readings of the prompt, where the route asks for them ([`crate::select::robust`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Self>,
}

/// Predicts quality, cost and latency for each candidate.
///
/// An estimator MUST write exactly one estimate for each kept candidate, in their order, MUST be deterministic, and
/// MUST take no more than a few hundred microseconds. It knows nothing of goals.
pub trait Estimator: Send + Sync {
    /// Writes one estimate for each of `candidates` into `out`.
    fn estimate(&self, signals: &Signals, facts: &Facts, candidates: &Candidates, out: &mut Estimates);
}

impl Estimates {
    /// The estimate for `target`.
    #[must_use]
    pub fn of(&self, target: &TargetId) -> Option<&Estimate> {
        self.list.iter().find(|estimate| estimate.target == *target)
    }
}

/// Logged estimates answer as they did: what a replay decides from.
impl Estimator for Estimates {
    fn estimate(&self, _: &Signals, _: &Facts, candidates: &Candidates, out: &mut Estimates) {
        out.difficulty = self.difficulty;
        out.unlike = self.unlike;
        out.list = candidates.kept.iter().filter_map(|target| self.of(&target.id).cloned()).collect();
    }
}

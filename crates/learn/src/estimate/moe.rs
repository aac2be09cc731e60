//! MoMA's head: a gate picks a few experts, and their weighted sum is a score for every model.
//!
//! Form and gate follow arXiv 2509.07571; what the paper leaves open is ours. An expert is a hidden layer; the layer
//! from hidden values to models is shared by all experts, which makes a model one column, and each expert has an
//! offset for each model beside it: what this kind of prompt does to this model. A few such mixtures, trained from
//! different starts, are averaged, because one alone owes much to its start. Scores become probabilities by a logistic
//! curve of each model's own, fitted afterwards on prompts that the experts did not see.

use serde::{Deserialize, Serialize};

use super::dot::{add_scaled, dot, sigmoid};

/// The head: mixtures whose scores are averaged, and the curves over that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moma {
    pub(crate) mixtures: Vec<Moe>,
    /// Slope and intercept of each model's curve.
    pub(crate) curve: Vec<(f32, f32)>,
}

/// Weights of one mixture. Matrices are stored row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moe {
    pub(crate) experts: u32,
    /// Experts that count for a prompt.
    pub(crate) active: u32,
    pub(crate) hidden: u32,
    /// Experts by inputs.
    pub(crate) gate: Vec<f32>,
    pub(crate) gate_bias: Vec<f32>,
    /// Experts by hidden values by inputs.
    pub(crate) expert: Vec<f32>,
    pub(crate) expert_bias: Vec<f32>,
    /// Models by hidden values.
    pub(crate) output: Vec<f32>,
    /// Experts by models.
    pub(crate) offset: Vec<f32>,
    /// One score for each model.
    pub(crate) base: Vec<f32>,
}

/// The values on the way to the scores, kept because training goes back over them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forward {
    /// The active experts and their weights, which sum to one.
    pub(crate) active: Vec<(usize, f32)>,
    /// Every expert's probability before the choice.
    pub(crate) probability: Vec<f32>,
    /// Of each active expert, before and after the bend.
    pub(crate) before: Vec<f32>,
    pub(crate) after: Vec<f32>,
    /// The weighted sum of `after`.
    pub(crate) hidden: Vec<f32>,
    pub(crate) scores: Vec<f32>,
}

impl Moma {
    pub(crate) fn predict(&self, x: &[f32], out: &mut Vec<f32>) {
        self.scores(x, out);
        for (value, (slope, shift)) in out.iter_mut().zip(&self.curve) {
            *value = sigmoid(slope * *value + shift);
        }
    }

    /// The averaged scores of every model.
    pub(crate) fn scores(&self, x: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.resize(self.curve.len(), 0.0);
        let mut forward = Forward::default();
        for mixture in &self.mixtures {
            mixture.forward(x, &mut forward);
            add_scaled(out, &forward.scores, 1.0 / self.mixtures.len() as f32);
        }
    }

    pub(crate) fn fits(&self, models: usize, dimensions: usize) -> bool {
        let whole = self.mixtures.iter().all(|mixture| mixture.fits(models, dimensions));
        whole && !self.mixtures.is_empty() && self.curve.len() == models
    }
}

impl Moe {
    /// Scores for every model, with everything on the way.
    pub(crate) fn forward(&self, x: &[f32], to: &mut Forward) {
        let hidden = self.hidden as usize;
        self.choose(x, to);
        to.before.clear();
        to.after.clear();
        to.hidden.clear();
        to.hidden.resize(hidden, 0.0);
        to.scores.clear();
        to.scores.extend_from_slice(&self.base);
        for (expert, weight) in &to.active {
            let biases = self.expert_bias.get(expert * hidden..(expert + 1) * hidden).unwrap_or_default();
            let rows =
                self.expert.get(expert * hidden * x.len()..).unwrap_or_default().chunks_exact(x.len().max(1));
            let from = to.before.len();
            to.before.extend(biases.iter().zip(rows).map(|(bias, row)| bias + dot(row, x)));
            let before = to.before.get(from..).unwrap_or_default();
            to.after.extend(before.iter().map(|value| bend(*value)));
            add_scaled(&mut to.hidden, to.after.get(from..).unwrap_or_default(), *weight);
            let models = self.base.len();
            add_scaled(&mut to.scores, self.offset.get(expert * models..).unwrap_or_default(), *weight);
        }
        for (score, row) in to.scores.iter_mut().zip(self.output.chunks_exact(hidden.max(1))) {
            *score += dot(row, &to.hidden);
        }
    }

    /// The `active` likeliest experts; of equals the first.
    fn choose(&self, x: &[f32], to: &mut Forward) {
        let logits =
            self.gate.chunks_exact(x.len().max(1)).zip(&self.gate_bias).map(|(row, bias)| bias + dot(row, x));
        to.probability.clear();
        to.probability.extend(logits);
        let highest = to.probability.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        to.probability.iter_mut().for_each(|value| *value = (*value - highest).exp());
        let total: f32 = to.probability.iter().sum();
        to.probability.iter_mut().for_each(|value| *value /= total);
        to.active.clear();
        to.active.extend(to.probability.iter().copied().enumerate());
        to.active.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        to.active.truncate(self.active as usize);
        let kept: f32 = to.active.iter().map(|(_, weight)| weight).sum();
        to.active.iter_mut().for_each(|(_, weight)| *weight /= kept);
    }

    fn fits(&self, models: usize, dimensions: usize) -> bool {
        let (experts, hidden) = (self.experts as usize, self.hidden as usize);
        self.gate.len() == experts * dimensions
            && self.gate_bias.len() == experts
            && self.expert.len() == experts * hidden * dimensions
            && self.expert_bias.len() == experts * hidden
            && self.output.len() == models * hidden
            && self.offset.len() == experts * models
            && self.base.len() == models
            && (1..=self.experts).contains(&self.active)
    }
}

/// A smooth bend (SiLU, which is close to GELU and cheaper).
pub(crate) fn bend(x: f32) -> f32 {
    x * sigmoid(x)
}

/// Its slope.
pub(crate) fn bend_slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

//! How well an agent fits a turn, as one number: a linear map and a small hidden layer beside it, over named evidence.
#![allow(clippy::indexing_slicing, reason = "slices whose sizes are checked when a scorer is made or loaded")]

use serde::{Deserialize, Serialize};

use crate::estimate::dot::{add_scaled, dot};

/// Hidden units.
pub(crate) const HIDDEN: usize = 32;

/// The scorer. Inputs are brought to mean 0 and spread 1 first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scorer {
    pub(crate) mean: Vec<f32>,
    pub(crate) scale: Vec<f32>,
    /// Input by input, the weights into the hidden units.
    pub(crate) hidden: Vec<f32>,
    pub(crate) hidden_bias: Vec<f32>,
    pub(crate) out: Vec<f32>,
    pub(crate) direct: Vec<f32>,
}

impl Scorer {
    /// The score of one agent. Only differences between agents of one turn mean something.
    pub(crate) fn score(&self, evidence: &[f32], scratch: &mut Scratch) -> f32 {
        scratch.input.clear();
        let inputs = evidence.iter().zip(&self.mean).zip(&self.scale);
        scratch.input.extend(inputs.map(|((value, mean), scale)| (value - mean) * scale));
        scratch.units.clear();
        scratch.units.extend_from_slice(&self.hidden_bias);
        for (input, weights) in scratch.input.iter().zip(self.hidden.chunks_exact(HIDDEN)) {
            add_scaled(&mut scratch.units, weights, *input);
        }
        let through: f32 = scratch.units.iter().zip(&self.out).map(|(unit, out)| unit.max(0.0) * out).sum();
        through + dot(&scratch.input, &self.direct)
    }

    /// Whether all sizes agree.
    pub(crate) fn fits(&self) -> bool {
        let inputs = super::evidence::WIDTH;
        self.mean.len() == inputs
            && self.scale.len() == inputs
            && self.direct.len() == inputs
            && self.hidden.len() == inputs * HIDDEN
            && self.hidden_bias.len() == HIDDEN
            && self.out.len() == HIDDEN
    }
}

/// Room that is used again from one score to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) input: Vec<f32>,
    pub(crate) units: Vec<f32>,
}

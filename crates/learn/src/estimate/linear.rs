//! A linear map of the input, one row of weights for each output.

use serde::{Deserialize, Serialize};

use super::dot::dot;

/// `out = base + weights x`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Linear {
    /// What the average prompt gets.
    pub(crate) base: Vec<f32>,
    /// Row by row, as many values as the input has for each output.
    pub(crate) weights: Vec<f32>,
}

impl Linear {
    /// Every output.
    pub(crate) fn predict(&self, x: &[f32], out: &mut Vec<f32>) {
        out.clear();
        let rows = self.weights.chunks_exact(x.len().max(1));
        out.extend(self.base.iter().zip(rows).map(|(base, row)| base + dot(row, x)));
    }

    /// One output.
    pub(crate) fn at(&self, output: usize, x: &[f32]) -> Option<f32> {
        let row = self.weights.get(output * x.len()..(output + 1) * x.len())?;
        Some(self.base.get(output)? + dot(row, x))
    }

    pub(crate) fn fits(&self, outputs: usize, dimensions: usize) -> bool {
        self.base.len() == outputs && self.weights.len() == outputs * dimensions
    }
}

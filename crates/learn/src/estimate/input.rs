//! The input of every head: the prompt's vector, centred, and its features, standardised.
//!
//! Both blocks are scaled over the training prompts so that a penalty means the same for every encoder. What a prompt
//! lacks (no vector, another number of features) is answered by zeros, which is what the average prompt has.

use serde::{Deserialize, Serialize};

/// Features further from the mean than this many standard deviations count as this far.
const FURTHEST: f32 = 3.0;

/// How signals become the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// Mean of the vectors.
    pub(crate) vector_mean: Vec<f32>,
    /// Factor of the centred vectors.
    pub(crate) vector_scale: f32,
    /// Mean of each feature.
    pub(crate) feature_mean: Vec<f32>,
    /// Factor of each centred feature: its share of the block over its standard deviation.
    pub(crate) feature_scale: Vec<f32>,
    /// The block's share.
    pub(crate) feature_share: f32,
}

impl Input {
    /// Values of an input.
    pub(crate) fn dimensions(&self) -> usize {
        self.vector_mean.len() + self.feature_mean.len()
    }

    /// Writes the input into `x`.
    pub(crate) fn of(&self, vector: &[f32], features: &[f32], x: &mut Vec<f32>) {
        x.clear();
        let empty = vector.len() != self.vector_mean.len() || vector.iter().all(|value| *value == 0.0);
        if empty {
            x.resize(self.vector_mean.len(), 0.0);
        } else {
            x.extend(
                vector.iter().zip(&self.vector_mean).map(|(value, mean)| (value - mean) * self.vector_scale),
            );
        }
        if features.len() == self.feature_mean.len() {
            let furthest = FURTHEST * self.feature_share;
            let scaled = features.iter().zip(&self.feature_mean).zip(&self.feature_scale);
            x.extend(
                scaled.map(|((value, mean), scale)| ((value - mean) * scale).clamp(-furthest, furthest)),
            );
        } else {
            x.resize(self.dimensions(), 0.0);
        }
        for value in x.iter_mut().filter(|value| !value.is_finite()) {
            *value = 0.0;
        }
    }
}

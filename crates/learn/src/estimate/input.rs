//! The input of every head: the prompt's vector, centred, and its features, standardised; that input on its main axes;
//! and the prompt's words, weighed by how rare they are.
//!
//! Both dense blocks are scaled over the training prompts so that a penalty means the same for every encoder. What a prompt
//! lacks (no vector, another number of features, no words) is answered by zeros, which is what the average prompt has.

use pointsman_kernel::Signals;
use serde::{Deserialize, Serialize};

use super::dot::dot;

/// Features further from the mean than this many standard deviations count as this far.
const FURTHEST: f32 = 3.0;
/// Steps of an inverse document frequency, which lies below 16.
pub(crate) const RARITY_STEPS: f32 = 15.0;

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
    /// The principal axes of the two blocks together, row by row.
    pub(crate) axes: Vec<f32>,
    /// For each place of the hashed vocabulary its inverse document frequency in steps; 0 where a term was seen once at
    /// most.
    pub(crate) rarity: Vec<u8>,
}

/// A prompt as heads see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Vector and features.
    pub(crate) x: Vec<f32>,
    /// The same on the main axes.
    pub(crate) axes: Vec<f32>,
    /// Known terms, of norm 1.
    pub(crate) words: Vec<(u16, f32)>,
    /// Share of its terms that are known.
    pub(crate) known: f32,
}

impl Input {
    /// Values of the dense input.
    pub(crate) fn dimensions(&self) -> usize {
        self.vector_mean.len() + self.feature_mean.len()
    }

    /// How many main axes there are.
    pub(crate) fn axes(&self) -> usize {
        self.axes.len() / self.dimensions().max(1)
    }

    /// The view of a prompt.
    pub(crate) fn view(&self, signals: &Signals) -> View {
        self.of(&signals.vector, &signals.features, &signals.words)
    }

    /// The view of a prompt's parts.
    pub(crate) fn of(&self, vector: &[f32], features: &[f32], words: &[(u16, f32)]) -> View {
        let mut view = View::default();
        self.dense(vector, features, &mut view.x);
        view.axes.extend(self.axes.chunks_exact(self.dimensions().max(1)).map(|axis| dot(axis, &view.x)));
        let mut square = 0.0;
        for (place, weight) in words {
            let rarity = self.rarity.get(usize::from(*place)).copied().unwrap_or_default();
            if rarity > 0 && weight.is_finite() {
                let value = weight * f32::from(rarity) / RARITY_STEPS;
                square += value * value;
                view.words.push((*place, value));
            }
        }
        view.known = if words.is_empty() { 1.0 } else { view.words.len() as f32 / words.len() as f32 };
        let scale = if square > 0.0 { square.sqrt().recip() } else { 0.0 };
        view.words.iter_mut().for_each(|(_, value)| *value *= scale);
        view
    }

    fn dense(&self, vector: &[f32], features: &[f32], x: &mut Vec<f32>) {
        x.reserve(self.dimensions());
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

impl View {
    /// The values that trees look at: the main axes, then the features.
    pub(crate) fn columns(&self) -> Vec<f32> {
        let features = self.x.len().saturating_sub(pointsman_encode::Features::COUNT);
        let mut columns = Vec::with_capacity(self.axes.len() + self.x.len() - features);
        columns.extend_from_slice(&self.axes);
        columns.extend_from_slice(self.x.get(features..).unwrap_or_default());
        columns
    }
}

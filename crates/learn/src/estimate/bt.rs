//! Bradley-Terry: strengths that explain who did better than whom, for each kind of prompt.
//!
//! Strengths come from pairs of answers to one prompt alone (Bradley and Terry, 1952; by maximum likelihood over all pairs, not
//! by Elo's updates, whose result depends on their order): one for each model over all prompts, and one for each cluster
//! drawn to it. Pairs say nothing of how hard a prompt is, so a level for each cluster and a curve for each model turn strengths
//! into quality.

use serde::{Deserialize, Serialize};

use super::centres::Centres;
use super::dot::{add_scaled, sigmoid};
use super::input::View;

/// Strengths, levels and curves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BradleyTerry {
    pub(crate) centres: Centres,
    /// Each model's strength over all prompts; those of one table sum to zero.
    pub(crate) strength: Vec<f32>,
    /// Clusters by models: how far the strength in the cluster lies from that.
    pub(crate) departures: Vec<f32>,
    /// Clusters by models: how far the log odds of a right answer lie from the usual ones, for the model's table.
    pub(crate) level: Vec<f32>,
    /// Slope of strength, slope of level and intercept, of each model's log odds.
    pub(crate) curve: Vec<[f32; 3]>,
}

impl BradleyTerry {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        let mut level = vec![0.0; self.strength.len()];
        self.scores(view, out, &mut level);
        for ((out, level), [strength, ease, shift]) in out.iter_mut().zip(&level).zip(&self.curve) {
            *out = sigmoid(strength * *out + ease * level + shift);
        }
    }

    /// Each model's strength on this prompt, and the level of its table there.
    pub(crate) fn scores(&self, view: &View, strength: &mut Vec<f32>, level: &mut [f32]) {
        strength.clear();
        strength.extend_from_slice(&self.strength);
        let models = self.strength.len().max(1);
        for (cluster, share) in self.centres.near(&view.axes) {
            let row = |table: &[f32], into: &mut [f32]| {
                let row = table.chunks_exact(models).nth(cluster).unwrap_or_default();
                add_scaled(into, row, share);
            };
            row(&self.departures, strength);
            row(&self.level, level);
        }
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        let cells = self.centres.count() * models;
        self.centres.fits(axes)
            && self.strength.len() == models
            && self.curve.len() == models
            && self.departures.len() == cells
            && self.level.len() == cells
    }
}

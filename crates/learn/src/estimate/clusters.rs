//! A table: how good each model is on each kind of prompt, where kinds are clusters.
//!
//! The plainest router that looks at the prompt, and a strong one: Avengers (arXiv 2508.12631), LLM-Ens (2505.15306) and
//! Composition of Experts (2412.01868) choose by such a table. A cell that few answers speak for is drawn to the model's mean
//! over all, which is what a generalist for uncertain prompts amounts to.

use serde::{Deserialize, Serialize};

use super::centres::Centres;
use super::dot::add_scaled;
use super::input::View;

/// The centres and the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clusters {
    pub(crate) centres: Centres,
    /// Each model's mean.
    pub(crate) mean: Vec<f32>,
    /// Clusters by models: how far each model's mean in the cluster lies from its mean over all.
    pub(crate) departures: Vec<f32>,
}

impl Clusters {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.mean);
        for (cluster, share) in self.centres.near(&view.axes) {
            let row = self.departures.chunks_exact(self.mean.len().max(1)).nth(cluster);
            add_scaled(out, row.unwrap_or_default(), share);
        }
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        self.mean.len() == models
            && self.centres.fits(axes)
            && self.departures.len() == self.centres.count() * models
    }
}

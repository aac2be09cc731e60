//! First which task, then how good each model is at it.
//!
//! Most of what a prompt says about its models is said by the kind of task it is. A softmax over the kinds of the training
//! data (the tables' `dataset` column) guesses the kind; a model's quality is its mean on each kind, drawn to its
//! mean over all, weighed by the guess. It cannot learn luck, because it has no more than a number for a model and kind.

use serde::{Deserialize, Serialize};

use super::dot::add_scaled;
use super::input::View;
use super::linear::Linear;

/// The guess and the means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tasks {
    /// Names of the kinds.
    pub(crate) names: Vec<String>,
    /// Log odds of each kind from the main axes.
    pub(crate) odds: Linear,
    /// Each model's mean.
    pub(crate) mean: Vec<f32>,
    /// Kinds by models: how far each model's mean on the kind lies from its mean over all.
    pub(crate) departures: Vec<f32>,
}

impl Tasks {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.mean);
        let chances = self.chances(view);
        for (chance, row) in chances.iter().zip(self.departures.chunks_exact(self.mean.len().max(1))) {
            add_scaled(out, row, *chance);
        }
    }

    /// How likely each kind is.
    pub(crate) fn chances(&self, view: &View) -> Vec<f32> {
        let mut odds = Vec::new();
        self.odds.predict(&view.axes, &mut odds);
        softmax(&mut odds);
        odds
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        self.mean.len() == models
            && self.odds.fits(self.names.len(), axes)
            && self.departures.len() == self.names.len() * models
    }
}

/// From log odds to probabilities, in place.
pub(crate) fn softmax(odds: &mut [f32]) {
    let most = odds.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for value in odds.iter_mut() {
        *value = (*value - most).exp();
        total += *value;
    }
    odds.iter_mut().for_each(|value| *value /= total);
}

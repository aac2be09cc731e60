//! Item response theory: a prompt has a difficulty and a discrimination, a model an ability.
//!
//! The two-parameter model of RADAR (arXiv 2509.25426): the log odds of a right answer are `a (ability - b)`, where
//! difficulty `b` and discrimination `a > 0` are linear in the prompt's main axes (`a` through a softplus), so that prompts
//! that nobody has answered have them too. One ability orders the models alike on every prompt; where the data ask for
//! more, further dimensions add what a prompt demands of a speciality times what a model has of it. A model is one
//! column of abilities.

use serde::{Deserialize, Serialize};

use super::dot::sigmoid;
use super::input::View;
use super::linear::Linear;

/// The demands of prompts and the abilities of models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Irt {
    /// From the main axes to difficulty, raw discrimination, and demands of each further dimension.
    pub(crate) demands: Linear,
    /// Models by dimensions.
    pub(crate) abilities: Vec<f32>,
    /// What a model that no row speaks of gets; `NaN` for all others.
    pub(crate) unasked: Vec<f32>,
}

/// What a prompt demands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Demand {
    pub(crate) difficulty: f32,
    pub(crate) discrimination: f32,
    /// Of each further dimension.
    pub(crate) specialities: Vec<f32>,
}

impl Irt {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        out.clear();
        let demand = self.demand(&view.axes);
        let abilities = self.abilities.chunks_exact(self.dimensions().max(1));
        out.extend(abilities.zip(&self.unasked).map(|(ability, unasked)| {
            if unasked.is_nan() { sigmoid(demand.odds(ability)) } else { *unasked }
        }));
    }

    /// What a prompt demands.
    pub(crate) fn demand(&self, axes: &[f32]) -> Demand {
        let mut raw = Vec::with_capacity(self.demands.base.len());
        self.demands.predict(axes, &mut raw);
        Demand::of(&raw)
    }

    /// Dimensions of ability.
    pub(crate) fn dimensions(&self) -> usize {
        self.demands.base.len().saturating_sub(1)
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        let dimensions = self.dimensions();
        dimensions > 0
            && self.demands.fits(dimensions + 1, axes)
            && self.abilities.len() == models * dimensions
            && self.unasked.len() == models
    }
}

impl Demand {
    /// From difficulty, raw discrimination and the rest.
    pub(crate) fn of(raw: &[f32]) -> Self {
        let mut rest = raw.iter().copied();
        let (difficulty, discrimination) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        Self { difficulty, discrimination: softplus(discrimination), specialities: rest.collect() }
    }

    /// Log odds that a model of these abilities is right.
    pub(crate) fn odds(&self, abilities: &[f32]) -> f32 {
        let Some((general, others)) = abilities.split_first() else { return 0.0 };
        let special: f32 =
            self.specialities.iter().zip(others).map(|(demand, ability)| demand * ability).sum();
        self.discrimination * (general - self.difficulty) + special
    }
}

/// ln(1 + e^x), where it would overflow too.
pub(crate) fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

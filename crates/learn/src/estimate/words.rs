//! Words beside the vector: a linear map of the dense input and of hashed, rarity-weighted terms.
//!
//! The vector says what a prompt is about; single words and pairs of words say what tells one data set, subject or
//! phrasing from another, which is where models differ most steadily.

use serde::{Deserialize, Serialize};

use super::directions::Directions;
use super::dot::dot;
use super::input::View;

/// One linear map for each direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) directions: Directions,
    pub(crate) scores: Vec<Score>,
}

/// The map of one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Score {
    pub(crate) base: f32,
    pub(crate) dense: Vec<f32>,
    /// Factor of the terms' weights.
    pub(crate) scale: f32,
    /// For each place of the hashed vocabulary a weight; none where words say nothing.
    pub(crate) terms: Vec<i8>,
}

impl Words {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        let scores: Vec<f32> = self.scores.iter().map(|score| score.of(view)).collect();
        self.directions.spread(&scores, out);
    }

    pub(crate) fn fits(&self, models: usize, dimensions: usize, places: usize) -> bool {
        let whole = |score: &Score| {
            score.dense.len() == dimensions && (score.terms.is_empty() || score.terms.len() == places)
        };
        self.directions.fits(models)
            && self.scores.len() == self.directions.count()
            && self.scores.iter().all(whole)
    }
}

impl Score {
    fn of(&self, view: &View) -> f32 {
        let of = |(place, value): &(u16, f32)| {
            self.terms.get(usize::from(*place)).map_or(0.0, |weight| f32::from(*weight) * value)
        };
        self.base + dot(&self.dense, &view.x) + self.scale * view.words.iter().map(of).sum::<f32>()
    }
}

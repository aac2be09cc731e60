//! Logistic regression: for each model the log odds of a right answer are a linear map of the input.

use serde::{Deserialize, Serialize};

use super::dot::sigmoid;
use super::input::View;
use super::linear::Linear;

/// The map to log odds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logistic {
    pub(crate) odds: Linear,
}

impl Logistic {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        self.odds.predict(&view.x, out);
        out.iter_mut().for_each(|odds| *odds = sigmoid(*odds));
    }

    pub(crate) fn fits(&self, models: usize, dimensions: usize) -> bool {
        self.odds.fits(models, dimensions)
    }
}

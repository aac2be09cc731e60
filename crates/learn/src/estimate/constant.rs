//! Each model's mean quality, whatever the prompt: the estimator that every other has to beat.

use serde::{Deserialize, Serialize};

/// The means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Constant {
    pub(crate) mean: Vec<f32>,
}

impl Constant {
    pub(crate) fn predict(&self, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.mean);
    }
}

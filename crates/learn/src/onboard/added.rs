//! A model that was added to an artifact after training.
//!
//! It stands behind the trained content of the file, which is not touched: what was trained stays what was judged.

use pointsman_kernel::Spread;
use serde::{Deserialize, Serialize};

use super::Column;
use crate::artifact::Model;
use crate::names::normalised;

/// Graded answers from which on a model that was added counts as known. By then its column is worth nine tenths and more
/// of what all labels give (see `docs/guide/train-on-your-own-models.md`).
pub const ENOUGH: u32 = 100;

/// One added model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Added {
    pub(crate) model: Model,
    /// For each head of the artifact, in their order, the map from what it says of the trained models.
    pub(crate) columns: Vec<Column>,
    /// How many times as long as the average model's its answers are.
    pub(crate) length: f32,
}

impl Added {
    /// Whether `profile` names it, by the rule of [`crate::names`].
    pub(crate) fn is(&self, profile: &str) -> bool {
        self.model.name == profile || normalised(&self.model.name) == normalised(profile)
    }

    /// What the head at `head` says of it where it says `known` of the trained models, and how doubtful the column is.
    pub(crate) fn quality(&self, head: usize, known: &[f32]) -> Option<Spread> {
        let column = self.columns.get(head)?;
        Some(Spread { mean: f64::from(column.at(known)), sd: f64::from(column.doubt()) })
    }

    /// Its tokens, where the average model writes this many.
    pub(crate) fn output(&self, anyone: Spread) -> Spread {
        let factor = f64::from(self.length);
        Spread { mean: anyone.mean * factor, sd: anyone.sd * factor }
    }

    /// It was placed by few answers.
    pub(crate) fn is_provisional(&self) -> bool {
        self.model.rows < ENOUGH
    }

    pub(crate) fn fits(&self, heads: usize, models: usize) -> bool {
        self.columns.len() == heads
            && self.columns.iter().all(|column| column.fits(models))
            && self.length.is_finite()
            && self.length > 0.0
    }
}

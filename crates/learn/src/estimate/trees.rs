//! Boosted trees over the main axes and the readable features.
//!
//! Each direction has a run of small regression trees (Friedman, 2001); how many was decided on prompts that they did not
//! see, and may be none.

use serde::{Deserialize, Serialize};

use super::directions::Directions;
use super::input::View;

/// Levels of a tree.
pub(crate) const DEPTH: usize = 3;
/// Its leaves.
pub(crate) const LEAVES: usize = 1 << DEPTH;

/// A run of trees for each direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trees {
    pub(crate) directions: Directions,
    pub(crate) runs: Vec<Vec<Tree>>,
}

/// A full tree, level by level: at place `p` a value above the threshold leads to `2p + 2`, others to `2p + 1`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) columns: [u16; LEAVES - 1],
    pub(crate) thresholds: [f32; LEAVES - 1],
    pub(crate) leaves: [f32; LEAVES],
}

impl Trees {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        let columns = view.columns();
        let score = |run: &Vec<Tree>| run.iter().map(|tree| tree.of(&columns)).sum();
        let scores: Vec<f32> = self.runs.iter().map(score).collect();
        self.directions.spread(&scores, out);
    }

    pub(crate) fn fits(&self, models: usize) -> bool {
        self.directions.fits(models) && self.runs.len() == self.directions.count()
    }
}

impl Tree {
    pub(crate) fn of(&self, columns: &[f32]) -> f32 {
        let mut place = 0;
        for _ in 0..DEPTH {
            let (Some(column), Some(threshold)) = (self.columns.get(place), self.thresholds.get(place))
            else {
                return 0.0;
            };
            let value = columns.get(usize::from(*column)).copied().unwrap_or_default();
            place = 2 * place + 1 + usize::from(value > *threshold);
        }
        self.leaves.get(place + 1 - LEAVES).copied().unwrap_or_default()
    }
}

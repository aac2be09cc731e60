//! The directions of every table's outcomes, and each row's scores along them.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use faer::Mat;

use crate::estimate::directions::{Directions, Loadings};
use crate::train::ridge::{Completed, components};
use crate::train::rows::Rows;

/// Directions of a table that are learnt where each costs little; what lies beyond is luck.
pub(crate) const MOST: usize = 12;

/// One table's rows and their scores, rows by directions, each column less its mean.
pub(crate) struct Scored {
    pub(crate) rows: Vec<usize>,
    pub(crate) scores: Mat<f64>,
}

/// The directions, with the scores that are to be predicted for the `chosen` rows of each of their tables, `most` of each.
pub(crate) fn fit(rows: &Rows, chosen: &[usize], fallback: &[f32], most: usize) -> (Directions, Vec<Scored>) {
    let mut directions = Directions { fallback: fallback.to_vec(), tables: Vec::new() };
    let mut scored = Vec::new();
    for group in 0..rows.groups.len() {
        let completed = Completed::new(rows, chosen, group, Rows::quality);
        if completed.rows.len() < 2 || completed.columns.is_empty() {
            continue;
        }
        let Some(components) = components(&completed) else { continue };
        let width = completed.columns.len();
        let kept = width.min(most);
        let main = components.subcols(width - kept, kept);
        let mut loadings = Vec::with_capacity(kept * width);
        for direction in 0..kept {
            loadings.extend((0..width).map(|model| main[(model, direction)] as f32));
        }
        directions.tables.push(Loadings {
            models: completed.columns.iter().map(|model| *model as u32).collect(),
            mean: completed.means.iter().map(|mean| *mean as f32).collect(),
            share: Vec::new(),
            loadings,
        });
        scored.push(Scored { scores: &completed.values * main, rows: completed.rows });
    }
    let mut holders = vec![0_u32; rows.models.len()];
    for model in directions.tables.iter().flat_map(|table| &table.models) {
        holders[*model as usize] += 1;
    }
    for table in &mut directions.tables {
        table.share = table.models.iter().map(|model| 1.0 / holders[*model as usize] as f32).collect();
    }
    (directions, scored)
}

/// Whether a row serves to judge what was learnt from the others, one in five.
pub(crate) fn held(rows: &Rows, row: usize) -> bool {
    rows.check[row]
}

//! Fits nearness to landmarks.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::dot;
use crate::estimate::landmarks::Landmarks;
use crate::estimate::linear::Linear;
use crate::train::rows::Rows;
use crate::train::{directions, kmeans, ridge};

/// Landmarks, at most; a table of fewer rows has one for each eight.
const MOST: usize = 256;
const ROWS_EACH: usize = 8;
/// How much stronger than cross-validation asks the penalties are.
const STRENGTH: f64 = 2.0;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], fallback: &[f32], seed: u64) -> Landmarks {
    let (directions, scored) = directions::fit(rows, chosen, fallback, directions::MOST);
    let count = (chosen.len() / ROWS_EACH).clamp(1, MOST);
    let views: Vec<&[f32]> = chosen.iter().map(|row| rows.view(*row).axes.as_slice()).collect();
    let centres = kmeans::centres(&views, rows.input.axes(), count, &mut Rng::new(seed));
    let half: Vec<f32> = centres.iter().map(|centre| dot(centre, centre) / 2.0).collect();
    let mut landmarks = Landmarks {
        directions,
        sharpness: 1.0 / (2.0 * width(&views, &centres)),
        half,
        centres: centres.concat(),
        map: Linear::default(),
    };
    let size = landmarks.half.len() + rows.input.axes();
    for table in &scored {
        let mut bases = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let mut basis = Vec::new();
            landmarks.basis(&rows.view(*row).axes, &mut basis);
            bases.push(basis);
        }
        let (centre, x) = ridge::centred(bases.len(), size, |at| &bases[at]);
        let weights = ridge::regress(&x, &table.scores, STRENGTH);
        for direction in 0..table.scores.ncols() {
            let column: Vec<f32> = match &weights {
                Some(weights) => weights.col(direction).iter().map(|value| *value as f32).collect(),
                None => vec![0.0; size],
            };
            let shift: f64 = column.iter().zip(&centre).map(|(weight, mean)| f64::from(*weight) * mean).sum();
            landmarks.map.base.push(-shift as f32);
            landmarks.map.weights.extend(column);
        }
    }
    landmarks
}

/// The middle squared distance from a row to its nearest centre.
fn width(views: &[&[f32]], centres: &[Vec<f32>]) -> f32 {
    let nearest = |view: &&[f32]| {
        let to = |centre: &Vec<f32>| dot(view, view) + dot(centre, centre) - 2.0 * dot(view, centre);
        centres.iter().map(to).fold(f32::INFINITY, f32::min)
    };
    let mut distances: Vec<f32> = views.iter().map(nearest).collect();
    distances.sort_by(f32::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(1.0).max(1e-3)
}

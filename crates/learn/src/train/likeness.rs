//! Fits what is like the training data: centres, and how far from them prompts lie that they were not made from.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::dot;
use crate::estimate::likeness::Likeness;
use crate::train::kmeans;
use crate::train::rows::{FOLDS, Rows};

/// Centres, at most; fewer rows have one for each eight.
const MOST: usize = 64;
const ROWS_EACH: usize = 8;
/// The share of the training data's own prompts that are not unlike it.
const OWN: f64 = 0.95;

pub(crate) fn fit(rows: &Rows, seed: u64) -> Likeness {
    let mut distances = Vec::with_capacity(rows.len());
    for fold in 0..FOLDS {
        let (held, seen): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|row| rows.fold[*row] == fold);
        if !seen.is_empty() {
            let centres = centres(rows, &seen, seed);
            distances.extend(held.iter().filter_map(|row| centres.distance(rows.view(*row))));
        }
    }
    distances.sort_by(f32::total_cmp);
    let at = |share: f64| {
        let place = (share * distances.len() as f64) as usize;
        distances.get(place.min(distances.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let all: Vec<usize> = (0..rows.len()).collect();
    let near = at(OWN);
    Likeness { near, far: near + (near - at(0.5)), ..centres(rows, &all, seed) }
}

fn centres(rows: &Rows, chosen: &[usize], seed: u64) -> Likeness {
    let views: Vec<&[f32]> = chosen.iter().map(|row| rows.view(*row).axes.as_slice()).collect();
    let count = (chosen.len() / ROWS_EACH).clamp(1, MOST);
    let centres = kmeans::centres(&views, rows.input.axes(), count, &mut Rng::new(seed));
    let half = centres.iter().map(|centre| dot(centre, centre) / 2.0).collect();
    Likeness { half, centres: centres.concat(), ..Likeness::default() }
}

//! Centres for heads that keep numbers for each kind of prompt.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::centres::Centres;
use crate::estimate::dot::dot;
use crate::train::kmeans;
use crate::train::rows::Rows;

/// Rows that a centre speaks for on average, at least.
const ROWS_EACH: usize = 20;

/// At most `most` centres of the chosen rows.
pub(crate) fn fit(rows: &Rows, chosen: &[usize], most: usize, rng: &mut Rng) -> Centres {
    let views: Vec<&[f32]> = chosen.iter().map(|row| rows.view(*row).axes.as_slice()).collect();
    let count = (chosen.len() / ROWS_EACH).clamp(1, most);
    let centres = kmeans::centres(&views, rows.input.axes(), count, rng);
    let half: Vec<f32> = centres.iter().map(|centre| dot(centre, centre) / 2.0).collect();
    let squared = |view: &&[f32]| {
        let to = |(centre, half): (&Vec<f32>, &f32)| dot(view, view) + 2.0 * (half - dot(view, centre));
        centres.iter().zip(&half).map(to).fold(f32::INFINITY, f32::min)
    };
    let mut distances: Vec<f32> = views.iter().map(squared).collect();
    distances.sort_by(f32::total_cmp);
    // The middle distance to the nearest centre, halved: a prompt twice as far from another centre hardly belongs there.
    let width = distances.get(distances.len() / 2).copied().unwrap_or(1.0).max(1e-3) / 2.0;
    Centres { centres: centres.concat(), half, sharpness: width.recip() }
}

/// The chosen rows, parted into those that a choice among settings is judged on and the others.
pub(crate) fn parted(rows: &Rows, chosen: &[usize]) -> (Vec<usize>, Vec<usize>) {
    chosen.iter().partition(|row| rows.check[**row])
}

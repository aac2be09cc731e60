//! k-means: what kinds of prompt there are, before anything is learnt of models.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::{add_scaled, dot};

const ROUNDS: usize = 12;
/// More rows than this tell little new of some means.
const MOST_ROWS: usize = 4000;

/// `count` centres, started by k-means++ (Arthur and Vassilvitskii, 2007).
pub(crate) fn centres(points: &[&[f32]], dims: usize, count: usize, rng: &mut Rng) -> Vec<Vec<f32>> {
    let stride = points.len().div_ceil(MOST_ROWS).max(1);
    let sample: Vec<&[f32]> = points.iter().step_by(stride).copied().collect();
    if sample.is_empty() {
        return vec![vec![0.0; dims]; count];
    }
    let squared = |x: &[f32], centre: &[f32]| dot(x, x) + dot(centre, centre) - 2.0 * dot(x, centre);
    let mut centres = vec![sample[(rng.next_u64() % sample.len() as u64) as usize].to_vec()];
    let mut nearest: Vec<f32> = sample.iter().map(|x| squared(x, &centres[0])).collect();
    while centres.len() < count {
        let total: f64 = nearest.iter().map(|value| f64::from(value.max(0.0))).sum();
        let mut left = rng.uniform() * total;
        let chosen = nearest.iter().position(|value| {
            left -= f64::from(value.max(0.0));
            left <= 0.0
        });
        let centre = sample[chosen.unwrap_or(0)].to_vec();
        for (nearest, x) in nearest.iter_mut().zip(&sample) {
            *nearest = nearest.min(squared(x, &centre));
        }
        centres.push(centre);
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![(vec![0.0_f32; dims], 0.0_f32); count];
        for x in &sample {
            let mut best = (f32::INFINITY, 0);
            for (at, centre) in centres.iter().enumerate() {
                let distance = squared(x, centre);
                if distance < best.0 {
                    best = (distance, at);
                }
            }
            add_scaled(&mut sums[best.1].0, x, 1.0);
            sums[best.1].1 += 1.0;
        }
        for (centre, (sum, members)) in centres.iter_mut().zip(sums) {
            if members > 0.0 {
                *centre = sum.iter().map(|value| value / members).collect();
            }
        }
    }
    centres
}

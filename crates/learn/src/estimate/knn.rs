//! The mean outcome of the nearest training prompts, the nearer the more, drawn towards each model's mean.
//!
//! Similarity is the cosine of centred inputs in eight bits; a search looks at every row, which is why the number of
//! rows is bounded when it is trained. Each block of rows comes from one table and holds that table's models.

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use super::dot::dot_i8;

/// Outcomes are stored in this many steps; [`UNKNOWN`] where there is none.
pub(crate) const STEPS: f32 = 254.0;
/// No outcome.
pub(crate) const UNKNOWN: u8 = 255;
/// Norm of a row and of what is looked for.
const NORM: f32 = 508.0;
/// A neighbour whose cosine is lower by this than the nearest one's counts a factor e less.
const WARMTH: f32 = 0.15;

/// The rows and how they are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knn {
    /// Values of a row.
    pub(crate) dimensions: u32,
    /// Neighbours that count.
    pub(crate) neighbours: u32,
    /// How many answers the mean of a model weighs.
    pub(crate) prior: f32,
    /// Each model's mean.
    pub(crate) mean: Vec<f32>,
    pub(crate) blocks: Vec<Block>,
}

/// The rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// The models its outcomes belong to, as positions in the artifact.
    pub(crate) models: Vec<u32>,
    /// Inputs of norm 508, each value kept within 127, row by row.
    pub(crate) rows: Vec<i8>,
    /// Outcomes, row by row, one for each of `models`.
    pub(crate) outcomes: Vec<u8>,
}

impl Knn {
    pub(crate) fn predict(&self, x: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.mean);
        // The first axes tell the most; the rest would double the search's time.
        let query = quantised(x.get(..self.dimensions as usize).unwrap_or(x));
        let width = (self.dimensions as usize).max(1);
        let (mut products, mut near) = (Vec::new(), Vec::new());
        for block in &self.blocks {
            products.clear();
            products.resize(block.rows.len() / width, 0);
            let into = products.as_mut_slice();
            Arch::new().dispatch(Products { rows: &block.rows, width, query: &query, into });
            nearest(products.iter().map(|product| -product), self.neighbours as usize, &mut near);
            block.add(&near, self.prior, out);
        }
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        let width = self.dimensions as usize;
        let whole = |block: &Block| {
            let rows = block.rows.len() / width.max(1);
            block.rows.len() == rows * width
                && block.outcomes.len() == rows * block.models.len()
                && block.models.iter().all(|model| (*model as usize) < models)
        };
        (1..=axes).contains(&width) && self.mean.len() == models && self.blocks.iter().all(whole)
    }
}

/// What is looked for times every row, with the widest instructions that the processor has: the sums are whole numbers, so
/// they are the same on each.
struct Products<'a> {
    rows: &'a [i8],
    width: usize,
    query: &'a [i16],
    into: &'a mut [i32],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // A loop: what an iterator's adapter calls would not be compiled for this processor.
        for (product, row) in self.into.iter_mut().zip(self.rows.chunks_exact(self.width)) {
            *product = dot_i8(row, self.query);
        }
    }
}

/// Puts the `neighbours` nearest rows into `near`: negated similarity and place, in no order.
///
/// What cannot be among them any more is not kept: looking for the few in a list of all would cost more than the products.
fn nearest(distances: impl Iterator<Item = i32>, neighbours: usize, near: &mut Vec<(i32, u32)>) {
    near.clear();
    let mut furthest = i32::MAX;
    for (distance, at) in distances.zip(0..) {
        if distance > furthest {
            continue;
        }
        near.push((distance, at));
        if near.len() >= 4 * neighbours.max(1) {
            furthest = keep(near, neighbours).unwrap_or(furthest);
        }
    }
    keep(near, neighbours);
}

/// Keeps the `neighbours` nearest, and says how far the last of them is.
fn keep(near: &mut Vec<(i32, u32)>, neighbours: usize) -> Option<i32> {
    if near.len() <= neighbours || neighbours == 0 {
        return None;
    }
    let (_, last, _) = near.select_nth_unstable(neighbours - 1);
    let furthest = last.0;
    near.truncate(neighbours);
    Some(furthest)
}

impl Block {
    fn add(&self, near: &[(i32, u32)], prior: f32, out: &mut [f32]) {
        let width = self.models.len();
        let mut sums = vec![(0.0_f32, 0.0_f32); width];
        let nearest = near.iter().map(|(distance, _)| *distance).min().unwrap_or_default();
        let (mut total, mut square) = (0.0_f32, 0.0_f32);
        for (distance, at) in near {
            let further = (distance - nearest) as f32 / (NORM * NORM);
            let weight = (-further / WARMTH).exp();
            total += weight;
            square += weight * weight;
            let at = *at as usize * width;
            for (sum, outcome) in sums.iter_mut().zip(self.outcomes.get(at..at + width).unwrap_or_default()) {
                if *outcome != UNKNOWN {
                    sum.0 += weight * f32::from(*outcome) / STEPS;
                    sum.1 += weight;
                }
            }
        }
        // The weighted answers tell as much as so many equal ones (Kish's effective sample size).
        let worth = if square > 0.0 { total / square } else { 0.0 };
        for (model, (sum, count)) in self.models.iter().zip(sums) {
            if let Some(value) = out.get_mut(*model as usize) {
                let answers = worth * count + prior;
                *value = (worth * sum + prior * *value) / answers.max(f32::MIN_POSITIVE);
            }
        }
    }
}

/// The input at norm 508, in whole numbers within 127. A cosine needs no more than the direction, and single values of
/// such vectors rarely reach a quarter of the norm, so this is four times the resolution that norm 127 would give.
pub(crate) fn quantised(x: &[f32]) -> Vec<i16> {
    let norm = x.iter().map(|value| value * value).sum::<f32>().sqrt();
    let scale = if norm > 0.0 { NORM / norm } else { 0.0 };
    x.iter().map(|value| (value * scale).round().clamp(-127.0, 127.0) as i16).collect()
}

#[cfg(test)]
mod tests {
    use pointsman_kernel::rng::Rng;

    use super::{dot_i8, nearest};

    #[test]
    fn the_nearest_are_those_that_sorting_all_would_give() {
        let mut rng = Rng::new(5);
        let mut value = || (rng.next_u64() % 15) as i8 - 7;
        for (rows, neighbours) in [(0, 3), (2, 3), (50, 3), (900, 7), (900, 1), (40, 0)] {
            let data: Vec<Vec<i8>> = (0..rows).map(|_| (0..4).map(|_| value()).collect()).collect();
            let query: Vec<i16> = (0..4).map(|_| value().into()).collect();
            let mut all: Vec<(i32, u32)> =
                data.iter().zip(0..).map(|(row, at)| (-dot_i8(row, &query), at)).collect();
            all.sort_unstable();
            if neighbours > 0 {
                all.truncate(neighbours);
            }
            let mut near = Vec::new();
            nearest(data.iter().map(|row| -dot_i8(row, &query)), neighbours, &mut near);
            near.sort_unstable();
            assert_eq!(near, all, "{rows} rows, {neighbours} neighbours");
        }
    }
}

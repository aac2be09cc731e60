//! Weights of a mixture from predictions made out of fold.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use crate::estimate::stack::{Member, Stack};
use crate::train::rows::Rows;

/// How strongly weights are drawn to equal ones.
const EQUAL: f64 = 0.3;

/// One head's predictions out of fold, rows by models.
pub(crate) struct OutOfFold {
    /// Its position among the artifact's heads.
    pub(crate) head: usize,
    pub(crate) predicted: Vec<f32>,
}

/// Sums of squares and products for a least-squares problem.
struct Normal {
    products: Vec<Vec<f64>>,
    target: Vec<f64>,
}

/// The mixture. `means` are the models' means that each row's fold was judged against, rows by models.
pub(crate) fn fit(rows: &Rows, mean: &[f32], means: &[f32], heads: &[OutOfFold]) -> Stack {
    let models = rows.models.len();
    let mut common = Normal::new(heads.len());
    let mut difference = Normal::new(heads.len());
    let mut departures = vec![0.0_f64; heads.len() + 1];
    for row in 0..rows.len() {
        let quality = rows.quality(row);
        let known: Vec<usize> = (0..models).filter(|model| !quality[*model].is_nan()).collect();
        if known.is_empty() {
            continue;
        }
        let of = |source: usize, model: usize| {
            let at = row * models + model;
            let value = if source == heads.len() { quality[model] } else { heads[source].predicted[at] };
            f64::from(value - means[at])
        };
        let count = known.len() as f64;
        let shared: Vec<f64> = (0..=heads.len())
            .map(|source| known.iter().map(|model| of(source, *model)).sum::<f64>() / count)
            .collect();
        common.add(&shared, 1.0);
        for model in &known {
            for (source, departure) in departures.iter_mut().enumerate() {
                *departure = of(source, *model) - shared[source];
            }
            difference.add(&departures, 1.0 / count);
        }
    }
    let (common, difference) = (common.solve(), difference.solve());
    Stack {
        mean: mean.to_vec(),
        groups: groups(rows),
        members: heads
            .iter()
            .zip(common)
            .zip(difference)
            .map(|((head, common), difference)| Member {
                head: head.head as u32,
                common: common as f32,
                difference: difference as f32,
            })
            .filter(|member| member.common > 0.0 || member.difference > 0.0)
            .collect(),
    }
}

/// The tables' models; one that is in several tables belongs to the first.
pub(crate) fn groups(rows: &Rows) -> Vec<Vec<u32>> {
    let mut taken = vec![false; rows.models.len()];
    let mut own = |group: &Vec<usize>| {
        let free: Vec<u32> =
            group.iter().filter(|model| !taken[**model]).map(|model| *model as u32).collect();
        group.iter().for_each(|model| taken[*model] = true);
        free
    };
    rows.groups.iter().map(&mut own).filter(|group| !group.is_empty()).collect()
}

impl Normal {
    fn new(size: usize) -> Self {
        Self { products: vec![vec![0.0; size]; size], target: vec![0.0; size] }
    }

    /// The last of `values` is what the others are to add up to.
    fn add(&mut self, values: &[f64], weight: f64) {
        let size = self.target.len();
        for a in 0..size {
            for b in 0..size {
                self.products[a][b] += weight * values[a] * values[b];
            }
            self.target[a] += weight * values[a] * values[size];
        }
    }

    /// Weights that are not negative, by coordinate descent. Heads say much the same, and which of them says it best is
    /// mostly luck, so weights are drawn to equal ones; their sum is left to the evidence.
    fn solve(&self) -> Vec<f64> {
        let size = self.target.len();
        let pull = EQUAL * (0..size).map(|at| self.products[at][at]).sum::<f64>() / size.max(1) as f64;
        let mut weights = vec![0.0_f64; size];
        for _ in 0..500 {
            for a in 0..size {
                let others: f64 =
                    (0..size).filter(|b| *b != a).map(|b| self.products[a][b] * weights[b]).sum();
                let own = self.products[a][a] + pull;
                weights[a] = if own > 0.0 {
                    ((self.target[a] - others + pull / size as f64) / own).max(0.0)
                } else {
                    0.0
                };
            }
        }
        weights
    }
}

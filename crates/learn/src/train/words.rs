//! Fits words beside the vector: ridge regression by conjugate gradients over a sparse matrix.
//!
//! There are more terms than rows, so the penalty decides everything. It is chosen for each direction on rows held back,
//! from the strongest down for as long as they gain by it, and then taken stronger still.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use crate::estimate::dot::{add_scaled, dot};
use crate::estimate::words::{Score, Words};
use crate::train::directions::{self, held};
use crate::train::rows::Rows;

/// Penalties tried, from the strongest.
const PENALTIES: [f32; 7] = [1200.0, 600.0, 300.0, 150.0, 75.0, 36.0, 18.0];
/// How much stronger than the rows held back ask.
const STRENGTH: f32 = 1.5;
/// Terms' norm, where that of the dense input is about the square root of two.
const TERMS: f32 = 1.4;
const STEPS: usize = 24;

/// Weights of the dense input, then of the terms.
#[derive(Clone)]
struct Weights {
    dense: Vec<f32>,
    terms: Vec<f32>,
}

/// The rows of one table.
struct Design<'a> {
    rows: &'a Rows,
    chosen: Vec<usize>,
    dense_mean: Vec<f32>,
    terms_mean: Vec<f32>,
}

pub(crate) fn fit(rows: &Rows, chosen: &[usize], fallback: &[f32]) -> Words {
    let (directions, scored) = directions::fit(rows, chosen, fallback, directions::MOST);
    let mut scores = Vec::new();
    for table in &scored {
        let all = Design::new(rows, table.rows.clone());
        let places: Vec<usize> = (0..table.rows.len()).collect();
        let (judged, seen): (Vec<usize>, Vec<usize>) =
            places.iter().partition(|at| held(rows, table.rows[**at]));
        let part = Design::new(rows, seen.iter().map(|at| table.rows[*at]).collect());
        for direction in 0..table.scores.ncols() {
            let target = |at: usize| table.scores[(at, direction)] as f32;
            let mut best = (f64::INFINITY, None);
            let mut start = Weights::zeros(rows);
            let own: Vec<f32> = seen.iter().map(|at| target(*at)).collect();
            let mean = own.iter().sum::<f32>() / own.len().max(1) as f32;
            let error = |weights: Option<&Weights>| -> f64 {
                let of = |at: &usize| {
                    let said = weights.map_or(0.0, |weights| part.at(weights, table.rows[*at]));
                    f64::from(target(*at) - mean - said).powi(2)
                };
                judged.iter().map(of).sum()
            };
            best.0 = error(None) * 0.999;
            for penalty in PENALTIES {
                start = part.solve(&own, penalty, start);
                let error = error(Some(&start));
                if error < best.0 {
                    best = (error, Some(penalty));
                } else if best.1.is_some() {
                    break;
                }
            }
            let every: Vec<f32> = places.iter().map(|at| target(*at)).collect();
            scores.push(match best.1 {
                Some(penalty) => all.score(&all.solve(&every, STRENGTH * penalty, Weights::zeros(rows))),
                None => Score { dense: vec![0.0; rows.dims], ..Score::default() },
            });
        }
    }
    Words { directions, scores }
}

impl Weights {
    fn zeros(rows: &Rows) -> Self {
        Self { dense: vec![0.0; rows.dims], terms: vec![0.0; rows.input.rarity.len()] }
    }

    fn add(&mut self, other: &Self, scale: f32) {
        add_scaled(&mut self.dense, &other.dense, scale);
        add_scaled(&mut self.terms, &other.terms, scale);
    }

    fn square(&self) -> f64 {
        f64::from(dot(&self.dense, &self.dense)) + f64::from(dot(&self.terms, &self.terms))
    }

    fn product(&self, other: &Self) -> f64 {
        f64::from(dot(&self.dense, &other.dense)) + f64::from(dot(&self.terms, &other.terms))
    }
}

impl<'a> Design<'a> {
    fn new(rows: &'a Rows, chosen: Vec<usize>) -> Self {
        let mut design = Self {
            rows,
            chosen,
            dense_mean: vec![0.0; rows.dims],
            terms_mean: vec![0.0; rows.input.rarity.len()],
        };
        let even = vec![1.0 / design.chosen.len().max(1) as f32; design.chosen.len()];
        let mean = design.back(&even);
        (design.dense_mean, design.terms_mean) = (mean.dense, mean.terms);
        design
    }

    /// What the weights say of a row.
    fn at(&self, weights: &Weights, row: usize) -> f32 {
        let view = self.rows.view(row);
        let terms: f32 =
            view.words.iter().map(|(place, value)| value * weights.terms[usize::from(*place)]).sum();
        dot(&weights.dense, &view.x) + TERMS * terms - self.offset(weights)
    }

    fn offset(&self, weights: &Weights) -> f32 {
        dot(&weights.dense, &self.dense_mean) + dot(&weights.terms, &self.terms_mean)
    }

    /// The transposed design times one value for each row.
    fn back(&self, values: &[f32]) -> Weights {
        let mut out = Weights::zeros(self.rows);
        for (row, value) in self.chosen.iter().zip(values) {
            let view = self.rows.view(*row);
            add_scaled(&mut out.dense, &view.x, *value);
            for (place, weight) in &view.words {
                out.terms[usize::from(*place)] += TERMS * weight * value;
            }
        }
        let total: f32 = values.iter().sum();
        add_scaled(&mut out.dense, &self.dense_mean, -total);
        add_scaled(&mut out.terms, &self.terms_mean, -total);
        out
    }

    /// The normal equations' matrix times `weights`.
    fn normal(&self, weights: &Weights, penalty: f32) -> Weights {
        let forward: Vec<f32> = self.chosen.iter().map(|row| self.at(weights, *row)).collect();
        let mut out = self.back(&forward);
        out.add(weights, penalty);
        out
    }

    /// Conjugate gradients from `start`.
    fn solve(&self, target: &[f32], penalty: f32, start: Weights) -> Weights {
        let mean = target.iter().sum::<f32>() / target.len().max(1) as f32;
        let centred: Vec<f32> = target.iter().map(|value| value - mean).collect();
        let mut weights = start;
        let mut residual = self.back(&centred);
        let goal = residual.square() * 1e-6;
        residual.add(&self.normal(&weights, penalty), -1.0);
        let mut direction = residual.clone();
        let mut square = residual.square();
        for _ in 0..STEPS {
            if square <= goal {
                break;
            }
            let turned = self.normal(&direction, penalty);
            let step = (square / direction.product(&turned)) as f32;
            weights.add(&direction, step);
            residual.add(&turned, -step);
            let next = residual.square();
            let mut turn = residual.clone();
            turn.add(&direction, (next / square) as f32);
            direction = turn;
            square = next;
        }
        weights
    }

    fn score(&self, weights: &Weights) -> Score {
        let most = weights.terms.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 { most / 127.0 } else { 0.0 };
        let step = |value: &f32| if scale > 0.0 { (value / scale).round() as i8 } else { 0 };
        Score {
            base: -self.offset(weights),
            dense: weights.dense.clone(),
            scale: scale * TERMS,
            terms: weights.terms.iter().map(step).collect(),
        }
    }
}

//! One model's quality as a map of what is predicted for the models that are known.
//!
//! On log odds: `logit q(x) = level + steepness * (mean of the known models at x) + sum of weights * (each known model at
//! x less that mean)`. The level is how able the model is, the steepness how much it minds hard prompts, the weights whom
//! it resembles. It is fitted to grades by penalised logistic regression, drawn to where nothing is known: to the
//! mean known model, with the steepness 1 and no resemblance. So a few answers move the level alone and more of them
//! the rest; there is no point at which it has to be chosen which.
//!
//! Promises: predictions lie in [0, 1] and are finite whatever came in; one answer more never needs other settings.
//! The strength of the three pulls was chosen by cross-validation over all rows of a published table, so what leaving out
//! each model of its pool in turn shows there is a little optimistic.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use serde::{Deserialize, Serialize};

use crate::estimate::dot::{logit, sigmoid};

/// Pull on the level: a new model is within 0.7 log odds of the mean known one, one standard deviation.
const LEVEL: f64 = 2.0;
/// Pull on the steepness.
const STEEPNESS: f64 = 30.0;
/// Pull on each weight of a single known model.
const RESEMBLANCE: f64 = 100.0;
/// Predictions nearer to 0 or 1 than this count as this near: beyond it log odds run away with small differences.
const EDGE: f64 = 0.02;
/// Newton's method is over long before.
const STEPS: usize = 60;

/// A fitted map. It belongs to the models that it was fitted over, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Log odds where all known models stand at even odds.
    base: f32,
    /// For each known model what its log odds add.
    factors: Vec<f32>,
    /// One standard deviation of the prediction, for what the fit does not know: in quality, over its own prompts.
    doubt: f32,
}

impl Column {
    /// Fits a model's `grades` in [0, 1] to what is predicted for `models` known models on the same prompts: `known` holds
    /// `models` values in [0, 1] for each grade, prompt by prompt. Without grades, the mean known model.
    #[must_use]
    pub fn fit(known: &[f32], models: usize, grades: &[f32]) -> Self {
        let rows = known.len().checked_div(models).unwrap_or(0).min(grades.len());
        let design = Design::new(known, models, rows);
        let start = design.start();
        let mut at = start.clone();
        let mut covariance = None;
        for _ in 0..STEPS {
            let (gradient, curvature) = design.slopes(grades, &start, &at);
            let Ok(solver) = curvature.llt(Side::Lower) else { break };
            let step = solver.solve(&gradient);
            let longest = step.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            // A full step from far away can overshoot; one of length 1 never does.
            at -= step * (1.0 / longest.max(1.0));
            covariance = Some(solver);
            if longest < 1e-9 {
                break;
            }
        }
        let doubt = covariance.map_or(0.0, |solver| design.doubt(&at, |row| solver.solve(row)));
        design.column(&at, doubt)
    }

    /// The model's quality where `known` is predicted for the known models.
    #[must_use]
    pub fn at(&self, known: &[f32]) -> f32 {
        let odds = self.factors.iter().zip(known).map(|(factor, p)| factor * odds(*p) as f32);
        let value = sigmoid(self.base + odds.sum::<f32>());
        if value.is_finite() { value } else { 0.5 }
    }

    /// How far off that tends to be because answers were few, one standard deviation in quality.
    #[must_use]
    pub fn doubt(&self) -> f32 {
        self.doubt
    }

    /// Whether it belongs to this many known models.
    #[must_use]
    pub fn fits(&self, models: usize) -> bool {
        self.factors.len() == models
    }
}

/// The regression's inputs: 1, the mean known model's log odds, and each known model's distance from it; all but the
/// first less their means over the rows.
struct Design {
    rows: Mat<f64>,
    centre: Vec<f64>,
}

impl Design {
    fn new(known: &[f32], models: usize, rows: usize) -> Self {
        let width = models + 2;
        let mut values = Mat::zeros(rows, width);
        for row in 0..rows {
            let own: Vec<f64> = known[row * models..(row + 1) * models].iter().map(|p| odds(*p)).collect();
            let mean = own.iter().sum::<f64>() / models as f64;
            values[(row, 0)] = 1.0;
            values[(row, 1)] = mean;
            for (model, value) in own.iter().enumerate() {
                values[(row, model + 2)] = value - mean;
            }
        }
        let mut centre = vec![0.0; width];
        for column in 1..width {
            let sum: f64 = (0..rows).map(|row| values[(row, column)]).sum();
            centre[column] = sum / rows.max(1) as f64;
            for row in 0..rows {
                values[(row, column)] -= centre[column];
            }
        }
        Self { rows: values, centre }
    }

    /// Where nothing is known of the model: the mean known one.
    fn start(&self) -> Col<f64> {
        let mut start = Col::zeros(self.centre.len());
        start[0] = self.centre.get(1).copied().unwrap_or(0.0);
        start[1] = 1.0;
        start
    }

    fn pull(column: usize) -> f64 {
        match column {
            0 => LEVEL,
            1 => STEEPNESS,
            _ => RESEMBLANCE,
        }
    }

    fn probability(&self, row: usize, at: &Col<f64>) -> f64 {
        let odds: f64 = (0..at.nrows()).map(|column| self.rows[(row, column)] * at[column]).sum();
        1.0 / (1.0 + (-odds).exp())
    }

    /// Gradient and curvature of the penalised negative log likelihood.
    fn slopes(&self, grades: &[f32], start: &Col<f64>, at: &Col<f64>) -> (Col<f64>, Mat<f64>) {
        let width = at.nrows();
        let mut gradient = Col::from_fn(width, |column| Self::pull(column) * (at[column] - start[column]));
        let mut curvature = Mat::from_fn(width, width, |a, b| if a == b { Self::pull(a) } else { 0.0 });
        for (row, grade) in grades.iter().enumerate().take(self.rows.nrows()) {
            let p = self.probability(row, at);
            let weight = (p * (1.0 - p)).max(EDGE);
            let error = p - f64::from(if grade.is_finite() { *grade } else { 0.5 });
            for a in 0..width {
                gradient[a] += error * self.rows[(row, a)];
                let scaled = weight * self.rows[(row, a)];
                for b in 0..=a {
                    curvature[(a, b)] += scaled * self.rows[(row, b)];
                }
            }
        }
        (gradient, curvature)
    }

    /// Root mean square over the rows of the predictions' standard deviation under the fit's curvature.
    fn doubt(&self, at: &Col<f64>, solve: impl Fn(&Col<f64>) -> Col<f64>) -> f64 {
        let count = self.rows.nrows();
        if count == 0 {
            return 0.25 / LEVEL.sqrt();
        }
        let mut total = 0.0;
        for row in 0..count {
            let inputs = Col::from_fn(at.nrows(), |column| self.rows[(row, column)]);
            let variance: f64 = inputs.iter().zip(solve(&inputs).iter()).map(|(a, b)| a * b).sum();
            let p = self.probability(row, at);
            total += (p * (1.0 - p)).powi(2) * variance;
        }
        (total / count as f64).sqrt()
    }

    /// The same map over the known models themselves.
    fn column(&self, at: &Col<f64>, doubt: f64) -> Column {
        let models = self.centre.len().saturating_sub(2);
        let shift: f64 = (1..at.nrows()).map(|column| at[column] * self.centre[column]).sum();
        let mean = (0..models).map(|model| at[model + 2]).sum::<f64>() / models.max(1) as f64;
        let factor = |model: usize| at[1] / models as f64 + at[model + 2] - mean;
        Column {
            base: (at[0] - shift) as f32,
            factors: (0..models).map(|model| factor(model) as f32).collect(),
            doubt: doubt as f32,
        }
    }
}

fn odds(p: f32) -> f64 {
    logit(f64::from(if p.is_finite() { p } else { 0.5 }).clamp(EDGE, 1.0 - EDGE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three known models over prompts from hard to easy.
    fn known(rows: usize) -> Vec<f32> {
        let ease = |row: usize| (row as f32 + 0.5) / rows as f32;
        (0..rows).flat_map(|row| [0.6 * ease(row), 0.9 * ease(row), 0.1 + 0.8 * ease(row)]).collect()
    }

    fn mean(column: &Column, known: &[f32]) -> f32 {
        let said: Vec<f32> = known.chunks(3).map(|row| column.at(row)).collect();
        said.iter().sum::<f32>() / said.len() as f32
    }

    #[test]
    fn without_answers_it_is_the_mean_known_model_and_doubted() {
        let column = Column::fit(&[], 3, &[]);
        assert!((column.at(&[0.5, 0.5, 0.5]) - 0.5).abs() < 1e-6);
        let row = [0.3, 0.6, 0.8];
        let mean = row.iter().map(|p| odds(*p)).sum::<f64>() / 3.0;
        assert!((f64::from(column.at(&row)) - 1.0 / (1.0 + (-mean).exp())).abs() < 1e-5);
        assert!(column.doubt() > 0.1);
    }

    #[test]
    fn many_answers_of_a_known_model_give_that_model_back() {
        let known = known(4000);
        // Expected grades in place of drawn ones: the fit has no noise to hide behind.
        let grades: Vec<f32> = known.chunks(3).map(|row| row[1]).collect();
        let column = Column::fit(&known, 3, &grades);
        let error: f32 = known.chunks(3).map(|row| (column.at(row) - row[1]).abs()).sum::<f32>() / 4000.0;
        assert!(error < 0.02, "{error}");
        assert!(column.doubt() < 0.02);
    }

    #[test]
    fn few_answers_move_the_level_and_keep_the_order_of_prompts() {
        let known = known(20);
        let (weak, strong) = (Column::fit(&known, 3, &[0.0; 20]), Column::fit(&known, 3, &[1.0; 20]));
        let nobody = Column::fit(&[], 3, &[]);
        assert!(mean(&weak, &known) + 0.15 < mean(&nobody, &known));
        assert!(mean(&strong, &known) > mean(&nobody, &known) + 0.15);
        for column in [&weak, &strong] {
            assert!(column.at(&known[..3]) < column.at(&known[57..]));
            assert!(column.doubt() < nobody.doubt());
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_predictions_are_qualities(
            known in prop::collection::vec(prop_oneof![0.0_f32..=1.0, Just(f32::NAN), Just(2.0)], 0..60),
            grades in prop::collection::vec(prop_oneof![0.0_f32..=1.0, Just(f32::NAN)], 0..15),
            models in 0_usize..5,
        ) {
            let column = Column::fit(&known, models, &grades);
            prop_assert!(column.fits(models));
            for row in known.chunks(models.max(1)) {
                prop_assert!((0.0..=1.0).contains(&column.at(row)));
            }
            prop_assert!(column.doubt().is_finite() && column.doubt() >= 0.0);
        }
    }
}

//! The rows and the pool that an evaluation is over, and what a router picks on them.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use super::hull::Point;

/// Weights of cost tried on the way from quality alone to cost alone, in units of 1 / cost of the best single model:
/// 0, then from 10^-3.5 to 10^2.5 in eighths of a decade.
pub(crate) fn lambdas() -> Vec<f64> {
    let steps = (-28..=20).map(|eighths| 10_f64.powf(f64::from(eighths) / 8.0));
    std::iter::once(0.0).chain(steps).collect()
}

/// Preferences at which the served selector is judged.
pub(crate) fn preferences() -> Vec<f64> {
    (0..=20).map(|at| f64::from(at) / 20.0).collect()
}

/// Outcomes of a pool on some rows; all of them known.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) models: Vec<String>,
    /// Rows by models.
    pub(crate) quality: Vec<f32>,
    /// Dollars.
    pub(crate) cost: Vec<f64>,
    /// The pool's best on the training rows.
    pub(crate) best: usize,
}

/// What an estimator says of a scene.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicted {
    /// Rows by models.
    pub(crate) quality: Vec<f32>,
    /// Dollars.
    pub(crate) cost: Vec<f64>,
}

/// The choices of a router at one setting: a model for each row.
pub(crate) type Picks = Vec<u16>;

/// What a set of choices is worth under weights of the rows.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes {
    pub(crate) quality: Vec<f32>,
    pub(crate) cost: Vec<f32>,
}

impl Scene {
    pub(crate) fn rows(&self) -> usize {
        self.quality.len() / self.models.len().max(1)
    }

    pub(crate) fn quality(&self, row: usize, model: usize) -> f32 {
        self.quality[row * self.models.len() + model]
    }

    pub(crate) fn cost(&self, row: usize, model: usize) -> f64 {
        self.cost[row * self.models.len() + model]
    }

    /// Mean cost of a model.
    pub(crate) fn mean_cost(&self, model: usize) -> f64 {
        (0..self.rows()).map(|row| self.cost(row, model)).sum::<f64>() / self.rows().max(1) as f64
    }

    /// For each row the model with the highest utility; of equals the one predicted cheaper, then the first.
    pub(crate) fn pick(&self, predicted: &Predicted, lambda: f64) -> Picks {
        let models = self.models.len();
        let choose = |row: usize| {
            let at = row * models;
            let utility =
                |model: usize| f64::from(predicted.quality[at + model]) - lambda * predicted.cost[at + model];
            let better = |a: usize, b: usize| {
                let (ua, ub) = (utility(a), utility(b));
                ua > ub || (ua == ub && predicted.cost[at + a] < predicted.cost[at + b])
            };
            (1..models).fold(0, |best, model| if better(model, best) { model } else { best }) as u16
        };
        (0..self.rows()).map(choose).collect()
    }

    /// For each row the model predicted to be cheapest; of equals the one predicted better.
    pub(crate) fn pick_cheapest(&self, predicted: &Predicted) -> Picks {
        let models = self.models.len();
        let choose = |row: usize| {
            let at = row * models;
            let key = |model: usize| (predicted.cost[at + model], -f64::from(predicted.quality[at + model]));
            (1..models).fold(0, |best, model| if key(model) < key(best) { model } else { best }) as u16
        };
        (0..self.rows()).map(choose).collect()
    }

    /// For each row the model whose outcome has the highest utility; of equals the cheaper.
    pub(crate) fn pick_oracle(&self, lambda: f64) -> Picks {
        let truth = Predicted { quality: self.quality.clone(), cost: self.cost.clone() };
        self.pick(&truth, lambda)
    }

    /// The same model for every row.
    pub(crate) fn pick_one(&self, model: usize) -> Picks {
        vec![model as u16; self.rows()]
    }

    pub(crate) fn outcomes(&self, picks: &Picks) -> Outcomes {
        let chosen = || picks.iter().enumerate().map(|(row, model)| (row, usize::from(*model)));
        Outcomes {
            quality: chosen().map(|(row, model)| self.quality(row, model)).collect(),
            cost: chosen().map(|(row, model)| self.cost(row, model) as f32).collect(),
        }
    }
}

impl Outcomes {
    /// The weighted means; weights sum to one.
    pub(crate) fn mean(&self, weights: &[f32]) -> Point {
        Point { cost: f64::from(sum(&self.cost, weights)), quality: f64::from(sum(&self.quality, weights)) }
    }
}

/// An inner product in double precision over short runs of single precision.
fn sum(values: &[f32], weights: &[f32]) -> f32 {
    let chunks = values.chunks(1024).zip(weights.chunks(1024));
    chunks.map(|(values, weights)| f64::from(crate::estimate::dot::dot(values, weights))).sum::<f64>() as f32
}

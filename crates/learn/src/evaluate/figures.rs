//! The figures of a router, for the rows as they are and for resamples of them.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use super::hull::{Hull, Point};
use super::scene::{Outcomes, Picks, Predicted, Scene};

/// Shares of the best single model's quality at which costs are told.
pub(crate) const SHARES: [f64; 3] = [1.0, 0.99, 0.95];
/// Weights of cost at which the share of the oracle's utility is told.
pub(crate) const WEIGHTS: [f64; 3] = [0.02, 0.1, 0.3];
/// Bins of equal mass for the calibration error.
const BINS: usize = 10;

/// Figures in a fixed order. Costs are shares of the best single model's; infinite where a quality is not reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) cost_at: [f64; 3],
    pub(crate) cost_at_hull: [f64; 3],
    pub(crate) quality_first: f64,
    pub(crate) aiq: f64,
    pub(crate) aiq_log: f64,
    pub(crate) gain: f64,
}

/// How many values [`Figures`] has.
pub(crate) const FIGURES: usize = 10;

/// What every router of a scene is measured against.
pub(crate) struct Yardstick {
    singles: Vec<Outcomes>,
    oracle: Vec<Outcomes>,
    best: usize,
}

/// The yardstick under some weights of the rows.
pub(crate) struct Marks {
    pub(crate) singles: Vec<Point>,
    pub(crate) best: Point,
    /// Costs of the cheapest and the dearest single model.
    low: f64,
    high: f64,
    cheapest: Point,
    zero: Hull,
    pub(crate) zero_log: f64,
    oracle: [f64; 3],
}

/// Squared errors and bins of an estimator's predictions, row by row.
pub(crate) struct Calibration {
    /// Of each bin the mean prediction and the mean outcome.
    pub(crate) bins: Vec<(f64, f64)>,
    squared: Vec<f32>,
    /// For each bin, each row's sum of predictions less outcomes.
    off: Vec<Vec<f32>>,
}

impl Figures {
    pub(crate) fn values(&self) -> [f64; FIGURES] {
        let ([a, b, c], [d, e, f]) = (self.cost_at, self.cost_at_hull);
        [a, b, c, d, e, f, self.quality_first, self.aiq, self.aiq_log, self.gain]
    }
}

impl Yardstick {
    pub(crate) fn new(scene: &Scene) -> Self {
        let unit = scene.mean_cost(scene.best);
        Self {
            singles: (0..scene.models.len()).map(|model| scene.outcomes(&scene.pick_one(model))).collect(),
            oracle: WEIGHTS
                .iter()
                .map(|w| scene.outcomes(&scene.pick_oracle(w / unit.max(1e-300))))
                .collect(),
            best: scene.best,
        }
    }

    pub(crate) fn under(&self, weights: &[f32]) -> Marks {
        let singles: Vec<Point> = self.singles.iter().map(|single| single.mean(weights)).collect();
        let best = singles[self.best];
        let mut cheapest = singles[0];
        let mut high = f64::NEG_INFINITY;
        for single in &singles {
            if (single.cost, -single.quality) < (cheapest.cost, -cheapest.quality) {
                cheapest = *single;
            }
            high = high.max(single.cost);
        }
        let zero = Hull::of(singles.iter().copied());
        let utility = |at: usize| {
            let mean = self.oracle[at].mean(weights);
            mean.quality - WEIGHTS[at] * mean.cost / best.cost
        };
        Marks {
            best,
            low: cheapest.cost,
            high,
            cheapest,
            zero_log: zero.mean_height_log(cheapest.cost, high),
            zero,
            oracle: [utility(0), utility(1), utility(2)],
            singles,
        }
    }
}

impl Marks {
    /// The figures of a curve whose point of quality alone is `first`.
    pub(crate) fn figures(&self, curve: &[Point], first: Point) -> Figures {
        let hull = Hull::of(curve.iter().copied().chain([self.cheapest]));
        let at = |share: f64| {
            let reached = curve.iter().filter(|point| point.quality >= share * self.best.quality);
            reached.map(|point| point.cost).fold(f64::INFINITY, f64::min) / self.best.cost
        };
        let aiq_log = hull.mean_height_log(self.low, self.high);
        Figures {
            cost_at: SHARES.map(at),
            cost_at_hull: self.cost_at_hull(&hull),
            quality_first: first.quality,
            aiq: hull.mean_height(self.low, self.high),
            aiq_log,
            gain: 100.0 * (aiq_log - self.zero_log),
        }
    }

    /// The figures of the single models' own hull: costs at the three shares, then both areas.
    pub(crate) fn zero_values(&self) -> [f64; 5] {
        let [a, b, c] = self.cost_at_hull(&self.zero);
        [a, b, c, self.zero.mean_height(self.low, self.high), self.zero_log]
    }

    /// How far a point lies above the zero router's hull at its cost.
    pub(crate) fn above_zero(&self, point: Point) -> f64 {
        point.quality - self.zero.at(point.cost)
    }

    /// Share of the oracle's utility at each of [`WEIGHTS`].
    pub(crate) fn oracle_utility(&self, picked: &[Point; 3]) -> [f64; 3] {
        let share = |at: usize| {
            (picked[at].quality - WEIGHTS[at] * picked[at].cost / self.best.cost) / self.oracle[at]
        };
        [share(0), share(1), share(2)]
    }

    /// The same for a curve that does not know the weights: at each, its best point.
    pub(crate) fn oracle_utility_along(&self, curve: &[Point]) -> [f64; 3] {
        [0, 1, 2].map(|at| {
            let worth = |point: &Point| point.quality - WEIGHTS[at] * point.cost / self.best.cost;
            curve.iter().map(worth).fold(f64::NEG_INFINITY, f64::max) / self.oracle[at]
        })
    }

    fn cost_at_hull(&self, hull: &Hull) -> [f64; 3] {
        SHARES.map(|share| hull.cost_of(share * self.best.quality).unwrap_or(f64::INFINITY) / self.best.cost)
    }
}

impl Calibration {
    pub(crate) fn new(scene: &Scene, predicted: &Predicted) -> Self {
        let models = scene.models.len();
        let rows = scene.rows();
        let mut order: Vec<usize> = (0..predicted.quality.len()).collect();
        order.sort_by(|a, b| predicted.quality[*a].total_cmp(&predicted.quality[*b]).then(a.cmp(b)));
        let mut off = vec![vec![0.0_f32; rows]; BINS];
        for (place, at) in order.iter().enumerate() {
            let bin = place * BINS / order.len();
            off[bin][at / models] += predicted.quality[*at] - scene.quality[*at];
        }
        let mean = |bin: usize, values: &[f32]| {
            let of = order.iter().enumerate().filter(|(place, _)| place * BINS / order.len() == bin);
            let (sum, count) =
                of.fold((0.0, 0.0), |(sum, n), (_, at)| (sum + f64::from(values[*at]), n + 1.0));
            sum / f64::max(count, 1.0)
        };
        let bins = (0..BINS).map(|bin| (mean(bin, &predicted.quality), mean(bin, &scene.quality))).collect();
        let squared = (0..rows)
            .map(|row| {
                let at = row * models..(row + 1) * models;
                let pairs = predicted.quality[at.clone()].iter().zip(&scene.quality[at]);
                pairs.map(|(p, q)| (p - q).powi(2)).sum::<f32>() / models as f32
            })
            .collect();
        Self { bins, squared, off }
    }

    /// The Brier score and the calibration error over bins of equal mass.
    pub(crate) fn under(&self, weights: &[f32], models: usize) -> (f64, f64) {
        let weighted =
            |values: &[f32]| values.iter().zip(weights).map(|(v, w)| f64::from(v * w)).sum::<f64>();
        let ece = self.off.iter().map(|off| weighted(off).abs()).sum::<f64>() / models as f64;
        (weighted(&self.squared), ece)
    }
}

/// Weights of the rows for each resample: how often a draw with replacement took each, over their number.
pub(crate) fn resamples(rows: usize, count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|_| {
            let mut weights = vec![0.0_f32; rows];
            for _ in 0..rows {
                weights[(rng.next_u64() % rows as u64) as usize] += 1.0 / rows as f32;
            }
            weights
        })
        .collect()
}

/// The middle 95 % of some values.
pub(crate) fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * (values.len().saturating_sub(1)) as f64).round() as usize;
        values.get(place).copied().unwrap_or(f64::NAN)
    };
    [at(0.025), at(0.975)]
}

/// A router's choices along its curve.
pub(crate) struct Curve {
    /// Each setting and its choices.
    pub(crate) settings: Vec<f64>,
    pub(crate) outcomes: Vec<Outcomes>,
    /// Which of them weighs quality alone.
    pub(crate) first: usize,
}

impl Curve {
    pub(crate) fn new(scene: &Scene, settings: Vec<f64>, picks: &[Picks], first: usize) -> Self {
        Self { settings, outcomes: picks.iter().map(|picks| scene.outcomes(picks)).collect(), first }
    }

    pub(crate) fn points(&self, weights: &[f32]) -> Vec<Point> {
        self.outcomes.iter().map(|outcomes| outcomes.mean(weights)).collect()
    }
}

#[cfg(test)]
mod tests;

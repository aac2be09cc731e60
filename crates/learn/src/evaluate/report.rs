//! The report: figures with their intervals in the order and under the names in which they are printed.

mod build;
mod display;
mod versus;

use std::collections::BTreeMap;

use serde::Serialize;

use super::robust::RobustReport;

pub(super) use build::{Frame, Router, Sampled, Samples, baselines, router};
pub(super) use versus::versus;

/// Values under the share of the best single's quality they belong to; `None` where it is not reached.
pub type ByShare = BTreeMap<String, Option<f64>>;
/// Their intervals; an end is `None` where it is not reached.
pub type IntervalByShare = BTreeMap<String, [Option<f64>; 2]>;
/// A benchmark's own scores by router, by preference, by name.
pub type OwnScores = BTreeMap<String, BTreeMap<&'static str, BTreeMap<String, f64>>>;
/// A 95 % interval.
pub type Interval = [f64; 2];

/// What an evaluation found.
#[derive(Clone, Debug, Serialize)]
pub struct EvalReport {
    /// The table.
    pub data: String,
    /// First 16 hex digits of the sha256 of its files.
    pub data_hash: String,
    /// Its part.
    pub split: String,
    /// Rows judged on.
    pub prompts: usize,
    /// Rows that lack quality or cost of a model of the pool.
    pub left_out: usize,
    /// Judged rows that the estimators were trained on too: above 0, figures are flattering.
    pub seen_in_training: usize,
    /// The pool.
    pub models: Vec<String>,
    /// The encoder's short name.
    pub encoder: String,
    /// The router that serves.
    pub default: String,
    /// The artifact's hash, where one was given.
    pub artifact: Option<String>,
    /// Folds, where it was cross-validated.
    pub folds: Option<usize>,
    /// `dataset`, where each data set was judged by what the others teach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_out: Option<String>,
    /// Bootstrap resamples behind the intervals.
    pub resamples: usize,
    /// What needs no learning.
    pub baselines: Baselines,
    /// Each router.
    pub routers: BTreeMap<String, RouterReport>,
    /// Paired differences, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versus: Option<Versus>,
    /// Each router beside the same trained on shuffled grades, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<BTreeMap<String, ControlReport>>,
    /// The table's benchmark's own scores of each router, as served at `cost`, `balanced` and `quality`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_scores: Option<OwnScores>,
    /// How steady the default router's choices are, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robust: Option<RobustReport>,
    /// Each router's figures under every resample, for means over tables.
    #[serde(skip)]
    pub(super) samples: BTreeMap<String, Samples>,
    /// The same of the control.
    #[serde(skip)]
    pub(super) control_samples: BTreeMap<String, Samples>,
}

/// What needs no learning.
#[derive(Clone, Debug, Serialize)]
pub struct Baselines {
    /// The pool's best on the training rows.
    pub best_single: SingleReport,
    /// For each preference the model that the served selector chooses knowing training means alone.
    pub best_constant: BTreeMap<String, ConstantPoint>,
    /// The cheapest single model on these rows.
    pub cheapest: SingleReport,
    /// A model drawn evenly for each prompt.
    pub random: MeanReport,
    /// Random mixes of single models.
    pub zero_router: ZeroRouter,
    /// The best answer there was, the cheapest of equals.
    pub oracle: MeanReport,
    /// Every single model.
    pub singles: Vec<SingleReport>,
}

/// One model for every prompt.
#[derive(Clone, Debug, Serialize)]
pub struct SingleReport {
    /// Which.
    pub model: String,
    /// Mean quality.
    pub quality: f64,
    /// Its interval.
    pub quality_ci: Interval,
    /// Mean cost of a call in dollars.
    pub cost_usd: f64,
    /// Its interval.
    pub cost_usd_ci: Interval,
}

/// Mean quality and cost.
#[derive(Clone, Debug, Serialize)]
pub struct MeanReport {
    /// Mean quality.
    pub quality: f64,
    /// Its interval.
    pub quality_ci: Interval,
    /// Mean cost of a call in dollars.
    pub cost_usd: f64,
    /// Its interval.
    pub cost_usd_ci: Interval,
}

/// A constant choice.
#[derive(Clone, Debug, Serialize)]
pub struct ConstantPoint {
    /// Which model.
    pub model: String,
    /// Its mean quality.
    pub quality: f64,
    /// Its mean cost.
    pub cost_usd: f64,
}

/// Random mixes of single models.
#[derive(Clone, Debug, Serialize)]
pub struct ZeroRouter {
    /// Area over cost.
    pub aiq: f64,
    /// Its interval.
    pub aiq_ci: Interval,
    /// Mean height over log cost.
    pub aiq_log: f64,
    /// Its interval.
    pub aiq_log_ci: Interval,
    /// Lowest cost on the hull at shares of the best single's quality, over its cost.
    pub cost_at_quality_hull: ByShare,
    /// Their intervals.
    pub cost_at_quality_hull_ci: IntervalByShare,
}

/// Figures of one curve.
#[derive(Clone, Debug, Serialize)]
pub struct FigureReport {
    /// Lowest mean cost of a point at shares of the best single's quality, over its cost.
    pub cost_at_quality: ByShare,
    /// Their intervals.
    pub cost_at_quality_ci: IntervalByShare,
    /// The same on the hull.
    pub cost_at_quality_hull: ByShare,
    /// Their intervals.
    pub cost_at_quality_hull_ci: IntervalByShare,
    /// Mean quality where quality alone counts.
    pub quality_first: f64,
    /// Its interval.
    pub quality_first_ci: Interval,
    /// That less the best single's, paired.
    pub quality_first_over_best: f64,
    /// Its interval.
    pub quality_first_over_best_ci: Interval,
    /// Area over cost.
    pub aiq: f64,
    /// Its interval.
    pub aiq_ci: Interval,
    /// Mean height over log cost.
    pub aiq_log: f64,
    /// Its interval.
    pub aiq_log_ci: Interval,
    /// 100 x (`aiq_log` less the zero router's), paired.
    pub gain_over_zero: f64,
    /// Its interval.
    pub gain_over_zero_ci: Interval,
}

/// One router.
#[derive(Clone, Debug, Serialize)]
pub struct RouterReport {
    /// The curve over weights of cost; the last point, without a weight, is the predicted-cheapest pick.
    pub curve: Vec<LambdaPoint>,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FigureReport,
    /// Share of the oracle's utility at weights of cost.
    pub oracle_utility: BTreeMap<String, f64>,
    /// Their intervals.
    pub oracle_utility_ci: BTreeMap<String, Interval>,
    /// Mean square error over rows and models.
    pub brier: f64,
    /// Its interval.
    pub brier_ci: Interval,
    /// Calibration error over ten bins of equal mass.
    pub ece: f64,
    /// Its interval.
    pub ece_ci: Interval,
    /// Predictions against outcomes in those bins, from the lowest predictions to the highest.
    pub reliability: Vec<ReliabilityBin>,
    /// Microseconds from text to ranking.
    pub decision_us: Percentiles,
    /// The served selector.
    pub served: Served,
}

/// The served selector.
#[derive(Clone, Debug, Serialize)]
pub struct Served {
    /// The curve over preferences.
    pub curve: Vec<PreferPoint>,
    /// Its figures.
    #[serde(flatten)]
    pub figures: FigureReport,
    /// Share of the oracle's utility at weights of cost, each at the preference that serves it best.
    pub oracle_utility: BTreeMap<String, f64>,
    /// Their intervals.
    pub oracle_utility_ci: BTreeMap<String, Interval>,
}

/// A tenth of all predictions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReliabilityBin {
    /// Their mean.
    pub predicted: f64,
    /// The mean grade that came.
    pub observed: f64,
}

/// A router beside its control.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ControlReport {
    /// Its gain over the zero router.
    pub gain_over_zero: f64,
    /// The gain of the same estimator trained on shuffled grades.
    pub shuffled: f64,
    /// Its interval.
    pub shuffled_ci: Interval,
    /// The former less the latter, paired.
    pub difference: f64,
    /// Its interval.
    pub difference_ci: Interval,
    /// The interval lies above 0.
    pub above: bool,
    /// It looks at prompts at all; shuffling cannot touch one that does not.
    pub learns: bool,
}

/// One point over weights of cost.
#[derive(Clone, Debug, Serialize)]
pub struct LambdaPoint {
    /// In units of 1 / cost of the best single; `None` (null in JSON) for the predicted-cheapest pick, which no weight
    /// stands for.
    pub lambda: Option<f64>,
    /// Mean quality.
    pub quality: f64,
    /// Mean cost in dollars.
    pub cost_usd: f64,
}

/// One point over preferences.
#[derive(Clone, Debug, Serialize)]
pub struct PreferPoint {
    /// The weight of quality.
    pub prefer: f64,
    /// Mean quality.
    pub quality: f64,
    /// Its interval.
    pub quality_ci: Interval,
    /// Mean cost in dollars.
    pub cost_usd: f64,
    /// Its interval.
    pub cost_usd_ci: Interval,
}

/// Percentiles.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Percentiles {
    /// The middle.
    pub p50: f64,
    /// One in a hundred is above.
    pub p99: f64,
}

/// Paired differences to one router.
#[derive(Clone, Debug, Serialize)]
pub struct Versus {
    /// To which.
    pub router: String,
    /// Of each other router, its figure less that one's; those of the served curve begin with `served_`.
    pub differences: BTreeMap<String, BTreeMap<String, Difference>>,
}

/// A difference and its interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Difference {
    /// On the rows as they are.
    pub mean: f64,
    /// 95 % interval.
    pub ci: Interval,
}

//! Fills the report in from curves, marks and resamples.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;

use pointsman_kernel::CostScale;

use super::{
    Baselines, ByShare, ConstantPoint, FigureReport, Interval, IntervalByShare, LambdaPoint, MeanReport,
    Percentiles, PreferPoint, ReliabilityBin, RouterReport, Served, SingleReport, ZeroRouter,
};
use crate::evaluate::figures::{Calibration, Curve, Figures, Marks, SHARES, WEIGHTS, Yardstick, interval};
use crate::evaluate::hull::Point;
use crate::evaluate::pool::Pool;
use crate::evaluate::scene::Scene;

/// A scene under all resamples.
pub(in crate::evaluate) struct Frame<'a> {
    scene: &'a Scene,
    even: Vec<f32>,
    weights: Vec<Vec<f32>>,
    marks: Marks,
    resampled: Vec<Marks>,
}

/// Figures on the rows as they are and under each resample.
pub(in crate::evaluate) type Sampled = (Figures, Vec<Figures>);

/// Those of a router's two curves.
#[derive(Clone, Debug)]
pub(in crate::evaluate) struct Samples {
    pub(in crate::evaluate) curve: Sampled,
    pub(in crate::evaluate) served: Sampled,
}

/// What a router is judged by.
pub(in crate::evaluate) struct Router<'a> {
    /// Over weights of cost.
    pub(in crate::evaluate) curve: Curve,
    /// Over preferences.
    pub(in crate::evaluate) served: Curve,
    /// At the three weights of cost.
    pub(in crate::evaluate) utility: Curve,
    pub(in crate::evaluate) calibration: Calibration,
    pub(in crate::evaluate) decision_us: &'a [f64],
}

impl<'a> Frame<'a> {
    pub(in crate::evaluate) fn new(scene: &'a Scene, yardstick: Yardstick, weights: Vec<Vec<f32>>) -> Self {
        let even = vec![1.0 / scene.rows() as f32; scene.rows()];
        let marks = yardstick.under(&even);
        let resampled = weights.iter().map(|weights| yardstick.under(weights)).collect();
        Self { scene, even, weights, marks, resampled }
    }

    /// A value and its interval.
    fn with_interval(&self, of: impl Fn(&[f32], &Marks) -> f64) -> (f64, Interval) {
        let values =
            self.weights.iter().zip(&self.resampled).map(|(weights, marks)| of(weights, marks)).collect();
        (of(&self.even, &self.marks), interval(values))
    }

    fn single(&self, model: usize) -> SingleReport {
        let (quality, quality_ci) = self.with_interval(|_, marks| marks.singles[model].quality);
        let (cost_usd, cost_usd_ci) = self.with_interval(|_, marks| marks.singles[model].cost);
        SingleReport { model: self.scene.models[model].clone(), quality, quality_ci, cost_usd, cost_usd_ci }
    }

    fn mean(&self, of: impl Fn(&[f32], &Marks) -> Point) -> MeanReport {
        let (quality, quality_ci) = self.with_interval(|weights, marks| of(weights, marks).quality);
        let (cost_usd, cost_usd_ci) = self.with_interval(|weights, marks| of(weights, marks).cost);
        MeanReport { quality, quality_ci, cost_usd, cost_usd_ci }
    }
}

pub(in crate::evaluate) fn baselines(frame: &Frame<'_>, pool: &Pool, scale: CostScale) -> Baselines {
    let scene = frame.scene;
    let models = scene.models.len();
    let cheapest = (0..models).min_by(|a, b| {
        let (a, b) = (frame.marks.singles[*a], frame.marks.singles[*b]);
        a.cost.total_cmp(&b.cost).then(b.quality.total_cmp(&a.quality))
    });
    let oracle = scene.outcomes(&scene.pick_oracle(0.0));
    let zero = |at: usize| frame.with_interval(move |_, marks| marks.zero_values()[at]);
    let mix = |marks: &Marks| Point {
        cost: marks.singles.iter().map(|single| single.cost).sum::<f64>() / models as f64,
        quality: marks.singles.iter().map(|single| single.quality).sum::<f64>() / models as f64,
    };
    let best_constant = pool.constants(scale).into_iter().map(|(prefer, model)| {
        let single = frame.marks.singles[model];
        let point = ConstantPoint {
            model: scene.models[model].clone(),
            quality: single.quality,
            cost_usd: single.cost,
        };
        (format!("{prefer:.2}"), point)
    });
    let ((aiq, aiq_ci), (aiq_log, aiq_log_ci)) = (zero(3), zero(4));
    let (cost_at_quality_hull, cost_at_quality_hull_ci) = by_share([zero(0), zero(1), zero(2)]);
    Baselines {
        best_single: frame.single(scene.best),
        best_constant: best_constant.collect(),
        cheapest: frame.single(cheapest.unwrap_or(0)),
        random: frame.mean(|_, marks| mix(marks)),
        zero_router: ZeroRouter {
            aiq,
            aiq_ci,
            aiq_log,
            aiq_log_ci,
            cost_at_quality_hull,
            cost_at_quality_hull_ci,
        },
        oracle: frame.mean(|weights, _| oracle.mean(weights)),
        singles: (0..models).map(|model| frame.single(model)).collect(),
    }
}

pub(in crate::evaluate) fn router(frame: &Frame<'_>, router: &Router<'_>) -> (RouterReport, Samples) {
    let Router { curve, served, utility, calibration, decision_us } = router;
    let (figures, curve_samples, points, _) = judge(frame, curve);
    let (served_figures, served_samples, served_points, along) = judge(frame, served);
    let models = frame.scene.models.len();
    let utility = |at: usize| {
        frame.with_interval(|weights, marks| {
            let points = utility.points(weights);
            marks.oracle_utility(&[points[0], points[1], points[2]])[at]
        })
    };
    let served_utility = |at: usize| {
        let under = |(points, marks): (&Vec<Point>, &Marks)| marks.oracle_utility_along(points)[at];
        let samples = along.iter().zip(&frame.resampled).map(under).collect();
        (under((&served_points, &frame.marks)), interval(samples))
    };
    let (oracle_utility, oracle_utility_ci) = by_weight([0, 1, 2].map(utility));
    let (served_oracle_utility, served_oracle_utility_ci) = by_weight([0, 1, 2].map(served_utility));
    let (brier, brier_ci) = frame.with_interval(|weights, _| calibration.under(weights, models).0);
    let (ece, ece_ci) = frame.with_interval(|weights, _| calibration.under(weights, models).1);
    let lambda = |(lambda, point): (&f64, &Point)| LambdaPoint {
        lambda: Some(*lambda).filter(|lambda| lambda.is_finite()),
        quality: point.quality,
        cost_usd: point.cost,
    };
    let prefer = |(at, (prefer, point)): (usize, (&f64, &Point))| PreferPoint {
        prefer: *prefer,
        quality: point.quality,
        quality_ci: interval(along.iter().map(|points| points[at].quality).collect()),
        cost_usd: point.cost,
        cost_usd_ci: interval(along.iter().map(|points| points[at].cost).collect()),
    };
    let bin =
        |(predicted, observed): &(f64, f64)| ReliabilityBin { predicted: *predicted, observed: *observed };
    let report = RouterReport {
        curve: curve.settings.iter().zip(&points).map(lambda).collect(),
        figures,
        oracle_utility,
        oracle_utility_ci,
        brier,
        brier_ci,
        ece,
        ece_ci,
        reliability: calibration.bins.iter().map(bin).collect(),
        decision_us: percentiles(decision_us),
        served: Served {
            curve: served.settings.iter().zip(&served_points).enumerate().map(prefer).collect(),
            figures: served_figures,
            oracle_utility: served_oracle_utility,
            oracle_utility_ci: served_oracle_utility_ci,
        },
    };
    (report, Samples { curve: curve_samples, served: served_samples })
}

/// A curve's figures, their samples, its points, and its points under each resample.
fn judge(frame: &Frame<'_>, curve: &Curve) -> (FigureReport, Sampled, Vec<Point>, Vec<Vec<Point>>) {
    let points = curve.points(&frame.even);
    let figures = frame.marks.figures(&points, points[curve.first]);
    let sampled: Vec<Vec<Point>> = frame.weights.iter().map(|weights| curve.points(weights)).collect();
    let samples: Vec<Figures> = sampled
        .iter()
        .zip(&frame.resampled)
        .map(|(points, marks)| marks.figures(points, points[curve.first]))
        .collect();
    let value = |at: usize| {
        let own = figures.values()[at];
        (own, interval(samples.iter().map(|figures| figures.values()[at]).collect()))
    };
    let (cost_at_quality, cost_at_quality_ci) = by_share([value(0), value(1), value(2)]);
    let (cost_at_quality_hull, cost_at_quality_hull_ci) = by_share([value(3), value(4), value(5)]);
    let over_best =
        samples.iter().zip(&frame.resampled).map(|(own, marks)| own.quality_first - marks.best.quality);
    let report = FigureReport {
        cost_at_quality,
        cost_at_quality_ci,
        cost_at_quality_hull,
        cost_at_quality_hull_ci,
        quality_first: figures.quality_first,
        quality_first_ci: value(6).1,
        quality_first_over_best: figures.quality_first - frame.marks.best.quality,
        quality_first_over_best_ci: interval(over_best.collect()),
        aiq: figures.aiq,
        aiq_ci: value(7).1,
        aiq_log: figures.aiq_log,
        aiq_log_ci: value(8).1,
        gain_over_zero: figures.gain,
        gain_over_zero_ci: value(9).1,
    };
    (report, (figures, samples), points, sampled)
}

fn by_weight(values: [(f64, Interval); 3]) -> (BTreeMap<String, f64>, BTreeMap<String, Interval>) {
    let named = || WEIGHTS.iter().map(ToString::to_string).zip(&values);
    (
        named().map(|(name, (value, _))| (name, *value)).collect(),
        named().map(|(name, (_, interval))| (name, *interval)).collect(),
    )
}

fn by_share(values: [(f64, Interval); 3]) -> (ByShare, IntervalByShare) {
    let reached = |value: f64| value.is_finite().then_some(value);
    let named = || SHARES.iter().map(|share| format!("{share:.2}")).zip(&values);
    (
        named().map(|(name, (value, _))| (name, reached(*value))).collect(),
        named().map(|(name, (_, [low, high]))| (name, [reached(*low), reached(*high)])).collect(),
    )
}

fn percentiles(values: &[f64]) -> Percentiles {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let rank = (share * values.len() as f64).ceil() as usize;
        values.get(rank.max(1) - 1).copied().unwrap_or_default()
    };
    Percentiles { p50: at(0.5), p99: at(0.99) }
}

//! Fills the report in from curves, marks and resamples.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;

use pointsman_kernel::CostScale;

use super::{
    Baselines, ByShare, ConstantPoint, Difference, FigureReport, Interval, IntervalByShare, LambdaPoint,
    MeanReport, Percentiles, PreferPoint, RouterReport, Served, SingleReport, Versus, ZeroRouter,
};
use crate::evaluate::figures::{
    Calibration, Curve, FIGURES, Figures, Marks, SHARES, WEIGHTS, Yardstick, interval,
};
use crate::evaluate::hull::Point;
use crate::evaluate::pool::Pool;
use crate::evaluate::scene::{Scene, preferences};

/// A scene under all resamples.
pub(in crate::evaluate) struct Frame<'a> {
    scene: &'a Scene,
    even: Vec<f32>,
    weights: Vec<Vec<f32>>,
    marks: Marks,
    resampled: Vec<Marks>,
}

/// Figures on the rows as they are and under each resample.
pub(in crate::evaluate) type Samples = (Figures, Vec<Figures>);

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

pub(in crate::evaluate) fn router(
    frame: &Frame<'_>,
    curve: &Curve,
    served: &Curve,
    utility: &Curve,
    calibration: &Calibration,
    decision_us: &[f64],
) -> (RouterReport, Samples) {
    let (figures, samples, points, _) = judge(frame, curve);
    let (served_figures, _, served_points, served_samples) = judge(frame, served);
    let models = frame.scene.models.len();
    let utilities: Vec<(f64, Interval)> = (0..WEIGHTS.len())
        .map(|at| {
            frame.with_interval(|weights, marks| {
                let points = utility.points(weights);
                marks.oracle_utility(&[points[0], points[1], points[2]])[at]
            })
        })
        .collect();
    let (brier, brier_ci) = frame.with_interval(|weights, _| calibration.under(weights, models).0);
    let (ece, ece_ci) = frame.with_interval(|weights, _| calibration.under(weights, models).1);
    let named = || WEIGHTS.iter().map(ToString::to_string).zip(&utilities);
    let report = RouterReport {
        curve: curve
            .settings
            .iter()
            .zip(&points)
            .map(|(lambda, point)| LambdaPoint {
                lambda: *lambda,
                quality: point.quality,
                cost_usd: point.cost,
            })
            .collect(),
        figures,
        oracle_utility: named().map(|(name, (value, _))| (name, *value)).collect(),
        oracle_utility_ci: named().map(|(name, (_, interval))| (name, *interval)).collect(),
        brier,
        brier_ci,
        ece,
        ece_ci,
        decision_us: percentiles(decision_us),
        served: Served {
            curve: preferences()
                .iter()
                .zip(&served_points)
                .enumerate()
                .map(|(at, (prefer, point))| PreferPoint {
                    prefer: *prefer,
                    quality: point.quality,
                    quality_ci: interval(served_samples.iter().map(|points| points[at].quality).collect()),
                    cost_usd: point.cost,
                    cost_usd_ci: interval(served_samples.iter().map(|points| points[at].cost).collect()),
                })
                .collect(),
            figures: served_figures,
        },
    };
    (report, samples)
}

/// A curve's figures, their samples, its points, and its points under each resample.
fn judge(frame: &Frame<'_>, curve: &Curve) -> (FigureReport, Samples, Vec<Point>, Vec<Vec<Point>>) {
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

pub(in crate::evaluate) fn versus(name: &str, samples: &BTreeMap<String, Samples>) -> Versus {
    const NAMES: [&str; FIGURES] = [
        "cost_at_quality_1.00",
        "cost_at_quality_0.99",
        "cost_at_quality_0.95",
        "cost_at_quality_hull_1.00",
        "cost_at_quality_hull_0.99",
        "cost_at_quality_hull_0.95",
        "quality_first",
        "aiq",
        "aiq_log",
        "gain_over_zero",
    ];
    let Some((other, others)) = samples.get(name) else {
        return Versus { router: name.to_owned(), differences: BTreeMap::new() };
    };
    let of = |(figures, own): &Samples| {
        let difference = |(at, figure): (usize, &&str)| {
            let pairs = own.iter().zip(others);
            let values = pairs.map(|(own, other)| own.values()[at] - other.values()[at]).collect();
            let mean = figures.values()[at] - other.values()[at];
            ((*figure).to_owned(), Difference { mean, ci: interval(values) })
        };
        NAMES.iter().enumerate().map(difference).collect::<BTreeMap<_, _>>()
    };
    let differences = samples
        .iter()
        .filter(|(own, _)| *own != name)
        .map(|(own, samples)| (own.clone(), of(samples)))
        .collect();
    Versus { router: name.to_owned(), differences }
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

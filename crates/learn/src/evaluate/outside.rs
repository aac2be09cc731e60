//! A router that is not ours, judged by what the models it names did.
//!
//! It is asked about every prompt and says who served; what that model's recorded answer was worth and cost is looked up in
//! the table. So it gives a single point of cost and quality, which is held against the same marks as any router: the best
//! single model, the zero router's hull at the same cost, the oracle. Prompts on which it named a model outside the pool, or
//! nobody, or failed, are left out for all marks alike, and counted.
//!
//! Names are compared in lower case and without a provider's prefix; where that finds nobody, a dated name and an undated one
//! are taken for the same, if only one model of the pool fits ([`crate::names`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::figures::{Yardstick, interval, resamples};
use super::report::Interval;
use super::scene::{Picks, Scene};
use super::{EvalError, EvalOptions, pool};
use crate::names::{dated, normalised};
use crate::table::{Split, Table};

/// What a router said of one prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This model served.
    Served(String),
    /// It answered and did not say who served.
    Nobody,
    /// It did not answer, for this reason.
    Failed(String),
}

/// A router that is not ours.
#[derive(Clone, Debug, Serialize)]
pub struct OutsideReport {
    /// The table.
    pub data: String,
    /// Its part.
    pub split: String,
    /// What it is called.
    pub router: String,
    /// Prompts it was asked about.
    pub asked: usize,
    /// Prompts judged: those on which it named a model of the pool.
    pub prompts: usize,
    /// Names that are not in the pool, and how often each was given.
    pub unknown: BTreeMap<String, usize>,
    /// Answers that named nobody.
    pub unnamed: usize,
    /// Prompts it did not answer, by the reason.
    pub failed: BTreeMap<String, usize>,
    /// The pool.
    pub models: Vec<String>,
    /// The best single model on training rows.
    pub best_single: String,
    /// How often each model was named.
    pub chosen: BTreeMap<String, usize>,
    /// What it brought; nothing where no prompt can be judged.
    #[serde(flatten)]
    pub figures: Option<OutsideFigures>,
}

/// The figures of its point.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OutsideFigures {
    /// Mean quality.
    pub quality: f64,
    /// Its interval.
    pub quality_ci: Interval,
    /// Mean cost in dollars, as the table has it.
    pub cost_usd: f64,
    /// Its interval.
    pub cost_usd_ci: Interval,
    /// That over the best single model's.
    pub cost_share: f64,
    /// Its interval.
    pub cost_share_ci: Interval,
    /// Quality less the best single model's, paired.
    pub quality_over_best: f64,
    /// Its interval.
    pub quality_over_best_ci: Interval,
    /// 100 x (quality less the zero router's at the same cost), paired.
    pub above_zero_hull: f64,
    /// Its interval.
    pub above_zero_hull_ci: Interval,
    /// The gain over the zero router of the hull of its point and the cheapest single model, as of any router's curve.
    pub gain_over_zero: f64,
    /// Its interval.
    pub gain_over_zero_ci: Interval,
    /// Quality of the best answer there was.
    pub oracle_quality: f64,
}

/// The prompts that a router is to be asked about.
///
/// # Errors
/// [`EvalError`] where the table or the pool do not allow it.
pub fn rows_to_ask(table: &Table, options: &EvalOptions) -> Result<Vec<usize>, EvalError> {
    Ok(pool::choose(table, &table.rows(options.split), options)?.1)
}

/// Judges what a router said of rows of a table.
///
/// # Errors
/// [`EvalError`] where the table or the pool do not allow it.
pub fn outside(
    table: &Table,
    router: &str,
    said: &[(usize, Said)],
    options: &EvalOptions,
) -> Result<OutsideReport, EvalError> {
    let (columns, complete) = pool::choose(table, &table.rows(options.split), options)?;
    let models: Vec<String> = columns.iter().map(|column| table.models[*column].clone()).collect();
    let best = best_single(table, &columns);
    let mut report = OutsideReport {
        data: table.name.clone(),
        split: options.split.to_string(),
        router: router.to_owned(),
        asked: said.len(),
        prompts: 0,
        unknown: BTreeMap::new(),
        unnamed: 0,
        failed: BTreeMap::new(),
        best_single: models[best].clone(),
        chosen: models.iter().map(|model| (model.clone(), 0)).collect(),
        models,
        figures: None,
    };
    let (mut rows, mut picks) = (Vec::new(), Picks::new());
    for (row, said) in said.iter().filter(|(row, _)| complete.contains(row)) {
        match said {
            Said::Nobody => report.unnamed += 1,
            Said::Failed(why) => *report.failed.entry(why.clone()).or_default() += 1,
            Said::Served(name) => match known_as(&report.models, name) {
                None => *report.unknown.entry(name.clone()).or_default() += 1,
                Some(model) => {
                    *report.chosen.entry(report.models[model].clone()).or_default() += 1;
                    rows.push(*row);
                    picks.push(model as u16);
                }
            },
        }
    }
    report.prompts = rows.len();
    if !rows.is_empty() {
        let cells = || rows.iter().flat_map(|row| columns.iter().map(|column| table.row(*row)[*column]));
        let scene = Scene {
            models: report.models.clone(),
            quality: cells().map(|cell| cell.quality.unwrap_or_default()).collect(),
            cost: cells().map(|cell| cell.cost_usd.unwrap_or_default()).collect(),
            best,
        };
        report.figures = Some(figures(&scene, &picks, options));
    }
    Ok(report)
}

fn figures(scene: &Scene, picks: &Picks, options: &EvalOptions) -> OutsideFigures {
    let (yardstick, own) = (Yardstick::new(scene), scene.outcomes(picks));
    let oracle = scene.outcomes(&scene.pick_oracle(0.0));
    let values = |weights: &[f32]| -> [f64; 7] {
        let (marks, point) = (yardstick.under(weights), own.mean(weights));
        [
            point.quality,
            point.cost,
            point.cost / marks.best.cost,
            point.quality - marks.best.quality,
            100.0 * marks.above_zero(point),
            marks.figures(&[point], point).gain,
            oracle.mean(weights).quality,
        ]
    };
    let even = values(&vec![1.0 / scene.rows() as f32; scene.rows()]);
    let resampled: Vec<[f64; 7]> =
        resamples(scene.rows(), options.resamples, options.seed).iter().map(|w| values(w)).collect();
    let ci = |at: usize| interval(resampled.iter().map(|values| values[at]).collect());
    OutsideFigures {
        quality: even[0],
        quality_ci: ci(0),
        cost_usd: even[1],
        cost_usd_ci: ci(1),
        cost_share: even[2],
        cost_share_ci: ci(2),
        quality_over_best: even[3],
        quality_over_best_ci: ci(3),
        above_zero_hull: even[4],
        above_zero_hull_ci: ci(4),
        gain_over_zero: even[5],
        gain_over_zero_ci: ci(5),
        oracle_quality: even[6],
    }
}

/// The column, among `columns`, with the highest mean quality on training rows; on all rows where none is for training.
fn best_single(table: &Table, columns: &[usize]) -> usize {
    let mut rows = table.rows(Split::Train);
    if rows.is_empty() {
        rows = table.rows(Split::All);
    }
    let mean = |column: usize| {
        let grades: Vec<f64> =
            rows.iter().filter_map(|row| table.row(*row)[column].quality).map(f64::from).collect();
        grades.iter().sum::<f64>() / grades.len().max(1) as f64
    };
    let means: Vec<f64> = columns.iter().map(|column| mean(*column)).collect();
    (0..means.len()).max_by(|a, b| means[*a].total_cmp(&means[*b]).then(b.cmp(a))).unwrap_or(0)
}

/// The model of the pool that a name stands for.
fn known_as(models: &[String], name: &str) -> Option<usize> {
    if let Some(at) = models.iter().position(|model| model == name) {
        return Some(at);
    }
    let only = |same: &dyn Fn(&str) -> bool| {
        let mut fitting = (0..models.len()).filter(|at| same(&normalised(&models[*at])));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let given = normalised(name);
    let stem = |name: &str| dated(name).map_or(name.to_owned(), |(stem, _)| stem.to_owned());
    let undated = |model: &str| {
        // Two different dates are two models.
        stem(model) == stem(&given) && (dated(model).is_none() || dated(&given).is_none())
    };
    only(&|model| model == given).or_else(|| only(&undated))
}

impl fmt::Display for OutsideReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, split, router, asked, prompts, .. } = self;
        write!(f, "{router} on {data}, split {split}: {prompts} of {asked} prompts judged")?;
        for (name, count) in &self.unknown {
            write!(f, "\n  {count} went to `{name}`, which is not in the pool")?;
        }
        if self.unnamed > 0 {
            write!(f, "\n  {} answers named nobody", self.unnamed)?;
        }
        for (why, count) in &self.failed {
            write!(f, "\n  {count} were not answered: {why}")?;
        }
        let Some(own) = &self.figures else { return Ok(()) };
        let with = |value: f64, [low, high]: Interval, digits: usize| {
            format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]")
        };
        write!(f, "\n\n{:<46} {}", "quality", with(own.quality, own.quality_ci, 3))?;
        write!(f, "\n{:<46} {}", "USD a call, as recorded", with(own.cost_usd, own.cost_usd_ci, 6))?;
        let best = format!("cost over that of {}", self.best_single);
        write!(f, "\n{best:<46} {}", with(own.cost_share, own.cost_share_ci, 2))?;
        let points = |ci: Interval| ci.map(|end| 100.0 * end);
        let over = with(100.0 * own.quality_over_best, points(own.quality_over_best_ci), 2);
        write!(f, "\n{:<46} {over}", "points of quality over it")?;
        let above = with(own.above_zero_hull, own.above_zero_hull_ci, 2);
        write!(f, "\n{:<46} {above}", "points above random mixes at its cost")?;
        let gain = with(own.gain_over_zero, own.gain_over_zero_ci, 2);
        write!(f, "\n{:<46} {gain}", "gain over zero, with the cheapest model")?;
        write!(f, "\n{:<46} {:.3}", "the best answer there was", own.oracle_quality)?;
        let chosen = self.chosen.iter().filter(|(_, count)| **count > 0);
        chosen.into_iter().try_for_each(|(model, count)| write!(f, "\n  {count:>6} {model}"))
    }
}

#[cfg(test)]
mod tests;

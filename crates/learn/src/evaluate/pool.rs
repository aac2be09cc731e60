//! The models that compete, as targets, and what is known of them from training rows.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::sync::Arc;

use pointsman_kernel::decide::decide;
use pointsman_kernel::{CostScale, Estimate, Estimates, Goal, Preference, Signals, Source, Spread, Target};

use super::run::{facts, route};
use super::scene::{Scene, preferences};
use super::{EvalError, EvalOptions};
use crate::artifact::Artifact;
use crate::table::{Cell, Split, Table};
use crate::train::price::price;
use crate::train::rows::{Encoded, Part};

/// The pool is the models with quality and cost on at least this share of the rows.
pub(crate) const COVERED: f64 = 0.95;

/// The models that compete.
pub(super) struct Pool {
    /// Columns of the table.
    pub(super) columns: Vec<usize>,
    pub(super) targets: Vec<Arc<Target>>,
    /// On training rows.
    pub(super) mean_quality: Vec<f64>,
    /// Dollars, on training rows.
    pub(super) mean_cost: Vec<f64>,
    /// The best by `mean_quality`.
    pub(super) best: usize,
}

/// The pool's columns, and the rows on which all of them have quality and cost.
pub(super) fn choose(
    table: &Table,
    candidates: &[usize],
    options: &EvalOptions,
) -> Result<(Vec<usize>, Vec<usize>), EvalError> {
    let whole = |row: usize, column: usize| {
        let cell = table.row(row)[column];
        cell.quality.is_some() && cell.cost_usd.is_some()
    };
    let columns: Vec<usize> = match &options.models {
        Some(models) => {
            let position = |model: &String| {
                table.models.iter().position(|known| known == model).ok_or_else(|| EvalError::UnknownModel {
                    model: model.clone(),
                    table: table.name.clone(),
                    known: table.models.join(", "),
                })
            };
            models.iter().map(position).collect::<Result<_, _>>()?
        }
        None => {
            let least = COVERED * candidates.len() as f64;
            let covered = |column: &usize| {
                candidates.iter().filter(|row| whole(**row, *column)).count() as f64 >= least
            };
            (0..table.models.len()).filter(covered).collect()
        }
    };
    if candidates.is_empty() {
        return Err(EvalError::NoRows { table: table.name.clone(), split: options.split });
    }
    if columns.len() < 2 {
        let file = table.outcomes_file.clone();
        return Err(EvalError::NoPool { file, count: columns.len(), rows: candidates.len() });
    }
    let complete = |row: &usize| columns.iter().all(|column| whole(*row, *column));
    let rows: Vec<usize> = candidates.iter().copied().filter(complete).collect();
    if rows.is_empty() {
        return Err(EvalError::NoRows { table: table.name.clone(), split: options.split });
    }
    Ok((columns, rows))
}

impl Pool {
    pub(super) fn new(
        table: &Table,
        encoded: &[Encoded],
        artifact: &Artifact,
        columns: Vec<usize>,
        options: &EvalOptions,
    ) -> Self {
        // Where a pool is cross-validated, all rows are training rows in turn. A table without any to learn from lends
        // its own rows: prices and names, nothing that an estimator sees.
        let part = if options.rotates() { options.split } else { Split::Train };
        let mut rows = table.rows(part);
        if rows.is_empty() {
            rows = table.rows(Split::All);
        }
        let mean = |column: usize, of: &dyn Fn(&Cell) -> Option<f64>| {
            let values: Vec<f64> = rows.iter().filter_map(|row| of(&table.row(*row)[column])).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let parts = [Part { table, encoded, rows: rows.clone(), columns: columns.clone() }];
        let names = || columns.iter().map(|column| &table.models[*column]);
        // The artifact remembers which model was best, unless it does not know them all or was made for a fold.
        let remembered: Option<Vec<f64>> =
            names().map(|name| artifact.model(name).map(|model| model.mean_quality)).collect();
        let mean_quality = match remembered {
            Some(means) if !options.rotates() => means,
            _ => columns
                .iter()
                .map(|column| mean(*column, &|cell| cell.quality.map(f64::from)).unwrap_or(0.0))
                .collect(),
        };
        let best =
            (0..columns.len()).max_by(|a, b| mean_quality[*a].total_cmp(&mean_quality[*b]).then(b.cmp(a)));
        let target = |name: &String| {
            let known = || artifact.model(name).and_then(|model| model.price);
            Arc::new(Target { price: price(&parts, name).or_else(known), ..Target::named(name) })
        };
        Self {
            targets: names().map(target).collect(),
            mean_quality,
            mean_cost: columns
                .iter()
                .map(|column| mean(*column, &|cell| cell.cost_usd).unwrap_or(f64::INFINITY))
                .collect(),
            best: best.unwrap_or(0),
            columns,
        }
    }

    /// For each preference the model that the served selector chooses when all it knows is each model's training
    /// means.
    pub(super) fn constants(&self, scale: CostScale) -> Vec<(f64, usize)> {
        let estimate = |((target, quality), cost): ((&Arc<Target>, &f64), &f64)| Estimate {
            target: target.id.clone(),
            quality: Spread { mean: *quality, sd: 0.0 },
            output_tokens: Spread::default(),
            cost: cost.is_finite().then_some(Spread { mean: cost * 1e9, sd: 0.0 }),
            latency_ms: None,
            usual: None,
            source: Source::learned("constant"),
        };
        let known = self.targets.iter().zip(&self.mean_quality).zip(&self.mean_cost);
        let estimates = Estimates { list: known.map(estimate).collect(), ..Estimates::default() };
        let route = route(self, scale);
        let choose = |weight: f64| {
            let prefer = Preference::new(weight).ok()?;
            let goal = Goal { prefer, ..Goal::balanced(scale) };
            let decision = decide(&route, goal, Signals::default(), facts("constant", ""), &estimates);
            let chosen = decision.chosen()?;
            Some((weight, self.targets.iter().position(|target| target.id == *chosen)?))
        };
        preferences().into_iter().filter_map(choose).collect()
    }

    /// The outcomes of the pool on complete rows.
    pub(super) fn scene(&self, table: &Table, rows: &[usize]) -> Scene {
        let cells = || rows.iter().flat_map(|row| self.columns.iter().map(|column| table.row(*row)[*column]));
        Scene {
            models: self.targets.iter().map(|target| target.id.to_string()).collect(),
            quality: cells().map(|cell| cell.quality.unwrap_or_default()).collect(),
            cost: cells().map(|cell| cell.cost_usd.unwrap_or_default()).collect(),
            best: self.best,
        }
    }
}

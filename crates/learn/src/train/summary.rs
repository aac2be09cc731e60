//! What training tells: each head out of fold beside the baselines, and which head serves.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use std::fmt;

use serde::Serialize;

use crate::artifact::Body;
use crate::evaluate::figures::{Calibration, Curve, Yardstick};
use crate::evaluate::scene::{Predicted, Scene, lambdas};
use crate::evaluate::{COVERED, input_tokens};
use crate::train::extra::NAMES;
use crate::train::rows::{Part, Rows};

/// Heads that may serve: those that a request can wait for.
const SERVING: [&str; 3] = ["ridge", "moma", MIXTURE];
/// The head that serves unless another is clearly better.
const MIXTURE: &str = "stack";

/// How training went. All figures are of predictions about prompts that were not seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The head that serves.
    pub default: String,
    /// Models learnt.
    pub models: usize,
    /// Prompts learnt from.
    pub prompts: usize,
    /// One for each table.
    pub tables: Vec<TableSummary>,
}

/// One table's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableSummary {
    /// Its name.
    pub table: String,
    /// Prompts on which the whole pool has quality and cost.
    pub prompts: usize,
    /// The pool.
    pub models: usize,
    /// Its best single model.
    pub best_single: String,
    /// That model's mean quality.
    pub quality: f64,
    /// And mean cost of a call.
    pub cost_usd: f64,
    /// Each head.
    pub heads: Vec<HeadSummary>,
}

/// One head on one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HeadSummary {
    /// Its name.
    pub name: String,
    /// 100 x (its area over log cost less that of random mixes of single models).
    pub gain_over_zero: f64,
    /// Lowest cost on its hull at 99 % of the best single's quality, over the best single's cost.
    pub cost_at_99: Option<f64>,
    /// Mean square error.
    pub brier: f64,
    /// Calibration error.
    pub ece: f64,
}

/// A head's predictions out of fold, rows by models.
pub(crate) struct Judged<'a> {
    pub(crate) name: &'a str,
    pub(crate) predicted: &'a [f32],
}

impl Summary {
    pub(crate) fn new(parts: &[Part<'_>], rows: &Rows, body: &Body, heads: &[Judged<'_>]) -> Self {
        let mut tables = Vec::new();
        let mut from = 0;
        for (part, group) in parts.iter().zip(&rows.groups) {
            if let Some(table) = table_summary(part, group, from, rows, body, heads) {
                tables.push(table);
            }
            from += part.rows.len();
        }
        let gain = |name: &str| -> f64 {
            let own = tables.iter().filter_map(|table| table.heads.iter().find(|head| head.name == name));
            own.map(|head| head.gain_over_zero).sum()
        };
        // Gains of this size differ by a fifth of a point from seed to seed: a head must win by more to replace the
        // mixture, which is the best calibrated.
        let margin = 0.2 * tables.len() as f64;
        let best = SERVING.iter().copied().max_by(|a, b| gain(a).total_cmp(&gain(b))).unwrap_or(MIXTURE);
        let default = if gain(best) > gain(MIXTURE) + margin { best } else { MIXTURE };
        Self { default: default.to_owned(), models: rows.models.len(), prompts: rows.len(), tables }
    }
}

fn table_summary(
    part: &Part<'_>,
    group: &[usize],
    from: usize,
    rows: &Rows,
    body: &Body,
    heads: &[Judged<'_>],
) -> Option<TableSummary> {
    let models = rows.models.len();
    let whole = |row: &usize, at: usize| {
        let cell = part.table.row(*row)[part.columns[at]];
        cell.quality.is_some() && cell.cost_usd.is_some()
    };
    let covered = |at: &usize| {
        part.rows.iter().filter(|row| whole(row, *at)).count() as f64 >= COVERED * part.rows.len() as f64
    };
    let pool: Vec<usize> = (0..part.columns.len()).filter(covered).collect();
    if pool.len() < 2 {
        return None;
    }
    let complete: Vec<usize> =
        (0..part.rows.len()).filter(|at| pool.iter().all(|model| whole(&part.rows[*at], *model))).collect();
    let mut scene = Scene {
        models: pool.iter().map(|at| part.table.models[part.columns[*at]].clone()).collect(),
        quality: Vec::new(),
        cost: Vec::new(),
        best: 0,
    };
    let mean = |at: &usize| body.models[group[pool[*at]]].mean_quality;
    scene.best = (0..pool.len()).max_by(|a, b| mean(a).total_cmp(&mean(b)).then(b.cmp(a)))?;
    let mut cost = Vec::new();
    let columns: Vec<usize> = pool.iter().map(|at| part.columns[*at]).collect();
    for at in &complete {
        let input = input_tokens(part.table, part.rows[*at], &columns, part.encoded[part.rows[*at]].tokens);
        for model in &pool {
            let cell = part.table.row(part.rows[*at])[part.columns[*model]];
            scene.quality.push(cell.quality?);
            scene.cost.push(cell.cost_usd?);
            let length = body.lengths.of(group[*model], rows.x(from + at));
            let price = body.models[group[*model]].price.unwrap_or_default();
            cost.push(price.cost(u64::from(input), 0, 0, length.mean as u64).usd());
        }
    }
    let even = vec![1.0 / complete.len() as f32; complete.len()];
    let marks = Yardstick::new(&scene).under(&even);
    let heads = heads
        .iter()
        .map(|head| {
            let at = |row: &usize, model: &usize| head.predicted[(from + row) * models + group[*model]];
            let quality =
                complete.iter().flat_map(|row| pool.iter().map(move |model| at(row, model))).collect();
            let predicted = Predicted { quality, cost: cost.clone() };
            let unit = scene.mean_cost(scene.best);
            let settings = lambdas();
            let mut picks: Vec<_> =
                settings.iter().map(|lambda| scene.pick(&predicted, lambda / unit)).collect();
            picks.push(scene.pick_cheapest(&predicted));
            let points = Curve::new(&scene, settings, &picks, 0).points(&even);
            let figures = marks.figures(&points, points[0]);
            let (brier, ece) = Calibration::new(&scene, &predicted).under(&even, pool.len());
            let cost_at_99 = Some(figures.cost_at_hull[1]).filter(|cost| cost.is_finite());
            HeadSummary { name: head.name.to_owned(), gain_over_zero: figures.gain, cost_at_99, brier, ece }
        })
        .collect();
    Some(TableSummary {
        table: part.table.name.clone(),
        prompts: complete.len(),
        models: pool.len(),
        best_single: scene.models[scene.best].clone(),
        quality: marks.best.quality,
        cost_usd: marks.best.cost,
        heads,
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} models from {} prompts; `{}` serves", self.models, self.prompts, self.default)?;
        for table in &self.tables {
            writeln!(f)?;
            writeln!(
                f,
                "{}: {} prompts, pool of {}; best single {} ({:.3} at {:.6} USD)",
                table.table, table.prompts, table.models, table.best_single, table.quality, table.cost_usd
            )?;
            writeln!(
                f,
                "  {:<10} {:>14} {:>16} {:>8} {:>8}",
                "estimator", "gain over zero", "cost at 99 %", "Brier", "ECE"
            )?;
            for head in &table.heads {
                let cost = head.cost_at_99.map_or_else(|| "-".to_owned(), |cost| format!("{cost:.3}"));
                writeln!(
                    f,
                    "  {:<10} {:>+14.2} {:>16} {:>8.4} {:>8.4}",
                    head.name, head.gain_over_zero, cost, head.brier, head.ece
                )?;
            }
        }
        write!(f, "out of fold on the training rows; zero is what random mixes of single models reach")?;
        let heads = || self.tables.iter().flat_map(|table| &table.heads);
        let experimental: Vec<&str> =
            NAMES.iter().copied().filter(|name| heads().any(|head| head.name == *name)).collect();
        if experimental.is_empty() {
            return Ok(());
        }
        write!(f, "\nexperimental, not in the mixture: {}; see `eval --control`", experimental.join(", "))
    }
}

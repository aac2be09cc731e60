//! Evaluation: what a router would have brought on a table, beside the baselines, with intervals.
//!
//! Predictions and served choices come from the code that serves: an artifact's estimator and the kernel's `decide` with
//! its selector, floor and scale. Two curves are judged: the served one over preferences, and for comparing estimators the
//! one over weights of cost (`lambda`). Every cost is a share of the best single model's, where "best" was decided on
//! training rows. The bar is the zero router: random mixes of single models on their own hull.
//!
//! Intervals are the middle 95 % of bootstrap resamples of the prompts; models, artifact and best single stay fixed.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

pub(crate) mod figures;
pub(crate) mod hull;
mod plot;
mod pool;
mod report;
mod run;
pub(crate) mod scene;

use std::collections::BTreeMap;
use std::path::PathBuf;

use pointsman_encode::{EncodeError, Encoder};

use crate::artifact::{Artifact, ArtifactError};
use crate::table::{Split, Table};
use crate::train::rows::{Encoded, encode};
use crate::train::{Progress, TrainError, TrainOptions, fit, part};

use figures::{Calibration, Curve, Yardstick, resamples};
pub(crate) use pool::COVERED;
use pool::Pool;
use report::{Frame, baselines, router};
use run::{Run, run};

pub use plot::PlotError;
pub use report::{
    Baselines, ByShare, ConstantPoint, Difference, EvalReport, FigureReport, Interval, IntervalByShare,
    LambdaPoint, MeanReport, Percentiles, PreferPoint, RouterReport, Served, SingleReport, Versus,
    ZeroRouter,
};

/// What may be chosen.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// The pool; otherwise every model with quality and cost on 95 % of the rows.
    pub models: Option<Vec<String>>,
    /// Rows to judge on; with `folds`, rows to cross-validate over.
    pub split: Split,
    /// Cross-validate in so many folds.
    pub folds: Option<usize>,
    /// Paired differences of every router to this one.
    pub versus: Option<String>,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Of the bootstrap and of training.
    pub seed: u64,
}

/// A table that cannot be evaluated as asked.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A model that the table does not have.
    #[error("model `{model}` is not in table {table}; it has {known}")]
    UnknownModel {
        /// Which one.
        model: String,
        /// Whose.
        table: String,
        /// What there is.
        known: String,
    },
    /// Nothing to judge on.
    #[error(
        "{table}: no prompt with split {split} has quality and cost of every model of the pool; choose another split or pool"
    )]
    NoRows {
        /// Whose.
        table: String,
        /// What was asked for.
        split: Split,
    },
    /// No pool.
    #[error("{file}: {count} models have quality and cost_usd on 95 % of the {rows} rows, and a pool needs two; name a pool, or fill the columns in", file = file.display())]
    NoPool {
        /// The outcomes.
        file: PathBuf,
        /// Models covered.
        count: usize,
        /// Rows looked at.
        rows: usize,
    },
    /// Too few folds.
    #[error("{0} folds are too few; use at least 2")]
    Folds(usize),
    /// No such router.
    #[error("there is no router `{name}` to compare with; there are {known}")]
    UnknownRouter {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The estimators cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The artifact cannot be used here.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The encoder failed.
    #[error("the prompts cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self { models: None, split: Split::Dev, folds: None, versus: None, resamples: 1000, seed: 0 }
    }
}

/// Judges an artifact, or estimators trained on the table's own `train` rows, or with `folds` on the other folds.
///
/// # Errors
/// [`EvalError`] where the table, the pool or the artifact do not allow it.
pub fn evaluate(
    table: &Table,
    artifact: Option<&Artifact>,
    encoder: &dyn Encoder,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<EvalReport, EvalError> {
    if let Some(artifact) = artifact {
        artifact.check_encoder(encoder.fingerprint())?;
    }
    let candidates = table.rows(options.split);
    let (columns, rows) = pool::choose(table, &candidates, options)?;
    let encoded = encode(table, encoder, progress)?;
    let trained = match (artifact, options.folds) {
        (Some(artifact), _) => vec![(artifact.clone(), rows.clone())],
        (None, None) => {
            vec![(own(table, &encoded, encoder, table.rows(Split::Train), options, progress)?, rows.clone())]
        }
        (None, Some(folds)) => {
            cross(table, &encoded, encoder, (&candidates, &rows), folds, options, progress)?
        }
    };
    let Some((first, _)) = trained.first() else {
        return Err(EvalError::NoRows { table: table.name.clone(), split: options.split });
    };
    let pool = Pool::new(table, &encoded, first, columns, options);
    // Folds hand the rows over in their own order; from here on that order is the rows'.
    let order: Vec<usize> = trained.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
    let scene = pool.scene(table, &order);
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for (artifact, rows) in &trained {
        for name in artifact.names() {
            progress(Progress {
                stage: "judging",
                done: runs.len() as u64,
                total: artifact.names().len() as u64,
            });
            let part = run(artifact, name, table, &encoded, encoder, &pool, rows)?;
            runs.entry(name.to_owned()).or_default().append(part);
        }
    }
    let weights = resamples(scene.rows(), options.resamples, options.seed);
    let frame = Frame::new(&scene, Yardstick::new(&scene), weights);
    let mut routers = BTreeMap::new();
    let total = runs.len() as u64;
    let mut samples = BTreeMap::new();
    for (done, (name, run)) in runs.iter().enumerate() {
        progress(Progress { stage: "intervals", done: done as u64, total });
        let unit = scene.mean_cost(scene.best).max(f64::MIN_POSITIVE);
        let mut settings = scene::lambdas();
        let mut picks: Vec<_> =
            settings.iter().map(|lambda| scene.pick(&run.predicted, lambda / unit)).collect();
        settings.push(f64::INFINITY);
        picks.push(scene.pick_cheapest(&run.predicted));
        let curve = Curve::new(&scene, settings, &picks, 0);
        let preferences = scene::preferences();
        let last = preferences.len() - 1;
        let served = Curve::new(&scene, preferences, &run.served, last);
        let utility: Vec<_> = figures::WEIGHTS.iter().map(|w| scene.pick(&run.predicted, w / unit)).collect();
        let utility = Curve::new(&scene, figures::WEIGHTS.to_vec(), &utility, 0);
        let calibration = Calibration::new(&scene, &run.predicted);
        let (report, own) = router(&frame, &curve, &served, &utility, &calibration, &run.decision_us);
        routers.insert(name.clone(), report);
        samples.insert(name.clone(), own);
    }
    let versus = match &options.versus {
        Some(name) if !samples.contains_key(name) => {
            let known = samples.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(EvalError::UnknownRouter { name: name.clone(), known });
        }
        Some(name) => Some(report::versus(name, &samples)),
        None => None,
    };
    progress(Progress { stage: "intervals", done: total, total });
    Ok(EvalReport {
        data: table.name.clone(),
        split: options.split.to_string(),
        prompts: scene.rows(),
        left_out: candidates.len() - scene.rows(),
        models: scene.models.clone(),
        encoder: encoder.fingerprint().split(':').next().unwrap_or_default().to_owned(),
        default: first.default_name().to_owned(),
        artifact: artifact.map(|artifact| artifact.hash().to_owned()),
        folds: options.folds,
        resamples: options.resamples,
        baselines: baselines(&frame, &pool, first.cost_scale(&pool.targets)),
        routers,
        versus,
    })
}

/// Estimators of the table's own rows.
fn own(
    table: &Table,
    encoded: &[Encoded],
    encoder: &dyn Encoder,
    rows: Vec<usize>,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Artifact, EvalError> {
    let options = TrainOptions { seed: options.seed, ..TrainOptions::default() };
    let part = part(table, encoded, rows, &options)?;
    let (body, _) = fit(&[part], encoder.fingerprint(), &options, progress);
    Ok(Artifact::new(body)?)
}

/// For each fold of the `candidates` an artifact of the others, and those of the complete `rows` that it is judged on.
fn cross(
    table: &Table,
    encoded: &[Encoded],
    encoder: &dyn Encoder,
    (candidates, rows): (&[usize], &[usize]),
    folds: usize,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<(Artifact, Vec<usize>)>, EvalError> {
    if folds < 2 {
        return Err(EvalError::Folds(folds));
    }
    // Other bits than training's own folds are cut by.
    let fold_of = |row: &usize| ((encoded[*row].key >> 32) % folds as u64) as usize;
    let mut trained = Vec::new();
    for fold in 0..folds {
        let seen: Vec<usize> = candidates.iter().copied().filter(|row| fold_of(row) != fold).collect();
        let held: Vec<usize> = rows.iter().copied().filter(|row| fold_of(row) == fold).collect();
        if !held.is_empty() {
            trained.push((own(table, encoded, encoder, seen, options, progress)?, held));
        }
    }
    Ok(trained)
}

/// Tokens that a prompt is read as: what the pool's providers counted (the middle one), else an estimate.
pub(crate) fn input_tokens(table: &Table, row: usize, columns: &[usize], estimate: u32) -> u32 {
    let cells = table.row(row);
    let mut counts: Vec<u32> =
        columns.iter().filter_map(|column| Some(cells.get(*column)?.input_tokens? as u32)).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(estimate)
}

#[cfg(test)]
mod tests;

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

mod control;
mod cuts;
pub(crate) mod figures;
pub(crate) mod hull;
mod judge;
mod many;
mod markdown;
mod onboarding;
mod outside;
mod plot;
mod pool;
mod reliability;
mod report;
mod robust;
mod run;
pub(crate) mod scene;

use std::path::PathBuf;

use pointsman_encode::{EncodeError, Encoder};

use crate::artifact::{Artifact, ArtifactError};
use crate::table::{Split, Table};
use crate::train::rows::{Encoded, encode};
use crate::train::{Progress, TrainError, TrainOptions, fit, part};

pub(crate) use pool::COVERED;
use pool::Pool;
use run::{Runs, run};
pub(crate) use run::{facts, signals};

pub use many::{Evaluation, MeanGain, MeanOverTables, assign_models};
pub use onboarding::{ModelBrier, OnboardingReport, onboarding};
pub use outside::{OutsideFigures, OutsideReport, Said, outside, rows_to_ask};
pub use plot::PlotError;
pub use report::{
    Baselines, ByShare, ConstantPoint, ControlReport, Difference, EvalReport, FigureReport, Interval,
    IntervalByShare, LambdaPoint, MeanReport, OwnScores, Percentiles, PreferPoint, ReliabilityBin,
    RouterReport, Served, SingleReport, Versus, ZeroRouter,
};
pub use robust::{
    AttackOptions, AttackReport, Both, Brought, RobustOptions, RobustReport, STRIP_WORDS, Share,
    StabilityReport,
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
    /// Judge each data set by what the others teach. Takes the place of folds.
    pub leave_out_datasets: bool,
    /// Train every estimator a second time on shuffled grades.
    pub control: bool,
    /// Paired differences of every router to this one.
    pub versus: Option<String>,
    /// How steady choices are, under edits and under attack.
    pub robust: Option<RobustOptions>,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Of the bootstrap, of training and of attacks.
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
    /// A text on both sides.
    #[error("{file}: {count} prompts with split {split} are among those learnt from, but for case and spacing: {ids}; take one of each pair out, or cross-validate (--cv 5), which keeps equal texts together", file = file.display())]
    Duplicates {
        /// The prompts.
        file: PathBuf,
        /// The judged split.
        split: Split,
        /// Pairs.
        count: usize,
        /// The first of them.
        ids: String,
    },
    /// Nothing to leave out.
    #[error(
        "{table}: leaving out a data set needs two data sets at least; name them in the prompts' column dataset"
    )]
    OneDataset {
        /// Whose.
        table: String,
    },
    /// Too few rows to leave models out.
    #[error(
        "{table}: a fold of {folds} has {rows} prompts, and leaving models out draws 100 labels from it and judges as many more; give it more prompts, fewer folds or --split all"
    )]
    TooFewToOnboard {
        /// Whose.
        table: String,
        /// Of the smallest fold.
        rows: usize,
        /// Folds.
        folds: usize,
    },
    /// A pool for a table that is not there.
    #[error(
        "`{given}` names no table among {known}, and no model has an = in its name; write --models TABLE=A,B"
    )]
    UnknownTable {
        /// What was given.
        given: String,
        /// The tables.
        known: String,
    },
    /// Too few folds.
    #[error("{0} folds are too few; use at least 2")]
    Folds(usize),
    /// A model outside the pool.
    #[error("prompts cannot be moved to `{name}`, which is not in the pool; it has {known}")]
    UnknownTarget {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
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
        Self {
            models: None,
            split: Split::Dev,
            folds: None,
            leave_out_datasets: false,
            control: false,
            versus: None,
            robust: None,
            resamples: 1000,
            seed: 0,
        }
    }
}

impl EvalOptions {
    /// Whether every row is learnt from in turn.
    pub(crate) fn rotates(&self) -> bool {
        self.folds.is_some() || self.leave_out_datasets
    }
}

/// Judges an artifact, or estimators trained on the table's own `train` rows, or with `folds` or
/// `leave_out_datasets` on what is not held out.
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
    let mut columns = Some(columns);
    let mut known: Option<(Pool, Artifact)> = None;
    let mut found = judge::Found::default();
    for cut in cuts::cuts(table, &encoded, (&candidates, &rows), options)? {
        let own = match artifact {
            Some(artifact) => artifact.clone(),
            None => learn(table, &encoded, encoder, &cut.seen, options, progress)?,
        };
        // All cuts are judged with the prices and means that the first artifact came with.
        let (pool, _) = known.get_or_insert_with(|| {
            (Pool::new(table, &encoded, &own, columns.take().unwrap_or_default(), options), own.clone())
        });
        found.overlap += judge::overlap(table, artifact, &cut);
        found.order.extend_from_slice(&cut.held);
        if let Some(robust) = &options.robust {
            let held = (cut.held.as_slice(), rows.len());
            found.seen.look(&own, table, encoder, pool, held, (robust, options), progress)?;
        }
        run_all(&own, (table, &encoded), encoder, pool, &cut.held, &mut found.runs, progress)?;
        if options.control && artifact.is_none() {
            let shuffled = table.with_shuffled_grades(&cut.seen, control::seed(options.seed, &found.order));
            let own = learn(&shuffled, &encoded, encoder, &cut.seen, options, progress)?;
            run_all(&own, (table, &encoded), encoder, pool, &cut.held, &mut found.control, progress)?;
        }
    }
    let Some((pool, first)) = known else {
        return Err(EvalError::NoRows { table: table.name.clone(), split: options.split });
    };
    found.left_out = candidates.len() - found.order.len();
    let robust =
        options.robust.as_ref().map(|robust| std::mem::take(&mut found.seen).report(robust, options));
    let report = judge::judge(table, &pool, (&first, artifact), &found, options, progress)?;
    Ok(EvalReport { robust, ..report })
}

/// Estimators of some of the table's own rows.
fn learn(
    table: &Table,
    encoded: &[Encoded],
    encoder: &dyn Encoder,
    rows: &[usize],
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Artifact, EvalError> {
    let options = TrainOptions { seed: options.seed, ..TrainOptions::default() };
    let part = part(table, encoded, rows.to_vec(), &options)?;
    let (body, _) = fit(&[part], encoder.fingerprint(), &options, progress);
    Ok(Artifact::new(body)?)
}

/// Asks every estimator of an artifact about the held rows.
fn run_all(
    artifact: &Artifact,
    (table, encoded): (&Table, &[Encoded]),
    encoder: &dyn Encoder,
    pool: &Pool,
    held: &[usize],
    runs: &mut Runs,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), EvalError> {
    let total = artifact.names().len() as u64;
    for (done, name) in artifact.names().into_iter().enumerate() {
        progress(Progress { stage: "judging", done: done as u64, total });
        let part = run(artifact, name, table, encoded, encoder, pool, held)?;
        runs.entry(name.to_owned()).or_default().append(part);
    }
    Ok(())
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

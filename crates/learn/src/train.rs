//! Training: outcome tables to an artifact.
//!
//! Every estimator is fitted on all rows, and on each fold's complement as well, so that curves, the mixture's
//! weights, spreads and the choice of the default come from predictions about prompts that were not seen. Folds are cut
//! by the prompt's text, so the same question never stands on both sides. One seed gives one artifact.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

mod adamw;
mod bt;
mod calibrate;
mod centres;
mod clusters;
mod directions;
mod extra;
mod fit;
mod irt;
mod kmeans;
mod knn;
mod landmarks;
mod likeness;
mod llmrank;
mod logistic;
mod moe;
mod pairs;
mod placing;
#[cfg(test)]
mod planted;
pub(crate) mod price;
mod ridge;
pub(crate) mod rows;
mod stack;
mod summary;
mod tasks;
mod trees;
mod words;

use std::path::PathBuf;

use pointsman_encode::{EncodeError, Encoder};

use crate::artifact::{Artifact, ArtifactError};
use crate::table::{Split, Table};

pub(crate) use fit::fit;
pub use summary::Summary;

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct TrainOptions {
    /// Learn these models alone; every model of the tables otherwise.
    pub models: Option<Vec<String>>,
    /// Which rows.
    pub split: Split,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// What the data's licences ask to be said; kept in the artifact.
    pub licences: Vec<String>,
    /// Leave out the estimators that the served mixture is not made of.
    pub served_only: bool,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done.
    pub stage: &'a str,
    /// Steps done of it.
    pub done: u64,
    /// Steps it has.
    pub total: u64,
}

/// Tables that nothing can be learnt from.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// No table was given.
    #[error("there is no table to learn from; give at least one folder")]
    NoTable,
    /// Too few rows.
    #[error(
        "{table}: {rows} prompts with split {split} and at least two graded models; at least {least} are needed"
    )]
    TooFew {
        /// Which table.
        table: String,
        /// Its rows.
        rows: usize,
        /// The split asked for.
        split: Split,
        /// What is needed.
        least: usize,
    },
    /// A table that compares nothing.
    #[error("{file}: {count} model with grades on the rows to learn from; routing needs at least two, so add another model's answers", file = file.display())]
    OneModel {
        /// Its outcomes.
        file: PathBuf,
        /// 0 or 1.
        count: usize,
    },
    /// A table without costs.
    #[error("{file}: column cost_usd is empty in every row to learn from; fill it in, with tokens times list price if nothing else is known", file = file.display())]
    NoCosts {
        /// Its outcomes.
        file: PathBuf,
    },
    /// A model that no table has.
    #[error("model `{model}` is in no table; the tables have {known}")]
    UnknownModel {
        /// Which one.
        model: String,
        /// What there is.
        known: String,
    },
    /// The encoder failed.
    #[error("the prompts cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The result cannot be written.
    #[error("the artifact cannot be made: {0}")]
    Artifact(#[from] ArtifactError),
}

/// Fewer prompts than this teach nothing that would survive a fold.
pub(crate) const LEAST_ROWS: usize = 20;

/// Learns from tables.
///
/// # Errors
/// [`TrainError`] where a table holds too little to learn from.
pub fn train(
    tables: &[Table],
    encoder: &dyn Encoder,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Artifact, Summary), TrainError> {
    if tables.is_empty() {
        return Err(TrainError::NoTable);
    }
    if let Some(models) = &options.models {
        known(models, tables)?;
    }
    let mut encoded = Vec::new();
    for table in tables {
        encoded.push(rows::encode(table, encoder, progress)?);
    }
    let mut parts = Vec::new();
    for (table, encoded) in tables.iter().zip(&encoded) {
        parts.push(part(table, encoded, table.rows(options.split), options)?);
    }
    let (body, summary) = fit(&parts, encoder.fingerprint(), options, progress);
    Ok((Artifact::new(body)?, summary))
}

/// The rows of a table that say something, and its models that have grades there.
pub(crate) fn part<'a>(
    table: &'a Table,
    encoded: &'a [rows::Encoded],
    rows: Vec<usize>,
    options: &TrainOptions,
) -> Result<rows::Part<'a>, TrainError> {
    let wanted = |name: &String| options.models.as_ref().is_none_or(|models| models.contains(name));
    let graded = |column: &usize| rows.iter().any(|row| table.row(*row)[*column].quality.is_some());
    let columns: Vec<usize> =
        (0..table.models.len()).filter(|column| wanted(&table.models[*column])).filter(graded).collect();
    if columns.len() < 2 {
        return Err(TrainError::OneModel { file: table.outcomes_file.clone(), count: columns.len() });
    }
    let costs = |row: &usize| columns.iter().any(|column| table.row(*row)[*column].cost_usd.is_some());
    if !rows.iter().any(costs) {
        return Err(TrainError::NoCosts { file: table.outcomes_file.clone() });
    }
    let grades =
        |row: &usize| columns.iter().filter(|column| table.row(*row)[**column].quality.is_some()).count();
    let rows: Vec<usize> = rows.iter().copied().filter(|row| grades(row) >= 2).collect();
    if rows.len() < LEAST_ROWS {
        let (table, rows, split) = (table.name.clone(), rows.len(), options.split);
        return Err(TrainError::TooFew { table, rows, split, least: LEAST_ROWS });
    }
    Ok(rows::Part { table, encoded, rows, columns })
}

fn known(models: &[String], tables: &[Table]) -> Result<(), TrainError> {
    for model in models {
        if !tables.iter().any(|table| table.models.contains(model)) {
            let mut known: Vec<&str> =
                tables.iter().flat_map(|table| table.models.iter().map(String::as_str)).collect();
            known.sort_unstable();
            known.dedup();
            return Err(TrainError::UnknownModel { model: model.clone(), known: known.join(", ") });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;

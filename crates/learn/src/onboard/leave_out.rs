//! What onboarding is worth: each model of a pool left out in turn and placed again by few of its answers.
//!
//! For each fold and model an artifact is trained on the other folds without that model, the model is placed by some of
//! its answers there, and its answers in the fold are foretold. The measure is the share of what all labels give: (Brier
//! score of the mean of the most answers - Brier score of the column) / (that of the mean - that of an artifact trained
//! with all of the model's labels). It is taken for each model and averaged over the pool.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::sync::Arc;

use pointsman_encode::{Encoder, stable_hash};
use pointsman_kernel::rng::Rng;
use pointsman_kernel::{Candidates, Estimates, Target};

use super::place::{OnboardError, place};
use crate::artifact::Artifact;
use crate::evaluate::{facts, signals};
use crate::table::{Split, Table};
use crate::train::rows::{Encoded, encode};
use crate::train::{Progress, TrainError, TrainOptions, train};

/// What is left out, and how.
#[derive(Clone, Debug)]
pub struct LeaveOut {
    /// Each is left out in turn; the others are known.
    pub pool: Vec<String>,
    /// Models that are known besides; the pool's own where empty.
    pub known: Vec<String>,
    /// Answers to place by; the last is the most.
    pub counts: Vec<usize>,
    /// Draws of answers for each count.
    pub draws: usize,
    /// Folds over all rows.
    pub folds: u64,
    /// The seed.
    pub seed: u64,
}

/// What one model's answers are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// Which model.
    pub model: String,
    /// Brier score of the mean of the most answers.
    pub by_mean: f64,
    /// Of an artifact that was trained with all labels.
    pub by_all: f64,
    /// Of the column, for each count.
    pub by_column: Vec<f64>,
}

/// Why it cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum LeaveOutError {
    /// An artifact cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A model cannot be placed.
    #[error(transparent)]
    Place(#[from] OnboardError),
}

impl LeftOut {
    /// The share of what all labels give, for each count.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        self.by_column.iter().map(|brier| (self.by_mean - brier) / (self.by_mean - self.by_all)).collect()
    }
}

/// Measures. The table's own splits are set aside.
///
/// # Errors
/// [`LeaveOutError`] where a fold holds too little.
pub fn leave_out(
    table: &Table,
    options: &LeaveOut,
    encoder: &dyn Encoder,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<LeftOut>, LeaveOutError> {
    let encoded = encode(table, encoder, progress).map_err(TrainError::from)?;
    let blank = |model: &String| LeftOut {
        model: model.clone(),
        by_mean: 0.0,
        by_all: 0.0,
        by_column: vec![0.0; options.counts.len()],
    };
    let mut all: Vec<LeftOut> = options.pool.iter().map(blank).collect();
    let mut answers = vec![0.0_f64; all.len()];
    let total = options.folds * (options.pool.len() as u64 + 1);
    let mut done = 0;
    let mut known = options.known.clone();
    known.extend(options.pool.iter().filter(|model| !options.known.contains(model)).cloned());
    for fold in 0..options.folds {
        let mut table = table.clone();
        for (prompt, encoded) in table.prompts.iter_mut().zip(&encoded) {
            // Other bits than training's own folds are cut by.
            let held = (encoded.key >> 32) % options.folds == fold;
            prompt.split = Some(if held { Split::Dev } else { Split::Train });
        }
        let mut train_without = |left_out: Option<&String>| {
            progress(Progress { stage: "training", done, total });
            done += 1;
            let models = known.iter().filter(|model| Some(*model) != left_out).cloned().collect();
            let options =
                TrainOptions { models: Some(models), seed: options.seed, ..TrainOptions::default() };
            train(std::slice::from_ref(&table), encoder, &options, &mut |_| {}).map(|(artifact, _)| artifact)
        };
        let whole = train_without(None)?;
        for (at, model) in options.pool.iter().enumerate() {
            let artifact = train_without(Some(model))?;
            answers[at] += one(&table, &encoded, encoder, &artifact, &whole, options, model, &mut all[at])?;
        }
    }
    for (one, answers) in all.iter_mut().zip(answers) {
        one.by_mean /= answers;
        one.by_all /= answers;
        one.by_column.iter_mut().for_each(|brier| *brier /= answers);
    }
    Ok(all)
}

/// Adds one fold's square errors of one model; returns how many answers they are over.
#[allow(clippy::too_many_arguments, reason = "one caller; what a fold shares")]
fn one(
    table: &Table,
    encoded: &[Encoded],
    encoder: &dyn Encoder,
    without: &Artifact,
    whole: &Artifact,
    options: &LeaveOut,
    model: &str,
    sums: &mut LeftOut,
) -> Result<f64, LeaveOutError> {
    let Some(column) = table.models.iter().position(|name| name == model) else { return Ok(0.0) };
    let graded = |row: &usize| table.row(*row)[column].quality.is_some();
    let grade = |row: &usize| f64::from(table.row(*row)[column].quality.unwrap_or_default());
    let mut seen: Vec<usize> = table.rows(Split::Train).into_iter().filter(graded).collect();
    let held: Vec<usize> = table.rows(Split::Dev).into_iter().filter(graded).collect();
    let errors = |artifact: &Artifact| -> f64 {
        let said = said(artifact, model, encoded, &held);
        said.iter().zip(&held).map(|(said, row)| (said - grade(row)).powi(2)).sum()
    };
    sums.by_all += errors(whole);
    let draws = options.draws as f64;
    let mut rng = Rng::new(options.seed ^ stable_hash(model.as_bytes()) ^ held.len() as u64);
    for _ in 0..options.draws {
        for at in (1..seen.len()).rev() {
            seen.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
        }
        let most = options.counts.iter().copied().max().unwrap_or(0).min(seen.len());
        let mean = seen[..most].iter().map(grade).sum::<f64>() / most.max(1) as f64;
        sums.by_mean += held.iter().map(|row| (mean - grade(row)).powi(2)).sum::<f64>() / draws;
        for (sum, count) in sums.by_column.iter_mut().zip(&options.counts) {
            // The answers to place by are marked as a part of their own.
            let mut marked = table.clone();
            for row in &seen[..(*count).min(seen.len())] {
                marked.prompts[*row].split = Some(Split::Test);
            }
            let (placed, _) =
                place(without, &marked, Split::Test, Some(&[model.to_owned()]), encoder, &mut |_| {})?;
            *sum += errors(&placed) / draws;
        }
    }
    Ok(held.len() as f64)
}

/// What the served estimator says of the model's quality on these rows.
fn said(artifact: &Artifact, model: &str, encoded: &[Encoded], rows: &[usize]) -> Vec<f64> {
    let Ok(estimator) = artifact.estimator(None) else { return vec![0.5; rows.len()] };
    let candidates = Candidates { kept: vec![Arc::new(Target::named(model))], ..Candidates::default() };
    let facts = facts(artifact.hash(), artifact.encoder());
    let one = |row: &usize| {
        let mut estimates = Estimates::default();
        estimator.estimate(
            &signals(&encoded[*row], encoded[*row].tokens),
            &facts,
            &candidates,
            &mut estimates,
        );
        estimates.list.first().map_or(0.5, |estimate| estimate.quality.mean)
    };
    rows.iter().map(one).collect()
}

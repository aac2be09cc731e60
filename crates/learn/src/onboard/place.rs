//! Places the new models of an outcome table among those of an artifact.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_encode::{EncodeError, Encoder};
use pointsman_kernel::{Candidates, Estimates, Target};

use super::Column;
use super::added::{Added, ENOUGH};
use crate::artifact::{Artifact, ArtifactError, Model};
use crate::evaluate::{facts, signals};
use crate::table::{Split, Table};
use crate::train::rows::{Encoded, Part, encode};
use crate::train::{Progress, price};

/// With fewer graded answers than this a model's level is a guess.
const LEAST: usize = 10;
/// Answers as long as the average model's that a new model's length is drawn to.
const LENGTH_PRIOR: f64 = 5.0;
/// Folds of the check.
const FOLDS: usize = 5;

/// What placed a model, and how well that foretells its own answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Its name.
    pub model: String,
    /// Graded answers.
    pub answers: u32,
    /// Their mean.
    pub mean_quality: f64,
    /// What the artifact expects of it over its training prompts.
    pub expected: f64,
    /// The trained model that is expected to be nearest to it.
    pub nearest: String,
    /// Mean square error of the served estimator's column about answers that it was not fitted to.
    pub brier: f64,
    /// Mean square error of the other answers' mean about the same ones.
    pub brier_of_mean: f64,
    /// It was there before and is replaced.
    pub again: bool,
}

/// A table by which nobody can be placed.
#[derive(Debug, thiserror::Error)]
pub enum OnboardError {
    /// Every model of the table is known.
    #[error("{table}: the artifact has learned every model of it ({models}); there is nobody to add")]
    Nobody {
        /// Which table.
        table: String,
        /// Its models.
        models: String,
    },
    /// A model that the table does not have.
    #[error("{table}: there is no model `{model}`; the table has {known}")]
    Unknown {
        /// Which table.
        table: String,
        /// What was asked for.
        model: String,
        /// What there is.
        known: String,
    },
    /// A model that the artifact was trained on.
    #[error("`{model}` was learned by this artifact from {rows} answers; train again to take in new ones")]
    Learned {
        /// Which one.
        model: String,
        /// By how many.
        rows: u32,
    },
    /// Too few answers.
    #[error(
        "{file}: `{model}` has {count} graded answers; {LEAST} are the least, 25 to 64 are meant, {ENOUGH} make it known",
        file = file.display()
    )]
    TooFew {
        /// The outcomes.
        file: PathBuf,
        /// Which model.
        model: String,
        /// How many.
        count: usize,
    },
    /// The artifact cannot be used here.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The encoder failed.
    #[error("the prompts cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
}

/// What is predicted for the trained models on the prompts of a table: for each head, prompt by prompt.
struct Known {
    heads: Vec<Vec<f32>>,
    /// Tokens of the average model's answer.
    length: Vec<f64>,
}

/// The artifact with the new models of the table added; `models` chooses among them.
///
/// # Errors
/// [`OnboardError`] where there is nobody to place or too little to place them by.
pub fn place(
    artifact: &Artifact,
    table: &Table,
    split: Split,
    models: Option<&[String]>,
    encoder: &dyn Encoder,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(Artifact, Vec<Placed>), OnboardError> {
    artifact.check_encoder(encoder.fingerprint())?;
    let columns = new_models(artifact, table, models)?;
    let rows = table.rows(split);
    let encoded = encode(table, encoder, progress)?;
    let known = known(artifact, &encoded, &rows, progress)?;
    let mut added = artifact.body.added.clone();
    let mut placed = Vec::new();
    for column in columns {
        let (one, told) = one(artifact, table, &encoded, &rows, &known, column)?;
        let name = one.model.name.clone();
        let again = added.iter().any(|other| other.is(&name));
        added.retain(|other| !other.is(&name));
        added.push(one);
        placed.push(Placed { again, ..told });
    }
    let body = crate::artifact::Body { added, ..(*artifact.body).clone() };
    Ok((Artifact::new(body)?, placed))
}

fn new_models(
    artifact: &Artifact,
    table: &Table,
    models: Option<&[String]>,
) -> Result<Vec<usize>, OnboardError> {
    let trained = |name: &str| artifact.body.trained(name).and_then(|at| artifact.body.models.get(at));
    let Some(models) = models else {
        let new: Vec<usize> =
            (0..table.models.len()).filter(|column| trained(&table.models[*column]).is_none()).collect();
        if new.is_empty() {
            return Err(OnboardError::Nobody { table: table.name.clone(), models: table.models.join(", ") });
        }
        return Ok(new);
    };
    let column = |model: &String| {
        if let Some(known) = trained(model) {
            return Err(OnboardError::Learned { model: model.clone(), rows: known.rows });
        }
        table.models.iter().position(|known| known == model).ok_or_else(|| OnboardError::Unknown {
            table: table.name.clone(),
            model: model.clone(),
            known: table.models.join(", "),
        })
    };
    models.iter().map(column).collect()
}

/// Asks every head about every trained model, as a route would.
fn known(
    artifact: &Artifact,
    encoded: &[Encoded],
    rows: &[usize],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Known, OnboardError> {
    let mut kept: Vec<Arc<Target>> =
        artifact.body.models.iter().map(|model| Arc::new(Target::named(&model.name))).collect();
    // A name that no artifact knows: its length is the average model's.
    kept.push(Arc::new(Target::named("\u{1}anyone")));
    let candidates = Candidates { kept, ..Candidates::default() };
    let facts = facts(artifact.hash(), artifact.encoder());
    let mut known = Known { heads: Vec::new(), length: Vec::new() };
    let names = artifact.names();
    for (done, name) in names.iter().enumerate() {
        progress(Progress { stage: "placing", done: done as u64, total: names.len() as u64 });
        let estimator = artifact.estimator(Some(name))?;
        let mut said = Vec::with_capacity(rows.len() * artifact.body.models.len());
        known.length.clear();
        for row in rows {
            let mut estimates = Estimates::default();
            let signals = signals(&encoded[*row], encoded[*row].tokens);
            estimator.estimate(&signals, &facts, &candidates, &mut estimates);
            known.length.extend(estimates.list.pop().map(|anyone| anyone.output_tokens.mean));
            said.extend(estimates.list.iter().map(|estimate| estimate.quality.mean as f32));
        }
        known.heads.push(said);
    }
    Ok(known)
}

/// One model.
fn one(
    artifact: &Artifact,
    table: &Table,
    encoded: &[Encoded],
    rows: &[usize],
    known: &Known,
    column: usize,
) -> Result<(Added, Placed), OnboardError> {
    let models = artifact.body.models.len();
    let cell = |at: &usize| table.row(rows[*at])[column];
    let graded: Vec<usize> = (0..rows.len()).filter(|at| cell(at).quality.is_some()).collect();
    let name = table.models[column].clone();
    if graded.len() < LEAST {
        let file = table.outcomes_file.clone();
        return Err(OnboardError::TooFew { file, model: name, count: graded.len() });
    }
    let grade = |at: &usize| cell(at).quality.unwrap_or_default();
    let fit = |head: &[f32], chosen: &[usize]| {
        let said: Vec<f32> =
            chosen.iter().flat_map(|at| head[at * models..(at + 1) * models].iter().copied()).collect();
        let grades: Vec<f32> = chosen.iter().map(grade).collect();
        Column::fit(&said, models, &grades)
    };
    let columns: Vec<Column> = known.heads.iter().map(|head| fit(head, &graded)).collect();
    let served = artifact.names().iter().position(|name| *name == artifact.default_name()).unwrap_or(0);
    let mean =
        |chosen: &[usize]| chosen.iter().map(|at| f64::from(grade(at))).sum::<f64>() / chosen.len() as f64;
    let (mut brier, mut brier_of_mean) = (0.0, 0.0);
    for fold in 0..FOLDS {
        let (held, seen): (Vec<usize>, Vec<usize>) = graded.iter().partition(|at| *at % FOLDS == fold);
        if seen.is_empty() {
            continue;
        }
        let (column, mean) = (fit(&known.heads[served], &seen), mean(&seen));
        for at in &held {
            let said = column.at(&known.heads[served][at * models..(at + 1) * models]);
            brier += f64::from(said - grade(at)).powi(2) / graded.len() as f64;
            brier_of_mean += (mean - f64::from(grade(at))).powi(2) / graded.len() as f64;
        }
    }
    let means: Vec<f32> = artifact.body.models.iter().map(|model| model.mean_quality as f32).collect();
    let expected = f64::from(columns[served].at(&means));
    let distance = |model: &&Model| (model.mean_quality - expected).abs();
    let nearest = artifact.body.models.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let part = Part { table, encoded, rows: rows.to_vec(), columns: vec![column] };
    let told = Placed {
        model: name.clone(),
        answers: graded.len() as u32,
        mean_quality: mean(&graded),
        expected,
        nearest: nearest.map(|model| model.name.clone()).unwrap_or_default(),
        brier,
        brier_of_mean,
        again: false,
    };
    let (costs, tokens): (Vec<f64>, Vec<f64>) = (
        (0..rows.len()).filter_map(|at| cell(&at).cost_usd).collect(),
        (0..rows.len()).filter_map(|at| cell(&at).output_tokens.map(f64::from)).collect(),
    );
    let average =
        |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let model = Model {
        rows: told.answers,
        mean_quality: told.mean_quality,
        mean_cost_usd: average(&costs),
        price: price::price(&[part], &name),
        output_tokens: average(&tokens),
        name,
    };
    let length = length(
        (0..rows.len()).filter_map(|at| Some((f64::from(cell(&at).output_tokens?), known.length[at]))),
    );
    Ok((Added { model, columns, length }, told))
}

/// How many times as long as the average model's its answers are; bills add up, so sums are compared.
fn length(pairs: impl Iterator<Item = (f64, f64)>) -> f32 {
    let (mut own, mut average, mut count) = (0.0, 0.0, 0.0);
    for (tokens, anyone) in pairs {
        own += tokens;
        average += anyone;
        count += 1.0;
    }
    if count == 0.0 || average <= 0.0 {
        return 1.0;
    }
    let prior = LENGTH_PRIOR * average / count;
    (((own + prior) / (average + prior)) as f32).clamp(0.02, 50.0)
}

/// As a person reads it.
impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, answers, mean_quality, expected, nearest, .. } = self;
        write!(
            f,
            "{model}: {mean_quality:.3} on {answers} graded answers; over the training prompts {expected:.3} is \
                   expected, near {nearest}\n  "
        )?;
        write!(
            f,
            "its answers are foretold with a Brier score of {:.4}; by their mean alone {:.4}\n  ",
            self.brier, self.brier_of_mean
        )?;
        if *answers < ENOUGH {
            write!(f, "provisional until it has {ENOUGH} graded answers")
        } else {
            f.write_str("known by enough answers")
        }
    }
}

//! Leave-one-model-out: what a few graded prompts tell of a model that nobody has trained on.
//!
//! The rows are cut in folds. In each fold and for each model of the pool, an artifact learns the other models from the
//! other folds; labels of the model that was left out are drawn from the held fold, so that no method sees a known model's
//! predictions on prompts it was trained on; the held rows that were not drawn are judged. Brier scores are means over
//! folds and draws.
//!
//! *Recovered* is the share of the way from the mean of 100 labels to all labels (the same artifact trained with the
//! model in it): `(Brier of the mean of 100 - Brier of the method) / (Brier of the mean of 100 - Brier with all)`, averaged
//! over the models.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluation code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;
use std::fmt;

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use pointsman_encode::Encoder;
use pointsman_kernel::rng::Rng;
use serde::Serialize;

use super::pool::{self, Pool};
use super::run::run;
use super::{EvalError, EvalOptions, cuts};
use crate::artifact::Artifact;
use crate::estimate::dot::dot;
use crate::onboard::Column;
use crate::table::Table;
use crate::train::rows::{Encoded, encode};
use crate::train::{Progress, TrainOptions, fit, part};

/// Numbers of labels tried.
const LABELS: [usize; 4] = [10, 25, 50, 100];
/// Folds where the options name none.
const FOLDS: usize = 3;
/// Draws of labels in each fold.
const DRAWS: u64 = 10;
/// Neighbours of the nearest-neighbour method, and the pull of the ridge on vectors of norm 1.
const NEIGHBOURS: usize = 10;
const RIDGE: f64 = 1.0;
/// The methods in the order of [`Scores`].
const METHODS: [&str; 4] = ["mean", "knn", "ridge", "column"];

/// What onboarding recovers.
#[derive(Clone, Debug, Serialize)]
pub struct OnboardingReport {
    /// The table.
    pub data: String,
    /// Rows.
    pub prompts: usize,
    /// Each left out in turn.
    pub models: Vec<String>,
    /// The encoder's short name.
    pub encoder: String,
    /// Folds.
    pub folds: usize,
    /// Draws of labels in each.
    pub draws: u64,
    /// For each method and number of labels, the share recovered.
    pub recovered: BTreeMap<String, BTreeMap<String, f64>>,
    /// For each model the Brier scores of the mean of 100 labels, of all labels, and of each method.
    pub brier: BTreeMap<String, ModelBrier>,
}

/// One model left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModelBrier {
    /// The mean of 100 labels for every prompt.
    pub mean_of_100: f64,
    /// Trained with all labels of the other folds.
    pub all_labels: f64,
    /// For each method and number of labels.
    pub methods: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Sums of squared errors and how many there were, by method and number of labels.
type Scores = [[(f64, f64); LABELS.len()]; METHODS.len()];

/// Leaves each model of the pool out in turn.
///
/// # Errors
/// [`EvalError`] where the table or the pool do not allow it.
pub fn onboarding(
    table: &Table,
    encoder: &dyn Encoder,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<OnboardingReport, EvalError> {
    let folds = options.folds.unwrap_or(FOLDS);
    let options = EvalOptions { folds: Some(folds), leave_out_datasets: false, ..options.clone() };
    let candidates = table.rows(options.split);
    let (columns, rows) = pool::choose(table, &candidates, &options)?;
    if columns.len() < 3 {
        let file = table.outcomes_file.clone();
        return Err(EvalError::NoPool { file, count: columns.len(), rows: rows.len() });
    }
    let encoded = encode(table, encoder, progress)?;
    let cuts = cuts::cuts(table, &encoded, (&candidates, &rows), &options)?;
    let least = cuts.iter().map(|cut| cut.held.len()).min().unwrap_or(0);
    if least < 2 * LABELS[LABELS.len() - 1] {
        return Err(EvalError::TooFewToOnboard { table: table.name.clone(), rows: least, folds });
    }
    let scene = Scene { table, encoded: &encoded, encoder, options: &options };
    let total = (cuts.len() * (columns.len() + 1)) as u64;
    let mut done = 0;
    let mut scores = vec![(Scores::default(), (0.0, 0.0)); columns.len()];
    for (fold, cut) in cuts.iter().enumerate() {
        let with_all = scene.predict(&columns, &cut.seen, &cut.held)?;
        done += 1;
        for (at, left_out) in columns.iter().enumerate() {
            progress(Progress { stage: "leaving models out", done, total });
            let known: Vec<usize> = columns.iter().copied().filter(|column| column != left_out).collect();
            let predicted = scene.predict(&known, &cut.seen, &cut.held)?;
            let grades: Vec<f32> = cut.held.iter().map(|row| scene.grade(*row, *left_out)).collect();
            let held = Held { rows: &cut.held, grades: &grades, known: known.len(), predicted: &predicted };
            for draw in 0..DRAWS {
                held.score(&scene, draw ^ ((fold as u64) << 32), &mut scores[at].0);
            }
            for (row, grade) in grades.iter().enumerate() {
                add(&mut scores[at].1, with_all[row * columns.len() + at], *grade);
            }
            done += 1;
        }
    }
    let names = columns.iter().map(|column| table.models[*column].clone());
    let brier: BTreeMap<String, ModelBrier> =
        names.clone().zip(&scores).map(|(name, (scores, all))| (name, model(scores, *all))).collect();
    Ok(OnboardingReport {
        data: table.name.clone(),
        prompts: rows.len(),
        models: names.collect(),
        encoder: encoder.fingerprint().split(':').next().unwrap_or_default().to_owned(),
        folds,
        draws: DRAWS,
        recovered: recovered(&brier),
        brier,
    })
}

/// What every fold is about.
struct Scene<'a> {
    table: &'a Table,
    encoded: &'a [Encoded],
    encoder: &'a dyn Encoder,
    options: &'a EvalOptions,
}

impl Scene<'_> {
    fn grade(&self, row: usize, column: usize) -> f32 {
        self.table.row(row)[column].quality.unwrap_or_default()
    }

    /// What the default estimator of `columns`, learnt from `seen`, says of `held`, row by row.
    fn predict(&self, columns: &[usize], seen: &[usize], held: &[usize]) -> Result<Vec<f32>, EvalError> {
        let names = columns.iter().map(|column| self.table.models[*column].clone()).collect();
        let options = TrainOptions {
            models: Some(names),
            seed: self.options.seed,
            served_only: true,
            ..TrainOptions::default()
        };
        let part = part(self.table, self.encoded, seen.to_vec(), &options)?;
        let (body, _) = fit(&[part], self.encoder.fingerprint(), &options, &mut |_| {});
        let artifact = Artifact::new(body)?;
        let pool = Pool::new(self.table, self.encoded, &artifact, columns.to_vec(), self.options);
        let name = artifact.default_name();
        let run = run(&artifact, name, self.table, self.encoded, self.encoder, &pool, held)?;
        Ok(run.predicted.quality)
    }
}

/// The held rows of one fold, for one model left out.
struct Held<'a> {
    rows: &'a [usize],
    grades: &'a [f32],
    known: usize,
    predicted: &'a [f32],
}

impl Held<'_> {
    fn known(&self, place: usize) -> &[f32] {
        &self.predicted[place * self.known..(place + 1) * self.known]
    }

    /// Draws labels and judges every method on the rest; fewer labels are the first of more.
    fn score(&self, scene: &Scene<'_>, seed: u64, scores: &mut Scores) {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let mut rng = Rng::new(seed);
        for at in (1..order.len()).rev() {
            order.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
        }
        let (drawn, rest) = order.split_at(LABELS[LABELS.len() - 1]);
        let vector = |place: usize| &*scene.encoded[self.rows[place]].vector;
        for (size, count) in LABELS.iter().enumerate() {
            let drawn = &drawn[..*count];
            let grades: Vec<f32> = drawn.iter().map(|place| self.grades[*place]).collect();
            let vectors: Vec<&[f32]> = drawn.iter().map(|place| vector(*place)).collect();
            let known: Vec<f32> = drawn.iter().flat_map(|place| self.known(*place).to_vec()).collect();
            let mean = grades.iter().sum::<f32>() / *count as f32;
            let weights = ridge(&vectors, &grades, mean);
            let column = Column::fit(&known, self.known, &grades);
            for place in rest {
                let x = vector(*place);
                let near: Vec<f32> = vectors.iter().map(|other| dot(other, x)).collect();
                let linear = near.iter().zip(&weights).map(|(k, w)| k * w).sum::<f32>();
                let said = [
                    mean,
                    nearest(&near, &grades),
                    (mean + linear).clamp(0.0, 1.0),
                    column.at(self.known(*place)),
                ];
                for (method, said) in said.into_iter().enumerate() {
                    add(&mut scores[method][size], said, self.grades[*place]);
                }
            }
        }
    }
}

/// Mean grade of the nearest labels.
fn nearest(near: &[f32], grades: &[f32]) -> f32 {
    let mut order: Vec<usize> = (0..near.len()).collect();
    order.sort_by(|a, b| near[*b].total_cmp(&near[*a]).then(a.cmp(b)));
    let count = NEIGHBOURS.min(order.len()).max(1);
    order.iter().take(count).map(|at| grades[*at]).sum::<f32>() / count as f32
}

/// The weights of the labels in a ridge of what is left of the mean, in its dual form.
fn ridge(vectors: &[&[f32]], grades: &[f32], mean: f32) -> Vec<f32> {
    let count = vectors.len();
    let kernel = Mat::from_fn(count, count, |a, b| {
        f64::from(dot(vectors[a], vectors[b])) + if a == b { RIDGE } else { 0.0 }
    });
    let target = Col::from_fn(count, |at| f64::from(grades[at] - mean));
    match kernel.llt(Side::Lower) {
        Ok(solver) => solver.solve(&target).iter().map(|weight| *weight as f32).collect(),
        Err(_) => vec![0.0; count],
    }
}

fn add(sum: &mut (f64, f64), said: f32, came: f32) {
    *sum = (sum.0 + f64::from(said - came).powi(2), sum.1 + 1.0);
}

fn model(scores: &Scores, all: (f64, f64)) -> ModelBrier {
    let brier = |(sum, count): (f64, f64)| sum / f64::max(count, 1.0);
    let by_labels = |own: &[(f64, f64); LABELS.len()]| {
        LABELS.iter().zip(own).map(|(labels, score)| (labels.to_string(), brier(*score))).collect()
    };
    ModelBrier {
        mean_of_100: brier(scores[0][LABELS.len() - 1]),
        all_labels: brier(all),
        methods: METHODS
            .iter()
            .zip(scores)
            .map(|(method, own)| ((*method).to_owned(), by_labels(own)))
            .collect(),
    }
}

fn recovered(brier: &BTreeMap<String, ModelBrier>) -> BTreeMap<String, BTreeMap<String, f64>> {
    let share = |method: &str, labels: usize| {
        let of = |own: &ModelBrier| {
            let method = own.methods.get(method)?.get(&labels.to_string())?;
            Some((own.mean_of_100 - method) / (own.mean_of_100 - own.all_labels))
        };
        let shares: Vec<f64> = brier.values().filter_map(of).collect();
        shares.iter().sum::<f64>() / shares.len().max(1) as f64
    };
    let by_labels =
        |method: &str| LABELS.iter().map(|labels| (labels.to_string(), share(method, *labels))).collect();
    METHODS.iter().map(|method| ((*method).to_owned(), by_labels(method))).collect()
}

impl fmt::Display for OnboardingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (data, prompts, models) = (&self.data, self.prompts, self.models.len());
        writeln!(
            f,
            "{data}: each of {models} models left out in turn, {prompts} prompts in {} folds",
            self.folds
        )?;
        writeln!(
            f,
            "share of the way from the mean of 100 labels to all labels, {} draws a fold",
            self.draws
        )?;
        writeln!(f)?;
        write!(f, "{:<10}", "labels")?;
        LABELS.iter().try_for_each(|labels| write!(f, " {labels:>8}"))?;
        for method in METHODS {
            write!(f, "\n{method:<10}")?;
            for labels in LABELS {
                let share = self.recovered.get(method).and_then(|own| own.get(&labels.to_string()));
                write!(f, " {:>6.1} %", 100.0 * share.copied().unwrap_or(f64::NAN))?;
            }
        }
        Ok(())
    }
}

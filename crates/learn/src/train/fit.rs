//! All estimators from joined rows, with what each predicts out of fold.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use sha2::{Digest, Sha256};

use crate::artifact::{Body, Model, Notes};
use crate::estimate::constant::Constant;
use crate::estimate::linear::Linear;
use crate::estimate::{Head, Named, predict};
use crate::lengths::Lengths;
use crate::train::rows::{FOLDS, Part, Rows};
use crate::train::stack::OutOfFold;
use crate::train::summary::Judged;
use crate::train::{
    Progress, Summary, TrainOptions, calibrate, extra, knn, landmarks, likeness, moe, placing, price, ridge,
    stack, tasks, trees, words,
};

/// Answers that a model's curve is drawn to the common one by.
const CURVE_STRENGTH: f64 = 400.0;
/// How much stronger than cross-validation asks the penalties are.
const STRENGTH: f64 = 3.0;
/// Calls that the scale of costs is made from.
const REFERENCE: usize = 48;
/// Answers shorter than this are choices of a letter, which is not what a gateway serves.
const LEAST_ANSWER: f32 = 16.0;
/// Heads, in the artifact's order. A mixture stands after those it mixes.
const NAMES: [&str; 9] =
    ["constant", "ridge", "knn", "words", "landmarks", "tasks", "trees", "moma", "stack"];
/// The place of MoMA's head, and after it of the mixture.
const MOMA: usize = 7;
const STACK: usize = 8;
/// Those a mixture is made of: every one but the constants.
const MIXED: std::ops::RangeInclusive<usize> = 1..=MOMA;

/// What every head predicts for rows that it did not see, rows by models; and the means it was judged against.
struct Folds {
    means: Vec<f32>,
    predicted: Vec<Vec<f32>>,
    scores: Vec<f32>,
}

/// The content of an artifact, and how its heads did out of fold.
pub(crate) fn fit(
    parts: &[Part<'_>],
    fingerprint: &str,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> (Body, Summary) {
    let rows = Rows::join(parts);
    let all: Vec<usize> = (0..rows.len()).collect();
    let mean = rows.means(&all);
    let recipe = moe::Recipe::default();
    let names: Vec<&str> = NAMES.iter().chain(extra::names(options)).copied().collect();
    let total = ((FOLDS + 1) * (recipe.mixtures + MOMA + extra::names(options).len())) as u64;
    let mut done = 0;
    let mut tick = |steps: u64| {
        done += steps;
        progress(Progress { stage: "training", done, total });
    };

    let mut folds = out_of_fold(&rows, &mean, recipe, options, &mut tick);
    let curves = curves(&rows, &folds.scores, &mean);
    apply(&curves, &folds.scores, &mut folds.predicted[MOMA]);

    let mut experts = moe::fit(&rows, &all, &mean, recipe, options.seed, &mut || tick(1));
    experts.curve = curves;
    let mut heads = simple(&rows, &all, &mean, options.seed, &mut tick);
    let mixed: Vec<OutOfFold> =
        MIXED.map(|head| OutOfFold { head, predicted: folds.predicted[head].clone() }).collect();
    let mixture = stack::fit(&rows, &mean, &folds.means, &mixed);
    folds.predicted[STACK] = mixture_out_of_fold(&rows, &folds, &mixture);
    heads.push(Head::Moma(experts));
    heads.push(Head::Stack(mixture));
    heads.extend(extra::fit(&rows, &all, &mean, options, &mut tick));
    let heads: Vec<Named> = names
        .iter()
        .zip(heads)
        .zip(&folds.predicted)
        .map(|((name, head), predicted)| Named {
            name: (*name).to_owned(),
            head,
            sd: spreads(&rows, predicted),
        })
        .collect();

    let mut body = Body {
        encoder: fingerprint.to_owned(),
        notes: notes(parts, options),
        models: models(parts, &rows, &mean),
        input: rows.input.clone(),
        heads,
        default: String::new(),
        lengths: lengths(&rows, &all),
        likeness: likeness::fit(&rows, options.seed),
        reference: reference(parts),
        ..Body::default()
    };
    body.prior = placing::fit(&body, &rows);
    let judged: Vec<Judged<'_>> =
        names.iter().zip(&folds.predicted).map(|(name, predicted)| Judged { name, predicted }).collect();
    let summary = Summary::new(parts, &rows, &body, &judged);
    body.default = summary.default.clone();
    (body, summary)
}

fn out_of_fold(
    rows: &Rows,
    mean: &[f32],
    recipe: moe::Recipe,
    options: &TrainOptions,
    tick: &mut dyn FnMut(u64),
) -> Folds {
    let seed = options.seed;
    let models = mean.len();
    let size = rows.len() * models;
    let mut folds = Folds {
        means: vec![0.0; size],
        predicted: vec![vec![0.0; size]; NAMES.len() + extra::names(options).len()],
        scores: vec![0.0; size],
    };
    let mut out = Vec::new();
    for fold in 0..FOLDS {
        let (held, seen): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|row| rows.fold[*row] == fold);
        let mut means = rows.means(&seen);
        for (own, all) in means.iter_mut().zip(mean) {
            *own = if own.is_nan() { *all } else { *own };
        }
        let heads = simple(rows, &seen, &means, seed, tick);
        let experts = moe::fit(rows, &seen, &means, recipe, seed ^ fold as u64, &mut || tick(1));
        let others = extra::fit(rows, &seen, &means, options, tick);
        for row in held {
            let at = row * models..(row + 1) * models;
            folds.means[at.clone()].copy_from_slice(&means);
            let others = others.iter().enumerate().map(|(at, head)| (NAMES.len() + at, head));
            for (place, head) in heads.iter().enumerate().chain(others) {
                predict(&[], head, rows.view(row), &mut out);
                folds.predicted[place][at.clone()].copy_from_slice(&out);
            }
            experts.scores(rows.x(row), &mut out);
            folds.scores[at].copy_from_slice(&out);
        }
    }
    folds
}

/// The heads that stand before MoMA's, in the artifact's order.
fn simple(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64, tick: &mut dyn FnMut(u64)) -> Vec<Head> {
    let fitters: [&dyn Fn() -> Head; MOMA] = [
        &|| Head::Constant(Constant { mean: mean.to_vec() }),
        &|| Head::Ridge(ridge::fit(rows, chosen, mean, STRENGTH, Rows::quality)),
        &|| Head::Knn(knn::fit(rows, chosen, mean, seed)),
        &|| Head::Words(words::fit(rows, chosen, mean)),
        &|| Head::Landmarks(landmarks::fit(rows, chosen, mean, seed)),
        &|| Head::Tasks(tasks::fit(rows, chosen, mean, seed)),
        &|| Head::Trees(trees::fit(rows, chosen, mean, seed)),
    ];
    let fit = |fit: &&dyn Fn() -> Head| {
        let head = fit();
        tick(1);
        head
    };
    fitters.iter().map(fit).collect()
}

/// Pairs of what was said and what came, for one model.
fn pairs(rows: &Rows, said: &[f32], model: usize) -> Vec<(f32, f32)> {
    let models = rows.models.len();
    let pair = |row: usize| (said[row * models + model], rows.quality(row)[model]);
    (0..rows.len()).map(pair).filter(|(_, grade)| !grade.is_nan()).collect()
}

/// Each model's curve, drawn to the curve of its table's models together.
fn curves(rows: &Rows, scores: &[f32], mean: &[f32]) -> Vec<(f32, f32)> {
    let mut curves = vec![(1.0, 0.0); mean.len()];
    for group in &rows.groups {
        let together: Vec<(f32, f32)> = group.iter().flat_map(|model| pairs(rows, scores, *model)).collect();
        let common = calibrate::curve(&together, (1.0, 0.0), 50.0);
        for model in group {
            curves[*model] = calibrate::curve(&pairs(rows, scores, *model), common, CURVE_STRENGTH);
        }
    }
    curves
}

fn apply(curves: &[(f32, f32)], scores: &[f32], out: &mut [f32]) {
    for (out, scores) in out.chunks_mut(curves.len()).zip(scores.chunks(curves.len())) {
        for ((out, score), (slope, shift)) in out.iter_mut().zip(scores).zip(curves) {
            *out = crate::estimate::dot::sigmoid(slope * score + shift);
        }
    }
}

fn mixture_out_of_fold(rows: &Rows, folds: &Folds, mixture: &crate::estimate::stack::Stack) -> Vec<f32> {
    let models = rows.models.len();
    let mut out = folds.means.clone();
    for (row, out) in out.chunks_mut(models.max(1)).enumerate() {
        let at = row * models;
        for member in &mixture.members {
            let said = &folds.predicted[member.head as usize];
            for group in &mixture.groups {
                let of = |model: u32| said[at + model as usize] - folds.means[at + model as usize];
                let common = group.iter().map(|model| of(*model)).sum::<f32>() / group.len() as f32;
                for model in group {
                    out[*model as usize] +=
                        member.common * common + member.difference * (of(*model) - common);
                }
            }
        }
        out.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    }
    out
}

fn spreads(rows: &Rows, predicted: &[f32]) -> Vec<f32> {
    (0..rows.models.len()).map(|model| calibrate::spread(&pairs(rows, predicted, model))).collect()
}

fn lengths(rows: &Rows, all: &[usize]) -> Lengths {
    let models = rows.models.len();
    let mut sums = vec![(0.0_f64, 0.0_f64); models];
    for row in all {
        for (sum, value) in sums.iter_mut().zip(rows.log_tokens(*row)).filter(|(_, value)| !value.is_nan()) {
            *sum = (sum.0 + f64::from(*value), sum.1 + 1.0);
        }
    }
    let known: Vec<f64> =
        sums.iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count).collect();
    // Where no table records lengths: an answer of some 200 tokens, give or take a factor of two and a half.
    let usual = if known.is_empty() { 5.3 } else { known.iter().sum::<f64>() / known.len() as f64 };
    let start: Vec<f32> =
        sums.iter().map(|(sum, count)| if *count > 0.0 { sum / count } else { usual } as f32).collect();
    let log_tokens = ridge::fit(rows, all, &start, 1.0, Rows::log_tokens);
    let mut errors = vec![(0.0_f64, 0.0_f64); models];
    let mut out = Vec::new();
    for row in all {
        log_tokens.predict(rows.x(*row), &mut out);
        let pairs = out.iter().zip(rows.log_tokens(*row));
        for (error, (said, came)) in errors.iter_mut().zip(pairs).filter(|(_, (_, came))| !came.is_nan()) {
            *error = (error.0 + f64::from(said - came).powi(2), error.1 + 1.0);
        }
    }
    let sd: Vec<f32> = errors
        .iter()
        .map(|(sum, count)| if *count > 0.0 { (sum / count).sqrt().clamp(0.05, 1.5) } else { 0.9 } as f32)
        .collect();
    let counted: Vec<usize> = (0..models).filter(|model| errors[*model].1 > 0.0).collect();
    let mut anyone = Linear { base: vec![usual as f32], weights: vec![0.0; rows.dims] };
    for model in &counted {
        let row = &log_tokens.weights[model * rows.dims..(model + 1) * rows.dims];
        crate::estimate::dot::add_scaled(&mut anyone.weights, row, 1.0 / counted.len() as f32);
    }
    Lengths { log_tokens, sd, anyone, anyone_sd: 0.9 }
}

fn models(parts: &[Part<'_>], rows: &Rows, mean: &[f32]) -> Vec<Model> {
    let of = |(at, name): (usize, &String)| {
        let mut model = Model {
            name: name.clone(),
            rows: 0,
            mean_quality: f64::from(mean[at]),
            mean_cost_usd: None,
            price: price::price(parts, name),
            output_tokens: None,
        };
        let (mut cost, mut tokens) = ((0.0, 0.0), (0.0, 0.0));
        for part in parts {
            let Some(column) = part.columns.iter().find(|column| part.table.models[**column] == *name) else {
                continue;
            };
            for row in &part.rows {
                let cell = part.table.row(*row)[*column];
                model.rows += u32::from(cell.quality.is_some());
                if let Some(usd) = cell.cost_usd {
                    cost = (cost.0 + usd, cost.1 + 1.0);
                }
                if let Some(count) = cell.output_tokens {
                    tokens = (tokens.0 + f64::from(count), tokens.1 + 1.0);
                }
            }
        }
        let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
        model.mean_cost_usd = mean(cost);
        model.output_tokens = mean(tokens);
        model
    };
    rows.models.iter().enumerate().map(of).collect()
}

/// Calls spread evenly over the training data from the shortest to the longest.
fn reference(parts: &[Part<'_>]) -> Vec<(u32, u32)> {
    let mut calls = Vec::new();
    let mut prompts = Vec::new();
    for part in parts {
        for row in &part.rows {
            prompts.push((part.encoded[*row].tokens, 250));
            for column in &part.columns {
                let cell = part.table.row(*row)[*column];
                if let (Some(input), Some(output)) = (cell.input_tokens, cell.output_tokens)
                    && output >= LEAST_ANSWER
                {
                    calls.push((input as u32, output as u32));
                }
            }
        }
    }
    let mut calls = if calls.len() < REFERENCE { prompts } else { calls };
    calls.sort_unstable_by_key(|(input, output)| (input + 4 * output, *input));
    let last = calls.len().saturating_sub(1);
    (0..REFERENCE).filter_map(|at| calls.get(at * last / (REFERENCE - 1)).copied()).collect()
}

fn notes(parts: &[Part<'_>], options: &TrainOptions) -> Notes {
    let mut digest = Sha256::new();
    let mut sources = Vec::new();
    for part in parts {
        digest.update(part.table.hash());
        let models = part.columns.len();
        sources.push(format!(
            "{} ({}): {} prompts, {models} models",
            part.table.name,
            part.table.hash(),
            part.rows.len()
        ));
    }
    Notes {
        sources,
        data_hash: digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        prompts: parts.iter().map(|part| part.rows.len() as u32).sum(),
        licences: options.licences.clone(),
        trained_by: env!("CARGO_PKG_VERSION").to_owned(),
        seed: options.seed,
    }
}

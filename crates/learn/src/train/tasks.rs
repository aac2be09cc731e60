//! Fits the guess of the task and each model's mean on each task.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::{add_scaled, dot};
use crate::estimate::linear::Linear;
use crate::estimate::tasks::{Tasks, softmax};
use crate::train::rows::Rows;
use crate::train::{adamw::AdamW, kmeans};

/// Answers that a model's mean over all prompts weighs beside its mean on one task.
const PRIOR: f32 = 20.0;
/// A kind of fewer prompts than this is not told apart.
const LEAST: usize = 8;
/// Kinds where the tables name none: clusters.
const CLUSTERS: usize = 16;
const BATCH: usize = 64;
const STEPS: usize = 2400;
const RATE: f32 = 0.02;
const DECAY: f32 = 0.02;
/// The dense input's norm is about the square root of two; the softmax wants larger steps.
const SCALE: f32 = 3.0;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> Tasks {
    let mut rng = Rng::new(seed);
    let (names, kind) = kinds(rows, chosen, &mut rng);
    let models = mean.len();
    let mut sums = vec![(0.0_f32, 0.0_f32); names.len() * models];
    // The mean of the same table's prompts, so that a table of easy prompts makes none of its kinds look good.
    for (row, kind) in chosen.iter().zip(&kind) {
        let Some(kind) = kind else { continue };
        for (model, value) in rows.quality(*row).iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let sum = &mut sums[kind * models + model];
            *sum = (sum.0 + value - mean[model], sum.1 + 1.0);
        }
    }
    Tasks {
        odds: odds(rows, chosen, &kind, names.len(), &mut rng),
        names,
        mean: mean.to_vec(),
        departures: sums.iter().map(|(sum, count)| sum / (count + PRIOR)).collect(),
    }
}

/// Names of the kinds, and the kind of each chosen row; none for one too rare.
fn kinds(rows: &Rows, chosen: &[usize], rng: &mut Rng) -> (Vec<String>, Vec<Option<usize>>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in chosen {
        if let Some(task) = &rows.task[*row] {
            *counts.entry(task).or_default() += 1;
        }
    }
    counts.retain(|_, count| *count >= LEAST);
    if counts.len() < 2 {
        let views: Vec<&[f32]> = chosen.iter().map(|row| rows.view(*row).axes.as_slice()).collect();
        let count = CLUSTERS.min(chosen.len() / LEAST).max(1);
        let centres = kmeans::centres(&views, rows.input.axes(), count, rng);
        let nearest = |view: &&[f32]| {
            let distance = |at: &usize| dot(&centres[*at], &centres[*at]) - 2.0 * dot(view, &centres[*at]);
            (0..count).min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        let names = (0..count).map(|at| format!("cluster {at}")).collect();
        return (names, views.iter().map(nearest).collect());
    }
    let places: BTreeMap<&str, usize> = counts.keys().enumerate().map(|(at, name)| (*name, at)).collect();
    let kind = |row: &usize| rows.task[*row].as_deref().and_then(|task| places.get(task).copied());
    (places.keys().map(|name| (*name).to_owned()).collect(), chosen.iter().map(kind).collect())
}

/// Softmax regression on the main axes.
fn odds(rows: &Rows, chosen: &[usize], kind: &[Option<usize>], kinds: usize, rng: &mut Rng) -> Linear {
    let dims = rows.input.axes();
    let mut map = Linear { base: vec![0.0; kinds], weights: vec![0.0; kinds * dims] };
    let (mut base_slope, mut slope) = (map.base.clone(), map.weights.clone());
    let (mut base_step, mut step) = (AdamW::new(kinds, 0.0), AdamW::new(kinds * dims, DECAY));
    let known: Vec<(usize, usize)> =
        chosen.iter().zip(kind).filter_map(|(row, kind)| Some((*row, (*kind)?))).collect();
    if known.is_empty() {
        return map;
    }
    let mut chances = Vec::new();
    let mut x = vec![0.0; dims];
    for at in 0..STEPS {
        for _ in 0..BATCH {
            let (row, kind) = known[(rng.next_u64() % known.len() as u64) as usize];
            for (x, value) in x.iter_mut().zip(&rows.view(row).axes) {
                *x = SCALE * value;
            }
            map.predict(&x, &mut chances);
            softmax(&mut chances);
            chances[kind] -= 1.0;
            for (kind, chance) in chances.iter().enumerate() {
                let chance = chance / BATCH as f32;
                base_slope[kind] += chance;
                add_scaled(&mut slope[kind * dims..(kind + 1) * dims], &x, chance);
            }
        }
        let rate = RATE * (1.0 - at as f32 / STEPS as f32);
        base_step.step(&mut map.base, &mut base_slope, rate);
        step.step(&mut map.weights, &mut slope, rate);
    }
    map.weights.iter_mut().for_each(|weight| *weight *= SCALE);
    map
}

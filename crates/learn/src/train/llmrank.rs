//! Fits the map from readable features to quality: half by what each model is worth on the prompt (square error), half by
//! who is worth more (divergence of the two softmaxes), as LLMRank's loss has it.
//!
//! Weights are a part that all models share and a part of each model's own; the latter is held back more, by as much as rows
//! that were not seen ask for.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_encode::Features;
use pointsman_kernel::rng::Rng;

use crate::estimate::dot::{add_scaled, dot};
use crate::estimate::linear::Linear;
use crate::estimate::llmrank::{EXTRA, LlmRank};
use crate::estimate::tasks::softmax;
use crate::train::adamw::AdamW;
use crate::train::centres;
use crate::train::rows::Rows;

/// Kinds of prompt that the two numbers of like prompts are read off, at most.
const CLUSTERS: usize = 32;
/// Prompts as usual that a kind is drawn to.
const PRIOR: f32 = 20.0;
/// Share of the square error in the loss; the rest is the ranking's.
const POINTWISE: f32 = 0.5;
/// Quality that makes a model `e` times as worthy of choice.
const TEMPERATURE: f32 = 0.3;
/// Decays of the models' own parts that are tried, from the strongest.
const DECAYS: [f32; 4] = [10.0, 3.0, 1.0, 0.3];
const SHARED_DECAY: f32 = 0.1;
const BATCH: usize = 32;
const STEPS: usize = 2000;
const RATE: f32 = 0.003;
/// A feature's standard deviation is about an eighth.
const SCALE: f32 = 4.0;
const INPUTS: usize = Features::COUNT + EXTRA;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> LlmRank {
    let (judged, seen) = centres::parted(rows, chosen);
    let part = nearby(rows, &seen, seed);
    let mut best = (f64::INFINITY, DECAYS[0]);
    for decay in DECAYS {
        let map = learn(rows, &seen, mean, &part, decay, seed);
        let loss = loss(rows, &judged, &LlmRank { map, ..part.clone() });
        if loss < best.0 * 0.9995 {
            best = (loss, decay);
        }
    }
    let all = nearby(rows, chosen, seed);
    LlmRank { map: learn(rows, chosen, mean, &all, best.1, seed), ..all }
}

/// How easy the prompts about each centre were, and how far they set models apart, beside their table's.
fn nearby(rows: &Rows, chosen: &[usize], seed: u64) -> LlmRank {
    let centres = centres::fit(rows, chosen, CLUSTERS, &mut Rng::new(seed));
    let told: Vec<Option<[f32; EXTRA]>> =
        chosen.iter().map(|row| level_and_spread(rows.quality(*row))).collect();
    let mut usual = vec![([0.0_f32; EXTRA], 0.0_f32); rows.groups.len()];
    for (row, told) in chosen.iter().zip(&told) {
        let Some(told) = told else { continue };
        let sum = &mut usual[rows.group[*row]];
        sum.1 += 1.0;
        add_scaled(&mut sum.0, told, 1.0);
    }
    let mut sums = vec![([0.0_f32; EXTRA], 0.0_f32); centres.count()];
    for (row, told) in chosen.iter().zip(&told) {
        let Some(told) = told else { continue };
        let (total, count) = usual[rows.group[*row]];
        for (cluster, share) in centres.near(&rows.view(*row).axes) {
            let sum = &mut sums[cluster];
            sum.1 += share;
            add_scaled(&mut sum.0, told, share);
            add_scaled(&mut sum.0, &total, -share / count);
        }
    }
    let nearby = sums.iter().map(|(sum, count)| sum.map(|value| value / (count + PRIOR))).collect();
    LlmRank { centres, nearby, map: Linear::default() }
}

/// Mean and standard deviation of what is known of a row.
fn level_and_spread(grades: &[f32]) -> Option<[f32; EXTRA]> {
    let known = || grades.iter().filter(|grade| !grade.is_nan());
    let count = known().count() as f32;
    let mean = known().sum::<f32>() / count;
    let spread = (known().map(|grade| (grade - mean).powi(2)).sum::<f32>() / count).sqrt();
    (count > 0.0).then_some([mean, spread])
}

fn learn(rows: &Rows, chosen: &[usize], mean: &[f32], part: &LlmRank, decay: f32, seed: u64) -> Linear {
    let mut rng = Rng::new(seed);
    let models = mean.len();
    let inputs: Vec<Vec<f32>> = chosen
        .iter()
        .map(|row| part.input(rows.view(*row)).iter().map(|value| SCALE * value).collect())
        .collect();
    let (mut base, mut base_slope) = (mean.to_vec(), vec![0.0; models]);
    let (mut shared, mut shared_slope) = (vec![0.0; INPUTS], vec![0.0; INPUTS]);
    let (mut own, mut own_slope) = (vec![0.0; models * INPUTS], vec![0.0; models * INPUTS]);
    let mut steps =
        (AdamW::new(models, 0.0), AdamW::new(INPUTS, SHARED_DECAY), AdamW::new(models * INPUTS, decay));
    for at in 0..if chosen.is_empty() { 0 } else { STEPS } {
        for _ in 0..BATCH {
            let place = (rng.next_u64() % chosen.len() as u64) as usize;
            let (x, grades) = (&inputs[place], rows.quality(chosen[place]));
            let known: Vec<usize> = (0..models).filter(|model| !grades[*model].is_nan()).collect();
            let common = dot(&shared, x);
            let said: Vec<f32> = known
                .iter()
                .map(|model| base[*model] + common + dot(&own[model * INPUTS..(model + 1) * INPUTS], x))
                .collect();
            let came: Vec<f32> = known.iter().map(|model| grades[*model]).collect();
            let slopes = slopes(&said, &came);
            add_scaled(&mut shared_slope, x, slopes.iter().sum::<f32>() / BATCH as f32);
            for (model, slope) in known.iter().zip(slopes) {
                base_slope[*model] += slope / BATCH as f32;
                add_scaled(&mut own_slope[model * INPUTS..(model + 1) * INPUTS], x, slope / BATCH as f32);
            }
        }
        let rate = RATE * (1.0 - at as f32 / STEPS as f32);
        steps.0.step(&mut base, &mut base_slope, rate);
        steps.1.step(&mut shared, &mut shared_slope, rate);
        steps.2.step(&mut own, &mut own_slope, rate);
    }
    for own in own.chunks_exact_mut(INPUTS) {
        add_scaled(own, &shared, 1.0);
        own.iter_mut().for_each(|weight| *weight *= SCALE);
    }
    Linear { base, weights: own }
}

/// Of the loss of one prompt, in what is said of each model.
fn slopes(said: &[f32], came: &[f32]) -> Vec<f32> {
    let count = said.len().max(1) as f32;
    let (p, q) = (worth(said), worth(came));
    let ranks = p.iter().zip(q).map(|(p, q)| (p - q) / TEMPERATURE);
    let points = said.iter().zip(came).map(|(said, came)| 2.0 * (said - came) / count);
    points.zip(ranks).map(|(point, rank)| POINTWISE * point + (1.0 - POINTWISE) * rank).collect()
}

/// How worthy of choice each is.
fn worth(quality: &[f32]) -> Vec<f32> {
    let mut worth: Vec<f32> = quality.iter().map(|value| value / TEMPERATURE).collect();
    softmax(&mut worth);
    worth
}

/// The loss over some rows.
fn loss(rows: &Rows, judged: &[usize], fitted: &LlmRank) -> f64 {
    let mut out = Vec::new();
    let mut total = 0.0;
    for row in judged {
        fitted.predict(rows.view(*row), &mut out);
        let known = || out.iter().zip(rows.quality(*row)).filter(|(_, grade)| !grade.is_nan());
        let (said, came): (Vec<f32>, Vec<f32>) = known().map(|(said, came)| (*said, *came)).unzip();
        let count = said.len().max(1) as f32;
        let square = said.iter().zip(&came).map(|(said, came)| (said - came).powi(2)).sum::<f32>() / count;
        let (p, q) = (worth(&said), worth(&came));
        let divergence: f32 = q.iter().zip(&p).map(|(q, p)| q * (q.max(1e-9) / p.max(1e-9)).ln()).sum();
        total += f64::from(POINTWISE * square + (1.0 - POINTWISE) * divergence);
    }
    total
}

#[cfg(test)]
mod tests;

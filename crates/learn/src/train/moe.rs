//! Training of MoMA's head: pair loss, absolute anchor, balance of the experts.
//!
//! The pair loss fixes differences of scores only; the anchor (log loss of each model's own grade) ties a score to a
//! probability, so that 0.8 means the same for every prompt. Ties are kept only as often as wins, since two models
//! that are both right or both wrong say little. Everything is drawn from one seeded generator and one thread computes
//! it, so a seed gives the same weights on every machine with the same floats.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::{add_scaled, dot, logit, sigmoid};
use crate::estimate::moe::{Forward, Moe, Moma, bend_slope};
use crate::train::adamw::AdamW;
use crate::train::kmeans;
use crate::train::pairs::{Thresholds, label};
use crate::train::rows::Rows;

/// What may be tuned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) experts: usize,
    pub(crate) active: usize,
    pub(crate) hidden: usize,
    /// Mixtures that are averaged.
    pub(crate) mixtures: usize,
    /// Times that a row is seen, at most.
    pub(crate) epochs: usize,
    /// Steps of the optimiser, about; large tables are seen fewer times.
    pub(crate) steps: usize,
    pub(crate) batch: usize,
    pub(crate) rate: f32,
    pub(crate) decay: f32,
    /// Pairs drawn for each prompt.
    pub(crate) pairs: usize,
    /// Weight of the anchor beside the pair loss.
    pub(crate) anchor: f32,
    /// Weight of the experts' balance.
    pub(crate) balance: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            experts: 8,
            active: 2,
            hidden: 16,
            mixtures: 3,
            epochs: 24,
            steps: 1700,
            batch: 64,
            rate: 2e-3,
            decay: 0.3,
            pairs: 32,
            anchor: 2.0,
            balance: 0.01,
        }
    }
}

/// The weights in the order in which the optimisers walk over them.
struct Parts {
    moe: Moe,
    thresholds: [f32; 2],
}

impl Parts {
    fn slices(&mut self) -> [&mut [f32]; 8] {
        let moe = &mut self.moe;
        [
            &mut moe.gate,
            &mut moe.gate_bias,
            &mut moe.expert,
            &mut moe.expert_bias,
            &mut moe.output,
            &mut moe.offset,
            &mut moe.base,
            &mut self.thresholds,
        ]
    }
}

/// The head fitted on the `chosen` rows, its curves still straight. `done` is told after each mixture.
pub(crate) fn fit(
    rows: &Rows,
    chosen: &[usize],
    mean: &[f32],
    recipe: Recipe,
    seed: u64,
    done: &mut dyn FnMut(),
) -> Moma {
    let mut draw = Rng::new(seed);
    let mixtures = (0..recipe.mixtures)
        .map(|_| {
            let mixture = mixture(rows, chosen, mean, recipe, draw.next_u64());
            done();
            mixture
        })
        .collect();
    Moma { mixtures, curve: vec![(1.0, 0.0); mean.len()] }
}

fn mixture(rows: &Rows, chosen: &[usize], mean: &[f32], recipe: Recipe, seed: u64) -> Moe {
    let mut rng = Rng::new(seed);
    let mut weights =
        Parts { moe: start(rows, chosen, mean, recipe, &mut rng), thresholds: start_thresholds() };
    let mut gradient = Parts { moe: zeros(&weights.moe), thresholds: [0.0; 2] };
    let decay = recipe.decay;
    let decays = [0.0, 0.0, decay, 0.0, decay, decay, 0.0, 0.0];
    let mut optimisers: Vec<AdamW> =
        weights.slices().iter().zip(decays).map(|(slice, decay)| AdamW::new(slice.len(), decay)).collect();
    let mut order = chosen.to_vec();
    let mut forward = Forward::default();
    let mut slopes = vec![0.0_f32; mean.len()];
    let mut share = vec![1.0 / recipe.experts as f32; recipe.experts];
    let each = order.len().div_ceil(recipe.batch).max(1);
    let epochs = (recipe.steps / each).clamp(1, recipe.epochs);
    let steps = epochs * each;
    let mut step = 0;
    for _ in 0..epochs {
        shuffle(&mut order, &mut rng);
        for batch in order.chunks(recipe.batch) {
            let mut used = vec![0.0_f32; recipe.experts];
            for row in batch {
                weights.moe.forward(rows.x(*row), &mut forward);
                let thresholds = Thresholds { small: weights.thresholds[0], gap: weights.thresholds[1] };
                slopes.fill(0.0);
                let scale = 1.0 / batch.len() as f32;
                let quality = rows.quality(*row);
                anchor(quality, &forward.scores, recipe.anchor * scale, &mut slopes);
                pairs(
                    quality,
                    &forward.scores,
                    thresholds,
                    recipe.pairs,
                    scale,
                    &mut rng,
                    &mut slopes,
                    &mut gradient.thresholds,
                );
                for (expert, _) in &forward.active {
                    used[*expert] += 1.0 / (batch.len() * recipe.active) as f32;
                }
                back(
                    &weights.moe,
                    rows.x(*row),
                    &forward,
                    &slopes,
                    &share,
                    recipe.balance * scale,
                    &mut gradient.moe,
                );
            }
            share = used;
            // From the full rate down to a tenth, along half a cosine.
            let along = step as f32 / steps as f32;
            let rate = recipe.rate * (0.55 + 0.45 * (std::f32::consts::PI * along).cos());
            for ((optimiser, weights), gradient) in
                optimisers.iter_mut().zip(weights.slices()).zip(gradient.slices())
            {
                optimiser.step(weights, gradient, rate);
            }
            step += 1;
        }
    }
    weights.moe
}

fn start_thresholds() -> [f32; 2] {
    let start = Thresholds::start();
    [start.small, start.gap]
}

fn start(rows: &Rows, chosen: &[usize], mean: &[f32], recipe: Recipe, rng: &mut Rng) -> Moe {
    /// How sharply the gate tells the first clusters apart.
    const SHARPNESS: f32 = 4.0;
    let points: Vec<&[f32]> = chosen.iter().map(|row| rows.x(*row)).collect();
    let centres = kmeans::centres(&points, rows.dims, recipe.experts, rng);
    let (dims, models) = (rows.dims, mean.len());
    let mut normal = |sd: f64| {
        let (u, v) = (rng.uniform().max(1e-12), rng.uniform());
        (sd * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()) as f32
    };
    Moe {
        experts: recipe.experts as u32,
        active: recipe.active as u32,
        hidden: recipe.hidden as u32,
        gate: centres.iter().flatten().map(|value| SHARPNESS * value).collect(),
        gate_bias: centres.iter().map(|centre| -SHARPNESS / 2.0 * dot(centre, centre)).collect(),
        expert: (0..recipe.experts * recipe.hidden * dims).map(|_| normal(0.7)).collect(),
        expert_bias: vec![0.0; recipe.experts * recipe.hidden],
        output: vec![0.0; models * recipe.hidden],
        offset: vec![0.0; recipe.experts * models],
        base: mean.iter().map(|mean| logit(f64::from(*mean)) as f32).collect(),
    }
}

fn zeros(like: &Moe) -> Moe {
    let zeros = |values: &[f32]| vec![0.0_f32; values.len()];
    Moe {
        gate: zeros(&like.gate),
        gate_bias: zeros(&like.gate_bias),
        expert: zeros(&like.expert),
        expert_bias: zeros(&like.expert_bias),
        output: zeros(&like.output),
        offset: zeros(&like.offset),
        base: zeros(&like.base),
        ..like.clone()
    }
}

fn shuffle(order: &mut [usize], rng: &mut Rng) {
    for at in (1..order.len()).rev() {
        order.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
    }
}

fn anchor(quality: &[f32], scores: &[f32], weight: f32, slopes: &mut [f32]) {
    let known = quality.iter().filter(|value| !value.is_nan()).count().max(1) as f32;
    for ((slope, score), quality) in slopes.iter_mut().zip(scores).zip(quality) {
        if !quality.is_nan() {
            *slope += weight / known * (sigmoid(*score) - quality);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one step of the loss, split off for its name")]
fn pairs(
    quality: &[f32],
    scores: &[f32],
    thresholds: Thresholds,
    count: usize,
    weight: f32,
    rng: &mut Rng,
    slopes: &mut [f32],
    thresholds_slope: &mut [f32; 2],
) {
    let known: Vec<usize> = (0..quality.len()).filter(|at| !quality[*at].is_nan()).collect();
    if known.len() < 2 {
        return;
    }
    let count = count.min(known.len() * (known.len() - 1) / 2);
    let weight = weight / count as f32;
    let mut spare_ties = 1_i32;
    for _ in 0..count {
        let first = (rng.next_u64() % known.len() as u64) as usize;
        let second = (first + 1 + (rng.next_u64() % (known.len() as u64 - 1)) as usize) % known.len();
        let (a, b) = (known[first], known[second]);
        let label = label(quality[a], quality[b]);
        spare_ties += if label == 0 { -1 } else { 1 };
        if label == 0 && spare_ties < 0 {
            spare_ties = 0;
            continue;
        }
        let loss = thresholds.loss(label, scores[a] - scores[b]);
        slopes[a] += weight * loss.slope;
        slopes[b] -= weight * loss.slope;
        thresholds_slope[0] += weight * loss.small;
        thresholds_slope[1] += weight * loss.gap;
    }
}

/// Adds the slopes of all weights to `to`, from those of the scores.
fn back(moe: &Moe, x: &[f32], forward: &Forward, slopes: &[f32], share: &[f32], balance: f32, to: &mut Moe) {
    let (dims, models, hidden) = (x.len(), slopes.len(), moe.hidden as usize);
    let mut in_hidden = vec![0.0_f32; hidden];
    for (model, slope) in slopes.iter().enumerate() {
        let at = model * hidden..(model + 1) * hidden;
        add_scaled(&mut in_hidden, &moe.output[at.clone()], *slope);
        add_scaled(&mut to.output[at], &forward.hidden, *slope);
    }
    add_scaled(&mut to.base, slopes, 1.0);
    let mut in_weight = Vec::with_capacity(forward.active.len());
    for (place, (expert, weight)) in forward.active.iter().enumerate() {
        let offset = expert * models..(expert + 1) * models;
        let after = &forward.after[place * hidden..(place + 1) * hidden];
        in_weight.push(dot(&moe.offset[offset.clone()], slopes) + dot(after, &in_hidden));
        add_scaled(&mut to.offset[offset], slopes, *weight);
        for (unit, slope) in in_hidden.iter().enumerate() {
            let slope = weight * slope * bend_slope(forward.before[place * hidden + unit]);
            let at = expert * hidden + unit;
            to.expert_bias[at] += slope;
            add_scaled(&mut to.expert[at * dims..(at + 1) * dims], x, slope);
        }
    }
    let mean: f32 = forward.active.iter().zip(&in_weight).map(|((_, weight), slope)| weight * slope).sum();
    for ((expert, weight), slope) in forward.active.iter().zip(&in_weight) {
        let slope = weight * (slope - mean);
        to.gate_bias[*expert] += slope;
        add_scaled(&mut to.gate[expert * dims..(expert + 1) * dims], x, slope);
    }
    // The balance: an expert that is used more than others loses a little everywhere.
    let experts = share.len() as f32;
    let mean: f32 =
        forward.probability.iter().zip(share).map(|(probability, share)| probability * share).sum();
    for (expert, (probability, share)) in forward.probability.iter().zip(share).enumerate() {
        let slope = balance * experts * probability * (share - mean);
        to.gate_bias[expert] += slope;
        add_scaled(&mut to.gate[expert * dims..(expert + 1) * dims], x, slope);
    }
}

//! Fits item response theory: what prompts demand as a map of their main axes, and what models have, by AdamW.
//!
//! How many dimensions of ability there are, and how strongly the map is held back, is decided on rows that it did not see: one
//! dimension unless another gains.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::dot::{add_scaled, logit, sigmoid};
use crate::estimate::irt::{Demand, Irt};
use crate::estimate::linear::Linear;
use crate::train::adamw::AdamW;
use crate::train::centres;
use crate::train::rows::Rows;

/// Dimensions tried, one first.
const DIMENSIONS: [usize; 3] = [1, 2, 4];
/// Decays of the map tried, from the strongest.
const DECAYS: [f32; 3] = [1.0, 0.3, 0.1];
/// And that of abilities.
const ABILITY_DECAY: f32 = 0.02;
/// Share of the loss that a further dimension or a weaker decay must gain.
const GAIN: f64 = 0.002;
const BATCH: usize = 32;
const STEPS: usize = 2000;
const RATE: f32 = 0.01;
/// The dense input's norm is about the square root of two; the map wants larger steps.
const SCALE: f32 = 3.0;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> Irt {
    let (judged, seen) = centres::parted(rows, chosen);
    let mut best = (f64::INFINITY, DIMENSIONS[0], DECAYS[0]);
    let attempt = |dimensions: usize, decay: f32, best: &mut (f64, usize, f32)| {
        let loss = loss(rows, &judged, &learn(rows, &seen, mean, (dimensions, decay), seed));
        if loss < best.0 * (1.0 - GAIN) {
            *best = (loss, dimensions, decay);
        }
    };
    for decay in DECAYS {
        attempt(DIMENSIONS[0], decay, &mut best);
    }
    let decay = best.2;
    for dimensions in DIMENSIONS.into_iter().skip(1) {
        attempt(dimensions, decay, &mut best);
    }
    learn(rows, chosen, mean, (best.1, best.2), seed)
}

/// Weights with their slopes and the optimiser's memory.
struct Slice {
    values: Vec<f32>,
    slopes: Vec<f32>,
    optimiser: AdamW,
}

impl Slice {
    fn new(values: Vec<f32>, decay: f32) -> Self {
        Self { slopes: vec![0.0; values.len()], optimiser: AdamW::new(values.len(), decay), values }
    }

    fn step(&mut self, rate: f32) {
        self.optimiser.step(&mut self.values, &mut self.slopes, rate);
    }
}

fn learn(rows: &Rows, chosen: &[usize], mean: &[f32], (dimensions, decay): (usize, f32), seed: u64) -> Irt {
    let mut rng = Rng::new(seed);
    let (axes, models, outputs) = (rows.input.axes(), mean.len(), dimensions + 1);
    let asked = asked(rows, chosen, models);
    let mut base = vec![0.0; outputs];
    // A softplus of this is 1.
    base[1] = (1.0_f32.exp() - 1.0).ln();
    let mut small = || 0.2 * (rng.uniform() as f32 - 0.5);
    let mut abilities: Vec<f32> = (0..models * dimensions).map(|_| small()).collect();
    for model in (0..models).filter(|model| asked[*model]) {
        abilities[model * dimensions] = logit(f64::from(mean[model]).clamp(0.02, 0.98)) as f32;
    }
    // Specialities start at random too: two that are nil together stay so.
    let weights = (0..outputs * axes).map(|at| if at < 2 * axes { 0.0 } else { small() }).collect();
    let mut base = Slice::new(base, 0.0);
    let mut weights = Slice::new(weights, decay);
    let mut abilities = Slice::new(abilities, ABILITY_DECAY);
    let (mut x, mut raw, mut slope) = (vec![0.0; axes], Vec::new(), vec![0.0; outputs]);
    for at in 0..if chosen.is_empty() { 0 } else { STEPS } {
        for _ in 0..BATCH {
            let row = chosen[(rng.next_u64() % chosen.len() as u64) as usize];
            for (x, value) in x.iter_mut().zip(&rows.view(row).axes) {
                *x = SCALE * value;
            }
            raw.clear();
            let rows_of = weights.values.chunks_exact(axes.max(1));
            raw.extend(
                base.values.iter().zip(rows_of).map(|(base, row)| base + crate::estimate::dot::dot(row, &x)),
            );
            slope.fill(0.0);
            slopes(rows.quality(row), &raw, &abilities.values, &mut abilities.slopes, &mut slope);
            for (output, slope) in slope.iter().enumerate() {
                base.slopes[output] += slope;
                add_scaled(&mut weights.slopes[output * axes..(output + 1) * axes], &x, *slope);
            }
        }
        let rate = RATE * (1.0 - at as f32 / STEPS as f32);
        base.step(rate);
        weights.step(rate);
        abilities.step(rate);
    }
    let weights = weights.values.iter().map(|weight| weight * SCALE).collect();
    let unasked = (0..models).map(|model| if asked[model] { f32::NAN } else { mean[model] }).collect();
    Irt { demands: Linear { base: base.values, weights }, abilities: abilities.values, unasked }
}

/// The models that a row speaks of.
fn asked(rows: &Rows, chosen: &[usize], models: usize) -> Vec<bool> {
    (0..models).map(|model| chosen.iter().any(|row| !rows.quality(*row)[model].is_nan())).collect()
}

/// Adds the slopes of one row's log loss, in each model's abilities and in what the prompt demands.
fn slopes(grades: &[f32], raw: &[f32], abilities: &[f32], own: &mut [f32], demands: &mut [f32]) {
    let dimensions = raw.len() - 1;
    let demand = Demand::of(raw);
    let known = grades.iter().filter(|grade| !grade.is_nan()).count();
    let share = 1.0 / (known.max(1) * BATCH) as f32;
    // Of the softplus.
    let bend = sigmoid(raw[1]);
    for (model, grade) in grades.iter().enumerate().filter(|(_, grade)| !grade.is_nan()) {
        let at = model * dimensions..(model + 1) * dimensions;
        let (ability, own) = (&abilities[at.clone()], &mut own[at]);
        let off = share * (sigmoid(demand.odds(ability)) - grade);
        demands[0] -= off * demand.discrimination;
        demands[1] += off * (ability[0] - demand.difficulty) * bend;
        // A model is asked once by each row, a map by all its models together: abilities learn at their own pace.
        own[0] += off * demand.discrimination;
        for (at, special) in demand.specialities.iter().enumerate() {
            demands[at + 2] += off * ability[at + 1];
            own[at + 1] += off * special;
        }
    }
}

/// Mean log loss, each row counting once.
fn loss(rows: &Rows, judged: &[usize], irt: &Irt) -> f64 {
    let mut out = Vec::new();
    let of = |row: &usize| {
        irt.predict(rows.view(*row), &mut out);
        let known = out.iter().zip(rows.quality(*row)).filter(|(_, grade)| !grade.is_nan());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), (p, grade)| {
            let (p, grade) = (f64::from(*p).clamp(1e-6, 1.0 - 1e-6), f64::from(*grade));
            (sum - grade * p.ln() - (1.0 - grade) * (1.0 - p).ln(), count + 1.0)
        });
        sum / f64::max(count, 1.0)
    };
    judged.iter().map(of).sum()
}

#[cfg(test)]
mod tests;

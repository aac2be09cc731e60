//! The scorer's optimiser: Adam on the softmax over a turn's candidates, where any labelled agent counts as right.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over slices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::agents::evidence::WIDTH;
use crate::agents::scorer::{HIDDEN, Scorer};
use crate::estimate::dot::{add_scaled, dot};

const RATE: f32 = 3e-3;
const DECAY: f32 = 1e-4;
const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;

/// All weights in one slice, in the order hidden, bias, out, direct.
const SIZE: usize = WIDTH * HIDDEN + 2 * HIDDEN + WIDTH;
const BIAS_AT: usize = WIDTH * HIDDEN;
const OUT_AT: usize = BIAS_AT + HIDDEN;
const DIRECT_AT: usize = OUT_AT + HIDDEN;

/// A scorer being fitted.
pub(super) struct Fit {
    weights: Vec<f32>,
    gradient: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    mean: Vec<f32>,
    scale: Vec<f32>,
    step: i32,
    steps: usize,
    seen: usize,
}

impl Fit {
    /// Starts from small weights; `sample` is evidence, [`WIDTH`] numbers an agent.
    pub(super) fn new(sample: &[f32], steps: usize, rng: &mut Rng) -> Self {
        let count = (sample.len() / WIDTH).max(1) as f32;
        let mut mean = vec![0.0; WIDTH];
        for row in sample.chunks_exact(WIDTH) {
            add_scaled(&mut mean, row, 1.0 / count);
        }
        let mut spread = [0.0_f32; WIDTH];
        for row in sample.chunks_exact(WIDTH) {
            for ((spread, value), mean) in spread.iter_mut().zip(row).zip(&mean) {
                *spread += (value - mean).powi(2) / count;
            }
        }
        let small = |rng: &mut Rng, fan: usize| {
            // The sum of three uniform draws is near enough to a Gaussian.
            let draw: f64 = (0..3).map(|_| rng.uniform()).sum::<f64>() * 2.0 - 3.0;
            (draw / (fan as f64).sqrt()) as f32
        };
        let mut weights = vec![0.0; SIZE];
        weights[..BIAS_AT].iter_mut().for_each(|weight| *weight = small(rng, WIDTH));
        weights[OUT_AT..DIRECT_AT].iter_mut().for_each(|weight| *weight = small(rng, HIDDEN));
        Self {
            weights,
            gradient: vec![0.0; SIZE],
            first: vec![0.0; SIZE],
            second: vec![0.0; SIZE],
            mean,
            scale: spread.iter().map(|spread| 1.0 / (spread.sqrt() + 1e-3)).collect(),
            step: 0,
            steps: steps.max(1),
            seen: 0,
        }
    }

    /// Adds one turn to the next step: the evidence of its candidates, and which of them are right.
    pub(super) fn add(&mut self, evidence: &[f32], right: &[bool]) {
        let count = right.len();
        if !right.contains(&true) {
            return;
        }
        self.seen += 1;
        let (mut inputs, mut units, mut scores) = (
            Vec::with_capacity(evidence.len()),
            Vec::with_capacity(count * HIDDEN),
            Vec::with_capacity(count),
        );
        for row in evidence.chunks_exact(WIDTH) {
            let from = inputs.len();
            let scaled = row.iter().zip(&self.mean).zip(&self.scale);
            inputs.extend(scaled.map(|((value, mean), scale)| (value - mean) * scale));
            let start = units.len();
            units.extend_from_slice(&self.weights[BIAS_AT..OUT_AT]);
            for (at, input) in inputs[from..].iter().enumerate() {
                add_scaled(&mut units[start..], &self.weights[at * HIDDEN..(at + 1) * HIDDEN], *input);
            }
            let through: f32 = units[start..]
                .iter()
                .zip(&self.weights[OUT_AT..DIRECT_AT])
                .map(|(unit, out)| unit.max(0.0) * out)
                .sum();
            scores.push(through + dot(&inputs[from..], &self.weights[DIRECT_AT..]));
        }
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let odds: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
        let total: f32 = odds.iter().sum();
        let good: f32 = odds.iter().zip(right).filter(|(_, right)| **right).map(|(odds, _)| odds).sum();
        for at in 0..count {
            let wanted = if right[at] { odds[at] / good.max(1e-12) } else { 0.0 };
            let error = odds[at] / total - wanted;
            if error.abs() > 1e-5 {
                self.back(
                    &inputs[at * WIDTH..(at + 1) * WIDTH],
                    &units[at * HIDDEN..(at + 1) * HIDDEN],
                    error,
                );
            }
        }
    }

    fn back(&mut self, input: &[f32], units: &[f32], error: f32) {
        add_scaled(&mut self.gradient[DIRECT_AT..], input, error);
        let mut inner = [0.0_f32; HIDDEN];
        for at in 0..HIDDEN {
            if units[at] > 0.0 {
                self.gradient[OUT_AT + at] += error * units[at];
                inner[at] = error * self.weights[OUT_AT + at];
                self.gradient[BIAS_AT + at] += inner[at];
            }
        }
        for (at, value) in input.iter().enumerate() {
            add_scaled(&mut self.gradient[at * HIDDEN..(at + 1) * HIDDEN], &inner, *value);
        }
    }

    /// Moves the weights by what was added since the last step.
    pub(super) fn step(&mut self) {
        if self.seen == 0 {
            return;
        }
        self.step += 1;
        let along = (self.step as f32 / self.steps as f32).min(1.0);
        let rate = RATE * 0.5 * (1.0 + (std::f32::consts::PI * along).cos());
        let (one, two) = (1.0 - FIRST.powi(self.step), 1.0 - SECOND.powi(self.step));
        for at in 0..SIZE {
            let decay = if (BIAS_AT..OUT_AT).contains(&at) { 0.0 } else { DECAY * self.weights[at] };
            let gradient = self.gradient[at] / self.seen as f32 + decay;
            self.first[at] = FIRST * self.first[at] + (1.0 - FIRST) * gradient;
            self.second[at] = SECOND * self.second[at] + (1.0 - SECOND) * gradient * gradient;
            self.weights[at] -= rate * (self.first[at] / one) / ((self.second[at] / two).sqrt() + 1e-8);
        }
        self.gradient.fill(0.0);
        self.seen = 0;
    }

    /// What was fitted.
    pub(super) fn done(self) -> Scorer {
        Scorer {
            mean: self.mean,
            scale: self.scale,
            hidden: self.weights[..BIAS_AT].to_vec(),
            hidden_bias: self.weights[BIAS_AT..OUT_AT].to_vec(),
            out: self.weights[OUT_AT..DIRECT_AT].to_vec(),
            direct: self.weights[DIRECT_AT..].to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::scorer::Scratch;

    #[test]
    fn it_learns_a_rule_that_no_single_number_tells() {
        // The right one of two is the one whose first two numbers agree in sign.
        let mut rng = Rng::new(3);
        let draw = |rng: &mut Rng| {
            let mut evidence = vec![0.0_f32; 2 * WIDTH];
            let sign = |rng: &mut Rng| if rng.uniform() < 0.5 { 1.0_f32 } else { -1.0 };
            for row in evidence.chunks_exact_mut(WIDTH) {
                (row[0], row[1]) = (sign(rng), sign(rng));
            }
            let agrees = |row: &[f32]| row[0] * row[1] > 0.0;
            let right = [agrees(&evidence[..WIDTH]), agrees(&evidence[WIDTH..])];
            (evidence, right)
        };
        let sample: Vec<f32> = (0..50).flat_map(|_| draw(&mut rng).0).collect();
        let mut fit = Fit::new(&sample, 150, &mut rng);
        for _ in 0..150 {
            for _ in 0..32 {
                let (evidence, right) = draw(&mut rng);
                fit.add(&evidence, &right);
            }
            fit.step();
        }
        let scorer = fit.done();
        let mut scratch = Scratch::default();
        let mut told = 0;
        for _ in 0..200 {
            let (evidence, right) = draw(&mut rng);
            let first = scorer.score(&evidence[..WIDTH], &mut scratch);
            let second = scorer.score(&evidence[WIDTH..], &mut scratch);
            told += i32::from(right[0] == right[1] || (first > second) == right[0]);
        }
        assert!(told > 190, "{told} of 200");
    }
}

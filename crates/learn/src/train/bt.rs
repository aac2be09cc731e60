//! Fits Bradley-Terry: pairs are counted, strengths found by Newton's method, and turned into quality.
//!
//! A pair's outcome is the half of one plus the difference of the two grades: 1, 0.5 or 0 where grades are. Strengths in a
//! cluster are drawn to those over all by a Gaussian prior, whose width is decided on rows held back.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::bt::BradleyTerry;
use crate::estimate::centres::Centres;
use crate::estimate::dot::{logit, sigmoid};
use crate::train::centres;
use crate::train::rows::Rows;

/// Clusters, at most.
const CLUSTERS: usize = 32;
/// Pairs' worth of curvature that draws a cluster's strengths to those over all, from the strongest.
const PRIORS: [f64; 5] = [1e9, 1000.0, 300.0, 100.0, 30.0];
/// And that draws strengths over all to nought, so that a model which always wins keeps a finite one.
const GLOBAL_PRIOR: f64 = 1.0;
/// Answers as usual that a cluster's level is drawn to.
const LEVEL_PRIOR: f64 = 20.0;
/// Answers that a model's curve is drawn to its table's by.
const CURVE_PRIOR: f64 = 100.0;
const STEPS: usize = 40;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> BradleyTerry {
    let (judged, seen) = centres::parted(rows, chosen);
    let inner = Counted::new(rows, &seen, seed);
    let mut best = (f64::INFINITY, PRIORS[0]);
    for prior in PRIORS {
        let loss = pair_loss(rows, &judged, &inner.strengths(rows, prior));
        if loss < best.0 * 0.9998 {
            best = (loss, prior);
        }
    }
    let counted = Counted::new(rows, chosen, seed);
    let mut fitted = counted.strengths(rows, best.1);
    fitted.level = level(rows, chosen, &fitted.centres);
    fitted.curve = curves(rows, chosen, mean, &fitted);
    fitted
}

/// Sums over pairs, for each cluster.
struct Counted {
    centres: Centres,
    /// Clusters by models by models: what the first won, and how often the two met.
    won: Vec<f64>,
    met: Vec<f64>,
}

impl Counted {
    fn new(rows: &Rows, chosen: &[usize], seed: u64) -> Self {
        let centres = centres::fit(rows, chosen, CLUSTERS, &mut Rng::new(seed));
        let models = rows.models.len();
        let size = centres.count() * models * models;
        let mut counted = Self { won: vec![0.0; size], met: vec![0.0; size], centres };
        for row in chosen {
            let grades = rows.quality(*row);
            let known: Vec<usize> = (0..models).filter(|model| !grades[*model].is_nan()).collect();
            for (cluster, share) in counted.centres.near(&rows.view(*row).axes) {
                let share = f64::from(share);
                for a in &known {
                    for b in known.iter().filter(|b| *b != a) {
                        let at = (cluster * models + a) * models + b;
                        counted.won[at] += share * f64::from(1.0 + grades[*a] - grades[*b]) / 2.0;
                        counted.met[at] += share;
                    }
                }
            }
        }
        counted
    }

    /// Strengths over all, then in each cluster; levels and curves are still to come.
    fn strengths(&self, rows: &Rows, prior: f64) -> BradleyTerry {
        let models = rows.models.len();
        let square = models * models;
        let (mut won, mut met) = (vec![0.0; square], vec![0.0; square]);
        for cluster in 0..self.centres.count() {
            for at in 0..square {
                won[at] += self.won[cluster * square + at];
                met[at] += self.met[cluster * square + at];
            }
        }
        let nought = vec![0.0; models];
        let strength = ascend(&won, &met, &nought, GLOBAL_PRIOR, &rows.groups);
        let mut departures = Vec::with_capacity(self.centres.count() * models);
        for cluster in 0..self.centres.count() {
            let at = cluster * square..(cluster + 1) * square;
            let own = ascend(&self.won[at.clone()], &self.met[at], &strength, prior, &rows.groups);
            departures.extend(own.iter().zip(&strength).map(|(own, all)| (own - all) as f32));
        }
        BradleyTerry {
            centres: self.centres.clone(),
            strength: strength.iter().map(|value| *value as f32).collect(),
            level: vec![0.0; departures.len()],
            departures,
            curve: vec![[1.0, 1.0, 0.0]; models],
        }
    }
}

/// The strengths under a Gaussian prior about `start`, one at a time by Newton's method. Pairs know nothing of their common
/// level, so those of a group keep the one that they start with.
fn ascend(won: &[f64], met: &[f64], start: &[f64], prior: f64, groups: &[Vec<usize>]) -> Vec<f64> {
    let models = start.len();
    // Pairs overlap: all pairs of one row say no more than its answers, so a row weighs as much as its models.
    let weight = 2.0 / f64::max(models as f64, 2.0);
    let mut strength = start.to_vec();
    for _ in 0..STEPS {
        let mut most = 0.0_f64;
        for a in 0..models {
            let (mut slope, mut bend) = (prior * (start[a] - strength[a]), prior);
            for b in (0..models).filter(|b| met[a * models + b] > 0.0) {
                let p = f64::from(sigmoid((strength[a] - strength[b]) as f32));
                slope += weight * (won[a * models + b] - met[a * models + b] * p);
                bend += weight * met[a * models + b] * (p * (1.0 - p)).max(0.02);
            }
            let step = (slope / bend).clamp(-1.0, 1.0);
            strength[a] += step;
            most = most.max(step.abs());
        }
        if most < 1e-5 {
            break;
        }
    }
    for group in groups {
        let drift = group.iter().map(|model| strength[*model] - start[*model]).sum::<f64>();
        group.iter().for_each(|model| strength[*model] -= drift / group.len() as f64);
    }
    strength
}

/// Log loss of the pairs of some rows, each row counting once.
fn pair_loss(rows: &Rows, judged: &[usize], fitted: &BradleyTerry) -> f64 {
    let mut strength = Vec::new();
    let mut level = vec![0.0; rows.models.len()];
    let mut total = 0.0;
    for row in judged {
        fitted.scores(rows.view(*row), &mut strength, &mut level);
        let grades = rows.quality(*row);
        let known: Vec<usize> = (0..grades.len()).filter(|model| !grades[*model].is_nan()).collect();
        let (mut loss, mut pairs) = (0.0, 0.0);
        for (place, a) in known.iter().enumerate() {
            for b in &known[place + 1..] {
                let p = f64::from(sigmoid(strength[*a] - strength[*b])).clamp(1e-6, 1.0 - 1e-6);
                let outcome = f64::from(1.0 + grades[*a] - grades[*b]) / 2.0;
                loss -= outcome * p.ln() + (1.0 - outcome) * (1.0 - p).ln();
                pairs += 1.0;
            }
        }
        total += loss / f64::max(pairs, 1.0);
    }
    total
}

/// For each cluster and model, how far its table's log odds there lie from those over all.
fn level(rows: &Rows, chosen: &[usize], centres: &Centres) -> Vec<f32> {
    let (models, tables) = (rows.models.len(), rows.groups.len());
    let mut sums = vec![(0.0_f64, 0.0_f64); centres.count() * tables];
    let mut all = vec![(0.0_f64, 0.0_f64); tables];
    for row in chosen {
        let known = || rows.quality(*row).iter().filter(|grade| !grade.is_nan());
        let count = known().count();
        if count == 0 {
            continue;
        }
        let ease = known().map(|grade| f64::from(*grade)).sum::<f64>() / count as f64;
        let table = rows.group[*row];
        all[table] = (all[table].0 + ease, all[table].1 + 1.0);
        for (cluster, share) in centres.near(&rows.view(*row).axes) {
            let (sum, share) = (&mut sums[cluster * tables + table], f64::from(share));
            *sum = (sum.0 + share * ease, sum.1 + share);
        }
    }
    let mut level = vec![0.0; centres.count() * models];
    for table in (0..tables).rev().filter(|table| all[*table].1 > 0.0) {
        let usual = all[table].0 / all[table].1;
        for cluster in 0..centres.count() {
            let (sum, count) = sums[cluster * tables + table];
            let own = (sum + LEVEL_PRIOR * usual) / (count + LEVEL_PRIOR);
            for model in &rows.groups[table] {
                level[cluster * models + model] = (logit(own) - logit(usual)) as f32;
            }
        }
    }
    level
}

/// Each model's curve, drawn to the one of its table's models together.
fn curves(rows: &Rows, chosen: &[usize], mean: &[f32], fitted: &BradleyTerry) -> Vec<[f32; 3]> {
    let models = rows.models.len();
    let mut answers: Vec<Vec<([f64; 3], f64)>> = vec![Vec::new(); models];
    let (mut strength, mut level) = (Vec::new(), vec![0.0; models]);
    for row in chosen {
        level.fill(0.0);
        fitted.scores(rows.view(*row), &mut strength, &mut level);
        for (model, grade) in rows.quality(*row).iter().enumerate().filter(|(_, grade)| !grade.is_nan()) {
            let input = [f64::from(strength[model]), f64::from(level[model]), 1.0];
            answers[model].push((input, f64::from(*grade)));
        }
    }
    let mut curves: Vec<[f32; 3]> =
        mean.iter().map(|mean| [0.0, 0.0, logit(f64::from(*mean)) as f32]).collect();
    for group in rows.groups.iter().rev() {
        let together: Vec<_> = group.iter().flat_map(|model| answers[*model].iter().copied()).collect();
        let common = curve(&together, [1.0, 1.0, 0.0], 1.0);
        for model in group.iter().filter(|model| !answers[**model].is_empty()) {
            curves[*model] = curve(&answers[*model], common, CURVE_PRIOR).map(|value| value as f32);
        }
    }
    curves
}

/// Logistic regression of grades, drawn to `prior`; each coefficient in turn by Newton's method.
fn curve(answers: &[([f64; 3], f64)], prior: [f64; 3], strength: f64) -> [f64; 3] {
    let mut found = prior;
    for _ in 0..STEPS {
        let mut most = 0.0_f64;
        for at in 0..found.len() {
            let (mut slope, mut bend) = (strength / 4.0 * (prior[at] - found[at]), strength / 4.0);
            for (input, grade) in answers {
                let odds: f64 = input.iter().zip(&found).map(|(input, weight)| input * weight).sum();
                let p = f64::from(sigmoid(odds as f32));
                slope += (grade - p) * input[at];
                bend += (p * (1.0 - p)).max(1e-6) * input[at] * input[at];
            }
            let step = (slope / bend).clamp(-1.0, 1.0);
            found[at] += step;
            most = most.max(step.abs());
        }
        if most < 1e-4 {
            break;
        }
    }
    // Stronger is never worse, nor is easier.
    [found[0].max(0.0), found[1].max(0.0), found[2]]
}

#[cfg(test)]
mod tests;

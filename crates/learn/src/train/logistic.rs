//! Fits logistic regression: a map that a table's models share, and for each model a departure from it.
//!
//! Both are penalised, the departures by themselves, and how strongly is decided on rows held back, once for a whole table:
//! a penalty of each model's own would be decided by luck. Steps are Newton's with the bound of a quarter for the curvature
//! (Bohning, 1992), in the inputs' principal axes, where that bound is diagonal and no matrix is ever solved.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use faer::{Mat, Side};

use crate::estimate::dot::{logit, sigmoid};
use crate::estimate::linear::Linear;
use crate::estimate::logistic::Logistic;
use crate::train::ridge::centred;
use crate::train::rows::Rows;

/// Penalties tried, from the strongest; inputs have a mean square norm of about two.
const PENALTIES: [f64; 7] = [1e9, 200.0, 64.0, 24.0, 10.0, 4.0, 1.5];
/// How much stronger than the rows held back ask.
const STRENGTH: f64 = 2.0;
/// Principal axes that are learnt on: penalties leave nothing of the others.
const AXES: usize = 128;
const STEPS: usize = 30;

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32]) -> Logistic {
    let dims = rows.dims;
    let mut odds = Linear { base: vec![0.0; mean.len()], weights: vec![0.0; mean.len() * dims] };
    let mut holders = vec![0_u32; mean.len()];
    for group in 0..rows.groups.len() {
        let Some(table) = Table::new(rows, chosen, group, mean) else { continue };
        let solved = table.fit();
        let weights = &table.turn * &solved.weights;
        for (at, model) in table.columns.iter().enumerate() {
            let own = &mut odds.weights[model * dims..(model + 1) * dims];
            let mut shift = 0.0;
            for (dim, weight) in own.iter_mut().enumerate() {
                *weight += weights[(dim, at)] as f32;
                shift += weights[(dim, at)] * table.centre[dim];
            }
            odds.base[*model] += (solved.base[at] - shift) as f32;
            holders[*model] += 1;
        }
    }
    for (model, holders) in holders.iter().enumerate() {
        // A model of several tables gets the mean of their maps; one of none its fallback.
        if *holders == 0 {
            odds.base[model] = logit(f64::from(mean[model])) as f32;
        } else {
            odds.base[model] /= *holders as f32;
            odds.weights[model * dims..(model + 1) * dims].iter_mut().for_each(|w| *w /= *holders as f32);
        }
    }
    Logistic { odds }
}

/// One table's rows, turned to their principal axes.
struct Table {
    columns: Vec<usize>,
    /// Rows by models, `NaN` where unknown.
    grades: Mat<f64>,
    /// Whether a row is held back.
    check: Vec<bool>,
    inputs: Mat<f64>,
    /// Sum of squares along each axis.
    spectrum: Vec<f64>,
    /// From axes back to the input.
    turn: Mat<f64>,
    centre: Vec<f64>,
}

/// Log odds of every model: intercepts, and weights, axes by models.
#[derive(Clone)]
struct Solved {
    base: Vec<f64>,
    weights: Mat<f64>,
}

impl Table {
    fn new(rows: &Rows, chosen: &[usize], group: usize, mean: &[f32]) -> Option<Self> {
        let chosen: Vec<usize> = chosen.iter().copied().filter(|row| rows.group[*row] == group).collect();
        let known = |column: &usize| chosen.iter().any(|row| !rows.quality(*row)[*column].is_nan());
        let columns: Vec<usize> =
            rows.groups[group].iter().copied().filter(|at| known(at) && !mean[*at].is_nan()).collect();
        if chosen.len() < 2 || columns.is_empty() {
            return None;
        }
        let (centre, x) = centred(chosen.len(), rows.dims, |at| rows.x(chosen[at]));
        let eigen = (x.transpose() * &x).self_adjoint_eigen(Side::Lower).ok()?;
        let kept = AXES.min(rows.dims).min(chosen.len());
        let turn = eigen.U().subcols(rows.dims - kept, kept).to_owned();
        let spectrum = eigen.S().column_vector().iter().skip(rows.dims - kept).map(|v| v.max(0.0)).collect();
        let grade = |at: usize, to: usize| f64::from(rows.quality(chosen[at])[columns[to]]);
        Some(Self {
            grades: Mat::from_fn(chosen.len(), columns.len(), grade),
            check: chosen.iter().map(|row| rows.check[*row]).collect(),
            inputs: &x * &turn,
            spectrum,
            turn,
            centre,
            columns,
        })
    }

    /// The shared map first, then the departures from it.
    fn fit(&self) -> Solved {
        let mut penalties = [f64::INFINITY; 2];
        let mut start = self.start();
        for (stage, penalty) in penalties.iter_mut().enumerate() {
            (*penalty, start) = self.path(start, stage == 0);
        }
        let mut solved = self.start();
        for (stage, penalty) in penalties.iter().enumerate() {
            self.descend(&mut solved, STRENGTH * penalty, stage == 0, |_| true);
        }
        solved
    }

    /// The penalty that serves the rows held back best, and the solution of the others under it.
    fn path(&self, start: Solved, shared: bool) -> (f64, Solved) {
        let origin = start.clone();
        let mut best = (f64::INFINITY, PENALTIES[0], start.clone());
        let mut at = start;
        for penalty in PENALTIES {
            self.descend_from(&mut at, &origin, penalty, shared, |row| !self.check[row]);
            let loss = self.loss(&at);
            if loss < best.0 * 0.9995 {
                best = (loss, penalty, at.clone());
            } else if loss > best.0 * 1.002 {
                break;
            }
        }
        (best.1, best.2)
    }

    fn start(&self) -> Solved {
        let base = |to: usize| {
            let known = (0..self.grades.nrows()).map(|at| self.grades[(at, to)]).filter(|v| !v.is_nan());
            let (sum, count) = known.fold((0.5, 1.0), |(sum, count), value| (sum + value, count + 1.0));
            logit(sum / count)
        };
        let models = self.columns.len();
        Solved { base: (0..models).map(base).collect(), weights: Mat::zeros(self.spectrum.len(), models) }
    }

    fn descend(&self, solved: &mut Solved, penalty: f64, shared: bool, seen: impl Fn(usize) -> bool) {
        let origin = solved.clone();
        self.descend_from(solved, &origin, penalty, shared, seen);
    }

    /// Newton's steps from `solved`, where weights are drawn to those of `origin`; all models alike where `shared`.
    fn descend_from(
        &self,
        solved: &mut Solved,
        origin: &Solved,
        penalty: f64,
        shared: bool,
        seen: impl Fn(usize) -> bool,
    ) {
        let models = self.columns.len();
        let count: Vec<f64> = (0..models)
            .map(|to| (0..self.grades.nrows()).filter(|at| !self.grades[(*at, to)].is_nan()).count() as f64)
            .collect();
        for _ in 0..STEPS {
            let mut wrong = self.odds(solved);
            let mut shift = vec![0.0; models];
            for to in 0..models {
                for at in 0..wrong.nrows() {
                    let grade = self.grades[(at, to)];
                    let off = if grade.is_nan() || !seen(at) { 0.0 } else { chance(wrong[(at, to)]) - grade };
                    wrong[(at, to)] = off;
                    shift[to] += off;
                }
            }
            let slope = self.inputs.transpose() * &wrong;
            for (base, (shift, count)) in solved.base.iter_mut().zip(shift.iter().zip(&count)) {
                *base -= shift / (0.25 * count).max(1.0);
            }
            for (axis, square) in self.spectrum.iter().enumerate() {
                let step = |to: usize, slope: f64| {
                    let pulled = slope + penalty * (solved.weights[(axis, to)] - origin.weights[(axis, to)]);
                    pulled / (0.25 * square + penalty)
                };
                if shared {
                    let even = (0..models).map(|to| slope[(axis, to)]).sum::<f64>() / models as f64;
                    let step = step(0, even);
                    (0..models).for_each(|to| solved.weights[(axis, to)] -= step);
                } else {
                    let steps: Vec<f64> = (0..models).map(|to| step(to, slope[(axis, to)])).collect();
                    steps.iter().enumerate().for_each(|(to, step)| solved.weights[(axis, to)] -= step);
                }
            }
        }
    }

    fn odds(&self, solved: &Solved) -> Mat<f64> {
        let mut odds = &self.inputs * &solved.weights;
        for (to, base) in solved.base.iter().enumerate() {
            odds.col_mut(to).iter_mut().for_each(|value| *value += base);
        }
        odds
    }

    /// Log loss on the rows held back.
    fn loss(&self, solved: &Solved) -> f64 {
        let odds = self.odds(solved);
        let mut total = 0.0;
        for to in 0..odds.ncols() {
            for at in (0..odds.nrows()).filter(|at| self.check[*at]) {
                let (grade, p) = (self.grades[(at, to)], chance(odds[(at, to)]).clamp(1e-6, 1.0 - 1e-6));
                if !grade.is_nan() {
                    total -= grade * p.ln() + (1.0 - grade) * (1.0 - p).ln();
                }
            }
        }
        total
    }
}

fn chance(odds: f64) -> f64 {
    f64::from(sigmoid(odds as f32))
}

#[cfg(test)]
mod tests {
    use super::fit;
    use crate::estimate::Head;
    use crate::train::planted;

    #[test]
    fn log_odds_that_are_linear_are_found_and_shuffled_ones_are_not() {
        planted::check(|rows, chosen, mean| Head::Logistic(fit(rows, chosen, mean)), 0.5);
    }
}

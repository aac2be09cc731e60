//! Ridge regression of many outputs at once, each principal component with a penalty of its own.
//!
//! One greedy answer a model is mostly noise, and a regression for each model alone learns it. The outcomes of a table
//! have few directions that a prompt can foretell: how hard it is for all, then what sets strong models apart
//! from weak ones, then kinds of task. So outcomes are turned to their principal components, each component is
//! regressed with the penalty that generalised cross-validation gives it (most get so much that nothing is left), and
//! the result is turned back into one linear map.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use faer::{Mat, Side};

use crate::estimate::linear::Linear;
use crate::train::rows::Rows;

/// Penalties tried, relative to nothing: inputs have a mean square norm of about two.
const PENALTIES: [f64; 12] = [0.3, 1.0, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 200.0, 400.0, 1000.0, 1e9];

/// One table's outcomes with the unknown filled in by the additive model: the model's mean and the prompt's ease.
pub(crate) struct Completed {
    pub(crate) rows: Vec<usize>,
    pub(crate) columns: Vec<usize>,
    /// Rows by columns, each column less its mean.
    pub(crate) values: Mat<f64>,
    pub(crate) means: Vec<f64>,
}

impl Completed {
    /// `of` gives a row's values, `NaN` where unknown.
    pub(crate) fn new<'a>(
        rows: &'a Rows,
        chosen: &[usize],
        group: usize,
        of: impl Fn(&'a Rows, usize) -> &'a [f32],
    ) -> Self {
        let chosen: Vec<usize> = chosen.iter().copied().filter(|row| rows.group[*row] == group).collect();
        let known = |column: &usize| chosen.iter().any(|row| !of(rows, *row)[*column].is_nan());
        let columns: Vec<usize> = rows.groups[group].iter().copied().filter(known).collect();
        let mut column_effect = vec![0.0_f64; columns.len()];
        let mut row_effect = vec![0.0_f64; chosen.len()];
        for _ in 0..20 {
            let mut sums = vec![(0.0, 0.0); columns.len()];
            for (row, effect) in chosen.iter().zip(&row_effect) {
                let values = of(rows, *row);
                for (sum, column) in sums.iter_mut().zip(&columns) {
                    let value = f64::from(values[*column]);
                    if !value.is_nan() {
                        *sum = (sum.0 + value - effect, sum.1 + 1.0);
                    }
                }
            }
            for (effect, (sum, count)) in column_effect.iter_mut().zip(&sums) {
                *effect = sum / f64::max(*count, 1.0);
            }
            for (row, effect) in chosen.iter().zip(&mut row_effect) {
                let values = of(rows, *row);
                let (mut sum, mut count) = (0.0, 0.0);
                for (column, mean) in columns.iter().zip(&column_effect) {
                    let value = f64::from(values[*column]);
                    if !value.is_nan() {
                        sum += value - mean;
                        count += 1.0;
                    }
                }
                *effect = sum / (count + 0.5);
            }
        }
        let mut means = vec![0.0; columns.len()];
        let mut values = Mat::zeros(chosen.len(), columns.len());
        for (at, (row, effect)) in chosen.iter().zip(&row_effect).enumerate() {
            let known = of(rows, *row);
            for (to, column) in columns.iter().enumerate() {
                let value = f64::from(known[*column]);
                let value = if value.is_nan() { column_effect[to] + effect } else { value };
                values[(at, to)] = value;
                means[to] += value / chosen.len() as f64;
            }
        }
        for (to, mean) in means.iter().enumerate() {
            for at in 0..chosen.len() {
                values[(at, to)] -= mean;
            }
        }
        Self { rows: chosen, columns, values, means }
    }
}

/// The linear map for every model of `rows`, fitted on the `chosen` rows. A model without outcomes there gets `mean`.
pub(crate) fn fit<'a>(
    rows: &'a Rows,
    chosen: &[usize],
    fallback: &[f32],
    strength: f64,
    of: impl Fn(&'a Rows, usize) -> &'a [f32] + Copy,
) -> Linear {
    let dims = rows.dims;
    let mut out = Linear { base: fallback.to_vec(), weights: vec![0.0; rows.models.len() * dims] };
    for group in 0..rows.groups.len() {
        let completed = Completed::new(rows, chosen, group, of);
        if completed.rows.len() < 2 || completed.columns.is_empty() {
            continue;
        }
        let (centre, x) = centred(completed.rows.len(), dims, |at| rows.x(completed.rows[at]));
        let Some(components) = components(&completed) else { continue };
        let scores = &completed.values * &components;
        let Some(turned) = regress(&x, &scores, strength) else { continue };
        let weights = turned * components.transpose();
        for (at, model) in completed.columns.iter().enumerate() {
            let mut shift = 0.0;
            for dim in 0..dims {
                let weight = weights[(dim, at)];
                out.weights[model * dims + dim] = weight as f32;
                shift += weight * centre[dim];
            }
            out.base[*model] = (completed.means[at] - shift) as f32;
        }
    }
    out
}

/// The principal components of a table's outcomes, one a column, the last the largest.
pub(crate) fn components(completed: &Completed) -> Option<Mat<f64>> {
    let covariance = completed.values.transpose() * &completed.values;
    Some(covariance.self_adjoint_eigen(Side::Lower).ok()?.U().to_owned())
}

/// Weights, inputs by targets, each target with the penalty that generalised cross-validation gives it times `strength`.
/// Columns of both are centred.
pub(crate) fn regress(x: &Mat<f64>, targets: &Mat<f64>, strength: f64) -> Option<Mat<f64>> {
    let input = (x.transpose() * x).self_adjoint_eigen(Side::Lower).ok()?;
    let spectrum: Vec<f64> = input.S().column_vector().iter().map(|value| value.max(0.0)).collect();
    // Inputs turned to their own axes, times the targets.
    let mut turned = input.U().transpose() * (x.transpose() * targets);
    for target in 0..turned.ncols() {
        let total: f64 = targets.col(target).iter().map(|value| value * value).sum();
        let column: Vec<f64> = turned.col(target).iter().copied().collect();
        let penalty = strength * best_penalty(&spectrum, &column, total, x.nrows());
        for (at, value) in spectrum.iter().enumerate() {
            turned[(at, target)] = column[at] / (value + penalty);
        }
    }
    Some(input.U() * turned)
}

/// Some inputs less their mean, and the mean.
pub(crate) fn centred<'a>(
    count: usize,
    dims: usize,
    of: impl Fn(usize) -> &'a [f32],
) -> (Vec<f64>, Mat<f64>) {
    let mut centre = vec![0.0_f64; dims];
    for at in 0..count {
        for (sum, value) in centre.iter_mut().zip(of(at)) {
            *sum += f64::from(*value) / count as f64;
        }
    }
    let x = Mat::from_fn(count, dims, |at, dim| f64::from(of(at)[dim]) - centre[dim]);
    (centre, x)
}

/// The penalty with the least generalised cross-validation error; the strongest of equals.
fn best_penalty(spectrum: &[f64], turned: &[f64], total: f64, count: usize) -> f64 {
    let count = count as f64;
    let error = |penalty: f64| {
        let mut rest = total;
        let mut freedom = 1.0;
        for (value, projection) in spectrum.iter().zip(turned) {
            rest -= projection * projection * (value + 2.0 * penalty) / (value + penalty).powi(2);
            freedom += value / (value + penalty);
        }
        rest.max(0.0) / (1.0 - (freedom / count).min(0.99)).powi(2)
    };
    let mut best = (f64::INFINITY, 0.0);
    for penalty in PENALTIES.iter().rev() {
        let error = error(*penalty);
        if error < best.0 {
            best = (error, *penalty);
        }
    }
    best.1
}

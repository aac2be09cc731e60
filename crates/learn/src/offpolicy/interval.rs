//! How sure a difference of two means is.

use serde::Serialize;

use super::moments::Mean;

/// The normal distribution's quantile of a 95 % interval.
const Z: f64 = 1.959_964;

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Where the interval begins.
    pub lo: f64,
    /// Where it ends.
    pub hi: f64,
}

impl Interval {
    /// Of everything, where `share` of it differs so and the rest not at all. The estimate stands within its interval.
    pub(super) fn scaled(self, share: f64) -> Self {
        let value = share * self.value;
        Self { value, lo: value.min(share * self.lo), hi: value.max(share * self.hi) }
    }
}

/// Of scores in [0, 1].
pub(super) fn scores_apart(plus: Mean, minus: Mean) -> Interval {
    let (more, less) = (plus.tempered(), minus.tempered());
    let half = Z * (more.variance + less.variance).sqrt();
    let centre = more.value - less.value;
    Interval { value: plus.value - minus.value, lo: centre - half, hi: centre + half }
}

/// Of amounts without an upper end (Welch 1947).
pub(super) fn costs_apart(plus: Mean, minus: Mean) -> Interval {
    let variance = plus.variance + minus.variance;
    let part = |mean: Mean| mean.variance * mean.variance / (mean.size - 1.0).max(1.0);
    let parts = part(plus) + part(minus);
    let freedom = if parts > 0.0 { variance * variance / parts } else { f64::INFINITY };
    let (value, half) = (plus.value - minus.value, student(freedom) * variance.sqrt());
    Interval { value, lo: value - half, hi: value + half }
}

/// Student's quantile of a 95 % interval (Cornish and Fisher's expansion; within 0.2 % from 8 degrees of freedom on).
pub(super) fn student(freedom: f64) -> f64 {
    let (z3, z5) = (Z.powi(3), Z.powi(5));
    let first = (z3 + Z) / (4.0 * freedom);
    Z + first + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * freedom * freedom)
}

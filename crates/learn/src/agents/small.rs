//! Vectors in eight bits, row by row: a quarter of the memory, and what a large registry is scanned through.
//!
//! A row is scaled so that its largest value is 127; a question keeps twelve bits. Of unit vectors the inner product is off by
//! about a thousandth. Left out: anything that is solved or saved, which stays in floats ([`super::rows`]).

use super::rows::Owned;
use crate::estimate::dot::dot_i8;

/// A question's largest value: a sum of 8,000 products with a row's stays within 32 bits.
const ASKED: f32 = 2047.0;
/// A row's largest value.
const KEPT: f32 = 127.0;

/// Rows of one width in eight bits.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmallRows {
    pub(crate) dims: usize,
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// Rows in runs: the rows of owner `k` are those from `starts[k]` to `starts[k + 1]`.
#[derive(Clone, Debug)]
pub(crate) struct SmallOwned {
    pub(crate) rows: SmallRows,
    starts: Vec<u32>,
}

/// A vector to compare rows with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    values: Vec<i16>,
    scale: f32,
}

impl Asked {
    pub(crate) fn new(vector: &[f32]) -> Self {
        let scale = largest(vector) / ASKED;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        Self { values: vector.iter().map(|value| (value * inverse).round() as i16).collect(), scale }
    }
}

impl SmallRows {
    pub(crate) fn new(dims: usize) -> Self {
        Self { dims, values: Vec::new(), scales: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.dims);
        let scale = largest(row) / KEPT;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        self.values.extend(row.iter().map(|value| (value * inverse).round() as i8));
        self.scales.push(scale);
    }

    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// The inner product with a row; 0 beyond the last one.
    pub(crate) fn dot(&self, at: usize, asked: &Asked) -> f32 {
        let row = self.values.get(at * self.dims..(at + 1) * self.dims).unwrap_or_default();
        let scale = self.scales.get(at).copied().unwrap_or(0.0);
        dot_i8(row, &asked.values) as f32 * scale * asked.scale
    }

    /// A row as floats again.
    pub(crate) fn row(&self, at: usize) -> Vec<f32> {
        let row = self.values.get(at * self.dims..(at + 1) * self.dims).unwrap_or_default();
        let scale = self.scales.get(at).copied().unwrap_or(0.0);
        row.iter().map(|value| f32::from(*value) * scale).collect()
    }
}

impl SmallOwned {
    pub(crate) fn new(dims: usize) -> Self {
        Self { rows: SmallRows::new(dims), starts: vec![0] }
    }

    pub(crate) fn push(&mut self, row: &[f32]) {
        self.rows.push(row);
    }

    /// The rows pushed since the last call belong to the next owner.
    pub(crate) fn close(&mut self) {
        self.starts.push(self.rows.len() as u32);
    }

    /// The greatest inner product with a row of this owner; `None` where it has none.
    pub(crate) fn best(&self, owner: usize, asked: &Asked) -> Option<f32> {
        let (from, to) = self.range(owner);
        (from..to).map(|at| self.rows.dot(at, asked)).reduce(f32::max)
    }

    /// First row of an owner, and the one after its last.
    pub(crate) fn range(&self, owner: usize) -> (usize, usize) {
        let at = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        (at(owner), at(owner + 1))
    }
}

impl From<&Owned> for SmallOwned {
    fn from(owned: &Owned) -> Self {
        let mut small = Self::new(owned.rows.dims);
        for owner in 0..owned.owners() {
            let (from, to) = owned.range(owner);
            (from..to).for_each(|at| small.push(owned.rows.row(at)));
            small.close();
        }
        small
    }
}

fn largest(vector: &[f32]) -> f32 {
    vector.iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::estimate::dot::dot;

    proptest! {
        #[test]
        fn an_inner_product_of_unit_vectors_is_off_by_less_than_a_hundredth(
            a in prop::collection::vec(-1.0_f32..1.0, 64),
            b in prop::collection::vec(-1.0_f32..1.0, 64),
        ) {
            let unit = |v: &[f32]| -> Vec<f32> { let n = dot(v, v).sqrt().max(1e-6); v.iter().map(|x| x / n).collect() };
            let (a, b) = (unit(&a), unit(&b));
            let mut rows = SmallRows::new(64);
            rows.push(&a);
            prop_assert!((rows.dot(0, &Asked::new(&b)) - dot(&a, &b)).abs() < 0.01);
        }
    }

    #[test]
    fn a_row_of_nothing_is_like_nothing() {
        let mut rows = SmallOwned::new(3);
        rows.push(&[0.0; 3]);
        rows.close();
        rows.close();
        assert_eq!(rows.best(0, &Asked::new(&[1.0, 0.0, 0.0])), Some(0.0));
        assert_eq!(rows.best(1, &Asked::new(&[1.0, 0.0, 0.0])), None);
    }
}

//! Vectors in one slice, row by row, and who owns which rows.

use serde::{Deserialize, Serialize};

/// Rows of one width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) dims: usize,
    values: Vec<f32>,
}

/// Rows in runs: the rows of owner `k` are those from `starts[k]` to `starts[k + 1]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Owned {
    pub(crate) rows: Rows,
    starts: Vec<u32>,
}

impl Rows {
    pub(crate) fn new(dims: usize) -> Self {
        Self { dims, values: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.dims);
        self.values.extend_from_slice(row);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len().checked_div(self.dims).unwrap_or(0)
    }

    pub(crate) fn row(&self, at: usize) -> &[f32] {
        self.values.get(at * self.dims..(at + 1) * self.dims).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.dims.max(1))
    }

    /// Whether it holds whole rows of this width.
    pub(crate) fn fits(&self, dims: usize) -> bool {
        self.dims == dims && dims > 0 && self.values.len().is_multiple_of(dims)
    }
}

impl Owned {
    pub(crate) fn new(dims: usize) -> Self {
        Self { rows: Rows::new(dims), starts: vec![0] }
    }

    pub(crate) fn push(&mut self, row: &[f32]) {
        self.rows.push(row);
    }

    /// The rows pushed since the last call belong to the next owner.
    pub(crate) fn close(&mut self) {
        self.starts.push(self.rows.len() as u32);
    }

    /// How many own rows, or none.
    pub(crate) fn owners(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether it holds rows of this width for this many owners.
    pub(crate) fn fits(&self, owners: usize, dims: usize) -> bool {
        let ordered = self.starts.is_sorted();
        let last = self.starts.last().is_some_and(|last| *last as usize == self.rows.len());
        self.rows.fits(dims) && self.starts.len() == owners + 1 && ordered && last
    }

    /// First row of an owner, and the one after its last.
    pub(crate) fn range(&self, owner: usize) -> (usize, usize) {
        let at = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        (at(owner), at(owner + 1))
    }
}

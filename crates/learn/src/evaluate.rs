//! x
pub(crate) mod figures;
pub(crate) mod hull;
pub(crate) mod scene;

use crate::table::Table;

/// Tokens that a prompt is read as: what the pool's providers counted (the middle one), else an estimate.
pub(crate) fn input_tokens(table: &Table, row: usize, columns: &[usize], estimate: u32) -> u32 {
    let cells = table.row(row);
    let mut counts: Vec<u32> =
        columns.iter().filter_map(|column| Some(cells.get(*column)?.input_tokens? as u32)).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(estimate)
}

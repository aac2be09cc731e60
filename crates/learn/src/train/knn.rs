//! The rows that a nearest-neighbour search keeps.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::knn::{Block, Knn, STEPS, UNKNOWN, quantised};
use crate::train::rows::Rows;

/// Neighbours: few would let luck decide, since each is one answer. The further ones of them count little.
const NEIGHBOURS: u32 = 300;
/// Answers that the mean weighs.
const PRIOR: f32 = 20.0;
/// Rows that are kept, over all tables: what bounds the artifact's size and the search's time.
const MOST_ROWS: usize = 8_192;
/// Main axes that nearness is looked for on; all of them would double the search's time.
const AXES: usize = 32;

/// The search over the `chosen` rows, or over an even sample of them.
pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> Knn {
    let tables = rows.groups.len();
    let mut rng = Rng::new(seed);
    let mut blocks = Vec::new();
    let mut room = MOST_ROWS;
    let mut by_size: Vec<(usize, Vec<usize>)> = (0..tables)
        .map(|group| (group, chosen.iter().copied().filter(|row| rows.group[*row] == group).collect()))
        .collect();
    by_size.sort_by_key(|(group, members)| (members.len(), *group));
    for (done, (group, mut members)) in by_size.into_iter().enumerate() {
        let share = room / (tables - done);
        for at in 0..members.len().min(share) {
            let other = at + (rng.next_u64() % (members.len() - at) as u64) as usize;
            members.swap(at, other);
        }
        members.truncate(share);
        room -= members.len();
        let mut block = Block {
            models: rows.groups[group].iter().map(|model| *model as u32).collect(),
            ..Block::default()
        };
        for row in members {
            let axes = &rows.view(row).axes;
            block.rows.extend(quantised(&axes[..axes.len().min(AXES)]).iter().map(|value| *value as i8));
            let quality = rows.quality(row);
            block.outcomes.extend(rows.groups[group].iter().map(|model| match quality[*model] {
                value if value.is_nan() => UNKNOWN,
                value => (value * STEPS).round() as u8,
            }));
        }
        blocks.push(block);
    }
    Knn {
        dimensions: rows.input.axes().min(AXES) as u32,
        neighbours: NEIGHBOURS,
        prior: PRIOR,
        mean: mean.to_vec(),
        blocks,
    }
}

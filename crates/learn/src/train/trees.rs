//! Fits boosted trees: histograms of thirty-two bins, each tree on a part of the rows and columns.
//!
//! How many trees a direction gets is decided on rows held back; where they gain nothing it gets none. A crate would
//! bring its own file format and a hundred more options; this needs one kind of tree and one loss.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_encode::Features;
use pointsman_kernel::rng::Rng;

use crate::estimate::trees::{DEPTH, LEAVES, Tree, Trees};
use crate::train::directions::{self, held};
use crate::train::rows::Rows;

/// Directions that get trees: a run of them costs more time than a linear map.
const DIRECTIONS: usize = 6;
const BINS: usize = 32;
const MOST: usize = 160;
const RATE: f32 = 0.05;
/// Shares of columns and rows that a tree sees.
const COLUMNS: f64 = 0.3;
const ROWS: f64 = 0.7;
/// Rows whose mean a leaf is drawn to zero by, and that it has at least.
const PULL: f32 = 20.0;
const LEAST: f32 = 20.0;
/// Trees of a run are judged together by so many.
const BLOCK: usize = 10;

/// Bins of the rows' values, column by column.
struct Binned {
    edges: Vec<Vec<f32>>,
    bins: Vec<Vec<u8>>,
}

pub(crate) fn fit(rows: &Rows, chosen: &[usize], fallback: &[f32], seed: u64) -> Trees {
    let (directions, scored) = directions::fit(rows, chosen, fallback, DIRECTIONS);
    let mut rng = Rng::new(seed);
    let mut runs = Vec::new();
    for table in &scored {
        let binned = Binned::new(rows, &table.rows);
        let (judged, seen): (Vec<usize>, Vec<usize>) =
            (0..table.rows.len()).partition(|at| held(rows, table.rows[*at]));
        let all: Vec<usize> = (0..table.rows.len()).collect();
        for direction in 0..table.scores.ncols() {
            let target: Vec<f32> = table.scores.col(direction).iter().map(|value| *value as f32).collect();
            let count = enough(rows, table, &binned, &target, (&seen, &judged), &mut rng);
            runs.push(boost(&binned, &target, &all, count, &mut rng));
        }
    }
    Trees { directions, runs }
}

/// How many trees serve the rows held back best.
fn enough(
    rows: &Rows,
    table: &directions::Scored,
    binned: &Binned,
    target: &[f32],
    (seen, judged): (&[usize], &[usize]),
    rng: &mut Rng,
) -> usize {
    let run = boost(binned, target, seen, MOST, rng);
    let mut left: Vec<f32> = judged.iter().map(|at| target[*at]).collect();
    let square = |left: &[f32]| left.iter().map(|value| f64::from(value * value)).sum::<f64>();
    let mut best = (square(&left) * 0.998, 0);
    for (block, trees) in run.chunks(BLOCK).enumerate() {
        for (left, at) in left.iter_mut().zip(judged) {
            let columns = rows.view(table.rows[*at]).columns();
            *left -= trees.iter().map(|tree| tree.of(&columns)).sum::<f32>();
        }
        let error = square(&left);
        if error < best.0 {
            best = (error, (block + 1) * BLOCK);
        }
    }
    best.1
}

fn boost(binned: &Binned, target: &[f32], rows: &[usize], count: usize, rng: &mut Rng) -> Vec<Tree> {
    let mut left = target.to_vec();
    let mut trees = Vec::with_capacity(count);
    for _ in 0..count {
        let sample: Vec<usize> = rows.iter().copied().filter(|_| rng.uniform() < ROWS).collect();
        let columns: Vec<usize> = (0..binned.edges.len())
            .filter(|at| !binned.edges[*at].is_empty() && rng.uniform() < COLUMNS)
            .collect();
        let (tree, cuts) = grow(binned, &left, &sample, &columns);
        for row in rows {
            left[*row] -= tree.leaves[leaf(binned, &tree, &cuts, *row)];
        }
        trees.push(tree);
    }
    trees
}

/// One tree; with it the bin of each threshold.
fn grow(binned: &Binned, left: &[f32], sample: &[usize], columns: &[usize]) -> (Tree, [u8; LEAVES - 1]) {
    let mut tree = Tree { thresholds: [f32::INFINITY; LEAVES - 1], ..Tree::default() };
    let mut cuts = [u8::MAX; LEAVES - 1];
    let mut place = vec![0_usize; sample.len()];
    for level in 0..DEPTH {
        let first = (1 << level) - 1;
        let nodes = 1 << level;
        let mut best = vec![(0.0_f32, 0_usize, 0_u8); nodes];
        for column in columns {
            let bins = &binned.bins[*column];
            let mut sums = vec![(0.0_f32, 0.0_f32); nodes * BINS];
            for (row, place) in sample.iter().zip(&place) {
                let sum = &mut sums[(place - first) * BINS + usize::from(bins[*row])];
                *sum = (sum.0 + left[*row], sum.1 + 1.0);
            }
            for node in 0..nodes {
                split(&sums[node * BINS..(node + 1) * BINS], *column, &mut best[node]);
            }
        }
        for (node, (gain, column, bin)) in best.iter().enumerate() {
            if *gain > 0.0 {
                tree.columns[first + node] = *column as u16;
                tree.thresholds[first + node] = binned.edges[*column][usize::from(*bin)];
                cuts[first + node] = *bin;
            }
        }
        for (row, place) in sample.iter().zip(&mut place) {
            let column = usize::from(tree.columns[*place]);
            *place = 2 * *place + 1 + usize::from(binned.bins[column][*row] > cuts[*place]);
        }
    }
    let mut sums = [(0.0_f32, 0.0_f32); LEAVES];
    for (row, place) in sample.iter().zip(&place) {
        let sum = &mut sums[place + 1 - LEAVES];
        *sum = (sum.0 + left[*row], sum.1 + 1.0);
    }
    for (leaf, (sum, count)) in tree.leaves.iter_mut().zip(sums) {
        *leaf = RATE * sum / (count + PULL);
    }
    (tree, cuts)
}

/// Keeps the better of `best` and the column's best cut.
fn split(sums: &[(f32, f32)], column: usize, best: &mut (f32, usize, u8)) {
    let total = sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let value = |(sum, count): (f32, f32)| sum * sum / (count + PULL);
    let mut low = (0.0, 0.0);
    for (bin, sum) in sums.iter().enumerate().take(BINS - 1) {
        low = (low.0 + sum.0, low.1 + sum.1);
        let high = (total.0 - low.0, total.1 - low.1);
        if low.1 < LEAST || high.1 < LEAST {
            continue;
        }
        let gain = value(low) + value(high) - value(total);
        if gain > best.0 {
            *best = (gain, column, bin as u8);
        }
    }
}

fn leaf(binned: &Binned, tree: &Tree, cuts: &[u8; LEAVES - 1], row: usize) -> usize {
    let mut place = 0;
    for _ in 0..DEPTH {
        let column = usize::from(tree.columns[place]);
        place = 2 * place + 1 + usize::from(binned.bins[column][row] > cuts[place]);
    }
    place + 1 - LEAVES
}

impl Binned {
    fn new(rows: &Rows, chosen: &[usize]) -> Self {
        let count = rows.input.axes() + Features::COUNT;
        let views: Vec<Vec<f32>> = chosen.iter().map(|row| rows.view(*row).columns()).collect();
        let (mut edges, mut bins) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for column in 0..count {
            let values: Vec<f32> = views.iter().map(|columns| columns[column]).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let mut own: Vec<f32> =
                (1..BINS).map(|bin| sorted[(bin * sorted.len() / BINS).min(sorted.len() - 1)]).collect();
            own.dedup();
            // A cut above the largest value parts nothing.
            own.retain(|edge| sorted.last().is_some_and(|last| edge < last));
            bins.push(values.iter().map(|value| own.partition_point(|edge| edge < value) as u8).collect());
            edges.push(own);
        }
        Self { edges, bins }
    }
}

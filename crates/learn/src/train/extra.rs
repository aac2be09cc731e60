//! The estimators that stand beside the served mixture and are no part of it.
//!
//! Published ways to route, each trained on the same rows and asked in the same words, so that one table compares them and an
//! operator may choose one by name.

use crate::estimate::Head;
use crate::train::rows::Rows;
use crate::train::{TrainOptions, bt, clusters, irt, llmrank, logistic};

/// Their names, in the artifact's order.
pub(crate) const NAMES: [&str; 5] = ["clusters", "logistic", "irt", "llmrank", "bt"];

/// The names of those that are asked for.
pub(crate) fn names(options: &TrainOptions) -> &'static [&'static str] {
    if options.served_only { &[] } else { &NAMES }
}

/// Those that are asked for, from the `chosen` rows; `tick` after each.
pub(crate) fn fit(
    rows: &Rows,
    chosen: &[usize],
    mean: &[f32],
    options: &TrainOptions,
    tick: &mut dyn FnMut(u64),
) -> Vec<Head> {
    let seed = options.seed;
    let fitters: [&dyn Fn() -> Head; NAMES.len()] = [
        &|| Head::Clusters(clusters::fit(rows, chosen, mean, seed)),
        &|| Head::Logistic(logistic::fit(rows, chosen, mean)),
        &|| Head::Irt(irt::fit(rows, chosen, mean, seed)),
        &|| Head::LlmRank(llmrank::fit(rows, chosen, mean, seed)),
        &|| Head::BradleyTerry(bt::fit(rows, chosen, mean, seed)),
    ];
    let fit = |fit: &&dyn Fn() -> Head| {
        let head = fit();
        tick(1);
        head
    };
    fitters.iter().take(names(options).len()).map(fit).collect()
}

#[cfg(test)]
mod tests;

//! Fits the table of clusters: how many there are and how much an answer weighs is decided on rows held back.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use crate::estimate::centres::Centres;
use crate::estimate::clusters::Clusters;
use crate::train::centres;
use crate::train::rows::Rows;

/// Numbers of clusters tried.
const COUNTS: [usize; 4] = [8, 16, 32, 64];
/// Answers that a model's mean over all prompts weighs beside its mean in one cluster, from the strongest.
const PRIORS: [f32; 4] = [320.0, 80.0, 40.0, 20.0];

pub(crate) fn fit(rows: &Rows, chosen: &[usize], mean: &[f32], seed: u64) -> Clusters {
    let (judged, seen) = centres::parted(rows, chosen);
    let mut best = (f64::INFINITY, COUNTS[1], PRIORS[0]);
    for count in COUNTS {
        let centres = centres::fit(rows, &seen, count, &mut Rng::new(seed));
        let sums = sums(rows, &seen, mean, &centres);
        for prior in PRIORS {
            let error = error(rows, &judged, &table(&centres, &sums, mean, prior));
            if error < best.0 * 0.999 {
                best = (error, count, prior);
            }
        }
    }
    let (_, count, prior) = best;
    let centres = centres::fit(rows, chosen, count, &mut Rng::new(seed));
    let sums = sums(rows, chosen, mean, &centres);
    table(&centres, &sums, mean, prior)
}

/// For each cluster and model the departures from the mean, and how many: a row counts for each cluster by its share.
fn sums(rows: &Rows, chosen: &[usize], mean: &[f32], centres: &Centres) -> Vec<(f32, f32)> {
    let models = mean.len();
    let mut sums = vec![(0.0_f32, 0.0_f32); centres.count() * models];
    for row in chosen {
        for (cluster, share) in centres.near(&rows.view(*row).axes) {
            let cells = sums[cluster * models..(cluster + 1) * models].iter_mut();
            for ((sum, value), mean) in cells.zip(rows.quality(*row)).zip(mean) {
                if !value.is_nan() {
                    *sum = (sum.0 + share * (value - mean), sum.1 + share);
                }
            }
        }
    }
    sums
}

fn table(centres: &Centres, sums: &[(f32, f32)], mean: &[f32], prior: f32) -> Clusters {
    Clusters {
        centres: centres.clone(),
        mean: mean.to_vec(),
        departures: sums.iter().map(|(sum, count)| sum / (count + prior)).collect(),
    }
}

/// Mean square error, each row counting once.
fn error(rows: &Rows, judged: &[usize], clusters: &Clusters) -> f64 {
    let mut out = Vec::new();
    let mut total = 0.0;
    for row in judged {
        clusters.predict(rows.view(*row), &mut out);
        let known = out.iter().zip(rows.quality(*row)).filter(|(_, value)| !value.is_nan());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), (said, came)| {
            (sum + f64::from(said - came).powi(2), count + 1.0)
        });
        total += sum / f64::max(count, 1.0);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::fit;
    use crate::estimate::Head;
    use crate::train::planted;

    #[test]
    fn the_table_finds_who_is_good_at_what_and_shrinks_to_the_means_where_nothing_is_planted() {
        planted::check(|rows, chosen, mean| Head::Clusters(fit(rows, chosen, mean, 1)), 0.3);
    }
}

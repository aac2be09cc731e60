//! Paired differences: the same resamples of the same prompts for both routers.

use std::collections::BTreeMap;

use super::{Difference, Sampled, Samples, Versus};
use crate::evaluate::EvalError;
use crate::evaluate::figures::{FIGURES, interval};

/// The names of [`Figures::values`].
const NAMES: [&str; FIGURES] = [
    "cost_at_quality_1.00",
    "cost_at_quality_0.99",
    "cost_at_quality_0.95",
    "cost_at_quality_hull_1.00",
    "cost_at_quality_hull_0.99",
    "cost_at_quality_hull_0.95",
    "quality_first",
    "aiq",
    "aiq_log",
    "gain_over_zero",
];

/// Every other router less the one of this name, resample by resample.
pub(in crate::evaluate) fn versus(
    name: &str,
    samples: &BTreeMap<String, Samples>,
) -> Result<Versus, EvalError> {
    let Some(other) = samples.get(name) else {
        let known = samples.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(EvalError::UnknownRouter { name: name.to_owned(), known });
    };
    let of = |own: &Samples| {
        let mut all = differences("", &own.curve, &other.curve);
        all.append(&mut differences("served_", &own.served, &other.served));
        all
    };
    let others = samples.iter().filter(|(own, _)| *own != name);
    let differences = others.map(|(own, samples)| (own.clone(), of(samples))).collect();
    Ok(Versus { router: name.to_owned(), differences })
}

fn differences(
    prefix: &str,
    (own, own_samples): &Sampled,
    (other, other_samples): &Sampled,
) -> BTreeMap<String, Difference> {
    let of = |(at, figure): (usize, &&str)| {
        let pairs = own_samples.iter().zip(other_samples);
        // Where neither reaches a quality the difference is NaN, which JSON tells as null.
        let values = pairs.map(|(own, other)| own.values()[at] - other.values()[at]).collect();
        let mean = own.values()[at] - other.values()[at];
        (format!("{prefix}{figure}"), Difference { mean, ci: interval(values) })
    };
    NAMES.iter().enumerate().map(of).collect()
}

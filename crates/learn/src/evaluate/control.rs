//! The control: the same estimators taught with grades that were dealt out to the wrong prompts.
//!
//! What such an estimator gains over the zero router comes from the models' means, from predicted costs and from luck. An
//! estimator that has learnt something of prompts stands above it, prompt by prompt the same resamples considered; one
//! that does not is not to be served.

use std::collections::BTreeMap;

use super::figures::interval;
use super::report::{ControlReport, Samples};

/// The router that shuffling cannot touch.
const CONSTANT: &str = "constant";

/// Another seed for each cut, told apart by how many rows were judged before it.
pub(super) fn seed(seed: u64, judged: &[usize]) -> u64 {
    seed ^ (judged.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Each router beside its control.
pub(super) fn stands(
    own: &BTreeMap<String, Samples>,
    shuffled: &BTreeMap<String, Samples>,
) -> BTreeMap<String, ControlReport> {
    let gains = |samples: &Samples| {
        (samples.curve.0.gain, samples.curve.1.iter().map(|figures| figures.gain).collect::<Vec<f64>>())
    };
    let of = |(name, own): (&String, &Samples)| {
        Some((name.clone(), stand(name, &gains(own), &gains(shuffled.get(name)?))))
    };
    own.iter().filter_map(of).collect()
}

/// A router's gain and its control's, each with its samples.
pub(super) fn stand(
    name: &str,
    (own, own_samples): &(f64, Vec<f64>),
    (other, other_samples): &(f64, Vec<f64>),
) -> ControlReport {
    let difference_ci = interval(own_samples.iter().zip(other_samples).map(|(a, b)| a - b).collect());
    ControlReport {
        gain_over_zero: *own,
        shuffled: *other,
        shuffled_ci: interval(other_samples.clone()),
        difference: own - other,
        difference_ci,
        above: difference_ci[0] > 0.0,
        learns: name != CONSTANT,
    }
}

impl ControlReport {
    /// Where it stands.
    pub(super) fn word(&self) -> &'static str {
        match (self.learns, self.above) {
            (false, _) => "learns nothing of prompts",
            (true, true) => "above the control",
            (true, false) => "not above: experimental",
        }
    }
}

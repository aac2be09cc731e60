//! Asks an estimator about a prompt and about other readings of it, such as the prompt without its end.

use super::{Estimates, Estimator};
use crate::candidates::Candidates;
use crate::facts::Facts;
use crate::signals::Signals;

/// An estimator that is asked once for each reading. The estimates of the others stand in [`Estimates::readings`], so a
/// decision made by them replays from its log like any other.
pub struct Readings<'a> {
    /// Who predicts.
    pub inner: &'a dyn Estimator,
    /// The other readings of the prompt that is decided.
    pub others: &'a [Signals],
}

impl Estimator for Readings<'_> {
    fn estimate(&self, signals: &Signals, facts: &Facts, candidates: &Candidates, out: &mut Estimates) {
        self.inner.estimate(signals, facts, candidates, out);
        out.readings = self
            .others
            .iter()
            .map(|other| {
                let mut estimates = Estimates::default();
                self.inner.estimate(other, facts, candidates, &mut estimates);
                estimates
            })
            .collect();
    }
}

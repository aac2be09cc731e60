//! The least of several readings: a text that moves one reading of a prompt to a dearer target moves nothing.
//!
//! Whoever writes a prompt also writes what the router reads. A few words at its end can make it look hard, and with the
//! artifact at hand they are found by search. So the prompt is read more than once
//! ([`Estimates::readings`](crate::Estimates)): as it stands, without its last words, its first half. The inner selector
//! chooses for each reading, and of these choices the one that asks least is taken:
//!
//! 1. a *guarded* target only if every reading chooses it;
//! 2. of the others the one that usually costs least.
//!
//! Promise: whatever is appended to a prompt, as long as one reading leaves it out, the choice costs no more than that
//! reading's own choice, and is guarded only if that one's is. So the defence never needs to recognise an attack.
//!
//! What it costs: a prompt whose last words make it hard is served like the same prompt without them, and an estimate for
//! each reading. What it leaves out: attacks longer than what a reading leaves out, and targets that a caller must never
//! reach, which are the key's scope to exclude and no selector's.

use std::sync::Arc;

use crate::estimates::{Estimate, Estimates};
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::TargetId;
use crate::rng::Rng;
use crate::select::{Ranking, Reason, Selector};

/// Any selector over several readings. See the module.
#[derive(Clone)]
pub struct Robust {
    inner: Arc<dyn Selector>,
    guarded: Vec<TargetId>,
    name: String,
}

impl Robust {
    /// Takes the least of what `inner` chooses for each reading; a `guarded` target only where all agree on it.
    #[must_use]
    pub fn over(inner: Arc<dyn Selector>, guarded: Vec<TargetId>) -> Self {
        let name = format!("robust({})", inner.name());
        Self { inner, guarded, name }
    }

    /// What choosing it takes: guarded ones last, then by what it usually costs, then by name.
    fn ask<'e>(&self, estimate: &'e Estimate) -> (bool, f64, &'e TargetId) {
        let usual = estimate.usual.and_then(|usual| usual.cost);
        let cost = usual.or(estimate.cost.map(|cost| cost.mean)).unwrap_or(f64::INFINITY);
        (self.guarded.contains(&estimate.target), cost, &estimate.target)
    }
}

impl Selector for Robust {
    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Ranking {
        let start = rng.clone();
        let mut ranking = self.inner.rank(estimates, facts, goal, rng);
        let Some(own) = ranking.chosen().map(|chosen| chosen.target.clone()) else { return ranking };
        let mut least = own.clone();
        for reading in &estimates.readings {
            // A reading is judged among those whom the rules left for the prompt as it stands.
            let known = |estimate: &&Estimate| estimates.of(&estimate.target).is_some();
            let list = reading.list.iter().filter(known).cloned().collect();
            let among = Estimates { list, ..reading.clone() };
            let choice = self.inner.rank(&among, facts, goal, &mut start.clone());
            let Some(choice) = choice.chosen().map(|chosen| chosen.target.clone()) else { continue };
            if let (Some(this), Some(that)) = (estimates.of(&choice), estimates.of(&least)) {
                let (this, that) = (self.ask(this), self.ask(that));
                let order = this.0.cmp(&that.0).then(this.1.total_cmp(&that.1)).then(this.2.cmp(that.2));
                if order.is_lt() {
                    least = choice;
                }
            }
        }
        if least != own {
            ranking.put_first(&least, Reason::LeastReading { instead_of: own });
        }
        ranking
    }
}

#[cfg(test)]
mod tests;

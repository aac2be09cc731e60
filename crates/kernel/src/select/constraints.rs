//! Flags: besides quality and cost, what the request itself asks for.
//!
//! Tryage (arXiv 2308.11601) chooses by `argmin loss(m) + sum_k lambda_k C_k(m)`, where flags of the user set the weights
//! `lambda_k` of burdens such as size and recency. The burdens here are those that are estimated: cost (one minus its
//! goodness on the goal's scale), latency (to ten seconds) and length (to 4096 tokens written), each in [0, 1]; one that
//! is not known counts as the heaviest. Loss and cost carry the preference's weights to begin with. The score is one minus
//! the weighted mean of the burdens.
//!
//! The weights are the goal's ([`crate::flags::Flags`]): from configuration, from the request, or, where the route allows
//! it, from the prompt. They never move the floor. Whoever another dominates in everything that is weighed is not chosen.
//! The hard limits among the flags are no matter of this selector: they leave candidates out before any selector ranks.

use crate::estimates::{Estimate, Estimates};
use crate::facts::Facts;
use crate::flags::Flags;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::offer::{Offer, Offers};
use crate::select::{Ranking, Selector};

/// Milliseconds from which a latency is as bad as it gets.
const SLOWEST_MS: f64 = 10_000.0;
/// Tokens from which an answer is as long as it gets.
const LONGEST: f64 = 4_096.0;

/// Floor, frontier over all that is weighed, weighted mean. See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Constraints;

impl Selector for Constraints {
    fn name(&self) -> &str {
        "constraints"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let mut offers = Offers::of(estimates, goal);
        for offer in &mut offers.list {
            offer.burdens = burdens(offer.estimate, &goal.flags);
        }
        offers.scored(|offer| score(offer, goal)).ranking()
    }
}

/// What is weighed of latency and length; what is not weighed counts for nobody.
fn burdens(estimate: &Estimate, flags: &Flags) -> [f64; 2] {
    let share = |value: f64, most: f64| if value.is_nan() { 1.0 } else { (value / most).clamp(0.0, 1.0) };
    let latency = estimate.latency_ms.map_or(1.0, |latency| share(latency.mean, SLOWEST_MS));
    let length = share(estimate.output_tokens.mean, LONGEST);
    [if flags.fast > 0.0 { latency } else { 0.0 }, if flags.concise > 0.0 { length } else { 0.0 }]
}

fn score(offer: &Offer<'_>, goal: &Goal) -> f64 {
    let (w, flags) = (goal.prefer.weight(), &goal.flags);
    let [latency, length] = offer.burdens;
    let dear = 1.0 - goal.scale.goodness(offer.cost);
    let total = w * (1.0 - offer.quality)
        + (1.0 - w + flags.cheap) * dear
        + flags.fast * latency
        + flags.concise * length;
    1.0 - total / (1.0 + flags.cheap + flags.fast + flags.concise)
}

//! Expected utility: quality less what it costs.
//!
//! `w * quality + (1 - w) * (1 - cost / worth)`, with the preference as `w`: the same order as `quality - lambda * cost`
//! with `lambda = (1 - w) / (w * worth)`, the trade that RouterBench (arXiv 2403.12031) and most of the field sweep.
//! `worth` is what a right answer is worth; where nobody says, the dear end of the goal's scale. Cost is linear: half the
//! price is half the burden, so that the trade is one of money, and prices far below `worth` hardly differ. A call
//! dearer than `worth` is as bad as cost gets.
//!
//! On a straight line of candidates it jumps from one end to the other: what lies between is chosen at one weight only.

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::money::Money;
use crate::rng::Rng;
use crate::select::offer::Offers;
use crate::select::{Ranking, Selector};

/// Floor, frontier, weighted sum. See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utility {
    /// What a right answer is worth; the dear end of the goal's scale where it is not given.
    pub worth: Option<Money>,
}

impl Selector for Utility {
    fn name(&self) -> &str {
        "utility"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let worth = self.worth.map_or(goal.scale.high, |worth| worth.0 as f64).max(1.0);
        let w = goal.prefer.weight();
        let score = |quality: f64, cost: f64| w * quality + (1.0 - w) * (1.0 - (cost / worth).min(1.0));
        Offers::of(estimates, goal).scored(|offer| score(offer.quality, offer.cost)).ranking()
    }
}

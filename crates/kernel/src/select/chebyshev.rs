//! The least worst of two burdens: what is missing in quality, and what it costs.
//!
//! RADAR (arXiv 2509.25426) chooses by `min max { w (1 - quality), (1 - w) cost }`, the weighted Chebyshev distance to
//! the ideal, with the cost on [0, 1]; here that is one minus its goodness on the goal's scale. Unlike a weighted sum it
//! reaches candidates in the hollows of the frontier. Where one burden decides, the other is not looked at; such ties go
//! to the lower cost.

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::offer::Offers;
use crate::select::{Ranking, Selector};

/// Floor, frontier, Chebyshev distance. See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chebyshev;

impl Selector for Chebyshev {
    fn name(&self) -> &str {
        "chebyshev"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let w = goal.prefer.weight();
        let distance = |quality: f64, cost: f64| {
            (w * (1.0 - quality)).max((1.0 - w) * (1.0 - goal.scale.goodness(cost)))
        };
        Offers::of(estimates, goal).scored(|offer| 1.0 - distance(offer.quality, offer.cost)).ranking()
    }
}

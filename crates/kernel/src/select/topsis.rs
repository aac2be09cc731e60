//! The quality floor, the Pareto frontier, then TOPSIS on fixed scales.
//!
//! MoMA (arXiv 2509.07571) takes the frontier of predicted score and cost and picks on it by TOPSIS (Hwang and Yoon,
//! 1981) with the caller's preference as weights. How the two criteria are scaled is our own choice and decides whether
//! the result makes sense: min-max scaling is blind to the size of a gap, and scaling by the pool's own norm lets a
//! target that is never chosen flip the choice between two others. So the scales are fixed, and so are the ideal
//! (quality 1, the calibration set's 5th percentile of cost) and the anti-ideal (quality 0, its 95th): one target's
//! closeness depends on that target alone. It never falls with quality and never rises with cost.

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::offer::Offers;
use crate::select::{Ranking, Selector};

/// Floor, frontier, TOPSIS. See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Topsis;

impl Selector for Topsis {
    fn name(&self) -> &str {
        "topsis"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let weight = goal.prefer.weight();
        Offers::of(estimates, goal)
            .scored(|offer| closeness(offer.quality, goal.scale.goodness(offer.cost), weight))
            .ranking()
    }
}

/// Relative closeness to the ideal of a target with this quality and goodness of cost, at weight `w` of quality.
#[must_use]
pub fn closeness(quality: f64, goodness: f64, w: f64) -> f64 {
    let to_anti = (w * quality).hypot((1.0 - w) * goodness);
    let to_ideal = (w * (1.0 - quality)).hypot((1.0 - w) * (1.0 - goodness));
    if to_anti + to_ideal == 0.0 { 0.5 } else { to_anti / (to_anti + to_ideal) }
}

#[cfg(test)]
mod tests;

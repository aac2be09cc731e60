//! The quality floor, the Pareto frontier, then TOPSIS on fixed scales.
//!
//! MoMA (arXiv 2509.07571) takes the frontier of predicted score and cost and picks on it by TOPSIS (Hwang and Yoon,
//! 1981) with the caller's preference as weights. How the two criteria are scaled is our own choice and decides whether
//! the result makes sense: min-max scaling is blind to the size of a gap, and scaling by the pool's own norm lets a
//! target that is never chosen flip the choice between two others. So the scales are fixed, and so are the ideal
//! (quality 1, the calibration set's 5th percentile of cost) and the anti-ideal (quality 0, its 95th): one target's
//! closeness depends on that target alone. It never falls with quality and never rises with cost.
//!
//! Those that are not chosen stand in for it when it fails: first the rest of the frontier, then those that are dominated
//! but keep the floor, then those below it, best quality first.
//!
//! A cost that is not known counts as the dear end: not knowing a price is no reason to prefer it.

use std::cmp::Ordering;

use crate::estimates::{Estimate, Estimates};
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::TargetId;
use crate::rng::Rng;
use crate::select::{Ranked, Ranking, Reason, Selector};

/// Floor, frontier, TOPSIS. See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct Topsis;

/// One candidate's two criteria, both to be had as large as possible, and the cost ties are broken by.
struct Criteria<'a> {
    target: &'a TargetId,
    quality: f64,
    cost: f64,
    closeness: f64,
}

impl Selector for Topsis {
    fn name(&self) -> &'static str {
        "topsis"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let criteria: Vec<Criteria<'_>> = estimates.list.iter().map(|e| Criteria::of(e, goal)).collect();
        let best = criteria.iter().map(|c| c.quality).fold(0.0, f64::max);
        let floor = goal.floor_share() * best;
        let mut ranked: Vec<(usize, &Criteria<'_>, Reason)> = criteria
            .iter()
            .map(|c| {
                if c.quality < floor {
                    return (2, c, Reason::BelowFloor { floor });
                }
                // Dominance among those above the floor: whoever dominates one of them is above it too.
                match criteria.iter().filter(|other| other.dominates(c)).min_by(|a, b| a.order(b)) {
                    Some(other) => (1, c, Reason::Dominated { by: other.target.clone() }),
                    None => (0, c, Reason::LowerScore),
                }
            })
            .collect();
        ranked.sort_by(|a, b| {
            // Below the floor the goal has failed already: whoever comes nearest to it stands in first.
            let by_quality = || if a.0 == 2 { b.1.quality.total_cmp(&a.1.quality) } else { Ordering::Equal };
            a.0.cmp(&b.0).then_with(by_quality).then_with(|| a.1.order(b.1))
        });
        let mut ranking = Ranking(
            ranked
                .into_iter()
                .map(|(_, c, reason)| Ranked {
                    target: c.target.clone(),
                    score: c.closeness,
                    propensity: 0.0,
                    reason,
                })
                .collect(),
        );
        if let Some(first) = ranking.0.first_mut() {
            first.reason = Reason::Best;
            first.propensity = 1.0;
        }
        ranking
    }
}

impl<'a> Criteria<'a> {
    fn of(estimate: &'a Estimate, goal: &Goal) -> Self {
        let quality = finite_or(estimate.quality.mean, 0.0).clamp(0.0, 1.0);
        let cost = estimate.cost.map_or(f64::INFINITY, |cost| finite_or(cost.mean, f64::INFINITY).max(0.0));
        let closeness = closeness(quality, goal.scale.goodness(cost), goal.prefer.weight());
        Self { target: &estimate.target, quality, cost, closeness }
    }

    fn dominates(&self, other: &Self) -> bool {
        let as_good = self.quality >= other.quality && self.cost <= other.cost;
        as_good && (self.quality > other.quality || self.cost < other.cost)
    }

    /// Higher closeness first, then lower cost, then the id.
    fn order(&self, other: &Self) -> Ordering {
        other
            .closeness
            .total_cmp(&self.closeness)
            .then_with(|| self.cost.total_cmp(&other.cost))
            .then_with(|| self.target.cmp(other.target))
    }
}

/// Relative closeness to the ideal of a target with this quality and goodness of cost, at weight `w` of quality.
#[must_use]
pub fn closeness(quality: f64, goodness: f64, w: f64) -> f64 {
    let to_anti = (w * quality).hypot((1.0 - w) * goodness);
    let to_ideal = (w * (1.0 - quality)).hypot((1.0 - w) * (1.0 - goodness));
    if to_anti + to_ideal == 0.0 { 0.5 } else { to_anti / (to_anti + to_ideal) }
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

#[cfg(test)]
mod tests;

//! A ladder of prices: the first rung that is sure enough answers.
//!
//! DiSRouter (arXiv 2510.19208) trains each model to answer if and only if it is right with probability
//! `p > (1 - alpha)^gamma`, and to pass on to the next dearer one otherwise; the last always answers. Here the probability
//! is predicted from outside, which is exactly what that paper argues against: this is its decision rule, not its
//! training. Nothing is called to find out, so the walk costs nothing.
//!
//! The weight of cost is `alpha = 1 - w`: the paper's performance, balance and cost (0.2, 0.5, 0.8) are the preferences
//! 0.8, 0.5 and 0.2. The rungs are the frontier by predicted cost, so the last is also the best. If the chosen rung
//! fails, the next ones up stand in, then those below.

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::offer::{Offer, Offers};
use crate::select::{Ranking, Reason, Selector};

/// Floor, frontier, the first rung above the threshold. See the module.
#[derive(Clone, Copy, Debug)]
pub struct Ladder {
    /// The exponent: the smaller, the surer a rung must be. The paper's is 0.5.
    pub gamma: f64,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { gamma: 0.5 }
    }
}

impl Selector for Ladder {
    fn name(&self) -> &str {
        "ladder"
    }

    fn rank(&self, estimates: &Estimates, _: &Facts, goal: &Goal, _: &mut Rng) -> Ranking {
        let threshold = goal.prefer.weight().powf(self.gamma);
        let offers = Offers::of(estimates, goal).scored(|offer| offer.quality);
        let mut rungs = offers.frontier();
        rungs.sort_by(|a, b| a.cheaper_first(b));
        // Equals of the last rung stand in order of their ids; the first of them is the last.
        let last = || rungs.iter().position(|rung| Some(rung.cost) == rungs.last().map(|last| last.cost));
        let stop = rungs.iter().position(|rung| rung.quality > threshold).or_else(last);
        let (below, from) = rungs.split_at(stop.unwrap_or(0));
        let order: Vec<&Offer<'_>> = from.iter().chain(below.iter().rev()).copied().collect();
        let mut ranking = offers.ranking_of(&order);
        for passed in ranking.0.iter_mut().skip(from.len()).take(below.len()) {
            passed.reason = Reason::Unsure { threshold };
        }
        ranking
    }
}

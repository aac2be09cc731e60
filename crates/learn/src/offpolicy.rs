//! What routing is worth against always using one model, from decisions of which a small share was drawn by chance.
//!
//! **What is compared.** `routing` is the policy without its random slice; `always m` sends every request to `m`. Both are
//! choices of who is asked first: a fallback's cost and answer belong to whoever was chosen.
//!
//! **How.** With `p` the logged probability of the choice that was made, `π` the policy's own probabilities (the logged
//! ones less the slice) and `a` the target chosen, `w = (π(a) - [a = m]) / p` makes the mean of `w y` an unbiased estimate
//! of what routing brings more than `m` (inverse propensity; Horvitz and Thompson 1952). The positive and the negative
//! weights are normalised each by itself (Hájek), and `b`, the mean of `1 - π(m)`, is known exactly:
//!
//! `gain = b (mean of y with the positive weights - mean of y with the negative ones)`.
//!
//! Where the policy chooses `m` itself both are the same, and such requests add no noise. With a policy that draws
//! nothing the second mean is the slice's own: its draws of `m` where routing chooses another.
//!
//! **Intervals** are 95 %, each by itself: normal with a 0 and a 1 added to either side for scores in [0, 1] (Agresti and
//! Caffo 2000), Welch's for costs. Nothing is resampled, so nothing depends on a seed.
//!
//! **What is assumed**: that who gives a score does not depend on who answered, given the request. Left out: requests of
//! which the slice could not draw (a conversation that stays, a tool's result, one candidate, `explore: false`), and
//! slices of everything, where the policy's own choice is not on record.

mod draw;
mod interval;
mod moments;

pub use interval::Interval;

use pointsman_kernel::{Decision, TargetId};
use serde::Serialize;

use self::draw::Draw;
use self::interval::{costs_apart, scores_apart};
use self::moments::{Mean, Moments};

/// Values on each side of a comparison below which it is not made.
pub const ENOUGH: u64 = 20;
/// Differences that count as none unless the caller says otherwise: in quality, and as a share of cost.
pub const EQUAL_WITHIN: f64 = 0.02;

/// Decisions of one route, gathered one by one.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    decisions: u64,
    drawn: u64,
    scored: u64,
    quality: Moments,
    cost: Moments,
    targets: Vec<(TargetId, Against)>,
}

/// What is gathered of one constant.
#[derive(Clone, Copy, Debug, Default)]
struct Against {
    requests: u64,
    drawn: u64,
    apart: f64,
    quality: Sides,
    cost: Sides,
}

/// One measure of routing and of a constant.
#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    requests: f64,
    apart: f64,
    routing: Moments,
    plus: Moments,
    minus: Moments,
}

/// A measure under both, a request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Under routing, over the requests that the constant could have taken.
    pub routing: f64,
    /// Had the constant taken them all.
    pub constant: f64,
    /// Routing's less the constant's.
    pub difference: Interval,
}

/// Routing against always using one target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constant {
    /// Which one.
    pub target: TargetId,
    /// Decisions in which it was a candidate.
    pub requests: u64,
    /// The share of them that routing sends elsewhere.
    pub apart: f64,
    /// Of those, how many the slice sent to it.
    pub drawn: u64,
    /// Of these, how many were scored.
    pub scored: u64,
    /// In scores; nothing where too few were given.
    pub quality: Option<Compared>,
    /// In dollars; nothing where too few were drawn.
    pub cost_usd: Option<Compared>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// This constant is as good or better, and costs no more.
    DoNotRoute(TargetId),
    /// Against every constant routing is better or cheaper.
    Route,
    /// The intervals are too wide to say.
    Open,
    /// Too few scores or draws to compare anything.
    TooFew,
}

/// What a slice says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// Decisions that the slice could draw of.
    pub decisions: u64,
    /// Those it drew.
    pub drawn: u64,
    /// Those with a score.
    pub scored: u64,
    /// Routing's mean score, where there is any.
    pub quality: Option<f64>,
    /// Routing's mean cost in dollars.
    pub cost_usd: Option<f64>,
    /// Each candidate as a constant, by name.
    pub constants: Vec<Constant>,
    /// What follows.
    pub verdict: Verdict,
}

impl Slice {
    /// Takes a decision in, with its cost in dollars and its score where they are known. Says whether the slice could draw
    /// of it; otherwise it is left out.
    pub fn add(&mut self, decision: &Decision, cost_usd: Option<f64>, score: Option<f64>) -> bool {
        let Some(draw) = Draw::of(decision) else { return false };
        self.decisions += 1;
        self.drawn += u64::from(draw.by_chance);
        self.scored += u64::from(score.is_some());
        let own = draw.policy_of(draw.chosen);
        for (moments, value) in [(&mut self.quality, score), (&mut self.cost, cost_usd)] {
            if let Some(value) = value.filter(|_| own > 0.0) {
                moments.add(own / draw.logged, value);
            }
        }
        for (target, policy) in &draw.policy {
            let weight = (own - f64::from(draw.chosen == *target)) / draw.logged;
            let against = self.against(target);
            against.requests += 1;
            against.apart += 1.0 - policy;
            against.drawn += u64::from(weight < 0.0);
            against.quality.add(score, own / draw.logged, weight, 1.0 - policy);
            against.cost.add(cost_usd, own / draw.logged, weight, 1.0 - policy);
        }
        true
    }

    fn against(&mut self, target: &TargetId) -> &mut Against {
        let at = self.targets.binary_search_by(|(known, _)| known.cmp(target)).unwrap_or_else(|at| {
            self.targets.insert(at, (target.clone(), Against::default()));
            at
        });
        #[allow(clippy::indexing_slicing, reason = "it was found there or put there just now")]
        &mut self.targets[at].1
    }

    /// What it says, where differences up to `equal_within` count as none: in quality, and as a share of the constant's
    /// cost.
    #[must_use]
    pub fn findings(&self, equal_within: f64) -> Findings {
        let constant = |(target, of): &(TargetId, Against)| Constant {
            target: target.clone(),
            requests: of.requests,
            apart: of.apart / of.requests as f64,
            drawn: of.drawn,
            scored: of.quality.minus.count,
            quality: of.quality.compared(scores_apart),
            cost_usd: of.cost.compared(costs_apart),
        };
        let constants: Vec<Constant> = self.targets.iter().map(constant).collect();
        Findings {
            decisions: self.decisions,
            drawn: self.drawn,
            scored: self.scored,
            quality: self.quality.mean().map(|mean| mean.value),
            cost_usd: self.cost.mean().map(|mean| mean.value),
            verdict: verdict(&constants, equal_within),
            constants,
        }
    }
}

impl Sides {
    fn add(&mut self, value: Option<f64>, routing: f64, weight: f64, apart: f64) {
        let Some(value) = value else { return };
        self.requests += 1.0;
        self.apart += apart;
        if routing > 0.0 {
            self.routing.add(routing, value);
        }
        if weight > 0.0 {
            self.plus.add(weight, value);
        } else if weight < 0.0 {
            self.minus.add(-weight, value);
        }
    }

    fn compared(&self, apart: fn(Mean, Mean) -> Interval) -> Option<Compared> {
        let routing = self.routing.mean()?.value;
        if self.apart <= 0.0 {
            let difference = Interval { value: 0.0, lo: 0.0, hi: 0.0 };
            return (self.routing.count >= ENOUGH).then_some(Compared {
                routing,
                constant: routing,
                difference,
            });
        }
        if self.plus.count < ENOUGH || self.minus.count < ENOUGH {
            return None;
        }
        let difference = apart(self.plus.mean()?, self.minus.mean()?).scaled(self.apart / self.requests);
        Some(Compared { routing, constant: routing - difference.value, difference })
    }
}

fn verdict(constants: &[Constant], equal_within: f64) -> Verdict {
    let both = |constant: &Constant| constant.quality.zip(constant.cost_usd);
    let as_good = |constant: &&Constant| {
        both(constant).is_some_and(|(quality, cost)| {
            quality.difference.hi <= equal_within && cost.difference.lo >= -equal_within * cost.constant
        })
    };
    // Of those that are about as good as the best of them, the cheapest.
    let quality = |constant: &Constant| constant.quality.map_or(0.0, |quality| quality.constant);
    let cost = |constant: &Constant| constant.cost_usd.map_or(f64::INFINITY, |cost| cost.constant);
    let best = constants.iter().filter(as_good).map(quality).fold(0.0, f64::max);
    let among = constants.iter().filter(as_good).filter(|constant| quality(constant) >= best - equal_within);
    if let Some(cheapest) =
        among.min_by(|a, b| cost(a).total_cmp(&cost(b)).then_with(|| a.target.cmp(&b.target)))
    {
        return Verdict::DoNotRoute(cheapest.target.clone());
    }
    let is_ahead = |constant: &Constant| {
        constant.quality.is_some_and(|quality| quality.difference.lo > 0.0)
            || constant.cost_usd.is_some_and(|cost| cost.difference.hi < 0.0)
    };
    if !constants.iter().any(|constant| both(constant).is_some()) {
        Verdict::TooFew
    } else if constants.iter().all(is_ahead) {
        Verdict::Route
    } else {
        Verdict::Open
    }
}

#[cfg(test)]
mod tests;

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

mod moments;

use pointsman_kernel::signals::Asked;
use pointsman_kernel::{Decision, Reason, TargetId};
use serde::Serialize;

use self::moments::{Mean, Moments};

/// Values on each side of a comparison below which it is not made.
pub const ENOUGH: u64 = 20;
/// Differences that count as none unless the caller says otherwise: in quality, and as a share of cost.
pub const EQUAL_WITHIN: f64 = 0.02;
/// The normal distribution's quantile of a 95 % interval.
const Z: f64 = 1.959_964;
/// How far a logged probability may be off.
const ROUNDING: f64 = 1e-9;

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

/// One decision's part in the comparison.
struct Draw<'a> {
    chosen: &'a TargetId,
    /// The probability with which it was chosen.
    logged: f64,
    by_chance: bool,
    /// Each candidate, and the policy's own probability of choosing it.
    policy: Vec<(&'a TargetId, f64)>,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Where the interval begins.
    pub lo: f64,
    /// Where it ends.
    pub hi: f64,
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

/// Of scores in [0, 1].
fn scores_apart(plus: Mean, minus: Mean) -> Interval {
    let (more, less) = (plus.tempered(), minus.tempered());
    let half = Z * (more.variance + less.variance).sqrt();
    let centre = more.value - less.value;
    Interval { value: plus.value - minus.value, lo: centre - half, hi: centre + half }
}

fn costs_apart(plus: Mean, minus: Mean) -> Interval {
    let variance = plus.variance + minus.variance;
    let part = |mean: Mean| mean.variance * mean.variance / (mean.size - 1.0).max(1.0);
    let parts = part(plus) + part(minus);
    let freedom = if parts > 0.0 { variance * variance / parts } else { f64::INFINITY };
    let (value, half) = (plus.value - minus.value, student(freedom) * variance.sqrt());
    Interval { value, lo: value - half, hi: value + half }
}

/// Student's quantile of a 95 % interval (Cornish and Fisher's expansion; within 0.2 % from 8 degrees of freedom on).
fn student(freedom: f64) -> f64 {
    let (z3, z5) = (Z.powi(3), Z.powi(5));
    let first = (z3 + Z) / (4.0 * freedom);
    Z + first + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * freedom * freedom)
}

impl Interval {
    /// Of everything, where `share` of it differs so and the rest not at all. The estimate stands within its interval.
    fn scaled(self, share: f64) -> Self {
        let value = share * self.value;
        Self { value, lo: value.min(share * self.lo), hi: value.max(share * self.hi) }
    }
}

impl<'a> Draw<'a> {
    /// Nothing where chance could not draw, or where the policy's own choice is not on record.
    fn of(decision: &'a Decision) -> Option<Self> {
        let (ranking, share) = (&decision.ranking.0, decision.goal.explore);
        let first = ranking.first()?;
        let open = matches!(decision.signals.asked, Asked::Auto)
            && !decision.signals.tool_result
            && !decision.health_ignored
            && first.reason != Reason::Session;
        if !open || ranking.len() < 2 || !(share > 0.0 && share < 1.0) {
            return None;
        }
        let each = share / ranking.len() as f64;
        let policy = |logged: f64| (logged - each) / (1.0 - share);
        // Rounding must not make a little of nothing, or less than all of everything.
        let own = |logged: f64| match policy(logged) {
            own if own < ROUNDING => 0.0,
            own if own > 1.0 - ROUNDING => 1.0,
            own => own,
        };
        let is_drawn_of =
            |logged: f64| logged.is_finite() && logged >= each * (1.0 - ROUNDING) && logged <= 1.0 + ROUNDING;
        if !ranking.iter().all(|ranked| is_drawn_of(ranked.propensity)) {
            return None;
        }
        Some(Self {
            chosen: &first.target,
            logged: first.propensity,
            by_chance: first.reason == Reason::Explored,
            policy: ranking.iter().map(|ranked| (&ranked.target, own(ranked.propensity))).collect(),
        })
    }

    fn policy_of(&self, target: &TargetId) -> f64 {
        self.policy.iter().find(|(of, _)| *of == target).map_or(0.0, |(_, policy)| *policy)
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

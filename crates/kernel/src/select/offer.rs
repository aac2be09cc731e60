//! What every selector reads of a candidate, and the order they share.
//!
//! Estimates are claims: a quality that is no number counts as none, a cost that is not known as the dear end, since not
//! knowing a price is no reason to prefer it. The order is the same for all: who keeps the floor and is not dominated
//! comes first (the frontier), ordered by the selector; then who is dominated but keeps the floor; then who does not,
//! best quality first, since there the goal has failed already and whoever comes nearest stands in. Ties go to the lower
//! cost and then to the id.

use std::cmp::Ordering;

use crate::estimates::{Estimate, Estimates};
use crate::goal::Goal;
use crate::select::{Ranked, Ranking, Reason};

/// One candidate's criteria and its score.
#[derive(Clone, Debug)]
pub(super) struct Offer<'a> {
    pub(super) estimate: &'a Estimate,
    /// In [0, 1].
    pub(super) quality: f64,
    /// Nano-dollars, infinite where it is not known.
    pub(super) cost: f64,
    /// What else a selector weighs, each in [0, 1] and the lower the better; zeros where it weighs nothing else.
    pub(super) burdens: [f64; 2],
    /// The selector's, the higher the better.
    pub(super) score: f64,
}

/// The candidates of one decision.
#[derive(Clone, Debug)]
pub(super) struct Offers<'a> {
    pub(super) list: Vec<Offer<'a>>,
    /// The quality that is to be kept.
    floor: f64,
}

impl<'a> Offers<'a> {
    /// Reads the candidates, not yet scored.
    pub(super) fn of(estimates: &'a Estimates, goal: &Goal) -> Self {
        let list: Vec<Offer<'a>> = estimates.list.iter().map(Offer::of).collect();
        let best = list.iter().map(|offer| offer.quality).fold(0.0, f64::max);
        Self { list, floor: goal.floor_share() * best }
    }

    /// Scores each.
    pub(super) fn scored(mut self, score: impl Fn(&Offer<'a>) -> f64) -> Self {
        for offer in &mut self.list {
            offer.score = score(offer);
        }
        self
    }

    /// Those that keep the floor and that nobody dominates, best score first.
    pub(super) fn frontier(&self) -> Vec<&Offer<'a>> {
        let mut frontier = self.undominated();
        frontier.retain(|offer| self.keeps_floor(offer));
        frontier
    }

    /// Those that nobody dominates, best score first.
    pub(super) fn undominated(&self) -> Vec<&Offer<'a>> {
        let mut offers: Vec<&Offer<'a>> =
            self.list.iter().filter(|offer| self.dominator(offer).is_none()).collect();
        offers.sort_by(|a, b| a.order(b));
        offers
    }

    pub(super) fn keeps_floor(&self, offer: &Offer<'a>) -> bool {
        offer.quality >= self.floor
    }

    /// The ranking by score.
    pub(super) fn ranking(&self) -> Ranking {
        self.ranking_of(&self.frontier())
    }

    /// The ranking with the frontier in an order of the selector's own; the first of it is chosen.
    pub(super) fn ranking_of(&self, frontier: &[&Offer<'a>]) -> Ranking {
        let place = |(at, offer): (usize, &&Offer<'a>)| {
            let reason = if at == 0 { Reason::Best } else { Reason::LowerScore };
            offer.ranked(if at == 0 { 1.0 } else { 0.0 }, reason)
        };
        let mut ranked: Vec<Ranked> = frontier.iter().enumerate().map(place).collect();
        let mut dominated = Vec::new();
        let mut below = Vec::new();
        for offer in &self.list {
            if !self.keeps_floor(offer) {
                below.push((offer, Reason::BelowFloor { floor: self.floor }));
            } else if let Some(by) = self.dominator(offer) {
                dominated.push((offer, Reason::Dominated { by: by.estimate.target.clone() }));
            }
        }
        dominated.sort_by(|(a, _), (b, _)| a.order(b));
        below.sort_by(|(a, _), (b, _)| b.quality.total_cmp(&a.quality).then_with(|| a.order(b)));
        ranked.extend(dominated.into_iter().chain(below).map(|(offer, reason)| offer.ranked(0.0, reason)));
        Ranking(ranked)
    }

    /// The best of those that dominate `offer`. Whoever dominates one above the floor is above it too.
    pub(super) fn dominator(&self, offer: &Offer<'a>) -> Option<&Offer<'a>> {
        self.list.iter().filter(|other| other.dominates(offer)).min_by(|a, b| a.order(b))
    }
}

impl<'a> Offer<'a> {
    fn of(estimate: &'a Estimate) -> Self {
        let cost = estimate.cost.map_or(f64::INFINITY, |cost| finite_or(cost.mean, f64::INFINITY).max(0.0));
        Self { estimate, quality: quality(estimate.quality.mean), cost, burdens: [0.0; 2], score: 0.0 }
    }

    /// At least as good in everything that is weighed, and better in something.
    pub(super) fn dominates(&self, other: &Self) -> bool {
        let burdens = || self.burdens.iter().zip(&other.burdens);
        let as_good = self.quality >= other.quality
            && self.cost <= other.cost
            && burdens().all(|(own, other)| own <= other);
        as_good
            && (self.quality > other.quality
                || self.cost < other.cost
                || burdens().any(|(own, other)| own < other))
    }

    /// Higher score first, then lower cost, then the id.
    fn order(&self, other: &Self) -> Ordering {
        let score = other.score.total_cmp(&self.score);
        score.then_with(|| self.cheaper_first(other))
    }

    /// Lower cost first, then the id.
    pub(super) fn cheaper_first(&self, other: &Self) -> Ordering {
        let cost = self.cost.total_cmp(&other.cost);
        cost.then_with(|| self.estimate.target.cmp(&other.estimate.target))
    }

    fn ranked(&self, propensity: f64, reason: Reason) -> Ranked {
        Ranked { target: self.estimate.target.clone(), score: self.score, propensity, reason }
    }
}

/// A quality as it is believed: none where it is no number.
pub(super) fn quality(claimed: f64) -> f64 {
    finite_or(claimed, 0.0).clamp(0.0, 1.0)
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

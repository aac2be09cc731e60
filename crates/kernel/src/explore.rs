//! The permanent random slice: a small share of choices made by chance, so that what routing saves and costs can be
//! measured rather than believed.
//!
//! With probability `share` the first target is drawn uniformly among all candidates. Everybody that the hard rules admit
//! takes part, those below the quality floor too: that they are bad is a prediction, and only trying finds out; without
//! them no report could say "use the cheapest" and no estimator would learn that it was wrong. What it costs is bounded by
//! the share. The probabilities of slice and policy together are logged for every candidate, which is what
//! inverse-propensity estimates need.
//!
//! Left out: when nobody may explore (a conversation that stays with its target, a tool's result, a request that forbids
//! it), which [`crate::decide()`] and the goal say.

use crate::rng::Rng;
use crate::select::{Ranking, Reason};

/// The share of choices that are made by chance unless a route says otherwise.
pub const DEFAULT_SHARE: f64 = 0.01;

/// Mixes chance into a ranking whose propensities are the policy's own.
pub(crate) fn mix(ranking: &mut Ranking, share: f64, rng: &mut Rng) {
    let candidates = ranking.0.len();
    if share.is_nan() || share <= 0.0 || candidates < 2 {
        return;
    }
    let share = share.min(1.0);
    let each = share / candidates as f64;
    for ranked in &mut ranking.0 {
        ranked.propensity = each + (1.0 - share) * ranked.propensity;
    }
    if rng.uniform() >= share {
        return;
    }
    let at = ((rng.uniform() * candidates as f64) as usize).min(candidates - 1);
    let mut drawn = ranking.0.remove(at);
    if let Some(first) = ranking.0.first_mut().filter(|_| at > 0) {
        first.reason = Reason::LowerScore;
    }
    drawn.reason = Reason::Explored;
    ranking.0.insert(0, drawn);
}

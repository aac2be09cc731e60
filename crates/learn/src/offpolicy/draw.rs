//! What one logged decision says of chance and policy.

use pointsman_kernel::{Asked, Decision, Reason, TargetId};

/// How far a logged probability may be off.
const ROUNDING: f64 = 1e-9;

/// One decision's part in the comparison.
pub(super) struct Draw<'a> {
    pub(super) chosen: &'a TargetId,
    /// The probability with which it was chosen.
    pub(super) logged: f64,
    pub(super) by_chance: bool,
    /// Each candidate, and the policy's own probability of choosing it.
    pub(super) policy: Vec<(&'a TargetId, f64)>,
}

impl<'a> Draw<'a> {
    /// Nothing where chance could not draw, or where the policy's own choice is not on record.
    pub(super) fn of(decision: &'a Decision) -> Option<Self> {
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

    pub(super) fn policy_of(&self, target: &TargetId) -> f64 {
        self.policy.iter().find(|(of, _)| *of == target).map_or(0.0, |(_, policy)| *policy)
    }
}

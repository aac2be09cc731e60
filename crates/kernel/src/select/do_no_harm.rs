//! The best constant choice first; another for this prompt only where the evidence says so.
//!
//! Most of what a router predicts of a prompt is noise, and choosing the largest of several noisy numbers picks the luckiest
//! error. A constant choice has no such error: it is made once, from means over many prompts. So:
//!
//! 1. **Constant.** The inner selector ranks the candidates by what they usually bring and cost
//!    ([`Usual`](crate::Usual)); its first, `j`, is the best constant choice for the goal.
//! 2. **Belief.** For candidate `i` with usual quality `u_i` and predicted `q_i`, and a prompt that is unlike the training
//!    data by `t` in [0, 1], what is believed is `b_i = u_i + (1 - t) (q_i - u_i)`: a departure from the mean counts the
//!    less the less the prompt resembles what it was learnt from. The doubt about it is `s_i`.
//! 3. **Evidence.** The lower bound of the quality gained by leaving `j` for `i` is
//!    `g_i = b_i - b_j - z sqrt(s_i^2 + s_j^2)`. The two errors are taken as independent, which is the careful side: what
//!    makes a prompt hard is shared. `i` is *proven* when both hold:
//!    - in a choice between the two, `j` as believed and `i` with quality `b_j + g_i`, the inner selector takes `i`. At
//!      `quality` that is `g_i > 0` (or `g_i = 0` at a lower cost); elsewhere it is a positive lower bound of the inner
//!      selector's own gain;
//!    - it takes no quality away (`g_i >= 0`), or it keeps the floor at its lower bound:
//!      `b_i - z sqrt(s_i^2 + s_m^2) >= share * b_m`, where `m` is the best believed and `share` the goal's.
//! 4. **Choice.** The inner selector chooses, by beliefs and the costs of this prompt, among `j` and the proven ones.
//!
//! So going cheaper needs evidence that the floor is kept, going dearer needs evidence of the gain, and without evidence
//! every prompt gets the same answer as a constant would give.
//!
//! A candidate that nobody has outcomes of (no `usual`) is believed as predicted, with the spread of its prediction as
//! doubt, and is never the constant. Where no candidate has outcomes there is no constant to keep, and the inner selector
//! chooses alone: among strangers routing by difficulty is all there is.
//!
//! Left out: evidence gathered while serving, which belongs in the estimates.

use std::sync::Arc;

use crate::estimates::{Estimate, Estimates, Spread};
use crate::facts::Facts;
use crate::goal::Goal;
use crate::rng::Rng;
use crate::select::offer::quality;
use crate::select::topsis::Topsis;
use crate::select::{Ranking, Reason, Selector};

/// How many doubts a departure has to be clear of unless a route says otherwise. See `docs/concepts/do-no-harm.md` for
/// where it comes from.
pub const DEFAULT_Z: f64 = 0.5;

/// Any selector, kept from harm. See the module.
#[derive(Clone)]
pub struct DoNoHarm {
    inner: Arc<dyn Selector>,
    z: f64,
    name: String,
}

/// What is believed of the candidates, in the order of the estimates.
struct Belief {
    estimates: Estimates,
    doubt: Vec<f64>,
    z: f64,
}

impl DoNoHarm {
    /// Keeps `inner` from harm: a departure must be clear of `z` doubts.
    #[must_use]
    pub fn over(inner: Arc<dyn Selector>, z: f64) -> Self {
        let name = format!("do_no_harm({})", inner.name());
        Self { inner, z: if z.is_finite() { z.max(0.0) } else { DEFAULT_Z }, name }
    }

    fn first(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Option<usize> {
        let ranking = self.inner.rank(estimates, facts, goal, rng);
        let chosen = &ranking.chosen()?.target;
        estimates.list.iter().position(|estimate| estimate.target == *chosen)
    }

    /// The best constant choice, as a position among the estimates.
    fn constant(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Option<usize> {
        let usual = |estimate: &Estimate| {
            let usual = estimate.usual?;
            Some(Estimate {
                quality: Spread { mean: usual.quality, sd: 0.0 },
                cost: usual.cost.map(|mean| Spread { mean, sd: 0.0 }),
                ..estimate.clone()
            })
        };
        let known =
            Estimates { list: estimates.list.iter().filter_map(usual).collect(), ..Estimates::default() };
        let chosen = known.list.get(self.first(&known, facts, goal, rng)?)?.target.clone();
        estimates.list.iter().position(|estimate| estimate.target == chosen)
    }

    /// Whether leaving `from` for `to` is proven. See the module, step 3.
    fn is_proven(
        &self,
        belief: &Belief,
        from: usize,
        to: usize,
        facts: &Facts,
        goal: &Goal,
        rng: &mut Rng,
    ) -> bool {
        let gain = belief.gain_at_least(from, to);
        if gain < 0.0 && !belief.keeps_floor(to, goal) {
            return false;
        }
        let (Some(constant), Some(other)) = (belief.estimates.list.get(from), belief.estimates.list.get(to))
        else {
            return false;
        };
        let mut pessimistic = other.clone();
        pessimistic.quality.mean = constant.quality.mean + gain;
        let duel = Estimates { list: vec![constant.clone(), pessimistic], ..Estimates::default() };
        self.first(&duel, facts, goal, rng) == Some(1)
    }
}

impl Default for DoNoHarm {
    /// What serves unless a route says otherwise: TOPSIS, kept from harm.
    fn default() -> Self {
        Self::over(Arc::new(Topsis), DEFAULT_Z)
    }
}

impl Selector for DoNoHarm {
    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Ranking {
        let Some(constant) = self.constant(estimates, facts, goal, rng) else {
            return self.inner.rank(estimates, facts, goal, rng);
        };
        let belief = Belief::of(estimates, self.z);
        let all = 0..belief.estimates.list.len();
        let open: Vec<usize> = all
            .filter(|&at| at == constant || self.is_proven(&belief, constant, at, facts, goal, rng))
            .collect();
        let list = open.iter().filter_map(|&at| belief.estimates.list.get(at).cloned()).collect();
        let among = Estimates { list, ..Estimates::default() };
        let chosen = self.first(&among, facts, goal, rng).and_then(|at| open.get(at).copied());
        let ranking = self.inner.rank(&belief.estimates, facts, goal, rng);
        belief.explain(ranking, constant, chosen.unwrap_or(constant), &open)
    }
}

impl Belief {
    fn of(estimates: &Estimates, z: f64) -> Self {
        let unlike = estimates.unlike.filter(|unlike| !unlike.is_nan()).unwrap_or(0.0).clamp(0.0, 1.0);
        let believed = |estimate: &Estimate| {
            let predicted = quality(estimate.quality.mean);
            let mean = match estimate.usual {
                Some(usual) => {
                    let usual = quality(usual.quality);
                    usual + (1.0 - unlike) * (predicted - usual)
                }
                None => predicted,
            };
            Estimate { quality: Spread { mean, ..estimate.quality }, ..estimate.clone() }
        };
        let doubt = |estimate: &Estimate| {
            let stated = estimate.usual.map_or(estimate.quality.sd, |usual| usual.doubt);
            // A doubt that is no number is a doubt about everything.
            if stated.is_finite() { stated.max(0.0) } else { 1.0 }
        };
        let list = estimates.list.iter().map(believed).collect();
        Self {
            doubt: estimates.list.iter().map(doubt).collect(),
            estimates: Estimates { list, ..estimates.clone() },
            z,
        }
    }

    fn quality(&self, at: usize) -> f64 {
        self.estimates.list.get(at).map_or(0.0, |estimate| estimate.quality.mean)
    }

    /// The lower bound of what `to` brings more than `from`.
    fn gain_at_least(&self, from: usize, to: usize) -> f64 {
        let doubt = |at: usize| self.doubt.get(at).copied().unwrap_or(1.0);
        self.quality(to) - self.quality(from) - self.z * doubt(from).hypot(doubt(to))
    }

    /// Whether the goal's share of the best believed quality is kept at the lower bound.
    fn keeps_floor(&self, at: usize, goal: &Goal) -> bool {
        let all = 0..self.estimates.list.len();
        let Some(best) = all.max_by(|&a, &b| self.quality(a).total_cmp(&self.quality(b)).then(b.cmp(&a)))
        else {
            return true;
        };
        at == best
            || self.quality(best) + self.gain_at_least(best, at) >= goal.floor_share() * self.quality(best)
    }

    /// The inner selector's ranking with the chosen one first and the reasons of this policy.
    fn explain(&self, mut ranking: Ranking, constant: usize, chosen: usize, open: &[usize]) -> Ranking {
        let position = |target| self.estimates.list.iter().position(|estimate| estimate.target == target);
        let target_of = |at: usize| self.estimates.list.get(at).map(|estimate| estimate.target.clone());
        let (Some(chosen_target), Some(from)) = (target_of(chosen), target_of(constant)) else {
            return ranking;
        };
        for ranked in &mut ranking.0 {
            if ranked.target == chosen_target {
                break;
            }
            // Ranked ahead of the chosen one if the estimates were taken at their word.
            let at = position(ranked.target.clone());
            if let Some(at) = at.filter(|at| !open.contains(at)) {
                ranked.reason = Reason::Unproven { gain_at_least: self.gain_at_least(constant, at) };
            }
        }
        let reason = if chosen == constant {
            Reason::Constant
        } else {
            Reason::Departure { from, gain_at_least: self.gain_at_least(constant, chosen) }
        };
        ranking.put_first(&chosen_target, reason);
        ranking
    }
}

#[cfg(test)]
mod tests;

//! Selectors order the candidates by their estimates and a goal. Each is a file of its own; [`do_no_harm`] wraps any
//! of them.

pub mod chebyshev;
pub mod constraints;
pub mod do_no_harm;
pub mod ladder;
mod offer;
pub mod robust;
pub mod threshold;
pub mod topsis;
pub mod utility;

use serde::{Deserialize, Serialize};

use crate::estimates::Estimates;
use crate::facts::Facts;
use crate::goal::Goal;
use crate::id::TargetId;
use crate::rng::Rng;

/// Why a candidate stands where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is the best by the selector's score.
    Best,
    /// It answered this conversation before.
    Session,
    /// It was asked for by name.
    Named,
    /// An agent that the first stage chose.
    Agent,
    /// An agent that the first stage asks should another fail.
    AfterAgent {
        /// Which other.
        before: TargetId,
    },
    /// On the frontier, but another scores higher.
    LowerScore,
    /// Another is at least as good and costs no more.
    Dominated {
        /// Which one.
        by: TargetId,
    },
    /// The best constant choice for the goal, and nothing about the prompt is sure enough to leave it.
    Constant,
    /// Left the best constant choice on evidence.
    Departure {
        /// The constant choice.
        from: TargetId,
        /// The lower bound of the quality gained, below zero where a lower cost is what is gained.
        gain_at_least: f64,
    },
    /// Would be chosen if estimates were taken at their word; the evidence is too thin to leave the constant choice.
    Unproven {
        /// The lower bound of the quality gained.
        gain_at_least: f64,
    },
    /// Another reading of the prompt asks for no more than this one.
    LeastReading {
        /// What the prompt as it stands would be given.
        instead_of: TargetId,
    },
    /// Drawn by chance, to measure what routing saves and costs.
    Explored,
    /// Cheaper, but not sure enough of being right.
    Unsure {
        /// The probability to be passed.
        threshold: f64,
    },
    /// Predicted to fall below the share of the best quality that the goal keeps.
    BelowFloor {
        /// The quality to be kept.
        floor: f64,
    },
    /// Few answers placed it, and it sits this decision out.
    Provisional {
        /// The share of the decisions in which it competes.
        share: f64,
    },
}

/// One candidate's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Which candidate.
    pub target: TargetId,
    /// The selector's score, in [0, 1]: comparable within a ranking.
    pub score: f64,
    /// The probability with which this target was chosen, for off-policy estimates.
    pub propensity: f64,
    /// Why it stands here.
    pub reason: Reason,
}

/// The candidates in order; the first is chosen, the others are asked in turn when it fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranking(pub Vec<Ranked>);

/// Orders the candidates.
///
/// A selector MUST rank every estimate exactly once and no other target, MUST be deterministic for a given `rng`, MUST
/// break ties by lower cost and then by id, and MUST NOT choose a target that another dominates in what it weighs. A
/// policy that doubts the estimates ([`do_no_harm`]) keeps this of what it believes.
pub trait Selector: Send + Sync {
    /// Its name, as configuration and decisions spell it.
    fn name(&self) -> &str;
    /// The order.
    fn rank(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Ranking;
}

impl Ranking {
    /// Who was chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Ranked> {
        self.0.first()
    }

    /// Moves `target` to the front for `reason`; the others keep their order. No effect when it is not ranked.
    pub fn put_first(&mut self, target: &TargetId, reason: Reason) {
        let Some(at) = self.0.iter().position(|ranked| ranked.target == *target) else { return };
        let chosen = self.0.remove(at);
        self.lead(Ranked { reason, ..chosen });
    }

    /// Puts a target before all others: it is the one chosen.
    pub fn lead(&mut self, mut chosen: Ranked) {
        for other in &mut self.0 {
            other.propensity = 0.0;
            if other.reason == Reason::Best {
                other.reason = Reason::LowerScore;
            }
        }
        chosen.propensity = 1.0;
        self.0.insert(0, chosen);
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Best => f.write_str("best score"),
            Self::Session => f.write_str("stays with its conversation"),
            Self::Named => f.write_str("asked for by name"),
            Self::Agent => f.write_str("the agent that the turn belongs to"),
            Self::AfterAgent { before } => write!(f, "the agent that is asked if {before} fails"),
            Self::Constant => f.write_str("best constant choice"),
            Self::Departure { from, gain_at_least } => {
                write!(f, "leaves {from}: quality {gain_at_least:+.3} or better")
            }
            Self::Unproven { gain_at_least } => {
                write!(f, "not proven better: quality {gain_at_least:+.3} or better")
            }
            Self::LeastReading { instead_of } => {
                write!(f, "without its last words the prompt does not ask for {instead_of}")
            }
            Self::Explored => f.write_str("drawn by chance, to measure routing"),
            Self::Unsure { threshold } => write!(f, "not surer than {threshold:.3} to be right"),
            Self::LowerScore => f.write_str("lower score"),
            Self::Dominated { by } => write!(f, "{by} is as good and no dearer"),
            Self::Provisional { share } => {
                write!(f, "placed by few answers: competes in {:.0} % of the decisions", share * 100.0)
            }
            Self::BelowFloor { floor } => write!(f, "below the quality floor of {floor:.3}"),
        }
    }
}

#[cfg(test)]
mod tests;

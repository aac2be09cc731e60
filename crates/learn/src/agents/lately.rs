//! What a conversation has been about lately: sums of its turns' vectors that fade from turn to turn.
//!
//! They are read as a turn is: against the agents' texts and through the heads. "Yes, please" says nothing of an agent; what
//! was said before it does. The sums belong to the conversation and not to a registry, which may change meanwhile.
#![allow(clippy::indexing_slicing, reason = "arrays of one fixed size")]

use serde::{Deserialize, Serialize};

use super::turn::Turn;
use crate::estimate::dot::dot;

/// What is left of a turn after the next: one sum forgets fast, one slowly.
const FADES: [f32; SUMS] = [0.5, 0.9];
/// How many sums.
pub(crate) const SUMS: usize = 2;

/// The sums of both sides. Empty before the first turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lately {
    user: [Vec<f32>; SUMS],
    system: [Vec<f32>; SUMS],
}

impl Lately {
    /// Adds a turn.
    pub(crate) fn hear(&mut self, turn: &Turn) {
        for (at, fade) in FADES.iter().enumerate() {
            add(&mut self.user[at], &turn.user, *fade);
            add(&mut self.system[at], &turn.system, *fade);
        }
    }

    /// Each sum as a turn without words.
    pub(crate) fn turns(&self) -> [Turn; SUMS] {
        std::array::from_fn(|at| Turn::with_vectors("", "", unit(&self.user[at]), unit(&self.system[at])))
    }
}

fn add(sum: &mut Vec<f32>, next: &[f32], fade: f32) {
    sum.resize(next.len(), 0.0);
    for (sum, next) in sum.iter_mut().zip(next) {
        *sum = *sum * fade + next;
    }
}

fn unit(sum: &[f32]) -> Vec<f32> {
    let norm = dot(sum, sum).sqrt();
    let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    sum.iter().map(|value| value * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_fades_and_silence_leaves_nothing() {
        let mut lately = Lately::default();
        lately.hear(&Turn::with_vectors("", "", vec![1.0, 0.0], vec![0.0, 0.0]));
        lately.hear(&Turn::with_vectors("", "", vec![0.0, 1.0], vec![0.0, 0.0]));
        let [fast, slow] = lately.turns();
        assert!(fast.user[0] < slow.user[0] && slow.user[0] < slow.user[1]);
        assert!(slow.heard.is_none());
    }
}

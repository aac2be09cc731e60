//! Which known agent or category a turn sounds like: discriminants over the user's words and over the assistant's last ones.
//!
//! The heads know classes (an agent's skills). An agent's score is its best class's, a category's its best agent's. What was
//! never seen has no score: an agent of a new category is judged by its texts alone, and is told so by [`Heads::known`].

use super::discriminant::Discriminant;
use super::turn::Turn;

/// Scores are small numbers beside cosines.
const SCALE: f32 = 0.1;
/// No single class says more than this.
const MOST: f32 = 5.0;

/// Two discriminants over the same classes, and what their classes mean in one registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    pub(crate) user: Discriminant,
    pub(crate) system: Discriminant,
    /// Each class's agent in the registry; `None` where it is not registered or must not be known.
    pub(crate) places: Vec<Option<u32>>,
    /// Each class's category; `None` where the class must not be known at all.
    pub(crate) categories: Vec<Option<u32>>,
}

/// What the heads say of one turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadScores {
    /// By place; `NaN` where unknown.
    pub(crate) user_agent: Vec<f32>,
    pub(crate) system_agent: Vec<f32>,
    /// By category; `NaN` where unknown.
    pub(crate) user_category: Vec<f32>,
    pub(crate) system_category: Vec<f32>,
    /// The best class of all.
    pub(crate) best_user: f32,
    pub(crate) best_system: f32,
}

impl Heads {
    /// Scores for a registry of so many agents and a system of so many categories.
    pub(crate) fn read(&self, turn: &Turn, agents: usize, categories: usize) -> HeadScores {
        let mut raw = Vec::new();
        let mut out = HeadScores::default();
        self.user.scores(&turn.user, &mut raw);
        (out.user_agent, out.user_category, out.best_user) = self.spread(&raw, agents, categories);
        self.system.scores(&turn.system, &mut raw);
        if turn.heard.is_none() {
            raw.fill(0.0);
        }
        (out.system_agent, out.system_category, out.best_system) = self.spread(&raw, agents, categories);
        out
    }

    fn spread(&self, raw: &[f32], agents: usize, categories: usize) -> (Vec<f32>, Vec<f32>, f32) {
        let mut by_agent = vec![f32::NAN; agents];
        let mut by_category = vec![f32::NAN; categories];
        let mut best = f32::NAN;
        for ((score, place), category) in raw.iter().zip(&self.places).zip(&self.categories) {
            let Some(category) = category else { continue };
            let score = (score * SCALE).clamp(-MOST, MOST);
            best = best.max(score);
            if let Some(slot) = by_category.get_mut(*category as usize) {
                *slot = slot.max(score);
            }
            if let Some(slot) = place.and_then(|place| by_agent.get_mut(place as usize)) {
                *slot = slot.max(score);
            }
        }
        (by_agent, by_category, if best.is_nan() { 0.0 } else { best })
    }
}

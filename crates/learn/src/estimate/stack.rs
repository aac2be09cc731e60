//! A mixture of heads, drawn towards the constants.
//!
//! Each head's departure from the models' means has two parts: how much better or worse all models do on this prompt,
//! and how the models differ on it. The first is easy to learn and the second, which alone decides a choice, is hard,
//! so each part has its own weights. They are fitted out of fold, never negative, and sum to less than one where
//! the evidence is thin: the rest is the constant.

use serde::{Deserialize, Serialize};

use super::dot::add_scaled;
use super::input::View;
use super::{Named, predict};

/// What is mixed, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// Each model's mean.
    pub(crate) mean: Vec<f32>,
    /// The models that were judged on the same prompts; each model stands in one group.
    pub(crate) groups: Vec<Vec<u32>>,
    pub(crate) members: Vec<Member>,
}

/// One head's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Its position among the artifact's heads.
    pub(crate) head: u32,
    /// Weight of what it says of all models together.
    pub(crate) common: f32,
    /// Weight of what it says of their differences.
    pub(crate) difference: f32,
}

impl Stack {
    pub(crate) fn predict(&self, heads: &[Named], view: &View, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.mean);
        let mut departure = Vec::with_capacity(self.mean.len());
        for member in &self.members {
            let Some(named) = heads.get(member.head as usize) else { continue };
            predict(heads, &named.head, view, &mut departure);
            add_scaled(&mut departure, &self.mean, -1.0);
            for group in &self.groups {
                let of = |model: &u32| departure.get(*model as usize).copied().unwrap_or_default();
                let common = group.iter().map(of).sum::<f32>() / group.len().max(1) as f32;
                for model in group {
                    if let Some(value) = out.get_mut(*model as usize) {
                        *value += member.common * common + member.difference * (of(model) - common);
                    }
                }
            }
        }
    }

    /// Members may only be heads that stand before `position`, so that no mixture contains itself.
    pub(crate) fn fits(&self, models: usize, position: usize) -> bool {
        self.mean.len() == models
            && self.members.iter().all(|member| (member.head as usize) < position)
            && self.groups.iter().flatten().all(|model| (*model as usize) < models)
    }
}

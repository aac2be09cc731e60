//! Where a conversation stands, as a session keeps it: names instead of places, so that a registry may change meanwhile.

use pointsman_kernel::TargetId;
use pointsman_kernel::agents::{Mask, Registry};
use serde::{Deserialize, Serialize};

use super::choose::Chosen;
use super::evidence::Standing;
use super::index::Index;
use super::lately::Lately;
use super::scorer::Scratch;
use super::turn::Turn;

/// Who is at work, for how long, who was before, and what the conversation has been about lately: a few KB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    active: Option<TargetId>,
    turns: u32,
    before: Vec<TargetId>,
    lately: Lately,
}

impl Course {
    /// After a turn that went to `next`; `None` is no agent.
    pub fn went(&mut self, turn: &Turn, next: Option<&TargetId>) {
        self.lately.hear(turn);
        self.turns = if self.active.as_ref() == next { self.turns.saturating_add(1) } else { 1 };
        self.active = next.cloned();
        if let Some(next) = next.filter(|next| !self.before.contains(next)) {
            self.before.push(next.clone());
        }
    }

    fn standing(&self, registry: &Registry) -> Standing {
        Standing {
            active: self.active.as_ref().and_then(|id| registry.place(id)),
            turns: self.turns,
            before: self.before.iter().filter_map(|id| registry.place(id)).collect(),
            lately: self.lately.clone(),
        }
    }
}

impl Index {
    /// Chooses for a conversation's next turn. The place is always one that the mask holds, or none.
    #[must_use]
    pub fn choose_next(&self, turn: &Turn, course: &Course, mask: &Mask) -> Chosen {
        self.choose(turn, &course.standing(self.registry()), mask, &mut Scratch::default())
    }
}

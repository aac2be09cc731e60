//! What is kept of a conversation for the first stage, from one turn to the next.

use serde::{Deserialize, Serialize};

use super::machine::Conversation;
use crate::id::TargetId;

/// More agents than this are not remembered of one conversation; the oldest are forgotten first.
const REMEMBERED: usize = 16;

/// A conversation's way through the agents. A store adds key, time to live and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Its place in the state machine.
    pub conversation: Conversation,
    /// The agent that the last turn went to; none where the models answered, or nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<TargetId>,
    /// How many turns in a row have gone there.
    #[serde(default)]
    pub turns: u32,
    /// Agents it has been with, in the order they came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<TargetId>,
}

impl Course {
    /// After a turn that ended at `conversation` and went to `to`.
    #[must_use]
    pub fn after(mut self, conversation: Conversation, to: Option<&TargetId>) -> Self {
        self.conversation = conversation;
        self.turns = if self.last.as_ref() == to { self.turns.saturating_add(1) } else { 1 };
        self.last = to.cloned();
        if let Some(to) = to
            && !self.before.contains(to)
        {
            if self.before.len() >= REMEMBERED {
                self.before.remove(0);
            }
            self.before.push(to.clone());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_in_a_row_are_counted_and_the_memory_is_bounded() {
        let mut course = Course::default();
        for _ in 0..3 {
            course = course.after(Conversation::default(), Some(&"a".into()));
        }
        assert_eq!((course.turns, course.before.len()), (3, 1));
        course = course.after(Conversation::default(), None);
        assert_eq!((course.turns, course.last.clone()), (1, None));
        for at in 0..40 {
            course = course.after(Conversation::default(), Some(&format!("agent-{at}").into()));
        }
        assert_eq!(course.before.len(), REMEMBERED);
        assert_eq!(course.before.last(), Some(&"agent-39".into()));
    }
}

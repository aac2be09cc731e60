//! The choice on a turn that is served: by the heads where a model was trained, by the texts of the registry alone where none
//! was.
//!
//! Without a model nothing was learned about turns that belong nowhere, so an agent is chosen only where its own words come
//! near the turn's: NONE is the default. A conversation leaves its agent less easily than it goes to one, since what is said
//! within a matter ("the second one, please") need not sound like it.

use pointsman_kernel::TargetId;
use pointsman_kernel::agents::{AgentScore, Choice, Chooser, Choosing, Course, Mask, Registry, Why};

use super::choose::Chosen;
use super::evidence::Standing;
use super::index::Index;
use super::lately::Lately;
use super::rank::similarity;
use super::scorer::Scratch;
use super::turn::Turn;

/// Agents that a decision names with their scores.
const NAMED: usize = 5;
/// How near an agent's description, skills, name and words together must come to a turn.
const NEAR_TEXTS: f32 = 0.30;
/// How near one of its examples must.
const NEAR_EXAMPLE: f32 = 0.60;
/// The share of that which holds a conversation where it is.
const HOLDS: f32 = 0.6;
/// A turn of so few telling words is an answer rather than a matter of its own.
const BRIEF: usize = 2;

/// Chooses on one turn of one conversation.
pub struct TurnChooser<'a> {
    index: &'a Index,
    turn: &'a Turn,
    standing: Standing,
}

impl<'a> TurnChooser<'a> {
    /// For a turn of a conversation that has gone this way; `earlier` are its last turns before this one, oldest first.
    #[must_use]
    pub fn new(index: &'a Index, turn: &'a Turn, earlier: &[Turn], course: &Course) -> Self {
        let place = |id: &TargetId| index.registry.place(id);
        let mut lately = Lately::default();
        earlier.iter().for_each(|turn| lately.hear(turn));
        let standing = Standing {
            lately,
            active: course.last.as_ref().and_then(place),
            turns: course.turns,
            before: course.before.iter().filter_map(place).collect(),
        };
        Self { index, turn, standing }
    }

    /// How near the texts of an agent come to the turn, over what is near: above 1 it is.
    fn nearness(&self, places: &[usize]) -> Vec<f32> {
        let mut text = Vec::new();
        self.index.text_scores(self.turn, places, &mut text);
        let taught = self.index.taught(self.turn, places);
        let each = text.iter().zip(taught).map(|(text, taught)| {
            let example = taught.map_or(0.0, |(_, near)| near / NEAR_EXAMPLE);
            (similarity(text) / NEAR_TEXTS).max(example)
        });
        each.collect()
    }

    /// By texts alone.
    fn by_texts(&self, chosen: Chosen, mask: &Mask) -> (Chosen, Why, f32, f32) {
        let Some(best) = chosen.place else { return (chosen, Why::NobodyLeft, 0.0, 1.0) };
        let near = |place: usize| self.nearness(&[place]).first().copied().unwrap_or(0.0);
        let active = self.standing.active.filter(|active| mask.allows(*active));
        let nearest = near(best);
        if active != Some(best) && nearest >= 1.0 {
            return (chosen, Why::Fits, nearest, 1.0);
        }
        let Some(active) = active else {
            return (Chosen { place: None, ..chosen }, Why::FitsNone, nearest, 1.0);
        };
        let (held, needed) = (near(active), if self.turn.is_brief(BRIEF) { 0.0 } else { HOLDS });
        let stays = held >= needed;
        let why = if stays { Why::Stays } else { Why::FitsNone };
        (Chosen { place: stays.then_some(active), ..chosen }, why, held, needed)
    }
}

impl Chooser for TurnChooser<'_> {
    fn choose(&self, registry: &Registry, mask: &Mask) -> Choosing {
        let found = self.index.choose(self.turn, &self.standing, mask, &mut Scratch::default());
        let learned = self.index.model.is_some();
        let (found, why, belongs, threshold) = if learned {
            let (belongs, threshold) = (found.belongs, self.index.threshold());
            let why = match found.place {
                _ if mask.count() == 0 => Why::NobodyLeft,
                None => Why::FitsNone,
                place if place == self.standing.active => Why::Stays,
                Some(_) => Why::Fits,
            };
            (found, why, belongs, threshold)
        } else {
            self.by_texts(found, mask)
        };
        let id = |place: usize| registry.agents().get(place).map(|agent| agent.id().clone());
        let choice = match found.place.and_then(id) {
            Some(id) => Choice::Agent { id, missing: Vec::new() },
            None if mask.none => Choice::None,
            None => Choice::Cancel,
        };
        let scores = found.ranked.iter().take(NAMED);
        let scores = scores.filter_map(|ranked| {
            Some(AgentScore { agent: id(ranked.place)?, score: f64::from(ranked.score) })
        });
        let finite = |value: f32| value.is_finite().then_some(f64::from(value));
        Choosing {
            choice,
            scores: scores.collect(),
            belongs: finite(belongs),
            threshold: finite(threshold),
            why,
            by: if learned { "heads" } else { "texts" }.into(),
        }
    }
}

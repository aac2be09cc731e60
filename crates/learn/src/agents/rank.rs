//! Ranking by texts alone: agents, skills and tools of any number, for a text that may be about any of them.
//!
//! Where entries have examples (or training left some), a discriminant over them leads, with the nearest example and words
//! beside it; where they have none, name, description and words. Each signal is brought to one spread first.
#![allow(clippy::indexing_slicing, reason = "vectors of one length, made here")]

use pointsman_kernel::agents::Mask;
use serde::Serialize;

use super::best::Best;
use super::evidence::{TEXT, TextScores};
use super::index::Index;
use super::turn::Turn;

/// Entries that one similarity picks from a large registry before all of them are computed.
const FIRST: usize = 200;
/// What words count beside that similarity.
const WORD_BESIDE: f32 = 0.01;
/// How many of the nearest remembered turns are averaged.
const NEAREST: usize = 5;

/// What the nearest example and the words count beside the discriminant, all of one spread: what did best on the training part of
/// MetaTool.
const NEAR: f32 = 0.5;
const WORDS: f32 = 0.2;

/// An agent by place, with its score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// Its place in the registry.
    pub place: usize,
    /// Only differences mean something.
    pub score: f32,
}

impl Index {
    /// The best entries that the mask holds for a turn, best first, at most so many.
    #[must_use]
    pub fn rank_places(&self, turn: &Turn, mask: &Mask, most: usize) -> Vec<Ranked> {
        let places = self.first(turn, mask, FIRST.max(most));
        let mut text = Vec::new();
        self.text_scores(turn, &places, &mut text);
        let scores = self.plain_scores(turn, &places, &text);
        let ranked = places.iter().zip(scores).map(|(place, score)| Ranked { place: *place, score });
        let mut ranked: Vec<Ranked> = ranked.collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
        ranked.truncate(most);
        ranked
    }

    /// Of many places, those that the first text with the words finds, and those that the heads find.
    fn first(&self, turn: &Turn, mask: &Mask, most: usize) -> Vec<usize> {
        if mask.count() <= most {
            return mask.places().collect();
        }
        let mut words = Vec::new();
        self.words.scores(&turn.user_words, &mut words);
        let mut by_text = Best::new(most);
        for place in mask.places() {
            let (from, _) = self.skills.range(place);
            by_text.offer(place, self.skills.rows.dot(from, &turn.asked) + WORD_BESIDE * words[place]);
        }
        if self.heads.places.iter().all(Option::is_none) {
            return by_text.places().collect();
        }
        let mut by_class = Best::new(most);
        for (class, place) in self.heads.places.iter().enumerate() {
            if let Some(place) = place.map(|place| place as usize).filter(|place| mask.allows(*place)) {
                by_class.offer(place, self.heads.user.score(class, &turn.user));
            }
        }
        let mut places: Vec<usize> = by_text.places().chain(by_class.places()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// A score for each place, without regard to a conversation.
    pub(crate) fn plain_scores(&self, turn: &Turn, places: &[usize], text: &[TextScores]) -> Vec<f32> {
        let own: Vec<f32> = text.iter().map(similarity).collect();
        let taught: Vec<Option<(f32, f32)>> = self.taught(turn, places);
        if !taught.iter().any(Option::is_some) {
            return own;
        }
        let column = |of: &dyn Fn(usize) -> f32| spread((0..places.len()).map(of).collect());
        let floor = taught.iter().flatten().fold(f32::INFINITY, |least, (score, _)| least.min(*score));
        let class = column(&|at| taught[at].map_or(floor, |(score, _)| score));
        let near = column(&|at| taught[at].map_or(text[at][1], |(_, near)| near));
        let word = column(&|at| text[at][5]);
        let said = self.sayings.scores(&turn.user_words);
        let said_of = |at: usize| taught[at].and_then(|_| said.get(places[at]).copied());
        let least = (0..places.len()).filter_map(said_of).fold(0.0, f32::min);
        let said = column(&|at| said_of(at).unwrap_or(least));
        // Where examples abound the nearest of them says more.
        let weight = self.sayings.weight;
        let nearest = NEAR + weight;
        (0..places.len())
            .map(|at| class[at] + nearest * near[at] + WORDS * word[at] + weight * said[at])
            .collect()
    }

    /// For each place with classes of its own: the best class's score and the nearest remembered turn.
    pub(crate) fn taught(&self, turn: &Turn, places: &[usize]) -> Vec<Option<(f32, f32)>> {
        let of = |class: &u32| {
            let class = *class as usize;
            let near = self.memory.best(class, &turn.asked).unwrap_or(0.0);
            (self.heads.user.score(class, &turn.user), near)
        };
        let better = |a: (f32, f32), b: (f32, f32)| (a.0.max(b.0), a.1.max(b.1));
        let classes = |place: &usize| self.classes_of.get(*place).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| classes(place).iter().map(of).reduce(better)).collect()
    }

    /// The mean similarity of the nearest remembered turns of some classes; 0 where there are none.
    pub(crate) fn memory_near(&self, turn: &Turn, of: impl Fn(usize) -> bool) -> f32 {
        let mut nearest = [f32::NEG_INFINITY; NEAREST];
        for class in (0..self.heads.places.len()).filter(|class| of(*class)) {
            let (from, to) = self.memory.range(class);
            for row in from..to {
                insert(&mut nearest, self.memory.rows.dot(row, &turn.asked));
            }
        }
        let found: Vec<f32> = nearest.into_iter().filter(|value| value.is_finite()).collect();
        if found.is_empty() { 0.0 } else { found.iter().sum::<f32>() / found.len() as f32 }
    }
}

/// Keeps the greatest values, greatest first.
pub(crate) fn insert(nearest: &mut [f32], value: f32) {
    let mut value = value;
    for slot in nearest {
        if value > *slot {
            std::mem::swap(slot, &mut value);
        }
    }
}

/// Name and description together, description, name, words: the weights that did best on the training part of MetaTool.
pub(crate) fn similarity(text: &[f32; TEXT]) -> f32 {
    0.3 * text[0] + 0.5 * text[1] + 0.2 * text[2] + 0.08 * text[5]
}

/// Brought to mean 0 and spread 1.
fn spread(mut values: Vec<f32>) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt().max(1e-6);
    values.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
    values
}

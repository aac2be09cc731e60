//! The choice on one turn, within the mask: stay, go to another agent, ask, or none.

use std::collections::HashSet;

use pointsman_kernel::agents::{Choice, Mask};
use serde::Serialize;

use super::evidence::{Standing, TextScores, View, WIDTH, assemble, top_two};
use super::heads::HeadScores;
use super::index::Index;
use super::none::{NoneScorer, Signs};
use super::rank::Ranked;
use super::scorer::Scratch;
use super::turn::Turn;

/// Agents looked at closely; the rest of a large registry was left behind by the ranking.
const CLOSELY: usize = 40;
/// Without a trained scorer: how much nearer another agent must be for a conversation to leave its own.
const STICKINESS: f32 = 0.12;

/// What was chosen, and by what margin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// The place of the agent; `None` is no agent.
    pub place: Option<usize>,
    /// The best agents with their scores, the chosen one first unless none was.
    pub ranked: Vec<Ranked>,
    /// Log odds that the turn belongs to any agent; not read where a conversation stays with its own.
    pub belongs: f32,
}

impl Chosen {
    /// As an event of the state machine wants it.
    #[must_use]
    pub fn choice(&self, index: &Index) -> Choice {
        match self.place.and_then(|place| index.registry().agents().get(place)) {
            Some(agent) => Choice::Agent { id: agent.id().clone(), missing: Vec::new() },
            None => Choice::None,
        }
    }
}

impl Index {
    /// Chooses for one turn. The place is always one that the mask holds, or none.
    pub(crate) fn choose(
        &self,
        turn: &Turn,
        standing: &Standing,
        mask: &Mask,
        scratch: &mut Scratch,
    ) -> Chosen {
        let candidates = self.candidates(turn, standing, mask);
        if candidates.is_empty() {
            return Chosen { place: None, ranked: Vec::new(), belongs: f32::NEG_INFINITY };
        }
        let mut text = Vec::new();
        self.text_scores(turn, &candidates, &mut text);
        let heads = self.heads.read(turn, self.registry.len(), self.categories.len());
        let scores: Vec<f32> = match &self.model {
            Some(model) => {
                let mut evidence = Vec::new();
                let now = View { text: &text, heads: &heads };
                let past = self.past(turn, standing, &candidates);
                let past: Vec<View<'_>> = past.iter().map(|(text, heads)| View { text, heads }).collect();
                assemble(&candidates, now, &past, &self.category_of, standing, turn, &mut evidence);
                evidence.chunks_exact(WIDTH).map(|of| model.scorer.score(of, scratch)).collect()
            }
            None => {
                let plain = self.plain_scores(turn, &candidates, &text);
                let held = |place: &usize| if standing.active == Some(*place) { STICKINESS } else { 0.0 };
                plain.iter().zip(&candidates).map(|(score, place)| score + held(place)).collect()
            }
        };
        let mut ranked: Vec<Ranked> = candidates
            .iter()
            .zip(&scores)
            .map(|(place, score)| Ranked { place: *place, score: *score })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
        let best = ranked.first().map(|ranked| ranked.place);
        let belongs = self.belongs(&self.signs(turn, &candidates, &text, &heads));
        let stays = best.is_some() && best == standing.active;
        let place = if stays || belongs > self.threshold() { best } else { None };
        Chosen { place, ranked, belongs }
    }

    /// What the conversation has been about lately, this turn included.
    fn past(
        &self,
        turn: &Turn,
        standing: &Standing,
        candidates: &[usize],
    ) -> Vec<(Vec<TextScores>, HeadScores)> {
        let mut lately = standing.lately.clone();
        lately.hear(turn);
        let view = |turn: &Turn| {
            let mut text = Vec::new();
            self.text_scores(turn, candidates, &mut text);
            (text, self.heads.read(turn, self.registry.len(), self.categories.len()))
        };
        lately.turns().iter().map(view).collect()
    }

    /// The places looked at closely: all that the mask holds, or the best of them and the agent at work.
    fn candidates(&self, turn: &Turn, standing: &Standing, mask: &Mask) -> Vec<usize> {
        if mask.count() <= CLOSELY {
            return mask.places().collect();
        }
        let mut places: Vec<usize> =
            self.rank_places(turn, mask, CLOSELY).into_iter().map(|ranked| ranked.place).collect();
        for place in standing.active.into_iter().chain(standing.before.iter().copied()) {
            if mask.allows(place) && !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// What tells whether a turn belongs anywhere.
    pub(crate) fn signs(
        &self,
        turn: &Turn,
        candidates: &[usize],
        text: &[[f32; super::evidence::TEXT]],
        heads: &HeadScores,
    ) -> Signs {
        // By category: an agent that is known under another name, or a new one among known ones, is no stranger.
        let category = |place: &usize| self.category_of.get(*place).copied().flatten();
        let offered: HashSet<u32> = candidates.iter().filter_map(category).collect();
        let said = offered.iter().filter_map(|at| heads.user_category.get(*at as usize).copied());
        let (known, _) = top_two(said);
        let allowed = |class: usize| {
            self.heads
                .categories
                .get(class)
                .copied()
                .flatten()
                .is_some_and(|category| offered.contains(&category))
        };
        let near = self.memory_near(turn, allowed);
        let column = |at: usize| top_two(text.iter().map(|scores| scores.get(at).copied().unwrap_or(0.0)));
        let ((description, _), (skill, second), (words, _)) = (column(0), column(1), column(5));
        let best =
            text.iter().zip(candidates).max_by(|a, b| a.0[1].total_cmp(&b.0[1])).map(|(_, place)| place);
        let strange = best.is_some_and(|place| {
            let scored = category(place).and_then(|at| heads.user_category.get(at as usize));
            scored.is_none_or(|score| score.is_nan())
        });
        let any = f32::from(u8::from(strange));
        [
            known,
            near,
            description,
            skill,
            words,
            skill - second,
            any,
            turn.cues.get(10).copied().unwrap_or(0.0),
        ]
    }

    fn belongs(&self, signs: &Signs) -> f32 {
        self.model.as_ref().map_or(f32::INFINITY, |model| model.none.belongs(signs))
    }

    pub(crate) fn threshold(&self) -> f32 {
        self.model.as_ref().map_or(f32::NEG_INFINITY, |model: &std::sync::Arc<super::AgentModel>| {
            let none: &NoneScorer = &model.none;
            none.threshold
        })
    }
}

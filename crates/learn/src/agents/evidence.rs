//! The evidence for each agent on one turn: numbers that a person can read, in one fixed order.
#![allow(clippy::indexing_slicing, reason = "arrays of fixed sizes")]

use super::heads::HeadScores;
use super::lately::{Lately, SUMS};
use super::turn::{CUES, Turn};

/// Similarities of one agent's texts to the turn.
pub(crate) const TEXT: usize = 7;
const HEAD: usize = 9;
const PLACE: usize = 4;
const DELTA: usize = TEXT + 4;
/// Of what the conversation has been about lately: similarities, and what the heads say.
const PAST_TEXT: usize = 5;
const PAST_HEAD: usize = 6;
const TWICE: usize = 2 * PAST_TEXT;
/// Similarities, the same beside the best other's, the heads; and all that beside the agent at work.
const PAST: usize = 2 * (2 * PAST_TEXT + PAST_HEAD);
/// All of it.
pub(crate) const WIDTH: usize = 2 * TEXT + HEAD + PLACE + DELTA + CUES + SUMS * PAST;

/// User against description, skills and name; assistant against description and skills; words of both.
pub(crate) type TextScores = [f32; TEXT];

/// Where the conversation stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The agent at work, by place.
    pub(crate) active: Option<usize>,
    /// How many turns it has been.
    pub(crate) turns: u32,
    /// Agents that were at work before.
    pub(crate) before: Vec<usize>,
    /// What its turns were about before this one.
    pub(crate) lately: Lately,
}

/// What is known of one view of a conversation: similarities of the candidates' texts, and the heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) text: &'a [TextScores],
    pub(crate) heads: &'a HeadScores,
}

impl Standing {
    /// After a turn that went to `next`.
    pub(crate) fn go(&mut self, next: Option<usize>) {
        self.turns = if next == self.active { self.turns.saturating_add(1) } else { 1 };
        self.active = next;
        if let Some(next) = next
            && !self.before.contains(&next)
        {
            self.before.push(next);
        }
    }
}

/// The evidence for each of `candidates`, [`WIDTH`] numbers each, one after another.
pub(crate) fn assemble(
    candidates: &[usize],
    View { text, heads }: View<'_>,
    past: &[View<'_>],
    category_of: &[Option<u32>],
    standing: &Standing,
    turn: &Turn,
    out: &mut Vec<f32>,
) {
    out.clear();
    let tops = tops(text);
    let head = all_heads(candidates, heads, category_of);
    let past: Vec<Vec<[f32; PAST / 2]>> =
        past.iter().map(|view| past_of(candidates, *view, category_of)).collect();
    let active = standing.active.and_then(|active| candidates.iter().position(|place| *place == active));
    for (at, place) in candidates.iter().enumerate() {
        let (text_of, head_of) = (&text[at], &head[at]);
        out.extend_from_slice(text_of);
        out.extend(text_of.iter().zip(&tops).map(|(own, tops)| beside(*own, *tops)));
        out.extend_from_slice(head_of);
        let is_active = Some(at) == active;
        out.push(f32::from(u8::from(is_active)));
        out.push(f32::from(u8::from(!is_active && standing.before.contains(place))));
        out.push(if active.is_some() { standing.turns.min(8) as f32 / 8.0 } else { 0.0 });
        out.push(f32::from(u8::from(active.is_none())));
        match active {
            Some(active) => {
                out.extend(text_of.iter().zip(&text[active]).map(|(own, active)| own - active));
                out.extend(head_of.iter().zip(&head[active]).take(4).map(|(own, active)| own - active));
            }
            None => out.extend_from_slice(&[0.0; DELTA]),
        }
        out.extend_from_slice(&turn.cues);
        for rows in &past {
            out.extend_from_slice(&rows[at]);
            match active {
                Some(active) => {
                    out.extend(rows[at].iter().zip(&rows[active]).map(|(own, other)| own - other))
                }
                None => out.extend_from_slice(&[0.0; PAST / 2]),
            }
        }
    }
}

/// What the conversation has been about lately, for each candidate.
fn past_of(candidates: &[usize], view: View<'_>, category_of: &[Option<u32>]) -> Vec<[f32; PAST / 2]> {
    let tops = tops(view.text);
    let heads = all_heads(candidates, view.heads, category_of);
    let row = |(text, head): (&TextScores, &[f32; HEAD])| {
        std::array::from_fn(|at| match at {
            0..PAST_TEXT => text[at],
            PAST_TEXT..TWICE => beside(text[at - PAST_TEXT], tops[at - PAST_TEXT]),
            _ => head[at - TWICE],
        })
    };
    view.text.iter().zip(&heads).map(row).collect()
}

fn all_heads(candidates: &[usize], heads: &HeadScores, category_of: &[Option<u32>]) -> Vec<[f32; HEAD]> {
    let user_tops = top_two(heads.user_category.iter().copied());
    let system_tops = top_two(heads.system_category.iter().copied());
    let of = |place: &usize| head(*place, candidates, heads, category_of, (user_tops, system_tops));
    candidates.iter().map(of).collect()
}

/// Beside the best other.
fn beside(own: f32, (first, second): (f32, f32)) -> f32 {
    own - if own >= first { second } else { first }
}

fn head(
    place: usize,
    candidates: &[usize],
    heads: &HeadScores,
    category_of: &[Option<u32>],
    (user_tops, system_tops): ((f32, f32), (f32, f32)),
) -> [f32; HEAD] {
    let category = category_of.get(place).copied().flatten();
    let of =
        |scores: &[f32]| category.and_then(|at| scores.get(at as usize)).copied().filter(|s| !s.is_nan());
    let (user, system) = (of(&heads.user_category), of(&heads.system_category));
    let siblings = |scores: &[f32]| {
        let own = scores.get(place).copied().filter(|score| !score.is_nan())?;
        let others = candidates.iter().filter(|other| **other != place && category.is_some());
        let others = others.filter(|other| category_of.get(**other).copied().flatten() == category);
        let best = others
            .filter_map(|other| scores.get(*other).copied())
            .filter(|s| !s.is_nan())
            .reduce(f32::max)?;
        Some(own - best)
    };
    [
        user.unwrap_or(0.0),
        system.unwrap_or(0.0),
        user.map_or(0.0, |own| beside(own, user_tops)),
        system.map_or(0.0, |own| beside(own, system_tops)),
        siblings(&heads.user_agent).unwrap_or(0.0),
        siblings(&heads.system_agent).unwrap_or(0.0),
        heads.best_user,
        heads.best_system,
        f32::from(u8::from(user.is_some())),
    ]
}

/// The best and the second best of each similarity.
fn tops(text: &[TextScores]) -> [(f32, f32); TEXT] {
    std::array::from_fn(|at| top_two(text.iter().map(|scores| scores[at])))
}

/// The best and the second best; equal where there is one alone, 0 where there is none.
pub(crate) fn top_two(values: impl Iterator<Item = f32>) -> (f32, f32) {
    let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for value in values.filter(|value| !value.is_nan()) {
        if value > first {
            (first, second) = (value, first);
        } else if value > second {
            second = value;
        }
    }
    match (first.is_finite(), second.is_finite()) {
        (true, true) => (first, second),
        (true, false) => (first, first),
        _ => (0.0, 0.0),
    }
}

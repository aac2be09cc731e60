//! Turns to learn from, each in a situation that may come: who is registered, who was at work before, what the heads know.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over vectors whose sizes are fixed where they are made"
)]

use pointsman_kernel::rng::Rng;

use super::Material;
use super::heads::Folds;
use crate::agents::evidence::Standing;

/// Share of turns from which a conversation is led astray for a few turns.
const ASTRAY: f64 = 0.075;
/// Agents offered on a turn, at most.
const OFFERED: usize = 48;

/// A turn in a situation.
pub(super) struct Sample {
    pub(super) dialogue: usize,
    pub(super) turn: usize,
    /// Position in [`Folds::heads`].
    pub(super) heads: usize,
    pub(super) allowed: std::rc::Rc<[usize]>,
    pub(super) standing: Standing,
}

/// Two situations for each dialogue: one in which the heads know everything, one in which they do not.
pub(super) fn draw(material: &Material, folds: &Folds, rng: &mut Rng) -> Vec<Sample> {
    let mut samples = Vec::new();
    for at in 0..material.dialogues.len() {
        let fold = material.fold[at];
        let groups: Vec<usize> = material.dialogues[at]
            .iter()
            .flat_map(|read| &read.classes)
            .filter_map(|class| material.classes[*class].category)
            .map(|category| folds.group[category as usize])
            .collect();
        situation(material, at, folds.known(fold), rng, &mut samples);
        if let Some(group) = groups.get(below(rng, groups.len().max(1))) {
            let heads =
                if rng.uniform() < 0.7 { folds.without(fold, *group) } else { folds.unnamed(fold, *group) };
            situation(material, at, heads, rng, &mut samples);
        }
    }
    samples
}

fn situation(material: &Material, dialogue: usize, heads: usize, rng: &mut Rng, out: &mut Vec<Sample>) {
    let turns = &material.dialogues[dialogue];
    let allowed = registered(material, dialogue, rng);
    let mut standing = Standing::default();
    let mut astray: Option<(usize, usize)> = None;
    for (turn, read) in turns.iter().enumerate() {
        if read.gold.iter().any(|place| allowed.contains(place)) {
            out.push(Sample { dialogue, turn, heads, allowed: allowed.clone(), standing: standing.clone() });
        }
        if astray.is_none() && rng.uniform() < ASTRAY {
            astray =
                Some((elsewhere(material, &allowed, read.gold.first().copied(), rng), 1 + below(rng, 3)));
        }
        let next = match &mut astray {
            Some((place, left)) => {
                *left -= 1;
                Some(*place)
            }
            None => read.gold.first().copied(),
        };
        if astray.is_some_and(|(_, left)| left == 0) {
            astray = None;
        }
        standing.go(next);
    }
}

/// Everyone, half of all, or the dialogue's own agents: a registry may be of any size.
fn registered(material: &Material, dialogue: usize, rng: &mut Rng) -> std::rc::Rc<[usize]> {
    let count = material.index.registry.len();
    let labelled = material.dialogues[dialogue].iter().flat_map(|read| &read.gold);
    let own: Vec<usize> = labelled.chain(&material.own[dialogue]).copied().collect();
    let kind = rng.uniform();
    let share = if kind < 0.34 {
        1.0
    } else if kind < 0.67 {
        0.5
    } else {
        0.0
    };
    let share = share * (OFFERED as f64 / count as f64).min(1.0);
    let mut places: Vec<usize> =
        (0..count).filter(|place| own.contains(place) || rng.uniform() < share).collect();
    while places.len() < 2 {
        let other = below(rng, count);
        if !places.contains(&other) {
            places.push(other);
        }
    }
    places.sort_unstable();
    places.into()
}

/// A wrong agent: half of the time of the right one's category.
fn elsewhere(material: &Material, allowed: &[usize], gold: Option<usize>, rng: &mut Rng) -> usize {
    let category = |place: usize| material.index.category_of[place];
    let siblings: Vec<usize> = match gold {
        Some(gold) if rng.uniform() < 0.5 => allowed
            .iter()
            .copied()
            .filter(|place| *place != gold && category(*place) == category(gold))
            .collect(),
        _ => Vec::new(),
    };
    let from = if siblings.is_empty() { allowed } else { &siblings };
    from[below(rng, from.len())]
}

fn below(rng: &mut Rng, count: usize) -> usize {
    (rng.next_u64() % count.max(1) as u64) as usize
}

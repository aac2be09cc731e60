//! Turns that belong nowhere, made of turns whose category was taken away.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over vectors whose sizes are fixed where they are made"
)]

use super::heads::{FOLDS, Folds};
use super::{Material, memory};
use crate::agents::evidence::TextScores;
use crate::agents::none::{NoneScorer, Signs};

/// Turns read for each kind, at most.
const MOST: usize = 6000;

/// The regression that tells whether a turn belongs to any agent.
pub(super) fn fit(material: &Material, folds: &Folds, share: Option<f64>, precision: f64) -> NoneScorer {
    let mut index = material.index.clone();
    index.heads.places = vec![None; material.classes.len()];
    let everyone: Vec<usize> = (0..index.registry.len()).collect();
    let mut rows: Vec<(Signs, bool)> = Vec::new();
    let begun: usize = material.dialogues.iter().flatten().filter(|read| read.begins).count();
    let step = (begun / MOST).max(1);
    for fold in 0..FOLDS {
        index.memory = (&memory(material, |of| of != fold)).into();
        let mut at = 0;
        for (dialogue, _) in material.dialogues.iter().zip(&material.fold).filter(|(_, of)| **of == fold) {
            for read in dialogue.iter().filter(|read| read.begins) {
                at += 1;
                if at % step != 0 {
                    continue;
                }
                let mut add = |heads: usize, places: &[usize], belongs: bool| {
                    index.heads.categories.clone_from(&folds.heads[heads].categories);
                    let text: Vec<TextScores> = places.iter().map(|place| read.text[*place]).collect();
                    let scores =
                        folds.heads[heads].read(&read.turn, everyone.len(), material.categories.len());
                    rows.push((index.signs(&read.turn, places, &text, &scores), belongs));
                };
                let Some(gold) = read.gold.first() else {
                    add(folds.known(fold), &everyone, false);
                    continue;
                };
                add(folds.known(fold), &everyone, true);
                let Some(category) = material.index.category_of[*gold] else { continue };
                let group = folds.group[category as usize];
                let away = |place: &usize| {
                    let of = material.index.category_of[*place];
                    read.gold.contains(place) || of.is_some_and(|of| folds.group[of as usize] == group)
                };
                let left: Vec<usize> = everyone.iter().copied().filter(|place| !away(place)).collect();
                // An agent of a new category is known by its texts alone, and its turns are its own all the same.
                add(folds.without(fold, group), &everyone, true);
                if !left.is_empty() {
                    add(folds.without(fold, group), &left, false);
                }
            }
        }
    }
    NoneScorer::fit(&rows, share, precision)
}

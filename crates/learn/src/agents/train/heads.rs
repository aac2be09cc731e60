//! The heads that judge what they did not see: one set a fold of dialogues, and for each with a group of categories left out.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over vectors whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;

use super::Material;
use crate::agents::discriminant::Moments;
use crate::agents::heads::Heads;
use crate::agents::index::SHRINK;

/// Folds of dialogues.
pub(super) const FOLDS: usize = 3;
/// Groups of categories.
pub(super) const GROUPS: usize = 4;

/// All heads of training.
pub(super) struct Folds {
    /// See [`Folds::known`], [`Folds::without`] and [`Folds::unnamed`].
    pub(super) heads: Vec<Heads>,
    /// Each category's group.
    pub(super) group: Vec<usize>,
    parts: BTreeMap<(usize, u32), (Moments, Moments)>,
}

impl Folds {
    /// Sums of every fold and combination of groups, and the heads made of them.
    pub(super) fn new(material: &Material, dims: usize) -> Self {
        let group: Vec<usize> = (0..material.categories.len()).map(|category| category % GROUPS).collect();
        let mut folds = Self { heads: Vec::new(), group, parts: BTreeMap::new() };
        folds.sum(material, dims);
        for fold in 0..FOLDS {
            let (user, system) = folds.merged(material, dims, |of, _| of != fold);
            let known = heads(material, &user, &system);
            let unnamed = (0..GROUPS).map(|group| {
                let mut heads = known.clone();
                for (place, category) in heads.places.iter_mut().zip(&known.categories) {
                    if category.is_some_and(|category| folds.group[category as usize] == group) {
                        *place = None;
                    }
                }
                heads
            });
            let unnamed: Vec<Heads> = unnamed.collect();
            folds.heads.push(known);
            for group in 0..GROUPS {
                let (user, system) =
                    folds.merged(material, dims, |of, groups| of != fold && groups >> group & 1 == 0);
                folds.heads.push(heads(material, &user, &system));
            }
            folds.heads.extend(unnamed);
        }
        folds
    }

    /// Heads that did not see this fold's dialogues.
    pub(super) fn known(&self, fold: usize) -> usize {
        fold * (2 * GROUPS + 1)
    }

    /// Heads that saw neither this fold nor any dialogue about a group of categories.
    pub(super) fn without(&self, fold: usize, group: usize) -> usize {
        self.known(fold) + 1 + group
    }

    /// Heads that know the categories of a group and not which agent is which.
    pub(super) fn unnamed(&self, fold: usize, group: usize) -> usize {
        self.known(fold) + 1 + GROUPS + group
    }

    /// The sums over everything.
    pub(super) fn whole(self) -> (Moments, Moments) {
        let mut parts = self.parts.into_values();
        let Some((mut user, mut system)) = parts.next() else {
            return (Moments::new(0, 0), Moments::new(0, 0));
        };
        for (more_user, more_system) in parts {
            user.merge(&more_user);
            system.merge(&more_system);
        }
        (user, system)
    }

    fn sum(&mut self, material: &Material, dims: usize) {
        let classes = material.classes.len();
        let mut rows: BTreeMap<(usize, u32), Vec<(usize, usize)>> = BTreeMap::new();
        for (at, (dialogue, fold)) in material.dialogues.iter().zip(&material.fold).enumerate() {
            let categories = dialogue
                .iter()
                .flat_map(|read| &read.classes)
                .filter_map(|class| material.classes[*class].category);
            let groups =
                categories.fold(0_u32, |groups, category| groups | 1 << self.group[category as usize]);
            rows.entry((*fold, groups)).or_default().extend((0..dialogue.len()).map(|turn| (at, turn)));
        }
        for (key, rows) in rows {
            let (mut user, mut system) = (Moments::new(dims, classes), Moments::new(dims, classes));
            let of = |at: &(usize, usize)| &material.dialogues[at.0][at.1];
            let said: Vec<(&[f32], Vec<usize>)> =
                rows.iter().map(of).map(|read| (&read.turn.user[..], read.classes.clone())).collect();
            user.add(&said);
            let heard = rows.iter().map(of).filter(|read| read.turn.system.iter().any(|value| *value != 0.0));
            let heard: Vec<(&[f32], Vec<usize>)> =
                heard.map(|read| (&read.turn.system[..], read.classes.clone())).collect();
            system.add(&heard);
            self.parts.insert(key, (user, system));
        }
    }

    fn merged(
        &self,
        material: &Material,
        dims: usize,
        wanted: impl Fn(usize, u32) -> bool,
    ) -> (Moments, Moments) {
        let classes = material.classes.len();
        let (mut user, mut system) = (Moments::new(dims, classes), Moments::new(dims, classes));
        for ((fold, groups), (of_user, of_system)) in &self.parts {
            if wanted(*fold, *groups) {
                user.merge(of_user);
                system.merge(of_system);
            }
        }
        (user, system)
    }
}

fn heads(material: &Material, user: &Moments, system: &Moments) -> Heads {
    let seen = |at: &usize| user.has(*at);
    let place = |at: usize| material.index.registry.place(&material.classes[at].agent.as_str().into());
    let all = 0..material.classes.len();
    Heads {
        places: all
            .clone()
            .map(|at| seen(&at).then(|| place(at)).flatten().map(|place| place as u32))
            .collect(),
        categories: all.map(|at| seen(&at).then_some(material.classes[at].category).flatten()).collect(),
        user: user.solve(SHRINK).unwrap_or_default(),
        system: system.solve(SHRINK).unwrap_or_default(),
    }
}

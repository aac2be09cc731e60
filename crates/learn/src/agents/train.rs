//! Training of the agent stage's heads from labelled dialogues.
//!
//! Every head is judged by dialogues that it did not see, and some of the time by categories or agents that it did not see
//! either, so that the scorer learns how far to trust a head that knows a category, and what to do when it does not. A turn's
//! conversation before it is the labels' own, with mistakes thrown in: one that went wrong must be able to find back.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over vectors whose sizes are fixed where they are made"
)]

mod fit;
mod heads;
mod none;
mod samples;

use std::collections::HashMap;

use pointsman_encode::{EncodeError, Encoder};
use pointsman_kernel::agents::Registry;
use pointsman_kernel::rng::Rng;

use super::dialogues::Dialogue;
use super::evidence::{TextScores, View, WIDTH, assemble};
use super::index::{Index, mean_direction};
use super::lately::{Lately, SUMS};
use super::model::{AgentModel, AgentNotes, Class};
use super::rows::{Owned, Rows};
use super::turn::Turn;
use crate::train::Progress;
use fit::Fit;
use heads::Folds;
use samples::Sample;

/// Turns in one step of the optimiser.
const BATCH: usize = 128;
/// Turns that the spread of the evidence is read off.
const SPREAD_OF: usize = 1500;
/// Steps at least, however few dialogues there are.
const LEAST_STEPS: usize = 600;
/// Remembered turns over all classes, at most.
const REMEMBERED: usize = 6000;

/// How to train.
#[derive(Clone, Debug)]
pub struct AgentTrainOptions {
    /// Dialogues learnt from, at most; which ones is decided by a hash of their ids.
    pub most: usize,
    /// Passes over them.
    pub passes: usize,
    /// The share of turns that belong to no agent; `None` is what the labels say.
    pub none_share: Option<f64>,
    /// The precision of what is dispatched that the cut is fitted to.
    pub precision: f64,
    /// The seed.
    pub seed: u64,
    /// What the data's licences ask to be said.
    pub licences: Vec<String>,
}

/// Dialogues that nothing can be learnt from.
#[derive(Debug, thiserror::Error)]
pub enum AgentTrainError {
    /// The encoder failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No turn has a label.
    #[error(
        "no turn of the dialogues has an agent of the registry as its label; check that both speak of the same agents"
    )]
    NoLabels,
    /// A registry to choose from is needed.
    #[error("a registry of one agent leaves nothing to learn; register at least two")]
    OneAgent,
}

impl Default for AgentTrainOptions {
    fn default() -> Self {
        Self { most: 4000, passes: 4, none_share: None, precision: 0.95, seed: 0, licences: Vec::new() }
    }
}

/// One turn, read.
pub(super) struct Read {
    pub(super) turn: Turn,
    /// Labelled agents, by place.
    pub(super) gold: Vec<usize>,
    pub(super) classes: Vec<usize>,
    /// First, or its labels differ from the turn's before.
    pub(super) begins: bool,
    pub(super) text: Vec<TextScores>,
    /// What the conversation has been about lately, this turn included.
    pub(super) past: [(Turn, Vec<TextScores>); SUMS],
}

/// Everything that training reads.
pub(super) struct Material {
    pub(super) index: Index,
    pub(super) dialogues: Vec<Vec<Read>>,
    pub(super) own: Vec<Vec<usize>>,
    pub(super) classes: Vec<Class>,
    pub(super) categories: Vec<String>,
    pub(super) fold: Vec<usize>,
}

/// Learns from dialogues about the agents of a registry.
///
/// # Errors
/// There is nothing to learn from, or the encoder failed.
pub fn train_agents(
    registry: &Registry,
    dialogues: &[Dialogue],
    encoder: &dyn Encoder,
    options: &AgentTrainOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<AgentModel, AgentTrainError> {
    if registry.len() < 2 {
        return Err(AgentTrainError::OneAgent);
    }
    let mut chosen: Vec<&Dialogue> = dialogues.iter().collect();
    chosen.sort_by_cached_key(|dialogue| {
        (pointsman_encode::stable_hash(dialogue.id.as_bytes()), dialogue.id.clone())
    });
    chosen.truncate(options.most);
    let material = read(registry, &chosen, encoder, progress)?;
    let folds = Folds::new(&material, encoder.dimensions());
    let mut rng = Rng::new(options.seed);
    let scorer = scorer(&material, &folds, options, &mut rng, progress);
    let turns: usize = material.dialogues.iter().map(Vec::len).sum();
    let labelled_none = material.dialogues.iter().flatten().filter(|read| read.gold.is_empty()).count();
    let labelled = (labelled_none > 0).then(|| labelled_none as f64 / turns as f64);
    let share = options.none_share.or(labelled);
    let none = none::fit(&material, &folds, share, options.precision);
    let (user, system) = folds.whole();
    Ok(AgentModel {
        encoder: encoder.fingerprint().to_owned(),
        centroids: centroids(&material),
        memory: memory(&material, |_| true),
        categories: material.categories,
        classes: material.classes,
        user,
        system,
        scorer,
        none,
        notes: AgentNotes {
            sources: Vec::new(),
            dialogues: chosen.len() as u32,
            turns: turns as u32,
            licences: options.licences.clone(),
            trained_by: env!("CARGO_PKG_VERSION").to_owned(),
        },
    })
}

fn read(
    registry: &Registry,
    dialogues: &[&Dialogue],
    encoder: &dyn Encoder,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Material, AgentTrainError> {
    let index = Index::new(registry, None, encoder)?;
    let category = |place: usize| {
        let agent = &registry.agents()[place];
        agent.categories.first().map_or(agent.id().as_str(), String::as_str)
    };
    let mut names: Vec<(String, String)> = dialogues
        .iter()
        .flat_map(|dialogue| dialogue.turns.iter().flat_map(|turn| turn.labels.iter().cloned()))
        .filter(|(agent, _)| registry.place(&agent.as_str().into()).is_some())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(AgentTrainError::NoLabels);
    }
    let place = |agent: &str| registry.place(&agent.into());
    let mut categories: Vec<String> =
        names.iter().filter_map(|(agent, _)| place(agent)).map(|place| category(place).to_owned()).collect();
    categories.sort_unstable();
    categories.dedup();
    let class_of: HashMap<&(String, String), usize> =
        names.iter().enumerate().map(|(at, name)| (name, at)).collect();
    let everyone: Vec<usize> = (0..registry.len()).collect();
    let mut material = Material {
        index,
        dialogues: Vec::new(),
        own: Vec::new(),
        classes: Vec::new(),
        categories: Vec::new(),
        fold: Vec::new(),
    };
    for (at, dialogue) in dialogues.iter().enumerate() {
        if at % 64 == 0 {
            progress(Progress { stage: "reading", done: at as u64, total: dialogues.len() as u64 });
        }
        let mut turns = Vec::new();
        let mut before: Option<Vec<usize>> = None;
        let mut lately = Lately::default();
        for said in &dialogue.turns {
            let turn = Turn::read(encoder, &said.user, &said.system)?;
            let mut gold: Vec<usize> = said.labels.iter().filter_map(|(agent, _)| place(agent)).collect();
            let last = gold.clone();
            gold.sort_unstable();
            gold.dedup();
            let classes = said.labels.iter().filter_map(|label| class_of.get(label).copied()).collect();
            let mut text = Vec::new();
            material.index.text_scores(&turn, &everyone, &mut text);
            let begins = before.as_ref() != Some(&gold);
            before = Some(gold.clone());
            // The last label first: it is where a hand-over leads.
            gold.sort_by_key(|place| std::cmp::Reverse(last.iter().rposition(|other| other == place)));
            lately.hear(&turn);
            let past = lately.turns().map(|turn| {
                let mut text = Vec::new();
                material.index.text_scores(&turn, &everyone, &mut text);
                (turn, text)
            });
            turns.push(Read { turn, gold, classes, begins, text, past });
        }
        material.own.push(dialogue.agents.iter().filter_map(|agent| place(agent)).collect());
        material.fold.push(pointsman_encode::stable_hash(dialogue.id.as_bytes()) as usize % heads::FOLDS);
        material.dialogues.push(turns);
    }
    material.classes = names
        .iter()
        .map(|(agent, skill)| Class {
            agent: agent.clone(),
            skill: skill.clone(),
            category: place(agent)
                .and_then(|place| categories.iter().position(|name| name == category(place)))
                .map(|at| at as u32),
        })
        .collect();
    material.index.category_of = everyone
        .iter()
        .map(|place| categories.iter().position(|name| name == category(*place)).map(|at| at as u32))
        .collect();
    material.index.categories.clone_from(&categories);
    material.categories = categories;
    Ok(material)
}

fn scorer(
    material: &Material,
    folds: &Folds,
    options: &AgentTrainOptions,
    rng: &mut Rng,
    progress: &mut dyn FnMut(Progress<'_>),
) -> super::scorer::Scorer {
    let samples = samples::draw(material, folds, rng);
    let mut evidence = Vec::new();
    let mut spread = Vec::new();
    let step = (samples.len() / SPREAD_OF).max(1);
    for sample in samples.iter().step_by(step) {
        evidence_of(material, folds, sample, &mut evidence);
        spread.extend_from_slice(&evidence);
    }
    let a_pass = samples.len().div_ceil(BATCH).max(1);
    let passes = options.passes.max(LEAST_STEPS.div_ceil(a_pass).min(60));
    let steps = passes * a_pass;
    let mut fit = Fit::new(&spread, steps, rng);
    drop(spread);
    let mut order: Vec<usize> = (0..samples.len()).collect();
    for pass in 0..passes {
        for at in (1..order.len()).rev() {
            order.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
        }
        for (at, batch) in order.chunks(BATCH).enumerate() {
            for sample in batch {
                let sample = &samples[*sample];
                evidence_of(material, folds, sample, &mut evidence);
                let gold = &material.dialogues[sample.dialogue][sample.turn].gold;
                let right: Vec<bool> = sample.allowed.iter().map(|place| gold.contains(place)).collect();
                fit.add(&evidence, &right);
            }
            fit.step();
            let done = (pass * a_pass + at) as u64;
            progress(Progress { stage: "training", done, total: steps as u64 });
        }
    }
    fit.done()
}

fn evidence_of(material: &Material, folds: &Folds, sample: &Sample, out: &mut Vec<f32>) {
    let read = &material.dialogues[sample.dialogue][sample.turn];
    let view = |turn: &Turn, text: &[TextScores]| {
        let heads = &folds.heads[sample.heads];
        let text: Vec<TextScores> = sample.allowed.iter().map(|place| text[*place]).collect();
        (text, heads.read(turn, material.index.registry.len(), material.categories.len()))
    };
    let (text, heads) = view(&read.turn, &read.text);
    let past = read.past.each_ref().map(|(turn, text)| view(turn, text));
    let past = past.each_ref().map(|(text, heads)| View { text, heads });
    let (now, categories) = (View { text: &text, heads: &heads }, &material.index.category_of);
    assemble(&sample.allowed, now, &past, categories, &sample.standing, &read.turn, out);
    debug_assert_eq!(out.len(), sample.allowed.len() * WIDTH);
}

fn centroids(material: &Material) -> Rows {
    let dims = material.index.descriptions.dims;
    let mut rows = Rows::new(dims);
    for category in 0..material.categories.len() {
        let members = material.index.category_of.iter().enumerate();
        let own: Vec<Vec<f32>> = members
            .filter(|(_, of)| **of == Some(category as u32))
            .map(|(place, _)| material.index.centroid(place))
            .collect();
        rows.push(&mean_direction(own.iter().map(Vec::as_slice), dims));
    }
    rows
}

/// Turns that began a matter, by class, of the folds that are wanted.
pub(super) fn memory(material: &Material, wanted: impl Fn(usize) -> bool) -> Owned {
    let most = (REMEMBERED / material.classes.len().max(1)).max(20);
    let mut by_class: Vec<Vec<&[f32]>> = vec![Vec::new(); material.classes.len()];
    for (dialogue, fold) in material.dialogues.iter().zip(&material.fold) {
        for read in dialogue.iter().filter(|read| wanted(*fold) && read.begins) {
            for class in read.classes.iter().filter(|_| read.classes.len() == 1) {
                if by_class[*class].len() < most {
                    by_class[*class].push(&read.turn.user);
                }
            }
        }
    }
    let mut memory = Owned::new(material.index.descriptions.dims);
    for rows in by_class {
        rows.iter().for_each(|row| memory.push(row));
        memory.close();
    }
    memory
}

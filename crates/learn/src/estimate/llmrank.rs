//! Readable features alone, with the reasons: what each feature adds to or takes from each model's quality.
//!
//! After LLMRank (arXiv 2510.01234): size, form, task and reasoning cues that a person can check, and two numbers in place of
//! its proxy solver, from the training prompts that are like this one: how easy they were, and how far they set models apart.
//! The map is linear, so that its attributions are exact: they and the model's mean sum to the prediction.

use std::borrow::Cow;

use pointsman_encode::Features;
use pointsman_kernel::Contribution;
use serde::{Deserialize, Serialize};

use super::centres::Centres;
use super::input::View;
use super::linear::Linear;

/// Reasons that are given.
const REASONS: usize = 5;
/// Those that move quality by less are not worth a word.
const LEAST: f32 = 0.0005;
/// What the two last inputs are called.
const NEARBY: [&str; 2] = ["ease_of_like_prompts", "spread_of_like_prompts"];
/// Numbers beside the features.
pub(crate) const EXTRA: usize = NEARBY.len();

/// The map and what the two last inputs are read off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LlmRank {
    pub(crate) centres: Centres,
    /// For each centre, the departure from the mean of how easy its prompts were, and of how far they set models apart.
    pub(crate) nearby: Vec<[f32; EXTRA]>,
    /// From features and those two to quality.
    pub(crate) map: Linear,
}

impl LlmRank {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        self.map.predict(&self.input(view), out);
    }

    /// Standardised features, then the two numbers of like prompts; zero for the average prompt.
    pub(crate) fn input(&self, view: &View) -> Vec<f32> {
        let mut input = Vec::with_capacity(Features::COUNT + EXTRA);
        let vector = view.x.len().saturating_sub(Features::COUNT);
        input.extend(view.x.iter().skip(vector));
        input.resize(Features::COUNT, 0.0);
        let near = self.centres.near(&view.axes);
        for extra in 0..EXTRA {
            let of = |(at, share): &(usize, f32)| Some(share * self.nearby.get(*at)?.get(extra)?);
            input.push(near.iter().filter_map(of).sum());
        }
        input
    }

    /// What moves a model's quality on this prompt most, beside the average prompt.
    pub(crate) fn because(&self, view: &View, model: usize) -> Vec<Contribution> {
        let input = self.input(view);
        let Some(weights) = self.map.weights.chunks_exact(input.len()).nth(model) else { return Vec::new() };
        let mut parts: Vec<(usize, f32)> =
            weights.iter().zip(&input).map(|(weight, value)| weight * value).enumerate().collect();
        parts.retain(|(_, part)| part.abs() >= LEAST);
        parts.sort_by(|(a, one), (b, other)| other.abs().total_cmp(&one.abs()).then(a.cmp(b)));
        parts.truncate(REASONS);
        let named = |(at, part): (usize, f32)| Contribution { feature: name(at), quality: f64::from(part) };
        parts.into_iter().map(named).collect()
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        self.centres.fits(axes)
            && self.nearby.len() == self.centres.count()
            && self.map.fits(models, Features::COUNT + EXTRA)
    }
}

fn name(at: usize) -> Cow<'static, str> {
    let extra = at.checked_sub(Features::COUNT).and_then(|at| NEARBY.get(at));
    Cow::Borrowed(Features::NAMES.get(at).or(extra).copied().unwrap_or_default())
}

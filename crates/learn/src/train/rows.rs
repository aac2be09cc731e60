//! What is learnt from: the prompts of all tables as inputs, and their outcomes, in one set of columns.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use std::collections::BTreeMap;

use faer::{Mat, Side};
use pointsman_encode::{EncodeError, Encoder, Features, Text, Words, estimate_tokens, stable_hash};

use crate::estimate::input::{Input, RARITY_STEPS, View};
use crate::table::{PromptRow, Table};
use crate::train::Progress;

/// How much the features weigh beside the vector, whose centred norm is 1 on average.
const FEATURE_SHARE: f32 = 1.0;

/// Main axes that are kept.
const AXES: usize = 64;
/// Rows that tell the axes well enough.
const AXES_ROWS: usize = 6000;

/// One prompt as the encoder sees it.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) vector: Box<[f32]>,
    pub(crate) features: Box<[f32]>,
    /// Its hashed terms.
    pub(crate) words: Box<[(u16, f32)]>,
    /// Estimated tokens of the prompt.
    pub(crate) tokens: u32,
    /// Equal for prompts that differ in case and white space alone.
    pub(crate) key: u64,
}

/// The joined training rows. `NaN` stands for what is unknown.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) models: Vec<String>,
    /// For each table the models it knows, as positions in `models`.
    pub(crate) groups: Vec<Vec<usize>>,
    pub(crate) input: Input,
    pub(crate) dims: usize,
    pub(crate) views: Vec<View>,
    /// What kind of prompt a row is, where its table says so.
    pub(crate) task: Vec<Option<String>>,
    /// One row in five, on which what was learnt from the others may be judged.
    pub(crate) check: Vec<bool>,
    /// Which table a row comes from.
    pub(crate) group: Vec<usize>,
    pub(crate) fold: Vec<usize>,
    pub(crate) quality: Vec<f32>,
    /// ln(1 + tokens written).
    pub(crate) log_tokens: Vec<f32>,
}

/// Folds of the inner cross-validation.
pub(crate) const FOLDS: usize = 5;

/// The prompt as the encoder sees it.
pub(crate) fn encode_one(prompt: &PromptRow, encoder: &dyn Encoder) -> Result<Encoded, EncodeError> {
    Ok(encoded(prompt, encoder.encode(&text_of(prompt))?.into_inner()))
}

/// Every prompt of a table.
pub(crate) fn encode(
    table: &Table,
    encoder: &dyn Encoder,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Encoded>, EncodeError> {
    let total = table.prompts.len() as u64;
    let mut all = Vec::with_capacity(table.prompts.len());
    for prompts in table.prompts.chunks(256) {
        progress(Progress { stage: "encoding", done: all.len() as u64, total });
        let texts: Vec<Text<'_>> = prompts.iter().map(text_of).collect();
        let vectors = encoder.encode_all(&texts)?;
        all.extend(prompts.iter().zip(vectors).map(|(prompt, vector)| encoded(prompt, vector.into_inner())));
    }
    progress(Progress { stage: "encoding", done: total, total });
    Ok(all)
}

fn text_of(prompt: &PromptRow) -> Text<'_> {
    Text::new(&prompt.text, prompt.system.as_deref())
}

fn encoded(prompt: &PromptRow, vector: Box<[f32]>) -> Encoded {
    let plain: Vec<String> = prompt.text.split_whitespace().map(str::to_lowercase).collect();
    let text = text_of(prompt);
    Encoded {
        vector,
        features: Features::of(&text).as_slice().into(),
        words: Words::of(&text).into_inner().into(),
        tokens: estimate_tokens(&prompt.text) + prompt.system.as_deref().map_or(0, estimate_tokens),
        key: stable_hash(plain.join(" ").as_bytes()),
    }
}

/// One table's part: which rows and which of its models.
pub(crate) struct Part<'a> {
    pub(crate) table: &'a Table,
    pub(crate) encoded: &'a [Encoded],
    pub(crate) rows: Vec<usize>,
    pub(crate) columns: Vec<usize>,
}

impl Rows {
    /// Joins the parts; a model of the same name in two tables is one model.
    pub(crate) fn join(parts: &[Part<'_>]) -> Self {
        let mut position: BTreeMap<&str, usize> = BTreeMap::new();
        for part in parts {
            for column in &part.columns {
                position.insert(&part.table.models[*column], 0);
            }
        }
        let models: Vec<String> = position.keys().map(|name| (*name).to_owned()).collect();
        position.values_mut().enumerate().for_each(|(at, place)| *place = at);
        let input = standardise(parts);
        let dims = input.dimensions();
        let mut rows = Self {
            groups: Vec::new(),
            input,
            dims,
            views: Vec::new(),
            task: Vec::new(),
            check: Vec::new(),
            group: Vec::new(),
            fold: Vec::new(),
            quality: Vec::new(),
            log_tokens: Vec::new(),
            models: models.clone(),
        };
        for (group, part) in parts.iter().enumerate() {
            let places: Vec<usize> =
                part.columns.iter().map(|column| position[part.table.models[*column].as_str()]).collect();
            for row in &part.rows {
                let encoded = &part.encoded[*row];
                rows.views.push(rows.input.of(&encoded.vector, &encoded.features, &encoded.words));
                rows.task.push(part.table.prompts[*row].dataset.clone());
                rows.group.push(group);
                rows.fold.push((encoded.key % FOLDS as u64) as usize);
                // Other bits than folds are cut by.
                rows.check.push((encoded.key >> 16).is_multiple_of(5));
                let cells = part.table.row(*row);
                let at = rows.quality.len();
                rows.quality.resize(at + models.len(), f32::NAN);
                rows.log_tokens.resize(at + models.len(), f32::NAN);
                for (column, place) in part.columns.iter().zip(&places) {
                    let cell = cells[*column];
                    rows.quality[at + place] = cell.quality.unwrap_or(f32::NAN);
                    rows.log_tokens[at + place] = cell.output_tokens.map_or(f32::NAN, f32::ln_1p);
                }
            }
            rows.groups.push(places);
        }
        rows
    }

    pub(crate) fn len(&self) -> usize {
        self.group.len()
    }

    pub(crate) fn x(&self, row: usize) -> &[f32] {
        &self.views[row].x
    }

    pub(crate) fn view(&self, row: usize) -> &View {
        &self.views[row]
    }

    pub(crate) fn quality(&self, row: usize) -> &[f32] {
        &self.quality[row * self.models.len()..(row + 1) * self.models.len()]
    }

    pub(crate) fn log_tokens(&self, row: usize) -> &[f32] {
        &self.log_tokens[row * self.models.len()..(row + 1) * self.models.len()]
    }

    /// Each model's mean over `rows`, counting what is known; `NaN` for a model without any.
    pub(crate) fn means(&self, rows: &[usize]) -> Vec<f32> {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.models.len()];
        for row in rows {
            for (sum, value) in sums.iter_mut().zip(self.quality(*row)) {
                if !value.is_nan() {
                    *sum = (sum.0 + f64::from(*value), sum.1 + 1.0);
                }
            }
        }
        sums.iter().map(|(sum, count)| (sum / count) as f32).collect()
    }
}

/// Means and scales over the training prompts.
fn standardise(parts: &[Part<'_>]) -> Input {
    let prompts: Vec<&Encoded> =
        parts.iter().flat_map(|p| p.rows.iter().map(|row| &p.encoded[*row])).collect();
    let Some(first) = prompts.first() else { return Input::default() };
    let count = prompts.len() as f64;
    let mean = |of: &dyn Fn(&Encoded) -> &[f32], width: usize| -> Vec<f64> {
        let mut sum = vec![0.0_f64; width];
        for prompt in &prompts {
            for (sum, value) in sum.iter_mut().zip(of(prompt)) {
                *sum += f64::from(*value);
            }
        }
        sum.iter().map(|value| value / count).collect()
    };
    let vector_mean = mean(&|prompt| &prompt.vector, first.vector.len());
    let feature_mean = mean(&|prompt| &prompt.features, first.features.len());
    let mut spread = 0.0;
    let mut variance = vec![0.0_f64; feature_mean.len()];
    for prompt in &prompts {
        spread +=
            prompt.vector.iter().zip(&vector_mean).map(|(v, m)| (f64::from(*v) - m).powi(2)).sum::<f64>();
        for ((variance, value), mean) in variance.iter_mut().zip(&prompt.features).zip(&feature_mean) {
            *variance += (f64::from(*value) - mean).powi(2) / count;
        }
    }
    let share = FEATURE_SHARE / (feature_mean.len().max(1) as f32).sqrt();
    let scale = |variance: &f64| if *variance > 1e-8 { share / variance.sqrt() as f32 } else { 0.0 };
    let mut input = Input {
        vector_mean: vector_mean.iter().map(|value| *value as f32).collect(),
        vector_scale: if spread > 0.0 { (count / spread).sqrt() as f32 } else { 0.0 },
        feature_mean: feature_mean.iter().map(|value| *value as f32).collect(),
        feature_scale: variance.iter().map(scale).collect(),
        feature_share: share,
        axes: Vec::new(),
        rarity: rarity(&prompts),
    };
    input.axes = axes(&input, &prompts);
    input
}

/// The principal axes of the dense inputs, from the largest.
fn axes(input: &Input, prompts: &[&Encoded]) -> Vec<f32> {
    let dims = input.dimensions();
    let stride = prompts.len().div_ceil(AXES_ROWS).max(1);
    let views: Vec<View> = prompts
        .iter()
        .step_by(stride)
        .map(|prompt| input.of(&prompt.vector, &prompt.features, &[]))
        .collect();
    let x = Mat::from_fn(views.len(), dims, |row, dim| f64::from(views[row].x[dim]));
    let Ok(eigen) = (x.transpose() * &x).self_adjoint_eigen(Side::Lower) else { return Vec::new() };
    let count = AXES.min(dims).min(views.len());
    let column = |at: usize| eigen.U().col(dims - 1 - at).iter().map(|value| *value as f32);
    (0..count).flat_map(column).collect()
}

/// Inverse document frequency of every place, in steps; 0 for what stands in one prompt at most.
fn rarity(prompts: &[&Encoded]) -> Vec<u8> {
    let mut counts = vec![0_u32; Words::PLACES];
    for (place, _) in prompts.iter().flat_map(|prompt| &prompt.words) {
        counts[usize::from(*place)] += 1;
    }
    let of = |count: &u32| {
        let rarity = ((1.0 + prompts.len() as f32) / (1.0 + *count as f32)).ln() + 1.0;
        if *count < 2 { 0 } else { (rarity * RARITY_STEPS).round().clamp(1.0, 255.0) as u8 }
    };
    counts.iter().map(of).collect()
}

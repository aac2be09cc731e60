//! TwinRouterBench's question bank: each call of an agent's run with the cheapest tier of models that suffices for it.
//!
//! A line has `id`, `benchmark`, `instance_id`, `step_index`, `messages` (all that goes before the call) and `target_tier`
//! (or `target_tier_id`). As a table its models are the four tiers; a tier is right where it is at least the target. A cell
//! costs what the call costs if all calls of the run go to that tier. What is read of a prompt is its last message that is
//! not the assistant's: the question, or what a tool gave.
//!
//! Scores are those of its `compute_v2_scores`, with its prices and its rules for the prompt cache: a call is cold at the
//! start, after a change of tier, where the messages before are no prefix, or where the tier rested for more than three
//! steps; else what was sent before is read from the cache and the rest is written to it. Tokens are estimated by one
//! counter here, where the benchmark runs a tokeniser for each tier, so costs are near those and not equal to them. A run of
//! which not all steps are judged is scored over those that are.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use pointsman_encode::estimate_tokens;
use serde::Deserialize;
use serde_json::Value;

use super::{Cell, Content, PromptRow, Scorer, fault, files, first_line, lines};
use crate::table::{TableError, unpacked};

/// The tiers from the cheapest to the dearest.
pub(super) const TIERS: [&str; 4] = ["low", "mid", "mid_high", "high"];
/// Dollars for a million tokens: read from the cache, written to it, generated.
const PRICES: [[f64; 3]; 4] = [[0.13, 0.26, 0.5], [0.059, 0.3, 2.0], [0.05, 0.08333, 5.0], [0.5, 6.25, 25.0]];
const HIGH: usize = 3;
/// A tier that rested for more steps than this has lost its cache.
const CACHED_STEPS: i64 = 3;
/// Tokens of an answer where nothing tells.
const ANSWER_TOKENS: u32 = 500;

/// A call of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    benchmark: String,
    run: String,
    index: i64,
    target: usize,
    /// Tokens of all messages.
    prompt: u32,
    /// Those of the call before, where its messages are a prefix of these.
    shared: u32,
    answer: u32,
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    benchmark: String,
    #[serde(default)]
    instance_id: Option<Value>,
    #[serde(default = "first")]
    step_index: i64,
    messages: Vec<Value>,
    target_tier: Option<String>,
    target_tier_id: Option<usize>,
}

fn first() -> i64 {
    1
}

/// The file in a folder that looks like it.
pub(super) fn file_in(folder: &Path) -> Option<PathBuf> {
    files(folder, &[".jsonl"]).into_iter().find(|file| first_line(file).contains("\"target_tier"))
}

pub(super) fn read(path: &Path) -> Result<Content, TableError> {
    let file = if path.is_dir() { file_in(path) } else { Some(path.to_owned()) };
    let Some(file) = file.filter(|file| file.is_file()) else {
        return Err(TableError::Form { path: path.to_owned() });
    };
    let bytes = unpacked(&file)?;
    let (mut read, mut prompts, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, line) in lines(&bytes) {
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            let what = format!("{error}; a line has id, benchmark, messages and target_tier");
            fault(&file, number, &error.column().max(1).to_string(), what)
        })?;
        let target = target(&line).map_err(|what| fault(&file, number, "target_tier", what))?;
        let id = text_of(&line.id);
        if !seen.insert(id.clone()) {
            return Err(fault(&file, number, "id", format!("`{id}` was there before; keep one of them")));
        }
        prompts.push(prompt(&line, id));
        read.push((line, target));
    }
    let steps = steps(&read);
    let mut answers = Vec::with_capacity(steps.len() * TIERS.len());
    for (row, step) in steps.iter().enumerate() {
        for (tier, name) in TIERS.iter().enumerate() {
            let cell = Cell {
                quality: Some(f32::from(u8::from(tier >= step.target))),
                cost_usd: Some(step.cost(tier, step.shared > 0)),
                input_tokens: Some(step.prompt as f32),
                output_tokens: Some(step.answer as f32),
                ..Cell::default()
            };
            answers.push((row, (*name).to_owned(), cell));
        }
    }
    drop(read);
    Ok(Content { prompts, answers, bytes, scorer: Some(Scorer::Twin(steps)) })
}

impl Step {
    /// Dollars of the call on a tier, whose cache holds what it may or nothing.
    fn cost(&self, tier: usize, warm: bool) -> f64 {
        let [read, write, out] = PRICES.get(tier).copied().unwrap_or_default();
        let cached = if warm { self.shared.min(self.prompt) } else { 0 };
        let fresh = self.prompt - cached;
        (f64::from(cached) * read + f64::from(fresh) * write + f64::from(self.answer) * out) / 1e6
    }
}

fn target(line: &Line) -> Result<usize, String> {
    let named = line.target_tier.as_deref().map(|name| {
        let known = TIERS.iter().position(|tier| *tier == name);
        known.ok_or_else(|| format!("`{name}` is no tier; they are low, mid, mid_high and high"))
    });
    match (named.transpose()?, line.target_tier_id) {
        (Some(named), Some(numbered)) if named != numbered => Err(format!(
            "target_tier is number {named} and target_tier_id says {numbered}; keep the right one"
        )),
        (Some(tier), _) => Ok(tier),
        (None, Some(tier)) if tier < TIERS.len() => Ok(tier),
        (None, Some(tier)) => Err(format!("target_tier_id {tier} is no tier; they are 0 to 3")),
        (None, None) => {
            Err("there is neither target_tier nor target_tier_id; name the tier that suffices".to_owned())
        }
    }
}

fn prompt(line: &Line, id: String) -> PromptRow {
    let role = |message: &&Value, roles: &[&str]| {
        message.get("role").and_then(Value::as_str).is_some_and(|role| roles.contains(&role))
    };
    let system: Vec<String> =
        line.messages.iter().filter(|m| role(m, &["system", "developer"])).map(content).collect();
    let last = line.messages.iter().rev().find(|m| !role(m, &["system", "developer", "assistant"]));
    let turns = line.messages.iter().filter(|m| role(m, &["user", "assistant"])).count();
    PromptRow {
        id,
        text: last.map(content).unwrap_or_default(),
        system: (!system.is_empty()).then(|| system.join("\n")),
        turns: turns as u32,
        dataset: Some(line.benchmark.clone()),
        ..PromptRow::default()
    }
}

/// The calls with their tokens, in the order of the lines.
fn steps(lines: &[(Line, usize)]) -> Vec<Step> {
    let run = |line: &Line| line.instance_id.as_ref().map_or_else(|| text_of(&line.id), text_of);
    let mut runs: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, (line, _)) in lines.iter().enumerate() {
        runs.entry(run(line)).or_default().push(at);
    }
    let mut tokens: Vec<(u32, u32, u32)> = vec![(0, 0, 0); lines.len()];
    for places in runs.values_mut() {
        places.sort_by_key(|at| lines.get(*at).map(|(line, _)| line.step_index));
        let messages: Vec<&[Value]> =
            places.iter().filter_map(|at| lines.get(*at)).map(|(line, _)| line.messages.as_slice()).collect();
        let said: Vec<u32> = messages.array_windows().map(|[own, next]| answer_tokens(own, next)).collect();
        let known: Vec<u32> = said.iter().copied().filter(|tokens| *tokens > 0).collect();
        let usual = known.iter().sum::<u32>().checked_div(known.len() as u32).unwrap_or(ANSWER_TOKENS);
        for (step, at) in places.iter().enumerate() {
            let own = messages.get(step).copied().unwrap_or_default();
            let before = step.checked_sub(1).and_then(|before| messages.get(before)).copied();
            let shared = before.filter(|before| is_prefix(before, own)).map_or(0, prompt_tokens);
            if let Some(place) = tokens.get_mut(*at) {
                *place = (prompt_tokens(own), shared, said.get(step).copied().unwrap_or(usual));
            }
        }
    }
    let step = |((line, target), (prompt, shared, answer)): (&(Line, usize), (u32, u32, u32))| Step {
        benchmark: line.benchmark.clone(),
        run: run(line),
        index: line.step_index,
        target: *target,
        prompt,
        shared,
        answer,
    };
    lines.iter().zip(tokens).map(step).collect()
}

fn prompt_tokens(messages: &[Value]) -> u32 {
    messages.iter().map(|message| estimate_tokens(&billed(message)) + 4).sum::<u32>() + 2
}

/// Tokens that the assistant wrote between two calls.
fn answer_tokens(own: &[Value], next: &[Value]) -> u32 {
    let added = next.get(own.len()..).unwrap_or_default().iter();
    let written = added.filter(|message| message.get("role").and_then(Value::as_str) == Some("assistant"));
    written.map(|message| estimate_tokens(&billed(message)) + 4).sum()
}

fn is_prefix(short: &[Value], long: &[Value]) -> bool {
    let same = |a: &Value, b: &Value| {
        let equal = |key| a.get(key) == b.get(key);
        content(a) == content(b) && ["role", "tool_calls", "tool_call_id", "name"].into_iter().all(equal)
    };
    short.len() <= long.len() && short.iter().zip(long).all(|(a, b)| same(a, b))
}

/// A message's text.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").unwrap_or(part).as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Its text and the calls of tools in it.
fn billed(message: &Value) -> String {
    let mut text = content(message);
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let function = call.get("function").unwrap_or(call);
        for key in ["name", "arguments"] {
            if let Some(value) = function.get(key) {
                text.push('\n');
                text.push_str(&text_of(value));
            }
        }
    }
    text
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The five figures, in percent, of a router that chose a tier for each row.
pub(super) fn scores(steps: &[Step], rows: &[usize], chosen: &[usize]) -> BTreeMap<&'static str, f64> {
    let mut runs: BTreeMap<&str, Vec<(&Step, usize)>> = BTreeMap::new();
    for (row, tier) in rows.iter().zip(chosen) {
        let Some(step) = steps.get(*row) else { continue };
        runs.entry(&step.run).or_default().push((step, *tier));
    }
    let (mut all, mut enough, mut exact, mut in_passed) = (0.0_f64, 0.0, 0.0, 0.0);
    // For each benchmark its rows, the cost of always the dearest tier, and what was saved of it.
    let mut saved: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for run in runs.values_mut() {
        run.sort_by_key(|(step, _)| step.index);
        let passed = run.iter().all(|(step, tier)| *tier >= step.target);
        for (step, tier) in run.iter() {
            all += 1.0;
            enough += f64::from(u8::from(*tier >= step.target));
            exact += f64::from(u8::from(*tier == step.target));
            in_passed += f64::from(u8::from(passed));
        }
        let (always, own) =
            (path(run, |_| HIGH), path(run, |at| run.get(at).map_or(HIGH, |(_, tier)| *tier)));
        for ((step, _), (always, own)) in run.iter().zip(always.iter().zip(&own)) {
            let (rows, whole, gained) = saved.entry(&step.benchmark).or_default();
            *rows += 1.0;
            *whole += always;
            *gained += if passed { always - own } else { -own };
        }
    }
    let share = |count: f64| 100.0 * count / all.max(1.0);
    let weighed = |(rows, whole, gained): &(f64, f64, f64)| {
        if *whole > 0.0 { rows / all.max(1.0) * 100.0 * gained / whole } else { 0.0 }
    };
    let cost_savings = saved.values().map(weighed).sum::<f64>();
    let four = [share(enough), share(exact), share(in_passed), cost_savings];
    BTreeMap::from([
        ("case_pass", four[0]),
        ("case_exact", four[1]),
        ("trajectory_pass", four[2]),
        ("cost_savings", four[3]),
        ("combined", four.iter().sum::<f64>() / 4.0),
    ])
}

/// Dollars of each call of a run whose calls go to these tiers.
fn path(run: &[(&Step, usize)], tier_at: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut last_call: BTreeMap<usize, i64> = BTreeMap::new();
    let mut before: Option<usize> = None;
    let mut costs = Vec::with_capacity(run.len());
    for (at, (step, _)) in run.iter().enumerate() {
        let tier = tier_at(at);
        let rested = last_call.get(&tier).map_or(0, |last| step.index - last);
        let warm = before == Some(tier) && rested <= CACHED_STEPS && step.shared > 0;
        costs.push(step.cost(tier, warm));
        last_call.insert(tier, step.index);
        before = Some(tier);
    }
    costs
}

#[cfg(test)]
mod tests;

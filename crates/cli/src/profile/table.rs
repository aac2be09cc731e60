//! The outcome table: what `train` and `eval` read.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use pointsman_encode::stable_hash;
use serde_json::{Map, Value};

use super::prompts::Prompt;
use super::targets::Cast;
use super::work::Grades;

/// One prompt in so many is kept for judging where the prompts are not split.
const KEPT_FOR_JUDGING: u64 = 5;

/// Writes `prompts.jsonl` and `outcomes.csv` into the folder, whole or not at all.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn write(folder: &Path, prompts: &[Prompt], cast: &Cast, grades: &Grades) -> anyhow::Result<()> {
    whole(&folder.join("prompts.jsonl"), &prompt_lines(prompts)?)?;
    whole(&folder.join("outcomes.csv"), &outcome_lines(prompts, cast, grades)?)
}

fn prompt_lines(prompts: &[Prompt]) -> anyhow::Result<Vec<u8>> {
    let split = prompts.iter().any(|prompt| prompt.notes.contains_key("split"));
    let mut out = Vec::new();
    for prompt in prompts {
        let mut row = Map::new();
        row.insert("prompt_id".to_owned(), Value::from(prompt.id.as_str()));
        row.insert("prompt".to_owned(), prompt.prompt.clone());
        row.extend(prompt.notes.clone());
        if !split {
            row.insert("split".to_owned(), Value::from(part(prompt)));
        }
        serde_json::to_writer(&mut out, &row)?;
        out.push(b'\n');
    }
    Ok(out)
}

/// By the text, so that the same prompt is on the same side in every table.
fn part(prompt: &Prompt) -> &'static str {
    let words: Vec<String> = prompt.task().split_whitespace().map(str::to_lowercase).collect();
    if stable_hash(words.join(" ").as_bytes()).is_multiple_of(KEPT_FOR_JUDGING) { "dev" } else { "train" }
}

fn outcome_lines(prompts: &[Prompt], cast: &Cast, grades: &Grades) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "prompt_id",
        "model",
        "quality",
        "cost_usd",
        "input_tokens",
        "output_tokens",
        "latency_s",
    ])?;
    for (at, prompt) in prompts.iter().enumerate() {
        for (target, grade) in cast.targets.iter().zip(grades.row(at)) {
            let answer = grade.answer.as_ref();
            let or_empty = |value: Option<String>| value.unwrap_or_default();
            out.write_record([
                prompt.id.clone(),
                target.name().to_owned(),
                or_empty(grade.quality.map(|quality| quality.to_string())),
                or_empty(answer.and_then(|answer| Some(answer.cost?.to_string()))),
                or_empty(answer.map(|answer| answer.input_tokens.to_string())),
                or_empty(answer.map(|answer| answer.output_tokens.to_string())),
                or_empty(answer.map(|answer| format!("{:.3}", answer.latency_ms as f64 / 1e3))),
            ])?;
        }
    }
    Ok(out.into_inner()?)
}

/// Beside the file first, then in its place.
fn whole(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let named = || format!("{} cannot be written", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(named)?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).with_context(named)?;
    file.persist(path).map(drop).map_err(|fault| fault.error).with_context(named)
}

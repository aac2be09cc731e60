//! RouterArena's cached results: for each model a file of its answers, graded and priced by RouterArena's own program.
//!
//! A line has `global_index` (`DATASET_NUMBER`), `question`, `llm_selected`, `token_usage`, `success`, and, once it was
//! evaluated, `evaluation_result` with `score` and `inference_cost`. What failed or was not evaluated is unknown.
//!
//! The arena score (its `compute_scores.py`): with accuracy A and c dollars for 1000 queries, the cost counts as
//! C = log2(200 / c) / log2(200 / 0.0044), and S = (1 + b) A C / (b A + C) with b = 0.1.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Cell, Content, PromptRow, Scorer, cost, fault, files, first_line, grade, lines};
use crate::table::{TableError, unpacked};

const BETA: f64 = 0.1;
const DEAREST: f64 = 200.0;
const CHEAPEST: f64 = 0.0044;

#[derive(Deserialize)]
struct Line {
    #[serde(alias = "global index")]
    global_index: String,
    #[serde(alias = "prompt")]
    question: Option<String>,
    llm_selected: String,
    #[serde(default)]
    token_usage: Usage,
    #[serde(default)]
    success: bool,
    evaluation_result: Option<Evaluated>,
}

#[derive(Default, Deserialize)]
struct Usage {
    input_tokens: Option<f32>,
    output_tokens: Option<f32>,
}

#[derive(Deserialize)]
struct Evaluated {
    score: Option<f64>,
    inference_cost: Option<f64>,
}

/// The files of a folder, or of its folder `cached_results`, that look like it.
pub(super) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let inner = folder.join("cached_results");
    let all = files(if inner.is_dir() { &inner } else { folder }, &[".jsonl"]);
    all.into_iter().filter(|file| first_line(file).contains("\"llm_selected\"")).collect()
}

pub(super) fn read(path: &Path) -> Result<Content, TableError> {
    let files = if path.is_dir() { files_in(path) } else { vec![path.to_owned()] };
    if files.is_empty() {
        return Err(TableError::Form { path: path.to_owned() });
    }
    let mut content =
        Content { prompts: Vec::new(), answers: Vec::new(), bytes: Vec::new(), scorer: Some(Scorer::Arena) };
    let mut rows: HashMap<String, usize> = HashMap::new();
    for file in &files {
        let bytes = unpacked(file)?;
        let mut seen: HashMap<(usize, String), usize> = HashMap::new();
        for (number, line) in lines(&bytes) {
            let line: Line = serde_json::from_slice(line).map_err(|error| {
                let what = format!("{error}; a line has global_index, question and llm_selected");
                fault(file, number, &error.column().max(1).to_string(), what)
            })?;
            let row = *rows.entry(line.global_index.clone()).or_insert_with(|| {
                content.prompts.push(prompt(&line));
                content.prompts.len() - 1
            });
            if let Some(text) = line.question.as_ref().filter(|text| !text.is_empty()) {
                // A failed call may not hold the question; another model's line does.
                if let Some(prompt) = content.prompts.get_mut(row).filter(|prompt| prompt.text.is_empty()) {
                    prompt.text.clone_from(text);
                }
            }
            if let Some(before) = seen.insert((row, line.llm_selected.clone()), number) {
                let what = format!("`{}` was answered on line {before} already; keep one", line.global_index);
                return Err(fault(file, number, "global_index", what));
            }
            content.answers.push((row, line.llm_selected.clone(), cell(file, number, &line)?));
        }
        content.bytes.extend_from_slice(&bytes);
    }
    let nobody = content.answers.iter().all(|(.., cell)| cell.quality.is_none());
    if nobody {
        let what =
            "no answer was evaluated; run RouterArena's llm_evaluation first, which writes evaluation_result";
        return Err(fault(files.first().map_or(path, PathBuf::as_path), 1, "evaluation_result", what));
    }
    Ok(content)
}

fn prompt(line: &Line) -> PromptRow {
    PromptRow {
        id: line.global_index.clone(),
        turns: 1,
        dataset: line.global_index.rsplit_once('_').map(|(dataset, _)| dataset.to_owned()),
        ..PromptRow::default()
    }
}

fn cell(file: &Path, number: usize, line: &Line) -> Result<Cell, TableError> {
    let tokens = Cell {
        input_tokens: line.token_usage.input_tokens,
        output_tokens: line.token_usage.output_tokens,
        ..Cell::default()
    };
    let Some(evaluated) = line.evaluation_result.as_ref().filter(|_| line.success) else {
        return Ok(Cell::default());
    };
    Ok(Cell {
        quality: evaluated.score.map(|score| grade(file, number, "score", score)).transpose()?,
        cost_usd: evaluated
            .inference_cost
            .map(|usd| cost(file, number, "inference_cost", usd))
            .transpose()?,
        ..tokens
    })
}

/// The arena score of some answers.
pub(super) fn scores<'a>(picked: impl Iterator<Item = &'a Cell>) -> BTreeMap<&'static str, f64> {
    let (mut accuracy, mut usd, mut rows) = (0.0, 0.0, 0.0_f64);
    for cell in picked {
        accuracy += f64::from(cell.quality.unwrap_or_default());
        usd += cell.cost_usd.unwrap_or_default();
        rows += 1.0;
    }
    let (accuracy, per_thousand) = (accuracy / rows.max(1.0), 1000.0 * usd / rows.max(1.0));
    BTreeMap::from([("arena_score", score(accuracy, per_thousand))])
}

fn score(accuracy: f64, usd_per_thousand: f64) -> f64 {
    let cost = (DEAREST / usd_per_thousand).log2() / (DEAREST / CHEAPEST).log2();
    (1.0 + BETA) * accuracy * cost / (BETA * accuracy + cost)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn the_arena_score_is_that_of_its_formula() {
        // 1 at the cheapest cost and no error, and half-way in log cost by hand: C = 0.5.
        assert!((score(1.0, 0.0044) - 1.0).abs() < 1e-12);
        let middle = (200.0_f64 * 0.0044).sqrt();
        assert!((score(0.8, middle) - 1.1 * 0.8 * 0.5 / (0.08 + 0.5)).abs() < 1e-12);
    }
}

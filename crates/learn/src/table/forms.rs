//! Tables as other benchmarks publish them, read as outcome tables.
//!
//! | form | what is read | its own score |
//! | --- | --- | --- |
//! | RouterBench | a `.csv` or `.jsonl` of its data frame: a prompt a row, columns `MODEL` and `MODEL\|total_cost` | AIQ, which every report has |
//! | RouterArena | a folder of `cached_results/MODEL.jsonl` that were evaluated | its arena score |
//! | TwinRouterBench | `question_bank.jsonl`: a step of an agent a row, with the lowest tier that suffices | its five figures |
//!
//! A path is read by what it looks like, or as the form that is named. The outcome form itself is in [`super`].
//!
//! Left out: pickles, which run code when they are read; the message for one says how to convert it. Grading: what is
//! published ungraded has to be graded by the benchmark's own program first.

mod arena;
mod router_bench;
mod twin;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Cell, PromptRow, Table, TableError};
use twin::{Step, TIERS};

/// How a table is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A folder of `prompts.jsonl` and `outcomes.csv`.
    #[default]
    Outcomes,
    /// RouterBench's data frame (arXiv 2403.12031).
    RouterBench,
    /// RouterArena's cached results (arXiv 2510.00202).
    RouterArena,
    /// TwinRouterBench's question bank (arXiv 2605.18859).
    TwinRouterBench,
}

/// A benchmark's own way to score a router.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scorer {
    /// Accuracy and log cost in one number.
    Arena,
    /// Over trajectories, with what a prompt cache saves.
    Twin(Vec<Step>),
}

/// A word that names no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("format `{0}` is not known; use outcomes, routerbench, routerarena or twinrouterbench")]
pub struct FormError(String);

/// One answer on its way into a table: the prompt's row, the model, the outcome.
type Answer = (usize, String, Cell);

/// What a form was read as.
struct Content {
    prompts: Vec<PromptRow>,
    answers: Vec<Answer>,
    /// The bytes that it came from, for its hash.
    bytes: Vec<u8>,
    scorer: Option<Scorer>,
}

impl Form {
    /// What a path looks like.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        if path.is_dir() {
            let has = |name: &str| path.join(name).is_file() || path.join(format!("{name}.zst")).is_file();
            if has("prompts.jsonl") || has("outcomes.csv") {
                return Self::Outcomes;
            }
            if twin::file_in(path).is_some() {
                return Self::TwinRouterBench;
            }
            if router_bench::file_in(path).is_some() {
                return Self::RouterBench;
            }
            return if arena::files_in(path).is_empty() { Self::Outcomes } else { Self::RouterArena };
        }
        let first = first_line(path);
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        if first.contains("\"target_tier") {
            Self::TwinRouterBench
        } else if first.contains("|total_cost") || name.ends_with(".pkl") || name.ends_with(".pickle") {
            Self::RouterBench
        } else if first.contains("\"llm_selected\"") {
            Self::RouterArena
        } else {
            Self::Outcomes
        }
    }
}

impl Table {
    /// Reads a folder or a file as the form that is named, or as what it looks like.
    ///
    /// # Errors
    /// [`TableError`] with the place of the first fault.
    pub fn read_as(path: &Path, form: Option<Form>) -> Result<Self, TableError> {
        let content = match form.unwrap_or_else(|| Form::of(path)) {
            Form::Outcomes if path.is_dir() || !path.exists() => return Self::read(path),
            Form::Outcomes => return Err(TableError::Form { path: path.to_owned() }),
            Form::RouterBench => router_bench::read(path)?,
            Form::RouterArena => arena::read(path)?,
            Form::TwinRouterBench => twin::read(path)?,
        };
        Self::of(path, content)
    }

    fn of(path: &Path, content: Content) -> Result<Self, TableError> {
        let Content { prompts, answers, bytes, scorer } = content;
        let mut models: Vec<String> = answers.iter().map(|(_, model, _)| model.clone()).collect();
        models.sort_unstable();
        models.dedup();
        if prompts.is_empty() || models.is_empty() {
            return Err(TableError::Form { path: path.to_owned() });
        }
        if let Some(Scorer::Twin(_)) = &scorer {
            // The tiers in their own order, from the cheapest.
            models = TIERS.map(str::to_owned).to_vec();
        }
        let column: HashMap<&str, usize> =
            models.iter().enumerate().map(|(at, model)| (model.as_str(), at)).collect();
        let mut cells = vec![Cell::default(); prompts.len() * models.len()];
        for (row, model, cell) in &answers {
            let at = column.get(model.as_str()).map(|column| row * models.len() + column);
            if let Some(place) = at.and_then(|at| cells.get_mut(at)) {
                *place = *cell;
            }
        }
        let name = path.canonicalize().ok();
        let name = name.as_deref().unwrap_or(path);
        let name = if path.is_dir() { name.file_name() } else { name.file_stem() };
        Ok(Self {
            name: name.map_or_else(|| "table".to_owned(), |name| name.to_string_lossy().into_owned()),
            prompts,
            models,
            cells,
            prompts_file: path.to_owned(),
            outcomes_file: path.to_owned(),
            hash: Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
            scorer,
        })
    }

    /// The benchmark's own scores of a router that chose, for each of `rows`, the model at that place in `models`.
    pub(crate) fn own_scores(&self, rows: &[usize], chosen: &[usize]) -> Option<BTreeMap<String, f64>> {
        let scores = match self.scorer.as_ref()? {
            Scorer::Arena => {
                let picked = rows.iter().zip(chosen).filter_map(|(row, model)| self.row(*row).get(*model));
                arena::scores(picked)
            }
            Scorer::Twin(steps) => twin::scores(steps, rows, chosen),
        };
        Some(scores.into_iter().map(|(name, score)| (name.to_owned(), score)).collect())
    }
}

impl std::str::FromStr for Form {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "outcomes" => Ok(Self::Outcomes),
            "routerbench" => Ok(Self::RouterBench),
            "routerarena" => Ok(Self::RouterArena),
            "twinrouterbench" => Ok(Self::TwinRouterBench),
            other => Err(FormError(other.to_owned())),
        }
    }
}

/// The start of a file up to its first line's end, at most some kilobytes.
fn first_line(file: &Path) -> String {
    let mut start = Vec::new();
    let read = match fs::File::open(file) {
        Ok(open) if file.extension().is_some_and(|extension| extension == "zst") => {
            zstd::stream::read::Decoder::new(open).map(|it| it.take(1 << 20).read_to_end(&mut start))
        }
        Ok(open) => Ok(open.take(1 << 20).read_to_end(&mut start)),
        Err(fault) => Err(fault),
    };
    // What cannot be read here is told by whoever reads all of it.
    drop(read);
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

/// The files of a folder whose name ends as one of `ends` (or the same packed), in the order of their names.
fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let fits = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".zst").unwrap_or(&name);
        path.is_file() && ends.iter().any(|end| name.ends_with(end))
    };
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(fits).collect();
    all.sort_unstable();
    all
}

fn fault(file: &Path, line: usize, column: &str, what: impl Into<String>) -> TableError {
    TableError::At { file: file.to_owned(), line: line as u64, column: column.to_owned(), what: what.into() }
}

/// The lines of a JSON-lines file, each with its number.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let all = bytes.split(|byte| *byte == b'\n').enumerate();
    all.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace)).map(|(at, line)| (at + 1, line))
}

/// A grade, which is none outside 0 to 1.
fn grade(file: &Path, line: usize, column: &str, value: f64) -> Result<f32, TableError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value as f32);
    }
    Err(fault(
        file,
        line,
        column,
        format!("{value} is outside 0 to 1; divide grades by the best grade there is"),
    ))
}

/// A cost, which is none below 0.
fn cost(file: &Path, line: usize, column: &str, value: f64) -> Result<f64, TableError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(fault(file, line, column, format!("{value} is no cost in dollars; leave it out where it is unknown")))
}

#[cfg(test)]
mod tests;

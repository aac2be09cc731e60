//! Outcome tables: what each model answered to each prompt, how well, and for how much.
//!
//! A table is a folder of `prompts.jsonl[.zst]` (`prompt_id`, `prompt` as text or chat messages, optional `dataset`,
//! `domain`, `split`) and `outcomes.csv[.zst]` (`prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s`,
//! an empty field means unknown). Columns beyond these are ignored. JSON lines end at `\n` and nowhere else.
//!
//! Promise: what was read is whole. Every fault is an error with file, line and column; no row is skipped or mended.

mod error;
mod forms;
mod outcomes;
mod prompts;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use pointsman_kernel::rng::Rng;
use sha2::{Digest, Sha256};

pub use error::TableError;
pub use forms::{Form, FormError};

/// No file of a table may unpack to more than this; it would not fit beside the training.
const MOST_BYTES: u64 = 1 << 30;

/// One outcome table in memory.
#[derive(Clone, Debug)]
pub struct Table {
    /// The folder's name.
    pub name: String,
    /// Its prompts, in the file's order.
    pub prompts: Vec<PromptRow>,
    /// Its models, in the order of their names.
    pub models: Vec<String>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) prompts_file: PathBuf,
    pub(crate) outcomes_file: PathBuf,
    hash: String,
    /// How the benchmark that it comes from scores a router.
    scorer: Option<forms::Scorer>,
}

/// One prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptRow {
    /// Its id, unique in the table.
    pub id: String,
    /// The last user turn.
    pub text: String,
    /// The system or developer turns.
    pub system: Option<String>,
    /// User and assistant turns.
    pub turns: u32,
    /// The benchmark it comes from.
    pub dataset: Option<String>,
    /// What it is about.
    pub domain: Option<String>,
    /// Which part of the data it belongs to; `None` where the table is not split.
    pub split: Option<Split>,
}

/// What one model did with one prompt. Everything may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Grade in [0, 1].
    pub quality: Option<f32>,
    /// Cost of the call in dollars.
    pub cost_usd: Option<f64>,
    /// Tokens read.
    pub input_tokens: Option<f32>,
    /// Tokens written.
    pub output_tokens: Option<f32>,
    /// Seconds to the end of the answer.
    pub latency_s: Option<f32>,
}

/// A part of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// Rows to learn from: those marked `train`, or every row of a table that is not split.
    #[default]
    Train,
    /// Rows to judge on while building.
    Dev,
    /// Rows to judge on at the end.
    Test,
    /// Every row.
    All,
}

/// A word that names no split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("split `{0}` is not known; use train, dev, test or all")]
pub struct SplitError(String);

impl Table {
    /// Reads a folder.
    ///
    /// # Errors
    /// [`TableError`] with the place of the first fault.
    pub fn read(folder: &Path) -> Result<Self, TableError> {
        let (prompts_file, prompts_bytes) = content(folder, "prompts.jsonl")?;
        let (outcomes_file, outcomes_bytes) = content(folder, "outcomes.csv")?;
        let prompts = prompts::parse(&prompts_file, &prompts_bytes)?;
        let (models, cells) = outcomes::parse(&outcomes_file, &outcomes_bytes, &prompts)?;
        let digest = Sha256::new().chain_update(&prompts_bytes).chain_update(&outcomes_bytes).finalize();
        let name = folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(folder).file_name();
        Ok(Self {
            name: name.map_or_else(|| "table".to_owned(), |name| name.to_string_lossy().into_owned()),
            prompts,
            models,
            cells,
            prompts_file,
            outcomes_file,
            hash: digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
            scorer: None,
        })
    }

    /// First 16 hex digits of the sha256 of both files, unpacked.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The outcomes of one prompt, one for each of `models`; empty beyond the last prompt.
    #[must_use]
    pub fn row(&self, prompt: usize) -> &[Cell] {
        let width = self.models.len();
        self.cells.get(prompt * width..(prompt + 1) * width).unwrap_or_default()
    }

    /// The same prompts with the grades of `rows` dealt out among these at random: what is left to learn is each model's
    /// mean, and how the models' grades go together. Costs and lengths stay where they are.
    pub(crate) fn with_shuffled_grades(&self, rows: &[usize], seed: u64) -> Self {
        let mut dealt = rows.to_vec();
        let mut rng = Rng::new(seed);
        for at in (1..dealt.len()).rev() {
            dealt.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
        }
        let width = self.models.len();
        let mut table = self.clone();
        for (row, from) in rows.iter().zip(&dealt) {
            let own = table.cells.get_mut(row * width..(row + 1) * width).unwrap_or_default();
            for (cell, other) in own.iter_mut().zip(self.row(*from)) {
                cell.quality = other.quality;
            }
        }
        table
    }

    /// The rows that belong to a part.
    #[must_use]
    pub fn rows(&self, split: Split) -> Vec<usize> {
        let undivided = self.prompts.iter().all(|prompt| prompt.split.is_none());
        let belongs = |prompt: &PromptRow| match split {
            Split::All => true,
            Split::Train if undivided => true,
            part => prompt.split == Some(part),
        };
        let rows = self.prompts.iter().enumerate().filter(|(_, prompt)| belongs(prompt));
        rows.map(|(at, _)| at).collect()
    }
}

impl std::str::FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "train" => Ok(Self::Train),
            "dev" => Ok(Self::Dev),
            "test" => Ok(Self::Test),
            "all" => Ok(Self::All),
            other => Err(SplitError(other.to_owned())),
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
            Self::All => "all",
        })
    }
}

/// The named file of a folder, or its packed form.
fn content(folder: &Path, name: &'static str) -> Result<(PathBuf, Vec<u8>), TableError> {
    let plain = folder.join(name);
    let packed = folder.join(format!("{name}.zst"));
    let file = if plain.is_file() { plain } else { packed };
    if !file.is_file() {
        return Err(TableError::Missing { folder: folder.to_owned(), name });
    }
    let bytes = unpacked(&file)?;
    Ok((file, bytes))
}

/// All of a file, unpacked where its name ends in `.zst`.
fn unpacked(file: &Path) -> Result<Vec<u8>, TableError> {
    let fault = |source| TableError::Read { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    if file.extension().is_some_and(|extension| extension == "zst") {
        let packed = |source| TableError::Packed { file: file.to_owned(), source };
        let reader =
            zstd::stream::read::Decoder::new(fs::File::open(file).map_err(fault)?).map_err(packed)?;
        reader.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(packed)?;
    } else {
        fs::File::open(file).map_err(fault)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(TableError::TooLarge { file: file.to_owned(), most_mib: MOST_BYTES >> 20 });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;

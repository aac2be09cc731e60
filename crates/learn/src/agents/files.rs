//! Registries and dialogues as files: JSON, one a line, plain or packed with zstd.

mod dialogues;
mod registry;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use dialogues::{Rewording, read_dialogues};
pub use registry::{read_agents, read_entries};

/// More than this is no registry and no set of dialogues.
const MOST_BYTES: u64 = 512 << 20;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AgentFileError {
    /// It is not there, or not for us.
    #[error("{} cannot be read: {source}; check the path", .file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("{} is larger than {} MiB; split it", .file.display(), MOST_BYTES >> 20)]
    TooLarge {
        /// Which.
        file: PathBuf,
    },
    /// A line says something else than it should.
    #[error("{}:{line}: {what}", .file.display())]
    At {
        /// Which.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The dialogues speak of agents that nobody registered.
    #[error("{}: labels name agents that are not in the registry: {names}; register them, or say --unregistered none to count their turns as NONE", .file.display())]
    Unknown {
        /// Which.
        file: PathBuf,
        /// Some of the names.
        names: String,
    },
    /// The agents make no registry.
    #[error("{}: {source}", .file.display())]
    Registry {
        /// Which.
        file: PathBuf,
        /// Why.
        source: pointsman_kernel::agents::RegistryError,
    },
}

/// The lines of a file, each with its number. A folder means the file of one of these names in it.
fn lines<T: DeserializeOwned>(path: &Path, names: &[&str]) -> Result<Vec<(u64, T)>, AgentFileError> {
    let file = found(path, names);
    let bytes = content(&file)?;
    let mut rows = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let number = at as u64 + 1;
        let row = serde_json::from_slice(line).map_err(|error| AgentFileError::At {
            file: file.clone(),
            line: number,
            what: format!("{error}; each line is one JSON object"),
        })?;
        rows.push((number, row));
    }
    Ok(rows)
}

/// The first of a folder's files of these names, plain or packed; the path itself where it is a file.
fn found(path: &Path, names: &[&str]) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    let both = names.iter().flat_map(|name| [path.join(name), path.join(format!("{name}.zst"))]);
    both.into_iter().find(|file| file.is_file()).unwrap_or_else(|| path.join(names.first().unwrap_or(&"")))
}

fn content(file: &Path) -> Result<Vec<u8>, AgentFileError> {
    let fault = |source| AgentFileError::Read { file: file.to_owned(), source };
    let open = fs::File::open(file).map_err(fault)?;
    let mut bytes = Vec::new();
    if file.extension().is_some_and(|extension| extension == "zst") {
        let reader = zstd::stream::read::Decoder::new(open).map_err(fault)?;
        reader.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    } else {
        open.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(AgentFileError::TooLarge { file: file.to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;

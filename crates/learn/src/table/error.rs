//! What can be wrong with a table, and where.

use std::path::PathBuf;

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file is not there.
    #[error("{folder}: there is no {name} and no {name}.zst; an outcome table is a folder that holds prompts.jsonl and outcomes.csv", folder = folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// Its name.
        name: &'static str,
    },
    /// A file cannot be read.
    #[error("{file}: cannot be read: {source}; check that it exists and that you may read it", file = file.display())]
    Read {
        /// Which one.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A packed file is damaged.
    #[error("{file}: is not whole zstd data: {source}; copy the file again, or unpack it and leave out the .zst", file = file.display())]
    Packed {
        /// Which one.
        file: PathBuf,
        /// What the decoder says.
        source: std::io::Error,
    },
    /// A file is too large.
    #[error("{file}: holds more than {most_mib} MiB; split the table into several folders", file = file.display())]
    TooLarge {
        /// Which one.
        file: PathBuf,
        /// The limit.
        most_mib: u64,
    },
    /// A path that holds no table of any known form.
    #[error("{path}: is no table; give a folder of prompts.jsonl and outcomes.csv, RouterBench's frame as .csv or .jsonl, a folder of RouterArena's evaluated cached_results, or TwinRouterBench's question_bank.jsonl", path = path.display())]
    Form {
        /// Which one.
        path: PathBuf,
    },
    /// A pickle, which is a program.
    #[error("{file}: is a pickle, which runs code when it is read; convert it where you trust it: python3 -c \"import pandas; pandas.read_pickle('FILE.pkl').to_csv('FILE.csv', index=False)\"", file = file.display())]
    Pickle {
        /// Which one.
        file: PathBuf,
    },
    /// A fault at one place of a file.
    #[error("{file}:{line}:{column}: {what}", file = file.display())]
    At {
        /// Which file.
        file: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// The column's name, or its number in the line, from 1.
        column: String,
        /// What is wrong and what to do.
        what: String,
    },
}

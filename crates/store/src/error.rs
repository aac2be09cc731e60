//! What can go wrong with stored state. Every message names the file and says what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A store that cannot be opened, read or written, or a key that cannot be made or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file or its folder.
    #[error("{} cannot be opened: {source}; check its permissions or choose another state folder", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a database, or some other program's.
    #[error("{} is not a pointsman {what}; move it away or choose another state folder", .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What was expected there.
        what: &'static str,
    },
    /// Written by a later version.
    #[error(
        "{} was written by a newer pointsman (schema {found}, this one knows {known}); upgrade pointsman or choose \
         another state folder",
        .path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema this program knows.
        known: i64,
    },
    /// Written by an earlier version, and opened for reading only, so that it cannot be taken over.
    #[error(
        "{} was written by an older pointsman (schema {found}, this one reads {known}); start `pointsman serve` on it \
         once, which takes it over with all its records",
        .path.display()
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema this program reads.
        known: i64,
    },
    /// Another gateway writes to it.
    #[error("another pointsman is using {}; stop it or choose another state folder", .path.display())]
    Owned {
        /// Which file.
        path: PathBuf,
    },
    /// Somebody holds a lock on it.
    #[error("{} is locked by another program; close whatever has it open", .path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// There is no room.
    #[error("{} cannot grow: the disk is full; make room", .path.display())]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// It was opened for reading.
    #[error("{} is open for reading only; open it as its owner to write", .path.display())]
    ReadOnly {
        /// Which file.
        path: PathBuf,
    },
    /// What is waiting could not be written in time.
    #[error("the ledger is behind: the record is not written yet; try again")]
    Behind,
    /// Anything else SQLite says.
    #[error("{}: {source}; check the disk and the file's permissions", .path.display())]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// A stored value is not what it should be.
    #[error("the {part} of record {id} cannot be read: {source}; a newer pointsman may have written it")]
    Record {
        /// Which record.
        id: String,
        /// Which part of it.
        part: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The system gave no thread.
    #[error("no thread for {what}: {source}; raise the limit on processes")]
    Thread {
        /// What it was for.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system gave no randomness.
    #[error("no random bytes for a key: {0}; check that the system's random source works")]
    Random(getrandom::Error),
    /// A key's name that cannot be used.
    #[error("key name `{0}` cannot be used; take 1 to 64 visible characters, and not the form of a key's id")]
    BadName(String),
    /// A key's name that is in use.
    #[error("a key named `{0}` exists; revoke it first or take another name")]
    NameTaken(String),
    /// No key of that id or name is in force.
    #[error("no active key has the id or name `{0}`; list the keys to see which there are")]
    NoSuchKey(String),
}

impl StoreError {
    pub(crate) fn of(path: &Path, what: &'static str, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path, what },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

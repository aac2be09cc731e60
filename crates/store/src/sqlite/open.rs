//! Opening a file: whose it is, which schema it has, who may read it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::sqlite::immediate;

/// The kind of a file and how its tables came to be. `PRAGMA user_version` counts the migrations a file has had.
pub(crate) struct Schema {
    /// For people.
    pub(crate) what: &'static str,
    /// SQLite's own mark of whose file it is.
    pub(crate) application_id: i32,
    /// What makes version n + 1 of version n. Entries are never changed, only added.
    pub(crate) migrations: &'static [&'static str],
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Makes and migrates the file.
    Write,
    /// Leaves it as it is.
    Read,
}

/// Becomes the one owner of `path` until the file that is returned is closed.
pub(super) fn own(path: &Path) -> Result<File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let beside = PathBuf::from(beside);
    let file = private(&beside, OpenOptions::new().create(true).truncate(false))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Owned { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StoreError::File { path: beside, source }),
    }
}

/// Opens `path`, checks whose it is, and brings it to the latest schema where `access` allows.
pub(crate) fn connect(
    path: &Path,
    schema: &Schema,
    access: Access,
    wait: Duration,
) -> Result<Connection, StoreError> {
    let fail = |source| StoreError::of(path, schema.what, source);
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match access {
        Access::Write => {
            make(path)?;
            flags |= OpenFlags::SQLITE_OPEN_READ_WRITE;
        }
        Access::Read => {
            std::fs::metadata(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
            flags |= OpenFlags::SQLITE_OPEN_READ_ONLY;
        }
    }
    let mut conn = Connection::open_with_flags(path, flags).map_err(fail)?;
    conn.busy_timeout(wait).map_err(fail)?;
    let version = identify(&conn, path, schema)?;
    if access == Access::Write {
        // Pages of 8 KiB: a record is a few, and each costs the log a header and a system call. Only a new file
        // takes it.
        conn.pragma_update(None, "page_size", 8192).map_err(fail)?;
        // Answers with the mode it got; a file system without shared memory keeps another, which is slower and sound.
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(fail)?;
        conn.pragma_update(None, "synchronous", "NORMAL").map_err(fail)?;
        conn.pragma_update(None, "journal_size_limit", 64 << 20).map_err(fail)?;
        migrate(&mut conn, path, schema)?;
    } else if version == 0 {
        return Err(StoreError::Foreign { path: path.to_owned(), what: schema.what });
    } else if version < known(schema) {
        return Err(StoreError::Older { path: path.to_owned(), found: version, known: known(schema) });
    }
    Ok(conn)
}

/// Runs the migrations a file has not had.
pub(super) fn migrate(conn: &mut Connection, path: &Path, schema: &Schema) -> Result<(), StoreError> {
    let fail = |source| StoreError::of(path, schema.what, source);
    let latest = known(schema);
    if identify(conn, path, schema)? == latest {
        return Ok(());
    }
    let tx = immediate(conn).map_err(fail)?;
    // Again, under the lock: another process may have been faster.
    let version = identify(&tx, path, schema)?;
    for migration in schema.migrations.iter().skip(usize::try_from(version).unwrap_or(usize::MAX)) {
        tx.execute_batch(migration).map_err(fail)?;
    }
    tx.pragma_update(None, "application_id", schema.application_id).map_err(fail)?;
    tx.pragma_update(None, "user_version", latest).map_err(fail)?;
    tx.commit().map_err(fail)
}

/// The file's schema version, 0 for an empty file.
fn identify(conn: &Connection, path: &Path, schema: &Schema) -> Result<i64, StoreError> {
    let fail = |source| StoreError::of(path, schema.what, source);
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(fail);
    let application = number("SELECT application_id FROM pragma_application_id")?;
    let version = number("SELECT user_version FROM pragma_user_version")?;
    if application != i64::from(schema.application_id) {
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        if application == 0 && version == 0 && tables == 0 {
            return Ok(0);
        }
        return Err(StoreError::Foreign { path: path.to_owned(), what: schema.what });
    }
    if version > known(schema) {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: known(schema) });
    }
    Ok(version)
}

fn known(schema: &Schema) -> i64 {
    i64::try_from(schema.migrations.len()).unwrap_or(i64::MAX)
}

/// Makes the file where it is missing, with the folder above it, for this user alone; SQLite gives its log the same
/// mode. A file that is there is never opened here: closing any handle of it would drop every lock this process holds
/// on it, SQLite's own among them, and another process could then take the log away under the writer.
fn make(path: &Path) -> Result<(), StoreError> {
    match private(path, OpenOptions::new().create_new(true)) {
        Err(StoreError::File { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Opens a file that only this user may read, in a folder that is made where it is missing.
fn private(path: &Path, options: &mut OpenOptions) -> Result<File, StoreError> {
    let fail = |source| StoreError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(fail)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.read(true).write(true).open(path).map_err(fail)
}

//! Another process that looks into the file while this one writes to it: a backup, a script, the command line.
//!
//! What keeps it from taking the log away under the writer is SQLite's shared lock on the file, and a process loses all
//! its locks on a file when it closes any handle of it. So the lock is looked for, by inode, where the system lists it.
#![cfg(target_os = "linux")]

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::*;

/// Whether this process holds a lock on the file.
fn is_locked(path: &Path) -> bool {
    let inode = std::fs::metadata(path).unwrap().ino().to_string();
    let process = std::process::id().to_string();
    std::fs::read_to_string("/proc/locks").unwrap().lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1] == "POSIX" && fields[4] == process && fields[5].rsplit(':').next() == Some(&inode)
    })
}

#[test]
fn the_writers_lock_outlasts_every_reader_of_the_same_process() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let ledger = Ledger::open(&path, LedgerOptions::default()).unwrap();
    assert!(is_locked(&path), "once opened");
    drop(crate::SqliteStore::read_only(&path).unwrap());
    assert!(is_locked(&path), "after a reader");
    let second = Ledger::open(&path, LedgerOptions::default());
    assert!(second.is_err() && is_locked(&path), "after a second that was refused");
    drop(ledger);
}

#[test]
fn the_rings_lock_outlasts_every_change_of_the_keys() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("keys.db");
    let keys = crate::Keys::open(&path).unwrap();
    let ring = crate::KeyRing::open(&path).unwrap();
    drop(crate::Keys::open(&path).unwrap());
    assert!(is_locked(&path));
    drop((keys, ring));
}

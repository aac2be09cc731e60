//! The keys in force, in memory, for the request's path.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::error::StoreError;
use crate::keys::{KeyRecord, Keys, secret};
use crate::sqlite::lock;

/// The keys in force. Cloning gives another handle to the same; it follows the file until the last one is dropped.
#[derive(Clone)]
pub struct KeyRing {
    known: Arc<Shared>,
    /// Its end tells the following thread to stop.
    _follows: Option<Sender<()>>,
}

struct Shared {
    keys: ArcSwap<Known>,
    error: Mutex<Option<String>>,
}

#[derive(Default)]
struct Known {
    active: HashMap<secret::Hash, Arc<KeyRecord>>,
    any: bool,
}

/// What the keys in memory were read from.
struct Seen {
    file: Option<(u64, u64)>,
    version: i64,
}

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(300);

impl KeyRing {
    /// Reads the keys at `path`, making the file if there is none, and follows it.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is no key file of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let keys = Keys::open(path)?;
        // Before the keys: what comes between is read again.
        let seen = Seen { file: identify(path), version: keys.version()? };
        let known =
            Arc::new(Shared { keys: ArcSwap::from_pointee(Known::read(&keys)?), error: Mutex::new(None) });
        let (follows, stop) = channel();
        let shared = Arc::clone(&known);
        std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || follow(keys, seen, &shared, &stop))
            .map_err(|source| StoreError::Thread { what: "the client keys", source })?;
        Ok(Self { known, _follows: Some(follows) })
    }

    /// No keys, and no file.
    #[must_use]
    pub fn empty() -> Self {
        let known = Shared { keys: ArcSwap::from_pointee(Known::default()), error: Mutex::new(None) };
        Self { known: Arc::new(known), _follows: None }
    }

    /// The key of this secret, where it is in force.
    #[must_use]
    pub fn check(&self, presented: &str) -> Option<Arc<KeyRecord>> {
        if !secret::is_one(presented) {
            return None;
        }
        self.known.keys.load().active.get(&secret::hash(presented)).cloned()
    }

    /// Whether there ever was a key, revoked ones included: revoking the last one must not open the door.
    #[must_use]
    pub fn any_exist(&self) -> bool {
        self.known.keys.load().any
    }

    /// Whether any key is in force.
    #[must_use]
    pub fn any_active(&self) -> bool {
        !self.known.keys.load().active.is_empty()
    }

    /// What went wrong when the file was last looked at. The keys known before stay in force meanwhile.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        lock(&self.known.error).clone()
    }
}

impl Known {
    fn read(keys: &Keys) -> Result<Self, StoreError> {
        let all = keys.all()?;
        Ok(Self {
            any: !all.is_empty(),
            active: all
                .into_iter()
                .filter(|(_, record)| record.revoked.is_none())
                .map(|(hash, record)| (hash, Arc::new(record)))
                .collect(),
        })
    }
}

fn follow(mut keys: Keys, mut seen: Seen, shared: &Shared, stop: &Receiver<()>) {
    while stop.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let mut look = || -> Result<(), StoreError> {
            // A connection to a file that was replaced would never see another change.
            let file = identify(&keys.path);
            let replaced = file != seen.file;
            if replaced {
                let gone = |source| StoreError::File { path: keys.path.clone(), source };
                std::fs::metadata(&keys.path).map_err(gone)?;
                keys = Keys::open(&keys.path)?;
            }
            let version = keys.version()?;
            if replaced || version != seen.version {
                let mut known = Known::read(&keys)?;
                // A file without keys does not open a door that was shut.
                known.any |= shared.keys.load().any;
                shared.keys.store(Arc::new(known));
                seen = Seen { file, version };
            }
            Ok(())
        };
        let error = look().err().map(|error| error.to_string());
        *lock(&shared.error) = error;
    }
}

/// Which file a path names, as far as the system tells.
#[cfg(unix)]
fn identify(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identify(_: &Path) -> Option<(u64, u64)> {
    None
}

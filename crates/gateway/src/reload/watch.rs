//! Watches the configuration's file, and the files it names, and reloads when one changes.
//!
//! The folder is watched rather than the file, since editors put a new file in the old one's place and Kubernetes turns
//! a link; and the files are looked at every second besides, since not every file system tells. A change counts once it
//! has settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::time::{Duration, SystemTime};

use notify::{RecursiveMode, Watcher};

use super::Live;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a file must stay as it is before it is read.
const SETTLE: Duration = Duration::from_millis(80);

/// Ends the watch when it is dropped.
pub struct WatchGuard {
    _stop: Option<Sender<Wake>>,
}

enum Wake {
    Changed,
}

/// Watches the file of `live`; without one there is nothing to watch.
pub fn watch(live: &Arc<Live>) -> WatchGuard {
    let Some(path) = live.path().map(Path::to_owned) else { return WatchGuard { _stop: None } };
    let (wake, woken) = channel();
    let seen = stamps(live, &path);
    let live = Arc::clone(live);
    let run = {
        // The watcher's sender must not keep the thread alive, so that its own end is what the guard holds.
        let (tell, told) = sync_channel(1);
        move || {
            let _watcher = watcher(&path, tell);
            follow(&live, &path, seen, &woken, &told);
        }
    };
    let named = std::thread::Builder::new().name("config-watch".to_owned());
    if let Err(error) = named.spawn(run) {
        tracing::warn!(%error, "the configuration's file is not watched");
    }
    WatchGuard { _stop: Some(wake) }
}

fn follow(live: &Arc<Live>, path: &Path, mut seen: Vec<Stamp>, stop: &Receiver<Wake>, told: &Receiver<Wake>) {
    loop {
        // Waits for the file system's word, but not for ever.
        if matches!(told.recv_timeout(LOOK), Err(RecvTimeoutError::Disconnected)) {
            std::thread::sleep(LOOK);
        }
        if matches!(stop.try_recv(), Err(TryRecvError::Disconnected)) {
            return;
        }
        let mut now = stamps(live, path);
        if now == seen {
            // The folder may be busy with other files; they must not keep this thread busy too.
            std::thread::sleep(SETTLE);
            continue;
        }
        loop {
            std::thread::sleep(SETTLE);
            let later = stamps(live, path);
            if later == now {
                break;
            }
            now = later;
        }
        // What is wrong is in the log and in the status.
        let _ = live.reload();
        seen = stamps(live, path);
        if seen.first() != now.first() {
            // Changed while it was read: once more round.
            seen = now;
        }
        while told.try_recv().is_ok() {}
    }
}

fn watcher(path: &Path, tell: SyncSender<Wake>) -> Option<notify::RecommendedWatcher> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let made = notify::recommended_watcher(move |_| {
        let _ = tell.try_send(Wake::Changed);
    })
    .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
    made.inspect_err(
        |error| tracing::debug!(%error, "the file system does not tell of changes; looking every second"),
    )
    .ok()
}

/// What tells a file from how it was.
type Stamp = Option<(PathBuf, SystemTime, u64)>;

fn stamps(live: &Live, path: &Path) -> Vec<Stamp> {
    let config = live.config();
    let others = config.files.iter().map(PathBuf::as_path);
    std::iter::once(path).chain(others).map(stamp).collect()
}

fn stamp(path: &Path) -> Stamp {
    // The file itself, behind any link: a turned link is another file, whatever its time.
    let real = std::fs::canonicalize(path).ok()?;
    let about = std::fs::metadata(&real).ok()?;
    Some((real, about.modified().ok()?, about.len()))
}

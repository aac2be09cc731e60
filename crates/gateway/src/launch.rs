//! Puts a gateway together and starts it: what `serve`, the demo and the tests share.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pointsman_backends::{Clock, HealthBoard, SystemClock};
use pointsman_store::{Courses, KeyRing, Ledger, LedgerOptions, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::{App, router};
use crate::config::{Env, KeysRule};
use crate::reload::Live;
use crate::server::{ListenError, bind, serve};
use crate::sessions::REMEMBERED;
use crate::{agents, discover, reload};

/// How long running requests may take to end after a shutdown was asked for.
pub const GRACE: Duration = Duration::from_secs(30);
/// How long the ledger may take to write what it holds at the end.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// How often old records are pruned.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The ledger or the keys cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anyone could use the operator's money.
    #[error(
        "{0} can be reached from other machines, and there is no client key yet: make one with `pointsman keys create NAME`, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
}

/// A gateway that accepts connections.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// What its requests share.
    pub app: Arc<App>,
    listener: TcpListener,
    tasks: Vec<JoinHandle<()>>,
    _watch: reload::WatchGuard,
}

/// Where state lives: `$POINTSMAN_HOME`, else the platform's data folder.
pub fn home(env: &Env) -> PathBuf {
    let under = |variable: &str, rest: &str| env.get(variable).map(|base| Path::new(base).join(rest));
    if let Some(home) = env.get("POINTSMAN_HOME") {
        return PathBuf::from(home);
    }
    let platform = if cfg!(target_os = "macos") {
        under("HOME", "Library/Application Support/pointsman")
    } else if cfg!(windows) {
        under("APPDATA", "pointsman")
    } else {
        under("XDG_DATA_HOME", "pointsman").or_else(|| under("HOME", ".local/share/pointsman"))
    };
    platform.unwrap_or_else(|| PathBuf::from(".pointsman"))
}

/// The ledger's file.
pub fn ledger_path(home: &Path) -> PathBuf {
    home.join("ledger.db")
}

/// The keys' file.
pub fn keys_path(home: &Path) -> PathBuf {
    home.join("keys.db")
}

/// The file of conversations with agents.
pub fn sessions_path(home: &Path) -> PathBuf {
    home.join("sessions.db")
}

/// Opens the state in `home`, listens on `address`, and starts discovery and the watch on the configuration's file.
///
/// # Errors
/// The address or the state cannot be had, or the address is open to others and no key exists.
pub async fn start(live: Arc<Live>, home: &Path, address: SocketAddr) -> Result<Running, LaunchError> {
    let listener = bind(address).await?;
    let address = listener.local_addr().map_err(|fault| ListenError::Refused(address, fault))?;
    let config = live.config();
    let keys = KeyRing::open(&keys_path(home))?;
    let needs_keys = !address.ip().is_loopback() || config.keys == KeysRule::Always;
    if needs_keys && !keys.any_active() {
        return Err(LaunchError::Open(address));
    }
    let options = LedgerOptions { keep_prompts: config.ledger.keep_prompts, ..LedgerOptions::default() };
    let ledger = Ledger::open(&ledger_path(home), options)?;
    if ledger.recovered() > 0 {
        tracing::warn!(
            requests = ledger.recovered(),
            "requests of the last run did not end; they are closed as lost"
        );
    }
    let health = HealthBoard::new(config.breaker);
    let clock = Arc::new(SystemClock);
    let courses = Courses::open(&sessions_path(home), REMEMBERED, clock.now())?;
    let app = Arc::new(App::new(Arc::clone(&live), ledger, keys, health, courses, clock));
    let tasks = vec![
        discover::spawn(&live, Some(address)),
        agents::spawn(&live),
        tokio::spawn(keep_house(Arc::clone(&app))),
    ];
    Ok(Running { address, app, listener, tasks, _watch: reload::watch(&live) })
}

impl Running {
    /// Serves until `shutdown`; then lets running requests end and writes what the ledger holds. Returns whether
    /// everything came to its end in time.
    pub async fn until(self, shutdown: impl Future<Output = ()>, grace: Duration) -> bool {
        let ended = serve(self.listener, router(Arc::clone(&self.app)), shutdown, grace).await;
        for task in &self.tasks {
            task.abort();
        }
        let (ledger, courses) = (self.app.ledger.clone(), self.app.courses.clone());
        let written = tokio::task::spawn_blocking(move || {
            courses.close();
            ledger.close(LAST_WRITE)
        })
        .await;
        ended && written.unwrap_or(false)
    }
}

/// Follows the configuration, and forgets records older than the operator keeps.
async fn keep_house(app: Arc<App>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    let mut generations = app.live.subscribe();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Ok(()) = generations.changed() => {
                app.follow_configuration();
                continue;
            }
        }
        app.courses.forget(app.clock.now());
        let Some(kept) = app.live.config().ledger.retention else { continue };
        let before = app.clock.now().0.saturating_sub(u64::try_from(kept.as_micros()).unwrap_or(u64::MAX));
        let ledger = app.ledger.clone();
        let pruned =
            tokio::task::spawn_blocking(move || ledger.prune(pointsman_kernel::facts::Timestamp(before)))
                .await;
        if let Ok(Err(fault)) = pruned {
            tracing::warn!(%fault, "old records could not be pruned");
        }
    }
}

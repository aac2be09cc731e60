//! `pointsman serve`: the gateway, and what a user needs to know of it when it starts.

pub(crate) mod banner;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use pointsman_gateway::config::Env;
use pointsman_gateway::reload::Live;
use pointsman_gateway::{infer, launch};

use crate::term::{self, Usage};

/// Where the gateway listens unless told otherwise.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4000));

/// Start the gateway. Without a file: providers from their own variables (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...) and
/// engines found on loopback, with the models they list
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration; changes to it are taken up while running
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port; goes before the configuration's
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// Serves until a signal.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    crate::log::start();
    runtime()?.block_on(serve(args))
}

/// A runtime with a worker for each core.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_all()
        .build()
        .context("no threads to run on")?;
    {
        let _inside = runtime.enter();
        outlive_file_limits();
    }
    Ok(runtime)
}

/// A write beyond the limit on the size of files (`ulimit -f`, a container's own) ends a process by a signal. Caught, it
/// is a failed write like any other: the ledger counts it and requests are answered all the same.
#[cfg(unix)]
fn outlive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays for good, also when nobody listens to it.
    if let Err(fault) = signal(SignalKind::from_raw(libc::SIGXFSZ)) {
        tracing::warn!(%fault, "a limit on the size of files may end the process");
    }
}

#[cfg(not(unix))]
fn outlive_file_limits() {}

/// Ready at the first interrupt or termination; the second one ends the process at once.
pub(crate) async fn stop_signal() {
    any_signal().await;
    tokio::spawn(async {
        any_signal().await;
        term::note("stopped at once: requests in flight are closed as lost at the next start");
        std::process::exit(130);
    });
}

async fn serve(args: &Args) -> anyhow::Result<ExitCode> {
    let env = Env::of_process();
    let live = match &args.config {
        Some(path) => Live::from_file(path, env.clone())?,
        None => inferred(&env, args.listen.unwrap_or(DEFAULT_LISTEN)).await?,
    };
    for warning in &live.config().warnings {
        tracing::warn!("{warning}");
    }
    let address = args.listen.unwrap_or(live.config().listen);
    let home = launch::home(&env);
    let running = launch::start(Arc::clone(&live), &home, address).await?;
    let told = banner::print(&running, &home, args.config.as_deref())?;
    let news = tokio::spawn(banner::news(Arc::clone(&live), told));
    let stop = async {
        stop_signal().await;
        term::note("stopping: running requests may end; once more to stop at once");
    };
    let ended = running.until(stop, launch::GRACE).await;
    news.abort();
    if ended {
        return Ok(ExitCode::SUCCESS);
    }
    term::note(
        "not everything came to its end in time; what was in flight is closed as lost at the next start",
    );
    Ok(ExitCode::from(1))
}

/// What the environment offers. Engines are waited for only where nothing else is there: without either nothing could
/// be answered.
async fn inferred(env: &Env, own: SocketAddr) -> anyhow::Result<Arc<Live>> {
    let mut found = infer::from_environment(env);
    if found.providers().iter().all(|provider| provider.engine) {
        found = found.probe(env, Some(own)).await?;
    }
    if found.providers().is_empty() {
        return Err(Usage(
            "nothing to route to: no provider's key is set and no engine answers on this machine\n\n\
             Set one, for example\n  \
             export OPENAI_API_KEY=...       (any OpenAI-like server: OPENAI_BASE_URL=http://host:port/v1 with it)\n  \
             export ANTHROPIC_API_KEY=...    (also GEMINI_API_KEY, OPENROUTER_API_KEY, MISTRAL_API_KEY, GROQ_API_KEY)\n\
             or start Ollama or vLLM, or name a configuration with --config FILE.\n\
             `pointsman demo` shows everything without any of these."
                .to_owned(),
        )
        .into());
    }
    Ok(Live::from_config(found.to_config(env)?)?)
}

#[cfg(unix)]
async fn any_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}

#[cfg(not(unix))]
async fn any_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

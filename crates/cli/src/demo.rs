//! `pointsman demo`: the tour without a key. A real gateway over simulated models, real requests over loopback, and a
//! table of where each went.
//!
//! Promise: nothing printed about a request is computed here. Every figure is read from the ledger's record of it, or
//! from the ledger's own sums.

mod table;
mod tour;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use pointsman_gateway::app::App;
use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::launch;
use pointsman_gateway::reload::Live;
use pointsman_kernel::DecisionId;
use pointsman_store::{Query, StoredRecord, Totals};

use crate::client::Connection;
use crate::serve::{banner, runtime, stop_signal};
use crate::term::{self, Tone, paint};
use tour::Step;

const CONFIG: &str = include_str!("demo.yaml");
/// How long the ledger may take to write a dozen records.
const WRITTEN: Duration = Duration::from_secs(5);

/// Take the tour without a key: a real gateway over simulated models, prompts sent through auto, and where each went
#[derive(clap::Args)]
pub(crate) struct Args {
    /// End after the tour, also on a terminal
    #[arg(long)]
    once: bool,
    /// Another configuration for the tour, such as the demo's own with another price
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the demo's own configuration and end
    #[arg(long)]
    print_config: bool,
    /// Keep the ledger in this folder. Default: a temporary one
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

/// Takes the tour, and serves on where somebody watches.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.print_config {
        term::say(CONFIG.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    crate::log::start_quietly();
    runtime()?.block_on(demo(args))
}

async fn demo(args: &Args) -> anyhow::Result<ExitCode> {
    let config = match &args.config {
        Some(path) => Config::load(path, &Env::of_process())?,
        None => Config::parse("demo.yaml", CONFIG, &Env::of_process())?,
    };
    let temporary;
    let home = if let Some(home) = &args.home {
        home.as_path()
    } else {
        temporary = tempfile::tempdir().context("no temporary folder for the demo's ledger")?;
        temporary.path()
    };
    let watched = !args.once && io::stdout().is_terminal() && io::stdin().is_terminal();
    serve_tour(config, home, watched).await
}

async fn serve_tour(config: Config, home: &Path, watched: bool) -> anyhow::Result<ExitCode> {
    let listen = config.listen;
    let running = launch::start(Live::from_config(config)?, home, listen).await?;
    let (address, app) = (running.address, Arc::clone(&running.app));
    let base = banner::base_url(address);
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        // A tour that failed ends the gateway as one that succeeded does.
        let _ = finished.await;
    };
    let gateway = tokio::spawn(running.until(shutdown, Duration::from_secs(5)));
    let toured = tour(&app, &base, address).await;
    if toured.is_ok() && watched {
        term::say(format_args!(
            "\nThe gateway goes on at {} until Ctrl-C:\n\n  {}",
            paint(Tone::Strong, format_args!("{base}/v1")),
            banner::curl(&base, false)
        ))?;
        stop_signal().await;
    }
    let _ = finish.send(());
    gateway.await?;
    toured.map(|()| ExitCode::SUCCESS)
}

async fn tour(app: &App, base: &str, address: std::net::SocketAddr) -> anyhow::Result<()> {
    term::say(format_args!(
        "A real gateway at {base}, over four models that are {}: their answers are\n\
         made up, while routing, counting and billing are what `serve` does.\n",
        paint(Tone::Strong, "simulated")
    ))?;
    term::say(term::text_of(&table::priced(&app.live.snapshot())))?;
    term::say("")?;
    term::say(table::head())?;
    let mut connection = Connection::open(address).await?;
    for (number, step) in tour::STEPS.iter().enumerate() {
        let record = take(app, &mut connection, step).await?;
        term::say(table::row(number + 1, step, &record)?)?;
    }
    let totals = totals(app)?;
    term::say(format_args!("\n{}", table::totals(&totals, &app.live.snapshot())))?;
    Ok(())
}

/// Sends one prompt and reads back what the ledger has of it.
async fn take(app: &App, connection: &mut Connection, step: &Step) -> anyhow::Result<StoredRecord> {
    let answer = connection.chat(step.body()?.into(), step.session).await?;
    let id = answer.decision().with_context(|| {
        format!("status {} without a decision: {}", answer.status, String::from_utf8_lossy(&answer.body))
    })?;
    let id = DecisionId::from(id);
    let ledger = app.ledger.clone();
    // The outcome of a stream is settled as its last byte leaves, which may be a moment after it is here.
    for _ in 0..200 {
        let found = {
            let (ledger, id) = (ledger.clone(), id.clone());
            tokio::task::spawn_blocking(move || ledger.record(&id)).await??
        };
        match found {
            Some(record) if record.outcome.is_some() => return Ok(record),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    anyhow::bail!("decision {id} has no outcome in the ledger after a second")
}

fn totals(app: &App) -> anyhow::Result<Totals> {
    tokio::task::block_in_place(|| {
        anyhow::ensure!(
            app.ledger.flush(WRITTEN),
            "the ledger could not be written: {:?}",
            app.ledger.health()
        );
        Ok(app.ledger.totals(&Query::default())?)
    })
}

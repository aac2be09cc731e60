//! `pointsman report`: from the ledger, what routing saved and what it did to quality, and whether to route at all.
//!
//! The ledger is read and never written; a gateway may be running on it. The statistics are
//! [`pointsman_learn::offpolicy`]; here records are gathered by route and findings are shown.

mod gather;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use pointsman_gateway::config::{self, Env};
use pointsman_gateway::launch;
use pointsman_kernel::Tenant;
use pointsman_kernel::facts::Timestamp;
use pointsman_learn::offpolicy::EQUAL_WITHIN;
use pointsman_store::{Query, SqliteStore};

use crate::term;

/// Say from the ledger what routing saved and what it did to quality, against always using one model, with 95 %
/// intervals; and whether to route at all. It goes by the requests drawn by chance (explore) and the scores given to
/// /v1/feedback
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Requests of this long, such as 7d or 12h. Default: all that the ledger has
    #[arg(long, value_name = "T", value_parser = time)]
    since: Option<Duration>,
    /// One route. Default: each
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// One tenant's requests. Default: everybody's
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Differences up to this count as none: in quality, and as a share of cost
    #[arg(long, value_name = "X", default_value_t = EQUAL_WITHIN, value_parser = share)]
    equal_within: f64,
    /// The ledger's file. Default: ledger.db in $POINTSMAN_HOME
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    config::duration(text).ok_or_else(|| "write a number with its unit, such as 12h or 7d".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    number.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// Reads, reckons and shows.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let path = args.ledger.clone().unwrap_or_else(|| launch::ledger_path(&launch::home(&Env::of_process())));
    if !path.exists() {
        bail!(
            "{} is not there: `pointsman serve` writes it; POINTSMAN_HOME or --ledger says where it is",
            path.display()
        );
    }
    let store = SqliteStore::read_only(&path)?;
    let since = args.since.map(since).transpose()?;
    let query = Query { since, until: None, tenant: args.tenant.as_deref().map(Tenant::from) };
    let mut report = gather::report(&store, &query, args.equal_within)?;
    if let Some(route) = &args.route {
        report.routes.retain(|of| of.route.as_str() == route);
    }
    if args.json {
        term::say_json(&report)?;
    } else {
        show::print(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn since(age: Duration) -> anyhow::Result<Timestamp> {
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(Timestamp(u64::try_from(now.saturating_sub(age).as_micros())?))
}

//! `pointsman bench`: the product's own latency and load scenarios. Prompts are made up on the spot and none is used
//! twice, so nothing can be answered from memory.

mod agents;
mod decision;
mod encoder;
mod gateway;
mod percentiles;
mod prompts;

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::serve::runtime;
use crate::term;
use percentiles::Percentiles;

/// Measure this machine: what a decision takes, and what the gateway carries over loopback
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The scenario. Default: all of them
    name: Option<Scenario>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Seconds for each line of the result, at most
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The decision alone: parse, read, tokenise, embed, estimate, rank. No socket, no ledger
    Decision,
    /// The agent stage alone: read a turn, mask, choose among 1,000 agents; rank 25,000 skills
    Agents,
    /// Each encoder on this machine, alone, over each run time there is
    Encoder,
    /// Requests over loopback to targets that answer at once, ledger on
    Gateway,
}

/// One line of the result.
#[derive(Serialize)]
struct Line {
    scenario: &'static str,
    case: String,
    runs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    us: Percentiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar: Option<&'static str>,
}

/// Measures and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    crate::log::start_quietly();
    let within = Duration::from_secs(args.seconds);
    let wanted = |scenario| args.name.is_none_or(|name| name == scenario);
    let mut lines = Vec::new();
    if wanted(Scenario::Decision) {
        lines.extend(decision::measure(within)?);
    }
    if wanted(Scenario::Agents) {
        lines.extend(agents::measure(within)?);
    }
    if wanted(Scenario::Encoder) {
        lines.extend(encoder::measure(within)?);
    }
    if wanted(Scenario::Gateway) {
        lines.extend(runtime()?.block_on(gateway::measure(within))?);
    }
    if args.json {
        term::say_json(&lines)?;
    } else {
        print(&lines)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(lines: &[Line]) -> anyhow::Result<()> {
    let head = ["scenario", "case", "runs", "per s", "p50 us", "p90 us", "p99 us", "bar"];
    let mut table = term::table(&head, &[2, 3, 4, 5, 6]);
    for line in lines {
        table.add_row(vec![
            line.scenario.to_owned(),
            line.case.clone(),
            line.runs.to_string(),
            line.per_second.map_or("-".to_owned(), |rate| format!("{rate:.0}")),
            format!("{:.0}", line.us.p50),
            format!("{:.0}", line.us.p90),
            format!("{:.0}", line.us.p99),
            line.bar.unwrap_or("-").to_owned(),
        ]);
    }
    Ok(term::say(term::text_of(&table))?)
}

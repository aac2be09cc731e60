//! `pointsman train`: outcome tables to an artifact.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pointsman_learn::{Form, Split, Table, TrainOptions, train};

use crate::progress::Bar;
use crate::term;

/// Learn from outcome tables. Writes an artifact and prints what its estimators are worth beside the baselines
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folders with prompts.jsonl and outcomes.csv (or .zst), or what RouterBench, RouterArena and TwinRouterBench publish
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// How --data is written: outcomes, routerbench, routerarena or twinrouterbench. Default: what each looks like
    #[arg(long, value_name = "FORMAT")]
    format: Option<Form>,
    /// Learn these models alone. Default: every model of the tables
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    models: Option<Vec<String>>,
    /// Learn from these rows: train, dev, test or all. A table without splits is learnt from whole
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    split: Split,
    /// Where to write the artifact
    #[arg(long, value_name = "FILE", default_value = "pointsman.artifact")]
    out: PathBuf,
    /// The encoder, as `pointsman encoder list` shows it; the artifact serves with this one alone
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
    /// The seed: the same seed and tables give the same artifact
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What a table's licence asks to be said; kept in the artifact. May be given several times
    #[arg(long = "licence", value_name = "TEXT")]
    licences: Vec<String>,
}

/// Trains and writes the artifact.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.encoder)?;
    let tables =
        args.data.iter().map(|path| Table::read_as(path, args.format)).collect::<Result<Vec<_>, _>>()?;
    for table in &tables {
        term::note(format_args!(
            "{}: {} prompts, {} models",
            table.name,
            table.prompts.len(),
            table.models.len()
        ));
    }
    let options = TrainOptions {
        models: args.models.clone(),
        split: args.split,
        seed: args.seed,
        licences: args.licences.clone(),
        ..TrainOptions::default()
    };
    let mut bar = Bar::new();
    let trained = train(&tables, &*encoder, &options, &mut |progress| bar.show(progress));
    bar.clear();
    let (artifact, summary) = trained?;
    let bytes = artifact.to_bytes();
    std::fs::write(&args.out, &bytes).with_context(|| format!("{} cannot be written", args.out.display()))?;
    term::say(&summary)?;
    term::say(format_args!(
        "wrote {} ({} KB, {}, default estimator {}): name it under `artifact:` in the configuration",
        args.out.display(),
        bytes.len().div_ceil(1024),
        artifact.hash(),
        artifact.default_name(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

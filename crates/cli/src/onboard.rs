//! `pointsman onboard`: a new model into an artifact, by few graded answers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use pointsman_encode::StaticTable;
use pointsman_learn::onboard::{ENOUGH, place};
use pointsman_learn::{Artifact, Split, Table};

use crate::progress::Bar;
use crate::term;

/// Add a model to an artifact by some graded answers, without training again. 25 to 64 answers place it; until it has a
/// hundred it is marked provisional
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the new model's outcomes, as profile writes it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The artifact to add to. Default: the one in this program
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// These models alone. Default: every model of the folder that the artifact was not trained on
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    models: Option<Vec<String>>,
    /// The rows to place by: train, dev, test or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: Split,
    /// Where to write the artifact with the models added
    #[arg(long, value_name = "FILE", default_value = "pointsman.artifact")]
    out: PathBuf,
}

/// Places and writes.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let artifact = match &args.artifact {
        None => Artifact::embedded().clone(),
        Some(path) => {
            let named = || path.display().to_string();
            Artifact::load(&std::fs::read(path).with_context(named)?).with_context(named)?
        }
    };
    let table = Table::read(&args.data)?;
    let encoder = StaticTable::embedded();
    let mut bar = Bar::new();
    let placed = place(&artifact, &table, args.split, args.models.as_deref(), encoder, &mut |progress| {
        bar.show(progress)
    });
    bar.clear();
    let (artifact, placed) = placed?;
    let bytes = artifact.to_bytes();
    std::fs::write(&args.out, &bytes).with_context(|| format!("{} cannot be written", args.out.display()))?;
    for model in &placed {
        term::say(model)?;
    }
    term::say(format_args!(
        "wrote {} ({} KB, {}): name it under `artifact:` in the configuration",
        args.out.display(),
        bytes.len().div_ceil(1024),
        artifact.hash()
    ))?;
    if placed.iter().any(|model| model.answers < ENOUGH) {
        term::note("with more prompts profiled, onboard again; `pointsman train` learns all models together");
    }
    Ok(ExitCode::SUCCESS)
}

//! `pointsman eval`: routers and baselines on an outcome table, with intervals.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pointsman_encode::Encoder;
use pointsman_learn::evaluate::{EvalOptions, evaluate};
use pointsman_learn::{Artifact, Split, Table};

use crate::progress::Bar;
use crate::term;

/// Evaluate routers and baselines on an outcome table, with 95 % intervals. Without an artifact every estimator is
/// trained on the folder's own train rows
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder with prompts.jsonl and outcomes.csv (or .zst)
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The rows to judge on: train, dev, test or all
    #[arg(long, value_name = "SPLIT", default_value = "dev")]
    split: Split,
    /// Trained estimators, as train writes them
    #[arg(long, value_name = "FILE", conflicts_with = "cv")]
    artifact: Option<PathBuf>,
    /// The pool. Default: models with quality and cost on at least 95 % of the rows
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    models: Option<Vec<String>>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Draw the cost-quality picture into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Cross-validate over all rows in this many folds
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(2..=50))]
    cv: Option<u16>,
    /// Add paired differences against this router
    #[arg(long, value_name = "ROUTER")]
    versus: Option<String>,
    /// The encoder, as `pointsman encoder list` shows it
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
}

/// Evaluates and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.encoder)?;
    let artifact = args.artifact.as_deref().map(|path| load(path, &*encoder)).transpose()?;
    let table = Table::read(&args.data)?;
    let options = EvalOptions {
        models: args.models.clone(),
        split: args.split,
        folds: args.cv.map(usize::from),
        versus: args.versus.clone(),
        ..EvalOptions::default()
    };
    let mut bar = Bar::new();
    let report = evaluate(&table, artifact.as_ref(), &*encoder, &options, &mut |progress| bar.show(progress));
    bar.clear();
    let report = report?;
    if let Some(path) = &args.plot {
        report.plot(path).with_context(|| format!("{} cannot be drawn", path.display()))?;
        term::note(format_args!("wrote {}", path.display()));
    }
    if args.json {
        term::say_json(&report)?;
    } else {
        term::say(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads an artifact that was made with this encoder.
fn load(path: &Path, encoder: &dyn Encoder) -> anyhow::Result<Artifact> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let artifact = Artifact::load(&bytes).with_context(named)?;
    artifact.check_encoder(encoder.fingerprint()).with_context(named)?;
    Ok(artifact)
}

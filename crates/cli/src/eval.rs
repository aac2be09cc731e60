//! `pointsman eval`: routers and baselines on outcome tables, with intervals.

mod command;
mod robust;
mod router;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use pointsman_encode::Encoder;
use pointsman_learn::evaluate::{EvalOptions, Evaluation, assign_models, evaluate, onboarding};
use pointsman_learn::{Artifact, Form, Split, Table};

use crate::progress::Bar;
use crate::term;

/// Evaluate routers and baselines on outcome tables, with 95 % intervals. Without an artifact every estimator is
/// trained on each folder's own train rows
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folders with prompts.jsonl and outcomes.csv (or .zst), or tables of RouterBench (.csv, .jsonl), RouterArena
    /// (cached_results) and TwinRouterBench (question_bank.jsonl): a report for each, and the mean over them
    #[arg(long, value_name = "DIR", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// How --data is written: outcomes, routerbench, routerarena or twinrouterbench. Default: what each looks like
    #[arg(long, value_name = "FORMAT")]
    format: Option<Form>,
    /// The rows to judge on: train, dev, test or all. Default: dev; all with --cv or --leave-out
    #[arg(long, value_name = "SPLIT")]
    split: Option<Split>,
    /// Trained estimators, as train writes them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cv", "leave_out"])]
    artifact: Option<PathBuf>,
    /// The pool: A,B for every table that has them, TABLE=A,B for one. May be given several times. Default: models with
    /// quality and cost on at least 95 % of the rows
    #[arg(long, value_name = "A,B")]
    models: Vec<String>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Draw the cost-quality picture into this file; of several tables each into one of its own, FILE-TABLE.svg
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Draw predictions against grades into this file
    #[arg(long, value_name = "FILE.svg")]
    reliability: Option<PathBuf>,
    /// Write a page with every table and picture, the command and the hashes of the data
    #[arg(long, value_name = "FILE.md")]
    report: Option<PathBuf>,
    /// Cross-validate over all rows in this many folds
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(2..=50))]
    cv: Option<u16>,
    /// Judge what was never seen: each dataset in turn, or each model of the pool
    #[arg(long, value_name = "WHAT")]
    leave_out: Option<LeaveOut>,
    /// Train every estimator a second time on shuffled grades: what it must stand above
    #[arg(long, conflicts_with = "artifact")]
    control: bool,
    /// Add paired differences against this router
    #[arg(long, value_name = "ROUTER")]
    versus: Option<String>,
    /// Bootstrap resamples behind the intervals
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    resamples: u32,
    /// Seed of training, of the intervals and of the attack
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    robust: robust::Args,
    #[command(flatten)]
    router: router::Args,
    /// The encoder, as `pointsman encoder list` shows it
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
}

/// What is judged without having been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LeaveOut {
    /// Each data set in turn, by what the others teach
    Dataset,
    /// Each model of the pool in turn, placed by few of its grades
    Model,
}

/// Evaluates and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.encoder)?;
    let artifact = args.artifact.as_deref().map(|path| load(path, &*encoder)).transpose()?;
    let tables =
        args.data.iter().map(|path| Table::read_as(path, args.format)).collect::<Result<Vec<_>, _>>()?;
    let pools = assign_models(&args.models, &tables)?;
    let options = args.options();
    if args.router.is_asked() {
        return args.router.run(&tables, pools, &options, args.json);
    }
    if args.leave_out == Some(LeaveOut::Model) {
        return without_models(args, &tables, pools, &*encoder, &options);
    }
    let mut bar = Bar::new();
    let mut reports = Vec::with_capacity(tables.len());
    for (table, models) in tables.iter().zip(pools) {
        if tables.len() > 1 {
            bar.clear();
            term::note(format_args!("{}", table.name));
        }
        let options = EvalOptions { models, ..options.clone() };
        let report =
            evaluate(table, artifact.as_ref(), &*encoder, &options, &mut |progress| bar.show(progress));
        bar.clear();
        reports.push(report?);
    }
    let found = Evaluation::new(reports, &options);
    args.draw(&found)?;
    match found.tables.as_slice() {
        [only] if args.json => term::say_json(only)?,
        _ if args.json => term::say_json(&found)?,
        _ => term::say(&found)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves the models of each table out in turn.
fn without_models(
    args: &Args,
    tables: &[Table],
    pools: Vec<Option<Vec<String>>>,
    encoder: &dyn Encoder,
    options: &EvalOptions,
) -> anyhow::Result<ExitCode> {
    let mut bar = Bar::new();
    let mut reports = Vec::with_capacity(tables.len());
    for (table, models) in tables.iter().zip(pools) {
        let options = EvalOptions { models, ..options.clone() };
        let report = onboarding(table, encoder, &options, &mut |progress| bar.show(progress));
        bar.clear();
        reports.push(report?);
    }
    match reports.as_slice() {
        [only] if args.json => term::say_json(only)?,
        several if args.json => term::say_json(&several)?,
        several => several.iter().try_for_each(term::say)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn options(&self) -> EvalOptions {
        let rotates = self.cv.is_some() || self.leave_out.is_some();
        EvalOptions {
            models: None,
            split: self.split.unwrap_or(if rotates { Split::All } else { Split::Dev }),
            folds: self.cv.map(usize::from),
            leave_out_datasets: self.leave_out == Some(LeaveOut::Dataset),
            control: self.control,
            versus: self.versus.clone(),
            robust: self.robust.options(),
            resamples: self.resamples as usize,
            seed: self.seed,
        }
    }

    /// Writes the files that were asked for.
    fn draw(&self, found: &Evaluation) -> anyhow::Result<()> {
        for report in &found.tables {
            let file = |path: &Path| match found.tables.len() {
                1 => path.to_owned(),
                _ => beside(path, &report.data),
            };
            if let Some(path) = self.plot.as_deref().map(file) {
                report.plot(&path)?;
                term::note(format_args!("wrote {}", path.display()));
            }
            if let Some(path) = self.reliability.as_deref().map(file) {
                report.plot_reliability(&path)?;
                term::note(format_args!("wrote {}", path.display()));
            }
        }
        if let Some(page) = &self.report {
            found.write_markdown(page, &command::told(std::env::args_os().skip(1)))?;
            term::note(format_args!("wrote {}, its pictures beside it", page.display()));
        }
        Ok(())
    }
}

/// `picture.svg` of one table among several: `picture-TABLE.svg`.
fn beside(path: &Path, table: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or("svg".into(), |extension| extension.to_string_lossy());
    path.with_file_name(format!("{stem}-{table}.{extension}"))
}

/// Reads an artifact that was made with this encoder.
fn load(path: &Path, encoder: &dyn Encoder) -> anyhow::Result<Artifact> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let artifact = Artifact::load(&bytes).with_context(named)?;
    artifact.check_encoder(encoder.fingerprint()).with_context(named)?;
    Ok(artifact)
}

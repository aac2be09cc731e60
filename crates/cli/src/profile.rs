//! `pointsman profile`: the configured targets on the user's own prompts, graded, to an outcome table.
//!
//! The calls go through the gateway's own backends, so what is profiled is what will serve. Order: read everything and find
//! every fault, say what it will cost, call, grade, write. Each finished call is on disk before the next step depends on
//! it ([`journal`]); whatever ends the process, `--resume` goes on from there and pays for nothing twice.

mod ask;
mod budget;
mod estimate;
mod grade;
mod journal;
mod prompts;
mod show;
mod table;
mod targets;
mod work;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use pointsman_gateway::config::Env;
use pointsman_gateway::reload::Live;
use pointsman_kernel::Money;

use crate::route::listed;
use crate::serve::runtime;
use crate::term::{self, Usage};
use ask::Asker;
use budget::Budget;
use estimate::Estimate;
use journal::Journal;
use prompts::Prompt;

/// More than this is not spent without a yes.
const UNASKED_USD: f64 = 1.0;

/// Call the configured targets on your prompts, grade the answers and write an outcome table that train and eval read
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The prompts: JSON lines (prompt_id, prompt, answer, grader), CSV with a header, or a text with a prompt a line; or
    /// anchors, the 64 prompts in this program
    #[arg(long, value_name = "FILE")]
    prompts: String,
    /// How answers are graded where a prompt does not say: exact, numeric, regex:PATTERN, json-schema:FILE or judge
    #[arg(long, value_name = "G")]
    grader: Option<String>,
    /// The folder to write; it also keeps the answers, for --resume
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// These targets alone. Default: every chat target of the configuration
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    targets: Option<Vec<String>>,
    /// The target that judges, for grader judge
    #[arg(long, value_name = "TARGET")]
    judge: Option<String>,
    /// The target whose answer the judge compares with where a prompt has none. Default: the first target
    #[arg(long, value_name = "TARGET")]
    reference: Option<String>,
    /// Calls at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512))]
    concurrency: u16,
    /// Tokens an answer may have; what the worst case is reckoned with
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    max_output_tokens: u32,
    /// Never spend more than this, calls in flight counted at their worst
    #[arg(long, value_name = "USD", value_parser = usd)]
    spend_at_most: Option<Money>,
    /// Go on with what --out holds; finished calls are not made again
    #[arg(long)]
    resume: bool,
    /// Do not ask, whatever it is expected to cost
    #[arg(long)]
    yes: bool,
}

/// Profiles and writes.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    crate::log::start_quietly();
    runtime()?.block_on(profile(args))
}

async fn profile(args: &Args) -> anyhow::Result<ExitCode> {
    let prompts = prompts::read(&args.prompts, args.grader.as_deref())?;
    let live = Live::from_file(&args.config, Env::of_process())?;
    listed(&live).await;
    let cast = targets::cast(&live, args, &prompts)?;
    let journal = Arc::new(Journal::open(&args.out, args.resume)?);
    let budget = Budget::new(args.spend_at_most, journal.spent());
    let asker = Asker::new(live.snapshot(), Arc::clone(&journal), budget, args.max_output_tokens);

    let estimate = Estimate::of(&asker, &prompts, &cast)?;
    estimate.say(&prompts, &cast, journal.spent());
    agree(args, &estimate, &asker, &cast)?;

    let grades = work::all(&asker, &prompts, &cast, usize::from(args.concurrency)).await?;
    journal.close()?;
    table::write(&args.out, &prompts, &cast, &grades)?;
    show::summary(&cast, &grades, asker.spent())?;
    term::say(format_args!(
        "wrote {}: `pointsman train --data {}` learns from it",
        args.out.display(),
        args.out.display()
    ))?;
    let missing = grades.missing();
    if missing == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    for note in asker.troubles() {
        term::note(note);
    }
    term::note(format_args!(
        "{missing} of {} grades are missing and left empty; the same command with --resume asks for those alone",
        grades.len()
    ));
    Ok(ExitCode::from(1))
}

/// Refuses what cannot be kept within the cap, and asks before more than a stated sum is spent.
fn agree(args: &Args, estimate: &Estimate, asker: &Asker, cast: &targets::Cast) -> anyhow::Result<()> {
    if args.spend_at_most.is_some()
        && let Some(target) = cast.everyone().find(|target| target.price().is_none())
    {
        bail!(
            "{}: no price is known, so a cap cannot be kept; give its `price` in the configuration (or `free: true` for \
             its provider), or leave it out with --targets",
            target.id()
        );
    }
    let expected = estimate.expected();
    if let Some(cap) = args.spend_at_most
        && expected + asker.spent() > cap
    {
        bail!(
            "about {} is expected{}, more than --spend-at-most {}; raise it, or take fewer prompts or targets",
            term::usd(expected),
            if asker.spent() == Money::ZERO {
                String::new()
            } else {
                format!(" on top of the {} spent before", term::usd(asker.spent()))
            },
            term::usd(cap)
        );
    }
    if args.yes || expected.usd() <= UNASKED_USD {
        return Ok(());
    }
    let question = format!("about {} is expected; go on?", term::usd(expected));
    if !std::io::stdin().is_terminal() {
        return Err(Usage(format!("{question} Say so with --yes")).into());
    }
    write!(std::io::stderr().lock(), "{question} [y/N] ").context("cannot ask")?;
    let mut said = String::new();
    std::io::stdin().read_line(&mut said).context("no answer")?;
    if matches!(said.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    bail!("nothing was called; --targets and fewer prompts make it cheaper")
}

fn usd(text: &str) -> Result<Money, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd >= 0.0 => Ok(Money::from_usd(usd)),
        _ => Err("is an amount of dollars such as 2.50".to_owned()),
    }
}

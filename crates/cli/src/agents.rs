//! `pointsman agents`: the first stage's heads from labelled dialogues, its figures on others, and the categories of a registry.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use pointsman_encode::Encoder;
use pointsman_learn::Split;
use pointsman_learn::agents::{
    AgentEvalOptions, AgentModel, AgentReport, AgentTrainOptions, CategorySource, EncodeOnce, Index,
    LeaveOut, Rewording, categories, evaluate_agents, leave_out, read_agents, read_dialogues, train_agents,
};

use crate::progress::Bar;
use crate::term::{self, Usage};

/// Agents: learn from labelled dialogues who takes which turn, judge that, and show the categories of a registry
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Train(TrainArgs),
    Eval(EvalArgs),
    Categories(CategoryArgs),
}

/// Learn the agent stage's heads from labelled dialogues
#[derive(clap::Args)]
struct TrainArgs {
    #[command(flatten)]
    source: Source,
    /// Learn from these dialogues: train, dev, test or all
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    split: Split,
    /// Where to write the artifact
    #[arg(long, value_name = "FILE", default_value = "pointsman.agents")]
    out: PathBuf,
    #[command(flatten)]
    training: Training,
    /// What the data's licence asks to be said; kept in the artifact. May be given several times
    #[arg(long = "licence", value_name = "TEXT")]
    licences: Vec<String>,
}

/// Judge the agent stage on labelled dialogues: every turn goes through the state machine and its mask. Without an
/// artifact agents are known by their texts alone
#[derive(clap::Args)]
struct EvalArgs {
    #[command(flatten)]
    source: Source,
    /// Judge on these dialogues: train, dev, test or all
    #[arg(long, value_name = "SPLIT", default_value = "dev")]
    split: Split,
    /// Trained heads, as train writes them
    #[arg(long, value_name = "FILE", conflicts_with = "cv")]
    artifact: Option<PathBuf>,
    /// Train here, leaving each category out in turn (`categories`: from the dialogues of the train split), or each of
    /// so many parts of the dialogues (a number: from all of them)
    #[arg(long, value_name = "categories|K", value_parser = left_out)]
    cv: Option<LeaveOut>,
    #[command(flatten)]
    training: Training,
    /// Let each dialogue see only the agents that it names as its own
    #[arg(long)]
    own_agents: bool,
    /// Decide each turn after the history that the labels tell, instead of after the choices made here
    #[arg(long)]
    given_history: bool,
    /// The registry is a rewording: every name of the dialogues ends in this digit there
    #[arg(long, value_name = "DIGIT")]
    reworded: Option<char>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Show the categories of a registry: those of the built-in taxonomy that its agents belong to, and those it adds
#[derive(clap::Args)]
struct CategoryArgs {
    /// Agents, one JSON object a line, or a folder that has such a file
    #[arg(long, value_name = "FILE")]
    registry: PathBuf,
    /// Write them to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// The encoder, as `pointsman encoder list` shows it
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
}

#[derive(clap::Args)]
struct Source {
    /// Agents, one JSON object a line, or a folder that has such a file
    #[arg(long, value_name = "FILE")]
    registry: PathBuf,
    /// Of a registry in several wordings, the one with this `variant`
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Dialogues, one JSON object a line, or a folder that has such a file
    #[arg(long, value_name = "FILE")]
    dialogues: PathBuf,
    /// What a label is that names nobody of the registry: a fault, or a turn for none of them
    #[arg(long, value_name = "WHAT", default_value = "fault", value_parser = ["fault", "none"])]
    unregistered: String,
    /// The encoder, as `pointsman encoder list` shows it
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
}

#[derive(clap::Args)]
struct Training {
    /// Learn from so many dialogues at most
    #[arg(long, value_name = "N", default_value_t = 4000)]
    most: usize,
    /// The share of turns that no agent should take, 0 to 1. Default: what the labels say; where they know of none,
    /// so few turns are given to none that the labelled ones hardly suffer
    #[arg(long, value_name = "SHARE")]
    none_share: Option<f64>,
    /// The seed: the same seed and files give the same artifact
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Trains, judges or shows.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Train(args) => train(args),
        Command::Eval(args) => eval(args),
        Command::Categories(args) => show_categories(args),
    }
}

impl Training {
    fn options(&self) -> anyhow::Result<AgentTrainOptions> {
        if self.none_share.is_some_and(|share| !(0.0..1.0).contains(&share)) {
            return Err(Usage(
                "--none-share is a share of turns; give a number from 0 to below 1".to_owned(),
            )
            .into());
        }
        Ok(AgentTrainOptions {
            most: self.most,
            none_share: self.none_share,
            seed: self.seed,
            ..AgentTrainOptions::default()
        })
    }
}

fn train(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.source.encoder)?;
    let registry = read_agents(&args.source.registry, args.source.variant.as_deref())?;
    let lenient = args.source.unregistered == "none";
    let dialogues = read_dialogues(&args.source.dialogues, args.split, &registry, None, lenient)?;
    term::note(format_args!("{} agents, {} dialogues", registry.len(), dialogues.len()));
    let options = AgentTrainOptions { licences: args.licences.clone(), ..args.training.options()? };
    let mut bar = Bar::new();
    let trained =
        train_agents(&registry, &dialogues, &*encoder, &options, &mut |progress| bar.show(progress));
    bar.clear();
    let mut model = trained?;
    model.notes.sources = vec![named(&args.source.registry), named(&args.source.dialogues)];
    let bytes = model.to_bytes()?;
    std::fs::write(&args.out, &bytes).with_context(|| format!("{} cannot be written", args.out.display()))?;
    term::say(format_args!(
        "wrote {} ({} KB): learnt from {} turns of {} dialogues; judge it with `pointsman agents eval --artifact {}`",
        args.out.display(),
        bytes.len().div_ceil(1024),
        model.notes.turns,
        model.notes.dialogues,
        args.out.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn eval(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.source.encoder)?;
    let registry = read_agents(&args.source.registry, args.source.variant.as_deref())?;
    let rewording = args.reworded.map(Rewording);
    let lenient = args.source.unregistered == "none";
    let read = |split| read_dialogues(&args.source.dialogues, split, &registry, rewording, lenient);
    let judging = AgentEvalOptions { own_agents: args.own_agents, given_history: args.given_history };
    let mut bar = Bar::new();
    let report = match args.cv {
        Some(what) => {
            let (learn, test) = match what {
                LeaveOut::Categories => (read(Split::Train)?, read(args.split)?),
                LeaveOut::Folds(_) => (read(Split::All)?, Vec::new()),
            };
            let once = EncodeOnce::new(&*encoder);
            let training = args.training.options()?;
            let options = (&training, &judging);
            leave_out(what, &registry, &learn, &test, &once, options, &mut |progress| bar.show(progress))?
        }
        None => {
            let model = args.artifact.as_deref().map(|path| load(path, &*encoder)).transpose()?;
            let index = Index::new(&registry, model.map(Arc::new), &*encoder)?;
            evaluate_agents(&index, &read(args.split)?, &*encoder, &judging, &mut |progress| {
                bar.show(progress)
            })?
        }
    };
    bar.clear();
    if args.json {
        term::say_json(&report)?
    } else {
        term::say(text_of(&report))?
    }
    Ok(ExitCode::SUCCESS)
}

fn show_categories(args: &CategoryArgs) -> anyhow::Result<ExitCode> {
    let encoder = crate::encoder::resolve(&args.encoder)?;
    let registry = read_agents(&args.registry, None)?;
    let index = Index::new(&registry, None, &*encoder)?;
    let found = categories(&index, &*encoder)?;
    if let Some(out) = &args.out {
        let mut lines = String::new();
        for category in &found {
            writeln!(lines, "{}", serde_json::to_string(category)?)?;
        }
        std::fs::write(out, lines).with_context(|| format!("{} cannot be written", out.display()))?;
        term::note(format_args!("wrote {}", out.display()));
    }
    if args.json {
        term::say_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = term::table(&["category", "from", "nearest", "agents"], &[2]);
    for category in &found {
        let from = match (category.source, &category.group) {
            (CategorySource::Taxonomy, Some(group)) => format!("taxonomy: {group}"),
            _ => "proposed".to_owned(),
        };
        let agents = term::names(&category.agents, 4);
        table.add_row(vec![category.name.clone(), from, format!("{:.2}", category.nearest), agents]);
    }
    term::say(term::text_of(&table))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads an artifact that was made with this encoder.
pub(crate) fn load(path: &Path, encoder: &dyn Encoder) -> anyhow::Result<AgentModel> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let model = AgentModel::load(&bytes).with_context(named)?;
    model.check_encoder(encoder).with_context(named)?;
    Ok(model)
}

fn text_of(report: &AgentReport) -> String {
    let share = |value: Option<f64>, interval: Option<[f64; 2]>| match (value, interval) {
        (Some(value), Some([low, high])) => format!("{value:.4}  ({low:.4} to {high:.4})"),
        (Some(value), None) => format!("{value:.4}"),
        (None, _) => "-".to_owned(),
    };
    let rows = [
        ("turn accuracy", share(report.turn_accuracy, report.turn_accuracy_ci)),
        ("  on changes", share(report.change_accuracy, report.change_accuracy_ci)),
        ("  on first turns", share(report.first_accuracy, None)),
        ("  of unseen agents", share(report.unseen_accuracy, report.unseen_accuracy_ci)),
        ("category accuracy", share(report.category_accuracy, None)),
        ("  of unseen agents", share(report.unseen_category_accuracy, None)),
        (
            "NONE precision, recall",
            format!("{}, {}", share(report.none_precision, None), share(report.none_recall, None)),
        ),
        ("NONE area under the curve", share(report.none_auroc, None)),
        ("dispatch precision at recall 0.90", share(report.dispatch_precision_at_recall_90, None)),
        ("dispatches outside the mask", report.masked_dispatches.to_string()),
        (
            "decision, p50 and p99",
            format!("{:.0} us, {:.0} us", report.decision_us.p50, report.decision_us.p99),
        ),
    ];
    let mut out = format!(
        "{} turns of {} dialogues, {} agents, encoder {}",
        report.turns, report.dialogues, report.agents, report.encoder
    );
    for (name, value) in rows {
        let _ = write!(out, "\n{name:<36}{value}");
    }
    out
}

fn left_out(text: &str) -> Result<LeaveOut, String> {
    if text == "categories" {
        return Ok(LeaveOut::Categories);
    }
    match text.parse() {
        Ok(folds @ 2..=50) => Ok(LeaveOut::Folds(folds)),
        _ => Err("give `categories`, or a number of parts from 2 to 50".to_owned()),
    }
}

fn named(path: &Path) -> String {
    let of = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let parent = path.canonicalize().ok().and_then(|path| path.parent().and_then(of));
    format!("{}/{}", parent.unwrap_or_default(), of(path).unwrap_or_default())
}

//! `pointsman tools`: which of many tools or skills a request is about.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use pointsman_kernel::Scope;
use pointsman_kernel::agents::{Context, Conversation, Mask};
use pointsman_kernel::facts::{Facts, Timestamp, Versions};
use pointsman_learn::agents::{Index, Turn, read_entries};
use serde_json::json;

use crate::term;

/// Tools and skills: rank them for a request
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Rank(RankArgs),
}

/// Rank tools, skills or agents for a request by their names, descriptions, examples and words
#[derive(clap::Args)]
struct RankArgs {
    /// The request
    request: String,
    /// Tools, one JSON object a line: name (or tool, agent), description, optional examples, body, skills. May be given
    /// several times
    #[arg(long, value_name = "FILE", required = true)]
    registry: Vec<PathBuf>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Trained heads, as agents train writes them
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// The encoder, as `pointsman encoder list` shows it
    #[arg(long, value_name = "NAME", default_value = "static-1")]
    encoder: String,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Ranks.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Command::Rank(args) = &args.command;
    let encoder = crate::encoder::resolve(&args.encoder)?;
    let registry = read_entries(&args.registry)?;
    let model = args.artifact.as_deref().map(|path| crate::agents::load(path, &*encoder)).transpose()?;
    let index = Index::new(&registry, model.map(Arc::new), &*encoder)?;
    let turn = Turn::read(&*encoder, &args.request, "")?;
    let facts = Facts {
        decision: "tools".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "local".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    };
    let mask = Mask::of(&Conversation::default(), &Context::new(&registry, &facts));
    let ranked = index.rank_places(&turn, &mask, args.top.max(1));
    let rows = ranked.iter().filter_map(|ranked| Some((registry.agents().get(ranked.place)?, ranked.score)));
    if args.json {
        let rows: Vec<_> = rows
            .map(|(agent, score)| json!({"name": agent.id(), "score": score, "description": agent.description}))
            .collect();
        term::say_json(&json!({"entries": registry.len(), "encoder": args.encoder, "ranked": rows}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = term::table(&["tool", "score", "description"], &[1]);
    for (agent, score) in rows {
        let about = term::shortened(&agent.description, 60);
        table.add_row(vec![agent.id().to_string(), format!("{score:.3}"), about]);
    }
    term::say(term::text_of(&table))?;
    Ok(ExitCode::SUCCESS)
}

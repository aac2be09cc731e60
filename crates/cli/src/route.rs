//! `pointsman route`: the decision for a prompt, with everything it was made of. No model is called.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use http::HeaderMap;
use pointsman_gateway::ask::{Request, decide_chat};
use pointsman_gateway::auth::Caller;
use pointsman_gateway::config::Env;
use pointsman_gateway::explain::{Explained, ExplainedAgents, ExplainedCandidate};
use pointsman_gateway::reload::Live;
use pointsman_gateway::{agents, discover, infer};
use pointsman_kernel::{Contribution, Preference, Scope, Tenant};

use crate::pool::{app_of, known_models};
use crate::serve::{DEFAULT_LISTEN, runtime};
use crate::term::{self, Tone, paint};

/// Reasons for a quality that are printed; the document has all.
const REASONS: usize = 3;
/// How long to wait for providers to list their models.
const LISTING: Duration = Duration::from_secs(6);

/// Show the decision for a prompt: every candidate with quality, cost and score, or why it was left out. No model is
/// called
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is asked; - reads it from standard input
    prompt: String,
    /// quality, balanced, cost, or the weight of quality from 0 to 1. Default: the route's
    #[arg(long, value_name = "P")]
    prefer: Option<Preference>,
    /// The configuration. Default: what the environment offers, else the models that the program knows
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The route, or a model's name
    #[arg(long, value_name = "NAME", default_value = "auto")]
    model: String,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

/// Decides and explains.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    crate::log::start_quietly();
    let explained = runtime()?.block_on(decide(args))?;
    if args.json {
        term::say_json(&explained)?;
    } else {
        print(&explained)?;
    }
    Ok(if explained.target.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn decide(args: &Args) -> anyhow::Result<Explained> {
    let live = live(args).await?;
    let mut request =
        Request::parse(body(args)?.into()).map_err(|refusal| anyhow::anyhow!(refusal.error.message))?;
    request.own.explore = Some(false);
    let snapshot = live.snapshot();
    if snapshot.targets.is_empty() {
        let faults: Vec<String> = snapshot.unlisted().iter().map(|why| format!("\n  {why}")).collect();
        bail!(
            "no provider lists a chat model: name models in a configuration, or mend this:{}",
            faults.concat()
        );
    }
    let app = app_of(live)?;
    let now = app.clock.now();
    let caller = Caller { tenant: Tenant::from("local"), key: None, scope: Scope::default() };
    let id = app.ids.decision(now);
    let decided = decide_chat(&app, &snapshot, &caller, &mut request, &HeaderMap::new(), id, now)
        .await
        .map_err(|refusal| anyhow::anyhow!(refusal.error.message))?;
    let explained = Explained::of(&decided.decision);
    if explained.encoder != *snapshot.versions.encoder {
        term::note(format_args!(
            "{} did not answer within its budget: the standby artifact decided, over {}",
            snapshot.versions.encoder, explained.encoder
        ));
    }
    Ok(explained)
}

/// The targets to decide among.
async fn live(args: &Args) -> anyhow::Result<Arc<Live>> {
    let env = Env::of_process();
    let live = match &args.config {
        Some(path) => Live::from_file(path, env)?,
        None => {
            let mut found = infer::from_environment(&env);
            if found.providers().iter().all(|provider| provider.engine) {
                found = found.probe(&env, Some(DEFAULT_LISTEN)).await?;
            }
            if found.providers().is_empty() {
                term::note(
                    "no provider is configured: deciding among models the program knows, at their list prices",
                );
                return Ok(Live::from_config(known_models()?)?);
            }
            Live::from_config(found.to_config(&env)?)?
        }
    };
    listed(&live).await;
    Ok(live)
}

/// Waits until the providers have listed their models, or have had time enough.
pub(crate) async fn listed(live: &Arc<Live>) {
    if !live.snapshot().discovering {
        return;
    }
    term::note("asking the providers for their models, and agents for their cards ...");
    let asking = [discover::spawn(live, None), agents::spawn(live)];
    let deadline = Instant::now() + LISTING;
    while live.snapshot().discovering && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asking.iter().for_each(tokio::task::JoinHandle::abort);
}

fn body(args: &Args) -> anyhow::Result<Vec<u8>> {
    let mut prompt = args.prompt.clone();
    if prompt == "-" {
        prompt.clear();
        std::io::stdin().read_to_string(&mut prompt).context("the prompt on standard input is not text")?;
    }
    let mut body =
        serde_json::json!({"model": args.model, "messages": [{"role": "user", "content": prompt}]});
    if let (Some(prefer), Some(members)) = (args.prefer, body.as_object_mut()) {
        members.insert("pointsman".to_owned(), serde_json::json!({"prefer": prefer}));
    }
    Ok(serde_json::to_vec(&body)?)
}

fn print(explained: &Explained) -> anyhow::Result<()> {
    let mut table = term::table(&["target", "quality", "cost", "ms", "score", "why"], &[1, 2, 3, 4]);
    for candidate in &explained.candidates {
        table.add_row(row(candidate));
    }
    term::say(term::text_of(&table))?;
    match (&explained.target, &explained.reason) {
        (Some(target), Some(reason)) => term::say(format_args!("{}: {reason}", paint(Tone::Strong, target)))?,
        _ => term::say(paint(Tone::Bad, "nobody may answer this: see the reasons above"))?,
    }
    if let Some(agents) = &explained.agents {
        first_stage(agents)?;
    }
    let difficulty = explained.difficulty.map_or(String::new(), |d| format!("difficulty {d:.2}, "));
    term::say(format_args!(
        "{difficulty}about {} tokens to read, prefer {}, keeps {:.0} % of the best predicted quality",
        explained.input_tokens,
        explained.prefer,
        explained.floor * 100.0
    ))?;
    let told = |candidate: &&ExplainedCandidate| !candidate.because.is_empty();
    for candidate in explained.candidates.iter().filter(told) {
        let part = |part: &Contribution| format!("{} {:+.3}", part.feature, part.quality);
        let parts: Vec<String> = candidate.because.iter().take(REASONS).map(part).collect();
        term::say(format_args!("{}: quality by {}", candidate.target, parts.join(", ")))?;
    }
    for candidate in &explained.candidates {
        if let Some(learned) = &candidate.stands_in {
            term::say(format_args!("{}: learned as {learned}, the newest of that name", candidate.target))?;
        }
    }
    if explained.candidates.iter().any(|candidate| candidate.provisional) {
        term::say("~ provisional: few answers placed the model, or none did and a stated prior stands in")?;
    }
    Ok(())
}

/// The agents' stage in a line, and those it could not choose.
fn first_stage(stage: &ExplainedAgents) -> anyhow::Result<()> {
    let chosen = stage.chosen.as_deref().unwrap_or("none");
    let scores: Vec<String> =
        stage.scores.iter().filter_map(|of| Some(format!("{} {:.2}", of.agent, of.score?))).collect();
    let margin = stage.belongs.zip(stage.threshold);
    let margin =
        margin.map_or(String::new(), |(belongs, needed)| format!(" ({belongs:.2}, needs {needed:.2})"));
    term::say(format_args!("agents: {chosen}, {}{margin}; {}", stage.why, scores.join(", ")))?;
    for masked in &stage.masked {
        term::say(format_args!("  {}: {}", masked.agent, masked.reason.as_deref().unwrap_or_default()))?;
    }
    Ok(())
}

fn row(candidate: &ExplainedCandidate) -> Vec<String> {
    let mark = if candidate.provisional { "~" } else { "" };
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let quality = candidate.quality.zip(candidate.quality_sd);
    vec![
        candidate.target.clone(),
        or_dash(quality.map(|(mean, sd)| format!("{mark}{mean:.3} ±{sd:.2}"))),
        or_dash(candidate.cost_usd.map(term::dollars)),
        or_dash(candidate.latency_ms.map(|ms| format!("{ms:.0}"))),
        or_dash(candidate.score.map(|score| format!("{score:.3}"))),
        if candidate.left_out { format!("left out: {}", candidate.reason) } else { candidate.reason.clone() },
    ]
}

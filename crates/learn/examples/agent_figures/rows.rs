//! Single requests: intents, tools and skills.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pointsman_encode::Encoder;
use pointsman_kernel::agents::{Agent, Context, Conversation, Mask, Registry, Skill};
use pointsman_kernel::facts::{Timestamp, Versions};
use pointsman_kernel::rng::Rng;
use pointsman_kernel::{Facts, Scope};
use pointsman_learn::Split;
use pointsman_learn::agents::{
    AgentEvalOptions, AgentTrainOptions, Index, Turn, evaluate_agents, read_dialogues, read_entries,
    train_agents,
};
use serde_json::Value;

/// The five domains that are registered first; the other five then.
const FIVE: [&str; 5] = ["banking", "credit_cards", "work", "travel", "utility"];

/// What belongs to none of five registered domains, never seen in training.
pub(crate) fn none(data: &Path, encoder: &dyn Encoder) {
    let folder = data.join("clinc150");
    let domains: BTreeMap<String, Vec<String>> =
        serde_json::from_slice(&std::fs::read(folder.join("domains.json")).expect("domains"))
            .expect("domains");
    for first in [true, false] {
        let registered =
            domains.iter().filter(|(name, _)| FIVE.contains(&name.as_str()) == first && *name != "oos");
        let agents = registered.map(|(name, intents)| {
            let mut agent = Agent::named(name, &name.replace('_', " "));
            let skill = |intent: &String| Skill { name: intent.clone(), ..Skill::default() };
            agent.skills = intents.iter().map(skill).collect();
            agent
        });
        let registry = Registry::new(agents.collect()).expect("a registry");
        let mut learn = read_dialogues(&folder, Split::Train, &registry, None, true).expect("utterances");
        learn.retain(|dialogue| !dialogue.turns[0].labels.is_empty());
        let test = read_dialogues(&folder, Split::Dev, &registry, None, true).expect("utterances");
        let options =
            AgentTrainOptions { most: usize::MAX, none_share: Some(0.3), ..AgentTrainOptions::default() };
        let model = train_agents(&registry, &learn, encoder, &options, &mut |_| ()).expect("a model");
        let index = Index::new(&registry, Some(Arc::new(model)), encoder).expect("an index");
        let report = evaluate_agents(&index, &test, encoder, &AgentEvalOptions::default(), &mut |_| ());
        crate::say(&format!("NONE, clinc150 with five domains ({first})"), &report.expect("figures"));
    }
}

/// Ten examples a route, drawn three times.
pub(crate) fn ten(data: &Path, encoder: &dyn Encoder) {
    for name in ["clinc150", "banking77"] {
        let rows = lines(&data.join(name).join("utterances.jsonl.zst"));
        let mut shares = Vec::new();
        for seed in 0..3 {
            let mut rng = Rng::new(seed);
            let mut by_intent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for row in rows.iter().filter(|row| row["split"] == "train" && row["intent"] != "oos") {
                by_intent.entry(text(row, "intent")).or_default().push(text(row, "text"));
            }
            let agents = by_intent.into_iter().map(|(intent, mut texts)| {
                // An intent may be called as a place of the state machine is.
                let mut agent = Agent::named(&route(intent), "");
                while agent.examples.len() < 10 && !texts.is_empty() {
                    let at = (rng.next_u64() % texts.len() as u64) as usize;
                    agent.examples.push(texts.swap_remove(at).to_owned());
                }
                agent
            });
            let registry = Registry::new(agents.collect()).expect("a registry");
            let index = Index::new(&registry, None, encoder).expect("an index");
            let test = rows.iter().filter(|row| row["split"] == "dev" && row["intent"] != "oos");
            let asked = test.map(|row| (text(row, "text"), route(text(row, "intent"))));
            shares.push(tops(&index, asked, encoder).0);
        }
        println!("ten examples a route, {name}: {:.4} ({shares:.4?})", shares.iter().sum::<f64>() / 3.0);
    }
}

/// Tools by their descriptions alone, among skills of others, and with examples.
pub(crate) fn metatool(data: &Path, encoder: &dyn Encoder) {
    let tools = data.join("metatool/tools.jsonl");
    let rows = lines(&data.join("metatool/queries.jsonl.zst"));
    let of_dev = || rows.iter().filter(|row| row["split"] == "dev");
    let dev = || of_dev().map(|row| (text(row, "query"), text(row, "tool").to_owned()));
    let alone = read_entries(&[&tools]).expect("tools");
    let index = Index::new(&alone, None, encoder).expect("an index");
    println!("metatool, zero-shot, top 1 and 5: {:.4?}", tops(&index, dev(), encoder));
    let mut agents = alone.agents().to_vec();
    for row in rows.iter().filter(|row| row["split"] == "train") {
        if let Some(place) = alone.place(&text(row, "tool").into()) {
            agents[place].examples.push(text(row, "query").to_owned());
        }
    }
    let taught = Registry::new(agents).expect("tools");
    let index = Index::new(&taught, None, encoder).expect("an index");
    println!("metatool, trained, top 1 and 5: {:.4?}", tops(&index, dev(), encoder));
    let pool = read_entries(&[tools, data.join("skill_pool/skills.jsonl.zst")]).expect("skills");
    let index = Index::new(&pool, None, encoder).expect("an index");
    println!(
        "metatool among {} entries, zero-shot, top 1 and 5: {:.4?}",
        pool.len(),
        tops(&index, dev(), encoder)
    );
}

/// The right one of a request's own tools, and whether any of them fits.
pub(crate) fn bfcl_tools(data: &Path, encoder: &dyn Encoder) {
    let rows = lines(&data.join("bfcl_tools/queries.jsonl.zst"));
    let (mut right, mut all, mut fits) = (0, 0, Vec::new());
    for row in rows.iter().filter(|row| row["split"] == "dev") {
        let mut agents: Vec<Agent> = Vec::new();
        for tool in row["candidates"].as_array().into_iter().flatten() {
            let agent = Agent::named(text(tool, "name"), text(tool, "description"));
            if agents.iter().all(|other| other.id() != agent.id()) {
                agents.push(agent);
            }
        }
        let Ok(registry) = Registry::new(agents) else { continue };
        let index = Index::new(&registry, None, encoder).expect("an index");
        let facts = facts();
        let mask = Mask::of(&Conversation::default(), &Context::new(&registry, &facts));
        let turn = Turn::read(encoder, text(row, "query"), "").expect("a turn");
        let ranked = index.rank_places(&turn, &mask, 1);
        let Some(best) = ranked.first() else { continue };
        let name = registry.agents()[best.place].id().as_str();
        fits.push((best.score, row["no_tool"] != true));
        let gold: Vec<&str> =
            row["gold"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if registry.len() > 1 && !gold.is_empty() {
            all += 1;
            right += i32::from(gold.contains(&name));
        }
    }
    println!(
        "bfcl_tools, choice among two or more: {:.4} of {all}; no-tool AUROC {:.4}",
        f64::from(right) / f64::from(all),
        area(&fits)
    );
}

/// The share of pairs in order, ties counting half.
fn area(scored: &[(f32, bool)]) -> f64 {
    let (own, other): (Vec<_>, Vec<_>) = scored.iter().partition(|(_, own)| *own);
    let beats = |a: f32| -> f64 {
        other.iter().map(|(b, _)| if a > *b { 1.0 } else { f64::from(u8::from(a == *b)) / 2.0 }).sum()
    };
    own.iter().map(|(a, _)| beats(*a)).sum::<f64>() / (own.len() * other.len()) as f64
}

fn route(intent: &str) -> String {
    format!("{intent} route")
}

/// Times of a decision in large registries, reading the request included.
pub(crate) fn speed(data: &Path, encoder: &dyn Encoder) {
    let pool = read_entries(&[data.join("skill_pool/skills.jsonl.zst")]).expect("skills");
    let rows = lines(&data.join("metatool/queries.jsonl.zst"));
    for count in [1_000, 25_000] {
        let agents: Vec<Agent> = (0..count)
            .map(|at| {
                let mut agent = pool.agents()[at % pool.len()].clone();
                Arc::make_mut(&mut agent.target).id = format!("{} #{at}", agent.id()).into();
                agent
            })
            .collect();
        let registry = Registry::new(agents).expect("a registry");
        let index = Index::new(&registry, None, encoder).expect("an index");
        let facts = facts();
        let context = Context::new(&registry, &facts);
        let mut times: Vec<f64> = rows
            .iter()
            .take(3000)
            .map(|row| {
                let start = Instant::now();
                let turn = Turn::read(encoder, text(row, "query"), "").expect("a turn");
                let mask = Mask::of(&Conversation::default(), &context);
                assert!(!index.rank_places(&turn, &mask, 5).is_empty());
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[times.len() * share / 100];
        println!("decision among {count}: p50 {:.0} us, p99 {:.0} us", at(50), at(99));
    }
}

/// The shares of requests whose entry is first, and among the first five.
fn tops<'a>(
    index: &Index,
    asked: impl Iterator<Item = (&'a str, String)>,
    encoder: &dyn Encoder,
) -> (f64, f64) {
    let facts = facts();
    let mask = Mask::of(&Conversation::default(), &Context::new(index.registry(), &facts));
    let (mut first, mut five, mut all) = (0, 0, 0);
    for (request, name) in asked {
        let turn = Turn::read(encoder, request, "").expect("a turn");
        let ranked = index.rank_places(&turn, &mask, 5);
        let place = index.registry().place(&name.as_str().into());
        all += 1;
        first += i32::from(ranked.first().map(|ranked| ranked.place) == place);
        five += i32::from(ranked.iter().any(|ranked| Some(ranked.place) == place));
    }
    (f64::from(first) / f64::from(all), f64::from(five) / f64::from(all))
}

fn facts() -> Facts {
    Facts {
        decision: "figures".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "figures".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let mut bytes = String::new();
    let file = std::fs::File::open(path).expect("the file");
    zstd::stream::read::Decoder::new(file).expect("zstd").read_to_string(&mut bytes).expect("text");
    bytes
        .split('\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).expect("json"))
        .collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

//! How well agents are chosen before anything was trained: `cargo run --release -p pointsman-learn --example agents_untrained -- DATA`.
//!
//! `DATA` holds the folders `clinc150` and `sgd`. Five domains of clinc150 are registered as agents, described by the names of
//! their intents, with so many examples each; the other five and what is out of scope belong nowhere. Printed for cuts of the
//! nearness that a choice needs, 1 being the one in force: the share of dispatched turns that are right, and of turns that belong
//! somewhere and are dispatched right. Then, of conversations of sgd: the turns that stay with their agent, and of clinc150's
//! turns that belong nowhere those that leave the agent a conversation is with.
#![allow(clippy::print_stdout, reason = "a program for people at a terminal")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a program for people at a terminal")]

use std::collections::BTreeMap;
use std::path::Path;

use pointsman_encode::StaticTable;
use pointsman_kernel::agents::{
    Agent, Choice, Chooser, Choosing, Context, Conversation, Course, Event, Limits, Mask, Registry,
};
use pointsman_kernel::facts::{Timestamp, Versions};
use pointsman_kernel::{Facts, Scope};
use pointsman_learn::Split;
use pointsman_learn::agents::{Index, Turn, TurnChooser, read_agents, read_dialogues};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    text: String,
    intent: String,
    domain: String,
    split: String,
}

const HALVES: [[&str; 5]; 2] = [
    ["banking", "credit_cards", "work", "travel", "utility"],
    ["auto_and_commute", "home", "kitchen_and_dining", "meta", "small_talk"],
];

fn main() {
    let data = std::env::args().nth(1).expect("the folder of data");
    let data = Path::new(&data);
    let rows = rows(&data.join("clinc150/utterances.jsonl.zst"));
    for examples in [0, 3, 10, 50] {
        println!("clinc150, {examples} examples an agent (cut: precision / recall, mean of both halves)");
        let judged: Vec<(f64, bool, bool)> = HALVES
            .iter()
            .flat_map(|half| {
                let index = index(&rows, half, examples);
                rows.iter()
                    .filter(|row| row.split == "dev")
                    .map(|row| {
                        let chosen = choose(&index, &row.text, "", &Course::default());
                        let own = half.contains(&row.domain.as_str());
                        let first = chosen.scores.first().map(|scored| scored.agent.to_string());
                        (chosen.belongs.unwrap_or(0.0), own, first.as_deref() == Some(row.domain.as_str()))
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        for cut in [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5] {
            let sent = judged.iter().filter(|(near, ..)| *near >= cut);
            let (sent, right) = sent.fold((0_usize, 0_usize), |(all, good), (_, own, right)| {
                (all + 1, good + usize::from(*own && *right))
            });
            let own = judged.iter().filter(|(_, own, _)| *own).count();
            let (precision, recall) = (right as f64 / sent.max(1) as f64, right as f64 / own as f64);
            print!("  {cut:.1}: {precision:.3} / {recall:.3}");
        }
        println!();
    }
    staying(data, &rows);
}

/// How conversations stay and leave.
fn staying(data: &Path, rows: &[Row]) {
    let folder = data.join("sgd");
    let registry = read_agents(&folder, None).expect("a registry");
    let dialogues = read_dialogues(&folder, Split::Dev, &registry, None, true).expect("dialogues");
    let index = Index::new(&registry, None, StaticTable::embedded()).expect("an index");
    let (mut stayed, mut left, mut turns) = (0, 0, 0);
    let mut courses: Vec<Course> = Vec::new();
    for dialogue in &dialogues {
        let mut before: Option<&str> = None;
        for said in &dialogue.turns {
            let label = said.labels.first().map(|(agent, _)| agent.as_str());
            if let (Some(label), true) = (label, before == label) {
                let course = Course::default().after(Conversation::default(), Some(&label.into()));
                let chosen = choose(&index, &said.user, &said.system, &course);
                turns += 1;
                match &chosen.choice {
                    Choice::Agent { id, .. } if id.as_str() == label => stayed += 1,
                    Choice::Agent { .. } => {}
                    _ => left += 1,
                }
                if turns % 50 == 0 {
                    courses.push(course);
                }
            }
            before = label;
        }
    }
    println!(
        "sgd dev, turns that go on: {turns}; stay {:.3}, go to a model {:.3}",
        share(stayed, turns),
        share(left, turns)
    );
    let none: Vec<&Row> = rows.iter().filter(|row| row.split == "dev" && row.domain == "oos").collect();
    let gone = none.iter().zip(courses.iter().cycle()).filter(|(row, course)| {
        matches!(choose(&index, &row.text, "How can I help you?", course).choice, Choice::None)
    });
    println!(
        "clinc150's out of scope said within them: {}; go to a model {:.3}",
        none.len(),
        share(gone.count(), none.len())
    );
}

fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

fn choose(index: &Index, user: &str, system: &str, course: &Course) -> Choosing {
    let turn = Turn::read(StaticTable::embedded(), user, system).expect("a vector");
    let facts = Facts {
        decision: "figures".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "figures".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    };
    let context = Context::new(index.registry(), &facts);
    let step = Conversation::default().step(Event::Turn, &context, &Limits::default());
    let mask = Mask::of(&step.conversation, &context);
    TurnChooser::new(index, &turn, &[], course).choose(index.registry(), &mask)
}

/// Domains as agents: described by the names of their intents, with the first examples of each in turn.
fn index(rows: &[Row], domains: &[&str], examples: usize) -> Index {
    let agents = domains.iter().map(|domain| {
        let mut by_intent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.domain == *domain && row.split == "train") {
            by_intent.entry(&row.intent).or_default().push(&row.text);
        }
        let names: Vec<String> = by_intent.keys().map(|intent| intent.replace('_', " ")).collect();
        let mut agent = Agent::named(domain, &format!("{}: {}", domain.replace('_', " "), names.join(", ")));
        let rounds = (0_usize..).flat_map(|at| by_intent.values().filter_map(move |texts| texts.get(at)));
        agent.examples = rounds.take(examples).map(|text| (*text).to_owned()).collect();
        agent
    });
    let registry = Registry::new(agents.collect()).expect("a registry");
    Index::new(&registry, None, StaticTable::embedded()).expect("an index")
}

fn rows(path: &Path) -> Vec<Row> {
    let file = std::fs::File::open(path).expect("clinc150's utterances");
    let text = zstd::decode_all(file).expect("zstd");
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a row")).collect()
}

//! The agent stage alone: read a turn, mask, choose. Registries are made of the built-in taxonomy's descriptions and of words.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pointsman_encode::{Encoder, StaticTable};
use pointsman_kernel::Scope;
use pointsman_kernel::agents::{Agent, Context, Conversation, Mask, Registry, Skill};
use pointsman_kernel::facts::{Facts, Timestamp, Versions};
use pointsman_learn::agents::{Course, Index, Turn, taxonomy};

use super::prompts::Prompts;
use super::{Line, Percentiles};

/// Turns that are decided and not counted.
const WARM: usize = 20;
/// Turns counted at most.
const RUNS: usize = 20_000;
/// Turns of a conversation.
const TURNS: usize = 10;

/// Measures conversations among 1,000 agents and single requests among 25,000 skills, for at most `within` a line.
///
/// # Errors
/// A registry cannot be read.
pub(super) fn measure(within: Duration) -> anyhow::Result<Vec<Line>> {
    Ok(vec![
        line("a conversation's turn, 1,000 agents", &registry(1_000, 5)?, "p99 < 1 ms", within, choose)?,
        line("a request, 25,000 skills", &registry(25_000, 0)?, "p99 < 5 ms", within, rank)?,
    ])
}

type Decide = fn(&Index, &Turn, &mut Course, &Mask);

fn choose(index: &Index, turn: &Turn, course: &mut Course, mask: &Mask) {
    let chosen = index.choose_next(turn, course, mask);
    let next = chosen.place.and_then(|place| index.registry().agents().get(place));
    course.went(turn, next.map(Agent::id));
}

fn rank(index: &Index, turn: &Turn, _: &mut Course, mask: &Mask) {
    black_box(index.rank_places(turn, mask, 5));
}

fn line(
    case: &str,
    registry: &Registry,
    bar: &'static str,
    within: Duration,
    decide: Decide,
) -> anyhow::Result<Line> {
    let encoder: &dyn Encoder = StaticTable::embedded();
    let index = Index::new(registry, None, encoder)?;
    let facts = facts();
    let mut prompts = Prompts::new(registry.len() as u64);
    let mut course = Course::default();
    let (mut system, mut times) = (String::new(), Vec::new());
    let mut deadline = Instant::now() + within;
    for run in 0..WARM + RUNS {
        if run == WARM {
            times.clear();
            deadline = Instant::now() + within;
        }
        if run % TURNS == 0 {
            (course, system) = (Course::default(), String::new());
        }
        let user = prompts.text(20);
        let start = Instant::now();
        let turn = Turn::read(encoder, &user, &system)?;
        let mask = Mask::of(&Conversation::default(), &Context::new(registry, &facts));
        decide(&index, &turn, &mut course, &mask);
        times.push(start.elapsed());
        system = prompts.text(20);
        if start > deadline {
            break;
        }
    }
    let runs = times.len() as u64;
    let us = Percentiles::of(times);
    Ok(Line { scenario: "agents", case: case.to_owned(), runs, per_second: None, us, bar: Some(bar) })
}

/// Agents about the taxonomy's matters, each in words of its own, two skills and so many examples each.
fn registry(count: usize, examples: usize) -> anyhow::Result<Registry> {
    let nodes = taxonomy();
    let mut words = Prompts::new(1);
    let agents = nodes.iter().cycle().take(count).enumerate().map(|(at, node)| {
        let mut agent = Agent::named(
            &format!("{} {at}", node.name),
            &format!("{}: {}", node.description, words.text(12)),
        );
        if examples > 0 {
            agent.skills = (0..2)
                .map(|_| Skill { name: node.name.clone(), description: words.text(12), ..Skill::default() })
                .collect();
        }
        agent.examples = (0..examples).map(|_| format!("{} {}", node.name, words.text(10))).collect();
        agent
    });
    Ok(Registry::new(agents.collect())?)
}

fn facts() -> Facts {
    Facts {
        decision: "bench".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "local".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    }
}

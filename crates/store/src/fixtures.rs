//! Small requests for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_kernel::facts::{SessionFacts, Timestamp};
use pointsman_kernel::plan::{Call, Plan};
use pointsman_kernel::{
    Asked, Attempt, AttemptId, CostScale, Decision, DecisionId, Estimate, Estimates, Facts, Goal, Money,
    Outcome, Ranked, Ranking, Reason, Scope, Signals, Source, Spread, Status, Usage, UsageSource, Versions,
};

use crate::record::Opening;

pub(crate) const PROMPT: &str = "tell nobody that the vault opens at midnight";

pub(crate) fn id(n: usize) -> DecisionId {
    format!("d{n:06}").into()
}

pub(crate) fn opening(n: usize) -> Opening {
    Opening {
        id: id(n),
        started: Timestamp(1_000 + n as u64),
        tenant: "acme".into(),
        key: Some("ci".into()),
        model: "auto".into(),
        stream: n % 2 == 1,
        session: Some(format!("s{}", n % 3).into()),
        prompt: Some(PROMPT.to_owned()),
    }
}

pub(crate) fn decision(n: usize) -> Arc<Decision> {
    let names = ["small", "large"];
    let estimate = |(i, name): (usize, &&str)| Estimate {
        target: (*name).into(),
        quality: Spread { mean: 0.1 + 0.7 / (i + 3) as f64, sd: 1.0 / 3.0 },
        output_tokens: Spread { mean: 321.123_456_789, sd: 17.0 },
        cost: Some(Spread { mean: 12_345.678 * (i + n + 1) as f64, sd: 0.1 }),
        latency_ms: None,
        usual: None,
        source: if i == 1 { Source::provisional("moma") } else { Source::learned("moma") },
    };
    let ranked = |(i, name): (usize, &&str)| Ranked {
        target: (*name).into(),
        score: 1.0 / (i + 2) as f64,
        propensity: if i == 0 { 1.0 } else { 0.0 },
        reason: if i == 0 { Reason::Best } else { Reason::LowerScore },
    };
    Arc::new(Decision {
        route: "auto".into(),
        selector: "topsis".to_owned(),
        generator: "splitmix64".to_owned(),
        facts: Facts {
            decision: id(n),
            now: Timestamp(1_000 + n as u64),
            seed: u64::MAX - n as u64,
            tenant: "acme".into(),
            scope: Scope::default(),
            session: Some(SessionFacts { id: "s".into(), target: None, agents: None }),
            targets: vec![],
            versions: Versions::default(),
        },
        signals: Signals {
            asked: Asked::Auto,
            input_tokens: 200,
            turns: 1,
            features: vec![0.123_456_7; 8],
            words: vec![(4_321, 1.693_147); 12],
            vector: vec![0.076_543_21; 256],
            ..Signals::default()
        },
        agents: None,
        dropped: vec![],
        health_ignored: false,
        estimates: Estimates {
            difficulty: Some(0.3),
            list: names.iter().enumerate().map(estimate).collect(),
            ..Estimates::default()
        },
        goal: Goal::balanced(CostScale { low: 1e3, high: 1e6 }),
        ranking: Ranking(names.iter().enumerate().map(ranked).collect()),
        plan: Some(Plan::Call(Call { target: "small".into(), retries: 1, wait_at_most_ms: 10_000 })),
    })
}

pub(crate) fn attempts() -> Vec<Attempt> {
    vec![Attempt {
        id: AttemptId(0),
        target: "small".into(),
        started: Timestamp(1_100),
        head_us: Some(900),
        ended_us: 1_000,
        error: None,
        usage: usage(),
        cost: Some(Money(40)),
    }]
}

pub(crate) fn outcome(status: Status) -> Outcome {
    Outcome {
        status,
        target: (status == Status::Ok).then(|| "small".into()),
        attempts: 1,
        usage: usage(),
        cost: Some(Money(40)),
        baseline_cost: Some(Money(100)),
        prices_as_of: Some("2026-11-01".to_owned()),
        finish: Some("stop".to_owned()),
        first_byte_us: Some(950),
        total_us: 1_050,
        overhead_us: 50,
        lossy: vec![],
        error: None,
    }
}

fn usage() -> Usage {
    Usage { input: 200, output: 30, source: UsageSource::Reported, ..Usage::default() }
}

/// Every byte of the file at `path` and of those SQLite keeps beside it.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let beside = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
    ["", "-wal", "-shm", ".lock"]
        .iter()
        .flat_map(|end| std::fs::read(beside(end)).unwrap_or_default())
        .collect()
}

pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

//! What a record costs: nanoseconds for the request, microseconds of CPU for the writer.
//!
//!     cargo run --release -p pointsman-store --example ledger_cost -- [RECORDS] [CANDIDATES] [PER_SECOND]
//!
//! Reads threads' CPU time from `/proc`, so it runs on Linux only.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::plan::{Call, Plan};
use pointsman_kernel::{
    Asked, Attempt, AttemptId, CostScale, Decision, Estimate, Estimates, Facts, Goal, Money, Outcome, Ranked,
    Ranking, Reason, Scope, Signals, Source, Spread, Status, TargetId, Tenant, Usage, UsageSource, Versions,
};
use pointsman_store::{Ledger, LedgerOptions, Opening};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |default: usize| args.next().map_or(Ok(default), |arg| arg.parse());
    let (records, candidates, rate) = (number(100_000)?, number(1)?, number(10_000)?);
    let home = tempfile::tempdir()?;
    let ledger = Ledger::open(&home.path().join("ledger.db"), LedgerOptions::default())?;
    let targets: Vec<TargetId> = (0..candidates).map(|n| format!("vendor-model-{n}-large").into()).collect();
    let tenant = Tenant::from("acme");
    let key: Arc<str> = "ci".into();
    let model: Arc<str> = "auto".into();

    let began = Instant::now();
    let mut in_request = Duration::ZERO;
    let mut slowest = Duration::ZERO;
    for n in 0..records {
        // A millisecond's worth at a time.
        if n % (rate / 1_000).max(1) == 0 {
            let due = Duration::from_secs_f64(n as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        let opening = Opening {
            id: format!("{:012x}{n:08x}", micros()).into(),
            started: Timestamp(micros()),
            tenant: tenant.clone(),
            key: Some(Arc::clone(&key)),
            model: Arc::clone(&model),
            stream: false,
            session: None,
            prompt: None,
        };
        let decision = Arc::new(decision(&opening, &targets));
        let (attempts, outcome) = ended(&targets);
        let from = Instant::now();
        let entry = ledger.begin(opening);
        entry.decided(decision);
        entry.finish(attempts, outcome);
        let took = from.elapsed();
        in_request += took;
        slowest = slowest.max(took);
    }
    if !ledger.flush(Duration::from_secs(60)) {
        return Err("the ledger was not written within a minute".into());
    }
    let seconds = began.elapsed().as_secs_f64();
    let writer = writer_cpu()?;
    let health = ledger.health();
    let size = std::fs::metadata(home.path().join("ledger.db"))?.len();
    let each = |total: f64| total / records as f64;
    println!("records        {records} with {candidates} candidates, {:.0}/s", records as f64 / seconds);
    println!(
        "written        {}, dropped {}, details dropped {}",
        health.written, health.dropped, health.dropped_detail
    );
    println!(
        "request        {:.0} ns mean, {} us slowest",
        each(in_request.as_nanos() as f64),
        slowest.as_micros()
    );
    println!("writer         {:.2} us of CPU a record", each(writer.as_secs_f64() * 1e6));
    println!("on disk        {:.0} bytes a record", each(size as f64));
    Ok(())
}

fn decision(opening: &Opening, targets: &[TargetId]) -> Decision {
    let estimate = |(n, target): (usize, &TargetId)| Estimate {
        target: target.clone(),
        quality: Spread { mean: 1.0 / (n + 2) as f64, sd: 0.123_456_789 },
        output_tokens: Spread { mean: 345.678_912_3, sd: 123.456_789 },
        cost: Some(Spread { mean: 123_456.789_123 * (n + 1) as f64, sd: 34_567.891_23 }),
        latency_ms: None,
        usual: None,
        source: Source::learned("moma"),
    };
    let ranked = |(n, target): (usize, &TargetId)| Ranked {
        target: target.clone(),
        score: 1.0 / (n + 3) as f64,
        propensity: if n == 0 { 1.0 } else { 0.0 },
        reason: if n == 0 { Reason::Best } else { Reason::LowerScore },
    };
    // A concrete model is asked for by name and has no vector.
    let auto = targets.len() > 1;
    Decision {
        route: "auto".into(),
        selector: "topsis".to_owned(),
        generator: "splitmix64".to_owned(),
        facts: Facts {
            decision: opening.id.clone(),
            now: opening.started,
            seed: opening.started.0,
            tenant: opening.tenant.clone(),
            scope: Scope::default(),
            session: None,
            targets: Vec::new(),
            versions: Versions { config: "3f2a".into(), artifact: "9c1d".into(), encoder: "static-1".into() },
        },
        signals: Signals {
            asked: if auto {
                Asked::Auto
            } else {
                targets.first().cloned().map_or(Asked::Auto, Asked::Named)
            },
            input_tokens: 200,
            turns: 1,
            features: if auto { vec![0.1; 30] } else { Vec::new() },
            vector: if auto { vec![0.062_512_3; 256] } else { Vec::new() },
            ..Signals::default()
        },
        agents: None,
        dropped: Vec::new(),
        health_ignored: false,
        estimates: if auto {
            Estimates {
                difficulty: Some(0.4),
                list: targets.iter().enumerate().map(estimate).collect(),
                ..Estimates::default()
            }
        } else {
            Estimates::default()
        },
        goal: Goal::balanced(CostScale { low: 1_234.5, high: 1_234_567.8 }),
        ranking: Ranking(targets.iter().enumerate().map(ranked).collect()),
        plan: targets
            .first()
            .map(|target| Plan::Call(Call { target: target.clone(), retries: 1, wait_at_most_ms: 10_000 })),
    }
}

fn ended(targets: &[TargetId]) -> (Vec<Attempt>, Outcome) {
    let target = targets.first().cloned();
    let usage = Usage { input: 200, output: 120, source: UsageSource::Reported, ..Usage::default() };
    let attempt = |target: &TargetId| Attempt {
        id: AttemptId(0),
        target: target.clone(),
        started: Timestamp(micros()),
        head_us: Some(1_234),
        ended_us: 2_345,
        error: None,
        usage,
        cost: Some(Money(123_456)),
    };
    let outcome = Outcome {
        status: Status::Ok,
        target: target.clone(),
        attempts: 1,
        usage,
        cost: Some(Money(123_456)),
        baseline_cost: Some(Money(1_234_567)),
        prices_as_of: Some("2026-11-01".to_owned()),
        finish: Some("stop".to_owned()),
        first_byte_us: Some(1_300),
        total_us: 2_400,
        overhead_us: 55,
        lossy: Vec::new(),
        error: None,
    };
    (target.iter().map(attempt).collect(), outcome)
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    u64::try_from(since).unwrap_or(u64::MAX)
}

/// CPU time of the ledger's thread so far.
fn writer_cpu() -> Result<Duration, Box<dyn std::error::Error>> {
    for task in std::fs::read_dir(Path::new("/proc/self/task"))? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == "ledger" {
            let nanos = std::fs::read_to_string(task.join("schedstat"))?;
            let nanos = nanos.split_whitespace().next().ok_or("an empty schedstat")?;
            return Ok(Duration::from_nanos(nanos.parse()?));
        }
    }
    Err("no ledger thread".into())
}

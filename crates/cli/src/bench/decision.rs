//! The decision alone, through the code that serves: parse the head, read the prompt, tokenise, embed, estimate, rank.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bytes::Bytes;
use http::HeaderMap;
use pointsman_gateway::app::App;
use pointsman_gateway::ask::{Request, decide_chat};
use pointsman_gateway::auth::Caller;
use pointsman_gateway::reload::Live;
use pointsman_gateway::snapshot::Snapshot;
use pointsman_kernel::{Scope, Tenant};

use super::prompts::Prompts;
use super::{Line, Percentiles};
use crate::pool::{app_of, known_models};

/// Decisions that are made and not counted.
const WARM: usize = 50;
/// Decisions counted at most.
const RUNS: usize = 10_000;
/// A coding agent's body.
const AGENT_BYTES: usize = 200 * 1024;

/// Measures each size for at most `within`.
///
/// # Errors
/// A decision was refused, which would be a fault.
pub(super) fn measure(within: Duration) -> anyhow::Result<Vec<Line>> {
    let app = app_of(Live::from_config(known_models()?)?)?;
    let mut prompts = Prompts::new(app.clock.now().0);
    let mut lines = Vec::new();
    for (tokens, bar) in [(20, None), (200, Some("p50 < 150 us, p99 < 500 us")), (2_000, None)] {
        let case = format!("{tokens} tokens");
        lines.push(case_of(&app, case, bar, within, || prompts.single("auto", tokens))?);
    }
    let case = format!("agent's {} KB", AGENT_BYTES / 1024);
    lines.push(case_of(&app, case, Some("p99 < 3000 us"), within, || prompts.agent(AGENT_BYTES))?);
    Ok(lines)
}

fn case_of(
    app: &App,
    case: String,
    bar: Option<&'static str>,
    within: Duration,
    mut body: impl FnMut() -> Vec<u8>,
) -> anyhow::Result<Line> {
    let snapshot = app.live.snapshot();
    let caller = Caller { tenant: Tenant::from("local"), key: None, scope: Scope::default() };
    for _ in 0..WARM {
        black_box(decided_in(app, &snapshot, &caller, body().into())?);
    }
    let deadline = Instant::now() + within;
    let mut times = Vec::new();
    while times.len() < RUNS && Instant::now() < deadline {
        times.push(decided_in(app, &snapshot, &caller, body().into())?);
    }
    let runs = times.len() as u64;
    Ok(Line { scenario: "decision", case, runs, per_second: None, us: Percentiles::of(times), bar })
}

fn decided_in(app: &App, snapshot: &Snapshot, caller: &Caller, body: Bytes) -> anyhow::Result<Duration> {
    let sent = HeaderMap::new();
    let now = app.clock.now();
    let id = app.ids.decision(now);
    let began = Instant::now();
    let mut request = Request::parse(body).map_err(|refusal| anyhow!(refusal.error.message))?;
    let decided = at_once(decide_chat(app, snapshot, caller, &mut request, &sent, id, now))?
        .map_err(|refusal| anyhow!(refusal.error.message))?;
    let took = began.elapsed();
    anyhow::ensure!(
        decided.decision.chosen().is_some(),
        "nobody was chosen: the pool of the benchmark is empty"
    );
    Ok(took)
}

/// What a future gives that has nothing to wait for: the encoder in the program answers on the spot.
fn at_once<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(anyhow!("the decision waits for something: it is not the benchmark's")),
    }
}

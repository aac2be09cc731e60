//! A closed loop over loopback against a whole gateway whose targets answer at once. Clients and gateway share this
//! machine's cores, so the rate is a lower bound; what is compared is one case with another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use http::StatusCode;
use pointsman_gateway::launch;
use pointsman_gateway::reload::Live;

use super::prompts::Prompts;
use super::{Line, Percentiles};
use crate::client::Connection;
use crate::pool::known_models;

/// Tokens of each prompt.
const TOKENS: u32 = 200;
/// Bodies made before the clock starts, for each connection; made anew when they are used up.
const READY: usize = 256;

/// Measures each case for `within`.
///
/// # Errors
/// The gateway did not start, or a request failed.
pub(super) async fn measure(within: Duration) -> anyhow::Result<Vec<Line>> {
    let home = tempfile::tempdir().context("no temporary folder for the ledger")?;
    let live = Live::from_config(known_models()?)?;
    let named = live.snapshot().order.first().context("the pool of the benchmark is empty")?.to_string();
    let running = launch::start(live, home.path(), SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = running.address;
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        // Dropped or sent, both end the gateway.
        let _ = finished.await;
    };
    let gateway = tokio::spawn(running.until(shutdown, Duration::from_secs(5)));
    let mut lines = Vec::new();
    for (model, connections) in [(named.as_str(), 1), (named.as_str(), 64), ("auto", 1), ("auto", 64)] {
        lines.push(case_of(address, model, connections, within).await?);
    }
    let _ = finish.send(());
    gateway.await?;
    Ok(lines)
}

async fn case_of(
    address: SocketAddr,
    model: &str,
    connections: u64,
    within: Duration,
) -> anyhow::Result<Line> {
    let mut clients = Vec::new();
    for number in 0..connections {
        let mut prompts = Prompts::new(seed(number));
        let model = model.to_owned();
        let ready: Vec<Vec<u8>> = (0..READY).map(|_| prompts.single(&model, TOKENS)).collect();
        clients.push((Connection::open(address).await?, prompts, model, ready));
    }
    let began = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for (mut connection, mut prompts, model, mut ready) in clients {
        loops.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < within {
                let body = ready.pop().unwrap_or_else(|| prompts.single(&model, TOKENS));
                let sent = Instant::now();
                let answer = connection.chat(body.into(), None).await?;
                times.push(sent.elapsed());
                let said = || String::from_utf8_lossy(&answer.body).into_owned();
                ensure!(answer.status == StatusCode::OK, "status {}: {}", answer.status, said());
            }
            Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = loops.join_next().await {
        times.extend(ended??);
    }
    let (took, runs) = (began.elapsed().as_secs_f64(), times.len() as u64);
    let kind = if model == "auto" { "auto" } else { "named" };
    Ok(Line {
        scenario: "gateway",
        case: format!("{kind}, {connections} connections"),
        runs,
        per_second: Some(runs as f64 / took),
        us: Percentiles::of(times),
        bar: None,
    })
}

fn seed(number: u64) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as u64).wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

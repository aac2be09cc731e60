//! `eval --router`: a router that is not ours, asked over HTTP whom it sends each prompt to.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{StreamExt, stream};
use pointsman_backends::{Deadlines, Endpoint, Failure, Pool, PoolConfig, Proxies, ask_who_serves};
use pointsman_kernel::{ErrorKind, Retry};
use pointsman_learn::evaluate::{EvalOptions, OutsideReport, Said, outside, rows_to_ask};
use pointsman_learn::{Progress, PromptRow, Table};
use secrecy::SecretString;
use serde_json::json;

use crate::progress::Bar;
use crate::term;

/// Calls made for one prompt at most.
const TRIES: u32 = 4;
/// What is waited for after a first failure that names no time; doubled with each.
const PAUSE: Duration = Duration::from_millis(500);
/// Nobody waits longer between two tries.
const PATIENCE: Duration = Duration::from_secs(30);
/// Prompts in a row that fail, after which no more are asked: nobody is there.
const GIVEN_UP: usize = 20;

/// A router that is not ours.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Judge this OpenAI-compatible router: it is asked for one token on each prompt, and what the model that served did
    /// is looked up in the table. The URL up to and with /v1
    #[arg(long, value_name = "URL", conflicts_with_all = ["artifact", "cv", "leave_out", "control", "versus", "plot", "reliability", "report", "stability", "attack"])]
    router: Option<String>,
    /// The model that asks the router to choose
    #[arg(long, value_name = "NAME", default_value = "auto", requires = "router")]
    router_model: String,
    /// The environment variable that holds the router's key. Default: none is sent
    #[arg(long, value_name = "VARIABLE", requires = "router")]
    router_key: Option<String>,
    /// Prompts asked at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256), requires = "router")]
    router_concurrency: u16,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "router")]
    router_timeout: u64,
}

struct Asker {
    endpoint: Endpoint,
    model: String,
    deadlines: Deadlines,
    at_once: usize,
    failed_in_a_row: AtomicUsize,
}

impl Args {
    pub(super) fn is_asked(&self) -> bool {
        self.router.is_some()
    }

    /// Asks the router about every table and prints what came of it.
    pub(super) fn run(
        &self,
        tables: &[Table],
        pools: Vec<Option<Vec<String>>>,
        options: &EvalOptions,
        json: bool,
    ) -> anyhow::Result<ExitCode> {
        let url = self.router.as_deref().unwrap_or_default();
        let asker = self.asker(url)?;
        let runtime = crate::serve::runtime()?;
        let mut reports: Vec<OutsideReport> = Vec::with_capacity(tables.len());
        for (table, models) in tables.iter().zip(pools) {
            let options = EvalOptions { models, ..options.clone() };
            let rows = rows_to_ask(table, &options)?;
            let said = runtime.block_on(asker.ask(table, &rows));
            reports.push(outside(table, url, &said, &options)?);
        }
        match reports.as_slice() {
            [only] if json => term::say_json(only)?,
            several if json => term::say_json(&several)?,
            several => several.iter().try_for_each(term::say)?,
        }
        let judged = reports.iter().any(|report| report.figures.is_some());
        Ok(if judged { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn asker(&self, url: &str) -> anyhow::Result<Asker> {
        let key = match &self.router_key {
            None => None,
            Some(name) => match std::env::var(name) {
                Ok(key) if !key.trim().is_empty() => Some(SecretString::from(key.trim().to_owned())),
                _ => bail!(
                    "the variable {name} is not set, so there is no key for {url}; set it, or leave --router-key out"
                ),
            },
        };
        let pool = Pool::new(PoolConfig { proxies: Proxies::from_env(), ..PoolConfig::default() })?;
        let endpoint =
            Endpoint::open_ai(&pool, "the router", url, key).with_context(|| format!("--router {url}"))?;
        let wait = Duration::from_secs(self.router_timeout);
        let deadlines = Deadlines {
            connect: wait.min(Duration::from_secs(10)),
            head: wait,
            idle: wait,
            total: Some(wait),
        };
        Ok(Asker {
            endpoint,
            model: self.router_model.clone(),
            deadlines,
            at_once: usize::from(self.router_concurrency),
            failed_in_a_row: AtomicUsize::new(0),
        })
    }
}

impl Asker {
    async fn ask(&self, table: &Table, rows: &[usize]) -> Vec<(usize, Said)> {
        let mut bar = Bar::new();
        let total = rows.len() as u64;
        let mut said = Vec::with_capacity(rows.len());
        let prompts = rows.iter().filter_map(|row| Some((*row, table.prompts.get(*row)?)));
        let mut asking = stream::iter(prompts)
            .map(async |(row, prompt)| (row, self.one(prompt).await))
            .buffered(self.at_once);
        while let Some(one) = asking.next().await {
            said.push(one);
            bar.show(Progress { stage: "asking the router", done: said.len() as u64, total });
        }
        bar.clear();
        said
    }

    async fn one(&self, prompt: &PromptRow) -> Said {
        let mut limit = "max_tokens";
        let mut attempt = 0;
        loop {
            if self.failed_in_a_row.load(Ordering::Relaxed) >= GIVEN_UP {
                return Said::Failed("nobody seems to be there".to_owned());
            }
            let failure = match ask_who_serves(&self.endpoint, self.body(prompt, limit), self.deadlines).await
            {
                Ok(served) => {
                    self.failed_in_a_row.store(0, Ordering::Relaxed);
                    return served.filter(|name| !name.is_empty()).map_or(Said::Nobody, Said::Served);
                }
                Err(failure) => failure,
            };
            // The limit of an answer has two names, and some know the newer one alone.
            if failure.error.kind == ErrorKind::Rejected && limit == "max_tokens" {
                limit = "max_completion_tokens";
                continue;
            }
            attempt += 1;
            match pause(&failure, attempt) {
                Some(pause) if attempt < TRIES => tokio::time::sleep(pause).await,
                _ => {
                    self.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
                    return Said::Failed(failure.error.detail);
                }
            }
        }
    }

    fn body(&self, prompt: &PromptRow, limit: &str) -> bytes::Bytes {
        let system = prompt.system.as_ref().map(|text| json!({"role": "system", "content": text}));
        let user = json!({"role": "user", "content": prompt.text});
        let messages: Vec<_> = system.into_iter().chain([user]).collect();
        json!({"model": self.model, "messages": messages, limit: 1}).to_string().into()
    }
}

/// What to wait before trying again; nothing where that would not help.
fn pause(failure: &Failure, attempt: u32) -> Option<Duration> {
    let retry = &failure.error.retry;
    match retry {
        Retry::Never | Retry::Elsewhere => None,
        Retry::Same { .. } | Retry::Other { .. } => {
            Some(retry.wait().max(PAUSE * 2_u32.pow(attempt - 1)).min(PATIENCE))
        }
    }
}

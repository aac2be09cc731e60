//! What keys mean together: names that must exist, numbers that must fit each other, files and variables that must be
//! there. Every fault is collected; nothing stops at the first.

mod agents;
mod learned;
mod providers;
mod routes;
mod targets;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_backends::Deadlines;
use pointsman_kernel::health::BreakerPolicy;
use pointsman_kernel::{Price, TokenPrice};

pub(crate) use providers::is_loopback;

use super::env::Env;
use super::fault::{Fault, Faults};
use super::file;
use super::tree::Step;
use super::{Config, LedgerSettings, Limits, Origin};
use crate::catalogue::{self, PriceOverride};

/// Checks a file whose shape is right but for `faults`.
pub(super) fn check(
    file: file::File,
    origin: Origin,
    faults: Vec<Fault>,
    env: &Env,
) -> Result<Config, Faults> {
    let mut check = Check { origin: &origin, env, faults, warnings: Vec::new(), files: Vec::new() };
    let listen = check.listen(&file.listen);
    let providers = check.providers(&file);
    let targets = check.targets(&file, &providers);
    let agents = check.agents(&file);
    let routes = check.routes(&file, &providers, &targets);
    let (timeouts, breaker) = (check.timeouts(&file.timeouts), check.breaker(&file.breaker));
    let limits = check.limits(&file.limits);
    let prices = file.prices.iter().map(|(name, price)| price_override(name, price)).collect();
    let learned = check.learned(&file);
    let agent_model = check.agent_heads(&file);
    let Check { faults, warnings, files, .. } = check;
    let warnings = Faults::of(warnings).map_or_else(Vec::new, |faults| faults.0);
    match (Faults::of(faults), listen, learned) {
        (None, Some(listen), Some(learned)) => Ok(Config {
            listen,
            providers,
            targets,
            agents,
            routes,
            timeouts,
            limits,
            breaker,
            ledger: LedgerSettings {
                keep_prompts: file.ledger.keep_prompts,
                retention: file.ledger.retention.map(|time| time.duration()),
            },
            keys: file.keys.required,
            prices,
            artifact: learned.artifact,
            agent_model,
            estimator: learned.estimator,
            slow_encoder: learned.slow_encoder,
            files,
            warnings,
            origin: Arc::new(origin),
        }),
        (Some(faults), ..) => Err(faults),
        // Whoever gives nothing has said why.
        (None, ..) => Err(origin.fault(&[], "the configuration cannot be used").into()),
    }
}

/// The state of one check.
struct Check<'a> {
    origin: &'a Origin,
    env: &'a Env,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    files: Vec<PathBuf>,
}

impl Check<'_> {
    fn fault(&mut self, path: &[Step], message: impl Into<String>, hint: impl Into<String>) {
        self.faults.push(self.origin.fault(path, message).hint(hint));
    }

    fn warn(&mut self, path: &[Step], message: impl Into<String>, hint: impl Into<String>) {
        self.warnings.push(self.origin.fault(path, message).hint(hint));
    }

    /// A text with its `${NAME}`s replaced.
    fn expand(&mut self, path: &[Step], text: &str) -> Option<String> {
        match self.env.expand(text) {
            Ok(text) => Some(text),
            Err(unset) => {
                let message = format!("environment variable {} is not set", unset.0);
                self.fault(
                    path,
                    message,
                    format!("set it, or write ${{{}:-VALUE}} to have a default", unset.0),
                );
                None
            }
        }
    }

    fn listen(&mut self, text: &str) -> Option<SocketAddr> {
        let path = ["listen".into()];
        let text = self.expand(&path, text)?;
        let with_host = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None if text.starts_with(':') => format!("0.0.0.0{text}"),
            None => text.clone(),
        };
        let address = with_host.parse().ok();
        if address.is_none() {
            self.fault(
                &path,
                format!("`{text}` is no address to listen on"),
                "write an IP address and a port, such as 127.0.0.1:4000 or [::1]:4000",
            );
        }
        address
    }

    fn timeouts(&mut self, timeouts: &file::Timeouts) -> Deadlines {
        let deadlines = Deadlines {
            connect: timeouts.connect.duration(),
            head: timeouts.head.duration(),
            idle: timeouts.idle.duration(),
            total: timeouts.total.as_ref().map(super::scalar::Time::duration),
        };
        let all = [
            ("connect", Some(deadlines.connect)),
            ("head", Some(deadlines.head)),
            ("idle", Some(deadlines.idle)),
            ("total", deadlines.total),
        ];
        for (name, time) in all {
            if time.is_some_and(|time| time.is_zero()) {
                self.fault(
                    &["timeouts".into(), name.into()],
                    format!("`timeouts.{name}` is zero, so every call would fail"),
                    "give a time such as 5s",
                );
            }
        }
        deadlines
    }

    fn breaker(&mut self, breaker: &file::Breaker) -> BreakerPolicy {
        let policy = BreakerPolicy {
            failures: breaker.failures,
            open_for: breaker.open_for.duration(),
            open_at_most: breaker.open_at_most.duration(),
        };
        if policy.open_for > policy.open_at_most {
            self.fault(
                &["breaker".into(), "open_for".into()],
                format!("`open_for` is longer than `open_at_most` ({})", breaker.open_at_most.0),
                "make open_at_most the longer one",
            );
        }
        policy
    }

    fn limits(&mut self, limits: &file::Limits) -> Limits {
        let bytes = usize::try_from(limits.body.bytes()).unwrap_or(usize::MAX);
        if bytes < 1024 {
            self.fault(
                &["limits".into(), "body".into()],
                "`limits.body` is too small for any request",
                "give at least 1KiB",
            );
        }
        Limits { body_bytes: bytes }
    }
}

/// A price as the kernel counts it.
pub(super) fn price(price: &file::Price) -> Price {
    Price {
        cached_input: price.cached_input.map(TokenPrice::from_usd_per_million),
        cache_write: price.cache_write.map(TokenPrice::from_usd_per_million),
        ..Price::per_million_usd(price.input, price.output)
    }
}

fn price_override(name: &str, stated: &file::Price) -> PriceOverride {
    let nano = |usd: f64| TokenPrice::from_usd_per_million(usd).0;
    PriceOverride {
        provider: None,
        model: name.into(),
        price: catalogue::Price {
            input: nano(stated.input),
            output: nano(stated.output),
            cached_input: stated.cached_input.map(nano),
            cache_write: stated.cache_write.map(nano),
        },
    }
}

/// Names that stand twice in a list, each once.
fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let mut seen = BTreeSet::new();
    names.into_iter().enumerate().filter(|(_, name)| !seen.insert(*name)).collect()
}

//! What `/metrics` shows, in one table from which the registry and the reference are both made.
//!
//! Routes and targets are labels; their number is bounded by the configuration. Clients, sessions and prompts never are.

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pointsman_kernel::agents::FirstStage;
use pointsman_kernel::{Attempt, Money, Outcome, RouteId, Status, TargetId};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::embed::Missed;

/// Every metric: name as scraped, kind, labels, meaning.
pub const TABLE: &[(&str, &str, &str, &str)] = &[
    (
        "pointsman_requests_total",
        "counter",
        "route, target, status",
        "Requests that ended, one each whatever happened. `target` is who answered, else who was asked last; empty where nobody was.",
    ),
    (
        "pointsman_attempts_total",
        "counter",
        "target, result",
        "Calls to targets; `result` is `ok` or the error's kind.",
    ),
    (
        "pointsman_refused_total",
        "counter",
        "code",
        "Requests answered without a decision: bad bodies, unknown models, missing keys.",
    ),
    ("pointsman_request_seconds", "histogram", "route", "From a request's arrival to its answer's end."),
    (
        "pointsman_first_byte_seconds",
        "histogram",
        "route",
        "From a request's arrival to its answer's first byte.",
    ),
    (
        "pointsman_overhead_seconds",
        "histogram",
        "route",
        "From a request's arrival to its first call: what routing costs in time.",
    ),
    (
        "pointsman_encoder_missed_total",
        "counter",
        "reason",
        "Decisions that the standby made because a larger encoder was `late`, `busy` or `failed`.",
    ),
    (
        "pointsman_first_stage_total",
        "counter",
        "route, choice",
        "Turns on routes with agents: `agent` was chosen and answered, `none` was chosen, `failed` is an agent that was chosen and did not answer, `skipped` a tool's result.",
    ),
    (
        "pointsman_masked_dispatches_total",
        "counter",
        "",
        "Calls to an agent that the mask excluded. Above zero is a fault.",
    ),
    (
        "pointsman_tokens_total",
        "counter",
        "target, direction",
        "Tokens read (`input`) and written (`output`), reported or estimated.",
    ),
    ("pointsman_cost_usd_total", "counter", "target", "Cost of answered and broken calls by the price list."),
    (
        "pointsman_baseline_usd_total",
        "counter",
        "route",
        "What the same tokens would have cost at the route's baseline: an estimate.",
    ),
    ("pointsman_unpriced_total", "counter", "target", "Requests whose cost is not known."),
    (
        "pointsman_feedback_total",
        "counter",
        "result",
        "Feedback that came: `kept`, `unknown` (no such decision, or another key's), `again` (given before), `refused` (nonsense), `failed` (could not be written).",
    ),
    (
        "pointsman_feedback_score_total",
        "counter",
        "",
        "Sum of the scores kept: over `kept` it is their mean.",
    ),
    ("pointsman_in_flight", "gauge", "", "Requests running now."),
    ("pointsman_targets_unready", "gauge", "", "Targets whose breaker is not closed."),
    ("pointsman_ledger_pending", "gauge", "", "Records waiting to be written."),
    ("pointsman_ledger_written", "gauge", "", "Records written since the start."),
    (
        "pointsman_ledger_dropped",
        "gauge",
        "",
        "Records lost because the ledger could not take them. Above zero is a fault.",
    ),
    (
        "pointsman_ledger_dropped_detail",
        "gauge",
        "",
        "Records kept without their decision, for want of room.",
    ),
    ("pointsman_ledger_write_errors", "gauge", "", "Failed writes; each is tried again."),
    ("pointsman_config_generation", "gauge", "", "Configurations taken into service since the start."),
    (
        "pointsman_config_good",
        "gauge",
        "",
        "1 while the configuration file on disk is the one in force, 0 while it is refused.",
    ),
];

/// The registry and the families in it.
pub struct Telemetry {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    refused: Family<CodeLabel, Counter>,
    request_seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    first_byte_seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    overhead_seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    encoder_missed: Family<ReasonLabel, Counter>,
    first_stage: Family<ChoiceLabels, Counter>,
    masked_dispatches: Counter,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<TargetLabel, Counter<f64, AtomicU64>>,
    baseline: Family<RouteLabel, Counter<f64, AtomicU64>>,
    unpriced: Family<TargetLabel, Counter>,
    feedback: Family<ResultLabel, Counter>,
    feedback_score: Counter<f64, AtomicU64>,
    /// Requests running now.
    pub in_flight: Gauge,
    /// Gauges read from elsewhere at each scrape.
    pub scraped: Scraped,
}

/// Values that other parts keep; set just before a scrape.
#[derive(Clone, Default)]
pub struct Scraped {
    /// Targets whose breaker is not closed.
    pub targets_unready: Gauge,
    /// Records waiting.
    pub ledger_pending: Gauge,
    /// Records written.
    pub ledger_written: Gauge,
    /// Records lost.
    pub ledger_dropped: Gauge,
    /// Decisions left out.
    pub ledger_dropped_detail: Gauge,
    /// Failed writes.
    pub ledger_write_errors: Gauge,
    /// Configurations taken into service.
    pub config_generation: Gauge,
    /// Whether the file on disk is in force.
    pub config_good: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    target: String,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ChoiceLabels {
    route: String,
    choice: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    target: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    target: String,
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TargetLabel {
    target: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CodeLabel {
    code: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut telemetry = Self {
            registry: Registry::default(),
            requests: Family::default(),
            attempts: Family::default(),
            refused: Family::default(),
            request_seconds: Family::new_with_constructor(request_buckets),
            first_byte_seconds: Family::new_with_constructor(request_buckets),
            overhead_seconds: Family::new_with_constructor(overhead_buckets),
            encoder_missed: Family::default(),
            first_stage: Family::default(),
            masked_dispatches: Counter::default(),
            tokens: Family::default(),
            cost: Family::default(),
            baseline: Family::default(),
            unpriced: Family::default(),
            feedback: Family::default(),
            feedback_score: Counter::default(),
            in_flight: Gauge::default(),
            scraped: Scraped::default(),
        };
        telemetry.register();
        telemetry
    }
}

impl Telemetry {
    fn register(&mut self) {
        let registry = &mut self.registry;
        add(registry, "pointsman_requests_total", self.requests.clone());
        add(registry, "pointsman_attempts_total", self.attempts.clone());
        add(registry, "pointsman_refused_total", self.refused.clone());
        add(registry, "pointsman_request_seconds", self.request_seconds.clone());
        add(registry, "pointsman_first_byte_seconds", self.first_byte_seconds.clone());
        add(registry, "pointsman_overhead_seconds", self.overhead_seconds.clone());
        add(registry, "pointsman_encoder_missed_total", self.encoder_missed.clone());
        add(registry, "pointsman_first_stage_total", self.first_stage.clone());
        add(registry, "pointsman_masked_dispatches_total", self.masked_dispatches.clone());
        add(registry, "pointsman_tokens_total", self.tokens.clone());
        add(registry, "pointsman_cost_usd_total", self.cost.clone());
        add(registry, "pointsman_baseline_usd_total", self.baseline.clone());
        add(registry, "pointsman_unpriced_total", self.unpriced.clone());
        add(registry, "pointsman_feedback_total", self.feedback.clone());
        add(registry, "pointsman_feedback_score_total", self.feedback_score.clone());
        add(registry, "pointsman_in_flight", self.in_flight.clone());
        let scraped = &self.scraped;
        add(registry, "pointsman_targets_unready", scraped.targets_unready.clone());
        add(registry, "pointsman_ledger_pending", scraped.ledger_pending.clone());
        add(registry, "pointsman_ledger_written", scraped.ledger_written.clone());
        add(registry, "pointsman_ledger_dropped", scraped.ledger_dropped.clone());
        add(registry, "pointsman_ledger_dropped_detail", scraped.ledger_dropped_detail.clone());
        add(registry, "pointsman_ledger_write_errors", scraped.ledger_write_errors.clone());
        add(registry, "pointsman_config_generation", scraped.config_generation.clone());
        add(registry, "pointsman_config_good", scraped.config_good.clone());
    }

    /// One request ended.
    pub fn ended(&self, route: &RouteId, attempts: &[Attempt], outcome: &Outcome) {
        // Where nobody answered, who was asked last: an alert must say where to look.
        let asked = || attempts.last().map(|attempt| &attempt.target);
        let target = outcome.target.as_ref().or_else(asked).map_or("", |t| t.as_str()).to_owned();
        let route = RouteLabel { route: route.to_string() };
        let status = status_name(outcome.status);
        self.requests
            .get_or_create(&RequestLabels { route: route.route.clone(), target: target.clone(), status })
            .inc();
        for attempt in attempts {
            let result = attempt.error.as_ref().map_or("ok", |error| kind_name(error.kind));
            self.attempts.get_or_create(&AttemptLabels { target: attempt.target.to_string(), result }).inc();
        }
        self.request_seconds.get_or_create(&route).observe(seconds(outcome.total_us));
        self.overhead_seconds.get_or_create(&route).observe(seconds(outcome.overhead_us));
        if let Some(us) = outcome.first_byte_us {
            self.first_byte_seconds.get_or_create(&route).observe(seconds(us));
        }
        let tokens = |direction, count| {
            self.tokens.get_or_create(&TokenLabels { target: target.clone(), direction }).inc_by(count);
        };
        tokens("input", outcome.usage.input);
        tokens("output", outcome.usage.output);
        let label = TargetLabel { target: target.clone() };
        match outcome.cost {
            Some(cost) => {
                self.cost.get_or_create(&label).inc_by(cost.usd());
            }
            None => {
                self.unpriced.get_or_create(&label).inc();
            }
        }
        let baseline = outcome.baseline_cost.unwrap_or(Money::ZERO).usd();
        self.baseline.get_or_create(&route).inc_by(baseline);
    }

    /// A request was answered without a decision.
    pub fn refused(&self, code: &str) {
        self.refused.get_or_create(&CodeLabel { code: code.to_owned() }).inc();
    }

    /// The encoder in force did not answer in time.
    pub fn encoder_missed(&self, missed: Missed) {
        self.encoder_missed.get_or_create(&ReasonLabel { reason: missed.word() }).inc();
    }

    /// The first stage of a request has come to its end: `target` answered, and so many calls were to agents that the mask
    /// excluded.
    pub fn first_stage(
        &self,
        route: &RouteId,
        stage: Option<&FirstStage>,
        target: Option<&TargetId>,
        masked: u64,
    ) {
        let Some(stage) = stage else { return };
        let choice = match stage.chosen() {
            _ if stage.skipped.is_some() => "skipped",
            None => "none",
            Some(_) if stage.agents().any(|agent| Some(agent) == target) => "agent",
            Some(_) => "failed",
        };
        let labels = ChoiceLabels { route: route.to_string(), choice };
        self.first_stage.get_or_create(&labels).inc();
        self.masked_dispatches.inc_by(masked);
    }

    /// Feedback came, and was kept with this score or was not.
    pub fn feedback(&self, result: &'static str, kept: Option<f64>) {
        self.feedback.get_or_create(&ResultLabel { result }).inc();
        if let Some(score) = kept {
            self.feedback_score.inc_by(score);
        }
    }

    /// The scrape's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The reference page.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\nGenerated from the code. `GET /metrics`, Prometheus text. Needs no client key; it names routes and targets.\n\n\
         | metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for (name, kind, labels, meaning) in TABLE {
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {meaning} |");
    }
    page
}

/// Registers a metric with its help out of the table.
fn add(registry: &mut Registry, name: &str, metric: impl Metric) {
    let help = TABLE.iter().find(|row| row.0 == name).map_or("", |row| row.3);
    // The format adds `_total` to counters and a full stop to every help text.
    registry.register(name.trim_end_matches("_total"), help.trim_end_matches('.'), metric);
}

/// A status as metrics and tables spell it.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Failed => "failed",
        Status::Cut => "cut",
        Status::Aborted => "aborted",
        Status::Lost => "lost",
    }
}

pub(crate) fn kind_name(kind: pointsman_kernel::ErrorKind) -> &'static str {
    use pointsman_kernel::ErrorKind as Kind;
    match kind {
        Kind::Connect => "connect",
        Kind::Timeout => "timeout",
        Kind::RateLimited => "rate_limited",
        Kind::Upstream => "upstream",
        Kind::Credentials => "credentials",
        Kind::Rejected => "rejected",
        Kind::Protocol => "protocol",
        Kind::Cut => "cut",
        Kind::ClientGone => "client_gone",
        Kind::Lossy => "lossy",
        Kind::Internal => "internal",
    }
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

fn request_buckets() -> Histogram {
    Histogram::new([0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0])
}

fn overhead_buckets() -> Histogram {
    Histogram::new([0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0])
}

#[cfg(test)]
mod tests {
    use pointsman_kernel::agents::Skipped;

    use super::*;

    #[test]
    fn every_metric_of_the_table_is_scraped_under_its_name() {
        let telemetry = Telemetry::default();
        let outcome = Outcome {
            status: Status::Ok,
            target: Some("m".into()),
            attempts: 1,
            usage: pointsman_kernel::Usage { input: 3, output: 4, ..Default::default() },
            cost: Some(Money(5)),
            baseline_cost: Some(Money(9)),
            prices_as_of: None,
            finish: None,
            first_byte_us: Some(10),
            total_us: 20,
            overhead_us: 5,
            lossy: vec![],
            error: None,
        };
        let attempt = Attempt {
            id: pointsman_kernel::AttemptId(0),
            target: "m".into(),
            started: pointsman_kernel::facts::Timestamp(0),
            head_us: None,
            ended_us: 1,
            error: None,
            usage: outcome.usage,
            cost: outcome.cost,
        };
        telemetry.ended(&"auto".into(), &[attempt], &outcome);
        telemetry.ended(&"auto".into(), &[], &Outcome { cost: None, ..outcome });
        telemetry.refused("model_not_found");
        telemetry.encoder_missed(Missed::Late);
        telemetry.feedback("kept", Some(0.5));
        telemetry.first_stage(&"auto".into(), Some(&FirstStage::skipped(Skipped::ToolResult)), None, 0);
        let text = telemetry.text();
        for (name, kind, ..) in TABLE {
            let line = if *kind == "histogram" { format!("\n{name}_count") } else { format!("\n{name}") };
            assert!(text.contains(&line), "{name} is missing in\n{text}");
        }
        assert!(text.contains("pointsman_tokens_total{target=\"m\",direction=\"output\"} 8"), "{text}");
    }
}

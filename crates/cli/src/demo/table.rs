//! The demo's tables, made of ledger records and sums and of nothing else.

use anyhow::Context;
use pointsman_gateway::snapshot::Snapshot;
use pointsman_kernel::{Decision, Money, Outcome, Reason, Status};
use pointsman_store::{StoredRecord, Sums, Totals};

use crate::demo::tour::Step;
use crate::term::{self, Tone, dollars, paint, shortened, usd};

/// The head over the rows.
pub(super) fn head() -> String {
    laid_out(["#", "prompt", "prefer", "answered by", "why", "tokens", "cost", "saved"])
}

/// The models and what they charge.
pub(super) fn priced(snapshot: &Snapshot) -> comfy_table::Table {
    let mut table = term::table(
        &["model", "USD per million tokens read", "written", "predicted by the record of"],
        &[1, 2],
    );
    for target in snapshot.order.iter().filter_map(|id| snapshot.targets.get(id)).map(|served| &served.target)
    {
        let price = |of: fn(&pointsman_kernel::Price) -> f64| {
            target.price.as_ref().map_or("unknown".to_owned(), |price| of(price).to_string())
        };
        table.add_row(vec![
            target.id.to_string(),
            price(|price| price.input.usd_per_million()),
            price(|price| price.output.usd_per_million()),
            target.profile.clone(),
        ]);
    }
    table
}

/// One request as the ledger has it.
///
/// # Errors
/// The record lacks what a finished request has.
pub(super) fn row(number: usize, step: &Step, record: &StoredRecord) -> anyhow::Result<String> {
    let outcome = record.outcome.as_ref().context("the record has no outcome")?;
    let decision = record.decision()?.context("the record has no decision")?;
    let target = outcome.target.as_ref().map_or("nobody", |target| target.as_str());
    let prefer = format!("{}{}", decision.goal.prefer.weight(), if record.stream { " stream" } else { "" });
    let tokens = format!("{}+{}", outcome.usage.input, outcome.usage.output);
    let cost = outcome.cost.map_or("unknown".to_owned(), usd);
    let line = laid_out([
        &number.to_string(),
        &shortened(step.prompt, 20),
        &prefer,
        target,
        &shortened(&why(&decision, record, outcome), 21),
        &tokens,
        &cost,
        &saved(outcome.cost, outcome.baseline_cost),
    ]);
    Ok(if outcome.status == Status::Ok { line } else { paint(Tone::Bad, line) })
}

/// A line of the table of requests.
fn laid_out([number, prompt, prefer, target, why, tokens, cost, saved]: [&str; 8]) -> String {
    format!(
        "{number:>2}  {prompt:<20}  {prefer:<10}  {target:<12}  {why:<21}{tokens:>8}  {cost:>9}  {saved:>6}"
    )
}

/// The sums of the ledger.
pub(super) fn totals(totals: &Totals, snapshot: &Snapshot) -> String {
    let mut table =
        term::table(&["answered by", "requests", "tokens read", "written", "cost"], &[1, 2, 3, 4]);
    for (target, sums) in totals.by_target() {
        let name = target.map_or("nobody".to_owned(), |target| target.to_string());
        table.add_row(cells(&name, sums));
    }
    let all = totals.all();
    table.add_row(cells("all", all));
    let baseline = snapshot.route("auto").and_then(|route| route.route.goal.baseline.as_ref());
    let baseline = baseline.map_or("the baseline".to_owned(), ToString::to_string);
    format!(
        "{}\npaid {}; the same tokens at {baseline} would have cost {}:\n{} saved ({}), an estimate",
        term::text_of(&table),
        usd(all.compared_cost),
        usd(all.baseline_cost),
        paint(Tone::Good, dollars(all.saved_nano() as f64 / 1e9)),
        saved(Some(all.compared_cost), Some(all.baseline_cost)),
    )
}

fn cells(name: &str, sums: Sums) -> Vec<String> {
    vec![
        name.to_owned(),
        sums.requests.to_string(),
        sums.input_tokens.to_string(),
        sums.output_tokens.to_string(),
        usd(sums.cost),
    ]
}

/// Why this one answered: what failed before it, else what it was expected to bring beside the best.
fn why(decision: &Decision, record: &StoredRecord, outcome: &Outcome) -> String {
    let failed = record.attempts.iter().find(|attempt| Some(&attempt.target) != outcome.target.as_ref());
    if let Some((failed, error)) = failed.and_then(|attempt| Some((attempt, attempt.error.as_ref()?))) {
        let said = error.status.map_or("failed".to_owned(), |status| status.to_string());
        return format!("{}: {said}", failed.target);
    }
    let Some(chosen) = decision.ranking.chosen() else { return "nobody may answer".to_owned() };
    if chosen.reason != Reason::Best {
        return match chosen.reason {
            Reason::Session => "same conversation".to_owned(),
            ref other => other.to_string(),
        };
    }
    let best = decision.estimates.list.iter().map(|estimate| estimate.quality.mean).fold(0.0, f64::max);
    match decision.estimates.of(&chosen.target) {
        Some(estimate) => format!("quality {:.2} of {best:.2}", estimate.quality.mean),
        None => chosen.reason.to_string(),
    }
}

/// The share of the baseline's cost that was saved.
fn saved(cost: Option<Money>, baseline: Option<Money>) -> String {
    match (cost, baseline) {
        (Some(cost), Some(baseline)) if baseline > Money::ZERO => {
            format!("{:.0} %", (1.0 - cost.usd() / baseline.usd()) * 100.0)
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_saved_may_be_negative_or_unknown() {
        assert_eq!(saved(Some(Money(25)), Some(Money(100))), "75 %");
        assert_eq!(saved(Some(Money(200)), Some(Money(100))), "-100 %");
        assert_eq!(saved(None, Some(Money(100))), "-");
        assert_eq!(saved(Some(Money(1)), Some(Money(0))), "-");
    }

    #[test]
    fn the_head_fits_the_width() {
        assert!(head().chars().count() <= usize::from(term::WIDTH));
    }
}

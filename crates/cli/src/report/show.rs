//! Findings for people: a paragraph, a table and a verdict a route.

use pointsman_learn::offpolicy::{Compared, Constant, ENOUGH, Interval, Verdict};

use super::gather::{OfRoute, Report};
use crate::term::{self, Tone, dollars, paint};

/// Costs are shown for so many requests.
const MANY: f64 = 1_000.0;

pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    if report.routes.is_empty() {
        term::say("no request that let a route choose has ended: send some with `model: \"auto\"`")?;
    }
    for route in &report.routes {
        for line in lines(route, report.equal_within) {
            term::say(line)?;
        }
    }
    if report.unreadable > 0 {
        term::note(format_args!(
            "{} requests are left out: their decisions were dropped for room or are of a form this program does not know",
            report.unreadable
        ));
    }
    Ok(())
}

fn lines(route: &OfRoute, equal_within: f64) -> Vec<String> {
    let found = &route.findings;
    let mut lines = vec![format!(
        "{}: {} requests, {} answered\n{} open to chance: {} drawn by it, {} scored",
        paint(Tone::Strong, &route.route),
        route.requests,
        route.answered,
        found.decisions,
        found.drawn,
        found.scored,
    )];
    lines.push(paid(route));
    if found.constants.is_empty() {
        lines.push(
            "the random slice has drawn of nothing: the route says `explore: 0` or 1, or has one target"
                .to_owned(),
        );
        return lines;
    }
    let mut table = term::table(
        &["always", "differs", "scored", "quality", "routing's gain", "cost*", "routing saves*"],
        &[1, 2, 3, 4, 5, 6],
    );
    table.add_row(vec![
        "(routing)".to_owned(),
        String::new(),
        String::new(),
        found
            .quality
            .filter(|_| found.scored >= ENOUGH)
            .map_or("-".to_owned(), |quality| format!("{quality:.3}")),
        String::new(),
        found.cost_usd.map_or("-".to_owned(), |cost| money(cost * MANY)),
        String::new(),
    ]);
    for constant in &found.constants {
        table.add_row(row(constant));
    }
    lines.push(term::text_of(&table));
    lines.push(format!(
        "* dollars for {MANY} requests; [from,to]: 95 %; scored: n of those chance sent there; -: too few"
    ));
    lines.extend(too_few(route));
    lines.push(verdict(route, equal_within));
    lines
}

fn paid(route: &OfRoute) -> String {
    let unpriced = match route.unpriced {
        0 => String::new(),
        some => format!("; {some} without a known price"),
    };
    let (paid, baseline) = (route.paid_usd, route.baseline_usd);
    if route.baseline.is_empty() || baseline <= 0.0 {
        return format!("no baseline with a price, so what was saved is not known{unpriced}");
    }
    let names = route.baseline.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    format!(
        "paid {}; the same tokens at {names}: {}\n{} saved ({:.0} %), an estimate{unpriced}",
        dollars(paid),
        dollars(baseline),
        dollars(baseline - paid),
        (1.0 - paid / baseline) * 100.0
    )
}

fn row(constant: &Constant) -> Vec<String> {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let gain = |quality: Compared| {
        let Interval { value, lo, hi } = quality.difference;
        format!("{value:+.3} [{lo:+.2},{hi:+.2}]")
    };
    let saves = |cost: Compared| {
        let Interval { value, lo, hi } = cost.difference;
        format!("{} [{},{}]", signed(-value * MANY), signed(-hi * MANY), signed(-lo * MANY))
    };
    vec![
        constant.target.to_string(),
        format!("{:.0} %", constant.apart * 100.0),
        format!("{}/{}", constant.scored, constant.drawn),
        or_dash(constant.quality.map(|quality| format!("{:.3}", quality.constant))),
        or_dash(constant.quality.map(gain)),
        or_dash(constant.cost_usd.map(|cost| money(cost.constant * MANY))),
        or_dash(constant.cost_usd.map(saves)),
    ]
}

/// With few enough digits that an interval fits a table.
fn money(usd: f64) -> String {
    let decimals = match usd.abs() {
        ..0.1 => 4,
        ..10.0 => 2,
        _ => 0,
    };
    format!("{usd:.decimals$}")
}

fn signed(usd: f64) -> String {
    let shown = money(usd);
    if usd > 0.0 { format!("+{shown}") } else { shown }
}

/// What is missing for a comparison of quality.
fn too_few(route: &OfRoute) -> Option<String> {
    let found = &route.findings;
    let lacking = found.constants.iter().filter(|constant| constant.quality.is_none());
    let few = lacking.min_by_key(|constant| constant.scored)?;
    let hint = if few.drawn < ENOUGH {
        "more requests, or a larger `explore` for a while"
    } else {
        "scores by POST /v1/feedback"
    };
    Some(format!(
        "too few scores for quality: {} of the {} drawn for {}, {ENOUGH} are needed\nwhat helps: {hint}",
        few.scored, few.drawn, few.target
    ))
}

fn verdict(route: &OfRoute, equal_within: f64) -> String {
    match &route.findings.verdict {
        Verdict::DoNotRoute(target) => paint(
            Tone::Bad,
            format_args!(
                "do not route, use {target}: as good or better (within {equal_within}) and no dearer, by the intervals"
            ),
        ),
        Verdict::Route => {
            paint(Tone::Good, "route: against each single model it is better or cheaper, by the intervals")
        }
        Verdict::Open => "not decided: the intervals are too wide to prefer routing or one model".to_owned(),
        Verdict::TooFew => "not decided: cost alone is known".to_owned(),
    }
}

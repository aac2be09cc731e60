//! Records to findings, a route each.

use std::collections::BTreeMap;

use pointsman_kernel::{Asked, Decision, Money, RouteId, Status, TargetId};
use pointsman_learn::offpolicy::{Findings, Slice};
use pointsman_store::{Choice, Query, Store};
use serde::Serialize;

/// What the ledger says.
#[derive(Serialize)]
pub(super) struct Report {
    /// Routes by name.
    pub(super) routes: Vec<OfRoute>,
    /// Requests whose decision was dropped for room or cannot be read: they are in no figure.
    pub(super) unreadable: u64,
    /// What differences count as none.
    pub(super) equal_within: f64,
}

/// What it says of one route.
#[derive(Serialize)]
pub(super) struct OfRoute {
    pub(super) route: RouteId,
    /// Requests that asked the route to choose, and ended.
    pub(super) requests: u64,
    /// Of these, answered to their end.
    pub(super) answered: u64,
    /// The route's baselines, as its decisions name them.
    pub(super) baseline: Vec<TargetId>,
    /// Dollars paid for requests whose cost is known at the baseline too.
    pub(super) paid_usd: f64,
    /// Dollars that the same tokens would have cost at the baseline: an estimate.
    pub(super) baseline_usd: f64,
    /// Requests without a known cost.
    pub(super) unpriced: u64,
    /// From the random slice.
    #[serde(flatten)]
    pub(super) findings: Findings,
}

#[derive(Default)]
struct Gathered {
    requests: u64,
    answered: u64,
    baseline: Vec<TargetId>,
    paid: Money,
    at_baseline: Money,
    unpriced: u64,
    slice: Slice,
}

/// Reads all that ended.
///
/// # Errors
/// The ledger cannot be read.
pub(super) fn report(store: &dyn Store, query: &Query, equal_within: f64) -> anyhow::Result<Report> {
    let mut routes: BTreeMap<RouteId, Gathered> = BTreeMap::new();
    let mut unreadable = 0;
    store.choices(query, &mut |choice| match choice.decision() {
        Ok(Some(decision)) if decision.signals.asked == Asked::Auto => {
            routes.entry(decision.route.clone()).or_default().add(&choice, &decision);
        }
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => unreadable += 1,
    })?;
    let routes = routes.into_iter().map(|(route, gathered)| gathered.of(route, equal_within)).collect();
    Ok(Report { routes, unreadable, equal_within })
}

impl Gathered {
    fn add(&mut self, choice: &Choice, decision: &Decision) {
        self.requests += 1;
        self.answered += u64::from(choice.status == Status::Ok);
        self.unpriced += u64::from(choice.cost.is_none());
        if let (Some(cost), Some(at_baseline)) = (choice.cost, choice.baseline_cost) {
            self.paid += cost;
            self.at_baseline += at_baseline;
        }
        if let Some(baseline) = decision.goal.baseline.as_ref().filter(|name| !self.baseline.contains(name)) {
            self.baseline.push(baseline.clone());
        }
        self.slice.add(decision, choice.cost.map(Money::usd), choice.score);
    }

    fn of(self, route: RouteId, equal_within: f64) -> OfRoute {
        OfRoute {
            route,
            requests: self.requests,
            answered: self.answered,
            baseline: self.baseline,
            paid_usd: self.paid.usd(),
            baseline_usd: self.at_baseline.usd(),
            unpriced: self.unpriced,
            findings: self.slice.findings(equal_within),
        }
    }
}

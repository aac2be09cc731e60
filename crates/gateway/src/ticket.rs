//! One request's place in the ledger, from its arrival to its one outcome.
//!
//! Whatever happens to a request, its ticket is dropped in the end; if nobody settled it before, the drop does, as
//! aborted: hyper drops the handler, and with it the ticket, when a client hangs up.

use std::sync::Arc;
use std::time::Instant;

use pointsman_backends::{AttemptLog, Conversation, Tally};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{
    Attempt, CallError, Decision, DecisionId, ErrorKind, Money, Origin, Outcome, Phase, Retry, SessionId,
    Status, TargetId, Tenant, Usage,
};
use pointsman_store::{Entry, Opening};

use crate::agents::{RouteAgents, first};
use crate::app::App;
use crate::ask::Decided;
use crate::auth::Caller;
use crate::snapshot::Snapshot;

/// A request's place in the ledger. See the module.
pub struct Ticket {
    app: Arc<App>,
    snapshot: Arc<Snapshot>,
    entry: Option<Entry>,
    decision: Arc<Decision>,
    /// Attempts end up here, settled by whoever holds them.
    pub log: AttemptLog,
    arrived: Instant,
    /// The tenant is known by a key.
    keyed: bool,
    /// Who was asked first, and the version of the conversation's way to go on from.
    agents: Option<Arc<RouteAgents>>,
    course: Option<u64>,
    overhead_us: u64,
    first_byte_us: Option<u64>,
    /// Fields a translation dropped.
    pub lossy: Vec<String>,
}

/// What a request cost and saved, as its answer's headers tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Over all attempts.
    pub cost: Option<Money>,
    /// The same tokens at the baseline.
    pub baseline: Option<Money>,
}

/// What is known of a request before its ticket is drawn.
pub struct Arrival {
    /// When it came, for durations.
    pub arrived: Instant,
    /// When it came, by the clock.
    pub at: Timestamp,
    /// Its decision's id.
    pub id: DecisionId,
}

impl Ticket {
    /// Draws a ticket for a request that was decided on.
    pub fn draw(
        app: &Arc<App>,
        snapshot: &Arc<Snapshot>,
        caller: &Caller,
        arrival: &Arrival,
        decided: Decided,
        opening: (Arc<str>, bool, Option<String>),
    ) -> Self {
        let (model, stream, prompt) = opening;
        let decision = decided.decision;
        let entry = app.ledger.begin(Opening {
            id: arrival.id.clone(),
            started: arrival.at,
            tenant: caller.tenant.clone(),
            key: caller.key.clone(),
            model,
            stream,
            session: decision.facts.session.as_ref().map(|session| session.id.clone()),
            prompt,
        });
        entry.decided(Arc::clone(&decision));
        app.telemetry.in_flight.inc();
        Self {
            app: Arc::clone(app),
            snapshot: Arc::clone(snapshot),
            entry: Some(entry),
            decision,
            log: AttemptLog::default(),
            arrived: arrival.arrived,
            keyed: caller.key.is_some(),
            agents: decided.route.agents.clone(),
            course: None,
            overhead_us: micros(arrival.arrived),
            first_byte_us: None,
            lossy: Vec::new(),
        }
    }

    /// The same, of a conversation whose way among the agents has this version.
    #[must_use]
    pub fn on_course(mut self, version: Option<u64>) -> Self {
        self.course = version;
        self
    }

    /// The decision.
    pub fn decision(&self) -> &Arc<Decision> {
        &self.decision
    }

    /// The conversation, for targets that keep one of their own.
    pub fn conversation(&self) -> Option<Conversation> {
        let session = self.decision.facts.session.as_ref()?;
        Some(Conversation {
            tenant: self.decision.facts.tenant.as_str().into(),
            session: session.id.as_str().into(),
            keyed: self.keyed,
        })
    }

    /// Microseconds from the arrival to the first call.
    pub fn overhead_us(&self) -> u64 {
        self.overhead_us
    }

    /// The first byte of an answer is there.
    pub fn first_byte(&mut self) {
        if self.first_byte_us.is_none() {
            self.first_byte_us = Some(micros(self.arrived));
        }
    }

    /// Settles the request: the one outcome. Every attempt must have been settled before.
    pub fn settle(
        &mut self,
        status: Status,
        target: Option<&TargetId>,
        tally: Option<&Tally>,
        error: Option<CallError>,
    ) -> Bill {
        let Some(entry) = self.entry.take() else { return Bill::default() };
        let attempts = self.log.take();
        let usage = attempts.iter().map(|attempt| attempt.usage).reduce(Usage::plus).unwrap_or_default();
        let bill = self.bill(&attempts, target, usage);
        let as_of = target
            .and_then(|id| self.snapshot.targets.get(id))
            .and_then(|served| served.prices_as_of.clone());
        let outcome = Outcome {
            status,
            target: target.cloned(),
            attempts: u16::try_from(attempts.len()).unwrap_or(u16::MAX),
            usage,
            cost: bill.cost,
            baseline_cost: bill.baseline,
            prices_as_of: as_of.filter(|_| bill.cost.is_some()).map(|date| date.to_string()),
            finish: tally.and_then(|tally| tally.finish.clone()),
            first_byte_us: self.first_byte_us,
            total_us: micros(self.arrived),
            overhead_us: self.overhead_us,
            lossy: std::mem::take(&mut self.lossy),
            error,
        };
        self.arrive(status, target, &attempts);
        let by_agent =
            |id: &TargetId| self.agents.as_ref().is_some_and(|agents| agents.registry().get(id).is_some());
        let pinned = target.filter(|id| !by_agent(id));
        if let (Status::Ok, Some(session), Some(target)) = (status, &self.decision.facts.session, pinned) {
            let (tenant, id): (Tenant, SessionId) = (self.decision.facts.tenant.clone(), session.id.clone());
            self.app.sessions.answered(tenant, id, target.clone());
        }
        self.app.telemetry.ended(&self.decision.route, &attempts, &outcome);
        self.app.telemetry.in_flight.dec();
        entry.finish(attempts, outcome);
        bill
    }

    /// What the request means for its conversation's way among the agents.
    fn arrive(&mut self, status: Status, target: Option<&TargetId>, attempts: &[Attempt]) {
        let Some(agents) = &self.agents else { return };
        let (app, decision) = (&self.app, &self.decision);
        let masked = agents.masked_dispatches(decision, attempts);
        app.telemetry.first_stage(&decision.route, decision.agents.as_ref(), target, masked);
        if let Some(version) = self.course.take() {
            let answered = target.filter(|_| status == Status::Ok);
            first::arrive(&app.courses, decision, version, answered, attempts, app.clock.now());
        }
    }

    /// What the attempts cost together. Unknown when the answering one's is; one that failed without a count of tokens
    /// adds nothing, since nothing is known of it.
    fn bill(&self, attempts: &[Attempt], target: Option<&TargetId>, usage: Usage) -> Bill {
        let answered = attempts.iter().rev().find(|attempt| Some(&attempt.target) == target);
        let cost = match answered {
            Some(attempt) => attempt.cost.map(|_| attempts.iter().filter_map(|attempt| attempt.cost).sum()),
            None => Some(attempts.iter().filter_map(|attempt| attempt.cost).sum()),
        };
        let baseline = self.decision.goal.baseline.as_ref().and_then(|id| self.snapshot.targets.get(id));
        let baseline = baseline.and_then(|served| served.target.price).filter(|_| answered.is_some());
        Bill {
            cost,
            baseline: baseline.map(|p| p.cost(usage.input, usage.cached, usage.cache_written, usage.output)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.entry.is_some() {
            let error = CallError {
                kind: ErrorKind::ClientGone,
                origin: Origin::Client,
                phase: if self.first_byte_us.is_some() { Phase::MidStream } else { Phase::BeforeByte },
                retry: Retry::Never,
                status: None,
                detail: "the client left before the answer was complete".to_owned(),
                code: None,
            };
            self.settle(Status::Aborted, None, None, Some(error));
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

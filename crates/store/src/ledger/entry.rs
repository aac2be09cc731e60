//! A request's reserved place, and what the writer sees of it.

use std::mem::size_of;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use pointsman_kernel::call_error::{CallError, ErrorKind, Origin, Phase, Retry};
use pointsman_kernel::{Attempt, Decision, DecisionId, Dropped, Estimate, Outcome, Ranked, Status, Usage};
use serde_json::value::RawValue;

use crate::change::{Change, DecisionText, End};
use crate::error::StoreError;
use crate::ledger::health::Counters;
use crate::ledger::queue::Shared;
use crate::record::{Opening, StoredRecord};
use crate::sqlite::lock;

/// A request's place in the ledger. Finish it with the outcome; dropped without, it records a failure.
pub struct Entry {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    finished: bool,
}

/// What is known of a request and how much of it is in the store.
pub(super) struct Slot {
    pub(super) opening: Opening,
    pub(super) hash: u64,
    state: Mutex<State>,
}

struct State {
    row: Row,
    /// It is in the queue, or will be put back there.
    queued: bool,
    prompt: Option<Arc<str>>,
    decision: Option<Arc<Decision>>,
    end: Option<(Vec<Attempt>, Outcome)>,
}

/// What the store has of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    Nothing,
    Open,
    Closed,
    /// It was dropped, or the store refused it.
    Refused,
}

/// What the writer has to do about a slot.
#[expect(clippy::large_enum_variant, reason = "made to be moved into a batch at once")]
pub(super) enum Step<'a> {
    Write(Change<'a>),
    /// It is young and runs: the next turn is soon enough.
    Later,
    Nothing,
}

/// What memory has of a record.
pub(super) struct Peek {
    pub(super) record: StoredRecord,
    /// The store has a part of it.
    pub(super) in_store: bool,
}

impl Entry {
    pub(super) fn begin(shared: &Arc<Shared>, mut opening: Opening) -> Self {
        let mut prompt = opening.prompt.take().filter(|_| shared.options.keep_prompts).map(Arc::<str>::from);
        if prompt.as_ref().is_some_and(|prompt| !shared.reserve(prompt.len())) {
            prompt = None;
            Counters::count(&shared.counters.dropped_detail);
        }
        let hash = shared.hash(&opening.id);
        let state = State { row: Row::Nothing, queued: true, prompt, decision: None, end: None };
        let slot = Arc::new(Slot { opening, hash, state: Mutex::new(state) });
        if !shared.admit(&slot) {
            Counters::count(&shared.counters.dropped);
            slot.refuse(shared);
        }
        Self { slot, shared: Arc::clone(shared), finished: false }
    }

    /// Which request this is.
    #[must_use]
    pub fn id(&self) -> &DecisionId {
        &self.slot.opening.id
    }

    /// Adds the decision. Once a request; a later call replaces what the store does not have yet.
    pub fn decided(&self, decision: Arc<Decision>) {
        let mut state = lock(&self.slot.state);
        if state.row == Row::Refused {
            return;
        }
        if !self.shared.reserve(weight(&decision)) {
            Counters::count(&self.shared.counters.dropped_detail);
            return;
        }
        let before = state.decision.replace(decision);
        let queued = std::mem::replace(&mut state.queued, true);
        drop(state);
        if let Some(before) = before {
            self.shared.release(weight(&before));
        }
        if !queued {
            self.shared.again(&self.slot);
        }
    }

    /// Adds the calls and the outcome, and with that the record is complete.
    pub fn finish(mut self, attempts: Vec<Attempt>, outcome: Outcome) {
        self.end(attempts, outcome);
    }

    fn end(&mut self, attempts: Vec<Attempt>, outcome: Outcome) {
        self.finished = true;
        let mut state = lock(&self.slot.state);
        if state.row == Row::Refused {
            return;
        }
        state.end = Some((attempts, outcome));
        let queued = std::mem::replace(&mut state.queued, true);
        drop(state);
        if !queued {
            self.shared.again(&self.slot);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.finished {
            let outcome = unfinished(&self.slot.opening);
            self.end(Vec::new(), outcome);
        }
    }
}

impl Slot {
    /// What is to be written. Until [`Slot::settle`] says it was, the same will be said again.
    pub(super) fn step(&self, may_wait: bool, keep_text: bool) -> Result<Step<'_>, serde_json::Error> {
        let mut state = lock(&self.state);
        if may_wait && state.row == Row::Nothing && state.end.is_none() {
            return Ok(Step::Later);
        }
        state.queued = false;
        let is_new = state.row == Row::Nothing;
        let over = matches!(state.row, Row::Closed | Row::Refused);
        if over || (!is_new && state.decision.is_none() && state.end.is_none()) {
            return Ok(Step::Nothing);
        }
        Ok(Step::Write(Change {
            opening: &self.opening,
            is_new,
            prompt: state.prompt.clone(),
            decision: state.decision.as_ref().map(|d| DecisionText::of(d, keep_text)).transpose()?,
            end: state.end.as_ref().map(|(attempts, outcome)| End::of(attempts, outcome)).transpose()?,
        }))
    }

    /// The store has what was to be written. Says whether it was the record's first.
    pub(super) fn settle(&self, change: &Change<'_>, shared: &Shared) -> bool {
        let mut state = lock(&self.state);
        let first =
            std::mem::replace(&mut state.row, if change.end.is_some() { Row::Closed } else { Row::Open })
                == Row::Nothing;
        let prompt = state.prompt.take_if(|_| change.prompt.is_some());
        let decision = state.decision.take_if(|_| change.decision.is_some());
        drop(state);
        release(shared, prompt, decision);
        first
    }

    /// Nothing more of it will be written.
    pub(super) fn refuse(&self, shared: &Shared) {
        let mut state = lock(&self.state);
        state.row = Row::Refused;
        let (prompt, decision) = (state.prompt.take(), state.decision.take());
        drop(state);
        release(shared, prompt, decision);
    }

    /// The record as far as memory has it; nothing where it was refused.
    pub(super) fn peek(&self, keep_text: bool) -> Result<Option<Peek>, StoreError> {
        let opening = &self.opening;
        let state = lock(&self.state);
        if state.row == Row::Refused {
            return Ok(None);
        }
        let in_store = state.row != Row::Nothing;
        let (prompt, decision, end) = (state.prompt.clone(), state.decision.clone(), state.end.clone());
        drop(state);
        let decision = decision
            .map(|decision| {
                let text = DecisionText::of(&decision, keep_text)?;
                RawValue::from_string(text.json)
            })
            .transpose()
            .map_err(|source| StoreError::Record { id: opening.id.to_string(), part: "decision", source })?;
        let (attempts, outcome) = end.map_or((Vec::new(), None), |(attempts, end)| (attempts, Some(end)));
        let record = StoredRecord {
            id: opening.id.clone(),
            started: opening.started,
            tenant: opening.tenant.clone(),
            key: opening.key.clone(),
            model: Arc::clone(&opening.model),
            stream: opening.stream,
            session: opening.session.clone(),
            prompt: prompt.as_deref().map(str::to_owned),
            decision,
            attempts,
            outcome,
            // Whoever gives feedback waits until the record is written, so it is never here alone.
            feedback: None,
        };
        Ok(Some(Peek { record, in_store }))
    }
}

fn release(shared: &Shared, prompt: Option<Arc<str>>, decision: Option<Arc<Decision>>) {
    let bytes = prompt.map_or(0, |prompt| prompt.len()) + decision.map_or(0, |decision| weight(&decision));
    shared.release(bytes);
}

/// About how many bytes a decision holds. The same for the same decision, always.
fn weight(decision: &Decision) -> usize {
    size_of::<Decision>()
        + decision.estimates.list.len() * size_of::<Estimate>()
        + decision.ranking.0.len() * size_of::<Ranked>()
        + decision.dropped.len() * size_of::<Dropped>()
        + (decision.signals.vector.len() + decision.signals.features.len()) * size_of::<f32>()
        + decision.signals.words.len() * size_of::<(u16, f32)>()
}

/// What is recorded of a request that nobody finished.
fn unfinished(opening: &Opening) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let now = u64::try_from(now).unwrap_or(u64::MAX);
    Outcome {
        status: Status::Failed,
        target: None,
        attempts: 0,
        usage: Usage::default(),
        cost: None,
        baseline_cost: None,
        prices_as_of: None,
        finish: None,
        first_byte_us: None,
        total_us: now.saturating_sub(opening.started.0),
        overhead_us: 0,
        lossy: Vec::new(),
        error: Some(CallError {
            kind: ErrorKind::Internal,
            origin: Origin::Gateway,
            phase: Phase::BeforeByte,
            retry: Retry::Never,
            status: None,
            detail: "the gateway gave this request up without an outcome; please report it".to_owned(),
            code: None,
        }),
    }
}

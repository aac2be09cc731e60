//! One question to one target: from the journal where it was answered before, else through the gateway's backend, within
//! the budget, tried again as the failure says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pointsman_backends::{Call, Failure, Forwarded, ReplyBody, Task};
use pointsman_encode::stable_hash;
use pointsman_gateway::ask::Request;
use pointsman_gateway::snapshot::Snapshot;
use pointsman_kernel::{CallError, ErrorKind, Money, Origin, Phase, Retry};
use serde_json::{Value, json};

use super::budget::Budget;
use super::journal::{Answer, Journal};
use super::targets::Profiled;

/// Calls made for one question at most.
const TRIES: u32 = 4;
/// What is waited for after a first failure that names no time; doubled with each.
const PAUSE: Duration = Duration::from_millis(500);
/// A target that wants to be left alone for longer is left to the next run.
const PATIENCE: Duration = Duration::from_secs(60);
/// Questions in a row that a target failed, after which it is asked no more.
const GIVEN_UP: u32 = 5;
/// Tokens that a request has beside its text, at most.
const FRAME_TOKENS: u64 = 64;

/// Asks.
pub(crate) struct Asker {
    pub(crate) snapshot: Arc<Snapshot>,
    journal: Arc<Journal>,
    budget: Budget,
    max_output: u32,
    states: Mutex<HashMap<String, Arc<State>>>,
}

/// What has been learned of a target in this run.
#[derive(Default)]
struct State {
    /// Nobody is to call it before.
    rests_until: Mutex<Option<Instant>>,
    /// Questions failed in a row.
    failed: AtomicU32,
    /// Tokens of its longest answer: some targets write more than they are told to.
    longest: AtomicU32,
    /// It knows the limit of an answer by its old name alone.
    old_name: AtomicBool,
    trouble: Mutex<Option<String>>,
}

/// One question.
pub(crate) struct Question<'a> {
    /// The prompt it belongs to.
    pub(crate) prompt: &'a str,
    pub(crate) messages: &'a Value,
    pub(crate) max_output: u32,
    /// Tells a second asking of the same from the first.
    pub(crate) round: u32,
}

/// What came of it.
pub(crate) enum Asked {
    /// An answer, paid for now or before.
    Answered(Answer),
    /// None, after all tries.
    Failed,
    /// Not asked: the cap does not allow it, or the target has been given up.
    Skipped,
}

impl Asker {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        journal: Arc<Journal>,
        budget: Budget,
        max_output: u32,
    ) -> Self {
        Self { snapshot, journal, budget, max_output, states: Mutex::default() }
    }

    /// Tokens that an answer to a prompt may have.
    pub(crate) fn max_output(&self) -> u32 {
        self.max_output
    }

    /// What was spent, earlier runs included.
    pub(crate) fn spent(&self) -> Money {
        self.budget.spent()
    }

    /// What went wrong last with each target that had trouble.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let mut troubles: Vec<String> = states
            .values()
            .filter_map(|state| state.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect();
        troubles.sort_unstable();
        troubles
    }

    /// Whether the answer is in the journal.
    pub(crate) fn knows(&self, target: &Profiled, question: &Question<'_>) -> bool {
        self.journal.answer(&key(target, question)).is_some()
    }

    /// Asks.
    ///
    /// # Errors
    /// The journal cannot be written: nothing more may be paid for then.
    pub(crate) async fn ask(&self, target: &Profiled, question: &Question<'_>) -> anyhow::Result<Asked> {
        let call = key(target, question);
        if let Some(answer) = self.journal.answer(&call) {
            return Ok(Asked::Answered(answer));
        }
        let state = self.state(target);
        for attempt in 0..TRIES {
            state.rest().await;
            if state.failed.load(Ordering::Relaxed) >= GIVEN_UP {
                return Ok(Asked::Skipped);
            }
            let body = self.body(target, question, &state);
            let longest = question.max_output.max(state.longest.load(Ordering::Relaxed));
            let at_most = worst(target, &body, longest);
            if !self.budget.set_aside(at_most).await {
                state.had("the cap is reached");
                return Ok(Asked::Skipped);
            }
            if let Err(fault) = self.journal.began(&call, question.prompt, target.id(), at_most) {
                self.budget.settle(at_most, Money::ZERO);
                return Err(fault);
            }
            match self.call(target, body).await {
                Ok(answer) => {
                    let length = u32::try_from(answer.output_tokens).unwrap_or(u32::MAX);
                    state.longest.fetch_max(length, Ordering::Relaxed);
                    self.budget.settle(at_most, answer.cost.unwrap_or(Money::ZERO));
                    self.journal.answered(&call, &answer)?;
                    state.failed.store(0, Ordering::Relaxed);
                    return Ok(Asked::Answered(answer));
                }
                Err(failure) => {
                    let cost = if may_be_billed(&failure) { at_most } else { Money::ZERO };
                    self.budget.settle(at_most, cost);
                    self.journal.failed(&call, cost, &failure.error.detail)?;
                    state.had(&failure.error.detail);
                    if !state.tries_again(&failure, attempt) {
                        break;
                    }
                }
            }
        }
        state.failed.fetch_add(1, Ordering::Relaxed);
        Ok(Asked::Failed)
    }

    async fn call(&self, target: &Profiled, body: Vec<u8>) -> Result<Answer, Failure> {
        let started = Instant::now();
        let request = Request::parse(body.into()).map_err(|refusal| {
            // What is sent was made here: a fault in it is a prompt's, and says where.
            refused(refusal.error.message)
        })?;
        let call = Call {
            task: Task::Chat,
            strict: false,
            input_tokens: None,
            deadlines: self.snapshot.deadlines,
            headers: Forwarded::default(),
            // Each prompt stands alone.
            conversation: None,
            body: request.body,
            head: request.head,
        };
        let reply = target.0.backend.call(call).await?;
        let ReplyBody::Full(body, tally) = reply.body else {
            return Err(refused("an answer came as a stream though none was asked for"));
        };
        let usage = tally.usage;
        let cost = target
            .price()
            .map(|price| price.cost(usage.input, usage.cached, usage.cache_written, usage.output));
        Ok(Answer {
            text: text_of(&body),
            finish: tally.finish,
            cost,
            input_tokens: usage.input,
            output_tokens: usage.output,
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn body(&self, target: &Profiled, question: &Question<'_>, state: &State) -> Vec<u8> {
        let limit =
            if state.old_name.load(Ordering::Relaxed) { "max_tokens" } else { "max_completion_tokens" };
        let body = json!({"model": target.id(), "messages": question.messages, limit: question.max_output});
        body.to_string().into_bytes()
    }

    fn state(&self, target: &Profiled) -> Arc<State> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(target.id().to_owned()).or_default())
    }
}

impl State {
    async fn rest(&self) {
        loop {
            let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(left) = until.map(|until| until.saturating_duration_since(Instant::now())) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn had(&self, trouble: &str) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble.to_owned());
    }

    /// What the failure says may be done: whether to call again, after the rest that it sets.
    fn tries_again(&self, failure: &Failure, attempt: u32) -> bool {
        let error = &failure.error;
        // The limit of an answer has two names. Newer APIs refuse the old one, older ones the new one.
        if error.kind == ErrorKind::Rejected && !self.old_name.swap(true, Ordering::Relaxed) {
            return true;
        }
        let after = match error.retry {
            Retry::Never | Retry::Elsewhere => return false,
            Retry::Same { .. } | Retry::Other { .. } => error.retry.wait().max(PAUSE * 2_u32.pow(attempt)),
        };
        if after > PATIENCE {
            self.failed.store(GIVEN_UP, Ordering::Relaxed);
            return false;
        }
        if attempt + 1 < TRIES {
            let until = Instant::now() + after;
            let mut rests = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
            *rests = Some(rests.map_or(until, |other| other.max(until)));
        }
        true
    }
}

/// A call that is not made, or an answer that cannot be read.
fn refused(detail: impl Into<String>) -> Failure {
    let error = CallError {
        kind: ErrorKind::Internal,
        origin: Origin::Gateway,
        phase: Phase::BeforeSend,
        retry: Retry::Never,
        status: None,
        detail: detail.into(),
        code: None,
    };
    Failure { error, said: None, shown: false }
}

/// The most that a call can cost: no token is shorter than a byte, and no answer longer than `max_output`.
pub(crate) fn worst(target: &Profiled, body: &[u8], max_output: u32) -> Money {
    let input = body.len() as u64 + FRAME_TOKENS;
    let Some(price) = target.price() else { return Money::ZERO };
    // What is written to a cache may cost more than what is not.
    let plain = price.cost(input, 0, 0, u64::from(max_output));
    plain.max(price.cost(input, 0, input, u64::from(max_output)))
}

/// An answer may have been made, and charged for, though it never came.
fn may_be_billed(failure: &Failure) -> bool {
    let error = &failure.error;
    let said_no = error.status.is_some_and(|status| status >= 400);
    error.phase != Phase::BeforeSend && !said_no
}

/// A name for the call, the same in every run.
fn key(target: &Profiled, question: &Question<'_>) -> String {
    let parts = [
        target.id(),
        &target.0.model,
        &question.max_output.to_string(),
        &question.round.to_string(),
        &question.messages.to_string(),
    ];
    format!("{:016x}", stable_hash(parts.join("\u{1f}").as_bytes()))
}

/// The text of the first choice; what a refusal says is an answer too.
fn text_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(message) = body.pointer("/choices/0/message") else { return String::new() };
    let content = message.get("content").unwrap_or(&Value::Null);
    let parts = |parts: &Vec<Value>| {
        let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
        texts.collect::<Vec<_>>().concat()
    };
    content
        .as_str()
        .map(str::to_owned)
        .or_else(|| content.as_array().map(parts))
        .or_else(|| message.get("refusal")?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

//! Targets without a socket: they answer by a script, at a set pace, and fail as told. For the demo, for chaos runs and
//! for tests; through the same [`Backend`] as any other target.
//!
//! What a script answers depends on the prompt and the seed alone, and it says that it is simulated. Faults follow the
//! number of the call. They look to a plan as they would from an upstream.

mod answer;
mod paced;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode};
use pointsman_kernel::{ErrorKind, Phase, TargetId};
use pointsman_wire::ApiError;

use crate::call::{Backend, Call, Reply, ReplyBody, Tally, Task};
use crate::exchange::micros;
use crate::failure::Failure;
use crate::stream::ReplyStream;

use answer::Text;
pub(crate) use paced::Paced;

/// How a scripted target behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// From the call to the first token.
    pub first_token: Duration,
    /// From one token to the next; also what a whole answer waits for.
    pub per_token: Duration,
    /// What it says.
    pub answer: Answer,
    /// Whether it reports usage; where not, usage is estimated.
    pub reports_usage: bool,
    /// Changes what is answered to the same prompt.
    pub seed: u64,
    /// What goes wrong, and when. The first rule that fits a call holds.
    pub faults: Vec<FaultRule>,
}

/// What a scripted target says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Words drawn by the prompt's hash, this many.
    Simulated(RangeInclusive<u32>),
    /// Always this, a token a word.
    Fixed(String),
}

/// A fault and the calls it befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// Which calls.
    pub when: When,
    /// What happens to them.
    pub fault: Fault,
}

/// Some of a target's calls. They count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All of them.
    Always,
    /// So many from the start.
    First(u64),
    /// Each so-manieth.
    Every(u64),
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection.
    Refuse,
    /// This status, and perhaps a wish to be left alone.
    Status {
        /// The status.
        status: u16,
        /// Milliseconds of `Retry-After`.
        retry_after_ms: Option<u64>,
    },
    /// Nothing comes, ever.
    Hang,
    /// The head comes this much later.
    Slow(Duration),
    /// The stream breaks after so many tokens; a whole answer breaks before any of it has come.
    CutAfter(u32),
    /// The stream stops after so many tokens and stays open.
    StallAfter(u32),
    /// The stream ends after its tokens, without a `finish_reason`.
    NoFinish,
    /// A page of HTML with status 200.
    Html,
    /// Half a JSON object with status 200.
    BrokenJson,
}

/// A target that answers by a script.
#[derive(Debug)]
pub struct Scripted {
    served: TargetId,
    script: Script,
    calls: AtomicU64,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            first_token: Duration::ZERO,
            per_token: Duration::ZERO,
            answer: Answer::Simulated(12..=60),
            reports_usage: true,
            seed: 0,
            faults: Vec::new(),
        }
    }
}

impl When {
    fn fits(self, call: u64) -> bool {
        match self {
            Self::Always => true,
            Self::First(calls) => call <= calls,
            Self::Every(calls) => calls > 0 && call.is_multiple_of(calls),
        }
    }
}

impl Scripted {
    /// A target that clients call `served`.
    #[must_use]
    pub fn new(served: TargetId, script: Script) -> Self {
        Self { served, script, calls: AtomicU64::new(0) }
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    async fn answer(&self, call: Call) -> Result<Reply, Failure> {
        let started = Instant::now();
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = self.script.faults.iter().find(|rule| rule.when.fits(number)).map(|rule| rule.fault);
        let name = self.served.as_str();
        if call.task == Task::Agent {
            return Err(Failure::no_agent(name));
        }
        if call.task != Task::Chat {
            let detail = format!("{name} has no embeddings: ask another model");
            return Err(Failure::unfit(ErrorKind::Rejected, detail, None));
        }
        if fault == Some(Fault::Refuse) {
            return Err(Failure::connect(name, "refused by its script"));
        }
        let text = Text::new(name, &self.script, &call);
        let streamed = call.head.stream;
        let mut wait = self.script.first_token;
        if !streamed {
            wait += self.script.per_token * text.words().saturating_sub(1);
        }
        if let Some(Fault::Slow(more)) = fault {
            wait += more;
        }
        let deadline =
            call.deadlines.total.map_or(call.deadlines.head, |total| total.min(call.deadlines.head));
        let hangs = fault == Some(Fault::Hang) || wait > deadline;
        if !wait.is_zero() || hangs {
            tokio::time::sleep(if hangs { deadline } else { wait }).await;
        }
        if hangs {
            return Err(Failure::timeout(name, Phase::BeforeByte, "did not begin an answer in time"));
        }
        if let Some(failure) = fault.and_then(|fault| before_byte(name, fault, streamed)) {
            return Err(failure);
        }
        let head_us = micros(started.elapsed());
        if streamed {
            let paced = Paced::new(name, text, &self.script, fault, &call);
            let body = ReplyBody::Stream(ReplyStream::paced(paced));
            return Ok(Reply::new(HeaderValue::from_static("text/event-stream"), body, head_us));
        }
        let tally = Tally {
            usage: text.usage(text.words()),
            finish: Some(text.finish().to_owned()),
            done: true,
            text_events: 1,
        };
        let body = ReplyBody::Full(text.whole(), tally);
        Ok(Reply::new(HeaderValue::from_static("application/json"), body, head_us))
    }
}

impl Backend for Scripted {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply, Failure>> {
        self.answer(call).boxed()
    }
}

/// The failures that come before a stream's first token, or instead of a whole answer.
fn before_byte(name: &str, fault: Fault, streamed: bool) -> Option<Failure> {
    match fault {
        Fault::Status { status, retry_after_ms } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut headers = HeaderMap::new();
            if let Some(wish) = retry_after_ms {
                headers.insert("retry-after-ms", HeaderValue::from(wish));
            }
            let said = ApiError { message: "simulated fault".into(), ..ApiError::default() };
            Some(Failure::status(name, status, &headers, Some(said)))
        }
        Fault::Html => Some(Failure::protocol(name, Phase::BeforeByte, "answered with text/html")),
        Fault::BrokenJson => {
            Some(Failure::protocol(name, Phase::BeforeByte, "answered in something else than JSON"))
        }
        Fault::CutAfter(tokens) if !streamed || tokens == 0 => {
            Some(Failure::cut(name, Phase::BeforeByte, "broke the connection"))
        }
        Fault::StallAfter(tokens) if !streamed || tokens == 0 => {
            Some(Failure::timeout(name, Phase::BeforeByte, "stopped before its answer began"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

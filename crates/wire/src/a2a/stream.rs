//! An agent's events as a stream of chat completion chunks.
//!
//! Artifacts are the answer, what the agent says meanwhile goes to `reasoning_content`. The chunk with `finish_reason`
//! waits for the task's end, or for the question it waits with, so that a stream which is cut never looks finished.

use bytes::Bytes;

use super::fold::{End, Fold, Piece};
use super::passage::read;
use super::rpc::{self, Fault};
use super::{Method, Version};
use crate::json::{Object, write_string};
use crate::lossy::Lossy;
use crate::neutral::{ApiError, Finish};
use crate::openai;
use crate::openai::chat::{Chunks, StreamEnd, StreamFault};
use crate::sse;

/// The state of one stream in translation.
#[derive(Clone, Debug)]
pub struct TaskStream {
    version: Version,
    chunks: Chunks,
    fold: Fold,
    started: bool,
    ended: Option<Ended>,
    finish: Option<Finish>,
    text_bytes: usize,
    text_events: usize,
    /// The answer so far, where a whole one is wanted.
    kept: Option<Kept>,
}

/// A whole answer in the making.
#[derive(Clone, Debug, Default)]
struct Kept {
    answer: String,
    progress: String,
}

#[derive(Clone, Debug)]
enum Ended {
    Stopped,
    Error(ApiError),
    Fault(StreamFault),
}

impl TaskStream {
    /// A stream of an agent that speaks `version`, for a client that calls it `served`; `created` is the time in seconds
    /// since 1970. `id` names the completion. `include_usage` is what the client asked for.
    #[must_use]
    pub fn new(version: Version, served: &str, id: &str, created: u64, include_usage: bool) -> Self {
        Self {
            version,
            chunks: Chunks::new(served, id, created, include_usage),
            fold: Fold::default(),
            started: false,
            ended: None,
            finish: None,
            text_bytes: 0,
            text_events: 0,
            kept: None,
        }
    }

    /// The same for a client that wants the answer whole: [`Self::whole`] gives it at the end.
    #[must_use]
    pub fn keep(mut self) -> Self {
        self.kept = Some(Kept::default());
        self
    }

    /// Takes a block of whole events and returns the chunks to send, often none.
    pub fn observe(&mut self, block: Bytes) -> Bytes {
        let mut out = Vec::new();
        for said in sse::events(&block) {
            let Some(data) = &said.data else { continue };
            if self.ended.is_some() {
                break;
            }
            self.event(Method::Stream, data, said.terminated, &mut out);
        }
        Bytes::from(out)
    }

    /// Takes the answer of a method that does not stream, as one event of the stream: that to a message, or a later look
    /// at the task. The stream has ended unless the task goes on.
    pub fn observe_whole(&mut self, method: Method, body: &[u8]) -> Bytes {
        let mut out = Vec::new();
        if self.ended.is_none() {
            self.event(method, body, true, &mut out);
        }
        Bytes::from(out)
    }

    /// How the stream ended, once its body has. After [`StreamEnd::Error`] an error event has been sent; after
    /// [`StreamEnd::Broken`] it is for the gateway to send one.
    #[must_use]
    pub fn end(&self) -> StreamEnd {
        match &self.ended {
            Some(Ended::Stopped) => StreamEnd::Complete { done: true },
            Some(Ended::Error(error)) => StreamEnd::Error(error.clone()),
            Some(Ended::Fault(fault)) => StreamEnd::Broken(*fault),
            None => StreamEnd::Broken(StreamFault::Cut),
        }
    }

    /// How the answer ended.
    #[must_use]
    pub fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// Bytes of text so far, progress included.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Events so far that carried text.
    #[must_use]
    pub fn text_events(&self) -> usize {
        self.text_events
    }

    /// Whether `[DONE]` was sent.
    #[must_use]
    pub fn done(&self) -> bool {
        matches!(self.ended, Some(Ended::Stopped))
    }

    /// Whether nothing more will be sent: reading further is no use.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.ended.is_some()
    }

    /// What was lost so far.
    #[must_use]
    pub fn lossy(&self) -> &Lossy {
        &self.fold.lossy
    }

    /// How the task stands: context, task and state, as far as the agent has said.
    #[must_use]
    pub fn task(&self) -> (Option<&str>, Option<&str>, Option<&super::TaskState>) {
        (self.fold.context.as_deref(), self.fold.task.as_deref(), self.fold.state.as_ref())
    }

    /// How the task ended.
    #[must_use]
    pub fn task_end(&self) -> Option<&End> {
        self.fold.end.as_ref()
    }

    /// The task that goes on at the agent if nobody listens any more.
    #[must_use]
    pub fn open_task(&self) -> Option<&str> {
        self.fold.open_task()
    }

    /// The chat completion, of a stream that was kept and is done.
    #[must_use]
    pub fn whole(&self) -> Option<Vec<u8>> {
        let kept = self.kept.as_ref().filter(|_| self.done())?;
        let mut out = Vec::with_capacity(kept.answer.len() + kept.progress.len() + 256);
        self.chunks.whole(&mut out, |choice| {
            let mut message = Object::new(choice.key("message"));
            message.string("role", "assistant").string("content", &kept.answer).raw("refusal", b"null");
            if !kept.progress.is_empty() {
                message.string("reasoning_content", &kept.progress);
            }
            message.end();
            choice.raw("logprobs", b"null").string("finish_reason", Finish::Stop.name());
        });
        Some(out)
    }

    fn event(&mut self, method: Method, data: &[u8], terminated: bool, out: &mut Vec<u8>) {
        let said = rpc::result(data).and_then(rpc::value).and_then(|raw| read(raw, method, self.version));
        let said = match said {
            Ok(said) => said,
            Err(Fault::Told(error)) => return self.error(error, out),
            Err(Fault::Json(fault)) => {
                self.ended = Some(Ended::Fault(StreamFault::of_data(fault, terminated)));
                return;
            }
            Err(Fault::NotAnAnswer | Fault::Shape(_)) => {
                self.ended = Some(Ended::Fault(StreamFault::Foreign));
                return;
            }
        };
        for piece in self.fold.take(said) {
            self.piece(piece, out);
        }
        match self.fold.end.clone() {
            None => {}
            Some(End::Done | End::Waits(_)) => self.stop(out),
            Some(End::Failed(error)) => self.error(error, out),
        }
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<u8>) {
        let (name, text) = match &piece {
            Piece::Answer(text) => ("content", text),
            Piece::Progress(text) => ("reasoning_content", text),
        };
        self.text_bytes += text.len();
        self.text_events += 1;
        if let Some(kept) = &mut self.kept {
            match &piece {
                Piece::Answer(text) => kept.answer.push_str(text),
                Piece::Progress(text) => {
                    if !kept.progress.is_empty() {
                        kept.progress.push('\n');
                    }
                    kept.progress.push_str(text);
                }
            }
            return;
        }
        self.start(out);
        // Each word on progress is a line of its own.
        let line = if name == "reasoning_content" { format!("{text}\n") } else { text.clone() };
        self.chunks.delta(out, |delta| write_string(&line, delta.key(name)));
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            self.chunks.delta(out, |delta| {
                delta.string("role", "assistant").string("content", "");
            });
        }
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        self.ended = Some(Ended::Stopped);
        self.finish = Some(Finish::Stop);
        if self.kept.is_none() {
            self.start(out);
            self.chunks.stop(out, &Finish::Stop, None);
        }
    }

    fn error(&mut self, error: ApiError, out: &mut Vec<u8>) {
        if self.kept.is_none() {
            out.extend_from_slice(&openai::error::to_event(&error));
        }
        self.ended = Some(Ended::Error(error));
    }
}

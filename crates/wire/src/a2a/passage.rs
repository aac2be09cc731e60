//! What passes between an agent and a client that both speak A2A: as it is where they speak one version, brought into
//! the other's form where they do not; and read on the way, so that what is no A2A does not pass as an answer.

use a2a_types::{StreamResponse, Task};
use bytes::Bytes;
use serde_json::Value;

use super::fold::{Fold, Piece};
use super::rpc::{self, Fault, Id, result, value};
use super::{Method, Version, shape};
use crate::json::View;
use crate::neutral::ApiError;
use crate::openai::chat::{StreamEnd, StreamFault};
use crate::sse;

/// One stream on its way from an agent to a client.
#[derive(Clone, Debug)]
pub struct Passage {
    from: Version,
    to: Version,
    id: Id,
    /// What goes through is what came.
    verbatim: bool,
    fold: Fold,
    ended: Option<Ended>,
    /// What comes behind the end made no sense: nothing more is passed on.
    closed: bool,
    text_bytes: usize,
    text_events: usize,
}

#[derive(Clone, Debug)]
enum Ended {
    Whole,
    Error(ApiError),
    Fault(StreamFault),
}

/// The parameters of a method in another version's form.
///
/// # Errors
/// They are nested too deep to be read.
pub fn params(params: View<'_>, from: Version, to: Version) -> Result<Vec<u8>, Fault> {
    if from == to {
        return Ok(params.raw().to_vec());
    }
    let moved = shape::params(value(params)?, from, to);
    serde_json::to_vec(&moved).map_err(|fault| Fault::Shape(fault.to_string()))
}

/// A whole answer on its way.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What the client gets.
    pub body: Bytes,
    /// The context it belongs to.
    pub context: Option<String>,
    /// The task it tells of.
    pub task: Option<String>,
    /// Bytes of text in it.
    pub text_bytes: usize,
}

/// A whole answer to `method`, from an agent of one version to a client of another, under the client's id. `verbatim`:
/// the agent answered under that id already.
///
/// # Errors
/// It is no answer, an error, or not what the method promises.
pub fn whole(
    body: &Bytes,
    method: Method,
    (from, to): (Version, Version),
    id: &Id,
    verbatim: bool,
) -> Result<Passed, Fault> {
    let raw = value(result(body)?)?;
    let mut fold = Fold::default();
    let pieces = fold.take(read(raw.clone(), method, from)?);
    let text_bytes = pieces.iter().map(|(Piece::Answer(text) | Piece::Progress(text))| text.len()).sum();
    let body = match from == to && verbatim {
        true => body.clone(),
        false => answer(&move_result(raw, method, from, to), id)?.into(),
    };
    Ok(Passed { body, context: fold.context, task: fold.task, text_bytes })
}

/// Reads a result strictly.
pub(super) fn read(raw: Value, method: Method, version: Version) -> Result<StreamResponse, Fault> {
    let shaped = |fault: serde_json::Error| Fault::Shape(fault.to_string());
    let mut raw = move_result(raw, method, version, Version::V1);
    shape::forgive(&mut raw);
    match method {
        Method::Get | Method::Cancel => {
            serde_json::from_value::<Task>(raw).map(StreamResponse::Task).map_err(shaped)
        }
        _ => serde_json::from_value(raw).map_err(shaped),
    }
}

fn move_result(raw: Value, method: Method, from: Version, to: Version) -> Value {
    match method {
        Method::Get | Method::Cancel => shape::bare_task(raw, from, to),
        _ => shape::result(raw, from, to),
    }
}

fn answer(result: &Value, id: &Id) -> Result<Vec<u8>, Fault> {
    let result = serde_json::to_vec(result).map_err(|fault| Fault::Shape(fault.to_string()))?;
    let mut out = Vec::with_capacity(result.len() + 64);
    let mut answer = crate::json::Object::new(&mut out);
    answer.string("jsonrpc", "2.0").raw("id", id.json()).raw("result", &result).end();
    Ok(out)
}

impl Passage {
    /// From an agent of one version to a client of another. `verbatim`: the agent answers under the client's own id.
    #[must_use]
    pub fn new((from, to): (Version, Version), id: Id, verbatim: bool) -> Self {
        Self {
            from,
            to,
            id,
            verbatim: verbatim && from == to,
            fold: Fold::default(),
            ended: None,
            closed: false,
            text_bytes: 0,
            text_events: 0,
        }
    }

    /// Takes a block of whole events; gives what the client gets of it.
    pub fn observe(&mut self, block: Bytes) -> Bytes {
        let mut out = Vec::new();
        let mut clean = true;
        for said in sse::events(&block) {
            let Some(data) = &said.data else { continue };
            if self.closed || self.stopped() {
                clean = false;
                break;
            }
            match self.event(data) {
                // It was whole: what comes behind the end is no part of it.
                Err(_) if self.done() => {
                    self.closed = true;
                    clean = false;
                }
                Ok(moved) if !self.verbatim => sse::write_event(None, &moved, &mut out),
                Ok(_) => {}
                Err(Fault::Told(error)) => {
                    // The agent's own error, under the client's id.
                    let code = error.code.as_deref().and_then(|code| code.parse().ok());
                    let told = rpc::Error::new(code.unwrap_or(rpc::code::INTERNAL_ERROR), &*error.message);
                    out.extend_from_slice(&told.to_event(&self.id));
                    self.ended = Some(Ended::Error(error));
                }
                Err(fault) => {
                    let fault = match fault {
                        Fault::Json(fault) => StreamFault::of_data(fault, said.terminated),
                        _ => StreamFault::Foreign,
                    };
                    self.ended = Some(Ended::Fault(fault));
                    clean = false;
                    break;
                }
            }
        }
        let bad = self.ended.as_ref().is_some_and(|ended| matches!(ended, Ended::Fault(_)));
        if self.verbatim && clean && !bad { block } else { Bytes::from(out) }
    }

    /// How the stream ended, once its body has. One that closes between two events of a task that goes on is whole: the
    /// protocol lets an agent close it.
    #[must_use]
    pub fn end(&self) -> StreamEnd {
        match &self.ended {
            Some(Ended::Whole) => StreamEnd::Complete { done: true },
            Some(Ended::Error(error)) => StreamEnd::Error(error.clone()),
            Some(Ended::Fault(fault)) => StreamEnd::Broken(*fault),
            None => StreamEnd::Broken(StreamFault::Cut),
        }
    }

    /// Bytes of text so far.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Events so far that carried text.
    #[must_use]
    pub fn text_events(&self) -> usize {
        self.text_events
    }

    /// Whether all of it has come.
    #[must_use]
    pub fn done(&self) -> bool {
        matches!(self.ended, Some(Ended::Whole))
    }

    /// Whether reading further is no use.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| !matches!(ended, Ended::Whole))
    }

    /// The task and context it tells of.
    #[must_use]
    pub fn task(&self) -> (Option<&str>, Option<&str>) {
        (self.fold.context.as_deref(), self.fold.task.as_deref())
    }

    fn event(&mut self, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let raw = value(result(data)?)?;
        let said = read(raw.clone(), Method::Stream, self.from)?;
        for piece in self.fold.take(said) {
            let (Piece::Answer(text) | Piece::Progress(text)) = piece;
            self.text_bytes += text.len();
            self.text_events += 1;
        }
        // A failed task is an answer here: the client speaks the protocol and reads the state itself.
        if self.fold.end.is_some() {
            self.ended = Some(Ended::Whole);
        }
        if self.verbatim {
            return Ok(Vec::new());
        }
        answer(&move_result(raw, Method::Stream, self.from, self.to), &self.id)
    }
}

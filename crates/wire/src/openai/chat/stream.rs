//! Watching a streamed answer go by.
//!
//! [`ChatStream`] takes the blocks of an `sse::Splitter`, keeps account of what they say, and gives them back to be
//! sent on: the same bytes, `model` replaced where it differs. Two things it withholds, and all that follows them: an
//! event that is not JSON, and a `[DONE]` that comes before every choice has said how it ended, or after an error. So a
//! broken answer can never look whole.

use bytes::Bytes;

use super::answer::{generated_bytes, model_patch};
use super::usage::read_usage;
use crate::head;
use crate::json::{Cursor, JsonError, Span, Str};
use crate::neutral::{ApiError, Finish, Usage};
use crate::openai::error;
use crate::sse;

/// The state of one streamed answer.
#[derive(Clone, Debug, Default)]
pub struct ChatStream {
    served: Option<String>,
    hide_usage: bool,
    usage: Option<Usage>,
    finish: Option<Finish>,
    /// Choices by index, as bits: seen, and ended.
    seen: u128,
    ended: u128,
    text_bytes: usize,
    text_events: usize,
    error: Option<ApiError>,
    fault: Option<StreamFault>,
    done: bool,
    /// From a malformed event or an unearned `[DONE]` on nothing is sent any more.
    withheld: bool,
}

/// How a stream ended. Anything but `Complete` and `Error` is for the gateway to report with an error event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Every choice said how it ended. `done` tells whether `[DONE]` came too.
    Complete {
        /// Whether the stream closed with `[DONE]`.
        done: bool,
    },
    /// The upstream sent an error event, which has been passed on.
    Error(ApiError),
    /// The stream is broken.
    Broken(StreamFault),
}

/// What broke a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// It ended, or said `[DONE]`, before an answer had begun or every choice had a `finish_reason`.
    #[error("the stream ended before the answer did")]
    Cut,
    /// The data of an event is not JSON.
    #[error("an event of the stream is not valid JSON: {0}")]
    Malformed(#[from] JsonError),
    /// Arguments came for a content block that was never begun (Anthropic).
    #[error("the stream continues content block {0}, which it never began")]
    UnknownBlock(u64),
    /// An event is JSON, but none of the protocol's (A2A).
    #[error("an event of the stream is none of the protocol's")]
    Foreign,
}

/// What one event says. Spans are offsets into its data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChunkScan {
    /// The `model` string at the top level.
    pub model: Option<Str>,
    /// The tokens, if reported, also beside choices that are not empty.
    pub usage: Option<Usage>,
    /// The first `finish_reason` that is not `null`.
    pub finish: Option<Finish>,
    /// Indices of the choices in this event, as bits (the first 128).
    pub seen: u128,
    /// Indices of those that end here.
    pub ended: u128,
    /// Bytes of text, reasoning, refusal and tool calls.
    pub text_bytes: usize,
    /// Whether the event is an error.
    pub failed: bool,
}

impl StreamFault {
    /// What data that is not JSON says: broken, or, where the body ended in it, cut.
    pub(crate) fn of_data(fault: JsonError, terminated: bool) -> Self {
        if terminated { Self::Malformed(fault) } else { Self::Cut }
    }
}

impl ChatStream {
    /// A stream whose `model` is left as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream whose `model` shall name `served`.
    pub fn served_as(served: impl Into<String>) -> Self {
        Self { served: Some(served.into()), ..Self::default() }
    }

    /// Leaves out the event that has usage and no choices: for a client that did not ask for it where the gateway did.
    #[must_use]
    pub fn hide_usage(mut self) -> Self {
        self.hide_usage = true;
        self
    }

    /// Takes note of a block of whole events and returns what is to be sent on: mostly the block itself.
    pub fn observe(&mut self, block: Bytes) -> Bytes {
        let mut patches = Vec::new();
        for event in sse::events(&block) {
            if self.withheld {
                break;
            }
            let Some(data) = &event.data else { continue };
            if data.trim_ascii() == b"[DONE]" {
                if self.whole() && self.error.is_none() {
                    self.done = true;
                } else {
                    self.withheld = true;
                    patches.push((Span { start: event.start(), end: block.len() }, Vec::new()));
                }
                continue;
            }
            match scan_chunk(data) {
                Ok(scan) => {
                    let failed = scan.failed || event.name == Some(b"error");
                    if failed && self.error.is_none() {
                        self.error = Some(error::parse(data).unwrap_or_default());
                    }
                    self.add(&scan);
                    if self.hide_usage && scan.usage.is_some() && scan.seen == 0 && !failed {
                        patches.push((Span { start: event.start(), end: event.end }, Vec::new()));
                    } else if let (Some(served), Some(own)) = (&self.served, scan.model)
                        && !own.is(data, served)
                        && let Some(start) = event.offset_in_block(own.inner.start)
                    {
                        let inner = Span { start, end: start + own.inner.len() };
                        patches.push(model_patch(Str { inner, ..own }, served));
                    }
                }
                Err(fault) => {
                    // A client would stumble over it and never see the error event that follows.
                    self.fault = Some(StreamFault::of_data(fault, event.terminated));
                    self.withheld = true;
                    patches.push((Span { start: event.start(), end: block.len() }, Vec::new()));
                }
            }
        }
        if self.withheld && patches.is_empty() {
            return Bytes::new();
        }
        head::patch(&block, &mut patches)
    }

    /// How the stream ended, once its body has: also the rest of the splitter must have been observed.
    pub fn end(&self) -> StreamEnd {
        match (&self.error, self.fault) {
            (Some(error), _) => StreamEnd::Error(error.clone()),
            (None, Some(fault)) => StreamEnd::Broken(fault),
            (None, None) if self.whole() => StreamEnd::Complete { done: self.done },
            (None, None) => StreamEnd::Broken(StreamFault::Cut),
        }
    }

    /// The last usage reported, or `None`.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// How the answer ended: the first choice's reason that came.
    pub fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }

    /// Bytes of generated text so far, reasoning and tool calls included: the ground for an estimate when no usage comes.
    pub fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Events so far that carried generated text. The first one is the first token.
    pub fn text_events(&self) -> usize {
        self.text_events
    }

    /// Whether `[DONE]` has come and was passed on.
    pub fn done(&self) -> bool {
        self.done
    }

    /// Whether nothing more will be sent on: reading further is no use.
    pub fn stopped(&self) -> bool {
        self.withheld
    }

    /// Whether every choice that was seen has ended, and one was seen.
    pub fn whole(&self) -> bool {
        self.seen != 0 && self.seen & !self.ended == 0
    }

    fn add(&mut self, scan: &ChunkScan) {
        // Counts are running totals wherever they come more than once: the last one holds.
        self.usage = scan.usage.or(self.usage);
        if self.finish.is_none() {
            self.finish.clone_from(&scan.finish);
        }
        self.seen |= scan.seen;
        self.ended |= scan.ended;
        self.text_bytes += scan.text_bytes;
        self.text_events += usize::from(scan.text_bytes > 0);
    }
}

/// Checks and scans the data of one event.
///
/// # Errors
/// If it is not one JSON text.
pub fn scan_chunk(data: &[u8]) -> Result<ChunkScan, JsonError> {
    let mut cursor = Cursor::new(data);
    let mut scan = ChunkScan::default();
    if cursor.peek() != Some(b'{') {
        cursor.value()?;
        cursor.end()?;
        return Ok(scan);
    }
    let mut walk = cursor.object()?;
    while let Some(key) = cursor.next_key(&mut walk)? {
        match key.bytes(data).as_ref() {
            b"model" => scan.model = cursor.string_or_skip()?,
            b"usage" => scan.usage = read_usage(cursor.view()?).or(scan.usage),
            b"choices" if cursor.peek() == Some(b'[') => {
                let mut items = cursor.array()?;
                while cursor.next_item(&mut items)? {
                    choice(&mut cursor, &mut scan)?;
                }
            }
            b"error" => scan.failed |= !cursor.view()?.is_null(),
            b"object" => scan.failed |= cursor.view()?.is_str("error"),
            // Groq puts the usage of a stream here.
            b"x_groq" => {
                let usage = cursor.view()?.get("usage").and_then(read_usage);
                scan.usage = scan.usage.or(usage);
            }
            _ => {
                cursor.value()?;
            }
        }
    }
    cursor.end()?;
    Ok(scan)
}

fn choice(cursor: &mut Cursor<'_>, scan: &mut ChunkScan) -> Result<(), JsonError> {
    if cursor.peek() != Some(b'{') {
        return cursor.value().map(drop);
    }
    let data = cursor.bytes();
    let (mut index, mut ended) = (0, false);
    let mut walk = cursor.object()?;
    while let Some(key) = cursor.next_key(&mut walk)? {
        match key.bytes(data).as_ref() {
            b"index" => index = cursor.view()?.u64().unwrap_or(0).min(127),
            b"finish_reason" => {
                if let Some(reason) = cursor.string_or_skip()? {
                    ended = true;
                    let reason = Finish::parse(&reason.text(data));
                    scan.finish.get_or_insert(reason);
                }
            }
            b"delta" => scan.text_bytes += generated_bytes(cursor)?,
            // Moonshot puts the usage of a stream here.
            b"usage" => {
                let usage = read_usage(cursor.view()?);
                scan.usage = scan.usage.or(usage);
            }
            _ => {
                cursor.value()?;
            }
        }
    }
    let bit = 1u128 << index;
    scan.seen |= bit;
    if ended {
        scan.ended |= bit;
    }
    Ok(())
}

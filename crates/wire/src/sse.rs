//! Server-Sent Events (WHATWG HTML, section 9.2), as a codec that does not mind where chunks are cut.
//!
//! [`Splitter`] takes the chunks of a body and gives back blocks of whole events. The blocks, joined, are the body
//! byte for byte; a block that lies within one chunk is a slice of it, so passing a stream through copies only events
//! that two chunks share. [`events`] reads the events of a block. Any way of cutting a body into chunks gives the same
//! events.
//!
//! Deviations from the standard, all towards losing less: an event at the end of the body counts without its blank
//! line (marked so), and a byte order mark is skipped before any event, not only before the first.

mod event;
mod write;

use bytes::{Buf, Bytes, BytesMut};

pub use event::{Event, Events, events};
pub use write::{write_comment, write_event};

/// The limit for one event unless told otherwise: 8 MiB, beyond any known provider's largest event.
pub const DEFAULT_EVENT_LIMIT: usize = 8 << 20;

/// Cuts a body into blocks of whole events.
///
/// Invariant: `carry` holds the bytes since the last event's end, and the flags say how they end.
#[derive(Debug)]
pub struct Splitter {
    carry: BytesMut,
    limit: usize,
    /// Bytes of the event at hand so far: those in `carry`, but for a line feed that belongs to the event before.
    length: usize,
    /// Whether the line at hand is empty so far.
    line_empty: bool,
    /// Whether the last byte was a carriage return, so that a line feed belongs to it.
    after_return: bool,
    failed: bool,
}

/// What one chunk completed: at most a block that began in an earlier chunk, and a slice of this one; after them the
/// error, if an event is too long.
#[derive(Debug, Default)]
pub struct Blocks {
    joined: Option<Bytes>,
    whole: Option<Bytes>,
    error: Option<SseError>,
}

/// Why a body cannot be split further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// An event is longer than the limit.
    #[error("an event of the stream is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(DEFAULT_EVENT_LIMIT)
    }
}

impl Splitter {
    /// A splitter that refuses events of more than `limit` bytes, field names and line ends included.
    pub fn new(limit: usize) -> Self {
        Self {
            carry: BytesMut::new(),
            limit,
            length: 0,
            line_empty: true,
            after_return: false,
            failed: false,
        }
    }

    /// Takes the next chunk of the body. The blocks come in the body's order. After an error all further chunks give
    /// the same error.
    pub fn push(&mut self, mut chunk: Bytes) -> Blocks {
        let mut blocks = Blocks::default();
        if self.failed {
            blocks.error = Some(SseError::TooLong { limit: self.limit });
            return blocks;
        }
        // Only the first event can have begun earlier: its end is wanted apart from the last one's.
        let ends = self.scan(&chunk);
        if ends.too_long {
            self.failed = true;
            blocks.error = Some(SseError::TooLong { limit: self.limit });
        }
        let mut last = ends.last;
        if !self.carry.is_empty() && ends.last > 0 {
            self.carry.extend_from_slice(chunk.get(..ends.first).unwrap_or_default());
            chunk.advance(ends.first);
            last -= ends.first;
            blocks.joined = Some(self.carry.split().freeze());
        }
        if last > 0 {
            blocks.whole = Some(chunk.split_to(last));
        }
        if !self.failed {
            self.carry.extend_from_slice(&chunk);
        }
        blocks
    }

    /// The bytes behind the last whole event, at the end of the body: usually none. [`events`] reads them too.
    pub fn finish(self) -> Option<Bytes> {
        (!self.carry.is_empty()).then(|| self.carry.freeze())
    }

    /// How many bytes are held back because their event is not complete.
    pub fn held(&self) -> usize {
        self.carry.len()
    }

    fn scan(&mut self, chunk: &[u8]) -> Ends {
        let mut ends = Ends::default();
        // How much of the event at hand lies before this chunk, and where its part in this chunk begins.
        let mut before = self.length;
        let mut start = 0;
        let mut at = 0;
        while at < chunk.len() {
            if self.after_return {
                self.after_return = false;
                if chunk.get(at) == Some(&b'\n') {
                    at += 1;
                    // It belongs to the line end before it; where that ended an event, to that event.
                    if before == 0 && start == at - 1 {
                        start = at;
                        if ends.last > 0 {
                            ends.first = if ends.first == ends.last { at } else { ends.first };
                            ends.last = at;
                        }
                    }
                    continue;
                }
            }
            let rest = chunk.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.line_empty = false;
                break;
            };
            self.after_return = rest.get(found) == Some(&b'\r');
            let blank = found == 0 && self.line_empty;
            self.line_empty = true;
            at += found + 1;
            if before + (at - start) > self.limit {
                ends.too_long = true;
                return ends;
            }
            if blank {
                ends.last = at;
                if ends.first == 0 {
                    ends.first = at;
                }
                before = 0;
                start = at;
            }
        }
        self.length = before + (chunk.len() - start);
        ends.too_long = self.length > self.limit;
        ends
    }
}

#[derive(Default)]
struct Ends {
    /// Behind the first event that ends in the chunk; 0 if none does.
    first: usize,
    /// Behind the last one.
    last: usize,
    too_long: bool,
}

impl Iterator for Blocks {
    type Item = Result<Bytes, SseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.joined.take().or_else(|| self.whole.take());
        block.map(Ok).or_else(|| self.error.take().map(Err))
    }
}

#[cfg(test)]
mod tests;

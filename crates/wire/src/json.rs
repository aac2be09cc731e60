//! JSON read in place: a checking cursor, a borrowed view, strings decoded on demand.
//!
//! [`Cursor`] checks the full grammar of RFC 8259 in one pass without recursion and without building anything;
//! [`View`] walks bytes that a cursor has already accepted. Positions are byte offsets into the caller's buffer, so
//! a value can be replaced without touching its neighbours. Left out on purpose: number conversion beyond `u64` and
//! `f64`, and any check of UTF-8, which whoever owns the buffer does once for all of it.

mod cursor;
mod text;
mod view;
mod write;

use std::fmt;

pub use cursor::{Cursor, MAX_DEPTH, Walk};
pub use text::{decode, decoded_len, write_string};
pub use view::{Elements, Kind, Members, View};
pub(crate) use write::Object;

/// A half-open range of byte offsets into the buffer that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes of this span; empty if it does not lie inside `bytes`.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A JSON string by position: the span lies inside the quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Str {
    /// The characters between the quotes, still escaped.
    pub inner: Span,
    /// Whether there is any escape in it.
    pub escaped: bool,
}

impl Str {
    /// The string with its quotes.
    pub fn quoted(&self) -> Span {
        Span { start: self.inner.start.saturating_sub(1), end: self.inner.end.saturating_add(1) }
    }

    /// The decoded text, borrowed when nothing is escaped.
    pub fn text<'a>(&self, bytes: &'a [u8]) -> std::borrow::Cow<'a, str> {
        decode(self.inner.of(bytes))
    }

    /// The bytes of the decoded text: cheaper than [`Str::text`] where a key is matched.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        let raw = self.inner.of(bytes);
        if !self.escaped {
            return raw.into();
        }
        decode(raw).into_owned().into_bytes().into()
    }

    /// Whether the decoded text is `name`.
    pub fn is(&self, bytes: &[u8], name: &str) -> bool {
        let raw = self.inner.of(bytes);
        if self.escaped { decode(raw) == name } else { raw == name.as_bytes() }
    }
}

/// Where in a text something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// Byte offset from 0.
    pub byte: usize,
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of byte `at` in `bytes`. Reads all bytes before it: for errors only.
    pub fn of(bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or(bytes);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let characters = before.get(line_start..).unwrap_or_default();
        let column = characters.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + 1;
        Self { byte: before.len(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.byte)
    }
}

/// What is wrong with a JSON text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at {place}")]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// Where.
    pub place: Place,
}

/// The ways in which a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonFault {
    /// The text ends inside a value.
    Eof,
    /// Another byte stood where one of these had to.
    Expected(&'static str),
    /// A control character inside a string.
    ControlCharacter,
    /// A backslash followed by something that is no escape.
    Escape,
    /// A malformed number.
    Number,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Something follows the value.
    Trailing,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof => f.write_str("the text ends inside a value"),
            Self::Expected(what) => write!(f, "expected {what}"),
            Self::ControlCharacter => f.write_str("a control character in a string must be escaped"),
            Self::Escape => f.write_str("not an escape"),
            Self::Number => f.write_str("not a number"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
            Self::Trailing => f.write_str("unexpected text after the value"),
        }
    }
}

#[cfg(test)]
mod tests;

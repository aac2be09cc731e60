//! The checking cursor: one pass, no recursion, no allocation.
//!
//! Invariant: `at` only grows, and never passes the end of the bytes.

use super::{JsonError, JsonFault, Place, Span, Str, View};

/// How deep arrays and objects may nest. One bit of a `u128` remembers each open container.
pub const MAX_DEPTH: u32 = 128;

/// Reads JSON from the front of a byte slice and checks it on the way.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// The state of walking one array or object with [`Cursor::next_key`] or [`Cursor::next_item`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    started: bool,
    /// Offset of the comma before the current member, if there is one.
    pub comma: Option<usize>,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// The current offset.
    pub fn at(&self) -> usize {
        self.at
    }

    /// All the bytes this cursor reads from.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next byte that is not white space, without consuming it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        self.space();
        self.byte()
    }

    /// Enters an object.
    ///
    /// # Errors
    /// If the next value is no object, or lies too deep.
    pub fn object(&mut self) -> Result<Walk, JsonError> {
        self.open(b'{', "`{`")
    }

    /// Enters an array.
    ///
    /// # Errors
    /// If the next value is no array, or lies too deep.
    pub fn array(&mut self) -> Result<Walk, JsonError> {
        self.open(b'[', "`[`")
    }

    /// The next key of the object entered; the cursor then stands before its value, which the caller MUST consume.
    /// `None` at the end of the object.
    ///
    /// # Errors
    /// If the bytes are not JSON.
    pub fn next_key(&mut self, walk: &mut Walk) -> Result<Option<Str>, JsonError> {
        if !self.advance(walk, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let key = self.string("a string as key")?;
        self.colon()?;
        Ok(Some(key))
    }

    /// Whether another item of the array entered follows, which the caller then MUST consume.
    ///
    /// # Errors
    /// If the bytes are not JSON.
    pub fn next_item(&mut self, walk: &mut Walk) -> Result<bool, JsonError> {
        self.advance(walk, b']', "`,` or `]`")
    }

    /// Consumes one value of any kind and returns where it stands.
    ///
    /// # Errors
    /// If the bytes are not JSON, or nest too deep.
    pub fn value(&mut self) -> Result<Span, JsonError> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(Span { start, end: self.at })
    }

    /// Consumes one value and returns a view of it.
    ///
    /// # Errors
    /// If the bytes are not JSON, or nest too deep.
    pub fn view(&mut self) -> Result<View<'a>, JsonError> {
        Ok(View::trusted(self.value()?.of(self.bytes)))
    }

    /// Consumes a string if the next value is one, else any other value.
    ///
    /// # Errors
    /// If the bytes are not JSON, or nest too deep.
    pub fn string_or_skip(&mut self) -> Result<Option<Str>, JsonError> {
        if self.peek() == Some(b'"') {
            return self.string("a string").map(Some);
        }
        self.skip()?;
        Ok(None)
    }

    /// Consumes a string.
    ///
    /// # Errors
    /// If the next value is none, or it is malformed.
    pub fn string(&mut self, expected: &'static str) -> Result<Str, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected(expected));
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_run(self.rest());
            match self.byte() {
                Some(b'"') => {
                    let inner = Span { start, end: self.at };
                    self.at += 1;
                    return Ok(Str { inner, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fail(JsonFault::ControlCharacter)),
                None => return Err(self.fail(JsonFault::Eof)),
            }
        }
    }

    /// Checks that only white space is left.
    ///
    /// # Errors
    /// If anything else is.
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fail(JsonFault::Trailing)),
        }
    }

    /// An error at the current offset.
    pub fn fail(&self, fault: JsonFault) -> JsonError {
        JsonError { fault, place: Place::of(self.bytes, self.at) }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    fn expected(&self, what: &'static str) -> JsonError {
        self.fail(if self.byte().is_none() { JsonFault::Eof } else { JsonFault::Expected(what) })
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<Walk, JsonError> {
        if self.peek() != Some(bracket) {
            return Err(self.expected(expected));
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(JsonFault::TooDeep));
        }
        self.at += 1;
        self.depth += 1;
        Ok(Walk::default())
    }

    #[inline]
    fn advance(&mut self, walk: &mut Walk, close: u8, expected: &'static str) -> Result<bool, JsonError> {
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if walk.started {
            if next != Some(b',') {
                return Err(self.expected(expected));
            }
            walk.comma = Some(self.at);
            self.at += 1;
        }
        walk.started = true;
        Ok(true)
    }

    #[inline]
    fn colon(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let digits = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            Some(_) => return Err(self.fail(JsonFault::Escape)),
            None => return Err(self.fail(JsonFault::Eof)),
        };
        let hex = self.bytes.get(self.at + 2..self.at + 2 + digits);
        match hex {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => {
                self.at += 2 + digits;
                Ok(())
            }
            Some(_) => Err(self.fail(JsonFault::Escape)),
            None => Err(self.fail(JsonFault::Eof)),
        }
    }

    fn skip(&mut self) -> Result<(), JsonError> {
        // Bit `open - 1` says whether the innermost open container is an object.
        let mut objects: u128 = 0;
        let mut open: u32 = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string("a string")?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    if self.depth + open >= MAX_DEPTH {
                        return Err(self.fail(JsonFault::TooDeep));
                    }
                    self.at += 1;
                    // ASCII places each closing bracket two after its opening one.
                    if self.peek() == Some(bracket + 2) {
                        self.at += 1;
                    } else {
                        let bit = 1u128 << open;
                        objects = if bracket == b'{' { objects | bit } else { objects & !bit };
                        open += 1;
                        if bracket == b'{' {
                            self.string("a string as key or `}`")?;
                            self.colon()?;
                        }
                        continue;
                    }
                }
                Some(b't') => self.literal(b"true")?,
                Some(b'f') => self.literal(b"false")?,
                Some(b'n') => self.literal(b"null")?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => return Err(self.expected("a value")),
            }
            loop {
                if open == 0 {
                    return Ok(());
                }
                let in_object = objects & (1u128 << (open - 1)) != 0;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if in_object {
                            self.string("a string as key")?;
                            self.colon()?;
                        }
                        break;
                    }
                    Some(b'}') if in_object => {}
                    Some(b']') if !in_object => {}
                    _ => return Err(self.expected(if in_object { "`,` or `}`" } else { "`,` or `]`" })),
                }
                self.at += 1;
                open -= 1;
            }
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.fail(JsonFault::Expected("a value")))
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.fail(JsonFault::Number)),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fail(JsonFault::Number));
        }
        Ok(())
    }
}

/// How many bytes from the front are neither a quote, a backslash nor a control character.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    // Keys and short strings end within two words; long strings dominate large bodies and are taken in
    // blocks without a branch per byte, which compilers vectorise.
    let mut rest = bytes;
    let mut words = 0;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return bytes.len() - rest.len() + (hits.trailing_zeros() / 8) as usize;
        }
        rest = tail;
        words += 1;
        if words == 2 {
            while let Some((block, tail)) = rest.split_first_chunk::<32>() {
                if block
                    .iter()
                    .fold(false, |hit, &byte| hit | (byte == b'"') | (byte == b'\\') | (byte < 0x20))
                {
                    break;
                }
                rest = tail;
            }
        }
    }
    let tail = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    bytes.len() - rest.len() + tail.unwrap_or(rest.len())
}

/// Sets the top bit of each byte that is a quote, a backslash or a control character. Exact up to the first hit
/// from the low end (a borrow can only disturb higher bytes), which is all that is used.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let zero = |w: u64| w.wrapping_sub(ONES) & !w;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & TOPS
}

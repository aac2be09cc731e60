//! Reading the events of a block.

use std::borrow::Cow;

/// Reads the events of a block in order. Comments and blank lines between events are skipped.
pub fn events(block: &[u8]) -> Events<'_> {
    Events { block, at: 0 }
}

/// The events of a block. See [`events`].
#[derive(Clone, Debug)]
pub struct Events<'a> {
    block: &'a [u8],
    at: usize,
}

/// One event, or a group of comment lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The lines, without the blank one that ends them.
    lines: &'a [u8],
    /// Where `lines` begin in the block.
    start: usize,
    /// The value of the last `event` field.
    pub name: Option<&'a [u8]>,
    /// The values of the `data` fields, joined by newlines. `None` if there is none: then nothing is dispatched.
    pub data: Option<Cow<'a, [u8]>>,
    /// The value of the last `id` field.
    pub id: Option<&'a [u8]>,
    /// Where the event ends in the block, its blank line included.
    pub end: usize,
    /// Whether a blank line ended it; if not, the body ended first.
    pub terminated: bool,
}

impl<'a> Event<'a> {
    /// Where the event begins in the block.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The offset in the block of the byte that stands at `offset` in `data`, so that a value found in the data can be
    /// replaced in the block.
    pub fn offset_in_block(&self, offset: usize) -> Option<usize> {
        let mut left = offset;
        for (start, line) in Lines::new(self.lines) {
            let Some((b"data", value)) = field(line) else { continue };
            if left <= value.len() {
                return Some(self.start + start + (line.len() - value.len()) + left);
            }
            left -= value.len() + 1;
        }
        None
    }

    fn read(lines: &'a [u8], start: usize, end: usize, terminated: bool) -> Self {
        let mut event = Self { lines, start, name: None, data: None, id: None, end, terminated };
        for (_, line) in Lines::new(lines) {
            match field(line) {
                Some((b"data", value)) => match &mut event.data {
                    None => event.data = Some(Cow::Borrowed(value)),
                    Some(data) => {
                        let data = data.to_mut();
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                },
                Some((b"event", value)) => event.name = Some(value),
                Some((b"id", value)) if !value.contains(&0) => event.id = Some(value),
                _ => {}
            }
        }
        event
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(b'\n' | b'\r') = self.block.get(self.at) {
                self.at += 1;
            }
            let rest = self.block.get(self.at..).filter(|rest| !rest.is_empty())?;
            // The lines up to the first blank one.
            let mut lines = Lines::new(rest);
            let mut length = rest.len();
            let mut terminated = false;
            for (start, line) in lines.by_ref() {
                if line.is_empty() && start > 0 {
                    (length, terminated) = (start, true);
                    break;
                }
            }
            let whole = lines.at;
            let start = self.at;
            self.at += whole;
            let mark: &[u8] = b"\xEF\xBB\xBF";
            let body = rest.get(..length).unwrap_or_default();
            let skipped = if body.starts_with(mark) { mark.len() } else { 0 };
            let body = body.get(skipped..).unwrap_or_default();
            let event = Event::read(body, start + skipped, self.at, terminated);
            if event.data.is_some() || event.name.is_some() || event.id.is_some() {
                return Some(event);
            }
        }
    }
}

/// The lines of a text with their offsets, at LF, CR or CRLF. A text that ends in a line end has no line behind it.
#[derive(Clone, Debug)]
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        let length = memchr::memchr2(b'\n', b'\r', rest);
        let line = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let after = rest.get(line.len()..).unwrap_or_default();
        self.at += line.len() + if after.starts_with(b"\r\n") { 2 } else { usize::from(!after.is_empty()) };
        Some((start, line))
    }
}

/// A field's name and value; `None` for a comment.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = match memchr::memchr(b':', line) {
        None => return Some((line, &[])),
        Some(0) => return None,
        Some(colon) => colon,
    };
    let value = line.get(colon + 1..).unwrap_or_default();
    Some((line.get(..colon)?, value.strip_prefix(b" ").unwrap_or(value)))
}

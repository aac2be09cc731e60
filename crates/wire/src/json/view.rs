//! A borrowed, lazy view of JSON that a cursor has already accepted.
//!
//! A view never fails: on bytes that were not checked it ends early and answers `None`.

use std::borrow::Cow;

use super::{Cursor, JsonError, Str, Walk, decode};

/// One JSON value, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    raw: &'a [u8],
}

/// The kinds of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`, and what is no value at all.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// The members of an object in order, keys decoded.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    cursor: Cursor<'a>,
    walk: Option<Walk>,
}

/// The items of an array in order.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    cursor: Cursor<'a>,
    walk: Option<Walk>,
}

impl<'a> View<'a> {
    /// Checks `bytes` as one JSON text and views it.
    ///
    /// # Errors
    /// If the bytes are not JSON, or nest too deep.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(bytes);
        let view = cursor.view()?;
        cursor.end()?;
        Ok(view)
    }

    /// Views bytes that a cursor has accepted as one value.
    pub fn trusted(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The value's bytes, as they were sent.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The value's kind, from its first byte.
    pub fn kind(&self) -> Kind {
        match self.raw.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The still escaped inside of a string.
    pub fn str_raw(&self) -> Option<&'a [u8]> {
        self.raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// The text of a string.
    pub fn str(&self) -> Option<Cow<'a, str>> {
        self.str_raw().map(decode)
    }

    /// Whether this is the string `text`.
    pub fn is_str(&self, text: &str) -> bool {
        self.str().is_some_and(|own| own == text)
    }

    /// A boolean.
    pub fn bool(&self) -> Option<bool> {
        match self.raw {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// A whole number; one written with a fraction or exponent counts if it is whole (`1e3`, `5.0`).
    pub fn u64(&self) -> Option<u64> {
        if self.kind() != Kind::Number {
            return None;
        }
        let text = std::str::from_utf8(self.raw).ok()?;
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
            whole.then_some(number as u64)
        })
    }

    /// A number.
    pub fn f64(&self) -> Option<f64> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.raw).ok()?.parse().ok()
    }

    /// The value of a member. Of several with one name the last, as `serde_json`, Python and Go have it.
    pub fn get(&self, name: &str) -> Option<View<'a>> {
        let mut members = self.members();
        let mut found = None;
        while let Some((key, value)) = members.next_raw() {
            if key.is(self.raw, name) {
                found = Some(value);
            }
        }
        found
    }

    /// The members of an object; none for any other kind.
    pub fn members(&self) -> Members<'a> {
        let mut cursor = Cursor::new(self.raw);
        let walk = cursor.object().ok();
        Members { cursor, walk }
    }

    /// The items of an array; none for any other kind.
    pub fn elements(&self) -> Elements<'a> {
        let mut cursor = Cursor::new(self.raw);
        let walk = cursor.array().ok();
        Elements { cursor, walk }
    }
}

impl<'a> Members<'a> {
    /// The next member with its key by position in the object's bytes.
    pub fn next_raw(&mut self) -> Option<(Str, View<'a>)> {
        let key = self.cursor.next_key(self.walk.as_mut()?).ok()??;
        let value = self.cursor.view().ok()?;
        Some((key, value))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.next_raw()?;
        Some((key.text(self.cursor.bytes()), value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.next_item(self.walk.as_mut()?).ok()? { self.cursor.view().ok() } else { None }
    }
}

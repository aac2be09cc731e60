//! What a translation could not carry over.

use std::borrow::Cow;
use std::fmt;

/// The paths of the fields a translation dropped or weakened, each once, in the order they were met.
///
/// A path is dotted, with indices in brackets: `messages[2].content[0].audio`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lossy {
    fields: Vec<Cow<'static, str>>,
}

impl Lossy {
    /// Nothing lost.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one field.
    pub fn drop_field(&mut self, path: impl Into<Cow<'static, str>>) {
        let path = path.into();
        if !self.fields.contains(&path) {
            self.fields.push(path);
        }
    }

    /// Adds what another translation lost.
    pub fn extend(&mut self, other: Lossy) {
        for field in other.fields {
            self.drop_field(field);
        }
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The paths.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }
}

/// The paths joined by commas, as they stand in a header: visible ASCII only, other characters replaced by `?`.
impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for character in field.chars() {
                let safe = character.is_ascii_graphic() && character != ',';
                fmt::Write::write_char(f, if safe { character } else { '?' })?;
            }
        }
        Ok(())
    }
}

//! What a translation could not carry over.

use std::borrow::Cow;
use std::fmt;

/// The paths of the fields a translation dropped or weakened, each once, in the order they were met.
///
/// A path is dotted, with indices in brackets: `messages[2].content[0].audio`. Because it goes into a header and its
/// parts are the client's words, both the number of paths and their length are bounded; what is beyond is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lossy {
    fields: Vec<Cow<'static, str>>,
    more: usize,
}

/// How many paths are kept, and of how many bytes each.
const MOST_FIELDS: usize = 32;
const MOST_BYTES: usize = 96;

impl Lossy {
    /// Nothing lost.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one field.
    pub fn drop_field(&mut self, path: impl Into<Cow<'static, str>>) {
        let mut path = path.into();
        if path.len() > MOST_BYTES {
            let end = path.floor_char_boundary(MOST_BYTES);
            path.to_mut().truncate(end);
        }
        if self.fields.contains(&path) {
            return;
        }
        if self.fields.len() < MOST_FIELDS {
            self.fields.push(path);
        } else {
            self.more += 1;
        }
    }

    /// Adds what another translation lost.
    pub fn extend(&mut self, other: Lossy) {
        for field in other.fields {
            self.drop_field(field);
        }
        self.more += other.more;
    }

    /// Whether nothing was lost.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many fields were lost beyond those listed.
    pub fn more(&self) -> usize {
        self.more
    }

    /// The paths.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }
}

/// The paths joined by commas, as they stand in a header: visible ASCII only, other characters replaced by `?`, and at
/// the end `+N` where N more were lost.
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
        if self.more > 0 { write!(f, ",+{}", self.more) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_told_once_and_fits_a_header() {
        let mut lossy = Lossy::new();
        for path in ["n", "seed", "n", "é,\n"] {
            lossy.drop_field(path);
        }
        assert_eq!(lossy.to_string(), "n,seed,???");
        assert_eq!(lossy.fields().len(), 3);
    }

    #[test]
    fn a_hostile_body_cannot_make_it_long() {
        let mut lossy = Lossy::new();
        for field in 0..100_000 {
            lossy.drop_field(format!("{field}{}", "é".repeat(1000)));
        }
        assert_eq!(lossy.more(), 100_000 - MOST_FIELDS);
        assert!(lossy.to_string().len() < 4096);
        let mut sum = Lossy::new();
        sum.extend(lossy.clone());
        assert_eq!(sum, lossy);
    }
}

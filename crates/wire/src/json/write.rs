//! Writing JSON member by member, so that values which are carried over keep their spelling.

use super::write_string;

/// Writes one object into a buffer. It is opened at once; [`Object::end`] closes it.
#[derive(Debug)]
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Opens an object.
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a key and gives the buffer, to which exactly one value must be appended.
    pub(crate) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        write_string(name, self.out);
        self.out.push(b':');
        self.out
    }

    /// A member whose value is a string.
    pub(crate) fn string(&mut self, name: &str, text: &str) -> &mut Self {
        write_string(text, self.key(name));
        self
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &[u8]) -> &mut Self {
        self.key(name).extend_from_slice(json);
        self
    }

    /// A member whose value is a whole number.
    pub(crate) fn number(&mut self, name: &str, number: u64) -> &mut Self {
        let out = self.key(name);
        // Writing to a vector cannot fail.
        let _ = std::io::Write::write_fmt(out, format_args!("{number}"));
        self
    }

    /// Closes the object.
    pub(crate) fn end(&mut self) {
        self.out.push(b'}');
    }
}

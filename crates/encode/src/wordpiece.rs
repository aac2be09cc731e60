//! BERT's WordPiece over the uncased vocabulary that MiniLM and the static table share.
//!
//! Gives the ids that the reference tokeniser gives (normalise, split at white space and punctuation, greedy longest
//! match), special tokens left out: neither `[CLS]` nor `[SEP]` is added, and the same letters in a text are plain
//! text, so a prompt cannot smuggle one in. Cutting and padding are the caller's. Tested against goldens from the
//! reference.
//!
//! The vocabulary and the character classes are laid out as open-addressing tables by `tools/static_table`; nothing
//! is built at start, and only the pages that are touched become resident.

mod layout;

use std::sync::LazyLock;

use layout::{Class, Layout};

static BYTES: &[u8] = include_bytes!("../data/wordpiece-1.bin");

/// A longer word is one [`WordPiece::UNKNOWN`], as in the reference.
const MAX_WORD_CHARS: usize = 100;
/// No token of the vocabulary is longer.
const MAX_TOKEN_BYTES: usize = 18;

/// The tokeniser; one for the whole process.
#[derive(Debug)]
pub struct WordPiece {
    layout: Layout<'static>,
}

/// The word being read: normalised bytes, and a running hash so that a word that is a token costs one look-up.
struct Word {
    bytes: Vec<u8>,
    chars: usize,
    hash: u32,
}

impl WordPiece {
    /// Stands for a word that the vocabulary cannot spell.
    pub const UNKNOWN: u16 = 100;
    /// Starts a sequence, for models that want it.
    pub const CLS: u16 = 101;
    /// Ends a sequence, for models that want it.
    pub const SEP: u16 = 102;

    /// The tokeniser over the vocabulary in the binary.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the bytes are part of the build, and every test would fail first")]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<WordPiece> = LazyLock::new(|| WordPiece {
            layout: Layout::parse(BYTES)
                .expect("data/wordpiece-1.bin is whole; build it with tools/static_table"),
        });
        &EMBEDDED
    }

    /// How many ids there are; every id given is below.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.layout.tokens()
    }

    /// How a token is spelt, and whether it starts a word (else it continues one). Nothing for ids that no text brings.
    #[must_use]
    pub fn spelling(&self, id: u16) -> Option<(&'static str, bool)> {
        let bytes = self.layout.token(id)?;
        let hash = bytes.iter().fold(layout::HASH_START, |state, byte| layout::hash(state, *byte));
        let starts = self.layout.word(hash, bytes) == Some(id);
        if !starts && self.layout.continuation(hash, bytes) != Some(id) {
            return None;
        }
        Some((str::from_utf8(bytes).ok()?, starts))
    }

    /// Appends the ids of a text, and stops as soon as `ids` holds `limit` of them.
    ///
    /// The limit is for bounding work: what was appended is exactly the start of what would be without it.
    pub fn encode(&self, text: &str, limit: usize, ids: &mut Vec<u16>) {
        let mut word = Word::new();
        for char in text.chars() {
            if ids.len() >= limit {
                break;
            }
            match self.layout.class(char) {
                Class::Mapped => self.read_mapped(char, &mut word, ids),
                Class::Hangul => {
                    let (jamo, count) = hangul(char);
                    jamo.iter().take(count).for_each(|part| word.push(*part));
                }
                class => self.read(char, class, &mut word, ids),
            }
        }
        self.finish(&mut word, ids);
        ids.truncate(limit);
    }

    /// A character whose normal form is itself.
    fn read(&self, char: char, class: Class, word: &mut Word, ids: &mut Vec<u16>) {
        match class {
            Class::Drop => {}
            Class::Space => self.finish(word, ids),
            Class::Alone => {
                self.finish(word, ids);
                word.push(char);
                self.finish(word, ids);
            }
            Class::Keep | Class::Mapped | Class::Hangul => word.push(char),
        }
    }

    fn read_mapped(&self, char: char, word: &mut Word, ids: &mut Vec<u16>) {
        if char.is_ascii() {
            word.push(char.to_ascii_lowercase());
            return;
        }
        for char in self.layout.mapped(char).chars() {
            self.read(char, self.layout.class(char), word, ids);
        }
    }

    /// Emits the pieces of the word read so far and empties it.
    fn finish(&self, word: &mut Word, ids: &mut Vec<u16>) {
        if word.chars == 0 {
            return;
        }
        if word.chars > MAX_WORD_CHARS {
            ids.push(Self::UNKNOWN);
        } else if let Some(id) = self.layout.word(word.hash, &word.bytes) {
            ids.push(id);
        } else {
            self.spell(&word.bytes, ids);
        }
        word.clear();
    }

    /// Greedy longest match; a word with one part that cannot be matched is unknown as a whole.
    fn spell(&self, word: &[u8], ids: &mut Vec<u16>) {
        let before = ids.len();
        let mut rest = word;
        while !rest.is_empty() {
            let Some((id, length)) = self.longest(rest, ids.len() > before) else {
                ids.truncate(before);
                ids.push(Self::UNKNOWN);
                return;
            };
            ids.push(id);
            rest = rest.get(length..).unwrap_or_default();
        }
    }

    /// The longest token that starts `rest`. Hashes of all prefixes come from one pass; a prefix that ends
    /// within a character equals no token, so lengths in bytes are enough.
    fn longest(&self, rest: &[u8], continued: bool) -> Option<(u16, usize)> {
        let mut hashes = [0_u32; MAX_TOKEN_BYTES];
        let mut hash = layout::HASH_START;
        for (slot, byte) in hashes.iter_mut().zip(rest) {
            hash = layout::hash(hash, *byte);
            *slot = hash;
        }
        let longest = rest.len().min(MAX_TOKEN_BYTES);
        hashes.iter().enumerate().take(longest).rev().find_map(|(last, hash)| {
            let prefix = rest.get(..=last)?;
            let id = if continued {
                self.layout.continuation(*hash, prefix)
            } else {
                self.layout.word(*hash, prefix)
            };
            id.map(|id| (id, last + 1))
        })
    }
}

impl Word {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(64), chars: 0, hash: layout::HASH_START }
    }

    fn push(&mut self, char: char) {
        self.chars += 1;
        if self.chars > MAX_WORD_CHARS {
            return;
        }
        let mut buffer = [0; 4];
        for byte in char.encode_utf8(&mut buffer).bytes() {
            self.hash = layout::hash(self.hash, byte);
            self.bytes.push(byte);
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.chars = 0;
        self.hash = layout::HASH_START;
    }
}

/// A Hangul syllable's two or three jamo (Unicode 3.12, canonical decomposition by arithmetic).
fn hangul(syllable: char) -> ([char; 3], usize) {
    let index = u32::from(syllable).wrapping_sub(0xac00);
    let jamo = |base: u32, offset: u32| char::from_u32(base + offset).unwrap_or(char::REPLACEMENT_CHARACTER);
    let (lead, vowel, trail) = (index / 588, index % 588 / 28, index % 28);
    ([jamo(0x1100, lead), jamo(0x1161, vowel), jamo(0x11a7, trail)], if trail == 0 { 2 } else { 3 })
}

#[cfg(test)]
mod tests;

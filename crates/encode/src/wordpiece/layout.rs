//! The vocabulary file as it lies in the binary: views into its bytes, nothing copied.
//!
//! Written by `tools/static_table/formats.py`, which documents the order of the sections. Look-ups never fail: an
//! index out of range (a damaged file) reads as "not there".

const MAGIC: &[u8; 8] = b"PMWORDPC";
const VERSION: u32 = 1;
const EMPTY: u16 = u16::MAX;
const CODES_PER_BLOCK: usize = 64;
const BLOCKS_OF_UNICODE: usize = 0x11_0000 / CODES_PER_BLOCK;

/// Hash of no bytes; [`hash`] takes it on from there (FNV-1a, 32 bits).
pub(super) const HASH_START: u32 = 0x811c_9dc5;

/// What normalising and splitting do with a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Part of a word, unchanged.
    Keep,
    /// Vanishes: control characters, accents.
    Drop,
    /// Ends a word.
    Space,
    /// A word of its own: punctuation, CJK ideographs.
    Alone,
    /// Stands for other characters: capitals, letters with accents, compatibility forms.
    Mapped,
    /// Falls apart by arithmetic.
    Hangul,
}

#[derive(Debug)]
pub(super) struct Layout<'a> {
    words: Slots<'a>,
    continuations: Slots<'a>,
    offsets: &'a [[u8; 4]],
    tokens: &'a [u8],
    block_of: &'a [[u8; 2]],
    blocks: &'a [[u8; CODES_PER_BLOCK]],
    mapped_codes: &'a [[u8; 4]],
    mapped_offsets: &'a [[u8; 4]],
    mapped_texts: &'a str,
    ascii: [Class; 128],
}

#[derive(Debug)]
struct Slots<'a>(&'a [[u8; 2]]);

/// Takes sections off the front of the file.
struct Sections<'a>(&'a [u8]);

pub(super) fn hash(state: u32, byte: u8) -> u32 {
    (state ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

impl<'a> Layout<'a> {
    /// The views, or nothing where the file is not whole.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut sections = Sections(bytes);
        if sections.take(MAGIC.len())? != MAGIC || sections.number()? != VERSION as usize {
            return None;
        }
        let tokens = sections.number()?;
        let word_bits = sections.number()?;
        let continuation_bits = sections.number()?;
        let token_bytes = sections.number()?;
        let blocks = sections.number()?;
        let mapped = sections.number()?;
        let mapped_bytes = sections.number()?;
        let _sha256 = sections.take(32)?;
        let mut layout = Self {
            words: Slots(sections.chunks(1_usize.checked_shl(word_bits as u32)?)?),
            continuations: Slots(sections.chunks(1_usize.checked_shl(continuation_bits as u32)?)?),
            offsets: sections.chunks(tokens.checked_add(1)?)?,
            tokens: sections.take(token_bytes)?,
            block_of: sections.chunks(BLOCKS_OF_UNICODE)?,
            blocks: sections.chunks(blocks)?,
            mapped_codes: sections.chunks(mapped)?,
            mapped_offsets: sections.chunks(mapped.checked_add(1)?)?,
            mapped_texts: str::from_utf8(sections.take(mapped_bytes)?).ok()?,
            ascii: [Class::Drop; 128],
        };
        let mut ascii = [Class::Drop; 128];
        for (slot, char) in ascii.iter_mut().zip('\0'..) {
            *slot = layout.class_of_code(char);
        }
        layout.ascii = ascii;
        sections.0.is_empty().then_some(layout)
    }

    pub(super) fn tokens(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The class of a character; ASCII, the bulk of all text, takes one load.
    pub(super) fn class(&self, char: char) -> Class {
        match self.ascii.get(char as usize) {
            Some(class) => *class,
            None => self.class_of_code(char),
        }
    }

    fn class_of_code(&self, char: char) -> Class {
        let code = char as usize;
        let block =
            self.block_of.get(code / CODES_PER_BLOCK).map(|block| usize::from(u16::from_le_bytes(*block)));
        let classes = block.and_then(|block| self.blocks.get(block));
        match classes.and_then(|classes| classes.get(code % CODES_PER_BLOCK)) {
            Some(0) => Class::Keep,
            Some(2) => Class::Space,
            Some(3) => Class::Alone,
            Some(4) => Class::Mapped,
            Some(5) => Class::Hangul,
            _ => Class::Drop,
        }
    }

    /// What a character of class [`Class::Mapped`] stands for: characters of the other classes.
    pub(super) fn mapped(&self, char: char) -> &'a str {
        let code = u32::from(char);
        let found = self.mapped_codes.binary_search_by_key(&code, |bytes| u32::from_le_bytes(*bytes));
        let range = found.ok().and_then(|at| range_at(self.mapped_offsets, at));
        range.and_then(|range| self.mapped_texts.get(range)).unwrap_or_default()
    }

    /// The id of a token that starts a word.
    pub(super) fn word(&self, hash: u32, bytes: &[u8]) -> Option<u16> {
        self.words.find(hash, |id| self.token(id) == Some(bytes))
    }

    /// The id of a token that continues a word.
    pub(super) fn continuation(&self, hash: u32, bytes: &[u8]) -> Option<u16> {
        self.continuations.find(hash, |id| self.token(id) == Some(bytes))
    }

    /// The bytes of a token, without the mark of one that continues a word.
    pub(super) fn token(&self, id: u16) -> Option<&'a [u8]> {
        self.tokens.get(range_at(self.offsets, usize::from(id))?)
    }
}

impl Slots<'_> {
    /// Linear probing from the hash's slot to the first empty one; the tables are at most half full.
    fn find(&self, hash: u32, is_it: impl Fn(u16) -> bool) -> Option<u16> {
        let mask = self.0.len().wrapping_sub(1);
        let start = (hash ^ (hash >> 15)) as usize;
        for step in 0..self.0.len() {
            let id = u16::from_le_bytes(*self.0.get(start.wrapping_add(step) & mask)?);
            if id == EMPTY {
                return None;
            }
            if is_it(id) {
                return Some(id);
            }
        }
        None
    }
}

impl<'a> Sections<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (section, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(section)
    }

    fn number(&mut self) -> Option<usize> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    fn chunks<const N: usize>(&mut self, count: usize) -> Option<&'a [[u8; N]]> {
        let section = self.take(count.checked_mul(N)?)?;
        Some(section.as_chunks::<N>().0)
    }
}

fn range_at(offsets: &[[u8; 4]], index: usize) -> Option<std::ops::Range<usize>> {
    let at = |index: usize| offsets.get(index).map(|bytes| u32::from_le_bytes(*bytes) as usize);
    Some(at(index)?..at(index.checked_add(1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = super::super::BYTES;
        assert!(Layout::parse(whole).is_some());
        for length in [0, 7, 8, 40, 71, 72, 1000, 200_000, whole.len() - 1] {
            assert!(Layout::parse(&whole[..length]).is_none(), "{length} bytes were accepted");
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        assert!(Layout::parse(&longer).is_none());
    }

    #[test]
    fn a_file_of_another_kind_or_version_is_refused() {
        let mut other = super::super::BYTES.to_vec();
        other[0] ^= 1;
        assert!(Layout::parse(&other).is_none());
        let mut newer = super::super::BYTES.to_vec();
        newer[8] = 9;
        assert!(Layout::parse(&newer).is_none());
    }

    #[test]
    fn every_token_is_found_under_its_own_id() {
        let layout = Layout::parse(super::super::BYTES).unwrap();
        let mut found = 0;
        for id in 0..u16::try_from(layout.tokens()).unwrap() {
            let bytes = layout.token(id).unwrap();
            let hash = bytes.iter().fold(HASH_START, |state, byte| hash(state, *byte));
            if layout.word(hash, bytes) == Some(id) || layout.continuation(hash, bytes) == Some(id) {
                found += 1;
            }
        }
        // All but 5 special tokens and 994 that the vocabulary keeps unused.
        assert_eq!(found, layout.tokens() - 999);
    }
}

//! The encoder in the binary: one row of 256 numbers for each token, averaged.
//!
//! The rows are distilled from MiniLM's weights by `tools/static_table` (origin and changes: `data/NOTICE`). A
//! prompt costs a tokenisation and a few microseconds; word order is lost, and with it a few points of accuracy
//! against the model itself.
//!
//! At most 512 tokens count: of a longer text the first 256 and the last 256, for the reason given in [`crate::text`].
//! Tokens that the vocabulary does not know weigh nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::{EncodeError, Encoder, Features, HEAD_BYTES, TAIL_BYTES, Text, Vector, WordPiece, ends};

static BYTES: &[u8] = include_bytes!("../data/static-1.bin");

const MAGIC: &[u8; 8] = b"PMSTATIC";
const VERSION: u32 = 1;
/// Fixed, so that the inner loop has a length the compiler knows.
const DIMENSIONS: usize = 256;
const HEADER_BYTES: usize = 8 + 3 * 4 + 32;

/// Tokens that count at each end of a text.
const END_TOKENS: usize = 256;

/// The encoder in the binary: one row of 256 numbers for each token, averaged over at most 512 tokens.
#[derive(Debug)]
pub struct StaticTable {
    file: Cow<'static, [u8]>,
    /// Where the int8 rows start in `file`.
    rows_at: usize,
    scales: Vec<f32>,
    fingerprint: String,
}

/// A table file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Another kind of file, or another version of it.
    #[error("not a static table of version {VERSION}; write it with tools/static_table")]
    Kind,
    /// The table does not fit the tokeniser or this build.
    #[error(
        "the table has {rows} rows of {dimensions}, this build reads {expected} rows of {DIMENSIONS}; take a table made for it"
    )]
    Shape {
        /// Rows in the file.
        rows: usize,
        /// Values a row in the file.
        dimensions: usize,
        /// Tokens of the vocabulary.
        expected: usize,
    },
    /// The file ends early or goes on too long.
    #[error("the table has {found} bytes instead of {expected}; copy the file again")]
    Length {
        /// Bytes there are.
        found: usize,
        /// Bytes its header asks for.
        expected: usize,
    },
    /// The content is not what was written.
    #[error("the table's checksum does not match its content; copy the file again")]
    Checksum,
}

impl StaticTable {
    /// Its short name.
    pub const NAME: &'static str = "static-1";

    /// The table in the binary. The first call reads the header and the scales, well under a millisecond.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the bytes are part of the build, and every test would fail first")]
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<StaticTable> = LazyLock::new(|| {
            StaticTable::parse(Cow::Borrowed(BYTES))
                .expect("data/static-1.bin is whole; build it with tools/static_table")
        });
        &EMBEDDED
    }

    /// A table from a file's content, checksum verified.
    ///
    /// # Errors
    ///
    /// [`TableError`] where the content is not a whole, unchanged table for this build's vocabulary.
    pub fn from_bytes(file: Vec<u8>) -> Result<Self, TableError> {
        let table = Self::parse(Cow::Owned(file))?;
        if table.is_intact() { Ok(table) } else { Err(TableError::Checksum) }
    }

    /// The short name, the part of the fingerprint before the colon.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The length of its file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file.len() as u64
    }

    /// The ids whose rows are averaged for a text: at most 512.
    #[must_use]
    pub fn tokens(&self, text: &Text<'_>) -> Vec<u16> {
        let mut ids = Vec::with_capacity(2 * END_TOKENS);
        ends::encode(text, END_TOKENS, &mut ids);
        ids
    }

    fn parse(file: Cow<'static, [u8]>) -> Result<Self, TableError> {
        let number = |at: usize| {
            let bytes = file.get(at..).and_then(|rest| rest.first_chunk::<4>());
            bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(TableError::Kind)
        };
        if !file.starts_with(MAGIC) || number(8)? != VERSION {
            return Err(TableError::Kind);
        }
        let (rows, dimensions) = (number(12)? as usize, number(16)? as usize);
        let expected = WordPiece::embedded().vocabulary_size();
        if rows != expected || dimensions != DIMENSIONS {
            return Err(TableError::Shape { rows, dimensions, expected });
        }
        let rows_at = HEADER_BYTES + rows * 4;
        let length = rows_at + rows * DIMENSIONS;
        if file.len() != length {
            return Err(TableError::Length { found: file.len(), expected: length });
        }
        let scales = file.get(HEADER_BYTES..rows_at).unwrap_or_default().as_chunks::<4>().0;
        let scales = scales.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let fingerprint = fingerprint(file.get(..HEADER_BYTES).unwrap_or_default());
        Ok(Self { file, rows_at, scales, fingerprint })
    }

    fn is_intact(&self) -> bool {
        let (Some(written), Some(content)) =
            (self.file.get(HEADER_BYTES - 32..HEADER_BYTES), self.file.get(HEADER_BYTES..))
        else {
            return false;
        };
        Sha256::digest(content).as_slice() == written
    }
}

impl Encoder for StaticTable {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn encode(&self, text: &Text<'_>) -> Result<Vector, EncodeError> {
        let rows = self.file.get(self.rows_at..).unwrap_or_default().as_chunks::<DIMENSIONS>().0;
        let mut sum = Box::new([0.0_f32; DIMENSIONS]);
        for id in self.tokens(text) {
            let id = usize::from(id);
            if let (Some(row), Some(scale)) = (rows.get(id), self.scales.get(id)) {
                for (total, value) in sum.iter_mut().zip(row) {
                    *total += scale * f32::from(value.cast_signed());
                }
            }
        }
        // The mean and the sum differ by a factor that normalising takes out.
        Ok(Vector::normalised(sum))
    }
}

/// Everything a vector, and the features that a head reads beside it, depend on.
fn fingerprint(header: &[u8]) -> String {
    let limits = format!("mean, ends {HEAD_BYTES} {TAIL_BYTES} {END_TOKENS}, features {}", Features::VERSION);
    let digest = Sha256::new().chain_update(header).chain_update(limits).finalize();
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{short}", StaticTable::NAME)
}

#[cfg(test)]
mod tests;

//! Text to vector: the static table that ships in the binary, and readable prompt features.
//!
//! What a routing decision may know about a prompt without calling anything: a unit vector ([`Encoder`]), a list of
//! readable features ([`Features`]) and an estimate of its length in tokens ([`estimate_tokens`]). All of it is
//! computed over one bounded view of the conversation, [`Text`], so that the cost of a decision does not grow with
//! the prompt. The crate does no I/O, starts no thread and holds no state; everything it gives back is a pure
//! function of the text, the same on every platform that computes `f32` sums in the order written.
//!
//! Left out: language models, batching and anything that must be downloaded.

mod encoder;
mod features;
mod table;
mod text;
mod tokens;
mod wordpiece;

pub use encoder::{EncodeError, Encoder, Vector};
pub use features::Features;
pub use table::{StaticTable, TableError};
pub use text::{HEAD_BYTES, TAIL_BYTES, Text, stable_hash};
pub use tokens::estimate_tokens;
pub use wordpiece::WordPiece;

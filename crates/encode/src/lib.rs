//! Text to vector: the static table that ships in the binary, sentence encoders that are brought to a machine, and
//! readable prompt features.
//!
//! What a routing decision may know about a prompt without calling anything: a unit vector ([`Encoder`]), a list of
//! readable features ([`Features`]) and an estimate of its length in tokens ([`estimate_tokens`]). All of it is
//! computed over one bounded view of the conversation, [`Text`], so that the cost of a decision does not grow with
//! the prompt. What comes of a text is a pure function of it: the table, the features and the count are the same on every
//! platform that computes `f32` sums in the order written; a [`SentenceEncoder`]'s vectors differ by rounding between
//! processors and run times.
//!
//! I/O is confined to [`Installed`], which reads and writes files of one folder, and threads to [`Workers`] and to
//! encoding many texts at once.
//!
//! Left out: generative models, and bringing anything from a network.

pub mod convert;
mod encoder;
mod ends;
mod features;
pub mod installed;
pub mod manifest;
pub mod readings;
mod runtime;
mod sentence;
mod table;
mod text;
mod tokens;
mod wordpiece;
mod words;
mod workers;

pub use encoder::{EncodeError, Encoder, Vector};
pub use features::Features;
pub use installed::Installed;
pub use runtime::{RuntimeChoice, RuntimeError};
pub use sentence::{MAX_TOKENS, SentenceEncoder};
pub use table::{StaticTable, TableError};
pub use text::{HEAD_BYTES, TAIL_BYTES, Text, TextBuf, stable_hash};
pub use tokens::estimate_tokens;
pub use wordpiece::WordPiece;
pub use words::Words;
pub use workers::{Busy, Workers};

//! Chat completions as they pass: answers and streams are scanned where they lie, and only `model` is ever replaced. Those
//! made of another dialect's are written here too.

mod answer;
mod chunks;
mod stream;
mod usage;

pub use answer::{AnswerScan, rewrite_model};
pub(crate) use chunks::{Chunks, write_usage};
pub use stream::{ChatStream, ChunkScan, StreamEnd, StreamFault, scan_chunk};

#[cfg(test)]
mod tests;

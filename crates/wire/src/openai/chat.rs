//! Chat completions as they pass: answers and streams are scanned where they lie, and only `model` is ever replaced.

mod answer;
mod stream;
mod usage;

pub use answer::{AnswerScan, rewrite_model};
pub use stream::{ChatStream, ChunkScan, StreamEnd, StreamFault, scan_chunk};

#[cfg(test)]
mod tests;

//! A2A, the protocol agents speak: JSON-RPC envelopes, the versions 1.0 and 0.3, agent cards, and the way from a chat
//! completion to a message and back.
//!
//! The types are the protocol's own (`a2a-lf`, the crate of its Rust SDK). They know 1.0 alone, so what 0.3 says is
//! brought into that form first (`shape`) and then read strictly: whatever does not fit is no answer. What is passed
//! between two sides of one version is never rebuilt.
//!
//! Left out: the gRPC and REST bindings, push notifications, lists of tasks.

mod ask;
pub mod card;
mod fold;
mod method;
mod passage;
pub mod rpc;
mod shape;
mod stream;

pub use ask::{NothingToSay, Options, Request, Thread, about_task, request};
pub use fold::End;
pub use method::{Method, Version};
pub use passage::{Passage, Passed, params, whole};
pub use stream::TaskStream;

/// A task's state, in the protocol's terms.
pub use a2a_types::TaskState;

/// The header that names the version a client speaks; 0.3 where it is missing.
pub const VERSION_HEADER: &str = "a2a-version";

/// A name for a message that no other has.
#[must_use]
pub fn fresh_id() -> String {
    a2a_types::new_message_id()
}

#[cfg(test)]
mod tests;

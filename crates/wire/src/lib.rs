//! Formats: request heads, Server-Sent Events, the provider dialects and their translations. No sockets.
//!
//! Two rules hold everywhere in this crate. Where client and target speak the same format, bytes are scanned and
//! never rebuilt: what is not replaced by name stays as it was sent, number spellings and unknown fields included.
//! Where they do not, a translation says which fields it dropped ([`Lossy`]).
//!
//! Nothing here panics on any input: every parser takes bytes from strangers.
pub mod a2a;
pub mod anthropic;
pub mod head;
pub mod json;
pub mod lossy;
pub mod messages;
pub mod neutral;
pub mod openai;
pub mod sse;

pub use head::{Edits, HeadError, RequestHead, splice};
pub use json::{JsonError, Place, Span, View};
pub use lossy::Lossy;
pub use neutral::{ApiError, Finish, Role, Usage};

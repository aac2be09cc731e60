//! The HTTP server: ingress, keys, configuration, routing, replies, telemetry.
//!
//! Wiring: the decision is the kernel's, the calls are the backends', the records the store's. A request's way is
//! [`ingress`], then [`chat`]: parse and resolve ([`ask`]), decide, draw a [`ticket`], carry the plan out, pass the bytes on ([`reply`]).

pub mod a2a;
pub mod agents;
pub mod app;
pub mod ask;
pub mod auth;
pub mod catalogue;
pub mod chat;
pub mod config;
pub mod decisions;
pub mod discover;
pub mod embed;
pub mod embeddings;
pub mod error;
pub mod explain;
pub mod feedback;
pub mod headers;
pub mod ids;
pub mod infer;
pub mod ingress;
pub mod launch;
pub mod models;
pub mod probes;
pub mod prompt;
mod prompt_flags;
pub mod reload;
pub mod reply;
pub mod route;
pub mod server;
pub mod sessions;
pub mod snapshot;
pub mod telemetry;
pub mod ticket;

//! The gateway over real sockets: a client on one side, a scripted upstream on the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod agents;
mod chat;
mod common;
mod faults;
mod feedback;
mod first_stage;
mod governance;
mod ingress;
mod late;

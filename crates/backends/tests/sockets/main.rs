//! Backends and the driver of plans over real sockets, with upstreams that fail as told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod agents;
mod bytes_kept;
mod cancelled;
mod faults;
mod network;
mod rig;
mod streams;
mod translated;

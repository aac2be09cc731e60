//! Harness for tests: an upstream and an agent over real sockets that fail as told, a proxy, certificates, a plain HTTP client.
//!
//! It depends on no other crate of the project, so that a fault there cannot hide itself here: what is sent and
//! received is written and read by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness stops at the first surprise"
)]

mod act;
mod agent;
mod client;
mod clock;
mod http;
mod proxy;
pub mod sse;
mod tls;
mod upstream;

pub use act::{Act, Script};
pub use agent::{Agent, Deed, Manner};
pub use client::{Answer, get, post, post_partly, request};
pub use clock::ManualClock;
pub use proxy::Proxy;
pub use tls::Authority;
pub use upstream::{Received, Upstream, refused_url};

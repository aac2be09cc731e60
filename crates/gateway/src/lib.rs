//! The HTTP server: ingress, keys, configuration, routing, replies, telemetry.

pub mod catalogue;

//! The HTTP server: ingress, keys, configuration, routing, replies, telemetry.

//! Formats: request heads, Server-Sent Events, the provider dialects and their translations. No sockets.

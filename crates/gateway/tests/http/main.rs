//! The gateway over real sockets: a client on one side, a scripted upstream on the other.
mod chat;
mod common;
mod faults;
mod governance;

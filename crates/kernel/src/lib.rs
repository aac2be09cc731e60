//! The routing decision: pure data in, pure data out. No I/O, no clock, no global randomness.

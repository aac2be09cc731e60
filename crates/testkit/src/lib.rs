//! Harness for tests: a failure-injecting upstream, a fake clock, fixtures. Not published.

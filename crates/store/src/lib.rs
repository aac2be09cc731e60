//! The ledger: decisions, attempts, outcomes and client keys on SQLite.

//! Outcome tables, estimators, calibration, training, evaluation and the artifact format.
#![forbid(unsafe_code)]

pub mod names;
pub mod table;

pub use table::{Cell, PromptRow, Split, SplitError, Table, TableError};

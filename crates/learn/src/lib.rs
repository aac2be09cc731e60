//! Outcome tables, estimators, calibration, training, evaluation and the artifact format.
#![forbid(unsafe_code)]

pub mod agents;
pub mod anchors;
pub mod artifact;
mod estimate;
pub mod evaluate;
pub mod grade;
mod lengths;
pub mod names;
pub mod offpolicy;
pub mod onboard;
mod prior;
pub mod table;
pub mod train;

pub use artifact::{Artifact, ArtifactError, Model, Notes};
pub use evaluate::{EvalError, EvalOptions, EvalReport, PlotError, evaluate};
pub use table::{Cell, Form, FormError, PromptRow, Split, SplitError, Table, TableError};
pub use train::{Progress, Summary, TrainError, TrainOptions, train};

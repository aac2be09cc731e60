//! Outcome tables, estimators, calibration, training, evaluation and the artifact format.

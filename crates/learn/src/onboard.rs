//! A new model from few graded answers, without training anything again.
//!
//! What an artifact has learned of prompts is in its predictions for the models that it knows: which prompts are easy,
//! and which are easy for strong models alone. A new model is placed among those with a handful of numbers
//! ([`Column`]); the heads stay as they are, and any of them can be asked for the new model too.
//!
//! Left out: training on the new answers together with the old ones, which is what `train` does and what should follow
//! once there are enough.

pub(crate) mod added;
mod column;
mod place;

pub use added::ENOUGH;
pub use column::Column;
pub use place::{OnboardError, Placed, place};

#[cfg(test)]
mod tests;

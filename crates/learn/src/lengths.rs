//! How many tokens each model will write.
//!
//! Lengths are log-normal about a linear function of the input: few prompts get very long answers, and the mean
//! is what a bill adds up. A model whose lengths nobody recorded is taken to write as models do on average.

use pointsman_kernel::Spread;
use serde::{Deserialize, Serialize};

use crate::estimate::linear::Linear;

/// No answer is expected to be longer than this, whatever the line says far from the training data.
const MOST: f32 = 16_000.0;

/// The predictor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lengths {
    /// ln(1 + tokens) for each model.
    pub(crate) log_tokens: Linear,
    /// Standard deviation about it.
    pub(crate) sd: Vec<f32>,
    /// The line of the average model, and the deviation about it.
    pub(crate) anyone: Linear,
    pub(crate) anyone_sd: f32,
}

impl Lengths {
    /// Of one model of the artifact.
    pub(crate) fn of(&self, model: usize, x: &[f32]) -> Spread {
        match (self.log_tokens.at(model, x), self.sd.get(model)) {
            (Some(log), Some(sd)) => log_normal(log, *sd),
            _ => self.of_anyone(x),
        }
    }

    /// Of a model that is not in the artifact.
    pub(crate) fn of_anyone(&self, x: &[f32]) -> Spread {
        log_normal(self.anyone.at(0, x).unwrap_or(5.5), self.anyone_sd)
    }
}

fn log_normal(log: f32, sd: f32) -> Spread {
    let variance = sd * sd;
    let mean = ((log + variance / 2.0).exp() - 1.0).clamp(1.0, MOST);
    Spread { mean: f64::from(mean), sd: f64::from((mean * (variance.exp() - 1.0).sqrt()).min(MOST)) }
}

#[cfg(test)]
mod tests {
    use super::log_normal;

    #[test]
    fn the_mean_of_skewed_lengths_lies_above_the_middle_one() {
        let spread = log_normal(100.0_f32.ln_1p(), 1.0);
        assert!((spread.mean - (101.0 * 0.5_f64.exp() - 1.0)).abs() < 0.01 && spread.sd > spread.mean);
        assert!(log_normal(50.0, 1.0).mean.is_finite() && log_normal(-9.0, 0.1).mean >= 1.0);
    }
}

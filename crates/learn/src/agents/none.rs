//! Whether a turn belongs to any agent at all.
//!
//! A logistic regression over how near the turn is to what is known: the best class, the nearest turns remembered, the best
//! description, the words. It is fitted on turns whose agents were taken away, which is what an unknown topic looks like.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop, reason = "several arrays of one fixed size")]

use serde::{Deserialize, Serialize};

/// Signs it reads.
pub(crate) const SIGNS: usize = 8;

/// The share of turns that may be lost where nobody knows how many belong nowhere.
const LOST: f64 = 0.005;

/// What it reads of one turn.
pub(crate) type Signs = [f32; SIGNS];

/// The regression, and where it is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoneScorer {
    mean: Signs,
    scale: Signs,
    weights: Signs,
    bias: f32,
    /// Turns with a greater score than this are dispatched.
    pub(crate) threshold: f32,
}

impl NoneScorer {
    /// How much the turn looks like some agent's: log odds.
    pub(crate) fn belongs(&self, signs: &Signs) -> f32 {
        let each = (0..SIGNS).map(|at| (signs[at] - self.mean[at]) * self.scale[at] * self.weights[at]);
        self.bias + each.sum::<f32>()
    }

    /// Fits the regression, and cuts it so that of what is dispatched `precision` is right when a share `none` of all turns
    /// belongs nowhere. Where nobody knows that share, so that hardly any turn that belongs somewhere is lost.
    pub(crate) fn fit(rows: &[(Signs, bool)], none: Option<f64>, precision: f64) -> Self {
        let count = rows.len().max(1) as f32;
        let mut fitted = Self {
            mean: [0.0; SIGNS],
            scale: [1.0; SIGNS],
            weights: [0.0; SIGNS],
            bias: 0.0,
            threshold: f32::NEG_INFINITY,
        };
        for (signs, _) in rows {
            for at in 0..SIGNS {
                fitted.mean[at] += signs[at] / count;
            }
        }
        for at in 0..SIGNS {
            let spread: f32 =
                rows.iter().map(|(signs, _)| (signs[at] - fitted.mean[at]).powi(2)).sum::<f32>() / count;
            fitted.scale[at] = 1.0 / spread.sqrt().max(1e-3);
        }
        for _ in 0..300 {
            fitted.descend(rows);
        }
        fitted.threshold = match none {
            Some(none) => fitted.cut(rows, none, precision),
            None => fitted.cut_gently(rows),
        };
        fitted
    }

    fn cut_gently(&self, rows: &[(Signs, bool)]) -> f32 {
        let mut own: Vec<f32> =
            rows.iter().filter(|(_, own)| *own).map(|(signs, _)| self.belongs(signs)).collect();
        own.sort_by(f32::total_cmp);
        own.get((own.len() as f64 * LOST) as usize).map_or(f32::NEG_INFINITY, |score| score - 1e-6)
    }

    fn descend(&mut self, rows: &[(Signs, bool)]) {
        let rate = 0.5;
        let each =
            [false, true].map(|class| rows.iter().filter(|(_, own)| *own == class).count().max(1) as f32);
        let (mut gradient, mut bias) = ([0.0_f32; SIGNS], 0.0_f32);
        for (signs, own) in rows {
            let wanted = f32::from(u8::from(*own));
            let error = (crate::estimate::dot::sigmoid(self.belongs(signs)) - wanted)
                / (2.0 * each[usize::from(*own)]);
            bias += error;
            for at in 0..SIGNS {
                gradient[at] += error * (signs[at] - self.mean[at]) * self.scale[at];
            }
        }
        self.bias -= rate * bias;
        for at in 0..SIGNS {
            self.weights[at] -= rate * (gradient[at] + 1e-4 * self.weights[at]);
        }
    }

    fn cut(&self, rows: &[(Signs, bool)], none: f64, precision: f64) -> f32 {
        let mut scored: Vec<(f32, bool)> =
            rows.iter().map(|(signs, own)| (self.belongs(signs), *own)).collect();
        scored.sort_by(|a, b| a.0.total_cmp(&b.0));
        let own = scored.iter().filter(|(_, own)| *own).count() as f64;
        let other = scored.len() as f64 - own;
        if own == 0.0 || other == 0.0 {
            return f32::NEG_INFINITY;
        }
        let (mut kept, mut passed) = (own, other);
        for (score, belongs) in &scored {
            let (right, wrong) = ((1.0 - none) * kept / own, none * passed / other);
            if right >= precision * (right + wrong) {
                return score - 1e-6;
            }
            if *belongs { kept -= 1.0 } else { passed -= 1.0 }
        }
        f32::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_near_from_far_and_is_cut_where_precision_is_kept() {
        let rows: Vec<(Signs, bool)> = (0..400)
            .map(|at| {
                let own = at % 2 == 0;
                let wobble = (at * 7 % 40) as f32 / 40.0;
                ([f32::from(u8::from(own)) + wobble, 0.0, wobble, 0.0, 0.0, 0.0, 0.0, 0.0], own)
            })
            .collect();
        let fitted = NoneScorer::fit(&rows, Some(0.5), 0.95);
        let dispatched: Vec<bool> = rows
            .iter()
            .filter(|(signs, _)| fitted.belongs(signs) > fitted.threshold)
            .map(|(_, own)| *own)
            .collect();
        let right = dispatched.iter().filter(|own| **own).count() as f64 / dispatched.len() as f64;
        assert!(right >= 0.95 && dispatched.len() > 100, "{right} of {}", dispatched.len());
        let all = NoneScorer::fit(&rows, Some(0.0), 0.95);
        assert!(
            rows.iter().all(|(signs, _)| all.belongs(signs) > all.threshold),
            "without NONE all are dispatched"
        );
    }
}

//! Curves from scores to probabilities (Platt scaling), and how far off predictions tend to be.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use crate::estimate::dot::sigmoid;

/// Slope and intercept of `sigmoid(slope * score + intercept)` for pairs of score and grade, drawn towards `prior` with the
/// weight of `strength` answers. Newton's method; the slope is kept from turning over.
pub(crate) fn curve(pairs: &[(f32, f32)], prior: (f32, f32), strength: f64) -> (f32, f32) {
    let start = (f64::from(prior.0), f64::from(prior.1));
    let (mut slope, mut shift) = start;
    for _ in 0..25 {
        // A quarter is the curvature that an answer adds at most.
        let pull = strength / 4.0;
        let (mut g0, mut g1) = (pull * (slope - start.0), pull * (shift - start.1));
        let (mut h00, mut h01, mut h11) = (pull, 0.0, pull);
        for (score, grade) in pairs {
            let score = f64::from(*score);
            let p = f64::from(sigmoid((slope * score + shift) as f32));
            let error = p - f64::from(*grade);
            let curvature = (p * (1.0 - p)).max(1e-6);
            g0 += error * score;
            g1 += error;
            h00 += curvature * score * score;
            h01 += curvature * score;
            h11 += curvature;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant <= 0.0 {
            break;
        }
        let (d0, d1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        slope -= d0.clamp(-1.0, 1.0);
        shift -= d1.clamp(-1.0, 1.0);
        if d0.abs() + d1.abs() < 1e-7 {
            break;
        }
    }
    (slope.clamp(0.02, 4.0) as f32, shift as f32)
}

/// One standard deviation of a model's predictions about the truth: what is left of the mean square error after the
/// noise of single answers, and never less than a hundred answers would leave.
pub(crate) fn spread(pairs: &[(f32, f32)]) -> f32 {
    let count = pairs.len().max(1) as f64;
    let (mut error, mut noise, mut mean) = (0.0, 0.0, 0.0);
    for (predicted, grade) in pairs {
        let (p, q) = (f64::from(*predicted), f64::from(*grade));
        error += (p - q).powi(2) / count;
        noise += p * (1.0 - p) / count;
        mean += q / count;
    }
    (error - noise).max(mean * (1.0 - mean) / 100.0).max(1e-4).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::{curve, spread};

    #[test]
    fn the_curve_finds_the_log_odds_and_too_little_evidence_leaves_the_prior() {
        // At score 1 three of four are right, at score -1 one of four: log odds of +-1.0986.
        let mut pairs = vec![(1.0, 1.0); 300];
        pairs.extend(vec![(1.0, 0.0); 100]);
        pairs.extend(vec![(-1.0, 0.0); 300]);
        pairs.extend(vec![(-1.0, 1.0); 100]);
        let (slope, shift) = curve(&pairs, (0.0, 0.0), 0.0);
        assert!((slope - 1.0986).abs() < 1e-3 && shift.abs() < 1e-3, "{slope} {shift}");
        let (slope, shift) = curve(&pairs[..2], (1.0, 0.5), 1e6);
        assert!((slope - 1.0).abs() < 1e-3 && (shift - 0.5).abs() < 1e-3);
    }

    #[test]
    fn grades_that_follow_the_prediction_leave_little_spread() {
        let fair: Vec<(f32, f32)> = (0..1000).map(|at| (0.5, (at % 2) as f32)).collect();
        assert!((spread(&fair) - 0.05).abs() < 1e-3);
        let wrong: Vec<(f32, f32)> = (0..1000).map(|_| (0.9, 0.0)).collect();
        assert!(spread(&wrong) > 0.8);
    }
}

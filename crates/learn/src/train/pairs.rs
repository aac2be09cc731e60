//! The ordinal pair loss: which of two models did better, in five steps.
//!
//! MoMA learns from judged pairs with five outcomes. From a table they are made by the difference of two grades; where
//! grades are 0 or 1 the steps "a little" and "much" fall together, so binary data teaches three of the five. The
//! likelihood is an ordered logit in the difference of two scores with thresholds `0 < small < large`; it mirrors
//! exactly when the two models change places.

use crate::estimate::dot::sigmoid;

/// Grades closer than this are equal.
const EQUAL: f32 = 0.05;
/// Grades further apart than this are much apart.
const MUCH: f32 = 0.5;

/// Thresholds, as the logarithms that are learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thresholds {
    /// ln of the small one.
    pub(crate) small: f32,
    /// ln of what the large one is larger by.
    pub(crate) gap: f32,
}

/// The loss of one pair and its slopes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PairLoss {
    pub(crate) loss: f32,
    /// In the difference of the scores.
    pub(crate) slope: f32,
    /// In each threshold's logarithm.
    pub(crate) small: f32,
    pub(crate) gap: f32,
}

/// From -2 (much worse) to 2 (much better).
pub(crate) fn label(a: f32, b: f32) -> i8 {
    let difference = a - b;
    let size = if difference.abs() <= EQUAL {
        0
    } else if difference.abs() <= MUCH {
        1
    } else {
        2
    };
    if difference < 0.0 { -size } else { size }
}

impl Thresholds {
    pub(crate) fn start() -> Self {
        Self { small: 0.5_f32.ln(), gap: 0.5_f32.ln() }
    }

    /// The loss of a pair whose scores differ by `d` under a [`label`].
    pub(crate) fn loss(self, label: i8, d: f32) -> PairLoss {
        if label < 0 {
            let mirrored = self.loss(-label, -d);
            return PairLoss { slope: -mirrored.slope, ..mirrored };
        }
        let small = self.small.exp();
        let gap = self.gap.exp();
        let large = small + gap;
        let curve = |u: f32| {
            let s = sigmoid(u);
            (s, s * (1.0 - s))
        };
        // The probability, and its slopes in d, in `small` and in `large`.
        let (p, in_d, in_small, in_large) = match label {
            0 => {
                let ((s1, g1), (s2, g2)) = (curve(small - d), curve(-small - d));
                (s1 - s2, g2 - g1, g1 + g2, 0.0)
            }
            1 => {
                let ((s2, g2), (s1, g1)) = (curve(large - d), curve(small - d));
                (s2 - s1, g1 - g2, -g1, g2)
            }
            _ => {
                let (s, g) = curve(large - d);
                (1.0 - s, g, 0.0, -g)
            }
        };
        let p = p.max(1e-6);
        PairLoss {
            loss: -p.ln(),
            slope: -in_d / p,
            small: -(in_small + in_large) * small / p,
            gap: -in_large * gap / p,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Thresholds, label};

    #[test]
    fn labels_follow_the_difference_of_grades() {
        assert_eq!(
            [label(1.0, 0.0), label(0.3, 0.0), label(0.5, 0.5), label(0.0, 0.4), label(0.0, 1.0)],
            [2, 1, 0, -1, -2]
        );
    }

    proptest! {
        #[test]
        fn the_five_probabilities_sum_to_one_and_mirror(d in -3.0_f32..3.0, small in -1.5_f32..1.0, gap in -1.5_f32..1.0) {
            let thresholds = Thresholds { small, gap };
            let total: f32 = (-2..=2).map(|label| (-thresholds.loss(label, d).loss).exp()).sum();
            prop_assert!((total - 1.0).abs() < 1e-3, "{total}");
            for label in -2..=2 {
                let (one, other) = (thresholds.loss(label, d), thresholds.loss(-label, -d));
                prop_assert!((one.loss - other.loss).abs() < 1e-3 && (one.slope + other.slope).abs() < 1e-3);
            }
        }

        #[test]
        fn slopes_are_those_of_the_loss(label in -2_i8..=2, d in -2.0_f32..2.0, small in -1.0_f32..0.5, gap in -1.0_f32..0.5) {
            let h = 1e-2_f32;
            let thresholds = Thresholds { small, gap };
            let at = |d: f32, s: f32, g: f32| f64::from(Thresholds { small: s, gap: g }.loss(label, d).loss);
            let slope = |up: f64, down: f64| ((up - down) / f64::from(2.0 * h)) as f32;
            let exact = thresholds.loss(label, d);
            prop_assert!((exact.slope - slope(at(d + h, small, gap), at(d - h, small, gap))).abs() < 5e-3);
            prop_assert!((exact.small - slope(at(d, small + h, gap), at(d, small - h, gap))).abs() < 5e-3);
            prop_assert!((exact.gap - slope(at(d, small, gap + h), at(d, small, gap - h))).abs() < 5e-3);
        }
    }
}

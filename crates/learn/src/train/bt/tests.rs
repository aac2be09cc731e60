use super::{ascend, fit};
use crate::estimate::Head;
use crate::train::planted;

#[test]
fn strengths_are_those_that_the_pairs_were_made_from() {
    let planted = [-1.0_f64, 0.0, 0.4, 0.6];
    let (mut won, mut met) = (vec![0.0; 16], vec![0.0; 16]);
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            met[a * 4 + b] = 1000.0;
            won[a * 4 + b] = 1000.0 / (1.0 + (planted[b] - planted[a]).exp());
        }
    }
    let found = ascend(&won, &met, &[0.0; 4], 1e-3, &[(0..4).collect()]);
    for (found, planted) in found.iter().zip(planted) {
        assert!((found - planted).abs() < 0.01, "{found} for {planted}");
    }
    // One that never lost has a finite strength, and a prior that outweighs the pairs leaves its centre.
    let always = ascend(&[0.0, 50.0, 0.0, 0.0], &[0.0, 50.0, 50.0, 0.0], &[0.0; 2], 1.0, &[vec![0, 1]]);
    assert!(always[0] > 1.0 && always[0] < 10.0 && (always[0] + always[1]).abs() < 1e-3, "{always:?}");
    let held = ascend(&won, &met, &[0.5; 4], 1e9, &[(0..4).collect()]);
    assert!(held.iter().all(|value| (value - 0.5).abs() < 1e-3));
}

#[test]
fn each_kind_has_its_own_order_and_shuffled_pairs_have_one() {
    planted::check(|rows, chosen, mean| Head::BradleyTerry(fit(rows, chosen, mean, 1)), 0.4);
}

use super::{Calibration, Curve, Yardstick, interval, resamples};
use crate::evaluate::hull::Point;
use crate::evaluate::scene::{Predicted, Scene};

/// Two prompts, two models: `a` is right on the first for 1, `b` right on both for 4.
fn scene() -> Scene {
    Scene {
        models: vec!["a".into(), "b".into()],
        quality: vec![1.0, 1.0, 0.0, 1.0],
        cost: vec![1.0, 4.0, 1.0, 4.0],
        best: 1,
    }
}

const EVEN: [f32; 2] = [0.5, 0.5];

#[test]
fn a_router_that_knows_gets_the_figures_computed_by_hand() {
    let scene = scene();
    let marks = Yardstick::new(&scene).under(&EVEN);
    let knows = Predicted { quality: scene.quality.clone(), cost: scene.cost.clone() };
    // Between utilities: at 0.1 it takes `a` where both are right; `b` on the second is worth its 3 more.
    let picks = vec![scene.pick(&knows, 0.0), scene.pick(&knows, 0.1), scene.pick_cheapest(&knows)];
    assert_eq!(picks, vec![vec![0, 1], vec![0, 1], vec![0, 0]]);
    let points = Curve::new(&scene, vec![0.0, 0.1, f64::INFINITY], &picks, 0).points(&EVEN);
    assert_eq!(points[0], Point { cost: 2.5, quality: 1.0 });
    let figures = marks.figures(&points, points[0]);
    assert_eq!(figures.cost_at, [0.625; 3]);
    // The hull rises from (1, 0.5) to (2.5, 1): 0.99 is reached at 1 + 0.49 * 3 = 2.47.
    assert!((figures.cost_at_hull[1] - 2.47 / 4.0).abs() < 1e-9);
    assert_eq!(figures.quality_first, 1.0);
    // From cost 1 to 4: mean 0.75 over the first half, 1 over the second.
    assert!((figures.aiq - 0.875).abs() < 1e-9);
    let slope = 1.0 / 3.0;
    let by_hand = ((0.5 - slope) * 2.5_f64.ln() + slope * 1.5 + (4.0_f64 / 2.5).ln()) / 4.0_f64.ln();
    assert!((figures.aiq_log - by_hand).abs() < 1e-9);
    // The single models' hull rises from (1, 0.5) to (4, 1) with slope 1/6.
    let zero = ((0.5 - 1.0 / 6.0) * 4.0_f64.ln() + 3.0 / 6.0) / 4.0_f64.ln();
    assert!((figures.gain - 100.0 * (by_hand - zero)).abs() < 1e-6);
}

#[test]
fn a_quality_that_is_not_reached_costs_infinitely_much() {
    let scene = scene();
    let marks = Yardstick::new(&scene).under(&EVEN);
    let always_a = scene.outcomes(&scene.pick_one(0)).mean(&EVEN);
    let figures = marks.figures(&[always_a], always_a);
    assert!(figures.cost_at.iter().chain(&figures.cost_at_hull).all(|cost| cost.is_infinite()));
}

#[test]
fn the_oracles_utility_is_the_most_there_is() {
    let scene = scene();
    let marks = Yardstick::new(&scene).under(&EVEN);
    let oracle = scene.outcomes(&scene.pick_oracle(0.02 / 4.0)).mean(&EVEN);
    assert!((marks.oracle_utility(&[oracle; 3])[0] - 1.0).abs() < 1e-6);
    let single = scene.outcomes(&scene.pick_one(1)).mean(&EVEN);
    // (1 - 0.02) / (1 - 0.02 * 2.5 / 4).
    assert!((marks.oracle_utility(&[single; 3])[0] - 0.98 / 0.9875).abs() < 1e-6);
}

#[test]
fn brier_and_calibration_error_by_hand() {
    let scene = scene();
    let predicted = Predicted { quality: vec![0.5, 1.0, 0.5, 1.0], cost: scene.cost.clone() };
    let (brier, ece) = Calibration::new(&scene, &predicted).under(&EVEN, 2);
    assert!((brier - 0.125).abs() < 1e-9);
    // Four pairs fall into four bins of one: off by 0.5 twice and by nothing twice.
    assert!((ece - 0.25).abs() < 1e-9);
}

#[test]
fn resamples_weigh_rows_fairly_and_intervals_cover_the_middle() {
    let weights = resamples(50, 400, 7);
    for weights in &weights {
        assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
    let first: f32 = weights.iter().map(|weights| weights[0]).sum::<f32>() / 400.0;
    assert!((first - 0.02).abs() < 0.005);
    assert_eq!(weights, resamples(50, 400, 7));
    assert_eq!(interval((0..=1000).map(f64::from).collect()), [25.0, 975.0]);
    // The mean of 100 tosses of a fair coin lies within 0.4 and 0.6 or so.
    let coin: Vec<f32> = (0..100).map(|at| (at % 2) as f32).collect();
    let means = resamples(100, 2000, 1)
        .into_iter()
        .map(|weights| weights.iter().zip(&coin).map(|(w, c)| f64::from(w * c)).sum::<f64>());
    let [low, high] = interval(means.collect());
    assert!((low - 0.402).abs() < 0.02 && (high - 0.598).abs() < 0.02, "{low} {high}");
}

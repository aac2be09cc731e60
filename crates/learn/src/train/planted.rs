//! Rows with a planted structure, for the tests of estimators: what is there must be found, and what is not must not.

use pointsman_encode::Features;
use pointsman_kernel::rng::Rng;

use crate::estimate::input::Input;
use crate::estimate::{Head, predict};
use crate::train::rows::{FOLDS, Rows};

/// Values of the vector.
const VECTOR: usize = 4;
/// Models of [`two_kinds`].
const MODELS: usize = 5;

/// Rows whose answers are drawn from `chance` of the prompt's vector, for each model; the first value of the vector is
/// also the first feature. With them the chances, rows by models.
pub(crate) fn rows(
    count: usize,
    models: usize,
    seed: u64,
    vector: impl Fn(&mut Rng) -> [f32; VECTOR],
    chance: impl Fn(&[f32; VECTOR], usize) -> f32,
) -> (Rows, Vec<f32>) {
    let mut rng = Rng::new(seed);
    let share = 1.0 / (Features::COUNT as f32).sqrt();
    let dims = VECTOR + Features::COUNT;
    let mut axes = vec![0.0; VECTOR * dims];
    (0..VECTOR).for_each(|at| axes[at * dims + at] = 1.0);
    let input = Input {
        vector_mean: vec![0.0; VECTOR],
        vector_scale: 1.0,
        feature_mean: vec![0.0; Features::COUNT],
        // All features but the first are the same everywhere.
        feature_scale: (0..Features::COUNT).map(|at| if at == 0 { share } else { 0.0 }).collect(),
        feature_share: share,
        axes,
        rarity: Vec::new(),
    };
    let mut rows = Rows {
        models: (0..models).map(|model| format!("m{model}")).collect(),
        groups: vec![(0..models).collect()],
        dims,
        views: Vec::new(),
        task: vec![None; count],
        check: (0..count).map(|row| row % 5 == 0).collect(),
        group: vec![0; count],
        fold: (0..count).map(|row| (row / 5) % FOLDS).collect(),
        quality: Vec::new(),
        log_tokens: vec![f32::NAN; count * models],
        input,
    };
    let mut chances = Vec::with_capacity(count * models);
    for _ in 0..count {
        let vector = vector(&mut rng);
        let mut features = [0.5; Features::COUNT];
        features[0] = 2.0 * vector[0];
        rows.views.push(rows.input.of(&vector, &features, &[]));
        for model in 0..models {
            let p = chance(&vector, model);
            chances.push(p);
            rows.quality.push(f32::from(u8::from(rng.uniform() < f64::from(p))));
        }
    }
    (rows, chances)
}

/// Half of the prompts lie about +1 on the first axis, half about -1. Model 0 is good at the first kind, model 1 at the second,
/// model 2 at both, model 3 at neither, and model 4 is always right. One column of features says which kind it is.
pub(crate) fn two_kinds(count: usize, seed: u64) -> (Rows, Vec<f32>) {
    let vector = |rng: &mut Rng| {
        let kind = if rng.uniform() < 0.5 { 1.0 } else { -1.0 };
        let mut noise = || 0.3 * (rng.uniform() as f32 - 0.5);
        [kind + noise(), noise(), noise(), 0.0]
    };
    rows(count, MODELS, seed, vector, |vector, model| match (model, vector[0] > 0.0) {
        (0, true) | (1, false) => 0.9,
        (0, false) | (1, true) => 0.2,
        (2, _) => 0.7,
        (3, _) => 0.3,
        _ => 1.0,
    })
}

/// The same rows with each row's grades dealt to another.
pub(crate) fn shuffled(rows: &Rows, seed: u64) -> Rows {
    let (mut rng, models) = (Rng::new(seed), rows.models.len());
    let mut shuffled = rows.clone();
    for at in (1..rows.len()).rev() {
        let other = (rng.next_u64() % (at as u64 + 1)) as usize;
        (0..models).for_each(|model| shuffled.quality.swap(at * models + model, other * models + model));
    }
    shuffled
}

/// Mean square distance of what a head says of some rows from the planted chances.
pub(crate) fn distance(head: &Head, rows: &Rows, chances: &[f32], judged: &[usize]) -> f64 {
    let models = rows.models.len();
    let mut out = Vec::new();
    let mut total = 0.0;
    for row in judged {
        predict(&[], head, rows.view(*row), &mut out);
        assert_eq!(out.len(), models);
        let chances = &chances[row * models..(row + 1) * models];
        total += out.iter().zip(chances).map(|(said, p)| f64::from(said - p).powi(2)).sum::<f64>();
    }
    total / (judged.len() * models) as f64
}

/// What every estimator has to stand: on [`two_kinds`] it comes within `share` of the constants' distance from the truth; taught
/// with shuffled grades it comes no nearer than they do; and it answers with numbers where inputs are the same for all, where a
/// model was never graded, and where there is nothing to choose settings on.
pub(crate) fn check(fit: impl Fn(&Rows, &[usize], &[f32]) -> Head, share: f64) {
    let (rows, chances) = two_kinds(900, 7);
    let (seen, judged): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|row| *row < 600);
    let mean = rows.means(&seen);
    let constant = Head::Constant(crate::estimate::constant::Constant { mean: mean.clone() });
    let bar = distance(&constant, &rows, &chances, &judged);
    let own = distance(&fit(&rows, &seen, &mean), &rows, &chances, &judged);
    assert!(own < share * bar, "{own} against {bar} of the constants");
    let control = shuffled(&rows, 3);
    let lost = distance(&fit(&control, &seen, &control.means(&seen)), &rows, &chances, &judged);
    assert!(lost > 0.9 * bar && lost < 1.2 * bar, "{lost} on shuffled grades against {bar}");

    let flat = |_: &mut Rng| [0.0; VECTOR];
    let (mut same, _) = super::planted::rows(120, MODELS, 5, flat, |_, model| 0.2 * model as f32);
    for row in 0..same.len() {
        same.quality[row * MODELS + 1] = f32::NAN;
    }
    let every: Vec<usize> = (0..same.len()).collect();
    let mut mean = same.means(&every);
    mean[1] = 0.4;
    for chosen in [every.clone(), every.iter().copied().filter(|row| !same.check[*row]).collect()] {
        let head = fit(&same, &chosen, &mean);
        let mut out = Vec::new();
        for row in &every {
            predict(&[], &head, same.view(*row), &mut out);
            let near = out.iter().zip(&mean).all(|(said, mean)| (said - mean).abs() < 0.15);
            assert!(near, "{out:?} where every prompt is the same and the means are {mean:?}");
        }
    }
}

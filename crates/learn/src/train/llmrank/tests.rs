use pointsman_encode::Features;

use super::{fit, slopes};
use crate::estimate::Head;
use crate::train::planted;

#[test]
fn features_tell_the_kinds_apart_and_shuffled_grades_do_not() {
    planted::check(|rows, chosen, mean| Head::LlmRank(fit(rows, chosen, mean, 1)), 0.4);
}

#[test]
fn the_reasons_name_the_feature_that_was_planted_and_sum_to_the_prediction() {
    let (rows, _) = planted::two_kinds(900, 7);
    let all: Vec<usize> = (0..rows.len()).collect();
    let fitted = fit(&rows, &all, &rows.means(&all), 1);
    let kinds = (0..rows.len()).map(|row| rows.view(row)).find(|view| view.axes[0] > 0.5);
    let view = kinds.unwrap();
    for (model, sign) in [(0, 1.0), (1, -1.0)] {
        let because = fitted.because(view, model);
        assert_eq!(because[0].feature, Features::NAMES[0], "{because:?}");
        assert!(sign * because[0].quality > 0.1, "{because:?}");
        let mut out = Vec::new();
        fitted.predict(view, &mut out);
        let told: f64 = because.iter().map(|part| part.quality).sum();
        let base = f64::from(fitted.map.base[model]);
        assert!(
            (base + told - f64::from(out[model])).abs() < 0.01,
            "{base} and {because:?} for {}",
            out[model]
        );
    }
}

#[test]
fn slopes_are_nil_where_what_is_said_is_what_came_and_push_towards_it_elsewhere() {
    let right = [0.2, 0.9, 0.5];
    assert!(slopes(&right, &right).iter().all(|slope| slope.abs() < 1e-6));
    let slopes = slopes(&[0.5, 0.5], &[1.0, 0.0]);
    assert!(slopes[0] < 0.0 && slopes[1] > 0.0);
}

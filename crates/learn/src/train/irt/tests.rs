use super::{fit, learn};
use crate::estimate::Head;
use crate::estimate::dot::sigmoid;
use crate::train::planted;

/// Difficulty falls along the second axis, discrimination rises along the first.
fn two_parameters(vector: &[f32; 4], ability: f32) -> f32 {
    sigmoid((1.0 + vector[0]).max(0.1) * 1.5 * (ability + 2.0 * vector[1]))
}

#[test]
fn abilities_difficulty_and_discrimination_come_back_on_prompts_that_nobody_answered() {
    let abilities = [-1.5, -0.5, 0.0, 0.5, 1.0, 2.0];
    let uniform = |rng: &mut pointsman_kernel::rng::Rng| {
        let mut value = || 1.6 * (rng.uniform() as f32 - 0.5);
        [value(), value(), value(), 0.0]
    };
    let (rows, chances) = planted::rows(3000, abilities.len(), 11, uniform, |vector, model| {
        two_parameters(vector, abilities[model])
    });
    let seen: Vec<usize> = (0..2400).collect();
    let judged: Vec<usize> = (2400..3000).collect();
    let mean = rows.means(&seen);
    let irt = learn(&rows, &seen, &mean, (1, 0.1), 1);
    let found: Vec<f32> = irt.abilities.clone();
    assert!(found.is_sorted(), "{found:?} for abilities in ascending order");
    let (mut hard, mut sharp) = (Vec::new(), Vec::new());
    for row in &judged {
        let view = rows.view(*row);
        let demand = irt.demand(&view.axes);
        hard.push((demand.difficulty, -view.axes[1]));
        sharp.push((demand.discrimination, view.axes[0]));
    }
    assert!(correlation(&hard) > 0.95 && correlation(&sharp) > 0.8);
    let distance = planted::distance(&Head::Irt(irt), &rows, &chances, &judged);
    assert!(distance < 0.003, "{distance}");
}

fn correlation(pairs: &[(f32, f32)]) -> f32 {
    let count = pairs.len() as f32;
    let (a, b) = pairs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
    let product = |f: fn(f32, f32) -> f32| pairs.iter().map(|(x, y)| f(x - a, y - b)).sum::<f32>();
    product(|x, y| x * y) / (product(|x, _| x * x) * product(|_, y| y * y)).sqrt()
}

#[test]
fn specialists_need_a_second_dimension_and_get_it() {
    planted::check(|rows, chosen, mean| Head::Irt(fit(rows, chosen, mean, 1)), 0.4);
    let (rows, _) = planted::two_kinds(900, 7);
    let all: Vec<usize> = (0..rows.len()).collect();
    assert!(fit(&rows, &all, &rows.means(&all), 1).dimensions() > 1);
}

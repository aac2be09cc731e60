//! Fits the prior for unknown targets to the artifact's own models.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use crate::artifact::Body;
use crate::estimate::dot::logit;
use crate::estimate::predict;
use crate::prior::{Prior, STATED_SLOPE, blended};
use crate::train::rows::Rows;

/// How many models' worth of evidence the stated slope weighs.
const SLOPE_STRENGTH: f64 = 8.0;
/// And the absence of a family's own distance.
const FAMILY_STRENGTH: f64 = 3.0;
/// Models of fewer answers say nothing of abilities.
const LEAST_ROWS: u32 = 100;

struct Known {
    group: usize,
    ability: f64,
    ln_price: f64,
    family: String,
}

/// The prior. Abilities are compared within a table only, since tables differ in difficulty.
pub(crate) fn fit(body: &Body, rows: &Rows) -> Prior {
    let mut known = Vec::new();
    for (group, members) in rows.groups.iter().enumerate() {
        let of = |model: &usize| {
            let card = &body.models[*model];
            let price = card.price.as_ref().and_then(blended)?;
            (card.rows >= LEAST_ROWS).then(|| Known {
                group,
                ability: logit(card.mean_quality),
                ln_price: price.ln(),
                family: family(&card.name),
            })
        };
        known.extend(members.iter().filter_map(of));
    }
    let mut prior = Prior { ease: ease(body, rows), ..Prior::default() };
    if known.is_empty() {
        return prior;
    }
    let centre = |group: usize, of: &dyn Fn(&Known) -> f64| {
        let values: Vec<f64> = known.iter().filter(|model| model.group == group).map(of).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let centred: Vec<(f64, f64)> = known
        .iter()
        .map(|model| {
            let (ability, price) =
                (centre(model.group, &|m| m.ability), centre(model.group, &|m| m.ln_price));
            (model.ln_price - price, model.ability - ability)
        })
        .collect();
    let count = known.len() as f64;
    let variance = centred.iter().map(|(price, _)| price * price).sum::<f64>() / count;
    let product: f64 = centred.iter().map(|(price, ability)| price * ability).sum();
    if variance > 0.0 {
        let slope =
            (product + SLOPE_STRENGTH * variance * STATED_SLOPE) / (variance * (count + SLOPE_STRENGTH));
        prior.slope = slope.clamp(0.1, 1.0);
    }
    prior.centre = known.iter().map(|model| model.ln_price).sum::<f64>() / count;
    prior.top = centred.iter().map(|(price, _)| prior.slope * price).fold(0.0, f64::max).min(2.0);
    let mut names: Vec<&str> = known.iter().map(|model| model.family.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let own = known.iter().zip(&centred).filter(|(model, _)| model.family == name);
        let distances: Vec<f64> = own.map(|(_, (price, ability))| ability - prior.slope * price).collect();
        let distance = distances.iter().sum::<f64>() / (distances.len() as f64 + FAMILY_STRENGTH);
        if distances.len() >= 2 {
            prior.families.push((name.to_owned(), distance.clamp(-0.7, 0.7)));
        }
    }
    prior
}

/// Log odds of the default's mean prediction, on an average training prompt.
fn ease(body: &Body, rows: &Rows) -> f64 {
    let Some(named) = body.heads.last() else { return 0.0 };
    let mut out = Vec::new();
    let mut total = 0.0;
    for row in 0..rows.len() {
        predict(&body.heads, &named.head, rows.view(row), &mut out);
        total += logit(f64::from(out.iter().sum::<f32>() / out.len().max(1) as f32));
    }
    total / rows.len().max(1) as f64
}

/// The letters a name starts with.
fn family(name: &str) -> String {
    let bare = crate::names::normalised(name);
    bare.chars().take_while(char::is_ascii_alphabetic).collect()
}

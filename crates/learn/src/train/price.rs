//! Prices read off a table's costs, by least squares.
//!
//! Where tokens are recorded a cost is linear in tokens read and written. Where they are not, the prompt's estimated
//! tokens and a charge for the call itself stand in, which is as well as a cost can be foretold without lengths.
#![allow(
    clippy::indexing_slicing,
    reason = "training code over matrices whose sizes are fixed where they are made"
)]

use pointsman_kernel::{Money, Price, TokenPrice};

use crate::train::rows::Part;

/// Fewer calls than this give no price.
const LEAST_CALLS: usize = 5;

/// The price of a model over the parts' rows; `None` where too few costs are known.
pub(crate) fn price(parts: &[Part<'_>], model: &str) -> Option<Price> {
    let mut counted = Vec::new();
    let mut charged = Vec::new();
    for part in parts {
        let Some(column) = part.columns.iter().find(|column| part.table.models[**column] == model) else {
            continue;
        };
        for row in &part.rows {
            let cell = part.table.row(*row)[*column];
            let Some(cost) = cell.cost_usd else { continue };
            if let (Some(input), Some(output)) = (cell.input_tokens, cell.output_tokens) {
                counted.push((f64::from(input), f64::from(output), cost));
            }
            let input = cell.input_tokens.map_or(f64::from(part.encoded[*row].tokens), f64::from);
            charged.push((input, 1.0, cost));
        }
    }
    let per_token = |usd: f64| TokenPrice::from_usd_per_million(usd * 1e6);
    if counted.len() >= LEAST_CALLS && counted.len() * 2 >= charged.len() {
        let (input, output) = least_squares(&counted);
        return Some(Price { input: per_token(input), output: per_token(output), ..Price::default() });
    }
    if charged.len() < LEAST_CALLS {
        return None;
    }
    let (input, call) = least_squares(&charged);
    Some(Price { input: per_token(input), per_call: Money::from_usd(call), ..Price::default() })
}

/// Factors, not negative, of the first two of each triple that come closest to the third.
fn least_squares(calls: &[(f64, f64, f64)]) -> (f64, f64) {
    let (mut aa, mut ab, mut bb, mut ac, mut bc) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b, c) in calls {
        aa += a * a;
        ab += a * b;
        bb += b * b;
        ac += a * c;
        bc += b * c;
    }
    let determinant = aa * bb - ab * ab;
    if determinant > 1e-9 * aa * bb {
        let (a, b) = ((ac * bb - bc * ab) / determinant, (bc * aa - ac * ab) / determinant);
        if a >= 0.0 && b >= 0.0 {
            return (a, b);
        }
    }
    // One of the two alone, whichever explains more.
    let (a, b) = (if aa > 0.0 { ac / aa } else { 0.0 }, if bb > 0.0 { bc / bb } else { 0.0 });
    if a * ac >= b * bc { (a.max(0.0), 0.0) } else { (0.0, b.max(0.0)) }
}

#[cfg(test)]
mod tests {
    use super::least_squares;

    #[test]
    fn exact_costs_give_the_exact_price() {
        let calls: Vec<_> =
            [(100.0, 20.0), (50.0, 300.0), (700.0, 5.0)].map(|(a, b)| (a, b, 3e-6 * a + 15e-6 * b)).into();
        let (a, b) = least_squares(&calls);
        assert!((a - 3e-6).abs() < 1e-12 && (b - 15e-6).abs() < 1e-12);
    }

    #[test]
    fn no_price_is_negative() {
        let (a, b) = least_squares(&[(1.0, 1.0, 1.0), (2.0, 1.0, 0.9), (3.0, 1.0, 0.8)]);
        assert!(a >= 0.0 && b >= 0.0 && a + b > 0.0);
    }
}

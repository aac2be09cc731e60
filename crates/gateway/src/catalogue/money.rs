//! Decimals of USD per million tokens, read exactly into nano-dollars.

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "price {0:?} is not USD per million tokens; write a plain decimal such as 2.50, at most nine digits after the point"
)]
pub struct NotAnAmount(pub String);

/// Nano-dollars per million tokens from a decimal of USD per million tokens: `2.50` is 2 500 000 000.
///
/// Digits, and optionally a point and more digits; no sign, exponent or spaces. Zeros beyond the ninth place are allowed.
///
/// # Errors
/// [`NotAnAmount`] for anything else, for a fraction of a nano-dollar, and above 18 billion USD.
pub fn nano_per_million(usd: &str) -> Result<u64, NotAnAmount> {
    exact(usd).ok_or_else(|| NotAnAmount(usd.to_owned()))
}

fn exact(usd: &str) -> Option<u64> {
    let (whole, fraction) = match usd.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction.trim_end_matches('0')),
        None => (usd, ""),
    };
    let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= 9)?;
    let below = if fraction.is_empty() { 0 } else { digits(fraction)? * 10_u64.pow(9 - places) };
    digits(whole)?.checked_mul(1_000_000_000)?.checked_add(below)
}

/// `str::parse` would take a plus sign.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

//! How long a text is in a language model's tokens, without its tokeniser.

/// stub replaced below
#[must_use]
pub fn estimate_tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
}

//! How a model's name in a configuration finds the same model in an artifact.
//!
//! The rule is stated and nothing is guessed beyond it: letters are compared in lower case, everything up to the last
//! slash is taken for a provider's prefix (`openai/gpt-4o`, `openrouter/openai/gpt-4o`), and a trailing `-latest` is
//! dropped. A dated name and an undated one stay different models: providers do change what stands behind the latter.

/// The form in which names are compared.
#[must_use]
pub fn normalised(name: &str) -> String {
    let bare = name.rsplit('/').next().unwrap_or(name).trim().to_lowercase();
    match bare.strip_suffix("-latest") {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn case_provider_and_latest_do_not_count_and_dates_do() {
        assert_eq!(normalised("openai/GPT-4o"), "gpt-4o");
        assert_eq!(normalised("openrouter/anthropic/claude-3-5-sonnet-latest"), "claude-3-5-sonnet");
        assert_ne!(normalised("gpt-4o"), normalised("gpt-4o-2024-08-06"));
        assert_eq!(normalised("-latest"), "-latest");
    }
}

//! How a model's name in a configuration finds the same model in an artifact.
//!
//! The rule is stated and nothing is guessed beyond it: letters are compared in lower case, everything up to the last
//! slash is taken for a provider's prefix (`openai/gpt-4o`, `openrouter/openai/gpt-4o`), and a trailing `-latest` is
//! dropped. A dated name and an undated one stay different models, since providers change what stands behind the
//! latter; but where the artifact knows only dated ones, the newest of them stands in for the undated name, and
//! the estimate says so and is less sure. A date is written out in full: `-2024-08-06` or `-20240806`.

/// The form in which names are compared.
#[must_use]
pub fn normalised(name: &str) -> String {
    let bare = name.rsplit('/').next().unwrap_or(name).trim().to_lowercase();
    match bare.strip_suffix("-latest") {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => bare,
    }
}

/// A compared name without its date, and the date as a number that grows with time; nothing for a name without one.
#[must_use]
pub fn dated(normalised: &str) -> Option<(&str, u32)> {
    let (stem, date) = split(normalised, 11, true).or_else(|| split(normalised, 9, false))?;
    let (month, day) = (date / 100 % 100, date % 100);
    let plausible =
        (2000..2100).contains(&(date / 10_000)) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (plausible && !stem.is_empty()).then_some((stem, date))
}

/// Takes `length` bytes off the end and reads them as a dash and a date, with dashes in it or without.
fn split(name: &str, length: usize, with_dashes: bool) -> Option<(&str, u32)> {
    let (stem, tail) = name.split_at_checked(name.len().checked_sub(length)?)?;
    let date = tail.strip_prefix('-')?;
    let digits: String = if with_dashes {
        let parts: Vec<&str> = date.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        (lengths == [4, 2, 2]).then(|| parts.concat())?
    } else {
        date.to_owned()
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?.map(|date| (stem, date))
}

#[cfg(test)]
mod tests {
    use super::{dated, normalised};

    #[test]
    fn case_provider_and_latest_do_not_count_and_dates_do() {
        assert_eq!(normalised("openai/GPT-4o"), "gpt-4o");
        assert_eq!(normalised("openrouter/anthropic/claude-3-5-sonnet-latest"), "claude-3-5-sonnet");
        assert_ne!(normalised("gpt-4o"), normalised("gpt-4o-2024-08-06"));
        assert_eq!(normalised("-latest"), "-latest");
    }

    #[test]
    fn a_date_is_one_written_out_in_full_and_nothing_else() {
        assert_eq!(dated("gpt-4o-2024-08-06"), Some(("gpt-4o", 20_240_806)));
        assert_eq!(dated("claude-3-5-sonnet-20241022"), Some(("claude-3-5-sonnet", 20_241_022)));
        for plain in [
            "gpt-4o",
            "gpt-4-0613",
            "mistral-large-2407",
            "x-20241322",
            "-20241022",
            "é",
            "",
            "llama-3-70b-12345678",
        ] {
            assert_eq!(dated(plain), None, "{plain}");
        }
    }
}

use proptest::prelude::*;

use super::*;

#[derive(serde::Deserialize)]
struct Golden {
    text: String,
    /// As the reference implementation of o200k counts them.
    tokens: u32,
}

fn goldens() -> Vec<Golden> {
    include_str!("../../goldens/tokens.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_estimate_lies_within_a_third_of_the_true_count() {
    for golden in goldens() {
        let estimate = f64::from(estimate_tokens(&golden.text));
        let ratio = estimate / f64::from(golden.tokens);
        assert!((0.75..=1.33).contains(&ratio), "{estimate} for {} in {:?}", golden.tokens, golden.text);
    }
}

#[test]
fn estimates_are_fair_over_many_texts() {
    let goldens = goldens();
    let estimates: u32 = goldens.iter().map(|golden| estimate_tokens(&golden.text)).sum();
    let truth: u32 = goldens.iter().map(|golden| golden.tokens).sum();
    let ratio = f64::from(estimates) / f64::from(truth);
    assert!((0.93..=1.07).contains(&ratio), "{estimates} for {truth}");
}

#[test]
fn only_an_empty_text_has_no_tokens() {
    assert_eq!(estimate_tokens(""), 0);
    assert_eq!(estimate_tokens(" "), 1);
    assert_eq!(estimate_tokens("a"), 1);
}

#[test]
fn windows_agree_with_the_whole() {
    let block: String = goldens().into_iter().map(|golden| golden.text + "\n").collect();
    let text = block.repeat(200_000 / block.len());
    let (windows, whole) = (f64::from(estimate_tokens(&text)), cost(text.as_bytes()) as f64 / 1000.0);
    assert!((windows / whole - 1.0).abs() < 0.05, "{windows} by windows, {whole} as a whole");
}

#[test]
fn there_is_no_jump_where_windows_begin() {
    let sentence = "The quick brown fox jumps over the lazy dog. ";
    let at = |bytes: usize| f64::from(estimate_tokens(&sentence.repeat(bytes / sentence.len() + 1)[..bytes]));
    let (whole, windows) = (at(WHOLE_BYTES), at(WHOLE_BYTES + 1));
    assert!((windows / whole - 1.0).abs() < 0.02, "{whole} then {windows}");
}

proptest! {
    #[test]
    fn an_estimate_is_at_most_twice_the_bytes(text in "(\\PC|\\p{C}|[a-z0-9 ]){0,300}") {
        prop_assert!(estimate_tokens(&text) as usize <= 2 * text.len());
    }
}

//! Equal to the right answer, but for what nobody means by a difference.

use serde_json::Value;

use super::GradeError;
use super::reply::{bare, marked, unfenced};

/// Whether a reply gives one of the right answers: as what it marks, else as the whole or as its last line.
pub(super) fn good(reply: &str, right: Option<&Value>) -> Result<bool, GradeError> {
    let right = right.ok_or(GradeError::NoAnswer { grader: "exact" })?;
    let right = texts(right).ok_or(GradeError::Answer {
        grader: "exact",
        wants: "a text, a number, true or false, or a list of those",
    })?;
    let right: Vec<String> = right.iter().map(|text| normalised(text)).collect();
    let is_right = |said: &str| right.contains(&normalised(said));
    if let Some(said) = marked(reply) {
        return Ok(is_right(said));
    }
    let inside = unfenced(reply);
    let last = inside.lines().map(bare).rfind(|line| !line.is_empty()).unwrap_or_default();
    Ok(is_right(reply) || is_right(inside) || is_right(last))
}

/// Lower case, one space where there were several or none is needed, nothing that wraps.
fn normalised(text: &str) -> String {
    let words: Vec<&str> = bare(text).split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    // `[1,2]` and `[1, 2]`, `a;b` and `a; b` are the same list.
    text.replace(", ", ",").replace("; ", ";")
}

/// The right answers as texts.
fn texts(right: &Value) -> Option<Vec<String>> {
    match right {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(truth) => Some(vec![truth.to_string()]),
        Value::Array(several) if !several.is_empty() => {
            several.iter().map(texts).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        }
        _ => None,
    }
}

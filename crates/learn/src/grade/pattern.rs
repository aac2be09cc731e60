//! Patterns that an answer must match, and patterns that it must not.

use regex::Regex;
use serde_json::Value;

use super::{GraderFault, members};

/// The patterns. Their language is that of the `regex` crate: no look-around, no back references, linear time.
#[derive(Clone, Debug)]
pub struct Patterns {
    matches: Vec<Regex>,
    without: Vec<Regex>,
}

impl Patterns {
    pub(super) fn one(pattern: &str) -> Result<Self, GraderFault> {
        Ok(Self { matches: vec![compiled(pattern)?], without: Vec::new() })
    }

    pub(super) fn new(settings: Option<&Value>) -> Result<Self, GraderFault> {
        let members = members("regex", settings, &["matches", "without"])?;
        let list = |name: &str| match members.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![compiled(one)?]),
            Some(Value::Array(several)) => several
                .iter()
                .map(|one| one.as_str().map_or_else(|| Err(no_text(name)), compiled))
                .collect::<Result<Vec<_>, _>>(),
            Some(_) => Err(no_text(name)),
        };
        let patterns = Self { matches: list("matches")?, without: list("without")? };
        if patterns.matches.is_empty() && patterns.without.is_empty() {
            return Err(GraderFault(
                "grader regex needs a pattern: regex:PATTERN, or {\"regex\": {\"matches\": [...]}}"
                    .to_owned(),
            ));
        }
        Ok(patterns)
    }

    pub(super) fn good(&self, answer: &str) -> bool {
        self.matches.iter().all(|pattern| pattern.is_match(answer))
            && !self.without.iter().any(|pattern| pattern.is_match(answer))
    }
}

fn compiled(pattern: &str) -> Result<Regex, GraderFault> {
    Regex::new(pattern).map_err(|fault| {
        // The crate draws the place in several lines; the last one says what is wrong.
        let what = fault.to_string();
        let what = what.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        GraderFault(format!("`{pattern}` is no pattern: {what}"))
    })
}

fn no_text(name: &str) -> GraderFault {
    GraderFault(format!("`{name}` of grader regex is a pattern or a list of patterns"))
}

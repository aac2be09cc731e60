//! The number in a reply.
//!
//! Numbers are read as people write them: `1,234.5`, `1 234`, `12,5`, `-3`, `1.2e5`, `$40`, `12%`. A comma before exactly
//! three digits groups thousands, any other stands for a point. Where `units` are given, a number is multiplied by the
//! factor of the unit behind it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::reply::marked;
use super::{GradeError, GraderFault, members};

/// Relative difference that is still equal: what is lost by writing a number down.
const EQUAL: f64 = 1e-9;

#[allow(clippy::expect_used, reason = "a constant pattern, and every test would fail first")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<sign>[-+\u{2212}]?)",
        r"(?:[$€£]\s?)?",
        r"(?P<whole>\d{1,3}(?:[,\u{a0}\u{202f}' _]\d{3})+|\d+)?",
        r"(?:(?P<point>[.,])(?P<part>\d+))?",
        r"(?:[eE](?P<power>[-+]?\d{1,3}))?",
        r"\s?(?P<unit>[\p{L}%°µ]+(?:/[\p{L}]+)?)?"
    ))
    .expect("the pattern of numbers is one")
});

/// Which number, and how near.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numeric {
    first: bool,
    tolerance: f64,
    relative: f64,
    units: Vec<(String, f64)>,
}

impl Numeric {
    pub(super) fn new(settings: Option<&Value>) -> Result<Self, GraderFault> {
        let members = members("numeric", settings, &["which", "tolerance", "relative", "units"])?;
        let size = |name: &str| match members.get(name) {
            None => Ok(0.0),
            Some(value) => value
                .as_f64()
                .filter(|size| *size >= 0.0)
                .ok_or_else(|| GraderFault(format!("`{name}` of grader numeric is a number from 0 up"))),
        };
        let first = match members.get("which").map(Value::as_str) {
            None | Some(Some("last")) => false,
            Some(Some("first")) => true,
            Some(_) => return Err(GraderFault("`which` of grader numeric is first or last".to_owned())),
        };
        let factor = |(unit, factor): (&String, &Value)| {
            let factor = factor.as_f64().ok_or_else(|| {
                GraderFault(format!("unit `{unit}` of grader numeric needs a number: its factor"))
            })?;
            Ok((unit.clone(), factor))
        };
        let units = match members.get("units") {
            None => Vec::new(),
            Some(Value::Object(units)) => units.iter().map(factor).collect::<Result<_, GraderFault>>()?,
            Some(_) => {
                return Err(GraderFault("`units` of grader numeric maps units to factors".to_owned()));
            }
        };
        Ok(Self { first, tolerance: size("tolerance")?, relative: size("relative")?, units })
    }

    pub(super) fn good(&self, reply: &str, right: Option<&Value>) -> Result<bool, GradeError> {
        let right = right.ok_or(GradeError::NoAnswer { grader: "numeric" })?;
        let wants = "a number, a text that holds one, or a list of those";
        let wrong = GradeError::Answer { grader: "numeric", wants };
        let several = match right {
            Value::Array(several) if !several.is_empty() => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        let right = several.iter().map(|one| self.value(one)).collect::<Option<Vec<f64>>>().ok_or(wrong)?;
        // What is marked as the answer begins with it; without a mark people end with it.
        let said = match marked(reply) {
            Some(said) => self.numbers(said).next(),
            None if self.first => self.numbers(reply).next(),
            None => self.numbers(reply).last(),
        };
        let near = |right: &f64| {
            let most = self.tolerance.max(self.relative.max(EQUAL) * right.abs());
            said.is_some_and(|said| (said - right).abs() <= most)
        };
        Ok(right.iter().any(near))
    }

    fn value(&self, right: &Value) -> Option<f64> {
        match right {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => self.numbers(text).last(),
            _ => None,
        }
    }

    fn numbers<'a>(&'a self, text: &'a str) -> impl Iterator<Item = f64> + 'a {
        NUMBER.captures_iter(text).filter_map(move |found| {
            let part = |name: &str| found.name(name).map(|part| part.as_str());
            let (whole, fraction) = (part("whole"), part("part"));
            let start = found.name("whole").or_else(|| found.name("point"))?.start();
            // A digit or a letter right before it: the tail of a name such as `x2`, not a number.
            let before = text.get(..start)?.chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
                return None;
            }
            let sign = found.name("sign").filter(|sign| !sign.is_empty());
            // `5-3` is two numbers, and neither is negative.
            let joined = sign.is_some_and(|sign| {
                text.get(..sign.start())
                    .and_then(|text| text.chars().next_back())
                    .is_some_and(char::is_alphanumeric)
            });
            let mut digits: String = whole.unwrap_or("0").chars().filter(char::is_ascii_digit).collect();
            if let Some(fraction) = fraction {
                digits.push('.');
                digits.push_str(fraction);
            }
            if let Some(power) = part("power") {
                digits.push('e');
                digits.push_str(power);
            }
            let value: f64 = digits.parse().ok()?;
            let value = if sign.is_some_and(|sign| sign.as_str() != "+") && !joined { -value } else { value };
            let unit = part("unit").unwrap_or_default();
            let factor = self.units.iter().find(|(name, _)| name == unit).map_or(1.0, |(_, factor)| *factor);
            Some(value * factor)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<f64> {
        Numeric::default().numbers(text).collect()
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, right) in [
            ("1,234.5", vec![1234.5]),
            ("1,234,567", vec![1_234_567.0]),
            ("1 234 apples", vec![1234.0]),
            ("12,5", vec![12.5]),
            ("-3 and \u{2212}4", vec![-3.0, -4.0]),
            ("5-3", vec![5.0, 3.0]),
            ("1.2e3", vec![1200.0]),
            ("$40.", vec![40.0]),
            ("-$7.50", vec![-7.5]),
            ("12%", vec![12.0]),
            ("x2 = 9", vec![9.0]),
            (".5", vec![0.5]),
            ("none", vec![]),
            ("3, 4, 5", vec![3.0, 4.0, 5.0]),
        ] {
            assert_eq!(numbers(text), right, "{text}");
        }
    }

    #[test]
    fn units_are_factors() {
        let settings = serde_json::json!({"units": {"km": 1000, "m": 1}, "tolerance": 0.5});
        let numeric = Numeric::new(Some(&settings)).unwrap();
        assert!(numeric.good("about 1.2 km", Some(&1200.into())).unwrap());
        assert!(numeric.good("1200 m", Some(&"1.2 km".into())).unwrap());
        assert!(!numeric.good("1.2 m", Some(&1200.into())).unwrap());
    }
}

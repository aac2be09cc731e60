//! A value held against the rules.

use serde_json::{Map, Value};

use super::rules::Rules;

impl Rules {
    /// Whether the value keeps every rule.
    pub(super) fn allow(&self, value: &Value) -> bool {
        !self.never
            && self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| is(value, kind)))
            && self.one_of_values.as_ref().is_none_or(|known| known.iter().any(|one| equal(one, value)))
            && match value {
                Value::Object(members) => self.members(members),
                Value::Array(items) => self.list(items),
                Value::String(text) => {
                    self.length.hold(text.chars().count() as f64)
                        && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
                }
                Value::Number(number) => number.as_f64().is_some_and(|number| self.number(number)),
                _ => true,
            }
            && self.all.iter().all(|rules| rules.allow(value))
            && self.any.as_ref().is_none_or(|any| any.iter().any(|rules| rules.allow(value)))
            && self.one.as_ref().is_none_or(|one| one.iter().filter(|rules| rules.allow(value)).count() == 1)
            && self.not.as_ref().is_none_or(|rules| !rules.allow(value))
    }

    fn members(&self, members: &Map<String, Value>) -> bool {
        let known = |name: &str| self.properties.iter().find(|(own, _)| own == name).map(|(_, rules)| rules);
        self.required.iter().all(|name| members.contains_key(name))
            && members.iter().all(|(name, value)| match (known(name), &self.others) {
                (Some(rules), _) => rules.allow(value),
                (None, Some(others)) => others.allow(value),
                (None, None) => true,
            })
    }

    fn list(&self, items: &[Value]) -> bool {
        let repeated = || {
            items.iter().enumerate().any(|(at, item)| items.iter().take(at).any(|other| equal(item, other)))
        };
        self.count.hold(items.len() as f64)
            && self.items.as_ref().is_none_or(|rules| items.iter().all(|item| rules.allow(item)))
            && !(self.unique && repeated())
    }

    fn number(&self, number: f64) -> bool {
        self.size.hold(number)
            && self.above.is_none_or(|above| number > above)
            && self.below.is_none_or(|below| number < below)
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match (value, kind) {
        (Value::String(_), "string")
        | (Value::Bool(_), "boolean")
        | (Value::Array(_), "array")
        | (Value::Object(_), "object")
        | (Value::Null, "null")
        | (Value::Number(_), "number") => true,
        (Value::Number(number), "integer") => number.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

/// Equal as JSON: numbers by value (`1` and `1.0`, and what is left of decimals after arithmetic), members in any order.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

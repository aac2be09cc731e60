//! YAML as a tree that knows where everything stands.
//!
//! Typed reading stops at the first fault and forgets positions. The tree is read once, untyped; the schema walks it
//! ([`super::shape`]), and later checks find the place of what they complain about by its path.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::fault::Fault;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) at: Place,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: Place,
    pub(crate) name: String,
}

/// A line and a column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// One step from a node to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Node {
    /// Reads a document; an empty one is an empty map.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
        match serde_saphyr::from_str_with_options::<Option<Spanned<Raw>>>(text, options) {
            Ok(None) => Ok(Self { at: Place::START, value: Value::Map(Vec::new()) }),
            Ok(Some(root)) => Ok(root.into()),
            Err(error) => {
                let at = error.location().map_or(Place::START, Place::from);
                let said = message_of(&error.without_snippet().render());
                Err(
                    match said.strip_prefix("duplicate mapping key: ").and_then(|rest| rest.split(',').next())
                    {
                        Some(key) => Fault::new(file, at, format!("key `{key}` stands here a second time"))
                            .hint("join the two, or take one out"),
                        None => {
                            let hint = remedy(&said);
                            Fault::new(file, at, said).hint(hint)
                        }
                    },
                )
            }
        }
    }

    /// The name of its kind, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Where `path` leads, or the last thing on the way that is there: the place to point at for what is missing.
    pub(crate) fn place(&self, path: &[Step]) -> Place {
        let Some((step, rest)) = path.split_first() else { return self.at };
        let next = match (&self.value, step) {
            (Value::Map(entries), Step::Key(name)) => {
                let Some((key, node)) = entries.iter().find(|(key, _)| key.name == *name) else {
                    return self.at;
                };
                // Of a map, its key is what the eye looks for.
                if rest.is_empty() && !node.is_scalar() {
                    return key.at;
                }
                if !rest.is_empty() && node.place(rest) == node.at && node.get(rest).is_none() {
                    return key.at;
                }
                Some(node)
            }
            (Value::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        };
        next.map_or(self.at, |node| node.place(rest))
    }

    /// Whether something stands at `path`, be it wrong.
    pub(crate) fn has(&self, path: &[Step]) -> bool {
        self.get(path).is_some_and(|node| !matches!(node.value, Value::Null))
    }

    fn get(&self, path: &[Step]) -> Option<&Self> {
        let Some((step, rest)) = path.split_first() else { return Some(self) };
        let inner = match (&self.value, step) {
            (Value::Map(entries), Step::Key(name)) => {
                entries.iter().find(|(key, _)| key.name == *name).map(|(_, node)| node)
            }
            (Value::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        };
        inner?.get(rest)
    }

    /// Whether a map stands at `path`.
    pub(crate) fn is_map(&self, path: &[Step]) -> bool {
        self.get(path).is_some_and(|node| matches!(node.value, Value::Map(_)))
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Map(_) | Value::Null)
    }
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

impl From<Location> for Place {
    fn from(at: Location) -> Self {
        Self { line: at.line().max(1), column: at.column().max(1) }
    }
}

/// What to do about what the parser says: it names what it did not expect, not what was forgotten.
fn remedy(said: &str) -> &'static str {
    if said.contains("tabs") {
        "indent with spaces: YAML allows no tabs there"
    } else if said.contains("mapping values are not allowed") {
        "a colon too many: write `key: value` with a space behind the colon, here and on the line before, and quote a \
         value with a colon in it"
    } else if said.contains("illegal placement of ':'") {
        "close the bracket or brace that was opened above"
    } else {
        "the file is not YAML from here on; check quotes, indentation and colons"
    }
}

/// What the parser says, without the place it says it of.
fn message_of(said: &str) -> String {
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("not YAML").trim();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.split_once(": ") {
        Some((head, rest)) if head.starts_with("line ") => rest.to_owned(),
        _ => match line.rfind(" at line ") {
            Some(end) => line.get(..end).unwrap_or(line).to_owned(),
            None => line.to_owned(),
        },
    }
}

/// As the parser hands it over.
#[derive(Debug)]
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl From<Spanned<Raw>> for Node {
    fn from(raw: Spanned<Raw>) -> Self {
        let at = raw.referenced.into();
        let value = match raw.value {
            Raw::Scalar(value) => value,
            Raw::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| (Key { at: key.referenced.into(), name: key.value }, node.into()))
                    .collect(),
            ),
        };
        Self { at, value }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Number(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(Raw::Scalar(number.map_or_else(|| Value::Text(value.to_string()), Value::Number)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(path: &[&str]) -> Vec<Step> {
        path.iter()
            .map(|step| step.parse().map_or_else(|_| Step::Key((*step).to_owned()), Step::Index))
            .collect()
    }

    #[test]
    fn every_value_and_key_knows_its_place() {
        let text = "a: 1\nb:\n  - x: text\n    y: {z: true}\n  - 2.5\nempty:\n";
        let tree = Node::parse("f", text).unwrap();
        let at = |path: &[&str]| {
            let place = tree.place(&keys(path));
            (place.line, place.column)
        };
        assert_eq!(at(&["a"]), (1, 4));
        assert_eq!(at(&["b"]), (2, 1));
        assert_eq!(at(&["b", "0", "x"]), (3, 8));
        assert_eq!(at(&["b", "0", "y"]), (4, 5));
        assert_eq!(at(&["b", "0", "y", "z"]), (4, 12));
        assert_eq!(at(&["b", "1"]), (5, 5));
        assert_eq!(at(&["empty"]), (6, 1));
        // What is missing is pointed at where it should stand.
        assert_eq!(at(&["b", "0", "gone"]), (3, 5));
        assert_eq!(at(&["empty", "gone"]), (6, 1));
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place() {
        let fault = Node::parse("f", "a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(fault.line >= 2, "{fault}");
        let fault = Node::parse("f", "a: 1\na: 2\n").unwrap_err();
        assert_eq!((fault.line, fault.column), (2, 1), "{fault}");
        assert!(
            matches!(Node::parse("f", "# nothing\n").unwrap().value, Value::Map(entries) if entries.is_empty())
        );
    }
}

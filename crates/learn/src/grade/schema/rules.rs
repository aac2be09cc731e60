//! A schema's keywords, read once.

use regex::Regex;
use serde_json::{Map, Value};

use crate::grade::GraderFault;

/// What a value has to keep. An absent rule allows everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) never: bool,
    pub(super) kinds: Option<Vec<String>>,
    pub(super) one_of_values: Option<Vec<Value>>,
    pub(super) properties: Vec<(String, Rules)>,
    pub(super) required: Vec<String>,
    pub(super) others: Option<Box<Rules>>,
    pub(super) items: Option<Box<Rules>>,
    pub(super) count: Bounds,
    pub(super) unique: bool,
    pub(super) size: Bounds,
    pub(super) above: Option<f64>,
    pub(super) below: Option<f64>,
    pub(super) length: Bounds,
    pub(super) pattern: Option<Regex>,
    pub(super) any: Option<Vec<Rules>>,
    pub(super) all: Vec<Rules>,
    pub(super) one: Option<Vec<Rules>>,
    pub(super) not: Option<Box<Rules>>,
}

/// From and to, both allowed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

const KINDS: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
const NOTES: [&str; 6] = ["title", "description", "$schema", "$id", "default", "examples"];

impl Rules {
    /// Reads the schema at `place`.
    pub(super) fn read(schema: &Value, place: &str) -> Result<Self, GraderFault> {
        let members = match schema {
            Value::Bool(allowed) => return Ok(Self { never: !allowed, ..Self::default() }),
            Value::Object(members) => members,
            _ => return Err(fault(place, "a schema is an object, true or false")),
        };
        let mut rules = Self::default();
        for (keyword, value) in members {
            rules.keyword(keyword, value, &format!("{place}.{keyword}"))?;
        }
        Ok(rules)
    }

    fn keyword(&mut self, keyword: &str, value: &Value, place: &str) -> Result<(), GraderFault> {
        match keyword {
            "type" => self.kinds = Some(kinds(value, place)?),
            "enum" => self.one_of_values = Some(list(value, place)?.clone()),
            "const" => self.one_of_values = Some(vec![value.clone()]),
            "properties" => {
                for (name, schema) in object(value, place)? {
                    let rules = Self::read(schema, &format!("{place}.{name}"))?;
                    self.properties.push((name.clone(), rules));
                }
            }
            "required" => {
                let names = list(value, place)?.iter().map(|name| name.as_str().map(str::to_owned));
                self.required =
                    names.collect::<Option<_>>().ok_or_else(|| fault(place, "names are texts"))?;
            }
            "additionalProperties" => self.others = Some(Box::new(Self::read(value, place)?)),
            "items" => self.items = Some(Box::new(Self::read(value, place)?)),
            "minItems" => self.count.least = Some(number(value, place)?),
            "maxItems" => self.count.most = Some(number(value, place)?),
            "uniqueItems" => {
                self.unique = value.as_bool().ok_or_else(|| fault(place, "is true or false"))?;
            }
            "minimum" => self.size.least = Some(number(value, place)?),
            "maximum" => self.size.most = Some(number(value, place)?),
            "exclusiveMinimum" => self.above = Some(number(value, place)?),
            "exclusiveMaximum" => self.below = Some(number(value, place)?),
            "minLength" => self.length.least = Some(number(value, place)?),
            "maxLength" => self.length.most = Some(number(value, place)?),
            "pattern" => {
                let pattern = value.as_str().and_then(|pattern| Regex::new(pattern).ok());
                self.pattern = Some(pattern.ok_or_else(|| fault(place, "is no pattern"))?);
            }
            "anyOf" => self.any = Some(several(value, place)?),
            "allOf" => self.all = several(value, place)?,
            "oneOf" => self.one = Some(several(value, place)?),
            "not" => self.not = Some(Box::new(Self::read(value, place)?)),
            note if NOTES.contains(&note) => {}
            _ => return Err(fault(place, "is not among the keywords that this grader knows; take it out")),
        }
        Ok(())
    }
}

impl Bounds {
    pub(super) fn hold(self, value: f64) -> bool {
        self.least.is_none_or(|least| value >= least) && self.most.is_none_or(|most| value <= most)
    }
}

fn kinds(value: &Value, place: &str) -> Result<Vec<String>, GraderFault> {
    let words: Option<Vec<String>> = match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(several) => several.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    words
        .filter(|words| words.iter().all(|word| KINDS.contains(&word.as_str())))
        .ok_or_else(|| fault(place, &format!("is one or several of {}", KINDS.join(", "))))
}

fn list<'a>(value: &'a Value, place: &str) -> Result<&'a Vec<Value>, GraderFault> {
    value.as_array().ok_or_else(|| fault(place, "is a list"))
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, GraderFault> {
    value.as_object().ok_or_else(|| fault(place, "is an object"))
}

fn number(value: &Value, place: &str) -> Result<f64, GraderFault> {
    value.as_f64().ok_or_else(|| fault(place, "is a number"))
}

fn several(value: &Value, place: &str) -> Result<Vec<Rules>, GraderFault> {
    let read = |(at, schema): (usize, &Value)| Rules::read(schema, &format!("{place}[{at}]"));
    list(value, place)?.iter().enumerate().map(read).collect()
}

fn fault(place: &str, what: &str) -> GraderFault {
    GraderFault(format!("`{place}` of grader json-schema {what}"))
}

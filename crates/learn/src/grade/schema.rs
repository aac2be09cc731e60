//! JSON in an answer, held against a JSON Schema and against the right value.
//!
//! The schema's language is a stated part of draft 2020-12: `type`, `enum`, `const`, `properties`, `required`,
//! `additionalProperties`, `items`, `minItems`, `maxItems`, `uniqueItems`, `minimum`, `maximum`, `exclusiveMinimum`,
//! `exclusiveMaximum`, `minLength`, `maxLength`, `pattern`, `anyOf`, `allOf`, `oneOf`, `not`, and the notes `title`,
//! `description`, `$schema`, `$id`, `default`, `examples`. Any other keyword is refused when the schema is read, so none
//! is silently ignored. Whole validators bring some thirty crates for `$ref`, formats and other drafts, which a
//! grader of short answers has no use for.

mod check;
mod rules;

use serde_json::Value;

use super::reply::unfenced;
use super::{GraderFault, members};
use rules::Rules;

/// A schema, read.
#[derive(Clone, Debug)]
pub struct Schema(Rules);

impl Schema {
    pub(super) fn new(settings: Option<&Value>) -> Result<Self, GraderFault> {
        let members = members("json-schema", settings, &["schema"])?;
        // Without a schema any JSON will do, and the right answer says which.
        let anything = Value::Bool(true);
        let schema = members.get("schema").unwrap_or(&anything);
        Rules::read(schema, "schema").map(Self)
    }

    pub(super) fn good(&self, answer: &str, right: Option<&Value>) -> bool {
        let Some(value) = json_in(answer) else { return false };
        self.0.allow(&value) && right.is_none_or(|right| check::equal(&value, right))
    }
}

/// The JSON in an answer: all of it, a fenced block, or from the first bracket on.
fn json_in(answer: &str) -> Option<Value> {
    let whole = |text: &str| serde_json::from_str(text.trim()).ok();
    whole(answer).or_else(|| whole(unfenced(answer))).or_else(|| {
        let from = answer.find(['{', '['])?;
        let text = answer.get(from..)?;
        serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
    })
}

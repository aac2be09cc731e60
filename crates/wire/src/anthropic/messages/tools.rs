//! Tools, the choice among them, and the calls made.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::request::TranslateError;
use crate::json::{Kind, Object, View};
use crate::lossy::Lossy;

/// What a request says about tools.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToolFields<'a> {
    pub(super) tools: Option<View<'a>>,
    pub(super) choice: Option<View<'a>>,
    pub(super) parallel: Option<View<'a>>,
}

/// The tools and the choice among them, as members of the request at hand. `used` are the names of tools that the
/// conversation called: Anthropic refuses calls in a request without tools, so they are declared then.
pub(super) fn write_tools(
    request: &mut Object<'_>,
    fields: ToolFields<'_>,
    used: &BTreeSet<Cow<'_, str>>,
    lossy: &mut Lossy,
) -> Result<(), TranslateError> {
    let mut tools = vec![b'['];
    for (index, tool) in fields.tools.into_iter().flat_map(|tools| tools.elements()).enumerate() {
        let length = tools.len();
        if length > 1 {
            tools.push(b',');
        }
        if !write_tool(tool, index, &mut tools, lossy)? {
            tools.truncate(length);
        }
    }
    if tools.len() == 1 {
        if used.is_empty() {
            if fields.choice.is_some_and(|choice| !choice.is_null() && !is_idle(choice)) {
                lossy.drop_field("tool_choice");
            }
            return Ok(());
        }
        for name in used {
            if tools.len() > 1 {
                tools.push(b',');
            }
            let mut tool = Object::new(&mut tools);
            tool.string("name", name).raw("input_schema", EMPTY_SCHEMA).end();
        }
        tools.push(b']');
        request.raw("tools", &tools).raw("tool_choice", b"{\"type\":\"none\"}");
        return Ok(());
    }
    tools.push(b']');
    request.raw("tools", &tools);
    write_choice(request, fields, lossy)
}

/// An assistant's call as a `tool_use` block. Arguments that are no JSON object are wrapped in one, and reported.
pub(super) fn write_call<'a>(
    call: View<'a>,
    path: &str,
    out: &mut Vec<u8>,
    lossy: &mut Lossy,
) -> Result<Cow<'a, str>, TranslateError> {
    let function = call.get("function").filter(|function| function.kind() == Kind::Object);
    let Some(name) = function.and_then(|function| function.get("name")?.str()) else {
        return Err(TranslateError::wrong(format!("{path}.function.name"), "a string"));
    };
    let id = call.get("id").and_then(|id| id.str()).unwrap_or_default();
    let arguments = function.and_then(|function| function.get("arguments"));
    let text = arguments.and_then(|arguments| arguments.str()).unwrap_or_default();
    let mut block = Object::new(out);
    block.string("type", "tool_use").string("id", &call_id(&id)).string("name", &name);
    match View::parse(text.trim_ascii().as_bytes()) {
        Ok(input) if input.kind() == Kind::Object => block.raw("input", input.raw()),
        _ if text.trim_ascii().is_empty() => block.raw("input", b"{}"),
        _ => {
            lossy.drop_field(format!("{path}.function.arguments"));
            let mut wrapped = Vec::new();
            Object::new(&mut wrapped).string("arguments", &text).end();
            block.raw("input", &wrapped)
        }
    };
    block.end();
    Ok(name)
}

/// A call's id in the characters Anthropic accepts. The same id always gives the same one, so that calls and results
/// stay paired whoever made the id.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let valid = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    if id.is_empty() {
        return Cow::Borrowed("call");
    }
    if id.chars().all(valid) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|character| if valid(character) { character } else { '_' }).collect())
}

const EMPTY_SCHEMA: &[u8] = b"{\"type\":\"object\",\"properties\":{}}";

fn write_tool(
    tool: View<'_>,
    index: usize,
    out: &mut Vec<u8>,
    lossy: &mut Lossy,
) -> Result<bool, TranslateError> {
    if !tool.get("type").is_none_or(|kind| kind.is_str("function")) {
        lossy.drop_field(format!("tools[{index}]"));
        return Ok(false);
    }
    let path = || format!("tools[{index}].function");
    let function = tool.get("function").filter(|function| function.kind() == Kind::Object);
    let function = function.ok_or_else(|| TranslateError::wrong(path(), "an object"))?;
    let name = function.get("name").and_then(|name| name.str());
    let name = name.ok_or_else(|| TranslateError::wrong(format!("{}.name", path()), "a string"))?;
    let mut object = Object::new(out);
    object.string("name", &name);
    if let Some(description) = function.get("description").filter(|text| text.kind() == Kind::String) {
        object.raw("description", description.raw());
    }
    match function.get("parameters").filter(|schema| schema.kind() == Kind::Object) {
        None => object.raw("input_schema", EMPTY_SCHEMA),
        Some(schema) if schema.get("type").is_some() => object.raw("input_schema", schema.raw()),
        Some(schema) => object.raw("input_schema", &with_type(schema)),
    };
    if let Some(cache) = tool.get("cache_control").filter(|cache| cache.kind() == Kind::Object) {
        object.raw("cache_control", cache.raw());
    }
    object.end();
    if function.get("strict").and_then(|strict| strict.bool()) == Some(true) {
        lossy.drop_field(format!("{}.strict", path()));
    }
    Ok(true)
}

/// A schema that does not say so is that of an object; Anthropic wants it said.
fn with_type(schema: View<'_>) -> Vec<u8> {
    let rest = schema.raw().get(1..).unwrap_or(b"}").trim_ascii_start();
    let comma: &[u8] = if rest.starts_with(b"}") { b"" } else { b"," };
    [b"{\"type\":\"object\"", comma, rest].concat()
}

fn write_choice(
    request: &mut Object<'_>,
    fields: ToolFields<'_>,
    lossy: &mut Lossy,
) -> Result<(), TranslateError> {
    let one_at_a_time = fields.parallel.and_then(|parallel| parallel.bool()) == Some(false);
    let choice = fields.choice.filter(|choice| !choice.is_null());
    let mut name = None;
    let kind = match choice {
        None => "auto",
        Some(choice) if choice.is_str("auto") => "auto",
        Some(choice) if choice.is_str("none") => "none",
        Some(choice) if choice.is_str("required") => "any",
        Some(choice) if choice.get("type").is_some_and(|kind| kind.is_str("function")) => {
            name = choice.get("function").and_then(|function| function.get("name")?.str());
            if name.is_none() {
                return Err(TranslateError::wrong("tool_choice.function.name".into(), "a string"));
            }
            "tool"
        }
        Some(choice) => {
            lossy.drop_field("tool_choice");
            let allowed = choice.get("allowed_tools").and_then(|allowed| allowed.get("mode"));
            if allowed.is_some_and(|mode| mode.is_str("required")) { "any" } else { "auto" }
        }
    };
    if choice.is_none() && !one_at_a_time {
        return Ok(());
    }
    let mut object = Object::new(request.key("tool_choice"));
    object.string("type", kind);
    if let Some(name) = name {
        object.string("name", &name);
    }
    if one_at_a_time && kind != "none" {
        object.raw("disable_parallel_tool_use", b"true");
    }
    object.end();
    Ok(())
}

/// Whether a choice asks for nothing that a request without tools could not give.
fn is_idle(choice: View<'_>) -> bool {
    choice.is_str("auto") || choice.is_str("none")
}

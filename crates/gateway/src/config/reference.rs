//! The reference of the configuration, made of its types: a JSON schema for editors, a page for people.

use std::fmt::Write as _;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::file::{File, Kind};
use super::shape::{choices, tagged, variants, without_null};
use super::well_known;

/// The schema with every part in its place, which is how the walk and the page want it.
pub(super) fn inlined() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<File>().to_value()
    });
    &SCHEMA
}

/// A JSON schema (2020-12) of the file, for editors that complete and check YAML.
#[must_use]
pub fn json_schema() -> Json {
    let mut schema = inlined().clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "Pointsman's configuration".into());
    }
    schema
}

/// The page `docs/reference/config.md`: a table for each part of the file.
#[must_use]
pub fn reference_markdown() -> String {
    let mut out = String::from(PREFACE);
    section(&mut out, "", inlined());
    well_known(&mut out);
    out
}

fn well_known(out: &mut String) {
    out.push_str(
        "\n## Well-known providers\n\nUnder these names nothing but the name is needed, and without a file they are found by \
         their variables.\nEngines are looked for on this machine and cost nothing.\n\n\
         | name | speaks | address | its key | another address |\n| --- | --- | --- | --- | --- |\n",
    );
    for known in well_known::ALL {
        let kind = if known.kind == Kind::Anthropic { "`anthropic`" } else { "`openai`" };
        let quoted =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
        let keys = if known.keys.is_empty() { "none".to_owned() } else { quoted(known.keys) };
        let base =
            known.base.map_or_else(|| "`base_url`".to_owned(), |name| format!("`base_url` or `{name}`"));
        let _ = writeln!(out, "| `{}` | {kind} | `{}` | {keys} | {base} |", known.name, known.base_url);
    }
}

const PREFACE: &str = "# Configuration\n\n\
<!-- Generated from the types in crates/gateway/src/config/file.rs; change it there. -->\n\n\
One YAML file, given as `pointsman serve --config FILE`; `pointsman init` writes one, `pointsman check FILE` tells all\n\
that is wrong with one. A change takes effect when the file is saved; one with a fault changes nothing and is reported\n\
with line and column. An unknown key is a fault. The least that works:\n\n\
```yaml\nproviders:\n  openai: {}\n```\n\n\
*Time* is a number with its unit (`300ms`, `5s`, `10m`, `1h`, `30d`), *size* likewise (`512KiB`, `32MiB`). A *secret* is\n\
a reference: `env:NAME`, `${NAME}` or `file:PATH`. Addresses and paths may contain `${NAME}` and `${NAME:-default}`;\n\
relative paths stand beside the file.\n";

/// The order of the file's own keys; within a part keys are sorted.
const ORDER: [&str; 14] = [
    "listen",
    "providers",
    "targets",
    "agents",
    "routes",
    "prices",
    "timeouts",
    "limits",
    "breaker",
    "ledger",
    "keys",
    "artifact",
    "agent_artifact",
    "estimator",
];

fn section(out: &mut String, path: &str, schema: &Json) {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else { return };
    let title = if path.is_empty() { "The file" } else { path };
    let _ = writeln!(out, "\n## {}\n", if path.is_empty() { title.to_owned() } else { format!("`{title}`") });
    out.push_str("| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    let mut keys: Vec<&String> = properties.keys().collect();
    let place =
        |key: &str| ORDER.iter().position(|known| path.is_empty() && *known == key).unwrap_or(ORDER.len());
    keys.sort_by_key(|key| (place(key), key.as_str()));
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let mut inner = Vec::new();
    for key in keys {
        let Some(property) = properties.get(key) else { continue };
        let (meaning, said) = meaning(property);
        let default = match said {
            Some(said) => said,
            None if required.contains(&key.as_str()) => "required".to_owned(),
            None => default(property),
        };
        let _ = writeln!(out, "| `{key}` | {} | {default} | {meaning} |", kind(property));
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        for variant in variants(without_null(property)) {
            match tagged(variant) {
                Some((name, part)) => inner.push((format!("{below}.{name}"), part)),
                None => inner.push((below.clone(), variant)),
            }
        }
        let (below, part) = part(&below, without_null(property));
        inner.push((below, part));
    }
    for (path, schema) in inner {
        section(out, &path, schema);
    }
}

/// The part of the file that a property leads to.
fn part<'a>(path: &str, schema: &'a Json) -> (String, &'a Json) {
    if let Some(items) = schema.get("items") {
        return (format!("{path}[]"), without_null(items));
    }
    match schema.get("additionalProperties").filter(|others| others.is_object()) {
        Some(others) => (format!("{path}.NAME"), without_null(others)),
        None => (path.to_owned(), schema),
    }
}

/// What a property means, and its default where the words tell it.
fn meaning(property: &Json) -> (String, Option<String>) {
    let text = property.get("description").and_then(Json::as_str).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let (text, words) = (text, words(without_null(property)));
    match text.split_once("Default: ").or_else(|| text.split_once("Default, ")) {
        Some((before, default)) => {
            (format!("{}{words}", before.trim()), Some(default.trim_end_matches('.').to_owned()))
        }
        None => (text + &words, None),
    }
}

/// What each word of an enum means.
fn words(schema: &Json) -> String {
    let all = schema.get("oneOf").and_then(Json::as_array).into_iter().flatten();
    let each: Vec<String> = all
        .filter_map(|one| {
            let word = one.get("const").and_then(Json::as_str).or_else(|| Some(tagged(one)?.0))?;
            let means = one.get("description")?.as_str()?.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(format!("`{word}`: {}", means.trim_end_matches('.')))
        })
        .collect();
    if each.is_empty() { String::new() } else { format!(" {}.", each.join("; ")) }
}

fn kind(property: &Json) -> String {
    let schema = without_null(property);
    if let Some(words) = choices(schema) {
        let mut words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        if variants(schema).any(|one| one.get("properties").is_some()) {
            words.push("map".to_owned());
        }
        return words.join(" or ");
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", plural(&kind(items)));
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        return format!("map of {}", plural(&kind(others)));
    }
    if let Some(format) = schema.get("format").and_then(Json::as_str)
        && ["time", "size", "preference", "secret"].contains(&format)
    {
        return format.to_owned();
    }
    let kinds = match schema.get("type") {
        Some(Json::String(one)) => vec![one.as_str()],
        Some(Json::Array(several)) => {
            several.iter().filter_map(Json::as_str).filter(|one| *one != "null").collect()
        }
        _ => Vec::new(),
    };
    let said = kinds.iter().map(|kind| match *kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "object" => "map",
        other => other,
    });
    said.collect::<Vec<_>>().join(" or ")
}

fn plural(kind: &str) -> String {
    if kind.starts_with('`') || kind.ends_with('s') { kind.to_owned() } else { format!("{kind}s") }
}

fn default(property: &Json) -> String {
    match property.get("default") {
        None | Some(Json::Null) => "none".to_owned(),
        Some(Json::Array(list)) if list.is_empty() => "none".to_owned(),
        Some(Json::Object(map)) if map.is_empty() => "none".to_owned(),
        // A part's own table tells its defaults.
        Some(Json::Object(_)) => "see below".to_owned(),
        Some(Json::String(text)) if text.is_empty() => "none".to_owned(),
        Some(Json::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    }
}

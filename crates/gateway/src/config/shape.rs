//! Walks the tree along the schema: unknown keys, wrong kinds, values out of range, all of them at once.
//!
//! What is wrong is left out of the JSON that comes back, so that the later checks still see the rest of the file and a
//! user is not sent through one fault after another.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::scalar::fits;
use super::tree::{Key, Node, Value};

/// What the walk came to.
pub(crate) struct Shape {
    /// The file without what is wrong.
    pub(crate) json: Json,
    /// What is wrong.
    pub(crate) faults: Vec<Fault>,
}

/// Walks `tree` along `schema`, whose subschemas are inlined.
pub(crate) fn walk(file: &str, tree: &Node, schema: &Json) -> Shape {
    let mut walk = Walk { file, faults: Vec::new() };
    let json = walk.node(tree, schema, "").unwrap_or_else(|| Json::Object(Map::new()));
    Shape { json, faults: walk.faults }
}

/// The one of `known` that `word` was meant to be, most likely.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let at_most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, _)| *distance <= at_most)
        .min()
        .map(|(_, name)| name)
}

/// `did you mean X?`, and what there is.
pub(crate) fn suggestion<'a>(
    word: &str,
    what: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let mut out = String::new();
    if let Some(name) = nearest(word, known.clone()) {
        let _ = write!(out, "did you mean `{name}`? ");
    }
    let all: Vec<&str> = known.into_iter().collect();
    const SHOWN: usize = 20;
    let more = if all.len() > SHOWN { ", ..." } else { "" };
    let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let _ = write!(out, "{what}: {}{more}", if shown.is_empty() { "none" } else { &shown });
    out
}

struct Walk<'a> {
    file: &'a str,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    /// The node as JSON; nothing where it is wrong or empty.
    fn node(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let schema = without_null(schema);
        match &node.value {
            Value::Null if accepts(schema, "object") => self.map(&[], node, schema, path),
            Value::Null => None,
            _ if has_variants(schema) => self.variant(node, schema, path),
            Value::Map(entries) if accepts(schema, "object") => self.map(entries, node, schema, path),
            Value::List(items) if accepts(schema, "array") => self.list(items, schema, path),
            _ if choices(schema).is_some() => self.choice(node, schema, path),
            Value::Text(text) if accepts(schema, "string") => {
                self.format(node, schema, text, path).then(|| Json::String(text.clone()))
            }
            Value::Bool(value) if accepts(schema, "boolean") => Some(Json::Bool(*value)),
            Value::Number(number) if accepts(schema, "number") || accepts(schema, "integer") => {
                let whole = number.is_u64() || number.is_i64();
                if !accepts(schema, "number") && !whole {
                    self.fault(node, format!("`{path}` is {number}, and should be a whole number"), None);
                    return None;
                }
                let text = number.to_string();
                let good = self.range(node, schema, number, path) && self.format(node, schema, &text, path);
                good.then(|| Json::Number(number.clone()))
            }
            // A number where a time belongs lacks its unit, not its quotes.
            Value::Number(number) if !self.format(node, schema, &number.to_string(), path) => None,
            _ => {
                let hint = match &node.value {
                    Value::Number(_) | Value::Bool(_) if accepts(schema, "string") => {
                        Some("write it in quotes")
                    }
                    Value::Text(_) if accepts(schema, "boolean") => {
                        Some("write true or false, without quotes")
                    }
                    Value::Text(_) if accepts(schema, "array") => {
                        Some("write [a, b], or one a line after a dash")
                    }
                    Value::Map(_) if accepts(schema, "array") => {
                        Some("put a dash before each of its entries")
                    }
                    Value::List(_) if accepts(schema, "object") => {
                        Some("write each as `name: ...`, without a dash")
                    }
                    _ => None,
                };
                let message = format!("{} is {}, and should be {}", shown(path), node.kind(), wanted(schema));
                self.fault(node, message, hint.map(str::to_owned));
                None
            }
        }
    }

    fn map(&mut self, entries: &[(Key, Node)], node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let properties = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut out = Map::new();
        for (key, value) in entries {
            let name = key.name.as_str();
            let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match properties.and_then(|known| known.get(name)).or(others) {
                Some(schema) => {
                    if let Some(json) = self.node(value, schema, &inner) {
                        out.insert(name.to_owned(), json);
                    }
                }
                None => {
                    let known = properties.into_iter().flatten().map(|(name, _)| name.as_str());
                    let message = match path {
                        "" => format!("unknown key `{name}`"),
                        _ => format!("unknown key `{name}` in `{path}`"),
                    };
                    let hint = suggestion(name, "keys here", known);
                    self.faults.push(Fault::new(self.file, key.at, message).hint(hint));
                }
            }
        }
        let required = schema.get("required").and_then(Json::as_array).into_iter().flatten();
        let mut whole = true;
        for name in required.filter_map(Json::as_str).filter(|name| !out.contains_key(*name)) {
            whole = false;
            if !entries.iter().any(|(key, value)| key.name == name && !matches!(value.value, Value::Null)) {
                self.fault(
                    node,
                    format!("{} lacks `{name}`", shown(path)),
                    Some(format!("add `{name}: ...`")),
                );
            }
        }
        whole.then_some(Json::Object(out))
    }

    fn list(&mut self, items: &[Node], schema: &Json, path: &str) -> Option<Json> {
        let any = Json::Object(Map::new());
        let schema = schema.get("items").unwrap_or(&any);
        let mut out = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let inner = format!("{path}[{index}]");
            if matches!(item.value, Value::Null) {
                self.fault(
                    item,
                    format!("`{inner}` is empty"),
                    Some("give a value, or take the dash out".to_owned()),
                );
            }
            // An item that is wrong leaves an empty one, so that paths into the list stay right.
            let stand_in = || match (accepts(schema, "string"), schema.get("required")) {
                (true, _) => Some(Json::String(String::new())),
                (false, None) if accepts(schema, "object") => Some(Json::Object(Map::new())),
                _ => None,
            };
            out.extend(self.node(item, schema, &inner).or_else(stand_in));
        }
        Some(Json::Array(out))
    }

    fn choice(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let known = choices(schema).unwrap_or_default();
        let given = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            _ => node.kind().to_owned(),
        };
        if matches!(node.value, Value::Text(_)) && known.contains(&given.as_str()) {
            return Some(Json::String(given));
        }
        let hint = suggestion(&given, "it may be", known);
        self.fault(node, format!("`{path}` is `{given}`, which is not known"), Some(hint));
        None
    }

    /// A word, or a map: of the one variant it names, or of the one variant that is a map itself.
    fn variant(&mut self, node: &Node, schema: &Json, path: &str) -> Option<Json> {
        let known = choices(schema).unwrap_or_default();
        let tagged =
            |name: &str| variants(schema).find_map(|one| tagged(one).filter(|(tag, _)| *tag == name));
        match &node.value {
            Value::Text(word) if known.contains(&word.as_str()) => {
                let Some((_, inner)) = tagged(word) else { return Some(Json::String(word.clone())) };
                // A name alone is the name with nothing said of it.
                let empty = Node { at: node.at, value: Value::Map(Vec::new()) };
                let json = self.node(&empty, inner, &format!("{path}.{word}"))?;
                Some(Json::Object(Map::from_iter([(word.clone(), json)])))
            }
            Value::Map(entries) => {
                let plain =
                    variants(schema).find(|one| accepts(one, "object") && self::tagged(one).is_none());
                if let Some(plain) = plain {
                    return self.map(entries, node, plain, path);
                }
                let [(key, value)] = entries.as_slice() else {
                    let hint = format!("name one of {}", known.join(", "));
                    self.fault(
                        node,
                        format!("`{path}` has {} keys, and should have one", entries.len()),
                        Some(hint),
                    );
                    return None;
                };
                let Some((name, inner)) = tagged(&key.name) else {
                    let (message, hint) = if known.contains(&key.name.as_str()) {
                        let message = format!("`{}` in `{path}` takes no settings", key.name);
                        (message, format!("write `{}` alone", key.name))
                    } else {
                        let message = format!("unknown key `{}` in `{path}`", key.name);
                        (message, suggestion(&key.name, "it may be", known))
                    };
                    self.faults.push(Fault::new(self.file, key.at, message).hint(hint));
                    return None;
                };
                let json = self.node(value, inner, &format!("{path}.{name}"))?;
                Some(Json::Object(Map::from_iter([(name.to_owned(), json)])))
            }
            _ => self.choice(node, schema, path),
        }
    }

    fn format(&mut self, node: &Node, schema: &Json, text: &str, path: &str) -> bool {
        let Some(format) = schema.get("format").and_then(Json::as_str) else { return true };
        match fits(format, text) {
            Ok(()) => true,
            Err(malformed) => {
                self.fault(node, format!("`{path}`: {}", malformed.message), Some(malformed.hint.to_owned()));
                false
            }
        }
    }

    fn range(&mut self, node: &Node, schema: &Json, number: &serde_json::Number, path: &str) -> bool {
        let Some(value) = number.as_f64() else { return true };
        let of_type = match schema.get("format").and_then(Json::as_str) {
            Some("uint8") => Some(f64::from(u8::MAX)),
            Some("uint16") => Some(f64::from(u16::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => None,
        };
        let bound = |name| schema.get(name).and_then(Json::as_f64);
        let said = match (bound("minimum"), bound("maximum").or(of_type)) {
            (Some(least), _) if value < least => format!("at least {least}"),
            (_, Some(most)) if value > most => format!("at most {most}"),
            _ => return true,
        };
        self.fault(node, format!("`{path}` is {number}, and should be {said}"), None);
        false
    }

    fn fault(&mut self, node: &Node, message: String, hint: Option<String>) {
        let fault = Fault::new(self.file, node.at, message);
        self.faults.push(Fault { hint, ..fault });
    }
}

/// `Option<T>`'s schema as `T`'s.
pub(crate) fn without_null(schema: &Json) -> &Json {
    let Some(any) = schema.get("anyOf").and_then(Json::as_array) else { return schema };
    let is_null = |one: &&Json| one.get("type").and_then(Json::as_str) == Some("null");
    any.iter().find(|one| !is_null(one)).unwrap_or(schema)
}

/// The words an enum knows.
pub(crate) fn choices(schema: &Json) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return Some(words.iter().filter_map(Json::as_str).collect());
    }
    let one_of = schema.get("oneOf").and_then(Json::as_array)?;
    let words = one_of.iter().flat_map(|one| match one.get("const").and_then(Json::as_str) {
        Some(word) => vec![word],
        None => tagged(one).map_or_else(|| choices(one).unwrap_or_default(), |(name, _)| vec![name]),
    });
    Some(words.collect())
}

/// The variants of an enum some of whose variants hold something.
pub(crate) fn variants(schema: &Json) -> impl Iterator<Item = &Json> {
    schema.get("oneOf").and_then(Json::as_array).into_iter().flatten()
}

fn has_variants(schema: &Json) -> bool {
    variants(schema).any(|one| accepts(one, "object"))
}

/// The name and the content of a variant that is written as a map of its name.
pub(crate) fn tagged(variant: &Json) -> Option<(&str, &Json)> {
    let properties = variant.get("properties")?.as_object()?;
    let required = variant.get("required")?.as_array()?;
    let (name, inner) = properties.iter().next()?;
    (properties.len() == 1 && required.len() == 1).then_some((name.as_str(), inner))
}

fn accepts(schema: &Json, kind: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(one)) => one == kind,
        Some(Json::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

fn wanted(schema: &Json) -> String {
    const KINDS: [(&str, &str); 6] = [
        ("string", "a text"),
        ("number", "a number"),
        ("integer", "a whole number"),
        ("boolean", "true or false"),
        ("array", "a list"),
        ("object", "a map"),
    ];
    let kinds: Vec<&str> =
        KINDS.iter().filter(|(kind, _)| accepts(schema, kind)).map(|(_, said)| *said).collect();
    kinds.join(" or ")
}

fn shown(path: &str) -> String {
    if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") }
}

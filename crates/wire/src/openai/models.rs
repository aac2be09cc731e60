//! The models list, read from any OpenAI-like server (and Anthropic's, which has the same outer form) and written.

use crate::json::{JsonError, Kind, View, write_string};

/// A page of a models list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPage {
    /// The models in the server's order; entries without an id are left out.
    pub models: Vec<ModelEntry>,
    /// Where the next page begins, if there is one (Anthropic's `last_id` with `has_more`).
    pub next: Option<String>,
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelEntry {
    /// The name a request gives.
    pub id: String,
    /// `owned_by`.
    pub owned_by: Option<String>,
    /// `created`, in seconds since 1970.
    pub created: Option<u64>,
    /// The context length in tokens, where the server tells it.
    pub context_tokens: Option<u64>,
    /// Whether it answers chat requests, where the server tells.
    pub chat: Option<bool>,
}

/// Reads a models list: `{"data":[...]}`, `{"models":[...]}` or a bare array.
///
/// # Errors
/// If it is not JSON. A JSON text without a list gives an empty page.
pub fn parse(body: &[u8]) -> Result<ModelPage, JsonError> {
    let view = View::parse(body)?;
    let list = view.get("data").or_else(|| view.get("models")).unwrap_or(view);
    let models = list.elements().filter_map(entry).collect();
    let more = view.get("has_more").and_then(|more| more.bool()) == Some(true);
    let next = view.get("last_id").filter(|_| more).and_then(|id| id.str());
    Ok(ModelPage { models, next: next.map(Into::into) })
}

/// Writes a models list in OpenAI's form. Missing `created` is 0, missing `owned_by` empty: clients require both.
pub fn to_json<'a>(models: impl IntoIterator<Item = &'a ModelEntry>) -> Vec<u8> {
    let mut out = b"{\"object\":\"list\",\"data\":[".to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"id\":");
        write_string(&model.id, &mut out);
        out.extend_from_slice(b",\"object\":\"model\",\"created\":");
        out.extend_from_slice(model.created.unwrap_or(0).to_string().as_bytes());
        out.extend_from_slice(b",\"owned_by\":");
        write_string(model.owned_by.as_deref().unwrap_or(""), &mut out);
        if let Some(tokens) = model.context_tokens {
            out.extend_from_slice(format!(",\"context_length\":{tokens}").as_bytes());
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

fn entry(view: View<'_>) -> Option<ModelEntry> {
    let mut model = ModelEntry::default();
    let mut named = None;
    for (key, value) in view.members() {
        match key.as_ref() {
            "id" => model.id = value.str()?.into_owned(),
            "name" | "model" => named = named.or(value.str()),
            "owned_by" => model.owned_by = value.str().map(Into::into),
            "created" => model.created = value.u64(),
            "context_length" | "max_model_len" | "context_window" | "max_context_length"
            | "max_input_tokens" => {
                model.context_tokens = model.context_tokens.or(value.u64());
            }
            "type" => model.chat = model.chat.or_else(|| chat_by_type(&value.str()?)),
            "capabilities" => {
                let chat = value.get("completion_chat").and_then(|chat| chat.bool());
                model.chat = chat.or(model.chat);
            }
            "architecture" => {
                let outputs = value.get("output_modalities").filter(|list| list.kind() == Kind::Array);
                model.chat =
                    outputs.map(|list| list.elements().any(|kind| kind.is_str("text"))).or(model.chat);
            }
            _ => {}
        }
    }
    if model.id.is_empty() {
        model.id = named?.into_owned();
    }
    Some(model)
}

/// What a `type` says about chat, in the words of Together and LM Studio.
fn chat_by_type(kind: &str) -> Option<bool> {
    match kind {
        "chat" | "llm" | "vlm" => Some(true),
        "embedding" | "embeddings" | "image" | "audio" | "rerank" | "moderation" | "transcribe" => {
            Some(false)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_many_servers_are_read() {
        let ids = |body: &str| -> Vec<String> {
            parse(body.as_bytes()).unwrap().models.into_iter().map(|model| model.id).collect()
        };
        assert_eq!(ids(r#"{"object":"list","data":[{"id":"a"},{"id":"b"},{"object":"model"}]}"#), ["a", "b"]);
        assert_eq!(ids(r#"[{"id":"a"}]"#), ["a"]);
        assert_eq!(ids(r#"{"models":[{"name":"llama3:8b"}]}"#), ["llama3:8b"]);
        assert!(ids("{}").is_empty());
        assert!(parse(b"<html>").is_err());
    }

    #[test]
    fn context_length_and_kind_are_taken_where_told() {
        let body = br#"{"data":[{"id":"a","max_model_len":32768},{"id":"e","type":"embedding"},
            {"id":"m","capabilities":{"completion_chat":false}},{"id":"o","architecture":{"output_modalities":["text"]}}]}"#;
        let models = parse(body).unwrap().models;
        assert_eq!(models[0].context_tokens, Some(32768));
        assert_eq!(
            models.iter().map(|model| model.chat).collect::<Vec<_>>(),
            [None, Some(false), Some(false), Some(true)]
        );
    }

    #[test]
    fn a_further_page_is_announced_only_when_there_is_one() {
        let page =
            |more| format!(r#"{{"data":[{{"type":"model","id":"c"}}],"has_more":{more},"last_id":"c"}}"#);
        assert_eq!(parse(page(true).as_bytes()).unwrap().next.as_deref(), Some("c"));
        assert_eq!(parse(page(false).as_bytes()).unwrap().next, None);
    }

    #[test]
    fn what_is_written_reads_back() {
        let models = [ModelEntry {
            id: "auto".into(),
            owned_by: Some("pointsman".into()),
            created: Some(5),
            context_tokens: Some(8),
            chat: None,
        }];
        assert_eq!(parse(&to_json(&models)).unwrap().models, models);
    }
}

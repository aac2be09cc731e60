//! A chat request as a Messages request.

use super::tools::{ToolFields, write_tools};
use super::turns::Turns;
use crate::head::RequestHead;
use crate::json::{Kind, Object, View};
use crate::lossy::Lossy;

/// What the target adds to a request.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The model's name at the target.
    pub model: &'a str,
    /// `max_tokens`, which Anthropic demands, where the client gives none.
    pub default_max_tokens: u64,
    /// Whether the model takes a JSON schema for its answer (`output_config.format`). If not, one is dropped and
    /// reported.
    pub json_schema: bool,
}

/// A translated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The body for `POST /v1/messages`.
    pub body: Vec<u8>,
    /// What was lost.
    pub lossy: Lossy,
}

/// Why a request cannot be translated: it would be refused by OpenAI too. The status for all of them is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// A field is missing or has a value of the wrong kind.
    #[error("`{field}` must be {expected}")]
    Wrong {
        /// The path of the field.
        field: String,
        /// What it must be.
        expected: &'static str,
    },
    /// No message has any content.
    #[error("`messages` has no content: send at least one message that is not empty")]
    NothingToSay,
}

impl TranslateError {
    /// The field at fault, for the `param` of an error envelope.
    pub fn param(&self) -> &str {
        match self {
            Self::Wrong { field, .. } => field,
            Self::NothingToSay => "messages",
        }
    }

    pub(super) fn wrong(field: String, expected: &'static str) -> Self {
        Self::Wrong { field, expected }
    }
}

/// Translates a chat body that `head` was parsed from.
///
/// # Errors
/// See [`TranslateError`].
pub fn request(body: &[u8], head: &RequestHead, options: &Options<'_>) -> Result<Request, TranslateError> {
    let mut lossy = Lossy::new();
    let messages = head.messages.ok_or_else(|| TranslateError::wrong("messages".into(), "an array"))?;
    let turns = Turns::read(View::trusted(messages.of(body)), &mut lossy)?;

    let mut out = Vec::with_capacity(body.len() + body.len() / 8 + 256);
    let mut request = Object::new(&mut out);
    request.string("model", options.model);
    request.number("max_tokens", head.max_output_tokens.unwrap_or(options.default_max_tokens).max(1));
    if head.stream {
        request.raw("stream", b"true");
    }
    turns.write(&mut request);
    let mut fields =
        Fields { options, lossy: &mut lossy, tools: ToolFields::default(), user: None, sampled: false };
    for (name, value) in View::trusted(body.trim_ascii()).members() {
        if !value.is_null() {
            fields.write(&name, value, &mut request);
        }
    }
    let (tools, user) = (fields.tools, fields.user);
    write_tools(&mut request, tools, &turns.used_tools, &mut lossy)?;
    if let Some(user) = user {
        Object::new(request.key("metadata")).raw("user_id", user.raw()).end();
    }
    request.end();
    Ok(Request { body: out, lossy })
}

/// The top-level fields on their way over.
struct Fields<'a, 'r> {
    options: &'r Options<'r>,
    lossy: &'r mut Lossy,
    tools: ToolFields<'a>,
    user: Option<View<'a>>,
    sampled: bool,
}

impl<'a> Fields<'a, '_> {
    fn write(&mut self, name: &str, value: View<'a>, request: &mut Object<'_>) {
        match name {
            // Read from the head, or meant for this gateway and not for the model.
            "model"
            | "messages"
            | "stream"
            | "stream_options"
            | "max_tokens"
            | "max_completion_tokens"
            | "pointsman" => {}
            "tools" => self.tools.tools = Some(value),
            "tool_choice" => self.tools.choice = Some(value),
            "parallel_tool_calls" => self.tools.parallel = Some(value),
            "user" if value.kind() == Kind::String => self.user = Some(value),
            "safety_identifier" if value.kind() == Kind::String => self.user = self.user.or(Some(value)),
            "temperature" => self.temperature(value, request),
            "top_p" if self.sampled => self.lossy.drop_field("top_p"),
            "top_p" => {
                self.sampled = true;
                request.raw("top_p", value.raw());
            }
            // Anthropic's own, which clients send beside OpenAI's fields.
            "top_k" | "thinking" => {
                request.raw(name, value.raw());
            }
            "stop" => self.stop(value, request),
            "response_format" => self.response_format(value, request),
            other if is_default(other, value) => {}
            other => self.lossy.drop_field(other.to_owned()),
        }
    }

    /// Anthropic's scale ends at 1. Of temperature and `top_p` newer models take only one: the first one sent.
    fn temperature(&mut self, value: View<'_>, request: &mut Object<'_>) {
        if self.sampled {
            return self.lossy.drop_field("temperature");
        }
        self.sampled = true;
        if value.f64().is_some_and(|temperature| temperature > 1.0) {
            self.lossy.drop_field("temperature");
            request.raw("temperature", b"1");
        } else {
            request.raw("temperature", value.raw());
        }
    }

    /// Sequences of white space alone are refused by Anthropic.
    fn stop(&mut self, value: View<'_>, request: &mut Object<'_>) {
        let single = value.kind() == Kind::String;
        let sequences = single.then_some(value).into_iter().chain(value.elements());
        let mut list = vec![b'['];
        for (index, sequence) in sequences.enumerate() {
            if sequence.str().is_none_or(|text| text.trim().is_empty()) {
                let path = if single { "stop".to_owned() } else { format!("stop[{index}]") };
                self.lossy.drop_field(path);
                continue;
            }
            if list.len() > 1 {
                list.push(b',');
            }
            list.extend_from_slice(sequence.raw());
        }
        list.push(b']');
        if list.len() > 2 {
            request.raw("stop_sequences", &list);
        }
    }

    fn response_format(&mut self, value: View<'_>, request: &mut Object<'_>) {
        let kind = value.get("type").and_then(|kind| kind.str());
        let schema = value.get("json_schema").and_then(|format| format.get("schema"));
        match (kind.as_deref(), schema) {
            (Some("text"), _) => {}
            (Some("json_schema"), Some(schema)) if self.options.json_schema => {
                let mut config = Object::new(request.key("output_config"));
                Object::new(config.key("format"))
                    .string("type", "json_schema")
                    .raw("schema", schema.raw())
                    .end();
                config.end();
            }
            _ => self.lossy.drop_field("response_format"),
        }
    }
}

/// Whether a field says no more than leaving it out would.
fn is_default(name: &str, value: View<'_>) -> bool {
    let zero = || value.f64() == Some(0.0);
    match name {
        "n" => value.u64() == Some(1),
        "logprobs" | "store" => value.bool() == Some(false),
        "presence_penalty" | "frequency_penalty" | "top_logprobs" => zero(),
        "logit_bias" | "metadata" => value.members().next().is_none(),
        "modalities" => value.elements().all(|modality| modality.is_str("text")),
        "service_tier" => value.is_str("auto") || value.is_str("default"),
        _ => value.raw() == b"[]",
    }
}

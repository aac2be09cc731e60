//! A whole Messages answer as a chat completion.

use super::{Counts, finish};
use crate::anthropic::error;
use crate::json::{JsonError, Kind, Object, View, decoded_len};
use crate::lossy::Lossy;
use crate::neutral::{ApiError, Finish, Usage};
use crate::openai::chat::write_usage;

/// A translated answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The chat completion.
    pub body: Vec<u8>,
    /// The tokens, if reported.
    pub usage: Option<Usage>,
    /// How it ended.
    pub finish: Finish,
    /// Bytes of generated text, reasoning and tool arguments included.
    pub text_bytes: usize,
    /// What was lost.
    pub lossy: Lossy,
}

/// Why what came with status 200 is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is not JSON.
    #[error("the answer is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// It is JSON, but no message.
    #[error("the answer is not a message: `{0}` is missing")]
    NotAMessage(&'static str),
    /// It is an error.
    #[error("the upstream answered with an error: {}", .0.message)]
    Upstream(ApiError),
}

/// Translates an answer. `served` is the model's name for the client, `created` the time in seconds since 1970.
///
/// Texts are joined, thinking goes to `reasoning_content`, and a call's `input` becomes `arguments` as it is written.
///
/// # Errors
/// See [`AnswerError`].
pub fn answer(body: &[u8], served: &str, created: u64) -> Result<Answer, AnswerError> {
    let view = View::parse(body)?;
    if view.get("type").is_some_and(|kind| kind.is_str("error")) {
        return Err(AnswerError::Upstream(error::parse(body).unwrap_or_default()));
    }
    let content = view.get("content").filter(|content| content.kind() == Kind::Array);
    let content = content.ok_or(AnswerError::NotAMessage("content"))?;
    let reason = view.get("stop_reason").and_then(|reason| reason.str());
    let reason = reason.ok_or(AnswerError::NotAMessage("stop_reason"))?;

    let mut lossy = Lossy::new();
    let mut message = Message::default();
    for (index, block) in content.elements().enumerate() {
        message.add(block, index, &mut lossy);
    }
    let (finish, weaker) = finish(&reason);
    if weaker {
        lossy.drop_field("stop_reason");
    }
    if view.get("stop_sequence").is_some_and(|sequence| !sequence.is_null()) {
        lossy.drop_field("stop_sequence");
    }
    let mut counts = Counts::default();
    if let Some(usage) = view.get("usage") {
        counts.update(usage);
    }

    let mut out = Vec::with_capacity(body.len() + 256);
    let mut completion = Object::new(&mut out);
    completion
        .string("id", &view.get("id").and_then(|id| id.str()).unwrap_or_default())
        .string("object", "chat.completion")
        .number("created", created)
        .string("model", served);
    let choices = completion.key("choices");
    choices.push(b'[');
    let mut choice = Object::new(choices);
    choice.number("index", 0);
    message.write(choice.key("message"));
    choice.raw("logprobs", b"null").string("finish_reason", finish.name()).end();
    choices.push(b']');
    let usage = counts.usage();
    if let Some(usage) = &usage {
        write_usage(usage, completion.key("usage"));
    }
    completion.end();
    Ok(Answer { body: out, usage, finish, text_bytes: message.text_bytes, lossy })
}

/// An assistant's message in the making. Texts stay escaped throughout.
#[derive(Default)]
struct Message {
    text: Vec<u8>,
    reasoning: Vec<u8>,
    /// Calls, each followed by a comma.
    calls: Vec<u8>,
    text_bytes: usize,
}

impl Message {
    fn add(&mut self, block: View<'_>, index: usize, lossy: &mut Lossy) {
        let kind = block.get("type").and_then(|kind| kind.str());
        let text = |name| block.get(name).and_then(|text: View<'_>| text.str_raw()).unwrap_or_default();
        match kind.as_deref() {
            Some("text") => {
                self.text_bytes += decoded_len(text("text"));
                self.text.extend_from_slice(text("text"));
                if block.get("citations").is_some_and(|citations| !citations.is_null()) {
                    lossy.drop_field(format!("content[{index}].citations"));
                }
            }
            Some("thinking") => {
                self.text_bytes += decoded_len(text("thinking"));
                self.reasoning.extend_from_slice(text("thinking"));
                lossy.drop_field(format!("content[{index}].signature"));
            }
            Some("tool_use") => {
                let name = block.get("name").and_then(|name| name.str()).unwrap_or_default();
                let input =
                    block.get("input").map_or("{}".into(), |input| String::from_utf8_lossy(input.raw()));
                self.text_bytes += name.len() + input.len();
                let mut call = Object::new(&mut self.calls);
                call.string("id", &block.get("id").and_then(|id| id.str()).unwrap_or_default());
                call.string("type", "function");
                Object::new(call.key("function")).string("name", &name).string("arguments", &input).end();
                call.end();
                self.calls.push(b',');
            }
            _ => lossy.drop_field(format!("content[{index}]")),
        }
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        let quoted = |text: &[u8]| [b"\"", text, b"\""].concat();
        let mut message = Object::new(out);
        message.string("role", "assistant");
        if self.text.is_empty() && !self.calls.is_empty() {
            message.raw("content", b"null");
        } else {
            message.raw("content", &quoted(&self.text));
        }
        message.raw("refusal", b"null");
        if !self.reasoning.is_empty() {
            message.raw("reasoning_content", &quoted(&self.reasoning));
        }
        if self.calls.pop().is_some() {
            message.raw("tool_calls", &[b"[", self.calls.as_slice(), b"]"].concat());
        }
        message.end();
    }
}

//! Scanning a whole answer (chat completion or embeddings) where it lies.

use bytes::Bytes;

use super::usage::read_usage;
use crate::head;
use crate::json::{Cursor, JsonError, Span, Str, View, decoded_len, write_string};
use crate::neutral::{ApiError, Finish, Usage};
use crate::openai::error;

/// What a gateway must know of an answer with status 200.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerScan {
    /// The `model` string at the top level.
    pub model: Option<Str>,
    /// The tokens, if reported.
    pub usage: Option<Usage>,
    /// How each choice ended, in the order sent; `None` where `finish_reason` is missing or `null`.
    pub finishes: Vec<Option<Finish>>,
    /// Bytes of text in all choices, reasoning and tool arguments included: what there is to estimate tokens from.
    pub text_bytes: usize,
    /// The error, where the answer is one in spite of its status.
    pub error: Option<ApiError>,
}

impl AnswerScan {
    /// Checks and scans a whole answer.
    ///
    /// # Errors
    /// If the answer is not one JSON text (HTML from a proxy, a body cut short).
    pub fn scan(body: &[u8]) -> Result<Self, JsonError> {
        let mut cursor = Cursor::new(body);
        let mut scan = Self::default();
        if cursor.peek() != Some(b'{') {
            let value = cursor.value()?;
            cursor.end()?;
            scan.error = error::parse(value.of(body));
            return Ok(scan);
        }
        let mut walk = cursor.object()?;
        let mut failed = false;
        while let Some(key) = cursor.next_key(&mut walk)? {
            match key.text(body).as_ref() {
                "model" => scan.model = cursor.string_or_skip()?,
                "usage" => scan.usage = read_usage(cursor.view()?),
                "choices" => choices(cursor.view()?, &mut scan),
                "error" => failed = !cursor.view()?.is_null(),
                "object" => failed |= cursor.view()?.is_str("error"),
                _ => {
                    cursor.value()?;
                }
            }
        }
        cursor.end()?;
        if failed {
            scan.error = error::parse(body);
        }
        Ok(scan)
    }
}

/// Replaces the `model` string found by a scan of `body`; the same bytes come back when it already says so.
pub fn rewrite_model(body: &Bytes, model: Option<Str>, served: &str) -> Bytes {
    match model {
        Some(own) if !own.is(body, served) => head::patch(body, &mut [model_patch(own, served)]),
        _ => body.clone(),
    }
}

/// Replaces a string, quotes included.
pub(super) fn model_patch(own: Str, served: &str) -> (Span, Vec<u8>) {
    let mut quoted = Vec::with_capacity(served.len() + 2);
    write_string(served, &mut quoted);
    (own.quoted(), quoted)
}

fn choices(choices: View<'_>, scan: &mut AnswerScan) {
    scan.finishes.clear();
    for choice in choices.elements() {
        let mut finish = None;
        for (key, value) in choice.members() {
            match key.as_ref() {
                "finish_reason" => finish = value.str().map(|reason| Finish::parse(&reason)),
                "message" => scan.text_bytes += message_bytes(value),
                "usage" if scan.usage.is_none() => scan.usage = read_usage(value),
                _ => {}
            }
        }
        scan.finishes.push(finish);
    }
}

/// Bytes of generated text in a message or a stream's delta.
pub(super) fn message_bytes(message: View<'_>) -> usize {
    let length = |value: View<'_>| value.str_raw().map_or(0, decoded_len);
    let mut bytes = 0;
    for (key, value) in message.members() {
        match key.as_ref() {
            "content" | "reasoning_content" | "reasoning" | "refusal" => bytes += length(value),
            "tool_calls" => {
                for call in value.elements() {
                    bytes += call.get("function").map_or(0, |function| {
                        let part = |name| function.get(name).map_or(0, length);
                        part("name") + part("arguments")
                    });
                }
            }
            _ => {}
        }
    }
    bytes
}

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
            match key.bytes(body).as_ref() {
                b"model" => scan.model = cursor.string_or_skip()?,
                b"usage" => scan.usage = read_usage(cursor.view()?),
                b"choices" if cursor.peek() == Some(b'[') => {
                    scan.finishes.clear();
                    let mut items = cursor.array()?;
                    while cursor.next_item(&mut items)? {
                        choice(&mut cursor, &mut scan)?;
                    }
                }
                b"error" => failed = !cursor.view()?.is_null(),
                b"object" => failed |= cursor.view()?.is_str("error"),
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

fn choice(cursor: &mut Cursor<'_>, scan: &mut AnswerScan) -> Result<(), JsonError> {
    let mut finish = None;
    if cursor.peek() != Some(b'{') {
        cursor.value()?;
        scan.finishes.push(finish);
        return Ok(());
    }
    let bytes = cursor.bytes();
    let mut walk = cursor.object()?;
    while let Some(key) = cursor.next_key(&mut walk)? {
        match key.bytes(bytes).as_ref() {
            b"finish_reason" => {
                finish = cursor.string_or_skip()?.map(|reason| Finish::parse(&reason.text(bytes)))
            }
            b"message" => scan.text_bytes += generated_bytes(cursor)?,
            b"usage" => scan.usage = scan.usage.or(read_usage(cursor.view()?)),
            _ => {
                cursor.value()?;
            }
        }
    }
    scan.finishes.push(finish);
    Ok(())
}

/// Consumes a message or a stream's delta and counts the bytes of generated text in it.
pub(super) fn generated_bytes(cursor: &mut Cursor<'_>) -> Result<usize, JsonError> {
    if cursor.peek() != Some(b'{') {
        cursor.value()?;
        return Ok(0);
    }
    let bytes = cursor.bytes();
    let mut count = 0;
    let mut walk = cursor.object()?;
    while let Some(key) = cursor.next_key(&mut walk)? {
        match key.bytes(bytes).as_ref() {
            b"content" | b"reasoning_content" | b"reasoning" | b"refusal" => {
                count += cursor.string_or_skip()?.map_or(0, |text| text_len(text, bytes));
            }
            b"tool_calls" => count += cursor.view()?.elements().map(call_bytes).sum::<usize>(),
            _ => {
                cursor.value()?;
            }
        }
    }
    Ok(count)
}

fn text_len(text: Str, bytes: &[u8]) -> usize {
    if text.escaped { decoded_len(text.inner.of(bytes)) } else { text.inner.len() }
}

fn call_bytes(call: View<'_>) -> usize {
    let Some(function) = call.get("function") else { return 0 };
    let part = |name| function.get(name).and_then(|text: View<'_>| text.str_raw()).map_or(0, decoded_len);
    part("name") + part("arguments")
}

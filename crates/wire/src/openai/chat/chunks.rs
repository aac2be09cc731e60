//! Chat completions written from another dialect's answer: the chunks of a stream, or the whole.

use crate::json::Object;
use crate::neutral::{Finish, Usage};
use crate::sse;

/// What all chunks of one answer share.
#[derive(Clone, Debug)]
pub(crate) struct Chunks {
    served: String,
    pub(crate) id: String,
    created: u64,
    include_usage: bool,
}

impl Chunks {
    /// For a client that calls the model `served`. `created` is the time in seconds since 1970.
    pub(crate) fn new(served: impl Into<String>, id: &str, created: u64, include_usage: bool) -> Self {
        Self { served: served.into(), id: id.to_owned(), created, include_usage }
    }

    /// A chunk with this delta.
    pub(crate) fn delta(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        self.chunk(out, |choice| {
            let mut delta = Object::new(choice.key("delta"));
            write(&mut delta);
            delta.end();
            choice.raw("logprobs", b"null").raw("finish_reason", b"null");
        });
    }

    /// The last chunks: how it ended, the usage if it was asked for and is known, `[DONE]`.
    pub(crate) fn stop(&self, out: &mut Vec<u8>, finish: &Finish, usage: Option<&Usage>) {
        self.chunk(out, |choice| {
            choice.raw("delta", b"{}").raw("logprobs", b"null").string("finish_reason", finish.name());
        });
        if let Some(usage) = usage.filter(|_| self.include_usage) {
            let mut data = Vec::new();
            let mut chunk = self.open(&mut data, "chat.completion.chunk");
            chunk.raw("choices", b"[]");
            write_usage(usage, chunk.key("usage"));
            chunk.end();
            sse::write_event(None, &data, out);
        }
        sse::write_event(None, b"[DONE]", out);
    }

    /// A whole completion of one choice, to which `write` adds what stands behind `index`.
    pub(crate) fn whole(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        let mut completion = self.open(out, "chat.completion");
        one_choice(&mut completion, write);
        completion.end();
    }

    fn chunk(&self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        // JSON written here holds no line break, so one data field is enough.
        out.extend_from_slice(b"data: ");
        let mut chunk = self.open(out, "chat.completion.chunk");
        one_choice(&mut chunk, write);
        if self.include_usage {
            chunk.raw("usage", b"null");
        }
        chunk.end();
        out.extend_from_slice(b"\n\n");
    }

    fn open<'o>(&self, out: &'o mut Vec<u8>, object: &str) -> Object<'o> {
        let mut chunk = Object::new(out);
        chunk
            .string("id", &self.id)
            .string("object", object)
            .number("created", self.created)
            .string("model", &self.served);
        chunk
    }
}

fn one_choice(object: &mut Object<'_>, write: impl FnOnce(&mut Object<'_>)) {
    let choices = object.key("choices");
    choices.push(b'[');
    let mut choice = Object::new(choices);
    choice.number("index", 0);
    write(&mut choice);
    choice.end();
    choices.push(b']');
}

/// A `usage` object in OpenAI's form.
pub(crate) fn write_usage(usage: &Usage, out: &mut Vec<u8>) {
    let mut object = Object::new(out);
    object
        .number("prompt_tokens", usage.prompt_tokens)
        .number("completion_tokens", usage.completion_tokens)
        .number("total_tokens", usage.prompt_tokens.saturating_add(usage.completion_tokens));
    if usage.cached_tokens.is_some() || usage.cache_write_tokens.is_some() {
        let mut details = Object::new(object.key("prompt_tokens_details"));
        details.number("cached_tokens", usage.cached_tokens.unwrap_or(0));
        if let Some(written) = usage.cache_write_tokens {
            details.number("cache_write_tokens", written);
        }
        details.end();
    }
    if let Some(reasoning) = usage.reasoning_tokens {
        Object::new(object.key("completion_tokens_details")).number("reasoning_tokens", reasoning).end();
    }
    object.end();
}

//! Anthropic Messages behind OpenAI chat completions: requests there, answers and streams back.
//!
//! What each side says and the other cannot is reported as [`Lossy`](crate::Lossy); nothing is dropped in silence.
//! Values that mean the same on both sides are copied as they are written, tool arguments and schemas in particular.
//! Left out: Anthropic as the client's format.

mod answer;
mod content;
mod request;
mod stream;
mod tools;
mod turns;

use crate::json::View;
use crate::neutral::{Finish, Usage};

pub use answer::{Answer, AnswerError, answer};
pub use request::{Options, Request, TranslateError, request};
pub use stream::MessageStream;

/// How an answer ended, in OpenAI's terms, and whether that says less than `stop_reason` did.
fn finish(stop_reason: &str) -> (Finish, bool) {
    match stop_reason {
        "end_turn" | "stop_sequence" => (Finish::Stop, false),
        "max_tokens" | "model_context_window_exceeded" => (Finish::Length, false),
        "tool_use" => (Finish::ToolCalls, false),
        "refusal" => (Finish::ContentFilter, false),
        // `pause_turn` and whatever comes later.
        _ => (Finish::Stop, true),
    }
}

/// Anthropic counts the prompt in three parts; their sum is what OpenAI calls prompt tokens. Counts add up over the
/// events of a stream: those that an event leaves out keep their value.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    fn update(&mut self, usage: View<'_>) {
        for (key, value) in usage.members() {
            let count = value.u64();
            match key.as_ref() {
                "input_tokens" => self.input = count.or(self.input),
                "output_tokens" => self.output = count.or(self.output),
                "cache_read_input_tokens" => self.cache_read = count.or(self.cache_read),
                "cache_creation_input_tokens" => self.cache_write = count.or(self.cache_write),
                "output_tokens_details" => {
                    let thinking = value.get("thinking_tokens").or_else(|| value.get("reasoning_tokens"));
                    self.thinking = thinking.and_then(|count| count.u64()).or(self.thinking);
                }
                _ => {}
            }
        }
    }

    fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let parts = [self.input, self.cache_read, self.cache_write];
        Some(Usage {
            prompt_tokens: parts.into_iter().flatten().fold(0, u64::saturating_add),
            completion_tokens: self.output.unwrap_or(0),
            cached_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            reasoning_tokens: self.thinking,
        })
    }
}

#[cfg(test)]
mod tests;

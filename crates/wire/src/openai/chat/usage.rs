//! The `usage` object, in the spellings in use.

use crate::json::View;
use crate::neutral::Usage;

/// Reads a `usage` object; `None` if it is `null` or holds no token count.
///
/// Besides OpenAI's names: `prompt_cache_hit_tokens` (DeepSeek), `cached_tokens` beside the counts (Moonshot), and
/// `input_tokens`/`output_tokens`.
pub(crate) fn read_usage(usage: View<'_>) -> Option<Usage> {
    let mut read = Usage::default();
    let mut counted = false;
    let mut set = |field: &mut u64, value: View<'_>| {
        if let Some(count) = value.u64() {
            *field = count;
            counted = true;
        }
    };
    for (key, value) in usage.members() {
        match key.as_ref() {
            "prompt_tokens" | "input_tokens" => set(&mut read.prompt_tokens, value),
            "completion_tokens" | "output_tokens" => set(&mut read.completion_tokens, value),
            "prompt_tokens_details" | "input_tokens_details" => {
                let count = |name| value.get(name).and_then(|count| count.u64());
                read.cached_tokens = count("cached_tokens").or(read.cached_tokens);
                read.cache_write_tokens = count("cache_write_tokens")
                    .or_else(|| count("cache_creation_tokens"))
                    .or(read.cache_write_tokens);
            }
            "completion_tokens_details" | "output_tokens_details" => {
                let count = value.get("reasoning_tokens").and_then(|count| count.u64());
                read.reasoning_tokens = count.or(read.reasoning_tokens);
            }
            "prompt_cache_hit_tokens" | "cached_tokens" => {
                read.cached_tokens = read.cached_tokens.or(value.u64());
            }
            _ => {}
        }
    }
    counted.then_some(read)
}

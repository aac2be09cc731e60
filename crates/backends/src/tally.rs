//! Tokens and ends, from a provider's words into the kernel's, and the estimate where a provider is silent.

use pointsman_kernel::{Finish, Usage, UsageSource};
use pointsman_wire as wire;

/// Bytes of text to a token, where nobody counted: about right for English prose and code in today's vocabularies.
const BYTES_A_TOKEN: usize = 4;

/// The usage of an answer. `whole` says whether it ended by itself: a report that came before the end of an answer
/// that broke off is a lower bound.
pub(crate) fn tokens(
    reported: Option<wire::Usage>,
    whole: bool,
    input: Option<u64>,
    text_bytes: usize,
) -> Usage {
    let written = text_bytes.div_ceil(BYTES_A_TOKEN) as u64;
    match reported {
        Some(usage) => Usage {
            input: usage.prompt_tokens,
            output: if whole { usage.completion_tokens } else { usage.completion_tokens.max(written) },
            cached: usage.cached_tokens.unwrap_or(0),
            cache_written: usage.cache_write_tokens.unwrap_or(0),
            reasoning: usage.reasoning_tokens.unwrap_or(0),
            source: if whole { UsageSource::Reported } else { UsageSource::Estimated },
        },
        None if input.is_none() && text_bytes == 0 => Usage::default(),
        None => Usage {
            input: input.unwrap_or(0),
            output: written,
            source: UsageSource::Estimated,
            ..Usage::default()
        },
    }
}

pub(crate) fn finish_name(finish: &wire::Finish) -> Finish {
    finish.name().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_for_a_whole_answer_and_is_a_lower_bound_for_a_broken_one() {
        let report = wire::Usage { prompt_tokens: 9, completion_tokens: 1, ..wire::Usage::default() };
        let whole = tokens(Some(report), true, Some(5), 400);
        assert_eq!((whole.input, whole.output, whole.source), (9, 1, UsageSource::Reported));
        let broken = tokens(Some(report), false, Some(5), 400);
        assert_eq!((broken.input, broken.output, broken.source), (9, 100, UsageSource::Estimated));
        let silent = tokens(None, true, Some(5), 401);
        assert_eq!((silent.input, silent.output, silent.source), (5, 101, UsageSource::Estimated));
        assert_eq!(tokens(None, false, None, 0), Usage::default());
    }
}

//! What a scripted target says, in OpenAI's form.

use std::fmt::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use pointsman_kernel::rng::Rng;
use pointsman_kernel::{Usage, UsageSource};
use pointsman_wire::json::write_string;

use super::{Answer, Script};
use crate::call::Call;

/// One answer: its words, and how they are written down.
pub(super) struct Text {
    id: u64,
    created: u64,
    model: String,
    words: Vec<String>,
    cut_short: bool,
    input: u64,
    reports_usage: bool,
}

/// What simulated answers are made of.
const WORDS: [&str; 32] = [
    "the", "switch", "stands", "where", "two", "tracks", "meet", "and", "each", "train", "takes", "one",
    "of", "them", "by", "rule", "signal", "or", "load", "so", "that", "no", "line", "waits", "longer",
    "than", "it", "must", "while", "others", "run", "free",
];

impl Text {
    pub(super) fn new(served: &str, script: &Script, call: &Call) -> Self {
        let prompt = call.head.messages.map_or(&[][..], |messages| messages.of(&call.body));
        let id = hash(prompt, hash(served.as_bytes(), script.seed));
        let mut rng = Rng::new(id);
        let mut words: Vec<String> = match &script.answer {
            Answer::Fixed(text) => text.split_inclusive(' ').map(ToOwned::to_owned).collect(),
            Answer::Simulated(lengths) => {
                let spread = u64::from(lengths.end().saturating_sub(*lengths.start())) + 1;
                let length = u64::from(*lengths.start()) + rng.next_u64() % spread;
                let opening = [format!("(simulated answer of {served})")];
                let drawn = (1..length).map(|_| {
                    let index = usize::try_from(rng.next_u64() % WORDS.len() as u64).unwrap_or(0);
                    format!(" {}", WORDS.get(index).copied().unwrap_or_default())
                });
                opening.into_iter().chain(drawn).collect()
            }
        };
        let allowed = call.head.max_output_tokens.and_then(|tokens| usize::try_from(tokens).ok());
        let cut_short = allowed.is_some_and(|allowed| words.len() > allowed);
        words.truncate(allowed.unwrap_or(usize::MAX));
        Self {
            id,
            created: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            model: quoted(served),
            words,
            cut_short,
            input: call.input_tokens.unwrap_or(prompt.len().div_ceil(4) as u64),
            reports_usage: script.reports_usage,
        }
    }

    pub(super) fn words(&self) -> u32 {
        u32::try_from(self.words.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn finish(&self) -> &'static str {
        if self.cut_short { "length" } else { "stop" }
    }

    /// Usage when so many words have been said.
    pub(super) fn usage(&self, words: u32) -> Usage {
        let whole = self.reports_usage && words == self.words();
        Usage {
            input: self.input,
            output: u64::from(words),
            source: if whole { UsageSource::Reported } else { UsageSource::Estimated },
            ..Usage::default()
        }
    }

    pub(super) fn whole(&self) -> Bytes {
        let mut out = self.head("chat.completion");
        out.push_str(r#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
        out.push_str(&quoted(&self.words.concat()));
        let _ = write!(out, r#"}},"logprobs":null,"finish_reason":"{}"}}]"#, self.finish());
        if self.reports_usage {
            out.push_str(",\"usage\":");
            out.push_str(&self.usage_json());
        }
        out.push('}');
        out.into()
    }

    /// The event with the word at `index`, from 0. The first one names the role.
    pub(super) fn word(&self, index: u32) -> String {
        let word = usize::try_from(index).ok().and_then(|index| self.words.get(index));
        let role = if index == 0 { r#""role":"assistant","# } else { "" };
        let word = quoted(word.map(String::as_str).unwrap_or_default());
        self.chunk(&format!(r#"{{{role}"content":{word}}}"#), "null")
    }

    /// The last events: how it ended, the usage if it was asked for, `[DONE]`.
    pub(super) fn ending(&self, usage: bool) -> String {
        let mut out = self.chunk("{}", &format!("\"{}\"", self.finish()));
        if usage && self.reports_usage {
            let head = self.head("chat.completion.chunk");
            let _ = write!(out, "data: {head},\"choices\":[],\"usage\":{}}}\n\n", self.usage_json());
        }
        out.push_str("data: [DONE]\n\n");
        out
    }

    fn chunk(&self, delta: &str, finish: &str) -> String {
        let head = self.head("chat.completion.chunk");
        format!(
            "data: {head},\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    }

    fn head(&self, object: &str) -> String {
        let Self { id, created, model, .. } = self;
        format!(
            r#"{{"id":"chatcmpl-simulated-{id:016x}","object":"{object}","created":{created},"model":{model}"#
        )
    }

    fn usage_json(&self) -> String {
        let (input, output) = (self.input, u64::from(self.words()));
        let total = input + output;
        format!(r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total}}}"#)
    }
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// FNV-1a, mixed with a seed: the same everywhere, for any build.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

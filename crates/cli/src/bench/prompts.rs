//! Bodies that were never sent before: words drawn at random, of a length in tokens, and a coding agent's long request.

use std::fmt::Write as _;

use pointsman_encode::estimate_tokens;
use pointsman_kernel::rng::Rng;
use serde_json::{Value, json};

const WORDS: [&str; 64] = [
    "the", "a", "of", "to", "and", "in", "is", "that", "for", "with", "as", "on", "by", "from", "at", "be",
    "how", "why", "when", "which", "write", "explain", "compare", "prove", "list", "find", "fix", "sum",
    "graph", "matrix", "function", "table", "river", "contract", "cell", "market", "signal", "theorem",
    "recipe", "train", "query", "island", "music", "energy", "history", "letter", "engine", "garden",
    "planet", "battery", "story", "method", "value", "error", "file", "class", "test", "proof", "city",
    "winter", "number", "shorter", "step", "result",
];

/// Makes bodies.
pub(super) struct Prompts(Rng);

impl Prompts {
    /// Another seed, other bodies.
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// A single turn of about so many tokens for `model`.
    pub(super) fn single(&mut self, model: &str, tokens: u32) -> Vec<u8> {
        let text = self.text(tokens);
        json!({"model": model, "messages": [{"role": "user", "content": text}]}).to_string().into_bytes()
    }

    /// What a coding agent sends in the middle of its work: instructions, tools, and files it has read, in about so
    /// many bytes.
    pub(super) fn agent(&mut self, bytes: usize) -> Vec<u8> {
        let mut messages = vec![
            json!({"role": "system", "content": self.text(1_500)}),
            json!({"role": "user", "content": self.text(120)}),
        ];
        let mut size = 12_000;
        let mut turn = 0;
        while size < bytes {
            let file = self.file(6_000);
            size += file.len() + 400;
            let id = format!("call_{turn}");
            let arguments = json!({"path": format!("src/part_{turn}.rs")}).to_string();
            messages.push(json!({"role": "assistant", "content": self.text(30), "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "read_file", "arguments": arguments}}]}));
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": file}));
            turn += 1;
        }
        messages.push(json!({"role": "user", "content": self.text(200)}));
        json!({"model": "auto", "messages": messages, "tools": self.tools(), "temperature": 0})
            .to_string()
            .into_bytes()
    }

    /// Text of about so many tokens.
    pub(super) fn text(&mut self, tokens: u32) -> String {
        let mut text = String::new();
        // A word is a token here, a number two or three; measured now and then rather than after each word.
        let mut least = tokens * 9 / 10;
        while estimate_tokens(&text) < tokens {
            for _ in 0..(least / 8).max(1) {
                let word = self.word();
                let _ = write!(text, "{}{word}", if text.is_empty() { "" } else { " " });
            }
            if self.draw(12) == 0 {
                let number = self.draw(100_000);
                let _ = write!(text, " {number},");
            }
            least = (tokens / 20).max(1);
        }
        text
    }

    fn file(&mut self, bytes: usize) -> String {
        let mut file = String::new();
        while file.len() < bytes {
            let (name, value, line) = (self.word(), self.draw(1_000_000), self.text(9));
            let _ =
                writeln!(file, "    let {name}_{value} = compute(\"{line}\", {value})?; // {}", self.word());
        }
        file
    }

    fn tools(&mut self) -> Vec<Value> {
        let names =
            ["read_file", "write_file", "search", "run", "list", "patch", "fetch", "test", "commit", "ask"];
        let described = names.map(|name| {
            let (what, path) = (self.text(60), self.text(20));
            json!({"type": "function", "function": {"name": name, "description": what, "parameters": {
                "type": "object", "required": ["path"],
                "properties": {"path": {"type": "string", "description": path}, "limit": {"type": "integer"}}}}})
        });
        described.to_vec()
    }

    fn word(&mut self) -> &'static str {
        let index = usize::try_from(self.draw(WORDS.len() as u64)).unwrap_or(0);
        WORDS.get(index).copied().unwrap_or("word")
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.0.next_u64() % below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_has_about_the_tokens_asked_for_and_is_never_made_twice() {
        let mut prompts = Prompts::new(7);
        for tokens in [20, 200, 2_000] {
            let counted = f64::from(estimate_tokens(&prompts.text(tokens)));
            assert!((counted / f64::from(tokens) - 1.0).abs() < 0.35, "{counted} for {tokens}");
        }
        let all: std::collections::HashSet<Vec<u8>> = (0..200).map(|_| prompts.single("auto", 20)).collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn an_agents_body_has_the_size_asked_for() {
        let body = Prompts::new(7).agent(200_000);
        assert!((190_000..230_000).contains(&body.len()), "{}", body.len());
    }
}

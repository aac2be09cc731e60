//! Joins a request's body to what routing reads of it: the kernel's `Prompt`, and the signals made of it.
//!
//! Bounded: the body is walked once by byte ranges, at most 4 KB of the last user turn are decoded, and the tokens of
//! the rest are counted by the ratio found there.

use std::borrow::Cow;

use pointsman_encode::{Encoder, Features, StaticTable, Text, Words, estimate_tokens, stable_hash};
use pointsman_kernel::prompt::{AnswerFormat, LastTurn, Prompt};
use pointsman_kernel::signals::{Extractor, Shape};
use pointsman_kernel::{Asked, Signals};
use pointsman_wire::head::RequestHead;
use pointsman_wire::messages::Conversation;
use pointsman_wire::neutral::Role;

/// Bytes of the last user turn that are decoded at each end: what the encoder reads, and a little for its cuts.
const EXCERPT_BYTES: usize = 2_200;
/// Turns that agents are chosen by.
const TURNS: usize = 9;
/// Tokens a message costs beside its text, in the chat formats whose overhead is published.
const TOKENS_PER_MESSAGE: usize = 4;
/// Bytes to a token where no text is there to tell the ratio.
const BYTES_PER_TOKEN: f64 = 4.0;

/// One chat request as routing sees it.
pub struct ChatPrompt<'a> {
    /// What the kernel reads.
    pub prompt: Prompt<'a>,
    /// The last turns by the user, oldest first, each with what the assistant said just before it.
    pub turns: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Hash of the opening turns, from which a conversation without an id is known again.
    pub opening: u64,
    /// There is no message at all.
    pub empty: bool,
}

impl<'a> ChatPrompt<'a> {
    /// Reads the parsed body.
    pub fn read(head: &RequestHead, body: &'a [u8]) -> Self {
        let conversation = Conversation::read(head, body);
        let shape = conversation.shape();
        let last_user =
            conversation.last_user().map_or(Cow::Borrowed(""), |m| m.excerpt(EXCERPT_BYTES, EXCERPT_BYTES));
        let system = conversation.system_text();
        let last_turn = match conversation.messages().last().map(|message| message.role) {
            _ if conversation.answers_tool() => LastTurn::ToolResult,
            Some(Role::Assistant) => LastTurn::Assistant,
            _ => LastTurn::User,
        };
        let format = match head.response_format(body).as_deref() {
            Some("json_schema") => AnswerFormat::JsonSchema,
            Some("json_object") => AnswerFormat::Json,
            _ => AnswerFormat::Text,
        };
        let opening_user =
            conversation.first_user().map_or(Cow::Borrowed(""), |m| m.excerpt(EXCERPT_BYTES, EXCERPT_BYTES));
        let tool_bytes = head.tools.map_or(0, |span| span.len());
        let prompt = Prompt {
            turns: clamp(shape.user_turns + shape.assistant_turns),
            last_turn,
            tools: clamp(head.tool_count(body)),
            images: clamp(shape.parts.image + shape.parts.audio + shape.parts.file),
            format,
            input_tokens: tokens(&last_user, shape.text_bytes, shape.messages, tool_bytes),
            max_output_tokens: head.max_output_tokens.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
            system,
            last_user,
        };
        let system_hash = prompt.system.as_deref().map_or(0, |text| stable_hash(text.as_bytes()));
        let opening = stable_hash(opening_user.as_bytes()).rotate_left(17) ^ system_hash;
        let turns = turns(&conversation);
        Self { prompt, turns, opening, empty: shape.messages == 0 }
    }
}

/// The last turns by the user, oldest first, each with what the assistant said just before it.
fn turns<'a>(conversation: &Conversation<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let mut said = None;
    let mut turns = Vec::new();
    for message in conversation.messages() {
        match message.role {
            Role::Assistant if message.text_bytes > 0 => said = Some(message),
            Role::User => turns.push((message, said.take())),
            _ => {}
        }
    }
    let first = turns.len().saturating_sub(TURNS);
    let read = turns.drain(first..).map(|(user, said)| {
        let said = said.map_or(Cow::Borrowed(""), |said| said.excerpt(EXCERPT_BYTES / 4, EXCERPT_BYTES / 2));
        (user.excerpt(EXCERPT_BYTES, EXCERPT_BYTES), said)
    });
    read.collect()
}

/// Signals of a request that names its target: shape alone, nothing is embedded.
pub fn shape_of(prompt: &Prompt<'_>, asked: Asked) -> Signals {
    let mut signals = Signals { asked, ..Signals::default() };
    Shape.extract(prompt, &mut signals);
    signals
}

/// Signals of a request that is routed: shape, features, words and vector.
pub fn signals_of(prompt: &Prompt<'_>, encoder: &StaticTable) -> Signals {
    signals_as(prompt, &prompt.last_user, encoder)
}

/// The same where the last user turn is read as `turn`.
pub fn signals_as(prompt: &Prompt<'_>, turn: &str, encoder: &StaticTable) -> Signals {
    let mut signals = shape_of(prompt, Asked::Auto);
    let text = Text::new(turn, prompt.system.as_deref());
    signals.system_hash = text.system_hash().unwrap_or(0);
    signals.features = Features::of(&text).as_slice().to_vec();
    signals.words = Words::of(&text).into_inner();
    if let Ok(vector) = encoder.encode(&text) {
        signals.vector = vector.into_inner().into_vec();
    }
    signals
}

/// Tokens of the whole request: counted on the excerpt, scaled to the rest by bytes.
fn tokens(excerpt: &str, text_bytes: usize, messages: usize, tool_bytes: usize) -> u32 {
    let per_byte = if excerpt.is_empty() {
        1.0 / BYTES_PER_TOKEN
    } else {
        f64::from(estimate_tokens(excerpt)) / excerpt.len() as f64
    };
    let text = (text_bytes as f64 * per_byte).ceil() as usize;
    let tools = (tool_bytes as f64 / BYTES_PER_TOKEN) as usize;
    clamp(text + tools + messages * TOKENS_PER_MESSAGE)
}

fn clamp(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(body: &str, read: impl Fn(&ChatPrompt<'_>) -> T) -> T {
        let head = RequestHead::parse(body.as_bytes()).unwrap();
        read(&ChatPrompt::read(&head, body.as_bytes()))
    }

    #[test]
    fn a_tool_result_is_seen_and_the_last_user_turn_is_what_is_read() {
        let body = r#"{"model":"auto","tools":[{"type":"function","function":{"name":"f"}}],"messages":[
            {"role":"system","content":"be brief"},{"role":"user","content":"first"},
            {"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":"42"}]}"#;
        with(body, |read| {
            assert_eq!(read.prompt.last_turn, LastTurn::ToolResult);
            assert_eq!((read.prompt.turns, read.prompt.tools), (2, 1));
            assert_eq!(read.prompt.last_user, "first");
            assert_eq!(read.prompt.system.as_deref(), Some("be brief"));
        });
    }

    #[test]
    fn the_opening_is_the_same_through_a_conversation_and_another_in_another() {
        let first = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
        let later = r#"{"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"more"}]}"#;
        let other = r#"{"messages":[{"role":"system","content":"x"},{"role":"user","content":"hello"}]}"#;
        let opening = |body| with(body, |read| read.opening);
        assert_eq!(opening(first), opening(later));
        assert_ne!(opening(first), opening(other));
    }

    #[test]
    fn long_text_is_counted_by_its_ratio() {
        let text = "the quick brown fox jumps over the lazy dog ".repeat(2_000);
        let body = serde_json::json!({"messages": [{"role": "user", "content": text}]}).to_string();
        let counted = with(&body, |read| f64::from(read.prompt.input_tokens));
        let whole = f64::from(estimate_tokens(&text));
        assert!((counted / whole - 1.0).abs() < 0.1, "{counted} of {whole}");
    }
}

//! What is to be answered, whoever asks: made by `gateway` from a request and by `learn` from a table's row.
//!
//! Borrowed, so that making one copies no text. It holds what routing reads and nothing else; the body itself stays
//! with whoever forwards it.

use std::borrow::Cow;

/// Who spoke last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastTurn {
    /// A person, or whoever stands in the user role.
    #[default]
    User,
    /// The model itself: the request continues its own words.
    Assistant,
    /// A tool: the request carries the result of a call the model made.
    ToolResult,
}

/// The shape of answer asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerFormat {
    /// Free text.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that follows a schema.
    JsonSchema,
}

/// One request as routing sees it.
#[derive(Clone, Debug, Default)]
pub struct Prompt<'a> {
    /// Text of the last user turn; empty when there is none.
    pub last_user: Cow<'a, str>,
    /// Text of the system or developer turn.
    pub system: Option<Cow<'a, str>>,
    /// User and assistant turns, the present one included.
    pub turns: u32,
    /// Who spoke last.
    pub last_turn: LastTurn,
    /// Tools offered to the model.
    pub tools: u32,
    /// Images, or other media that a text model cannot read.
    pub images: u32,
    /// The shape of answer asked for.
    pub format: AnswerFormat,
    /// Estimated tokens of everything that will be read.
    pub input_tokens: u32,
    /// The caller's own limit on tokens written.
    pub max_output_tokens: Option<u32>,
}

impl<'a> Prompt<'a> {
    /// A single user turn of `tokens` estimated tokens.
    #[must_use]
    pub fn single(text: &'a str, tokens: u32) -> Self {
        Self { last_user: Cow::Borrowed(text), turns: 1, input_tokens: tokens, ..Self::default() }
    }
}

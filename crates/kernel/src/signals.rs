//! Small typed facts about one prompt, from which rules and estimators decide.
//!
//! Everything a decision reads of a prompt is here, so that it can be logged and replayed without the prompt. The
//! vector and the features are computed before and handed in; they are left out of the log unless the operator asked
//! for them.

use serde::{Deserialize, Serialize};

use crate::id::TargetId;
use crate::prompt::{AnswerFormat, LastTurn, Prompt};

/// Whether the caller leaves the choice to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// `auto`: choose for me.
    #[default]
    Auto,
    /// This one, by name: routing is bypassed.
    Named(TargetId),
}

/// What is known of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    /// What the caller asked for.
    pub asked: Asked,
    /// Estimated tokens to be read.
    pub input_tokens: u32,
    /// The caller's limit on tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// Turns so far, the present one included.
    pub turns: u32,
    /// Tools offered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tools: u32,
    /// The last turn is the result of a tool call.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tool_result: bool,
    /// Images or other media.
    #[serde(default, skip_serializing_if = "is_default")]
    pub images: u32,
    /// An answer in JSON is asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub json: bool,
    /// It must follow a schema.
    #[serde(default, skip_serializing_if = "is_default")]
    pub json_schema: bool,
    /// Stable hash of the system prompt, 0 without one: tells prompts of one application from another's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub system_hash: u64,
    /// Readable features of the embedded text, in the encoder's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<f32>,
    /// The prompt's vector, of norm 1 (or 0 for empty text).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector: Vec<f32>,
    /// Hashed terms of the embedded text, each with its weight; as telling as the text itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<(u16, f32)>,
}

/// Reads one kind of signal off a prompt, in tens of microseconds at most. It MUST NOT block or remember.
pub trait Extractor: Send + Sync {
    /// Writes what it found into `out`.
    fn extract(&self, prompt: &Prompt<'_>, out: &mut Signals);
}

/// Counts and flags that need no model: lengths, turns, tools, media, format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape;

impl Extractor for Shape {
    fn extract(&self, prompt: &Prompt<'_>, out: &mut Signals) {
        out.input_tokens = prompt.input_tokens;
        out.max_output_tokens = prompt.max_output_tokens;
        out.turns = prompt.turns;
        out.tools = prompt.tools;
        out.tool_result = prompt.last_turn == LastTurn::ToolResult;
        out.images = prompt.images;
        out.json = prompt.format != AnswerFormat::Text;
        out.json_schema = prompt.format == AnswerFormat::JsonSchema;
    }
}

impl Signals {
    /// Whether anything here could give the prompt's text away.
    #[must_use]
    pub fn tells_text(&self) -> bool {
        !(self.vector.is_empty() && self.features.is_empty() && self.words.is_empty())
    }

    /// The same without what could give the prompt's text away: what is logged by default.
    #[must_use]
    pub fn without_text(&self) -> Self {
        Self { vector: Vec::new(), features: Vec::new(), words: Vec::new(), ..self.clone() }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

//! Anthropic's formats: Messages as an upstream of OpenAI chat completions, and its error envelope.

pub mod error;
pub mod messages;

/// The value of the `anthropic-version` header that these formats are those of.
pub const VERSION: &str = "2023-06-01";

//! The few things every dialect says in its own words: roles, how an answer ended, what it used, what went wrong.

use std::borrow::Cow;

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `system`.
    System,
    /// `developer`: OpenAI's later name for instructions by the application.
    Developer,
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
    /// `tool`, and the older `function`: the result of a call.
    Tool,
    /// Any other, or none.
    Other,
}

impl Role {
    /// Reads a role's OpenAI name.
    pub fn parse(name: &str) -> Self {
        match name {
            "system" => Self::System,
            "developer" => Self::Developer,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            _ => Self::Other,
        }
    }
}

/// How an answer ended, in OpenAI's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// By itself, or at a stop sequence.
    Stop,
    /// At the limit of output tokens.
    Length,
    /// To have tools called.
    ToolCalls,
    /// By a content filter or a refusal.
    ContentFilter,
    /// In any other way, by the upstream's word for it.
    Other(String),
}

impl Finish {
    /// Reads a `finish_reason`.
    pub fn parse(name: &str) -> Self {
        match name {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The `finish_reason`.
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(name) => name,
        }
    }
}

/// Tokens, as an upstream reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// All tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    /// All tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Of the prompt: read from a cache. `None` when not reported.
    pub cached_tokens: Option<u64>,
    /// Of the prompt: written to a cache. `None` when not reported.
    pub cache_write_tokens: Option<u64>,
    /// Of the answer: spent on reasoning. `None` when not reported.
    pub reasoning_tokens: Option<u64>,
}

/// An error as a provider or this gateway tells it, independent of the dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// For people.
    pub message: String,
    /// The class: `invalid_request_error`, `rate_limit_error`, ...
    pub kind: Cow<'static, str>,
    /// The stable code, for programs.
    pub code: Option<Cow<'static, str>>,
    /// The request's field at fault.
    pub param: Option<String>,
    /// The decision this error belongs to.
    pub decision_id: Option<String>,
}

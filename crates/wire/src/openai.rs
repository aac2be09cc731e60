//! OpenAI's formats: chat completions, embeddings, the models list, the error envelope.

pub mod chat;
pub mod embeddings;
pub mod error;
pub mod models;

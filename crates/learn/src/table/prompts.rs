//! `prompts.jsonl`: a prompt a line.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::{PromptRow, Split, TableError};

#[derive(Deserialize)]
struct Line {
    prompt_id: String,
    prompt: Prompt,
    dataset: Option<String>,
    domain: Option<String>,
    split: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Messages(Vec<Message>),
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

/// The prompts of a file.
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Vec<PromptRow>, TableError> {
    let mut prompts = Vec::new();
    let mut seen = HashSet::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let fault = |column: String, what: String| TableError::At {
            file: file.to_owned(),
            line: at as u64 + 1,
            column,
            what,
        };
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            let column = error.column().max(1).to_string();
            fault(
                column,
                format!(
                    "{}; a line is an object with prompt_id (text) and prompt (text or chat messages)",
                    without_place(&error)
                ),
            )
        })?;
        if line.prompt_id.is_empty() {
            return Err(fault("prompt_id".into(), "is empty; give each prompt an id".into()));
        }
        if !seen.insert(line.prompt_id.clone()) {
            let what =
                format!("prompt `{}` was there before; give each prompt an id of its own", line.prompt_id);
            return Err(fault("prompt_id".into(), what));
        }
        prompts.push(row(line).map_err(|(column, what)| fault(column.into(), what))?);
    }
    if prompts.is_empty() {
        let what = "the file holds no prompt; write one JSON object a line".to_owned();
        return Err(TableError::At { file: file.to_owned(), line: 1, column: "1".into(), what });
    }
    Ok(prompts)
}

fn row(line: Line) -> Result<PromptRow, (&'static str, String)> {
    let split = match line.split.as_deref() {
        None | Some("") => None,
        Some("all") => return Err(("split", "`all` names no part; use train, dev or test".to_owned())),
        Some(word) => Some(word.parse::<Split>().map_err(|error| ("split", error.to_string()))?),
    };
    let mut row = PromptRow {
        id: line.prompt_id,
        turns: 1,
        dataset: line.dataset,
        domain: line.domain,
        split,
        ..PromptRow::default()
    };
    match line.prompt {
        Prompt::Text(text) => row.text = text,
        Prompt::Messages(messages) => {
            row.turns = 0;
            let mut asked = false;
            for message in messages {
                let text = message.content.map_or_else(String::new, Content::text);
                match message.role.as_str() {
                    "system" | "developer" => match &mut row.system {
                        Some(system) => {
                            system.push('\n');
                            system.push_str(&text);
                        }
                        None => row.system = Some(text),
                    },
                    "user" => {
                        row.turns += 1;
                        row.text = text;
                        asked = true;
                    }
                    "assistant" => row.turns += 1,
                    _ => {}
                }
            }
            if !asked {
                return Err((
                    "prompt",
                    "the messages hold no user turn; add the question that was asked".to_owned(),
                ));
            }
        }
    }
    Ok(row)
}

impl Content {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// The parser's own words without its line, which is always 1 here.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

//! A chat completion's request as a message to an agent.
//!
//! An agent keeps the conversation itself, under a context it has named, and has its own instructions and tools: what
//! goes over is the turn at hand. Everything else of the request is reported as lost, earlier turns too unless the agent
//! has a context for them or they are asked for as a transcript.

use std::borrow::Cow;

use a2a_types::{Message, Part, PartContent, Role as Speaker, SendMessageConfiguration, SendMessageRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rpc::{self, Id};
use super::{Method, Version, shape};
use crate::head::RequestHead;
use crate::json::{Kind, View};
use crate::lossy::Lossy;
use crate::messages::{Conversation, Message as Turn};
use crate::neutral::Role;

/// What an agent calls a conversation, and the task in it that waits for this turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The conversation.
    pub context: Option<String>,
    /// The task.
    pub task: Option<String>,
}

/// What is added to a request.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The version the agent speaks.
    pub version: Version,
    /// Ask for a stream.
    pub stream: bool,
    /// A name for this message that no other has.
    pub message_id: &'a str,
    /// What the agent knows of the conversation.
    pub thread: &'a Thread,
    /// The tenant that the agent's card wants to see.
    pub tenant: Option<&'a str>,
    /// Send earlier turns as text before the turn at hand, where the agent does not know them.
    pub transcript: bool,
}

/// A translated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The body.
    pub body: Vec<u8>,
    /// What was lost.
    pub lossy: Lossy,
}

/// Why a request cannot be made of an agent. The status is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`messages` holds nothing for the agent to answer: send a user's message with some content")]
pub struct NothingToSay;

/// As much of earlier turns is sent as a transcript; the oldest are left out.
const TRANSCRIPT_BYTES: usize = 16 << 10;

/// Translates a chat body that `head` was parsed from.
///
/// # Errors
/// There is no turn to answer.
pub fn request(body: &[u8], head: &RequestHead, options: &Options<'_>) -> Result<Request, NothingToSay> {
    let mut lossy = Lossy::new();
    let conversation = Conversation::read(head, body);
    let turns = conversation.messages();
    let end = turns.iter().rposition(|turn| turn.role != Role::Assistant).map_or(0, |last| last + 1);
    let begin =
        turns.iter().take(end).rposition(|turn| turn.role == Role::Assistant).map_or(0, |last| last + 1);
    if end < turns.len() {
        lossy.drop_field(format!("messages[{end}]"));
    }
    let mut parts = Vec::new();
    earlier(turns, begin, options, &mut parts, &mut lossy);
    let before = parts.len();
    for (index, turn) in turns.iter().enumerate().take(end).skip(begin) {
        match turn.role {
            Role::System | Role::Developer => lossy.drop_field(format!("messages[{index}]")),
            Role::Tool => parts.extend(tool_result(turn)),
            _ => content(turn, index, &mut parts, &mut lossy),
        }
    }
    if parts.len() == before {
        return Err(NothingToSay);
    }
    for (name, value) in View::trusted(body.trim_ascii()).members() {
        if !value.is_null() && !is_understood(&name) && !is_default(&name, value) {
            lossy.drop_field(name.into_owned());
        }
    }
    let message = Message {
        message_id: options.message_id.to_owned(),
        context_id: options.thread.context.clone(),
        task_id: options.thread.task.clone(),
        role: Speaker::User,
        parts,
        metadata: None,
        extensions: None,
        reference_task_ids: None,
    };
    let configuration = SendMessageConfiguration {
        accepted_output_modes: Some(vec!["text/plain".to_owned(), "application/json".to_owned()]),
        task_push_notification_config: None,
        history_length: None,
        return_immediately: None,
    };
    let asked = SendMessageRequest {
        message,
        configuration: Some(configuration),
        metadata: None,
        tenant: options.tenant.map(ToOwned::to_owned),
    };
    let params = serde_json::to_value(&asked).unwrap_or_default();
    let method = if options.stream { Method::Stream } else { Method::Send };
    Ok(Request { body: call(method, options.version, params, options.message_id), lossy })
}

/// A request about a task: `Get` looks at it, `Cancel` ends it.
#[must_use]
pub fn about_task(method: Method, version: Version, task: &str, tenant: Option<&str>) -> Vec<u8> {
    let mut params = json!({ "id": task });
    if let (Some(tenant), Some(members)) = (tenant, params.as_object_mut()) {
        members.insert("tenant".into(), tenant.into());
    }
    call(method, version, params, task)
}

fn call(method: Method, version: Version, params: Value, id: &str) -> Vec<u8> {
    let params = shape::params(params, Version::V1, version);
    let params = serde_json::to_vec(&params).unwrap_or_else(|_| b"{}".to_vec());
    let id: Id = rpc::own_id(id);
    rpc::call(&id, method.name(version), &params)
}

/// What was said before the turn at hand.
fn earlier(
    turns: &[Turn<'_>],
    begin: usize,
    options: &Options<'_>,
    parts: &mut Vec<Part>,
    lossy: &mut Lossy,
) {
    let known = options.thread.context.is_some();
    let mut lines = Vec::new();
    for (index, turn) in turns.iter().enumerate().take(begin) {
        let who = match turn.role {
            Role::User => "User",
            Role::Assistant => "Assistant",
            // An agent has instructions of its own.
            Role::System | Role::Developer => {
                lossy.drop_field(format!("messages[{index}]"));
                continue;
            }
            _ if known => continue,
            _ => "Tool",
        };
        if known {
            continue;
        }
        let text = turn.text();
        match options.transcript && !text.is_empty() {
            true => lines.push(format!("{who}: {text}")),
            false => lossy.drop_field(format!("messages[{index}]")),
        }
    }
    let mut room = TRANSCRIPT_BYTES;
    let fits = |line: &&String| {
        room = room.saturating_sub(line.len());
        room > 0
    };
    let kept = lines.iter().rev().take_while(fits).count();
    if kept < lines.len() {
        lossy.drop_field("messages (the earliest)");
    }
    let kept = lines.split_off(lines.len() - kept);
    if !kept.is_empty() {
        parts.push(Part::text(format!("The conversation so far:\n{}", kept.join("\n"))));
    }
}

fn tool_result(turn: &Turn<'_>) -> Option<Part> {
    let text = turn.text();
    if text.is_empty() {
        return None;
    }
    let mut part = Part::text(text);
    let text = |view: Option<View<'_>>| view.and_then(|view| view.str()).map(Cow::into_owned);
    let named = [("toolCallId", text(turn.tool_call_id)), ("toolName", text(turn.name))];
    let metadata =
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
    part.metadata = Some(metadata.collect());
    Some(part)
}

fn content(turn: &Turn<'_>, index: usize, parts: &mut Vec<Part>, lossy: &mut Lossy) {
    let Some(content) = turn.content else { return };
    if let Some(text) = content.str() {
        parts.extend(Some(text).filter(|text| !text.is_empty()).map(Part::text));
        return;
    }
    for (at, part) in content.elements().enumerate() {
        let kind = part.get("type").and_then(|kind| kind.str());
        let translated = match kind.as_deref() {
            Some("text" | "input_text") | None => match part.get("text").and_then(|text| text.str()) {
                Some(text) if text.is_empty() => continue,
                text => text.map(Part::text),
            },
            Some("image_url") => image(part),
            Some("input_audio") => audio(part),
            Some("file") => file(part),
            _ => None,
        };
        match translated {
            Some(part) => parts.push(part),
            None => lossy.drop_field(format!("messages[{index}].content[{at}]")),
        }
    }
}

fn image(part: View<'_>) -> Option<Part> {
    let image = part.get("image_url")?;
    // Some clients send the URL without the object around it.
    let url = image.get("url").or(Some(image))?.str()?;
    from_url(&url)
}

fn audio(part: View<'_>) -> Option<Part> {
    let audio = part.get("input_audio")?;
    let mut part = Part::raw(STANDARD.decode(audio.get("data")?.str()?.as_bytes()).ok()?);
    part.media_type =
        audio.get("format").and_then(|format| format.str()).map(|format| format!("audio/{format}"));
    Some(part)
}

/// A file sent inline. Files by id are the provider's own and cannot follow.
fn file(part: View<'_>) -> Option<Part> {
    let file = part.get("file")?;
    let mut part = from_url(&file.get("file_data")?.str()?)?;
    part.filename = file.get("filename").and_then(|name| name.str()).map(Cow::into_owned);
    Some(part)
}

fn from_url(url: &str) -> Option<Part> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(Part::url(url));
    }
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let (media_type, parameters) = head.split_once(';')?;
    if !parameters.split(';').any(|parameter| parameter.eq_ignore_ascii_case("base64")) {
        return None;
    }
    let mut part = Part { content: PartContent::Raw(STANDARD.decode(data).ok()?), ..Part::text("") };
    part.media_type = Some(media_type.to_owned()).filter(|media_type| !media_type.is_empty());
    Some(part)
}

/// Members that are read elsewhere, or meant for this gateway.
fn is_understood(name: &str) -> bool {
    matches!(name, "model" | "messages" | "stream" | "stream_options" | "pointsman")
}

/// Whether a member says no more than leaving it out would, or nothing an answer depends on.
fn is_default(name: &str, value: View<'_>) -> bool {
    match name {
        "n" => value.u64() == Some(1),
        "user" | "metadata" | "safety_identifier" | "store" | "prompt_cache_key" => true,
        "logprobs" | "parallel_tool_calls" => value.bool().is_some_and(|flag| !flag || name != "logprobs"),
        "presence_penalty" | "frequency_penalty" | "top_logprobs" => value.f64() == Some(0.0),
        "temperature" | "top_p" => value.f64() == Some(1.0),
        "logit_bias" => value.members().next().is_none(),
        "modalities" => value.elements().all(|modality| modality.is_str("text")),
        "response_format" => value.get("type").is_some_and(|kind| kind.is_str("text")),
        "service_tier" => value.is_str("auto") || value.is_str("default"),
        "tool_choice" => value.is_str("none"),
        _ => value.kind() == Kind::Array && value.elements().next().is_none(),
    }
}

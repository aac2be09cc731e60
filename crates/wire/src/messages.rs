//! A borrowed reading of a chat body's messages, for whoever has to decide where the request goes.
//!
//! One pass over the `messages` span finds roles, contents and kinds of parts; no text is decoded until it is asked
//! for, so the cost of a long conversation is that of skipping it. What a message means is the reader's business.

use std::borrow::Cow;

use crate::head::RequestHead;
use crate::json::{Cursor, JsonError, Kind, View, decode};
use crate::neutral::Role;

/// The messages of one request, in order.
#[derive(Clone, Debug, Default)]
pub struct Conversation<'a> {
    messages: Vec<Message<'a>>,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// The content: a string, an array of parts, `null`, or absent.
    pub content: Option<View<'a>>,
    /// The calls an assistant made, if the array has any.
    pub tool_calls: Option<View<'a>>,
    /// The call that a tool's message answers.
    pub tool_call_id: Option<View<'a>>,
    /// The speaker's name.
    pub name: Option<View<'a>>,
    /// What the content is made of.
    pub parts: Parts,
    /// Bytes of the text parts as sent (escapes count as they are written).
    pub text_bytes: usize,
}

/// How many parts of each kind there are. A string counts as one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Texts.
    pub text: usize,
    /// Images, by URL or inline.
    pub image: usize,
    /// Recordings.
    pub audio: usize,
    /// Files and documents.
    pub file: usize,
    /// Parts of a kind that is not known here.
    pub other: usize,
}

/// A conversation in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// All messages.
    pub messages: usize,
    /// Messages by the user.
    pub user_turns: usize,
    /// Messages by the assistant.
    pub assistant_turns: usize,
    /// Results of tools.
    pub tool_results: usize,
    /// Parts of all messages.
    pub parts: Parts,
    /// Bytes of all texts as sent.
    pub text_bytes: usize,
}

impl<'a> Conversation<'a> {
    /// Reads the messages of a body that `head` was parsed from; empty when it has none.
    pub fn read(head: &RequestHead, body: &'a [u8]) -> Self {
        let Some(span) = head.messages else { return Self::default() };
        let mut messages = Vec::new();
        // The head has checked these bytes, so the error case cannot occur; ending early is its harmless reading.
        let _checked = read_into(span.of(body), &mut messages);
        Self { messages }
    }

    /// All messages.
    pub fn messages(&self) -> &[Message<'a>] {
        &self.messages
    }

    /// The texts of all system and developer messages, joined by a newline.
    pub fn system_text(&self) -> Option<Cow<'a, str>> {
        let system = |message: &&Message<'_>| matches!(message.role, Role::System | Role::Developer);
        join(self.messages.iter().filter(system).map(Message::text))
    }

    /// The first message by the user: with the system text, what names a conversation.
    pub fn first_user(&self) -> Option<&Message<'a>> {
        self.messages.iter().find(|message| message.role == Role::User)
    }

    /// The last message by the user.
    pub fn last_user(&self) -> Option<&Message<'a>> {
        self.messages.iter().rev().find(|message| message.role == Role::User)
    }

    /// Whether the last message is the result of a tool: a turn that continues another.
    pub fn answers_tool(&self) -> bool {
        self.messages.last().is_some_and(|message| message.role == Role::Tool)
    }

    /// The conversation in numbers.
    pub fn shape(&self) -> Shape {
        let mut shape = Shape { messages: self.messages.len(), ..Shape::default() };
        for message in &self.messages {
            match message.role {
                Role::User => shape.user_turns += 1,
                Role::Assistant => shape.assistant_turns += 1,
                Role::Tool => shape.tool_results += 1,
                _ => {}
            }
            shape.parts.text += message.parts.text;
            shape.parts.image += message.parts.image;
            shape.parts.audio += message.parts.audio;
            shape.parts.file += message.parts.file;
            shape.parts.other += message.parts.other;
            shape.text_bytes += message.text_bytes;
        }
        shape
    }
}

impl<'a> Message<'a> {
    /// The text: the content string, or the text parts joined by a newline. Borrowed when it is one piece without
    /// escapes.
    pub fn text(&self) -> Cow<'a, str> {
        join(self.texts().map(decode)).unwrap_or_default()
    }

    /// The text if it is short, else its first `head` and last `tail` bytes (as sent) with a newline between them:
    /// work and size are bounded whatever was sent. Cuts lie between characters.
    pub fn excerpt(&self, head: usize, tail: usize) -> Cow<'a, str> {
        if self.text_bytes <= head.saturating_add(tail) {
            return self.text();
        }
        let mut out = String::with_capacity(head + tail + 1);
        for raw in self.texts() {
            let room = head.saturating_sub(out.len());
            if room == 0 {
                break;
            }
            if !out.is_empty() {
                out.push('\n');
            }
            let cut = if raw.len() > room { cut_before(raw, room) } else { raw.len() };
            out.push_str(&decode(raw.get(..cut).unwrap_or_default()));
        }
        let mut ends = Vec::new();
        let mut room = tail;
        let texts: Vec<&[u8]> = self.texts().collect();
        for raw in texts.into_iter().rev() {
            if room == 0 {
                break;
            }
            let cut = if raw.len() > room { cut_after(raw, raw.len() - room) } else { 0 };
            let end = raw.get(cut..).unwrap_or_default();
            room = room.saturating_sub(end.len().max(1));
            ends.push(decode(end));
        }
        for end in ends.iter().rev() {
            out.push('\n');
            out.push_str(end);
        }
        Cow::Owned(out)
    }

    /// The texts as sent, still escaped.
    fn texts(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let whole = self.content.and_then(|content| content.str_raw());
        let parts = self.content.filter(|content| content.kind() == Kind::Array);
        let parts = parts.into_iter().flat_map(|content| content.elements());
        let parts = parts.filter(|part| part.get("type").is_none_or(|kind| is_text(kind.raw())));
        whole.into_iter().chain(parts.filter_map(|part| part.get("text")?.str_raw()))
    }
}

fn read_into<'a>(raw: &'a [u8], messages: &mut Vec<Message<'a>>) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(raw);
    let mut items = cursor.array()?;
    while cursor.next_item(&mut items)? {
        let mut message = Message {
            role: Role::Other,
            content: None,
            tool_calls: None,
            tool_call_id: None,
            name: None,
            parts: Parts::default(),
            text_bytes: 0,
        };
        if cursor.peek() != Some(b'{') {
            cursor.value()?;
            messages.push(message);
            continue;
        }
        let mut members = cursor.object()?;
        while let Some(key) = cursor.next_key(&mut members)? {
            match key.bytes(raw).as_ref() {
                b"role" => {
                    let role = cursor.string_or_skip()?;
                    message.role = role.map_or(Role::Other, |role| Role::parse(&role.text(raw)));
                }
                b"content" => {
                    (message.parts, message.text_bytes) = (Parts::default(), 0);
                    message.content =
                        Some(content(&mut cursor, &mut message.parts, &mut message.text_bytes)?);
                }
                b"tool_calls" => {
                    let calls = cursor.view()?;
                    message.tool_calls = calls.elements().next().map(|_| calls);
                }
                b"tool_call_id" => message.tool_call_id = Some(cursor.view()?),
                b"name" => message.name = Some(cursor.view()?),
                _ => {
                    cursor.value()?;
                }
            }
        }
        messages.push(message);
    }
    Ok(())
}

fn content<'a>(cursor: &mut Cursor<'a>, parts: &mut Parts, bytes: &mut usize) -> Result<View<'a>, JsonError> {
    match cursor.peek() {
        Some(b'"') => {
            let text = cursor.string("a string")?;
            parts.text = 1;
            *bytes = text.inner.len();
            Ok(View::trusted(text.quoted().of(cursor.bytes())))
        }
        Some(b'[') => {
            let start = cursor.at();
            let mut items = cursor.array()?;
            while cursor.next_item(&mut items)? {
                part(cursor, parts, bytes)?;
            }
            Ok(View::trusted(cursor.bytes().get(start..cursor.at()).unwrap_or_default()))
        }
        _ => cursor.view(),
    }
}

fn part(cursor: &mut Cursor<'_>, parts: &mut Parts, bytes: &mut usize) -> Result<(), JsonError> {
    if cursor.peek() != Some(b'{') {
        parts.other += 1;
        return cursor.value().map(drop);
    }
    let raw = cursor.bytes();
    let (mut kind, mut text) = (None, None);
    let mut members = cursor.object()?;
    while let Some(key) = cursor.next_key(&mut members)? {
        if key.is(raw, "type") {
            kind = cursor.string_or_skip()?;
        } else if key.is(raw, "text") {
            text = cursor.string_or_skip()?;
        } else {
            cursor.value()?;
        }
    }
    let count = match kind.map(|kind| kind.text(raw)).as_deref() {
        Some("text" | "input_text") => &mut parts.text,
        None if text.is_some() => &mut parts.text,
        Some("image_url" | "input_image" | "image") => &mut parts.image,
        Some("input_audio" | "audio") => &mut parts.audio,
        Some("file" | "input_file" | "document") => &mut parts.file,
        _ => {
            parts.other += 1;
            return Ok(());
        }
    };
    *count += 1;
    if kind.is_none_or(|kind| is_text(kind.quoted().of(raw))) {
        *bytes += text.map_or(0, |text| text.inner.len());
    }
    Ok(())
}

fn is_text(kind: &[u8]) -> bool {
    kind == b"\"text\"" || kind == b"\"input_text\""
}

fn join<'a>(mut texts: impl Iterator<Item = Cow<'a, str>>) -> Option<Cow<'a, str>> {
    let mut joined = texts.next()?;
    for text in texts {
        let whole = joined.to_mut();
        whole.push('\n');
        whole.push_str(&text);
    }
    Some(joined)
}

/// The largest offset up to `at` that lies between two characters of a still escaped text.
fn cut_before(raw: &[u8], at: usize) -> usize {
    let mut cut = straddling_escape(raw, at).map_or(at, |(start, _)| start);
    while cut > 0 && raw.get(cut).is_some_and(|byte| byte & 0xC0 == 0x80) {
        cut -= 1;
    }
    cut
}

/// The smallest offset from `at` on that lies between two characters of a still escaped text.
fn cut_after(raw: &[u8], at: usize) -> usize {
    let mut cut = straddling_escape(raw, at).map_or(at, |(_, end)| end);
    while raw.get(cut).is_some_and(|byte| byte & 0xC0 == 0x80) {
        cut += 1;
    }
    cut
}

/// The escape that begins before `at` and ends behind it.
fn straddling_escape(raw: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = raw.get(..at)?;
    // The longest escape has six bytes, so its backslash is among the last five.
    let backslash = before.iter().rposition(|&byte| byte == b'\\').filter(|found| found + 6 > at)?;
    let run = before.get(..=backslash)?.iter().rev().take_while(|&&byte| byte == b'\\').count();
    if run % 2 == 0 {
        return None;
    }
    let length = if raw.get(backslash + 1) == Some(&b'u') { 6 } else { 2 };
    (backslash + length > at).then_some((backslash, backslash + length))
}

#[cfg(test)]
mod tests;

//! A conversation as Anthropic wants it: instructions apart, and turns of user and assistant in alternation.
//!
//! Messages in a row by one side become one turn. Results of tools belong to the user's turn and stand first in it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::content::{plain_text, write_content, write_text};
use super::request::TranslateError;
use super::tools::{call_id, write_call};
use crate::json::{Kind, Object, View, write_string};
use crate::lossy::Lossy;
use crate::neutral::Role;

/// The conversation, translated.
#[derive(Debug, Default)]
pub(super) struct Turns<'a> {
    /// Text blocks of all instructions, each followed by a comma.
    system: Vec<u8>,
    turns: Vec<Turn>,
    /// Names of the tools that were called.
    pub(super) used_tools: BTreeSet<Cow<'a, str>>,
}

#[derive(Debug, Default)]
struct Turn {
    assistant: bool,
    /// Blocks, each followed by a comma.
    results: Vec<u8>,
    blocks: Vec<u8>,
}

/// The members of one message, `null` ones left out.
#[derive(Debug, Default)]
struct Message<'a> {
    role: Option<View<'a>>,
    content: Option<View<'a>>,
    refusal: Option<View<'a>>,
    tool_calls: Option<View<'a>>,
    tool_call_id: Option<View<'a>>,
    name: Option<View<'a>>,
    /// Names of the others that say something.
    others: Vec<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    fn read(message: View<'a>) -> Self {
        let mut own = Self::default();
        for (key, value) in message.members() {
            match key.as_ref() {
                _ if value.is_null() || value.raw() == b"[]" => {}
                "role" => own.role = Some(value),
                "content" => own.content = Some(value),
                "refusal" => own.refusal = Some(value),
                "tool_calls" => own.tool_calls = Some(value),
                "tool_call_id" => own.tool_call_id = Some(value),
                "name" => own.name = Some(value),
                _ => own.others.push(key),
            }
        }
        own
    }

    /// Reports the members that are not carried over: the unknown ones, and those of `unused` that are there.
    fn report(&self, unused: &[&str], path: &str, lossy: &mut Lossy) {
        let unused = unused.iter().filter(|name| match **name {
            "refusal" => self.refusal.is_some(),
            "tool_calls" => self.tool_calls.is_some(),
            "name" => self.name.is_some(),
            _ => self.tool_call_id.is_some(),
        });
        for name in unused.copied().chain(self.others.iter().map(AsRef::as_ref)) {
            lossy.drop_field(format!("{path}.{name}"));
        }
    }
}

impl<'a> Turns<'a> {
    pub(super) fn read(messages: View<'a>, lossy: &mut Lossy) -> Result<Self, TranslateError> {
        let mut turns = Self::default();
        for (index, message) in messages.elements().enumerate() {
            let path = format!("messages[{index}]");
            if message.kind() != Kind::Object {
                return Err(TranslateError::wrong(path, "an object"));
            }
            turns.add(&Message::read(message), path, lossy)?;
        }
        // Anthropic wants a user's turn, and wants it first.
        if turns.turns.is_empty() && !turns.system.is_empty() {
            lossy.drop_field("messages[0].role");
            turns.turn(false).blocks = std::mem::take(&mut turns.system);
        }
        match turns.turns.first() {
            None => return Err(TranslateError::NothingToSay),
            Some(first) if first.assistant => {
                lossy.drop_field("messages[0].role");
                let mut opening = Turn::default();
                write_text(b".", None, &mut opening.blocks);
                turns.turns.insert(0, opening);
            }
            Some(_) => {}
        }
        Ok(turns)
    }

    /// Writes `system`, if there is any, and `messages`.
    pub(super) fn write(&self, request: &mut Object<'_>) {
        if !self.system.is_empty() {
            write_list(&[&self.system], request.key("system"));
        }
        let out = request.key("messages");
        out.push(b'[');
        for (index, turn) in self.turns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let mut object = Object::new(out);
            object.string("role", if turn.assistant { "assistant" } else { "user" });
            write_list(&[&turn.results, &turn.blocks], object.key("content"));
            object.end();
        }
        out.push(b']');
    }

    fn add(&mut self, message: &Message<'a>, path: String, lossy: &mut Lossy) -> Result<(), TranslateError> {
        let role = message.role.and_then(|role| role.str());
        let role = role.ok_or_else(|| TranslateError::wrong(format!("{path}.role"), "a string"))?;
        let content = message.content;
        if content.is_some_and(|content| !matches!(content.kind(), Kind::String | Kind::Array)) {
            return Err(TranslateError::wrong(format!("{path}.content"), "a string or an array"));
        }
        match (Role::parse(&role), role.as_ref()) {
            (Role::System | Role::Developer, _) => {
                if !self.turns.is_empty() {
                    // Instructions in mid-conversation move to the front.
                    lossy.drop_field(format!("{path}.role"));
                }
                if let Some(content) = content {
                    write_content(content, &path, &mut self.system, lossy);
                }
                message.report(&["tool_calls", "tool_call_id", "refusal", "name"], &path, lossy);
            }
            (Role::User, _) => {
                if let Some(content) = content {
                    self.blocks(false, |out| write_content(content, &path, out, lossy));
                }
                message.report(&["tool_calls", "tool_call_id", "refusal", "name"], &path, lossy);
            }
            (Role::Assistant, _) => self.add_assistant(message, &path, lossy)?,
            (Role::Tool, "function") => {
                // Results of the older kind name no call they belong to.
                lossy.drop_field(format!("{path}.role"));
                message.report(&["tool_calls", "tool_call_id", "refusal", "name"], &path, lossy);
                if let Some(content) = content {
                    self.blocks(false, |out| write_content(content, &path, out, lossy));
                }
            }
            (Role::Tool, _) => self.add_result(message, &path, lossy)?,
            (Role::Other, _) => {
                let expected = "one of system, developer, user, assistant, tool";
                return Err(TranslateError::wrong(format!("{path}.role"), expected));
            }
        }
        Ok(())
    }

    fn add_assistant(
        &mut self,
        message: &Message<'a>,
        path: &str,
        lossy: &mut Lossy,
    ) -> Result<(), TranslateError> {
        let mut blocks = Vec::new();
        if let Some(content) = message.content {
            write_content(content, path, &mut blocks, lossy);
        }
        if let Some(refusal) = message.refusal.and_then(|refusal| refusal.str_raw()) {
            write_text(refusal, None, &mut blocks);
        }
        let calls = message.tool_calls.into_iter().flat_map(|calls| calls.elements());
        for (index, call) in calls.enumerate() {
            let name = write_call(call, &format!("{path}.tool_calls[{index}]"), &mut blocks, lossy)?;
            blocks.push(b',');
            self.used_tools.insert(name);
        }
        if !blocks.is_empty() {
            self.turn(true).blocks.append(&mut blocks);
        }
        message.report(&["tool_call_id", "name"], path, lossy);
        Ok(())
    }

    fn add_result(
        &mut self,
        message: &Message<'a>,
        path: &str,
        lossy: &mut Lossy,
    ) -> Result<(), TranslateError> {
        let id = message.tool_call_id.and_then(|id| id.str());
        let id = id.ok_or_else(|| TranslateError::wrong(format!("{path}.tool_call_id"), "a string"))?;
        let results = &mut self.turn(false).results;
        let mut block = Object::new(results);
        block.string("type", "tool_result").string("tool_use_id", &call_id(&id));
        if let Some(content) = message.content {
            let out = block.key("content");
            let mut parts = Vec::new();
            match content.str_raw() {
                Some(_) => out.extend_from_slice(content.raw()),
                None if write_content(content, path, &mut parts, lossy) > 0 => write_list(&[&parts], out),
                None => write_string(&plain_text(content), out),
            }
        }
        block.end();
        results.push(b',');
        message.report(&["tool_calls", "refusal"], path, lossy);
        Ok(())
    }

    /// Appends blocks to the turn at hand, which is not begun for nothing.
    fn blocks(&mut self, assistant: bool, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        let mut blocks = Vec::new();
        if write(&mut blocks) > 0 {
            self.turn(assistant).blocks.append(&mut blocks);
        }
    }

    /// The turn of one side: the last one if it is that side's, else a new one.
    fn turn(&mut self, assistant: bool) -> &mut Turn {
        let last = self.turns.pop_if(|turn| turn.assistant == assistant);
        self.turns.push_mut(last.unwrap_or(Turn { assistant, ..Turn::default() }))
    }
}

/// An array from parts in which each value is followed by a comma.
fn write_list(parts: &[&Vec<u8>], out: &mut Vec<u8>) {
    out.push(b'[');
    for part in parts {
        out.extend_from_slice(part);
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b']');
}

//! The head of a request: what a gateway must know of an OpenAI chat or embeddings body, by byte ranges.
//!
//! [`RequestHead::parse`] checks the whole body once (grammar, UTF-8, depth) and remembers where the top-level values
//! stand; [`splice`] replaces a few of them and leaves every other byte as it was sent.
//!
//! A member this gateway acts on must not stand twice: parsers differ in which of the two they take, and the target
//! must not see another `model` than the one a key was checked for. For the same reason a differently cased `model`
//! is refused (some servers match keys without case). Unknown members may repeat; they are passed on as they are.

mod splice;

use std::borrow::Cow;

use crate::json::{Cursor, JsonError, Place, Span, Str, View};

pub(crate) use splice::patch;
pub use splice::{Edits, splice};

/// Where the top-level values of a request body stand. All spans are offsets into the body that was parsed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestHead {
    /// The `model` string.
    pub model: Option<Str>,
    /// Whether `stream` is `true`.
    pub stream: bool,
    /// The `stream_options` value, object or `null`.
    pub stream_options: Option<Span>,
    /// The value of `stream_options.include_usage`.
    pub include_usage: Option<bool>,
    /// The `messages` array.
    pub messages: Option<Span>,
    /// The `tools` value.
    pub tools: Option<Span>,
    /// The `tool_choice` value.
    pub tool_choice: Option<Span>,
    /// The `response_format` value.
    pub response_format: Option<Span>,
    /// `max_completion_tokens`, else `max_tokens`, where it is a whole number.
    pub max_output_tokens: Option<u64>,
    /// The `n` value: how many answers are asked for, where it is a whole number.
    pub n: Option<u64>,
    /// The `user` value.
    pub user: Option<Span>,
    /// The `metadata` value.
    pub metadata: Option<Span>,
    /// The `input` value (embeddings).
    pub input: Option<Span>,
    /// The `pointsman` object.
    pub pointsman: Option<Cuttable>,
    /// How many members the body has.
    pub members: usize,
    /// Offset just behind the opening brace.
    open: usize,
    /// The `include_usage` value by position.
    include_usage_at: Option<Span>,
    /// Offset just behind the opening brace of `stream_options`, and whether anything stands in it.
    stream_options_open: Option<(usize, bool)>,
}

/// A member that can be cut out of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuttable {
    /// The value.
    pub value: Span,
    /// Key, value and one comma: removing exactly this leaves valid JSON.
    pub cut: Span,
}

/// Why a body was refused. Every message names the place; the status for all of them is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// Nothing was sent.
    #[error("the body is empty: send a JSON object")]
    Empty,
    /// The body opens with U+FEFF, which JSON does not allow.
    #[error("the body starts with a byte order mark: send it without")]
    ByteOrderMark,
    /// The body is not JSON.
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// The body is not UTF-8.
    #[error("the body is not valid UTF-8 at {0}: send JSON as UTF-8")]
    Utf8(Place),
    /// The body is JSON, but no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// A member this gateway acts on stands twice.
    #[error("`{field}` is given twice, again at {place}: send it once")]
    Duplicate {
        /// The member's name.
        field: &'static str,
        /// Where the second one stands.
        place: Place,
    },
    /// A key that differs from `model` only in case.
    #[error("`{found}` at {place} can be mistaken for `model`: spell it in lower case")]
    Lookalike {
        /// The key as sent.
        found: String,
        /// Where it stands.
        place: Place,
    },
    /// A member has a value of the wrong kind.
    #[error("`{field}` at {place} must be {expected}")]
    WrongKind {
        /// The member's name.
        field: &'static str,
        /// What it must be, with its article.
        expected: &'static str,
        /// Where the value stands.
        place: Place,
    },
}

impl RequestHead {
    /// Checks a whole body and finds its top-level values, in one pass and without recursion.
    ///
    /// `model` must be a string; `stream` and `include_usage` a boolean or `null`; `stream_options` an object or
    /// `null`; `messages` an array; `pointsman` an object. The kinds of all other values are the target's to judge.
    ///
    /// # Errors
    /// See [`HeadError`].
    pub fn parse(body: &[u8]) -> Result<Self, HeadError> {
        if body.starts_with(b"\xEF\xBB\xBF") {
            return Err(HeadError::ByteOrderMark);
        }
        if let Err(error) = std::str::from_utf8(body) {
            return Err(HeadError::Utf8(Place::of(body, error.valid_up_to())));
        }
        let mut cursor = Cursor::new(body);
        match cursor.peek() {
            None => return Err(HeadError::Empty),
            Some(b'{') => {}
            Some(_) => {
                View::parse(body)?;
                return Err(HeadError::NotObject);
            }
        }
        let head = Reading::new(body, cursor).members()?;
        Ok(head)
    }

    /// The model asked for.
    pub fn model<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        self.model.map(|model| model.text(body))
    }

    /// How many tools are offered.
    pub fn tool_count(&self, body: &[u8]) -> usize {
        self.tools.map_or(0, |tools| View::trusted(tools.of(body)).elements().count())
    }

    /// The `type` of `response_format`: `text`, `json_object`, `json_schema`, ...
    pub fn response_format<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        View::trusted(self.response_format?.of(body)).get("type")?.str()
    }

    /// The value of any top-level member; walks the body again.
    pub fn member<'a>(&self, body: &'a [u8], name: &str) -> Option<View<'a>> {
        View::trusted(body.get(self.open.saturating_sub(1)..)?).get(name)
    }
}

impl HeadError {
    /// The member at fault, for the `param` of an error envelope.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Duplicate { field, .. } | Self::WrongKind { field, .. } => Some(field),
            Self::Lookalike { .. } => Some("model"),
            _ => None,
        }
    }

    /// Where the fault stands, if it has a place.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Json(error) => Some(error.place),
            Self::Utf8(place)
            | Self::Duplicate { place, .. }
            | Self::Lookalike { place, .. }
            | Self::WrongKind { place, .. } => Some(*place),
            _ => None,
        }
    }
}

/// The members that are looked at, in the order of their bits in [`Reading::seen`].
const KNOWN: [&str; 15] = [
    "model",
    "stream",
    "stream_options",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "user",
    "metadata",
    "input",
    "pointsman",
    "include_usage",
];

struct Reading<'a> {
    body: &'a [u8],
    cursor: Cursor<'a>,
    head: RequestHead,
    seen: u32,
}

impl<'a> Reading<'a> {
    fn new(body: &'a [u8], cursor: Cursor<'a>) -> Self {
        Self { body, cursor, head: RequestHead::default(), seen: 0 }
    }

    fn members(mut self) -> Result<RequestHead, HeadError> {
        let mut walk = self.cursor.object()?;
        self.head.open = self.cursor.at();
        let mut max_tokens = None;
        // The cut of `pointsman` is known only when what follows it is.
        let mut cut: Option<(Str, Option<usize>, Span)> = None;
        while let Some(key) = self.cursor.next_key(&mut walk)? {
            if let Some((own, _, value)) = cut.take() {
                let behind_comma = walk.comma.map_or(value.end, |comma| comma + 1);
                let span = Span { start: own.quoted().start, end: behind_comma };
                self.head.pointsman = Some(Cuttable { value, cut: span });
            }
            self.head.members += 1;
            let Some(name) = self.known(key)? else {
                self.cursor.value()?;
                continue;
            };
            if name == "stream_options" {
                self.stream_options()?;
                continue;
            }
            let expected = match name {
                "model" if self.cursor.peek() != Some(b'"') => Some("a string"),
                "messages" if self.cursor.peek() != Some(b'[') => Some("an array"),
                "pointsman" if self.cursor.peek() != Some(b'{') => Some("an object"),
                _ => None,
            };
            if let Some(expected) = expected {
                return Err(self.wrong_kind(name, expected));
            }
            if name == "model" {
                self.head.model = Some(self.cursor.string("a string")?);
                continue;
            }
            if name == "stream" {
                self.head.stream = self.flag("stream")?.1.unwrap_or(false);
                continue;
            }
            let span = self.cursor.value()?;
            let view = View::trusted(span.of(self.body));
            match name {
                "messages" => self.head.messages = Some(span),
                "tools" => self.head.tools = Some(span),
                "tool_choice" => self.head.tool_choice = Some(span),
                "response_format" => self.head.response_format = Some(span),
                "max_completion_tokens" => self.head.max_output_tokens = view.u64(),
                "max_tokens" => max_tokens = view.u64(),
                "n" => self.head.n = view.u64(),
                "user" => self.head.user = Some(span),
                "metadata" => self.head.metadata = Some(span),
                "input" => self.head.input = Some(span),
                "pointsman" => cut = Some((key, walk.comma, span)),
                _ => {}
            }
        }
        if let Some((key, comma, value)) = cut {
            let start = comma.unwrap_or(key.quoted().start);
            self.head.pointsman = Some(Cuttable { value, cut: Span { start, end: value.end } });
        }
        self.cursor.end()?;
        self.head.max_output_tokens = self.head.max_output_tokens.or(max_tokens);
        Ok(self.head)
    }

    fn stream_options(&mut self) -> Result<(), HeadError> {
        if self.cursor.peek() == Some(b'n') {
            self.head.stream_options = Some(self.cursor.value()?);
            return Ok(());
        }
        if self.cursor.peek() != Some(b'{') {
            return Err(self.wrong_kind("stream_options", "an object"));
        }
        let start = self.cursor.at();
        let mut walk = self.cursor.object()?;
        let open = self.cursor.at();
        let mut any = false;
        while let Some(key) = self.cursor.next_key(&mut walk)? {
            any = true;
            if key.is(self.body, "include_usage") {
                self.once("include_usage", key)?;
                let (span, flag) = self.flag("include_usage")?;
                self.head.include_usage = flag;
                self.head.include_usage_at = Some(span);
            } else {
                self.cursor.value()?;
            }
        }
        self.head.stream_options = Some(Span { start, end: self.cursor.at() });
        self.head.stream_options_open = Some((open, any));
        Ok(())
    }

    /// A boolean or `null`.
    fn flag(&mut self, field: &'static str) -> Result<(Span, Option<bool>), HeadError> {
        if !matches!(self.cursor.peek(), Some(b't' | b'f' | b'n')) {
            return Err(self.wrong_kind(field, "a boolean"));
        }
        let span = self.cursor.value()?;
        Ok((span, View::trusted(span.of(self.body)).bool()))
    }

    /// The name of a member that is looked at, which then must be its first.
    fn known(&mut self, key: Str) -> Result<Option<&'static str>, HeadError> {
        let text = key.text(self.body);
        let known = KNOWN.iter().take(KNOWN.len() - 1).find(|name| **name == text);
        if let Some(name) = known {
            self.once(name, key)?;
            return Ok(Some(name));
        }
        if text.eq_ignore_ascii_case("model") {
            let place = Place::of(self.body, key.quoted().start);
            return Err(HeadError::Lookalike { found: text.into_owned(), place });
        }
        Ok(None)
    }

    fn once(&mut self, field: &'static str, key: Str) -> Result<(), HeadError> {
        let bit = KNOWN.iter().position(|name| *name == field).map_or(0, |index| 1u32 << index);
        if self.seen & bit != 0 {
            return Err(HeadError::Duplicate { field, place: Place::of(self.body, key.quoted().start) });
        }
        self.seen |= bit;
        Ok(())
    }

    /// The wrong-kind error for the value at hand, if it is JSON at all.
    fn wrong_kind(&mut self, field: &'static str, expected: &'static str) -> HeadError {
        let at = self.cursor.at();
        match self.cursor.value() {
            Ok(_) => HeadError::WrongKind { field, expected, place: Place::of(self.body, at) },
            Err(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;

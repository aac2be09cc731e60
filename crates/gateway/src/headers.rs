//! The headers that are read and written, in one table from which the reference is generated.

use std::fmt::Write as _;

use http::HeaderName;

/// Which way a header goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read from the client's request.
    Request,
    /// Written on the answer.
    Response,
}

/// The decision's id.
pub const DECISION: HeaderName = HeaderName::from_static("x-pointsman-decision");
/// Who answered.
pub const TARGET: HeaderName = HeaderName::from_static("x-pointsman-target");
/// What the first stage did.
pub const AGENT: HeaderName = HeaderName::from_static("x-pointsman-agent");
/// What it cost.
pub const COST: HeaderName = HeaderName::from_static("x-pointsman-cost-usd");
/// What was saved against the baseline.
pub const SAVED: HeaderName = HeaderName::from_static("x-pointsman-saved-usd");
/// Time spent here before the first call.
pub const OVERHEAD: HeaderName = HeaderName::from_static("x-pointsman-overhead-us");
/// Calls made.
pub const ATTEMPTS: HeaderName = HeaderName::from_static("x-pointsman-attempts");
/// Fields a translation dropped.
pub const LOSSY: HeaderName = HeaderName::from_static("x-pointsman-lossy");
/// The request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The caller's preference.
pub const PREFER: HeaderName = HeaderName::from_static("x-pointsman-prefer");

/// Whether a choice may be drawn by chance.
pub const EXPLORE: HeaderName = HeaderName::from_static("x-pointsman-explore");
/// What is asked for besides quality and cost.
pub const FLAGS: HeaderName = HeaderName::from_static("x-pointsman-flags");

/// Headers that name a conversation, in the order they are looked at.
pub const SESSIONS: [&str; 6] = [
    "x-session-id",
    "x-claude-code-session-id",
    "x-switchyard-session-id",
    "x-conversation-id",
    "session_id",
    "conversation_id",
];

/// Every header with its direction and meaning.
pub const TABLE: &[(&str, Direction, &str)] = &[
    (
        "authorization",
        Direction::Request,
        "`Bearer` and a client key of this gateway. Never passed on to a target.",
    ),
    ("x-api-key", Direction::Request, "The same, in the form Anthropic's clients send it."),
    (
        "x-pointsman-prefer",
        Direction::Request,
        "`quality`, `balanced`, `cost` or a number from 0 to 1. The body's `pointsman.prefer` comes first, the route's own after.",
    ),
    (
        "x-pointsman-explore",
        Direction::Request,
        "`false`: nothing about this request is drawn by chance. The body's `pointsman.explore` comes first.",
    ),
    (
        "x-pointsman-flags",
        Direction::Request,
        "What is asked for besides, apart by commas: `max_cost_usd=N`, `max_latency_ms=N` and `tag=NAME` leave targets out; `cheapest`, `fastest` and `concise` (with `=WEIGHT`) are weighed by routes with `selector: constraints`. The body's `pointsman.flags` and the route's own hold besides.",
    ),
    (
        "x-session-id",
        Direction::Request,
        "The conversation this request belongs to; it stays with its model. Also read: `x-claude-code-session-id`, `x-switchyard-session-id`, `x-conversation-id`, `session_id`, `conversation_id`. Without any, a hash of the opening turns is used from the second turn on.",
    ),
    (
        "x-request-id",
        Direction::Request,
        "Taken over and answered, if it has at most 128 bytes; made where it is missing.",
    ),
    ("traceparent", Direction::Request, "Passed on to the target."),
    (
        "x-request-id",
        Direction::Response,
        "The request's id, on every answer: the client's, else the decision's, else a new one.",
    ),
    ("x-pointsman-decision", Direction::Response, "The decision's id: `GET /v1/decisions/{id}` explains it."),
    ("x-pointsman-target", Direction::Response, "Who answered."),
    (
        "x-pointsman-agent",
        Direction::Response,
        "Where the route has agents: the one that answered, or `none` where a model did. One that failed before stands there with the reason, as in `weather failed (timeout), none`.",
    ),
    (
        "x-pointsman-cost-usd",
        Direction::Response,
        "What the call cost, by the price list whose date stands in the decision. Absent when price or tokens are not known, and on streams.",
    ),
    (
        "x-pointsman-saved-usd",
        Direction::Response,
        "An estimate: the same tokens at the route's baseline target, less the cost. Negative where it was dearer. Absent on streams and embeddings.",
    ),
    (
        "x-pointsman-overhead-us",
        Direction::Response,
        "Microseconds from the request's arrival to the first call.",
    ),
    ("x-pointsman-attempts", Direction::Response, "Calls made, the answering one included."),
    (
        "x-pointsman-lossy",
        Direction::Response,
        "Fields of the request that a translation to the target's format dropped.",
    ),
    ("retry-after", Direction::Response, "On an error: seconds after which trying again may help."),
];

/// The reference page.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Headers\n\nGenerated from the code. What a stream knows only at its end stands in its decision, readable at once.\n",
    );
    for (title, direction) in [("Read", Direction::Request), ("Written", Direction::Response)] {
        let _ = write!(page, "\n## {title}\n\n| header | meaning |\n| --- | --- |\n");
        for (name, _, meaning) in TABLE.iter().filter(|row| row.1 == direction) {
            let _ = writeln!(page, "| `{name}` | {meaning} |");
        }
    }
    page
}

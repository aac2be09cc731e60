//! From a request's bytes to a decision: what chat completions, the dry run and the command line share.
//!
//! Order: the head is parsed, the model's name resolved, the goal settled, the prompt read, the kernel asked. Nothing is
//! called and nothing is written.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{Asked, Decision, DecisionId, Facts, Goal, Preference, TargetId, decide};
use pointsman_wire::head::RequestHead;
use pointsman_wire::json::View;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Refusal;
use crate::headers;
use crate::prompt::{ChatPrompt, shape_of, signals_of};
use crate::sessions::Place;
use crate::snapshot::{Mode, ServedRoute, Snapshot};

/// A parsed request.
pub struct Request {
    /// The body as it was sent.
    pub body: Bytes,
    /// Where its values stand.
    pub head: Arc<RequestHead>,
    /// The model asked for.
    pub model: Arc<str>,
    /// What the body's own `pointsman` member says.
    pub prefer: Option<Preference>,
}

/// What a model's name stands for.
pub enum Resolved {
    /// A route: choose among its targets.
    Route(Arc<ServedRoute>),
    /// One target, by name.
    Target(TargetId),
}

/// A decision and what it was made with.
pub struct Decided {
    /// The decision.
    pub decision: Arc<Decision>,
    /// The route it was made by; a named target's is the one all targets are in.
    pub route: Arc<ServedRoute>,
}

impl Request {
    /// Parses a body.
    ///
    /// # Errors
    /// What is wrong with it, with the place.
    pub fn parse(body: Bytes) -> Result<Self, Refusal> {
        let head = RequestHead::parse(&body)
            .map_err(|fault| Refusal::bad_request("invalid_body", fault.to_string(), fault.param()))?;
        let Some(model) = head.model(&body).filter(|model| !model.is_empty()) else {
            return Err(Refusal::bad_request(
                "missing_model",
                "`model` is missing: name one of GET /v1/models, or `auto`",
                Some("model"),
            ));
        };
        let model = Arc::from(model.as_ref());
        let prefer = match head.pointsman {
            Some(member) => own_member(member.value.of(&body))?,
            None => None,
        };
        Ok(Self { body, head: Arc::new(head), model, prefer })
    }

    /// What the model's name stands for.
    ///
    /// # Errors
    /// An unknown name, or a route the key may not use.
    pub fn resolve(&self, snapshot: &Snapshot, caller: &Caller) -> Result<Resolved, Refusal> {
        if let Some(route) = snapshot.routes.get(self.model.as_ref()) {
            if !caller.scope.allows_route(&self.model) {
                return Err(not_allowed(format!(
                    "the key may not use route `{}`; GET /v1/models lists what it may use",
                    self.model
                )));
            }
            return Ok(Resolved::Route(Arc::clone(route)));
        }
        let Some(served) = snapshot.target(&self.model) else {
            return Err(Refusal::unknown_model(&self.model, snapshot));
        };
        let target = &served.target.id;
        match &caller.scope.routes {
            Some(routes) if caller.scope.targets.is_none() && !caller.may_name(snapshot, target) => {
                Err(not_allowed(format!(
                    "the key is for routes ({}), and none of them chooses among `{target}`: GET /v1/models lists \
                     what it may use, `pointsman keys create --targets` makes one that may name others",
                    routes.join(", ")
                )))
            }
            // The targets a key lists are the kernel's to judge.
            _ => Ok(Resolved::Target(target.clone())),
        }
    }
}

fn not_allowed(message: String) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "model_not_allowed", message)
}

/// Decides for a chat request.
///
/// # Errors
/// No messages, a preference that is none, an unknown model, one that does not chat, or a name the key may not use.
pub fn decide_chat(
    app: &App,
    snapshot: &Snapshot,
    caller: &Caller,
    request: &Request,
    sent: &HeaderMap,
    id: DecisionId,
    now: Timestamp,
) -> Result<Decided, Refusal> {
    let read = ChatPrompt::read(&request.head, &request.body);
    let resolved = request.resolve(snapshot, caller)?;
    if read.empty {
        let message = "`messages` is missing or empty: send at least one, such as {\"role\": \"user\", \"content\": \"...\"}";
        return Err(Refusal::bad_request("missing_messages", message, Some("messages")));
    }
    let (route, signals) = match resolved {
        Resolved::Route(route) => (route, signals_of(&read.prompt, app.encoder)),
        Resolved::Target(target) => {
            chats(snapshot, &target)?;
            (Arc::clone(&snapshot.by_name), shape_of(&read.prompt, Asked::Named(target)))
        }
    };
    let goal = goal(&route.route.goal, request.prefer, sent)?;
    let place = Place::of(sent, read.opening);
    // Also of a turn that names its target: it is never sent elsewhere, but the turns after it stay with that target.
    let session = Some(app.sessions.facts(&caller.tenant, &place, signals.turns));
    let facts = Facts {
        seed: app.ids.seed(&id),
        decision: id,
        now,
        tenant: caller.tenant.clone(),
        scope: caller.scope.clone(),
        session,
        targets: app.health.states(now),
        versions: snapshot.versions.clone(),
    };
    let decision = Arc::new(decide(&route.route, goal, signals, facts, snapshot.estimator.as_ref()));
    Ok(Decided { decision, route })
}

/// Refuses a target that makes vectors: upstream it would be an error that does not say where to go.
fn chats(snapshot: &Snapshot, target: &TargetId) -> Result<(), Refusal> {
    let served = snapshot.targets.get(target);
    if served.is_none_or(|served| served.mode != Mode::Embedding) {
        return Ok(());
    }
    let message = format!(
        "model `{target}` makes vectors and does not chat: send it to POST /v1/embeddings, or name a chat model or `auto` \
         here (if it does chat, say `mode: chat` of it in the configuration)"
    );
    Err(Refusal::bad_request("wrong_kind_of_model", message, Some("model")))
}

/// The route's goal with the caller's preference: the body's, else the header's, else the route's own.
fn goal(of_route: &Goal, of_body: Option<Preference>, sent: &HeaderMap) -> Result<Goal, Refusal> {
    let of_header = match sent.get(headers::PREFER) {
        None => None,
        Some(value) => {
            let text = value.to_str().unwrap_or("");
            let bad = |fault: pointsman_kernel::goal::PreferenceError| {
                Refusal::bad_request(
                    "invalid_preference",
                    format!("header x-pointsman-prefer: {fault}"),
                    None,
                )
            };
            Some(text.parse().map_err(bad)?)
        }
    };
    let prefer = of_body.or(of_header).unwrap_or(of_route.prefer);
    Ok(Goal { prefer, ..of_route.clone() })
}

/// Reads the body's `pointsman` member: `{"prefer": 0.7}`. An unknown key is refused: it was meant to do something.
fn own_member(json: &[u8]) -> Result<Option<Preference>, Refusal> {
    let bad =
        |message: String, param: &str| Err(Refusal::bad_request("invalid_pointsman", message, Some(param)));
    let Ok(view) = View::parse(json) else { return bad("`pointsman` is not valid JSON".into(), "pointsman") };
    let mut prefer = None;
    for (key, value) in view.members() {
        if key != "prefer" {
            return bad(format!("`pointsman.{key}` is not known; `prefer` is"), "pointsman");
        }
        let parsed = match (value.str(), value.f64()) {
            (Some(word), _) => word.parse(),
            (None, Some(number)) => Preference::new(number),
            (None, None) => Err(pointsman_kernel::goal::PreferenceError(
                String::from_utf8_lossy(value.raw()).chars().take(40).collect(),
            )),
        };
        match parsed {
            Ok(parsed) => prefer = Some(parsed),
            Err(fault) => return bad(fault.to_string(), "pointsman.prefer"),
        }
    }
    Ok(prefer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &'static str) -> (u16, String) {
        let refusal = Request::parse(Bytes::from_static(body.as_bytes())).err().expect("refused");
        (refusal.status.as_u16(), refusal.error.message)
    }

    #[test]
    fn the_own_member_is_read_and_nonsense_in_it_is_named() {
        let parse = |body: &'static str| Request::parse(Bytes::from_static(body.as_bytes())).unwrap().prefer;
        assert_eq!(
            parse(r#"{"model":"auto","pointsman":{"prefer":0.7}}"#),
            Some(Preference::new(0.7).unwrap())
        );
        assert_eq!(parse(r#"{"model":"auto","pointsman":{"prefer":"cost"}}"#), Some(Preference::COST));
        assert_eq!(parse(r#"{"model":"auto","pointsman":{}}"#), None);
        assert!(refused(r#"{"model":"auto","pointsman":{"prefer":7}}"#).1.contains('7'));
        assert!(refused(r#"{"model":"auto","pointsman":{"perfer":1}}"#).1.contains("perfer"));
        assert!(refused(r#"{"model":"auto","pointsman":3}"#).1.contains("object"));
    }

    #[test]
    fn bad_bodies_are_refused_with_their_place() {
        let (status, message) = refused("{\"model\": \"a\",\n \"messages\": [}");
        assert_eq!(status, 400);
        assert!(message.contains("line 2"), "{message}");
        assert!(refused("{}").1.contains("model"));
    }

    #[test]
    fn the_body_comes_before_the_header_and_the_header_before_the_route() {
        let route = Goal::balanced(pointsman_kernel::CostScale { low: 1.0, high: 2.0 });
        let mut sent = HeaderMap::new();
        assert_eq!(goal(&route, None, &sent).unwrap().prefer, Preference::BALANCED);
        sent.insert(headers::PREFER, "cost".parse().unwrap());
        assert_eq!(goal(&route, None, &sent).unwrap().prefer, Preference::COST);
        assert_eq!(goal(&route, Some(Preference::QUALITY), &sent).unwrap().prefer, Preference::QUALITY);
        sent.insert(headers::PREFER, "best".parse().unwrap());
        assert!(goal(&route, None, &sent).is_err());
    }
}

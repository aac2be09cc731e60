//! From a request's bytes to a decision: what chat completions, the dry run and the command line share.
//!
//! Order: the head is parsed, the model's name resolved, the goal settled, the prompt read, the kernel asked. Nothing is
//! called and nothing is written.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_kernel::facts::{CourseAt, Timestamp};
use pointsman_kernel::goal::PreferenceError;
use pointsman_kernel::{
    Asked, Decision, DecisionId, Facts, Flags, Goal, Preference, Readings, TargetId, decide, decide_after,
};
use pointsman_wire::head::RequestHead;
use pointsman_wire::json::{Kind, View};

use crate::app::App;
use crate::auth::Caller;
use crate::embed::{Embedded, embed};
use crate::error::Refusal;
use crate::headers;
use crate::prompt::{ChatPrompt, shape_of};
use crate::prompt_flags;
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
    pub own: OwnMember,
}

/// The body's `pointsman` member: what a request says to the gateway and not to the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnMember {
    /// The weight of quality.
    pub prefer: Option<Preference>,
    /// `false`: nothing is to be drawn by chance.
    pub explore: Option<bool>,
    /// What is asked for besides.
    pub flags: Flags,
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
        let own = match head.pointsman {
            Some(member) => OwnMember::read(member.value.of(&body))?,
            None => OwnMember::default(),
        };
        Ok(Self { body, head: Arc::new(head), model, own })
    }

    /// Takes flags out of the prompt, where the route reads them there.
    fn take_prompt_flags(&mut self) {
        let Some((flags, body)) = prompt_flags::take(&self.head, &self.body) else { return };
        // What was cut lies inside strings, so the rest is as sound as before.
        let Ok(head) = RequestHead::parse(&body) else { return };
        self.body = body;
        self.head = Arc::new(head);
        self.own.flags = std::mem::take(&mut self.own.flags).and(&flags);
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
            _ if !caller.scope.grants(&served.target.requires) => Err(not_allowed(format!(
                "`{target}` requires what the key was not granted: `pointsman keys create --grants {}` makes one that was",
                served.target.requires.join(",")
            ))),
            // The targets a key lists are the kernel's to judge.
            _ => Ok(Resolved::Target(target.clone())),
        }
    }
}

fn not_allowed(message: String) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "model_not_allowed", message)
}

/// Decides for a chat request, whose body loses the flags of its prompt where the route reads them there.
///
/// # Errors
/// No messages, a preference or flags that are none, an unknown model, one that does not chat, or a name the key may not use.
pub async fn decide_chat(
    app: &App,
    snapshot: &Snapshot,
    caller: &Caller,
    request: &mut Request,
    sent: &HeaderMap,
    id: DecisionId,
    now: Timestamp,
) -> Result<Decided, Refusal> {
    let resolved = request.resolve(snapshot, caller)?;
    if matches!(&resolved, Resolved::Route(route) if route.flags_in_prompt) {
        request.take_prompt_flags();
    }
    let read = ChatPrompt::read(&request.head, &request.body);
    if read.empty {
        let message = "`messages` is missing or empty: send at least one, such as {\"role\": \"user\", \"content\": \"...\"}";
        return Err(Refusal::bad_request("missing_messages", message, Some("messages")));
    }
    let (route, embedded) = match resolved {
        Resolved::Route(route) => {
            let embedded = embed(app, snapshot, &read.prompt, route.strip_words).await;
            (route, embedded)
        }
        Resolved::Target(target) => {
            chats(snapshot, &target)?;
            let signals = shape_of(&read.prompt, Asked::Named(target));
            (Arc::clone(&snapshot.by_name), Embedded::without(snapshot, signals))
        }
    };
    let Embedded { signals, others, estimator, versions } = embedded;
    let goal = goal(&route, &request.own, sent, &signals.asked)?;
    let place = Place::of(sent, read.opening);
    // Also of a turn that names its target: it is never sent elsewhere, but the turns after it stay with that target.
    let mut session = app.sessions.facts(&caller.tenant, &place, signals.turns);
    if route.agents.is_some() {
        session.agents = Some(course(app, caller, &place, signals.turns, now));
    }
    let facts = Facts {
        seed: app.ids.seed(&id),
        decision: id,
        now,
        tenant: caller.tenant.clone(),
        scope: caller.scope.clone(),
        session: Some(session),
        targets: app.health.states(now),
        versions,
    };
    let estimator = Readings { inner: estimator, others: &others };
    let stage = route.agents.as_ref().map(|agents| agents.decide(&read, &signals, &facts));
    let decision = match stage {
        Some(stage) => decide_after(stage, &route.route, goal, signals, facts, &estimator),
        None => decide(&route.route, goal, signals, facts, &estimator),
    };
    let decision = Arc::new(decision);
    Ok(Decided { decision, route })
}

/// Where a conversation stands among the agents. One that is known by its opening alone is a new one at its first turn.
fn course(app: &App, caller: &Caller, place: &Place, turns: u32, now: Timestamp) -> CourseAt {
    let at = app.courses.get(&caller.tenant, &place.id, now);
    if place.named || turns > 1 { at } else { CourseAt { version: at.version, ..CourseAt::default() } }
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

/// The route's goal with what the caller asks for: the body's word, else the header's, else the route's own. Flags of all
/// three hold together.
fn goal(of: &ServedRoute, own: &OwnMember, sent: &HeaderMap, asked: &Asked) -> Result<Goal, Refusal> {
    let header = |name: HeaderName| sent.get(name).map(|value| value.to_str().unwrap_or_default());
    let bad = |code, name: &HeaderName, fault: String| {
        Refusal::bad_request(code, format!("header {name}: {fault}"), None)
    };
    let prefer = header(headers::PREFER).map(str::parse).transpose();
    let prefer = prefer
        .map_err(|fault: PreferenceError| bad("invalid_preference", &headers::PREFER, fault.to_string()))?;
    let explore = header(headers::EXPLORE).map(|text| text.trim().parse()).transpose();
    let explore: Option<bool> =
        explore.map_err(|_| bad("invalid_explore", &headers::EXPLORE, "it is true or false".to_owned()))?;
    let flags = Flags::parse(header(headers::FLAGS).unwrap_or_default())
        .map_err(|fault| bad("invalid_flags", &headers::FLAGS, fault.to_string()))?;
    let flags = flags.and(&own.flags);
    if matches!(asked, Asked::Named(_)) && (flags.weighs() || flags.limits()) {
        let message = "flags choose among the targets of a route, and `model` names one target: ask for a route, such as \
                       `auto`, or leave the flags out";
        return Err(Refusal::bad_request("flags_not_read", message, Some("model")));
    }
    if flags.weighs() && !of.reads_flags {
        let message = format!(
            "route `{}` weighs no flags: send limits (max_cost_usd, max_latency_ms, tag) or none, or set \
             `selector: constraints` for the route",
            of.route.id
        );
        return Err(Refusal::bad_request("flags_not_read", message, None));
    }
    let of_route = &of.route.goal;
    let chance = own.explore.or(explore).unwrap_or(true);
    Ok(Goal {
        prefer: own.prefer.or(prefer).unwrap_or(of_route.prefer),
        explore: if chance { of_route.explore } else { 0.0 },
        flags: flags.and(&of_route.flags),
        ..of_route.clone()
    })
}

impl OwnMember {
    /// Reads the body's `pointsman` member, such as `{"prefer": 0.7, "explore": false, "flags": ["fastest"]}`. An unknown
    /// key is refused: it was meant to do something.
    fn read(json: &[u8]) -> Result<Self, Refusal> {
        let bad = |message: String, param: &str| {
            Err(Refusal::bad_request("invalid_pointsman", message, Some(param)))
        };
        let Ok(view) = View::parse(json) else {
            return bad("`pointsman` is not valid JSON".into(), "pointsman");
        };
        let mut own = Self::default();
        for (key, value) in view.members() {
            match key.as_ref() {
                "prefer" => match preference(&value) {
                    Ok(prefer) => own.prefer = Some(prefer),
                    Err(fault) => return bad(fault.to_string(), "pointsman.prefer"),
                },
                "explore" => match value.bool() {
                    Some(explore) => own.explore = Some(explore),
                    None => return bad("`pointsman.explore` is true or false".into(), "pointsman.explore"),
                },
                "flags" => match flags(&value) {
                    Ok(flags) => own.flags = flags,
                    Err(fault) => return bad(fault, "pointsman.flags"),
                },
                other => {
                    return bad(
                        format!("`pointsman.{other}` is not known; `prefer`, `explore` and `flags` are"),
                        "pointsman",
                    );
                }
            }
        }
        Ok(own)
    }
}

fn preference(value: &View<'_>) -> Result<Preference, PreferenceError> {
    match (value.str(), value.f64()) {
        (Some(word), _) => word.parse(),
        (None, Some(number)) => Preference::new(number),
        (None, None) => Err(PreferenceError(String::from_utf8_lossy(value.raw()).chars().take(40).collect())),
    }
}

/// A text or a list of texts.
fn flags(value: &View<'_>) -> Result<Flags, String> {
    let wanted = || "`pointsman.flags` is a text or a list of texts, such as [\"fastest\"]".to_owned();
    let words: Vec<String> = match (value.kind(), value.str()) {
        (_, Some(text)) => vec![text.into_owned()],
        (Kind::Array, None) => {
            let each = value.elements().map(|one| one.str().map(std::borrow::Cow::into_owned));
            each.collect::<Option<_>>().ok_or_else(wanted)?
        }
        _ => return Err(wanted()),
    };
    Flags::parse(&words.join(",")).map_err(|fault| fault.to_string())
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
        let parse =
            |body: &'static str| Request::parse(Bytes::from_static(body.as_bytes())).unwrap().own.prefer;
        assert_eq!(
            parse(r#"{"model":"auto","pointsman":{"prefer":0.7}}"#),
            Some(Preference::new(0.7).unwrap())
        );
        assert_eq!(parse(r#"{"model":"auto","pointsman":{"prefer":"cost"}}"#), Some(Preference::COST));
        assert_eq!(parse(r#"{"model":"auto","pointsman":{}}"#), None);
        assert!(refused(r#"{"model":"auto","pointsman":{"prefer":7}}"#).1.contains('7'));
        assert!(refused(r#"{"model":"auto","pointsman":{"perfer":1}}"#).1.contains("perfer"));
        assert!(refused(r#"{"model":"auto","pointsman":3}"#).1.contains("object"));
        let own = |body: &'static str| Request::parse(Bytes::from_static(body.as_bytes())).unwrap().own;
        let flags = own(r#"{"model":"auto","pointsman":{"explore":false,"flags":["fastest","tag=eu"]}}"#);
        assert_eq!((flags.explore, flags.flags.fast, flags.flags.tags.len()), (Some(false), 1.0, 1));
        assert!(refused(r#"{"model":"auto","pointsman":{"explore":0}}"#).1.contains("true or false"));
        assert!(refused(r#"{"model":"auto","pointsman":{"flags":[1]}}"#).1.contains("list of texts"));
        assert!(refused(r#"{"model":"auto","pointsman":{"flags":"quickly"}}"#).1.contains("quickly"));
    }

    #[test]
    fn bad_bodies_are_refused_with_their_place() {
        let (status, message) = refused("{\"model\": \"a\",\n \"messages\": [}");
        assert_eq!(status, 400);
        assert!(message.contains("line 2"), "{message}");
        assert!(refused("{}").1.contains("model"));
    }

    fn served(route: &str) -> Arc<ServedRoute> {
        let text = format!(
            "providers: {{s: {{kind: scripted}}}}\ntargets: [{{id: a, provider: s, tags: [eu]}}]\n{route}"
        );
        let config = crate::config::Config::parse("test", &text, &crate::config::Env::from([("", ""); 0]));
        let live = crate::reload::Live::from_config(config.unwrap()).unwrap();
        Arc::clone(live.snapshot().route("auto").unwrap())
    }

    #[test]
    fn the_body_comes_before_the_header_and_the_header_before_the_route() {
        let route = served("");
        let (none, mut sent) = (OwnMember::default(), HeaderMap::new());
        let goal_of = |own: &OwnMember, sent: &HeaderMap| goal(&route, own, sent, &Asked::Auto);
        let plain = goal_of(&none, &sent).unwrap();
        assert_eq!((plain.prefer, plain.explore), (Preference::BALANCED, 0.01));
        sent.insert(headers::PREFER, "cost".parse().unwrap());
        sent.insert(headers::EXPLORE, "false".parse().unwrap());
        let asked = goal_of(&none, &sent).unwrap();
        assert_eq!((asked.prefer, asked.explore), (Preference::COST, 0.0));
        let own = OwnMember { prefer: Some(Preference::QUALITY), ..OwnMember::default() };
        assert_eq!(goal_of(&own, &sent).unwrap().prefer, Preference::QUALITY);
        for name in [headers::PREFER, headers::EXPLORE, headers::FLAGS] {
            let mut sent = HeaderMap::new();
            sent.insert(&name, "best".parse().unwrap());
            let refusal = goal_of(&none, &sent).unwrap_err();
            assert!(refusal.error.message.contains(name.as_str()), "{}", refusal.error.message);
        }
    }

    #[test]
    fn flags_that_nobody_would_read_are_refused() {
        let (topsis, weighs) = (served(""), served("routes: {auto: {selector: constraints, flags: tag=eu}}"));
        let sent = |flags: &str| HeaderMap::from_iter([(headers::FLAGS, flags.parse().unwrap())]);
        let ask = |route: &ServedRoute, flags: &str, asked: Asked| {
            goal(route, &OwnMember::default(), &sent(flags), &asked)
        };
        assert!(ask(&topsis, "fastest", Asked::Auto).is_err());
        assert!(ask(&topsis, "max_cost_usd=1", Asked::Auto).is_ok());
        assert!(ask(&topsis, "max_cost_usd=1", Asked::Named("a".into())).is_err());
        let both = ask(&weighs, "fastest", Asked::Auto).unwrap().flags;
        assert_eq!((both.fast, both.tags.as_slice()), (1.0, ["eu".to_owned()].as_slice()));
    }
}

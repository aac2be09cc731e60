//! `POST /v1/feedback`: how good an answer was, from the key that asked, once.
//!
//! A score in [0, 1], or a label that stands for one. What reports and learners go by, so it is written before it is
//! answered. Another key's decision is answered like one that does not exist.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use pointsman_kernel::DecisionId;
use pointsman_store::{Feedback, Given, Taken};
use pointsman_wire::json::View;
use serde_json::json;

use crate::app::App;
use crate::auth::Caller;
use crate::chat::{known_caller, read_body};
use crate::error::Refusal;

/// Labels and what they stand for.
pub const LABELS: [(&str, f64); 4] = [("good", 1.0), ("up", 1.0), ("bad", 0.0), ("down", 0.0)];
/// Feedback is small; what is larger is something else.
const LARGEST: usize = 64 << 10;

/// What a body says.
#[derive(Debug, PartialEq)]
struct Said {
    decision: DecisionId,
    score: f64,
    label: Option<Arc<str>>,
}

/// The handler.
pub async fn give(State(app): State<Arc<App>>, request: http::Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let caller = match known_caller(&app, &parts.headers) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let bytes = read_body(LARGEST, &parts, body).await;
    match bytes.and_then(|bytes| Said::read(&bytes)) {
        Ok(said) => keep(&app, &caller, said).await.unwrap_or_else(IntoResponse::into_response),
        Err(refusal) => {
            app.telemetry.feedback("refused", None);
            refusal.into_response()
        }
    }
}

async fn keep(app: &Arc<App>, caller: &Caller, said: Said) -> Result<Response, Refusal> {
    let feedback = Feedback { at: app.clock.now(), score: said.score, label: said.label.clone() };
    let (ledger, of, id) = (app.ledger.clone(), caller.clone(), said.decision.clone());
    let taken = tokio::task::spawn_blocking(move || {
        let key = of.key.as_deref();
        ledger.give(&Given { id: &id, tenant: &of.tenant, key, feedback: &feedback })
    });
    let failed = |why: String| {
        app.telemetry.feedback("failed", None);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "feedback_not_kept", why)
    };
    let taken = match taken.await {
        Ok(Ok(taken)) => taken,
        Ok(Err(fault)) => return Err(failed(fault.to_string())),
        Err(_) => return Err(failed("the ledger's writer stopped; try again".to_owned())),
    };
    let Said { decision, score, label } = said;
    match taken {
        Taken::Kept => {
            app.telemetry.feedback("kept", Some(score));
            let mut answer = json!({"decision_id": decision.as_str(), "score": score});
            if let (Some(label), Some(members)) = (label, answer.as_object_mut()) {
                members.insert("label".to_owned(), json!(&*label));
            }
            Ok(Json(answer).into_response())
        }
        Taken::Unknown => {
            app.telemetry.feedback("unknown", None);
            Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "decision_not_found",
                format!(
                    "decision `{decision}` is not among those of this key; its id stands in the header x-pointsman-decision"
                ),
            ))
        }
        Taken::Again => {
            app.telemetry.feedback("again", None);
            Err(Refusal::new(
                StatusCode::CONFLICT,
                "feedback_given",
                format!("feedback for decision `{decision}` was given before, and that stands"),
            ))
        }
    }
}

impl Said {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let bad =
            |message: String, param: Option<&str>| Refusal::bad_request("invalid_feedback", message, param);
        if let Err(fault) = std::str::from_utf8(body) {
            return Err(bad(format!("the body is not valid UTF-8 at byte {}", fault.valid_up_to()), None));
        }
        let view =
            View::parse(body).map_err(|fault| bad(format!("the body is not valid JSON: {fault}"), None))?;
        let (mut decision, mut score, mut label) = (None, None, None);
        for (key, value) in view.members() {
            match key.as_ref() {
                "decision_id" => {
                    let id = value.str().filter(|id| !id.is_empty());
                    let id =
                        id.ok_or_else(|| bad("`decision_id` must be a text".into(), Some("decision_id")))?;
                    decision = Some(DecisionId::from(id.as_ref()));
                }
                "score" => {
                    let number = value.f64().filter(|number| (0.0..=1.0).contains(number));
                    let wrong = || bad("`score` must be a number from 0 to 1".into(), Some("score"));
                    score = Some(number.ok_or_else(wrong)?);
                }
                "label" => label = Some(labelled(&value).map_err(|message| bad(message, Some("label")))?),
                other => {
                    let message = format!("`{other}` is not known; `decision_id`, `score` and `label` are");
                    return Err(bad(message, Some(other)));
                }
            }
        }
        let Some(decision) = decision else {
            let message = "`decision_id` is missing: send the header x-pointsman-decision of the answer";
            return Err(bad(message.into(), Some("decision_id")));
        };
        match (score, label) {
            (Some(score), None) => Ok(Self { decision, score, label: None }),
            (None, Some((label, score))) => Ok(Self { decision, score, label: Some(label.into()) }),
            (None, None) => Err(bad("`score` is missing: send a `score` or a `label`".into(), Some("score"))),
            (Some(_), Some(_)) => {
                Err(bad("`score` and `label` say the same thing: send one of them".into(), Some("label")))
            }
        }
    }
}

fn labelled(value: &View<'_>) -> Result<(&'static str, f64), String> {
    let known = value.str().and_then(|word| LABELS.into_iter().find(|(label, _)| *label == word));
    known.ok_or_else(|| {
        let names: Vec<&str> = LABELS.iter().map(|(label, _)| *label).collect();
        format!("`label` must be one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_or_a_label_is_read_and_nonsense_is_named() {
        let read = |body: &str| Said::read(body.as_bytes());
        let said =
            |score, label: Option<&str>| Said { decision: "d".into(), score, label: label.map(Into::into) };
        assert_eq!(read(r#"{"decision_id":"d","score":0.5}"#).unwrap(), said(0.5, None));
        assert_eq!(read(r#"{"label":"down","decision_id":"d"}"#).unwrap(), said(0.0, Some("down")));
        for (body, param, says) in [
            ("{", None, "line 1"),
            ("[]", Some("decision_id"), "missing"),
            (r#"{"score":1}"#, Some("decision_id"), "x-pointsman-decision"),
            (r#"{"decision_id":7,"score":1}"#, Some("decision_id"), "text"),
            (r#"{"decision_id":"d"}"#, Some("score"), "missing"),
            (r#"{"decision_id":"d","score":1.5}"#, Some("score"), "0 to 1"),
            (r#"{"decision_id":"d","score":"1"}"#, Some("score"), "0 to 1"),
            (r#"{"decision_id":"d","label":"great"}"#, Some("label"), "good, up, bad, down"),
            (r#"{"decision_id":"d","label":"up","score":1}"#, Some("label"), "one of them"),
            (r#"{"decision_id":"d","stars":5}"#, Some("stars"), "not known"),
        ] {
            let refusal = read(body).unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.error.param.as_deref()), (400, param), "{body}");
            assert!(refusal.error.message.contains(says), "{body}: {}", refusal.error.message);
        }
    }
}

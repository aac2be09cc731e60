//! What 0.3 says in the form of 1.0, and the reverse.
//!
//! 0.3 tells kinds apart by a `kind` member, 1.0 by the name of the member; roles, states and files are spelled
//! otherwise. Members that neither changed are left as they are, unknown ones too. Nothing here judges: what is of the
//! wrong kind stays so and is refused where it is read.

use serde_json::{Map, Value, json};

use super::Version;

type Members = Map<String, Value>;

/// States by their name in 1.0 and in 0.3.
const STATES: [(&str, &str); 9] = [
    ("TASK_STATE_SUBMITTED", "submitted"),
    ("TASK_STATE_WORKING", "working"),
    ("TASK_STATE_COMPLETED", "completed"),
    ("TASK_STATE_FAILED", "failed"),
    ("TASK_STATE_CANCELED", "canceled"),
    ("TASK_STATE_INPUT_REQUIRED", "input-required"),
    ("TASK_STATE_REJECTED", "rejected"),
    ("TASK_STATE_AUTH_REQUIRED", "auth-required"),
    ("TASK_STATE_UNSPECIFIED", "unknown"),
];
const ROLES: [(&str, &str); 2] = [("ROLE_USER", "user"), ("ROLE_AGENT", "agent")];

/// The result of a method that answers with a message, a task or an event, from `from` to `to`.
pub(super) fn result(value: Value, from: Version, to: Version) -> Value {
    match (from, to) {
        (Version::V03, Version::V1) => up_result(value),
        (Version::V1, Version::V03) => down_result(value),
        _ => value,
    }
}

/// A bare task, as looking at one and cancelling one answer.
pub(super) fn bare_task(mut value: Value, from: Version, to: Version) -> Value {
    let Some(task) = value.as_object_mut() else { return value };
    match (from, to) {
        (Version::V03, Version::V1) => up_task(task),
        (Version::V1, Version::V03) => down_task(task),
        _ => {}
    }
    value
}

/// The parameters of a method.
pub(super) fn params(mut value: Value, from: Version, to: Version) -> Value {
    let Some(params) = value.as_object_mut() else { return value };
    match (from, to) {
        (Version::V03, Version::V1) => {
            each(params, "message", up_message);
            each(params, "configuration", |configuration| {
                if let Some(Value::Bool(blocking)) = configuration.remove("blocking") {
                    configuration.insert("returnImmediately".into(), Value::Bool(!blocking));
                }
                rename(configuration, "pushNotificationConfig", "taskPushNotificationConfig");
            });
        }
        (Version::V1, Version::V03) => {
            let sends = params.contains_key("message");
            each(params, "message", down_message);
            if sends {
                let configuration = params.entry("configuration").or_insert_with(|| json!({}));
                if let Some(configuration) = configuration.as_object_mut() {
                    // 1.0 waits unless told otherwise; 0.3 leaves the default to the agent.
                    let returns = configuration.remove("returnImmediately").and_then(|flag| flag.as_bool());
                    configuration.insert("blocking".into(), Value::Bool(!returns.unwrap_or(false)));
                    rename(configuration, "taskPushNotificationConfig", "pushNotificationConfig");
                }
            }
            params.remove("tenant");
        }
        _ => {}
    }
    value
}

/// Leaves a status's time out where no strict reader takes it: it says nothing that is used here.
pub(super) fn forgive(result: &mut Value) {
    let holder = match result.as_object_mut() {
        Some(members) if members.contains_key("status") => Some(members),
        Some(members) => {
            let inner = ["task", "statusUpdate"].into_iter().find(|name| members.contains_key(*name));
            inner.and_then(|name| members.get_mut(name)?.as_object_mut())
        }
        None => None,
    };
    let status = holder.and_then(|holder| holder.get_mut("status")?.as_object_mut());
    let Some(status) = status else { return };
    if let Some(time) = status.get("timestamp").cloned() {
        let alone = json!({"state": "TASK_STATE_WORKING", "timestamp": time});
        if serde_json::from_value::<a2a_types::TaskStatus>(alone).is_err() {
            status.remove("timestamp");
        }
    }
}

fn up_result(mut value: Value) -> Value {
    let Some(members) = value.as_object_mut() else { return value };
    let kind = members.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = match kind.as_str() {
        "message" => {
            up_message(members);
            "message"
        }
        "task" => {
            up_task(members);
            "task"
        }
        "status-update" => {
            members.remove("kind");
            members.remove("final");
            each(members, "status", up_status);
            "statusUpdate"
        }
        "artifact-update" => {
            members.remove("kind");
            each(members, "artifact", |artifact| parts(artifact, up_part));
            "artifactUpdate"
        }
        // Some answer in the new form under the old name.
        _ => return value,
    };
    json!({ name: value })
}

fn down_result(mut value: Value) -> Value {
    let Some(members) = value.as_object_mut() else { return value };
    let taken = ["message", "task", "statusUpdate", "artifactUpdate"]
        .into_iter()
        .find_map(|name| members.remove(name).map(|inner| (name, inner)));
    let Some((name, mut inner)) = taken else { return value };
    if let Some(inner) = inner.as_object_mut() {
        match name {
            "message" => down_message(inner),
            "task" => down_task(inner),
            "statusUpdate" => {
                let state =
                    inner.get("status").and_then(|status| status.get("state")).and_then(Value::as_str);
                let last = state.is_some_and(ends);
                each(inner, "status", down_status);
                inner.insert("kind".into(), "status-update".into());
                inner.insert("final".into(), last.into());
            }
            _ => {
                each(inner, "artifact", |artifact| parts(artifact, down_part));
                inner.insert("kind".into(), "artifact-update".into());
            }
        }
    }
    inner
}

/// Whether a stream of 0.3 is over with this state of 1.0.
fn ends(state: &str) -> bool {
    !matches!(state, "TASK_STATE_SUBMITTED" | "TASK_STATE_WORKING" | "TASK_STATE_UNSPECIFIED")
}

fn up_task(task: &mut Members) {
    task.remove("kind");
    each(task, "status", up_status);
    list(task, "artifacts", |artifact| parts(artifact, up_part));
    list(task, "history", up_message);
}

fn down_task(task: &mut Members) {
    task.insert("kind".into(), "task".into());
    each(task, "status", down_status);
    list(task, "artifacts", |artifact| parts(artifact, down_part));
    list(task, "history", down_message);
}

fn up_status(status: &mut Members) {
    spell(status, "state", |state| STATES.iter().find(|(_, old)| *old == state).map(|(new, _)| *new));
    each(status, "message", up_message);
}

fn down_status(status: &mut Members) {
    spell(status, "state", |state| STATES.iter().find(|(new, _)| *new == state).map(|(_, old)| *old));
    each(status, "message", down_message);
}

fn up_message(message: &mut Members) {
    message.remove("kind");
    spell(message, "role", |role| ROLES.iter().find(|(_, old)| *old == role).map(|(new, _)| *new));
    parts(message, up_part);
}

fn down_message(message: &mut Members) {
    message.insert("kind".into(), "message".into());
    spell(message, "role", |role| ROLES.iter().find(|(new, _)| *new == role).map(|(_, old)| *old));
    parts(message, down_part);
}

fn up_part(part: &mut Members) {
    match part.remove("kind").as_ref().and_then(Value::as_str) {
        Some("file") => {
            let Some(Value::Object(mut file)) = part.remove("file") else { return };
            for (old, new) in [
                ("bytes", "raw"),
                ("fileWithBytes", "raw"),
                ("uri", "url"),
                ("fileWithUri", "url"),
                ("name", "filename"),
                ("mimeType", "mediaType"),
            ] {
                if let Some(value) = file.remove(old).filter(|value| !value.is_null()) {
                    part.insert(new.into(), value);
                }
            }
        }
        Some("data") => {
            part.entry("mediaType").or_insert_with(|| "application/json".into());
        }
        _ => {}
    }
}

fn down_part(part: &mut Members) {
    let (name, media) = (part.remove("filename"), part.remove("mediaType"));
    let content = [("raw", "bytes"), ("url", "uri")]
        .into_iter()
        .find_map(|(new, old)| part.remove(new).map(|value| (old, value)));
    if let Some((old, value)) = content {
        let mut file = Members::new();
        file.insert(old.into(), value);
        file.extend(name.map(|name| ("name".to_owned(), name)));
        file.extend(media.map(|media| ("mimeType".to_owned(), media)));
        part.insert("kind".into(), "file".into());
        part.insert("file".into(), Value::Object(file));
    } else if let Some(data) = part.get_mut("data") {
        // 0.3 takes objects alone.
        if !data.is_object() {
            *data = json!({ "value": data.take() });
        }
        part.insert("kind".into(), "data".into());
    } else {
        part.insert("kind".into(), "text".into());
    }
}

fn parts(holder: &mut Members, change: fn(&mut Members)) {
    list(holder, "parts", change);
}

fn each(holder: &mut Members, name: &str, change: impl FnOnce(&mut Members)) {
    if let Some(Value::Object(inner)) = holder.get_mut(name) {
        change(inner);
    }
}

fn list(holder: &mut Members, name: &str, change: impl Fn(&mut Members)) {
    if let Some(Value::Array(items)) = holder.get_mut(name) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
}

fn spell(holder: &mut Members, name: &str, other: impl FnOnce(&str) -> Option<&'static str>) {
    let new = holder.get(name).and_then(Value::as_str).and_then(other);
    if let Some(new) = new {
        holder.insert(name.to_owned(), new.into());
    }
}

fn rename(holder: &mut Members, from: &str, to: &str) {
    if let Some(value) = holder.remove(from) {
        holder.insert(to.to_owned(), value);
    }
}

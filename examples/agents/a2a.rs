//! What it takes to be an agent that speaks A2A 1.0: a card to be found by, and the methods to be asked by. What the agent
//! does is a function of the conversation's name and of what was said.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for what it lacks")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};

/// What an agent says of itself.
pub(crate) struct About {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does: what it is chosen by.
    pub(crate) description: &'static str,
    /// What people say to it: what it is chosen by, too.
    pub(crate) examples: &'static [&'static str],
    /// Where it listens unless told otherwise.
    pub(crate) port: u16,
}

/// What an agent answers.
pub(crate) enum Answer {
    /// This, and the task is done.
    Done(String),
    /// This question; the task goes on with the next message.
    Ask(String),
}

type Reply = dyn Fn(&str, &str) -> Answer + Send + Sync;

struct Agent {
    card: Value,
    reply: Box<Reply>,
    /// Tasks by id, each with its conversation.
    tasks: Mutex<HashMap<String, Value>>,
}

/// Serves an agent until the process is stopped. The first argument may be a port.
pub(crate) async fn serve(about: About, reply: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(about.port);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(fault) => {
            return eprintln!("{address} cannot be had: {fault}; give another port as the argument");
        }
    };
    let agent =
        Agent { card: card(&about, address), reply: Box::new(reply), tasks: Mutex::new(HashMap::new()) };
    let router = Router::new()
        .route("/.well-known/agent-card.json", get(found))
        .route("/", post(call))
        .with_state(Arc::new(agent));
    println!("{} is at http://{address}", about.name);
    if let Err(fault) = axum::serve(listener, router).await {
        eprintln!("{fault}");
    }
}

fn card(about: &About, address: SocketAddr) -> Value {
    json!({
        "name": about.name,
        "description": about.description,
        "version": "1.0.0",
        "supportedInterfaces":
            [{"url": format!("http://{address}/"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
        "capabilities": {"streaming": true, "pushNotifications": false},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "main", "name": about.name, "description": about.description, "tags": [],
            "examples": about.examples}],
    })
}

async fn found(State(agent): State<Arc<Agent>>) -> Json<Value> {
    Json(agent.card.clone())
}

async fn call(State(agent): State<Arc<Agent>>, Json(request): Json<Value>) -> Response {
    let (id, params) = (&request["id"], &request["params"]);
    let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    let error = |code: i32, message: &str| json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    match request["method"].as_str().unwrap_or_default() {
        "SendMessage" => Json(result(json!({ "task": agent.take(params) }))).into_response(),
        "SendStreamingMessage" => {
            let event = Event::default().data(result(json!({ "task": agent.take(params) })).to_string());
            Sse::new(stream::iter([Ok::<_, Infallible>(event)])).into_response()
        }
        "GetTask" => match agent.task(params["id"].as_str().unwrap_or_default()) {
            Some(task) => Json(result(task)).into_response(),
            None => Json(error(-32001, "there is no such task")).into_response(),
        },
        "CancelTask" => Json(error(-32002, "tasks end at once here")).into_response(),
        _ => Json(error(-32601, "there is no such method")).into_response(),
    }
}

impl Agent {
    /// Takes a message and gives the task that it belongs to, as it stands then.
    fn take(&self, params: &Value) -> Value {
        let message = &params["message"];
        let texts =
            message["parts"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
        let said = texts.collect::<Vec<_>>().join("\n");
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let number = tasks.len() + 1;
        let name = |key: &str| message[key].as_str().filter(|name| !name.is_empty()).map(ToOwned::to_owned);
        let context = name("contextId").unwrap_or_else(|| format!("context-{number}"));
        let id = name("taskId").unwrap_or_else(|| format!("task-{number}"));
        let mut task = json!({"id": id, "contextId": context});
        match (self.reply)(&context, &said) {
            Answer::Done(text) => {
                task["status"] = json!({"state": "TASK_STATE_COMPLETED"});
                task["artifacts"] = json!([{"artifactId": "answer", "parts": [{"text": text}]}]);
            }
            Answer::Ask(text) => {
                let message = json!({"messageId": format!("{id}-asks"), "role": "ROLE_AGENT", "parts": [{"text": text}]});
                task["status"] = json!({"state": "TASK_STATE_INPUT_REQUIRED", "message": message});
            }
        }
        tasks.insert(id, task.clone());
        task
    }

    fn task(&self, id: &str) -> Option<Value> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

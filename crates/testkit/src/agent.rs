//! An agent on loopback that speaks A2A, 1.0 or 0.3, does as it is told and remembers what it was sent.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::{Head, read_body, read_head};
use crate::upstream::Received;

/// An agent. Dropping it closes its listener and all its connections.
pub struct Agent {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

/// What is done with a message.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Answered at once, without a task.
    Say(String),
    /// A task with one artifact, in these pieces; a stream waits this long before each.
    Work(Vec<String>, Duration),
    /// A task that asks for this, and is done with `got: ` and what it is told under its id.
    Ask(String),
    /// A task that waits to be authorised.
    Authorise,
    /// A task that fails for this reason.
    Fail(String),
    /// A task that is refused for this reason.
    Reject(String),
    /// A task that begins and never ends.
    Hang,
    /// Nothing comes.
    Silent,
    /// What is no A2A.
    Garbage,
    /// A task of which an answer tells only that it is being worked on: it is done after so many looks.
    Later(u32),
    /// An error of JSON-RPC.
    Error(i32, String),
    /// The stream breaks off in the middle of a task.
    Cut,
}

/// How an agent is.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What is done with one message after the other; the last is repeated. A message to a task that asked is its answer.
    pub deeds: Vec<Deed>,
    /// It speaks 0.3.
    pub old: bool,
    /// It streams.
    pub streams: bool,
    /// Its card, where it is not the usual one: status and body.
    pub card: Option<(u16, String)>,
    /// What its usual card says it does, and examples of it.
    pub about: Option<(String, Vec<String>)>,
}

struct Shared {
    manner: Mutex<Manner>,
    received: Mutex<Vec<Received>>,
    tasks: Mutex<Vec<Task>>,
    messages: Mutex<usize>,
    address: SocketAddr,
}

#[derive(Clone)]
struct Task {
    id: String,
    state: &'static str,
    looks: u32,
    text: String,
}

impl From<Deed> for Manner {
    fn from(deed: Deed) -> Self {
        Self { deeds: vec![deed], old: false, streams: true, card: None, about: None }
    }
}

impl Manner {
    /// The same in 0.3.
    #[must_use]
    pub fn old(mut self) -> Self {
        self.old = true;
        self
    }

    /// The same without streams.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.streams = false;
        self
    }

    /// The same with a card that says it does this, with examples.
    #[must_use]
    pub fn about(mut self, description: &str, examples: &[&str]) -> Self {
        let examples = examples.iter().map(|example| (*example).to_owned()).collect();
        self.about = Some((description.to_owned(), examples));
        self
    }

    /// The same with another card.
    #[must_use]
    pub fn with_card(mut self, status: u16, card: impl Into<String>) -> Self {
        self.card = Some((status, card.into()));
        self
    }
}

impl Deed {
    /// A task done in these words.
    #[must_use]
    pub fn work(text: &str) -> Self {
        Self::Work(text.split_inclusive(' ').map(ToOwned::to_owned).collect(), Duration::ZERO)
    }
}

impl Agent {
    /// An agent on a free port.
    ///
    /// # Panics
    /// If loopback cannot be used.
    pub async fn start(manner: impl Into<Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner.into()),
            received: Mutex::default(),
            tasks: Mutex::default(),
            messages: Mutex::default(),
            address,
        });
        let to_serve = Arc::clone(&shared);
        let listener = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                let shared = Arc::clone(&to_serve);
                connections.spawn(async move { serve(socket, &shared).await });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, shared, listener }
    }

    /// Where it is; its card is found below.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Goes on in another manner.
    ///
    /// # Panics
    /// If a test has panicked with it.
    pub fn become_(&self, manner: impl Into<Manner>) {
        *self.shared.manner.lock().unwrap() = manner.into();
        *self.shared.messages.lock().unwrap() = 0;
    }

    /// Forgets all tasks, as one that was started anew does.
    ///
    /// # Panics
    /// If a test has panicked with it.
    pub fn forget(&self) {
        self.shared.tasks.lock().unwrap().clear();
    }

    /// The calls of this method, in the order they came.
    ///
    /// # Panics
    /// If a test has panicked with it.
    #[must_use]
    pub fn calls(&self, method: &str) -> Vec<Received> {
        let received = self.shared.received.lock().unwrap();
        received.iter().filter(|call| call.json()["method"] == method).cloned().collect()
    }

    /// Waits, two seconds at most, until so many calls of a method have come.
    pub async fn called(&self, method: &str, times: usize) -> bool {
        for _ in 0..400 {
            if self.calls(method).len() >= times {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(mut io: TcpStream, shared: &Shared) {
    let mut buffer = BytesMut::new();
    while let Ok(Some(head)) = read_head(&mut io, &mut buffer, true).await {
        let mut body = BytesMut::new();
        if read_body(&mut io, &mut buffer, &head, false, &mut body).await.is_err() {
            return;
        }
        if answer(&mut io, shared, head, body).await.is_err() {
            return;
        }
    }
}

async fn answer(io: &mut TcpStream, shared: &Shared, head: Head, body: BytesMut) -> io::Result<()> {
    let (method, path) = head.first;
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let received =
        Received { method: method.clone(), path: path.clone(), headers: head.headers, body: body.freeze() };
    shared.received.lock().unwrap().push(received);
    let manner = shared.manner.lock().unwrap().clone();
    if method == "GET" {
        let known = ["/.well-known/agent-card.json", "/.well-known/agent.json"];
        return match &manner.card {
            Some((status, card)) => whole(io, *status, card).await,
            None if path == known[usize::from(manner.old)] => {
                whole(io, 200, &card(shared, &manner).to_string()).await
            }
            None => whole(io, 404, "{\"error\": \"not found\"}").await,
        };
    }
    let id = request["id"].clone();
    let name = request["method"].as_str().unwrap_or_default();
    let speaks = if manner.old { "/" } else { "Message" };
    match name {
        "GetTask" | "tasks/get" => {
            let found = look(shared, request["params"]["id"].as_str().unwrap_or_default());
            tell(io, &id, found.map(|task| snapshot(&task, manner.old))).await
        }
        "CancelTask" | "tasks/cancel" => {
            let task = cancel(shared, request["params"]["id"].as_str().unwrap_or_default());
            tell(io, &id, task.map(|task| snapshot(&task, manner.old))).await
        }
        _ if !name.contains(speaks) => {
            let error = json!({"code": -32601, "message": format!("method not found: {name}")});
            whole(io, 200, &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()).await
        }
        _ => message(io, shared, &manner, &request).await,
    }
}

/// Finds a task and counts the look.
fn look(shared: &Shared, id: &str) -> Option<Task> {
    let mut tasks = shared.tasks.lock().unwrap();
    let task = tasks.iter_mut().find(|task| task.id == id)?;
    if task.looks > 0 {
        task.looks -= 1;
        if task.looks == 0 {
            task.state = "completed";
        }
    }
    Some(task.clone())
}

fn cancel(shared: &Shared, id: &str) -> Option<Task> {
    let mut tasks = shared.tasks.lock().unwrap();
    let task = tasks.iter_mut().find(|task| task.id == id)?;
    task.state = "canceled";
    Some(task.clone())
}

async fn message(io: &mut TcpStream, shared: &Shared, manner: &Manner, request: &Value) -> io::Result<()> {
    let id = request["id"].clone();
    let message = &request["params"]["message"];
    let said = message["parts"].as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    let said = said.collect::<Vec<_>>().join("|");
    let streams = request["method"] == "SendStreamingMessage" || request["method"] == "message/stream";
    let old = manner.old;
    let context = message["contextId"].as_str().unwrap_or("context-1").to_owned();
    if let Some(task) = message["taskId"].as_str() {
        let open =
            shared.tasks.lock().unwrap().iter().any(|own| own.id == task && own.state == "input-required");
        if !open {
            let error = json!({"code": -32001, "message": "task not found"});
            return whole(io, 200, &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()).await;
        }
        let done = Task { id: task.to_owned(), state: "completed", looks: 0, text: format!("got: {said}") };
        shared.tasks.lock().unwrap().retain(|own| own.id != task);
        shared.tasks.lock().unwrap().push(done.clone());
        let events = vec![wrap("task", snapshot(&done, old), old)];
        return send(io, &id, events, streams, Duration::ZERO, true).await;
    }
    let deed = {
        let mut messages = shared.messages.lock().unwrap();
        let deed = manner.deeds[(*messages).min(manner.deeds.len() - 1)].clone();
        *messages += 1;
        deed
    };
    let number = shared.tasks.lock().unwrap().len() + 1;
    let mut task = Task { id: format!("task-{number}"), state: "working", looks: 0, text: String::new() };
    let begin = wrap("task", snapshot(&task, old), old);
    let mut events = vec![begin];
    let mut pace = Duration::ZERO;
    let mut closes = true;
    match deed {
        Deed::Silent => return rest(io).await,
        Deed::Garbage => {
            return whole(io, 200, "{\"jsonrpc\": \"2.0\", \"result\": {\"task\": [1, 2]}}").await;
        }
        Deed::Error(code, text) => {
            let error = json!({"code": code, "message": text});
            return whole(io, 200, &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()).await;
        }
        Deed::Say(text) => {
            let text = text.replace("{said}", &said);
            let mut answer = words("m-1", &text, old);
            answer["contextId"] = json!(context);
            return send(io, &id, vec![wrap("message", answer, old)], streams, pace, true).await;
        }
        Deed::Work(pieces, wait) => {
            pace = wait;
            for (index, piece) in pieces.iter().enumerate() {
                let artifact = json!({"artifactId": "a", "parts": [part(piece, old)]});
                let update = json!({"taskId": task.id, "contextId": context, "artifact": artifact, "append": index > 0});
                events.push(wrap("artifact-update", update, old));
            }
            (task.state, task.text) = ("completed", pieces.concat());
            events.push(status(&task, &context, None, old));
        }
        Deed::Ask(question) => {
            task.state = "input-required";
            events.push(status(&task, &context, Some(&question), old));
        }
        Deed::Authorise => {
            task.state = "auth-required";
            events.push(status(&task, &context, None, old));
        }
        Deed::Fail(reason) => {
            task.state = "failed";
            events.push(status(&task, &context, Some(&reason), old));
        }
        Deed::Reject(reason) => {
            task.state = "rejected";
            events.push(status(&task, &context, Some(&reason), old));
        }
        Deed::Later(looks) => {
            (task.looks, task.text) = (looks, "done at last".to_owned());
            closes = false;
        }
        Deed::Hang => closes = false,
        Deed::Cut => {
            shared.tasks.lock().unwrap().push(task);
            events.push(wrap(
                "artifact-update",
                json!({"taskId": "task-1", "contextId": context, "artifact": {"artifactId": "a", "parts": [part("half", old)]}}),
                old,
            ));
            send(io, &id, events, streams, pace, false).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    shared.tasks.lock().unwrap().push(task.clone());
    if !streams {
        if !closes && task.looks == 0 {
            return rest(io).await;
        }
        let mut answer = snapshot(&task, old);
        if let Some(text) = events.last().and_then(said_in) {
            answer["status"]["message"] = words("m-1", &text, old);
        }
        answer["contextId"] = json!(context);
        return tell(io, &id, Some(wrap("task", answer, old))).await;
    }
    send(io, &id, events, true, pace, closes).await?;
    if closes { Ok(()) } else { rest(io).await }
}

/// The words of a status event.
fn said_in(event: &Value) -> Option<String> {
    let status = event.get("statusUpdate").unwrap_or(event).get("status")?;
    status["message"]["parts"][0]["text"].as_str().map(ToOwned::to_owned)
}

/// Waits until the caller has left.
async fn rest(io: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    while io.read(&mut byte).await? > 0 {}
    Err(io::ErrorKind::ConnectionAborted.into())
}

async fn tell(io: &mut TcpStream, id: &Value, result: Option<Value>) -> io::Result<()> {
    let answer = match result {
        Some(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        None => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32001, "message": "task not found"}}),
    };
    whole(io, 200, &answer.to_string()).await
}

async fn whole(io: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    let place = if (300..400).contains(&status) { "location: http://127.0.0.1:1/\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} Agent\r\ncontent-type: application/json\r\n{place}content-length: {}\r\n\r\n",
        body.len()
    );
    io.write_all(head.as_bytes()).await?;
    io.write_all(body.as_bytes()).await?;
    io.flush().await
}

async fn send(
    io: &mut TcpStream,
    id: &Value,
    events: Vec<Value>,
    streams: bool,
    pace: Duration,
    closes: bool,
) -> io::Result<()> {
    if !streams {
        return tell(io, id, events.into_iter().next_back()).await;
    }
    io.write_all(
        b"HTTP/1.1 200 Agent\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await?;
    for (index, event) in events.iter().enumerate() {
        if index > 0 && !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        let event = format!("data: {}\n\n", json!({"jsonrpc": "2.0", "id": id, "result": event}));
        io.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        io.flush().await?;
    }
    if closes {
        io.write_all(b"0\r\n\r\n").await?;
    }
    io.flush().await
}

fn part(text: &str, old: bool) -> Value {
    if old { json!({"kind": "text", "text": text}) } else { json!({"text": text}) }
}

fn words(id: &str, text: &str, old: bool) -> Value {
    let role = if old { "agent" } else { "ROLE_AGENT" };
    let mut message = json!({"messageId": id, "role": role, "parts": [part(text, old)]});
    if old {
        message["kind"] = json!("message");
    }
    message
}

fn state(name: &str, old: bool) -> String {
    if old { name.to_owned() } else { format!("TASK_STATE_{}", name.to_uppercase().replace('-', "_")) }
}

fn status(task: &Task, context: &str, text: Option<&str>, old: bool) -> Value {
    let mut status = json!({"state": state(task.state, old)});
    if let Some(text) = text {
        status["message"] = words("m-1", text, old);
    }
    let mut update = json!({"taskId": task.id, "contextId": context, "status": status});
    if old {
        update["final"] = json!(true);
    }
    wrap("status-update", update, old)
}

fn snapshot(task: &Task, old: bool) -> Value {
    let mut found =
        json!({"id": task.id, "contextId": "context-1", "status": {"state": state(task.state, old)}});
    if !task.text.is_empty() && task.state == "completed" {
        found["artifacts"] = json!([{"artifactId": "a", "parts": [part(&task.text, old)]}]);
    }
    if old {
        found["kind"] = json!("task");
    }
    found
}

fn wrap(kind: &str, mut value: Value, old: bool) -> Value {
    if old {
        value["kind"] = json!(kind);
        return value;
    }
    match kind {
        "artifact-update" => json!({ "artifactUpdate": value }),
        "status-update" => json!({ "statusUpdate": value }),
        kind => json!({ kind: value }),
    }
}

fn card(shared: &Shared, manner: &Manner) -> Value {
    let url = format!("http://{}/rpc", shared.address);
    let skill = json!({"id": "s", "name": "testing", "description": "Is tested", "tags": ["test"], "examples": ["test me"]});
    let mut card = json!({"name": "Test agent", "description": "Does as it is told", "version": "1.0.0",
        "capabilities": {"streaming": manner.streams, "pushNotifications": true},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [skill]});
    if let Some((description, examples)) = &manner.about {
        card["description"] = json!(description);
        card["skills"] = json!([{"id": "s", "name": "main", "description": description, "tags": [], "examples": examples}]);
    }
    if manner.old {
        card["url"] = json!(url);
        card["protocolVersion"] = json!("0.3.0");
    } else {
        card["supportedInterfaces"] =
            json!([{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]);
    }
    card
}

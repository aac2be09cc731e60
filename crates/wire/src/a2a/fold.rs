//! What a task's events come to, read one after the other: the text of its artifacts, what it says of its progress, and
//! how it ends.
//!
//! A whole answer is folded as the one event it is, so that a stream and an answer read the same.

use a2a_types::{Artifact, Message, Part, PartContent, Role, StreamResponse, Task, TaskState, TaskStatus};

use crate::lossy::Lossy;
use crate::neutral::ApiError;

/// How a task ended, as far as whoever asked is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done, or there was none: the agent answered at once.
    Done,
    /// It waits: for more input, or to be authorised.
    Waits(TaskState),
    /// It failed, was refused or cancelled; says so in the agent's words.
    Failed(ApiError),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Of the answer.
    Answer(String),
    /// Of what the agent does meanwhile.
    Progress(String),
}

/// The state of one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Fold {
    pub(super) context: Option<String>,
    pub(super) task: Option<String>,
    pub(super) state: Option<TaskState>,
    pub(super) end: Option<End>,
    pub(super) lossy: Lossy,
    /// Artifacts and the text of each that was handed out.
    artifacts: Vec<(String, String)>,
    /// Anything of an answer was handed out.
    answered: bool,
    /// The last words on progress, which are the answer where there is no other.
    progress: String,
    /// The status message that was read last.
    read: Option<String>,
}

/// What is between two parts of an answer that have nothing to do with each other.
const BREAK: &str = "\n\n";

impl Fold {
    /// Takes an event; says what is to be handed out.
    pub(super) fn take(&mut self, event: StreamResponse) -> Vec<Piece> {
        let mut out = Vec::new();
        if self.end.is_some() {
            return out;
        }
        match event {
            StreamResponse::Message(message) => {
                self.context = message.context_id.clone().or(self.context.take());
                self.task = message.task_id.clone().or(self.task.take());
                let text = self.text(&message, "message");
                self.answer(&text, &mut out);
                self.end = Some(End::Done);
            }
            StreamResponse::Task(task) => self.whole(task, &mut out),
            StreamResponse::StatusUpdate(update) => {
                self.known(update.context_id, update.task_id);
                self.status(update.status, None, &mut out);
            }
            StreamResponse::ArtifactUpdate(update) => {
                self.known(update.context_id, update.task_id);
                self.artifact(&update.artifact, update.append.unwrap_or(false), &mut out);
            }
        }
        out
    }

    /// The id of a task that goes on without whoever asked for it.
    pub(super) fn open_task(&self) -> Option<&str> {
        if self.end.is_some() { None } else { self.task.as_deref() }
    }

    fn known(&mut self, context: String, task: String) {
        if !context.is_empty() {
            self.context = Some(context);
        }
        if !task.is_empty() {
            self.task = Some(task);
        }
    }

    fn whole(&mut self, task: Task, out: &mut Vec<Piece>) {
        self.known(task.context_id, task.id);
        for artifact in task.artifacts.iter().flatten() {
            self.snapshot(artifact, out);
        }
        self.status(task.status, task.history.as_deref(), out);
    }

    fn status(&mut self, status: TaskStatus, history: Option<&[Message]>, out: &mut Vec<Piece>) {
        let again = |own: &Option<String>, message: &Message| own.as_ref() == Some(&message.message_id);
        let message = status.message.filter(|message| !again(&self.read, message));
        let text = message.as_ref().map(|message| self.text(message, "status.message")).unwrap_or_default();
        self.read = message.map(|message| message.message_id).or(self.read.take());
        self.state = Some(status.state.clone());
        match status.state {
            TaskState::Unspecified | TaskState::Submitted | TaskState::Working => {
                if !text.is_empty() {
                    self.progress.clone_from(&text);
                    out.push(Piece::Progress(text));
                }
            }
            TaskState::Completed => {
                self.last_words(text, history, out);
                self.end = Some(End::Done);
            }
            TaskState::InputRequired | TaskState::AuthRequired => {
                let otherwise = match status.state {
                    TaskState::AuthRequired => "The agent asks to be authorised before it goes on.",
                    _ => "The agent asks for more before it goes on.",
                };
                let text = if text.is_empty() { otherwise } else { text.as_str() };
                self.answer(text, out);
                self.end = Some(End::Waits(status.state));
            }
            TaskState::Failed => self.failed("agent_failed", "failed", "api_error", text),
            TaskState::Canceled => self.failed("agent_canceled", "was cancelled", "api_error", text),
            TaskState::Rejected => {
                self.failed("agent_rejected", "was refused by the agent", "invalid_request_error", text);
            }
        }
    }

    /// The message of a task that is done stands beside its results; where there are none, it is the answer, and where
    /// there is no such message, the last thing the agent said.
    fn last_words(&mut self, text: String, history: Option<&[Message]>, out: &mut Vec<Piece>) {
        if self.answered {
            if !text.is_empty() {
                out.push(Piece::Progress(text));
            }
            return;
        }
        let said =
            |messages: &[Message]| messages.iter().rev().find(|message| message.role == Role::Agent).cloned();
        let text = match text.is_empty() {
            false => text,
            true => match history.and_then(said) {
                Some(message) => self.text(&message, "history"),
                None => std::mem::take(&mut self.progress),
            },
        };
        self.answer(&text, out);
    }

    fn failed(&mut self, code: &'static str, what: &str, kind: &'static str, text: String) {
        let message =
            if text.is_empty() { format!("the agent's task {what} without a reason") } else { text };
        let error = ApiError { message, kind: kind.into(), code: Some(code.into()), ..ApiError::default() };
        self.end = Some(End::Failed(error));
    }

    fn answer(&mut self, text: &str, out: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        let text = if self.answered { format!("{BREAK}{text}") } else { text.to_owned() };
        self.answered = true;
        out.push(Piece::Answer(text));
    }

    /// An artifact's event: a new one, more of one, or another in its place, which cannot be taken back here.
    fn artifact(&mut self, artifact: &Artifact, append: bool, out: &mut Vec<Piece>) {
        let text = self.artifact_text(artifact);
        let known = self.artifacts.iter().position(|(id, _)| *id == artifact.artifact_id);
        match known {
            Some(at) if append => self.more(at, &text, out),
            Some(at) => self.replaced(at, &text, out),
            None => self.new_artifact(artifact, text, out),
        }
    }

    /// An artifact as it stands in a task: of one that was read before, what is new.
    fn snapshot(&mut self, artifact: &Artifact, out: &mut Vec<Piece>) {
        let text = self.artifact_text(artifact);
        match self.artifacts.iter().position(|(id, _)| *id == artifact.artifact_id) {
            Some(at) => self.replaced(at, &text, out),
            None => self.new_artifact(artifact, text, out),
        }
    }

    fn new_artifact(&mut self, artifact: &Artifact, text: String, out: &mut Vec<Piece>) {
        self.answer(&text, out);
        self.artifacts.push((artifact.artifact_id.clone(), text));
    }

    fn more(&mut self, at: usize, text: &str, out: &mut Vec<Piece>) {
        let Some((_, handed)) = self.artifacts.get_mut(at) else { return };
        let first = handed.is_empty();
        handed.push_str(text);
        match first {
            true => self.answer(text, out),
            false if text.is_empty() => {}
            false => out.push(Piece::Answer(text.to_owned())),
        }
    }

    fn replaced(&mut self, at: usize, text: &str, out: &mut Vec<Piece>) {
        let Some((id, handed)) = self.artifacts.get(at) else { return };
        match text.strip_prefix(handed.as_str()) {
            Some("") => {}
            Some(rest) => self.more(at, rest, out),
            None => {
                self.lossy.drop_field(format!("artifacts[{id}] (its first version)"));
                self.answer(text, out);
                if let Some((_, handed)) = self.artifacts.get_mut(at) {
                    text.clone_into(handed);
                }
            }
        }
    }

    /// An artifact's parts follow each other without a break: pieces of a stream are kept as parts by agents.
    fn artifact_text(&mut self, artifact: &Artifact) -> String {
        let place = artifact.name.as_deref().unwrap_or(&artifact.artifact_id).to_owned();
        self.parts(&artifact.parts, &format!("artifacts[{place}]"), "")
    }

    fn text(&mut self, message: &Message, place: &str) -> String {
        self.parts(&message.parts, place, "\n")
    }

    fn parts(&mut self, parts: &[Part], place: &str, between: &str) -> String {
        let mut text = String::new();
        for (index, part) in parts.iter().enumerate() {
            let piece = match &part.content {
                PartContent::Text(text) => text.clone(),
                PartContent::Data(data) => format!("```json\n{data}\n```"),
                PartContent::Url(url) => link(part.filename.as_deref(), url),
                PartContent::Raw(_) => {
                    self.lossy.drop_field(format!("{place}.parts[{index}].raw"));
                    continue;
                }
            };
            if !text.is_empty() && !piece.is_empty() {
                let apart = matches!(part.content, PartContent::Data(_) | PartContent::Url(_));
                text.push_str(if apart && between.is_empty() { "\n" } else { between });
            }
            text.push_str(&piece);
        }
        text
    }
}

fn link(name: Option<&str>, url: &str) -> String {
    match name {
        Some(name) => format!("[{name}]({url})"),
        None => url.to_owned(),
    }
}

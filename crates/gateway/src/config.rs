//! The configuration: read, checked whole, and told about with file, line and column.
//!
//! Three forms. [`mod@file`] is what may be written, and the reference is made of it; [`Config`] is what was meant, with
//! every name resolved and every secret read; [`crate::snapshot::Snapshot`] is what serves. A file with a fault gives
//! all its faults and no configuration. Left out: the address beyond loopback without keys, which the server judges.

mod check;
mod env;
mod fault;
pub mod file;
mod reference;
mod scalar;
mod selection;
mod shape;
mod tree;
pub(crate) mod well_known;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pointsman_backends::{Deadlines, Script};
use pointsman_kernel::agents::{Skill, Slot};
use pointsman_kernel::health::BreakerPolicy;
use pointsman_kernel::plan::Patience;
use pointsman_kernel::session::Switching;
use pointsman_kernel::{Estimator, Flags, Preference, Price};
use pointsman_learn::Artifact;
use pointsman_learn::agents::AgentModel;
use pointsman_wire::a2a::Version;
use secrecy::SecretString;

pub(crate) use check::is_loopback;
pub use env::Env;
pub use fault::{Fault, Faults};
pub use file::{KeysRule, Kind, Mode};
pub use reference::{json_schema, reference_markdown};
pub use scalar::duration;
pub use selection::{Caution, RobustSettings, Selector};

use crate::catalogue::PriceOverride;
use crate::embed::SlowEncoder;
use tree::{Node, Place, Step};

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who serves models, in the file's order.
    pub providers: Vec<Provider>,
    /// Targets the file describes, in its order.
    pub targets: Vec<Declared>,
    /// Agents the file describes, by name.
    pub agents: Vec<DeclaredAgent>,
    /// Routes the file describes.
    pub routes: BTreeMap<String, RouteRules>,
    /// How long to wait for an upstream.
    pub timeouts: Deadlines,
    /// What a client may send.
    pub limits: Limits,
    /// When a target is left alone.
    pub breaker: BreakerPolicy,
    /// What is recorded.
    pub ledger: LedgerSettings,
    /// When a client needs a key.
    pub keys: KeysRule,
    /// Prices that go before the catalogue's.
    pub prices: Vec<PriceOverride>,
    /// Learned estimators.
    pub artifact: Artifact,
    /// Learned heads of the agents' stage, with the file's hash.
    pub agent_model: Option<AgentHeads>,
    /// The one to route by.
    pub estimator: Arc<dyn Estimator>,
    /// The encoder that the artifact was trained with, where that is not the table in the program.
    pub slow_encoder: Option<SlowEncoder>,
    /// Files it names and holds the content of: a change in one is a change of the configuration.
    pub files: Vec<PathBuf>,
    /// What works, but hardly as meant.
    pub warnings: Vec<Fault>,
    /// Where it stands, for faults that show later.
    pub(crate) origin: Arc<Origin>,
}

/// Learned heads of the agents' stage.
#[derive(Clone, Debug)]
pub struct AgentHeads {
    /// The heads.
    pub model: Arc<AgentModel>,
    /// SHA-256 of their file.
    pub hash: String,
}

/// One account at one API.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: Arc<str>,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is; empty for scripted ones.
    pub base_url: String,
    /// Its key.
    pub key: Option<SecretString>,
    /// Models to serve without asking.
    pub models: Vec<String>,
    /// Ask it for its models.
    pub discover: bool,
    /// What it serves costs nothing.
    pub free: bool,
    /// Certificates to trust besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// How it is reached.
    pub proxy: Proxy,
    /// Ask for usage at the end of streams.
    pub ask_for_usage: bool,
    /// Headers to send besides.
    pub headers: Vec<(String, SecretString)>,
    /// The catalogue's name for it, where its prices are known to be that provider's.
    pub catalogue: Option<&'static str>,
    /// Its own models are what it sells: an unknown price is not taken for a low one.
    pub vendor: bool,
    /// Looked for rather than configured: nothing is said when it is not there.
    pub sought: bool,
}

/// How a provider is reached.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// As the environment says.
    #[default]
    Environment,
    /// Directly.
    None,
    /// Through this one.
    At(String),
}

/// A target as the file describes it; what it leaves open the catalogue answers.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its public name.
    pub id: String,
    /// Its provider's name.
    pub provider: Arc<str>,
    /// The provider's name for the model.
    pub model: String,
    /// The estimators' name for it.
    pub profile: Option<String>,
    /// What it charges.
    pub price: Option<Price>,
    /// Tokens it takes.
    pub context: Option<u32>,
    /// Tokens it writes.
    pub max_output: Option<u32>,
    /// Calls tools.
    pub tools: Option<bool>,
    /// Reads images.
    pub images: Option<bool>,
    /// Answers by a schema.
    pub json_schema: Option<bool>,
    /// What it answers with.
    pub mode: Option<Mode>,
    /// Labels.
    pub tags: Vec<String>,
    /// Family.
    pub family: Option<String>,
    /// Billions of parameters.
    pub parameters_b: Option<f32>,
    /// Its script.
    pub script: Option<Script>,
}

/// An agent as the file describes it; what it leaves open its card answers.
#[derive(Clone, Debug)]
pub struct DeclaredAgent {
    /// Its public name.
    pub name: Arc<str>,
    /// Where its card is.
    pub card: Option<String>,
    /// Where it takes calls.
    pub url: Option<String>,
    /// The version it speaks.
    pub version: Option<Version>,
    /// It streams.
    pub streams: Option<bool>,
    /// Its key.
    pub key: Option<SecretString>,
    /// Headers to send besides.
    pub headers: Vec<(String, SecretString)>,
    /// Certificates to trust besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// How it is reached.
    pub proxy: Proxy,
    /// Its card's addresses may lead anywhere.
    pub allow_private: bool,
    /// How often its card is fetched.
    pub refresh: Duration,
    /// Earlier turns are sent as text.
    pub transcript: bool,
    /// What it charges.
    pub price: Option<Price>,
    /// What it does.
    pub description: Option<String>,
    /// What it can be asked for.
    pub skills: Vec<Skill>,
    /// What people say to it.
    pub examples: Vec<String>,
    /// Where it belongs.
    pub categories: Vec<String>,
    /// What must be known before it is asked.
    pub slots: Vec<Slot>,
    /// What a caller must have been granted.
    pub scopes: Vec<String>,
    /// Agents it may hand a conversation to.
    pub handoffs: Vec<String>,
    /// Labels.
    pub tags: Vec<String>,
}

/// A route as the file describes it.
#[derive(Clone, Debug)]
pub struct RouteRules {
    /// Ids, or beginnings of ids with `*`. With `tags` empty too: all chat targets.
    pub targets: Vec<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Agents asked first, as in `targets`; `None` where the file does not say.
    pub agents: Option<Vec<String>>,
    /// The weight of quality.
    pub prefer: Preference,
    /// Share of the best quality that is kept.
    pub floor: f64,
    /// What savings are told against.
    pub baseline: Option<String>,
    /// Who orders.
    pub selector: Selector,
    /// How much evidence it takes to leave the best constant choice.
    pub do_no_harm: Caution,
    /// How a prompt is read more than once, where it is.
    pub robust: Option<RobustSettings>,
    /// Share of choices that are drawn by chance.
    pub explore: f64,
    /// What every request asks for besides.
    pub flags: Flags,
    /// Weights may be read from the prompt.
    pub flags_in_prompt: bool,
    /// When a conversation may change its target.
    pub switching: Switching,
    /// How many are tried.
    pub patience: Patience,
    /// Refuse lossy translations.
    pub strict: bool,
}

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body.
    pub body_bytes: usize,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Prompts too.
    pub keep_prompts: bool,
    /// For how long; `None` is for ever.
    pub retention: Option<Duration>,
}

/// The text a configuration was read from.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) tree: Node,
    /// The file as JSON, without secrets: what its hash is made of.
    pub(crate) json: String,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path, env: &Env) -> Result<Self, Faults> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::new(&name, Place::START, format!("cannot be read: {error}"))
                .hint("name an existing file, or write one with `pointsman init`")
        })?;
        Self::parse(&name, &text, env)
    }

    /// Reads a text; files it names stand beside the file `name`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(name: &str, text: &str, env: &Env) -> Result<Self, Faults> {
        let tree = Node::parse(name, text)?;
        let shape = shape::walk(name, &tree, reference::inlined());
        let file: file::File = serde_json::from_value(shape.json.clone()).map_err(|error| {
            // The walk left out what does not fit; what still does not is told without a place rather than not at all.
            Faults::of(shape.faults.clone())
                .unwrap_or_else(|| Fault::new(name, Place::START, error.to_string()).into())
        })?;
        let origin = Origin { name: name.to_owned(), tree, json: shape.json.to_string() };
        check::check(file, origin, shape.faults, env)
    }

    /// The agent of this name.
    #[must_use]
    pub fn agent(&self, name: &str) -> Option<&DeclaredAgent> {
        self.agents.iter().find(|agent| &*agent.name == name)
    }

    /// The provider of this name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| &*provider.name == name)
    }
}

impl Origin {
    /// A fault at `path`.
    pub(crate) fn fault(&self, path: &[Step], message: impl Into<String>) -> Fault {
        Fault::new(&self.name, self.tree.place(path), message)
    }

    /// A path beside the file.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        match Path::new(&self.name).parent() {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }
}

/// A proxy's address may hold a password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::None => "None",
            Self::At(_) => "At(..)",
        })
    }
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("origin", &self.origin.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

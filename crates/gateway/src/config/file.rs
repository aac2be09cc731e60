//! The configuration file as it is written: names, shapes, defaults and what each key means.
//!
//! These doc comments are the reference: schema and `docs/reference/config.md` are made of them. What keys mean
//! together is looked at in `check`.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::{Prefer, SecretRef, Size, Time, Word};
use super::selection::{Caution, Robustness, Selector};

mod agents;

pub use agents::{Agent, AgentPrice, AgentSkill, AgentSlot, Protocol};

/// The whole file. Every key may be left out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// Address and port to listen on. Beyond loopback the server does not start without client keys.
    pub listen: String,
    /// Who serves models, by a name of your choice. Well-known names (openai, anthropic, gemini, openrouter, groq,
    /// mistral, deepseek, together, xai, fireworks, cerebras, ollama, vllm, lmstudio, llamacpp) bring their address and
    /// the variable their key is in.
    pub providers: BTreeMap<String, Provider>,
    /// Models that need more said of them than their name. Those of a provider's `models`, and those it lists when
    /// asked, are targets without an entry here.
    pub targets: Vec<Target>,
    /// Agents that speak A2A, by the name they are asked for under, as `model` and at `/a2a/NAME`.
    pub agents: BTreeMap<String, Agent>,
    /// What may be asked for as `model` to have one chosen, by name. `auto` is always there: all chat models, unless it
    /// is given here.
    pub routes: BTreeMap<String, Route>,
    /// How long to wait for an upstream.
    pub timeouts: Timeouts,
    /// What a client may send.
    pub limits: Limits,
    /// When a target that fails is left alone.
    pub breaker: Breaker,
    /// What is recorded of requests.
    pub ledger: Ledger,
    /// Who may call.
    pub keys: Keys,
    /// Prices that go before the catalogue's, by `model` or `provider/model`, in USD per million tokens.
    pub prices: BTreeMap<String, Price>,
    /// File of learned estimators, as `pointsman train` writes it. Default: the one in the program.
    pub artifact: Option<String>,
    /// File of learned heads of the agents' stage, as `pointsman agents train` writes it. Default: none, and agents are
    /// chosen by the words of their cards alone.
    pub agent_artifact: Option<String>,
    /// The estimator of the artifact to route by. Default: the one the artifact names.
    pub estimator: Option<String>,
    /// How prompts become vectors. Which encoder does it is the artifact's word.
    pub encoder: Encoder,
}

/// One account at one API.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// What it speaks. Default: what a provider of this name speaks, else `openai`.
    pub kind: Option<Kind>,
    /// Where it is: for `openai` up to and with `/v1`, for `anthropic` without. May contain `${NAME}`. Default: by
    /// name; its own variable (such as OPENAI_BASE_URL) goes before that.
    pub base_url: Option<String>,
    /// Where its key is: `env:NAME`, `${NAME}` or `file:PATH`; never the key itself. Default: the well-known variable,
    /// unless `base_url` is given.
    pub api_key: Option<SecretRef>,
    /// Models to serve, by the provider's names.
    pub models: Vec<String>,
    /// Ask it for its models, at the start and every ten minutes. Default: yes, unless `models` or a target names some.
    pub discover: Option<bool>,
    /// Its models cost nothing, unless a price is given: an engine of your own.
    pub free: bool,
    /// File of certificates (PEM) to trust besides the public ones.
    pub ca_file: Option<String>,
    /// Proxy to reach it through; `none` for none. Default: HTTPS_PROXY and its kin, but never to loopback.
    pub proxy: Option<String>,
    /// Ask for token counts at the end of streams where the client did not, and take them out again for the client.
    /// Where they are not asked for, they are counted here and marked as estimated.
    pub ask_for_usage: bool,
    /// Headers to send besides; values may be `env:NAME` or `file:PATH`.
    pub headers: BTreeMap<String, String>,
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// OpenAI's chat completions and embeddings.
    Openai,
    /// Anthropic's messages.
    Anthropic,
    /// Nobody: answers are made up here, for demonstrations and tests.
    Scripted,
}

/// One model deployment with its settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    /// The name clients ask for. Default: `model`.
    pub id: Option<String>,
    /// A provider from above. Default: none, it must be given.
    pub provider: String,
    /// The provider's name for the model. Default: `id`.
    pub model: Option<String>,
    /// The name the estimators know it by. Default: `model`.
    pub profile: Option<String>,
    /// What it charges. Default: `prices`, then the catalogue.
    pub price: Option<Price>,
    /// Tokens it takes, input and output together. Default: the catalogue's.
    #[schemars(range(min = 1))]
    pub context: Option<u32>,
    /// Tokens it writes at most. Default: the catalogue's.
    #[schemars(range(min = 1))]
    pub max_output: Option<u32>,
    /// Whether it can call tools. Default: the catalogue's word; unknown counts as yes.
    pub tools: Option<bool>,
    /// Whether it reads images. Default: the catalogue's word; unknown counts as yes.
    pub images: Option<bool>,
    /// Whether it answers by a JSON schema. Unknown counts as yes.
    pub json_schema: Option<bool>,
    /// What it answers with. Default: by the catalogue or its name.
    pub mode: Option<Mode>,
    /// Labels that routes choose by.
    pub tags: Vec<String>,
    /// Such as `gpt`, `claude`, `llama`: what is assumed of a model nobody has measured. Default: by its name.
    pub family: Option<String>,
    /// Billions of parameters, for the same end. Default: by its name.
    #[schemars(range(min = 0.0))]
    pub parameters_b: Option<f32>,
    /// How it behaves, for providers of kind `scripted`.
    pub scripted: Option<Script>,
}

/// What a target answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Text, by chat completions.
    Chat,
    /// Vectors.
    Embedding,
    /// Neither.
    Other,
}

/// USD per million tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens read.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub input: f64,
    /// Tokens written.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub output: f64,
    /// Tokens read from the provider's prompt cache. Default: as `input`.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(default)]
    pub cached_input: Option<f64>,
    /// Tokens written to the provider's prompt cache. Default: as `input`.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    #[serde(default)]
    pub cache_write: Option<f64>,
}

/// A scripted target's behaviour.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// What it says, whatever is asked. Default: simulated words, drawn by the prompt, that say they are simulated.
    pub answer: Option<String>,
    /// Simulated words at least.
    #[schemars(range(min = 1, max = 100_000))]
    pub min_tokens: u32,
    /// Simulated words at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_tokens: u32,
    /// Time to the first token.
    pub first_token: Time,
    /// Time for each further token.
    pub per_token: Time,
    /// Whether it reports its token counts.
    pub reports_usage: bool,
    /// Another seed, other words.
    pub seed: u64,
    /// What goes wrong, and when; the first that holds for a call counts.
    pub faults: Vec<ScriptedFault>,
}

/// What goes wrong with some of a scripted target's calls.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptedFault {
    /// What happens.
    pub fault: FaultKind,
    /// Only to so many calls from the start. Default, without `every`: to all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub first: Option<u64>,
    /// Only to each so-manieth call.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub every: Option<u64>,
    /// The status, for `status`. Default: 500.
    #[serde(default)]
    #[schemars(range(min = 400, max = 599))]
    pub status: Option<u16>,
    /// How long it asks to be left alone, for `status`.
    #[serde(default)]
    pub retry_after: Option<Time>,
    /// How much later it begins, for `slow`. Default: 1s.
    #[serde(default)]
    pub delay: Option<Time>,
    /// Tokens before it happens, for `cut` and `stall`. Default: 3.
    #[serde(default)]
    pub after_tokens: Option<u32>,
}

/// How a scripted target fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// No connection.
    Refuse,
    /// A status of failure.
    Status,
    /// Nothing comes, ever.
    Hang,
    /// It begins late.
    Slow,
    /// The answer breaks off.
    Cut,
    /// The stream stops and stays open.
    Stall,
    /// The stream ends without a reason for it.
    NoFinish,
    /// A page of HTML with status 200.
    Html,
    /// Half a JSON object with status 200.
    BrokenJson,
}

/// How one of several targets is chosen.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// Targets by id; a name may end in `*`. Default, without `tags`: all chat models but those dearer than 50 USD per
    /// million tokens of output, which must be named.
    pub targets: Vec<String>,
    /// Targets that bear one of these labels.
    pub tags: Vec<String>,
    /// Agents that are asked first, by name; a name may end in `*`. A turn that belongs to none of them goes to the
    /// targets, as does one whose agent fails. Default: all agents for `auto`, none for other routes. An agent among
    /// `targets` is chosen together with them instead.
    pub agents: Option<Vec<String>>,
    /// `quality`, `balanced`, `cost`, or the weight of quality from 0 to 1. A request may ask for another. Default:
    /// balanced.
    pub prefer: Option<Prefer>,
    /// Share of the predicted best quality that `balanced` keeps at least. Default: 0.98.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: Option<f64>,
    /// The target that savings are told against. Default: the dearest.
    pub baseline: Option<String>,
    /// How candidates are ordered: a name, or `NAME: {...}` with settings.
    pub selector: Selector,
    /// Leave the best constant choice on evidence only: `off`, or how much evidence. Default: on.
    pub do_no_harm: Caution,
    /// Read each prompt more than once and serve the reading that asks least, so that words appended to it cannot move it to
    /// a dearer target: `on`, `off`, or how. Default: off.
    pub robust: Robustness,
    /// Share of choices that are drawn by chance, to measure what routing saves and costs; 0 for none. Default: 0.01.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub explore: Option<f64>,
    /// What every request of the route asks for besides, as in the header `x-pointsman-flags`: `fastest`, `concise`,
    /// `cheapest` (weights, for the selector `constraints`), `max_cost_usd=N`, `max_latency_ms=N`, `tag=NAME` (limits,
    /// for all).
    pub flags: Option<String>,
    /// Read weights from the prompt as well: `[flag: fastest]` at the beginning of a user turn, which is taken out
    /// before it is sent. Never limits.
    pub flags_in_prompt: bool,
    /// When a conversation may change its target. A tool's result never does.
    pub switching: Switching,
    /// How many targets are tried and how patiently.
    pub patience: Patience,
    /// Refuse what a translation would lose something of, rather than say so.
    pub strict: bool,
}

/// When a conversation may change its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Switching {
    /// Only when its target cannot answer.
    #[default]
    Never,
    /// At every turn.
    EachTurn,
}

/// How many targets are tried and how patiently.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Patience {
    /// Targets tried at most, one after another.
    #[schemars(range(min = 1, max = 16))]
    pub targets: u8,
    /// Retries of each.
    #[schemars(range(max = 10))]
    pub retries: u8,
    /// The longest wait before a retry; a target that asks for more is passed over.
    pub wait: Time,
}

/// How long to wait for an upstream.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Time,
    /// For the first byte; where an answer is not streamed, nearly all of its time.
    pub head: Time,
    /// Between two pieces of a stream.
    pub idle: Time,
    /// For a whole answer. Default: no limit.
    pub total: Option<Time>,
}

/// What a client may send.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest body.
    pub body: Size,
}

/// How prompts become vectors, where the artifact was trained with a larger encoder than the one in the program.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Encoder {
    /// How long a request waits for it. Then the encoder in the program answers, and `standby` decides.
    pub budget: Time,
    /// File of learned estimators, trained with the encoder in the program, that decides when the budget runs out.
    /// Default: the one in the program.
    pub standby: Option<String>,
    /// Encodings at the same time. Default: as many as cores.
    #[schemars(range(min = 1, max = 256))]
    pub threads: Option<u16>,
    /// The onnxruntime library (1.17 or later) to run it over. May contain `${NAME}`. Default: ORT_DYLIB_PATH, else the
    /// one beside the encoders, else rten, which is a part of the program.
    pub onnxruntime: Option<String>,
}

/// When a target that fails is left alone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Failures in a row that open it.
    #[schemars(range(min = 1, max = 1_000))]
    pub failures: u32,
    /// How long the first time; twice as long each time after.
    pub open_for: Time,
    /// How long at most, a target's own Retry-After included.
    pub open_at_most: Time,
}

/// What is recorded of requests.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// Keep prompts and their vectors with the decisions.
    pub keep_prompts: bool,
    /// Delete records older than this. Default: keep all.
    pub retention: Option<Time>,
}

/// Who may call.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// When a client needs a key.
    pub required: KeysRule,
}

/// When a client needs a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeysRule {
    /// As soon as one was created, and always beyond loopback.
    #[default]
    Auto,
    /// Always.
    Always,
}

impl Default for File {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4000".to_owned(),
            providers: BTreeMap::new(),
            targets: Vec::new(),
            agents: BTreeMap::new(),
            routes: BTreeMap::new(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            breaker: Breaker::default(),
            ledger: Ledger::default(),
            keys: Keys::default(),
            prices: BTreeMap::new(),
            artifact: None,
            agent_artifact: None,
            estimator: None,
            encoder: Encoder::default(),
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        let budget = Duration::from_millis(100);
        Self { budget: budget.into(), standby: None, threads: None, onnxruntime: None }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            answer: None,
            min_tokens: 12,
            max_tokens: 60,
            first_token: Duration::ZERO.into(),
            per_token: Duration::ZERO.into(),
            reports_usage: true,
            seed: 0,
            faults: Vec::new(),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        let patience = pointsman_kernel::plan::Patience::default();
        let wait = Duration::from_millis(patience.wait_at_most_ms);
        Self { targets: patience.targets, retries: patience.retries, wait: wait.into() }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let deadlines = pointsman_backends::Deadlines::default();
        Self {
            connect: deadlines.connect.into(),
            head: deadlines.head.into(),
            idle: deadlines.idle.into(),
            total: deadlines.total.map(Into::into),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: Size(Word("32MiB".to_owned())) }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        let policy = pointsman_kernel::health::BreakerPolicy::default();
        Self {
            failures: policy.failures,
            open_for: policy.open_for.into(),
            open_at_most: policy.open_at_most.into(),
        }
    }
}

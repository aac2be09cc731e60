//! Talking to targets: connection pool, OpenAI-like and Anthropic models, A2A agents, scripted targets; drives the
//! kernel's plans.
//!
//! A [`Backend`] makes one call and judges the answer; [`drive()`] carries out a plan over backends, with timers, health
//! and one account of each attempt. What may be retried is in each [`Failure`]; that it is, is the plan's decision.
//!
//! Left out: choosing (`kernel`), formats (`wire`), the client's side of a request (`gateway`).

pub mod a2a;
mod anthropic;
mod call;
mod clock;
mod drive;
mod endpoint;
mod exchange;
mod failure;
mod health;
mod models;
mod openai;
mod pool;
pub mod scripted;
mod served;
mod stream;
mod tally;
mod watch;

pub use anthropic::Anthropic;
pub use call::{Backend, Call, Conversation, Deadlines, Forwarded, Reply, ReplyBody, Tally, Task};
pub use clock::{Clock, SystemClock};
pub use drive::{AttemptLog, Committed, CommittedBody, CommittedStream, Targets, drive};
pub use endpoint::{Endpoint, EndpointError};
pub use failure::Failure;
pub use health::HealthBoard;
pub use models::list_models;
pub use openai::OpenAi;
pub use pool::{Pool, PoolConfig, PoolError, Proxies, ProxyError, Reach, TrustError};
pub use scripted::{Script, Scripted};
pub use served::ask_who_serves;
pub use stream::ReplyStream;

//! The routing decision: pure data in, pure data out.
//!
//! `decide` turns a [`Signals`] and a [`Facts`] value into a [`Decision`]: which targets may answer, what each is
//! expected to bring and cost, their order, and the [`plan::Plan`] that calls them. [`plan::PlanRun`] is the only
//! interpreter of plans. Nothing here does I/O, reads a clock or draws from a global generator, so what is served,
//! replayed, evaluated and simulated is the same code.
//!
//! Left out: formats (`wire`), learned estimators (`learn`), sockets (`backends`), storage (`store`).
#![forbid(unsafe_code)]

pub mod agents;
pub mod call_error;
pub mod candidates;
pub mod decide;
pub mod decision;
pub mod estimates;
pub mod explore;
pub mod facts;
pub mod flags;
pub mod goal;
pub mod health;
pub mod id;
pub mod money;
pub mod outcome;
pub mod plan;
pub mod prompt;
pub mod provisional;
pub mod rng;
pub mod select;
pub mod session;
pub mod signals;
pub mod target;

pub use call_error::{CallError, ErrorKind, Origin, Phase, Retry};
pub use candidates::{Candidates, Drop, Dropped, Rule, Verdict};
pub use decide::{Route, decide, decide_after};
pub use decision::Decision;
pub use estimates::{Contribution, Estimate, Estimates, Estimator, Readings, Source, Spread, Usual};
pub use facts::{Facts, Scope, TargetState, Versions};
pub use flags::{FlagError, Flags};
pub use goal::{CostScale, Goal, Preference};
pub use id::{AttemptId, DecisionId, RouteId, SessionId, TargetId, Tenant};
pub use money::{Money, Price, TokenPrice};
pub use outcome::{Attempt, Finish, Outcome, Status, Usage, UsageSource};
pub use prompt::Prompt;
pub use select::{Ranked, Ranking, Reason, Selector};
pub use signals::{Asked, Signals};
pub use target::{Capabilities, Limits, Support, Target};

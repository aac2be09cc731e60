//! The first stage of a decision: which agent, if any, this turn belongs to.
//!
//! An agent is a [`Target`](crate::target::Target) with a description ([`Agent`]). [`machine`] keeps a conversation's place and
//! says at every step who may be chosen ([`Mask`]); whoever chooses (a scorer, a model) does so within that mask, and
//! [`Conversation::step`] checks it again. After MoMA's context-aware state machine with dynamic masking (arXiv 2509.07571); the
//! states and masks are our own.
//!
//! Promises: state in, state and effect out; no agent is dispatched that the mask excludes, whoever asks for it; NONE (or
//! CANCEL) is in every mask, so that nobody is ever stuck. Left out: scoring (`learn`), calling agents (`backends`).

mod course;
mod first;
pub mod machine;
mod mask;
mod registry;

pub use course::Course;
pub use first::{AgentScore, Chooser, Choosing, FirstStage, Leg, Masked, Skipped, Why};
pub use machine::{Choice, Conversation, Effect, Event, Limits, Stage, State, Step};
pub use mask::{Context, Excluded, Mask};
pub use registry::{Agent, Registry, RegistryError, Skill, Slot};

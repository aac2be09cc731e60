//! The agent stage's estimators: which agents, skills or tools a text is about, and whether a conversation stays.
//!
//! Two layers: heads that know categories and agents from labelled dialogues ([`train_agents`]), and texts (vectors and words)
//! that serve any registry from the first minute ([`Index::rank_places`]). The state machine and its mask are the kernel's; a
//! choice made here lies within the mask. Left out: calling agents, and models that arbitrate.

mod best;
mod categories;
mod choose;
mod course;
mod dialogues;
mod discriminant;
mod evaluate;
mod evidence;
mod files;
mod heads;
mod index;
mod lately;
mod model;
mod none;
mod once;
mod rank;
mod rows;
mod sayings;
mod scorer;
mod serve;
mod small;
mod train;
mod turn;
mod words;

pub use categories::{Category, CategoryError, CategorySource, Node, categories, taxonomy};
pub use choose::Chosen;
pub use course::Course;
pub use dialogues::{Dialogue, Said};
pub use evaluate::{AgentEvalOptions, AgentReport, LeaveOut, Microseconds, evaluate_agents, leave_out};
pub use files::{AgentFileError, Rewording, read_agents, read_dialogues, read_entries};
pub use index::Index;
pub use model::{AgentModel, AgentNotes};
pub use once::EncodeOnce;
pub use rank::Ranked;
pub use serve::TurnChooser;
pub use train::{AgentTrainError, AgentTrainOptions, train_agents};
pub use turn::Turn;

#[cfg(test)]
mod tests;

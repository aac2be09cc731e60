//! The machine as data.

use super::Stage;

/// The agents a stage allows, before scope, health, modality, budget and visits take theirs away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All.
    Everyone,
    /// Those it hangs between.
    Candidates,
    /// The one it is about.
    Active,
    /// The one it is about, and those that this one declares to hand over to.
    ActiveAndHandoffs,
    /// The one named by a hand-over, where it was declared.
    Named,
    /// All but the one that failed.
    AllButActive,
    /// No agent.
    Nobody,
}

/// One stage of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub stage: Stage,
    /// When it is entered, in words.
    pub entered: &'static str,
    /// The agents it allows.
    pub allows: Allowed,
    /// Whether NONE is among the choices.
    pub none: bool,
    /// Whether CANCEL is.
    pub cancel: bool,
    /// The stages it leads to.
    pub leads_to: &'static [Stage],
}

const fn row(
    stage: Stage,
    entered: &'static str,
    allows: Allowed,
    cancel: bool,
    leads_to: &'static [Stage],
) -> Row {
    // Every set has a way out: NONE where it is not CANCEL.
    Row { stage, entered, allows, none: !cancel, cancel, leads_to }
}

/// In the order of [`Stage::ALL`].
static TABLE: [Row; 11] = [
    row(
        Stage::Idle,
        "new session, or another topic",
        Allowed::Everyone,
        false,
        &[Stage::Matched, Stage::Ambiguous, Stage::General],
    ),
    row(
        Stage::Ambiguous,
        "several agents within the margin",
        Allowed::Candidates,
        false,
        &[Stage::Matched, Stage::Clarify, Stage::General],
    ),
    row(
        Stage::Clarify,
        "still open, and a question is left",
        Allowed::Candidates,
        false,
        &[Stage::Matched, Stage::General],
    ),
    row(
        Stage::Matched,
        "an agent was chosen",
        Allowed::Active,
        false,
        &[Stage::Collecting, Stage::Running, Stage::General],
    ),
    row(
        Stage::Collecting,
        "values it needs are missing",
        Allowed::Active,
        true,
        &[Stage::Running, Stage::Idle, Stage::General],
    ),
    row(
        Stage::Running,
        "dispatched",
        Allowed::ActiveAndHandoffs,
        false,
        &[Stage::Done, Stage::Handoff, Stage::Failed, Stage::General],
    ),
    row(Stage::Done, "it answered", Allowed::Active, false, &[Stage::FollowUp, Stage::Idle]),
    row(
        Stage::FollowUp,
        "done, and the next turn is here",
        Allowed::Everyone,
        false,
        &[Stage::Running, Stage::Idle, Stage::General],
    ),
    row(Stage::Handoff, "it names another agent", Allowed::Named, false, &[Stage::Running, Stage::General]),
    row(
        Stage::Failed,
        "error, deadline, or breaker open",
        Allowed::AllButActive,
        false,
        &[Stage::Ambiguous, Stage::General],
    ),
    row(Stage::General, "NONE was chosen: the models answer", Allowed::Nobody, false, &[Stage::Idle]),
];

impl Stage {
    /// Its row of the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        let [
            idle,
            ambiguous,
            clarify,
            matched,
            collecting,
            running,
            done,
            follow_up,
            handoff,
            failed,
            general,
        ] = &TABLE;
        match self {
            Self::Idle => idle,
            Self::Ambiguous => ambiguous,
            Self::Clarify => clarify,
            Self::Matched => matched,
            Self::Collecting => collecting,
            Self::Running => running,
            Self::Done => done,
            Self::FollowUp => follow_up,
            Self::Handoff => handoff,
            Self::Failed => failed,
            Self::General => general,
        }
    }

    /// Whether a turn may stop here: it has ended, or waits for the user.
    #[must_use]
    pub fn rests(self) -> bool {
        matches!(self, Self::Done | Self::General | Self::Clarify | Self::Collecting)
    }
}

impl Allowed {
    /// As the documentation writes it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Everyone => "all agents",
            Self::Candidates => "the candidates",
            Self::Active => "the agent",
            Self::ActiveAndHandoffs => "the agent and its hand-offs",
            Self::Named => "the agent named, if declared",
            Self::AllButActive => "all but the agent",
            Self::Nobody => "no agent",
        }
    }
}

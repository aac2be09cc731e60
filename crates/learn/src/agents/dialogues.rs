//! Labelled conversations.

/// A conversation whose turns say to whom they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// Its name.
    pub id: String,
    /// The agents it is about, where that is on record.
    pub agents: Vec<String>,
    /// The user's turns.
    pub turns: Vec<Said>,
}

/// One turn of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What the user said.
    pub user: String,
    /// What the assistant had said just before.
    pub system: String,
    /// Agents that may take the turn, each with the skill asked for; none where it belongs to nobody.
    pub labels: Vec<(String, String)>,
}

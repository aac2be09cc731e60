//! Agents, skills or tools a line.

use std::collections::HashMap;
use std::path::Path;

use pointsman_kernel::agents::{Agent, Registry, Skill, Slot};
use serde::Deserialize;

use super::{AgentFileError, lines};

/// A registry's line. Other keys are somebody else's and are passed over.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "service", alias = "tool", alias = "name")]
    agent: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default, alias = "intents", alias = "functions")]
    skills: Vec<SkillLine>,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    required_slots: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    handoffs: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Deserialize)]
struct SkillLine {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    body: Option<String>,
}

/// The agents of a file, or of a folder's `services.jsonl` or `agents.jsonl`; of its variants only `variant`.
///
/// # Errors
/// [`AgentFileError`] with the place of the first fault.
pub fn read_agents(path: &Path, variant: Option<&str>) -> Result<Registry, AgentFileError> {
    let names = ["services.jsonl", "agents.jsonl", "tools.jsonl", "registry.jsonl"];
    let mut agents = Vec::new();
    for (line, row) in lines::<Line>(path, &names)? {
        if variant.is_some() && row.variant.as_deref() != variant {
            continue;
        }
        if row.agent.trim().is_empty() {
            let what = "an agent without a name; name it under `agent`".to_owned();
            return Err(AgentFileError::At { file: path.to_owned(), line, what });
        }
        let agent = row.agent();
        // A file put together of several parts may say the same thing again; another thing under the same name is a fault.
        if !agents.contains(&agent) {
            agents.push(agent);
        }
    }
    if agents.is_empty() {
        let what = "no agents; write one JSON object a line".to_owned();
        return Err(AgentFileError::At { file: path.to_owned(), line: 1, what });
    }
    Registry::new(agents).map_err(|source| AgentFileError::Registry { file: path.to_owned(), source })
}

/// The entries of several files, to be ranked: a name that comes again gets a number.
///
/// # Errors
/// [`AgentFileError`] with the place of the first fault.
pub fn read_entries(paths: &[impl AsRef<Path>]) -> Result<Registry, AgentFileError> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut agents = Vec::new();
    for path in paths {
        let path = path.as_ref();
        for (_, mut row) in lines::<Line>(path, &["tools.jsonl", "skills.jsonl", "agents.jsonl"])? {
            let times = seen.entry(row.agent.clone()).or_default();
            *times += 1;
            if *times > 1 {
                row.agent = format!("{} ({times})", row.agent);
            }
            agents.push(row.agent());
        }
    }
    let file = paths.first().map(|path| path.as_ref().to_owned()).unwrap_or_default();
    Registry::new(agents).map_err(|source| AgentFileError::Registry { file, source })
}

impl Line {
    fn agent(self) -> Agent {
        let mut agent = Agent::named(&self.agent, "");
        let mut skills: Vec<Skill> = self
            .skills
            .into_iter()
            .map(|skill| Skill {
                name: skill.name,
                description: skill.description.unwrap_or_default(),
                body: skill.body.unwrap_or_default(),
            })
            .collect();
        agent.description = self.description.unwrap_or_else(|| shared(&mut skills));
        if let Some(body) = self.body {
            skills.push(Skill { name: self.agent.clone(), description: agent.description.clone(), body });
        }
        agent.skills = skills;
        agent.examples = self.examples;
        agent.categories = self.domain.into_iter().chain(self.categories).collect();
        agent.required_slots =
            self.required_slots.into_iter().map(|name| Slot { name, description: String::new() }).collect();
        agent.scopes = self.scopes;
        agent.handoffs = self.handoffs.iter().map(|name| name.as_str().into()).collect();
        agent
    }
}

/// What all skills begin with, taken off them: where an agent is described by its functions alone, that is its description.
fn shared(skills: &mut [Skill]) -> String {
    let Some(first) = skills.first().map(|skill| skill.description.clone()) else { return String::new() };
    let common = skills.iter().skip(1).fold(first.len(), |common, skill| {
        let same = first.bytes().zip(skill.description.bytes()).take_while(|(a, b)| a == b).count();
        common.min(same)
    });
    let prefix = first.get(..first.floor_char_boundary(common)).unwrap_or_default();
    let cut = prefix.rfind(' ').map_or(0, |at| at + 1);
    if skills.len() < 2 || cut < 20 {
        return String::new();
    }
    for skill in skills {
        skill.description = skill.description.get(cut..).unwrap_or_default().to_owned();
    }
    first.get(..cut).unwrap_or_default().trim().trim_end_matches("Tool description:").trim().to_owned()
}

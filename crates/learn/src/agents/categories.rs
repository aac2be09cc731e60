//! The category system, built from two sides: a taxonomy that ships with the program, and clusters of the agents themselves.
//!
//! Clusters are agglomerative with average linkage and a distance at which merging ends: no seed, no number of clusters, the same
//! for the same registry. A cluster near a node of the taxonomy takes its name; one that is near none is proposed as a new
//! category, named by the words its agents share, for somebody to look at.
#![allow(clippy::indexing_slicing, reason = "matrices whose sizes are fixed where they are made")]
#![allow(clippy::needless_range_loop, reason = "a symmetric matrix is written at both its places")]

use pointsman_encode::{EncodeError, Encoder, Text};
use serde::{Deserialize, Serialize};

use super::index::{Index, mean_direction};
use super::words::words;
use crate::estimate::dot::dot;

static TAXONOMY: &str = include_str!("../../data/taxonomy.jsonl");

/// Clusters grow while their mean cosine is above this.
const LINKED: f32 = 0.5;
/// A cluster this near to a node of the taxonomy is that node.
const SAME: f32 = 0.45;
/// Agents clustered at most; the work grows with their square.
const MOST: usize = 4000;

/// A node of the taxonomy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The area it belongs to.
    pub group: String,
    /// Its name.
    pub name: String,
    /// What belongs there.
    pub description: String,
}

/// Where a category comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CategorySource {
    /// A node of the taxonomy that agents were found for.
    Taxonomy,
    /// Agents that are like each other and like no node.
    Proposed,
}

/// Agents that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Category {
    /// Its name.
    pub name: String,
    /// Its area in the taxonomy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it comes from.
    pub source: CategorySource,
    /// The cosine to the taxonomy's nearest node.
    pub nearest: f32,
    /// The agents, by name.
    pub agents: Vec<String>,
}

/// A registry that is too large to be clustered.
#[derive(Debug, thiserror::Error)]
pub enum CategoryError {
    /// The encoder failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Too many agents.
    #[error(
        "{0} agents are too many to be clustered at once (at most {MOST}); cluster a part of the registry"
    )]
    TooMany(usize),
}

/// The taxonomy that ships with the program.
#[must_use]
pub fn taxonomy() -> Vec<Node> {
    TAXONOMY.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The categories of a registry, largest first.
///
/// # Errors
/// The encoder failed, or the registry is too large.
pub fn categories(index: &Index, encoder: &dyn Encoder) -> Result<Vec<Category>, CategoryError> {
    let count = index.registry().len();
    if count > MOST {
        return Err(CategoryError::TooMany(count));
    }
    let nodes = taxonomy();
    let told = nodes
        .iter()
        .map(|node| encoder.encode(&Text::new(&format!("{}: {}", node.name, node.description), None)));
    let told = told.collect::<Result<Vec<_>, _>>()?;
    let agents: Vec<Vec<f32>> = (0..count).map(|place| index.centroid(place)).collect();
    let mut found: Vec<Category> = Vec::new();
    for cluster in clusters(&agents) {
        let centre =
            mean_direction(cluster.iter().map(|place| agents[*place].as_slice()), encoder.dimensions());
        let near = told.iter().enumerate().map(|(at, vector)| (at, dot(vector, &centre)));
        let (at, nearest) = near.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
        let node = nodes.get(at).filter(|_| nearest >= SAME);
        let names =
            cluster.iter().map(|place| index.registry().agents()[*place].id().as_str().to_owned()).collect();
        let category = Category {
            name: node.map_or_else(|| shared_words(index, &cluster), |node| node.name.clone()),
            group: node.map(|node| node.group.clone()),
            source: if node.is_some() { CategorySource::Taxonomy } else { CategorySource::Proposed },
            nearest,
            agents: names,
        };
        let known = |other: &&mut Category| node.is_some() && other.name == category.name;
        match found.iter_mut().find(known) {
            Some(same) => same.agents.extend(category.agents),
            None => found.push(category),
        }
    }
    found.sort_by(|a, b| b.agents.len().cmp(&a.agents.len()).then(a.name.cmp(&b.name)));
    Ok(found)
}

/// Places by cluster. Average linkage by the update of Lance and Williams; of equal pairs the first is merged.
fn clusters(vectors: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let count = vectors.len();
    let mut members: Vec<Vec<usize>> = (0..count).map(|at| vec![at]).collect();
    let mut near: Vec<Vec<f32>> =
        vectors.iter().map(|a| vectors.iter().map(|b| dot(a, b)).collect()).collect();
    let best_of = |near: &[Vec<f32>], members: &[Vec<usize>], row: usize| {
        let others = (0..count).filter(|other| *other != row && !members[*other].is_empty());
        others
            .map(|other| (near[row][other], other))
            .fold((f32::NEG_INFINITY, row), |best, next| if next.0 > best.0 { next } else { best })
    };
    let mut best: Vec<(f32, usize)> = (0..count).map(|row| best_of(&near, &members, row)).collect();
    loop {
        let alive = (0..count).filter(|row| !members[*row].is_empty());
        let Some(row) = alive.reduce(|a, b| if best[b].0 > best[a].0 { b } else { a }) else { break };
        let (cosine, other) = best[row];
        if cosine < LINKED {
            break;
        }
        let (own, more) = (members[row].len() as f32, members[other].len() as f32);
        for at in 0..count {
            let mixed = (own * near[row][at] + more * near[other][at]) / (own + more);
            near[row][at] = mixed;
            near[at][row] = mixed;
        }
        let moved = std::mem::take(&mut members[other]);
        members[row].extend(moved);
        members[row].sort_unstable();
        best[row] = best_of(&near, &members, row);
        for at in 0..count {
            if !members[at].is_empty() && at != row {
                if best[at].1 == row || best[at].1 == other {
                    best[at] = best_of(&near, &members, at);
                } else if near[at][row] > best[at].0 {
                    best[at] = (near[at][row], row);
                }
            }
        }
    }
    members.into_iter().filter(|cluster| !cluster.is_empty()).collect()
}

/// The two words that most of these agents say.
fn shared_words(index: &Index, cluster: &[usize]) -> String {
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for place in cluster {
        let agent = &index.registry().agents()[*place];
        let mut own = words(&format!("{} {}", agent.id(), agent.description));
        own.sort_unstable();
        own.dedup();
        own.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(b.0.len().cmp(&a.0.len())).then(a.0.cmp(&b.0)));
    counts.into_iter().take(2).map(|(word, _)| word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use pointsman_encode::StaticTable;
    use pointsman_kernel::agents::{Agent, Registry};

    use super::*;

    #[test]
    fn like_agents_stand_together_under_the_taxonomy_s_name_whatever_their_order() {
        let encoder = StaticTable::embedded();
        let mut agents = vec![
            Agent::named("FlyNow", "Search and book cheap flights and airline tickets"),
            Agent::named("Skyways", "Book airline tickets and search flights"),
            Agent::named("Pills", "Look up medicines, symptoms and drugs"),
        ];
        let of = |agents: &[Agent]| {
            let registry = Registry::new(agents.to_vec()).unwrap();
            let index = Index::new(&registry, None, encoder).unwrap();
            let mut found = categories(&index, encoder).unwrap();
            found.iter_mut().for_each(|category| category.agents.sort());
            found
        };
        let found = of(&agents);
        assert_eq!((found[0].name.as_str(), found[0].agents.len()), ("flights", 2));
        agents.reverse();
        assert_eq!(of(&agents), found);
        assert!(taxonomy().len() > 60);
    }
}

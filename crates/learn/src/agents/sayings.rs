//! Which agent's examples use the words of a turn: naive Bayes over words and pairs of neighbours, drawn towards what all say.
//!
//! Made of counts alone. It tells apart what vectors hold for the same, and needs examples in plenty to do so: its weight grows
//! with their number.

use std::collections::{BTreeMap, HashMap};

use pointsman_kernel::agents::Registry;

use super::words::words;

/// How many words of what all say are mixed into each agent's own.
const DRAWN: f32 = 20.0;
/// Its weight beside the discriminant where examples abound.
const MOST_WEIGHT: f32 = 0.3;
/// Examples an agent, on average, up to which it counts nothing; and from which on it counts in full.
const EXAMPLES: (f32, f32) = (10.0, 50.0);

/// Words of examples, by word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sayings {
    ranges: HashMap<String, (u32, u32)>,
    /// Agents with what a word adds to each.
    postings: Vec<(u32, f32)>,
    /// What any known word costs an agent.
    base: Vec<f32>,
    /// How much it counts.
    pub(crate) weight: f32,
}

impl Sayings {
    /// Reads the examples of a registry.
    pub(crate) fn new(registry: &Registry) -> Self {
        let taught = registry.agents().iter().filter(|agent| !agent.examples.is_empty()).count();
        let examples: usize = registry.agents().iter().map(|agent| agent.examples.len()).sum();
        let each = examples as f32 / taught.max(1) as f32;
        let weight = MOST_WEIGHT * ((each - EXAMPLES.0) / (EXAMPLES.1 - EXAMPLES.0)).clamp(0.0, 1.0);
        if weight == 0.0 {
            return Self::default();
        }
        let mut counts: BTreeMap<String, BTreeMap<u32, f32>> = BTreeMap::new();
        let mut totals = vec![0.0_f32; registry.len()];
        for (place, agent) in registry.agents().iter().enumerate() {
            for example in &agent.examples {
                for word in terms(&words(example)) {
                    *counts.entry(word).or_default().entry(place as u32).or_default() += 1.0;
                    if let Some(total) = totals.get_mut(place) {
                        *total += 1.0;
                    }
                }
            }
        }
        let all: f32 = totals.iter().sum::<f32>() + 0.5 * counts.len() as f32;
        let base = totals.iter().map(|total| (DRAWN / (total + DRAWN)).ln()).collect();
        let mut sayings = Self { base, weight, ..Self::default() };
        for (word, by_agent) in counts {
            let share = (by_agent.values().sum::<f32>() + 0.5) / all;
            let from = sayings.postings.len() as u32;
            let gain = |count: f32| (1.0 + count / (DRAWN * share)).ln();
            sayings.postings.extend(by_agent.into_iter().map(|(place, count)| (place, gain(count))));
            sayings.ranges.insert(word, (from, sayings.postings.len() as u32));
        }
        sayings
    }

    /// Each agent's score for these words, by place; empty where it counts nothing.
    pub(crate) fn scores(&self, said: &[String]) -> Vec<f32> {
        if self.weight == 0.0 {
            return Vec::new();
        }
        let ranges: Vec<(u32, u32)> =
            terms(said).iter().filter_map(|word| self.ranges.get(word).copied()).collect();
        let mut out: Vec<f32> = self.base.iter().map(|base| base * ranges.len() as f32).collect();
        for (from, to) in ranges {
            for (place, gain) in self.postings.get(from as usize..to as usize).unwrap_or_default() {
                if let Some(score) = out.get_mut(*place as usize) {
                    *score += gain;
                }
            }
        }
        out
    }
}

/// Words and pairs of neighbours, each once.
fn terms(words: &[String]) -> Vec<String> {
    let pairs = words.iter().zip(words.iter().skip(1)).map(|(one, two)| format!("{one} {two}"));
    let mut terms: Vec<String> = pairs.chain(words.iter().cloned()).collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use pointsman_kernel::agents::Agent;

    use super::*;

    #[test]
    fn what_one_agent_s_examples_say_speaks_for_it_and_few_examples_say_nothing() {
        let agent = |name: &str, said: &str, times: usize| {
            let mut agent = Agent::named(name, "");
            agent.examples = vec![said.to_owned(); times];
            agent
        };
        let of = |times| {
            let agents =
                vec![agent("a", "cancel my booking", times), agent("b", "cancel my subscription", times)];
            Sayings::new(&Registry::new(agents).unwrap())
        };
        let scores = of(60).scores(&words("please cancel that subscription"));
        assert!(scores[1] > scores[0]);
        assert_eq!(of(5).scores(&words("cancel")), Vec::<f32>::new());
    }
}

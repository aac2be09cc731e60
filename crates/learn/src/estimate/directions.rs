//! From a few scores to every model: the directions in which a table's models are better or worse together.
//!
//! Outcomes of one greedy answer each are mostly noise, and what a prompt foretells of them has few directions: how hard
//! it is for all, what sets strong models apart from weak ones, then kinds of task. A head that predicts scores along
//! these directions learns from all models of a table at once, and a model is one column of loadings.

use serde::{Deserialize, Serialize};

/// Tables and their directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Directions {
    /// What a model that no table holds gets.
    pub(crate) fallback: Vec<f32>,
    pub(crate) tables: Vec<Loadings>,
}

/// One table's models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Loadings {
    /// Positions in the artifact.
    pub(crate) models: Vec<u32>,
    /// What each gets from the average prompt.
    pub(crate) mean: Vec<f32>,
    /// One over the number of tables that hold the model.
    pub(crate) share: Vec<f32>,
    /// Directions by models.
    pub(crate) loadings: Vec<f32>,
}

impl Directions {
    /// Scores over all tables.
    pub(crate) fn count(&self) -> usize {
        self.tables.iter().map(Loadings::count).sum()
    }

    /// Writes every model's value into `out`; `scores` are those of the tables in turn.
    pub(crate) fn spread(&self, scores: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.fallback);
        for model in self.tables.iter().flat_map(|table| &table.models) {
            if let Some(value) = out.get_mut(*model as usize) {
                *value = 0.0;
            }
        }
        let mut rest = scores;
        for table in &self.tables {
            let (own, others) = rest.split_at(table.count().min(rest.len()));
            rest = others;
            for (at, ((model, mean), share)) in
                table.models.iter().zip(&table.mean).zip(&table.share).enumerate()
            {
                let column = table.loadings.iter().skip(at).step_by(table.models.len().max(1));
                let departure: f32 = own.iter().zip(column).map(|(score, loading)| score * loading).sum();
                if let Some(value) = out.get_mut(*model as usize) {
                    *value += share * (mean + departure);
                }
            }
        }
    }

    pub(crate) fn fits(&self, models: usize) -> bool {
        let whole = |table: &Loadings| {
            let width = table.models.len();
            table.mean.len() == width
                && table.share.len() == width
                && width > 0
                && table.loadings.len() == table.count() * width
                && table.models.iter().all(|model| (*model as usize) < models)
        };
        self.fallback.len() == models && self.tables.iter().all(whole)
    }
}

impl Loadings {
    /// Directions.
    pub(crate) fn count(&self) -> usize {
        self.loadings.len() / self.models.len().max(1)
    }
}

//! Several tables: a report for each, and means over them.
//!
//! A table counts once, however many prompts it has. The intervals of a mean come from resampling each table's prompts by
//! themselves; which tables there are stays fixed.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::control::stand;
use super::figures::interval;
use super::report::{ControlReport, Difference, EvalReport, Interval, Samples};
use super::{EvalError, EvalOptions};
use crate::table::Table;

/// The reports of some tables.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// One for each table, in the order given.
    pub tables: Vec<EvalReport>,
    /// Means over them, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<MeanOverTables>,
}

/// Means over tables of the routers that all of them have.
#[derive(Clone, Debug, Serialize)]
pub struct MeanOverTables {
    /// Each router.
    pub routers: BTreeMap<String, MeanGain>,
    /// Each other router's mean gain less that of the one compared with, paired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versus: Option<BTreeMap<String, Difference>>,
    /// Each router beside the same trained on shuffled grades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<BTreeMap<String, ControlReport>>,
}

/// One router over all tables.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MeanGain {
    /// Mean gain over the zero router, in points.
    pub gain_over_zero: f64,
    /// Its interval.
    pub gain_over_zero_ci: Interval,
    /// The same of the served curve.
    pub served_gain_over_zero: f64,
    /// Its interval.
    pub served_gain_over_zero_ci: Interval,
}

impl Evaluation {
    /// Joins reports that were made with the same options.
    #[must_use]
    pub fn new(tables: Vec<EvalReport>, options: &EvalOptions) -> Self {
        let mean = (tables.len() > 1).then(|| MeanOverTables::new(&tables, options.versus.as_deref()));
        Self { tables, mean }
    }
}

impl MeanOverTables {
    fn new(tables: &[EvalReport], versus: Option<&str>) -> Self {
        let all = shared(tables.iter().map(|table| &table.samples).collect());
        let shuffled = shared(tables.iter().map(|table| &table.control_samples).collect());
        let routers = all.iter().map(|(name, own)| ((*name).clone(), MeanGain::new(own))).collect();
        let differences = |base: &str| {
            let (base_mean, base_samples) = means(all.iter().find(|(name, _)| **name == base)?.1, false);
            let less = |(name, own): (&&String, &Vec<&Samples>)| {
                let (mean, samples) = means(own, false);
                let pairs = samples.iter().zip(&base_samples).map(|(own, base)| own - base).collect();
                ((*name).clone(), Difference { mean: mean - base_mean, ci: interval(pairs) })
            };
            Some(all.iter().filter(|(name, _)| **name != base).map(less).collect())
        };
        let beside = |(name, own): (&&String, &Vec<&Samples>)| {
            let other = means(shuffled.get(name)?, false);
            Some(((*name).clone(), stand(name, &means(own, false), &other)))
        };
        let control: BTreeMap<String, ControlReport> = all.iter().filter_map(beside).collect();
        Self {
            routers,
            versus: versus.and_then(differences),
            control: (!control.is_empty()).then_some(control),
        }
    }
}

impl MeanGain {
    fn new(own: &[&Samples]) -> Self {
        let ((gain, samples), (served, served_samples)) = (means(own, false), means(own, true));
        Self {
            gain_over_zero: gain,
            gain_over_zero_ci: interval(samples),
            served_gain_over_zero: served,
            served_gain_over_zero_ci: interval(served_samples),
        }
    }
}

/// The routers that every table has, each with its samples table by table.
fn shared(tables: Vec<&BTreeMap<String, Samples>>) -> BTreeMap<&String, Vec<&Samples>> {
    let names = tables.first().into_iter().flat_map(|first| first.keys());
    let of = |name: &String| tables.iter().map(|table| table.get(name)).collect::<Option<Vec<_>>>();
    names.filter_map(|name| Some((name, of(name)?))).collect()
}

/// A router's mean gain, and the same under each resample.
fn means(own: &[&Samples], served: bool) -> (f64, Vec<f64>) {
    let curves: Vec<_> = own.iter().map(|own| if served { &own.served } else { &own.curve }).collect();
    let count = curves.len().max(1) as f64;
    let resamples = curves.iter().map(|(_, samples)| samples.len()).min().unwrap_or(0);
    let at = |place: usize| {
        curves.iter().filter_map(|(_, samples)| samples.get(place)).map(|f| f.gain).sum::<f64>() / count
    };
    (curves.iter().map(|(own, _)| own.gain).sum::<f64>() / count, (0..resamples).map(at).collect())
}

/// The pool of each table from what a user gave: `A,B` for every table, of which each takes those that it has, or
/// `TABLE=A,B` for one.
///
/// # Errors
/// [`EvalError`] for a table that is not there and for a model that none of the tables has.
pub fn assign_models(given: &[String], tables: &[Table]) -> Result<Vec<Option<Vec<String>>>, EvalError> {
    let known = || tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
    let has = |table: &Table, model: &String| table.models.contains(model);
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let (mut plain, mut own): (Vec<String>, BTreeMap<&str, Vec<String>>) = (Vec::new(), BTreeMap::new());
    for text in given {
        let named = text.split_once('=').filter(|(name, _)| tables.iter().any(|table| table.name == *name));
        match named {
            Some((name, models)) => own.entry(name).or_default().append(&mut list(models)),
            None => {
                let mut models = list(text);
                let first = models.first().filter(|first| first.contains('='));
                if first.is_some_and(|first| !tables.iter().any(|table| has(table, first))) {
                    return Err(EvalError::UnknownTable { given: text.clone(), known: known() });
                }
                plain.append(&mut models);
            }
        }
    }
    if let Some(model) = plain.iter().find(|model| !tables.iter().any(|table| has(table, model))) {
        let mut all: Vec<&str> =
            tables.iter().flat_map(|table| table.models.iter().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        return Err(EvalError::UnknownModel { model: model.clone(), table: known(), known: all.join(", ") });
    }
    let pool = |table: &Table| match own.get(table.name.as_str()) {
        Some(models) => Some(models.clone()),
        None => {
            let those: Vec<String> = plain.iter().filter(|model| has(table, model)).cloned().collect();
            (!those.is_empty()).then_some(those)
        }
    };
    Ok(tables.iter().map(pool).collect())
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, table) in self.tables.iter().enumerate() {
            if at > 0 {
                write!(f, "\n\n{}\n\n", "-".repeat(96))?;
            }
            write!(f, "{table}")?;
        }
        let Some(mean) = &self.mean else { return Ok(()) };
        write!(f, "\n\n{}\n\nmean over {} tables\n\n", "-".repeat(96), self.tables.len())?;
        write!(f, "{:<10} {:>23} {:>23}", "router", "gain over zero", "served")?;
        let with = |value: f64, [low, high]: Interval| format!("{value:.2} [{low:.2}, {high:.2}]");
        for (name, gain) in &mean.routers {
            let own = with(gain.gain_over_zero, gain.gain_over_zero_ci);
            let served = with(gain.served_gain_over_zero, gain.served_gain_over_zero_ci);
            write!(f, "\n{name:<10} {own:>23} {served:>23}")?;
        }
        for (name, difference) in mean.versus.iter().flatten() {
            write!(
                f,
                "\n{name:<10} {:>23} more than the one compared with",
                with(difference.mean, difference.ci)
            )?;
        }
        Ok(())
    }
}

//! From choices and predictions to the report of one table.

use std::collections::{BTreeMap, HashSet};

use super::cuts::Cut;
use super::figures::{self, Calibration, Curve, Yardstick, resamples};
use super::pool::Pool;
use super::report::{self, EvalReport, Frame, OwnScores, Router, RouterReport, Samples, baselines};
use super::robust::Seen;
use super::run::{Run, Runs};
use super::scene::{self, Scene};
use super::{EvalError, EvalOptions, control};
use crate::artifact::Artifact;
use crate::table::Table;
use crate::train::Progress;

/// What the cuts of a table brought.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: Runs,
    /// The same of estimators that learnt shuffled grades.
    pub(super) control: Runs,
    /// The judged rows in the order in which the cuts handed them over, which is that of the runs.
    pub(super) order: Vec<usize>,
    pub(super) left_out: usize,
    /// How steady choices are.
    pub(super) seen: Seen,
    /// Judged rows that were learnt from as well.
    pub(super) overlap: usize,
}

/// Held rows of a cut that the estimators have seen: of an artifact that was trained on this very table, its train rows.
pub(super) fn overlap(table: &Table, artifact: Option<&Artifact>, cut: &Cut) -> usize {
    let sources = |artifact: &Artifact| artifact.notes().sources.iter().any(|s| s.contains(table.hash()));
    if artifact.is_some_and(|artifact| !sources(artifact)) {
        return 0;
    }
    let seen: HashSet<&usize> = cut.seen.iter().collect();
    cut.held.iter().filter(|row| seen.contains(row)).count()
}

/// The report of a table: `first` is the artifact whose estimators and scale it tells of, `given` the user's own.
pub(super) fn judge(
    table: &Table,
    pool: &Pool,
    (first, given): (&Artifact, Option<&Artifact>),
    found: &Found,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<EvalReport, EvalError> {
    let scene = pool.scene(table, &found.order);
    let weights = resamples(scene.rows(), options.resamples, options.seed);
    let frame = Frame::new(&scene, Yardstick::new(&scene), weights);
    let total = (found.runs.len() + found.control.len()) as u64;
    let (mut routers, mut samples) = (BTreeMap::new(), BTreeMap::new());
    for (done, (name, run)) in found.runs.iter().enumerate() {
        progress(Progress { stage: "intervals", done: done as u64, total });
        let (report, own) = figures_of(&frame, &scene, run);
        routers.insert(name.clone(), report);
        samples.insert(name.clone(), own);
    }
    let mut shuffled: BTreeMap<String, Samples> = BTreeMap::new();
    for (done, (name, run)) in found.control.iter().enumerate() {
        progress(Progress { stage: "intervals", done: (found.runs.len() + done) as u64, total });
        shuffled.insert(name.clone(), figures_of(&frame, &scene, run).1);
    }
    let versus = options.versus.as_deref().map(|name| report::versus(name, &samples)).transpose()?;
    progress(Progress { stage: "intervals", done: total, total });
    Ok(EvalReport {
        data: table.name.clone(),
        data_hash: table.hash().to_owned(),
        split: options.split.to_string(),
        prompts: scene.rows(),
        left_out: found.left_out,
        seen_in_training: found.overlap,
        models: scene.models.clone(),
        encoder: first.encoder().split(':').next().unwrap_or_default().to_owned(),
        default: first.default_name().to_owned(),
        artifact: given.map(|artifact| artifact.hash().to_owned()),
        folds: options.folds.filter(|_| !options.leave_out_datasets),
        leave_out: options.leave_out_datasets.then(|| "dataset".to_owned()),
        resamples: options.resamples,
        baselines: baselines(&frame, pool, first.cost_scale(&pool.targets)),
        routers,
        versus,
        own_scores: own_scores(table, pool, found),
        robust: None,
        control: (!shuffled.is_empty()).then(|| control::stands(&samples, &shuffled)),
        samples,
        control_samples: shuffled,
    })
}

/// The benchmark's own scores of every router.
fn own_scores(table: &Table, pool: &Pool, found: &Found) -> Option<OwnScores> {
    const SERVED: [(&str, usize); 3] = [("cost", 0), ("balanced", 10), ("quality", 20)];
    let of_run = |run: &Run| {
        let at = |(word, place): (&'static str, usize)| {
            let picks = run.served.get(place)?.iter();
            let chosen: Vec<usize> =
                picks.filter_map(|pick| pool.columns.get(usize::from(*pick)).copied()).collect();
            Some((word, table.own_scores(&found.order, &chosen)?))
        };
        SERVED.into_iter().map(at).collect::<Option<BTreeMap<_, _>>>()
    };
    found.runs.iter().map(|(name, run)| Some((name.clone(), of_run(run)?))).collect()
}

/// One router's figures and their samples.
fn figures_of(frame: &Frame<'_>, scene: &Scene, run: &Run) -> (RouterReport, Samples) {
    let unit = scene.mean_cost(scene.best).max(f64::MIN_POSITIVE);
    let mut settings = scene::lambdas();
    let mut picks: Vec<_> = settings.iter().map(|lambda| scene.pick(&run.predicted, lambda / unit)).collect();
    settings.push(f64::INFINITY);
    picks.push(scene.pick_cheapest(&run.predicted));
    let preferences = scene::preferences();
    let last = preferences.len() - 1;
    let utility: Vec<_> = figures::WEIGHTS.iter().map(|w| scene.pick(&run.predicted, w / unit)).collect();
    report::router(
        frame,
        &Router {
            curve: Curve::new(scene, settings, &picks, 0),
            served: Curve::new(scene, preferences, &run.served, last),
            utility: Curve::new(scene, figures::WEIGHTS.to_vec(), &utility, 0),
            calibration: Calibration::new(scene, &run.predicted),
            decision_us: &run.decision_us,
        },
    )
}

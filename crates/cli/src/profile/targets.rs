//! Who is profiled, who judges, and whose answers the judge compares with.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::bail;
use pointsman_gateway::reload::Live;
use pointsman_gateway::snapshot::{Mode, Served, Snapshot};
use pointsman_kernel::Price;
use pointsman_learn::grade::Grader;

use super::{Args, Prompt};

/// One target as the profile sees it.
#[derive(Clone)]
pub(crate) struct Profiled(pub(crate) Arc<Served>);

/// Everybody who is called.
pub(crate) struct Cast {
    pub(crate) targets: Vec<Profiled>,
    pub(crate) judge: Option<Judge>,
}

/// Who judges, beside whose answers.
pub(crate) struct Judge {
    pub(crate) target: Profiled,
    /// A position among the targets.
    pub(crate) reference: usize,
}

impl Profiled {
    pub(crate) fn id(&self) -> &str {
        self.0.target.id.as_str()
    }

    /// The name under which its outcomes stand: that by which an artifact finds it again.
    pub(crate) fn name(&self) -> &str {
        &self.0.target.profile
    }

    pub(crate) fn price(&self) -> Option<Price> {
        self.0.target.price
    }
}

impl Cast {
    pub(crate) fn everyone(&self) -> impl Iterator<Item = &Profiled> {
        self.targets.iter().chain(self.judge.iter().map(|judge| &judge.target))
    }
}

/// Finds them.
///
/// # Errors
/// An unknown name, nobody to call, two targets of one name, or a judge that is wanted and not named.
pub(super) fn cast(live: &Arc<Live>, args: &Args, prompts: &[Prompt]) -> anyhow::Result<Cast> {
    let snapshot = live.snapshot();
    let targets = match &args.targets {
        Some(names) => names.iter().map(|name| named(&snapshot, name)).collect::<anyhow::Result<Vec<_>>>()?,
        None => snapshot
            .order
            .iter()
            .filter_map(|id| snapshot.targets.get(id))
            .filter(|served| served.mode == Mode::Chat && !served.by_name_only)
            .filter(|served| args.judge.as_deref() != Some(served.target.id.as_str()))
            .map(|served| Profiled(Arc::clone(served)))
            .collect(),
    };
    if targets.is_empty() {
        let faults = snapshot
            .providers
            .iter()
            .filter_map(|provider| Some(format!("\n  {}: {}", provider.name, provider.error.as_ref()?)));
        bail!("the configuration has no chat target to profile{}", faults.collect::<String>());
    }
    let mut names: HashMap<&str, &str> = HashMap::new();
    for target in &targets {
        if let Some(other) = names.insert(target.name(), target.id()) {
            bail!(
                "`{other}` and `{}` are both profiled as {}; give one of them a `profile` of its own in the configuration, \
                 or leave one out with --targets",
                target.id(),
                target.name()
            );
        }
    }
    let wanted = prompts.iter().any(|prompt| matches!(*prompt.grader, Grader::Judge));
    let judge = match (&args.judge, wanted) {
        (_, false) => None,
        (None, true) => bail!("grader judge needs somebody who judges; name a target with --judge"),
        (Some(judge), true) => {
            let reference = match &args.reference {
                None => 0,
                Some(name) => match targets.iter().position(|target| target.id() == name) {
                    Some(at) => at,
                    None => bail!(
                        "--reference {name} is not among the targets that are profiled; add it to --targets"
                    ),
                },
            };
            Some(Judge { target: named(&snapshot, judge)?, reference })
        }
    };
    Ok(Cast { targets, judge })
}

fn named(snapshot: &Snapshot, name: &str) -> anyhow::Result<Profiled> {
    match snapshot.target(name) {
        Some(served) if served.mode == Mode::Chat => Ok(Profiled(Arc::clone(served))),
        Some(_) => bail!("`{name}` does not chat, so it cannot be profiled"),
        None => {
            let known: Vec<String> = snapshot.order.iter().map(ToString::to_string).collect();
            bail!("there is no target `{name}`; the configuration has {}", crate::term::names(&known, 12))
        }
    }
}

//! Routes of a snapshot: which targets each has, what it decides by.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pointsman_kernel::agents::{Agent, Registry};
use pointsman_kernel::explore::DEFAULT_SHARE;
use pointsman_kernel::plan::{InOrder, Patience};
use pointsman_kernel::session::Switching;
use pointsman_kernel::{Flags, Goal, Preference, Route, Target, TargetId};

use super::{Build, Mode, RouteId, ServedRoute};
use crate::agents::RouteAgents;
use crate::config::{Caution, RouteRules, Selector};

/// The route that is always there.
const AUTO: &str = "auto";
/// What decisions of requests that name their target call their route.
const BY_NAME: &str = "named";

impl Build<'_> {
    /// All routes, and the one of requests that name their target. A route whose targets providers have yet to list is
    /// left out while they are asked, so that whoever asks for it knows to wait rather than to give up.
    pub(super) fn routes(
        &mut self,
        discovering: bool,
    ) -> (HashMap<String, Arc<ServedRoute>>, Arc<ServedRoute>) {
        let mut routes = HashMap::new();
        for (name, rules) in &self.config.routes {
            let targets = self.members(name, rules);
            if discovering && targets.is_empty() && !self.has_agents(name, rules) {
                continue;
            }
            routes.insert(name.clone(), Arc::new(self.route(name, rules, targets)));
        }
        if !routes.contains_key(AUTO) {
            let rules = plain();
            let targets = self.members(AUTO, &rules);
            if !targets.is_empty() || self.has_agents(AUTO, &rules) {
                routes.insert(AUTO.to_owned(), Arc::new(self.route(AUTO, &rules, targets)));
            }
        }
        let all =
            self.order.iter().filter_map(|id| self.targets.get(id)).map(|served| Arc::clone(&served.target));
        let all: Vec<_> = all.collect();
        let by_name = self.route(BY_NAME, &plain(), all);
        (routes, Arc::new(by_name))
    }

    /// Who may answer for a route, in the order it names them.
    fn members(&mut self, name: &str, rules: &RouteRules) -> Vec<Arc<Target>> {
        let mut ids: Vec<TargetId> = Vec::new();
        if rules.targets.is_empty() && rules.tags.is_empty() {
            ids.extend(self.order.iter().filter(|id| self.is_member_unasked(id)).cloned());
        }
        for pattern in &rules.targets {
            let before = ids.len();
            match pattern.strip_suffix('*') {
                // A pattern names nobody in particular, so what must be named stays out.
                Some(start) => {
                    let fits = |id: &&TargetId| id.as_str().starts_with(start) && self.is_member_unasked(id);
                    ids.extend(self.order.iter().filter(fits).cloned());
                }
                None => ids.extend(self.resolve(pattern)),
            }
            if ids.len() == before {
                self.notes.push(format!("route `{name}`: no target bears the name `{pattern}` now"));
            }
        }
        let tagged = |id: &&TargetId| {
            self.targets
                .get(*id)
                .is_some_and(|served| served.target.tags.iter().any(|tag| rules.tags.contains(tag)))
        };
        ids.extend(self.order.iter().filter(tagged).cloned());
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(id.clone()));
        ids.iter().filter_map(|id| self.targets.get(id)).map(|served| Arc::clone(&served.target)).collect()
    }

    /// The agents that a route asks first: those it names, or all of them for `auto`.
    fn first_asked(&self, name: &str, rules: &RouteRules) -> Vec<Agent> {
        let everyone = if name == AUTO { vec!["*".to_owned()] } else { Vec::new() };
        let patterns = rules.agents.as_ref().unwrap_or(&everyone);
        let fits = |id: &str| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => id.starts_with(start),
                None => pattern == id,
            })
        };
        let entries = self.agents.values().filter_map(|agent| agent.entry.as_ref());
        // One that is chosen together with the models is not asked before them.
        let together = |agent: &Agent| rules.targets.iter().any(|id| id == agent.id().as_str());
        entries.filter(|agent| fits(agent.id().as_str()) && !together(agent)).cloned().collect()
    }

    fn has_agents(&self, name: &str, rules: &RouteRules) -> bool {
        !self.first_asked(name, rules).is_empty()
    }

    fn route_agents(&mut self, name: &str, rules: &RouteRules) -> Option<Arc<RouteAgents>> {
        let agents = self.first_asked(name, rules);
        if agents.is_empty() {
            return None;
        }
        // Names are the configuration's keys, so none is there twice.
        let registry = Registry::new(agents).ok()?;
        let model = self.config.agent_model.as_ref().map(|heads| Arc::clone(&heads.model));
        match RouteAgents::new(&registry, model) {
            Ok(agents) => Some(Arc::new(agents)),
            Err(fault) => {
                self.notes.push(format!("route `{name}`: its agents' texts cannot be read: {fault}"));
                None
            }
        }
    }

    fn is_member_unasked(&self, id: &TargetId) -> bool {
        self.targets.get(id).is_some_and(|served| served.mode == Mode::Chat && !served.by_name_only)
    }

    fn resolve(&self, name: &str) -> Option<TargetId> {
        let id = TargetId::from(name);
        if self.targets.contains_key(&id) { Some(id) } else { self.aliases.get(name).cloned() }
    }

    fn route(&mut self, name: &str, rules: &RouteRules, targets: Vec<Arc<Target>>) -> ServedRoute {
        let declared = rules.baseline.as_deref().and_then(|baseline| self.resolve(baseline));
        if let (Some(baseline), None) = (&rules.baseline, &declared) {
            self.notes.push(format!("route `{name}`: its baseline `{baseline}` is not there now"));
        }
        // Of equals the first, so that an order says which.
        let dearest = || {
            let priced =
                targets.iter().rev().filter_map(|target| Some((Self::weight(&target.price?), target)));
            priced.max_by_key(|(weight, _)| *weight).map(|(_, target)| target.id.clone())
        };
        let baseline = declared.or_else(dearest);
        let scale = self.config.artifact.cost_scale(&targets);
        let selector = rules.selector.build_over(&rules.do_no_harm, rules.robust.as_ref());
        let agents = self.route_agents(name, rules);
        let route = Route {
            id: RouteId::from(name),
            goal: Goal {
                prefer: rules.prefer,
                floor: rules.floor,
                baseline,
                scale,
                explore: rules.explore,
                flags: rules.flags.clone(),
            },
            targets,
            selector,
            planner: Arc::new(InOrder),
            patience: rules.patience,
            switching: rules.switching,
        };
        ServedRoute {
            route,
            agents,
            strict: rules.strict,
            reads_flags: rules.selector.reads_flags(),
            flags_in_prompt: rules.flags_in_prompt,
            strip_words: rules.robust.as_ref().map(|robust| usize::from(robust.strip_words)),
        }
    }
}

/// The rules of a route that the file does not speak of.
fn plain() -> RouteRules {
    RouteRules {
        targets: Vec::new(),
        tags: Vec::new(),
        agents: None,
        prefer: Preference::BALANCED,
        floor: Goal::DEFAULT_FLOOR,
        baseline: None,
        selector: Selector::default(),
        do_no_harm: Caution::default(),
        robust: None,
        explore: DEFAULT_SHARE,
        flags: Flags::default(),
        flags_in_prompt: false,
        switching: Switching::default(),
        patience: Patience::default(),
        strict: false,
    }
}

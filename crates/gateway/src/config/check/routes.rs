//! Routes that the file describes.

use std::collections::BTreeMap;

use pointsman_kernel::explore::DEFAULT_SHARE;
use pointsman_kernel::plan::Patience;
use pointsman_kernel::session::Switching;
use pointsman_kernel::{Flags, Goal, Preference};

use super::Check;
use crate::config::file;
use crate::config::scalar::Prefer;
use crate::config::selection::{Robustness, Selector};
use crate::config::shape::suggestion;
use crate::config::tree::Step;
use crate::config::{Declared, Provider, RouteRules};

impl Check<'_> {
    /// The routes.
    pub(super) fn routes(
        &mut self,
        file: &file::File,
        providers: &[Provider],
        targets: &[Declared],
    ) -> BTreeMap<String, RouteRules> {
        let known = Known::of(file, providers, targets);
        file.routes.iter().map(|(name, stated)| (name.clone(), self.route(name, stated, &known))).collect()
    }

    fn route(&mut self, name: &str, stated: &file::Route, known: &Known<'_>) -> RouteRules {
        let at = |key: &str| -> Vec<Step> { vec!["routes".into(), name.into(), key.into()] };
        if name.is_empty() || name.contains(char::is_whitespace) {
            self.fault(
                &["routes".into(), name.into()],
                format!("`{name}` cannot be a route's name"),
                "leave out spaces",
            );
        }
        for (index, id) in stated.targets.iter().enumerate().filter(|(_, id)| !id.is_empty()) {
            if !known.has(id) {
                let mut path = at("targets");
                path.push(index.into());
                let message = format!("route `{name}` names target `{id}`, which is not there");
                self.fault(&path, message, suggestion(id, "targets", known.ids.iter().copied()));
            }
        }
        for (index, id) in
            super::repeated(stated.targets.iter().filter(|id| !id.is_empty()).map(String::as_str))
        {
            let mut path = at("targets");
            path.push(index.into());
            self.fault(&path, format!("route `{name}` names target `{id}` twice"), "take one out");
        }
        for (index, tag) in stated.tags.iter().enumerate().filter(|(_, tag)| !tag.is_empty()) {
            if !known.tags.contains(&tag.as_str()) {
                let mut path = at("tags");
                path.push(index.into());
                let message = format!("no target bears the tag `{tag}`");
                self.fault(&path, message, suggestion(tag, "tags", known.tags.iter().copied()));
            }
        }
        for (index, pattern) in stated.agents.iter().flatten().enumerate() {
            let fits = |agent: &&str| match pattern.strip_suffix('*') {
                Some(start) => agent.starts_with(start),
                None => agent == pattern,
            };
            if !known.agents.iter().any(fits) && pattern != "*" {
                let mut path = at("agents");
                path.push(index.into());
                let message = format!("route `{name}` names agent `{pattern}`, which is not there");
                self.fault(&path, message, suggestion(pattern, "agents", known.agents.iter().copied()));
            }
        }
        if let Some(baseline) = &stated.baseline
            && (baseline.ends_with('*') || !known.has(baseline))
        {
            let message = format!("baseline `{baseline}` of route `{name}` is not there");
            self.fault(&at("baseline"), message, suggestion(baseline, "targets", known.ids.iter().copied()));
        }
        if let Selector::Threshold(settings) = &stated.selector {
            for (key, id) in [("strong", &settings.strong), ("weak", &settings.weak)] {
                let Some(id) = id.as_ref().filter(|id| !known.has(id)) else { continue };
                let mut path = at("selector");
                path.extend(["threshold".into(), key.into()]);
                let message = format!("route `{name}` names target `{id}`, which is not there");
                self.fault(&path, message, suggestion(id, "targets", known.ids.iter().copied()));
            }
        }
        if let Robustness::On(settings) = &stated.robust {
            for (index, id) in settings.guarded.iter().enumerate().filter(|(_, id)| !known.has(id)) {
                let mut path = at("robust");
                path.extend(["guarded".into(), index.into()]);
                let message = format!("route `{name}` guards target `{id}`, which is not there");
                self.fault(&path, message, suggestion(id, "targets", known.ids.iter().copied()));
            }
        }
        let flags = self.flags(&at("flags"), stated);
        if stated.flags_in_prompt && !stated.selector.reads_flags() {
            self.fault(
                &at("flags_in_prompt"),
                format!("route `{name}` reads flags from prompts, and its selector weighs none"),
                "say `selector: constraints`, or take it out",
            );
        }
        let patience = Patience {
            targets: stated.patience.targets,
            retries: stated.patience.retries,
            wait_at_most_ms: u64::try_from(stated.patience.wait.duration().as_millis()).unwrap_or(u64::MAX),
        };
        RouteRules {
            targets: stated.targets.iter().filter(|id| !id.is_empty()).cloned().collect(),
            tags: stated.tags.iter().filter(|tag| !tag.is_empty()).cloned().collect(),
            agents: stated.agents.clone(),
            prefer: stated.prefer.as_ref().map_or(Preference::BALANCED, Prefer::preference),
            floor: stated.floor.unwrap_or(Goal::DEFAULT_FLOOR),
            baseline: stated.baseline.clone(),
            selector: stated.selector.clone(),
            do_no_harm: stated.do_no_harm.clone(),
            robust: stated.robust.settings(),
            explore: stated.explore.unwrap_or(DEFAULT_SHARE),
            flags,
            flags_in_prompt: stated.flags_in_prompt,
            switching: match stated.switching {
                file::Switching::Never => Switching::Never,
                file::Switching::EachTurn => Switching::EachTurn,
            },
            patience,
            strict: stated.strict,
        }
    }
}

impl Check<'_> {
    fn flags(&mut self, path: &[Step], stated: &file::Route) -> Flags {
        let text = stated.flags.as_deref().unwrap_or_default();
        let flags = match Flags::parse(text) {
            Ok(flags) => flags,
            Err(fault) => {
                self.fault(path, fault.to_string(), "such as `flags: fastest, max_cost_usd=0.01`");
                return Flags::default();
            }
        };
        if flags.weighs() && !stated.selector.reads_flags() {
            self.fault(
                path,
                format!("`{text}` has weights, and the route's selector weighs no flags"),
                "say `selector: constraints`, or keep to max_cost_usd, max_latency_ms and tag",
            );
        }
        flags
    }
}

/// What routes may name.
struct Known<'a> {
    ids: Vec<&'a str>,
    tags: Vec<&'a str>,
    agents: Vec<&'a str>,
    /// Some provider will be asked for its models: any name may turn out to be one of them.
    open: bool,
}

impl<'a> Known<'a> {
    fn of(file: &'a file::File, providers: &'a [Provider], targets: &'a [Declared]) -> Self {
        let mut ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        for provider in providers {
            ids.extend(provider.models.iter().map(String::as_str).filter(|model| !model.is_empty()));
        }
        // A target whose own fault was told is not missed a second time.
        ids.extend(file.targets.iter().filter_map(|target| target.id.as_deref().or(target.model.as_deref())));
        ids.extend(file.agents.keys().map(String::as_str));
        ids.sort_unstable();
        ids.dedup();
        let mut tags: Vec<&str> =
            file.targets.iter().flat_map(|target| &target.tags).map(String::as_str).collect();
        tags.extend(file.agents.values().flat_map(|agent| &agent.tags).map(String::as_str));
        tags.sort_unstable();
        tags.dedup();
        let agents = file.agents.keys().map(String::as_str).collect();
        Self { ids, tags, agents, open: providers.iter().any(|provider| provider.discover) }
    }

    fn has(&self, name: &str) -> bool {
        if self.open {
            return true;
        }
        match name.strip_suffix('*') {
            Some(start) => self.ids.iter().any(|id| id.starts_with(start)),
            None => {
                self.ids.contains(&name)
                    || name.split_once('/').is_some_and(|(_, model)| self.ids.contains(&model))
            }
        }
    }
}

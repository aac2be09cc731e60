//! Targets that the file describes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_backends::scripted::{Answer, Fault, FaultRule, Script, When};

use super::{Check, price};
use crate::config::file::{self, FaultKind, Kind};
use crate::config::shape::suggestion;
use crate::config::tree::Step;
use crate::config::{Declared, Provider};

impl Check<'_> {
    /// The targets in the file's order, those with faults left out.
    pub(super) fn targets(&mut self, file: &file::File, providers: &[Provider]) -> Vec<Declared> {
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        let mut out = Vec::new();
        for (index, stated) in file.targets.iter().enumerate() {
            let Some(target) = self.target(index, stated, providers) else { continue };
            let path = ["targets".into(), index.into(), "id".into()];
            if let Some(first) = taken.get(&target.id) {
                let first = self.origin.tree.place(&["targets".into(), (*first).into(), "id".into()]);
                self.fault(
                    &path,
                    format!("target `{}` is there already (line {})", target.id, first.line),
                    "give one of them another `id`; `model` may stay the same",
                );
                continue;
            }
            if file.routes.contains_key(&target.id) || target.id == "auto" {
                self.fault(
                    &path,
                    format!("`{}` is a route's name", target.id),
                    "give the target another `id`, so that a request's `model` has one meaning",
                );
                continue;
            }
            taken.insert(target.id.clone(), index);
            out.push(target);
        }
        out
    }

    fn target(&mut self, index: usize, stated: &file::Target, providers: &[Provider]) -> Option<Declared> {
        let at = |key: &str| -> [Step; 3] { ["targets".into(), index.into(), key.into()] };
        let named = stated.id.as_ref().or(stated.model.as_ref()).filter(|name| !name.trim().is_empty());
        let Some(id) = named.cloned() else {
            let tree = &self.origin.tree;
            let is_map = tree.is_map(&["targets".into(), index.into()]);
            if !is_map || tree.has(&at("id")) || tree.has(&at("model")) {
                // What stands there is wrong, which was told.
                return None;
            }
            self.fault(
                &at("id"),
                "the target has neither `id` nor `model`",
                "add `model`, the provider's name for it",
            );
            return None;
        };
        if id.contains(char::is_whitespace) || id.contains('*') || id.chars().any(char::is_control) {
            self.fault(&at("id"), format!("`{id}` cannot be a target's id"), "leave out spaces and `*`");
        }
        let names: Vec<&str> = providers.iter().map(|provider| &*provider.name).collect();
        let Some(provider) = providers.iter().find(|provider| *provider.name == *stated.provider) else {
            if stated.provider.is_empty() {
                let hint = suggestion("", "add `provider`, one of", names);
                self.fault(&at("provider"), format!("target `{id}` has no provider"), hint);
            } else {
                let message =
                    format!("target `{id}` names provider `{}`, which is not there", stated.provider);
                let hint = suggestion(&stated.provider, "providers", names);
                self.fault(&at("provider"), message, hint);
            }
            return None;
        };
        let script = match (&stated.scripted, provider.kind) {
            (None, Kind::Scripted) => Some(Script::default()),
            (Some(script), Kind::Scripted) => Some(self.script(index, script)),
            (Some(_), _) => {
                let message =
                    format!("target `{id}` has a script, but `{}` is no scripted provider", provider.name);
                self.fault(
                    &at("scripted"),
                    message,
                    "take the script out, or add a provider with `kind: scripted`",
                );
                None
            }
            (None, _) => None,
        };
        if let (Some(output), Some(context)) = (stated.max_output, stated.context)
            && output > context
        {
            self.fault(
                &at("max_output"),
                format!("`max_output` ({output}) is more than `context` ({context})"),
                "context counts input and output together",
            );
        }
        Some(Declared {
            model: stated.model.clone().unwrap_or_else(|| id.clone()),
            id,
            provider: Arc::clone(&provider.name),
            profile: stated.profile.clone(),
            price: stated.price.as_ref().map(price),
            context: stated.context,
            max_output: stated.max_output,
            tools: stated.tools,
            images: stated.images,
            json_schema: stated.json_schema,
            mode: stated.mode,
            tags: stated.tags.iter().filter(|tag| !tag.is_empty()).cloned().collect(),
            family: stated.family.clone(),
            parameters_b: stated.parameters_b,
            script,
        })
    }

    fn script(&mut self, index: usize, stated: &file::Script) -> Script {
        let at = |key: &str| -> [Step; 4] { ["targets".into(), index.into(), "scripted".into(), key.into()] };
        if stated.min_tokens > stated.max_tokens {
            self.fault(
                &at("max_tokens"),
                format!(
                    "`max_tokens` ({}) is less than `min_tokens` ({})",
                    stated.max_tokens, stated.min_tokens
                ),
                "make max_tokens the larger one",
            );
        }
        let answer = match &stated.answer {
            Some(text) => Answer::Fixed(text.clone()),
            None => Answer::Simulated(stated.min_tokens..=stated.max_tokens.max(stated.min_tokens)),
        };
        Script {
            first_token: stated.first_token.duration(),
            per_token: stated.per_token.duration(),
            answer,
            reports_usage: stated.reports_usage,
            seed: stated.seed,
            faults: stated.faults.iter().map(rule).collect(),
        }
    }
}

fn rule(stated: &file::ScriptedFault) -> FaultRule {
    let when = match (stated.first, stated.every) {
        (Some(calls), _) => When::First(calls),
        (None, Some(calls)) => When::Every(calls),
        (None, None) => When::Always,
    };
    let tokens = stated.after_tokens.unwrap_or(3);
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let fault = match stated.fault {
        FaultKind::Refuse => Fault::Refuse,
        FaultKind::Status => Fault::Status {
            status: stated.status.unwrap_or(500),
            retry_after_ms: stated.retry_after.as_ref().map(|time| millis(time.duration())),
        },
        FaultKind::Hang => Fault::Hang,
        FaultKind::Slow => {
            Fault::Slow(stated.delay.as_ref().map_or(Duration::from_secs(1), |time| time.duration()))
        }
        FaultKind::Cut => Fault::CutAfter(tokens),
        FaultKind::Stall => Fault::StallAfter(tokens),
        FaultKind::NoFinish => Fault::NoFinish,
        FaultKind::Html => Fault::Html,
        FaultKind::BrokenJson => Fault::BrokenJson,
    };
    FaultRule { when, fault }
}

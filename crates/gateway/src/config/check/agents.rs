//! Agents: names, addresses, keys.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use pointsman_kernel::agents::{Skill, Slot};
use pointsman_kernel::{Money, Price};
use pointsman_wire::a2a::Version;

use super::Check;
use crate::config::file::{self, Protocol};
use crate::config::shape::suggestion;
use crate::config::tree::Step;
use crate::config::{DeclaredAgent, Proxy};

/// Names under `/a2a/` and in choices that mean something else.
const RESERVED: [&str; 3] = ["auto", "none", "cancel"];
/// A card is not fetched more often than this.
const LEAST_REFRESH: Duration = Duration::from_secs(1);

impl Check<'_> {
    /// The agents, in the order of their names.
    pub(super) fn agents(&mut self, file: &file::File) -> Vec<DeclaredAgent> {
        let names: Vec<&str> = file.agents.keys().map(String::as_str).collect();
        file.agents.iter().filter_map(|(name, stated)| self.agent(name, stated, file, &names)).collect()
    }

    fn agent(
        &mut self,
        name: &str,
        stated: &file::Agent,
        file: &file::File,
        names: &[&str],
    ) -> Option<DeclaredAgent> {
        let path: [Step; 2] = ["agents".into(), name.into()];
        let at = |key: &str| -> [Step; 3] { ["agents".into(), name.into(), key.into()] };
        self.agent_name(name, &path, file);
        let card = stated.card.as_deref().and_then(|url| self.agent_url(&at("card"), url));
        let url = stated.url.as_deref().and_then(|url| self.agent_url(&at("url"), url));
        if stated.card.is_none() && stated.url.is_none() {
            self.fault(
                &path,
                format!("agent `{name}` has neither `card` nor `url`"),
                "add `card`, its address, such as https://agents.example.com/weather",
            );
        }
        if stated.refresh.duration() < LEAST_REFRESH {
            self.fault(
                &at("refresh"),
                format!("`refresh` of agent `{name}` is too short"),
                "give at least 1s; cards seldom change",
            );
        }
        for (index, other) in stated.handoffs.iter().enumerate() {
            if !names.contains(&other.as_str()) || other == name {
                let path = ["agents".into(), name.into(), "handoffs".into(), index.into()];
                let message = format!("agent `{name}` hands over to `{other}`, which is no other agent");
                let others = names.iter().copied().filter(|other| *other != name);
                self.fault(&path, message, suggestion(other, "agents", others));
            }
        }
        let key = stated.api_key.as_ref().and_then(|key| self.secret(&at("api_key"), &key.0));
        let to = url.as_deref().or(card.as_deref()).unwrap_or_default();
        let local = super::is_loopback(to);
        if key.is_some() && to.starts_with("http://") && !local {
            self.warn(&at("api_key"), format!("the key of agent `{name}` travels unencrypted"), "use https");
        }
        let headers: Vec<_> = stated
            .headers
            .iter()
            .filter_map(|(header, value)| self.agent_header(name, header, value))
            .collect();
        let proxy = match stated.proxy.as_deref() {
            None if local => Proxy::None,
            None => Proxy::Environment,
            Some("none") => Proxy::None,
            Some(given) => self.proxy_url(&at("proxy"), name, given),
        };
        let ca_file = stated.ca_file.as_deref().and_then(|file| self.certificates(&at("ca_file"), file));
        if card.is_none() && url.is_none() {
            return None;
        }
        Some(DeclaredAgent {
            name: Arc::from(name),
            card,
            url,
            version: stated.protocol.map(|protocol| match protocol {
                Protocol::V1 => Version::V1,
                Protocol::V03 => Version::V03,
            }),
            streams: stated.streams,
            key,
            headers,
            ca_file,
            proxy,
            allow_private: stated.allow_private,
            refresh: stated.refresh.duration(),
            transcript: stated.transcript,
            price: stated.price.as_ref().map(|price| Price {
                per_call: Money::from_usd(price.per_call),
                ..Price::per_million_usd(price.input, price.output)
            }),
            description: stated.description.clone(),
            skills: stated
                .skills
                .iter()
                .map(|skill| Skill {
                    name: skill.name.clone(),
                    description: skill.description.clone(),
                    body: skill.body.clone(),
                })
                .collect(),
            examples: stated.examples.iter().filter(|example| !example.trim().is_empty()).cloned().collect(),
            categories: stated.categories.clone(),
            slots: stated
                .slots
                .iter()
                .map(|slot| Slot { name: slot.name.clone(), description: slot.description.clone() })
                .collect(),
            scopes: stated.scopes.clone(),
            handoffs: stated.handoffs.clone(),
            tags: stated.tags.iter().filter(|tag| !tag.is_empty()).cloned().collect(),
        })
    }

    /// A request's `model` has one meaning, and a name stands in a path.
    fn agent_name(&mut self, name: &str, path: &[Step], file: &file::File) {
        let bad = |c: char| c.is_whitespace() || c.is_control() || "/*?#%".contains(c);
        if name.is_empty()
            || name.contains(bad)
            || RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word))
        {
            self.fault(
                path,
                format!("`{name}` cannot be an agent's name"),
                "use letters, digits, - and _; `auto`, `none` and `cancel` mean something else",
            );
        }
        let target = file
            .targets
            .iter()
            .any(|target| target.id.as_ref().or(target.model.as_ref()).is_some_and(|id| id == name));
        let taken = match () {
            () if target => "target",
            () if file.routes.contains_key(name) => "route",
            () if file
                .providers
                .values()
                .any(|provider| provider.models.iter().any(|model| model == name)) =>
            {
                "model"
            }
            () => return,
        };
        self.fault(
            path,
            format!("agent `{name}` has the name of a {taken}"),
            "give one of them another name, so that a request's `model` has one meaning",
        );
    }

    fn agent_url(&mut self, path: &[Step], given: &str) -> Option<String> {
        let url = self.expand(path, given)?;
        let uri: Option<Uri> = url.trim().parse().ok();
        let good = uri.as_ref().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        let Some(uri) = good else {
            self.fault(
                path,
                "this is no http or https address",
                "write it with scheme and host: https://host/path",
            );
            return None;
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            self.fault(path, "the address holds credentials", "take them out and give `api_key`");
            return None;
        }
        Some(url.trim().to_owned())
    }

    fn agent_header(
        &mut self,
        name: &str,
        header: &str,
        value: &str,
    ) -> Option<(String, secrecy::SecretString)> {
        self.header_at(&["agents".into(), name.into(), "headers".into(), header.into()], header, value)
    }
}

//! A configuration without a file: what the environment names, and engines on this machine.
//!
//! The variables are the ones the providers' own SDKs read, so that what works for them works here. Secrets stay where
//! they are: the configuration refers to them. What is served and what `init` writes is the same text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use http::Uri;

use crate::config::well_known::{self, WellKnown};
use crate::config::{Config, Env, Faults, Kind};
use crate::discover;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inferred {
    providers: Vec<InferredProvider>,
}

/// One provider that was found, or an engine that may be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferredProvider {
    /// Its name.
    pub name: &'static str,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is.
    pub base_url: String,
    /// The variable that says where it is.
    pub base_variable: Option<&'static str>,
    /// The variable its key is in.
    pub key_variable: Option<&'static str>,
    /// An engine to look for, rather than a provider somebody has named.
    pub engine: bool,
}

/// What the environment names, and the engines to look for. No I/O.
#[must_use]
pub fn from_environment(env: &Env) -> Inferred {
    let mut providers = Vec::new();
    let mut taken = BTreeSet::new();
    for known in well_known::ALL {
        let key_variable = known.keys.iter().copied().find(|name| env.get(name).is_some());
        let base_variable = known.base.filter(|name| env.get(name).is_some());
        let base_url = base_variable.and_then(|name| env.get(name)).unwrap_or(known.base_url);
        // Elsewhere a server may need no key; the provider itself does.
        let elsewhere = place(base_url) != place(known.base_url);
        if !known.engine && key_variable.is_none() && !elsewhere {
            continue;
        }
        // An address that a variable names already is not looked at a second time.
        if !taken.insert(place(base_url)) && known.engine {
            continue;
        }
        providers.push(provider(known, base_url, base_variable, key_variable));
    }
    Inferred { providers }
}

/// The configuration as a file: what `serve` runs without one, with comments.
#[must_use]
pub fn to_yaml(inferred: &Inferred) -> String {
    let mut out = String::from(
        "# Pointsman's configuration. A saved change takes effect at once; one with a fault changes nothing.\n\
         # Check it with `pointsman check FILE`, serve it with `pointsman serve --config FILE`.\n\
         # Keys are named here, never written: env:NAME or file:PATH.\n\n\
         listen: 127.0.0.1:4000\n\n\
         # Each is asked for its models at the start and every ten minutes. To choose yourself, list some:\n\
         #   models: [gpt-4o, gpt-4o-mini]\n",
    );
    if inferred.providers.is_empty() {
        out.push_str(
            "providers: {}\n\
             # None was found. For example:\n\
             #   openai:\n\
             #     api_key: env:OPENAI_API_KEY\n\
             #   my-engine:\n\
             #     base_url: http://127.0.0.1:8000/v1\n\
             #     free: true\n",
        );
    } else {
        out.push_str("providers:\n");
    }
    for provider in &inferred.providers {
        let _ = writeln!(out, "  {}:", provider.name);
        match provider.base_variable {
            Some(variable) => {
                let _ = writeln!(out, "    base_url: ${{{variable}}}");
            }
            None if provider.engine => {
                let _ = writeln!(out, "    base_url: {}\n    free: true", provider.base_url);
            }
            None => {}
        }
        if let Some(variable) = provider.key_variable {
            let _ = writeln!(out, "    api_key: env:{variable}");
        }
    }
    out.push_str(
        "\n# `model: auto` chooses among all chat models, those dearer than 50 USD per million tokens of output apart.\n\
         routes:\n  auto:\n    # quality, balanced, cost, or the weight of quality from 0 to 1\n    prefer: balanced\n",
    );
    out
}

impl Inferred {
    /// The providers that were found and the engines to look for.
    #[must_use]
    pub fn providers(&self) -> &[InferredProvider] {
        &self.providers
    }

    /// The configuration that `serve` runs. Engines are looked for and nothing is said of those that are not there.
    ///
    /// # Errors
    /// A variable that holds no address.
    pub fn to_config(&self, env: &Env) -> Result<Config, Faults> {
        let mut config = Config::parse("environment", &to_yaml(self), env)?;
        for provider in &mut config.providers {
            provider.sought =
                self.providers.iter().any(|found| found.engine && *found.name == *provider.name);
        }
        Ok(config)
    }

    /// The same with only the engines that answer now; `own` is an address that is not to be asked.
    ///
    /// # Errors
    /// As [`Self::to_config`].
    pub async fn probe(mut self, env: &Env, own: Option<SocketAddr>) -> Result<Self, Faults> {
        let answering = match self.providers.is_empty() {
            true => BTreeSet::new(),
            false => discover::answering(&self.to_config(env)?, own).await,
        };
        self.providers.retain(|provider| !provider.engine || answering.contains(provider.name));
        Ok(self)
    }
}

fn provider(
    known: &WellKnown,
    base_url: &str,
    base_variable: Option<&'static str>,
    key_variable: Option<&'static str>,
) -> InferredProvider {
    InferredProvider {
        name: known.name,
        kind: known.kind,
        base_url: base_url.to_owned(),
        base_variable,
        key_variable,
        engine: known.engine,
    }
}

/// Host and port, with the names of this machine as one.
fn place(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else { return url.to_owned() };
    let host = match uri.host().unwrap_or_default() {
        "localhost" | "[::1]" | "0.0.0.0" => "127.0.0.1",
        host => host,
    };
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests;

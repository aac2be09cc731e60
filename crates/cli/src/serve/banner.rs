//! What `serve` says when it starts, and later when a provider has said what it has.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use pointsman_gateway::catalogue::Catalogue;
use pointsman_gateway::config::KeysRule;
use pointsman_gateway::launch::Running;
use pointsman_gateway::reload::Live;
use pointsman_gateway::snapshot::{MAX_UNASKED_USD, Mode, ProviderStatus, Snapshot};

use crate::term::{self, Tone, paint};

/// Models of a provider that are named; the others are counted.
const SHOWN: usize = 8;

/// Prints where the gateway is, how to call it, what it found and where its state is; gives back what was said.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn print(running: &Running, home: &Path, config: Option<&Path>) -> std::io::Result<Told> {
    let live = &running.app.live;
    let snapshot = live.snapshot();
    let base = base_url(running.address);
    term::say(format_args!(
        "pointsman {} listens on {}\n",
        env!("CARGO_PKG_VERSION"),
        paint(Tone::Strong, &base)
    ))?;
    let keyed = running.app.keys.any_exist() || live.config().keys == KeysRule::Always;
    line("base URL", format_args!("{base}/v1"))?;
    line("try", curl(&base, keyed))?;
    line(
        "config",
        config.map_or("none: from the environment".to_owned(), |path| path.display().to_string()),
    )?;
    for provider in snapshot.providers.iter().filter(|provider| !provider.sought) {
        let state = if provider.discovering { ", asking for its models" } else { "" };
        line("provider", format_args!("{} {}{state}", provider.name, provider.base_url))?;
    }
    let sought: Vec<String> =
        snapshot.providers.iter().filter(|provider| provider.sought).map(|p| p.name.to_string()).collect();
    if !sought.is_empty() {
        line("looking for", format_args!("{} on this machine", term::names(&sought, SHOWN)))?;
    }
    line("state", home.display())?;
    line(
        "keys",
        if keyed {
            "on: every request needs a client key"
        } else {
            "off: anyone on this machine may call; `pointsman keys create NAME` turns them on"
        },
    )?;
    line(
        "prices",
        format_args!("catalogue of {}, the configuration's own before it", Catalogue::embedded().as_of()),
    )?;
    let (artifact, encoder) = (&snapshot.versions.artifact, &snapshot.versions.encoder);
    line("routing by", format_args!("artifact {artifact}, encoder {encoder}"))?;
    let mut told = Told::default();
    told.tell(&snapshot)?;
    Ok(told)
}

/// Says what providers have as soon as they have said it; `told` is what the banner said already.
pub(super) async fn news(live: Arc<Live>, mut told: Told) {
    let mut changes = live.subscribe();
    // States are compared, not changes counted, so what came since the banner is told too.
    while told.tell(&live.snapshot()).is_ok() && changes.changed().await.is_ok() {}
}

/// The address as a client writes it: one that means "any" is reached at loopback.
pub(crate) fn base_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{address}")
}

/// A call to be pasted into a shell.
pub(crate) fn curl(base: &str, keyed: bool) -> String {
    let key = if keyed { " -H \"authorization: Bearer $POINTSMAN_KEY\"" } else { "" };
    format!(
        "curl {base}/v1/chat/completions -H 'content-type: application/json'{key} \\\n                \
         -d '{{\"model\": \"auto\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    )
}

/// What was said of each provider, so that nothing is said twice.
#[derive(Default)]
pub(super) struct Told(HashMap<Arc<str>, String>);

impl Told {
    fn tell(&mut self, snapshot: &Snapshot) -> std::io::Result<()> {
        for provider in snapshot.providers.iter().filter(|provider| !provider.discovering) {
            let Some(news) = found(provider, snapshot) else { continue };
            if self.0.get(&provider.name) != Some(&news) {
                line("found", &news)?;
                self.0.insert(Arc::clone(&provider.name), news);
            }
        }
        Ok(())
    }
}

/// What a provider has; nothing of one that was only looked for and is not there.
fn found(provider: &ProviderStatus, snapshot: &Snapshot) -> Option<String> {
    if let Some(error) = &provider.error {
        return (!provider.sought).then(|| format!("{}: {}", provider.name, paint(Tone::Bad, error)));
    }
    let of_it = |wanted: &dyn Fn(&pointsman_gateway::snapshot::Served) -> bool| -> Vec<String> {
        let all = snapshot.order.iter().filter_map(|id| snapshot.targets.get(id));
        all.filter(|served| served.provider == provider.name && wanted(served))
            .map(|served| served.target.id.to_string())
            .collect()
    };
    let chat = of_it(&|served| served.mode == Mode::Chat && !served.by_name_only);
    let named = of_it(&|served| served.mode == Mode::Chat && served.by_name_only);
    let vectors = of_it(&|served| served.mode == Mode::Embedding);
    if chat.is_empty() && named.is_empty() && vectors.is_empty() {
        return (!provider.sought)
            .then(|| format!("{}: {}", provider.name, paint(Tone::Bad, "no chat model")));
    }
    let mut said = format!("{}: {} for auto", provider.name, chat.len());
    if !chat.is_empty() {
        said.push_str(&format!(" ({})", term::names(&chat, SHOWN)));
    }
    if !named.is_empty() {
        said.push_str(&format!(
            "\n              by name only, dearer than {MAX_UNASKED_USD} USD per million tokens written or of unknown price: {}",
            term::names(&named, SHOWN)
        ));
    }
    if !vectors.is_empty() {
        said.push_str(&format!("\n              embeddings: {}", term::names(&vectors, SHOWN)));
    }
    Some(said)
}

fn line(what: &str, text: impl std::fmt::Display) -> std::io::Result<()> {
    term::say(format_args!("  {} {text}", paint(Tone::Faint, format_args!("{what:<11}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_any_is_shown_as_loopback() {
        assert_eq!(base_url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(base_url("[::]:80".parse().unwrap()), "http://[::1]:80");
    }

    #[test]
    fn the_call_to_paste_names_the_key_where_one_is_needed() {
        assert!(curl("http://h", true).contains("Bearer $POINTSMAN_KEY"));
        assert!(!curl("http://h", false).contains("Bearer"));
    }
}

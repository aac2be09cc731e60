//! A pool without a provider: the artifact's own models at their list prices, as scripted targets. What `route` decides
//! among where nothing is configured, and `bench` measures with.

use std::fmt::Write as _;
use std::sync::Arc;

use pointsman_backends::{HealthBoard, SystemClock};
use pointsman_gateway::app::App;
use pointsman_gateway::catalogue::Catalogue;
use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::reload::Live;
use pointsman_learn::{Artifact, Model};
use pointsman_store::{KeyRing, Ledger, LedgerOptions};

/// The configuration of at most `most` of the models that the artifact knows and a price is known for.
///
/// # Errors
/// Never, unless a model's name cannot be written down.
pub(crate) fn known_models(most: usize) -> anyhow::Result<Config> {
    let mut text = String::from("providers:\n  known:\n    kind: scripted\ntargets:\n");
    let priced = Artifact::embedded().models().iter().filter_map(|model| Some((model, price(model)?)));
    for (model, (input, output)) in priced.take(most) {
        let name = serde_json::to_string(&model.name)?;
        writeln!(text, "  - {{id: {name}, provider: known, price: {{input: {input}, output: {output}}}}}")?;
    }
    Ok(Config::parse("known models", &text, &Env::from([("", ""); 0]))?)
}

/// Everything a decision needs, without a listener and with nothing on disk.
///
/// # Errors
/// There is no memory or thread for it.
pub(crate) fn app_of(live: Arc<Live>) -> anyhow::Result<App> {
    let ledger = Ledger::in_memory(LedgerOptions::default())?;
    let health = HealthBoard::new(live.config().breaker);
    Ok(App::new(live, ledger, KeyRing::empty(), health, Arc::new(SystemClock)))
}

/// USD per million tokens: the artifact's word, else the catalogue's.
fn price(model: &Model) -> Option<(f64, f64)> {
    if let Some(price) = &model.price {
        return Some((price.input.usd_per_million(), price.output.usd_per_million()));
    }
    let found = Catalogue::embedded().lookup(None, &model.name)?;
    let price = found.entry.price.as_ref()?;
    let usd = |nano: u64| nano as f64 / 1e9;
    Some((usd(price.input), usd(price.output)))
}

//! A pool without a provider: the artifact's own models at their list prices, as scripted targets. What `route` decides
//! among where nothing is configured, and `bench` measures with.

use std::fmt::Write as _;
use std::sync::Arc;

use pointsman_backends::{HealthBoard, SystemClock};
use pointsman_gateway::app::App;
use pointsman_gateway::catalogue::Catalogue;
use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::reload::Live;
use pointsman_gateway::sessions::REMEMBERED;
use pointsman_learn::{Artifact, Model};
use pointsman_store::{Courses, KeyRing, Ledger, LedgerOptions};

/// The models that stand in, of those that many people know.
const MODELS: [&str; 8] = [
    "claude-3-5-sonnet-20241022",
    "gpt-4o-2024-08-06",
    "Mistral-Large-2",
    "deepseek-v2.5-0908",
    "gpt-4o-mini-2024-07-18",
    "gemini-1.5-flash",
    "claude-3-haiku-20240307",
    "Meta-Llama-3.1-8B-Instruct",
];

/// The configuration of eight models that the artifact knows; of others where it does not know these.
///
/// # Errors
/// The artifact knows no model that a price is known for.
pub(crate) fn known_models() -> anyhow::Result<Config> {
    let artifact = Artifact::embedded();
    let first = MODELS.iter().filter_map(|name| artifact.model(name));
    let others = artifact.models().iter().filter(|model| !MODELS.contains(&model.name.as_str()));
    let priced = first.chain(others).filter_map(|model| Some((model, price(model)?)));
    let mut text = String::from("providers:\n  known:\n    kind: scripted\ntargets:\n");
    for (model, (input, output)) in priced.take(MODELS.len()) {
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
    let courses = Courses::in_memory(REMEMBERED);
    Ok(App::new(live, ledger, KeyRing::empty(), health, courses, Arc::new(SystemClock)))
}

/// USD per million tokens: the catalogue's word, else what the training data was charged.
fn price(model: &Model) -> Option<(f64, f64)> {
    if let Some(price) = Catalogue::embedded().lookup(None, &model.name).and_then(|found| found.entry.price) {
        let usd = |nano: u64| nano as f64 / 1e9;
        return Some((usd(price.input), usd(price.output)));
    }
    let price = model.price.as_ref()?;
    Some((price.input.usd_per_million(), price.output.usd_per_million()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_models_stand_in_and_each_has_a_price() {
        let live = Live::from_config(known_models().unwrap()).unwrap();
        let snapshot = live.snapshot();
        assert_eq!(snapshot.order.len(), MODELS.len());
        assert!(snapshot.targets.values().all(|served| served.target.price.is_some()));
    }
}

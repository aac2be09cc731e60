use std::path::Path;

use pointsman_kernel::{Price, Support, TokenPrice};

use super::*;
use crate::agents::Cards;
use crate::config::{Config, Env};

fn env() -> Env {
    Env::from([("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", "sk-a"), ("OPENROUTER_API_KEY", "sk-r")])
}

fn config(text: &str) -> Config {
    Config::parse("test.yaml", text, &env()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn compile(text: &str, listed: &[(&str, &[&str])]) -> Snapshot {
    let discovered = listed.iter().map(|(name, models)| (Arc::from(*name), listing(models))).collect();
    Snapshot::compile(&config(text), &discovered, &Cards::new(), &mut Connections::default())
        .unwrap_or_else(|faults| panic!("{faults}"))
}

fn listing(models: &[&str]) -> Listing {
    let listed = |id: &&str| Listed { id: (*id).to_owned(), context: None, chat: None };
    Listing { models: models.iter().map(listed).collect(), error: None, answered: true }
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.order.iter().map(TargetId::as_str).collect()
}

fn members<'a>(snapshot: &'a Snapshot, route: &str) -> Vec<&'a str> {
    snapshot.route(route).unwrap().route.targets.iter().map(|target| target.id.as_str()).collect()
}

#[test]
fn every_example_serves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ext| ext != "yaml") {
            continue;
        }
        let config = Config::load(&path, &env()).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let snapshot =
            Snapshot::compile(&config, &Discovered::new(), &Cards::new(), &mut Connections::default())
                .unwrap_or_else(|faults| panic!("{faults}"));
        let asks = config.providers.iter().any(|provider| provider.discover);
        assert!(asks || !members(&snapshot, "auto").is_empty(), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 4, "examples are missing");
}

#[test]
fn the_full_example_uses_every_key_there_is() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/full.yaml"))
            .unwrap();
    fn keys(schema: &serde_json::Value, out: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(map) => {
                if let Some(properties) = map.get("properties").and_then(serde_json::Value::as_object) {
                    out.extend(properties.keys().cloned());
                }
                map.values().for_each(|inner| keys(inner, out));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|inner| keys(inner, out)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    keys(&crate::config::json_schema(), &mut all);
    assert!(all.len() > 60);
    for key in all {
        assert!(text.contains(&format!("{key}:")), "examples/full.yaml lacks `{key}`");
    }
}

#[test]
fn auto_has_the_chat_models_and_not_what_must_be_named() {
    let models = [
        "gpt-4o-mini",
        "gpt-4.5-preview",
        "text-embedding-3-small",
        "whisper-1",
        "gpt-5-unheard-of",
        "dall-e-3",
    ];
    let snapshot = compile("providers: {openai: {}}", &[("openai", &models)]);
    assert_eq!(members(&snapshot, "auto"), ["gpt-4o-mini"]);
    // Asked for by name they are all there, but for what no path here could serve.
    assert_eq!(
        ids(&snapshot),
        ["gpt-4o-mini", "gpt-4.5-preview", "text-embedding-3-small", "gpt-5-unheard-of"]
    );
    assert!(snapshot.target("gpt-4.5-preview").unwrap().by_name_only);
    assert_eq!(snapshot.target("text-embedding-3-small").unwrap().mode, Mode::Embedding);
    assert_eq!(snapshot.by_name.route.targets.len(), 4);
    // Whoever names a dear one in a route gets it there, a pattern does not name it.
    let text = "providers: {openai: {}}\nroutes: {auto: {targets: [gpt-4.5-preview, 'gpt*']}, pattern: {targets: ['gpt-4.5*']}}";
    let snapshot = compile(text, &[("openai", &models)]);
    assert_eq!(members(&snapshot, "auto"), ["gpt-4.5-preview", "gpt-4o-mini"]);
    assert!(members(&snapshot, "pattern").is_empty());
    assert_eq!(snapshot.notes.len(), 1, "{:?}", snapshot.notes);
}

#[test]
fn elsewhere_unknown_models_are_routed_and_their_price_is_unknown() {
    let text = "providers: {box: {base_url: 'http://127.0.0.1:9/v1'}}";
    let snapshot = compile(text, &[("box", &["house-model-8b", "gpt-4o-mini"])]);
    assert_eq!(members(&snapshot, "auto"), ["house-model-8b", "gpt-4o-mini"]);
    let house = snapshot.target("house-model-8b").unwrap();
    assert_eq!((house.target.price, house.prices_as_of.as_deref()), (None, None));
    assert_eq!(house.target.lineage.parameters_b, Some(8.0));
    let known = snapshot.target("gpt-4o-mini").unwrap();
    assert!(known.prices_as_of.as_deref().is_some_and(|of| of.starts_with("catalogue ")));
    assert_eq!(known.target.price.unwrap().input, TokenPrice::from_usd_per_million(0.15));
}

#[test]
fn an_id_that_is_taken_gets_its_providers_name_before_it() {
    let text = "providers:\n  openai: {}\n  openrouter: {}\n  mine: {base_url: 'http://127.0.0.1:9/v1'}\n";
    let listed: &[(&str, &[&str])] = &[
        ("openai", &["gpt-4o", "gpt-4o"]),
        ("openrouter", &["gpt-4o", "openai/gpt-4o", "meta-llama/llama-3.1-8b-instruct:free", "auto"]),
        ("mine", &["gpt-4o"]),
    ];
    let snapshot = compile(text, listed);
    let expected = [
        "gpt-4o",
        "openrouter/gpt-4o",
        "openai/gpt-4o",
        "meta-llama/llama-3.1-8b-instruct:free",
        "openrouter/auto",
        "mine/gpt-4o",
    ];
    assert_eq!(ids(&snapshot), expected);
    let by = |name: &str| (&*snapshot.target(name).unwrap().provider, &*snapshot.target(name).unwrap().model);
    assert_eq!(by("gpt-4o"), ("openai", "gpt-4o"));
    assert_eq!(by("mine/gpt-4o"), ("mine", "gpt-4o"));
    assert_eq!(by("openrouter/openai/gpt-4o"), ("openrouter", "openai/gpt-4o"));
    assert!(snapshot.target("openai/auto").is_none());
    // Trials and routers of others are asked for by name.
    assert!(snapshot.target("openrouter/auto").unwrap().by_name_only);
    assert!(snapshot.target("meta-llama/llama-3.1-8b-instruct:free").unwrap().by_name_only);
}

#[test]
fn what_the_file_says_goes_before_what_a_provider_lists() {
    let text = "providers:\n  openai: {discover: true}\ntargets:\n  - {id: cheap, provider: openai, model: gpt-4o, price: {input: 1, output: 2}, tools: false, tags: [x]}\n";
    let snapshot = compile(text, &[("openai", &["gpt-4o", "models/gpt-4o-mini"])]);
    assert_eq!(ids(&snapshot), ["cheap", "gpt-4o-mini"]);
    let cheap = snapshot.target("openai/gpt-4o").unwrap();
    assert_eq!((cheap.target.id.as_str(), cheap.prices_as_of.as_deref()), ("cheap", Some("config")));
    assert_eq!(cheap.target.profile, "gpt-4o");
    assert_eq!(
        (cheap.target.capabilities.tools, cheap.target.capabilities.images),
        (Support::No, Support::Yes)
    );
    assert_eq!(cheap.target.limits.context_tokens, Some(128_000));
    assert_eq!(&*snapshot.target("gpt-4o-mini").unwrap().model, "models/gpt-4o-mini");
}

#[test]
fn prices_come_from_the_target_then_the_file_then_the_catalogue() {
    let text = "providers: {openai: {models: [gpt-4o, gpt-4o-mini, gpt-4-turbo]}, ollama: {models: [llama3, big]}}\n\
                targets: [{model: gpt-4, provider: openai, price: {input: 9, output: 9}}]\n\
                prices: {openai/gpt-4o: {input: 7, output: 8}, big: {input: 0.1, output: 0.1}, gpt-4: {input: 1, output: 1}}";
    let snapshot = compile(text, &[]);
    let price = |id: &str| {
        let served = snapshot.target(id).unwrap();
        (
            served.target.price.map(|price| price.output.usd_per_million()),
            served.prices_as_of.as_deref().unwrap().to_owned(),
        )
    };
    assert_eq!(price("gpt-4"), (Some(9.0), "config".to_owned()));
    assert_eq!(price("gpt-4o"), (Some(8.0), "config".to_owned()));
    assert_eq!(price("gpt-4-turbo").0, Some(30.0));
    assert!(price("gpt-4-turbo").1.starts_with("catalogue 20"));
    // An engine of one's own is free, unless somebody says otherwise.
    assert_eq!(snapshot.target("llama3").unwrap().target.price, Some(Price::default()));
    assert_eq!(price("big"), (Some(0.1), "config".to_owned()));
}

#[test]
fn the_baseline_is_the_dearest_unless_declared() {
    let text = "providers: {openai: {models: [gpt-4o-mini, gpt-4o, gpt-4-turbo]}}";
    let route = |text: &str, name: &str| compile(text, &[]).route(name).unwrap().route.goal.baseline.clone();
    assert_eq!(route(text, "auto"), Some("gpt-4-turbo".into()));
    let declared = format!(
        "{text}\nroutes: {{auto: {{baseline: gpt-4o}}, free: {{targets: [gpt-4o-mini], baseline: openai/gpt-4o}}}}"
    );
    assert_eq!(route(&declared, "auto"), Some("gpt-4o".into()));
    assert_eq!(route(&declared, "free"), Some("gpt-4o".into()));
    let snapshot = compile(text, &[]);
    let auto = snapshot.route("auto").unwrap();
    assert!(auto.route.goal.scale.low < auto.route.goal.scale.high);
}

#[test]
fn routes_choose_by_name_pattern_and_tag_each_target_once() {
    let text = "providers: {openai: {models: [gpt-4o, gpt-4o-mini, gpt-4-turbo]}}\n\
                targets: [{id: t1, provider: openai, model: gpt-4, tags: [a]}, {id: t2, provider: openai, model: o1, tags: [b, a]}]\n\
                routes: {r: {targets: [t2, 'gpt-4o*', gpt-4o-mini], tags: [a], prefer: 0.8, floor: 0.9, switching: each_turn, strict: true, patience: {targets: 2, retries: 0, wait: 1s}}}";
    let snapshot = compile(text, &[]);
    assert_eq!(members(&snapshot, "r"), ["t2", "gpt-4o", "gpt-4o-mini", "t1"]);
    let route = snapshot.route("r").unwrap();
    assert!(route.strict);
    assert_eq!((route.route.goal.prefer.weight(), route.route.goal.floor), (0.8, 0.9));
    assert_eq!((route.route.patience.targets, route.route.patience.wait_at_most_ms), (2, 1_000));
    // gpt-4 and o1 cost 60 USD.
    assert_eq!(members(&snapshot, "auto"), ["gpt-4o", "gpt-4o-mini", "gpt-4-turbo"]);
}

#[test]
fn there_is_no_auto_until_there_is_a_chat_model() {
    let snapshot = compile("providers: {openai: {}}", &[]);
    assert!(snapshot.route("auto").is_none() && snapshot.discovering);
    let snapshot = compile("providers: {openai: {}}", &[("openai", &["text-embedding-3-small"])]);
    assert!(snapshot.route("auto").is_none() && !snapshot.discovering);
    // One that was written down is not there either until its targets can be, and then says itself what it lacks.
    let text = "providers: {openai: {}}\nroutes: {auto: {targets: [gpt-4o]}}";
    assert!(compile(text, &[]).route("auto").is_none());
    assert!(members(&compile(text, &[("openai", &["gpt-4o-mini"])]), "auto").is_empty());
    assert_eq!(members(&compile(text, &[("openai", &["gpt-4o"])]), "auto"), ["gpt-4o"]);
}

#[test]
fn versions_change_with_the_configuration_and_with_the_targets_alone() {
    let version = |text: &str, listed: &[(&str, &[&str])]| compile(text, listed).versions.config.to_string();
    let (a, b) = ("providers: {openai: {}}", "providers: {openai: {}}\nroutes: {auto: {prefer: cost}}");
    assert_eq!(version(a, &[]), version("# a comment\nproviders:\n  openai:\n", &[]));
    assert_ne!(version(a, &[]), version(b, &[]));
    assert_ne!(version(a, &[]), version(a, &[("openai", &["gpt-4o"])]));
    assert_eq!(version(a, &[]).len(), 16);
}

#[test]
fn a_certificate_that_is_none_is_a_fault_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "not a certificate").unwrap();
    let name = folder.path().join("c.yaml").display().to_string();
    let text = "providers:\n  openai:\n    ca_file: ca.pem\n    models: [a]\n";
    let config = Config::parse(&name, text, &env()).unwrap();
    let faults = Snapshot::compile(&config, &Discovered::new(), &Cards::new(), &mut Connections::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!((faults.0.len(), faults.0[0].line, faults.0[0].column), (1, 3, 14), "{faults}");
}

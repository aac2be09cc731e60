use std::path::{Path, PathBuf};

use super::*;

fn env() -> Env {
    Env::from([("A_KEY", "sk-test-a"), ("OPENAI_API_KEY", "sk-test-o"), ("ANTHROPIC_API_KEY", "sk-test-c")])
}

fn parse(text: &str) -> Config {
    Config::parse("test.yaml", text, &env()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(text: &str, env: &Env) -> Vec<Fault> {
    Config::parse("test.yaml", text, env).map(|_| ()).unwrap_err().0
}

/// Files of faults beside what is said of them. `UPDATE_GOLDENS=1` writes the latter anew.
#[test]
fn every_fault_of_a_file_is_told_with_its_place_and_a_hint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/goldens");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "goldens are missing");
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(&path).unwrap();
        let env = Env::from([("A_KEY", "sk-test-a")]);
        let said = match Config::parse(&name, &text, &env) {
            Ok(_) => panic!("{name} is a fault's example and passed"),
            Err(faults) => format!("{faults}\n"),
        };
        let golden = path.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&golden, &said).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{name} says now:\n{said}"));
        }
        assert!(!said.contains("do-not-print"), "{name} shows a secret");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_provider_is_all_that_is_needed() {
    let config = parse("providers:\n  openai:\n");
    assert_eq!(config.listen.to_string(), "127.0.0.1:4000");
    let provider = config.provider("openai").unwrap();
    assert!(provider.discover && provider.key.is_some() && provider.vendor);
    assert_eq!(provider.base_url, "https://api.openai.com/v1");
    assert_eq!(config.timeouts, Deadlines::default());
    assert_eq!(config.breaker, BreakerPolicy::default());
    assert_eq!(config.limits.body_bytes, 32 << 20);
    assert!(config.warnings.is_empty());
}

#[test]
fn a_key_is_not_sent_to_an_address_it_is_not_for() {
    let config = parse("providers:\n  openai: {base_url: 'http://127.0.0.1:9/v1'}\n");
    assert!(config.provider("openai").unwrap().key.is_none());
    let elsewhere = Env::from([("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")]);
    let config = Config::parse("t", "providers: {openai: {}}\n", &elsewhere).unwrap();
    let provider = config.provider("openai").unwrap();
    assert_eq!((provider.base_url.as_str(), provider.key.is_some()), ("http://127.0.0.1:9/v1", true));
    assert!(!provider.vendor && provider.catalogue.is_none());
}

#[test]
fn secrets_come_from_variables_and_files() {
    use secrecy::ExposeSecret;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "sk-from-file\n").unwrap();
    let name = folder.path().join("c.yaml").display().to_string();
    let text = "providers:\n  openai:\n    api_key: ${A_KEY}\n  groq:\n    api_key: file:key\n    headers: {x-team: env:A_KEY, x-plain: a}\n";
    let config = Config::parse(&name, text, &env()).unwrap();
    let key =
        |provider: &str| config.provider(provider).unwrap().key.as_ref().unwrap().expose_secret().to_owned();
    assert_eq!((key("openai").as_str(), key("groq").as_str()), ("sk-test-a", "sk-from-file"));
    let headers = &config.provider("groq").unwrap().headers;
    let header =
        |name: &str| headers.iter().find(|(known, _)| known == name).unwrap().1.expose_secret().to_owned();
    assert_eq!((header("x-team").as_str(), header("x-plain").as_str()), ("sk-test-a", "a"));
    assert_eq!(config.files, [folder.path().join("key")]);
    assert!(!format!("{config:?}").contains("sk-"));
}

#[test]
fn providers_keep_the_order_of_the_file() {
    let config = parse(
        "providers:\n  openai: {}\n  anthropic: {}\n  b: {base_url: 'http://h/v1'}\n  a: {base_url: 'http://h/v1'}\n",
    );
    let names: Vec<&str> = config.providers.iter().map(|provider| &*provider.name).collect();
    assert_eq!(names, ["openai", "anthropic", "b", "a"]);
}

#[test]
fn a_provider_is_asked_unless_its_models_are_given() {
    let discovers = |text: &str| parse(text).providers[0].discover;
    assert!(discovers("providers: {openai: {}}"));
    assert!(!discovers("providers: {openai: {models: [a]}}"));
    assert!(discovers("providers: {openai: {models: [a], discover: true}}"));
    assert!(!discovers("providers: {openai: {}}\ntargets: [{model: a, provider: openai}]"));
    assert!(!discovers("providers: {openai: {discover: false, models: [a]}}"));
}

#[test]
fn a_key_sent_in_the_clear_is_warned_of_and_loopback_is_not() {
    let warnings = |url: &str| {
        let text = format!("providers:\n  box:\n    base_url: {url}\n    api_key: env:A_KEY\n");
        parse(&text).warnings.len()
    };
    assert_eq!((warnings("http://box.example/v1"), warnings("http://127.0.0.1:1/v1")), (1, 0));
    assert_eq!((warnings("https://box.example/v1"), warnings("https://box.example")), (0, 1));
}

#[test]
fn a_route_may_name_what_a_provider_has_yet_to_list() {
    parse("providers: {openai: {}}\nroutes: {auto: {targets: [gpt-9, 'gpt-4*'], baseline: gpt-9}}\n");
    let closed = faults("providers: {openai: {models: [a]}}\nroutes: {auto: {targets: [b]}}\n", &env());
    assert_eq!(closed.len(), 1);
}

#[test]
fn a_file_that_is_not_there_says_what_to_do() {
    let fault = Config::load(Path::new("no/such/file.yaml"), &env()).map(|_| ()).unwrap_err();
    let said = fault.to_string();
    assert!(
        said.starts_with("no/such/file.yaml:1:1: cannot be read") && said.contains("pointsman init"),
        "{said}"
    );
}

#[test]
fn the_reference_names_every_key_and_the_schema_knows_no_other() {
    let page = reference_markdown();
    for key in
        ["`base_url`", "`open_at_most`", "`cached_input`", "`retry_after`", "`switching`", "`keep_prompts`"]
    {
        assert!(page.contains(key), "{key}");
    }
    assert!(page.contains("| `listen` | text | `127.0.0.1:4000` |"), "{page}");
    assert!(page.contains("`topsis`") && page.contains("## `targets[].scripted.faults[]`"));
    assert!(page.contains("| `ollama` | `openai` | `http://127.0.0.1:11434/v1` | none |"));
    let columns = |line: &str| line.matches(" | ").count();
    assert!(page.lines().filter(|line| line.starts_with("| `")).all(|line| [3, 4].contains(&columns(line))));
    let schema = json_schema();
    assert_eq!(schema["additionalProperties"], false);
    assert!(
        schema["properties"]["providers"]["description"].as_str().is_some_and(|text| text.contains("models"))
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_stop_the_process(text in "[ -~\n]{0,200}") {
        let _ = Config::parse("t", &text, &Env::default());
    }

    #[test]
    fn every_fault_stands_within_its_file(cut in 0_usize..2_000) {
        let text = include_str!("../../../../examples/full.yaml");
        let text: String = text.chars().take(cut).collect();
        let lines = text.lines().count().max(1) as u64;
        if let Err(faults) = Config::parse("t", &text, &Env::default()) {
            for fault in faults.0 {
                proptest::prop_assert!((1..=lines + 1).contains(&fault.line) && fault.column >= 1, "{}", fault);
            }
        }
    }
}

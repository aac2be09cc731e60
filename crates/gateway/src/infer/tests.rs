use super::*;

fn names(inferred: &Inferred, engines: bool) -> Vec<&'static str> {
    inferred.providers().iter().filter(|found| found.engine == engines).map(|found| found.name).collect()
}

#[test]
fn keys_in_the_environment_are_providers() {
    let env = Env::from([
        ("OPENAI_API_KEY", "a"),
        ("ANTHROPIC_API_KEY", "b"),
        ("GROQ_API_KEY", ""),
        ("XAI_API_KEY", "c"),
    ]);
    let inferred = from_environment(&env);
    assert_eq!(names(&inferred, false), ["openai", "anthropic", "xai"]);
    assert_eq!(names(&inferred, true), ["ollama", "vllm", "lmstudio", "llamacpp"]);
    let kinds: Vec<Kind> = inferred.providers().iter().map(|found| found.kind).take(2).collect();
    assert_eq!(kinds, [Kind::Openai, Kind::Anthropic]);
    assert!(names(&from_environment(&Env::default()), false).is_empty());
}

#[test]
fn an_address_alone_is_a_provider_and_an_engine_at_it_is_not_looked_for_twice() {
    let env = Env::from([("OPENAI_BASE_URL", "http://localhost:11434/v1")]);
    let inferred = from_environment(&env);
    assert_eq!(names(&inferred, false), ["openai"]);
    assert_eq!(names(&inferred, true), ["vllm", "lmstudio", "llamacpp"]);
    let config = inferred.to_config(&env).unwrap();
    let provider = config.provider("openai").unwrap();
    assert_eq!(provider.base_url, "http://localhost:11434/v1");
    assert!(provider.key.is_none() && !provider.sought && !provider.vendor);
}

#[test]
fn a_providers_own_address_without_a_key_is_not_a_provider() {
    let env = Env::from([("OPENAI_BASE_URL", "https://api.openai.com/v1")]);
    assert!(names(&from_environment(&env), false).is_empty());
}

#[test]
fn what_init_writes_is_what_is_served_and_passes_the_check() {
    let env = Env::from([
        ("OPENAI_API_KEY", "sk-secret-1"),
        ("OPENAI_BASE_URL", "https://proxy.example/v1"),
        ("ANTHROPIC_API_KEY", "sk-secret-2"),
        ("GOOGLE_API_KEY", "sk-secret-3"),
        ("TOGETHER_API_KEY", "sk-secret-4"),
    ]);
    let inferred = from_environment(&env);
    let yaml = to_yaml(&inferred);
    assert!(!yaml.contains("sk-secret"), "{yaml}");
    let written = Config::parse("pointsman.yaml", &yaml, &env).unwrap();
    let served = inferred.to_config(&env).unwrap();
    let shape = |config: &Config| -> Vec<_> {
        let of = |provider: &crate::config::Provider| {
            let key = provider.key.is_some();
            (
                provider.name.to_string(),
                provider.kind,
                provider.base_url.clone(),
                key,
                provider.free,
                provider.discover,
            )
        };
        config.providers.iter().map(of).collect()
    };
    assert_eq!(shape(&written), shape(&served));
    assert_eq!(written.providers.len(), 8);
    assert!(written.warnings.is_empty());
    let keyed: Vec<bool> = served.providers.iter().map(|provider| provider.key.is_some()).collect();
    assert_eq!(keyed, [true, true, true, true, false, false, false, false]);
    assert!(served.providers.iter().all(|provider| provider.sought == provider.free && provider.discover));
    // Somebody who runs it elsewhere is told which variable is missing.
    let faults = Config::parse("pointsman.yaml", &yaml, &Env::default()).map(|_| ()).unwrap_err();
    assert!(faults.to_string().contains("TOGETHER_API_KEY is not set"), "{faults}");
}

#[test]
fn with_nothing_found_init_writes_a_file_to_fill_in() {
    let yaml = to_yaml(&Inferred::default());
    let faults = Config::parse("pointsman.yaml", &yaml, &Env::default()).map(|_| ()).unwrap_err();
    assert_eq!(faults.0.len(), 1);
    assert!(faults.0[0].message.starts_with("no providers"), "{faults}");
    assert!(yaml.contains("OPENAI_API_KEY"));
}

#[test]
fn a_variable_that_is_no_address_is_named() {
    let env = Env::from([("OPENAI_BASE_URL", "box:8000")]);
    let faults = from_environment(&env).to_config(&env).map(|_| ()).unwrap_err();
    assert!(faults.to_string().contains("base_url of `openai` is no URL"), "{faults}");
}

#[tokio::test]
async fn only_engines_that_answer_are_written() {
    let inferred = from_environment(&Env::from([("OPENAI_API_KEY", "sk")]));
    let probed = inferred.probe(&Env::from([("OPENAI_API_KEY", "sk")]), None).await.unwrap();
    // Whatever runs here: a provider that was named stays, and no engine is invented.
    assert_eq!(names(&probed, false), ["openai"]);
    assert!(probed.providers().len() <= 5);
}

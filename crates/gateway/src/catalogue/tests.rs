use super::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// USD in micro-dollars per million tokens, as short as a test needs them.
const fn usd(micro: u64) -> u64 {
    micro * 1_000
}

fn price_of(provider: Option<&str>, model: &str) -> Option<Price> {
    Catalogue::embedded().lookup(provider, model).and_then(|found| found.entry.price)
}

fn found(provider: Option<&str>, model: &str) -> Option<(&'static str, &'static str, Match)> {
    let found = Catalogue::embedded().lookup(provider, model)?;
    Some((found.entry.provider, found.entry.model, found.matched))
}

/// A small catalogue, so that laws of lookup do not hang on what the market lists today.
fn small() -> Catalogue {
    Catalogue::parse(concat!(
        "#source\tl\tone 1\t2026-02-03\n#source\tt\tother 2\t2024-01-01\n#as_of\t2026-02-03\n",
        "claude-9\tanthropic\t3\t15\t0.3\t3.75\t200000\t8192\t++-\tc\tl\n",
        "claude-9\tbedrock\t3.3\t16.5\t\t\t200000\t8192\t++-\tc\tl\n",
        "deepseek-x\tdeepseek\t0.28\t0.42\t0.028\t\t\t\t+--\tc\tl\n",
        "deepseek-x\togre\t0\t0\t\t\t\t\t???\tc\tl\n",
        "ft:gpt-9-mini\topenai\t0.3\t1.2\t\t\t\t\t???\tc\tl\n",
        "GPT-9\tazure\t5\t20\t\t\t\t\t???\tc\tl\n",
        "gpt-9\topenai\t2.5\t10\t1.25\t\t128000\t16384\t+++\tc\tl\n",
        "gpt-9-2030-01-01\topenai\t2\t8\t\t\t\t\t???\tc\tt\n",
        "gpt-9:free\topenrouter\t0\t0\t\t\t\t\t???\tc\tl\n",
        "llama-9-8b\thost-a\t0.1\t0.2\t\t\t\t\t???\tc\tl\n",
        "llama-9-8b\thost-b\t0.1\t0.2\t\t\t\t\t???\tc\tl\n",
        "llama-9-9b\thost-a\t0.1\t0.2\t\t\t\t\t???\tc\tl\n",
        "llama-9-9b\thost-b\t0.1\t0.3\t\t\t\t\t???\tc\tl\n",
        "meta-llama/Llama-9-8B\topenrouter\t0.05\t0.08\t\t\t\t\t???\tc\tl\n",
        "nobody-says\thost-a\t\t\t\t\t4096\t\t???\tc\tl\n",
    ))
    .unwrap()
}

fn in_small(provider: Option<&str>, model: &str) -> Option<(&'static str, u64, Match)> {
    let small = small();
    let found = small.lookup(provider, model)?;
    Some((found.entry.provider, found.entry.price?.input, found.matched))
}

#[test]
fn known_models_have_their_published_prices() {
    // Read by hand in the sources' own files.
    let price =
        |input, output, cached_input, cache_write| Some(Price { input, output, cached_input, cache_write });
    let whole = |provider, model| price_of(Some(provider), model);
    assert_eq!(whole("openai", "gpt-4o-mini"), price(usd(150_000), usd(600_000), Some(usd(75_000)), None));
    assert_eq!(
        whole("openai", "gpt-4o-2024-08-06"),
        price(usd(2_500_000), usd(10_000_000), Some(usd(1_250_000)), None)
    );
    assert_eq!(
        whole("anthropic", "claude-3-5-sonnet-20241022"),
        price(usd(3_000_000), usd(15_000_000), Some(usd(300_000)), Some(usd(3_750_000)))
    );
    assert_eq!(
        whole("anthropic", "claude-3-haiku-20240307"),
        price(usd(250_000), usd(1_250_000), Some(usd(30_000)), Some(usd(300_000)))
    );
    assert_eq!(whole("gemini", "gemini-1.5-flash"), price(usd(75_000), usd(300_000), None, None));
    assert_eq!(whole("openai", "text-embedding-3-small"), price(usd(20_000), 0, None, None));
    assert_eq!(whole("openai", "o1-pro"), price(usd(150_000_000), usd(600_000_000), None, None));
    // Seven digits after the point, kept.
    assert_eq!(whole("bigmodel", "glm-5.3-flash").and_then(|price| price.cached_input), Some(32_857_100));
}

#[test]
fn limits_and_capabilities_come_with_the_price() {
    let entry = Catalogue::embedded().lookup(None, "gpt-4o").unwrap().entry;
    assert_eq!((entry.context, entry.max_output), (Some(128_000), Some(16_384)));
    assert_eq!((entry.tools, entry.vision), (Some(true), Some(true)));
    assert!(entry.is_chat());
    let vectors = Catalogue::embedded().lookup(None, "text-embedding-3-small").unwrap().entry;
    assert_eq!((vectors.mode, vectors.max_output), (Mode::Embedding, None));
}

#[test]
fn each_price_has_its_own_date() {
    let catalogue = Catalogue::embedded();
    let retired = catalogue.lookup(Some("gemini"), "gemini-1.5-flash").unwrap().entry;
    let current = catalogue.lookup(Some("openai"), "gpt-4o-mini").unwrap().entry;
    assert!(retired.as_of < current.as_of, "{} is older than {}", retired.as_of, current.as_of);
    assert_eq!(current.as_of, catalogue.as_of());
}

#[test]
fn the_market_is_found_as_people_write_it() {
    assert_eq!(found(None, "gpt-4o-mini"), Some(("openai", "gpt-4o-mini", Match::Exact)));
    assert_eq!(found(None, "GPT-4o-Mini"), Some(("openai", "gpt-4o-mini", Match::Exact)));
    assert_eq!(found(Some("google"), "gemini-2.5-pro"), Some(("gemini", "gemini-2.5-pro", Match::Exact)));
    assert_eq!(found(None, "google/gemini-2.5-pro"), Some(("gemini", "gemini-2.5-pro", Match::Alias)));
    assert_eq!(found(Some("openai"), "openai/gpt-4o"), Some(("openai", "gpt-4o", Match::Alias)));
    assert_eq!(found(None, "azure/gpt-4o-mini"), Some(("azure", "gpt-4o-mini", Match::Alias)));
    assert_eq!(found(None, "gpt-4o-2031-01-31"), Some(("openai", "gpt-4o", Match::Undated)));
    assert_eq!(
        found(Some("anthropic"), "claude-sonnet-4-5@20310131"),
        Some(("anthropic", "claude-sonnet-4-5", Match::Undated))
    );
    assert_eq!(found(None, "text-embedding-3-small").map(|(provider, ..)| provider), Some("openai"));
}

#[test]
fn unknown_is_none_and_not_zero() {
    assert_eq!(found(None, "no-such-model"), None);
    assert_eq!(found(Some("openai"), ""), None);
    assert_eq!(found(None, "/"), None);
    // Listed by its source at 0 because the price was not said.
    let learnlm = Catalogue::embedded().lookup(Some("gemini"), "learnlm-1.5-pro-experimental").unwrap();
    assert_eq!(learnlm.entry.price, None);
    // Free in truth.
    assert_eq!(price_of(Some("ollama"), "llama3").map(|price| price.input), Some(0));
}

#[test]
fn a_provider_own_row_comes_first_then_the_maker() {
    assert_eq!(in_small(Some("bedrock"), "claude-9"), Some(("bedrock", usd(3_300_000), Match::Exact)));
    assert_eq!(in_small(None, "claude-9"), Some(("anthropic", usd(3_000_000), Match::Exact)));
    assert_eq!(in_small(Some("azure"), "claude-9"), Some(("anthropic", usd(3_000_000), Match::Alias)));
    assert_eq!(in_small(Some("a-proxy"), "x/claude-9"), Some(("anthropic", usd(3_000_000), Match::Alias)));
    assert_eq!(in_small(Some("AZURE"), "gpt-9"), Some(("azure", usd(5_000_000), Match::Exact)));
    assert_eq!(in_small(None, "proxy/azure/gpt-9"), Some(("azure", usd(5_000_000), Match::Alias)));
}

#[test]
fn open_weights_elsewhere_have_no_price() {
    assert_eq!(in_small(None, "deepseek-x"), Some(("deepseek", usd(280_000), Match::Exact)));
    assert_eq!(in_small(None, "deepseek-ai/deepseek-x"), Some(("deepseek", usd(280_000), Match::Alias)));
    assert_eq!(in_small(Some("ogre"), "deepseek-x"), Some(("ogre", 0, Match::Exact)));
    assert_eq!(in_small(Some("host-a"), "deepseek-x"), None);
    assert_eq!(in_small(None, "host-a/deepseek-x"), None);
    assert_eq!(in_small(None, "llama-9-8b"), Some(("host-a", usd(100_000), Match::Alias)));
    assert_eq!(in_small(None, "llama-9-9b"), None);
    assert_eq!(in_small(Some("azure"), "llama-9-8b"), None);
    assert_eq!(
        in_small(Some("openrouter"), "meta-llama/Llama-9-8b"),
        Some(("openrouter", usd(50_000), Match::Exact))
    );
}

#[test]
fn suffixes_go_only_where_the_price_stays() {
    let base = Some(("openai", usd(2_500_000), Match::Alias));
    for name in ["gpt-9:beta", "gpt-9:extended", "gpt-9:latest", "openai/gpt-9:thinking"] {
        assert_eq!(in_small(None, name), base, "{name}");
    }
    for name in ["gpt-9:nitro", "gpt-9:floor", "gpt-9:online", "deepseek-x:free", "gpt-9-0613"] {
        assert_eq!(in_small(None, name), None, "{name}");
    }
    assert_eq!(in_small(Some("openrouter"), "gpt-9:free"), Some(("openrouter", 0, Match::Exact)));
    assert_eq!(
        in_small(Some("openai"), "ft:gpt-9-mini:acme::a1b2"),
        Some(("openai", usd(300_000), Match::Alias))
    );
}

#[test]
fn a_date_is_dropped_last_and_never_added() {
    assert_eq!(in_small(None, "gpt-9-2030-01-01"), Some(("openai", usd(2_000_000), Match::Exact)));
    for name in ["gpt-9-2030-01-02", "gpt-9-20300102", "gpt-9-01-2030", "gpt-9@20300102", "gpt-9-latest"] {
        assert_eq!(in_small(None, name), Some(("openai", usd(2_500_000), Match::Undated)), "{name}");
    }
    assert_eq!(in_small(None, "gpt-9-mini"), None);
    assert_eq!(in_small(None, "openai/gpt-9-2030-01-02:beta").map(|found| found.2), Some(Match::Undated));
}

#[test]
fn every_row_parses_and_follows_the_rules_of_the_catalogue() {
    let catalogue = Catalogue::parse(include_str!("../../data/prices.tsv")).unwrap();
    assert!(catalogue.entries().len() > 5_000);
    for entry in catalogue.entries() {
        let name = format!("{}/{}", entry.provider, entry.model);
        assert_eq!(
            catalogue.lookup(Some(entry.provider), entry.model).map(|f| f.entry),
            Some(entry),
            "{name}"
        );
        if let Some(price) = entry.price {
            assert!(price.cached_input.is_none_or(|cached| cached <= price.input), "{name}");
            assert!(price.input.max(price.output) < usd(1_000_000_000), "{name} above 1000 USD");
            let free = entry.model.to_ascii_lowercase().ends_with("free")
                || ["ollama", "lemonade", "lmstudio"].contains(&entry.provider);
            assert!(!entry.is_chat() || (price.input > 0 && price.output > 0) || free, "{name} is not free");
        }
        // The script and the gateway read the same rules; a source may know better that something is not chat.
        let by_name = mode_of_name(entry.model);
        assert!(
            entry.mode == by_name || entry.mode == Mode::Other,
            "{name}: {:?}, not {by_name:?}",
            entry.mode
        );
    }
}

#[test]
fn bad_rows_are_named_by_line_and_column() {
    let read = |row: &'static str| Catalogue::parse(row).map(|catalogue| catalogue.entries().len());
    let row = |line, column| Err(CatalogueError::Row { line, column });
    assert_eq!(read("m\tp\t1\t2"), row(1, "cached_input"));
    assert_eq!(read("#x\nm\tp\t1.5e3\t2\t\t\t\t\t???\tc\tl"), row(2, "input"));
    assert_eq!(read("m\tp\t1\t\t\t\t\t\t???\tc\tl"), row(1, "source"));
    assert_eq!(read("#source\tl\ta 1\t2026-01-01\nm\tp\t1\t\t\t\t\t\t???\tc\tl"), row(2, "price"));
    assert_eq!(read("m\tp\t1\t2\t\t\t-4\t\t???\tc\tl"), row(1, "context"));
    assert_eq!(read("m\tp\t1\t2\t\t\t\t\t??\tc\tl"), row(1, "flags"));
    assert_eq!(read("m\tp\t1\t2\t\t\t\t\t???\tx\tl"), row(1, "mode"));
    assert_eq!(read("#as_of\t2026-01-01\n"), Ok(0));
    assert_eq!(read(""), Err(CatalogueError::NoDate));
    let twice = "#source\tl\ta 1\t2026-01-01\nm\tp\t1\t2\t\t\t\t\t???\tc\tl\nM\tp\t1\t2\t\t\t\t\t???\tc\tl";
    assert_eq!(read(twice), Err(CatalogueError::Order { line: 3 }));
}

#[test]
fn amounts_are_exact_or_refused() {
    assert_eq!(nano_per_million("2.50"), Ok(2_500_000_000));
    assert_eq!(nano_per_million("0.1"), Ok(100_000_000));
    assert_eq!(nano_per_million("0.000000001"), Ok(1));
    assert_eq!(nano_per_million("1.0000000000000"), Ok(1_000_000_000));
    assert_eq!(nano_per_million("007"), Ok(7_000_000_000));
    for bad in ["", ".5", "5.", "+1", "-1", "1e3", " 1", "1,5", "NaN", "0.0000000001", "99999999999", "1.2.3"]
    {
        let error = nano_per_million(bad).unwrap_err();
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

proptest! {
    #[test]
    fn any_amount_is_read_back_as_written(nano in 0_u64..18_000_000_000_000_000_000) {
        let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
        prop_assert_eq!(nano_per_million(&text), Ok(nano));
    }

    #[test]
    fn no_name_is_too_strange_to_look_up(provider in proptest::option::of("\\PC{0,12}"), model in "\\PC{0,40}") {
        Catalogue::embedded().lookup(provider.as_deref(), &model);
        family(&model);
        parameters_b(&model);
        mode_of_name(&model);
    }

    #[test]
    fn case_tells_no_names_apart(index in 0_usize..5_000) {
        let catalogue = Catalogue::embedded();
        let entry = &catalogue.entries()[index];
        let found = catalogue.lookup(Some(&entry.provider.to_uppercase()), &entry.model.to_uppercase());
        prop_assert_eq!(found.map(|found| (found.entry, found.matched)), Some((entry, Match::Exact)));
    }
}

#[test]
fn families_follow_the_first_word_that_tells_one() {
    for (name, expected) in [
        ("gpt-4o-mini", Some("gpt")),
        ("chatgpt-4o-latest", Some("gpt")),
        ("ft:gpt-4o-2024-08-06", Some("gpt")),
        ("openai/gpt-oss-120b", Some("gpt-oss")),
        ("o3-mini", Some("o-series")),
        ("openai/o1", Some("o-series")),
        ("marco-o1", None),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", Some("claude")),
        ("gemini-1.5-flash", Some("gemini")),
        ("google/gemma-3-27b-it", Some("gemma")),
        ("Meta-Llama-3.1-8B-Instruct", Some("llama")),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", Some("llama")),
        ("Mistral-Large-2", Some("mistral")),
        ("open-mixtral-8x7b", Some("mistral")),
        ("Qwen/Qwen2.5-72B-Instruct", Some("qwen")),
        ("deepseek-r1-distill-llama-70b", Some("deepseek")),
        ("deepseek-ai/DeepSeek-V3", Some("deepseek")),
        ("grok-4", Some("grok")),
        ("01-ai/Yi-34B-Chat", Some("yi")),
        ("yield-1", None),
        ("my-model", None),
        ("", None),
    ] {
        assert_eq!(family(name), expected, "{name}");
    }
}

#[test]
fn sizes_are_read_from_names() {
    for (name, expected) in [
        ("Meta-Llama-3.1-8B-Instruct", Some(8.0)),
        ("llama3.1:405b", Some(405.0)),
        ("mixtral-8x7b-instruct", Some(56.0)),
        ("open-mixtral-8x22B", Some(176.0)),
        ("qwen3-235b-a22b", Some(235.0)),
        ("Qwen2.5-0.5B", Some(0.5)),
        ("gemma-3n-e4b-it", Some(4.0)),
        ("gpt-4o", None),
        ("llama-4bit", None),
        ("model-b", None),
        ("model-0b", None),
        ("model-1.2.3b", None),
        ("moonshot-v1-128k", None),
    ] {
        assert_eq!(parameters_b(name), expected, "{name}");
    }
}

#[test]
fn names_that_answer_no_chat_are_told_apart() {
    for name in [
        "gpt-4o",
        "gpt-5-chat-latest",
        "openai/gpt-5-codex",
        "gemini-2.5-pro",
        "gemini-2.5-pro-preview-06-05",
        "claude-opus-4-1",
        "amazon.nova-2-lite-v1:0",
        "thinkingmachines/Inkling",
        "llama-3.2-11b-vision-instruct",
        "solar-pro",
        "anything-else",
    ] {
        assert!(is_chat_model_name(name), "{name}");
    }
    for (name, mode) in [
        ("text-embedding-3-large", Mode::Embedding),
        ("nomic-embed-text", Mode::Embedding),
        ("BAAI/bge-m3", Mode::Embedding),
        ("sentence-transformers/all-MiniLM-L6-v2", Mode::Embedding),
        ("BAAI/bge-reranker-v2-m3", Mode::Other),
        ("whisper-1", Mode::Other),
        ("tts-1-hd", Mode::Other),
        ("gpt-4o-mini-tts", Mode::Other),
        ("gpt-4o-transcribe", Mode::Other),
        ("gpt-4o-realtime-preview", Mode::Other),
        ("gpt-4o-audio-preview", Mode::Other),
        ("DALL-E-3", Mode::Other),
        ("gpt-image-1", Mode::Other),
        ("imagen-4.0-generate-001", Mode::Other),
        ("black-forest-labs/FLUX.1-schnell", Mode::Other),
        ("sora-2", Mode::Other),
        ("omni-moderation-latest", Mode::Other),
        ("meta-llama/Llama-Guard-4-12B", Mode::Other),
        ("davinci-002", Mode::Other),
        ("gpt-3.5-turbo-instruct", Mode::Other),
        ("gpt-5-codex", Mode::Other),
        ("gpt-5-pro-2025-10-06", Mode::Other),
        ("o3-deep-research", Mode::Other),
    ] {
        assert_eq!(mode_of_name(name), mode, "{name}");
    }
}

#[test]
fn the_configuration_comes_before_the_catalogue() {
    let price =
        |micro| Price { input: usd(micro), output: usd(micro), cached_input: None, cache_write: None };
    let stated = |provider: Option<&str>, model: &str, micro| PriceOverride {
        provider: provider.map(Into::into),
        model: model.into(),
        price: price(micro),
    };
    let prices = Catalogue::embedded().with_overrides(vec![
        stated(None, "gpt-4o", 1),
        stated(Some("azure"), "GPT-4o", 2),
        stated(None, "google/gemini-2.5-pro", 3),
        stated(None, "in-house", 4),
        stated(None, "in-house", 5),
    ]);
    let input = |provider, model| prices.lookup(provider, model).map(|answer| answer.price.input);
    assert_eq!(input(Some("openai"), "gpt-4o"), Some(usd(1)));
    assert_eq!(input(None, "gpt-4o"), Some(usd(1)));
    assert_eq!(input(Some("azure"), "gpt-4o"), Some(usd(2)));
    assert_eq!(input(None, "azure/gpt-4o"), Some(usd(2)));
    assert_eq!(input(Some("gemini"), "gemini-2.5-pro"), Some(usd(3)));
    assert_eq!(input(None, "google/gemini-2.5-pro"), Some(usd(3)));
    assert_eq!(input(Some("vertex_ai"), "in-house"), Some(usd(4)));
    assert_eq!(input(None, "gpt-4o-mini"), Some(usd(150_000)));
    assert_eq!(input(None, "no-such-model"), None);
    assert_eq!(prices.lookup(None, "gpt-4o").unwrap().origin.to_string(), "config");
    let from_catalogue = prices.lookup(None, "gpt-4o-mini").unwrap();
    assert_eq!(
        from_catalogue.origin.to_string(),
        format!("catalogue {}", Catalogue::embedded().as_of()),
        "{from_catalogue:?}"
    );
}

#[test]
fn the_script_makes_the_committed_catalogue() {
    let Some(folder) =
        std::env::var_os("POINTSMAN_DATA").map(|data| PathBuf::from(data).join("model_prices"))
    else {
        println!("skipped: POINTSMAN_DATA is not set");
        return;
    };
    if !folder.is_dir() {
        println!("skipped: POINTSMAN_DATA holds no model_prices");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = tempfile::NamedTempFile::new().unwrap();
    let script = root.join("../../tools/prices/build.py");
    let run = match Command::new("python3").arg(script).arg(folder).arg("--out").arg(made.path()).output() {
        Ok(run) => run,
        Err(error) => {
            println!("skipped: python3 does not start: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&run.stderr);
    if run.status.code() == Some(3) {
        println!("skipped: {said}");
        return;
    }
    assert!(run.status.success(), "{said}");
    let (made, committed) =
        (std::fs::read(made.path()).unwrap(), std::fs::read(root.join("data/prices.tsv")).unwrap());
    assert!(made == committed, "data/prices.tsv is not what tools/prices/build.py makes; run it again");
}

//! Providers by their usual names: where they are, what they speak, where their key is.
//!
//! The variables are those of the providers' own SDKs.

use super::file::Kind;

/// A provider many people use.
#[derive(Debug)]
pub(crate) struct WellKnown {
    /// Its name in a configuration.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) base_url: &'static str,
    /// Variables its key may be in; the first that is set counts. None where it takes no key.
    pub(crate) keys: &'static [&'static str],
    /// Variable that names another address.
    pub(crate) base: Option<&'static str>,
    /// The catalogue's name for it.
    pub(crate) catalogue: &'static str,
    /// An engine of one's own, on loopback.
    pub(crate) engine: bool,
}

const fn api(
    name: &'static str,
    base_url: &'static str,
    keys: &'static [&'static str],
    catalogue: &'static str,
) -> WellKnown {
    WellKnown { name, kind: Kind::Openai, base_url, keys, base: None, catalogue, engine: false }
}

const fn engine(name: &'static str, base_url: &'static str, catalogue: &'static str) -> WellKnown {
    WellKnown { name, kind: Kind::Openai, base_url, keys: &[], base: None, catalogue, engine: true }
}

/// In the order in which they are asked and listed.
pub(crate) const ALL: &[WellKnown] = &[
    WellKnown {
        base: Some("OPENAI_BASE_URL"),
        ..api("openai", "https://api.openai.com/v1", &["OPENAI_API_KEY"], "openai")
    },
    WellKnown {
        kind: Kind::Anthropic,
        base: Some("ANTHROPIC_BASE_URL"),
        ..api("anthropic", "https://api.anthropic.com", &["ANTHROPIC_API_KEY"], "anthropic")
    },
    api(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "gemini",
    ),
    api("mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"], "mistral"),
    api("deepseek", "https://api.deepseek.com/v1", &["DEEPSEEK_API_KEY"], "deepseek"),
    api("xai", "https://api.x.ai/v1", &["XAI_API_KEY"], "xai"),
    api("groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], "groq"),
    api("cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"], "cerebras"),
    api(
        "together",
        "https://api.together.xyz/v1",
        &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY"],
        "together_ai",
    ),
    api("fireworks", "https://api.fireworks.ai/inference/v1", &["FIREWORKS_API_KEY"], "fireworks_ai"),
    api("openrouter", "https://openrouter.ai/api/v1", &["OPENROUTER_API_KEY"], "openrouter"),
    engine("ollama", "http://127.0.0.1:11434/v1", "ollama"),
    engine("vllm", "http://127.0.0.1:8000/v1", "vllm"),
    engine("lmstudio", "http://127.0.0.1:1234/v1", "lmstudio"),
    engine("llamacpp", "http://127.0.0.1:8080/v1", "llamacpp"),
];

/// The provider of this name.
pub(crate) fn named(name: &str) -> Option<&'static WellKnown> {
    ALL.iter().find(|known| known.name == name)
}

/// The provider whose API is at this host, engines apart.
pub(crate) fn at_host(host: &str) -> Option<&'static WellKnown> {
    ALL.iter().filter(|known| !known.engine).find(|known| {
        known.base_url.strip_prefix("https://").and_then(|rest| rest.split('/').next()) == Some(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_hosts_found() {
        for (i, known) in ALL.iter().enumerate() {
            assert!(ALL.iter().skip(i + 1).all(|other| other.name != known.name), "{}", known.name);
            assert!(known.engine || !known.keys.is_empty(), "{}", known.name);
        }
        assert_eq!(at_host("api.groq.com").map(|known| known.name), Some("groq"));
        assert!(at_host("127.0.0.1:8000").is_none());
    }
}

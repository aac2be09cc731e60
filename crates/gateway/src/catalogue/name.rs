//! What names tell: the provider meant, the maker, the family, the size, the mode; and the rewritings of a name that
//! leave its price true. Rules only, no guesses: a name that follows none of them tells nothing.

use super::Mode;
use std::sync::LazyLock;

/// Other usual names of providers, and of makers in `maker/model`. The right side is the catalogue's.
const PROVIDERS: &[(&str, &str)] = &[
    ("alibaba", "dashscope"),
    ("amazon-bedrock", "bedrock"),
    ("amazon-nova", "amazon_nova"),
    ("aws", "bedrock"),
    ("azure-openai", "azure"),
    ("azure_openai", "azure"),
    ("bedrock_converse", "bedrock"),
    ("cloudflare-workers-ai", "cloudflare"),
    ("cohere_chat", "cohere"),
    ("deepseek-ai", "deepseek"),
    ("fireworks", "fireworks_ai"),
    ("fireworks-ai", "fireworks_ai"),
    ("friendli", "friendliai"),
    ("github-copilot", "github_copilot"),
    ("gmicloud", "gmi"),
    ("google", "gemini"),
    ("google-ai-studio", "gemini"),
    ("google-vertex", "vertex_ai"),
    ("grok", "xai"),
    ("minimaxai", "minimax"),
    ("mistralai", "mistral"),
    ("moonshotai", "moonshot"),
    ("novita-ai", "novita"),
    ("nova", "amazon_nova"),
    ("opencode-go", "opencode_go"),
    ("qwen", "dashscope"),
    ("together", "together_ai"),
    ("together-ai", "together_ai"),
    ("togetherai", "together_ai"),
    ("vercel", "vercel_ai_gateway"),
    ("vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("x-ai", "xai"),
    ("xiaomi", "xiaomi_mimo"),
    ("z-ai", "zai"),
    ("z.ai", "zai"),
    ("zai-org", "zai"),
];

/// Whose families to ask for: all, or those whose weights are not given away, so that a reseller's price follows the maker's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    Any,
    Closed,
}

/// A family of models.
struct Family {
    name: &'static str,
    /// How its models' names begin a word: alone or before a digit.
    words: &'static [&'static str],
    /// Who sells them first-hand; none where the maker sells nothing under these names.
    maker: &'static [&'static str],
    weights: Weights,
}

const fn closed(
    name: &'static str,
    words: &'static [&'static str],
    maker: &'static [&'static str],
) -> Family {
    Family { name, words, maker, weights: Weights::Closed }
}

const fn open(name: &'static str, words: &'static [&'static str], maker: &'static [&'static str]) -> Family {
    Family { name, words, maker, weights: Weights::Any }
}

/// In no order: the word that comes first in a name decides.
const FAMILIES: &[Family] = &[
    closed("claude", &["claude"], &["anthropic"]),
    open("command", &["command", "c4ai"], &["cohere"]),
    open("dbrx", &["dbrx"], &[]),
    open("deepseek", &["deepseek"], &["deepseek"]),
    open("falcon", &["falcon"], &[]),
    closed("gemini", &["gemini"], &["gemini"]),
    open("gemma", &["gemma", "codegemma"], &[]),
    open("glm", &["glm", "chatglm"], &["zai"]),
    closed("gpt", &["gpt", "chatgpt"], &["openai"]),
    open("granite", &["granite"], &[]),
    closed("grok", &["grok"], &["xai"]),
    open("hermes", &["hermes"], &[]),
    open("jamba", &["jamba"], &["ai21"]),
    open("kimi", &["kimi", "moonshot"], &["moonshot"]),
    open("llama", &["llama", "codellama", "tinyllama"], &[]),
    open("minimax", &["minimax", "abab"], &["minimax"]),
    open(
        "mistral",
        &[
            "mistral",
            "mixtral",
            "ministral",
            "codestral",
            "devstral",
            "magistral",
            "mathstral",
            "pixtral",
            "voxtral",
        ],
        &["mistral"],
    ),
    open("mpt", &["mpt"], &[]),
    open("nemotron", &["nemotron"], &[]),
    closed("nova", &["nova"], &["amazon_nova"]),
    open("olmo", &["olmo"], &[]),
    open("phi", &["phi"], &[]),
    open("qwen", &["qwen", "qwq", "qvq", "codeqwen"], &["dashscope"]),
    open("solar", &["solar"], &["upstage"]),
    closed("sonar", &["sonar"], &["perplexity"]),
    open("vicuna", &["vicuna"], &[]),
    open("wizardlm", &["wizardlm"], &[]),
    open("yi", &["yi"], &[]),
];

/// OpenAI's reasoning models: `o` and a digit begin the name.
const O_SERIES: Family = closed("o-series", &[], &["openai"]);

/// OpenAI's open weights, which it does not serve itself.
const GPT_OSS: Family = open("gpt-oss", &[], &[]);

/// Makers who sell only what they made, in the order asked where a name tells no family (`text-embedding-3-small`).
const MAKERS: &[&str] = &["openai", "anthropic", "gemini", "mistral", "cohere", "xai", "ai21"];

/// Suffixes behind which an aggregator or runtime serves the same model at the same price per token.
const SAME_PRICE: &[&str] = &[":beta", ":extended", ":latest", ":thinking"];

/// The catalogue's name of a provider; a name it does not know stays.
pub(super) fn canonical_provider(provider: &str) -> &str {
    PROVIDERS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(provider))
        .map_or(provider, |(_, name)| name)
}

/// Whether both are names of one provider.
pub(super) fn same_provider(a: &str, b: &str) -> bool {
    canonical_provider(a).eq_ignore_ascii_case(canonical_provider(b))
}

/// The family a model's name tells, as `gpt`, `gpt-oss`, `o-series`, `claude`, `llama`: the first word after the last slash that is a
/// family's word, alone or followed by a digit (`qwen2.5`). A distillate is of the family named first.
pub fn family(model: &str) -> Option<&'static str> {
    family_of(model).map(|family| family.name)
}

/// Who sells the model first-hand, most likely first; empty where nobody's price is the maker's.
pub(super) fn makers(model: &str, weights: Weights) -> &'static [&'static str] {
    match family_of(model) {
        Some(family) if weights == Weights::Any || weights == family.weights => family.maker,
        Some(_) => &[],
        None => MAKERS,
    }
}

/// Billions of parameters a model's name tells: a word of digits and `b` (`8b`, `0.5B`, `e4b`), where experts multiply
/// (`8x7b` is 56, nominally: shared layers count once in truth). The first such word counts, so that `235b-a22b` is 235.
pub fn parameters_b(model: &str) -> Option<f64> {
    // A point belongs to the number, unlike between words of a family's name.
    let words = last_segment(model).split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    words.into_iter().find_map(|word| {
        let number = word.strip_suffix(['b', 'B'])?;
        let number = number.strip_prefix(['e', 'E']).unwrap_or(number);
        let billions = match number.split_once(['x', 'X']) {
            Some((experts, each)) => decimal(experts)? * decimal(each)?,
            None => decimal(number)?,
        };
        (billions > 0.0).then_some(billions)
    })
}

/// What a model answers with, by its name alone (`data/modes.txt`); for models found at a provider that the catalogue does
/// not list. A name no rule speaks of is a chat model's.
pub fn mode_of_name(model: &str) -> Mode {
    static RULES: LazyLock<Vec<(Mode, &'static str)>> = LazyLock::new(|| {
        let lines = include_str!("../../data/modes.txt").lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| {
                let (mode, glob) = line.split_once(' ')?;
                Some((if mode == "embedding" { Mode::Embedding } else { Mode::Other }, glob))
            })
            .collect()
    });
    RULES
        .iter()
        .find(|(_, glob)| fits(glob.as_bytes(), model.as_bytes()))
        .map_or(Mode::Chat, |(mode, _)| *mode)
}

/// Whether a name is a chat model's: no embeddings, speech, images, moderation, reranking or realtime sessions.
pub fn is_chat_model_name(model: &str) -> bool {
    mode_of_name(model) == Mode::Chat
}

/// The name without a suffix that leaves the price alone, if it has one.
pub(super) fn without_suffix(model: &str) -> Option<&str> {
    if model.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ft:")) {
        // `ft:base:organisation:name:id`, priced by its base.
        let end = model.match_indices(':').nth(1)?.0;
        return model.get(..end);
    }
    SAME_PRICE.iter().find_map(|suffix| {
        let (name, end) = model.split_at_checked(model.len().checked_sub(suffix.len())?)?;
        (!name.is_empty() && end.eq_ignore_ascii_case(suffix)).then_some(name)
    })
}

/// The name without the date or `latest` at its end, if it has one. Four digits alone are no date: `gpt-4-0613` is a
/// version of its own.
pub(super) fn undated(model: &str) -> Option<&str> {
    // A nine stands for any digit.
    const ENDINGS: &[&str] =
        &["-9999-99-99", "-99999999", "-99-9999", "@99999999", "-latest", "@latest", "@default"];
    ENDINGS.iter().find_map(|ending| {
        let (name, end) = model.split_at_checked(model.len().checked_sub(ending.len())?)?;
        let fits = |(byte, pattern): (u8, u8)| match pattern {
            b'9' => byte.is_ascii_digit(),
            _ => byte.eq_ignore_ascii_case(&pattern),
        };
        (!name.is_empty() && end.bytes().zip(ending.bytes()).all(fits)).then_some(name)
    })
}

fn family_of(model: &str) -> Option<&'static Family> {
    let words = last_segment(model).split(|c: char| !c.is_ascii_alphanumeric());
    let mut words = words.skip_while(|word| word.eq_ignore_ascii_case("ft")).peekable();
    let o_series = |word: &&str| matches!(word.as_bytes(), [b'o' | b'O', digit] if digit.is_ascii_digit());
    if words.peek().is_some_and(o_series) {
        return Some(&O_SERIES);
    }
    let family = words.find_map(|word| {
        FAMILIES.iter().find(|family| family.words.iter().any(|start| begins(word, start)))
    })?;
    let oss = family.name == "gpt" && words.peek().is_some_and(|word| word.eq_ignore_ascii_case("oss"));
    Some(if oss { &GPT_OSS } else { family })
}

fn begins(word: &str, start: &str) -> bool {
    let Some((head, rest)) = word.split_at_checked(start.len()) else { return false };
    head.eq_ignore_ascii_case(start) && rest.bytes().next().is_none_or(|byte| byte.is_ascii_digit())
}

fn last_segment(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// `f64::from_str` would take signs, exponents and `inf`.
fn decimal(text: &str) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit())
        || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return None;
    }
    text.parse().ok()
}

/// Whether the glob (lower case; `*` any bytes, `?` one) fits the whole name, case apart. Goes back to the last star only,
/// so it takes no more than the product of both lengths.
fn fits(mut glob: &[u8], mut name: &[u8]) -> bool {
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (glob.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, name));
                glob = rest;
            }
            (Some((want, rest)), Some((byte, tail)))
                if *want == b'?' || *want == byte.to_ascii_lowercase() =>
            {
                glob = rest;
                name = tail;
            }
            (None, None) => return true,
            _ => {
                let Some((after, from)) = star else { return false };
                let Some((_, from)) = from.split_first() else { return false };
                star = Some((after, from));
                glob = after;
                name = from;
            }
        }
    }
}

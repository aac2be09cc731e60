//! Which cues a word gives. Words are compared in lower case, as a whole; one word may give several cues.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A set of cues, one bit each.
pub(super) type Tags = u32;

pub(super) const WH: Tags = 1;
pub(super) const IMPERATIVE: Tags = 1 << 1;
pub(super) const CODE: Tags = 1 << 2;
pub(super) const AGENTIC: Tags = 1 << 3;
pub(super) const MATHS: Tags = 1 << 4;
pub(super) const PROOF: Tags = 1 << 5;
pub(super) const EXPLAIN: Tags = 1 << 6;
pub(super) const TRANSLATE: Tags = 1 << 7;
pub(super) const SUMMARY: Tags = 1 << 8;
pub(super) const CREATIVE: Tags = 1 << 9;
pub(super) const ROLE: Tags = 1 << 10;
pub(super) const GREETING: Tags = 1 << 11;
pub(super) const POLITE: Tags = 1 << 12;
pub(super) const DATA: Tags = 1 << 13;
pub(super) const TABLE: Tags = 1 << 14;
pub(super) const LISTING: Tags = 1 << 15;
pub(super) const NEGATION: Tags = 1 << 16;
pub(super) const CONDITION: Tags = 1 << 17;
pub(super) const LOGIC: Tags = 1 << 18;
pub(super) const COMPARE: Tags = 1 << 19;
pub(super) const QUANTITY: Tags = 1 << 20;
pub(super) const TIME: Tags = 1 << 21;
pub(super) const ENGLISH: Tags = 1 << 22;
/// Counted as cues of their own only in combination: "in 100 words", "Question:", "Passage:", "step by step".
pub(super) const LIMIT: Tags = 1 << 23;
pub(super) const SHOT: Tags = 1 << 24;
pub(super) const CONTEXT: Tags = 1 << 25;
pub(super) const STEP: Tags = 1 << 26;

/// How many cues there are.
pub(super) const TAGS: usize = 27;

/// Longer words give no cue.
pub(super) const MAX_BYTES: usize = 16;

const GROUPS: [(Tags, &str); 27] = [
    (WH, "what who whom whose which when where why how"),
    (
        IMPERATIVE,
        "write explain describe list give find solve calculate compute prove show translate summarize summarise create make \
         generate implement fix debug refactor complete answer determine evaluate compare classify extract identify \
         rewrite rephrase paraphrase convert provide suggest tell define discuss analyze analyse design draft edit \
         choose select name state simplify factor derive estimate outline plan review check correct continue imagine \
         act pretend add remove update read run build order rank sort count help let consider given suppose",
    ),
    (
        CODE,
        "code function program programming implement script class method algorithm python rust javascript typescript java \
         golang sql html css bash shell regex api debug bug compile compiler refactor variable array string loop \
         recursion pointer struct import return def const async null boolean query database endpoint exception stack \
         runtime library framework react django linux git docker kubernetes assert print snippet",
    ),
    (
        AGENTIC,
        "file files repo repository commit branch directory folder tool tools test tests error errors log logs command \
         terminal search browse download install deploy run execute edit patch traceback failing path config",
    ),
    (
        MATHS,
        "calculate compute solve equation equations integral derivative sum product probability triangle circle polynomial \
         integer integers prime divisor divisible remainder modulo fraction ratio percent area volume perimeter radius \
         angle angles degrees square root roots cube logarithm log sin cos tan matrix vector determinant sequence \
         series geometric arithmetic expression simplify evaluate maximum minimum function graph parabola factor real \
         complex digits digit multiple coefficient formula frac sqrt theta average median",
    ),
    (
        PROOF,
        "prove proof theorem lemma corollary derive derivation contradiction induction axiom qed rigorous rigorously",
    ),
    (
        EXPLAIN,
        "explain describe why discuss clarify elaborate reason reasons because meaning definition define difference understand",
    ),
    (
        TRANSLATE,
        "translate translation translated english french spanish german italian portuguese chinese japanese korean russian \
         arabic hindi latin",
    ),
    (
        SUMMARY,
        "summarize summarise summary summaries tldr shorten condense paraphrase rephrase rewrite key takeaways abstract",
    ),
    (
        CREATIVE,
        "poem poems story stories song lyrics essay haiku sonnet novel fiction character dialogue imagine creative joke slogan \
         blog letter speech script tale tagline limerick",
    ),
    (ROLE, "act pretend roleplay persona you're imagine assistant expert"),
    (GREETING, "hi hello hey thanks thank morning bye goodbye welcome"),
    (POLITE, "please kindly could would thanks thank"),
    (DATA, "json yaml xml schema csv toml key keys field fields format formatted parse"),
    (TABLE, "table tables column columns row rows markdown csv spreadsheet"),
    (LISTING, "list lists bullet bullets enumerate top examples ideas steps outline"),
    (
        NEGATION,
        "not no never none neither nor cannot can't don't doesn't didn't isn't aren't wasn't won't without nothing except \
         incorrect false",
    ),
    (
        CONDITION,
        "if unless otherwise when whenever suppose assume assuming given provided then else whether until",
    ),
    (
        LOGIC,
        "therefore thus hence implies imply and or because since so true false all some every any only necessarily must \
         conclude follows either both iff",
    ),
    (
        COMPARE,
        "more less than most least greater fewer larger smaller bigger higher lower better worse best worst older younger \
         longer shorter compare versus vs same different difference equal",
    ),
    (
        QUANTITY,
        "many much total each every per times twice half double triple quarter third dozen left altogether remaining cost \
         costs price sells sold buys bought pays paid earns spends spent dollars cents gives eats number amount how",
    ),
    (
        TIME,
        "second seconds minute minutes hour hours day days week weeks month months year years today tomorrow yesterday daily \
         weekly monthly ago later before after monday tuesday wednesday thursday friday saturday sunday",
    ),
    (
        ENGLISH,
        "the of and to in is a that it for on with as was be at by this from or an are but have has had not which their its \
         they i you he she we my your his her our will would can do does did been were there if what how",
    ),
    (
        LIMIT,
        "word words sentence sentences paragraph paragraphs characters lines line bullet bullets page pages",
    ),
    (SHOT, "q a question answer input output example user assistant human response label"),
    (CONTEXT, "context passage document article text background paragraph source transcript email data"),
    (STEP, "step steps"),
];

/// The words with their cues, sorted by [`key`].
pub(super) struct Lexicon(Vec<(u128, Tags)>);

/// A word's lower-case bytes as one number: comparing it costs one instruction or two.
pub(super) fn key(lower: impl Iterator<Item = u8>) -> u128 {
    lower.fold(0, |key, byte| (key << 8) | u128::from(byte))
}

impl Lexicon {
    pub(super) fn get() -> &'static Self {
        static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
            let mut words = BTreeMap::new();
            for (tag, group) in GROUPS {
                for word in group.split_whitespace() {
                    *words.entry(key(word.bytes())).or_insert(0) |= tag;
                }
            }
            Lexicon(words.into_iter().collect())
        });
        &LEXICON
    }

    pub(super) fn tags(&self, key: u128) -> Tags {
        let found = self.0.binary_search_by_key(&key, |entry| entry.0);
        found.ok().and_then(|at| self.0.get(at)).map_or(0, |entry| entry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_plain_and_short_enough_to_be_met() {
        for (_, group) in GROUPS {
            for word in group.split_whitespace() {
                assert!(word.len() <= MAX_BYTES, "{word}");
                assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\''), "{word}");
            }
        }
    }

    #[test]
    fn every_cue_has_a_group_and_a_bit() {
        let all = GROUPS.iter().fold(0, |tags, (tag, _)| tags | tag);
        assert_eq!(all, (1 << TAGS) - 1);
    }

    #[test]
    fn a_word_gives_all_its_cues() {
        let tags = Lexicon::get().tags(key("translate".bytes()));
        assert_eq!(tags, TRANSLATE | IMPERATIVE);
        assert_eq!(Lexicon::get().tags(key("pointsman".bytes())), 0);
    }
}

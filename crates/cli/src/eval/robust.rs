//! What `eval` asks about steadiness.

use pointsman_learn::evaluate::{AttackOptions, RobustOptions, STRIP_WORDS};

/// Stability and attack.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Report how often the default router's choice stays under harmless edits: case, white space, contractions,
    /// synonyms, a polite opening, a word at the end
    #[arg(long)]
    stability: bool,
    /// Report how often a search for appended tokens, with the artifact at hand, moves a prompt to a dearer model, before
    /// and after the defence (`robust` of a route)
    #[arg(long)]
    attack: bool,
    /// Attack towards this model of the pool, which the defence guards, instead of towards any dearer one
    #[arg(long, value_name = "MODEL", requires = "attack")]
    attack_target: Option<String>,
    /// Tokens that the attack appends at most
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    attack_tokens: u32,
    /// Texts that the attack tries for each prompt at most
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    attack_tries: u32,
    /// Prompts that are attacked at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    attack_prompts: u32,
    /// Words that the defence leaves out
    #[arg(long, value_name = "N", default_value_t = STRIP_WORDS as u32, value_parser = clap::value_parser!(u32).range(1..=256))]
    strip_words: u32,
}

impl Args {
    pub(super) fn options(&self) -> Option<RobustOptions> {
        let attack = self.attack.then(|| AttackOptions {
            target: self.attack_target.clone(),
            tokens: self.attack_tokens as usize,
            tries: self.attack_tries as usize,
            prompts: self.attack_prompts as usize,
        });
        let asked = self.stability || self.attack;
        let strip_words = self.strip_words as usize;
        asked.then_some(RobustOptions { stability: self.stability, attack, strip_words })
    }
}

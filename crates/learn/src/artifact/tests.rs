use std::collections::BTreeSet;
use std::sync::Arc;

use pointsman_encode::{Encoder, Features, StaticTable, Text, Words, estimate_tokens};
use pointsman_kernel::decide::{Route, decide};
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::plan::{InOrder, Patience};
use pointsman_kernel::select::topsis::Topsis;
use pointsman_kernel::session::Switching;
use pointsman_kernel::{Candidates, Estimates, Facts, Goal, Scope, Signals, Target, Versions};

use super::{Artifact, ArtifactError, DEFAULT};

const EASY: [&str; 3] =
    ["Hello, how are you?", "What is the capital of France?", "Translate 'good morning' into Spanish."];
const TRIVIAL: [&str; 9] = [
    "hi",
    "thanks!",
    "Good morning, how are you?",
    "Write a haiku about autumn.",
    "What is the capital of France?",
    "Translate 'good night' to Spanish.",
    "Fix the typo: teh cat",
    "Tell me a joke",
    "What is 2+2?",
];
const PUZZLES: [&str; 4] = [
    "Five houses stand in a row, each of a different colour. The Norwegian lives in the first house. The Englishman lives in the \
     red house. The Spaniard owns the dog. Coffee is drunk in the green house. The Ukrainian drinks tea. The green house is \
     immediately to the right of the ivory house. If each of them owns another animal, who owns the zebra?",
    "Implement a lock-free multi-producer queue in Rust and argue why each of its memory orderings is needed.",
    "Find all integer solutions of x^3 + y^3 = 1729 and prove there are no others.",
    "Design a distributed rate limiter that survives network partitions, compare three approaches and prove that none of them \
     admits more than twice the limit.",
];
const HARD: [&str; 3] = [
    "Find the number of ordered triples $(a,b,c)$ of positive integers with $a+b+c=2024$ and $\\gcd(a,b,c)=1$.",
    "Let $f(x)$ be a polynomial with integer coefficients such that $f(1)=2$; find all values of $f(7) \\bmod 6$.",
    "Let ABC be a triangle with circumcenter O and incenter I. Prove that $OI^2 = R(R-2r)$.",
];

fn signals(prompt: &str) -> Signals {
    let text = Text::new(prompt, None);
    Signals {
        input_tokens: estimate_tokens(prompt),
        turns: 1,
        vector: StaticTable::embedded().encode(&text).unwrap().to_vec(),
        features: Features::of(&text).as_slice().to_vec(),
        words: Words::of(&text).into_inner(),
        ..Signals::default()
    }
}

fn facts() -> Facts {
    Facts {
        decision: "test".into(),
        now: Timestamp(0),
        seed: 0,
        tenant: "test".into(),
        scope: Scope::default(),
        session: None,
        targets: Vec::new(),
        versions: Versions::default(),
    }
}

fn estimates(
    artifact: &Artifact,
    name: Option<&str>,
    signals: &Signals,
    targets: &[Arc<Target>],
) -> Estimates {
    let candidates = Candidates::of(targets, signals, &facts());
    let mut out = Estimates::default();
    artifact.estimator(name).unwrap().estimate(signals, &facts(), &candidates, &mut out);
    out
}

/// The target that `balanced` chooses.
fn balanced(artifact: &Artifact, prompt: &str, targets: &[Arc<Target>]) -> String {
    let goal = Goal::balanced(artifact.cost_scale(targets));
    let route = Route {
        id: "auto".into(),
        targets: targets.to_vec(),
        goal: goal.clone(),
        selector: Arc::new(Topsis),
        planner: Arc::new(InOrder),
        patience: Patience::default(),
        switching: Switching::default(),
    };
    let estimator = artifact.estimator(None).unwrap();
    decide(&route, goal, signals(prompt), facts(), &*estimator).chosen().unwrap().to_string()
}

#[test]
fn the_default_artifact_belongs_to_the_encoder_in_the_binary_and_is_small() {
    let artifact = Artifact::embedded();
    artifact.check_encoder(StaticTable::embedded().fingerprint()).unwrap();
    assert!(DEFAULT.len() < 2_000_000, "{}", DEFAULT.len());
    assert!(artifact.names().contains(&artifact.default_name()));
    assert_eq!(artifact.notes().licences.len(), 2);
    assert!(artifact.model("openai/GPT-4o-2024-08-06").is_some());
    assert_eq!(artifact.model("gpt-4o").unwrap().name, "gpt-4o-2024-08-06", "the newest of that name");
    assert!(artifact.model("gpt-4o-2031-01-01").is_none(), "another date is another model");
}

#[test]
fn another_encoder_is_refused_by_name() {
    let error = Artifact::embedded().check_encoder("minilm-int8:00000000").unwrap_err();
    assert!(
        error.to_string().contains("needs encoder static-1:")
            && error.to_string().contains("minilm-int8:00000000")
    );
}

#[test]
fn bytes_that_were_loaded_are_written_again_and_say_the_same() {
    let artifact = Artifact::embedded();
    let again = Artifact::load(&artifact.to_bytes()).unwrap();
    assert_eq!(again.hash(), artifact.hash());
    let targets = [Arc::new(Target::named("gpt-4o-2024-08-06").priced(2.5, 10.0))];
    for name in artifact.names() {
        let ask = |artifact| estimates(artifact, Some(name), &signals(EASY[0]), &targets);
        assert_eq!(ask(artifact), ask(&again));
    }
}

#[test]
fn damaged_files_are_refused_and_say_why() {
    assert_eq!(Artifact::load(b"").unwrap_err(), ArtifactError::Kind);
    assert_eq!(Artifact::load(b"{\"model\": 1}").unwrap_err(), ArtifactError::Kind);
    let whole = Artifact::embedded().to_bytes();
    let mut other = whole.clone();
    other[8] = 99;
    assert_eq!(Artifact::load(&other).unwrap_err(), ArtifactError::Version { found: 99, expected: 4 });
    for length in [9, 20, 50, whole.len() / 2, whole.len() - 1] {
        assert_eq!(Artifact::load(&whole[..length]).unwrap_err(), ArtifactError::Checksum, "{length}");
    }
    for at in [12, 44, 45, 1000, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert_eq!(Artifact::load(&damaged).unwrap_err(), ArtifactError::Checksum, "{at}");
    }
}

#[test]
fn a_content_whose_sizes_disagree_is_refused_even_with_a_right_checksum() {
    let whole = &Artifact::embedded().body;
    let mut body = (**whole).clone();
    body.models.pop();
    assert!(matches!(Artifact::new(body), Err(ArtifactError::Content { .. })));
    let mut body = (**whole).clone();
    body.default = "nobody".to_owned();
    assert_eq!(Artifact::new(body).unwrap_err(), ArtifactError::Content { part: "default estimator" });
    let mut body = (**whole).clone();
    body.input.feature_mean.pop();
    assert!(matches!(Artifact::new(body), Err(ArtifactError::Content { .. })));
}

#[test]
fn an_unknown_estimator_is_told_with_those_there_are() {
    let Err(error) = Artifact::embedded().estimator(Some("oracle")) else { panic!("there is no oracle") };
    assert!(
        error.to_string().starts_with("the artifact has no estimator `oracle`; it has constant, ridge"),
        "{error}"
    );
}

#[test]
fn every_candidate_gets_one_sane_estimate_whatever_the_signals_hold() {
    let artifact = Artifact::embedded();
    let mut stranger = Target::named("stranger");
    stranger.lineage.parameters_b = Some(70.0);
    let known = Target::named("gpt-4o-mini-2024-07-18").priced(0.15, 0.6);
    let targets = [Arc::new(known), Arc::new(stranger), Arc::new(Target::named("nameless"))];
    let whole = signals(HARD[0]);
    let cases = [
        Signals::default(),
        Signals { vector: Vec::new(), ..whole.clone() },
        Signals { features: vec![1.0; 3], ..whole.clone() },
        Signals {
            vector: vec![0.0; whole.vector.len()],
            features: vec![f32::NAN; whole.features.len()],
            ..whole.clone()
        },
        Signals { vector: vec![f32::INFINITY; whole.vector.len()], ..whole.clone() },
        whole,
    ];
    for name in artifact.names() {
        for signals in &cases {
            let out = estimates(artifact, Some(name), signals, &targets);
            let named: Vec<&str> = out.list.iter().map(|estimate| estimate.target.as_str()).collect();
            assert_eq!(named, ["gpt-4o-mini-2024-07-18", "stranger", "nameless"]);
            for estimate in &out.list {
                let cost = estimate.cost.unwrap();
                assert!((0.0..=1.0).contains(&estimate.quality.mean) && estimate.quality.sd > 0.0);
                assert!(cost.mean.is_finite() && cost.mean >= 0.0 && cost.sd.is_finite());
                assert!(estimate.output_tokens.mean >= 1.0 && estimate.output_tokens.sd > 0.0);
            }
            assert!((0.0..=1.0).contains(&out.difficulty.unwrap()));
        }
    }
}

#[test]
fn strangers_are_provisional_and_less_sure_and_a_missing_price_is_not_free() {
    let targets =
        [Arc::new(Target::named("gpt-4o-2024-08-06").priced(2.5, 10.0)), Arc::new(Target::named("stranger"))];
    let out = estimates(Artifact::embedded(), None, &signals(EASY[1]), &targets);
    let (known, stranger) = (&out.list[0], &out.list[1]);
    assert!(!known.source.provisional && known.source.estimator == Artifact::embedded().default_name());
    assert!(stranger.source.provisional && stranger.source.estimator == "prior");
    assert!(stranger.quality.sd > known.quality.sd);
    let cost = stranger.cost.unwrap();
    assert!(cost.mean > 0.0 && cost.sd > cost.mean, "an assumed price is a wide guess");
}

#[test]
fn a_limit_on_tokens_bounds_length_and_cost() {
    let targets = [Arc::new(Target::named("gpt-4o-2024-08-06").priced(0.0, 10.0))];
    let free = signals(HARD[0]);
    let bound = Signals { max_output_tokens: Some(10), ..free.clone() };
    let (free, bound) = (
        estimates(Artifact::embedded(), None, &free, &targets),
        estimates(Artifact::embedded(), None, &bound, &targets),
    );
    assert!(free.list[0].output_tokens.mean > 10.0 && bound.list[0].output_tokens.mean <= 10.0);
    assert!((bound.list[0].cost.unwrap().mean - 10.0 * 10_000.0).abs() < 1.0);
}

#[test]
fn strangers_alone_are_routed_by_difficulty() {
    let artifact = Artifact::embedded();
    let targets = [("weak", 0.1, 0.4), ("strong", 3.0, 15.0)]
        .map(|(name, input, output)| Arc::new(Target::named(name).priced(input, output)));
    let of = |prompts: &[&str]| -> Vec<String> {
        prompts.iter().map(|p| balanced(artifact, p, &targets)).collect()
    };
    assert_eq!(of(&HARD), ["strong"; 3]);
    assert!(of(&EASY).iter().filter(|chosen| *chosen == "weak").count() >= 2, "{:?}", of(&EASY));
}

#[test]
fn among_strangers_trivial_prompts_go_to_the_cheap_and_puzzles_do_not() {
    let artifact = Artifact::embedded();
    let targets = [("nano", 0.05, 0.4), ("mini", 0.25, 2.0), ("large", 1.25, 10.0), ("larger", 2.5, 10.0)]
        .map(|(name, input, output)| Arc::new(Target::named(name).priced(input, output)));
    for prompt in TRIVIAL {
        assert_eq!(balanced(artifact, prompt, &targets), "nano", "{prompt}");
    }
    for prompt in PUZZLES.iter().chain(&HARD) {
        let chosen = balanced(artifact, prompt, &targets);
        assert!(chosen != "nano" && chosen != "mini", "{chosen}: {prompt}");
    }
}

#[test]
fn the_newest_dated_model_stands_in_for_an_undated_name_and_says_so() {
    let artifact = Artifact::embedded();
    let targets = ["gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o-mini", "gpt-4o-2031-01-01"]
        .map(|name| Arc::new(Target::named(name).priced(2.5, 10.0)));
    let out = estimates(artifact, None, &signals(EASY[1]), &targets);
    let [undated, dated, mini, future] = &out.list[..] else { panic!("four estimates") };
    assert_eq!(undated.source.stands_in.as_deref(), Some("gpt-4o-2024-08-06"));
    assert!(!undated.source.provisional && undated.quality.mean == dated.quality.mean);
    assert!(undated.quality.sd > dated.quality.sd && dated.source.stands_in.is_none());
    assert_eq!(mini.source.stands_in.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    assert!(future.source.provisional, "another date is another model");
}

#[test]
fn the_scale_of_costs_spans_the_pool() {
    let artifact = Artifact::embedded();
    let targets =
        [("cheap", 0.1, 0.4), ("dear", 3.0, 15.0)].map(|(n, i, o)| Arc::new(Target::named(n).priced(i, o)));
    let scale = artifact.cost_scale(&targets);
    assert!(scale.low > 0.0 && scale.high / scale.low > 30.0);
    let dearer = artifact.cost_scale(&[Arc::new(Target::named("dearest").priced(30.0, 150.0))]);
    assert!(dearer.low > scale.low);
}

#[test]
fn the_default_artifact_holds_no_readable_text_of_prompts() {
    // Runs of letters and spaces as long as a sentence occur in its notes and nowhere else.
    let bytes = Artifact::embedded().to_bytes();
    let notes = Artifact::embedded().notes();
    let said: BTreeSet<&str> =
        notes.licences.iter().chain(&notes.sources).flat_map(|note| note.split(' ')).collect();
    let letters = |byte: &u8| byte.is_ascii_alphanumeric() || b" .,:;()/-@_".contains(byte);
    for run in bytes.split(|byte| !letters(byte)).filter(|run| run.len() > 60) {
        let text = String::from_utf8_lossy(run);
        let strange =
            text.split(' ').filter(|word| word.len() > 3 && !said.iter().any(|s| s.contains(word))).count();
        assert!(strange <= 2, "{text}");
    }
}

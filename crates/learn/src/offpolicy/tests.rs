//! The estimates against a ledger whose truth is known: decisions made by the kernel itself, answers drawn by a rule.

use std::sync::Arc;

use pointsman_kernel::facts::{Facts, Scope, SessionFacts, Timestamp, Versions};
use pointsman_kernel::goal::CostScale;
use pointsman_kernel::plan::{InOrder, Patience};
use pointsman_kernel::rng::Rng;
use pointsman_kernel::session::Switching;
use pointsman_kernel::signals::Signals;
use pointsman_kernel::target::Target;
use pointsman_kernel::{
    Asked, Candidates, Estimate, Estimates, Estimator, Goal, Preference, Route, Source, Spread, decide,
};
use proptest::prelude::*;

use super::interval::student;
use super::*;

const NAMES: [&str; 3] = ["large", "medium", "small"];
/// The chance of a right answer where the prompt is as hard as it gets, and dollars a call.
const TRUTH: [(f64, f64); 3] = [(0.8, 0.010), (0.6, 0.004), (0.2, 0.001)];

/// What the router believes of a target's loss on hard prompts, by its position in [`NAMES`].
struct Believes([f64; 3]);

impl Estimator for Believes {
    fn estimate(&self, signals: &Signals, _: &Facts, candidates: &Candidates, out: &mut Estimates) {
        let estimate = |target: &Arc<Target>| {
            let at = place(&target.id);
            Estimate {
                target: target.id.clone(),
                quality: Spread { mean: 1.0 - hardness(signals) * (1.0 - self.0[at]), sd: 0.1 },
                output_tokens: Spread { mean: 100.0, sd: 1.0 },
                cost: Some(Spread { mean: TRUTH[at].1 * 1e9, sd: 1.0 }),
                latency_ms: None,
                usual: None,
                source: Source::learned("test"),
            }
        };
        out.list = candidates.kept.iter().map(estimate).collect();
    }
}

fn place(target: &TargetId) -> usize {
    NAMES.iter().position(|name| *name == target.as_str()).unwrap()
}

fn hardness(signals: &Signals) -> f64 {
    f64::from(signals.input_tokens) / 1000.0
}

fn quality(signals: &Signals, at: usize) -> f64 {
    1.0 - hardness(signals) * (1.0 - TRUTH[at].0)
}

fn route(explore: f64) -> Route {
    Route {
        id: "auto".into(),
        targets: NAMES.iter().map(|name| Arc::new(Target::named(name))).collect(),
        goal: Goal {
            explore,
            prefer: Preference::new(0.5).unwrap(),
            floor: 0.9,
            ..Goal::balanced(CostScale { low: 1e5, high: 1e8 })
        },
        selector: Arc::new(pointsman_kernel::select::topsis::Topsis),
        planner: Arc::new(InOrder),
        patience: Patience::default(),
        switching: Switching::Never,
    }
}

fn facts(seed: u64) -> Facts {
    Facts {
        decision: "d".into(),
        now: Timestamp(1),
        seed,
        tenant: "t".into(),
        scope: Scope::default(),
        session: None,
        targets: vec![],
        versions: Versions::default(),
    }
}

/// A ledger of so many requests of which a share was scored, and what routing truly brings more than each constant on
/// them: in quality and in dollars.
struct Ledger {
    slice: Slice,
    truth: [(f64, f64); 3],
}

fn ledger(believes: &Believes, explore: f64, requests: u32, scored: f64, rng: &mut Rng) -> Ledger {
    let (served, alone) = (route(explore), route(0.0));
    let mut out = Ledger { slice: Slice::default(), truth: [(0.0, 0.0); 3] };
    for _ in 0..requests {
        let signals = Signals { input_tokens: (rng.uniform() * 1000.0) as u32, ..Signals::default() };
        let facts = facts(rng.next_u64());
        let chosen =
            |route: &Route| decide(route, route.goal.clone(), signals.clone(), facts.clone(), believes);
        let policy = place(chosen(&alone).chosen().unwrap());
        for (at, truth) in out.truth.iter_mut().enumerate() {
            truth.0 += (quality(&signals, policy) - quality(&signals, at)) / f64::from(requests);
            truth.1 += (TRUTH[policy].1 - TRUTH[at].1) / f64::from(requests);
        }
        let decision = chosen(&served);
        let at = place(decision.chosen().unwrap());
        let score = f64::from(u8::from(rng.uniform() < quality(&signals, at)));
        // Skewed, as answers' lengths are; its mean is the price.
        let cost = TRUTH[at].1 * -(1.0 - rng.uniform()).ln();
        assert!(out.slice.add(&decision, Some(cost), Some(score).filter(|_| rng.uniform() < scored)));
    }
    out
}

#[test]
fn on_a_ledger_of_known_truth_it_is_unbiased_and_its_intervals_cover() {
    const RUNS: u32 = 200;
    let believes = Believes([0.8, 0.6, 0.2]);
    let mut rng = Rng::new(11);
    // Per constant and measure: comparisons made, sum of errors, of their squares, and how often the interval held the truth.
    let mut seen = [[(0, 0.0, 0.0, 0_u32); 2]; 3];
    for _ in 0..RUNS {
        let Ledger { slice, truth } = ledger(&believes, 0.2, 1_500, 0.7, &mut rng);
        for (at, constant) in slice.findings(EQUAL_WITHIN).constants.iter().enumerate() {
            let measures = [(constant.quality, truth[at].0), (constant.cost_usd, truth[at].1)];
            for (seen, (compared, truth)) in seen[at].iter_mut().zip(measures) {
                let Some(Interval { value, lo, hi }) = compared.map(|compared| compared.difference) else {
                    continue;
                };
                assert!(lo <= value && value <= hi);
                seen.0 += 1;
                seen.1 += value - truth;
                seen.2 += (value - truth).powi(2);
                seen.3 += u32::from(lo <= truth && truth <= hi);
            }
        }
    }
    let mut judged = 0;
    for (name, seen) in NAMES.iter().zip(seen) {
        for (measure, (made, errors, squares, held)) in ["quality", "cost"].iter().zip(seen) {
            // Where few comparisons have enough draws, those that do are no fair sample.
            if made < RUNS {
                continue;
            }
            judged += 1;
            let runs = f64::from(made);
            let (bias, error) = (errors / runs, (squares / runs).sqrt());
            let covered = f64::from(held) / runs;
            assert!(bias.abs() < 4.0 * error / runs.sqrt(), "{name} {measure}: {bias} of {error}");
            assert!(covered >= 0.9, "{name} {measure}: {covered}");
        }
    }
    assert!(judged >= 4, "{judged} measures could be judged");
}

#[test]
fn a_router_that_knows_is_worth_it_and_one_that_does_not_is_told_so() {
    let mut rng = Rng::new(5);
    let knows = ledger(&Believes([0.8, 0.6, 0.2]), 0.3, 20_000, 1.0, &mut rng).slice.findings(EQUAL_WITHIN);
    assert_eq!(knows.verdict, Verdict::Route, "{knows:#?}");
    // It takes all for alike, and so sends everything to the cheapest.
    let blind = ledger(&Believes([0.5; 3]), 0.3, 5_000, 1.0, &mut rng).slice.findings(EQUAL_WITHIN);
    assert_eq!(blind.verdict, Verdict::DoNotRoute("small".into()), "{blind:#?}");
}

#[test]
fn a_constant_that_is_as_good_for_less_is_named() {
    // Made by hand: routing sends everything to the large one, chance half of everything to either; both are right
    // as often, and the small one costs a tenth.
    let mut slice = Slice::default();
    let mut rng = Rng::new(3);
    for seed in 0..20_000 {
        let mut decision = decided(&route(0.5), seed);
        decision.ranking.0.truncate(2);
        for (at, name) in ["large", "small"].iter().enumerate() {
            decision.ranking.0[at].target = (*name).into();
            decision.ranking.0[at].propensity = if at == 0 { 0.75 } else { 0.25 };
        }
        if rng.uniform() < 0.25 {
            decision.ranking.0.swap(0, 1);
        }
        let small = decision.chosen().unwrap().as_str() == "small";
        let score = f64::from(u8::from(rng.uniform() < 0.7));
        assert!(slice.add(&decision, Some(if small { 0.001 } else { 0.01 }), Some(score)));
    }
    let findings = slice.findings(EQUAL_WITHIN);
    assert_eq!(findings.verdict, Verdict::DoNotRoute("small".into()), "{findings:#?}");
    let large = &findings.constants[0];
    // Routing is this constant, so nothing is uncertain about the difference.
    assert_eq!((large.apart, large.quality.unwrap().difference.hi), (0.0, 0.0));
    assert!((findings.constants[1].cost_usd.unwrap().difference.value - 0.009).abs() < 1e-9);
    // With nothing allowed as equal, as good is not enough.
    assert_ne!(slice.findings(0.0).verdict, Verdict::DoNotRoute("small".into()));
}

#[test]
fn without_scores_there_is_cost_alone_and_no_verdict() {
    let findings = ledger(&Believes([0.8, 0.6, 0.2]), 0.2, 2_000, 0.0, &mut Rng::new(1)).slice.findings(0.02);
    assert_eq!((findings.scored, &findings.verdict, findings.quality), (0, &Verdict::TooFew, None));
    for constant in findings.constants {
        assert!(constant.quality.is_none() && constant.cost_usd.is_some(), "{constant:?}");
    }
    let empty = Slice::default().findings(0.02);
    assert_eq!((empty.decisions, empty.verdict), (0, Verdict::TooFew));
}

fn decided(route: &Route, seed: u64) -> Decision {
    decided_of(route, Signals { input_tokens: 500, ..Signals::default() }, facts(seed))
}

fn decided_of(route: &Route, signals: Signals, facts: Facts) -> Decision {
    decide(route, route.goal.clone(), signals, facts, &Believes([0.8, 0.6, 0.2]))
}

#[test]
fn what_chance_could_not_draw_is_left_out() {
    let takes = |decision: &Decision| Slice::default().add(decision, Some(1.0), Some(1.0));
    let plain = Signals { input_tokens: 500, turns: 2, ..Signals::default() };
    let in_session = Facts {
        session: Some(SessionFacts { id: "s".into(), target: Some("small".into()), agents: None }),
        ..facts(1)
    };
    assert!(takes(&decided(&route(0.2), 1)));
    assert!(!takes(&decided(&route(0.0), 1)), "`explore: 0`");
    assert!(!takes(&decided(&route(1.0), 1)), "all of it is chance: what the policy wants is not on record");
    assert!(!takes(&decided_of(&route(0.2), plain.clone(), in_session)));
    assert!(!takes(&decided_of(&route(0.2), Signals { tool_result: true, ..plain.clone() }, facts(1))));
    let named = Signals { asked: Asked::Named("small".into()), ..plain };
    assert!(!takes(&decided_of(&route(0.2), named, facts(1))));
    let one = Route { targets: vec![Arc::new(Target::named("small"))], ..route(0.2) };
    assert!(!takes(&decided(&one, 1)));
    let mut spoilt = decided(&route(0.2), 1);
    spoilt.ranking.0[1].propensity = f64::NAN;
    assert!(!takes(&spoilt));
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (freedom, quantile) in [(10.0, 2.228), (20.0, 2.086), (60.0, 2.000), (f64::INFINITY, 1.960)] {
        assert!((student(freedom) - quantile).abs() < 0.005, "{freedom}: {}", student(freedom));
    }
}

proptest! {
    /// Whatever the share and the scores: estimates are finite, means of scores stay in [0, 1] but for noise, and the two
    /// sides add up.
    #[test]
    fn figures_are_sound(explore in 0.01..0.99_f64, seed: u64, scored in 0.0..1.0_f64, requests in 1..400_u32) {
        let found = ledger(&Believes([0.9, 0.5, 0.3]), explore, requests, scored, &mut Rng::new(seed)).slice.findings(0.02);
        prop_assert_eq!(found.decisions, u64::from(requests));
        prop_assert!(found.drawn <= found.decisions && found.scored <= found.decisions);
        for constant in &found.constants {
            prop_assert!(constant.scored <= constant.drawn && constant.requests == found.decisions);
            prop_assert!((0.0..=1.0).contains(&constant.apart));
            for compared in [constant.quality, constant.cost_usd].into_iter().flatten() {
                let Interval { value, lo, hi } = compared.difference;
                prop_assert!(lo.is_finite() && hi.is_finite() && lo <= value && value <= hi);
                prop_assert!((compared.routing - compared.constant - value).abs() < 1e-9);
            }
            if let Some(quality) = constant.quality {
                prop_assert!((-1.0..=1.0).contains(&quality.difference.value));
            }
        }
    }
}

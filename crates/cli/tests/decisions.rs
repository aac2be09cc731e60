//! A logged decision can be made again from its record, to the same bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use pointsman_backends::{HealthBoard, SystemClock};
use pointsman_gateway::app::App;
use pointsman_gateway::ask::{Request, decide_chat};
use pointsman_gateway::auth::Caller;
use pointsman_gateway::config::{Config, Env};
use pointsman_gateway::reload::Live;
use pointsman_kernel::decide::again;
use pointsman_kernel::rng::Rng;
use pointsman_kernel::select::topsis::Topsis;
use pointsman_kernel::{
    Decision, DecisionId, Estimates, Facts, Goal, Preference, Ranking, Route, Scope, Selector, Tenant, decide,
};
use pointsman_store::{Courses, KeyRing, Ledger, LedgerOptions, Opening};

const CONFIG: &str = include_str!("../src/demo.yaml");
const DECISIONS: usize = 1_000;

/// The same selector with another weight of quality.
struct Tilted;

impl Selector for Tilted {
    fn name(&self) -> &'static str {
        Topsis.name()
    }

    fn rank(&self, estimates: &Estimates, facts: &Facts, goal: &Goal, rng: &mut Rng) -> Ranking {
        let weight = (goal.prefer.weight() + 0.01).min(1.0);
        let goal = Goal { prefer: Preference::new(weight).unwrap(), ..goal.clone() };
        Topsis.rank(estimates, facts, &goal, rng)
    }
}

fn app(keep_prompts: bool) -> App {
    let live =
        Live::from_config(Config::parse("demo.yaml", CONFIG, &Env::from([("", ""); 0])).unwrap()).unwrap();
    let ledger = Ledger::in_memory(LedgerOptions { keep_prompts, ..LedgerOptions::default() }).unwrap();
    let health = HealthBoard::new(live.config().breaker);
    let courses = Courses::in_memory(std::time::Duration::from_secs(60));
    App::new(live, ledger, KeyRing::empty(), health, courses, Arc::new(SystemClock))
}

/// A prompt that is like no other.
fn body(rng: &mut Rng, number: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "prove",
        "sum",
        "poem",
        "river",
        "function",
        "why",
        "integral",
        "cat",
        "translate",
        "matrix",
        "list",
        "brief",
    ];
    let words: Vec<&str> = (0..3 + rng.next_u64() % 40)
        .map(|_| WORDS[usize::try_from(rng.next_u64() % WORDS.len() as u64).unwrap()])
        .collect();
    let prefer = (rng.next_u64() % 100) as f64 / 100.0;
    serde_json::json!({
        "model": "auto", "pointsman": {"prefer": prefer},
        "messages": [{"role": "user", "content": format!("{} {number}", words.join(" "))}],
    })
    .to_string()
    .into_bytes()
}

/// Decides for new prompts, logs the decisions and reads the records back.
fn logged(app: &App) -> Vec<(Decision, String)> {
    let (snapshot, mut rng) = (app.live.snapshot(), Rng::new(11));
    let caller = Caller { tenant: Tenant::from("local"), key: None, scope: Scope::default() };
    let mut ids: Vec<DecisionId> = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for number in 0..DECISIONS {
        let mut request = Request::parse(body(&mut rng, number).into()).ok().unwrap();
        let now = app.clock.now();
        let id = app.ids.decision(now);
        let sent = HeaderMap::new();
        let decided = decide_chat(app, &snapshot, &caller, &mut request, &sent, id.clone(), now);
        let decided = runtime.block_on(decided).ok().unwrap();
        let entry = app.ledger.begin(Opening {
            id: id.clone(),
            started: now,
            tenant: caller.tenant.clone(),
            key: None,
            model: "auto".into(),
            stream: false,
            session: None,
            prompt: None,
        });
        entry.decided(decided.decision);
        drop(entry);
        ids.push(id);
    }
    assert!(app.ledger.flush(Duration::from_secs(20)));
    let record = |id| app.ledger.record(id).unwrap().expect("a record");
    ids.iter()
        .map(record)
        .map(|record| (record.decision().unwrap().unwrap(), record.decision.unwrap().get().to_owned()))
        .collect()
}

fn bytes(decision: &Decision) -> String {
    serde_json::to_string(decision).unwrap()
}

#[test]
fn a_thousand_logged_decisions_are_made_again_to_the_same_bytes() {
    let app = app(false);
    let snapshot = app.live.snapshot();
    let route = &snapshot.route("auto").unwrap().route;
    let records = logged(&app);
    assert_eq!(records.len(), DECISIONS);
    for (decision, logged) in &records {
        assert!(decision.signals.vector.is_empty(), "a vector was logged though prompts are not kept");
        assert_eq!(bytes(&again(route, decision)), *logged);
    }
    let mut chosen: Vec<_> = records.iter().filter_map(|(decision, _)| decision.chosen().cloned()).collect();
    chosen.sort_unstable();
    chosen.dedup();
    assert!(chosen.len() >= 3, "decisions that are all alike test nothing: {chosen:?}");
}

#[test]
fn where_vectors_are_kept_the_estimator_says_the_same_again_too() {
    let app = app(true);
    let snapshot = app.live.snapshot();
    let route = &snapshot.route("auto").unwrap().route;
    for (logged, text) in &logged(&app) {
        let again = decide(
            route,
            logged.goal.clone(),
            logged.signals.clone(),
            logged.facts.clone(),
            snapshot.estimator.as_ref(),
        );
        assert_eq!(bytes(&again), *text);
    }
}

#[test]
fn another_weight_in_the_selector_is_seen_in_the_bytes() {
    let app = app(false);
    let snapshot = app.live.snapshot();
    let served = &snapshot.route("auto").unwrap().route;
    let tilted = Route {
        id: served.id.clone(),
        targets: served.targets.clone(),
        goal: served.goal.clone(),
        selector: Arc::new(Tilted),
        planner: Arc::clone(&served.planner),
        patience: served.patience,
        switching: served.switching,
    };
    let differ = logged(&app).iter().filter(|(logged, text)| bytes(&again(&tilted, logged)) != *text).count();
    assert!(differ > DECISIONS / 2, "only {differ} of {DECISIONS} decisions show it");
}

use proptest::prelude::*;

use super::*;

fn call(name: &str, retries: u8) -> Call {
    Call { target: name.into(), retries, wait_at_most_ms: 1_000 }
}

fn two() -> PlanRun {
    PlanRun::new(&Plan::Fallback(vec![call("a", 1), call("b", 1)]))
}

fn error(attempt: u16, phase: Phase, retry: Retry) -> Event {
    Event::Error { attempt: AttemptId(attempt), phase, retry }
}

fn start(attempt: u16, target: &str) -> Action {
    Action::Start { attempt: AttemptId(attempt), target: target.into() }
}

const FIRST: AttemptId = AttemptId(0);

#[test]
fn a_call_that_answers_is_committed_and_finished_once() {
    let mut run = two();
    assert_eq!(run.step(&Event::Begin), [start(0, "a")]);
    assert_eq!(run.step(&Event::Head(FIRST)), []);
    assert_eq!(run.step(&Event::FirstByte(FIRST)), [Action::Commit(FIRST)]);
    assert_eq!(run.step(&Event::End(FIRST)), [Action::Finish(Ended::Answered(FIRST))]);
    assert_eq!(run.step(&Event::End(FIRST)), []);
}

#[test]
fn never_is_never_and_same_waits_then_falls_back() {
    let mut refused = two();
    refused.step(&Event::Begin);
    let never = error(0, Phase::BeforeByte, Retry::Never);
    assert_eq!(refused.step(&never), [Action::Finish(Ended::Failed(FIRST))]);

    let mut run = two();
    run.step(&Event::Begin);
    let same = |attempt| error(attempt, Phase::BeforeByte, Retry::Same { after_ms: 300 });
    assert_eq!(run.step(&same(0)), [Action::Timer { timer: TimerId(1), after_ms: 300 }]);
    assert_eq!(run.step(&Event::Timer(TimerId(1))), [start(1, "a")]);
    assert_eq!(run.step(&same(1)), [start(2, "b")]);
}

#[test]
fn other_goes_elsewhere_at_once_and_waits_only_where_nobody_else_is() {
    let mut run = two();
    run.step(&Event::Begin);
    let busy = |attempt| error(attempt, Phase::BeforeByte, Retry::Other { after_ms: 700 });
    assert_eq!(run.step(&busy(0)), [start(1, "b")]);
    assert_eq!(run.step(&busy(1)), [Action::Timer { timer: TimerId(1), after_ms: 700 }]);
    assert_eq!(run.step(&Event::Timer(TimerId(1))), [start(2, "b")]);
    assert_eq!(run.step(&busy(2)), [Action::Finish(Ended::Failed(AttemptId(2)))]);
}

#[test]
fn elsewhere_never_asks_the_same_again() {
    let mut run = two();
    run.step(&Event::Begin);
    assert_eq!(run.step(&error(0, Phase::BeforeByte, Retry::Elsewhere)), [start(1, "b")]);
    let last = error(1, Phase::BeforeByte, Retry::Elsewhere);
    assert_eq!(run.step(&last), [Action::Finish(Ended::Failed(AttemptId(1)))]);
}

#[test]
fn a_wait_longer_than_allowed_is_not_waited_for() {
    let mut run = PlanRun::new(&Plan::Call(call("a", 3)));
    run.step(&Event::Begin);
    let busy = error(0, Phase::BeforeByte, Retry::Other { after_ms: 60_000 });
    assert_eq!(run.step(&busy), [Action::Finish(Ended::Failed(FIRST))]);
}

#[test]
fn after_commit_an_error_is_a_cut_and_nobody_else_is_asked() {
    let mut run = two();
    run.step(&Event::Begin);
    run.step(&Event::FirstByte(FIRST));
    let cut = error(0, Phase::MidStream, Retry::Other { after_ms: 0 });
    assert_eq!(run.step(&cut), [Action::Finish(Ended::Cut(FIRST))]);
}

#[test]
fn giving_up_cancels_what_runs() {
    let mut run = two();
    run.step(&Event::Begin);
    assert_eq!(run.step(&Event::GiveUp), [Action::Cancel(FIRST), Action::Finish(Ended::GivenUp)]);
}

#[derive(Clone, Debug)]
enum Luck {
    Answers,
    Empty,
    Breaks,
    Fails(Phase, Retry),
    ClientLeaves,
    Stray(u16),
}

fn luck() -> impl Strategy<Value = Luck> {
    let phase = prop_oneof![Just(Phase::BeforeSend), Just(Phase::BeforeByte)];
    let retry = prop_oneof![
        Just(Retry::Never),
        (0u64..3_000).prop_map(|after_ms| Retry::Same { after_ms }),
        (0u64..3_000).prop_map(|after_ms| Retry::Other { after_ms }),
    ];
    prop_oneof![
        1 => Just(Luck::Answers),
        1 => Just(Luck::Empty),
        1 => Just(Luck::Breaks),
        8 => (phase, retry).prop_map(|(p, r)| Luck::Fails(p, r)),
        1 => Just(Luck::ClientLeaves),
        2 => (0u16..9).prop_map(Luck::Stray),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_run_ends_once_and_keeps_to_its_plan(retries in prop::collection::vec(0u8..3, 1..5), lucks in prop::collection::vec(luck(), 0..40)) {
        let calls: Vec<Call> = retries.iter().enumerate().map(|(i, r)| call(&format!("t{i}"), *r)).collect();
        let most: usize = retries.iter().map(|r| usize::from(*r) + 1).sum();
        let mut run = PlanRun::new(&Plan::Fallback(calls.clone()));
        let mut todo: VecDeque<Action> = run.step(&Event::Begin).into();
        let (mut finished, mut committed, mut started) = (0, 0, Vec::new());
        let mut lucks = lucks.into_iter();
        while let Some(action) = todo.pop_front() {
            prop_assert_eq!(finished, 0, "nothing is asked for after the end");
            let events = match action {
                Action::Start { attempt, target } => {
                    prop_assert_eq!(committed, 0);
                    prop_assert!(calls.iter().any(|c| c.target == target));
                    prop_assert!(!started.contains(&attempt));
                    started.push(attempt);
                    let mut events = Vec::new();
                    loop {
                        match lucks.next().unwrap_or(Luck::Answers) {
                            Luck::Stray(n) => events.extend([Event::Timer(TimerId(n)), Event::End(AttemptId(n + 50))]),
                            Luck::Answers => { events.extend([Event::Head(attempt), Event::FirstByte(attempt), Event::End(attempt)]); break }
                            Luck::Empty => { events.push(Event::End(attempt)); break }
                            Luck::Breaks => { events.extend([Event::FirstByte(attempt), error(attempt.0, Phase::MidStream, Retry::Never)]); break }
                            Luck::Fails(phase, retry) => { events.push(error(attempt.0, phase, retry)); break }
                            Luck::ClientLeaves => { events.push(Event::GiveUp); break }
                        }
                    }
                    events
                }
                Action::Timer { timer, after_ms } => {
                    prop_assert!(after_ms <= 1_000);
                    vec![Event::Timer(timer)]
                }
                Action::Commit(attempt) => { committed += 1; prop_assert!(started.contains(&attempt)); vec![] }
                Action::Cancel(attempt) => { prop_assert!(started.contains(&attempt)); vec![] }
                Action::Finish(_) => { finished += 1; vec![] }
            };
            for event in events {
                todo.extend(run.step(&event));
            }
        }
        prop_assert_eq!(finished, 1);
        prop_assert!(committed <= 1 && started.len() <= most && run.is_over());
    }
}

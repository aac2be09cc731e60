//! What every store must do, run against SQLite on disk and in memory, and what only a file can do wrong.

use pointsman_kernel::{Decision, Money, Tenant, UsageSource};

use super::*;
use crate::change::{DecisionText, End};
use crate::feedback::Feedback;
use crate::fixtures::{attempts, decision, id, opening, outcome};
use crate::record::Opening;

fn change(opening: &Opening, is_new: bool, decided: bool, end: Option<&Outcome>) -> Change<'static> {
    let opening: &'static Opening = Box::leak(Box::new(opening.clone()));
    Change {
        opening,
        is_new,
        prompt: None,
        decision: decided.then(|| DecisionText::of(&decision(0), false).unwrap()),
        end: end.map(|end| End::of(&attempts(), end).unwrap()),
    }
}

/// The contract of [`Store`].
fn keeps_the_contract(store: &dyn Store) {
    a_record_is_whole_at_once_or_in_parts(store);
    what_has_an_outcome_does_not_change(store);
    sums_are_exact_and_narrow_by_tenant_and_time(store);
    feedback_is_taken_once_and_only_from_who_asked(store);
    old_records_go_and_running_ones_stay(store);
    what_was_left_running_is_lost(store);
}

fn a_record_is_whole_at_once_or_in_parts(store: &dyn Store) {
    let ok = outcome(Status::Ok);
    assert_eq!(store.append(&[change(&opening(0), true, true, Some(&ok))]).unwrap(), [0usize; 0]);
    store.append(&[change(&opening(1), true, false, None)]).unwrap();
    let running = store.record(&id(1)).unwrap().unwrap();
    assert!(running.decision.is_none() && running.outcome.is_none() && running.attempts.is_empty());
    store.append(&[change(&opening(1), false, true, None)]).unwrap();
    let decided = store.record(&id(1)).unwrap().unwrap();
    assert!(decided.decision.is_some() && decided.outcome.is_none());
    store.append(&[change(&opening(1), false, false, Some(&ok))]).unwrap();

    let json = |n| {
        let mut json = serde_json::to_value(store.record(&id(n)).unwrap().unwrap()).unwrap();
        let fields = json.as_object_mut().unwrap();
        assert_eq!(fields.remove("id").unwrap(), id(n).as_str());
        for its_own in ["started", "session", "stream"] {
            fields.remove(its_own);
        }
        json
    };
    assert_eq!(json(0), json(1), "at once and in parts come to the same");
    let whole = store.record(&id(0)).unwrap().unwrap();
    assert_eq!((&whole.outcome, &whole.attempts), (&Some(ok), &attempts()));
    let logged = decision(0);
    let expected = Decision { signals: logged.signals.without_text(), ..(*logged).clone() };
    assert_eq!(whole.decision().unwrap(), Some(expected.clone()));
    assert_eq!(whole.decision.unwrap().get(), serde_json::to_string(&expected).unwrap(), "to the same bytes");
    assert!(store.record(&"nobody".into()).unwrap().is_none());
}

fn what_has_an_outcome_does_not_change(store: &dyn Store) {
    let failed = outcome(Status::Failed);
    let refused = store
        .append(&[
            change(&opening(0), true, true, Some(&failed)),
            change(&opening(2), true, true, Some(&failed)),
            change(&opening(1), false, false, Some(&failed)),
            change(&opening(99), false, false, Some(&failed)),
        ])
        .unwrap();
    assert_eq!(refused, [0, 2, 3], "an id twice, an end twice, an end of nothing");
    for n in [0, 1] {
        assert_eq!(store.record(&id(n)).unwrap().unwrap().outcome.unwrap().status, Status::Ok);
    }
}

fn sums_are_exact_and_narrow_by_tenant_and_time(store: &dyn Store) {
    let unpriced = Outcome { cost: None, ..outcome(Status::Cut) };
    let huge = Outcome { cost: Some(Money(u64::MAX)), ..outcome(Status::Aborted) };
    let other = Opening { tenant: "other".into(), ..opening(4) };
    store
        .append(&[
            change(&opening(3), true, true, Some(&unpriced)),
            change(&other, true, true, Some(&huge)),
            change(&opening(5), true, true, None),
        ])
        .unwrap();
    let acme = Query { tenant: Some(Tenant::from("acme")), ..Query::default() };
    let totals = store.totals(&acme).unwrap();
    let all = totals.all();
    assert_eq!(
        (all.requests, all.cost, all.unpriced),
        (5, Money(120), 1),
        "three priced, one not, one running"
    );
    assert_eq!((all.baseline_cost, all.compared_cost, all.saved_nano()), (Money(300), Money(120), 180));
    assert_eq!((all.input_tokens, all.output_tokens), (800, 120));
    assert_eq!(totals.by_target().get(&Some("small".into())).unwrap().requests, 2);
    let mut by_status: Vec<_> = totals.by_status().iter().map(|(s, sums)| (*s, sums.requests)).collect();
    by_status.sort_by_key(|(status, _)| format!("{status:?}"));
    let expected = [(None, 1), (Some(Status::Cut), 1), (Some(Status::Failed), 1), (Some(Status::Ok), 2)];
    assert_eq!(by_status, expected);
    assert!(
        store.totals(&Query::default()).unwrap().all().saved_nano() < 0,
        "a dear mistake is shown as one"
    );

    let since = Query { since: Some(Timestamp(1_001)), until: Some(Timestamp(1_004)), ..acme };
    let ids: Vec<_> = store.recent(&since, 2).unwrap().into_iter().map(|line| line.id).collect();
    assert_eq!(ids, [id(3), id(2)]);
    let lines = store.recent(&Query::default(), 10).unwrap();
    assert_eq!((lines.len(), lines[0].status, lines[1].status), (6, None, Some(Status::Aborted)));
    let ok = lines.last().unwrap();
    assert_eq!((ok.cost, ok.usage_source, ok.total_us), (Some(Money(40)), UsageSource::Reported, 1_050));
    assert_eq!(ok.route.as_ref().map(AsRef::as_ref), Some("auto"));

    let pins = store.sessions_since(Timestamp(0)).unwrap();
    let pins: Vec<_> = pins.iter().map(|p| (p.session.as_str(), p.target.as_str(), p.at.0)).collect();
    assert_eq!(pins, [("s0", "small", 1_000), ("s1", "small", 1_001)], "only what was answered pins");
}

fn feedback_is_taken_once_and_only_from_who_asked(store: &dyn Store) {
    let said = |score| Feedback { at: Timestamp(9_000), score, label: Some("good".into()) };
    let give = |n, tenant: &str, key: Option<&str>, score| {
        let (id, tenant) = (id(n), Tenant::from(tenant));
        store.give(&Given { id: &id, tenant: &tenant, key, feedback: &said(score) }).unwrap()
    };
    assert_eq!(give(0, "other", Some("ci"), 1.0), Taken::Unknown);
    assert_eq!(give(0, "acme", None, 1.0), Taken::Unknown);
    assert_eq!(give(77, "acme", Some("ci"), 1.0), Taken::Unknown);
    assert_eq!(give(0, "acme", Some("ci"), 0.25), Taken::Kept);
    assert_eq!(give(0, "acme", Some("ci"), 1.0), Taken::Again);
    assert_eq!(store.record(&id(0)).unwrap().unwrap().feedback, Some(said(0.25)));
    assert!(store.record(&id(1)).unwrap().unwrap().feedback.is_none());
    let mut choices = Vec::new();
    store.choices(&Query::default(), &mut |choice| choices.push(choice)).unwrap();
    assert!(choices.iter().all(|choice| (choice.score == Some(0.25)) == (choice.id == id(0))));
    let record = store.record(&id(0)).unwrap().unwrap();
    let choice = choices.iter().find(|choice| choice.id == id(0)).unwrap();
    assert_eq!(choice.decision().unwrap(), record.decision().unwrap());
    assert_eq!(choice.cost, record.outcome.unwrap().cost);
    assert_eq!(
        choices.len() as u64,
        store
            .totals(&Query::default())
            .unwrap()
            .groups
            .iter()
            .filter(|group| group.status.is_some())
            .map(|group| group.sums.requests)
            .sum::<u64>()
    );
}

fn old_records_go_and_running_ones_stay(store: &dyn Store) {
    store.append(&[change(&Opening { started: Timestamp(1), ..opening(6) }, true, false, None)]).unwrap();
    assert_eq!(store.prune(Timestamp(1_003)).unwrap(), 3);
    assert!(store.record(&id(2)).unwrap().is_none());
    assert!(store.record(&id(6)).unwrap().is_some());
    assert_eq!(store.totals(&Query::default()).unwrap().all().requests, 4);
}

fn what_was_left_running_is_lost(store: &dyn Store) {
    assert_eq!(store.close_lost().unwrap(), 2);
    assert_eq!(store.close_lost().unwrap(), 0);
    let lost = store.record(&id(5)).unwrap().unwrap();
    assert_eq!(lost.outcome.as_ref().unwrap().status, Status::Lost);
    assert!(lost.decision.is_some(), "what was decided is kept");
}

#[test]
fn sqlite_keeps_the_contract_on_disk() {
    let home = tempfile::tempdir().unwrap();
    keeps_the_contract(&SqliteStore::open(&home.path().join("ledger.db")).unwrap());
}

#[test]
fn sqlite_keeps_the_contract_in_memory() {
    keeps_the_contract(&SqliteStore::in_memory().unwrap());
}

#[test]
fn pruning_goes_on_past_one_step() {
    let store = SqliteStore::in_memory().unwrap();
    let ok = outcome(Status::Ok);
    let openings: Vec<Opening> = (0..2_500).map(opening).collect();
    let batch: Vec<_> = openings.iter().map(|opening| change(opening, true, false, Some(&ok))).collect();
    store.append(&batch).unwrap();
    assert_eq!(store.prune(Timestamp(1_000 + 2_400)).unwrap(), 2_400);
}

#[test]
fn a_second_owner_is_refused_and_a_reader_is_not() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let missing = SqliteStore::read_only(&path).err().unwrap().to_string();
    assert!(missing.contains("ledger.db"), "{missing}");
    let owner = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(second, StoreError::Owned { .. }), "{second}");
    let reader = SqliteStore::read_only(&path).unwrap();
    owner.append(&[change(&opening(0), true, true, None)]).unwrap();
    assert!(reader.record(&id(0)).unwrap().is_some());
    assert!(matches!(reader.append(&[]), Err(StoreError::ReadOnly { .. })));
    drop(owner);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn what_is_no_ledger_is_named_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    std::fs::write(at("text.db"), "dear diary, ".repeat(1_000)).unwrap();
    let other = Connection::open(at("other.db")).unwrap();
    other.execute_batch("CREATE TABLE mine (x)").unwrap();
    SqliteStore::open(&at("newer.db")).unwrap();
    Connection::open(at("newer.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for (name, says) in [
        ("text.db", "is not a pointsman ledger; move it away or choose another state folder"),
        ("other.db", "is not a pointsman ledger"),
        ("newer.db", "written by a newer pointsman (schema 99, this one knows 2); upgrade"),
    ] {
        let before = std::fs::read(at(name)).unwrap();
        for error in [SqliteStore::open(&at(name)).err(), SqliteStore::read_only(&at(name)).err()] {
            let error = error.unwrap().to_string();
            assert!(error.contains(says) && error.contains(name), "{error}");
        }
        assert_eq!(std::fs::read(at(name)).unwrap(), before, "{name} was changed");
    }
    std::fs::write(at("file"), "").unwrap();
    let error = SqliteStore::open(&at("file").join("ledger.db")).err().unwrap().to_string();
    assert!(error.contains("permissions"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_their_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let store = SqliteStore::open(&folder.join("ledger.db")).unwrap();
    store.append(&[change(&opening(0), true, true, None)]).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "the file, its log and its lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_ledger_of_the_first_schema_is_taken_over_with_its_records() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ledger.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("ledger-1.sql")).unwrap();
    old.pragma_update(None, "application_id", SCHEMA.application_id).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute(
        "INSERT INTO requests (id, started, tenant, model, stream, status) VALUES ('d', 1, 't', 'm', 0, 'ok')",
        [],
    )
    .unwrap();
    drop(old);
    let unread = SqliteStore::read_only(&path).err().unwrap().to_string();
    assert!(
        unread.contains("older pointsman (schema 1, this one reads 2); start `pointsman serve`"),
        "{unread}"
    );
    let store = SqliteStore::open(&path).unwrap();
    let (id, tenant) = (DecisionId::from("d"), Tenant::from("t"));
    let feedback = Feedback { at: Timestamp(2), score: 1.0, label: None };
    let given = Given { id: &id, tenant: &tenant, key: None, feedback: &feedback };
    assert_eq!(store.give(&given).unwrap(), Taken::Kept);
    assert_eq!(store.record(&id).unwrap().unwrap().feedback, Some(feedback));
}

//! Who may come in.

use std::time::Instant;

use secrecy::ExposeSecret;

use super::*;
use crate::fixtures::{bytes, holds};

fn file() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("keys.db");
    (home, path)
}

fn within_a_second(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(1);
    while !holds() {
        assert!(Instant::now() < until, "not within a second: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_key_is_checked_listed_and_revoked() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let scope = Scope { targets: Some(vec!["gpt-4o*".to_owned()]), ..Scope::default() };
    let (ci, secret) = keys.create("ci", None, scope).unwrap();
    let (_, other) = keys.create("laptop", Some(&"research".into()), Scope::default()).unwrap();
    assert_eq!(ci.tenant.as_str(), "ci", "the name is the tenant unless another is given");
    assert_eq!(keys.list().unwrap().first(), Some(&ci));

    let ring = KeyRing::open(&path).unwrap();
    let found = ring.check(secret.expose_secret()).unwrap();
    assert_eq!(*found, ci);
    assert!(found.scope.allows_target("gpt-4o-mini") && !found.scope.allows_target("claude"));
    assert_eq!(ring.check(other.expose_secret()).unwrap().tenant.as_str(), "research");

    let revoked = keys.revoke("ci").unwrap();
    assert!(revoked.revoked.is_some());
    assert_eq!(keys.revoke(&ci.id).unwrap(), revoked, "a second time changes nothing");
    let again = KeyRing::open(&path).unwrap();
    assert!(again.check(secret.expose_secret()).is_none());
    assert!(again.check(other.expose_secret()).is_some());
}

#[test]
fn a_secret_has_the_promised_form_and_is_its_own() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let (_, a) = keys.create("a", None, Scope::default()).unwrap();
    let (_, b) = keys.create("b", None, Scope::default()).unwrap();
    assert_ne!(a.expose_secret(), b.expose_secret());
    let random = a.expose_secret().strip_prefix("pm-").unwrap();
    assert_eq!(random.len(), 43);
    assert!(random.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
}

#[test]
fn the_secret_is_nowhere_but_in_its_owners_hands() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let (record, secret) = keys.create("ci", None, Scope::default()).unwrap();
    let random = secret.expose_secret().strip_prefix("pm-").unwrap().to_owned();
    let written = bytes(&path);
    assert!(holds(&written, &record.id), "the key is in the file");
    assert!(!holds(&written, &random) && !holds(&written, random.get(..12).unwrap()));
    let shown = format!("{record:?} {secret:?} {}", serde_json::to_string(&record).unwrap());
    assert!(shown.contains("ci") && !shown.contains(&random));
}

#[test]
fn what_is_no_key_in_force_opens_nothing() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let (record, secret) = keys.create("ci", None, Scope::default()).unwrap();
    let ring = KeyRing::open(&path).unwrap();
    let good = secret.expose_secret();
    let cut = good.get(..good.len() - 1).unwrap();
    let wrong = ["", "pm-", "ci", &record.id, cut, &format!("{good} "), &good.to_uppercase()];
    assert!(wrong.iter().all(|wrong| ring.check(wrong).is_none()));
    assert!(ring.check(&format!("pm-{}", "A".repeat(43))).is_none());
    assert!(ring.check(good).is_some());
}

#[test]
fn names_are_unique_among_keys_in_force_and_said_plainly() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let create = |name: &str| keys.create(name, None, Scope::default()).map(|(record, _)| record);
    let first = create("ci").unwrap();
    assert_eq!(
        create("ci").unwrap_err().to_string(),
        "a key named `ci` exists; revoke it first or take another name"
    );
    keys.revoke("ci").unwrap();
    let second = create("ci").unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(keys.revoke("ci").unwrap().id, second.id, "the one in force");
    let missing = keys.revoke("ci").unwrap_err().to_string();
    assert_eq!(missing, "no active key has the id or name `ci`; list the keys to see which there are");
    let long = "x".repeat(65);
    for bad in ["", " ci", "c\ni", &long, "key_ci"] {
        assert!(matches!(create(bad), Err(StoreError::BadName(_))), "{bad:?}");
    }
    create(&"é".repeat(64)).unwrap();
}

#[test]
fn a_running_ring_follows_another_process_within_a_second() {
    let (_home, path) = file();
    let ring = KeyRing::open(&path).unwrap();
    assert!(!ring.any_exist() && !ring.any_active());
    let keys = Keys::open(&path).unwrap();
    let (_, secret) = keys.create("ci", None, Scope::default()).unwrap();
    within_a_second("the new key is known", || ring.check(secret.expose_secret()).is_some());
    assert!(ring.any_exist() && ring.any_active());
    keys.revoke("ci").unwrap();
    within_a_second("the revoked key is refused", || ring.check(secret.expose_secret()).is_none());
    assert!(ring.any_exist() && !ring.any_active(), "revoking the last key does not open the door");
}

#[cfg(unix)]
#[test]
fn a_key_file_that_is_gone_or_replaced_is_noticed_and_opens_no_door() {
    let (home, path) = file();
    let (_, old) = Keys::open(&path).unwrap().create("old", None, Scope::default()).unwrap();
    let ring = KeyRing::open(&path).unwrap();
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{end}", path.display())).ok();
    }
    within_a_second("the missing file is reported", || ring.last_error().is_some());
    assert!(ring.last_error().unwrap().contains("keys.db"));
    assert!(ring.check(old.expose_secret()).is_some(), "what was known stays in force");
    assert!(!path.exists(), "looking makes no file");

    let elsewhere = home.path().join("next.db");
    let next = Keys::open(&elsewhere).unwrap();
    let (_, new) = next.create("new", None, Scope::default()).unwrap();
    next.revoke("new").unwrap();
    drop(next);
    std::fs::rename(&elsewhere, &path).unwrap();
    within_a_second("the new file is read", || ring.check(old.expose_secret()).is_none());
    assert!(ring.check(new.expose_secret()).is_none());
    assert!(ring.any_exist() && ring.last_error().is_none());
}

#[test]
fn many_keys_are_told_apart() {
    let (_home, path) = file();
    let keys = Keys::open(&path).unwrap();
    let made: Vec<_> =
        (0..50).map(|n| keys.create(&format!("k{n}"), None, Scope::default()).unwrap()).collect();
    let ring = KeyRing::open(&path).unwrap();
    assert!(made.iter().all(|(record, secret)| *ring.check(secret.expose_secret()).unwrap() == *record));
    assert!(KeyRing::empty().check(made[0].1.expose_secret()).is_none());
}

use std::time::Duration;

use super::*;

const GOOD: &str = "providers:\n  local: {kind: scripted}\ntargets:\n  - {id: one, provider: local}\n";
const MORE: &str = "providers:\n  local: {kind: scripted}\ntargets:\n  - {id: one, provider: local}\n  - {id: two, provider: local}\n";
const BAD: &str = "providers:\n  local: {kind: scripted}\ntargets:\n  - {id: one, provder: local}\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.file(), text).unwrap();
        folder
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("pointsman.yaml")
    }

    fn live(&self) -> Arc<Live> {
        Live::from_file(&self.file(), Env::default()).unwrap()
    }
}

fn ids(live: &Live) -> Vec<String> {
    live.snapshot().order.iter().map(ToString::to_string).collect()
}

fn eventually(what: &str, fits: impl Fn() -> bool) {
    for _ in 0..500 {
        if fits() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} did not happen in ten seconds");
}

#[test]
fn a_good_file_is_swapped_in_and_a_bad_one_leaves_the_last_good_in_force() {
    let folder = Folder::new(GOOD);
    let live = folder.live();
    let held = live.snapshot();
    std::fs::write(folder.file(), MORE).unwrap();
    live.reload().unwrap();
    assert_eq!(ids(&live), ["one", "two"]);
    assert_eq!(held.order.len(), 1, "a request keeps the snapshot it took");
    assert_eq!(live.status().generation, 2);
    std::fs::write(folder.file(), BAD).unwrap();
    let faults = live.reload().unwrap_err();
    assert!(faults.to_string().contains(":4:15: unknown key `provder`"), "{faults}");
    let status = live.status();
    assert_eq!((ids(&live).len(), status.generation), (2, 2));
    assert_eq!(status.last_error.as_deref(), Some(&*faults));
    std::fs::write(folder.file(), GOOD).unwrap();
    live.reload().unwrap();
    assert_eq!((ids(&live).len(), live.status().last_error.is_none()), (1, true));
}

#[test]
fn a_file_that_is_gone_leaves_the_last_good_in_force() {
    let folder = Folder::new(GOOD);
    let live = folder.live();
    std::fs::remove_file(folder.file()).unwrap();
    assert!(live.reload().is_err());
    assert_eq!(ids(&live), ["one"]);
}

#[test]
fn a_saved_change_takes_effect_however_it_is_saved() {
    let folder = Folder::new(GOOD);
    let live = folder.live();
    let _guard = watch(&live);
    std::fs::write(folder.file(), MORE).unwrap();
    eventually("a change in place", || ids(&live).len() == 2);
    // As editors do.
    let aside = folder.0.path().join("pointsman.yaml.swp");
    std::fs::write(&aside, GOOD).unwrap();
    std::fs::rename(&aside, folder.file()).unwrap();
    eventually("a file put in the old one's place", || ids(&live).len() == 1);
    std::fs::write(folder.file(), BAD).unwrap();
    eventually("a bad file", || live.status().last_error.is_some());
    assert_eq!(ids(&live), ["one"]);
}

#[cfg(unix)]
#[test]
fn a_turned_link_takes_effect() {
    // As Kubernetes mounts a ConfigMap: the file is a link through a folder that is a link.
    let root = tempfile::tempdir().unwrap();
    for (name, text) in [("v1", GOOD), ("v2", MORE)] {
        std::fs::create_dir(root.path().join(name)).unwrap();
        std::fs::write(root.path().join(name).join("pointsman.yaml"), text).unwrap();
    }
    let (data, file) = (root.path().join("..data"), root.path().join("pointsman.yaml"));
    std::os::unix::fs::symlink("v1", &data).unwrap();
    std::os::unix::fs::symlink("..data/pointsman.yaml", &file).unwrap();
    let live = Live::from_file(&file, Env::default()).unwrap();
    let _guard = watch(&live);
    let turned = root.path().join("..data_tmp");
    std::os::unix::fs::symlink("v2", &turned).unwrap();
    std::fs::rename(&turned, &data).unwrap();
    eventually("the turned link", || ids(&live).len() == 2);
}

#[test]
fn a_file_the_configuration_names_is_watched_too() {
    let folder = Folder::new(&format!("{GOOD}  - {{id: x, provider: far}}\n").replace(
        "providers:\n",
        "providers:\n  far: {base_url: 'http://127.0.0.1:9/v1', api_key: 'file:key'}\n",
    ));
    std::fs::write(folder.0.path().join("key"), "first").unwrap();
    let live = folder.live();
    let _guard = watch(&live);
    std::fs::write(folder.0.path().join("key"), "second-key").unwrap();
    let key =
        || live.config().provider("far").unwrap().key.as_ref().map(|key| key.expose_secret().to_owned());
    eventually("the new key", || key().as_deref() == Some("second-key"));
}

#[test]
fn what_a_provider_listed_outlives_a_reload_unless_the_provider_is_another() {
    let text = |port: u16, more: &str| {
        format!("providers:\n  box: {{base_url: 'http://127.0.0.1:{port}/v1'}}\n{more}")
    };
    let folder = Folder::new(&text(9, ""));
    let live = folder.live();
    let config = live.config();
    let provider = config.provider("box").unwrap();
    let listed = Listed { id: "a".to_owned(), context: None, chat: None };
    live.found(&provider.name, &Identity::of(provider), Ok(vec![listed.clone()]));
    assert_eq!(ids(&live), ["a"]);
    std::fs::write(folder.file(), text(9, "routes: {auto: {prefer: cost}}\n")).unwrap();
    live.reload().unwrap();
    assert_eq!((ids(&live).len(), live.snapshot().discovering), (1, false));
    std::fs::write(folder.file(), text(10, "")).unwrap();
    live.reload().unwrap();
    assert_eq!((ids(&live).len(), live.snapshot().discovering), (0, true));
    // An answer that was on its way from the old address is not taken for the new one's.
    live.found(&provider.name, &Identity::of(provider), Ok(vec![listed]));
    assert!(ids(&live).is_empty());
}

#[test]
fn without_a_file_a_reload_changes_nothing() {
    let live = Live::from_config(Config::parse("t", GOOD, &Env::default()).unwrap()).unwrap();
    live.reload().unwrap();
    let _guard = watch(&live);
    assert_eq!((live.status().generation, live.path()), (1, None));
}

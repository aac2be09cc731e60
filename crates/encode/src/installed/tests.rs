use super::*;
use crate::convert::tests::{SHAPE, Tiny};
use crate::manifest::{Hub, Package, Sum, Weights};

fn tiny() -> (Listed, Vec<u8>) {
    let weights = Tiny::new().weights();
    let remarks = [("licence", "none"), ("weights_sha256", &sha256(&weights))];
    let model = convert::to_int8(&weights, &SHAPE, &remarks).unwrap();
    let listed = Listed {
        name: "tiny".to_owned(),
        about: "made of waves".to_owned(),
        licence: "none".to_owned(),
        shape: SHAPE,
        weights: Weights {
            file: "model.safetensors".to_owned(),
            sha256: sha256(&weights),
            bytes: weights.len() as u64,
            hub: Hub { repository: "nobody/tiny".to_owned(), revision: "0".to_owned() },
            package: Package { name: "tiny".to_owned(), version: "0".to_owned(), member: String::new() },
        },
        model: Sum { sha256: sha256(&model), bytes: model.len() as u64 },
    };
    (listed, weights)
}

#[test]
fn the_table_in_the_program_is_always_there_and_what_is_not_says_how_to_bring_it() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    let opened = installed.open("static-1", &RuntimeChoice::Rten).unwrap();
    assert_eq!(opened.fingerprint(), StaticTable::embedded().fingerprint());
    let fault = |name: &str| installed.open(name, &RuntimeChoice::Rten).err().unwrap().to_string();
    assert!(fault("minilm-int8").contains("`pointsman encoder fetch minilm-int8`"));
    assert!(fault("bert").contains("static-1, minilm-int8"), "{}", fault("bert"));
}

#[test]
fn weights_are_converted_and_whole_or_not_there() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    let (tiny, weights) = tiny();
    assert_eq!(installed.presence(&tiny), Presence::Missing);
    let path = installed.install(&tiny, &weights).unwrap();
    assert_eq!(installed.presence(&tiny), Presence::Ready);
    assert_eq!(std::fs::read_dir(installed.folder()).unwrap().count(), 1);

    let mut model = std::fs::read(&path).unwrap();
    model[10_000] ^= 1;
    std::fs::write(&path, model).unwrap();
    assert_eq!(installed.presence(&tiny), Presence::Damaged);
    installed.install(&tiny, &weights).unwrap();
    assert_eq!(installed.presence(&tiny), Presence::Ready);
}

#[test]
fn other_weights_and_another_conversion_are_refused_and_leave_nothing() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    let (mut tiny, mut weights) = tiny();
    *weights.last_mut().unwrap() ^= 1;
    let refused = installed.install(&tiny, &weights).unwrap_err();
    assert!(refused.to_string().contains(&tiny.weights.sha256), "{refused}");
    *weights.last_mut().unwrap() ^= 1;
    tiny.model.sha256 = "0".repeat(64);
    assert!(matches!(installed.install(&tiny, &weights), Err(InstallError::Converted { .. })));
    assert_eq!(installed.presence(&tiny), Presence::Missing);
}

#[test]
fn the_library_is_taken_from_whoever_names_it_first() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    assert_eq!(installed.runtime(None, None), RuntimeChoice::Rten);
    let file = if cfg!(target_os = "macos") { "libonnxruntime.dylib" } else { "libonnxruntime.so" };
    let beside = installed.folder().join(file);
    std::fs::create_dir_all(installed.folder()).unwrap();
    std::fs::write(&beside, "").unwrap();
    if cfg!(unix) {
        assert_eq!(installed.runtime(None, None), RuntimeChoice::OnnxRuntime(beside));
    }
    assert_eq!(installed.runtime(None, Some("/a")), RuntimeChoice::OnnxRuntime("/a".into()));
    assert_eq!(installed.runtime(Some(Path::new("/b")), Some("/a")), RuntimeChoice::OnnxRuntime("/b".into()));
}

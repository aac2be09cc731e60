use std::fs;
use std::path::Path;

use super::{Split, Table};

const PROMPTS: &str = "{\"prompt_id\":\"a\",\"prompt\":\"one\u{2028}line\",\"split\":\"train\"}\n\
     {\"prompt_id\":\"b\",\"prompt\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":\"x\"},\
     {\"role\":\"assistant\",\"content\":\"y\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"last\"}]}],\"split\":\"dev\"}\n";
const OUTCOMES: &str = "prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s\n\
     a,m1,1,0.5,10,20,\na,m0,0,,,,\nb,m1,0.25,0.25,5,5,1.5\n";

fn folder(prompts: &[u8], outcomes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prompts.jsonl"), prompts).unwrap();
    fs::write(folder.path().join("outcomes.csv"), outcomes).unwrap();
    folder
}

fn fault(prompts: &str, outcomes: &str) -> String {
    let folder = folder(prompts.as_bytes(), outcomes.as_bytes());
    let text = Table::read(folder.path()).unwrap_err().to_string();
    text.rsplit_once('/').map_or(text.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn text_and_messages_are_read_and_empty_fields_stay_unknown() {
    let folder = folder(PROMPTS.as_bytes(), OUTCOMES.as_bytes());
    let table = Table::read(folder.path()).unwrap();
    assert_eq!(table.models, ["m0", "m1"]);
    assert_eq!(table.prompts[0].text, "one\u{2028}line");
    let b = &table.prompts[1];
    assert_eq!((b.text.as_str(), b.system.as_deref(), b.turns), ("last", Some("be brief"), 3));
    assert_eq!(table.row(0)[0].quality, Some(0.0));
    assert_eq!(table.row(0)[0].cost_usd, None);
    assert_eq!(table.row(0)[1].output_tokens, Some(20.0));
    assert_eq!(table.row(1)[0].quality, None);
    assert!(table.row(2).is_empty());
    assert_eq!(
        (table.rows(Split::Train), table.rows(Split::Dev), table.rows(Split::All)),
        (vec![0], vec![1], vec![0, 1])
    );
}

#[test]
fn a_packed_table_is_the_same_table() {
    let plain = folder(PROMPTS.as_bytes(), OUTCOMES.as_bytes());
    let packed = tempfile::tempdir().unwrap();
    let pack = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    fs::write(packed.path().join("prompts.jsonl.zst"), pack(PROMPTS)).unwrap();
    fs::write(packed.path().join("outcomes.csv.zst"), pack(OUTCOMES)).unwrap();
    let (plain, packed) = (Table::read(plain.path()).unwrap(), Table::read(packed.path()).unwrap());
    assert_eq!((plain.hash(), &plain.cells), (packed.hash(), &packed.cells));
}

#[test]
fn a_table_without_splits_is_all_training_rows() {
    let folder = folder(b"{\"prompt_id\":\"a\",\"prompt\":\"x\"}", b"prompt_id,model,quality\na,m,1\n");
    let table = Table::read(folder.path()).unwrap();
    assert_eq!(table.rows(Split::Train), [0]);
    assert!(table.rows(Split::Dev).is_empty());
}

#[test]
fn faults_name_their_place_and_what_to_do() {
    let head = "prompt_id,model,quality,cost_usd,input_tokens,output_tokens,latency_s\n";
    let rows = |rows: &str| format!("{head}{rows}");
    let cases = [
        (
            fault(PROMPTS, "prompt_id,model,cost_usd\na,m,1\n"),
            "outcomes.csv:1:quality: the column is missing",
        ),
        (
            fault(PROMPTS, &rows("a,m,1,,,,\na,n,NaN,,,,\n")),
            "outcomes.csv:3:quality: `NaN` is outside 0 to 1",
        ),
        (fault(PROMPTS, &rows("a,m,1.5,,,,\n")), "outcomes.csv:2:quality: 1.5 is outside 0 to 1"),
        (fault(PROMPTS, &rows("a,m,-1,,,,\n")), "outcomes.csv:2:quality: `-1` is outside 0 to 1"),
        (fault(PROMPTS, &rows("a,m,1,-2,,,\n")), "outcomes.csv:2:cost_usd: `-2` is not a number from 0 up"),
        (fault(PROMPTS, &rows("a,m,1,x,,,\n")), "outcomes.csv:2:cost_usd: `x` is not a number"),
        (
            fault(PROMPTS, &rows("a,m,1,,,,\nz,m,1,,,,\n")),
            "outcomes.csv:3:prompt_id: prompt `z` is not in the prompts file",
        ),
        (
            fault(PROMPTS, &rows("a,m,1,,,,\na,m,0,,,,\n")),
            "outcomes.csv:3:prompt_id: prompt `a` has two answers of `m`",
        ),
        (fault(PROMPTS, &rows("a,m,1\n")), "outcomes.csv:2:1: 3 fields where the first line has 7"),
        (fault(PROMPTS, head), "outcomes.csv:2:1: the file holds no answer"),
        (
            fault(&format!("{PROMPTS}{PROMPTS}"), OUTCOMES),
            "prompts.jsonl:3:prompt_id: prompt `a` was there before",
        ),
        (fault("{\"prompt_id\":\"a\"}\n", OUTCOMES), "prompts.jsonl:1:17: missing field `prompt`"),
        (fault("\n{\"prompt_id\":\n", OUTCOMES), "prompts.jsonl:2:13: EOF while parsing"),
        (
            fault("{\"prompt_id\":\"a\",\"prompt\":\"x\",\"split\":\"tain\"}", OUTCOMES),
            "prompts.jsonl:1:split: split `tain` is not known",
        ),
        (fault("", OUTCOMES), "prompts.jsonl:1:1: the file holds no prompt"),
    ];
    for (message, expected) in cases {
        assert!(message.starts_with(expected), "{message} should start with {expected}");
        assert!(message.contains("; "), "{message} should say what to do");
    }
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let missing = Table::read(Path::new("nowhere")).unwrap_err().to_string();
    assert!(missing.starts_with("nowhere: there is no prompts.jsonl"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let whole = zstd::encode_all(PROMPTS.repeat(50).as_bytes(), 3).unwrap();
    fs::write(folder.path().join("outcomes.csv"), OUTCOMES).unwrap();
    for bytes in [b"not zstd at all".as_slice(), &whole[..whole.len() / 2]] {
        fs::write(folder.path().join("prompts.jsonl.zst"), bytes).unwrap();
        let damaged = Table::read(folder.path()).unwrap_err().to_string();
        assert!(damaged.contains("prompts.jsonl.zst: is not whole zstd data"), "{damaged}");
    }
}

use std::io::Write;

use super::*;
use crate::table::Split;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn registries_of_several_kinds_are_read() {
    let of = file(
        "{\"service\": \"Banks_1\", \"description\": \"Money\", \"domain\": \"banks\", \"intents\": [{\"name\": \"Pay\"}], \"slots\": []}\n\n\
         {\"agent\": \"b\", \"description\": \"x\", \"examples\": [\"hi\"], \"handoffs\": [\"Banks_1\"]}\n",
    );
    let registry = read_agents(of.path(), None).unwrap();
    let agents = registry.agents();
    assert_eq!((agents[0].categories[0].as_str(), agents[0].skills[0].name.as_str()), ("banks", "Pay"));
    assert_eq!((agents[1].examples.len(), agents[1].handoffs.len()), (1, 1));
}

#[test]
fn what_functions_share_describes_an_agent_without_a_description() {
    let of = file(
        "{\"agent\": \"Files\", \"functions\": [{\"name\": \"cat\", \"description\": \"This tool belongs to the file system. Tool description: Show\"}, \
         {\"name\": \"cd\", \"description\": \"This tool belongs to the file system. Tool description: Go\"}]}",
    );
    let registry = read_agents(of.path(), None).unwrap();
    let agent = &registry.agents()[0];
    assert_eq!(agent.description, "This tool belongs to the file system.");
    assert_eq!(agent.skills[1].description, "Go");
}

#[test]
fn faults_name_file_line_and_remedy() {
    let twice = file("{\"agent\": \"a\"}\n{\"agent\": \"a\", \"description\": \"another\"}\n");
    assert!(read_agents(twice.path(), None).unwrap_err().to_string().contains("registered twice"));
    let broken = file("{\"agent\": \"a\"}\n{\"agent\": 3}\n");
    assert!(read_agents(broken.path(), None).unwrap_err().to_string().contains(":2: "));
    let empty = file("\n");
    assert!(read_agents(empty.path(), None).unwrap_err().to_string().contains("no agents"));
    let registry = read_agents(file("{\"agent\": \"a\"}").path(), None).unwrap();
    let other = file(
        "{\"dialogue_id\": \"1\", \"turns\": [{\"speaker\": \"U\", \"text\": \"hi\", \"labels\": [[\"z\", \"\"]]}]}",
    );
    let error = read_dialogues(other.path(), Split::Train, &registry, None, false).unwrap_err().to_string();
    assert!(error.contains("not in the registry: z"), "{error}");
    let lenient = read_dialogues(other.path(), Split::Train, &registry, None, true).unwrap();
    assert!(lenient[0].turns[0].labels.is_empty());
    let silent = file("{\"dialogue_id\": \"1\", \"turns\": []}");
    assert!(read_dialogues(silent.path(), Split::All, &registry, None, true).is_err());
    assert!(read_agents(std::path::Path::new("/nowhere/at/all"), None).is_err());
}

#[test]
fn both_forms_of_dialogues_and_utterances_are_read() {
    let registry = read_agents(file("{\"agent\": \"a\"}\n{\"agent\": \"b1\"}").path(), None).unwrap();
    let of = file(
        "{\"dialogue_id\": \"1\", \"turns\": [{\"speaker\": \"U\", \"text\": \"hi\", \"labels\": [[\"a\", \"x\"]]}, {\"speaker\": \"S\", \"text\": \"yes?\"}, \
         {\"speaker\": \"U\", \"text\": \"go\", \"labels\": [[\"a\", \"y\"]]}], \"split\": \"dev\"}\n\
         {\"dialogue_id\": \"2\", \"involved\": [\"a\"], \"turns\": [{\"user\": \"hi\", \"agents\": [\"a\"], \"agent\": \"a\"}], \"split\": \"train\"}\n\
         {\"text\": \"pay\", \"intent\": \"a\", \"domain\": \"banking\", \"split\": \"train\"}\n\
         {\"text\": \"sing\", \"intent\": \"oos\", \"domain\": \"oos\", \"split\": \"train\"}\n",
    );
    let dev = read_dialogues(of.path(), Split::Dev, &registry, None, false).unwrap();
    assert_eq!(dev[0].turns[1].system, "yes?");
    let train = read_dialogues(of.path(), Split::Train, &registry, None, false).unwrap();
    assert_eq!(train.len(), 3);
    assert_eq!(train[1].turns[0].labels, [("a".to_owned(), "a".to_owned())]);
    assert!(train[2].turns[0].labels.is_empty());
    let reworded = file("{\"dialogue_id\": \"1\", \"turns\": [{\"user\": \"hi\", \"agents\": [\"b\"]}]}");
    let read = read_dialogues(reworded.path(), Split::All, &registry, Some(Rewording('1')), false).unwrap();
    assert_eq!(read[0].turns[0].labels[0].0, "b1");
}

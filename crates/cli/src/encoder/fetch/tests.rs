use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;

/// Serves `content` whole, from where a `range` header says. Tells of each request's path and start.
fn hub(content: Vec<u8>) -> (String, mpsc::Receiver<(String, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (said, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = answer(stream.unwrap(), &content);
            if said.send(request).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream, content: &[u8]) -> (String, usize) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let mut start = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().unwrap();
        }
    }
    let (status, rest) =
        if start == 0 { ("200 OK", content) } else { ("206 Partial Content", &content[start..]) };
    let last = content.len() - 1;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{last}/{}\r\nconnection: close\r\n\r\n",
        rest.len(),
        content.len()
    )
    .unwrap();
    stream.write_all(rest).unwrap();
    (path, start)
}

fn curl() -> bool {
    let there = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: there is no curl");
    }
    there
}

#[test]
fn a_download_that_was_interrupted_is_gone_on_with() {
    if !curl() {
        return;
    }
    let content: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let (address, asked) = hub(content.clone());
    let part = tempfile::tempdir().unwrap();
    std::fs::write(part.path().join("weights.bin"), &content[..150_000]).unwrap();
    let place = Hub { repository: "owner/model".to_owned(), revision: "abc".to_owned() };
    let path = from_hub(&place, "weights.bin", part.path(), Some(&address)).unwrap();
    assert!(std::fs::read(path).unwrap() == content);
    let request = asked.recv().unwrap();
    assert_eq!(request, ("/owner/model/resolve/abc/weights.bin".to_owned(), 150_000));
}

#[test]
fn wrong_weights_are_fatal_and_nothing_of_them_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    let listed = pointsman_encode::installed::known("minilm-int8").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(&listed.weights.file), "something else").unwrap();
    let fault = format!("{:#}", fetch(&installed, listed, Some(folder.path())).unwrap_err());
    assert!(fault.contains(&listed.weights.sha256), "{fault}");
    assert_eq!(installed.presence(listed), Presence::Missing);
    // Our own copy would be gone on with at the next try; the operator's is left alone.
    assert!(folder.path().join(&listed.weights.file).is_file());
    let part = installed.folder().join("minilm-int8.part");
    let own = part.join(&listed.weights.file);
    std::fs::write(&own, "something else").unwrap();
    assert!(install(&installed, listed, &own, &part).is_err());
    assert!(!own.exists());
}

#[test]
fn whoever_has_nothing_is_named_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let installed = Installed::in_home(home.path());
    let listed = pointsman_encode::installed::known("minilm-int8").unwrap();
    let fault = format!("{:#}", fetch(&installed, listed, Some(home.path())).unwrap_err());
    assert!(fault.contains("model.safetensors is not there"), "{fault}");
    assert!(fault.contains("--from") && fault.contains(&listed.weights.hub.revision), "{fault}");
}

//! An agent that keeps a list for each conversation: what it was told before decides what it answers.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod a2a;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use a2a::{About, Answer};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let about = About {
        name: "Shopping list",
        description: "Keeps a shopping list: adds things to buy, takes them off, and reads the list out",
        examples: &[
            "put milk on my shopping list",
            "add eggs and bread to the list",
            "what is on my shopping list",
            "take the milk off my list",
        ],
        port: 5102,
    };
    let lists: Mutex<HashMap<String, Vec<String>>> = Mutex::default();
    a2a::serve(about, move |conversation, said| {
        let mut lists = lists.lock().unwrap_or_else(PoisonError::into_inner);
        keep(lists.entry(conversation.to_owned()).or_default(), said)
    })
    .await;
}

fn keep(list: &mut Vec<String>, said: &str) -> Answer {
    let said = said.to_lowercase();
    let words: Vec<&str> =
        said.split_whitespace().map(|word| word.trim_matches(['.', ',', '!', '?'])).collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let things = words
        .iter()
        .skip_while(|word| !["put", "add", "take", "remove", "buy", "and"].contains(word))
        .take_while(|word| !["on", "to", "off", "from"].contains(word))
        .filter(|word| {
            !["put", "add", "take", "remove", "buy", "and", "the", "some", "my", "a"].contains(word)
        });
    let things: Vec<String> = things.map(|word| (*word).to_owned()).collect();
    if has(&["take", "remove"]) {
        list.retain(|thing| !things.contains(thing));
    } else if has(&["put", "add", "buy", "and"]) {
        list.extend(things);
    }
    if list.is_empty() {
        return Answer::Ask("The list is empty. What shall I put on it?".to_owned());
    }
    Answer::Done(format!("On the list: {}.", list.join(", ")))
}

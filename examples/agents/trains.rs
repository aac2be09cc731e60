//! An agent that asks before it answers: it wants to know from where and to where, one after the other.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod a2a;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use a2a::{About, Answer};

const TOWNS: &[&str] = &["Bergen", "Bodø", "Hamar", "Oslo", "Stavanger", "Trondheim"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let about = About {
        name: "Trains",
        description: "Timetable of trains between towns: departures and connections",
        examples: &[
            "when does the next train leave",
            "I need a train from Oslo to Bergen",
            "trains to Trondheim tomorrow morning",
        ],
        port: 5103,
    };
    let asked: Mutex<HashMap<String, Vec<&'static str>>> = Mutex::default();
    a2a::serve(about, move |conversation, said| {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = plan(asked.entry(conversation.to_owned()).or_default(), said);
        if matches!(answer, Answer::Done(_)) {
            asked.remove(conversation);
        }
        answer
    })
    .await;
}

fn plan(towns: &mut Vec<&'static str>, said: &str) -> Answer {
    let mut named: Vec<(usize, &'static str)> = TOWNS
        .iter()
        .filter_map(|town| Some((said.to_lowercase().find(&town.to_lowercase())?, *town)))
        .collect();
    named.sort_unstable();
    towns.extend(named.into_iter().map(|(_, town)| town));
    match towns.as_slice() {
        [] => Answer::Ask(format!("From where? I know {}.", TOWNS.join(", "))),
        [from] => Answer::Ask(format!("From {from} to where?")),
        // There are no trains here but in the example: the hour is made of the names.
        [from, to, ..] => Answer::Done(format!(
            "The next train from {from} to {to} leaves at {:02}:{:02}. (This is an example: there is no such train.)",
            (from.len() * 3 + to.len()) % 24,
            (from.len() * to.len() * 7) % 60,
        )),
    }
}

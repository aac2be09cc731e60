//! Times of the pieces on texts of several lengths: `cargo run --release -p pointsman-encode --example encode_speed`.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a program for people at a terminal"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use pointsman_encode::{Encoder, Features, StaticTable, Text, WordPiece, estimate_tokens};

const ROUNDS: usize = 2000;
const SENTENCES: [&str; 5] = [
    "How many litres of paint does a wall of 12 square metres need, if one litre covers 8?",
    "Refactor parse_header so that it returns an error instead of panicking on an empty line.",
    "Prove that the sum of two odd integers is even, and explain each step.",
    "Résumé the naïve approach; then compare it with dynamic programming.",
    "What is the capital of Mongolia?",
];

fn main() {
    let start = Instant::now();
    let table = StaticTable::embedded();
    table.encode(&Text::new("first", None)).expect("the static table always answers");
    black_box(Features::of(&Text::new("first", None)));
    println!("{} ready after {:?}", table.fingerprint(), start.elapsed());
    println!("{:>8} {:>9} {:<12} {:>10} {:>10}", "tokens", "bytes", "what", "p50", "p99");
    for tokens in [20, 200, 2000, 50_000] {
        let turn = text_of(tokens);
        let text = Text::new(&turn, Some("You are a helpful assistant."));
        let row = |what: &str, (p50, p99): (Duration, Duration)| {
            println!("{tokens:>8} {:>9} {what:<12} {p50:>10.1?} {p99:>10.1?}", turn.len());
        };
        let mut ids = Vec::with_capacity(4096);
        row(
            "wordpiece",
            time(|| {
                ids.clear();
                WordPiece::embedded().encode(black_box(text).head(), usize::MAX, &mut ids);
            }),
        );
        row("encode", time(|| _ = black_box(table.encode(&black_box(text)))));
        row("features", time(|| _ = black_box(Features::of(&black_box(text)))));
        row("estimate", time(|| _ = black_box(estimate_tokens(black_box(&turn)))));
    }
}

fn text_of(tokens: usize) -> String {
    let mut turn = String::new();
    let mut ids = Vec::new();
    for sentence in SENTENCES.iter().cycle() {
        if ids.len() >= tokens {
            break;
        }
        WordPiece::embedded().encode(sentence, usize::MAX, &mut ids);
        turn.push_str(sentence);
        turn.push(' ');
    }
    turn
}

fn time(mut work: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times[ROUNDS / 2], times[ROUNDS * 99 / 100])
}

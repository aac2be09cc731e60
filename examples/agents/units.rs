//! An agent that converts units: it answers from what was said alone, and remembers nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod a2a;

use a2a::{About, Answer};

/// A unit's names, its kind, and how many of the kind's first one it is.
const UNITS: &[(&[&str], &str, f64)] = &[
    (&["metre", "metres", "meter", "meters", "m"], "length", 1.0),
    (&["kilometre", "kilometres", "kilometer", "kilometers", "km"], "length", 1_000.0),
    (&["mile", "miles"], "length", 1_609.344),
    (&["foot", "feet", "ft"], "length", 0.3048),
    (&["inch", "inches"], "length", 0.0254),
    (&["kilogram", "kilograms", "kilo", "kilos", "kg"], "weight", 1.0),
    (&["gram", "grams", "g"], "weight", 0.001),
    (&["pound", "pounds", "lb"], "weight", 0.453_592_37),
    (&["ounce", "ounces", "oz"], "weight", 0.028_349_523),
    (&["litre", "litres", "liter", "liters", "l"], "volume", 1.0),
    (&["gallon", "gallons"], "volume", 3.785_411_784),
    (&["pint", "pints"], "volume", 0.473_176_473),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let about = About {
        name: "Units",
        description: "Converts lengths, weights and volumes from one unit of measurement to another",
        examples: &[
            "how many kilometres are 26 miles",
            "convert 150 pounds to kilograms",
            "what is 5 feet in metres",
        ],
        port: 5101,
    };
    a2a::serve(about, |_, said| convert(said)).await;
}

fn convert(said: &str) -> Answer {
    let words: Vec<String> = said
        .to_lowercase()
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned())
        .collect();
    let amount = words.iter().find_map(|word| word.parse::<f64>().ok());
    let units: Vec<_> = words
        .iter()
        .filter_map(|word| UNITS.iter().find(|(names, ..)| names.contains(&word.as_str())))
        .collect();
    let (Some(amount), [first, second, ..]) = (amount, units.as_slice()) else {
        return Answer::Ask("How much is to be converted, from which unit to which?".to_owned());
    };
    // "How many kilometres are 26 miles" names what is wanted first.
    let wanted_first = words.iter().any(|word| word == "many" || word == "much");
    let (from, to) = if wanted_first { (second, first) } else { (first, second) };
    if from.1 != to.1 {
        return Answer::Done(format!("One is a {}, the other a {}: they cannot be converted.", from.1, to.1));
    }
    let name = |unit: &(&[&'static str], &str, f64)| unit.0.get(1).copied().unwrap_or_default();
    Answer::Done(format!("{amount} {} are {:.3} {}.", name(from), amount * from.2 / to.2, name(to)))
}

//! Makes `data/default.artifact` from the two tables whose licences permit it.
//!
//! `cargo run --release -p pointsman-learn --example make_default -- FOLDER_WITH_THE_TABLES [OUT]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that a person runs")]

use std::path::PathBuf;
use std::{env, error, fs, time};

use pointsman_encode::StaticTable;
use pointsman_learn::{Table, TrainOptions, train};

const TABLES: [&str; 2] = ["zeroeval", "routellm_evals"];
const LICENCES: [&str; 2] = [
    "zeroeval: outcomes of WildEval/ZeroEval, Apache-2.0; questions of GSM8K, MATH (MIT) and CRUXEval (MIT)",
    "routellm_evals: responses of lm-sys/RouteLLM, Apache-2.0; questions of MMLU, GSM8K (MIT) and MT-bench (Apache-2.0)",
];

fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args().skip(1);
    let data =
        PathBuf::from(arguments.next().ok_or("name the folder that holds zeroeval and routellm_evals")?);
    let out = arguments.next().map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/default.artifact"),
        PathBuf::from,
    );
    let tables = TABLES.iter().map(|name| Table::read(&data.join(name))).collect::<Result<Vec<_>, _>>()?;
    let licences = LICENCES.map(str::to_owned).into();
    // What the binary carries is kept small: the estimators that serve, and those they are made of.
    let options = TrainOptions { licences, served_only: true, ..TrainOptions::default() };
    let start = time::Instant::now();
    let (artifact, summary) = train(&tables, StaticTable::embedded(), &options, &mut |_| {})?;
    let bytes = artifact.to_bytes();
    fs::write(&out, &bytes)?;
    println!("{summary}\n");
    println!("{} bytes, sha256 {}..., {:.0} s", bytes.len(), artifact.hash(), start.elapsed().as_secs_f64());
    Ok(())
}

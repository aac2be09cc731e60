//! What onboarding is worth on a table: each model of a pool left out in turn and placed by few answers.
//!
//! `cargo run --release -p pointsman-learn --example onboarding -- TABLE --models A,B,... [--known all|pool]
//! [--counts 25,50,64,100] [--draws N] [--folds K]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that a person runs")]

use std::path::Path;
use std::{env, error};

use pointsman_encode::StaticTable;
use pointsman_learn::Table;
use pointsman_learn::onboard::{LeaveOut, leave_out};

fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("name a table")?;
    let mut options = LeaveOut {
        pool: Vec::new(),
        known: Vec::new(),
        counts: vec![25, 50, 64, 100],
        draws: 5,
        folds: 5,
        seed: 0,
    };
    let mut all = false;
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or("a value is missing")?;
        match flag.as_str() {
            "--models" => options.pool = value.split(',').map(str::to_owned).collect(),
            "--known" => all = value == "all",
            "--counts" => options.counts = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--draws" => options.draws = value.parse()?,
            "--folds" => options.folds = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            other => return Err(format!("{other} is not known").into()),
        }
    }
    let table = Table::read(Path::new(&folder))?;
    if options.pool.is_empty() {
        options.pool.clone_from(&table.models);
    }
    if all {
        options.known.clone_from(&table.models);
    }
    let report = leave_out(&table, &options, StaticTable::embedded(), &mut |progress| {
        if progress.stage == "training" {
            eprintln!("{} {}/{}", progress.stage, progress.done, progress.total);
        }
    })?;
    print!("{:<32} {:>8} {:>8}", "left out", "mean", "all");
    options.counts.iter().for_each(|count| print!(" {count:>8}"));
    println!();
    let mut sums = vec![0.0; options.counts.len()];
    for one in &report {
        print!("{:<32} {:>8.4} {:>8.4}", one.model, one.by_mean, one.by_all);
        for (sum, share) in sums.iter_mut().zip(one.shares()) {
            *sum += share / report.len() as f64;
            print!(" {share:>8.3}");
        }
        println!();
    }
    print!("{:<32} {:>8} {:>8}", "mean share", "", "");
    sums.iter().for_each(|share| print!(" {share:>8.3}"));
    println!();
    Ok(())
}

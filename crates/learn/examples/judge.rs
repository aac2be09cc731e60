//! Judges the estimators on a table, for work on them.
//!
//! `cargo run --release -p pointsman-learn --example judge -- TABLE [--cv K] [--split S] [--models A,B]
//! [--artifact FILE] [--versus R] [--plot FILE] [--json]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that a person runs")]

use std::path::Path;
use std::{env, error, fs};

use pointsman_encode::StaticTable;
use pointsman_learn::{Artifact, EvalOptions, Table, evaluate};

fn main() -> Result<(), Box<dyn error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().ok_or("name a table")?;
    let mut options = EvalOptions::default();
    let (mut artifact, mut json, mut plot) = (None, false, None);
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match flag.as_str() {
            "--cv" => options.folds = Some(value()?.parse()?),
            "--split" => options.split = value()?.parse()?,
            "--models" => options.models = Some(value()?.split(',').map(str::to_owned).collect()),
            "--resamples" => options.resamples = value()?.parse()?,
            "--seed" => options.seed = value()?.parse()?,
            "--artifact" => artifact = Some(Artifact::load(&fs::read(value()?)?)?),
            "--versus" => options.versus = Some(value()?),
            "--plot" => plot = Some(value()?),
            "--json" => json = true,
            other => return Err(format!("{other} is not known").into()),
        }
    }
    let table = Table::read(Path::new(&folder))?;
    let report = evaluate(&table, artifact.as_ref(), StaticTable::embedded(), &options, &mut |_| {})?;
    if let Some(plot) = plot {
        report.plot(Path::new(&plot))?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

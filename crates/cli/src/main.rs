//! The command line. Each command is a file; this one only says which there are and turns faults into exit codes.
//!
//! Exit codes: 0 done, 1 the work found faults, 2 wrong usage. What a command answers goes to standard output, notes and
//! progress go to standard error.

mod agents;
mod bench;
mod check;
mod client;
mod demo;
mod encoder;
mod eval;
mod init;
mod keys;
mod log;
mod onboard;
mod pool;
mod profile;
mod progress;
mod reference;
mod report;
mod route;
mod serve;
mod term;
mod tools;
mod train;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Answers are made of many short-lived buffers of all sizes, on all cores.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One OpenAI-compatible endpoint in front of every model: each request goes to the one that serves it best for the
/// money, and the reason is on record.
#[derive(Parser)]
#[command(name = "pointsman", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Init(init::Args),
    Check(check::Args),
    Route(route::Args),
    Demo(demo::Args),
    Profile(profile::Args),
    Onboard(onboard::Args),
    Train(train::Args),
    Eval(eval::Args),
    Agents(agents::Args),
    Tools(tools::Args),
    Encoder(encoder::Args),
    Report(report::Args),
    Keys(keys::Args),
    Bench(bench::Args),
    Reference(reference::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Onboard(args) => onboard::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Agents(args) => agents::run(&args),
        Command::Tools(args) => tools::run(&args),
        Command::Encoder(args) => encoder::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Reference(args) => reference::run(&args, Cli::command()),
    };
    match done {
        Ok(code) => code,
        Err(fault) => term::report(&fault),
    }
}

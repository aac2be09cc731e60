//! `pointsman reference`: the pages under `docs/reference`, made of the code they are about.

mod machine;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, Command};
use pointsman_gateway::{config, headers, telemetry};

use crate::term;

/// Write the reference pages, made of the code
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the pages.
pub(crate) fn run(args: &Args, mut program: Command) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be made", args.out.display()))?;
    program.build();
    let pages = [
        ("config.md", config::reference_markdown()),
        ("cli.md", markdown(&program)),
        ("metrics.md", telemetry::reference_markdown()),
        ("headers.md", headers::reference_markdown()),
        ("agent-states.md", machine::markdown()),
        ("agent-states.svg", machine::picture()),
    ];
    for (name, text) in pages {
        let path = args.out.join(name);
        std::fs::write(&path, text.trim_end().to_owned() + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))?;
        term::note(format_args!("wrote {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands, each with its arguments.
fn markdown(program: &Command) -> String {
    let mut page = String::from(
        "# Commands\n\nGenerated from the code. Exit codes: 0 done, 1 the work found faults, 2 wrong usage. What a command \
         answers goes to\nstandard output; notes and progress go to standard error.\n",
    );
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        section(&mut page, command, &format!("pointsman {}", command.get_name()));
    }
    page
}

fn section(page: &mut String, command: &Command, path: &str) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let subcommands: Vec<&Command> =
        command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help").collect();
    let depth = "#".repeat(path.split(' ').count());
    let _ = write!(page, "\n{depth} `{path}`\n\n{about}.\n");
    let arguments: Vec<&Arg> =
        command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help").collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | meaning |\n| --- | --- |\n");
    }
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(page, "| `{}` | {} |", spelt(argument), help.replace('|', "\\|") + &more(argument));
    }
    for sub in subcommands {
        section(page, sub, &format!("{path} {}", sub.get_name()));
    }
}

/// As it is typed.
fn spelt(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let takes_value = argument.get_action().takes_values();
    let spelt = match (argument.get_long(), value) {
        (Some(long), Some(value)) if takes_value => format!("--{long} {value}"),
        (Some(long), _) => format!("--{long}"),
        (None, value) => value.unwrap_or_else(|| argument.get_id().to_string().to_uppercase()),
    };
    if argument.is_required_set() { spelt } else { format!("[{spelt}]") }
}

/// The default and the words it knows.
fn more(argument: &Arg) -> String {
    let mut more = String::new();
    let known: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && argument.get_action().takes_values())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if !known.is_empty() {
        let _ = write!(more, ". One of {}", known.join("; "));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        let _ = write!(more, ". Default: `{}`", defaults.join(" "));
    }
    more
}

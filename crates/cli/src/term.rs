//! What is said, where: answers on standard output, notes on standard error, colours on terminals only.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use pointsman_kernel::Money;

/// Tables and lines are no wider.
pub(crate) const WIDTH: u16 = 100;

/// A line under the head, and none elsewhere.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The command was used wrongly: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

/// What a word is to stand out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Strong,
    Faint,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A line of the answer.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn say(line: impl fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// One JSON document as the answer.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn say_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(say(serde_json::to_string_pretty(value)?)?)
}

/// A note. Where standard error is gone there is nobody to tell.
pub(crate) fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says what went wrong and with which exit code that ends.
pub(crate) fn report(fault: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if fault.chain().any(closed) {
        // Whoever read the answer has seen enough of it.
        return ExitCode::SUCCESS;
    }
    let label = if paints(&io::stderr()) { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    note(format_args!("{label} {fault:#}"));
    if fault.is::<Usage>() { ExitCode::from(2) } else { ExitCode::from(1) }
}

/// `text` in a tone, where standard output shows colours.
pub(crate) fn paint(tone: Tone, text: impl fmt::Display) -> String {
    if !paints(&io::stdout()) {
        return text.to_string();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Strong => "1",
        Tone::Faint => "2",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A table of this head, at most [`WIDTH`] columns wide; numbers stand to the right.
pub(crate) fn table(head: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH).force_no_tty().set_header(head.to_vec());
    for &index in numbers {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A table as text, without spaces at the ends of lines.
pub(crate) fn text_of(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Dollars with as many decimals as a call's cost needs.
pub(crate) fn usd(money: Money) -> String {
    dollars(money.usd())
}

/// The same of a number that may be negative or predicted.
pub(crate) fn dollars(usd: f64) -> String {
    let decimals = match usd.abs() {
        0.0 => 0,
        ..0.1 => 6,
        ..100.0 => 4,
        _ => 2,
    };
    let sign = if usd < 0.0 { "-" } else { "" };
    format!("{sign}${:.decimals$}", usd.abs())
}

/// The first `width` characters on one line, with an ellipsis where more follow.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > width {
        line = line.chars().take(width.saturating_sub(1)).chain(['…']).collect();
    }
    line
}

/// Names, the first of them, and how many more there are.
pub(crate) fn names(all: &[String], shown: usize) -> String {
    let mut line = all.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    if all.len() > shown {
        line.push_str(&format!(" and {} more", all.len() - shown));
    }
    line
}

fn paints(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_show_what_a_single_call_costs() {
        assert_eq!(usd(Money(0)), "$0");
        assert_eq!(usd(Money(123_000)), "$0.000123");
        assert_eq!(dollars(-0.25), "-$0.2500");
        assert_eq!(dollars(1234.5), "$1234.50");
    }

    #[test]
    fn shortened_text_is_one_line_of_the_width() {
        assert_eq!(shortened("a\n b", 10), "a b");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }

    #[test]
    fn tables_stay_within_the_width() {
        let mut table = table(&["name", "why"], &[]);
        table.add_row(vec!["x".repeat(70), "y ".repeat(90)]);
        assert!(text_of(&table).lines().all(|line| line.chars().count() <= usize::from(WIDTH)));
    }
}

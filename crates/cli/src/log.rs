//! Log lines on standard error. What is logged: `POINTSMAN_LOG`, else `RUST_LOG`, else warnings and this program's news.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

const DEFAULT: &str = "warn,pointsman=info";

/// Starts logging. A second call changes nothing.
pub(crate) fn start() {
    start_at(DEFAULT);
}

/// The same, where nothing but warnings is wanted unless a variable says otherwise.
pub(crate) fn start_quietly() {
    start_at("error");
}

fn start_at(default: &str) {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
    let wanted = set("POINTSMAN_LOG").or_else(|| set("RUST_LOG"));
    let filter = match wanted.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(fault)) => {
            crate::term::note(format_args!("the log filter is not understood, the default is used: {fault}"));
            EnvFilter::new(default)
        }
        None => EnvFilter::new(default),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let _ = lines.try_init();
}

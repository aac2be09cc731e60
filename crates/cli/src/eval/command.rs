//! The command as a report tells it: what to type, without where this machine keeps its files.

use std::ffi::OsString;
use std::path::Path;

/// The command line after the program's name. Paths are told by their last part, so that a page can be published.
pub(super) fn told(arguments: impl IntoIterator<Item = OsString>) -> String {
    let mut words = vec!["pointsman".to_owned()];
    words.extend(arguments.into_iter().map(|word| quoted(&bare(&word.to_string_lossy()))));
    words.join(" ")
}

fn bare(word: &str) -> String {
    let (flag, value) = match word.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") => (format!("{flag}="), value),
        _ => (String::new(), word),
    };
    // Model names have slashes too, but neither a root nor a folder of this machine in front.
    let file = (value.starts_with(['/', '.', '~']) || Path::new(value).exists())
        .then(|| Path::new(value).file_name())
        .flatten();
    format!("{flag}{}", file.map_or(value.into(), |name| name.to_string_lossy()))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,=/:@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn a_command_is_told_without_the_folders_of_this_machine() {
        let words = ["eval", "--data", "/some/where/zeroeval", "../x/bfcl", "--models", "zeroeval=a/b,c"];
        let rest = ["--report=/tmp/page.md", "--versus", "it's me"];
        let command = told(words.into_iter().chain(rest).map(Into::into));
        let expected = "pointsman eval --data zeroeval bfcl --models zeroeval=a/b,c --report=page.md --versus 'it'\\''s me'";
        assert_eq!(command, expected);
    }
}

//! Values written as words: durations, sizes, preferences, references to secrets.
//!
//! Each is a text in the file's types, so that the schema says so, and has a reader here that check and schema share.

use std::borrow::Cow;
use std::time::Duration;

use pointsman_kernel::Preference;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A length of time as a number with its unit: `300ms`, `5s`, `10m`, `1h`, `30d`; parts may follow one another (`1m30s`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub String);

/// A number of bytes with its unit: `512KiB`, `32MiB`, `10MB`, or a plain number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(pub Word);

/// `quality`, `balanced`, `cost`, or the weight of quality from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prefer(pub Word);

/// Where a secret is: `env:NAME` (or `${NAME}`) or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretRef(pub String);

/// A text or a number, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(pub String);

/// What a secret's reference says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretPlace<'a> {
    Env(&'a str),
    File(&'a str),
}

/// A text that is not of its format, and what to write instead.
pub(crate) struct Malformed {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Time {
    /// The time; zero where it is malformed, which the schema's walk has refused before.
    pub(crate) fn duration(&self) -> Duration {
        duration(&self.0).unwrap_or_default()
    }
}

impl From<Duration> for Time {
    fn from(time: Duration) -> Self {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let whole = UNITS.into_iter().find(|(unit, _)| millis % unit == 0);
        if millis == 0 {
            return Self("0s".to_owned());
        }
        Self(whole.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit)))
    }
}

impl Size {
    pub(crate) fn bytes(&self) -> u64 {
        bytes(&self.0.0).unwrap_or_default()
    }
}

impl Prefer {
    pub(crate) fn preference(&self) -> Preference {
        self.0.0.parse().unwrap_or(Preference::BALANCED)
    }
}

impl Serialize for Word {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<f64>() {
            Ok(number) => serializer.serialize_f64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;
        impl serde::de::Visitor<'_> for WordVisitor {
            type Value = Word;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E>(self, value: &str) -> Result<Word, E> {
                Ok(Word(value.to_owned()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Word, E> {
                Ok(Word(value.to_string()))
            }
        }
        deserializer.deserialize_any(WordVisitor)
    }
}

/// Checks a text against a format of the schema; unknown formats hold of everything.
pub(crate) fn fits(format: &str, text: &str) -> Result<(), Malformed> {
    let malformed = |what: &str, hint| Err(Malformed { message: format!("`{text}` is {what}"), hint });
    match format {
        TIME if duration(text).is_none() => {
            malformed("no length of time", "write a number with its unit: 300ms, 5s, 10m, 1h, 30d")
        }
        SIZE if bytes(text).is_none() => {
            malformed("no size", "write a number of bytes with its unit: 512KiB, 32MiB")
        }
        PREFER if text.parse::<Preference>().is_err() => {
            malformed("no preference", "use quality, balanced, cost or a number from 0 to 1")
        }
        // Never the text itself: it may be the key.
        SECRET if secret_place(text).is_none() => Err(Malformed {
            message: "a secret stands in the file".to_owned(),
            hint: "write where it is instead: env:NAME, ${NAME} or file:PATH; then change the secret, since files get copied",
        }),
        _ => Ok(()),
    }
}

/// What a reference to a secret says; `None` where it is none.
pub(crate) fn secret_place(text: &str) -> Option<SecretPlace<'_>> {
    if let Some(path) = text.strip_prefix("file:") {
        return (!path.is_empty()).then_some(SecretPlace::File(path));
    }
    let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let name = text.strip_prefix("env:").or(braced)?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(SecretPlace::Env(name))
}

/// A length of time as a configuration writes it, such as `90s` or `1d12h`; nothing where it is none.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&end| end > 0)?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        sum = sum.checked_add(part)?;
        rest = tail;
    }
    // An empty text is no time, and neither is one that would overflow a clock.
    (!text.trim().is_empty() && sum <= Duration::from_secs(3_650 * 86_400)).then_some(sum)
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * factor as f64;
    (value.fract() == 0.0 && value <= 1e15).then_some(value as u64)
}

const TIME: &str = "time";
const SIZE: &str = "size";
const PREFER: &str = "preference";
const SECRET: &str = "secret";

macro_rules! schema {
    ($type:ident, $format:expr, $kinds:expr, $example:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": $kinds, "format": $format, "examples": [$example] })
            }
        }
    };
}

schema!(Time, TIME, "string", "5s");
schema!(Size, SIZE, ["string", "number"], "32MiB");
schema!(Prefer, PREFER, ["string", "number"], "balanced");
schema!(SecretRef, SECRET, "string", "env:OPENAI_API_KEY");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let ms = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(ms("300ms"), Some(300));
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms("0.5s"), Some(500));
        assert_eq!(ms("0"), Some(0));
        for bad in ["", "5", "s", "5 s", "5x", "-5s", "1e3s", "99999999d", "1..2s"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["300ms", "5s", "90s", "2m", "1h", "30d"] {
            assert_eq!(Time::from(duration(text).unwrap()).0, text);
        }
    }

    #[test]
    fn sizes_have_units_or_are_bytes() {
        assert_eq!(bytes("32MiB"), Some(32 << 20));
        assert_eq!(bytes("10 MB"), Some(10_000_000));
        assert_eq!(bytes("1024"), Some(1024));
        for bad in ["", "MiB", "1.0001B", "-1", "5 apples"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_references_and_a_literal_is_never_quoted() {
        assert_eq!(secret_place("env:A_KEY"), Some(SecretPlace::Env("A_KEY")));
        assert_eq!(secret_place("${A_KEY}"), Some(SecretPlace::Env("A_KEY")));
        assert_eq!(secret_place("file:/run/secrets/key"), Some(SecretPlace::File("/run/secrets/key")));
        for literal in ["sk-live-123", "env:", "env:sk-live 123", "${}", ""] {
            let Err(malformed) = fits(SECRET, literal) else { panic!("{literal} passed") };
            assert!(literal.is_empty() || !malformed.message.contains(literal));
        }
    }
}

//! The environment as a value, so that what depends on it can be tested.

use std::collections::BTreeMap;

/// Environment variables. One that is set to nothing is taken for one that is not set.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

/// A variable that a text refers to and that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unset(pub(crate) String);

impl Env {
    /// This process's. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// A variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// `text` with `${NAME}` replaced by the variable, `${NAME:-other}` by `other` where it is not set, and `$$` by `$`.
    pub(crate) fn expand(&self, text: &str) -> Result<String, Unset> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let Some((inside, after)) = after.strip_prefix('{').and_then(|inside| inside.split_once('}'))
            else {
                out.push('$');
                rest = after;
                continue;
            };
            let (name, otherwise) = match inside.split_once(":-") {
                Some((name, otherwise)) => (name, Some(otherwise)),
                None => (inside, None),
            };
            out.push_str(self.get(name).or(otherwise).ok_or_else(|| Unset(name.to_owned()))?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Env {
    fn from(variables: [(K, V); N]) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_missing_ones_named() {
        let env = Env::from([("HOST", "box"), ("EMPTY", "")]);
        assert_eq!(env.expand("http://${HOST}:80/$$${HOST}$x").as_deref(), Ok("http://box:80/$box$x"));
        assert_eq!(env.expand("${PORT:-8080}${EMPTY:-none}").as_deref(), Ok("8080none"));
        assert_eq!(env.expand("a${PORT}"), Err(Unset("PORT".to_owned())));
        assert_eq!(env.expand("${open").as_deref(), Ok("${open"));
    }
}

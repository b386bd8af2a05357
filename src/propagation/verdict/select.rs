//! `--as dd-trace-py@4.16.0`: from a name to the profiles that it stands for.

use super::{Profile, profiles};
use std::fmt;

/// No profile has that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTracer {
    /// What was asked for.
    pub name: String,
    /// The keys that look like it, the nearest first; for a tracer that is known in another version, its own.
    pub nearest: Vec<&'static str>,
}

impl fmt::Display for UnknownTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no tracer is known as `{}`", self.name)?;
        if !self.nearest.is_empty() {
            write!(f, "; did you mean {}?", self.nearest.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownTracer {}

/// The profiles of `NAME`, `NAME[...]`, `NAME@VERSION` or `NAME[...]@VERSION`. A name alone is its default
/// configuration. Case and blanks do not count.
pub fn select(name: &str) -> Result<Vec<&'static Profile>, UnknownTracer> {
    let wanted: String = name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let (key, version) = match wanted.split_once('@') {
        Some((key, version)) => (key, Some(version)),
        None => (wanted.as_str(), None),
    };
    let version = version.map(|version| version.strip_prefix('v').unwrap_or(version));
    let named: Vec<&Profile> = profiles().iter().filter(|profile| profile.key == key).collect();
    let found: Vec<&Profile> = named.iter().copied().filter(|profile| version.is_none_or(|v| profile.has(v))).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let nearest = if named.is_empty() { nearest(key) } else { named.iter().map(|profile| profile.key).collect() };
    Err(UnknownTracer { name: name.trim().to_owned(), nearest })
}

impl Profile {
    /// Whether its version is `version` or begins with it: `4` and `4.16` are 4.16.0.
    fn has(&self, version: &str) -> bool {
        let rest = self.version.strip_prefix(version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }
}

/// The keys that are few edits away from `name`, or the default configuration of every tracer when none is.
fn nearest(name: &str) -> Vec<&'static str> {
    let limit = (name.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = profiles()
        .iter()
        .map(|profile| (edits(name, profile.key), profile.key))
        .filter(|(edits, key)| *edits <= limit || (!name.is_empty() && key.contains(name)))
        .collect();
    near.sort_by_key(|(edits, _)| *edits);
    if near.is_empty() {
        return profiles().iter().filter(|profile| profile.key == profile.tracer).map(|profile| profile.key).collect();
    }
    near.into_iter().take(5).map(|(_, key)| key).collect()
}

/// How many characters must be inserted, removed or replaced to turn one text into the other.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str) -> Vec<&'static str> {
        select(name).expect("known").iter().map(|profile| profile.key).collect()
    }

    #[test]
    fn names_versions_and_configurations() {
        assert_eq!(keys("dd-trace-py"), ["dd-trace-py"]);
        assert_eq!(keys(" DD-trace-py@4.16.0 "), ["dd-trace-py"]);
        assert_eq!(keys("dd-trace-py@4"), ["dd-trace-py"]);
        assert_eq!(keys("dd-trace-py[tracecontext, datadog]@v4.16"), ["dd-trace-py[tracecontext,datadog]"]);
    }

    #[test]
    fn an_unknown_name_has_neighbours() {
        let nearest = |name| select(name).expect_err("unknown").nearest;
        assert_eq!(nearest("dd-trace-pi")[0], "dd-trace-py");
        assert_eq!(nearest("otel-java")[0], "otel-js");
        assert_eq!(nearest("dd-trace-py@3"), ["dd-trace-py"]);
        assert_eq!(nearest("zipkin").len(), 13);
        assert_eq!(
            select("otel-j").expect_err("unknown").to_string(),
            "no tracer is known as `otel-j`; did you mean otel-js, otel-go, otel-js[b3], otel-js[jaeger]?"
        );
    }
}

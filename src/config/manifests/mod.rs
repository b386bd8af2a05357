//! Environments out of the files that start programs.

pub mod compose;
pub mod helm;
pub mod kubernetes;
pub mod stable;

use super::codes::forms::REFUSED;
use super::document::{Data, Node};
use super::environment::{Context, Environment};
use super::finding::Finding;
use super::target::Entry;
use crate::diagnostic::Source;

/// A parsed file.
pub struct File<'f> {
    /// Which one.
    pub source: &'f Source,
    /// Its text.
    pub text: &'f str,
    /// Its documents.
    pub documents: &'f [Node],
}

impl File<'_> {
    /// What is written at a node.
    fn written(&self, node: &Node) -> &str {
        self.text.get(node.range.clone()).unwrap_or_default()
    }

    /// The text of a scalar as Go's YAML and formatting make it of a number; of other scalars their own. `None` for
    /// null and containers.
    fn scalar(&self, node: &Node) -> Option<String> {
        match &node.data {
            Data::Str(text) => Some(text.clone()),
            Data::Bool(value) => Some(value.to_string()),
            Data::Int(value) => Some(match self.written(node).trim_start_matches(['+', '-']) {
                // A leading zero makes it octal there, decimal in the core schema.
                written
                    if written.len() > 1
                        && written.bytes().all(|digit| matches!(digit, b'0'..=b'7'))
                        && written.starts_with('0') =>
                {
                    let octal = i64::from_str_radix(written, 8).unwrap_or(*value);
                    (if *value < 0 { -octal } else { octal }).to_string()
                }
                _ => value.to_string(),
            }),
            Data::Float(value) => Some(match self.written(node) {
                // An integer beyond 64 bits with sign, which Go still holds without.
                written if written.parse::<u64>().is_ok() => written.to_owned(),
                _ => go_float(*value),
            }),
            Data::Null | Data::Seq(_) | Data::Map(_) => None,
        }
    }
}

/// Go's `%v` of a float.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The name that a key gives to a variable.
fn key_name(file: &File<'_>, key: &Node) -> Option<String> {
    file.scalar(key).filter(|name| !name.is_empty())
}

/// Sets `name` to a value whose text is known.
fn set(
    environment: &mut Environment,
    context: &mut Context<'_>,
    name: &str,
    key: &Node,
    value: &Node,
    text: String,
    file: &File<'_>,
) {
    let mut entry = Entry::at(name, text, key.place(), value);
    entry.verbatim = file.written(value) == entry.value;
    environment.set(entry, context);
}

/// Reports that the platform refuses the value of `name`.
fn refuse(
    environment: &mut Environment,
    context: &mut Context<'_>,
    name: &str,
    key: &Node,
    value: &Node,
    message: String,
    file: &File<'_>,
) {
    let mut finding = Finding::new(REFUSED, name, message).at(Some(value.place()));
    if matches!(value.data, Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_)) {
        let written = file.written(value);
        finding = finding.help(format!("write \"{written}\" in quotes")).replacement(format!("\"{written}\""));
    }
    environment.report(finding);
    environment.refused(name, Some(key.place()), context);
}

#[cfg(test)]
mod tests {
    use super::go_float;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, text) in [
            (1.5, "1.5"),
            (1.0, "1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123456.0, "123456"),
            (1e6, "1e+06"),
            (1234567.5, "1.2345675e+06"),
            (-1.25e-7, "-1.25e-07"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(go_float(value), text);
        }
    }
}

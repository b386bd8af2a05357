//! Variables in a declarative configuration file: `${NAME}`, `${env:NAME}`, `${NAME:-default}`, `$$` for a dollar.
//!
//! Only values are substituted, never keys; what comes out is read once more for its type, when it was not quoted, and
//! cannot become a list or a mapping. `${A:-${B}}` is not recursive: the default is `${B`, and a `}` follows.

use super::super::codes::otel::BAD_SUBSTITUTION;
use crate::config::document::{self, Data, Node};
use crate::config::vars::{Var, filled, nearest};
use crate::config::{Finding, Target};
use rustc_hash::FxHashSet;
use std::ops::Range;

/// Bytes that variables may give a document.
const MAX_GROWTH: usize = 16 << 20;

/// Faults of one file that are told.
pub const MAX_FAULTS: usize = 100;

/// A document whose variables are replaced.
pub struct Substituted {
    /// The document.
    pub root: Node,
    /// Names of the variables in it.
    pub references: FxHashSet<String>,
    /// Starts of the scalars that hold a variable which cannot be known here.
    unknown: FxHashSet<usize>,
    /// Bytes that variables gave.
    grown: usize,
}

impl Substituted {
    /// Whether the value of a scalar cannot be known here.
    pub fn is_unknown(&self, node: &Node) -> bool {
        self.unknown.contains(&node.range.start) && !matches!(node.data, Data::Seq(_) | Data::Map(_))
    }
}

/// Replaces the variables in every value of `root`.
pub fn substitute(root: &Node, target: &Target, errors: &mut Vec<Finding>) -> Substituted {
    let mut out =
        Substituted { root: root.clone(), references: FxHashSet::default(), unknown: FxHashSet::default(), grown: 0 };
    let mut path = String::new();
    let mut root = root.clone();
    walk(&mut root, &mut path, target, &mut out, errors);
    out.root = root;
    out
}

/// `path.key`, or `key` at the top.
pub fn dotted(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Recursion is bounded: documents are at most [`document::MAX_DEPTH`] deep.
fn walk(node: &mut Node, path: &mut String, target: &Target, out: &mut Substituted, errors: &mut Vec<Finding>) {
    let length = path.len();
    match &mut node.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                let key = key.text().unwrap_or("?");
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                walk(value, path, target, out, errors);
                path.truncate(length);
            }
        }
        Data::Seq(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{at}]"));
                walk(item, path, target, out, errors);
                path.truncate(length);
            }
        }
        Data::Str(text) if text.contains('$') && errors.len() < MAX_FAULTS => {
            let text = std::mem::take(text);
            let replaced = replace(&text, target, out, node, path, errors);
            node.data = match (&replaced, node.quoted) {
                (Some(new), true) => Data::Str(new.clone()),
                (Some(new), false) => document::resolve(new),
                (None, _) => Data::Str(text.clone()),
            };
            // The text of the file is not the value any more.
            node.verbatim &= replaced.as_ref() == Some(&text);
        }
        _ => {}
    }
}

/// The text with its variables replaced; `None` when a reference is invalid or its variable cannot be known here.
fn replace(
    text: &str,
    target: &Target,
    out: &mut Substituted,
    node: &Node,
    path: &str,
    errors: &mut Vec<Finding>,
) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    let mut whole = true;
    while let Some(dollar) = rest.find('$') {
        let at = text.len() - rest.len() + dollar;
        result.push_str(rest.get(..dollar).unwrap_or_default());
        let after = rest.get(dollar + 1..).unwrap_or_default();
        if let Some(after) = after.strip_prefix('$') {
            result.push('$');
            rest = after;
            continue;
        }
        let inner = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let Some((inner, after)) = inner else {
            result.push('$');
            rest = after;
            continue;
        };
        rest = after;
        match reference(inner) {
            Ok((name, default)) => {
                if !out.references.contains(name) {
                    out.references.insert(name.to_owned());
                }
                match filled(target, name) {
                    Var::Set(entry) => {
                        out.grown += entry.value.len();
                        if out.grown > MAX_GROWTH {
                            let why = "the variables of the file give more than 16 MiB";
                            errors.push(invalid(inner, why, at..at + inner.len() + 3, node, path));
                            return None;
                        }
                        result.push_str(&entry.value);
                    }
                    Var::Unset => result.push_str(default.unwrap_or_default()),
                    Var::Unknown => {
                        out.unknown.insert(node.range.start);
                        whole = false;
                    }
                }
            }
            Err(why) => {
                errors.push(invalid(inner, why, at..at + inner.len() + 3, node, path));
                whole = false;
            }
        }
    }
    result.push_str(rest);
    whole.then_some(result)
}

/// Name and default of `NAME`, `env:NAME`, `NAME:-default`.
fn reference(inner: &str) -> Result<(&str, Option<&str>), &'static str> {
    let body = inner.strip_prefix("env:").unwrap_or(inner);
    let end = body.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let (name, rest) = body.split_at(end);
    if name.is_empty() {
        return Err("it names no variable");
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("the name of a variable does not begin with a digit");
    }
    match rest.strip_prefix(":-") {
        _ if rest.is_empty() => Ok((name, None)),
        Some(default) if !default.contains('\n') => Ok((name, Some(default))),
        Some(_) => Err("a default is on one line"),
        None if rest.starts_with(":?") || rest.starts_with('-') || rest.starts_with(":+") => {
            Err("of the forms of a shell only :- is known")
        }
        None if rest.starts_with(':') => Err("the only prefix is env:"),
        None => Err("a name consists of letters, digits and _"),
    }
}

fn invalid(inner: &str, why: &'static str, range: Range<usize>, node: &Node, path: &str) -> Finding {
    let mut place = node.clone();
    if node.verbatim {
        let start = node.range.start;
        place.range = (start + range.start).min(node.range.end)..(start + range.end).min(node.range.end);
    }
    let message = format!("{path}: ${{{inner}}} is no valid substitution: {why}");
    let name: String = inner.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let finding = Finding::new(BAD_SUBSTITUTION, path, message).at(Some(place.place()));
    let default =
        inner.split_once(":?").or_else(|| inner.split_once('-')).map(|(name, default)| (name.trim(), default));
    match (default, nearest(&name, &["env"])) {
        (Some((name, default)), _) if reference(name).is_ok() && !default.is_empty() => {
            finding.help(format!("write ${{{name}:-{default}}}, or $${{{inner}}} for the text itself"))
        }
        (_, Some(_)) if inner.contains(':') => finding.help("write ${env:NAME}"),
        _ => finding.help(format!("write ${{NAME}} or ${{NAME:-default}}, or $${{{inner}}} for the text itself")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Entry;
    use crate::diagnostic::Source;

    fn run(text: &str) -> Result<Data, usize> {
        let root = document::parse(Source::Default, &format!("k: {text}\n")).expect("YAML").remove(0);
        let entry = |name: &str, value: &str| Entry {
            name: name.into(),
            value: value.into(),
            name_place: None,
            value_place: None,
            verbatim: false,
        };
        let env = vec![
            entry("TEXT", "value"),
            entry("BOOL", "true"),
            entry("INT", "1"),
            entry("FLOAT", "1.1"),
            entry("HEX", "0xdeadbeef"),
            entry("EMPTY", ""),
            entry("REF", "${TEXT}"),
            entry("INJECT", "a: b\n- c"),
        ];
        let target = Target { env, ..Target::default() };
        let mut errors = Vec::new();
        let out = substitute(&root, &target, &mut errors);
        match errors.len() {
            0 => Ok(out.root.get("k").expect("key").data.clone()),
            count => Err(count),
        }
    }

    #[test]
    fn follows_the_table_of_the_specification() {
        let text = |text: &str| Ok(Data::Str(text.to_owned()));
        assert_eq!(run("${TEXT}"), text("value"));
        assert_eq!(run("${BOOL}"), Ok(Data::Bool(true)));
        assert_eq!(run("${INT}"), Ok(Data::Int(1)));
        assert_eq!(run("${FLOAT}"), Ok(Data::Float(1.1)));
        assert_eq!(run("${HEX}"), Ok(Data::Int(3735928559)));
        assert_eq!(run("\"${BOOL}\""), text("true"));
        assert_eq!(run("'${INT}'"), text("1"));
        assert_eq!(run("${env:TEXT}"), text("value"));
        assert_eq!(run("${INJECT}"), text("a: b\n- c"));
        assert_eq!(run("foo ${TEXT} ${FLOAT}"), text("foo value 1.1"));
        assert_eq!(run("${UNDEFINED}"), Ok(Data::Null));
        assert_eq!(run("${EMPTY}"), Ok(Data::Null));
        assert_eq!(run("${UNDEFINED:-fallback}"), text("fallback"));
        assert_eq!(run("${EMPTY:-fallback}"), text("fallback"));
        assert_eq!(run("${UNDEFINED:-}"), Ok(Data::Null));
        assert_eq!(run("${UNDEFINED:-1}"), Ok(Data::Int(1)));
        assert_eq!(run("${REF}"), text("${TEXT}"));
        assert_eq!(run("$${TEXT}"), text("${TEXT}"));
        assert_eq!(run("$$${TEXT}"), text("$value"));
        assert_eq!(run("$$$${TEXT}"), text("$${TEXT}"));
        assert_eq!(run("$${TEXT:-fallback}"), text("${TEXT:-fallback}"));
        assert_eq!(run("${UNDEFINED:-${TEXT}}"), text("${TEXT}"));
        assert_eq!(run("$TEXT $"), text("$TEXT $"));
        assert_eq!(run("a $$ b"), text("a $ b"));
        assert_eq!(run("${UNCLOSED"), text("${UNCLOSED"));
        for bad in ["${}", "${1A}", "${A B}", "${A:?err}", "${A-b}", "${file:A}", "${env:}", "${A$}", "${A-B}"] {
            assert_eq!(run(bad), Err(1), "{bad}");
        }
        assert_eq!(run("${}${1}"), Err(2));
    }
}

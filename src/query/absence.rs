//! Why a query found nothing: which of its terms excluded everything, and what there is instead.

use super::{Expression, Key, Query, Term};
use crate::trace::{Span, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Most different texts that are counted of one kind.
const KEPT: usize = 10_000;
/// Most of them that are told.
const TOLD: usize = 3;

/// What spans were like that a query did not find. Show it to know what excluded them.
#[derive(Clone, Debug)]
pub struct Absence<'q> {
    query: &'q Query,
    spans: u64,
    /// By part of the query: how many spans it takes on its own.
    alone: Vec<u64>,
    /// Services, operation names and resources.
    names: [BTreeMap<Box<str>, u64>; 3],
    /// By key that the query asks for: the values that spans have.
    values: BTreeMap<String, BTreeMap<String, u64>>,
    /// Keys of attributes that were decoded.
    keys: BTreeMap<Box<str>, u64>,
}

/// How the members with names are called in queries, in the order of [`Absence::names`].
const MEMBERS: [&str; 3] = ["service", "operation_name", "resource_name"];

impl<'q> Absence<'q> {
    /// Nothing seen yet.
    pub fn of(query: &'q Query) -> Self {
        let alone = vec![0; query.parts().len()];
        Absence { query, spans: 0, alone, names: Default::default(), values: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// Takes a span into account.
    pub fn see(&mut self, span: Span<'_>) {
        self.spans += 1;
        for (part, alone) in self.query.parts().iter().zip(&mut self.alone) {
            *alone += u64::from(part.matches(span));
        }
        for (names, name) in self.names.iter_mut().zip([span.service(), span.name(), span.resource()]) {
            count(names, name);
        }
        for (key, _) in span.attributes().iter() {
            count(&mut self.keys, key);
        }
        for key in self.query.terms().into_iter().filter_map(Term::attribute_key) {
            let value = super::names_of(key).into_iter().find_map(|name| span.attributes().get(name));
            let Some(value) = value.and_then(shown) else { continue };
            let values = self.values.entry(key.to_owned()).or_default();
            if values.len() < KEPT || values.contains_key(&value) {
                *values.entry(value).or_default() += 1;
            }
        }
    }

    /// What a term looks for and does not find, and what is there that is like it.
    fn instead(&self, term: &Term) -> String {
        let wanted = term.wanted();
        let own = match &term.key {
            Key::Service => Some(0),
            Key::Operation => Some(1),
            Key::Resource => Some(2),
            Key::Attribute(key) => return self.instead_of_attribute(key, &wanted),
            _ => None,
        };
        let Some(own) = own else { return String::new() };
        // A name that stands under another member is found there, so all are looked through.
        let mut near: Vec<(f64, u64, usize, &str)> = Vec::new();
        for (member, names) in self.names.iter().enumerate() {
            let bonus = if member == own { 0.05 } else { 0.0 };
            near.extend(names.iter().map(|(name, spans)| (likeness(name, &wanted) + bonus, *spans, member, &**name)));
        }
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let mut told: Vec<(u64, usize, &str)> = Vec::new();
        for (_, spans, member, name) in near {
            // Tracers that set no resource repeat the name.
            if told.len() < TOLD && told.iter().all(|(_, _, before)| *before != name) {
                told.push((spans, member, name));
            }
        }
        let told: Vec<String> = told
            .into_iter()
            .map(|(spans, member, name)| format!("{} {}:{}", have(spans), MEMBERS[member], quoted(name)))
            .collect();
        if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
    }

    fn instead_of_attribute(&self, key: &str, wanted: &str) -> String {
        if let Some(values) = self.values.get(key) {
            let mut near: Vec<_> = values.iter().collect();
            near.sort_by(|a, b| {
                likeness(b.0, wanted).total_cmp(&likeness(a.0, wanted)).then(b.1.cmp(a.1)).then(a.0.cmp(b.0))
            });
            let told: Vec<String> = near
                .into_iter()
                .take(TOLD)
                .map(|(value, spans)| format!("{} @{key}:{}", have(*spans), quoted(value)))
                .collect();
            return format!("; {}", told.join(", "));
        }
        let near = self.keys.keys().map(|known| (strsim::jaro_winkler(known, key), known));
        let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
        match near {
            Some((_, known)) => format!("; no span has {key}, but there is @{known}"),
            None => format!("; no span has {key}"),
        }
    }
}

impl fmt::Display for Absence<'_> {
    /// One line per part of the query that excluded everything; one that says so when only all together did.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = |count: u64| format!("{count} span{}", if count == 1 { "" } else { "s" });
        if self.spans == 0 {
            return f.write_str("there are no spans");
        }
        let parts = self.query.parts();
        let mut faults = Vec::new();
        for (part, _) in parts.iter().zip(&self.alone).filter(|(_, alone)| **alone == 0) {
            match part {
                Expression::Not(_) => faults.push(format!("{part} excludes all {}", spans(self.spans))),
                _ => {
                    let terms = part.found_terms();
                    let instead = terms.first().map(|term| self.instead(term)).unwrap_or_default();
                    faults.push(format!("{part} alone matches none of {}{instead}", spans(self.spans)));
                }
            }
        }
        if faults.is_empty() {
            let each: Vec<String> =
                parts.iter().zip(&self.alone).map(|(part, alone)| format!("{part} {}", spans(*alone))).collect();
            return write!(f, "each term matches on its own, no span all of them: {}", each.join(", "));
        }
        f.write_str(&faults.join("\n"))
    }
}

fn count(names: &mut BTreeMap<Box<str>, u64>, name: &str) {
    if let Some(known) = names.get_mut(name) {
        *known += 1;
    } else if !name.is_empty() && names.len() < KEPT {
        names.insert(name.into(), 1);
    }
}

fn have(spans: u64) -> String {
    if spans == 1 { "1 span has".to_owned() } else { format!("{spans} spans have") }
}

/// How like two names are: as wholes, or in their last parts (`pgx.query` and `db.query`).
fn likeness(name: &str, wanted: &str) -> f64 {
    let head = |text: &str| text.chars().take(200).collect::<String>().to_lowercase();
    let (name, wanted) = (head(name), head(wanted));
    if name.is_empty() || wanted.is_empty() {
        return 0.0;
    }
    let last = |text: &str| text.rsplit(['.', ' ', '/']).next().unwrap_or_default().to_owned();
    let shared = if last(&name) == last(&wanted) { 0.5 } else { 0.0 };
    let inside = if name.contains(&wanted) || wanted.contains(&name) { 0.5 } else { 0.0 };
    strsim::jaro(&name, &wanted) + shared + inside
}

fn shown(value: Value<'_>) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A value as it may stand in a query.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let plain = |c: char| c.is_alphanumeric() || "._-/:".contains(c);
    if text.chars().count() > LONGEST {
        let head: String = text.chars().take(LONGEST).collect();
        format!("{head:?}...")
    } else if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

//! Assertions over traces: what must hold for the spans that a query finds.
//!
//! ```text
//! [QUERY :] ASSERT {and ASSERT}
//!     count OP N      errors OP N      p50|p95|p99|max OP DURATION      of all spans that match
//!     self OP DURATION      links OP N      has KEY      child_of(QUERY)      of each of them
//!     no orphan      no error                                      of none of them
//! operation_name:web.request : count >= 1 and p95 < 200ms and no error
//! ```
//! The colon stands between blanks. What is said of each span, or of durations, also fails when no span matches.

use super::Quantiles;
use crate::id::{SpanId, TraceId};
use crate::query::Query;
use crate::time::Nanos;
use crate::tree::{Top, TraceTree};
use std::cmp::Ordering;
use std::fmt;

/// A parsed assertion, and what was counted for it so far.
#[derive(Clone, Debug)]
pub struct Assertion {
    text: String,
    query: Option<Query>,
    checks: Vec<Check>,
    count: u64,
    errors: u64,
    orphans: u64,
    durations: Quantiles,
    /// By check: how many spans do not hold it, and the first of them.
    broken: Vec<(u64, Option<(TraceId, SpanId)>)>,
    /// The first span that matches, and the first that fails.
    first: Option<(TraceId, SpanId)>,
    first_error: Option<(TraceId, SpanId)>,
    first_orphan: Option<(TraceId, SpanId)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Check {
    Count(Compare, u64),
    Errors(Compare, u64),
    Quantile(u32, Compare, Nanos),
    SelfTime(Compare, Nanos),
    Links(Compare, u64),
    Has(String),
    ChildOf(Query),
    NoOrphan,
    NoError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is no assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionError {
    /// Character of the text, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.message, self.column)
    }
}

impl std::error::Error for AssertionError {}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What was found instead.
    pub message: String,
    /// A span that shows it.
    pub span: Option<(TraceId, SpanId)>,
}

impl Assertion {
    /// Reads an assertion.
    pub fn parse(text: &str) -> Result<Assertion, AssertionError> {
        parse(text).map_err(|fault| {
            let before = (fault.at.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let column = text.get(..before).unwrap_or(text).chars().count() + fault.column;
            AssertionError { column, message: fault.message }
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Keys of the attributes that it looks at.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.query.iter().flat_map(Query::keys).collect();
        for check in &self.checks {
            match check {
                Check::Has(key) => keys.push(key.clone()),
                Check::ChildOf(query) => keys.extend(query.keys()),
                _ => {}
            }
        }
        keys
    }

    /// Takes the spans of one trace into account.
    pub fn see(&mut self, tree: &TraceTree<'_, '_>) {
        for node in tree.walk() {
            let Some(span) = tree.span(node.index) else { continue };
            if self.query.as_ref().is_some_and(|query| !query.matches(span)) {
                continue;
            }
            let here = (span.trace_id(), span.span_id());
            self.count += 1;
            self.first.get_or_insert(here);
            self.durations.add(span.duration().0);
            if span.error() {
                self.errors += 1;
                self.first_error.get_or_insert(here);
            }
            if tree.top(node.index) == Some(Top::Orphan) {
                self.orphans += 1;
                self.first_orphan.get_or_insert(here);
            }
            for (check, broken) in self.checks.iter().zip(&mut self.broken) {
                let holds = match check {
                    Check::SelfTime(compare, bound) => compare.holds(tree.self_time(node.index).cmp(bound)),
                    Check::Links(compare, bound) => compare.holds((span.links().len() as u64).cmp(bound)),
                    Check::Has(key) => span.attributes().get(key).is_some(),
                    Check::ChildOf(query) => {
                        let parent = tree.parent(node.index).and_then(|parent| tree.span(parent));
                        parent.is_some_and(|parent| query.matches(parent))
                    }
                    _ => true,
                };
                if !holds {
                    broken.0 += 1;
                    broken.1.get_or_insert(here);
                }
            }
        }
    }

    /// What does not hold, one entry per check.
    pub fn broken(&self) -> Vec<Broken> {
        self.checks.iter().zip(&self.broken).filter_map(|(check, broken)| self.verdict(check, *broken)).collect()
    }

    fn verdict(&self, check: &Check, (broken, example): (u64, Option<(TraceId, SpanId)>)) -> Option<Broken> {
        let plural = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let compared = |compare: Compare, found: u64, wanted: u64, what: &str, span| {
            let holds = compare.holds(found.cmp(&wanted));
            (!holds).then(|| Broken { message: format!("{}, expected {compare} {wanted}", plural(found, what)), span })
        };
        let needs_spans = !matches!(check, Check::Count(..) | Check::Errors(..) | Check::NoOrphan | Check::NoError);
        if needs_spans && self.count == 0 {
            return Some(Broken { message: "no span matches, so nothing can be said".to_owned(), span: None });
        }
        let of_each = |what: String| {
            (broken > 0).then(|| Broken {
                message: format!("{broken} of {} {what}", plural(self.count, "span")),
                span: example,
            })
        };
        match check {
            Check::Count(compare, wanted) => compared(*compare, self.count, *wanted, "span", self.first),
            Check::Errors(compare, wanted) => compared(*compare, self.errors, *wanted, "failed span", self.first_error),
            Check::Quantile(percent, compare, bound) => {
                let found = self.durations.at(*percent);
                let name = if *percent == 100 { "max".to_owned() } else { format!("p{percent}") };
                (!compare.holds(found.cmp(bound))).then(|| Broken {
                    message: format!("{name} is {}ns, expected {compare} {}ns", found.0, bound.0),
                    span: self.first,
                })
            }
            Check::SelfTime(compare, bound) => of_each(format!("with a self time that is not {compare} {}ns", bound.0)),
            Check::Links(compare, wanted) => of_each(format!("without {compare} {wanted} links")),
            Check::Has(key) => of_each(format!("without {key}")),
            Check::ChildOf(query) => of_each(format!("without a parent that is {}", query.text())),
            Check::NoOrphan => (self.orphans > 0).then(|| Broken {
                message: format!("{} with a parent that is not in the input", plural(self.orphans, "span")),
                span: self.first_orphan,
            }),
            Check::NoError => (self.errors > 0)
                .then(|| Broken { message: plural(self.errors, "failed span"), span: self.first_error }),
        }
    }
}

/// What is wrong with a part of the text.
struct Fault<'t> {
    at: &'t str,
    /// Character of the part, from 1.
    column: usize,
    message: String,
}

fn fault(at: &str, message: String) -> Fault<'_> {
    Fault { at, column: 1, message }
}

fn parse_query(text: &str) -> Result<Query, Fault<'_>> {
    Query::parse(text).map_err(|error| Fault { at: text, column: error.column, message: error.message })
}

fn parse(text: &str) -> Result<Assertion, Fault<'_>> {
    let (query, rest) = match split_outside_quotes(text, " : ") {
        Some((query, rest)) => (Some(query), rest),
        None => (None, text),
    };
    let query = match query.map(str::trim).filter(|query| !query.is_empty()) {
        Some(query) => Some(parse_query(query)?),
        None => None,
    };
    let mut checks = Vec::new();
    let mut rest = rest;
    loop {
        let (one, more) = match split_outside_quotes(rest, " and ") {
            Some((one, more)) => (one, Some(more)),
            None => (rest, None),
        };
        checks.push(check(one.trim())?);
        match more {
            Some(more) => rest = more,
            None => break,
        }
    }
    Ok(Assertion {
        text: text.trim().to_owned(),
        query,
        broken: vec![(0, None); checks.len()],
        checks,
        count: 0,
        errors: 0,
        orphans: 0,
        durations: Quantiles::default(),
        first: None,
        first_error: None,
        first_orphan: None,
    })
}

/// Splits at the first `between` that stands outside quotes and parentheses.
fn split_outside_quotes<'t>(text: &'t str, between: &str) -> Option<(&'t str, &'t str)> {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0u32);
    for (at, c) in text.char_indices() {
        if !quoted && depth == 0 && text[at..].starts_with(between) {
            return Some((&text[..at], &text[at + between.len()..]));
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn check(text: &str) -> Result<Check, Fault<'_>> {
    if let Some(query) = text.strip_prefix("child_of") {
        let inside = query.trim().strip_prefix('(').and_then(|query| query.strip_suffix(')'));
        let Some(query) = inside else { return Err(fault(text, "write child_of(QUERY)".to_owned())) };
        return Ok(Check::ChildOf(parse_query(query)?));
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match (word, rest) {
        ("no", "orphan") => return Ok(Check::NoOrphan),
        ("no", "error") => return Ok(Check::NoError),
        ("has", key) if !key.is_empty() && !key.contains(char::is_whitespace) => {
            return Ok(Check::Has(key.trim_start_matches('@').to_owned()));
        }
        _ => {}
    }
    // `p95<5ms` needs no blanks.
    let end = text.find(|c: char| "=!<> \t".contains(c)).unwrap_or(text.len());
    let (name, rest) = (&text[..end], text[end..].trim());
    let operators = [
        ("==", Compare::Equal),
        ("!=", Compare::NotEqual),
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("<", Compare::Less),
        (">", Compare::Greater),
    ];
    let known = ["count", "errors", "p50", "p95", "p99", "max", "self", "links"];
    if !known.contains(&name) {
        let known = "count, errors, p50, p95, p99, max, self, links, has KEY, child_of(QUERY), no orphan, no error";
        return Err(fault(text, format!("{text:?} is no assertion; known are {known}")));
    }
    let Some((compare, value)) =
        operators.iter().find_map(|(sign, compare)| rest.strip_prefix(sign).map(|value| (*compare, value.trim())))
    else {
        return Err(fault(rest, format!("one of == != < <= > >= is missing behind {name}")));
    };
    let number = || value.parse::<u64>().map_err(|_| fault(value, format!("{value:?} is no number")));
    let duration = || {
        let zero = (value == "0").then_some(Nanos(0));
        zero.or_else(|| Nanos::parse(value))
            .ok_or_else(|| fault(value, format!("{value:?} is no duration such as 200ms")))
    };
    Ok(match name {
        "count" => Check::Count(compare, number()?),
        "errors" => Check::Errors(compare, number()?),
        "links" => Check::Links(compare, number()?),
        "self" => Check::SelfTime(compare, duration()?),
        "max" => Check::Quantile(100, compare, duration()?),
        percent => Check::Quantile(percent[1..].parse().unwrap_or(50), compare, duration()?),
    })
}

impl Compare {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Compare::Equal => order == Ordering::Equal,
            Compare::NotEqual => order != Ordering::Equal,
            Compare::Less => order == Ordering::Less,
            Compare::LessOrEqual => order != Ordering::Greater,
            Compare::Greater => order == Ordering::Greater,
            Compare::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
            Compare::Less => "<",
            Compare::LessOrEqual => "<=",
            Compare::Greater => ">",
            Compare::GreaterOrEqual => ">=",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::trace::{Batch, SpanDraft, Trace};

    fn faults(expression: &str) -> Vec<String> {
        let mut batch = Batch::default();
        for (id, parent, name, start, duration, error) in
            [(1, 0, "root", 0, 100, 0), (2, 1, "child", 10, 30, 1), (3, 9, "lost", 50, 5, 0)]
        {
            batch.push(&SpanDraft {
                trace_id: TraceId(7),
                span_id: SpanId(id),
                parent_id: Some(SpanId(parent)).filter(|parent| parent.0 != 0),
                name: name.into(),
                start: Timestamp(start),
                duration: Nanos(duration),
                error,
                ..SpanDraft::default()
            });
        }
        batch.finish();
        let trace = Trace::of(TraceId(7), vec![batch.view(&[])], &[None]);
        let tree = TraceTree::of(&trace);
        let mut assertion = Assertion::parse(expression).unwrap();
        assertion.see(&tree);
        assertion.broken().into_iter().map(|broken| broken.message).collect()
    }

    #[test]
    fn what_holds_is_silent_and_what_does_not_says_why() {
        for expression in [
            "count == 3 and errors == 1",
            "operation_name:child : child_of(operation_name:root) and p95 <= 30ns and self<31ns",
            "operation_name:none : count == 0 and no error and no orphan",
            "-operation_name:lost : no orphan",
            "links == 0",
        ] {
            assert_eq!(faults(expression), [""; 0], "{expression}");
        }
        for (expression, fault) in [
            ("count > 3", "3 spans, expected > 3"),
            ("no error", "1 failed span"),
            ("no orphan", "1 span with a parent that is not in the input"),
            ("has http.status_code", "3 of 3 spans without http.status_code"),
            ("max < 100ns", "max is 100ns, expected < 100ns"),
            (
                "operation_name:root : child_of(operation_name:child)",
                "1 of 1 span without a parent that is operation_name:child",
            ),
            ("service:x : p50 < 1ms", "no span matches, so nothing can be said"),
        ] {
            assert_eq!(faults(expression), [fault], "{expression}");
        }
    }

    #[test]
    fn what_is_no_assertion_is_said() {
        for (text, column, fault) in [
            ("", 1, "\"\" is no assertion"),
            ("count 3", 7, "one of == != < <= > >= is missing behind count"),
            ("ä and count == x", 1, "\"ä\" is no assertion"),
            ("operation_name:ä : count == x", 29, "\"x\" is no number"),
            ("no error and p95 < 5", 20, "\"5\" is no duration such as 200ms"),
            ("max <", 6, "\"\" is no duration such as 200ms"),
            (" a: : count == 1", 4, "a value is missing after the colon"),
            ("child_of x", 1, "write child_of(QUERY)"),
            ("no error and child_of(b:)", 25, "a value is missing after the colon"),
        ] {
            let error = Assertion::parse(text).map(|_| ()).unwrap_err();
            assert!(error.message.starts_with(fault) && error.column == column, "{text}: {error}");
        }
    }
}

//! From header lines to what a library looks at: names lower-cased, blanks dropped, and the values of a repeated
//! name joined (Python, Node), cut to the first (C++, Rust, OpenTelemetry Go) or handed over one by one
//! (dd-trace-go).

use super::Cause;
use super::causes::Causes;
use super::number::Trim;
use super::quirks::{Delivery, Repeated};
use crate::http::Headers;
use std::borrow::Cow;

/// A header set as one tracer sees it.
pub(super) struct Delivered<'h> {
    pub headers: &'h Headers,
    pub rule: &'static Delivery,
}

impl<'h> Delivered<'h> {
    /// Every value that the library looks at; more than one only where it looks at all of them.
    pub fn values(&self, name: &str) -> Vec<Cow<'h, str>> {
        let lines = self.lines(name);
        let mut values = match self.rule.repeated {
            Repeated::Joined(between) if lines.len() > 1 => vec![Cow::Owned(lines.join(between))],
            Repeated::First => lines.into_iter().take(1).map(Cow::Borrowed).collect(),
            Repeated::Joined(_) | Repeated::Each => lines.into_iter().map(Cow::Borrowed).collect::<Vec<_>>(),
        };
        if self.rule.empty_is_absent {
            values.retain(|value| !value.is_empty());
        }
        values
    }

    /// The value, the last where there are several.
    pub fn value(&self, name: &str) -> Option<Cow<'h, str>> {
        self.values(name).pop()
    }

    /// Whether there is a line of that name, with a value or without.
    pub fn is_sent(&self, name: &str) -> bool {
        !self.lines(name).is_empty()
    }

    /// The code for a name that is there more than once; none when that changes nothing: the lines agree and the
    /// library takes one of them, or it joins the lines of a list.
    pub fn repeated(&self, name: &str) -> Option<Cause> {
        let lines = self.lines(name);
        let (first, others) = lines.split_first().filter(|(_, others)| !others.is_empty())?;
        let identical = others.iter().all(|line| line == first);
        let joined = self.joins();
        match name {
            "traceparent" => Some("traceparent-duplicate"),
            "tracestate" => (!joined && !identical).then_some("tracestate-multiple-headers"),
            "x-datadog-tags" => (joined || !identical).then_some("header-duplicate-joined"),
            _ if identical => joined.then_some("header-duplicate-identical"),
            _ => Some("header-duplicate"),
        }
    }

    /// Notes that the name is there more than once, and `refused` says whether that is what made it unreadable: lines
    /// that a server joined are one value that nobody wrote.
    pub fn note_repeated(&self, name: &str, refused: bool, causes: &mut Causes) {
        let Some(cause) = self.repeated(name) else { return };
        if refused && self.joins() { causes.stops(cause) } else { causes.bends(cause) }
    }

    fn joins(&self) -> bool {
        matches!(self.rule.repeated, Repeated::Joined(_))
    }

    /// The values of all lines of that name.
    fn lines(&self, name: &str) -> Vec<&'h str> {
        let mut lines: Vec<&str> = self.lines_named(|line| line.eq_ignore_ascii_case(name)).collect();
        if lines.is_empty() && self.rule.cgi_names {
            lines = self.lines_named(|line| is_cgi_form(line, name)).collect();
        }
        lines
    }

    fn lines_named(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &'h str> {
        let headers = self.headers;
        headers
            .iter()
            .filter(move |(name, _)| wanted(Trim::Blank.apply(name)))
            .map(|(_, value)| Trim::Blank.apply(value))
    }
}

/// Whether `line` is `http_` and `name` with `_` for `-`, in any case.
pub(super) fn is_cgi_form(line: &str, name: &str) -> bool {
    let Some((prefix, rest)) = line.split_at_checked(5) else { return false };
    prefix.eq_ignore_ascii_case("http_")
        && rest.len() == name.len()
        && rest.bytes().zip(name.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(if b == b'-' { &b'_' } else { &b }))
}

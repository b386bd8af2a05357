//! Lines `NAME=VALUE` with the place of every name and value, as the dotenv libraries and compose read them, and as
//! `docker run --env-file` does.

use super::Dialect;
use super::codes::forms::{LITERAL, NO_VARIABLE};
use super::document::file_name;
use super::environment::{Context, Environment};
use super::finding::Finding;
use super::interpolate::{self, Fault};
use super::target::Entry;
use crate::diagnostic::{Place, Source};
use std::ops::Range;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Quotes, comments, interpolation or none of them.
    pub dialect: Dialect,
    /// A line that is only a name takes its value from the shell, as for docker and compose; else it is a fault.
    pub inherits: bool,
}

struct Reader<'r, 'c> {
    source: &'r Source,
    text: &'r str,
    rules: Rules,
    environment: &'r mut Environment,
    context: &'r mut Context<'c>,
    /// Number of the current line, from 1.
    line: u64,
    /// No quote of this kind closes any more: single, double.
    unclosed: [bool; 2],
}

/// Reads `text` into `environment`.
pub fn read(source: &Source, text: &str, rules: Rules, environment: &mut Environment, context: &mut Context<'_>) {
    environment.source();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { source, text, rules, environment, context, line: 1, unclosed: [false; 2] };
    while at < text.len() && !reader.environment.is_full() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let bare = text[at..end].strip_suffix('\r').map_or(end, |line| at + line.len());
        let next = match rules.dialect {
            Dialect::Dotenv => reader.assignment(at..bare),
            Dialect::Docker => reader.docker(at..bare),
        };
        // A value in quotes may end in a later line.
        let next = next.unwrap_or(bare).max(end);
        let next = text[next..].find('\n').map_or(text.len(), |length| next + length + 1);
        reader.line += text[at..next].matches('\n').count() as u64;
        at = next;
    }
}

impl<'r> Reader<'r, '_> {
    fn place(&self, range: Range<usize>) -> Option<Place> {
        Some(Place::Text { source: self.source.clone(), range, line: Some(self.line) })
    }

    /// Where `part`, a slice of the file's text, stands.
    fn range(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        start..(start + part.len()).min(self.text.len())
    }

    fn no_assignment(&mut self, about: Option<&str>, part: &str, message: impl FnOnce() -> String) {
        let (source, line) = (self.source, self.line);
        let range = self.range(part);
        self.environment.report_with(NO_VARIABLE, || {
            let about = about.map_or_else(|| file_name(source), str::to_owned);
            let place = Place::Text { source: source.clone(), range, line: Some(line) };
            let help = "write NAME=VALUE; a comment begins with #";
            Finding::new(NO_VARIABLE, about, message()).at(Some(place)).help(help)
        });
    }

    /// A line of the usual dialect. Gives the end of its value when that is in a later line.
    fn assignment(&mut self, line: Range<usize>) -> Option<usize> {
        let text: &'r str = self.text;
        let whole = text[line].trim();
        if whole.is_empty() || whole.starts_with('#') {
            return None;
        }
        let exported = whole.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let rest = exported.map_or(whole, str::trim_start);
        let named = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let name = &rest[..rest.find(|c| !named(c)).unwrap_or(rest.len())];
        let after = rest[name.len()..].trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=').filter(|_| !name.is_empty()) else {
            if !name.is_empty() && after.is_empty() {
                let known = exported.is_some() && self.environment.get(name).is_some();
                match self.rules.inherits {
                    _ if known => {}
                    true => self.inherited(name),
                    false => self.no_assignment(Some(name), whole, || format!("{name} has no value: `=` is missing")),
                }
            } else {
                self.no_assignment(None, whole, || "this line is not an assignment".into());
            }
            return None;
        };
        let bare = value.trim_start_matches([' ', '\t']);
        match bare.chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(name, whole, bare, quote),
            _ => {
                let comment = value.match_indices('#').map(|(at, _)| at);
                let comment = comment.into_iter().find(|at| value[..*at].ends_with([' ', '\t']));
                let bare = value[..comment.unwrap_or(value.len())].trim();
                // An empty value stands behind the sign.
                let bare = if bare.is_empty() { &value[..0] } else { bare };
                self.interpolated(name, bare, false);
                None
            }
        }
    }

    /// A value that begins with a quote.
    fn quoted(&mut self, name: &'r str, whole: &'r str, bare: &'r str, quote: char) -> Option<usize> {
        let start = self.range(bare).start + 1;
        let kind = usize::from(quote == '"');
        let end = match self.unclosed[kind] {
            true => None,
            false => closing(self.text.as_bytes(), start, quote as u8),
        };
        self.unclosed[kind] |= end.is_none();
        let behind = end.map(|end| {
            let behind = &self.text[end + 1..];
            behind[..behind.find('\n').unwrap_or(behind.len())].trim()
        });
        let several = end.is_some_and(|end| self.text[start..end].contains('\n'));
        let (Some(end), Some(behind)) = (end.filter(|_| !several || behind == Some("")), behind) else {
            self.no_assignment(Some(name), whole, || format!("the quote of the value of {name} is never closed"));
            return None;
        };
        if !behind.is_empty() && !behind.starts_with('#') {
            self.no_assignment(Some(name), behind, || format!("text stands behind the closing quote of {name}"));
            return None;
        }
        let inner = &self.text[start..end];
        match quote {
            '\'' => self.set(name, inner, inner.to_owned()),
            _ => self.interpolated(name, inner, true),
        }
        Some(end)
    }

    /// A value in which references count, and escapes when it is in double quotes.
    fn interpolated(&mut self, name: &'r str, written: &'r str, escapes: bool) {
        let (environment, process) = (&*self.environment, &self.context.process);
        let values = |name: &str| match process.get(name) {
            Some(value) => Some((*value).to_owned()),
            None => environment.get(name).map(str::to_owned),
        };
        match evaluated(written, escapes, &values, &mut self.context.room) {
            Ok(value) => self.set(name, written, value),
            Err(Fault::Malformed(at, message)) => {
                let part = written.get(at..).unwrap_or(written);
                self.no_assignment(Some(name), part, || format!("the value of {name} has {message}"));
            }
            Err(fault) => {
                let places = [self.place(self.range(name)), self.place(self.range(written))];
                self.environment.unresolved(name, places, &fault.why(), self.context);
            }
        }
    }

    /// A line that is only a name.
    fn inherited(&mut self, name: &'r str) {
        let place = self.place(self.range(name));
        match self.context.process.get(name) {
            Some(value) => {
                let entry = Entry { name_place: place, ..Entry::process(name, value) };
                self.environment.set(entry, self.context);
            }
            None => {
                let why = "its value is taken from the shell";
                self.environment.unresolved(name, [place.clone(), place], why, self.context);
            }
        }
    }

    /// A line of docker's dialect.
    fn docker(&mut self, line: Range<usize>) -> Option<usize> {
        let text: &'r str = self.text;
        let whole = text[line].trim_start();
        if whole.trim_end().is_empty() || whole.starts_with('#') {
            return None;
        }
        let (name, value) = match whole.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (whole.trim_end(), None),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            let message = match name.is_empty() {
                true => "no name stands before `=`",
                false => "docker refuses blanks in a name",
            };
            self.no_assignment(None, whole, || message.into());
            return None;
        }
        let Some(value) = value else {
            self.inherited(name);
            return None;
        };
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
        let quoted = quote.is_some_and(|quote| value.len() > 1 && value.trim_end().ends_with(quote));
        let comment = value.match_indices('#').any(|(at, _)| value[..at].ends_with([' ', '\t']));
        if quoted || comment {
            let what = if quoted { "its quotes" } else { "a comment" };
            let message = format!("docker keeps {what} as part of the value of {name}");
            let place = self.place(self.range(value));
            let help = if quoted { "remove the quotes" } else { "put the comment on a line of its own" };
            self.environment.report(Finding::new(LITERAL, name, message).at(place).help(help));
        }
        self.set(name, value, value.to_owned());
        None
    }

    fn set(&mut self, name: &'r str, written: &'r str, value: String) {
        let verbatim = written == value;
        let name_place = self.place(self.range(name));
        let value_place = self.place(self.range(written));
        let entry = Entry { name: name.to_owned(), value, name_place, value_place, verbatim };
        self.environment.set(entry, self.context);
    }
}

/// The value that `written` stands for.
fn evaluated(written: &str, escapes: bool, values: interpolate::Values<'_>, room: &mut usize) -> Result<String, Fault> {
    let mut out = String::with_capacity(written.len());
    let mut at = 0;
    let special = |c: char| c == '$' || (escapes && c == '\\');
    while let Some(found) = written[at..].find(special) {
        out.push_str(&written[at..at + found]);
        at += found;
        let rest = &written[at..];
        if rest.starts_with('$') {
            at += interpolate::reference(rest, values, false, room, 0, &mut out).map_err(|fault| match fault {
                Fault::Malformed(inner, message) => Fault::Malformed(at + inner, message),
                other => other,
            })?;
            continue;
        }
        let escaped = rest.chars().nth(1);
        match escaped {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(c @ ('"' | '\\' | '$')) => out.push(c),
            // Any other backslash is itself.
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
        at += 1 + escaped.map_or(0, char::len_utf8);
    }
    out.push_str(&written[at..]);
    Ok(out)
}

/// Where the quote closes that opened before `start`.
fn closing(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}

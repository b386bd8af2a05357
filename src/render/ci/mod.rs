//! Findings for machines that read other people's findings: one line each, GitHub annotations, SARIF 2.1.0, JUnit XML.
//!
//! Every form takes the same [`Item`], so that findings on configurations (a line of a file) and on payloads (a byte of
//! a record) are written by one piece of code.

mod github;
mod junit;
mod sarif;

pub use github::github;
pub use junit::junit;
pub use sarif::sarif;

use super::{Region, clean};
use crate::diagnostic::{Code, Severity};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};

/// What was judged as one thing: the findings of a service, a container, a capture.
#[derive(Clone, Debug)]
pub struct Suite<'a> {
    /// Its name.
    pub name: &'a str,
    /// What was found, in the order in which it is reported.
    pub items: Vec<Item<'a>>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The kind of finding.
    pub code: Code,
    /// How bad it is here.
    pub severity: Severity,
    /// What was found, with its values; secrets masked.
    pub message: &'a str,
    /// What to do about it.
    pub help: Option<&'a str>,
    /// What it is about in words, where no line of a file says it: a variable, `record 3, byte 17, [0].meta`.
    pub subject: Cow<'a, str>,
    /// The file it is in.
    pub location: Option<Location>,
    /// Text that repairs what stands at the region.
    pub replacement: Option<&'a str>,
    /// How many alike it stands for.
    pub count: u64,
    /// It makes the run fail: at or above the threshold.
    pub failing: bool,
}

/// A file, and a part of it when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Path of the file, relative to the folder of the run when it is below that; `-` is standard input.
    pub file: String,
    /// Lines and columns.
    pub region: Option<Region>,
}

impl Item<'_> {
    /// The word for its severity in formats that know `note`.
    fn level(&self) -> &'static str {
        level(self.severity)
    }

    /// Code with dd-trace-cpp's number: `RATE_OUT_OF_RANGE (18)`.
    pub fn label(&self) -> String {
        label(self.code)
    }

    /// `file:line:column: severity[CODE]: message`, cleaned.
    pub fn one_line(&self) -> String {
        let place = match &self.location {
            Some(Location { file, region: Some(region) }) => format!("{file}:{}:{}", region.line, region.column),
            Some(Location { file, region: None }) => file.clone(),
            None => self.subject.to_string(),
        };
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        let line = format!("{place}{}[{}]: {}", self.level(), self.label(), self.message);
        clean(&line, false).into_owned()
    }
}

/// The name of a code, with dd-trace-cpp's number where it has one.
pub fn label(code: Code) -> String {
    match code.number() {
        Some(number) => format!("{} ({number})", code.id()),
        None => code.id().to_owned(),
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        other => other.word(),
    }
}

/// The findings, each once: what several suites share (an anchor, an `env_file`) stands at one place.
fn distinct<'s, 'a>(suites: &'s [Suite<'a>]) -> impl Iterator<Item = (&'s Suite<'a>, &'s Item<'a>)> {
    let mut seen = HashSet::new();
    suites.iter().flat_map(|suite| suite.items.iter().map(move |item| (suite, item))).filter(move |(_, item)| {
        let Some(Location { file, region: Some(region) }) = &item.location else { return true };
        let place = (file.as_str(), region.line, region.column, region.end_line, region.end_column);
        seen.insert((item.code, place, item.subject.as_ref(), item.message))
    })
}

/// Writes every finding as one line: `file:line:column: severity[CODE]: message`.
pub fn lines(w: &mut dyn Write, suites: &[Suite<'_>]) -> io::Result<()> {
    suites.iter().flat_map(|suite| &suite.items).try_for_each(|item| writeln!(w, "{}", item.one_line()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::WRONG_TYPE;

    pub(super) fn item(message: &'static str) -> Item<'static> {
        Item {
            code: WRONG_TYPE,
            severity: Severity::Error,
            message,
            help: Some("write 1,\nnot 100%"),
            subject: Cow::Borrowed("RATE"),
            location: Some(Location {
                file: "a,b:c%.yaml".to_owned(),
                region: Some(Region { line: 3, column: 5, end_line: 3, end_column: 8 }),
            }),
            replacement: Some("0.2"),
            count: 1,
            failing: true,
        }
    }

    #[test]
    fn shared_findings_are_told_once() {
        let nowhere = Item { location: None, ..item("missing") };
        let suite = |name| Suite { name, items: vec![item("shared"), nowhere.clone()] };
        let suites = [suite("web"), suite("db")];
        let told: Vec<_> = distinct(&suites).map(|(suite, item)| (suite.name, item.message)).collect();
        assert_eq!(told, [("web", "shared"), ("web", "missing"), ("db", "missing")]);
    }

    #[test]
    fn one_line_holds_no_second() {
        assert_eq!(item("a\nb\x1b[0m").one_line(), "a,b:c%.yaml:3:5: error[D003]: a\\nb\\u{1b}[0m");
        let nowhere = Item { location: None, severity: Severity::Note, ..item("m") };
        assert_eq!(nowhere.one_line(), "RATE: note[D003]: m");
    }
}

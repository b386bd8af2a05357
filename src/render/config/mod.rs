//! What `validate-config` found out about configurations: as text, as a JSON document, and for machines that read
//! other people's findings.

mod document;
mod text;

pub use document::document;
pub use text::{TextOptions, text};

use super::Region;
use super::ci::{Item, Location, Suite};
use crate::config::document::Node;
use crate::config::{Finalized, Finding, Mode, Profile, Target, secret};
use crate::diagnostic::{Place, Severity, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The answer of one run.
pub struct Report<'r> {
    /// Whose rules were applied.
    pub profile: Profile,
    /// What an error does.
    pub mode: Mode,
    /// Every target is good.
    pub ok: bool,
    /// What was judged, in the order of the input.
    pub targets: &'r [Judged],
    /// The texts of the files that were read, by their paths.
    pub texts: &'r BTreeMap<PathBuf, String>,
}

/// One target with what was found out about it.
#[derive(Debug)]
pub struct Judged {
    /// The environment.
    pub target: Target,
    /// Its input could not be read, or holds no configuration: there are only findings.
    pub skipped: bool,
    /// No error is left.
    pub ok: bool,
    /// With what the tracer would run.
    pub finalized: Option<Finalized>,
    /// When it would not run: what it would use if every faulty value were left out.
    pub assumed: Option<Finalized>,
    /// What was found, in the order in which it is reported.
    pub findings: Vec<Finding>,
}

impl Judged {
    /// How many findings of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// The file that its variables are in.
    fn file(&self) -> Option<&Path> {
        let places = self.target.env.iter().filter_map(|entry| entry.value_place.as_ref());
        let documents = [&self.target.file, &self.target.code].into_iter().flatten().map(|node| &*node.source);
        let sources = places.filter_map(|place| match place {
            Place::Text { source, .. } => Some(source),
            Place::Body { .. } => None,
        });
        sources.chain(documents).find_map(|source| match source {
            Source::File(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// Errors first, then warnings, then notes, each in the order in which they were found.
    fn sorted(&self) -> Vec<&Finding> {
        let mut sorted: Vec<&Finding> = self.findings.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
        sorted
    }
}

impl Report<'_> {
    /// The text that a place of this target is a part of.
    fn source_text<'t>(&'t self, judged: &'t Judged, source: &Source) -> Option<&'t str> {
        match source {
            Source::File(path) => self.texts.get(path).map(String::as_str),
            Source::Env(name) => judged.target.get(name).map(|entry| entry.value.as_str()),
            _ => None,
        }
    }

    /// Every target with its findings, for the forms of [`super::ci`]. `failing` says which severities make the run fail;
    /// a file below `base` is named from there.
    pub fn suites(&self, failing: &dyn Fn(Severity) -> bool, base: Option<&Path>) -> Vec<Suite<'_>> {
        self.targets
            .iter()
            .map(|judged| Suite {
                name: &judged.target.name,
                items: judged.sorted().into_iter().map(|finding| self.item(judged, finding, failing, base)).collect(),
            })
            .collect()
    }

    fn item<'t>(
        &self,
        judged: &Judged,
        finding: &'t Finding,
        failing: &dyn Fn(Severity) -> bool,
        base: Option<&Path>,
    ) -> Item<'t> {
        // What is missing stands nowhere, but it is missing in a file.
        let found = place(self, finding).or_else(|| Some((judged.file()?, None)));
        let location = found.map(|(path, region)| Location {
            file: base.and_then(|base| path.strip_prefix(base).ok()).unwrap_or(path).display().to_string(),
            region,
        });
        Item {
            code: finding.code(),
            severity: finding.severity(),
            message: finding.diagnostic.message(),
            help: finding.diagnostic.help_text(),
            subject: subject(finding),
            location,
            replacement: finding.replacement.as_deref(),
            count: finding.diagnostic.count(),
            failing: failing(finding.severity()),
        }
    }
}

/// Where a finding is: the file, and lines and columns when the place is a part of its text.
fn place<'f>(report: &Report<'_>, finding: &'f Finding) -> Option<(&'f Path, Option<Region>)> {
    match finding.diagnostic.place()? {
        Place::Text { source: Source::File(path), range, line } => {
            let region = report.texts.get(path).and_then(|text| Region::of(text, range, *line));
            Some((path, region))
        }
        _ => None,
    }
}

/// What a finding is about: a variable or key, and the place inside its value.
fn subject(finding: &Finding) -> Cow<'_, str> {
    match &finding.path {
        None => Cow::Borrowed(&finding.about),
        Some(path) if path.starts_with('[') => Cow::Owned(format!("{}{path}", finding.about)),
        Some(path) => Cow::Owned(format!("{}.{path}", finding.about)),
    }
}

/// The parts of a source's text that must not be shown.
fn hidden(target: &Target, source: &Source) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    for entry in &target.env {
        let Some(Place::Text { source: of, range, .. }) = &entry.value_place else { continue };
        if of != source {
            continue;
        }
        for part in secret::parts(&entry.name, &entry.value) {
            hidden.push(match entry.verbatim {
                true => range.start + part.start..range.start + part.end,
                // What the file has is not the value itself, so nothing tells which part of it is the secret.
                false => range.clone(),
            });
        }
    }
    for document in [&target.code, &target.file].into_iter().flatten() {
        if *document.source == *source {
            secret_values(document, "", 0, &mut hidden);
        }
    }
    hidden
}

/// The scalars of a document that are secrets, by the key before them.
fn secret_values(node: &Node, key: &str, depth: usize, hidden: &mut Vec<Range<usize>>) {
    // Documents are read to a bounded depth; this stays below it whatever that is.
    const DEEPEST: usize = 256;
    if depth > DEEPEST {
        return;
    }
    if node.text().is_some_and(|value| !secret::parts(key, value).is_empty() || secret::probable(key, value)) {
        hidden.push(node.range.clone());
    }
    for item in node.items() {
        secret_values(item, key, depth + 1, hidden);
    }
    for (name, value) in node.entries() {
        secret_values(value, name.text().unwrap_or_default(), depth + 1, hidden);
    }
}

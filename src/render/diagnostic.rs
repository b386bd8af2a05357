//! Findings as text: `error[D003]: what`, where, a caret where there is text to show, one `help:` line.

use super::place::Excerpt;
use super::{MASK, Region, Theme, clean, hexdump};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Evidence, Place, Severity, Source};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How findings are printed.
#[derive(Clone, Copy)]
pub struct DiagnosticOptions<'o> {
    /// The name of the file a record is in, and how to tell its record apart in it.
    pub file_of: &'o dyn Fn(usize) -> Option<String>,
    /// The text that a source holds, when it can be shown.
    pub text_of: &'o dyn Fn(&Source) -> Option<String>,
    /// The least severity to print.
    pub least: Severity,
    /// Print every kept finding rather than one of a kind, with its evidence where that was looked up.
    pub every: bool,
}

/// Prints findings, worst first; of many of one kind the first, and how many there are.
pub fn diagnostics(
    w: &mut dyn Write,
    found: &Diagnostics,
    options: &DiagnosticOptions<'_>,
    theme: &Theme,
) -> io::Result<()> {
    // One entry per severity and code, in that order; those of one kind stay in the order in which they were made.
    let mut kinds: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in found.iter().filter(|finding| finding.severity() >= options.least) {
        kinds.entry((std::cmp::Reverse(finding.severity()), finding.code())).or_default().push(finding);
    }
    for findings in kinds.values() {
        let total: u64 = findings.iter().map(|finding| finding.count()).sum();
        // What somebody said must hold is told each by each; of the others one stands for its kind.
        let expected = findings.first().is_some_and(|finding| EXPECTATIONS.contains(&finding.code()));
        let shown = if options.every || expected { findings.len() } else { 1 };
        let more = total - shown as u64;
        for (position, finding) in findings.iter().take(shown).enumerate() {
            let more = if position + 1 == shown { more } else { 0 };
            writeln!(w, "{}", render(finding, more, options, theme))?;
        }
    }
    Ok(())
}

const EXPECTATIONS: &[Code] = crate::analysis::codes::ALL;

/// Prints one finding.
pub fn diagnostic(
    w: &mut dyn Write,
    finding: &Diagnostic,
    options: &DiagnosticOptions<'_>,
    theme: &Theme,
) -> io::Result<()> {
    let mut one = Diagnostics::default();
    one.report(finding.clone());
    diagnostics(w, &one, options, theme)
}

/// A text with the character at `column` (from 1) underlined, for a fault in what was typed.
pub fn pointed(text: &str, column: usize, what: &str) -> String {
    let mut ends = text.char_indices().map(|(at, c)| at..at + c.len_utf8());
    let range = ends.nth(column.saturating_sub(1)).unwrap_or(text.len()..text.len());
    let annotation = AnnotationKind::Primary.span(range).label(what);
    let group = Group::with_level(Level::ERROR).element(Snippet::source(text).annotation(annotation));
    Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
}

fn render(finding: &Diagnostic, more: u64, options: &DiagnosticOptions<'_>, theme: &Theme) -> String {
    let evidence = finding.evidence().filter(|_| options.every);
    let mut remarks: Vec<(&str, String)> = evidence
        .map(|evidence| evidence_of(evidence, finding))
        .into_iter()
        .flatten()
        .map(|note| ("note", note))
        .collect();
    remarks.extend(span_of(finding).map(|span| ("note", span)));
    if more > 0 {
        remarks.push(("note", format!("{more} more like this one; -v shows them")));
    }
    let block = Block {
        severity: finding.severity(),
        word: finding.severity().word(),
        label: finding.code().id().to_owned(),
        message: finding.message(),
        place: place(finding, options),
        remarks,
        help: finding.help_text(),
    };
    block.render(theme)
}

/// What is drawn of one finding.
pub(super) struct Block<'b> {
    pub(super) severity: Severity,
    /// The word for the severity.
    pub(super) word: &'static str,
    /// What stands in brackets behind it.
    pub(super) label: String,
    pub(super) message: &'b str,
    pub(super) place: Where,
    /// Lines under the excerpt, each with the word before it.
    pub(super) remarks: Vec<(&'b str, String)>,
    pub(super) help: Option<&'b str>,
}

/// Where it is.
pub(super) enum Where {
    /// Nowhere that could be named.
    Nowhere,
    /// In words.
    Words(String),
    /// A line and column of what the name says.
    Point(String, Region),
    /// In a piece of text, which is shown.
    Excerpt(String, Excerpt),
}

impl Block<'_> {
    /// Draws it, without the end of the last line.
    pub(super) fn render(&self, theme: &Theme) -> String {
        let renderer = if theme.palette.is_coloured() { Renderer::styled() } else { Renderer::plain() };
        let decor = if theme.ascii { DecorStyle::Ascii } else { DecorStyle::Unicode };
        let renderer = renderer.decor_style(decor).term_width(theme.width.max(40));
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::INFO.with_name(self.word),
        };
        let clean = |text: &str| clean(text, theme.ascii).into_owned();
        let mut group = Group::with_title(level.primary_title(clean(self.message)).id(self.label.as_str()));
        match &self.place {
            Where::Nowhere => {}
            Where::Words(words) => group = group.element(Origin::path(clean(words))),
            Where::Point(name, region) => {
                group = group.element(Origin::path(clean(name)).line(region.line).char_column(region.column));
            }
            Where::Excerpt(name, excerpt) => {
                let snippet = Snippet::source(excerpt.text.as_str()).path(clean(name)).line_start(excerpt.line);
                let annotation = AnnotationKind::Primary.span(excerpt.range.clone());
                group = group.element(snippet.fold(true).annotation(annotation));
            }
        }
        for (word, text) in &self.remarks {
            // A remark may have lines of its own.
            let text: Vec<String> = text.split('\n').map(clean).collect();
            group = group.element(Level::NOTE.with_name(*word).message(text.join("\n")));
        }
        if let Some(help) = self.help {
            group = group.element(Level::HELP.message(clean(help)));
        }
        renderer.render(&[group])
    }
}

/// The byte, the row that it is in, and who sent it.
fn evidence_of(evidence: &Evidence, finding: &Diagnostic) -> Vec<String> {
    let Some(Place::Body { offset: Some(offset), .. }) = finding.place() else { return Vec::new() };
    let byte = offset.checked_sub(evidence.start).and_then(|at| evidence.bytes.get(at));
    let what = match (byte, evidence.marker) {
        (Some(byte), Some(marker)) => format!("marker 0x{byte:02x} ({marker})"),
        (Some(byte), None) => format!("byte 0x{byte:02x}"),
        (None, _) => "the end of the body".to_owned(),
    };
    let mut notes = vec![format!("{what}\n{}", hexdump::row(evidence.start, &evidence.bytes, *offset))];
    if !evidence.sender.is_empty() {
        notes.push(format!("sent by {}", evidence.sender));
    }
    notes
}

fn span_of(finding: &Diagnostic) -> Option<String> {
    Some(match (finding.trace_id()?, finding.span_id()) {
        (trace, Some(span)) => format!("span {span} of trace {trace}"),
        (trace, None) => format!("trace {trace}"),
    })
}

/// Where it is: as words, or as a piece of text with a range.
fn place(finding: &Diagnostic, options: &DiagnosticOptions<'_>) -> Where {
    match finding.place() {
        None => Where::Nowhere,
        Some(Place::Body { record, offset, path }) => {
            let file = (options.file_of)(*record).unwrap_or_default();
            let mut words = format!("{file}, record {record}");
            if let Some(offset) = offset {
                words.push_str(&format!(", byte {offset} (0x{offset:x})"));
            }
            if !path.is_empty() {
                words.push_str(&format!(", {path}"));
            }
            Where::Words(words)
        }
        Some(Place::Text { source, range, line }) => {
            let name = source.to_string();
            let text = (options.text_of)(source);
            let excerpt = text.as_deref().and_then(|text| {
                let line = Region::of(text, range, *line)?.line;
                Excerpt::of(text, range, line, &[], MASK)
            });
            match (excerpt, line) {
                (Some(excerpt), _) => Where::Excerpt(name, excerpt),
                (None, Some(line)) => Where::Words(format!("{name}, line {line}, byte {}", range.start)),
                (None, None) if range.is_empty() => Where::Words(name),
                (None, None) => Where::Words(format!("{name}, byte {}", range.start)),
            }
        }
    }
}

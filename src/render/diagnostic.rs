//! Findings as text: `error[D003]: what`, where, a caret where there is text to show, one `help:` line.

use super::{Theme, clean, hexdump};
use crate::diagnostic::{Diagnostic, Diagnostics, Evidence, Place, Severity, Source};
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
    let renderer = if theme.palette.is_coloured() { Renderer::styled() } else { Renderer::plain() };
    let decor = if theme.ascii { DecorStyle::Ascii } else { DecorStyle::Unicode };
    let renderer = renderer.decor_style(decor).term_width(theme.width.max(40));
    // One entry per severity and code, in that order; those of one kind stay in the order in which they were made.
    let mut kinds: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in found.iter().filter(|finding| finding.severity() >= options.least) {
        kinds.entry((std::cmp::Reverse(finding.severity()), finding.code())).or_default().push(finding);
    }
    for findings in kinds.values() {
        let total: u64 = findings.iter().map(|finding| finding.count()).sum();
        let shown = if options.every { findings.len() } else { 1 };
        let more = total - shown as u64;
        for (position, finding) in findings.iter().take(shown).enumerate() {
            let more = if position + 1 == shown { more } else { 0 };
            writeln!(w, "{}", render(finding, more, options, &renderer, theme))?;
        }
    }
    Ok(())
}

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

fn render(
    finding: &Diagnostic,
    more: u64,
    options: &DiagnosticOptions<'_>,
    renderer: &Renderer,
    theme: &Theme,
) -> String {
    let level = match finding.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::INFO,
    };
    let message = clean(finding.message(), theme.ascii);
    let help = finding.help_text().map(|help| clean(help, theme.ascii));
    let span = span_of(finding);
    let evidence = finding.evidence().filter(|_| options.every).map(|evidence| evidence_of(evidence, finding, theme));
    let more_text = format!("{more} more like this one; -v shows them");
    let title = level.primary_title(message.as_ref()).id(finding.code().id());
    let mut group = Group::with_title(title);
    let (origin, snippet) = place(finding, options, theme);
    if let Some((source, name, range)) = &snippet {
        let annotated = Snippet::source(source.as_str()).path(name.as_str()).fold(true);
        group = group.element(annotated.annotation(AnnotationKind::Primary.span(range.clone())));
    } else if let Some(origin) = &origin {
        group = group.element(Origin::path(origin.as_str()));
    }
    for note in evidence.iter().flatten() {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(span) = &span {
        group = group.element(Level::NOTE.message(span.as_str()));
    }
    if more > 0 {
        group = group.element(Level::NOTE.message(more_text.as_str()));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_ref()));
    }
    renderer.render(&[group])
}

/// The byte, the row that it is in, and who sent it.
fn evidence_of(evidence: &Evidence, finding: &Diagnostic, theme: &Theme) -> Vec<String> {
    let Some(Place::Body { offset: Some(offset), .. }) = finding.place() else { return Vec::new() };
    let byte = offset.checked_sub(evidence.start).and_then(|at| evidence.bytes.get(at));
    let what = match (byte, evidence.marker) {
        (Some(byte), Some(marker)) => format!("marker 0x{byte:02x} ({marker})"),
        (Some(byte), None) => format!("byte 0x{byte:02x}"),
        (None, _) => "the end of the body".to_owned(),
    };
    let mut notes = vec![format!("{what}\n{}", hexdump::row(evidence.start, &evidence.bytes, *offset))];
    if !evidence.sender.is_empty() {
        notes.push(format!("sent by {}", clean(&evidence.sender, theme.ascii)));
    }
    notes
}

fn span_of(finding: &Diagnostic) -> Option<String> {
    Some(match (finding.trace_id()?, finding.span_id()) {
        (trace, Some(span)) => format!("span {span} of trace {trace}"),
        (trace, None) => format!("trace {trace}"),
    })
}

type ShownText = (String, String, std::ops::Range<usize>);

/// Where it is: as words, or as a piece of text with a range.
fn place(finding: &Diagnostic, options: &DiagnosticOptions<'_>, theme: &Theme) -> (Option<String>, Option<ShownText>) {
    match finding.place() {
        None => (None, None),
        Some(Place::Body { record, offset, path }) => {
            let file = (options.file_of)(*record).unwrap_or_default();
            let mut words = format!("{}, record {record}", clean(&file, theme.ascii));
            if let Some(offset) = offset {
                words.push_str(&format!(", byte {offset} (0x{offset:x})"));
            }
            if !path.is_empty() {
                words.push_str(&format!(", {}", clean(path, theme.ascii)));
            }
            (Some(words), None)
        }
        Some(Place::Text { source, range, line }) => {
            let name = clean(&source.to_string(), theme.ascii).into_owned();
            let text = (options.text_of)(source).filter(|text| text.get(range.clone()).is_some());
            let words = match line {
                Some(line) => format!("{name}, line {line}, byte {}", range.start),
                None if range.is_empty() => name.clone(),
                None => format!("{name}, byte {}", range.start),
            };
            (Some(words), text.map(|text| (text, name, range.clone())))
        }
    }
}

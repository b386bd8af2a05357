//! Collecting findings while data is read.

use super::{Code, Diagnostic, Evidence, Place, Severity, Source};
use std::ops::Range;

/// How many findings of one code and severity are kept one by one; further ones are counted on the last kept.
pub const KEPT_OF_A_KIND: usize = 100;

/// Findings in the order in which they were made. Bounded: of a million alike, [`KEPT_OF_A_KIND`] are kept and
/// all are counted.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    /// In the order of the codes.
    seen: Vec<Seen>,
    /// Nothing is kept one by one.
    counts_only: bool,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    code: Code,
    severity: Severity,
    kept: usize,
    last: usize,
    total: u64,
}

impl Diagnostics {
    /// Findings that are counted by their codes and not kept: no texts are made for them. For a service that wants the
    /// values and not the explanations, and for sums over very many inputs.
    pub fn counting() -> Self {
        Diagnostics { counts_only: true, ..Diagnostics::default() }
    }

    /// Forgets all findings.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.seen.clear();
    }

    /// The codes that were found and how often, kept or not, in the order of the codes.
    pub fn codes(&self) -> impl Iterator<Item = (Code, u64)> {
        self.seen.iter().map(|seen| (seen.code, seen.total))
    }

    /// Takes a finding.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        let count = diagnostic.count();
        let at = self.seen(diagnostic.code(), diagnostic.severity());
        let seen = &mut self.seen[at];
        seen.total += count;
        if self.counts_only {
            return;
        }
        if seen.kept < KEPT_OF_A_KIND {
            seen.kept += 1;
            seen.last = self.kept.len();
            self.kept.push(diagnostic);
        } else if let Some(last) = self.kept.get_mut(seen.last) {
            last.0.count += count;
        }
    }

    /// Where findings of a code and severity are counted, or would be.
    fn position(&self, code: Code, severity: Severity) -> Result<usize, usize> {
        self.seen.binary_search_by(|seen| (seen.code, seen.severity).cmp(&(code, severity)))
    }

    fn seen(&mut self, code: Code, severity: Severity) -> usize {
        self.position(code, severity).unwrap_or_else(|at| {
            self.seen.insert(at, Seen { code, severity, kept: 0, last: 0, total: 0 });
            at
        })
    }

    /// Takes all findings of `others`, in their order.
    pub fn append(&mut self, others: Diagnostics) {
        for diagnostic in others.kept {
            self.report(diagnostic);
        }
    }

    /// Forgets the findings of all codes that are not wanted.
    pub fn retain(&mut self, wanted: impl Fn(Code) -> bool) {
        self.kept.retain(|finding| wanted(finding.0.code));
        self.seen.retain(|seen| wanted(seen.code));
        for seen in &mut self.seen {
            let of_kind = |finding: &Diagnostic| finding.0.code == seen.code && finding.0.severity == seen.severity;
            seen.last = self.kept.iter().rposition(of_kind).unwrap_or_default();
        }
    }

    /// Adds `by` to the number of the record of every finding on a body.
    pub fn renumber(&mut self, by: usize) {
        for finding in &mut self.kept {
            if let Some(Place::Body { record, .. }) = &mut finding.0.place {
                *record += by;
            }
        }
    }

    /// Gives every kept finding at a byte of a body its evidence, as `of` finds it by record and offset.
    pub fn add_evidence(&mut self, mut of: impl FnMut(Code, usize, usize) -> Option<Evidence>) {
        for finding in &mut self.kept {
            if let Some(Place::Body { record, offset: Some(offset), .. }) = finding.0.place {
                finding.0.evidence = of(finding.0.code, record, offset);
            }
        }
    }

    /// Whether one more finding of this code and severity would still be kept: lets a check skip building texts.
    pub fn keeps(&self, code: Code, severity: Severity) -> bool {
        !self.counts_only && self.position(code, severity).map_or(true, |at| self.seen[at].kept < KEPT_OF_A_KIND)
    }

    /// Counts one more finding of a code that [`Diagnostics::keeps`] no longer keeps.
    pub fn count(&mut self, code: Code, severity: Severity) {
        if self.counts_only {
            let at = self.seen(code, severity);
            self.seen[at].total += 1;
            return;
        }
        match self.position(code, severity).ok().and_then(|at| self.seen.get_mut(at)) {
            Some(seen) if seen.kept > 0 => {
                seen.total += 1;
                if let Some(last) = self.kept.get_mut(seen.last) {
                    last.0.count += 1;
                }
            }
            _ => self.report(Diagnostic::new(code, code.title()).severity_is(severity)),
        }
    }

    /// The kept findings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// How many were found at `severity`, kept or not.
    pub fn total(&self, severity: Severity) -> u64 {
        self.seen.iter().filter(|seen| seen.severity == severity).map(|seen| seen.total).sum()
    }

    /// How many of `code` were found, kept or not.
    pub fn total_of(&self, code: Code) -> u64 {
        self.seen.iter().filter(|seen| seen.code == code).map(|seen| seen.total).sum()
    }

    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.seen.iter().map(|seen| seen.severity).max()
    }

    /// Whether any finding is at or above `severity`.
    pub fn reaches(&self, severity: Severity) -> bool {
        self.worst().is_some_and(|worst| worst >= severity)
    }

    /// A scope whose ranges are bytes of `source`.
    pub fn text(&mut self, source: Source) -> TextScope<'_> {
        TextScope { diagnostics: self, source, shift: 0 }
    }

    /// A scope whose offsets are bytes of the decoded body of `record`.
    pub fn body(&mut self, record: usize) -> BodyScope<'_> {
        BodyScope { diagnostics: self, record }
    }
}

/// Reports findings in one text; ranges are relative to what the parser was given.
#[derive(Debug)]
pub struct TextScope<'d> {
    diagnostics: &'d mut Diagnostics,
    source: Source,
    shift: usize,
}

impl TextScope<'_> {
    /// Reports `code` at a byte range of the text.
    pub fn report(&mut self, code: Code, range: Range<usize>, message: impl Into<String>) {
        self.take(Diagnostic::new(code, message), range);
    }

    /// Reports a finding that has more than a message, at a byte range of the text.
    pub fn take(&mut self, diagnostic: Diagnostic, range: Range<usize>) {
        let range = range.start + self.shift..range.end + self.shift;
        self.diagnostics.report(diagnostic.at(Place::Text { source: self.source.clone(), range, line: None }));
    }

    /// The scope of a part that starts `offset` bytes further on.
    pub fn shifted(&mut self, offset: usize) -> TextScope<'_> {
        TextScope { diagnostics: self.diagnostics, source: self.source.clone(), shift: self.shift + offset }
    }
}

/// Reports findings in one body.
#[derive(Debug)]
pub struct BodyScope<'d> {
    diagnostics: &'d mut Diagnostics,
    record: usize,
}

impl BodyScope<'_> {
    /// Reports `code` at a byte of the body.
    pub fn report(&mut self, code: Code, offset: usize, path: impl Into<String>, message: impl Into<String>) {
        self.take(Diagnostic::new(code, message), Some(offset), path);
    }

    /// Reports a finding that has more than a message; without `offset` it is one on the whole request.
    pub fn take(&mut self, diagnostic: Diagnostic, offset: Option<usize>, path: impl Into<String>) {
        let place = Place::Body { record: self.record, offset, path: path.into() };
        self.diagnostics.report(diagnostic.at(place));
    }

    /// Whether one more finding of `code` would still be kept.
    pub fn keeps(&self, code: Code) -> bool {
        self.diagnostics.keeps(code, code.severity())
    }

    /// Counts one more finding of a code that is no longer kept.
    pub fn count(&mut self, code: Code) {
        self.diagnostics.count(code, code.severity());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Code = Code::new(&super::super::Rule {
        id: "X001",
        name: "one",
        number: None,
        severity: Severity::Warning,
        title: "the first",
    });

    #[test]
    fn a_million_alike_are_counted_and_few_kept() {
        let mut found = Diagnostics::default();
        for record in 0..1_000 {
            found.body(record).report(ONE, 0, "[0]", "again");
        }
        assert_eq!(found.iter().count(), KEPT_OF_A_KIND);
        assert_eq!(found.iter().map(Diagnostic::count).sum::<u64>(), 1_000);
        assert_eq!(found.total(Severity::Warning), 1_000);
        assert_eq!(found.worst(), Some(Severity::Warning));
        assert!(!found.keeps(ONE, Severity::Warning));
    }

    #[test]
    fn counting_keeps_nothing_and_loses_nothing() {
        let mut found = Diagnostics::counting();
        for record in 0..3 {
            found.body(record).report(ONE, 0, "[0]", "again");
            assert!(!found.keeps(ONE, Severity::Warning));
            found.count(ONE, Severity::Warning);
        }
        assert_eq!((found.iter().count(), found.is_empty()), (0, false));
        assert_eq!((found.total_of(ONE), found.worst()), (6, Some(Severity::Warning)));
        assert_eq!(found.codes().collect::<Vec<_>>(), [(ONE, 6)]);
        found.clear();
        assert!(found.is_empty() && !found.keeps(ONE, Severity::Warning));
    }

    #[test]
    fn ranges_follow_the_part_they_are_in() {
        let mut found = Diagnostics::default();
        found.text(Source::Header("b3".into())).shifted(10).shifted(5).report(ONE, 1..3, "here");
        let place = found.iter().next().and_then(|d| d.place().cloned());
        assert_eq!(place, Some(Place::Text { source: Source::Header("b3".into()), range: 16..18, line: None }));
    }
}

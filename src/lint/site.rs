//! The span that is being checked: where it stands, and how findings on it are reported.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity};
use crate::trace::Span;

/// A span under examination, and where it stands.
pub(super) struct Site<'s, 'b> {
    pub(super) record: usize,
    pub(super) chunk: usize,
    pub(super) position: usize,
    pub(super) span: Span<'b>,
    pub(super) out: &'s mut Diagnostics,
    /// Of an OTLP span: the number of its ResourceSpans, and of its ScopeSpans in there.
    pub(super) otlp: Option<(usize, usize)>,
}

/// What of a span a finding is about.
#[derive(Clone, Copy)]
pub(super) enum Field<'k> {
    Member(&'static str),
    Tag(&'static str, &'k str),
    Item(&'static str, usize, &'static str),
}

impl Site<'_, '_> {
    /// Reports `code` on the span.
    pub(super) fn note(&mut self, code: Code, field: Field<'_>, help: &str, message: impl FnOnce() -> String) {
        self.note_as(code, code.severity(), field, help, message);
    }

    /// Reports `code` on the span at another severity.
    pub(super) fn note_as(
        &mut self,
        code: Code,
        severity: Severity,
        field: Field<'_>,
        help: &str,
        message: impl FnOnce() -> String,
    ) {
        if !self.out.keeps(code, severity) {
            return self.out.count(code, severity);
        }
        let path = self.path(field);
        let place = Place::Body { record: self.record, offset: Some(self.span.offset()), path };
        let finding = Diagnostic::new(code, message()).severity_is(severity).help(help).at(place);
        self.out.report(finding.of_span(self.span.trace_id(), self.span.span_id()));
    }

    fn path(&self, field: Field<'_>) -> String {
        let (chunk, span) = (self.chunk, self.position);
        let Some((resource, scope)) = self.otlp else {
            return match field {
                Field::Member(name) => format!("[{chunk}][{span}].{name}"),
                Field::Tag(map, key) => format!("[{chunk}][{span}].{map}[{}]", shown(key)),
                Field::Item(list, index, member) => format!("[{chunk}][{span}].{list}[{index}].{member}"),
            };
        };
        let span = format!("resourceSpans[{resource}].scopeSpans[{scope}].spans[{span}]");
        match field {
            Field::Member(name) => format!("{span}.{}", otlp_name(name)),
            Field::Tag(_, key) => format!("{span}.attributes[{}]", shown(key)),
            Field::Item(list, index, member) => {
                format!("{span}.{}[{index}].{}", otlp_name(list), otlp_name(member))
            }
        }
    }
}

/// What OTLP calls a member of a span.
fn otlp_name(name: &'static str) -> &'static str {
    match name {
        "trace_id" => "traceId",
        "span_id" => "spanId",
        "start" => "startTimeUnixNano",
        "duration" => "endTimeUnixNano",
        "error" => "status",
        "span_links" => "links",
        "span_events" => "events",
        "time_unix_nano" => "timeUnixNano",
        other => other,
    }
}

/// Longest quotation in a message, in characters.
const SHOWN: usize = 60;

/// Text from the data as it may stand in a message: quoted, escaped, cut.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
    }
}

//! What the two forms of OTLP share: a batch to fill, findings whose path is looked up in the body, and what follows
//! once a ResourceSpans, a ScopeSpans or a span is whole.

use super::codes::{
    INTEGER_RANGE, INVALID_UTF8, OTLP_KIND_UNKNOWN, OTLP_STATUS_UNKNOWN, SPAN_ID_LENGTH, TOO_DEEP, TRACE_ID_LENGTH,
    TWO_VALUES,
};
use super::text::is_utf8;
use super::{Options, WireError};
use crate::diagnostic::{BodyScope, Code, Diagnostic, Severity};
use crate::trace::{
    AttributeRecord, Batch, ChunkRecord, Dialect, ExtraRecord, Keep, Kind, Range, ResourceRecord, ScopeRecord,
    SpanKind, SpanRecord, SpanStatus, StrRef,
};

/// Deepest nesting of attribute values, whatever the limit: they are read by recursion.
const MOST_NESTING: usize = 256;

/// Where findings and records go.
pub(super) struct Fill<'a, 'x, 'd> {
    pub(super) body: &'a [u8],
    pub(super) batch: &'x mut Batch,
    pub(super) depth: usize,
    pub(super) keeps_all: bool,
    out: &'x mut BodyScope<'d>,
    keep: Keep<'x>,
    max_spans: usize,
    limited: bool,
    /// Entries of lists, maps, events and links that are still being read, innermost last.
    pub(super) open: Vec<AttributeRecord>,
    /// Those of the resource and of the scope: messages may come in parts.
    pub(super) resource_attributes: Vec<AttributeRecord>,
    pub(super) scope_attributes: Vec<AttributeRecord>,
    /// `service.name` of the resource.
    service: StrRef,
    /// Where the spans of the current ResourceSpans begin, and whether they know their service.
    first_span: usize,
    served: StrRef,
    path_of: fn(&[u8], usize) -> String,
}

/// A span while it is being read.
#[derive(Default)]
pub(super) struct SpanDraft {
    pub(super) record: SpanRecord,
    pub(super) extra: ExtraRecord,
    pub(super) has_extra: bool,
    pub(super) end: i64,
    pub(super) first_attribute: usize,
    pub(super) first_link: usize,
    pub(super) first_event: usize,
}

/// The value of an attribute while it is being read: the parts of a list or map are on the stack of open entries
/// from `base` on.
pub(super) struct OpenValue {
    kind: Option<Kind>,
    bits: u64,
    base: usize,
}

impl<'a, 'x, 'd> Fill<'a, 'x, 'd> {
    pub(super) fn new(
        body: &'a [u8],
        options: &Options<'x>,
        batch: &'x mut Batch,
        out: &'x mut BodyScope<'d>,
        path_of: fn(&[u8], usize) -> String,
    ) -> Self {
        batch.set_dialect(Dialect::Otlp);
        Fill {
            body,
            batch,
            depth: options.limits.depth.min(MOST_NESTING),
            keeps_all: matches!(options.keep, Keep::All),
            out,
            keep: options.keep,
            max_spans: options.limits.spans,
            limited: false,
            open: Vec::new(),
            resource_attributes: Vec::new(),
            scope_attributes: Vec::new(),
            service: StrRef::default(),
            first_span: 0,
            served: StrRef::default(),
            path_of,
        }
    }

    /// Ends the body: at its end, or at the fault that ended it.
    pub(super) fn finish(self, read: Result<(), WireError>) {
        match read {
            // What is left was left out, and that was said.
            Ok(()) if self.limited => {}
            Ok(()) => self.batch.complete = true,
            Err(error) => {
                let complete = match self.batch.spans.len() {
                    1 => "1 complete span".to_owned(),
                    spans => format!("{spans} complete spans"),
                };
                let message = format!(
                    "{} at byte {} of {}; {complete} before it kept",
                    error.code.title(),
                    error.offset,
                    self.body.len()
                );
                let mut finding = Diagnostic::new(error.code, message);
                if error.code == TOO_DEEP {
                    finding = finding.help("raise --max-depth if the sender is trusted");
                }
                self.out.take(finding, Some(error.offset), (self.path_of)(self.body, error.offset));
            }
        }
    }

    // ---- findings -------------------------------------------------------------------------------------------

    /// Reports `code` at byte `at` of the body; the texts are made for findings that are kept only.
    #[cold]
    #[inline(never)]
    pub(super) fn note(&mut self, code: Code, at: usize, help: &str, message: impl FnOnce() -> String) {
        if !self.out.keeps(code) {
            return self.out.count(code);
        }
        self.report(code, code.severity(), at, help, message());
    }

    #[cold]
    #[inline(never)]
    pub(super) fn report(&mut self, code: Code, severity: Severity, at: usize, help: &str, message: String) {
        let mut finding = Diagnostic::new(code, message).severity_is(severity);
        if !help.is_empty() {
            finding = finding.help(help);
        }
        self.out.take(finding, Some(at), (self.path_of)(self.body, at));
    }

    /// Where findings go.
    pub(super) fn out(&mut self) -> &mut BodyScope<'d> {
        self.out
    }

    /// Counts one more finding of a code whose example was given.
    pub(super) fn count(&mut self, code: Code) {
        self.out.count(code);
    }

    // ---- values ---------------------------------------------------------------------------------------------

    /// Text of the body.
    #[inline(always)]
    pub(super) fn text(&mut self, start: usize, bytes: &[u8]) -> StrRef {
        if is_utf8(bytes) { StrRef::body(start, bytes.len()) } else { self.repaired(start, bytes) }
    }

    /// Text that is not UTF-8: reported and replaced.
    #[cold]
    #[inline(never)]
    pub(super) fn repaired(&mut self, start: usize, bytes: &[u8]) -> StrRef {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let byte = bytes.get(valid).copied().unwrap_or_default();
        self.note(INVALID_UTF8, start + valid, "receivers that check text refuse the whole request", || {
            format!("byte 0x{byte:02x} is not UTF-8; replaced by U+FFFD")
        });
        let replaced = String::from_utf8_lossy(bytes);
        self.batch.intern(&replaced)
    }

    /// The name of a span; for drawing, equal ones share one place.
    #[inline(always)]
    pub(super) fn label(&mut self, text: StrRef) -> StrRef {
        if self.keeps_all { text } else { self.batch.canonical(self.body, text) }
    }

    /// A time, unsigned on the wire.
    #[inline(always)]
    pub(super) fn time(&mut self, at: usize, value: u64) -> i64 {
        if let Ok(value) = i64::try_from(value) {
            return value;
        }
        self.note(INTEGER_RANGE, at, "", || {
            format!("the time {value} is beyond the year 2262; the field is left at 0")
        });
        0
    }

    /// The bytes of a trace id, as halves. A 64-bit one is padded, another length counts as none.
    #[cold]
    #[inline(never)]
    pub(super) fn odd_trace_id(&mut self, at: usize, bytes: &[u8]) -> (u64, u64) {
        if bytes.is_empty() {
            return (0, 0);
        }
        if let Ok(low) = bytes.try_into().map(u64::from_be_bytes) {
            let message = "a trace id of 8 bytes; shown padded with zeros to 16".to_owned();
            let help = "send 16 bytes: receivers drop a span whose trace id has any other length";
            self.report(TRACE_ID_LENGTH, Severity::Warning, at, help, message);
            return (0, low);
        }
        self.note(TRACE_ID_LENGTH, at, "send 16 bytes", || {
            format!("a trace id of {} bytes instead of 16; it counts as none", bytes.len())
        });
        (0, 0)
    }

    /// A span id of another length than 8 bytes: it counts as none.
    #[cold]
    #[inline(never)]
    pub(super) fn odd_span_id(&mut self, at: usize, bytes: &[u8]) -> u64 {
        if !bytes.is_empty() {
            self.note(SPAN_ID_LENGTH, at, "send 8 bytes", || {
                format!("a span id of {} bytes instead of 8; it counts as none", bytes.len())
            });
        }
        0
    }

    #[inline(always)]
    pub(super) fn kind(&mut self, at: usize, number: u64) -> SpanKind {
        match number {
            0 => SpanKind::Unspecified,
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => {
                self.note(OTLP_KIND_UNKNOWN, at, "send 0 (unspecified) to 5 (consumer)", || {
                    format!("the span kind {}; read as unspecified", number as i32)
                });
                SpanKind::Unspecified
            }
        }
    }

    pub(super) fn status(&mut self, at: usize, number: u64) -> SpanStatus {
        match number {
            0 => SpanStatus::Unset,
            1 => SpanStatus::Ok,
            2 => SpanStatus::Error,
            _ => {
                self.note(OTLP_STATUS_UNKNOWN, at, "send 0 (unset), 1 (ok) or 2 (error)", || {
                    format!("the status code {}; read as unset", number as i32)
                });
                SpanStatus::Unset
            }
        }
    }

    // ---- attribute values -----------------------------------------------------------------------------------

    #[inline]
    pub(super) fn open_value(&self) -> OpenValue {
        OpenValue { kind: None, bits: 0, base: self.open.len() }
    }

    /// Makes `value` a list or map (or goes on with it): its parts are pushed to `open`.
    pub(super) fn parts(&mut self, value: &mut OpenValue, kind: Kind, at: usize) {
        if value.kind != Some(kind) {
            self.one_of(value, at);
            self.open.truncate(value.base);
            value.kind = Some(kind);
        }
    }

    /// Makes `value` a plain one.
    #[inline]
    pub(super) fn set(&mut self, value: &mut OpenValue, kind: Kind, bits: u64, at: usize) {
        if value.kind != Some(kind) {
            self.one_of(value, at);
            self.open.truncate(value.base);
        }
        (value.kind, value.bits) = (Some(kind), bits);
    }

    #[inline]
    fn one_of(&mut self, value: &OpenValue, at: usize) {
        if value.kind.is_some() {
            self.note(TWO_VALUES, at, "send one of them", || {
                "an attribute value of two types at once; the last one counts".to_owned()
            });
        }
    }

    /// Closes a value. One of no type at all is the empty text, as the agent has it.
    #[inline]
    pub(super) fn close_value(&mut self, value: OpenValue) -> (Kind, u64) {
        match value.kind {
            None => (Kind::Str, StrRef::default().bits()),
            Some(kind @ (Kind::List | Kind::Map)) => (kind, self.close_parts(value.base).bits()),
            Some(kind) => (kind, value.bits),
        }
    }

    /// Moves the open entries from `base` on to where closed ones lie.
    #[inline]
    pub(super) fn close_parts(&mut self, base: usize) -> Range {
        let range = self.batch.push_nested(self.open.get(base..).unwrap_or_default());
        self.open.truncate(base);
        range
    }

    #[inline(always)]
    pub(super) fn keeps(&self, key: &[u8]) -> bool {
        match self.keep {
            Keep::All => true,
            Keep::Only(keys) => keys.iter().any(|wanted| wanted.as_bytes() == key),
        }
    }

    // ---- resources, scopes, spans ---------------------------------------------------------------------------

    pub(super) fn begin_resource(&mut self) {
        self.batch.resources.push(ResourceRecord::default());
        self.first_span = self.batch.spans.len();
        (self.service, self.served) = (StrRef::default(), StrRef::default());
        self.resource_attributes.clear();
    }

    /// The resource at hand.
    pub(super) fn resource(&mut self) -> Option<&mut ResourceRecord> {
        self.batch.resources.last_mut()
    }

    /// An attribute of the resource.
    pub(super) fn push_resource_attribute(&mut self, record: AttributeRecord) {
        if record.kind() == Kind::Str && self.batch.bytes(self.body, record.key()) == b"service.name" {
            self.service = StrRef::from_bits(record.bits);
        }
        self.resource_attributes.push(record);
    }

    pub(super) fn end_resource(&mut self) {
        let attributes = self.batch.push_nested(&self.resource_attributes);
        if let Some(resource) = self.batch.resources.last_mut() {
            resource.attributes = attributes;
        }
        // A resource that stands behind its spans, or whose second part names another service.
        if self.served != self.service
            && let Some(spans) = self.batch.spans.get_mut(self.first_span..)
        {
            spans.iter_mut().for_each(|span| span.service = self.service);
        }
    }

    pub(super) fn begin_scope(&mut self, at: usize) {
        let start = self.batch.spans.len();
        self.scope_attributes.clear();
        self.batch.chunks.push(ChunkRecord {
            spans: Range::new(start, start),
            offset: at as u32,
            resource: self.batch.resources.len() as u32,
            ..ChunkRecord::default()
        });
    }

    /// The scope at hand.
    pub(super) fn scope(&mut self) -> Option<&mut ScopeRecord> {
        self.batch.chunks.last_mut().map(|chunk| &mut chunk.scope)
    }

    pub(super) fn end_scope(&mut self) {
        let attributes = self.batch.push_nested(&self.scope_attributes);
        let end = self.batch.spans.len();
        if let Some(chunk) = self.batch.chunks.last_mut() {
            chunk.attributes = attributes;
            chunk.spans.len = (end as u32).saturating_sub(chunk.spans.start);
        }
    }

    /// Whether the body holds more spans than are read; said once.
    pub(super) fn full(&mut self, at: usize) -> bool {
        let full = self.batch.spans.len() >= self.max_spans;
        if full && !self.limited {
            self.limited = true;
            let most = self.max_spans;
            self.note(crate::encoding::codes::TOO_LARGE, at, "raise --max-spans", || {
                format!("more than {most} spans; the rest of the body is left out")
            });
        }
        full
    }

    /// A span that begins at byte `at`.
    #[inline(always)]
    pub(super) fn draft(&self, at: usize) -> SpanDraft {
        SpanDraft {
            record: SpanRecord {
                offset: at as u32,
                chunk: (self.batch.chunks.len() as u32).saturating_sub(1),
                ..SpanRecord::default()
            },
            first_attribute: self.batch.attributes.len(),
            first_link: self.batch.links.len(),
            first_event: self.batch.events.len(),
            ..SpanDraft::default()
        }
    }

    /// Takes the finished span.
    #[inline(always)]
    pub(super) fn push(&mut self, draft: SpanDraft) {
        let SpanDraft { mut record, mut extra, has_extra, end, .. } = draft;
        record.duration = end.wrapping_sub(record.start);
        record.resource = record.name;
        record.attributes = Range::new(draft.first_attribute, self.batch.attributes.len());
        record.error = i16::from(extra.status == SpanStatus::Error);
        record.service = self.service;
        self.served = self.service;
        if has_extra {
            extra.links = Range::new(draft.first_link, self.batch.links.len());
            extra.events = Range::new(draft.first_event, self.batch.events.len());
            self.batch.extras.push(extra);
            record.extra = self.batch.extras.len() as u32;
        }
        self.batch.spans.push(record);
    }

    /// Drops what a span that broke off had brought.
    #[cold]
    pub(super) fn forget(&mut self, draft: &SpanDraft) {
        self.batch.attributes.truncate(draft.first_attribute);
        self.batch.links.truncate(draft.first_link);
        self.batch.events.truncate(draft.first_event);
    }
}

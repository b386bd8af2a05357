//! What the Datadog msgpack protocols share: a reader, a batch to fill, findings with their logical path, and
//! fields that recover from a value of the wrong type.

use super::codes::{
    BIN_FOR_STRING, DUPLICATE_KEY, FLOAT_FOR_INTEGER, IMPOSSIBLE_LENGTH, INTEGER_RANGE, INVALID_UTF8, MISSING_FIELD,
    NIL_VALUE, REPEATED_INLINE_STRING, STRING_INDEX, TOO_DEEP, TRAILING_BYTES, TRUNCATED, UNKNOWN_FIELD, WRONG_SHAPE,
    WRONG_TYPE,
};
use super::json_tags;
use super::msgpack::{Bytes, Number, Reader, is_utf8};
use super::{Options, Part, Protocol, WireError};
use crate::diagnostic::{BodyScope, Code, Diagnostic, Severity};
use crate::trace::{
    AttributeRecord, Batch, ChunkRecord, ExtraRecord, Keep, Kind, NO_PRIORITY, Range, SpanKind, SpanRecord, StrRef,
    TableString,
};

use rustc_hash::FxHashMap;
use std::collections::HashMap;

/// Bytes in which a v0.4 body shows what it is: three containers and their longest heads.
const ENOUGH_TO_TELL: usize = 16;

/// The logical place of a value, below the current chunk and span; turned into words only for a finding.
#[derive(Clone, Copy)]
pub(super) enum Field<'k> {
    /// Outside any chunk: `strings[5]` and the like.
    Root(&'static str),
    /// An item outside any chunk.
    RootItem(&'static str, usize),
    /// An entry of a map outside any chunk.
    RootTag(&'static str, &'k [u8]),
    Chunk,
    /// A member of the chunk itself.
    ChunkName(&'static str),
    /// An entry of a map of the chunk itself.
    ChunkTag(&'static str, &'k [u8]),
    Span,
    Name(&'static str),
    /// An entry of a map of the span.
    Tag(&'static str, &'k [u8]),
    /// A member of an item of an array of the span.
    Item(&'static str, usize, &'static str),
}

/// The value of `_dd.p.tid`: 16 hex digits.
pub(super) fn trace_id_high(text: &[u8]) -> Option<u64> {
    let hex = text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(text).ok().filter(|_| hex).and_then(|text| u64::from_str_radix(text, 16).ok())
}

/// An array value of v1.0: `count` as declared, from byte `at`; `end` is where it ended when `count` meant items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Miscounted {
    pub(super) at: usize,
    pub(super) count: usize,
    pub(super) end: usize,
    /// Pairs of type and value that stand from `end` on, if it was the values that were counted.
    pub(super) left: usize,
}

/// A span while it is being read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) record: SpanRecord,
    /// `_dd.p.tid` of this span.
    pub(super) tid: Option<u64>,
    pub(super) links: Range,
    pub(super) events: Range,
    json_links: Option<StrRef>,
    json_events: Option<StrRef>,
}

impl Draft {
    /// Forgets what tags said of the span: they came a second time.
    pub(super) fn forget_tags(&mut self) {
        (self.tid, self.json_links, self.json_events) = (None, None, None);
        self.record.kind = SpanKind::default();
    }
}

/// Bit of the class of a string in a table: attributes with this key are stored. The lower bits are its [`TagUse`].
pub(super) const KEPT: u8 = 0x80;

/// What the decoder itself needs a tag for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum TagUse {
    Plain = 0,
    TraceIdHigh,
    SpanKind,
    Origin,
    Events,
    Links,
    Priority,
}

impl TagUse {
    #[inline(always)]
    pub(super) fn of(key: &[u8]) -> TagUse {
        match key {
            b"_dd.p.tid" => TagUse::TraceIdHigh,
            b"span.kind" => TagUse::SpanKind,
            b"_dd.origin" => TagUse::Origin,
            b"events" => TagUse::Events,
            b"_dd.span_links" => TagUse::Links,
            b"_sampling_priority_v1" => TagUse::Priority,
            _ => TagUse::Plain,
        }
    }

    /// The use that a class of a string in a table stands for.
    pub(super) fn of_class(class: u8) -> TagUse {
        const USES: [TagUse; 7] = [
            TagUse::Plain,
            TagUse::TraceIdHigh,
            TagUse::SpanKind,
            TagUse::Origin,
            TagUse::Events,
            TagUse::Links,
            TagUse::Priority,
        ];
        USES.get(usize::from(class & !KEPT)).copied().unwrap_or(TagUse::Plain)
    }
}

pub(super) struct Cursor<'a, 'x, 'd> {
    pub(super) reader: Reader<'a>,
    pub(super) batch: &'x mut Batch,
    pub(super) depth: usize,
    out: &'x mut BodyScope<'d>,
    body: &'a [u8],
    keep: Keep<'x>,
    max_spans: usize,
    /// Position of the current span in its chunk.
    span: usize,
    /// Where the current chunk's spans begin.
    chunk_start: usize,
    /// `_dd.p.tid` of the chunk, with the low half of the span that carried it.
    chunk_tid: Option<(u64, u64)>,
    /// Path of the fault that ends the payload.
    fault: Option<String>,
    /// The span limit ended the payload.
    limited: bool,
    /// Bytes that follow on `body` and are not in memory, where it is a window on bodies one after the other.
    beyond: Option<u64>,
    /// The payload is a map with `chunks` of `spans`, and paths say so.
    pub(super) named: bool,
    /// v1.0: the strings met so far, with their index.
    streamed: Option<HashMap<&'a [u8], u32>>,
    /// v1.0: the array value that was read last, which may have counted its values instead of its items.
    pub(super) suspect: Option<Miscounted>,
    /// What is known of the fault that ends the payload, beyond its code.
    cause: Option<String>,
    /// Links and events read out of tags, by the place of the tag.
    json_links: FxHashMap<u64, Range>,
    json_events: FxHashMap<u64, Range>,
}

impl<'a, 'x, 'd> Cursor<'a, 'x, 'd> {
    pub(super) fn new(body: &'a [u8], options: &Options<'x>, batch: &'x mut Batch, out: &'x mut BodyScope<'d>) -> Self {
        Cursor {
            reader: Reader::new(body),
            batch,
            depth: options.limits.depth,
            out,
            body,
            keep: options.keep,
            max_spans: options.limits.spans,
            span: 0,
            chunk_start: 0,
            chunk_tid: None,
            fault: None,
            limited: false,
            beyond: None,
            named: false,
            streamed: None,
            suspect: None,
            cause: None,
            json_links: FxHashMap::default(),
            json_events: FxHashMap::default(),
        }
    }

    /// Takes `body` for a window on bodies one after the other; `beyond` more bytes come after it.
    pub(super) fn with_beyond(mut self, beyond: u64) -> Self {
        self.beyond = Some(beyond);
        self
    }

    /// Reads a payload to its end, or to the fault that ends it.
    pub(super) fn finish(mut self, payload: impl FnOnce(&mut Self) -> Result<(), WireError>) -> Part {
        let beyond = self.beyond.unwrap_or(0);
        let mut read = payload(&mut self);
        if self.suspect.is_some() && self.cause.is_none() && !self.limited {
            let rest = (!self.reader.rest().is_empty()).then_some(self.reader.offset());
            let fault = read.err().map(|error| error.offset).or(rest);
            if let Some(error) = fault.and_then(|fault| self.miscounted(fault)) {
                read = Err(error);
            }
        }
        match read {
            // What is left was left out, and that was said.
            Ok(()) if self.limited => Part::Last,
            Ok(()) => {
                self.batch.complete = true;
                let (at, rest) = (self.reader.offset(), self.reader.rest());
                if beyond > 0 && rest.len() < ENOUGH_TO_TELL {
                    return Part::Cut;
                }
                if self.beyond.is_some() && (rest.is_empty() || Protocol::has_span_maps(rest)) {
                    return Part::Whole(at);
                }
                let left = rest.len() as u64 + beyond;
                if left > 0 {
                    let message = format!("{left} bytes after the payload, the first is {}", self.reader.describe(at));
                    let help = "libdatadog and the agent ignore them; the test agent refuses the body";
                    self.note(TRAILING_BYTES, at, Field::Root(""), &message, help);
                }
                Part::Last
            }
            Err(error) if beyond > 0 && [TRUNCATED, IMPOSSIBLE_LENGTH].contains(&error.code) => Part::Cut,
            Err(error) => {
                let path = self.fault.take().unwrap_or_default();
                let complete = match self.batch.spans.len() {
                    1 => "1 complete span".to_owned(),
                    spans => format!("{spans} complete spans"),
                };
                let what = self.cause.take().unwrap_or_else(|| error.code.title().to_owned());
                let message = format!(
                    "{what} at byte {} of {}; {complete} before it kept",
                    error.offset,
                    self.body.len() as u64 + beyond
                );
                let mut finding = Diagnostic::new(error.code, message);
                if error.code == TOO_DEEP {
                    finding = finding.help("raise --max-depth if the sender is trusted");
                }
                self.out.take(finding, Some(error.offset), path);
                Part::Last
            }
        }
    }

    // ---- findings -------------------------------------------------------------------------------------------

    #[cold]
    fn path(&self, field: Field<'_>) -> String {
        let chunk = self.batch.chunks.len().saturating_sub(1);
        let span = self.span;
        let (chunk, span) = match self.named {
            true => (format!("chunks[{chunk}]"), format!("chunks[{chunk}].spans[{span}]")),
            false => (format!("[{chunk}]"), format!("[{chunk}][{span}]")),
        };
        match field {
            Field::Root(name) => name.to_owned(),
            Field::RootItem(name, index) => format!("{name}[{index}]"),
            Field::RootTag(map, key) => format!("{map}[{:?}]", String::from_utf8_lossy(key)),
            Field::Chunk => chunk,
            Field::ChunkName(name) => format!("{chunk}.{name}"),
            Field::ChunkTag(map, key) => format!("{chunk}.{map}[{:?}]", String::from_utf8_lossy(key)),
            Field::Span => span,
            Field::Name(name) => format!("{span}.{name}"),
            Field::Tag(map, key) => format!("{span}.{map}[{:?}]", String::from_utf8_lossy(key)),
            Field::Item(list, index, member) => format!("{span}.{list}[{index}].{member}"),
        }
    }

    #[cold]
    pub(super) fn note(&mut self, code: Code, at: usize, field: Field<'_>, message: &str, help: &str) {
        self.report(code, code.severity(), at, field, message, help);
    }

    #[cold]
    fn report(&mut self, code: Code, severity: Severity, at: usize, field: Field<'_>, message: &str, help: &str) {
        let mut diagnostic = Diagnostic::new(code, message).severity_is(severity);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        let path = self.path(field);
        self.out.take(diagnostic, Some(at), path);
    }

    /// Ends the payload at `error`, in `field`.
    #[cold]
    pub(super) fn fatal(&mut self, error: WireError, field: Field<'_>) -> WireError {
        if self.fault.is_none() {
            self.fault = Some(self.path(field));
        }
        error
    }

    /// After a value that is not what `field` takes: reports it, skips it and goes on; anything else is fatal.
    #[cold]
    pub(super) fn recover(
        &mut self,
        error: WireError,
        at: usize,
        field: Field<'_>,
        expected: &str,
    ) -> Result<(), WireError> {
        if error.code != WRONG_TYPE {
            return Err(self.fatal(error, field));
        }
        if let Some(error) = self.miscounted(at) {
            return Err(self.fatal(error, field));
        }
        if self.out.keeps(WRONG_TYPE) {
            let message = format!("expected {expected}, found {}", self.reader.describe(at));
            self.note(WRONG_TYPE, at, field, &message, "");
        } else {
            self.out.count(WRONG_TYPE);
        }
        self.reader.go_to(at);
        self.skip(field)
    }

    /// Skips the next value. Strings in it count where strings are streamed.
    pub(super) fn skip(&mut self, field: Field<'_>) -> Result<(), WireError> {
        let skipped = self.reader;
        self.reader.skip(self.depth).map_err(|error| self.fatal(error, field))?;
        if self.streamed.is_some() {
            self.intern_skipped(skipped, field);
        }
        Ok(())
    }

    /// An unknown key, taken already: reports it and skips its value.
    #[cold]
    pub(super) fn unknown(&mut self, key: &[u8], at: usize, field: Field<'_>) -> Result<(), WireError> {
        if self.out.keeps(UNKNOWN_FIELD) {
            let name = String::from_utf8_lossy(key).into_owned();
            let message = format!("unknown key {name:?}, holding {}", self.reader.describe(self.reader.offset()));
            self.note(UNKNOWN_FIELD, at, field, &message, "libdatadog refuses a body with an unknown key");
        } else {
            self.out.count(UNKNOWN_FIELD);
        }
        self.skip(field)
    }

    /// The same for an integer key.
    #[cold]
    pub(super) fn unknown_number(&mut self, key: u64, at: usize, field: Field<'_>) -> Result<(), WireError> {
        if let Some(error) = self.miscounted(at) {
            return Err(self.fatal(error, field));
        }
        if self.out.keeps(UNKNOWN_FIELD) {
            let message = format!("unknown key {key}, holding {}", self.reader.describe(self.reader.offset()));
            let help = "libdatadog skips it; the agent and the test agent refuse the body";
            self.note(UNKNOWN_FIELD, at, field, &message, help);
        } else {
            self.out.count(UNKNOWN_FIELD);
        }
        self.skip(field)
    }

    /// A part that must be there is not.
    #[cold]
    pub(super) fn missing(&mut self, what: &str, at: usize, field: Field<'_>) {
        if self.out.keeps(MISSING_FIELD) {
            self.note(MISSING_FIELD, at, field, what, "");
        } else {
            self.out.count(MISSING_FIELD);
        }
    }

    /// Whether a fault at byte `fault` comes from the array value read last having counted its values instead of its items.
    #[cold]
    pub(super) fn miscounted(&mut self, fault: usize) -> Option<WireError> {
        let suspect = self.suspect?;
        let mut reader = self.reader;
        reader.go_to(suspect.end);
        let left = suspect.left;
        let explains = (0..left).all(|_| reader.typed_scalar());
        if !explains || !(suspect.end..=reader.offset() + 32).contains(&fault) {
            return None;
        }
        self.suspect = None;
        self.cause = Some(format!(
            "an array value that counts its {count} values instead of 2·{count} items, as libdatadog's v0.4-to-v1.0 encoder \
             does for event attributes ({left} pairs of type and value are left over),",
            count = suspect.count,
        ));
        Some(WireError { code: WRONG_SHAPE, offset: suspect.at })
    }

    #[cold]
    pub(super) fn duplicate(&mut self, key: &[u8], at: usize, field: Field<'_>) {
        if self.out.keeps(DUPLICATE_KEY) {
            let message = format!("the key {:?} stands twice; the last one counts", String::from_utf8_lossy(key));
            self.note(DUPLICATE_KEY, at, field, &message, "");
        } else {
            self.out.count(DUPLICATE_KEY);
        }
    }

    #[cold]
    fn nil_value(&mut self, at: usize, field: Field<'_>) {
        if self.out.keeps(NIL_VALUE) {
            self.note(NIL_VALUE, at, field, "nil; read as if it were absent", "");
        } else {
            self.out.count(NIL_VALUE);
        }
    }

    // ---- values ---------------------------------------------------------------------------------------------

    /// The count of an array; `None` after a nil or a value of another type, which is reported and skipped.
    #[inline]
    pub(super) fn array(&mut self, field: Field<'_>, expected: &str) -> Result<Option<usize>, WireError> {
        let at = self.reader.offset();
        match self.reader.array() {
            Ok(count) => Ok(Some(count)),
            Err(error) => self.no_container(error, at, field, expected),
        }
    }

    /// The count of a map, likewise.
    #[inline]
    pub(super) fn map(&mut self, field: Field<'_>, expected: &str) -> Result<Option<usize>, WireError> {
        let at = self.reader.offset();
        match self.reader.map() {
            Ok(count) => Ok(Some(count)),
            Err(error) => self.no_container(error, at, field, expected),
        }
    }

    #[cold]
    fn no_container(
        &mut self,
        error: WireError,
        at: usize,
        field: Field<'_>,
        expected: &str,
    ) -> Result<Option<usize>, WireError> {
        let mut again = self.reader;
        again.go_to(at);
        if again.nil() && !matches!(field, Field::Span) {
            self.reader = again;
            self.nil_value(at, field);
        } else {
            self.recover(error, at, field, expected)?;
        }
        Ok(None)
    }

    /// Text; [`StrRef::NONE`] after a nil or a value of another type.
    #[inline(always)]
    pub(super) fn text(&mut self, field: Field<'_>) -> Result<StrRef, WireError> {
        let at = self.reader.offset();
        match self.reader.text() {
            Ok(text) if !text.bin && is_utf8(text.bytes) => Ok(StrRef::body(text.start, text.bytes.len())),
            other => self.odd_text(other, at, field),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_text(
        &mut self,
        read: Result<Bytes<'a>, WireError>,
        at: usize,
        field: Field<'_>,
    ) -> Result<StrRef, WireError> {
        match read {
            Ok(text) => Ok(self.repaired(text, at, field)),
            Err(error) => {
                self.reader.go_to(at);
                if self.reader.nil() {
                    self.nil_value(at, field);
                } else {
                    self.recover(error, at, field, "a string")?;
                }
                Ok(StrRef::NONE)
            }
        }
    }

    /// The service, name, resource or type of a span; for drawing, equal ones share one place.
    #[inline(always)]
    pub(super) fn label(&mut self, field: &'static str) -> Result<StrRef, WireError> {
        let text = self.text(Field::Name(field))?.or_empty();
        // Without any attribute nothing is drawn.
        let drawn = matches!(self.keep, Keep::Only(keys) if !keys.is_empty());
        Ok(if drawn { self.batch.canonical(self.body, text) } else { text })
    }

    /// Text that came as bytes, or that is not UTF-8: reported, and replaced where it must be.
    #[cold]
    fn repaired(&mut self, text: Bytes<'a>, at: usize, field: Field<'_>) -> StrRef {
        if text.bin {
            if self.out.keeps(BIN_FOR_STRING) {
                let message = format!("{} bytes of msgpack bin where a string belongs", text.bytes.len());
                self.note(BIN_FOR_STRING, at, field, &message, "libdatadog refuses a body with such a value");
            } else {
                self.out.count(BIN_FOR_STRING);
            }
        }
        match std::str::from_utf8(text.bytes) {
            Ok(_) => StrRef::body(text.start, text.bytes.len()),
            Err(error) => {
                let bad = text.start + error.valid_up_to();
                if self.out.keeps(INVALID_UTF8) {
                    let byte = text.bytes.get(error.valid_up_to()).copied().unwrap_or_default();
                    let message = format!("byte 0x{byte:02x} is not UTF-8; replaced by U+FFFD");
                    self.note(INVALID_UTF8, bad, field, &message, "libdatadog refuses a body with such text");
                } else {
                    self.out.count(INVALID_UTF8);
                }
                let replaced = String::from_utf8_lossy(text.bytes);
                self.batch.intern(&replaced)
            }
        }
    }

    /// A key of a span, not yet looked at; `None` when it is no text: it and its value are reported and skipped.
    ///
    /// The bytes alone, and not [`Bytes`]: its padding is copied in pieces that overlap, and that stalls the processor for
    /// a fifth of the time that a span takes.
    #[inline(always)]
    pub(super) fn member(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.reader.short_text() {
            Some((_, key)) => Ok(Some(key)),
            None => self.other_member(),
        }
    }

    #[cold]
    #[inline(never)]
    fn other_member(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        let at = self.reader.offset();
        match self.reader.text() {
            Ok(key) => Ok(Some(key.bytes)),
            other => Ok(self.odd_key(other, at, Field::Span)?.map(|(key, _)| key.bytes)),
        }
    }

    /// A key of a map, as text; `None` when it is none: it and its value are reported and skipped.
    #[inline(always)]
    pub(super) fn key(&mut self, map: Field<'_>) -> Result<Option<(Bytes<'a>, StrRef)>, WireError> {
        let at = self.reader.offset();
        match self.reader.text() {
            Ok(key) if !key.bin && is_utf8(key.bytes) => Ok(Some((key, StrRef::body(key.start, key.bytes.len())))),
            other => self.odd_key(other, at, map),
        }
    }

    #[cold]
    fn odd_key(
        &mut self,
        read: Result<Bytes<'a>, WireError>,
        at: usize,
        map: Field<'_>,
    ) -> Result<Option<(Bytes<'a>, StrRef)>, WireError> {
        match read {
            Ok(key) => {
                let text = self.repaired(key, at, map);
                Ok(Some((key, text)))
            }
            Err(error) => {
                self.recover(error, at, map, "a string as key")?;
                self.skip(map)?;
                Ok(None)
            }
        }
    }

    /// An id: any unsigned width; a negative one is read as the agent reads it.
    #[inline(always)]
    pub(super) fn id(&mut self, field: Field<'_>) -> Result<u64, WireError> {
        let at = self.reader.offset();
        if let Some(value) = self.reader.common_unsigned() {
            return Ok(value);
        }
        match self.reader.number() {
            Ok(Number::Unsigned(value)) => Ok(value),
            other => self.odd_id(other, at, field),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_id(&mut self, read: Result<Number, WireError>, at: usize, field: Field<'_>) -> Result<u64, WireError> {
        if let Ok(Number::Negative(value)) = read {
            let read_as = value as u64;
            let message = format!("a negative id, {value}; read as {read_as} as the agent does");
            let help = "libdatadog refuses a body with a negative id: encode ids as unsigned";
            self.report(INTEGER_RANGE, Severity::Warning, at, field, &message, help);
            return Ok(read_as);
        }
        match self.odd_integer(read, at, field)? {
            Some(value) if (0.0..18_446_744_073_709_551_616.0).contains(&value) => Ok(value as u64),
            Some(value) => {
                self.out_of_range(at, field, &value.to_string(), "0 to 2^64-1");
                Ok(0)
            }
            None => Ok(0),
        }
    }

    /// A signed integer of 64 bits, from an integer of any width; 0 after a value that is none.
    #[inline(always)]
    pub(super) fn int(&mut self, field: Field<'_>) -> Result<i64, WireError> {
        let at = self.reader.offset();
        let start = self.reader;
        match self.reader.common_unsigned() {
            Some(value) if value <= i64::MAX as u64 => return Ok(value as i64),
            _ => self.reader = start,
        }
        match self.reader.number() {
            Ok(Number::Unsigned(value)) if value <= i64::MAX as u64 => Ok(value as i64),
            Ok(Number::Negative(value)) => Ok(value),
            other => self.odd_int(other, at, field),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_int(&mut self, read: Result<Number, WireError>, at: usize, field: Field<'_>) -> Result<i64, WireError> {
        if let Ok(Number::Unsigned(value)) = read {
            self.out_of_range(at, field, &value.to_string(), "-2^63 to 2^63-1");
            return Ok(0);
        }
        match self.odd_integer(read, at, field)? {
            Some(value) if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) => {
                Ok(value as i64)
            }
            Some(value) => {
                self.out_of_range(at, field, &value.to_string(), "-2^63 to 2^63-1");
                Ok(0)
            }
            None => Ok(0),
        }
    }

    /// A float in place of an integer, when it has no fraction; `None` after nil or anything else.
    #[cold]
    fn odd_integer(
        &mut self,
        read: Result<Number, WireError>,
        at: usize,
        field: Field<'_>,
    ) -> Result<Option<f64>, WireError> {
        match read {
            Ok(Number::Float(value)) if value.is_finite() && value.fract() == 0.0 => {
                if self.out.keeps(FLOAT_FOR_INTEGER) {
                    let message = format!("the float {value} where an integer belongs");
                    let help = "libdatadog and the test agent refuse this body: send an integer";
                    self.note(FLOAT_FOR_INTEGER, at, field, &message, help);
                } else {
                    self.out.count(FLOAT_FOR_INTEGER);
                }
                Ok(Some(value))
            }
            Ok(_) => {
                self.recover(WireError { code: WRONG_TYPE, offset: at }, at, field, "an integer")?;
                Ok(None)
            }
            Err(error) => {
                self.reader.go_to(at);
                if self.reader.nil() {
                    self.nil_value(at, field);
                } else {
                    self.recover(error, at, field, "an integer")?;
                }
                Ok(None)
            }
        }
    }

    #[cold]
    fn out_of_range(&mut self, at: usize, field: Field<'_>, value: &str, range: &str) {
        let message = format!("{value} is outside {range}; the field is left at 0");
        self.note(INTEGER_RANGE, at, field, &message, "");
    }

    /// The error flag: 32 bits on the wire, clipped to 16.
    #[inline(always)]
    pub(super) fn error(&mut self) -> Result<i16, WireError> {
        if let Some(byte @ 0..=0x7f) = self.reader.peek() {
            let _ = self.reader.number();
            return Ok(i16::from(byte));
        }
        let at = self.reader.offset();
        let value = self.int(Field::Name("error"))?;
        if i32::try_from(value).is_err() {
            self.out_of_range(at, Field::Name("error"), &value.to_string(), "-2^31 to 2^31-1");
            return Ok(0);
        }
        Ok(value.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16)
    }

    /// A number for a metric; `None` after nil or a value of another type.
    #[inline(always)]
    pub(super) fn float(&mut self, field: Field<'_>) -> Result<Option<f64>, WireError> {
        if let Some(value) = self.reader.common_float() {
            return Ok(Some(value));
        }
        let at = self.reader.offset();
        match self.reader.number() {
            Ok(Number::Float(value)) => Ok(Some(value)),
            Ok(Number::Unsigned(value)) => Ok(Some(value as f64)),
            Ok(Number::Negative(value)) => Ok(Some(value as f64)),
            Err(error) => self.no_float(error, at, field),
        }
    }

    #[cold]
    fn no_float(&mut self, error: WireError, at: usize, field: Field<'_>) -> Result<Option<f64>, WireError> {
        self.reader.go_to(at);
        if self.reader.nil() {
            self.nil_value(at, field);
        } else {
            self.recover(error, at, field, "a number")?;
        }
        Ok(None)
    }

    /// True or false; `None` after nil or a value of another type.
    pub(super) fn bool(&mut self, field: Field<'_>) -> Result<Option<bool>, WireError> {
        let at = self.reader.offset();
        match self.reader.bool() {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                self.reader.go_to(at);
                if self.reader.nil() {
                    self.nil_value(at, field);
                } else {
                    self.recover(error, at, field, "true or false")?;
                }
                Ok(None)
            }
        }
    }

    /// An integer of at most 32 bits, unsigned; `None` when it is larger, which is reported.
    pub(super) fn u32(&mut self, field: Field<'_>) -> Result<Option<u32>, WireError> {
        let at = self.reader.offset();
        let value = self.int(field)?;
        let narrow = u32::try_from(value).ok();
        if narrow.is_none() {
            self.out_of_range(at, field, &value.to_string(), "0 to 2^32-1");
        }
        Ok(narrow)
    }

    /// A signed integer of at most 32 bits, likewise.
    pub(super) fn i32(&mut self, field: Field<'_>) -> Result<Option<i32>, WireError> {
        let at = self.reader.offset();
        let value = self.int(field)?;
        let narrow = i32::try_from(value).ok();
        if narrow.is_none() {
            self.out_of_range(at, field, &value.to_string(), "-2^31 to 2^31-1");
        }
        Ok(narrow)
    }

    /// Bytes; `None` after nil or a value of another type.
    pub(super) fn bin(&mut self, field: Field<'_>) -> Result<Option<Bytes<'a>>, WireError> {
        let at = self.reader.offset();
        match self.reader.bin() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => {
                if self.reader.nil() {
                    self.nil_value(at, field);
                } else {
                    self.recover(error, at, field, "bytes")?;
                }
                Ok(None)
            }
        }
    }

    // ---- streamed strings (v1.0) ----------------------------------------------------------------------------

    /// Begins the table of streamed strings, which holds "" from the start.
    pub(super) fn begin_strings(&mut self) {
        self.streamed = Some(HashMap::from([(&[][..], 0)]));
        self.batch.strings.push(TableString { text: StrRef::default(), class: self.class(b"") });
    }

    /// What a string means as a key.
    #[inline(always)]
    pub(super) fn class(&self, key: &[u8]) -> u8 {
        TagUse::of(key) as u8 | if self.keeps(key) { KEPT } else { 0 }
    }

    /// A streamed string, by text or by index, and its class; empty after anything else.
    #[inline]
    pub(super) fn streamed(&mut self, field: Field<'_>) -> Result<(StrRef, u8), WireError> {
        let at = self.reader.offset();
        let mut reader = self.reader;
        if let Some(index) = reader.common_unsigned()
            && let Some(TableString { text, class }) =
                usize::try_from(index).ok().and_then(|at| self.batch.strings.get(at))
        {
            self.reader = reader;
            return Ok((*text, *class));
        }
        match self.reader.text() {
            Ok(text) if !text.bin && is_utf8(text.bytes) => {
                let place = StrRef::body(text.start, text.bytes.len());
                Ok(self.intern_streamed(text.bytes, place, at, field))
            }
            other => self.odd_streamed(other, at, field),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_streamed(
        &mut self,
        read: Result<Bytes<'a>, WireError>,
        at: usize,
        field: Field<'_>,
    ) -> Result<(StrRef, u8), WireError> {
        let error = match read {
            Ok(text) => {
                let place = self.repaired(text, at, field);
                return Ok(self.intern_streamed(text.bytes, place, at, field));
            }
            Err(error) => error,
        };
        self.reader.go_to(at);
        if self.reader.nil() {
            self.nil_value(at, field);
            return Ok((StrRef::default(), 0));
        }
        if !matches!(self.reader.peek(), Some(0..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff)) {
            self.recover(error, at, field, "a string or the index of one")?;
            return Ok((StrRef::default(), 0));
        }
        let read = self.reader.number().map_err(|error| self.fatal(error, field))?;
        if let Number::Unsigned(index) = read
            && let Some(TableString { text, class }) =
                usize::try_from(index).ok().and_then(|at| self.batch.strings.get(at))
        {
            return Ok((*text, *class));
        }
        if let Some(error) = self.miscounted(at) {
            return Err(self.fatal(error, field));
        }
        self.outside_table(read, at, field);
        Ok((StrRef::default(), 0))
    }

    #[cold]
    pub(super) fn outside_table(&mut self, index: Number, at: usize, field: Field<'_>) {
        if !self.out.keeps(STRING_INDEX) {
            return self.out.count(STRING_INDEX);
        }
        let strings = self.batch.strings.len();
        let message = match index {
            Number::Unsigned(index) => format!("string index {index}, but the table has {strings} strings"),
            Number::Negative(index) => format!("string index {index}; an index is not negative"),
            Number::Float(index) => format!("the float {index} as a string index"),
        };
        self.note(STRING_INDEX, at, field, &message, "every receiver refuses this body");
    }

    /// Appends a streamed string to the table. One that is in it already gets no second index, as in the agent.
    #[inline]
    fn intern_streamed(&mut self, bytes: &'a [u8], place: StrRef, at: usize, field: Field<'_>) -> (StrRef, u8) {
        let next = self.batch.strings.len() as u32;
        let known = self.streamed.as_mut().map_or(next, |table| *table.entry(bytes).or_insert(next));
        match self.batch.strings.get(known as usize) {
            Some(TableString { text, class }) => {
                let earlier = (*text, *class);
                self.repeated(bytes, known, at, field);
                earlier
            }
            None => {
                let class = self.class(bytes);
                self.batch.strings.push(TableString { text: place, class });
                (place, class)
            }
        }
    }

    #[cold]
    fn repeated(&mut self, bytes: &[u8], index: u32, at: usize, field: Field<'_>) {
        if !self.out.keeps(REPEATED_INLINE_STRING) {
            return self.out.count(REPEATED_INLINE_STRING);
        }
        let shown = String::from_utf8_lossy(bytes.get(..40).unwrap_or(bytes));
        let message = format!("the string {shown:?} is written again, though it has index {index}");
        let help = "the agent gives it no second index, libdatadog and the test agent do: what indexes after it mean differs; \
                    write each string once";
        self.note(REPEATED_INLINE_STRING, at, field, &message, help);
    }

    /// Takes the strings of a table that stands before everything else. Repeating "" there is what one expects.
    pub(super) fn upfront_strings(&mut self, name: &'static str) -> Result<(), WireError> {
        let Some(count) = self.array(Field::Root(name), "an array of strings")? else { return Ok(()) };
        for index in 0..count {
            let field = Field::RootItem(name, index);
            let at = self.reader.offset();
            match self.reader.text() {
                Ok(text) => {
                    let plain = !text.bin && is_utf8(text.bytes);
                    let place = match plain {
                        true => StrRef::body(text.start, text.bytes.len()),
                        false => self.repaired(text, at, field),
                    };
                    if !(text.bytes.is_empty() && index == 0) {
                        self.intern_streamed(text.bytes, place, at, field);
                    }
                }
                Err(error) => self.recover(error, at, field, "a string")?,
            }
        }
        Ok(())
    }

    /// Interns the strings between `from` and the position now: they were skipped, and count nevertheless.
    #[cold]
    fn intern_skipped(&mut self, mut from: Reader<'a>, field: Field<'_>) {
        let end = self.reader.offset();
        while from.offset() < end {
            let at = from.offset();
            match from.peek() {
                Some(0x80..=0x8f | 0xde | 0xdf) if from.map().is_ok() => {}
                Some(0x90..=0x9f | 0xdc | 0xdd) if from.array().is_ok() => {}
                Some(0xa0..=0xbf | 0xd9..=0xdb) => {
                    let Ok(text) = from.text() else { return };
                    let place = match is_utf8(text.bytes) {
                        true => StrRef::body(text.start, text.bytes.len()),
                        false => self.repaired(text, at, field),
                    };
                    self.intern_streamed(text.bytes, place, at, field);
                }
                _ => {
                    if from.skip(1).is_err() {
                        return;
                    }
                }
            }
        }
    }

    // ---- chunks, spans, attributes --------------------------------------------------------------------------

    pub(super) fn begin_chunk(&mut self, at: usize) {
        self.chunk_start = self.batch.spans.len();
        self.chunk_tid = None;
        self.span = 0;
        self.batch.chunks.push(ChunkRecord {
            spans: Range::new(self.chunk_start, self.chunk_start),
            offset: at as u32,
            ..ChunkRecord::default()
        });
    }

    /// Forgets the spans of the current chunk: they came a second time, or their chunk is refused.
    #[cold]
    pub(super) fn forget_spans(&mut self) {
        let spans = self.batch.spans.drain(self.chunk_start.min(self.batch.spans.len())..);
        if let Some(first) = spans.map(|span| span.attributes.start).min() {
            self.batch.attributes.truncate(first as usize);
        }
        if let Some(chunk) = self.batch.chunks.last_mut() {
            chunk.spans.len = 0;
        }
        (self.span, self.chunk_tid) = (0, None);
    }

    /// Forgets all chunks: they came a second time.
    #[cold]
    pub(super) fn forget_chunks(&mut self) {
        self.batch.chunks.clear();
        self.batch.spans.clear();
        self.batch.attributes.clear();
    }

    /// Counts on to the next span of the chunk, whether the last one was kept or not.
    #[inline(always)]
    pub(super) fn next_span(&mut self) {
        self.span += 1;
    }

    /// Closes the chunk and spreads the high half of its trace id over the spans that share the low half.
    pub(super) fn end_chunk(&mut self) {
        let end = self.batch.spans.len();
        let start = self.chunk_start.min(end);
        if let Some(chunk) = self.batch.chunks.last_mut() {
            chunk.spans = Range::new(start, end);
        }
        if let Some((low, high)) = self.chunk_tid {
            for span in &mut self.batch.spans[start..] {
                if span.trace_low == low && span.trace_high == 0 {
                    span.trace_high = high;
                }
            }
        }
    }

    /// A span that begins at byte `at`.
    #[inline(always)]
    pub(super) fn draft(&self, at: usize) -> Draft {
        let record =
            SpanRecord { offset: at as u32, chunk: self.batch.chunks.len() as u32 - 1, ..SpanRecord::default() };
        Draft { record, ..Draft::default() }
    }

    /// Whether the body holds more spans than are read; said once.
    pub(super) fn full(&mut self) -> bool {
        let full = self.batch.spans.len() >= self.max_spans;
        if full {
            self.limited = true;
            let at = self.reader.offset();
            let message = format!("more than {} spans; the rest of the body is left out", self.max_spans);
            self.note(crate::encoding::codes::TOO_LARGE, at, Field::Span, &message, "raise --max-spans");
        }
        full
    }

    /// Takes the finished span; its attributes are those from `first` on.
    #[inline(always)]
    pub(super) fn push(&mut self, mut draft: Draft, first: usize) {
        draft.record.attributes = Range::new(first, self.batch.attributes.len());
        if let Some(high) = draft.tid {
            draft.record.trace_high = high;
            self.chunk_tid.get_or_insert((draft.record.trace_low, high));
        }
        if draft.json_links.is_some() || draft.json_events.is_some() || draft.links.len + draft.events.len > 0 {
            self.push_extra(&mut draft, ExtraRecord::default());
        }
        self.batch.spans.push(draft.record);
    }

    /// Takes a finished span of v1.0, whose trace id is the chunk's and which has `extra` beside its attributes.
    #[inline]
    pub(super) fn push_with(&mut self, mut draft: Draft, first: usize, extra: ExtraRecord) {
        draft.record.attributes = Range::new(first, self.batch.attributes.len());
        self.push_extra(&mut draft, extra);
        self.batch.spans.push(draft.record);
    }

    fn push_extra(&mut self, draft: &mut Draft, extra: ExtraRecord) {
        // A v0.5 string may be the tag of thousands of spans: it is read once and shared.
        let (batch, body) = (&mut *self.batch, self.body);
        if let Some(tag) = draft.json_links.filter(|_| draft.links.len == 0) {
            let read = self.json_links.entry(tag.bits());
            draft.links = *read.or_insert_with(|| json_tags::links(batch, body, tag));
        }
        if let Some(tag) = draft.json_events.filter(|_| draft.events.len == 0) {
            let read = self.json_events.entry(tag.bits());
            draft.events = *read.or_insert_with(|| json_tags::events(batch, body, tag));
        }
        let promoted = [extra.env, extra.version, extra.component];
        if draft.links.len + draft.events.len > 0 || promoted != [StrRef::default(); 3] {
            self.batch.extras.push(ExtraRecord { links: draft.links, events: draft.events, ..extra });
            draft.record.extra = self.batch.extras.len() as u32;
        }
    }

    pub(super) fn keeps_all(&self) -> bool {
        matches!(self.keep, Keep::All)
    }

    #[inline(always)]
    pub(super) fn keeps(&self, key: &[u8]) -> bool {
        match self.keep {
            Keep::All => true,
            Keep::Only(keys) => keys.iter().any(|wanted| wanted.as_bytes() == key),
        }
    }

    /// The bytes of a text that was read.
    #[inline(always)]
    pub(super) fn bytes(&self, text: StrRef) -> &[u8] {
        self.batch.bytes(self.body, text)
    }

    /// The place of an entry with this key in the map that `field` is.
    #[inline(always)]
    pub(super) fn entry(&self, field: Field<'a>, key: StrRef) -> Field<'a> {
        let key = Batch::body_bytes(self.body, key);
        match field {
            Field::Root(map) => Field::RootTag(map, key),
            Field::ChunkName(map) => Field::ChunkTag(map, key),
            Field::Name(map) => Field::Tag(map, key),
            other => other,
        }
    }

    /// Uses a tag that the decoder itself needs.
    #[cold]
    pub(super) fn use_tag(&mut self, draft: &mut Draft, what: TagUse, value: StrRef) {
        let text = self.batch.bytes(self.body, value);
        match what {
            TagUse::TraceIdHigh => draft.tid = trace_id_high(text),
            TagUse::SpanKind => draft.record.kind = SpanKind::from_word(text).unwrap_or_default(),
            TagUse::Origin => {
                if let Some(chunk) = self.batch.chunks.last_mut() {
                    chunk.origin = value;
                }
            }
            TagUse::Events => draft.json_events = Some(value).filter(|_| self.keeps_all()),
            TagUse::Links => draft.json_links = Some(value).filter(|_| self.keeps_all()),
            TagUse::Priority | TagUse::Plain => {}
        }
    }

    /// Notes the sampling priority of the chunk; the first span that says one decides.
    #[cold]
    pub(super) fn use_priority(&mut self, value: f64) {
        if let Some(chunk) = self.batch.chunks.last_mut()
            && chunk.priority == NO_PRIORITY
        {
            chunk.priority = value as i32;
        }
    }

    #[inline(always)]
    pub(super) fn push_attribute(&mut self, key: StrRef, kind: Kind, bits: u64) {
        self.batch.attributes.push(AttributeRecord::new(key, kind, bits));
    }

    /// Appends the entries of a list or map and returns where they stand.
    pub(super) fn push_nested(&mut self, entries: &[AttributeRecord]) -> Range {
        self.batch.push_nested(entries)
    }
}

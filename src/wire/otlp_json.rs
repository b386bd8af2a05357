//! OTLP over HTTP as JSON, in the dialects that are met.
//!
//! ```json
//! {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
//!   "scopeSpans": [{"scope": {"name": "http"}, "spans": [{"traceId": "5b8e...", "spanId": "eee1...", "name": "get",
//!     "kind": 2, "startTimeUnixNano": "1795168000000000000", "endTimeUnixNano": "1795168000001000000"}]}]}]}
//! ```
//! Ids are hex, 64-bit integers strings or numbers, enums integers, bytes base64, members in any order, null is absent,
//! unknown members are ignored. Read besides, with a finding: snake_case names, enums by name, base64 ids (protobuf's own
//! JSON printer, Tempo, the test agent); without one: `batches` for `resourceSpans` (Tempo), the same below `result`
//! (Jaeger) or `trace`, `instrumentationLibrarySpans` (before OTLP 1.0), several documents one behind the other or in an
//! array. Defined by opentelemetry-proto's JSON mapping.

use super::codes::{
    BAD_JSON, BYTE_ORDER_MARK, DUPLICATE_KEY, ENUM_AS_TEXT, FLOAT_FOR_INTEGER, ID_NOT_HEX, INTEGER_AS_NUMBER,
    INTEGER_RANGE, INVALID_UTF8, SNAKE_CASE_FIELD, SPAN_ID_LENGTH, TOO_DEEP, TRACE_ID_LENGTH, WRONG_TYPE,
};
use super::json::{Reader, Text, path_of, unescape};
use super::otlp_fill::{Fill, OpenValue, SpanDraft};
use super::text::is_utf8;
use super::{Options, WireError};
use crate::diagnostic::{BodyScope, Code, Severity};
use crate::trace::{AttributeRecord, Batch, EventRecord, Kind, LinkRecord, SpanKind, SpanStatus, StrRef};
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};

type Read<T> = Result<T, WireError>;

/// Most objects around `resourceSpans`: `{"result": {"resourceSpans": ...}}`.
const MOST_WRAPPERS: usize = 4;

/// Decodes a body into `batch`, which is empty.
pub(super) fn payload(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let mut json = Json {
        fill: Fill::new(body, options, batch, out, path_of),
        reader: Reader::new(body),
        scratch: String::new(),
        said: 0,
    };
    let read = json.documents();
    json.fill.finish(read);
}

struct Json<'a, 'x, 'd> {
    fill: Fill<'a, 'x, 'd>,
    reader: Reader<'a>,
    scratch: String,
    /// Deviations that were reported with their help already; further ones are counted.
    said: u8,
}

const SAID_SNAKE: u8 = 1;
const SAID_ENUM: u8 = 2;
const SAID_NUMBER: u8 = 4;
const SAID_BASE64: u8 = 8;

/// The snake_case names of proto files, and what OTLP JSON calls them.
const SNAKE: &[(&[u8], &[u8])] = &[
    (b"resource_spans", b"resourceSpans"),
    (b"scope_spans", b"scopeSpans"),
    (b"instrumentation_library_spans", b"instrumentationLibrarySpans"),
    (b"instrumentation_library", b"instrumentationLibrary"),
    (b"schema_url", b"schemaUrl"),
    (b"trace_id", b"traceId"),
    (b"span_id", b"spanId"),
    (b"trace_state", b"traceState"),
    (b"parent_span_id", b"parentSpanId"),
    (b"start_time_unix_nano", b"startTimeUnixNano"),
    (b"end_time_unix_nano", b"endTimeUnixNano"),
    (b"time_unix_nano", b"timeUnixNano"),
    (b"dropped_attributes_count", b"droppedAttributesCount"),
    (b"dropped_events_count", b"droppedEventsCount"),
    (b"dropped_links_count", b"droppedLinksCount"),
    (b"string_value", b"stringValue"),
    (b"bool_value", b"boolValue"),
    (b"int_value", b"intValue"),
    (b"double_value", b"doubleValue"),
    (b"array_value", b"arrayValue"),
    (b"kvlist_value", b"kvlistValue"),
    (b"bytes_value", b"bytesValue"),
];

impl<'a> Json<'a, '_, '_> {
    // ---- documents ------------------------------------------------------------------------------------------

    fn documents(&mut self) -> Read<()> {
        if self.reader.literal(b"\xef\xbb\xbf") {
            self.fill.note(BYTE_ORDER_MARK, 0, "", || "a byte order mark before the JSON".to_owned());
        }
        if matches!(self.fill.body, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]) {
            let message = "text in UTF-16; OTLP JSON is UTF-8".to_owned();
            self.fill.report(BAD_JSON, Severity::Error, 0, "send UTF-8", message);
            return Err(WireError { code: BAD_JSON, offset: 0 });
        }
        loop {
            if !self.document(0)? {
                return Ok(());
            }
            if self.reader.peek() == 0 && self.reader.is_empty() {
                return Ok(());
            }
        }
    }

    /// One document; false when the span limit ended the body.
    fn document(&mut self, level: usize) -> Read<bool> {
        match self.reader.peek() {
            b'{' => self.request(level),
            b'[' if level == 0 => {
                self.reader.open();
                let mut first = true;
                while self.reader.element(&mut first)? {
                    if !self.document(1)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => {
                self.wrong("an object")?;
                Ok(true)
            }
        }
    }

    fn request(&mut self, level: usize) -> Read<bool> {
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            let more = match self.name(name).as_ref() {
                b"resourceSpans" | b"batches" => self.list(Self::resource_spans)?,
                b"result" | b"trace" if level < MOST_WRAPPERS && self.reader.peek() == b'{' => {
                    self.request(level + 1)?
                }
                _ => self.skip()?,
            };
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn resource_spans(&mut self) -> Read<bool> {
        self.fill.begin_resource();
        let read = self.resource_spans_members();
        self.fill.end_resource();
        read
    }

    fn resource_spans_members(&mut self) -> Read<bool> {
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            let more = match self.name(name).as_ref() {
                b"resource" => self.object("an object", Self::resource)?,
                b"scopeSpans" | b"instrumentationLibrarySpans" => self.list(Self::scope_spans)?,
                b"schemaUrl" => {
                    let url = self.text()?;
                    if let Some(resource) = self.fill.resource() {
                        resource.schema_url = url;
                    }
                    true
                }
                _ => self.skip()?,
            };
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn resource(&mut self) -> Read<bool> {
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            match self.name(name).as_ref() {
                b"attributes" => {
                    self.fill.resource_attributes.clear();
                    self.key_values(1, |fill, record| fill.push_resource_attribute(record))?;
                }
                b"droppedAttributesCount" => {
                    let dropped = self.count()?;
                    if let Some(resource) = self.fill.resource() {
                        resource.dropped = dropped;
                    }
                }
                _ => drop(self.skip()?),
            }
        }
        Ok(true)
    }

    fn scope_spans(&mut self) -> Read<bool> {
        let at = self.reader.offset();
        self.fill.begin_scope(at);
        let read = self.scope_spans_members();
        self.fill.end_scope();
        read
    }

    fn scope_spans_members(&mut self) -> Read<bool> {
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            let more = match self.name(name).as_ref() {
                b"spans" => self.list(Self::span)?,
                b"scope" | b"instrumentationLibrary" => self.object("an object", Self::scope)?,
                b"schemaUrl" => {
                    let url = self.text()?;
                    if let Some(scope) = self.fill.scope() {
                        scope.schema_url = url;
                    }
                    true
                }
                _ => self.skip()?,
            };
            if !more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn scope(&mut self) -> Read<bool> {
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            match self.name(name).as_ref() {
                b"name" => {
                    let text = self.text()?;
                    if let Some(scope) = self.fill.scope() {
                        scope.name = text;
                    }
                }
                b"version" => {
                    let text = self.text()?;
                    if let Some(scope) = self.fill.scope() {
                        scope.version = text;
                    }
                }
                b"attributes" => {
                    self.fill.scope_attributes.clear();
                    self.key_values(1, |fill, record| fill.scope_attributes.push(record))?;
                }
                b"droppedAttributesCount" => {
                    let dropped = self.count()?;
                    if let Some(scope) = self.fill.scope() {
                        scope.dropped = dropped;
                    }
                }
                _ => drop(self.skip()?),
            }
        }
        Ok(true)
    }

    // ---- spans ----------------------------------------------------------------------------------------------

    fn span(&mut self) -> Read<bool> {
        let at = self.reader.offset();
        if self.fill.full(at) {
            return Ok(false);
        }
        let mut draft = self.fill.draft(at);
        match self.span_members(&mut draft) {
            Ok(()) => {
                self.fill.push(draft);
                Ok(true)
            }
            Err(error) => {
                self.fill.forget(&draft);
                Err(error)
            }
        }
    }

    fn span_members(&mut self, draft: &mut SpanDraft) -> Read<()> {
        const ATTRIBUTES: u8 = 1;
        const EVENTS: u8 = 2;
        const LINKS: u8 = 4;
        self.reader.open();
        let mut first = true;
        let mut seen = 0u8;
        while let Some(name) = self.reader.member(&mut first)? {
            let list = match self.name(name).as_ref() {
                b"traceId" => {
                    (draft.record.trace_high, draft.record.trace_low) = self.trace_id()?;
                    0
                }
                b"spanId" => {
                    draft.record.span_id = self.span_id()?;
                    0
                }
                b"parentSpanId" => {
                    draft.record.parent_id = self.span_id()?;
                    0
                }
                b"name" => {
                    let text = self.text()?;
                    draft.record.name = self.fill.label(text);
                    0
                }
                b"kind" => {
                    draft.record.kind = self.span_kind()?;
                    0
                }
                b"startTimeUnixNano" => {
                    draft.record.start = self.time()?;
                    0
                }
                b"endTimeUnixNano" => {
                    draft.end = self.time()?;
                    0
                }
                b"attributes" => {
                    self.fill.batch.attributes.truncate(draft.first_attribute);
                    self.span_attributes()?;
                    ATTRIBUTES
                }
                b"status" => {
                    self.status(draft)?;
                    0
                }
                b"flags" => {
                    draft.extra.flags = self.unsigned(u64::from(u32::MAX))?.map(|flags| flags as u32);
                    draft.has_extra |= draft.extra.flags.is_some();
                    0
                }
                b"traceState" => {
                    draft.extra.tracestate = self.text()?;
                    draft.has_extra = true;
                    0
                }
                b"events" => {
                    self.fill.batch.events.truncate(draft.first_event);
                    if self.fill.keeps_all {
                        self.list(Self::event)?;
                        draft.has_extra = true;
                    } else {
                        self.skip()?;
                    }
                    EVENTS
                }
                b"links" => {
                    self.fill.batch.links.truncate(draft.first_link);
                    if self.fill.keeps_all {
                        self.list(Self::link)?;
                        draft.has_extra = true;
                    } else {
                        self.skip()?;
                    }
                    LINKS
                }
                dropped @ (b"droppedAttributesCount" | b"droppedEventsCount" | b"droppedLinksCount") => {
                    let which = dropped[7];
                    let count = self.count()?;
                    let dropped = &mut draft.extra.dropped;
                    match which {
                        b'A' => dropped.attributes = count,
                        b'E' => dropped.events = count,
                        _ => dropped.links = count,
                    }
                    draft.has_extra |= count > 0;
                    0
                }
                _ => {
                    self.skip()?;
                    0
                }
            };
            if seen & list != 0 {
                self.fill.note(DUPLICATE_KEY, name.start, "", || {
                    format!("the member {:?} stands twice; the last one counts", String::from_utf8_lossy(name.bytes))
                });
            }
            seen |= list;
        }
        Ok(())
    }

    fn status(&mut self, draft: &mut SpanDraft) -> Read<()> {
        let (mut status, mut message) = (SpanStatus::Unset, StrRef::default());
        self.object("an object", |json| {
            json.reader.open();
            let mut first = true;
            while let Some(name) = json.reader.member(&mut first)? {
                match json.name(name).as_ref() {
                    b"code" => status = json.status_code()?,
                    b"message" => message = json.text()?,
                    _ => drop(json.skip()?),
                }
            }
            Ok(true)
        })?;
        (draft.extra.status, draft.extra.status_message) = (status, message);
        draft.has_extra |= status != SpanStatus::Unset || message != StrRef::default();
        Ok(())
    }

    fn event(&mut self) -> Read<bool> {
        let mut event = EventRecord::default();
        let base = self.fill.open.len();
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            match self.name(name).as_ref() {
                b"timeUnixNano" => event.time = self.time()?,
                b"name" => event.name = self.text()?,
                b"attributes" => {
                    self.fill.open.truncate(base);
                    self.key_values(1, |fill, record| fill.open.push(record))?;
                }
                b"droppedAttributesCount" => event.dropped = self.count()?,
                _ => drop(self.skip()?),
            }
        }
        event.attributes = self.fill.close_parts(base);
        self.fill.batch.events.push(event);
        Ok(true)
    }

    fn link(&mut self) -> Read<bool> {
        let mut link = LinkRecord::default();
        let base = self.fill.open.len();
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            match self.name(name).as_ref() {
                b"traceId" => (link.trace_high, link.trace_low) = self.trace_id()?,
                b"spanId" => link.span_id = self.span_id()?,
                b"traceState" => link.tracestate = self.text()?,
                b"attributes" => {
                    self.fill.open.truncate(base);
                    self.key_values(1, |fill, record| fill.open.push(record))?;
                }
                b"droppedAttributesCount" => link.dropped = self.count()?,
                b"flags" => link.flags = self.unsigned(u64::from(u32::MAX))?.map(|flags| flags as u32),
                _ => drop(self.skip()?),
            }
        }
        link.attributes = self.fill.close_parts(base);
        self.fill.batch.links.push(link);
        Ok(true)
    }

    // ---- attributes -----------------------------------------------------------------------------------------

    fn span_attributes(&mut self) -> Read<()> {
        if !self.begins(b'[', "an array")? {
            return Ok(());
        }
        self.reader.open();
        let mut first = true;
        while self.reader.element(&mut first)? {
            let start = self.reader;
            let record = match self.plain_attribute() {
                Some(record) => Some(record),
                None => {
                    self.reader = start;
                    self.key_value(1)?
                }
            };
            if let Some(record) = record
                && (self.fill.keeps_all || self.fill.keeps(self.fill.batch.bytes(self.fill.body, record.key())))
            {
                self.fill.batch.attributes.push(record);
            }
        }
        Ok(())
    }

    /// An attribute as serializers write it: `{"key":"k","value":{"stringValue":"v"}}` without white space, text without
    /// escapes. `None` for any other; the reader then stands anywhere.
    #[inline(always)]
    fn plain_attribute(&mut self) -> Option<AttributeRecord> {
        let mut reader = self.reader;
        if !reader.literal(b"{\"key\":\"") {
            return None;
        }
        let key = reader.string_body().ok()?;
        if key.escaped || !key.ascii || !reader.literal(b",\"value\":{\"") {
            return None;
        }
        let (kind, bits) = if reader.literal(b"stringValue\":\"") {
            let text = reader.string_body().ok()?;
            if text.escaped || !(text.ascii || is_utf8(text.bytes)) {
                return None;
            }
            (Kind::Str, StrRef::body(text.start, text.bytes.len()).bits())
        } else if reader.literal(b"intValue\":\"") {
            let text = reader.string_body().ok()?;
            (Kind::Int, signed_digits(text.bytes)? as u64)
        } else if reader.literal(b"doubleValue\":") {
            let number = reader.number().ok()?;
            (Kind::Float, float(number)?.to_bits())
        } else if reader.literal(b"boolValue\":true") {
            (Kind::Bool, 1)
        } else if reader.literal(b"boolValue\":false") {
            (Kind::Bool, 0)
        } else {
            return None;
        };
        if !reader.literal(b"}}") {
            return None;
        }
        self.reader = reader;
        Some(AttributeRecord::new(StrRef::body(key.start, key.bytes.len()), kind, bits))
    }

    /// A list of keys and values, each handed to `push`.
    fn key_values(&mut self, level: usize, push: fn(&mut Fill<'a, '_, '_>, AttributeRecord)) -> Read<()> {
        if !self.begins(b'[', "an array")? {
            return Ok(());
        }
        self.reader.open();
        let mut first = true;
        while self.reader.element(&mut first)? {
            if let Some(record) = self.key_value(level)? {
                push(&mut self.fill, record);
            }
        }
        Ok(())
    }

    fn key_value(&mut self, level: usize) -> Read<Option<AttributeRecord>> {
        if self.reader.peek() != b'{' {
            self.wrong("an object with key and value")?;
            return Ok(None);
        }
        self.reader.open();
        let mut first = true;
        let mut key = StrRef::default();
        let mut value = self.fill.open_value();
        while let Some(name) = self.reader.member(&mut first)? {
            match self.name(name).as_ref() {
                b"key" => key = self.text()?,
                b"value" => self.any_value(&mut value, level)?,
                _ => drop(self.skip()?),
            }
        }
        let (kind, bits) = self.fill.close_value(value);
        Ok(Some(AttributeRecord::new(key, kind, bits)))
    }

    fn any_value(&mut self, value: &mut OpenValue, level: usize) -> Read<()> {
        if level > self.fill.depth {
            return Err(WireError { code: TOO_DEEP, offset: self.reader.offset() });
        }
        if !self.begins(b'{', "an object with a value")? {
            return Ok(());
        }
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            let at = name.start;
            match self.name(name).as_ref() {
                _ if self.reader.null()? => {}
                b"stringValue" => {
                    if let Some(text) = self.maybe_text()? {
                        self.fill.set(value, Kind::Str, text.bits(), at);
                    }
                }
                b"boolValue" => {
                    if let Some(bool) = self.bool()? {
                        self.fill.set(value, Kind::Bool, u64::from(bool), at);
                    }
                }
                b"intValue" => {
                    if let Some(number) = self.signed()? {
                        self.fill.set(value, Kind::Int, number as u64, at);
                    }
                }
                b"doubleValue" => {
                    if let Some(number) = self.double()? {
                        self.fill.set(value, Kind::Float, number.to_bits(), at);
                    }
                }
                b"bytesValue" => {
                    if let Some(bytes) = self.bytes()? {
                        self.fill.set(value, Kind::Bytes, bytes.bits(), at);
                    }
                }
                b"arrayValue" => {
                    self.fill.parts(value, Kind::List, at);
                    self.values(|json| {
                        let mut item = json.fill.open_value();
                        json.any_value(&mut item, level + 1)?;
                        let (kind, bits) = json.fill.close_value(item);
                        json.fill.open.push(AttributeRecord::new(StrRef::default(), kind, bits));
                        Ok(())
                    })?;
                }
                b"kvlistValue" => {
                    self.fill.parts(value, Kind::Map, at);
                    self.values(|json| {
                        if let Some(record) = json.key_value(level + 1)? {
                            json.fill.open.push(record);
                        }
                        Ok(())
                    })?;
                }
                _ => drop(self.skip()?),
            }
        }
        Ok(())
    }

    /// `{"values": [...]}`, each item read by `item`.
    fn values(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if !self.begins(b'{', "an object with values")? {
            return Ok(());
        }
        self.reader.open();
        let mut first = true;
        while let Some(name) = self.reader.member(&mut first)? {
            if self.name(name).as_ref() != b"values" {
                self.skip()?;
                continue;
            }
            if !self.begins(b'[', "an array")? {
                continue;
            }
            self.reader.open();
            let mut first = true;
            while self.reader.element(&mut first)? {
                item(self)?;
            }
        }
        Ok(())
    }

    // ---- values ---------------------------------------------------------------------------------------------

    /// The items of an array, each an object that `item` reads from its brace on; false when `item` ended the body.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Read<bool>) -> Read<bool> {
        if !self.begins(b'[', "an array")? {
            return Ok(true);
        }
        self.reader.open();
        let mut first = true;
        while self.reader.element(&mut first)? {
            if self.reader.peek() != b'{' {
                self.wrong("an object")?;
            } else if !item(self)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An object that `members` reads from its brace on; nothing for null.
    fn object(&mut self, expected: &str, members: impl FnOnce(&mut Self) -> Read<bool>) -> Read<bool> {
        if self.begins(b'{', expected)? { members(self) } else { Ok(true) }
    }

    /// Whether a container that opens with `opening` is next. Null is taken and counts as absent; anything else is
    /// reported and skipped.
    #[inline]
    fn begins(&mut self, opening: u8, expected: &str) -> Read<bool> {
        if self.reader.peek() == opening {
            return Ok(true);
        }
        if !self.reader.null()? {
            self.wrong(expected)?;
        }
        Ok(false)
    }

    /// Skips a value; always true.
    fn skip(&mut self) -> Read<bool> {
        self.reader.skip(self.fill.depth)?;
        Ok(true)
    }

    /// A value that is not what belongs here: reported and skipped.
    #[cold]
    #[inline(never)]
    fn wrong(&mut self, expected: &str) -> Read<()> {
        self.reader.peek();
        let start = self.reader;
        self.skip()?;
        self.fill.note(WRONG_TYPE, start.offset(), "", || format!("expected {expected}, found {}", start.describe()));
        Ok(())
    }

    /// Reports a deviation of the sender's dialect once and counts it from then on.
    #[cold]
    #[inline(never)]
    fn dialect(&mut self, said: u8, code: Code, at: usize, help: &str, message: impl FnOnce() -> String) {
        if self.said & said != 0 {
            return self.fill.count(code);
        }
        self.said |= said;
        self.fill.note(code, at, help, message);
    }

    /// The name of a member as OTLP JSON has it.
    #[inline(always)]
    fn name(&mut self, name: Text<'a>) -> Name<'a> {
        if name.escaped || name.bytes.contains(&b'_') { self.odd_name(name) } else { Name::Plain(name.bytes) }
    }

    #[cold]
    #[inline(never)]
    fn odd_name(&mut self, name: Text<'a>) -> Name<'a> {
        let mut plain = String::new();
        unescape(&String::from_utf8_lossy(name.bytes), &mut plain);
        let Some((snake, camel)) = SNAKE.iter().find(|(snake, _)| *snake == plain.as_bytes()) else {
            return Name::Escaped(plain.into_bytes());
        };
        let help = "OTLP JSON names are lowerCamelCase; configure the sender's JSON printer";
        self.dialect(SAID_SNAKE, SNAKE_CASE_FIELD, name.start, help, || {
            let (snake, camel) = (String::from_utf8_lossy(snake), String::from_utf8_lossy(camel));
            format!("members in snake_case, such as {snake} for {camel}; receivers ignore them without a word")
        });
        Name::Plain(camel)
    }

    /// A string; nothing for null and, with a finding, for anything else.
    #[inline]
    fn maybe_text(&mut self) -> Read<Option<StrRef>> {
        if self.reader.peek() == b'"' {
            let text = self.reader.string()?;
            return Ok(Some(self.text_ref(text)));
        }
        if !self.reader.null()? {
            self.wrong("a string")?;
        }
        Ok(None)
    }

    #[inline]
    fn text(&mut self) -> Read<StrRef> {
        Ok(self.maybe_text()?.unwrap_or_default())
    }

    #[inline(always)]
    fn text_ref(&mut self, text: Text<'a>) -> StrRef {
        if !text.escaped && text.ascii {
            return StrRef::body(text.start, text.bytes.len());
        }
        self.odd_text(text)
    }

    #[inline(never)]
    fn odd_text(&mut self, text: Text<'a>) -> StrRef {
        if !text.escaped {
            return self.fill.text(text.start, text.bytes);
        }
        self.scratch.clear();
        let whole = match std::str::from_utf8(text.bytes) {
            Ok(plain) => unescape(plain, &mut self.scratch),
            Err(_) => {
                // Reported there.
                let _ = self.fill.repaired(text.start, text.bytes);
                unescape(&String::from_utf8_lossy(text.bytes), &mut self.scratch)
            }
        };
        if !whole {
            self.fill.note(INVALID_UTF8, text.start, "", || {
                "an escape of half a surrogate pair; replaced by U+FFFD".to_owned()
            });
        }
        self.fill.batch.intern(&self.scratch)
    }

    /// A string without escapes or a number, as characters; nothing for null and, with a finding, for anything else.
    #[inline]
    fn characters(&mut self, expected: &str) -> Read<Option<(&'a [u8], bool)>> {
        match self.reader.peek() {
            b'"' => Ok(Some((self.reader.string()?.bytes, true))),
            b'-' | b'0'..=b'9' => Ok(Some((self.reader.number()?, false))),
            _ => {
                if !self.reader.null()? {
                    self.wrong(expected)?;
                }
                Ok(None)
            }
        }
    }

    #[inline]
    fn time(&mut self) -> Read<i64> {
        self.reader.peek();
        let at = self.reader.offset();
        Ok(self.unsigned(u64::MAX)?.map_or(0, |value| self.fill.time(at, value)))
    }

    fn count(&mut self) -> Read<u32> {
        Ok(self.unsigned(u64::from(u32::MAX))?.unwrap_or(0) as u32)
    }

    /// An integer from 0 to `most`, as string or number.
    #[inline]
    fn unsigned(&mut self, most: u64) -> Read<Option<u64>> {
        self.reader.peek();
        let at = self.reader.offset();
        let Some((digits, quoted)) = self.characters("an integer")? else { return Ok(None) };
        match unsigned_digits(digits) {
            Some(value) if value <= most => {
                self.exactness(at, value, quoted);
                Ok(Some(value))
            }
            _ => Ok(self.odd_integer(at, digits, 0, i128::from(most)).map(|value| value as u64)),
        }
    }

    /// A signed integer of 64 bits, as string or number.
    #[inline]
    fn signed(&mut self) -> Read<Option<i64>> {
        self.reader.peek();
        let at = self.reader.offset();
        let Some((digits, quoted)) = self.characters("an integer")? else { return Ok(None) };
        match signed_digits(digits) {
            Some(value) => {
                self.exactness(at, value.unsigned_abs(), quoted);
                Ok(Some(value))
            }
            None => {
                let range = (i128::from(i64::MIN), i128::from(i64::MAX));
                Ok(self.odd_integer(at, digits, range.0, range.1).map(|value| value as i64))
            }
        }
    }

    /// A number that readers with 64-bit floats lose digits of.
    #[inline]
    fn exactness(&mut self, at: usize, value: u64, quoted: bool) {
        if !quoted && value > 1 << 53 {
            let help = "send 64-bit integers as strings";
            self.dialect(SAID_NUMBER, INTEGER_AS_NUMBER, at, help, || {
                format!("{value} as a JSON number; readers with 64-bit floats lose its last digits, here they are kept")
            });
        }
    }

    /// What is not digits alone: a float without fraction counts, what is out of range or no number does not.
    #[cold]
    #[inline(never)]
    fn odd_integer(&mut self, at: usize, digits: &[u8], least: i128, most: i128) -> Option<i128> {
        let text = String::from_utf8_lossy(digits);
        let integer = text.parse::<i128>().ok();
        let read = integer.or_else(|| {
            let float = float(digits).filter(|float| float.fract() == 0.0 && float.abs() < 1e30)?;
            self.fill.note(FLOAT_FOR_INTEGER, at, "", || format!("the float {float} where an integer belongs"));
            Some(float as i128)
        });
        match read {
            Some(value) if (least..=most).contains(&value) => Some(value),
            Some(value) => {
                self.fill.note(INTEGER_RANGE, at, "", || {
                    format!("{value} is outside {least} to {most}; the field is left at 0")
                });
                None
            }
            None => {
                let clipped: String = text.chars().take(40).collect();
                self.fill.note(WRONG_TYPE, at, "", || format!("expected an integer, found {clipped:?}"));
                None
            }
        }
    }

    fn double(&mut self) -> Read<Option<f64>> {
        self.reader.peek();
        let at = self.reader.offset();
        let Some((text, quoted)) = self.characters("a number")? else { return Ok(None) };
        let value = match text {
            b"NaN" if quoted => Some(f64::NAN),
            b"Infinity" if quoted => Some(f64::INFINITY),
            b"-Infinity" if quoted => Some(f64::NEG_INFINITY),
            // Rust's grammar has "inf" and "nan" as well.
            text if text
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')) =>
            {
                float(text)
            }
            _ => None,
        };
        if value.is_none() {
            let found = String::from_utf8_lossy(text.get(..40).unwrap_or(text));
            self.fill.note(WRONG_TYPE, at, "", || format!("expected a number, found {found:?}"));
        }
        Ok(value)
    }

    fn bool(&mut self) -> Read<Option<bool>> {
        match self.reader.peek() {
            b't' | b'f' => Ok(Some(self.reader.word()? == "true")),
            _ => {
                self.wrong("true or false")?;
                Ok(None)
            }
        }
    }

    fn bytes(&mut self) -> Read<Option<StrRef>> {
        if self.reader.peek() != b'"' {
            self.wrong("a string in base64")?;
            return Ok(None);
        }
        let text = self.reader.string()?;
        let mut plain = String::new();
        unescape(&String::from_utf8_lossy(text.bytes), &mut plain);
        match base64_bytes(plain.as_bytes()) {
            Some(bytes) => Ok(Some(self.fill.batch.intern_bytes(&bytes))),
            None => {
                self.fill.note(WRONG_TYPE, text.start, "", || "expected base64, found other characters".to_owned());
                Ok(None)
            }
        }
    }

    fn span_kind(&mut self) -> Read<SpanKind> {
        self.reader.peek();
        let at = self.reader.offset();
        let Some((text, quoted)) = self.characters("the number of a span kind")? else {
            return Ok(SpanKind::Unspecified);
        };
        if let Some(number) = signed_digits(text) {
            return Ok(self.fill.kind(at, number as u64));
        }
        let name = text.to_ascii_lowercase();
        let name = name.strip_prefix(b"span_kind_").unwrap_or(&name);
        let kind = if name == b"unspecified" { Some(SpanKind::Unspecified) } else { SpanKind::from_word(name) };
        let Some(kind) = kind.filter(|_| quoted) else {
            // A number that no kind has.
            return Ok(self.fill.kind(at, u64::MAX));
        };
        self.enum_as_text(at, text);
        Ok(kind)
    }

    fn status_code(&mut self) -> Read<SpanStatus> {
        self.reader.peek();
        let at = self.reader.offset();
        let Some((text, quoted)) = self.characters("the number of a status")? else { return Ok(SpanStatus::Unset) };
        if let Some(number) = signed_digits(text) {
            return Ok(self.fill.status(at, number as u64));
        }
        let name = text.to_ascii_lowercase();
        let status = match name.strip_prefix(b"status_code_").unwrap_or(&name) {
            b"unset" => SpanStatus::Unset,
            b"ok" => SpanStatus::Ok,
            b"error" => SpanStatus::Error,
            _ => return Ok(self.fill.status(at, u64::MAX)),
        };
        if quoted {
            self.enum_as_text(at, text);
        }
        Ok(status)
    }

    #[cold]
    fn enum_as_text(&mut self, at: usize, text: &[u8]) {
        self.dialect(SAID_ENUM, ENUM_AS_TEXT, at, "OTLP JSON has enums as integers", || {
            format!("enums by name, such as {:?}", String::from_utf8_lossy(text))
        });
    }

    // ---- ids ------------------------------------------------------------------------------------------------

    #[inline]
    fn trace_id(&mut self) -> Read<(u64, u64)> {
        let Some(text) = self.id_text()? else { return Ok((0, 0)) };
        if let Some((high, low)) = text.bytes.split_at_checked(16)
            && let (Some(high), Some(low)) = (hex16(high), hex16(low))
        {
            return Ok((high, low));
        }
        let Some(bytes) = self.odd_id(text, 24) else { return Ok((0, 0)) };
        match <[u8; 16]>::try_from(bytes.as_slice()).map(u128::from_be_bytes) {
            Ok(id) => Ok(((id >> 64) as u64, id as u64)),
            Err(_) => Ok(self.fill.odd_trace_id(text.start, &bytes)),
        }
    }

    #[inline]
    fn span_id(&mut self) -> Read<u64> {
        let Some(text) = self.id_text()? else { return Ok(0) };
        if let Some(id) = hex16(text.bytes) {
            return Ok(id);
        }
        let Some(bytes) = self.odd_id(text, 12) else { return Ok(0) };
        match bytes.as_slice().try_into().map(u64::from_be_bytes) {
            Ok(id) => Ok(id),
            Err(_) => Ok(self.fill.odd_span_id(text.start, &bytes)),
        }
    }

    #[inline]
    fn id_text(&mut self) -> Read<Option<Text<'a>>> {
        if self.reader.peek() == b'"' {
            return self.reader.string().map(Some);
        }
        if !self.reader.null()? {
            self.wrong("an id in hex digits")?;
        }
        Ok(None)
    }

    /// The bytes of an id that is not hex of the right length: other hex, or base64 of `base64_len` characters. `None`
    /// for anything else, which is reported.
    #[cold]
    #[inline(never)]
    fn odd_id(&mut self, text: Text<'a>, base64_len: usize) -> Option<Vec<u8>> {
        let digits = text.bytes;
        if digits.iter().all(u8::is_ascii_hexdigit) {
            if digits.len() % 2 == 1 {
                let (code, right) = if base64_len == 24 { (TRACE_ID_LENGTH, 32) } else { (SPAN_ID_LENGTH, 16) };
                self.fill.note(code, text.start, "", || {
                    format!("an id of {} hex digits instead of {right}; it counts as none", digits.len())
                });
                return None;
            }
            let pairs = digits.as_chunks::<2>().0.iter();
            return Some(pairs.map(|[high, low]| (hex_digit(*high) << 4) | hex_digit(*low)).collect());
        }
        let unescaped = if text.escaped {
            let mut plain = String::new();
            unescape(&String::from_utf8_lossy(digits), &mut plain);
            plain.into_bytes()
        } else {
            digits.to_vec()
        };
        if unescaped.len() == base64_len
            && unescaped.ends_with(b"=")
            && let Some(bytes) = base64_bytes(&unescaped)
        {
            let help = "OTLP JSON has ids as hex digits, unlike other bytes; configure the sender's JSON printer";
            if self.said & SAID_BASE64 == 0 {
                self.said |= SAID_BASE64;
                let message = format!("ids in base64, such as {:?}; read", String::from_utf8_lossy(digits));
                self.fill.report(ID_NOT_HEX, Severity::Warning, text.start, help, message);
            }
            return Some(bytes);
        }
        self.fill.note(ID_NOT_HEX, text.start, "send ids as hex digits: 32 for a trace, 16 for a span", || {
            let shown = String::from_utf8_lossy(digits.get(..40).unwrap_or(digits));
            format!("the id {shown:?} is not hexadecimal; it counts as none")
        });
        None
    }
}

/// The name of a member.
enum Name<'a> {
    Plain(&'a [u8]),
    Escaped(Vec<u8>),
}

impl AsRef<[u8]> for Name<'_> {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        match self {
            Name::Plain(bytes) => bytes,
            Name::Escaped(bytes) => bytes,
        }
    }
}

/// Digits alone, up to what 64 bits hold.
#[inline]
fn unsigned_digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

#[inline]
fn signed_digits(digits: &[u8]) -> Option<i64> {
    match digits {
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(unsigned_digits(digits)?),
        digits => i64::try_from(unsigned_digits(digits)?).ok(),
    }
}

fn float(number: &[u8]) -> Option<f64> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// 16 hex digits of either case, eight at a time.
#[inline(always)]
fn hex16(digits: &[u8]) -> Option<u64> {
    let digits: &[u8; 16] = digits.try_into().ok()?;
    let (halves, _) = digits.as_chunks::<8>();
    let [high, low] = halves else { return None };
    Some((hex8(*high)? << 32) | hex8(*low)?)
}

/// Eight hex digits, in one word.
#[inline(always)]
fn hex8(digits: [u8; 8]) -> Option<u64> {
    let mut value = 0u64;
    let mut bad = 0u8;
    for digit in digits {
        let nibble = HEX[usize::from(digit)];
        bad |= nibble;
        value = (value << 4) | u64::from(nibble & 0x0f);
    }
    (bad < 0x10).then_some(value)
}

/// The value of a hex digit; 0xff for other bytes.
const HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut digit = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        table[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
};

fn hex_digit(digit: u8) -> u8 {
    HEX[usize::from(digit)]
}

/// Base64 of either alphabet, with or without its padding.
fn base64_bytes(text: &[u8]) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, CONFIG);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
    STANDARD.decode(text).or_else(|_| PLAIN.decode(text)).or_else(|_| URL.decode(text)).ok()
}

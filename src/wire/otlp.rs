//! OTLP over HTTP as protobuf: `ExportTraceServiceRequest`, the same bytes as `TracesData`.
//!
//! ```text
//! 0a ..                          1 resource_spans*
//!    0a ..                       1 resource          { 1 attributes*, 2 dropped }
//!    12 ..                       2 scope_spans*      (1000 before OTLP 1.0)
//!       0a ..                    1 scope             { 1 name, 2 version, 3 attributes*, 4 dropped }
//!       12 ..                    2 spans*
//!          0a 10 (16 bytes)      1 trace_id          2 span_id, 3 trace_state, 4 parent_span_id
//!          2a 03 676574          5 name "get"        6 kind, 7 start, 8 end
//!          4a ..                 9 attributes*       10 dropped, 11 events*, 12 dropped, 13 links*, 14 dropped
//!             0a 01 6b           1 key "k"
//!             12 03 0a 01 76     2 value { 1 string "v" }
//!          7a ..                 15 status           { 2 message, 3 code }, 16 flags
//! ```
//! Defined by opentelemetry-proto. Fields come in any order, those of a message that may stand once are merged when it
//! stands twice, unknown ones are skipped.

use super::codes::{BAD_PROTOBUF, TOO_DEEP, TRUNCATED, WRONG_TYPE};
use super::grpc;
use super::otlp_fill::{Fill, OpenValue, SpanDraft};
use super::protobuf::{BYTES, END_GROUP, FIXED32, FIXED64, GROUP, Reader, VARINT};
use super::text::is_ascii;
use super::{Options, WireError};
use crate::diagnostic::BodyScope;
use crate::encoding::codes::BAD_ENCODING;
use crate::trace::{AttributeRecord, Batch, EventRecord, Kind, LinkRecord, StrRef};

/// A length-delimited field.
const fn bytes_field(number: u32) -> u32 {
    number << 3 | BYTES
}

const fn varint_field(number: u32) -> u32 {
    number << 3 | VARINT
}

const fn fixed64_field(number: u32) -> u32 {
    number << 3 | FIXED64
}

const fn fixed32_field(number: u32) -> u32 {
    number << 3 | FIXED32
}

/// Field tags, by message.
mod tag {
    use super::{bytes_field, fixed32_field, fixed64_field, varint_field};

    pub(super) const RESOURCE_SPANS: u32 = bytes_field(1);

    pub(super) const RESOURCE: u32 = bytes_field(1);
    pub(super) const SCOPE_SPANS: u32 = bytes_field(2);
    pub(super) const SCHEMA_URL: u32 = bytes_field(3);
    pub(super) const INSTRUMENTATION_LIBRARY_SPANS: u32 = bytes_field(1000);

    pub(super) const RESOURCE_ATTRIBUTES: u32 = bytes_field(1);
    pub(super) const RESOURCE_DROPPED: u32 = varint_field(2);

    pub(super) const SCOPE: u32 = bytes_field(1);
    pub(super) const SPANS: u32 = bytes_field(2);

    pub(super) const SCOPE_NAME: u32 = bytes_field(1);
    pub(super) const SCOPE_VERSION: u32 = bytes_field(2);
    pub(super) const SCOPE_ATTRIBUTES: u32 = bytes_field(3);
    pub(super) const SCOPE_DROPPED: u32 = varint_field(4);

    pub(super) const TRACE_ID: u32 = bytes_field(1);
    pub(super) const SPAN_ID: u32 = bytes_field(2);
    pub(super) const TRACE_STATE: u32 = bytes_field(3);
    pub(super) const PARENT_SPAN_ID: u32 = bytes_field(4);
    pub(super) const NAME: u32 = bytes_field(5);
    pub(super) const KIND: u32 = varint_field(6);
    pub(super) const START: u32 = fixed64_field(7);
    pub(super) const END: u32 = fixed64_field(8);
    pub(super) const ATTRIBUTES: u32 = bytes_field(9);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint_field(10);
    pub(super) const EVENTS: u32 = bytes_field(11);
    pub(super) const DROPPED_EVENTS: u32 = varint_field(12);
    pub(super) const LINKS: u32 = bytes_field(13);
    pub(super) const DROPPED_LINKS: u32 = varint_field(14);
    pub(super) const STATUS: u32 = bytes_field(15);
    pub(super) const FLAGS: u32 = fixed32_field(16);

    pub(super) const STATUS_MESSAGE: u32 = bytes_field(2);
    pub(super) const STATUS_CODE: u32 = varint_field(3);

    pub(super) const EVENT_TIME: u32 = fixed64_field(1);
    pub(super) const EVENT_NAME: u32 = bytes_field(2);
    pub(super) const EVENT_ATTRIBUTES: u32 = bytes_field(3);
    pub(super) const EVENT_DROPPED: u32 = varint_field(4);

    pub(super) const LINK_ATTRIBUTES: u32 = bytes_field(4);
    pub(super) const LINK_DROPPED: u32 = varint_field(5);
    pub(super) const LINK_FLAGS: u32 = fixed32_field(6);

    pub(super) const KEY: u32 = bytes_field(1);
    pub(super) const VALUE: u32 = bytes_field(2);

    pub(super) const STRING: u32 = bytes_field(1);
    pub(super) const BOOL: u32 = varint_field(2);
    pub(super) const INT: u32 = varint_field(3);
    pub(super) const DOUBLE: u32 = fixed64_field(4);
    pub(super) const ARRAY: u32 = bytes_field(5);
    pub(super) const KVLIST: u32 = bytes_field(6);
    pub(super) const RAW: u32 = bytes_field(7);

    pub(super) const VALUES: u32 = bytes_field(1);
}

/// Decodes a body into `batch`, which is empty.
pub(super) fn payload(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let mut fill = Fill::new(body, options, batch, out, path_of);
    let read = request(&mut fill, Reader::new(body));
    fill.finish(read);
}

/// Decodes a body of gRPC frames, none of them compressed, or one without frames.
pub(super) fn framed(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    if !grpc::is_framed(body) {
        return payload(body, options, batch, out);
    }
    let mut frames = grpc::frames(body);
    let mut fill = Fill::new(body, options, batch, out, framed_path_of);
    let mut read = Ok(());
    for frame in frames.by_ref() {
        if frame.compressed {
            fill.note(BAD_ENCODING, frame.start, "", || "a compressed gRPC message, left out".to_owned());
            continue;
        }
        let message = Reader::part(frame.message, frame.start, frame.missing > 0);
        let end = frame.start + frame.message.len();
        // The frame promised more, so a message that seems whole is not.
        let cut = if frame.missing > 0 { Err(WireError { code: TRUNCATED, offset: end }) } else { Ok(()) };
        read = request(&mut fill, message).and(cut);
        if read.is_err() {
            break;
        }
    }
    if read.is_ok() {
        frames.report_rest(fill.out());
    }
    fill.finish(read);
}

/// A field that the match over a message's tags did not take: one of another wire type than it should be is reported,
/// an unknown one is not.
#[cold]
#[inline(never)]
fn other(fill: &mut Fill<'_, '_, '_>, reader: &mut Reader<'_>, tag: u32, message: &Message) -> Result<(), WireError> {
    let at = reader.offset();
    if tag & 7 == END_GROUP {
        return Err(WireError { code: BAD_PROTOBUF, offset: at });
    }
    reader.skip(tag, fill.depth)?;
    if let Some(field) = message.field(tag >> 3) {
        let found = match tag & 7 {
            VARINT => "a varint",
            FIXED64 => "a fixed64",
            FIXED32 => "a fixed32",
            GROUP => "a group",
            _ => "length-delimited bytes",
        };
        fill.note(WRONG_TYPE, at, "", || format!("{found} where {} is something else", field.name));
    }
    Ok(())
}

fn request(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::RESOURCE_SPANS => {
                let (message, cut) = reader.message_or_rest()?;
                fill.begin_resource();
                let read = resource_spans(fill, message);
                fill.end_resource();
                if !read? {
                    return Ok(());
                }
                if cut {
                    return Err(message.cut());
                }
            }
            _ => other(fill, &mut reader, tag, &REQUEST)?,
        }
    }
    Ok(())
}

/// False when the span limit ended the body.
fn resource_spans(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<bool, WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::RESOURCE => resource(fill, reader.message()?)?,
            tag::SCOPE_SPANS | tag::INSTRUMENTATION_LIBRARY_SPANS => {
                let (message, cut) = reader.message_or_rest()?;
                fill.begin_scope(message.offset());
                let read = scope_spans(fill, message);
                fill.end_scope();
                if !read? {
                    return Ok(false);
                }
                if cut {
                    return Err(message.cut());
                }
            }
            tag::SCHEMA_URL => {
                let url = text(fill, &mut reader)?;
                if let Some(resource) = fill.resource() {
                    resource.schema_url = url;
                }
            }
            _ => other(fill, &mut reader, tag, &RESOURCE_SPANS)?,
        }
    }
    Ok(true)
}

fn resource(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::RESOURCE_ATTRIBUTES => {
                let record = key_value(fill, reader.message()?, 1)?;
                fill.push_resource_attribute(record);
            }
            tag::RESOURCE_DROPPED => {
                let dropped = reader.varint()? as u32;
                if let Some(resource) = fill.resource() {
                    resource.dropped = dropped;
                }
            }
            _ => other(fill, &mut reader, tag, &RESOURCE)?,
        }
    }
    Ok(())
}

/// False when the span limit ended the body.
fn scope_spans(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<bool, WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::SPANS => {
                let message = reader.message()?;
                if fill.full(message.offset()) {
                    return Ok(false);
                }
                span(fill, message)?;
            }
            tag::SCOPE => scope(fill, reader.message()?)?,
            tag::SCHEMA_URL => {
                let url = text(fill, &mut reader)?;
                if let Some(scope) = fill.scope() {
                    scope.schema_url = url;
                }
            }
            _ => other(fill, &mut reader, tag, &SCOPE_SPANS)?,
        }
    }
    Ok(true)
}

fn scope(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::SCOPE_NAME | tag::SCOPE_VERSION => {
                let text = text(fill, &mut reader)?;
                if let Some(scope) = fill.scope() {
                    *(if tag == tag::SCOPE_NAME { &mut scope.name } else { &mut scope.version }) = text;
                }
            }
            tag::SCOPE_ATTRIBUTES => {
                let record = key_value(fill, reader.message()?, 1)?;
                fill.scope_attributes.push(record);
            }
            tag::SCOPE_DROPPED => {
                let dropped = reader.varint()? as u32;
                if let Some(scope) = fill.scope() {
                    scope.dropped = dropped;
                }
            }
            _ => other(fill, &mut reader, tag, &SCOPE)?,
        }
    }
    Ok(())
}

#[inline]
fn span(fill: &mut Fill<'_, '_, '_>, reader: Reader<'_>) -> Result<(), WireError> {
    let mut draft = fill.draft(reader.offset());
    match span_fields(fill, reader, &mut draft) {
        Ok(()) => {
            fill.push(draft);
            Ok(())
        }
        Err(error) => {
            fill.forget(&draft);
            Err(error)
        }
    }
}

#[inline(always)]
fn span_fields(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>, draft: &mut SpanDraft) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::ATTRIBUTES => attribute(fill, reader.message()?)?,
            tag::TRACE_ID => (draft.record.trace_high, draft.record.trace_low) = trace_id(fill, &mut reader)?,
            tag::SPAN_ID => draft.record.span_id = span_id(fill, &mut reader)?,
            tag::PARENT_SPAN_ID => draft.record.parent_id = span_id(fill, &mut reader)?,
            tag::NAME => {
                let name = text(fill, &mut reader)?;
                draft.record.name = fill.label(name);
            }
            tag::KIND => {
                let at = reader.offset();
                let number = reader.varint()?;
                draft.record.kind = fill.kind(at, number);
            }
            tag::START => {
                let at = reader.offset();
                let time = reader.fixed64()?;
                draft.record.start = fill.time(at, time);
            }
            tag::END => {
                let at = reader.offset();
                let time = reader.fixed64()?;
                draft.end = fill.time(at, time);
            }
            tag::STATUS => {
                status(fill, reader.message()?, draft)?;
            }
            tag::FLAGS => {
                draft.extra.flags = Some(reader.fixed32()?);
                draft.has_extra = true;
            }
            tag::TRACE_STATE => {
                draft.extra.tracestate = text(fill, &mut reader)?;
                draft.has_extra = true;
            }
            tag::EVENTS => {
                event(fill, reader.message()?)?;
                draft.has_extra |= fill.keeps_all;
            }
            tag::LINKS => {
                link(fill, reader.message()?)?;
                draft.has_extra |= fill.keeps_all;
            }
            tag::DROPPED_ATTRIBUTES | tag::DROPPED_EVENTS | tag::DROPPED_LINKS => {
                let count = reader.varint()? as u32;
                let dropped = &mut draft.extra.dropped;
                match tag {
                    tag::DROPPED_ATTRIBUTES => dropped.attributes = count,
                    tag::DROPPED_EVENTS => dropped.events = count,
                    _ => dropped.links = count,
                }
                draft.has_extra |= count > 0;
            }
            _ => other(fill, &mut reader, tag, &SPAN)?,
        }
    }
    Ok(())
}

#[inline(always)]
fn text(fill: &mut Fill<'_, '_, '_>, reader: &mut Reader<'_>) -> Result<StrRef, WireError> {
    let (start, bytes) = reader.bytes()?;
    Ok(fill.text(start, bytes))
}

#[inline(always)]
fn trace_id(fill: &mut Fill<'_, '_, '_>, reader: &mut Reader<'_>) -> Result<(u64, u64), WireError> {
    let (at, bytes) = reader.bytes()?;
    match <[u8; 16]>::try_from(bytes).map(u128::from_be_bytes) {
        Ok(id) => Ok(((id >> 64) as u64, id as u64)),
        Err(_) => Ok(fill.odd_trace_id(at, bytes)),
    }
}

#[inline(always)]
fn span_id(fill: &mut Fill<'_, '_, '_>, reader: &mut Reader<'_>) -> Result<u64, WireError> {
    let (at, bytes) = reader.bytes()?;
    match bytes.try_into().map(u64::from_be_bytes) {
        Ok(id) => Ok(id),
        Err(_) => Ok(fill.odd_span_id(at, bytes)),
    }
}

fn status(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>, draft: &mut SpanDraft) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::STATUS_MESSAGE => draft.extra.status_message = text(fill, &mut reader)?,
            tag::STATUS_CODE => {
                let at = reader.offset();
                let number = reader.varint()?;
                draft.extra.status = fill.status(at, number);
            }
            _ => other(fill, &mut reader, tag, &STATUS)?,
        }
        draft.has_extra = true;
    }
    Ok(())
}

fn event(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<(), WireError> {
    let mut event = EventRecord::default();
    let base = fill.open.len();
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::EVENT_TIME => {
                let at = reader.offset();
                let time = reader.fixed64()?;
                event.time = fill.time(at, time);
            }
            tag::EVENT_NAME => event.name = text(fill, &mut reader)?,
            tag::EVENT_ATTRIBUTES => {
                let record = key_value(fill, reader.message()?, 1)?;
                fill.open.push(record);
            }
            tag::EVENT_DROPPED => event.dropped = reader.varint()? as u32,
            _ => other(fill, &mut reader, tag, &EVENT)?,
        }
    }
    event.attributes = fill.close_parts(base);
    // Read even when it is not kept: a body is broken or not, whatever is asked of it.
    if fill.keeps_all {
        fill.batch.events.push(event);
    }
    Ok(())
}

fn link(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>) -> Result<(), WireError> {
    let mut link = LinkRecord::default();
    let base = fill.open.len();
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::TRACE_ID => (link.trace_high, link.trace_low) = trace_id(fill, &mut reader)?,
            tag::SPAN_ID => link.span_id = span_id(fill, &mut reader)?,
            tag::TRACE_STATE => link.tracestate = text(fill, &mut reader)?,
            tag::LINK_ATTRIBUTES => {
                let record = key_value(fill, reader.message()?, 1)?;
                fill.open.push(record);
            }
            tag::LINK_DROPPED => link.dropped = reader.varint()? as u32,
            tag::LINK_FLAGS => link.flags = Some(reader.fixed32()?),
            _ => other(fill, &mut reader, tag, &LINK)?,
        }
    }
    link.attributes = fill.close_parts(base);
    // Read even when it is not kept: a body is broken or not, whatever is asked of it.
    if fill.keeps_all {
        fill.batch.links.push(link);
    }
    Ok(())
}

/// An attribute of a span.
#[inline(always)]
fn attribute(fill: &mut Fill<'_, '_, '_>, reader: Reader<'_>) -> Result<(), WireError> {
    if let Some((key, record)) = plain(&reader) {
        if fill.keeps(key) {
            fill.batch.attributes.push(record);
        }
        return Ok(());
    }
    other_attribute(fill, reader)
}

#[inline(never)]
fn other_attribute(fill: &mut Fill<'_, '_, '_>, reader: Reader<'_>) -> Result<(), WireError> {
    let record = key_value(fill, reader, 1)?;
    if fill.keeps_all || fill.keeps(fill.batch.bytes(fill.body, record.key())) {
        fill.batch.attributes.push(record);
    }
    Ok(())
}

/// Key and value in the form in which nearly all come: an ASCII key below 128 bytes, then a text, a number or a bool;
/// `None` for any other.
#[inline(always)]
fn plain<'a>(reader: &Reader<'a>) -> Option<(&'a [u8], AttributeRecord)> {
    const KEY: u8 = tag::KEY as u8;
    const VALUE: u8 = tag::VALUE as u8;
    let [KEY, length @ 0..=0x7f, rest @ ..] = reader.rest() else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*length))?;
    let key_ref = StrRef::body(reader.offset() + 2, key.len());
    let mut value = *reader;
    value.go_on(rest);
    let [VALUE, ..] = rest else { return None };
    value.tag().ok()?;
    let mut inner = value.message().ok()?;
    if !value.is_empty() || !is_ascii(key) {
        return None;
    }
    let (kind, bits) = match inner.tag().ok()?? {
        tag::STRING => {
            let (start, bytes) = inner.bytes().ok()?;
            if !is_ascii(bytes) {
                return None;
            }
            (Kind::Str, StrRef::body(start, bytes.len()).bits())
        }
        tag::INT => (Kind::Int, inner.varint().ok()?),
        tag::DOUBLE => (Kind::Float, inner.fixed64().ok()?),
        tag::BOOL => (Kind::Bool, u64::from(inner.varint().ok()? != 0)),
        _ => return None,
    };
    inner.is_empty().then_some((key, AttributeRecord::new(key_ref, kind, bits)))
}

/// A key and its value, whatever they are.
fn key_value(fill: &mut Fill<'_, '_, '_>, mut reader: Reader<'_>, level: usize) -> Result<AttributeRecord, WireError> {
    let mut key = StrRef::default();
    let mut value = fill.open_value();
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::KEY => key = text(fill, &mut reader)?,
            tag::VALUE => any_value(fill, reader.message()?, &mut value, level)?,
            _ => other(fill, &mut reader, tag, &KEY_VALUE)?,
        }
    }
    let (kind, bits) = fill.close_value(value);
    Ok(AttributeRecord::new(key, kind, bits))
}

/// Goes on reading a value; it may stand in several parts.
fn any_value(
    fill: &mut Fill<'_, '_, '_>,
    mut reader: Reader<'_>,
    value: &mut OpenValue,
    level: usize,
) -> Result<(), WireError> {
    if level > fill.depth {
        return Err(WireError { code: TOO_DEEP, offset: reader.offset() });
    }
    while let Some(tag) = reader.tag()? {
        let at = reader.offset();
        match tag {
            tag::STRING => {
                let text = text(fill, &mut reader)?;
                fill.set(value, Kind::Str, text.bits(), at);
            }
            tag::BOOL => {
                let number = reader.varint()?;
                fill.set(value, Kind::Bool, u64::from(number != 0), at);
            }
            tag::INT => {
                let number = reader.varint()?;
                fill.set(value, Kind::Int, number, at);
            }
            tag::DOUBLE => {
                let bits = reader.fixed64()?;
                fill.set(value, Kind::Float, bits, at);
            }
            tag::RAW => {
                let (start, bytes) = reader.bytes()?;
                fill.set(value, Kind::Bytes, StrRef::body(start, bytes.len()).bits(), at);
            }
            tag::ARRAY => {
                let list = reader.message()?;
                fill.parts(value, Kind::List, at);
                parts(fill, list, &ARRAY, level, |fill, item, level| {
                    let mut value = fill.open_value();
                    any_value(fill, item, &mut value, level)?;
                    let (kind, bits) = fill.close_value(value);
                    Ok(AttributeRecord::new(StrRef::default(), kind, bits))
                })?;
            }
            tag::KVLIST => {
                let map = reader.message()?;
                fill.parts(value, Kind::Map, at);
                parts(fill, map, &KVLIST, level, key_value)?;
            }
            _ => other(fill, &mut reader, tag, &ANY_VALUE)?,
        }
    }
    Ok(())
}

/// The items of a list or map, each made a record by `item`.
fn parts<'a, 'x, 'd>(
    fill: &mut Fill<'a, 'x, 'd>,
    mut reader: Reader<'_>,
    message: &Message,
    level: usize,
    item: impl Fn(&mut Fill<'a, 'x, 'd>, Reader<'_>, usize) -> Result<AttributeRecord, WireError>,
) -> Result<(), WireError> {
    while let Some(tag) = reader.tag()? {
        match tag {
            tag::VALUES => {
                let record = item(fill, reader.message()?, level + 1)?;
                fill.open.push(record);
            }
            _ => other(fill, &mut reader, tag, message)?,
        }
    }
    Ok(())
}

// ---- paths --------------------------------------------------------------------------------------------------

/// The names of a message's fields, for findings.
struct Message(&'static [FieldName]);

struct FieldName {
    number: u32,
    name: &'static str,
    repeated: bool,
    message: Option<&'static Message>,
}

impl Message {
    fn field(&self, number: u32) -> Option<&'static FieldName> {
        self.0.iter().find(|field| field.number == number)
    }
}

const fn one(number: u32, name: &'static str) -> FieldName {
    FieldName { number, name, repeated: false, message: None }
}

const fn nested(number: u32, name: &'static str, message: &'static Message) -> FieldName {
    FieldName { number, name, repeated: false, message: Some(message) }
}

const fn list(number: u32, name: &'static str, message: &'static Message) -> FieldName {
    FieldName { number, name, repeated: true, message: Some(message) }
}

static REQUEST: Message = Message(&[list(1, "resourceSpans", &RESOURCE_SPANS)]);
static RESOURCE_SPANS: Message = Message(&[
    nested(1, "resource", &RESOURCE),
    list(2, "scopeSpans", &SCOPE_SPANS),
    one(3, "schemaUrl"),
    list(1000, "instrumentationLibrarySpans", &SCOPE_SPANS),
]);
static RESOURCE: Message = Message(&[list(1, "attributes", &KEY_VALUE), one(2, "droppedAttributesCount")]);
static SCOPE_SPANS: Message = Message(&[nested(1, "scope", &SCOPE), list(2, "spans", &SPAN), one(3, "schemaUrl")]);
static SCOPE: Message =
    Message(&[one(1, "name"), one(2, "version"), list(3, "attributes", &KEY_VALUE), one(4, "droppedAttributesCount")]);
static SPAN: Message = Message(&[
    one(1, "traceId"),
    one(2, "spanId"),
    one(3, "traceState"),
    one(4, "parentSpanId"),
    one(5, "name"),
    one(6, "kind"),
    one(7, "startTimeUnixNano"),
    one(8, "endTimeUnixNano"),
    list(9, "attributes", &KEY_VALUE),
    one(10, "droppedAttributesCount"),
    list(11, "events", &EVENT),
    one(12, "droppedEventsCount"),
    list(13, "links", &LINK),
    one(14, "droppedLinksCount"),
    nested(15, "status", &STATUS),
    one(16, "flags"),
]);
static STATUS: Message = Message(&[one(2, "message"), one(3, "code")]);
static EVENT: Message = Message(&[
    one(1, "timeUnixNano"),
    one(2, "name"),
    list(3, "attributes", &KEY_VALUE),
    one(4, "droppedAttributesCount"),
]);
static LINK: Message = Message(&[
    one(1, "traceId"),
    one(2, "spanId"),
    one(3, "traceState"),
    list(4, "attributes", &KEY_VALUE),
    one(5, "droppedAttributesCount"),
    one(6, "flags"),
]);
static KEY_VALUE: Message = Message(&[one(1, "key"), nested(2, "value", &ANY_VALUE)]);
static ANY_VALUE: Message = Message(&[
    one(1, "stringValue"),
    one(2, "boolValue"),
    one(3, "intValue"),
    one(4, "doubleValue"),
    nested(5, "arrayValue", &ARRAY),
    nested(6, "kvlistValue", &KVLIST),
    one(7, "bytesValue"),
]);
static ARRAY: Message = Message(&[list(1, "values", &ANY_VALUE)]);
static KVLIST: Message = Message(&[list(1, "values", &KEY_VALUE)]);

/// The field that byte `offset` of a request belongs to: `resourceSpans[0].scopeSpans[0].spans[3].name`.
pub(super) fn path_of(body: &[u8], offset: usize) -> String {
    let mut path = String::new();
    let mut reader = Reader::new(body);
    let mut message = &REQUEST;
    while let Some((field, index, inside)) = field_at(&mut reader, message, offset) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field.name);
        if field.repeated {
            path.push_str(&format!("[{index}]"));
        }
        match (field.message, inside) {
            (Some(nested), Some(inside)) => (message, reader) = (nested, inside),
            _ => break,
        }
    }
    path
}

/// The same in a body of gRPC frames.
fn framed_path_of(body: &[u8], offset: usize) -> String {
    let frame = grpc::frames(body).find(|frame| frame.start <= offset && offset <= frame.start + frame.message.len());
    frame.map_or(String::new(), |frame| path_of(frame.message, offset - frame.start))
}

/// The field of `message` that ends behind `offset`, how many of its kind stand before it, and its inside.
fn field_at<'a>(
    reader: &mut Reader<'a>,
    message: &Message,
    offset: usize,
) -> Option<(&'static FieldName, usize, Option<Reader<'a>>)> {
    let mut counts = [0usize; 32];
    loop {
        let tag = reader.tag().ok()??;
        let field = message.field(tag >> 3);
        let position = field.and_then(|field| message.0.iter().position(|other| other.number == field.number));
        let count = position.and_then(|position| counts.get_mut(position));
        let index = count.as_ref().map_or(0, |count| **count);
        let mut inside = *reader;
        let inside = (tag & 7 == BYTES).then(|| inside.message_or_rest().ok()).flatten().map(|(inside, _)| inside);
        let skipped = reader.skip(tag, 128);
        if skipped.is_err() || reader.offset() > offset || (reader.is_empty() && reader.offset() == offset) {
            return field.map(|field| (field, index, inside));
        }
        if let Some(count) = count {
            *count += 1;
        }
    }
}

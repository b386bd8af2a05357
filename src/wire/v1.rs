//! Datadog v1.0 trace payloads: one map with integer keys, typed attributes and streamed strings.
//!
//! ```text
//! 81                                        payload: map, any order
//!   0b 91                                   11 = chunks: array of 1
//!     82                                    chunk: map, any order
//!       06 c4 10 0011...ff                  6 = trace id, 16 bytes
//!       04 91 84                            4 = spans: array of 1 span map
//!          01 a3 web                        1 = service: a string, its first use, so it gets index 1
//!          02 01                            2 = name: string 1 again
//!          04 07                            4 = span id
//!          09 93 a1 n 04 05                 9 = attributes: key, type, value; here "n" is the integer 5
//! ```
//! A string is text when it comes first and an index afterwards; index 0 is "". The table fills in the order of bytes, over
//! the whole body and also from values that are skipped. Attributes are a flat array of key, type and value; types are 1
//! string, 2 bool, 3 float, 4 integer, 5 bytes, 6 array (flat: type, value, ...), 7 attributes. Numbers of keys are in the
//! `match`es below. libdatadog writes the chunks first, dd-trace-go last; both leave out what is empty or zero.

pub(super) mod encode;

use super::WireError;
use super::codes::{INTEGER_RANGE, TOO_DEEP, UPFRONT_STRING_TABLE, WRONG_SHAPE, WRONG_TYPE};
use super::cursor::{Cursor, Draft, Field, KEPT, Miscounted, TagUse};
use crate::trace::{
    AttributeRecord, Dialect, EventRecord, ExtraRecord, Kind, LinkRecord, NO_PRIORITY, Range, ResourceRecord, Sender,
    SpanKind, StrRef,
};

/// Members of the payload by their number, from 2 on.
pub(super) const SENDERS: [Sender; 8] = [
    Sender::ContainerId,
    Sender::Language,
    Sender::LanguageVersion,
    Sender::TracerVersion,
    Sender::RuntimeId,
    Sender::Env,
    Sender::Hostname,
    Sender::AppVersion,
];

/// Kinds by their number.
pub(super) const KINDS: [SpanKind; 6] = [
    SpanKind::Unspecified,
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];

/// Reads the payload map.
pub(super) fn payload(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    cursor.named = true;
    cursor.batch.dialect = Dialect::V1;
    cursor.begin_strings();
    let entries = cursor.reader.map().map_err(|error| cursor.fatal(error, Field::Root("")))?;
    cursor.batch.resources.push(ResourceRecord::default());
    let mut sender = ResourceRecord::default();
    let read = members(cursor, entries, &mut sender);
    if let Some(record) = cursor.batch.resources.first_mut() {
        *record = sender;
    }
    read
}

fn members(cursor: &mut Cursor<'_, '_, '_>, entries: usize, sender: &mut ResourceRecord) -> Result<(), WireError> {
    let mut seen = Seen::default();
    for _ in 0..entries {
        let Some((key, at)) = key(cursor, Field::Root(""))? else { continue };
        if seen.twice(cursor, key, at, Field::Root("")) && key == 11 {
            cursor.forget_chunks();
        }
        match key {
            1 => {
                let message = "a string table sent before the strings are used";
                let help =
                    "the agent accepts it, the test agent refuses the body: write each string where it is used first";
                cursor.note(UPFRONT_STRING_TABLE, at, Field::Root("strings"), message, help);
                cursor.upfront_strings("strings")?;
            }
            2..=9 => {
                let Some(member) = SENDERS.get(key as usize - 2) else { continue };
                sender.sender[*member as usize] = cursor.streamed(Field::Root(member.name()))?.0;
            }
            10 => sender.attributes = nested(cursor, Field::Root("attributes"), true)?,
            11 => {
                if !chunks(cursor)? {
                    return Ok(());
                }
            }
            _ => cursor.unknown_number(key, at, Field::Root(""))?,
        }
    }
    if !seen.has(11) {
        cursor.missing("a payload without chunks (key 11)", 0, Field::Root("chunks"));
    }
    Ok(())
}

/// An integer key and its offset; `None` after anything else, which is skipped with its value.
fn key(cursor: &mut Cursor<'_, '_, '_>, field: Field<'_>) -> Result<Option<(u64, usize)>, WireError> {
    let at = cursor.reader.offset();
    if let Some(key) = cursor.reader.common_unsigned() {
        return Ok(Some((key, at)));
    }
    if let Ok(super::msgpack::Number::Unsigned(key)) = cursor.reader.number() {
        return Ok(Some((key, at)));
    }
    let wrong = WireError { code: WRONG_TYPE, offset: at };
    cursor.reader.go_to(at);
    // What begins no value at all ends the payload.
    let error = cursor.reader.number().err().filter(|error| error.code != WRONG_TYPE).unwrap_or(wrong);
    cursor.recover(error, at, field, "an integer as key")?;
    cursor.skip(field)?;
    Ok(None)
}

/// Keys that a map had already.
#[derive(Clone, Copy, Default)]
struct Seen(u32);

impl Seen {
    fn has(self, key: u64) -> bool {
        key < 32 && self.0 >> key & 1 != 0
    }

    /// Notes a key; true, and reported, when it was there before.
    #[inline]
    fn twice(&mut self, cursor: &mut Cursor<'_, '_, '_>, key: u64, at: usize, field: Field<'_>) -> bool {
        let twice = self.has(key);
        if twice {
            cursor.duplicate(key.to_string().as_bytes(), at, field);
        }
        if key < 32 {
            self.0 |= 1 << key;
        }
        twice
    }
}

// ---- chunks -------------------------------------------------------------------------------------------------

/// Reads the chunks; false when the span limit ended the payload.
fn chunks(cursor: &mut Cursor<'_, '_, '_>) -> Result<bool, WireError> {
    let Some(count) = cursor.array(Field::Root("chunks"), "an array of chunks")? else { return Ok(true) };
    for _ in 0..count {
        let at = cursor.reader.offset();
        cursor.begin_chunk(at);
        let mut chunk = ChunkMembers::default();
        let read = chunk_members(cursor, &mut chunk);
        cursor.end_chunk();
        chunk.put(cursor);
        if !read? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a chunk says beside its spans, which may come before or after it.
#[derive(Default)]
struct ChunkMembers {
    priority: Option<i32>,
    origin: StrRef,
    attributes: Range,
    dropped: bool,
    trace_id: Option<u128>,
    mechanism: Option<u32>,
    /// Its trace id is none.
    refused: bool,
}

impl ChunkMembers {
    /// The chunk's own word counts before that of its spans, and its trace id is theirs.
    fn put(self, cursor: &mut Cursor<'_, '_, '_>) {
        if self.refused {
            cursor.forget_spans();
        }
        let Some(chunk) = cursor.batch.chunks.last_mut() else { return };
        chunk.resource = 1;
        chunk.attributes = self.attributes;
        chunk.dropped = self.dropped;
        chunk.mechanism = self.mechanism;
        chunk.priority = self.priority.unwrap_or(chunk.priority);
        if self.origin != StrRef::default() {
            chunk.origin = self.origin;
        }
        let id = self.trace_id.unwrap_or_default();
        (chunk.trace_high, chunk.trace_low) = ((id >> 64) as u64, id as u64);
        let (high, low, spans) = (chunk.trace_high, chunk.trace_low, chunk.spans);
        let end = (spans.start + spans.len) as usize;
        for span in cursor.batch.spans.get_mut(spans.start as usize..end).unwrap_or_default() {
            (span.trace_high, span.trace_low) = (high, low);
        }
    }
}

/// Reads one chunk; false when the span limit ended the payload.
fn chunk_members(cursor: &mut Cursor<'_, '_, '_>, chunk: &mut ChunkMembers) -> Result<bool, WireError> {
    let begin = cursor.reader.offset();
    let Some(entries) = cursor.map(Field::Chunk, "a chunk map")? else { return Ok(true) };
    let mut seen = Seen::default();
    for _ in 0..entries {
        let Some((key, at)) = key(cursor, Field::Chunk)? else { continue };
        if seen.twice(cursor, key, at, Field::Chunk) && key == 4 {
            cursor.forget_spans();
        }
        match key {
            1 => chunk.priority = cursor.i32(Field::ChunkName("priority"))?.filter(|priority| *priority != NO_PRIORITY),
            2 => chunk.origin = cursor.streamed(Field::ChunkName("origin"))?.0,
            3 => chunk.attributes = nested(cursor, Field::ChunkName("attributes"), true)?,
            4 => {
                if !spans(cursor)? {
                    return Ok(false);
                }
            }
            5 => chunk.dropped = cursor.bool(Field::ChunkName("dropped_trace"))?.unwrap_or_default(),
            6 => {
                chunk.trace_id = trace_id(cursor, Field::ChunkName("trace_id"))?;
                chunk.refused = chunk.trace_id.is_none();
            }
            7 => chunk.mechanism = cursor.u32(Field::ChunkName("sampling_mechanism"))?,
            _ => cursor.unknown_number(key, at, Field::Chunk)?,
        }
    }
    if !seen.has(6) {
        cursor.missing("a chunk without a trace id (key 6)", begin, Field::ChunkName("trace_id"));
    }
    if !seen.has(4) {
        cursor.missing("a chunk without spans (key 4)", begin, Field::ChunkName("spans"));
    }
    Ok(true)
}

/// 16 bytes, the most significant first; `None` after anything else, which is reported.
fn trace_id(cursor: &mut Cursor<'_, '_, '_>, field: Field<'_>) -> Result<Option<u128>, WireError> {
    let at = cursor.reader.offset();
    let Some(id) = cursor.bin(field)? else { return Ok(None) };
    let read = id.bytes.try_into().ok().map(u128::from_be_bytes);
    if read.is_none() {
        let message = format!("a trace id of {} bytes, expected 16; what carries it is left out", id.bytes.len());
        let help = "libdatadog and the test agent refuse the body; the agent pads or cuts the id";
        cursor.note(WRONG_SHAPE, at, field, &message, help);
    }
    Ok(read)
}

// ---- spans --------------------------------------------------------------------------------------------------

/// Reads the spans of one chunk; false when the span limit ended the payload.
fn spans(cursor: &mut Cursor<'_, '_, '_>) -> Result<bool, WireError> {
    let Some(spans) = cursor.array(Field::ChunkName("spans"), "an array of spans")? else { return Ok(true) };
    for _ in 0..spans {
        if cursor.full() {
            return Ok(false);
        }
        span(cursor)?;
        cursor.next_span();
    }
    Ok(true)
}

fn span(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let begin = cursor.reader.offset();
    let Some(fields) = cursor.map(Field::Span, "a span map")? else { return Ok(()) };
    let mut draft = cursor.draft(begin);
    let mut extra = ExtraRecord::default();
    let mut kind = None;
    let first = cursor.batch.attributes.len();
    let mut seen = Seen::default();
    for _ in 0..fields {
        let Some((key, at)) = key(cursor, Field::Span)? else { continue };
        if seen.twice(cursor, key, at, Field::Span) && key == 9 {
            cursor.batch.attributes.truncate(first);
        }
        let record = &mut draft.record;
        match key {
            1 => record.service = cursor.streamed(Field::Name("service"))?.0,
            2 => record.name = cursor.streamed(Field::Name("name"))?.0,
            3 => record.resource = cursor.streamed(Field::Name("resource"))?.0,
            4 => record.span_id = cursor.id(Field::Name("span_id"))?,
            5 => record.parent_id = cursor.id(Field::Name("parent_id"))?,
            6 => record.start = cursor.int(Field::Name("start"))?,
            7 => record.duration = cursor.int(Field::Name("duration"))?,
            8 => record.error = i16::from(cursor.bool(Field::Name("error"))?.unwrap_or_default()),
            9 => attributes(cursor, &mut draft)?,
            10 => record.type_ = cursor.streamed(Field::Name("type"))?.0,
            11 => draft.links = links(cursor)?,
            12 => draft.events = events(cursor)?,
            13 => extra.env = cursor.streamed(Field::Name("env"))?.0,
            14 => extra.version = cursor.streamed(Field::Name("version"))?.0,
            15 => extra.component = cursor.streamed(Field::Name("component"))?.0,
            16 => kind = span_kind(cursor)?,
            _ => cursor.unknown_number(key, at, Field::Span)?,
        }
    }
    if !seen.has(4) {
        cursor.missing("a span without a span id (key 4)", begin, Field::Name("span_id"));
    }
    // A `span.kind` attribute counts only where the field says nothing.
    draft.record.kind = kind.filter(|kind| *kind != SpanKind::Unspecified).unwrap_or(draft.record.kind);
    cursor.push_with(draft, first, extra);
    Ok(())
}

fn span_kind(cursor: &mut Cursor<'_, '_, '_>) -> Result<Option<SpanKind>, WireError> {
    let at = cursor.reader.offset();
    let Some(number) = cursor.u32(Field::Name("kind"))? else { return Ok(None) };
    let kind = KINDS.get(number as usize).copied();
    if kind.is_none() {
        let message = format!("{number} is outside 0 to 5; the kind is left unspecified");
        cursor.note(INTEGER_RANGE, at, Field::Name("kind"), &message, "");
    }
    Ok(kind)
}

fn links(cursor: &mut Cursor<'_, '_, '_>) -> Result<Range, WireError> {
    const LIST: &str = "links";
    let mut links = Vec::new();
    let Some(count) = cursor.array(Field::Name(LIST), "an array of links")? else { return Ok(Range::default()) };
    for index in 0..count {
        let item = |member| Field::Item(LIST, index, member);
        let Some(entries) = cursor.map(item("*"), "a link map")? else { continue };
        let (mut link, mut seen) = (LinkRecord::default(), Seen::default());
        for _ in 0..entries {
            let Some((key, at)) = key(cursor, item("*"))? else { continue };
            seen.twice(cursor, key, at, item("*"));
            match key {
                1 => {
                    let id = trace_id(cursor, item("trace_id"))?.unwrap_or_default();
                    (link.trace_high, link.trace_low) = ((id >> 64) as u64, id as u64);
                }
                2 => link.span_id = cursor.id(item("span_id"))?,
                3 => link.attributes = nested(cursor, item("attributes"), false)?,
                4 => link.tracestate = cursor.streamed(item("tracestate"))?.0,
                5 => link.flags = cursor.u32(item("flags"))?,
                _ => cursor.unknown_number(key, at, item("*"))?,
            }
        }
        links.push(link);
    }
    if !cursor.keeps_all() {
        return Ok(Range::default());
    }
    let start = cursor.batch.links.len();
    cursor.batch.links.extend(links);
    Ok(Range::new(start, cursor.batch.links.len()))
}

fn events(cursor: &mut Cursor<'_, '_, '_>) -> Result<Range, WireError> {
    const LIST: &str = "events";
    let mut events = Vec::new();
    let Some(count) = cursor.array(Field::Name(LIST), "an array of events")? else { return Ok(Range::default()) };
    for index in 0..count {
        let item = |member| Field::Item(LIST, index, member);
        let Some(entries) = cursor.map(item("*"), "an event map")? else { continue };
        let (mut event, mut seen) = (EventRecord::default(), Seen::default());
        for _ in 0..entries {
            let Some((key, at)) = key(cursor, item("*"))? else { continue };
            seen.twice(cursor, key, at, item("*"));
            match key {
                1 => event.time = cursor.int(item("time"))?,
                2 => event.name = cursor.streamed(item("name"))?.0,
                3 => event.attributes = nested(cursor, item("attributes"), false)?,
                _ => cursor.unknown_number(key, at, item("*"))?,
            }
        }
        events.push(event);
    }
    if !cursor.keeps_all() {
        return Ok(Range::default());
    }
    let start = cursor.batch.events.len();
    cursor.batch.events.extend(events);
    Ok(Range::new(start, cursor.batch.events.len()))
}

// ---- attributes ---------------------------------------------------------------------------------------------

/// Reads the attributes of a span.
fn attributes(cursor: &mut Cursor<'_, '_, '_>, draft: &mut Draft) -> Result<(), WireError> {
    let field = Field::Name("attributes");
    let at = cursor.reader.offset();
    let Some(items) = cursor.array(field, "an array of attributes")? else { return Ok(()) };
    for _ in 0..triples(cursor, items, at, field)? {
        let (key, class) = cursor.streamed(field)?;
        let Some((kind, bits)) = value(cursor, cursor.entry(field, key))? else { continue };
        match (TagUse::of_class(class), kind) {
            (TagUse::Plain, _) => {}
            (TagUse::Priority, Kind::Float) => cursor.use_priority(f64::from_bits(bits)),
            (TagUse::Priority, Kind::Int) => cursor.use_priority(bits as i64 as f64),
            (what, Kind::Str) => cursor.use_tag(draft, what, StrRef::from_bits(bits)),
            _ => {}
        }
        if class & KEPT != 0 {
            cursor.push_attribute(key, kind, bits);
        }
    }
    skip_items(cursor, items % 3, field)
}

/// Reads attributes of anything else: `chosen` ones are those that the caller of the decoder wants.
fn nested<'a>(cursor: &mut Cursor<'a, '_, '_>, field: Field<'a>, chosen: bool) -> Result<Range, WireError> {
    let at = cursor.reader.offset();
    let Some(items) = cursor.array(field, "an array of attributes")? else { return Ok(Range::default()) };
    let mut entries = Vec::new();
    for _ in 0..triples(cursor, items, at, field)? {
        let (key, class) = cursor.streamed(field)?;
        let Some((kind, bits)) = value(cursor, cursor.entry(field, key))? else { continue };
        if if chosen { class & KEPT != 0 } else { cursor.keeps_all() } {
            entries.push(AttributeRecord::new(key, kind, bits));
        }
    }
    skip_items(cursor, items % 3, field)?;
    Ok(cursor.push_nested(&entries))
}

/// How many attributes stand in an array of that many items.
fn triples(cursor: &mut Cursor<'_, '_, '_>, items: usize, at: usize, field: Field<'_>) -> Result<usize, WireError> {
    if !items.is_multiple_of(3) {
        wrong_count(cursor, items, 3, at, field)?;
    }
    Ok(items / 3)
}

#[cold]
fn wrong_count(
    cursor: &mut Cursor<'_, '_, '_>,
    items: usize,
    of: usize,
    at: usize,
    field: Field<'_>,
) -> Result<(), WireError> {
    if let Some(error) = cursor.miscounted(cursor.reader.offset()) {
        return Err(cursor.fatal(error, field));
    }
    let each = if of == 3 { "key, type and value" } else { "type and value" };
    let message = format!("{items} items, expected a multiple of {of}: {each} each; the rest is left out");
    cursor.note(WRONG_SHAPE, at, field, &message, "every receiver refuses this body");
    Ok(())
}

/// Skips the items of an array that make no whole attribute.
#[inline]
fn skip_items(cursor: &mut Cursor<'_, '_, '_>, items: usize, field: Field<'_>) -> Result<(), WireError> {
    for _ in 0..items {
        cursor.skip(field)?;
    }
    Ok(())
}

/// Reads a type and a value of that type; `None` after a value that is none of it.
#[inline]
fn value(cursor: &mut Cursor<'_, '_, '_>, field: Field<'_>) -> Result<Option<(Kind, u64)>, WireError> {
    let at = cursor.reader.offset();
    match cursor.id(field)? {
        type_ @ (6 | 7) => container(cursor, type_, field),
        type_ => scalar(cursor, type_, at, field),
    }
}

#[inline]
fn scalar(
    cursor: &mut Cursor<'_, '_, '_>,
    type_: u64,
    at: usize,
    field: Field<'_>,
) -> Result<Option<(Kind, u64)>, WireError> {
    Ok(match type_ {
        1 => Some((Kind::Str, cursor.streamed(field)?.0.bits())),
        2 => cursor.bool(field)?.map(|value| (Kind::Bool, u64::from(value))),
        3 => cursor.float(field)?.map(|value| (Kind::Float, value.to_bits())),
        4 => Some((Kind::Int, cursor.int(field)? as u64)),
        5 => cursor.bin(field)?.map(|blob| (Kind::Bytes, StrRef::body(blob.start, blob.bytes.len()).bits())),
        _ => {
            if let Some(error) = cursor.miscounted(at) {
                return Err(cursor.fatal(error, field));
            }
            let message = format!("attribute type {type_}, expected 1 to 7; the value is left out");
            cursor.note(WRONG_TYPE, at, field, &message, "");
            cursor.skip(field)?;
            None
        }
    })
}

/// An array or attributes inside a value, while it is being read.
struct Open {
    list: bool,
    /// Values to come.
    left: usize,
    /// Items that make no whole value.
    surplus: usize,
    key: StrRef,
    /// Where its entries begin among those read.
    first: usize,
    at: usize,
    items: usize,
}

/// Reads an array (type 6) or attributes (type 7), with a stack of its own: nesting is bounded by the limit alone.
fn container(cursor: &mut Cursor<'_, '_, '_>, type_: u64, field: Field<'_>) -> Result<Option<(Kind, u64)>, WireError> {
    let mut entries: Vec<AttributeRecord> = Vec::new();
    let Some(outermost) = open(cursor, type_, StrRef::default(), 0, field)? else { return Ok(None) };
    let mut stack = vec![outermost];
    while let Some(mut top) = stack.pop() {
        if top.left == 0 {
            skip_items(cursor, top.surplus, field)?;
            if top.list && top.items > 0 {
                let (count, end) = (top.items, cursor.reader.offset());
                cursor.suspect = Some(Miscounted { at: top.at, count, end, left: count / 2 });
            }
            let range = cursor.push_nested(entries.get(top.first..).unwrap_or_default());
            entries.truncate(top.first);
            let kind = if top.list { Kind::List } else { Kind::Map };
            if stack.is_empty() {
                return Ok(Some((kind, range.bits())));
            }
            entries.push(AttributeRecord::new(top.key, kind, range.bits()));
            continue;
        }
        top.left -= 1;
        let key = if top.list { StrRef::default() } else { cursor.streamed(field)?.0 };
        stack.push(top);
        let at = cursor.reader.offset();
        match cursor.id(field)? {
            type_ @ (6 | 7) => {
                if stack.len() >= cursor.depth {
                    return Err(cursor.fatal(WireError { code: TOO_DEEP, offset: at }, field));
                }
                stack.extend(open(cursor, type_, key, entries.len(), field)?);
            }
            type_ => {
                if let Some((kind, bits)) = scalar(cursor, type_, at, field)? {
                    entries.push(AttributeRecord::new(key, kind, bits));
                }
            }
        }
    }
    Ok(None)
}

/// Begins an array or attributes; `None` when neither stands there.
fn open(
    cursor: &mut Cursor<'_, '_, '_>,
    type_: u64,
    key: StrRef,
    first: usize,
    field: Field<'_>,
) -> Result<Option<Open>, WireError> {
    let list = type_ == 6;
    let at = cursor.reader.offset();
    let expected = if list { "an array of types and values" } else { "an array of attributes" };
    let Some(items) = cursor.array(field, expected)? else { return Ok(None) };
    let of = if list { 2 } else { 3 };
    if !items.is_multiple_of(of) {
        if list {
            // Perhaps it counts its values: then that many pairs stand here.
            cursor.suspect = Some(Miscounted { at, count: items, end: cursor.reader.offset(), left: items });
        }
        let read = wrong_count(cursor, items, of, at, field);
        cursor.suspect = None;
        read?;
    }
    Ok(Some(Open { list, left: items / of, surplus: items % of, key, first, at, items }))
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostics;
    use crate::trace::{Batch, Keep, OwnedValue, SpanDraft};
    use crate::wire::{self, Limits, Options, Protocol};

    /// What a body decodes to, and the findings as `code offset path`.
    fn decode_with(body: &[u8], options: &Options<'_>) -> (Vec<SpanDraft>, Vec<String>) {
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        wire::decode(Protocol::V1, body, options, &mut batch, &mut found.body(0));
        let findings = found.iter().map(|finding| match finding.place() {
            Some(crate::diagnostic::Place::Body { offset, path, .. }) => {
                format!("{} {} {path}", finding.code().id(), offset.unwrap_or_default())
            }
            _ => finding.code().id().to_owned(),
        });
        (batch.view(body).spans().map(Into::into).collect(), findings.collect())
    }

    fn decode(body: &[u8]) -> (Vec<SpanDraft>, Vec<String>) {
        decode_with(body, &Options::default())
    }

    const ID: &[u8] = b"\x06\xc4\x10\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";

    /// A payload of one chunk whose spans are these msgpack maps.
    fn payload(spans: &[&[u8]]) -> Vec<u8> {
        [b"\x81\x0b\x91\x82", ID, &[0x04, 0x90 | spans.len() as u8], &spans.concat()].concat()
    }

    #[test]
    fn keys_and_types_come_in_any_width() {
        let span = b"\x83\xce\0\0\0\x04\xd3\0\0\0\0\0\0\0\x07\xcd\0\x02\xd9\x01n\xcf\0\0\0\0\0\0\0\x09\x96\xa1a\xce\0\0\0\x04\xd0\xff\xcc\x01\xd1\0\x03\x01";
        let (spans, found) = decode(&payload(&[span]));
        assert_eq!(found, [""; 0]);
        assert_eq!((spans[0].span_id.0, spans[0].name.as_str()), (7, "n"));
        let expected = [("a".to_owned(), OwnedValue::Int(-1)), ("n".to_owned(), OwnedValue::Float(1.0))];
        assert_eq!(spans[0].attributes, expected);
    }

    #[test]
    fn an_index_refers_to_what_was_written_before_it() {
        // Three strings: name "n", then "x" and "y" inside the value of the unknown key 99, then index 3.
        let span = b"\x85\x04\x07\x02\xa1n\x63\x92\xa1x\x81\xa1y\x01\x01\x03\x03\x04";
        let (spans, found) = decode(&payload(&[span]));
        assert_eq!((spans[0].name.as_str(), spans[0].service.as_str(), spans[0].resource.as_str()), ("n", "y", ""));
        assert_eq!(found, ["D018 31 chunks[0].spans[0]", "D006 42 chunks[0].spans[0].resource"]);
    }

    #[test]
    fn strings_of_skipped_values_of_the_wrong_type_count() {
        // The start is an array that holds "x"; the service is index 1.
        let (spans, found) = decode(&payload(&[b"\x83\x04\x07\x06\x91\xa1x\x01\x01"]));
        assert_eq!(spans[0].service, "x");
        assert_eq!(found, ["D003 29 chunks[0].spans[0].start"]);
    }

    #[test]
    fn a_repeated_string_gets_no_second_index() {
        // "n", "n" again, then "m": index 2 is "m", and "" is index 0.
        let span = b"\x86\x04\x07\x02\xa1n\x01\xa1n\x03\xa1m\x0a\x02\x0d\xa0";
        let (spans, found) = decode(&payload(&[span]));
        assert_eq!((spans[0].service.as_str(), spans[0].type_.as_str()), ("n", "m"));
        assert_eq!(found, ["D019 32 chunks[0].spans[0].service", "D019 40 chunks[0].spans[0].env"]);
    }

    #[test]
    fn a_table_sent_up_front_is_read() {
        for table in [&b"\x01\x93\xa0\xa1a\xa1b"[..], b"\x01\x92\xa1a\xa1b"] {
            let body = [b"\x82", table, b"\x0b\x91\x82", ID, b"\x04\x91\x83\x04\x07\x01\x01\x02\x02"].concat();
            let (spans, found) = decode(&body);
            assert_eq!((spans[0].service.as_str(), spans[0].name.as_str()), ("a", "b"));
            assert_eq!(found, ["D025 1 strings"]);
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(decode(b"\x80").1, ["D008 0 chunks"]);
        assert_eq!(decode(b"\x81\x0b\x91\x80").1, ["D008 3 chunks[0].trace_id", "D008 3 chunks[0].spans"]);
        let (spans, found) = decode(&payload(&[b"\x81\x02\xa1n"]));
        assert_eq!((spans.len(), found), (1, vec!["D008 25 chunks[0].spans[0].span_id".to_owned()]));
    }

    #[test]
    fn a_trace_id_that_is_none_costs_its_chunk() {
        let good = [b"\x82", ID, b"\x04\x91\x81\x04\x07"].concat();
        let bad = b"\x82\x04\x92\x81\x04\x08\x82\x04\x09\x09\x93\xa1a\x04\x05\x06\xc4\x02\x01\x02";
        let (spans, found) = decode(&[b"\x81\x0b\x93", &good[..], bad, &good].concat());
        assert_eq!(spans.iter().map(|span| span.span_id.0).collect::<Vec<_>>(), [7, 7]);
        assert!(spans.iter().all(|span| span.attributes.is_empty() && span.trace_id.0 != 0));
        assert_eq!(found, ["D007 44 chunks[1].trace_id"]);
    }

    #[test]
    fn arrays_of_arrays_nest_to_the_limit_and_no_further() {
        let nested = |levels: usize| {
            let value = [&b"\x06\x92".repeat(levels)[..], b"\x02\xc3"].concat();
            payload(&[&[b"\x82\x04\x07\x09\x93\xa1a", &value[..]].concat()])
        };
        let (spans, found) = decode(&nested(128));
        assert_eq!((spans.len(), found.len()), (1, 0));
        let (spans, found) = decode(&nested(20_000));
        assert_eq!(spans.len(), 0);
        assert!(found.len() == 1 && found[0].starts_with("D005"), "{found:?}");
        // A higher limit does not reach the stack.
        let deeper = Options { limits: Limits { depth: 300_000, ..Limits::default() }, ..Options::default() };
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        wire::decode(Protocol::V1, &nested(200_000), &deeper, &mut batch, &mut found.body(0));
        assert!(batch.view(&[]).complete() && found.is_empty());
    }

    #[test]
    fn what_makes_no_whole_attribute_is_left_out() {
        let (spans, found) = decode(&payload(&[b"\x83\x04\x07\x09\x95\xa1a\x02\xc3\xa1b\x02\x02\xa1n"]));
        assert_eq!((spans[0].attributes.len(), spans[0].name.as_str()), (1, "n"));
        assert_eq!(found, ["D007 29 chunks[0].spans[0].attributes"]);
        let (spans, found) = decode(&payload(&[b"\x83\x04\x07\x09\x96\xa1a\x09\xc3\xa1b\x02\x01\x02\xa1n"]));
        assert_eq!((spans[0].attributes.len(), spans[0].name.as_str()), (0, "n"));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn an_array_that_counts_its_values_is_named() {
        let event = |array: &[u8], rest: &[u8]| {
            let attributes = [b"\x93\xa1a\x06", array].concat();
            let span = [b"\x83\x04\x07\x0c\x91\x83\x01\x01\x02\xa1e\x03", &attributes[..], rest].concat();
            let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
            wire::decode(Protocol::V1, &payload(&[&span]), &Options::default(), &mut batch, &mut found.body(0));
            let named = found.iter().filter(|f| f.code().id() == "D007" && f.message().contains("libdatadog")).count();
            (named, found.iter().count())
        };
        // Three, two and one value counted as such.
        assert_eq!(event(b"\x93\x04\x01\x04\x02\x04\x03", b"\x02\xa1n"), (1, 1));
        assert_eq!(event(b"\x92\x04\x01\x01\xa1x", b"\x02\xa1n"), (1, 1));
        assert_eq!(event(b"\x91\x04\x01", b"\x02\xa1n"), (1, 1));
        // Counted rightly, and an odd number for another reason.
        assert_eq!(event(b"\x94\x04\x01\x04\x02", b"\x02\xa1n"), (0, 0));
        assert_eq!(event(b"\x93\x04\x01\x04", b"\x02\xa1n"), (0, 1));
    }

    #[test]
    fn only_wanted_attributes_are_kept() {
        let span =
            b"\x83\x04\x07\x09\x99\xa1a\x02\xc3\xa1b\x01\xa1x\xac_dd.span_lin\x06\x92\x01\x03\x0b\x91\x81\x02\x01";
        let options = Options { keep: Keep::Only(&["b"]), ..Options::default() };
        let (spans, found) = decode_with(&payload(&[span]), &options);
        assert_eq!(spans[0].attributes, [("b".to_owned(), OwnedValue::Str("x".into()))]);
        assert!(spans[0].links.is_empty() && found.is_empty(), "{found:?}");
    }
}

//! Datadog v0.4 and v0.3 trace payloads.
//!
//! ```text
//! 91                        payload: array of 1 chunk
//!   91                      chunk: array of 1 span
//!     83                    span: map of 3 entries, any order
//!       a4 name  a3 get
//!       a8 trace_id  05     low half; the high half is meta["_dd.p.tid"] on the chunk's first span
//!       a7 span_id  06
//! ```
//! Further keys: `service`, `resource`, `type` (str), `parent_id` (u64), `start`, `duration` (i64, ns),
//! `error` (i32), `meta` (map str to str), `metrics` (map str to f64), `meta_struct` (map str to bin),
//! `span_links`, `span_events` (arrays of maps). All may be absent. Defined by the Datadog Agent's trace receiver.

pub(super) mod encode;

use super::WireError;
use super::codes::{BAD_META_STRUCT, WRONG_TYPE};
use super::cursor::{Cursor, Draft, Field, TagUse};
use super::msgpack::{Reader, is_ascii};
use crate::trace::{AttributeRecord, EventRecord, Kind, LinkRecord, Range, StrRef};

/// Reads the outer array.
pub(super) fn payload(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let chunks = match cursor.reader.array() {
        Ok(chunks) => chunks,
        Err(error) => return Err(cursor.fatal(error, Field::Root(""))),
    };
    for _ in 0..chunks {
        let at = cursor.reader.offset();
        cursor.begin_chunk(at);
        let read = chunk(cursor);
        cursor.end_chunk();
        if !read? {
            break;
        }
    }
    Ok(())
}

/// Reads the spans of one chunk; false when the span limit ended the payload.
pub(super) fn chunk(cursor: &mut Cursor<'_, '_, '_>) -> Result<bool, WireError> {
    let Some(spans) = cursor.array(Field::Chunk, "an array of spans")? else { return Ok(true) };
    for _ in 0..spans {
        if cursor.full() {
            return Ok(false);
        }
        span(cursor)?;
        cursor.next_span();
    }
    Ok(true)
}

const SERVICE: u32 = 1;
const NAME: u32 = 1 << 1;
const RESOURCE: u32 = 1 << 2;
const TRACE_ID: u32 = 1 << 3;
const SPAN_ID: u32 = 1 << 4;
const PARENT_ID: u32 = 1 << 5;
const START: u32 = 1 << 6;
const DURATION: u32 = 1 << 7;
const ERROR: u32 = 1 << 8;
const META: u32 = 1 << 9;
const METRICS: u32 = 1 << 10;
const TYPE: u32 = 1 << 11;
const META_STRUCT: u32 = 1 << 12;
const SPAN_LINKS: u32 = 1 << 13;
const SPAN_EVENTS: u32 = 1 << 14;

/// Reads one span map.
#[inline]
fn span(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let at = cursor.reader.offset();
    let Some(fields) = cursor.map(Field::Span, "a span map")? else { return Ok(()) };
    let mut draft = cursor.draft(at);
    let first = cursor.batch.attributes.len();
    let mut seen = 0;
    for _ in 0..fields {
        let key_at = cursor.reader.offset();
        let Some(key) = cursor.member()? else { continue };
        let record = &mut draft.record;
        let field = match key {
            b"service" => {
                record.service = cursor.label("service")?;
                SERVICE
            }
            b"name" => {
                record.name = cursor.label("name")?;
                NAME
            }
            b"resource" => {
                record.resource = cursor.label("resource")?;
                RESOURCE
            }
            b"trace_id" => {
                record.trace_low = cursor.id(Field::Name("trace_id"))?;
                TRACE_ID
            }
            b"span_id" => {
                record.span_id = cursor.id(Field::Name("span_id"))?;
                SPAN_ID
            }
            b"parent_id" => {
                record.parent_id = cursor.id(Field::Name("parent_id"))?;
                PARENT_ID
            }
            b"start" => {
                record.start = cursor.int(Field::Name("start"))?;
                START
            }
            b"duration" => {
                record.duration = cursor.int(Field::Name("duration"))?;
                DURATION
            }
            b"error" => {
                record.error = cursor.error()?;
                ERROR
            }
            b"meta" => {
                if seen & META != 0 {
                    forget(cursor, first, Kind::Str);
                    draft.forget_tags();
                }
                meta(cursor, &mut draft)?;
                META
            }
            b"metrics" => {
                if seen & METRICS != 0 {
                    forget(cursor, first, Kind::Float);
                }
                metrics(cursor)?;
                METRICS
            }
            b"type" => {
                record.type_ = cursor.label("type")?;
                TYPE
            }
            b"meta_struct" => {
                if seen & META_STRUCT != 0 {
                    forget(cursor, first, Kind::Bytes);
                }
                meta_struct(cursor)?;
                META_STRUCT
            }
            b"span_links" => {
                draft.links = links(cursor)?;
                SPAN_LINKS
            }
            b"span_events" => {
                draft.events = events(cursor)?;
                SPAN_EVENTS
            }
            _ => {
                cursor.unknown(key, key_at, Field::Span)?;
                0
            }
        };
        if seen & field != 0 {
            cursor.duplicate(key, key_at, Field::Span);
        }
        seen |= field;
    }
    cursor.push(draft, first);
    Ok(())
}

/// A map came a second time: the last one counts.
#[cold]
fn forget(cursor: &mut Cursor<'_, '_, '_>, first: usize, kind: Kind) {
    let kept: Vec<AttributeRecord> =
        cursor.batch.attributes.drain(first..).filter(|record| record.kind() != kind).collect();
    cursor.batch.attributes.extend(kept);
}

#[inline]
fn meta(cursor: &mut Cursor<'_, '_, '_>, draft: &mut Draft) -> Result<(), WireError> {
    let Some(mut left) = cursor.map(Field::Name("meta"), "a map of strings")? else { return Ok(()) };
    loop {
        left -= plain_tags(cursor, left);
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        let Some((key, name)) = cursor.key(Field::Name("meta"))? else { continue };
        let value = cursor.text(Field::Tag("meta", key.bytes))?;
        if value == StrRef::NONE {
            continue;
        }
        let what = TagUse::of(key.bytes);
        if what != TagUse::Plain {
            cursor.use_tag(draft, what, value);
        }
        if cursor.keeps(key.bytes) {
            cursor.push_attribute(name, Kind::Str, value.bits());
        }
    }
}

/// Takes tags as long as key and value are short ASCII strings and the key means nothing to the decoder: nearly all.
/// The position is a local of this loop, so that it stays in registers. Returns how many it took.
#[inline(always)]
fn plain_tags(cursor: &mut Cursor<'_, '_, '_>, most: usize) -> usize {
    let mut reader = cursor.reader;
    let mut taken = 0;
    while taken < most {
        let (Some((key_start, key)), Some((value_start, value))) = (reader.short_text(), reader.short_text()) else {
            break;
        };
        if !is_ascii(key) || !is_ascii(value) || TagUse::of(key) != TagUse::Plain {
            break;
        }
        if cursor.keeps(key) {
            let (key, value) = (StrRef::body(key_start, key.len()), StrRef::body(value_start, value.len()));
            cursor.push_attribute(key, Kind::Str, value.bits());
        }
        cursor.reader = reader;
        taken += 1;
    }
    taken
}

#[inline]
fn metrics(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let Some(mut left) = cursor.map(Field::Name("metrics"), "a map of numbers")? else { return Ok(()) };
    loop {
        left -= plain_metrics(cursor, left);
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        let Some((key, name)) = cursor.key(Field::Name("metrics"))? else { continue };
        let Some(value) = cursor.float(Field::Tag("metrics", key.bytes))? else { continue };
        if TagUse::of(key.bytes) == TagUse::Priority {
            cursor.use_priority(value);
        }
        if cursor.keeps(key.bytes) {
            cursor.push_attribute(name, Kind::Float, value.to_bits());
        }
    }
}

/// The same for metrics whose value is a float64.
#[inline(always)]
fn plain_metrics(cursor: &mut Cursor<'_, '_, '_>, most: usize) -> usize {
    let mut reader = cursor.reader;
    let mut taken = 0;
    while taken < most {
        let (Some((start, key)), Some(value)) = (reader.short_text(), reader.common_float()) else { break };
        if !is_ascii(key) || TagUse::of(key) != TagUse::Plain {
            break;
        }
        if cursor.keeps(key) {
            cursor.push_attribute(StrRef::body(start, key.len()), Kind::Float, value.to_bits());
        }
        cursor.reader = reader;
        taken += 1;
    }
    taken
}

fn meta_struct(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let Some(entries) = cursor.map(Field::Name("meta_struct"), "a map of bytes")? else { return Ok(()) };
    for _ in 0..entries {
        let Some((key, name)) = cursor.key(Field::Name("meta_struct"))? else { continue };
        let field = Field::Tag("meta_struct", key.bytes);
        let value_at = cursor.reader.offset();
        if cursor.reader.nil() {
            continue;
        }
        let blob = match cursor.reader.bin() {
            Ok(blob) => blob,
            Err(error) => {
                cursor.recover(error, value_at, field, "bytes")?;
                continue;
            }
        };
        let mut inside = Reader::new(blob.bytes);
        if inside.skip(cursor.depth).is_err() || !inside.rest().is_empty() {
            let message = format!("{} bytes that are not one msgpack value; kept as they are", blob.bytes.len());
            cursor.note(BAD_META_STRUCT, value_at, field, &message, "");
        }
        if cursor.keeps(key.bytes) {
            cursor.push_attribute(name, Kind::Bytes, StrRef::body(blob.start, blob.bytes.len()).bits());
        }
    }
    Ok(())
}

/// Reads the entries of a map inside item `index` of `list`, handing each key to `entry`; false from `entry`
/// means that it did not take the value.
fn members<'a, 'x, 'd>(
    cursor: &mut Cursor<'a, 'x, 'd>,
    list: &'static str,
    index: usize,
    mut entry: impl FnMut(&mut Cursor<'a, 'x, 'd>, &[u8], StrRef) -> Result<bool, WireError>,
) -> Result<(), WireError> {
    let field = Field::Item(list, index, "*");
    let Some(entries) = cursor.map(field, "a map")? else { return Ok(()) };
    for _ in 0..entries {
        let at = cursor.reader.offset();
        let Some((key, name)) = cursor.key(field)? else { continue };
        if !entry(cursor, key.bytes, name)? {
            cursor.unknown(key.bytes, at, Field::Span)?;
        }
    }
    Ok(())
}

fn links(cursor: &mut Cursor<'_, '_, '_>) -> Result<Range, WireError> {
    const LIST: &str = "span_links";
    let start = cursor.batch.links.len();
    if !cursor.keeps_all() {
        cursor.skip(Field::Name(LIST))?;
        return Ok(Range::default());
    }
    let Some(count) = cursor.array(Field::Name(LIST), "an array of links")? else { return Ok(Range::default()) };
    for index in 0..count {
        let mut link = LinkRecord::default();
        members(cursor, LIST, index, |cursor, key, _| {
            match key {
                b"trace_id" => link.trace_low = cursor.id(Field::Item(LIST, index, "trace_id"))?,
                b"trace_id_high" => link.trace_high = cursor.id(Field::Item(LIST, index, "trace_id_high"))?,
                b"span_id" => link.span_id = cursor.id(Field::Item(LIST, index, "span_id"))?,
                b"tracestate" => link.tracestate = cursor.text(Field::Item(LIST, index, "tracestate"))?.or_empty(),
                b"flags" => link.flags = u32::try_from(cursor.id(Field::Item(LIST, index, "flags"))?).ok(),
                b"attributes" => link.attributes = link_attributes(cursor, index)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        cursor.batch.links.push(link);
    }
    Ok(Range::new(start, cursor.batch.links.len()))
}

fn link_attributes(cursor: &mut Cursor<'_, '_, '_>, index: usize) -> Result<Range, WireError> {
    let mut entries = Vec::new();
    members(cursor, "span_links.attributes", index, |cursor, _, name| {
        let value = cursor.text(Field::Item("span_links", index, "attributes"))?;
        if value != StrRef::NONE {
            entries.push(AttributeRecord::new(name, Kind::Str, value.bits()));
        }
        Ok(true)
    })?;
    Ok(cursor.push_nested(&entries))
}

fn events(cursor: &mut Cursor<'_, '_, '_>) -> Result<Range, WireError> {
    const LIST: &str = "span_events";
    let start = cursor.batch.events.len();
    if !cursor.keeps_all() {
        cursor.skip(Field::Name(LIST))?;
        return Ok(Range::default());
    }
    let Some(count) = cursor.array(Field::Name(LIST), "an array of events")? else { return Ok(Range::default()) };
    for index in 0..count {
        let mut event = EventRecord::default();
        members(cursor, LIST, index, |cursor, key, _| {
            match key {
                b"time_unix_nano" => event.time = cursor.int(Field::Item(LIST, index, "time_unix_nano"))?,
                b"name" => event.name = cursor.text(Field::Item(LIST, index, "name"))?.or_empty(),
                b"attributes" => {
                    let mut entries = Vec::new();
                    members(cursor, "span_events.attributes", index, |cursor, _, name| {
                        entries.extend(typed(cursor, index, name, 1)?);
                        Ok(true)
                    })?;
                    event.attributes = cursor.push_nested(&entries);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        cursor.batch.events.push(event);
    }
    Ok(Range::new(start, cursor.batch.events.len()))
}

/// A typed attribute value: `{"type": 2, "int_value": 5}`; the member that holds a value decides.
fn typed(
    cursor: &mut Cursor<'_, '_, '_>,
    index: usize,
    key: StrRef,
    level: usize,
) -> Result<Option<AttributeRecord>, WireError> {
    const LIST: &str = "span_events.attributes";
    let at = cursor.reader.offset();
    if level > cursor.depth {
        return Err(cursor.fatal(WireError { code: super::codes::TOO_DEEP, offset: at }, Field::Name(LIST)));
    }
    let mut found = None;
    let mut is_map = false;
    members(cursor, LIST, index, |cursor, member, _| {
        is_map = true;
        match member {
            b"type" => {
                cursor.id(Field::Item(LIST, index, "type"))?;
            }
            b"string_value" => {
                let value = cursor.text(Field::Item(LIST, index, "string_value"))?;
                found = (value != StrRef::NONE).then_some((Kind::Str, value.bits()));
            }
            b"bool_value" => {
                let at = cursor.reader.offset();
                match cursor.reader.bool() {
                    Ok(value) => found = Some((Kind::Bool, u64::from(value))),
                    Err(error) => cursor.recover(error, at, Field::Item(LIST, index, "bool_value"), "true or false")?,
                }
            }
            b"int_value" => {
                let value = cursor.int(Field::Item(LIST, index, "int_value"))?;
                found = Some((Kind::Int, value as u64));
            }
            b"double_value" => {
                found = cursor.float(Field::Item(LIST, index, "double_value"))?.map(|v| (Kind::Float, v.to_bits()));
            }
            b"array_value" => {
                let mut values = Vec::new();
                members(cursor, LIST, index, |cursor, member, _| {
                    if member != b"values" {
                        return Ok(false);
                    }
                    let field = Field::Item(LIST, index, "array_value.values");
                    let Some(count) = cursor.array(field, "an array of values")? else { return Ok(true) };
                    for _ in 0..count {
                        values.extend(typed(cursor, index, StrRef::default(), level + 1)?);
                    }
                    Ok(true)
                })?;
                let range = cursor.push_nested(&values);
                found = Some((Kind::List, range.bits()));
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if found.is_none() && is_map {
        cursor.note(WRONG_TYPE, at, Field::Item(LIST, index, "*"), "an attribute without a value", "");
    }
    Ok(found.map(|(kind, bits)| AttributeRecord::new(key, kind, bits)))
}

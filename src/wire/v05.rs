//! Datadog v0.5 trace payloads: a string table, then spans as arrays of twelve.
//!
//! ```text
//! 92                                   payload: array of 2
//!   93 a0 a3 web a3 get                strings: index 0 is "", 1 "web", 2 "get"
//!   91 91                              one chunk of one span
//!     9c 01 02 02 05 06 00 0a 01 00 80 80 00
//!        service name resource trace_id span_id parent_id start duration error meta metrics type
//! ```
//! Strings are unsigned indexes of any width; `meta` maps index to index, `metrics` index to float. Nothing may
//! be left out and nothing reserves index 0. Defined by the Datadog Agent's trace receiver.

pub(super) mod encode;

use super::WireError;
use super::codes::WRONG_SHAPE;
use super::cursor::{Cursor, Draft, Field, KEPT, TagUse};
use super::msgpack::{Number, is_ascii};
use crate::trace::{AttributeRecord, Batch, Kind, StrRef, TableString};

/// Reads the outer array.
pub(super) fn payload(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let items = match cursor.reader.array() {
        Ok(items) => items,
        Err(error) => return Err(cursor.fatal(error, Field::Root(""))),
    };
    if items < 2 {
        let error = WireError { code: WRONG_SHAPE, offset: 0 };
        return Err(cursor.fatal(error, Field::Root("")));
    }
    strings(cursor)?;
    let chunks = cursor.array(Field::Root("traces"), "an array of traces")?.unwrap_or_default();
    for _ in 0..chunks {
        let at = cursor.reader.offset();
        cursor.begin_chunk(at);
        let read = chunk(cursor);
        cursor.end_chunk();
        if !read? {
            return Ok(());
        }
    }
    if items > 2 {
        let at = cursor.reader.offset();
        let message = format!("the payload has {items} elements, expected 2: strings and traces");
        cursor.note(WRONG_SHAPE, at, Field::Root(""), &message, "libdatadog and the test agent refuse this body");
        for _ in 2..items {
            cursor.skip(Field::Root(""))?;
        }
    }
    Ok(())
}

/// Reads the string table and classifies each string as a key, once instead of at every use.
fn strings(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let Some(count) = cursor.array(Field::Root("strings"), "an array of strings")? else { return Ok(()) };
    for index in 0..count {
        let mut reader = cursor.reader;
        let (text, class) = match reader.short_text() {
            Some((start, key)) if is_ascii(key) => {
                cursor.reader = reader;
                (StrRef::body(start, key.len()), cursor.class(key))
            }
            _ => {
                let text = cursor.text(Field::RootItem("strings", index))?.or_empty();
                (text, cursor.class(cursor.bytes(text)))
            }
        };
        cursor.batch.strings.push(TableString { text, class });
    }
    Ok(())
}

/// Reads one chunk; false when the span limit ended the payload.
fn chunk(cursor: &mut Cursor<'_, '_, '_>) -> Result<bool, WireError> {
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

#[inline]
fn span(cursor: &mut Cursor<'_, '_, '_>) -> Result<(), WireError> {
    let at = cursor.reader.offset();
    let Some(elements) = cursor.array(Field::Span, "a span: an array of 12")? else { return Ok(()) };
    if elements != 12 {
        return wrong_arity(cursor, elements, at);
    }
    let mut draft = cursor.draft(at);
    let first = cursor.batch.attributes.len();
    draft.record.service = string(cursor, Field::Name("service"))?;
    draft.record.name = string(cursor, Field::Name("name"))?;
    draft.record.resource = string(cursor, Field::Name("resource"))?;
    draft.record.trace_low = cursor.id(Field::Name("trace_id"))?;
    draft.record.span_id = cursor.id(Field::Name("span_id"))?;
    draft.record.parent_id = cursor.id(Field::Name("parent_id"))?;
    draft.record.start = cursor.int(Field::Name("start"))?;
    draft.record.duration = cursor.int(Field::Name("duration"))?;
    draft.record.error = cursor.error()?;
    meta(cursor, &mut draft)?;
    metrics(cursor)?;
    draft.record.type_ = string(cursor, Field::Name("type"))?;
    cursor.push(draft, first);
    Ok(())
}

#[cold]
fn wrong_arity(cursor: &mut Cursor<'_, '_, '_>, elements: usize, at: usize) -> Result<(), WireError> {
    let message = format!("a span of {elements} elements, expected 12; the span is left out");
    cursor.note(WRONG_SHAPE, at, Field::Span, &message, "every receiver refuses this body");
    for _ in 0..elements {
        cursor.skip(Field::Span)?;
    }
    Ok(())
}

/// A string by its index; empty after an index that the table does not have.
#[inline(always)]
fn string(cursor: &mut Cursor<'_, '_, '_>, field: Field<'_>) -> Result<StrRef, WireError> {
    Ok(indexed(cursor, field)?.map(|(text, _)| text).unwrap_or_default())
}

/// A string by its index, and its class.
#[inline(always)]
fn indexed(cursor: &mut Cursor<'_, '_, '_>, field: Field<'_>) -> Result<Option<(StrRef, u8)>, WireError> {
    let at = cursor.reader.offset();
    let index = cursor.id(field)?;
    let position = usize::try_from(index).unwrap_or(usize::MAX);
    match cursor.batch.strings.get(position) {
        Some(TableString { text, class }) => Ok(Some((*text, *class))),
        None => {
            cursor.outside_table(Number::Unsigned(index), at, field);
            Ok(None)
        }
    }
}

#[inline]
fn meta(cursor: &mut Cursor<'_, '_, '_>, draft: &mut Draft) -> Result<(), WireError> {
    let Some(mut left) = cursor.map(Field::Name("meta"), "a map of string indexes")? else { return Ok(()) };
    loop {
        left -= plain_tags(cursor, left);
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        let key = indexed(cursor, Field::Name("meta"))?;
        let value = indexed(cursor, Field::Name("meta"))?;
        let (Some((key, class)), Some((value, _))) = (key, value) else { continue };
        if class & !KEPT != 0 {
            cursor.use_tag(draft, TagUse::of_class(class), value);
        }
        if class & KEPT != 0 {
            cursor.push_attribute(key, Kind::Str, value.bits());
        }
    }
}

/// Takes tags as long as both indexes are in the table and the key means nothing to the decoder: nearly all. Returns how
/// many it took.
#[inline(always)]
fn plain_tags(cursor: &mut Cursor<'_, '_, '_>, most: usize) -> usize {
    let Batch { strings, attributes, .. } = &mut *cursor.batch;
    let mut reader = cursor.reader;
    let mut taken = 0;
    while taken < most {
        let (Some(key), Some(value)) = (reader.common_unsigned(), reader.common_unsigned()) else { break };
        let (Some(key), Some(value)) = (strings.get(key as usize), strings.get(value as usize)) else { break };
        if key.class & !KEPT != 0 {
            break;
        }
        if key.class == KEPT {
            attributes.push(AttributeRecord::new(key.text, Kind::Str, value.text.bits()));
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
        let key = indexed(cursor, Field::Name("metrics"))?;
        let value = cursor.float(Field::Name("metrics"))?;
        let (Some((key, class)), Some(value)) = (key, value) else { continue };
        if TagUse::of_class(class) == TagUse::Priority {
            cursor.use_priority(value);
        }
        if class & KEPT != 0 {
            cursor.push_attribute(key, Kind::Float, value.to_bits());
        }
    }
}

/// The same for metrics whose value is a float64.
#[inline(always)]
fn plain_metrics(cursor: &mut Cursor<'_, '_, '_>, most: usize) -> usize {
    let Batch { strings, attributes, .. } = &mut *cursor.batch;
    let mut reader = cursor.reader;
    let mut taken = 0;
    while taken < most {
        let (Some(key), Some(value)) = (reader.common_unsigned(), reader.common_float()) else { break };
        let Some(key) = strings.get(key as usize).filter(|key| key.class & !KEPT == 0) else { break };
        if key.class == KEPT {
            attributes.push(AttributeRecord::new(key.text, Kind::Float, value.to_bits()));
        }
        cursor.reader = reader;
        taken += 1;
    }
    taken
}

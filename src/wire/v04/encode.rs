//! Writing v0.4 bodies; v0.3 is the same. Every span has the twelve keys of section 3 in the order of libdatadog and of
//! the agent's own types, then what few spans have.
//!
//! Constant keys are copied with their msgpack head, ids take eight bytes, other integers their shortest form. A parent of
//! 0 is no id, and takes one byte. Tags and metrics that stand in the body one after the other, just as they would be written, are
//! copied together.

use crate::trace::{AttributeRecord, Batch, Kind, Payload, Range, SpanRecord, StrRef, Value};
use crate::wire::convert::{self, Target};
use crate::wire::json_tags;
use crate::wire::losses::Losses;
use crate::wire::writer::Writer;

/// The body of a request.
pub(in crate::wire) fn body(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    if convert::is_plain(payload.batch(), payload.body(), Target::V04) {
        let mut counted = Losses::default();
        if let Some(body) = plain(payload, false, &mut counted) {
            losses.merge(counted);
            return body;
        }
    }
    let converted = convert::to_datadog(payload, Target::V04, losses);
    plain(converted.view(payload.body()), true, losses).unwrap_or_default()
}

/// The body of what needs no conversion, or `had` one; `None` when a span needs one.
fn plain(payload: Payload<'_>, had: bool, losses: &mut Losses) -> Option<Vec<u8>> {
    let batch = payload.batch();
    // Nearly all texts stand in the body, once each.
    let room =
        if payload.body().is_empty() { room(batch) } else { payload.body().len() + 32 * batch.spans.len() + 1024 };
    let mut writer = Writer::with_capacity(room);
    writer.array(batch.chunks.len());
    for chunk in &batch.chunks {
        spans(&mut writer, payload, chunk.spans, had, losses)?;
    }
    Some(writer.out)
}

/// Bytes that the body takes at most, or nearly.
pub(in crate::wire) fn room(batch: &Batch) -> usize {
    let texts: usize = batch.attributes.iter().map(|record| record.key().len() + value_room(*record)).sum();
    let labels = |span: &SpanRecord| span.service.len() + span.name.len() + span.resource.len() + span.type_.len();
    let spans: usize = batch.spans.iter().map(|span| 192 + labels(span)).sum();
    texts + spans + 16 * batch.chunks.len() + 256 * (batch.links.len() + batch.events.len()) + 1024
}

#[inline(always)]
fn value_room(record: AttributeRecord) -> usize {
    match record.kind() {
        Kind::Str | Kind::Bytes => StrRef::from_bits(record.bits).len() + 6,
        _ => 14,
    }
}

/// The spans of a chunk, as an array; `None` when one of them needs a conversion and had none.
pub(in crate::wire) fn spans(
    writer: &mut Writer,
    payload: Payload<'_>,
    range: Range,
    had: bool,
    losses: &mut Losses,
) -> Option<()> {
    let batch = payload.batch();
    let records = range.of(&batch.spans);
    writer.array(records.len());
    for (number, record) in records.iter().enumerate() {
        span(writer, payload, range.start as usize + number, record, had, losses)?;
    }
    Some(())
}

#[inline]
fn span(
    writer: &mut Writer,
    payload: Payload<'_>,
    index: usize,
    record: &SpanRecord,
    had: bool,
    losses: &mut Losses,
) -> Option<()> {
    let (batch, body) = (payload.batch(), payload.body());
    let attributes = record.attributes.of(&batch.attributes);
    let mut counts = [0usize; 8];
    for attribute in attributes {
        counts[attribute.kind() as usize & 7] += 1;
    }
    let [tags, _, _, metrics, documents, ..] = counts;
    if !had && (tags + metrics + documents < attributes.len() || !says_kind(batch, body, record)) {
        return None;
    }
    let extra = if record.extra == 0 { None } else { Some(Extra::of(payload, index, record, had)?) };
    let further = usize::from(documents > 0) + extra.as_ref().map_or(0, Extra::entries);
    writer.map(12 + further);
    writer.raw(b"\xa7service");
    writer.text(batch.bytes(body, record.service));
    writer.raw(b"\xa4name");
    writer.text(batch.bytes(body, record.name));
    writer.raw(b"\xa8resource");
    writer.text(batch.bytes(body, record.resource));
    writer.raw(b"\xa8trace_id");
    writer.id(record.trace_low);
    writer.raw(b"\xa7span_id");
    writer.id(record.span_id);
    writer.raw(b"\xa9parent_id");
    match record.parent_id {
        0 => writer.raw(&[0]),
        parent => writer.id(parent),
    }
    writer.raw(b"\xa5start");
    writer.int(record.start);
    writer.raw(b"\xa8duration");
    writer.int(record.duration);
    writer.raw(b"\xa5error");
    writer.int(i64::from(record.error));
    writer.raw(b"\xa4meta");
    writer.map(tags);
    let mut run = Run::default();
    for attribute in attributes.iter().filter(|attribute| attribute.kind() == Kind::Str) {
        let (key, value) = (attribute.key(), StrRef::from_bits(attribute.bits));
        if !run.takes(writer, body, key, head_of(body, value), value.in_body().unwrap_or_default() + value.len()) {
            writer.text(batch.bytes(body, key));
            writer.text(batch.bytes(body, value));
        }
    }
    run.copy(writer, body);
    writer.raw(b"\xa7metrics");
    writer.map(metrics);
    for attribute in attributes.iter().filter(|attribute| attribute.kind() == Kind::Float) {
        let key = attribute.key();
        let at = key.in_body().unwrap_or_default() + key.len();
        let stands = body.get(at..).and_then(<[u8]>::first_chunk) == Some(&float_bytes(attribute.bits));
        if !run.takes(writer, body, key, stands.then_some(at), at + 9) {
            writer.text(batch.bytes(body, key));
            writer.float(f64::from_bits(attribute.bits));
        }
    }
    run.copy(writer, body);
    writer.raw(b"\xa4type");
    writer.text(batch.bytes(body, record.type_));
    if documents > 0 {
        writer.raw(b"\xabmeta_struct");
        writer.map(documents);
        for attribute in attributes.iter().filter(|attribute| attribute.kind() == Kind::Bytes) {
            writer.text(batch.bytes(body, attribute.key()));
            writer.bin(batch.bytes(body, StrRef::from_bits(attribute.bits)));
        }
    }
    if let Some(extra) = extra {
        extra.write(writer, payload, index, losses);
    }
    Some(())
}

/// Entries of a map that stand in the body one after the other as they would be written, and are not yet.
#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    /// Takes an entry whose value begins at `value`, when it stands in the body as it would be written, and ends before `end`. What was
    /// taken before and does not touch it is written.
    #[inline(always)]
    fn takes(&mut self, writer: &mut Writer, body: &[u8], key: StrRef, value: Option<usize>, end: usize) -> bool {
        let behind = key.in_body().map(|start| start + key.len());
        let start = if value.is_some() && value == behind { head_of(body, key) } else { None };
        if start != Some(self.end) {
            self.copy(writer, body);
            self.start = start.unwrap_or_default();
        }
        self.end = if start.is_some() { end } else { self.start };
        start.is_some()
    }

    /// Writes what was taken.
    #[inline(always)]
    fn copy(&mut self, writer: &mut Writer, body: &[u8]) {
        writer.raw(body.get(self.start..self.end).unwrap_or_default());
        (self.start, self.end) = (0, 0);
    }
}

/// Where the head of a text begins, when the text stands in the body behind the head that it would be written with.
#[inline(always)]
fn head_of(body: &[u8], text: StrRef) -> Option<usize> {
    let start = text.in_body()?;
    let before = body.get(..start)?;
    match text.len() {
        len @ 0..=31 => (*before.last()? == 0xa0 | len as u8).then(|| start - 1),
        len @ 32..=255 => (*before.last_chunk()? == [0xd9, len as u8]).then(|| start - 2),
        _ => None,
    }
}

#[inline(always)]
fn float_bytes(bits: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = bits.to_be_bytes();
    [0xcb, a, b, c, d, e, f, g, h]
}

/// Whether the tag `span.kind` says the kind of the span.
#[inline(always)]
pub(in crate::wire) fn says_kind(batch: &Batch, body: &[u8], record: &SpanRecord) -> bool {
    let Some(word) = record.kind.word() else { return true };
    let key = b"span.kind";
    let attributes = record.attributes.of(&batch.attributes);
    attributes.iter().any(|attribute| {
        attribute.key().len() == key.len()
            && batch.bytes(body, attribute.key()) == key
            && attribute.kind() == Kind::Str
            && batch.bytes(body, StrRef::from_bits(attribute.bits)) == word.as_bytes()
    })
}

/// What few spans have: links and events that no tag carries.
struct Extra {
    links: usize,
    events: usize,
}

impl Extra {
    /// `None` when the span has what only another shape carries.
    fn of(payload: Payload<'_>, index: usize, record: &SpanRecord, had: bool) -> Option<Extra> {
        if !had && !convert::has_only_links_and_events(payload.batch(), payload.body(), record) {
            return None;
        }
        let span = payload.span(index)?;
        let (links, events) = (span.links().len(), span.events().len());
        Some(Extra {
            links: if links > 0 && json_tags::links_stand(span) { 0 } else { links },
            events: if events > 0 && json_tags::events_stand(span) { 0 } else { events },
        })
    }

    fn entries(&self) -> usize {
        usize::from(self.links > 0) + usize::from(self.events > 0)
    }

    fn write(&self, writer: &mut Writer, payload: Payload<'_>, index: usize, losses: &mut Losses) {
        let Some(span) = payload.span(index) else { return };
        if self.links > 0 {
            writer.raw(b"\xaaspan_links");
            writer.array(self.links);
            for link in span.links() {
                let attributes = link.attributes();
                let members = 3
                    + usize::from(!attributes.is_empty())
                    + usize::from(!link.tracestate().is_empty())
                    + usize::from(link.flags().is_some());
                writer.map(members);
                writer.raw(b"\xa8trace_id");
                writer.id(link.trace_id().low());
                writer.raw(b"\xadtrace_id_high");
                writer.id(link.trace_id().high());
                writer.raw(b"\xa7span_id");
                writer.id(link.span_id().0);
                if !attributes.is_empty() {
                    writer.raw(b"\xaaattributes");
                    writer.map(attributes.len());
                    for (key, value) in attributes.iter() {
                        writer.text(key.as_bytes());
                        match value {
                            Value::Str(text) => writer.text(text.as_bytes()),
                            other => {
                                losses.add("attributes of a link written as text", 1);
                                writer.text(json_tags::plain_text(other, losses).as_bytes());
                            }
                        }
                    }
                }
                if !link.tracestate().is_empty() {
                    writer.raw(b"\xaatracestate");
                    writer.text(link.tracestate().as_bytes());
                }
                if let Some(flags) = link.flags() {
                    writer.raw(b"\xa5flags");
                    writer.unsigned(u64::from(flags));
                }
            }
        }
        if self.events > 0 {
            writer.raw(b"\xabspan_events");
            writer.array(self.events);
            for event in span.events() {
                let attributes = event.attributes();
                writer.map(2 + usize::from(!attributes.is_empty()));
                writer.raw(b"\xaetime_unix_nano");
                writer.int(event.time().0);
                writer.raw(b"\xa4name");
                writer.text(event.name().as_bytes());
                if !attributes.is_empty() {
                    writer.raw(b"\xaaattributes");
                    writer.map(attributes.len());
                    for (key, value) in attributes.iter() {
                        writer.text(key.as_bytes());
                        typed(writer, value, false, losses);
                    }
                }
            }
        }
    }
}

/// A value of an event's attribute; inside an array only what is no array itself.
fn typed(writer: &mut Writer, value: Value<'_>, inside: bool, losses: &mut Losses) {
    writer.raw(b"\x82\xa4type");
    match value {
        Value::Str(text) => {
            writer.raw(b"\x00\xacstring_value");
            writer.text(text.as_bytes());
        }
        Value::Bool(value) => {
            writer.raw(b"\x01\xaabool_value");
            writer.bool(value);
        }
        Value::Int(value) => {
            writer.raw(b"\x02\xa9int_value");
            writer.int(value);
        }
        Value::Float(value) => {
            writer.raw(b"\x03\xacdouble_value");
            writer.float(value);
        }
        Value::List(values) if !inside => {
            writer.raw(b"\x04\xabarray_value\x81\xa6values");
            writer.array(values.iter().len());
            for value in values.iter() {
                typed(writer, value, true, losses);
            }
        }
        other => {
            losses.add("attributes of an event written as text", 1);
            writer.raw(b"\x00\xacstring_value");
            writer.text(json_tags::plain_text(other, losses).as_bytes());
        }
    }
}

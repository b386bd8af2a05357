//! Writing v0.5 bodies: each string once in the table, "" first, then the spans as arrays of twelve.

use crate::trace::{Batch, Kind, Payload, SpanRecord, StrRef};
use crate::wire::convert::{self, Target};
use crate::wire::json_tags;
use crate::wire::losses::Losses;
use crate::wire::v04::encode::says_kind;
use crate::wire::writer::Writer;
use std::collections::HashMap;

/// The body of a request.
pub(in crate::wire) fn body(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let documents = payload.batch().attributes.iter().filter(|record| record.kind() == Kind::Bytes).count();
    losses.add("meta_struct documents", documents as u64);
    if convert::is_plain(payload.batch(), payload.body(), Target::V05)
        && let Some(body) = plain(payload, false)
    {
        return body;
    }
    let converted = convert::to_datadog(payload, Target::V05, losses);
    plain(converted.view(payload.body()), true).unwrap_or_default()
}

/// The strings of a body, each with its index.
struct Table<'a> {
    indexes: HashMap<&'a [u8], u64>,
    written: Writer,
}

impl<'a> Table<'a> {
    #[inline]
    fn index(&mut self, text: &'a [u8]) -> u64 {
        let next = self.indexes.len() as u64;
        *self.indexes.entry(text).or_insert_with(|| {
            self.written.text(text);
            next
        })
    }
}

/// The body of what needs no conversion, or `had` one; `None` when a span needs one.
fn plain(payload: Payload<'_>, had: bool) -> Option<Vec<u8>> {
    let (batch, body) = (payload.batch(), payload.body());
    let mut table = Table { indexes: HashMap::new(), written: Writer::default() };
    table.index(b"");
    let mut writer = Writer::with_capacity(64 * batch.spans.len() + 8 * batch.attributes.len());
    writer.array(batch.chunks.len());
    for chunk in &batch.chunks {
        let spans = chunk.spans.of(&batch.spans);
        writer.array(spans.len());
        for (number, record) in spans.iter().enumerate() {
            if !had && !carries(payload, batch, body, chunk.spans.start as usize + number, record) {
                return None;
            }
            span(&mut writer, &mut table, batch, body, record);
        }
    }
    let mut out = Writer::with_capacity(writer.out.len() + table.written.out.len() + 16);
    out.array(2);
    out.array(table.indexes.len());
    out.raw(&table.written.out);
    out.raw(&writer.out);
    Some(out.out)
}

/// Whether the tags of a span say all that v0.5 can say of it.
fn carries(payload: Payload<'_>, batch: &Batch, body: &[u8], index: usize, record: &SpanRecord) -> bool {
    let typed = record
        .attributes
        .of(&batch.attributes)
        .iter()
        .any(|attribute| matches!(attribute.kind(), Kind::Bool | Kind::Int | Kind::List | Kind::Map));
    if typed || !says_kind(batch, body, record) {
        return false;
    }
    if record.extra == 0 {
        return true;
    }
    let Some(span) = payload.span(index) else { return true };
    convert::has_only_links_and_events(batch, body, record)
        && (span.links().len() == 0 || json_tags::links_stand(span))
        && (span.events().len() == 0 || json_tags::events_stand(span))
}

#[inline]
fn span<'a>(writer: &mut Writer, table: &mut Table<'a>, batch: &'a Batch, body: &'a [u8], record: &SpanRecord) {
    let attributes = record.attributes.of(&batch.attributes);
    let tags = attributes.iter().filter(|attribute| attribute.kind() == Kind::Str);
    let metrics = attributes.iter().filter(|attribute| attribute.kind() == Kind::Float);
    writer.array(12);
    for text in [record.service, record.name, record.resource] {
        writer.unsigned(table.index(batch.bytes(body, text)));
    }
    writer.id(record.trace_low);
    writer.id(record.span_id);
    match record.parent_id {
        0 => writer.raw(&[0]),
        parent => writer.id(parent),
    }
    writer.int(record.start);
    writer.int(record.duration);
    writer.int(i64::from(record.error));
    writer.map(tags.clone().count());
    for tag in tags {
        writer.unsigned(table.index(batch.bytes(body, tag.key())));
        writer.unsigned(table.index(batch.bytes(body, StrRef::from_bits(tag.bits))));
    }
    writer.map(metrics.clone().count());
    for metric in metrics {
        writer.unsigned(table.index(batch.bytes(body, metric.key())));
        writer.float(f64::from_bits(metric.bits));
    }
    writer.unsigned(table.index(batch.bytes(body, record.type_)));
}

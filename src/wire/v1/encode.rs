//! Writing v1.0 bodies: keys ascending and the chunks last, each string once inline, what is empty or zero left out.

use super::{KINDS, SENDERS};
use crate::trace::{Attributes, Batch, Chunk, NO_PRIORITY, Payload, Sender, Span, SpanRecord, StrRef, Value};
use crate::wire::convert;
use crate::wire::losses::Losses;
use crate::wire::writer::Writer;
use std::collections::HashMap;

/// The body of a request.
pub(in crate::wire) fn body(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let further = payload.resources().len().saturating_sub(1);
    losses.add("what further senders say about themselves", further as u64);
    if convert::is_v1(payload.batch()) {
        return plain(payload, losses);
    }
    let converted = convert::to_v1(payload, losses);
    plain(converted.view(payload.body()), losses)
}

fn plain(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let (batch, body) = (payload.batch(), payload.body());
    let mut writer = Encoder {
        out: Writer::with_capacity(body.len() / 2 + 64 * batch.spans.len() + 1024),
        indexes: HashMap::from([(&[][..], 0)]),
        losses,
    };
    let sender = batch.resources.first().copied().unwrap_or_default();
    let member = |member: Sender| batch.bytes(body, sender.sender.get(member as usize).copied().unwrap_or_default());
    let debug = !member(Sender::ContainerDebug).is_empty();
    writer.losses.add("container debug texts", u64::from(debug));
    let said = SENDERS.into_iter().filter(|sender| !member(*sender).is_empty()).count();
    let attributes = payload.resources().next().map(|resource| resource.attributes());
    let attributes = attributes.filter(|attributes| !attributes.is_empty());
    writer.out.map(said + usize::from(attributes.is_some()) + 1);
    for (number, sender) in SENDERS.into_iter().enumerate().filter(|(_, sender)| !member(*sender).is_empty()) {
        writer.out.unsigned(number as u64 + 2);
        writer.text(member(sender));
    }
    if let Some(attributes) = attributes {
        writer.out.unsigned(10);
        writer.attributes(attributes, 0);
    }
    writer.out.unsigned(11);
    writer.out.array(batch.chunks.len());
    for (chunk, record) in payload.chunks().zip(&batch.chunks) {
        writer.chunk(chunk, record.priority, batch.bytes(body, record.origin));
        for (span, record) in chunk.spans().zip(record.spans.of(&batch.spans)) {
            writer.span(span, record, batch, body);
        }
        writer.rest_of_chunk(chunk);
    }
    writer.out.out
}

/// Deepest nesting of values that is written.
const DEEPEST: usize = 512;

struct Encoder<'a, 'l> {
    out: Writer,
    indexes: HashMap<&'a [u8], u64>,
    losses: &'l mut Losses,
}

impl<'a> Encoder<'a, '_> {
    /// A string: text where it is used first, its index afterwards.
    #[inline]
    fn text(&mut self, text: &'a [u8]) {
        let next = self.indexes.len() as u64;
        let index = *self.indexes.entry(text).or_insert(next);
        if index == next { self.out.text(text) } else { self.out.unsigned(index) }
    }

    /// What a chunk says before its spans.
    fn chunk(&mut self, chunk: Chunk<'a>, priority: i32, origin: &'a [u8]) {
        let members = 2
            + usize::from(priority != NO_PRIORITY)
            + usize::from(!origin.is_empty())
            + usize::from(!chunk.attributes().is_empty())
            + usize::from(chunk.dropped())
            + usize::from(chunk.mechanism().is_some());
        self.out.map(members);
        if priority != NO_PRIORITY {
            self.out.unsigned(1);
            self.out.int(i64::from(priority));
        }
        if !origin.is_empty() {
            self.out.unsigned(2);
            self.text(origin);
        }
        if !chunk.attributes().is_empty() {
            self.out.unsigned(3);
            self.attributes(chunk.attributes(), 0);
        }
        self.out.unsigned(4);
        self.out.array(chunk.spans().len());
    }

    /// What it says after them.
    fn rest_of_chunk(&mut self, chunk: Chunk<'a>) {
        if chunk.dropped() {
            self.out.unsigned(5);
            self.out.bool(true);
        }
        self.out.unsigned(6);
        self.out.bin(&chunk.trace_id().0.to_be_bytes());
        if let Some(mechanism) = chunk.mechanism() {
            self.out.unsigned(7);
            self.out.unsigned(u64::from(mechanism));
        }
    }

    fn span(&mut self, span: Span<'a>, record: &SpanRecord, batch: &'a Batch, body: &'a [u8]) {
        let bytes = |text: StrRef| batch.bytes(body, text);
        let kind = KINDS.iter().position(|kind| *kind == record.kind).unwrap_or_default();
        let labels = [(1, record.service), (2, record.name), (3, record.resource)];
        let promoted = [(13, span.env()), (14, span.version()), (15, span.component())];
        let (links, events) = (span.links(), span.events());
        let members = labels.iter().filter(|(_, text)| !bytes(*text).is_empty()).count()
            + promoted.iter().filter(|(_, text)| !text.is_empty()).count()
            + 4
            + usize::from(record.parent_id != 0)
            + usize::from(record.error != 0)
            + usize::from(record.attributes.len > 0)
            + usize::from(!bytes(record.type_).is_empty())
            + usize::from(links.len() > 0)
            + usize::from(events.len() > 0);
        self.out.map(members);
        for (key, text) in labels {
            if !bytes(text).is_empty() {
                self.out.unsigned(key);
                self.text(bytes(text));
            }
        }
        self.out.unsigned(4);
        self.out.id(record.span_id);
        if record.parent_id != 0 {
            self.out.unsigned(5);
            self.out.id(record.parent_id);
        }
        self.out.unsigned(6);
        self.out.int(record.start);
        self.out.unsigned(7);
        self.out.int(record.duration);
        if record.error != 0 {
            self.out.unsigned(8);
            self.out.bool(true);
        }
        if record.attributes.len > 0 {
            self.out.unsigned(9);
            self.attributes(span.attributes(), 0);
        }
        if !bytes(record.type_).is_empty() {
            self.out.unsigned(10);
            self.text(bytes(record.type_));
        }
        if links.len() > 0 {
            self.out.unsigned(11);
            self.out.array(links.len());
            for link in links {
                let (attributes, tracestate) = (link.attributes(), link.tracestate());
                let optional = [!attributes.is_empty(), !tracestate.is_empty(), link.flags().is_some()];
                self.out.map(2 + optional.into_iter().filter(|there| *there).count());
                self.out.unsigned(1);
                self.out.bin(&link.trace_id().0.to_be_bytes());
                self.out.unsigned(2);
                self.out.id(link.span_id().0);
                if !attributes.is_empty() {
                    self.out.unsigned(3);
                    self.attributes(attributes, 0);
                }
                if !tracestate.is_empty() {
                    self.out.unsigned(4);
                    self.text(tracestate.as_bytes());
                }
                if let Some(flags) = link.flags() {
                    self.out.unsigned(5);
                    self.out.unsigned(u64::from(flags));
                }
            }
        }
        if events.len() > 0 {
            self.out.unsigned(12);
            self.out.array(events.len());
            for event in events {
                self.out.map(2 + usize::from(!event.attributes().is_empty()));
                self.out.unsigned(1);
                self.out.int(event.time().0);
                self.out.unsigned(2);
                self.text(event.name().as_bytes());
                if !event.attributes().is_empty() {
                    self.out.unsigned(3);
                    self.attributes(event.attributes(), 0);
                }
            }
        }
        for (key, text) in promoted {
            if !text.is_empty() {
                self.out.unsigned(key);
                self.text(text.as_bytes());
            }
        }
        self.out.unsigned(16);
        self.out.unsigned(kind as u64);
    }

    fn attributes(&mut self, attributes: Attributes<'a>, depth: usize) {
        self.out.array(3 * attributes.len());
        for (key, value) in attributes.iter() {
            self.text(key.as_bytes());
            self.value(value, depth);
        }
    }

    fn value(&mut self, value: Value<'a>, depth: usize) {
        match value {
            Value::Str(text) => {
                self.out.unsigned(1);
                self.text(text.as_bytes());
            }
            Value::Bool(value) => {
                self.out.unsigned(2);
                self.out.bool(value);
            }
            Value::Float(value) => {
                self.out.unsigned(3);
                self.out.float(value);
            }
            Value::Int(value) => {
                self.out.unsigned(4);
                self.out.int(value);
            }
            Value::Bytes(bytes) => {
                self.out.unsigned(5);
                self.out.bin(bytes);
            }
            Value::List(_) | Value::Map(_) if depth >= DEEPEST => {
                self.losses.add("values nested over 512 levels", 1);
                self.out.unsigned(6);
                self.out.array(0);
            }
            Value::List(values) => {
                self.out.unsigned(6);
                self.out.array(2 * values.iter().len());
                for value in values.iter() {
                    self.value(value, depth + 1);
                }
            }
            Value::Map(map) => {
                self.out.unsigned(7);
                self.attributes(map, depth + 1);
            }
        }
    }
}

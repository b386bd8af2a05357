//! Spans made by hand: owned values in, records of a [`Batch`] out, every text in the side text. For documents that are
//! read through a library (Jaeger, Zipkin, ...), for synthetic spans and for rewritten ones; the decoders of hot formats fill records
//! themselves.
//!
//! ```
//! use spanglass::id::{SpanId, TraceId};
//! use spanglass::trace::{Batch, ChunkDraft, SpanDraft};
//!
//! let mut batch = Batch::default();
//! batch.begin_chunk(&ChunkDraft::default());
//! batch.push(&SpanDraft { trace_id: TraceId(7), span_id: SpanId(8), name: "get".into(), ..SpanDraft::default() });
//! batch.finish();
//! let span = batch.view(&[]).spans().next().expect("one span");
//! assert_eq!((span.name(), span.span_id()), ("get", SpanId(8)));
//! ```

use super::batch::{
    AttributeRecord, Batch, ChunkRecord, EventRecord, ExtraRecord, Kind, LinkRecord, NO_PRIORITY, Range,
    ResourceRecord, ScopeRecord, SpanRecord,
};
use super::view::{
    Attributes, Chunk, Dialect, Dropped, Payload, Resource, Sender, Span, SpanEvent, SpanKind, SpanLink, SpanStatus,
    Value,
};
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};

/// The value of an attribute, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number, possibly not finite.
    Float(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<OwnedValue>),
    /// Keys with values.
    Map(Vec<(String, OwnedValue)>),
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Str(text) => OwnedValue::Str(text.to_owned()),
            Value::Bool(value) => OwnedValue::Bool(value),
            Value::Int(value) => OwnedValue::Int(value),
            Value::Float(value) => OwnedValue::Float(value),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
            Value::List(values) => OwnedValue::List(values.iter().map(Into::into).collect()),
            Value::Map(map) => OwnedValue::Map(owned(map)),
        }
    }
}

/// Attributes with their keys, owned.
fn owned(attributes: Attributes<'_>) -> Vec<(String, OwnedValue)> {
    attributes.iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// A span, owned. Fields as in [`Span`].
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SpanDraft {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_id: Option<SpanId>,
    pub service: String,
    pub name: String,
    pub resource: String,
    pub type_: String,
    pub kind: SpanKind,
    pub start: Timestamp,
    pub duration: Nanos,
    pub error: i16,
    pub attributes: Vec<(String, OwnedValue)>,
    pub links: Vec<LinkDraft>,
    pub events: Vec<EventDraft>,
    pub tracestate: String,
    pub status: SpanStatus,
    pub status_message: String,
    pub flags: Option<u32>,
    pub dropped: Dropped,
    pub env: String,
    pub version: String,
    pub component: String,
}

impl From<Span<'_>> for SpanDraft {
    fn from(span: Span<'_>) -> Self {
        SpanDraft {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            parent_id: span.parent_id(),
            service: span.service().to_owned(),
            name: span.name().to_owned(),
            resource: span.resource().to_owned(),
            type_: span.type_().to_owned(),
            kind: span.kind(),
            start: span.start(),
            duration: span.duration(),
            error: span.error_value(),
            attributes: owned(span.attributes()),
            links: span.links().map(Into::into).collect(),
            events: span.events().map(Into::into).collect(),
            tracestate: span.tracestate().to_owned(),
            status: span.status(),
            status_message: span.status_message().to_owned(),
            flags: span.flags(),
            dropped: span.dropped(),
            env: span.env().to_owned(),
            version: span.version().to_owned(),
            component: span.component().to_owned(),
        }
    }
}

/// A link, owned. Fields as in [`SpanLink`].
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct LinkDraft {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub flags: Option<u32>,
    pub tracestate: String,
    pub attributes: Vec<(String, OwnedValue)>,
    pub dropped: u32,
}

impl From<SpanLink<'_>> for LinkDraft {
    fn from(link: SpanLink<'_>) -> Self {
        LinkDraft {
            trace_id: link.trace_id(),
            span_id: link.span_id(),
            flags: link.flags(),
            tracestate: link.tracestate().to_owned(),
            attributes: owned(link.attributes()),
            dropped: link.dropped(),
        }
    }
}

/// An event, owned. Fields as in [`SpanEvent`].
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct EventDraft {
    pub time: Timestamp,
    pub name: String,
    pub attributes: Vec<(String, OwnedValue)>,
    pub dropped: u32,
}

impl From<SpanEvent<'_>> for EventDraft {
    fn from(event: SpanEvent<'_>) -> Self {
        EventDraft {
            time: event.time(),
            name: event.name().to_owned(),
            attributes: owned(event.attributes()),
            dropped: event.dropped(),
        }
    }
}

/// What a chunk says beside its spans. Fields as in [`Chunk`].
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ChunkDraft {
    pub priority: Option<i32>,
    pub origin: String,
    pub attributes: Vec<(String, OwnedValue)>,
    /// Number of its resource, as [`Batch::push_resource`] returned it.
    pub resource: Option<usize>,
    pub scope_name: String,
    pub scope_version: String,
    pub scope_schema_url: String,
    pub scope_dropped: u32,
    pub mechanism: Option<u32>,
    pub dropped: bool,
    pub trace_id: TraceId,
}

impl From<Chunk<'_>> for ChunkDraft {
    fn from(chunk: Chunk<'_>) -> Self {
        ChunkDraft {
            priority: chunk.priority(),
            origin: chunk.origin().to_owned(),
            attributes: owned(chunk.attributes()),
            resource: chunk.resource_index(),
            scope_name: chunk.scope_name().to_owned(),
            scope_version: chunk.scope_version().to_owned(),
            scope_schema_url: chunk.scope_schema_url().to_owned(),
            scope_dropped: chunk.scope_dropped(),
            mechanism: chunk.mechanism(),
            dropped: chunk.dropped(),
            trace_id: chunk.trace_id(),
        }
    }
}

/// What a sender says about itself. Fields as in [`Resource`].
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ResourceDraft {
    /// By [`Sender`].
    pub sender: [String; Sender::ALL.len()],
    pub attributes: Vec<(String, OwnedValue)>,
    pub dropped: u32,
    pub schema_url: String,
}

impl From<Resource<'_>> for ResourceDraft {
    fn from(resource: Resource<'_>) -> Self {
        ResourceDraft {
            sender: Sender::ALL.map(|member| resource.sender(member).to_owned()),
            attributes: owned(resource.attributes()),
            dropped: resource.dropped(),
            schema_url: resource.schema_url().to_owned(),
        }
    }
}

impl Batch {
    /// Says whose rules the attributes of the spans follow; [`Dialect::Datadog`] unless said.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Takes a resource and returns its number, for [`ChunkDraft::resource`].
    pub fn push_resource(&mut self, resource: &ResourceDraft) -> usize {
        let record = ResourceRecord {
            sender: std::array::from_fn(|member| self.intern(&resource.sender[member])),
            attributes: self.push_owned_nested(&resource.attributes),
            dropped: resource.dropped,
            schema_url: self.intern(&resource.schema_url),
        };
        self.resources.push(record);
        self.resources.len() - 1
    }

    /// Opens the chunk that the next spans belong to.
    pub fn begin_chunk(&mut self, chunk: &ChunkDraft) {
        let record = ChunkRecord {
            spans: Range::new(self.spans.len(), self.spans.len()),
            priority: chunk.priority.unwrap_or(NO_PRIORITY),
            origin: self.intern(&chunk.origin),
            offset: 0,
            attributes: self.push_owned_nested(&chunk.attributes),
            resource: chunk.resource.map_or(0, |number| number as u32 + 1),
            scope: ScopeRecord {
                name: self.intern(&chunk.scope_name),
                version: self.intern(&chunk.scope_version),
                schema_url: self.intern(&chunk.scope_schema_url),
                dropped: chunk.scope_dropped,
            },
            mechanism: chunk.mechanism,
            dropped: chunk.dropped,
            trace_high: chunk.trace_id.high(),
            trace_low: chunk.trace_id.low(),
        };
        self.chunks.push(record);
    }

    /// Appends a span to the open chunk; without one, a plain chunk is opened.
    pub fn push(&mut self, span: &SpanDraft) {
        if self.chunks.is_empty() {
            self.begin_chunk(&ChunkDraft::default());
        }
        let first = self.attributes.len();
        for (key, value) in &span.attributes {
            let record = self.owned_record(key, value);
            self.attributes.push(record);
        }
        let attributes = Range::new(first, self.attributes.len());
        let extra = self.push_owned_extra(span);
        let record = SpanRecord {
            trace_high: span.trace_id.high(),
            trace_low: span.trace_id.low(),
            span_id: span.span_id.0,
            parent_id: span.parent_id.map_or(0, |id| id.0),
            start: span.start.0,
            duration: span.duration.0,
            service: self.intern(&span.service),
            name: self.intern(&span.name),
            resource: self.intern(&span.resource),
            type_: self.intern(&span.type_),
            attributes,
            extra,
            chunk: self.chunks.len() as u32 - 1,
            offset: 0,
            kind: span.kind,
            error: span.error,
        };
        self.spans.push(record);
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.spans.len += 1;
        }
    }

    /// Appends everything of a payload, behind what is there.
    pub fn append(&mut self, payload: Payload<'_>) {
        self.append_where(payload, |_| true);
    }

    /// The same with the spans that are wanted, and the chunks that have any.
    pub fn append_where(&mut self, payload: Payload<'_>, wanted: impl Fn(Span<'_>) -> bool) {
        self.dialect = payload.dialect();
        let first = self.resources.len();
        for resource in payload.resources() {
            self.push_resource(&resource.into());
        }
        for chunk in payload.chunks() {
            let mut spans = chunk.spans().filter(|span| wanted(*span)).peekable();
            if spans.peek().is_none() && chunk.spans().len() > 0 {
                continue;
            }
            let mut draft = ChunkDraft::from(chunk);
            draft.resource = draft.resource.map(|number| first + number);
            self.begin_chunk(&draft);
            spans.for_each(|span| self.push(&span.into()));
        }
    }

    /// Marks the batch as complete, once everything is in it.
    pub fn finish(&mut self) {
        self.complete = true;
    }

    /// The row of what few spans have, plus one; 0 when the span has nothing of it.
    fn push_owned_extra(&mut self, span: &SpanDraft) -> u32 {
        let first_link = self.links.len();
        for link in &span.links {
            let record = LinkRecord {
                trace_high: link.trace_id.high(),
                trace_low: link.trace_id.low(),
                span_id: link.span_id.0,
                attributes: self.push_owned_nested(&link.attributes),
                tracestate: self.intern(&link.tracestate),
                flags: link.flags,
                dropped: link.dropped,
            };
            self.links.push(record);
        }
        let first_event = self.events.len();
        for event in &span.events {
            let record = EventRecord {
                time: event.time.0,
                name: self.intern(&event.name),
                attributes: self.push_owned_nested(&event.attributes),
                dropped: event.dropped,
            };
            self.events.push(record);
        }
        let texts = [&span.tracestate, &span.status_message, &span.env, &span.version, &span.component];
        let plain = span.links.is_empty()
            && span.events.is_empty()
            && texts.into_iter().all(|text| text.is_empty())
            && (span.status, span.flags, span.dropped) == Default::default();
        if plain {
            return 0;
        }
        let record = ExtraRecord {
            links: Range::new(first_link, self.links.len()),
            events: Range::new(first_event, self.events.len()),
            tracestate: self.intern(&span.tracestate),
            status: span.status,
            status_message: self.intern(&span.status_message),
            flags: span.flags,
            dropped: span.dropped,
            env: self.intern(&span.env),
            version: self.intern(&span.version),
            component: self.intern(&span.component),
        };
        self.extras.push(record);
        self.extras.len() as u32
    }

    fn push_owned_nested(&mut self, attributes: &[(String, OwnedValue)]) -> Range {
        let records: Vec<_> = attributes.iter().map(|(key, value)| self.owned_record(key, value)).collect();
        self.push_nested(&records)
    }

    fn owned_record(&mut self, key: &str, value: &OwnedValue) -> AttributeRecord {
        let key = self.intern(key);
        let (kind, bits) = match value {
            OwnedValue::Str(text) => (Kind::Str, self.intern(text).bits()),
            OwnedValue::Bool(value) => (Kind::Bool, u64::from(*value)),
            OwnedValue::Int(value) => (Kind::Int, *value as u64),
            OwnedValue::Float(value) => (Kind::Float, value.to_bits()),
            OwnedValue::Bytes(bytes) => (Kind::Bytes, self.intern_bytes(bytes).bits()),
            OwnedValue::List(values) => {
                let records: Vec<_> = values.iter().map(|value| self.owned_record("", value)).collect();
                (Kind::List, self.push_nested(&records).bits())
            }
            OwnedValue::Map(entries) => (Kind::Map, self.push_owned_nested(entries).bits()),
        };
        AttributeRecord::new(key, kind, bits)
    }

    /// Appends the entries of a list or map and returns where they stand.
    pub(crate) fn push_nested(&mut self, entries: &[AttributeRecord]) -> Range {
        let start = self.nested.len();
        self.nested.extend_from_slice(entries);
        Range::new(start, self.nested.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_seen() {
        let nested = || {
            vec![
                ("list".to_owned(), OwnedValue::List(vec![OwnedValue::Int(-1), OwnedValue::List(vec![])])),
                ("map".to_owned(), OwnedValue::Map(vec![("raw".to_owned(), OwnedValue::Bytes(vec![0xff]))])),
                ("ratio".to_owned(), OwnedValue::Float(0.5)),
                ("hit".to_owned(), OwnedValue::Bool(true)),
            ]
        };
        let resource = ResourceDraft {
            sender: Sender::ALL.map(|member| member.name().to_owned()),
            attributes: nested(),
            dropped: 3,
            schema_url: "https://schema".into(),
        };
        let chunk = ChunkDraft {
            priority: Some(-1),
            origin: "rum".into(),
            attributes: nested(),
            resource: Some(0),
            scope_name: "scope".into(),
            scope_version: "1".into(),
            scope_schema_url: "s".into(),
            scope_dropped: 2,
            mechanism: Some(4),
            dropped: true,
            trace_id: TraceId(1 << 70),
        };
        let span = SpanDraft {
            trace_id: TraceId((1 << 70) | 5),
            span_id: SpanId(6),
            parent_id: Some(SpanId(7)),
            service: "s".into(),
            name: "n".into(),
            resource: "r".into(),
            type_: "t".into(),
            kind: SpanKind::Client,
            start: Timestamp(9),
            duration: Nanos(-4),
            error: 1,
            attributes: nested(),
            links: vec![LinkDraft { trace_id: TraceId(2), flags: Some(1), attributes: nested(), ..Default::default() }],
            events: vec![EventDraft { name: "e".into(), attributes: nested(), dropped: 8, ..Default::default() }],
            tracestate: "dd=s:1".into(),
            status: SpanStatus::Error,
            status_message: "no".into(),
            flags: Some(257),
            dropped: Dropped { attributes: 1, events: 2, links: 3 },
            env: "prod".into(),
            version: "2".into(),
            component: "net".into(),
        };
        let mut batch = Batch::default();
        batch.set_dialect(Dialect::V1);
        assert_eq!(batch.push_resource(&resource), 0);
        batch.begin_chunk(&chunk);
        batch.push(&span);
        batch.push(&SpanDraft::default());
        batch.finish();
        let payload = batch.view(&[]);
        let seen: Vec<SpanDraft> = payload.spans().map(Into::into).collect();
        assert_eq!(seen, [span, SpanDraft::default()]);
        assert_eq!(payload.chunks().map(ChunkDraft::from).collect::<Vec<_>>(), [chunk]);
        assert_eq!(payload.resources().map(ResourceDraft::from).collect::<Vec<_>>(), [resource]);
        assert_eq!(payload.chunks().map(|chunk| chunk.spans().len()).collect::<Vec<_>>(), [2]);
        assert!(payload.complete() && payload.dialect() == Dialect::V1);
        let mut twice = Batch::default();
        twice.append(payload);
        twice.append(payload);
        let payload = twice.view(&[]);
        assert_eq!(payload.chunks().map(|chunk| chunk.resource_index()).collect::<Vec<_>>(), [Some(0), Some(1)]);
        assert_eq!(payload.spans().map(SpanDraft::from).collect::<Vec<_>>()[2..], seen[..]);
    }
}

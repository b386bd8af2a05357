//! Views of a [`Batch`]: what the rest of the program sees. All `Copy`, all cheap.

use super::batch::{
    AttributeRecord, Batch, ChunkRecord, EventRecord, ExtraRecord, Kind, LinkRecord, NO_PRIORITY, Range,
    ResourceRecord, SpanRecord, StrRef,
};
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use std::str::from_utf8;

/// The role of a span, as OpenTelemetry names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Not said.
    #[default]
    Unspecified,
    /// Work inside a process.
    Internal,
    /// Handling of a request from outside.
    Server,
    /// A request to another process.
    Client,
    /// A message handed to a queue or topic.
    Producer,
    /// Handling of such a message.
    Consumer,
}

impl SpanKind {
    /// The lower-case word of the `span.kind` tag; `None` when unspecified.
    pub fn word(self) -> Option<&'static str> {
        Some(match self {
            SpanKind::Unspecified => return None,
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        })
    }

    /// Reads the word of the `span.kind` tag.
    pub fn from_word(word: &[u8]) -> Option<SpanKind> {
        Some(match word {
            b"internal" => SpanKind::Internal,
            b"server" => SpanKind::Server,
            b"client" => SpanKind::Client,
            b"producer" => SpanKind::Producer,
            b"consumer" => SpanKind::Consumer,
            _ => return None,
        })
    }
}

/// Whose rules the attributes of a payload follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Datadog up to v0.7: strings are `meta`, floats `metrics`, bytes `meta_struct`; no other types.
    #[default]
    Datadog,
    /// Datadog v1.0: typed attributes; env, version, component and kind stand beside them.
    V1,
    /// OpenTelemetry: typed attributes, resource and scope.
    Otlp,
}

/// OpenTelemetry's status of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStatus {
    /// Not said.
    #[default]
    Unset,
    /// Said to be good.
    Ok,
    /// Failed.
    Error,
}

/// How many of each its sender left out (OTLP).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Attributes.
    pub attributes: u32,
    /// Events.
    pub events: u32,
    /// Links.
    pub links: u32,
}

/// Members of a v0.7 or v1.0 payload, which say who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Sender {
    /// Container that the tracer ran in.
    ContainerId,
    /// Language of the tracer.
    Language,
    /// Version of the language.
    LanguageVersion,
    /// Version of the tracer.
    TracerVersion,
    /// Id of the running process, a UUID.
    RuntimeId,
    /// Environment of the application.
    Env,
    /// Host it ran on.
    Hostname,
    /// Version of the application.
    AppVersion,
    /// Further words about the container (v0.7 only).
    ContainerDebug,
}

impl Sender {
    /// All of them, in their order of number.
    pub const ALL: [Sender; 9] = [
        Sender::ContainerId,
        Sender::Language,
        Sender::LanguageVersion,
        Sender::TracerVersion,
        Sender::RuntimeId,
        Sender::Env,
        Sender::Hostname,
        Sender::AppVersion,
        Sender::ContainerDebug,
    ];

    /// Its name in a v0.7 payload.
    pub fn name(self) -> &'static str {
        match self {
            Sender::ContainerId => "container_id",
            Sender::Language => "language_name",
            Sender::LanguageVersion => "language_version",
            Sender::TracerVersion => "tracer_version",
            Sender::RuntimeId => "runtime_id",
            Sender::Env => "env",
            Sender::Hostname => "hostname",
            Sender::AppVersion => "app_version",
            Sender::ContainerDebug => "container_debug",
        }
    }
}

/// One decoded body.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'b> {
    batch: &'b Batch,
    body: &'b [u8],
}

impl<'b> Payload<'b> {
    pub(super) fn new(batch: &'b Batch, body: &'b [u8]) -> Self {
        Payload { batch, body }
    }

    /// The chunks in wire order. A chunk is what one tracer flushed together.
    pub fn chunks(self) -> impl ExactSizeIterator<Item = Chunk<'b>> {
        self.batch.chunks.iter().map(move |record| Chunk { payload: self, record })
    }

    /// The spans in wire order.
    pub fn spans(self) -> impl ExactSizeIterator<Item = Span<'b>> {
        self.batch.spans.iter().map(move |record| Span { payload: self, record })
    }

    /// The span at `index` in wire order.
    #[inline]
    pub fn span(self, index: usize) -> Option<Span<'b>> {
        self.batch.spans.get(index).map(|record| Span { payload: self, record })
    }

    /// False when the body broke off: what was complete before that is here.
    pub fn complete(self) -> bool {
        self.batch.complete
    }

    /// Whose rules its attributes follow.
    pub fn dialect(self) -> Dialect {
        self.batch.dialect
    }

    /// What its senders said about themselves, in wire order: one for v0.7 and v1.0, one per ResourceSpans for OTLP.
    pub fn resources(self) -> impl ExactSizeIterator<Item = Resource<'b>> {
        self.batch.resources.iter().map(move |record| Resource { payload: self, record })
    }

    /// The body that the spans refer to.
    pub fn body(self) -> &'b [u8] {
        self.body
    }

    /// The records, for encoders.
    pub(crate) fn batch(self) -> &'b Batch {
        self.batch
    }

    #[inline]
    fn bytes(self, text: StrRef) -> &'b [u8] {
        self.batch.bytes(self.body, text)
    }

    #[inline]
    fn text(self, text: StrRef) -> &'b str {
        from_utf8(self.bytes(text)).unwrap_or_default()
    }

    fn attributes(self, range: Range, nested: bool) -> Attributes<'b> {
        let all = if nested { &self.batch.nested } else { &self.batch.attributes };
        Attributes { payload: self, records: range.of(all) }
    }
}

/// Spans of one trace that one tracer flushed together.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'b> {
    payload: Payload<'b>,
    record: &'b ChunkRecord,
}

impl<'b> Chunk<'b> {
    /// Its spans in wire order.
    pub fn spans(self) -> impl ExactSizeIterator<Item = Span<'b>> {
        let payload = self.payload;
        self.record.spans.of(&payload.batch.spans).iter().map(move |record| Span { payload, record })
    }

    /// The sampling priority, from the chunk or its spans' `_sampling_priority_v1`.
    pub fn priority(self) -> Option<i32> {
        Some(self.record.priority).filter(|p| *p != NO_PRIORITY)
    }

    /// The origin (`synthetics`, `rum`, ...), empty when there is none.
    pub fn origin(self) -> &'b str {
        self.payload.text(self.record.origin)
    }

    /// Byte of the body where the chunk begins.
    pub fn offset(self) -> usize {
        self.record.offset as usize
    }

    /// Tags of a v0.7 chunk, attributes of a v1.0 chunk or of an OTLP scope; empty for other protocols.
    pub fn attributes(self) -> Attributes<'b> {
        self.payload.attributes(self.record.attributes, true)
    }

    /// What its sender said about itself; `None` for protocols without such a part.
    pub fn resource(self) -> Option<Resource<'b>> {
        let row = (self.record.resource as usize).checked_sub(1)?;
        self.payload.batch.resources.get(row).map(|record| Resource { payload: self.payload, record })
    }

    /// Number of its resource among [`Payload::resources`], from 0.
    pub fn resource_index(self) -> Option<usize> {
        (self.record.resource as usize).checked_sub(1)
    }

    /// Name of the instrumentation scope (OTLP).
    pub fn scope_name(self) -> &'b str {
        self.payload.text(self.record.scope.name)
    }

    /// Version of the instrumentation scope (OTLP).
    pub fn scope_version(self) -> &'b str {
        self.payload.text(self.record.scope.version)
    }

    /// Schema of the scope's spans (OTLP).
    pub fn scope_schema_url(self) -> &'b str {
        self.payload.text(self.record.scope.schema_url)
    }

    /// Attributes of the scope that the sender left out (OTLP).
    pub fn scope_dropped(self) -> u32 {
        self.record.scope.dropped
    }

    /// How the sampling decision was made, the number of `_dd.p.dm` without its sign (v1.0).
    pub fn mechanism(self) -> Option<u32> {
        self.record.mechanism
    }

    /// Whether the tracer had decided to drop this trace (v0.7, v1.0).
    pub fn dropped(self) -> bool {
        self.record.dropped
    }

    /// The trace id that a v1.0 chunk says for all of its spans; zero for other protocols.
    pub fn trace_id(self) -> TraceId {
        TraceId::from_halves(self.record.trace_high, self.record.trace_low)
    }
}

/// What a sender said about itself.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'b> {
    payload: Payload<'b>,
    record: &'b ResourceRecord,
}

impl<'b> Resource<'b> {
    /// Attributes of an OTLP resource, tags of a v0.7 payload, attributes of a v1.0 payload.
    pub fn attributes(self) -> Attributes<'b> {
        self.payload.attributes(self.record.attributes, true)
    }

    /// A member of a v0.7 or v1.0 payload; empty when absent.
    pub fn sender(self, member: Sender) -> &'b str {
        self.payload.text(self.record.sender[member as usize])
    }

    /// Attributes that the sender left out (OTLP).
    pub fn dropped(self) -> u32 {
        self.record.dropped
    }

    /// Schema of the resource (OTLP).
    pub fn schema_url(self) -> &'b str {
        self.payload.text(self.record.schema_url)
    }
}

/// One span.
#[derive(Clone, Copy, Debug)]
pub struct Span<'b> {
    payload: Payload<'b>,
    record: &'b SpanRecord,
}

impl<'b> Span<'b> {
    /// The 128-bit trace id; the high half is 0 when nobody said it.
    #[inline]
    pub fn trace_id(self) -> TraceId {
        TraceId::from_halves(self.record.trace_high, self.record.trace_low)
    }

    /// Its own id.
    #[inline]
    pub fn span_id(self) -> SpanId {
        SpanId(self.record.span_id)
    }

    /// The parent's id; `None` for a root (absent or zero on the wire).
    #[inline]
    pub fn parent_id(self) -> Option<SpanId> {
        (self.record.parent_id != 0).then_some(SpanId(self.record.parent_id))
    }

    /// The service it ran in.
    #[inline]
    pub fn service(self) -> &'b str {
        self.payload.text(self.record.service)
    }

    /// The operation name.
    #[inline]
    pub fn name(self) -> &'b str {
        self.payload.text(self.record.name)
    }

    /// The resource (route, statement, ...); equals the name for OTLP.
    #[inline]
    pub fn resource(self) -> &'b str {
        self.payload.text(self.record.resource)
    }

    /// The UTF-8 bytes of the service: for writers of many spans, which need no second check.
    #[inline]
    pub fn service_bytes(self) -> &'b [u8] {
        self.payload.bytes(self.record.service)
    }

    /// The UTF-8 bytes of the name.
    #[inline]
    pub fn name_bytes(self) -> &'b [u8] {
        self.payload.bytes(self.record.name)
    }

    /// The UTF-8 bytes of the resource.
    #[inline]
    pub fn resource_bytes(self) -> &'b [u8] {
        self.payload.bytes(self.record.resource)
    }

    /// Datadog's span type (`web`, `sql`, ...); empty when there is none.
    pub fn type_(self) -> &'b str {
        self.payload.text(self.record.type_)
    }

    /// The role of the span.
    pub fn kind(self) -> SpanKind {
        self.record.kind
    }

    /// When it began.
    #[inline]
    pub fn start(self) -> Timestamp {
        Timestamp(self.record.start)
    }

    /// How long it took, as received: may be negative.
    #[inline]
    pub fn duration(self) -> Nanos {
        Nanos(self.record.duration)
    }

    /// When it ended; a negative duration counts as none.
    #[inline]
    pub fn end(self) -> Timestamp {
        self.start() + Nanos(self.record.duration.max(0))
    }

    /// Whether the sender marked it as failed.
    #[inline]
    pub fn error(self) -> bool {
        self.record.error != 0
    }

    /// The error field as received, clipped to 16 bits.
    pub fn error_value(self) -> i16 {
        self.record.error
    }

    /// Its attributes: meta, metrics and meta_struct of the Datadog protocols in wire order, told apart by the
    /// type of their value.
    pub fn attributes(self) -> Attributes<'b> {
        self.payload.attributes(self.record.attributes, false)
    }

    /// Whose rules its attributes follow.
    pub fn dialect(self) -> Dialect {
        self.payload.dialect()
    }

    /// The chunk it came in.
    pub fn chunk(self) -> Option<Chunk<'b>> {
        let record = self.payload.batch.chunks.get(self.record.chunk as usize)?;
        Some(Chunk { payload: self.payload, record })
    }

    /// Number of the chunk it came in, from 0.
    pub fn chunk_index(self) -> usize {
        self.record.chunk as usize
    }

    /// Byte of the body where it begins.
    pub fn offset(self) -> usize {
        self.record.offset as usize
    }

    fn extra(self) -> ExtraRecord {
        (self.record.extra as usize)
            .checked_sub(1)
            .and_then(|row| self.payload.batch.extras.get(row))
            .copied()
            .unwrap_or_default()
    }

    /// The W3C tracestate of its own context (OTLP); empty when there is none.
    pub fn tracestate(self) -> &'b str {
        self.payload.text(self.extra().tracestate)
    }

    /// OpenTelemetry's status; [`SpanStatus::Unset`] for other protocols.
    pub fn status(self) -> SpanStatus {
        self.extra().status
    }

    /// The message of the status (OTLP).
    pub fn status_message(self) -> &'b str {
        self.payload.text(self.extra().status_message)
    }

    /// OTLP's flags as received: W3C flags in the low 8 bits, 0x100 and 0x200 about a remote parent.
    pub fn flags(self) -> Option<u32> {
        self.extra().flags
    }

    /// What its sender left out (OTLP).
    pub fn dropped(self) -> Dropped {
        self.extra().dropped
    }

    /// v1.0's env beside the attributes; elsewhere the tag `env` says it.
    pub fn env(self) -> &'b str {
        self.payload.text(self.extra().env)
    }

    /// v1.0's version beside the attributes.
    pub fn version(self) -> &'b str {
        self.payload.text(self.extra().version)
    }

    /// v1.0's component beside the attributes.
    pub fn component(self) -> &'b str {
        self.payload.text(self.extra().component)
    }

    /// Links to other spans, those carried as a JSON tag included.
    pub fn links(self) -> impl ExactSizeIterator<Item = SpanLink<'b>> {
        let payload = self.payload;
        self.extra().links.of(&payload.batch.links).iter().map(move |record| SpanLink { payload, record })
    }

    /// Events of the span, those carried as a JSON tag included.
    pub fn events(self) -> impl ExactSizeIterator<Item = SpanEvent<'b>> {
        let payload = self.payload;
        self.extra().events.of(&payload.batch.events).iter().map(move |record| SpanEvent { payload, record })
    }
}

/// A link to another span.
#[derive(Clone, Copy, Debug)]
pub struct SpanLink<'b> {
    payload: Payload<'b>,
    record: &'b LinkRecord,
}

impl<'b> SpanLink<'b> {
    /// Trace of the linked span.
    pub fn trace_id(self) -> TraceId {
        TraceId::from_halves(self.record.trace_high, self.record.trace_low)
    }

    /// The linked span.
    pub fn span_id(self) -> SpanId {
        SpanId(self.record.span_id)
    }

    /// Flags as received; Datadog sets bit 31 to say that they are meant.
    pub fn flags(self) -> Option<u32> {
        self.record.flags
    }

    /// The W3C tracestate of the linked context; empty when there is none.
    pub fn tracestate(self) -> &'b str {
        self.payload.text(self.record.tracestate)
    }

    /// Attributes of the link.
    pub fn attributes(self) -> Attributes<'b> {
        self.payload.attributes(self.record.attributes, true)
    }

    /// Attributes that the sender left out (OTLP).
    pub fn dropped(self) -> u32 {
        self.record.dropped
    }
}

/// Something that happened at one moment within a span.
#[derive(Clone, Copy, Debug)]
pub struct SpanEvent<'b> {
    payload: Payload<'b>,
    record: &'b EventRecord,
}

impl<'b> SpanEvent<'b> {
    /// When.
    pub fn time(self) -> Timestamp {
        Timestamp(self.record.time)
    }

    /// What.
    pub fn name(self) -> &'b str {
        self.payload.text(self.record.name)
    }

    /// Attributes of the event.
    pub fn attributes(self) -> Attributes<'b> {
        self.payload.attributes(self.record.attributes, true)
    }

    /// Attributes that the sender left out (OTLP).
    pub fn dropped(self) -> u32 {
        self.record.dropped
    }
}

/// Keys with typed values, in wire order. The same key may stand twice; the last one counts.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'b> {
    payload: Payload<'b>,
    records: &'b [AttributeRecord],
}

impl<'b> Attributes<'b> {
    /// How many, repeated keys included.
    pub fn len(self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.records.is_empty()
    }

    /// All of them, in wire order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = (&'b str, Value<'b>)> + ExactSizeIterator {
        let payload = self.payload;
        self.records.iter().map(move |record| (payload.text(record.key()), Value::of(payload, *record)))
    }

    /// The value of `key`; the last one when it stands twice.
    pub fn get(self, key: &str) -> Option<Value<'b>> {
        self.records
            .iter()
            .rev()
            .find(|record| self.payload.bytes(record.key()) == key.as_bytes())
            .map(|record| Value::of(self.payload, *record))
    }

    /// The value of `key` when it is a string.
    pub fn text(self, key: &str) -> Option<&'b str> {
        self.records
            .iter()
            .rev()
            .find(|record| record.kind() == Kind::Str && self.payload.bytes(record.key()) == key.as_bytes())
            .map(|record| self.payload.text(StrRef::from_bits(record.bits)))
    }
}

/// The value of an attribute. For the Datadog protocols up to v0.7 a string is a tag (`meta`), a float a metric,
/// bytes a `meta_struct` document.
#[derive(Clone, Copy, Debug)]
pub enum Value<'b> {
    /// Text.
    Str(&'b str),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number, possibly not finite.
    Float(f64),
    /// Bytes.
    Bytes(&'b [u8]),
    /// Values in order.
    List(Values<'b>),
    /// Keys with values.
    Map(Attributes<'b>),
}

impl<'b> Value<'b> {
    fn of(payload: Payload<'b>, record: AttributeRecord) -> Self {
        let nested = || {
            let text = record.bits;
            payload.attributes(Range { start: (text >> 32) as u32, len: text as u32 }, true)
        };
        match record.kind() {
            Kind::Str => Value::Str(payload.text(StrRef::from_bits(record.bits))),
            Kind::Bool => Value::Bool(record.bits != 0),
            Kind::Int => Value::Int(record.bits as i64),
            Kind::Float => Value::Float(f64::from_bits(record.bits)),
            Kind::Bytes => Value::Bytes(payload.bytes(StrRef::from_bits(record.bits))),
            Kind::List => Value::List(Values(nested())),
            Kind::Map => Value::Map(nested()),
        }
    }
}

/// The values of a list, in order.
#[derive(Clone, Copy, Debug)]
pub struct Values<'b>(Attributes<'b>);

impl<'b> Values<'b> {
    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Value<'b>> {
        self.0.iter().map(|(_, value)| value)
    }
}

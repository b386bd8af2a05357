//! Writing OTLP: the messages of opentelemetry-proto, as protobuf, as JSON or in a gRPC frame.
//!
//! ```text
//! POST /v1/traces                     Content-Type: application/x-protobuf
//! POST /v1/traces                     Content-Type: application/json
//! POST /opentelemetry.proto.collector.trace.v1.TraceService/Export
//! ```
//! JSON is written here and not by the crate's serde: that has `null` for what is absent and for NaN.

use super::{Losses, Protocol, grpc};
use crate::http::Request;
use crate::trace::{
    Attributes, Chunk, Dropped, Payload, Resource as ResourceView, Span as SpanView, SpanEvent, SpanKind, SpanLink,
    SpanStatus, Value as Typed,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use serde_json::{Map, Value as Json, json};

/// Encodes a payload in the dialect of OTLP. `None` when its message is too large for a gRPC frame.
pub(super) fn request(protocol: Protocol, payload: Payload<'_>, losses: &mut Losses) -> Option<Request> {
    let message = message(payload, losses);
    let (path, content_type, body) = match protocol {
        Protocol::OtlpJson => ("/v1/traces", "application/json", serde_json::to_vec(&export_json(&message)).ok()?),
        Protocol::OtlpGrpc => (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "application/grpc",
            grpc::framed(&message.encode_to_vec())?,
        ),
        _ => ("/v1/traces", "application/x-protobuf", message.encode_to_vec()),
    };
    let mut request = Request { method: "POST".to_owned(), path: path.to_owned(), body, ..Request::default() };
    request.headers.push("Content-Type", content_type);
    if protocol == Protocol::OtlpGrpc {
        request.headers.push("te", "trailers");
    } else {
        request.headers.push("Content-Length", request.body.len().to_string());
    }
    request.headers.push("User-Agent", concat!("spanglass/", env!("CARGO_PKG_VERSION")));
    Some(request)
}

// ---- messages -----------------------------------------------------------------------------------------------

fn message(payload: Payload<'_>, losses: &mut Losses) -> ExportTraceServiceRequest {
    let mut resource_spans: Vec<ResourceSpans> = payload.resources().map(resource).collect();
    for chunk in payload.chunks() {
        let spans = scope_spans(chunk, losses);
        match chunk.resource_index().and_then(|index| resource_spans.get_mut(index)) {
            Some(place) => {
                name_service(place, chunk, losses);
                place.scope_spans.push(spans);
            }
            None => {
                let mut place = ResourceSpans { scope_spans: vec![spans], ..ResourceSpans::default() };
                name_service(&mut place, chunk, losses);
                resource_spans.push(place);
            }
        }
    }
    ExportTraceServiceRequest { resource_spans }
}

/// Spans made by hand say their service where OTLP has its resource say it.
fn name_service(place: &mut ResourceSpans, chunk: Chunk<'_>, losses: &mut Losses) {
    let known = place.resource.as_ref().and_then(|resource| {
        resource.attributes.iter().rev().find_map(|attribute| match attribute.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) if attribute.key == "service.name" => Some(text.clone()),
            _ => None,
        })
    });
    let service = match known {
        Some(service) => service,
        None => {
            let service = chunk.spans().map(SpanView::service).find(|service| !service.is_empty());
            let Some(service) = service.map(str::to_owned) else { return };
            let value = Some(AnyValue { value: Some(Value::StringValue(service.clone())) });
            let attribute = KeyValue { key: "service.name".to_owned(), value, ..KeyValue::default() };
            place.resource.get_or_insert_default().attributes.push(attribute);
            service
        }
    };
    losses.add(
        "services other than their resource's",
        chunk.spans().filter(|span| span.service() != service).count() as u64,
    );
}

fn resource(view: ResourceView<'_>) -> ResourceSpans {
    let resource = Resource {
        attributes: key_values(view.attributes()),
        dropped_attributes_count: view.dropped(),
        ..Resource::default()
    };
    ResourceSpans {
        resource: Some(resource).filter(|resource| *resource != Resource::default()),
        scope_spans: Vec::new(),
        schema_url: view.schema_url().to_owned(),
    }
}

fn scope_spans(chunk: Chunk<'_>, losses: &mut Losses) -> ScopeSpans {
    let scope = InstrumentationScope {
        name: chunk.scope_name().to_owned(),
        version: chunk.scope_version().to_owned(),
        attributes: key_values(chunk.attributes()),
        dropped_attributes_count: chunk.scope_dropped(),
    };
    ScopeSpans {
        scope: Some(scope).filter(|scope| *scope != InstrumentationScope::default()),
        spans: chunk.spans().map(|view| span(view, losses)).collect(),
        schema_url: chunk.scope_schema_url().to_owned(),
    }
}

fn span(view: SpanView<'_>, losses: &mut Losses) -> Span {
    losses
        .add("resources other than the name", u64::from(view.resource() != view.name() && !view.resource().is_empty()));
    losses.add("span types", u64::from(!view.type_().is_empty()));
    let Dropped { attributes, events, links } = view.dropped();
    let status = Status { message: view.status_message().to_owned(), code: status_code(view.status()) };
    // What was received is written, also an end before the start.
    let end = view.start().0.saturating_add(view.duration().0);
    Span {
        trace_id: view.trace_id().0.to_be_bytes().to_vec(),
        span_id: view.span_id().0.to_be_bytes().to_vec(),
        trace_state: view.tracestate().to_owned(),
        parent_span_id: view.parent_id().map(|id| id.0.to_be_bytes().to_vec()).unwrap_or_default(),
        flags: view.flags().unwrap_or_default(),
        name: view.name().to_owned(),
        kind: kind_number(view.kind()),
        start_time_unix_nano: time(view.start().0, losses),
        end_time_unix_nano: time(end, losses),
        attributes: key_values(view.attributes()),
        dropped_attributes_count: attributes,
        events: view.events().map(|view| event(view, losses)).collect(),
        dropped_events_count: events,
        links: view.links().map(link).collect(),
        dropped_links_count: links,
        status: Some(status).filter(|status| *status != Status::default()),
    }
}

fn time(time: i64, losses: &mut Losses) -> u64 {
    u64::try_from(time).unwrap_or_else(|_| {
        losses.add("times before 1970", 1);
        0
    })
}

fn kind_number(kind: SpanKind) -> i32 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status_code(status: SpanStatus) -> i32 {
    match status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    }
}

fn event(view: SpanEvent<'_>, losses: &mut Losses) -> Event {
    Event {
        time_unix_nano: time(view.time().0, losses),
        name: view.name().to_owned(),
        attributes: key_values(view.attributes()),
        dropped_attributes_count: view.dropped(),
    }
}

fn link(view: SpanLink<'_>) -> Link {
    Link {
        trace_id: view.trace_id().0.to_be_bytes().to_vec(),
        span_id: view.span_id().0.to_be_bytes().to_vec(),
        trace_state: view.tracestate().to_owned(),
        attributes: key_values(view.attributes()),
        dropped_attributes_count: view.dropped(),
        flags: view.flags().unwrap_or_default(),
    }
}

fn key_values(attributes: Attributes<'_>) -> Vec<KeyValue> {
    let entry = |(key, value): (&str, Typed<'_>)| KeyValue {
        key: key.to_owned(),
        value: Some(any_value(value)),
        ..KeyValue::default()
    };
    attributes.iter().map(entry).collect()
}

/// The decoders bound how deep values nest.
fn any_value(value: Typed<'_>) -> AnyValue {
    let value = match value {
        Typed::Str(text) => Value::StringValue(text.to_owned()),
        Typed::Bool(value) => Value::BoolValue(value),
        Typed::Int(value) => Value::IntValue(value),
        Typed::Float(value) => Value::DoubleValue(value),
        Typed::Bytes(bytes) => Value::BytesValue(bytes.to_vec()),
        Typed::List(values) => Value::ArrayValue(ArrayValue { values: values.iter().map(any_value).collect() }),
        Typed::Map(map) => Value::KvlistValue(KeyValueList { values: key_values(map) }),
    };
    AnyValue { value: Some(value) }
}

// ---- JSON ---------------------------------------------------------------------------------------------------

/// The members of an object, those left out that have their default.
#[derive(Default)]
struct Members(Map<String, Json>);

impl Members {
    fn any(mut self, name: &str, value: Json) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn text(self, name: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.any(name, text.into()) }
    }

    fn number(self, name: &str, number: u32) -> Self {
        if number == 0 { self } else { self.any(name, number.into()) }
    }

    fn list<T>(self, name: &str, items: &[T], item: impl Fn(&T) -> Json) -> Self {
        if items.is_empty() { self } else { self.any(name, items.iter().map(item).collect()) }
    }

    fn end(self) -> Json {
        Json::Object(self.0)
    }
}

fn export_json(request: &ExportTraceServiceRequest) -> Json {
    json!({"resourceSpans": request.resource_spans.iter().map(resource_spans_json).collect::<Vec<_>>()})
}

fn resource_spans_json(spans: &ResourceSpans) -> Json {
    let mut members = Members::default();
    if let Some(resource) = &spans.resource {
        let resource = Members::default()
            .list("attributes", &resource.attributes, key_value_json)
            .number("droppedAttributesCount", resource.dropped_attributes_count);
        members = members.any("resource", resource.end());
    }
    members
        .any("scopeSpans", spans.scope_spans.iter().map(scope_spans_json).collect())
        .text("schemaUrl", &spans.schema_url)
        .end()
}

fn scope_spans_json(spans: &ScopeSpans) -> Json {
    let mut members = Members::default();
    if let Some(scope) = &spans.scope {
        let scope = Members::default()
            .text("name", &scope.name)
            .text("version", &scope.version)
            .list("attributes", &scope.attributes, key_value_json)
            .number("droppedAttributesCount", scope.dropped_attributes_count);
        members = members.any("scope", scope.end());
    }
    members.any("spans", spans.spans.iter().map(span_json).collect()).text("schemaUrl", &spans.schema_url).end()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn span_json(span: &Span) -> Json {
    let mut members = Members::default()
        .any("traceId", hex(&span.trace_id).into())
        .any("spanId", hex(&span.span_id).into())
        .text("traceState", &span.trace_state)
        .text("parentSpanId", &hex(&span.parent_span_id))
        .number("flags", span.flags)
        .any("name", span.name.as_str().into())
        .any("kind", span.kind.into())
        .any("startTimeUnixNano", span.start_time_unix_nano.to_string().into())
        .any("endTimeUnixNano", span.end_time_unix_nano.to_string().into())
        .list("attributes", &span.attributes, key_value_json)
        .number("droppedAttributesCount", span.dropped_attributes_count)
        .list("events", &span.events, event_json)
        .number("droppedEventsCount", span.dropped_events_count)
        .list("links", &span.links, link_json)
        .number("droppedLinksCount", span.dropped_links_count);
    if let Some(status) = &span.status {
        let code = u32::try_from(status.code).unwrap_or_default();
        let status = Members::default().text("message", &status.message).number("code", code);
        members = members.any("status", status.end());
    }
    members.end()
}

fn event_json(event: &Event) -> Json {
    Members::default()
        .any("timeUnixNano", event.time_unix_nano.to_string().into())
        .any("name", event.name.as_str().into())
        .list("attributes", &event.attributes, key_value_json)
        .number("droppedAttributesCount", event.dropped_attributes_count)
        .end()
}

fn link_json(link: &Link) -> Json {
    Members::default()
        .any("traceId", hex(&link.trace_id).into())
        .any("spanId", hex(&link.span_id).into())
        .text("traceState", &link.trace_state)
        .list("attributes", &link.attributes, key_value_json)
        .number("droppedAttributesCount", link.dropped_attributes_count)
        .number("flags", link.flags)
        .end()
}

fn key_value_json(attribute: &KeyValue) -> Json {
    json!({"key": attribute.key, "value": attribute.value.as_ref().map_or(json!({}), any_value_json)})
}

fn any_value_json(value: &AnyValue) -> Json {
    match &value.value {
        Some(Value::StringValue(text)) => json!({"stringValue": text}),
        Some(Value::BoolValue(value)) => json!({"boolValue": value}),
        Some(Value::IntValue(value)) => json!({"intValue": value.to_string()}),
        Some(Value::DoubleValue(value)) => json!({"doubleValue": double_json(*value)}),
        Some(Value::BytesValue(bytes)) => json!({"bytesValue": STANDARD.encode(bytes)}),
        Some(Value::ArrayValue(list)) => {
            json!({"arrayValue": {"values": list.values.iter().map(any_value_json).collect::<Vec<_>>()}})
        }
        Some(Value::KvlistValue(map)) => {
            json!({"kvlistValue": {"values": map.values.iter().map(key_value_json).collect::<Vec<_>>()}})
        }
        _ => json!({}),
    }
}

fn double_json(value: f64) -> Json {
    match value {
        value if value.is_finite() => json!(value),
        value if value.is_nan() => "NaN".into(),
        value if value > 0.0 => "Infinity".into(),
        _ => "-Infinity".into(),
    }
}

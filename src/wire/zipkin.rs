//! Zipkin v2 JSON: a list of spans as senders post it, or a list of traces as the query API answers.
//!
//! ```json
//! [{"traceId": "0a", "id": "0b", "parentId": "0c", "kind": "SERVER", "name": "get /", "timestamp": 1700000000000000,
//!   "duration": 1500, "localEndpoint": {"serviceName": "web"}, "remoteEndpoint": {"serviceName": "db", "port": 5432},
//!   "annotations": [{"timestamp": 1700000000000100, "value": "cache miss"}], "tags": {"http.method": "GET"}}]
//! ```
//! Times are microseconds, as numbers or text, and may be missing. A server span with `shared` has the id of its client's
//! span: it is kept, with that id as its parent, and [`SHARED`] says so. A tag `error`, whatever its value, marks a failed span.

use super::documents::{self, Reader};
use super::{Losses, Options};
use crate::diagnostic::BodyScope;
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{
    Batch, ChunkDraft, Dialect, EventDraft, OwnedValue, Payload, ResourceDraft, Span, SpanDraft, SpanKind, SpanStatus,
    Value as Attribute,
};
use serde_json::{Map, Value, json};

/// Attribute of a server span that shares its id with the client's span.
pub const SHARED: &str = "zipkin.shared";

/// Decodes documents into `batch`, which is empty.
pub(super) fn payload(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let (values, whole) = documents::values(body, out);
    batch.set_dialect(Dialect::Otlp);
    let mut reader = Reader::new(batch, out, options);
    let mut resources = Vec::new();
    for value in &values {
        any(&mut reader, value, &mut resources);
    }
    let complete = whole && !reader.is_full();
    batch.complete = complete;
}

/// Services seen, each with its resource; the last one is that of the open chunk.
type Resources = Vec<(ResourceDraft, usize)>;

fn any(reader: &mut Reader<'_, '_>, value: &Value, resources: &mut Resources) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                reader.inside(format!("[{index}]"), |reader| any(reader, item, resources));
            }
        }
        Value::Object(members) => span(reader, members, resources),
        other => reader.wrong("a span of Zipkin", other),
    }
}

fn span(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, resources: &mut Resources) {
    let mut draft = SpanDraft {
        trace_id: TraceId(reader.hex(members, "traceId", 32)),
        span_id: SpanId(reader.hex(members, "id", 16) as u64),
        parent_id: Some(SpanId(reader.hex(members, "parentId", 16) as u64)).filter(|id| id.0 != 0),
        name: reader.text(members, "name"),
        start: Timestamp(micros(reader.integer(members, "timestamp"))),
        duration: Nanos(micros(reader.integer(members, "duration"))),
        ..SpanDraft::default()
    };
    draft.resource = draft.name.clone();
    match members.get("kind") {
        None | Some(Value::Null) => {}
        Some(kind) => match kind.as_str().map(str::to_ascii_lowercase) {
            Some(word) if SpanKind::from_word(word.as_bytes()).is_some() => {
                draft.kind = SpanKind::from_word(word.as_bytes()).unwrap_or_default();
            }
            _ => reader.inside("kind", |reader| reader.wrong("CLIENT, SERVER, PRODUCER or CONSUMER", kind)),
        },
    }
    let text = |value: &Value| match value {
        Value::String(text) => OwnedValue::Str(text.clone()),
        other => OwnedValue::Str(other.to_string()),
    };
    match members.get("tags") {
        None | Some(Value::Null) => {}
        Some(Value::Object(tags)) => {
            for (key, value) in tags {
                match (key.as_str(), value.as_str()) {
                    ("error", _) => failed(&mut draft, value),
                    ("otel.status_code", Some("OK")) => draft.status = SpanStatus::Ok,
                    ("otel.status_code", Some("ERROR")) => failed(&mut draft, &Value::Null),
                    ("otel.status_description", Some(message)) => draft.status_message = message.to_owned(),
                    ("span.kind", Some(word)) if SpanKind::from_word(word.as_bytes()).is_some() => {
                        draft.kind = SpanKind::from_word(word.as_bytes()).unwrap_or_default();
                    }
                    ("w3c.tracestate", Some(tracestate)) => draft.tracestate = tracestate.to_owned(),
                    _ => draft.attributes.push((key.clone(), text(value))),
                }
            }
        }
        Some(other) => reader.inside("tags", |reader| reader.wrong("an object of strings", other)),
    }
    let mut resource = ResourceDraft::default();
    if let Some(endpoint) = endpoint(reader, members, "localEndpoint") {
        draft.service = reader.text(endpoint, "serviceName");
        resource.attributes.push(("service.name".to_owned(), OwnedValue::Str(draft.service.clone())));
        resource.attributes.extend(address(endpoint, "net.host"));
    }
    if let Some(endpoint) = endpoint(reader, members, "remoteEndpoint") {
        let peer = reader.text(endpoint, "serviceName");
        if !peer.is_empty() {
            draft.attributes.push(("peer.service".to_owned(), OwnedValue::Str(peer)));
        }
        draft.attributes.extend(address(endpoint, "net.peer"));
    }
    if members.get("debug") == Some(&Value::Bool(true)) {
        draft.attributes.push(("zipkin.debug".to_owned(), OwnedValue::Bool(true)));
    }
    if members.get("shared") == Some(&Value::Bool(true)) {
        draft.attributes.push((SHARED.to_owned(), OwnedValue::Bool(true)));
        draft.parent_id = Some(draft.span_id);
    }
    annotations(reader, members, &mut draft);
    open_chunk(reader, resource, resources);
    reader.push(draft);
}

/// Marks the span as failed; the value of the tag is the message, unless it only says yes.
fn failed(draft: &mut SpanDraft, said: &Value) {
    draft.error = 1;
    draft.status = SpanStatus::Error;
    let message = said.as_str().unwrap_or_default();
    if !matches!(message, "" | "true") && draft.status_message.is_empty() {
        draft.status_message = message.to_owned();
    }
}

fn micros(value: Option<i64>) -> i64 {
    value.unwrap_or_default().saturating_mul(1000)
}

fn endpoint<'v>(
    reader: &mut Reader<'_, '_>,
    members: &'v Map<String, Value>,
    key: &str,
) -> Option<&'v Map<String, Value>> {
    let value = members.get(key).filter(|value| !value.is_null())?;
    reader.inside(key, |reader| reader.object(value))
}

/// Address and port of an endpoint as attributes.
fn address(endpoint: &Map<String, Value>, prefix: &str) -> Vec<(String, OwnedValue)> {
    let ip = ["ipv4", "ipv6"].iter().find_map(|key| endpoint.get(*key)?.as_str());
    let port = endpoint.get("port").and_then(Value::as_i64).filter(|port| *port != 0);
    let ip = ip.map(|ip| (format!("{prefix}.ip"), OwnedValue::Str(ip.to_owned())));
    ip.into_iter().chain(port.map(|port| (format!("{prefix}.port"), OwnedValue::Int(port)))).collect()
}

fn annotations(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, draft: &mut SpanDraft) {
    if !reader.keeps_all() {
        return;
    }
    for (index, value) in reader.list(members, "annotations").iter().enumerate() {
        reader.inside(format!("annotations[{index}]"), |reader| {
            let Some(annotation) = reader.object(value) else { return };
            let time = Timestamp(micros(reader.integer(annotation, "timestamp")));
            let text = reader.text(annotation, "value");
            let (name, attributes) = with_attributes(&text).unwrap_or((text.as_str(), Vec::new()));
            draft.events.push(EventDraft { time, name: name.to_owned(), attributes, ..EventDraft::default() });
        });
    }
}

/// OpenTelemetry's exporters write an event with attributes as `name: {json}`, or as `{"name": {json}}`.
fn with_attributes(text: &str) -> Option<(&str, Vec<(String, OwnedValue)>)> {
    let (name, json) = text.split_once(": {").filter(|_| text.ends_with('}'))?;
    let json = &text[text.len() - json.len() - 1..];
    let Ok(Value::Object(members)) = serde_json::from_str(json) else { return None };
    let attributes = members.iter().filter_map(|(key, value)| Some((key.clone(), documents::owned(value)?)));
    Some((name, attributes.collect()))
}

/// Opens a chunk for spans of `resource` unless one is open.
fn open_chunk(reader: &mut Reader<'_, '_>, resource: ResourceDraft, resources: &mut Resources) {
    if resources.last().is_some_and(|(last, _)| *last == resource) {
        return;
    }
    let known = resources.iter().position(|(known, _)| *known == resource);
    let entry = match known {
        Some(at) => resources.remove(at),
        None => {
            let number = reader.batch.push_resource(&resource);
            (resource, number)
        }
    };
    reader.batch.begin_chunk(&ChunkDraft { resource: Some(entry.1), ..ChunkDraft::default() });
    resources.push(entry);
}

/// Writes a payload as a list of spans.
pub(super) fn document(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let spans: Vec<Value> = payload.spans().map(|span| span_of(span, losses)).collect();
    Value::Array(spans).to_string().into_bytes()
}

/// A span as it stands in a document.
pub(super) fn span_of(span: Span<'_>, losses: &mut Losses) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("traceId", span.trace_id().to_string().into());
    put("id", span.span_id().to_string().into());
    let shared = matches!(span.attributes().get(SHARED), Some(Attribute::Bool(true)));
    if let Some(parent) = span.parent_id().filter(|_| !shared) {
        put("parentId", parent.to_string().into());
    }
    if shared {
        put("shared", true.into());
    }
    if !span.name().is_empty() {
        put("name", span.name().into());
    }
    match span.kind() {
        SpanKind::Unspecified => {}
        SpanKind::Internal => losses.add("the kind internal", 1),
        kind => {
            put("kind", kind.word().unwrap_or_default().to_ascii_uppercase().into());
        }
    }
    let inexact = span.start().0 % 1000 != 0 || span.duration().0 % 1000 != 0;
    losses.add("nanoseconds of start or duration", u64::from(inexact));
    if span.start().0 != 0 {
        put("timestamp", span.start().0.div_euclid(1000).into());
    }
    // Zipkin has no duration of zero; what took less than a microsecond took one.
    if span.duration().0 > 0 {
        put("duration", (span.duration().0 / 1000).max(1).into());
    } else {
        losses.add("durations that are not positive", u64::from(span.duration().0 < 0));
    }
    let mut tags = Map::new();
    let mut local = Map::new();
    let mut remote = Map::new();
    if !span.service().is_empty() {
        local.insert("serviceName".to_owned(), span.service().into());
    }
    let resource = span.chunk().and_then(|chunk| chunk.resource());
    if let Some(resource) = resource {
        for (key, value) in resource.attributes().iter().filter(|(key, _)| *key != "service.name") {
            place(key, value, "net.host", &mut local, &mut tags, losses);
        }
    }
    for (key, value) in span.attributes().iter() {
        match key {
            SHARED => {}
            "zipkin.debug" => {
                put("debug", true.into());
            }
            "peer.service" if matches!(value, Attribute::Str(_)) => {
                remote.insert("serviceName".to_owned(), documents::json(value));
            }
            _ => place(key, value, "net.peer", &mut remote, &mut tags, losses),
        }
    }
    for (name, endpoint) in [("localEndpoint", local), ("remoteEndpoint", remote)] {
        if !endpoint.is_empty() {
            put(name, endpoint.into());
        }
    }
    let annotations: Vec<Value> = span
        .events()
        .map(|event| {
            losses.add("nanoseconds of event times", u64::from(event.time().0 % 1000 != 0));
            let mut text = event.name().to_owned();
            if !event.attributes().is_empty() {
                text.push_str(": ");
                text.push_str(&documents::json(Attribute::Map(event.attributes())).to_string());
            }
            json!({"timestamp": event.time().0.div_euclid(1000), "value": text})
        })
        .collect();
    if !annotations.is_empty() {
        put("annotations", annotations.into());
    }
    let mut tell = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.insert(key.to_owned(), value.into());
        }
    };
    if span.error() {
        tell("error", if span.status_message().is_empty() { "true" } else { span.status_message() });
    } else {
        tell("otel.status_description", span.status_message());
    }
    tell("otel.status_code", if span.status() == SpanStatus::Ok { "OK" } else { "" });
    tell("w3c.tracestate", span.tracestate());
    if span.resource() != span.name() {
        tell("resource.name", span.resource());
    }
    tell("span.type", span.type_());
    if !tags.is_empty() {
        put("tags", tags.into());
    }
    losses.add("span links", span.links().len() as u64);
    let scoped = span.chunk().is_some_and(|chunk| !chunk.scope_name().is_empty() || !chunk.scope_version().is_empty());
    losses.add("instrumentation scopes", u64::from(scoped));
    losses.add("flags", u64::from(span.flags().is_some_and(|flags| flags != 0)));
    documents::lose_surroundings(span, losses);
    Value::Object(object)
}

/// Puts an attribute into an endpoint when it is its address or port, else among the tags, as text.
fn place(
    key: &str,
    value: Attribute<'_>,
    prefix: &str,
    endpoint: &mut Map<String, Value>,
    tags: &mut Map<String, Value>,
    losses: &mut Losses,
) {
    match (key.strip_prefix(prefix), value) {
        (Some(".ip"), Attribute::Str(ip)) => {
            let key = if ip.contains(':') { "ipv6" } else { "ipv4" };
            endpoint.insert(key.to_owned(), ip.into());
            return;
        }
        (Some(".port"), Attribute::Int(port)) if (1..=65535).contains(&port) => {
            endpoint.insert("port".to_owned(), port.into());
            return;
        }
        _ => {}
    }
    let text = match value {
        Attribute::Str(text) => text.to_owned(),
        other => {
            losses.add("types of attributes, written as text", 1);
            match other {
                Attribute::Float(value) => value.to_string(),
                other => documents::json(other).to_string(),
            }
        }
    };
    if tags.insert(key.to_owned(), text.into()).is_some() {
        losses.add("attributes whose key stands twice", 1);
    }
}

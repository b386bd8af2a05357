//! Jaeger's JSON: what its UI downloads, its query API answers and its storage holds.
//!
//! ```json
//! {"data": [{"traceID": "0a", "processes": {"p1": {"serviceName": "web", "tags": []}}, "spans": [
//!   {"traceID": "0a", "spanID": "0b", "operationName": "GET /", "startTime": 1700000000000000, "duration": 1500,
//!    "processID": "p1", "references": [{"refType": "CHILD_OF", "traceID": "0a", "spanID": "0c"}],
//!    "tags": [{"key": "span.kind", "type": "string", "value": "server"}], "logs": []}]}]}
//! ```
//! Times are microseconds. The parent is the first CHILD_OF of the same trace, else the first FOLLOWS_FROM of it, else
//! `parentSpanID`; other references are links. In storage form a span holds its `process`, and every value is text beside its type.
//! Tags that OpenTelemetry's translation makes out of members (`span.kind`, `error`, `otel.status_code`, ...) become members again.

use super::codes::WRONG_TYPE;
use super::documents::{self, Reader, is_text};
use super::{Losses, Options};
use crate::diagnostic::BodyScope;
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{
    Batch, ChunkDraft, Dialect, EventDraft, LinkDraft, OwnedValue, Payload, ResourceDraft, Span, SpanDraft, SpanKind,
    SpanStatus, Value as Attribute,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Kind of reference that a link was, when it was not the usual FOLLOWS_FROM (OpenTelemetry's name for it).
const REF_TYPE: &str = "opentracing.ref_type";

/// Decodes documents into `batch`, which is empty.
pub(super) fn payload(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let (values, whole) = documents::values(body, out);
    batch.set_dialect(Dialect::Otlp);
    let mut reader = Reader::new(batch, out, options);
    for value in &values {
        any(&mut reader, value);
    }
    let complete = whole && !reader.is_full();
    batch.complete = complete;
}

/// An answer, a trace, a list of them, or a span of the storage.
fn any(reader: &mut Reader<'_, '_>, value: &Value) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                reader.inside(format!("[{index}]"), |reader| any(reader, item));
            }
        }
        Value::Object(members) if members.contains_key("spans") => trace(reader, members),
        Value::Object(members) if members.contains_key("spanID") => {
            let mut chunks = Chunks::default();
            span(reader, members, &Map::new(), &mut chunks);
        }
        Value::Object(members) => match members.get("data") {
            Some(data @ Value::Array(_)) => reader.inside("data", |reader| any(reader, data)),
            // An answer that found nothing.
            Some(Value::Null) => {}
            _ => reader.wrong("a trace of Jaeger", value),
        },
        other => reader.wrong("a trace of Jaeger", other),
    }
}

fn trace(reader: &mut Reader<'_, '_>, members: &Map<String, Value>) {
    let none = Map::new();
    let processes = match members.get("processes") {
        Some(Value::Object(processes)) => processes,
        None | Some(Value::Null) => &none,
        Some(other) => {
            reader.inside("processes", |reader| reader.wrong("an object", other));
            &none
        }
    };
    let mut chunks = Chunks::default();
    for (index, value) in reader.list(members, "spans").iter().enumerate() {
        let more = reader.inside(format!("spans[{index}]"), |reader| match reader.object(value) {
            Some(members) => span(reader, members, processes, &mut chunks),
            None => true,
        });
        if !more {
            return;
        }
    }
}

/// Which chunk is open: spans of one process and scope that follow each other share one.
#[derive(Default)]
struct Chunks {
    resources: HashMap<String, usize>,
    open: Option<(usize, String, String)>,
}

/// Reads one span; false when the limit of spans is reached.
fn span(
    reader: &mut Reader<'_, '_>,
    members: &Map<String, Value>,
    processes: &Map<String, Value>,
    chunks: &mut Chunks,
) -> bool {
    let trace_id = TraceId(reader.hex(members, "traceID", 32));
    let mut draft = SpanDraft {
        trace_id,
        span_id: SpanId(reader.hex(members, "spanID", 16) as u64),
        name: reader.text(members, "operationName"),
        start: Timestamp(micros(reader.integer(members, "startTime"))),
        duration: Nanos(micros(reader.integer(members, "duration"))),
        flags: reader.integer(members, "flags").and_then(|flags| u32::try_from(flags).ok()),
        ..SpanDraft::default()
    };
    draft.resource = draft.name.clone();
    references(reader, members, &mut draft);
    let (mut scope_name, mut scope_version) = (String::new(), String::new());
    let mut failed = None;
    for (key, value) in tags(reader, members, "tags") {
        match key.as_str() {
            "span.kind" => match &value {
                OwnedValue::Str(word) => match SpanKind::from_word(word.as_bytes()) {
                    Some(kind) => draft.kind = kind,
                    None => draft.attributes.push((key, value)),
                },
                _ => draft.attributes.push((key, value)),
            },
            "error" if matches!(value, OwnedValue::Bool(_)) || is_text(&value, "true") || is_text(&value, "false") => {
                failed = Some(matches!(value, OwnedValue::Bool(true)) || is_text(&value, "true"));
            }
            "otel.status_code" if is_text(&value, "ERROR") => failed = Some(true),
            "otel.status_code" if is_text(&value, "OK") => draft.status = SpanStatus::Ok,
            "otel.status_code" if is_text(&value, "UNSET") => {}
            "otel.status_description" => match value {
                OwnedValue::Str(text) => draft.status_message = text,
                other => draft.attributes.push((key, other)),
            },
            "otel.scope.name" | "otel.library.name" if scope_name.is_empty() => scope_name = into_text(value),
            "otel.scope.version" | "otel.library.version" if scope_version.is_empty() => {
                scope_version = into_text(value);
            }
            "w3c.tracestate" => draft.tracestate = into_text(value),
            _ => draft.attributes.push((key, value)),
        }
    }
    if failed == Some(true) {
        draft.error = 1;
        draft.status = SpanStatus::Error;
    }
    logs(reader, members, &mut draft);
    let process = process(reader, members, processes);
    draft.service = process.0;
    let key = process.1;
    let resource = match chunks.resources.get(&key) {
        Some(resource) => *resource,
        None => {
            let resource = reader.batch.push_resource(&process.2);
            chunks.resources.insert(key, resource);
            resource
        }
    };
    let place = (resource, scope_name, scope_version);
    if chunks.open.as_ref() != Some(&place) {
        reader.batch.begin_chunk(&ChunkDraft {
            resource: Some(place.0),
            scope_name: place.1.clone(),
            scope_version: place.2.clone(),
            ..ChunkDraft::default()
        });
        chunks.open = Some(place);
    }
    reader.push(draft)
}

fn micros(value: Option<i64>) -> i64 {
    value.unwrap_or_default().saturating_mul(1000)
}

fn into_text(value: OwnedValue) -> String {
    match value {
        OwnedValue::Str(text) => text,
        _ => String::new(),
    }
}

/// Service, a key that tells processes apart, and what the process says about itself.
fn process(
    reader: &mut Reader<'_, '_>,
    members: &Map<String, Value>,
    processes: &Map<String, Value>,
) -> (String, String, ResourceDraft) {
    let id = members.get("processID").and_then(Value::as_str).unwrap_or_default();
    let found = members.get("process").filter(|process| !process.is_null()).or_else(|| processes.get(id));
    let Some(found) = found else {
        reader.report(
            WRONG_TYPE,
            format!("process {id:?} is not among the processes of the trace; the service is unknown"),
        );
        return (String::new(), format!("?{id}"), ResourceDraft::default());
    };
    let Some(process) = found.as_object() else {
        reader.wrong("a process", found);
        return (String::new(), format!("?{id}"), ResourceDraft::default());
    };
    let service = reader.text(process, "serviceName");
    let mut attributes = vec![("service.name".to_owned(), OwnedValue::Str(service.clone()))];
    attributes.extend(tags(reader, process, "tags").into_iter().filter(|(key, _)| key != "service.name"));
    (service, found.to_string(), ResourceDraft { attributes, ..ResourceDraft::default() })
}

/// Parent and links out of the references.
fn references(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, draft: &mut SpanDraft) {
    let mut found: Vec<(bool, TraceId, SpanId)> = Vec::new();
    for (index, value) in reader.list(members, "references").iter().enumerate() {
        reader.inside(format!("references[{index}]"), |reader| {
            let Some(reference) = reader.object(value) else { return };
            let child_of = match reference.get("refType").and_then(Value::as_str) {
                Some("CHILD_OF") => true,
                Some("FOLLOWS_FROM") => false,
                other => return reader.wrong("CHILD_OF or FOLLOWS_FROM", &json!(other)),
            };
            let trace = TraceId(reader.hex(reference, "traceID", 32));
            found.push((child_of, trace, SpanId(reader.hex(reference, "spanID", 16) as u64)));
        });
    }
    // Exports write ids of one trace with and without leading zeros and high half.
    let parent = [true, false].into_iter().find_map(|wanted| {
        found.iter().position(|(child_of, trace, _)| *child_of == wanted && *trace == draft.trace_id)
    });
    match parent {
        Some(index) => draft.parent_id = Some(found.remove(index).2).filter(|id| id.0 != 0),
        None => draft.parent_id = Some(SpanId(reader.hex(members, "parentSpanID", 16) as u64)).filter(|id| id.0 != 0),
    }
    draft.links = found
        .into_iter()
        .map(|(child_of, trace_id, span_id)| {
            let attributes = child_of.then(|| (REF_TYPE.to_owned(), OwnedValue::Str("child_of".to_owned())));
            LinkDraft { trace_id, span_id, attributes: attributes.into_iter().collect(), ..LinkDraft::default() }
        })
        .collect();
}

fn logs(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, draft: &mut SpanDraft) {
    if !reader.keeps_all() {
        return;
    }
    for (index, value) in reader.list(members, "logs").iter().enumerate() {
        reader.inside(format!("logs[{index}]"), |reader| {
            let Some(log) = reader.object(value) else { return };
            let mut attributes = tags(reader, log, "fields");
            let event =
                attributes.iter().position(|(key, value)| key == "event" && matches!(value, OwnedValue::Str(_)));
            let name = event.map(|at| into_text(attributes.remove(at).1));
            draft.events.push(EventDraft {
                time: Timestamp(micros(reader.integer(log, "timestamp"))),
                name: name.unwrap_or_else(|| "log".to_owned()),
                attributes,
                ..EventDraft::default()
            });
        });
    }
}

/// Keys with typed values.
fn tags(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, key: &str) -> Vec<(String, OwnedValue)> {
    let mut tags = Vec::new();
    for (index, value) in reader.list(members, key).iter().enumerate() {
        reader.inside(format!("{key}[{index}]"), |reader| {
            let Some(tag) = reader.object(value) else { return };
            let value = tag.get("value").unwrap_or(&Value::Null);
            let read = match tag.get("type").and_then(Value::as_str) {
                Some("bool") => boolean(value).map(OwnedValue::Bool),
                Some("int64") => integer(value).map(OwnedValue::Int),
                Some("float64") => float(value).map(OwnedValue::Float),
                Some("binary") => value.as_str().and_then(|text| STANDARD.decode(text).ok()).map(OwnedValue::Bytes),
                _ => documents::owned(value),
            };
            match read {
                Some(read) => tags.push((reader.text(tag, "key"), read)),
                None => reader.inside("value", |reader| reader.wrong("a value of its type", value)),
            }
        });
    }
    tags
}

fn boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// A trace that is being written: its id, spans, and processes by name.
type TraceOut = (TraceId, Vec<Value>, Vec<(String, Value)>);

/// Writes a payload as one document of Jaeger's query API.
pub(super) fn document(payload: Payload<'_>, losses: &mut Losses) -> Vec<u8> {
    let data = traces(payload.spans(), losses);
    let document = json!({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": null});
    document.to_string().into_bytes()
}

/// The traces of `spans`, as they stand in the member `data` of a document.
pub(super) fn traces<'b>(of: impl Iterator<Item = Span<'b>>, losses: &mut Losses) -> Vec<Value> {
    let mut traces: BTreeMap<usize, TraceOut> = BTreeMap::new();
    let mut numbers: HashMap<TraceId, usize> = HashMap::new();
    for span in of {
        let count = numbers.len();
        let number = *numbers.entry(span.trace_id()).or_insert(count);
        let (_, spans, processes) = traces.entry(number).or_insert_with(|| (span.trace_id(), Vec::new(), Vec::new()));
        let process = process_of(span, losses);
        let known = processes.iter().position(|(_, known)| *known == process);
        let process = known.unwrap_or_else(|| {
            processes.push((format!("p{}", processes.len() + 1), process));
            processes.len() - 1
        });
        let id = processes[process].0.clone();
        spans.push(span_of(span, &id, losses));
    }
    traces
        .into_values()
        .map(|(id, spans, processes)| {
            let processes: Map<String, Value> = processes.into_iter().collect();
            json!({"traceID": id.to_string(), "spans": spans, "processes": processes, "warnings": null})
        })
        .collect()
}

fn process_of(span: Span<'_>, losses: &mut Losses) -> Value {
    let resource = span.chunk().and_then(|chunk| chunk.resource());
    let mut tags = Vec::new();
    if let Some(resource) = resource {
        for (key, value) in resource.attributes().iter().filter(|(key, _)| *key != "service.name") {
            tags.push(tag(key, value, losses));
        }
    }
    json!({"serviceName": span.service(), "tags": tags})
}

fn span_of(span: Span<'_>, process: &str, losses: &mut Losses) -> Value {
    let mut references = Vec::new();
    if let Some(parent) = span.parent_id() {
        references.push(json!({
            "refType": "CHILD_OF", "traceID": span.trace_id().to_string(), "spanID": parent.to_string(),
        }));
    }
    for link in span.links() {
        let child_of = link.attributes().text(REF_TYPE) == Some("child_of");
        let told = u64::from(child_of);
        losses.add("attributes of links", link.attributes().len() as u64 - told);
        losses.add("tracestate of links", u64::from(!link.tracestate().is_empty()));
        losses.add("flags of links", u64::from(link.flags().is_some_and(|flags| flags != 0)));
        references.push(json!({
            "refType": if child_of { "CHILD_OF" } else { "FOLLOWS_FROM" },
            "traceID": link.trace_id().to_string(),
            "spanID": link.span_id().to_string(),
        }));
    }
    let mut tags: Vec<Value> = span.attributes().iter().map(|(key, value)| tag(key, value, losses)).collect();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(json!({"key": key, "type": "string", "value": value}));
        }
    };
    let said = span.attributes().text("span.kind").is_some();
    add("span.kind", span.kind().word().filter(|_| !said).unwrap_or_default());
    let chunk = span.chunk();
    add("otel.scope.name", chunk.map_or("", |chunk| chunk.scope_name()));
    add("otel.scope.version", chunk.map_or("", |chunk| chunk.scope_version()));
    add("w3c.tracestate", span.tracestate());
    match span.status() {
        SpanStatus::Error => add("otel.status_code", "ERROR"),
        SpanStatus::Ok => add("otel.status_code", "OK"),
        SpanStatus::Unset => {}
    }
    add("otel.status_description", span.status_message());
    if span.error() {
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    // Beside what OpenTelemetry's translation carries, Datadog spans have an operation name and a type of their own.
    if span.resource() != span.name() && !span.resource().is_empty() {
        tags.push(json!({"key": "resource.name", "type": "string", "value": span.resource()}));
    }
    if !span.type_().is_empty() {
        tags.push(json!({"key": "span.type", "type": "string", "value": span.type_()}));
    }
    let logs: Vec<Value> = span
        .events()
        .map(|event| {
            losses.add("nanoseconds of event times", u64::from(event.time().0 % 1000 != 0));
            let mut fields = vec![json!({"key": "event", "type": "string", "value": event.name()})];
            fields.extend(event.attributes().iter().map(|(key, value)| self::tag(key, value, losses)));
            json!({"timestamp": event.time().0.div_euclid(1000), "fields": fields})
        })
        .collect();
    let inexact = span.start().0 % 1000 != 0 || span.duration().0 % 1000 != 0;
    losses.add("nanoseconds of start or duration", u64::from(inexact));
    documents::lose_surroundings(span, losses);
    losses.add("dropped counts", span.links().filter(|link| link.dropped() > 0).count() as u64);
    let mut object = json!({
        "traceID": span.trace_id().to_string(),
        "spanID": span.span_id().to_string(),
        "operationName": span.name(),
        "references": references,
        "startTime": span.start().0.div_euclid(1000),
        "duration": span.duration().0.div_euclid(1000),
        "tags": tags,
        "logs": logs,
        "processID": process,
        "warnings": null,
    });
    if let (Some(flags), Some(members)) = (span.flags(), object.as_object_mut()) {
        members.insert("flags".to_owned(), flags.into());
    }
    object
}

/// A key with its value and type; lists and maps as the JSON text of them.
fn tag(key: &str, value: Attribute<'_>, losses: &mut Losses) -> Value {
    // Numbers beyond what a double holds exactly are text, as Jaeger writes them for browsers.
    const EXACT: i64 = (1 << 53) - 1;
    let (kind, value) = match value {
        Attribute::Str(text) => ("string", json!(text)),
        Attribute::Bool(value) => ("bool", json!(value)),
        Attribute::Int(value) if (-EXACT..=EXACT).contains(&value) => ("int64", json!(value)),
        Attribute::Int(value) => ("int64", json!(value.to_string())),
        Attribute::Float(value) if value.is_finite() => ("float64", json!(value)),
        Attribute::Float(value) => {
            losses.add("numbers that are not finite, written as text", 1);
            ("string", json!(value.to_string()))
        }
        Attribute::Bytes(bytes) => ("binary", json!(STANDARD.encode(bytes))),
        list @ (Attribute::List(_) | Attribute::Map(_)) => {
            losses.add("lists and maps, written as JSON text", 1);
            ("string", json!(documents::json(list).to_string()))
        }
    };
    json!({"key": key, "type": kind, "value": value})
}

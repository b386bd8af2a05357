//! What Datadog's API answers: one trace (`GET /api/v1/trace/{id}`), or a page of spans (`/api/v2/spans/events/search`).
//!
//! ```json
//! {"trace": {"root_id": "5", "spans": {"5": {"trace_id": "1", "span_id": "5", "parent_id": "0", "start": 1.7e9,
//!   "duration": 0.012, "service": "web", "name": "web.request", "resource": "GET /", "meta": {}, "metrics": {}, "error": 0}}}}
//! {"data": [{"type": "spans", "attributes": {"trace_id": "6b001b1d00000000dcf895f259f4053d", "span_id": "5",
//!   "parent_id": "0", "start_timestamp": "2026-11-20T10:04:13.413710891Z", "end_timestamp": "2026-11-20T10:04:13.415Z",
//!   "service": "web", "operation_name": "web.request", "resource_name": "GET /", "tags": ["k:v"], "custom": {}}}]}
//! ```
//! Ids are decimal text; those of a trace may be the decimal of all 128 bits. Seconds as doubles hold about a quarter of a microsecond.

use super::Options;
use super::codes::WRONG_TYPE;
use super::documents::{self, Reader};
use crate::diagnostic::BodyScope;
use crate::id::{SpanId, TraceId};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, ChunkDraft, OwnedValue, SpanDraft, SpanKind};
use serde_json::{Map, Value};

/// Decodes the answer about one trace into `batch`, which is empty.
pub(super) fn trace(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let (values, whole) = documents::values(body, out);
    let mut reader = Reader::new(batch, out, options);
    for value in &values {
        let Some(members) = reader.object(value) else { continue };
        match members.get("trace") {
            Some(trace) => reader.inside("trace", |reader| part(reader, trace)),
            None => part(&mut reader, value),
        }
        for (index, orphaned) in reader.list(members, "orphaned").iter().enumerate() {
            reader.inside(format!("orphaned[{index}]"), |reader| part(reader, orphaned));
        }
    }
    let complete = whole && !reader.is_full();
    batch.complete = complete;
}

/// A root with its spans, by id.
fn part(reader: &mut Reader<'_, '_>, value: &Value) {
    let Some(spans) = reader.object(value).and_then(|members| members.get("spans")) else { return };
    reader.inside("spans", |reader| {
        let Some(spans) = reader.object(spans) else { return };
        reader.batch.begin_chunk(&ChunkDraft::default());
        for (id, value) in spans {
            let more = reader.inside(id, |reader| match reader.object(value) {
                Some(members) => {
                    let draft = span(reader, members);
                    reader.push(draft)
                }
                None => true,
            });
            if !more {
                return;
            }
        }
    });
}

fn span(reader: &mut Reader<'_, '_>, members: &Map<String, Value>) -> SpanDraft {
    let mut draft = SpanDraft {
        trace_id: TraceId(id(reader, members, "trace_id")),
        span_id: SpanId(id(reader, members, "span_id") as u64),
        parent_id: Some(SpanId(id(reader, members, "parent_id") as u64)).filter(|id| id.0 != 0),
        service: reader.text(members, "service"),
        name: reader.text(members, "name"),
        resource: reader.text(members, "resource"),
        type_: reader.text(members, "type"),
        start: Timestamp(seconds(reader, members, "start").unwrap_or_default()),
        error: failed(members),
        ..SpanDraft::default()
    };
    let end = seconds(reader, members, "end");
    let duration = seconds(reader, members, "duration").or(end.map(|end| end.saturating_sub(draft.start.0)));
    draft.duration = Nanos(duration.unwrap_or_default());
    for group in ["meta", "metrics"] {
        match members.get(group) {
            None | Some(Value::Null) => {}
            Some(entries) => reader.inside(group, |reader| {
                reader.object(entries).into_iter().flatten().for_each(|(key, value)| tag(&mut draft, key, value));
            }),
        }
    }
    for key in ["env", "host", "hostname"] {
        let value = reader.text(members, key);
        if !value.is_empty() && !draft.attributes.iter().any(|(known, _)| known == key) {
            draft.attributes.push((key.to_owned(), OwnedValue::Str(value)));
        }
    }
    draft
}

/// 1 when `error` or `status` says so.
fn failed(members: &Map<String, Value>) -> i16 {
    let flag = members.get("error").is_some_and(|error| match error {
        Value::Number(number) => number.as_f64() != Some(0.0),
        other => other.as_bool() == Some(true),
    });
    i16::from(flag || members.get("status").and_then(Value::as_str) == Some("error"))
}

/// Takes a value as a tag: text and what is no number as `meta`, numbers as `metrics`, objects member by member.
fn tag(draft: &mut SpanDraft, key: &str, value: &Value) {
    let value = match value {
        Value::Null => return,
        Value::Number(number) => OwnedValue::Float(number.as_f64().unwrap_or_default()),
        Value::String(text) => {
            if key == "span.kind" {
                draft.kind = SpanKind::from_word(text.as_bytes()).unwrap_or_default();
            }
            OwnedValue::Str(text.clone())
        }
        Value::Object(members) => {
            // serde_json reads no deeper than 128 levels, so neither does this.
            members.iter().for_each(|(inner, value)| tag(draft, &format!("{key}.{inner}"), value));
            return;
        }
        other => OwnedValue::Str(other.to_string()),
    };
    draft.attributes.push((key.to_owned(), value));
}

/// A decimal id as text or number; 32 hex digits for a trace as well.
fn id(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, key: &str) -> u128 {
    let Some(value) = members.get(key).filter(|value| !value.is_null()) else { return 0 };
    let read = match value {
        Value::String(text) if key == "trace_id" && text.len() == 32 => u128::from_str_radix(text, 16).ok(),
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().map(u128::from),
    };
    let fits = read.filter(|id| key == "trace_id" || *id <= u128::from(u64::MAX));
    fits.unwrap_or_else(|| {
        reader.inside(key, |reader| reader.wrong("a decimal id", value));
        0
    })
}

/// Seconds, as nanoseconds.
fn seconds(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, key: &str) -> Option<i64> {
    let value = members.get(key).filter(|value| !value.is_null())?;
    match value.as_f64() {
        // The cast saturates.
        Some(seconds) => Some((seconds * 1e9).round() as i64),
        None => {
            reader.inside(key, |reader| reader.wrong("seconds", value));
            None
        }
    }
}

/// Decodes a page of spans into `batch`, which is empty.
pub(super) fn spans(body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    let (values, whole) = documents::values(body, out);
    let mut reader = Reader::new(batch, out, options);
    let mut open = None;
    for value in &values {
        let Some(page) = reader.object(value) else { continue };
        for (index, value) in reader.list(page, "data").iter().enumerate() {
            reader.inside(format!("data[{index}]"), |reader| {
                let Some(attributes) = reader.object(value).and_then(|members| members.get("attributes")) else {
                    return;
                };
                reader.inside("attributes", |reader| {
                    let Some(attributes) = reader.object(attributes) else { return };
                    let draft = event(reader, attributes);
                    if open != Some(draft.trace_id) {
                        open = Some(draft.trace_id);
                        reader.batch.begin_chunk(&ChunkDraft::default());
                    }
                    reader.push(draft);
                });
            });
        }
    }
    let complete = whole && !reader.is_full();
    batch.complete = complete;
}

fn event(reader: &mut Reader<'_, '_>, members: &Map<String, Value>) -> SpanDraft {
    let mut draft = SpanDraft {
        trace_id: TraceId(id(reader, members, "trace_id")),
        span_id: SpanId(id(reader, members, "span_id") as u64),
        parent_id: Some(SpanId(id(reader, members, "parent_id") as u64)).filter(|id| id.0 != 0),
        service: reader.text(members, "service"),
        name: reader.text(members, "operation_name"),
        resource: reader.text(members, "resource_name"),
        type_: reader.text(members, "type"),
        error: failed(members),
        ..SpanDraft::default()
    };
    let start = timestamp(reader, members, "start_timestamp");
    let end = timestamp(reader, members, "end_timestamp");
    let mut told = None;
    for group in ["custom", "attributes"] {
        let Some(Value::Object(entries)) = members.get(group) else { continue };
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("duration", Value::Number(nanos)) => told = nanos.as_i64().or(told),
                ("operation_name", Value::String(name)) if draft.name.is_empty() => draft.name = name.clone(),
                _ => tag(&mut draft, key, value),
            }
        }
    }
    draft.start = Timestamp(start.unwrap_or_default());
    let between = start.zip(end).map(|(start, end)| end.saturating_sub(start));
    draft.duration = Nanos(told.or(between).unwrap_or_default());
    for key in ["env", "host", "ingestion_reason", "retained_by"] {
        let value = reader.text(members, key);
        if !value.is_empty() {
            add(&mut draft, key, value);
        }
    }
    for value in reader.list(members, "tags") {
        if let Some((key, value)) = value.as_str().and_then(|tag| tag.split_once(':')) {
            add(&mut draft, key, value.to_owned());
        }
    }
    draft
}

/// Adds a tag unless one of that name is there.
fn add(draft: &mut SpanDraft, key: &str, value: String) {
    if !draft.attributes.iter().any(|(known, _)| known == key) {
        draft.attributes.push((key.to_owned(), OwnedValue::Str(value)));
    }
}

/// A time as RFC 3339, in nanoseconds since 1970.
fn timestamp(reader: &mut Reader<'_, '_>, members: &Map<String, Value>, key: &str) -> Option<i64> {
    let value = members.get(key).filter(|value| !value.is_null())?;
    let text = value.as_str().unwrap_or_default();
    let read = chrono::DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt());
    if read.is_none() {
        reader.inside(key, |reader| reader.report(WRONG_TYPE, format!("expected a time as RFC 3339, found {value}")));
    }
    read
}

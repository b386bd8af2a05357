//! Links and events that older clients carry as JSON in a tag.
//!
//! `meta["events"]` is an array of `{"name", "time_unix_nano", "attributes"}`, `meta["_dd.span_links"]` an array of
//! `{"trace_id" (32 hex), "span_id" (16 hex), "attributes", "tracestate", "flags"}`. A tag that is something else
//! yields nothing here and a finding of the payload checks.

use crate::trace::{AttributeRecord, Batch, EventRecord, Kind, LinkRecord, Range, StrRef};
use serde_json::Value;

/// Reads the links of a `_dd.span_links` tag into the batch.
pub(super) fn links(batch: &mut Batch, body: &[u8], tag: StrRef) -> Range {
    let start = batch.links.len();
    for link in objects(batch.bytes(body, tag)) {
        let text = |key: &str| link.get(key).and_then(Value::as_str).unwrap_or_default();
        let trace = u128::from_str_radix(text("trace_id"), 16).unwrap_or_default();
        let record = LinkRecord {
            trace_high: (trace >> 64) as u64,
            trace_low: trace as u64,
            span_id: u64::from_str_radix(text("span_id"), 16).unwrap_or_default(),
            attributes: attributes(batch, link.get("attributes")),
            tracestate: batch.intern(text("tracestate")),
            flags: link.get("flags").and_then(Value::as_u64).and_then(|flags| u32::try_from(flags).ok()),
        };
        batch.links.push(record);
    }
    Range::new(start, batch.links.len())
}

/// Reads the events of an `events` tag into the batch.
pub(super) fn events(batch: &mut Batch, body: &[u8], tag: StrRef) -> Range {
    let start = batch.events.len();
    for event in objects(batch.bytes(body, tag)) {
        let time = event.get("time_unix_nano");
        let record = EventRecord {
            time: time.and_then(|t| t.as_i64().or_else(|| t.as_f64().map(|t| t as i64))).unwrap_or_default(),
            name: batch.intern(event.get("name").and_then(Value::as_str).unwrap_or_default()),
            attributes: attributes(batch, event.get("attributes")),
        };
        batch.events.push(record);
    }
    Range::new(start, batch.events.len())
}

fn objects(json: &[u8]) -> Vec<serde_json::Map<String, Value>> {
    serde_json::from_slice(json).unwrap_or_default()
}

fn attributes(batch: &mut Batch, members: Option<&Value>) -> Range {
    let Some(Value::Object(members)) = members else { return Range::default() };
    let entries = members.iter().filter_map(|(key, value)| attribute(batch, key, value)).collect::<Vec<_>>();
    nest(batch, &entries)
}

/// serde_json bounds the nesting of what it reads, so this recursion is bounded too.
fn attribute(batch: &mut Batch, key: &str, value: &Value) -> Option<AttributeRecord> {
    let bits = |range: Range| (u64::from(range.start) << 32) | u64::from(range.len);
    let (kind, bits) = match value {
        Value::Null => return None,
        Value::Bool(value) => (Kind::Bool, u64::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(value) => (Kind::Int, value as u64),
            None => (Kind::Float, number.as_f64()?.to_bits()),
        },
        Value::String(text) => (Kind::Str, batch.intern(text).bits()),
        Value::Array(items) => {
            let items = items.iter().filter_map(|item| attribute(batch, "", item)).collect::<Vec<_>>();
            (Kind::List, bits(nest(batch, &items)))
        }
        Value::Object(_) => (Kind::Map, bits(attributes(batch, Some(value)))),
    };
    Some(AttributeRecord::new(batch.intern(key), kind, bits))
}

fn nest(batch: &mut Batch, entries: &[AttributeRecord]) -> Range {
    let start = batch.nested.len();
    batch.nested.extend_from_slice(entries);
    Range::new(start, batch.nested.len())
}

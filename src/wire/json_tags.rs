//! Links and events that older clients carry as JSON in a tag.
//!
//! `meta["events"]` is an array of `{"name", "time_unix_nano", "attributes"}`, `meta["_dd.span_links"]` an array of
//! `{"trace_id" (32 hex), "span_id" (16 hex), "attributes", "tracestate", "flags"}`. A tag that is something else
//! yields nothing here and a finding of the payload checks.

use crate::trace::{AttributeRecord, Batch, EventRecord, Kind, LinkRecord, Range, StrRef};
use serde_json::{Map, Value};

/// Reads the links of a `_dd.span_links` tag into the batch.
pub(super) fn links(batch: &mut Batch, body: &[u8], tag: StrRef) -> Range {
    let links = objects(batch.bytes(body, tag));
    push_links(batch, links)
}

/// Reads links out of JSON text.
pub(super) fn links_in(batch: &mut Batch, json: &[u8]) -> Range {
    push_links(batch, objects(json))
}

/// Takes links that came as a JSON value.
pub(super) fn links_of(batch: &mut Batch, links: &Value) -> Range {
    push_links(batch, members_of(links))
}

fn push_links(batch: &mut Batch, links: Vec<Map<String, Value>>) -> Range {
    let start = batch.links.len();
    for link in links {
        let (high, low) = trace_id(&link);
        let record = LinkRecord {
            trace_high: high,
            trace_low: low,
            span_id: link.get("span_id").map_or(0, |id| number_or_hex(id) as u64),
            attributes: attributes(batch, link.get("attributes")),
            tracestate: batch.intern(link.get("tracestate").and_then(Value::as_str).unwrap_or_default()),
            flags: link.get("flags").and_then(Value::as_u64).and_then(|flags| u32::try_from(flags).ok()),
            dropped: 0,
        };
        batch.links.push(record);
    }
    Range::new(start, batch.links.len())
}

/// 32 hex digits, or the two halves as numbers.
fn trace_id(link: &Map<String, Value>) -> (u64, u64) {
    let id = link.get("trace_id").map_or(0, number_or_hex);
    let high = link.get("trace_id_high").and_then(Value::as_u64);
    (high.unwrap_or((id >> 64) as u64), id as u64)
}

fn number_or_hex(id: &Value) -> u128 {
    match id {
        Value::String(hex) => u128::from_str_radix(hex, 16).unwrap_or_default(),
        number => number.as_u64().map_or(0, u128::from),
    }
}

/// Reads the events of an `events` tag into the batch.
pub(super) fn events(batch: &mut Batch, body: &[u8], tag: StrRef) -> Range {
    let events = objects(batch.bytes(body, tag));
    push_events(batch, events)
}

/// Reads events out of JSON text.
pub(super) fn events_in(batch: &mut Batch, json: &[u8]) -> Range {
    push_events(batch, objects(json))
}

/// Takes events that came as a JSON value.
pub(super) fn events_of(batch: &mut Batch, events: &Value) -> Range {
    push_events(batch, members_of(events))
}

fn push_events(batch: &mut Batch, events: Vec<Map<String, Value>>) -> Range {
    let start = batch.events.len();
    for event in events {
        let time = event.get("time_unix_nano");
        let record = EventRecord {
            time: time.and_then(|t| t.as_i64().or_else(|| t.as_f64().map(|t| t as i64))).unwrap_or_default(),
            name: batch.intern(event.get("name").and_then(Value::as_str).unwrap_or_default()),
            attributes: attributes(batch, event.get("attributes")),
            dropped: 0,
        };
        batch.events.push(record);
    }
    Range::new(start, batch.events.len())
}

fn objects(json: &[u8]) -> Vec<Map<String, Value>> {
    serde_json::from_slice(json).unwrap_or_default()
}

fn members_of(list: &Value) -> Vec<Map<String, Value>> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_object().cloned()).collect()
}

fn attributes(batch: &mut Batch, members: Option<&Value>) -> Range {
    let Some(Value::Object(members)) = members else { return Range::default() };
    let entries = members.iter().filter_map(|(key, value)| attribute(batch, key, value)).collect::<Vec<_>>();
    nest(batch, &entries)
}

/// serde_json bounds the nesting of what it reads, so this recursion is bounded too.
fn attribute(batch: &mut Batch, key: &str, value: &Value) -> Option<AttributeRecord> {
    let bits = Range::bits;
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

//! Links and events that older clients carry as JSON in a tag.
//!
//! `meta["events"]` is an array of `{"name", "time_unix_nano", "attributes"}`, `meta["_dd.span_links"]` an array of
//! `{"trace_id" (32 hex), "span_id" (16 hex), "attributes", "tracestate", "flags"}`. A tag that is something else
//! yields nothing here and a finding of the payload checks.

use super::losses::Losses;
use crate::trace::{
    AttributeRecord, Attributes, Batch, EventDraft, EventRecord, ExtraRecord, Kind, LinkDraft, LinkRecord, Range, Span,
    SpanRecord, StrRef, Value as Typed,
};
use serde_json::{Map, Value, json};

/// The tag of links.
pub(super) const LINKS: &str = "_dd.span_links";
/// The tag of events.
pub(super) const EVENTS: &str = "events";

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

// ---- writing ------------------------------------------------------------------------------------------------

/// Whether the links of a span are those that its tag says, so that they need not be written again.
pub(super) fn links_stand(span: Span<'_>) -> bool {
    span.attributes().text(LINKS).is_some_and(|tag| {
        let mut read = Batch::default();
        let links = links_in(&mut read, tag.as_bytes());
        read.extras.push(ExtraRecord { links, ..ExtraRecord::default() });
        read.spans.push(SpanRecord { extra: 1, ..SpanRecord::default() });
        let read = read.view(&[]);
        read.spans().flat_map(Span::links).map(LinkDraft::from).eq(span.links().map(LinkDraft::from))
    })
}

/// The same for events.
pub(super) fn events_stand(span: Span<'_>) -> bool {
    span.attributes().text(EVENTS).is_some_and(|tag| {
        let mut read = Batch::default();
        let events = events_in(&mut read, tag.as_bytes());
        read.extras.push(ExtraRecord { events, ..ExtraRecord::default() });
        read.spans.push(SpanRecord { extra: 1, ..SpanRecord::default() });
        let read = read.view(&[]);
        read.spans().flat_map(Span::events).map(EventDraft::from).eq(span.events().map(EventDraft::from))
    })
}

/// The links of a span as the text of its tag.
pub(super) fn links_json(span: Span<'_>, losses: &mut Losses) -> String {
    let links = span.links().map(|link| {
        let mut members = Map::new();
        members.insert("trace_id".to_owned(), link.trace_id().to_string().into());
        members.insert("span_id".to_owned(), link.span_id().to_string().into());
        if !link.attributes().is_empty() {
            members.insert("attributes".to_owned(), object(link.attributes(), losses, 0));
        }
        if !link.tracestate().is_empty() {
            members.insert("tracestate".to_owned(), link.tracestate().into());
        }
        if let Some(flags) = link.flags() {
            members.insert("flags".to_owned(), flags.into());
        }
        Value::Object(members)
    });
    links.collect::<Value>().to_string()
}

/// The events of a span as the text of its tag.
pub(super) fn events_json(span: Span<'_>, losses: &mut Losses) -> String {
    let events = span.events().map(|event| {
        let mut members = Map::new();
        members.insert("name".to_owned(), event.name().into());
        members.insert("time_unix_nano".to_owned(), event.time().0.into());
        if !event.attributes().is_empty() {
            members.insert("attributes".to_owned(), object(event.attributes(), losses, 0));
        }
        Value::Object(members)
    });
    events.collect::<Value>().to_string()
}

/// A typed value as JSON. Bytes become base64 text and numbers that are not finite their name; both are counted.
pub(super) fn json(value: Typed<'_>, losses: &mut Losses) -> Value {
    json_at(value, losses, 0)
}

/// A typed value as the text of a tag: text as it is, anything else as JSON.
pub(super) fn plain_text(value: Typed<'_>, losses: &mut Losses) -> String {
    match json(value, losses) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Deepest nesting that is written.
const DEEPEST: usize = 128;

fn json_at(value: Typed<'_>, losses: &mut Losses, depth: usize) -> Value {
    match value {
        Typed::Str(text) => text.into(),
        Typed::Bool(value) => value.into(),
        Typed::Int(value) => value.into(),
        Typed::Float(value) if value.is_finite() => json!(value),
        Typed::Float(value) => {
            losses.add("numbers in JSON that are not finite, written as text", 1);
            value.to_string().into()
        }
        Typed::Bytes(bytes) => {
            use base64::Engine as _;
            losses.add("bytes in JSON written as base64 text", 1);
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }
        Typed::List(_) | Typed::Map(_) if depth >= DEEPEST => {
            losses.add("values nested over 128 levels", 1);
            Value::Null
        }
        Typed::List(values) => values.iter().map(|value| json_at(value, losses, depth + 1)).collect(),
        Typed::Map(map) => object(map, losses, depth + 1),
    }
}

fn object(attributes: Attributes<'_>, losses: &mut Losses, depth: usize) -> Value {
    let mut members = Map::new();
    for (key, value) in attributes.iter() {
        let value = json_at(value, losses, depth);
        if members.insert(key.to_owned(), value).is_some() {
            losses.add("attributes whose key stands twice", 1);
        }
    }
    Value::Object(members)
}

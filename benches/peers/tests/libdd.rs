//! What spanglass encodes, read by libdatadog's decoders (v0.4, v0.5, v1.0): every recorded body of its fixtures comes
//! through with all that the protocol carries.

#![cfg(feature = "ours")]

use libdd_trace_utils::msgpack_decoder::{v1, v04, v05};
use libdd_trace_utils::span::v1::AttributeValue;
use libdd_trace_utils::span::v04::{AttributeAnyValue, AttributeArrayValue, Span as V04Span};
use libdd_trace_utils::span::vec_map::VecMap;
use libdd_trace_utils::span::{SliceData, v1::SpanKind as V1Kind};
use serde_json::{Map, Value, json};
use spanglass::diagnostic::Diagnostics;
use spanglass::trace::{Attributes, Batch, Payload, Sender, Span, SpanKind, Value as Typed};
use spanglass::wire::{self, Losses, Options, Protocol};
use spanglass_peers::workloads::Workload;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Bodies of this protocol among the fixtures of the package above.
fn bodies(protocol: Protocol) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/payloads").join(protocol.name());
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut bodies: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "bin")).collect();
    bodies.sort();
    assert!(!bodies.is_empty());
    bodies
}

/// Hands each recorded body to `each`, decoded.
fn for_each(protocols: &[Protocol], each: impl Fn(&str, Payload<'_>)) {
    for protocol in protocols {
        for path in bodies(*protocol) {
            let body = std::fs::read(&path).expect("a body");
            let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
            wire::decode(*protocol, &body, &Options::default(), &mut batch, &mut found.body(0));
            each(&path.display().to_string(), batch.view(&body));
        }
    }
}

fn encoded(protocol: Protocol, payload: Payload<'_>) -> Vec<u8> {
    wire::encode(protocol, payload, &mut Losses::default()).expect("a protocol that is written").body
}

const OLDER: [Protocol; 4] = [Protocol::V03, Protocol::V04, Protocol::V05, Protocol::V07];

// ---- what we have, and what libdatadog has, in one form -----------------------------------------------------

fn ours(value: Typed<'_>) -> Value {
    match value {
        Typed::Str(text) => json!(text),
        Typed::Bool(value) => json!({ "bool": value }),
        Typed::Int(value) => json!({ "int": value }),
        Typed::Float(value) => json!({ "float": value }),
        Typed::Bytes(bytes) => json!({ "bytes": bytes }),
        Typed::List(values) => values.iter().map(ours).collect(),
        Typed::Map(map) => our_map(map),
    }
}

fn our_map(attributes: Attributes<'_>) -> Value {
    Value::Object(attributes.iter().map(|(key, value)| (key.to_owned(), ours(value))).collect())
}

fn theirs(value: &AttributeValue<SliceData<'_>>) -> Value {
    match value {
        AttributeValue::String(text) => json!(text),
        AttributeValue::Bool(value) => json!({ "bool": value }),
        AttributeValue::Int(value) => json!({ "int": value }),
        AttributeValue::Float(value) => json!({ "float": value }),
        AttributeValue::Bytes(bytes) => json!({ "bytes": bytes }),
        AttributeValue::Array(values) => values.iter().map(theirs).collect(),
        AttributeValue::KeyValueList(map) => their_map(map),
    }
}

fn their_map(map: &VecMap<Cow<'_, str>, AttributeValue<SliceData<'_>>>) -> Value {
    Value::Object(map.iter().map(|(key, value)| (key.to_string(), theirs(value))).collect())
}

fn their_scalar(value: &AttributeArrayValue<SliceData<'_>>) -> Value {
    match value {
        AttributeArrayValue::String(text) => json!(text),
        AttributeArrayValue::Boolean(value) => json!({ "bool": value }),
        AttributeArrayValue::Integer(value) => json!({ "int": value }),
        AttributeArrayValue::Double(value) => json!({ "float": value }),
    }
}

/// A span of the older shape. Links and events that a tag says are compared as the tag.
fn our_older(span: Span<'_>, documents: bool) -> Value {
    let mut tags = Map::new();
    for (key, value) in span.attributes().iter() {
        if documents || !matches!(value, Typed::Bytes(_)) {
            tags.insert(key.to_owned(), ours(value));
        }
    }
    let native = |tag: &str| documents && span.attributes().text(tag).is_none();
    let links = span.links().filter(|_| native("_dd.span_links")).map(|link| {
        json!([
            link.trace_id().low(),
            link.trace_id().high(),
            link.span_id().0,
            link.flags().unwrap_or_default(),
            link.tracestate(),
            our_map(link.attributes())
        ])
    });
    let events = span.events().filter(|_| native("events"));
    let events = events.map(|event| json!([event.time().0, event.name(), our_map(event.attributes())]));
    json!({
        "ids": [span.trace_id().low(), span.span_id().0, span.parent_id().map_or(0, |id| id.0)],
        "texts": [span.service(), span.name(), span.resource(), span.type_()],
        "times": [span.start().0, span.duration().0],
        "error": span.error_value(),
        "tags": tags,
        "links": links.collect::<Value>(),
        "events": events.collect::<Value>(),
    })
}

fn their_older(span: &V04Span<SliceData<'_>>) -> Value {
    let mut tags = Map::new();
    tags.extend(span.meta.iter().map(|(key, value)| (key.to_string(), json!(value))));
    tags.extend(span.metrics.iter().map(|(key, value)| (key.to_string(), json!({ "float": value }))));
    tags.extend(span.meta_struct.iter().map(|(key, value)| (key.to_string(), json!({ "bytes": value }))));
    let links = span.span_links.iter().map(|link| {
        let attributes: Map<_, _> =
            link.attributes.iter().map(|(key, value)| (key.to_string(), json!(value))).collect();
        json!([link.trace_id, link.trace_id_high, link.span_id, link.flags, link.tracestate, attributes])
    });
    let events = span.span_events.iter().map(|event| {
        let attributes = event.attributes.iter().map(|(key, value)| {
            let value = match value {
                AttributeAnyValue::SingleValue(value) => their_scalar(value),
                AttributeAnyValue::Array(values) => values.iter().map(their_scalar).collect(),
            };
            (key.to_string(), value)
        });
        json!([event.time_unix_nano, event.name, attributes.collect::<Map<_, _>>()])
    });
    json!({
        "ids": [span.trace_id as u64, span.span_id, span.parent_id],
        "texts": [span.service, span.name, span.resource, span.r#type],
        "times": [span.start, span.duration],
        "error": span.error,
        "tags": tags,
        "links": links.collect::<Value>(),
        "events": events.collect::<Value>(),
    })
}

fn compare(name: &str, made: &[Value], wanted: &[Value]) {
    assert_eq!(made.len(), wanted.len(), "{name}");
    for (made, wanted) in made.iter().zip(wanted) {
        assert_eq!(made, wanted, "{name}");
    }
}

/// The 20,000 spans of W2 are written as they were read, byte for byte.
#[test]
fn w2_is_written_byte_for_byte() {
    let mut body = Vec::new();
    Workload::W2.write(&mut body).expect("the workload");
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(Protocol::V04, &body, &Options::default(), &mut batch, &mut found.body(0));
    assert_eq!(found.iter().count(), 0);
    let mut losses = Losses::default();
    let made = wire::encode(Protocol::V04, batch.view(&body), &mut losses).expect("a body");
    assert!(losses.is_empty() && made.body == body, "{} bytes for {}", made.body.len(), body.len());
}

#[test]
fn v04_bodies_are_read() {
    for_each(&OLDER[..2], |name, payload| {
        let body = encoded(Protocol::V04, payload);
        // The length that libdatadog gives leaves the outer array out.
        let (traces, _) = v04::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(traces.len(), payload.chunks().len(), "{name}");
        let made: Vec<_> = traces.iter().flatten().map(their_older).collect();
        compare(name, &made, &payload.spans().map(|span| our_older(span, true)).collect::<Vec<_>>());
    });
}

#[test]
fn v05_bodies_are_read() {
    // A body whose links and events are not tags gets tags that its spans had not: v0.5 and dd-trace-js say them so.
    for_each(&OLDER[..3], |name, payload| {
        let body = encoded(Protocol::V05, payload);
        let (traces, _) = v05::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(traces.len(), payload.chunks().len(), "{name}");
        let mut made: Vec<_> = traces.iter().flatten().map(their_older).collect();
        for (made, span) in made.iter_mut().zip(payload.spans()) {
            for tag in ["_dd.span_links", "events"] {
                if span.attributes().text(tag).is_none() {
                    made["tags"].as_object_mut().expect("tags").remove(tag);
                }
            }
        }
        compare(name, &made, &payload.spans().map(|span| our_older(span, false)).collect::<Vec<_>>());
    });
}

fn our_kind(kind: SpanKind) -> V1Kind {
    match kind {
        SpanKind::Unspecified | SpanKind::Internal => V1Kind::Internal,
        SpanKind::Server => V1Kind::Server,
        SpanKind::Client => V1Kind::Client,
        SpanKind::Producer => V1Kind::Producer,
        SpanKind::Consumer => V1Kind::Consumer,
    }
}

#[test]
fn v1_bodies_are_read() {
    for_each(&[Protocol::V1], |name, payload| {
        let body = encoded(Protocol::V1, payload);
        let (read, length) = v1::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(length, body.len(), "{name}");
        let sender = payload.resources().next().expect("a sender");
        let members = [
            (Sender::ContainerId, read.container_id),
            (Sender::Language, read.language_name),
            (Sender::LanguageVersion, read.language_version),
            (Sender::TracerVersion, read.tracer_version),
            (Sender::RuntimeId, read.runtime_id),
            (Sender::Env, read.env),
            (Sender::Hostname, read.hostname),
            (Sender::AppVersion, read.app_version),
        ];
        for (member, value) in members {
            assert_eq!(sender.sender(member), value, "{name} {}", member.name());
        }
        assert_eq!(their_map(&read.attributes), our_map(sender.attributes()), "{name}");
        assert_eq!(read.chunks.len(), payload.chunks().len(), "{name}");
        for (made, chunk) in read.chunks.iter().zip(payload.chunks()) {
            assert_eq!(u128::from_be_bytes(made.trace_id), chunk.trace_id().0, "{name}");
            assert_eq!((made.priority, &*made.origin), (chunk.priority(), chunk.origin()), "{name}");
            assert_eq!(made.sampling_mechanism, chunk.mechanism(), "{name}");
            assert_eq!(made.dropped_trace, chunk.dropped(), "{name}");
            assert_eq!(their_map(&made.attributes), our_map(chunk.attributes()), "{name}");
            assert_eq!(made.spans.len(), chunk.spans().len(), "{name}");
            for (made, span) in made.spans.iter().zip(chunk.spans()) {
                let texts =
                    [span.service(), span.name(), span.resource(), span.env(), span.version(), span.component()];
                let read = [&made.service, &made.name, &made.resource, &made.env, &made.version, &made.component];
                assert_eq!(read.map(|text| text.as_ref()), texts);
                assert_eq!((made.span_id, made.parent_id), (span.span_id().0, span.parent_id().map_or(0, |id| id.0)));
                assert_eq!((made.start, made.duration), (span.start().0, span.duration().0), "{name}");
                assert_eq!((made.error, made.span_kind), (span.error(), our_kind(span.kind())), "{name}");
                assert_eq!(their_map(&made.attributes), our_map(span.attributes()), "{name}");
                let links = made.span_links.iter().map(|link| {
                    let id = u128::from_be_bytes(link.trace_id).to_string();
                    json!([id, link.span_id, link.flags, link.tracestate, their_map(&link.attributes)])
                });
                let our_links = span.links().map(|link| {
                    let (id, flags) = (link.trace_id().0.to_string(), link.flags().unwrap_or_default());
                    json!([id, link.span_id().0, flags, link.tracestate(), our_map(link.attributes())])
                });
                assert!(links.eq(our_links), "{name}");
                let events = made
                    .span_events
                    .iter()
                    .map(|event| json!([event.time_unix_nano, event.name, their_map(&event.attributes)]));
                let our_events =
                    span.events().map(|event| json!([event.time().0, event.name(), our_map(event.attributes())]));
                assert!(events.eq(our_events), "{name}");
            }
        }
    });
}

#[test]
fn older_bodies_are_read_as_v1() {
    for_each(&OLDER, |name, payload| {
        let body = encoded(Protocol::V1, payload);
        let (read, length) = v1::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(length, body.len(), "{name}");
        let made = read.chunks.iter().flat_map(|chunk| {
            let id = u128::from_be_bytes(chunk.trace_id);
            chunk.spans.iter().map(move |span| (id, span.span_id, span.name.as_ref(), span.attributes.len()))
        });
        let promoted = |key: &str| ["env", "version", "component", "span.kind", "_dd.p.tid"].contains(&key);
        let wanted = payload.spans().map(|span| {
            let attributes = span.attributes().iter().filter(|(key, _)| !promoted(key)).count();
            (span.trace_id().0, span.span_id().0, span.name(), attributes)
        });
        assert!(made.eq(wanted), "{name}");
    });
}

//! OTLP in both forms against the messages of opentelemetry-proto: what prost writes is read as it was meant, what is
//! written here is read back equal, by ours and by the crate; dialects and faults; Datadog to OTLP and back.

mod support;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Pb;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message as _;
use spanglass::diagnostic::Diagnostics;
use spanglass::id::{SpanId, TraceId};
use spanglass::intake::{Intake, Note, Scanned};
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{
    Batch, ChunkDraft, Dialect, Dropped, EventDraft, Keep, LinkDraft, OwnedValue, ResourceDraft, SpanDraft, SpanKind,
    SpanStatus,
};
use spanglass::wire::{self, Losses, Options, Protocol};
use std::ops::ControlFlow;
use support::body::Decoded;
use support::{protocol_of, read, recorded_bodies};

const FORMS: [Protocol; 3] = [Protocol::OtlpProto, Protocol::OtlpJson, Protocol::OtlpGrpc];

// ---- generated messages -------------------------------------------------------------------------------------

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Pb::StringValue),
        any::<bool>().prop_map(Pb::BoolValue),
        any::<i64>().prop_map(Pb::IntValue),
        any::<f64>().prop_filter("NaN is not equal to itself", |f| !f.is_nan()).prop_map(Pb::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Pb::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        let item = || inner.clone().prop_map(|value| AnyValue { value: Some(value) });
        prop_oneof![
            prop::collection::vec(item(), 0..4).prop_map(|values| Pb::ArrayValue(ArrayValue { values })),
            prop::collection::vec(("[a-z\u{e9}]{0,4}", item()), 0..4).prop_map(|entries| {
                let values = entries.into_iter().map(|(key, value)| key_value(key, value)).collect();
                Pb::KvlistValue(KeyValueList { values })
            }),
        ]
    });
    value.prop_map(|value| AnyValue { value: Some(value) })
}

fn key_value(key: String, value: AnyValue) -> KeyValue {
    KeyValue { key, value: Some(value), ..KeyValue::default() }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec(("[a-z._\u{e9}]{0,10}", any_value()).prop_map(|(key, value)| key_value(key, value)), 0..5)
}

fn id(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), bytes)
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..=i64::MAX as u64, Just(1_795_168_000_000_000_000)]
}

prop_compose! {
    fn event()(time_unix_nano in time(), name in ".{0,8}", attributes in attributes(), dropped in 0u32..3) -> Event {
        Event { time_unix_nano, name, attributes, dropped_attributes_count: dropped }
    }
}

prop_compose! {
    fn link()(trace_id in id(16), span_id in id(8), trace_state in "[a-z=]{0,5}", attributes in attributes(),
              dropped in 0u32..3, flags in any::<u32>()) -> Link {
        Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count: dropped, flags }
    }
}

prop_compose! {
    fn pb_span()(ids in (id(16), id(8), prop_oneof![Just(Vec::new()), id(8)]), name in ".{0,12}", kind in 0..6i32,
              times in (time(), time()), attributes in attributes(), events in prop::collection::vec(event(), 0..3),
              links in prop::collection::vec(link(), 0..3), dropped in (0u32..3, 0u32..3, any::<u32>()),
              status in prop::option::of((".{0,6}", 0..3i32)), flags in any::<u32>(), trace_state in "[a-z=]{0,5}")
             -> Span {
        Span {
            trace_id: ids.0, span_id: ids.1, parent_span_id: ids.2, name, kind, attributes, events, links, flags,
            trace_state,
            start_time_unix_nano: times.0, end_time_unix_nano: times.1,
            dropped_attributes_count: dropped.0, dropped_events_count: dropped.1, dropped_links_count: dropped.2,
            status: status.map(|(message, code)| Status { message, code }),
        }
    }
}

prop_compose! {
    fn scope_spans()(scope in prop::option::of(("[a-z]{0,5}", "[0-9]{0,3}", attributes(), 0u32..2)),
                     spans in prop::collection::vec(pb_span(), 0..4), schema_url in "[a-z:/]{0,6}") -> ScopeSpans {
        let scope = scope.map(|(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name, version, attributes, dropped_attributes_count,
        });
        ScopeSpans { scope, spans, schema_url }
    }
}

prop_compose! {
    fn resource_spans()(service in prop::option::of("[a-z]{0,6}"), mut attributes in attributes(),
                        dropped in 0u32..2, scope_spans in prop::collection::vec(scope_spans(), 0..3),
                        schema_url in "[a-z:/]{0,6}") -> ResourceSpans {
        if let Some(service) = service {
            attributes.push(key_value("service.name".into(), AnyValue { value: Some(Pb::StringValue(service)) }));
        }
        let resource = Resource { attributes, dropped_attributes_count: dropped, ..Resource::default() };
        ResourceSpans { resource: Some(resource), scope_spans, schema_url }
    }
}

fn export() -> impl Strategy<Value = ExportTraceServiceRequest> {
    prop::collection::vec(resource_spans(), 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

// ---- the same as drafts -------------------------------------------------------------------------------------

fn owned_value(value: &AnyValue) -> OwnedValue {
    match value.value.as_ref() {
        Some(Pb::StringValue(text)) => OwnedValue::Str(text.clone()),
        Some(Pb::BoolValue(value)) => OwnedValue::Bool(*value),
        Some(Pb::IntValue(value)) => OwnedValue::Int(*value),
        Some(Pb::DoubleValue(value)) => OwnedValue::Float(*value),
        Some(Pb::BytesValue(bytes)) => OwnedValue::Bytes(bytes.clone()),
        Some(Pb::ArrayValue(list)) => OwnedValue::List(list.values.iter().map(owned_value).collect()),
        Some(Pb::KvlistValue(map)) => OwnedValue::Map(owned(&map.values)),
        _ => OwnedValue::Str(String::new()),
    }
}

fn owned(attributes: &[KeyValue]) -> Vec<(String, OwnedValue)> {
    let value = |entry: &KeyValue| entry.value.as_ref().map_or(OwnedValue::Str(String::new()), owned_value);
    attributes.iter().map(|entry| (entry.key.clone(), value(entry))).collect()
}

fn trace_id(bytes: &[u8]) -> TraceId {
    TraceId(u128::from_be_bytes(bytes.try_into().expect("16 bytes")))
}

fn span_id(bytes: &[u8]) -> SpanId {
    SpanId(u64::from_be_bytes(bytes.try_into().expect("8 bytes")))
}

fn span_draft(span: &Span, service: &str) -> SpanDraft {
    let status = span.status.clone().unwrap_or_default();
    SpanDraft {
        trace_id: trace_id(&span.trace_id),
        span_id: span_id(&span.span_id),
        parent_id: Some(&span.parent_span_id).filter(|id| !id.is_empty()).map(|id| span_id(id)).filter(|id| id.0 != 0),
        service: service.to_owned(),
        name: span.name.clone(),
        resource: span.name.clone(),
        kind: [
            SpanKind::Unspecified,
            SpanKind::Internal,
            SpanKind::Server,
            SpanKind::Client,
            SpanKind::Producer,
            SpanKind::Consumer,
        ][span.kind as usize],
        start: Timestamp(span.start_time_unix_nano as i64),
        duration: Nanos(span.end_time_unix_nano as i64 - span.start_time_unix_nano as i64),
        error: i16::from(status.code == 2),
        attributes: owned(&span.attributes),
        links: span
            .links
            .iter()
            .map(|link| LinkDraft {
                trace_id: trace_id(&link.trace_id),
                span_id: span_id(&link.span_id),
                flags: Some(link.flags).filter(|flags| *flags != 0),
                tracestate: link.trace_state.clone(),
                attributes: owned(&link.attributes),
                dropped: link.dropped_attributes_count,
            })
            .collect(),
        events: span
            .events
            .iter()
            .map(|event| EventDraft {
                time: Timestamp(event.time_unix_nano as i64),
                name: event.name.clone(),
                attributes: owned(&event.attributes),
                dropped: event.dropped_attributes_count,
            })
            .collect(),
        tracestate: span.trace_state.clone(),
        status: [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error][status.code as usize],
        status_message: status.message,
        flags: Some(span.flags).filter(|flags| *flags != 0),
        dropped: Dropped {
            attributes: span.dropped_attributes_count,
            events: span.dropped_events_count,
            links: span.dropped_links_count,
        },
        ..SpanDraft::default()
    }
}

type Drafts = (Vec<ResourceDraft>, Vec<ChunkDraft>, Vec<SpanDraft>);

fn drafts_of(export: &ExportTraceServiceRequest) -> Drafts {
    let (mut resources, mut chunks, mut spans) = Drafts::default();
    for of_resource in &export.resource_spans {
        let resource = of_resource.resource.clone().unwrap_or_default();
        let service = resource.attributes.iter().rev().find_map(|entry| match owned_value(entry.value.as_ref()?) {
            OwnedValue::Str(text) if entry.key == "service.name" => Some(text),
            _ => None,
        });
        let service = service.unwrap_or_default();
        resources.push(ResourceDraft {
            attributes: owned(&resource.attributes),
            dropped: resource.dropped_attributes_count,
            schema_url: of_resource.schema_url.clone(),
            ..ResourceDraft::default()
        });
        for of_scope in &of_resource.scope_spans {
            let scope = of_scope.scope.clone().unwrap_or_default();
            chunks.push(ChunkDraft {
                attributes: owned(&scope.attributes),
                resource: Some(resources.len() - 1),
                scope_name: scope.name,
                scope_version: scope.version,
                scope_schema_url: of_scope.schema_url.clone(),
                scope_dropped: scope.dropped_attributes_count,
                ..ChunkDraft::default()
            });
            spans.extend(of_scope.spans.iter().map(|span| span_draft(span, &service)));
        }
    }
    (resources, chunks, spans)
}

/// What a batch holds. Flags of 0 are none: protobuf does not tell them apart.
fn drafts(decoded: &Decoded) -> Drafts {
    let payload = decoded.payload();
    let mut spans: Vec<SpanDraft> = payload.spans().map(Into::into).collect();
    for span in &mut spans {
        span.flags = span.flags.filter(|flags| *flags != 0);
        span.links.iter_mut().for_each(|link| link.flags = link.flags.filter(|flags| *flags != 0));
    }
    (payload.resources().map(Into::into).collect(), payload.chunks().map(Into::into).collect(), spans)
}

fn sound(protocol: Protocol, body: Vec<u8>) -> Decoded {
    let decoded = Decoded::of(protocol, body);
    assert!(decoded.found.is_empty(), "{protocol}: {:?}", decoded.findings());
    assert!(decoded.payload().complete() && decoded.payload().dialect() == Dialect::Otlp);
    decoded
}

/// Encodes what was decoded; nothing may be lost.
fn encoded(protocol: Protocol, decoded: &Decoded) -> Vec<u8> {
    let mut losses = Losses::default();
    let request = wire::encode(protocol, decoded.payload(), &mut losses).expect("a request");
    assert!(losses.is_empty(), "{losses:?}");
    assert!(matches!(Protocol::of_path(&request.path), Some(wire::Endpoint::Traces(_))), "{}", request.path);
    request.body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_prost_writes_is_read_as_it_was_meant(export in export()) {
        let expected = drafts_of(&export);
        let decoded = sound(Protocol::OtlpProto, export.encode_to_vec());
        prop_assert_eq!(drafts(&decoded), expected);
    }

    #[test]
    fn what_is_written_is_read_back_by_ours_and_by_the_crate(export in export()) {
        let expected = drafts_of(&export);
        let decoded = sound(Protocol::OtlpProto, export.encode_to_vec());
        let body = encoded(Protocol::OtlpProto, &decoded);
        for protocol in FORMS {
            prop_assert_eq!(&drafts(&sound(protocol, encoded(protocol, &decoded))), &expected, "{}", protocol);
        }
        prop_assert_eq!(
            ExportTraceServiceRequest::decode(&body[..]).expect("protobuf").encode_to_vec(), body.clone()
        );
        let json = encoded(Protocol::OtlpJson, &decoded);
        let text = String::from_utf8(json.clone()).expect("UTF-8");
        prop_assert!(!text.contains(":null"), "{}", text);
        if !text.contains("Infinity") {
            let read: ExportTraceServiceRequest = serde_json::from_slice(&json).expect("OTLP JSON");
            prop_assert_eq!(drafts_of(&read), expected);
        }
    }

    /// The order of members and elements in protobuf is free: a message turned inside out means the same.
    #[test]
    fn json_members_come_in_any_order(export in export(), seed in any::<u64>()) {
        let decoded = sound(Protocol::OtlpProto, export.encode_to_vec());
        let json: serde_json::Value = serde_json::from_slice(&encoded(Protocol::OtlpJson, &decoded)).expect("JSON");
        let shuffled = serde_json::to_string_pretty(&shuffled(json, seed)).expect("JSON");
        prop_assert_eq!(drafts(&sound(Protocol::OtlpJson, shuffled.into_bytes())), drafts_of(&export));
    }

    #[test]
    fn a_datadog_payload_survives_the_way_over_otlp(spans in prop::collection::vec(datadog_span(), 1..5)) {
        let mut batch = Batch::default();
        batch.begin_chunk(&ChunkDraft::default());
        for span in &spans {
            batch.push(&SpanDraft { trace_id: spans[0].trace_id, ..span.clone() });
        }
        batch.finish();
        let mut losses = Losses::default();
        let request = wire::encode(Protocol::OtlpProto, batch.view(&[]), &mut losses).expect("a request");
        prop_assert!(losses.is_empty(), "{:?}", losses);
        let decoded = sound(Protocol::OtlpProto, request.body);
        let mut back: Vec<_> = decoded.payload().spans().collect();
        back.sort_by_key(|span| span.span_id().0);
        let mut spans = spans.clone();
        spans.sort_by_key(|span| span.span_id.0);
        for (span, back) in spans.iter().zip(back) {
            let tags = wire::datadog_tags(back);
            for (key, value) in &span.attributes {
                let found = tags.iter().find(|(own, _)| own == key).map(|(_, value)| value);
                prop_assert_eq!(found, Some(value), "{}", key);
            }
            prop_assert_eq!(back.service(), &span.service);
            prop_assert_eq!(back.name(), &span.resource);
            prop_assert_eq!(back.attributes().text("operation.name"), Some(span.name.as_str()));
            prop_assert_eq!((back.start(), back.duration()), (span.start, span.duration));
            prop_assert_eq!((back.span_id(), back.parent_id()), (span.span_id, span.parent_id));
            prop_assert_eq!(i16::from(back.error()), span.error);
        }
    }
}

prop_compose! {
    fn datadog_span()(ids in (1u64.., 0u64..9), names in ("[a-z]{1,6}", "[a-z.]{1,6}", "[A-Z /a-z]{1,9}"),
                      times in (1i64 << 60..1i64 << 61, 0i64..1 << 40), error in 0i16..2,
                      meta in prop::collection::btree_map("m[a-z]{1,5}", ".{0,9}", 0..4),
                      metrics in prop::collection::btree_map("n[a-z]{1,5}", -1e6f64..1e6, 0..4),
                      high in any::<u32>()) -> SpanDraft {
        let mut attributes: Vec<_> = meta.into_iter().map(|(key, value)| (key, OwnedValue::Str(value))).collect();
        attributes.extend(metrics.into_iter().map(|(key, value)| (key, OwnedValue::Float(value))));
        SpanDraft {
            trace_id: TraceId::from_halves(u64::from(high) << 32, ids.0 ^ 1),
            span_id: SpanId(ids.0),
            parent_id: Some(SpanId(ids.1)).filter(|id| id.0 != 0),
            service: names.0, name: names.1, resource: names.2,
            kind: SpanKind::Client,
            start: Timestamp(times.0), duration: Nanos(times.1),
            error, attributes,
            ..SpanDraft::default()
        }
    }
}

/// The members of every object in another order.
fn shuffled(value: serde_json::Value, seed: u64) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, shuffled(value, seed))).collect();
            let length = members.len().max(1);
            members.rotate_left(seed as usize % length);
            if seed & 64 != 0 {
                members.reverse();
            }
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(|item| shuffled(item, seed.rotate_right(3))).collect(),
        other => other,
    }
}

// ---- recorded bodies ----------------------------------------------------------------------------------------

fn recorded(wanted: fn(Protocol) -> bool) -> Vec<(String, Decoded)> {
    let mut bodies = Vec::new();
    for path in recorded_bodies().into_iter().filter(|path| wanted(protocol_of(path))) {
        let mut body = read(&path);
        if let Some(encoding) = spanglass::encoding::Encoding::sniff(&body) {
            body = spanglass::encoding::decode(encoding, &body, &Default::default()).expect("sound data");
        }
        bodies.push((support::name_of(&path).to_owned(), Decoded::of(protocol_of(&path), body)));
    }
    bodies
}

#[test]
fn recorded_bodies_are_the_same_in_every_form() {
    let bodies = recorded(|protocol| FORMS.contains(&protocol));
    assert!(bodies.len() >= 17, "{} bodies", bodies.len());
    for (name, decoded) in bodies {
        let expected = drafts(&decoded);
        for protocol in FORMS {
            assert_eq!(drafts(&sound(protocol, encoded(protocol, &decoded))), expected, "{name} as {protocol}");
        }
    }
}

#[test]
fn recorded_datadog_bodies_keep_their_tags_as_otlp() {
    let bodies = recorded(|protocol| matches!(protocol, Protocol::V03 | Protocol::V04 | Protocol::V05));
    for (name, decoded) in bodies {
        let mut losses = Losses::default();
        let request = wire::encode(Protocol::OtlpJson, decoded.payload(), &mut losses).expect("a request");
        let back = sound(Protocol::OtlpJson, request.body);
        assert_eq!(back.payload().spans().len(), decoded.payload().spans().len(), "{name}");
        for span in decoded.payload().spans() {
            let found = back.payload().spans().find(|b| b.span_id() == span.span_id()).expect("the span");
            assert_eq!((found.trace_id(), found.parent_id()), (span.trace_id(), span.parent_id()), "{name}");
            assert_eq!((found.start(), found.duration()), (span.start(), span.duration()), "{name}");
            assert_eq!((found.service(), found.error()), (span.service(), span.error()), "{name}");
            assert_eq!(found.links().len(), span.links().len(), "{name}");
            let tags = wire::datadog_tags(found);
            for (key, value) in wire::datadog_tags(span) {
                let back = tags.iter().find(|(own, _)| *own == key).map(|(_, value)| value);
                assert_eq!(back, Some(&value), "{name} {key}");
            }
        }
    }
}

/// libdatadog exported the same spans as v0.4 and as OTLP: ours names and types them as it did.
#[test]
fn datadog_spans_become_what_libdatadog_makes_of_them() {
    let of = |name: &str| recorded(|_| true).into_iter().find(|(own, _)| own == name).expect("a body").1;
    let theirs = of("xmtpd-read-dd2otlp-rs.otlp-proto.bin");
    let ours = of("xmtpd-read-py.v0.4.bin");
    let request = wire::encode(Protocol::OtlpProto, ours.payload(), &mut Losses::default()).expect("a request");
    let ours = sound(Protocol::OtlpProto, request.body);
    let mut compared = 0;
    for theirs in theirs.payload().spans() {
        let Some(ours) = ours.payload().spans().find(|span| span.span_id() == theirs.span_id()) else { continue };
        compared += 1;
        assert_eq!(ours.name(), theirs.name());
        assert_eq!((ours.kind(), ours.status(), ours.flags()), (theirs.kind(), theirs.status(), theirs.flags()));
        assert_eq!(ours.status_message(), theirs.status_message());
        let sorted = |span: spanglass::trace::Span<'_>| {
            let mut all: Vec<_> = SpanDraft::from(span).attributes;
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        assert_eq!(sorted(ours), sorted(theirs));
    }
    assert!(compared == 0 || compared == 6, "{compared} spans compared");
}

#[test]
fn bodies_cut_at_every_byte() {
    for (name, decoded) in recorded(|protocol| FORMS.contains(&protocol)) {
        if decoded.body.len() > 4_000 {
            continue;
        }
        let protocol = protocol_of(std::path::Path::new(&name));
        let all = decoded.payload().spans().len();
        let mut before = 0;
        for length in 1..decoded.body.trim_ascii_end().len() {
            let cut = Decoded::of(protocol, decoded.body[..length].to_vec());
            let spans = cut.payload().spans().len();
            assert!(!cut.payload().complete() && !cut.found.is_empty(), "{name} cut at {length}");
            assert!(spans >= before && spans <= all, "{name} cut at {length}: {spans} spans after {before}");
            before = spans;
        }
        assert!(before + 1 >= all, "{name}: {before} of {all} spans before the last byte");
    }
}

// ---- dialects and faults ------------------------------------------------------------------------------------

/// A request in JSON around members of one span.
fn json_span(members: &str) -> String {
    format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8efff798038103d269b633813fc60c",
        "spanId":"eee19b7ec3c1b174"{members}}}]}}]}}]}}"#
    )
}

fn codes(decoded: &Decoded) -> Vec<&'static str> {
    decoded.found.iter().map(|finding| finding.code().id()).collect()
}

#[test]
fn members_of_a_span_in_every_dialect() {
    let is = |check: fn(&SpanDraft) -> bool| check;
    for (members, expected, check) in [
        (r#","kind":2"#, &[][..], is(|s| s.kind == SpanKind::Server)),
        (r#","kind":"2""#, &[], is(|s| s.kind == SpanKind::Server)),
        (r#","kind":"SPAN_KIND_CLIENT""#, &["O014"], is(|s| s.kind == SpanKind::Client)),
        (r#","kind":9"#, &["O007"], is(|s| s.kind == SpanKind::Unspecified)),
        (r#","kind":"UNHEARD_OF""#, &["O007"], is(|s| s.kind == SpanKind::Unspecified)),
        (r#","status":{"code":"STATUS_CODE_ERROR","message":"no"}"#, &["O014"], is(|s| s.error == 1)),
        (r#","status":{"code":7}"#, &["O008"], is(|s| s.status == SpanStatus::Unset)),
        (r#","status":{}"#, &[], is(|s| s.status == SpanStatus::Unset)),
        (r#","status":null,"events":null,"attributes":null,"name":null"#, &[], is(|s| s.events.is_empty())),
        (r#","startTimeUnixNano":"5","endTimeUnixNano":9"#, &[], is(|s| s.start.0 == 5 && s.duration.0 == 4)),
        (r#","start_time_unix_nano":5,"end_time_unix_nano":"9""#, &["O013"], is(|s| s.duration.0 == 4)),
        (r#","startTimeUnixNano":9007199254740993"#, &["O015"], is(|s| s.start.0 == 9_007_199_254_740_993)),
        (r#","startTimeUnixNano":1.5e3"#, &["D022"], is(|s| s.start.0 == 1500)),
        (r#","startTimeUnixNano":-1"#, &["D009"], is(|s| s.start.0 == 0)),
        (r#","startTimeUnixNano":"soon""#, &["D003"], is(|s| s.start.0 == 0)),
        (r#","endTimeUnixNano":"18446744073709551615""#, &["D009"], is(|s| s.duration.0 == 0)),
        (r#","parentSpanId":"""#, &[], is(|s| s.parent_id.is_none())),
        (r#","parentSpanId":"7sGbfsPBsXQ=""#, &["O004"], is(|s| s.parent_id.is_some())),
        (r#","parentSpanId":"EEE19B7EC3C1B175""#, &[], is(|s| s.parent_id == Some(SpanId(0xeee1_9b7e_c3c1_b175)))),
        (r#","parentSpanId":"abc""#, &["O002"], is(|s| s.parent_id.is_none())),
        (r#","parentSpanId":"abcd""#, &["O002"], is(|s| s.parent_id.is_none())),
        (r#","parentSpanId":"not hex digits!!""#, &["O004"], is(|s| s.parent_id.is_none())),
        (r#","parentSpanId":17"#, &["D003"], is(|s| s.parent_id.is_none())),
        (r#","traceId":"d269b633813fc60c""#, &["O001"], is(|s| s.trace_id == TraceId(0xd269_b633_813f_c60c))),
        (r#","traceId":"W47/95gDgQPSabYzgT/GDA==""#, &["O004"], is(|s| s.trace_id.high() == 0x5b8e_fff7_9803_8103)),
        (r#","name":"a\u0062\n\ud83d\ude00""#, &[], is(|s| s.name == "ab\n\u{1f600}")),
        (r#","na\u006de":"n""#, &[], is(|s| s.name == "n")),
        (r#","name":"\ud83d!""#, &["D020"], is(|s| s.name == "\u{fffd}!")),
        (r#","name":5"#, &["D003"], is(|s| s.name.is_empty())),
        (r#","unknown":{"a":[1,{"b":null}]},"x_y":1"#, &[], is(|_| true)),
        (r#","flags":257,"droppedAttributesCount":2"#, &[], is(|s| s.flags == Some(257) && s.dropped.attributes == 2)),
        (
            r#","attributes":[{"key":"a","value":{"stringValue":"x"}}],"attributes":[]"#,
            &["D017"],
            is(|s| s.attributes.is_empty()),
        ),
        (r#","attributes":[null,{"key":"a"}]"#, &["D003"], is(|s| s.attributes.len() == 1)),
        (
            r#","events":[{"timeUnixNano":"7","name":"e","attributes":[{"value":{"intValue":3},"key":"k"}]}]"#,
            &[],
            is(|s| s.events[0].time.0 == 7 && s.events[0].attributes == [("k".to_owned(), OwnedValue::Int(3))]),
        ),
    ] {
        let decoded = Decoded::of(Protocol::OtlpJson, json_span(members).into_bytes());
        let spans: Vec<SpanDraft> = decoded.payload().spans().map(Into::into).collect();
        assert_eq!(codes(&decoded), expected, "{members}");
        assert!(decoded.payload().complete() && spans.len() == 1 && check(&spans[0]), "{members}: {spans:?}");
        for finding in decoded.found.iter() {
            let text = finding.to_string();
            assert!(text.contains("resourceSpans[0].scopeSpans[0].spans[0]"), "{text}");
        }
    }
}

#[test]
fn values_in_every_dialect() {
    let text = |text: &str| OwnedValue::Str(text.into());
    for (value, expected, codes_expected) in [
        (r#"{"stringValue":"x"}"#, text("x"), &[][..]),
        (r#"{"string_value":"x"}"#, text("x"), &["O013"]),
        (r#"{"intValue":"-5"}"#, OwnedValue::Int(-5), &[]),
        (r#"{"intValue":-5}"#, OwnedValue::Int(-5), &[]),
        (r#"{"intValue":9223372036854775807}"#, OwnedValue::Int(i64::MAX), &["O015"]),
        (r#"{"intValue":"-9223372036854775808"}"#, OwnedValue::Int(i64::MIN), &[]),
        (r#"{"intValue":"9223372036854775808"}"#, text(""), &["D009"]),
        (r#"{"doubleValue":1.5}"#, OwnedValue::Float(1.5), &[]),
        (r#"{"doubleValue":"-1.5e3"}"#, OwnedValue::Float(-1500.0), &[]),
        (r#"{"doubleValue":"Infinity"}"#, OwnedValue::Float(f64::INFINITY), &[]),
        (r#"{"doubleValue":"-Infinity"}"#, OwnedValue::Float(f64::NEG_INFINITY), &[]),
        (r#"{"doubleValue":"inf"}"#, text(""), &["D003"]),
        (r#"{"boolValue":true}"#, OwnedValue::Bool(true), &[]),
        (r#"{"boolValue":"true"}"#, text(""), &["D003"]),
        (r#"{"bytesValue":"AP8="}"#, OwnedValue::Bytes(vec![0, 255]), &[]),
        (r#"{"bytesValue":"AP8"}"#, OwnedValue::Bytes(vec![0, 255]), &[]),
        (r#"{"bytesValue":"-_8"}"#, OwnedValue::Bytes(vec![0xfb, 0xff]), &[]),
        (r#"{"bytesValue":"!"}"#, text(""), &["D003"]),
        (
            r#"{"arrayValue":{"values":[{"intValue":"1"},{}]}}"#,
            OwnedValue::List(vec![OwnedValue::Int(1), text("")]),
            &[],
        ),
        (r#"{"arrayValue":{}}"#, OwnedValue::List(vec![]), &[]),
        (
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":false}}]}}"#,
            OwnedValue::Map(vec![("k".into(), OwnedValue::Bool(false))]),
            &[],
        ),
        (r#"{"stringValue":"x","intValue":"1"}"#, OwnedValue::Int(1), &["O016"]),
        (r#"{"stringValue":null,"intValue":"1"}"#, OwnedValue::Int(1), &[]),
        (r#"{"arrayValue":{"values":[{"boolValue":true}]},"stringValue":"x"}"#, text("x"), &["O016"]),
        ("{}", text(""), &[]),
        ("null", text(""), &[]),
    ] {
        for attribute in
            [format!(r#"{{"key":"a","value":{value}}}"#), format!(r#"{{ "value" : {value} , "key":"a" }}"#)]
        {
            let body = json_span(&format!(r#","attributes":[{attribute}]"#));
            let decoded = Decoded::of(Protocol::OtlpJson, body.into_bytes());
            let span: SpanDraft = decoded.payload().spans().next().expect("a span").into();
            assert_eq!(span.attributes, [("a".to_owned(), expected.clone())], "{attribute}");
            assert_eq!(codes(&decoded), codes_expected, "{attribute}");
        }
    }
    let deep = format!("{}{{}}{}", r#"{"arrayValue":{"values":["#.repeat(200), "]}}".repeat(200));
    let body = json_span(&format!(r#","attributes":[{{"key":"a","value":{deep}}}]"#));
    assert_eq!(codes(&Decoded::of(Protocol::OtlpJson, body.into_bytes())), ["D005"]);
}

#[test]
fn documents_in_every_dialect() {
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"n"}"#;
    let spans = format!(r#"[{{"scope":{{"name":"s"}},"spans":[{span}]}}]"#);
    let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]}"#;
    let one = format!(r#"[{{"resource":{resource},"scopeSpans":{spans}}}]"#);
    for (body, codes_expected, count) in [
        (format!(r#"{{"resourceSpans":{one}}}"#), &[][..], 1),
        (format!("\u{feff}{{\"resourceSpans\":{one}}}"), &["D026"], 1),
        (format!(r#"{{"batches":{one}}}"#), &[], 1),
        (format!(r#"{{"result":{{"resourceSpans":{one}}}}}"#), &[], 1),
        (format!(r#"{{"trace":{{"resourceSpans":{one}}}}}"#), &[], 1),
        (format!(r#"[{{"resourceSpans":{one}}},{{"resource_spans":{one}}}]"#), &["O013"], 2),
        (format!("{{\"resourceSpans\":{one}}}\n{{\"resourceSpans\":{one}}}\n\n"), &[], 2),
        (format!(r#"{{"resourceSpans":[{{"scopeSpans":{spans},"resource":{resource}}}]}}"#), &[], 1),
        (
            format!(
                r#"{{"resourceSpans":[{{"resource":{resource},"instrumentationLibrarySpans":{}}}]}}"#,
                spans.replace("scope", "instrumentationLibrary")
            ),
            &[],
            1,
        ),
        ("{}".into(), &[], 0),
        (String::new(), &["D011"], 0),
        (r#"{"resourceSpans":[}"#.into(), &["D011"], 0),
        (r#"{"resourceSpans":5}"#.into(), &["D003"], 0),
        ("5".into(), &["D003"], 0),
        (format!(r#"{{"resourceSpans":{one}}} trailing"#), &["D011"], 1),
    ] {
        let decoded = Decoded::of(Protocol::OtlpJson, body.clone().into_bytes());
        assert_eq!(codes(&decoded), codes_expected, "{body}");
        let seen: Vec<_> = decoded.payload().spans().map(|span| (span.name(), span.service())).collect();
        assert_eq!(seen, vec![("n", "shop"); count], "{body}");
        let scopes: Vec<_> = decoded.payload().chunks().map(|chunk| chunk.scope_name()).collect();
        assert_eq!(scopes, vec!["s"; count], "{body}");
    }
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(codes(&Decoded::of(Protocol::OtlpJson, utf16))[0], "D011");
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A protobuf request around the fields of one span.
fn pb_request(span: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, span)))
}

#[test]
fn protobuf_is_read_as_protobuf_says() {
    let ids = [field(1, &[1; 16]), field(2, &[2; 8])].concat();
    let attribute = |value: &[u8]| field(9, &[field(1, b"k"), field(2, value)].concat());
    let list = |item: &[u8]| field(5, &field(1, item));
    let int = |value: u8| vec![0x18, value];
    let text = |text: &str| OwnedValue::Str(text.into());
    let k = |value: OwnedValue| vec![("k".to_owned(), value)];
    for (what, fields, attributes, expected) in [
        ("text", attribute(&field(1, b"v")), k(text("v")), &[][..]),
        ("the value of no type", attribute(&[]), k(text("")), &[]),
        ("no value", field(9, &field(1, b"k")), k(text("")), &[]),
        ("value before key", field(9, &[field(2, &int(5)), field(1, b"k")].concat()), k(OwnedValue::Int(5)), &[]),
        (
            "a value in two parts",
            field(9, &[field(1, b"k"), field(2, &list(&int(1))), field(2, &list(&int(2)))].concat()),
            k(OwnedValue::List(vec![OwnedValue::Int(1), OwnedValue::Int(2)])),
            &[],
        ),
        ("a scalar twice", attribute(&[int(1), int(2)].concat()), k(OwnedValue::Int(2)), &[]),
        ("two types", attribute(&[field(1, b"v"), int(2)].concat()), k(OwnedValue::Int(2)), &["O016"]),
        ("a list, then text", attribute(&[list(&int(1)), field(1, b"v")].concat()), k(text("v")), &["O016"]),
        (
            "unknown fields",
            [vec![0xa0, 0x06, 0x01], field(101, b"x"), attribute(&int(1))].concat(),
            k(OwnedValue::Int(1)),
            &[],
        ),
        (
            "an unknown group",
            [vec![0xa3, 0x06, 0x08, 0x01, 0xa4, 0x06], attribute(&int(1))].concat(),
            k(OwnedValue::Int(1)),
            &[],
        ),
        ("a name of another type", [vec![0x28, 5], attribute(&int(1))].concat(), k(OwnedValue::Int(1)), &["D003"]),
        ("a kind that is none", vec![0x30, 9], vec![], &["O007"]),
        ("a status that is none", field(15, &[0x18, 3]), vec![], &["O008"]),
        ("text that is not UTF-8", attribute(&field(1, b"a\xffb")), k(text("a\u{fffd}b")), &["D020"]),
        ("a trace id of 15 bytes", field(1, &[1; 15]), vec![], &["O001"]),
        ("a parent of 7 bytes", field(4, &[1; 7]), vec![], &["O002"]),
        ("a time beyond 2262", [&[0x39][..], &[0xff; 8]].concat(), vec![], &["D009"]),
    ] {
        let decoded = Decoded::of(Protocol::OtlpProto, pb_request(&[ids.clone(), fields].concat()));
        assert_eq!(codes(&decoded), expected, "{what}: {:?}", decoded.findings());
        let span: SpanDraft = decoded.payload().spans().next().expect(what).into();
        assert_eq!(span.attributes, attributes, "{what}");
        assert!(decoded.payload().complete(), "{what}");
    }
    for (what, body, code) in [
        ("field 0", vec![0x02, 0x00], "D012"),
        ("wire type 7", vec![0x0f, 0x00], "D012"),
        ("a number without end", [&[0x08][..], &[0xff; 12]].concat(), "D012"),
        ("a group without end", vec![0x1b], "D001"),
        ("an end without group", vec![0x1c], "D012"),
        ("a length over the message around it", vec![0x0a, 0x04, 0x12, 0x05, 0x12, 0x00, 0x00], "D012"),
        ("a length of 4 GiB", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], "D004"),
        ("a cut", vec![0x0a, 0x7f, 0x12, 0x10, 0x12, 0x0e, 0x2a, 0x03, b'a'], "D001"),
    ] {
        let decoded = Decoded::of(Protocol::OtlpProto, body);
        assert_eq!(codes(&decoded), [code], "{what}: {:?}", decoded.findings());
        assert!(!decoded.payload().complete(), "{what}");
    }
    let mut nested = int(1);
    for _ in 0..300 {
        nested = list(&nested);
    }
    assert_eq!(codes(&Decoded::of(Protocol::OtlpProto, pb_request(&[ids, attribute(&nested)].concat()))), ["D005"]);
}

#[test]
fn parts_of_messages_are_merged() {
    let attribute = |key: &str, value: &str| [field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat();
    let span = |name: &str| [field(1, &[1; 16]), field(2, &[2; 8]), field(5, name.as_bytes())].concat();
    let scope_spans = |name: &str| {
        [
            field(2, &span(name)),
            field(1, &[field(1, b"scope"), field(3, &attribute("a", "1"))].concat()),
            field(1, &[field(2, b"2"), field(3, &attribute("b", "2"))].concat()),
        ]
        .concat()
    };
    // Field 1000 is where scopeSpans were before OTLP 1.0; the resource stands behind, in two parts.
    let mut old = vec![0xc2, 0x3e];
    prost::encoding::encode_varint(scope_spans("old").len() as u64, &mut old);
    old.extend_from_slice(&scope_spans("old"));
    let body = field(
        1,
        &[
            old,
            field(1, &field(1, &attribute("service.name", "first"))),
            field(2, &scope_spans("new")),
            field(1, &field(1, &attribute("service.name", "shop"))),
        ]
        .concat(),
    );
    let decoded = sound(Protocol::OtlpProto, body);
    let seen: Vec<_> = decoded.payload().spans().map(|span| (span.name(), span.service())).collect();
    assert_eq!(seen, [("old", "shop"), ("new", "shop")]);
    let (resources, chunks, _) = drafts(&decoded);
    assert_eq!((resources.len(), resources[0].attributes.len()), (1, 2));
    for chunk in chunks {
        assert_eq!((chunk.scope_name.as_str(), chunk.scope_version.as_str()), ("scope", "2"));
        assert_eq!(chunk.attributes.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}

#[test]
fn attributes_that_are_not_kept_are_not_stored() {
    for (name, decoded) in recorded(|protocol| FORMS.contains(&protocol)) {
        let protocol = protocol_of(std::path::Path::new(&name));
        let keep = spanglass::trace::Keep::Only(&["db.system"]);
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        let options = Options { keep, ..Options::default() };
        wire::decode(protocol, &decoded.body, &options, &mut batch, &mut found.body(0));
        let few = batch.view(&decoded.body);
        for (few, all) in few.spans().zip(decoded.payload().spans()) {
            assert!(few.attributes().iter().all(|(key, _)| key == "db.system"), "{name}");
            assert_eq!(few.attributes().text("db.system"), all.attributes().text("db.system"), "{name}");
            assert_eq!((few.name(), few.service(), few.error()), (all.name(), all.service(), all.error()), "{name}");
        }
    }
}

// ---- gRPC ---------------------------------------------------------------------------------------------------

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn deflated(bytes: &[u8], gzip: bool) -> Vec<u8> {
    use std::io::Write as _;
    if gzip {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("memory");
        return encoder.finish().expect("memory");
    }
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn frames_are_read_one_after_another() {
    let message = pb_request(&[field(1, &[1; 16]), field(2, &[2; 8])].concat());
    for (what, body, spans, expected) in [
        ("one", frame(0, &message), 1, &[][..]),
        ("two", [frame(0, &message), frame(0, &message)].concat(), 2, &[]),
        ("an empty one", frame(0, &[]), 0, &[]),
        ("gzip", frame(1, &deflated(&message, true)), 1, &[]),
        ("deflate", frame(1, &deflated(&message, false)), 1, &[]),
        ("zstd", frame(1, &zstd::encode_all(&message[..], 1).expect("memory")), 1, &[]),
        ("one of two", [frame(1, &deflated(&message, true)), frame(0, &message)].concat(), 2, &[]),
        ("no compression that is known", frame(1, &message), 0, &["D013"]),
        ("a cut", frame(0, &message)[..message.len()].to_vec(), 0, &["D001"]),
        ("rubbish behind", [frame(0, &message), vec![7, 7]].concat(), 1, &["D016"]),
        ("no frame at all", message.clone(), 1, &[]),
    ] {
        let name = std::path::Path::new("frames.otlp-grpc.bin");
        let capture = spanglass::capture::open_body(
            std::io::Cursor::new(body),
            name,
            spanglass::capture::CaptureLimits::default(),
        );
        let mut intake = Intake::new(vec![(name.into(), capture)], Default::default());
        let mut found = Diagnostics::default();
        let seen = |_: &mut (), scanned: &Scanned<'_>, _: &mut Diagnostics| scanned.protocol;
        intake.scan(&Options::default(), Note::Nothing, None, &mut found, seen, |_, _, protocol| {
            assert_eq!(protocol, Protocol::OtlpGrpc, "{what}");
            ControlFlow::Continue(())
        });
        assert_eq!(intake.counts().spans, spans, "{what}: {found:?}");
        assert_eq!(found.iter().map(|finding| finding.code().id()).collect::<Vec<_>>(), expected, "{what}");
    }
}

// ---- to Datadog ---------------------------------------------------------------------------------------------

/// The names, resource and type that the agent gives to spans of OpenTelemetry.
#[test]
fn spans_of_opentelemetry_get_datadog_tags() {
    let span = |kind: u8, attributes: &[(&str, &str)]| {
        let list = attributes.iter().map(|(k, v)| format!(r#"{{"key":"{k}","value":{{"stringValue":"{v}"}}}}"#));
        Decoded::of(
            Protocol::OtlpJson,
            json_span(&format!(r#","name":"n","kind":{kind},"attributes":[{}]"#, list.collect::<Vec<_>>().join(",")))
                .into_bytes(),
        )
    };
    for (kind, attributes, tags) in [
        (
            2,
            &[("http.request.method", "GET"), ("http.route", "/a"), ("url.full", "http://x/a")][..],
            &[
                ("http.method", "GET"),
                ("http.url", "http://x/a"),
                ("http.route", "/a"),
                ("span.kind", "server"),
                ("otel.status_code", "Unset"),
                ("_dd.p.tid", "5b8efff798038103"),
                ("otel.trace_id", "5b8efff798038103d269b633813fc60c"),
            ][..],
        ),
        (
            3,
            &[("http.request.header.accept", "x"), ("user_agent.original", "curl")],
            &[("http.request.headers.accept", "x"), ("http.useragent", "curl"), ("span.kind", "client")],
        ),
        (
            1,
            &[("operation.name", "op"), ("deployment.environment", "prod"), ("service.version", "3")],
            &[("env", "prod"), ("version", "3")],
        ),
    ] {
        let decoded = span(kind, attributes);
        let found = wire::datadog_tags(decoded.payload().spans().next().expect("a span"));
        for (key, value) in tags {
            let wanted = (key.to_string(), OwnedValue::Str(value.to_string()));
            assert!(found.contains(&wanted), "{key} in {found:?}");
        }
        assert!(!found.iter().any(|(key, _)| key == "operation.name"), "{found:?}");
    }
}

/// OTLP written in a Datadog protocol and mapped back: ids, times, kind, status, names and texts are what they were.
#[test]
fn recorded_otlp_bodies_survive_the_way_over_datadog() {
    let mut typed = 0;
    for (name, decoded) in recorded(|protocol| FORMS.contains(&protocol)) {
        for protocol in [Protocol::V04, Protocol::V05, Protocol::V07, Protocol::V1] {
            let request = wire::encode(protocol, decoded.payload(), &mut Losses::default()).expect("a request");
            let datadog = Decoded::of(protocol, request.body);
            assert!(datadog.found.is_empty(), "{name} as {protocol}: {:?}", datadog.findings());
            let request = wire::encode(Protocol::OtlpProto, datadog.payload(), &mut Losses::default());
            let back = sound(Protocol::OtlpProto, request.expect("a request").body);
            assert_eq!(back.payload().spans().len(), decoded.payload().spans().len(), "{name} as {protocol}");
            for span in decoded.payload().spans() {
                let what = format!("{name} as {protocol}: {}", span.span_id());
                let found = back.payload().spans().find(|back| back.span_id() == span.span_id()).expect("the span");
                assert_eq!((found.trace_id(), found.parent_id()), (span.trace_id(), span.parent_id()), "{what}");
                assert_eq!((found.start(), found.duration()), (span.start(), span.duration()), "{what}");
                assert_eq!((found.kind(), found.status()), (span.kind(), span.status()), "{what}");
                assert_eq!(found.service(), span.service(), "{what}");
                assert_eq!(found.tracestate(), span.tracestate(), "{what}");
                assert_eq!(found.events().len(), span.events().len(), "{what}");
                assert_eq!(found.links().len(), span.links().len(), "{what}");
                // v1.0 has the types of OTLP; what Datadog has another name for is a text there.
                for (key, value) in span.attributes().iter().filter(|_| protocol == Protocol::V1) {
                    let Some(back) = found.attributes().get(key).filter(|_| key != "http.status_code") else {
                        continue;
                    };
                    assert_eq!(OwnedValue::from(back), OwnedValue::from(value), "{what} {key}");
                    typed += u32::from(!matches!(value, spanglass::trace::Value::Str(_)));
                }
            }
        }
    }
    assert!(typed > 10, "{typed} attributes other than text");
}

/// On the way to v1.0 an attribute keeps its type, the span's own wins over its resource's, and the priority is the chunk's.
#[test]
fn attributes_keep_their_types_in_v1() {
    let mut batch = Batch::default();
    batch.set_dialect(Dialect::Otlp);
    let shared = vec![("both".to_owned(), OwnedValue::Bool(true)), ("shared".to_owned(), OwnedValue::Int(7))];
    let resource = batch.push_resource(&ResourceDraft { attributes: shared, ..ResourceDraft::default() });
    batch.begin_chunk(&ChunkDraft { resource: Some(resource), ..ChunkDraft::default() });
    let own = [
        ("both", OwnedValue::Str("own".into())),
        ("whole", OwnedValue::Float(2.0)),
        ("yes", OwnedValue::Bool(true)),
        ("_sampling_priority_v1", OwnedValue::Int(2)),
        ("http.response.status_code", OwnedValue::Int(200)),
    ];
    batch.push(&SpanDraft {
        trace_id: TraceId(7),
        span_id: SpanId(1),
        attributes: own.map(|(key, value)| (key.to_owned(), value)).into(),
        ..SpanDraft::default()
    });
    batch.finish();
    let mut losses = Losses::default();
    let request = wire::encode(Protocol::V1, batch.view(&[]), &mut losses).expect("a request");
    assert!(losses.is_empty(), "{losses:?}");
    let v1 = Decoded::of(Protocol::V1, request.body);
    assert!(v1.found.is_empty(), "{:?}", v1.findings());
    assert_eq!(v1.payload().chunks().next().and_then(|chunk| chunk.priority()), Some(2));
    let back = wire::encode(Protocol::OtlpProto, v1.payload(), &mut Losses::default()).expect("a request");
    let back = sound(Protocol::OtlpProto, back.body);
    for (what, payload) in [("v1.0", v1.payload()), ("OTLP again", back.payload())] {
        let span = payload.spans().next().expect("the span");
        let of = |key: &str| span.attributes().get(key).map(OwnedValue::from);
        assert_eq!(of("both"), Some(OwnedValue::Str("own".into())), "{what}");
        assert_eq!(of("shared"), Some(OwnedValue::Int(7)), "{what}");
        assert_eq!(of("whole"), Some(OwnedValue::Float(2.0)), "{what}");
        assert_eq!(of("yes"), Some(OwnedValue::Bool(true)), "{what}");
        assert_eq!(of("http.status_code"), Some(OwnedValue::Str("200".into())), "{what}");
    }
}

/// Events and links are read, and their faults found, also where they are not kept.
#[test]
fn a_broken_event_breaks_the_body_whatever_is_kept() {
    let within = |field: u8, bytes: &[u8]| [&[field << 3 | 2, bytes.len() as u8], bytes].concat();
    for (field, what) in [(11, "event"), (13, "link")] {
        // A text that is longer than what it stands in.
        let span = within(field, &[2 << 3 | 2, 40, b'x']);
        let body = within(1, &within(2, &within(2, &span)));
        for keep in [Keep::All, Keep::NOTHING] {
            let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
            let options = Options { keep, ..Options::default() };
            wire::decode(Protocol::OtlpProto, &body, &options, &mut batch, &mut found.body(0));
            assert!(!batch.view(&body).complete() && found.iter().count() == 1, "{what}: {found:?}");
        }
    }
}

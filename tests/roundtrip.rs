//! What is encoded reads back the same: every recorded body in every Datadog protocol, and payloads made at random.

mod support;

use proptest::prelude::*;
use spanglass::id::{SpanId, TraceId};
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{
    Batch, ChunkDraft, Dialect, EventDraft, LinkDraft, OwnedValue, Payload, ResourceDraft, Sender, SpanDraft, SpanKind,
};
use spanglass::wire::{self, Losses, Protocol};
use support::body::Decoded;
use support::{fixture, name_of, protocol_of, read, recorded_bodies};

const DATADOG: [Protocol; 5] = [Protocol::V03, Protocol::V04, Protocol::V05, Protocol::V07, Protocol::V1];

/// A payload as values.
#[derive(Clone, Debug, PartialEq)]
struct Whole {
    spans: Vec<SpanDraft>,
    chunks: Vec<ChunkDraft>,
    sizes: Vec<usize>,
    senders: Vec<ResourceDraft>,
}

impl Whole {
    fn of(payload: Payload<'_>) -> Self {
        Whole {
            spans: payload.spans().map(Into::into).collect(),
            chunks: payload.chunks().map(Into::into).collect(),
            sizes: payload.chunks().map(|chunk| chunk.spans().len()).collect(),
            senders: payload.resources().map(Into::into).collect(),
        }
    }

    fn batch(&self, dialect: Dialect) -> Batch {
        let mut batch = Batch::default();
        batch.set_dialect(dialect);
        for sender in &self.senders {
            batch.push_resource(sender);
        }
        let mut spans = self.spans.iter();
        for (chunk, size) in self.chunks.iter().zip(&self.sizes) {
            batch.begin_chunk(chunk);
            spans.by_ref().take(*size).for_each(|span| batch.push(span));
        }
        batch.finish();
        batch
    }
}

/// The first difference in words; whole payloads are too long to read.
fn difference(made: &Whole, wanted: &Whole) -> Option<String> {
    fn first<T: PartialEq + std::fmt::Debug>(what: &str, made: &[T], wanted: &[T]) -> Option<String> {
        if made.len() != wanted.len() {
            return Some(format!("{} {what} instead of {}", made.len(), wanted.len()));
        }
        let at = made.iter().zip(wanted).position(|(made, wanted)| made != wanted)?;
        Some(format!("{what} {at}:\n{:?}\ninstead of\n{:?}", made[at], wanted[at]))
    }
    first("sizes", &made.sizes, &wanted.sizes)
        .or_else(|| first("senders", &made.senders, &wanted.senders))
        .or_else(|| first("chunks", &made.chunks, &wanted.chunks))
        .or_else(|| first("spans", &made.spans, &wanted.spans))
}

/// The payload encoded, decoded again, and what was lost. The request is checked, and the body has no finding.
fn through(protocol: Protocol, payload: Payload<'_>) -> (Decoded, Losses) {
    let mut losses = Losses::default();
    let request = wire::encode(protocol, payload, &mut losses).expect("a protocol that is written");
    assert!(matches!(wire::Protocol::of_path(&request.path), Some(wire::Endpoint::Traces(p)) if p == protocol));
    let decoded = Decoded::of(protocol, request.body);
    // Bytes of a v1.0 attribute need not be a document of meta_struct.
    let faults = decoded.findings().into_iter().filter(|finding| !finding.contains("D021")).collect::<Vec<_>>();
    assert!(faults.is_empty() && decoded.payload().complete(), "{protocol}: {faults:?}");
    let count = request.headers.get("x-datadog-trace-count").expect("a count");
    assert_eq!(count, decoded.payload().chunks().len().to_string());
    (decoded, losses)
}

fn lost(losses: &Losses) -> Vec<(&'static str, u64)> {
    losses.iter().collect()
}

#[test]
fn every_body_reads_back_as_itself() {
    for path in recorded_bodies() {
        let (name, protocol) = (name_of(&path).to_owned(), protocol_of(&path));
        if !DATADOG.contains(&protocol) {
            continue;
        }
        let recorded = Decoded::of(protocol, read(&path));
        let (again, losses) = through(protocol, recorded.payload());
        assert_eq!(lost(&losses), [], "{name}");
        assert_eq!(difference(&Whole::of(again.payload()), &Whole::of(recorded.payload())), None, "{name}");
        // What we wrote once is written the same again.
        let twice = wire::encode(protocol, again.payload(), &mut Losses::default()).expect("a request");
        assert!(twice.body == again.body, "{name}");
    }
}

/// Tags and metrics are maps of their own: a metric says nothing of the trace, whatever its name, and is kept.
#[test]
fn a_metric_named_like_a_tag_is_a_metric() {
    let tag = |key: &str, value: OwnedValue| (key.to_owned(), value);
    let metrics = ["_dd.p.tid", "_dd.origin", "_dd.p.dm"].map(|key| tag(key, OwnedValue::Float(5.0)));
    let whole = Whole {
        spans: vec![SpanDraft {
            trace_id: TraceId(7 << 64 | 9),
            span_id: SpanId(1),
            attributes: [&[tag("_dd.p.tid", OwnedValue::Str("0000000000000007".to_owned()))], &metrics[..]].concat(),
            ..SpanDraft::default()
        }],
        chunks: vec![ChunkDraft { origin: "rum".to_owned(), ..ChunkDraft::default() }],
        sizes: vec![1],
        senders: Vec::new(),
    };
    for protocol in [Protocol::V03, Protocol::V04, Protocol::V05, Protocol::V07] {
        let (decoded, losses) = through(protocol, whole.batch(Dialect::Datadog).view(&[]));
        assert_eq!(lost(&losses), [], "{protocol}");
        let made = Whole::of(decoded.payload());
        assert_eq!(
            (&made.chunks[0].origin[..], made.spans[0].trace_id),
            ("rum", whole.spans[0].trace_id),
            "{protocol}"
        );
        let kept = |metric| made.spans[0].attributes.iter().filter(|attribute| *attribute == metric).count();
        assert!(metrics.iter().all(|metric| kept(metric) == 1), "{protocol}: {:?}", made.spans);
        let (again, _) = through(protocol, decoded.payload());
        assert_eq!(difference(&Whole::of(again.payload()), &made), None, "{protocol}");
    }
}

/// Attributes in an order that does not depend on the way, without those that only say what the payload says elsewhere.
fn comparable(mut whole: Whole, ignore: &[&str]) -> Whole {
    for span in &mut whole.spans {
        span.attributes.retain(|(key, _)| !ignore.contains(&key.as_str()));
        span.attributes.sort_by(|a, b| a.0.cmp(&b.0));
    }
    whole
}

/// There and back again: whatever the protocol between carries is the same, and it carries all when no loss is counted.
#[test]
fn every_body_survives_every_protocol() {
    let mut lossless = 0;
    for path in recorded_bodies() {
        let (name, protocol) = (name_of(&path).to_owned(), protocol_of(&path));
        if !DATADOG.contains(&protocol) {
            continue;
        }
        let recorded = Decoded::of(protocol, read(&path));
        for between in DATADOG {
            let (there, lost_there) = through(between, recorded.payload());
            let (back, lost_back) = through(protocol, there.payload());
            // Ids, names and times come through whatever else is lost.
            let facts = |payload: Payload<'_>| -> Vec<_> {
                payload
                    .spans()
                    .map(|span| {
                        let ids = (span.trace_id(), span.span_id(), span.parent_id(), span.start(), span.duration());
                        let texts = [span.service(), span.name(), span.resource(), span.type_()].map(str::to_owned);
                        (ids, texts, span.error(), span.kind(), span.links().len(), span.events().len())
                    })
                    .collect()
            };
            assert_eq!(facts(there.payload()), facts(recorded.payload()), "{name} as {between}");
            assert_eq!(facts(back.payload()), facts(recorded.payload()), "{name} as {between} and back");
            if lost_there.is_empty() && lost_back.is_empty() {
                lossless += 1;
                // Tags that the way back writes where the recorded body said it otherwise.
                let said = ["_dd.p.dm", "_dd.p.tid", "_sampling_priority_v1", "_dd.origin", "_dd.span_links", "events"];
                let (mut back, mut recorded) = (Whole::of(back.payload()), Whole::of(recorded.payload()));
                for whole in [&mut back, &mut recorded] {
                    if between != protocol {
                        whole.senders.clear();
                        whole.chunks.iter_mut().for_each(|chunk| {
                            chunk.resource = None;
                            chunk.mechanism = None;
                        });
                    }
                }
                let different = difference(&comparable(back, &said), &comparable(recorded, &said));
                assert_eq!(different, None, "{name} as {between} and back");
            }
        }
    }
    assert!(lossless > 100, "{lossless} without loss");
}

/// A body of the benchmarks, W1: its encoder writes what ours writes.
#[test]
fn w1_is_written_byte_for_byte() {
    let recorded = Decoded::of(Protocol::V04, read(&fixture("payloads/w1.v04.msgpack")));
    assert!(recorded.findings().is_empty() && recorded.payload().spans().len() == 10);
    let (again, losses) = through(Protocol::V04, recorded.payload());
    assert!(again.body == recorded.body && losses.is_empty());
}

// ---- payloads made at random --------------------------------------------------------------------------------

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z.]{1,12}", ".{0,40}", "[a-c]{250,270}"]
}

fn key() -> impl Strategy<Value = String> {
    "k[a-z0-9.é]{0,20}"
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![any::<i32>().prop_map(f64::from), any::<f64>().prop_filter("finite", |value| value.is_finite())]
}

fn scalar() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        text().prop_map(OwnedValue::Str),
        any::<bool>().prop_map(OwnedValue::Bool),
        any::<i64>().prop_map(OwnedValue::Int),
        float().prop_map(OwnedValue::Float),
    ]
}

/// What v1.0 can carry.
fn any_value() -> impl Strategy<Value = OwnedValue> {
    let leaf = prop_oneof![4 => scalar(), 1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(OwnedValue::Bytes)];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(OwnedValue::List),
            prop::collection::vec((key(), inner), 0..5).prop_map(OwnedValue::Map),
        ]
    })
}

fn unique<V: std::fmt::Debug>(value: impl Strategy<Value = V>, most: usize) -> impl Strategy<Value = Vec<(String, V)>> {
    prop::collection::btree_map(key(), value, 0..most).prop_map(|map| map.into_iter().collect())
}

fn strings(most: usize) -> impl Strategy<Value = Vec<(String, OwnedValue)>> {
    unique(text().prop_map(OwnedValue::Str), most)
}

/// A document of meta_struct.
fn document() -> impl Strategy<Value = OwnedValue> {
    (any::<u64>(), text()).prop_map(|value| OwnedValue::Bytes(rmp_serde::to_vec(&value).expect("msgpack")))
}

/// Attributes of the older shape in the order of its maps.
fn older_attributes() -> impl Strategy<Value = Vec<(String, OwnedValue)>> {
    (strings(20), unique(float().prop_map(OwnedValue::Float), 18), unique(document(), 3))
        .prop_map(|(tags, metrics, documents)| [tags, metrics, documents].concat())
}

fn link(attributes: impl Strategy<Value = Vec<(String, OwnedValue)>>) -> impl Strategy<Value = LinkDraft> {
    (any::<u128>(), any::<u64>(), any::<Option<u32>>(), text(), attributes).prop_map(
        |(trace_id, span_id, flags, tracestate, attributes)| LinkDraft {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            flags,
            tracestate,
            attributes,
            dropped: 0,
        },
    )
}

fn event(attributes: impl Strategy<Value = Vec<(String, OwnedValue)>>) -> impl Strategy<Value = EventDraft> {
    (any::<i64>(), text(), attributes).prop_map(|(time, name, attributes)| EventDraft {
        time: Timestamp(time),
        name,
        attributes,
        dropped: 0,
    })
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop_oneof![
        3 => Just(SpanKind::Unspecified),
        1 => Just(SpanKind::Internal),
        1 => Just(SpanKind::Server),
        1 => Just(SpanKind::Client),
        1 => Just(SpanKind::Producer),
        1 => Just(SpanKind::Consumer),
    ]
}

/// A span without trace id, attributes, links and events.
fn bare_span() -> impl Strategy<Value = SpanDraft> {
    let ids = (any::<u64>(), prop_oneof![Just(0), any::<u64>()]);
    let times = (any::<i64>(), any::<i64>());
    (ids, times, text(), text(), text(), text(), kind()).prop_map(
        |((span_id, parent), (start, duration), service, name, resource, type_, kind)| SpanDraft {
            span_id: SpanId(span_id),
            parent_id: (parent != 0).then_some(SpanId(parent)),
            start: Timestamp(start),
            duration: Nanos(duration),
            service,
            name,
            resource,
            type_,
            kind,
            ..SpanDraft::default()
        },
    )
}

fn older_span() -> impl Strategy<Value = SpanDraft> {
    let values = prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..4).prop_map(OwnedValue::List)];
    (
        bare_span(),
        any::<i16>(),
        older_attributes(),
        prop::collection::vec(link(strings(4)), 0..3),
        prop::collection::vec(event(unique(values, 4)), 0..3),
    )
        .prop_map(|(span, error, attributes, links, events)| SpanDraft {
            error,
            attributes,
            links,
            events,
            ..span
        })
}

fn v1_span() -> impl Strategy<Value = SpanDraft> {
    let many = || prop::collection::vec((key(), any_value()), 0..6);
    (
        bare_span(),
        0..=1i16,
        prop::collection::vec((key(), any_value()), 0..24),
        prop::collection::vec(link(many()), 0..3),
        prop::collection::vec(event(many()), 0..3),
        [text(), text(), text()],
    )
        .prop_map(|(span, error, attributes, links, events, [env, version, component])| SpanDraft {
            error,
            attributes,
            links,
            events,
            env,
            version,
            component,
            ..span
        })
}

fn sender(attributes: impl Strategy<Value = Vec<(String, OwnedValue)>>) -> impl Strategy<Value = ResourceDraft> {
    (prop::collection::vec(text(), Sender::ALL.len()), attributes).prop_map(|(members, attributes)| ResourceDraft {
        sender: members.try_into().expect("as many as there are"),
        attributes,
        ..ResourceDraft::default()
    })
}

/// Chunks of spans, each of one trace.
fn chunks(
    chunk: impl Strategy<Value = ChunkDraft>,
    span: impl Strategy<Value = SpanDraft>,
) -> impl Strategy<Value = Whole> {
    prop::collection::vec((chunk, any::<u64>(), any::<u64>(), prop::collection::vec(span, 0..4)), 0..4).prop_map(
        |made| {
            let mut whole = Whole { spans: Vec::new(), chunks: Vec::new(), sizes: Vec::new(), senders: Vec::new() };
            for (chunk, high, low, mut spans) in made {
                // Half of the ids have 64 bits.
                let high = if high % 2 == 0 { 0 } else { high };
                let trace_id = TraceId::from_halves(high, low);
                spans.iter_mut().for_each(|span| span.trace_id = trace_id);
                whole.sizes.push(spans.len());
                whole.spans.extend(spans);
                whole.chunks.push(ChunkDraft { trace_id, ..chunk });
            }
            whole
        },
    )
}

fn priority() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![Just(None), (-1..=2).prop_map(Some), (-100_000..100_000).prop_map(Some)]
}

fn older() -> impl Strategy<Value = Whole> {
    let chunk =
        (priority(), text()).prop_map(|(priority, origin)| ChunkDraft { priority, origin, ..ChunkDraft::default() });
    chunks(chunk, older_span())
}

fn v07() -> impl Strategy<Value = Whole> {
    let chunk = (priority(), text(), strings(4), any::<bool>()).prop_map(|(priority, origin, attributes, dropped)| {
        ChunkDraft { priority, origin, attributes, dropped, resource: Some(0), ..ChunkDraft::default() }
    });
    (chunks(chunk, older_span()), sender(strings(4)))
        .prop_map(|(whole, sender)| Whole { senders: vec![sender], ..whole })
}

fn v1() -> impl Strategy<Value = Whole> {
    let attributes = || prop::collection::vec((key(), any_value()), 0..4);
    let chunk = (priority(), text(), attributes(), any::<bool>(), any::<Option<u32>>()).prop_map(
        |(priority, origin, attributes, dropped, mechanism)| ChunkDraft {
            priority,
            origin,
            attributes,
            dropped,
            mechanism,
            resource: Some(0),
            ..ChunkDraft::default()
        },
    );
    (chunks(chunk, v1_span()), sender(attributes())).prop_map(|(whole, mut sender)| {
        // Only v0.7 has it.
        sender.sender[Sender::ContainerDebug as usize].clear();
        Whole { senders: vec![sender], ..whole }
    })
}

/// Tags that an encoder adds, where the protocol has no other place.
const ADDED: [&str; 6] = ["_sampling_priority_v1", "_dd.origin", "_dd.p.tid", "span.kind", "_dd.span_links", "events"];

/// What the older protocols carry of a payload: an empty chunk says nothing.
fn carried(mut whole: Whole, protocol: Protocol) -> Whole {
    for (chunk, size) in whole.chunks.iter_mut().zip(&whole.sizes) {
        if protocol != Protocol::V1 {
            chunk.trace_id = TraceId(0);
        }
        if *size == 0 && protocol < Protocol::V07 {
            (chunk.priority, chunk.origin) = (None, String::new());
        }
    }
    for span in &mut whole.spans {
        span.attributes.retain(|(key, value)| {
            !(ADDED.contains(&key.as_str()) || protocol == Protocol::V05 && matches!(value, OwnedValue::Bytes(_)))
        });
    }
    whole
}

/// How many chunks say something and have no span that could say it in an older protocol.
fn mute(whole: &Whole) -> (&'static str, u64) {
    let chunks = whole.chunks.iter().zip(&whole.sizes);
    let mute = chunks.filter(|(chunk, size)| **size == 0 && (chunk.priority.is_some() || !chunk.origin.is_empty()));
    ("chunks without spans that say something", mute.count() as u64)
}

/// The losses among these that count anything.
fn expected(losses: &[(&'static str, u64)]) -> Vec<(&'static str, u64)> {
    losses.iter().copied().filter(|(_, count)| *count > 0).collect()
}

fn check(whole: &Whole, dialect: Dialect, protocol: Protocol) -> Result<Losses, TestCaseError> {
    let batch = whole.batch(dialect);
    let (read, losses) = through(protocol, batch.view(&[]));
    let (read, wanted) = (carried(Whole::of(read.payload()), protocol), carried(whole.clone(), protocol));
    prop_assert_eq!(difference(&read, &wanted), None);
    Ok(losses)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn v04_carries_the_older_shape(whole in older()) {
        for protocol in [Protocol::V03, Protocol::V04] {
            prop_assert_eq!(lost(&check(&whole, Dialect::Datadog, protocol)?), expected(&[mute(&whole)]));
        }
    }

    #[test]
    fn v05_carries_all_but_documents(whole in older()) {
        let documents = whole.spans.iter().flat_map(|span| &span.attributes);
        let documents = documents.filter(|(_, value)| matches!(value, OwnedValue::Bytes(_))).count() as u64;
        let losses = check(&whole, Dialect::Datadog, Protocol::V05)?;
        prop_assert_eq!(lost(&losses), expected(&[mute(&whole), ("meta_struct documents", documents)]));
    }

    #[test]
    fn v07_carries_the_older_shape_and_its_members(whole in v07()) {
        prop_assert_eq!(lost(&check(&whole, Dialect::Datadog, Protocol::V07)?), []);
    }

    #[test]
    fn v1_carries_typed_attributes(whole in v1()) {
        prop_assert_eq!(lost(&check(&whole, Dialect::V1, Protocol::V1)?), []);
    }

    /// v0.4 as v1.0 and back: nothing is lost but what an error is beyond a flag.
    #[test]
    fn v1_carries_the_older_shape(mut whole in older()) {
        whole.spans.iter_mut().for_each(|span| span.error = i16::from(span.error != 0));
        let batch = whole.batch(Dialect::Datadog);
        let (there, losses) = through(Protocol::V1, batch.view(&[]));
        prop_assert_eq!(lost(&losses), []);
        let (back, losses) = through(Protocol::V04, there.payload());
        prop_assert_eq!(lost(&losses), expected(&[mute(&whole)]));
        let ignore: Vec<&str> = ADDED.to_vec();
        let (back, mut wanted) = (carried(Whole::of(back.payload()), Protocol::V04), carried(whole, Protocol::V04));
        wanted.senders.clear();
        prop_assert_eq!(difference(&comparable(back, &ignore), &comparable(wanted, &ignore)), None);
    }

    /// v1.0 in the older protocols: no finding, ids and names kept, and a count for everything that changes.
    #[test]
    fn older_protocols_take_v1(whole in v1()) {
        let batch = whole.batch(Dialect::V1);
        for protocol in [Protocol::V04, Protocol::V05, Protocol::V07] {
            let (read, _) = through(protocol, batch.view(&[]));
            for (span, wanted) in read.payload().spans().zip(&whole.spans) {
                prop_assert_eq!(span.trace_id(), wanted.trace_id);
                prop_assert_eq!(span.name(), &wanted.name);
                prop_assert_eq!(span.kind(), wanted.kind);
                prop_assert_eq!(span.links().len(), wanted.links.len());
                prop_assert_eq!(span.events().len(), wanted.events.len());
            }
        }
    }
}

// ---- documents ----------------------------------------------------------------------------------------------------

/// Spans of OpenTelemetry with what Jaeger and Zipkin can carry of one: microseconds, no links, keys without a meaning of
/// their own.
fn documented_span() -> impl Strategy<Value = SpanDraft> {
    let value = prop_oneof![
        "[a-z ]{0,8}".prop_map(OwnedValue::Str),
        any::<bool>().prop_map(OwnedValue::Bool),
        any::<i64>().prop_map(OwnedValue::Int),
        (-1e9..1e9f64).prop_map(OwnedValue::Float),
    ];
    let attributes = || {
        prop::collection::btree_map("x\\.[a-z]{1,6}", value.clone(), 0..5)
            .prop_map(|map| map.into_iter().collect::<Vec<_>>())
    };
    let event = ("[a-z]{1,8}", 0..1_000_000i64, attributes()).prop_map(|(name, us, attributes)| EventDraft {
        name,
        time: Timestamp(1_795_168_000_000_000_000 + us * 1000),
        attributes,
        dropped: 0,
    });
    let kinds = [SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    (
        (1..u64::MAX, proptest::option::of(1..u64::MAX)),
        ("[a-z]{1,8}", "[a-z]{1,8} ?/?[a-z]{0,8}"),
        prop::sample::select(kinds.to_vec()),
        (0..1_000_000i64, 1..1_000_000i64),
        attributes(),
        prop::collection::vec(event, 0..3),
    )
        .prop_map(|((span_id, parent_id), (service, name), kind, (start, duration), attributes, events)| {
            SpanDraft {
                trace_id: TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
                span_id: SpanId(span_id),
                parent_id: parent_id.filter(|id| *id != span_id).map(SpanId),
                service,
                name,
                kind,
                start: Timestamp(1_795_168_000_000_000_000 + start * 1000),
                duration: Nanos(duration * 1000),
                attributes,
                events,
                ..SpanDraft::default()
            }
        })
}

fn as_words(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Str(text) => text.clone(),
        OwnedValue::Bool(value) => value.to_string(),
        OwnedValue::Int(value) => value.to_string(),
        OwnedValue::Float(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What both forms carry comes back: of Zipkin, values as text and events by name and time.
    #[test]
    fn documents_read_back(spans in prop::collection::vec(documented_span(), 1..6)) {
        let mut batch = Batch::default();
        batch.set_dialect(Dialect::Otlp);
        for span in &spans {
            let service = ("service.name".to_owned(), OwnedValue::Str(span.service.clone()));
            let resource = batch.push_resource(&ResourceDraft { attributes: vec![service], ..ResourceDraft::default() });
            batch.begin_chunk(&ChunkDraft { resource: Some(resource), ..ChunkDraft::default() });
            batch.push(span);
        }
        batch.finish();
        for protocol in [Protocol::Jaeger, Protocol::Zipkin] {
            let mut losses = Losses::default();
            let request = wire::encode(protocol, batch.view(&[]), &mut losses).expect("a document");
            let decoded = Decoded::of(protocol, request.body);
            prop_assert_eq!(decoded.findings(), Vec::<String>::new());
            let typed = protocol == Protocol::Jaeger;
            prop_assert_eq!(losses.is_empty(), typed || spans.iter().all(|span| {
                span.attributes.iter().all(|(_, value)| matches!(value, OwnedValue::Str(_)))
            }), "{}: {:?}", protocol, losses);
            let mut read: Vec<SpanDraft> = decoded.payload().spans().map(Into::into).collect();
            let mut wanted = spans.clone();
            read.sort_by_key(|span| (span.span_id, span.start));
            wanted.sort_by_key(|span| (span.span_id, span.start));
            prop_assert_eq!(read.len(), wanted.len());
            for (read, wanted) in read.iter().zip(&wanted) {
                let of = |span: &SpanDraft| {
                    (span.trace_id, span.span_id, span.parent_id, span.service.clone(), span.name.clone(), span.kind, span.start, span.duration)
                };
                prop_assert_eq!(of(read), of(wanted), "{}", protocol);
                for (key, value) in &wanted.attributes {
                    let found = read.attributes.iter().find(|(other, _)| other == key).map(|(_, value)| value);
                    if typed {
                        prop_assert_eq!(found, Some(value), "{} {}", protocol, key);
                    } else {
                        prop_assert_eq!(found.map(as_words), Some(as_words(value)), "{} {}", protocol, key);
                    }
                }
                let events = |span: &SpanDraft| {
                    let event = |event: &EventDraft| (event.time, event.name.clone(), if typed { event.attributes.clone() } else { Vec::new() });
                    span.events.iter().map(event).collect::<Vec<_>>()
                };
                prop_assert_eq!(events(read), events(wanted), "{}", protocol);
            }
        }
    }
}

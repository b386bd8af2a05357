//! What we encode, read by others: ddapm-test-agent over HTTP and the OpenTelemetry protobuf classes. `.ci/peers` installs
//! them; where they are missing these tests are skipped and say so. libdatadog's decoders are compared in `benches/peers`.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use spanglass::http::Request;
use spanglass::trace::{Dialect, Span, Value as Typed};
use spanglass::wire::{self, Losses, Protocol};
use support::body::Decoded;
use support::peers::{Language, peers};
use support::{name_of, protocol_of, read, recorded_bodies};

/// Recorded bodies of the older shape, which every Datadog protocol carries but for meta_struct in v0.5.
fn sources() -> Vec<(String, Decoded)> {
    let known = [Protocol::V03, Protocol::V04, Protocol::V05, Protocol::V07];
    let bodies = recorded_bodies().into_iter().filter(|path| known.contains(&protocol_of(path)));
    bodies.map(|path| (name_of(&path).to_owned(), Decoded::of(protocol_of(&path), read(&path)))).collect()
}

fn encoded(protocol: Protocol, decoded: &Decoded) -> Request {
    wire::encode(protocol, decoded.payload(), &mut Losses::default()).expect("a protocol that is written")
}

fn line(request: &Request) -> String {
    let headers: Vec<_> = request.headers.iter().collect();
    json!({"path": request.path, "headers": headers, "body": STANDARD.encode(&request.body)}).to_string()
}

/// Tags that the test agent puts on every span of a v1.0 chunk, where the chunk says them.
const OF_THE_CHUNK: [&str; 4] = ["_dd.p.tid", "_dd.origin", "_dd.p.dm", "_sampling_priority_v1"];

/// A span in the members of the test agent's v0.4 view.
fn expected(span: Span<'_>, protocol: Protocol) -> Value {
    let mut meta = Map::new();
    let mut metrics = Map::new();
    let mut documents = Map::new();
    for (key, value) in span.attributes().iter() {
        match value {
            Typed::Str(text) => meta.insert(key.to_owned(), json!(text)),
            Typed::Float(number) => metrics.insert(key.to_owned(), json!(number)),
            // v0.5 has no meta_struct.
            Typed::Bytes(_) if protocol == Protocol::V05 => continue,
            Typed::Bytes(bytes) => {
                let document: Value = rmp_serde::from_slice(bytes).expect("a document");
                documents.insert(key.to_owned(), document)
            }
            other => panic!("{other:?}"),
        };
    }
    if protocol == Protocol::V05 {
        // Its only form of links and events: tags, whose text is ours where the span had none.
        meta.shift_remove("_dd.span_links");
        meta.shift_remove("events");
    }
    let count = |tag: &str, native: usize| match protocol {
        // Where a tag says them, they are not written again.
        Protocol::V05 => vec![],
        _ if span.attributes().text(tag).is_some() => vec![],
        _ => vec![Value::Null; native],
    };
    tidy(
        json!({
            "span_links": count("_dd.span_links", span.links().len()),
            "span_events": count("events", span.events().len()),
            "trace_id": span.trace_id().low(),
            "span_id": span.span_id().0,
            "parent_id": span.parent_id().map_or(0, |id| id.0),
            "service": span.service(),
            "name": span.name(),
            "resource": span.resource(),
            "type": span.type_(),
            "start": span.start().0,
            "duration": span.duration().0,
            "error": span.error_value(),
            "meta": meta,
            "metrics": metrics,
            "meta_struct": documents,
        }),
        protocol,
    )
}

/// The same members of what the agent gave back, absent ones as their default.
fn tidy(span: Value, protocol: Protocol) -> Value {
    let default = json!({
        "trace_id": 0, "span_id": 0, "parent_id": 0, "service": "", "name": "", "resource": "", "type": "",
        "start": 0, "duration": 0, "error": 0, "meta": {}, "metrics": {}, "meta_struct": {},
    });
    let mut tidied = default.as_object().expect("an object").clone();
    for (member, value) in &mut tidied {
        if let Some(given) = span.get(member).filter(|given| !given.is_null()) {
            *value = given.clone();
        }
    }
    // A list of links or events is as long as it was; what is in it, the round trip compares.
    for list in ["span_links", "span_events"] {
        let length = span.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        tidied.insert(list.to_owned(), json!(length));
    }
    for tags in ["meta", "metrics", "meta_struct"] {
        let tags = tidied[tags].as_object_mut().expect("an object");
        if protocol == Protocol::V1 {
            OF_THE_CHUNK.iter().for_each(|key| drop(tags.shift_remove(*key)));
        }
        if protocol == Protocol::V05 {
            tags.shift_remove("_dd.span_links");
            tags.shift_remove("events");
        }
        // Members of a v0.7 payload: tags elsewhere, and of every span in the agent's view of v1.0.
        ["_dd.hostname", "_dd.apm_mode"].iter().for_each(|key| drop(tags.shift_remove(*key)));
        for value in tags.values_mut() {
            if let Some(number) = value.as_f64() {
                *value = json!(number);
            }
        }
        tags.sort_keys();
    }
    Value::Object(tidied)
}

#[test]
fn the_test_agent_reads_what_we_encode() {
    let Some(peers) = peers(&[(Language::Python, "ddapm_test_agent")]) else { return };
    let sources = sources();
    let mut cases = Vec::new();
    for (name, decoded) in &sources {
        for protocol in [Protocol::V04, Protocol::V05, Protocol::V07, Protocol::V1] {
            let documents = decoded.payload().spans().flat_map(|span| span.attributes().iter());
            let documents = documents.filter(|(_, value)| matches!(value, Typed::Bytes(_))).count();
            if protocol == Protocol::V07 && documents > 0 {
                // The test agent decodes the documents of v0.4, and refuses the same bytes in v0.7.
                continue;
            }
            cases.push((name, decoded, protocol, line(&encoded(protocol, decoded))));
        }
    }
    let input: String = cases.iter().map(|case| format!("{}\n", case.3)).collect();
    let answers = peers.run("test_agent.py", &[], &input);
    assert_eq!(answers.len(), cases.len());
    let mut faults = Vec::new();
    for ((name, decoded, protocol, _), answer) in cases.iter().zip(&answers) {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        if answer["status"] != 200 {
            faults.push(format!("{name} as {protocol}: {} {}", answer["status"], answer["answer"]));
            continue;
        }
        // A session joins the chunks of a trace, so spans are compared in the order of their ids.
        let by_id = |spans: Vec<Value>| {
            let mut spans = spans;
            spans.sort_by_key(|span| (span["trace_id"].as_u64(), span["span_id"].as_u64()));
            spans
        };
        let given = answer["traces"].as_array().into_iter().flatten().flat_map(|trace| trace.as_array()).flatten();
        let given = by_id(given.map(|span| tidy(span.clone(), *protocol)).collect());
        let wanted = by_id(decoded.payload().spans().map(|span| expected(span, *protocol)).collect());
        if given.len() != wanted.len() {
            faults.push(format!("{name} as {protocol}: {} spans instead of {}", given.len(), wanted.len()));
        }
        if let Some((given, wanted)) = given.iter().zip(&wanted).find(|(given, wanted)| given != wanted) {
            faults.push(format!("{name} as {protocol}:\n  {given}\n  instead of\n  {wanted}"));
        }
    }
    assert!(faults.is_empty(), "{} of {} bodies:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Empty messages say what absent ones say: the SDK writes a status without a code.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| (key, without_empty(value)));
            Value::Object(members.filter(|(key, value)| key == "value" || *value != json!({})).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

#[test]
fn opentelemetry_reads_what_we_encode() {
    let Some(peers) = peers(&[(Language::Python, "opentelemetry/proto")]) else { return };
    let mut bodies: Vec<(String, Vec<u8>, Vec<u8>)> = Vec::new();
    for path in recorded_bodies() {
        // What OpenTelemetry wrote, read by us, written again, read by OpenTelemetry.
        if protocol_of(&path) == Protocol::OtlpProto && !name_of(&path).contains("gzip") {
            let recorded = Decoded::of(Protocol::OtlpProto, read(&path));
            assert_eq!(recorded.payload().dialect(), Dialect::Otlp);
            let again = encoded(Protocol::OtlpProto, &recorded).body;
            bodies.push((name_of(&path).to_owned(), recorded.body, again));
        }
    }
    assert!(!bodies.is_empty());
    let input: String = bodies
        .iter()
        .flat_map(|(_, recorded, again)| [recorded, again])
        .map(|body| format!("{}\n", STANDARD.encode(body)))
        .collect();
    let read = peers.run("otlp.py", &[], &input);
    assert_eq!(read.len(), 2 * bodies.len());
    for ((name, ..), pair) in bodies.iter().zip(read.chunks(2)) {
        let [recorded, again] = pair else { panic!("an odd number of answers") };
        let parsed = |text: &str| without_empty(serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!(parsed(again), parsed(recorded), "{name}");
    }
}

#[test]
fn opentelemetry_reads_datadog_spans() {
    let Some(peers) = peers(&[(Language::Python, "opentelemetry/proto")]) else { return };
    let sources = sources();
    let input: String = sources
        .iter()
        .map(|(_, decoded)| format!("{}\n", STANDARD.encode(&encoded(Protocol::OtlpProto, decoded).body)))
        .collect();
    let read = peers.run("otlp.py", &[], &input);
    assert_eq!(read.len(), sources.len());
    for ((name, decoded), text) in sources.iter().zip(&read) {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let list = |value: &Value, member: &str| value[member].as_array().cloned().unwrap_or_default();
        let spans = list(&document, "resourceSpans").into_iter().flat_map(|resource| list(&resource, "scopeSpans"));
        let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64");
        let mut given: Vec<_> = spans
            .flat_map(|scope| list(&scope, "spans"))
            .map(|span| {
                (bytes(&span["traceId"]), bytes(&span["spanId"]), span["name"].as_str().unwrap_or("").to_owned())
            })
            .collect();
        let mut wanted: Vec<_> = decoded
            .payload()
            .spans()
            .map(|span| {
                let (trace, id) = (span.trace_id().0.to_be_bytes().to_vec(), span.span_id().0.to_be_bytes().to_vec());
                (trace, id, span.resource().to_owned())
            })
            .collect();
        given.sort();
        wanted.sort();
        assert_eq!(given, wanted, "{name}");
    }
}

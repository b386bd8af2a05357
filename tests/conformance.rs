//! Every recorded body of `fixtures/payloads/` against the meta.json beside it: through the library field by field,
//! and through the command line as exact JSON. Sessions of several bodies make the traces that session.json says;
//! bodies that are wrong on purpose get their findings.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use spanglass::capture::{self, CaptureLimits};
use spanglass::diagnostic::Diagnostics;
use spanglass::intake::{Counts, Intake, Note, Settings};
use spanglass::trace::{Attributes, Dialect, Payload, Resource, Sender, Span, SpanStatus, Value as Typed};
use spanglass::tree::{Top, TraceTree};
use spanglass::wire::{self, Options};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use support::body::Decoded;
use support::{fixture, meta_of, name_of, protocol_of, read, read_json, recorded_bodies};

/// Whether two JSON values are the same; numbers by value, so that 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The members that show typed attributes as Datadog would have them; meta.json has nothing to compare them with.
const DATADOG_VIEW: [&str; 3] = ["meta", "metrics", "meta_struct"];

/// A span of meta.json in the members of `--decoded jsonl`.
fn expected(span: &Value) -> Value {
    if span.get("resource_index").is_some() {
        return expected_otlp(span);
    }
    let or = |member: &str, default: Value| span.get(member).cloned().unwrap_or(default);
    let list = |member: &str| span.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let tags = &span["tags"];
    // v1.0 has typed attributes, and the kind beside them.
    let typed = span.get("attributes").cloned().unwrap_or(Value::Null);
    let kind = span.get("kind").or_else(|| tags.get("span.kind")).cloned().unwrap_or(Value::Null);
    let parent = Some(&span["parent_id"]).filter(|id| id.as_str() != Some("0000000000000000"));
    let links: Vec<Value> = list("links")
        .iter()
        .map(|link| {
            json!({
                "trace_id": link["trace_id"],
                "span_id": link["span_id"],
                "flags": link.get("flags"),
                "tracestate": link.get("tracestate"),
                "attributes": link["tags"],
            })
        })
        .collect();
    let events: Vec<Value> = list("events")
        .iter()
        .map(|event| json!({"time_ns": event["time"], "name": event["name"], "attributes": event["tags"]}))
        .collect();
    json!({
        "trace_id": span["trace_id"],
        "span_id": span["span_id"],
        "parent_id": parent,
        "service": span["service"],
        "name": span["name"],
        "resource": span["resource"],
        "type": span["type"],
        "kind": kind,
        "start_ns": span["start"],
        "duration_ns": span["duration"],
        "error": span["error"],
        "meta": tags,
        "metrics": span["metrics"],
        "meta_struct": or("meta_struct", json!({})),
        "attributes": typed,
        "links": links,
        "events": events,
    })
}

/// The same of OTLP, whose spans have typed attributes, a kind and one name.
fn expected_otlp(span: &Value) -> Value {
    let mut as_datadog = span.clone();
    let members = as_datadog.as_object_mut().expect("an object");
    members.shift_remove("resource_index");
    members.insert("metrics".into(), json!({}));
    members.insert("type".into(), json!(""));
    members.insert("resource".into(), span["name"].clone());
    for link in members.get_mut("links").and_then(Value::as_array_mut).into_iter().flatten() {
        if link["tracestate"] == "" {
            link["tracestate"] = Value::Null;
        }
    }
    let mut expected = expected(&as_datadog);
    expected["kind"] = if span["kind"] == "unspecified" { Value::Null } else { span["kind"].clone() };
    expected["attributes"] = span["tags"].clone();
    expected
}

fn expected_spans(meta: &Value) -> Vec<Value> {
    meta["spans"].as_array().expect("spans").iter().map(expected).collect()
}

fn value(typed: Typed<'_>) -> Value {
    match typed {
        Typed::Str(text) => json!(text),
        Typed::Bool(value) => json!(value),
        Typed::Int(value) => json!(value),
        Typed::Float(value) => json!(value),
        Typed::Bytes(bytes) => json!({"base64": BASE64.encode(bytes)}),
        Typed::List(values) => values.iter().map(value).collect(),
        Typed::Map(attributes) => map(attributes, |_| true),
    }
}

fn map(attributes: Attributes<'_>, wanted: fn(&Typed<'_>) -> bool) -> Value {
    let entries = attributes.iter().filter(|(_, typed)| wanted(typed));
    Value::Object(entries.map(|(key, typed)| (key.to_owned(), value(typed))).collect())
}

/// The meta_struct of a span; only Datadog's older protocols have it.
fn documents(span: Span<'_>) -> Value {
    let documents = span.attributes().iter().filter_map(|(key, typed)| match typed {
        Typed::Bytes(bytes) if span.dialect() == Dialect::Datadog => {
            Some((key.to_owned(), rmp_serde::from_slice::<Value>(bytes).expect("a msgpack document")))
        }
        _ => None,
    });
    Value::Object(documents.collect())
}

/// A span of the library in the same members, built here and not by the program's own JSON.
fn actual(span: Span<'_>) -> Value {
    let links: Vec<Value> = span
        .links()
        .map(|link| {
            let tracestate = Some(link.tracestate()).filter(|text| !text.is_empty());
            json!({
                "trace_id": link.trace_id().to_string(),
                "span_id": link.span_id().to_string(),
                "flags": link.flags(),
                "tracestate": tracestate,
                "attributes": map(link.attributes(), |_| true),
            })
        })
        .collect();
    let events: Vec<Value> = span
        .events()
        .map(|event| {
            let attributes = map(event.attributes(), |_| true);
            json!({"time_ns": event.time().0, "name": event.name(), "attributes": attributes})
        })
        .collect();
    json!({
        "trace_id": span.trace_id().to_string(),
        "span_id": span.span_id().to_string(),
        "parent_id": span.parent_id().map(|id| id.to_string()),
        "service": span.service(),
        "name": span.name(),
        "resource": span.resource(),
        "type": span.type_(),
        "kind": span.kind().word(),
        "start_ns": span.start().0,
        "duration_ns": span.duration().0,
        "error": span.error_value(),
        "meta": map(span.attributes(), |typed| matches!(typed, Typed::Str(_))),
        "metrics": map(span.attributes(), |typed| matches!(typed, Typed::Float(_))),
        "meta_struct": documents(span),
        "attributes": if span.dialect() == Dialect::Datadog { Value::Null } else { map(span.attributes(), |_| true) },
        "links": links,
        "events": events,
    })
}

/// How the sender and the chunks of a v0.7 or v1.0 payload differ from meta.json, in words.
fn chunk_differences(name: &str, meta: &Value, payload: Payload<'_>) -> Vec<String> {
    let (Value::Object(sender), Value::Array(chunks)) = (&meta["payload"], &meta["chunks"]) else { return Vec::new() };
    let mut faults = Vec::new();
    let resource = payload.resources().next().expect("a sender");
    for member in Sender::ALL {
        let wanted = sender.get(member.name()).and_then(Value::as_str).unwrap_or_default();
        if resource.sender(member) != wanted {
            faults.push(format!("{name} {}: {:?} instead of {wanted:?}", member.name(), resource.sender(member)));
        }
    }
    let attributes = |of: &Value| of.get("tags").or_else(|| of.get("attributes")).cloned().unwrap_or(json!({}));
    let mut compare = |what: String, made: Value, wanted: Value| {
        if !same(&made, &wanted) {
            faults.push(format!("{name} {what}: {made} instead of {wanted}"));
        }
    };
    compare("attributes".to_owned(), map(resource.attributes(), |_| true), attributes(&meta["payload"]));
    for (index, (chunk, wanted)) in payload.chunks().zip(chunks).enumerate() {
        let made = json!({
            "priority": chunk.priority(),
            "origin": chunk.origin(),
            "attributes": map(chunk.attributes(), |_| true),
            "dropped": chunk.dropped(),
            "mechanism": chunk.mechanism(),
            "trace_id": wanted.get("trace_id").map(|_| chunk.trace_id().to_string()),
        });
        let wanted = json!({
            "priority": wanted["priority"],
            "origin": wanted.get("origin").unwrap_or(&json!("")),
            "attributes": attributes(wanted),
            "dropped": wanted.get("dropped").unwrap_or(&json!(false)),
            "mechanism": wanted.get("sampling_mechanism"),
            "trace_id": wanted.get("trace_id"),
        });
        compare(format!("chunk {index}"), made, wanted);
    }
    faults
}

/// The members in which two spans differ, in words.
fn differences(name: &str, index: usize, expected: &Value, actual: &Value) -> Vec<String> {
    let (Value::Object(wanted), Value::Object(got)) = (expected, actual) else {
        return vec![format!("{name} span {index}: no objects")];
    };
    let keys: BTreeSet<&String> = wanted.keys().chain(got.keys()).collect();
    let typed = !wanted.get("attributes").is_some_and(Value::is_null);
    let compared = keys.into_iter().filter(|key| !typed || !DATADOG_VIEW.contains(&key.as_str()));
    let differing = compared.filter(|key| match (wanted.get(*key), got.get(*key)) {
        (Some(a), Some(b)) => !same(a, b),
        _ => true,
    });
    differing
        .map(|key| format!("{name} span {index} {key}: expected {:?}, got {:?}", wanted.get(key), got.get(key)))
        .collect()
}

/// What meta.json has of an OTLP span beside what every span has.
fn otlp_differences(name: &str, index: usize, wanted: &Value, span: Span<'_>) -> Vec<String> {
    let chunk = span.chunk().expect("a chunk");
    let attributes = |resource: Option<Resource<'_>>| -> Value {
        let entries = resource.into_iter().flat_map(|resource| resource.attributes().iter());
        Value::Object(entries.map(|(key, value)| (key.to_owned(), scalar(value))).collect())
    };
    let status = match span.status() {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error => "error",
    };
    let got = json!({
        "resource_index": chunk.resource_index(),
        "resource": attributes(chunk.resource()),
        "scope": {"name": chunk.scope_name(), "version": chunk.scope_version()},
        "status": status,
        "status_message": span.status_message(),
        "trace_state": span.tracestate(),
        "flags": span.flags(),
    });
    let empty = json!("");
    let got = got.as_object().expect("an object");
    let differing = got.iter().filter(|(member, got)| match wanted.get(*member) {
        Some(wanted) => wanted != *got,
        None => !got.is_null() && **got != empty,
    });
    differing
        .map(|(member, got)| format!("{name} span {index} {member}: expected {:?}, got {got:?}", wanted.get(member)))
        .collect()
}

fn scalar(value: Typed<'_>) -> Value {
    match value {
        Typed::Str(text) => json!(text),
        Typed::Int(value) => json!(value),
        Typed::Bool(value) => json!(value),
        Typed::Float(value) => json!(value),
        other => panic!("{other:?}"),
    }
}

/// The bytes of a body without the content encoding of its request.
fn content(path: &Path) -> Vec<u8> {
    let body = read(path);
    match spanglass::encoding::Encoding::sniff(&body) {
        Some(encoding) => spanglass::encoding::decode(encoding, &body, &Default::default()).expect("sound data"),
        None => body,
    }
}

#[test]
fn every_body_decodes_to_its_meta_json() {
    let mut faults = Vec::new();
    let mut spans = 0;
    for path in recorded_bodies() {
        let (name, meta) = (name_of(&path).to_owned(), meta_of(&path));
        assert_eq!(meta["body"]["file"].as_str(), Some(name.as_str()));
        assert_eq!(read(&path).len() as u64, meta["body"]["bytes"].as_u64().expect("bytes"), "{name}");
        let decoded = Decoded::of(protocol_of(&path), content(&path));
        let payload = decoded.payload();
        if !decoded.findings().is_empty() {
            faults.push(format!("{name}: {:?}", decoded.findings()));
        }
        assert!(payload.complete(), "{name}");
        let otlp = payload.dialect() == Dialect::Otlp;
        let traces = if otlp {
            payload.spans().map(Span::trace_id).collect::<BTreeSet<_>>().len()
        } else {
            payload.chunks().len()
        };
        assert_eq!(traces as u64, meta["trace_count"].as_u64().expect("trace_count"), "{name}");
        let expected = expected_spans(&meta);
        assert_eq!(payload.spans().len(), expected.len(), "{name}");
        for (index, (span, expected)) in payload.spans().zip(&expected).enumerate() {
            spans += 1;
            faults.extend(differences(&name, index, expected, &actual(span)));
            if otlp {
                faults.extend(otlp_differences(&name, index, &meta["spans"][index], span));
                continue;
            }
            let said = |member: &str| meta["spans"][index][member].as_str().unwrap_or_default();
            let promoted = [said("env"), said("version"), said("component")];
            if [span.env(), span.version(), span.component()] != promoted {
                faults.push(format!("{name} span {index}: env, version, component are not {promoted:?}"));
            }
            let chunk = meta["spans"][index]["chunk"].as_u64().expect("chunk");
            if span.chunk_index() as u64 != chunk {
                faults.push(format!("{name} span {index}: chunk {} instead of {chunk}", span.chunk_index()));
            }
            let low = meta["spans"][index]["trace_id_low"].as_str().expect("trace_id_low");
            if format!("{:016x}", span.trace_id().low()) != low {
                faults.push(format!("{name} span {index}: low half of the trace id is not {low}"));
            }
        }
        faults.extend(chunk_differences(&name, &meta, payload));
    }
    assert!(faults.is_empty(), "{} faults in {spans} spans:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn content_alone_tells_the_protocol() {
    for path in recorded_bodies() {
        let body = content(&path);
        let protocol = match protocol_of(&path) {
            wire::Protocol::V03 => wire::Protocol::V04,
            other => other,
        };
        assert_eq!(wire::Protocol::sniff(&body), Some(protocol), "{}", name_of(&path));
    }
}

#[test]
fn requests_are_clean() {
    // Recorded from real tracers: whatever is an error or a warning about them would be a false alarm.
    for path in recorded_bodies() {
        let meta = meta_of(&path);
        if meta["received_at_ns"].is_null() {
            // Made by an encoder; no request was ever sent.
            continue;
        }
        let decoded = Decoded::of(protocol_of(&path), content(&path));
        let mut request = spanglass::http::Request {
            method: meta["request"]["method"].as_str().expect("method").to_owned(),
            path: meta["request"]["path"].as_str().expect("path").to_owned(),
            ..Default::default()
        };
        for header in meta["request"]["headers"].as_array().expect("headers") {
            request.headers.push(header[0].as_str().expect("a name"), header[1].as_str().expect("a value"));
        }
        request.body = read(&path);
        let mut found = Diagnostics::default();
        spanglass::lint::payload::request(0, &request, protocol_of(&path), decoded.payload(), &mut found);
        let now = spanglass::time::Timestamp(meta["received_at_ns"].as_i64().expect("received_at_ns"));
        let context =
            spanglass::lint::payload::Context { now: Some(now), lang: request.headers.get("datadog-meta-lang") };
        spanglass::lint::payload::spans(0, decoded.payload(), &context, &mut found);
        let loud: Vec<String> = found
            .iter()
            .filter(|finding| finding.severity() > spanglass::diagnostic::Severity::Note)
            .map(ToString::to_string)
            .collect();
        assert!(loud.is_empty(), "{}: {loud:?}", name_of(&path));
    }
}

// ---- traces -------------------------------------------------------------------------------------------------

/// What meta.json and session.json say of one trace, from a tree.
fn overview(tree: &TraceTree<'_, '_>) -> Value {
    let (start, end) = tree.extent().expect("spans");
    let ids = |wanted: fn(Top) -> bool| -> Vec<String> {
        let roots = tree.roots().iter().map(|root| *root as usize);
        let mut ids: Vec<String> = roots
            .filter(|root| wanted(tree.top(*root).expect("a top")))
            .map(|root| tree.span(root).expect("a span").span_id().to_string())
            .collect();
        ids.sort();
        ids
    };
    let services: BTreeSet<&str> = tree.trace().spans().map(Span::service).collect();
    json!({
        "trace_id": tree.trace().id().to_string(),
        "spans": tree.len(),
        "roots": ids(|top| top == Top::Root),
        "orphans": ids(|top| top == Top::Orphan),
        "max_depth": tree.walk().map(|node| node.depth + 1).max(),
        "start": start.0,
        "wall_ns": (end - start).0,
        "services": services,
        "errors": tree.trace().spans().filter(|span| span.error()).count(),
    })
}

/// The same from meta.json or session.json, with ids in order.
fn expected_overview(trace: &Value) -> Value {
    let mut trace = trace.clone();
    for list in ["roots", "orphans", "services"] {
        let mut ids: Vec<String> = serde_json::from_value(trace[list].clone()).expect("a list of texts");
        ids.sort();
        trace[list] = json!(ids);
    }
    trace
}

/// The traces over several bodies, through the intake.
fn traces_of(bodies: &[PathBuf]) -> Vec<Value> {
    let mut found = Diagnostics::default();
    let (counts, traces) = take_in(bodies, Settings::default(), &mut found);
    assert_eq!((counts.read, counts.decoded, counts.skipped), (bodies.len() as u64, bodies.len() as u64, 0));
    assert!(found.is_empty(), "{:?}", found.iter().next());
    traces
}

fn take_in(inputs: &[PathBuf], settings: Settings, found: &mut Diagnostics) -> (Counts, Vec<Value>) {
    let opened = inputs
        .iter()
        .map(|path| {
            let capture = capture::open(Cursor::new(read(path)), path, CaptureLimits::default());
            (path.clone(), capture.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        })
        .collect();
    let mut intake = Intake::new(opened, settings);
    intake.scan(
        &Options::default(),
        Note::Places,
        None,
        found,
        |_: &mut (), _, _| (),
        |_, _, ()| ControlFlow::Continue(()),
    );
    let wanted: Vec<usize> = (0..intake.traces().len()).collect();
    let mut traces = Vec::new();
    let visited = intake.visit(&wanted, &Options::default(), |trace, _| {
        traces.push(overview(&TraceTree::of(trace)));
        ControlFlow::Continue(())
    });
    visited.expect("a second reading");
    (intake.counts(), traces)
}

/// Records that do not fit into memory are read again when their trace is looked at: nothing else changes.
#[test]
fn a_small_budget_changes_nothing() {
    let mut inputs = recorded_bodies();
    for name in ["capture.jsonl", "concatenated.jsonl", "torn.jsonl", "bad-record.jsonl", "hand-made.jsonl"] {
        inputs.push(fixture("captures").join(name));
    }
    let (mut all, mut again) = (Diagnostics::default(), Diagnostics::default());
    let large = take_in(&inputs, Settings::default(), &mut all);
    assert!(large.1.len() > 50, "{} traces", large.1.len());
    for budget in [0, 10_000, 200_000] {
        let small = take_in(&inputs, Settings { budget, ..Settings::default() }, &mut again);
        assert_eq!(small, large, "a budget of {budget} bytes");
        let words = |found: &Diagnostics| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(words(&again), words(&all), "findings are reported by the scan alone");
        again = Diagnostics::default();
    }
}

fn sorted(mut traces: Vec<Value>) -> Vec<Value> {
    traces.sort_by_key(|trace| trace["trace_id"].as_str().map(str::to_owned));
    traces
}

#[test]
fn bodies_make_the_traces_of_their_meta_json() {
    for path in recorded_bodies() {
        let meta = meta_of(&path);
        let expected = meta["traces"].as_array().expect("traces").iter().map(expected_overview).collect();
        let actual = traces_of(std::slice::from_ref(&path));
        let (actual, expected) = (sorted(actual), sorted(expected));
        assert_eq!(actual, expected, "{}", name_of(&path));
    }
}

/// The session files with their bodies.
fn sessions() -> Vec<(PathBuf, Vec<PathBuf>, Value)> {
    let mut files = support::files_below(&fixture("payloads"));
    files.retain(|path| name_of(path).ends_with(".session.json"));
    assert!(files.len() >= 5, "only {} sessions", files.len());
    files
        .into_iter()
        .map(|path| {
            let session = read_json(&path);
            let folder = path.parent().expect("a folder");
            let bodies = session["bodies"].as_array().expect("bodies").iter();
            let bodies = bodies.map(|body| folder.join(body.as_str().expect("a name"))).collect();
            (path, bodies, session)
        })
        .collect()
}

#[test]
fn sessions_make_one_tree_over_their_bodies() {
    for (path, mut bodies, session) in sessions() {
        let expected = session["traces"].as_array().expect("traces").iter().map(expected_overview).collect();
        let expected = sorted(expected);
        assert_eq!(sorted(traces_of(&bodies)), expected, "{}", name_of(&path));
        // The order of arrival does not matter.
        bodies.reverse();
        assert_eq!(sorted(traces_of(&bodies)), expected, "{} in reverse", name_of(&path));
    }
}

// ---- the command line ---------------------------------------------------------------------------------------

#[cfg(feature = "cli")]
mod command_line {
    use super::*;
    use std::collections::BTreeMap;
    use support::process::{Ran, Spanglass};

    fn run(args: &[&str], files: &[PathBuf]) -> Ran {
        Spanglass::new(args).args(files).run()
    }

    #[test]
    fn decoded_lines_are_the_spans_of_meta_json() {
        let mut faults = Vec::new();
        for path in recorded_bodies() {
            let name = name_of(&path).to_owned();
            let ran = run(&["replay-capture", "--decoded", "jsonl"], std::slice::from_ref(&path)).exits(0);
            assert_eq!(ran.stderr, "", "{name}");
            let expected = expected_spans(&meta_of(&path));
            let lines = ran.json_lines();
            assert_eq!(lines.len(), expected.len(), "{name}");
            for (index, (mut line, expected)) in lines.into_iter().zip(&expected).enumerate() {
                let members = line.as_object_mut().expect("an object");
                assert_eq!(members.shift_remove("record"), Some(json!(0)), "{name}");
                let order: Vec<&String> = members.keys().collect();
                let wanted: Vec<&String> = expected.as_object().expect("an object").keys().collect();
                assert_eq!(order, wanted, "{name}: order of the members");
                faults.extend(differences(&name, index, expected, &line));
            }
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    /// Every node below `roots`, parents first, with the id of the node it hangs under.
    fn flatten(roots: &Value) -> Vec<(Value, Option<String>)> {
        let mut nodes = Vec::new();
        let mut open: Vec<(Value, Option<String>)> =
            roots.as_array().expect("roots").iter().rev().map(|root| (root.clone(), None)).collect();
        while let Some((mut node, parent)) = open.pop() {
            let members = node.as_object_mut().expect("a node");
            let id = members["span_id"].as_str().expect("an id").to_owned();
            let children = members.shift_remove("children").expect("children");
            open.extend(children.as_array().expect("a list").iter().rev().map(|c| (c.clone(), Some(id.clone()))));
            nodes.push((node, parent));
        }
        nodes
    }

    /// Traces of `--format json`: a lone object or an array of them.
    fn documents(ran: &Ran) -> Vec<Value> {
        match ran.json() {
            Value::Array(all) => all,
            one => vec![one],
        }
    }

    /// Checks the documents of traces against the decoded spans and against each other.
    fn check_documents(name: &str, documents: &[Value], decoded: &[Value]) {
        let mut by_id: BTreeMap<(String, String), &Value> = BTreeMap::new();
        for span in decoded {
            let id = |member: &str| span[member].as_str().expect("an id").to_owned();
            assert!(by_id.insert((id("trace_id"), id("span_id")), span).is_none(), "{name}: an id twice");
        }
        let mut seen = 0;
        for document in documents {
            assert_eq!(document["schema"], "spanglass.trace/1", "{name}");
            assert_eq!(document.as_object().and_then(|d| d.keys().next()).map(String::as_str), Some("schema"));
            let trace = document["trace_id"].as_str().expect("an id").to_owned();
            let nodes = flatten(&document["roots"]);
            assert_eq!(nodes.len() as u64, document["span_count"].as_u64().expect("a count"), "{name}");
            let failed = nodes.iter().filter(|(node, _)| !node["error"].is_null()).count();
            assert_eq!(failed as u64, document["error_count"].as_u64().expect("a count"), "{name}");
            for (node, parent) in &nodes {
                seen += 1;
                let id = node["span_id"].as_str().expect("an id").to_owned();
                let span = by_id[&(trace.clone(), id.clone())];
                for member in ["parent_id", "service", "name", "resource", "kind", "start_ns", "duration_ns"] {
                    assert_eq!(node[member], span[member], "{name} {id} {member}");
                }
                for member in ["meta", "metrics", "links", "events"] {
                    assert!(same(&node[member], &span[member]), "{name} {id} {member}");
                }
                let type_ = Some(&span["type"]).filter(|type_| type_.as_str() != Some("")).unwrap_or(&Value::Null);
                assert_eq!(&node["type"], type_, "{name} {id}");
                assert_eq!(node["error"].is_null(), span["error"] == 0, "{name} {id}");
                if let Some(parent) = parent {
                    assert_eq!(node["parent_id"].as_str(), Some(parent.as_str()), "{name} {id}");
                }
                let own = node["self_ns"].as_i64().expect("self time");
                assert!((0..=node["duration_ns"].as_i64().expect("a duration")).contains(&own), "{name} {id}");
            }
            for list in ["gaps", "overhangs"] {
                for relation in document[list].as_array().expect("a list") {
                    let find = |end: &str| by_id[&(trace.clone(), relation[end].as_str().expect("an id").to_owned())];
                    let (from, to) = (find("from"), find("to"));
                    assert_eq!(to["parent_id"], from["span_id"], "{name}");
                    assert!(relation["ns"].as_i64().is_some_and(|ns| ns >= 0), "{name}");
                }
            }
            let path: i64 = document["critical_path"]
                .as_array()
                .expect("a path")
                .iter()
                .map(|step| {
                    assert!(by_id.contains_key(&(trace.clone(), step["span_id"].as_str().expect("an id").to_owned())));
                    step["ns"].as_i64().expect("a time")
                })
                .sum();
            assert!(path <= document["duration_ns"].as_i64().expect("a duration"), "{name}");
            for member in ["segments", "stitched", "logs"] {
                assert!(document[member].is_null(), "{name} {member}");
            }
        }
        assert_eq!(seen, decoded.len(), "{name}: spans in the documents");
    }

    #[test]
    fn json_of_every_body_holds_the_decoded_spans() {
        for path in recorded_bodies() {
            let files = std::slice::from_ref(&path);
            let ran = run(&["flamegraph-text", "--format", "json"], files).exits(0);
            let decoded = run(&["replay-capture", "--decoded", "jsonl"], files).exits(0).json_lines();
            check_documents(name_of(&path), &documents(&ran), &decoded);
            let lines = run(&["flamegraph-text", "--format", "jsonl"], files).exits(0);
            assert_eq!(lines.json_lines(), documents(&ran), "{}: jsonl and json", name_of(&path));
        }
    }

    #[test]
    fn sessions_through_the_command_line() {
        for (path, bodies, session) in sessions() {
            let ran = run(&["flamegraph-text", "--format", "json"], &bodies).exits(0);
            let made = sorted(documents(&ran));
            let wanted = sorted(session["traces"].as_array().expect("traces").clone());
            assert_eq!(made.len(), wanted.len(), "{}", name_of(&path));
            for (made, wanted) in made.iter().zip(&wanted) {
                let roots: Vec<&Value> =
                    made["roots"].as_array().expect("roots").iter().map(|root| &root["span_id"]).collect();
                let wanted_roots: Vec<&Value> = wanted["roots"].as_array().expect("roots").iter().collect();
                assert_eq!(roots, wanted_roots, "{}", name_of(&path));
                for (member, in_session) in [
                    ("trace_id", "trace_id"),
                    ("span_count", "spans"),
                    ("error_count", "errors"),
                    ("start_ns", "start"),
                    ("duration_ns", "wall_ns"),
                    ("services", "services"),
                ] {
                    assert_eq!(made[member], wanted[in_session], "{} {member}", name_of(&path));
                }
            }
            let decoded = run(&["replay-capture", "--decoded", "jsonl"], &bodies).exits(0).json_lines();
            check_documents(name_of(&path), &made, &decoded);
        }
    }

    /// A body and its request as one line of a capture.
    fn capture_line(method: &str, path: &Value, headers: &Value, body: &Path) -> String {
        let body = BASE64.encode(read(body));
        json!({"type": "request", "method": method, "path": path, "headers": headers, "body": body}).to_string()
    }

    fn cases(file: &str) -> Vec<Value> {
        let cases = read_json(&support::invalid().join(file))["cases"].as_array().expect("cases").clone();
        assert!(cases.len() >= 7, "{file}: {} cases", cases.len());
        cases
    }

    #[test]
    fn hostile_bodies_are_refused_or_repaired() {
        for case in cases("hostile.json") {
            let file = case["file"].as_str().expect("a file");
            let mut headers = vec![json!(["Content-Type", case["content_type"]])];
            if !case["content_encoding"].is_null() {
                headers.push(json!(["Content-Encoding", case["content_encoding"]]));
            }
            let line = capture_line("POST", &case["endpoint"], &json!(headers), &support::invalid().join(file));
            let command = Spanglass::new(["check-capture", "-", "--format", "json", "--allow-empty"]);
            let ran = command.with_input(line.as_bytes());
            let document = ran.json();
            let findings = document["findings"].as_array().expect("findings");
            let expected: Vec<&str> =
                case["codes_any"].as_array().expect("codes").iter().flat_map(Value::as_str).collect();
            let among = |finding: &&Value| expected.contains(&finding["code"].as_str().expect("a code"));
            let placed = |finding: &Value| finding["offset"].is_u64() || finding["path"].is_string();
            let found: Vec<&Value> = findings.iter().filter(among).collect();
            assert!(!found.is_empty() && found.iter().all(|f| placed(f)), "{file}: {findings:?}");
            let is_error = |finding: &Value| finding["severity"] == "error";
            if case["outcome"] == "error" {
                assert_eq!((ran.status, &document["ok"]), (1, &json!(false)), "{file}");
                assert!(found.iter().any(|f| is_error(f)), "{file}: {findings:?}");
            } else {
                assert_eq!((ran.status, &document["ok"]), (0, &json!(true)), "{file}: {findings:?}");
                assert!(!findings.iter().any(is_error), "{file}: {findings:?}");
                assert_eq!(document["spans"], case["spans"], "{file}");
            }
            let records = &document["records"];
            let count = |member: &str| records[member].as_u64().expect("a count");
            assert_eq!(count("read"), count("decoded") + count("skipped"), "{file}");
            assert_eq!(count("read"), 1, "{file}");
        }
    }

    /// Declared lengths never allocate: the memory of a run is that of the program.
    #[test]
    #[cfg(unix)]
    fn hostile_bodies_take_little_memory() {
        use std::io::Write;
        use std::process::Stdio;
        use wait4::Wait4;
        for case in cases("hostile.json") {
            let file = case["file"].as_str().expect("a file");
            let headers = json!([["Content-Type", case["content_type"]]]);
            let line = capture_line("POST", &case["endpoint"], &headers, &support::invalid().join(file));
            let mut command = Spanglass::new(["check-capture", "-", "--format", "json"]).0;
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("a process");
            child.stdin.take().expect("stdin").write_all(line.as_bytes()).expect("a line");
            let used = child.wait4().expect("its usage").rusage.maxrss;
            let most = case["max_rss_mb"].as_u64().expect("a limit") << 20;
            assert!(used < most, "{file}: {used} bytes");
        }
    }

    #[test]
    fn the_wrong_name_is_found_with_its_place() {
        let file = support::invalid().join("name-is-int.v0.4.bin");
        let document = run(&["check-capture", "--json"], &[file]).exits(1).json();
        let finding = document["findings"].as_array().expect("findings").iter().find(|f| f["code"] == "D003");
        let finding = finding.expect("D003");
        assert_eq!(finding["path"], "[0][0].name");
        assert!(finding["offset"].as_u64().is_some_and(|offset| offset > 0), "{finding}");
        assert!(finding["file"].as_str().is_some_and(|file| file.ends_with("name-is-int.v0.4.bin")), "{finding}");
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let file = support::invalid().join("bad-utf8.v0.4.bin");
        let lines = run(&["replay-capture", "--decoded", "jsonl"], &[file]).exits(0).json_lines();
        assert_eq!(lines[0]["name"], "a\u{fffd}b");
    }

    #[test]
    fn known_findings_are_found() {
        for case in cases("validity.json") {
            let file = case["file"].as_str().expect("a file");
            let method = case["method"].as_str().expect("a method");
            let line = capture_line(method, &case["endpoint"], &case["headers"], &support::invalid().join(file));
            let now = case["now_ns"].to_string();
            let ran = Spanglass::new(["check-capture", "-", "--format", "json", "--now", &now]);
            let document = ran.with_input(line.as_bytes()).json();
            let findings = document["findings"].as_array().expect("findings");
            for must in case["must"].as_array().expect("must") {
                let fits = |finding: &&Value| {
                    finding["code"] == must["code"]
                        && must.get("span_id").is_none_or(|span| finding["span_id"] == *span)
                };
                assert!(findings.iter().any(|f| fits(&f)), "{file}: no {must} in {findings:?}");
            }
            for never in case["must_not"].as_array().expect("must_not") {
                assert!(!findings.iter().any(|f| f["code"] == *never), "{file}: {never} in {findings:?}");
            }
        }
    }

    #[test]
    fn the_container_holds_the_requests_that_were_recorded() {
        let expected = read_json(&fixture("captures/capture.expected.json"));
        let requests = expected["expect"]["requests"].as_array().expect("requests");
        let read_here = |request: &&Value| {
            ["v0.3", "v0.4", "v0.5", "otlp-proto", "otlp-json", "otlp-grpc"]
                .contains(&request["protocol"].as_str().expect("p"))
        };
        let spans: u64 = requests.iter().filter(read_here).filter_map(|request| request["spans"].as_u64()).sum();
        let decodable = requests.iter().filter(read_here).count();
        let forms = ["capture.jsonl", "capture.jsonl.gz", "capture-members.jsonl.gz", "capture.jsonl.zst"];
        let mut all = Vec::new();
        for form in forms {
            let ran = run(&["replay-capture", "--json"], &[fixture(&format!("captures/{form}"))]);
            let mut document = ran.json();
            let skipped = requests.len() - decodable;
            let records = json!({"read": requests.len(), "decoded": decodable, "skipped": skipped});
            assert_eq!((&document["records"], &document["spans"]), (&records, &json!(spans)), "{form}");
            let members = document.as_object_mut().expect("an object");
            members.shift_remove("elapsed_ns");
            for finding in members["findings"].as_array_mut().expect("findings") {
                finding["file"] = Value::Null;
            }
            all.push(document);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "the forms of one capture differ: {all:#?}");
    }

    #[test]
    fn damaged_containers_lose_what_is_damaged_and_no_more() {
        // (file, records read, decoded, skipped, spans, codes, exit)
        for (file, read, decoded, skipped, spans, codes, exit) in [
            ("torn.jsonl", 2, 2, 0, 15, &["C001"][..], 0),
            ("bad-record.jsonl", 5, 3, 2, 30, &["C002"], 1),
            ("checksum.jsonl", 5, 4, 1, 36, &["C003"], 0),
            ("concatenated.jsonl", 10, 8, 2, 72, &[], 0),
            ("hand-made.jsonl", 2, 2, 0, 18, &[], 0),
        ] {
            let ran = run(&["replay-capture", "--json"], &[fixture(&format!("captures/{file}"))]);
            let document = ran.json();
            let records = json!({"read": read, "decoded": decoded, "skipped": skipped});
            assert_eq!((&document["records"], &document["spans"]), (&records, &json!(spans)), "{file}");
            let found: BTreeSet<&str> = document["findings"]
                .as_array()
                .expect("findings")
                .iter()
                .filter_map(|finding| finding["code"].as_str())
                .collect();
            assert_eq!(found, codes.iter().copied().collect(), "{file}");
            assert_eq!(ran.status, exit, "{file}: {}", ran.stderr);
        }
        let ran = run(&["replay-capture", "--json"], &[fixture("captures/newer-version.jsonl")]).exits(2);
        assert_eq!(ran.json()["records"]["read"], 0);
        assert!(ran.stderr.contains("C004"), "{}", ran.stderr);
        let ran = run(&["replay-capture", "--json", "--force"], &[fixture("captures/newer-version.jsonl")]);
        assert_eq!(ran.json()["records"]["read"], 5);
    }

    /// What ddtrace-py counted itself: no traces, and no fault either.
    #[test]
    fn client_stats_are_shown() {
        let file = fixture("captures/clientstats.v0.6-stats.bin");
        let document = run(&["replay-capture", "--json"], std::slice::from_ref(&file)).exits(0).json();
        assert_eq!(document["records"], json!({"read": 1, "decoded": 0, "skipped": 1}));
        assert_eq!((&document["other"], &document["findings"]), (&json!({"client stats": 1}), &json!([])));
        let root = document["stats"].as_array().expect("stats").iter().find(|group| group["name"] == "http.request");
        assert_eq!(
            root,
            Some(&json!({
                "service": "hello-service",
                "name": "http.request",
                "resource": "GET /hello",
                "type": "web",
                "kind": "server",
                "http_status": 200,
                "env": "dev",
                "hits": 3,
                "errors": 0,
                "mean_ns": 26_078_631 / 3,
            }))
        );
        let text = run(&["replay-capture", "--width", "100"], &[file]).exits(0).stdout;
        assert!(text.contains("hello-service") && text.contains("without traces: client stats 1"), "{text}");
    }

    /// captures.md section 2: killed while it wrote a member, `--out NAME.gz` loses that record and no more, and a torn
    /// tail alone does not change the exit code, compressed or not.
    #[test]
    fn a_torn_gzip_member_is_a_torn_tail() {
        let ran = run(&["replay-capture", "--json"], &[fixture("captures/torn-member.jsonl.gz")]);
        let document = ran.json();
        assert_eq!(document["records"], json!({"read": 2, "decoded": 2, "skipped": 0}));
        assert_eq!(document["spans"], 15);
        let findings = document["findings"].as_array().expect("findings");
        assert!(findings.iter().any(|finding| finding["code"] == "C001"), "{findings:?}");
        assert!(findings.iter().all(|finding| finding["severity"] != "error"), "{findings:?}");
        ran.exits(0);
    }
}

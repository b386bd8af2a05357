//! Every container of fixtures/captures/containers meets its entry in manifest.json, through the library.

mod support;

use serde_json::Value;
use sha2::{Digest, Sha256};
use spanglass::capture::{self, CaptureLimits};
use spanglass::diagnostic::{Diagnostics, Severity};
use spanglass::intake::{Intake, Note, Scanned, Settings};
use spanglass::trace::Span;
use spanglass::wire::Options;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Trace, span and parent id, name, service, start, duration, error.
type Row = (String, String, String, String, String, i64, i64, i64);

fn folder() -> PathBuf {
    support::root().join("fixtures/captures/containers")
}

fn manifest() -> Vec<Value> {
    let text = std::fs::read(folder().join("manifest.json")).expect("the manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    manifest["files"].as_array().expect("a list").clone()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn requests_come_out_byte_for_byte() {
    let mut faults = Vec::new();
    let mut compared = 0;
    for entry in manifest() {
        let Some(expected) = entry["expect"]["requests"].as_array() else { continue };
        let name = entry["file"].as_str().expect("a name");
        let path = folder().join(name);
        let mut found = Diagnostics::default();
        let input = BufReader::new(File::open(&path).expect("the container"));
        let mut capture = capture::open(input, &path, CaptureLimits::default()).expect("a capture");
        let mut read = Vec::new();
        while let Some(record) = capture.next_record(&mut found) {
            let again = capture.record(record.index).expect("the record again");
            assert_eq!(again.request, record.request, "{name}: request {} read again", record.index);
            let request = record.request;
            read.push((request.method, request.path, request.body.len() as u64, hex(&Sha256::digest(&request.body))));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let wanted: Vec<_> = expected
            .iter()
            .map(|request| {
                let bytes = request["bytes"].as_u64().unwrap_or_default();
                (text(&request["method"]), text(&request["path"]), bytes, text(&request["sha256"]))
            })
            .collect();
        compared += wanted.len();
        // Requests of a packet capture come in the order of time, the manifest lists them by connection.
        let (mut read, mut wanted) = (read, wanted);
        if name.ends_with(".pcap") {
            read.sort();
            wanted.sort();
        }
        if read != wanted {
            faults.push(format!("{name}:\n  read   {read:?}\n  wanted {wanted:?}"));
        }
        faults.extend(found.iter().map(|finding| format!("{name}: {finding}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared >= 24, "only {compared} requests were compared");
}

#[test]
fn spans_come_out_as_they_were() {
    let mut faults = Vec::new();
    let mut compared = 0;
    for entry in manifest() {
        let expect = &entry["expect"];
        if !expect["requests"].is_null() {
            continue;
        }
        let name = entry["file"].as_str().expect("a name");
        let path = folder().join(name);
        let mut found = Diagnostics::default();
        let input = BufReader::new(File::open(&path).expect("the container"));
        let capture = capture::open(input, &path, CaptureLimits::default()).expect("a capture");
        let mut intake = Intake::new(vec![(path, capture)], Settings::default());
        let mut spans: Vec<Row> = Vec::new();
        let rows = |(): &mut (), scanned: &Scanned<'_>, _: &mut Diagnostics| {
            let row = |span: Span<'_>| {
                (
                    span.trace_id().to_string(),
                    span.span_id().to_string(),
                    span.parent_id().unwrap_or_default().to_string(),
                    span.name().to_owned(),
                    span.service().to_owned(),
                    span.start().0,
                    span.duration().0,
                    i64::from(span.error()),
                )
            };
            scanned.payload.spans().map(row).collect::<Vec<Row>>()
        };
        intake.scan(&Options::default(), Note::Places, None, &mut found, rows, |_, _, rows| {
            spans.extend(rows);
            ControlFlow::Continue(())
        });
        faults.extend(
            found
                .iter()
                .filter(|finding| finding.severity() == Severity::Error)
                .map(|finding| format!("{name}: {finding}")),
        );
        compared += spans.len();
        if let Some(count) = expect["span_count"].as_u64()
            && count != spans.len() as u64
        {
            faults.push(format!("{name}: {} spans, expected {count}", spans.len()));
        }
        if let Some(traces) = expect["traces"].as_u64()
            && traces != intake.traces().len() as u64
        {
            faults.push(format!("{name}: {} traces, expected {traces}", intake.traces().len()));
        }
        if let Some(documents) = expect["documents"].as_u64()
            && documents != intake.counts().decoded
        {
            faults.push(format!("{name}: {} documents, expected {documents}", intake.counts().decoded));
        }
        if let Some(names) = expect["names"].as_array() {
            let read: Vec<&str> = spans.iter().map(|span| span.3.as_str()).collect();
            let wanted: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            if read != wanted {
                faults.push(format!("{name}: names {read:?}, expected {wanted:?}"));
            }
        }
        if let Some(ids) = expect["span_ids"].as_array() {
            let mut read: Vec<&str> = spans.iter().map(|span| span.1.as_str()).collect();
            read.sort_unstable();
            let wanted: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
            if read != wanted {
                faults.push(format!("{name}: span ids differ"));
            }
        }
        let tolerance = expect["tolerance_ns"].as_i64().unwrap_or_default();
        for wanted in expect["spans"].as_array().into_iter().flatten() {
            let same = |span: &&Row| {
                let near =
                    |found: i64, wanted: &Value| (found - wanted.as_i64().unwrap_or(i64::MIN / 2)).abs() <= tolerance;
                wanted["trace_id"] == span.0.as_str()
                    && wanted["span_id"] == span.1.as_str()
                    && wanted["parent_id"] == span.2.as_str()
                    && wanted["name"] == span.3.as_str()
                    && wanted["service"] == span.4.as_str()
                    && near(span.5, &wanted["start"])
                    && near(span.6, &wanted["duration"])
                    && wanted["error"] == span.7
            };
            if !spans.iter().any(|span| same(&span)) {
                faults.push(format!("{name}: no span {wanted}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared >= 200, "only {compared} spans were compared");
}

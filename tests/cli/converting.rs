//! `convert-capture`: what comes out of every container in every form, read back through the program.

use crate::support::process::{Spanglass, spanglass};
use crate::support::{fixture, read_json, root};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const CAPTURE: &str = "fixtures/captures/capture.jsonl";

/// Trace, span and parent id, name, service, start, duration, error.
type Row = (String, String, String, String, String, i64, i64, i64);

fn convert(input: &str, form: &str, more: &[&str]) -> (TempDir, PathBuf, String) {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let ran = Spanglass::new(["convert-capture", input, "--to", form, "--out", out.to_str().unwrap()]).args(more).run();
    assert_eq!(ran.status, 0, "{input} to {form}: {ran:?}");
    (folder, out, ran.stderr)
}

/// The spans of a capture, in the order of their times, as `replay-capture --decoded jsonl` prints them.
fn spans(capture: &Path) -> Vec<Row> {
    let ran = spanglass("replay-capture --decoded jsonl").args([capture]).run();
    assert_eq!(ran.status, 0, "{}: {}", capture.display(), ran.stderr);
    let text = |value: &Value| value.as_str().unwrap_or("0000000000000000").to_owned();
    let row = |line: &str| {
        let span: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| span[key].as_i64().unwrap();
        (
            text(&span["trace_id"]),
            text(&span["span_id"]),
            text(&span["parent_id"]),
            text(&span["name"]),
            text(&span["service"]),
            number("start_ns"),
            number("duration_ns"),
            number("error"),
        )
    };
    let mut rows: Vec<Row> = ran.stdout.lines().map(row).collect();
    rows.sort_by(|a, b| (a.5, &a.1).cmp(&(b.5, &b.1)));
    rows
}

fn containers() -> Vec<Value> {
    let text = std::fs::read(root().join("fixtures/captures/containers/manifest.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["files"].as_array().unwrap().clone()
}

#[test]
fn every_container_meets_its_entry_in_the_manifest() {
    for entry in containers() {
        let name = entry["file"].as_str().unwrap();
        let path = format!("fixtures/captures/containers/{name}");
        let own = spans(&root().join(&path));
        if let Some(wanted) = entry["expect"]["spans"].as_array() {
            let mut ids: Vec<&str> = own.iter().map(|row| row.1.as_str()).collect();
            let mut wanted: Vec<&str> = wanted.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
            ids.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(ids, wanted, "{name}");
        }
        let checked = spanglass("check-capture --fail-on never --json --allow-empty").args([&path]).run();
        let document: Value = serde_json::from_str(&checked.stdout).unwrap_or_else(|_| panic!("{name}: {checked:?}"));
        assert_eq!((checked.status, document["spans"].as_u64()), (0, Some(own.len() as u64)), "{name}");

        let (_folder, out, _) = convert(&path, "capture", &[]);
        assert_eq!(spans(&out), own, "{name} as a capture");
        let Some(wanted) = entry["expect"]["requests"].as_array() else { continue };
        let hash = |body: &[u8]| Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut made: Vec<String> = requests(&out).iter().map(|(_, body)| hash(body)).collect();
        let mut wanted: Vec<String> = wanted.iter().map(|r| r["sha256"].as_str().unwrap().to_owned()).collect();
        // A packet capture's requests come in the order of time.
        made.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(made, wanted, "{name}: bodies");
    }
}

/// Path and body of the requests of a capture.
fn requests(capture: &Path) -> Vec<(String, Vec<u8>)> {
    use base64::Engine as _;
    let text = std::fs::read_to_string(capture).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests = lines.filter(|line| line["type"] == "request");
    let body = |line: &Value| match line["body_text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64::engine::general_purpose::STANDARD.decode(line["body"].as_str().unwrap()).unwrap(),
    };
    requests.map(|line| (line["path"].as_str().unwrap().to_owned(), body(&line))).collect()
}

#[test]
fn every_form_holds_the_same_spans() {
    let own = spans(&root().join(CAPTURE));
    assert_eq!(own.len(), 36);
    for form in ["capture", "v0.4", "v0.5", "v0.7", "v1.0", "otlp-proto", "otlp-json"] {
        let (_folder, out, _) = convert(CAPTURE, form, &[]);
        let same = |rows: Vec<Row>| rows.into_iter().map(|row| (row.0, row.1, row.2, row.4, row.5, row.6, row.7));
        assert!(same(spans(&out)).eq(same(own.clone())), "{form}");
    }
    // Both count microseconds.
    for form in ["zipkin", "jaeger"] {
        let (_folder, out, lost) = convert(CAPTURE, form, &[]);
        let micro = |rows: Vec<Row>| {
            let mut rows: Vec<_> = rows.into_iter().map(|r| (r.0, r.1, r.2, r.4, r.5 / 1000, r.6 / 1000)).collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(micro(spans(&out)), micro(own.clone()), "{form}");
        assert!(lost.contains("36 nanoseconds of start or duration"), "{form}: {lost}");
    }
}

#[test]
fn lines_of_our_own_captures_are_kept_whole() {
    let folder = TempDir::new().unwrap();
    let capture = folder.path().join("own.jsonl");
    let text = concat!(
        r#"{"type":"capture","v":1,"listen":[],"site":"edge"}"#,
        "\n",
        r#"{"type":"request","seq":7,"method":"POST","path":"/v0.4/traces","mine":{"a":1},"headers":[["X-A","b"]],"body":"kA=="}"#,
        "\n",
        r#"{"type":"response","seq":7,"status":200,"headers":[],"body":""}"#,
        "\n",
        r#"{"type":"note","text":"before the deploy"}"#,
        "\n"
    );
    std::fs::write(&capture, format!("{text}{{\"type\":\"request\",\"se")).unwrap();
    let ran = spanglass("convert-capture --to capture").args([&capture]).run();
    assert_eq!((ran.status, ran.stdout.as_str()), (0, text), "{}", ran.stderr);
    assert!(ran.stderr.contains("the last line is torn"), "{}", ran.stderr);
}

#[test]
fn one_payload_is_a_body_and_several_are_a_capture() {
    let (_folder, out, _) = convert("fixtures/captures/containers/jaeger-ui.json", "otlp-json", &[]);
    let document: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert!(document["resourceSpans"].is_array());
    let (_folder, out, _) = convert(CAPTURE, "v0.5", &[]);
    let made = requests(&out);
    assert!(made.len() == 4 && made.iter().all(|(path, _)| path == "/v0.5/traces"), "{made:?}");
}

#[test]
fn only_what_is_selected_is_converted() {
    let (_folder, out, _) = convert(CAPTURE, "v0.4", &["--query", "operation_name:functionB @duration:>10ms"]);
    let rows = spans(&out);
    assert!(rows.len() == 4 && rows.iter().all(|row| row.0 == rows[0].0), "one whole trace: {rows:?}");
    let ran = spanglass("convert-capture --to zipkin --query service:nobody").args([CAPTURE]).run();
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "[]\n"));
    assert!(ran.stderr.contains("service:nobody alone matches none of 36 spans"), "{}", ran.stderr);
}

/// A span that has everything: what a form cannot carry is counted, all of it and nothing else.
#[test]
fn losses_are_counted_and_strict_minds_them() {
    let datadog = "1 attributes of instrumentation scopes, 1 boolean attributes written as text, 5 counts of dropped data, \
                   1 integers over 2^53 written as floats, 2 list and map attributes written as text, ";
    for (form, lost) in [
        ("capture", ""),
        ("otlp-proto", ""),
        ("otlp-json", ""),
        ("v0.4", &format!("{datadog}2 schema URLs, 1 span flags")),
        ("v0.5", &format!("{datadog}1 meta_struct documents, 2 schema URLs, 1 span flags")),
        ("v0.7", &format!("{datadog}2 schema URLs, 1 span flags")),
        ("v1.0", "1 attributes of instrumentation scopes, 5 counts of dropped data, 2 schema URLs, 1 span flags"),
        (
            "zipkin",
            "1 attributes of instrumentation scopes, 4 dropped counts, 1 flags, 1 instrumentation scopes, \
             1 nanoseconds of event times, 1 nanoseconds of start or duration, 2 schema URLs, 1 span links, \
             1 the kind internal, 7 types of attributes, written as text",
        ),
        (
            "jaeger",
            "1 attributes of instrumentation scopes, 1 attributes of links, 5 dropped counts, 1 flags of links, \
             2 lists and maps, written as JSON text, 1 nanoseconds of event times, 1 nanoseconds of start or duration, \
             2 schema URLs, 1 tracestate of links",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let run = |more: &str| {
            let out = folder.path().join("out");
            let everything = std::fs::read(fixture("captures/everything.json")).unwrap();
            spanglass(&format!("convert-capture - --to {form} {more} --out")).args([out]).with_input(&everything)
        };
        let (lenient, strict) = (run(""), run("--strict"));
        assert_eq!((lenient.status, strict.status), (0, i32::from(!lost.is_empty())), "{form}: {strict:?}");
        let told = if lost.is_empty() { String::new() } else { format!("note: lost: {lost}\n") };
        assert_eq!((lenient.stderr.as_str(), strict.stderr.as_str()), (told.as_str(), told.as_str()), "{form}");
    }
}

#[test]
fn stacks_are_folded_with_their_own_times() {
    let ran = spanglass("convert-capture --to folded --trace 6b001b900000000051c9191539e3891c").args([CAPTURE]).run();
    assert_eq!(
        ran.stdout,
        "hello-service: http.request GET /hello 2217160\n\
         hello-service: http.request GET /hello;hello-service: functionA someParam 6090976\n\
         hello-service: http.request GET /hello;hello-service: functionB someParam 4771544\n\
         hello-service: http.request GET /hello;hello-service: functionB someParam;hello-service: functionC someParam 6095873\n"
    );
}

/// All documented traces as well: errors, events, links, several services.
#[test]
fn documents_are_as_zipkin_and_jaeger_publish_them() {
    let folder = TempDir::new().unwrap();
    let mut inputs: Vec<PathBuf> = crate::scenarios::cases(folder.path()).into_iter().map(|case| case.body).collect();
    inputs.push(root().join(CAPTURE));
    for form in ["zipkin", "jaeger"] {
        let name = if form == "zipkin" { "zipkin2" } else { form };
        let schema = read_json(&fixture(&format!("schemas/{name}.json")));
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let ran = spanglass(&format!("convert-capture --to {form}")).args(&inputs).run();
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        let faults: Vec<String> =
            schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).take(20).collect();
        assert!(faults.is_empty(), "{form}:\n{}", faults.join("\n"));
        let spans = match form {
            "zipkin" => document.as_array().unwrap().len(),
            _ => {
                document["data"].as_array().unwrap().iter().map(|trace| trace["spans"].as_array().unwrap().len()).sum()
            }
        };
        assert_eq!(spans, 267 + 36, "{form}");
    }
}

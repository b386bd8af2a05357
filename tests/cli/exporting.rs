//! `flamegraph-text --out`: what is written is what the viewers read.

use crate::support::process::spanglass;
use crate::support::{fixture, read};
use serde_json::Value;
use std::collections::BTreeMap;

const CAPTURE: &str = "fixtures/systems/flowbot.jsonl";

fn exported(form: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let ran = spanglass("flamegraph-text").args([CAPTURE, "--out", form]).args([&path]).run();
    assert!(ran.status == 0 && ran.stdout.is_empty(), "{ran:?}");
    assert!(ran.stderr.contains("13 traces in "), "{ran:?}");
    let again = spanglass("flamegraph-text --quiet").args([CAPTURE, "--out", form, "-"]).run();
    let bytes = read(&path);
    assert_eq!(again.stdout.as_bytes(), bytes);
    bytes
}

#[test]
fn folded_stacks_are_those_of_convert_capture_and_go_through_inferno() {
    let folded = String::from_utf8(exported("folded")).unwrap();
    let converted = spanglass("convert-capture --to folded").args([CAPTURE]).run();
    assert_eq!(folded, converted.stdout);
    let mut picture = Vec::new();
    let mut options = inferno::flamegraph::Options::default();
    inferno::flamegraph::from_lines(&mut options, folded.lines(), &mut picture).unwrap();
    assert!(String::from_utf8(picture).unwrap().contains("pipeline.daily-digest.execute"));
}

#[test]
fn the_picture_is_an_svg_without_requests() {
    let svg = String::from_utf8(exported("svg")).unwrap();
    assert!(svg.starts_with("<?xml") && svg.contains("pipeline.daily-digest.execute"));
    assert!(!svg.contains("src=\"http") && !svg.contains("href=\"http://") && !svg.contains("@import"));
}

/// By the published schema, and every event opens and closes its frame in order.
#[test]
fn speedscope_files_follow_their_schema() {
    let document: Value = serde_json::from_slice(&exported("speedscope")).unwrap();
    let schema: Value = serde_json::from_slice(&read(&fixture("schemas/speedscope.json"))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let frames = document["shared"]["frames"].as_array().unwrap().len() as u64;
    let mut spans = 0;
    for profile in document["profiles"].as_array().unwrap() {
        let mut open = Vec::new();
        let mut last = 0;
        for event in profile["events"].as_array().unwrap() {
            let (at, frame) = (event["at"].as_i64().unwrap(), event["frame"].as_u64().unwrap());
            assert!(at >= last && frame < frames);
            last = at;
            match event["type"].as_str() {
                Some("O") => {
                    open.push(frame);
                    spans += 1;
                }
                _ => assert_eq!(open.pop(), Some(frame)),
            }
        }
        assert!(open.is_empty() && last <= profile["endValue"].as_i64().unwrap());
    }
    assert_eq!(spans, 54);
}

/// Complete events, which nest on every thread; secrets are hidden.
#[test]
fn perfetto_files_nest() {
    let document: Value = serde_json::from_slice(&exported("perfetto")).unwrap();
    let mut threads: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
    let mut spans = 0;
    for event in document["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X") {
        let (start, length) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        assert!(event["pid"].is_u64() && event["args"]["span_id"].is_string());
        threads.entry(event["tid"].as_u64().unwrap()).or_default().push((start, start + length));
        spans += 1;
    }
    assert_eq!(spans, 54);
    for mut spans in threads.into_values() {
        spans.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut open: Vec<f64> = Vec::new();
        for (start, end) in spans {
            while open.last().is_some_and(|open| *open <= start) {
                open.pop();
            }
            assert!(open.last().is_none_or(|open| end <= *open), "{start} {end} {open:?}");
            open.push(end);
        }
    }
}

/// The picture of the README is what its command makes.
#[test]
fn the_picture_of_the_readme_is_made_by_its_command() {
    let made = spanglass("flamegraph-text --quiet fixtures/systems/xmtpd.jsonl --out svg -").run();
    assert!(
        made.stdout.as_bytes() == read(&fixture("pictures/xmtpd.svg")),
        "--out svg fixtures/pictures/xmtpd.svg writes it anew"
    );
}

//! What the real tracers did with the header sets of `fixtures/propagation/verdicts.jsonl`, against what the
//! profiles say: every case for every profile, each verdict whole.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};
use spanglass::http::Headers;
use spanglass::propagation::codes;
use spanglass::propagation::verdict::{Outcome, Verdict, judge, profiles, select};

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/propagation/verdicts.jsonl");
    let text = std::fs::read_to_string(path).expect("the fixture");
    text.lines().map(|line| serde_json::from_str(line).expect("a case per line")).collect()
}

fn headers(case: &Value) -> Headers {
    let mut headers = Headers::default();
    for pair in case["headers"].as_array().expect("headers") {
        headers.push(pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"));
    }
    headers
}

/// A verdict in the members of the fixture, where a dropped context is an error.
fn members(verdict: &Verdict) -> Value {
    let mut members = Map::new();
    let outcome = if verdict.outcome == Outcome::Drop { "error" } else { verdict.outcome.name() };
    members.insert("outcome".into(), outcome.into());
    members.insert("style".into(), verdict.style.map(|style| style.name()).into());
    members.insert("trace_id".into(), verdict.trace_id.map(|id| id.to_string()).into());
    members.insert("parent_id".into(), verdict.parent_id.map(|id| id.to_string()).into());
    members.insert("sampled".into(), verdict.sampled.into());
    for (name, raw) in [("raw_trace_id", &verdict.raw_trace_id), ("raw_parent_id", &verdict.raw_parent_id)] {
        if let Some(raw) = raw {
            members.insert(name.into(), raw.as_str().into());
        }
    }
    Value::Object(members)
}

#[test]
fn every_profile_does_what_its_tracer_did() {
    let cases = cases();
    assert_eq!(cases.len(), 448);
    let (mut checked, mut faults) = (0, Vec::new());
    for case in &cases {
        let headers = headers(case);
        for profile in profiles() {
            let expected = &case["verdicts"][profile.key];
            let verdict = judge(profile, &headers);
            let got = members(&verdict);
            checked += 1;
            if got != *expected {
                let (id, because) = (&case["id"], &verdict.because);
                faults.push(format!(
                    "{id} {}\n  {}\n  expected {expected}\n  got      {got}\n  because  {because:?}",
                    profile.key, case["headers"]
                ));
            }
        }
    }
    assert_eq!(checked, 448 * 27);
    assert!(faults.is_empty(), "{} verdicts of {checked} differ:\n{}", faults.len(), faults.join("\n"));
}

/// A trace that is not continued as it was sent has a reason, whenever a header was there that carries one.
#[test]
fn what_is_not_continued_has_a_cause() {
    let carries = ["x-datadog-trace-id", "traceparent", "x-b3-traceid", "b3", "uber-trace-id", "x-amzn-trace-id"];
    let mut faults = Vec::new();
    for case in &cases() {
        let headers = headers(case);
        if !headers.iter().any(|(name, _)| carries.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            continue;
        }
        for profile in profiles() {
            let verdict = judge(profile, &headers);
            if verdict.outcome != Outcome::Continue && verdict.because.is_empty() {
                faults.push(format!("{} {} {}", case["id"], profile.key, case["headers"]));
            }
        }
    }
    assert!(faults.is_empty(), "{} without a cause:\n{}", faults.len(), faults.join("\n"));
}

/// Every cause is a finding of the catalogue, so that a reader can look it up.
#[test]
fn causes_are_codes() {
    let mut unknown: Vec<&str> = Vec::new();
    for case in &cases() {
        for profile in profiles() {
            for cause in judge(profile, &headers(case)).because {
                if !codes::ALL.iter().any(|code| code.id() == cause) && !unknown.contains(&cause) {
                    unknown.push(cause);
                }
            }
        }
    }
    assert!(unknown.is_empty(), "causes that are no codes: {unknown:?}");
}

const TRACE: &str = "71c2f0a9d4e85b36af0192837465bcde";

/// One quirk a row: tracer, header lines, and the outcome, trace id, parent id and causes that it leads to.
#[test]
fn single_quirks() {
    let tp = |value: &str| format!("traceparent: {value}");
    let ids = format!("{TRACE}-2b7e151628aed2a6");
    let plain = tp(&format!("00-{ids}-01"));
    let rows: Vec<(&str, String, String)> = vec![
        // Flags: dd-trace-rs takes 02 at most, OpenTelemetry Go 03, New Relic reads them in base 2.
        ("dd-trace-rs", tp(&format!("00-{ids}-02")), format!("continue {ids}")),
        ("dd-trace-rs", tp(&format!("00-{ids}-03")), "restart tracers-disagree".into()),
        ("otel-go", tp(&format!("00-{ids}-03")), format!("continue {ids}")),
        ("otel-go", tp(&format!("00-{ids}-04")), "restart traceparent-unknown-flags".into()),
        ("newrelic-python", tp(&format!("00-{ids}-02")), "restart tracers-disagree".into()),
        ("newrelic-python", tp(&format!("00-{ids}-11")), format!("continue {ids}")),
        ("dd-trace-go", tp(&format!("00-{ids}-80")), "drop traceparent-unknown-flags".into()),
        // What comes after is judged before the parent: an error, not "nothing found".
        (
            "dd-trace-go",
            tp(&format!("00-{TRACE}-0000000000000000-01-x")),
            "drop traceparent-trailing-data traceparent-parent-id-zero".into(),
        ),
        // Only what this tracer minds: dd-trace-js and dd-trace-cpp take upper case.
        (
            "dd-trace-js",
            tp("00-640CFD8D00000000abcdefab12345678-000000003ade68b1-1"),
            "restart traceparent-flags-malformed".into(),
        ),
        (
            "dd-trace-cpp",
            tp("00-640CFD8D00000000abcdefab12345678-000000003ade68b1-1"),
            "restart traceparent-flags-malformed".into(),
        ),
        (
            "dd-trace-py",
            tp("00-640CFD8D00000000abcdefab12345678-000000003ade68b1-1"),
            "restart traceparent-uppercase-hex traceparent-flags-malformed".into(),
        ),
        ("otel-rust", tp("FF-abc-7-100"), "restart traceparent-version-ff traceparent-flags-malformed".into()),
        (
            "dd-trace-cpp",
            tp("0-71C2-2b7e151628aed2a6-01"),
            "restart traceparent-version-malformed traceparent-trace-id-malformed".into(),
        ),
        // An unreadable priority is no reason where it only means "none".
        (
            "dd-trace-js",
            "x-datadog-trace-id: 5\nx-datadog-sampling-priority: 1x".into(),
            "restart datadog-parent-id-missing".into(),
        ),
        (
            "dd-trace-rs",
            "x-datadog-trace-id: x\nx-datadog-parent-id: y\nx-datadog-sampling-priority: z".into(),
            "restart datadog-trace-id-malformed".into(),
        ),
        // Case, length and ends of traceparent.
        ("dd-trace-js", tp(&format!("FF-{ids}-01")), format!("continue {ids} traceparent-uppercase-hex")),
        ("dd-trace-py", tp(&format!("cc-{ids}-01-")), "restart tracers-disagree".into()),
        ("dd-trace-rs", tp(&format!("00-{ids}-01-")), format!("continue {ids} traceparent-trailing-data")),
        ("dd-trace-py", tp(&format!("\u{a0}00-{ids}-01")), format!("continue {ids} traceparent-version-malformed")),
        ("dd-trace-cpp", tp(&format!("\u{a0}00-{ids}-01")), "restart traceparent-version-malformed".into()),
        (
            "otel-rust",
            tp("0-abc-7-1"),
            format!(
                "continue {:0>32}-{:0>16} traceparent-version-malformed traceparent-trace-id-malformed \
                 traceparent-parent-id-malformed traceparent-flags-malformed",
                "abc", "7"
            ),
        ),
        (
            "elastic-apm-python",
            tp("00-xyz-2b7e151628aed2a6-01"),
            "continue xyz-2b7e151628aed2a6 traceparent-trace-id-malformed".into(),
        ),
        ("elastic-apm-python", format!("{plain}\ntracestate: yes=1"), "drop tracers-disagree".into()),
        // Repeated headers.
        ("dd-trace-cpp", format!("{plain}\n{plain}"), format!("continue {ids} traceparent-duplicate")),
        ("dd-trace-go", format!("{plain}\n{plain}"), "drop traceparent-duplicate".into()),
        ("otel-js", format!("{plain}\n{plain}"), "restart traceparent-duplicate traceparent-flags-malformed".into()),
        // Names.
        ("dd-trace-py", format!("HTTP_TRACEPARENT: 00-{ids}-01"), format!("continue {ids}")),
        ("dd-trace-js", format!("HTTP_TRACEPARENT: 00-{ids}-01"), "restart header-name-cgi-form".into()),
        ("otel-js", format!("trace-parent: 00-{ids}-01"), "restart header-name-near-miss".into()),
        ("otel-js", "b3: 1".into(), "restart style-not-enabled".into()),
        // Numbers of Datadog headers.
        (
            "dd-trace-js",
            "x-datadog-trace-id: 12x\nx-datadog-parent-id: 7".into(),
            format!("continue {:032x}-{:016x} datadog-trace-id-malformed", 12, 7),
        ),
        (
            "dd-trace-js",
            "x-datadog-trace-id: -5\nx-datadog-parent-id: 7".into(),
            format!("continue {:032x}-{:016x} datadog-trace-id-malformed", u64::MAX - 4, 7),
        ),
        (
            "dd-trace-py",
            "x-datadog-trace-id: 1_0\nx-datadog-parent-id: 7".into(),
            format!("continue {:032x}-{:016x} datadog-trace-id-malformed", 10, 7),
        ),
        ("dd-trace-cpp", "x-datadog-trace-id: +5\nx-datadog-parent-id: 7".into(), "drop integer-plus-sign".into()),
        (
            "dd-trace-rs",
            "x-datadog-trace-id: +5\nx-datadog-parent-id: x".into(),
            format!("continue-no-parent {:032x}- datadog-parent-id-malformed", 5),
        ),
        (
            "dd-trace-go",
            "x-datadog-trace-id: 5\nx-datadog-parent-id: 0".into(),
            "restart datadog-parent-id-zero".into(),
        ),
        (
            "dd-trace-go",
            "x-datadog-trace-id: 5\nx-datadog-origin: synthetics".into(),
            format!("continue-no-parent {:032x}- datadog-parent-id-missing-with-origin", 5),
        ),
        ("dd-trace-js", "x-datadog-trace-id: 5".into(), "restart datadog-parent-id-missing".into()),
        // The high half.
        (
            "dd-trace-py",
            format!(
                "x-datadog-trace-id: 5\nx-datadog-parent-id: 7\nx-datadog-tags: _dd.p.tid={}",
                &TRACE[..16].to_uppercase()
            ),
            format!("continue {:032x}-{:016x} tid-uppercase", 5, 7),
        ),
        (
            "dd-trace-js",
            format!("x-datadog-trace-id: 5\nx-datadog-parent-id: 7\nx-datadog-tags: _dd.p.tid={},a=b", &TRACE[..16]),
            format!("continue {:032x}-{:016x} datadog-tags-ignored-key", 5, 7),
        ),
        // B3.
        (
            "dd-trace-cpp[b3multi,datadog]",
            format!("x-b3-traceid: 00{TRACE}\nx-b3-spanid: 2b7e151628aed2a6"),
            format!("continue {ids} b3-trace-id-malformed"),
        ),
        (
            "dd-trace-go[b3multi,b3,datadog]",
            format!("x-b3-traceid: g{}\nx-b3-spanid: 2b7e151628aed2a6", &TRACE[1..]),
            format!("continue {:0>32}-2b7e151628aed2a6 b3-trace-id-malformed", &TRACE[16..]),
        ),
        (
            "dd-trace-js[b3multi,b3,datadog]",
            "x-b3-sampled: 1\nx-datadog-trace-id: 5\nx-datadog-parent-id: 7".into(),
            "restart b3-sampling-only".into(),
        ),
        (
            "dd-trace-rs[b3multi,b3,datadog]",
            "b3: 1\nx-datadog-trace-id: 5\nx-datadog-parent-id: 7".into(),
            format!("continue-no-parent {:032x}- b3-sampling-only trace-id-mismatch", 0),
        ),
        ("otel-js[b3]", format!("b3: junk{ids}-1"), format!("continue {ids} b3-malformed")),
        ("otel-python[b3]", format!("b3: {ids}-1-0-x"), "restart b3-extra-fields".into()),
        // Jaeger, X-Ray, Sentry.
        (
            "otel-js[jaeger]",
            format!("uber-trace-id: {}%3A7%3A0%3Ajunk", TRACE),
            format!("continue {TRACE}-{:016x} jaeger-flags-invalid", 7),
        ),
        ("otel-python[jaeger]", format!("uber-trace-id: {TRACE}%3A7%3A0%3A1"), "restart jaeger-percent-encoded".into()),
        (
            "aws-xray-python",
            "X-Amzn-Trace-Id: Root=1-71c2f0a9-d4e85b36af0192837465bcde; Parent=2b7e151628aed2a6".into(),
            format!("continue-no-parent {TRACE}- xray-parent-missing"),
        ),
        ("sentry-python", format!("sentry-trace: 00-{ids}-00"), format!("continue {ids}")),
        // Several styles.
        (
            "dd-trace-py",
            format!(
                "x-datadog-trace-id: {}\nx-datadog-tags: _dd.p.tid={}\n{plain}",
                0xaf01_9283_7465_bcde_u64,
                &TRACE[..16]
            ),
            "restart datadog-parent-id-missing parent-id-mismatch".into(),
        ),
        (
            "dd-trace-rs",
            format!(
                "x-datadog-trace-id: {}\nx-datadog-tags: _dd.p.tid={}\n{plain}",
                0xaf01_9283_7465_bcde_u64,
                &TRACE[..16]
            ),
            format!("continue {ids} datadog-parent-id-missing parent-id-mismatch"),
        ),
        ("dd-trace-cpp", format!("x-datadog-trace-id: abc\n{plain}"), "drop datadog-trace-id-malformed".into()),
        (
            "dd-trace-py",
            format!("x-datadog-trace-id: abc\n{plain}"),
            format!("continue {ids} datadog-trace-id-malformed"),
        ),
    ];
    for (tracer, lines, expected) in rows {
        let mut headers = Headers::default();
        for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
            headers.push(name, value);
        }
        let profile = select(tracer).expect("a known tracer")[0];
        let verdict = judge(profile, &headers);
        let trace = verdict.raw_trace_id.or(verdict.trace_id.map(|id| id.to_string()));
        let parent = verdict.raw_parent_id.or(verdict.parent_id.map(|id| id.to_string())).unwrap_or_default();
        let mut words = vec![verdict.outcome.name().to_owned()];
        words.extend(trace.map(|trace| format!("{trace}-{parent}")));
        words.extend(verdict.because.iter().map(|cause| (*cause).to_owned()));
        assert_eq!(words.join(" "), expected, "{tracer}\n{lines}");
    }
}

proptest! {
    // Without a regressions file: a failure belongs into the fixtures.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// No text makes a tracer's reading panic, and what goes on has an id or the text of one.
    #[test]
    fn any_text_is_judged(values in vec((0usize..NAMES.len(), "\\PC{0,3}|[0-9a-f:;=,dDxX% \t_+.-]{0,70}|[0-9]{0,30}"), 0..6)) {
        let mut headers = Headers::default();
        for (name, value) in &values {
            headers.push(NAMES[*name], value.as_str());
        }
        for profile in profiles() {
            let verdict = judge(profile, &headers);
            let goes_on = matches!(verdict.outcome, Outcome::Continue | Outcome::ContinueNoParent);
            prop_assert_eq!(goes_on, verdict.trace_id.is_some() || verdict.raw_trace_id.is_some());
            prop_assert_eq!(goes_on, verdict.style.is_some());
        }
    }
}

const NAMES: [&str; 16] = [
    "traceparent",
    "tracestate",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "b3",
    "uber-trace-id",
    "x-amzn-trace-id",
    "sentry-trace",
    "elastic-apm-traceparent",
];

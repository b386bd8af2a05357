//! Every case of `fixtures/propagation/propagation.jsonl` through the library: headers in, context and findings out,
//! and what a child would send.

mod support;

use serde_json::{Map, Value, json};
use spanglass::context::{Baggage, ContextLink, PropagationStyle, TextMap};
use spanglass::diagnostic::Diagnostics;
use spanglass::http::Headers;
use spanglass::id::{SpanId, TraceId};
use spanglass::propagation::{Behavior, ExtractOptions, Extraction, InjectOptions, extract, inject};
use std::fs;
use support::fixture;

#[test]
fn every_case() {
    let cases = fs::read_to_string(fixture("propagation/propagation.jsonl")).expect("the cases");
    let mut faults = Vec::new();
    let mut count = 0;
    // One for all: a case must not see anything of the one before.
    let mut extraction = Extraction::default();
    for line in cases.lines() {
        count += 1;
        let case: Value = serde_json::from_str(line).expect("a case");
        let found = case_faults(&case, &mut extraction);
        if !found.is_empty() {
            faults.push(format!("{} ({}):\n    {}", case["id"], case["about"], found.join("\n    ")));
        }
    }
    assert_eq!(count, 169);
    assert!(faults.is_empty(), "{} of {count} cases fail:\n{}", faults.len(), faults.join("\n"));
}

fn case_faults(case: &Value, extraction: &mut Extraction) -> Vec<String> {
    let mut headers = Headers::default();
    for pair in items(&case["headers"]) {
        headers.push(text(&pair[0]), text(&pair[1]));
    }
    let options = ExtractOptions {
        styles: styles(&case["extract"]),
        first_only: case["extract_first"] == true,
        behavior: Behavior::from_name(text(&case["behavior"])).expect("a behaviour"),
        w3c_strict: case["w3c_strict"] == true,
        ..ExtractOptions::default()
    };
    let mut out = Diagnostics::default();
    extract(&headers, &options, extraction, &mut out);
    let mut faults = Vec::new();
    let actual = result(extraction);
    for (key, expected) in case["expect"].as_object().expect("an expectation") {
        match key.as_str() {
            "diagnostics" => {
                let found: Vec<&str> = out.iter().map(|found| found.code().id()).collect();
                for code in items(expected).iter().map(text).filter(|code| !found.contains(code)) {
                    faults.push(format!("{code} is not reported: {found:?}"));
                }
            }
            "links" => compare_links(expected, &actual["links"], &mut faults),
            _ if actual[key] != *expected => faults.push(format!("{key} is {}, not {expected}", actual[key])),
            _ => {}
        }
    }
    for found in &mut out.iter() {
        if found.help_text().is_none_or(str::is_empty) || found.message().is_empty() {
            faults.push(format!("no help: {found}"));
        }
    }
    compare_injected(case, extraction, &mut faults);
    faults
}

/// The extraction as the contract of the command line has it.
fn result(extraction: &Extraction) -> Value {
    let context = extraction.context();
    let of = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    json!({
        "found": extraction.found(),
        "style": extraction.style().map(PropagationStyle::name),
        "trace_id": context.map(|c| c.trace_id.to_string()),
        "parent_id": context.map(|c| c.span_id.to_string()),
        "sampling_priority": extraction.priority().map(|priority| priority.0),
        "sampled": extraction.priority().map(|priority| priority.sampled()),
        "random": context.and_then(|c| c.random),
        "origin": of(context.and_then(|c| c.origin.as_deref())),
        "trace_tags": context.map(|c| object(&c.trace_tags)).unwrap_or_default(),
        "last_dd_parent_id": of(context.and_then(|c| c.last_datadog_parent.as_deref())),
        "propagation_error": of(context.and_then(|c| c.propagation_error.as_deref())),
        "tracestate": of(context.map(|c| c.tracestate.as_str()).filter(|state| !state.is_empty())),
        "baggage": object(extraction.baggage()),
        "links": extraction.links().iter().map(link).collect::<Vec<_>>(),
    })
}

fn object(map: &TextMap) -> Map<String, Value> {
    map.iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

fn link(link: &ContextLink) -> Value {
    json!({
        "trace_id": link.trace_id.to_string(),
        "span_id": link.span_id.to_string(),
        "flags": link.flags,
        "tracestate": link.tracestate,
        "attributes": {"reason": link.reason, "context_headers": link.style.name()},
    })
}

/// Inner keys that a case leaves out are not compared.
fn compare_links(expected: &Value, actual: &Value, faults: &mut Vec<String>) {
    let (expected, actual) = (items(expected), items(actual));
    if expected.len() != actual.len() {
        faults.push(format!("{} links, not {}", actual.len(), expected.len()));
        return;
    }
    for (expected, actual) in expected.iter().zip(actual) {
        for (key, value) in expected.as_object().expect("a link") {
            let same = match value.as_object() {
                Some(inner) => inner.iter().all(|(key_of_inner, value)| actual[key][key_of_inner] == *value),
                None => actual[key] == *value,
            };
            if !same {
                faults.push(format!("{key} of a link is {}, not {value}", actual[key]));
            }
        }
    }
}

fn compare_injected(case: &Value, extraction: &Extraction, faults: &mut Vec<String>) {
    if case["inject"].is_null() {
        return;
    }
    let span = u64::from_str_radix(text(&case["inject_span_id"]), 16).expect("a span id");
    let trace = case["new_trace_id"].as_str().map_or(0, |id| u128::from_str_radix(id, 16).expect("a trace id"));
    let options = InjectOptions { styles: styles(&case["inject"]), ..InjectOptions::default() };
    let child = extraction.child(SpanId(span), TraceId(trace));
    let baggage: &Baggage = extraction.baggage();
    let headers = inject(&child, baggage, &options, &mut Diagnostics::default()).headers;
    let entries = |key: &str| case[key].as_object().cloned().unwrap_or_default();
    for (name, value) in entries("injected") {
        if headers.get(&name) != value.as_str() {
            faults.push(format!("{name} is {:?}, not {value}", headers.get(&name)));
        }
    }
    for (name, wanted) in entries("injected_has") {
        let tokens = tokens(&name, headers.get(&name).unwrap_or_default());
        for token in items(&wanted).iter().map(text).filter(|token| !tokens.iter().any(|t| t == token)) {
            faults.push(format!("{name} has no {token}: {tokens:?}"));
        }
    }
    for (name, unwanted) in entries("injected_lacks") {
        let tokens = tokens(&name, headers.get(&name).unwrap_or_default());
        for prefix in items(&unwanted).iter().map(text).filter(|p| tokens.iter().any(|t| t.starts_with(*p))) {
            faults.push(format!("{name} has {prefix}: {tokens:?}"));
        }
    }
    for name in items(&case["injected_absent"]).iter().map(text) {
        if headers.get(name).is_some() {
            faults.push(format!("{name} is written"));
        }
    }
}

/// The parts of a header's value that cases name.
fn tokens(name: &str, value: &str) -> Vec<String> {
    let separator = match name {
        "tracestate" | "x-datadog-tags" | "baggage" => ',',
        "traceparent" | "b3" => '-',
        _ => return vec![value.to_owned()],
    };
    let mut tokens: Vec<String> = value.split(separator).map(str::to_owned).collect();
    if name == "tracestate" {
        let dd = tokens.iter().filter_map(|member| member.strip_prefix("dd="));
        let fields: Vec<String> = dd.flat_map(|dd| dd.split(';')).map(str::to_owned).collect();
        tokens.extend(fields);
    }
    tokens
}

fn styles(list: &Value) -> Vec<PropagationStyle> {
    items(list).iter().map(|name| PropagationStyle::from_name(text(name)).expect("a style")).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

//! Every case of `fixtures/propagation/propagation.jsonl` through the library: headers in, context and findings out,
//! and what a child would send. Then generated headers and contexts: nothing panics, and what is written is read.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use spanglass::context::{Baggage, ContextLink, PropagationStyle, SamplingPriority, SpanContext, TextMap};
use spanglass::diagnostic::{Diagnostics, Place, Severity, Source};
use spanglass::http::Headers;
use spanglass::id::{SpanId, TraceId};
use spanglass::propagation::{
    Behavior, ExtractOptions, Extraction, InjectOptions, extract, extract_fields, inject, plain_style,
    plain_traceparent,
};
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

// ---- properties -------------------------------------------------------------------------------------------------

/// Names that are read, resemble those, or are none.
const NAMES: [&str; 30] = [
    "traceparent",
    "Tracestate",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "X-Datadog-Origin",
    "x-datadog-tags",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-b3-parentspanid",
    "b3",
    "baggage",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "ot-tracer-traceid",
    "ot-tracer-spanid",
    "ot-tracer-sampled",
    "sw8",
    "trace_parent",
    "HTTP_TRACEPARENT",
    "uberctx-key",
    "ot-baggage-key",
    "traceresponse",
    " traceparent ",
    "accept",
    "h\u{e9}",
    "",
];

/// Values that are sound, to be changed a little.
const VALUES: [&str; 17] = [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more",
    "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4;t.tid:4bf92f3577b34da6;x:y,ot=th:8;rv:0123456789abcd,acme=1",
    "11803532876627986230",
    "67667974448284343",
    "-1",
    "synthetics",
    "_dd.p.tid=4bf92f3577b34da6,_dd.p.dm=-4,_dd.p.ts=02",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
    "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d-05e3ac9a4f6e3b90",
    "tenant=blue;ttl=5,na%20me=Zo%C3%AB",
    "463ac35c9f6413ad48485a3953bb6124%3Aa2fb4a1d1a96d312%3A0%3A1",
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    "105445aa7843bc8bf206b12000100000/1;o=1",
    "1-dHJhY2U=-c2VnbWVudA==-3-c2VydmljZQ==-aW5zdA==-L2FwaQ==-MTI3LjAuMC4xOjgw",
    "true",
];

fn value() -> impl Strategy<Value = String> {
    let changed =
        (0..VALUES.len(), vec((any::<prop::sample::Index>(), "[0-9a-zA-Z,;=:%~ \\-\t\r\u{e9}\u{1}+.]{0,2}"), 0..3));
    let changed = changed.prop_map(|(base, edits)| {
        let mut text: Vec<char> = VALUES[base].chars().collect();
        for (at, new) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + new.chars().count() % 2).min(text.len());
            text.splice(at..end, new.chars());
        }
        text.into_iter().collect()
    });
    prop_oneof![8 => changed, 1 => "[0-9a-f%:;=,\\- ~\u{e9}\u{661}]{0,40}", 1 => any::<String>()]
}

fn header_set() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    vec((prop::sample::select(&NAMES[..]), value()), 0..9)
}

fn options() -> impl Strategy<Value = ExtractOptions> {
    let styles = vec(prop::sample::select(&PropagationStyle::ALL[..]), 0..5);
    let behavior =
        prop_oneof![6 => Just(Behavior::Continue), 2 => Just(Behavior::Restart), 1 => Just(Behavior::Ignore)];
    (styles, any::<bool>(), behavior, any::<bool>()).prop_map(|(styles, first_only, behavior, w3c_strict)| {
        ExtractOptions { styles, first_only, behavior, w3c_strict, now: Some(1_763_000_000) }
    })
}

/// A text that stands in a header value as it is.
fn token() -> impl Strategy<Value = String> {
    "[!-+\\--:<>-}]([ !-+\\--:<-}]{0,12}[!-+\\--:<-}])?"
}

fn context() -> impl Strategy<Value = SpanContext> {
    let trace = prop_oneof![1..=u128::MAX, (1..=u64::MAX).prop_map(u128::from)];
    let priority = prop::option::of(prop_oneof![4 => -1..=2, 1 => any::<i32>()]);
    let tags = vec(("[a-z][a-z0-9_.*-]{0,6}", token()), 0..4);
    let members = vec(("[a-z][a-z0-9_*/-]{0,6}", "[!-+\\--<>-~]{1,9}"), 0..4);
    let rest = (any::<Option<bool>>(), prop::option::of(token()), tags, members);
    (trace, 1..=u64::MAX, priority, rest).prop_map(|(trace, span, priority, (random, origin, tags, members))| {
        let mut context = SpanContext {
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            priority: priority.map(SamplingPriority),
            random,
            ..SpanContext::default()
        };
        if let Some(origin) = origin {
            context.origin.set(&origin);
        }
        for (name, value) in
            tags.iter().filter(|(name, _)| !["tid", "dm", "ts", "upstream_services"].contains(&name.as_str()))
        {
            context.trace_tags.insert(&format!("_dd.p.{name}"), value);
        }
        for (key, value) in &members {
            if !["dd", "ot"].contains(&key.as_str()) && context.tracestate.get(key).is_none() {
                context.tracestate.push(key, value);
            }
        }
        context
    })
}

/// What a style carries of a context, as it arrives.
fn carried(context: &SpanContext, style: PropagationStyle) -> SpanContext {
    let mut carried = SpanContext { trace_id: context.trace_id, span_id: context.span_id, ..SpanContext::default() };
    let folded = |priority: SamplingPriority| SamplingPriority(priority.0.clamp(0, 2));
    match style {
        PropagationStyle::Datadog => {
            carried.priority = context.priority;
            carried.origin = context.origin.clone();
            carried.trace_tags = context.trace_tags.clone();
        }
        PropagationStyle::TraceContext => {
            carried.priority = Some(context.priority.unwrap_or(SamplingPriority(0)));
            carried.random = Some(context.random == Some(true));
            carried.origin = context.origin.clone();
            carried.trace_tags = context.trace_tags.clone();
            carried.last_datadog_parent.set(&context.span_id.to_string());
        }
        PropagationStyle::Jaeger => carried.priority = Some(context.priority.map_or(SamplingPriority(0), folded)),
        _ => carried.priority = context.priority.map(folded),
    }
    carried
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Whatever comes: no panic, places inside the values, texts for every finding, and nothing left of the set before.
    #[test]
    fn any_headers_can_be_read(sets in vec((header_set(), options()), 1..4)) {
        let mut reused = Extraction::default();
        for (fields, options) in sets {
            let mut headers = Headers::default();
            for (name, value) in &fields {
                headers.push(*name, value.as_str());
            }
            let mut out = Diagnostics::default();
            extract(&headers, &options, &mut reused, &mut out);
            for found in out.iter() {
                prop_assert!(!found.message().is_empty() && found.help_text().is_some_and(|help| !help.is_empty()));
                let Some(Place::Text { source: Source::Header(name), range, line }) = found.place() else { continue };
                let value = match line {
                    Some(line) => headers.iter().nth(*line as usize - 1),
                    None => headers.iter().find(|(given, _)| given.trim_ascii() == name.as_str()),
                };
                prop_assert!(value.is_some_and(|(_, value)| value.get(range.clone()).is_some()), "{}: {:?}", found, range);
            }
            let mut counted = Diagnostics::counting();
            extract(&headers, &options, &mut reused, &mut counted);
            prop_assert_eq!(counted.codes().collect::<Vec<_>>(), out.codes().collect::<Vec<_>>());
            let (mut fresh, mut again) = (Extraction::default(), Diagnostics::default());
            extract(&headers, &options, &mut fresh, &mut again);
            prop_assert_eq!(result(&fresh), result(&reused));
            prop_assert_eq!(fresh.headers(), reused.headers());
            prop_assert_eq!(fresh.headers().len(), fields.len());
            prop_assert_eq!(fresh.contexts().collect::<Vec<_>>(), reused.contexts().collect::<Vec<_>>());
            let texts = |out: &Diagnostics| out.iter().map(ToString::to_string).collect::<Vec<_>>();
            prop_assert_eq!(texts(&again), texts(&out));

            // What is passed on can be read by the next service, with a finding on what was lost at most.
            let all = InjectOptions { styles: PropagationStyle::ALL.to_vec(), ..InjectOptions::default() };
            let child = reused.child(SpanId(7), TraceId(9));
            let sent = inject(&child, reused.baggage(), &all, &mut out).headers;
            let mut next = Extraction::default();
            let mut found = Diagnostics::default();
            extract(&sent, &ExtractOptions::default(), &mut next, &mut found);
            prop_assert!(!found.reaches(Severity::Error), "{:?}: {:?}", sent, texts(&found));
            prop_assert_eq!(next.context().map(|context| (context.trace_id, context.span_id)), Some((child.trace_id, SpanId(7))));
        }
    }

    #[test]
    fn what_is_written_is_read(context in context()) {
        use PropagationStyle::{B3, B3Multi, Datadog, Jaeger, TraceContext};
        for style in [Datadog, TraceContext, B3Multi, B3, Jaeger] {
            let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
            let options = InjectOptions { styles: std::vec![style], ..InjectOptions::default() };
            let sent = inject(&context, &Baggage::default(), &options, &mut out).headers;
            prop_assert!(out.is_empty(), "{:?}", out.iter().map(ToString::to_string).collect::<Vec<_>>());
            extract(&sent, &ExtractOptions::default(), &mut extraction, &mut out);
            let mut read = extraction.context().cloned().unwrap_or_default();
            // `dd` is written anew, the members of others are as they were.
            let foreign: Vec<_> = read.tracestate.iter().filter(|(key, _)| *key != "dd").collect();
            let expected = if style == TraceContext { context.tracestate.iter().collect() } else { Vec::new() };
            prop_assert_eq!(foreign, expected);
            read.tracestate.clear();
            prop_assert_eq!(read, carried(&context, style), "{:?}", sent);
        }
    }

    #[test]
    fn baggage_is_read_as_it_was(items in vec((any::<String>(), any::<String>()), 0..8)) {
        let blank = |text: &str| text.trim_matches([' ', '\t']).is_empty();
        let around = |text: &str| text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
        let mut baggage = Baggage::default();
        for (key, value) in items.iter().filter(|(key, value)| !blank(key) && !blank(value) && !around(key) && !around(value)) {
            baggage.insert(key, value);
        }
        let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
        let options = InjectOptions { styles: std::vec![PropagationStyle::Baggage], ..InjectOptions::default() };
        let sent = inject(&SpanContext::default(), &baggage, &options, &mut out).headers;
        extract(&sent, &ExtractOptions::default(), &mut extraction, &mut out);
        prop_assert_eq!(extraction.baggage(), &baggage);
        prop_assert!(out.is_empty());
    }

    /// A set that is nearly always plain, one of its values now and then a little different.
    #[test]
    fn a_plain_set_has_no_findings(
        ids in (any::<u32>(), any::<u64>(), any::<u64>()),
        decision in -2i32..4,
        given in 1u8..8,
        change in proptest::option::of((0usize..6, 0usize..60, "[0-9a-fA-F:;,=_. -]{0,2}")),
        order in any::<bool>(),
    ) {
        let high = u64::from(ids.0 | 0x6200_0000) << 32;
        let mut fields = Vec::new();
        if given & 1 != 0 {
            fields.push(("traceparent", format!("00-{high:016x}{:016x}-{:016x}-{:02x}", ids.1, ids.2, u8::from(decision > 0))));
        }
        if given & 2 != 0 {
            fields.push(("tracestate", format!("dd=s:{decision};p:{:016x};t.dm:-4,congo=t61rc,rojo=00f0", ids.2)));
        }
        if given & 4 != 0 {
            fields.push(("x-datadog-trace-id", ids.1.to_string()));
            fields.push(("x-datadog-parent-id", ids.2.to_string()));
            fields.push(("x-datadog-sampling-priority", decision.to_string()));
            fields.push(("x-datadog-tags", format!("_dd.p.dm=-1,_dd.p.tid={high:016x}")));
        }
        if let Some((field, at, with)) = change && let Some((_, value)) = fields.get_mut(field) {
            let at = at.min(value.len());
            value.replace_range(at..(at + 1).min(value.len()), &with);
        }
        if order {
            fields.reverse();
        }
        let borrowed: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
        extract_fields(&borrowed, &ExtractOptions::default(), &mut extraction, &mut out);
        if let Some(style) = plain_style(&borrowed, None) {
            prop_assert_eq!(extraction.style(), Some(style), "{:?}", borrowed);
            prop_assert!(out.is_empty(), "{:?}", borrowed);
        }
    }

    /// The short way says what the long one says.
    #[test]
    fn a_plain_traceparent_has_no_findings(value in value()) {
        if let Some((trace, parent, flags)) = plain_traceparent(value.as_bytes(), None) {
            let mut headers = Headers::default();
            headers.push("traceparent", value);
            let (mut extraction, mut out) = (Extraction::default(), Diagnostics::default());
            extract(&headers, &ExtractOptions::default(), &mut extraction, &mut out);
            let context = extraction.context().cloned().unwrap_or_default();
            prop_assert_eq!((context.trace_id, context.span_id, context.sampled()), (trace, parent, Some(flags == 1)));
            prop_assert!(out.is_empty());
        }
    }
}

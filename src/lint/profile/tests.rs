//! Every rule is met and broken once.

use super::*;
use crate::id::{SpanId, TraceId};
use crate::trace::{Batch, ChunkDraft, Dialect, EventDraft, OwnedValue, SpanDraft, SpanStatus, Trace};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const START: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn span(service: &str, name: &str) -> SpanDraft {
    SpanDraft {
        trace_id: TraceId(1),
        span_id: SpanId(1),
        service: service.to_owned(),
        name: name.to_owned(),
        start: START,
        duration: Nanos(1_000_000),
        ..SpanDraft::default()
    }
}

fn tagged(service: &str, name: &str, tags: &[(&str, &str)]) -> SpanDraft {
    let value = |text: &str| match (text.parse(), text.parse()) {
        (Ok(number), _) => OwnedValue::Int(number),
        (_, Ok(flag)) => OwnedValue::Bool(flag),
        _ => OwnedValue::Str(text.to_owned()),
    };
    let attributes = tags.iter().map(|(key, text)| ((*key).to_owned(), value(text))).collect();
    SpanDraft { attributes, ..span(service, name) }
}

/// Codes and spans of what is found in spans of one chunk.
fn found(profile: Profile, spans: &[SpanDraft]) -> Vec<(String, u64)> {
    found_in(profile, Dialect::Otlp, &[spans])
}

/// Codes and spans of what is found in the chunks of one payload.
fn found_in(profile: Profile, dialect: Dialect, chunks: &[&[SpanDraft]]) -> Vec<(String, u64)> {
    let mut batch = Batch::default();
    batch.set_dialect(dialect);
    for spans in chunks {
        batch.begin_chunk(&ChunkDraft::default());
        spans.iter().for_each(|span| batch.push(span));
    }
    batch.finish();
    let trace = Trace::whole(TraceId(1), batch.view(&[]));
    let tree = TraceTree::of(&trace);
    let mut found = Diagnostics::default();
    Checker::new(profile, NOW).trace(&tree, &[0], &mut found);
    found.iter().map(|finding| (finding.code().id().to_owned(), finding.span_id().unwrap_or_default().0)).collect()
}

fn codes_of(profile: Profile, span: SpanDraft) -> Vec<String> {
    found(profile, &[span]).into_iter().map(|(code, _)| code).collect()
}

#[test]
fn every_code_has_its_explanation() {
    for code in codes::ALL {
        let explanation = code.explanation().unwrap_or_else(|| panic!("{code} is not in explain.md"));
        assert!(!explanation.cause.is_empty() && !explanation.remedy.is_empty(), "{code}");
    }
    for profile in Profile::ALL {
        assert!(profile.rules().count() >= 4 && profile.rules().all(|rule| profile.tells(rule)));
    }
    assert!(!Profile::Xmtpd.tells(super::super::codes::TAG_OVER_1024));
    assert!(Profile::Datadog.tells(super::super::codes::TAG_OVER_1024) && !Profile::Otel.tells(SPAN_ID_ZERO));
    assert!(Profile::Xmtpd.tells(crate::wire::codes::TRUNCATED));
}

#[test]
fn general_rules() {
    let child = |parent, start, duration| SpanDraft {
        span_id: SpanId(2),
        parent_id: Some(SpanId(parent)),
        start: Timestamp(START.0 + start),
        duration: Nanos(duration),
        ..span("a", "child")
    };
    let root = || span("a", "root");
    let one = |span: SpanDraft| found(Profile::Otel, &[root(), span]);
    assert_eq!(one(child(1, 0, 1_000_000)), []);
    assert_eq!(one(SpanDraft { span_id: SpanId(0), ..child(1, 0, 1) }), [("G01".to_owned(), 0)]);
    assert_eq!(one(SpanDraft { span_id: SpanId(1), parent_id: None, ..child(1, 0, 1) }), [("G01".to_owned(), 1)]);
    assert_eq!(one(child(9, 0, 1)), [("G02".to_owned(), 2)]);
    assert_eq!(one(SpanDraft { flags: Some(0x300), ..child(9, 0, 1) }), []);
    assert_eq!(one(SpanDraft { kind: SpanKind::Server, ..child(9, 0, 1) }), []);
    // Scopes of OTLP are no hand-over, chunks of Datadog's protocols are.
    let (outside, late) = ([root()], [child(1, 0, 9_000_000)]);
    assert_eq!(found_in(Profile::Otel, Dialect::Otlp, &[&outside, &late]), [("G03".to_owned(), 2)]);
    assert_eq!(found_in(Profile::Otel, Dialect::Datadog, &[&outside, &late]), []);
    assert_eq!(one(child(1, -2_000, 10)), [("G03".to_owned(), 2)]);
    assert_eq!(one(child(1, 500_000, 600_000)), [("G03".to_owned(), 2)]);
    // Later altogether, in another service, or handed over.
    assert_eq!(one(child(1, 2_000_000, 10)), []);
    assert_eq!(one(SpanDraft { service: "b".to_owned(), ..child(1, 500_000, 600_000) }), []);
    assert_eq!(one(SpanDraft { kind: SpanKind::Consumer, ..child(1, 500_000, 600_000) }), []);
    for (start, duration) in [(0, -1), (0, LONGEST.0 + 1), (EARLIEST.0 - 1 - START.0, 1), (NOW.0 + 1 - START.0, 1)] {
        let alone = SpanDraft { parent_id: None, ..child(1, start, duration) };
        assert_eq!(found(Profile::Otel, &[alone]), [("G04".to_owned(), 2)], "{start} {duration}");
    }
}

#[test]
fn xmtpd_rules() {
    let codes = |name: &str, tags: &[(&str, &str)]| codes_of(Profile::Xmtpd, tagged("xmtpd", name, tags));
    let none: [&str; 0] = [];
    assert_eq!(codes("panic: worker", &[]), none);
    assert_eq!(codes("xmtpd.api.Query.stream", &[]), ["XM11"]);
    assert_eq!(codes("xmtpd.api.query", &[]), ["XM02"]);
    assert_eq!(codes("xmtpd.node", &[]), ["XM01"]);
    assert_eq!(codes("xmtpd.node.a.b", &[]), ["XM01"]);
    let poll = "xmtpd.db_subscription.poll";
    assert_eq!(codes(poll, &[("trigger", "notification"), ("num_results", "0"), ("notification_miss", "true")]), none);
    assert_eq!(
        codes(poll, &[("trigger", "notification"), ("num_results", "1"), ("notification_miss", "true")]),
        ["XM05"]
    );
    assert_eq!(codes(poll, &[("trigger", "startup"), ("num_results", "0"), ("notification_miss", "true")]), ["XM05"]);
    let process = "xmtpd.publish_worker.process";
    assert_eq!(codes(process, &[("trace_linked", "false"), ("staged_id", "1")]), none);
    assert_eq!(codes(process, &[("trace_linked", "false")]), ["XM07"]);
    let linked = SpanDraft {
        parent_id: Some(SpanId(9)),
        kind: SpanKind::Consumer,
        ..tagged("xmtpd", process, &[("trace_linked", "false"), ("staged_id", "1")])
    };
    assert_eq!(codes_of(Profile::Xmtpd, linked), ["XM07"]);
    assert_eq!(codes("xmtpd.sync.connect_to_node", &[("connection_success", "true")]), none);
    assert_eq!(codes("xmtpd.sync.connect_to_node", &[("connection_success", "false")]), ["XM09"]);
    // Others are not looked at, not by the general rules either.
    assert_eq!(codes_of(Profile::Xmtpd, span("gateway", "whatever")), none);
    let nameless = |service| SpanDraft { span_id: SpanId(0), ..span(service, "xmtpd.node.publish_payer_envelopes") };
    assert_eq!(codes_of(Profile::Xmtpd, nameless("gateway")), none);
    assert_eq!(codes_of(Profile::Xmtpd, nameless("xmtpd")), ["G01"]);
}

#[test]
fn flowbot_rules() {
    let codes = |name: &str, tags: &[(&str, &str)]| codes_of(Profile::Flowbot, tagged("flowbot", name, tags));
    let none: [&str; 0] = [];
    assert_eq!(codes("pipeline.cron", &[]), none);
    assert_eq!(codes("pipeline.execute", &[]), ["FB03"]);
    assert_eq!(codes("HTTP GET /metrics", &[]), ["FB01"]);
    assert_eq!(codes("HTTP GET /users/42", &[]), ["FB02"]);
    assert_eq!(
        codes(
            "event.publish topic:0123456789abcdef",
            &[("messaging.destination", "topic:0123456789abcdef"), ("messaging.message.id", "m")]
        ),
        ["FB02"]
    );
    assert_eq!(
        codes("event.publish a:b", &[("messaging.destination", "a:c"), ("messaging.message.id", "m")]),
        ["FB05"]
    );
    assert_eq!(codes("GET", &[("db.system", "redis"), ("db.statement", "GET x")]), none);
    assert_eq!(codes("get", &[("db.system", "redis"), ("db.statement", "get x")]), ["FB08"]);
    assert_eq!(codes("GET", &[("db.system.name", "redis"), ("db.query.text", "GET x")]), none);
    assert_eq!(codes("gorm.Query", &[("db.system", "mysql"), ("db.statement", "SELECT 1")]), ["FB05"]);
    let exception = EventDraft { name: "exception".to_owned(), time: START, ..EventDraft::default() };
    let failed = SpanDraft { events: vec![exception], ..span("flowbot", "pipeline.cron") };
    assert_eq!(codes_of(Profile::Flowbot, failed.clone()), ["FB06"]);
    assert_eq!(codes_of(Profile::Flowbot, SpanDraft { error: 1, status: SpanStatus::Error, ..failed }), none);
}

#[test]
fn codeq_rules() {
    let codes = |name: &str, tags: &[(&str, &str)]| codes_of(Profile::Codeq, tagged("codeq", name, tags));
    let none: [&str; 0] = [];
    assert_eq!(codes("HTTP POST /v1/codeq/tasks", &[("http.method", "POST")]), none);
    assert_eq!(codes("HTTP post /v1", &[]), ["CQ01"]);
    assert_eq!(codes("codeq.task.", &[]), ["CQ01"]);
    assert_eq!(codes("codeq.task.abandon", &[("codeq.note", "{\"a\": 1}")]), ["CQ03"]);
    assert_eq!(codes("codeq.task.abandon", &[("codeq.where", "https://hooks.example/x")]), ["CQ03"]);
    assert_eq!(codes("codeq.task.abandon", &[("codeq.priority", "high")]), ["CQ04"]);
    for secret in [
        "postgres://user:pass@host/db",
        "Authorization: Bearer abc",
        "sent bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        "\"Bearer 0f3d\"",
        "-----BEGIN PRIVATE KEY-----",
        "key AKIAIOSFODNN7EXAMPLE of",
        "https://hooks.example/cb?x=1",
    ] {
        assert_eq!(codes("codeq.task.abandon", &[("error.message", secret)]), ["CQ06"], "{secret}");
        let event = EventDraft {
            name: "exception".to_owned(),
            attributes: vec![("exception.message".to_owned(), OwnedValue::Str(secret.to_owned()))],
            ..EventDraft::default()
        };
        let told = SpanDraft { events: vec![event], ..span("codeq", "codeq.task.abandon") };
        assert_eq!(codes_of(Profile::Codeq, told), ["CQ06"], "{secret}");
    }
    assert_eq!(codes("codeq.task.abandon", &[("error.message", "see https://docs.example/errors")]), none);
    for text in ["missing bearer token", "no bearer", "Bearer token: expired", "the bearer credentials-file is empty"] {
        assert_eq!(codes("codeq.task.abandon", &[("error.message", text)]), none, "{text}");
    }
    let nack = [("codeq.delay_seconds", "1"), ("codeq.reason", "rate limited")];
    assert_eq!(codes("codeq.task.nack", &nack), none);
    let many = |key: &str| -> Vec<SpanDraft> {
        (1..=150u64)
            .map(|id| SpanDraft {
                span_id: SpanId(id),
                ..tagged("codeq", "codeq.task.abandon", &[(key, &format!("v{id}"))])
            })
            .collect()
    };
    assert_eq!(found(Profile::Codeq, &many("codeq.customer")), [("CQ07".to_owned(), 101)]);
    assert_eq!(found(Profile::Codeq, &many("codeq.task_id")), [("CQ07".to_owned(), 101)]);
    // Of a thousand attributes the values are counted, and of those after them not.
    let keys: Vec<String> = (0..1_000).map(|key| format!("codeq.k{key}")).collect();
    let of_all: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "v")).collect();
    let first = SpanDraft { span_id: SpanId(1_000), ..tagged("codeq", "codeq.task.abandon", &of_all) };
    let after = |key| found(Profile::Codeq, &[std::slice::from_ref(&first), &many(key)].concat());
    assert_eq!(after("codeq.k7"), [("CQ07".to_owned(), 100)]);
    assert_eq!(after("codeq.late"), []);
}

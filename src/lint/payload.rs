//! Findings on one request and on the spans of its body (wire.md section 12, H and S, and what concerns single
//! chunks: T005, T006, T007).
//!
//! ```text
//! POST /v0.4/traces
//! X-Datadog-Trace-Count: 2                        H001: the body has one chunk
//!
//! [[{"service": "", "trace_id": 5, "span_id": 6,  S003: the agent puts unnamed-go-service there
//!    "start": 1795168001, "duration": -1}]]       S014: seconds instead of nanoseconds; S012
//! ```
//! One function per code. One pass over a span's attributes; texts are made for findings that are kept only, so a
//! body of millions of bad spans costs no more than one of good ones. Bodies must have been decoded with
//! [`Keep::All`](crate::trace::Keep::All): what was not stored counts as absent.

use super::codes::*;
use super::counted;
use super::otlp;
use super::site::{Field, Site, shown};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity};
use crate::http::{Request, is_credential};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Chunk, Dialect, Payload, Span, SpanKind, Value};
use crate::wire::codes::DUPLICATE_KEY;
use crate::wire::{Endpoint, Protocol};
use rustc_hash::FxHasher;
use std::borrow::Cow;
use std::hash::Hasher;

// ---- requests -----------------------------------------------------------------------------------------------

/// Checks the request that `payload` came in: H001 to H010. Not for bodies that came without one.
pub fn request(record: usize, request: &Request, protocol: Protocol, payload: Payload<'_>, out: &mut Diagnostics) {
    let mut whole = Whole { record, request, protocol, out };
    trace_count_mismatch(&mut whole, payload);
    trace_count_missing(&mut whole);
    trace_count_invalid(&mut whole);
    content_type_mismatch(&mut whole, payload.body());
    tracer_version_missing(&mut whole);
    content_length_mismatch(&mut whole);
    over_agent_limit(&mut whole);
    lang_missing(&mut whole);
    credential_in_capture(&mut whole);
    method(&mut whole);
}

/// A request under examination.
struct Whole<'r> {
    record: usize,
    request: &'r Request,
    protocol: Protocol,
    out: &'r mut Diagnostics,
}

impl<'r> Whole<'r> {
    /// Reports `code` on the request as a whole.
    fn note(&mut self, code: Code, help: &str, message: impl FnOnce() -> String) {
        if !self.out.keeps(code, code.severity()) {
            return self.out.count(code, code.severity());
        }
        let place = Place::Body { record: self.record, offset: None, path: String::new() };
        self.out.report(Diagnostic::new(code, message()).help(help).at(place));
    }

    fn header(&self, name: &str) -> Option<&'r str> {
        self.request.headers.get(name).map(str::trim)
    }

    /// Whether a Datadog tracer is meant to speak this.
    fn is_datadog(&self) -> bool {
        self.is_datadog_traces() || self.protocol == Protocol::Stats
    }

    fn is_datadog_traces(&self) -> bool {
        matches!(
            self.protocol,
            Protocol::V03 | Protocol::V04 | Protocol::V05 | Protocol::V07 | Protocol::V1 | Protocol::V04Json
        )
    }
}

const TRACE_COUNT: &str = "X-Datadog-Trace-Count";

/// H001. A body that broke off has lost chunks; that is its decoding's finding.
fn trace_count_mismatch(whole: &mut Whole<'_>, payload: Payload<'_>) {
    let Some(count) = whole.header(TRACE_COUNT).and_then(|count| count.parse::<u64>().ok()) else { return };
    let chunks = payload.chunks().len();
    if whole.is_datadog_traces() && payload.complete() && count != chunks as u64 {
        let help = "count the chunks, the items of the outer array, not the traces or spans";
        whole.note(TRACE_COUNT_MISMATCH, help, || {
            format!("{TRACE_COUNT} is {count}; the body has {}", counted(chunks, "chunk"))
        });
    }
}

/// H002
fn trace_count_missing(whole: &mut Whole<'_>) {
    if whole.is_datadog_traces() && whole.header(TRACE_COUNT).is_none() {
        let help = "send X-Datadog-Trace-Count with the number of chunks; the agent counts dropped traces by it";
        whole.note(TRACE_COUNT_MISSING, help, || format!("the request has no {TRACE_COUNT}"));
    }
}

/// H003
fn trace_count_invalid(whole: &mut Whole<'_>) {
    let Some(count) = whole.header(TRACE_COUNT).filter(|_| whole.is_datadog_traces()) else { return };
    if count.parse::<u64>().is_err() {
        let help = "send the number of chunks in decimal";
        whole.note(TRACE_COUNT_INVALID, help, || format!("{TRACE_COUNT} is {}, no number", shown(count)));
    }
}

/// How a protocol is written, as far as Content-Type tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Msgpack,
    Protobuf,
}

impl Syntax {
    fn of(protocol: Protocol) -> Syntax {
        match protocol {
            Protocol::V04Json | Protocol::OtlpJson | Protocol::Snapshot | Protocol::Zipkin | Protocol::Jaeger => {
                Syntax::Json
            }
            Protocol::DatadogTrace | Protocol::DatadogSpans => Syntax::Json,
            Protocol::OtlpProto | Protocol::OtlpGrpc => Syntax::Protobuf,
            Protocol::V03 | Protocol::V04 | Protocol::V05 | Protocol::V07 | Protocol::V1 | Protocol::Stats => {
                Syntax::Msgpack
            }
        }
    }

    /// What a media type stands for; `None` for one that says nothing.
    fn of_media_type(value: &str) -> Option<Syntax> {
        let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" | "text/json" => Some(Syntax::Json),
            "application/msgpack" | "application/x-msgpack" => Some(Syntax::Msgpack),
            "application/x-protobuf" | "application/protobuf" => Some(Syntax::Protobuf),
            other => other.starts_with("application/grpc").then_some(Syntax::Protobuf),
        }
    }
}

/// Smallest v0.5 body that holds a span is longer than this; below, `[[], []]` may be two empty chunks of v0.4.
const TOO_SHORT_TO_TELL: usize = 15;

/// H004. Content-Type and path each say what the body is; the body says it too.
fn content_type_mismatch(whole: &mut Whole<'_>, body: &[u8]) {
    let Some(found) = Protocol::sniff(body) else { return };
    let content_type = whole.header("Content-Type");
    let by_type = match content_type {
        Some(value) => Syntax::of_media_type(value),
        // The agent reads a body without Content-Type as JSON.
        None => Some(Syntax::Json).filter(|_| whole.is_datadog()),
    };
    let type_differs = by_type.is_some_and(|syntax| syntax != Syntax::of(found));
    let by_path = match Protocol::of_path(&whole.request.path) {
        Some(Endpoint::Traces(protocol)) => Some(protocol),
        _ => None,
    };
    let path_differs = by_path.is_some_and(|path| {
        let short = body.len() <= TOO_SHORT_TO_TELL && Syntax::of(found) == Syntax::of(path);
        let fits = match path {
            Protocol::V03 | Protocol::V04 => matches!(found, Protocol::V03 | Protocol::V04 | Protocol::V04Json),
            Protocol::OtlpProto => matches!(found, Protocol::OtlpProto | Protocol::OtlpJson),
            Protocol::OtlpGrpc => matches!(found, Protocol::OtlpGrpc | Protocol::OtlpProto),
            exact => found == exact,
        };
        !fits && !short
    });
    if !type_differs && !path_differs {
        return;
    }
    let path = whole.request.path.clone();
    whole.note(CONTENT_TYPE_MISMATCH, "send the Content-Type and use the path of the protocol in the body", || {
        let mut message = format!("the body looks like {found}");
        if type_differs {
            message.push_str(&match content_type {
                Some(value) => format!(", Content-Type is {}", shown(value)),
                None => ", and without Content-Type the agent reads it as JSON".to_owned(),
            });
        }
        if let Some(protocol) = by_path.filter(|_| path_differs) {
            message.push_str(&format!(", the path {} takes {protocol}", shown(&path)));
        }
        message
    });
}

/// H005
fn tracer_version_missing(whole: &mut Whole<'_>) {
    const HEADER: &str = "Datadog-Meta-Tracer-Version";
    if whole.is_datadog() && whole.header(HEADER).is_none_or(str::is_empty) {
        let help = "send Datadog-Meta-Tracer-Version with the version of the tracing library";
        whole.note(TRACER_VERSION_MISSING, help, || format!("the request has no {HEADER}"));
    }
}

/// H006. HTTP/2, and gRPC with it, has no need of Content-Length.
fn content_length_mismatch(whole: &mut Whole<'_>) {
    let headers = &whole.request.headers;
    let length = whole.request.body.len();
    let differing = headers.get_all("Content-Length").find(|value| value.trim().parse() != Ok(length));
    if let Some(value) = differing {
        let help = "the body was cut or changed on its way, or the sender counts characters instead of bytes";
        whole.note(CONTENT_LENGTH_MISMATCH, help, || {
            format!("Content-Length is {}; the body has {}", shown(value.trim()), counted(length, "byte"))
        });
        return;
    }
    let chunked = headers
        .get_all("Transfer-Encoding")
        .any(|value| value.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked")));
    if headers.get("Content-Length").is_none() && !chunked && whole.protocol != Protocol::OtlpGrpc {
        let help = "send Content-Length, or Transfer-Encoding: chunked";
        whole.note(CONTENT_LENGTH_MISMATCH, help, || {
            format!("neither Content-Length nor chunked encoding; the body has {}", counted(length, "byte"))
        });
    }
}

/// `max_request_bytes` of an agent that was not told otherwise.
const AGENT_LIMIT: usize = 25 << 20;

/// H007
fn over_agent_limit(whole: &mut Whole<'_>) {
    let length = whole.request.body.len();
    if whole.is_datadog() && length > AGENT_LIMIT {
        let help = "flush more often, or raise the agent's max_request_bytes";
        whole.note(OVER_AGENT_LIMIT, help, || {
            format!("a body of {length} bytes; an agent takes {AGENT_LIMIT} by default and answers 413")
        });
    }
}

/// H008
fn lang_missing(whole: &mut Whole<'_>) {
    const HEADER: &str = "Datadog-Meta-Lang";
    if whole.is_datadog() && whole.header(HEADER).is_none_or(str::is_empty) {
        whole.note(LANG_MISSING, "send Datadog-Meta-Lang: go, python, nodejs, ...", || {
            format!("the request has no {HEADER}")
        });
    }
}

/// H009. The value is never shown.
fn credential_in_capture(whole: &mut Whole<'_>) {
    let request = whole.request;
    for (name, _) in request.headers.iter().filter(|(name, _)| is_credential(name)) {
        let help = "remove the header from the file before it is passed on, and replace the credential if it was";
        whole.note(CREDENTIAL_IN_CAPTURE, help, || format!("the capture holds the header {}", shown(name)));
    }
}

/// H010
fn method(whole: &mut Whole<'_>) {
    let method = whole.request.method.as_str();
    if !method.is_empty() && method != "POST" && method != "PUT" {
        whole.note(METHOD, "send traces with POST", || format!("the method is {}", shown(method)));
    }
}

// ---- spans --------------------------------------------------------------------------------------------------

/// What the checks of spans take from outside the body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'c> {
    /// What counts as now: `--now`, else when the record was received. Without it nothing lies in the future.
    pub now: Option<Timestamp>,
    /// The tracer's language, `Datadog-Meta-Lang`.
    pub lang: Option<&'c str>,
}

/// Checks the chunks and spans of a payload: S001 to S034, T005 to T007, and keys that stand twice (D017).
pub fn spans(record: usize, payload: Payload<'_>, context: &Context<'_>, out: &mut Diagnostics) {
    if payload.dialect() == Dialect::Otlp {
        return otlp_spans(record, payload, context, out);
    }
    let mut keys = Vec::new();
    let last = payload.chunks().len().saturating_sub(1);
    for (number, chunk) in payload.chunks().enumerate() {
        let Some(first) = chunk.spans().next() else {
            let cut = number == last && !payload.complete();
            empty_chunk(record, number, chunk, payload.body(), cut, out);
            continue;
        };
        let mut tid = ChunkTid::default();
        for (position, span) in chunk.spans().enumerate() {
            let mut site = Site { record, chunk: number, position, span, out, otlp: None };
            if let Some(own) = fields_and_tags(&mut site, context, &mut keys) {
                tid_conflict(&mut site, own, &mut tid);
            }
        }
        let mut site = Site { record, chunk: number, position: 0, span: first, out, otlp: None };
        priority_missing(&mut site, chunk);
        foreign_span(&mut site, chunk, first);
        several_roots(&mut site, chunk);
    }
}

/// The same for OTLP: what concerns OTLP alone, and of the rest what is true of any span.
fn otlp_spans(record: usize, payload: Payload<'_>, context: &Context<'_>, out: &mut Diagnostics) {
    otlp::resources(record, payload, out);
    let mut numbers = otlp::Numbers::default();
    for (number, chunk) in payload.chunks().enumerate() {
        let numbers = numbers.of(chunk);
        otlp::scope(record, numbers, chunk, out);
        for (position, span) in chunk.spans().enumerate() {
            let mut site = Site { record, chunk: number, position, span, out, otlp: Some(numbers) };
            otlp::span(&mut site);
            name_empty(&mut site);
            start_before_2000(&mut site, context.now);
            start_in_future(&mut site, context.now);
            zero_duration(&mut site);
            control_characters(&mut site);
            let mut tags = Tags::default();
            span.attributes().iter().for_each(|(key, value)| tags.take(key, value));
            if !span.status_message().is_empty() {
                tags.detail = Some("status.message");
            }
            error_without_detail(&mut site, &tags);
            http_status_invalid(&mut site, &tags);
            event_outside_span(&mut site, &Tags::default());
            link_id_zero(&mut site, &Tags::default());
        }
    }
}

/// The checks of one span alone. Yields its `_dd.p.tid`.
fn fields_and_tags<'b>(site: &mut Site<'_, 'b>, context: &Context<'_>, keys: &mut Vec<Key<'b>>) -> Option<&'b str> {
    trace_id_zero(site);
    span_id_zero(site);
    service_empty(site, context.lang);
    name_empty(site);
    resource_empty(site);
    name_too_long(site);
    name_rewritten(site);
    service_too_long(site);
    service_rewritten(site, context.lang);
    resource_too_long(site);
    type_too_long(site);
    negative_duration(site);
    duration_overflow(site);
    start_before_2000(site, context.now);
    start_in_future(site, context.now);
    zero_duration(site);
    error_flag_value(site);
    control_characters(site);

    let mut tags = Tags::default();
    keys.clear();
    for (key, value) in site.span.attributes().iter() {
        keys.push(Key::of(key, value));
        tag_key_too_long(site, key, value);
        match value {
            Value::Str(text) => {
                tag_over_1024(site, key, text);
                tag_truncated_by_agent(site, key, text);
            }
            Value::Float(number) => metric_not_finite(site, key, number),
            _ => {}
        }
        tags.take(key, value);
    }
    duplicate_key(site, keys);
    error_without_detail(site, &tags);
    detail_without_error(site, &tags);
    http_status_invalid(site, &tags);
    tid_malformed(site, &tags);
    priority_unknown(site, &tags);
    decision_maker_malformed(site, &tags);
    json_tag_invalid(site, &tags);
    event_outside_span(site, &tags);
    link_id_zero(site, &tags);
    kind_unknown(site, &tags);
    tags.tid
}

/// The tags that checks ask for, of one span.
#[derive(Default)]
struct Tags<'b> {
    tid: Option<&'b str>,
    decision_maker: Option<&'b str>,
    kind: Option<&'b str>,
    events: Option<&'b str>,
    links: Option<&'b str>,
    status: Option<Value<'b>>,
    priority: Option<f64>,
    /// One of `error.message`, `error.type`, `error.stack`.
    detail: Option<&'static str>,
    /// The old `error.msg`.
    old_message: bool,
}

impl<'b> Tags<'b> {
    fn take(&mut self, key: &'b str, value: Value<'b>) {
        match (key, value) {
            ("http.status_code", value) => self.status = Some(value),
            ("_sampling_priority_v1", Value::Float(number)) => self.priority = Some(number),
            ("_sampling_priority_v1", Value::Int(number)) => self.priority = Some(number as f64),
            ("_dd.p.tid", Value::Str(text)) => self.tid = Some(text),
            ("_dd.p.dm", Value::Str(text)) => self.decision_maker = Some(text),
            ("span.kind", Value::Str(text)) => self.kind = Some(text),
            ("events", Value::Str(text)) => self.events = Some(text),
            ("_dd.span_links", Value::Str(text)) => self.links = Some(text),
            ("error.message", Value::Str(_)) => self.detail = Some("error.message"),
            ("error.type", Value::Str(_)) => self.detail = Some("error.type"),
            ("error.stack", Value::Str(_)) => self.detail = Some("error.stack"),
            ("error.msg", Value::Str(_)) => self.old_message = true,
            _ => {}
        }
    }
}

/// The map of a Datadog span that a value of this type stands in.
fn map_of(value: Value<'_>) -> &'static str {
    match value {
        Value::Str(_) => "meta",
        Value::Float(_) => "metrics",
        Value::Bytes(_) => "meta_struct",
        Value::Bool(_) | Value::Int(_) | Value::List(_) | Value::Map(_) => "attributes",
    }
}

/// The first `limit` bytes of `text`, fewer where that would cut a character: how the agent cuts.
fn first_bytes(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// S001. Protocols of 64 bits carry the low half, and the agent looks at that alone.
fn trace_id_zero(site: &mut Site<'_, '_>) {
    if site.span.trace_id().low() == 0 {
        let help = "the agent drops the whole chunk: give the trace an id";
        site.note(TRACE_ID_ZERO, Field::Member("trace_id"), help, || "the trace id is 0".to_owned());
    }
}

/// S002
fn span_id_zero(site: &mut Site<'_, '_>) {
    if site.span.span_id().0 == 0 {
        let help = "the agent drops the whole chunk: give the span an id";
        site.note(SPAN_ID_ZERO, Field::Member("span_id"), help, || "the span id is 0".to_owned());
    }
}

/// What the agent calls a service that has no name.
fn unnamed_service(lang: Option<&str>) -> Cow<'static, str> {
    match lang.filter(|lang| !lang.is_empty()) {
        None => Cow::Borrowed("unnamed-service"),
        Some(lang) => Cow::Owned(format!("unnamed-{lang}-service")),
    }
}

/// S003
fn service_empty(site: &mut Site<'_, '_>, lang: Option<&str>) {
    if site.span.service_bytes().is_empty() {
        site.note(SERVICE_EMPTY, Field::Member("service"), "set DD_SERVICE or the span's service", || {
            format!("no service; the agent puts {} there", shown(&unnamed_service(lang)))
        });
    }
}

/// What the agent calls a span that has no usable name.
const UNNAMED_OPERATION: &str = "unnamed_operation";

/// S004
fn name_empty(site: &mut Site<'_, '_>) {
    if site.span.name_bytes().is_empty() {
        site.note(NAME_EMPTY, Field::Member("name"), "name the operation, for example web.request", || {
            format!("no name; the agent puts {UNNAMED_OPERATION:?} there")
        });
    }
}

/// S005
fn resource_empty(site: &mut Site<'_, '_>) {
    if site.span.resource_bytes().is_empty() {
        site.note(RESOURCE_EMPTY, Field::Member("resource"), "name what was asked for: a route, a statement", || {
            "no resource; the agent copies the name".to_owned()
        });
    }
}

/// Longest name, service and type that the agent leaves whole.
const MAX_NAME: usize = 100;

/// S006
fn name_too_long(site: &mut Site<'_, '_>) {
    let length = site.span.name_bytes().len();
    if length > MAX_NAME {
        site.note(NAME_TOO_LONG, Field::Member("name"), "put what varies into the resource or a tag", || {
            format!("a name of {length} bytes; the agent cuts it at {MAX_NAME}")
        });
    }
}

/// S007
fn name_rewritten(site: &mut Site<'_, '_>) {
    let kept = first_bytes(site.span.name(), MAX_NAME);
    if kept.is_empty() || is_metric_name(kept) {
        return;
    }
    let help = "name operations in ASCII letters, digits, single underscores and dots";
    site.note(NAME_REWRITTEN, Field::Member("name"), help, || {
        let written = metric_name(kept);
        let written = if written.is_empty() { UNNAMED_OPERATION } else { &written };
        format!("the agent turns the name {} into {written:?}", shown(kept))
    });
}

/// Whether [`metric_name`] leaves it as it is.
fn is_metric_name(name: &str) -> bool {
    let mut before = b'_';
    for byte in name.bytes() {
        let fits = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            b'.' => before != b'_',
            b'_' => before != b'_' && before != b'.',
            _ => false,
        };
        if !fits {
            return false;
        }
        before = byte;
    }
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && before != b'_'
}

/// The agent's rule for names: leading non-letters dropped, everything but ASCII letters, digits, `_` and `.` made
/// `_`, no doubled `_`, no `_` beside a `.` or at the end. Empty when there is no letter.
fn metric_name(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for c in name.chars().skip_while(|c| !c.is_ascii_alphabetic()) {
        if c.is_ascii_alphanumeric() {
            written.push(c);
        } else if c == '.' {
            if written.ends_with('_') {
                written.pop();
            }
            written.push('.');
        } else if !written.ends_with(['_', '.']) {
            written.push('_');
        }
    }
    if written.ends_with('_') {
        written.pop();
    }
    written
}

/// S008
fn service_too_long(site: &mut Site<'_, '_>) {
    let length = site.span.service_bytes().len();
    if length > MAX_NAME {
        site.note(SERVICE_TOO_LONG, Field::Member("service"), "give the service a shorter name", || {
            format!("a service of {length} bytes; the agent cuts it at {MAX_NAME}")
        });
    }
}

/// S009
fn service_rewritten(site: &mut Site<'_, '_>, lang: Option<&str>) {
    let kept = first_bytes(site.span.service(), MAX_NAME);
    if kept.is_empty() || is_tag_value(kept) {
        return;
    }
    let help = "name services in lower-case letters, digits and : . / - _";
    site.note(SERVICE_REWRITTEN, Field::Member("service"), help, || {
        let written = tag_value(kept);
        let written = if written.is_empty() { unnamed_service(lang) } else { Cow::Owned(written) };
        format!("the agent turns the service {} into {}", shown(kept), shown(&written))
    });
}

/// Longest tag value that the agent keeps, in characters.
const MAX_TAG_VALUE: usize = 200;

/// What the agent writes for a character of a tag; `None` for one that becomes `_`. Letters whose lower case is
/// several characters stay as they are.
fn tag_char(c: char) -> Option<char> {
    match c {
        'a'..='z' | '0'..='9' | ':' | '.' | '/' | '-' => Some(c),
        'A'..='Z' => Some(c.to_ascii_lowercase()),
        _ if c.is_ascii() || !c.is_alphanumeric() => None,
        _ => {
            let mut lower = c.to_lowercase();
            Some(lower.next().filter(|_| lower.next().is_none()).unwrap_or(c))
        }
    }
}

/// Whether [`tag_value`] leaves it as it is.
fn is_tag_value(value: &str) -> bool {
    let mut before = ' ';
    for c in value.chars() {
        let fits = match tag_char(c) {
            Some(written) => written == c,
            None => c == '_' && before != '_',
        };
        if !fits {
            return false;
        }
        before = c;
    }
    before != '_' && (value.len() <= MAX_TAG_VALUE || value.chars().count() <= MAX_TAG_VALUE)
}

/// The agent's rule for tags: lower case, letters, digits and `: . / -` kept, the rest made single `_`, no `_` at
/// the end, cut at 200 characters.
fn tag_value(value: &str) -> String {
    let mut written = String::with_capacity(value.len());
    for c in value.chars().take(MAX_TAG_VALUE) {
        match tag_char(c) {
            Some(c) => written.push(c),
            None if written.ends_with('_') => {}
            None => written.push('_'),
        }
    }
    if written.ends_with('_') {
        written.pop();
    }
    written
}

/// Longest resource that the agent leaves whole, without and with its feature `big_resource`.
const MAX_RESOURCE: (usize, usize) = (5_000, 15_000);

/// S010
fn resource_too_long(site: &mut Site<'_, '_>) {
    let length = site.span.resource_bytes().len();
    let (usual, big) = MAX_RESOURCE;
    if length > usual {
        let help = "shorten the resource, and put the rest in a tag";
        site.note(RESOURCE_TOO_LONG, Field::Member("resource"), help, || {
            format!("a resource of {length} bytes; the agent cuts it at {usual}, with big_resource at {big}")
        });
    }
}

/// S011
fn type_too_long(site: &mut Site<'_, '_>) {
    let length = site.span.type_().len();
    if length > MAX_NAME {
        site.note(TYPE_TOO_LONG, Field::Member("type"), "use a known type: web, http, sql, cache, queue, ...", || {
            format!("a type of {length} bytes; the agent cuts it at {MAX_NAME}")
        });
    }
}

/// S012
fn negative_duration(site: &mut Site<'_, '_>) {
    let duration = site.span.duration().0;
    if duration < 0 {
        let help = "measure with a monotonic clock; wall clocks are set back";
        site.note(NEGATIVE_DURATION, Field::Member("duration"), help, || {
            format!("the duration is {duration} ns; the agent sets 0")
        });
    }
}

/// S013
fn duration_overflow(site: &mut Site<'_, '_>) {
    let (start, duration) = (site.span.start().0, site.span.duration().0);
    if duration > 0 && start.checked_add(duration).is_none() {
        let help = "look for a unit that is not nanoseconds, or a value that was never set";
        site.note(DURATION_OVERFLOW, Field::Member("duration"), help, || {
            format!("{start} + {duration} ns is beyond 64 bits; the agent sets the duration 0")
        });
    }
}

const YEAR_2000: i64 = 946_684_800_000_000_000;
const YEAR_2100: i64 = 4_102_444_800_000_000_000;
const TEN_YEARS: Nanos = Nanos(10 * 31_557_600_000_000_000);

/// S014. A start of 0 is one that was never sent: what the agent does not mind is no error here.
fn start_before_2000(site: &mut Site<'_, '_>, now: Option<Timestamp>) {
    let start = site.span.start().0;
    if start >= YEAR_2000 {
        return;
    }
    let severity = if start == 0 { Severity::Warning } else { START_BEFORE_2000.severity() };
    let unit = unit_of(start, now);
    let help = if unit.is_some() { "send the start in nanoseconds since 1970" } else { "set the start of the span" };
    site.note_as(START_BEFORE_2000, severity, Field::Member("start"), help, || match unit {
        _ if start == 0 => "the start is 0 or absent; the agent puts its own time there".to_owned(),
        None => format!("the start is {start} ns, before the year 2000; the agent puts its own time there"),
        Some(unit) => format!("the start is {start}: that many {unit}, not nanoseconds, is a time near now"),
    });
}

/// The unit in which `start` is a plausible time: within ten years of now, or of this century when now is not known.
fn unit_of(start: i64, now: Option<Timestamp>) -> Option<&'static str> {
    let (from, to) = match now {
        Some(now) => ((now - Timestamp(TEN_YEARS.0)).0, (now + TEN_YEARS).0),
        None => (YEAR_2000, YEAR_2100),
    };
    let units = [(1_000, "microseconds"), (1_000_000, "milliseconds"), (1_000_000_000, "seconds")];
    units
        .into_iter()
        .filter(|_| start > 0)
        .find(|(factor, _)| start.checked_mul(*factor).is_some_and(|time| (from..=to).contains(&time)))
        .map(|(_, unit)| unit)
}

/// How far ahead of now a clock may be.
const AHEAD: Nanos = Nanos(600_000_000_000);

/// S015
fn start_in_future(site: &mut Site<'_, '_>, now: Option<Timestamp>) {
    let Some(now) = now else { return };
    let start = site.span.start();
    if start > now + AHEAD {
        let help = "set the sender's clock; --now says when the capture was made";
        site.note(START_IN_FUTURE, Field::Member("start"), help, || {
            format!("starts {} s after the reference time", (start - now).0 / 1_000_000_000)
        });
    }
}

/// S016
fn zero_duration(site: &mut Site<'_, '_>) {
    if site.span.duration() == Nanos(0) {
        let help = "fine for a mark; otherwise the span was finished as it was started";
        site.note(ZERO_DURATION, Field::Member("duration"), help, || "the duration is 0".to_owned());
    }
}

/// S017
fn error_flag_value(site: &mut Site<'_, '_>) {
    let value = site.span.error_value();
    if value != 0 && value != 1 {
        let more = if value == i16::MAX || value == i16::MIN { " or beyond" } else { "" };
        site.note(ERROR_FLAG_VALUE, Field::Member("error"), "send 0 or 1, and the number in a tag", || {
            format!("the error flag is {value}{more}")
        });
    }
}

/// S018
fn error_without_detail(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    if !site.span.error() || tags.detail.is_some() || tags.old_message {
        return;
    }
    if !site.span.events().any(|event| event.name() == "exception") {
        let help = "set error.message, error.type and error.stack with the error";
        site.note(ERROR_WITHOUT_DETAIL, Field::Member("error"), help, || {
            "the span is an error; no error.* tag and no exception event says which".to_owned()
        });
    }
}

/// S019
fn detail_without_error(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    if let Some(key) = tags.detail.filter(|_| !site.span.error()) {
        let help = "set error to 1 if the operation failed; a handled error belongs in an event";
        site.note(DETAIL_WITHOUT_ERROR, Field::Tag("meta", key), help, || {
            format!("{key} is set and the error flag is 0: not counted as an error")
        });
    }
}

/// S020
fn http_status_invalid(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    let Some(value) = tags.status else { return };
    let number = match value {
        Value::Str(text) => text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten(),
        Value::Int(number) => Some(number),
        Value::Float(number) => (number.fract() == 0.0).then_some(number as i64),
        _ => None,
    };
    if number.is_some_and(|number| (100..600).contains(&number)) {
        return;
    }
    const KEY: &str = "http.status_code";
    let help = "send the three digits of the answer";
    site.note(HTTP_STATUS_INVALID, Field::Tag(map_of(value), KEY), help, || match value {
        Value::Str(text) => format!("{KEY} is {}; the agent deletes the tag", shown(text)),
        Value::Int(number) => format!("{KEY} is {number}"),
        Value::Float(number) => format!("{KEY} is {number}"),
        _ => format!("{KEY} is no number"),
    });
}

/// Longest string tag that xmtpd sends, in characters: it cuts its own.
const XMTPD_MAX_TAG: usize = 1_024;

/// S021
fn tag_over_1024(site: &mut Site<'_, '_>, key: &str, text: &str) {
    // Characters are counted only where there are enough bytes for them.
    if text.len() <= XMTPD_MAX_TAG {
        return;
    }
    let characters = text.chars().count();
    if characters > XMTPD_MAX_TAG {
        let help = "cut the value where it is set, and mark the cut";
        site.note(TAG_OVER_1024, Field::Tag("meta", key), help, || format!("a tag of {characters} characters"));
    }
}

/// Longest tag value that the agent leaves whole.
const MAX_META: usize = 25_000;

/// S022. Documents that products carry in tags are let through whole.
fn tag_truncated_by_agent(site: &mut Site<'_, '_>, key: &str, text: &str) {
    if text.len() <= MAX_META {
        return;
    }
    let document = [".json", ".msgpack", ".protobuf"].into_iter().any(|end| key.ends_with(end));
    if !(document && key.starts_with("_dd.")) {
        let help = "keep long texts in a log, and a reference to it in the tag";
        site.note(TAG_TRUNCATED_BY_AGENT, Field::Tag("meta", key), help, || {
            format!("a tag of {} bytes; the agent cuts it at {MAX_META}", text.len())
        });
    }
}

/// Longest key that the agent leaves whole.
const MAX_KEY: usize = 200;

/// S023
fn tag_key_too_long(site: &mut Site<'_, '_>, key: &str, value: Value<'_>) {
    if key.len() > MAX_KEY {
        site.note(TAG_KEY_TOO_LONG, Field::Tag(map_of(value), key), "put what varies into the value", || {
            format!("a key of {} bytes; the agent cuts it at {MAX_KEY}", key.len())
        });
    }
}

/// S024
fn metric_not_finite(site: &mut Site<'_, '_>, key: &str, number: f64) {
    if !number.is_finite() {
        let help = "leave the metric out when it has no value";
        site.note(METRIC_NOT_FINITE, Field::Tag("metrics", key), help, || format!("the metric is {number}"));
    }
}

/// The high half of a trace id as it must be written.
fn is_tid(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

const TID: Field<'static> = Field::Tag("meta", "_dd.p.tid");

/// S025
fn tid_malformed(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    if let Some(tid) = tags.tid.filter(|tid| !is_tid(tid)) {
        site.note(TID_MALFORMED, TID, "write the high 64 bits of the trace id as 16 lower-case hex digits", || {
            format!("_dd.p.tid is {}, not 16 lower-case hex digits", shown(tid))
        });
    }
}

/// The first `_dd.p.tid` of a chunk, with the low half of the trace id beside it.
#[derive(Default)]
struct ChunkTid<'b> {
    first: Option<(u64, &'b str)>,
    told: bool,
}

/// S026, once in a chunk. A span with another low half is of another trace (T005).
fn tid_conflict<'b>(site: &mut Site<'_, 'b>, own: &'b str, tid: &mut ChunkTid<'b>) {
    if tid.told || !is_tid(own) {
        return;
    }
    let low = site.span.trace_id().low();
    let (first_low, first) = *tid.first.get_or_insert((low, own));
    if low == first_low && own != first {
        tid.told = true;
        let help = "all spans of a trace share one id: spans of two traces were mixed";
        site.note(TID_CONFLICT, TID, help, || format!("_dd.p.tid is {own}, and {first} earlier in this chunk"));
    }
}

const PRIORITY: Field<'static> = Field::Tag("metrics", "_sampling_priority_v1");

/// S027, on the chunk's first span, which is where it belongs.
fn priority_missing(site: &mut Site<'_, '_>, chunk: Chunk<'_>) {
    if chunk.priority().is_none() {
        let help = "the agent's own sampler decides; set _sampling_priority_v1 on the chunk's first span";
        site.note(PRIORITY_MISSING, PRIORITY, help, || "no span of the chunk has a sampling priority".to_owned());
    }
}

/// S028. Protocols that say the priority once for the chunk have it on no span; there the first span stands for it.
fn priority_unknown(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    let of_chunk = || site.span.chunk().and_then(Chunk::priority).filter(|_| site.position == 0).map(f64::from);
    let Some(priority) = tags.priority.or_else(of_chunk) else { return };
    if ![-1.0, 0.0, 1.0, 2.0].contains(&priority) {
        let help = "send -1 (user reject), 0 (reject), 1 (keep) or 2 (user keep)";
        site.note(PRIORITY_UNKNOWN, PRIORITY, help, || format!("the sampling priority is {priority}"));
    }
}

/// S029: digits after a hyphen, before it nothing or the hash of a service.
fn decision_maker_malformed(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    let Some(text) = tags.decision_maker else { return };
    let sound = text.split_once('-').is_some_and(|(hash, mechanism)| {
        hash.bytes().all(|b| b.is_ascii_hexdigit())
            && !mechanism.is_empty()
            && mechanism.bytes().all(|b| b.is_ascii_digit())
    });
    if !sound {
        let help = "write - and the number of the sampling mechanism, for example -4";
        site.note(DECISION_MAKER_MALFORMED, Field::Tag("meta", "_dd.p.dm"), help, || {
            format!("_dd.p.dm is {}", shown(text))
        });
    }
}

/// S030. The type is the one that decoding reads, so that what is lost there is reported here.
fn json_tag_invalid(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    type Objects = Vec<serde_json::Map<String, serde_json::Value>>;
    for (key, text) in [("events", tags.events), ("_dd.span_links", tags.links)] {
        let Some(Err(error)) = text.map(serde_json::from_str::<Objects>) else { continue };
        let help = "write a JSON array of objects; what is in the tag is shown as text only";
        site.note(JSON_TAG_INVALID, Field::Tag("meta", key), help, || {
            format!("{key} is no JSON array of objects: {error}")
        });
    }
}

/// Clocks that tick in fractions of a microsecond put events a little outside, as they do with children.
const CLOCK_NOISE: Nanos = Nanos(1_000);

/// S031: by more than 1 us.
fn event_outside_span(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    let (start, end) = (site.span.start(), site.span.end());
    let list = if tags.events.is_some() { "meta[\"events\"]" } else { "span_events" };
    for (index, event) in site.span.events().enumerate() {
        let (early, late) = (start - event.time(), event.time() - end);
        if early > CLOCK_NOISE || late > CLOCK_NOISE {
            let help = "take the time of events and of their span from one clock, in nanoseconds";
            site.note(EVENT_OUTSIDE_SPAN, Field::Item(list, index, "time_unix_nano"), help, || {
                let what = shown(event.name());
                match late > CLOCK_NOISE {
                    true => format!("the event {what} is {} ns after the end of its span", late.0),
                    false => format!("the event {what} is {} ns before the start of its span", early.0),
                }
            });
        }
    }
}

/// S032
fn link_id_zero(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    let list = if tags.links.is_some() { "meta[\"_dd.span_links\"]" } else { "span_links" };
    for (index, link) in site.span.links().enumerate() {
        let member = match (link.trace_id().0, link.span_id().0) {
            (0, _) => "trace_id",
            (_, 0) => "span_id",
            _ => continue,
        };
        let help = "make links from a valid span context";
        site.note(LINK_ID_ZERO, Field::Item(list, index, member), help, || format!("the link's {member} is 0"));
    }
}

/// S033
fn control_characters(site: &mut Site<'_, '_>) {
    let span = site.span;
    let members = [
        ("name", span.name_bytes()),
        ("service", span.service_bytes()),
        ("resource", span.resource_bytes()),
        ("type", span.type_().as_bytes()),
    ];
    for (member, bytes) in members {
        // Printable ASCII is nearly all there is; a fold without an early exit is vectorised.
        let odd = bytes.iter().fold(false, |odd, byte| odd | !(0x20..0x7f).contains(byte));
        let control = if odd { std::str::from_utf8(bytes).ok().and_then(|t| t.chars().find(is_control)) } else { None };
        if let Some(control) = control {
            let help = "remove them: they can forge lines and colours in terminals and logs";
            site.note(CONTROL_CHARACTERS, Field::Member(member), help, || {
                format!("the {member} holds U+{:04X}", u32::from(control))
            });
        }
    }
}

/// C0, DEL and C1, and the characters that turn the direction of what follows.
fn is_control(c: &char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// S034
fn kind_unknown(site: &mut Site<'_, '_>, tags: &Tags<'_>) {
    if let Some(kind) = tags.kind.filter(|kind| SpanKind::from_word(kind.as_bytes()).is_none()) {
        let help = "use internal, server, client, producer or consumer";
        site.note(KIND_UNKNOWN, Field::Tag("meta", "span.kind"), help, || format!("span.kind is {}", shown(kind)));
    }
}

/// A key of one of a span's maps. Ordered by hash first, so that texts are compared only where hashes meet.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'b> {
    hash: u64,
    map: &'static str,
    text: &'b str,
}

impl<'b> Key<'b> {
    fn of(text: &'b str, value: Value<'b>) -> Self {
        let mut hasher = FxHasher::default();
        hasher.write(text.as_bytes());
        Key { hash: hasher.finish(), map: map_of(value), text }
    }
}

/// D017 for tags; decoding reports members of the span itself that stand twice.
fn duplicate_key(site: &mut Site<'_, '_>, keys: &mut [Key<'_>]) {
    keys.sort_unstable();
    for pair in keys.windows(2) {
        let [earlier, later] = pair else { continue };
        if earlier == later {
            let help = "send each key once: libdatadog keeps both for a while, other receivers the last";
            site.note(DUPLICATE_KEY, Field::Tag(later.map, later.text), help, || {
                format!("the key {} stands twice in {}; the last one counts", shown(later.text), later.map)
            });
        }
    }
}

// ---- chunks -------------------------------------------------------------------------------------------------

/// T005, on the first span of another trace than the chunk's first. Halves that differ in the high one are S026.
fn foreign_span<'b>(site: &mut Site<'_, 'b>, chunk: Chunk<'b>, first: Span<'b>) {
    let trace = first.trace_id();
    let mut foreign = chunk.spans().enumerate().filter(|(_, span)| span.trace_id().low() != trace.low());
    let Some((position, span)) = foreign.next() else { return };
    (site.position, site.span) = (position, span);
    let help = "the agent drops the whole chunk: make one chunk per trace";
    site.note(FOREIGN_SPAN, Field::Member("trace_id"), help, || {
        let (foreign, spans) = (foreign.count() + 1, chunk.spans().len());
        format!("{foreign} of the chunk's {spans} spans are not of trace {trace}, the first of {}", span.trace_id())
    });
}

/// T006. A chunk whose spans could not be read is not empty; decoding has reported them.
fn empty_chunk(record: usize, number: usize, chunk: Chunk<'_>, body: &[u8], cut: bool, out: &mut Diagnostics) {
    if cut || !can_be_empty(body.get(chunk.offset()..).unwrap_or_default()) {
        return;
    }
    if !out.keeps(EMPTY_CHUNK, EMPTY_CHUNK.severity()) {
        return out.count(EMPTY_CHUNK, EMPTY_CHUNK.severity());
    }
    let place = Place::Body { record, offset: Some(chunk.offset()), path: format!("[{number}]") };
    let finding = Diagnostic::new(EMPTY_CHUNK, "a chunk without spans; the agent drops it");
    out.report(finding.help("leave out chunks of which nothing was kept").at(place));
}

/// Whether these bytes begin a chunk that can have no spans: an array of none, nil, or what is no array at all in
/// protocols that write chunks as maps or in JSON.
fn can_be_empty(chunk: &[u8]) -> bool {
    matches!(
        chunk,
        [0x90 | 0xc0 | 0x80..=0x8f | 0xde | 0xdf | b'[' | b'{' | b'n', ..] | [0xdc, 0, 0, ..] | [0xdd, 0, 0, 0, 0, ..]
    )
}

/// T007, on the second span without a parent.
fn several_roots<'b>(site: &mut Site<'_, 'b>, chunk: Chunk<'b>) {
    let mut roots = chunk.spans().enumerate().filter(|(_, span)| span.parent_id().is_none());
    let Some((position, second)) = roots.nth(1) else { return };
    (site.position, site.span) = (position, second);
    let help = "expected when spans share a trace id by design; otherwise a parent id was lost";
    site.note(SEVERAL_ROOTS, Field::Member("parent_id"), help, || {
        format!("{} spans of the chunk have no parent; this is the second", roots.count() + 2)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Batch;
    use crate::wire;
    use proptest::prelude::*;
    use serde_json::json;

    const NOW: i64 = 1_795_168_001_000_000_000;
    const CONTEXT: Context<'_> = Context { now: Some(Timestamp(NOW)), lang: Some("go") };

    fn checked(body: &[u8], context: &Context<'_>) -> Vec<Diagnostic> {
        let (mut batch, mut decoding, mut found) = (Batch::default(), Diagnostics::default(), Diagnostics::default());
        wire::decode(Protocol::V04, body, &wire::Options::default(), &mut batch, &mut decoding.body(0));
        spans(0, batch.view(body), context, &mut found);
        found.iter().cloned().collect()
    }

    fn lines(found: &[Diagnostic]) -> Vec<String> {
        found.iter().map(|finding| finding.to_string().replace("record 0, byte ", "")).collect()
    }

    /// A span in which nothing is wrong, with some members changed; null takes one away.
    fn span(changes: serde_json::Value) -> serde_json::Value {
        let mut span = json!({
            "service": "xmtpd", "name": "xmtpd.node.query", "resource": "SELECT 1", "type": "custom",
            "trace_id": 5, "span_id": 6, "parent_id": 0, "start": NOW - 1_000_000, "duration": 1_000, "error": 0,
            "meta": {"span.kind": "server"}, "metrics": {"_sampling_priority_v1": 1.0},
        });
        let (Some(members), Some(changes)) = (span.as_object_mut(), changes.as_object()) else { return span };
        for (name, value) in changes {
            match (members.get_mut(name).and_then(|member| member.as_object_mut()), value.as_object()) {
                (Some(map), Some(more)) => map.extend(more.clone()),
                _ if value.is_null() => drop(members.remove(name)),
                _ => drop(members.insert(name.clone(), value.clone())),
            }
        }
        span
    }

    fn body(chunks: serde_json::Value) -> Vec<u8> {
        rmp_serde::to_vec_named(&chunks).expect("a v0.4 body")
    }

    /// Findings on one chunk of one span.
    fn of_span(changes: serde_json::Value) -> Vec<String> {
        lines(&checked(&body(json!([[span(changes)]])), &CONTEXT))
    }

    fn of_chunk(spans: &[serde_json::Value]) -> Vec<String> {
        let mut found = lines(&checked(&body(json!([spans])), &CONTEXT));
        // Offsets of later spans say nothing here.
        for line in &mut found {
            if let Some((message, place)) = line.rsplit_once(" (")
                && let Some((_, path)) = place.split_once(", ")
            {
                *line = format!("{message} ({path}");
            }
        }
        found
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_body_of_xmtpd_has_no_findings() {
        let publish = json!({"name": "xmtpd.node.publish_payer_envelopes", "meta": {"_dd.p.tid": "6b001ab900000000",
            "_dd.p.dm": "-4", "language": "go"}, "metrics": {"num_envelopes": 1, "originator_node": 100}});
        let query = json!({"name": "xmtpd.db.query", "span_id": 7, "parent_id": 6, "type": "sql",
            "meta": {"db.role": "writer", "error.message": "deadlock", "span.kind": "client"}, "error": 1});
        assert_eq!(of_chunk(&[span(publish), span(query)]), NOTHING);
    }

    // ---- requests

    /// Findings on a request with these changes to sound headers; an empty value takes one away.
    fn of_request(protocol: Protocol, path: &str, body: &[u8], changes: &[(&str, &str)]) -> Vec<String> {
        let mut headers = vec![
            ("Content-Type", "application/msgpack".to_owned()),
            ("X-Datadog-Trace-Count", "1".to_owned()),
            ("Datadog-Meta-Lang", "go".to_owned()),
            ("Datadog-Meta-Tracer-Version", "2.4.0".to_owned()),
            ("Content-Length", body.len().to_string()),
        ];
        for (name, value) in changes {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.push((name, (*value).to_owned()));
        }
        let mut whole = Request { method: "POST".into(), path: path.into(), body: body.to_vec(), ..Request::default() };
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            whole.headers.push(name, value);
        }
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        wire::decode(protocol, body, &wire::Options::default(), &mut batch, &mut Diagnostics::default().body(0));
        request(0, &whole, protocol, batch.view(body), &mut found);
        found.iter().map(|finding| finding.to_string().replace(" (record 0)", "")).collect()
    }

    fn of_headers(changes: &[(&str, &str)]) -> Vec<String> {
        of_request(Protocol::V04, "/v0.4/traces", &body(json!([[span(json!({}))]])), changes)
    }

    #[test]
    fn a_sound_request_has_no_findings() {
        assert_eq!(of_headers(&[]), NOTHING);
        assert_eq!(of_headers(&[("Content-Length", ""), ("Transfer-Encoding", "Chunked")]), NOTHING);
    }

    #[test]
    fn h001_trace_count_mismatch() {
        let found = ["warning[H001]: X-Datadog-Trace-Count is 2; the body has 1 chunk"];
        assert_eq!(of_headers(&[("x-datadog-trace-count", "2")]), found);
        let cut = &body(json!([[span(json!({}))], [span(json!({}))]]))[..40];
        assert_eq!(of_request(Protocol::V04, "/v0.4/traces", cut, &[("X-Datadog-Trace-Count", "2")]), NOTHING);
    }

    #[test]
    fn h002_trace_count_missing() {
        let found = ["warning[H002]: the request has no X-Datadog-Trace-Count"];
        assert_eq!(of_headers(&[("X-Datadog-Trace-Count", "")]), found);
    }

    #[test]
    fn h003_trace_count_invalid() {
        let found = ["warning[H003]: X-Datadog-Trace-Count is \"many\", no number"];
        assert_eq!(of_headers(&[("X-Datadog-Trace-Count", "many")]), found);
    }

    #[test]
    fn h004_content_type_mismatch() {
        assert_eq!(
            of_headers(&[("Content-Type", "application/json; charset=utf-8")]),
            ["warning[H004]: the body looks like v0.4, Content-Type is \"application/json; charset=utf-8\""]
        );
        assert_eq!(
            of_headers(&[("Content-Type", "")]),
            ["warning[H004]: the body looks like v0.4, and without Content-Type the agent reads it as JSON"]
        );
        assert_eq!(of_headers(&[("Content-Type", "application/octet-stream")]), NOTHING);
        let v05 = body(json!([["", "a"], [[[1, 1, 1, 5, 6, 0, NOW, 5, 0, {}, {}, 0]]]]));
        assert_eq!(
            of_request(Protocol::V05, "/v0.4/traces", &v05, &[]),
            ["warning[H004]: the body looks like v0.5, the path \"/v0.4/traces\" takes v0.4"]
        );
        assert_eq!(of_request(Protocol::V05, "/base/v0.5/traces", &v05, &[]), NOTHING);
        let two_empty_chunks = [0x92, 0x90, 0x90];
        let two = [("X-Datadog-Trace-Count", "2")];
        assert_eq!(of_request(Protocol::V04, "/v0.4/traces", &two_empty_chunks, &two), NOTHING);
        let json = br#"[[{"name": "get"}]]"#;
        let changes = [("Content-Type", "application/json"), ("X-Datadog-Trace-Count", "")];
        assert_eq!(
            of_request(Protocol::OtlpJson, "/v1/traces", json, &changes),
            ["warning[H004]: the body looks like v0.4-json, the path \"/v1/traces\" takes otlp-proto"]
        );
    }

    #[test]
    fn h005_tracer_version_missing() {
        let found = ["warning[H005]: the request has no Datadog-Meta-Tracer-Version"];
        assert_eq!(of_headers(&[("Datadog-Meta-Tracer-Version", "")]), found);
    }

    #[test]
    fn h006_content_length_mismatch() {
        let found = ["warning[H006]: Content-Length is \"3\"; the body has 196 bytes"];
        assert_eq!(of_headers(&[("Content-Length", "3")]), found);
        let found = ["warning[H006]: neither Content-Length nor chunked encoding; the body has 196 bytes"];
        assert_eq!(of_headers(&[("Content-Length", "")]), found);
    }

    #[test]
    fn h007_over_agent_limit() {
        let mut large = body(json!([]));
        large.resize(AGENT_LIMIT + 1, 0xc0);
        let found = ["warning[H007]: a body of 26214401 bytes; an agent takes 26214400 by default and answers 413"];
        let none = [("X-Datadog-Trace-Count", "0")];
        assert_eq!(of_request(Protocol::V04, "/v0.4/traces", &large, &none), found);
        large.pop();
        assert_eq!(of_request(Protocol::V04, "/v0.4/traces", &large, &none), NOTHING);
    }

    #[test]
    fn h008_lang_missing() {
        let found = ["info[H008]: the request has no Datadog-Meta-Lang"];
        assert_eq!(of_headers(&[("Datadog-Meta-Lang", "")]), found);
    }

    #[test]
    fn h009_credential_in_capture() {
        let found = of_headers(&[("DD-API-KEY", "0123abcd"), ("X-Datadog-Test-Session-Token", "t")]);
        assert_eq!(found, ["warning[H009]: the capture holds the header \"DD-API-KEY\""]);
    }

    #[test]
    fn h010_method() {
        for (method, found) in [("POST", 0), ("PUT", 0), ("GET", 1)] {
            let whole = Request { method: method.into(), ..Request::default() };
            let (batch, mut out) = (Batch::default(), Diagnostics::default());
            request(0, &whole, Protocol::OtlpGrpc, batch.view(&[]), &mut out);
            assert_eq!(out.total_of(METHOD), found, "{method}");
        }
    }

    #[test]
    fn headers_of_datadog_are_not_asked_of_others() {
        let proto = [("X-Datadog-Trace-Count", ""), ("Datadog-Meta-Lang", ""), ("Datadog-Meta-Tracer-Version", "")];
        let changes = [&proto[..], &[("Content-Type", "application/x-protobuf")]].concat();
        assert_eq!(of_request(Protocol::OtlpProto, "/v1/traces", &[0x0a, 0], &changes), NOTHING);
        let grpc = [&proto[..], &[("Content-Type", "application/grpc"), ("Content-Length", "")]].concat();
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(of_request(Protocol::OtlpGrpc, path, &[0, 0, 0, 0, 0], &grpc), NOTHING);
    }

    // ---- spans

    #[test]
    fn s001_trace_id_zero() {
        let found = checked(&body(json!([[span(json!({"trace_id": 0}))]])), &CONTEXT);
        assert_eq!(lines(&found), ["error[S001]: the trace id is 0 (2, [0][0].trace_id)"]);
        let place = Place::Body { record: 0, offset: Some(2), path: "[0][0].trace_id".into() };
        let first = found.first().expect("one finding");
        assert_eq!((first.place(), first.span_id().map(|id| id.0)), (Some(&place), Some(6)));
        assert_eq!(first.help_text(), Some("the agent drops the whole chunk: give the trace an id"));
    }

    #[test]
    fn s002_span_id_zero() {
        assert_eq!(of_span(json!({"span_id": 0})), ["error[S002]: the span id is 0 (2, [0][0].span_id)"]);
    }

    #[test]
    fn s003_service_empty() {
        let found = of_span(json!({"service": ""}));
        assert_eq!(
            found,
            ["warning[S003]: no service; the agent puts \"unnamed-go-service\" there (2, [0][0].service)"]
        );
        let found = lines(&checked(&body(json!([[span(json!({"service": null}))]])), &Context::default()));
        assert_eq!(found, ["warning[S003]: no service; the agent puts \"unnamed-service\" there (2, [0][0].service)"]);
    }

    #[test]
    fn s004_name_empty() {
        let found = ["warning[S004]: no name; the agent puts \"unnamed_operation\" there (2, [0][0].name)"];
        assert_eq!(of_span(json!({"name": ""})), found);
    }

    #[test]
    fn s005_resource_empty() {
        let found = ["info[S005]: no resource; the agent copies the name (2, [0][0].resource)"];
        assert_eq!(of_span(json!({"resource": ""})), found);
    }

    #[test]
    fn s006_name_too_long() {
        assert_eq!(of_span(json!({"name": "n".repeat(100)})), NOTHING);
        let found = ["warning[S006]: a name of 101 bytes; the agent cuts it at 100 (2, [0][0].name)"];
        assert_eq!(of_span(json!({"name": "n".repeat(101)})), found);
    }

    #[test]
    fn s007_name_rewritten() {
        assert_eq!(
            of_span(json!({"name": "GET /items"})),
            ["info[S007]: the agent turns the name \"GET /items\" into \"GET_items\" (2, [0][0].name)"]
        );
        assert_eq!(
            of_span(json!({"name": "/1"})),
            ["info[S007]: the agent turns the name \"/1\" into \"unnamed_operation\" (2, [0][0].name)"]
        );
        for (name, written) in [
            ("web.request", "web.request"),
            ("panic: worker", "panic_worker"),
            ("_.2a__b_.c._d-", "a_b.c.d"),
            ("a..b", "a..b"),
            ("größe", "gr_e"),
            ("a.", "a."),
        ] {
            assert_eq!((metric_name(name).as_str(), is_metric_name(name)), (written, name == written));
        }
    }

    #[test]
    fn s008_service_too_long() {
        let found = ["warning[S008]: a service of 101 bytes; the agent cuts it at 100 (2, [0][0].service)"];
        assert_eq!(of_span(json!({"service": "s".repeat(101)})), found);
    }

    #[test]
    fn s009_service_rewritten() {
        assert_eq!(
            of_span(json!({"service": "My Shop!"})),
            ["info[S009]: the agent turns the service \"My Shop!\" into \"my_shop\" (2, [0][0].service)"]
        );
        assert_eq!(
            of_span(json!({"service": "!!"})),
            ["info[S009]: the agent turns the service \"!!\" into \"unnamed-go-service\" (2, [0][0].service)"]
        );
        for (service, written) in [
            ("checkout:v1.2/eu-west_3", "checkout:v1.2/eu-west_3"),
            ("a__b_", "a_b"),
            ("ÜBER größe", "über_größe"),
            ("İ", "İ"),
            ("_x", "_x"),
        ] {
            assert_eq!((tag_value(service).as_str(), is_tag_value(service)), (written, service == written));
        }
        assert_eq!(tag_value(&"ü".repeat(300)).chars().count(), 200);
    }

    proptest! {
        #[test]
        fn rewriting_is_foreseen_and_done_once(text in "([aA0_.:/ !ü]{0,12}|\\PC{0,12})") {
            prop_assert_eq!(is_metric_name(&text), metric_name(&text) == text && !text.is_empty());
            prop_assert!(metric_name(&text).is_empty() || is_metric_name(&metric_name(&text)));
            prop_assert_eq!(is_tag_value(&text), tag_value(&text) == text);
            prop_assert!(is_tag_value(&tag_value(&text)));
        }
    }

    #[test]
    fn s010_resource_too_long() {
        let found = ["warning[S010]: a resource of 5001 bytes; the agent cuts it at 5000, with big_resource at 15000 \
                      (2, [0][0].resource)"];
        assert_eq!(of_span(json!({"resource": "r".repeat(5_001)})), found);
        assert_eq!(of_span(json!({"resource": "r".repeat(5_000)})), NOTHING);
    }

    #[test]
    fn s011_type_too_long() {
        let found = ["warning[S011]: a type of 101 bytes; the agent cuts it at 100 (2, [0][0].type)"];
        assert_eq!(of_span(json!({"type": "t".repeat(101)})), found);
    }

    #[test]
    fn s012_negative_duration() {
        let found = ["error[S012]: the duration is -5 ns; the agent sets 0 (2, [0][0].duration)"];
        assert_eq!(of_span(json!({"duration": -5})), found);
    }

    #[test]
    fn s013_duration_overflow() {
        let found =
            ["error[S013]: 1795168000999000000 + 9223372036854775807 ns is beyond 64 bits; the agent sets the \
                      duration 0 (2, [0][0].duration)"];
        assert_eq!(of_span(json!({"duration": i64::MAX})), found);
    }

    #[test]
    fn s014_start_before_2000() {
        for (start, message) in [
            (0, "warning[S014]: the start is 0 or absent; the agent puts its own time there"),
            (-7, "error[S014]: the start is -7 ns, before the year 2000; the agent puts its own time there"),
            (
                YEAR_2000 - 1,
                "error[S014]: the start is 946684799999999999 ns, before the year 2000; the agent puts its own \
                             time there",
            ),
            (
                NOW / 1_000,
                "error[S014]: the start is 1795168001000000: that many microseconds, not nanoseconds, is a \
                           time near now",
            ),
            (
                NOW / 1_000_000,
                "error[S014]: the start is 1795168001000: that many milliseconds, not nanoseconds, is a \
                               time near now",
            ),
            (
                NOW / 1_000_000_000,
                "error[S014]: the start is 1795168001: that many seconds, not nanoseconds, is a time \
                                   near now",
            ),
        ] {
            assert_eq!(of_span(json!({"start": start})), [format!("{message} (2, [0][0].start)")]);
        }
        assert_eq!(of_span(json!({"start": YEAR_2000})), NOTHING);
        let far_from_now = Some(Timestamp(YEAR_2000));
        assert_eq!((unit_of(NOW / 1_000, far_from_now), unit_of(NOW / 1_000, None)), (None, Some("microseconds")));
    }

    #[test]
    fn s015_start_in_future() {
        let found = ["warning[S015]: starts 601 s after the reference time (2, [0][0].start)"];
        assert_eq!(of_span(json!({"start": NOW + 601_000_000_000i64})), found);
        assert_eq!(of_span(json!({"start": NOW + 600_000_000_000i64})), NOTHING);
        let body = body(json!([[span(json!({"start": NOW + 601_000_000_000i64}))]]));
        assert_eq!(lines(&checked(&body, &Context::default())), NOTHING);
    }

    #[test]
    fn s016_zero_duration() {
        assert_eq!(of_span(json!({"duration": 0})), ["info[S016]: the duration is 0 (2, [0][0].duration)"]);
    }

    #[test]
    fn s017_error_flag_value() {
        let detail = json!({"error.type": "E"});
        assert_eq!(of_span(json!({"error": 1, "meta": detail})), NOTHING);
        let found = ["warning[S017]: the error flag is 500 (2, [0][0].error)"];
        assert_eq!(of_span(json!({"error": 500, "meta": detail})), found);
        let found = ["warning[S017]: the error flag is -32768 or beyond (2, [0][0].error)"];
        assert_eq!(of_span(json!({"error": -70_000, "meta": detail})), found);
    }

    #[test]
    fn s018_error_without_detail() {
        let found = ["info[S018]: the span is an error; no error.* tag and no exception event says which \
                      (2, [0][0].error)"];
        assert_eq!(of_span(json!({"error": 1})), found);
        assert_eq!(of_span(json!({"error": 1, "meta": {"error.msg": "no"}})), NOTHING);
        let event = json!([{"name": "exception", "time_unix_nano": NOW - 1_000_000}]);
        assert_eq!(of_span(json!({"error": 1, "span_events": event})), NOTHING);
        assert_eq!(of_span(json!({"error": 1, "meta": {"events": event.to_string()}})), NOTHING);
    }

    #[test]
    fn s019_detail_without_error() {
        for key in ["error.message", "error.type", "error.stack"] {
            let message = format!(
                "info[S019]: {key} is set and the error flag is 0: not counted as an error (2, [0][0].meta[\"{key}\"])"
            );
            assert_eq!(of_span(json!({"meta": {key: "x"}})), [message]);
        }
        assert_eq!(of_span(json!({"meta": {"error.msg": "x"}})), NOTHING);
    }

    #[test]
    fn s020_http_status_invalid() {
        for status in ["100", "404", "599"] {
            assert_eq!(of_span(json!({"meta": {"http.status_code": status}})), NOTHING);
        }
        for status in ["", "99", "600", "OK", "+200", "-1", "99999999999999999999"] {
            let message = format!(
                "warning[S020]: http.status_code is {status:?}; the agent deletes the tag \
                 (2, [0][0].meta[\"http.status_code\"])"
            );
            assert_eq!(of_span(json!({"meta": {"http.status_code": status}})), [message]);
        }
        assert_eq!(of_span(json!({"metrics": {"http.status_code": 200}})), NOTHING);
        let found = ["warning[S020]: http.status_code is 0.5 (2, [0][0].metrics[\"http.status_code\"])"];
        assert_eq!(of_span(json!({"metrics": {"http.status_code": 0.5}})), found);
    }

    #[test]
    fn s021_tag_over_1024() {
        assert_eq!(of_span(json!({"meta": {"q": "ü".repeat(1_024)}})), NOTHING);
        let found = ["warning[S021]: a tag of 1025 characters (2, [0][0].meta[\"q\"])"];
        assert_eq!(of_span(json!({"meta": {"q": "ü".repeat(1_025)}})), found);
    }

    #[test]
    fn s022_tag_truncated_by_agent() {
        let codes = |key: &str, length: usize| {
            let found = of_span(json!({"meta": {key: "x".repeat(length)}}));
            found.iter().any(|line| line.starts_with("warning[S022]: a tag of 25001 bytes; the agent cuts it at 25000"))
        };
        assert!(codes("q", 25_001) && codes("_dd.q", 25_001) && codes("q.json", 25_001));
        assert!(!codes("q", 25_000));
        assert!(!codes("_dd.q.json", 25_001) && !codes("_dd.q.msgpack", 25_001) && !codes("_dd.q.protobuf", 25_001));
    }

    #[test]
    fn s023_tag_key_too_long() {
        let key = "k".repeat(201);
        let shown = "k".repeat(60);
        for (map, value) in [("meta", json!("v")), ("metrics", json!(1.0))] {
            let message = format!(
                "warning[S023]: a key of 201 bytes; the agent cuts it at 200 (2, [0][0].{map}[\"{shown}\"...])"
            );
            assert_eq!(of_span(json!({map: {&key: value}})), [message]);
        }
        assert_eq!(of_span(json!({"meta": {"k".repeat(200): "v"}})), NOTHING);
    }

    #[test]
    fn s024_metric_not_finite() {
        for (number, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            // JSON has no such numbers: a rare one is replaced in the bytes.
            let body = body(json!([[span(json!({"metrics": {"m": 1.25}}))]]));
            let at = body.windows(8).position(|bytes| bytes == 1.25f64.to_be_bytes()).expect("the metric");
            let body = [&body[..at], &number.to_be_bytes(), &body[at + 8..]].concat();
            let message = format!("warning[S024]: the metric is {word} (2, [0][0].metrics[\"m\"])");
            assert_eq!(lines(&checked(&body, &CONTEXT)), [message]);
        }
    }

    #[test]
    fn s025_tid_malformed() {
        assert_eq!(of_span(json!({"meta": {"_dd.p.tid": "640cfd8d00000000"}})), NOTHING);
        for tid in ["", "640CFD8D00000000", "640cfd8d", "640cfd8d0000000g"] {
            let message = format!(
                "warning[S025]: _dd.p.tid is {tid:?}, not 16 lower-case hex digits (2, [0][0].meta[\"_dd.p.tid\"])"
            );
            assert_eq!(of_span(json!({"meta": {"_dd.p.tid": tid}})), [message]);
        }
    }

    #[test]
    fn s026_tid_conflict() {
        let with = |id: u64, tid: &str| span(json!({"span_id": id, "parent_id": id - 1, "meta": {"_dd.p.tid": tid}}));
        let (one, two) = ("640cfd8d00000000", "640cfd8e00000000");
        assert_eq!(of_chunk(&[with(6, one), with(7, one)]), NOTHING);
        assert_eq!(
            of_chunk(&[with(6, one), with(7, two), with(8, two)]),
            [format!(
                "warning[S026]: _dd.p.tid is {two}, and {one} earlier in this chunk ([0][1].meta[\"_dd.p.tid\"])"
            )]
        );
    }

    #[test]
    fn s027_priority_missing() {
        let found = ["info[S027]: no span of the chunk has a sampling priority \
                      ([0][0].metrics[\"_sampling_priority_v1\"])"];
        let child = span(json!({"metrics": null, "span_id": 7, "parent_id": 6}));
        assert_eq!(of_chunk(&[span(json!({"metrics": null})), child.clone()]), found);
        assert_eq!(of_chunk(&[span(json!({})), child]), NOTHING);
    }

    #[test]
    fn s028_priority_unknown() {
        for priority in [-1, 0, 1, 2] {
            assert_eq!(of_span(json!({"metrics": {"_sampling_priority_v1": priority}})), NOTHING);
        }
        for (priority, word) in [(json!(3), "3"), (json!(-2.0), "-2"), (json!(0.5), "0.5")] {
            let message = format!(
                "warning[S028]: the sampling priority is {word} (2, [0][0].metrics[\"_sampling_priority_v1\"])"
            );
            assert_eq!(of_span(json!({"metrics": {"_sampling_priority_v1": priority}})), [message]);
        }
    }

    #[test]
    fn s029_decision_maker_malformed() {
        for sound in ["-0", "-4", "934086a686-12"] {
            assert_eq!(of_span(json!({"meta": {"_dd.p.dm": sound}})), NOTHING);
        }
        for other in ["", "4", "-", "--4", "-4x", "svc-4", "934086a686"] {
            let message = format!("warning[S029]: _dd.p.dm is {other:?} (2, [0][0].meta[\"_dd.p.dm\"])");
            assert_eq!(of_span(json!({"meta": {"_dd.p.dm": other}})), [message]);
        }
    }

    #[test]
    fn s030_json_tag_invalid() {
        assert_eq!(of_span(json!({"meta": {"events": "[]", "_dd.span_links": "[]"}})), NOTHING);
        assert_eq!(
            of_span(json!({"meta": {"events": "[", "_dd.span_links": "{}"}})),
            [
                "warning[S030]: events is no JSON array of objects: EOF while parsing a list at line 1 column 1 \
                 (2, [0][0].meta[\"events\"])",
                "warning[S030]: _dd.span_links is no JSON array of objects: invalid type: map, expected a sequence at \
                 line 1 column 0 (2, [0][0].meta[\"_dd.span_links\"])",
            ]
        );
        assert_eq!(of_span(json!({"meta": {"events": "[1]"}})).len(), 1);
    }

    #[test]
    fn s031_event_outside_span() {
        let start = NOW - 1_000_000;
        let at = |times: &[i64]| {
            let events: Vec<_> = times.iter().map(|time| json!({"name": "tick", "time_unix_nano": time})).collect();
            json!(events)
        };
        assert_eq!(of_span(json!({"span_events": at(&[start - 256, start, start + 1_000])})), NOTHING);
        assert_eq!(
            of_span(json!({"span_events": at(&[start - 1_001, start + 5_000])})),
            [
                "info[S031]: the event \"tick\" is 1001 ns before the start of its span \
                 (2, [0][0].span_events[0].time_unix_nano)",
                "info[S031]: the event \"tick\" is 4000 ns after the end of its span \
                 (2, [0][0].span_events[1].time_unix_nano)",
            ]
        );
        assert_eq!(
            of_span(json!({"meta": {"events": at(&[0]).to_string()}})),
            [format!(
                "info[S031]: the event \"tick\" is {start} ns before the start of its span \
                 (2, [0][0].meta[\"events\"][0].time_unix_nano)"
            )]
        );
    }

    #[test]
    fn s032_link_id_zero() {
        let links = json!([{"trace_id": 5, "span_id": 6}, {"trace_id": 5}, {"span_id": 6, "trace_id_high": 1}, {}]);
        assert_eq!(
            of_span(json!({"span_links": links})),
            [
                "warning[S032]: the link's span_id is 0 (2, [0][0].span_links[1].span_id)",
                "warning[S032]: the link's trace_id is 0 (2, [0][0].span_links[3].trace_id)",
            ]
        );
        assert_eq!(
            of_span(json!({"meta": {"_dd.span_links": "[{\"trace_id\": \"05\"}]"}})),
            ["warning[S032]: the link's span_id is 0 (2, [0][0].meta[\"_dd.span_links\"][0].span_id)"]
        );
    }

    #[test]
    fn s033_control_characters() {
        for (text, code) in [
            ("a\nb", "000A"),
            ("\u{1b}[31m", "001B"),
            ("\u{7f}", "007F"),
            ("é\u{85}", "0085"),
            ("x\u{202e}y", "202E"),
            ("\u{2069}", "2069"),
        ] {
            let message = format!("warning[S033]: the resource holds U+{code} (2, [0][0].resource)");
            assert_eq!(of_span(json!({"resource": text})), [message]);
        }
        for member in ["name", "service", "type"] {
            let found = of_span(json!({member: "a\t"}));
            assert!(found.iter().any(|line| line.contains("[S033]") && line.contains(member)), "{found:?}");
        }
        assert_eq!(of_span(json!({"resource": "ünïcode \u{2028}\u{2065}"})), NOTHING);
    }

    #[test]
    fn s034_kind_unknown() {
        for kind in ["internal", "server", "client", "producer", "consumer"] {
            assert_eq!(of_span(json!({"meta": {"span.kind": kind}})), NOTHING);
        }
        let found = ["info[S034]: span.kind is \"SERVER\" (2, [0][0].meta[\"span.kind\"])"];
        assert_eq!(of_span(json!({"meta": {"span.kind": "SERVER"}})), found);
    }

    #[test]
    fn d017_duplicate_key() {
        let body = body(json!([[span(json!({"meta": {"dup1": "a", "dup2": "b"}, "metrics": {"dup1": 1.0}}))]]));
        assert_eq!(lines(&checked(&body, &CONTEXT)), NOTHING);
        let at = body.windows(4).position(|bytes| bytes == b"dup2").expect("the key");
        let body = [&body[..at], b"dup1", &body[at + 4..]].concat();
        let found =
            ["warning[D017]: the key \"dup1\" stands twice in meta; the last one counts (2, [0][0].meta[\"dup1\"])"];
        assert_eq!(lines(&checked(&body, &CONTEXT)), found);
    }

    // ---- chunks

    #[test]
    fn t005_foreign_span() {
        let other = |id: u64| span(json!({"trace_id": 9, "span_id": id, "parent_id": 6}));
        assert_eq!(
            of_chunk(&[span(json!({})), other(7), other(8)]),
            ["error[T005]: 2 of the chunk's 3 spans are not of trace 00000000000000000000000000000005, the first of \
              00000000000000000000000000000009 ([0][1].trace_id)"]
        );
    }

    #[test]
    fn t006_empty_chunk() {
        let empty = |offset: usize, chunk: usize| {
            format!("warning[T006]: a chunk without spans; the agent drops it ({offset}, [{chunk}])")
        };
        assert_eq!(lines(&checked(&[0x92, 0x90, 0xc0], &CONTEXT)), [empty(1, 0), empty(2, 1)]);
        assert_eq!(lines(&checked(&[0x91, 0xdd, 0, 0, 0, 0], &CONTEXT)), [empty(1, 0)]);
        // Cut, declared and unreadable, and no array at all: findings of decoding.
        for body in [&[0x91, 0x91][..], &[0x91], &[0x91, 0x91, 0x07], &[0x91, 0x07], &[0x92, 0xdc, 0, 1, 7, 0x90]] {
            let expected = if body.len() == 6 { vec![empty(5, 1)] } else { Vec::new() };
            assert_eq!(lines(&checked(body, &CONTEXT)), expected, "{body:x?}");
        }
    }

    #[test]
    fn t007_several_roots() {
        let root = |id: u64| span(json!({"span_id": id}));
        assert_eq!(
            of_chunk(&[root(6), root(7), span(json!({"span_id": 8, "parent_id": 6})), root(9)]),
            ["info[T007]: 3 spans of the chunk have no parent; this is the second ([0][1].parent_id)"]
        );
    }

    #[test]
    fn many_alike_are_counted() {
        let spans: Vec<_> =
            (1..=1_000).map(|id| span(json!({"span_id": id, "parent_id": 1, "duration": -1}))).collect();
        let found = checked(&body(json!([spans])), &CONTEXT);
        assert_eq!(found.len(), crate::diagnostic::KEPT_OF_A_KIND);
        assert_eq!(found.iter().map(Diagnostic::count).sum::<u64>(), 1_000);
    }
}

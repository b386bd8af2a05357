//! Bodies to spans: the protocols that tracers speak to their agent.
//!
//! [`decode`] fills a [`Batch`] from a body of a known [`Protocol`]; [`Protocol::sniff`] tells which one a request
//! carries. Every fault is reported with its byte offset and logical path. A value of the wrong type inside a
//! span costs that field; a cut, an impossible length or a reserved marker ends the payload, and what was
//! complete before it is kept.

pub mod codes;
mod convert;
mod cursor;
mod datadog_json;
mod documents;
mod encode;
mod grpc;
mod jaeger;
mod json;
mod json_tags;
mod losses;
mod mapping;
mod meta_struct;
mod msgpack;
mod otlp;
mod otlp_encode;
mod otlp_fill;
mod otlp_json;
mod protobuf;
mod sniff;
mod stats;
mod text;
mod v04;
mod v04_json;
mod v05;
mod v07;
mod v1;
mod writer;
mod zipkin;

pub use grpc::decompressed as grpc_decompressed;
pub use losses::Losses;
pub use mapping::datadog_tags;
pub use meta_struct::{base64 as json_bytes, document as meta_struct_document, float as json_float};
pub(crate) use msgpack::marker_name;
pub use sniff::is_snapshot;
pub use stats::{ClientStats, StatsCounts, StatsGroup};

use crate::diagnostic::{BodyScope, Code, Diagnostic};
use crate::http::{Headers, Request};
use crate::trace::{Batch, Dialect, Keep, Payload, Span};
use cursor::Cursor;
use msgpack::Reader;
use std::fmt;

/// A format in which trace payloads (or what comes with them) travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Datadog v0.3: bodies as v0.4.
    V03,
    /// Datadog v0.4: array of arrays of span maps.
    V04,
    /// Datadog v0.5: string table, then spans as arrays of twelve.
    V05,
    /// Datadog v0.7: one payload map with string keys.
    V07,
    /// Datadog v1.0: one payload map with integer keys and streamed strings.
    V1,
    /// Datadog client statistics, `/v0.6/stats`.
    Stats,
    /// The JSON form of v0.4.
    V04Json,
    /// OTLP over HTTP as protobuf.
    OtlpProto,
    /// OTLP over HTTP as JSON.
    OtlpJson,
    /// OTLP over gRPC.
    OtlpGrpc,
    /// A snapshot file of the test agent: the JSON form of v0.4 with ids that count from 0.
    Snapshot,
    /// Zipkin v2 JSON.
    Zipkin,
    /// Jaeger's JSON.
    Jaeger,
    /// Datadog's API: one trace.
    DatadogTrace,
    /// Datadog's API: a page of spans.
    DatadogSpans,
}

impl Protocol {
    /// Every protocol, in the order in which help texts list them.
    pub const ALL: [Protocol; 15] = [
        Protocol::V03,
        Protocol::V04,
        Protocol::V05,
        Protocol::V07,
        Protocol::V1,
        Protocol::Stats,
        Protocol::V04Json,
        Protocol::OtlpProto,
        Protocol::OtlpJson,
        Protocol::OtlpGrpc,
        Protocol::Snapshot,
        Protocol::Zipkin,
        Protocol::Jaeger,
        Protocol::DatadogTrace,
        Protocol::DatadogSpans,
    ];

    /// The name used on the command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::V03 => "v0.3",
            Protocol::V04 => "v0.4",
            Protocol::V05 => "v0.5",
            Protocol::V07 => "v0.7",
            Protocol::V1 => "v1.0",
            Protocol::Stats => "v0.6-stats",
            Protocol::V04Json => "v0.4-json",
            Protocol::OtlpProto => "otlp-proto",
            Protocol::OtlpJson => "otlp-json",
            Protocol::OtlpGrpc => "otlp-grpc",
            Protocol::Snapshot => "snapshot",
            Protocol::Zipkin => "zipkin",
            Protocol::Jaeger => "jaeger",
            Protocol::DatadogTrace => "datadog-trace",
            Protocol::DatadogSpans => "datadog-spans",
        }
    }

    /// The protocol of that name.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// Whether its bodies are msgpack.
    pub fn is_msgpack(self) -> bool {
        matches!(self, Protocol::V03 | Protocol::V04 | Protocol::V05 | Protocol::V07 | Protocol::V1 | Protocol::Stats)
    }

    /// Whether [`decode`] of this version reads it.
    pub fn is_read(self) -> bool {
        matches!(
            self,
            Protocol::V03
                | Protocol::V04
                | Protocol::V05
                | Protocol::V07
                | Protocol::V1
                | Protocol::V04Json
                | Protocol::OtlpProto
                | Protocol::OtlpJson
                | Protocol::OtlpGrpc
        )
    }

    /// What the path of a request stands for; a base path before it and a query after it are allowed.
    pub fn of_path(path: &str) -> Option<Endpoint> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let ends = |with: &str| path.strip_suffix(with).is_some_and(|base| base.is_empty() || !base.ends_with('/'));
        let traces = [
            ("/v0.3/traces", Protocol::V03),
            ("/v0.4/traces", Protocol::V04),
            ("/v0.5/traces", Protocol::V05),
            ("/v0.7/traces", Protocol::V07),
            ("/v1.0/traces", Protocol::V1),
            ("/v1/traces", Protocol::OtlpProto),
            ("/api/v2/spans", Protocol::Zipkin),
            ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Protocol::OtlpGrpc),
        ];
        if let Some((_, protocol)) = traces.into_iter().find(|(suffix, _)| ends(suffix)) {
            return Some(Endpoint::Traces(protocol));
        }
        let older = ["/spans", "/v0.1/spans", "/v0.1/traces", "/v0.2/traces"];
        if older.into_iter().any(ends) {
            return Some(Endpoint::Traces(Protocol::V04Json));
        }
        let others = [
            ("/v0.6/stats", CLIENT_STATS),
            ("/info", "agent info"),
            ("/telemetry/", "telemetry"),
            ("/v0.7/config", "remote configuration"),
            ("/profiling/", "profiles"),
            ("/dogstatsd/", "dogstatsd"),
            ("/evp_proxy/", "event proxy"),
            ("/tracer_flare/", "tracer flares"),
            ("/debugger/", "debugger"),
            ("/v0.1/pipeline_stats", "pipeline stats"),
            ("/v1/metrics", "OTLP metrics"),
            ("/v1/logs", "OTLP logs"),
            ("/symdb/", "symbol database"),
        ];
        others.into_iter().find(|(part, _)| path.contains(part)).map(|(_, name)| Endpoint::Other(name))
    }

    /// Whether `body` is an array of arrays that begins with a map: v0.4 beyond doubt.
    pub fn has_span_maps(body: &[u8]) -> bool {
        let mut reader = Reader::new(body);
        reader.array().is_ok() && reader.array().is_ok() && reader.map().is_ok()
    }

    /// What a body looks like, from its content alone (wire.md section 1).
    pub fn sniff(body: &[u8]) -> Option<Protocol> {
        // A line feed is white space before JSON, and the first byte of every OTLP protobuf body.
        if matches!(body, [0x0a, _, 0x0a, ..]) && otlp_length_fits(body) {
            return Some(Protocol::OtlpProto);
        }
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => {
                let json = sniff::json(text);
                if json.is_some() || body[0] != 0x0a {
                    return json;
                }
            }
            None => return None,
            _ => {}
        }
        let mut reader = Reader::new(body);
        match body[0] {
            0x80..=0x8f | 0xde | 0xdf => {
                reader.map().ok()?;
                if reader.number().is_ok() { Some(Protocol::V1) } else { keyed_map(body) }
            }
            0x90..=0x9f | 0xdc | 0xdd => Some(array_protocol(reader)),
            0x0a => otlp_length_fits(body).then_some(Protocol::OtlpProto),
            0 | 1 => grpc::fits(body).then_some(Protocol::OtlpGrpc),
            _ => None,
        }
    }
}

/// A msgpack map with string keys: v0.7 has `chunks`, statistics have `Stats`.
fn keyed_map(body: &[u8]) -> Option<Protocol> {
    let mut reader = Reader::new(body);
    let entries = reader.map().ok()?;
    for _ in 0..entries {
        match reader.text().ok()?.bytes {
            b"chunks" => return Some(Protocol::V07),
            b"Stats" => return Some(Protocol::Stats),
            _ => reader.skip(128).ok()?,
        }
    }
    None
}

/// v0.5 is an array of exactly a string table and an array of traces. A v0.4 body of two traces whose first is
/// empty begins like one with an empty table: its second item holds maps.
fn array_protocol(mut reader: Reader<'_>) -> Protocol {
    let two = reader.array() == Ok(2);
    let Ok(strings) = reader.array() else { return Protocol::V04 };
    if !two {
        return Protocol::V04;
    }
    if strings > 0 {
        return if reader.text().is_ok() { Protocol::V05 } else { Protocol::V04 };
    }
    let item = reader.array().is_ok_and(|items| items > 0).then(|| reader.peek()).flatten();
    match item {
        Some(0x80..=0x8f | 0xde | 0xdf) => Protocol::V04,
        _ => Protocol::V05,
    }
}

fn otlp_length_fits(body: &[u8]) -> bool {
    let mut length = 0u64;
    for (index, byte) in body.iter().skip(1).take(10).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index).min(63);
        if byte & 0x80 == 0 {
            return length <= (body.len() - index - 2) as u64;
        }
    }
    false
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a request path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Traces in this protocol.
    Traces(Protocol),
    /// Known, and no traces: statistics, telemetry, `/info`, ... by their name.
    Other(&'static str),
}

/// The name of [`Endpoint::Other`] for client statistics.
pub const CLIENT_STATS: &str = "client stats";

/// Bounds on what a body may hold (wire.md section 7).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Deepest nesting of containers.
    pub depth: usize,
    /// Most spans in one body; further ones are left out and reported.
    pub spans: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 128, spans: 5_000_000 }
    }
}

/// How to decode.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'k> {
    /// Bounds.
    pub limits: Limits,
    /// Which attributes to store.
    pub keep: Keep<'k>,
}

/// Why a value could not be read, and the byte at which that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) code: Code,
    pub(crate) offset: usize,
}

/// Largest body that can be decoded: references into it have 31 bits.
pub const MAX_BODY: usize = i32::MAX as usize;

/// Decodes `body` into `batch`, which is cleared first, and reports what is wrong with it.
pub fn decode(protocol: Protocol, body: &[u8], options: &Options<'_>, batch: &mut Batch, out: &mut BodyScope<'_>) {
    batch.clear();
    if body.len() > MAX_BODY {
        let message = format!("a body of {} bytes; at most {MAX_BODY} can be decoded", body.len());
        out.report(crate::encoding::codes::TOO_LARGE, 0, "", message);
        return;
    }
    batch.reserve(body.len(), matches!(options.keep, Keep::All));
    match protocol {
        Protocol::V03 | Protocol::V04 => {
            Cursor::new(body, options, batch, out).finish(v04::payload);
        }
        Protocol::V05 => {
            Cursor::new(body, options, batch, out).finish(v05::payload);
        }
        Protocol::V07 => {
            Cursor::new(body, options, batch, out).finish(v07::payload);
        }
        Protocol::V1 => {
            Cursor::new(body, options, batch, out).finish(v1::payload);
        }
        Protocol::V04Json => v04_json::payload(body, options, batch, out),
        Protocol::Snapshot => {
            v04_json::payload(body, options, batch, out);
            // Its traces count from 0, and 0 is no trace id.
            batch.spans.iter_mut().for_each(|span| span.trace_low = span.trace_low.saturating_add(1));
        }
        Protocol::OtlpProto => otlp::payload(body, options, batch, out),
        Protocol::OtlpGrpc => otlp::framed(body, options, batch, out),
        Protocol::OtlpJson => otlp_json::payload(body, options, batch, out),
        Protocol::Zipkin => zipkin::payload(body, options, batch, out),
        Protocol::Jaeger => jaeger::payload(body, options, batch, out),
        Protocol::DatadogTrace => datadog_json::trace(body, options, batch, out),
        Protocol::DatadogSpans => datadog_json::spans(body, options, batch, out),
        unread => {
            let message = format!("a body in {unread}, which this version does not read");
            let help = "this version reads v0.3 to v1.0 and OTLP";
            out.take(Diagnostic::new(codes::UNKNOWN_PROTOCOL, message).help(help), None, "");
        }
    }
}

/// What a window on v0.4 bodies, one after the other without framing, begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A body of so many bytes; what follows is the next one, or nothing.
    Whole(usize),
    /// A body behind which nothing can be read any more: the end, a fault, or bytes that are no body.
    Last,
    /// A body that goes on beyond the window; what was found in it so far does not count.
    Cut,
}

/// Decodes the v0.4 body that `window` begins with, where `beyond` more bytes follow on the window.
pub(crate) fn decode_next(
    window: &[u8],
    beyond: u64,
    options: &Options<'_>,
    batch: &mut Batch,
    out: &mut BodyScope<'_>,
) -> Part {
    batch.clear();
    if window.len() > MAX_BODY {
        let size = window.len() as u64 + beyond;
        let message = format!("a body of {size} bytes; at most {MAX_BODY} can be decoded");
        out.report(crate::encoding::codes::TOO_LARGE, 0, "", message);
        return Part::Last;
    }
    batch.reserve(window.len(), matches!(options.keep, Keep::All));
    Cursor::new(window, options, batch, out).with_beyond(beyond).finish(v04::payload)
}

/// Encodes a payload as the body of a request in `protocol`, with the path and headers that its senders use. What the
/// protocol cannot carry is counted in `losses`. `None` for a protocol that is not written.
pub fn encode(protocol: Protocol, payload: Payload<'_>, losses: &mut Losses) -> Option<Request> {
    match protocol {
        Protocol::V03 | Protocol::V04 | Protocol::V05 | Protocol::V07 | Protocol::V1
            if payload.dialect() == Dialect::Otlp =>
        {
            let mapped = mapping::to_datadog(payload, protocol == Protocol::V1, losses);
            encode(protocol, mapped.view(&[]), losses)
        }
        Protocol::V03 | Protocol::V04 | Protocol::V05 | Protocol::V07 | Protocol::V1 => {
            encode::datadog(protocol, payload, losses)
        }
        Protocol::OtlpProto | Protocol::OtlpJson | Protocol::OtlpGrpc if payload.dialect() == Dialect::Otlp => {
            otlp_encode::request(protocol, payload, losses)
        }
        Protocol::OtlpProto | Protocol::OtlpJson | Protocol::OtlpGrpc => {
            let mapped = mapping::to_otlp(payload, losses);
            otlp_encode::request(protocol, mapped.view(&[]), losses)
        }
        Protocol::Zipkin => Some(document("/api/v2/spans", zipkin::document(payload, losses))),
        Protocol::Jaeger => Some(document("", jaeger::document(payload, losses))),
        Protocol::Stats | Protocol::V04Json | Protocol::Snapshot => None,
        Protocol::DatadogTrace | Protocol::DatadogSpans => None,
    }
}

/// Traces as they stand in the member `data` of a document of Jaeger, for a document that is written piece by piece.
pub fn jaeger_traces<'b>(spans: impl Iterator<Item = Span<'b>>, losses: &mut Losses) -> Vec<serde_json::Value> {
    jaeger::traces(spans, losses)
}

/// A span as it stands in a document of Zipkin v2, for a document that is written piece by piece.
pub fn zipkin_span(span: Span<'_>, losses: &mut Losses) -> serde_json::Value {
    zipkin::span_of(span, losses)
}

/// The request that carries the spans of a body that came without one, or of a document that no receiver takes, and
/// whether it carries the body as it is: a new one is made of what is no request's body.
pub fn request_around(
    protocol: Protocol,
    payload: Payload<'_>,
    is_document: bool,
    losses: &mut Losses,
) -> Option<(Request, bool)> {
    let sendable = !matches!(protocol, Protocol::Jaeger | Protocol::OtlpGrpc);
    if sendable && let Some(request) = encode(protocol, payload, &mut Losses::default()) {
        return Some((request, !is_document));
    }
    let otlp = payload.dialect() == Dialect::Otlp;
    encode(if otlp { Protocol::OtlpProto } else { Protocol::V04 }, payload, losses).map(|request| (request, false))
}

/// A JSON document as a request.
fn document(path: &str, body: Vec<u8>) -> Request {
    let mut headers = Headers::default();
    headers.push("Content-Type", "application/json");
    Request { method: "POST".to_owned(), path: path.to_owned(), headers, body }
}

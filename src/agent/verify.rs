//! Whether what was sent has arrived: it is read back from where backends give traces out, and compared span by span.

use super::fetch::Fetcher;
use crate::capture::{self, CaptureLimits};
use crate::diagnostic::Diagnostics;
use crate::http::{Headers, Response};
use crate::id::{SpanId, TraceId};
use crate::intake::{Decoder, Settings};
use crate::trace::{Batch, Keep, OwnedValue, Payload, SpanDraft};
use crate::wire::{self, Losses, Options, Protocol};
use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;

/// What a target gives out, and how exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// ddapm-test-agent, or `spanglass record-capture`: every span as it was sent.
    Traces,
    /// The same by the requests that it got, which are those of all its ports.
    Requests,
    /// Jaeger, and Tempo, which answers at the same place with OTLP.
    Jaeger,
    /// Zipkin: microseconds, and tags as text.
    Zipkin,
}

/// What the comparison found.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrived {
    /// Every span is there as it was sent.
    Equal,
    /// Every span is there, and some are not as they were sent.
    Different,
    /// Some are not there.
    Missing,
    /// The target gives no traces out.
    Unsupported,
}

impl Arrived {
    /// The word of cli.md section 6.
    pub fn word(&self) -> &'static str {
        match self {
            Arrived::Equal => "equal",
            Arrived::Different => "different",
            Arrived::Missing => "missing",
            Arrived::Unsupported => "unsupported",
        }
    }
}

/// A member of a span that is not as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The span.
    pub span_id: SpanId,
    /// The member, or `tag KEY`.
    pub member: String,
    /// As it was sent.
    pub sent: String,
    /// As it is there.
    pub read: String,
}

/// What the comparison found, in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The result.
    pub arrived: Arrived,
    /// Spans that are not there.
    pub missing: Vec<SpanId>,
    /// Members that are not as they were sent.
    pub changed: Vec<Changed>,
    /// Where the spans were read, or why they were not.
    pub detail: String,
}

/// Asks for the traces `ids` where the target gives them out, and compares them with what was sent.
pub async fn verify(fetcher: &Fetcher, sent: Payload<'_>, ids: &[TraceId]) -> Verified {
    let mut refusals = Vec::new();
    let mut missing = None;
    for backend in [Backend::Traces, Backend::Requests, Backend::Jaeger, Backend::Zipkin] {
        match backend.read(fetcher, ids).await {
            Ok((read, place)) => {
                let verified = Verified { detail: place, ..compare(backend, &spans_of(sent), &read) };
                if verified.arrived != Arrived::Missing {
                    return verified;
                }
                missing.get_or_insert(verified);
            }
            Err(why) => refusals.push(why),
        }
    }
    if let Some(verified) = missing {
        return verified;
    }
    let detail = format!("nothing to read there: {}", refusals.join("; "));
    Verified { arrived: Arrived::Unsupported, missing: Vec::new(), changed: Vec::new(), detail }
}

impl Backend {
    /// The spans that it has of these traces, and where they were read.
    async fn read(self, fetcher: &Fetcher, ids: &[TraceId]) -> Result<(Vec<SpanDraft>, String), String> {
        match self {
            Backend::Traces | Backend::Requests => {
                let path = if self == Backend::Traces { "/test/session/traces" } else { "/test/session/requests" };
                let answer =
                    fetcher.get(path, &Headers::default()).await.map_err(|error| format!("{path}: {error}"))?;
                Ok((read(path, &answer)?, path.to_owned()))
            }
            Backend::Jaeger | Backend::Zipkin => {
                let folder = if self == Backend::Jaeger { "/api/traces" } else { "/api/v2/trace" };
                let mut spans = Vec::new();
                let mut known = false;
                for id in ids {
                    let path = format!("{folder}/{id}");
                    let mut headers = Headers::default();
                    headers.push("Accept", "application/json");
                    let answer = fetcher.get(&path, &headers).await.map_err(|error| format!("{path}: {error}"))?;
                    // Both say so when they have no such trace; who does not know the path says it in text.
                    let json = answer.headers.get("content-type").is_some_and(|kind| kind.contains("json"));
                    let absent = answer.status == 404 && (json || answer.body.starts_with(b"trace not found"));
                    known |= absent;
                    if !absent {
                        spans.extend(read(&path, &answer)?);
                        known = true;
                    }
                }
                if known { Ok((spans, folder.to_owned())) } else { Err(format!("{folder}: no such page")) }
            }
        }
    }
}

/// The spans of a document, whatever its form.
fn read(path: &str, answer: &Response) -> Result<Vec<SpanDraft>, String> {
    if answer.status != 200 {
        return Err(format!("{path} is answered with {}", answer.status));
    }
    if answer.body.iter().all(|byte| matches!(byte, b'[' | b']' | b' ' | b'\n')) {
        return Ok(Vec::new());
    }
    let name = Path::new(path);
    let capture = capture::open(Cursor::new(&answer.body[..]), name, CaptureLimits::default());
    let mut capture = capture.map_err(|error| format!("{path}: {error}"))?;
    let (mut decoder, mut found) = (Decoder::new(Settings::default()), Diagnostics::default());
    let options = Options { keep: Keep::All, ..Options::default() };
    let mut spans = Vec::new();
    while let Some(record) = capture.next_record(&mut found) {
        if let Some((_, payload)) = decoder.decode(record, &options, &mut found) {
            spans.extend(spans_of(payload));
        }
    }
    Ok(spans)
}

/// The spans in the form of v0.4, which all can be brought into.
fn spans_of(payload: Payload<'_>) -> Vec<SpanDraft> {
    let Some(request) = wire::encode(Protocol::V04, payload, &mut Losses::default()) else { return Vec::new() };
    let options = Options { keep: Keep::All, ..Options::default() };
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(Protocol::V04, &request.body, &options, &mut batch, &mut found.body(0));
    batch.view(&request.body).spans().map(SpanDraft::from).collect()
}

/// Compares what was sent with what is there. Tags that were added on the way are no difference.
fn compare(backend: Backend, sent: &[SpanDraft], read: &[SpanDraft]) -> Verified {
    let there: HashMap<(u64, SpanId), &SpanDraft> =
        read.iter().map(|span| ((span.trace_id.low(), span.span_id), span)).collect();
    let mut missing = Vec::new();
    let mut changed = Vec::new();
    for span in sent {
        match there.get(&(span.trace_id.low(), span.span_id)) {
            Some(other) => changed.extend(differences(backend, span, other)),
            None => missing.push(span.span_id),
        }
    }
    let arrived = match () {
        () if !missing.is_empty() => Arrived::Missing,
        () if !changed.is_empty() => Arrived::Different,
        () => Arrived::Equal,
    };
    Verified { arrived, missing, changed, detail: String::new() }
}

fn differences(backend: Backend, sent: &SpanDraft, read: &SpanDraft) -> Vec<Changed> {
    let exact = matches!(backend, Backend::Traces | Backend::Requests);
    // Jaeger and Zipkin count microseconds.
    let unit = if exact { 1 } else { 1_000 };
    let parent = |span: &SpanDraft| span.parent_id.map_or_else(String::new, |id| id.to_string());
    let mut pairs = vec![
        ("service".to_owned(), sent.service.clone(), read.service.clone()),
        ("parent_id".to_owned(), parent(sent), parent(read)),
        ("start_us".to_owned(), (sent.start.0 / 1_000).to_string(), (read.start.0 / 1_000).to_string()),
        ("error".to_owned(), sent.error.to_string(), read.error.to_string()),
    ];
    if exact {
        pairs.extend([
            ("name".to_owned(), sent.name.clone(), read.name.clone()),
            ("resource".to_owned(), sent.resource.clone(), read.resource.clone()),
            ("type".to_owned(), sent.type_.clone(), read.type_.clone()),
            ("start_ns".to_owned(), sent.start.0.to_string(), read.start.0.to_string()),
        ]);
        let shown = |value: Option<&OwnedValue>| value.map_or_else(|| "nothing".to_owned(), shown);
        for (key, value) in sent.attributes.iter().filter(|(key, _)| !is_of_the_way(key)) {
            let there = read.attributes.iter().find(|(other, _)| other == key).map(|(_, value)| value);
            pairs.push((format!("tag {key}"), shown(Some(value)), shown(there)));
        }
    }
    let length = (sent.duration.0 / unit, read.duration.0 / unit);
    if length.0.abs_diff(length.1) > u64::from(!exact) {
        pairs.push(("duration_ns".to_owned(), sent.duration.0.to_string(), read.duration.0.to_string()));
    }
    let changed = |(member, sent, read)| Changed { span_id: SpanId(0), member, sent, read };
    let differing = pairs.into_iter().filter(|(_, sent, read)| sent != read);
    differing.map(changed).map(|changed| Changed { span_id: sent.span_id, ..changed }).collect()
}

/// A tag's value. Booleans of v1.0 and OTLP are texts in some views of them and numbers in others.
fn shown(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Str(text) if text == "true" => "1".to_owned(),
        OwnedValue::Str(text) if text == "false" => "0".to_owned(),
        OwnedValue::Str(text) => format!("{text:?}"),
        OwnedValue::Float(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Tags that carry something else in other protocols: the high half of the trace id, links, events.
fn is_of_the_way(key: &str) -> bool {
    matches!(key, "_dd.p.tid" | "_dd.span_links" | "events" | "_sampling_priority_v1" | "_dd.p.dm" | "_dd.origin")
}

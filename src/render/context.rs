//! The documents of `parse-traceparent`: what a header set carries, what is wrong with it, what would be sent on.

use super::{MASK, time};
use crate::context::SpanContext;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::http::{Headers, is_credential};
use crate::id::{SpanId, TraceId};
use crate::propagation::Extraction;
use crate::propagation::verdict::{Profile, Verdict};
use crate::sampling::SamplingAnswer;
use crate::time::Timestamp;
use serde_json::{Map, Value, json};

/// Everything that is known of one header set.
pub struct Answer<'a> {
    /// The headers, as given.
    pub headers: &'a Headers,
    /// What they carry; `None` when only an id was asked for.
    pub extraction: Option<&'a Extraction>,
    /// What is wrong with them.
    pub found: &'a Diagnostics,
    /// What a child would send on, when that was asked.
    pub injected: Option<&'a Headers>,
    /// The ids to print in every notation.
    pub ids: Option<(TraceId, Option<SpanId>)>,
    /// What samplers would do, when that was asked.
    pub sampling: Option<&'a [SamplingAnswer]>,
    /// What tracers would do.
    pub verdicts: &'a [(&'static Profile, Verdict)],
    /// Mask the values of headers that are credentials.
    pub redact: bool,
}

/// The document `spanglass.context/1`.
pub fn document(answer: &Answer<'_>) -> Value {
    json!({
        "schema": "spanglass.context/1",
        "context": answer.extraction.map(context),
        "headers": headers(answer),
        "diagnostics": answer.found.iter().map(diagnostic).collect::<Vec<_>>(),
        "injected": answer.injected.map(object),
        "ids": answer.ids.map(|(trace, parent)| ids(trace, parent)),
        "sampling": answer.sampling,
        "verdicts": answer.verdicts.iter().map(|(profile, verdict)| self::verdict(profile, verdict)).collect::<Vec<_>>(),
    })
}

fn context(extraction: &Extraction) -> Value {
    let empty = SpanContext::default();
    let found = extraction.context();
    let context = found.unwrap_or(&empty);
    let priority = extraction.priority();
    let links: Vec<Value> = extraction
        .links()
        .iter()
        .map(|link| {
            json!({
                "trace_id": link.trace_id.to_string(),
                "span_id": link.span_id.to_string(),
                "flags": link.flags,
                "tracestate": link.tracestate,
                "attributes": {"reason": link.reason, "context_headers": link.style.name()},
            })
        })
        .collect();
    json!({
        "found": extraction.found(),
        "style": extraction.style().map(|style| style.name()),
        "trace_id": found.map(|context| context.trace_id.to_string()),
        "parent_id": found.map(|context| context.span_id.to_string()),
        "sampling_priority": priority.map(|priority| priority.0),
        "sampled": priority.map(|priority| priority.sampled()),
        "random": context.random,
        "origin": context.origin.as_deref(),
        "trace_tags": pairs(context.trace_tags.iter()),
        "last_dd_parent_id": context.last_datadog_parent.as_deref(),
        "propagation_error": context.propagation_error.as_deref(),
        "tracestate": Some(context.tracestate.as_str()).filter(|text| !text.is_empty()),
        "baggage": pairs(extraction.baggage().iter()),
        "links": links,
    })
}

fn pairs<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Map<String, Value> {
    pairs.map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Headers as an object; of a name that stands twice, the last.
pub fn object(headers: &Headers) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.into())).collect()
}

fn headers(answer: &Answer<'_>) -> Vec<Value> {
    let uses = answer.extraction.map(|extraction| extraction.headers()).unwrap_or_default();
    let entry = |(index, (name, value)): (usize, (&str, &str))| {
        let used = uses.get(index);
        let value = if answer.redact && is_credential(name) { MASK } else { value };
        json!({
            "name": name,
            "value": value,
            "style": used.and_then(|used| used.style).map(|style| style.name()),
            "status": used.map_or("unknown", |used| used.status.word()),
        })
    };
    answer.headers.iter().enumerate().map(entry).collect()
}

fn diagnostic(finding: &Diagnostic) -> Value {
    let (header, span) = match finding.place() {
        Some(Place::Text { source: Source::Header(name), range, .. }) => (Some(name), Some([range.start, range.end])),
        _ => (None, None),
    };
    json!({
        "code": finding.code().id(),
        "severity": finding.severity().word(),
        "header": header,
        "span": span,
        "message": finding.message(),
        "help": finding.help_text(),
    })
}

fn verdict(profile: &Profile, verdict: &Verdict) -> Value {
    let mut members = json!({
        "tracer": profile.key,
        "version": profile.version,
        "outcome": verdict.outcome.name(),
        "style": verdict.style.map(|style| style.name()),
        "trace_id": verdict.trace_id.map(|id| id.to_string()),
        "parent_id": verdict.parent_id.map(|id| id.to_string()),
        "sampled": verdict.sampled,
    });
    // Where a library takes over a string that is no id, that string.
    let raw = [("raw_trace_id", &verdict.raw_trace_id), ("raw_parent_id", &verdict.raw_parent_id)];
    for (name, text) in raw {
        if let Some(text) = text {
            members[name] = text.as_str().into();
        }
    }
    members["because"] = verdict.because.to_vec().into();
    members["evidence"] = profile.evidence.name().into();
    members
}

/// The member `ids`: a trace id and a parent id in every notation.
pub fn ids(trace: TraceId, parent: Option<SpanId>) -> Value {
    let notations = trace.notations();
    let time = notations.seconds.map(|seconds| time::date(Timestamp(i64::from(seconds) * 1_000_000_000)));
    json!({
        "trace_id": {
            "hex128": notations.hex128,
            "hex64": notations.hex64,
            "decimal64": notations.decimal64,
            "base64": notations.base64,
            "xray": notations.xray,
            "time": time,
        },
        "parent_id": parent.map(|id| json!({"hex": id.to_string(), "decimal": id.0.to_string()})),
    })
}

//! W5 and W6: the web service traces as OTLP requests. One ResourceSpans for each service, in the order of their names;
//! tags, then metrics, as attributes, whole numbers as integers; an error is status 2 with its message.

use super::{SERVICES, Span, Text};
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

/// Spans by service, each with the high half of its trace id.
fn by_service(traces: &[Vec<Span>]) -> BTreeMap<&'static str, Vec<(&str, &Span)>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for trace in traces {
        let high = trace.first().and_then(|root| tag(root, "_dd.p.tid")).unwrap_or_default();
        for span in trace {
            groups.entry(SERVICES[span.service]).or_default().push((high, span));
        }
    }
    groups
}

fn tag<'s>(span: &'s Span, key: &str) -> Option<&'s str> {
    span.meta.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_ref())
}

fn kind(span: &Span) -> u64 {
    match tag(span, "span.kind") {
        Some("server") => 2,
        Some("client") => 3,
        _ => 1,
    }
}

fn hex_bytes(hex: &str) -> Result<[u8; 8]> {
    Ok(u64::from_str_radix(hex, 16)?.to_be_bytes())
}

// ---- protobuf -----------------------------------------------------------------------------

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn message(out: &mut Vec<u8>, field: u64, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let mut inner = Vec::new();
    write(&mut inner)?;
    bytes(out, field, &inner);
    Ok(())
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn attribute(out: &mut Vec<u8>, field: u64, key: &str, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    message(out, field, |out| {
        bytes(out, 1, key.as_bytes());
        message(out, 2, |out| {
            write(out);
            Ok(())
        })
    })
}

fn text_attribute(out: &mut Vec<u8>, field: u64, key: &str, value: &str) -> Result<()> {
    attribute(out, field, key, |out| bytes(out, 1, value.as_bytes()))
}

fn write_span(out: &mut Vec<u8>, high: &str, span: &Span) -> Result<()> {
    bytes(out, 1, &[hex_bytes(high)?, span.trace_id.to_be_bytes()].concat());
    bytes(out, 2, &span.span_id.to_be_bytes());
    if span.parent_id != 0 {
        bytes(out, 4, &span.parent_id.to_be_bytes());
    }
    bytes(out, 5, span.resource.as_bytes());
    number(out, 6, kind(span));
    fixed64(out, 7, span.start);
    fixed64(out, 8, span.start + span.duration);
    for (key, value) in &span.meta {
        text_attribute(out, 9, key, value)?;
    }
    for (key, value) in &span.metrics {
        attribute(out, 9, key, |out| number(out, 3, *value as u64))?;
    }
    if span.error != 0 {
        message(out, 15, |out| {
            bytes(out, 2, tag(span, "error.message").unwrap_or_default().as_bytes());
            number(out, 3, 2);
            Ok(())
        })?;
    }
    Ok(())
}

/// All traces as one protobuf request.
pub(super) fn write_protobuf(out: &mut impl Write, traces: &[Vec<Span>]) -> Result<()> {
    let mut body = Vec::new();
    for (service, spans) in by_service(traces) {
        message(&mut body, 1, |out| {
            message(out, 1, |out| {
                text_attribute(out, 1, "service.name", service)?;
                text_attribute(out, 1, "telemetry.sdk.language", "python")
            })?;
            message(out, 2, |out| {
                message(out, 1, |out| {
                    bytes(out, 1, b"spanglass.bench");
                    bytes(out, 2, b"1.0.0");
                    Ok(())
                })?;
                spans.iter().try_for_each(|(high, span)| message(out, 2, |out| write_span(out, high, span)))
            })
        })?;
    }
    Ok(out.write_all(&body)?)
}

// ---- JSON ---------------------------------------------------------------------------------

fn json_span(high: &str, span: &Span) -> serde_json::Value {
    let text = |(key, value): &(&str, Text)| json!({"key": key, "value": {"stringValue": value}});
    let number = |(key, value): &(&str, f64)| json!({"key": key, "value": {"intValue": (*value as i64).to_string()}});
    let attributes: Vec<_> = span.meta.iter().map(text).chain(span.metrics.iter().map(number)).collect();
    let mut object = json!({
        "traceId": format!("{high}{:016x}", span.trace_id),
        "spanId": format!("{:016x}", span.span_id),
    });
    if span.parent_id != 0 {
        object["parentSpanId"] = json!(format!("{:016x}", span.parent_id));
    }
    object["name"] = json!(span.resource);
    object["kind"] = json!(kind(span));
    object["startTimeUnixNano"] = json!(span.start.to_string());
    object["endTimeUnixNano"] = json!((span.start + span.duration).to_string());
    object["attributes"] = json!(attributes);
    if span.error != 0 {
        object["status"] = json!({"message": tag(span, "error.message"), "code": 2});
    }
    object
}

/// One JSON request for each trace, on a line of its own.
pub(super) fn write_json_lines(out: &mut impl Write, traces: &[Vec<Span>]) -> Result<()> {
    for trace in traces {
        let groups = by_service(std::slice::from_ref(trace));
        let resources: Vec<_> = groups
            .into_iter()
            .map(|(service, spans)| {
                let spans: Vec<_> = spans.iter().map(|(high, span)| json_span(high, span)).collect();
                json!({
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                    "scopeSpans": [{"scope": {"name": "spanglass.bench", "version": "1.0.0"}, "spans": spans}],
                })
            })
            .collect();
        serde_json::to_writer(&mut *out, &json!({"resourceSpans": resources}))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

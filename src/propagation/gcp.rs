//! `X-Cloud-Trace-Context` of Google Cloud (Cloud Trace documentation, "Legacy trace context").
//!
//! ```text
//! 105445aa7843bc8bf206b12000100000/1;o=1
//! │                                │   └ bit 0: sampled
//! │                                └ span id, decimal
//! └ trace id, 32 hex digits
//! ```

use super::carrier::{Carrier, Name, Value, shown};
use super::number::{NotANumber, hex, hex64, unsigned};
use super::place::report_open;
use super::{Yield, codes};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::id::{SpanId, TraceId};

/// Reads `x-cloud-trace-context`.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    let Some(value) = carrier.single(Name::Gcp).given() else { return Yield::Nothing };
    let yielded = read(carrier, context, &value);
    if yielded == Yield::Nothing {
        carrier.reject(&value);
    }
    yielded
}

fn read(carrier: &mut Carrier, context: &mut SpanContext, value: &Value<'_>) -> Yield {
    let text = value.text;
    let (ids, option) = match text.split_once(';') {
        Some((ids, option)) => (ids, Some(option)),
        None => (text, None),
    };
    let (trace, span) = match ids.split_once('/') {
        Some((trace, span)) => (trace, Some(span)),
        None => (ids, None),
    };
    let trace_id = hex(trace).filter(|_| trace.len() == 32).map(|(id, _)| id);
    match trace_id {
        None => carrier.fault(codes::GCP_MALFORMED, value, 0..trace.len(), || {
            (
                format!("trace id {} is not 32 hex digits", shown(trace)),
                "x-cloud-trace-context: <32 hex digits>/<decimal span id>;o=1".into(),
            )
        }),
        Some(0) => carrier.fault(codes::GCP_TRACE_ID_ZERO, value, 0..trace.len(), || {
            ("the trace id is zero".into(), "send the id of an active trace".into())
        }),
        Some(_) => {}
    }
    let at = trace.len() + 1;
    let span_id = match span.map(|span| (span, unsigned(span))) {
        Some((_, Ok((id, false)))) if id != 0 => Some(id),
        Some((span, Ok((_, false)))) => {
            report_missing_span(carrier, value, at..at + span.len(), "the span id is 0");
            None
        }
        None => {
            report_missing_span(carrier, value, 0..ids.len(), "there is no span id");
            None
        }
        Some((span, result)) => {
            carrier.fault(codes::GCP_MALFORMED, value, at..at + span.len(), || {
                let message = match result {
                    Err(NotANumber::Overflow) => format!("span id {} is larger than 64 bits", shown(span)),
                    _ => format!("span id {} is not decimal", shown(span)),
                };
                let help = match hex64(span) {
                    Some((id, _)) if result == Err(NotANumber::Malformed) => format!("{trace}/{id}"),
                    _ => "the span id is decimal, up to 64 bits".into(),
                };
                (message, help)
            });
            None
        }
    };
    let sampled = match option {
        None => Some(None),
        Some(option) => {
            let number = option.strip_prefix("o=").and_then(|number| unsigned(number).ok()).filter(|(_, plus)| !plus);
            if number.is_none() {
                let at = ids.len() + 1;
                carrier.fault(codes::GCP_MALFORMED, value, at..text.len(), || {
                    (format!("option {} is not o= and a number", shown(option)), format!("{ids};o=1"))
                });
            }
            number.map(|(number, _)| Some(number & 1))
        }
    };
    let (Some(trace_id), Some(span_id), Some(sampled)) = (trace_id.filter(|id| *id != 0), span_id, sampled) else {
        return Yield::Nothing;
    };
    if sampled.is_none() {
        report_open(carrier, PropagationStyle::Gcp, "append `;o=1`");
    }
    context.trace_id = TraceId(trace_id);
    context.span_id = SpanId(span_id);
    context.priority = sampled.map(|bit| SamplingPriority(bit as i32));
    Yield::Context
}

/// `gcp-span-id-missing`
fn report_missing_span(carrier: &mut Carrier, value: &Value<'_>, range: std::ops::Range<usize>, what: &str) {
    carrier.fault(codes::GCP_SPAN_ID_MISSING, value, range, || {
        (format!("{what} in {}", shown(value.text)), "x-cloud-trace-context: <trace id>/<decimal span id>;o=1".into())
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of};
    use crate::context::PropagationStyle;

    const TRACE: &str = "105445aa7843bc8bf206b12000100000";

    #[test]
    fn the_span_id_is_decimal() {
        for (rest, span, priority, codes) in [
            ("/1;o=1", Some(1), Some(1), &[][..]),
            ("/18446744073709551615;o=2", Some(u64::MAX), Some(0), &[]),
            ("/7", Some(7), None, &[("sampling-priority-absent", 0..34)]),
            ("/18446744073709551616;o=1", None, None, &[("gcp-malformed", 33..53)]),
            ("/a1;o=x", None, None, &[("gcp-malformed", 33..35), ("gcp-malformed", 36..39)]),
            ("/1;", None, None, &[("gcp-malformed", 35..35)]),
            ("/+1", None, None, &[("gcp-malformed", 33..35)]),
            ("/", None, None, &[("gcp-malformed", 33..33)]),
            ("/0;o=1", None, None, &[("gcp-span-id-missing", 33..34)]),
            (";o=1", None, None, &[("gcp-span-id-missing", 0..32)]),
        ] {
            let value = format!("{TRACE}{rest}");
            let headers = [("x-cloud-trace-context", value.as_str())];
            let context = context_of(&headers, &[PropagationStyle::Gcp]);
            let found = codes_of(&headers, &[PropagationStyle::Gcp]).into_iter();
            assert_eq!(found.map(|(code, range, _)| (code, range)).collect::<Vec<_>>(), codes, "{rest}");
            assert_eq!(context.as_ref().map(|context| context.span_id.0), span, "{rest}");
            assert_eq!(context.and_then(|context| context.priority).map(|priority| priority.0), priority, "{rest}");
        }
    }

    #[test]
    fn trace_ids() {
        let zero = format!("{}/1;o=1", "0".repeat(32));
        for (value, code) in [(zero.as_str(), "gcp-trace-id-zero"), ("abc/1", "gcp-malformed"), ("", "gcp-malformed")] {
            let found = codes_of(&[("x-cloud-trace-context", value)], &[PropagationStyle::Gcp]);
            assert_eq!(found.first().map(|(code, ..)| *code), Some(code), "{value}");
        }
    }
}

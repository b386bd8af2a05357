//! `ot-tracer-*`, the headers of OpenTracing's basic tracers and of LightStep (opentelemetry-specification, "OT Trace").
//!
//! ```text
//! ot-tracer-traceid: 48485a3953bb6124        16 or 32 hex digits; writers send the low 16 only
//! ot-tracer-spanid: a2fb4a1d1a96d312
//! ot-tracer-sampled: true
//! ```
//! Baggage lies in `ot-baggage-<key>` headers, which are shown only.

use super::carrier::{Carrier, Name, Single, shown};
use super::place::report_open;
use super::{Yield, codes, number};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::diagnostic::Code;
use crate::id::{SpanId, TraceId};

/// Reads the three headers.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    if !carrier.has_style(PropagationStyle::OtTrace) {
        return Yield::Nothing;
    }
    let ids = carrier.count(Name::OtTraceId) + carrier.count(Name::OtSpanId) > 0;
    let trace_id = id(carrier, ids, Name::OtTraceId, &[16, 32], codes::OTTRACE_TRACE_ID_INVALID);
    let span_id = id(carrier, ids, Name::OtSpanId, &[16], codes::OTTRACE_SPAN_ID_INVALID);
    let mut priority = None;
    if let Some(value) = carrier.single(Name::OtSampled).given() {
        let text = value.text;
        let known = [("true", 1), ("1", 1), ("false", 0), ("0", 0)];
        priority =
            known.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, n)| SamplingPriority(n));
        if priority.is_none() {
            carrier.fault(codes::OTTRACE_SAMPLED_INVALID, &value, 0..text.len(), || {
                let message = format!("ot-tracer-sampled {} is no boolean; there is no decision", shown(text));
                (message, "ot-tracer-sampled: true".into())
            });
            carrier.reject(&value);
        }
    }
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { return Yield::Nothing };
    if priority.is_none() {
        report_open(carrier, PropagationStyle::OtTrace, "ot-tracer-sampled: true");
    }
    context.trace_id = TraceId(trace_id);
    context.span_id = SpanId(span_id as u64);
    context.priority = priority;
    Yield::Context
}

/// An id; one that is absent beside the other is a fault too.
fn id(carrier: &mut Carrier, ids: bool, name: Name, digits: &[usize], invalid: Code) -> Option<u128> {
    match carrier.single(name) {
        Single::Given(value) => {
            let text = value.text;
            let number = number::hex(text).filter(|(number, _)| *number != 0 && digits.contains(&text.len()));
            if number.is_none() {
                carrier.fault(invalid, &value, 0..text.len(), || {
                    let digits: Vec<String> = digits.iter().map(usize::to_string).collect();
                    let digits = digits.join(" or ");
                    let message = format!("{} {} is zero or not {digits} hex digits", name.text(), shown(text));
                    (message, format!("{} is the id of an active span in {digits} hex digits", name.text()))
                });
                carrier.reject(&value);
            }
            number.map(|(number, _)| number)
        }
        Single::Absent if ids => {
            carrier.fault_overall(invalid, || {
                let name = name.text();
                (format!("{name} is absent"), format!("send {name} too; look for a proxy that drops headers"))
            });
            None
        }
        Single::Absent | Single::Conflict => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context_of, only_codes};
    use crate::context::PropagationStyle::OtTrace;

    const TRACE: (&str, &str) = ("ot-tracer-traceid", "48485a3953bb6124");
    const SPAN: (&str, &str) = ("ot-tracer-spanid", "a2fb4a1d1a96d312");

    #[test]
    fn ids_and_decision() {
        for (sampled, priority, codes) in [
            ("TRUE", Some(1), &["trace-id-64bit"][..]),
            ("0", Some(0), &["trace-id-64bit"]),
            ("yes", None, &["ottrace-sampled-invalid", "sampling-priority-absent", "trace-id-64bit"]),
        ] {
            let headers = [TRACE, SPAN, ("ot-tracer-sampled", sampled)];
            let context = context_of(&headers, &[OtTrace]).expect("a context");
            assert_eq!(context.priority.map(|priority| priority.0), priority, "{sampled}");
            assert_eq!(only_codes(&headers, &[OtTrace]), codes, "{sampled}");
        }
    }

    #[test]
    fn without_ids_there_is_no_context() {
        for (headers, codes) in [
            (&[TRACE][..], &["ottrace-span-id-invalid"][..]),
            (&[SPAN], &["ottrace-trace-id-invalid"]),
            (&[("ot-tracer-sampled", "true")], &[]),
            (
                &[("ot-tracer-traceid", "abc"), ("ot-tracer-spanid", "0000000000000000")],
                &["ottrace-trace-id-invalid", "ottrace-span-id-invalid"],
            ),
            (&[TRACE, SPAN, ("ot-tracer-spanid", "1")], &["header-duplicate"]),
        ] {
            assert_eq!(
                (context_of(headers, &[OtTrace]), only_codes(headers, &[OtTrace])),
                (None, codes.to_vec()),
                "{headers:?}"
            );
        }
    }
}

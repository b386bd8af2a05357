//! B3, Zipkin's headers: one header per field, or all in the single header `b3` (openzipkin/b3-propagation).
//!
//! ```text
//! x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7       b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1
//! x-b3-spanid: e457b5a2e4d86bd1                            │                                │                └ 0, 1 or d
//! x-b3-sampled: 1       x-b3-flags: 1 is debug             └ trace id                       └ span id
//! x-b3-parentspanid: 05e3ac9a4f6e3b90                  b3: 0          a decision alone
//! ```

use super::carrier::{Carrier, Name, Single, Value, shown, split};
use super::place::report_open;
use super::{Yield, codes, number};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::diagnostic::Code;
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use std::ops::Range;

/// Reads the five `x-b3-*` headers.
pub(super) fn extract_multi(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    if !carrier.has_style(PropagationStyle::B3Multi) {
        return Yield::Nothing;
    }
    let trace_id = carrier.single(Name::B3TraceId);
    let span_id = carrier.single(Name::B3SpanId);
    let sampled = carrier.single(Name::B3Sampled).given();
    let flags = carrier.single(Name::B3Flags).given();
    if let Some(parent) = carrier.single(Name::B3ParentSpanId).given() {
        report_parent(carrier, &parent, 0, parent.text);
    }
    let ids = matches!((&trace_id, &span_id), (Single::Absent, Single::Absent));
    match (&trace_id, &span_id) {
        (Single::Given(trace), Single::Absent) => {
            carrier.fault(codes::B3_SPAN_ID_MISSING, trace, 0..trace.text.len(), || {
                let message = format!("trace id {} came without x-b3-spanid", shown(trace.text));
                (message, "send x-b3-spanid too; look for a proxy that drops headers".into())
            });
        }
        (Single::Absent, Single::Given(span)) => {
            carrier.fault(codes::B3_TRACE_ID_MISSING, span, 0..span.text.len(), || {
                let message = format!("span id {} came without x-b3-traceid", shown(span.text));
                (message, "send x-b3-traceid too; look for a proxy that drops headers".into())
            });
        }
        _ => {}
    }
    let trace_id = trace_id.given().and_then(|value| id(carrier, &value, 0, value.text, &TRACE_ID));
    let span_id = span_id.given().and_then(|value| id(carrier, &value, 0, value.text, &SPAN_ID));
    let priority = decision(carrier, sampled, flags);
    if ids {
        let place = flags.or(sampled);
        return alone(carrier, context, place, priority);
    }
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { return Yield::Nothing };
    if priority.is_none() {
        report_open(carrier, PropagationStyle::B3Multi, "x-b3-sampled: 1");
    }
    context.trace_id = TraceId(trace_id);
    context.span_id = SpanId(span_id as u64);
    context.priority = priority;
    Yield::Context
}

/// Reads `b3`.
pub(super) fn extract_single(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    let Some(value) = carrier.single(Name::B3).given() else { return Yield::Nothing };
    let text = value.text;
    if let Some(priority) = state(text) {
        return alone(carrier, context, Some(value), Some(priority));
    }
    let mut fields = split(text, b'-');
    let first = fields.next().unwrap_or_default();
    let Some(second) = fields.next() else {
        carrier.fault(codes::B3_MALFORMED, &value, 0..text.len(), || {
            let help = match number::hex(text) {
                Some(_) => format!("b3: {text}-<16 hex digits of the span id>"),
                None => "b3: <trace id>-<span id>-<0, 1 or d>".into(),
            };
            (format!("b3 {} is neither ids nor one of 0, 1 and d", shown(text)), help)
        });
        carrier.reject(&value);
        return Yield::Nothing;
    };
    let trace_id = id(carrier, &value, first.0, first.1, &TRACE_ID);
    let span_id = id(carrier, &value, second.0, second.1, &SPAN_ID);
    let (third, parent, extra) = (fields.next(), fields.next(), fields.next());
    let mut priority = None;
    if let Some((start, given)) = third {
        priority = state(given);
        if priority.is_none() {
            carrier.fault(codes::B3_STATE_INVALID, &value, start..start + given.len(), || {
                let message = format!("sampling state {} is none of 0, 1 and d; there is no decision", shown(given));
                (message, format!("b3: {}-{}-1", first.1, second.1))
            });
        }
    }
    if let Some((start, parent)) = parent {
        report_parent(carrier, &value, start, parent);
    }
    if let Some((start, _)) = extra {
        carrier.fault(codes::B3_EXTRA_FIELDS, &value, start - 1..text.len(), || {
            let rest = shown(text.get(start - 1..).unwrap_or_default());
            (
                format!("b3 ends after the parent span id, and {rest} follows"),
                format!("b3: {}", text.get(..start - 1).unwrap_or_default()),
            )
        });
    }
    let (Some(trace_id), Some(span_id)) = (trace_id, span_id) else { return Yield::Nothing };
    if third.is_none() {
        report_open(carrier, PropagationStyle::B3, "append `-1` to keep or `-0` to drop");
    }
    context.trace_id = TraceId(trace_id);
    context.span_id = SpanId(span_id as u64);
    context.priority = priority;
    Yield::Context
}

/// Writes the `x-b3-*` headers.
pub(super) fn inject_multi(context: &SpanContext, headers: &mut Headers) {
    headers.push("x-b3-traceid", trace_id_text(context.trace_id));
    headers.push("x-b3-spanid", context.span_id.to_string());
    match context.priority {
        None => {}
        Some(SamplingPriority(2..)) => headers.push("x-b3-flags", "1"),
        Some(priority) => headers.push("x-b3-sampled", if priority.sampled() { "1" } else { "0" }),
    }
}

/// Writes `b3`.
pub(super) fn inject_single(context: &SpanContext, headers: &mut Headers) {
    let state = match context.priority {
        None => "",
        Some(SamplingPriority(2..)) => "-d",
        Some(priority) if priority.sampled() => "-1",
        Some(_) => "-0",
    };
    headers.push("b3", format!("{}-{}{state}", trace_id_text(context.trace_id), context.span_id));
}

/// 16 digits when the high half is zero.
fn trace_id_text(id: TraceId) -> String {
    if id.high() == 0 { format!("{:016x}", id.low()) } else { id.to_string() }
}

/// A state or a decision alone.
fn state(text: &str) -> Option<SamplingPriority> {
    match text {
        "0" => Some(SamplingPriority(0)),
        "1" => Some(SamplingPriority(1)),
        "d" => Some(SamplingPriority(2)),
        _ => None,
    }
}

/// A decision without ids, or nothing.
fn alone(
    carrier: &mut Carrier,
    context: &mut SpanContext,
    place: Option<Value<'_>>,
    priority: Option<SamplingPriority>,
) -> Yield {
    let (Some(priority), Some(place)) = (priority, place) else { return Yield::Nothing };
    carrier.fault(codes::B3_SAMPLING_ONLY, &place, 0..place.text.len(), || {
        let message = format!("a decision without ids: sampling priority {priority} for a new trace");
        (message, "nothing, when it is meant; in ddtrace, dd-trace-js and dd-trace-rs it may hide another style".into())
    });
    context.priority = Some(priority);
    Yield::Decision
}

/// The decision of `x-b3-sampled` and `x-b3-flags`.
fn decision(carrier: &mut Carrier, sampled: Option<Value<'_>>, flags: Option<Value<'_>>) -> Option<SamplingPriority> {
    let mut priority = None;
    if let Some(value) = &sampled {
        let text = value.text;
        let legacy = [("true", 1), ("false", 0)].into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        priority = match (text, legacy) {
            ("0", _) => Some(SamplingPriority(0)),
            ("1", _) => Some(SamplingPriority(1)),
            (_, Some((_, number))) => {
                carrier.fault(codes::B3_SAMPLED_LEGACY_BOOLEAN, value, 0..text.len(), || {
                    let message = format!("x-b3-sampled {text} is the old form; Datadog tracers ignore or reject it");
                    (message, format!("x-b3-sampled: {number}"))
                });
                Some(SamplingPriority(number))
            }
            _ => {
                carrier.fault(codes::B3_SAMPLED_INVALID, value, 0..text.len(), || {
                    let message = format!("x-b3-sampled {} is neither 0 nor 1; there is no decision", shown(text));
                    (message, "x-b3-sampled: 1".into())
                });
                carrier.reject(value);
                None
            }
        };
    }
    if let Some(value) = &flags {
        match value.text {
            "1" => {
                if let Some(sampled) = &sampled {
                    carrier.fault(codes::B3_SAMPLED_WITH_DEBUG, sampled, 0..sampled.text.len(), || {
                        let message =
                            format!("x-b3-sampled {} stands beside x-b3-flags 1, which counts", shown(sampled.text));
                        (message, "send x-b3-flags: 1 alone; dd-trace-cpp sees only x-b3-sampled".into())
                    });
                }
                priority = Some(SamplingPriority(2));
            }
            "0" => {}
            text => {
                carrier.fault(codes::B3_FLAGS_INVALID, value, 0..text.len(), || {
                    (
                        format!("x-b3-flags {} is neither 0 nor 1 and is ignored", shown(text)),
                        "x-b3-flags: 1 for debug, else leave it out".into(),
                    )
                });
                carrier.reject(value);
            }
        }
    }
    priority
}

/// An id of hex digits and its codes.
struct Id {
    name: &'static str,
    digits: usize,
    usual: &'static [usize],
    malformed: Code,
    zero: Code,
    zero_rejects: bool,
}

const TRACE_ID: Id = Id {
    name: "trace id",
    digits: 32,
    usual: &[16, 32],
    malformed: codes::B3_TRACE_ID_MALFORMED,
    zero: codes::B3_TRACE_ID_ZERO,
    zero_rejects: true,
};
const SPAN_ID: Id = Id {
    name: "span id",
    digits: 16,
    usual: &[16],
    malformed: codes::B3_SPAN_ID_MALFORMED,
    zero: codes::B3_SPAN_ID_ZERO,
    zero_rejects: false,
};

fn id(carrier: &mut Carrier, value: &Value<'_>, start: usize, text: &str, id: &Id) -> Option<u128> {
    let name = id.name;
    let range: Range<usize> = start..start + text.len();
    let Some((number, upper)) = number::hex(text).filter(|_| text.len() <= id.digits) else {
        carrier.fault(id.malformed, value, range, || {
            let message = format!("{name} {} is not 1 to {} hex digits", shown(text), id.digits);
            let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            let help = match bare.filter(|bare| bare.len() <= id.digits && number::hex(bare).is_some()) {
                Some(bare) => bare.to_ascii_lowercase(),
                None => format!("a {name} has {} lower-case hex digits", id.digits),
            };
            (message, help)
        });
        carrier.reject(value);
        return None;
    };
    if upper {
        carrier.fault(codes::B3_UPPERCASE_HEX, value, range.clone(), || {
            (format!("{name} {text} has upper-case digits"), text.to_ascii_lowercase())
        });
    }
    if !id.usual.contains(&text.len()) {
        carrier.fault(codes::B3_ID_NONSTANDARD_LENGTH, value, range.clone(), || {
            let message = format!("{name} {text} has {} digits; dd-trace-js and OpenTelemetry drop it", text.len());
            let usual = id.usual.iter().copied().find(|usual| *usual >= text.len()).unwrap_or(id.digits);
            (message, format!("{number:0usual$x}"))
        });
    }
    if number == 0 {
        carrier.fault(id.zero, value, range, || {
            let message = match id.zero_rejects {
                true => format!("{name} {text} is zero"),
                false => format!("{name} {text} is zero: the trace goes on without a parent; OpenTelemetry drops it"),
            };
            (message, format!("send the {name} of an active span"))
        });
        if id.zero_rejects {
            carrier.reject(value);
            return None;
        }
    }
    Some(number)
}

/// `b3-parent-span-id-malformed`
fn report_parent(carrier: &mut Carrier, value: &Value<'_>, start: usize, text: &str) {
    if number::lower_hex(text, 16).is_some() {
        return;
    }
    carrier.fault(codes::B3_PARENT_SPAN_ID_MALFORMED, value, start..start + text.len(), || {
        let message = format!("parent span id {} is not 16 lower-case hex digits; it is not used", shown(text));
        (message, "leave the parent span id out".into())
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of, injected, only_codes};
    use super::*;
    use crate::context::PropagationStyle::{B3, B3Multi};

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    fn multi(decision: &[(&'static str, &'static str)]) -> (Option<i32>, Vec<&'static str>) {
        let mut headers = vec![("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        headers.extend_from_slice(decision);
        let context = context_of(&headers, &[B3Multi]).expect("a context");
        (context.priority.map(|priority| priority.0), only_codes(&headers, &[B3Multi]))
    }

    #[test]
    fn decisions() {
        for (headers, priority, codes) in [
            (&[("x-b3-sampled", "FALSE")][..], Some(0), &["b3-sampled-legacy-boolean"][..]),
            (&[("x-b3-sampled", "d")], None, &["b3-sampled-invalid", "sampling-priority-absent"]),
            (&[("x-b3-sampled", "")], None, &["b3-sampled-invalid", "sampling-priority-absent"]),
            (&[("x-b3-flags", "0")], None, &["sampling-priority-absent"]),
            (&[("x-b3-flags", "2")], None, &["b3-flags-invalid", "sampling-priority-absent"]),
            (&[("x-b3-sampled", "1"), ("x-b3-flags", "0")], Some(1), &[]),
            (&[("x-b3-sampled", "x"), ("x-b3-flags", "1")], Some(2), &["b3-sampled-invalid", "b3-sampled-with-debug"]),
            (&[("x-b3-sampled", "1"), ("x-b3-sampled", "0")], None, &["header-duplicate", "sampling-priority-absent"]),
            (&[("x-b3-sampled", "1"), ("x-b3-parentspanid", "ABC")], Some(1), &["b3-parent-span-id-malformed"]),
        ] {
            assert_eq!(multi(headers), (priority, codes.to_vec()), "{headers:?}");
        }
    }

    #[test]
    fn ids_of_several_headers() {
        for (headers, codes) in [
            (&[("x-b3-traceid", ""), ("x-b3-spanid", SPAN)][..], &["b3-trace-id-malformed"][..]),
            (&[("x-b3-spanid", SPAN)], &["b3-trace-id-missing"]),
            (&[("x-b3-traceid", TRACE), ("x-b3-sampled", "1")], &["b3-span-id-missing"]),
            (
                &[("x-b3-traceid", "0"), ("x-b3-spanid", "x")],
                &["b3-id-nonstandard-length", "b3-trace-id-zero", "b3-span-id-malformed"],
            ),
            (&[("x-b3-traceid", TRACE), ("x-b3-traceid", SPAN), ("x-b3-spanid", SPAN)], &["header-duplicate"]),
            (&[("x-b3-sampled", "junk")], &["b3-sampled-invalid"]),
            (&[("x-b3-parentspanid", SPAN)], &[]),
        ] {
            assert_eq!(only_codes(headers, &[B3Multi]), codes, "{headers:?}");
            assert_eq!(context_of(headers, &[B3Multi]), None, "{headers:?}");
        }
        let headers =
            [("x-b3-traceid", "80F198EE56343BA864FE8B2A57D3EFF7"), ("x-b3-spanid", "0"), ("x-b3-sampled", "1")];
        assert_eq!(
            only_codes(&headers, &[B3Multi]),
            ["b3-uppercase-hex", "b3-id-nonstandard-length", "b3-span-id-zero"]
        );
        let context = context_of(&headers, &[B3Multi]).expect("a context");
        assert_eq!((context.trace_id.to_string().as_str(), context.span_id), (TRACE, SpanId(0)));
    }

    #[test]
    fn one_header() {
        let read = |value: &str| {
            let headers = [("b3", value)];
            let priority = context_of(&headers, &[B3]).map(|context| context.priority.map(|priority| priority.0));
            (priority, codes_of(&headers, &[B3]).into_iter().map(|(code, range, _)| (code, range)).collect::<Vec<_>>())
        };
        let ids = format!("{TRACE}-{SPAN}");
        assert_eq!(read(&format!("{ids}-")), (Some(None), vec![("b3-state-invalid", 50..50)]));
        assert_eq!(read(&format!("{ids}-D")), (Some(None), vec![("b3-state-invalid", 50..51)]));
        assert_eq!(read(&format!("{ids}-1-zz")), (Some(Some(1)), vec![("b3-parent-span-id-malformed", 52..54)]));
        assert_eq!(read(&format!("{ids}-1-{SPAN}-x-y")), (Some(Some(1)), vec![("b3-extra-fields", 68..72)]));
        assert_eq!(read(TRACE), (None, vec![("b3-malformed", 0..32)]));
        assert_eq!(read(""), (None, vec![("b3-malformed", 0..0)]));
        assert_eq!(read(&format!("-{SPAN}-1")), (None, vec![("b3-trace-id-malformed", 0..0)]));
        assert_eq!(read("d").0, None);
        assert_eq!(read("d").1, [("b3-sampling-only", 0..1)]);
    }

    #[test]
    fn a_priority_is_written_in_the_words_of_b3() {
        let mut context = context_of(&[("b3", &format!("{TRACE}-{SPAN}"))], &[B3]).expect("a context");
        for (priority, single, multi) in [
            (None, "", None),
            (Some(-1), "-0", Some(("x-b3-sampled", "0"))),
            (Some(1), "-1", Some(("x-b3-sampled", "1"))),
            (Some(7), "-d", Some(("x-b3-flags", "1"))),
        ] {
            context.priority = priority.map(SamplingPriority);
            assert_eq!(injected(&context, B3).0.get("b3"), Some(format!("{TRACE}-{SPAN}{single}").as_str()));
            assert_eq!(injected(&context, B3Multi).0.iter().nth(2), multi);
        }
        context.trace_id = TraceId(0xabc);
        assert_eq!(injected(&context, B3Multi).0.get("x-b3-traceid"), Some("0000000000000abc"));
    }
}

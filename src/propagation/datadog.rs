//! `x-datadog-*`, Datadog's own headers (documented with each tracer; limits of dd-trace-cpp).
//!
//! ```text
//! x-datadog-trace-id: 12379814468735227512         low 64 bits, decimal
//! x-datadog-parent-id: 987654321                   decimal; 0 for no parent
//! x-datadog-sampling-priority: 2                   -1, 0, 1, 2
//! x-datadog-origin: synthetics
//! x-datadog-tags: _dd.p.tid=640cfd8d00000000       among others the high 64 bits, in hex: see [`super::tags`]
//! ```

use super::carrier::{Carrier, Name, Single, Value, shown};
use super::number::{NotANumber, hex, int32, push_decimal, push_int, unsigned};
use super::place::report_open;
use super::{Yield, codes, tags};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::diagnostic::{Code, Diagnostics};
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use std::fmt::Write as _;
use std::ops::Range;

/// Reads the five headers.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    if !carrier.has_style(PropagationStyle::Datadog) {
        return Yield::Nothing;
    }
    let trace_id = carrier.single(Name::DatadogTraceId);
    let parent_id = carrier.single(Name::DatadogParentId);
    let priority = carrier.single(Name::DatadogPriority);
    let origin = carrier.single(Name::DatadogOrigin).given().map(|value| value.text).filter(|text| !text.is_empty());

    let low = match trace_id {
        Single::Given(value) => id(carrier, &value, &TRACE_ID).filter(|id| {
            if *id == 0 {
                carrier.fault(codes::DATADOG_TRACE_ID_ZERO, &value, 0..value.text.len(), || {
                    (
                        "trace id 0 is no trace: the sender lost its context".into(),
                        "send the id of an active trace, or none".into(),
                    )
                });
                carrier.reject(&value);
            }
            *id != 0
        }),
        Single::Conflict => None,
        Single::Absent => {
            report_missing_trace_id(carrier);
            None
        }
    };
    let identified = carrier.count(Name::DatadogTraceId) > 0;
    let parent = match parent_id {
        Single::Given(value) => {
            let parent = id(carrier, &value, &PARENT_ID);
            if parent == Some(0) {
                carrier.fault(codes::DATADOG_PARENT_ID_ZERO, &value, 0..value.text.len(), || {
                    (
                        "parent id 0: the trace goes on without a parent; dd-trace-go drops it".into(),
                        "send the id of the active span".into(),
                    )
                });
            }
            parent
        }
        Single::Conflict => None,
        Single::Absent if origin.is_some() => Some(0),
        Single::Absent => None,
    };
    if identified && carrier.count(Name::DatadogParentId) == 0 {
        report_missing_parent(carrier, origin);
    }
    let priority = match priority {
        Single::Given(value) => sampling_priority(carrier, &value).map(Some),
        Single::Conflict => None,
        Single::Absent => Some(None),
    };
    let high = tags::extract(carrier, context);
    let (Some(low), Some(parent), Some(priority)) = (low, parent, priority) else { return Yield::Nothing };
    if priority.is_none() {
        report_open(carrier, PropagationStyle::Datadog, "x-datadog-sampling-priority: 1");
    }
    context.trace_id = TraceId::from_halves(high, low);
    context.span_id = SpanId(parent);
    context.priority = priority;
    if let Some(origin) = origin {
        context.origin.set(origin);
    }
    Yield::Context
}

/// `datadog-trace-id-missing`
fn report_missing_trace_id(carrier: &mut Carrier) {
    let other = [Name::DatadogParentId, Name::DatadogPriority].into_iter().find_map(|name| carrier.first(name));
    if let Some(value) = other {
        carrier.fault(codes::DATADOG_TRACE_ID_MISSING, &value, 0..value.text.len(), || {
            let message = format!("{} {} came without x-datadog-trace-id", value.name(), shown(value.text));
            (
                message,
                "send x-datadog-trace-id and x-datadog-parent-id together; look for a proxy that drops headers".into(),
            )
        });
    }
}

/// `datadog-parent-id-missing`, `datadog-parent-id-missing-with-origin`
fn report_missing_parent(carrier: &mut Carrier, origin: Option<&str>) {
    let Some(value) = carrier.first(Name::DatadogTraceId) else { return };
    let code =
        if origin.is_some() { codes::DATADOG_PARENT_ID_MISSING_WITH_ORIGIN } else { codes::DATADOG_PARENT_ID_MISSING };
    carrier.fault(code, &value, 0..value.text.len(), || match origin {
        Some(origin) => (
            format!("trace {} begins at origin {}, without a parent id", shown(value.text), shown(origin)),
            "x-datadog-parent-id: 0".into(),
        ),
        None => {
            let message =
                format!("trace id {} came without x-datadog-parent-id and without an origin", shown(value.text));
            (message, "send x-datadog-parent-id too; look for a proxy that drops headers".into())
        }
    });
}

/// An id of decimal digits and its codes.
struct IdHeader {
    malformed: Code,
    overflow: Code,
    looks_hex: Option<Code>,
}

const TRACE_ID: IdHeader = IdHeader {
    malformed: codes::DATADOG_TRACE_ID_MALFORMED,
    overflow: codes::DATADOG_TRACE_ID_OVERFLOW,
    looks_hex: Some(codes::DATADOG_TRACE_ID_LOOKS_HEX),
};
const PARENT_ID: IdHeader = IdHeader {
    malformed: codes::DATADOG_PARENT_ID_MALFORMED,
    overflow: codes::DATADOG_PARENT_ID_OVERFLOW,
    looks_hex: None,
};

fn id(carrier: &mut Carrier, value: &Value<'_>, header: &IdHeader) -> Option<u64> {
    let text = value.text;
    let name = value.name();
    let all = 0..text.len();
    match unsigned(text) {
        Ok((id, plus)) => {
            if plus {
                report_plus(carrier, value, 0..1, text);
            }
            return Some(id);
        }
        Err(NotANumber::Overflow) => carrier.fault(header.overflow, value, all, || {
            let message = format!("{name} {} is larger than 64 bits", shown(text));
            let halves = text.trim_start_matches('+').parse().ok().filter(|_| header.looks_hex.is_some());
            (
                message,
                halves.map_or_else(|| format!("{name} is decimal, up to {}", u64::MAX), |id| in_halves(TraceId(id))),
            )
        }),
        Err(NotANumber::Malformed) => match (header.looks_hex, hex(text)) {
            (Some(code), Some((id, _))) if matches!(text.len(), 16 | 32) => carrier.fault(code, value, all, || {
                (format!("{name} {text} is hex; it must be decimal"), in_halves(TraceId(id)))
            }),
            (_, number) => {
                let first = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or_default();
                let first = if text.is_char_boundary(first) { first } else { 0 };
                carrier.fault(header.malformed, value, first..text.len(), || {
                    let message = format!("{name} {} is not a decimal number", shown(text));
                    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                    let help = match number.filter(|_| matches!(text.len(), 16 | 32)) {
                        Some((id, _)) => format!("{name}: {}", id as u64),
                        None if !digits.is_empty() && unsigned(&digits).is_ok() => format!("{name}: {digits}"),
                        None => format!("{name} is decimal, up to {}", u64::MAX),
                    };
                    (message, help)
                });
            }
        },
    }
    carrier.reject(value);
    None
}

/// How Datadog's headers carry a trace id.
fn in_halves(id: TraceId) -> String {
    let mut lines = format!("x-datadog-trace-id: {}", id.low());
    if id.high() != 0 {
        let _ = write!(lines, " with x-datadog-tags: _dd.p.tid={:016x}", id.high());
    }
    lines
}

/// `integer-plus-sign`
fn report_plus(carrier: &mut Carrier, value: &Value<'_>, range: Range<usize>, text: &str) {
    carrier.fault(codes::INTEGER_PLUS_SIGN, value, range, || {
        let message = format!("{} has a leading plus; dd-trace-cpp and dd-trace-go reject it", shown(text));
        (message, text.trim_start_matches('+').to_owned())
    });
}

fn sampling_priority(carrier: &mut Carrier, value: &Value<'_>) -> Option<SamplingPriority> {
    let text = value.text;
    let Some((number, plus)) = int32(text) else {
        carrier.fault(codes::DATADOG_SAMPLING_PRIORITY_MALFORMED, value, 0..text.len(), || {
            (format!("sampling priority {} is no 32-bit integer", shown(text)), "x-datadog-sampling-priority: 1".into())
        });
        carrier.reject(value);
        return None;
    };
    report_priority(carrier, value, 0..text.len(), text, number, plus);
    Some(SamplingPriority(number))
}

/// `integer-plus-sign`, `sampling-priority-unknown-value`
pub(super) fn report_priority(
    carrier: &mut Carrier,
    value: &Value<'_>,
    range: Range<usize>,
    text: &str,
    number: i32,
    plus: bool,
) {
    if plus {
        report_plus(carrier, value, range.start..range.start + 1, text);
    }
    if !(-1..=2).contains(&number) {
        carrier.fault(codes::SAMPLING_PRIORITY_UNKNOWN_VALUE, value, range, || {
            let message = format!("sampling priority {number} is outside -1 to 2; it is carried on");
            (message, format!("send {}, which says the same", if number > 0 { 2 } else { -1 }))
        });
    }
}

/// Writes the five headers; the propagation error of the tags.
pub(super) fn inject(
    context: &SpanContext,
    limit: usize,
    headers: &mut Headers,
    out: &mut Diagnostics,
) -> Option<&'static str> {
    headers.push_written("x-datadog-trace-id", |text| push_decimal(text, context.trace_id.low()));
    headers.push_written("x-datadog-parent-id", |text| push_decimal(text, context.span_id.0));
    if let Some(priority) = context.priority {
        headers.push_written("x-datadog-sampling-priority", |text| push_int(text, priority.0));
    }
    if let Some(origin) = context.origin.as_deref().filter(|origin| !origin.is_empty()) {
        headers.push_copy("x-datadog-origin", origin);
    }
    tags::inject(context, limit, headers, out)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of, only_codes};
    use super::*;
    use crate::context::PropagationStyle::Datadog;

    const STYLES: &[PropagationStyle] = &[Datadog];
    const IDS: [(&str, &str); 3] =
        [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8"), ("x-datadog-sampling-priority", "1")];

    /// The three headers with one replaced, or left out when its value is "-".
    fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut headers: Vec<_> = IDS.to_vec();
        for header in &mut headers {
            if header.0.ends_with(name) {
                header.1 = value;
            }
        }
        headers.retain(|(_, value)| *value != "-");
        headers
    }

    #[test]
    fn ids_are_decimal_in_64_bits() {
        for (name, value, code, found) in [
            ("trace-id", "+7", "integer-plus-sign", true),
            ("trace-id", "0000000000000000000000000000007", "trace-id-64bit", true),
            ("trace-id", "18446744073709551616", "datadog-trace-id-overflow", false),
            ("trace-id", "12345678901234567890123456789012", "datadog-trace-id-overflow", false),
            ("trace-id", "640cfd8d00000000abcdefab12345678", "datadog-trace-id-looks-hex", false),
            ("trace-id", "ABCDEFAB12345678", "datadog-trace-id-looks-hex", false),
            ("trace-id", "abcdefab1234567", "datadog-trace-id-malformed", false),
            ("trace-id", "", "datadog-trace-id-malformed", false),
            ("trace-id", "-5", "datadog-trace-id-malformed", false),
            ("trace-id", "1\u{661}", "datadog-trace-id-malformed", false),
            ("trace-id", "+0", "datadog-trace-id-zero", false),
            ("trace-id", "-", "datadog-trace-id-missing", false),
            ("parent-id", "0", "datadog-parent-id-zero", true),
            ("parent-id", "abcdefab12345678", "datadog-parent-id-malformed", false),
            ("parent-id", "", "datadog-parent-id-malformed", false),
            ("parent-id", "99999999999999999999", "datadog-parent-id-overflow", false),
            ("parent-id", "-", "datadog-parent-id-missing", false),
            ("priority", "2147483648", "datadog-sampling-priority-malformed", false),
            ("priority", "", "datadog-sampling-priority-malformed", false),
            ("priority", "-2", "sampling-priority-unknown-value", true),
            ("priority", "+2", "integer-plus-sign", true),
            ("priority", "-", "sampling-priority-absent", true),
        ] {
            let headers = with(name, value);
            assert!(only_codes(&headers, STYLES).contains(&code), "{name} {value}");
            assert_eq!(context_of(&headers, STYLES).is_some(), found, "{name} {value}");
        }
    }

    #[test]
    fn every_fault_is_told_in_one_run() {
        let headers = [
            ("x-datadog-trace-id", "640cfd8d00000000abcdefab12345678"),
            ("x-datadog-parent-id", "zz"),
            ("x-datadog-sampling-priority", "keep"),
            ("x-datadog-tags", "a=1,,_dd.p.tid=beef"),
        ];
        let found = codes_of(&headers, STYLES);
        let codes: Vec<_> = found.iter().map(|(code, range, _)| (*code, range.clone())).collect();
        assert_eq!(
            codes,
            [
                ("datadog-trace-id-looks-hex", 0..32),
                ("datadog-parent-id-malformed", 0..2),
                ("datadog-sampling-priority-malformed", 0..4),
                ("datadog-tags-ignored-key", 0..3),
                ("datadog-tags-malformed", 3..4),
                ("tid-malformed", 15..19),
            ]
        );
        let convert = "x-datadog-trace-id: 12379814468735227512 with x-datadog-tags: _dd.p.tid=640cfd8d00000000";
        assert_eq!(found[0].2.as_deref(), Some(convert));
    }

    #[test]
    fn nothing_of_datadog_is_nothing() {
        assert!(only_codes(&[("x-datadog-origin", "rum"), ("x-datadog-tags", "_dd.p.a=1")], STYLES).is_empty());
        let begun = [("x-datadog-trace-id", "7"), ("x-datadog-origin", "rum")];
        assert_eq!(context_of(&begun, STYLES).map(|context| context.span_id), Some(SpanId(0)));
        assert_eq!(context_of(&[("x-datadog-trace-id", "7"), ("x-datadog-origin", "")], STYLES), None);
        let differing = [begun[0], begun[1], ("x-datadog-origin", "synthetics")];
        assert_eq!(only_codes(&differing, STYLES), ["header-duplicate", "datadog-parent-id-missing"]);
    }
}

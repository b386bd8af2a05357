//! Where a style names its trace, its parent and its decision: the places of findings that concern a whole context.
//!
//! ```text
//! traceparent: 00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01
//!                 Trace                            Parent           Priority
//! ```

use super::carrier::{Carrier, Name, Value};
use super::codes;
use crate::context::PropagationStyle;
use crate::diagnostic::Code;
use std::ops::Range;

/// A part of a style's headers, for the place of a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Trace,
    Parent,
    Priority,
}

/// Where a style names its trace, parent or decision.
fn place<'h>(carrier: &Carrier<'h, '_>, style: PropagationStyle, part: Part) -> Option<(Value<'h>, Range<usize>)> {
    let name = match (style, part) {
        (PropagationStyle::Datadog, Part::Trace) => Name::DatadogTraceId,
        (PropagationStyle::Datadog, Part::Parent) => Name::DatadogParentId,
        (PropagationStyle::Datadog, Part::Priority) => Name::DatadogPriority,
        (PropagationStyle::B3Multi, Part::Trace) => Name::B3TraceId,
        (PropagationStyle::B3Multi, Part::Parent) => Name::B3SpanId,
        (PropagationStyle::B3Multi, Part::Priority) if carrier.count(Name::B3Flags) > 0 => Name::B3Flags,
        (PropagationStyle::B3Multi, Part::Priority) => Name::B3Sampled,
        (PropagationStyle::OtTrace, Part::Trace) => Name::OtTraceId,
        (PropagationStyle::OtTrace, Part::Parent) => Name::OtSpanId,
        (PropagationStyle::OtTrace, Part::Priority) => Name::OtSampled,
        (PropagationStyle::TraceContext, _) => Name::Traceparent,
        (PropagationStyle::B3, _) => Name::B3,
        (PropagationStyle::Jaeger, _) => Name::Uber,
        (PropagationStyle::XRay, _) => Name::XRay,
        (PropagationStyle::Gcp, _) => Name::Gcp,
        (PropagationStyle::Sw8, _) => Name::Sw8,
        (PropagationStyle::Baggage | PropagationStyle::None, _) => return None,
    };
    let Some(value) = carrier.first(name) else {
        // A parent or decision without a header of its own stands for the whole context.
        return (part != Part::Trace).then(|| place(carrier, style, Part::Trace)).flatten();
    };
    let range = match (style, part) {
        (PropagationStyle::TraceContext, Part::Trace) => 3..35,
        (PropagationStyle::TraceContext, Part::Parent) => 36..52,
        (PropagationStyle::TraceContext, Part::Priority) => 53..55,
        _ => 0..value.text.len(),
    };
    Some((value, range))
}

/// Reports a finding on a part of a style's headers.
pub(super) fn fault_at(
    carrier: &mut Carrier,
    code: Code,
    style: PropagationStyle,
    part: Part,
    text: impl FnOnce() -> (String, String),
) {
    match place(carrier, style, part) {
        Some((value, range)) => carrier.fault(code, &value, range, text),
        None => carrier.fault_overall(code, text),
    }
}

/// `sampling-priority-absent`: `help` is what would carry a decision.
pub(super) fn report_open(carrier: &mut Carrier, style: PropagationStyle, help: &str) {
    fault_at(carrier, codes::SAMPLING_PRIORITY_ABSENT, style, Part::Trace, || {
        ("no sampling decision came along; the receiver decides by itself".into(), help.into())
    });
}

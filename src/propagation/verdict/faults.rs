//! What is wrong with a value by the grammar that the tool itself goes by: the codes under which a verdict names its
//! causes. A tracer that refuses more than the tool does shares no code with it; then the cause is that tracers
//! disagree.

use super::delivery::{Delivered, is_cgi_form};
use super::grammar::is_hex;
use super::number::{RUST, SIGNED, Trim};
use super::quirks::Single;
use super::{Cause, Profile, Style, note};
use crate::context::PropagationStyle;

/// Every fault of a `traceparent`.
pub(super) fn traceparent(value: &str) -> Vec<Cause> {
    let text = Trim::C.apply(value);
    if text.is_empty() {
        return vec!["traceparent-empty"];
    }
    let mut fields = text.splitn(5, '-');
    let (Some(version), Some(trace), Some(parent), Some(flags_text)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return vec!["traceparent-missing-field"];
    };
    let forbidden = || (version == "ff").then_some("traceparent-version-ff");
    let zero = |text: &str, fault: Cause| text.bytes().all(|b| b == b'0').then_some(fault);
    let trailing = || (version == "00" && fields.next().is_some()).then_some("traceparent-trailing-data");
    let faults = [
        self::version(version).or_else(forbidden),
        trace_id(trace).or_else(|| zero(trace, "traceparent-trace-id-zero")),
        parent_id(parent).or_else(|| zero(parent, "traceparent-parent-id-zero")),
        flags(flags_text).or_else(trailing),
    ];
    faults.into_iter().flatten().collect()
}

/// Why a tracer may refuse a `traceparent` that has no four fields for it.
pub(super) fn traceparent_or_refused(value: &str) -> Vec<Cause> {
    let faults = traceparent(value);
    if faults.is_empty() { vec![refused_field(value)] } else { faults }
}

/// Why a tracer may refuse a `traceparent` for its length: the fields that are too short or too long, or what follows
/// them.
pub(super) fn traceparent_lengths(fields: [&str; 4], tail: Option<&str>) -> Vec<Cause> {
    let due = [
        (2, "traceparent-version-malformed"),
        (32, "traceparent-trace-id-malformed"),
        (16, "traceparent-parent-id-malformed"),
        (2, "traceparent-flags-malformed"),
    ];
    let faults: Vec<Cause> = fields
        .into_iter()
        .zip(due)
        .filter(|(field, (length, _))| field.len() != *length)
        .map(|(_, (_, fault))| fault)
        .collect();
    match tail {
        _ if !faults.is_empty() => faults,
        Some(_) => vec!["traceparent-trailing-data"],
        None => vec!["tracers-disagree"],
    }
}

/// The fault of the first field: blanks before it are none.
pub(super) fn version(text: &str) -> Option<Cause> {
    hex_field(text.trim_start_matches(|c| Trim::C.takes(c)), 2, "traceparent-version-malformed")
}

/// The fault of the second field; zeros are none here.
pub(super) fn trace_id(text: &str) -> Option<Cause> {
    hex_field(text, 32, "traceparent-trace-id-malformed")
}

/// The fault of the third field; zeros are none here.
pub(super) fn parent_id(text: &str) -> Option<Cause> {
    hex_field(text, 16, "traceparent-parent-id-malformed")
}

/// The fault of the fourth field: blanks after it are none.
pub(super) fn flags(text: &str) -> Option<Cause> {
    hex_field(Trim::C.apply_end(text), 2, "traceparent-flags-malformed")
}

fn hex_field(text: &str, length: usize, malformed: Cause) -> Option<Cause> {
    match text {
        _ if text.len() != length || !is_hex(text, true) => Some(malformed),
        _ if !is_hex(text, false) => Some("traceparent-uppercase-hex"),
        _ => None,
    }
}

/// Why a tracer may refuse a field without a fault.
pub(super) fn refused_field(text: &str) -> Cause {
    if trimmed(text) { "header-value-control-trimmed" } else { "tracers-disagree" }
}

/// Why a tracer may refuse flags without a fault.
pub(super) fn refused_flags(text: &str) -> Cause {
    match u8::from_str_radix(Trim::C.apply(text), 16) {
        _ if trimmed(text) => "header-value-control-trimmed",
        Ok(flags) if flags > 3 => "traceparent-unknown-flags",
        _ => "tracers-disagree",
    }
}

/// Why a tracer may refuse a number without a fault.
pub(super) fn refused_number(value: &str) -> Cause {
    match value {
        _ if value.starts_with('+') => "integer-plus-sign",
        _ if trimmed(value) => "header-value-control-trimmed",
        _ => "tracers-disagree",
    }
}

/// The fault of a Datadog id; `kind` is `datadog-trace-id` or `datadog-parent-id`. A parent id may be zero.
pub(super) fn datadog_id(value: &str, kind: &str) -> Option<Cause> {
    let trace = kind == "datadog-trace-id";
    let value = Trim::C.apply(value);
    let digits = value.strip_prefix('+').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let looks_hex = trace && matches!(value.len(), 16 | 32) && is_hex(value, true);
        return Some(match (looks_hex, trace) {
            (true, _) => "datadog-trace-id-looks-hex",
            (false, true) => "datadog-trace-id-malformed",
            (false, false) => "datadog-parent-id-malformed",
        });
    }
    match digits.parse::<u64>() {
        Ok(0) => Some(if trace { "datadog-trace-id-zero" } else { "datadog-parent-id-zero" }),
        Ok(_) => None,
        Err(_) => Some(if trace { "datadog-trace-id-overflow" } else { "datadog-parent-id-overflow" }),
    }
}

/// The id that the text is for the tool, which takes a leading `+`.
pub(super) fn decimal(value: &str) -> Option<u64> {
    RUST.read(Trim::C.apply(value), 10)?.unsigned(64).map(|id| id as u64)
}

/// The fault that loses all of `x-datadog-tags`.
pub(super) fn tags(value: &str) -> Option<Cause> {
    let sound = |item: &str| {
        item.split_once('=').is_some_and(|(key, value)| {
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_graphic())
                && value.bytes().all(|b| matches!(b, b' '..=b'~'))
        })
    };
    let items = value.strip_suffix(',').unwrap_or(value);
    (!items.split(',').all(sound)).then_some("datadog-tags-malformed")
}

/// The fault of a sampling priority.
pub(super) fn priority(value: &str) -> Option<Cause> {
    let number = SIGNED.read(Trim::C.apply(value), 10).and_then(|int| int.signed(32));
    number.is_none().then_some("datadog-sampling-priority-malformed")
}

/// The fault of `_dd.p.tid`, one that only some refuse included.
pub(super) fn tid(value: &str) -> Option<Cause> {
    if value.len() != 16 || !is_hex(value, true) {
        return Some("tid-malformed");
    }
    if value.bytes().all(|b| b == b'0') {
        return Some("tid-zero");
    }
    (!is_hex(value, false)).then_some("tid-uppercase")
}

/// The fault of an id in B3; `kind` is `b3-trace-id` or `b3-span-id`. The second is whether the tool refuses it.
pub(super) fn b3_id(value: &str, kind: &str) -> Option<(Cause, bool)> {
    let trace = kind == "b3-trace-id";
    let value = Trim::C.apply(value);
    let digits = if trace { 32 } else { 16 };
    if value.is_empty() || value.len() > digits || !is_hex(value, true) {
        return Some((if trace { "b3-trace-id-malformed" } else { "b3-span-id-malformed" }, true));
    }
    if value.bytes().all(|b| b == b'0') {
        return Some(if trace { ("b3-trace-id-zero", true) } else { ("b3-span-id-zero", false) });
    }
    if value.len() != 16 && value.len() != digits {
        return Some(("b3-id-nonstandard-length", false));
    }
    (!is_hex(value, false)).then_some(("b3-uppercase-hex", false))
}

/// The fault of `x-b3-sampled`.
pub(super) fn b3_sampled(value: &str) -> Option<Cause> {
    match Trim::C.apply(value) {
        "0" | "1" => None,
        value if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => {
            Some("b3-sampled-legacy-boolean")
        }
        _ => Some("b3-sampled-invalid"),
    }
}

/// Whether characters other than SP and HTAB stand around the value.
fn trimmed(value: &str) -> bool {
    Trim::C.apply(value) != Trim::Blank.apply(value)
}

/// The header by which a style is recognised.
const STYLE_HEADERS: [(PropagationStyle, &str); 9] = [
    (PropagationStyle::Datadog, "x-datadog-trace-id"),
    (PropagationStyle::TraceContext, "traceparent"),
    (PropagationStyle::B3Multi, "x-b3-traceid"),
    (PropagationStyle::B3, "b3"),
    (PropagationStyle::Jaeger, "uber-trace-id"),
    (PropagationStyle::XRay, "x-amzn-trace-id"),
    (PropagationStyle::Gcp, "x-cloud-trace-context"),
    (PropagationStyle::OtTrace, "ot-tracer-traceid"),
    (PropagationStyle::Sw8, "sw8"),
];

/// Names that look like one of those and are read by nobody.
const NEAR_MISSES: [&str; 13] = [
    "trace-parent",
    "trace.parent",
    "trace_parent",
    "x-traceparent",
    "trace-state",
    "trace.state",
    "trace_state",
    "x-tracestate",
    "x-datadog-traceid",
    "x-datadog-parentid",
    "x-datadog-span-id",
    "x-b3-trace-id",
    "x-b3-span-id",
];

/// Notes the headers that could have carried a trace and that the tracer does not read.
pub(super) fn unread(profile: &Profile, headers: &Delivered, causes: &mut Vec<Cause>) {
    let names = || headers.headers.iter().map(|(name, _)| Trim::Blank.apply(name));
    if names().any(|name| NEAR_MISSES.iter().any(|miss| miss.eq_ignore_ascii_case(name))) {
        note(causes, "header-name-near-miss");
    }
    let cgi = names().any(|name| STYLE_HEADERS.iter().any(|(_, header)| is_cgi_form(name, header)));
    if cgi && !headers.rule.cgi_names {
        note(causes, "header-name-cgi-form");
    }
    let reads = |style| {
        let multi_only =
            style == PropagationStyle::B3 && profile.quirks.b3.as_ref().is_some_and(|b3| b3.single == Single::IsMulti);
        !multi_only && profile.styles.contains(&Style::Known(style))
    };
    if STYLE_HEADERS
        .iter()
        .any(|(style, header)| !reads(*style) && names().any(|name| name.eq_ignore_ascii_case(header)))
    {
        note(causes, "style-not-enabled");
    }
}

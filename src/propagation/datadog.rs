//! `x-datadog-*`, Datadog's own headers (documented with each tracer; limits of dd-trace-cpp).
//!
//! ```text
//! x-datadog-trace-id: 12379814468735227512         low 64 bits, decimal
//! x-datadog-parent-id: 987654321                   decimal; 0 for no parent
//! x-datadog-sampling-priority: 2                   -1, 0, 1, 2
//! x-datadog-origin: synthetics
//! x-datadog-tags: _dd.p.tid=640cfd8d00000000,_dd.p.dm=-4
//!                 │                         └ decision maker
//!                 └ high 64 bits, hex
//! ```

use super::carrier::{Carrier, Name, Single, Value, shown, split, visible};
use super::number::{NotANumber, hex, hex64, int32, is_hex, unsigned};
use super::{Yield, codes, report_open};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use std::fmt::Write as _;
use std::ops::Range;

/// Most bytes of x-datadog-tags.
pub(super) const TAGS_LIMIT: usize = 512;
/// More keys than this do not fit in the limit, so no more are compared.
const KEYS: usize = 64;

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
    let high = tags(carrier, context);
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
            let message = format!("{} {} came without x-datadog-trace-id", value.name, shown(value.text));
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
    let name = value.name;
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

/// Whether a decision maker is `-` and a number up to 255 without leading zeros.
pub(super) fn is_decision_maker(value: &str) -> bool {
    let Some(digits) = value.strip_prefix('-') else { return false };
    let canonical = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    canonical && digits.parse::<u8>().is_ok()
}

/// Whether a trace source is 1 to 8 hex digits.
pub(super) fn is_trace_source(value: &str) -> bool {
    (1..=8).contains(&value.len()) && value.bytes().all(is_hex)
}

fn is_key(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && byte != b',' && byte != b'='
}

fn is_value(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b','
}

/// Reads x-datadog-tags into the context; the high half of the trace id.
fn tags(carrier: &mut Carrier, context: &mut SpanContext) -> u64 {
    let Some(values) = carrier.values(Name::DatadogTags) else { return 0 };
    let values = values.as_slice();
    if let Some(second) = values.get(1) {
        carrier.fault(codes::HEADER_DUPLICATE_JOINED, second, 0..second.text.len(), || {
            let joined: Vec<&str> = values.iter().map(|value| value.text).collect();
            let message = format!("x-datadog-tags came in {} fields; most tracers read only the first", values.len());
            (message, format!("x-datadog-tags: {}", joined.join(",")))
        });
    }
    if let [value] = values
        && value.text.is_empty()
    {
        return 0;
    }
    let length = values.iter().map(|value| value.text.len() + 1).sum::<usize>() - 1;
    let mut items = Items::default();
    for (at, value) in values.iter().enumerate() {
        for (start, item) in split(value.text, b',') {
            if item.is_empty() && at + 1 == values.len() && start == value.text.len() {
                carrier.fault(codes::DATADOG_TAGS_TRAILING_COMMA, value, start.saturating_sub(1)..start, || {
                    let tags = value.text.trim_end_matches(',');
                    (
                        "x-datadog-tags ends in a comma; dd-trace-js then drops all tags".into(),
                        format!("x-datadog-tags: {tags}"),
                    )
                });
                break;
            }
            items.take(carrier, context, value, start, item);
        }
    }
    let high = items.judge(carrier, context);
    let Some(first) = values.first() else { return 0 };
    if length > TAGS_LIMIT {
        carrier.fault(codes::DATADOG_TAGS_TOO_LONG, first, 0..first.text.len(), || {
            let message = format!("x-datadog-tags has {length} bytes, more than {TAGS_LIMIT}; all tags are dropped");
            (message, "send fewer or shorter tags".into())
        });
    }
    if length > TAGS_LIMIT || items.malformed {
        for value in values {
            carrier.reject(value);
        }
        context.trace_tags.clear();
        context.propagation_error.set(if length > TAGS_LIMIT { "extract_max_size" } else { "decoding_error" });
        return 0;
    }
    high
}

/// A value of x-datadog-tags with its field and where it begins there.
type Place<'h> = (Value<'h>, usize, &'h str);

/// Items of x-datadog-tags while they are read. Of a repeated key the last value counts, so what is judged is judged
/// in the end.
#[derive(Default)]
struct Items<'h> {
    malformed: bool,
    tid: Option<Place<'h>>,
    decision_maker: Option<Place<'h>>,
    trace_source: Option<Place<'h>>,
}

impl<'h> Items<'h> {
    fn take(
        &mut self,
        carrier: &mut Carrier,
        context: &mut SpanContext,
        field: &Value<'h>,
        start: usize,
        item: &'h str,
    ) {
        let whole = visible(field, start, item);
        let Some((key, value)) = item.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            self.malformed = true;
            carrier.fault(codes::DATADOG_TAGS_MALFORMED, field, whole, || {
                let what = match item {
                    "" => "an empty item".to_owned(),
                    _ if item.starts_with('=') => format!("item {} without a key", shown(item)),
                    _ => format!("item {} without `=`", shown(item)),
                };
                (
                    format!("x-datadog-tags has {what}; all tags are dropped"),
                    "items are key=value, joined by one comma".into(),
                )
            });
            return;
        };
        if !key.bytes().all(is_key) || !value.bytes().all(is_value) {
            self.malformed = true;
            let legal = |at: usize, byte: u8| if at < key.len() { is_key(byte) } else { is_value(byte) };
            let first = item.bytes().enumerate().position(|(at, byte)| !legal(at, byte)).unwrap_or_default();
            let end =
                item.get(first..).and_then(|rest| rest.chars().next()).map_or(item.len(), |c| first + c.len_utf8());
            carrier.fault(codes::DATADOG_TAGS_MALFORMED, field, start + first..start + end, || {
                let bad = shown(item.get(first..end).unwrap_or(item));
                let message = format!("x-datadog-tags has {bad} in item {}; all tags are dropped", shown(item));
                (message, "keys are printable ASCII without blank, values printable ASCII without comma".into())
            });
            return;
        }
        let repeated = match key {
            "_dd.p.upstream_services" => return report_ignored_key(carrier, field, whole, key),
            "_dd.p.tid" => self.tid.replace((*field, start + key.len() + 1, value)).is_some(),
            _ if !key.starts_with("_dd.p.") => return report_ignored_key(carrier, field, whole, key),
            _ => {
                match key {
                    "_dd.p.dm" => self.decision_maker = Some((*field, start + key.len() + 1, value)),
                    "_dd.p.ts" => self.trace_source = Some((*field, start + key.len() + 1, value)),
                    _ => {}
                }
                // Only a header over the limit has more, and its tags are dropped.
                context.trace_tags.len() < KEYS && context.trace_tags.insert(key, value)
            }
        };
        if repeated {
            carrier.fault(codes::DATADOG_TAGS_DUPLICATE_KEY, field, whole.clone(), || {
                (format!("tag {key} stands twice; the last value, {}, counts", shown(value)), format!("{key}={value}"))
            });
        }
        if value.is_empty() {
            carrier.fault(codes::DATADOG_TAGS_EMPTY_VALUE, field, whole, || {
                let message = format!("tag {key} has an empty value; ddtrace then drops all tags");
                (message, format!("give {key} a value, or remove it"))
            });
        }
    }

    /// Looks at the tags that have a grammar; the high half of the trace id.
    fn judge(&self, carrier: &mut Carrier, context: &mut SpanContext) -> u64 {
        let mut high = 0;
        if let Some((field, start, text)) = self.tid {
            let range = start..start + text.len();
            match hex64(text).filter(|_| text.len() == 16) {
                None => {
                    carrier.fault(codes::TID_MALFORMED, &field, range, || {
                        let message =
                            format!("_dd.p.tid {} is not 16 hex digits; the trace id keeps 64 bits", shown(text));
                        (message, "_dd.p.tid is the high half of the trace id: 16 lower-case hex digits".into())
                    });
                    let error = context.propagation_error.begin();
                    error.push_str("malformed_tid ");
                    error.push_str(text);
                }
                Some((0, _)) => carrier.fault(codes::TID_ZERO, &field, range, || {
                    ("_dd.p.tid is all zero, which says nothing".into(), "leave _dd.p.tid out of 64-bit traces".into())
                }),
                Some((tid, upper)) => {
                    if upper {
                        carrier.fault(codes::TID_UPPERCASE, &field, range, || {
                            let message = format!("_dd.p.tid {text} is upper-case; ddtrace and dd-trace-go reject it");
                            (message, format!("_dd.p.tid={tid:016x}"))
                        });
                    }
                    high = tid;
                }
            }
        }
        if let Some((field, start, text)) = self.decision_maker.filter(|(.., text)| !is_decision_maker(text)) {
            carrier.fault(codes::DECISION_MAKER_INVALID, &field, start..start + text.len(), || {
                let message = format!("decision maker {} is not - and a number up to 255; it is dropped", shown(text));
                (message, "_dd.p.dm=-1".into())
            });
            context.trace_tags.remove("_dd.p.dm");
            context.propagation_error.set("decoding_error");
        }
        if let Some((field, start, text)) = self.trace_source.filter(|(.., text)| !is_trace_source(text)) {
            carrier.fault(codes::TRACE_SOURCE_INVALID, &field, start..start + text.len(), || {
                (format!("trace source {} is not 1 to 8 hex digits", shown(text)), "_dd.p.ts=02".into())
            });
        }
        high
    }
}

/// `datadog-tags-ignored-key`
fn report_ignored_key(carrier: &mut Carrier, field: &Value<'_>, range: Range<usize>, key: &str) {
    carrier.fault(codes::DATADOG_TAGS_IGNORED_KEY, field, range, || {
        let message = format!("tag {key} is not propagated; dd-trace-js then drops all tags");
        (message, format!("remove {key}; only _dd.p.* tags travel here"))
    });
}

/// Writes the five headers; the propagation error of the tags.
pub(super) fn inject(
    context: &SpanContext,
    limit: usize,
    headers: &mut Headers,
    out: &mut Diagnostics,
) -> Option<&'static str> {
    headers.push("x-datadog-trace-id", context.trace_id.low().to_string());
    headers.push("x-datadog-parent-id", context.span_id.0.to_string());
    if let Some(priority) = context.priority {
        headers.push("x-datadog-sampling-priority", priority.to_string());
    }
    if let Some(origin) = context.origin.as_deref().filter(|origin| !origin.is_empty()) {
        headers.push("x-datadog-origin", origin);
    }
    let mut text = String::new();
    if context.trace_id.high() != 0 {
        let _ = write!(text, "_dd.p.tid={:016x}", context.trace_id.high());
    }
    let tags = || context.trace_tags.iter().filter(|(key, _)| *key != "_dd.p.tid");
    for (key, value) in tags() {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    if text.is_empty() {
        return None;
    }
    let illegal =
        |(key, value): &(&str, &str)| key.is_empty() || !key.bytes().all(is_key) || !value.bytes().all(is_value);
    let (code, error, message, help) = if limit == 0 {
        let message = "x-datadog-tags is turned off and left out".to_owned();
        (codes::INJECT_TAGS_DISABLED, "disabled", message, "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH=512")
    } else if let Some((key, _)) = tags().find(illegal) {
        let message =
            format!("tag {} has a character that x-datadog-tags cannot carry; all tags are left out", shown(key));
        (codes::INJECT_TAGS_ENCODING_ERROR, "encoding_error", message, "use printable ASCII without comma")
    } else if text.len() > limit {
        let message = format!("x-datadog-tags would have {} bytes, more than {limit}; it is left out", text.len());
        (codes::INJECT_TAGS_TOO_LONG, "inject_max_size", message, "send fewer or shorter tags")
    } else {
        headers.push("x-datadog-tags", text);
        return None;
    };
    out.report(Diagnostic::new(code, message).help(help));
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of, injected, only_codes};
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

    fn tagged(tags: &str) -> (SpanContext, Vec<&'static str>) {
        let mut headers = IDS.to_vec();
        headers.push(("x-datadog-tags", tags));
        let codes = only_codes(&headers, STYLES).into_iter().filter(|code| *code != "trace-id-64bit").collect();
        (context_of(&headers, STYLES).expect("a context"), codes)
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

    #[test]
    fn tags() {
        for (tags, kept, codes) in [
            ("_dd.p.a= b = c ", &[("_dd.p.a", " b = c")][..], &[][..]),
            ("_dd.p.a=1,_dd.p.b=2,_dd.p.a=3", &[("_dd.p.a", "3"), ("_dd.p.b", "2")], &["datadog-tags-duplicate-key"]),
            ("_dd.p.a=1,,", &[], &["datadog-tags-malformed", "datadog-tags-trailing-comma"]),
            (",", &[], &["datadog-tags-malformed", "datadog-tags-trailing-comma"]),
            ("_dd.p.a=1, _dd.p.b=2", &[], &["datadog-tags-malformed"]),
            ("_dd.p.a=\u{e9}", &[], &["datadog-tags-malformed"]),
            ("=1", &[], &["datadog-tags-malformed"]),
            ("_dd.p.a=", &[("_dd.p.a", "")], &["datadog-tags-empty-value"]),
            ("_dd.p.upstream_services=x,_dd.p.a=1", &[("_dd.p.a", "1")], &["datadog-tags-ignored-key"]),
            ("_dd.p.dm=-0", &[("_dd.p.dm", "-0")], &[]),
            ("_dd.p.dm=-255", &[("_dd.p.dm", "-255")], &[]),
            ("_dd.p.dm=-256", &[], &["decision-maker-invalid"]),
            ("_dd.p.dm=-01", &[], &["decision-maker-invalid"]),
            ("_dd.p.dm=-+1", &[], &["decision-maker-invalid"]),
            ("_dd.p.dm=-", &[], &["decision-maker-invalid"]),
            ("_dd.p.dm=x,_dd.p.dm=-1", &[("_dd.p.dm", "-1")], &["datadog-tags-duplicate-key"]),
            ("_dd.p.ts=0F", &[("_dd.p.ts", "0F")], &[]),
            ("_dd.p.ts=123456789", &[("_dd.p.ts", "123456789")], &["trace-source-invalid"]),
        ] {
            let (context, found) = tagged(tags);
            assert_eq!(context.trace_tags, kept.iter().copied().collect(), "{tags}");
            assert_eq!(found, codes, "{tags}");
        }
    }

    #[test]
    fn the_high_half_and_the_errors_of_tags() {
        for (tags, high, error) in [
            ("_dd.p.tid=67F3a2b400000000", 0x67f3_a2b4_0000_0000, None),
            ("_dd.p.tid=0000000000000000", 0, None),
            ("_dd.p.tid=", 0, Some("malformed_tid ")),
            ("_dd.p.tid=beef,_dd.p.tid=67f3a2b400000000", 0x67f3_a2b4_0000_0000, None),
            ("_dd.p.tid=67f3a2b400000000,oops", 0, Some("decoding_error")),
            ("_dd.p.tid=beef,_dd.p.dm=x", 0, Some("decoding_error")),
        ] {
            let (context, _) = tagged(tags);
            assert_eq!((context.trace_id.high(), context.propagation_error.as_deref()), (high, error), "{tags}");
        }
        let long = format!("_dd.p.tid=67f3a2b400000000,_dd.p.a={}", "x".repeat(500));
        let (context, codes) = tagged(&long);
        assert_eq!((context.trace_id, context.propagation_error.as_deref()), (TraceId(7), Some("extract_max_size")));
        assert_eq!(codes, ["datadog-tags-too-long"]);
    }

    #[test]
    fn tags_that_cannot_be_written_are_left_out() {
        let mut context = SpanContext { trace_id: TraceId(7), span_id: SpanId(8), ..SpanContext::default() };
        let write = |context: &SpanContext, limit| {
            let mut headers = Headers::default();
            let error = inject(context, limit, &mut headers, &mut Diagnostics::default());
            (headers.get("x-datadog-tags").map(str::to_owned), error)
        };
        assert_eq!(write(&context, 0), (None, None));
        context.trace_tags.insert("_dd.p.a", "1");
        assert_eq!(write(&context, 9), (Some("_dd.p.a=1".into()), None));
        assert_eq!(write(&context, 8), (None, Some("inject_max_size")));
        assert_eq!(write(&context, 0), (None, Some("disabled")));
        context.trace_tags.insert("_dd.p.b", "x,y");
        assert_eq!(write(&context, 512), (None, Some("encoding_error")));
        assert_eq!(injected(&context, Datadog).1, ["inject-tags-encoding-error"]);
    }
}

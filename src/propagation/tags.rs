//! `x-datadog-tags`: tags of the whole trace, and the high half of its id (documented with each tracer; limits of
//! dd-trace-cpp).
//!
//! ```text
//! x-datadog-tags: _dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.ts=02
//!                 │                          │           └ trace source: bits in hex
//!                 │                          └ decision maker: `-` and the number of a mechanism
//!                 └ high 64 bits of the trace id, hex
//! ```

use super::carrier::{Carrier, Name, Value, cut, is_visible, shown, split, visible};
use super::codes;
use super::number::{hex64, is_hex, push_hex};
use crate::context::SpanContext;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::http::Headers;
use std::ops::Range;

/// Most bytes of x-datadog-tags.
pub(super) const LIMIT: usize = 512;
/// More keys than this do not fit in the limit, so no more are compared.
const KEYS: usize = 64;

/// Whether a decision maker is `-` and a number up to 255 without leading zeros.
pub(super) fn is_decision_maker(value: &str) -> bool {
    let Some(digits) = value.strip_prefix('-') else { return false };
    if let [digit] = digits.as_bytes() {
        return digit.is_ascii_digit();
    }
    let canonical = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
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
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> u64 {
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
    if length > LIMIT {
        carrier.fault(codes::DATADOG_TAGS_TOO_LONG, first, 0..first.text.len(), || {
            let message = format!("x-datadog-tags has {length} bytes, more than {LIMIT}; all tags are dropped");
            (message, "send fewer or shorter tags".into())
        });
    }
    if length > LIMIT || items.malformed {
        for value in values {
            carrier.reject(value);
        }
        context.trace_tags.clear();
        context.propagation_error.set(if length > LIMIT { "extract_max_size" } else { "decoding_error" });
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
        let Some((key, value)) = cut(item, b'=').filter(|(key, _)| !key.is_empty()) else {
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
        // Neither has a comma, as items are parted at it, and the key ends before the first `=`.
        if !is_visible(key, b'!') || !is_visible(value, b' ') {
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

const TID: &str = "_dd.p.tid=";

/// Writes the header; the propagation error when it is left out.
pub(super) fn inject(
    context: &SpanContext,
    limit: usize,
    headers: &mut Headers,
    out: &mut Diagnostics,
) -> Option<&'static str> {
    let tags = || context.trace_tags.iter().filter(|(key, _)| *key != "_dd.p.tid");
    let high = Some(context.trace_id.high()).filter(|high| *high != 0);
    // A comma before each but the first.
    let lengths = tags().map(|(key, value)| key.len() + value.len() + 2);
    let length = (lengths.sum::<usize>() + high.map_or(0, |_| TID.len() + 17)).saturating_sub(1);
    if length == 0 {
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
    } else if length > limit {
        let message = format!("x-datadog-tags would have {length} bytes, more than {limit}; it is left out");
        (codes::INJECT_TAGS_TOO_LONG, "inject_max_size", message, "send fewer or shorter tags")
    } else {
        headers.push_written("x-datadog-tags", |text| {
            text.reserve(length);
            if let Some(high) = high {
                text.push_str(TID);
                push_hex(text, high);
            }
            for (key, value) in tags() {
                if !text.is_empty() {
                    text.push(',');
                }
                for part in [key, "=", value] {
                    text.push_str(part);
                }
            }
        });
        return None;
    };
    out.report(Diagnostic::new(code, message).help(help));
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context_of, injected, only_codes};
    use super::*;
    use crate::context::PropagationStyle::{self, Datadog};
    use crate::id::{SpanId, TraceId};

    const STYLES: &[PropagationStyle] = &[Datadog];
    const IDS: [(&str, &str); 3] =
        [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8"), ("x-datadog-sampling-priority", "1")];

    fn tagged(tags: &str) -> (SpanContext, Vec<&'static str>) {
        let mut headers = IDS.to_vec();
        headers.push(("x-datadog-tags", tags));
        let codes = only_codes(&headers, STYLES).into_iter().filter(|code| *code != "trace-id-64bit").collect();
        (context_of(&headers, STYLES).expect("a context"), codes)
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

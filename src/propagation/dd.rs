//! The member `dd` of tracestate: what Datadog's tracers add to a W3C trace context (documented with each tracer).
//!
//! ```text
//! dd=s:2;p:00f067aa0ba902b7;o:rum;t.dm:-4;t.usr.id:Ym9i~~;x:y
//!    │   │                  │     │       │               └ unknown, sent on as it is
//!    │   │                  │     │       └ tag _dd.p.usr.id; `~` stands for `=`
//!    │   │                  │     └ tag _dd.p.dm, the decision maker
//!    │   │                  └ origin
//!    │   └ last Datadog parent
//!    └ sampling priority
//! ```

use super::carrier::{Carrier, Value, cut, shown, split};
use super::{codes, datadog, number, tags};
use crate::context::{SamplingPriority, SpanContext};
use crate::diagnostic::{Diagnostic, Diagnostics};
use std::ops::Range;

/// Most characters of `dd=` and its value when they are written.
const LONGEST: usize = 256;

/// Reads the member, which begins at `start` of the header's value, into the context. `sampled` is the flag of
/// traceparent.
pub(super) fn extract<'h>(
    carrier: &mut Carrier<'h, '_>,
    context: &mut SpanContext,
    value: &Value<'h>,
    (start, text): (usize, &str),
    sampled: bool,
) {
    Dd { carrier, value: *value, context }.read(start, text, sampled);
}

/// The `dd` member while it is read into the context.
struct Dd<'d, 'h, 'x> {
    carrier: &'d mut Carrier<'h, 'x>,
    value: Value<'h>,
    context: &'d mut SpanContext,
}

impl Dd<'_, '_, '_> {
    fn read(mut self, start: usize, dd: &str, sampled: bool) {
        // The last `s`, as number where it is one, and its place.
        let mut priority = None;
        let (mut seen_origin, mut seen_parent, mut seen_tid) = (false, false, false);
        for (at, field) in split(dd, b';') {
            if field.is_empty() {
                continue;
            }
            let from = start + at;
            let range = from..from + field.len();
            let Some((key, value)) = cut(field, b':').filter(|(key, _)| !key.is_empty() && *key != "t.") else {
                self.carrier.fault(codes::DD_FIELD_MALFORMED, &self.value, range, || {
                    let message = format!("field {} of dd has no key or no colon and is skipped", shown(field));
                    (message, "write key:value, or remove it; ddtrace ignores the whole member otherwise".into())
                });
                continue;
            };
            let of_value = from + key.len() + 1..range.end;
            let repeated = match key {
                "s" => {
                    let repeated = priority.is_some();
                    priority = Some((self.priority(value, of_value.clone()), of_value));
                    repeated
                }
                "o" => {
                    if value.is_empty() {
                        self.context.origin.clear();
                    } else {
                        decode_into(self.context.origin.begin(), value);
                    }
                    std::mem::replace(&mut seen_origin, true)
                }
                "p" => {
                    self.context.last_datadog_parent.set(value);
                    if number::lower_hex(value, 16).is_none() {
                        self.carrier.fault(codes::DD_PARENT_ID_MALFORMED, &self.value, of_value, || {
                            let message = format!("last parent {} is not 16 lower-case hex digits", shown(value));
                            let (id, help) = (number::hex64(value), "p is the span id in 16 lower-case hex digits");
                            (message, id.map_or(help.into(), |(id, _)| format!("p:{id:016x}")))
                        });
                    }
                    std::mem::replace(&mut seen_parent, true)
                }
                "t.tid" => {
                    self.tid(value, of_value);
                    std::mem::replace(&mut seen_tid, true)
                }
                _ if key.starts_with("t.") => self.tag(&key[2..], value, of_value),
                _ => {
                    if key == "ts" {
                        self.carrier.fault(codes::DD_TS_FIELD_NONSTANDARD, &self.value, range.clone(), || {
                            (format!("field {field} is not known; the trace source is t.ts"), format!("t.{field}"))
                        });
                    }
                    let earlier = dd.get(..at).unwrap_or_default();
                    split(earlier, b';').any(|(_, other)| cut(other, b':').is_some_and(|(other, _)| other == key))
                }
            };
            if repeated {
                self.carrier.fault(codes::DD_FIELD_DUPLICATE, &self.value, range, || {
                    (format!("field {key} stands twice in dd; the last one, {}, counts", shown(field)), field.into())
                });
            }
        }
        if let Some((Some(priority), range)) = priority {
            self.reconcile(SamplingPriority(priority), range, sampled);
        }
    }

    fn priority(&mut self, value: &str, range: Range<usize>) -> Option<i32> {
        let number = number::int32(value);
        match number {
            None => self.carrier.fault(codes::DD_SAMPLING_PRIORITY_INVALID, &self.value, range, || {
                let message =
                    format!("sampling priority {} is no integer and is ignored; the flag counts", shown(value));
                (message, "s is -1, 0, 1 or 2".into())
            }),
            Some((number, plus)) => datadog::report_priority(self.carrier, &self.value, range, value, number, plus),
        }
        number.map(|(number, _)| number)
    }

    fn tid(&mut self, value: &str, range: Range<usize>) {
        let high = self.context.trace_id.high();
        match number::hex64(value).filter(|_| value.len() == 16) {
            None => self.carrier.fault(codes::TID_MALFORMED, &self.value, range, || {
                (format!("t.tid {} is not 16 hex digits and is not used", shown(value)), format!("t.tid:{high:016x}"))
            }),
            Some((tid, _)) if tid != high => self.carrier.fault(codes::TID_INCONSISTENT, &self.value, range, || {
                let message =
                    format!("t.tid {value} differs from the high half {high:016x} of traceparent, which counts");
                (message, format!("t.tid:{high:016x}"))
            }),
            Some(_) => {}
        }
    }

    /// A tag; whether it was there before.
    fn tag(&mut self, name: &str, value: &str, range: Range<usize>) -> bool {
        match name {
            "dm" if !tags::is_decision_maker(value) => {
                self.carrier.fault(codes::DECISION_MAKER_INVALID, &self.value, range, || {
                    let message =
                        format!("decision maker {} is not - and a number up to 255; it is carried on", shown(value));
                    (message, "t.dm:-1".into())
                });
            }
            "ts" if !tags::is_trace_source(value) => {
                self.carrier.fault(codes::TRACE_SOURCE_INVALID, &self.value, range, || {
                    (format!("trace source {} is not 1 to 8 hex digits", shown(value)), "t.ts:02".into())
                });
            }
            _ => {}
        }
        let key = ["_dd.p.", name];
        if value.contains('~') {
            self.context.trace_tags.insert_joined(key, &value.replace('~', "="))
        } else {
            self.context.trace_tags.insert_joined(key, value)
        }
    }

    /// Joins `s` with the flag: the flag decides, `s` says it more exactly.
    fn reconcile(&mut self, priority: SamplingPriority, range: Range<usize>, sampled: bool) {
        if priority.sampled() == sampled {
            self.context.priority = Some(priority);
            return;
        }
        let flag = u8::from(sampled);
        self.carrier.fault(codes::DD_SAMPLING_CONFLICT, &self.value, range, || {
            let message = format!("s:{priority} disagrees with the sampled flag {flag}, which counts");
            (message, format!("s:{flag}; find the hop that changed the flag and is not Datadog's"))
        });
        if sampled {
            self.context.trace_tags.insert("_dd.p.dm", "-0");
        } else {
            self.context.trace_tags.remove("_dd.p.dm");
        }
    }
}

/// `~` stands for `=`.
fn decode_into(text: &mut String, value: &str) {
    let mut parts = value.split('~');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        text.push('=');
        text.push_str(part);
    }
}

/// Fields of `dd` without a known meaning, a repeated one once with its last value.
pub(super) fn unknown_fields(dd: &str) -> impl Iterator<Item = (&str, &str)> {
    let known = |key: &str| key.is_empty() || matches!(key, "s" | "o" | "p") || key.starts_with("t.");
    let fields = move || split(dd, b';').filter_map(|(at, field)| Some((at, cut(field, b':')?)));
    fields().filter_map(move |(at, (key, value))| {
        if known(key) || fields().any(|(earlier, (other, _))| earlier < at && other == key) {
            return None;
        }
        let last = fields().filter(|(later, (other, _))| *later > at && *other == key).last();
        Some((key, last.map_or(value, |(_, (_, value))| value)))
    })
}

/// Writes `dd=...` into an empty text, cut to 256 characters by leaving out fields from the right.
pub(super) fn write(text: &mut String, context: &SpanContext, out: &mut Diagnostics) {
    text.reserve(64 + context.tracestate.as_str().len());
    text.push_str("dd=");
    if let Some(priority) = context.priority {
        text.push_str("s:");
        number::push_int(text, priority.0);
        text.push(';');
    }
    text.push_str("p:");
    number::push_hex(text, context.span_id.0);
    let mut substituted = Vec::new();
    if let Some(origin) = context.origin.as_deref().filter(|origin| !origin.is_empty()) {
        text.push_str(";o:");
        if push_value(text, origin) {
            substituted.push("origin");
        }
    }
    for (key, value) in context.trace_tags.iter() {
        let Some(name) = key.strip_prefix("_dd.p.").filter(|name| *name != "tid") else { continue };
        text.push_str(";t.");
        let in_name = push_name(text, name);
        text.push(':');
        if push_value(text, value) || in_name {
            substituted.push(key);
        }
    }
    for (key, value) in unknown_fields(context.tracestate.get("dd").unwrap_or_default()) {
        for part in [";", key, ":", value] {
            text.push_str(part);
        }
    }
    if !substituted.is_empty() {
        let message = format!("characters of {} that tracestate cannot carry were replaced", substituted.join(", "));
        let help = "use printable ASCII without , ; and ~ in values";
        out.report(Diagnostic::new(codes::INJECT_DD_SUBSTITUTED, message).help(help));
    }
    // No field has a `;` inside, so whole fields end at one.
    if text.len() > LONGEST
        && let Some(end) = text.bytes().take(LONGEST + 1).rposition(|byte| byte == b';')
    {
        let cut = shown(text.get(end + 1..).unwrap_or_default());
        let message = format!("dd has {} characters, more than {LONGEST}; left out: {cut}", text.len());
        out.report(Diagnostic::new(codes::INJECT_DD_TRUNCATED, message).help("send fewer or shorter tags"));
        text.truncate(end);
    }
}

/// Appends an origin or the value of a tag; whether a character was lost.
fn push_value(text: &mut String, value: &str) -> bool {
    if value.bytes().all(|byte| matches!(byte, b' '..b'~') && !matches!(byte, b',' | b';' | b'=')) {
        text.push_str(value);
        return false;
    }
    let mut lost = false;
    for c in value.chars() {
        text.push(match c {
            '=' => '~',
            ' '..='~' if !matches!(c, ',' | ';' | '~') => c,
            _ => {
                lost = true;
                '_'
            }
        });
    }
    lost
}

/// Appends the name of a tag; whether a character was lost.
fn push_name(text: &mut String, name: &str) -> bool {
    if name.bytes().all(|byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b',' | b';' | b'=')) {
        text.push_str(name);
        return false;
    }
    let mut lost = false;
    for c in name.chars() {
        text.push(match c {
            '!'..='~' if !matches!(c, ',' | ';' | '=') => c,
            _ => {
                lost = true;
                '_'
            }
        });
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::super::tests::{context_of, injected, only_codes};
    use super::*;
    use crate::context::PropagationStyle::{self, TraceContext};

    const PARENT: &str = "00-6a5c1f0e9d8b7a63e4f2c1d0b9a89786-3c2b1a09f8e7d6c5-01";
    const DROPPED: &str = "00-6a5c1f0e9d8b7a63e4f2c1d0b9a89786-3c2b1a09f8e7d6c5-00";
    const STYLES: &[PropagationStyle] = &[TraceContext];

    fn context(state: &str) -> SpanContext {
        context_of(&[("traceparent", PARENT), ("tracestate", state)], STYLES).expect("a context")
    }

    fn names(state: &str) -> Vec<&'static str> {
        only_codes(&[("traceparent", PARENT), ("tracestate", state)], STYLES)
    }

    #[test]
    fn fields_of_dd() {
        let context = context("dd=o:a~b;x:1;s:+2;t.a:1~2;t.a:3;p:zz;o:;x:2;y;t.:1;:1;t.tid:6a5c1f0e9d8b7a63;ts:02");
        assert_eq!(context.priority, Some(SamplingPriority(2)));
        assert_eq!(context.origin.as_deref(), None);
        assert_eq!(context.last_datadog_parent.as_deref(), Some("zz"));
        assert_eq!(context.trace_tags, [("_dd.p.a", "3")].into_iter().collect());
        let unknown: Vec<_> = unknown_fields(context.tracestate.get("dd").unwrap_or_default()).collect();
        assert_eq!(unknown, [("x", "2"), ("ts", "02")]);
        assert_eq!(
            names("dd=o:a;x:1;s:+2;t.a:1;t.a:3;p:zz;o:;x:2;y;t.:1;:1;t.tid:beef;ts:02;t.dm:4;t.ts:x"),
            [
                "integer-plus-sign",
                "dd-field-duplicate",
                "dd-parent-id-malformed",
                "dd-field-duplicate",
                "dd-field-duplicate",
                "dd-field-malformed",
                "dd-field-malformed",
                "dd-field-malformed",
                "tid-malformed",
                "dd-ts-field-nonstandard",
                "decision-maker-invalid",
                "trace-source-invalid",
            ]
        );
    }

    #[test]
    fn flag_and_priority_are_reconciled() {
        let read = |parent: &str, dd: &str| {
            let state = format!("dd={dd}");
            let context = context_of(&[("traceparent", parent), ("tracestate", &state)], STYLES).expect("a context");
            (context.priority.map(|priority| priority.0), context.trace_tags.get("_dd.p.dm").map(str::to_owned))
        };
        for (parent, dd, priority, maker) in [
            (PARENT, "t.dm:-4", 1, Some("-4")),
            (PARENT, "s:x;t.dm:-4", 1, Some("-4")),
            (PARENT, "s:2;s:x", 1, None),
            (PARENT, "s:2;t.dm:-4", 2, Some("-4")),
            (PARENT, "s:0", 1, Some("-0")),
            (PARENT, "t.dm:-4;s:-1", 1, Some("-0")),
            (DROPPED, "s:-1;t.dm:-4", -1, Some("-4")),
            (DROPPED, "s:2;t.dm:-4", 0, None),
            (DROPPED, "s:2147483648", 0, None),
        ] {
            assert_eq!(read(parent, dd), (Some(priority), maker.map(str::to_owned)), "{dd}");
        }
    }

    #[test]
    fn what_is_written_is_replaced_cut_and_limited() {
        let mut context = context("future:1,dd=s:1;zz:9,a=1,b=2");
        context.origin.set("x;y~z=\u{53f0}");
        context.trace_tags.insert("_dd.p.n,=;\u{e9} ", "v ,");
        let (headers, codes) = injected(&context, TraceContext);
        assert_eq!(headers.get("tracestate"), Some("dd=s:1;p:3c2b1a09f8e7d6c5;o:x_y_z~_;t.n_____:v _;zz:9,a=1,b=2"));
        assert_eq!(codes, ["inject-dd-substituted"]);

        context.trace_tags.clear();
        context.origin.clear();
        // `dd=s:1;p:<16>` has 25 characters, `;t.a:` 5, so 226 more fit.
        for (length, fits) in [(226, true), (227, false)] {
            context.tracestate.clear();
            context.trace_tags.insert("_dd.p.a", &"v".repeat(length));
            let (headers, codes) = injected(&context, TraceContext);
            assert_eq!(headers.get("tracestate").map(str::len), Some(if fits { 256 } else { 25 }), "{length}");
            assert_eq!(codes.is_empty(), fits, "{length}");
        }
    }
}

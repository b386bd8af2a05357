//! `tracestate`: what each vendor adds to a W3C trace context, with the members `dd` of Datadog and `ot` of
//! OpenTelemetry (W3C Trace Context, section 3.3; the Datadog and OpenTelemetry members by their own documents).
//!
//! ```text
//! dd=s:2;p:00f067aa0ba902b7;o:rum;t.dm:-4,ot=th:8;rv:0123456789abcd,acme=x
//!    │   │                  │     │       │  └ keep when rv >= th, out of 2^56
//!    │   │                  │     │       └ another member
//!    │   │                  │     └ tag _dd.p.dm; `~` stands for `=`
//!    │   │                  └ origin
//!    │   └ last Datadog parent
//!    └ sampling priority
//! ```

use super::carrier::{Carrier, Name, Value, shown, split, visible, without_blanks};
use super::{codes, datadog, number};
use crate::context::{SamplingPriority, SpanContext};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::http::Headers;
use std::fmt::Write as _;

/// Most members of a list.
const MEMBERS: usize = 32;
/// Most characters of a key and of a value.
const LONGEST: usize = 256;
/// Bytes that every receiver should carry on.
const CARRIED: usize = 512;

/// Reports a tracestate that has no sound traceparent beside it.
pub(super) fn discard(carrier: &mut Carrier) {
    let Some(values) = carrier.values(Name::Tracestate) else { return };
    let values = values.as_slice();
    report_several(carrier, values);
    if let Some(value) = values.iter().find(|value| !value.text.is_empty()).or(values.get(1)) {
        carrier.fault(codes::TRACESTATE_WITHOUT_TRACEPARENT, value, 0..value.text.len(), || {
            let message = format!("tracestate {} is discarded: there is no sound traceparent", shown(value.text));
            (message, "send both headers, or neither".into())
        });
    }
}

/// Reads the members into the context, and what `dd` says about the trace.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext, sampled: bool, strict: bool) {
    let Some(values) = carrier.values(Name::Tracestate) else { return };
    let values = values.as_slice();
    report_several(carrier, values);
    let mut list = List::default();
    for value in values {
        if values.len() == 1 && value.text.is_empty() {
            return;
        }
        for (start, part) in split(value.text, b',') {
            let (blanks, member) = without_blanks(part);
            list.take(carrier, context, value, start + blanks, member);
        }
    }
    let Some(first) = values.first() else { return };
    if let Some((value, at, length)) = list.over {
        carrier.fault(codes::TRACESTATE_TOO_MANY_MEMBERS, &value, at..at + length, || {
            let message =
                format!("{} members, more than {MEMBERS}; those on the right are dropped", MEMBERS + list.left_out);
            (message, "find out which system adds members that nobody removes".into())
        });
    }
    if strict && (list.faulty || list.over.is_some()) {
        carrier.fault(codes::TRACESTATE_DISCARDED, first, 0..first.text.len(), || {
            let message = "strict mode discards a tracestate with an invalid member or more than 32".into();
            (message, "correct the members that are reported, or read without --w3c-strict".into())
        });
        for value in values {
            carrier.reject(value);
        }
        context.tracestate.clear();
        return;
    }
    let length = context.tracestate.as_str().len();
    if length > CARRIED {
        carrier.fault(codes::TRACESTATE_OVER_512_BYTES, first, 0..first.text.len(), || {
            let message = format!("the members have {length} bytes, and some receivers cut at {CARRIED}");
            (message, "shorten the longest members; those over 128 characters are dropped first".into())
        });
    }
    if let Some((value, start, dd)) = list.dd {
        Dd { carrier, value, context }.read(start, dd, sampled);
    }
}

fn report_several(carrier: &mut Carrier, values: &[Value<'_>]) {
    if let Some(second) = values.get(1) {
        carrier.fault(codes::TRACESTATE_MULTIPLE_HEADERS, second, 0..second.text.len(), || {
            let joined: Vec<&str> = values.iter().map(|value| value.text).collect();
            let message = format!("tracestate came in {} fields; Datadog tracers read one of them", values.len());
            (message, format!("tracestate: {}", joined.join(",")))
        });
    }
}

/// The list while it is read.
#[derive(Default)]
struct List<'h> {
    /// Whether a member was dropped for its grammar.
    faulty: bool,
    /// The first member beyond the limit: its field, start and length.
    over: Option<(Value<'h>, usize, usize)>,
    /// Members beyond the limit.
    left_out: usize,
    /// The value of the `dd` member: its field, start and text.
    dd: Option<(Value<'h>, usize, &'h str)>,
}

impl<'h> List<'h> {
    fn take(
        &mut self,
        carrier: &mut Carrier,
        context: &mut SpanContext,
        field: &Value<'h>,
        start: usize,
        member: &'h str,
    ) {
        let whole = visible(field, start, member);
        if member.is_empty() {
            carrier.fault(codes::TRACESTATE_EMPTY_MEMBER, field, whole, || {
                (
                    "an empty list member; legal, but dd-trace-rs then ignores the whole header".into(),
                    "remove the extra comma".into(),
                )
            });
            return;
        }
        let Some((key, value)) = member.split_once('=') else {
            self.faulty = true;
            carrier.fault(codes::TRACESTATE_MEMBER_MALFORMED, field, whole, || {
                (format!("member {} has no `=` and is dropped", shown(member)), "write key=value, or remove it".into())
            });
            return;
        };
        let at_value = start + key.len() + 1;
        let of_value = at_value..whole.end;
        match Key::of(key) {
            Key::Level1 => {}
            Key::Level2 => carrier.fault(codes::TRACESTATE_KEY_LEVEL2_ONLY, field, start..start + key.len(), || {
                let message =
                    format!("key {} is legal since level 2 only; level 1 receivers drop the member", shown(key));
                (message, "a key that all accept is lower-case, begins with a letter and has no @".into())
            }),
            Key::TooLong => {
                self.faulty = true;
                carrier.fault(codes::TRACESTATE_KEY_TOO_LONG, field, start..start + key.len(), || {
                    let message = format!(
                        "key {} has {} characters, more than {LONGEST}; the member is dropped",
                        shown(key),
                        key.len()
                    );
                    (message, format!("shorten the key to {LONGEST} characters"))
                });
                return;
            }
            Key::Invalid => {
                self.faulty = true;
                carrier.fault(codes::TRACESTATE_KEY_INVALID, field, start..start + key.len(), || {
                    let message = format!("key {} is not legal; the member is dropped", shown(key));
                    let lower = key.trim().to_ascii_lowercase();
                    let help = match Key::of(&lower) {
                        Key::Level1 | Key::Level2 => format!("{lower}={value}"),
                        _ => "a key is a-z 0-9 _ * / @ - and begins with a letter or digit".into(),
                    };
                    (message, help)
                });
                return;
            }
        }
        if value.is_empty() {
            self.faulty = true;
            carrier.fault(codes::TRACESTATE_VALUE_EMPTY, field, whole, || {
                (format!("member {key} has an empty value and is dropped"), format!("give {key} a value, or remove it"))
            });
            return;
        }
        if value.len() > LONGEST && value.chars().count() > LONGEST {
            self.faulty = true;
            let length = value.chars().count();
            carrier.fault(codes::TRACESTATE_VALUE_TOO_LONG, field, of_value.clone(), || {
                let message = format!("the value of {key} has {length} characters, more than {LONGEST}; it is dropped");
                (message, format!("shorten the value of {key} to {LONGEST} characters"))
            });
            if key == "dd" && self.dd.is_none() {
                context.propagation_error.set("extract_max_size");
                carrier.fault(codes::DD_MEMBER_TOO_LONG, field, of_value, || {
                    let message = format!(
                        "the dd member has {length} characters and is not read: priority, origin and tags are lost"
                    );
                    (message, "send fewer or shorter tags".into())
                });
            }
            return;
        }
        if !value.bytes().all(is_value) {
            self.faulty = true;
            let bad = |c: char| !u8::try_from(c).is_ok_and(is_value);
            let first = value.find(bad).unwrap_or_default();
            let end =
                value.rfind(bad).map_or(value.len(), |at| at + value[at..].chars().next().map_or(1, char::len_utf8));
            carrier.fault(codes::TRACESTATE_VALUE_INVALID, field, at_value + first..at_value + end, || {
                let message = format!("the value of {key} has {}; the member is dropped", shown(&value[first..end]));
                (message, "a value is printable ASCII without , and =".into())
            });
            return;
        }
        if context.tracestate.get(key).is_some() {
            carrier.fault(codes::TRACESTATE_DUPLICATE_KEY, field, whole, || {
                let kept = context.tracestate.get(key).unwrap_or_default();
                let message = format!("key {key} stands twice; {} is kept, as it is further left", shown(kept));
                (message, format!("{key}={kept}"))
            });
            return;
        }
        if context.tracestate.len() == MEMBERS {
            self.left_out += 1;
            self.over.get_or_insert((*field, start, member.len()));
            if key != "dd" {
                return;
            }
            context.tracestate.pop();
        }
        match key {
            "dd" => self.dd = Some((*field, at_value, value)),
            "ot" if !probability_is_sound(value) => {
                let kept = kept_of_probability(carrier, field, at_value, value);
                if !kept.is_empty() {
                    context.tracestate.push(key, &kept);
                }
                return;
            }
            _ => {}
        }
        context.tracestate.push(key, value);
    }
}

/// How a key fits the grammars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Level1,
    Level2,
    TooLong,
    Invalid,
}

impl Key {
    fn of(key: &str) -> Key {
        let bytes = key.as_bytes();
        let begins = bytes.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let mut ats = 0;
        for byte in bytes {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'_' | b'*' | b'/' | b'-' => {}
                b'@' => ats += 1,
                _ => return Key::Invalid,
            }
        }
        if !begins {
            return Key::Invalid;
        }
        if bytes.len() > LONGEST {
            return Key::TooLong;
        }
        let level1 = match (ats, key.split_once('@')) {
            (0, _) => !bytes[0].is_ascii_digit(),
            (1, Some((tenant, system))) => {
                tenant.len() <= 241
                    && (1..=14).contains(&system.len())
                    && system.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            }
            _ => false,
        };
        if level1 { Key::Level1 } else { Key::Level2 }
    }
}

/// Whether a byte may stand in a value.
fn is_value(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'='
}

// ---- ot ---------------------------------------------------------------------------------------------------------

/// What a field of the `ot` member lacks.
fn probability_fault(field: &str) -> Option<(crate::diagnostic::Code, &'static str)> {
    match field.split_once(':') {
        Some(("rv", value)) if number::lower_hex(value, 14).is_none() => Some((codes::OT_RV_MALFORMED, "exactly 14")),
        Some(("th", value)) if value.len() > 14 || number::lower_hex(value, value.len()).is_none() => {
            Some((codes::OT_TH_MALFORMED, "1 to 14"))
        }
        _ => None,
    }
}

fn probability_is_sound(value: &str) -> bool {
    split(value, b';').all(|(_, field)| probability_fault(field).is_none())
}

/// The `ot` member without the fields that are at fault.
fn kept_of_probability(carrier: &mut Carrier, field: &Value<'_>, start: usize, value: &str) -> String {
    let mut kept = Vec::new();
    for (at, part) in split(value, b';') {
        let Some((code, digits)) = probability_fault(part) else {
            kept.push(part);
            continue;
        };
        let from = start + at;
        carrier.fault(code, field, from..from + part.len(), || {
            let message = format!("field {} of ot is not {digits} lower-case hex digits and is removed", shown(part));
            (message, "update the sender's OpenTelemetry SDK, or remove the field".into())
        });
    }
    kept.join(";")
}

// ---- dd ---------------------------------------------------------------------------------------------------------

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
            let Some((key, value)) = field.split_once(':').filter(|(key, _)| !key.is_empty() && *key != "t.") else {
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
                    split(earlier, b';').any(|(_, other)| other.split_once(':').is_some_and(|(other, _)| other == key))
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

    fn priority(&mut self, value: &str, range: std::ops::Range<usize>) -> Option<i32> {
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

    fn tid(&mut self, value: &str, range: std::ops::Range<usize>) {
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
    fn tag(&mut self, name: &str, value: &str, range: std::ops::Range<usize>) -> bool {
        match name {
            "dm" if !datadog::is_decision_maker(value) => {
                self.carrier.fault(codes::DECISION_MAKER_INVALID, &self.value, range, || {
                    let message =
                        format!("decision maker {} is not - and a number up to 255; it is carried on", shown(value));
                    (message, "t.dm:-1".into())
                });
            }
            "ts" if !datadog::is_trace_source(value) => {
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
    fn reconcile(&mut self, priority: SamplingPriority, range: std::ops::Range<usize>, sampled: bool) {
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
    let fields = move || split(dd, b';').filter_map(|(at, field)| Some((at, field.split_once(':')?)));
    fields().filter_map(move |(at, (key, value))| {
        if known(key) || fields().any(|(earlier, (other, _))| earlier < at && other == key) {
            return None;
        }
        let last = fields().filter(|(later, (other, _))| *later > at && *other == key).last();
        Some((key, last.map_or(value, |(_, (_, value))| value)))
    })
}

// ---- writing ----------------------------------------------------------------------------------------------------

/// Writes `tracestate`: `dd` anew, then the members of others.
pub(super) fn inject(context: &SpanContext, limit: Option<usize>, headers: &mut Headers, out: &mut Diagnostics) {
    let mut text = dd_member(context, out);
    let foreign = context.tracestate.iter().filter(|(key, _)| *key != "dd");
    let mut count = 1;
    let mut left_out = Vec::new();
    for (key, value) in foreign {
        if count == MEMBERS {
            left_out.push(key);
            continue;
        }
        count += 1;
        text.push(',');
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    if let Some(limit) = limit {
        left_out.extend(shorten(&mut text, limit, context));
    }
    if !left_out.is_empty() {
        let message = format!("tracestate is full: {} left out", left_out.join(", "));
        let help = "find out which system adds members that nobody removes";
        out.report(Diagnostic::new(codes::INJECT_TRACESTATE_EVICTED, message).help(help));
    }
    headers.push("tracestate", text);
}

/// Drops members until the text fits, those over 128 characters first, from the right; `dd` stays. The keys of
/// those that went.
fn shorten<'c>(text: &mut String, limit: usize, context: &'c SpanContext) -> Vec<&'c str> {
    const LONG: usize = 128;
    let mut members: Vec<&str> = text.split(',').collect();
    let mut length = text.len();
    let mut gone = Vec::new();
    while length > limit && members.len() > 1 {
        let long = members.iter().rposition(|member| member.len() > LONG).filter(|at| *at > 0);
        let member = members.remove(long.unwrap_or(members.len() - 1));
        length -= member.len() + 1;
        gone.extend(context.tracestate.iter().map(|(key, _)| key).find(|key| member.split('=').next() == Some(key)));
    }
    let kept = members.join(",");
    *text = kept;
    gone
}

/// `dd=...`, cut to 256 characters by leaving out fields from the right.
fn dd_member(context: &SpanContext, out: &mut Diagnostics) -> String {
    let mut text = String::with_capacity(LONGEST + 1 + context.tracestate.as_str().len());
    text.push_str("dd=");
    if let Some(priority) = context.priority {
        let _ = write!(text, "s:{priority};");
    }
    text.push_str("p:");
    number::push_hex(&mut text, context.span_id.0);
    let mut substituted = Vec::new();
    if let Some(origin) = context.origin.as_deref().filter(|origin| !origin.is_empty()) {
        text.push_str(";o:");
        if push_value(&mut text, origin) {
            substituted.push("origin");
        }
    }
    for (key, value) in context.trace_tags.iter() {
        let Some(name) = key.strip_prefix("_dd.p.").filter(|name| *name != "tid") else { continue };
        text.push_str(";t.");
        let in_name = push_name(&mut text, name);
        text.push(':');
        if push_value(&mut text, value) || in_name {
            substituted.push(key);
        }
    }
    for (key, value) in super::unknown_dd_fields(&context.tracestate) {
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
    text
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
    use super::super::tests::{codes_of, context_of, injected, only_codes};
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
    fn keys_have_two_levels() {
        let long = "k".repeat(256);
        for (key, expected) in [
            ("acme", Key::Level1),
            ("a_*/-9", Key::Level1),
            ("9tenant@sys", Key::Level1),
            (&format!("{}@{}", &long[..241], &long[..14]), Key::Level1),
            (&format!("{}@s", &long[..242]), Key::Level2),
            (&format!("t@{}", &long[..15]), Key::Level2),
            ("t@9", Key::Level2),
            ("t@", Key::Level2),
            ("a@b@c", Key::Level2),
            ("9", Key::Level2),
            (&long, Key::Level1),
            (&format!("{long}k"), Key::TooLong),
            (&format!("{long}K"), Key::Invalid),
            ("", Key::Invalid),
            ("_a", Key::Invalid),
            ("@a", Key::Invalid),
            ("a b", Key::Invalid),
            ("Acme", Key::Invalid),
            ("caf\u{e9}", Key::Invalid),
        ] {
            assert_eq!(Key::of(key), expected, "{key}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_member_drops_that_member() {
        let long = "v".repeat(257);
        for (member, code) in [
            ("oops", "tracestate-member-malformed"),
            ("=v", "tracestate-key-invalid"),
            ("a =v", "tracestate-key-invalid"),
            ("k=", "tracestate-value-empty"),
            ("k= \t", "tracestate-value-empty"),
            (&format!("k={long}"), "tracestate-value-too-long"),
            (&format!("k={long}\u{7f}"), "tracestate-value-too-long"),
            ("k=a=b", "tracestate-value-invalid"),
            ("k=\u{1}", "tracestate-value-invalid"),
            ("k=a\tb", "tracestate-value-invalid"),
            // 200 characters and 400 bytes: not too long.
            (&format!("k={}", "\u{e9}".repeat(200)), "tracestate-value-invalid"),
        ] {
            let state = format!("first=1,{member},last=2");
            assert_eq!(names(&state), [code], "{member}");
            assert_eq!(context(&state).tracestate.as_str(), "first=1,last=2", "{member}");
        }
        // A member that was dropped does not shadow a later one.
        assert_eq!(context("k=,k=2").tracestate.as_str(), "k=2");
    }

    #[test]
    fn places_are_those_of_the_value_as_given() {
        let found = codes_of(&[("traceparent", PARENT), ("tracestate", "  a=1 , b=x\u{1}y\u{2}z ,,c")], STYLES);
        let places: Vec<_> = found.into_iter().map(|(code, range, _)| (code, range)).collect();
        let expected = [
            ("tracestate-value-invalid", 11..14),
            ("tracestate-empty-member", 16..17),
            ("tracestate-member-malformed", 18..19),
        ];
        // `b` is at 8: `  a=1 , b=x.y.z ,,c`
        assert_eq!(places, expected.map(|(code, range)| (code, range.start - 1 + 1..range.end - 1 + 1)));
    }

    #[test]
    fn dd_is_kept_beyond_the_limit() {
        let members: Vec<String> = (0..40).map(|at| format!("m{at}=1")).collect();
        let state = format!("{},dd=s:2;o:rum", members.join(","));
        let context = context(&state);
        assert_eq!((context.tracestate.len(), context.origin.as_deref()), (32, Some("rum")));
        assert_eq!(context.tracestate.iter().last(), Some(("dd", "s:2;o:rum")));
        assert_eq!(names(&state), ["tracestate-too-many-members"]);
    }

    #[test]
    fn strict_mode_discards_for_grammar_and_number_only() {
        let strict = |state: &str| {
            let (mut extraction, mut out) = (crate::propagation::Extraction::default(), Diagnostics::default());
            let options = crate::propagation::ExtractOptions {
                w3c_strict: true,
                ..crate::propagation::ExtractOptions::default()
            };
            let headers = super::super::tests::headers(&[("traceparent", PARENT), ("tracestate", state)]);
            crate::propagation::extract(&headers, &options, &mut extraction, &mut out);
            extraction.context().map(|context| context.tracestate.as_str().to_owned())
        };
        let many: Vec<String> = (0..33).map(|at| format!("m{at}=1")).collect();
        assert_eq!(strict("a=1,,a=2,9=3"), Some("a=1,9=3".into()));
        assert_eq!(strict("a=1,B=2"), Some(String::new()));
        assert_eq!(strict(&many.join(",")), Some(String::new()));
    }

    #[test]
    fn fields_of_dd() {
        let context = context("dd=o:a~b;x:1;s:+2;t.a:1~2;t.a:3;p:zz;o:;x:2;y;t.:1;:1;t.tid:6a5c1f0e9d8b7a63;ts:02");
        assert_eq!(context.priority, Some(SamplingPriority(2)));
        assert_eq!(context.origin.as_deref(), None);
        assert_eq!(context.last_datadog_parent.as_deref(), Some("zz"));
        assert_eq!(context.trace_tags, [("_dd.p.a", "3")].into_iter().collect());
        let unknown: Vec<_> = super::super::unknown_dd_fields(&context.tracestate).collect();
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
    fn probability_loses_what_is_at_fault() {
        for (state, kept) in [
            ("ot=rv:0123456789abcd;th:8", "ot=rv:0123456789abcd;th:8"),
            ("ot=rv:0123456789ABCD;th:8", "ot=th:8"),
            ("ot=rv:0123456789abcde", ""),
            ("ot=th:;a:b", "ot=a:b"),
            ("ot=th:123456789012345;th:0", "ot=th:0"),
            ("ot=th:x,a=1", "a=1"),
            ("ot=odd;thing", "ot=odd;thing"),
        ] {
            assert_eq!(context(state).tracestate.as_str(), kept, "{state}");
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

    #[test]
    fn a_limit_takes_long_members_first() {
        let long = "l".repeat(130);
        let context = context(&format!("a=1,long={long},b=2,c=3"));
        let write = |limit| {
            let mut headers = Headers::default();
            inject(&context, Some(limit), &mut headers, &mut Diagnostics::default());
            headers.get("tracestate").unwrap_or_default().trim_start_matches("dd=s:1;p:3c2b1a09f8e7d6c5").to_owned()
        };
        assert_eq!(write(1000), format!(",a=1,long={long},b=2,c=3"));
        assert_eq!(write(100), ",a=1,b=2,c=3");
        assert_eq!(write(34), ",a=1,b=2");
        assert_eq!(write(0), "");
    }
}

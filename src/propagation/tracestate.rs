//! `tracestate`: what each vendor adds to a W3C trace context (W3C Trace Context, section 3.3 "Tracestate Header"),
//! with OpenTelemetry's member `ot` ("TraceState: Probability Sampling"). Datadog's member is in [`super::dd`].
//!
//! ```text
//! dd=s:2;p:00f067aa0ba902b7,ot=th:8;rv:0123456789abcd,acme=x
//! │                         │  │    └ random value, 14 hex digits
//! │                         │  └ rejection threshold: keep when rv >= th, out of 2^56
//! │                         └ another member
//! └ a member: key, `=`, value
//! ```

use super::carrier::{Carrier, Name, Value, cut, is_visible, position, shown, split, visible, without_blanks};
use super::{codes, dd, number};
use crate::context::SpanContext;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::http::Headers;

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
    if let Some((value, start, text)) = list.dd {
        dd::extract(carrier, context, &value, (start, text), sampled);
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
        let Some((key, value)) = cut(member, b'=') else {
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
        // It has no comma, as members are parted at it.
        if !is_visible(value, b' ') || position(value.as_bytes(), b'=').is_some() {
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
        // What most vendors are called.
        if bytes.len() <= 16 && bytes.iter().fold(!bytes.is_empty(), |all, byte| all & byte.is_ascii_lowercase()) {
            return Key::Level1;
        }
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
        let level1 = match (ats, cut(key, b'@')) {
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

/// What a field of the `ot` member lacks.
fn probability_fault(field: &str) -> Option<(crate::diagnostic::Code, &'static str)> {
    match cut(field, b':') {
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

/// Writes `tracestate`: `dd` anew, then the members of others.
pub(super) fn inject(context: &SpanContext, limit: Option<usize>, headers: &mut Headers, out: &mut Diagnostics) {
    headers.push_written("tracestate", |text| write(text, context, limit, out));
}

fn write(text: &mut String, context: &SpanContext, limit: Option<usize>, out: &mut Diagnostics) {
    dd::write(text, context, out);
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
        left_out.extend(shorten(text, limit, context));
    }
    if !left_out.is_empty() {
        let message = format!("tracestate is full: {} left out", left_out.join(", "));
        let help = "find out which system adds members that nobody removes";
        out.report(Diagnostic::new(codes::INJECT_TRACESTATE_EVICTED, message).help(help));
    }
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

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of, only_codes};
    use super::*;
    use crate::context::PropagationStyle::{self, TraceContext};

    const PARENT: &str = "00-6a5c1f0e9d8b7a63e4f2c1d0b9a89786-3c2b1a09f8e7d6c5-01";
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
        assert_eq!(places, expected);
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

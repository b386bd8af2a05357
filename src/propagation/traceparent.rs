//! `traceparent`, the identity of a W3C trace context (W3C Trace Context, section 3.2 "Traceparent Header").
//!
//! ```text
//! 00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01
//! │  │                                │                └ flags: bit 0 sampled, bit 1 random trace id
//! │  │                                └ parent-id: 16 lower-case hex digits, not zero
//! │  └ trace-id: 32 lower-case hex digits, not zero
//! └ version: later ones may append `-` and more, ff is forbidden
//! ```

use super::carrier::{Carrier, Name, Value, shown, split};
use super::place::{Part, fault_at};
use super::{Yield, codes, number, tracestate};
use crate::context::{PropagationStyle, SamplingPriority, SpanContext};
use crate::diagnostic::Code;
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use std::ops::Range;

/// What a traceparent says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    version: u8,
    trace_id: TraceId,
    parent_id: SpanId,
    flags: u8,
}

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// Reads `traceparent` and, when that is sound, `tracestate`.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext, strict: bool) -> Yield {
    let fields = carrier.values(Name::Traceparent).and_then(|values| match values.as_slice() {
        [value] => whole(value.text.as_bytes()).or_else(|| examined(carrier, value)).map(|fields| (*value, fields)),
        several => {
            report_duplicate(carrier, several);
            None
        }
    });
    let Some((value, fields)) = fields else {
        tracestate::discard(carrier);
        return Yield::Nothing;
    };
    context.trace_id = fields.trace_id;
    context.span_id = fields.parent_id;
    context.priority = Some(SamplingPriority(i32::from(fields.flags & SAMPLED)));
    context.random = Some(fields.flags & RANDOM != 0);
    if fields.version != 0 {
        carrier.fault(codes::TRACEPARENT_FUTURE_VERSION, &value, 0..2, || {
            let message = format!("version {:02x} is newer than 00; its first four fields are used", fields.version);
            (message, written(fields))
        });
    }
    if fields.flags & !(SAMPLED | RANDOM) != 0 {
        carrier.fault(codes::TRACEPARENT_UNKNOWN_FLAGS, &value, 53..55, || {
            (format!("flags {:02x} have bits above 03, which mean nothing", fields.flags), written(fields))
        });
    }
    if context.random == Some(true) && fields.trace_id.0.to_le_bytes().iter().take(7).filter(|b| **b == 0).count() >= 4
    {
        carrier.fault(codes::RANDOM_FLAG_IMPLAUSIBLE, &value, 21..35, || {
            let message = format!("the random flag is set, and the low 56 bits of {} are not random", fields.trace_id);
            (message, written(Fields { flags: fields.flags & SAMPLED, ..fields }))
        });
    }
    tracestate::extract(carrier, context, fields.flags & SAMPLED != 0, strict);
    Yield::Context
}

/// Writes `traceparent`.
pub(super) fn inject(context: &SpanContext, headers: &mut Headers) {
    let sampled = if context.sampled() == Some(true) { SAMPLED } else { 0 };
    let random = if context.random == Some(true) { RANDOM } else { 0 };
    headers.push_written("traceparent", |text| {
        text.reserve(55);
        text.push_str("00-");
        number::push_hex(text, context.trace_id.high());
        number::push_hex(text, context.trace_id.low());
        text.push('-');
        number::push_hex(text, context.span_id.0);
        text.push_str("-0");
        text.push(char::from(b'0' + (sampled | random)));
    });
}

/// The line that carries these fields in version 00.
fn written(fields: Fields) -> String {
    format!("traceparent: 00-{}-{}-{:02x}", fields.trace_id, fields.parent_id, fields.flags & (SAMPLED | RANDOM))
}

/// A version 00 value without fault; `None` when it has to be looked at more closely.
#[inline]
fn whole(text: &[u8]) -> Option<Fields> {
    let text: &[u8; 55] = text.try_into().ok()?;
    let (start, text) = text.split_first_chunk::<3>()?;
    let (high, text) = text.split_first_chunk::<16>()?;
    let (low, text) = text.split_first_chunk::<16>()?;
    let (dash, text) = text.split_first_chunk::<1>()?;
    let (parent_id, text) = text.split_first_chunk::<16>()?;
    let [other_dash, flags @ ..] = *text.first_chunk::<3>()?;
    if start != b"00-" || dash != b"-" || other_dash != b'-' {
        return None;
    }
    let trace_id = TraceId::from_halves(number::sixteen_lower(high)?, number::sixteen_lower(low)?);
    let parent_id = SpanId(number::sixteen_lower(parent_id)?);
    let fields = Fields { version: 0, trace_id, parent_id, flags: number::two_lower(flags)? };
    (trace_id != TraceId(0) && parent_id != SpanId(0)).then_some(fields)
}

/// Trace id, parent id and flags of a `traceparent` in which [`super::extract`] would find this context and nothing to
/// report; `now` is that of its options. `None` says that it has to look. For counting many values: this allocates nothing.
#[inline]
pub fn plain_traceparent(value: &[u8], now: Option<u64>) -> Option<(TraceId, SpanId, u8)> {
    let fields = whole(value)?;
    let high = fields.trace_id.high();
    let plain = fields.flags <= SAMPLED && high != 0 && !is_time_implausible(high, now);
    plain.then_some((fields.trace_id, fields.parent_id, fields.flags))
}

/// Looks at every field and reports every fault, the deciding one first; the fields when there is none.
fn examined(carrier: &mut Carrier, value: &Value<'_>) -> Option<Fields> {
    let fields = judged(carrier, value);
    if fields.is_none() {
        carrier.reject(value);
    }
    fields
}

fn judged(carrier: &mut Carrier, value: &Value<'_>) -> Option<Fields> {
    let text = value.text;
    if text.is_empty() {
        carrier.fault(codes::TRACEPARENT_EMPTY, value, 0..0, || {
            ("traceparent is empty".into(), "leave the header out, or send one of an active span".into())
        });
        return None;
    }
    let mut segments = [(text.len(), ""); 4];
    let mut count = 0;
    let mut tail = None;
    for (start, part) in split(text, b'-') {
        match segments.get_mut(count) {
            Some(segment) => *segment = (start, part),
            None => tail = Some(start - 1..text.len()),
        }
        count += 1;
        if tail.is_some() {
            break;
        }
    }
    if count < 4 {
        let last = text.char_indices().last().map_or(0, |(at, _)| at);
        carrier.fault(codes::TRACEPARENT_MISSING_FIELD, value, if count == 1 { 0 } else { last }..text.len(), || {
            let message = format!("{} has {count} of 4 fields", shown(text));
            let otherwise = match count {
                3 => "append the flags: `-01` when sampled, `-00` when not",
                _ => "write four fields joined by `-`: version, trace-id, parent-id, flags",
            };
            (message, repaired(text).unwrap_or_else(|| otherwise.into()))
        });
        // What has no separator at all is no version either.
        if count == 1 {
            return None;
        }
    }
    let mut numbers = [None; 4];
    for (at, number) in numbers.iter_mut().enumerate().take(count) {
        *number = hex_field(carrier, value, &FIELDS[at], segments[at]);
    }
    let [version, trace_id, parent_id, flags] = numbers;
    let mut tail_is_sound = true;
    if let (Some(0), Some(tail)) = (version, tail) {
        tail_is_sound = false;
        carrier.fault(codes::TRACEPARENT_TRAILING_DATA, value, tail.clone(), || {
            let rest = shown(text.get(tail).unwrap_or_default());
            (format!("version 00 ends after the flags, and {rest} follows"), help(text, "nothing after the flags"))
        });
    }
    if count < 4 || !tail_is_sound {
        return None;
    }
    Some(Fields {
        version: version? as u8,
        trace_id: TraceId(trace_id?),
        parent_id: SpanId(parent_id? as u64),
        flags: flags? as u8,
    })
}

/// A field of hex digits and its codes.
struct HexField {
    name: &'static str,
    digits: usize,
    malformed: Code,
    /// The value that is forbidden, and how to say so.
    forbidden: Option<(u128, Code, &'static str)>,
}

const FIELDS: [HexField; 4] = [
    HexField {
        name: "version",
        digits: 2,
        malformed: codes::TRACEPARENT_VERSION_MALFORMED,
        forbidden: Some((0xff, codes::TRACEPARENT_VERSION_FF, "ff, which is forbidden")),
    },
    HexField {
        name: "trace-id",
        digits: 32,
        malformed: codes::TRACEPARENT_TRACE_ID_MALFORMED,
        forbidden: Some((0, codes::TRACEPARENT_TRACE_ID_ZERO, "all zero")),
    },
    HexField {
        name: "parent-id",
        digits: 16,
        malformed: codes::TRACEPARENT_PARENT_ID_MALFORMED,
        forbidden: Some((0, codes::TRACEPARENT_PARENT_ID_ZERO, "all zero")),
    },
    HexField { name: "flags", digits: 2, malformed: codes::TRACEPARENT_FLAGS_MALFORMED, forbidden: None },
];

/// The number of a field, after reporting what is wrong with it.
fn hex_field(carrier: &mut Carrier, value: &Value<'_>, field: &HexField, (start, part): (usize, &str)) -> Option<u128> {
    let HexField { name, digits, .. } = field;
    let fits = part.len() == *digits;
    match number::hex(part).filter(|_| fits) {
        Some((number, false)) => match field.forbidden {
            Some((forbidden, code, what)) if number == forbidden => {
                carrier.fault(code, value, start..start + part.len(), || {
                    let otherwise = format!("send the {name} of an active span, or no traceparent");
                    (format!("{name} is {what}"), repaired(value.text).unwrap_or(otherwise))
                });
                None
            }
            _ => Some(number),
        },
        Some((_, true)) => {
            let range = span_of(start, part, |c| c.is_ascii_uppercase());
            carrier.fault(codes::TRACEPARENT_UPPERCASE_HEX, value, range, || {
                let count = part.bytes().filter(u8::is_ascii_uppercase).count();
                let s = if count == 1 { "" } else { "s" };
                let message = format!("{name} must be lower-case hex; {part} has {count} upper-case character{s}");
                (message, help(value.text, &part.to_ascii_lowercase()))
            });
            None
        }
        None => {
            let range = if fits { span_of(start, part, |c| !c.is_ascii_hexdigit()) } else { start..start + part.len() };
            carrier.fault(field.malformed, value, range, || {
                let found = part.chars().count();
                let message = match number::hex(part) {
                    Some(_) => format!("{name} must be {digits} hex digits; {part} has {found}"),
                    None => format!("{name} must be {digits} hex digits, found {}", shown(part)),
                };
                (message, help(value.text, &format!("{digits} lower-case hex digits as {name}")))
            });
            None
        }
    }
}

/// From the first to the last character that is at fault.
fn span_of(start: usize, part: &str, at_fault: impl Fn(char) -> bool) -> Range<usize> {
    let mut faults = part.char_indices().filter(|(_, c)| at_fault(*c));
    let Some((first, c)) = faults.next() else { return start..start + part.len() };
    let (last, c) = faults.last().unwrap_or((first, c));
    start + first..start + last + c.len_utf8()
}

/// `traceparent-duplicate`
fn report_duplicate(carrier: &mut Carrier, values: &[Value<'_>]) {
    let Some((first, second)) = values.first().zip(values.get(1)) else { return };
    carrier.fault(codes::TRACEPARENT_DUPLICATE, second, 0..second.text.len(), || {
        let (one, other) = (shown(first.text), shown(second.text));
        let message = if one == other {
            format!("traceparent was sent {} times with the value {one}", values.len())
        } else {
            format!("traceparent was sent {} times: {one} and {other}", values.len())
        };
        (message, "send one traceparent; find the hop that appends instead of replacing".into())
    });
    for value in values {
        carrier.reject(value);
        if whole(value.text.as_bytes()).is_none() {
            judged(carrier, value);
        }
    }
}

fn help(text: &str, otherwise: &str) -> String {
    repaired(text).unwrap_or_else(|| format!("write {otherwise}"))
}

/// The line that was probably meant, where nothing has to be invented for it.
fn repaired(text: &str) -> Option<String> {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';'));
    let separated: Vec<&str> = if bare.contains('-') {
        bare.split('-').collect()
    } else {
        bare.split(|c: char| !c.is_ascii_alphanumeric()).collect()
    };
    let [version, trace_id, parent_id, flags, ..] = separated.as_slice() else { return None };
    if version.is_empty() || version.len() > 2 || !version.bytes().all(number::is_hex) {
        return None;
    }
    let (trace_id, _) = number::hex(trace_id).filter(|(id, _)| *id != 0 && matches!(trace_id.len(), 16 | 32))?;
    let (parent_id, _) = number::hex64(parent_id).filter(|(id, _)| *id != 0 && parent_id.len() == 16)?;
    let (flags, _) = number::hex(flags.get(..2).unwrap_or(flags))?;
    let flags = flags as u8 & (SAMPLED | RANDOM);
    Some(written(Fields { version: 0, trace_id: TraceId(trace_id), parent_id: SpanId(parent_id), flags }))
}

/// What is worth saying about the trace id of any style: `trace-id-64bit`, `tid-time-implausible`.
pub(super) fn report_id(carrier: &mut Carrier, style: PropagationStyle, id: TraceId, now: Option<u64>) {
    let high = id.high();
    if high == 0 {
        fault_at(carrier, codes::TRACE_ID_64BIT, style, Part::Trace, || {
            let message = format!("the high half of trace id {id} is zero: a 64-bit sender");
            let help = format!("in logs and other tracers search for {:016x} or {} too", id.low(), id.low());
            (message, help)
        });
    } else if is_time_implausible(high, now) {
        fault_at(carrier, codes::TID_TIME_IMPLAUSIBLE, style, Part::Trace, || {
            let message = format!("the time in trace id {id} is {} seconds since 1970", high >> 32);
            (message, "look at the clock and the id generator of the sender".into())
        });
    }
}

/// Whether the high half of a trace id has Datadog's form, seconds and zeros, with a time that cannot be.
pub(super) fn is_time_implausible(high: u64, now: Option<u64>) -> bool {
    /// When Datadog's ids with a time in them did not exist yet.
    const START_OF_2022: u64 = 1_640_995_200;
    const DAY: u64 = 86_400;
    let seconds = high >> 32;
    high & 0xffff_ffff == 0 && (seconds < START_OF_2022 || now.is_some_and(|now| seconds > now.saturating_add(DAY)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of};
    use super::*;

    const TRACE: &str = "640cfd8d00000000abcdefab12345678";
    const SPAN: &str = "000000003ade68b1";

    fn faults(value: &str) -> Vec<(&'static str, Range<usize>, Option<String>)> {
        codes_of(&[("traceparent", value)], &[PropagationStyle::TraceContext])
    }

    fn names(value: &str) -> Vec<&'static str> {
        faults(value).into_iter().map(|(code, ..)| code).collect()
    }

    #[test]
    fn every_fault_is_told_in_one_run_with_what_was_meant() {
        let found = faults("00-640CFD8D00000000abcdefab12345678-000000003ade68b1-1");
        let meant = Some(format!("traceparent: 00-{TRACE}-{SPAN}-01"));
        assert_eq!(
            found,
            [("traceparent-uppercase-hex", 6..11, meant.clone()), ("traceparent-flags-malformed", 53..54, meant)]
        );
    }

    #[test]
    fn the_first_fault_decides_and_is_told_first() {
        let zeros = "0".repeat(32);
        for (value, expected) in [
            ("".to_owned(), &["traceparent-empty"][..]),
            ("00".into(), &["traceparent-missing-field"]),
            (format!("00_{TRACE}_{SPAN}_01"), &["traceparent-missing-field"]),
            (format!("00-{TRACE}-{SPAN}"), &["traceparent-missing-field"]),
            (format!("0x-{TRACE}-{SPAN}-01"), &["traceparent-version-malformed"]),
            (format!("FF-{TRACE}-{SPAN}-01"), &["traceparent-uppercase-hex"]),
            (
                format!("ff-{zeros}-{}-zz-x", &zeros[16..]),
                &[
                    "traceparent-version-ff",
                    "traceparent-trace-id-zero",
                    "traceparent-parent-id-zero",
                    "traceparent-flags-malformed",
                ],
            ),
            (format!("00-{TRACE}-{SPAN}-01-"), &["traceparent-trailing-data"]),
            (format!("00-{TRACE}-{SPAN}-01."), &["traceparent-flags-malformed"]),
            (format!("00-{TRACE}-{SPAN}-001"), &["traceparent-flags-malformed"]),
            (format!("cc-{TRACE}-{SPAN}-01.x"), &["traceparent-flags-malformed"]),
            (format!("00-{SPAN}-{TRACE}-01"), &["traceparent-trace-id-malformed", "traceparent-parent-id-malformed"]),
            (format!("\u{a0}00-{TRACE}-{SPAN}-01"), &["traceparent-version-malformed"]),
            (format!("cc-{TRACE}-{SPAN}-01-x"), &["traceparent-future-version"]),
            (format!("cc-{TRACE}-{SPAN}-01-"), &["traceparent-future-version"]),
            (format!("00-{TRACE}-{SPAN}-fc"), &["traceparent-unknown-flags"]),
            (format!("00-{TRACE}-{SPAN}-03"), &[]),
        ] {
            assert_eq!(names(&value), expected, "{value}");
        }
    }

    #[test]
    fn places_are_narrow() {
        assert_eq!(faults(&format!("00-{TRACE}-{SPAN}-0g"))[0].1, 54..55);
        assert_eq!(faults(&format!(" 00-{TRACE}-{SPAN}-01-x "))[0].1, 56..58);
        assert_eq!(faults(&format!("00-{TRACE}-{SPAN}-0\u{661}"))[0].1, 53..56);
    }

    #[test]
    fn what_was_meant_is_never_invented() {
        assert_eq!(repaired(&format!("\"00-{TRACE}-{SPAN}-01\"")), Some(format!("traceparent: 00-{TRACE}-{SPAN}-01")));
        assert_eq!(
            repaired(&format!("00-{SPAN}-{SPAN}-1")),
            Some(format!("traceparent: 00-0000000000000000{SPAN}-{SPAN}-01"))
        );
        for value in [&format!("00-{TRACE}-{SPAN}"), &format!("00-{}-{SPAN}-01", &TRACE[1..]), "x", ""] {
            assert_eq!(repaired(value), None, "{value}");
        }
    }

    #[test]
    fn flags_are_bits() {
        for (flags, sampled, random) in [("00", 0, false), ("01", 1, false), ("02", 0, true), ("ff", 1, true)] {
            let value = format!("00-{TRACE}-{SPAN}-{flags}");
            let context = context_of(&[("traceparent", &value)], &[PropagationStyle::TraceContext]).expect("a context");
            assert_eq!((context.priority, context.random), (Some(SamplingPriority(sampled)), Some(random)), "{flags}");
        }
    }

    #[test]
    fn hints_on_ids() {
        assert_eq!(
            names(&format!("00-{}0001-{SPAN}-03", "abcd".repeat(4) + &"0".repeat(12))),
            ["random-flag-implausible"]
        );
        assert_eq!(names(&format!("00-0000000100000000abcdefab12345678-{SPAN}-01")), ["tid-time-implausible"]);
    }
}

//! `uber-trace-id`, Jaeger's own header (Jaeger client libraries, "Propagation Format").
//!
//! ```text
//! uber-trace-id: 463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312:0:1
//!                │                                │                │ └ flags: bit 0 sampled, bit 1 debug
//!                └ trace id, 1 to 32 hex digits   └ span id        └ parent, not used
//! ```
//! Baggage lies in `uberctx-<key>` headers, which are shown only.

use super::carrier::{Carrier, Name, Value, shown, split};
use super::{Yield, codes, number};
use crate::context::{SamplingPriority, SpanContext};
use crate::diagnostic::Code;
use crate::http::Headers;
use crate::id::{SpanId, TraceId};
use std::ops::Range;

const SAMPLED: u64 = 1;
const DEBUG: u64 = 2;

/// Reads `uber-trace-id`.
pub(super) fn extract(carrier: &mut Carrier, context: &mut SpanContext) -> Yield {
    let Some(value) = carrier.single(Name::Uber).given() else { return Yield::Nothing };
    let decoded = value.text.contains('%').then(|| Decoded::of(value.text));
    if let Some(decoded) = &decoded {
        let first = value.text.find('%').unwrap_or_default();
        carrier.fault(codes::JAEGER_PERCENT_ENCODED, &value, first..value.text.len(), || {
            (
                format!("uber-trace-id {} is percent-encoded", shown(value.text)),
                format!("uber-trace-id: {}", decoded.text),
            )
        });
    }
    let text = decoded.as_ref().map_or(value.text, |decoded| decoded.text.as_str());
    // Ranges in the text, as ranges in the value.
    let place = |range: Range<usize>| decoded.as_ref().map_or(range.clone(), |decoded| decoded.place(range));
    let sound = read(carrier, context, &value, text, &place);
    if sound.is_none() {
        carrier.reject(&value);
    }
    sound.map_or(Yield::Nothing, |()| Yield::Context)
}

fn read(
    carrier: &mut Carrier,
    context: &mut SpanContext,
    value: &Value<'_>,
    text: &str,
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) -> Option<()> {
    let mut fields = [(0, ""); 4];
    let mut count = 0;
    for part in split(text, b':') {
        if let Some(field) = fields.get_mut(count) {
            *field = part;
        }
        count += 1;
    }
    if count != 4 {
        carrier.fault(codes::JAEGER_MALFORMED, value, place(0..text.len()), || {
            let s = if count == 1 { "" } else { "s" };
            let message = format!("uber-trace-id {} has {count} field{s}, not 4", shown(text));
            let help = match fields {
                [trace, span, flags, _] if count == 3 => format!("uber-trace-id: {}:{}:0:{}", trace.1, span.1, flags.1),
                _ => "uber-trace-id: <trace id>:<span id>:0:<flags>".into(),
            };
            (message, help)
        });
        return None;
    }
    let [trace, span, _, flags] = fields;
    let trace_id = id(carrier, value, trace, (32, &[16, 32]), codes::JAEGER_TRACE_ID_INVALID, place);
    let span_id = id(carrier, value, span, (16, &[16]), codes::JAEGER_SPAN_ID_INVALID, place);
    let (start, given) = flags;
    let flags = number::hex64(given).filter(|_| given.len() <= 2).map(|(flags, _)| flags);
    match flags {
        None => carrier.fault(codes::JAEGER_FLAGS_INVALID, value, place(start..start + given.len()), || {
            (
                format!("flags {} are not one or two hex digits", shown(given)),
                "flags are 1 for sampled, 0 for not, 3 for debug".into(),
            )
        }),
        Some(flags) if flags & (SAMPLED | DEBUG) == DEBUG => {
            carrier.fault(codes::JAEGER_DEBUG_WITHOUT_SAMPLED, value, place(start..start + given.len()), || {
                (
                    format!("flags {given} say debug and not sampled; the trace counts as not sampled"),
                    "flags 3 are debug".into(),
                )
            });
        }
        Some(_) => {}
    }
    let flags = flags?;
    context.trace_id = TraceId(trace_id?);
    context.span_id = SpanId(span_id? as u64);
    context.priority = Some(SamplingPriority(match flags & (SAMPLED | DEBUG) {
        0 | DEBUG => 0,
        SAMPLED => 1,
        _ => 2,
    }));
    Some(())
}

fn id(
    carrier: &mut Carrier,
    value: &Value<'_>,
    (start, text): (usize, &str),
    (digits, usual): (usize, &[usize]),
    invalid: Code,
    place: &dyn Fn(Range<usize>) -> Range<usize>,
) -> Option<u128> {
    let range = place(start..start + text.len());
    let name = if digits == 32 { "trace id" } else { "span id" };
    let number = number::hex(text).map(|(number, _)| number).filter(|number| *number != 0 && text.len() <= digits);
    let Some(number) = number else {
        carrier.fault(invalid, value, range, || {
            let message = format!("{name} {} is zero or not 1 to {digits} hex digits", shown(text));
            (message, format!("send the {name} of an active span in {digits} hex digits"))
        });
        return None;
    };
    if !usual.contains(&text.len()) {
        carrier.fault(codes::JAEGER_ID_NONSTANDARD_LENGTH, value, range, || {
            let wanted = usual.iter().copied().find(|usual| *usual >= text.len()).unwrap_or(digits);
            (format!("{name} {text} has {} digits and is padded", text.len()), format!("{number:0wanted$x}"))
        });
    }
    Some(number)
}

/// Writes `uber-trace-id`.
pub(super) fn inject(context: &SpanContext, headers: &mut Headers) {
    let flags = match context.priority {
        Some(SamplingPriority(2..)) => SAMPLED | DEBUG,
        Some(SamplingPriority(1)) => SAMPLED,
        _ => 0,
    };
    headers.push("uber-trace-id", format!("{}:{}:0:{flags}", context.trace_id, context.span_id));
}

/// A text that was percent-encoded, and where each of its bytes was.
struct Decoded {
    text: String,
    /// Per byte, and for the end.
    places: Vec<usize>,
}

impl Decoded {
    /// Only ASCII is decoded; what stands for nothing in this header stays as it is.
    fn of(value: &str) -> Self {
        let (mut text, mut places) = (String::new(), Vec::new());
        let mut rest = value.char_indices();
        while let Some((at, c)) = rest.next() {
            let encoded = value.get(at + 1..at + 3).filter(|_| c == '%');
            let byte = encoded.and_then(number::hex64).map(|(byte, _)| byte as u8);
            let c = match byte.filter(u8::is_ascii) {
                Some(byte) => {
                    rest.nth(1);
                    char::from(byte)
                }
                None => c,
            };
            text.push(c);
            places.resize(text.len(), at);
        }
        places.push(value.len());
        Decoded { text, places }
    }

    fn place(&self, range: Range<usize>) -> Range<usize> {
        let at = |at: usize| self.places.get(at).copied().unwrap_or_default();
        at(range.start)..at(range.end).max(at(range.start))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes_of, context_of};
    use crate::context::PropagationStyle::Jaeger;
    use std::ops::Range;

    const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
    const SPAN: &str = "a2fb4a1d1a96d312";

    fn read(value: &str) -> (Option<i32>, Vec<(&'static str, Range<usize>)>) {
        let headers = [("uber-trace-id", value)];
        let priority = context_of(&headers, &[Jaeger]).and_then(|context| context.priority).map(|priority| priority.0);
        let found = codes_of(&headers, &[Jaeger]).into_iter();
        (priority, found.map(|(code, range, _)| (code, range)).filter(|(code, _)| *code != "trace-id-64bit").collect())
    }

    #[test]
    fn flags_are_bits() {
        for (flags, priority) in [("0", 0), ("1", 1), ("3", 2), ("03", 2), ("05", 1), ("ff", 2), ("F", 2)] {
            assert_eq!(read(&format!("{TRACE}:{SPAN}:0:{flags}")), (Some(priority), vec![]), "{flags}");
        }
        let debug = read(&format!("{TRACE}:{SPAN}:0:2"));
        assert_eq!(debug, (Some(0), vec![("jaeger-debug-without-sampled", 52..53)]));
    }

    #[test]
    fn every_fault_has_its_place_in_the_value_as_given() {
        assert_eq!(
            read(" 0:x:?:001").1,
            [("jaeger-trace-id-invalid", 1..2), ("jaeger-span-id-invalid", 3..4), ("jaeger-flags-invalid", 7..10)]
        );
        // `1` and `:` encoded, and a `%` that encodes nothing.
        assert_eq!(
            read("%31%3Ax%zz%3a0:1").1,
            [
                ("jaeger-percent-encoded", 0..16),
                ("jaeger-id-nonstandard-length", 0..3),
                ("jaeger-span-id-invalid", 6..10)
            ]
        );
        assert_eq!(read("a:b:0:1:x").1, [("jaeger-malformed", 0..9)]);
        assert_eq!(read("").1, [("jaeger-malformed", 0..0)]);
        assert_eq!(read(&format!("0{TRACE}:{SPAN}0:0:1")).1.len(), 2);
    }
}

//! `uber-trace-id: {trace}:{span}:{parent}:{flags}`, as one OpenTelemetry propagator reads it. The parent is unused.

use super::Cause;
use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::grammar::is_hex;
use super::quirks::{HexId, Jaeger};
use std::borrow::Cow;

/// The context of `uber-trace-id`.
pub(super) fn read(grammar: &Jaeger, headers: &Delivered, causes: &mut Causes) -> Read {
    let Some(value) = headers.value("uber-trace-id") else { return Read::Nothing };
    headers.note_repeated("uber-trace-id", false, causes);
    let read = read_value(grammar, value, causes);
    if read == Read::Nothing {
        headers.note_repeated("uber-trace-id", true, causes);
    }
    read
}

fn read_value(grammar: &Jaeger, value: Cow<str>, causes: &mut Causes) -> Read {
    let encoded = value.contains('%');
    let decoded = if grammar.percent_encoded { percent_decoded(&value) } else { Some(value) };
    let Some([trace, span, _, flags]) = decoded.as_deref().and_then(four) else {
        causes.stops(if encoded { "jaeger-percent-encoded" } else { "jaeger-malformed" });
        return Read::Nothing;
    };
    let trace = id(grammar.trace_id, trace, 32, "jaeger-trace-id-invalid", causes);
    let span = id(grammar.span_id, span, 16, "jaeger-span-id-invalid", causes);
    let legal = matches!(flags.len(), 1 | 2) && flags.bytes().all(|b| b.is_ascii_hexdigit());
    let sampled = match grammar.flags.read(flags) {
        Some(flags) => Some(flags.odd),
        None => grammar.junk_is_sampled.then_some(true),
    };
    match sampled {
        None => causes.stops("jaeger-flags-invalid"),
        Some(_) if !legal => causes.bends("jaeger-flags-invalid"),
        Some(_) => {}
    }
    let (Some(trace), Some(span), Some(sampled)) = (trace, span, sampled) else { return Read::Nothing };
    Read::Found(Found {
        trace_id: Some(trace),
        parent: Parent::of(span),
        priority: Some(i64::from(sampled)),
        ..Found::default()
    })
}

/// The id when it can be continued. Zero and unreadable are the same here: the SDK starts a new trace.
fn id(grammar: HexId, text: &str, digits: usize, code: Cause, causes: &mut Causes) -> Option<u128> {
    let shaped = text.len() <= digits && is_hex(text, true) && text.bytes().any(|b| b != b'0');
    let id = grammar.read(text, 0).filter(|id| *id != 0);
    match id {
        None => causes.stops(if shaped { "jaeger-id-nonstandard-length" } else { code }),
        Some(_) if !shaped => causes.bends(code),
        Some(_) => {}
    }
    id
}

fn four(value: &str) -> Option<[&str; 4]> {
    let mut fields = value.split(':');
    let four = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(four)
}

/// JavaScript's `decodeURIComponent`: a stray `%` and bytes that are no UTF-8 raise.
fn percent_decoded(value: &str) -> Option<Cow<'_, str>> {
    if !value.contains('%') {
        return Some(Cow::Borrowed(value));
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |b: u8| char::from(b).to_digit(16);
        bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

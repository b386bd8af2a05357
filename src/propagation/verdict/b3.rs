//! `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`, `x-b3-flags`, and `b3: {trace}-{span}-{state}-{parent}`, as one
//! tracer reads them.

use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::grammar::{hex, is_hex};
use super::quirks::{B3, Lone, Otherwise, Sampled, Single};
use super::{Cause, faults};
use std::borrow::Cow;

const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";
const SINGLE: &str = "b3";

/// The context of `x-b3-*`.
pub(super) fn read_multi(grammar: &B3, headers: &Delivered, causes: &mut Causes) -> Read {
    if grammar.single_hides_multi && headers.value(SINGLE).is_some_and(|value| !value.is_empty()) {
        return Read::Nothing;
    }
    let mut reading = Reading { grammar, causes, failed: false, nothing: false };
    for name in [TRACE_ID, SPAN_ID, SAMPLED] {
        headers.note_repeated(name, false, reading.causes);
    }
    let ids = reading.ids(&headers.values(TRACE_ID), &headers.values(SPAN_ID));
    let priority = reading.decision(headers);
    if reading.failed || reading.nothing {
        for name in [TRACE_ID, SPAN_ID] {
            headers.note_repeated(name, true, reading.causes);
        }
    }
    reading.context(ids, priority)
}

/// The context of `b3`.
pub(super) fn read_single(grammar: &B3, headers: &Delivered, causes: &mut Causes) -> Read {
    let (max, lone, without_state) = match grammar.single {
        Single::IsMulti => return read_multi(grammar, headers, causes),
        Single::Parts { max, lone, without_state } => (max, lone, without_state),
        Single::Anywhere => (usize::MAX, Lone::Nothing, None),
    };
    let Some(value) = headers.value(SINGLE) else { return Read::Nothing };
    headers.note_repeated(SINGLE, false, causes);
    let read = read_value(grammar, &value, (max, lone, without_state), causes);
    if !matches!(read, Read::Found(_)) {
        headers.note_repeated(SINGLE, true, causes);
    }
    read
}

fn read_value(
    grammar: &B3,
    value: &str,
    (max, lone, without_state): (usize, Lone, Option<i64>),
    causes: &mut Causes,
) -> Read {
    if value.is_empty() {
        causes.stops("b3-malformed");
        return Read::Nothing;
    }
    if grammar.single == Single::Anywhere {
        return anywhere(value, causes);
    }
    let parts: Vec<&str> = value.split('-').collect();
    let mut reading = Reading { grammar, causes, failed: false, nothing: false };
    if let [state] = parts[..] {
        let priority = reading.state(state);
        let ids = Found { priority, ..Found::default() };
        let decision = matches!(state, "0" | "1" | "d");
        reading.causes.stops(if decision { "b3-sampling-only" } else { "b3-malformed" });
        return match lone {
            Lone::Context => Read::Found(ids),
            Lone::ZeroContext if decision => Read::Found(Found { trace_id: Some(0), ..ids }),
            Lone::ZeroContext | Lone::Nothing => Read::Nothing,
        };
    }
    if parts.len() > max {
        reading.causes.stops("b3-extra-fields");
        return Read::Nothing;
    }
    let ids = reading.ids(&[Cow::Borrowed(parts[0])], &[Cow::Borrowed(parts[1])]);
    let priority = match parts.get(2) {
        Some(state) => {
            if !matches!(*state, "0" | "1" | "d") {
                reading.causes.bends("b3-state-invalid");
            }
            reading.state(state)
        }
        None => without_state,
    };
    reading.context(ids, priority)
}

struct Reading<'a> {
    grammar: &'a B3,
    causes: &'a mut Causes,
    failed: bool,
    nothing: bool,
}

/// Ids that can be continued.
#[derive(Clone, Copy)]
struct Ids {
    trace_id: Option<u128>,
    parent: Parent,
    short: bool,
}

impl Reading<'_> {
    /// The ids out of the values of both headers, of which the last counts.
    fn ids(&mut self, traces: &[Cow<'_, str>], spans: &[Cow<'_, str>]) -> Ids {
        let mut ids = Ids { trace_id: None, parent: Parent::Absent, short: false };
        self.nothing = traces.is_empty() && spans.is_empty();
        let mut before = 0;
        for text in traces {
            let text = self.grammar.trim.apply(text);
            ids.short = text.len() <= 16;
            let read = self.grammar.trace_id.read(text, before);
            self.note_id(text, "b3-trace-id", read, self.grammar.unreadable_trace, self.grammar.zero_trace);
            if read.is_none() {
                self.apply(self.grammar.unreadable_trace);
            }
            ids.trace_id = read;
            before = read.unwrap_or(before);
        }
        if traces.is_empty() {
            if !spans.is_empty() {
                self.note(self.grammar.missing_trace, "b3-trace-id-missing");
            }
            self.apply(self.grammar.missing_trace);
        } else if ids.trace_id == Some(0) {
            self.apply(self.grammar.zero_trace);
            if self.grammar.zero_trace == Otherwise::Absent {
                ids.trace_id = None;
            }
        }
        for text in spans {
            let text = self.grammar.trim.apply(text);
            let read = self.grammar.span_id.read(text, 0);
            self.note_id(text, "b3-span-id", read, self.grammar.unreadable_span, self.grammar.zero_span);
            if read.is_none() {
                self.apply(self.grammar.unreadable_span);
            }
            ids.parent = read.map_or(Parent::Absent, Parent::of);
        }
        if spans.is_empty() {
            if !traces.is_empty() {
                self.note(self.grammar.missing_span, "b3-span-id-missing");
            }
            self.apply(self.grammar.missing_span);
        } else if ids.parent == Parent::Id(0) {
            self.apply(self.grammar.zero_span);
        }
        ids
    }

    /// Notes what is wrong with an id: anything when it was refused, what the tool refuses when it was not.
    fn note_id(&mut self, text: &str, kind: &str, read: Option<u128>, unreadable: Otherwise, zero: Otherwise) {
        let otherwise = match read {
            None => unreadable,
            Some(0) => zero,
            Some(_) => Otherwise::Kept,
        };
        let accepted = read.is_some_and(|id| id != 0 || zero == Otherwise::Kept && kind == "b3-trace-id");
        match faults::b3_id(text, kind) {
            Some((fault, refuses)) if refuses || !accepted => self.note(otherwise, fault),
            None if !accepted => self.note(otherwise, faults::refused_number(text)),
            _ => {}
        }
    }

    /// The decision of `x-b3-sampled` and `x-b3-flags`.
    fn decision(&mut self, headers: &Delivered) -> Option<i64> {
        let values = headers.values(SAMPLED);
        let debug = headers.value(FLAGS).as_deref() == Some("1");
        let last = values.last().map(|value| self.grammar.trim.apply(value));
        match self.grammar.sampled {
            Sampled::Digits if debug => Some(2),
            Sampled::Digits => {
                let text = last?;
                faults::b3_sampled(text).into_iter().for_each(|fault| self.causes.bends(fault));
                self.state(text).filter(|priority| *priority != 2)
            }
            Sampled::Number { reader, bits } => {
                let mut priority = None;
                for value in &values {
                    priority = reader.read(self.grammar.trim.apply(value), 10).and_then(|int| int.signed(bits));
                    if priority.is_none() {
                        let fault = faults::b3_sampled(value).unwrap_or_else(|| faults::refused_number(value));
                        self.causes.stops(fault);
                        self.failed = true;
                    }
                }
                priority
            }
            Sampled::Words { yes, no } => {
                // Nothing sent, and with Python's `or` also an empty value, is "not sampled".
                let text = last.unwrap_or_default();
                if debug || yes.contains(&text) {
                    return Some(1);
                }
                if last.is_some_and(|text| no.is_some_and(|no| !no.contains(&text))) {
                    self.causes.stops(faults::b3_sampled(text).unwrap_or("b3-sampled-invalid"));
                    self.nothing = true;
                }
                Some(0)
            }
        }
    }

    /// The decision of the third part of `b3`.
    fn state(&mut self, text: &str) -> Option<i64> {
        match (self.grammar.sampled, text) {
            (Sampled::Words { yes, .. }, _) => Some(i64::from(yes.contains(&text))),
            (_, "0") => Some(0),
            (_, "1") => Some(1),
            (_, "d") => Some(2),
            _ => None,
        }
    }

    fn context(self, ids: Ids, priority: Option<i64>) -> Read {
        if self.failed {
            return Read::Failed;
        }
        if !self.nothing {
            return Read::Found(Found {
                trace_id: ids.trace_id,
                parent: ids.parent,
                priority,
                short: ids.short,
                ..Found::default()
            });
        }
        match priority.filter(|_| self.grammar.lone_decision) {
            Some(_) => {
                self.causes.bends("b3-sampling-only");
                Read::Found(Found { priority, ..Found::default() })
            }
            None => Read::Nothing,
        }
    }

    /// Notes a cause by what it leads to.
    fn note(&mut self, otherwise: Otherwise, cause: Cause) {
        match otherwise {
            Otherwise::Nothing | Otherwise::Failed => self.causes.stops(cause),
            Otherwise::Absent | Otherwise::Zero | Otherwise::Kept => self.causes.bends(cause),
        }
    }

    fn apply(&mut self, otherwise: Otherwise) {
        match otherwise {
            Otherwise::Nothing => self.nothing = true,
            Otherwise::Failed => self.failed = true,
            Otherwise::Absent | Otherwise::Zero | Otherwise::Kept => {}
        }
    }
}

/// OpenTelemetry JS searches `b3` for ids; its pattern is not anchored.
fn anywhere(value: &str, causes: &mut Causes) -> Read {
    let bytes = value.as_bytes();
    let id = |from: usize, length: usize| value.get(from..from + length).filter(|id| is_hex(id, false)).and_then(hex);
    for start in 0..bytes.len() {
        for length in [32, 16] {
            let (Some(trace), Some(b'-')) = (id(start, length), bytes.get(start + length)) else { continue };
            let end = start + length + 17;
            let Some(span) = id(start + length + 1, 16) else { continue };
            let state = match (bytes.get(end), bytes.get(end + 1), bytes.get(end + 2)) {
                (Some(b'-'), Some(state @ (b'0' | b'1' | b'd')), next)
                    if !next.is_some_and(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
                {
                    Some(*state)
                }
                _ => None,
            };
            if start > 0 {
                causes.bends("b3-malformed");
            }
            if state.is_none() && bytes.get(end).is_some() {
                causes.bends("b3-state-invalid");
            }
            if trace == 0 || span == 0 {
                causes.stops(if trace == 0 { "b3-trace-id-zero" } else { "b3-span-id-zero" });
                return Read::Nothing;
            }
            return Read::Found(Found {
                trace_id: Some(trace),
                parent: Parent::of(span),
                priority: Some(i64::from(matches!(state, Some(b'1' | b'd')))),
                ..Found::default()
            });
        }
    }
    let mut ids = value.split('-').zip(["b3-trace-id", "b3-span-id"]);
    let fault = match value {
        "0" | "1" | "d" => "b3-sampling-only",
        _ if !value.contains('-') => "b3-malformed",
        _ => ids.find_map(|(id, kind)| faults::b3_id(id, kind)).map_or("b3-malformed", |(fault, _)| fault),
    };
    causes.stops(fault);
    Read::Nothing
}

//! `00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01`, by the grammar of one tracer.

use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::quirks::{Field, Otherwise, Quirks, Tail, Traceparent, Version00};
use super::{Cause, faults, tracestate};

/// The context of `traceparent` and `tracestate`.
pub(super) fn read(quirks: &Quirks, headers: &Delivered, causes: &mut Causes) -> Read {
    let Some(grammar) = &quirks.traceparent else { return Read::Nothing };
    let values = headers.values("traceparent");
    let Some((value, earlier)) = values.split_last() else {
        if headers.is_sent("traceparent") {
            causes.stops("traceparent-empty");
        }
        return Read::Nothing;
    };
    headers.note_repeated("traceparent", false, causes);
    if earlier.iter().any(|value| !value.is_empty()) {
        causes.stops("traceparent-duplicate");
        return Read::Failed;
    }
    let read = read_value(value, grammar, quirks, headers, causes);
    if !matches!(read, Read::Found(_)) {
        headers.note_repeated("traceparent", true, causes);
    }
    read
}

/// The same from the header that a tracer used before the standard.
pub(super) fn read_legacy(quirks: &Quirks, headers: &Delivered, causes: &mut Causes) -> Read {
    let Some(grammar) = &quirks.traceparent else { return Read::Nothing };
    let Some(name) = grammar.legacy.filter(|_| headers.value("traceparent").is_none()) else { return Read::Nothing };
    let Some(value) = headers.value(name) else { return Read::Nothing };
    headers.note_repeated(name, false, causes);
    let read = read_value(&value, grammar, quirks, headers, causes);
    if !matches!(read, Read::Found(_)) {
        headers.note_repeated(name, true, causes);
    }
    read
}

fn read_value(value: &str, grammar: &Traceparent, quirks: &Quirks, headers: &Delivered, causes: &mut Causes) -> Read {
    let fields = match fields(value, grammar, causes) {
        Ok(fields) => fields,
        Err(Otherwise::Failed) => return Read::Failed,
        Err(_) => return Read::Nothing,
    };
    // What the tool refuses and this tracer went on with.
    faults::traceparent(value).into_iter().for_each(|fault| causes.bends(fault));
    let mut found = fields.found();
    let states = headers.value("tracestate");
    if grammar.es_raises && states.as_deref().is_some_and(tracestate::raises_on_es) {
        causes.stops("tracers-disagree");
        return Read::Failed;
    }
    if grammar.decides {
        let flag = i64::from(fields.sampled);
        found.priority = Some(flag);
        if let (Some(states), Some(grammar)) = (states, &quirks.tracestate) {
            headers.note_repeated("tracestate", false, causes);
            let decided = tracestate::decided(&states, flag, grammar, causes);
            found.priority = decided.priority;
            found.last_parent = decided.last_parent;
        }
    }
    Read::Found(found)
}

struct Fields<'v> {
    trace_id: Option<u128>,
    trace_text: &'v str,
    parent: Option<u128>,
    parent_text: &'v str,
    sampled: bool,
}

impl Fields<'_> {
    fn found(&self) -> Found {
        let parent = match self.parent {
            Some(parent) => Parent::of(parent),
            None => Parent::Absent,
        };
        let blank = self.parent_text.bytes().all(|b| b == b'0');
        Found {
            trace_id: self.trace_id,
            raw_trace_id: self.trace_id.is_none().then(|| self.trace_text.to_owned()),
            parent: if blank { Parent::Absent } else { parent },
            raw_parent_id: (self.parent.is_none() && !blank).then(|| self.parent_text.to_owned()),
            ..Found::default()
        }
    }
}

/// The fields, or what a value that breaks the grammar does: the first field that does decides, every one of them is
/// a cause.
fn fields<'v>(value: &'v str, grammar: &Traceparent, causes: &mut Causes) -> Result<Fields<'v>, Otherwise> {
    let text = grammar.trim.apply(value);
    let malformed = grammar.malformed;
    let mut parts = text.splitn(5, '-');
    let (Some(version), Some(trace), Some(parent), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        faults::traceparent_or_refused(value).into_iter().for_each(|fault| causes.stops(fault));
        return Err(if text.is_empty() { Otherwise::Nothing } else { malformed });
    };
    let tail = parts.next();
    let mut refused = None;
    let mut refuse = |otherwise: Otherwise, cause: Cause| {
        refused.get_or_insert(otherwise);
        causes.stops(cause);
    };
    let raw = [version, trace, parent, flags];
    let past = |[second, third]: [usize; 2]| {
        let dash = version.len() + 1 + trace.len();
        dash > second || dash + 1 + parent.len() > third
    };
    if text.len() < grammar.min_len || grammar.dashes_until.is_some_and(past) {
        faults::traceparent_lengths(raw, tail).into_iter().for_each(|cause| refuse(malformed, cause));
    }
    let unpadded = |part: &'v str| part.trim_matches(grammar.field_padding);

    let version = unpadded(version);
    let number = grammar.version.read(version);
    let is = |text: &str, value| match number {
        Some(number) if !grammar.version_is_text => number.value == Some(value),
        _ => version == text,
    };
    if number.is_none() {
        refuse(malformed, faults::version(raw[0]).unwrap_or_else(|| faults::refused_field(raw[0])));
    } else if is("ff", 0xff) {
        refuse(malformed, "traceparent-version-ff");
    }
    let first_version = is("00", 0);

    let sampled = grammar.flags.read(flags);
    let flags_fault = faults::flags(flags);
    if !grammar.tail.passes(first_version, text, tail) {
        match tail {
            // After flags that are none nobody can tell where the rest begins.
            Some(_) if first_version && sampled.is_none() && flags_fault.is_some() => {
                refuse(malformed, "traceparent-flags-malformed");
            }
            Some(_) if first_version => refuse(malformed, "traceparent-trailing-data"),
            Some(rest) => refuse(malformed, faults::refused_field(rest)),
            None => faults::traceparent_lengths(raw, tail).into_iter().for_each(|cause| refuse(malformed, cause)),
        }
    }

    let zero_is_refused = |field: Field| !matches!(field, Field::Any { .. });
    let trace_text = unpadded(trace);
    let trace_id = grammar.trace_id.read(trace_text);
    match trace_id {
        None => refuse(malformed, faults::trace_id(trace).unwrap_or_else(|| faults::refused_field(trace))),
        Some(id) if id.value == Some(0) && zero_is_refused(grammar.trace_id) => {
            refuse(grammar.zero_trace, "traceparent-trace-id-zero");
        }
        Some(_) => {}
    }
    let parent_text = unpadded(parent);
    let parent_id = grammar.parent_id.read(parent_text);
    match parent_id {
        None => refuse(malformed, faults::parent_id(parent).unwrap_or_else(|| faults::refused_field(parent))),
        Some(id) if id.value == Some(0) && zero_is_refused(grammar.parent_id) => {
            refuse(Otherwise::Nothing, "traceparent-parent-id-zero");
        }
        Some(_) => {}
    }
    let over = |max: u8| sampled.is_some_and(|flags| flags.value.is_none_or(|value| value > u128::from(max)));
    if sampled.is_none() || (first_version && grammar.max_flags.is_some_and(over)) {
        refuse(malformed, flags_fault.unwrap_or_else(|| faults::refused_flags(flags)));
    }
    match (refused, trace_id, parent_id, sampled) {
        (None, Some(trace_id), Some(parent), Some(flags)) => {
            Ok(Fields { trace_id: trace_id.value, trace_text, parent: parent.value, parent_text, sampled: flags.odd })
        }
        (refused, ..) => Err(refused.unwrap_or(malformed)),
    }
}

impl Tail {
    /// Whether `tail` may follow the flags of the value `text`.
    fn passes(&self, first_version: bool, text: &str, tail: Option<&str>) -> bool {
        let ends_well = match (first_version, tail) {
            (true, _) if let Version00::Length(length) = self.version_00 => text.len() == length,
            (true, Some(rest)) => match self.version_00 {
                Version00::BareDash => rest.is_empty(),
                Version00::Anything => true,
                Version00::End | Version00::Length(_) => false,
            },
            (false, Some(rest)) => self.min == 0 || rest.chars().nth(self.min - 1).is_some(),
            (_, None) => true,
        };
        ends_well && !tail.is_some_and(|rest| rest.contains(self.except))
    }
}

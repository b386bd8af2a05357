//! `00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01`, by the grammar of one tracer.

use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::quirks::{Field, Otherwise, Quirks, Traceparent, Version00};
use super::{Cause, faults, note, tracestate};

/// The context of `traceparent` and `tracestate`.
pub(super) fn read(quirks: &Quirks, headers: &Delivered, causes: &mut Vec<Cause>) -> Read {
    let Some(grammar) = &quirks.traceparent else { return Read::Nothing };
    let values = headers.values("traceparent");
    let Some((value, earlier)) = values.split_last() else {
        if headers.is_sent("traceparent") {
            note(causes, "traceparent-empty");
        }
        return Read::Nothing;
    };
    headers.note_repeated("traceparent", causes);
    if earlier.iter().any(|value| !value.is_empty()) {
        return Read::Failed;
    }
    read_value(value, grammar, quirks, headers, causes)
}

/// The same from the header that a tracer used before the standard.
pub(super) fn read_legacy(quirks: &Quirks, headers: &Delivered, causes: &mut Vec<Cause>) -> Read {
    let Some(grammar) = &quirks.traceparent else { return Read::Nothing };
    let Some(name) = grammar.legacy.filter(|_| headers.value("traceparent").is_none()) else { return Read::Nothing };
    let Some(value) = headers.value(name) else { return Read::Nothing };
    headers.note_repeated(name, causes);
    read_value(&value, grammar, quirks, headers, causes)
}

fn read_value(
    value: &str,
    grammar: &Traceparent,
    quirks: &Quirks,
    headers: &Delivered,
    causes: &mut Vec<Cause>,
) -> Read {
    let fault = faults::traceparent(value);
    let fields = match fields(value, grammar) {
        Ok(fields) => fields,
        Err(otherwise) => {
            note(causes, fault.unwrap_or_else(|| faults::refused_traceparent(value)));
            return if otherwise == Otherwise::Failed { Read::Failed } else { Read::Nothing };
        }
    };
    if let Some(fault) = fault {
        note(causes, fault);
    }
    let mut found = fields.found();
    let states = headers.value("tracestate");
    if grammar.es_raises && states.as_deref().is_some_and(tracestate::raises_on_es) {
        note(causes, "tracers-disagree");
        return Read::Failed;
    }
    if grammar.decides {
        let flag = i64::from(fields.sampled);
        found.priority = Some(flag);
        if let (Some(states), Some(grammar)) = (states, &quirks.tracestate) {
            headers.note_repeated("tracestate", causes);
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

/// The fields, or what a value that breaks the grammar does.
fn fields<'v>(value: &'v str, grammar: &Traceparent) -> Result<Fields<'v>, Otherwise> {
    let text = grammar.trim.apply(value);
    if text.is_empty() {
        return Err(Otherwise::Nothing);
    }
    let malformed = grammar.malformed;
    if text.len() < grammar.min_len {
        return Err(malformed);
    }
    let mut parts = text.splitn(5, '-');
    let (Some(version), Some(trace), Some(parent), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed);
    };
    let tail = parts.next();
    if let Some([second, third]) = grammar.dashes_until {
        let dash = version.len() + 1 + trace.len();
        if dash > second || dash + 1 + parent.len() > third {
            return Err(malformed);
        }
    }
    let unpadded = |part: &'v str| part.trim_matches(grammar.field_padding);

    let version = unpadded(version);
    let number = grammar.version.read(version).ok_or(malformed)?;
    let is = |text: &str, value| if grammar.version_is_text { version == text } else { number.value == Some(value) };
    if is("ff", 0xff) {
        return Err(malformed);
    }
    let first_version = is("00", 0);
    let ends_well = match (first_version, tail) {
        (true, _) if let Version00::Length(length) = grammar.tail.version_00 => text.len() == length,
        (true, Some(rest)) => match grammar.tail.version_00 {
            Version00::BareDash => rest.is_empty(),
            Version00::Anything => true,
            Version00::End | Version00::Length(_) => false,
        },
        (false, Some(rest)) => rest.chars().nth(grammar.tail.min.saturating_sub(1)).is_some() || grammar.tail.min == 0,
        (_, None) => true,
    };
    if !ends_well || tail.is_some_and(|rest| rest.contains(grammar.tail.except)) {
        return Err(malformed);
    }

    let trace_text = unpadded(trace);
    let trace_id = grammar.trace_id.read(trace_text).ok_or(malformed)?.value;
    if trace_id == Some(0) && !matches!(grammar.trace_id, Field::Any { .. }) {
        return Err(grammar.zero_trace);
    }
    let parent_text = unpadded(parent);
    let parent = grammar.parent_id.read(parent_text).ok_or(malformed)?.value;
    if parent == Some(0) && !matches!(grammar.parent_id, Field::Any { .. }) {
        return Err(Otherwise::Nothing);
    }
    let flags = grammar.flags.read(flags).ok_or(malformed)?;
    let over = |max: u8| flags.value.is_none_or(|value| value > u128::from(max));
    if first_version && grammar.max_flags.is_some_and(over) {
        return Err(malformed);
    }
    Ok(Fields { trace_id, trace_text, parent, parent_text, sampled: flags.odd })
}

//! `x-datadog-trace-id: 123`, `x-datadog-parent-id: 45`, `x-datadog-sampling-priority: 1`,
//! `x-datadog-tags: _dd.p.tid=640cfd8d00000000`, as one tracer reads them.

use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::quirks::{Datadog, Length, Otherwise, TagKey, TagValue, Tags, WithoutEquals, ZeroTrace};
use super::{Cause, faults};

const TRACE_ID: &str = "x-datadog-trace-id";
const PARENT_ID: &str = "x-datadog-parent-id";
const PRIORITY: &str = "x-datadog-sampling-priority";
const ORIGIN: &str = "x-datadog-origin";
const TAGS: &str = "x-datadog-tags";

/// The context of the Datadog headers.
pub(super) fn read(grammar: &Datadog, headers: &Delivered, causes: &mut Causes) -> Read {
    let mut reading = Reading { grammar, headers, causes, failed: false, nothing: false };
    let trace = reading.trace_id();
    let parent = reading.parent_id();
    let priority = reading.priority();
    if reading.failed {
        return Read::Failed;
    }
    if reading.nothing {
        return Read::Nothing;
    }
    let tid = tid(&grammar.tags, headers, causes);
    let trace_id = match tid {
        Some(tid) => trace.and_then(|low| Some(u128::from(tid.high?) << 64 | u128::from(low))),
        None => trace.map(u128::from),
    };
    let sent = headers.is_sent(TRACE_ID);
    if grammar.zero_trace == ZeroTrace::BothHalves && trace_id == Some(0) {
        // One that is missing has left its cause already.
        if sent {
            causes.stops("datadog-trace-id-zero");
        }
        return Read::Nothing;
    }
    if trace_id.is_none() && parent == Parent::Absent && !sent {
        return Read::Nothing;
    }
    if !parent.is_some() {
        let origin = headers.value(ORIGIN);
        let cause = match headers.value(PARENT_ID) {
            Some(value) => faults::datadog_id(&value, "datadog-parent-id"),
            None if origin.as_deref().is_some_and(|origin| !origin.is_empty()) => {
                Some("datadog-parent-id-missing-with-origin")
            }
            None => Some("datadog-parent-id-missing"),
        };
        if grammar.rootless_needs_synthetics && origin.as_deref() != Some("synthetics") {
            cause.into_iter().for_each(|cause| causes.stops(cause));
            return Read::Nothing;
        }
        cause.into_iter().for_each(|cause| causes.bends(cause));
    }
    Read::Found(Found {
        trace_id,
        parent,
        priority,
        short: true,
        upper: tid.is_some_and(|tid| tid.upper),
        ..Found::default()
    })
}

/// One reading of the headers: what any of them does to the whole is kept until all were seen, because a failure
/// outweighs "nothing found".
struct Reading<'a, 'h> {
    grammar: &'a Datadog,
    headers: &'a Delivered<'h>,
    causes: &'a mut Causes,
    failed: bool,
    nothing: bool,
}

impl Reading<'_, '_> {
    fn trace_id(&mut self) -> Option<u64> {
        let values = self.headers.values(TRACE_ID);
        self.headers.note_repeated(TRACE_ID, false, self.causes);
        let mut last = None;
        for value in &values {
            let text = self.grammar.trim.apply(value);
            let fault = faults::datadog_id(value, "datadog-trace-id");
            let number = self.grammar.id.read(text, 10).and_then(|int| int.unsigned(64)).map(|value| value as u64);
            let refused = match self.grammar.zero_trace {
                ZeroTrace::Number => number == Some(0),
                ZeroTrace::Text => text.bytes().all(|b| b == b'0'),
                ZeroTrace::BothHalves | ZeroTrace::Kept => false,
            };
            last = number.filter(|_| !refused);
            if last.is_none() {
                let otherwise = if refused { Otherwise::Nothing } else { self.grammar.unreadable_trace };
                self.refuse(otherwise, TRACE_ID, fault.unwrap_or_else(|| faults::refused_number(value)));
            } else {
                self.note_misread(value, fault, last);
            }
        }
        if !values.is_empty() {
            return last;
        }
        let others = self.headers.value(PARENT_ID).is_some() || self.headers.value(PRIORITY).is_some();
        if others {
            let stops = self.grammar.missing_trace != Otherwise::Absent;
            let missing = "datadog-trace-id-missing";
            if stops { self.causes.stops(missing) } else { self.causes.bends(missing) }
        }
        self.apply(self.grammar.missing_trace);
        (self.grammar.missing_trace == Otherwise::Zero).then_some(0)
    }

    fn parent_id(&mut self) -> Parent {
        let values = self.headers.values(PARENT_ID);
        self.headers.note_repeated(PARENT_ID, false, self.causes);
        let mut last = Parent::Absent;
        for value in &values {
            let fault = faults::datadog_id(value, "datadog-parent-id");
            let int = self.grammar.id.read(self.grammar.trim.apply(value), 10);
            let parent = if self.grammar.parent_any_size {
                // What is below zero or over 128 bits is none; what is over 64 bits stays until a span is made.
                int.map(|int| int.unsigned(128).map_or(Parent::Absent, Parent::of))
            } else {
                int.and_then(|int| int.unsigned(64)).map(Parent::of)
            };
            match parent {
                Some(parent) => {
                    last = parent;
                    self.note_misread(value, fault, if let Parent::Id(id) = parent { Some(id) } else { None });
                }
                None => {
                    let cause = fault.unwrap_or_else(|| faults::refused_number(value));
                    self.refuse(self.grammar.unreadable_parent, PARENT_ID, cause);
                    last = Parent::Absent;
                }
            }
        }
        if values.is_empty() {
            if self.grammar.missing_parent == Otherwise::Nothing && !self.nothing {
                self.causes.stops("datadog-parent-id-missing");
            }
            self.apply(self.grammar.missing_parent);
        }
        last
    }

    fn priority(&mut self) -> Option<i64> {
        let values = self.headers.values(PRIORITY);
        self.headers.note_repeated(PRIORITY, false, self.causes);
        let mut last = None;
        for value in &values {
            let int = self.grammar.priority.read(self.grammar.trim.apply(value), 10);
            let bits = self.grammar.priority_bits;
            last = int.and_then(|int| if bits == 0 { Some(int.clamped()) } else { int.signed(bits) });
            let fault = faults::priority(value);
            if last.is_none() {
                let cause = fault.unwrap_or_else(|| faults::refused_number(value));
                self.refuse(self.grammar.unreadable_priority, PRIORITY, cause);
            } else if let Some(fault) = fault {
                self.causes.bends(fault);
            }
        }
        last
    }

    /// Notes what is wrong with an id that was accepted, or with its sign when that made it another number.
    fn note_misread(&mut self, value: &str, fault: Option<Cause>, read: Option<u64>) {
        let meant = faults::decimal(value);
        let fault = fault.or_else(|| (meant != read).then(|| faults::refused_number(value)));
        fault.into_iter().for_each(|fault| self.causes.bends(fault));
    }

    /// Takes in what an unusable value of the header does.
    fn refuse(&mut self, otherwise: Otherwise, name: &str, cause: Cause) {
        self.apply(otherwise);
        let stops = matches!(otherwise, Otherwise::Nothing | Otherwise::Failed);
        self.headers.note_repeated(name, stops, self.causes);
        if stops { self.causes.stops(cause) } else { self.causes.bends(cause) }
    }

    fn apply(&mut self, otherwise: Otherwise) {
        match otherwise {
            Otherwise::Nothing => self.nothing = true,
            Otherwise::Failed => self.failed = true,
            Otherwise::Absent | Otherwise::Zero | Otherwise::Kept => {}
        }
    }
}

/// The high half that `_dd.p.tid` gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct High {
    /// `None` for a negative number.
    high: Option<u64>,
    upper: bool,
}

/// The bytes or characters of `x-datadog-tags` that every tracer takes by default.
const MAX_TAGS: usize = 512;

fn tid(grammar: &Tags, headers: &Delivered, causes: &mut Causes) -> Option<High> {
    let mut last = None;
    for value in headers.values(TAGS) {
        let length = match grammar.length {
            Length::Bytes => value.len(),
            Length::Characters => value.chars().count(),
            Length::Utf16 => value.encode_utf16().count(),
        };
        // A line that is too long leaves what an earlier one said.
        if length > MAX_TAGS {
            causes.bends("datadog-tags-too-long");
            continue;
        }
        let mut found = Vec::new();
        last = tid_of(grammar, &value, &mut found).unwrap_or_else(|fault| {
            found.push(fault);
            None
        });
        if last.is_some() {
            found.extend(faults::tags(&value));
        }
        // Other tags decide nothing here, so losing them is no cause.
        if value.contains("_dd.p.tid") {
            headers.note_repeated(TAGS, false, causes);
            found.into_iter().for_each(|fault| causes.bends(fault));
        }
    }
    last
}

/// The `_dd.p.tid` of one value; an error loses all tags.
fn tid_of(grammar: &Tags, value: &str, found: &mut Vec<Cause>) -> Result<Option<High>, Cause> {
    let mut last = None;
    if value.is_empty() {
        return Ok(None);
    }
    let items = if grammar.trailing_comma { value.strip_suffix(',').unwrap_or(value) } else { value };
    // The only fault that is a matter of taste: an empty item at the very end.
    let trailing = value.ends_with(',') && !value.ends_with(",,");
    for item in items.split(',') {
        let (key, text) = match (item.split_once('='), grammar.without_equals) {
            (Some(pair), _) => pair,
            (None, WithoutEquals::Skipped) => continue,
            (None, _) if item.is_empty() && trailing => return Err("datadog-tags-trailing-comma"),
            (None, WithoutEquals::EmptyValue) if item.starts_with("_dd.p.") => (item, ""),
            (None, WithoutEquals::EmptyValue | WithoutEquals::AllLost) => return Err("datadog-tags-malformed"),
        };
        let text = grammar.text(key, text)?;
        if key != "_dd.p.tid" {
            continue;
        }
        let fault = faults::tid(text);
        match grammar.tid.read(text) {
            Some(high) => {
                last = Some(High { high, upper: text.contains(|c: char| c.is_ascii_uppercase()) });
                found.extend(fault.filter(|fault| *fault == "tid-malformed"));
            }
            None => {
                found.extend(fault);
                if !grammar.tid.skip_bad {
                    last = None;
                }
            }
        }
    }
    Ok(last)
}

impl Tags {
    /// The value, trimmed where the tracer does that.
    fn text<'v>(&self, key: &str, value: &'v str) -> Result<&'v str, Cause> {
        let visible = |key: &str| !key.is_empty() && key.bytes().all(|b| matches!(b, b'!'..=b'~'));
        let printable = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
        match self.key {
            TagKey::NotEmpty if key.is_empty() => return Err("datadog-tags-malformed"),
            TagKey::Visible if !visible(key) => return Err("datadog-tags-malformed"),
            TagKey::Propagated => match key.strip_prefix("_dd.p.") {
                Some(name) if visible(name) => {}
                None if visible(key) => return Err("datadog-tags-ignored-key"),
                _ => return Err("datadog-tags-malformed"),
            },
            TagKey::Any | TagKey::NotEmpty | TagKey::Visible => {}
        }
        match self.value {
            TagValue::Any => Ok(value),
            TagValue::NotEmpty if value.is_empty() => Err("datadog-tags-empty-value"),
            TagValue::NotEmpty => Ok(value),
            TagValue::Printable | TagValue::PrintableTrimmed if !printable(value) => Err("datadog-tags-malformed"),
            TagValue::Printable => Ok(value),
            TagValue::PrintableTrimmed => match value.trim_matches(' ') {
                "" => Err("datadog-tags-empty-value"),
                trimmed => Ok(trimmed),
            },
        }
    }
}

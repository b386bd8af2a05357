//! The headers as a carrier: names to what is read, values without surrounding blanks, repeated fields, and the
//! places of findings.
//!
//! ```text
//! X-Datadog-Trace-Id:  87654\r\n     name in any case; blanks and control characters around the value go
//! trace_parent: 00-...               never read, reported
//! HTTP_TRACEPARENT: 00-...           never read, reported
//! baggage: a=1   baggage: b=2        one list
//! ```

use super::codes;
use crate::context::PropagationStyle;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Source};
use std::ops::Range;

/// A header that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Name {
    DatadogTraceId,
    DatadogParentId,
    DatadogPriority,
    DatadogOrigin,
    DatadogTags,
    Traceparent,
    Tracestate,
    B3TraceId,
    B3SpanId,
    B3Sampled,
    B3Flags,
    B3ParentSpanId,
    B3,
    Baggage,
    Uber,
    XRay,
    Gcp,
    OtTraceId,
    OtSpanId,
    OtSampled,
    Sw8,
}

/// How many names there are.
const NAMES: usize = 21;

/// What a name is read as, whether the style counts as present by it alone when it is not enabled, and its spelling.
const KNOWN: [(Name, PropagationStyle, bool, &str); NAMES] = [
    (Name::DatadogTraceId, PropagationStyle::Datadog, true, "x-datadog-trace-id"),
    (Name::DatadogParentId, PropagationStyle::Datadog, false, "x-datadog-parent-id"),
    (Name::DatadogPriority, PropagationStyle::Datadog, false, "x-datadog-sampling-priority"),
    (Name::DatadogOrigin, PropagationStyle::Datadog, false, "x-datadog-origin"),
    (Name::DatadogTags, PropagationStyle::Datadog, false, "x-datadog-tags"),
    (Name::Traceparent, PropagationStyle::TraceContext, true, "traceparent"),
    (Name::Tracestate, PropagationStyle::TraceContext, false, "tracestate"),
    (Name::B3TraceId, PropagationStyle::B3Multi, true, "x-b3-traceid"),
    (Name::B3SpanId, PropagationStyle::B3Multi, false, "x-b3-spanid"),
    (Name::B3Sampled, PropagationStyle::B3Multi, false, "x-b3-sampled"),
    (Name::B3Flags, PropagationStyle::B3Multi, false, "x-b3-flags"),
    (Name::B3ParentSpanId, PropagationStyle::B3Multi, false, "x-b3-parentspanid"),
    (Name::B3, PropagationStyle::B3, true, "b3"),
    (Name::Baggage, PropagationStyle::Baggage, true, "baggage"),
    (Name::Uber, PropagationStyle::Jaeger, true, "uber-trace-id"),
    (Name::XRay, PropagationStyle::XRay, true, "x-amzn-trace-id"),
    (Name::Gcp, PropagationStyle::Gcp, true, "x-cloud-trace-context"),
    (Name::OtTraceId, PropagationStyle::OtTrace, true, "ot-tracer-traceid"),
    (Name::OtSpanId, PropagationStyle::OtTrace, false, "ot-tracer-spanid"),
    (Name::OtSampled, PropagationStyle::OtTrace, false, "ot-tracer-sampled"),
    (Name::Sw8, PropagationStyle::Sw8, true, "sw8"),
];

/// Spellings that are met in the wild and read by nobody, with what was meant.
const NEAR_MISSES: [(&str, Name); 13] = [
    ("trace-parent", Name::Traceparent),
    ("trace.parent", Name::Traceparent),
    ("trace_parent", Name::Traceparent),
    ("x-traceparent", Name::Traceparent),
    ("trace-state", Name::Tracestate),
    ("trace.state", Name::Tracestate),
    ("trace_state", Name::Tracestate),
    ("x-tracestate", Name::Tracestate),
    ("x-datadog-traceid", Name::DatadogTraceId),
    ("x-datadog-parentid", Name::DatadogParentId),
    ("x-datadog-span-id", Name::DatadogParentId),
    ("x-b3-trace-id", Name::B3TraceId),
    ("x-b3-span-id", Name::B3SpanId),
];

/// Headers that are recognised and shown only.
const SHOWN: [(&str, Option<PropagationStyle>); 10] = [
    ("traceresponse", Some(PropagationStyle::TraceContext)),
    ("jaeger-debug-id", Some(PropagationStyle::Jaeger)),
    ("jaeger-baggage", Some(PropagationStyle::Jaeger)),
    ("sw8-correlation", Some(PropagationStyle::Sw8)),
    ("sw8-x", Some(PropagationStyle::Sw8)),
    ("sentry-trace", None),
    ("elastic-apm-traceparent", None),
    ("grpc-trace-bin", None),
    ("newrelic", None),
    ("x-ot-span-context", None),
];

impl Name {
    /// The spelling on the wire.
    pub(super) fn text(self) -> &'static str {
        KNOWN[self as usize].3
    }

    /// The style that reads it.
    pub(super) fn style(self) -> PropagationStyle {
        KNOWN[self as usize].1
    }

    /// Names by which a style is noticed that is not enabled.
    pub(super) fn telling() -> impl Iterator<Item = Name> {
        KNOWN.iter().filter(|(_, _, telling, _)| *telling).map(|(name, ..)| *name)
    }

    fn of(name: &str) -> Option<Name> {
        let candidates: &[Name] = match name.len() {
            2 => &[Name::B3],
            3 => &[Name::Sw8],
            7 => &[Name::Baggage],
            10 => &[Name::Tracestate, Name::B3Flags],
            11 => &[Name::Traceparent, Name::B3SpanId],
            12 => &[Name::B3TraceId, Name::B3Sampled],
            13 => &[Name::Uber],
            14 => &[Name::DatadogTags],
            15 => &[Name::XRay],
            16 => &[Name::DatadogOrigin, Name::OtSpanId],
            17 => &[Name::B3ParentSpanId, Name::OtTraceId, Name::OtSampled],
            18 => &[Name::DatadogTraceId],
            19 => &[Name::DatadogParentId],
            21 => &[Name::Gcp],
            27 => &[Name::DatadogPriority],
            _ => return None,
        };
        // Lower case is what HTTP/2 and most clients send.
        let mut candidates = candidates.iter().copied();
        let exact = candidates.clone().find(|candidate| candidate.text() == name);
        exact.or_else(|| candidates.find(|candidate| candidate.text().eq_ignore_ascii_case(name)))
    }
}

/// What became of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderStatus {
    /// Something of the result comes from it.
    Used,
    /// It is known, and nothing was taken from it.
    Unused,
    /// It was rejected.
    Invalid,
    /// It is no header of propagation.
    Unknown,
}

impl HeaderStatus {
    /// The word in machine output.
    pub fn word(self) -> &'static str {
        match self {
            HeaderStatus::Used => "used",
            HeaderStatus::Unused => "unused",
            HeaderStatus::Invalid => "invalid",
            HeaderStatus::Unknown => "unknown",
        }
    }
}

/// A header of the set, in the same position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderUse {
    /// The style that it belongs to.
    pub style: Option<PropagationStyle>,
    /// What became of it.
    pub status: HeaderStatus,
    /// What it is read as.
    name: Option<Name>,
}

/// One field as it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'h> {
    /// Its name as given.
    name: &'h str,
    /// Its value without what surrounds it.
    pub(super) text: &'h str,
    /// Where the text begins in the value as given.
    start: usize,
    /// Position in the set.
    index: usize,
    /// Whether the set has more fields of the name.
    repeated: bool,
}

impl<'h> Value<'h> {
    /// Its name as given, without surrounding blanks.
    pub(super) fn name(&self) -> &'h str {
        self.name.trim_ascii()
    }
}

/// All fields of a name.
pub(super) enum Values<'h> {
    One([Value<'h>; 1]),
    Many(Vec<Value<'h>>),
}

impl<'h> Values<'h> {
    pub(super) fn as_slice(&self) -> &[Value<'h>] {
        match self {
            Values::One(value) => value,
            Values::Many(values) => values,
        }
    }
}

/// A header that may stand in the set once.
pub(super) enum Single<'h> {
    Absent,
    /// Several that differ: reported.
    Conflict,
    Given(Value<'h>),
}

impl<'h> Single<'h> {
    pub(super) fn given(self) -> Option<Value<'h>> {
        match self {
            Single::Given(value) => Some(value),
            Single::Absent | Single::Conflict => None,
        }
    }
}

/// Where a name stands in the set.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Position of the first field.
    first: u32,
    /// How many fields there are.
    count: u32,
}

/// A header as given: name and value.
pub(super) type Field<'h> = (&'h str, &'h str);

/// Styles as bits.
#[derive(Clone, Copy, Default)]
pub(super) struct StyleSet(u16);

impl StyleSet {
    pub(super) fn insert(&mut self, style: PropagationStyle) {
        self.0 |= 1 << style as u16;
    }

    pub(super) fn has(self, style: PropagationStyle) -> bool {
        self.0 & (1 << style as u16) != 0
    }
}

/// The headers of one set, what was found in them, and what became of them.
pub(super) struct Carrier<'h, 'x> {
    fields: &'x [Field<'h>],
    slots: [Slot; NAMES],
    present: StyleSet,
    uses: &'x mut Vec<HeaderUse>,
    pub(super) out: &'x mut Diagnostics,
}

impl<'h, 'x> Carrier<'h, 'x> {
    /// Sorts the fields of a set by name. `uses` is refilled.
    pub(super) fn new(fields: &'x [Field<'h>], uses: &'x mut Vec<HeaderUse>, out: &'x mut Diagnostics) -> Self {
        uses.clear();
        let mut carrier = Carrier { fields, slots: [Slot::default(); NAMES], present: StyleSet::default(), uses, out };
        // Fields beyond four thousand million are not read.
        for (index, &(name, raw)) in (0u32..).zip(fields) {
            let name = name.trim_ascii();
            let known = Name::of(name);
            let (style, status) = match known {
                Some(known) => {
                    let slot = &mut carrier.slots[known as usize];
                    if slot.count == 0 {
                        slot.first = index;
                    }
                    slot.count += 1;
                    carrier.present.insert(known.style());
                    (Some(known.style()), HeaderStatus::Unused)
                }
                None => carrier.unread(index as usize, name, raw),
            };
            carrier.uses.push(HeaderUse { style, status, name: known });
        }
        carrier
    }

    /// A name that is not read: shown only, misspelt, or nothing of ours.
    fn unread(&mut self, index: usize, name: &'h str, raw: &'h str) -> (Option<PropagationStyle>, HeaderStatus) {
        let nothing = (None, HeaderStatus::Unknown);
        // Every name that is looked for begins with one of these.
        let Some(b'e' | b'g' | b'h' | b'j' | b'n' | b'o' | b's' | b't' | b'u' | b'x') =
            name.bytes().next().map(|byte| byte.to_ascii_lowercase())
        else {
            return nothing;
        };
        if let Some((_, style)) = SHOWN.iter().find(|(shown, _)| shown.eq_ignore_ascii_case(name)) {
            return (*style, HeaderStatus::Unused);
        }
        let begins = |with: &str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        if begins("uberctx-") {
            return (Some(PropagationStyle::Jaeger), HeaderStatus::Unused);
        }
        if begins("ot-baggage-") {
            return (Some(PropagationStyle::OtTrace), HeaderStatus::Unused);
        }
        let place = |carrier: &Self, code: Code| {
            // Only a finding that is kept needs to know this, and a set may have very many fields.
            let kept = carrier.out.keeps(code, code.severity());
            let same = |(other, _): &&Field<'_>| other.trim_ascii().eq_ignore_ascii_case(name);
            let repeated = kept && carrier.fields.iter().filter(same).nth(1).is_some();
            Value { name, text: raw, start: 0, index, repeated }
        };
        if let Some((_, meant)) = NEAR_MISSES.iter().find(|(miss, _)| miss.eq_ignore_ascii_case(name)) {
            let place = place(self, codes::HEADER_NAME_NEAR_MISS);
            self.fault(codes::HEADER_NAME_NEAR_MISS, &place, 0..raw.len(), || {
                let line = format!("{}: {}", meant.text(), raw.trim_ascii());
                (format!("no tracer reads the header {name}; its name is {}", meant.text()), line)
            });
            return (Some(meant.style()), HeaderStatus::Unused);
        }
        let cgi = if begins("http_") { name.get(5..) } else { None };
        let spelt = |known: &str, cgi: &str| {
            known.len() == cgi.len()
                && known
                    .bytes()
                    .zip(cgi.bytes())
                    .all(|(known, cgi)| if known == b'-' { cgi == b'_' } else { known == cgi.to_ascii_lowercase() })
        };
        if let Some(cgi) = cgi
            && let Some((_, style, _, known)) = KNOWN.iter().find(|(.., known)| spelt(known, cgi))
        {
            let place = place(self, codes::HEADER_NAME_CGI_FORM);
            self.fault(codes::HEADER_NAME_CGI_FORM, &place, 0..raw.len(), || {
                let line = format!("{known}: {}", raw.trim_ascii());
                (format!("{name} is the CGI spelling of {known}; of the tracers only ddtrace reads it"), line)
            });
            return (Some(*style), HeaderStatus::Unused);
        }
        nothing
    }

    /// How often a header was given.
    pub(super) fn count(&self, name: Name) -> usize {
        self.slots[name as usize].count as usize
    }

    /// Whether any header of a style was given.
    pub(super) fn has_style(&self, style: PropagationStyle) -> bool {
        self.present.has(style)
    }

    /// The first field of a name, for the place of a finding.
    pub(super) fn first(&self, name: Name) -> Option<Value<'h>> {
        self.first_and_raw(name).map(|(value, _)| value)
    }

    #[inline(always)]
    fn first_and_raw(&self, name: Name) -> Option<(Value<'h>, &'h str)> {
        let slot = self.slots[name as usize];
        if slot.count == 0 {
            return None;
        }
        let index = slot.first as usize;
        let &(name, raw) = self.fields.get(index)?;
        let (text, start) = trimmed(raw);
        Some((Value { name, text, start, index, repeated: slot.count > 1 }, raw))
    }

    /// All fields of a name.
    #[inline(always)]
    pub(super) fn values(&mut self, name: Name) -> Option<Values<'h>> {
        let (first, raw) = self.first_and_raw(name)?;
        self.check_trim(&first, raw);
        if first.repeated { Some(Values::Many(self.many(name, first))) } else { Some(Values::One([first])) }
    }

    #[cold]
    fn many(&mut self, name: Name, first: Value<'h>) -> Vec<Value<'h>> {
        let mut values = vec![first];
        for (index, &(field, raw)) in self.fields.iter().enumerate().skip(first.index + 1) {
            if self.uses.get(index).is_some_and(|u| u.name == Some(name)) {
                let (text, start) = trimmed(raw);
                let value = Value { name: field, text, start, index, repeated: true };
                self.check_trim(&value, raw);
                values.push(value);
            }
        }
        values
    }

    /// The field of a name that may stand once. Fields that say the same count as one.
    pub(super) fn single(&mut self, name: Name) -> Single<'h> {
        match self.count(name) {
            0 => Single::Absent,
            1 => match self.values(name) {
                Some(Values::One([value])) => Single::Given(value),
                _ => Single::Absent,
            },
            _ => self.single_of_many(name),
        }
    }

    #[cold]
    fn single_of_many(&mut self, name: Name) -> Single<'h> {
        let Some(Values::Many(values)) = self.values(name) else { return Single::Absent };
        let first = values[0];
        if let Some(other) = values.iter().find(|value| value.text != first.text) {
            self.fault(codes::HEADER_DUPLICATE, other, 0..other.text.len(), || {
                let name = name.text();
                let message =
                    format!("{name} has {} values: {} and {}", values.len(), shown(first.text), shown(other.text));
                (message, format!("send one {name}; find the hop that appends instead of replacing"))
            });
            for value in &values {
                self.reject(value);
            }
            return Single::Conflict;
        }
        let second = values[1];
        self.fault(codes::HEADER_DUPLICATE_IDENTICAL, &second, 0..second.text.len(), || {
            let name = name.text();
            let message = format!("{name} was sent {} times with the value {}", values.len(), shown(first.text));
            (message, format!("send one {name}; two layers inject, disable one"))
        });
        Single::Given(first)
    }

    #[inline(always)]
    fn check_trim(&mut self, value: &Value<'_>, raw: &str) {
        if raw.len() != value.text.len() {
            self.report_trim(value, raw);
        }
    }

    #[cold]
    fn report_trim(&mut self, value: &Value<'_>, raw: &str) {
        let ends = [0..value.start, value.start + value.text.len()..raw.len()];
        let control = |part: &str| part.bytes().any(|byte| !matches!(byte, b' ' | b'\t'));
        if let Some(range) = ends.into_iter().find(|range| raw.get(range.clone()).is_some_and(control)) {
            let whole = Value { text: raw, start: 0, ..*value };
            let removed = raw.get(range.clone()).unwrap_or_default();
            self.fault(codes::HEADER_VALUE_CONTROL_TRIMMED, &whole, range, || {
                let name = value.name();
                (format!("{name} has {removed:?} around its value"), format!("{name}: {}", value.text))
            });
        }
    }

    /// Marks a field as rejected.
    pub(super) fn reject(&mut self, value: &Value<'_>) {
        if let Some(header) = self.uses.get_mut(value.index) {
            header.status = HeaderStatus::Invalid;
        }
    }

    /// Marks the fields of a style as used, those that were rejected aside.
    pub(super) fn mark_used(&mut self, style: PropagationStyle) {
        for header in self.uses.iter_mut() {
            let read = header.name.is_some_and(|name| name != Name::B3ParentSpanId);
            if read && header.style == Some(style) && header.status == HeaderStatus::Unused {
                header.status = HeaderStatus::Used;
            }
        }
    }

    /// Reports a finding in a part of a value; `text` makes its message and its help when it is kept.
    pub(super) fn fault(
        &mut self,
        code: Code,
        value: &Value<'_>,
        range: Range<usize>,
        text: impl FnOnce() -> (String, String),
    ) {
        if !self.out.keeps(code, code.severity()) {
            self.out.count(code, code.severity());
            return;
        }
        let (message, help) = text();
        let place = Place::Text {
            source: Source::Header(value.name().to_owned()),
            range: range.start + value.start..range.end + value.start,
            // Which of the fields of that name.
            line: value.repeated.then_some(value.index as u64 + 1),
        };
        self.out.report(Diagnostic::new(code, message).help(help).at(place));
    }

    /// Reports a finding on the whole set.
    pub(super) fn fault_overall(&mut self, code: Code, text: impl FnOnce() -> (String, String)) {
        if !self.out.keeps(code, code.severity()) {
            self.out.count(code, code.severity());
            return;
        }
        let (message, help) = text();
        self.out.report(Diagnostic::new(code, message).help(help));
    }
}

/// A value without surrounding SP, HTAB, CR, LF, VT, FF, and where it begins. No other blanks go: a no-break space
/// makes a value malformed.
#[inline(always)]
fn trimmed(raw: &str) -> (&str, usize) {
    match raw.as_bytes() {
        [first, .., last] if *first > b' ' && *last > b' ' => (raw, 0),
        _ => trim(raw),
    }
}

fn trim(raw: &str) -> (&str, usize) {
    let around = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c');
    let text = raw.trim_start_matches(around);
    let start = raw.len() - text.len();
    (text.trim_end_matches(around), start)
}

/// A value for a message: quoted, escaped, and cut when it is long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}

/// Parts of a text between a separator, with where each begins.
pub(super) fn split(text: &str, at: u8) -> impl Iterator<Item = (usize, &str)> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = text.get(start..)?;
        let part = match position(rest.as_bytes(), at) {
            Some(length) => {
                next = Some(start + length + 1);
                &rest[..length]
            }
            None => {
                next = None;
                rest
            }
        };
        Some((start, part))
    })
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where `byte` first stands: eight bytes at once, made for texts of a few dozen.
#[inline]
pub(super) fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        // The high bit of every byte that is zero now; above the lowest one there may be more, which are its carry.
        let found = word.wrapping_sub(ONES) & !word & HIGH;
        if found != 0 {
            return Some(number * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|other| *other == byte).map(|at| bytes.len() - rest.len() + at)
}

/// Whether all characters are ASCII from `least`, a blank or later, to `~`: eight at once.
#[inline]
pub(super) fn is_visible(text: &str, least: u8) -> bool {
    // The high bit stays where a byte is not below `least`, and where it is neither DEL nor beyond ASCII.
    let legal = |word: u64| ((word | HIGH) - ONES * u64::from(least)) & !word & !word.wrapping_add(ONES) & HIGH == HIGH;
    let bytes = text.as_bytes();
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().chain([last]).fold(true, |all, word| all & legal(u64::from_le_bytes(*word)))
        }
        None => bytes.iter().fold(true, |all, byte| all & (least..=b'~').contains(byte)),
    }
}

/// What stands before and after the first `at`.
pub(super) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let found = position(text.as_bytes(), at)?;
    Some((text.get(..found)?, text.get(found + 1..)?))
}

/// The range of a list item that begins at `start`; of an empty one the separator beside it, so that there is something
/// to point at.
pub(super) fn visible(value: &Value<'_>, start: usize, item: &str) -> Range<usize> {
    match item.len() {
        0 if start > 0 => start - 1..start,
        0 => 0..value.text.len().min(1),
        length => start..start + length,
    }
}

/// Without SP and HTAB around, and how many bytes went in front.
pub(super) fn without_blanks(text: &str) -> (usize, &str) {
    let rest = text.trim_start_matches([' ', '\t']);
    (text.len() - rest.len(), rest.trim_end_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn findings(headers: &[(&str, &str)]) -> (Vec<HeaderUse>, Diagnostics) {
        let (mut uses, mut out) = (Vec::new(), Diagnostics::default());
        let _ = Carrier::new(headers, &mut uses, &mut out);
        (uses, out)
    }

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (name, style, _, text) in KNOWN {
            assert_eq!(Name::of(text), Some(name));
            assert_eq!(Name::of(&text.to_ascii_uppercase()), Some(name));
            assert_eq!((KNOWN[name as usize].0, name.style()), (name, style), "{text}: order of the table");
        }
        assert_eq!(Name::of("trace-id"), None);
    }

    #[test]
    fn near_misses_and_cgi_names_are_told() {
        for (miss, _) in NEAR_MISSES {
            let (uses, out) = findings(&[(&miss.to_uppercase(), "x")]);
            assert_eq!(out.iter().next().map(Diagnostic::code), Some(codes::HEADER_NAME_NEAR_MISS), "{miss}");
            assert_eq!(uses[0].status, HeaderStatus::Unused);
        }
        for (.., text) in KNOWN {
            let (_, out) = findings(&[(&format!("HTTP_{}", text.to_uppercase().replace('-', "_")), "x")]);
            assert_eq!(out.iter().next().map(Diagnostic::code), Some(codes::HEADER_NAME_CGI_FORM), "{text}");
        }
        let (uses, out) = findings(&[("http_accept", "x"), ("x-trace", ""), ("", ""), ("h\u{e9}", "")]);
        assert!(out.is_empty() && uses.iter().all(|header| header.status == HeaderStatus::Unknown));
    }

    #[test]
    fn values_lose_what_no_header_may_end_in() {
        assert_eq!(trimmed(" \t00-x\r\n"), ("00-x", 2));
        assert_eq!(trimmed("\u{a0}x"), ("\u{a0}x", 0));
        assert_eq!(trimmed(" \x0b\x0c"), ("", 3));
        assert_eq!(trimmed(""), ("", 0));
    }

    proptest! {
        #[test]
        fn eight_bytes_at_once_are_the_bytes_one_by_one(text in "[ -~]{0,30}(\\PC|[\\x00-\\x20a-c\\x7f]){0,3}[ -~]{0,30}", byte in b' '..=b'~') {
            prop_assert_eq!(position(text.as_bytes(), byte), text.bytes().position(|other| other == byte));
            for least in [b' ', b'!'] {
                prop_assert_eq!(is_visible(&text, least), text.bytes().all(|byte| (least..=b'~').contains(&byte)));
            }
        }
    }

    #[test]
    fn parts_have_their_places() {
        assert_eq!(split("a,,b", b',').collect::<Vec<_>>(), [(0, "a"), (2, ""), (3, "b")]);
        assert_eq!(split("", b',').collect::<Vec<_>>(), [(0, "")]);
        assert_eq!(split(",", b',').collect::<Vec<_>>(), [(0, ""), (1, "")]);
    }
}

//! What travels between services: the propagated context, in the vocabulary of every style.
//!
//! ```
//! use spanglass::context::{SamplingPriority, SpanContext};
//!
//! let mut context = SpanContext::default();
//! context.priority = Some(SamplingPriority(2));
//! context.trace_tags.insert("_dd.p.dm", "-4");
//! assert_eq!(context.sampled(), Some(true));
//! assert_eq!(context.trace_tags.get("_dd.p.dm"), Some("-4"));
//! ```

use crate::id::{SpanId, TraceId};
use std::fmt;

/// A way of writing a trace context into headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropagationStyle {
    /// `x-datadog-*` headers.
    Datadog,
    /// W3C `traceparent` and `tracestate`.
    TraceContext,
    /// `x-b3-*` headers.
    B3Multi,
    /// The single `b3` header.
    B3,
    /// W3C `baggage`.
    Baggage,
    /// Nothing.
    None,
    /// `uber-trace-id`.
    Jaeger,
    /// `x-amzn-trace-id`.
    XRay,
    /// `x-cloud-trace-context`.
    Gcp,
    /// `ot-tracer-*`.
    OtTrace,
    /// SkyWalking's `sw8`.
    Sw8,
}

impl PropagationStyle {
    /// Every style, in the order in which those present are tried by default.
    pub const ALL: [PropagationStyle; 11] = [
        PropagationStyle::Datadog,
        PropagationStyle::TraceContext,
        PropagationStyle::B3Multi,
        PropagationStyle::B3,
        PropagationStyle::Baggage,
        PropagationStyle::None,
        PropagationStyle::Jaeger,
        PropagationStyle::XRay,
        PropagationStyle::Gcp,
        PropagationStyle::OtTrace,
        PropagationStyle::Sw8,
    ];

    /// The name used in configuration and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            PropagationStyle::Datadog => "datadog",
            PropagationStyle::TraceContext => "tracecontext",
            PropagationStyle::B3Multi => "b3multi",
            PropagationStyle::B3 => "b3",
            PropagationStyle::Baggage => "baggage",
            PropagationStyle::None => "none",
            PropagationStyle::Jaeger => "jaeger",
            PropagationStyle::XRay => "xray",
            PropagationStyle::Gcp => "gcp",
            PropagationStyle::OtTrace => "ottrace",
            PropagationStyle::Sw8 => "sw8",
        }
    }

    /// The style of that name.
    pub fn from_name(name: &str) -> Option<PropagationStyle> {
        PropagationStyle::ALL.into_iter().find(|style| style.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for PropagationStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Datadog's sampling decision: -1 user drop, 0 auto drop, 1 auto keep, 2 user keep. Other values are carried on.
/// That no decision was received is an `Option` around it, a state of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SamplingPriority(pub i32);

impl SamplingPriority {
    /// Whether the trace is kept.
    pub fn sampled(self) -> bool {
        self.0 > 0
    }

    /// What the number stands for; `None` outside -1 to 2.
    pub fn name(self) -> Option<&'static str> {
        match self.0 {
            -1 => Some("user drop"),
            0 => Some("auto drop"),
            1 => Some("auto keep"),
            2 => Some("user keep"),
            _ => None,
        }
    }
}

impl fmt::Display for SamplingPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What one service hands to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that sent it, or on the way out the span that sends. 0 when the trace goes on without a parent.
    pub span_id: SpanId,
    /// The decision; `None` when none was received.
    pub priority: Option<SamplingPriority>,
    /// The W3C random-trace-id flag; `None` when no traceparent took part.
    pub random: Option<bool>,
    /// Where the trace began, such as `synthetics` or `rum`.
    pub origin: OptionalText,
    /// `_dd.p.*` tags with their whole names, without `_dd.p.tid`: that is the high half of the trace id.
    pub trace_tags: TextMap,
    /// Members of other vendors, and `dd` as it was received.
    pub tracestate: Tracestate,
    /// For the span tag `_dd.parent_id`.
    pub last_datadog_parent: OptionalText,
    /// For the span tag `_dd.propagation_error`.
    pub propagation_error: OptionalText,
}

impl SpanContext {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.trace_id = TraceId(0);
        self.span_id = SpanId(0);
        self.priority = None;
        self.random = None;
        self.origin.clear();
        self.trace_tags.clear();
        self.tracestate.clear();
        self.last_datadog_parent.clear();
        self.propagation_error.clear();
    }

    /// Takes over everything of `other`, in the memory that is there.
    pub fn copy_from(&mut self, other: &SpanContext) {
        self.trace_id = other.trace_id;
        self.span_id = other.span_id;
        self.priority = other.priority;
        self.random = other.random;
        self.origin.copy_from(&other.origin);
        self.trace_tags.copy_from(&other.trace_tags);
        self.tracestate.copy_from(&other.tracestate);
        self.last_datadog_parent.copy_from(&other.last_datadog_parent);
        self.propagation_error.copy_from(&other.propagation_error);
    }

    /// Whether the decision keeps the trace; `None` without a decision.
    pub fn sampled(&self) -> Option<bool> {
        self.priority.map(SamplingPriority::sampled)
    }
}

/// A context that was seen but is not continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextLink {
    /// The other trace.
    pub trace_id: TraceId,
    /// The span in it.
    pub span_id: SpanId,
    /// 1 when it is sampled, 0 when not, `None` when that is unknown.
    pub flags: Option<u8>,
    /// The members of its tracestate, when it came as W3C headers that had any.
    pub tracestate: Option<String>,
    /// `terminated_context` or `propagation_behavior_extract`.
    pub reason: &'static str,
    /// The style of the headers that carried it.
    pub style: PropagationStyle,
}

/// An optional text that keeps its memory when it is emptied.
#[derive(Clone, Default)]
pub struct OptionalText {
    text: String,
    given: bool,
}

impl OptionalText {
    /// The text, when there is one.
    pub fn as_deref(&self) -> Option<&str> {
        self.given.then_some(self.text.as_str())
    }

    /// Whether there is a text, be it empty.
    pub fn is_some(&self) -> bool {
        self.given
    }

    /// Takes a text.
    pub fn set(&mut self, text: &str) {
        self.begin().push_str(text);
    }

    /// Begins a text, to be written by the caller.
    pub(crate) fn begin(&mut self) -> &mut String {
        self.given = true;
        self.text.clear();
        &mut self.text
    }

    /// Takes the text away.
    pub fn clear(&mut self) {
        self.given = false;
        self.text.clear();
    }

    /// Takes over what `other` has.
    pub fn copy_from(&mut self, other: &OptionalText) {
        self.given = other.given;
        self.text.clone_from(&other.text);
    }
}

impl From<&str> for OptionalText {
    fn from(text: &str) -> Self {
        OptionalText { text: text.to_owned(), given: true }
    }
}

impl PartialEq for OptionalText {
    fn eq(&self, other: &Self) -> bool {
        self.as_deref() == other.as_deref()
    }
}

impl Eq for OptionalText {}

impl fmt::Debug for OptionalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_deref().fmt(f)
    }
}

/// Baggage items, decoded.
pub type Baggage = TextMap;

/// Texts by name in the order of their first mention. All of it lies in one string, so that clearing and filling
/// it again allocates nothing. Made for a dozen entries: looking one up walks them all.
#[derive(Clone, Default)]
pub struct TextMap {
    text: String,
    entries: Vec<Entry>,
}

/// Byte positions in the text: `[key, value)` starts and the end of the value.
#[derive(Clone, Copy)]
struct Entry {
    key: (usize, usize),
    value: (usize, usize),
}

impl TextMap {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (self.part(entry.key), self.part(entry.value)))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.position(key).map(|at| self.part(self.entries[at].value))
    }

    /// Sets `key`. One that is there keeps its place and takes the new value; that is said with `true`.
    pub fn insert(&mut self, key: &str, value: &str) -> bool {
        self.insert_joined(["", key], value)
    }

    /// [`TextMap::insert`] of a key in two parts.
    pub(crate) fn insert_joined(&mut self, [head, tail]: [&str; 2], value: &str) -> bool {
        let same = |entry: &Entry| self.part(entry.key).strip_prefix(head) == Some(tail);
        let found = self.entries.iter().position(same);
        match found {
            Some(at) => self.entries[at].value = self.append(value),
            None => {
                let start = self.append(head).0;
                let key = (start, self.append(tail).1);
                let value = self.append(value);
                self.entries.push(Entry { key, value });
            }
        }
        found.is_some()
    }

    /// Takes `key` out; whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.position(key);
        if let Some(at) = found {
            self.entries.remove(at);
        }
        found.is_some()
    }

    /// Takes over the entries of `other`.
    pub fn copy_from(&mut self, other: &TextMap) {
        self.text.clone_from(&other.text);
        self.entries.clone_from(&other.entries);
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|entry| self.part(entry.key) == key)
    }

    fn part(&self, (start, end): (usize, usize)) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn append(&mut self, text: &str) -> (usize, usize) {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }
}

impl PartialEq for TextMap {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for TextMap {}

impl fmt::Debug for TextMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'t> FromIterator<(&'t str, &'t str)> for TextMap {
    fn from_iter<I: IntoIterator<Item = (&'t str, &'t str)>>(entries: I) -> Self {
        let mut map = TextMap::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

/// The members of a tracestate that are carried on, `dd` among them, in order.
#[derive(Clone, Default)]
pub struct Tracestate {
    /// `key=value` joined by `,`.
    text: String,
    /// Per member: its start, its `=` and its end.
    members: Vec<(usize, usize, usize)>,
}

impl Tracestate {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.members.clear();
    }

    /// The members joined by `,`: the header's value.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Members in order, as key and value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.members.iter().map(|&(start, equals, end)| (self.part(start, equals), self.part(equals + 1, end)))
    }

    /// The value of the member `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Appends a member. Neither part is checked.
    pub fn push(&mut self, key: &str, value: &str) {
        if !self.members.is_empty() {
            self.text.push(',');
        }
        let start = self.text.len();
        self.text.push_str(key);
        let equals = self.text.len();
        self.text.push('=');
        self.text.push_str(value);
        self.members.push((start, equals, self.text.len()));
    }

    /// Takes the last member off.
    pub fn pop(&mut self) {
        if let Some((start, ..)) = self.members.pop() {
            self.text.truncate(start.saturating_sub(1));
        }
    }

    /// Takes over the members of `other`.
    pub fn copy_from(&mut self, other: &Tracestate) {
        self.text.clone_from(&other.text);
        self.members.clone_from(&other.members);
    }

    fn part(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

impl PartialEq for Tracestate {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Tracestate {}

impl fmt::Debug for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Display for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_keeps_first_places_and_last_values() {
        let mut map: TextMap = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        assert_eq!(map.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        assert!(map.remove("a") && !map.remove("a"));
        assert_eq!(map, [("b", "2")].into_iter().collect());
        map.clear();
        assert!(map.is_empty() && map.get("b").is_none());
    }

    #[test]
    fn a_tracestate_is_its_text() {
        let mut state = Tracestate::default();
        state.push("dd", "s:1");
        state.push("acme", "x");
        assert_eq!((state.as_str(), state.get("acme"), state.len()), ("dd=s:1,acme=x", Some("x"), 2));
        state.pop();
        assert_eq!(state.as_str(), "dd=s:1");
        state.pop();
        state.pop();
        assert_eq!(state.as_str(), "");
        state.push("a", "");
        assert_eq!(state.as_str(), "a=");
    }

    #[test]
    fn an_empty_text_is_not_none() {
        let mut text = OptionalText::default();
        assert_eq!(text.as_deref(), None);
        text.set("");
        assert_eq!(text.as_deref(), Some(""));
        text.clear();
        assert_eq!(text, OptionalText::default());
    }
}

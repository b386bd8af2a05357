//! The conventions of a system: what its own documents say about names, tags and shapes of its traces (seeds-scenarios.md section 7).
//!
//! Every profile has the general rules G, in place of the findings S, T that say the same; the profiles of xmtpd, flowbot and CodeQ
//! look at the spans of their service alone. There is one finding per rule and span.

mod codeq;
pub mod codes;
mod flowbot;
mod xmtpd;

use super::codes::{
    CHILD_AFTER_PARENT, CHILD_BEFORE_PARENT, DUPLICATE_SPAN_ID, DURATION_OVERFLOW, NEGATIVE_DURATION, NO_ROOT,
    PARENT_MISSING, SPAN_ID_ZERO, START_BEFORE_2000, START_IN_FUTURE, TRACE_ID_ZERO,
};
use super::structure::{CLOCK_NOISE, Sink, flush_of};
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::time::{Nanos, Timestamp};
use crate::trace::{Span, SpanKind, Value};
use crate::tree::{Top, TraceTree, says_remote_parent};
use codes::{IDS_UNUSABLE, OUTSIDE_PARENT, PARENT_LOST, TIME_ABSURD};
use std::borrow::Cow;

/// Whose conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// xmtpd's tracing package.
    Xmtpd,
    /// flowbot.
    Flowbot,
    /// CodeQ.
    Codeq,
    /// Datadog's tracers, dd-trace-cpp first.
    Datadog,
    /// OpenTelemetry.
    Otel,
    /// The go-chi tutorial.
    Tutorial,
}

/// Findings that a rule G stands for.
const REPLACED: [Code; 11] = [
    TRACE_ID_ZERO,
    SPAN_ID_ZERO,
    DUPLICATE_SPAN_ID,
    PARENT_MISSING,
    NO_ROOT,
    CHILD_BEFORE_PARENT,
    CHILD_AFTER_PARENT,
    NEGATIVE_DURATION,
    DURATION_OVERFLOW,
    START_BEFORE_2000,
    START_IN_FUTURE,
];

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 6] =
        [Profile::Xmtpd, Profile::Flowbot, Profile::Codeq, Profile::Datadog, Profile::Otel, Profile::Tutorial];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Xmtpd => "xmtpd",
            Profile::Flowbot => "flowbot",
            Profile::Codeq => "codeq",
            Profile::Datadog => "dd",
            Profile::Otel => "otel",
            Profile::Tutorial => "tutorial",
        }
    }

    /// The service whose spans it looks at; `None` is every service.
    pub fn service(self) -> Option<&'static str> {
        match self {
            Profile::Xmtpd => Some("xmtpd"),
            Profile::Flowbot => Some("flowbot"),
            Profile::Codeq => Some("codeq"),
            Profile::Datadog | Profile::Otel | Profile::Tutorial => None,
        }
    }

    /// The rules that it adds, in their order.
    pub fn rules(self) -> impl Iterator<Item = Code> {
        let own = match self {
            Profile::Xmtpd => "XM",
            Profile::Flowbot => "FB",
            Profile::Codeq => "CQ",
            Profile::Datadog | Profile::Otel | Profile::Tutorial => "G",
        };
        codes::ALL.iter().copied().filter(move |code| code.id().starts_with('G') || code.id().starts_with(own))
    }

    /// Whether a finding is told under this profile: one of its rules, whatever kept data from being read, and of the general
    /// findings on requests, spans and traces those that concern its protocol.
    pub fn tells(self, code: Code) -> bool {
        let general = match self {
            Profile::Xmtpd | Profile::Flowbot | Profile::Codeq => "",
            Profile::Datadog | Profile::Tutorial => "HST",
            Profile::Otel => "OT",
        };
        if REPLACED.contains(&code) {
            return false;
        }
        let first = code.id().chars().next().unwrap_or_default();
        let numbered = code.id().len() == 4 && code.id().bytes().skip(1).all(|byte| byte.is_ascii_digit());
        !(numbered && "HSTO".contains(first)) || general.contains(first)
    }
}

/// Checks traces, one after the other.
pub struct Checker {
    profile: Profile,
    /// When the capture was made: nothing begins later.
    now: Timestamp,
    values: codeq::Values,
    seen: u64,
}

impl Checker {
    /// A checker of traces that were recorded up to `now`.
    pub fn new(profile: Profile, now: Timestamp) -> Checker {
        Checker { profile, now, values: codeq::Values::default(), seen: 0 }
    }

    /// Spans that were looked at so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Reports what breaks the conventions in one trace; `records` holds the record number of each of its payloads.
    pub fn trace(&mut self, tree: &TraceTree<'_, '_>, records: &[usize], out: &mut Diagnostics) {
        let mut sink = Sink::Report { records, out };
        for index in 0..tree.len() {
            let Some(span) = tree.span(index) else { continue };
            if self.profile.service().is_some_and(|service| service != span.service()) {
                continue;
            }
            let mut site = Site { tree, index, span, sink: &mut sink };
            general(&mut site, self.now);
            match self.profile {
                Profile::Xmtpd => xmtpd::span(&mut site),
                Profile::Flowbot => flowbot::span(&mut site),
                Profile::Codeq => codeq::span(&mut site, &mut self.values),
                Profile::Datadog | Profile::Otel | Profile::Tutorial => {}
            }
            self.seen += 1;
        }
        if self.profile == Profile::Flowbot {
            flowbot::receives(tree, &mut sink);
        }
    }
}

/// A span, and where findings on it go.
struct Site<'s, 't, 'b, 'o> {
    tree: &'s TraceTree<'t, 'b>,
    index: usize,
    span: Span<'b>,
    sink: &'s mut Sink<'o>,
}

impl<'b> Site<'_, '_, 'b, '_> {
    fn report(&mut self, code: Code, help: &'static str, message: impl FnOnce() -> String) {
        self.report_as(code, code.severity(), help, message);
    }

    fn report_as(&mut self, code: Code, severity: Severity, help: &'static str, message: impl FnOnce() -> String) {
        self.sink.take(code, severity, self.tree, self.index, || (message(), help));
    }

    /// A tag's value.
    fn value(&self, key: &str) -> Option<Value<'b>> {
        self.span.attributes().get(key)
    }

    /// Whether any of these tags is there.
    fn has(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.value(key).is_some())
    }

    /// A tag as text, whatever its type.
    fn text(&self, key: &str) -> Option<Cow<'b, str>> {
        Some(match self.value(key)? {
            Value::Str(text) => Cow::Borrowed(text),
            Value::Bool(value) => Cow::Owned(value.to_string()),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Float(number) => Cow::Owned(number.to_string()),
            _ => return None,
        })
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.text(key)?.parse().ok()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.text(key)?.parse().ok()
    }

    /// A text, or what says that there is none.
    fn shown(&self, key: &str) -> String {
        self.text(key).map_or_else(|| "nothing".to_owned(), |text| super::site::shown(&text))
    }
}

/// A start before this is none: 2015-01-01T00:00:00Z.
const EARLIEST: Timestamp = Timestamp(1_420_070_400_000_000_000);
/// A longer span is none.
const LONGEST: Nanos = Nanos(24 * 3_600 * 1_000_000_000);

fn general(site: &mut Site<'_, '_, '_, '_>, now: Timestamp) {
    let (tree, span) = (site.tree, site.span);
    let twice = tree.duplicates().binary_search(&(site.index as u32)).is_ok();
    if span.span_id().0 == 0 || span.trace_id().0 == 0 || twice {
        site.report(IDS_UNUSABLE, "give every span an id of its own, and every trace", || match () {
            () if span.span_id().0 == 0 => "the span id is 0".to_owned(),
            () if span.trace_id().0 == 0 => "the trace id is 0".to_owned(),
            () => format!("an earlier span of this trace has the id {} too", span.span_id()),
        });
    }
    if tree.top(site.index) == Some(Top::Orphan) && !begins_segment(span) {
        let parent = span.parent_id().unwrap_or_default();
        site.report(PARENT_LOST, "record for longer, or find out who dropped the parent", || {
            format!("the parent {parent} is not in the capture, and the span is no beginning of a process's part")
        });
    }
    let parent = tree.parent(site.index).filter(|parent| !handed_over(tree, *parent, site.index));
    if let Some(parent) = parent.and_then(|parent| tree.span(parent)) {
        let (early, late) = (parent.start() - span.start(), span.end() - parent.end());
        let inside = span.start() < parent.end();
        if early > CLOCK_NOISE {
            site.report(OUTSIDE_PARENT, "compare clocks, or mark the hand-off", || {
                format!("starts {} ns before its parent {}", early.0, parent.span_id())
            });
        } else if late > CLOCK_NOISE && inside {
            site.report(OUTSIDE_PARENT, "finish the parent later, or mark the hand-off", || {
                format!("ends {} ns after its parent {}", late.0, parent.span_id())
            });
        }
    }
    let (start, length) = (span.start(), span.duration());
    if length < Nanos(0) || length > LONGEST || start < EARLIEST || start > now {
        site.report(
            TIME_ABSURD,
            "times are nanoseconds since 1970; look for milliseconds, or a wrong clock",
            || match () {
                () if length < Nanos(0) => format!("the duration is {} ns", length.0),
                () if length > LONGEST => format!("the duration of {} ns is over a day", length.0),
                () if start < EARLIEST => format!("the start at {} ns is before 2015", start.0),
                () => format!("the start at {} ns is after the capture was made", start.0),
            },
        );
    }
}

/// Whether a span says that its parent is in another process.
fn begins_segment(span: Span<'_>) -> bool {
    let kind = span.kind();
    let said = span.attributes().text("span.kind").unwrap_or_default();
    says_remote_parent(span)
        || matches!(kind, SpanKind::Server | SpanKind::Consumer)
        || matches!(said, "server" | "consumer")
}

/// Whether a child may leave its parent's time: it runs in another process or later, on purpose.
fn handed_over(tree: &TraceTree<'_, '_>, parent: usize, child: usize) -> bool {
    let flush = |index| tree.input_index(index).and_then(|index| flush_of(tree.trace(), index));
    let apart = flush(parent) != flush(child);
    let (Some(parent), Some(child)) = (tree.span(parent), tree.span(child)) else { return apart };
    apart
        || parent.service() != child.service()
        || begins_segment(child)
        || parent.kind() == SpanKind::Producer
        || child.links().len() > 0
        || child.attributes().text("trace_linked") == Some("true")
}

#[cfg(test)]
mod tests;

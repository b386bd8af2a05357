//! From the contexts of the styles to one verdict: which one counts, what a later `traceparent` changes, and what
//! the span that is started from it has.

use super::causes::Causes;
use super::delivery::Delivered;
use super::found::{Found, Parent, Read};
use super::number::Trim;
use super::quirks::{DecisionWithoutId, Failures, Quirks, Reparent};
use super::{Cause, Outcome, Profile, Style, Verdict, b3, datadog, jaeger, note, traceparent, vendor};
use crate::context::PropagationStyle;
use crate::id::{SpanId, TraceId};

/// What the tracer of `profile` does.
pub(super) fn verdict(profile: &Profile, headers: &Delivered) -> Verdict {
    let quirks = profile.quirks;
    let mut composed = Composition { quirks, styles: profile.styles, headers, found: Vec::new(), because: Vec::new() };
    for style in profile.styles {
        let mut causes = Causes::default();
        let read = read(*style, quirks, headers, &mut causes);
        let first = composed.primary().is_none();
        match read {
            Read::Failed if quirks.compose.failures == Failures::Abort || first => {
                composed.note_all(causes, false);
                return composed.without_trace(Outcome::Drop, None);
            }
            Read::Failed => {}
            Read::Nothing if first => composed.note_all(causes, false),
            Read::Nothing => {}
            Read::Found(found) => {
                if first {
                    composed.note_all(causes, true);
                }
                composed.found.push((*style, found));
            }
        }
    }
    composed.verdict()
}

fn read(style: Style, quirks: &Quirks, headers: &Delivered, causes: &mut Causes) -> Read {
    match style {
        Style::Known(PropagationStyle::TraceContext) => traceparent::read(quirks, headers, causes),
        Style::ElasticLegacy => traceparent::read_legacy(quirks, headers, causes),
        Style::Sentry => vendor::read_sentry(headers, causes),
        Style::Known(PropagationStyle::XRay) => vendor::read_xray(headers, causes),
        Style::Known(PropagationStyle::Datadog) => match &quirks.datadog {
            Some(grammar) => datadog::read(grammar, headers, causes),
            None => Read::Nothing,
        },
        Style::Known(PropagationStyle::B3Multi) => match &quirks.b3 {
            Some(grammar) => b3::read_multi(grammar, headers, causes),
            None => Read::Nothing,
        },
        Style::Known(PropagationStyle::B3) => match &quirks.b3 {
            Some(grammar) => b3::read_single(grammar, headers, causes),
            None => Read::Nothing,
        },
        Style::Known(PropagationStyle::Jaeger) => match &quirks.jaeger {
            Some(grammar) => jaeger::read(grammar, headers, causes),
            None => Read::Nothing,
        },
        // Baggage never decides where a trace goes on; the others are read by none of these tracers.
        Style::Known(_) => Read::Nothing,
    }
}

const W3C: Style = Style::Known(PropagationStyle::TraceContext);
const DATADOG: Style = Style::Known(PropagationStyle::Datadog);
const BAGGAGE: Style = Style::Known(PropagationStyle::Baggage);

struct Composition<'a, 'h> {
    quirks: &'static Quirks,
    styles: &'static [Style],
    headers: &'a Delivered<'h>,
    found: Vec<(Style, Found)>,
    because: Vec<Cause>,
}

impl Composition<'_, '_> {
    /// The place of the context that counts.
    fn primary(&self) -> Option<usize> {
        let counts = |(_, found): &(Style, Found)| self.quirks.compose.first_counts || found.trace_id.is_some();
        self.found.iter().position(counts)
    }

    fn note_all(&mut self, causes: Causes, found: bool) {
        causes.counting(found).for_each(|cause| note(&mut self.because, cause));
    }

    fn verdict(mut self) -> Verdict {
        let rules = &self.quirks.compose;
        let Some(place) = self.primary() else {
            // A parent id without any trace id.
            let lost = rules.complete && self.found.iter().any(|(_, found)| found.parent != Parent::Absent);
            return self.without_trace(if lost { Outcome::Drop } else { Outcome::Restart }, None);
        };
        let (style, mut primary) = self.found[place].clone();
        if rules.priority_from_w3c {
            self.take_priority(style, &mut primary);
        }
        let mut links = 0;
        for (later, context) in self.found.iter().skip(place + 1) {
            let Some(trace_id) = context.trace_id else { continue };
            if primary.trace_id != Some(trace_id) || (rules.ids_are_text && primary.upper) {
                note_mismatch(&mut self.because, primary.trace_id, trace_id);
                if rules.raises && context.parent == Parent::TooBig {
                    return self.without_trace(Outcome::Restart, None);
                }
                links += usize::from(context.parent.is_some());
                continue;
            }
            if *later != W3C {
                continue;
            }
            if rules.priority_from_w3c && primary.priority.is_none() {
                primary.priority = context.priority;
                note(&mut self.because, "sampling-priority-absent");
            }
            if primary.parent == context.parent {
                continue;
            }
            let datadog = self.found.iter().find(|(style, _)| *style == DATADOG).map(|(_, found)| found);
            if rules.raises && !context.last_parent && datadog.is_some_and(|found| !found.parent.is_some()) {
                note(&mut self.because, "parent-id-mismatch");
                return self.without_trace(Outcome::Restart, None);
            }
            if rules.reparent == Reparent::Always || (rules.reparent == Reparent::WithDatadog && datadog.is_some()) {
                note(&mut self.because, "parent-id-mismatch");
                primary.parent = context.parent;
            }
        }
        self.started(style, primary, links > 0)
    }

    /// dd-trace-js gives a primary context without decision that of a `traceparent` of the same trace, once it has
    /// found Datadog headers, whether or not it is configured to read `traceparent`.
    fn take_priority(&mut self, style: Style, primary: &mut Found) {
        let datadog = self.found.iter().any(|(style, _)| *style == DATADOG);
        if !datadog || style == W3C || primary.priority.is_some() {
            return;
        }
        let Read::Found(w3c) = traceparent::read(self.quirks, self.headers, &mut Causes::default()) else { return };
        let same = match (primary.trace_id, w3c.trace_id) {
            (Some(a), Some(b)) if primary.short => a as u64 == b as u64,
            (a, b) => a.is_some() && a == b,
        };
        if same {
            primary.priority = w3c.priority;
            note(&mut self.because, "sampling-priority-absent");
            if primary.trace_id != w3c.trace_id {
                note(&mut self.because, "trace-id-low64-match");
            }
        }
    }

    /// The verdict on the span that is started from the context.
    fn started(self, style: Style, primary: Found, linked: bool) -> Verdict {
        let rules = &self.quirks.compose;
        let sampled = primary.priority.map(|priority| priority > 0);
        if primary.trace_id.is_none() && primary.raw_trace_id.is_none() {
            let kept = linked || rules.decision_without_id == DecisionWithoutId::Kept || self.has_baggage();
            return self.without_trace(Outcome::Restart, sampled.filter(|_| kept));
        }
        if rules.complete {
            let origin = self.headers.value("x-datadog-origin").is_some();
            if primary.parent == Parent::Absent && !origin {
                return self.without_trace(Outcome::Drop, None);
            }
            if primary.trace_id == Some(0) {
                return self.without_trace(Outcome::Drop, None);
            }
        }
        let parent_id = match primary.parent {
            Parent::Id(id) if id != 0 => Some(SpanId(id)),
            _ => None,
        };
        let followed = parent_id.is_some() || primary.raw_parent_id.is_some();
        Verdict {
            outcome: if followed { Outcome::Continue } else { Outcome::ContinueNoParent },
            style: Some(style),
            trace_id: primary.trace_id.map(TraceId),
            parent_id,
            sampled,
            raw_trace_id: primary.raw_trace_id,
            raw_parent_id: primary.raw_parent_id,
            because: self.because,
        }
    }

    /// Whether baggage is read and an item arrives: one that is malformed loses them all.
    fn has_baggage(&self) -> bool {
        let header = self.headers.value("baggage").filter(|_| self.styles.contains(&BAGGAGE));
        let Some(header) = header else { return false };
        let (mut any, mut bytes) = (false, 0);
        for item in header.split(',').take(64) {
            let Some((key, value)) = item.split_once('=') else { return false };
            bytes += item.len() + usize::from(any);
            if bytes > 8192 {
                break;
            }
            if Trim::Python.apply(key).is_empty() || Trim::Python.apply(value).is_empty() {
                return false;
            }
            any = true;
        }
        any
    }

    fn without_trace(self, outcome: Outcome, sampled: Option<bool>) -> Verdict {
        Verdict {
            outcome,
            style: None,
            trace_id: None,
            parent_id: None,
            sampled,
            raw_trace_id: None,
            raw_parent_id: None,
            because: self.because,
        }
    }
}

fn note_mismatch(because: &mut Vec<Cause>, primary: Option<u128>, other: u128) {
    let Some(primary) = primary.filter(|_| other != 0) else { return };
    note(because, "trace-id-mismatch");
    if primary as u64 == other as u64 {
        note(because, "trace-id-low64-match");
    }
}

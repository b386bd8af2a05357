//! Several styles in one header set: which are run, whose context counts, and what the others add to it.
//!
//! ```text
//! same trace, same parent           an ordinary hop
//! same trace, other W3C parent      a hop in between speaks only W3C: its parent is taken
//! other trace                       a hop began its own, or stale headers were copied: a span link
//! only the low halves are equal     a hop knows 64 bits
//! ```

use super::carrier::{Carrier, Name, StyleSet};
use super::place::{Part, fault_at};
use super::{Yield, codes};
use crate::context::{ContextLink, PropagationStyle, SpanContext};
use crate::id::SpanId;

/// A style that was run.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) style: PropagationStyle,
    pub(super) yielded: Yield,
    pub(super) context: SpanContext,
}

/// The styles to be run, each once.
pub(super) struct Wanted {
    styles: [PropagationStyle; PropagationStyle::ALL.len()],
    count: usize,
    set: StyleSet,
    /// Whether there was a list.
    listed: bool,
}

impl Wanted {
    pub(super) fn of(listed: &[PropagationStyle], carrier: &Carrier) -> Self {
        let (styles, set) = (PropagationStyle::ALL, StyleSet::default());
        let mut wanted = Wanted { styles, count: 0, set, listed: !listed.is_empty() };
        if listed.is_empty() {
            PropagationStyle::ALL
                .into_iter()
                .filter(|style| carrier.has_style(*style))
                .for_each(|style| wanted.push(style));
        }
        listed.iter().for_each(|style| wanted.push(*style));
        wanted
    }

    fn push(&mut self, style: PropagationStyle) {
        if !self.set.has(style)
            && let Some(place) = self.styles.get_mut(self.count)
        {
            *place = style;
            self.set.insert(style);
            self.count += usize::from(style != PropagationStyle::None);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PropagationStyle> {
        self.styles.iter().take(self.count).copied()
    }

    pub(super) fn has(&self, style: PropagationStyle) -> bool {
        self.set.has(style)
    }

    pub(super) fn only_none(&self) -> bool {
        self.listed && self.count == 0
    }
}

/// Joins a later context of the same trace. Priority, origin and tags stay the primary's; from W3C headers come the
/// tracestate, the random flag and, as the hop in between knows no other, the parent.
pub(super) fn join(
    carrier: &mut Carrier,
    (style, context): (PropagationStyle, &mut SpanContext),
    later: &Seen,
    datadog: Option<&Seen>,
) {
    if let (Some(first), Some(other)) = (context.priority, later.context.priority)
        && first != other
    {
        fault_at(carrier, codes::SAMPLING_PRIORITY_MISMATCH, later.style, Part::Priority, || {
            let message = format!("{style} carries sampling priority {first}, {} carries {other}", later.style);
            (message, format!("{first} counts, as {style} comes first; find the hop that changed one of them"))
        });
    }
    let (parent, other) = (context.span_id, later.context.span_id);
    if parent != other {
        fault_at(carrier, codes::PARENT_ID_MISMATCH, later.style, Part::Parent, || {
            let message = format!("{style} names parent {parent}, {} names {other} in the same trace", later.style);
            (message, "a hop in between writes only one of the styles; let it write both".into())
        });
    }
    if later.style != PropagationStyle::TraceContext {
        return;
    }
    carrier.mark_used(later.style);
    context.tracestate.copy_from(&later.context.tracestate);
    context.random = later.context.random;
    if parent != other {
        context.span_id = other;
        if let Some(p) = later.context.last_datadog_parent.as_deref() {
            context.last_datadog_parent.set(p);
        } else if let Some(datadog) = datadog
            && datadog.context.trace_id == context.trace_id
        {
            context.last_datadog_parent.set(&datadog.context.span_id.to_string());
        }
    }
}

/// A link to a context that is not continued; none when it names no span.
pub(super) fn link(style: PropagationStyle, context: &SpanContext, reason: &'static str) -> Option<ContextLink> {
    let carried = style == PropagationStyle::TraceContext && !context.tracestate.is_empty();
    (context.span_id != SpanId(0)).then(|| ContextLink {
        trace_id: context.trace_id,
        span_id: context.span_id,
        flags: context.sampled().map(u8::from),
        tracestate: carried.then(|| context.tracestate.as_str().to_owned()),
        reason,
        style,
    })
}

/// `style-not-enabled`
pub(super) fn report_not_enabled(carrier: &mut Carrier, wanted: &Wanted) {
    if !wanted.listed {
        return;
    }
    for name in Name::telling() {
        let style = name.style();
        if !wanted.has(style)
            && let Some(value) = carrier.first(name)
        {
            carrier.fault(codes::STYLE_NOT_ENABLED, &value, 0..value.text.len(), || {
                let mut names: Vec<&str> = wanted.iter().map(PropagationStyle::name).collect();
                let message = format!("{} is present, and the style {style} is not extracted", name.text());
                names.push(style.name());
                (message, format!("DD_TRACE_PROPAGATION_STYLE_EXTRACT={}", names.join(",")))
            });
        }
    }
}

/// `behavior-ignore-discarded`
pub(super) fn report_ignored(carrier: &mut Carrier) {
    if let Some(value) = Name::telling().find_map(|name| carrier.first(name)) {
        carrier.fault(codes::BEHAVIOR_IGNORE_DISCARDED, &value, 0..value.text.len(), || {
            let message = format!("{} and all other context headers are ignored", value.name());
            (message, "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=continue".into())
        });
    }
}

/// `behavior-restart`
pub(super) fn report_restart(carrier: &mut Carrier, style: PropagationStyle, context: &SpanContext) {
    fault_at(carrier, codes::BEHAVIOR_RESTART, style, Part::Trace, || {
        let message = match context.span_id {
            SpanId(0) => format!("a new trace begins; trace {} names no span to link to", context.trace_id),
            span => format!("a new trace begins; span {span} of trace {} becomes a link", context.trace_id),
        };
        (message, "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT=continue".into())
    });
}

/// `trace-id-mismatch`, `trace-id-low64-match`
pub(super) fn report_other_trace(
    carrier: &mut Carrier,
    (style, first): (PropagationStyle, &SpanContext),
    later: &Seen,
) {
    let (one, other) = (first.trace_id, later.context.trace_id);
    fault_at(carrier, codes::TRACE_ID_MISMATCH, later.style, Part::Trace, || {
        let message = format!("{style} names trace {one}, {} names trace {other}", later.style);
        (
            message,
            format!("trace {one} goes on, as {style} comes first; find the hop that copies or replaces one style"),
        )
    });
    if one.low() == other.low() {
        fault_at(carrier, codes::TRACE_ID_LOW64_MATCH, later.style, Part::Trace, || {
            let message = format!("{one} and {other} differ in the high half only");
            let high = if one.high() == 0 { other.high() } else { one.high() };
            (message, format!("x-datadog-tags: _dd.p.tid={high:016x}"))
        });
    }
}

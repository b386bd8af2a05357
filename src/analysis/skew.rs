//! Clocks that disagree: how far the spans of another service would have to be shifted to lie within what called them.
//!
//! The rule is Jaeger's. Where a span and its parent are of different services and the span does not lie within its parent, it is put into
//! the middle of it, or to its start when it is longer; what is below it in the same service goes along. Work that is handed over, and may
//! well run later, is not touched. This is a guess: two clocks and the network between them cannot be told apart afterwards.

use super::handoff;
use crate::time::{Nanos, Timestamp};
use crate::trace::{Batch, ChunkDraft, Span, SpanDraft, SpanKind};
use crate::tree::TraceTree;

/// How far each span would be shifted, by its number; `None` when nothing would be.
pub fn skew(tree: &TraceTree<'_, '_>) -> Option<Vec<Nanos>> {
    let mut shifts = vec![Nanos(0); tree.len()];
    let mut any = false;
    for node in tree.walk() {
        let Some(child) = tree.span(node.index) else { continue };
        let Some((above, parent)) = tree.parent(node.index).and_then(|at| Some((at, tree.span(at)?))) else { continue };
        let of_parent = shifts.get(above).copied().unwrap_or_default();
        let shift = match () {
            () if parent.service() == child.service() => of_parent,
            () if handed_over(child) => Nanos(0),
            () => into(parent.start() + of_parent, parent.duration(), child.start(), child.duration()),
        };
        any |= shift != Nanos(0);
        if let Some(place) = shifts.get_mut(node.index) {
            *place = shift;
        }
    }
    any.then_some(shifts)
}

fn into(start: Timestamp, length: Nanos, child: Timestamp, child_length: Nanos) -> Nanos {
    if child >= start && child + child_length <= start + length {
        return Nanos(0);
    }
    let latency = Nanos((length.0.saturating_sub(child_length.0) / 2).max(0));
    start + latency - child
}

/// Whether a span may run when its parent no longer does.
fn handed_over(child: Span<'_>) -> bool {
    handoff(child).is_some() || child.kind() == SpanKind::Consumer || child.links().len() > 0
}

/// The spans of a tree, each shifted, in its order.
pub fn shifted(tree: &TraceTree<'_, '_>, shifts: &[Nanos]) -> Batch {
    let mut batch = Batch::default();
    let dialect = tree.trace().spans().next().map(Span::dialect).unwrap_or_default();
    batch.set_dialect(dialect);
    batch.begin_chunk(&ChunkDraft::default());
    for number in 0..tree.len() {
        let Some(span) = tree.span(number) else { continue };
        let mut draft = SpanDraft::from(span);
        draft.start = draft.start + shifts.get(number).copied().unwrap_or_default();
        batch.push(&draft);
    }
    batch.finish();
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::trace::Trace;

    fn span(id: u64, parent: u64, service: &str, start: i64, length: i64) -> SpanDraft {
        SpanDraft {
            trace_id: TraceId(1),
            span_id: SpanId(id),
            parent_id: Some(SpanId(parent)).filter(|id| id.0 != 0),
            service: service.to_owned(),
            start: Timestamp(start),
            duration: Nanos(length),
            ..SpanDraft::default()
        }
    }

    fn shifts(spans: &[SpanDraft]) -> Option<Vec<i64>> {
        let mut batch = Batch::default();
        spans.iter().for_each(|span| batch.push(span));
        batch.finish();
        let trace = Trace::whole(TraceId(1), batch.view(&[]));
        let tree = TraceTree::of(&trace);
        let shifts = skew(&tree)?;
        let by_id = |id: u64| (0..tree.len()).find(|at| tree.span(*at).is_some_and(|span| span.span_id().0 == id));
        Some((1..=spans.len() as u64).map(|id| shifts[by_id(id).unwrap()].0).collect())
    }

    #[test]
    fn a_child_of_another_service_goes_into_its_parent() {
        // The clock of b is 1,000 ahead: 1,020 to 1,060 belongs to 20 to 60 of 0 to 100, and is put at 30 to 70; what it calls goes along.
        let skewed = [span(1, 0, "a", 0, 100), span(2, 1, "b", 1_020, 40), span(3, 2, "b", 1_030, 10)];
        assert_eq!(shifts(&skewed), Some(vec![0, -990, -990]));
        // Longer than its parent: from its start on.
        assert_eq!(shifts(&[span(1, 0, "a", 0, 100), span(2, 1, "b", -5, 300)]), Some(vec![0, 5]));
        // And back to the first service, whose clock is right.
        let back = [span(1, 0, "a", 0, 100), span(2, 1, "b", 1_020, 40), span(3, 2, "a", 45, 10)];
        assert_eq!(shifts(&back), Some(vec![0, -990, 0]));
    }

    #[test]
    fn what_may_run_later_is_not_touched() {
        assert_eq!(shifts(&[span(1, 0, "a", 0, 100), span(2, 1, "a", 500, 10)]), None);
        assert_eq!(shifts(&[span(1, 0, "a", 0, 100), span(2, 1, "b", 10, 10)]), None);
        let consumer = SpanDraft { kind: SpanKind::Consumer, ..span(2, 1, "b", 500, 10) };
        assert_eq!(shifts(&[span(1, 0, "a", 0, 100), consumer]), None);
    }
}

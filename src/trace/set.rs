//! Spans grouped by trace over many payloads, traces in the order in which they were first seen.

use super::view::{Payload, Span};
use crate::id::TraceId;
use std::collections::HashMap;

/// Decides which spans belong to one trace: equal low 64 bits, unless two different high halves say otherwise.
/// Chunks of one trace need not all carry the high half (`_dd.p.tid` stands on a chunk's first span only).
///
/// Ids come from outside, so they are found through the standard library's seeded hashing.
#[derive(Clone, Debug, Default)]
pub struct TraceJoin {
    ids: Vec<TraceId>,
    /// The first trace with these low 64 bits.
    by_low: HashMap<u64, u32>,
    /// The trace with this id, for ids with a high half.
    by_id: HashMap<TraceId, u32>,
    last: Option<(TraceId, usize)>,
}

impl TraceJoin {
    /// The number of the trace that `id` belongs to; a new one for a trace not seen before.
    #[inline]
    pub fn slot(&mut self, id: TraceId) -> usize {
        match self.last {
            Some((last, slot)) if last == id => slot,
            _ => self.look_up(id),
        }
    }

    fn look_up(&mut self, id: TraceId) -> usize {
        let first = self.by_low.get(&id.low()).map(|slot| *slot as usize);
        let slot = match (first, id.high()) {
            (Some(first), 0) => first,
            (first, _) => match (self.by_id.get(&id), first) {
                (Some(slot), _) => *slot as usize,
                // A trace that nobody gave a high half yet gets this one.
                (None, Some(first)) if self.ids[first].high() == 0 => first,
                (None, _) => {
                    self.ids.push(id);
                    self.ids.len() - 1
                }
            },
        };
        self.by_low.entry(id.low()).or_insert(slot as u32);
        if id.high() != 0 {
            self.by_id.insert(id, slot as u32);
            if self.ids[slot].high() == 0 {
                self.ids[slot] = id;
            }
        }
        self.last = Some((id, slot));
        slot
    }

    /// The ids of the traces so far, with their high half when any span said it.
    pub fn ids(&self) -> &[TraceId] {
        &self.ids
    }
}

/// The spans of one trace, in input order, wherever they came from.
#[derive(Clone, Debug)]
pub struct Trace<'b> {
    id: TraceId,
    payloads: Vec<Payload<'b>>,
    /// (payload, span) in input order; `None` when they are all spans of the only payload.
    spans: Option<Vec<(u32, u32)>>,
    len: usize,
}

impl<'b> Trace<'b> {
    /// The spans of `payloads` with the given positions; `None` for all spans of a payload.
    pub fn of(id: TraceId, payloads: Vec<Payload<'b>>, positions: &[Option<&[u32]>]) -> Self {
        if let ([only], [None]) = (payloads.as_slice(), positions) {
            return Trace { id, len: only.spans().len(), payloads, spans: None };
        }
        let mut spans = Vec::new();
        for ((number, payload), positions) in (0u32..).zip(&payloads).zip(positions) {
            match positions {
                None => spans.extend((0..payload.spans().len() as u32).map(|span| (number, span))),
                Some(positions) => spans.extend(positions.iter().map(|span| (number, *span))),
            }
        }
        Trace { id, payloads, len: spans.len(), spans: Some(spans) }
    }

    /// All spans of one payload, as one trace.
    pub fn whole(id: TraceId, payload: Payload<'b>) -> Self {
        Trace::of(id, vec![payload], &[None])
    }

    /// Its id, with the high half when any span said it.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// How many spans it has here.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn place(&self, index: usize) -> Option<(u32, u32)> {
        match &self.spans {
            None => Some((0, index as u32)),
            Some(spans) => spans.get(index).copied(),
        }
    }

    /// The span at `index` in input order.
    #[inline]
    pub fn span(&self, index: usize) -> Option<Span<'b>> {
        let (payload, span) = self.place(index)?;
        self.payloads.get(payload as usize)?.span(span as usize)
    }

    /// Its spans in input order.
    #[inline]
    pub fn spans(&self) -> impl Iterator<Item = Span<'b>> {
        (0..self.len).filter_map(|index| self.span(index))
    }

    /// The payloads that its spans came in, with the spans of other traces in them.
    pub fn payloads(&self) -> impl Iterator<Item = Payload<'b>> {
        self.payloads.iter().copied()
    }

    /// Number of the payload that the span at `index` came in, in the order in which they were given.
    pub fn payload_of(&self, index: usize) -> Option<usize> {
        self.place(index).map(|(payload, _)| payload as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_high_half_joins_and_a_different_one_does_not() {
        let mut join = TraceJoin::default();
        assert_eq!(join.slot(TraceId(5)), 0);
        assert_eq!(join.slot(TraceId::from_halves(7, 5)), 0);
        assert_eq!(join.slot(TraceId::from_halves(8, 5)), 1);
        assert_eq!(join.slot(TraceId(5)), 0);
        assert_eq!(join.ids(), [TraceId::from_halves(7, 5), TraceId::from_halves(8, 5)]);
    }
}

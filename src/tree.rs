//! The tree of one trace: who called whom, in the order in which it happened.
//!
//! Flat arrays over span indexes (input order), walked with an explicit stack: a trace may have a million spans or
//! a depth of a million. Children are ordered by start, ties by input order. Self time is the span's own interval
//! minus the union of its children's intervals clipped to it. What does not fit a tree is cut and kept: orphans,
//! spans that are their own parent and cycles become roots, each marked with why.

use crate::id::SpanId;
use crate::time::Nanos;
use crate::trace::{Span, Trace};

/// No span.
const NONE: u32 = u32::MAX;

/// Why a span stands at the top of its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    /// It has no parent.
    Root,
    /// Its parent is not in the input.
    Orphan,
    /// It names itself as its parent.
    SelfParent,
    /// Its ancestors lead back to it; the cycle was cut above its smallest span id.
    Cycle,
}

/// The spans of one trace as a forest.
#[derive(Clone, Debug)]
pub struct TraceTree<'t, 'b> {
    trace: &'t Trace<'b>,
    parent: Vec<u32>,
    /// `children[first_child[i]..first_child[i + 1]]` are the children of `i`.
    first_child: Vec<u32>,
    children: Vec<u32>,
    roots: Vec<u32>,
    duplicates: Vec<u32>,
    /// Tops that cut something, with why; all others are roots or orphans.
    cuts: Vec<(u32, Top)>,
}

/// One step of [`TraceTree::walk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Index of the span in input order.
    pub index: usize,
    /// 0 for a top.
    pub depth: usize,
    /// Whether no further sibling follows.
    pub last: bool,
}

impl<'t, 'b> TraceTree<'t, 'b> {
    /// Builds the tree of `trace`.
    pub fn of(trace: &'t Trace<'b>) -> Self {
        let count = trace.len();
        let (table, duplicates) = IdTable::of(trace);
        let mut parent = vec![NONE; count];
        let mut cuts = Vec::new();
        for (index, span) in trace.spans().enumerate() {
            let Some(wanted) = span.parent_id() else { continue };
            if wanted == span.span_id() {
                cuts.push((index as u32, Top::SelfParent));
            } else if let Some(found) = table.find(trace, wanted) {
                parent[index] = found;
            }
        }
        drop(table);
        let mut tree = TraceTree {
            trace,
            parent,
            first_child: Vec::new(),
            children: Vec::new(),
            roots: Vec::new(),
            duplicates,
            cuts,
        };
        tree.link();
        if tree.reachable() < count {
            tree.cut_cycles();
            tree.link();
        }
        tree
    }

    /// Fills children and roots from the parents.
    fn link(&mut self) {
        let count = self.parent.len();
        let mut next = vec![0u32; count + 1];
        for parent in &self.parent {
            if let Some(slot) = next.get_mut(*parent as usize) {
                *slot += 1;
            }
        }
        let mut total = 0;
        for slot in &mut next {
            total += std::mem::replace(slot, total);
        }
        let mut by_start = vec![(0i64, 0u32); total as usize];
        let mut roots = Vec::new();
        for (index, span) in self.trace.spans().enumerate() {
            let entry = (span.start().0, index as u32);
            match next.get_mut(self.parent[index] as usize) {
                Some(slot) => {
                    by_start[*slot as usize] = entry;
                    *slot += 1;
                }
                None => roots.push(entry),
            }
        }
        // Every slot now stands at its end, which is where the next one began.
        let mut begin = 0;
        for slot in &mut next {
            let end = std::mem::replace(slot, begin);
            let siblings = &mut by_start[begin as usize..end as usize];
            if !siblings.is_sorted() {
                siblings.sort_unstable();
            }
            begin = end;
        }
        roots.sort_unstable();
        self.first_child = next;
        self.children = by_start.into_iter().map(|(_, index)| index).collect();
        self.roots = roots.into_iter().map(|(_, index)| index).collect();
    }

    fn reachable(&self) -> usize {
        let mut open = self.roots.clone();
        let mut seen = 0;
        while let Some(index) = open.pop() {
            seen += 1;
            open.extend_from_slice(self.children(index as usize));
        }
        seen
    }

    /// Frees the smallest span id of every cycle from its parent.
    fn cut_cycles(&mut self) {
        let mut walk_of = vec![NONE; self.parent.len()];
        for start in 0..self.parent.len() as u32 {
            let mut at = start;
            while at != NONE && walk_of[at as usize] == NONE {
                walk_of[at as usize] = start;
                at = self.parent[at as usize];
            }
            if at == NONE || walk_of[at as usize] != start {
                continue;
            }
            let (first, mut smallest, mut next) = (at, at, self.parent[at as usize]);
            while next != first {
                if (self.id(next), next) < (self.id(smallest), smallest) {
                    smallest = next;
                }
                next = self.parent[next as usize];
            }
            self.parent[smallest as usize] = NONE;
            self.cuts.push((smallest, Top::Cycle));
        }
    }

    fn id(&self, index: u32) -> SpanId {
        self.trace.span(index as usize).map(Span::span_id).unwrap_or_default()
    }

    /// The trace it was built from.
    pub fn trace(&self) -> &'t Trace<'b> {
        self.trace
    }

    /// How many spans.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// The span at `index`, which must come from this tree.
    #[inline]
    pub fn span(&self, index: usize) -> Option<Span<'b>> {
        self.trace.span(index)
    }

    /// The parent in this tree.
    #[inline]
    pub fn parent(&self, index: usize) -> Option<usize> {
        self.parent.get(index).filter(|parent| **parent != NONE).map(|parent| *parent as usize)
    }

    /// Children by start, ties by input order.
    #[inline]
    pub fn children(&self, index: usize) -> &[u32] {
        match (self.first_child.get(index), self.first_child.get(index + 1)) {
            (Some(from), Some(to)) => self.children.get(*from as usize..*to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The tops by start, ties by input order: roots, orphans and what was cut.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// Why `index` stands at the top; `None` when it has a parent.
    pub fn top(&self, index: usize) -> Option<Top> {
        if self.parent(index).is_some() {
            return None;
        }
        let cut = self.cuts.iter().find(|(cut, _)| *cut as usize == index);
        Some(match cut {
            Some((_, top)) => *top,
            None if self.span(index)?.parent_id().is_some() => Top::Orphan,
            None => Top::Root,
        })
    }

    /// Spans whose id an earlier span of the trace has already; children hang under the earlier one.
    pub fn duplicates(&self) -> &[u32] {
        &self.duplicates
    }

    /// Spans that were freed from a parent because they were their own ancestor.
    pub fn cuts(&self) -> &[(u32, Top)] {
        &self.cuts
    }

    /// Own interval minus the union of the children's intervals clipped to it.
    pub fn self_time(&self, index: usize) -> Nanos {
        let Some(span) = self.span(index) else { return Nanos(0) };
        let (mut at, end) = (span.start().0, span.end().0);
        let mut own = 0i64;
        for child in self.children(index) {
            let Some(child) = self.span(*child as usize) else { continue };
            let (from, to) = (child.start().0, child.end().0);
            if from >= end {
                break;
            }
            if from > at {
                own = own.saturating_add(from - at);
            }
            at = at.max(to);
        }
        Nanos(own.saturating_add(end.saturating_sub(at).max(0)))
    }

    /// How far after its parent's end the span starts, when it does: an asynchronous hand-off.
    pub fn gap(&self, index: usize) -> Option<Nanos> {
        let (span, parent) = (self.span(index)?, self.span(self.parent(index)?)?);
        (span.start() >= parent.end()).then(|| span.start() - parent.end())
    }

    /// How far the span ends after its parent, when it starts inside it.
    pub fn overhang(&self, index: usize) -> Option<Nanos> {
        let (span, parent) = (self.span(index)?, self.span(self.parent(index)?)?);
        (span.start() < parent.end() && span.end() > parent.end()).then(|| span.end() - parent.end())
    }

    /// Every span, parents before children, siblings in order.
    pub fn walk(&self) -> Walk<'_> {
        Walk { first_child: &self.first_child, children: &self.children, open: vec![(&self.roots, 0)] }
    }

    /// First start and last end; `None` for an empty tree.
    pub fn extent(&self) -> Option<(crate::time::Timestamp, crate::time::Timestamp)> {
        self.trace.spans().fold(None, |extent, span| match extent {
            None => Some((span.start(), span.end())),
            Some((first, last)) => Some((span.start().min(first), span.end().max(last))),
        })
    }

    /// Bytes of heap that the tree takes, the trace not counted.
    pub fn heap_bytes(&self) -> usize {
        4 * (self.parent.capacity() + self.first_child.capacity() + self.children.capacity() + self.roots.capacity())
    }
}

/// Preorder with an explicit stack: one entry per level.
#[derive(Clone, Debug)]
pub struct Walk<'t> {
    first_child: &'t [u32],
    children: &'t [u32],
    open: Vec<(&'t [u32], usize)>,
}

impl Walk<'_> {
    /// Siblings that come after the node that was yielded last.
    pub fn rest_of_siblings(&self) -> &[u32] {
        match self.open.as_slice() {
            [.., (siblings, at), _] => siblings.get(*at..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Leaves out the descendants of the node that was yielded last.
    pub fn skip_children(&mut self) {
        self.open.pop();
    }
}

impl Iterator for Walk<'_> {
    type Item = Node;

    #[inline]
    fn next(&mut self) -> Option<Node> {
        loop {
            let depth = self.open.len().checked_sub(1)?;
            let (siblings, at) = &mut self.open[depth];
            let Some(index) = siblings.get(*at) else {
                self.open.pop();
                continue;
            };
            *at += 1;
            let (index, last) = (*index as usize, *at == siblings.len());
            let (from, to) = (self.first_child[index] as usize, self.first_child[index + 1] as usize);
            self.open.push((&self.children[from..to], 0));
            return Some(Node { index, depth, last });
        }
    }
}

/// Longest way to a free slot before the table is given up.
const MOST_PROBES: u32 = 256;

/// Finds spans by id: open addressing over indexes, 8 bytes a span. Ids come from outside, so a table that probes
/// too long (ids made to collide) gives way to a sorted list.
///
/// At most half the slots are taken, so that random ids stay far below [`MOST_PROBES`].
enum IdTable {
    Hashed { slots: Vec<u32>, shift: u32 },
    Sorted(Vec<(u64, u32)>),
}

impl IdTable {
    /// The table and the spans whose id was there already.
    fn of(trace: &Trace<'_>) -> (Self, Vec<u32>) {
        let bits = (trace.len().max(4) * 2).next_power_of_two().trailing_zeros();
        let mut slots = vec![NONE; 1 << bits];
        let shift = 64 - bits;
        let mut duplicates = Vec::new();
        for (index, span) in trace.spans().enumerate() {
            let id = span.span_id();
            let mut slot = hash(id.0, shift);
            for probe in 0.. {
                if probe == MOST_PROBES {
                    return Self::sorted(trace);
                }
                match slots[slot] {
                    NONE => {
                        slots[slot] = index as u32;
                        break;
                    }
                    other if trace.span(other as usize).is_some_and(|other| other.span_id() == id) => {
                        duplicates.push(index as u32);
                        break;
                    }
                    _ => slot = (slot + 1) & (slots.len() - 1),
                }
            }
        }
        (IdTable::Hashed { slots, shift }, duplicates)
    }

    #[cold]
    fn sorted(trace: &Trace<'_>) -> (Self, Vec<u32>) {
        let mut ids: Vec<(u64, u32)> =
            trace.spans().enumerate().map(|(index, span)| (span.span_id().0, index as u32)).collect();
        ids.sort_unstable();
        let mut duplicates = Vec::new();
        ids.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                duplicates.push(later.1);
            }
            same
        });
        duplicates.sort_unstable();
        (IdTable::Sorted(ids), duplicates)
    }

    #[inline]
    fn find(&self, trace: &Trace<'_>, id: SpanId) -> Option<u32> {
        match self {
            IdTable::Hashed { slots, shift } => {
                let mut slot = hash(id.0, *shift);
                loop {
                    let index = slots[slot];
                    if index == NONE {
                        return None;
                    }
                    if trace.span(index as usize).is_some_and(|span| span.span_id() == id) {
                        return Some(index);
                    }
                    slot = (slot + 1) & (slots.len() - 1);
                }
            }
            IdTable::Sorted(ids) => ids.binary_search_by_key(&id.0, |(id, _)| *id).ok().map(|position| ids[position].1),
        }
    }
}

#[inline]
fn hash(id: u64, shift: u32) -> usize {
    (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

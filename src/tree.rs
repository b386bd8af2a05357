//! The tree of one trace: who called whom, in the order in which it happened.
//!
//! Flat arrays over span indexes (input order), walked with an explicit stack: a trace may have a million spans or
//! a depth of a million. Children are ordered by start, ties by input order. Self time is the span's own interval
//! minus the union of its children's intervals clipped to it. What does not fit a tree is cut and kept: orphans,
//! spans that are their own parent and cycles become roots, each marked with why.

use crate::id::SpanId;
use crate::time::{Nanos, Timestamp};
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
    /// `children[first_child[i]..first_child[i + 1]]` are the children of `i`; those of the index after the last are
    /// the tops.
    first_child: Vec<u32>,
    children: Vec<u32>,
    /// Start and end of each of `children`: siblings lie side by side, where their spans lie anywhere.
    starts: Vec<i64>,
    ends: Vec<i64>,
    duplicates: Vec<u32>,
    /// Tops that cut something, with why; all others are roots or orphans.
    cuts: Vec<(u32, Top)>,
    shape: Shape,
}

/// What the whole tree looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Spans that can be reached from a top: all of them.
    reached: usize,
    /// Depth of the deepest span; 0 for a top.
    pub max_depth: usize,
    /// Spans that start after their parent's end.
    pub gaps: usize,
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
    /// When it starts.
    pub start: Timestamp,
    /// When it ends; a negative duration counts as none.
    pub end: Timestamp,
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
            } else if let Some(found) = table.find(wanted) {
                parent[index] = found;
            }
        }
        drop(table);
        let mut tree = TraceTree {
            trace,
            parent,
            first_child: Vec::new(),
            children: Vec::new(),
            starts: Vec::new(),
            ends: Vec::new(),
            duplicates,
            cuts,
            shape: Shape::default(),
        };
        tree.link();
        if tree.shape.reached < count {
            tree.cut_cycles();
            tree.link();
        }
        tree
    }

    /// Fills everything that follows from the parents.
    fn link(&mut self) {
        let count = self.parent.len();
        let slot_of = |parent: u32| if parent == NONE { count } else { parent as usize };
        let mut next = vec![0u32; count + 2];
        self.parent.iter().for_each(|parent| next[slot_of(*parent)] += 1);
        let mut total = 0;
        for slot in &mut next {
            total += std::mem::replace(slot, total);
        }
        self.children = vec![0; count];
        self.starts = vec![0; count];
        self.ends = vec![0; count];
        for ((index, span), parent) in (0u32..).zip(self.trace.spans()).zip(&self.parent) {
            let slot = &mut next[slot_of(*parent)];
            let position = *slot as usize;
            *slot += 1;
            self.children[position] = index;
            self.starts[position] = span.start().0;
            self.ends[position] = span.end().0;
        }
        // Every slot now stands at its end, which is where the next one began.
        let mut sorting: Vec<(i64, u32, i64)> = Vec::new();
        let mut begin = 0;
        for slot in &mut next[..=count] {
            let end = std::mem::replace(slot, begin);
            let (from, to) = (begin as usize, end as usize);
            begin = end;
            // Positions are in input order already, so ties need no look.
            if self.starts[from..to].is_sorted() {
                continue;
            }
            sorting.clear();
            sorting.extend((from..to).map(|at| (self.starts[at], self.children[at], self.ends[at])));
            sorting.sort_unstable();
            for (at, (start, index, end)) in (from..to).zip(&sorting) {
                (self.starts[at], self.children[at], self.ends[at]) = (*start, *index, *end);
            }
        }
        self.first_child = next;
        self.shape = self.measure();
    }

    fn measure(&self) -> Shape {
        let mut shape = Shape::default();
        let mut parent_ends: Vec<i64> = Vec::new();
        for node in self.walk() {
            shape.reached += 1;
            shape.max_depth = shape.max_depth.max(node.depth);
            parent_ends.truncate(node.depth);
            shape.gaps += usize::from(parent_ends.last().is_some_and(|end| node.start.0 > *end));
            parent_ends.push(node.end.0);
        }
        shape
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
        self.children(self.len())
    }

    /// Depth, gaps.
    pub fn shape(&self) -> Shape {
        self.shape
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
        self.span(index).map_or(Nanos(0), |span| self.self_time_within(index, span.start(), span.end()))
    }

    /// The same for a caller that knows the span's interval: nothing but the children's times is looked at.
    #[inline]
    pub fn self_time_within(&self, index: usize, start: Timestamp, end: Timestamp) -> Nanos {
        let (Some(from), Some(to)) = (self.first_child.get(index), self.first_child.get(index + 1)) else {
            return Nanos(0);
        };
        let children = *from as usize..*to as usize;
        let (Some(starts), Some(ends)) = (self.starts.get(children.clone()), self.ends.get(children)) else {
            return Nanos(0);
        };
        let (mut at, end) = (start.0, end.0);
        let mut own = 0i64;
        for (from, to) in starts.iter().zip(ends) {
            if *from >= end {
                break;
            }
            if *from > at {
                own = own.saturating_add(from.saturating_sub(at));
            }
            at = at.max(*to);
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
        let roots = match self.first_child.as_slice() {
            [.., from, to] => (*from, *to),
            _ => (0, 0),
        };
        Walk {
            first_child: &self.first_child,
            children: &self.children,
            starts: &self.starts,
            ends: &self.ends,
            open: vec![roots],
        }
    }

    /// First start and last end; `None` for an empty tree.
    pub fn extent(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.starts.iter().min()?, self.ends.iter().max()?);
        Some((Timestamp(*first), Timestamp(*last)))
    }

    /// Bytes of heap that the tree takes, the trace not counted.
    pub fn heap_bytes(&self) -> usize {
        4 * (self.parent.capacity() + self.first_child.capacity() + self.children.capacity())
            + 8 * (self.starts.capacity() + self.ends.capacity())
    }
}

/// Preorder with an explicit stack: one entry per level.
#[derive(Clone, Debug)]
pub struct Walk<'t> {
    first_child: &'t [u32],
    children: &'t [u32],
    starts: &'t [i64],
    ends: &'t [i64],
    /// Positions of the siblings still to come, level by level.
    open: Vec<(u32, u32)>,
}

impl Walk<'_> {
    /// Siblings that come after the node that was yielded last.
    pub fn rest_of_siblings(&self) -> &[u32] {
        match self.open.as_slice() {
            [.., (at, end), _] => self.children.get(*at as usize..*end as usize).unwrap_or_default(),
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
            let (at, end) = self.open.last_mut()?;
            if at == end {
                self.open.pop();
                continue;
            }
            let position = *at as usize;
            *at += 1;
            let last = at == end;
            let depth = self.open.len() - 1;
            let index = *self.children.get(position)? as usize;
            self.open.push((*self.first_child.get(index)?, *self.first_child.get(index + 1)?));
            let (start, end) = (Timestamp(*self.starts.get(position)?), Timestamp(*self.ends.get(position)?));
            return Some(Node { index, depth, last, start, end });
        }
    }
}

/// Longest way to a free slot before the table is given up.
const MOST_PROBES: u32 = 256;

/// Finds spans by id: open addressing, id and index side by side. Ids come from outside, so a table that probes too long
/// (ids made to collide) gives way to a sorted list.
///
/// At most half the slots are taken, so that random ids stay far below [`MOST_PROBES`].
enum IdTable {
    Hashed { slots: Vec<(u64, u32)>, shift: u32 },
    Sorted(Vec<(u64, u32)>),
}

impl IdTable {
    /// The table and the spans whose id was there already.
    fn of(trace: &Trace<'_>) -> (Self, Vec<u32>) {
        let bits = (trace.len().max(4) * 3 / 2).next_power_of_two().trailing_zeros();
        let mut slots = vec![(0, NONE); 1 << bits];
        let (shift, mask) = (64 - bits, slots.len() - 1);
        let mut duplicates = Vec::new();
        for (index, span) in (0u32..).zip(trace.spans()) {
            let id = span.span_id().0;
            let mut slot = hash(id, shift);
            for probe in 0.. {
                if probe == MOST_PROBES {
                    return Self::sorted(trace);
                }
                match slots[slot] {
                    (_, NONE) => {
                        slots[slot] = (id, index);
                        break;
                    }
                    (other, _) if other == id => {
                        duplicates.push(index);
                        break;
                    }
                    _ => slot = (slot + 1) & mask,
                }
            }
        }
        (IdTable::Hashed { slots, shift }, duplicates)
    }

    #[cold]
    fn sorted(trace: &Trace<'_>) -> (Self, Vec<u32>) {
        let mut ids: Vec<(u64, u32)> = trace.spans().zip(0u32..).map(|(span, index)| (span.span_id().0, index)).collect();
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
    fn find(&self, id: SpanId) -> Option<u32> {
        match self {
            IdTable::Hashed { slots, shift } => {
                let mut slot = hash(id.0, *shift);
                loop {
                    match slots[slot] {
                        (_, NONE) => return None,
                        (other, index) if other == id.0 => return Some(index),
                        _ => slot = (slot + 1) & (slots.len() - 1),
                    }
                }
            }
            IdTable::Sorted(ids) => {
                ids.binary_search_by_key(&id.0, |(id, _)| *id).ok().map(|position| ids[position].1)
            }
        }
    }
}

#[inline]
fn hash(id: u64, shift: u32) -> usize {
    (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

//! The tree of one trace: who called whom, in the order in which it happened.
//!
//! Spans are numbered in tree order (parents before children, children by start, ties by input order), in flat arrays: a
//! trace may have a million spans or a depth of a million, and drawing it reads memory from front to back. Self time is
//! the span's own interval minus the union of its children's intervals clipped to it. What does not fit a tree is cut and
//! kept: orphans, spans that are their own parent and cycles become roots, each marked with why.

use crate::id::SpanId;
use crate::time::{Nanos, Timestamp};
use crate::trace::{Dialect, Span, Trace};

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

/// The spans of one trace as a forest. Spans are meant by their number in tree order.
#[derive(Clone, Debug)]
pub struct TraceTree<'t, 'b> {
    trace: &'t Trace<'b>,
    /// Input order of each span.
    order: Vec<u32>,
    parent: Vec<u32>,
    depth: Vec<u32>,
    /// Itself and everything below it.
    size: Vec<u32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    roots: Vec<u32>,
    duplicates: Vec<u32>,
    /// Tops that cut something, with why, by number; all others are roots or orphans.
    cuts: Vec<(u32, Top)>,
    shape: Shape,
}

/// What the whole tree looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Depth of the deepest span; 0 for a top.
    pub max_depth: usize,
    /// Spans that start after their parent's end.
    pub gaps: usize,
}

/// One step of [`TraceTree::walk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Number of the span.
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
        let (table, duplicates) = IdTable::of(trace);
        let mut parent = vec![NONE; trace.len()];
        let mut cuts = Vec::new();
        for (index, span) in (0u32..).zip(trace.spans()) {
            let Some(wanted) = span.parent_id() else { continue };
            if wanted == span.span_id() {
                cuts.push((index, Top::SelfParent));
            } else if let Some(found) = table.find(wanted) {
                parent[index as usize] = found;
            }
        }
        drop(table);
        let mut tree = Self::numbered(trace, &parent);
        if tree.order.len() < trace.len() {
            cut_cycles(trace, &mut parent, &mut cuts);
            tree = Self::numbered(trace, &parent);
        }
        if !duplicates.is_empty() || !cuts.is_empty() {
            let mut number = vec![0; trace.len()];
            (0u32..).zip(&tree.order).for_each(|(at, index)| number[*index as usize] = at);
            tree.duplicates = duplicates.iter().map(|index| number[*index as usize]).collect();
            tree.duplicates.sort_unstable();
            tree.cuts = cuts.iter().map(|(index, top)| (number[*index as usize], *top)).collect();
            tree.cuts.sort_unstable_by_key(|(at, _)| *at);
        }
        tree
    }

    /// Numbers the spans that can be reached from a top; `parent` is by input order.
    fn numbered(trace: &'t Trace<'b>, parent: &[u32]) -> Self {
        let count = parent.len();
        let siblings = Siblings::of(trace, parent);
        let mut tree = TraceTree {
            trace,
            order: Vec::with_capacity(count),
            parent: Vec::with_capacity(count),
            depth: Vec::with_capacity(count),
            size: Vec::new(),
            starts: Vec::with_capacity(count),
            ends: Vec::with_capacity(count),
            roots: Vec::new(),
            duplicates: Vec::new(),
            cuts: Vec::new(),
            shape: Shape::default(),
        };
        // Positions among the siblings still to come, level by level, with the number of their parent.
        let mut open = vec![(siblings.of_span(count), NONE)];
        while let Some(((at, end), above)) = open.last_mut() {
            if at == end {
                open.pop();
                continue;
            }
            let (position, above) = (*at as usize, *above);
            *at += 1;
            let number = tree.order.len() as u32;
            let depth = open.len() - 1;
            let (start, end) = (siblings.starts[position], siblings.ends[position]);
            let index = siblings.order[position];
            if above == NONE {
                tree.roots.push(number);
            } else {
                tree.shape.gaps += usize::from(start > tree.ends[above as usize]);
            }
            tree.shape.max_depth = tree.shape.max_depth.max(depth);
            tree.order.push(index);
            tree.parent.push(above);
            tree.depth.push(depth as u32);
            tree.starts.push(start);
            tree.ends.push(end);
            let below = siblings.of_span(index as usize);
            if below.0 != below.1 {
                open.push((below, number));
            }
        }
        drop(siblings);
        tree.size = vec![1; tree.order.len()];
        for at in (0..tree.order.len()).rev() {
            if let Some(above) = tree.size.get(tree.parent[at] as usize) {
                tree.size[tree.parent[at] as usize] = above + tree.size[at];
            }
        }
        tree
    }

    /// The trace it was built from.
    pub fn trace(&self) -> &'t Trace<'b> {
        self.trace
    }

    /// How many spans.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Where the span stands in input order.
    #[inline]
    pub fn input_index(&self, number: usize) -> Option<usize> {
        self.order.get(number).map(|index| *index as usize)
    }

    /// The span with this number.
    #[inline]
    pub fn span(&self, number: usize) -> Option<Span<'b>> {
        self.trace.span(*self.order.get(number)? as usize)
    }

    /// The parent in this tree.
    #[inline]
    pub fn parent(&self, number: usize) -> Option<usize> {
        self.parent.get(number).filter(|parent| **parent != NONE).map(|parent| *parent as usize)
    }

    /// Children by start, ties by input order.
    pub fn children(&self, number: usize) -> impl Iterator<Item = usize> {
        let end = number + self.size.get(number).map_or(0, |size| *size as usize);
        let mut next = number + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += *self.size.get(child)? as usize;
            Some(child)
        })
    }

    /// The tops by start, ties by input order: roots, orphans and what was cut.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// Depth, gaps.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Why a span stands at the top; `None` when it has a parent.
    pub fn top(&self, number: usize) -> Option<Top> {
        if self.parent(number).is_some() {
            return None;
        }
        let cut = self.cuts.binary_search_by_key(&(number as u32), |(at, _)| *at).ok();
        Some(match cut.and_then(|at| self.cuts.get(at)) {
            Some((_, top)) => *top,
            None if self.span(number)?.parent_id().is_some() => Top::Orphan,
            None => Top::Root,
        })
    }

    /// Spans whose id an earlier span of the input has already, by number; children hang under the earlier one.
    pub fn duplicates(&self) -> &[u32] {
        &self.duplicates
    }

    /// Spans that were freed from a parent because they were their own ancestor, by number.
    pub fn cuts(&self) -> &[(u32, Top)] {
        &self.cuts
    }

    /// Own interval minus the union of the children's intervals clipped to it.
    pub fn self_time(&self, number: usize) -> Nanos {
        let (Some(start), Some(end), Some(size)) =
            (self.starts.get(number), self.ends.get(number), self.size.get(number))
        else {
            return Nanos(0);
        };
        let (mut at, mut own) = (*start, 0i64);
        let (mut child, beyond) = (number + 1, number + *size as usize);
        while child < beyond && self.starts[child] < *end {
            own = own.saturating_add(self.starts[child].saturating_sub(at).max(0));
            at = at.max(self.ends[child]);
            child += self.size[child] as usize;
        }
        Nanos(own.saturating_add(end.saturating_sub(at).max(0)))
    }

    /// How far after its parent's end the span starts, when it does: an asynchronous hand-off.
    pub fn gap(&self, number: usize) -> Option<Nanos> {
        let parent_end = *self.ends.get(self.parent(number)?)?;
        let start = *self.starts.get(number)?;
        (start >= parent_end).then(|| Nanos(start.saturating_sub(parent_end)))
    }

    /// How far the span ends after its parent, when it starts inside it.
    pub fn overhang(&self, number: usize) -> Option<Nanos> {
        let parent_end = *self.ends.get(self.parent(number)?)?;
        let (start, end) = (*self.starts.get(number)?, *self.ends.get(number)?);
        (start < parent_end && end > parent_end).then(|| Nanos(end.saturating_sub(parent_end)))
    }

    /// Every span, parents before children, siblings in order.
    pub fn walk(&self) -> Walk<'_> {
        Walk {
            parent: &self.parent,
            depth: &self.depth,
            size: &self.size,
            starts: &self.starts,
            ends: &self.ends,
            next: 0,
            beyond: 0,
        }
    }

    /// First start and last end; `None` for an empty tree.
    pub fn extent(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.starts.iter().min()?, self.ends.iter().max()?);
        Some((Timestamp(*first), Timestamp(*last)))
    }

    /// Bytes of heap that the tree takes, the trace not counted.
    pub fn heap_bytes(&self) -> usize {
        4 * (self.order.capacity() + self.parent.capacity() + self.depth.capacity() + self.size.capacity())
            + 8 * (self.starts.capacity() + self.ends.capacity())
    }
}

/// Whether a span says that its parent is in another process: by the remote flag of OTLP, or by the tags that Datadog's tracers put on
/// the first span of a process's part.
pub fn says_remote_parent(span: Span<'_>) -> bool {
    match span.dialect() {
        Dialect::Otlp => span.flags().is_some_and(|flags| flags & 0x200 != 0),
        Dialect::Datadog | Dialect::V1 => {
            let tags = span.attributes();
            tags.get("_dd.p.tid").is_some() || tags.get("_sampling_priority_v1").is_some()
        }
    }
}

/// The spans in tree order.
#[derive(Clone, Debug)]
pub struct Walk<'t> {
    parent: &'t [u32],
    depth: &'t [u32],
    size: &'t [u32],
    starts: &'t [i64],
    ends: &'t [i64],
    next: usize,
    /// First number behind the node that was yielded last and everything below it.
    beyond: usize,
}

impl Walk<'_> {
    /// Siblings that come after the node that was yielded last.
    pub fn rest_of_siblings(&self) -> impl Iterator<Item = usize> {
        let mut next = self.beyond;
        let end = self.end_of_siblings();
        std::iter::from_fn(move || {
            let sibling = (next < end).then_some(next)?;
            next += *self.size.get(sibling)? as usize;
            Some(sibling)
        })
    }

    fn end_of_siblings(&self) -> usize {
        let Some(number) = self.next.checked_sub(1) else { return 0 };
        match self.parent.get(number) {
            Some(&above) if above != NONE => above as usize + self.size.get(above as usize).map_or(0, |s| *s as usize),
            _ => self.size.len(),
        }
    }

    /// Leaves out the descendants of the node that was yielded last.
    pub fn skip_children(&mut self) {
        self.next = self.beyond;
    }
}

impl Iterator for Walk<'_> {
    type Item = Node;

    #[inline]
    fn next(&mut self) -> Option<Node> {
        let index = self.next;
        self.beyond = index + *self.size.get(index)? as usize;
        self.next = index + 1;
        Some(Node {
            index,
            depth: *self.depth.get(index)? as usize,
            last: self.beyond == self.end_of_siblings(),
            start: Timestamp(*self.starts.get(index)?),
            end: Timestamp(*self.ends.get(index)?),
        })
    }
}

/// Spans side by side with their siblings, by start: what the numbering is made from.
struct Siblings {
    /// The children of span `i` stand from `first[i]` to `first[i + 1]`; the tops behind those of the last span.
    first: Vec<u32>,
    /// Input order.
    order: Vec<u32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
}

impl Siblings {
    fn of(trace: &Trace<'_>, parent: &[u32]) -> Self {
        let count = parent.len();
        let slot_of = |parent: u32| if parent == NONE { count } else { parent as usize };
        let mut next = vec![0u32; count + 2];
        parent.iter().for_each(|parent| next[slot_of(*parent)] += 1);
        let mut total = 0;
        for slot in &mut next {
            total += std::mem::replace(slot, total);
        }
        let (mut order, mut starts, mut ends) = (vec![0; count], vec![0; count], vec![0; count]);
        for ((index, span), parent) in (0u32..).zip(trace.spans()).zip(parent) {
            let slot = &mut next[slot_of(*parent)];
            let position = *slot as usize;
            *slot += 1;
            (order[position], starts[position], ends[position]) = (index, span.start().0, span.end().0);
        }
        // Every slot now stands at its end, which is where the next one began.
        let mut sorting: Vec<(i64, u32, i64)> = Vec::new();
        let mut begin = 0;
        for slot in &mut next[..=count] {
            let end = std::mem::replace(slot, begin);
            let range = begin as usize..end as usize;
            begin = end;
            // Positions are in input order already, so ties need no look.
            if starts[range.clone()].is_sorted() {
                continue;
            }
            sorting.clear();
            sorting.extend(range.clone().map(|at| (starts[at], order[at], ends[at])));
            sorting.sort_unstable();
            for (at, (start, index, end)) in range.zip(&sorting) {
                (starts[at], order[at], ends[at]) = (*start, *index, *end);
            }
        }
        Siblings { first: next, order, starts, ends }
    }

    /// The positions of a span's children; of the tops for the index behind the last span.
    fn of_span(&self, index: usize) -> (u32, u32) {
        (self.first[index], self.first[index + 1])
    }
}

/// Frees the smallest span id of every cycle from its parent.
fn cut_cycles(trace: &Trace<'_>, parent: &mut [u32], cuts: &mut Vec<(u32, Top)>) {
    let id = |index: u32| trace.span(index as usize).map(Span::span_id).unwrap_or_default();
    let mut walk_of = vec![NONE; parent.len()];
    for start in 0..parent.len() as u32 {
        let mut at = start;
        while at != NONE && walk_of[at as usize] == NONE {
            walk_of[at as usize] = start;
            at = parent[at as usize];
        }
        if at == NONE || walk_of[at as usize] != start {
            continue;
        }
        let (first, mut smallest, mut next) = (at, at, parent[at as usize]);
        while next != first {
            if (id(next), next) < (id(smallest), smallest) {
                smallest = next;
            }
            next = parent[next as usize];
        }
        parent[smallest as usize] = NONE;
        cuts.push((smallest, Top::Cycle));
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
        let mut ids: Vec<(u64, u32)> =
            trace.spans().zip(0u32..).map(|(span, index)| (span.span_id().0, index)).collect();
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
            IdTable::Sorted(ids) => ids.binary_search_by_key(&id.0, |(id, _)| *id).ok().map(|position| ids[position].1),
        }
    }
}

#[inline]
fn hash(id: u64, shift: u32) -> usize {
    (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

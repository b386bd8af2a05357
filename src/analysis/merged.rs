//! Many traces as one: spans that stand under the same names are one frame, with their times added up.
//!
//! A frame's time is what its spans and those below them did themselves, so that a frame never has less than those below it. Inside one
//! span time that several children cover counts once for it; spans that ran beside each other each add their own, as in any flame graph
//! of several threads.

use super::Grouping;
use crate::time::Nanos;
use crate::tree::TraceTree;
use rustc_hash::FxHashMap;

/// Traces merged by the names of their spans.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    frames: Vec<Frame>,
    by_name: FxHashMap<(u32, u32), u32>,
    symbols: FxHashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    /// Traces that were added.
    pub traces: u64,
}

/// The spans that stand under the same names.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    name: u32,
    parent: u32,
    children: Vec<u32>,
    /// How many spans.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
    /// What they did themselves.
    pub own: Nanos,
    /// The same with everything below.
    pub total: Nanos,
}

/// No frame.
const NONE: u32 = u32::MAX;

impl Merged {
    /// Adds the spans of a trace; those that `by` takes together are one frame where they stand under the same.
    pub fn add(&mut self, tree: &TraceTree<'_, '_>, by: &Grouping) {
        self.traces += 1;
        let mut open: Vec<u32> = Vec::new();
        let mut label = String::new();
        for node in tree.walk() {
            let Some(span) = tree.span(node.index) else { continue };
            open.truncate(node.depth);
            label.clear();
            by.write(span, &mut label);
            let frame = self.frame(open.last().copied().unwrap_or(NONE), &label);
            open.push(frame);
            if let Some(frame) = self.frames.get_mut(frame as usize) {
                frame.count += 1;
                frame.errors += u64::from(span.error());
                frame.own = frame.own + tree.self_time(node.index);
            }
        }
    }

    fn frame(&mut self, parent: u32, label: &str) -> u32 {
        let name = match self.symbols.get(label) {
            Some(name) => *name,
            None => {
                let name = self.names.len() as u32;
                self.names.push(label.into());
                self.symbols.insert(label.into(), name);
                name
            }
        };
        if let Some(frame) = self.by_name.get(&(parent, name)) {
            return *frame;
        }
        let number = self.frames.len() as u32;
        self.frames.push(Frame { name, parent, ..Frame::default() });
        self.by_name.insert((parent, name), number);
        if let Some(parent) = self.frames.get_mut(parent as usize) {
            parent.children.push(number);
        }
        number
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The name of a frame: service, operation and resource.
    pub fn name(&self, frame: &Frame) -> &str {
        self.names.get(frame.name as usize).map_or("", |name| name)
    }

    /// Adds up the totals, and puts the largest first among its siblings.
    pub fn finish(&mut self) {
        for at in 0..self.frames.len() {
            self.frames[at].total = self.frames[at].own;
        }
        // Frames stand behind their parents.
        for at in (0..self.frames.len()).rev() {
            let (total, parent) = (self.frames[at].total, self.frames[at].parent);
            if let Some(parent) = self.frames.get_mut(parent as usize) {
                parent.total = parent.total + total;
            }
        }
        for at in 0..self.frames.len() {
            let mut children = std::mem::take(&mut self.frames[at].children);
            children.sort_by_key(|child| {
                let child = &self.frames[*child as usize];
                (std::cmp::Reverse(child.total), self.names[child.name as usize].clone())
            });
            self.frames[at].children = children;
        }
    }

    /// Every frame with its depth, parents before children, the largest first.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Frame)> {
        let mut roots: Vec<u32> =
            (0u32..).zip(&self.frames).filter(|(_, frame)| frame.parent == NONE).map(|(at, _)| at).collect();
        roots.sort_by_key(|at| {
            let frame = &self.frames[*at as usize];
            (frame.total, std::cmp::Reverse(self.names[frame.name as usize].clone()))
        });
        let mut open: Vec<(usize, u32)> = roots.into_iter().map(|root| (0, root)).collect();
        std::iter::from_fn(move || {
            let (depth, at) = open.pop()?;
            let frame = self.frames.get(at as usize)?;
            open.extend(frame.children.iter().rev().map(|child| (depth + 1, *child)));
            Some((depth, frame))
        })
    }

    /// Lines for flame graph tools: the names from the root down, and the frame's own time in nanoseconds. In the order of the names.
    pub fn folded(&self) -> Vec<String> {
        let mut path: Vec<String> = Vec::new();
        let mut lines: Vec<String> = self
            .walk()
            .map(|(depth, frame)| {
                path.truncate(depth);
                // Both part a line, and a control character would end it.
                path.push(self.name(frame).chars().map(|c| if c == ';' || c.is_control() { '_' } else { c }).collect());
                format!("{} {}", path.join(";"), frame.own.0.max(0))
            })
            .collect();
        lines.sort_unstable();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::time::Timestamp;
    use crate::trace::{Batch, SpanDraft, Trace};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// `(parent, name, start, duration)`; ids are positions from 1.
    type Row = (usize, u8, i64, i64);

    fn merged(traces: &[Vec<Row>]) -> Merged {
        let mut merged = Merged::default();
        for rows in traces {
            let mut batch = Batch::default();
            for (at, (parent, name, start, duration)) in rows.iter().enumerate() {
                batch.push(&SpanDraft {
                    trace_id: TraceId(1),
                    span_id: SpanId(at as u64 + 1),
                    parent_id: Some(SpanId(*parent as u64)).filter(|id| id.0 != 0),
                    service: "s".to_owned(),
                    name: char::from(b'a' + name % 26).to_string(),
                    start: Timestamp(*start),
                    duration: Nanos(*duration),
                    ..SpanDraft::default()
                });
            }
            batch.finish();
            let trace = Trace::whole(TraceId(1), batch.view(&[]));
            merged.add(&TraceTree::of(&trace), &Grouping::Operation);
        }
        merged.finish();
        merged
    }

    #[test]
    fn the_same_path_is_one_frame() {
        // a(0..100) with b(0..60) and b(40..90), which run at the same time from 40 to 60; and a(0..50) with c(10..20).
        let traces = [vec![(0, 0, 0, 100), (1, 1, 0, 60), (1, 1, 40, 50)], vec![(0, 0, 0, 50), (1, 2, 10, 10)]];
        let merged = merged(&traces);
        let rows: Vec<_> = merged
            .walk()
            .map(|(depth, frame)| (depth, merged.name(frame).to_owned(), frame.count, frame.own.0, frame.total.0))
            .collect();
        assert_eq!(
            rows,
            [
                // Own: 100 - 90 and 50 - 10; below it 110 of b and 10 of c.
                (0, "s: a".to_owned(), 2, 50, 170),
                (1, "s: b".to_owned(), 2, 110, 110),
                (1, "s: c".to_owned(), 1, 10, 10),
            ]
        );
        assert_eq!(merged.folded(), ["s: a 50", "s: a;s: b 110", "s: a;s: c 10"]);
    }

    proptest! {
        /// Against stacks that are spelled out for every span.
        #[test]
        fn merging_is_adding_up_stacks(traces in prop::collection::vec(prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, 0..100i64, 0..100i64), 1..12), 1..4)) {
            let rows = |spans: &Vec<(prop::sample::Index, u8, i64, i64)>| -> Vec<Row> {
                spans.iter().enumerate().map(|(at, (parent, name, start, length))| (if at == 0 { 0 } else { parent.index(at) + 1 }, *name, *start, *length)).collect()
            };
            let traces: Vec<Vec<Row>> = traces.iter().map(rows).collect();
            let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
            for rows in &traces {
                for (at, (_, _, start, length)) in rows.iter().enumerate() {
                    let mut path = Vec::new();
                    let mut up = at + 1;
                    while up != 0 {
                        path.push(format!("s: {}", char::from(b'a' + rows[up - 1].1 % 26)));
                        up = rows[up - 1].0;
                    }
                    path.reverse();
                    let covered = |time: i64| rows.iter().any(|(parent, _, start, length)| *parent == at + 1 && *start <= time && time < start + length);
                    let own = (*start..start + length).filter(|time| !covered(*time)).count() as i64;
                    *wanted.entry(path.join(";")).or_default() += own;
                }
            }
            let wanted: Vec<String> = wanted.into_iter().map(|(path, own)| format!("{path} {own}")).collect();
            let mut found = merged(&traces).folded();
            found.sort();
            let mut wanted = wanted;
            wanted.sort();
            prop_assert_eq!(found, wanted);
        }
    }
}

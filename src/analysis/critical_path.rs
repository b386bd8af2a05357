//! The critical path: which spans determined when the trace ended.
//!
//! Latest finisher: from the span that ends last, time is walked backwards. A span owns the time in which none of
//! its children was the one to wait for; where a child was, the walk goes into it. Time in which nobody ran (an
//! asynchronous hand-off) is owned by no span.

use crate::id::SpanId;
use crate::time::{Nanos, Timestamp};
use crate::tree::TraceTree;

/// Spans on the path with the time that each owns, in the order in which they first ran. Spans that own nothing are
/// left out.
pub fn critical_path(tree: &TraceTree<'_, '_>) -> Vec<(SpanId, Nanos)> {
    let Some((_, end)) = tree.extent() else { return Vec::new() };
    let ends = subtree_ends(tree);
    let mut owned: Vec<(Timestamp, usize, Nanos)> = Vec::new();
    let mut at = end;
    let mut open = vec![Frame { span: None, waiting: by_end(&ends, tree.roots().iter().map(|root| *root as usize)) }];
    while let Some(frame) = open.last_mut() {
        // Children that only began after `at` had no part in what ended at `at`.
        let next = loop {
            match frame.waiting.pop() {
                Some(child) if tree.span(child).is_some_and(|span| span.start() < at) => break Some(child),
                Some(_) => {}
                None => break None,
            }
        };
        let own_start = frame.span.and_then(|span| tree.span(span)).map(|span| span.start());
        let until = next.and_then(|child| ends.get(child)).map(|end| (*end).min(at));
        if let (Some(span), Some(start)) = (frame.span, own_start) {
            let own_end = tree.span(span).map_or(at, |span| span.end().min(at));
            let from = until.unwrap_or(start).max(start);
            if own_end > from {
                owned.push((from, span, own_end - from));
            }
        }
        match (next, until) {
            (Some(child), Some(until)) => {
                at = until;
                let waiting = by_end(&ends, tree.children(child));
                open.push(Frame { span: Some(child), waiting });
            }
            _ => {
                at = own_start.map_or(at, |start| start.min(at));
                open.pop();
            }
        }
    }
    let mut path: Vec<(Timestamp, usize, Nanos)> = Vec::new();
    owned.sort_by_key(|(from, span, _)| (*span, *from));
    for (from, span, length) in owned {
        match path.last_mut() {
            Some((_, last, total)) if *last == span => *total = *total + length,
            _ => path.push((from, span, length)),
        }
    }
    path.sort_by_key(|(from, span, _)| (*from, *span));
    let named = |(_, span, length): (Timestamp, usize, Nanos)| Some((tree.span(span)?.span_id(), length));
    path.into_iter().filter_map(named).collect()
}

/// The time between the first start and the last end of a trace in which no span ran.
pub fn idle(tree: &TraceTree<'_, '_>) -> Nanos {
    let mut spans: Vec<(Timestamp, Timestamp)> = tree.walk().map(|node| (node.start, node.end)).collect();
    spans.sort_unstable();
    let mut busy_until = spans.first().map_or(Timestamp(0), |(start, _)| *start);
    let mut idle = Nanos(0);
    for (start, end) in spans {
        if start > busy_until {
            idle = idle + (start - busy_until);
        }
        busy_until = busy_until.max(end);
    }
    idle
}

struct Frame {
    span: Option<usize>,
    /// Children not yet looked at, latest end last.
    waiting: Vec<usize>,
}

fn by_end(ends: &[Timestamp], spans: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sorted: Vec<usize> = spans.collect();
    sorted.sort_by_key(|span| (ends.get(*span).copied(), std::cmp::Reverse(*span)));
    sorted
}

/// When each span and everything below it had ended: a child may outlive its parent.
fn subtree_ends(tree: &TraceTree<'_, '_>) -> Vec<Timestamp> {
    let mut ends: Vec<Timestamp> = tree.walk().map(|node| node.end).collect();
    for number in (0..tree.len()).rev() {
        if let Some(parent) = tree.parent(number) {
            ends[parent] = ends[parent].max(ends[number]);
        }
    }
    ends
}

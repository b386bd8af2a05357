//! The parts of a trace that one process made each.

use crate::trace::{Dialect, Span};
use crate::tree::{TraceTree, says_remote_parent};

/// A part of a trace: the number of its first span, and of all of them in tree order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The local root.
    pub root: usize,
    /// Every span, the root first.
    pub spans: Vec<usize>,
}

/// The segments of a trace, in the order of their roots. One begins with a span without its parent in the input, and with one whose
/// parent is in another process: by the remote flag of OTLP, or by the tags that Datadog's tracers put on a local root whose
/// parent is of another service or runtime.
pub fn segments(tree: &TraceTree<'_, '_>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut of = vec![0; tree.len()];
    for at in 0..tree.len() {
        let above = tree.parent(at).filter(|parent| !begins(tree.span(at), tree.span(*parent)));
        match above.and_then(|parent| of.get(parent).copied()) {
            Some(segment) => {
                of[at] = segment;
                if let Some(segment) = segments.get_mut(segment) {
                    segment.spans.push(at);
                }
            }
            None => {
                of[at] = segments.len();
                segments.push(Segment { root: at, spans: vec![at] });
            }
        }
    }
    segments
}

fn begins(span: Option<Span<'_>>, parent: Option<Span<'_>>) -> bool {
    let (Some(span), Some(parent)) = (span, parent) else { return true };
    if !says_remote_parent(span) {
        return false;
    }
    let runtime = |span: Span<'_>| span.attributes().text("runtime-id").map(str::to_owned);
    // Of one service and runtime it is a later flush of the same part.
    span.dialect() == Dialect::Otlp || span.service() != parent.service() || runtime(span) != runtime(parent)
}

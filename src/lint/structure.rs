//! Findings on the structure of one trace, whichever records its spans came in (wire.md section 12, T).
//!
//! ```text
//! a          0..100 us
//!   b       -5..20 us    T008: starts 5 us before its parent
//!   c       90..120 us   T009: ends 20 us after its parent
//! d          parent e    T002: e is not in the input
//! ```
//! What can be seen in one chunk alone (T005 to T007) is in [`super::payload`]. Every check is linear in the number
//! of spans; texts are made for findings that are kept only.

use super::codes::{
    CHILD_AFTER_PARENT, CHILD_BEFORE_PARENT, DUPLICATE_SPAN_ID, NO_ROOT, PARENT_CYCLE, PARENT_MISSING, SELF_PARENT,
    SPLIT_TRACE,
};
use super::counted;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, Severity};
use crate::id::SpanId;
use crate::time::Nanos;
use crate::trace::SpanKind;
use crate::tree::{Top, TraceTree};

/// Reports what is wrong with the structure of one trace; `records` holds the record number of each of its payloads.
pub fn trace(tree: &TraceTree<'_, '_>, records: &[usize], out: &mut Diagnostics) {
    check(tree, &mut Sink::Report { records, out });
}

/// Every finding on the structure of one trace as its code and span, in the order in which [`trace`] reports them:
/// notes too, and none left out.
pub fn anomalies(tree: &TraceTree<'_, '_>) -> Vec<(Code, SpanId)> {
    let mut found = Vec::new();
    check(tree, &mut Sink::List(&mut found));
    found
}

fn check(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    duplicate_span_id(tree, sink);
    parent_missing(tree, sink);
    self_parent(tree, sink);
    parent_cycle(tree, sink);
    child_before_parent(tree, sink);
    child_after_parent(tree, sink);
    split_trace(tree, sink);
    no_root(tree, sink);
}

/// Where findings go: to the reader with their text, or into a list without.
enum Sink<'s> {
    Report { records: &'s [usize], out: &'s mut Diagnostics },
    List(&'s mut Vec<(Code, SpanId)>),
}

impl Sink<'_> {
    /// Takes a finding on the span at `index`; `text` makes its message and its help.
    fn take(
        &mut self,
        code: Code,
        severity: Severity,
        tree: &TraceTree<'_, '_>,
        index: usize,
        text: impl FnOnce() -> (String, &'static str),
    ) {
        let Some(span) = tree.span(index) else { return };
        match self {
            Sink::List(found) => found.push((code, span.span_id())),
            Sink::Report { out, .. } if !out.keeps(code, severity) => out.count(code, severity),
            Sink::Report { records, out } => {
                let (message, help) = text();
                let payload = tree.trace().payload_of(index).unwrap_or_default();
                let before = |chunk: crate::trace::Chunk<'_>| {
                    chunk.spans().take_while(|other| other.offset() < span.offset()).count()
                };
                let position = span.chunk().map(before).unwrap_or_default();
                let place = Place::Body {
                    record: records.get(payload).copied().unwrap_or_default(),
                    offset: Some(span.offset()),
                    path: format!("[{}][{position}]", span.chunk_index()),
                };
                let finding = Diagnostic::new(code, message).severity_is(severity).help(help);
                out.report(finding.at(place).of_span(tree.trace().id(), span.span_id()));
            }
        }
    }
}

/// T001: a span whose id an earlier span of the trace has. Ids of zero are S002.
fn duplicate_span_id(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for index in tree.duplicates() {
        let index = *index as usize;
        let Some(span) = tree.span(index).filter(|span| span.span_id().0 != 0) else { continue };
        sink.take(DUPLICATE_SPAN_ID, DUPLICATE_SPAN_ID.severity(), tree, index, || {
            let message = format!("an earlier span of this trace has the id {} too", span.span_id());
            (message, "give every span an id of its own, and look for a payload that was sent or read twice")
        });
    }
}

/// T002: a parent that is not in the input. A note where the trace has a root, for then a part of it may have been
/// recorded elsewhere; a warning where it has none.
fn parent_missing(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    let has_root = tree.trace().spans().any(|span| span.parent_id().is_none());
    let severity = if has_root { PARENT_MISSING.severity() } else { Severity::Warning };
    // Asking the tree why each span stands at the top would search its cuts each time.
    let mut cut: Vec<u32> = tree.cuts().iter().map(|(index, _)| *index).collect();
    cut.sort_unstable();
    for index in tree.roots() {
        let Some(parent) = tree.span(*index as usize).and_then(|span| span.parent_id()) else { continue };
        if cut.binary_search(index).is_ok() {
            continue;
        }
        sink.take(PARENT_MISSING, severity, tree, *index as usize, || {
            let message = match has_root {
                true => format!("the parent {parent} is not in the input"),
                false => format!("the parent {parent} is not in the input, nor is any root of this trace"),
            };
            (message, "pass the captures of the calling services too, or record for longer")
        });
    }
}

/// T003: a span that names itself as its parent.
fn self_parent(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for (index, _) in tree.cuts().iter().filter(|(_, top)| *top == Top::SelfParent) {
        sink.take(SELF_PARENT, SELF_PARENT.severity(), tree, *index as usize, || {
            let message = "the span names itself as its parent; it is drawn as a root".to_owned();
            (message, "a root has the parent id 0; a child has the id of the span that started it")
        });
    }
}

/// T004: spans that are their own ancestors, reported on the smallest id of each cycle.
fn parent_cycle(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for (index, _) in tree.cuts().iter().filter(|(_, top)| *top == Top::Cycle) {
        let index = *index as usize;
        sink.take(PARENT_CYCLE, PARENT_CYCLE.severity(), tree, index, || {
            let message = format!("its parents lead back to it: {}; drawn cut above this span", cycle(tree, index));
            (message, "parent ids must lead to a root: set them from the span that was active at the start")
        });
    }
}

/// Ancestors shown of a cycle.
const CYCLE_SHOWN: usize = 4;

/// `1 -> 2 -> 3 -> 1`: from the span that a cycle was cut above, parent by parent, back to it. The parent that it
/// names hangs somewhere below it.
fn cycle(tree: &TraceTree<'_, '_>, top: usize) -> String {
    let id = |index: usize| tree.span(index).map(|span| span.span_id()).unwrap_or_default();
    let wanted = tree.span(top).and_then(|span| span.parent_id());
    let mut open = tree.children(top).to_vec();
    let mut at = None;
    while let Some(index) = open.pop() {
        if Some(id(index as usize)) == wanted {
            at = Some(index as usize);
            break;
        }
        open.extend_from_slice(tree.children(index as usize));
    }
    let mut text = id(top).to_string();
    let mut ancestors = 0;
    while let Some(index) = at.filter(|index| *index != top) {
        ancestors += 1;
        if ancestors <= CYCLE_SHOWN {
            text.push_str(&format!(" -> {}", id(index)));
        }
        at = tree.parent(index);
    }
    if ancestors > CYCLE_SHOWN {
        text.push_str(&format!(" -> {} more", ancestors - CYCLE_SHOWN));
    }
    format!("{text} -> {}", id(top))
}

/// Clocks that tick in fractions of a microsecond make children begin a little early: dd-trace-js by up to 256 ns.
const CLOCK_NOISE: Nanos = Nanos(1_000);

/// T008: a child that starts more than 1 us before its parent.
fn child_before_parent(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for (index, span) in tree.trace().spans().enumerate() {
        let Some(parent) = tree.parent(index).and_then(|parent| tree.span(parent)) else { continue };
        let early = parent.start() - span.start();
        if early > CLOCK_NOISE {
            sink.take(CHILD_BEFORE_PARENT, CHILD_BEFORE_PARENT.severity(), tree, index, || {
                let message = format!("starts {} ns before its parent {}", early.0, parent.span_id());
                (message, "the clocks of the two hosts differ; --fix-skew moves the child when it is drawn")
            });
        }
    }
}

/// T009: a child that ends after its parent. A consumer works on after its producer, and a child that starts when
/// the parent has ended was meant to.
fn child_after_parent(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for (index, span) in tree.trace().spans().enumerate() {
        let Some(parent) = tree.parent(index).and_then(|parent| tree.span(parent)) else { continue };
        let late = span.end() - parent.end();
        if late > Nanos(0) && span.start() < parent.end() && span.kind() != SpanKind::Consumer {
            sink.take(CHILD_AFTER_PARENT, CHILD_AFTER_PARENT.severity(), tree, index, || {
                let message = format!("ends {} ns after its parent {}", late.0, parent.span_id());
                (message, "expected of asynchronous work; otherwise the parent was finished too early")
            });
        }
    }
}

/// T010: one trace in several chunks; reported once, on the first span of the second chunk.
fn split_trace(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    let chunk_of = |index: usize| {
        let span = tree.span(index)?;
        Some((tree.trace().payload_of(index)?, span.chunk_index()))
    };
    // Spans stand in the order of their payloads and chunks.
    let mut begins = (1..tree.len()).filter(|index| chunk_of(*index) != chunk_of(index - 1));
    let Some(second) = begins.next() else { return };
    sink.take(SPLIT_TRACE, SPLIT_TRACE.severity(), tree, second, || {
        let message = format!("the trace came in {} chunks; the second begins here", begins.count() + 2);
        (message, "nothing to do: services, asynchronous work and partial flushing send their own chunks")
    });
}

/// T011: a trace in which every span names a parent; reported once, on the earliest span that is drawn at the top.
fn no_root(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    let Some(first) = tree.roots().first() else { return };
    if tree.trace().spans().all(|span| span.parent_id().is_some()) {
        sink.take(NO_ROOT, NO_ROOT.severity(), tree, *first as usize, || {
            let message = format!("no root among the {} of this trace", counted(tree.len(), "span"));
            (message, "the span that began the trace was not recorded, or its parent id is wrong")
        });
    }
}

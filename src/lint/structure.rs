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
use crate::trace::{Dialect, SpanKind, Trace};
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
pub(super) enum Sink<'s> {
    Report { records: &'s [usize], out: &'s mut Diagnostics },
    List(&'s mut Vec<(Code, SpanId)>),
}

impl Sink<'_> {
    /// Takes a finding on the span at `index`; `text` makes its message and its help.
    pub(super) fn take(
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
                let payload = tree.input_index(index).and_then(|at| tree.trace().payload_of(at)).unwrap_or_default();
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
    // Everything below the top follows it in tree order.
    let mut at = (top..tree.len()).find(|number| Some(id(*number)) == wanted);
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
pub(super) const CLOCK_NOISE: Nanos = Nanos(1_000);

/// T008: a child that starts more than 1 us before its parent.
fn child_before_parent(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for index in 0..tree.len() {
        let parent = tree.parent(index).and_then(|parent| tree.span(parent));
        let (Some(span), Some(parent)) = (tree.span(index), parent) else { continue };
        let early = parent.start() - span.start();
        if early > CLOCK_NOISE {
            sink.take(CHILD_BEFORE_PARENT, CHILD_BEFORE_PARENT.severity(), tree, index, || {
                let message = format!("starts {} ns before its parent {}", early.0, parent.span_id());
                (message, "compare the clocks of the two hosts; in one process, look for a start that was set by hand")
            });
        }
    }
}

/// T009: a child that ends after its parent. A consumer works on after its producer, and a child that starts when
/// the parent has ended was meant to.
fn child_after_parent(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    for index in 0..tree.len() {
        let parent = tree.parent(index).and_then(|parent| tree.span(parent));
        let (Some(span), Some(parent)) = (tree.span(index), parent) else { continue };
        let late = span.end() - parent.end();
        if late > Nanos(0) && span.start() < parent.end() && span.kind() != SpanKind::Consumer {
            sink.take(CHILD_AFTER_PARENT, CHILD_AFTER_PARENT.severity(), tree, index, || {
                let message = format!("ends {} ns after its parent {}", late.0, parent.span_id());
                (message, "expected of asynchronous work; otherwise the parent was finished too early")
            });
        }
    }
}

/// With which other spans one of a trace was sent, by its place in the input: payload and chunk. A request of OTLP counts as one
/// chunk: it is divided by scopes, not by flushes.
pub(super) fn flush_of(trace: &Trace<'_>, index: usize) -> Option<(usize, usize)> {
    let span = trace.span(index)?;
    let chunk = if span.dialect() == Dialect::Otlp { 0 } else { span.chunk_index() };
    Some((trace.payload_of(index)?, chunk))
}

/// T010: one trace in several chunks; reported once, on the first span of the second chunk.
fn split_trace(tree: &TraceTree<'_, '_>, sink: &mut Sink<'_>) {
    let trace = tree.trace();
    // In the input, spans stand in the order of their payloads and chunks.
    let mut begins = (1..trace.len()).filter(|index| flush_of(trace, *index) != flush_of(trace, index - 1));
    let Some(second) = begins.next() else { return };
    let Some(second) = (0..tree.len()).find(|number| tree.input_index(*number) == Some(second)) else { return };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::trace::{Batch, Trace};
    use crate::wire;
    use serde_json::{Value, json};

    /// Spans as `(id, parent, start us, duration us)`, in chunks of one v0.4 body.
    fn body(chunks: &[&[(u64, u64, i64, i64)]]) -> Vec<u8> {
        let span = |(id, parent, start, duration): &(u64, u64, i64, i64)| {
            json!({"trace_id": 5, "span_id": id, "parent_id": parent, "start": 1_000_000_000 + start * 1_000,
                "duration": duration * 1_000})
        };
        let chunks: Vec<Vec<Value>> = chunks.iter().map(|spans| spans.iter().map(span).collect()).collect();
        rmp_serde::to_vec_named(&chunks).expect("a v0.4 body")
    }

    fn checked(body: &[u8]) -> Vec<Diagnostic> {
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        wire::decode(wire::Protocol::V04, body, &wire::Options::default(), &mut batch, &mut found.body(0));
        let whole = Trace::whole(TraceId(5), batch.view(body));
        let tree = TraceTree::of(&whole);
        trace(&tree, &[7], &mut found);
        let listed: Vec<_> = found.iter().filter_map(|finding| Some((finding.code(), finding.span_id()?))).collect();
        assert_eq!(anomalies(&tree), listed);
        found.iter().cloned().collect()
    }

    /// Findings without their byte and record: `error[T003]: the span ... ([0][1])`.
    fn of(chunks: &[&[(u64, u64, i64, i64)]]) -> Vec<String> {
        let line = |finding: &Diagnostic| {
            let line = finding.to_string();
            let (message, place) = line.rsplit_once(" (record 7, byte ").expect("a place");
            format!("{message} ({}", place.split_once(", ").expect("a path").1)
        };
        checked(&body(chunks)).iter().map(line).collect()
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_sound_trace_has_no_findings() {
        assert_eq!(of(&[&[(1, 0, 0, 100), (2, 1, 10, 50), (3, 2, 20, 10)]]), NOTHING);
    }

    #[test]
    fn t001_duplicate_span_id() {
        let found = checked(&body(&[&[(1, 0, 0, 100), (2, 1, 1, 5), (2, 1, 2, 5), (2, 1, 3, 5)]]));
        assert_eq!(found.len(), 2);
        let first = found.first().expect("a finding");
        assert_eq!(first.message(), "an earlier span of this trace has the id 0000000000000002 too");
        assert_eq!((first.trace_id(), first.span_id()), (Some(TraceId(5)), Some(SpanId(2))));
        assert!(matches!(first.place(), Some(Place::Body { record: 7, offset: Some(_), path }) if path == "[0][2]"));
        // Spans without an id are not duplicates of each other.
        assert_eq!(of(&[&[(1, 0, 0, 100), (0, 1, 1, 5), (0, 1, 2, 5)]]), NOTHING);
    }

    #[test]
    fn t002_parent_missing() {
        assert_eq!(
            of(&[&[(1, 0, 0, 100), (2, 9, 1, 5)]]),
            ["info[T002]: the parent 0000000000000009 is not in the input ([0][1])"]
        );
        assert_eq!(
            of(&[&[(2, 9, 1, 5)]]),
            [
                "warning[T002]: the parent 0000000000000009 is not in the input, nor is any root of this trace ([0][0])",
                "warning[T011]: no root among the 1 span of this trace ([0][0])",
            ]
        );
    }

    #[test]
    fn t003_self_parent() {
        assert_eq!(
            of(&[&[(1, 0, 0, 100), (2, 2, 1, 5)]]),
            ["error[T003]: the span names itself as its parent; it is drawn as a root ([0][1])"]
        );
    }

    #[test]
    fn t004_parent_cycle() {
        assert_eq!(
            of(&[&[(1, 0, 0, 100), (3, 2, 1, 5), (2, 4, 1, 5), (4, 3, 1, 5), (5, 2, 1, 5)]]),
            ["error[T004]: its parents lead back to it: 0000000000000002 -> 0000000000000004 -> 0000000000000003 -> \
              0000000000000002; drawn cut above this span ([0][2])"]
        );
        let long: Vec<_> = (1..=9).map(|id| (id, id % 9 + 1, 0, 5)).collect();
        assert_eq!(
            of(&[&long]),
            [
                "error[T004]: its parents lead back to it: 0000000000000001 -> 0000000000000002 -> 0000000000000003 -> \
                 0000000000000004 -> 0000000000000005 -> 4 more -> 0000000000000001; drawn cut above this span ([0][0])",
                "warning[T011]: no root among the 9 spans of this trace ([0][0])",
            ]
        );
    }

    #[test]
    fn t008_child_before_parent() {
        assert_eq!(
            of(&[&[(1, 0, 10, 100), (2, 1, 8, 5)]]),
            ["info[T008]: starts 2000 ns before its parent 0000000000000001 ([0][1])"]
        );
        assert_eq!(of(&[&[(1, 0, 10, 100), (2, 1, 9, 5)]]), NOTHING);
    }

    #[test]
    fn t009_child_after_parent() {
        assert_eq!(
            of(&[&[(1, 0, 0, 100), (2, 1, 90, 30)]]),
            ["info[T009]: ends 20000 ns after its parent 0000000000000001 ([0][1])"]
        );
        // At the end of the parent begins what was handed over.
        assert_eq!(of(&[&[(1, 0, 0, 100), (2, 1, 100, 30), (3, 1, 200, 30)]]), NOTHING);
        let spans = json!([[
            {"trace_id": 5, "span_id": 1, "start": 100, "duration": 10},
            {"trace_id": 5, "span_id": 2, "parent_id": 1, "start": 105, "duration": 10, "meta": {"span.kind": "consumer"}},
        ]]);
        assert_eq!(checked(&rmp_serde::to_vec_named(&spans).expect("a body")), []);
    }

    #[test]
    fn t010_split_trace() {
        assert_eq!(
            of(&[&[(1, 0, 0, 100)], &[(2, 1, 1, 5), (3, 1, 1, 5)], &[(4, 1, 1, 5)]]),
            ["info[T010]: the trace came in 3 chunks; the second begins here ([1][0])"]
        );
    }

    #[test]
    fn t010_counts_the_chunks_of_every_record() {
        let body = body(&[&[(1, 0, 0, 100)]]);
        let (mut one, mut two, mut found) = (Batch::default(), Batch::default(), Diagnostics::default());
        wire::decode(wire::Protocol::V04, &body, &wire::Options::default(), &mut one, &mut found.body(0));
        let other = super::tests::body(&[&[(2, 1, 1, 5)]]);
        wire::decode(wire::Protocol::V04, &other, &wire::Options::default(), &mut two, &mut found.body(0));
        let both = Trace::of(TraceId(5), vec![one.view(&body), two.view(&other)], &[None, None]);
        trace(&TraceTree::of(&both), &[3, 8], &mut found);
        let found: Vec<_> = found.iter().map(Diagnostic::to_string).collect();
        assert_eq!(
            found,
            ["info[T010]: the trace came in 2 chunks; the second begins here (record 8, byte 2, [0][0])"]
        );
    }

    #[test]
    fn t011_no_root() {
        assert_eq!(
            of(&[&[(1, 2, 0, 5), (2, 2, 0, 5)]]).last().map(String::as_str),
            Some("warning[T011]: no root among the 2 spans of this trace ([0][1])")
        );
        assert_eq!(of(&[&[]]), NOTHING);
    }

    #[test]
    fn a_trace_of_nothing_but_faults_is_checked_in_linear_time() {
        let selves: Vec<_> = (1..=100_000).map(|id| (id, id, 0, 5)).collect();
        let found = checked(&body(&[&selves[..100]]));
        assert_eq!(found.len(), 101);
        let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
        let body = body(&[&selves]);
        wire::decode(wire::Protocol::V04, &body, &wire::Options::default(), &mut batch, &mut found.body(0));
        let whole = Trace::whole(TraceId(5), batch.view(&body));
        trace(&TraceTree::of(&whole), &[0], &mut found);
        assert_eq!(found.total_of(SELF_PARENT), 100_000);
    }
}

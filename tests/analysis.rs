//! Where the time of a trace went: ten traces computed by hand (fixtures/traces), each with its reasoning, and traces at random against
//! what is computed moment by moment.

mod support;

use proptest::prelude::*;
use serde::Deserialize;
use spanglass::analysis::{Grouping, Matching, Merged, changes, critical_path, idle};
use spanglass::id::{SpanId, TraceId};
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{Batch, SpanDraft, Trace};
use spanglass::tree::TraceTree;
use std::collections::BTreeMap;
use support::{fixture, read};

#[derive(Deserialize)]
struct Case {
    name: String,
    why: String,
    /// Name, name of the parent, service, start and duration.
    spans: Vec<(String, Option<String>, String, i64, i64)>,
    critical_path: Vec<(String, i64)>,
    merged: Vec<String>,
    idle: i64,
    #[serde(default)]
    differs_from: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    trace: String,
    why: String,
    removed: Vec<String>,
    added: Vec<String>,
    changed: Vec<String>,
}

impl Case {
    fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for (at, (name, parent, service, start, duration)) in self.spans.iter().enumerate() {
            let parent =
                parent.as_ref().map(|parent| self.spans.iter().position(|span| span.0 == *parent).expect("a parent"));
            batch.push(&SpanDraft {
                trace_id: TraceId(1),
                span_id: SpanId(at as u64 + 1),
                parent_id: parent.map(|at| SpanId(at as u64 + 1)),
                service: service.clone(),
                name: name.clone(),
                resource: name.clone(),
                start: Timestamp(*start),
                duration: Nanos(*duration),
                ..SpanDraft::default()
            });
        }
        batch.finish();
        batch
    }
}

fn with_tree<T>(batch: &Batch, look: impl FnOnce(&TraceTree<'_, '_>) -> T) -> T {
    let trace = Trace::whole(TraceId(1), batch.view(&[]));
    look(&TraceTree::of(&trace))
}

fn name(tree: &TraceTree<'_, '_>, number: usize) -> String {
    tree.span(number).expect("a span").name().to_owned()
}

#[test]
fn traces_are_what_was_computed_by_hand() {
    let cases: Vec<Case> = serde_json::from_slice(&read(&fixture("traces/hand-computed.json"))).unwrap();
    assert_eq!(cases.len(), 10);
    for case in &cases {
        let Case { name: title, why, .. } = case;
        let batch = case.batch();
        with_tree(&batch, |tree| {
            let named = |(id, ns): &(SpanId, Nanos)| (case.spans[id.0 as usize - 1].0.clone(), ns.0);
            let path: Vec<_> = critical_path(tree).iter().map(named).collect();
            let sorted = |mut path: Vec<(String, i64)>| {
                path.sort();
                path
            };
            assert_eq!(sorted(path), sorted(case.critical_path.clone()), "{title}: {why}");
            let mut merged = Merged::default();
            merged.add(tree, &Grouping::Operation);
            merged.finish();
            let mut wanted = case.merged.clone();
            wanted.sort();
            assert_eq!(merged.folded(), wanted, "{title}: {why}");
            assert_eq!(idle(tree).0, case.idle, "{title}: {why}");
        });
        for difference in &case.differs_from {
            let other = cases.iter().find(|other| other.name == difference.trace).unwrap().batch();
            with_tree(&batch, |a| {
                with_tree(&other, |b| {
                    let matching = Matching::of(a, b);
                    let names = |tree, all: &[usize]| {
                        let mut names: Vec<String> = all.iter().map(|at| name(tree, *at)).collect();
                        names.sort();
                        names
                    };
                    let changed: Vec<String> = matching
                        .pairs
                        .iter()
                        .flat_map(|(one, two)| {
                            let all = changes((a, *one), (b, *two), &[]);
                            all.into_iter().map(|(member, ..)| format!("{} {member}", name(a, *one)))
                        })
                        .collect();
                    let (title, why) = (format!("{title} / {}", difference.trace), &difference.why);
                    assert_eq!(names(a, &matching.removed), difference.removed, "{title}: {why}");
                    assert_eq!(names(b, &matching.added), difference.added, "{title}: {why}");
                    assert_eq!(changed, difference.changed, "{title}: {why}");
                });
            });
        }
    }
}

/// `(parent, start, duration)`; the parent is an earlier span, or none for 0.
type Row = (usize, i64, i64);

fn batch_of(rows: &[Row]) -> Batch {
    let mut batch = Batch::default();
    for (at, (parent, start, duration)) in rows.iter().enumerate() {
        batch.push(&SpanDraft {
            trace_id: TraceId(1),
            span_id: SpanId(at as u64 + 1),
            parent_id: Some(SpanId(*parent as u64)).filter(|id| id.0 != 0),
            service: "s".to_owned(),
            name: "n".to_owned(),
            start: Timestamp(*start),
            duration: Nanos(*duration),
            ..SpanDraft::default()
        });
    }
    batch.finish();
    batch
}

/// Traces in which every child lies within its parent, and no two of its children end together.
fn nested() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..1000i64, 0..1000i64), 0..12).prop_map(|spans| {
        let mut rows: Vec<Row> = vec![(0, 0, 1000)];
        for (parent, one, other) in spans {
            let at = parent.index(rows.len());
            let (_, start, length) = rows[at];
            let (from, until) = (start + one.min(other) * length / 1000, start + one.max(other) * length / 1000);
            let taken = rows.iter().any(|(of, start, length)| *of == at + 1 && start + length == until);
            if until > from && !taken {
                rows.push((at + 1, from, until - from));
            }
        }
        rows
    })
}

/// Who is waited for at each moment, from the end backwards: in a span, until which moment it is looked at, the child that ends last
/// before it; else the span itself.
fn waited_for(rows: &[Row], span: usize, until: i64, owned: &mut BTreeMap<usize, i64>) {
    let (_, start, _) = rows[span];
    let mut at = until;
    while at > start {
        let begun = rows.iter().enumerate().filter(|(_, (parent, from, _))| *parent == span + 1 && *from < at);
        // A child that is still running ends now, as far as this wait goes; of those the one that ends last is waited for.
        let child = begun.max_by_key(|(number, (_, from, length))| (from + length, std::cmp::Reverse(*number)));
        let Some((child, (_, from, length))) = child else {
            *owned.entry(span).or_default() += at - start;
            return;
        };
        let end = (from + length).min(at);
        *owned.entry(span).or_default() += at - end;
        waited_for(rows, child, end, owned);
        at = *from;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn critical_paths_are_who_is_waited_for(rows in nested()) {
        let mut wanted = BTreeMap::new();
        waited_for(&rows, 0, 1000, &mut wanted);
        wanted.retain(|_, owned| *owned > 0);
        let batch = batch_of(&rows);
        let found: BTreeMap<usize, i64> =
            with_tree(&batch, |tree| critical_path(tree).into_iter().map(|(id, ns)| (id.0 as usize - 1, ns.0)).collect());
        // All of the trace is owned, by someone, once.
        prop_assert_eq!(found.values().sum::<i64>(), 1000);
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn idle_is_when_nobody_runs(rows in prop::collection::vec((0..60i64, 0..20i64), 1..12)) {
        let all: Vec<Row> = rows.iter().map(|(start, length)| (0, *start, *length)).collect();
        let first = rows.iter().map(|(start, _)| *start).min().unwrap();
        let last = rows.iter().map(|(start, length)| start + length).max().unwrap();
        let runs = |moment: i64| rows.iter().any(|(start, length)| *start <= moment && moment < start + length);
        let wanted = (first..last).filter(|moment| !runs(*moment)).count() as i64;
        let batch = batch_of(&all);
        prop_assert_eq!(with_tree(&batch, |tree| idle(tree).0), wanted);
    }

    /// Nothing differs from itself, and what is taken out of a trace is all that is missing.
    #[test]
    fn matching_finds_what_was_taken_out(rows in nested(), gone in any::<prop::sample::Index>()) {
        let batch = batch_of(&rows);
        // A leaf: what stands below another would hang elsewhere.
        let leaves: Vec<usize> = (1..rows.len()).filter(|at| !rows.iter().any(|row| row.0 == at + 1)).collect();
        prop_assume!(!leaves.is_empty());
        let gone = *gone.get(&leaves);
        let mut kept = rows.clone();
        kept.remove(gone);
        kept.iter_mut().filter(|row| row.0 > gone + 1).for_each(|row| row.0 -= 1);
        let less = batch_of(&kept);
        with_tree(&batch, |a| with_tree(&less, |b| {
            let same = Matching::of(a, a);
            assert!(same.removed.is_empty() && same.added.is_empty() && same.pairs.iter().all(|(one, two)| one == two));
            let matching = Matching::of(a, b);
            assert_eq!((matching.pairs.len(), matching.removed.len(), matching.added.len()), (rows.len() - 1, 1, 0));
        }));
    }
}

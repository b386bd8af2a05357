//! Two traces compared: which spans are the same, which are new, which have gone, and what changed in those that stayed.
//!
//! Spans are the same by service, name, resource and position: the first child of a kind below a span is that of the other trace's first
//! child of that kind, the second the second. What is left over below the same span is matched by service and name (its resource
//! changed), and then, wherever it stands, by service, name and resource (it hangs under another parent). Ids, times and what differs from run to run
//! are not compared.

use super::snapshot::VOLATILE;
use crate::rule::Glob;
use crate::trace::{Span, Value as Attribute};
use crate::tree::TraceTree;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Which spans of two traces are the same, by number in their trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// The same in both, in the order of the first.
    pub pairs: Vec<(usize, usize)>,
    /// Only in the first.
    pub removed: Vec<usize>,
    /// Only in the second.
    pub added: Vec<usize>,
}

/// A member that is not the same: its name, and both values.
pub type Change = (String, Value, Value);

impl Matching {
    /// Matches the spans of two traces.
    pub fn of(a: &TraceTree<'_, '_>, b: &TraceTree<'_, '_>) -> Matching {
        let mut partner = vec![None; a.len()];
        let mut taken = vec![false; b.len()];
        let roots = |tree: &TraceTree<'_, '_>| tree.roots().iter().map(|root| *root as usize).collect::<Vec<_>>();
        let mut open = vec![(roots(a), roots(b))];
        while let Some((of_a, of_b)) = open.pop() {
            let mut pair = |one: usize, other: usize| {
                partner[one] = Some(other);
                taken[other] = true;
                open.push((a.children(one).collect(), b.children(other).collect()));
            };
            let (rest_a, rest_b) = join((a, of_a), (b, of_b), whole, &mut pair);
            // What is left over after this, and what stands below it, may be elsewhere.
            join((a, rest_a), (b, rest_b), without_resource, &mut pair);
        }
        let rest_a: Vec<usize> = (0..a.len()).filter(|at| partner[*at].is_none()).collect();
        let rest_b: Vec<usize> = (0..b.len()).filter(|at| !taken[*at]).collect();
        let mut moved = |one: usize, other: usize| partner[one] = Some(other);
        let (removed, added) = join((a, rest_a), (b, rest_b), whole, &mut moved);
        let pairs = (0..a.len()).filter_map(|at| Some((at, *partner.get(at)?.as_ref()?))).collect();
        Matching { pairs, removed, added }
    }
}

type Key<'b> = (&'b str, &'b str, &'b str);

fn whole<'b>(span: Span<'b>) -> Key<'b> {
    (span.service(), span.name(), span.resource())
}

fn without_resource<'b>(span: Span<'b>) -> Key<'b> {
    (span.service(), span.name(), "")
}

/// Hands spans of the same key to `pair`, the first with the first; gives back what is left over, in order.
fn join<'a, 'b>(
    (a, of_a): (&TraceTree<'_, 'a>, Vec<usize>),
    (b, of_b): (&TraceTree<'_, 'b>, Vec<usize>),
    key: for<'s> fn(Span<'s>) -> Key<'s>,
    pair: &mut dyn FnMut(usize, usize),
) -> (Vec<usize>, Vec<usize>) {
    let mut waiting: HashMap<Key<'_>, VecDeque<usize>> = HashMap::new();
    for other in of_b {
        if let Some(span) = b.span(other) {
            waiting.entry(key(span)).or_default().push_back(other);
        }
    }
    let mut rest = Vec::new();
    for one in of_a {
        let Some(span) = a.span(one) else { continue };
        match waiting.get_mut(&key(span)).and_then(VecDeque::pop_front) {
            Some(other) => pair(one, other),
            None => rest.push(one),
        }
    }
    let mut left: Vec<usize> = waiting.into_values().flatten().collect();
    left.sort_unstable();
    (rest, left)
}

/// What changed between spans that are the same, in alphabetical order; members that a glob of `ignore` fits are left out, tags also by
/// their key alone.
pub fn changes(
    (a, one): (&TraceTree<'_, '_>, usize),
    (b, other): (&TraceTree<'_, '_>, usize),
    ignore: &[Glob],
) -> Vec<Change> {
    let (Some(before), Some(after)) = (a.span(one), b.span(other)) else { return Vec::new() };
    let (mut of_a, mut of_b) = (members(before), members(after));
    of_a.insert("parent".to_owned(), parent(a, one));
    of_b.insert("parent".to_owned(), parent(b, other));
    let ignored = |member: &str| {
        let key = member.split_once('.').map_or(member, |(_, key)| key);
        ignore.iter().any(|glob| glob.matches(member) || glob.matches(key))
    };
    let mut names: Vec<&String> = of_a.keys().chain(of_b.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |of: &BTreeMap<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    names
        .into_iter()
        .filter(|name| of_a.get(*name) != of_b.get(*name) && !ignored(name))
        .map(|name| (name.clone(), value(&of_a, name), value(&of_b, name)))
        .collect()
}

/// Service, name and resource of the parent: ids are never the same.
fn parent(tree: &TraceTree<'_, '_>, number: usize) -> Value {
    let span = tree.parent(number).and_then(|parent| tree.span(parent));
    span.map_or(Value::Null, |span| json!(format!("{} {} {}", span.service(), span.name(), span.resource())))
}

fn members(span: Span<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, value: Value| all.insert(name.to_owned(), value);
    add("resource", span.resource().into());
    add("type", span.type_().into());
    add("kind", span.kind().word().into());
    add("error", span.error().into());
    add("status_message", span.status_message().into());
    add("links", span.links().len().into());
    let events: Vec<&str> = span.events().map(|event| event.name()).collect();
    add("events", json!(events));
    for (key, value) in span.attributes().iter().filter(|(key, _)| !VOLATILE.contains(key) && *key != "_dd.span_links")
    {
        match value {
            Attribute::Float(number) => add(&format!("metrics.{key}"), number.into()),
            Attribute::Int(number) => add(&format!("metrics.{key}"), (number as f64).into()),
            Attribute::Bool(value) => add(&format!("meta.{key}"), value.to_string().into()),
            Attribute::Str(text) => add(&format!("meta.{key}"), text.into()),
            other => add(&format!("meta.{key}"), format!("{other:?}").into()),
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use crate::time::{Nanos, Timestamp};
    use crate::trace::{Batch, OwnedValue, SpanDraft, Trace};
    use proptest::prelude::*;

    /// `id parent name[/resource][ key=value]` a line, starts in their order.
    fn batch(text: &str) -> Batch {
        let mut batch = Batch::default();
        for (at, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
            let (id, parent) = (number(), number());
            let name = words.next().unwrap_or_default();
            let (name, resource) = name.split_once('/').unwrap_or((name, ""));
            let tags = words.filter_map(|word| word.split_once('='));
            batch.push(&SpanDraft {
                trace_id: TraceId(1),
                span_id: SpanId(id),
                parent_id: Some(SpanId(parent)).filter(|id| id.0 != 0),
                name: name.to_owned(),
                resource: resource.to_owned(),
                start: Timestamp(at as i64),
                duration: Nanos(1),
                attributes: tags.map(|(key, value)| (key.to_owned(), OwnedValue::Str(value.to_owned()))).collect(),
                ..SpanDraft::default()
            });
        }
        batch.finish();
        batch
    }

    /// The ids of pairs, of what was removed and of what was added, and every change.
    type Outcome = (Vec<(u64, u64)>, Vec<u64>, Vec<u64>, Vec<String>);

    fn compare(a: &str, b: &str, ignore: &[Glob]) -> Outcome {
        let (a, b) = (batch(a), batch(b));
        let (a, b) = (Trace::whole(TraceId(1), a.view(&[])), Trace::whole(TraceId(1), b.view(&[])));
        let (a, b) = (TraceTree::of(&a), TraceTree::of(&b));
        let matching = Matching::of(&a, &b);
        let id = |tree: &TraceTree<'_, '_>, at: usize| tree.span(at).map_or(0, |span| span.span_id().0);
        let pairs = matching.pairs.iter().map(|(one, other)| (id(&a, *one), id(&b, *other))).collect();
        let removed = matching.removed.iter().map(|at| id(&a, *at)).collect();
        let added = matching.added.iter().map(|at| id(&b, *at)).collect();
        let changed = matching.pairs.iter().flat_map(|(one, other)| changes((&a, *one), (&b, *other), ignore));
        let changed = changed.map(|(member, before, after)| format!("{member} {before} {after}")).collect();
        (pairs, removed, added, changed)
    }

    #[test]
    fn spans_are_the_same_by_what_they_are_and_where_they_stand() {
        let none = Vec::new();
        for (a, b, pairs, removed, added, changed) in [
            // Other ids, nothing else.
            ("1 0 r\n2 1 x\n3 1 y", "7 0 r\n8 7 x\n9 7 y", vec![(1, 7), (2, 8), (3, 9)], vec![], vec![], none.clone()),
            // Two of a kind: the first is the first.
            (
                "1 0 r\n2 1 x n=1\n3 1 x n=2",
                "1 0 r\n2 1 x n=1\n3 1 x n=2",
                vec![(1, 1), (2, 2), (3, 3)],
                vec![],
                vec![],
                none.clone(),
            ),
            // One of two is gone: which is told by position, the last.
            ("1 0 r\n2 1 x\n3 1 x", "1 0 r\n2 1 x", vec![(1, 1), (2, 2)], vec![3], vec![], none.clone()),
            // A whole branch is new.
            ("1 0 r", "1 0 r\n2 1 x\n3 2 y", vec![(1, 1)], vec![], vec![2, 3], none.clone()),
            // Another resource, and what is below stays the same.
            (
                "1 0 r\n2 1 q/a\n3 2 y",
                "1 0 r\n2 1 q/b\n3 2 y",
                vec![(1, 1), (2, 2), (3, 3)],
                vec![],
                vec![],
                vec!["resource \"a\" \"b\"".to_owned(), "parent \" q a\" \" q b\"".to_owned()],
            ),
            // Under another parent.
            (
                "1 0 r\n2 1 x\n3 1 y\n4 2 z",
                "1 0 r\n2 1 x\n3 1 y\n4 3 z",
                vec![(1, 1), (2, 2), (4, 4), (3, 3)],
                vec![],
                vec![],
                vec!["parent \" x \" \" y \"".to_owned()],
            ),
            // A tag changed, one is gone, one is new; what differs from run to run is none.
            (
                "1 0 r k=1 old=x runtime-id=a",
                "1 0 r k=2 new=y runtime-id=b",
                vec![(1, 1)],
                vec![],
                vec![],
                vec![
                    "meta.k \"1\" \"2\"".to_owned(),
                    "meta.new null \"y\"".to_owned(),
                    "meta.old \"x\" null".to_owned(),
                ],
            ),
            // Renamed is gone and new.
            ("1 0 r\n2 1 x", "1 0 r\n2 1 w", vec![(1, 1)], vec![2], vec![2], none.clone()),
            // A root more.
            ("1 0 r", "1 0 r\n2 0 r", vec![(1, 1)], vec![], vec![2], none.clone()),
            // Nothing in common.
            ("1 0 r", "1 0 s", vec![], vec![1], vec![1], none.clone()),
        ] {
            assert_eq!(compare(a, b, &[]), (pairs, removed, added, changed), "{a:?} {b:?}");
        }
        let ignore = [Glob::new("meta.k"), Glob::new("ne*")];
        let (.., changed) = compare("1 0 r k=1", "1 0 r k=2 new=y", &ignore);
        assert!(changed.is_empty(), "{changed:?}");
    }

    fn any_tree() -> impl Strategy<Value = String> {
        prop::collection::vec((any::<prop::sample::Index>(), 0..3usize), 1..20).prop_map(|spans| {
            let line = |(at, (parent, kind)): (usize, &(prop::sample::Index, usize))| {
                let parent = if at == 0 { 0 } else { parent.index(at) + 1 };
                format!("{} {parent} {}\n", at + 1, ["x", "y", "z"][*kind])
            };
            spans.iter().enumerate().map(line).collect()
        })
    }

    proptest! {
        #[test]
        fn a_trace_equals_itself(a in any_tree()) {
            let (pairs, removed, added, changed) = compare(&a, &a, &[]);
            prop_assert!(pairs.iter().all(|(one, other)| one == other));
            prop_assert!(removed.is_empty() && added.is_empty() && changed.is_empty());
        }

        #[test]
        fn every_span_is_told_once(a in any_tree(), b in any_tree()) {
            let (pairs, removed, added, _) = compare(&a, &b, &[]);
            prop_assert_eq!(pairs.len() + removed.len(), a.lines().count());
            prop_assert_eq!(pairs.len() + added.len(), b.lines().count());
            // Nothing of a kind is left over on both sides.
            let kind = |text: &str, id: u64| text.lines().nth(id as usize - 1).unwrap_or_default().chars().last();
            for one in &removed {
                prop_assert!(added.iter().all(|other| kind(&a, *one) != kind(&b, *other)));
            }
        }
    }
}

//! Which spans of a tree are drawn, and how many are not.

use crate::time::{Nanos, Timestamp};
use crate::trace::Span;
use crate::tree::{Node, TraceTree};
use rustc_hash::FxHashMap;

/// How many spans were drawn of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Drawn.
    pub drawn: usize,
    /// In the trace.
    pub of: usize,
}

/// Siblings that are alike, one after the other, in one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// How many.
    pub(super) count: usize,
    /// The sum of their durations.
    pub(super) total: Nanos,
    /// The sum of their self times.
    pub(super) own: Nanos,
    /// When the last of them ended.
    pub(super) end: Timestamp,
}

/// The runs of a tree.
struct Runs {
    /// By the number of their first span.
    by_first: FxHashMap<usize, Run>,
    /// Spans that stand in the row of another.
    inside: Vec<bool>,
}

/// A selection of rows: to a depth, from a duration up, with or without a row for each of a run.
pub(super) struct Rows {
    depth: usize,
    runs: Option<Runs>,
    /// Spans that are long enough or have a descendant that is; `None` when all are.
    kept: Option<Vec<bool>>,
}

impl Rows {
    pub(super) fn of(tree: &TraceTree<'_, '_>, depth: Option<usize>, min: Option<Nanos>) -> Self {
        let kept = min.filter(|min| min.0 > 0).map(|min| {
            let long = |number| tree.span(number).is_some_and(|span| span.duration() >= min);
            let mut kept: Vec<bool> = (0..tree.len()).map(long).collect();
            for index in (0..tree.len()).rev() {
                if kept[index]
                    && let Some(parent) = tree.parent(index)
                {
                    kept[parent] = true;
                }
            }
            kept
        });
        Rows { depth: depth.unwrap_or(usize::MAX), kept, runs: None }
    }

    /// The same with one row for siblings of one service, name and resource that follow each other and failed, or did not, alike.
    pub(super) fn with_runs(mut self, tree: &TraceTree<'_, '_>) -> Self {
        let mut runs = Runs { by_first: FxHashMap::default(), inside: vec![false; tree.len()] };
        self.find_runs(tree, &mut runs, &mut tree.roots().iter().map(|root| *root as usize));
        for number in 0..tree.len() {
            self.find_runs(tree, &mut runs, &mut tree.children(number));
        }
        self.runs = Some(runs);
        self
    }

    fn find_runs(&self, tree: &TraceTree<'_, '_>, runs: &mut Runs, siblings: &mut dyn Iterator<Item = usize>) {
        let mut first: Option<(usize, Span<'_>)> = None;
        for number in siblings.filter(|number| self.keeps(*number)) {
            let Some(span) = tree.span(number) else { continue };
            let Some((at, before)) = first.filter(|(_, before)| alike(*before, span)) else {
                first = Some((number, span));
                continue;
            };
            let own = tree.self_time(at);
            let run = runs.by_first.entry(at).or_insert_with(|| Run {
                count: 1,
                total: before.duration(),
                own,
                end: before.end(),
            });
            run.count += 1;
            run.total = run.total + span.duration();
            run.own = run.own + tree.self_time(number);
            run.end = run.end.max(span.end());
            if let Some(inside) = runs.inside.get_mut(number) {
                *inside = true;
            }
        }
    }

    /// The run that a row stands for.
    pub(super) fn run(&self, index: usize) -> Option<&Run> {
        self.runs.as_ref()?.by_first.get(&index)
    }

    fn keeps(&self, index: usize) -> bool {
        let inside = self.runs.as_ref().is_some_and(|runs| runs.inside.get(index).copied().unwrap_or(false));
        !inside && self.kept.as_ref().is_none_or(|kept| kept.get(index).copied().unwrap_or(true))
    }

    /// The rows in order. `last` means that no further *drawn* sibling follows.
    pub(super) fn walk<'w>(&'w self, tree: &'w TraceTree<'_, '_>) -> impl Iterator<Item = Node> + 'w {
        let mut walk = tree.walk();
        std::iter::from_fn(move || {
            loop {
                let mut node = walk.next()?;
                if node.depth.saturating_add(1) > self.depth || !self.keeps(node.index) {
                    walk.skip_children();
                    continue;
                }
                if (self.kept.is_some() || self.runs.is_some()) && !node.last {
                    node.last = !walk.rest_of_siblings().any(|sibling| self.keeps(sibling));
                }
                if let Some(run) = self.run(node.index) {
                    node.end = node.end.max(run.end);
                    walk.skip_children();
                }
                return Some(node);
            }
        })
    }
}

fn alike(one: Span<'_>, other: Span<'_>) -> bool {
    let key = |span: Span<'_>| (span.error(), span.name_bytes().len(), span.resource_bytes().len());
    key(one) == key(other)
        && one.name_bytes() == other.name_bytes()
        && one.service_bytes() == other.service_bytes()
        && one.resource_bytes() == other.resource_bytes()
}

//! Which spans of a tree are drawn, and how many are not.

use crate::time::Nanos;
use crate::tree::{Node, TraceTree};

/// How many spans were drawn of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Drawn.
    pub drawn: usize,
    /// In the trace.
    pub of: usize,
}

/// A selection of rows: to a depth, from a duration up.
pub(super) struct Rows {
    depth: usize,
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
        Rows { depth: depth.unwrap_or(usize::MAX), kept }
    }

    fn keeps(&self, index: usize) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.get(index).copied().unwrap_or(true))
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
                if self.kept.is_some() && !node.last {
                    node.last = !walk.rest_of_siblings().any(|sibling| self.keeps(sibling));
                }
                return Some(node);
            }
        })
    }
}

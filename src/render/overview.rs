//! The line above a drawn trace: id, length, counts, services, start.

use super::time::{date, duration};
use super::{Theme, clean, paint};
use crate::tree::{Top, TraceTree};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What a trace looks like from afar.
pub(super) struct Overview {
    pub(super) services: Vec<String>,
    pub(super) errors: usize,
    pub(super) gaps: usize,
    pub(super) orphans: usize,
    pub(super) roots: usize,
    pub(super) max_depth: usize,
}

impl Overview {
    pub(super) fn of(tree: &TraceTree<'_, '_>) -> Self {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut errors = 0;
        let mut last: &[u8] = &[0];
        for span in tree.trace().spans() {
            if span.service_bytes() != last {
                last = span.service_bytes();
                names.insert(span.service());
            }
            errors += usize::from(span.error());
        }
        let orphans = tree.roots().iter().filter(|root| tree.top(**root as usize) == Some(Top::Orphan)).count();
        let services = names.into_iter().map(str::to_owned).collect();
        let shape = tree.shape();
        Overview { services, errors, gaps: shape.gaps, orphans, roots: tree.roots().len(), max_depth: shape.max_depth }
    }
}

/// `640cfd8d…  412.0ms  9 spans  2 services  2 errors  1 async gap  2026-01-01T00:00:00Z`
pub(super) fn header(
    w: &mut dyn Write,
    tree: &TraceTree<'_, '_>,
    overview: &Overview,
    theme: &Theme,
) -> io::Result<()> {
    let Some((start, end)) = tree.extent() else { return Ok(()) };
    let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let services = match overview.services.as_slice() {
        [only] if !only.is_empty() => clean(only, theme.ascii).into_owned(),
        many => plural(many.len(), "service", "services"),
    };
    let mut parts = vec![duration(end - start, theme.ascii), plural(tree.len(), "span", "spans"), services];
    if overview.roots > 1 {
        parts.push(format!("{} roots", overview.roots));
    }
    if overview.orphans > 0 {
        parts.push(plural(overview.orphans, "orphan", "orphans"));
    }
    if overview.gaps > 0 {
        parts.push(plural(overview.gaps, "async gap", "async gaps"));
    }
    write!(w, "{}", paint(tree.trace().id(), theme.palette.strong))?;
    let mut column = 32;
    let mut part = |w: &mut dyn Write, text: &str, style| {
        if column + 2 + text.len() > theme.width.max(32) {
            write!(w, "\n  {}", paint(text, style))?;
            column = 2 + text.len();
        } else {
            write!(w, "  {}", paint(text, style))?;
            column += 2 + text.len();
        }
        io::Result::Ok(())
    };
    for text in &parts {
        part(w, text, owo_colors::Style::new())?;
    }
    if overview.errors > 0 {
        part(w, &plural(overview.errors, "error", "errors"), theme.palette.error)?;
    }
    part(w, &date(start), theme.palette.faint)?;
    writeln!(w)
}

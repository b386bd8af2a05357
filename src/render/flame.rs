//! A trace as a flame chart: time from left to right, one row per depth, a box per span.
//!
//! ```text
//! ▏web.request────────────────────────────────
//!   ▏functionA───────────── ▏functionB────────
//!                             ▏functionC──
//! ```
//! Spans of one depth that overlap in time get rows of their own. A span narrower than a column shares its column with
//! its neighbours; how many do is said below.

use super::overview::{Overview, header};
use super::rows::Rows;
use super::{Shown, Theme, clean, head, paint, spaces, width_of};
use crate::time::Nanos;
use crate::tree::TraceTree;
use std::io::{self, Write};

/// Most rows that the overlapping spans of one depth may take.
const MOST_LANES: usize = 16;

/// A column of a row: which span is drawn there, and how many spans share it.
#[derive(Clone, Copy)]
struct Box_ {
    from: usize,
    until: usize,
    span: usize,
    sharing: usize,
}

/// Draws one trace.
pub fn flame(
    w: &mut dyn Write,
    tree: &TraceTree<'_, '_>,
    depth: Option<usize>,
    min: Option<Nanos>,
    theme: &Theme,
) -> io::Result<Shown> {
    let overview = Overview::of(tree);
    header(w, tree, &overview, theme)?;
    let Some((start, end)) = tree.extent() else { return Ok(Shown::default()) };
    let (start, length) = (start.0, (end - start).0.max(1));
    let width = theme.width.max(40);
    let column = |time: i64| {
        let scaled = (i128::from(time) - i128::from(start)) * width as i128 / i128::from(length);
        scaled.clamp(0, width as i128) as usize
    };
    // By depth, then lane: the boxes of a row, left to right. Walking in preorder visits each depth in time order,
    // except where an asynchronous child starts after its parent's next sibling.
    let rows = Rows::of(tree, depth, min);
    let mut levels: Vec<Vec<Vec<Box_>>> = Vec::new();
    let (mut drawn, mut shared, mut crowded) = (0, 0usize, 0usize);
    for node in rows.walk(tree) {
        let Some(span) = tree.span(node.index) else { continue };
        drawn += 1;
        let from = column(span.start().0).min(width - 1);
        let until = column(span.end().0).max(from + 1);
        if levels.len() <= node.depth {
            levels.resize_with(node.depth + 1, Vec::new);
        }
        let lanes = &mut levels[node.depth];
        let narrow = until - from == 1;
        let place = |boxes: &Vec<Box_>| -> Option<usize> {
            let at = boxes.partition_point(|other| other.from < from);
            let before = at.checked_sub(1).map(|before| boxes[before]);
            let free = before.is_none_or(|before| before.until <= from)
                && boxes.get(at).is_none_or(|after| until <= after.from);
            free.then_some(at)
        };
        let shares = |boxes: &Vec<Box_>| -> Option<usize> {
            let at = boxes.partition_point(|other| other.from < from);
            boxes.get(at).filter(|other| narrow && other.from == from && other.until == until).map(|_| at)
        };
        if let Some((lane, at)) = lanes.iter().enumerate().find_map(|(lane, boxes)| Some((lane, shares(boxes)?))) {
            lanes[lane][at].sharing += 1;
            shared += 1;
        } else if let Some((lane, at)) = lanes.iter().enumerate().find_map(|(lane, boxes)| Some((lane, place(boxes)?)))
        {
            lanes[lane].insert(at, Box_ { from, until, span: node.index, sharing: 1 });
        } else if lanes.len() < MOST_LANES {
            lanes.push(vec![Box_ { from, until, span: node.index, sharing: 1 }]);
        } else {
            crowded += 1;
        }
    }
    let coloured = theme.palette.is_coloured();
    let glyphs = theme.glyphs();
    let mut errors = Vec::new();
    for boxes in levels.iter().flatten() {
        let mut at = 0;
        for one in boxes {
            write!(w, "{}", spaces(one.from - at))?;
            let Some(span) = tree.span(one.span) else { continue };
            let room = one.until - one.from - 1;
            let name = clean(span.name(), theme.ascii);
            let mark = if span.error() { "!" } else { "" };
            if span.error() && errors.len() < 10 {
                errors.push(one.span);
            }
            let label = format!("{mark}{name}");
            let label = head(&label, room).trim_end();
            let style = if span.error() { theme.palette.error } else { theme.palette.service(span.service_bytes()) };
            let fill = glyphs.fill.repeat(room - width_of(label));
            let text = format!("{}{label}{fill}", glyphs.edge);
            if coloured {
                write!(w, "{}", paint(text, style))?
            } else {
                write!(w, "{text}")?
            }
            at = one.until;
        }
        writeln!(w)?;
    }
    let shown = Shown { drawn: drawn - crowded, of: tree.len() };
    let faint = theme.palette.faint;
    if shared > 0 {
        writeln!(w, "{}", paint(format!("{shared} spans share a column with a neighbour"), faint))?;
    }
    if crowded > 0 {
        let text = format!("{crowded} spans overlap more than {MOST_LANES} others of their depth and are not drawn");
        writeln!(w, "{}", paint(text, theme.palette.warning))?;
    }
    if drawn < shown.of {
        let text = format!("{drawn} of {} spans drawn; --depth and --min hide the rest", shown.of);
        writeln!(w, "{}", paint(text, theme.palette.warning))?;
    }
    for index in errors {
        let Some(span) = tree.span(index) else { continue };
        let said = span.attributes().text("error.message").or(span.attributes().text("error.msg"));
        let said = clean(said.unwrap_or("no error message in the span"), theme.ascii).into_owned();
        let line = format!("! {}  {said}", clean(span.name(), theme.ascii));
        writeln!(w, "{}", paint(head(&line, width).trim_end(), theme.palette.error))?;
    }
    Ok(shown)
}

//! A trace as rows, one per span, with or without a timeline (`waterfall` and `tree`).
//!
//! ```text
//! span                          total    self  0ns       103ms     206ms
//! node.publish                 38.20ms 7.200ms  ████
//! ├─ node.stage_transaction    31.00ms 3.500ms  ███▏
//! ┊  251.3ms later                               ····························
//! └─ publish_worker.process    122.5ms 2.400ms                               ███████████
//! ```
//! The timeline gets at least 30 % of the width; names lose characters first, then the service column becomes a
//! letter, then the self column goes. One row goes through one buffer: a trace may have a million.

use super::overview::{Overview, header};
use super::rows::{Rows, Run};
use super::time::{DURATION_WIDTH, date, duration, write_duration};
use super::{Glyphs, MASK, Shown, Theme, clean, clip, head, is_secret, is_simple, paint, spaces, width_of};
use crate::analysis::handoff;
use crate::time::{Nanos, Timestamp};
use crate::trace::{Span, Value};
use crate::tree::{Node, Top, TraceTree};
use owo_colors::Style;
use std::io::{self, Write};
use std::str::from_utf8;

/// Whether a timeline is drawn beside the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeline {
    /// A bar per span.
    Drawn,
    /// Rows only.
    None,
}

/// What to draw of a tree.
#[derive(Clone, Copy)]
pub struct TreeOptions<'o> {
    /// Bars or not.
    pub timeline: Timeline,
    /// Levels to draw; all without.
    pub depth: Option<usize>,
    /// Shortest span to draw; spans with a longer descendant are drawn too.
    pub min: Option<Nanos>,
    /// Tags to print under the spans that have them.
    pub tags: &'o [String],
    /// Print ids, tags, links and events under every span.
    pub details: bool,
    /// Draw siblings that are alike and follow each other as one row, without what is below them.
    pub collapse: bool,
    /// Spans to mark.
    pub mark: Option<&'o dyn Fn(Span<'_>) -> bool>,
    /// What else to print under a span, by its number: a word and a text each.
    pub notes: Option<Notes<'o>>,
}

/// Gives what is to be printed under a span.
pub type Notes<'o> = &'o dyn Fn(usize) -> Vec<(&'static str, String)>;

/// Rows that are measured to find the width of the label column; more would cost more than they tell.
const MEASURED: usize = 2_000;
/// Errors whose message is printed below the tree.
const ERRORS_SHOWN: usize = 10;
/// Bytes collected before they are written.
const BUFFER: usize = 64 << 10;
/// Rows whose spans are fetched together.
const AHEAD: usize = 32;

struct Layout {
    label: usize,
    service: usize,
    letters: bool,
    self_time: bool,
    bar: usize,
    mark: usize,
    /// Columns of indentation per level.
    step: usize,
}

impl Layout {
    fn of(
        tree: &TraceTree<'_, '_>,
        rows: &Rows,
        options: &TreeOptions<'_>,
        overview: &Overview,
        theme: &Theme,
    ) -> Self {
        let width = theme.width.max(40);
        let several = overview.services.len() > 1;
        let letters = several && width < 80;
        let service = match (several, letters) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => overview.services.iter().map(|name| width_of(name)).max().unwrap_or(0).clamp(7, 18),
        };
        let self_time = width >= 60;
        let mark = if options.mark.is_some() { 2 } else { 1 };
        let numbers = 1 + DURATION_WIDTH + if self_time { 1 + DURATION_WIDTH } else { 0 };
        let fixed = if service > 0 { 1 + service } else { 0 } + numbers + 1 + mark;
        let bar = if options.timeline == Timeline::Drawn { (width * 3).div_ceil(10) } else { 0 };
        let gutter = usize::from(bar > 0);
        let room = width.saturating_sub(fixed + bar + gutter).max(8);
        // Indentation takes at most half of the label column, as long as one column a level is enough for that.
        let step = [3, 2].into_iter().find(|step| overview.max_depth * step <= room / 2).unwrap_or(1);
        let wanted = rows
            .walk(tree)
            .take(MEASURED)
            .map(|node| {
                let run = rows.run(node.index);
                let run = run.map_or(0, |run| run_texts(run, theme).iter().map(|text| width_of(text)).sum());
                run + node.depth * step + tree.span(node.index).map_or(0, |span| label_width(tree, &node, span))
            })
            .max()
            .unwrap_or(0);
        let label = wanted.clamp(8, room);
        let bar = if bar > 0 { width.saturating_sub(fixed + gutter + label) } else { 0 };
        Layout { label, service, letters, self_time, bar, mark, step }
    }
}

fn label_width(tree: &TraceTree<'_, '_>, node: &Node, span: Span<'_>) -> usize {
    let (first, second) = label_parts(span);
    let [first, second] = [first, second].map(|bytes| from_utf8(bytes).unwrap_or_default());
    let second = if second.is_empty() { 0 } else { 1 + width_of(second) };
    flag(tree, node).len() + width_of(first) + second
}

/// What a row of several spans says before its name, and behind it.
fn run_texts(run: &Run, theme: &Theme) -> [String; 2] {
    let mean = Nanos(run.total.0 / (run.count as i64).max(1));
    [format!("{}{} ", if theme.ascii { "x" } else { "×" }, run.count), format!(" {} avg", duration(mean, theme.ascii))]
}

/// The name, and the resource where it says more; a resource that begins with the name stands alone.
fn label_parts(span: Span<'_>) -> (&[u8], &[u8]) {
    let (name, resource) = (span.name_bytes(), span.resource_bytes());
    if resource.is_empty() || resource == name {
        (name, b"")
    } else if resource.starts_with(name) {
        (resource, b"")
    } else {
        (name, resource)
    }
}

/// What sets a row apart, in words before its name.
fn flag(tree: &TraceTree<'_, '_>, node: &Node) -> &'static str {
    if node.depth == 0 {
        match tree.top(node.index) {
            Some(Top::Orphan) => return "[orphan] ",
            Some(Top::SelfParent) => return "[own parent] ",
            Some(Top::Cycle) => return "[cycle cut] ",
            Some(Top::Root) | None => {}
        }
    }
    let twice = !tree.duplicates().is_empty() && tree.duplicates().binary_search(&(node.index as u32)).is_ok();
    if twice { "[same id] " } else { "" }
}

/// Draws one trace.
pub fn tree(
    w: &mut dyn Write,
    tree: &TraceTree<'_, '_>,
    options: &TreeOptions<'_>,
    theme: &Theme,
) -> io::Result<Shown> {
    let overview = Overview::of(tree);
    header(w, tree, &overview, theme)?;
    let mut rows = Rows::of(tree, options.depth, options.min);
    if options.collapse {
        rows = rows.with_runs(tree);
    }
    let layout = Layout::of(tree, &rows, options, &overview, theme);
    let mut drawing = Drawing::new(tree, layout, options, &overview, theme);
    drawing.columns();
    let mut walk = rows.walk(tree);
    let mut ahead: Vec<(Node, Span<'_>)> = Vec::with_capacity(AHEAD);
    loop {
        ahead.clear();
        ahead.extend(walk.by_ref().take(AHEAD).filter_map(|node| Some((node, tree.span(node.index)?))));
        // Spans lie in input order, anywhere in memory. Looking at a few of them together lets the machine fetch them
        // together; one after the other, between the writing of rows, each would be waited for.
        let spans = |node: &Node| rows.run(node.index).map_or(1, |run| run.count);
        let failed: usize = ahead.iter().filter(|(_, span)| span.error()).map(|(node, _)| spans(node)).sum();
        if ahead.is_empty() {
            break;
        }
        drawing.errors += failed;
        for (node, span) in &ahead {
            drawing.row(node, *span, rows.run(node.index));
        }
        if drawing.out.len() >= BUFFER {
            w.write_all(&drawing.out)?;
            drawing.out.clear();
        }
    }
    let shown = Shown { drawn: drawing.drawn, of: tree.len() };
    drawing.footer(shown);
    w.write_all(&drawing.out)?;
    Ok(shown)
}

struct Drawing<'d, 't, 'b> {
    tree: &'d TraceTree<'t, 'b>,
    theme: &'d Theme,
    glyphs: &'static Glyphs,
    options: &'d TreeOptions<'d>,
    overview: &'d Overview,
    layout: Layout,
    coloured: bool,
    out: Vec<u8>,
    /// The number at hand, before it is padded.
    digits: Vec<u8>,
    /// The guides of the levels above as they are written, and where each level begins in them.
    guides: Vec<u8>,
    guide_starts: Vec<u32>,
    /// Levels of indentation that are drawn.
    levels: usize,
    pass: &'static str,
    blank: String,
    /// Ends of the spans above, one entry a level.
    ends: Vec<Timestamp>,
    start: i64,
    length: i64,
    drawn: usize,
    /// Failed spans among those drawn.
    errors: usize,
    /// The first of them, for the list below.
    failed: Vec<usize>,
    used_over: bool,
    used_gap: bool,
}

impl<'d, 't, 'b> Drawing<'d, 't, 'b> {
    fn new(
        tree: &'d TraceTree<'t, 'b>,
        layout: Layout,
        options: &'d TreeOptions<'d>,
        overview: &'d Overview,
        theme: &'d Theme,
    ) -> Self {
        let (start, end) = tree.extent().unwrap_or_default();
        Drawing {
            tree,
            theme,
            glyphs: theme.glyphs(),
            options,
            overview,
            coloured: theme.palette.is_coloured(),
            out: Vec::with_capacity(BUFFER + 4096),
            digits: Vec::new(),
            guides: Vec::new(),
            guide_starts: Vec::new(),
            levels: (layout.label * 2 / 3).max(layout.step) / layout.step,
            pass: cut(theme.glyphs().pass, layout.step),
            blank: spaces(layout.step).into_owned(),
            ends: Vec::new(),
            start: start.0,
            length: (end - start).0.max(1),
            drawn: 0,
            errors: 0,
            failed: Vec::new(),
            used_over: false,
            used_gap: false,
            layout,
        }
    }

    fn styled(&mut self, text: &str, style: Style) {
        if self.coloured {
            // Writing into a Vec does not fail.
            let _ = write!(self.out, "{}", paint(text, style));
        } else {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    fn pad(&mut self, count: usize) {
        self.out.resize(self.out.len() + count, b' ');
    }

    /// Ends the line without trailing blanks.
    fn end_line(&mut self) {
        while self.out.last() == Some(&b' ') {
            self.out.pop();
        }
        self.out.push(b'\n');
    }

    /// The heads of the columns and the axis.
    fn columns(&mut self) {
        let faint = self.theme.palette.faint;
        let mut line = spaces(self.layout.label).into_owned();
        line.replace_range(..4, "span");
        if self.layout.service > 0 {
            let word = if self.layout.letters { "" } else { "service" };
            line.push_str(&format!(" {word:width$}", width = self.layout.service));
        }
        line.push_str(&format!(" {:>DURATION_WIDTH$}", "total"));
        if self.layout.self_time {
            line.push_str(&format!(" {:>DURATION_WIDTH$}", "self"));
        }
        line.push_str(&spaces(1 + self.layout.mark + usize::from(self.layout.bar > 0)));
        line.push_str(&self.axis());
        self.styled(line.trim_end(), faint);
        self.end_line();
    }

    fn axis(&self) -> String {
        let columns = self.layout.bar;
        let mut axis = String::new();
        let ticks = (columns / 12).clamp(1, 8);
        for tick in 0..ticks {
            let at = columns * tick / ticks;
            let time = (i128::from(self.length) * tick as i128 / ticks as i128) as i64;
            let label = duration(Nanos(time), self.theme.ascii);
            let used = width_of(&axis);
            if at >= used && at + width_of(&label) < columns && (at > used || at == 0) {
                axis.push_str(&spaces(at - used));
                axis.push_str(&label);
            }
        }
        let end = duration(Nanos(self.length), self.theme.ascii);
        let room = columns.saturating_sub(width_of(&axis));
        if room > width_of(&end) {
            axis.push_str(&spaces(room - width_of(&end)));
            axis.push_str(&end);
        }
        axis
    }

    fn row(&mut self, node: &Node, span: Span<'b>, run: Option<&Run>) {
        self.ends.truncate(node.depth);
        let parent_end = self.ends.last().copied();
        if let Some(parent_end) = parent_end.filter(|end| node.start > *end) {
            self.gap_row(node, parent_end);
        }
        self.drawn += run.map_or(1, |run| run.count);
        let indent = self.indent(node, false);
        self.label(node, span, run, self.layout.label.saturating_sub(indent));
        self.service(span);
        self.number(run.map_or_else(|| span.duration(), |run| run.total));
        if self.layout.self_time {
            self.number(run.map_or_else(|| self.tree.self_time(node.index), |run| run.own));
        }
        self.marks(span);
        if span.error() && self.failed.len() < ERRORS_SHOWN {
            self.failed.push(node.index);
        }
        if self.layout.bar > 0 {
            self.out.push(b' ');
            self.bar(node, span, parent_end);
        }
        self.end_line();
        self.guide(node);
        self.ends.push(node.end);
        if run.is_some() {
            return;
        }
        if !self.options.tags.is_empty() {
            self.tags(node, span);
        }
        if self.options.details {
            self.details(node, span);
        }
        for (word, text) in self.options.notes.map(|notes| notes(node.index)).unwrap_or_default() {
            let text = clean(&text, self.theme.ascii).into_owned();
            self.detail(node, word, &text);
        }
    }

    /// Keeps the guide that the level of this row draws through the rows below it.
    fn guide(&mut self, node: &Node) {
        if node.depth == 0 || node.depth >= self.levels.max(1) {
            return;
        }
        self.guide_starts.truncate(node.depth - 1);
        let start = self.guide_starts.last().copied().unwrap_or_default() as usize;
        self.guides.truncate(start);
        self.guides.extend_from_slice(if node.last { self.blank.as_bytes() } else { self.pass.as_bytes() });
        self.guide_starts.push(self.guides.len() as u32);
    }

    /// The guides of the first `levels` levels.
    fn guides(&self, levels: usize) -> &[u8] {
        let end = levels.checked_sub(1).and_then(|level| self.guide_starts.get(level)).copied().unwrap_or_default();
        self.guides.get(..end as usize).unwrap_or_default()
    }

    /// Draws the guides before a row and returns their width. Levels that do not fit become a number.
    fn indent(&mut self, node: &Node, gap: bool) -> usize {
        if node.depth == 0 {
            return 0;
        }
        let start = self.out.len();
        let width = if node.depth > self.levels {
            self.out.extend_from_slice(self.glyphs.ellipsis.as_bytes());
            super::time::write_number(&mut self.out, node.depth as u64);
            self.out.push(b' ');
            self.out.len() - start - (self.glyphs.ellipsis.len() - 1)
        } else {
            let end = (node.depth - 1).checked_sub(1).and_then(|level| self.guide_starts.get(level)).copied();
            self.out.extend_from_slice(&self.guides[..end.unwrap_or_default() as usize]);
            let glyph = match (gap, node.last) {
                (true, _) => self.glyphs.gap,
                (false, true) => self.glyphs.last,
                (false, false) => self.glyphs.branch,
            };
            self.out.extend_from_slice(cut(glyph, self.layout.step).as_bytes());
            node.depth * self.layout.step
        };
        if self.coloured {
            let guides = String::from_utf8_lossy(&self.out[start..]).into_owned();
            self.out.truncate(start);
            self.styled(&guides, self.theme.palette.faint);
        }
        width
    }

    /// The label in exactly `columns`.
    fn label(&mut self, node: &Node, span: Span<'_>, run: Option<&Run>, columns: usize) {
        let flag = flag(self.tree, node);
        let mut room = columns;
        let run = run.map(|run| run_texts(run, self.theme));
        if let Some([count, _]) = &run {
            room -= self.clipped(count.as_bytes(), room, self.theme.palette.note);
        }
        if !flag.is_empty() {
            let flag = head(flag, room);
            room -= flag.len();
            self.styled(flag, self.theme.palette.warning);
        }
        let style = if span.error() { self.theme.palette.error } else { Style::new() };
        let (first, second) = label_parts(span);
        let first: &[u8] = if first.is_empty() { b"(no name)" } else { first };
        room -= self.clipped(first, room, style);
        if !second.is_empty() && room > 2 {
            self.out.push(b' ');
            room -= 1;
            room -= self.clipped(second, room, self.theme.palette.faint);
        }
        if let Some([_, mean]) = run.filter(|[_, mean]| width_of(mean) <= room) {
            room -= self.clipped(mean.as_bytes(), room, self.theme.palette.faint);
        }
        self.pad(room);
    }

    /// Text in at most `columns`; returns how many it took.
    fn clipped(&mut self, text: &[u8], columns: usize, style: Style) -> usize {
        if !self.coloured && is_simple(text) {
            // Plain ASCII: bytes are columns. Nearly all names are.
            if text.len() <= columns {
                self.out.extend_from_slice(text);
                return text.len();
            }
            if columns > 3 {
                let keep = columns - 1;
                let back = keep / 3;
                self.out.extend_from_slice(&text[..keep - back]);
                self.out.extend_from_slice(self.glyphs.ellipsis.as_bytes());
                self.out.extend_from_slice(&text[text.len() - back..]);
                return columns;
            }
        }
        let cleaned = clean(from_utf8(text).unwrap_or_default(), self.theme.ascii);
        let clipped = clip(&cleaned, columns, self.glyphs);
        self.styled(&clipped, style);
        width_of(&clipped)
    }

    fn service(&mut self, span: Span<'_>) {
        if self.layout.service == 0 {
            return;
        }
        self.out.push(b' ');
        let style = if self.coloured { self.theme.palette.service(span.service_bytes()) } else { Style::new() };
        if self.layout.letters {
            let letter = self.letter(span.service());
            self.styled(letter, style);
        } else {
            let width = self.layout.service;
            let used = self.clipped(span.service_bytes(), width, style);
            self.pad(width - used);
        }
    }

    fn letter(&self, service: &str) -> &'static str {
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let position = self.overview.services.iter().position(|name| name == service).unwrap_or(usize::MAX);
        LETTERS.get(position..position.saturating_add(1)).unwrap_or("*")
    }

    fn number(&mut self, length: Nanos) {
        self.digits.clear();
        write_duration(&mut self.digits, length, self.theme.ascii);
        // µ is one column in two bytes.
        let width = self.digits.len() - usize::from(self.digits.contains(&0xc2));
        self.pad((1 + DURATION_WIDTH).saturating_sub(width).max(1));
        self.out.extend_from_slice(&self.digits);
    }

    fn marks(&mut self, span: Span<'_>) {
        self.out.push(b' ');
        if span.error() {
            self.styled("!", self.theme.palette.error);
        } else {
            self.out.push(b' ');
        }
        if let Some(mark) = self.options.mark {
            if mark(span) {
                self.styled("*", self.theme.palette.strong);
            } else {
                self.out.push(b' ');
            }
        }
    }

    /// Column of the timeline, in eighths, for a point in time.
    #[inline]
    fn eighth(&self, time: i64, up: bool) -> usize {
        let from_start = i128::from(time) - i128::from(self.start);
        let scaled = from_start * (self.layout.bar as i128 * 8) + if up { i128::from(self.length) - 1 } else { 0 };
        (scaled / i128::from(self.length)).clamp(0, self.layout.bar as i128 * 8) as usize
    }

    fn bar(&mut self, node: &Node, span: Span<'_>, parent_end: Option<Timestamp>) {
        let from = (self.eighth(node.start.0, false) / 8).min(self.layout.bar.saturating_sub(1));
        let until = self.eighth(node.end.0, true).max(from * 8 + 1);
        let overhang = parent_end.filter(|end| node.start < *end && node.end > *end);
        let over = overhang.map_or(usize::MAX, |end| self.eighth(end.0, true).div_ceil(8));
        self.pad(from);
        let style =
            if span.error() { self.theme.palette.error } else { self.theme.palette.service(span.service_bytes()) };
        let (full, rest) = ((until - from * 8) / 8, (until - from * 8) % 8);
        let mut text = String::new();
        for column in from..from + full {
            if column >= over {
                self.used_over = true;
                text.push_str(self.glyphs.over);
            } else {
                text.push_str(self.glyphs.full);
            }
        }
        if rest > 0 {
            text.push_str(self.glyphs.eighths[rest - 1]);
        }
        self.styled(&text, style);
    }

    /// The row that says how long nobody worked between the parent's end and the child's start.
    fn gap_row(&mut self, node: &Node, parent_end: Timestamp) {
        self.used_gap = true;
        let indent = self.indent(node, true);
        // Without a timeline the line is free.
        let room = if self.layout.bar > 0 { self.layout.label } else { self.theme.width }.saturating_sub(indent);
        let mut text = format!("{} later", duration(node.start - parent_end, self.theme.ascii));
        if let Some(via) = self.tree.span(node.index).and_then(handoff)
            && width_of(&text) + via.len() + 3 <= room
        {
            text.push_str(&format!(" ({via})"));
        }
        let used = self.clipped(text.as_bytes(), room, self.theme.palette.faint);
        self.pad(room - used);
        if self.layout.bar > 0 {
            let from = self.eighth(parent_end.0, true).div_ceil(8);
            let until = (self.eighth(node.start.0, false) / 8).max(from);
            let columns = if self.layout.service > 0 { 1 + self.layout.service } else { 0 }
                + (1 + DURATION_WIDTH) * if self.layout.self_time { 2 } else { 1 }
                + 1
                + self.layout.mark
                + 1;
            let from = from.min(self.layout.bar - 1);
            self.pad(columns + from);
            let dots = self.glyphs.wait.repeat((until - from).max(1));
            self.styled(&dots, self.theme.palette.faint);
        }
        self.end_line();
    }

    /// Begins a line under a span, behind the guides of what is below it.
    fn under(&mut self, node: &Node) -> usize {
        let levels = node.depth.min(self.levels.saturating_sub(1));
        let mut guides = String::from_utf8_lossy(self.guides(levels)).into_owned();
        guides.push_str(if self.tree.children(node.index).next().is_some() { self.pass } else { &self.blank });
        self.styled(&guides, self.theme.palette.faint);
        (levels + 1) * self.layout.step
    }

    fn tags(&mut self, node: &Node, span: Span<'_>) {
        let tags = self.options.tags;
        let found = tags.iter().filter_map(|key| Some((key.as_str(), span.attributes().get(key)?)));
        let texts: Vec<String> =
            found.map(|(key, value)| format!("{}={}", clean(key, self.theme.ascii), self.value(key, value))).collect();
        if texts.is_empty() {
            return;
        }
        let indent = self.under(node);
        let line = texts.join("  ");
        let clipped = head(&line, self.theme.width.saturating_sub(indent).max(10)).to_owned();
        self.styled(&clipped, self.theme.palette.note);
        if clipped.len() < line.len() {
            self.out.extend_from_slice(self.glyphs.ellipsis.as_bytes());
        }
        self.end_line();
    }

    /// A value as text: cleaned, and masked when the key looks like a secret.
    fn value(&self, key: &str, value: Value<'_>) -> String {
        if self.theme.redact && is_secret(key) {
            return MASK.to_owned();
        }
        match value {
            Value::Str(text) => clean(text, self.theme.ascii).into_owned(),
            Value::Bytes(bytes) => match crate::wire::meta_struct_document(bytes) {
                Some(document) => clean(&document.to_string(), self.theme.ascii).into_owned(),
                None => format!("{} bytes", bytes.len()),
            },
            // A metric is a float on the wire whatever it counts.
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
            other => super::json::value(other).to_string(),
        }
    }

    fn detail(&mut self, node: &Node, key: &str, value: &str) {
        let indent = self.under(node);
        let key = clean(key, self.theme.ascii).into_owned();
        self.styled(&key, self.theme.palette.faint);
        self.out.push(b' ');
        let room = self.theme.width.saturating_sub(indent + width_of(&key) + 1).max(16);
        if width_of(value) <= room {
            self.out.extend_from_slice(value.as_bytes());
        } else {
            // The room for the remark is that of its longest form, so that cutting more does not make it longer.
            let remark = format!("{} {} more bytes", self.glyphs.ellipsis, value.len());
            let shown = head(value, room.saturating_sub(width_of(&remark)));
            self.out.extend_from_slice(shown.as_bytes());
            let remark = format!("{} {} more bytes", self.glyphs.ellipsis, value.len() - shown.len());
            self.styled(&remark, self.theme.palette.faint);
        }
        self.end_line();
    }

    fn details(&mut self, node: &Node, span: Span<'_>) {
        let parent = span.parent_id().map_or("-".to_owned(), |id| id.to_string());
        self.detail(node, "span", &format!("{}  parent {parent}", span.span_id()));
        self.detail(node, "start", &date(span.start()));
        for (key, value) in [("resource", span.resource()), ("type", span.type_()), ("service", span.service())] {
            if !value.is_empty() {
                self.detail(node, key, &clean(value, self.theme.ascii));
            }
        }
        for (key, value) in span.attributes().iter() {
            if span.links().len() > 0 && key == "_dd.span_links" || span.events().len() > 0 && key == "events" {
                continue;
            }
            let value = self.value(key, value);
            self.detail(node, key, &value);
        }
        for link in span.links() {
            let attributes = self.pairs(link.attributes());
            self.detail(node, "link", &format!("{} {}{attributes}", link.trace_id(), link.span_id()));
        }
        for event in span.events() {
            let after = duration(event.time() - span.start(), self.theme.ascii);
            let text = format!("+{after} {}{}", clean(event.name(), self.theme.ascii), self.pairs(event.attributes()));
            self.detail(node, "event", &text);
        }
    }

    fn pairs(&self, attributes: crate::trace::Attributes<'_>) -> String {
        attributes
            .iter()
            .map(|(key, value)| format!("  {}={}", clean(key, self.theme.ascii), self.value(key, value)))
            .collect()
    }

    fn footer(&mut self, shown: Shown) {
        if shown.drawn < shown.of {
            let hiding =
                if self.options.collapse { "--depth, --min and --collapse-repeats" } else { "--depth and --min" };
            let text = format!("{} of {} spans drawn; {hiding} hide the rest", shown.drawn, shown.of);
            self.styled(&text, self.theme.palette.warning);
            self.end_line();
        }
        if self.layout.letters {
            let names: Vec<String> = self
                .overview
                .services
                .iter()
                .map(|name| format!("{} {}", self.letter(name), clean(name, self.theme.ascii)))
                .collect();
            self.wrapped(&names, "  ");
        }
        let mut legend = Vec::new();
        if self.used_gap && self.layout.bar > 0 {
            legend.push(format!("{} waiting", self.glyphs.wait));
        }
        if self.used_over {
            legend.push(format!("{} after the parent's end", self.glyphs.over));
        }
        if self.overview.errors > 0 {
            legend.push("! error".to_owned());
        }
        if self.options.mark.is_some() {
            legend.push("* matches".to_owned());
        }
        self.wrapped(&legend, "   ");
        for index in std::mem::take(&mut self.failed) {
            self.failure(index);
        }
        let more = self.errors.saturating_sub(ERRORS_SHOWN);
        if more > 0 {
            self.styled(&format!("! and {more} more errors"), self.theme.palette.error);
            self.end_line();
        }
    }

    fn wrapped(&mut self, parts: &[String], between: &str) {
        let mut column = 0;
        for part in parts {
            let part = &*clip(part, self.theme.width, self.glyphs);
            let width = width_of(part);
            if column > 0 && column + between.len() + width > self.theme.width {
                self.end_line();
                column = 0;
            }
            if column > 0 {
                self.out.extend_from_slice(between.as_bytes());
                column += between.len();
            }
            self.styled(part, self.theme.palette.faint);
            column += width;
        }
        if column > 0 {
            self.end_line();
        }
    }

    /// `! name  message`, from whatever the sender said about the failure.
    fn failure(&mut self, index: usize) {
        let Some(span) = self.tree.span(index) else { return };
        let attributes = span.attributes();
        let kind = attributes.text("error.type").unwrap_or_default();
        let message = ["error.message", "error.msg"].iter().find_map(|key| attributes.text(key)).unwrap_or_default();
        let said = match (kind, message) {
            ("", "") => "no error message in the span".to_owned(),
            ("", text) | (text, "") => text.to_owned(),
            (kind, message) => format!("{kind}: {message}"),
        };
        let said = clean(said.lines().next().unwrap_or_default(), self.theme.ascii).into_owned();
        let (first, second) = label_parts(span);
        let [first, second] = [first, second].map(|bytes| from_utf8(bytes).unwrap_or_default());
        let label = if second.is_empty() { first.to_owned() } else { format!("{first} {second}") };
        let label = clean(&label, self.theme.ascii).into_owned();
        let label = clip(&label, self.theme.width / 3, self.glyphs).into_owned();
        self.styled("!", self.theme.palette.error);
        self.out.push(b' ');
        self.out.extend_from_slice(label.as_bytes());
        self.out.extend_from_slice(b"  ");
        let room = self.theme.width.saturating_sub(4 + width_of(&label)).max(16);
        let said = clip(&said, room, self.glyphs).into_owned();
        self.styled(&said, self.theme.palette.error);
        self.end_line();
    }
}

/// A three-column guide in `step` columns.
fn cut(glyph: &'static str, step: usize) -> &'static str {
    if step >= 3 {
        return glyph;
    }
    glyph.char_indices().nth(step).map_or(glyph, |(at, _)| &glyph[..at])
}

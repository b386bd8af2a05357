//! Tables: the list of traces, operations, the spans of a trace in columns.

use super::time::{date, duration};
use super::{Shown, Theme, clean, clip, paint, spaces, width_of};
use crate::analysis::{Grouping, Operations, idle};
use crate::id::SpanId;
use crate::intake::{Extent, Located};
use crate::propagation::verdict::{Profile, Verdict};
use crate::time::{Nanos, Timestamp};
use crate::tree::TraceTree;
use crate::wire::ClientStats;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::io::{self, Write};

/// How few hex digits tell the ids apart, at least 8.
pub fn id_digits(ids: impl Iterator<Item = String>) -> usize {
    let mut sorted: Vec<String> = ids.collect();
    sorted.sort_unstable();
    sorted.dedup();
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    sorted.windows(2).map(|pair| common(&pair[0], &pair[1]) + 1).max().unwrap_or(0).clamp(8, 32)
}

/// One line per trace.
pub fn traces(w: &mut dyn Write, traces: &[&Located], theme: &Theme) -> io::Result<()> {
    let digits = id_digits(traces.iter().map(|trace| trace.id.to_string()));
    let glyphs = theme.glyphs();
    let marked = traces.iter().any(|trace| trace.matches > 0);
    let head = format!("{:digits$}  {:>8} {:>7} {:>6}  {}", "trace", "duration", "spans", "errors", "root");
    writeln!(w, "{}", paint(head, theme.palette.faint))?;
    for trace in traces {
        let id = trace.id.to_string();
        let mut line = paint(&id[..digits], theme.palette.strong).to_string();
        let time = duration(trace.duration(), theme.ascii);
        line.push_str(&spaces(2 + 8usize.saturating_sub(width_of(&time))));
        line.push_str(&time);
        line.push_str(&format!(" {:>7}", trace.spans));
        let errors = format!(" {:>6}", errors(trace.errors));
        let style = if trace.errors > 0 { theme.palette.error } else { theme.palette.faint };
        line.push_str(&paint(errors, style).to_string());
        line.push_str("  ");
        let [service, name, resource] = &trace.top;
        let mut label = format!("{service}: {name}");
        if !resource.is_empty() && resource != name {
            label.push(' ');
            label.push_str(resource);
        }
        if trace.services.len() > 1 {
            let more = trace.services.len() - 1;
            label.push_str(&format!(" +{more} service{}", if more == 1 { "" } else { "s" }));
        }
        if marked {
            label.push_str(&format!("  * {} match", trace.matches));
        }
        let label = clean(&label, theme.ascii);
        let room = theme.width.saturating_sub(digits + 2 + 8 + 8 + 7 + 2).max(10);
        line.push_str(&clip(&label, room, glyphs));
        writeln!(w, "{line}")?;
    }
    Ok(())
}

/// A table of `texts` columns of text that give way, and columns of numbers behind them that stay whole.
pub(super) fn heading(columns: &[&str], texts: usize, theme: &Theme) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(theme.width.clamp(40, usize::from(u16::MAX)) as u16);
    table.set_header(columns.iter().map(Cell::new));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index >= texts {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

pub(super) fn print(w: &mut dyn Write, table: &Table) -> io::Result<()> {
    table.lines().try_for_each(|line| writeln!(w, "{}", line.trim_end()))
}

/// Operations, longest total first. Narrow output has fewer columns.
pub fn operations(w: &mut dyn Write, operations: &Operations, self_times: bool, theme: &Theme) -> io::Result<()> {
    const TIGHT: usize = 60;
    let (narrow, wide) = (theme.width < 80, theme.width >= 120);
    let tight = theme.width < TIGHT;
    let mut columns = if tight { vec!["operation", "count"] } else { vec!["service", "operation", "count", "errors"] };
    if self_times && !tight {
        columns.push("self");
    }
    columns.extend(match (narrow, wide) {
        (true, _) => &["p50", "max"][..],
        (false, false) => &["total", "p50", "p95", "max"],
        (false, true) => &["total", "p50", "p95", "p99", "max"],
    });
    let mut table = heading(&columns, if tight { 1 } else { 2 }, theme);
    let time = |length: Nanos| duration(length, theme.ascii);
    for (key, operation) in operations.sorted() {
        let (service, name) = (clean(&key.service, theme.ascii), clean(&key.name, theme.ascii));
        let errors = errors(operation.errors);
        let mut row = if tight {
            let failed = if operation.errors > 0 { format!(" {errors}") } else { String::new() };
            vec![format!("{service} {name}"), format!("{}{failed}", operation.count)]
        } else {
            vec![service.into_owned(), name.into_owned(), operation.count.to_string(), errors]
        };
        if self_times && !tight {
            row.push(time(operation.self_time));
        }
        if !narrow {
            row.push(time(operation.total));
        }
        row.push(time(operation.quantile(50)));
        if !narrow {
            row.push(time(operation.quantile(95)));
        }
        if wide {
            row.push(time(operation.quantile(99)));
        }
        row.push(time(operation.max()));
        table.add_row(row);
    }
    print(w, &table)
}

/// Traces by how long they ran, as many as are given.
pub fn slowest(w: &mut dyn Write, traces: &[Extent], theme: &Theme) -> io::Result<()> {
    let digits = id_digits(traces.iter().map(|trace| trace.id.to_string()));
    let mut table = heading(&["slowest traces", "duration", "spans", "errors"], 1, theme);
    for trace in traces {
        let id = trace.id.to_string();
        let id = id.get(..digits).unwrap_or(&id).to_owned();
        table.add_row(vec![id, duration(trace.duration(), theme.ascii), trace.spans.to_string(), errors(trace.errors)]);
    }
    print(w, &table)
}

/// The first `most` services, by the sum of the durations of their spans.
pub fn busiest(w: &mut dyn Write, operations: &Operations, most: usize, theme: &Theme) -> io::Result<()> {
    let mut table = heading(&["busiest services", "total", "spans", "errors"], 1, theme);
    for (name, service) in operations.services().into_iter().take(most) {
        let name = clean(name, theme.ascii).into_owned();
        table.add_row(vec![
            name,
            duration(service.total, theme.ascii),
            service.count.to_string(),
            errors(service.errors),
        ]);
    }
    print(w, &table)
}

fn errors(count: u64) -> String {
    if count > 0 { format!("!{count}") } else { "-".to_owned() }
}

/// The spans on the critical path, in the order in which they first ran, with the time that each held the trace up. Where another
/// child ran at the same time the order is a guess, and marked.
pub fn critical_path(w: &mut dyn Write, tree: &TraceTree<'_, '_>, theme: &Theme) -> io::Result<()> {
    let path = crate::analysis::critical_path(tree);
    let total = path.iter().fold(Nanos(0), |sum, (_, own)| sum + *own);
    let spans = if path.len() == 1 { "1 span".to_owned() } else { format!("{} spans", path.len()) };
    writeln!(w, "critical path  {} in {spans}", duration(total, theme.ascii))?;
    let numbers: FxHashMap<SpanId, usize> =
        (0..tree.len()).rev().filter_map(|at| Some((tree.span(at)?.span_id(), at))).collect();
    let mut guessed = false;
    for (id, own) in path {
        let Some((at, span)) = numbers.get(&id).and_then(|at| Some((*at, tree.span(*at)?))) else { continue };
        let siblings: Vec<usize> = match tree.parent(at) {
            Some(parent) => tree.children(parent).collect(),
            None => tree.roots().iter().map(|root| *root as usize).collect(),
        };
        let beside = |other: &usize| {
            *other != at
                && tree.span(*other).is_some_and(|other| other.start() < span.end() && span.start() < other.end())
        };
        let guess = siblings.iter().any(beside);
        guessed |= guess;
        let share = own.0 as f64 * 100.0 / total.0.max(1) as f64;
        let name = format!("{} {}", span.service(), span.name());
        let mark = if guess { "?" } else { " " };
        writeln!(w, "  {:>9} {share:>5.1}% {mark} {}", duration(own, theme.ascii), clean(&name, theme.ascii))?;
    }
    if guessed {
        writeln!(w, "? another span ran beside it: which of them was waited for is a guess")?;
    }
    Ok(())
}

/// An operation in two captures; both values of everything.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    /// Service.
    pub service: String,
    /// Operation.
    pub name: String,
    /// How many spans.
    pub count: [u64; 2],
    /// Half of them were shorter.
    pub p50: [Nanos; 2],
    /// 95 of 100 were shorter.
    pub p95: [Nanos; 2],
    /// The longest.
    pub max: [Nanos; 2],
    /// The lengths are further apart than is tolerated.
    pub apart: bool,
}

/// Operations before and after, with the change of their lengths. Narrow output has fewer columns.
pub fn deltas(w: &mut dyn Write, deltas: &[Delta], theme: &Theme) -> io::Result<()> {
    let (narrow, wide) = (theme.width < 80, theme.width >= 130);
    let columns: &[&str] = match (narrow, wide) {
        (true, _) => &["operation", "count", "p50", ""],
        (false, false) => &["service", "operation", "count", "p50", "", "p95"],
        (false, true) => &["service", "operation", "count", "p50", "", "p95", "", "max"],
    };
    let mut table = heading(columns, if narrow { 1 } else { 2 }, theme);
    let arrow = if theme.ascii { "->" } else { "→" };
    for delta in deltas {
        let there = delta.count.map(|count| count > 0);
        let length = |side: usize, length: Nanos| match there[side] {
            true => duration(length, theme.ascii),
            false => "-".to_owned(),
        };
        let both = |[before, after]: [Nanos; 2]| format!("{} {arrow} {}", length(0, before), length(1, after));
        let mark = if delta.apart { "!" } else { "" };
        let change = |[before, after]: [Nanos; 2]| match before.0 {
            before if there == [true; 2] && before > 0 => {
                format!("{mark}{:+.1}%", (after.0 as f64 / before as f64 - 1.0) * 100.0)
            }
            _ => String::new(),
        };
        let (service, name) = (clean(&delta.service, theme.ascii), clean(&delta.name, theme.ascii));
        let count = match delta.count {
            [before, after] if before == after => before.to_string(),
            [before, after] => format!("{before} {arrow} {after}"),
        };
        let mut row = if narrow { vec![format!("{service} {name}")] } else { vec![service.into(), name.into()] };
        row.extend([count, both(delta.p50), change(delta.p50)]);
        if wide {
            row.push(both(delta.p95));
        }
        if !narrow {
            row.push(change(delta.p95));
        }
        if wide {
            row.push(both(delta.max));
        }
        table.add_row(row);
    }
    print(w, &table)
}

/// Client statistics, most hits first. Narrow output has fewer columns.
pub fn client_stats(w: &mut dyn Write, stats: &ClientStats, theme: &Theme) -> io::Result<()> {
    let (narrow, wide) = (theme.width < 80, theme.width >= 120);
    let mut columns = vec!["service", "client stats"];
    if wide {
        columns.push("resource");
    }
    columns.extend(["hits", "errors", "mean"]);
    let mut table = heading(&columns, columns.len() - 3, theme);
    let mut groups: Vec<_> = stats.groups.iter().collect();
    groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.hits));
    for (group, counts) in groups {
        let mut name = clean(&group.name, theme.ascii).into_owned();
        if group.http_status != 0 && !narrow {
            name.push_str(&format!(" {}", group.http_status));
        }
        let mut row = vec![clean(&group.service, theme.ascii).into_owned(), name];
        if wide {
            row.push(clean(&group.resource, theme.ascii).into_owned());
        }
        let errors = if counts.errors > 0 { format!("!{}", counts.errors) } else { "-".to_owned() };
        let mean = Nanos(i64::try_from(counts.mean()).unwrap_or(i64::MAX));
        row.extend([counts.hits.to_string(), errors, duration(mean, theme.ascii)]);
        table.add_row(row);
    }
    print(w, &table)
}

/// What each tracer would do with a header set, one row a tracer.
pub fn verdicts(w: &mut dyn Write, verdicts: &[(&'static Profile, Verdict)], theme: &Theme) -> io::Result<()> {
    let with_version = theme.width >= 100;
    let mut columns = vec!["tracer"];
    if with_version {
        columns.push("version");
    }
    columns.extend(["verdict", "parent", "because"]);
    let mut table = heading(&columns, columns.len(), theme);
    for (profile, verdict) in verdicts {
        let parent = match (verdict.parent_id, &verdict.raw_parent_id) {
            (Some(parent), _) => parent.to_string(),
            (None, Some(raw)) => clean(raw, theme.ascii).into_owned(),
            (None, None) => "-".to_owned(),
        };
        let sampled = match verdict.sampled {
            Some(true) => ", keep",
            Some(false) => ", drop",
            None => "",
        };
        let mut row = vec![profile.key.to_owned()];
        if with_version {
            row.push(profile.version.to_owned());
        }
        row.extend([format!("{}{sampled}", verdict.outcome.name()), parent, verdict.because.join(", ")]);
        table.add_row(row);
    }
    print(w, &table)
}

/// A row of the payload table.
#[derive(Clone, Debug, Default)]
pub struct PayloadRow {
    /// The file the payloads are in.
    pub file: String,
    /// Protocol name.
    pub protocol: &'static str,
    /// Client, when the request says it.
    pub client: String,
    /// Payloads.
    pub records: u64,
    /// Chunks in them.
    pub chunks: u64,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Payloads by file, protocol and client. Narrow output has fewer columns.
pub fn payloads(w: &mut dyn Write, rows: &[PayloadRow], theme: &Theme) -> io::Result<()> {
    let wide = theme.width >= 80;
    let mut columns = vec!["file"];
    if wide {
        columns.push("client");
    }
    let texts = columns.len();
    columns.extend(["protocol", "payloads"]);
    if wide {
        columns.push("chunks");
    }
    columns.push("spans");
    if wide {
        columns.push("bytes");
    }
    let mut table = heading(&columns, texts, theme);
    for row in rows {
        let mut cells = vec![clean(&row.file, theme.ascii).into_owned()];
        if wide {
            cells.push(clean(&row.client, theme.ascii).into_owned());
        }
        cells.extend([row.protocol.to_owned(), row.records.to_string()]);
        if wide {
            cells.push(row.chunks.to_string());
        }
        cells.push(row.spans.to_string());
        if wide {
            cells.push(row.bytes.to_string());
        }
        table.add_row(cells);
    }
    print(w, &table)
}

/// What the rows of [`spans`] are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanOrder {
    /// As they began.
    #[default]
    Start,
    /// Longest first.
    Duration,
    /// Longest self time first.
    SelfTime,
    /// By name.
    Name,
    /// By service.
    Service,
    /// Failed ones first.
    Errors,
}

/// The spans of a trace as rows of columns: start, total, self, service, name, resource.
pub fn spans(
    w: &mut dyn Write,
    tree: &TraceTree<'_, '_>,
    depth: Option<usize>,
    min: Option<Nanos>,
    order: SpanOrder,
    theme: &Theme,
) -> io::Result<Shown> {
    let overview = super::overview::Overview::of(tree);
    super::overview::header(w, tree, &overview, theme)?;
    let rows = super::rows::Rows::of(tree, depth, min);
    let mut nodes: Vec<usize> = rows.walk(tree).map(|node| node.index).collect();
    let of = |index: &usize| tree.span(*index);
    match order {
        SpanOrder::Start => nodes.sort_by_key(|index| (of(index).map(|span| span.start()), *index)),
        SpanOrder::Duration => nodes.sort_by_key(|index| (std::cmp::Reverse(of(index).map(|s| s.duration())), *index)),
        SpanOrder::SelfTime => nodes.sort_by_cached_key(|index| (std::cmp::Reverse(tree.self_time(*index)), *index)),
        SpanOrder::Name => nodes.sort_by_key(|index| (of(index).map(|s| (s.name(), s.resource())), *index)),
        SpanOrder::Service => nodes.sort_by_key(|index| (of(index).map(|s| (s.service(), s.name())), *index)),
        SpanOrder::Errors => nodes.sort_by_key(|index| (of(index).map(|s| !s.error()), *index)),
    }
    let Some((start, _)) = tree.extent() else { return Ok(Shown::default()) };
    let services = overview.services.iter().map(|name| width_of(name)).max().unwrap_or(0).clamp(7, 18);
    let with_service = theme.width >= 60;
    let mut head = format!("{:>8} {:>8} {:>8}   ", "start", "total", "self");
    if with_service {
        head.push_str(&format!("{:services$} ", "service"));
    }
    head.push_str("name");
    writeln!(w, "{}", paint(head, theme.palette.faint))?;
    let glyphs = theme.glyphs();
    for index in &nodes {
        let Some(span) = tree.span(*index) else { continue };
        let mut line = String::new();
        for time in [span.start() - start, span.duration(), tree.self_time(*index)] {
            let text = duration(time, theme.ascii);
            line.push_str(&spaces(8usize.saturating_sub(width_of(&text))));
            line.push_str(&text);
            line.push(' ');
        }
        line.push_str(&paint(if span.error() { "! " } else { "  " }, theme.palette.error).to_string());
        if with_service {
            let service = clean(span.service(), theme.ascii);
            let service = clip(&service, services, glyphs);
            line.push_str(&paint(&service, theme.palette.service(span.service_bytes())).to_string());
            line.push_str(&spaces(services + 1 - width_of(&service)));
        }
        let mut label = clean(span.name(), theme.ascii).into_owned();
        if span.resource_bytes() != span.name_bytes() && !span.resource().is_empty() {
            label.push(' ');
            label.push_str(&clean(span.resource(), theme.ascii));
        }
        let used = 29 + if with_service { services + 1 } else { 0 };
        line.push_str(&clip(&label, theme.width.saturating_sub(used).max(10), glyphs));
        writeln!(w, "{}", line.trim_end())?;
    }
    let shown = Shown { drawn: nodes.len(), of: tree.len() };
    if shown.drawn < shown.of {
        let text = format!("{} of {} spans listed; --depth and --min hide the rest", shown.drawn, shown.of);
        writeln!(w, "{}", paint(text, theme.palette.warning))?;
    }
    Ok(shown)
}

/// One trace by operation: where its time went.
pub fn summary(w: &mut dyn Write, tree: &TraceTree<'_, '_>, by: &Grouping, theme: &Theme) -> io::Result<Shown> {
    let overview = super::overview::Overview::of(tree);
    super::overview::header(w, tree, &overview, theme)?;
    let mut by_name = Operations::default();
    let mut by_service: HashMap<&str, Nanos> = HashMap::new();
    for number in 0..tree.len() {
        let Some(span) = tree.span(number) else { continue };
        let own = tree.self_time(number);
        let (service, what) = by.key(span);
        by_name.add(service, &what, span.duration(), own, span.error());
        let total = by_service.entry(span.service()).or_default();
        *total = *total + own;
    }
    operations(w, &by_name, true, theme)?;
    let mut services: Vec<_> = by_service.into_iter().collect();
    services.sort_by_key(|(name, total)| (std::cmp::Reverse(*total), *name));
    let all: i64 = services.iter().fold(0, |sum: i64, (_, total)| sum.saturating_add(total.0)).max(1);
    let parts: Vec<String> = services
        .iter()
        .map(|(name, total)| {
            let share = (i128::from(total.0) * 100 / i128::from(all)) as i64;
            format!("{} {} ({share}%)", clean(name, theme.ascii), duration(*total, theme.ascii))
        })
        .collect();
    let line = format!("self time: {}", parts.join(", "));
    writeln!(w, "{}", clip(&line, theme.width.max(40), theme.glyphs()))?;
    let (idle, whole) = (idle(tree), tree.extent().map_or(1, |(start, end)| (end - start).0.max(1)));
    if idle > Nanos(0) {
        let share = (i128::from(idle.0) * 100 / i128::from(whole)) as i64;
        writeln!(w, "waiting: {}, {share}% of the trace", duration(idle, theme.ascii))?;
    }
    Ok(Shown { drawn: tree.len(), of: tree.len() })
}

/// A first and a last moment, in words.
pub fn period((start, end): (Timestamp, Timestamp)) -> String {
    format!("{} to {}", date(start), date(end))
}

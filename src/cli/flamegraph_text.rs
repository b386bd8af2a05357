//! `spanglass flamegraph-text`: traces as text.

use super::beside::{BesideArgs, Known};
use super::export;
use super::output::Output;
use super::progress::Progress;
use super::select::{CaptureArgs, Captures, counts_line, end_of_input, file_namer, outcome_of_reading};
use anyhow::{Result, anyhow};
use clap::ValueEnum;
use spanglass::analysis::{Grouping, shifted, skew};
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::id::SpanId;
use spanglass::intake::{Located, Note, Scanned};
use spanglass::lint;
use spanglass::render::table::SpanOrder;
use spanglass::render::{self, Timeline, TreeOptions};
use spanglass::time::Nanos;
use spanglass::trace::{Keep, Span, Trace};
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

/// Draw the traces of a capture.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// How to draw
    #[arg(long, value_name = "VIEW", default_value = "waterfall", help_heading = "Drawing")]
    view: View,
    /// Draw every selected trace, in input order, not the slowest alone
    #[arg(long, help_heading = "Drawing")]
    all: bool,
    /// Order of the traces in the list (and with --all), or of the rows of --view table
    /// [default: duration for the list, start for the table]
    #[arg(long, value_name = "KEY", help_heading = "Drawing")]
    sort: Option<Sort>,
    /// Draw at most this many levels
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Drawing")]
    depth: Option<u32>,
    /// Hide spans shorter than this (`5ms`, or `1%` of the trace) that have no longer span below them
    #[arg(long, value_name = "DUR|PCT", value_parser = parse_min, help_heading = "Drawing")]
    min: Option<Min>,
    /// Draw siblings that are alike (service, name, resource) and follow each other as one row, without what is below them
    #[arg(long, help_heading = "Drawing")]
    collapse_repeats: bool,
    /// What --merge, --view summary and --out folded and svg take together: operation, service, name, resource or tag:KEY
    #[arg(long, value_name = "KEY", default_value = "operation", help_heading = "Drawing")]
    by: Grouping,
    /// Shift spans of other services that do not lie within the span that called them, as if their clocks were wrong; each is marked with
    /// how far (drawings only: JSON and files have the times as recorded)
    #[arg(long, help_heading = "Drawing")]
    fix_skew: bool,
    /// Draw all selected traces as one: spans under the same names are one frame, with their own times added up
    #[arg(long, conflicts_with_all = ["all", "details", "tags"], help_heading = "Drawing")]
    merge: bool,
    /// List the spans that decided when the trace ended, with the time that each held it up
    #[arg(long, help_heading = "Drawing")]
    critical_path: bool,
    /// Write the selected traces to a file instead: html (a page with search and details), folded or svg (merged), speedscope or perfetto
    #[arg(long, value_names = ["FORM", "FILE"], num_args = 2, conflicts_with = "merge", help_heading = "Output")]
    out: Vec<String>,
    /// Print these tags under the spans that have them
    #[arg(long, value_name = "KEY,...", value_delimiter = ',', help_heading = "Drawing")]
    tags: Vec<String>,
    /// Print ids, tags, links and events under every span
    #[arg(long, help_heading = "Drawing")]
    details: bool,
    #[command(flatten)]
    beside: BesideArgs,
    /// Print text, one JSON document (an array for several traces), or one document per line
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// One row per span with a timeline
    Waterfall,
    /// One row per span
    Tree,
    /// One row per depth
    Flame,
    /// Spans in columns, sortable
    Table,
    /// Time by operation and service
    Summary,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Duration,
    Start,
    #[value(name = "self")]
    SelfTime,
    Spans,
    Errors,
    Name,
    Service,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Jsonl,
}

/// The shortest span to draw.
#[derive(Clone, Copy, Debug)]
enum Min {
    Length(Nanos),
    /// Thousandths of a percent of the trace.
    Share(u32),
}

fn parse_min(text: &str) -> Result<Min> {
    let share = text.strip_suffix('%').and_then(|share| share.trim().parse::<f64>().ok());
    match share {
        Some(share) if (0.0..=100.0).contains(&share) => Ok(Min::Share((share * 1000.0).round() as u32)),
        Some(_) => Err(anyhow!("a share is between 0% and 100%")),
        None => Nanos::parse(text)
            .map(Min::Length)
            .ok_or_else(|| anyhow!("write a duration such as 5ms, or a share such as 1%")),
    }
}

impl Min {
    fn of(self, trace: Nanos) -> Nanos {
        match self {
            Min::Length(length) => length,
            Min::Share(share) => Nanos((i128::from(trace.0) * i128::from(share) / 100_000) as i64),
        }
    }
}

/// Tags that the drawing itself needs: of errors, and of hand-offs.
const DRAWN_TAGS: [&str; 6] =
    ["error.message", "error.msg", "error.type", "trace_linked", "messaging.operation", "span.kind"];

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let format = if args.json { Format::Json } else { args.format };
    if let Some(form) = args.out.first() {
        export::check_form(form)?;
    }
    let mut found = Diagnostics::default();
    let mut captures = match args.capture.open(output, &mut found) {
        Ok(captures) => captures,
        Err(error) => {
            if format == Format::Json {
                writeln!(output, "[]")?;
            }
            return Err(error);
        }
    };
    let mut keys: Vec<&str> = DRAWN_TAGS.to_vec();
    keys.extend(args.tags.iter().map(String::as_str));
    keys.extend(args.by.tag());
    let query_keys = args.capture.query_keys();
    keys.extend(query_keys.iter().map(String::as_str));
    let all_tags = args.out.first().is_some_and(|form| ["perfetto", "html"].contains(&form.as_str()))
        || format != Format::Text
        || args.details
        || args.beside.needs_tags();
    let keep = if all_tags { Keep::All } else { args.capture.keep(&keys) };
    let options = Options { limits: args.capture.limits(), keep };
    let filter = args.capture.filter();
    let mut progress = Progress::new(output.quiet);
    let wanted = filter.as_ref().map(|filter| filter as _);
    let spans = |_: &mut (), scanned: &Scanned<'_>, _: &mut Diagnostics| scanned.payload.spans().len();
    captures.scan(&options, Note::Places, wanted, &mut found, spans, |_, _, spans| {
        progress.step(spans as u64);
        ControlFlow::Continue(())
    });
    drop(progress);
    let counts = captures.counts();
    output.outcome = outcome_of_reading(&counts, &found);
    let mut selected = args.capture.selected(captures.traces());
    sort(&mut selected, captures.traces(), args.sort, args.all || format != Format::Text);
    if let Some(limit) = args.capture.limit {
        selected.truncate(limit);
    }
    if selected.is_empty() && args.capture.selects() {
        output.outcome = output.outcome.or(Outcome::Bad);
        let why = args.capture.nothing_matched(&mut captures, &options)?;
        output.note(&why);
    }
    let mark = filter.as_ref().map(|filter| filter as &dyn Fn(Span<'_>) -> bool);
    let beside = args.beside.read(&mut captures, &options, args.details, output)?;
    let chosen = export::Chosen { traces: &selected, options: &options, by: &args.by };
    match format {
        _ if let [form, path] = &args.out[..] => {
            export::write(form, Path::new(path), &mut captures, chosen, &beside, output)?;
        }
        Format::Text if args.merge => {
            let merged = export::merge(&mut captures, chosen)?;
            let theme = output.theme.clone();
            let depth = args.depth.map(|depth| depth as usize);
            let all =
                merged.walk().filter(|(depth, _)| *depth == 0).fold(Nanos(0), |sum, (_, frame)| sum + frame.total);
            render::merged(output, &merged, depth, args.min.map(|min| min.of(all)), &theme)?;
        }
        Format::Text => text(&args, &mut captures, &selected, &options, mark, &beside, output)?,
        Format::Json | Format::Jsonl => json(format, &mut captures, &selected, &options, &beside, output)?,
    }
    output.findings_aside(&found, &file_namer(&captures))?;
    end_of_input(&captures, output)
}

/// Orders the traces: as asked; else slowest first for the list, as they came for a series of drawings.
fn sort(selected: &mut [usize], traces: &[Located], by: Option<Sort>, series: bool) {
    let of = |at: &usize| traces.get(*at);
    match by {
        None if series => {}
        None | Some(Sort::Duration | Sort::SelfTime) => {
            selected.sort_by_key(|at| Reverse(of(at).map(Located::duration)))
        }
        Some(Sort::Start) => selected.sort_by_key(|at| of(at).map(|trace| trace.start)),
        Some(Sort::Spans) => selected.sort_by_key(|at| Reverse(of(at).map(|trace| trace.spans))),
        Some(Sort::Errors) => selected.sort_by_key(|at| Reverse(of(at).map(|trace| trace.errors))),
        Some(Sort::Name) => selected.sort_by_key(|at| of(at).map(|trace| (&trace.top[1], &trace.top[2]))),
        Some(Sort::Service) => selected.sort_by_key(|at| of(at).map(|trace| &trace.top[0])),
    }
}

fn text(
    args: &Args,
    captures: &mut Captures,
    selected: &[usize],
    options: &Options<'_>,
    mark: Option<&dyn Fn(Span<'_>) -> bool>,
    beside: &Known,
    output: &mut Output,
) -> Result<()> {
    let theme = output.theme.clone();
    let several = selected.len() > 1;
    if several && !args.all {
        let listed: Vec<&Located> = selected.iter().filter_map(|at| captures.traces().get(*at)).collect();
        render::table::traces(output, &listed, &theme)?;
        writeln!(output)?;
    }
    let drawn = if args.all { selected } else { &selected[..selected.len().min(1)] };
    let mut result = Ok(());
    let mut first = true;
    captures.visit(drawn, options, |trace, _| {
        result = (|| {
            if !std::mem::take(&mut first) {
                writeln!(output)?;
            }
            draw(args, trace, mark, beside, &theme, output)
        })();
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result?;
    let (counts, traces) = (captures.counts(), captures.traces().len());
    if !output.quiet {
        let line = counts_line(&counts, Some(traces), &theme);
        writeln!(output, "{}", theme.palette.faint.style(line))?;
    }
    Ok(())
}

fn draw(
    args: &Args,
    trace: &Trace<'_>,
    mark: Option<&dyn Fn(Span<'_>) -> bool>,
    beside: &Known,
    theme: &render::Theme,
    output: &mut Output,
) -> Result<()> {
    let recorded = TraceTree::of(trace);
    let shifts = if args.fix_skew { skew(&recorded) } else { None };
    let fixed = shifts.as_ref().map(|shifts| shifted(&recorded, shifts));
    let fixed = fixed.as_ref().map(|batch| Trace::whole(trace.id(), batch.view(&[])));
    // Spans that were shifted may stand in another order: they are known by their ids.
    let shift_of: HashMap<SpanId, Nanos> = shifts
        .iter()
        .flatten()
        .enumerate()
        .filter(|(_, shift)| **shift != Nanos(0))
        .filter_map(|(at, shift)| Some((recorded.span(at)?.span_id(), *shift)))
        .collect();
    let tree = fixed.as_ref().map_or(recorded, TraceTree::of);
    let length = tree.extent().map_or(Nanos(0), |(start, end)| end - start);
    let min = args.min.map(|min| min.of(length));
    let depth = args.depth.map(|depth| depth as usize);
    let told = beside.of(&tree);
    let notes = |at: usize| {
        let shift = tree.span(at).and_then(|span| shift_of.get(&span.span_id()));
        let words = shift.map(|shift| {
            let sign = if shift.0 < 0 { "-" } else { "+" };
            (
                "skew",
                format!("shifted by {sign}{}", render::time::duration(Nanos(shift.0.saturating_abs()), theme.ascii)),
            )
        });
        words.into_iter().chain(told.notes(&tree, at)).collect()
    };
    let rows = |timeline, output: &mut Output| {
        let notes = (!told.is_empty() || !shift_of.is_empty()).then_some(&notes as render::Notes<'_>);
        let (tags, details, collapse) = (&args.tags, args.details, args.collapse_repeats);
        let options = TreeOptions { timeline, depth, min, tags, details, collapse, mark, notes };
        render::tree(output, &tree, &options, theme)
    };
    match args.view {
        View::Waterfall => rows(Timeline::Drawn, output),
        View::Tree => rows(Timeline::None, output),
        View::Flame => render::flame(output, &tree, depth, min, theme),
        View::Table => render::table::spans(output, &tree, depth, min, span_order(args.sort), theme),
        View::Summary => render::table::summary(output, &tree, &args.by, theme),
    }?;
    if args.critical_path {
        render::table::critical_path(output, &tree, theme)?;
    }
    told.unattached(output, theme)?;
    Ok(())
}

fn span_order(sort: Option<Sort>) -> SpanOrder {
    match sort {
        None | Some(Sort::Start | Sort::Spans) => SpanOrder::Start,
        Some(Sort::Duration) => SpanOrder::Duration,
        Some(Sort::SelfTime) => SpanOrder::SelfTime,
        Some(Sort::Errors) => SpanOrder::Errors,
        Some(Sort::Name) => SpanOrder::Name,
        Some(Sort::Service) => SpanOrder::Service,
    }
}

/// One document per trace: a lone one as it is, several as an array or a line each.
fn json(
    format: Format,
    captures: &mut Captures,
    selected: &[usize],
    options: &Options<'_>,
    beside: &Known,
    output: &mut Output,
) -> Result<()> {
    let array = format == Format::Json && selected.len() != 1;
    if array {
        write!(output, "[")?;
    }
    let mut result = Ok(());
    let mut first = true;
    captures.visit(selected, options, |trace, _| {
        result = (|| -> std::io::Result<()> {
            let tree = TraceTree::of(trace);
            if array && !first {
                writeln!(output, ",")?;
            }
            first = false;
            let anomalies = lint::structure::anomalies(&tree);
            render::json::trace(output, &tree, &anomalies, &beside.of(&tree).document())?;
            if array { Ok(()) } else { writeln!(output) }
        })();
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result?;
    if array {
        writeln!(output, "]")?;
    }
    Ok(())
}

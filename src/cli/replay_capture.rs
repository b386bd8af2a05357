//! `spanglass replay-capture`: what a capture holds, decoded and summed up; with `--to` it is sent (`replay_to`).

use super::output::Output;
use super::progress::Progress;
use super::select::{CaptureArgs, Captures, counts_line, end_of_input, file_namer, outcome_of_reading, report_refusal};
use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use spanglass::analysis::Operations;
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::id::TraceIdPattern;
use spanglass::intake::{Extent, HELD, Note, Scanned};
use spanglass::render::json::DecodedSpan;
use spanglass::render::table::PayloadRow;
use spanglass::render::{json as document, table};
use spanglass::time::Nanos;
use spanglass::trace::{Keep, Span};
use spanglass::wire::Options;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

/// Decode a capture and sum it up, or send it again.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    #[command(flatten)]
    send: super::replay_to::SendArgs,
    /// Print the decoded spans instead, one JSON object per line, in input order
    #[arg(long, value_name = "FORMAT")]
    decoded: Option<Decoded>,
    /// Only count: all is decoded, but operations are not summed up and traces not told apart, so that memory does not
    /// grow with the input
    #[arg(long, conflicts_with_all = ["decoded", "trace", "query", "service", "limit"])]
    count: bool,
    /// Print text or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Decoded {
    Jsonl,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let started = Instant::now();
    let machine = args.json || args.format == Format::Json;
    if let Some(endpoint) = &args.send.to {
        return super::replay_to::run(&args.capture, &args.send, endpoint, machine, output);
    }
    let mut found = Diagnostics::default();
    let mut captures = match args.capture.open(output, &mut found) {
        Ok(captures) => captures,
        Err(error) => {
            if machine && args.decoded.is_none() {
                report_refusal(&error, &mut found);
                summary_json(None, &found, &Summary::default(), started, output)?;
            }
            return Err(error);
        }
    };
    let keys = args.capture.query_keys();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let keep = if args.decoded.is_some() { Keep::All } else { args.capture.keep(&keys) };
    let options = Options { limits: args.capture.limits(), keep };
    let note = match args.capture.selects() {
        true => Note::Places,
        false if args.count => Note::Nothing,
        false => Note::Ids,
    };
    let mut summary = Summary::default();
    let mut written: std::io::Result<()> = Ok(());
    let mut progress = Progress::new(output.quiet);
    let filter = args.capture.filter();
    let wanted = filter.as_ref().map(|filter| filter as _);
    let map = |operations: &mut Operations, scanned: &Scanned<'_>, _: &mut Diagnostics| match args.decoded {
        Some(Decoded::Jsonl) => {
            let mut made = Made::of(scanned, None);
            if !is_large(scanned) {
                // Memory takes everything.
                let _ = decoded(&args.capture, scanned, &mut made.spans);
            }
            made
        }
        None => Made::of(scanned, (!args.count).then_some(operations)),
    };
    let operations = captures.scan(&options, note, wanted, &mut found, map, |record, held, made| {
        progress.step(made.row.spans);
        written = match held.filter(|held| args.decoded.is_some() && is_large(held)) {
            Some(held) => decoded(&args.capture, held, output),
            None => made.write_spans(record, output),
        };
        summary.add(made.row);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    operations.into_iter().for_each(|of_thread| summary.operations.append(of_thread));
    drop(progress);
    output.outcome = outcome_of_reading(&captures.counts(), &found);
    written?;
    if args.capture.selects() && args.capture.selected(captures.traces()).is_empty() {
        output.outcome = output.outcome.or(Outcome::Bad);
        let why = args.capture.nothing_matched(&mut captures, &options)?;
        output.note(&why);
    }
    if args.decoded.is_none() {
        if args.capture.selects() {
            select(&args.capture, &mut captures, &options, &mut summary)?;
        } else {
            summary.slowest = slowest(captures.extents());
        }
        if machine {
            summary_json(Some(&captures), &found, &summary, started, output)?;
        } else {
            summary_text(&captures, &summary, output)?;
        }
    }
    if output.verbose > 0 {
        captures.add_evidence(&mut found);
    }
    output.findings_aside(&found, &file_namer(&captures))?;
    end_of_input(&captures, output)
}

/// What the capture holds.
#[derive(Default)]
struct Summary {
    operations: Operations,
    payloads: Vec<PayloadRow>,
    /// The slowest traces, slowest first.
    slowest: Vec<Extent>,
}

impl Summary {
    /// Adds the row of one record to that of the records like it.
    fn add(&mut self, of: PayloadRow) {
        if of.spans == 0 {
            return;
        }
        let same =
            |row: &&mut PayloadRow| row.file == of.file && row.protocol == of.protocol && row.client == of.client;
        match self.payloads.iter_mut().rev().find(same) {
            Some(row) => {
                row.records += of.records;
                row.chunks += of.chunks;
                row.spans += of.spans;
                row.bytes += of.bytes;
            }
            None => self.payloads.push(of),
        }
    }
}

/// What is made of one record, on any thread.
#[derive(Default)]
struct Made {
    row: PayloadRow,
    /// Its spans as JSON lines, of a record 0.
    spans: Vec<u8>,
}

impl Made {
    /// Sums up a record; its spans are added to `operations`.
    fn of(scanned: &Scanned<'_>, operations: Option<&mut Operations>) -> Made {
        if let Some(operations) = operations {
            for span in scanned.payload.spans() {
                operations.add(span.service(), span.name(), span.duration(), Nanos(0), span.error());
            }
        }
        let row = PayloadRow {
            file: scanned.file.display().to_string(),
            protocol: scanned.protocol.name(),
            client: scanned.record.request.client(),
            records: 1,
            chunks: scanned.payload.chunks().len() as u64,
            spans: scanned.payload.spans().len() as u64,
            bytes: scanned.record.request.body.len() as u64,
        };
        Made { row, spans: Vec::new() }
    }

    /// Writes the spans, with the number that the record has.
    fn write_spans(&self, record: usize, output: &mut Output) -> std::io::Result<()> {
        for line in self.spans.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_prefix(RECORD_0) {
                Some(rest) => {
                    write!(output, "{{\"record\":{record}")?;
                    output.write_all(rest)?;
                }
                None => output.write_all(line)?,
            }
        }
        Ok(())
    }
}

/// Traces and services that the summary names.
const SLOWEST: usize = 5;

/// How the line of a span begins.
const RECORD_0: &[u8] = b"{\"record\":0";

/// Counts the operations of the selected traces alone.
fn select(args: &CaptureArgs, captures: &mut Captures, options: &Options<'_>, summary: &mut Summary) -> Result<()> {
    let mut selected = args.selected(captures.traces());
    if let Some(limit) = args.limit {
        selected.truncate(limit);
    }
    summary.operations = Operations::default();
    summary.slowest = slowest(selected.iter().filter_map(|at| captures.traces().get(*at)).map(Extent::from));
    captures.visit(&selected, options, |trace, _| {
        for span in trace.spans() {
            summary.operations.add(span.service(), span.name(), span.duration(), Nanos(0), span.error());
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// The slowest of these traces, slowest first, ties as they came.
fn slowest(traces: impl Iterator<Item = Extent>) -> Vec<Extent> {
    let mut slowest: Vec<Extent> = Vec::new();
    for trace in traces {
        let at = slowest.partition_point(|other| other.duration() >= trace.duration());
        if at < SLOWEST {
            slowest.insert(at, trace);
            slowest.truncate(SLOWEST);
        }
    }
    slowest
}

/// Whether the record is there when its spans are to be printed: they are not made in memory then.
fn is_large(scanned: &Scanned<'_>) -> bool {
    scanned.payload.body().len() >= HELD
}

/// Writes the spans of a record that match, one JSON object per line.
fn decoded(args: &CaptureArgs, scanned: &Scanned<'_>, out: &mut impl Write) -> std::io::Result<()> {
    let filter = args.filter();
    let wanted = |span: &Span<'_>| {
        (args.trace.is_empty() || args.trace.iter().any(|pattern: &TraceIdPattern| pattern.matches(span.trace_id())))
            && filter.as_ref().is_none_or(|filter| filter(*span))
    };
    for span in scanned.payload.spans().filter(wanted) {
        document::write(out, &DecodedSpan { record: scanned.number, span })?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn summary_json(
    captures: Option<&Captures>,
    found: &Diagnostics,
    summary: &Summary,
    started: Instant,
    output: &mut Output,
) -> Result<()> {
    let counts = captures.map(|captures| captures.counts()).unwrap_or_default();
    let file_of =
        |record| captures.and_then(|captures| captures.file_of(record)).map(|file| file.display().to_string());
    let document = json!({
        "schema": "spanglass.replay/1",
        "records": {"read": counts.read, "decoded": counts.decoded, "skipped": counts.skipped},
        "traces": captures.map_or(Some(0), |captures| captures.trace_count()),
        "spans": counts.spans,
        "bytes": counts.bytes,
        "sent": Value::Null,
        "elapsed_ns": u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        "responses": {},
        "operations": document::operations(&summary.operations),
        "services": summary.operations.services().into_iter().map(|(name, service)| json!({
            "service": name, "count": service.count, "errors": service.errors, "total_ns": service.total.0,
        })).collect::<Vec<_>>(),
        "slowest": summary.slowest.iter().map(|trace| json!({
            "trace_id": trace.id.to_string(), "duration_ns": trace.duration().0, "spans": trace.spans, "errors": trace.errors,
        })).collect::<Vec<_>>(),
        "stats": captures.map(|captures| document::client_stats(captures.client_stats())).unwrap_or_default(),
        "other": captures.map(|captures| captures.others().clone()).unwrap_or_default(),
        "findings": document::findings(found, &file_of),
    });
    document::write(output, &document)?;
    writeln!(output)?;
    Ok(())
}

fn summary_text(captures: &Captures, summary: &Summary, output: &mut Output) -> Result<()> {
    let theme = output.theme.clone();
    if !summary.payloads.is_empty() {
        table::payloads(output, &summary.payloads, &theme)?;
        writeln!(output)?;
    }
    if !summary.operations.is_empty() {
        table::operations(output, &summary.operations, false, &theme)?;
        writeln!(output)?;
        if summary.operations.services().len() > 1 {
            table::busiest(output, &summary.operations, SLOWEST, &theme)?;
            writeln!(output)?;
        }
    }
    if summary.slowest.len() > 1 {
        table::slowest(output, &summary.slowest, &theme)?;
        writeln!(output)?;
    }
    if !captures.client_stats().groups.is_empty() {
        table::client_stats(output, captures.client_stats(), &theme)?;
        writeln!(output)?;
    }
    if !captures.others().is_empty() {
        let others: Vec<_> = captures.others().iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(output, "{}", theme.palette.faint.style(format!("without traces: {}", others.join(", "))))?;
    }
    if let Some(period) = captures.period() {
        writeln!(output, "{}", theme.palette.faint.style(table::period(period)))?;
    }
    let line = counts_line(&captures.counts(), captures.trace_count(), &theme);
    writeln!(output, "{}", theme.palette.faint.style(line))?;
    Ok(())
}

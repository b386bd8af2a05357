//! `spanglass replay-capture`: what a capture holds, decoded and summed up.

use super::output::Output;
use super::progress::Progress;
use super::select::{CaptureArgs, Captures, counts_line, end_of_input, file_namer, outcome_of_reading, report_refusal};
use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use spanglass::analysis::Operations;
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::id::TraceIdPattern;
use spanglass::intake::Scanned;
use spanglass::render::json::DecodedSpan;
use spanglass::render::table::PayloadRow;
use spanglass::render::{json as document, table};
use spanglass::time::Nanos;
use spanglass::trace::{Keep, Span};
use spanglass::wire::Options;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Instant;

/// Decode a capture and sum it up.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// Print the decoded spans instead, one JSON object per line, in input order
    #[arg(long, value_name = "FORMAT")]
    decoded: Option<Decoded>,
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
    let keep = if args.decoded.is_some() { Keep::All } else { Keep::NOTHING };
    let options = Options { limits: args.capture.limits(), keep };
    let mut summary = Summary::default();
    let mut written: std::io::Result<()> = Ok(());
    let mut progress = Progress::new(output.quiet);
    captures.scan(&options, args.capture.filter().as_ref().map(|f| f as _), &mut found, |scanned, _| {
        progress.step(scanned.payload.spans().len() as u64);
        if args.decoded.is_some() {
            written = decoded(&args.capture, scanned, &mut summary.matched, output);
        } else {
            summary.add(scanned);
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    drop(progress);
    output.outcome = outcome_of_reading(&captures.counts(), &found);
    written?;
    if args.capture.selects() && args.capture.selected(captures.traces()).is_empty() {
        output.outcome = output.outcome.or(Outcome::Bad);
        output.note(&args.capture.nothing_matched(captures.traces()));
    }
    if args.decoded.is_none() {
        if args.capture.selects() {
            select(&args.capture, &mut captures, &options, &mut summary)?;
        }
        if machine {
            summary_json(Some(&captures), &found, &summary, started, output)?;
        } else {
            summary_text(&captures, &summary, output)?;
        }
    }
    output.findings_aside(&found, &file_namer(&captures))?;
    end_of_input(&captures, output)
}

/// What the capture holds.
#[derive(Default)]
struct Summary {
    operations: Operations,
    payloads: Vec<PayloadRow>,
    /// Spans printed by `--decoded`.
    matched: u64,
}

impl Summary {
    fn add(&mut self, scanned: &Scanned<'_>) {
        if scanned.payload.spans().len() == 0 {
            return;
        }
        for span in scanned.payload.spans() {
            self.operations.add(span.service(), span.name(), span.duration(), Nanos(0), span.error());
        }
        let headers = &scanned.record.request.headers;
        let client =
            ["datadog-meta-lang", "datadog-meta-tracer-version"].map(|name| headers.get(name).unwrap_or_default());
        let client = match client {
            ["", ""] => headers.get("user-agent").unwrap_or_default().to_owned(),
            [lang, version] => format!("{lang} {version}").trim().to_owned(),
        };
        let (file, protocol) = (scanned.file.display().to_string(), scanned.protocol.name());
        let same = |row: &&mut PayloadRow| row.file == file && row.protocol == protocol && row.client == client;
        let row = match self.payloads.iter_mut().rev().find(same) {
            Some(row) => row,
            None => {
                self.payloads.push(PayloadRow { file, protocol, client, ..PayloadRow::default() });
                let last = self.payloads.len() - 1;
                &mut self.payloads[last]
            }
        };
        row.records += 1;
        row.chunks += scanned.payload.chunks().len() as u64;
        row.spans += scanned.payload.spans().len() as u64;
        row.bytes += scanned.record.request.body.len() as u64;
    }
}

/// Counts the operations of the selected traces alone.
fn select(args: &CaptureArgs, captures: &mut Captures, options: &Options<'_>, summary: &mut Summary) -> Result<()> {
    let mut selected = args.selected(captures.traces());
    if let Some(limit) = args.limit {
        selected.truncate(limit);
    }
    summary.operations = Operations::default();
    captures.visit(&selected, options, |trace, _| {
        for span in trace.spans() {
            summary.operations.add(span.service(), span.name(), span.duration(), Nanos(0), span.error());
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// Prints the spans of a record that match, one per line.
fn decoded(args: &CaptureArgs, scanned: &Scanned<'_>, printed: &mut u64, output: &mut Output) -> std::io::Result<()> {
    let filter = args.filter();
    let wanted = |span: &Span<'_>| {
        (args.trace.is_empty() || args.trace.iter().any(|pattern: &TraceIdPattern| pattern.matches(span.trace_id())))
            && filter.as_ref().is_none_or(|filter| filter(*span))
    };
    for span in scanned.payload.spans().filter(wanted) {
        document::write(output, &DecodedSpan { record: scanned.number, span })?;
        output.write_all(b"\n")?;
        *printed += 1;
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
        "traces": captures.map_or(0, |captures| captures.traces().len()),
        "spans": counts.spans,
        "bytes": counts.bytes,
        "sent": Value::Null,
        "elapsed_ns": u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        "responses": {},
        "operations": document::operations(&summary.operations),
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
        table::operations(output, &summary.operations, false, &theme)?;
        writeln!(output)?;
    }
    if let Some(period) = table::period(captures.traces()) {
        writeln!(output, "{}", theme.palette.faint.style(period))?;
    }
    let line = counts_line(&captures.counts(), captures.traces().len(), &theme);
    writeln!(output, "{}", theme.palette.faint.style(line))?;
    Ok(())
}

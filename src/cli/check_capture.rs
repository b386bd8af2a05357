//! `spanglass check-capture`: what is wrong with the payloads and traces of a capture.

use super::findings::Threshold;
use super::output::Output;
use super::progress::Progress;
use super::select::{CaptureArgs, Captures, counts_line, end_of_input, file_namer, outcome_of_reading, report_refusal};
use anyhow::{Result, anyhow};
use clap::ValueEnum;
use serde_json::json;
use spanglass::diagnostic::{Diagnostics, Outcome, Severity};
use spanglass::intake::Scanned;
use spanglass::lint::{self, payload::Context};
use spanglass::render::json as document;
use spanglass::time::Timestamp;
use spanglass::trace::Keep;
use spanglass::tree::TraceTree;
use spanglass::wire::Options;
use std::io::Write;
use std::ops::ControlFlow;
use std::time::SystemTime;

/// Report what is wrong with a capture.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// Least severity that makes the answer bad
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = Threshold::parser("info"))]
    fail_on: Threshold,
    /// Reference time for starts in the future: RFC 3339, or nanoseconds since 1970
    /// [default: when the request was recorded, or now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
    /// A capture without any trace is no failure
    #[arg(long)]
    allow_empty: bool,
    /// Print text or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
    /// Same as --format json
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

fn parse_time(text: &str) -> Result<Timestamp> {
    spanglass::render::time::parse_date(text)
        .ok_or_else(|| anyhow!("no time; write 2026-01-01T00:00:00Z or nanoseconds since 1970"))
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let machine = args.json || args.format == Format::Json;
    let mut found = Diagnostics::default();
    let mut captures = match args.capture.open(output, &mut found) {
        Ok(captures) => captures,
        Err(error) => {
            if machine {
                report_refusal(&error, &mut found);
                print_json(false, None, &found, output)?;
            }
            return Err(error);
        }
    };
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let options = Options { limits: args.capture.limits(), keep: Keep::All };
    let mut progress = Progress::new(output.quiet);
    captures.scan(&options, args.capture.filter().as_ref().map(|f| f as _), &mut found, |scanned, found| {
        progress.step(scanned.payload.spans().len() as u64);
        check(scanned, args.now.or(scanned.record.received).unwrap_or(Timestamp(clock)), found);
        ControlFlow::Continue(())
    });
    drop(progress);
    let mut selected = args.capture.selected(captures.traces());
    if let Some(limit) = args.capture.limit {
        selected.truncate(limit);
    }
    captures.visit(&selected, &options, |trace, records| {
        let records: Vec<usize> = records.iter().map(|record| *record as usize).collect();
        lint::structure::trace(&TraceTree::of(trace), &records, &mut found);
        ControlFlow::Continue(())
    })?;
    let counts = captures.counts();
    let failing = args.fail_on.0.is_some_and(|least| found.reaches(least));
    let empty = selected.is_empty() && !args.allow_empty;
    let refused = counts.refused > 0 && args.fail_on.0.is_some();
    let ok = !failing && !empty && !refused;
    let reading = outcome_of_reading(&counts, &found);
    output.outcome = match (reading, ok) {
        (Outcome::Usage, _) => Outcome::Usage,
        (_, true) => Outcome::Good,
        (_, false) => Outcome::Bad,
    };
    if machine {
        print_json(ok, Some(&captures), &found, output)?;
    } else {
        let why = empty.then(|| why_empty(&args.capture, &captures));
        print_text(why.as_deref(), &captures, &found, output)?;
    }
    end_of_input(&captures, output)
}

/// Why there is no trace to judge, in words.
fn why_empty(args: &CaptureArgs, captures: &Captures) -> String {
    let counts = captures.counts();
    let accept = "(--allow-empty accepts it)";
    if args.selects() && !captures.traces().is_empty() {
        args.nothing_matched(captures.traces())
    } else if counts.refused > 0 {
        format!("no traces: none of the payloads could be read {accept}")
    } else {
        format!("no traces: an empty capture proves nothing {accept}")
    }
}

/// Everything that one record alone can show.
fn check(scanned: &Scanned<'_>, now: Timestamp, found: &mut Diagnostics) {
    let request = &scanned.record.request;
    if !scanned.record.bare {
        lint::payload::request(scanned.number, request, scanned.protocol, scanned.payload, found);
    }
    let context = Context { now: Some(now), lang: request.headers.get("datadog-meta-lang") };
    lint::payload::spans(scanned.number, scanned.payload, &context, found);
}

fn print_json(ok: bool, captures: Option<&Captures>, found: &Diagnostics, output: &mut Output) -> Result<()> {
    let counts = captures.map(|captures| captures.counts()).unwrap_or_default();
    let file_of =
        |record| captures.and_then(|captures| captures.file_of(record)).map(|file| file.display().to_string());
    let document = json!({
        "schema": "spanglass.check/1",
        "ok": ok,
        "records": {"read": counts.read, "decoded": counts.decoded, "skipped": counts.skipped},
        "traces": captures.map_or(0, |captures| captures.traces().len()),
        "spans": counts.spans,
        "findings": document::findings(found, &file_of),
    });
    document::write(output, &document)?;
    writeln!(output)?;
    Ok(())
}

fn print_text(why_empty: Option<&str>, captures: &Captures, found: &Diagnostics, output: &mut Output) -> Result<()> {
    output.findings(found, &file_namer(captures))?;
    let theme = output.theme.clone();
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    if let Some(text) = why_empty {
        writeln!(output, "{}", theme.palette.error.style(text))?;
    }
    let infos = found.total(Severity::Note);
    let hint = if infos > 0 && output.verbose == 0 { " (-v shows them)" } else { "" };
    writeln!(
        output,
        "{}, {}, {}{hint}",
        plural(found.total(Severity::Error), "error", "errors"),
        plural(found.total(Severity::Warning), "warning", "warnings"),
        plural(infos, "info", "infos"),
    )?;
    let line = counts_line(&captures.counts(), captures.traces().len(), &theme);
    writeln!(output, "{}", theme.palette.faint.style(line))?;
    Ok(())
}

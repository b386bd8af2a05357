//! `spanglass convert-capture`: a capture in another form, with its losses counted.

use super::output::Output;
use super::progress::Progress;
use super::select::{CaptureArgs, end_of_input, file_namer, outcome_of_reading, selected};
use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use spanglass::analysis::{Grouping, Merged};
use spanglass::capture::CaptureRecord;
use spanglass::capture::jsonl::{write_capture_line, write_record};
use spanglass::diagnostic::{Diagnostics, Outcome, Severity};
use spanglass::http::Request;
use spanglass::intake::{Decoder, Note, Scanned};
use spanglass::time::Timestamp;
use spanglass::trace::{Batch, Keep, Span, Trace};
use spanglass::tree::TraceTree;
use spanglass::wire::{self, Losses, Options, Protocol};
use std::fs::File;
use std::io::{BufRead, BufWriter, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::SystemTime;

/// Write a capture in another form.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    capture: CaptureArgs,
    /// The form to write
    #[arg(long, value_name = "FORM")]
    to: Form,
    /// Write here [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// JSON lines with every request, its body byte for byte
    Capture,
    /// Datadog's protocols: one payload as its body, several as a capture of requests
    #[value(name = "v0.4")]
    V04,
    /// Likewise
    #[value(name = "v0.5")]
    V05,
    /// Likewise
    #[value(name = "v0.7")]
    V07,
    /// Likewise
    #[value(name = "v1.0")]
    V1,
    /// OTLP/HTTP, likewise
    OtlpProto,
    /// Likewise
    OtlpJson,
    /// One document of Zipkin v2
    Zipkin,
    /// One document of Jaeger's UI
    Jaeger,
    /// A line per stack with its own time in nanoseconds, for flame graph tools
    Folded,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<Outcome> {
    let mut losses = Losses::default();
    let mut target = Target { path: args.out.clone(), file: None };
    let outcome = match args.to {
        Form::Capture => to_capture(&args, &mut target, &mut losses, output)?,
        Form::V04 => to_requests(&args, Protocol::V04, &mut target, &mut losses, output)?,
        Form::V05 => to_requests(&args, Protocol::V05, &mut target, &mut losses, output)?,
        Form::V07 => to_requests(&args, Protocol::V07, &mut target, &mut losses, output)?,
        Form::V1 => to_requests(&args, Protocol::V1, &mut target, &mut losses, output)?,
        Form::OtlpProto => to_requests(&args, Protocol::OtlpProto, &mut target, &mut losses, output)?,
        Form::OtlpJson => to_requests(&args, Protocol::OtlpJson, &mut target, &mut losses, output)?,
        Form::Zipkin | Form::Jaeger | Form::Folded => to_document(&args, &mut target, &mut losses, output)?,
    };
    target.close()?;
    if !losses.is_empty() {
        output.flush()?;
        let lost: Vec<String> = losses.iter().map(|(what, count)| format!("{count} {what}")).collect();
        output.note(&format!("lost: {}", lost.join(", ")));
        if args.capture.strict {
            return Ok(outcome.or(Outcome::Bad));
        }
    }
    Ok(outcome)
}

/// Where the result goes: a file that is made when there is something to write, or standard output.
struct Target {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Target {
    fn write(&mut self, output: &mut Output, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
        let Some(path) = &self.path else { return Ok(write(output)?) };
        let cannot = || format!("cannot write {}", path.display());
        if self.file.is_none() {
            self.file = Some(BufWriter::with_capacity(1 << 20, File::create(path).with_context(cannot)?));
        }
        self.file.as_mut().map_or(Ok(()), |file| write(file)).with_context(cannot)
    }

    fn close(self) -> Result<()> {
        let (Some(mut file), Some(path)) = (self.file, self.path) else { return Ok(()) };
        file.flush().with_context(|| format!("cannot write {}", path.display()))
    }
}

// ---- captures -----------------------------------------------------------------------------------------------------

/// Every request as it is. Lines of our own captures are passed on whole, so that nothing of them is lost.
fn to_capture(args: &Args, target: &mut Target, losses: &mut Losses, output: &mut Output) -> Result<Outcome> {
    let mut found = Diagnostics::default();
    let (opened, settings) = args.capture.open_each(output, &mut found)?;
    let mut progress = Progress::new(output.quiet);
    let mut made = Made::default();
    let mut decoder = Decoder::new(settings);
    for (path, mut capture) in opened {
        // What was found is told for each file, whose records count from 0.
        let name = |_| Some(path.display().to_string());
        if let Some(lines) = capture.own_lines().filter(|_| !args.capture.selects()) {
            let copied = copy_lines(lines, target, output);
            made.requests += copied.with_context(|| format!("cannot copy {}", path.display()))?;
            continue;
        }
        made.begun = false;
        while let Some(record) = capture.next_record(&mut found) {
            progress.step(1);
            if let Some(record) = request_of(&args.capture, record, &mut decoder, &mut found, losses) {
                made.add(&record, target, output)?;
            }
        }
        output.findings_aside(&found, &name)?;
        made.broken |= found.reaches(Severity::Error);
        found = Diagnostics::default();
        if let Some(error) = capture.error() {
            return Err(anyhow!("cannot read {}: {error}", path.display()));
        }
    }
    drop(progress);
    output.findings_aside(&found, &|_| None)?;
    Ok(made.outcome(output))
}

/// A record as a request that can be sent: it is one, or one is made for its body. `None` when it is not selected or
/// cannot be read.
fn request_of(
    args: &CaptureArgs,
    record: CaptureRecord,
    decoder: &mut Decoder,
    found: &mut Diagnostics,
    losses: &mut Losses,
) -> Option<CaptureRecord> {
    if !record.bare && !args.selects() {
        return Some(record);
    }
    let (bare, document) = (record.bare, record.document.is_some());
    let options = Options { limits: args.limits(), keep: Keep::All };
    let (protocol, payload) = decoder.decode(record, &options, found)?;
    if !selected(args, &payload) {
        return None;
    }
    let around = if bare { Some(wire::request_around(protocol, payload, document, losses)?) } else { None };
    let mut record = decoder.take();
    if let Some((mut request, verbatim)) = around {
        if verbatim {
            request.body = std::mem::take(&mut record.request.body);
        }
        record.request = request;
    }
    Some(record)
}

/// What was written of a capture.
#[derive(Default)]
struct Made {
    requests: u64,
    /// The line that opens a capture was written.
    begun: bool,
    seq: u64,
    /// Something that was read has an error.
    broken: bool,
}

impl Made {
    fn add(&mut self, record: &CaptureRecord, target: &mut Target, output: &mut Output) -> Result<()> {
        let begin = !std::mem::replace(&mut self.begun, true);
        self.seq = if begin { 1 } else { self.seq + 1 };
        self.requests += 1;
        target.write(output, |out| {
            if begin {
                write_capture_line(&mut &mut *out, now(), concat!("spanglass ", env!("CARGO_PKG_VERSION")), &[])?;
            }
            write_record(&mut &mut *out, self.seq, record)
        })
    }

    fn outcome(&self, output: &mut Output) -> Outcome {
        if self.requests == 0 {
            output.note("nothing was converted: there are no requests");
            return Outcome::Bad;
        }
        if self.broken { Outcome::Bad } else { Outcome::Good }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default())
}

/// Copies lines, all but a last one that is torn; how many requests they have.
fn copy_lines(mut lines: impl BufRead + Seek, target: &mut Target, output: &mut Output) -> Result<u64> {
    lines.seek(SeekFrom::Start(0))?;
    let (mut line, mut requests) = (Vec::new(), 0);
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(requests);
        }
        let whole = line.ends_with(b"\n");
        if !whole && serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
            output.note("the last line is torn and was left out");
            return Ok(requests);
        }
        let head = line.get(..64).unwrap_or(&line);
        requests += u64::from(memchr::memmem::find(head, b"\"request\"").is_some());
        target.write(output, |out| {
            out.write_all(&line).and_then(|()| if whole { Ok(()) } else { out.write_all(b"\n") })
        })?;
    }
}

// ---- payloads -----------------------------------------------------------------------------------------------------

/// Payloads in another protocol. One is written as its body; with a second one they become a capture of requests.
fn to_requests(
    args: &Args,
    protocol: Protocol,
    target: &mut Target,
    losses: &mut Losses,
    output: &mut Output,
) -> Result<Outcome> {
    let mut found = Diagnostics::default();
    let mut captures = args.capture.open(output, &mut found)?;
    let options = Options { limits: args.capture.limits(), keep: Keep::All };
    let mut progress = Progress::new(output.quiet);
    let mut requests = Requests::default();
    let mut written = Ok(());
    if args.capture.selects() {
        let filter = args.capture.filter();
        let wanted = filter.as_ref().map(|filter| filter as _);
        let nothing = |_: &mut (), _: &Scanned<'_>, _: &mut Diagnostics| ();
        captures.scan(&options, Note::Places, wanted, &mut found, nothing, |_, _, ()| ControlFlow::Continue(()));
        let mut selected = args.capture.selected(captures.traces());
        selected.truncate(args.capture.limit.unwrap_or(usize::MAX));
        captures.visit(&selected, &options, |trace, _| {
            progress.step(trace.len() as u64);
            for payload in trace.payloads() {
                let mut batch = Batch::default();
                batch.append_where(payload, |span| is_of(trace, span));
                batch.finish();
                let request = wire::encode(protocol, batch.view(&[]), losses);
                written = request.map_or(Ok(()), |request| requests.add(request, None, target, output));
            }
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    } else {
        let encoded = |_: &mut (), scanned: &Scanned<'_>, _: &mut Diagnostics| {
            let mut losses = Losses::default();
            let request = wire::encode(protocol, scanned.payload, &mut losses);
            (request, losses, scanned.payload.spans().len(), scanned.record.received)
        };
        captures.scan(&options, Note::Nothing, None, &mut found, encoded, |_, _, (request, lost, spans, received)| {
            progress.step(spans as u64);
            losses.merge(lost);
            written = request.map_or(Ok(()), |request| requests.add(request, received, target, output));
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
    drop(progress);
    written?;
    requests.end(target, output)?;
    finish(args, requests.count, &mut captures, &options, &found, output)
}

/// Whether a span belongs to a trace, whose id may have its high half from other spans.
fn is_of(trace: &Trace<'_>, span: Span<'_>) -> bool {
    let (id, own) = (trace.id(), span.trace_id());
    id.low() == own.low() && (id.high() == own.high() || own.high() == 0 || id.high() == 0)
}

/// Requests on their way to the target.
#[derive(Default)]
struct Requests {
    count: u64,
    first: Option<CaptureRecord>,
    made: Made,
}

impl Requests {
    fn add(
        &mut self,
        request: Request,
        received: Option<Timestamp>,
        target: &mut Target,
        output: &mut Output,
    ) -> Result<()> {
        let record = CaptureRecord { request, received, ..CaptureRecord::default() };
        self.count += 1;
        if self.count == 1 {
            self.first = Some(record);
            return Ok(());
        }
        if let Some(first) = self.first.take() {
            self.made.add(&first, target, output)?;
        }
        self.made.add(&record, target, output)
    }

    fn end(&mut self, target: &mut Target, output: &mut Output) -> Result<()> {
        match self.first.take() {
            Some(only) => target.write(output, |out| out.write_all(&only.request.body)),
            None => Ok(()),
        }
    }
}

/// What reading and writing mean for the exit code.
fn finish(
    args: &Args,
    written: u64,
    captures: &mut super::select::Captures,
    options: &Options<'_>,
    found: &Diagnostics,
    output: &mut Output,
) -> Result<Outcome> {
    output.outcome = outcome_of_reading(&captures.counts(), found);
    if written == 0 {
        output.outcome = output.outcome.or(Outcome::Bad);
        let why = match args.capture.selects() && !captures.traces().is_empty() {
            true => args.capture.nothing_matched(captures, options)?,
            false => "nothing was converted: there are no traces".to_owned(),
        };
        output.note(&why);
    }
    output.findings_aside(found, &file_namer(captures))?;
    end_of_input(captures, output)
}

// ---- documents ----------------------------------------------------------------------------------------------------

/// All traces as one document, written trace by trace.
fn to_document(args: &Args, target: &mut Target, losses: &mut Losses, output: &mut Output) -> Result<Outcome> {
    let mut found = Diagnostics::default();
    let mut captures = args.capture.open(output, &mut found)?;
    let options = Options { limits: args.capture.limits(), keep: Keep::All };
    let mut progress = Progress::new(output.quiet);
    let filter = args.capture.filter();
    let wanted = filter.as_ref().map(|filter| filter as _);
    let nothing = |_: &mut (), _: &Scanned<'_>, _: &mut Diagnostics| ();
    captures.scan(&options, Note::Places, wanted, &mut found, nothing, |_, _, ()| ControlFlow::Continue(()));
    let mut selected = args.capture.selected(captures.traces());
    selected.truncate(args.capture.limit.unwrap_or(usize::MAX));
    let mut document = Document { form: args.to, items: 0, merged: Merged::default() };
    let mut written = Ok(());
    captures.visit(&selected, &options, |trace, _| {
        progress.step(trace.len() as u64);
        written = document.add(trace, losses, target, output);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    drop(progress);
    written?;
    document.end(target, output)?;
    finish(args, selected.len() as u64, &mut captures, &options, &found, output)
}

struct Document {
    form: Form,
    items: u64,
    /// For folded stacks.
    merged: Merged,
}

impl Document {
    fn add(&mut self, trace: &Trace<'_>, losses: &mut Losses, target: &mut Target, output: &mut Output) -> Result<()> {
        let items: Vec<serde_json::Value> = match self.form {
            Form::Folded => {
                self.merged.add(&TraceTree::of(trace), &Grouping::Operation);
                return Ok(());
            }
            Form::Jaeger => wire::jaeger_traces(trace.spans(), losses),
            _ => trace.spans().map(|span| wire::zipkin_span(span, losses)).collect(),
        };
        for item in items {
            let begin = if self.form == Form::Jaeger { "{\"data\":[" } else { "[" };
            let before = if self.items == 0 { begin } else { ",\n" };
            self.items += 1;
            target.write(output, |out| {
                out.write_all(before.as_bytes())?;
                serde_json::to_writer(&mut *out, &item).map_err(std::io::Error::from)
            })?;
        }
        Ok(())
    }

    fn end(&mut self, target: &mut Target, output: &mut Output) -> Result<()> {
        let (form, items) = (self.form, self.items);
        target.write(output, |out| match form {
            Form::Folded => self.merged.folded().iter().try_for_each(|line| writeln!(out, "{line}")),
            Form::Jaeger if items == 0 => out.write_all(b"{\"data\":[]}\n"),
            Form::Jaeger => out.write_all(b"],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}\n"),
            _ if items == 0 => out.write_all(b"[]\n"),
            _ => out.write_all(b"]\n"),
        })
    }
}

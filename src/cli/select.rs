//! What the commands over captures share: which inputs, which limits, which traces.

use super::input::{self, Input};
use super::output::Output;
use anyhow::{Result, anyhow, bail};
use clap::Args;
use spanglass::capture::pcap::{PORTS, Ports};
use spanglass::capture::{self, Capture, CaptureLimits, OpenError};
use spanglass::diagnostic::{Diagnostic, Diagnostics, Outcome, Severity};
use spanglass::encoding;
use spanglass::id::TraceIdPattern;
use spanglass::intake::{Counts, Intake, Located, Settings};
use spanglass::query::{Absence, Query};
use spanglass::render::Theme;
use spanglass::render::diagnostic::pointed;
use spanglass::trace::{Keep, Payload, Span};
use spanglass::wire::{self, Limits, Options, Protocol};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What to read and what of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct CaptureArgs {
    /// Captures, request bodies, folders of them, or `-` for standard input; merged
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Protocol of a bare body that neither its name nor its content tells
    #[arg(long, value_name = "PROTOCOL", value_parser = parse_protocol, help_heading = "Input")]
    pub(crate) protocol: Option<Protocol>,
    /// Read the input as this rather than by its content
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub(crate) input_format: Option<InputFormat>,
    /// Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable
    #[arg(long, value_name = "ID", value_parser = parse_trace, help_heading = "Selection")]
    pub(crate) trace: Vec<TraceIdPattern>,
    /// Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`
    ///
    /// Terms side by side must all fit; OR, NOT, a minus sign and parentheses as usual. service, operation_name,
    /// resource_name, type, status, span.kind, env, trace_id and span_id stand bare, @key is a tag. Values may hold * and ?,
    /// be quoted, compared (:>5, :[1 TO 5]) or just be there (@key:*). A bare word is part of a name or an error message.
    #[arg(long, value_name = "QUERY", value_parser = parse_query, help_heading = "Selection")]
    pub(crate) query: Option<Query>,
    /// Only traces with a span of this service
    #[arg(long, value_name = "NAME", help_heading = "Selection")]
    pub(crate) service: Option<String>,
    /// At most this many traces
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub(crate) limit: Option<usize>,
    /// Stop at the first record that does not decode
    #[arg(long, help_heading = "Input")]
    pub(crate) strict: bool,
    /// Read a capture of a newer version all the same
    #[arg(long, help_heading = "Input")]
    pub(crate) force: bool,
    /// Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub(crate) port: Vec<u16>,
    /// Look at every connection of a packet capture
    #[arg(long, help_heading = "Input")]
    pub(crate) all_ports: bool,
    /// Threads that decode [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Input")]
    pub(crate) threads: Option<u16>,
    /// Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Limits")]
    pub(crate) max_body: Option<u64>,
    /// Most bytes that decompression may make of one, past 8 MiB
    #[arg(long, value_name = "N", default_value_t = 1000, help_heading = "Limits")]
    pub(crate) max_ratio: u64,
    /// Deepest nesting of values
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Limits")]
    pub(crate) max_depth: usize,
    /// Most spans in one body
    #[arg(long, value_name = "N", default_value_t = 5_000_000, help_heading = "Limits")]
    pub(crate) max_spans: usize,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputFormat {
    /// Our own JSON lines
    Capture,
    /// One request body
    Body,
}

fn parse_protocol(text: &str) -> Result<Protocol> {
    let names = || Protocol::ALL.map(Protocol::name).join(", ");
    Protocol::from_name(text).ok_or_else(|| anyhow!("no such protocol; known are {}", names()))
}

fn parse_query(text: &str) -> Result<Query> {
    Query::parse(text).map_err(|error| anyhow!("{error}\n{}", pointed(text, error.column, &error.message)))
}

fn parse_trace(text: &str) -> Result<TraceIdPattern> {
    TraceIdPattern::parse(text).ok_or_else(|| {
        anyhow!("no trace id: give hex (32 or 16 digits, or the first 4 or more), decimal, base64 or X-Ray")
    })
}

/// `64MiB`, `1GB`, `4096`.
pub(crate) fn parse_size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => bail!("no such unit; use KiB, MiB, GiB, kB, MB or GB"),
    };
    let number: u64 = digits.trim().parse().map_err(|_| anyhow!("no size; write for example 64MiB"))?;
    number.checked_mul(unit).ok_or_else(|| anyhow!("that size is over 2^64 bytes"))
}

/// Captures, each with the name of its file.
pub(crate) type Opened = Vec<(PathBuf, Capture<Box<dyn Input>>)>;

/// The captures of a run, opened.
pub(crate) type Captures = Intake<Box<dyn Input>>;

impl CaptureArgs {
    pub(crate) fn limits(&self) -> Limits {
        Limits { depth: self.max_depth, spans: self.max_spans }
    }

    /// Opens every input. Findings on the files themselves go to `found`.
    pub(crate) fn open(&self, output: &mut Output, found: &mut Diagnostics) -> Result<Captures> {
        let (opened, settings) = self.open_each(output, found)?;
        Ok(Intake::new(opened, settings))
    }

    /// The same, one by one.
    pub(crate) fn open_each(&self, output: &mut Output, found: &mut Diagnostics) -> Result<(Opened, Settings)> {
        let ports = match self.all_ports {
            true => Ports::All,
            false => Ports::Only(PORTS.into_iter().chain(self.port.iter().copied()).collect()),
        };
        let mut limits = CaptureLimits { force: self.force, ports, ..CaptureLimits::default() };
        let mut decoded = encoding::Limits { ratio: self.max_ratio, ..encoding::Limits::default() };
        if let Some(most) = self.max_body {
            limits.body = most;
            limits.bare_body = most.min(wire::MAX_BODY as u64);
            decoded.decoded = most;
        }
        let mut opened: Opened = Vec::new();
        let mut passed_over = 0;
        for candidate in input::candidates(&self.inputs)? {
            let path = &candidate.path;
            let input = input::open(path, decoded, found)?;
            match self.open_one(input.reader, path, decoded, &limits, found) {
                Ok(capture) => {
                    // A capture whose writer was killed is whole up to there; a body that is cut is not.
                    found_cut(input.cut, capture.is_container(), found);
                    opened.push((candidate.path, capture));
                }
                Err(_) if candidate.from_folder => passed_over += 1,
                Err(error) => return Err(input::explain_open(path, error)),
            }
        }
        if opened.is_empty() {
            let names: Vec<String> = self.inputs.iter().map(|path| path.display().to_string()).collect();
            let files = if passed_over == 1 { "1 file is".to_owned() } else { format!("{passed_over} files are") };
            bail!(
                "no capture in {}: {files} none\nhelp: give a capture (JSON lines) or a request body such as *.v0.4.bin",
                names.join(", ")
            );
        }
        if passed_over > 0 && output.verbose > 0 {
            output.note(&format!("{passed_over} files of the folder are no captures"));
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let settings = Settings {
            protocol: self.protocol,
            encoding: decoded,
            strict: self.strict,
            threads: self.threads.map_or_else(cores, usize::from),
            ..Settings::default()
        };
        if output.verbose > 0 {
            for (path, capture) in &opened {
                output.note(&format!("{}: {}", path.display(), capture.format()));
            }
        }
        Ok((opened, settings))
    }

    fn open_one(
        &self,
        reader: Box<dyn Input>,
        path: &std::path::Path,
        decoded: encoding::Limits,
        limits: &CaptureLimits,
        found: &mut Diagnostics,
    ) -> Result<Capture<Box<dyn Input>>, OpenError> {
        if self.input_format == Some(InputFormat::Body) {
            return Ok(capture::open_body(reader, path, limits.clone()));
        }
        match capture::open(reader, path, limits.clone()) {
            Err(OpenError::NotACapture { .. }) if self.protocol.is_some() => {
                let again = input::open(path, decoded, found).map_err(|e| OpenError::Io(std::io::Error::other(e)))?;
                Ok(capture::open_body(again.reader, path, limits.clone()))
            }
            other => other,
        }
    }

    /// Which spans count as matches; `None` when everything does.
    pub(crate) fn filter(&self) -> Option<impl Fn(Span<'_>) -> bool + '_> {
        let any = self.service.is_some() || self.query.is_some();
        any.then_some(move |span: Span<'_>| {
            self.service.as_ref().is_none_or(|service| span.service() == service)
                && self.query.as_ref().is_none_or(|query| query.matches(span))
        })
    }

    /// Keys of the attributes that the query looks at.
    pub(crate) fn query_keys(&self) -> Vec<String> {
        self.query.as_ref().map(Query::keys).unwrap_or_default()
    }

    /// What must be decoded when `keys`, those of the query among them, are all that is looked at.
    pub(crate) fn keep<'k>(&self, keys: &'k [&'k str]) -> Keep<'k> {
        self.query.as_ref().map_or(Keep::Only(keys), |query| query.keep(keys))
    }

    /// Whether any trace is selected rather than all.
    pub(crate) fn selects(&self) -> bool {
        !self.trace.is_empty() || self.service.is_some() || self.query.is_some()
    }

    /// Positions of the selected traces, first seen first.
    pub(crate) fn selected(&self, traces: &[Located]) -> Vec<usize> {
        let wanted = |trace: &Located| {
            (self.trace.is_empty() || self.trace.iter().any(|pattern| pattern.matches(trace.id)))
                && ((self.service.is_none() && self.query.is_none()) || trace.matches > 0)
        };
        (0..traces.len()).filter(|at| traces.get(*at).is_some_and(wanted)).collect()
    }

    /// Why nothing was selected, in words. `options` are those of the scan.
    pub(crate) fn nothing_matched(&self, captures: &mut Captures, options: &Options<'_>) -> Result<String> {
        let Some(query) = &self.query else { return Ok(self.no_such_trace(captures.traces())) };
        let by_others = CaptureArgs { query: None, ..self.clone() };
        let service =
            |trace: &Located| self.service.as_ref().is_none_or(|name| trace.services.iter().any(|s| **s == **name));
        let wanted = |trace: &Located| {
            (self.trace.is_empty() || self.trace.iter().any(|pattern| pattern.matches(trace.id))) && service(trace)
        };
        let traces = captures.traces();
        let rest: Vec<usize> = (0..traces.len()).filter(|at| traces.get(*at).is_some_and(wanted)).collect();
        if rest.is_empty() && !traces.is_empty() {
            return Ok(by_others.no_such_trace(traces));
        }
        let mut absence = Absence::of(query);
        // Names that are nearly right can only be told when all are decoded, not just what the query looks at.
        captures.forget();
        let options = Options { keep: Keep::All, ..*options };
        captures.visit(&rest, &options, |trace, _| {
            trace.spans().for_each(|span| absence.see(span));
            ControlFlow::Continue(())
        })?;
        Ok(format!("nothing matched: {absence}"))
    }

    fn no_such_trace(&self, traces: &[Located]) -> String {
        let count = if traces.len() == 1 { "1 trace".to_owned() } else { format!("{} traces", traces.len()) };
        let by_id = traces.iter().filter(|trace| self.trace.iter().any(|pattern| pattern.matches(trace.id))).count();
        match &self.service {
            _ if !self.trace.is_empty() && by_id == 0 => {
                let first: Vec<String> = traces.iter().take(3).map(|trace| trace.id.to_string()).collect();
                format!("nothing matched: no trace with that id in {count}; the first are {}", first.join(", "))
            }
            Some(service) => {
                let mut known: Vec<&str> =
                    traces.iter().flat_map(|trace| trace.services.iter().map(|name| &**name)).collect();
                known.sort_unstable();
                known.dedup();
                known.sort_by(|a, b| strsim::jaro(b, service).total_cmp(&strsim::jaro(a, service)));
                known.truncate(5);
                format!("nothing matched: no span of service {service:?} in {count}; services are {}", known.join(", "))
            }
            None => "nothing matched".to_owned(),
        }
    }
}

/// Whether a payload has a span that is selected.
pub(crate) fn selected(args: &CaptureArgs, payload: &Payload<'_>) -> bool {
    if !args.selects() {
        return true;
    }
    let filter = args.filter();
    payload.spans().any(|span| {
        (args.trace.is_empty() || args.trace.iter().any(|pattern| pattern.matches(span.trace_id())))
            && filter.as_ref().is_none_or(|filter| filter(span))
    })
}

/// Why nothing could be opened, as a finding for machine output, when it is one.
pub(crate) fn report_refusal(error: &anyhow::Error, found: &mut Diagnostics) {
    if let Some(finding) = error.downcast_ref::<Diagnostic>() {
        found.report(finding.clone());
    }
}

/// Reports compressed data that is cut short: a torn tail of a container, a fault of a body.
fn found_cut(cut: Option<Diagnostic>, container: bool, found: &mut Diagnostics) {
    let Some(cut) = cut else { return };
    let torn = || {
        let message = format!("{}; complete records are used", cut.message());
        let torn = Diagnostic::new(capture::codes::TORN_TAIL, message);
        cut.place().cloned().map_or(torn.clone(), |place| torn.at(place))
    };
    found.report(if container { torn() } else { cut });
}

/// The file of a record, for findings.
pub(crate) fn file_namer<R: std::io::BufRead + std::io::Seek>(
    intake: &Intake<R>,
) -> impl Fn(usize) -> Option<String> + '_ {
    |record| intake.file_of(record).map(|file| file.display().to_string())
}

/// What reading means for the exit code, whatever the command makes of it: nothing readable at all is 2, a trace payload
/// that was skipped or is broken is 1.
pub(crate) fn outcome_of_reading(counts: &Counts, found: &Diagnostics) -> Outcome {
    let unrecognised = found.total_of(wire::codes::UNKNOWN_PROTOCOL);
    if counts.read > 0 && counts.decoded == 0 && unrecognised >= counts.read {
        Outcome::Usage
    } else if counts.refused > 0 || found.reaches(Severity::Error) {
        Outcome::Bad
    } else {
        Outcome::Good
    }
}

/// The outcome so far, unless an input could not be read to its end.
pub(crate) fn end_of_input(captures: &Captures, output: &mut Output) -> Result<Outcome> {
    let notes: Vec<String> = captures.notes().map(|(file, note)| format!("{}: {note}", file.display())).collect();
    notes.iter().for_each(|note| output.note(note));
    end_with(captures.input_errors().next(), output)
}

/// The same for captures that are read one by one.
pub(crate) fn end_of(opened: &Opened, output: &mut Output) -> Result<Outcome> {
    let mut errors = opened.iter().filter_map(|(path, capture)| Some((path.as_path(), capture.error()?)));
    end_with(errors.next(), output)
}

fn end_with(error: Option<(&std::path::Path, &std::io::Error)>, output: &mut Output) -> Result<Outcome> {
    match error {
        None => Ok(output.outcome),
        Some((file, error)) => {
            output.outcome = output.outcome.or(Outcome::Usage);
            Err(anyhow!("cannot read {}: {error}", file.display()))
        }
    }
}

/// `3 payloads read, 2 used, 1 skipped · 20 spans in 3 traces`, in two lines where it does not fit in one.
pub(crate) fn counts_line(counts: &Counts, traces: Option<usize>, theme: &Theme) -> String {
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let read = plural(counts.read, "payload", "payloads");
    let mut payloads = format!("{read} read, {} used, {} skipped", counts.decoded, counts.skipped);
    if counts.other > 0 {
        payloads.push_str(&format!(" ({} without traces)", counts.other));
    }
    let mut spans = plural(counts.spans, "span", "spans");
    if let Some(traces) = traces {
        spans.push_str(&format!(" in {}", plural(traces as u64, "trace", "traces")));
    }
    let between = if theme.ascii { " - " } else { " · " };
    let fits = payloads.len() + 3 + spans.len() <= theme.width;
    format!("{payloads}{}{spans}", if fits { between } else { "\n" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in
            [("4096", 4096), ("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("2k", 2048), ("1 GiB", 1 << 30)]
        {
            assert_eq!(parse_size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GB", "1 furlong", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}

//! `spanglass replay-capture --to`: the requests of a capture go out again, bytes unchanged.

use super::output::Output;
use super::progress::Progress;
use super::record_capture::{Interrupts, parse_duration};
use super::select::{CaptureArgs, Opened, end_of, selected};
use super::target::TrustArgs;
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use spanglass::agent::client::Client;
use spanglass::agent::replay::{Outgoing, Pace, Report, Settings, Source, replay};
use spanglass::capture::CaptureRecord;
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::endpoint::Endpoint;
use spanglass::id::TraceId;
use spanglass::intake::{Decoder, Note};
use spanglass::render::json as document;
use spanglass::rewrite::{Ids, Rewrite};
use spanglass::rule::Glob;
use spanglass::time::Timestamp;
use spanglass::trace::{Keep, Payload};
use spanglass::wire::{self, CLIENT_STATS, Losses, Options, Protocol};
use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

/// Where and how to send.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Sending")]
pub(crate) struct SendArgs {
    /// Send the requests here: http(s)://host:8126, http(s)://host:4318, grpc(s)://host:4317 or unix:///path
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<Endpoint>,
    /// Times faster than recorded, or max
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_speed, requires = "to")]
    speed: Pace,
    /// Requests per second, in place of the recorded pace
    #[arg(long, value_name = "N/s", value_parser = parse_rate, requires = "to", conflicts_with = "speed")]
    rate: Option<f64>,
    /// Connections beside each other; with more than one the order of arrival is not that of the capture
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), requires = "to")]
    concurrency: u16,
    /// How often to send the whole
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), requires = "to")]
    loops: u32,
    /// How often to send a request again after 429, 502, 503, 504 or no answer
    #[arg(long, value_name = "N", default_value_t = 5, requires = "to")]
    retries: u32,
    /// Longest wait for an answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration, requires = "to")]
    timeout: Duration,
    /// Give spans ids of their own: traces, parents and links, and the tags that hold ids, stay together
    #[arg(long, value_name = "WHICH", default_value = "keep", requires = "to", help_heading = "Rewriting")]
    ids: IdsArg,
    /// Move all times so that the newest span ends now
    #[arg(long, value_name = "WHICH", default_value = "keep", requires = "to", help_heading = "Rewriting")]
    time: TimeArg,
    /// What new ids follow from [default: random]
    #[arg(long, value_name = "N", requires = "ids", help_heading = "Rewriting")]
    seed: Option<u64>,
    /// Give every span this tag; service=NAME is its service; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_set, requires = "to", help_heading = "Rewriting")]
    set: Vec<(String, String)>,
    /// Hide the values of tags with such a key; repeatable
    #[arg(long, value_name = "GLOB", requires = "to", help_heading = "Rewriting")]
    redact: Vec<String>,
    /// Read and count what would be sent, and send nothing
    #[arg(long, requires = "to")]
    dry_run: bool,
    #[command(flatten)]
    trust: TrustArgs,
    /// Go on where an interrupted run to the same target ended (it leaves INPUT.resume)
    #[arg(long, requires = "to")]
    resume: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum IdsArg {
    Keep,
    New,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum TimeArg {
    Keep,
    Now,
}

fn parse_set(text: &str) -> Result<(String, String)> {
    let (key, value) =
        text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| anyhow!("write KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

impl SendArgs {
    /// How spans are changed on their way.
    fn rewrite(&self, args: &CaptureArgs, output: &mut Output) -> Result<Rewrite> {
        let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
        Ok(Rewrite {
            ids: (self.ids == IdsArg::New).then(|| Ids::of(self.seed.unwrap_or_else(random))),
            shift: if self.time == TimeArg::Now { until_now(args, output)? } else { 0 },
            set: self.set.clone(),
            redact: self.redact.iter().map(|glob| Glob::new(glob.as_str())).collect(),
        })
    }
}

/// Nanoseconds from the end of the newest span to now.
fn until_now(args: &CaptureArgs, output: &mut Output) -> Result<i64> {
    if args.inputs.iter().any(|input| input.as_os_str() == "-") {
        bail!("--time now reads the input twice, which standard input does not allow\nhelp: save it to a file");
    }
    let mut found = Diagnostics::default();
    let mut captures = args.open(output, &mut found)?;
    let options = Options { limits: args.limits(), keep: Keep::NOTHING };
    captures.scan(&options, Note::Ids, None, &mut found, |_: &mut (), _, _| (), |_, _, ()| ControlFlow::Continue(()));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    Ok(captures.period().map_or(0, |(_, end)| now.saturating_sub(end.0)))
}

fn parse_speed(text: &str) -> Result<Pace> {
    match (text, text.parse::<f64>()) {
        ("max", _) => Ok(Pace::Max),
        (_, Ok(speed)) if speed.is_finite() && speed > 0.0 => Ok(Pace::Recorded(speed)),
        _ => Err(anyhow!("no speed: give a number above 0, or max")),
    }
}

pub(crate) fn parse_rate(text: &str) -> Result<f64> {
    let rate = text.strip_suffix("/s").unwrap_or(text).parse().ok();
    rate.filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| anyhow!("no rate: give requests per second, for example 50/s"))
}

pub(crate) fn run(
    args: &CaptureArgs,
    send: &SendArgs,
    endpoint: &Endpoint,
    machine: bool,
    output: &mut Output,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut found = Diagnostics::default();
    // What is sent is not what is read: the flag says how to encode.
    let mut args = args.clone();
    let protocol = args.protocol.take();
    let args = &args;
    let rewrite = send.rewrite(args, output)?;
    let (captures, settings) = args.open_each(output, &mut found)?;
    let mark = Mark::beside(&args.inputs, endpoint);
    let feed = Feed {
        heads: captures.iter().map(|_| None).collect(),
        places: Vec::new(),
        kept: Kept::new(send.loops),
        grpc: endpoint.grpc,
        traces: HashSet::new(),
        captures,
        decoder: Decoder::new(settings),
        args: args.clone(),
        rewrite,
        protocol,
        losses: Losses::default(),
        loops: send.loops,
        round: 0,
        at: 0,
        pass_over: if send.resume { mark.read()? } else { 0 },
        found,
        counts: Counts::default(),
    };
    let feed = Rc::new(RefCell::new(feed));
    let mut progress = Progress::new(output.quiet);
    let mut source: Source = {
        let feed = feed.clone();
        Box::new(move || {
            let outgoing = feed.borrow_mut().next();
            progress.step(outgoing.as_ref().map_or(0, |outgoing| outgoing.spans()));
            outgoing
        })
    };
    let mut interrupted = false;
    let report = if send.dry_run {
        output.note(&format!("nothing is sent to {endpoint}: --dry-run"));
        let mut report = Report::default();
        while let Some(outgoing) = source() {
            report.accepted += 1;
            report.spans += outgoing.spans();
            report.bytes += outgoing.body().len() as u64;
        }
        report
    } else {
        output.note(&format!("sending to {endpoint}"));
        let pace = send.rate.map_or(send.speed, Pace::Rate);
        let settings = Settings {
            client: Client::new(endpoint.clone(), send.timeout, send.trust.trust()?),
            pace,
            concurrency: usize::from(send.concurrency),
            retries: send.retries,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut interrupts = runtime.block_on(async { Interrupts::new() })?;
        tokio::task::LocalSet::new().block_on(
            &runtime,
            replay(settings, source, async {
                interrupts.next().await;
                interrupted = true;
            }),
        )
    };
    let mut feed = feed.borrow_mut();
    feed.counts.unreadable = feed.captures.iter().map(|(_, capture)| capture.skipped()).sum();
    let counts = feed.counts;
    if interrupted {
        mark.write(counts.read - report.unsent)?;
        output.note(&format!("interrupted; --resume goes on at request {}", counts.read - report.unsent + 1));
    } else if send.resume {
        mark.remove();
    }
    output.outcome = match () {
        () if interrupted => Outcome::Interrupted,
        () if report.rejected + report.failed > 0 => Outcome::Target,
        () if counts.read() > 0 && report.accepted == 0 && counts.refused + counts.unreadable == counts.read() => {
            Outcome::Bad
        }
        () if counts.refused + counts.unreadable > 0 => Outcome::Bad,
        () if report.accepted == 0 && args.selects() => Outcome::Bad,
        () => Outcome::Good,
    };
    let files = |_: usize| -> Option<String> { None };
    if machine {
        let document = json!({
            "schema": "spanglass.replay/1",
            "records": {"read": counts.read(), "decoded": counts.decoded, "skipped": counts.skipped + counts.unreadable},
            "traces": Value::Null,
            "spans": counts.spans,
            "bytes": counts.bytes,
            "sent": {
                "requests": report.accepted + report.rejected,
                "spans": report.spans,
                "bytes": report.bytes,
                "accepted": report.accepted,
                "rejected": report.rejected,
                "failed": report.failed,
                "retried": report.retried,
            },
            "elapsed_ns": u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
            "responses": report.responses.iter().map(|(status, count)| (status.clone(), json!(count))).collect::<serde_json::Map<_, _>>(),
            "operations": [],
            "findings": document::findings(&feed.found, &files),
        });
        document::write(output, &document)?;
        writeln!(output)?;
    } else {
        for (status, count) in &report.responses {
            writeln!(output, "{status}  {count}")?;
        }
        let skipped = counts.skipped + counts.unreadable;
        writeln!(
            output,
            "{} read, {} sent ({} accepted, {} rejected), {skipped} skipped, {} failed, {} retried",
            counts.read(),
            report.accepted + report.rejected,
            report.accepted,
            report.rejected,
            report.failed,
            report.retried
        )?;
    }
    if !feed.losses.is_empty() {
        let lost: Vec<String> = feed.losses.iter().map(|(what, count)| format!("{count} {what}")).collect();
        output.note(&format!("lost: {}", lost.join(", ")));
    }
    if let Some(fault) = &report.first_fault {
        output.fault(&fault.what, fault.help.as_deref());
    }
    if counts.other_wire > 0 {
        let (what, help) = match endpoint.grpc {
            true => ("were recorded from another protocol", "give --protocol otlp-grpc, or --to http://…"),
            false => ("were recorded from gRPC", "give --to grpc://…, or --protocol to encode them anew"),
        };
        output.note(&format!(
            "{} of the skipped requests {what}, which {endpoint} does not take: {help}",
            counts.other_wire
        ));
    }
    output.findings_aside(&feed.found, &files)?;
    end_of(&feed.captures, output)
}

/// Most bytes of bodies that are kept for further rounds; beyond it they are read again.
const MOST_KEPT: usize = 16 << 20;

/// The requests of the first round, in order; `None` for those that were skipped, and for all when they are too large.
struct Kept {
    requests: Option<Vec<Option<Rc<Outgoing>>>>,
    bytes: usize,
}

impl Kept {
    fn new(loops: u32) -> Kept {
        Kept { requests: (loops > 1).then(Vec::new), bytes: 0 }
    }

    fn take(&mut self, outgoing: Option<&Rc<Outgoing>>) {
        // Headers and what holds them together weigh too.
        self.bytes += outgoing.map_or(64, |outgoing| outgoing.body().len() + 1024);
        match &mut self.requests {
            Some(requests) if self.bytes <= MOST_KEPT => requests.push(outgoing.cloned()),
            requests => *requests = None,
        }
    }
}

/// What was read and what of it was used: `read = given to the sender + skipped`, beside what was unreadable.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    read: u64,
    decoded: u64,
    skipped: u64,
    /// Skipped although it carries traces.
    refused: u64,
    /// Skipped because one side speaks gRPC and the other does not.
    other_wire: u64,
    /// Broken in their container.
    unreadable: u64,
    spans: u64,
    bytes: u64,
}

impl Counts {
    fn read(&self) -> u64 {
        self.read + self.unreadable
    }
}

/// The requests of all captures, in the order in which they go out.
struct Feed {
    captures: Opened,
    /// The next record of each.
    heads: Vec<Option<CaptureRecord>>,
    /// Where the records of the first round were, when there is a second.
    places: Vec<(usize, usize)>,
    /// The requests of the first round themselves, while they are small.
    kept: Kept,
    /// Whether the target speaks gRPC.
    grpc: bool,
    /// The traces that were selected, where there is a limit.
    traces: HashSet<TraceId>,
    decoder: Decoder,
    args: CaptureArgs,
    rewrite: Rewrite,
    /// What is re-encoded, and how.
    protocol: Option<Protocol>,
    losses: Losses,
    loops: u32,
    round: u32,
    at: usize,
    /// Requests that an earlier run has dealt with.
    pass_over: u64,
    found: Diagnostics,
    counts: Counts,
}

impl Feed {
    fn next(&mut self) -> Option<Rc<Outgoing>> {
        loop {
            if self.round > 0
                && let Some(outgoing) = self.next_kept()
            {
                return outgoing;
            }
            let record = self.next_record()?;
            self.counts.read += 1;
            if self.counts.read <= self.pass_over {
                self.counts.skipped += 1;
                continue;
            }
            let outgoing = self.outgoing(record).map(Rc::new);
            if self.round == 0 {
                self.kept.take(outgoing.as_ref());
            }
            match outgoing {
                Some(outgoing) => return Some(outgoing),
                None => self.counts.skipped += 1,
            }
        }
    }

    /// The next request of a further round, when those of the first are all kept; `Some(None)` at the end of the last.
    fn next_kept(&mut self) -> Option<Option<Rc<Outgoing>>> {
        let kept = self.kept.requests.as_ref().filter(|kept| !kept.is_empty())?;
        loop {
            if self.at >= kept.len() {
                (self.round, self.at) = (self.round + 1, 0);
            }
            if self.round >= self.loops {
                return Some(None);
            }
            let outgoing = kept.get(self.at).cloned().flatten();
            self.at += 1;
            self.counts.read += 1;
            match outgoing {
                Some(outgoing) => {
                    self.counts.decoded += u64::from(outgoing.spans() > 0);
                    self.counts.spans += outgoing.spans();
                    self.counts.bytes += outgoing.body().len() as u64;
                    return Some(Some(outgoing));
                }
                None => self.counts.skipped += 1,
            }
        }
    }

    /// By time over all captures; in the order of the file where that has no time.
    fn next_record(&mut self) -> Option<CaptureRecord> {
        if self.round > 0 {
            return self.next_again();
        }
        for ((_, capture), head) in self.captures.iter_mut().zip(&mut self.heads) {
            if head.is_none() {
                *head = capture.next_record(&mut self.found);
            }
        }
        let time =
            |head: &Option<CaptureRecord>| head.as_ref().map(|head| head.received.unwrap_or(Timestamp(i64::MIN)));
        let next = (0..self.heads.len()).filter(|at| self.heads[*at].is_some()).min_by_key(|at| time(&self.heads[*at]));
        match next.and_then(|at| Some((at, self.heads.get_mut(at)?.take()?))) {
            Some((at, record)) => {
                if self.loops > 1 {
                    self.places.push((at, record.index));
                }
                Some(record)
            }
            None => {
                (self.round, self.at) = (1, 0);
                self.next_again()
            }
        }
    }

    fn next_again(&mut self) -> Option<CaptureRecord> {
        if self.at == self.places.len() {
            (self.round, self.at) = (self.round + 1, 0);
        }
        if self.round >= self.loops {
            return None;
        }
        let (file, index) = *self.places.get(self.at)?;
        self.at += 1;
        let record = self.captures.get_mut(file)?.1.record(index);
        record.map_err(|finding| self.found.report(finding)).ok()
    }

    /// What goes out for a record; `None` when it is skipped.
    fn outgoing(&mut self, record: CaptureRecord) -> Option<Outgoing> {
        let stats = matches!(Protocol::of_path(&record.request.path), Some(wire::Endpoint::Other(CLIENT_STATS)));
        let other = matches!(Protocol::of_path(&record.request.path), Some(wire::Endpoint::Other(_)));
        if record.aborted || (other && (!stats || self.args.selects() || self.args.limit.is_some() || self.grpc)) {
            return None;
        }
        let received = record.received;
        if stats {
            return Some(Outgoing::new(record.request, received, 0));
        }
        let (bare, is_document) = (record.bare, record.document.is_some());
        let anew = !self.rewrite.is_nothing() || self.protocol.is_some();
        let keep = if bare || anew || self.grpc || self.args.query.is_some() { Keep::All } else { Keep::NOTHING };
        let options = Options { limits: self.args.limits(), keep };
        let errors = self.found.iter().count();
        let Some((protocol, payload)) = self.decoder.decode(record, &options, &mut self.found) else {
            self.counts.refused += u64::from(self.found.iter().count() > errors);
            return None;
        };
        if !selected(&self.args, &payload) || !within_limit(&mut self.traces, self.args.limit, &payload) {
            return None;
        }
        let wanted = self.protocol.unwrap_or(protocol);
        if self.grpc != (wanted == Protocol::OtlpGrpc) {
            self.counts.other_wire += 1;
            return None;
        }
        let spans = payload.spans().len() as u64;
        let made = if anew {
            let batch = self.rewrite.apply(payload);
            let made = wire::encode(wanted, batch.view(&[]), &mut self.losses).map(|request| (request, false));
            made.or_else(|| wire::request_around(protocol, batch.view(&[]), true, &mut self.losses))
        } else if bare {
            // A bare body has no request around it, and a document is none that a target takes.
            wire::request_around(protocol, payload, is_document, &mut self.losses)
        } else {
            None
        };
        if (bare || anew) && made.is_none() {
            self.counts.refused += 1;
            return None;
        }
        let mut record = self.decoder.take();
        if let Some((mut made, verbatim)) = made {
            if verbatim {
                made.body = std::mem::take(&mut record.request.body);
            }
            // What the tracer said of itself goes along; what describes the body is that of the new one.
            for (name, value) in record.request.headers.iter() {
                let of_body = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"));
                if !of_body && made.headers.get(name).is_none() {
                    made.headers.push(name, value);
                }
            }
            record.request = made;
        }
        self.counts.decoded += u64::from(spans > 0);
        self.counts.spans += spans;
        self.counts.bytes += record.request.body.len() as u64;
        Some(Outgoing::new(record.request, received, spans))
    }
}

/// Whether a payload has a trace that is one of the first `limit`.
fn within_limit(traces: &mut HashSet<TraceId>, limit: Option<usize>, payload: &Payload<'_>) -> bool {
    let Some(limit) = limit else { return true };
    let mut within = false;
    for span in payload.spans() {
        let id = span.trace_id();
        within |= traces.contains(&id) || (traces.len() < limit && traces.insert(id));
    }
    within
}

/// The file that says how far an interrupted run came.
struct Mark {
    path: PathBuf,
    target: String,
}

impl Mark {
    fn beside(inputs: &[PathBuf], endpoint: &Endpoint) -> Mark {
        let mut path = inputs.first().map(|path| path.clone().into_os_string()).unwrap_or_default();
        path.push(".resume");
        Mark { path: PathBuf::from(path), target: endpoint.to_string() }
    }

    fn write(&self, done: u64) -> Result<()> {
        let text = json!({"target": self.target, "done": done}).to_string() + "\n";
        std::fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn read(&self) -> Result<u64> {
        let shown = self.path.display();
        let text = std::fs::read_to_string(&self.path)
            .map_err(|error| anyhow!("nothing to resume: cannot read {shown}: {error}\nhelp: leave --resume out"))?;
        let mark: Value = serde_json::from_str(&text).with_context(|| format!("{shown} is damaged"))?;
        match (mark["target"].as_str(), mark["done"].as_u64()) {
            (Some(target), Some(done)) if target == self.target => Ok(done),
            (Some(target), _) => {
                bail!("{shown} is of a run to {target}\nhelp: give --to {target}, or leave --resume out")
            }
            _ => bail!("{shown} is damaged"),
        }
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

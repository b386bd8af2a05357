//! `spanglass send-test-span`: does a span that is sent from here arrive?

use super::delivery::{Delivery, name_of, readable, without_asking};
use super::made::{Maker, SpanArgs};
use super::output::{Environment, Output};
use super::record_capture::{Interrupts, parse_duration};
use super::replay_to::parse_rate;
use super::target::{Target, TrustArgs};
use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use spanglass::agent::client::Client;
use spanglass::agent::fetch::Fetcher;
use spanglass::capture::CaptureRecord;
use spanglass::capture::jsonl::{write_capture_line, write_record};
use spanglass::context::{PropagationStyle, SamplingPriority, SpanContext};
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::endpoint::Endpoint;
use spanglass::http::{Headers, Request};
use spanglass::propagation::{InjectOptions, inject};
use spanglass::render::{clean, hexdump, json as document};
use spanglass::synth::documented;
use spanglass::time::Timestamp;
use spanglass::trace::{Batch, Span};
use spanglass::wire::Protocol;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::time::{Duration, SystemTime};

/// Send a made-up span, and say how far it came.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to: http(s)://host:8126, http(s)://host:4318, grpc(s)://host:4317 or unix:///path [default: what DD_TRACE_AGENT_URL,
    /// DD_AGENT_HOST or OTEL_EXPORTER_OTLP_ENDPOINT say, else http://localhost:8126]
    #[arg(long, value_name = "URL")]
    to: Option<Endpoint>,
    /// How it is written; auto takes what the URL says, or asks the agent
    #[arg(long, value_name = "PROTOCOL", default_value = "auto")]
    protocol: ProtocolArg,
    #[command(flatten)]
    trust: TrustArgs,
    /// Longest wait for a connection, and for an answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
    /// How long to try until the target takes connections, and until a trace can be read back [default: 0s, and 5s for
    /// reading back]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait: Option<Duration>,
    /// Reach the target and ask what it is, and send nothing
    #[arg(long, conflicts_with_all = ["verify", "count", "dry_run"])]
    check: bool,
    /// Read the trace back, from the target or from this URL, and compare it span by span
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    verify: Option<String>,
    /// Print what would be sent (as a hex dump, a capture, or a command), and send nothing
    #[arg(long, value_name = "FORM", num_args = 0..=1, default_missing_value = "hex")]
    dry_run: Option<DryRun>,
    /// Exit 0 also when nothing arrived, for scripts that must go on
    #[arg(long)]
    fail_open: bool,
    /// Print the headers with which the next service would continue the trace
    #[arg(long)]
    print_headers: bool,
    /// Send one request with trace headers to this URL, and say which of them come back
    #[arg(long, value_name = "URL", conflicts_with_all = ["to", "check", "verify", "count", "dry_run"])]
    check_headers: Option<Endpoint>,
    /// How many requests, each with traces of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Requests per second [default: one after the other]
    #[arg(long, value_name = "N/s", value_parser = parse_rate)]
    rate: Option<f64>,
    /// List the documented scenarios
    #[arg(long)]
    list_scenarios: bool,
    #[command(flatten)]
    span: SpanArgs,
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

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum DryRun {
    Hex,
    Json,
    Curl,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProtocolArg {
    Auto,
    #[value(name = "v0.3")]
    V03,
    #[value(name = "v0.4")]
    V04,
    #[value(name = "v0.5")]
    V05,
    #[value(name = "v0.7")]
    V07,
    #[value(name = "v1.0")]
    V1,
    OtlpHttp,
    OtlpJson,
    OtlpGrpc,
}

impl ProtocolArg {
    fn asked(self) -> Option<Protocol> {
        Some(match self {
            ProtocolArg::Auto => return None,
            ProtocolArg::V03 => Protocol::V03,
            ProtocolArg::V04 => Protocol::V04,
            ProtocolArg::V05 => Protocol::V05,
            ProtocolArg::V07 => Protocol::V07,
            ProtocolArg::V1 => Protocol::V1,
            ProtocolArg::OtlpHttp => Protocol::OtlpProto,
            ProtocolArg::OtlpJson => Protocol::OtlpJson,
            ProtocolArg::OtlpGrpc => Protocol::OtlpGrpc,
        })
    }
}

pub(crate) fn run(args: Args, environment: &Environment, output: &mut Output) -> Result<Outcome> {
    if args.list_scenarios {
        return list(args.machine(), output);
    }
    let mut maker = Maker::new(&args.span, random)?;
    if let Some(endpoint) = &args.check_headers {
        return in_runtime(super::echo::check(endpoint, &args.trust.trust()?, args.timeout, args.machine(), output));
    }
    let mut target = Target::of(args.to.as_ref(), environment)?;
    // The path of OTLP's traces is that of the request too.
    let asked = args.protocol.asked();
    if asked == Some(Protocol::OtlpGrpc) || (asked.is_none() && target.endpoint.grpc) {
        target.endpoint.grpc = true;
    }
    let mut delivery = Delivery::new(target, args.verify.is_some());
    if let Some(form) = args.dry_run {
        return dry_run(form, &args, &mut maker, &mut delivery, output);
    }
    let ended = in_runtime(deliver(&args, &mut maker, &mut delivery, output));
    let batches = ended?;
    if args.machine() {
        document::write(output, &delivery.document())?;
        writeln!(output)?;
    } else {
        delivery.text(output)?;
    }
    if args.print_headers
        && let Some(batch) = batches.first()
    {
        print_headers(batch, args.machine(), output)?;
    }
    delivery.aside(output);
    let outcome = delivery.outcome();
    Ok(if args.fail_open && outcome != Outcome::Interrupted { Outcome::Good } else { outcome })
}

impl Args {
    fn machine(&self) -> bool {
        self.json || self.format == Format::Json
    }
}

fn in_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Whether batches are made in the form of OTLP: as the real system does, or as the protocol wants.
fn otlp_for(maker: &Maker, protocol: Protocol) -> bool {
    let otlp = matches!(protocol, Protocol::OtlpProto | Protocol::OtlpJson | Protocol::OtlpGrpc);
    maker.speaks_otlp().unwrap_or(otlp)
}

/// Sends everything and reads it back; what became of it is in `delivery`. Gives back the last that was sent.
async fn deliver(args: &Args, maker: &mut Maker, delivery: &mut Delivery, output: &Output) -> Result<Vec<Batch>> {
    let client = Client::new(delivery.target.endpoint.clone(), args.timeout, args.trust.trust()?);
    let wait = args.wait.unwrap_or_default();
    if args.check {
        delivery.reach(&client, args.protocol.asked(), wait).await;
        return Ok(Vec::new());
    }
    let Ok(mut connection) = delivery.connect(&client, wait).await else { return Ok(Vec::new()) };
    let Ok(protocol) = delivery.choose(args.protocol.asked(), &mut connection).await else { return Ok(Vec::new()) };
    let otlp = otlp_for(maker, protocol);
    let mut interrupts = Interrupts::new()?;
    let mut progress = super::progress::Progress::new(output.quiet);
    let mut last = Vec::new();
    let started = tokio::time::Instant::now();
    for number in 0..args.count {
        if let Some(rate) = args.rate {
            let due = started + Duration::try_from_secs_f64(number as f64 / rate).unwrap_or_default();
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = interrupts.next() => {
                    delivery.interrupted = true;
                    break;
                }
            }
        }
        last = maker.next(otlp, now());
        if !connection.is_ready().await {
            match client.connect(&mut Vec::new()).await {
                Ok(again) => connection = again,
                Err(_) => {
                    let _ = delivery.connect(&client, Duration::ZERO).await;
                    break;
                }
            }
        }
        // Only the first request is told in full.
        let steps = delivery.steps.len();
        let sent = delivery.send(&mut connection, protocol, &last).await;
        if number > 0 && sent.is_ok() {
            delivery.steps.truncate(steps);
        }
        progress.step(last.iter().map(|batch| batch.view(&[]).spans().len() as u64).sum());
        if sent.is_err() {
            break;
        }
    }
    drop(progress);
    if let Some(url) = args.verify.as_ref().filter(|_| delivery.fault.is_none()) {
        let from = match url.is_empty() {
            true => readable(&delivery.target.endpoint),
            false => Some(url.parse::<Endpoint>().map_err(|error| anyhow!("--verify={url}: {error}"))?),
        };
        let wait = args.wait.unwrap_or(Duration::from_secs(5));
        match from {
            Some(from) => {
                let fetcher =
                    Fetcher::new(&from, args.timeout, &args.trust.trust()?).map_err(|error| anyhow!(error))?;
                delivery.read_back(&fetcher, wait).await;
            }
            None => delivery.cannot_read_back(),
        }
    }
    Ok(last)
}

/// Prints what would be sent.
fn dry_run(
    form: DryRun,
    args: &Args,
    maker: &mut Maker,
    delivery: &mut Delivery,
    output: &mut Output,
) -> Result<Outcome> {
    let (protocol, why) = without_asking(args.protocol.asked(), &delivery.target)
        .unwrap_or((Protocol::V04, "nothing else is said, and nobody is asked"));
    let otlp = otlp_for(maker, protocol);
    output.note(&format!("nothing is sent to {}; {}: {why}", delivery.target.endpoint, name_of(protocol)));
    // What has a start is the same every time.
    let recorded = args.span.start().unwrap_or_else(now);
    if form == DryRun::Json {
        let writer = concat!("spanglass ", env!("CARGO_PKG_VERSION"));
        write_capture_line(output, recorded, writer, &[])?;
    }
    for number in 0..args.count {
        let batches = maker.next(otlp, now());
        let request = delivery.request(protocol, &batches);
        let request = request.ok_or_else(|| anyhow!("{} cannot be written", name_of(protocol)))?;
        match form {
            DryRun::Hex => {
                writeln!(output, "{} {}", request.method, delivery.target.endpoint.path(&request.path))?;
                for (at, row) in request.body.chunks(16).enumerate() {
                    writeln!(output, "{}", hexdump::row(at * 16, row, usize::MAX))?;
                }
            }
            DryRun::Json => {
                let record = CaptureRecord { received: Some(recorded), request, ..CaptureRecord::default() };
                write_record(output, number + 1, &record)?;
            }
            DryRun::Curl => curl(&request, &delivery.target.endpoint, output)?,
        }
    }
    delivery.aside(output);
    Ok(Outcome::Good)
}

/// The request as a command.
fn curl(request: &Request, endpoint: &Endpoint, output: &mut Output) -> Result<()> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut command = format!("echo {} | base64 -d | curl -sS -X {}", STANDARD.encode(&request.body), request.method);
    if endpoint.grpc {
        command.push_str(" --http2-prior-knowledge -H 'te: trailers'");
    }
    for (name, value) in request.headers.iter() {
        command.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    let path = endpoint.path(&request.path);
    match &endpoint.transport {
        spanglass::endpoint::Transport::Unix(socket) => {
            let socket = quoted(&socket.display().to_string());
            command.push_str(&format!(" --unix-socket {socket} {}", quoted(&format!("http://localhost{path}"))));
        }
        spanglass::endpoint::Transport::Tcp(..) => {
            let scheme = if endpoint.tls { "https" } else { "http" };
            command.push_str(&format!(" {}", quoted(&format!("{scheme}://{}{path}", endpoint.authority()))));
        }
    }
    writeln!(output, "{command} --data-binary @-")?;
    Ok(())
}

/// The context of the first span, as the next service would get it.
pub(super) fn headers_of(span: &Span<'_>) -> Headers {
    let mut context = SpanContext { trace_id: span.trace_id(), span_id: span.span_id(), ..SpanContext::default() };
    let priority = span.chunk().and_then(|chunk| chunk.priority());
    context.priority = Some(SamplingPriority(priority.unwrap_or(1)));
    for member in span.tracestate().split(',').filter_map(|member| member.split_once('=')) {
        context.tracestate.push(member.0, member.1);
    }
    let styles = vec![PropagationStyle::Datadog, PropagationStyle::TraceContext, PropagationStyle::B3Multi];
    let options = InjectOptions { styles, ..InjectOptions::default() };
    inject(&context, &Default::default(), &options, &mut Diagnostics::default()).headers
}

fn print_headers(batch: &Batch, machine: bool, output: &mut Output) -> Result<()> {
    let Some(span) = batch.view(&[]).spans().next() else { return Ok(()) };
    let headers = headers_of(&span);
    for (name, value) in headers.iter() {
        match machine {
            // The document stands alone on stdout.
            true => output.note(&format!("{name}: {value}")),
            false => writeln!(output, "{name}: {value}")?,
        }
    }
    Ok(())
}

fn list(machine: bool, output: &mut Output) -> Result<Outcome> {
    let scenarios = documented()?;
    if machine {
        let one = |scenario: &spanglass::synth::Scenario| serde_json::json!({"id": scenario.id, "wire": scenario.wire, "spans": scenario.spans().count(), "description": scenario.description});
        document::write(output, &scenarios.iter().map(one).collect::<Vec<_>>())?;
        writeln!(output)?;
        return Ok(Outcome::Good);
    }
    let ascii = output.theme.ascii;
    for scenario in &scenarios {
        let spans = scenario.spans().count();
        writeln!(
            output,
            "{:32} {:7} {spans:3} spans  {}",
            scenario.id,
            scenario.wire,
            clean(&scenario.description, ascii)
        )?;
    }
    Ok(Outcome::Good)
}

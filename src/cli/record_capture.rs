//! `spanglass record-capture`: where the agent is, keep every request.

use super::output::{Environment, Output};
use super::progress::Progress;
use super::select::parse_size;
use super::target::TrustArgs;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use spanglass::agent::client::Client;
use spanglass::agent::server::{Listener, Observer, Server, Settings};
use spanglass::agent::store::Store;
use spanglass::capture::CaptureRecord;
use spanglass::diagnostic::{Diagnostics, Outcome};
use spanglass::endpoint::Endpoint;
use spanglass::intake::Decoder;
use spanglass::render::clean;
use spanglass::time::{Nanos, Timestamp};
use spanglass::trace::{Keep, Payload};
use spanglass::wire::Options;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Record what tracers send, and answer as an agent and a collector would.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// File that requests are appended to; a name ending in .gz gets one gzip member per record
    #[arg(short, long, value_name = "FILE", required_unless_present = "live")]
    out: Option<PathBuf>,
    /// Answer a request only when the disk has it
    #[arg(long)]
    sync: bool,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1", help_heading = "Listening")]
    listen: IpAddr,
    /// Port for Datadog tracers; 0 takes a free one, off serves none
    #[arg(long, value_name = "PORT", default_value = "8126", value_parser = parse_port, help_heading = "Listening")]
    datadog: Port,
    /// Port for OTLP over HTTP
    #[arg(long, value_name = "PORT", default_value = "4318", value_parser = parse_port, help_heading = "Listening")]
    otlp_http: Port,
    /// Port for OTLP over gRPC
    #[arg(long, value_name = "PORT", default_value = "4317", value_parser = parse_port, help_heading = "Listening")]
    otlp_grpc: Port,
    /// Unix socket to listen on too
    #[arg(long, value_name = "PATH", help_heading = "Listening")]
    uds: Option<PathBuf>,
    /// Pass every request on to this agent or collector, and its answers back
    #[arg(long, value_name = "URL")]
    forward: Option<Endpoint>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Answer trace requests of Datadog tracers with the contents of this file
    #[arg(long, value_name = "FILE", conflicts_with = "forward")]
    answer: Option<PathBuf>,
    /// Stop when so much has come: spans=N, traces=N, or idle=D since the last request
    #[arg(long, value_name = "WHEN", value_parser = parse_until)]
    until: Option<Until>,
    /// Stop after this time; with --until and too little by then, exit 1
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Print a line per trace as it arrives
    #[arg(long)]
    live: bool,
    /// Keep headers that hold credentials
    #[arg(long)]
    keep_secrets: bool,
    /// Largest body; more is answered with 413
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_size, help_heading = "Limits")]
    max_body: u64,
    /// Most connections at a time; further ones wait
    #[arg(long, value_name = "N", default_value = "4096", value_parser = clap::value_parser!(u32).range(1..1_000_000), help_heading = "Limits")]
    max_connections: u32,
    /// Longest wait for the next bytes of a request, and for the rest of them at the end
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration, help_heading = "Limits")]
    patience: Duration,
    /// Program to run with DD_* and OTEL_* pointing here; its end is ours, and so is its exit code
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A port to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Off,
    Number(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Spans(u64),
    Traces(u64),
    Idle(Duration),
}

fn parse_port(text: &str) -> Result<Port> {
    match text {
        "off" => Ok(Port::Off),
        _ => text.parse().map(Port::Number).map_err(|_| anyhow!("no port: give a number up to 65535, 0 or off")),
    }
}

fn parse_until(text: &str) -> Result<Until> {
    let wrong = || anyhow!("write spans=N, traces=N or idle=D, for example idle=2s");
    let (what, amount) = text.split_once('=').ok_or_else(wrong)?;
    match what {
        "spans" => Ok(Until::Spans(amount.parse().map_err(|_| wrong())?)),
        "traces" => Ok(Until::Traces(amount.parse().map_err(|_| wrong())?)),
        "idle" => Ok(Until::Idle(parse_duration(amount)?)),
        _ => Err(wrong()),
    }
}

/// `1.5s`, `200ms`, `2m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration> {
    let length = Nanos::parse(text).ok_or_else(|| anyhow!("no length of time; write for example 1.5s or 200ms"))?;
    Ok(Duration::from_nanos(u64::try_from(length.0).unwrap_or_default()))
}

pub(crate) fn run(args: Args, environment: &Environment, output: &mut Output) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, record(args, environment, output))
}

async fn record(args: Args, environment: &Environment, output: &mut Output) -> Result<Outcome> {
    let rates = match &args.answer {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let store = match &args.out {
        Some(path) => Some(Store::open(path, args.sync).map_err(|error| {
            anyhow!(
                "cannot write {}: {error}\nhelp: --out needs a file of its own in a folder that exists",
                path.display()
            )
        })?),
        None => None,
    };
    let mut interrupts = Interrupts::new()?;
    let (listeners, served) = listen(&args).await?;
    let seen = Rc::new(RefCell::new(Seen::default()));
    let changed = Rc::new(Notify::new());
    let watcher = Watcher {
        seen: seen.clone(),
        changed: changed.clone(),
        decoder: Decoder::default(),
        progress: Progress::new(output.quiet || args.live || !args.command.is_empty()),
        traces: matches!(args.until, Some(Until::Traces(_))),
        live: args.live,
        ascii: output.theme.ascii,
    };
    let settings = Settings {
        max_body: usize::try_from(args.max_body).unwrap_or(usize::MAX),
        patience: args.patience,
        connections: args.max_connections as usize,
        keep_secrets: args.keep_secrets,
        forward: match &args.forward {
            Some(endpoint) => Some(Client::new(endpoint.clone(), args.patience, args.trust.trust()?)),
            None => None,
        },
        rates,
        now,
    };
    let server = Server::new(settings, store, &served.addresses(), watcher)
        .with_context(|| format!("cannot write {}", shown(&args.out)))?;
    writeln!(output, "{}", served.document())?;
    output.flush()?;
    let mut child = start(&args.command, &served, environment)?;
    let mut ended = None;
    let deadline = args.timeout.map(|length| Instant::now() + length);
    let stop = async {
        tokio::select! {
            () = interrupts.next() => {}
            () = at(deadline) => {}
            () = enough(args.until, &seen, &changed) => {}
            status = exit_of(&mut child) => ended = Some(status),
        }
    };
    let closed = server.serve(listeners, stop).await;
    if let Some(path) = &args.uds {
        let _ = std::fs::remove_file(path);
    }
    closed.with_context(|| format!("cannot write {}", shown(&args.out)))?;
    match ended {
        Some(status) => output.exit_status = Some(exit_code(status.context("the command could not be waited for")?)),
        None => {
            if let Some(mut child) = child {
                // Interrupted, or had enough: what was started here ends here.
                let _ = child.start_kill();
                let _ = child.wait().await;
            }
        }
    }
    let seen = seen.borrow();
    output.note(&seen.summary(server.requests(), &args.out));
    let unmet =
        args.until.is_some_and(|until| !seen.satisfies(until)) && deadline.is_some_and(|at| Instant::now() >= at);
    Ok(if unmet { Outcome::Bad } else { Outcome::Good })
}

fn shown(out: &Option<PathBuf>) -> String {
    out.as_ref().map_or_else(|| "the recording".to_owned(), |path| path.display().to_string())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What is listened on.
#[derive(Default)]
struct Served {
    datadog: Option<SocketAddr>,
    otlp_http: Option<SocketAddr>,
    otlp_grpc: Option<SocketAddr>,
    uds: Option<PathBuf>,
}

impl Served {
    fn document(&self) -> Value {
        let port = |address: Option<SocketAddr>| address.map(|address| address.port());
        json!({
            "schema": "spanglass.listening/1",
            "datadog": port(self.datadog),
            "otlp_http": port(self.otlp_http),
            "otlp_grpc": port(self.otlp_grpc),
            "uds": self.uds.as_ref().map(|path| path.display().to_string()),
        })
    }

    fn addresses(&self) -> Vec<String> {
        let tcp =
            [self.datadog, self.otlp_http, self.otlp_grpc].into_iter().flatten().map(|address| address.to_string());
        tcp.chain(self.uds.iter().map(|path| format!("unix://{}", path.display()))).collect()
    }

    /// Variables that make a tracer send here. OTLP goes over gRPC when the environment says that it does.
    fn variables(&self, environment: &Environment) -> Vec<(&'static str, String)> {
        let url = |address: SocketAddr| match address.ip().is_unspecified() {
            true => format!("http://127.0.0.1:{}", address.port()),
            false => format!("http://{address}"),
        };
        let mut all = Vec::new();
        match (self.datadog, &self.uds) {
            (Some(address), _) => {
                let host =
                    if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
                all.push(("DD_TRACE_AGENT_URL", url(address)));
                all.push(("DD_AGENT_HOST", host));
                all.push(("DD_TRACE_AGENT_PORT", address.port().to_string()));
            }
            (None, Some(path)) => all.push(("DD_TRACE_AGENT_URL", format!("unix://{}", path.display()))),
            (None, None) => {}
        }
        let said = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        let said = said.into_iter().find_map(|name| environment.get(name));
        match (said, self.otlp_http, self.otlp_grpc) {
            (Some("grpc"), _, Some(address)) | (None, None, Some(address)) => {
                all.push(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()));
                all.push(("OTEL_EXPORTER_OTLP_ENDPOINT", url(address)));
                all.push(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url(address)));
                all.push(("OTEL_EXPORTER_OTLP_INSECURE", "true".to_owned()));
            }
            (_, Some(address), _) => {
                if said.is_none() {
                    all.push(("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()));
                }
                all.push(("OTEL_EXPORTER_OTLP_ENDPOINT", url(address)));
                all.push(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", url(address))));
            }
            _ => {}
        }
        all
    }
}

async fn listen(args: &Args) -> Result<(Vec<Listener>, Served)> {
    let mut listeners = Vec::new();
    let mut served = Served::default();
    if let Some(listener) = bind(args.listen, args.datadog, "--datadog").await? {
        served.datadog = Some(listener.local_addr()?);
        listeners.push(Listener::Tcp(listener));
    }
    if let Some(listener) = bind(args.listen, args.otlp_http, "--otlp-http").await? {
        served.otlp_http = Some(listener.local_addr()?);
        listeners.push(Listener::Tcp(listener));
    }
    if let Some(listener) = bind(args.listen, args.otlp_grpc, "--otlp-grpc").await? {
        served.otlp_grpc = Some(listener.local_addr()?);
        listeners.push(Listener::Grpc(listener));
    }
    if let Some(path) = &args.uds {
        listeners.push(bind_unix(path)?);
        served.uds = Some(path.clone());
    }
    if listeners.is_empty() {
        bail!("nothing to listen on\nhelp: leave one of --datadog, --otlp-http, --otlp-grpc on, or give --uds");
    }
    Ok((listeners, served))
}

async fn bind(address: IpAddr, port: Port, flag: &str) -> Result<Option<TcpListener>> {
    let Port::Number(port) = port else { return Ok(None) };
    let bound = TcpListener::bind((address, port)).await;
    bound.map(Some).map_err(|error| {
        let address = SocketAddr::new(address, port);
        anyhow!("cannot listen on {address}: {error}\nhelp: {flag} 0 takes a free port, {flag} off serves none")
    })
}

#[cfg(unix)]
fn bind_unix(path: &std::path::Path) -> Result<Listener> {
    use std::os::unix::fs::FileTypeExt;
    // A socket that nobody listens on any more stays behind when a process is killed.
    let left_behind = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if left_behind {
        let _ = std::fs::remove_file(path);
    }
    let listener = tokio::net::UnixListener::bind(path)
        .map_err(|error| anyhow!("cannot listen on {}: {error}\nhelp: give --uds another path", path.display()))?;
    Ok(Listener::Unix(listener))
}

#[cfg(not(unix))]
fn bind_unix(_: &std::path::Path) -> Result<Listener> {
    bail!("there are no unix sockets here\nhelp: leave --uds out")
}

fn start(command: &[OsString], served: &Served, environment: &Environment) -> Result<Option<Child>> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments).envs(served.variables(environment)).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("cannot run {}", program.display()))?;
    Ok(Some(child))
}

/// The exit code of a program; 128 and the number of the signal that ended it, as shells say it.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

async fn exit_of(child: &mut Option<Child>) -> std::io::Result<std::process::ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits until what was asked for has come.
async fn enough(until: Option<Until>, seen: &RefCell<Seen>, changed: &Notify) {
    let Some(until) = until else { return std::future::pending().await };
    loop {
        if seen.borrow().satisfies(until) {
            return;
        }
        let quiet_at = match until {
            Until::Idle(length) => seen.borrow().last.map(|last| last + length),
            _ => None,
        };
        tokio::select! {
            () = changed.notified() => {}
            () = at(quiet_at) => {}
        }
    }
}

/// SIGINT and SIGTERM; Ctrl-C elsewhere.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Interrupts {
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Interrupts { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Result<Self> {
        Ok(Interrupts {})
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What has come so far.
#[derive(Default)]
struct Seen {
    requests: BTreeMap<&'static str, u64>,
    spans: u64,
    traces: HashSet<u128>,
    last: Option<Instant>,
}

impl Seen {
    fn satisfies(&self, until: Until) -> bool {
        match until {
            Until::Spans(wanted) => self.spans >= wanted,
            Until::Traces(wanted) => self.traces.len() as u64 >= wanted,
            Until::Idle(length) => self.last.is_some_and(|last| last.elapsed() >= length),
        }
    }

    fn summary(&self, recorded: u64, out: &Option<PathBuf>) -> String {
        let kinds: Vec<String> = self.requests.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        let to = out.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default();
        format!("{recorded} requests recorded{to}{kinds}, {} spans", self.spans)
    }
}

/// Counts what comes, and shows it.
struct Watcher {
    seen: Rc<RefCell<Seen>>,
    changed: Rc<Notify>,
    decoder: Decoder,
    progress: Progress,
    /// Whether traces are told apart: that takes memory for each.
    traces: bool,
    live: bool,
    ascii: bool,
}

impl Observer for Watcher {
    fn recorded(&mut self, record: CaptureRecord) {
        let mut found = Diagnostics::default();
        let options = Options { keep: Keep::NOTHING, ..Options::default() };
        let mut seen = self.seen.borrow_mut();
        match self.decoder.decode(record, &options, &mut found) {
            Some((protocol, payload)) => {
                let spans = payload.spans().len() as u64;
                seen.spans += spans;
                *seen.requests.entry(protocol.name()).or_default() += 1;
                if self.traces {
                    seen.traces.extend(payload.spans().map(|span| span.trace_id().0));
                }
                self.progress.step(spans);
                if self.live {
                    let _ = live(&payload, self.ascii);
                }
            }
            None => *seen.requests.entry("without traces").or_default() += 1,
        }
        seen.last = Some(Instant::now());
        self.changed.notify_one();
    }

    fn trouble(&mut self, what: &str) {
        let _ = writeln!(std::io::stderr(), "warning: {}", clean(what, self.ascii));
    }
}

/// A line for every chunk of a payload.
fn live(payload: &Payload<'_>, ascii: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for chunk in payload.chunks() {
        let mut spans = chunk.spans();
        let Some(first) = spans.next() else { continue };
        let top = chunk.spans().find(|span| span.parent_id().is_none()).unwrap_or(first);
        let count = chunk.spans().count();
        let errors = chunk.spans().filter(|span| span.error()).count();
        let errors = if errors > 0 { format!(" !{errors} errors") } else { String::new() };
        let text = format!("{} {} {}", top.service(), top.name(), top.resource());
        let length = spanglass::render::time::duration(top.duration(), ascii);
        writeln!(out, "{} {count} spans {length}{errors} {}", top.trace_id(), clean(&text, ascii))?;
    }
    out.flush()
}

//! Sending and recording against other programs: `cargo bench --bench http`.
//!
//! Measured is the CPU time (user and system) of the process that is judged, per request, and for rates the wall time, which needs an
//! otherwise idle machine. All senders send to the same sink, `benches/peers/src/bin/sink.rs`; all recorders are loaded by the same sender,
//! `replay-capture`.
//!
//! | id | what | compared with |
//! |---|---|---|
//! | P13 | `replay-capture --to` with 8 connections of W1, 4 of W2, over TCP and a unix socket | wrk (from Debian's packages) |
//! | P14 | `send-test-span` of one span | a program that says hello, curl |
//! | P15 | `record-capture` to /dev/null, 8 connections of W1, 1 of W2 | ddapm-test-agent, out of `target/peers` (`.ci/peers`) |
//! | P17 | the shipped binary | 4.5 MB |

#[allow(dead_code, reason = "each bench target uses a part of it")]
mod harness;

use harness::process::Used;
use harness::{Bench, Measured, Required, Result, Spread};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

const ROUNDS: usize = 5;
const MIB: f64 = (1 << 20) as f64;

/// A body, and how often it is sent over how many connections.
struct Load {
    id: &'static str,
    file: &'static str,
    what: &'static str,
    connections: u32,
    requests: u32,
}

const W1: Load = Load { id: "w1", file: "w1.v04.msgpack", what: "W1", connections: 1, requests: 1 };
const W2: Load = Load { id: "w2", file: "w2.v04.msgpack", what: "W2", connections: 1, requests: 1 };

fn main() -> ExitCode {
    harness::exit_code(run())
}

fn run() -> Result<()> {
    let Some(mut bench) = Bench::start("Sending and recording: CPU time of whole processes")? else {
        return Ok(());
    };
    harness::build_release("", harness::target_folder())?;
    let spanglass = harness::target_folder().join("release/spanglass");
    if bench.wants("P13") {
        replayed(&mut bench, &spanglass, Load { connections: 8, requests: 40_000, ..W1 })?;
        replayed(&mut bench, &spanglass, Load { connections: 4, requests: 200, ..W2 })?;
    }
    if bench.wants("P14") {
        sent(&mut bench, &spanglass)?;
    }
    if bench.wants("P15") {
        recorded(&mut bench, &spanglass, Load { connections: 8, requests: 2_000, ..W1 })?;
        recorded(&mut bench, &spanglass, Load { connections: 1, requests: 20, ..W2 })?;
    }
    if bench.wants("P17") {
        let size = fs::metadata(&spanglass)?.len() as f64 / 1e6;
        bench.measured("P17", "the shipped binary", Measured(Spread::of([size]), "MB"), Required::AtMost(4.5));
    }
    bench.finish();
    Ok(())
}

/// A process that serves until it is dropped, and the line that it said first.
struct Serving {
    child: Child,
    said: String,
}

impl Serving {
    fn start(command: &mut Command) -> Result<Serving> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut said = String::new();
        let stdout = child.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut said)?;
        Ok(Serving { child, said: said.trim().to_owned() })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `requests` of a workload as fast as they are taken.
fn replay(spanglass: &Path, file: &Path, to: &str, connections: u32, requests: u32) -> Command {
    let mut command = Command::new(spanglass);
    command.args(["replay-capture", "--quiet", "--speed", "max", "--to", to, "--loop", &requests.to_string()]);
    command.args(["--concurrency", &connections.to_string()]).arg(file);
    command
}

fn replayed(bench: &mut Bench, spanglass: &Path, load: Load) -> Result<()> {
    let Load { id, file, what, connections, requests } = load;
    eprintln!("P13 {what}");
    if harness::output_of(Command::new("sh").args(["-c", "command -v wrk"])).is_err() {
        bench.skipped("P13", what, "wrk is not installed: apt-get install wrk");
        return Ok(());
    }
    let file = bench.workload(id, file)?;
    let folder = harness::target_folder().join("bench-data");
    let script = folder.join(format!("{id}.lua"));
    fs::write(
        &script,
        format!(
            "wrk.method = \"POST\"\nwrk.path = \"/v0.4/traces\"\nwrk.headers[\"Content-Type\"] = \"application/msgpack\"\n\
             local file = io.open(\"{}\", \"rb\")\nwrk.body = file:read(\"*all\")\n\
             done = function(summary) print(\"requests \" .. summary.requests) end\n",
            file.display()
        ),
    )?;
    let socket = folder.join("sink.socket");
    let _ = fs::remove_file(&socket);
    let sink = Serving::start(&mut Command::new(bench.peer("sink")))?;
    let local = Serving::start(Command::new(bench.peer("sink")).arg(&socket))?;
    let tcp = format!("http://127.0.0.1:{}", sink.said);
    let unix = format!("unix://{}", socket.display());
    let (mut ours, mut over_unix, mut wrk) = (Vec::new(), Vec::new(), Vec::new());
    let (mut one, mut one_over_unix) = (Vec::new(), Vec::new());
    let (mut rates, mut wrk_rates) = (Vec::new(), Vec::new());
    let mut peak: f64 = 0.0;
    for _ in 0..ROUNDS {
        let used = Used::by(&mut replay(spanglass, &file, &tcp, connections, requests))?;
        ours.push(used.cpu_s / f64::from(requests) * 1e6);
        rates.push(f64::from(requests) / used.wall_s);
        peak = peak.max(used.peak_bytes / MIB);
        let used = Used::by(&mut replay(spanglass, &file, &unix, connections, requests))?;
        over_unix.push(used.cpu_s / f64::from(requests) * 1e6);
        for (all, to) in [(&mut one, &tcp), (&mut one_over_unix, &unix)] {
            let used = Used::by(&mut replay(spanglass, &file, to, 1, requests / 2))?;
            all.push(used.cpu_s / f64::from(requests / 2) * 1e6);
        }
        let mut command = Command::new("wrk");
        command.args(["-t1", "-c", &connections.to_string(), "-d2s", "-s"]).arg(&script).arg(&tcp);
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut text = String::new();
        for line in BufReader::new(child.stdout.take().ok_or("no stdout")?).lines() {
            text = line?.strip_prefix("requests ").map_or(text, str::to_owned);
        }
        let (_, used) = Used::until_end(started, &mut child)?;
        let count: f64 = text.parse()?;
        wrk.push(used.cpu_s / count * 1e6);
        wrk_rates.push(count / 2.0);
    }
    drop((sink, local));
    let mut show = |name: &str, spread, unit, required| {
        bench.measured("P13", &format!("{what}, {connections} connections: {name}"), Measured(spread, unit), required);
    };
    let large = id == "w2";
    show("CPU per request", Spread::of(ours.clone()), "us", Required::Nothing);
    show("CPU per request, wrk", Spread::of(wrk.clone()), "us", Required::Nothing);
    show(
        "CPU per request / wrk",
        Spread::of_ratios(&ours, &wrk),
        "x",
        if large { Required::Nothing } else { Required::AtMost(1.2) },
    );
    show(
        "requests per second / wrk",
        Spread::of_ratios(&rates, &wrk_rates),
        "x",
        Required::AtLeast(if large { 0.9 } else { 0.75 }),
    );
    // Of several connections on two cores the scheduler decides; one shows what the transport costs.
    show("CPU per request, unix socket / TCP", Spread::of_ratios(&over_unix, &ours), "x", Required::Nothing);
    let ratio = Spread::of_ratios(&one_over_unix, &one);
    show("CPU per request, unix socket / TCP, one connection", ratio, "x", Required::AtMost(0.9));
    let body = fs::metadata(&file)?.len() as f64 / MIB;
    show("peak memory", Spread::of([peak]), "MiB", Required::AtMost(32.0 + body * f64::from(connections)));
    Ok(())
}

fn sent(bench: &mut Bench, spanglass: &Path) -> Result<()> {
    eprintln!("P14");
    let sink = Serving::start(&mut Command::new(bench.peer("sink")))?;
    let url = format!("http://127.0.0.1:{}", sink.said);
    let body = bench.workload("w1", "w1.v04.msgpack")?;
    let (mut ours, mut curl, mut hello) = (Vec::new(), Vec::new(), Vec::new());
    // A process this short is measured by many.
    let many = |command: &dyn Fn() -> Command| -> Result<f64> {
        let mut sum = 0.0;
        for _ in 0..50 {
            sum += Used::by(&mut command())?.cpu_s;
        }
        Ok(sum / 50.0 * 1e3)
    };
    for _ in 0..ROUNDS {
        ours.push(many(&|| {
            let mut command = Command::new(spanglass);
            command.args(["send-test-span", "--protocol", "v0.4", "--to", &url]);
            command
        })?);
        curl.push(many(&|| {
            let mut command = Command::new("curl");
            command.args(["-sS", "-X", "POST", "-H", "Content-Type: application/msgpack", "--data-binary"]);
            command.arg(format!("@{}", body.display())).arg(format!("{url}/v0.4/traces"));
            command
        })?);
        hello.push(many(&|| Command::new(bench.peer("hello")))?);
    }
    drop(sink);
    let mut show = |name: &str, spread, unit, required| bench.measured("P14", name, Measured(spread, unit), required);
    show("send-test-span", Spread::of(ours.clone()), "ms CPU", Required::Nothing);
    show("curl", Spread::of(curl.clone()), "ms CPU", Required::Nothing);
    show("send-test-span / hello", Spread::of_ratios(&ours, &hello), "x", Required::AtMost(2.0));
    show("send-test-span / curl", Spread::of_ratios(&ours, &curl), "x", Required::AtMost(0.4));
    Ok(())
}

/// A recorder under load: what it used for `requests`, beyond what starting costs.
fn loaded(
    spanglass: &Path,
    file: &Path,
    connections: u32,
    requests: u32,
    recorder: &dyn Fn() -> Result<(Child, u16)>,
) -> Result<Used> {
    let mut used = Vec::new();
    for requests in [1, requests] {
        let (mut child, port) = recorder()?;
        let url = format!("http://127.0.0.1:{port}");
        let started = Instant::now();
        let status = replay(spanglass, file, &url, connections, requests).stdout(Stdio::null()).status()?;
        let wall_s = started.elapsed().as_secs_f64();
        Command::new("kill").arg(child.id().to_string()).status()?;
        let (_, of_process) = Used::until_end(started, &mut child)?;
        if !status.success() {
            return Err(format!("the load of {url} failed").into());
        }
        used.push(Used { wall_s, ..of_process });
    }
    let [start, full] = &used[..] else { return Err("two runs".into()) };
    Ok(Used { cpu_s: full.cpu_s - start.cpu_s, wall_s: full.wall_s, peak_bytes: full.peak_bytes })
}

fn recorded(bench: &mut Bench, spanglass: &Path, load: Load) -> Result<()> {
    let Load { id, file, what, connections, requests } = load;
    eprintln!("P15 {what}");
    let agent = harness::target_folder().join("peers/venv/bin/ddapm-test-agent");
    if !agent.exists() {
        bench.skipped("P15", what, format!("no {}: run .ci/peers", agent.display()));
        return Ok(());
    }
    let file = bench.workload(id, file)?;
    let ours = || -> Result<(Child, u16)> {
        let mut command = Command::new(spanglass);
        command.args([
            "record-capture",
            "--out",
            "/dev/null",
            "--datadog",
            "0",
            "--otlp-http",
            "off",
            "--otlp-grpc",
            "off",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        let (_, rest) = line.split_once("\"datadog\":").ok_or("no port")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok((child, digits.parse()?))
    };
    let theirs = || -> Result<(Child, u16)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let other = |by: u16| (port.wrapping_add(by)).max(1024).to_string();
        let mut command = Command::new(&agent);
        command.args(["--port", &port.to_string(), "--otlp-http-port", &other(1), "--otlp-grpc-port", &other(2)]);
        let child = command.args(["--log-level", "ERROR"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok((child, port));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("ddapm-test-agent does not start".into())
    };
    let (mut mine, mut agents, mut rates, mut agent_rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let used = loaded(spanglass, &file, connections, requests * 5, &ours)?;
        mine.push(used.cpu_s / f64::from(requests * 5) * 1e3);
        rates.push(f64::from(requests * 5) / used.wall_s);
        let used = loaded(spanglass, &file, connections, requests, &theirs)?;
        agents.push(used.cpu_s / f64::from(requests) * 1e3);
        agent_rates.push(f64::from(requests) / used.wall_s);
    }
    let few = loaded(spanglass, &file, connections, requests / 2, &ours)?;
    let many = loaded(spanglass, &file, connections, requests * 5, &ours)?;
    let mut show = |name: &str, spread, unit, required| {
        bench.measured("P15", &format!("{what}, {connections} connections: {name}"), Measured(spread, unit), required);
    };
    show("CPU per payload", Spread::of(mine.clone()), "ms", Required::Nothing);
    show("CPU per payload, test agent", Spread::of(agents.clone()), "ms", Required::Nothing);
    let least = if id == "w1" { 12.0 } else { 25.0 };
    show("CPU, test agent / ours", Spread::of_ratios(&agents, &mine), "x", Required::AtLeast(least));
    show("payloads per second / test agent", Spread::of_ratios(&rates, &agent_rates), "x", Required::AtLeast(8.0));
    show(
        "peak memory, ten times the payloads",
        Spread::of([many.peak_bytes / few.peak_bytes]),
        "x",
        Required::AtMost(1.1),
    );
    show("peak memory", Spread::of([many.peak_bytes / MIB]), "MiB", Required::Nothing);
    Ok(())
}

//! `record-capture` over real sockets: what is answered, what is in the file afterwards, what happens when things go wrong.

use crate::support::peers::{Language, Peers, peers};
use crate::support::process::{BINARY, Spanglass, spanglass};
use crate::support::{fixture, read, root};
use base64::Engine as _;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const BODY: &str = "payloads/v0.4/xmtpd-write-py.v0.4.bin";
/// Free ports for everything.
const FREE: [&str; 6] = ["--datadog", "0", "--otlp-http", "0", "--otlp-grpc", "0"];

/// A recorder that runs.
pub(crate) struct Recorder {
    pub(crate) process: Child,
    pub(crate) listening: Value,
    /// Kept open: a closed pipe would be noticed.
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Recorder {
    pub(crate) fn start(args: &[&str]) -> Recorder {
        let mut command = Command::new(BINARY);
        command.env_clear().env("LANG", "C.UTF-8").arg("record-capture").args(FREE).args(args);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let listening = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        Recorder { process, listening, _stdout: stdout }
    }

    pub(crate) fn to(path: &Path) -> Recorder {
        Recorder::start(&["--out", path.to_str().unwrap()])
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        u16::try_from(self.listening[name].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port("datadog"))).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// SIGTERM, and what it wrote to stderr.
    pub(crate) fn stop(mut self) -> (i32, String) {
        Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        let mut stderr = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.process.wait().unwrap().code().unwrap_or(-1), stderr)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn message(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut message =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    message.extend_from_slice(body);
    message
}

/// Status and body of the next answer.
fn answer(stream: &mut impl Read) -> std::io::Result<(u16, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, body))
}

fn send(stream: &mut (impl Read + Write), message: &[u8]) -> (u16, Vec<u8>) {
    stream.write_all(message).unwrap();
    answer(stream).unwrap()
}

fn capture() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded.jsonl");
    (folder, path)
}

fn lines(path: &Path, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|line| line["type"] == kind).collect()
}

fn body_of(line: &Value) -> Vec<u8> {
    match line["body_text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64::engine::general_purpose::STANDARD.decode(line["body"].as_str().unwrap()).unwrap(),
    }
}

#[test]
fn requests_are_kept_as_they_were_sent() {
    let (_folder, path) = capture();
    let recorder = Recorder::to(&path);
    let body = fixture_body();
    let mut stream = recorder.connect();
    let headers = "X-B: 1\r\ncontent-TYPE: application/msgpack\r\nX-A: 2\r\nX-B: 3\r\nDD-API-KEY: secret\r\n";
    let (status, rates) = send(&mut stream, &message("/v0.4/traces?q=1", headers, &body));
    assert_eq!((status, rates.as_slice()), (200, &br#"{"rate_by_service":{"service:,env:":1}}"#[..]));
    // Chunked, on the same connection.
    let mut chunked = b"PUT /v0.3/traces HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Case: y\r\n\r\n".to_vec();
    for part in body.chunks(1000) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(send(&mut stream, &chunked), (200, b"OK\n".to_vec()));
    assert_eq!(
        send(&mut stream, &message("/v1/traces", "Content-Type: application/json\r\n", b"{}")),
        (200, b"{}".to_vec())
    );
    assert_eq!(send(&mut stream, b"GET /v0.7/config HTTP/1.1\r\nHost: x\r\n\r\n").0, 404);
    drop(stream);
    let (status, stderr) = recorder.stop();
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("4 requests recorded"), "{stderr}");

    let requests = lines(&path, "request");
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[0]["path"], "/v0.4/traces?q=1");
    let names: Vec<_> =
        requests[0]["headers"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(names, ["Host", "X-B", "content-TYPE", "X-A", "X-B", "Content-Length"]);
    assert_eq!(requests[0]["redacted"], serde_json::json!(["DD-API-KEY"]));
    assert_eq!(requests[1]["headers"][1][0], "X-Case");
    let framings: Vec<_> = requests.iter().map(|line| line["framing"].as_str().unwrap()).collect();
    assert_eq!(framings, ["content-length", "chunked", "content-length", "none"]);
    assert!(body_of(&requests[0]) == body && body_of(&requests[1]) == body);
    assert_eq!(lines(&path, "response").len(), 4);
    assert_eq!(lines(&path, "end")[0]["requests"], 4);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("secret"));
}

#[test]
fn it_stops_when_enough_has_come() {
    let (_folder, path) = capture();
    let mut recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--until", "spans=8", "--timeout", "60s"]);
    let mut stream = recorder.connect();
    send(&mut stream, &message("/v0.4/traces", "", &fixture_body()));
    drop(stream);
    assert_eq!(recorder.process.wait().unwrap().code(), Some(0));
    let ran = spanglass("record-capture --live --until spans=8 --timeout 50ms").args(FREE).run();
    assert_eq!(ran.status, 1, "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_command_is_told_where_to_send_and_its_exit_code_is_ours() {
    let (_folder, path) = capture();
    let script =
        "printf '%s %s %s' $DD_TRACE_AGENT_URL $OTEL_EXPORTER_OTLP_ENDPOINT $OTEL_EXPORTER_OTLP_PROTOCOL; exit 7";
    let ran = Spanglass::new(["record-capture", "--out", path.to_str().unwrap()])
        .args(FREE)
        .args(["--", "/bin/sh", "-c", script])
        .run();
    assert_eq!(ran.status, 7, "{ran:?}");
    let (document, said) = ran.stdout.split_once('\n').unwrap();
    let listening: Value = serde_json::from_str(document).unwrap();
    assert_eq!(
        said,
        format!("http://127.0.0.1:{} http://127.0.0.1:{} http/protobuf", listening["datadog"], listening["otlp_http"])
    );
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_served() {
    let (folder, path) = capture();
    let socket = folder.path().join("apm.socket");
    let recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--uds", socket.to_str().unwrap()]);
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    assert_eq!(send(&mut stream, &message("/v0.5/traces", "", &fixture_body())).0, 200);
    drop(stream);
    recorder.stop();
    assert_eq!(lines(&path, "request")[0]["transport"], "uds");
    assert!(!socket.exists());
}

#[test]
fn answers_of_a_real_agent_go_back() {
    let (_folder, path) = capture();
    let (_behind_folder, behind_path) = capture();
    let behind = Recorder::to(&behind_path);
    let url = format!("http://127.0.0.1:{}", behind.port("datadog"));
    let recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--forward", &url]);
    let mut stream = recorder.connect();
    let body = fixture_body();
    let (status, rates) = send(&mut stream, &message("/v0.4/traces", "", &body));
    assert!(status == 200 && rates.starts_with(b"{\"rate_by_service\""));
    drop(behind);
    let (status, text) = send(&mut stream, &message("/v0.4/traces", "", &body));
    assert!(status == 502 && String::from_utf8_lossy(&text).contains("connect"), "{status}");
    drop(stream);
    let (_, stderr) = recorder.stop();
    assert!(stderr.contains("did not answer"), "{stderr}");
    assert!(body_of(&lines(&behind_path, "request")[0]) == body);
    assert_eq!(lines(&path, "response")[1]["status"], 502);
}

#[test]
fn two_recorders_do_not_share_a_file() {
    let (_folder, path) = capture();
    let _first = Recorder::to(&path);
    let second = Spanglass::new(["record-capture", "--out", path.to_str().unwrap()]).args(FREE).run();
    assert_eq!(second.status, 2, "{second:?}");
    assert!(second.stderr.contains("another recorder"), "{second:?}");
}

#[test]
fn what_was_acknowledged_survives_sigkill() {
    let body = fixture_body();
    let mut total = 0;
    for round in 0..20 {
        let (_folder, path) = capture();
        let mut recorder = Recorder::to(&path);
        let port = recorder.port("datadog");
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let message = message("/v0.4/traces", "", &body);
                std::thread::spawn(move || {
                    let mut acknowledged = 0;
                    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return 0 };
                    while stream.write_all(&message).is_ok()
                        && answer(&mut stream).is_ok_and(|(status, _)| status == 200)
                    {
                        acknowledged += 1;
                    }
                    acknowledged
                })
            })
            .collect();
        // Any moment of the first 150 ms.
        let chance = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), round);
        std::thread::sleep(Duration::from_millis(5 + chance % 145));
        recorder.process.kill().unwrap();
        recorder.process.wait().unwrap();
        let acknowledged: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
        total += acknowledged;
        let ran = spanglass("check-capture --format json").args([&path]).run();
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let decoded = document["records"]["decoded"].as_u64().unwrap() as usize;
        assert!(decoded >= acknowledged, "round {round}: {acknowledged} acknowledged, {decoded} in the file");
        let others = document["findings"].as_array().unwrap().iter().filter(|finding| {
            finding["severity"] == "error"
                || finding["code"].as_str().unwrap().starts_with('C') && finding["code"] != "C001"
        });
        assert_eq!(others.count(), 0, "{}", ran.stdout);
    }
    assert!(total > 100, "only {total} requests in 20 rounds");
}

#[test]
fn clients_that_misbehave_harm_nobody() {
    let (_folder, path) = capture();
    let recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--patience", "300ms", "--max-body", "1MiB"]);
    let body = fixture_body();
    // Stalls in its body, and in its head.
    let mut stalled = recorder.connect();
    stalled.write_all(b"POST /v0.4/traces HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    let mut silent = recorder.connect();
    silent.write_all(b"POST /v0.4").unwrap();
    // Goes away in its body.
    let mut gone = recorder.connect();
    gone.write_all(b"POST /v0.4/traces HTTP/1.1\r\nContent-Length: 9\r\n\r\nabcdef").unwrap();
    drop(gone);
    // Speaks something else.
    let mut tls = recorder.connect();
    tls.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more\r\n\r\n").unwrap();
    let mut garbage = recorder.connect();
    garbage.write_all(&[0xff; 4096]).unwrap();
    // Announces, and sends, too much.
    let mut large = recorder.connect();
    large.write_all(b"POST /v0.4/traces HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").unwrap();
    assert_eq!(answer(&mut large).unwrap().0, 413);
    // Sends endless headers.
    let mut headers = recorder.connect();
    let _ = headers.write_all(b"GET / HTTP/1.1\r\n");
    let _ = (0..30).try_for_each(|_| headers.write_all(&[b'x'; 16 << 10]));
    assert_eq!(send(&mut recorder.connect(), &message("/v0.4/traces", "", &body)).0, 200);
    assert_eq!(answer(&mut stalled).unwrap().0, 408);
    let (status, stderr) = recorder.stop();
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("it speaks TLS"), "{stderr}");
    let requests = lines(&path, "request");
    assert_eq!(requests.iter().filter(|line| line["aborted"] == true).count(), 2, "{requests:?}");
    assert!(requests.iter().any(|line| body_of(line) == body));
}

#[test]
fn a_thousand_connections_and_a_large_body() {
    let (_folder, path) = capture();
    let recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--max-body", "200MiB"]);
    let small = message("/v0.4/traces", "", b"\x90");
    let mut streams: Vec<_> = (0..1000).map(|_| recorder.connect()).collect();
    streams.iter_mut().for_each(|stream| stream.write_all(&small).unwrap());
    assert!(streams.iter_mut().all(|stream| answer(stream).unwrap().0 == 200));
    let large = vec![0x5a; 100 << 20];
    assert_eq!(send(&mut recorder.connect(), &message("/unknown", "", &large)).0, 404);
    drop(streams);
    let (_, stderr) = recorder.stop();
    assert!(stderr.contains("1001 requests recorded"), "{stderr}");
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length > 4 * (100 << 20) / 3, "{length}");
}

#[cfg(unix)]
#[test]
fn a_file_that_vanishes_is_told_to_the_client() {
    let (folder, path) = capture();
    let recorder = Recorder::to(&path);
    let mut stream = recorder.connect();
    assert_eq!(send(&mut stream, &message("/v0.4/traces", "", b"\x90")).0, 200);
    drop(folder);
    let (status, text) = send(&mut stream, &message("/v0.4/traces", "", b"\x90"));
    assert!(status == 503 && String::from_utf8_lossy(&text).contains("removed"), "{status}");
    drop(stream);
    let (status, stderr) = recorder.stop();
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("clients are told 503"), "{stderr}");
}

fn fixture_body() -> Vec<u8> {
    read(&fixture(BODY))
}

#[test]
fn what_was_recorded_is_read_back() {
    let (_folder, path) = capture();
    let recorder = Recorder::to(&path);
    let mut stream = recorder.connect();
    let mut get = |path: &str| -> Value {
        let (status, body) =
            send(&mut stream, format!("GET /test/session/{path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    };
    assert_eq!(get("traces"), Value::Array(vec![]));
    let body = fixture_body();
    assert_eq!(send(&mut recorder.connect(), &message("/v0.4/traces", "", &body)).0, 200);
    let requests = get("requests?test_session_token=none");
    assert_eq!(requests, Value::Array(vec![]));
    let requests = get("requests");
    assert_eq!(requests[0]["url"], "http://x/v0.4/traces");
    assert!(base64::engine::general_purpose::STANDARD.decode(requests[0]["body"].as_str().unwrap()).unwrap() == body);
    let traces = get("traces");
    let spans: Vec<_> = traces.as_array().unwrap().iter().flat_map(|trace| trace.as_array().unwrap()).collect();
    assert_eq!((traces.as_array().unwrap().len(), spans.len()), (3, 20));
    assert!(
        spans.iter().any(|span| span["name"] == "xmtpd.node.publish_payer_envelopes" && span["service"] == "xmtpd"),
        "{traces}"
    );
    get("clear");
    assert_eq!(get("traces"), Value::Array(vec![]));
    recorder.stop();
    assert_eq!(lines(&path, "request").len(), 1);
}

/// A file system of 64 KiB, when this user may mount one.
#[cfg(target_os = "linux")]
struct Small(TempDir);

#[cfg(target_os = "linux")]
impl Small {
    fn mount() -> Option<Small> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Small(folder));
        }
        let _ = writeln!(std::io::stderr(), "skipped: a small tmpfs cannot be mounted here");
        None
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_to_the_client_and_loses_nothing() {
    let Some(small) = Small::mount() else { return };
    let path = small.0.path().join("recorded.jsonl");
    let recorder = Recorder::to(&path);
    let mut stream = recorder.connect();
    let body = fixture_body();
    let mut acknowledged = 0;
    loop {
        match send(&mut stream, &message("/v0.4/traces", "", &body)).0 {
            200 => acknowledged += 1,
            status => {
                assert_eq!(status, 503);
                break;
            }
        }
    }
    drop(stream);
    let (_, stderr) = recorder.stop();
    assert!(stderr.contains("clients are told 503"), "{stderr}");
    assert!(acknowledged > 0);
    assert_eq!(lines(&path, "request").len(), acknowledged);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "node is found where the tester has it")]
fn real_clients_are_recorded() {
    let needed = [
        (Language::Python, "ddtrace"),
        (Language::Python, "opentelemetry/exporter"),
        (Language::Node, "dd-trace"),
        (Language::Node, "@opentelemetry/exporter-trace-otlp-http"),
        (Language::Python, "ddapm_test_agent"),
    ];
    let Some(peers) = peers(&needed) else { return };
    let agent = TestAgent::start(&peers);
    for (client, variable, value, path, framing) in [
        ("dd-trace", "DD_TRACE_STARTUP_LOGS", "false", "/v0.4/traces", "content-length"),
        ("otlp-json", "OTEL_EXPORTER_OTLP_COMPRESSION", "none", "/v1/traces", "chunked"),
        ("ddtrace", "DD_TRACE_API_VERSION", "v0.4", "/v0.4/traces", "content-length"),
        ("ddtrace", "DD_TRACE_API_VERSION", "v0.5", "/v0.5/traces", "content-length"),
        ("otlp-http", "OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "/v1/traces", "content-length"),
        (
            "otlp-grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "h2",
        ),
    ] {
        let (_folder, recorded) = capture();
        let node = ["dd-trace", "otlp-json"].contains(&client);
        let script = root().join("tests/peers").join(if node { "client.js" } else { "client.py" });
        let program = if node { PathBuf::from("node") } else { peers.python() };
        let ran = Spanglass::new(["record-capture", "--out", recorded.to_str().unwrap()])
            .args(FREE)
            .args([Path::new("--"), &program, &script, Path::new(client)])
            .env("PATH", &std::env::var("PATH").unwrap())
            .env("NODE_PATH", peers.node_modules().to_str().unwrap())
            .env(variable, value)
            .run();
        assert_eq!(ran.status, 0, "{client} {value}: {ran:?}");
        let requests = lines(&recorded, "request");
        let of_traces: Vec<_> = requests.iter().filter(|line| line["path"] == path).collect();
        assert!(
            !of_traces.is_empty() && of_traces.iter().all(|line| line["framing"] == framing),
            "{client}: {requests:?}"
        );
        let decoded = spanglass("replay-capture --decoded jsonl").args([&recorded]).run();
        let spans = decoded.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut spans: Vec<_> = spans.collect();
        spans.sort_by_key(|span| span["name"].to_string());
        assert_eq!(spans.len(), 2, "{client} {value}: {decoded:?}");
        assert!(spans[0]["name"] == "inner" && spans[1]["name"] == "outer", "{spans:?}");
        assert_eq!(spans[0]["parent_id"], spans[1]["span_id"], "{client} {value}");
        assert_eq!(replayed_into(&agent, &recorded, path), sent(&spans), "{client} {value}");
    }
}

/// What makes spans the same, wherever they are read.
fn sent(spans: &[Value]) -> Vec<String> {
    let members = ["span_id", "parent_id", "service", "name", "resource", "start_ns", "duration_ns", "error"];
    let one = |span: &Value| {
        let low = span["trace_id"].as_str().unwrap()[16..].to_owned();
        members.iter().fold(low, |text, member| format!("{text} {}", span[member]))
    };
    let mut all: Vec<String> = spans.iter().map(one).collect();
    all.sort();
    all
}

/// Replays the requests to `path` into the test agent, and reads back what it got.
fn replayed_into(agent: &TestAgent, recorded: &Path, path: &str) -> Vec<String> {
    let [datadog, otlp, grpc] = agent.ports;
    let (target, read_from) = match path {
        "/v1/traces" => (format!("http://127.0.0.1:{otlp}"), otlp),
        path if path.starts_with("/v0") => (format!("http://127.0.0.1:{datadog}"), datadog),
        _ => (format!("grpc://127.0.0.1:{grpc}"), otlp),
    };
    let ask = |what: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", read_from)).unwrap();
        send(&mut stream, format!("GET /test/session/{what} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    };
    assert_eq!(ask("clear").0, 200);
    let ran = spanglass("replay-capture --speed max --json --to").args([&target]).args([recorded]).run();
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(ran.status, 0, "{path}: {ran:?}");
    adds_up(&document);
    let (status, body) = ask("traces");
    assert_eq!(status, 200);
    let decoded = spanglass("replay-capture --decoded jsonl -").with_input(&body);
    let spans: Vec<Value> = decoded.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    sent(&spans)
}

/// ddapm-test-agent, while it is wanted.
pub(crate) struct TestAgent {
    process: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// Of Datadog's protocols, OTLP over HTTP, OTLP over gRPC.
    pub(crate) ports: [u16; 3],
}

impl TestAgent {
    pub(crate) fn start(peers: &Peers) -> TestAgent {
        let mut command = Command::new(peers.python());
        command.arg(root().join("tests/peers/session.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().unwrap()).collect();
        TestAgent { process, stdout, ports: ports.try_into().unwrap() }
    }

    /// Ends it; what it got, as it gives it out.
    pub(crate) fn traces(mut self) -> String {
        let text = self.end();
        assert!(self.process.wait().unwrap().success());
        text
    }

    fn end(&mut self) -> String {
        drop(self.process.stdin.take());
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        self.end();
        let _ = self.process.wait();
    }
}

/// What a tracer sent, sent again to the test agent, is there as it was.
#[test]
fn a_recording_is_replayed_into_the_test_agent() {
    let needed = [(Language::Python, "ddtrace"), (Language::Python, "ddapm_test_agent")];
    let Some(peers) = peers(&needed) else { return };
    let (_folder, recorded) = capture();
    let script = |name: &str| root().join("tests/peers").join(name);
    let ran = Spanglass::new(["record-capture", "--out", recorded.to_str().unwrap()])
        .args(FREE)
        .args([Path::new("--"), &peers.python(), &script("client.py"), Path::new("ddtrace")])
        .run();
    assert_eq!(ran.status, 0, "{ran:?}");
    let agent = TestAgent::start(&peers);
    let (status, document, stderr) = replay(&recorded, agent.ports[0], "--speed max");
    assert_eq!(status, 0, "{stderr}");
    adds_up(&document);
    let text = agent.traces();
    let traces: Value = serde_json::from_str(&text).unwrap();
    let spans = traces.as_array().unwrap().iter().flat_map(|trace| trace.as_array().unwrap());
    let mut received: Vec<(String, String)> = spans
        .map(|span| (format!("{:016x}", span["span_id"].as_u64().unwrap()), span["name"].as_str().unwrap().to_owned()))
        .collect();
    let decoded = spanglass("replay-capture --decoded jsonl").args([&recorded]).run();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut sent: Vec<(String, String)> = decoded
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|span| (text(&span["span_id"]), text(&span["name"])))
        .collect();
    received.sort();
    sent.sort();
    assert_eq!(received, sent);
    assert_eq!(sent.len(), 2);
}

// ---- replay-capture --to ------------------------------------------------------------------------------------

/// Runs `replay-capture --to` a recorder (or any port) and gives back its JSON document.
fn replay(from: &Path, port: u16, args: &str) -> (i32, Value, String) {
    let to = format!("http://127.0.0.1:{port}");
    let line = format!("replay-capture --format json --to {to} {args}");
    let ran = spanglass(&line).args([from]).run();
    let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran.status, document, ran.stderr)
}

fn adds_up(document: &Value) {
    let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap();
    let sent = number("/sent/requests") + number("/sent/failed");
    assert_eq!(number("/records/read"), sent + number("/records/skipped"), "{document}");
    assert_eq!(number("/sent/requests"), number("/sent/accepted") + number("/sent/rejected"), "{document}");
}

#[test]
fn what_is_replayed_is_recorded_again_byte_for_byte() {
    let (_folder, path) = capture();
    let capture_file = fixture("captures/capture.jsonl");
    let recorder = Recorder::to(&path);
    let (status, document, stderr) = replay(&capture_file, recorder.port("datadog"), "--speed max");
    recorder.stop();
    adds_up(&document);
    let sent: Vec<Value> = lines(&path, "request");
    assert!(status == 0 && !sent.is_empty(), "{status} {document} {stderr}");
    assert_eq!(document["sent"]["accepted"], sent.len(), "{document}");
    // And once more: the same bodies in the same order, the same headers.
    let (_folder, again) = capture();
    let recorder = Recorder::to(&again);
    let (status, document, _) = replay(&path, recorder.port("datadog"), "--speed max --loop 2");
    recorder.stop();
    adds_up(&document);
    assert_eq!(status, 0, "{document}");
    let twice = lines(&again, "request");
    assert_eq!(twice.len(), 2 * sent.len());
    for (first, second) in sent.iter().chain(&sent).zip(&twice) {
        for member in ["method", "path", "body", "body_text", "body_len", "body_crc"] {
            assert_eq!(first[member], second[member]);
        }
        let own = |line: &Value| {
            let pairs = line["headers"].as_array().unwrap().iter();
            let pairs = pairs.filter(|pair| {
                !["host", "content-length"].contains(&pair[0].as_str().unwrap().to_lowercase().as_str())
            });
            pairs.map(|pair| format!("{}: {}", pair[0].as_str().unwrap().to_lowercase(), pair[1])).collect::<Vec<_>>()
        };
        assert_eq!(own(first), own(second));
    }
}

/// Answers the connections that come with these statuses, one request each, and closes.
fn target(answers: &'static [&'static str]) -> (u16, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        for text in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut part = [0; 4096];
            // The body of the tests is one byte behind the head.
            while !seen.ends_with(b"\r\n\r\n\x90") {
                let length = stream.read(&mut part).unwrap();
                if length == 0 {
                    break;
                }
                seen.extend_from_slice(&part[..length]);
            }
            let _ = stream
                .write_all(format!("HTTP/1.1 {text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    (port, serving)
}

fn small_capture(requests: usize) -> (TempDir, PathBuf) {
    let (folder, path) = capture();
    let line = r#"{"type":"request","method":"POST","path":"/v0.4/traces","headers":[],"body":"kA=="}"#;
    std::fs::write(&path, format!("{line}\n").repeat(requests)).unwrap();
    (folder, path)
}

#[test]
fn what_is_not_taken_is_sent_again_or_counted() {
    let (_folder, path) = small_capture(1);
    let (port, serving) = target(&["429 Busy\r\nRetry-After: 0", "503 Busy\r\nRetry-After: 0", "200 OK"]);
    let (status, document, stderr) = replay(&path, port, "--speed max");
    serving.join().unwrap();
    adds_up(&document);
    assert_eq!((status, &document["sent"]["retried"]), (0, &Value::from(2)), "{document} {stderr}");
    assert_eq!(document["responses"], serde_json::json!({"200": 1}));

    let (port, serving) = target(&["400 Bad"]);
    let (status, document, stderr) = replay(&path, port, "--speed max");
    serving.join().unwrap();
    adds_up(&document);
    assert_eq!((status, &document["sent"]["rejected"]), (3, &Value::from(1)), "{document}");
    assert!(stderr.contains("was answered with 400"), "{stderr}");

    // Nobody listens there any more.
    let (status, document, stderr) = replay(&path, port, "--speed max --retries 1");
    adds_up(&document);
    assert_eq!((status, &document["sent"]["failed"]), (3, &Value::from(1)), "{document}");
    assert!(stderr.contains("connect"), "{stderr}");

    let (status, document, _) = replay(&path, port, "--dry-run");
    assert_eq!((status, &document["sent"]["accepted"]), (0, &Value::from(1)), "{document}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_replay_goes_on_where_it_ended() {
    let (_folder, path) = small_capture(5);
    let (_target_folder, recorded) = capture();
    let recorder = Recorder::to(&recorded);
    let to = format!("http://127.0.0.1:{}", recorder.port("datadog"));
    let from = path.to_str().unwrap();
    // The second request would be due in a hundred seconds.
    let mut command = Command::new(BINARY);
    command.env_clear().args(["replay-capture", "--json", "--rate", "0.01", "--to", &to, from]);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while lines_so_far(&recorded) < 1 {
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    let ended = process.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
    adds_up(&document);
    assert_eq!((ended.status.code(), &document["sent"]["accepted"]), (Some(130), &Value::from(1)), "{document}");
    let (status, document, stderr) = replay(&path, recorder.port("datadog"), "--speed max --resume");
    adds_up(&document);
    assert_eq!((status, &document["sent"]["accepted"]), (0, &Value::from(4)), "{document} {stderr}");
    recorder.stop();
    assert_eq!(lines(&recorded, "request").len(), 5);
    let (status, ..) =
        (spanglass("replay-capture --speed max --resume --to http://127.0.0.1:1").args([&path]).run().status,);
    assert_eq!(status, 2);
}

#[cfg(unix)]
fn lines_so_far(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().matches(r#""type":"request""#).count()
}

/// Spans as new ones, and in another protocol.
#[test]
fn what_is_replayed_can_be_new() {
    let (_folder, path) = capture();
    let recorder = Recorder::to(&path);
    let source = fixture(BODY);
    let rows = |path: &Path| {
        let ran = spanglass("replay-capture --decoded jsonl").args([path]).run();
        let lines = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let flags = "--speed max --ids new --seed 5 --time now --set env=load --redact db.* --protocol v0.5";
    let (status, document, stderr) = replay(&source, recorder.port("datadog"), flags);
    assert_eq!(status, 0, "{stderr}");
    adds_up(&document);
    assert_eq!(recorder.stop().0, 0);
    assert!(lines(&path, "request").iter().all(|line| line["path"] == "/v0.5/traces"));
    let (old, new) = (rows(&source), rows(&path));
    assert_eq!(old.len(), new.len());
    let number = |span: &Value| span["start_ns"].as_i64().unwrap();
    let shift = number(&new[0]) - number(&old[0]);
    assert!(shift > 0);
    let ids: std::collections::HashMap<String, String> = old
        .iter()
        .zip(&new)
        .map(|(old, new)| (old["span_id"].as_str().unwrap().to_owned(), new["span_id"].as_str().unwrap().to_owned()))
        .collect();
    for (old, new) in old.iter().zip(&new) {
        assert_ne!(old["span_id"], new["span_id"]);
        assert_ne!(old["trace_id"], new["trace_id"]);
        assert_eq!((&old["name"], &old["duration_ns"]), (&new["name"], &new["duration_ns"]));
        assert_eq!(number(new) - number(old), shift);
        assert_eq!(old["parent_id"].as_str().and_then(|id| ids.get(id)).map(String::as_str), new["parent_id"].as_str());
        assert_eq!(new["meta"]["env"], "load");
        let hidden = new["meta"].as_object().unwrap().iter().filter(|(key, _)| key.starts_with("db."));
        assert!(hidden.into_iter().all(|(_, value)| value == "***"), "{new}");
    }
}

// ---- packet captures ----------------------------------------------------------------------------------------------

/// What a real tracer sends is taken off the wire beside the recorder, and must be the same.
#[test]
fn a_packet_capture_holds_what_was_received() {
    let Some(peers) = peers(&[(Language::Python, "ddtrace")]) else { return };
    let (folder, recorded) = capture();
    let recorder = Recorder::to(&recorded);
    let port = recorder.port("datadog").to_string();
    let packets = folder.path().join("packets.pcap");
    let mut command = Command::new("tcpdump");
    command.args(["-i", "lo", "-s", "0", "-U", "--immediate-mode", "-w"]).arg(&packets);
    command.args(["tcp", "port", &port]).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut tcpdump) = command.spawn() else {
        let _ = writeln!(std::io::stderr(), "skipped: tcpdump not found");
        return;
    };
    let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        if said.read_line(&mut line).unwrap() == 0 {
            // It ends at once where it may not open the interface.
            let _ = writeln!(std::io::stderr(), "skipped: tcpdump may not capture here");
            return;
        }
    }
    let ran = Command::new(peers.python())
        .args([&root().join("tests/peers/client.py"), Path::new("ddtrace")])
        .env("DD_TRACE_AGENT_URL", format!("http://127.0.0.1:{port}"))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(recorder.stop().0, 0);
    let received: Vec<Vec<u8>> = sorted(lines(&recorded, "request").iter().map(body_of));
    assert!(received.iter().any(|body| !body.is_empty()));

    let made = folder.path().join("made.jsonl");
    let bodies = || {
        let ran = Spanglass::new(["convert-capture", packets.to_str().unwrap(), "--to", "capture", "--port", &port])
            .args([Path::new("--out"), &made])
            .run();
        if ran.status == 0 { sorted(lines(&made, "request").iter().map(body_of)) } else { Vec::new() }
    };
    // The last packets may still be on their way to the file.
    let mut found = bodies();
    for _ in 0..100 {
        if found.len() == received.len() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        found = bodies();
    }
    let _ = Command::new("kill").arg(tcpdump.id().to_string()).status();
    let _ = tcpdump.wait();
    assert!(found == received, "{} bodies in the packets, {} were received", found.len(), received.len());
}

fn sorted(bodies: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut bodies: Vec<_> = bodies.collect();
    bodies.sort();
    bodies
}

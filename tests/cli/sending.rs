//! `send-test-span` over real sockets: what arrives, what is told when it does not, and at which stage.

use crate::recording::{Recorder, TestAgent};
use crate::scenarios;
use crate::support::peers::{Language, peers};
use crate::support::process::{BINARY, Ran, Spanglass, spanglass};
use crate::support::{fixture, read, root};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use spanglass::synth::documented;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Sends with these arguments, and reads the document.
fn delivered(args: &str, more: &[&str]) -> (Ran, Value) {
    let ran = spanglass(&format!("send-test-span --json {args}")).args(more).run();
    let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (ran, document)
}

/// The stages by name and whether they went well.
fn stages(document: &Value) -> Vec<(String, bool)> {
    let stage = |stage: &Value| (stage["name"].as_str().unwrap().to_owned(), stage["ok"].as_bool().unwrap());
    document["stages"].as_array().unwrap().iter().map(stage).collect()
}

fn folder_capture() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded.jsonl");
    (folder, path)
}

#[test]
fn a_span_arrives_at_a_recorder_in_every_protocol() {
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let [datadog, otlp, grpc] = ["datadog", "otlp_http", "otlp_grpc"].map(|name| recorder.port(name));
    let fields = "--service shop --name get --resource GET --type web --kind server --tag a=b --metric n=1.5 --error broken \
                  --duration 3ms --children 2 --origin lab --priority 2";
    for (protocol, url) in [
        ("auto", format!("http://127.0.0.1:{datadog}")),
        ("v0.3", format!("http://127.0.0.1:{datadog}")),
        ("v0.4", format!("http://localhost:{datadog}")),
        ("v0.5", format!("http://127.0.0.1:{datadog}")),
        ("v0.7", format!("http://127.0.0.1:{datadog}")),
        ("v1.0", format!("http://127.0.0.1:{datadog}")),
        ("otlp-http", format!("http://127.0.0.1:{otlp}")),
        ("auto", format!("http://127.0.0.1:{otlp}/v1/traces")),
        ("otlp-json", format!("http://127.0.0.1:{otlp}")),
    ] {
        let (ran, document) = delivered(fields, &["--protocol", protocol, "--to", &url, "--verify"]);
        assert_eq!(ran.status, 0, "{protocol}: {ran:?}");
        assert_eq!(document["schema"], "spanglass.delivery/1");
        assert_eq!(document["verify"]["status"], "equal", "{protocol}: {ran:?}");
        assert!(document["accepted"] == 3 && document["sent"]["spans"] == 3, "{protocol}: {document}");
        assert_eq!(document["trace_ids"].as_array().unwrap().len(), 1);
    }
    let verify = format!("--verify=http://127.0.0.1:{datadog}");
    let (ran, document) = delivered(fields, &["--to", &format!("grpc://127.0.0.1:{grpc}"), &verify]);
    assert!(ran.status == 0 && document["verify"]["status"] == "equal", "{ran:?}");
    assert_eq!(document["target"]["protocol"], "otlp-grpc");
    // What is in the file is what was asked for.
    let decoded = spanglass("replay-capture --decoded jsonl --query operation_name:get").args([&path]).run();
    let spans: Vec<Value> = decoded.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(spans.len(), 10);
    for span in spans {
        assert!(span["service"] == "shop" && span["error"] == 1 && span["duration_ns"] == 3_000_000, "{span}");
        assert!(span["meta"]["a"] == "b" && span["metrics"]["n"] == 1.5 && span["kind"] == "server", "{span}");
    }
}

#[cfg(unix)]
#[test]
fn a_span_arrives_over_a_unix_socket() {
    let (folder, path) = folder_capture();
    let socket = folder.path().join("apm.socket");
    let _recorder = Recorder::start(&["--out", path.to_str().unwrap(), "--uds", socket.to_str().unwrap()]);
    let (ran, document) = delivered("--verify", &["--to", &format!("unix://{}", socket.display())]);
    assert!(ran.status == 0 && document["verify"]["status"] == "equal", "{ran:?}");
}

#[test]
fn what_is_continued_and_linked_is_what_was_given() {
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let url = format!("http://127.0.0.1:{}", recorder.port("datadog"));
    let parent = "00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01";
    for (parent, trace, span) in [
        (parent, "640cfd8d00000000abcdefab12345678", Some("000000003ade68b1")),
        (
            "b3: 640cfd8d00000000abcdefab12345678-000000003ade68b1-1",
            "640cfd8d00000000abcdefab12345678",
            Some("000000003ade68b1"),
        ),
        ("640cfd8d00000000abcdefab12345678", "640cfd8d00000000abcdefab12345678", None),
        ("12379814468735227512", "0000000000000000abcdefab12345678", None),
    ] {
        let (ran, document) = delivered("--verify", &["--to", &url, "--parent", parent, "--link", "b3: 1-2-1"]);
        assert_eq!((ran.status, document["trace_ids"][0].as_str()), (0, Some(trace)), "{parent}: {ran:?}");
        let decoded = spanglass("replay-capture --decoded jsonl").args([&path]).run();
        let last: Value = serde_json::from_str(decoded.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(last["parent_id"].as_str(), span, "{parent}");
        assert_eq!(last["links"][0]["span_id"], "0000000000000002", "{last}");
    }
    let ran = spanglass("send-test-span --print-headers").args(["--to", &url, "--parent", parent]).run();
    assert!(ran.stdout.contains("traceparent: 00-640cfd8d00000000abcdefab12345678-"), "{ran:?}");
    assert!(ran.stdout.contains("x-datadog-trace-id: 12379814468735227512"), "{ran:?}");
    let refused = spanglass("send-test-span --parent nonsense!").args(["--to", &url]).run();
    assert!(refused.status == 2 && refused.stderr.contains("no header of a trace"), "{refused:?}");
}

#[test]
fn the_target_is_that_of_the_tracer() {
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let [datadog, otlp, grpc] = ["datadog", "otlp_http", "otlp_grpc"].map(|name| recorder.port(name));
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    for (variables, source, protocol) in [
        (vec![("DD_TRACE_AGENT_URL", url(datadog))], "DD_TRACE_AGENT_URL", "v0.4"),
        (
            vec![("DD_AGENT_HOST", "127.0.0.1".to_owned()), ("DD_TRACE_AGENT_PORT", datadog.to_string())],
            "DD_AGENT_HOST",
            "v0.4",
        ),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url(otlp))], "OTEL_EXPORTER_OTLP_ENDPOINT", "otlp-http"),
        (
            vec![("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url(otlp) + "/v1/traces")],
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "otlp-http",
        ),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url(grpc)), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned())],
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "otlp-grpc",
        ),
    ] {
        let mut run = spanglass("send-test-span --json");
        for (name, value) in &variables {
            run = run.env(name, value);
        }
        let ran = run.run();
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(ran.status, 0, "{ran:?}");
        let told = document["target"]["source"].as_str().unwrap();
        assert!(told.contains(source), "{told}");
        assert_eq!(document["target"]["protocol"], protocol, "{variables:?}");
    }
    let wrong = spanglass("send-test-span").env("DD_TRACE_AGENT_URL", "http//agent:8126").run();
    assert!(wrong.status == 2 && wrong.stderr.contains("DD_TRACE_AGENT_URL"), "{wrong:?}");
}

/// Every scenario in the protocol of its system through a recorder, drawn as its document expects.
#[test]
fn scenarios_are_recorded_as_they_are_documented() {
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let [datadog, otlp] = ["datadog", "otlp_http"].map(|name| format!("http://127.0.0.1:{}", recorder.port(name)));
    let base = ["--canonical-ids", "--start", "2026-01-01T00:00:00Z"];
    for scenario in documented().unwrap() {
        let (url, protocol) = if scenario.is_otlp() { (&otlp, "otlp-http") } else { (&datadog, "v0.4") };
        let args = ["--scenario", &scenario.id, "--to", url, "--protocol", protocol];
        let (ran, document) = delivered("", &[&args[..], &base].concat());
        assert!(ran.status == 0 && ran.stderr.is_empty(), "{}: {ran:?}", scenario.id);
        assert_eq!(document["sent"]["spans"], scenario.spans().count(), "{}", scenario.id);
    }
    let (status, stderr) = recorder.stop();
    assert_eq!(status, 0, "{stderr}");
    let folder = tempfile::tempdir().unwrap();
    let faults = scenarios::faults_of_trees(&scenarios::cases(folder.path()), Some(&path));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The copy in the program is that of the documents, without what they expect of it.
#[test]
fn the_programs_scenarios_are_the_documented_ones() {
    let mut documents: Vec<Value> = serde_json::from_slice(&read(&fixture("scenarios.json"))).unwrap();
    let own: Vec<Value> = serde_json::from_slice(&read(&root().join("src/synth/scenarios.json"))).unwrap();
    for document in &mut documents {
        for member in ["artifacts", "expect", "source", "system", "variant"] {
            document.as_object_mut().unwrap().remove(member);
        }
    }
    assert_eq!(own, documents);
    let listed = spanglass("send-test-span --list-scenarios").run();
    assert_eq!(listed.stdout.lines().count(), 44);
}

#[test]
fn every_scenario_is_read_back_from_the_test_agent_in_every_protocol() {
    let Some(peers) = peers(&[(Language::Python, "ddapm_test_agent")]) else { return };
    let agent = TestAgent::start(&peers);
    let [datadog, otlp, grpc] = agent.ports.map(|port| format!("127.0.0.1:{port}"));
    let verify = format!("--verify=http://{otlp}");
    for (protocol, url, verify) in [
        ("v0.4", format!("http://{datadog}"), "--verify"),
        ("v0.5", format!("http://{datadog}"), "--verify"),
        ("v0.7", format!("http://{datadog}"), "--verify"),
        ("v1.0", format!("http://{datadog}"), "--verify"),
        ("otlp-http", format!("http://{otlp}"), "--verify"),
        ("otlp-json", format!("http://{otlp}"), "--verify"),
        ("otlp-grpc", format!("grpc://{grpc}"), &verify),
    ] {
        let (ran, document) = delivered("--scenario all", &["--protocol", protocol, "--to", &url, verify]);
        assert_eq!(ran.status, 0, "{protocol}: {}", ran.stderr);
        assert_eq!(document["verify"]["status"], "equal", "{protocol}: {}", document["verify"]);
        assert!(document["accepted"] == 267 && document["sent"]["spans"] == 267, "{protocol}: {document}");
    }
}

#[test]
fn grpc_is_received_by_the_stubs_of_opentelemetry() {
    let Some(peers) = peers(&[(Language::Python, "grpc"), (Language::Python, "opentelemetry/proto")]) else { return };
    let mut server = Command::new(peers.python());
    server.arg(root().join("tests/peers/grpc_server.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = format!("grpc://127.0.0.1:{}", line.trim());
    let mut next = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        serde_json::from_str::<Vec<[String; 3]>>(&line).unwrap()
    };
    let (ran, document) = delivered("--children 2", &["--to", &url]);
    assert!(ran.status == 0 && document["accepted"] == 3, "{ran:?}");
    let spans = next();
    assert!(spans.len() == 3 && spans.iter().all(|span| span[0] == document["trace_ids"][0].as_str().unwrap()));
    let (ran, document) = delivered("--name half --children 1", &["--to", &url]);
    assert_eq!((ran.status, &document["accepted"]), (3, &Value::from(1)), "{ran:?}");
    assert_eq!(document["rejected"], serde_json::json!([{"reason": "one too many", "count": 1}]));
    next();
    let (ran, document) = delivered("--name refuse", &["--to", &url]);
    assert!(ran.status == 3 && ran.stderr.contains("come back later"), "{ran:?}");
    assert!(stages(&document).last().is_some_and(|(name, ok)| name == "response" && !ok), "{document}");
    next();
    // A recording of gRPC goes to gRPC, byte for byte; what came another way when it is written anew.
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let (ran, _) = delivered("--name kept", &["--to", &format!("grpc://127.0.0.1:{}", recorder.port("otlp_grpc"))]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let (ran, _) = delivered("--name other", &["--to", &format!("http://127.0.0.1:{}", recorder.port("datadog"))]);
    assert_eq!(ran.status, 0, "{ran:?}");
    recorder.stop();
    let replayed = spanglass("replay-capture --json --speed max").args(["--to", &url]).args([&path]).run();
    let document: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert_eq!(
        (replayed.status, &document["sent"]["accepted"], &document["records"]["skipped"]),
        (0, &1.into(), &2.into()),
        "{replayed:?}"
    );
    assert!(replayed.stderr.contains("--protocol otlp-grpc"), "{replayed:?}");
    assert_eq!(next()[0][2], "kept");
    let replayed =
        spanglass("replay-capture --json --speed max --protocol otlp-grpc").args(["--to", &url]).args([&path]).run();
    assert_eq!(replayed.status, 0, "{replayed:?}");
    assert_eq!([next()[0][2].clone(), next()[0][2].clone()], ["kept", "send-test-span"]);
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// A server that says `answer` to everything, once a request is complete or at once, and keeps the connection.
fn server(answer: &'static [u8]) -> u16 {
    server_that(move |stream| {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while !bytes.windows(4).any(|end| end == b"\r\n\r\n")
            && !bytes.starts_with(b"PRI")
            && bytes.first() != Some(&0x16)
        {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            }
        }
        let _ = stream.write_all(answer);
        let _ = stream.read(&mut buffer);
    })
}

fn server_that(serve: impl Fn(&mut TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            serve(&mut stream);
        }
    });
    port
}

/// Every cause of a failure has a stage, a text of its own and the exit code 3.
#[test]
fn failures_name_their_stage_and_cause() {
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let [datadog, grpc] = ["datadog", "otlp_grpc"].map(|name| recorder.port(name));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let status = |line: &'static str| server(line.as_bytes());
    let cases: Vec<(String, &str, &str, &str)> = vec![
        (format!("http://127.0.0.1:{free}"), "", "connect", "nothing listens on port"),
        ("http://no-such-host.invalid:8126".to_owned(), "", "resolve", "check the spelling"),
        ("http://agent:8126".to_owned(), "", "resolve", "names without a dot"),
        (format!("https://127.0.0.1:{datadog}"), "", "tls", "answers in plain text"),
        (format!("http://127.0.0.1:{grpc}"), "", "response", "write grpc://"),
        (format!("grpc://127.0.0.1:{datadog}"), "", "response", "not gRPC: write http://"),
        (
            format!("http://127.0.0.1:{}", status("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")),
            "--protocol v0.4",
            "response",
            "no Datadog agent behind this address",
        ),
        (
            format!(
                "http://127.0.0.1:{}/v1/traces/v1/traces",
                status("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            ),
            "",
            "response",
            "the path is doubled",
        ),
        (
            format!("http://127.0.0.1:{}/v1/traces", status("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")),
            "",
            "response",
            "no OTLP receiver on this port",
        ),
        (
            format!("http://127.0.0.1:{}", status("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")),
            "--protocol v0.4",
            "response",
            "larger than it takes",
        ),
        (
            format!("http://127.0.0.1:{}", status("HTTP/1.1 415 Unsupported\r\nContent-Length: 0\r\n\r\n")),
            "--protocol v0.4",
            "response",
            "does not take this content type",
        ),
        (
            format!("http://127.0.0.1:{}", status("HTTP/1.1 429 Slow\r\nContent-Length: 5\r\n\r\nslow!")),
            "--protocol v0.4",
            "response",
            "overloaded",
        ),
        (
            format!(
                "http://127.0.0.1:{}",
                status("HTTP/1.1 307 Moved\r\nLocation: http://other:1/\r\nContent-Length: 0\r\n\r\n")
            ),
            "--protocol v0.4",
            "response",
            "use http://other:1/",
        ),
        (
            format!(
                "http://127.0.0.1:{}",
                status("HTTP/1.1 400 Bad\r\nContent-Length: 36\r\n\r\nClient sent an HTTP to HTTPS server.")
            ),
            "--protocol v0.4",
            "response",
            "write https://",
        ),
        (
            format!("http://127.0.0.1:{}", status("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n")),
            "--protocol v0.4",
            "response",
            "on the other side",
        ),
        (
            format!("http://127.0.0.1:{}", server(b"\x15\x03\x03\0\x02\x02\x46")),
            "--protocol v0.4",
            "response",
            "write https://",
        ),
        (
            format!("http://127.0.0.1:{}", server(b"SSH-2.0-OpenSSH_9.2\r\n")),
            "--protocol v0.4",
            "response",
            "no protocol of traces",
        ),
        (format!("https://127.0.0.1:{}", server(b"")), "--timeout 300ms", "tls", "nothing agreed on within"),
        (
            format!(
                "http://127.0.0.1:{}",
                status("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
            ),
            "--check",
            "response",
            "not a Datadog agent",
        ),
    ];
    for (url, args, stage, words) in cases {
        let (ran, document) = delivered(args, &["--to", &url]);
        assert_eq!(ran.status, 3, "{url} {args}: {ran:?}");
        assert!(ran.stderr.contains(words), "{url} {args}: {ran:?}");
        let last = stages(&document).into_iter().rfind(|(_, ok)| !ok).map(|(name, _)| name);
        // A server that speaks first may be heard before the request is out.
        let stage_too = if stage == "response" { "request" } else { stage };
        assert!(last.as_deref().is_some_and(|last| last == stage || last == stage_too), "{url} {args}: {document}");
        let open = spanglass(&format!("send-test-span --fail-open {args}")).args(["--to", &url]).run();
        assert!(open.status == 0 && open.stderr.contains(words), "{url}: {open:?}");
    }
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        let nobody = folder.path().join("left.socket");
        drop(std::os::unix::net::UnixListener::bind(&nobody).unwrap());
        for (path, words) in [(folder.path().join("none"), "no socket there"), (nobody, "nobody listens on it")] {
            let (ran, _) = delivered("", &["--to", &format!("unix://{}", path.display())]);
            assert!(ran.status == 3 && ran.stderr.contains(words), "{ran:?}");
        }
    }
}

/// Servers that answer slowly, half, with garbage or without end harm nobody.
#[test]
fn servers_that_misbehave_harm_nobody() {
    let slow = server_that(|stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".iter().chain([b'x'; 1000].iter()) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let endless = server_that(|stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n");
        for _ in 0..1600 {
            if stream.write_all(&[b'x'; 65_536]).is_err() {
                return;
            }
        }
    });
    let many_1xx = server(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    );
    let half = server_that(|stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    });
    let garbage = server(b"\xff\xfe\x00garbage");
    for (port, words) in [
        (slow, "no answer within 500ms"),
        (endless, "was not read to its end"),
        (half, "the answer ends early"),
        (garbage, "no protocol of traces"),
    ] {
        let url = format!("http://127.0.0.1:{port}");
        let (ran, document) = delivered("--protocol v0.4 --timeout 500ms", &["--to", &url]);
        let timed_out = ran.stderr.contains("no answer within");
        assert!(ran.status == 3 && (ran.stderr.contains(words) || timed_out), "{words}: {ran:?}");
        assert_eq!(document["accepted"], 0);
        // An answer that never ends is read to a limit, not into memory.
        let verified = spanglass(&format!(
            "send-test-span --protocol v0.4 --timeout 500ms --verify=http://127.0.0.1:{port} --to {url}"
        ))
        .run();
        assert_eq!(verified.status, 3, "{verified:?}");
    }
    let (ran, _) = delivered("--protocol v0.4", &["--to", &format!("http://127.0.0.1:{many_1xx}")]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

/// An agent that starts later is waited for.
#[test]
fn a_target_that_starts_later_is_waited_for() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut waiting = Command::new(BINARY);
    waiting.env_clear().args(["send-test-span", "--wait", "60s", "--to", &format!("http://127.0.0.1:{port}")]);
    let waiting = waiting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let (_folder, path) = folder_capture();
    let args = ["record-capture", "--otlp-http", "off", "--otlp-grpc", "off", "--datadog", &port.to_string()];
    let recorded = Spanglass::new(args).args(["--until", "spans=1", "--timeout", "60s", "--out"]).args([&path]).run();
    let mut waiting = waiting;
    assert_eq!((recorded.status, waiting.wait().unwrap().code()), (0, Some(0)), "{recorded:?}");
}

#[test]
fn topologies_and_files_are_sent() {
    let (folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let url = format!("http://127.0.0.1:{}", recorder.port("datadog"));
    let shop = folder.path().join("shop.yaml");
    std::fs::write(
        &shop,
        "services:\n  web: {calls: [api, {to: mail, async: true}]}\n  api: {error_rate: 1}\n  mail:\n",
    )
    .unwrap();
    let shop = shop.to_str().unwrap();
    let (ran, document) = delivered("--count 5 --seed 7 --verify --rate 1000/s", &["--to", &url, "--scenario", shop]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(
        (document["sent"]["traces"].as_u64(), document["sent"]["spans"].as_u64()),
        (Some(5), Some(15)),
        "{document}"
    );
    // Ids hold the second in which they are made; what follows from the seed is the rest.
    let ids = |document: &Value| -> BTreeSet<String> {
        document["trace_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()[16..].to_owned()).collect()
    };
    let (_, again) = delivered("--count 5 --seed 7", &["--to", &url, "--scenario", shop]);
    assert!(ids(&again) == ids(&document) && ids(&again).len() == 5, "{again}");
    std::fs::write(folder.path().join("bad.yaml"), "services:\n  web:\n    calls: [nobody]\n").unwrap();
    let bad = spanglass("send-test-span --scenario").args([folder.path().join("bad.yaml")]).args(["--to", &url]).run();
    assert!(bad.status == 2 && bad.stderr.contains("bad.yaml:3: \"nobody\" is no service"), "{bad:?}");
    let unknown = spanglass("send-test-span --scenario xmtpd-write-pth").args(["--to", &url]).run();
    assert!(unknown.status == 2 && unknown.stderr.contains("did you mean xmtpd-write-path"), "{unknown:?}");
}

#[test]
fn what_would_be_sent_is_shown() {
    let ran = spanglass("send-test-span --dry-run json --scenario tutorial-hello --to http://localhost:8126").run();
    assert_eq!(ran.status, 0, "{ran:?}");
    let drawn = spanglass("flamegraph-text --view tree -").with_input(ran.stdout.as_bytes());
    assert!(drawn.status == 0 && !drawn.stdout.is_empty(), "{drawn:?}");
    let hex = spanglass("send-test-span --dry-run --to http://localhost:8126").run();
    assert!(hex.status == 0 && hex.stdout.starts_with("POST /v0.4/traces\n00000000  91 91 8"), "{hex:?}");
    let (_folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let curl = spanglass("send-test-span --dry-run curl --to")
        .args([format!("http://127.0.0.1:{}", recorder.port("datadog"))])
        .run();
    assert!(curl.status == 0 && curl.stdout.contains(" | base64 -d | curl "), "{curl:?}");
    if Command::new("curl").arg("--version").output().is_ok() {
        assert!(Command::new("sh").args(["-c", &curl.stdout]).output().unwrap().status.success());
        recorder.stop();
        let decoded = spanglass("replay-capture --decoded jsonl").args([&path]).run();
        assert_eq!(decoded.stdout.lines().count(), 1, "{decoded:?}");
    }
    let lost = "send-test-span --dry-run --protocol v0.4 --scenario flowbot-chat-message --to http://localhost:8126";
    let lost = spanglass(lost).run();
    assert!(lost.status == 0 && lost.stderr.contains("cannot carry"), "{lost:?}");
}

#[test]
fn headers_that_come_back_are_told() {
    let echo = server_that(|stream| {
        let mut buffer = [0; 8192];
        let length = stream.read(&mut buffer).unwrap_or_default();
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let traceparent = request.lines().find(|line| line.starts_with("traceparent")).unwrap_or("x: y");
        let body = request.clone();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n{traceparent}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    });
    let ran = spanglass("send-test-span --check-headers").args([format!("http://127.0.0.1:{echo}/get")]).run();
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("traceparent                  comes back in the headers"), "{ran:?}");
    assert!(ran.stdout.contains("x-datadog-trace-id           was received: the body shows it"), "{ran:?}");
    let silent = server(b"HTTP/1.1 204 No Content\r\n\r\n");
    let ran = spanglass("send-test-span --check-headers").args([format!("http://127.0.0.1:{silent}")]).run();
    assert!(ran.status == 1 && ran.stdout.contains("does not come back"), "{ran:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(spanglass("send-test-span --check-headers").args([format!("http://{nobody}")]).run().status, 3);
}

/// A certificate for `localhost`, and a server that speaks TLS with it and answers as an agent.
fn tls_server() -> (String, u16) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let port = server_that(move |stream| {
        let Ok(mut session) = rustls::ServerConnection::new(config.clone()) else { return };
        let mut stream = rustls::Stream::new(&mut session, stream);
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            let _ = length;
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").is_err() {
                return;
            }
        }
    });
    (made.cert.pem(), port)
}

#[test]
fn tls_is_spoken_with_those_who_are_trusted() {
    let (certificate, port) = tls_server();
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, certificate).unwrap();
    let pem = pem.to_str().unwrap();
    let url = format!("https://localhost:{port}");
    let (ran, document) = delivered("--protocol v0.4", &["--to", &url, "--ca-certificate", pem]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(stages(&document).contains(&("tls".to_owned(), true)), "{document}");
    let (ran, document) = delivered("--protocol v0.4", &["--to", &url]);
    assert!(ran.status == 3 && ran.stderr.contains("--ca-certificate"), "{ran:?}");
    assert_eq!(stages(&document).last(), Some(&("tls".to_owned(), false)));
    let other = format!("https://127.0.0.1:{port}");
    let (ran, _) = delivered("--protocol v0.4", &["--to", &other, "--ca-certificate", pem]);
    assert!(ran.status == 3 && ran.stderr.contains("another name than 127.0.0.1"), "{ran:?}");
    let plain = format!("http://localhost:{port}");
    let (ran, _) = delivered("--protocol v0.4", &["--to", &plain]);
    assert!(ran.status == 3 && ran.stderr.contains("write https://"), "{ran:?}");
    let (ran, _) = delivered("", &["--to", &format!("grpcs://localhost:{port}"), "--ca-certificate", pem]);
    assert_eq!(ran.status, 3, "{ran:?}");
    // Replays go there too.
    let body = fixture("payloads/v0.4/xmtpd-write-py.v0.4.bin");
    let args = ["--to", &url, "--ca-certificate", pem];
    let replayed = spanglass("replay-capture --json --speed max").args(args).args([&body]).run();
    let document: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert!(replayed.status == 0 && document["sent"]["accepted"] == 1, "{replayed:?}");
}

/// A backend that answers at `path` with `document`, and with 404 elsewhere.
fn backend(path: String, document: Vec<u8>) -> u16 {
    server_that(move |stream| {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            let asked = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let (status, body) = match asked.starts_with(&format!("GET {path} ")) {
                true => ("200 OK", &document[..]),
                false => ("404 Not Found", &b"404 page not found"[..]),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let kind = if status.starts_with('2') { "application/json" } else { "text/plain" };
            let head = head.replace("application/json", kind);
            if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
                return;
            }
        }
    })
}

/// Jaeger, Tempo and Zipkin give traces out in their own documents; the same seed makes the same trace again.
#[test]
fn backends_are_asked_for_the_trace() {
    let (folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let url = format!("http://127.0.0.1:{}", recorder.port("otlp_http"));
    let made = "--seed 3 --start 2026-01-01T00:00:00.000001Z --protocol otlp-http --children 2 --error broken";
    let (_, sent) = delivered(made, &["--to", &url]);
    let id = sent["trace_ids"][0].as_str().unwrap();
    // Before more is recorded: one request becomes one document.
    let document = |form: &str| {
        let converted = folder.path().join(form);
        let ran = spanglass("convert-capture --to").args([form, "-o"]).args([&converted, &path]).run();
        assert_eq!(ran.status, 0, "{ran:?}");
        read(&converted)
    };
    let documents = [("jaeger", "/api/traces/"), ("otlp-json", "/api/traces/"), ("zipkin", "/api/v2/trace/")]
        .map(|(form, place)| (form, place, document(form)));
    for (form, place, document) in documents {
        let port = backend(format!("{place}{id}"), document.clone());
        let (ran, found) = delivered(made, &["--to", &url, &format!("--verify=http://127.0.0.1:{port}")]);
        assert_eq!((ran.status, &found["verify"]["status"]), (0, &"equal".into()), "{form}: {ran:?}");
        let text = String::from_utf8(document).unwrap().replace("\"spanglass\"", "\"other\"");
        let port = backend(format!("{place}{id}"), text.into_bytes());
        let (ran, found) = delivered(made, &["--to", &url, &format!("--verify=http://127.0.0.1:{port}")]);
        assert_eq!((ran.status, &found["verify"]["status"]), (1, &"different".into()), "{form}: {ran:?}");
    }
    // One that has another trace, and one that gives none out.
    let other = backend("/test/session/traces".to_owned(), b"[]".to_vec());
    let (ran, found) = delivered(made, &["--to", &url, "--wait", "0s", &format!("--verify=http://127.0.0.1:{other}")]);
    assert_eq!((ran.status, &found["verify"]["status"]), (1, &"missing".into()), "{ran:?}");
    assert_eq!(found["verify"]["missing"].as_array().unwrap().len(), 3);
    let none = backend("/nothing".to_owned(), Vec::new());
    let (ran, found) = delivered(made, &["--to", &url, &format!("--verify=http://127.0.0.1:{none}")]);
    assert_eq!((ran.status, &found["verify"]["status"]), (0, &"unsupported".into()), "{ran:?}");
    assert!(ran.stderr.contains("accepted, and not verifiable"), "{ran:?}");
}

#[test]
fn a_configuration_is_tried() {
    let (folder, path) = folder_capture();
    let recorder = Recorder::to(&path);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let env = folder.path().join("good.env");
    let good = format!("DD_SERVICE=a\nDD_TRACE_AGENT_URL=http://127.0.0.1:{}\n", recorder.port("datadog"));
    std::fs::write(&env, good).unwrap();
    let ran = spanglass("validate-config --live --format json").args([&env]).run();
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.status, stages(&document["targets"][0]["live"]).len()), (0, 3), "{ran:?}");
    std::fs::write(&env, format!("DD_SERVICE=a\nDD_TRACE_AGENT_URL=http://127.0.0.1:{free}\n")).unwrap();
    let ran = spanglass("validate-config --live").args([&env]).run();
    assert!(ran.status == 3 && ran.stderr.contains("nothing listens on port"), "{ran:?}");
    assert_eq!(spanglass("validate-config").args([&env]).run().status, 0);
    for (profile, text) in [
        (
            "otel",
            format!(
                "OTEL_SERVICE_NAME=a\nOTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{}\n",
                recorder.port("otlp_http")
            ),
        ),
        (
            "xmtpd",
            format!("APM_ENABLED=true\nDD_AGENT_HOST=127.0.0.1\nDD_TRACE_AGENT_PORT={}\n", recorder.port("datadog")),
        ),
    ] {
        std::fs::write(&env, text).unwrap();
        let ran = spanglass("validate-config --live --json --profile").args([profile]).args([&env]).run();
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(document["targets"][0]["live"]["stages"].is_array() && ran.status == 0, "{profile}: {ran:?}");
    }
}

//! The program as a process: streams, exit codes, environment, what reaches a terminal, limits.

use crate::support::body::{Made, NOW, chain, fan, v04};
use crate::support::process::{Ran, Spanglass, spanglass};
use crate::support::{fixture, read, root};
use base64::Engine as _;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

const WRITE: &str = "fixtures/payloads/v0.4/xmtpd-write-py.v0.4.bin";
const READ: &str = "fixtures/payloads/v0.4/xmtpd-read-py.v0.4.bin";
const CAPTURE: &str = "fixtures/captures/capture.jsonl";
const WRONG_NAME: &str = "fixtures/payloads/invalid/name-is-int.v0.4.bin";
const CYCLE: &str = "fixtures/payloads/invalid/cycle.v0.4.bin";
const CLEAN: &str = "fixtures/payloads/invalid/clean.v0.4.bin";
const LONG_TAG: &str = "fixtures/payloads/invalid/tag-too-long.v0.4.bin";

/// The commands that read captures.
const READERS: [&str; 3] = ["flamegraph-text", "replay-capture", "check-capture"];

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

fn in_folder(folder: &TempDir, line: &str) -> Spanglass {
    let mut command = spanglass(line);
    command.0.current_dir(folder.path());
    command
}

fn request(path: &str, headers: &Value, body: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(body);
    json!({"type": "request", "method": "POST", "path": path, "headers": headers, "body": body}).to_string() + "\n"
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

// ---- streams ------------------------------------------------------------------------------------------------

/// Runs, reads the first bytes of stdout, closes it, and gives back the exit status, those bytes and stderr.
fn beginning_only(command: Spanglass) -> (Option<i32>, String, String) {
    let mut command = command.0;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
    let mut beginning = Vec::new();
    child.stdout.take().expect("stdout").take(20).read_to_end(&mut beginning).expect("a beginning");
    let mut stderr = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut stderr).expect("text");
    (child.wait().expect("the end").code(), String::from_utf8_lossy(&beginning).into_owned(), stderr)
}

#[test]
fn a_closed_pipe_is_silent() {
    // Far more than a pipe holds, so that every command is still writing when the reader goes.
    let files = folder(&[("deep.v0.4.bin", &v04(&chain(20_000))), ("wide.v0.4.bin", &v04(&fan(20_000)))]);
    for line in [
        "flamegraph-text wide.v0.4.bin",
        "flamegraph-text deep.v0.4.bin",
        "flamegraph-text wide.v0.4.bin --view tree --details",
        "flamegraph-text wide.v0.4.bin --view table",
        "flamegraph-text deep.v0.4.bin --view flame",
        "flamegraph-text wide.v0.4.bin --format json",
        "flamegraph-text wide.v0.4.bin deep.v0.4.bin --all --format jsonl",
        "replay-capture wide.v0.4.bin --decoded jsonl",
    ] {
        let (status, first, stderr) = beginning_only(in_folder(&files, line));
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{line}");
        assert!(!first.is_empty(), "{line}");
    }
    let help = beginning_only(spanglass("flamegraph-text --help"));
    assert_eq!((help.0, help.2.as_str()), (Some(0), ""));
}

#[test]
fn a_closed_pipe_keeps_the_exit_code_so_far() {
    let cut = v04(&fan(20_000));
    let files = folder(&[("cut.v0.4.bin", &cut[..cut.len() - 3])]);
    for line in ["flamegraph-text cut.v0.4.bin", "flamegraph-text cut.v0.4.bin --json"] {
        let (status, _, stderr) = beginning_only(in_folder(&files, line));
        assert_eq!((status, stderr.as_str()), (Some(1), ""), "{line}");
    }
}

#[test]
fn stdout_carries_the_result_alone() {
    for line in [
        format!("flamegraph-text {WRONG_NAME} --json -vv"),
        format!("replay-capture {WRONG_NAME} --json -vv"),
        format!("check-capture {WRONG_NAME} --json -vv"),
        format!("replay-capture {WRONG_NAME} --decoded jsonl -vv"),
        format!("check-capture {WRONG_NAME} --format json"),
    ] {
        let ran = spanglass(&line).run().exits(1);
        ran.json();
        assert!(ran.stdout.ends_with('\n') && ran.stdout.lines().count() == 1, "{line}");
    }
    let ran = spanglass(&format!("flamegraph-text {WRONG_NAME}")).run().exits(1);
    assert!(!ran.stdout.contains("D003") && ran.stderr.contains("error[D003]"), "{ran:?}");
    let ran = spanglass(&format!("check-capture {WRONG_NAME}")).run().exits(1);
    assert!(ran.stdout.contains("error[D003]") && ran.stderr.is_empty(), "findings are its result: {ran:?}");
}

#[test]
fn quiet_and_verbose() {
    let line = format!("flamegraph-text {WRITE} --trace deadbeef");
    assert!(spanglass(&line).run().exits(1).stderr.contains("nothing matched"));
    assert_eq!(spanglass(&format!("{line} -q")).run().exits(1).stderr, "");
    let line = format!("flamegraph-text {CAPTURE} -v");
    assert!(spanglass(&line).run().stderr.contains("capture"), "-v names the detected format");
    let found = spanglass(&format!("flamegraph-text {WRONG_NAME} -q")).run().exits(1);
    assert!(found.stderr.contains("error[D003]"), "-q still prints errors");
    let noisy = spanglass(&format!("check-capture {WRITE} -v")).run();
    let plain = spanglass(&format!("check-capture {WRITE}")).run();
    assert!(noisy.stdout.lines().count() > plain.stdout.lines().count(), "-v shows infos");
}

#[test]
fn counts_add_up() {
    let lines = read(&root().join(CAPTURE));
    let files = folder(&[("a/capture.jsonl", &lines), ("a/b.v0.4.bin", &read(&root().join(WRITE)))]);
    for command in READERS {
        let ran = in_folder(&files, &format!("{command} a")).run().exits(0);
        let counts = ran.stdout.lines().find(|line| line.contains(" read, ")).expect("a line of counts");
        assert!(counts.starts_with("6 payloads read, 5 used, 1 skipped"), "{command}: {counts}");
        assert!(counts.contains("56 spans in 15 traces"), "{command}: {counts}");
    }
    for command in ["replay-capture", "check-capture"] {
        let document = in_folder(&files, &format!("{command} a --json")).run().exits(0).json();
        assert_eq!(document["records"], json!({"read": 6, "decoded": 5, "skipped": 1}), "{command}");
        assert_eq!((&document["spans"], &document["traces"]), (&json!(56), &json!(15)), "{command}");
    }
}

// ---- exit codes and errors ----------------------------------------------------------------------------------

#[test]
fn good_answers_exit_0() {
    for line in [
        format!("flamegraph-text {WRITE}"),
        format!("flamegraph-text {WRITE} {READ} --all --json"),
        format!("replay-capture {WRITE}"),
        format!("check-capture {WRITE} --now 2026-11-20T11:00:00Z"),
        "explain D001 wrong-type s001".to_owned(),
        "explain --list".to_owned(),
        "completions bash".to_owned(),
        "man".to_owned(),
        "--help".to_owned(),
        "-h".to_owned(),
        "--version".to_owned(),
        "flamegraph-text -h".to_owned(),
    ] {
        let ran = spanglass(&line).run().exits(0);
        assert_eq!(ran.stderr, "", "{line}");
        assert!(!ran.stdout.is_empty(), "{line}");
    }
}

#[test]
fn wrong_usage_exits_2() {
    for line in [
        "",
        "no-such-command",
        "flamegraph-text",
        "flamegraph-text --no-such-flag x",
        "flamegraph-text x --view sideways",
        "flamegraph-text x --width 0",
        "flamegraph-text x --width many",
        "flamegraph-text x --min fast",
        "flamegraph-text x --min 101%",
        "flamegraph-text x --depth 0",
        "flamegraph-text x --trace not-an-id",
        "flamegraph-text x --protocol v9",
        "flamegraph-text x --max-body lots",
        "check-capture x --now yesterday",
        "check-capture x --fail-on always",
        "replay-capture x --decoded xml",
        "explain",
        "completions tcsh",
    ] {
        let ran = spanglass(line).run().exits(2);
        assert_eq!(ran.stdout, "", "{line}");
        assert!(!ran.stderr.is_empty(), "{line}");
    }
    let ran = spanglass("explain D0O3").run().exits(2);
    assert!(ran.stderr.contains("D003"), "the nearest codes are named: {}", ran.stderr);
}

/// Each kind of unreadable input has an error of its own, says what to do, and exits 2.
#[test]
fn unreadable_inputs_have_errors_of_their_own() {
    let files = folder(&[("empty.bin", b""), ("text.txt", b"hello world\n"), ("texts/a.txt", b"a"), ("none/b/c", b"")]);
    fs::remove_file(files.path().join("none/b/c")).expect("a file");
    for command in READERS {
        let mut errors: Vec<String> = Vec::new();
        for input in ["missing.bin", "empty.bin", "text.txt", "texts", "none"] {
            let ran = in_folder(&files, &format!("{command} {input}")).run().exits(2);
            assert_eq!(ran.stdout, "", "{command} {input}");
            assert!(ran.stderr.starts_with("error"), "{command} {input}: {}", ran.stderr);
            assert!(ran.stderr.contains(input), "{command} {input}: {}", ran.stderr);
            assert_eq!(ran.stderr.matches("\nhelp: ").count(), 1, "{command} {input}: {}", ran.stderr);
            errors.push(ran.stderr.lines().next().unwrap_or_default().replace(input, "INPUT"));
        }
        let count = errors.len();
        errors.sort();
        errors.dedup();
        assert_eq!(errors.len(), count, "{command}: {errors:#?}");
    }
}

/// captures.md section 1: nothing fits, D010, naming what was tried and the first 16 bytes.
#[test]
fn an_unknown_format_is_d010() {
    let files = folder(&[("text.txt", b"hello world, this is no capture\n"), ("noise.dat", &[0xc1; 40])]);
    for (input, first) in [("text.txt", "68 65 6c 6c 6f 20 77 6f"), ("noise.dat", "c1 c1 c1 c1 c1 c1 c1 c1")] {
        let ran = in_folder(&files, &format!("flamegraph-text {input}")).run().exits(2);
        assert!(ran.stderr.contains("error[D010]"), "{input}: {}", ran.stderr);
        assert!(ran.stderr.contains(first), "{input}: {}", ran.stderr);
    }
}

#[test]
fn bad_answers_exit_1() {
    for line in [
        format!("flamegraph-text {WRONG_NAME}"),
        format!("replay-capture {WRONG_NAME}"),
        format!("check-capture {CYCLE}"),
        format!("flamegraph-text {WRITE} --service nobody"),
        format!("flamegraph-text {WRITE} --trace 00000000000000000000000000000001"),
        format!("replay-capture {WRITE} --trace deadbeef"),
        format!("check-capture {WRITE} --trace deadbeef"),
    ] {
        spanglass(&line).run().exits(1);
    }
}

/// A document is printed whenever the arguments were understood, whatever the exit code.
#[test]
fn json_is_printed_on_failure_too() {
    let files = folder(&[("empty.bin", b""), ("text.txt", b"hello\n"), ("texts/a.txt", b"a")]);
    for input in ["missing.bin", "empty.bin", "text.txt", "texts"] {
        for form in ["--json", "--format json"] {
            let traces = in_folder(&files, &format!("flamegraph-text {input} {form}")).run().exits(2).json();
            assert_eq!(traces, json!([]), "{input}");
            let replay = in_folder(&files, &format!("replay-capture {input} {form}")).run().exits(2).json();
            assert_eq!(replay["schema"], "spanglass.replay/1");
            assert_eq!(replay["records"], json!({"read": 0, "decoded": 0, "skipped": 0}));
            let check = in_folder(&files, &format!("check-capture {input} {form}")).run().exits(2).json();
            assert_eq!((&check["schema"], &check["ok"]), (&json!("spanglass.check/1"), &json!(false)));
        }
    }
    let none = spanglass(&format!("flamegraph-text {WRITE} --trace deadbeef --json")).run().exits(1).json();
    assert_eq!(none, json!([]));
    let lines = spanglass(&format!("flamegraph-text {WRITE} --trace deadbeef --format jsonl")).run().exits(1);
    assert_eq!(lines.stdout, "");
}

/// Machine output holds what the text says: also the finding that ended the run.
#[test]
fn json_says_why_nothing_was_read() {
    let files = folder(&[("text.txt", b"hello world\n"), ("new.jsonl", b"{\"type\":\"capture\",\"v\":2}\n")]);
    for (input, code) in [("text.txt", "D010"), ("new.jsonl", "C004")] {
        for command in ["replay-capture", "check-capture"] {
            let ran = in_folder(&files, &format!("{command} {input} --json")).run().exits(2);
            assert!(ran.stderr.contains(&format!("error[{code}]")), "{command} {input}: {}", ran.stderr);
            let document = ran.json();
            assert_eq!(codes(&document), [code], "{command} {input}");
            assert_eq!(document["findings"][0]["file"], input);
        }
    }
}

/// By id, by slug, in any case; where two codes share a form, both.
#[test]
fn every_code_is_explained_by_either_form() {
    let all = spanglass::codes();
    for code in &all {
        for form in [code.id().to_owned(), code.name().to_ascii_uppercase()] {
            let ran = Spanglass::new(["explain", &form]).run().exits(0);
            for other in &all {
                let meant = other.id().eq_ignore_ascii_case(&form) || other.name().eq_ignore_ascii_case(&form);
                let head = format!("{} {} ", other.id(), other.name());
                let told = ran.stdout.lines().any(|line| line.starts_with(&head));
                assert_eq!(told, meant, "explain {form}: {other}\n{}", ran.stdout);
            }
        }
    }
    for code in all.iter().filter(|code| code.number().is_some()) {
        let number = code.number().map(|number| number.to_string()).unwrap_or_default();
        let ran = Spanglass::new(["explain", &number]).run().exits(0);
        assert!(ran.stdout.contains(code.id()), "explain {number}: {}", ran.stdout);
    }
}

/// What is said about a capture that was read has to be true of it.
#[test]
fn a_selection_without_traces_is_no_empty_capture() {
    let ran = spanglass(&format!("check-capture {WRITE} --trace deadbeef")).run().exits(1);
    assert!(!ran.stdout.contains("empty capture"), "{}", ran.stdout);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("nothing matched"), "{ran:?}");
}

#[test]
fn documents_have_exactly_their_members() {
    let members = |document: &Value| -> Vec<String> {
        document.as_object().expect("an object").keys().map(String::to_owned).collect()
    };
    let finding = [
        "code", "name", "severity", "message", "help", "count", "record", "offset", "path", "trace_id", "span_id",
        "file",
    ];
    let check = spanglass(&format!("check-capture {WRONG_NAME} --json")).run().json();
    assert_eq!(members(&check), ["schema", "ok", "records", "traces", "spans", "findings"]);
    assert_eq!(members(&check["findings"][0]), finding);
    let replay = spanglass(&format!("replay-capture {READ} --json")).run().json();
    let expected = [
        "schema",
        "records",
        "traces",
        "spans",
        "bytes",
        "sent",
        "elapsed_ns",
        "responses",
        "operations",
        "services",
        "slowest",
        "stats",
        "other",
        "findings",
    ];
    assert_eq!(members(&replay), expected);
    assert_eq!(members(&replay["records"]), ["read", "decoded", "skipped"]);
    let operation = ["service", "name", "count", "errors", "p50_ns", "p95_ns", "p99_ns", "max_ns"];
    assert_eq!(members(&replay["operations"][0]), operation);
    let traces = spanglass(&format!("flamegraph-text {READ} --json")).run().json();
    let trace = [
        "schema",
        "trace_id",
        "start_ns",
        "duration_ns",
        "span_count",
        "error_count",
        "services",
        "roots",
        "gaps",
        "overhangs",
        "critical_path",
        "anomalies",
        "segments",
        "stitched",
        "logs",
    ];
    assert_eq!(members(&traces[0]), trace);
    let node = [
        "span_id",
        "parent_id",
        "service",
        "name",
        "resource",
        "type",
        "kind",
        "start_ns",
        "duration_ns",
        "self_ns",
        "error",
        "meta",
        "metrics",
        "links",
        "events",
        "children",
    ];
    assert_eq!(members(&traces[0]["roots"][0]), node);
    let failed = traces.as_array().expect("traces").iter().find(|trace| trace["error_count"] != 0);
    let error = &failed.expect("a failed trace")["roots"][0]["error"];
    assert_eq!(members(error), ["message", "type", "stack"]);
    // Times are integers, also those that a float cannot hold.
    assert!(traces[0]["start_ns"].is_i64() && traces[0]["roots"][0]["self_ns"].is_i64());
}

// ---- selection ----------------------------------------------------------------------------------------------

#[test]
fn a_trace_is_found_in_any_notation() {
    let id = 0x6b00_1b1c_0000_0000_dfef_0642_a60a_6c9du128;
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for wanted in [
        format!("{id:032x}"),
        format!("{id:032X}"),
        format!("0x{id:032x}"),
        format!("{id}"),
        format!("{:016x}", id as u64),
        format!("{}", id as u64),
        "6b001b1c-0000-0000-dfef-0642a60a6c9d".to_owned(),
        "1-6b001b1c-00000000dfef0642a60a6c9d".to_owned(),
        base64(&id.to_be_bytes()),
        base64(&(id as u64).to_be_bytes()),
        "6b001b1c00000000d".to_owned(),
        "dfef0642".to_owned(),
    ] {
        let document = spanglass(&format!("flamegraph-text {WRITE} --json --trace {wanted}")).run().exits(0).json();
        assert_eq!(document["trace_id"], format!("{id:032x}"), "{wanted}");
    }
    let both = "--trace dfef0642a60a6c9d --trace 57e7d9dc4df60566";
    let ran = spanglass(&format!("flamegraph-text {WRITE} --format jsonl {both}")).run().exits(0);
    assert_eq!(ran.json_lines().len(), 2);
    let ran = spanglass(&format!("flamegraph-text {WRITE} --format jsonl --limit 1")).run().exits(0);
    assert_eq!(ran.json_lines().len(), 1);
}

#[test]
fn traces_of_a_service_are_selected_whole_and_its_spans_marked() {
    let session = "fixtures/payloads/v0.4/dist-two-services-py-1.v0.4.bin \
                   fixtures/payloads/v0.4/dist-two-services-py-2.v0.4.bin";
    let line = format!("flamegraph-text {WRITE} {session} --service serviceB");
    let document = spanglass(&format!("{line} --json")).run().exits(0).json();
    assert_eq!(document["span_count"], 4, "the whole trace");
    let drawn = spanglass(&line).run().exits(0).stdout;
    assert_eq!(drawn.lines().filter(|line| line.contains('*')).count(), 2, "one match and the legend:\n{drawn}");
    let lines = spanglass(&format!("replay-capture {WRITE} {session} --service serviceB --decoded jsonl")).run();
    let lines = lines.exits(0).json_lines();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["service"] == "serviceB"), "the matching spans alone");
}

#[test]
fn one_trace_from_several_files_is_one_tree() {
    let spans = chain(9);
    let files = folder(&[
        ("a.v0.4.bin", &v04(&spans[..3])),
        ("b.v0.4.bin", &v04(&spans[3..6])),
        ("c.v0.4.bin", &v04(&spans[6..])),
    ]);
    for inputs in ["a.v0.4.bin b.v0.4.bin c.v0.4.bin", "c.v0.4.bin a.v0.4.bin b.v0.4.bin", "."] {
        let document = in_folder(&files, &format!("flamegraph-text --json {inputs}")).run().exits(0).json();
        assert_eq!((&document["span_count"], document["roots"].as_array().map(Vec::len)), (&json!(9), Some(1)));
        let drawn = in_folder(&files, &format!("flamegraph-text {inputs}")).run().exits(0).stdout;
        assert!(drawn.ends_with("3 payloads read, 3 used, 0 skipped · 9 spans in 1 trace\n"), "{drawn}");
    }
}

// ---- input --------------------------------------------------------------------------------------------------

fn spans_of(ran: &Ran) -> u64 {
    ran.json()["spans"].as_u64().expect("a count")
}

#[test]
fn standard_input_is_read() {
    for file in [WRITE, CAPTURE, "fixtures/captures/capture.jsonl.gz", "fixtures/captures/capture.jsonl.zst"] {
        let bytes = read(&root().join(file));
        for command in ["replay-capture", "check-capture"] {
            let from_file = spanglass(&format!("{command} {file} --json --quiet")).run();
            let from_stdin = spanglass(&format!("{command} - --json --quiet")).with_input(&bytes);
            assert_eq!(spans_of(&from_file), spans_of(&from_stdin), "{command} {file}");
            assert_eq!(from_file.status, from_stdin.status, "{command} {file}");
        }
        let drawn = spanglass(&format!("flamegraph-text {file}")).run().stdout;
        assert_eq!(spanglass("flamegraph-text -").with_input(&bytes).stdout, drawn, "{file}");
    }
    let ran = spanglass("flamegraph-text -").with_input(b"").exits(2);
    assert!(ran.stderr.contains("standard input"), "{}", ran.stderr);
}

#[test]
fn compression_is_transparent() {
    let body = read(&root().join(WRITE));
    let line = request("/v0.4/traces", &json!([["Content-Encoding", "gzip"]]), &gzip(&body));
    let silent = request("/v0.4/traces", &json!([["Content-Type", "application/msgpack"]]), &gzip(&body));
    let files = folder(&[
        ("a.v0.4.bin", &body),
        ("b.v0.4.bin.gz", &gzip(&body)),
        ("c.bin", &gzip(&gzip(&body))),
        ("d.v0.4.bin.zst", &zstd::bulk::compress(&body, 3).expect("zstd")),
        ("e.jsonl", line.as_bytes()),
        ("f.jsonl.gz", &gzip(line.as_bytes())),
        ("g.jsonl", silent.as_bytes()),
        ("h.v0.4.bin.gz", &[gzip(&body[..1000]), gzip(&body[1000..])].concat()),
    ]);
    let plain = in_folder(&files, "replay-capture a.v0.4.bin --decoded jsonl").run().exits(0).stdout;
    for name in ["b.v0.4.bin.gz", "c.bin", "d.v0.4.bin.zst", "e.jsonl", "f.jsonl.gz", "g.jsonl", "h.v0.4.bin.gz"] {
        let ran = in_folder(&files, &format!("replay-capture {name} --decoded jsonl")).run().exits(0);
        assert_eq!(ran.stdout, plain, "{name}");
        let warned = ran.stderr.contains("D013");
        assert_eq!(warned, name == "g.jsonl", "{name}: {}", ran.stderr);
    }
}

#[test]
fn folders_are_read_in_the_order_of_their_names() {
    let spans = chain(3);
    let files = folder(&[
        ("traces/z.v0.4.bin", &v04(&spans[..1])),
        ("traces/deep/er/b.v0.4.bin", &v04(&spans[1..2])),
        ("traces/a.v0.4.bin", &v04(&spans[2..])),
        ("traces/notes.txt", b"not a capture"),
        ("traces/empty.bin", b""),
        ("traces/.hidden/c.v0.4.bin", &v04(&spans)),
    ]);
    let lines = in_folder(&files, "replay-capture traces --decoded jsonl").run().exits(0).json_lines();
    let ids: Vec<&str> = lines.iter().filter_map(|line| line["span_id"].as_str()).collect();
    assert_eq!(ids, ["0000000000000003", "0000000000000002", "0000000000000001"]);
    let ran = in_folder(&files, "replay-capture traces -v").run().exits(0);
    assert!(ran.stderr.contains("2 files of the folder are no captures"), "{}", ran.stderr);
}

#[test]
fn a_body_without_a_name_takes_its_protocol_from_the_flag() {
    // A body of v0.4 that looks like nothing: cut so short that its kind cannot be told.
    let files = folder(&[
        ("noise.dat", b"\xc1\xc1\xc1\xc1"),
        ("unnamed.dat", &read(&root().join(WRITE))),
        ("unnamed5.dat", &read(&fixture("payloads/v0.5/xmtpd-write-py.v0.5.bin"))),
        ("text.dat", b"hello"),
    ]);
    for name in ["unnamed.dat", "unnamed5.dat"] {
        assert_eq!(spans_of(&in_folder(&files, &format!("replay-capture {name} --json")).run().exits(0)), 20);
    }
    for protocol in ["v0.3", "v0.4"] {
        let line = format!("replay-capture unnamed.dat --json --protocol {protocol}");
        assert_eq!(spans_of(&in_folder(&files, &line).run().exits(0)), 20);
    }
    for name in ["noise.dat", "text.dat"] {
        in_folder(&files, &format!("replay-capture {name}")).run().exits(2);
        let ran = in_folder(&files, &format!("replay-capture {name} --protocol v0.4 --json")).run().exits(1);
        let document = ran.json();
        assert_eq!(document["records"], json!({"read": 1, "decoded": 0, "skipped": 1}), "{name}");
        assert!(matches!(codes(&document)[..], ["D002" | "D003"]), "{name}: {document}");
    }
}

#[test]
fn strict_stops_at_the_first_record_that_does_not_decode() {
    let line = format!("{WRONG_NAME} {WRITE}");
    let loose = spanglass(&format!("replay-capture --json {line}")).run().exits(1);
    assert_eq!(loose.json()["records"], json!({"read": 2, "decoded": 2, "skipped": 0}));
    let strict = spanglass(&format!("replay-capture --json --strict {line}")).run().exits(1);
    assert_eq!(strict.json()["records"], json!({"read": 1, "decoded": 1, "skipped": 0}));
    let drawn = spanglass(&format!("flamegraph-text --strict {line}")).run().exits(1);
    assert!(!drawn.stdout.contains("xmtpd"), "{}", drawn.stdout);
}

#[test]
fn requests_without_traces_are_skipped_without_fault() {
    let headers = json!([["Content-Type", "application/msgpack"]]);
    let mut lines = String::new();
    for path in ["/v0.6/stats", "/info", "/telemetry/proxy/api/v2/apmtelemetry", "/v0.7/config", "/profiling/v1/input"]
    {
        lines.push_str(&request(path, &headers, b"\x80"));
    }
    let body = v04(&chain(2));
    lines.push_str(&request("/base/v0.4/traces?x=1", &headers, &body));
    let ran = spanglass("replay-capture - --json").with_input(lines.as_bytes()).exits(0);
    let document = ran.json();
    assert_eq!(document["records"], json!({"read": 6, "decoded": 1, "skipped": 5}));
    assert_eq!(codes(&document), [""; 0]);
    assert_eq!(document["spans"], 2);
}

// ---- limits -------------------------------------------------------------------------------------------------

#[test]
fn limits_are_reported_when_they_are_hit() {
    let nested = {
        // A key that nobody knows, with arrays in arrays.
        let mut body = b"\x91\x91\x83\xa8trace_id\x05\xa7span_id\x06\xa4deep".to_vec();
        body.extend([0x91; 60]);
        body.push(0xc0);
        body
    };
    let big = {
        let mut body = b"\x91\x91\x83\xa8trace_id\x05\xa7span_id\x06\xa4meta\x81\xa1k\xdb\x00\x98\x96\x80".to_vec();
        body.resize(body.len() + 10_000_000, b'x');
        body
    };
    let gzipped = request("/v0.4/traces", &json!([["Content-Encoding", "gzip"]]), &gzip(&big));
    let files = folder(&[
        ("many.v0.4.bin", &v04(&chain(100))),
        ("nested.v0.4.bin", &nested),
        ("bomb.v0.4.bin.gz", &gzip(&big)),
        ("bomb.jsonl", gzipped.as_bytes()),
        ("capture.jsonl", &read(&root().join(CAPTURE))),
    ]);
    // (input, flag, code, spans that are left, words of the report)
    for (input, flag, code, spans, words) in [
        ("many.v0.4.bin", "--max-spans 30", "D015", 30, "--max-spans"),
        ("many.v0.4.bin", "--max-body 1000", "D015", 0, "1000"),
        ("many.v0.4.bin", "--max-body 1KiB", "D015", 0, "1024"),
        ("capture.jsonl", "--max-body 2000", "D015", 6, "--max-body"),
        ("nested.v0.4.bin", "--max-depth 50", "D005", 0, "nested"),
        ("bomb.v0.4.bin.gz", "--max-ratio 100", "D014", 0, "--max-ratio"),
        ("bomb.jsonl", "--max-ratio 100", "D014", 0, "--max-ratio"),
        ("bomb.jsonl", "--max-body 1MB", "D014", 0, "1000000"),
    ] {
        let what = format!("{input} {flag}");
        let free = in_folder(&files, &format!("replay-capture {input} --json --quiet --max-ratio 100000")).run();
        assert!(!codes(&free.json()).contains(&code), "{what}: also without the limit");
        let ran = in_folder(&files, &format!("replay-capture {input} --json {flag}")).run().exits(1);
        let document = ran.json();
        assert!(codes(&document).contains(&code), "{what}: {document}");
        assert_eq!(document["spans"], spans, "{what}");
        assert!(ran.stderr.contains(&format!("error[{code}]")) && ran.stderr.contains(words), "{what}: {}", ran.stderr);
        let check = in_folder(&files, &format!("check-capture {input} --json {flag} --allow-empty")).run().exits(1);
        assert!(codes(&check.json()).contains(&code), "{what}: check-capture");
        let drawn = in_folder(&files, &format!("flamegraph-text {input} {flag}")).run().exits(1);
        assert!(drawn.stderr.contains(code), "{what}: flamegraph-text");
    }
    let whole = in_folder(&files, "replay-capture nested.v0.4.bin --max-depth 61 --json").run().exits(0);
    assert_eq!(spans_of(&whole), 1);
}

/// Whoever is stopped by a limit is told the flag that raises it.
#[test]
fn a_limit_names_its_flag() {
    let nested = [b"\x91\x91\x82\xa7span_id\x06\xa4deep".to_vec(), vec![0x91; 200], vec![0xc0]].concat();
    let files = folder(&[("many.v0.4.bin", &v04(&chain(100))), ("nested.v0.4.bin", &nested)]);
    for (line, flag) in [
        ("many.v0.4.bin --max-spans 30", "--max-spans"),
        ("many.v0.4.bin --max-body 1000", "--max-body"),
        ("nested.v0.4.bin", "--max-depth"),
    ] {
        let ran = in_folder(&files, &format!("replay-capture {line}")).run().exits(1);
        let helps: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("help:")).collect();
        assert!(helps.iter().any(|help| help.contains(flag)), "{line}: {}", ran.stderr);
    }
}

/// Where the span limit ended a body, nothing is said about bytes after its end.
#[test]
fn a_body_over_the_span_limit_has_no_trailing_bytes() {
    for protocol in ["v0.4", "v0.5"] {
        let file = format!("fixtures/payloads/{protocol}/xmtpd-write-py.{protocol}.bin");
        let document = spanglass(&format!("replay-capture {file} --max-spans 7 --json")).run().exits(1).json();
        assert_eq!(codes(&document), ["D015"], "{protocol}");
        assert_eq!(document["spans"], 7, "{protocol}");
    }
}

// ---- check-capture ------------------------------------------------------------------------------------------

#[test]
fn fail_on_sets_the_level() {
    let now = "--now 2026-11-20T11:00:00Z";
    let worst = |file: &str| -> String {
        let document = spanglass(&format!("check-capture {file} {now} --json --fail-on never")).run().exits(0).json();
        let found = document["findings"].as_array().expect("findings").clone();
        let has = |severity: &str| found.iter().any(|finding| finding["severity"] == severity);
        ["error", "warning", "info"].into_iter().find(|severity| has(severity)).unwrap_or("none").to_owned()
    };
    for (file, severity) in [(CYCLE, "error"), (LONG_TAG, "warning"), (CLEAN, "none")] {
        assert_eq!(worst(file), severity, "{file}");
        for (level, fails_at) in [
            ("error", &["error"][..]),
            ("warning", &["error", "warning"]),
            ("info", &["error", "warning", "info"]),
            ("note", &["error", "warning", "info"]),
            ("never", &[]),
        ] {
            let fails = fails_at.contains(&severity);
            let line = format!("check-capture {file} {now} --fail-on {level} --json");
            let ran = spanglass(&line).run().exits(i32::from(fails));
            assert_eq!(ran.json()["ok"], !fails, "{line}");
            spanglass(&format!("check-capture {file} {now} --fail-on {level}")).run().exits(i32::from(fails));
        }
        let default = spanglass(&format!("check-capture {file} {now}")).run();
        assert_eq!(default.status, i32::from(severity == "error"), "{file}");
    }
    // An info is below warning.
    let with_info = spanglass(&format!("check-capture {WRITE} {now} --json --fail-on warning")).run().exits(0).json();
    assert!(with_info["findings"].as_array().is_some_and(|found| !found.is_empty()), "infos are listed");
    spanglass(&format!("check-capture {WRITE} {now} --fail-on info")).run().exits(1);
}

#[test]
fn now_is_the_reference_for_the_future() {
    let in_future = |flags: &str| {
        let ran = spanglass(&format!("check-capture {CLEAN} --json {flags}")).run();
        codes(&ran.json()).contains(&"S015")
    };
    assert!(in_future("--now 2020-01-01T00:00:00Z"));
    assert!(in_future("--now 1577836800000000000"));
    assert!(in_future("--now 2020-01-01T02:00:00+02:00"));
    assert!(!in_future("--now 2030-01-01T00:00:00Z"));
    // Without it: when the request was recorded.
    let body = base64::engine::general_purpose::STANDARD.encode(read(&root().join(CLEAN)));
    for (received, expected) in [("2020-01-01T00:00:00.000000000Z", true), ("2030-01-01T00:00:00.5Z", false)] {
        let line = json!({"type": "request", "t": received, "method": "POST", "path": "/v0.4/traces", "body": body});
        let ran = spanglass("check-capture - --json").with_input(line.to_string().as_bytes());
        assert_eq!(codes(&ran.json()).contains(&"S015"), expected, "received {received}");
    }
}

#[test]
fn nothing_at_all_proves_nothing() {
    let files = folder(&[("none.jsonl", b"{\"type\":\"capture\",\"v\":1}\n"), ("empty.v0.4.bin", b"\x90")]);
    for input in ["none.jsonl", "empty.v0.4.bin"] {
        let ran = in_folder(&files, &format!("check-capture {input} --json")).run().exits(1);
        assert_eq!(ran.json()["ok"], false, "{input}");
        let ran = in_folder(&files, &format!("check-capture {input} --json --allow-empty")).run().exits(0);
        assert_eq!(ran.json()["ok"], true, "{input}");
        let ran = in_folder(&files, &format!("check-capture {input}")).run().exits(1);
        assert!(ran.stdout.contains("--allow-empty"), "{}", ran.stdout);
    }
}

#[test]
fn many_alike_are_counted() {
    let mut body = vec![0xdd, 0x00, 0x01, 0x86, 0xa0];
    body.extend(vec![0x90; 100_000]);
    let files = folder(&[("empty-chunks.v0.4.bin", &body)]);
    let line = "check-capture empty-chunks.v0.4.bin --allow-empty --fail-on never";
    let document = in_folder(&files, &format!("{line} --json")).run().exits(0).json();
    let findings: Vec<&Value> =
        document["findings"].as_array().expect("findings").iter().filter(|f| f["code"] == "T006").collect();
    assert!(findings.len() <= 100, "{}", findings.len());
    assert_eq!(findings.iter().filter_map(|finding| finding["count"].as_u64()).sum::<u64>(), 100_000);
    let text = in_folder(&files, line).run().exits(0).stdout;
    assert_eq!(text.matches("T006").count(), 1, "{text}");
    assert!(text.contains("99999 more like this one") || text.contains("99,999 more like this one"), "{text}");
}

// ---- the environment ----------------------------------------------------------------------------------------

fn coloured(text: &str) -> bool {
    text.contains('\u{1b}')
}

/// Flag, variables, coloured or not.
type ColourRule<'r> = (&'r str, &'r [(&'r str, &'r str)], bool);

/// --color > NO_COLOR > FORCE_COLOR, CLICOLOR_FORCE > CLICOLOR=0 > TERM=dumb > is it
/// a terminal (here: no).
const COLOUR_RULES: &[ColourRule<'_>] = &[
    ("", &[], false),
    ("--color always", &[], true),
    ("--color never", &[("FORCE_COLOR", "1")], false),
    ("--color always", &[("NO_COLOR", "1")], true),
    ("--color auto", &[("FORCE_COLOR", "1")], true),
    ("", &[("FORCE_COLOR", "1")], true),
    ("", &[("FORCE_COLOR", "0")], false),
    ("", &[("FORCE_COLOR", "")], false),
    ("", &[("CLICOLOR_FORCE", "1")], true),
    ("", &[("CLICOLOR_FORCE", "0")], false),
    ("", &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], false),
    ("", &[("NO_COLOR", ""), ("FORCE_COLOR", "1")], true),
    ("", &[("FORCE_COLOR", "1"), ("CLICOLOR", "0")], true),
    ("", &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true),
    ("", &[("CLICOLOR", "1")], false),
    ("", &[("SPANGLASS_COLOR", "always")], true),
    ("--color never", &[("SPANGLASS_COLOR", "always")], false),
    ("", &[("SPANGLASS_COLOR", "never"), ("FORCE_COLOR", "1")], false),
];

#[test]
fn colour_follows_the_contract() {
    for (flag, variables, expected) in COLOUR_RULES {
        for line in [
            format!("flamegraph-text {READ} {flag}"),
            format!("flamegraph-text {READ} --view flame {flag}"),
            format!("check-capture {WRONG_NAME} {flag}"),
            format!("explain D003 {flag}"),
        ] {
            let ran = variables.iter().fold(spanglass(&line), |run, (name, value)| run.env(name, value)).run();
            assert_eq!(coloured(&ran.stdout), *expected, "{line} {variables:?}");
        }
    }
}

/// Findings on the run, and the error that ends it.
#[test]
fn stderr_follows_the_same_rules() {
    for (flag, variables, expected) in COLOUR_RULES {
        for line in [format!("flamegraph-text {WRONG_NAME} {flag}"), format!("flamegraph-text missing.bin {flag}")] {
            let ran = variables.iter().fold(spanglass(&line), |run, (name, value)| run.env(name, value)).run();
            assert_eq!(coloured(&ran.stderr), *expected, "{line} {variables:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn json_is_never_coloured() {
    for line in
        [format!("flamegraph-text {READ} --json --color always"), format!("check-capture {READ} --json --color always")]
    {
        let ran = spanglass(&line).env("FORCE_COLOR", "1").run();
        assert!(!coloured(&ran.stdout), "{line}");
        ran.json();
    }
}

/// Errors are marked with `!` too: colour is never the only sign.
#[test]
fn failures_are_marked_without_colour() {
    for view in ["waterfall", "tree", "table", "flame"] {
        let drawn = spanglass(&format!("flamegraph-text {READ} --view {view} --all")).run().exits(0).stdout;
        assert!(drawn.lines().any(|line| line.contains("! ") || line.contains(" !")), "{view}:\n{drawn}");
    }
}

#[test]
fn width_follows_the_contract() {
    let widest = |flag: &str, variables: &[(&str, &str)]| {
        let line = format!("flamegraph-text {WRITE} --all {flag}");
        let ran = variables.iter().fold(spanglass(&line), |run, (name, value)| run.env(name, value)).run().exits(0);
        ran.stdout.lines().map(spanglass::render::width_of).max().unwrap_or(0)
    };
    let exactly = |width: usize| widest(&format!("--width {width}"), &[]);
    assert_eq!((exactly(70), exactly(100), exactly(150)), (70, 100, 150), "the root's bar ends at the last column");
    // --width > COLUMNS > the terminal > 100.
    for (flag, variables, width) in [
        ("", &[][..], 100),
        ("", &[("COLUMNS", "70")], 70),
        ("--width 150", &[("COLUMNS", "70")], 150),
        ("", &[("SPANGLASS_WIDTH", "150")], 150),
        ("", &[("SPANGLASS_WIDTH", "150"), ("COLUMNS", "70")], 150),
        ("--width 70", &[("SPANGLASS_WIDTH", "150")], 70),
        ("", &[("COLUMNS", "")], 100),
        ("", &[("COLUMNS", "0")], 100),
        ("", &[("COLUMNS", "wide")], 100),
        ("", &[("COLUMNS", "-5")], 100),
    ] {
        assert_eq!(widest(flag, variables), width, "{flag} {variables:?}");
    }
}

#[test]
fn ascii_follows_flag_and_locale() {
    let line = format!("flamegraph-text {WRITE} --all");
    let drawn = |line: &str, variables: &[(&str, &str)]| {
        let mut run = spanglass(line);
        run.0.env_remove("LANG");
        variables.iter().fold(run, |run, (name, value)| run.env(name, value)).run().exits(0).stdout
    };
    for (variables, ascii) in [
        (&[("LANG", "C.UTF-8")][..], false),
        (&[("LANG", "en_US.utf8")], false),
        (&[("LC_CTYPE", "de_DE.UTF-8")], false),
        (&[("LANG", "C"), ("LC_ALL", "C.UTF-8")], false),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], true),
        (&[("LANG", "en_US.UTF-8"), ("LC_CTYPE", "POSIX")], true),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")], false),
        (&[("LANG", "de_DE.ISO-8859-1")], true),
        (&[("LANG", "C")], true),
        (&[], true),
    ] {
        assert_eq!(drawn(&line, variables).is_ascii(), ascii, "{variables:?}");
    }
    assert!(drawn(&format!("{line} --ascii"), &[("LANG", "C.UTF-8")]).is_ascii());
    // Everything else that is printed, too.
    for line in [
        format!("{line} --view flame"),
        format!("{line} --view table --details"),
        format!("{line} --view summary"),
        format!("{line} --details"),
        format!("replay-capture {WRITE}"),
    ] {
        assert!(drawn(&line, &[]).is_ascii(), "{line}");
    }
    let mut check = spanglass(&format!("check-capture {WRONG_NAME}"));
    check.0.env_remove("LANG");
    let check = check.run();
    assert!(check.stdout.is_ascii(), "{}", check.stdout);
    let mut aside = spanglass(&format!("flamegraph-text {WRONG_NAME}"));
    aside.0.env_remove("LANG");
    let aside = aside.run();
    assert!(aside.stderr.is_ascii(), "{}", aside.stderr);
}

#[test]
fn flags_are_variables() {
    for value in ["1", "true", "yes"] {
        let ran = spanglass(&format!("flamegraph-text {WRITE}")).env("SPANGLASS_ASCII", value).run().exits(0);
        assert!(ran.stdout.is_ascii(), "SPANGLASS_ASCII={value}");
    }
    for value in ["0", "false", ""] {
        let ran = spanglass(&format!("flamegraph-text {WRITE}")).env("SPANGLASS_ASCII", value).run().exits(0);
        assert!(!ran.stdout.is_ascii(), "SPANGLASS_ASCII={value}");
    }
    let by = |variable: &str, value: &str| {
        let run = spanglass(&format!("flamegraph-text {WRITE}")).env(variable, value).run();
        (run.exits(0).stdout, spanglass(&format!("flamegraph-text {WRITE}")))
    };
    for (variable, value, flags) in [
        ("SPANGLASS_VIEW", "table", "--view table"),
        ("SPANGLASS_ALL", "1", "--all"),
        ("SPANGLASS_DEPTH", "2", "--depth 2"),
        ("SPANGLASS_MIN", "5%", "--min 5%"),
        ("SPANGLASS_TAGS", "env,version", "--tags env,version"),
        ("SPANGLASS_TRACE", "dfef0642", "--trace dfef0642"),
        ("SPANGLASS_LIMIT", "2", "--limit 2"),
        ("SPANGLASS_QUIET", "1", "--quiet"),
        ("SPANGLASS_FORMAT", "json", "--format json"),
        ("SPANGLASS_JSON", "1", "--json"),
        ("SPANGLASS_NO_REDACT", "1", "--no-redact"),
        ("SPANGLASS_DETAILS", "1", "--details"),
    ] {
        let (stdout, run) = by(variable, value);
        let flagged = run.args(flags.split_whitespace()).run().exits(0).stdout;
        assert_eq!(stdout, flagged, "{variable}={value} and {flags}");
    }
    let ran = spanglass(&format!("flamegraph-text {WRITE}")).env("SPANGLASS_VIEW", "sideways").run().exits(2);
    assert!(ran.stderr.contains("sideways"), "{}", ran.stderr);
    // A flag stands above its variable.
    let ran =
        spanglass(&format!("flamegraph-text {WRITE} --view tree")).env("SPANGLASS_VIEW", "sideways-not-used").run();
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

// ---- text from data -----------------------------------------------------------------------------------------

/// Everything that could steer a terminal or forge a line.
const HOSTILE: &str =
    "a\u{1b}[31mb\u{7}c\rd\ne\tf\u{9b}31mg\u{202e}h\u{200f}i\u{2066}j\u{0}k\u{7f}l\u{2028}m\u{feff}n\u{85}o";

fn hostile() -> Vec<u8> {
    let mut root = Made::new(1, 0, 0, 1_000).named(HOSTILE).tag(HOSTILE, HOSTILE).tag("plain", HOSTILE);
    root.service = HOSTILE.into();
    root.resource = format!("{HOSTILE} {HOSTILE}");
    root.error = 1;
    root.meta.insert("error.message".into(), HOSTILE.into());
    root.meta.insert("error.type".into(), HOSTILE.into());
    root.meta.insert("_dd.p.tid".into(), HOSTILE.into());
    root.meta.insert("span.kind".into(), HOSTILE.into());
    root.meta.insert(
        "events".into(),
        json!([{"name": HOSTILE, "time_unix_nano": NOW, "attributes": {HOSTILE: HOSTILE}}]).to_string(),
    );
    root.meta.insert(
        "_dd.span_links".into(),
        json!([{"trace_id": "1", "span_id": "2", "attributes": {HOSTILE: HOSTILE}, "tracestate": HOSTILE}]).to_string(),
    );
    root.metrics.insert(HOSTILE.into(), 1.0);
    let child = Made::new(2, 1, 2_000, 10).named("child");
    v04(&[root, child])
}

fn assert_harmless(text: &str, what: &str) {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            || matches!(c, '\u{2028}' | '\u{2029}')
    };
    let bad: Vec<&str> = text.lines().filter(|line| line.chars().any(steers)).collect();
    assert!(bad.is_empty(), "{what}: {bad:?}");
}

#[test]
fn nothing_from_data_steers_a_terminal() {
    let unknown = b"\x91\x91\x82\xa7span_id\x06\xa6\x1b[31mk\xc1".to_vec();
    let unknown_key = b"\x91\x91\x82\xa7span_id\x06\xa6\x1b[31mk\x01".to_vec();
    let headers = json!([
        ["Content-Type", HOSTILE],
        ["X-Datadog-Trace-Count", HOSTILE],
        ["Datadog-Meta-Lang", HOSTILE],
        ["Content-Encoding", "identity"],
        ["Datadog-Meta-Tracer-Version", HOSTILE],
    ]);
    let mut capture = request("/v0.4/traces", &headers, &hostile());
    capture.push_str(&request(&format!("/v0.4/traces?{HOSTILE}"), &json!([["Content-Encoding", HOSTILE]]), b"\x90"));
    capture.push_str(&format!("{{\"type\":\"{HOSTILE}\"}}\n").replace(['\n', '\r', '\0'], "x"));
    let files = folder(&[
        ("hostile.v0.4.bin", &hostile()),
        ("unknown.v0.4.bin", &unknown),
        ("key.v0.4.bin", &unknown_key),
        ("capture.jsonl", capture.as_bytes()),
        ("\u{1b}[31mname\u{7}.v0.4.bin", &hostile()),
        ("\u{1b}[31mempty\u{7}.v0.4.bin", b""),
    ]);
    for input in [
        "hostile.v0.4.bin",
        "unknown.v0.4.bin",
        "key.v0.4.bin",
        "capture.jsonl",
        "\u{1b}[31mname\u{7}.v0.4.bin",
        "\u{1b}[31mempty\u{7}.v0.4.bin",
        "\u{1b}[31mmissing\u{7}",
    ] {
        for line in [
            "flamegraph-text",
            "flamegraph-text --view tree --details",
            "flamegraph-text --details --no-redact --tags plain,span.kind",
            "flamegraph-text --view table",
            "flamegraph-text --view flame",
            "flamegraph-text --view summary",
            "flamegraph-text --width 40",
            "flamegraph-text --service nobody",
            "replay-capture",
            "check-capture -vv",
            "flamegraph-text -vv --ascii",
            "flamegraph-text --json",
            "replay-capture --json",
            "replay-capture --decoded jsonl",
            "check-capture --json",
        ] {
            let ran = in_folder(&files, line).args([input]).run();
            if line.contains("json") {
                // What JSON must escape; the rest has a test of its own.
                let raw = ran.stdout.chars().any(|c| c < ' ' && c != '\n');
                assert!(!raw, "{line} {input:?}: {:?}", ran.stdout);
            } else {
                assert_harmless(&ran.stdout, &format!("stdout of {line} {input:?}"));
            }
            assert_harmless(&ran.stderr, &format!("stderr of {line} {input:?}"));
        }
    }
    let ran = Spanglass::new(["explain", "\u{1b}[31mD001"]).run().exits(2);
    assert_harmless(&ran.stderr, "explain");
}

/// JSON need not escape DEL and C1 controls (CSI among them) or what turns the direction of text, but it may, and a
/// document is printed on terminals too.
#[test]
fn json_escapes_every_control_character() {
    let files = folder(&[("hostile.v0.4.bin", &hostile())]);
    for line in
        ["flamegraph-text --json", "replay-capture --json", "replay-capture --decoded jsonl", "check-capture --json"]
    {
        let ran = in_folder(&files, &format!("{line} hostile.v0.4.bin")).run();
        assert_harmless(&ran.stdout, line);
    }
}

#[test]
fn secrets_are_masked() {
    let secret = "hunter2-do-not-print";
    let span = Made::new(1, 0, 0, 1_000)
        .tag("db.password", secret)
        .tag("http.request.headers.authorization", secret)
        .tag("x-api-key", secret)
        .tag("aws.secret_access_key", secret)
        .tag("session_token", secret)
        .tag("http.url", "http://example/visible");
    let headers = json!([
        ["DD-API-KEY", secret],
        ["Authorization", format!("Bearer {secret}")],
        ["Cookie", secret],
        ["X-Auth-Token", secret],
        ["X-Datadog-Test-Session-Token", "visible"],
    ]);
    let body = v04(&[span]);
    let line = request("/v0.4/traces", &headers, &body);
    let files = folder(&[("a.v0.4.bin", &body), ("b.jsonl", line.as_bytes())]);
    for input in ["a.v0.4.bin", "b.jsonl"] {
        for flags in [
            "flamegraph-text --details",
            "flamegraph-text --tags db.password,session_token,http.url",
            "flamegraph-text --view tree --details --ascii",
            "flamegraph-text -vv",
            "replay-capture -vv",
            "check-capture -vv",
            "check-capture --json",
            "check-capture -vv --no-redact",
            "replay-capture --json",
        ] {
            let ran = in_folder(&files, &format!("{flags} {input}")).run();
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{flags} {input}: {ran:?}");
        }
        for flags in ["--details", "--tags db.password,http.url"] {
            let masked = in_folder(&files, &format!("flamegraph-text {flags} {input}")).run().exits(0).stdout;
            assert!(masked.contains("db.password") && masked.contains("visible"), "{masked}");
            let shown =
                in_folder(&files, &format!("flamegraph-text {flags} {input} --no-redact")).run().exits(0).stdout;
            assert!(shown.contains(secret), "{shown}");
        }
    }
    let check = in_folder(&files, "check-capture b.jsonl --json").run().json();
    assert!(codes(&check).contains(&"H009"), "credentials in a capture are a finding: {check}");
}

// ---- drawing ------------------------------------------------------------------------------------------------

#[test]
fn a_table_keeps_numbers_whole_at_every_width() {
    for width in [40, 50, 60, 72, 80, 100] {
        for (line, numbers) in [
            (format!("flamegraph-text {WRITE} --view summary"), &["1.864ms", "2.150ms", "5.487ms"][..]),
            (format!("replay-capture {WRITE}"), &["1.864ms", "2.150ms", "3.284ms"]),
        ] {
            let drawn = spanglass(&format!("{line} --width {width}")).run().exits(0).stdout;
            for number in numbers {
                assert!(drawn.contains(number), "{line} at {width} columns has no {number}:\n{drawn}");
            }
        }
    }
}

#[test]
fn every_view_fits_its_width() {
    let mut faults: Vec<String> = Vec::new();
    for width in [40, 41, 59, 60, 79, 80, 100, 120, 200, 250] {
        for file in [WRITE, READ, "fixtures/payloads/v0.4/dist-two-services-py-1.v0.4.bin"] {
            for view in ["waterfall", "tree", "flame", "table", "summary", "waterfall --details"] {
                let line = format!("flamegraph-text {file} --all --width {width} --view {view}");
                let drawn = spanglass(&line).run().exits(0).stdout;
                let long = |line: &&str| spanglass::render::width_of(line) > width;
                if let Some(row) = drawn.lines().find(long) {
                    faults.push(format!("{} columns: {line}: {row:?}", spanglass::render::width_of(row)));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} drawings are too wide:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_list_names_every_trace_slowest_first() {
    let drawn = spanglass(&format!("flamegraph-text {WRITE} {READ}")).run().exits(0).stdout;
    let list: Vec<&str> = drawn.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    assert_eq!(list.len(), 6, "{drawn}");
    let json = spanglass(&format!("flamegraph-text {WRITE} {READ} --json")).run().exits(0).json();
    let mut traces: Vec<(i64, &str)> = json
        .as_array()
        .expect("traces")
        .iter()
        .map(|trace| (trace["duration_ns"].as_i64().expect("a time"), trace["trace_id"].as_str().expect("an id")))
        .collect();
    traces.sort_by(|a, b| b.cmp(a));
    for (line, (_, id)) in list.iter().zip(&traces) {
        let shown = line.split_whitespace().next().expect("an id");
        assert!(id.starts_with(shown), "{line} is not {id}");
        let wanted = spanglass(&format!("flamegraph-text {WRITE} {READ} --json --trace {shown}")).run().exits(0).json();
        assert_eq!(wanted["trace_id"], *id, "the shortened id finds its trace");
    }
    let slowest = traces[0].1;
    assert!(drawn.contains(&format!("\n\n{slowest}")), "the slowest is drawn below the list");
    let ids = |sort: &str| -> Vec<String> {
        let drawn = spanglass(&format!("flamegraph-text {WRITE} {READ} --sort {sort}")).run().exits(0).stdout;
        let list = drawn.lines().skip(1).take_while(|line| !line.is_empty());
        list.map(|line| line.split_whitespace().next().expect("an id").to_owned()).collect()
    };
    let mut orders: Vec<Vec<String>> = Vec::new();
    for sort in ["duration", "start", "self", "spans", "errors", "name", "service"] {
        let mut sorted = ids(sort);
        orders.push(sorted.clone());
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 6, "{sort}");
    }
    assert_ne!(orders[0], orders[1]);
}

#[test]
fn an_orphan_is_a_root_that_keeps_its_parent() {
    let file = "fixtures/payloads/invalid/parent-missing.v0.4.bin";
    let document = spanglass(&format!("flamegraph-text {file} --json")).run().exits(0).json();
    let roots = document["roots"].as_array().expect("roots");
    assert_eq!(roots.len(), 2);
    assert_eq!((&roots[0]["parent_id"], &roots[1]["parent_id"]), (&Value::Null, &json!("000000000000022b")));
    assert_eq!(document["anomalies"], json!([{"code": "T002", "span_id": "0000000000000386"}]));
}

#[test]
fn a_negative_duration_is_shown_as_it_is() {
    let file = "fixtures/payloads/invalid/negative-duration.v0.4.bin";
    let drawn = spanglass(&format!("flamegraph-text {file}")).run().exits(0).stdout;
    assert!(drawn.lines().any(|line| line.contains(" -")), "{drawn}");
    let document = spanglass(&format!("flamegraph-text {file} --json")).run().exits(0).json();
    assert!(document["roots"][0]["duration_ns"].as_i64().is_some_and(|ns| ns < 0), "{document}");
}

/// Nothing reads above the project or writes into it.
#[test]
fn the_working_directory_does_not_matter() {
    let folder = folder(&[]);
    let absolute: PathBuf = root().join(WRITE);
    let here = Spanglass::new(["flamegraph-text".as_ref(), absolute.as_os_str()]).run().exits(0);
    let mut there = Spanglass::new(["flamegraph-text".as_ref(), absolute.as_os_str()]);
    there.0.current_dir(folder.path());
    assert_eq!(there.run().exits(0).stdout, here.stdout);
    assert!(fs::read_dir(folder.path()).expect("a folder").next().is_none());
    assert!(Path::new(&absolute).is_file());
}

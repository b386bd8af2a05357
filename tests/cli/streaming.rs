//! Captures larger than what is held in memory at once: several threads, windows, and what does not depend on them.

use crate::support::body::{Made, chain, fan, v04, v04_chunks};
use crate::support::process::{Ran, spanglass};
use base64::Engine as _;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn run(folder: &TempDir, line: &str) -> Ran {
    let mut command = spanglass(line);
    command.0.current_dir(folder.path());
    command.run()
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn request(body: &[u8]) -> String {
    let headers = json!([["Datadog-Meta-Lang", "go"], ["Datadog-Meta-Tracer-Version", "2.1"]]);
    let crc = format!("{:08x}", crc32fast::hash(body));
    json!({"type": "request", "method": "POST", "path": "/v0.4/traces", "headers": headers, "body_len": body.len(),
           "body_crc": crc, "body": base64(body)})
    .to_string()
        + "\n"
}

/// A trace of its own, with something wrong now and then.
fn trace(number: u64, spans: u64) -> Vec<Made> {
    let mut spans = if number.is_multiple_of(2) { chain(spans) } else { fan(spans) };
    for span in &mut spans {
        span.trace_id = 1000 + number;
    }
    if let Some(span) = spans.get_mut(3) {
        match number % 5 {
            0 => span.duration = -5,
            1 => span.name = String::new(),
            2 => span.parent_id = 999_999,
            _ => {}
        }
    }
    spans
}

/// About 3 MB of everything that a line can be: a dozen blocks of lines.
fn capture() -> String {
    let mut text = String::from("{\"type\":\"capture\",\"v\":1}\n");
    for number in 0..40 {
        // A body over several blocks now and then, and many small ones.
        let spans = if number % 13 == 5 { 5000 } else { 20 + number * 7 };
        let mut body = v04(&trace(number, spans));
        text += &request(&body);
        text += &match number {
            3 => "{\"type\":\"request\",\"method\":\"POST\",\"path\":\"/v0.4/traces\",\"body\":\"%%%\"}\n".to_owned(),
            7 => "no record\n\n  \n".to_owned(),
            11 => {
                let wrong = request(&v04(&trace(100, 5))).replace("\"body_crc\":\"", "\"body_crc\":\"x");
                format!("{}{}", wrong.trim_end(), request(&v04(&trace(101, 5))))
            }
            14 => {
                body.truncate(body.len() - 3);
                request(&body)
            }
            17 => format!("{{\"type\":\"note\"}}\n{{\"type\":\"response\",\"seq\":1,\"body\":\"{}\"}}\n", "A".repeat(300_000)),
            20 => {
                let text = "{\"type\":\"capture\",\"v\":2}\n".to_owned() + &request(&v04(&trace(102, 5)));
                text + "{\"type\":\"capture\",\"v\":1}\n"
            }
            23 => json!({"type": "request", "method": "POST", "path": "/v0.4/traces", "aborted": true,
                         "body_text": "[[{\"trace_id\":5,\"span_id\":6,\"name\":\"x\"}]]"})
            .to_string()
                + "\n",
            26 => json!({"type": "request", "method": "POST", "path": "/v0.4/traces", "headers": [["body", "\"body\":\""]],
                         "extra": {"body": "kA=="}, "body": base64(&v04(&trace(103, 9)))})
            .to_string()
                + "\n",
            29 => format!("{{\"type\":\"request\",\"x\":\"{}\"}}\n", "y".repeat(3_000_000)),
            _ => String::new(),
        };
    }
    text + "{\"type\":\"request\",\"path\":\"/v0.4/tra"
}

#[test]
fn the_number_of_threads_does_not_show() {
    let text = capture();
    let folder = folder(&[("c.jsonl", text.as_bytes()), ("b.v0.4.bin", &v04(&trace(200, 30)))]);
    for line in [
        "check-capture c.jsonl b.v0.4.bin --json --max-body 1MiB --now 2030-01-01T00:00:00Z",
        "check-capture c.jsonl b.v0.4.bin -v --max-body 1MiB --now 2030-01-01T00:00:00Z",
        "replay-capture b.v0.4.bin c.jsonl",
        "replay-capture c.jsonl --decoded jsonl",
        "replay-capture c.jsonl --count --json",
        "replay-capture c.jsonl --service shop --strict --json",
        "flamegraph-text c.jsonl --format jsonl",
        "flamegraph-text c.jsonl b.v0.4.bin",
    ] {
        let one = run(&folder, &format!("{line} --threads 1"));
        let threads = 3;
        {
            let several = run(&folder, &format!("{line} --threads {threads}"));
            assert_eq!(several.status, one.status, "{line}");
            let text = |ran: &Ran| {
                let lines = ran.stdout.lines().chain(ran.stderr.lines());
                // How long it took is no result.
                lines.filter(|line| !line.contains("elapsed_ns")).map(str::to_owned).collect::<Vec<_>>()
            };
            let (one, several) = (text(&one), text(&several));
            let differs = one.iter().zip(&several).find(|(one, several)| one != several);
            assert_eq!(differs, None, "{line}");
            assert_eq!(one.len(), several.len(), "{line}");
            assert!(one.len() > 2 || line.contains("--json"), "{line}: {one:?}");
        }
    }
}

#[test]
fn records_have_their_numbers_whichever_thread_read_them() {
    let folder = folder(&[("c.jsonl", capture().as_bytes())]);
    let spans = run(&folder, "replay-capture c.jsonl --decoded jsonl --threads 3").json_lines();
    let records: Vec<u64> = spans.iter().filter_map(|span| span["record"].as_u64()).collect();
    assert_eq!(records.len(), spans.len());
    assert!(records.is_sorted());
    // 40, both on the joined line, the cut one, the two with odd members; not the one of the newer version.
    assert_eq!(records.last(), Some(&44));
    let document = run(&folder, "check-capture c.jsonl --json --threads 3").json();
    assert_eq!(document["records"]["read"].as_u64(), document["records"]["decoded"].as_u64().map(|n| n + 4));
}

fn counts(document: &Value) -> (u64, u64, u64) {
    let count = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap_or(u64::MAX);
    (count("/records/read"), count("/records/decoded"), count("/spans"))
}

#[test]
fn bodies_one_after_the_other_are_records() {
    // Over 16 MiB, so that it is read through a window; one body is larger than that, and one is small.
    let big = v04(&chain(60_000));
    let mut bodies = vec![v04(&trace(1, 20)), big, v04(&trace(2, 7))];
    bodies.extend((10..16).map(|number| v04_chunks(&[&trace(number, 14_000), &trace(number + 100, 3)])));
    let file = bodies.concat();
    assert!(file.len() > 16 << 20, "{} bytes", file.len());
    let lines: String = bodies.iter().map(|body| request(body)).collect();
    let tail = [file.as_slice(), b"\xc3\xc3"].concat();
    let cut = &file[..file.len() - 3];
    let folder = folder(&[("a.bin", &file), ("c.jsonl", lines.as_bytes()), ("tail.bin", &tail), ("cut.v0.4.bin", cut)]);
    let expected = counts(&run(&folder, "replay-capture c.jsonl --json").json());
    assert_eq!(expected.0, bodies.len() as u64);
    for line in [
        "replay-capture a.bin --json",
        "replay-capture a.bin --count --json",
        "replay-capture a.bin --json --protocol v0.4",
    ] {
        assert_eq!(counts(&run(&folder, line).exits(0).json()), expected, "{line}");
    }
    // Traces are drawn from bodies that are read again.
    let drawn = |name: &str| run(&folder, &format!("flamegraph-text {name} --all --view summary")).exits(0).stdout;
    assert_eq!(drawn("a.bin"), drawn("c.jsonl"));
    let tailed = run(&folder, "check-capture tail.bin --json").json();
    assert_eq!(counts(&tailed), expected);
    let found = |document: &Value, code: &str| -> Vec<Value> {
        let findings = document["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["code"] == code)
            .map(|finding| json!([finding["record"], finding["offset"]]))
            .collect()
    };
    let last = bodies.last().unwrap().len();
    assert_eq!(found(&tailed, "D016"), [json!([bodies.len() - 1, last])]);
    let cut = run(&folder, "check-capture cut.v0.4.bin --json").json();
    assert_eq!(counts(&cut).0, expected.0);
    assert_eq!(found(&cut, "D001"), [json!([bodies.len() - 1, last - 3])]);
}

#[test]
fn a_small_file_may_hold_several_bodies_too() {
    let bodies = [v04(&trace(1, 4)), v04(&trace(2, 5))];
    let folder = folder(&[("two.v0.4.bin", &bodies.concat()), ("two.v0.5.bin", &bodies.concat())]);
    let document = run(&folder, "check-capture two.v0.4.bin --json").json();
    assert_eq!(counts(&document), (2, 2, 10));
    // In a request there is one body, and what comes after it is left over.
    let folder = self::folder(&[("c.jsonl", request(&bodies.concat()).as_bytes())]);
    let document = run(&folder, "check-capture c.jsonl --json").json();
    assert_eq!(counts(&document).0, 1);
    assert!(document["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "D016"));
}

#[test]
fn findings_show_their_bytes_when_asked() {
    let mut body = v04(&[Made::new(1, 0, 0, 5)]);
    let at = body.windows(5).position(|bytes| bytes == b"\xa4name").unwrap() + 5;
    body[at] = 0xc1;
    let folder = folder(&[("c.jsonl", request(&body).as_bytes())]);
    let text = run(&folder, "check-capture c.jsonl -v --width 100").exits(1).stdout;
    let row = at / 16 * 16;
    let hex: Vec<String> = body[row..row + 16].iter().map(|byte| format!("{byte:02x}")).collect();
    for expected in [
        "marker 0xc1 (never used)".to_owned(),
        format!("{row:08x}  {}  {}", hex[..8].join(" "), hex[8..].join(" ")),
        "sent by go 2.1".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} is not in\n{text}");
    }
    assert!(!run(&folder, "check-capture c.jsonl").stdout.contains("sent by"));
}

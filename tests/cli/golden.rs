//! Drawings as they are printed, byte for byte, colours included: `fixtures/golden/`. `UPDATE_GOLDEN=1 cargo test`
//! writes them.

use crate::support::process::spanglass;
use crate::support::{fixture, golden};

const WRITE: &str = "fixtures/payloads/v0.4/xmtpd-write-py.v0.4.bin";
const TWO_SERVICES: &str = "fixtures/payloads/v0.4/dist-two-services-py-1.v0.4.bin \
                            fixtures/payloads/v0.4/dist-two-services-py-2.v0.4.bin";
const REPLICATION: &str = "fixtures/payloads/v0.4/xmtpd-replication-py.v0.4.bin";
const READ: &str = "fixtures/payloads/v0.4/xmtpd-read-py.v0.4.bin";

/// Draws `input` with `flags` and compares with `fixtures/golden/<name>.txt`.
fn drawing(name: &str, input: &str, flags: &str) -> String {
    let ran = spanglass("flamegraph-text").args(input.split_whitespace()).args(flags.split_whitespace()).run();
    assert_eq!(ran.stderr, "", "{name}");
    let ran = ran.exits(0);
    golden(&fixture("golden").join(format!("{name}.txt")), ran.stdout.as_bytes());
    ran.stdout
}

/// `text` without SGR sequences.
fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap_or_else(|| panic!("no SGR sequence: {part:?}"));
        assert!(codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{codes:?}");
        plain.push_str(rest);
    }
    plain
}

fn at_every_width(name: &str, input: &str) {
    for width in [40, 80, 120, 200] {
        for ascii in ["", " --ascii"] {
            let form = if ascii.is_empty() { "unicode" } else { "ascii" };
            let flags = format!("--all --width {width}{ascii}");
            let plain = drawing(&format!("{name}.{width}.{form}"), input, &flags);
            let coloured = drawing(&format!("{name}.{width}.{form}.colour"), input, &format!("{flags} --color always"));
            assert_eq!(without_colour(&coloured), plain, "colour changes more than colours");
            assert_ne!(coloured, plain);
            assert!(ascii.is_empty() || plain.is_ascii());
        }
    }
}

#[test]
fn xmtpd_write() {
    at_every_width("xmtpd-write-py", WRITE);
}

#[test]
fn two_services() {
    at_every_width("dist-two-services-py", TWO_SERVICES);
}

/// Every view of one trace, at every width, coloured or not, in Unicode and ASCII: a file for each view.
#[test]
fn every_view() {
    const SKEWED: &str = "fixtures/traces/skewed.zipkin.json";
    for (name, input, flags) in [
        ("tree", REPLICATION, "--view tree"),
        ("flame", REPLICATION, "--view flame"),
        ("table", READ, "--view table"),
        ("summary", TWO_SERVICES, "--view summary"),
        ("critical-path", WRITE, "--view tree --critical-path"),
        ("merge", TWO_SERVICES, "--merge"),
        ("merge-by-service", TWO_SERVICES, "--merge --by service"),
        ("collapse-repeats", SKEWED, "--collapse-repeats"),
        ("fix-skew", SKEWED, "--fix-skew"),
        ("segments", TWO_SERVICES, "--segments"),
        ("stitch", WRITE, "--stitch time"),
    ] {
        let mut all = String::new();
        for width in [40, 80, 120, 200] {
            for form in ["", " --ascii", " --color always", " --ascii --color always"] {
                let flags = format!("{flags} --width {width}{form}");
                let ran =
                    spanglass("flamegraph-text").args(input.split_whitespace()).args(flags.split_whitespace()).run();
                let ran = ran.exits(0);
                assert_eq!(ran.stderr, "", "{name}");
                let plain = without_colour(&ran.stdout);
                assert!(!form.contains("ascii") || plain.is_ascii(), "{name}: {plain}");
                all.push_str(&format!("$ {flags}\n{}", ran.stdout));
            }
        }
        golden(&fixture("golden/views").join(format!("{name}.txt")), all.as_bytes());
    }
}

#[test]
fn details_in_colour() {
    let input = "fixtures/payloads/v0.4/events-links-struct-py.v0.4.bin";
    for colour in ["", " --color always"] {
        let form = if colour.is_empty() { "" } else { ".colour" };
        drawing(&format!("events-links-struct-py.details{form}"), input, &format!("--details --width 100{colour}"));
    }
}

/// The worker that runs after its publisher returned hangs under it, with the wait drawn; the one that a timer started
/// is a trace of its own.
#[test]
fn the_asynchronous_worker_hangs_under_its_publisher() {
    let drawn = spanglass("flamegraph-text --width 120 --all").args([WRITE]).run().exits(0).stdout;
    let line_of = |text: &str| drawn.lines().position(|line| line.contains(text));
    let publisher = line_of("xmtpd.node.publish_payer_envelopes").expect("the publisher");
    let worker = line_of("xmtpd.publish_worker").expect("the worker");
    assert!(worker > publisher, "{drawn}");
    let later = drawn.lines().nth(worker - 1).expect("the line above the worker");
    assert!(later.contains("later") && later.contains('·'), "{drawn}");
    assert_eq!(drawn.lines().filter(|line| line.starts_with("6b001b1c")).count(), 3, "three traces\n{drawn}");
}

/// One tree across both services.
#[test]
fn one_tree_across_two_services() {
    let flags = ["--format", "json"];
    let ran = spanglass("flamegraph-text").args(TWO_SERVICES.split_whitespace()).args(flags).run().exits(0);
    let document = ran.json();
    assert_eq!(document["roots"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["services"], serde_json::json!(["postgres", "serviceA", "serviceB"]));
    let drawn = spanglass("flamegraph-text").args(TWO_SERVICES.split_whitespace()).run().exits(0).stdout;
    assert_eq!(drawn.matches("serviceA").count(), 2, "{drawn}");
    assert!(drawn.contains("3 services"), "{drawn}");
}

//! Every body and capture of `fixtures/` with bytes flipped, cut out, doubled and put elsewhere, by a seeded generator:
//! reading, checking and drawing never panics, memory stays in proportion to the input, findings have places.

mod support;

use spanglass::capture::{self, CaptureLimits};
use spanglass::diagnostic::{Diagnostic, Diagnostics, Place};
use spanglass::intake::{Intake, Note, Scanned, Settings};
use spanglass::lint::{self, payload::Context};
use spanglass::time::Timestamp;
use spanglass::trace::Batch;
use spanglass::tree::TraceTree;
use spanglass::wire::{self, Options, Protocol};
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use support::body::{Decoded, NOW};
use support::{all_bodies, fixture, name_of, protocol_of, read};

/// Mutants of each fixture. Seeds are the fixture's name and the mutant's number, so that a failure can be repeated.
const MUTANTS: u64 = 120;

/// SplitMix64: small, seeded, good enough to choose places.
struct Random(u64);

impl Random {
    fn of(name: &str, number: u64) -> Self {
        let seed = name.bytes().fold(number, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Bytes that mean much: every kind of marker of msgpack, lengths at their ends, tags of protobuf, JSON's punctuation.
const TELLING: [u8; 36] = [
    0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xc4, 0xc6, 0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd4,
    0xdb, 0xdc, 0xdd, 0xdf, 0xff, 0x0a, 0x12, 0x0b, 0x0c, 0x4a, b'"', b'\\', b'{', b'}', b'[', b',', b'n',
];

/// `bytes` with one to four faults.
fn mutant(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let length = 1 + random.below(32);
        let end = (at + length).min(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 if !bytes.is_empty() => bytes[at] = TELLING[random.below(TELLING.len())],
            3 => bytes.truncate(at),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 => drop(bytes.drain(at..end)),
            _ => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
}

/// Checks that every finding says where it was made, and that this place exists.
fn findings_have_places(found: &Diagnostics, body: Option<usize>, what: &str) {
    for finding in found.iter() {
        assert!(!finding.message().is_empty(), "{what}: {finding}");
        match finding.place() {
            Some(Place::Body { offset, path, .. }) => {
                let inside = match (offset, body) {
                    (Some(offset), Some(length)) => *offset <= length,
                    (None, _) => true,
                    (Some(_), None) => true,
                };
                assert!(inside, "{what}: {finding} of {body:?} bytes");
                assert!(!path.chars().any(char::is_control), "{what}: {finding:?}");
            }
            Some(Place::Text { .. }) => {}
            None => panic!("{what}: no place in {finding}"),
        }
    }
}

/// Decodes, checks and draws a body as the commands do.
fn examine(protocol: Protocol, body: Vec<u8>, what: &str) {
    let (mut batch, mut found) = (Batch::default(), Diagnostics::default());
    wire::decode(protocol, &body, &Options::default(), &mut batch, &mut found.body(0));
    findings_have_places(&found, Some(body.len()), what);
    // The shortest span is one byte and makes a record of about a hundred; vectors grow by doubling.
    assert!(batch.heap_bytes() <= 256 * body.len() + 4096, "{what}: {} bytes of heap", batch.heap_bytes());
    let payload = batch.view(&body);
    for span in payload.spans() {
        assert!(span.offset() < body.len(), "{what}");
        assert!(span.chunk().is_some(), "{what}");
    }
    assert_eq!(payload.chunks().map(|chunk| chunk.spans().len()).sum::<usize>(), payload.spans().len(), "{what}");
    let mut judged = Diagnostics::default();
    let context = Context { now: Some(Timestamp(NOW)), lang: Some("go") };
    lint::payload::spans(0, payload, &context, &mut judged);
    findings_have_places(&judged, Some(body.len()), what);
    drop(batch);

    // The same bytes as a file, read by the intake with the content deciding.
    let length = body.len();
    let name = format!("mutant.{protocol}.bin");
    let capture = capture::open_body(Cursor::new(body), Path::new(&name), CaptureLimits::default());
    take_in(vec![(name.into(), capture)], Some(length), what);
}

fn take_in(inputs: Vec<(std::path::PathBuf, capture::Capture<Cursor<Vec<u8>>>)>, body: Option<usize>, what: &str) {
    let mut intake = Intake::new(inputs, Settings::default());
    let mut found = Diagnostics::default();
    let judge = |_: &mut (), scanned: &Scanned<'_>, found: &mut Diagnostics| {
        lint::payload::request(scanned.number, &scanned.record.request, scanned.protocol, scanned.payload, found);
        lint::payload::spans(scanned.number, scanned.payload, &Context::default(), found);
    };
    intake.scan(&Options::default(), Note::Places, None, &mut found, judge, |_, _, ()| ControlFlow::Continue(()));
    let counts = intake.counts();
    assert_eq!(counts.read, counts.decoded + counts.skipped, "{what}");
    assert!(counts.other + counts.refused <= counts.skipped, "{what}");
    let in_traces: u64 = intake.traces().iter().map(|trace| trace.spans).sum();
    assert_eq!(in_traces, counts.spans, "{what}: every span is in one trace");
    let wanted: Vec<usize> = (0..intake.traces().len()).collect();
    let mut drawn = 0;
    let visited = intake.visit(&wanted, &Options::default(), |trace, records| {
        let records: Vec<usize> = records.iter().map(|record| *record as usize).collect();
        let tree = TraceTree::of(trace);
        drawn += tree.walk().count() as u64;
        lint::structure::trace(&tree, &records, &mut found);
        draw(&tree);
        ControlFlow::Continue(())
    });
    visited.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(drawn, counts.spans, "{what}: every span is drawn once");
    findings_have_places(&found, body, what);
}

#[cfg(feature = "render")]
fn draw(tree: &TraceTree<'_, '_>) {
    use spanglass::render::{self, Theme, Timeline, TreeOptions, table};
    let mut out = Vec::new();
    let options = TreeOptions {
        timeline: Timeline::Drawn,
        depth: None,
        min: None,
        tags: &[],
        details: true,
        collapse: false,
        mark: None,
        notes: None,
    };
    let theme = Theme::plain(80);
    let shown = render::tree(&mut out, tree, &options, &theme).expect("a drawing");
    assert_eq!(shown.drawn, tree.len());
    let folded = TreeOptions { collapse: true, details: false, ..options };
    let shown = render::tree(&mut out, tree, &folded, &theme).expect("a drawing");
    assert!(shown.drawn <= tree.len());
    render::flame(&mut out, tree, None, None, &theme).expect("a drawing");
    table::spans(&mut out, tree, None, None, table::SpanOrder::Start, &theme).expect("a table");
    let text = String::from_utf8(std::mem::take(&mut out)).expect("UTF-8");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "control characters in {text:?}");
    render::json::trace(&mut out, tree, &lint::structure::anomalies(tree), &render::json::Beside::default())
        .expect("a document");
    if tree.walk().all(|node| node.depth < 50) {
        let document: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(document["span_count"], tree.len());
    }
}

#[cfg(not(feature = "render"))]
fn draw(_: &TraceTree<'_, '_>) {}

#[test]
fn mutated_bodies() {
    for path in all_bodies() {
        let (name, mut bytes) = (name_of(&path).to_owned(), read(&path));
        let protocol = protocol_of(&path);
        if let Some(encoding) = spanglass::encoding::Encoding::sniff(&bytes) {
            bytes = spanglass::encoding::decode(encoding, &bytes, &Default::default()).expect("sound data");
        }
        for number in 0..MUTANTS {
            let mut random = Random::of(&name, number);
            examine(protocol, mutant(&bytes, &mut random), &format!("{name}, mutant {number}"));
        }
    }
}

#[test]
fn bodies_cut_at_every_byte() {
    for name in ["v0.4/dist-two-services-py-1.v0.4.bin", "v0.5/dist-two-services-py-1.v0.5.bin"] {
        let path = fixture("payloads").join(name);
        let whole = read(&path);
        let all = Decoded::of(protocol_of(&path), whole.clone()).payload().spans().len();
        let mut before = 0;
        for length in 0..whole.len() {
            let cut = Decoded::of(protocol_of(&path), whole[..length].to_vec());
            let spans = cut.payload().spans().len();
            assert!(!cut.payload().complete(), "{name} cut at {length}");
            assert!(spans >= before && spans <= all, "{name} cut at {length}: {spans} spans after {before}");
            assert!(!cut.found.is_empty(), "{name} cut at {length}");
            findings_have_places(&cut.found, Some(length), name);
            before = spans;
        }
        assert!(before + 1 >= all, "{name}: {before} of {all} spans before the last byte");
    }
}

#[test]
fn the_wrong_protocol_is_no_panic() {
    for path in all_bodies() {
        for protocol in [Protocol::V03, Protocol::V04, Protocol::V05, Protocol::OtlpProto, Protocol::OtlpJson] {
            examine(protocol, read(&path), &format!("{} as {protocol}", name_of(&path)));
        }
    }
}

#[test]
fn mutated_captures() {
    for name in ["capture.jsonl", "hand-made.jsonl", "torn.jsonl"] {
        let bytes = read(&fixture("captures").join(name));
        for number in 0..2 * MUTANTS {
            let what = format!("{name}, mutant {number}");
            let mutant = mutant(&bytes, &mut Random::of(name, number));
            let opened = capture::open(Cursor::new(mutant), Path::new("mutant.jsonl"), CaptureLimits::default());
            if let Ok(capture) = opened {
                take_in(vec![("mutant.jsonl".into(), capture)], None, &what);
            }
        }
    }
}

#[test]
fn mutated_compression() {
    for name in ["capture.jsonl.gz", "capture-members.jsonl.gz", "capture.jsonl.zst"] {
        let bytes = read(&fixture("captures").join(name));
        for number in 0..MUTANTS {
            let mutant = mutant(&bytes, &mut Random::of(name, number));
            let limits = spanglass::encoding::Limits::default();
            let encoding = spanglass::encoding::Encoding::sniff(&bytes).expect("a magic");
            match spanglass::encoding::decode(encoding, &mutant, &limits) {
                Ok(decoded) => assert!(decoded.len() <= 1000 * mutant.len() + (8 << 20), "{name}, mutant {number}"),
                Err(finding) => assert!(!Diagnostic::message(&finding).is_empty(), "{name}, mutant {number}"),
            }
        }
    }
}

/// Lengths and counts that promise four billion of something, wherever one may stand.
#[test]
fn declared_lengths_never_allocate() {
    let headers: [&[u8]; 9] = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdc\xff\xff",
        b"\xde\xff\xff",
        b"\xdd\x7f\xff\xff\xff",
        b"\xdb\x7f\xff\xff\xff",
    ];
    let before: [&[u8]; 16] = [
        b"",
        b"\x91",
        b"\x91\x91",
        b"\x91\x91\x81",
        b"\x91\x91\x81\xa4name",
        b"\x91\x91\x81\xa4meta",
        b"\x91\x91\x81\xa4meta\x81\xa1k",
        b"\x91\x91\x81\xa7metrics",
        b"\x91\x91\x81\xabmeta_struct\x81\xa1k",
        b"\x91\x91\x81\xaaspan_links",
        b"\x91\x91\x81\xabspan_events",
        b"\x91\x91\x81\xabspan_events\x91\x81\xaaattributes",
        b"\x91\x91\x81\xabspan_events\x91\x81\xaaattributes\x81\xa1k\x81\xabarray_value\x81\xa6values",
        b"\x91\x91\x81\xa7unknown",
        b"\x92\x91\xa0",
        b"\x92\x91\xa0\x91\x91\x9c\x00\x00\x00\x01\x01\x00\x00\x00\x00",
    ];
    for prefix in before {
        for header in headers {
            let body = [prefix, header].concat();
            for protocol in [Protocol::V04, Protocol::V05] {
                let decoded = Decoded::of(protocol, body.clone());
                let what = format!("{body:02x?} as {protocol}");
                assert!(decoded.batch.heap_bytes() <= 16 << 10, "{what}: {} bytes", decoded.batch.heap_bytes());
                assert!(!decoded.found.is_empty(), "{what}");
                findings_have_places(&decoded.found, Some(body.len()), &what);
            }
        }
    }
}

/// A string of v0.5 that many spans refer to is not copied for each, nor is what it says.
#[test]
fn shared_strings_stay_shared() {
    let event = r#"{"name":"with \u00e9scapes","time_unix_nano":5,"attributes":{"k":"v\u00e9"}}"#;
    let link =
        r#"{"trace_id":"000000000000000000000000000000ff","span_id":"00000000000000aa","attributes":{"k":"\u00e9"}}"#;
    let list = |item: &str| format!("[{}]", vec![item; 100].join(","));
    let tags = [("plain", "x".repeat(10_000)), ("events", list(event)), ("_dd.span_links", list(link))];
    for (key, text) in tags {
        const SPANS: u64 = 2_000;
        let body = v05_of_one_tag(key, &text, SPANS);
        let decoded = Decoded::of(Protocol::V05, body);
        assert_eq!(decoded.payload().spans().len() as u64, SPANS, "{key}");
        let (heap, length) = (decoded.batch.heap_bytes(), decoded.body.len());
        assert!(heap <= 64 * length, "{key}: {heap} bytes of heap for a body of {length}");
    }
}

/// A v0.5 body of `count` spans that each carry the tag `key`; its text stands in the table once.
fn v05_of_one_tag(key: &str, text: &str, count: u64) -> Vec<u8> {
    let mut body = vec![0x92];
    body.extend(rmp_serde::to_vec(&["", key, text]).expect("msgpack"));
    body.extend([0x91, 0xdd]);
    body.extend((count as u32).to_be_bytes());
    for id in 1..=count {
        body.push(0x9c);
        // service, name, resource, trace, span, parent, start, duration, error
        for number in [0, 0, 0, 7, id, 0, NOW as u64, 1, 0] {
            body.extend(rmp_serde::to_vec(&number).expect("msgpack"));
        }
        // meta, metrics, type
        body.extend([0x81, 1, 2, 0x80, 0]);
    }
    body
}

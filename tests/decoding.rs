//! Every finding of decoding (wire.md section 12, D) where a body earns it: its code, byte, path and words.

#![allow(clippy::unwrap_used)]

mod support;

use spanglass::trace::SpanKind;
use spanglass::wire::Protocol::{self, OtlpJson, OtlpProto, V1, V04, V04Json, V05, V07};
use support::body::Decoded;

fn text(text: &str) -> Vec<u8> {
    [&[0xa0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// A v0.4 body of one span with one entry: the value begins at byte `4 + key.len()`.
fn v04(key: &str, value: &[u8]) -> Vec<u8> {
    [&[0x91, 0x91, 0x81], text(key).as_slice(), value].concat()
}

fn map(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(key, value)| [text(key), value.to_vec()].concat());
    std::iter::once(0x81).chain(entries).collect()
}

/// What is found, and whether the payload counts as complete.
fn findings(protocol: Protocol, body: &[u8]) -> (Vec<String>, bool) {
    let decoded = Decoded::of(protocol, body.to_vec());
    (decoded.findings(), decoded.payload().complete())
}

#[test]
fn every_code_has_its_byte_path_and_words() {
    let doubled = [&[0x91, 0x91, 0x82], text("name").as_slice(), &text("a"), &text("name"), &text("b")].concat();
    let deep = [vec![0x91; 3], vec![0x81], text("x"), vec![0x91; 300]].concat();
    let deep = [&[0x91, 0x91][..], &deep[3..]].concat();
    let cases: Vec<(Protocol, Vec<u8>, &str, bool)> = vec![
        (
            V04,
            v04("name", b"\xa5ab"),
            "error[D001]: the input ends inside a value at byte 11 of 11; 0 complete spans before it kept (record 0, byte 11, [0][0].name)",
            false,
        ),
        (
            V04,
            v04("name", &[0xc1]),
            "error[D002]: the reserved marker 0xc1, or no msgpack at all at byte 8 of 9; 0 complete spans before it kept (record 0, byte 8, [0][0].name)",
            false,
        ),
        (
            V04,
            v04("start", &text("x")),
            "error[D003]: expected an integer, found the string \"x\" (0xa1) (record 0, byte 9, [0][0].start)",
            true,
        ),
        (
            V04,
            v04("meta", &[0xdf, 0xff, 0xff, 0xff, 0xff]),
            "error[D004]: a declared length or count over the bytes left at byte 8 of 13; 0 complete spans before it kept (record 0, byte 8, [0][0].meta)",
            false,
        ),
        (V04, deep, "error[D005]: values nested over the limit at byte 133 of 305", false),
        (V05, [&[0x92, 0x91], text("").as_slice(), &[0x91, 0x91, 0x9c, 9], &[0; 11]].concat(), "error[D006]", true),
        (V05, [&[0x92, 0x91], text("").as_slice(), &[0x91, 0x91, 0x9b], &[0; 11]].concat(), "error[D007]", true),
        (V07, vec![0x80], "error[D008]", true),
        (
            V04,
            v04("start", &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            "error[D009]: 18446744073709551615 is outside -2^63 to 2^63-1; the field is left at 0 (record 0, byte 9, [0][0].start)",
            true,
        ),
        (
            V04,
            v04("span_id", &[0xff]),
            "warning[D009]: a negative id, -1; read as 18446744073709551615 as the agent does (record 0, byte 11, [0][0].span_id)",
            true,
        ),
        (V04Json, b"[[{]]".to_vec(), "error[D011]", false),
        (OtlpJson, b"{\"resourceSpans\":[}".to_vec(), "error[D011]", false),
        (OtlpProto, vec![0x0a, 0x05, 0x01], "error[D0", false),
        (OtlpProto, vec![0x0a, 0x01, 0x07], "error[D012]", false),
        (
            V04,
            [v04("name", &text("a")), vec![0xc0]].concat(),
            "warning[D016]: 1 bytes after the payload, the first is nil (0xc0) (record 0, byte 10)",
            true,
        ),
        (
            V04,
            doubled,
            "warning[D017]: the key \"name\" stands twice; the last one counts (record 0, byte 10, [0][0])",
            true,
        ),
        (
            V04,
            v04("nom", &text("a")),
            "warning[D018]: unknown key \"nom\", holding the string \"a\" (0xa1) (record 0, byte 3, [0][0])",
            true,
        ),
        (
            V04,
            v04("name", b"\xa2a\xff"),
            "warning[D020]: byte 0xff is not UTF-8; replaced by U+FFFD (record 0, byte 10, [0][0].name)",
            true,
        ),
        (
            V04,
            v04("meta_struct", &map(&[("k", &[0xc4, 1, 0xc1])])),
            "warning[D021]: 1 bytes that are not one msgpack value; kept as they are (record 0, byte 18, [0][0].meta_struct[\"k\"])",
            true,
        ),
        (
            V04,
            v04("start", &[0xca, 0x40, 0, 0, 0]),
            "warning[D022]: the float 2 where an integer belongs (record 0, byte 9, [0][0].start)",
            true,
        ),
        (V04, v04("name", &[0xc0]), "info[D023]: nil; read as if it were absent (record 0, byte 8, [0][0].name)", true),
        (
            V04,
            v04("meta", &map(&[("k", &[0xc4, 1, b'v'])])),
            "warning[D024]: 1 bytes of msgpack bin where a string belongs (record 0, byte 11, [0][0].meta[\"k\"])",
            true,
        ),
        (V1, vec![0x81, 0x01, 0x91, 0xa0], "warning[D025]", true),
        (V04Json, b"\xef\xbb\xbf[]".to_vec(), "warning[D026]", true),
    ];
    let mut wrong = Vec::new();
    for (protocol, body, expected, complete) in cases {
        let (found, is_complete) = findings(protocol, &body);
        if !found.iter().any(|finding| finding.starts_with(expected)) || is_complete != complete {
            wrong.push(format!("{protocol}: {expected} ({complete})\n    but {found:#?} ({is_complete})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A wrong value costs its field and nothing else.
#[test]
fn what_stands_beside_a_fault_is_kept() {
    let span = [
        &[0x85][..],
        &text("name"),
        &[0x07],
        &text("service"),
        &text("s"),
        &text("meta"),
        &[0x82],
        &text("a"),
        &text("1"),
        &text("b"),
        &[0xc3],
        &text("start"),
        &[0xc2],
        &text("duration"),
        &[0x05],
    ]
    .concat();
    let decoded = Decoded::of(V04, [&[0x91, 0x92][..], &span, &span].concat());
    assert_eq!(decoded.findings().len(), 6);
    assert!(decoded.payload().complete());
    for span in decoded.payload().spans() {
        assert_eq!((span.name(), span.service(), span.duration().0, span.start().0), ("", "s", 5, 0));
        assert_eq!(span.attributes().text("a"), Some("1"));
        assert_eq!(span.attributes().iter().len(), 1);
    }
}

/// Of tags that come twice the last ones count, also in what the first said of the span.
#[test]
fn tags_that_come_twice_say_what_the_last_ones_say() {
    let kind = [&[0x81][..], &text("span.kind"), &text("server")].concat();
    let meta = |tags: &[u8]| [text("meta"), tags.to_vec()].concat();
    for (first, last, wanted) in [(&kind[..], &[0x80][..], SpanKind::Unspecified), (&[0x80], &kind, SpanKind::Server)] {
        let decoded = Decoded::of(V04, [&[0x91, 0x91, 0x82][..], &meta(first), &meta(last)].concat());
        assert_eq!(decoded.payload().spans().map(|span| span.kind()).collect::<Vec<_>>(), [wanted]);
        assert_eq!(decoded.findings().len(), 1);
    }
}

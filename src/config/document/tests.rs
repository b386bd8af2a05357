//! Places, types and limits of documents.

use super::*;

const FILE: &str = "a.yaml";

fn documents(text: &str) -> Vec<Node> {
    parse(Source::File(FILE.into()), text).unwrap_or_else(|fault| panic!("{}", fault.diagnostic))
}

fn document(text: &str) -> Node {
    documents(text).into_iter().next().expect("a document")
}

fn fault(text: &str) -> (String, Range<usize>, u64) {
    let finding = parse(Source::File(FILE.into()), text).expect_err("a fault");
    assert_eq!(finding.code(), SYNTAX);
    match finding.diagnostic.place() {
        Some(Place::Text { range, line: Some(line), .. }) => {
            (finding.diagnostic.message().to_owned(), range.clone(), *line)
        }
        other => panic!("{other:?}"),
    }
}

/// The text at each scalar value of a mapping, with its line and whether it is the value itself.
fn places(text: &str) -> Vec<(String, u64, bool)> {
    let root = document(text);
    let at = |node: &Node| (text[node.range.clone()].to_owned(), node.line, node.verbatim);
    root.entries().iter().map(|(_, value)| at(value)).collect()
}

#[test]
fn scalars_stand_without_their_quotes_tags_and_anchors() {
    let text = "\u{feff}a: &x !!str 12  # c\nb: 'it''s'\r\nc: \"q\\n\"\r\nd: \"é x\"   \ne: |-\n   lit\nf: &y\n  !!str\n  'q'\ng: é\nh: &z |\n  one\n  two\ni: *x\nj:\n";
    let expected = [
        ("12", 1, true),
        ("it''s", 2, false),
        ("q\\n", 3, false),
        ("é x", 4, true),
        ("lit", 6, true),
        ("q", 9, true),
        ("é", 10, true),
        ("one\n  two", 12, false),
        ("12", 1, true),
        ("", 15, false),
    ];
    let found = places(text);
    for (found, (text, line, verbatim)) in found.iter().zip(expected) {
        // Nothing is written for a null, so its empty text is not its value.
        let verbatim = verbatim || text.is_empty();
        assert_eq!(*found, (text.to_owned(), line, verbatim));
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(document(text).get("j").map(|node| &node.data), Some(&Data::Null));
    assert_eq!(document(text).get("j").map(|node| node.range.start), Some(text.len() - 1));
}

#[test]
fn plain_scalars_have_the_types_of_the_core_schema_and_quoted_ones_are_text() {
    let text = "[null, ~, true, False, yes, 12, -7, 0x1f, 0o17, 1.5, 1e3, .inf, 18446744073709551615, \"12\", 'true', ! 12, !!str 1, !!int x, 1.2.3]";
    let root = document(text);
    let data: Vec<String> = root.items().iter().map(|node| format!("{:?}", node.data)).collect();
    assert_eq!(
        data.join(" "),
        "Null Null Bool(true) Bool(false) Str(\"yes\") Int(12) Int(-7) Int(31) Int(15) Float(1.5) Float(1000.0) \
         Float(inf) Float(1.8446744073709552e19) Str(\"12\") Str(\"true\") Str(\"12\") Str(\"1\") Str(\"x\") \
         Str(\"1.2.3\")"
    );
    let quoted: Vec<&str> =
        root.items().iter().filter(|node| node.quoted).map(|node| &text[node.range.clone()]).collect();
    assert_eq!(quoted, ["12", "true", "12", "1"]);
}

#[test]
fn merge_keys_give_way_to_the_mappings_own() {
    let text = "base: &b {A: 1, B: 2}\nmore: &m {B: 3, C: 4}\nuse:\n  <<: [*b, *m]\n  A: 5\n  \"<<\": text\n";
    let root = document(text);
    let used = root.get("use").expect("use");
    let entries: Vec<String> = used
        .entries()
        .iter()
        .map(|(key, value)| format!("{}={:?}@{}", key.text().unwrap_or("?"), value.data, value.line))
        .collect();
    assert_eq!(entries, ["B=Int(2)@1", "C=Int(4)@2", "A=Int(5)@5", "<<=Str(\"text\")@6"]);
    assert!(fault("a:\n  <<: 1\n").0.contains("merge key"));
}

#[test]
fn json_is_read_with_tabs_and_pairs_of_escapes() {
    let text = "{\n\t\"a\": \"\\ud83d\\ude00\\/\",\n\t\"b\": [1,\t\"x\"]\n}";
    let root = document(text);
    assert_eq!(root.get("a").and_then(Node::text), Some("\u{1f600}/"));
    let last = &root.get("b").expect("b").items()[1];
    assert_eq!((&text[last.range.clone()], last.line, last.verbatim), ("x", 3, true));
}

#[test]
fn several_documents_keep_their_places_and_their_anchors_to_themselves() {
    let nodes = documents("a: &x 1\n---\nb: 2\n...\n---\n# nothing\n");
    assert_eq!(nodes.len(), 3);
    assert_eq!(nodes[1].get("b").map(|node| node.line), Some(3));
    assert_eq!(nodes[2].data, Data::Null);
    assert!(documents("# nothing\n").is_empty());
    assert!(fault("a: &x 1\n---\nb: *x\n").0.contains("alias"));
}

#[test]
fn faults_have_their_place() {
    assert_eq!(fault("a: b\n c: d\n").1, 7..8);
    assert_eq!(fault("é: [1, 2\nb: c\n").2, 2);
    assert_eq!(fault("a: &x [*x]\n").2, 1);
    assert_eq!(fault("a: \"x").2, 1);
}

#[test]
fn hostile_documents_are_refused_after_bounded_work() {
    for open in ["[", "{a: ", "- ", "? ", "[\n", "{a:\n"] {
        let text = open.repeat(100_000);
        let (message, range, _) = fault(&text);
        assert!(range.start < open.len() * 300, "{open:?} was read to byte {}: {message}", range.start);
    }
    let mut indented = String::new();
    for level in 0..1_000 {
        indented.push_str(&" ".repeat(level));
        indented.push_str("a:\n");
    }
    assert!(fault(&indented).0.contains("deeper"));

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..50 {
        let previous = format!("*a{},", level - 1).repeat(9);
        bomb.push_str(&format!("a{level}: &a{level} [{previous}]\n"));
    }
    let finding = parse_within(Source::File(FILE.into()), &bomb, 10_000).expect_err("a fault");
    assert!(finding.diagnostic.message().contains("alias bomb"));

    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(1_000));
    assert!(fault(&text).0.contains("alias"));

    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(fault(&deep).0.contains("deeper"));
    let finding = parse_within(Source::File(FILE.into()), &"- a\n".repeat(100), 99).expect_err("a fault");
    assert!(finding.diagnostic.message().contains("more than 99 values"));
    assert!(finding.diagnostic.help_text().is_some_and(|help| help.contains("split the file")));
    let anchors: String = (0..=MAX_ANCHORS).map(|number| format!("- &a{number} x\n")).collect();
    assert!(fault(&anchors).0.contains("more than 50000 anchors"));
}

#[test]
fn a_value_of_a_megabyte_is_a_value() {
    let text = format!("a: {}\n", "x".repeat(1 << 20));
    assert_eq!(document(&text).get("a").and_then(Node::text).map(str::len), Some(1 << 20));
}

#[test]
fn bytes_that_are_no_text_are_unreadable_at_their_offset() {
    let source = Source::File(FILE.into());
    assert_eq!(text(&source, "\u{feff}é".as_bytes()).expect("text"), "\u{feff}é");
    let cases: [(&[u8], usize, u64, &str); 4] = [
        (b"a: 1\nb: \xff", 8, 2, "0xff at offset 8"),
        (b"a\0b", 1, 1, "NUL byte at offset 1"),
        (b"\xff\xfea\0", 0, 1, "UTF-16"),
        (b"ab\xe2\x82", 2, 1, "0xe2 at offset 2"),
    ];
    for (bytes, at, line, message) in cases {
        let finding = text(&source, bytes).expect_err("a fault");
        assert_eq!(finding.code(), UNREADABLE);
        assert!(finding.diagnostic.message().contains(message), "{}", finding.diagnostic.message());
        assert_eq!(
            finding.diagnostic.place(),
            Some(&Place::Text { source: source.clone(), range: at..at + 1, line: Some(line) })
        );
    }
}

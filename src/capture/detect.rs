//! Which format an input has, by content (captures.md section 1).
//!
//! Binary formats are told by their first bytes. JSON is skimmed only until its keys decide: a HAR file is one at
//! `{"log":{"entries":`, however large it is, and our own capture is one at `{"type":"capture"`.

use super::raw;
use super::requests::Format;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::Path;

/// What an input is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detected {
    /// Nothing but blanks.
    Empty,
    /// `[]` or `{}`.
    NoRequests,
    /// Our own capture.
    Capture,
    /// A request body, or bytes of which only the protocols can tell.
    Body,
    /// Records of a container of others.
    Records(Format),
    /// A packet capture.
    Packets,
    /// A document of spans, by the name of its protocol.
    Document(&'static str),
    /// No capture, no body.
    Unknown(&'static str),
}
use Detected::{Body, Capture, Document, Empty, NoRequests, Packets, Records, Unknown};

const COLLECTOR_FILE: Detected = Records(Format::OtlpFrames);

/// Bytes that are looked at together before JSON is skimmed.
const HEAD: u64 = 4096;

/// Finds the format and leaves `input` at its start. JSON is skimmed for at most `line_limit` bytes.
pub(super) fn detect<R: BufRead + Seek>(
    input: &mut R,
    name: &Path,
    line_limit: u64,
) -> io::Result<(Detected, Vec<u8>)> {
    let len = input.seek(SeekFrom::End(0))?;
    input.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head)?;
    let mut found = match by_magic(&head, len) {
        Some(found) => found,
        None => {
            let json = json_start(&head).is_some_and(|byte| byte == b'{' || byte == b'[');
            input.seek(SeekFrom::Start(0))?;
            match if json { skim(input, line_limit, true)? } else { Unknown("text") } {
                // A capture cut out of a larger one begins anywhere in a line.
                Unknown(_) if next_line_is_ours(input, line_limit)? => Capture,
                other => other,
            }
        }
    };
    if found == Body && json_start(&head) == Some(b'{') && lines_of_otlp(input, line_limit)? {
        found = Records(Format::OtlpLines);
    }
    // A name such as `x.v0.4.bin` settles what content leaves open, for example JSON that no table knows.
    if matches!(found, Unknown(_)) && raw::endpoint(name).is_some() {
        found = Body;
    }
    input.seek(SeekFrom::Start(0))?;
    head.truncate(16);
    Ok((found, head))
}

/// Formats that are known by their first bytes; `None` for JSON and text.
fn by_magic(head: &[u8], len: u64) -> Option<Detected> {
    match head {
        [] => return Some(Empty),
        [0xd4, 0xc3, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0xc3, 0xd4, ..]
        | [0x4d, 0x3c, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0x3c, 0x4d, ..] => {
            return Some(Packets);
        }
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => return Some(Packets),
        _ => {}
    }
    // `0a 7b` is a newline and a brace, and it is also OTLP protobuf with 123 bytes of ResourceSpans; JSON has no
    // control characters.
    let binary = |byte: &u8| *byte < b' ' && !b"\t\n\r".contains(byte);
    if head.starts_with(b"\n") && head.iter().any(binary) {
        return Some(if is_collector_file(head, len) { COLLECTOR_FILE } else { Body });
    }
    match json_start(head) {
        None if len == head.len() as u64 => return Some(Empty),
        Some(b'{' | b'[') => return None,
        _ => {}
    }
    if is_http_message(head) {
        return Some(Records(Format::Messages));
    }
    if is_collector_file(head, len) {
        return Some(COLLECTOR_FILE);
    }
    if is_text(head) { None } else { Some(Body) }
}

/// The first byte after a byte order mark and blanks.
fn json_start(head: &[u8]) -> Option<u8> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.iter().copied().find(|byte| !b" \t\r\n".contains(byte))
}

/// `POST /v0.4/traces HTTP/1.1` in the first line.
fn is_http_message(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(space) = line.iter().position(|byte| *byte == b' ') else { return false };
    let (method, target) = line.split_at(space);
    !method.is_empty()
        && method.iter().all(u8::is_ascii_uppercase)
        && target.windows(8).skip(1).any(|window| window == b" HTTP/1.")
}

/// A length as u32 big-endian, then OTLP protobuf, zstd or JSON. A gRPC frame (flag, then such a length that is
/// exactly the rest) may look the same when its length ends in `0a`.
fn is_collector_file(head: &[u8], len: u64) -> bool {
    let [a, b, c, d, rest @ ..] = head else { return false };
    let length = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
    let known = rest.starts_with(b"\x0a") || rest.starts_with(b"{") || rest.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let grpc = rest.first().is_some_and(|e| u64::from(u32::from_be_bytes([*b, *c, *d, *e])) == len.saturating_sub(5));
    known && length > 0 && length <= len.saturating_sub(4) && !(*a <= 1 && grpc)
}

/// UTF-8 without control characters, except for a character that the end of `head` cut.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b'))
}

/// Reads from the start to behind the first newline and looks at the record there.
fn next_line_is_ours<R: BufRead + Seek>(input: &mut R, line_limit: u64) -> io::Result<bool> {
    input.seek(SeekFrom::Start(0))?;
    let mut left = line_limit;
    while left > 0 {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let used = newline.map_or(buffer.len(), |at| at + 1);
        left = left.saturating_sub(used as u64);
        input.consume(used);
        if newline.is_some() {
            return Ok(skim(input, line_limit, false)? == Capture);
        }
    }
    Ok(false)
}

/// Whether a document of `resourceSpans` on one line is followed by another one.
fn lines_of_otlp<R: BufRead + Seek>(input: &mut R, line_limit: u64) -> io::Result<bool> {
    input.seek(SeekFrom::Start(0))?;
    let (mut left, mut last, mut line_ended) = (line_limit, 0, false);
    while left > 0 {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let used = buffer.len();
        for byte in buffer {
            match byte {
                b'\n' => line_ended |= last != 0,
                b' ' | b'\t' | b'\r' => {}
                _ if line_ended => return Ok(last == b'}' && *byte == b'{'),
                _ => last = *byte,
            }
        }
        left = left.saturating_sub(used as u64);
        input.consume(used);
    }
    Ok(false)
}

/// Skims the value that begins at the reader's position until it is known what it is; when `cut` is set, also from
/// a beginning alone.
fn skim(input: &mut impl BufRead, limit: u64, cut: bool) -> io::Result<Detected> {
    let mut skimmer = Skimmer::default();
    let mut left = limit;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() || left == 0 {
            return Ok(if cut { skimmer.cut() } else { Unknown("text") });
        }
        let buffer = &buffer[..buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        for byte in buffer {
            if let Some(found) = skimmer.byte(*byte) {
                return Ok(found);
            }
        }
        let used = buffer.len();
        left = left.saturating_sub(used as u64);
        input.consume(used);
    }
}

/// Levels whose keys are looked at.
const LEVELS: usize = 3;
/// Longest key or string that matters, and a byte to see that one is longer.
const WORD: usize = 32;

/// Follows JSON byte by byte as far as containers, keys and short strings. It does not validate.
#[derive(Default)]
struct Skimmer {
    /// What the outermost levels are, `{` or `[`, and the key that each object is at.
    kinds: [u8; LEVELS],
    keys: [Vec<u8>; LEVELS],
    depth: usize,
    in_string: bool,
    escaped: bool,
    key_next: bool,
    /// The string that is being read.
    word: Vec<u8>,
    /// Bytes of the value so far, to see how it begins.
    begin: Vec<u8>,
    /// The outermost value has something in it, and is complete.
    content: bool,
    complete: bool,
    seen: Seen,
}

/// Keys that decide together.
#[derive(Default)]
struct Seen {
    rows: bool,
    method: bool,
    path: bool,
    body: bool,
    trace_id: bool,
    root_id: bool,
    spans: bool,
    headers: bool,
    url: bool,
    id: bool,
}

impl Skimmer {
    fn byte(&mut self, byte: u8) -> Option<Detected> {
        if self.complete {
            return (!b" \t\r\n".contains(&byte)).then_some(Unknown("JSON of several values, none of them known"));
        }
        if self.begin.len() < WORD && (self.in_string || !b" \t\r\n\xef\xbb\xbf".contains(&byte)) {
            self.begin.push(byte);
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return self.string();
                }
                _ => {}
            }
            if self.word.len() < WORD {
                self.word.push(byte);
            }
            return None;
        }
        match byte {
            b'"' => {
                self.content = true;
                self.in_string = true;
                self.word.clear();
            }
            b'{' | b'[' => {
                self.content |= self.depth > 0;
                let found = self.open(byte);
                if self.depth < LEVELS {
                    self.kinds[self.depth] = byte;
                    self.keys[self.depth].clear();
                }
                self.depth += 1;
                self.key_next = byte == b'{';
                return found;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.key_next = false;
                if self.depth == 0 {
                    self.complete = true;
                    if self.content && self.begin.first() == Some(&b'{') {
                        return Some(Unknown("JSON, but of no known document"));
                    }
                }
            }
            b',' => self.key_next = (1..=LEVELS).contains(&self.depth) && self.kinds[self.depth - 1] == b'{',
            b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => {}
            _ if self.depth == 0 => return Some(Unknown("text")),
            _ => self.content = true,
        }
        None
    }

    /// `.data[].type` for a key or value of an object in an array in `data`.
    fn place(&self) -> Vec<u8> {
        let mut place = Vec::with_capacity(64);
        for level in 0..self.depth.min(LEVELS) {
            match self.kinds[level] {
                b'{' => {
                    place.push(b'.');
                    place.extend_from_slice(&self.keys[level]);
                }
                _ => place.extend_from_slice(b"[]"),
            }
        }
        place
    }

    /// A string has ended: a key or a value.
    fn string(&mut self) -> Option<Detected> {
        if self.depth == 0 || self.depth > LEVELS {
            return None;
        }
        if self.key_next {
            self.key_next = false;
            std::mem::swap(&mut self.keys[self.depth - 1], &mut self.word);
            return self.key();
        }
        match (self.place().as_slice(), self.word.as_slice()) {
            (b".type", b"capture" | b"request" | b"response" | b"end") => Some(Capture),
            (b".data[].type", b"spans") => Some(Document("datadog-spans")),
            _ => None,
        }
    }

    /// A container begins.
    fn open(&mut self, byte: u8) -> Option<Detected> {
        if self.depth == 1 && self.kinds[0] == b'[' && byte == b'[' {
            self.seen.rows = true;
        }
        let trace = self.depth == 2 && byte == b'{' && self.place() == b".trace.spans";
        trace.then_some(Document("datadog-trace"))
    }

    fn key(&mut self) -> Option<Detected> {
        let place = self.place();
        let seen = &mut self.seen;
        match place.as_slice() {
            b".resourceSpans" | b".resource_spans" | b"[][].span_id" => return Some(Body),
            b".batches" | b".trace.resourceSpans" | b".trace.resource_spans" => {
                return Some(Document("otlp-json"));
            }
            b".result.resourceSpans" => return Some(Document("otlp-json")),
            b".resourceMetrics" | b".resourceLogs" | b".resourceProfiles" => {
                return Some(Records(Format::OtlpLines));
            }
            b".log.entries" => return Some(Records(Format::Har)),
            b".data[].traceID" => return Some(Document("jaeger")),
            b"[].resourceSpans" | b"[].resource_spans" => {
                return Some(Records(Format::TestAgentOtlp));
            }
            b".method" => seen.method = true,
            b".path" => seen.path = true,
            b".body" | b".body_text" => seen.body = true,
            b".traceID" => seen.trace_id = true,
            b".root_id" => seen.root_id = true,
            b".spans" => seen.spans = true,
            b"[].headers" => seen.headers = true,
            b"[].body" => seen.body = true,
            b"[].url" => seen.url = true,
            b"[].method" => seen.method = true,
            b"[].traceId" | b"[][].traceId" => seen.trace_id = true,
            b"[].id" | b"[][].id" => seen.id = true,
            _ => return None,
        }
        if self.kinds[0] == b'{' {
            if seen.method && seen.path && seen.body {
                return Some(Capture);
            } else if seen.trace_id && seen.spans {
                return Some(Document("jaeger"));
            } else if seen.root_id && seen.spans {
                return Some(Document("datadog-trace"));
            }
        } else if seen.headers && seen.body && seen.url && seen.method {
            return Some(Records(Format::TestAgent));
        } else if seen.trace_id && seen.id {
            return Some(Document("zipkin"));
        }
        None
    }

    /// The input, or what may be read of it, has ended.
    fn cut(&self) -> Detected {
        let begins_ours = b"{\"type\":\"".starts_with(&self.begin)
            || ["capture", "request", "response", "end"]
                .iter()
                .any(|kind| format!("{{\"type\":\"{kind}\"").as_bytes().starts_with(&self.begin));
        match self.begin.first() {
            None => Empty,
            Some(_) if self.complete && !self.content => NoRequests,
            // The line that a killed recorder was writing, or a hand-made one.
            Some(b'{') if !self.complete && (begins_ours || (self.seen.method && self.seen.path)) => Capture,
            Some(b'[') if self.seen.rows || !self.complete => Body,
            Some(_) if self.complete => Unknown("JSON, but of no known document"),
            Some(_) => Unknown("JSON that is cut short"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn of(bytes: &[u8]) -> Detected {
        named(bytes, "-")
    }

    fn named(bytes: &[u8], name: &str) -> Detected {
        // A buffer of 7 bytes: nothing may depend on what lies in one buffer.
        let mut input = io::BufReader::with_capacity(7, Cursor::new(bytes));
        let (found, first) = detect(&mut input, Path::new(name), 1 << 20).unwrap();
        assert_eq!(first, &bytes[..bytes.len().min(16)]);
        assert_eq!(input.stream_position().unwrap(), 0);
        found
    }

    #[test]
    fn our_own_capture_is_known_by_a_type_or_by_its_keys() {
        for text in [
            r#"{"type":"capture","v":1}"#,
            "\u{feff}\r\n  {\"v\":1,\"type\":\"request\"}",
            r#"{"type":"end"}"#,
            r#"{"x":{"type":"a","y":[{}]},"body_text":"{\"resourceSpans\":[]}","path":"/","method":"POST"}"#,
            r#"{"path":"/","body":"","method":"PUT","#,
            // Killed while it wrote its first line.
            "{",
            "{\"ty",
            "{\"type\":\"requ",
            "{\"method\":\"POST\",\"path\":\"/v0.4/traces\",\"headers\":[[\"Content-",
            // Cut out of a larger one; or one whose first line is damaged or of a kind to come.
            "FjZXM=\"}\n{\"type\":\"request\",\"method\":\"POST\"",
            "{\"body\":\"FjZX\n{\"type\":\"response\"",
            "{\"type\":\"note\"}\n{\"type\":\"request\"}",
            "{}\n{\"type\":\"request\"}",
        ] {
            assert_eq!(of(text.as_bytes()), Capture, "{text}");
        }
    }

    #[test]
    fn documents_are_known_by_their_first_keys() {
        for (text, found) in [
            (r#"{"resourceSpans":["#, Body),
            (r#" {"x":1,"resource_spans":[]}"#, Body),
            (r#"[[{"trace_id":1,"span_id":2}]]"#, Body),
            (r#"[[],[{"name":"x","meta":{"a":"}"},"span_id":2}]]"#, Body),
            (r#"[[{"trace_id":1,"#, Body),
            ("[[]]", Body),
            ("[", Body),
            ("[]", NoRequests),
            ("\u{feff} { }\n", NoRequests),
            ("{\"resourceSpans\":[]}\n{\"resourceSpans\":[]}\n", Records(Format::OtlpLines)),
            ("{\n\"resourceSpans\":[\n{}\n]\n}\n", Body),
            (r#"{"resourceLogs":[]}"#, Records(Format::OtlpLines)),
            (r#"{"batches":[{}]}"#, Document("otlp-json")),
            (r#"{"trace":{"resourceSpans":[]}}"#, Document("otlp-json")),
            (r#"{"result":{"resourceSpans":[]}}"#, Document("otlp-json")),
            (r#"{"log":{"version":"1.2","creator":{},"entries":["#, Records(Format::Har)),
            (r#"{"data":[{"traceID":"1","spans":[]}],"total":0}"#, Document("jaeger")),
            (r#"{"traceID":"1","spans":[]}"#, Document("jaeger")),
            (r#"{"data":[{"id":"a","type":"spans"}]}"#, Document("datadog-spans")),
            (r#"{"trace":{"root_id":"1","spans":{}}}"#, Document("datadog-trace")),
            (r#"{"root_id":"1","spans":{}}"#, Document("datadog-trace")),
            (r#"[{"headers":{},"body":"","url":"","method":"#, Records(Format::TestAgent)),
            (r#"[{"resource_spans":[]}]"#, Records(Format::TestAgentOtlp)),
            (r#"[{"id":"1","traceId":"1"}]"#, Document("zipkin")),
            (r#"[[{"traceId":"1","id":"1"}]]"#, Document("zipkin")),
            (r#"{"name":"x","scripts":{"type":"capture"}}"#, Unknown("JSON, but of no known document")),
            (r#"{"type":"object"}"#, Unknown("JSON, but of no known document")),
            (r#"["a","b"]"#, Unknown("JSON, but of no known document")),
            (r#"{"name":"x","scri"#, Unknown("JSON that is cut short")),
            (r#"{"type":"commonjs"#, Unknown("JSON that is cut short")),
            ("{} {}", Unknown("JSON of several values, none of them known")),
        ] {
            assert_eq!(of(text.as_bytes()), found, "{text}");
        }
    }

    #[test]
    fn binary_formats_are_known_by_their_first_bytes() {
        for (bytes, found) in [
            (&b"\xd4\xc3\xb2\xa1\x02\0"[..], Packets),
            (b"\x4d\x3c\xb2\xa1\x02\0", Packets),
            (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", Packets),
            (b"POST /v0.4/traces HTTP/1.1\r\nHost: x\r\n\r\n\x90", Records(Format::Messages)),
            (b"\0\0\0\x03\x0a\x01\x00", COLLECTOR_FILE),
            (b"\0\0\0\x02{}\0\0\0\x02{}", COLLECTOR_FILE),
            (b"\0\0\0\x06\x28\xb5\x2f\xfd\0\0", COLLECTOR_FILE),
            // gRPC: flag 0 and 10 bytes, the first four of which read as a length of 0.
            (b"\0\0\0\0\x0a\x0a\x08\x12\x06\x12\x04\x0a\x02\x08\x01", Body),
            (b"\x90", Body),
            (b"\xdd\0\0\0\x01\x90", Body),
            (b"\x0a\x02\x0a\x00", Body),
            (b"\x1f\x8b\x08", Body),
            (b"\xff\xfe{\0}\0", Body),
            (b"", Empty),
            (b"\xef\xbb\xbf \r\n\t\n", Empty),
            (b"hello\n", Unknown("text")),
            ("grüße".as_bytes(), Unknown("text")),
            (b"\"[]\"", Unknown("text")),
            (b"GET me a coffee", Unknown("text")),
        ] {
            assert_eq!(of(bytes), found, "{bytes:?}");
        }
        // A gRPC frame of 256 + 10 bytes reads as a length of 1 and 0a.
        let mut grpc = vec![0, 0, 0, 1, 0x0a];
        grpc.resize(5 + 0x10a, 1);
        assert_eq!(of(&grpc), Body);
        // OTLP protobuf whose ResourceSpans has as many bytes as a brace stands for.
        let mut protobuf = b"\x0a\x7b\x12\x79".to_vec();
        protobuf.resize(2 + 0x7b, b'x');
        assert_eq!(of(&protobuf), Body);
        // Text is still text when the head ends inside a character.
        assert_eq!(of(format!("x{}", "é".repeat(4096)).as_bytes()), Unknown("text"));
    }

    #[test]
    fn a_name_settles_only_what_content_leaves_open() {
        assert_eq!(named(br#"{"a":1}"#, "x.v0.4.json"), Body);
        assert_eq!(named(b"hello", "x.v0.4.bin"), Body);
        assert_eq!(named(br#"{"type":"capture"}"#, "x.v0.4.bin"), Capture);
        assert_eq!(named(br#"{"log":{"entries":[]}}"#, "x.v0.4.bin"), Records(Format::Har));
    }

    #[test]
    fn a_huge_first_value_is_not_read_to_its_end() {
        let text = format!("{{\"x\":\"{}\",\"resourceSpans\":[]}}", "y".repeat(3000));
        let mut input = Cursor::new(text.as_bytes());
        let (found, _) = detect(&mut input, Path::new("-"), 1000).unwrap();
        assert_eq!(found, Unknown("JSON that is cut short"));
    }
}

//! The records of our own capture, one JSON object per line (captures.md section 2), read and written side by side.
//!
//! ```text
//! {"type":"capture","v":1,"created":"2026-11-20T10:00:00.000000000Z","writer":"spanglass 0.1.0","listen":["127.0.0.1:8126"]}
//! {"type":"request","seq":1,"t":"2026-11-20T10:06:08.779558192Z","conn":1,"transport":"tcp","method":"POST",
//!  "path":"/v0.4/traces","http":"1.1","headers":[["Content-Type","application/msgpack"]],"framing":"content-length",
//!  "body_len":1,"body_crc":"220d7cc9","body":"kA=="}
//! {"type":"response","seq":1,"t":"2026-11-20T10:06:08.779908192Z","status":200,"headers":[],"body_len":0,"body_crc":"00000000","body":""}
//! {"type":"end","requests":1}
//! ```
//! (a record is on one line; `body` is last so that a torn line still shows what it was)

use super::CaptureRecord;
use super::codes::{BAD_RECORD, BODY_MISSING};
use crate::diagnostic::Diagnostic;
use crate::encoding::codes::TOO_LARGE;
use crate::http::{Headers, Request, Response};
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

/// The version of the container that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// One line, as far as a reader needs it. Strings without escapes stay where they are.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    v: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow)]
    t: Option<Lenient<'a>>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    path: Option<Text<'a>>,
    #[serde(borrow)]
    headers: Option<Fields<'a>>,
    aborted: Option<bool>,
    #[serde(borrow)]
    body_len: Option<&'a RawValue>,
    #[serde(borrow)]
    body_crc: Option<Lenient<'a>>,
    #[serde(borrow)]
    body: Option<Text<'a>>,
    #[serde(borrow)]
    body_text: Option<Text<'a>>,
}

/// What kind of record a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Capture,
    Request,
    Response,
    End,
    Other,
}

/// Reads the first object of `text` and says how many bytes it took: two captures joined where the first did not
/// end in a newline have two on a line.
pub(super) fn parse(text: &[u8]) -> Result<(Line<'_>, usize), serde_json::Error> {
    if text.first() != Some(&b'{') {
        return Err(serde::de::Error::custom("not a JSON object"));
    }
    let mut values = serde_json::Deserializer::from_slice(text).into_iter();
    match values.next() {
        Some(line) => line.map(|line| (line, values.byte_offset())),
        None => Err(serde::de::Error::custom("not a JSON object")),
    }
}

/// A request whose body is the last member of its line, as it is written here: what is before the text of the body, and
/// that text. Nearly all of a capture is base64, and need not be looked at as JSON. What comes out must be tried: it may be
/// a member of that name further inside, or no base64.
pub(super) fn split_body(line: &[u8]) -> Option<(&[u8], &[u8])> {
    const BODY: &[u8] = b"\"body\":\"";
    const MOST_BEFORE: usize = 64 << 10;
    let line = line.trim_ascii_end().strip_suffix(b"\"}")?;
    let at = memchr::memmem::find(line.get(..MOST_BEFORE).unwrap_or(line), BODY)?;
    line.split_at_checked(at + BODY.len())
}

/// Parses what [`split_body`] found before a body, as if that were empty. `None` when it cannot stand alone.
pub(super) fn parse_before<'t>(before: &[u8], memory: &'t mut Vec<u8>) -> Option<Line<'t>> {
    memory.clear();
    memory.extend_from_slice(before);
    memory.extend_from_slice(b"\"}");
    let line: Line<'t> = serde_json::from_slice(memory).ok()?;
    let empty = line.body.as_ref().is_some_and(|body| body.0.is_empty());
    (line.kind() == Kind::Request && empty && line.body_text.is_none()).then_some(line)
}

/// Decodes base64 behind what `body` has; false, and any contents, when it is none.
pub(super) fn decode_base64(text: &[u8], body: &mut Vec<u8>) -> bool {
    base64_simd::STANDARD.decode_append(text, body).is_ok()
}

/// What serde_json found, with the column in place of its own line number.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} at column {}", error.column()),
        None => text,
    }
}

impl Line<'_> {
    pub(super) fn kind(&self) -> Kind {
        match self.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("capture") => Kind::Capture,
            Some("request") => Kind::Request,
            Some("response") => Kind::Response,
            Some("end") => Kind::End,
            Some(_) => Kind::Other,
            None if self.method.is_some()
                && self.path.is_some()
                && (self.body.is_some() || self.body_text.is_some()) =>
            {
                Kind::Request
            }
            None => Kind::Other,
        }
    }

    /// The version of a `capture` line when it is not one we know. None given is 1.
    pub(super) fn unknown_version(&self) -> Option<&str> {
        let text = self.v?.get();
        match text.parse::<f64>() {
            Ok(version) if version <= VERSION as f64 => None,
            _ => Some(text),
        }
    }

    /// Makes `record` this request, in the memory that it has. An error is a finding on a request that cannot be
    /// used; `Ok` has what is wrong with the recorded length or checksum.
    pub(super) fn into_request(self, limit: u64, record: &mut CaptureRecord) -> Result<Option<String>, Diagnostic> {
        self.head(record);
        let announced = self.body_len.map(|len| len.get());
        let body = &mut record.request.body;
        match (&self.body, &self.body_text) {
            (Some(Text(text)), _) => {
                check_size(decoded_size(text.as_bytes()), limit)?;
                STANDARD.decode_vec(text.as_ref(), body).map_err(|error| {
                    Diagnostic::new(BAD_RECORD, format!("the body of a request is not base64: {error}"))
                })?;
            }
            (None, Some(Text(text))) => {
                check_size(text.len(), limit)?;
                body.extend_from_slice(text.as_bytes());
            }
            (None, None) if may_lack_body(&record.request.method, announced) => {}
            (None, None) => return Err(Diagnostic::new(BODY_MISSING, "a request was recorded without its body")),
        }
        Ok(untrue(announced, self.body_crc, &record.request.body))
    }

    /// The same for a line without its body, which is `text`, as base64. `None` when that is none, or over `limit`.
    pub(super) fn into_request_with(
        self,
        text: &[u8],
        limit: u64,
        record: &mut CaptureRecord,
    ) -> Option<Option<String>> {
        self.head(record);
        if decoded_size(text) as u64 > limit || !decode_base64(text, &mut record.request.body) {
            return None;
        }
        Some(untrue(self.body_len.map(|len| len.get()), self.body_crc, &record.request.body))
    }

    /// Everything but the body, which is left empty.
    fn head(&self, record: &mut CaptureRecord) {
        let request = &mut record.request;
        replace(&mut request.method, &self.method);
        replace(&mut request.path, &self.path);
        request.headers.clear();
        for (name, value) in self.headers.iter().flat_map(|fields| &fields.0) {
            request.headers.push_copy(&name.0, &value.0);
        }
        request.body.clear();
        record.seq = self.seq.and_then(|seq| seq.get().parse().ok());
        record.received = self.t.as_ref().and_then(|t| t.0.as_deref()).and_then(timestamp);
        record.response = None;
        record.bare = false;
        record.aborted = self.aborted.unwrap_or(false);
    }
}

/// Bytes that base64 stands for.
fn decoded_size(text: &[u8]) -> usize {
    let padding = text.iter().rev().take(2).filter(|byte| **byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

fn replace(target: &mut String, text: &Option<Text<'_>>) {
    target.clear();
    target.push_str(text.as_ref().map_or("", |text| &text.0));
}

fn check_size(size: usize, limit: u64) -> Result<(), Diagnostic> {
    if size as u64 <= limit {
        return Ok(());
    }
    let message = format!("the body of a request has {size} bytes, {limit} are allowed");
    Err(Diagnostic::new(TOO_LARGE, message).help(format!("--max-body {size}")))
}

/// A request of a method that has no content, or one whose length is given as 0.
fn may_lack_body(method: &str, announced: Option<&str>) -> bool {
    match announced {
        Some(len) => len == "0",
        None => ["GET", "HEAD", "OPTIONS", "DELETE"].contains(&method),
    }
}

/// What `body_len` and `body_crc` say wrongly about `body`.
fn untrue(len: Option<&str>, crc: Option<Lenient<'_>>, body: &[u8]) -> Option<String> {
    if let Some(len) = len
        && len.parse() != Ok(body.len())
    {
        return Some(format!("body_len is {len}, the body has {} bytes", body.len()));
    }
    let crc = crc?.0.unwrap_or_default();
    let is = crc32fast::hash(body);
    let hex = crc.len() == 8 && crc.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!hex || u32::from_str_radix(&crc, 16) != Ok(is)).then(|| format!("body_crc is {crc:?}, the body has {is:08x}"))
}

/// A string. (`Option<Cow<str>>` would always copy.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A string, or anything else as `None`: what is optional to readers must not cost the record.
struct Lenient<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Lenient<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        Ok(Lenient(serde_json::from_str::<Text<'a>>(raw.get()).ok().map(|text| text.0)))
    }
}

/// `headers`: pairs, or an object as people write it by hand.
struct Fields<'a>(Vec<(Text<'a>, FieldValue<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pairs of header name and value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(field) = pairs.next_element()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = pairs.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

/// A header value: text, or `{"base64":"..."}` when it was not UTF-8. [`Headers`] hold text, so such a value is read
/// as ISO 8859-1, one character per byte (RFC 9110 section 5.5).
struct FieldValue<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for FieldValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrBytes;
        impl<'de> Visitor<'de> for TextOrBytes {
            type Value = FieldValue<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue(Cow::Owned(number.to_string())))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<FieldValue<'de>, A::Error> {
                let mut value = None;
                while let Some(key) = entries.next_key::<String>()? {
                    if key == "base64" {
                        let text = entries.next_value::<String>()?;
                        let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
                        value = Some(match String::from_utf8(bytes) {
                            Ok(text) => text,
                            Err(error) => error.as_bytes().iter().copied().map(char::from).collect(),
                        });
                    } else {
                        entries.next_value::<IgnoredAny>()?;
                    }
                }
                let missing = || serde::de::Error::missing_field("base64");
                value.map(|text| FieldValue(Cow::Owned(text))).ok_or_else(missing)
            }
        }
        deserializer.deserialize_any(TextOrBytes)
    }
}

fn timestamp(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp)
}

fn rfc3339(time: Timestamp) -> String {
    DateTime::from_timestamp_nanos(time.0).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// What a recorder knows of a request beside the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// 1, 2, ... in order of arrival since the `capture` line.
    pub seq: u64,
    /// Number of the connection, from 1.
    pub conn: u64,
    /// `tcp`, `uds` or `pipe`.
    pub transport: &'a str,
    /// `1.0`, `1.1` or `2`.
    pub http: &'a str,
    /// `content-length`, `chunked`, `h2` or `none`.
    pub framing: &'a str,
    /// Names of the headers that were dropped because they hold credentials.
    pub redacted: &'a [String],
}

/// Writes the line that opens a capture, also when one is continued.
pub fn write_capture_line(out: &mut impl Write, created: Timestamp, writer: &str, listen: &[String]) -> io::Result<()> {
    #[derive(Serialize)]
    struct CaptureLine<'a> {
        r#type: &'static str,
        v: u64,
        created: String,
        writer: &'a str,
        listen: &'a [String],
    }
    let line = CaptureLine { r#type: "capture", v: VERSION, created: rfc3339(created), writer, listen };
    let mut text = serde_json::to_string(&line)?;
    text.push('\n');
    out.write_all(text.as_bytes())
}

/// Writes a request, piece by piece: who wants a line whole or not at all gathers it first.
pub fn write_request(out: &mut impl Write, record: &CaptureRecord, arrival: &Arrival<'_>) -> io::Result<()> {
    #[derive(Serialize)]
    struct RequestLine<'a> {
        r#type: &'static str,
        seq: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        t: Option<String>,
        conn: u64,
        transport: &'a str,
        method: &'a str,
        path: &'a str,
        http: &'a str,
        headers: Vec<(&'a str, &'a str)>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        redacted: &'a [String],
        framing: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        aborted: bool,
    }
    let Request { method, path, headers, body } = &record.request;
    let Arrival { seq, conn, transport, http, framing, redacted } = *arrival;
    let line = RequestLine {
        r#type: "request",
        seq,
        t: record.received.map(rfc3339),
        conn,
        transport,
        method,
        path,
        http,
        headers: headers.iter().collect(),
        redacted,
        framing,
        aborted: record.aborted,
    };
    let text = if says_text(headers) { std::str::from_utf8(body).ok().filter(|text| !text.is_empty()) } else { None };
    write_with_body(out, serde_json::to_string(&line)?, body, text)
}

/// Writes a request of which nobody knows how it came, and its answer when it has one.
pub fn write_record(out: &mut impl Write, seq: u64, record: &CaptureRecord) -> io::Result<()> {
    let arrival = Arrival { seq, conn: 1, transport: "tcp", http: "1.1", framing: "content-length", redacted: &[] };
    write_request(out, record, &arrival)?;
    match &record.response {
        Some(response) => write_response(out, seq, record.received.unwrap_or_default(), response),
        None => Ok(()),
    }
}

/// Writes the answer to request `seq`, at `time`.
pub fn write_response(out: &mut impl Write, seq: u64, time: Timestamp, response: &Response) -> io::Result<()> {
    #[derive(Serialize)]
    struct ResponseLine<'a> {
        r#type: &'static str,
        seq: u64,
        t: String,
        status: u16,
        headers: Vec<(&'a str, &'a str)>,
    }
    let Response { status, headers, body, .. } = response;
    let line =
        ResponseLine { r#type: "response", seq, t: rfc3339(time), status: *status, headers: headers.iter().collect() };
    write_with_body(out, serde_json::to_string(&line)?, body, None)
}

/// Writes the line that ends a capture which was closed in order.
pub fn write_end(out: &mut impl Write, requests: u64) -> io::Result<()> {
    out.write_all(format!("{{\"type\":\"end\",\"requests\":{requests}}}\n").as_bytes())
}

/// `application/json`, `application/problem+json`, `text/plain; charset=utf-8`, ...
fn says_text(headers: &Headers) -> bool {
    headers.get("content-type").is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json") || kind.starts_with("text/")
    })
}

/// Bytes of a body that are encoded at a time; a multiple of 3, so that no padding stands inside.
const ENCODED_AT_ONCE: usize = 48 << 10;

fn write_with_body(out: &mut impl Write, mut line: String, body: &[u8], text: Option<&str>) -> io::Result<()> {
    line.pop();
    line.push_str(&format!(",\"body_len\":{},\"body_crc\":\"{:08x}\"", body.len(), crc32fast::hash(body)));
    match text {
        Some(text) => {
            line.push_str(",\"body_text\":");
            out.write_all(line.as_bytes())?;
            serde_json::to_writer(&mut *out, text)?;
        }
        None => {
            line.push_str(",\"body\":\"");
            out.write_all(line.as_bytes())?;
            let mut encoded = Vec::with_capacity(ENCODED_AT_ONCE / 3 * 4);
            for part in body.chunks(ENCODED_AT_ONCE) {
                encoded.clear();
                base64_simd::STANDARD.encode_append(part, &mut encoded);
                out.write_all(&encoded)?;
            }
            out.write_all(b"\"")?;
        }
    }
    out.write_all(b"}\n")
}

#[cfg(test)]
mod tests {
    use super::super::{CaptureLimits, open};
    use super::*;
    use crate::diagnostic::Diagnostics;
    use proptest::prelude::*;
    use std::io::Cursor;
    use std::path::Path;

    const ARRIVAL: Arrival<'_> =
        Arrival { seq: 1, conn: 1, transport: "tcp", http: "1.1", framing: "content-length", redacted: &[] };

    fn request(content_type: &str, body: &[u8]) -> CaptureRecord {
        let mut headers = Headers::default();
        headers.push("Content-Type", content_type);
        let request = Request { method: "POST".into(), path: "/v0.4/traces".into(), headers, body: body.to_vec() };
        CaptureRecord {
            seq: Some(1),
            received: Some(Timestamp(1_795_169_168_779_558_192)),
            request,
            ..CaptureRecord::default()
        }
    }

    fn written(record: &CaptureRecord, arrival: &Arrival<'_>) -> String {
        let mut out = Vec::new();
        write_request(&mut out, record, arrival).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<CaptureRecord, String> {
        let mut record = CaptureRecord::default();
        let (line, _) = parse(text.as_bytes()).map_err(|error| reason(&error))?;
        assert_eq!(line.kind(), Kind::Request);
        let untrue = line.into_request(1000, &mut record).map_err(|finding| finding.to_string())?;
        untrue.map_or(Ok(record), Err)
    }

    #[test]
    fn lines_are_written_as_documented() {
        let time = Timestamp(1_795_169_168_779_558_192);
        let mut out = Vec::new();
        write_capture_line(&mut out, Timestamp(0), "spanglass 0.1.0", &["127.0.0.1:8126".into()]).unwrap();
        write_request(&mut out, &request("application/msgpack", &[0x90]), &ARRIVAL).unwrap();
        let mut headers = Headers::default();
        headers.push("Content-Type", "application/json");
        let answer = Response { status: 200, headers, body: b"{}".to_vec(), ..Response::default() };
        write_response(&mut out, 1, time, &answer).unwrap();
        write_end(&mut out, 1).unwrap();
        let expected = r#"{"type":"capture","v":1,"created":"1970-01-01T00:00:00.000000000Z","writer":"spanglass 0.1.0","listen":["127.0.0.1:8126"]}
{"type":"request","seq":1,"t":"2026-11-20T10:06:08.779558192Z","conn":1,"transport":"tcp","method":"POST","path":"/v0.4/traces","http":"1.1","headers":[["Content-Type","application/msgpack"]],"framing":"content-length","body_len":1,"body_crc":"220d7cc9","body":"kA=="}
{"type":"response","seq":1,"t":"2026-11-20T10:06:08.779558192Z","status":200,"headers":[["Content-Type","application/json"]],"body_len":2,"body_crc":"a3a6bf43","body":"e30="}
{"type":"end","requests":1}
"#;
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn text_bodies_stay_readable_and_optional_keys_stay_out() {
        for (content_type, body, text) in [
            ("application/json", &b"{\"a\":\"\\n\"}"[..], true),
            ("Application/Problem+JSON; charset=utf-8", b"{}", true),
            ("text/plain", b"a\0b\x7f", true),
            ("application/json", b"\xff", false),
            ("application/json", b"", false),
            ("application/x-protobuf", b"abc", false),
        ] {
            let record = request(content_type, body);
            let line = written(&record, &ARRIVAL);
            assert_eq!(line.contains(",\"body_text\":\""), text, "{line}");
            assert_eq!(line.contains(",\"body\":\""), !text, "{line}");
            assert_eq!(read(&line), Ok(record));
        }
        let mut record = request("text/plain", b"ab");
        record.received = None;
        record.aborted = true;
        let line = written(&record, &Arrival { redacted: &["DD-API-KEY".into()], ..ARRIVAL });
        assert!(
            line.contains(r#"]],"redacted":["DD-API-KEY"],"framing":"content-length","aborted":true,"body_len":2,"#)
        );
        assert!(!line.contains(r#""t":"#));
        assert_eq!(read(&line), Ok(record));
    }

    #[test]
    fn keys_stand_in_any_order_and_others_are_ignored() {
        let record = read(
            r#"{"body":"kA==","x":{"type":[1,{"body":null}]},"headers":[],"path":"/é\u0065","body_text":null,"method":"PUT"}"#,
        );
        let record = record.expect("a hand-made line");
        assert_eq!((record.request.method.as_str(), record.request.path.as_str()), ("PUT", "/ée"));
        assert_eq!((record.request.body.as_slice(), record.seq, record.received), (&[0x90][..], None, None));
    }

    #[test]
    fn headers_are_pairs_and_values_may_be_bytes() {
        let line = |headers: &str| format!(r#"{{"type":"request","method":"GET","headers":{headers}}}"#);
        let all = |record: CaptureRecord| -> Vec<(String, String)> {
            record.request.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read(&line(r#"[["A","1"],["a","\t"],["B",{"base64":"6Q==","x":[]}],["C",{"base64":"w6k="}],["D",5]]"#))
                .map(all),
            Ok(vec![pair("A", "1"), pair("a", "\t"), pair("B", "é"), pair("C", "é"), pair("D", "5")])
        );
        assert_eq!(read(&line(r#"{"A":"1"}"#)).map(all), Ok(vec![pair("A", "1")]));
        for wrong in
            [r#"[["A"]]"#, r#"[["A","1","2"]]"#, r#"[["A",null]]"#, r#"[["A",{"base64":"!"}]]"#, "5", r#"[["A",{}]]"#]
        {
            assert!(read(&line(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_and_checksums_are_compared() {
        let line = |rest: &str| read(&format!(r#"{{"type":"request",{rest},"body":"kA=="}}"#)).map(|_| ());
        for fine in [r#""body_len":1"#, r#""body_crc":"220D7CC9""#, r#""body_len":null,"body_crc":null"#] {
            assert_eq!(line(fine), Ok(()));
        }
        for (rest, message) in [
            (r#""body_len":2"#, "body_len is 2, the body has 1 bytes"),
            (r#""body_len":"1""#, "body_len is \"1\", the body has 1 bytes"),
            (r#""body_len":-1"#, "body_len is -1, the body has 1 bytes"),
            (r#""body_crc":"00000000""#, "body_crc is \"00000000\", the body has 220d7cc9"),
            (r#""body_crc":"+20d7cc9""#, "body_crc is \"+20d7cc9\", the body has 220d7cc9"),
            (r#""body_crc":5"#, "body_crc is \"\", the body has 220d7cc9"),
        ] {
            assert_eq!(line(rest), Err(message.to_owned()));
        }
    }

    #[test]
    fn bodies_are_whole_or_missing() {
        let line = |text: &str| read(text).map(|record| record.request.body.len());
        assert_eq!(line(r#"{"type":"request","method":"GET","path":"/info"}"#), Ok(0));
        assert_eq!(line(r#"{"type":"request","method":"POST","body_len":0}"#), Ok(0));
        let missing = "warning[C005]: a request was recorded without its body";
        assert_eq!(line(r#"{"type":"request","method":"POST"}"#), Err(missing.into()));
        assert_eq!(line(r#"{"type":"request","method":"GET","body_len":7}"#), Err(missing.into()));
        for wrong in ["k", "=", "kA", "kA=", "k!==", "kB=="] {
            let found = line(&format!(r#"{{"type":"request","body":"{wrong}"}}"#)).unwrap_err();
            assert!(found.starts_with("warning[C002]: the body of a request is not base64"), "{found}");
        }
        let large = "error[D015]: the body of a request has 1001 bytes, 1000 are allowed";
        assert_eq!(line(&format!(r#"{{"type":"request","body":"{}"}}"#, STANDARD.encode([7; 1000]))), Ok(1000));
        assert_eq!(
            line(&format!(r#"{{"type":"request","body":"{}"}}"#, STANDARD.encode([7; 1001]))),
            Err(large.into())
        );
        assert_eq!(line(&format!(r#"{{"type":"request","body_text":"{}"}}"#, "x".repeat(1001))), Err(large.into()));
    }

    #[test]
    fn times_are_read_in_every_form_of_rfc_3339() {
        let time = |t: &str| {
            read(&format!(r#"{{"type":"request","t":{t},"body":""}}"#)).map(|record| record.received.map(|t| t.0))
        };
        assert_eq!(time(r#""2026-11-20T10:06:08.779558192Z""#), Ok(Some(1_795_169_168_779_558_192)));
        assert_eq!(time(r#""2026-11-20T11:06:08+01:00""#), Ok(Some(1_795_169_168_000_000_000)));
        for none in [r#""yesterday""#, "5", "null", r#""9999-01-01T00:00:00Z""#] {
            assert_eq!(time(none), Ok(None), "{none}");
        }
    }

    #[test]
    fn versions_are_compared() {
        let unknown = |v: &str| {
            let text = format!(r#"{{"type":"capture"{v}}}"#);
            parse(text.as_bytes()).unwrap().0.unknown_version().map(str::to_owned)
        };
        for known in ["", r#","v":1"#, r#","v":1.0"#, r#","v":null"#] {
            assert_eq!(unknown(known), None, "{known}");
        }
        assert_eq!(unknown(r#","v":2"#), Some("2".into()));
        assert_eq!(unknown(r#","v":"1b""#), Some("\"1b\"".into()));
    }

    fn any_record() -> impl Strategy<Value = CaptureRecord> {
        let header = ("[!-~]{1,20}", "\\PC{0,20}");
        let kind = prop::sample::select(vec!["application/json", "text/x", "application/msgpack", ""]);
        let body = prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)];
        (
            any::<String>(),
            any::<String>(),
            prop::collection::vec(header, 0..4),
            kind,
            body,
            any::<Option<i64>>(),
            any::<bool>(),
        )
            .prop_map(|(method, path, pairs, kind, body, time, aborted)| {
                let mut headers = Headers::default();
                pairs.into_iter().for_each(|(name, value)| headers.push(name, value));
                if !kind.is_empty() {
                    headers.push("content-type", kind);
                }
                CaptureRecord {
                    received: time.map(Timestamp),
                    request: Request { method, path, headers, body },
                    aborted,
                    ..CaptureRecord::default()
                }
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(mut records in prop::collection::vec(any_record(), 0..6)) {
            let mut out = Vec::new();
            write_capture_line(&mut out, Timestamp(0), "test", &[]).unwrap();
            for (index, record) in records.iter_mut().enumerate() {
                (record.index, record.seq) = (index, Some(index as u64 + 1));
                write_request(&mut out, record, &Arrival { seq: index as u64 + 1, ..ARRIVAL }).unwrap();
                write_response(&mut out, index as u64 + 1, Timestamp(1), &Response::default()).unwrap();
            }
            write_end(&mut out, records.len() as u64).unwrap();
            let mut found = Diagnostics::default();
            let mut capture = open(Cursor::new(out), Path::new("-"), CaptureLimits::default()).unwrap();
            for record in &records {
                let read = capture.next_record(&mut found);
                prop_assert_eq!(read.as_ref(), Some(record));
            }
            prop_assert_eq!(capture.next_record(&mut found), None);
            prop_assert_eq!(capture.responses(), records.len() as u64);
            let aborted = records.iter().filter(|record| record.aborted).count();
            prop_assert_eq!(found.iter().filter(|finding| finding.code() == BODY_MISSING).count(), aborted);
            prop_assert_eq!(found.iter().count(), aborted);
            for record in records.iter().rev() {
                prop_assert_eq!(capture.record(record.index), Ok(record.clone()));
            }
        }

        #[test]
        fn no_line_makes_it_panic(text in "\\{\"(type|body|headers|v|t|body_len)\":[\\[{\"]?(request|kA==|[0-9]|\\PC){0,9}[\\]}\"]{0,3}\\}?", bytes: Vec<u8>) {
            let _ = read_any(text.as_bytes());
            let _ = read_any(&bytes);
        }
    }

    fn read_any(text: &[u8]) -> Option<()> {
        let (line, used) = parse(text).ok()?;
        assert!(used <= text.len());
        let _ = line.unknown_version();
        line.into_request(10, &mut CaptureRecord::default()).ok().map(|_| ())
    }
}

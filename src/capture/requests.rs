//! Containers of others whose records stand one behind the other: requests of the test agent, HAR, Collector files, saved HTTP
//! messages (captures.md sections 3 to 5 and 9).
//!
//! ```text
//! [{"headers":{"Content-Type":"application/msgpack"},"body":"kA==","url":"http://127.0.0.1:8126/v0.4/traces","method":"POST"}]
//! {"log":{"entries":[{"request":{"method":"POST","url":"...","headers":[],"postData":{"mimeType":"...","text":"..."}}}]}}
//! {"resourceSpans":[...]}\n{"resourceSpans":[...]}\n
//! 00 00 01 2c <300 bytes of OTLP protobuf, or zstd>
//! POST /v0.4/traces HTTP/1.1\r\nContent-Length: 1\r\n\r\n\x90
//! ```

use super::codes::{BAD_RECORD, BODY_MISSING, LOSSY_BODY, TORN_TAIL};
use super::pieces::{Cut, Piece, Pieces};
use super::{CaptureLimits, CaptureRecord, http1};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::encoding::{self, Encoding};
use crate::http::{Headers, Request, Response};
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, BufRead, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Which container it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `/test/session/requests` of the test agent.
    TestAgent,
    /// `/test/session/traces` of the test agent's OTLP port: request documents without their requests.
    TestAgentOtlp,
    /// An HTTP archive.
    Har,
    /// OTLP JSON, one request per line.
    OtlpLines,
    /// OTLP requests behind their length.
    OtlpFrames,
    /// HTTP messages as they stood on the wire.
    Messages,
}

impl Format {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Format::TestAgent => "requests of the test agent",
            Format::TestAgentOtlp => "OTLP requests of the test agent",
            Format::Har => "HAR",
            Format::OtlpLines => "a Collector file of OTLP JSON lines",
            Format::OtlpFrames => "a Collector file of length-prefixed messages",
            Format::Messages => "saved HTTP messages",
        }
    }

    fn cut(self) -> Cut {
        match self {
            Format::TestAgent | Format::TestAgentOtlp => Cut::Elements(&[]),
            Format::Har => Cut::Elements(&["log", "entries"]),
            Format::OtlpLines => Cut::Lines,
            Format::OtlpFrames => Cut::Frames,
            Format::Messages => Cut::Messages,
        }
    }

    /// What a piece of it is called.
    fn piece(self) -> &'static str {
        match self {
            Format::TestAgent | Format::TestAgentOtlp => "request",
            Format::Har => "entry",
            Format::OtlpLines => "line",
            Format::OtlpFrames | Format::Messages => "message",
        }
    }
}

/// Reads the records of such a container and remembers where each was.
pub(super) struct Requests<R> {
    pieces: Pieces<R>,
    format: Format,
    name: PathBuf,
    limit: u64,
    /// Of the records so far.
    places: Vec<Range<u64>>,
    /// A piece that failed to be a record: its number, for messages.
    seen: u64,
    done: bool,
    pub(super) skipped: u64,
    pub(super) responses: u64,
    pub(super) others: u64,
    pub(super) error: Option<io::Error>,
}

/// What a piece turned out to be.
enum Found {
    Record(Box<CaptureRecord>, Vec<Diagnostic>),
    /// An answer, not asked for by anything in the container.
    Answer,
    /// Of another kind: metrics, logs.
    Other,
    Unusable(Diagnostic),
}

impl<R: BufRead + Seek> Requests<R> {
    pub(super) fn new(input: R, format: Format, name: &Path, limits: &CaptureLimits) -> Self {
        let limit = match format {
            Format::OtlpFrames => limits.body,
            _ => super::lines::line_limit(limits),
        };
        Requests {
            pieces: Pieces::new(input, format.cut(), limit),
            format,
            name: name.to_owned(),
            limit,
            places: Vec::new(),
            seen: 0,
            done: false,
            skipped: 0,
            responses: 0,
            others: 0,
            error: None,
        }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Reads the next request into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        while !self.done {
            let piece = match self.pieces.next() {
                Ok(piece) => piece,
                Err(error) => {
                    self.done = true;
                    // Decompression tells what is wrong with the file by a finding.
                    match error.downcast::<Diagnostic>() {
                        Ok(finding) => out.report(finding),
                        Err(error) => self.error = Some(error),
                    }
                    return false;
                }
            };
            self.seen += 1;
            let what = self.format.piece();
            match piece {
                Piece::End => {
                    self.done = true;
                    return false;
                }
                Piece::Torn(start) => {
                    self.done = true;
                    let message = format!("the input ends inside a {what}; what is complete before it is used");
                    out.report(Diagnostic::new(TORN_TAIL, message).at(self.place(start..start)));
                    return false;
                }
                Piece::Broken(start, problem) => {
                    self.done = true;
                    self.skipped += 1;
                    let message = format!("{what} {} cannot be read, nor what follows it: {problem}", self.seen);
                    out.report(Diagnostic::new(BAD_RECORD, message).at(self.place(start..start)));
                    return false;
                }
                Piece::TooLong(range) => {
                    self.skipped += 1;
                    let size = range.end - range.start;
                    let message = format!("{what} {} has {size} bytes, {} are allowed", self.seen, self.limit);
                    out.report(Diagnostic::new(BODY_MISSING, message).at(self.place(range)).help("--max-body SIZE"));
                }
                Piece::Whole(range) => match self.found() {
                    Found::Record(found, findings) => {
                        findings.into_iter().for_each(|finding| out.report(finding.at(self.place(range.clone()))));
                        *record = *found;
                        record.index = self.places.len();
                        self.places.push(range);
                        return true;
                    }
                    Found::Answer => self.responses += 1,
                    Found::Other => self.others += 1,
                    Found::Unusable(finding) => {
                        self.skipped += 1;
                        out.report(finding.at(self.place(range)));
                    }
                },
            }
        }
        false
    }

    /// Number of the request that was read last.
    pub(super) fn last_index(&self) -> usize {
        self.places.len().saturating_sub(1)
    }

    /// Request `index` again; `None` when there is none.
    pub(super) fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> io::Result<Option<()>> {
        let Some(range) = self.places.get(index).cloned() else { return Ok(None) };
        self.pieces.again(range)?;
        match self.found() {
            Found::Record(found, _) => {
                *record = *found;
                record.index = index;
                Ok(Some(()))
            }
            _ => Ok(None),
        }
    }

    fn place(&self, range: Range<u64>) -> Place {
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let source = Source::File(self.name.clone());
        Place::Text { source, range: offset(range.start)..offset(range.end), line: None }
    }

    /// What the piece in the buffer is.
    fn found(&mut self) -> Found {
        let bytes = &self.pieces.buffer;
        let number = self.seen;
        let unusable = |problem: String| {
            let message = format!("{} {number} is no record: {problem}", self.format.piece());
            Found::Unusable(Diagnostic::new(BAD_RECORD, message))
        };
        match self.format {
            Format::TestAgent => match serde_json::from_slice::<AgentRequest<'_>>(bytes) {
                Ok(request) => request.record().unwrap_or_else(unusable),
                Err(error) => unusable(error.to_string()),
            },
            Format::TestAgentOtlp => document(bytes.clone()),
            Format::Har => match serde_json::from_slice::<Entry<'_>>(bytes) {
                Ok(entry) => entry.record(),
                Err(error) => unusable(error.to_string()),
            },
            Format::OtlpLines => match signal(bytes) {
                Signal::Traces => document(bytes.trim_ascii().to_vec()),
                Signal::Other => Found::Other,
                Signal::None => unusable("no OTLP JSON".to_owned()),
            },
            Format::OtlpFrames => frame(bytes, self.limit),
            Format::Messages if bytes.starts_with(b"HTTP/") => Found::Answer,
            Format::Messages => match http1::request(bytes) {
                Ok(Some((request, _))) => {
                    Found::Record(Box::new(CaptureRecord { request, ..CaptureRecord::default() }), Vec::new())
                }
                Ok(None) => unusable("it has no end".to_owned()),
                Err(problem) => unusable(problem),
            },
        }
    }
}

/// A request document that came without its request.
fn document(body: Vec<u8>) -> Found {
    let mut headers = Headers::default();
    headers.push("Content-Type", "application/json");
    otlp(body, headers)
}

fn otlp(body: Vec<u8>, headers: Headers) -> Found {
    let request = Request { path: "/v1/traces".to_owned(), headers, body, ..Request::default() };
    Found::Record(Box::new(CaptureRecord { request, bare: true, ..CaptureRecord::default() }), Vec::new())
}

/// A message of a Collector file: protobuf or JSON, perhaps compressed by itself.
fn frame(bytes: &[u8], limit: u64) -> Found {
    let mut body = Cow::Borrowed(bytes);
    if let Some(encoding) = Encoding::sniff(&body) {
        let limits = encoding::Limits { decoded: limit.max(256 << 20), ..encoding::Limits::default() };
        match encoding::decode(encoding, &body, &limits) {
            Ok(decoded) => body = Cow::Owned(decoded),
            Err(finding) => return Found::Unusable(finding),
        }
    }
    if body.trim_ascii_start().starts_with(b"{") && body.first() != Some(&b'\n') {
        return match signal(&body) {
            Signal::Traces => document(body.into_owned()),
            Signal::Other => Found::Other,
            Signal::None => Found::Unusable(Diagnostic::new(BAD_RECORD, "a message that is no OTLP JSON")),
        };
    }
    let mut headers = Headers::default();
    headers.push("Content-Type", "application/x-protobuf");
    otlp(body.into_owned(), headers)
}

enum Signal {
    Traces,
    Other,
    None,
}

/// Which signal a JSON document of OTLP carries, from its first keys.
fn signal(text: &[u8]) -> Signal {
    let head = text.trim_ascii_start();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let Some(rest) = head.strip_prefix(b"{") else { return Signal::None };
    let rest = rest.trim_ascii_start();
    let starts = |keys: &[&str]| {
        keys.iter().any(|key| {
            rest.strip_prefix(b"\"")
                .is_some_and(|rest| rest.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.starts_with(b"\"")))
        })
    };
    if starts(&["resourceMetrics", "resourceLogs", "resourceProfiles", "resource_metrics", "resource_logs"]) {
        Signal::Other
    } else {
        Signal::Traces
    }
}

/// A request as the test agent lists it.
#[derive(Deserialize)]
struct AgentRequest<'a> {
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    #[serde(borrow, default)]
    body: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
}

impl AgentRequest<'_> {
    fn record(self) -> Result<Found, String> {
        let Some(url) = self.url else { return Err("it has no url".to_owned()) };
        let body =
            STANDARD.decode(self.body.unwrap_or_default().as_bytes()).map_err(|error| format!("body: {error}"))?;
        let mut headers = Headers::default();
        for (name, value) in &self.headers {
            match value {
                Value::String(value) => headers.push(name, value),
                other => headers.push(name, other.to_string()),
            }
        }
        let method = self.method.unwrap_or_default().into_owned();
        let request = Request { method, path: target(&url).to_owned(), headers, body };
        Ok(Found::Record(Box::new(CaptureRecord { request, ..CaptureRecord::default() }), Vec::new()))
    }
}

/// Path and query of a URL.
fn target(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

/// An entry of an HTTP archive, as far as it is read.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default, rename = "startedDateTime")]
    started: Option<Cow<'a, str>>,
    #[serde(borrow)]
    request: HarRequest<'a>,
    #[serde(borrow, default)]
    response: Option<HarResponse<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest<'a> {
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    headers: Vec<HarHeader<'a>>,
    #[serde(borrow, default)]
    post_data: Option<PostData<'a>>,
    #[serde(default)]
    body_size: Option<f64>,
}

#[derive(Deserialize)]
struct HarHeader<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    #[serde(borrow, default)]
    mime_type: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(default)]
    encoding: Option<String>,
    #[serde(default, rename = "_encoding")]
    private_encoding: Option<String>,
    #[serde(default, rename = "_isBase64")]
    is_base64: Option<bool>,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Deserialize)]
struct HarResponse<'a> {
    #[serde(default)]
    status: f64,
    #[serde(borrow, default)]
    headers: Vec<HarHeader<'a>>,
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(default)]
    encoding: Option<String>,
}

impl Entry<'_> {
    fn record(self) -> Found {
        let mut findings = Vec::new();
        let mut headers = Headers::default();
        for header in &self.request.headers {
            // Pseudo headers of HTTP/2 and what only the archive's connection had are kept: they were sent.
            headers.push(&*header.name, &*header.value);
        }
        let mut body = Vec::new();
        match self.request.post_data.as_ref().map(PostData::bytes) {
            Some(Ok(bytes)) => body = bytes,
            Some(Err(finding)) => findings.push(finding),
            None if self.request.body_size.is_some_and(|size| size > 0.0) => {
                let message = "the archive does not hold the body of this request";
                findings.push(Diagnostic::new(BODY_MISSING, message));
            }
            None => {}
        }
        let received = self
            .started
            .as_deref()
            .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
            .and_then(|time| time.timestamp_nanos_opt())
            .map(Timestamp);
        let request = Request {
            method: self.request.method.into_owned(),
            path: target(&self.request.url).to_owned(),
            headers,
            body,
        };
        let response = self.response.map(HarResponse::response);
        let record = CaptureRecord { request, received, response, ..CaptureRecord::default() };
        Found::Record(Box::new(record), findings)
    }
}

impl HarResponse<'_> {
    fn response(self) -> Response {
        let mut headers = Headers::default();
        self.headers.iter().for_each(|header| headers.push(&*header.name, &*header.value));
        let body = match self.content {
            Some(Content { text: Some(text), encoding }) if encoding.as_deref() == Some("base64") => {
                STANDARD.decode(text.as_bytes()).unwrap_or_else(|_| text.into_owned().into_bytes())
            }
            Some(Content { text: Some(text), .. }) => text.into_owned().into_bytes(),
            _ => Vec::new(),
        };
        // The cast saturates; a status that was aborted is 0.
        Response { status: self.status as u16, headers, body, ..Response::default() }
    }
}

impl PostData<'_> {
    /// The bytes of the body: HAR has no encoding for them, so producers differ (captures.md section 9).
    fn bytes(&self) -> Result<Vec<u8>, Diagnostic> {
        let text = self.text.as_deref().unwrap_or_default();
        let named = |name: &Option<String>| name.as_deref() == Some("base64");
        let commented = self.comment.as_deref().is_some_and(|comment| comment.to_ascii_lowercase().contains("base64"));
        if named(&self.encoding) || named(&self.private_encoding) || self.is_base64 == Some(true) || commented {
            return STANDARD.decode(text.as_bytes()).map_err(|error| {
                Diagnostic::new(LOSSY_BODY, format!("the body is said to be base64 and is not: {error}"))
            });
        }
        let mime = self.mime_type.to_ascii_lowercase();
        if mime.contains("json") || mime.starts_with("text/") {
            return Ok(text.as_bytes().to_vec());
        }
        if text.chars().all(|c| u32::from(c) <= 0xff) {
            return Ok(text.chars().map(|c| c as u8).collect());
        }
        if text.contains('\u{fffd}') {
            let count = text.chars().filter(|c| *c == '\u{fffd}').count();
            let message = format!("the archive replaced {count} bytes of the body by U+FFFD: it is lost");
            let help = "record it again, with a program that writes binary bodies as base64";
            return Err(Diagnostic::new(LOSSY_BODY, message).help(help));
        }
        Ok(text.as_bytes().to_vec())
    }
}

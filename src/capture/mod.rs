//! Captures: recorded requests out of containers, one [`CaptureRecord`] each (captures.md).
//!
//! The input is what is left when compression around the file is undone ([`crate::encoding::unwrap_layers`]).
//! [`open`] finds the format by content. Read are our own JSON lines and bare bodies; every other format of the
//! document is recognised and named.
//!
//! ```
//! use spanglass::{capture, diagnostic::Diagnostics};
//! use std::{io::Cursor, path::Path};
//!
//! let lines = r#"{"type":"request","method":"POST","path":"/v0.4/traces","headers":[],"body":"kA=="}"#;
//! let mut found = Diagnostics::default();
//! let mut capture = capture::open(Cursor::new(lines), Path::new("-"), Default::default()).unwrap();
//! let record = capture.next_record(&mut found).expect("one request");
//! assert_eq!((record.request.path.as_str(), record.request.body.as_slice()), ("/v0.4/traces", &[0x90][..]));
//! assert!(capture.next_record(&mut found).is_none() && found.is_empty());
//! ```

pub mod codes;
mod detect;
pub(crate) mod http1;
pub mod jsonl;
mod lines;
pub mod pcap;
mod pieces;
pub mod raw;
mod requests;

pub(crate) use lines::{Block, Event, Lines};
pub(crate) use raw::{Failure, Raw};

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::http::{Request, Response};
use crate::time::Timestamp;
use detect::Detected;
use std::fmt;
use std::io::{self, BufRead, Seek};
use std::path::{Path, PathBuf};

/// One request of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureRecord {
    /// Number among the requests of this capture that could be used, from 0.
    pub index: usize,
    /// Its number in order of arrival, when the container has one; begins again where captures were joined.
    pub seq: Option<u64>,
    /// When the last byte of the body came.
    pub received: Option<Timestamp>,
    /// The request.
    pub request: Request,
    /// The answer, in containers that have it beside the request.
    pub response: Option<Response>,
    /// The body did not come in a request: method, headers and perhaps the path are not known.
    pub bare: bool,
    /// Protocol of the document that the body is, when the input says so.
    pub document: Option<&'static str>,
    /// The client closed before the announced length; the body is what came.
    pub aborted: bool,
}

/// What one record may have, and what is let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Most bytes of a body in a container.
    pub body: u64,
    /// Most bytes of an input that is one body.
    pub bare_body: u64,
    /// Read a container of a newer version all the same.
    pub force: bool,
    /// Connections of a packet capture that are looked at.
    pub ports: pcap::Ports,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        CaptureLimits { body: 64 << 20, bare_body: i32::MAX as u64, force: false, ports: pcap::Ports::default() }
    }
}

/// Why an input cannot be read as a capture.
#[derive(Debug)]
pub enum OpenError {
    /// It has no bytes, or blanks only.
    Empty,
    /// It is none, or one of a format that this version does not read.
    NotACapture {
        /// What it is instead: `text`, `pcap (not read by this version)`.
        looks_like: String,
        /// Its first 16 bytes.
        first: Vec<u8>,
    },
    /// It is one that must not be read: C004.
    Finding(Diagnostic),
    /// It could not be read.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Empty => f.write_str("the input is empty"),
            OpenError::NotACapture { looks_like, first } => {
                write!(f, "no capture and no request body: this looks like {looks_like}; first bytes")?;
                first.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            OpenError::Finding(finding) => finding.fmt(f),
            OpenError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Diagnostic>() {
            Ok(finding) => OpenError::Finding(finding),
            Err(error) => OpenError::Io(error),
        }
    }
}

/// An opened capture.
pub struct Capture<R> {
    container: Container<R>,
    name: PathBuf,
}

enum Container<R> {
    Lines(Box<lines::Lines<R>>),
    Raw(raw::Raw<R>),
    Records(Box<requests::Requests<R>>),
    Packets(Box<pcap::Pcap<R>>),
    Nothing,
}

/// Finds the format of `input` by its content and opens it. `name` is for findings, and tells the protocol of a bare
/// body called `*.<protocol>.bin`.
pub fn open<R: BufRead + Seek>(mut input: R, name: &Path, limits: CaptureLimits) -> Result<Capture<R>, OpenError> {
    let (detected, first) = detect::detect(&mut input, name, lines::line_limit(&limits))?;
    let container = match detected {
        Detected::Empty => return Err(OpenError::Empty),
        Detected::NoRequests => Container::Nothing,
        Detected::Capture => {
            let mut lines = lines::Lines::new(input, name, limits);
            if let Some(refusal) = lines.refusal()? {
                return Err(OpenError::Finding(refusal));
            }
            Container::Lines(Box::new(lines))
        }
        Detected::Body => return Ok(open_body(input, name, limits)),
        Detected::Records(format) => {
            Container::Records(Box::new(requests::Requests::new(input, format, name, &limits)))
        }
        Detected::Packets => Container::Packets(Box::new(pcap::Pcap::new(input, name, &limits))),
        Detected::Document(protocol) => {
            let mut raw = raw::Raw::new(input, name, &limits);
            raw.document = Some(protocol);
            Container::Raw(raw)
        }
        Detected::Unknown(what) => return Err(OpenError::NotACapture { looks_like: what.to_owned(), first }),
    };
    Ok(Capture { container, name: name.to_owned() })
}

/// Opens `input` as one request body, whatever it looks like: for `--protocol` and `--path`.
pub fn open_body<R: BufRead + Seek>(input: R, name: &Path, limits: CaptureLimits) -> Capture<R> {
    Capture { container: Container::Raw(raw::Raw::new(input, name, &limits)), name: name.to_owned() }
}

impl<R: BufRead + Seek> Capture<R> {
    /// The format, in words.
    pub fn format(&self) -> &'static str {
        match &self.container {
            Container::Lines(_) => "spanglass capture (JSON lines)",
            Container::Raw(raw) => raw.document.unwrap_or("request body"),
            Container::Records(requests) => requests.format().words(),
            Container::Packets(_) => "packet capture",
            Container::Nothing => "empty JSON document",
        }
    }

    /// Whether it is a container of records rather than one body.
    pub fn is_container(&self) -> bool {
        !matches!(self.container, Container::Raw(_))
    }

    /// Its input, when it is a capture of our own, for a reader of its lines. The capture cannot be read on then.
    pub fn own_lines(&mut self) -> Option<&mut R> {
        match &mut self.container {
            Container::Lines(lines) => Some(lines.input()),
            _ => None,
        }
    }

    /// Its lines, when it is a container of lines.
    pub(crate) fn lines(&mut self) -> Option<&mut Lines<R>> {
        match &mut self.container {
            Container::Lines(lines) => Some(lines),
            _ => None,
        }
    }

    /// Number of the request that was read last.
    pub(crate) fn last_index(&self) -> usize {
        match &self.container {
            Container::Raw(raw) => raw.last_index(),
            Container::Records(requests) => requests.last_index(),
            Container::Packets(packets) => packets.last_index(),
            Container::Lines(_) | Container::Nothing => 0,
        }
    }

    /// Its bodies, when it has no container.
    pub(crate) fn raw(&mut self) -> Option<&mut Raw<R>> {
        match &mut self.container {
            Container::Raw(raw) => Some(raw),
            _ => None,
        }
    }

    /// The next request. Findings on the container go to `out`, and reading goes on behind them.
    pub fn next_record(&mut self, out: &mut Diagnostics) -> Option<CaptureRecord> {
        let mut record = CaptureRecord::default();
        self.read(&mut record, out).then_some(record)
    }

    /// The next request, into the memory of an earlier one; false at the end.
    pub fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        match &mut self.container {
            Container::Lines(lines) => lines.read(record, out),
            Container::Records(requests) => requests.read(record, out),
            Container::Packets(packets) => packets.read(record, out),
            Container::Raw(raw) => match raw.read(record) {
                Ok(read) => read,
                Err(failure) => {
                    raw.fail(failure, out);
                    false
                }
            },
            Container::Nothing => false,
        }
    }

    /// Request `index` again, by position; it must have been read before. Findings were reported then.
    pub fn record(&mut self, index: usize) -> Result<CaptureRecord, Diagnostic> {
        let mut record = CaptureRecord::default();
        self.read_again(index, &mut record)?;
        Ok(record)
    }

    /// Request `index` again, into the memory of an earlier one.
    pub fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> Result<(), Diagnostic> {
        let problem = match &mut self.container {
            Container::Lines(lines) => match lines.read_again(index, record) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => "it is not there".to_owned(),
                Err(error) => error.to_string(),
            },
            Container::Records(requests) => match requests.read_again(index, record) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => "it is not there".to_owned(),
                Err(error) => error.to_string(),
            },
            Container::Packets(packets) => match packets.read_again(index, record) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => "it is not there".to_owned(),
                Err(error) => error.to_string(),
            },
            Container::Raw(raw) => match raw.read_again(index, record) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => "it is not there".to_owned(),
                Err(raw::Failure::Finding(finding)) => return Err(finding),
                Err(raw::Failure::Io(error)) => error.to_string(),
            },
            Container::Nothing => "it is not there".to_owned(),
        };
        let message = format!("request {index} of {} could not be read again: {problem}", self.name.display());
        let place = Place::Text { source: Source::File(self.name.clone()), range: 0..0, line: None };
        Err(Diagnostic::new(codes::BODY_MISSING, message).at(place))
    }

    /// Requests that were found so far and could not be used. A torn tail is none.
    pub fn skipped(&self) -> u64 {
        match &self.container {
            Container::Lines(lines) => lines.skipped,
            Container::Raw(raw) => raw.skipped,
            Container::Records(requests) => requests.skipped,
            Container::Packets(packets) => packets.skipped,
            Container::Nothing => 0,
        }
    }

    /// Recorded answers that were passed over so far.
    pub fn responses(&self) -> u64 {
        match &self.container {
            Container::Lines(lines) => lines.responses,
            Container::Records(requests) => requests.responses,
            Container::Packets(packets) => packets.responses,
            Container::Raw(_) | Container::Nothing => 0,
        }
    }

    /// Records of kinds that we do not know, passed over so far.
    pub fn others(&self) -> u64 {
        match &self.container {
            Container::Lines(lines) => lines.others,
            Container::Records(requests) => requests.others,
            _ => 0,
        }
    }

    /// What was seen so far and could not be read, in words.
    pub fn notes(&self) -> Vec<String> {
        match &self.container {
            Container::Packets(packets) => packets.notes(),
            _ => Vec::new(),
        }
    }

    /// The error of the input that ended the reading, if one did.
    pub fn error(&self) -> Option<&io::Error> {
        match &self.container {
            Container::Lines(lines) => lines.error.as_ref(),
            Container::Raw(raw) => raw.error.as_ref(),
            Container::Records(requests) => requests.error.as_ref(),
            Container::Packets(packets) => packets.error.as_ref(),
            Container::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn refusal(bytes: &[u8]) -> String {
        match open(Cursor::new(bytes), Path::new("in"), CaptureLimits::default()) {
            Ok(capture) => format!("opened as {}", capture.format()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_capture_is_named() {
        assert_eq!(refusal(b""), "the input is empty");
        assert_eq!(
            refusal(b"hello\n"),
            "no capture and no request body: this looks like text; first bytes 68 65 6c 6c 6f 0a"
        );
        assert_eq!(refusal(b"\xd4\xc3\xb2\xa1\x02\0\x04\0"), "opened as packet capture");
    }

    #[test]
    fn empty_documents_have_no_requests() {
        for text in ["[]", " {}\n"] {
            let mut capture = open(Cursor::new(text), Path::new("in"), CaptureLimits::default()).unwrap();
            let mut found = Diagnostics::default();
            assert!(capture.next_record(&mut found).is_none());
            assert!(found.is_empty() && capture.skipped() == 0 && capture.error().is_none());
            assert_eq!(capture.format(), "empty JSON document");
        }
    }

    #[test]
    fn a_finding_inside_an_error_of_the_input_is_handed_on() {
        let finding = Diagnostic::new(crate::encoding::codes::BAD_ENCODING, "gzip data is cut short");
        let error = io::Error::new(io::ErrorKind::InvalidData, finding.clone());
        assert!(matches!(OpenError::from(error), OpenError::Finding(found) if found == finding));
        assert!(matches!(OpenError::from(io::Error::other("no")), OpenError::Io(_)));
    }
}

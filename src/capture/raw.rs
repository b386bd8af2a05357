//! A file that is one request body, or v0.4 bodies one after the other (captures.md section 3): `hello.v0.4.bin`, `hello.otlp-json.json.gz`.
//!
//! The body did not come in a request, so its record is [`CaptureRecord::bare`]. A name with a protocol in it gives
//! the path; otherwise the protocol is told from the body, above.

use super::{CaptureLimits, CaptureRecord};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source};
use crate::encoding::codes::TOO_LARGE;
use crate::http::Request;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Protocols as they stand in file names, with the request target and the Content-Type of such a body.
const ENDPOINTS: &[(&str, &str, Option<&str>)] = &[
    ("v0.3", "/v0.3/traces", None),
    ("v0.4", "/v0.4/traces", None),
    ("v0.5", "/v0.5/traces", None),
    ("v0.7", "/v0.7/traces", None),
    ("v1.0", "/v1.0/traces", None),
    ("v0.6-stats", "/v0.6/stats", None),
    ("otlp-proto", "/v1/traces", Some("application/x-protobuf")),
    ("otlp-json", "/v1/traces", Some("application/json")),
    ("otlp-grpc", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", Some("application/grpc")),
];

/// The request target and Content-Type that a file name of the form `*.<protocol>.bin` or `.json` stands for;
/// `.gz` and `.zst` may follow.
pub fn endpoint(name: &Path) -> Option<(&'static str, Option<&'static str>)> {
    let name = name.file_name()?.to_str()?;
    let name = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let name = [".bin", ".json"].iter().find_map(|end| name.strip_suffix(end))?;
    ENDPOINTS
        .iter()
        .find(|(protocol, ..)| name.strip_suffix(protocol).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
        .map(|(_, path, content_type)| (*path, *content_type))
}

/// Inputs up to this size are read whole; of a larger one, the window on its beginning has a quarter of it.
const SMALL: u64 = 16 << 20;

/// An input without a container: one body, or v0.4 bodies one after the other.
pub(crate) struct Raw<R> {
    input: R,
    name: PathBuf,
    limit: u64,
    /// Protocol of the document that the input is.
    pub(super) document: Option<&'static str>,
    /// Size of the input, once it was asked for.
    size: Option<u64>,
    /// Where the next body begins, and where the input stands.
    next: u64,
    at: u64,
    /// What was read of the next body.
    carry: Vec<u8>,
    /// Bytes of the last body.
    last: usize,
    /// Offset and length of every body so far.
    bodies: Vec<(u64, u64)>,
    ended: bool,
    pub(super) skipped: u64,
    pub(super) error: Option<io::Error>,
}

impl<R: BufRead + Seek> Raw<R> {
    pub(super) fn new(input: R, name: &Path, limits: &CaptureLimits) -> Self {
        Raw {
            input,
            name: name.to_owned(),
            limit: limits.bare_body,
            document: None,
            size: None,
            next: 0,
            at: u64::MAX,
            carry: Vec::new(),
            last: 0,
            bodies: Vec::new(),
            ended: false,
            skipped: 0,
            error: None,
        }
    }

    /// The first time, reads everything as one body into `record`; `Ok(false)` after that.
    pub(super) fn read(&mut self, record: &mut CaptureRecord) -> Result<bool, Failure> {
        if !self.window(record)? {
            return Ok(false);
        }
        while self.beyond(record) > 0 {
            self.widen(record)?;
        }
        self.keep(record, None);
        Ok(true)
    }

    /// Reads the beginning of what is left into `record`; `Ok(false)` at the end. [`Raw::keep`] must follow.
    pub(crate) fn window(&mut self, record: &mut CaptureRecord) -> Result<bool, Failure> {
        let size = self.size()?;
        if self.ended || (self.next >= size && !self.bodies.is_empty()) {
            return Ok(false);
        }
        let mut body = std::mem::take(&mut record.request.body);
        *record = self.head(self.bodies.len());
        // What an earlier body left there is written over, which costs less than zeros and then bytes.
        let carried = self.carry.len();
        body.resize(body.len().max(carried), 0);
        body[..carried].copy_from_slice(&self.carry);
        self.carry.clear();
        record.request.body = body;
        let wanted = match self.last {
            0 if size <= SMALL => size,
            0 => SMALL / 4,
            last => (last as u64 + last as u64 / 16).next_multiple_of(64 << 10),
        };
        self.fill(record, carried, wanted)?;
        Ok(true)
    }

    /// Bytes of the input behind the window.
    pub(crate) fn beyond(&self, record: &CaptureRecord) -> u64 {
        self.size.unwrap_or(0).saturating_sub(self.next + record.request.body.len() as u64)
    }

    /// Reads on into a window that does not hold its body.
    pub(crate) fn widen(&mut self, record: &mut CaptureRecord) -> Result<(), Failure> {
        // The first body may be the only one; later ones are like those before them.
        let factor = if self.bodies.is_empty() { 16 } else { 2 };
        let filled = record.request.body.len();
        self.fill(record, filled, (filled as u64).saturating_mul(factor).max(SMALL / 4))
    }

    /// Makes the first `len` bytes of the window the body; all of it, and the last one, without `len`.
    pub(crate) fn keep(&mut self, record: &mut CaptureRecord, len: Option<usize>) {
        let body = &mut record.request.body;
        match len {
            Some(len) => {
                self.carry.extend_from_slice(body.get(len..).unwrap_or_default());
                body.truncate(len);
            }
            None => self.ended = true,
        }
        self.last = body.len();
        self.bodies.push((self.next, body.len() as u64));
        self.next += body.len() as u64;
    }

    /// The number of the body that was kept last.
    pub(crate) fn last_index(&self) -> usize {
        self.bodies.len().saturating_sub(1)
    }

    pub(super) fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> Result<Option<()>, Failure> {
        let Some((from, len)) = self.bodies.get(index).copied() else { return Ok(None) };
        let mut body = std::mem::take(&mut record.request.body);
        body.clear();
        *record = self.head(index);
        self.at = u64::MAX;
        self.input.seek(SeekFrom::Start(from)).map_err(Failure::Io)?;
        self.input.by_ref().take(len).read_to_end(&mut body).map_err(Failure::Io)?;
        record.request.body = body;
        Ok(Some(()))
    }

    /// Takes what ended the reading.
    pub(crate) fn fail(&mut self, failure: Failure, out: &mut Diagnostics) {
        match failure {
            Failure::Finding(finding) => out.report(finding),
            Failure::Io(error) => self.error = Some(error),
        }
    }

    fn size(&mut self) -> Result<u64, Failure> {
        if let Some(size) = self.size {
            return Ok(size);
        }
        let size = self.input.seek(SeekFrom::End(0)).map_err(Failure::Io)?;
        self.at = size;
        self.size = Some(size);
        Ok(size)
    }

    /// Reads on behind the first `filled` bytes until the window has `wanted`, or the rest.
    fn fill(&mut self, record: &mut CaptureRecord, mut filled: usize, wanted: u64) -> Result<(), Failure> {
        let body = &mut record.request.body;
        let left = self.size.unwrap_or(0).saturating_sub(self.next);
        if left > self.limit && filled as u64 >= self.limit {
            self.ended = true;
            self.skipped += 1;
            return Err(Failure::Finding(self.too_large(left)));
        }
        // Sizes are those of bytes on disk or in memory, not ones that the data declares.
        let wanted = usize::try_from(wanted.min(left).min(self.limit)).unwrap_or(usize::MAX);
        let from = self.next + filled as u64;
        if self.at != from {
            self.input.seek(SeekFrom::Start(from)).map_err(Failure::Io)?;
            self.at = from;
        }
        body.resize(wanted.max(filled), 0);
        while let Some(space @ [_, ..]) = body.get_mut(filled..) {
            match self.input.read(space) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    self.at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    self.skipped += 1;
                    return Err(Failure::Io(error));
                }
            }
        }
        if filled < wanted {
            // The file became shorter meanwhile.
            body.truncate(filled);
            self.size = Some(self.at);
        }
        Ok(())
    }

    #[cold]
    fn too_large(&self, size: u64) -> Diagnostic {
        let place = Place::Text { source: Source::File(self.name.clone()), range: 0..0, line: None };
        let message = format!("the body has {size} bytes, {} are allowed", self.limit);
        Diagnostic::new(TOO_LARGE, message).help(format!("--max-body {size} allows it")).at(place)
    }

    /// A record without its body.
    fn head(&self, index: usize) -> CaptureRecord {
        let mut request = Request::default();
        if let Some((path, content_type)) = endpoint(&self.name) {
            request.path = path.to_owned();
            if let Some(content_type) = content_type {
                request.headers.push("Content-Type", content_type);
            }
        }
        CaptureRecord { index, request, bare: true, document: self.document, ..CaptureRecord::default() }
    }
}

/// Why a body could not be read.
pub(crate) enum Failure {
    Finding(Diagnostic),
    Io(io::Error),
}

#[cfg(test)]
mod tests {
    use super::super::{OpenError, open, open_body};
    use super::*;
    use std::io::Cursor;

    #[test]
    fn names_tell_endpoints() {
        for (name, path) in [
            ("flame-abc-py.v0.4.bin", Some("/v0.4/traces")),
            ("dir.v0.3/hello.v0.5.bin.gz", Some("/v0.5/traces")),
            ("v1.0.bin.zst", Some("/v1.0/traces")),
            ("a.v0.7.json", Some("/v0.7/traces")),
            ("a.v0.3.bin", Some("/v0.3/traces")),
            ("a.v0.6-stats.bin", Some("/v0.6/stats")),
            ("a.otlp-proto.bin", Some("/v1/traces")),
            ("a.otlp-grpc.bin", Some("/opentelemetry.proto.collector.trace.v1.TraceService/Export")),
            ("a.v0.4.meta.json", None),
            ("rev0.4.bin", None),
            ("a.v0.4", None),
            ("a.v0.4.txt", None),
            ("-", None),
        ] {
            assert_eq!(endpoint(Path::new(name)).map(|(path, _)| path), path, "{name}");
        }
        assert_eq!(endpoint(Path::new("a.otlp-json.json")), Some(("/v1/traces", Some("application/json"))));
    }

    #[test]
    fn a_file_is_one_body() {
        let mut found = Diagnostics::default();
        let name = Path::new("a.otlp-proto.bin");
        let mut capture = open(Cursor::new(b"\x0a\x00"), name, CaptureLimits::default()).unwrap();
        assert_eq!(capture.format(), "request body");
        let record = capture.next_record(&mut found).expect("a body");
        assert_eq!((record.index, record.bare, record.request.method.as_str()), (0, true, ""));
        assert_eq!((record.request.path.as_str(), &record.request.body[..]), ("/v1/traces", &b"\x0a\x00"[..]));
        assert_eq!(record.request.headers.get("content-type"), Some("application/x-protobuf"));
        assert!(capture.next_record(&mut found).is_none() && found.is_empty());
        assert_eq!(capture.record(0).as_ref(), Ok(&record));
        assert_eq!(capture.record(1).unwrap_err().code().id(), "C005");
    }

    #[test]
    fn a_body_over_its_limit_is_skipped() {
        let mut found = Diagnostics::default();
        let limits = CaptureLimits { bare_body: 3, ..CaptureLimits::default() };
        let mut capture = open(Cursor::new(b"\x94\x90\x90\x90\x90"), Path::new("big.bin"), limits).unwrap();
        assert!(capture.next_record(&mut found).is_none());
        assert_eq!(capture.skipped(), 1);
        let finding = found.iter().next().expect("a finding");
        assert_eq!(finding.to_string(), "error[D015]: the body has 5 bytes, 3 are allowed (big.bin, byte 0)");
    }

    #[test]
    fn a_body_can_be_opened_whatever_it_looks_like() {
        let mut found = Diagnostics::default();
        let text = b"{\"a\":1}";
        assert!(matches!(
            open(Cursor::new(text), Path::new("-"), CaptureLimits::default()),
            Err(OpenError::NotACapture { .. })
        ));
        let mut capture = open_body(Cursor::new(text), Path::new("-"), CaptureLimits::default());
        assert_eq!(capture.next_record(&mut found).map(|record| record.request.body), Some(text.to_vec()));
    }
}

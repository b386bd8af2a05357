//! A file that is one request body (captures.md section 3): `hello.v0.4.bin`, `hello.otlp-json.json.gz`.
//!
//! The body did not come in a request, so its record is [`CaptureRecord::bare`]. A name with a protocol in it gives
//! the path; otherwise the protocol is told from the body, above.

use super::{CaptureLimits, CaptureRecord};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::encoding::codes::TOO_LARGE;
use crate::http::{Headers, Request};
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

/// The one body of an input.
pub(super) struct Raw<R> {
    input: R,
    name: PathBuf,
    limit: u64,
    asked: bool,
    pub(super) skipped: u64,
    pub(super) error: Option<io::Error>,
}

impl<R: BufRead + Seek> Raw<R> {
    pub(super) fn new(input: R, name: &Path, limits: &CaptureLimits) -> Self {
        Raw { input, name: name.to_owned(), limit: limits.bare_body, asked: false, skipped: 0, error: None }
    }

    /// The first time, reads the body into `record`; `Ok(false)` after that.
    pub(super) fn read(&mut self, record: &mut CaptureRecord) -> Result<bool, Failure> {
        if self.asked {
            return Ok(false);
        }
        self.asked = true;
        self.read_again(record).inspect_err(|_| self.skipped = 1)?;
        Ok(true)
    }

    pub(super) fn read_again(&mut self, record: &mut CaptureRecord) -> Result<(), Failure> {
        let size = self.input.seek(SeekFrom::End(0)).map_err(Failure::Io)?;
        if size > self.limit {
            let place = Place::Text { source: Source::File(self.name.clone()), range: 0..0, line: None };
            let message = format!("the body has {size} bytes, {} are allowed", self.limit);
            let finding = Diagnostic::new(TOO_LARGE, message).help(format!("--max-body {size} allows it"));
            return Err(Failure::Finding(finding.at(place)));
        }
        let mut request = Request { body: std::mem::take(&mut record.request.body), ..Request::default() };
        request.body.clear();
        // The size is that of bytes on disk or in memory, not one that the data declares.
        request.body.reserve_exact(usize::try_from(size).unwrap_or(0));
        self.input.seek(SeekFrom::Start(0)).map_err(Failure::Io)?;
        self.input.by_ref().take(self.limit).read_to_end(&mut request.body).map_err(Failure::Io)?;
        if let Some((path, content_type)) = endpoint(&self.name) {
            request.path = path.to_owned();
            let mut headers = Headers::default();
            if let Some(content_type) = content_type {
                headers.push("Content-Type", content_type);
            }
            request.headers = headers;
        }
        *record = CaptureRecord { request, bare: true, ..CaptureRecord::default() };
        Ok(())
    }
}

/// Why a body could not be read.
pub(super) enum Failure {
    Finding(Diagnostic),
    Io(io::Error),
}

#[cfg(test)]
mod tests {
    use super::super::{OpenError, open, open_body};
    use super::*;
    use crate::diagnostic::Diagnostics;
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

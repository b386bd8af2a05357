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
            return Err(Failure::Finding(Diagnostic::new(TOO_LARGE, message).at(place)));
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

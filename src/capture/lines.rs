//! The lines of our own capture as a stream (captures.md section 2, "Rules for the reader"): framing, limits, damage.
//!
//! One line is in memory at a time. A line that cannot be read costs that line: the next newline is where reading
//! goes on. What a kill leaves behind, a last line without an end, is no fault of the capture:
//!
//! ```text
//! {"type":"request", ... "body":"kA=="}      read
//! {"type":"request", ... "body":"k            C001, counted neither as read nor as skipped
//! ```

use super::codes::{BAD_RECORD, BODY_MISSING, CHECKSUM, NEWER_VERSION, TORN_TAIL};
use super::jsonl::{self, Kind};
use super::{CaptureLimits, CaptureRecord};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Severity, Source};
use serde::de::IgnoredAny;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Reads records one by one and remembers where each request was.
pub(super) struct Lines<R> {
    input: R,
    limits: CaptureLimits,
    at: Position,
    /// The current line, with its newline if it has one, and how much of it was read.
    line: Vec<u8>,
    used: usize,
    /// A line that is read again.
    again: Vec<u8>,
    /// `input` is not where the next line begins.
    moved: bool,
    /// The current section has a version that we do not know.
    refused: bool,
    requests: Vec<u64>,
    pub(super) skipped: u64,
    pub(super) responses: u64,
    pub(super) others: u64,
    pub(super) error: Option<io::Error>,
}

/// Where the current line is.
struct Position {
    file: PathBuf,
    /// Offset of its first byte, and of the first byte of the next one.
    start: u64,
    next: u64,
    /// From 1; 0 before the first line.
    number: u64,
}

impl Position {
    fn place(&self, newline: bool) -> Place {
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let range = offset(self.start)..offset(self.next - u64::from(newline));
        Place::Text { source: Source::File(self.file.clone()), range, line: Some(self.number) }
    }
}

/// The longest line that is stored: a body of the limit in base64, and 1 MiB for the rest.
pub(super) fn line_limit(limits: &CaptureLimits) -> u64 {
    (limits.body / 3).saturating_mul(4).saturating_add((1 << 20) + 4)
}

impl<R: BufRead + Seek> Lines<R> {
    pub(super) fn new(input: R, file: &Path, limits: CaptureLimits) -> Self {
        Lines {
            input,
            limits,
            at: Position { file: file.to_owned(), start: 0, next: 0, number: 0 },
            line: Vec::new(),
            used: 0,
            again: Vec::new(),
            moved: true,
            refused: false,
            requests: Vec::new(),
            skipped: 0,
            responses: 0,
            others: 0,
            error: None,
        }
    }

    /// C004 when the first line opens a capture of a version that we do not know.
    pub(super) fn refusal(&mut self) -> io::Result<Option<Diagnostic>> {
        let mut out = Diagnostics::default();
        while self.next_line(&mut out)? {
            let text = blanks_skipped(&self.line);
            if let Ok((line, _)) = jsonl::parse(text)
                && line.kind() == Kind::Capture
                && let Some(version) = line.unknown_version()
                && !self.limits.force
            {
                return Ok(Some(newer(version).at(self.at.place(self.line.ends_with(b"\n")))));
            }
            if !text.is_empty() {
                break;
            }
        }
        self.line.clear();
        self.at = Position { file: std::mem::take(&mut self.at.file), start: 0, next: 0, number: 0 };
        self.moved = true;
        Ok(None)
    }

    /// Reads the next request into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        loop {
            let rest = blanks_skipped(&self.line[self.used..]);
            self.used = self.line.len() - rest.len();
            if rest.is_empty() {
                match self.next_line(out) {
                    Ok(true) => continue,
                    Ok(false) => return false,
                    Err(error) => {
                        // Decompression tells what is wrong with the file by a finding.
                        match error.downcast::<Diagnostic>() {
                            Ok(finding) => out.report(finding),
                            Err(error) => self.error = Some(error),
                        }
                        return false;
                    }
                }
            }
            let (from, newline) = (self.at.start + self.used as u64, self.line.ends_with(b"\n"));
            let (line, used) = match jsonl::parse(rest) {
                Ok(parsed) => parsed,
                Err(error) => {
                    let whole = serde_json::from_slice::<IgnoredAny>(rest).is_ok();
                    if newline || whole {
                        self.skipped += 1;
                        let message = format!("line {} is no record: {error}", self.at.number);
                        out.report(Diagnostic::new(BAD_RECORD, message).at(self.at.place(newline)));
                    } else {
                        let message = format!("the capture ends inside a record of {} bytes so far", rest.len());
                        out.report(Diagnostic::new(TORN_TAIL, message).at(self.at.place(newline)));
                    }
                    self.used = self.line.len();
                    continue;
                }
            };
            self.used += used;
            match line.kind() {
                Kind::Request if self.refused => self.skipped += 1,
                Kind::Request => match line.into_request(self.limits.body, record) {
                    Ok(untrue) => {
                        if let Some(message) = untrue {
                            out.report(Diagnostic::new(CHECKSUM, message).at(self.at.place(newline)));
                        }
                        if record.aborted {
                            let message = format!(
                                "the client closed early; {} bytes of the body came",
                                record.request.body.len()
                            );
                            out.report(Diagnostic::new(BODY_MISSING, message).at(self.at.place(newline)));
                        }
                        record.index = self.requests.len();
                        self.requests.push(from);
                        return true;
                    }
                    Err(finding) => {
                        self.skipped += 1;
                        out.report(finding.at(self.at.place(newline)));
                    }
                },
                Kind::Response => self.responses += 1,
                Kind::Capture => {
                    self.refused = false;
                    if let Some(version) = line.unknown_version() {
                        self.refused = !self.limits.force;
                        let severity = if self.limits.force { Severity::Warning } else { Severity::Error };
                        out.report(newer(version).severity_is(severity).at(self.at.place(newline)));
                    }
                }
                Kind::End => {}
                Kind::Other => self.others += 1,
            }
        }
    }

    /// Reads request `index` again; `None` when there is none or it is no longer there.
    pub(super) fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> io::Result<Option<()>> {
        let Some(from) = self.requests.get(index) else { return Ok(None) };
        self.moved = true;
        self.input.seek(SeekFrom::Start(*from))?;
        self.again.clear();
        self.input.by_ref().take(line_limit(&self.limits) + 1).read_until(b'\n', &mut self.again)?;
        let request = jsonl::parse(&self.again).ok().map(|(line, _)| line.into_request(self.limits.body, record));
        record.index = index;
        Ok(request.and_then(Result::ok).map(|_| ()))
    }

    /// Reads the next line that is not too long; false at the end.
    fn next_line(&mut self, out: &mut Diagnostics) -> io::Result<bool> {
        let limit = line_limit(&self.limits);
        loop {
            self.line.clear();
            self.used = 0;
            if self.moved {
                self.input.seek(SeekFrom::Start(self.at.next))?;
                self.moved = false;
            }
            self.at.start = self.at.next;
            let count = self.input.by_ref().take(limit + 1).read_until(b'\n', &mut self.line)? as u64;
            if count == 0 {
                return Ok(false);
            }
            self.at.next += count;
            self.at.number += 1;
            if count <= limit || self.line.ends_with(b"\n") {
                return Ok(true);
            }
            let (rest, newline) = self.skip_line()?;
            self.at.next += rest;
            if self.line.starts_with(b"{\"type\":\"response\"") {
                self.responses += 1;
            } else {
                self.skipped += 1;
            }
            let message = format!("line {} has {} bytes, {limit} are allowed", self.at.number, count + rest);
            out.report(Diagnostic::new(BODY_MISSING, message).at(self.at.place(newline)).help("--max-body SIZE"));
        }
    }

    /// Passes over the rest of a line: how many bytes, and whether a newline ended it.
    fn skip_line(&mut self) -> io::Result<(u64, bool)> {
        let mut count = 0;
        loop {
            self.line.truncate(32);
            let step = self.input.by_ref().take(64 << 10).read_until(b'\n', &mut self.line)?;
            count += step as u64;
            if step == 0 || self.line.ends_with(b"\n") {
                return Ok((count, step > 0));
            }
        }
    }
}

fn newer(version: &str) -> Diagnostic {
    let message = format!("the capture has version {version}, this program knows {}", jsonl::VERSION);
    Diagnostic::new(NEWER_VERSION, message).help("--force reads it all the same")
}

/// Without the blanks and byte order marks that it begins with.
fn blanks_skipped(mut text: &[u8]) -> &[u8] {
    loop {
        match text {
            [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] | [0xef, 0xbb, 0xbf, rest @ ..] => text = rest,
            _ => return text,
        }
    }
}

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
    /// The input has failed: there is no more.
    failed: bool,
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
            failed: false,
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
        let file = std::mem::take(&mut self.at.file);
        self.at = Position { file, start: 0, next: 0, number: 0 };
        self.line.clear();
        self.moved = true;
        (self.skipped, self.responses) = (0, 0);
        Ok(None)
    }

    /// Reads the next request into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        while !self.failed {
            let rest = blanks_skipped(&self.line[self.used..]);
            self.used = self.line.len() - rest.len();
            if rest.is_empty() {
                match self.next_line(out) {
                    Ok(true) => continue,
                    Ok(false) => return false,
                    Err(error) => {
                        self.line.clear();
                        self.failed = true;
                        // Decompression tells what is wrong with the file by a finding.
                        match error.downcast::<Diagnostic>() {
                            Ok(finding) => out.report(finding),
                            Err(error) => self.error = Some(error),
                        }
                        break;
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
                        let message = format!("line {} is no record: {}", self.at.number, jsonl::reason(&error));
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
        false
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

#[cfg(test)]
mod tests {
    use super::super::{Capture, OpenError, open};
    use super::*;
    use crate::encoding::{self, unwrap_layers};
    use flate2::{Compression, write::GzEncoder};
    use std::io::{Cursor, Write};

    const HEAD: &str = "{\"type\":\"capture\",\"v\":1}\n";

    fn line(path: &str, body: &str) -> String {
        format!("{{\"type\":\"request\",\"method\":\"POST\",\"path\":\"{path}\",\"body_text\":\"{body}\"}}\n")
    }

    fn opened(text: impl AsRef<[u8]>, limits: CaptureLimits) -> Capture<Cursor<Vec<u8>>> {
        open(Cursor::new(text.as_ref().to_vec()), Path::new("c.jsonl"), limits).unwrap()
    }

    /// Paths of the requests, findings, and how many were skipped.
    fn read_with(text: impl AsRef<[u8]>, limits: CaptureLimits) -> (Vec<String>, Vec<String>, u64) {
        let mut capture = opened(text, limits);
        let mut found = Diagnostics::default();
        let mut paths = Vec::new();
        while let Some(record) = capture.next_record(&mut found) {
            assert_eq!(record.index, paths.len());
            assert_eq!(capture.record(record.index).as_ref(), Ok(&record), "read again");
            paths.push(record.request.path);
        }
        assert!(capture.error().is_none() && capture.next_record(&mut found).is_none());
        (paths, found.iter().map(Diagnostic::to_string).collect(), capture.skipped())
    }

    fn read(text: impl AsRef<[u8]>) -> (Vec<String>, Vec<String>, u64) {
        read_with(text, CaptureLimits::default())
    }

    #[test]
    fn blanks_marks_and_line_ends_do_not_matter() {
        let (a, b, c) = (line("/a", ""), line("/b", ""), line("/c", ""));
        let text = format!("\u{feff}{HEAD}\r\n\n  \t{}\r\n \n\u{feff}{b}{}", a.trim_end(), c.trim_end());
        assert_eq!(read(text), (vec!["/a".into(), "/b".into(), "/c".into()], vec![], 0));
    }

    #[test]
    fn damage_costs_a_line_and_is_placed() {
        let bad = "{\"type\":\"request\",\"path\":\"/lost\",\"body\":\"AA{\"type\":\"request\"}\n";
        let text = [HEAD, &line("/a", ""), bad, &line("/b", ""), "[]\nnull\n", &line("/c", "")].concat();
        let (paths, found, skipped) = read(&text);
        assert_eq!(paths, ["/a", "/b", "/c"]);
        assert_eq!(
            found,
            [
                "warning[C002]: line 3 is no record: expected `,` or `}` at column 46 (c.jsonl, line 3)",
                "warning[C002]: line 5 is no record: not a JSON object (c.jsonl, line 5)",
                "warning[C002]: line 6 is no record: not a JSON object (c.jsonl, line 6)",
            ]
        );
        assert_eq!(skipped, 3);
        let mut found = Diagnostics::default();
        let mut capture = opened(&text, CaptureLimits::default());
        while capture.next_record(&mut found).is_some() {}
        let start = HEAD.len() + line("/a", "").len();
        let place =
            Place::Text { source: Source::File("c.jsonl".into()), range: start..start + bad.len() - 1, line: Some(3) };
        assert_eq!(found.iter().next().and_then(Diagnostic::place), Some(&place));
    }

    #[test]
    fn records_that_cannot_be_used_are_skipped_and_others_counted() {
        let text = [
            HEAD,
            "{\"type\":\"request\",\"method\":\"POST\",\"path\":\"/x\",\"body\":\"!\"}\n",
            "{\"type\":\"request\",\"method\":\"POST\",\"path\":\"/x\"}\n",
            "{\"type\":\"response\",\"seq\":1}\n",
            "{\"type\":\"note\",\"text\":\"x\"}\n",
            "{\"method\":\"POST\",\"path\":\"/x\"}\n",
            "{\"body_text\":\"\",\"method\":\"POST\",\"path\":\"/made-by-hand\"}\n",
            "{\"type\":\"end\",\"requests\":3}\n",
        ]
        .concat();
        let mut capture = opened(&text, CaptureLimits::default());
        let mut found = Diagnostics::default();
        let record = capture.next_record(&mut found).expect("one request");
        assert_eq!((record.request.path.as_str(), record.bare), ("/made-by-hand", false));
        assert!(capture.next_record(&mut found).is_none());
        assert_eq!((capture.skipped(), capture.responses(), capture.others()), (2, 1, 2));
        let codes: Vec<_> = found.iter().map(|finding| finding.code().id()).collect();
        assert_eq!(codes, ["C002", "C005"]);
        assert_eq!(capture.format(), "spanglass capture (JSON lines)");
    }

    #[test]
    fn a_wrong_checksum_and_an_early_close_keep_the_body() {
        let text = "{\"type\":\"request\",\"aborted\":true,\"body_len\":5,\"body\":\"kA==\"}";
        let mut found = Diagnostics::default();
        let record = opened(text, CaptureLimits::default()).next_record(&mut found).expect("the request");
        assert!(record.aborted && record.request.body == [0x90]);
        assert_eq!(
            found.iter().map(Diagnostic::to_string).collect::<Vec<_>>(),
            [
                "warning[C003]: body_len is 5, the body has 1 bytes (c.jsonl, line 1)",
                "warning[C005]: the client closed early; 1 bytes of the body came (c.jsonl, line 1)",
            ]
        );
    }

    #[test]
    fn a_capture_torn_anywhere_gives_every_complete_record() {
        let mut text = HEAD.to_owned();
        let mut ends = Vec::new();
        for path in ["/a", "/é", "/c"] {
            text.push_str(&line(path, "x{\\\"y\\\":1}"));
            ends.push(text.len() - 1);
        }
        text.push_str("{\"type\":\"end\",\"requests\":3}\n");
        for cut in 1..=text.len() {
            let (paths, found, skipped) = read(&text.as_bytes()[..cut]);
            let complete = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!((paths.len(), skipped), (complete, 0), "cut at {cut}");
            let clean = [b'\n', b'}'].contains(&text.as_bytes()[cut - 1])
                && serde_json::from_str::<IgnoredAny>(text[..cut].lines().last().unwrap_or_default()).is_ok();
            assert_eq!(found.len(), usize::from(!clean), "cut at {cut}: {found:?}");
            assert!(found.iter().all(|finding| finding.starts_with("warning[C001]")), "{found:?}");
        }
    }

    #[test]
    fn a_last_line_that_is_whole_but_wrong_is_not_torn() {
        let (paths, found, skipped) = read(format!("{HEAD}{{\"type\":5}}"));
        assert!(paths.is_empty() && skipped == 1 && found[0].starts_with("warning[C002]"), "{found:?}");
    }

    #[test]
    fn captures_joined_are_a_capture() {
        let one = [HEAD, &line("/a", ""), "{\"type\":\"end\",\"requests\":1}"].concat();
        let three = ["/a".to_owned(), "/a".into(), "/a".into()];
        // Joined with and without a newline between: both records of such a line are used.
        assert_eq!(read([one.as_str(), "\n", &one, "\n", &one].concat()), (three.to_vec(), vec![], 0));
        assert_eq!(read(one.repeat(3)), (three.to_vec(), vec![], 0));
        // A torn one takes along what another writer put behind it on the line.
        let (paths, found, skipped) = read([&one[..HEAD.len() + 60], &one, "\n", &one].concat());
        assert_eq!((paths.len(), skipped), (2, 1));
        assert!(found[0].starts_with("warning[C002]: line 2 is no record"), "{found:?}");
    }

    #[test]
    fn gzip_members_torn_in_the_last_lose_the_last() {
        let member = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let members = [member(HEAD), member(&line("/a", "")), member(&line("/b", "")), member(&line("/c", ""))];
        let whole: usize = members[..3].iter().map(Vec::len).sum();
        let file = members.concat();
        for cut in whole + 1..file.len() {
            let (_, mut reader) = unwrap_layers(&file[..cut], encoding::Limits::default()).unwrap();
            let mut text = Vec::new();
            let error = reader.read_to_end(&mut text).unwrap_err();
            assert_eq!(error.downcast::<Diagnostic>().unwrap().code().id(), "D013");
            let (paths, found, skipped) = read(&text);
            assert!(paths.len() >= 2 && paths[..2] == ["/a", "/b"] && skipped == 0, "cut at {cut}");
            assert!(found.iter().all(|finding| finding.starts_with("warning[C001]")), "{found:?}");
        }
    }

    #[test]
    fn lines_over_the_limit_are_passed_over() {
        let limits = CaptureLimits { body: 10, ..CaptureLimits::default() };
        let limit = line_limit(&limits) as usize;
        let long = |kind: &str, size: usize| format!("{{\"type\":\"{kind}\",\"x\":\"{}\"}}", "y".repeat(size));
        let text = [
            HEAD,
            &line("/a", ""),
            &long("request", limit),
            "\n",
            &long("response", limit),
            "\n",
            &line("/large", "12345678901"),
            &line("/b", "1234567890"),
            &long("request", 3 * limit),
        ]
        .concat();
        let (paths, found, skipped) = read_with(&text, limits);
        assert_eq!((paths, skipped), (vec!["/a".to_owned(), "/b".into()], 3));
        let codes: Vec<_> = found.iter().map(|finding| &finding[..15]).collect();
        assert_eq!(codes, ["warning[C005]: ", "warning[C005]: ", "error[D015]: th", "warning[C005]: "]);
        assert!(found[0].ends_with("bytes, 1048592 are allowed (c.jsonl, line 3)"), "{}", found[0]);
    }

    #[test]
    fn a_newer_version_needs_force() {
        let new = "{\"v\":2,\"type\":\"capture\"}\n";
        let text = ["\n", new, &line("/a", "")].concat();
        match open(Cursor::new(&text), Path::new("c.jsonl"), CaptureLimits::default()) {
            Err(OpenError::Finding(finding)) => assert_eq!(
                finding.to_string(),
                "error[C004]: the capture has version 2, this program knows 1 (c.jsonl, line 2)"
            ),
            _ => panic!("opened"),
        }
        let (paths, found, skipped) = read_with(&text, CaptureLimits { force: true, ..CaptureLimits::default() });
        assert_eq!((paths, skipped, found.len()), (vec!["/a".to_owned()], 0, 1));
        assert!(found[0].starts_with("warning[C004]"));
        // Joined behind a known one: its requests are skipped, up to the next capture line.
        let joined = [HEAD, &line("/a", ""), new, &line("/b", ""), HEAD, &line("/c", "")].concat();
        let (paths, found, skipped) = read(joined);
        assert_eq!((paths, skipped, found.len()), (vec!["/a".to_owned(), "/c".into()], 1, 1));
        assert!(found[0].starts_with("error[C004]"));
    }

    #[test]
    fn records_are_read_again_between_others() {
        let text = [HEAD, &line("/a", "1"), &line("/b", "2"), &line("/c", "3")].concat();
        let mut capture = opened(&text, CaptureLimits::default());
        let mut found = Diagnostics::default();
        let mut record = CaptureRecord::default();
        assert!(capture.read(&mut record, &mut found) && capture.read(&mut record, &mut found));
        assert_eq!(record.request.path, "/b");
        assert_eq!(capture.record(0).map(|record| record.request.body), Ok(b"1".to_vec()));
        assert!(capture.record(2).is_err(), "not reached yet");
        assert!(capture.read(&mut record, &mut found));
        assert_eq!((record.request.path.as_str(), record.index), ("/c", 2));
        assert_eq!(capture.record(2).as_ref(), Ok(&record));
        assert!(!capture.read(&mut record, &mut found) && found.is_empty());
    }

    #[test]
    fn an_error_of_the_input_ends_the_reading_and_is_kept() {
        struct Failing(Cursor<Vec<u8>>);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 if self.0.position() > 0 => Err(io::Error::other("the disk is gone")),
                    count => Ok(count),
                }
            }
        }
        impl Seek for Failing {
            fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                self.0.seek(to)
            }
        }
        let text = [HEAD, &line("/a", &"x".repeat(5000)), "{\"type\":\"req"].concat();
        let input = io::BufReader::with_capacity(64, Failing(Cursor::new(text.into_bytes())));
        let mut capture = open(input, Path::new("-"), CaptureLimits::default()).unwrap();
        let mut found = Diagnostics::default();
        assert!(capture.next_record(&mut found).is_some());
        assert!(capture.next_record(&mut found).is_none() && capture.next_record(&mut found).is_none());
        assert_eq!(capture.error().map(|error| error.to_string()), Some("the disk is gone".to_owned()));
        assert!(found.is_empty());
    }
}

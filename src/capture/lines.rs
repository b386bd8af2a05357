//! The lines of our own capture as a stream (captures.md section 2, "Rules for the reader"): framing, limits, damage.
//!
//! A block of whole lines is in memory at a time, in most captures one long line. Lines are found here, where the input is;
//! what is in them can be parsed anywhere ([`Block::next`]), and is counted in order ([`Lines::count`]). A line that cannot be read costs that line: the next newline is where reading
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
use std::path::Path;
use std::sync::Arc;

/// Bytes that are read at once. A line that is read to its end leaves at most so much of the next ones behind it.
const READ: usize = 256 << 10;

/// Reads blocks of lines and remembers where each request was.
pub(crate) struct Lines<R> {
    input: R,
    file: Arc<Path>,
    limits: CaptureLimits,
    /// Where the next line begins: its offset, and its number less 1.
    next: u64,
    number: u64,
    /// What was read from there on.
    carry: Vec<u8>,
    /// `input` is not where `carry` ends.
    moved: bool,
    /// The input has failed: there is no more.
    failed: bool,
    /// The current section has a version that we do not know.
    refused: bool,
    requests: Vec<u64>,
    /// For reading one by one.
    block: Block,
    /// A line that is read again.
    again: Vec<u8>,
    pub(super) skipped: u64,
    pub(super) responses: u64,
    pub(super) others: u64,
    pub(super) error: Option<io::Error>,
}

/// Whole lines of a capture, to be parsed anywhere; [`Lines::count`] takes what they are, in order.
pub(crate) struct Block {
    file: Arc<Path>,
    limits: CaptureLimits,
    /// The lines, and memory behind them.
    text: Vec<u8>,
    /// Where each line ends, its newline included.
    ends: Vec<usize>,
    /// Where the text begins: its offset, and the number of its first line less 1.
    start: u64,
    number: u64,
    /// The line that was not stored because of its size, in place of lines.
    over: Option<Over>,
    /// How far it is parsed: lines, and bytes of the text.
    line: usize,
    used: usize,
    /// For the parts of a line.
    memory: Vec<u8>,
}

struct Over {
    size: u64,
    newline: bool,
    response: bool,
}

/// What was in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A request, and where its record begins.
    Request(u64),
    /// What cannot be used.
    Skipped,
    Response,
    /// The line that opens a capture; one of a version that must not be read.
    Section {
        refused: bool,
    },
    /// A record of a kind that we do not know.
    Other,
    /// The end, or what a killed writer left behind.
    Nothing,
}

/// The longest line that is stored: a body of the limit in base64, and 1 MiB for the rest.
pub(super) fn line_limit(limits: &CaptureLimits) -> u64 {
    (limits.body / 3).saturating_mul(4).saturating_add((1 << 20) + 4)
}

impl Default for Block {
    fn default() -> Self {
        Block::new(Path::new("").into(), CaptureLimits::default())
    }
}

impl Block {
    fn new(file: Arc<Path>, limits: CaptureLimits) -> Self {
        Block {
            file,
            limits,
            text: Vec::new(),
            ends: Vec::new(),
            start: 0,
            number: 0,
            over: None,
            line: 0,
            used: 0,
            memory: Vec::new(),
        }
    }

    /// Bytes of the lines.
    pub(crate) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// What comes next, a request into `record`; `None` at the end.
    pub(crate) fn next(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> Option<Event> {
        if let Some(over) = self.over.take() {
            return Some(self.too_long(&over, out));
        }
        loop {
            let end = *self.ends.get(self.line)?;
            let rest = blanks_skipped(self.text.get(self.used..end).unwrap_or_default());
            if rest.is_empty() {
                self.line += 1;
                self.used = end;
                continue;
            }
            self.used = end - rest.len();
            if rest.len() as u64 > line_limit(&self.limits) {
                let over = Over {
                    size: rest.len() as u64,
                    newline: rest.ends_with(b"\n"),
                    response: rest.starts_with(RESPONSE),
                };
                let event = self.too_long(&over, out);
                self.line += 1;
                self.used = end;
                return Some(event);
            }
            return Some(self.record(end, record, out));
        }
    }

    /// Parses the record at `used` in the line that ends at `end`.
    fn record(&mut self, end: usize, record: &mut CaptureRecord, out: &mut Diagnostics) -> Event {
        let rest = self.text.get(self.used..end).unwrap_or_default();
        let from = self.start + self.used as u64;
        let limit = self.limits.body;
        if let Some((before, body)) = jsonl::split_body(rest)
            && let Some(line) = jsonl::parse_before(before, &mut self.memory)
            && let Some(untrue) = line.into_request_with(body, limit, record)
        {
            self.used = end;
            return self.request(from, untrue, record, out);
        }
        let place = || self.place();
        let (line, used) = match jsonl::parse(rest) {
            Ok(parsed) => parsed,
            Err(error) => {
                let whole = rest.ends_with(b"\n") || serde_json::from_slice::<IgnoredAny>(rest).is_ok();
                let finding = if whole {
                    let message = format!("line {} is no record: {}", self.line_number(), jsonl::reason(&error));
                    Diagnostic::new(BAD_RECORD, message)
                } else {
                    let message = format!("the capture ends inside a record of {} bytes so far", rest.len());
                    Diagnostic::new(TORN_TAIL, message)
                };
                out.report(finding.at(place()));
                self.used = end;
                return if whole { Event::Skipped } else { Event::Nothing };
            }
        };
        let event = match line.kind() {
            Kind::Request => match line.into_request(limit, record) {
                Ok(untrue) => self.request(from, untrue, record, out),
                Err(finding) => {
                    out.report(finding.at(place()));
                    Event::Skipped
                }
            },
            Kind::Response => Event::Response,
            Kind::Capture => match line.unknown_version() {
                Some(version) => {
                    let severity = if self.limits.force { Severity::Warning } else { Severity::Error };
                    out.report(newer(version).severity_is(severity).at(place()));
                    Event::Section { refused: !self.limits.force }
                }
                None => Event::Section { refused: false },
            },
            Kind::End => Event::Nothing,
            Kind::Other => Event::Other,
        };
        self.used += used;
        event
    }

    fn request(&self, from: u64, untrue: Option<String>, record: &CaptureRecord, out: &mut Diagnostics) -> Event {
        if let Some(message) = untrue {
            out.report(Diagnostic::new(CHECKSUM, message).at(self.place()));
        }
        if record.aborted {
            let message = format!("the client closed early; {} bytes of the body came", record.request.body.len());
            out.report(Diagnostic::new(BODY_MISSING, message).at(self.place()));
        }
        Event::Request(from)
    }

    #[cold]
    fn too_long(&self, over: &Over, out: &mut Diagnostics) -> Event {
        let limit = line_limit(&self.limits);
        let message = format!("line {} has {} bytes, {limit} are allowed", self.line_number(), over.size);
        let start = self.start + self.used as u64;
        let place = self.place_of(start, start + over.size - u64::from(over.newline));
        out.report(Diagnostic::new(BODY_MISSING, message).at(place).help("--max-body SIZE"));
        if over.response { Event::Response } else { Event::Skipped }
    }

    /// Number of the current line, from 1.
    fn line_number(&self) -> u64 {
        self.number + self.line as u64 + 1
    }

    /// The current line.
    fn place(&self) -> Place {
        let before = self.line.checked_sub(1).and_then(|line| self.ends.get(line)).copied().unwrap_or(0);
        let end = self.ends.get(self.line).copied().unwrap_or(before);
        let text = self.text.get(before..end).unwrap_or_default();
        let newline = u64::from(text.ends_with(b"\n"));
        self.place_of(self.start + before as u64, self.start + end as u64 - newline)
    }

    fn place_of(&self, start: u64, end: u64) -> Place {
        let offset = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let range = offset(start)..offset(end);
        Place::Text { source: Source::File(self.file.to_path_buf()), range, line: Some(self.line_number()) }
    }
}

/// How the line of an answer begins.
const RESPONSE: &[u8] = b"{\"type\":\"response\"";

impl<R: BufRead + Seek> Lines<R> {
    /// The input, which was read to wherever.
    pub(crate) fn input(&mut self) -> &mut R {
        self.moved = true;
        &mut self.input
    }

    pub(super) fn new(input: R, file: &Path, limits: CaptureLimits) -> Self {
        let file: Arc<Path> = file.into();
        Lines {
            input,
            file: file.clone(),
            limits: limits.clone(),
            next: 0,
            number: 0,
            carry: Vec::new(),
            moved: true,
            failed: false,
            refused: false,
            requests: Vec::new(),
            block: Block::new(file, limits),
            again: Vec::new(),
            skipped: 0,
            responses: 0,
            others: 0,
            error: None,
        }
    }

    /// C004 when the first line opens a capture of a version that we do not know.
    pub(super) fn refusal(&mut self) -> io::Result<Option<Diagnostic>> {
        let mut block = std::mem::take(&mut self.block);
        let mut refusal = None;
        'blocks: while self.fill(&mut block)? {
            for line in 0..block.ends.len() {
                block.line = line;
                let start = line.checked_sub(1).and_then(|line| block.ends.get(line)).copied().unwrap_or(0);
                let text = blanks_skipped(block.text.get(start..block.ends[line]).unwrap_or_default());
                if text.is_empty() {
                    continue;
                }
                if let Ok((line, _)) = jsonl::parse(text)
                    && line.kind() == Kind::Capture
                    && let Some(version) = line.unknown_version()
                    && !self.limits.force
                {
                    refusal = Some(newer(version).at(block.place()));
                }
                break 'blocks;
            }
        }
        self.block = Block::new(self.file.clone(), self.limits.clone());
        self.carry.clear();
        (self.next, self.number, self.moved) = (0, 0, true);
        Ok(refusal)
    }

    /// Reads the next request into `record`; false at the end.
    pub(super) fn read(&mut self, record: &mut CaptureRecord, out: &mut Diagnostics) -> bool {
        let mut block = std::mem::take(&mut self.block);
        let found = loop {
            let mut findings = Diagnostics::default();
            match block.next(record, &mut findings) {
                Some(event) => {
                    if let Some(index) = self.count(event) {
                        out.append(findings);
                        record.index = index;
                        break true;
                    }
                    if !matches!(event, Event::Request(_)) {
                        out.append(findings);
                    }
                }
                None => match self.fill(&mut block) {
                    Ok(true) => {}
                    Ok(false) => break false,
                    Err(error) => {
                        self.fail(error, out);
                        break false;
                    }
                },
            }
        };
        self.block = block;
        found
    }

    /// Takes what a line of the next block is; for a request that may be used, returns its number.
    pub(crate) fn count(&mut self, event: Event) -> Option<usize> {
        match event {
            Event::Request(from) if !self.refused => {
                self.requests.push(from);
                return Some(self.requests.len() - 1);
            }
            Event::Request(_) | Event::Skipped => self.skipped += 1,
            Event::Response => self.responses += 1,
            Event::Section { refused } => self.refused = refused,
            Event::Other => self.others += 1,
            Event::Nothing => {}
        }
        None
    }

    /// Takes an error that ended the reading.
    pub(crate) fn fail(&mut self, error: io::Error, out: &mut Diagnostics) {
        self.failed = true;
        // Decompression tells what is wrong with the file by a finding.
        match error.downcast::<Diagnostic>() {
            Ok(finding) => out.report(finding),
            Err(error) => self.error = Some(error),
        }
    }

    /// Reads request `index` again; `None` when there is none or it is no longer there.
    pub(super) fn read_again(&mut self, index: usize, record: &mut CaptureRecord) -> io::Result<Option<()>> {
        let Some(from) = self.requests.get(index) else { return Ok(None) };
        self.moved = true;
        self.input.seek(SeekFrom::Start(*from))?;
        self.again.clear();
        self.input.by_ref().take(line_limit(&self.limits) + 1).read_until(b'\n', &mut self.again)?;
        let mut block = Block::new(self.file.clone(), self.limits.clone());
        block.ends.push(self.again.len());
        block.text = std::mem::take(&mut self.again);
        let event = block.next(record, &mut Diagnostics::default());
        self.again = block.text;
        record.index = index;
        Ok(matches!(event, Some(Event::Request(_))).then_some(()))
    }

    /// Reads the next lines, at least one, into the memory of an earlier block; false at the end.
    pub(crate) fn fill(&mut self, block: &mut Block) -> io::Result<bool> {
        (block.line, block.used, block.over) = (0, 0, None);
        block.ends.clear();
        if self.failed {
            return Ok(false);
        }
        if self.moved {
            self.input.seek(SeekFrom::Start(self.next + self.carry.len() as u64))?;
            self.moved = false;
        }
        if *block.file != *self.file {
            block.file = self.file.clone();
        }
        block.limits = self.limits.clone();
        (block.start, block.number) = (self.next, self.number);
        let limit = line_limit(&self.limits);
        let mut filled = self.carry.len();
        if block.text.len() < filled + READ {
            block.text.resize(filled + READ, 0);
        }
        block.text[..filled].copy_from_slice(&self.carry);
        self.carry.clear();
        while block.ends.is_empty() {
            if block.text.len() < filled + READ {
                block.text.resize((2 * filled).max(filled + READ), 0);
            }
            let read = loop {
                match self.input.read(&mut block.text[filled..filled + READ]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            if read == 0 {
                if filled > 0 {
                    block.ends.push(filled);
                }
                break;
            }
            let new = &block.text[filled..filled + read];
            block.ends.extend(memchr::memchr_iter(b'\n', new).map(|at| filled + at + 1));
            filled += read;
            if block.ends.is_empty() && filled as u64 > limit {
                let (rest, newline) = self.skip_line(block)?;
                let size = filled as u64 + rest;
                block.over = Some(Over { size, newline, response: block.text.starts_with(RESPONSE) });
                self.next += size;
                self.number += 1;
                return Ok(true);
            }
        }
        let end = block.len();
        self.carry.extend_from_slice(&block.text[end..filled]);
        self.next += end as u64;
        self.number += block.ends.len() as u64;
        Ok(end > 0)
    }

    /// Passes over the rest of a line: how many bytes, and whether a newline ended it.
    fn skip_line(&mut self, block: &mut Block) -> io::Result<(u64, bool)> {
        let mut count = 0;
        loop {
            // How the line begins is still to be looked at.
            let space = &mut block.text[RESPONSE.len()..RESPONSE.len() + READ];
            match self.input.read(space) {
                Ok(0) => return Ok((count, false)),
                Ok(read) => match memchr::memchr(b'\n', &space[..read]) {
                    Some(at) => {
                        self.carry.extend_from_slice(&space[at + 1..read]);
                        return Ok((count + at as u64 + 1, true));
                    }
                    None => count += read as u64,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
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

//! Paths, folders and `-` to readers. Compression around a file is undone here, into a temporary file when it is large:
//! captures are read again by position.

use anyhow::{Context, Result, anyhow};
use spanglass::capture::OpenError;
use spanglass::diagnostic::{Diagnostic, Diagnostics};
use spanglass::encoding::{self, Encoding};
use spanglass::intake;
use spanglass::time::Timestamp;
use spanglass::wire::codes::UNKNOWN_PROTOCOL;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Decompressed and piped input up to this size stays in memory.
const IN_MEMORY: usize = 32 << 20;

/// A reader that can go back.
pub(crate) trait Input: BufRead + Seek {}
impl<T: BufRead + Seek> Input for T {}

/// A file to read, or one of a folder.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// It was found in a folder: passed over when it is no capture.
    pub(crate) from_folder: bool,
}

/// The files that the arguments name; folders are searched to their end, in the order of their names.
pub(crate) fn candidates(arguments: &[PathBuf]) -> Result<Vec<Candidate>> {
    let mut all = Vec::new();
    for argument in arguments {
        if argument.as_os_str() == "-" {
            all.push(Candidate { path: argument.clone(), from_folder: false });
            continue;
        }
        let kind = fs::metadata(argument).map_err(|error| {
            anyhow!("cannot open {}: {error}\nhelp: check the path; - stands for standard input", argument.display())
        })?;
        if kind.is_dir() {
            search(argument, &mut all)?;
        } else {
            all.push(Candidate { path: argument.clone(), from_folder: false });
        }
    }
    Ok(all)
}

fn search(folder: &Path, all: &mut Vec<Candidate>) -> Result<()> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Links to folders are not followed: they may lead back.
            let kind = entry.file_type().with_context(|| format!("cannot look at {}", entry.path().display()))?;
            if kind.is_dir() {
                open.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    all.extend(files.into_iter().map(|path| Candidate { path, from_folder: true }));
    Ok(())
}

/// An opened input.
pub(crate) struct Opened {
    pub(crate) reader: Box<dyn Input>,
    /// The compressed data is cut short: the reader has what came before that.
    pub(crate) cut: Option<Diagnostic>,
}

/// Opens a file, or stdin for `-`, with the compression around it undone. Compressed data that breaks off or is corrupt is
/// read as far as it goes; `out` says so when it is corrupt.
pub(crate) fn open(path: &Path, limits: encoding::Limits, out: &mut Diagnostics) -> Result<Opened> {
    if path.as_os_str() == "-" {
        return spool(io::stdin().lock(), path, limits, out);
    }
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut first = [0; 4];
    let read = read_first(&mut file, &mut first).with_context(|| format!("cannot read {}", path.display()))?;
    if Encoding::sniff(&first[..read]).is_some() || !is_seekable(&mut file) {
        return spool(io::Cursor::new(first[..read].to_vec()).chain(file), path, limits, out);
    }
    Ok(Opened { reader: Box::new(BufReader::with_capacity(256 << 10, file)), cut: None })
}

fn read_first(file: &mut File, first: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < first.len() {
        match file.read(&mut first[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Back to the start; false for pipes and the like.
fn is_seekable(file: &mut File) -> bool {
    file.seek(SeekFrom::Start(0)).is_ok()
}

fn spool(input: impl Read, path: &Path, limits: encoding::Limits, out: &mut Diagnostics) -> Result<Opened> {
    let reading = || format!("cannot read {}", path.display());
    let (_, mut unwrapped) = encoding::unwrap_layers(input, limits).with_context(reading)?;
    let mut spooled = tempfile::SpooledTempFile::new(IN_MEMORY);
    let mut buffer = vec![0; 64 << 10];
    let mut cut = None;
    loop {
        match unwrapped.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => spooled.write_all(&buffer[..read]).context("cannot write to a temporary file")?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let ended = error.kind() == io::ErrorKind::UnexpectedEof;
                match error.downcast::<Diagnostic>().map(|finding| finding.at(intake::whole(path))) {
                    Ok(finding) if ended => cut = Some(finding),
                    Ok(finding) => out.report(finding),
                    Err(error) => return Err(anyhow!(error).context(reading())),
                }
                break;
            }
        }
    }
    spooled.seek(SeekFrom::Start(0)).context("cannot read a temporary file")?;
    Ok(Opened { reader: Box::new(BufReader::with_capacity(256 << 10, spooled)), cut })
}

/// Why a file cannot be read as a capture, with what to do about it.
pub(crate) fn explain_open(path: &Path, error: OpenError) -> anyhow::Error {
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    match error {
        OpenError::Empty => anyhow!(
            "{name}: the input is empty\nhelp: an empty file holds no request; was the recording stopped before one came?"
        ),
        OpenError::NotACapture { .. } => {
            let help =
                "give a capture (JSON lines) or a request body; --protocol v0.4 names the protocol of a bare body";
            let tried = "tried captures, msgpack and protobuf bodies, JSON documents, HAR, pcap and HTTP messages";
            let message = format!("{name}: {error}; {tried}");
            Diagnostic::new(UNKNOWN_PROTOCOL, message).help(help).at(intake::whole(path)).into()
        }
        OpenError::Finding(finding) => {
            let help = finding.help_text().unwrap_or("spanglass explain tells more about the code").to_owned();
            let message = format!("{name}: {}", finding.message());
            Diagnostic::new(finding.code(), message).help(help).at(intake::whole(path)).into()
        }
        OpenError::Io(_) => anyhow!(error).context(format!("cannot read {name}")),
    }
}

/// A time: RFC 3339, or nanoseconds since 1970.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp> {
    spanglass::render::time::parse_date(text)
        .ok_or_else(|| anyhow!("no time; write 2026-01-01T00:00:00Z or nanoseconds since 1970"))
}

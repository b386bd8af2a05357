//! The file of a recording. A record is one write to a file opened for append; what could not be written whole is taken back,
//! so that the file holds whole records and nothing else.

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use fs4::fs_std::FileExt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Memory for a line that is kept for the next one: that of a body of 24 MiB. Taking it anew for every line costs more than writing.
const KEPT: usize = 32 << 20;

/// A file that records are appended to.
#[derive(Debug)]
pub struct Store {
    file: File,
    path: PathBuf,
    gzip: bool,
    sync: bool,
    /// It has a length that can be taken back, and a name that can vanish.
    regular: bool,
    line: Vec<u8>,
}

impl Store {
    /// Opens `path`, which is made when it is missing, for one recorder alone. A name that ends in `.gz` gets one gzip member
    /// per record. With `sync` a record is on the disk, not only in the system's hands, before its request is answered.
    pub fn open(path: &Path, sync: bool) -> io::Result<Store> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let regular = file.metadata()?.is_file();
        if regular && !FileExt::try_lock_exclusive(&file)? {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another recorder is writing to it"));
        }
        let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let mut store = Store { file, path: path.to_owned(), gzip, sync, regular, line: Vec::new() };
        store.continue_after_last_record()?;
        Ok(store)
    }

    /// A file that ends inside a record: what follows begins on a line of its own.
    fn continue_after_last_record(&mut self) -> io::Result<()> {
        if !self.regular || self.file.metadata()?.len() == 0 {
            return Ok(());
        }
        if self.gzip {
            self.file.rewind()?;
            return match io::copy(&mut MultiGzDecoder::new(io::BufReader::new(&self.file)), &mut io::sink()) {
                Ok(_) => Ok(()),
                Err(error) => {
                    let message = format!(
                        "it ends inside a gzip member, and nothing can follow that ({error}); give another name"
                    );
                    Err(io::Error::new(io::ErrorKind::InvalidData, message))
                }
            };
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        if last == *b"\n" { Ok(()) } else { self.file.write_all(b"\n") }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length; 0 for what has none.
    pub fn length(&self) -> u64 {
        if self.regular { self.file.metadata().map_or(0, |metadata| metadata.len()) } else { 0 }
    }

    /// Appends what `write` makes: all of it, or nothing and the reason.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        self.line.clear();
        write(&mut self.line)?;
        if self.gzip {
            let mut member = GzEncoder::new(Vec::new(), Compression::default());
            member.write_all(&self.line)?;
            self.line = member.finish()?;
        }
        let written = self.append_line();
        self.line.shrink_to(KEPT);
        written
    }

    fn append_line(&mut self) -> io::Result<()> {
        let before = match self.regular {
            true => {
                let metadata = self.file.metadata()?;
                if was_removed(&metadata) {
                    return Err(io::Error::new(io::ErrorKind::NotFound, "it was removed while it was being written"));
                }
                Some(metadata.len())
            }
            false => None,
        };
        let written =
            self.file.write_all(&self.line).and_then(|()| if self.sync { self.file.sync_data() } else { Ok(()) });
        if let (Err(_), Some(before)) = (&written, before) {
            // Taking back needs no room. Should it fail all the same, the next record begins behind a torn one.
            let _ = self.file.set_len(before);
        }
        written
    }
}

#[cfg(unix)]
fn was_removed(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 0
}

#[cfg(not(unix))]
fn was_removed(_: &std::fs::Metadata) -> bool {
    // A file that is open cannot be removed.
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(store: &mut Store, text: &str) -> io::Result<()> {
        store.append(|line| line.write_all(text.as_bytes()))
    }

    #[test]
    fn records_follow_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for (before, after) in [("", "a\n"), ("{\"x\"", "{\"x\"\na\n"), ("{}\n", "{}\na\n")] {
            let path = folder.path().join("x.jsonl");
            std::fs::write(&path, before).unwrap();
            append(&mut Store::open(&path, true).unwrap(), "a\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn two_recorders_do_not_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let first = Store::open(&path, false).unwrap();
        assert!(Store::open(&path, false).unwrap_err().to_string().contains("another recorder"));
        drop(first);
        assert!(Store::open(&path, false).is_ok());
    }

    #[test]
    fn every_record_is_a_gzip_member() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl.gz");
        for text in ["a\n", "b\n"] {
            append(&mut Store::open(&path, false).unwrap(), text).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut text = String::new();
        MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a\nb\n");
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(Store::open(&path, false).unwrap_err().to_string().contains("gzip member"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_vanished_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("x.jsonl"), false).unwrap();
        append(&mut store, "a\n").unwrap();
        drop(folder);
        assert!(append(&mut store, "b\n").unwrap_err().to_string().contains("removed"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let mut store = Store::open(Path::new("/dev/full"), false).unwrap();
        assert_eq!(append(&mut store, "a\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

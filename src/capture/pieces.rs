//! Pieces of an input that can be found again by position: lines, frames behind a length, elements of a JSON array, HTTP
//! messages. One piece is in memory at a time.

use super::http1::{self, Chunks, Framing, Parsed};
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::ops::Range;

/// How an input falls into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// At newlines.
    Lines,
    /// A length as u32 big-endian, then that many bytes.
    Frames,
    /// The elements of the JSON array that begins at this key path: none for the document itself.
    Elements(&'static [&'static str]),
    /// HTTP/1.1 messages after each other.
    Messages,
}

/// What came next.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    /// Bytes of the input; they are in the buffer.
    Whole(Range<u64>),
    /// The input ends inside a piece that began here.
    Torn(u64),
    /// A piece longer than the limit, passed over: where, and how long.
    TooLong(Range<u64>),
    /// What is there is no piece, and where the next one begins cannot be told: byte and why.
    Broken(u64, String),
    End,
}

/// Walks an input piece by piece.
pub(super) struct Pieces<R> {
    input: R,
    cut: Cut,
    limit: u64,
    at: u64,
    /// `input` is not at `at`.
    moved: bool,
    /// The array was entered.
    inside: bool,
    done: bool,
    pub(super) buffer: Vec<u8>,
}

impl<R: BufRead + Seek> Pieces<R> {
    pub(super) fn new(input: R, cut: Cut, limit: u64) -> Self {
        Pieces { input, cut, limit, at: 0, moved: true, inside: false, done: false, buffer: Vec::new() }
    }

    /// Reads the next piece into the buffer.
    pub(super) fn next(&mut self) -> io::Result<Piece> {
        if self.done {
            return Ok(Piece::End);
        }
        if self.moved {
            self.input.seek(SeekFrom::Start(self.at))?;
            self.moved = false;
        }
        self.buffer.clear();
        let piece = match self.cut {
            Cut::Lines => self.line(),
            Cut::Frames => self.frame(),
            Cut::Elements(path) => self.element(path),
            Cut::Messages => self.message(),
        };
        if !matches!(piece, Ok(Piece::Whole(_) | Piece::TooLong(_))) {
            self.done = true;
        }
        piece
    }

    /// Reads a piece again.
    pub(super) fn again(&mut self, range: Range<u64>) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(range.start))?;
        self.moved = true;
        self.buffer.clear();
        self.input.by_ref().take(range.end - range.start).read_to_end(&mut self.buffer)?;
        Ok(())
    }

    /// The next line that is not blank, without its end.
    fn line(&mut self) -> io::Result<Piece> {
        loop {
            let start = self.at;
            self.buffer.clear();
            let read = self.input.by_ref().take(self.limit + 1).read_until(b'\n', &mut self.buffer)? as u64;
            self.at += read;
            if read == 0 {
                return Ok(Piece::End);
            }
            if read > self.limit && !self.buffer.ends_with(b"\n") {
                self.at += skip_line(&mut self.input)?;
                return Ok(Piece::TooLong(start..self.at));
            }
            let blank = |byte: &u8| b" \t\r\n\xef\xbb\xbf".contains(byte);
            if !self.buffer.iter().all(blank) {
                return Ok(Piece::Whole(start..self.at));
            }
        }
    }

    fn frame(&mut self) -> io::Result<Piece> {
        let start = self.at;
        let mut length = [0; 4];
        let read = read_up_to(&mut self.input, &mut length)?;
        self.at += read as u64;
        match read {
            0 => return Ok(Piece::End),
            4 => {}
            _ => return Ok(Piece::Torn(start)),
        }
        let length = u64::from(u32::from_be_bytes(length));
        if length > self.limit {
            let skipped = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
            self.at += skipped;
            return Ok(if skipped < length { Piece::Torn(start) } else { Piece::TooLong(start..self.at) });
        }
        self.input.by_ref().take(length).read_to_end(&mut self.buffer)?;
        self.at += self.buffer.len() as u64;
        Ok(if (self.buffer.len() as u64) < length { Piece::Torn(start) } else { Piece::Whole(start + 4..self.at) })
    }

    /// The next element of the array. It is only followed as far as strings and brackets; whoever reads it validates it.
    fn element(&mut self, path: &[&str]) -> io::Result<Piece> {
        if !self.inside {
            self.inside = true;
            if !self.enter(path)? {
                return Ok(Piece::End);
            }
        }
        let mut start = None;
        let (mut depth, mut in_string, mut escaped) = (0u64, false, false);
        let mut too_long = false;
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                // The array has no end: cut behind an element or inside one.
                return Ok(Piece::Torn(start.unwrap_or(self.at)));
            }
            let mut used = 0;
            let mut found = None;
            for byte in bytes {
                let at = self.at + used as u64;
                if start.is_none() {
                    match byte {
                        b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                            used += 1;
                            continue;
                        }
                        b']' => {
                            found = Some(None);
                            used += 1;
                            break;
                        }
                        _ => start = Some(at),
                    }
                }
                if depth == 0 && !in_string && matches!(byte, b',' | b']') {
                    found = Some(start);
                    break;
                }
                used += 1;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    b'{' | b'[' if !in_string => depth += 1,
                    b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            if let Some(start) = start {
                let from = usize::try_from(start.saturating_sub(self.at)).unwrap_or(0).min(used);
                if self.buffer.len() as u64 + (used - from) as u64 > self.limit {
                    too_long = true;
                    self.buffer.clear();
                }
                if !too_long {
                    self.buffer.extend_from_slice(&bytes[from..used]);
                }
            }
            self.input.consume(used);
            self.at += used as u64;
            match found {
                Some(Some(start)) if too_long => return Ok(Piece::TooLong(start..self.at)),
                Some(Some(start)) => {
                    while self.buffer.last().is_some_and(u8::is_ascii_whitespace) {
                        self.buffer.pop();
                    }
                    return Ok(Piece::Whole(start..start + self.buffer.len() as u64));
                }
                Some(None) => return Ok(Piece::End),
                None => {}
            }
        }
    }

    /// Goes behind the bracket that opens the array at `path`; false when there is none.
    fn enter(&mut self, path: &[&str]) -> io::Result<bool> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let (mut kinds, mut word) = (Vec::new(), Vec::new());
        let (mut in_string, mut escaped, mut key_next) = (false, false, false);
        loop {
            let bytes = self.input.fill_buf()?;
            let Some(byte) = bytes.first().copied() else { return Ok(false) };
            self.input.consume(1);
            self.at += 1;
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => {
                        in_string = false;
                        if key_next {
                            key_next = false;
                            if let Some(key) = keys.last_mut() {
                                *key = std::mem::take(&mut word);
                            }
                        }
                        continue;
                    }
                    _ => {}
                }
                if word.len() < 64 {
                    word.push(byte);
                }
                continue;
            }
            match byte {
                b'"' => {
                    in_string = true;
                    word.clear();
                }
                b'{' => {
                    kinds.push(b'{');
                    keys.push(Vec::new());
                    key_next = true;
                }
                b'[' => {
                    let here =
                        kinds.iter().all(|kind| *kind == b'{') && keys.iter().eq(path.iter().map(|s| s.as_bytes()));
                    if here {
                        return Ok(true);
                    }
                    kinds.push(b'[');
                    keys.push(Vec::new());
                    key_next = false;
                }
                b'}' | b']' => {
                    kinds.pop();
                    keys.pop();
                    key_next = false;
                    if kinds.is_empty() {
                        return Ok(false);
                    }
                }
                b',' => key_next = kinds.last() == Some(&b'{'),
                _ => {}
            }
        }
    }

    fn message(&mut self) -> io::Result<Piece> {
        // Blank lines between messages.
        loop {
            match self.input.fill_buf()?.first() {
                None => return Ok(Piece::End),
                Some(b'\r' | b'\n') => {
                    self.input.consume(1);
                    self.at += 1;
                }
                Some(_) => break,
            }
        }
        let start = self.at;
        let mut chunks = Chunks::default();
        let mut head: Option<(usize, Framing)> = None;
        loop {
            let len = match head {
                None => {
                    let parsed = match self.buffer.starts_with(b"HTTP/") {
                        true => http1::response_head(&self.buffer, "POST"),
                        false => http1::request_head(&self.buffer),
                    };
                    match parsed {
                        Parsed::Head(parsed) => {
                            head = Some((parsed.len, parsed.framing));
                            continue;
                        }
                        Parsed::Partial => None,
                        Parsed::Bad(problem) => return Ok(Piece::Broken(start, problem)),
                    }
                }
                Some((len, Framing::Length(length))) => {
                    usize::try_from(length).ok().map(|body| len.saturating_add(body))
                }
                Some((_, Framing::Close)) => None,
                Some((len, Framing::Chunked)) => match chunks.end(&self.buffer[len..]) {
                    Ok(Some(body)) => Some(len + body),
                    Ok(None) => None,
                    Err(problem) => return Ok(Piece::Broken(start, problem)),
                },
            };
            if len.unwrap_or(self.buffer.len()) as u64 > self.limit {
                return Ok(Piece::Broken(start, format!("a message of more than {} bytes", self.limit)));
            }
            if let Some(len) = len.filter(|len| *len <= self.buffer.len()) {
                self.buffer.truncate(len);
                self.at = start + len as u64;
                self.moved = true;
                return Ok(Piece::Whole(start..self.at));
            }
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                let closed = matches!(head, Some((_, Framing::Close)));
                self.at = start + self.buffer.len() as u64;
                return Ok(if closed { Piece::Whole(start..self.at) } else { Piece::Torn(start) });
            }
            let taken = bytes.len();
            self.buffer.extend_from_slice(bytes);
            self.input.consume(taken);
        }
    }
}

/// Reads until `buffer` is full or the input ends.
fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Passes over the rest of a line, its end included.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(skipped);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |at| at + 1);
        input.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    fn all(text: &[u8], cut: Cut, limit: u64) -> (Vec<String>, Piece) {
        let mut pieces = Pieces::new(BufReader::with_capacity(3, Cursor::new(text)), cut, limit);
        let mut found = Vec::new();
        loop {
            match pieces.next().unwrap() {
                Piece::Whole(range) => {
                    let first = pieces.buffer.clone();
                    pieces.again(range).unwrap();
                    assert_eq!(pieces.buffer, first);
                    found.push(String::from_utf8_lossy(&first).into_owned());
                }
                Piece::TooLong(range) => found.push(format!("{range:?}")),
                last => return (found, last),
            }
        }
    }

    #[test]
    fn elements_are_found_wherever_the_array_is() {
        let text = br#"{"a":[9],"log":{"x":"]","entries":[ {"b":"]}\"["} ,[1,[2]], 3,"s"],"y":1}}"#;
        let (found, last) = all(text, Cut::Elements(&["log", "entries"]), 100);
        assert_eq!(found, [r#"{"b":"]}\"["}"#, "[1,[2]]", "3", r#""s""#]);
        assert_eq!(last, Piece::End);
        assert_eq!(all(b"[ ]", Cut::Elements(&[]), 9), (vec![], Piece::End));
        assert_eq!(all(b"{}", Cut::Elements(&["log", "entries"]), 9), (vec![], Piece::End));
        assert_eq!(all(b"[1,{\"a", Cut::Elements(&[]), 9), (vec!["1".to_owned()], Piece::Torn(3)));
        assert_eq!(
            all(b"[1,\"12345678\",2]", Cut::Elements(&[]), 9),
            (vec!["1".into(), "3..13".into(), "2".into()], Piece::End)
        );
    }

    #[test]
    fn lines_and_frames() {
        let (found, last) = all(b"a\n\n  \r\nbb\nccccccccccc\nd", Cut::Lines, 9);
        assert_eq!((found, last), (vec!["a\n".into(), "bb\n".into(), "10..22".into(), "d".into()], Piece::End));
        let frames = b"\0\0\0\x02ab\0\0\0\x0a0123456789\0\0\0\x01c\0\0\0\x05de";
        let (found, last) = all(frames, Cut::Frames, 9);
        assert_eq!((found, last), (vec!["ab".into(), "6..20".into(), "c".into()], Piece::Torn(25)));
    }

    #[test]
    fn messages_follow_each_other() {
        let text = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxPUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n";
        let (found, last) = all(text, Cut::Messages, 1000);
        assert_eq!((found.len(), last), (3, Piece::End));
        assert!(found[2].ends_with("1\r\nc\r\n0\r\n\r\n"));
        let (found, last) = all(&text[..text.len() - 2], Cut::Messages, 1000);
        assert!(matches!((found.len(), last), (2, Piece::Torn(_))));
    }
}
